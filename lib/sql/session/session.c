/* Opening and closing sessions, what a session tells the layers below, cancellation. */
#include "sql/session/session.h"

#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#include "base/assert.h"
#include "base/version.h"
#include "env/env.h"
#include "sql/catalog/catalog.h"
#include "sql/catalog/sequence.h"
#include "sql/exec/write.h"
#include "sql/session/session_internal.h"
#include "sql/types/timezone.h"

/* ---- the server's part
 * --------------------------------------------------------------------------------------- */

/* Kinds of statements with statistics: about 2 KiB each, and their text. */
enum { STATEMENTS_MAX = 1000 };

status sql_server_new(struct env *env, struct catalog *c, struct txn_system *txns,
                      const struct sql_server_options *options, struct sql_server **out)
{
    struct sql_server *s = heap_must_alloc(env_heap(env), 1, sizeof *s);
    status             st;

    *s = (struct sql_server){.env = env,
                             .heap = env_heap(env),
                             .catalog = c,
                             .txns = txns,
                             .options = *options,
                             .process_id_next = 1,
                             .zones = time_zones_new(env_heap(env))};
    if (options->temp_dir != NULL)
        s->temp_dir = heap_strdup(s->heap, options->temp_dir);
    s->temp_is_encrypted = options->temp_is_encrypted;
    s->stats = statement_stats_new(s->heap, STATEMENTS_MAX);
    mem_account_init(&s->account, NULL, "node", options->sql_memory);
    list_init(&s->sessions);
    st = session_watch_start(s);
    if (st_ok(st))
        st = auto_analyze_start(s);
    if (!st_ok(st)) {
        sql_server_free(s);
        return st;
    }
    *out = s;
    return STATUS_OK;
}

void sql_server_free(struct sql_server *s)
{
    if (s == NULL)
        return;
    ASSERT(s->session_count == 0);
    auto_analyze_stop(s);
    session_watch_stop(s);
    statement_stats_free(s->stats);
    heap_free(s->temp_dir);
    time_zones_free(s->zones);
    heap_free(s);
}

void sql_server_drain(struct sql_server *s)
{
    s->draining = true;
}

static const char *copy_text(struct arena *a, const char *text)
{
    return text != NULL ? arena_strdup(a, text) : "";
}

struct session_info *sql_server_sessions(struct sql_server *s, struct arena *a, size_t *count)
{
    struct session_info *infos = ARENA_ARRAY(a, struct session_info, s->session_count);
    size_t               n = 0;

    LIST_FOR_EACH (it, &s->sessions) {
        const struct sql_session *x = CONTAINER_OF(it, struct sql_session, link);

        infos[n++] = (struct session_info){
            .process_id = x->process_id,
            .database_oid = x->context.database_oid,
            .user_oid = x->context.user_oid,
            .user = copy_text(a, x->user),
            .database = copy_text(a, x->database),
            .application_name = copy_text(a, settings_get(x->settings, SETTING_APPLICATION_NAME)),
            .client_address = copy_text(a, x->client_address),
            .state = x->running                   ? "active"
                     : x->block == BLOCK_EXPLICIT ? "idle in transaction"
                     : x->block == BLOCK_FAILED   ? "idle in transaction (aborted)"
                                                  : "idle",
            .query = copy_text(a, x->query_text),
            .backend_start_us = x->start_us,
            .transaction_start_us = x->txn != NULL ? x->context.txn_start_us : 0,
            .query_start_us = x->query_start_us,
            .state_change_us = x->state_change_us,
        };
    }
    *count = n;
    return infos;
}

struct statement_info *sql_server_statements(struct sql_server *s, struct arena *a,
                                             const struct statement_page *page, size_t *count,
                                             bool *more, uint64_t *evicted)
{
    *evicted = statement_stats_evicted(s->stats);
    return statement_stats_list(s->stats, a, page, count, more);
}

