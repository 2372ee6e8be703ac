#include "sql/session/settings.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#include "base/arena.h"
#include "base/assert.h"
#include "base/buf.h"

static const struct setting_def defs[] = {
#define X(id, name, kind, fallback, unit, min, max, values, flags, category, text)                 \
    {name, kind, fallback, unit, min, max, values, flags, category, text},
#include "sql/session/settings.def"
#undef X
};

/* A setting has three values: what RESET goes back to, what holds once the transaction commits, and
 * what holds now; SET LOCAL changes only the last. NULL stands for "as the level before". */
struct value {
    char *reset;
    char *committed; /* SET */
    char *local;     /* SET LOCAL */
};

struct undo {
    int   id; /* a custom one: SETTING_COUNT + position */
    char *committed, *local;
};

struct custom {
    char        *name;
    struct value value;
};

struct settings {
    struct heap   *heap;
    setting_apply  apply;
    setting_report report;
    void          *ctx;
    struct value   values[SETTING_COUNT];
    struct custom *customs;
    size_t         custom_count;
    struct undo   *undos;
    size_t         undo_count, undo_capacity;
};

const struct setting_def *setting_def_at(size_t position)
{
    return position < ARRAY_LEN(defs) ? &defs[position] : NULL;
}

int setting_find(slice name)
{
    for (int id = 0; id < SETTING_COUNT; id++) {
        if (strlen(defs[id].name) == name.size &&
            strncasecmp(defs[id].name, name.data, name.size) == 0)
            return id;
    }
    return -1;
}

struct settings *settings_new(struct heap *heap, setting_apply apply, setting_report report,
                              void *ctx)
{
    struct settings *s = heap_must_alloc(heap, 1, sizeof *s);

    *s = (struct settings){.heap = heap, .apply = apply, .report = report, .ctx = ctx};
    return s;
}

static void value_free(struct value *v)
{
    heap_free(v->reset);
    heap_free(v->committed);
    heap_free(v->local);
}

static void undo_clear(struct settings *s)
{
    for (size_t i = 0; i < s->undo_count; i++) {
        heap_free(s->undos[i].committed);
        heap_free(s->undos[i].local);
    }
    s->undo_count = 0;
}

void settings_free(struct settings *s)
{
    if (s == NULL)
        return;
    undo_clear(s);
    heap_free(s->undos);
    for (int id = 0; id < SETTING_COUNT; id++)
        value_free(&s->values[id]);
    for (size_t i = 0; i < s->custom_count; i++) {
        heap_free(s->customs[i].name);
        value_free(&s->customs[i].value);
    }
    heap_free(s->customs);
    heap_free(s);
}

static const char *effective(const struct value *v, const char *fallback)
{
    return v->local != NULL       ? v->local
           : v->committed != NULL ? v->committed
           : v->reset != NULL     ? v->reset
                                  : fallback;
}

const char *settings_get(const struct settings *s, enum setting_id id)
{
    return effective(&s->values[id], defs[id].fallback);
}

const char *settings_get_reset(const struct settings *s, enum setting_id id)
{
    return s->values[id].reset != NULL ? s->values[id].reset : defs[id].fallback;
}

const char *settings_get_source(const struct settings *s, enum setting_id id)
{
    const struct value *v = &s->values[id];

    return v->local != NULL || v->committed != NULL ? "session"
           : v->reset == NULL                       ? "default"
           : defs[id].flags & SETTING_READ_ONLY     ? "override"
                                                    : "client";
}

/* ---- checking and normalising
 * -------------------------------------------------------------------------- */

static bool parse_bool(const char *text, bool *out)
{
    static const struct {
        const char *word;
        size_t      letters_min; /* unique prefixes are enough, as in PostgreSQL */
        bool        value;
    } words[] = {{"true", 1, true}, {"false", 1, false}, {"yes", 1, true}, {"no", 1, false},
                 {"on", 2, true},   {"off", 2, false},   {"1", 1, true},   {"0", 1, false}};
    size_t n = strlen(text);

    for (size_t i = 0; i < ARRAY_LEN(words); i++) {
        if (n >= words[i].letters_min && n <= strlen(words[i].word) &&
            strncasecmp(text, words[i].word, n) == 0) {
            *out = words[i].value;
            return true;
        }
    }
    return false;
}

