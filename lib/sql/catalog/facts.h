/* lib/sql/catalog/facts.h: what the session and the server know beside the catalog, for the system
 * views that show it: pg_settings, pg_stat_activity, pg_prepared_statements, pg_cursors.
 *
 * Arrays and strings live in the arena given, or as long as the session does not change. Order is
 * by name, of sessions by their beginning. */
#ifndef LINERA_SQL_CATALOG_FACTS_H
#define LINERA_SQL_CATALOG_FACTS_H

#include "base/arena.h"

struct sql_context;

struct setting_info {
    const char *name, *value, *reset, *boot; /* numbers in `unit` */
    const char *unit;                        /* NULL: none */
    const char *category, *text, *context, *type, *source;
    const char *min, *max;   /* NULL: not a number */
    const char *enum_values; /* "a|b|c"; NULL: no enum */
};

/* What a session does now. Times are us since 2000-01-01 UTC, 0: none. */
struct session_info {
    uint32_t    process_id, database_oid, user_oid;
    const char *user, *database, *application_name, *client_address, *state, *query, *wait_event;
    int64_t     backend_start_us, transaction_start_us, query_start_us, state_change_us;
};

struct prepared_info {
    const char     *name, *statement;
    int64_t         prepared_us;
    size_t          param_count;
    const uint32_t *param_types;
    bool            from_sql;
};

struct cursor_info {
    const char *name, *statement;
    int64_t     created_us;
};

struct sql_facts {
    struct setting_info *(*settings)(struct sql_context *c, struct arena *a, size_t *count);
    struct session_info *(*sessions)(struct sql_context *c, struct arena *a, size_t *count);
    struct prepared_info *(*prepared)(struct sql_context *c, struct arena *a, size_t *count);
    struct cursor_info *(*cursors)(struct sql_context *c, struct arena *a, size_t *count);
    /* Ask a session to end its statement; false: there is no such session. */
    bool (*cancel)(struct sql_context *c, uint32_t process_id);
};

#endif
