/* lib/pgwire/server.h: PostgreSQL's protocol 3.0 on a listening socket: one fiber per connection,
 * one session behind each. A malformed or hostile packet costs its own connection and nothing else.
 */
#ifndef LINERA_PGWIRE_SERVER_H
#define LINERA_PGWIRE_SERVER_H

#include "base/status.h"
#include "sql/session/session.h"

struct env;
struct pgwire_server;

struct pgwire_options {
    const char *host;
    uint16_t    port;               /* 0: any free one */
    size_t      connections_max;    /* further clients get 53300 */
    uint64_t    startup_timeout_us; /* from accept to the end of the start-up packet */
};

/* Listen and serve. `sql` is borrowed until pgwire_server_stop(). An address in use is one clear
 * error. */
status pgwire_server_start(struct env *env, struct sql_server *sql,
                           const struct pgwire_options *options, struct pgwire_server **out)
    MUST_CHECK;

/* The port that is listened on. */
uint16_t pgwire_server_port(const struct pgwire_server *s);

/* Take no more connections; those that are there end with 57P01 when they are idle. After
 * `grace_us` the others end, too, in the middle of their statements; those whose client does not
 * take the error are cut a second later. Returns when all have ended. MAY_YIELD. */
void pgwire_server_stop(struct pgwire_server *s, uint64_t grace_us);

size_t pgwire_server_connections(const struct pgwire_server *s);

#endif
