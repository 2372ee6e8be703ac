/* Running statements: simple queries, portals, the retry of what the client has not seen
 * (architecture section 9). */
#include <stdio.h>

#include "base/assert.h"
#include "env/env.h"
#include "sql/session/session_internal.h"
#include "sql/types/string.h"
#include "sql/types/type.h"

enum { REPLAYS_MAX = 20 };

/* ---- around each statement
 * --------------------------------------------------------------------------------------- */

static void statement_started(struct sql_session *s, slice text)
{
    size_t n = MIN(text.size, sizeof s->query_text - 1);

    memcpy(s->query_text, text.data, n);
    s->query_text[n] = '\0';
    s->query_start_us = s->state_change_us = session_now_us(s);
    s->statement_mono_us = env_mono_us(s->server->env);
    s->statement_rows = 0;
    interruptible_begin(s);
}

/* Statistics of the statement that has just run: `p`, or `text` when that is NULL. A portal's time
 * before it was suspended comes as `before_us`. */
static void note_statement(struct sql_session *s, struct prepared *p, slice text, bool failed,
                           uint64_t before_us)
{
    struct statement_stats *stats = s->server->stats;
    struct statement_entry *e = p != NULL ? p->entry : NULL;
    struct statement_run    run = {
           .elapsed_us = before_us + env_mono_us(s->server->env) - s->statement_mono_us,
           .rows = s->statement_rows,
           .started_us = s->query_start_us,
           .failed = failed,
           .plan_reused = p != NULL && p->plan_used && p->planned != NULL,
    };

    if (e == NULL)
        e = statement_stats_get(stats, s->database, s->user, text);
    statement_stats_note(stats, &e, &run);
    if (p == NULL) {
        statement_entry_unref(e);
        return;
    }
    p->entry = e;
    p->plan_used = true;
}

static status statement_ended(struct sql_session *s, status st)
{
    st = interruptible_end(s, st);
    s->state_change_us = session_now_us(s);
    s->server->statements_total++;
    if (!st_ok(st))
        s->server->errors_total++;
    return st;
}

/* ---- tags
 * ----------------------------------------------------------------------------------------------------------
 */

static const char *counted_tag(struct arena *a, const char *word, uint64_t rows)
{
    size_t size = strlen(word);
    char  *digits = (char *)arena_alloc(a, size + 21) + size + 20; /* they grow to the left */

    *digits = '\0';
    do {
        *--digits = (char)('0' + rows % 10);
        rows /= 10;
    } while (rows > 0);
    digits -= size;
    memcpy(digits, word, size);
    return digits;
}

const char *command_tag(struct arena *a, const PgQuery__Node *node, uint64_t rows)
{
    switch (node->node_case) {
    case PG_QUERY__NODE__NODE_SELECT_STMT:
        return counted_tag(a, "SELECT ", rows);
    case PG_QUERY__NODE__NODE_INSERT_STMT:
        return counted_tag(a, "INSERT 0 ", rows);
    case PG_QUERY__NODE__NODE_UPDATE_STMT:
        return counted_tag(a, "UPDATE ", rows);
    default:
        ASSERT(node->node_case == PG_QUERY__NODE__NODE_DELETE_STMT);
        return counted_tag(a, "DELETE ", rows);
    }
}

/* ---- portals
 * -------------------------------------------------------------------------------------------------------
 */

status portal_send_rows(struct sql_session *s, struct portal *x, uint64_t rows_max, bool *suspended)
{
    uint64_t sent = 0;

    *suspended = false;
    x->sent = 0;
    for (;;) {
        const struct batch *b;
        status              st;

        if (rows_max > 0 && sent == rows_max) {
            *suspended =
                true; /* even when nothing is left: the client asks once more (pitfall P3) */
            return STATUS_OK;
        }
        st = execution_next(x->execution, rows_max > 0 ? rows_max - sent : 0, &b);
        if (status_code(st) == ST_NO_DATA)
            return STATUS_OK;
        if (!st_ok(st))
            return st;
        x->sent = sent += batch_live_count(b);
        if (x->statement->has_rows && !x->silent)
            TRY_RETURN(s->sink->rows(s->sink, &s->context, b, x->formats));
    }
}

