/* The pages of the control plane: one function each, listed in one table. docs/openapi.yaml
 * describes them. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/version.h"
#include "env/env.h"
#include "http/http_internal.h"
#include "sql/session/session.h"

void http_json(struct http_reply *out, cJSON *document)
{
    char *text = cJSON_PrintUnformatted(document);

    out->code = 200;
    out->content_type = "application/json";
    buf_append_cstr(&out->body, text);
    buf_put_u8(&out->body, '\n');
    cJSON_free(text);
    cJSON_Delete(document);
}

void http_problem(struct http_reply *out, int code, const char *title, const char *fmt, ...)
{
    cJSON  *o = cJSON_CreateObject();
    char    detail[512];
    va_list args;

    va_start(args, fmt);
    vsnprintf(detail, sizeof detail, fmt, args);
    va_end(args);

    cJSON_AddStringToObject(o, "type", "about:blank");
    cJSON_AddStringToObject(o, "title", title);
    cJSON_AddNumberToObject(o, "status", code);
    cJSON_AddStringToObject(o, "detail", detail);
    http_json(out, o);
    out->code = code;
    out->content_type = "application/problem+json";
}

static void page_health(struct http_server *s, const struct http_request *r, struct http_reply *out)
{
    cJSON *o = cJSON_CreateObject();

    (void)s, (void)r;
    cJSON_AddNumberToObject(o, "version", 1);
    cJSON_AddStringToObject(o, "status", "ok");
    http_json(out, o);
}

static void page_ready(struct http_server *s, const struct http_request *r, struct http_reply *out)
{
    cJSON *o;

    (void)r;
    if (s->draining) {
        http_problem(out, 503, "not ready", "the node is stopping");
        return;
    }
    o = cJSON_CreateObject();
    cJSON_AddNumberToObject(o, "version", 1);
    cJSON_AddStringToObject(o, "status", "ready");
    http_json(out, o);
}

static void page_metrics(struct http_server *s, const struct http_request *r,
                         struct http_reply *out)
{
    struct sql_counters c;

    (void)r;
    out->code = 200;
    out->content_type = "text/plain; version=0.0.4";
    metrics_print(s->metrics, &out->body);
    sql_server_counters(s->sql, &c);
    buf_printf(
        &out->body,
        "# HELP sql_sessions Client connections.\n# TYPE sql_sessions gauge\nsql_sessions %llu\n"
        "# HELP sql_statements_total Statements run.\n# TYPE sql_statements_total "
        "counter\nsql_statements_total %llu\n"
        "# HELP sql_errors_total Statements that failed.\n# TYPE sql_errors_total "
        "counter\nsql_errors_total %llu\n"
        "# HELP sql_rows_total Rows returned or changed.\n# TYPE sql_rows_total "
        "counter\nsql_rows_total %llu\n"
        "# HELP sql_memory_bytes Memory held by sessions and statements.\n# TYPE sql_memory_bytes "
        "gauge\n"
        "sql_memory_bytes %llu\n"
        "# HELP sql_replays_attempted_total Tries to run a transaction again unseen after a "
        "conflict.\n# TYPE sql_replays_attempted_total counter\nsql_replays_attempted_total %llu\n"
        "# HELP sql_replays_succeeded_total Conflicts after which the transaction went on.\n"
        "# TYPE sql_replays_succeeded_total counter\nsql_replays_succeeded_total %llu\n"
        "# HELP sql_replays_diverged_total Conflicts after which the client would have seen other "
        "results.\n# TYPE sql_replays_diverged_total counter\nsql_replays_diverged_total %llu\n",
        (unsigned long long)c.sessions, (unsigned long long)c.statements,
        (unsigned long long)c.errors, (unsigned long long)c.rows,
        (unsigned long long)c.memory_bytes, (unsigned long long)c.replays_attempted,
        (unsigned long long)c.replays_succeeded, (unsigned long long)c.replays_diverged);
}

static void add_address(cJSON *o, const char *name, const char *host, uint16_t port)
{
    char text[280];

    snprintf(text, sizeof text, strchr(host, ':') != NULL ? "[%s]:%u" : "%s:%u", host, port);
    cJSON_AddStringToObject(o, name, text);
}

static void page_cluster(struct http_server *s, const struct http_request *r,
                         struct http_reply *out)
{
    cJSON *o = cJSON_CreateObject(), *nodes = cJSON_AddArrayToObject(o, "nodes"),
          *node = cJSON_CreateObject();

    (void)r;
    cJSON_AddNumberToObject(o, "version", 1);
    cJSON_AddStringToObject(o, "software", "LineraDB " LINERA_VERSION);
    cJSON_AddStringToObject(o, "postgresql", LINERA_PG_VERSION);
    cJSON_AddNumberToObject(node, "id", 1);
    cJSON_AddStringToObject(node, "state", s->draining ? "stopping" : "running");
    add_address(node, "sql", s->options.sql_host, s->options.sql_port);
    add_address(node, "http", s->options.host, s->port);
    cJSON_AddStringToObject(node, "store", s->options.store);
    cJSON_AddNumberToObject(node, "uptime_us",
                            (double)(env_wall_us(s->env) - s->options.started_wall_us));
    cJSON_AddItemToArray(nodes, node);
    http_json(out, o);
}

static const struct page {
    const char *path;
    void (*page)(struct http_server *s, const struct http_request *r, struct http_reply *out);
    const char *arguments; /* those it knows, divided by blanks */
} pages[] = {
    {"/health", page_health, ""},
    {"/ready", page_ready, ""},
    {"/metrics", page_metrics, ""},
    {"/api/v1/cluster", page_cluster, ""},
    {"/api/v1/ranges", http_page_ranges, "limit cursor table"},
    {"/api/v1/sessions", http_page_sessions, "limit cursor"},
    {"/api/v1/statements", http_page_statements, "limit cursor sort"},
};

const char *http_argument(const struct http_request *r, const char *name)
{
    for (size_t i = 0; i < r->argument_count; i++) {
        if (strcmp(r->arguments[i].name, name) == 0)
            return r->arguments[i].value;
    }
    return NULL;
}

static bool is_one_of(const char *name, const char *names)
{
    size_t n = strlen(name);

    for (const char *at = names; *at != '\0'; at += strcspn(at, " "), at += *at == ' ') {
        if (strcspn(at, " ") == n && memcmp(at, name, n) == 0)
            return true;
    }
    return false;
}

static void serve(struct http_server *s, const struct page *page, const struct http_request *r,
                  struct http_reply *out)
{
    for (size_t i = 0; i < r->argument_count; i++) {
        if (!is_one_of(r->arguments[i].name, page->arguments)) {
            http_problem(out, 400, "unknown argument", "%s has no argument \"%s\"", page->path,
                         r->arguments[i].name);
            return;
        }
    }
    page->page(s, r, out);
}

void http_page(struct http_server *s, const struct http_request *r, struct http_reply *out)
{
    for (size_t i = 0; i < ARRAY_LEN(pages); i++) {
        if (strcmp(pages[i].path, r->path) == 0) {
            serve(s, &pages[i], r, out);
            return;
        }
    }
    http_problem(out, 404, "not found", "there is no such page; docs/openapi.yaml lists them");
}