struct unit {
    const char *name;
    double      factor; /* in the base unit of its family */
};

static const struct unit time_units[] = {{"us", 0.001}, {"ms", 1},     {"s", 1000},
                                         {"min", 60e3}, {"h", 3600e3}, {"d", 86400e3}};
static const struct unit size_units[] = {{"B", 1.0 / 1024},
                                         {"kB", 1},
                                         {"MB", 1024},
                                         {"GB", 1024.0 * 1024},
                                         {"TB", 1024.0 * 1024 * 1024}};

/* "5s" for a setting in ms is 5000. */
static bool parse_int(const struct setting_def *d, const char *text, int64_t *out)
{
    const struct unit *units = NULL;
    size_t             count = 0;
    char              *end;
    double             v;

    errno = 0;
    v = strtod(text, &end);
    if (end == text || errno != 0)
        return false;
    while (*end == ' ')
        end++;
    if (*end != '\0' && d->unit != NULL) {
        bool is_time = strcmp(d->unit, "ms") == 0;

        units = is_time ? time_units : size_units;
        count = is_time ? ARRAY_LEN(time_units) : ARRAY_LEN(size_units);
    }
    for (size_t i = 0; i < count; i++) {
        if (strcmp(end, units[i].name) == 0) {
            v *= units[i].factor;
            end += strlen(end);
        }
    }
    if (*end != '\0' || !(v > -9.2e18 && v < 9.2e18))
        return false;
    *out = (int64_t)(v < 0 ? v - 0.5 : v + 0.5);
    return true;
}

static bool enum_has(const char *values, const char *text, const char **found, size_t *size)
{
    size_t n = strlen(text);

    for (const char *at = values; *at != '\0';) {
        const char *end = strchrnul(at, '|');

        if ((size_t)(end - at) == n && strncasecmp(at, text, n) == 0) {
            *found = at;
            *size = n;
            return true;
        }
        at = *end == '|' ? end + 1 : end;
    }
    return false;
}

static status invalid_value(const struct setting_def *d, const char *value)
{
    status st = status_new(ST_INVALID_PARAMETER_VALUE, "invalid value for parameter \"%s\": \"%s\"",
                           d->name, value);
    char   words[256], *at = words;

    if (d->kind != SETTING_ENUM)
        return st;
    for (const char *v = d->values; *v != '\0' && at < words + sizeof words - 3; v++) {
        if (*v == '|') {
            *at++ = ',';
            *at++ = ' ';
        } else {
            *at++ = *v;
        }
    }
    *at = '\0';
    return status_hint(st, "Available values: %s.", words);
}

/* The value as SHOW prints it, on the settings' heap. */
static status normalise(struct settings *s, const struct setting_def *d, const char *value,
                        char **out)
{
    const char *found;
    size_t      size;
    bool        b;
    int64_t     v;
    char        text[32];

    switch (d->kind) {
    case SETTING_BOOL:
        if (!parse_bool(value, &b))
            return status_new(ST_INVALID_PARAMETER_VALUE,
                              "parameter \"%s\" requires a Boolean value", d->name);
        *out = heap_strdup(s->heap, b ? "on" : "off");
        return STATUS_OK;
    case SETTING_INT:
        if (!parse_int(d, value, &v))
            return invalid_value(d, value);
        if (v < d->min || v > d->max)
            return status_new(
                ST_INVALID_PARAMETER_VALUE,
                "%lld%s%s is outside the valid range for parameter \"%s\" (%lld .. %lld)",
                (long long)v, d->unit != NULL ? " " : "", d->unit != NULL ? d->unit : "", d->name,
                (long long)d->min, (long long)d->max);
        snprintf(text, sizeof text, "%lld", (long long)v);
        *out = heap_strdup(s->heap, text);
        return STATUS_OK;
    case SETTING_ENUM:
        if (!enum_has(d->values, value, &found, &size))
            return invalid_value(d, value);
        *out = heap_must_alloc(s->heap, 1, size + 1);
        memcpy(*out, found, size);
        return STATUS_OK;
    case SETTING_REAL:
    case SETTING_STRING:
        *out = heap_strdup(s->heap, value);
        return STATUS_OK;
    }
    UNREACHABLE();
}