void sql_server_counters(const struct sql_server *s, struct sql_counters *out)
{
    *out = (struct sql_counters){.sessions = s->session_count,
                                 .statements = s->statements_total,
                                 .errors = s->errors_total,
                                 .rows = s->rows_total,
                                 .memory_bytes = s->account.used,
                                 .replays_attempted = s->replays_attempted,
                                 .replays_succeeded = s->replays_succeeded,
                                 .replays_diverged = s->replays_diverged};
}

/* ---- what the context offers the layers below
 * ------------------------------------------------------------------ */

static struct sql_session *session_of(struct sql_context *c)
{
    return c->session;
}

static int severity_rank(const char *word)
{
    static const char *const ranks[] = {"debug5", "debug4", "debug3", "debug2",  "debug1", "debug",
                                        "log",    "info",   "notice", "warning", "error"};

    for (int i = 0; i < (int)ARRAY_LEN(ranks); i++) {
        if (strcasecmp(ranks[i], word) == 0)
            return i;
    }
    return (int)ARRAY_LEN(ranks);
}

static void context_notice(struct sql_context *c, const char *severity, status st)
{
    struct sql_session *s = session_of(c);
    const char         *least = settings_get(s->settings, SETTING_CLIENT_MIN_MESSAGES);

    if (strcmp(severity, "INFO") != 0 && severity_rank(severity) < severity_rank(least)) {
        st_clear(st);
        return;
    }
    st_clear(
        s->sink->notice(s->sink, severity, st)); /* a broken connection shows at the next read */
}

static status context_setting_get(struct sql_context *c, slice name, struct arena *a,
                                  const char **out)
{
    struct sql_session *s = session_of(c);
    int                 id = setting_find(name);
    const char         *value = id >= 0 ? settings_get(s->settings, (enum setting_id)id)
                                        : settings_get_custom(s->settings, name);

    if (id >= 0)
        value = setting_with_unit(a, (enum setting_id)id, value);
    *out = arena_strdup(a, value);
    return STATUS_OK;
}

/* Split a list of identifiers, quoted or folded to lower case, in place. */
static size_t split_identifiers(char *text, const char **names, size_t max)
{
    size_t n = 0;

    for (char *at = text; *at != '\0' && n < max;) {
        char *to;

        while (*at == ' ' || *at == ',')
            at++;
        if (*at == '\0')
            break;
        if (*at == '"') {
            names[n++] = to = ++at;
            while (*at != '\0' && (*at != '"' || at[1] == '"')) {
                if (*at == '"')
                    at++;
                *to++ = *at++;
            }
            at += *at == '"';
        } else {
            names[n++] = to = at;
            while (*at != '\0' && *at != ',' && *at != ' ') {
                *to++ = (char)(*at >= 'A' && *at <= 'Z' ? *at + 'a' - 'A' : *at);
                at++;
            }
        }
        at += *at != '\0'; /* the separator, before the terminator takes its place */
        *to = '\0';
    }
    return n;
}

/* Both parts of a DateStyle, each as it was where the text does not name it. */
static status parse_date_style(struct sql_session *s, const char *value, enum date_style *style,
                               enum date_order *order)
{
    static const struct {
        const char *word;
        int         style, order; /* -1: unchanged */
    } words[] = {
        {"iso", DATE_STYLE_ISO, -1},         {"postgres", DATE_STYLE_POSTGRES, -1},
        {"sql", DATE_STYLE_SQL, -1},         {"german", DATE_STYLE_GERMAN, DATE_ORDER_DMY},
        {"mdy", -1, DATE_ORDER_MDY},         {"us", -1, DATE_ORDER_MDY},
        {"noneuropean", -1, DATE_ORDER_MDY}, {"noneuro", -1, DATE_ORDER_MDY},
        {"dmy", -1, DATE_ORDER_DMY},         {"european", -1, DATE_ORDER_DMY},
        {"euro", -1, DATE_ORDER_DMY},        {"ymd", -1, DATE_ORDER_YMD},
    };
    char       *text = heap_strdup(s->heap, value);
    const char *names[4];
    size_t      count = split_identifiers(text, names, ARRAY_LEN(names));
    bool        good = true;

