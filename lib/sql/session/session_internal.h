/* lib/sql/session/session_internal.h: shared by the files of this folder only. */
#ifndef LINERA_SQL_SESSION_SESSION_INTERNAL_H
#define LINERA_SQL_SESSION_SESSION_INTERNAL_H

#include "base/hmap.h"
#include "base/list.h"
#include "env/env.h"
#include "sql/parse/normalise.h"
#include "sql/parse/parse.h"
#include "sql/session/plan_cache.h"
#include "sql/session/session.h"
#include "sql/session/settings.h"
#include "sql/session/statement_stats.h"
#include "txn/txn.h"

struct fiber;

enum { SEARCH_PATH_MAX = 32 };

struct sql_server {
    struct env               *env;
    struct heap              *heap;
    struct catalog           *catalog;
    struct txn_system        *txns;
    struct sql_server_options options;
    struct mem_account        account;
    char                     *temp_dir; /* NULL: nothing spills */
    bool                      temp_is_encrypted;
    struct fiber             *analyzer; /* auto_analyze.c; NULL: off */
    struct env_cond           analyze_due;
    bool                      analyze_stopping;
    struct list               sessions;
    size_t                    session_count;
    uint32_t                  process_id_next;
    bool                      draining;
    struct fiber             *watch; /* interrupt.c */
    struct env_cond           watch_changed;
    uint64_t                  watch_until_us; /* when it looks next; 0: when it is told to */
    bool                      watch_stopping;
    uint64_t                  statements_total, errors_total, rows_total;
    uint64_t                  replays_attempted, replays_succeeded, replays_diverged;
    struct time_zones        *zones; /* types/timezone.h */
    struct statement_stats   *stats;
};

enum interrupt { INTERRUPT_NONE, INTERRUPT_REQUEST, INTERRUPT_TIMEOUT, INTERRUPT_GONE };

/* How the running transaction came to be. */
enum txn_block {
    BLOCK_NONE,     /* no transaction */
    BLOCK_IMPLICIT, /* of one statement, of a simple query with several, or of a pipeline until Sync
                     */
    BLOCK_EXPLICIT, /* BEGIN */
    BLOCK_FAILED,   /* BEGIN, and an error since: only ROLLBACK, COMMIT and ROLLBACK TO are heard */
};

/* A plan and what it was made for. Running portals hold references: planning the statement anew
 * must not pull the plan from under them. */
struct planned {
    int           references;
    struct arena *arena;
    struct plan  *plan;
    uint64_t      version;  /* catalog_version() that it is good for */
    uint64_t      settings; /* settings generation likewise (search_path; pitfall Q1) */
    size_t        table_count;
    uint32_t     *table_oids; /* relations it reads or writes: held anew by each transaction */
};

/* A statement that was parsed, and planned once its plan was needed. Portals hold references:
 * replacing the unnamed statement must not pull the plan from under an open portal. */
struct prepared {
    int                         references;
    char                       *name;  /* "" for the unnamed one */
    struct arena               *arena; /* text and parse tree */
    slice                       text;
    const PgQuery__Node        *node; /* NULL: an empty statement */
    size_t                      param_count;
    uint32_t                   *param_types;
    struct planned             *planned;      /* NULL: not planned */
    size_t                      column_count; /* of utility statements with rows: in `arena` */
    const struct result_column *columns;
    bool                        has_rows;
    bool                        plan_used; /* by an earlier run */
    bool                        from_sql;  /* PREPARE, not the protocol */
    int64_t                     prepared_us;
    struct statement_entry     *entry; /* of its text, once it has run; owned reference */
};