const char *setting_with_unit(struct arena *a, enum setting_id id, const char *value)
{
    static const struct {
        int64_t     factor;
        const char *unit;
    } times[] = {{86400000, "d"}, {3600000, "h"}, {60000, "min"}, {1000, "s"}, {1, "ms"}},
      sizes[] = {{1 << 30, "TB"}, {1 << 20, "GB"}, {1 << 10, "MB"}, {1, "kB"}};
    const char *unit = defs[id].unit;
    int64_t     v = unit != NULL ? atoll(value) : 0;
    bool        is_time = unit != NULL && strcmp(unit, "ms") == 0;
    size_t      count = is_time ? ARRAY_LEN(times) : ARRAY_LEN(sizes);

    if (v <= 0)
        return value;
    for (size_t i = 0; i < count; i++) {
        int64_t factor = is_time ? times[i].factor : sizes[i].factor;

        if (v % factor == 0)
            return arena_printf(a, "%lld%s", (long long)(v / factor),
                                is_time ? times[i].unit : sizes[i].unit);
    }
    UNREACHABLE();
}

int64_t settings_get_int(const struct settings *s, enum setting_id id)
{
    const char *value = settings_get(s, id);
    int64_t     number = 0;
    bool        negative = value[0] == '-';

    /* Only normalised values are stored, and this is asked several times a statement: no strtoll()
     * with its locale. */
    if (defs[id].kind == SETTING_BOOL)
        return value[1] == 'n';
    for (const char *at = value + negative; *at != '\0'; at++)
        number = number * 10 + (*at - '0');
    return negative ? -number : number;
}

/* ---- changing
 * -------------------------------------------------------------------------------------------- */

static struct value *value_at(struct settings *s, int id)
{
    return id < SETTING_COUNT ? &s->values[id] : &s->customs[id - SETTING_COUNT].value;
}

static char *copy_or_null(struct settings *s, const char *text)
{
    return text != NULL ? heap_strdup(s->heap, text) : NULL;
}

static void push_undo(struct settings *s, int id)
{
    struct value *v = value_at(s, id);

    if (s->undo_count == s->undo_capacity) {
        size_t       capacity = MAX(s->undo_capacity * 2, (size_t)8);
        struct undo *undos = heap_must_alloc(s->heap, capacity, sizeof *undos);

        if (s->undo_count > 0)
            memcpy(undos, s->undos, s->undo_count * sizeof *undos);
        heap_free(s->undos);
        s->undos = undos;
        s->undo_capacity = capacity;
    }
    s->undos[s->undo_count++] = (struct undo){
        .id = id, .committed = copy_or_null(s, v->committed), .local = copy_or_null(s, v->local)};
}

/* Tell the session and the client about the value that holds now. The value held before, so it
 * cannot be refused. */
static void announce(struct settings *s, int id, const char *before)
{
    const char *now, *canonical;

    if (id >= SETTING_COUNT)
        return;
    now = settings_get(s, (enum setting_id)id);
    if (strcmp(before, now) == 0)
        return;
    st_clear(s->apply(s->ctx, (enum setting_id)id, now, &canonical));
    if (defs[id].flags & SETTING_REPORT)
        s->report(s->ctx, defs[id].name, now);
}

static void store(struct settings *s, struct value *v, char *text, enum setting_scope scope)
{
    (void)s;
    heap_free(v->local);
    v->local = NULL;
    switch (scope) {
    case SETTING_AT_START:
        heap_free(v->reset);
        v->reset = text;
        break;
    case SETTING_FOR_SESSION:
        heap_free(v->committed);
        v->committed = text;
        break;
    case SETTING_FOR_TRANSACTION:
        v->local = text;
        break;
    }
}

status settings_set(struct settings *s, enum setting_id id, const char *value,
                    enum setting_scope scope)
{
    const struct setting_def *d = &defs[id];
    struct value             *v = &s->values[id];
    char                     *text = NULL, *before;
    const char               *canonical = NULL;
    status                    st;

