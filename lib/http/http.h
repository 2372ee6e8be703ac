/* lib/http/http.h: the control plane: health, metrics and state of the node over HTTP, as
 * docs/openapi.yaml says.
 *
 * libmicrohttpd serves the sockets on a thread of its own. A request is suspended there, handed to
 * the worker, which owns all state, answered in a fiber of it, and resumed. */
#ifndef LINERA_HTTP_HTTP_H
#define LINERA_HTTP_HTTP_H

#include <stdint.h>

#include "base/buf.h"
#include "base/metrics.h"
#include "base/status.h"

struct env;
struct http_server;
struct sql_server;

/* Texts are copied. */
struct http_options {
    const char *host;
    uint16_t    port;     /* 0: any free one */
    const char *sql_host; /* where clients of SQL connect, for /api/v1/cluster */
    uint16_t    sql_port;
    const char *store;
    uint64_t    started_wall_us;
};

/* Listen and serve; `sql` and `metrics` are borrowed until http_server_stop(). OBJECT_IN_USE: the
 * port is taken. */
status   http_server_start(struct env *env, struct sql_server *sql, struct metrics *metrics,
                           const struct http_options *options, struct http_server **out) MUST_CHECK;
uint16_t http_server_port(const struct http_server *s);
/* /ready answers 503 from now on: load balancers look elsewhere. */
void     http_server_drain(struct http_server *s);
/* Requests under way are answered first. Accepts NULL. MAY_YIELD. */
void     http_server_stop(struct http_server *s);

#endif
