/* The pages of the control plane: one function each, listed in one table. docs/openapi.yaml
 * describes them. */
#include <cjson/cJSON.h>
#include <string.h>

#include "base/version.h"
#include "env/env.h"
#include "http/http_internal.h"
#include "sql/session/session.h"

static void put_json(struct http_reply *out, cJSON *document)
{
    char *text = cJSON_PrintUnformatted(document);

    out->code = 200;
    out->content_type = "application/json";
    buf_append_cstr(&out->body, text);
    buf_put_u8(&out->body, '\n');
    cJSON_free(text);
    cJSON_Delete(document);
}

void http_problem(struct http_reply *out, int code, const char *title, const char *detail)
{
    cJSON *o = cJSON_CreateObject();

    cJSON_AddStringToObject(o, "type", "about:blank");
    cJSON_AddStringToObject(o, "title", title);
    cJSON_AddNumberToObject(o, "status", code);
    cJSON_AddStringToObject(o, "detail", detail);
    put_json(out, o);
    out->code = code;
    out->content_type = "application/problem+json";
}

static void page_health(struct http_server *s, struct http_reply *out)
{
    cJSON *o = cJSON_CreateObject();

    (void)s;
    cJSON_AddNumberToObject(o, "version", 1);
    cJSON_AddStringToObject(o, "status", "ok");
    put_json(out, o);
}

static void page_ready(struct http_server *s, struct http_reply *out)
{
    cJSON *o;

    if (s->draining) {
        http_problem(out, 503, "not ready", "the node is stopping");
        return;
    }
    o = cJSON_CreateObject();
    cJSON_AddNumberToObject(o, "version", 1);
    cJSON_AddStringToObject(o, "status", "ready");
    put_json(out, o);
}

static void page_metrics(struct http_server *s, struct http_reply *out)
{
    struct sql_counters c;

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
        "sql_memory_bytes %llu\n",
        (unsigned long long)c.sessions, (unsigned long long)c.statements,
        (unsigned long long)c.errors, (unsigned long long)c.rows,
        (unsigned long long)c.memory_bytes);
}

static void page_cluster(struct http_server *s, struct http_reply *out)
{
    cJSON *o = cJSON_CreateObject(), *nodes = cJSON_AddArrayToObject(o, "nodes"),
          *node = cJSON_CreateObject();

    cJSON_AddNumberToObject(o, "version", 1);
    cJSON_AddStringToObject(o, "software", "LineraDB " LINERA_VERSION);
    cJSON_AddStringToObject(o, "postgresql", LINERA_PG_VERSION);
    cJSON_AddNumberToObject(node, "id", 1);
    cJSON_AddStringToObject(node, "state", s->draining ? "stopping" : "running");
    cJSON_AddStringToObject(node, "store", s->options.store);
    cJSON_AddNumberToObject(node, "uptime_us",
                            (double)(env_wall_us(s->env) - s->options.started_wall_us));
    cJSON_AddItemToArray(nodes, node);
    put_json(out, o);
}

static void page_sessions(struct http_server *s, struct http_reply *out)
{
    SCOPED(arena) struct arena *a = arena_new(env_heap(s->env), NULL);
    size_t                      count;
    struct session_info        *infos = sql_server_sessions(s->sql, a, &count);
    cJSON                      *o = cJSON_CreateObject(), *list;

    cJSON_AddNumberToObject(o, "version", 1);
    list = cJSON_AddArrayToObject(o, "sessions");
    for (size_t i = 0; i < count; i++) {
        cJSON *x = cJSON_CreateObject();

        cJSON_AddNumberToObject(x, "id", infos[i].process_id);
        cJSON_AddStringToObject(x, "user", infos[i].user);
        cJSON_AddStringToObject(x, "database", infos[i].database);
        cJSON_AddStringToObject(x, "application_name", infos[i].application_name);
        cJSON_AddStringToObject(x, "client_address", infos[i].client_address);
        cJSON_AddStringToObject(x, "state", infos[i].state);
        cJSON_AddStringToObject(x, "query", infos[i].query);
        cJSON_AddItemToArray(list, x);
    }
    put_json(out, o);
}

static const struct {
    const char *path;
    void (*page)(struct http_server *s, struct http_reply *out);
} pages[] = {
    {"/health", page_health},
    {"/ready", page_ready},
    {"/metrics", page_metrics},
    {"/api/v1/cluster", page_cluster},
    {"/api/v1/sessions", page_sessions},
};

void http_page(struct http_server *s, const char *path, struct http_reply *out)
{
    for (size_t i = 0; i < ARRAY_LEN(pages); i++) {
        if (strcmp(pages[i].path, path) == 0) {
            pages[i].page(s, out);
            return;
        }
    }
    http_problem(out, 404, "not found", "there is no such page; docs/openapi.yaml lists them");
}