    if (d->flags & SETTING_READ_ONLY)
        return status_new(ST_CANNOT_CHANGE_PARAMETER, "parameter \"%s\" cannot be changed",
                          d->name);
    if (value == NULL)
        value = v->reset != NULL ? v->reset : d->fallback;
    TRY_RETURN(normalise(s, d, value, &text));
    st = s->apply(s->ctx, id, text, &canonical);
    if (!st_ok(st)) {
        heap_free(text);
        return st;
    }
    if (canonical != NULL) {
        heap_free(text);
        text = heap_strdup(s->heap, canonical);
    }
    before = heap_strdup(s->heap, settings_get(s, id));
    if (scope != SETTING_AT_START)
        push_undo(s, (int)id);
    store(s, v, text, scope);
    if ((d->flags & SETTING_REPORT) && strcmp(before, text) != 0 && scope != SETTING_AT_START)
        s->report(s->ctx, d->name, text);
    heap_free(before);
    return STATUS_OK;
}

void settings_force(struct settings *s, enum setting_id id, const char *value)
{
    if (strcmp(settings_get(s, id), value) == 0)
        return;
    store(s, &s->values[id], heap_strdup(s->heap, value), SETTING_FOR_SESSION);
    if (defs[id].flags & SETTING_REPORT)
        s->report(s->ctx, defs[id].name, value);
}

static int custom_find(const struct settings *s, slice name)
{
    for (size_t i = 0; i < s->custom_count; i++) {
        if (strlen(s->customs[i].name) == name.size &&
            strncasecmp(s->customs[i].name, name.data, name.size) == 0)
            return (int)i;
    }
    return -1;
}

enum { CUSTOM_SETTINGS_MAX = 1000 };

status settings_set_custom(struct settings *s, slice name, const char *value,
                           enum setting_scope scope)
{
    int i = custom_find(s, name);

    if (i < 0) {
        struct custom *customs;

        if (s->custom_count == CUSTOM_SETTINGS_MAX)
            return status_new(ST_LIMIT_EXCEEDED, "a session can hold at most %d customized options",
                              CUSTOM_SETTINGS_MAX);
        customs = heap_realloc(s->heap, s->customs, (s->custom_count + 1) * sizeof *customs);
        if (customs == NULL)
            return STATUS_OOM;
        s->customs = customs;
        i = (int)s->custom_count++;
        customs[i] = (struct custom){.name = heap_must_alloc(s->heap, 1, name.size + 1)};
        memcpy(customs[i].name, name.data, name.size);
    }
    if (scope != SETTING_AT_START)
        push_undo(s, SETTING_COUNT + i);
    store(s, &s->customs[i].value, copy_or_null(s, value), scope);
    return STATUS_OK;
}

const char *settings_get_custom(const struct settings *s, slice name)
{
    int i = custom_find(s, name);

    return i < 0 ? NULL : effective(&s->customs[i].value, "");
}

/* ---- transactions
 * ------------------------------------------------------------------------------------------ */

size_t settings_mark(const struct settings *s)
{
    return s->undo_count;
}

void settings_rollback_to(struct settings *s, size_t mark)
{
    ASSERT(mark <= s->undo_count);
    while (s->undo_count > mark) {
        struct undo  *u = &s->undos[--s->undo_count];
        struct value *v = value_at(s, u->id);
        char         *before =
            copy_or_null(s, u->id < SETTING_COUNT ? settings_get(s, (enum setting_id)u->id) : "");

        heap_free(v->committed);
        heap_free(v->local);
        v->committed = u->committed;
        v->local = u->local;
        announce(s, u->id, before);
        heap_free(before);
    }
}

static void drop_local(struct settings *s, int id)
{
    struct value *v = value_at(s, id);
    char         *before;

    if (v->local == NULL)
        return;
    before = heap_strdup(s->heap, v->local);
    heap_free(v->local);
    v->local = NULL;
    announce(s, id, before);
    heap_free(before);
}

void settings_end_transaction(struct settings *s, bool committed)
{
    if (!committed) {
        settings_rollback_to(s, 0);
        return;
    }
    for (size_t i = 0; i < s->undo_count; i++)
        drop_local(s, s->undos[i].id);
    undo_clear(s);
}

void settings_reset_all(struct settings *s)
{
    for (int id = 0; id < SETTING_COUNT; id++) {
        bool is_own = id == SETTING_TRANSACTION_ISOLATION || id == SETTING_TRANSACTION_READ_ONLY ||
                      id == SETTING_TRANSACTION_DEFERRABLE;

        if (!(defs[id].flags & SETTING_READ_ONLY) && !is_own)
            st_clear(settings_set(s, (enum setting_id)id, NULL,
                                  SETTING_FOR_SESSION)); /* a default is never refused */
    }
}