    *style = s->context.settings.date_style;
    *order = s->context.settings.date_order;
    for (size_t i = 0; i < count && good; i++) {
        size_t w = 0;

        while (w < ARRAY_LEN(words) && strcmp(words[w].word, names[i]) != 0)
            w++;
        good = w < ARRAY_LEN(words);
        if (good && words[w].style >= 0)
            *style = (enum date_style)words[w].style;
        if (good && words[w].order >= 0)
            *order = (enum date_order)words[w].order;
    }
    heap_free(text);
    return good ? STATUS_OK
                : status_detail(status_new(ST_INVALID_PARAMETER_VALUE,
                                           "invalid value for parameter \"DateStyle\": \"%s\"",
                                           value),
                                "Unrecognized key word.");
}

/* What SHOW prints and clients are told. */
static const char *date_style_name(const struct sql_settings *s)
{
    static const char *const names[][3] = {
        [DATE_STYLE_ISO] = {"ISO, MDY", "ISO, DMY", "ISO, YMD"},
        [DATE_STYLE_POSTGRES] = {"Postgres, MDY", "Postgres, DMY", "Postgres, YMD"},
        [DATE_STYLE_SQL] = {"SQL, MDY", "SQL, DMY", "SQL, YMD"},
        [DATE_STYLE_GERMAN] = {"German, MDY", "German, DMY", "German, YMD"},
    };

    return names[s->date_style][s->date_order];
}

status session_set(struct sql_session *s, slice name, const char *value, enum setting_scope scope)
{
    int id = setting_find(name);

    if (id >= 0)
        return settings_set(s->settings, (enum setting_id)id, value, scope);
    if (name.size > 0 && memchr(name.data, '.', name.size) != NULL)
        return settings_set_custom(s->settings, name, value, scope);
    return status_new(ST_UNDEFINED_OBJECT, "unrecognized configuration parameter \"%.*s\"",
                      SLICE_FMT(name));
}

static status context_setting_set(struct sql_context *c, slice name, slice value, bool local)
{
    struct sql_session *s = session_of(c);
    char               *text = heap_must_alloc(s->heap, 1, value.size + 1);
    status              st;

    memcpy(text, value.data != NULL ? value.data : "", value.size);
    st = session_set(s, name, text, local ? SETTING_FOR_TRANSACTION : SETTING_FOR_SESSION);
    heap_free(text);
    return st;
}

/* ---- settings that mean something here
 * -------------------------------------------------------------------------- */

void session_apply_search_path(struct sql_session *s)
{
    if (s->search_path_changed) {
        heap_free(s->search_path_text);
        s->search_path_text = heap_strdup(s->heap, settings_get(s->settings, SETTING_SEARCH_PATH));
        s->search_path_count =
            split_identifiers(s->search_path_text, s->search_path, SEARCH_PATH_MAX);
        for (size_t i = 0; i < s->search_path_count; i++) {
            if (strcmp(s->search_path[i], "$user") == 0)
                s->search_path[i] = s->user;
        }
        s->search_path_changed = false;
    }
    catalog_view_set_search_path(s->view, s->search_path, s->search_path_count);
}

static status apply_date_style(struct sql_session *s, const char *value, const char **canonical)
{
    struct sql_settings *o = &s->context.settings;
    enum date_style      style;
    enum date_order      order;

    TRY_RETURN(parse_date_style(s, value, &style, &order));
    o->date_style = style;
    o->date_order = order;
    *canonical = date_style_name(o);
    return STATUS_OK;
}

static status apply_client_encoding(const char *value, const char **canonical)
{
    *canonical = strcasecmp(value, "sql_ascii") == 0 ? "SQL_ASCII" : "UTF8";
    if (strcasecmp(value, "utf8") == 0 || strcasecmp(value, "utf-8") == 0 ||
        strcasecmp(value, "unicode") == 0 || strcasecmp(value, "sql_ascii") == 0)
        return STATUS_OK;
    return status_hint(
        status_new(ST_FEATURE_NOT_SUPPORTED, "client encoding \"%s\" is not supported", value),
        "Use UTF8.");
}

