/* lib/sql/session/session.h: one client's conversation with the database: its transaction,
 * settings, prepared statements and portals. The protocol layer calls it and gets results through a
 * result_sink; so do tests. A session belongs to one worker; one fiber at a time runs it. */
#ifndef LINERA_SQL_SESSION_SESSION_H
#define LINERA_SQL_SESSION_SESSION_H

#include "base/buf.h"
#include "sql/catalog/facts.h"
#include "sql/context.h"
#include "sql/exec/exec.h"
#include "sql/session/statement_stats.h"

struct env;
struct sql_server;
struct sql_session;
struct txn_system;

/* ---- the node's part
 * ---------------------------------------------------------------------------------- */

struct sql_server_options {
    size_t      sql_memory;     /* bytes all statements together may hold; 0: no limit */
    size_t      session_memory; /* bytes one statement may hold; 0: no limit */
    size_t      connections_max;
    bool        auto_analyze; /* take statistics of tables that have changed enough */
    const char *temp_dir; /* for temporary files; copied; made when needed. NULL: nothing spills */
    bool        temp_is_encrypted; /* they are, each with a key that is forgotten with it */
};

/* The catalog must be open; `c` and `txns` are borrowed until sql_server_free(). */
status sql_server_new(struct env *env, struct catalog *c, struct txn_system *txns,
                      const struct sql_server_options *options, struct sql_server **out) MUST_CHECK;
/* All sessions must be closed. MAY_YIELD. */
void   sql_server_free(struct sql_server *s);

/* Ask the session with this cancel key to stop what it is doing; no answer, as the protocol wants
 * it. */
void sql_server_cancel(struct sql_server *s, uint32_t process_id, uint32_t secret);
/* Take no new transactions from now on. */
void sql_server_drain(struct sql_server *s);

struct sql_counters {
    uint64_t sessions, statements, errors, rows, memory_bytes;
    /* Transactions that were run again unseen: tries, and how they ended. */
    uint64_t replays_attempted, replays_succeeded, replays_diverged;
};
void sql_server_counters(const struct sql_server *s, struct sql_counters *out);

/* What sessions do now (catalog/facts.h), for pg_stat_activity and the control plane. Strings live
 * in `a`. */
struct session_info *sql_server_sessions(struct sql_server *s, struct arena *a, size_t *count);

/* A page of what statements have cost since the node started, and how many kinds of them have made
 * room for others. */
struct statement_info *sql_server_statements(struct sql_server *s, struct arena *a,
                                             const struct statement_page *page, size_t *count,
                                             bool *more, uint64_t *evicted);

/* ---- results
 * ------------------------------------------------------------------------------------------ */

enum copy_format { COPY_TEXT, COPY_CSV, COPY_BINARY };

/* Where results go. Calls that write may block the fiber while the client is slow to read (pitfall
 * P9): no latch and no catalog look-up is pending then. An error from a call ends the session. */
struct result_sink {
    /* Columns of the rows to come; formats[i] is 0 text, 1 binary. Sent for simple queries and
     * Describe. */
    status (*describe)(struct result_sink *k, const struct result_column *columns, size_t count,
                       const int16_t *formats);
    status (*rows)(struct result_sink *k, struct sql_context *c, const struct batch *b,
                   const int16_t *formats);
    status (*complete)(struct result_sink *k, const char *tag);
    status (*empty)(struct result_sink *k);
    status (*notice)(struct result_sink *k, const char *severity, status st); /* takes `st` over */
    status (*parameter_status)(struct result_sink *k, const char *name, const char *value);
    status (*copy_in_begin)(struct result_sink *k, enum copy_format format, size_t column_count);
    /* The next piece of what the client sends; NO_DATA at its end. Borrowed until the next call. */
    status (*copy_in_read)(struct result_sink *k, slice *out);
    status (*copy_out_begin)(struct result_sink *k, enum copy_format format, size_t column_count);
    status (*copy_out_row)(struct result_sink *k, slice row);
    status (*copy_out_end)(struct result_sink *k);
    /* A place to come back to: rewind drops what was written since the mark and returns true, or
     * returns false when some of it has left for the client. Lets a statement be run again unseen
     * (architecture section 9). */
    size_t (*mark)(struct result_sink *k);
    bool (*rewind)(struct result_sink *k, size_t mark);
    /* Whether the client is known to have gone: its statement then ends within a second or so.
     * NULL: it never goes. */
    bool (*is_gone)(struct result_sink *k);
    /* A digest of all that is written between the two calls. */
    void (*digest_begin)(struct result_sink *k);
    uint64_t (*digest_end)(struct result_sink *k);
    /* A sink that writes what `k` would and keeps nothing but the digest; `k` owns it. */
    struct result_sink *(*silent)(struct result_sink *k);
};

