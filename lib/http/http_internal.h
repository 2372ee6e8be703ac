/* lib/http/http_internal.h: between the server and its pages. */
#ifndef LINERA_HTTP_HTTP_INTERNAL_H
#define LINERA_HTTP_HTTP_INTERNAL_H

#include <cjson/cJSON.h>

#include "http/http.h"

enum { HTTP_ARGUMENTS_MAX = 8 };

/* What a page is asked for: "/path?name=value". */
struct http_request {
    char  *path;
    size_t argument_count;
    struct http_argument {
        char *name, *value;
    } arguments[HTTP_ARGUMENTS_MAX];
};

/* The value of an argument; NULL when it was not given. */
const char *http_argument(const struct http_request *r, const char *name);

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

/* Answer GET, on the worker. */
void http_page(struct http_server *s, const struct http_request *r, struct http_reply *out);
/* An RFC 9457 problem document. */
void http_problem(struct http_reply *out, int code, const char *title, const char *fmt, ...)
    PRINTF(4, 5);
/* Answer with a document, which is freed. */
void http_json(struct http_reply *out, cJSON *document);

/* ---- lists.c ---- */

void http_page_ranges(struct http_server *s, const struct http_request *r, struct http_reply *out);
void http_page_sessions(struct http_server *s, const struct http_request *r,
                        struct http_reply *out);
void http_page_statements(struct http_server *s, const struct http_request *r,
                          struct http_reply *out);

#endif