static status apply_time_zone(struct sql_session *s, const char *value, const char **canonical)
{
    const struct time_zone *tz = NULL;

    TRY_RETURN(time_zone_find(s->server->zones, slice_cstr(value), &tz));
    s->context.settings.time_zone = tz;
    *canonical = time_zone_name(tz);
    return STATUS_OK;
}

static status refuse(const char *name, const char *value)
{
    return status_new(ST_FEATURE_NOT_SUPPORTED, "%s = %s is not supported", name, value);
}

static enum interval_style interval_style_of(const char *value)
{
    static const char *const names[] = {"postgres", "postgres_verbose", "sql_standard", "iso_8601"};

    for (int i = 0; i < (int)ARRAY_LEN(names); i++) {
        if (strcmp(names[i], value) == 0)
            return (enum interval_style)i;
    }
    UNREACHABLE(); /* the table of settings lets nothing else through */
}

/* Ways to join that the planner shall avoid: plans made before are not what it would make now. */
static void apply_enable(struct sql_session *s, enum setting_id id, bool on)
{
    struct sql_settings *o = &s->context.settings;

    if (id == SETTING_ENABLE_HASHJOIN)
        o->no_hashjoin = !on;
    else if (id == SETTING_ENABLE_MERGEJOIN)
        o->no_mergejoin = !on;
    else
        o->no_nestloop = !on;
    s->settings_generation++;
}

/* Make a value effective; runs before the value is stored, so what it refuses never holds. */
static status apply(void *ctx, enum setting_id id, const char *value, const char **canonical)
{
    struct sql_session *s = ctx;

    switch (id) {
    case SETTING_DATE_STYLE:
        s->settings_generation++;
        return apply_date_style(s, value, canonical);
    case SETTING_INTERVAL_STYLE:
        s->context.settings.interval_style = interval_style_of(value);
        break;
    case SETTING_TIME_ZONE:
        s->settings_generation++;
        return apply_time_zone(s, value, canonical);
    case SETTING_CLIENT_ENCODING:
        return apply_client_encoding(value, canonical);
    case SETTING_EXTRA_FLOAT_DIGITS:
        s->context.settings.extra_float_digits = atoi(value);
        break;
    case SETTING_BYTEA_OUTPUT:
        s->context.settings.bytea_output_escape = strcmp(value, "escape") == 0;
        break;
    case SETTING_STANDARD_CONFORMING_STRINGS:
    case SETTING_DEFAULT_WITH_OIDS:
        if (strcmp(value, id == SETTING_DEFAULT_WITH_OIDS ? "off" : "on") != 0)
            return refuse(setting_def_at(id)->name, value);
        break;
    case SETTING_ENABLE_HASHJOIN:
    case SETTING_ENABLE_MERGEJOIN:
    case SETTING_ENABLE_NESTLOOP:
        apply_enable(s, id, strcmp(value, "on") == 0);
        break;
    case SETTING_LOCK_TIMEOUT:
        if (s->txn != NULL)
            txn_set_lock_timeout(s->txn, (uint64_t)atoll(value) * 1000);
        break;
    case SETTING_WORK_MEM:
        s->context.settings.work_mem = (size_t)strtoull(value, NULL, 10) * 1024;
        break;
    case SETTING_TEMP_FILE_LIMIT:
        s->context.temp.size_max = value[0] == '-' ? 0 : MAX(1, strtoull(value, NULL, 10) * 1024);
        break;
    case SETTING_SEARCH_PATH:
        s->settings_generation++;
        if (s->view != NULL && s->open)
            s->search_path_changed = true;
        break;
    default:
        break;
    }
    return STATUS_OK;
}

static void report(void *ctx, const char *name, const char *value)
{
    struct sql_session *s = ctx;

    (void)name, (void)value;
    s->settings_changed = true; /* told before the next ReadyForQuery, if it still holds then */
}