struct portal {
    int                references; /* of the session by name, of a replay */
    char              *name;
    struct prepared   *statement;
    struct arena      *arena; /* parameter values, formats */
    struct mem_account account;
    datum             *params;
    bool              *param_nulls;
    size_t             param_count;
    const int16_t     *formats;   /* one per result column; NULL: text */
    struct execution  *execution; /* NULL before the first Execute and after the end */
    struct planned    *planned;   /* what `execution` runs */
    bool               done;
    const char        *tag;       /* of a utility statement with rows that has run */
    bool               binary;    /* DECLARE BINARY: simple queries get binary rows, too */
    bool               silent;    /* rows are counted, not sent: MOVE */
    uint64_t           row_count; /* of all runs */
    uint64_t           sent;      /* by the newest run */
    int64_t            created_us;
    uint64_t           elapsed_us; /* of the runs before this one, which were suspended */
};

struct savepoint {
    struct savepoint *outer;
    char             *name;
    size_t            settings_mark;
    txn_savepoint_id  txn_savepoint;
    size_t            deferred_count; /* foreign-key checks put off before it */
};

struct sql_session {
    struct sql_context   context;
    struct sql_server   *server;
    struct list          link;
    struct heap         *heap;
    struct result_sink  *sink;
    struct mem_account   account;
    struct settings     *settings;
    uint64_t             settings_generation; /* grows when a plan's meaning may have changed */
    uint32_t             process_id, secret;
    char                *user, *database, *client_address;
    struct fiber        *fiber;             /* the one that serves the session */
    bool                 running;           /* between interruptible_begin() and its end */
    enum interrupt       interrupt;         /* why the running statement is to end */
    uint64_t             deadline_us;       /* of the statement, monotonic; 0: none */
    uint64_t             statement_mono_us; /* when it began */
    uint64_t             statement_rows;
    const struct portal *utility; /* runs a utility statement; NULL: none, or a simple query */
    struct txn          *txn;
    struct catalog_view *view;
    enum txn_block       block;
    struct savepoint    *savepoints;
    struct plan_cache   *plans; /* of simple statements, by shape */
    struct normalised    normalised;
    struct hmap          statements, portals; /* by name */
    struct arena        *scratch;             /* of the running simple query */
    int64_t              start_us, state_change_us, query_start_us;
    char                 query_text[1024]; /* the newest, cut, for pg_stat_activity */
    bool                 open;             /* the client may be told of changed settings */
    bool                 several;          /* the simple query holds several statements */
    bool                 replayable;       /* the running statement may be run again unseen */
    struct replay       *replay;           /* of the running transaction */
    bool                 settings_changed; /* a reported one; perhaps back to what it was */
    char                *reported[SETTING_COUNT]; /* what the client was told; NULL: nothing */
    bool                 search_path_changed;     /* since it was last split into names */
    char                *search_path_text;        /* holds the names */
    const char          *search_path[SEARCH_PATH_MAX];
    size_t               search_path_count;
};

/* facts.c */
extern const struct sql_facts session_facts;

/* ---- interrupt.c
 * ---------------------------------------------------------------------------------------- */

/* The fiber that keeps time limits. */
status session_watch_start(struct sql_server *server) MUST_CHECK;
void   session_watch_stop(struct sql_server *server);
/* Between these two, cancellation has a target (pitfall P6) and statement_timeout runs. The end
 * takes `st` and returns it, or what stands behind it when the work was interrupted. */
void   interruptible_begin(struct sql_session *s);
status interruptible_end(struct sql_session *s, status st) MUST_CHECK;
/* pg_cancel_backend(): as a cancel request whose key is known to be right. False: no such session.
 */
bool   session_cancel(struct sql_server *server, uint32_t process_id);

/* ---- transaction.c
 * ---------------------------------------------------------------------------------------- */

/* The wall clock, since 2000. */
int64_t session_now_us(struct sql_session *s);
/* Make sure a transaction runs, and take a new statement step in it. */
status  transaction_begin_statement(struct sql_session *s) MUST_CHECK;
/* End an implicit transaction; an explicit one stays. `failed`: roll back, or mark the block as
 * failed. */
