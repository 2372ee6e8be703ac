/* lib/sql/session/settings.h: the settings of a session: SET, SHOW, RESET, their defaults, who may
 * change them and which the client is told of. */
#ifndef LINERA_SQL_SESSION_SETTINGS_H
#define LINERA_SQL_SESSION_SETTINGS_H

#include "base/arena.h"
#include "base/heap.h"
#include "base/slice.h"
#include "base/status.h"

struct arena;
struct settings;

enum setting_kind { SETTING_BOOL, SETTING_INT, SETTING_REAL, SETTING_STRING, SETTING_ENUM };

enum setting_flags {
    SETTING_REPORT = 1 << 0,    /* ParameterStatus goes out when it changes (pitfall P7) */
    SETTING_READ_ONLY = 1 << 1, /* SHOW only */
    SETTING_NO_EFFECT = 1 << 2, /* taken for the sake of clients; docs/limits.md lists them */
    SETTING_LIST = 1 << 3,      /* a list of names: search_path, DateStyle */
    SETTING_UNLISTED = 1 << 4,  /* not in SHOW ALL and pg_settings */
};

enum setting_id {
#define X(id, name, kind, fallback, unit, min, max, values, flags, category, text) SETTING_##id,
#include "sql/session/settings.def"
#undef X
    SETTING_COUNT
};

struct setting_def {
    const char       *name;
    enum setting_kind kind;
    const char       *fallback; /* value at start */
    const char       *unit;     /* "ms", "kB" or NULL: what a bare number means */
    int64_t           min, max; /* SETTING_INT */
    const char       *values;   /* SETTING_ENUM: "a|b|c" */
    unsigned          flags;
    const char       *category; /* pg_settings.category */
    const char       *text;     /* pg_settings.short_desc */
};

const struct setting_def *setting_def_at(size_t position); /* NULL behind the last */
/* Position of a setting by its name, letter case aside; -1: none. */
int                       setting_find(slice name);

/* Called before a value is stored: makes it effective. An error refuses the value and leaves all as
 * it was. *canonical, NULL before the call, may be set to the form to store and to show; it is
 * borrowed until the next call. */
typedef status (*setting_apply)(void *ctx, enum setting_id id, const char *value,
                                const char **canonical);
/* Called when a reported setting got another value, also by RESET or rollback. */
typedef void (*setting_report)(void *ctx, const char *name, const char *value);

struct settings *settings_new(struct heap *heap, setting_apply apply, setting_report report,
                              void *ctx);
void             settings_free(struct settings *s);

/* The current value, numbers in the setting's unit; lives until the setting changes. */
const char *settings_get(const struct settings *s, enum setting_id id);
/* What RESET goes back to, and where the current value comes from, in pg_settings' words:
 * "default", "override" (the server), "client" (the startup packet) or "session". */
const char *settings_get_reset(const struct settings *s, enum setting_id id);
const char *settings_get_source(const struct settings *s, enum setting_id id);
/* A value as SHOW prints it: "5s" rather than "5000". */
const char *setting_with_unit(struct arena *a, enum setting_id id, const char *value);
int64_t     settings_get_int(const struct settings *s,
                             enum setting_id        id); /* in the setting's unit; bools 0, 1 */

enum setting_scope {
    SETTING_FOR_SESSION,     /* SET: until the session ends, undone by rollback */
    SETTING_FOR_TRANSACTION, /* SET LOCAL */
    SETTING_AT_START,        /* startup packet: becomes what RESET goes back to */
};

/* Check, normalise and apply a value; NULL resets. Errors: 22023, 55P02. */
status settings_set(struct settings *s, enum setting_id id, const char *value,
                    enum setting_scope scope) MUST_CHECK;
/* For values that the server itself knows (transaction_isolation, is_superuser): no check, no undo.
 */
void   settings_force(struct settings *s, enum setting_id id, const char *value);

/* Names with a dot that nobody has defined: kept as text, as PostgreSQL keeps customised options.
 */
status      settings_set_custom(struct settings *s, slice name, const char *value,
                                enum setting_scope scope) MUST_CHECK;
const char *settings_get_custom(const struct settings *s, slice name); /* NULL: none */

/* Savepoints: a mark, and back to it. Transaction ends: committed keeps SET and drops SET LOCAL. */
size_t settings_mark(const struct settings *s);
void   settings_rollback_to(struct settings *s, size_t mark);
void   settings_end_transaction(struct settings *s, bool committed);
void   settings_reset_all(struct settings *s);

#endif