status portal_open(struct sql_session *s, struct portal *x)
{
    struct prepared *p = x->statement;

    if (x->execution != NULL)
        return STATUS_OK;
    if (x->planned != NULL) /* bound before: the schema may have changed since */
        TRY_RETURN(prepared_revalidate(s, p));
    planned_unref(x->planned);
    x->planned = p->planned;
    x->planned->references++;
    return execution_open(&s->context, x->planned->plan, x->params, x->param_nulls, x->param_count,
                          &x->account, false, &x->execution);
}

/* The tag counts the rows of this run, not of those before it that were suspended. */
static uint64_t tag_rows(const struct portal *x)
{
    return x->statement->has_rows ? x->sent : x->row_count;
}

static status run_planned(struct sql_session *s, struct portal *x, uint32_t rows_max,
                          bool *suspended)
{
    TRY_RETURN(portal_open(s, x));
    TRY_RETURN(portal_send_rows(s, x, rows_max, suspended));
    if (*suspended)
        return STATUS_OK;
    x->row_count = execution_row_count(x->execution);
    s->server->rows_total += x->row_count;
    s->statement_rows = x->row_count;
    execution_close(x->execution);
    x->execution = NULL;
    x->done = true;
    return s->sink->complete(s->sink, command_tag(x->arena, x->statement->node, tag_rows(x)));
}

/* "FETCH 3" has become "FETCH 0" when it is run again; "SHOW" stays. */
static const char *drained_tag(struct arena *a, const char *tag)
{
    const char *count = strchr(tag, ' ');

    return count != NULL ? arena_printf(a, "%.*s 0", (int)(count - tag), tag)
                         : arena_strdup(a, tag);
}

static status run_utility(struct sql_session *s, struct portal *x, bool describe)
{
    const char *tag = NULL;
    bool        has_rows = x->statement->has_rows; /* if not, the portal may end itself */
    status      st;

    x->done = true;
    s->utility = x;
    st = utility_run(s, x->statement->node, x->statement->text, describe, &tag);
    s->utility = NULL;
    if (!st_ok(st))
        return st;
    if (has_rows)
        x->tag = drained_tag(x->arena, tag);
    return s->sink->complete(s->sink, tag);
}

status portal_run(struct sql_session *s, struct portal *x, uint32_t rows_max, bool *suspended)
{
    const PgQuery__Node *node = x->statement->node;

    *suspended = false;
    if (node == NULL)
        return s->sink->empty(s->sink);
    if (!statement_is_plannable(node)) {
        if (x->tag != NULL)
            return s->sink->complete(s->sink, x->tag);
        if (x->done)
            return status_new(ST_WRONG_STATE, "portal \"%s\" cannot be run", x->name);
        return run_utility(s, x, false);
    }
    if (x->done) { /* drained: no rows, and a tag that says so (pitfall P3) */
        if (!x->statement->has_rows)
            return status_new(ST_WRONG_STATE, "portal \"%s\" cannot be run", x->name);
        return s->sink->complete(s->sink, command_tag(x->arena, node, 0));
    }
    return run_planned(s, x, rows_max, suspended);
}

/* Run a portal, and again, behind all that has run before it, when it has lost a conflict. */
static status run_in_transaction(struct sql_session *s, struct portal *x, uint32_t rows_max,
                                 bool *suspended)
{
    const PgQuery__Node *node = x->statement->node;
    status               st;

    for (;;) {
        replay_begin(s);
        st = portal_run(s, x, rows_max, suspended);
        if (st_ok(st))
            break;
        TRY_RETURN(replay_retry(s, st, node, x));
        if (!statement_ends_transaction(node))
            TRY_RETURN(transaction_begin_statement(s));
    }
    if (*suspended)
        replay_off(s);
    else
        replay_note(s, node, SLICE_EMPTY, x);
    return STATUS_OK;
}