status  transaction_end_statement(struct sql_session *s, bool failed) MUST_CHECK;
status  transaction_commit(struct sql_session *s) MUST_CHECK;
void    transaction_rollback(struct sql_session *s);
/* The same, leaving portals alone: they will go on in the transaction's next attempt. */
void    transaction_abandon(struct sql_session *s);
/* BEGIN, COMMIT, SAVEPOINT ...; *tag is the command tag. */
/* SET TRANSACTION, or with `characteristics` SET SESSION CHARACTERISTICS AS TRANSACTION. */
status  transaction_set_options(struct sql_session *s, PgQuery__Node *const *options, size_t count,
                                bool characteristics) MUST_CHECK;
/* session.c: hand the search path to the transaction's view of the catalog. */
void    session_apply_search_path(struct sql_session *s);
/* session.c: SET and the startup packet; names with a dot need not be known. */
status  session_set(struct sql_session *s, slice name, const char *value, enum setting_scope scope)
    MUST_CHECK;
status session_start_options(struct sql_session *s, const char *options) MUST_CHECK;
status transaction_command(struct sql_session *s, const PgQuery__TransactionStmt *stmt,
                           const char **tag) MUST_CHECK;

/* ---- prepared.c
 * ------------------------------------------------------------------------------------------- */

struct prepared *prepared_new(struct sql_session *s, const char *name);
void             prepared_unref(struct prepared *p);
void             planned_unref(struct planned *p); /* Accepts NULL. */
/* Bind and plan, unless the plan at hand still holds. Needs a transaction. */
status           prepared_plan(struct sql_session *s, struct prepared *p) MUST_CHECK;
/* Take the tables of the plan into this transaction's holds. A plan points into descriptors:
 * holding its tables keeps them as they are, and only then can *current tell whether they still are
 * what the plan was made for. */
status           prepared_hold(struct sql_session *s, struct prepared *p, bool *current) MUST_CHECK;
/* The same, and plan anew what is out of date. The client knows the columns: 0A000 when they would
 * change. */
status           prepared_revalidate(struct sql_session *s, struct prepared *p) MUST_CHECK;
bool             statement_is_plannable(const PgQuery__Node *node);
/* COMMIT, ROLLBACK, ROLLBACK TO: what a failed block still hears. */
bool             statement_ends_transaction(const PgQuery__Node *node);
status           in_failed_transaction(void) MUST_CHECK;
status           portal_missing(const char *name) MUST_CHECK;
status           statement_missing(const char *name) MUST_CHECK;
struct prepared *prepared_find(struct sql_session *s, const char *name);
/* Add under its name; the unnamed one replaces its predecessor. */
status           prepared_add(struct sql_session *s, struct prepared *p) MUST_CHECK;
/* Parse analysis of p->node: plans what can be planned, so that types and columns are known. */
status           prepared_analyse(struct sql_session *s, struct prepared *p) MUST_CHECK;
bool             statement_returns_rows(const struct prepared *p);
const struct result_column *prepared_columns(const struct prepared *p, size_t *count);
void                        session_close_all_statements(struct sql_session *s);
/* The statement that runs now runs `p` for its own query: DECLARE CURSOR and EXPLAIN. Gives `p` the
 * parameter types that the running one has been given; portal_inherit_params() the values. */
void                        prepared_inherit_params(struct sql_session *s, struct prepared *p);
void                        portal_inherit_params(struct sql_session *s, struct portal *x);
struct portal              *portal_new(struct sql_session *s, const char *name, struct prepared *p);

/* The values of $1 ... by the statement's types, copied into the portal. */
status portal_decode_params(struct sql_session *s, struct portal *x, const struct bind_values *v)
    MUST_CHECK;
struct portal *portal_find(struct sql_session *s, const char *name);
/* Give a reference back; the last one frees. What it runs ends in any case. Accepts NULL. */
void           portal_free(struct sql_session *s, struct portal *p);
/* All portals end with their transaction. */
void           portals_close_all(struct sql_session *s);

/* ---- run.c
 * ------------------------------------------------------------------------------------------------
 */