/* ---- sessions
 * ----------------------------------------------------------------------------------------- */

struct session_setting {
    const char *name, *value;
};

struct session_start {
    const char                   *user, *database, *client_address;
    const struct session_setting *settings; /* startup parameters other than user and database */
    size_t                        setting_count;
};

/* Open a session. Errors: unknown role (28000), unknown database (3D000), too many connections
 * (53300). Reported parameters go to the sink. MAY_YIELD. */
status session_open(struct sql_server *server, const struct session_start *start,
                    struct result_sink *sink, struct sql_session **out) MUST_CHECK;
/* Roll back what is open and free everything. Accepts NULL. */
void   session_close(struct sql_session *s);

uint32_t session_process_id(const struct sql_session *s);
uint32_t session_secret(const struct sql_session *s);
/* 'I' idle, 'T' in a transaction, 'E' in a failed one: the byte of ReadyForQuery. */
char     session_transaction_state(const struct sql_session *s);

/* Simple query: run every statement of `text`, results to the sink. On an error the rest is dropped
 * and the implicit transaction rolled back (pitfall P2). MAY_YIELD, as all below. */
status session_simple_query(struct sql_session *s, slice text) MUST_CHECK;

/* Extended query, PostgreSQL 15 chapter 55.2.3. Empty names are the unnamed statement and portal.
 */
status session_parse(struct sql_session *s, const char *name, slice text,
                     const uint32_t *param_types, size_t param_count) MUST_CHECK;

struct bind_values {
    const int16_t *formats; /* format_count of them: none, one for all, or one each */
    size_t         format_count;
    const slice   *values; /* data NULL and size 0: null */
    const bool    *nulls;
    size_t         count;
    const int16_t *result_formats;
    size_t         result_format_count;
};
status session_bind(struct sql_session *s, const char *portal, const char *statement,
                    const struct bind_values *v) MUST_CHECK;

/* Describe 'S' statement: parameter types, then columns; *column_count 0 with *has_rows false means
 * NoData. */
struct statement_description {
    const uint32_t             *param_types;
    size_t                      param_count;
    bool                        has_rows;
    const struct result_column *columns;
    size_t                      column_count;
    const int16_t              *formats; /* portals; NULL: all text */
};
status session_describe_statement(struct sql_session *s, const char *name,
                                  struct statement_description *out) MUST_CHECK;
status session_describe_portal(struct sql_session *s, const char *name,
                               struct statement_description *out) MUST_CHECK;

/* Run a portal; at most `rows_max` rows (0: all). *suspended: the row count was reached (pitfall
 * P3). */
status session_execute(struct sql_session *s, const char *portal, uint32_t rows_max,
                       bool *suspended) MUST_CHECK;
void   session_close_statement(struct sql_session *s, const char *name);
void   session_close_portal(struct sql_session *s, const char *name);

/* Sync: commit the implicit transaction. Must also be called after an error, with failed = true:
 * then it rolls back what was implicit, or marks an explicit transaction as failed. */
status session_sync(struct sql_session *s, bool failed) MUST_CHECK;

/* Tell the sink of reported settings (ParameterStatus) whose value is another than it was told
 * last: before each ReadyForQuery, as PostgreSQL does (pitfall P7). */
void session_report_settings(struct sql_session *s);

/* How long the client may now keep silent (idle_in_transaction_session_timeout and
 * idle_session_timeout), as a deadline; 0: as long as it likes. Between statements only. */
uint64_t session_idle_deadline_us(const struct sql_session *s);
/* Why it is thrown out when it kept silent for longer: 25P03 or 57P05. */
status   session_idle_error(const struct sql_session *s) MUST_CHECK;

/* Mark the transaction as failed after an error in the extended protocol; session_sync() ends it.
 */
void session_note_error(struct sql_session *s);

#endif