void session_report_settings(struct sql_session *s)
{
    if (!s->settings_changed)
        return;
    s->settings_changed = false;
    for (int id = 0; id < SETTING_COUNT; id++) {
        const struct setting_def *d = setting_def_at((size_t)id);
        const char               *value = settings_get(s->settings, (enum setting_id)id);

        if (!(d->flags & SETTING_REPORT) ||
            (s->reported[id] != NULL && strcmp(s->reported[id], value) == 0))
            continue;
        heap_free(s->reported[id]);
        s->reported[id] = heap_strdup(s->heap, value);
        st_clear(s->sink->parameter_status(s->sink, d->name, value));
    }
}

/* ---- open and close
 * ------------------------------------------------------------------------------------------------
 */

static status look_up_names(struct sql_session *s)
{
    const struct role_desc     *role;
    const struct database_desc *database;

    TRY_RETURN(transaction_begin_statement(s));
    TRY_RETURN(catalog_role_by_name(s->view, s->user, &role));
    if (role == NULL || !role->can_login)
        return status_new(ST_INVALID_AUTHORIZATION,
                          role == NULL ? "role \"%s\" does not exist"
                                       : "role \"%s\" is not permitted to log in",
                          s->user);
    s->context.user_oid = role->oid;
    settings_force(s->settings, SETTING_IS_SUPERUSER, role->superuser ? "on" : "off");
    TRY_RETURN(catalog_database_by_name(s->view, s->database, &database));
    if (database == NULL)
        return status_new(ST_UNDEFINED_DATABASE, "database \"%s\" does not exist", s->database);
    s->context.database_oid = database->oid;
    return STATUS_OK;
}

static status start_settings(struct sql_session *s, const struct session_start *start)
{
    const char *zone;

    settings_force(s->settings, SETTING_SESSION_AUTHORIZATION, s->user);
    TRY_RETURN(apply(s, SETTING_TIME_ZONE, settings_get(s->settings, SETTING_TIME_ZONE), &zone));
    for (size_t i = 0; i < start->setting_count; i++) {
        slice name = slice_cstr(start->settings[i].name);

        if (slice_eq_cstr(name, "options")) {
            TRY_RETURN(session_start_options(s, start->settings[i].value));
            continue;
        }
        TRY_RETURN(session_set(s, name, start->settings[i].value, SETTING_AT_START));
    }
    return STATUS_OK;
}

/* libpq's PGOPTIONS: "-c name=value --name=value", words divided by blanks, a backslash keeps the
 * next character. */
status session_start_options(struct sql_session *s, const char *options)
{
    char  *text = heap_strdup(s->heap, options), *at = text;
    status st = STATUS_OK;

    while (st_ok(st) && *at != '\0') {
        char *word, *to, *eq;

        while (*at == ' ')
            at++;
        if (strncmp(at, "-c", 2) == 0) {
            at += 2;
            while (*at == ' ')
                at++;
        } else if (strncmp(at, "--", 2) == 0) {
            at += 2;
        } else if (*at != '\0') {
            st = status_new(ST_INVALID_PARAMETER_VALUE,
                            "invalid command-line argument for server process: %s", at);
            break;
        }
        for (word = to = at; *at != '\0' && *at != ' '; at++) {
            if (*at == '\\' && at[1] != '\0')
                at++;
            *to++ = *at;
        }
        at += *at != '\0';
        *to = '\0';
        eq = strchr(word, '=');
        if (eq == NULL) {
            if (*word != '\0')
                st = status_new(ST_SYNTAX_ERROR, "-c %s requires a value", word);
            continue;
        }
        *eq = '\0';
        for (char *c = word; *c != '\0'; c++) /* --search-path is search_path */
            *c = *c == '-' ? '_' : *c;
        st = session_set(s, slice_cstr(word), eq + 1, SETTING_AT_START);
    }
    heap_free(text);
    return st;
}

enum { PLANS_PER_SESSION = 64 };

static struct sql_session *session_new(struct sql_server *server, const struct session_start *start,
                                       struct result_sink *sink)
{
    struct sql_session *s = heap_must_alloc(server->heap, 1, sizeof *s);