/* Run a portal to its end or `rows_max`; sends rows and completion to the sink. */
status portal_run(struct sql_session *s, struct portal *p, uint32_t rows_max, bool *suspended)
    MUST_CHECK;
/* The planned part of it: EXECUTE and FETCH run portals of their own. */
status portal_send_rows(struct sql_session *s, struct portal *p, uint64_t rows_max, bool *suspended)
    MUST_CHECK;
status      portal_open(struct sql_session *s, struct portal *p) MUST_CHECK;
const char *command_tag(struct arena *a, const PgQuery__Node *node, uint64_t rows);

/* Run one statement as part of the running transaction, which it leaves open. */
status statement_run_text(struct sql_session *s, slice text) MUST_CHECK;

/* ---- replay.c
 * ------------------------------------------------------------------------------------------ */

struct replay *replay_new(struct heap *heap);
void           replay_free(struct sql_session *s);
/* Nothing has run yet, or what has run has ended. */
void           replay_reset(struct sql_session *s);
/* A transaction begins. */
void           replay_new_transaction(struct sql_session *s);
bool           replay_is_running(const struct sql_session *s);
/* The running transaction will not be run again. */
void           replay_off(struct sql_session *s);
/* A statement begins, for the first time or again. */
void           replay_begin(struct sql_session *s);
/* It has succeeded: keep `text`, or the portal `x` if that is not NULL. `node` NULL: it was
 * planned. */
void   replay_note(struct sql_session *s, const PgQuery__Node *node, slice text, struct portal *x);
/* It has failed with `st`, which is taken over. OK: the transaction, begun anew, stands where it
 * stood before the statement (of portal `x`, or NULL), nothing of which was written: run it again.
 * Otherwise the error for the client. MAY_YIELD. */
status replay_retry(struct sql_session *s, status st, const PgQuery__Node *node, struct portal *x)
    MUST_CHECK;
/* The commit behind Sync has failed with `st`. The newest statement need not give the same results
 * again when the client has nothing of it yet: its portal, to be run after replay_retry(), then
 * freed; or NULL. */
struct portal *replay_take_back(struct sql_session *s, status st);

/* ---- utility.c
 * -------------------------------------------------------------------------------------------- */

/* Run a statement that is not planned. `describe`: rows need a RowDescription (simple protocol). */
status utility_run(struct sql_session *s, const PgQuery__Node *node, slice text, bool describe,
                   const char **tag) MUST_CHECK;
/* The columns a utility statement will return: SHOW, EXPLAIN, EXECUTE, FETCH. */
status utility_columns(struct sql_session *s, struct arena *a, const PgQuery__Node *node,
                       const struct result_column **columns, size_t *count, bool *has_rows)
    MUST_CHECK;

/* ---- copy.c
 * -----------------------------------------------------------------------------------------------
 */

status copy_run(struct sql_session *s, const PgQuery__CopyStmt *stmt, slice text, uint64_t *rows)
    MUST_CHECK;

/* Rows of text columns made here, for SHOW and EXPLAIN. */
status send_text_rows(struct sql_session *s, const char *const *names, size_t columns,
                      const char *const *cells, size_t rows, bool describe) MUST_CHECK;
/* Descriptions of text columns, in `a`; the names are borrowed. */
const struct result_column *session_text_columns(struct arena *a, const char *const *names,
                                                 size_t count);

/* auto_analyze.c */
status auto_analyze_start(struct sql_server *server) MUST_CHECK;
void   auto_analyze_stop(struct sql_server *server);
/* Something was committed: look whether statistics are due. */
void   auto_analyze_wake(struct sql_server *server);

/* explain.c */
status session_explain(struct sql_session *s, const PgQuery__ExplainStmt *stmt, slice text,
                       bool describe) MUST_CHECK;
const struct result_column *explain_columns(struct arena *a, const PgQuery__ExplainStmt *stmt);

#endif
