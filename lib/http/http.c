#include "http/http.h"

#include <arpa/inet.h>
#include <errno.h>
#include <microhttpd.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "env/env.h"
#include "http/http_internal.h"

/* One request between the two threads. The HTTP thread makes it and suspends the connection; the
 * worker fills `reply` and resumes. MHD's own lock orders the two: what was written before the
 * resume is seen after it. */
struct request {
    struct http_server    *server;
    struct MHD_Connection *connection;
    struct http_request    asked;
    struct http_reply      reply;
    bool                   handed_over, answered;
};

static void answer_on_worker(struct env *env, void *arg)
{
    struct request *r = arg;

    (void)env;
    http_page(r->server, &r->asked, &r->reply);
    r->answered = true;
    MHD_resume_connection(r->connection);
}

static enum MHD_Result send_reply(struct request *r)
{
    struct MHD_Response *response = MHD_create_response_from_buffer(
        r->reply.body.size, r->reply.body.data, MHD_RESPMEM_MUST_COPY);
    enum MHD_Result result;

    if (response == NULL)
        return MHD_NO;
    MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, r->reply.content_type);
    MHD_add_response_header(response, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store");
    if (r->reply.code == MHD_HTTP_METHOD_NOT_ALLOWED)
        MHD_add_response_header(response, MHD_HTTP_HEADER_ALLOW, "GET, HEAD");
    result = MHD_queue_response(r->connection, (unsigned)r->reply.code, response);
    MHD_destroy_response(response);
    return result;
}

/* Copied: the worker must not touch what belongs to the connection. */
static enum MHD_Result keep_argument(void *ctx, enum MHD_ValueKind kind, const char *name,
                                     const char *value)
{
    struct http_request *asked = ctx;
    struct http_argument a = {.name = strdup(name), .value = strdup(value != NULL ? value : "")};

    (void)kind;
    if (asked->argument_count == HTTP_ARGUMENTS_MAX || a.name == NULL || a.value == NULL) {
        free(a.name);
        free(a.value);
        return MHD_NO;
    }
    asked->arguments[asked->argument_count++] = a;
    return MHD_YES;
}

static struct request *request_new(struct http_server *s, struct MHD_Connection *connection,
                                   const char *path)
{
    struct request *r = calloc(1, sizeof *r);

    if (r == NULL)
        return NULL;
    r->server = s;
    r->connection = connection;
    r->asked.path = strdup(path);
    MHD_get_connection_values(connection, MHD_GET_ARGUMENT_KIND, keep_argument, &r->asked);
    buf_init(&r->reply.body, NULL);
    return r;
}

static void request_free(struct request *r)
{
    for (size_t i = 0; i < r->asked.argument_count; i++) {
        free(r->asked.arguments[i].name);
        free(r->asked.arguments[i].value);
    }
    buf_deinit(&r->reply.body);
    free(r->asked.path);
    free(r);
}

static enum MHD_Result on_request(void *ctx, struct MHD_Connection *connection, const char *path,
                                  const char *method, const char *version, const char *upload,
                                  size_t *upload_size, void **state)
{
    struct http_server *s = ctx;
    struct request     *r = *state;
    status              st;

    (void)version, (void)upload;
    if (r == NULL) { /* headers have arrived; a body, if any, comes with the next calls */
        *state = r = request_new(s, connection, path);
        return r != NULL && r->asked.path != NULL ? MHD_YES : MHD_NO;
    }
    if (*upload_size > 0) {
        *upload_size = 0;
        return MHD_YES;
    }
    if (r->answered)
        return send_reply(r);
    if (strcmp(method, MHD_HTTP_METHOD_GET) != 0 && strcmp(method, MHD_HTTP_METHOD_HEAD) != 0) {
        http_problem(&r->reply, MHD_HTTP_METHOD_NOT_ALLOWED, "method not allowed",
                     "only GET is supported here");
        return send_reply(r);
    }
    if (r->handed_over)
        return MHD_YES;
    r->handed_over = true;
    MHD_suspend_connection(connection);
    st = env_post(s->env, answer_on_worker, r);
    if (!st_ok(st)) { /* the worker's queue is full: the node is overloaded, and says so */
        st_clear(st);
        http_problem(&r->reply, MHD_HTTP_SERVICE_UNAVAILABLE, "overloaded",
                     "the node is too busy to answer");
        r->answered = true;
        MHD_resume_connection(connection);
    }
    return MHD_YES;
}