    s->server = server;
    s->heap = server->heap;
    s->sink = sink;
    s->fiber = fiber_self(server->env);
    s->process_id = server->process_id_next++;
    env_random(server->env, &s->secret, sizeof s->secret);
    s->user = heap_strdup(s->heap, start->user);
    s->database = heap_strdup(s->heap, start->database);
    s->client_address =
        heap_strdup(s->heap, start->client_address != NULL ? start->client_address : "");
    s->settings = settings_new(s->heap, apply, report, s);
    s->search_path_changed = true;
    mem_account_init(&s->account, &server->account, "session", server->options.session_memory);
    s->scratch = arena_new(s->heap, NULL);
    s->replay = replay_new(s->heap);
    s->plans = plan_cache_new(s->heap, PLANS_PER_SESSION);
    normalised_init(&s->normalised, s->heap);
    hmap_init(&s->statements, s->heap);
    hmap_init(&s->portals, s->heap);
    s->context = (struct sql_context){.env = server->env,
                                      .session = s,
                                      .time_zones = server->zones,
                                      .database = s->database,
                                      .user = s->user,
                                      .session_user = s->user,
                                      .process_id = s->process_id,
                                      .notice = context_notice,
                                      .deferred = deferred_checks_new(s->heap),
                                      .sequence_next = sequence_next,
                                      .sequence_current = sequence_current,
                                      .sequence_last = sequence_last,
                                      .sequence_set = sequence_set,
                                      .setting_get = context_setting_get,
                                      .setting_set = context_setting_set,
                                      .facts = &session_facts};
    s->context.sequences = sequence_session_new(s->heap);
    s->context.settings.extra_float_digits = 1;
    s->context.settings.work_mem = (size_t)settings_get_int(s->settings, SETTING_WORK_MEM) * 1024;
    s->context.temp.dir = server->temp_dir;
    s->context.temp.is_encrypted = server->temp_is_encrypted;
    s->context.settings.standard_conforming_strings = true;
    for (size_t i = 0; i < ARRAY_LEN(s->context.random_state); i++)
        s->context.random_state[i] = env_rand64(server->env);
    list_push_back(&server->sessions, &s->link);
    server->session_count++;
    return s;
}

status session_open(struct sql_server *server, const struct session_start *start,
                    struct result_sink *sink, struct sql_session **out)
{
    struct sql_session *s;
    status              st;

    if (server->draining)
        return status_new(ST_CANNOT_CONNECT_NOW, "the database system is shutting down");
    s = session_new(server, start, sink);
    TRY(st, start_settings(s, start), fail);
    TRY(st, look_up_names(s), fail);
    TRY(st, transaction_commit(s), fail);
    s->start_us = s->context.statement_start_us;
    s->open = true;
    s->settings_changed = true;
    session_report_settings(s);
    *out = s;
    return STATUS_OK;

fail:
    session_close(s);
    return st;
}

void session_close(struct sql_session *s)
{
    if (s == NULL)
        return;
    s->open = false;
    if (s->block != BLOCK_NONE)
        transaction_rollback(s);
    portals_close_all(s);
    replay_free(s);
    session_close_all_statements(s);
    plan_cache_free(s->plans);
    normalised_deinit(&s->normalised);
    hmap_deinit(&s->statements);
    hmap_deinit(&s->portals);
    sequence_session_free(s->context.sequences);
    deferred_checks_free(s->context.deferred);
    settings_free(s->settings);
    for (int id = 0; id < SETTING_COUNT; id++)
        heap_free(s->reported[id]);
    arena_free(s->scratch);
    list_remove(&s->link);
    s->server->session_count--;
    heap_free(s->user);
    heap_free(s->database);
    heap_free(s->client_address);
    heap_free(s->search_path_text);
    heap_free(s);
}

uint32_t session_process_id(const struct sql_session *s)
{
    return s->process_id;
}

uint32_t session_secret(const struct sql_session *s)
{
    return s->secret;
}

char session_transaction_state(const struct sql_session *s)
{
    switch (s->block) {
    case BLOCK_EXPLICIT:
        return 'T';
    case BLOCK_FAILED:
        return 'E';
    default:
        return 'I';
    }
}