status session_execute(struct sql_session *s, const char *portal, uint32_t rows_max,
                       bool *suspended)
{
    struct portal   *x = portal_find(s, portal);
    struct prepared *p;
    uint64_t         before_us;
    status           st;

    if (x == NULL)
        return portal_missing(portal);
    p = x->statement;
    if (s->block == BLOCK_FAILED && p->node != NULL && !statement_ends_transaction(p->node))
        return in_failed_transaction();
    statement_started(s, p->text);
    x->references++; /* COMMIT closes the portal that runs it */
    before_us = x->elapsed_us;
    st = run_in_transaction(s, x, rows_max, suspended);
    if (*suspended)
        x->elapsed_us = before_us + env_mono_us(s->server->env) - s->statement_mono_us;
    else if (p->node != NULL)
        note_statement(s, p, p->text, !st_ok(st), before_us);
    if (*suspended)
        x->references--; /* it goes on in the next call */
    else
        portal_free(s, x);
    arena_reset(s->scratch);
    return statement_ended(s, st);
}

void session_note_error(struct sql_session *s)
{
    st_clear(transaction_end_statement(s, true)); /* a failing end never fails */
}

/* Put the new results of the newest statement in the place of those that were taken back. */
static status run_taken_back(struct sql_session *s, struct portal *x)
{
    bool suspended;

    TRY_RETURN(transaction_begin_statement(s));
    return run_in_transaction(s, x, 0, &suspended);
}

/* Commit; what the client has seen of the transaction must be what it is when it commits. */
static status commit_implicit(struct sql_session *s)
{
    for (;;) {
        struct portal *x;
        status         st;

        replay_begin(s);
        st = transaction_end_statement(s, false);
        if (st_ok(st)) {
            if (s->txn == NULL)
                replay_reset(s);
            return st;
        }
        x = replay_take_back(s, st);
        st = replay_retry(s, st, NULL, NULL);
        if (st_ok(st) && x != NULL)
            st = run_taken_back(s, x);
        portal_free(s, x);
        if (!st_ok(st)) {
            st_clear(transaction_end_statement(s, true));
            return st;
        }
    }
}

status session_sync(struct sql_session *s, bool failed)
{
    if (failed || s->block != BLOCK_IMPLICIT)
        return STATUS_OK; /* session_note_error() has dealt with it; explicit blocks go on */
    interruptible_begin(s);
    return interruptible_end(s, commit_implicit(s));
}

/* ---- simple queries
 * --------------------------------------------------------------------------------------------------
 */

static status run_plannable(struct sql_session *s, const struct parse_statement *stmt)
{
    struct prepared            *p = prepared_new(s, "");
    struct portal              *x;
    const struct result_column *columns;
    size_t                      count;
    bool                        suspended;
    status                      st;

    p->text = stmt->text;
    p->node = stmt->node;
    x = portal_new(s, "", p);
    TRY(st, prepared_plan(s, p), out);
    columns = plan_result_columns(p->planned->plan, &count);
    p->has_rows = statement_returns_rows(p);
    if (p->has_rows)
        TRY(st, s->sink->describe(s->sink, columns, count, NULL), out);
    TRY(st, run_planned(s, x, 0, &suspended), out);

out:
    portal_free(s, x);
    prepared_unref(p);
    return st;
}

static status run_one(struct sql_session *s, const struct parse_statement *stmt)
{
    const char *tag = NULL;

    if (s->block == BLOCK_FAILED && !statement_ends_transaction(stmt->node))
        return in_failed_transaction();
    if (!statement_ends_transaction(stmt->node))
        TRY_RETURN(transaction_begin_statement(s));
    if (statement_is_plannable(stmt->node))
        return run_plannable(s, stmt);
    TRY_RETURN(utility_run(s, stmt->node, stmt->text, true, &tag));
    return s->sink->complete(s->sink, tag);
}

/* A statement that is a transaction of its own is run again when a concurrent one won the conflict,
 * as long as nothing of it has left for the client (pitfall T7): its commit is part of what is run
 * again. */
static status run_alone(struct sql_session *s, const struct parse_statement *stmt)
{
    for (int attempt = 0;; attempt++) {
        size_t mark = s->sink->mark(s->sink);
        status st;

        replay_begin(s);
        st = run_one(s, stmt);
        if (st_ok(st) && s->block == BLOCK_IMPLICIT)
            st = transaction_end_statement(s, false);
        if (st_ok(st)) {
            replay_note(s, stmt->node, stmt->text, NULL);
            return st;
        }
        if (!s->replayable) {
            st = replay_retry(s, st, stmt->node, NULL);
            if (st_ok(st))
                continue;
        }
        st_clear(transaction_end_statement(s, true));
        if (!s->replayable || status_code(st) != ST_SERIALIZATION || attempt == REPLAYS_MAX ||
            !s->sink->rewind(s->sink, mark))
            return st;
        st_clear(st);
    }
}