static void on_completed(void *ctx, struct MHD_Connection *connection, void **state,
                         enum MHD_RequestTerminationCode why)
{
    struct request *r = *state;

    (void)ctx, (void)connection, (void)why;
    if (r == NULL)
        return;
    request_free(r);
    *state = NULL;
}

static status parse_address(const struct http_options *o, struct sockaddr_storage *out, bool *v6)
{
    struct sockaddr_in  *in = (struct sockaddr_in *)out;
    struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)out;
    const char          *host = strcmp(o->host, "localhost") == 0 ? "127.0.0.1" : o->host;

    memset(out, 0, sizeof *out);
    *v6 = false;
    if (inet_pton(AF_INET, host, &in->sin_addr) == 1) {
        in->sin_family = AF_INET;
        in->sin_port = htons(o->port);
        return STATUS_OK;
    }
    if (inet_pton(AF_INET6, host, &in6->sin6_addr) == 1) {
        in6->sin6_family = AF_INET6;
        in6->sin6_port = htons(o->port);
        *v6 = true;
        return STATUS_OK;
    }
    return status_new(ST_CONFIG_ERROR, "--http takes a numeric address, not \"%s\"", o->host);
}

static void free_server(struct http_server *s)
{
    heap_free((char *)(uintptr_t)s->options.host);
    heap_free((char *)(uintptr_t)s->options.sql_host);
    heap_free((char *)(uintptr_t)s->options.store);
    heap_free(s);
}

status http_server_start(struct env *env, struct sql_server *sql, struct metrics *metrics,
                         const struct http_options *options, struct http_server **out)
{
    struct http_server         *s;
    struct sockaddr_storage     address;
    const union MHD_DaemonInfo *info;
    bool                        v6;
    int                         failed;

    TRY_RETURN(parse_address(options, &address, &v6));
    s = heap_must_alloc(env_heap(env), 1, sizeof *s);
    *s = (struct http_server){.env = env, .sql = sql, .metrics = metrics, .options = *options};
    s->options.host = heap_strdup(env_heap(env), options->host);
    s->options.sql_host = heap_strdup(env_heap(env), options->sql_host);
    s->options.store = heap_strdup(env_heap(env), options->store);
    errno = 0;
    s->daemon =
        MHD_start_daemon(MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_EPOLL |
                             MHD_ALLOW_SUSPEND_RESUME | (v6 ? MHD_USE_IPv6 : 0),
                         options->port, NULL, NULL, on_request, s, MHD_OPTION_SOCK_ADDR,
                         (struct sockaddr *)&address, MHD_OPTION_NOTIFY_COMPLETED, on_completed,
                         NULL, MHD_OPTION_CONNECTION_LIMIT, 64u, MHD_OPTION_CONNECTION_TIMEOUT, 30u,
                         MHD_OPTION_THREAD_STACK_SIZE, (size_t)(128 * 1024), MHD_OPTION_END);
    failed = errno;
    if (s->daemon == NULL) {
        free_server(s);
        return status_hint(
            status_new(ST_OBJECT_IN_USE, "could not listen on %s:%u for HTTP: %s", options->host,
                       options->port,
                       failed != 0 ? strerror(failed) : "the HTTP server did not start"),
            "is another node running there? choose another address with --http");
    }
    info = MHD_get_daemon_info(s->daemon, MHD_DAEMON_INFO_BIND_PORT);
    s->port = info != NULL ? info->port : options->port;
    *out = s;
    return STATUS_OK;
}

uint16_t http_server_port(const struct http_server *s)
{
    return s->port;
}

void http_server_drain(struct http_server *s)
{
    s->draining = true;
}

static void stop_daemon(void *arg)
{
    MHD_stop_daemon(((struct http_server *)arg)->daemon);
}

void http_server_stop(struct http_server *s)
{
    if (s == NULL)
        return;
    /* Off the worker: suspended requests are answered by it while the daemon waits for them. */
    MHD_quiesce_daemon(s->daemon);
    env_offload(s->env, ENV_LANE_CPU, stop_daemon, s);
    free_server(s);
}
