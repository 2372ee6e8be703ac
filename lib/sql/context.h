/* lib/sql/context.h: what a statement knows of the world around it: settings, time, names, a place
 * for notices. The session owns it; types, functions, binder, planner and executor borrow it. */
#ifndef LINERA_SQL_CONTEXT_H
#define LINERA_SQL_CONTEXT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/slice.h"
#include "base/status.h"

struct catalog;
struct catalog_view;
struct deferred_checks; /* exec/write.h */
struct env;
struct sequence_session;
struct sql_facts; /* catalog/facts.h */
struct sql_session;
struct txn;

enum date_order { DATE_ORDER_MDY, DATE_ORDER_DMY, DATE_ORDER_YMD };
enum date_style { DATE_STYLE_ISO, DATE_STYLE_POSTGRES, DATE_STYLE_SQL, DATE_STYLE_GERMAN };
enum interval_style {
    INTERVAL_POSTGRES,
    INTERVAL_POSTGRES_VERBOSE,
    INTERVAL_SQL_STANDARD,
    INTERVAL_ISO_8601
};

struct time_zone; /* types/timezone.h */
struct time_zones;

/* The settings that change what a value or a name means; the session keeps them current. */
struct sql_settings {
    enum date_order         date_order;
    enum date_style         date_style;
    enum interval_style     interval_style;
    const struct time_zone *time_zone;
    int                     extra_float_digits;
    bool                    bytea_output_escape; /* false: hex */
    bool                    standard_conforming_strings;
    size_t work_mem; /* bytes that an operator keeps before it spills; 0: no limit */
    bool   no_hashjoin, no_mergejoin, no_nestloop; /* enable_... = off */
};

struct sql_context {
    struct env         *env;
    struct sql_session *session; /* NULL in unit tests */
    struct catalog_view
        *catalog; /* names and descriptors as the transaction sees them; may be NULL in tests */
    struct txn             *txn; /* the running transaction; NULL outside of one */
    /* The node\'s zones (types/timezone.h); NULL: only UTC and offsets are known. */
    struct time_zones      *time_zones;
    struct deferred_checks *deferred; /* foreign keys to check at commit; the session's. NULL: all
                                         are checked when their statement ends */
    struct sql_settings     settings;
    struct {
        const char *dir;      /* for temporary files; NULL: nothing spills */
        uint64_t    used;     /* bytes of the session's temporary files */
        uint64_t    size_max; /* temp_file_limit; 0: none */
        bool        is_encrypted;
    } temp;
    int64_t     txn_start_us;       /* now(): us since 2000-01-01 UTC */
    int64_t     statement_start_us; /* statement_timestamp() */
    const char *database, *user, *session_user;
    uint32_t    database_oid, user_oid;
    uint32_t    process_id;      /* pg_backend_pid() */
    uint64_t    random_state[4]; /* random() and setseed() of this session */
    /* The statement has changed what no rollback undoes, for others to see. */
    bool        touched_outside;

    /* Send a notice to the client; `st` is taken over. severity: "NOTICE", "WARNING", "INFO" ... */
    void (*notice)(struct sql_context *c, const char *severity, status st);
    /* What this session has taken from sequences: sql/catalog/sequence.h, whose functions stand
     * behind the four pointers that follow. NULL in unit tests. */
    struct sequence_session *sequences;
    status (*sequence_next)(struct sql_context *c, uint32_t sequence_oid, int64_t *out);
    status (*sequence_current)(struct sql_context *c, uint32_t sequence_oid, int64_t *out);
    status (*sequence_last)(struct sql_context *c, int64_t *out);
    status (*sequence_set)(struct sql_context *c, uint32_t sequence_oid, int64_t value,
                           bool is_called);
    /* What system views show of sessions and settings; NULL in unit tests. */
    const struct sql_facts *facts;
    /* Settings by name, for current_setting() and set_config(); *out is NULL when there is none. */
    status (*setting_get)(struct sql_context *c, slice name, struct arena *a, const char **out);
    status (*setting_set)(struct sql_context *c, slice name, slice value, bool local);
};

/* CANCELLED when the statement was cancelled or timed out: long loops ask once per batch.
 * MAY_YIELD. */
status sql_check_interrupts(struct sql_context *c) MUST_CHECK;

/* 54001 when little is left of the stack: whatever recurses over SQL asks at each level (pitfall
 * E3). Outside of fibers (unit tests, tools) it is never short. */
status sql_check_stack(const struct sql_context *c) MUST_CHECK;

#endif
