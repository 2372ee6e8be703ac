/* lib/http/http_internal.h: between the server and its pages. */
#ifndef LINERA_HTTP_HTTP_INTERNAL_H
#define LINERA_HTTP_HTTP_INTERNAL_H

#include "http/http.h"

/* What a page writes. */
struct http_reply {
    int         code;
    const char *content_type;
    struct buf  body;
};

struct http_server {
    struct env         *env;
    struct sql_server  *sql;
    struct metrics     *metrics;
    struct http_options options;
    struct MHD_Daemon  *daemon;
    uint16_t            port;
    bool                draining;
};

/* Answer GET `path`, on the worker. */
void http_page(struct http_server *s, const char *path, struct http_reply *out);
/* An RFC 9457 problem document. */
void http_problem(struct http_reply *out, int code, const char *title, const char *detail);

#endif