static status run_one_of_several(struct sql_session *s, const struct parse_statement *stmt)
{
    for (;;) {
        status st;

        replay_begin(s);
        st = run_one(s, stmt);
        if (st_ok(st)) {
            replay_note(s, stmt->node, stmt->text, NULL);
            return st;
        }
        TRY_RETURN(replay_retry(s, st, stmt->node, NULL));
    }
}

static status run_several(struct sql_session *s, const struct parse_result *parsed)
{
    for (size_t i = 0; i < parsed->count; i++) {
        status st;

        statement_started(s, parsed->statements[i].text);
        st = run_one_of_several(s, &parsed->statements[i]);
        note_statement(s, NULL, parsed->statements[i].text, !st_ok(st), 0);
        st = statement_ended(s, st);
        if (!st_ok(st)) {
            st_clear(transaction_end_statement(s, true));
            return st;
        }
    }
    /* All statements of one message are one transaction (pitfall P2). */
    interruptible_begin(s);
    return interruptible_end(s, commit_implicit(s));
}

/* ---- statements of a known shape
 * --------------------------------------------------------------------------------------- */

/* The literals as parameters, read by the types that the plan has given them. */
static status bind_literals(struct sql_session *s, struct portal *x)
{
    const struct normalised *n = &s->normalised;
    struct bind_values       v = {.count = n->literal_count};
    slice                   *values = ARENA_ARRAY(x->arena, slice, n->literal_count);

    for (size_t i = 0; i < n->literal_count; i++)
        values[i] = n->literals[i].text;
    v.values = values;
    v.nulls = ARENA_ARRAY(x->arena, bool, n->literal_count);
    return portal_decode_params(s, x, &v);
}

/* Errors that planning the text as it stands would not cure, or not give a second time. */
static bool is_final(status st)
{
    switch (status_code(st)) {
    case ST_SERIALIZATION:
    case ST_DEADLOCK:
    case ST_LOCK_NOT_AVAILABLE:
    case ST_CANCELLED:
    case ST_OUT_OF_MEMORY:
        return true;
    default:
        return false;
    }
}

/* A shape that is seen for the first time: parsed and planned as a statement with parameters.
 * *out is NULL when it cannot be (a parameter's type stays open, say): the text is then planned as
 * it stands, which also gives the right error. */
static status plan_shape(struct sql_session *s, struct prepared **out)
{
    const struct normalised *n = &s->normalised;
    struct prepared         *p = prepared_new(s, "");
    struct parse_result      parsed;
    status                   st;

    *out = NULL;
    p->text = arena_copy(p->arena, slice_make(n->key.data, n->sql_size));
    p->param_count = n->literal_count;
    p->param_types = ARENA_ARRAY(p->arena, uint32_t, n->literal_count + 1);
    for (size_t i = 0; i < n->literal_count; i++)
        p->param_types[i] = n->literals[i].type == OID_UNKNOWN ? 0 : n->literals[i].type;
    TRY(st, parse_statements(s->server->env, p->arena, p->text, &parsed), fail);
    if (parsed.count != 1 || !statement_is_plannable(parsed.statements[0].node))
        goto fail;
    p->node = parsed.statements[0].node;
    TRY(st, prepared_plan(s, p), fail);
    p->has_rows = statement_returns_rows(p);
    plan_cache_add(s->plans, buf_slice(&n->key), p);
    *out = p;
    return STATUS_OK;

fail:
    prepared_unref(p);
    if (is_final(st))
        return st;
    st_clear(st);
    return STATUS_OK;
}

