/* tests/common/pg_client.h: a client of PostgreSQL's protocol on an environment's network, so that
 * tests in the simulator speak SQL as programs do. One fiber at a time uses a client. */
#ifndef LINERA_TESTS_COMMON_PG_CLIENT_H
#define LINERA_TESTS_COMMON_PG_CLIENT_H

#include "env/env.h"

struct pg_client;

/* Connect and start up, as superuser "postgres" of database "postgres". `host` is borrowed for as
 * long as the client lives. Each later exchange may
 * take `timeout_us`, too. An error of the server (it starts, it has too many clients) is given as
 * CONNECTION_REFUSED. On success *out is the caller's. */
status MAY_YIELD pg_connect(struct env *env, const char *host, uint16_t port, uint64_t timeout_us,
                            struct pg_client **out) MUST_CHECK;
/* Close without a farewell, as a process that dies. Accepts NULL. */
void             pg_close(struct pg_client *c);

/* Run `sql` by the simple protocol and take everything up to ReadyForQuery. An error of the server
 * is a result, see pg_sqlstate(); a status is the connection's end: only pg_close() makes sense. */
status MAY_YIELD pg_query(struct pg_client *c, const char *sql) MUST_CHECK;
/* The same by the extended protocol: Parse, Bind with text values (NULL: null), Execute, Sync. */
status MAY_YIELD pg_execute(struct pg_client *c, const char *sql, const char *const *values,
                            size_t count) MUST_CHECK;

/* ---- the newest result; valid until the next query
 * --------------------------------------------------------------------------------------- */

/* Of the error that ended it; NULL when there was none. */
const char *pg_sqlstate(const struct pg_client *c);
const char *pg_message(const struct pg_client *c); /* of that error */
/* The last command's tag; "" when none has completed. */
const char *pg_tag(const struct pg_client *c);
char        pg_state(const struct pg_client *c); /* 'I', 'T', 'E' */
/* Rows of all statements of the query, one after the other. */
size_t      pg_row_count(const struct pg_client *c);
/* A value as text; NULL: null, or there is no such place. */
const char *pg_value(const struct pg_client *c, size_t row, size_t column);

/* Ask the server, over a connection of its own, to stop what `c` is running. Errors are dropped.
 * `c` may be closed meanwhile. */
void MAY_YIELD pg_cancel(const struct pg_client *c);

#endif