static status run_shape_once(struct sql_session *s, struct prepared **ran, bool *unknown)
{
    struct prepared            *p;
    struct portal              *x;
    const struct result_column *columns;
    size_t                      count;
    bool                        suspended, current = false;
    status                      st;

    TRY_RETURN(transaction_begin_statement(s));
    p = plan_cache_get(s->plans, buf_slice(&s->normalised.key));
    if (p != NULL)
        TRY_RETURN(prepared_hold(s, p, &current));
    if (!current) /* anew, too, when tables have changed: literals may have to be of other types */
        TRY_RETURN(plan_shape(s, &p));
    *ran = p;
    *unknown = p == NULL;
    if (p == NULL)
        return STATUS_OK;
    x = portal_new(s, "", p);
    st = bind_literals(s, x);
    if (!st_ok(st)) { /* planned anew as text, where errors have their place in what the client
                         wrote */
        *unknown = !is_final(st);
        if (*unknown) {
            st_clear(st);
            st = STATUS_OK;
        }
        goto out;
    }
    columns = plan_result_columns(p->planned->plan, &count);
    if (p->has_rows)
        TRY(st, s->sink->describe(s->sink, columns, count, NULL), out);
    TRY(st, run_planned(s, x, 0, &suspended), out);

out:
    portal_free(s, x);
    return st;
}

/* As run_alone(), for a statement whose shape may be known; *ran is its plan's owner, the cache's
 * reference. *unknown: nothing was run. */
static status run_shape(struct sql_session *s, slice text, struct prepared **ran, bool *unknown)
{
    s->replayable = s->block == BLOCK_NONE;
    for (int attempt = 0;; attempt++) {
        size_t mark = s->sink->mark(s->sink);
        status st;

        if (!s->replayable)
            replay_begin(s);
        st = run_shape_once(s, ran, unknown);
        if (st_ok(st) && *unknown) {
            if (s->block == BLOCK_IMPLICIT)
                transaction_rollback(s);
            return STATUS_OK;
        }
        if (st_ok(st) && s->block == BLOCK_IMPLICIT)
            st = transaction_end_statement(s, false);
        if (st_ok(st)) {
            replay_note(s, NULL, text, NULL);
            return st;
        }
        if (!s->replayable) {
            st = replay_retry(s, st, NULL, NULL);
            if (st_ok(st)) { /* other statements have run: their shapes were the newest */
                normalise(&s->normalised, text, true);
                continue;
            }
        }
        st_clear(transaction_end_statement(s, true));
        if (!s->replayable || status_code(st) != ST_SERIALIZATION || attempt == REPLAYS_MAX ||
            !s->sink->rewind(s->sink, mark))
            return st;
        st_clear(st);
    }
}

static bool has_shape(struct sql_session *s, slice text)
{
    return s->block != BLOCK_FAILED && normalise(&s->normalised, text, true);
}

status statement_run_text(struct sql_session *s, slice text)
{
    struct parse_result parsed;
    struct prepared    *ran;
    bool                unknown = true;

    if (has_shape(s, text))
        TRY_RETURN(run_shape_once(s, &ran, &unknown));
    if (!unknown)
        return STATUS_OK;
    TRY_RETURN(parse_statements(s->server->env, s->scratch, text, &parsed));
    ASSERT(parsed.count == 1); /* it was one when it was kept */
    return run_one(s, &parsed.statements[0]);
}

static status simple_query(struct sql_session *s, slice text)
{
    struct parse_result parsed;
    struct prepared    *ran = NULL;
    bool                unknown = false;
    status              st = string_check(text);

    if (st_ok(st) && has_shape(s, text)) {
        s->several = false;
        statement_started(s, text);
        st = run_shape(s, text, &ran, &unknown);
        if (!unknown) {
            note_statement(s, ran, text, !st_ok(st), 0);
            return statement_ended(s, st);
        }
        st = interruptible_end(s, st);
    }
    if (st_ok(st))
        st = parse_statements(s->server->env, s->scratch, text, &parsed);
    if (!st_ok(st)) {
        st_clear(transaction_end_statement(s, true));
        return st;
    }
    if (parsed.count == 0)
        return s->sink->empty(s->sink);
    s->several = parsed.count > 1;
    if (s->several)
        return run_several(s, &parsed);
    statement_started(s, parsed.statements[0].text);
    s->replayable = s->block == BLOCK_NONE && statement_is_plannable(parsed.statements[0].node);
    st = run_alone(s, &parsed.statements[0]);
    note_statement(s, NULL, parsed.statements[0].text, !st_ok(st), 0);
    return statement_ended(s, st);
}

status session_simple_query(struct sql_session *s, slice text)
{
    status st;

    session_close_statement(s, ""); /* a simple query ends the unnamed statement and portal */
    session_close_portal(s, "");
    st = simple_query(s, text);
    arena_reset(s->scratch);
    return st;
}
