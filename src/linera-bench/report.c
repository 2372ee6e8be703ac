#include "report.h"

#include <inttypes.h>
#include <string.h>
#include <time.h>

#include "compare.h"
#include "parameters.h"

/* ---- the table of operations ---- */

enum { COLUMNS_MAX = 20, CELL_SIZE = 40 };

/* Metrics that --compare shows the ratio of. */
static const char *const compared[] = {"per_second", "p50_us",   "p95_us",
                                       "p99_us",     "p99.9_us", "max_us"};

struct grid {
    int  columns, rows;
    char names[COLUMNS_MAX][CELL_SIZE];
    bool missing[KINDS_MAX + 1][COLUMNS_MAX];
    char cells[KINDS_MAX + 1][COLUMNS_MAX][CELL_SIZE];
};

static const char *grid_name(const void *source, int column)
{
    return ((const struct grid *)source)->names[column];
}

static const char *grid_cell(const void *source, int row, int column)
{
    const struct grid *g = source;

    return g->missing[row][column] ? NULL : g->cells[row][column];
}

static enum table_kind grid_kind(const void *source, int column)
{
    (void)source;
    return column == 0 ? TABLE_TEXT : TABLE_NUMBER;
}

/* Fill one column; `eyes` has latencies in milliseconds, which are easier to compare by eye. */
static void put_metric(struct grid *g, const struct result *r, const char *metric, bool eyes)
{
    size_t size = strlen(metric);
    bool   in_ms = eyes && size > 3 && strcmp(metric + size - 3, "_us") == 0;
    int    c = g->columns++;

    if (in_ms)
        snprintf(g->names[c], CELL_SIZE, "%.*s ms", (int)size - 3, metric);
    else
        snprintf(g->names[c], CELL_SIZE, "%s", eyes ? "per second" : metric);
    for (size_t i = 0; i < r->row_count; i++) {
        double value = 0;

        (void)result_metric(&r->rows[i], metric, &value);
        snprintf(g->cells[i][c], CELL_SIZE, "%.*f", eyes && !in_ms ? 1 : 3,
                 in_ms ? value / 1e3 : value);
    }
}

static void put_ratio(struct grid *g, const struct result *r, const cJSON *earlier,
                      const char *metric, bool eyes)
{
    bool rate = strcmp(metric, "per_second") == 0;
    int  size = rate ? (int)strlen(metric) : (int)strcspn(metric, "_");
    int  c = g->columns++;

    if (eyes)
        snprintf(g->names[c], CELL_SIZE, "%.*s x", size, rate ? "per second" : metric);
    else
        snprintf(g->names[c], CELL_SIZE, "%.*s_ratio", size, metric);
    for (size_t i = 0; i < r->row_count; i++) {
        double ratio = 0;

        g->missing[i][c] = !compare_ratio(earlier, &r->rows[i], metric, &ratio);
        snprintf(g->cells[i][c], CELL_SIZE, "%.*f", eyes ? 2 : 4, ratio);
    }
}

static void put_count(struct grid *g, const struct result *r, const char *name, size_t offset)
{
    int c = g->columns++;

    snprintf(g->names[c], CELL_SIZE, "%s", name);
    for (size_t i = 0; i < r->row_count; i++)
        snprintf(g->cells[i][c], CELL_SIZE, "%" PRIu64,
                 *(const uint64_t *)(const void *)((const char *)&r->rows[i] + offset));
}

static void print_operations(const struct result *r, const cJSON *earlier)
{
    const struct options *o = r->bench->options;
    bool                  eyes = o->format == TABLE_FORMAT_TABLE;
    struct grid           g = {.columns = 1, .rows = (int)r->row_count, .names = {"operation"}};
    struct table t = {.source = &g, .name = grid_name, .cell = grid_cell, .kind = grid_kind};
    const struct table_style style = {.format = o->format, .header = o->header, .out = stdout};

    for (size_t i = 0; i < r->row_count; i++)
        snprintf(g.cells[i][0], CELL_SIZE, "%s", r->rows[i].operation);
    put_count(&g, r, "count", offsetof(struct result_row, count));
    put_count(&g, r, "errors", offsetof(struct result_row, errors));
    put_count(&g, r, "retries", offsetof(struct result_row, retries));
#define X(field, name) put_metric(&g, r, name, eyes);
    RESULT_METRICS(X)
#undef X
    for (size_t i = 0; i < ARRAY_LEN(compared) && earlier != NULL; i++)
        put_ratio(&g, r, earlier, compared[i], eyes);
    t.columns = g.columns;
    t.rows = g.rows;
    table_print(&t, &style);
}

/* ---- what stands around it ---- */

static void print_heading(const struct result *r)
{
    const struct options *o = r->bench->options;

    printf("%s: %" PRIu64 " client%s, %.1f s, server %s, generator %.0f %% of a core\n",
           r->bench->workload->name, o->clients, o->clients == 1 ? "" : "s", r->measured_s,
           r->server, r->generator_cpu * 100);
}

static void print_errors(const struct result *r, FILE *out)
{
    const struct runner *run = r->runner;

    for (size_t i = 0; i < run->stats.error_count; i++) {
        const struct error_stats *e = &run->stats.errors[i];

        fprintf(out, "SQLSTATE %s: %" PRIu64 " failed, %" PRIu64 " retried: %s\n", e->sqlstate,
                e->failed, e->retried, e->message);
    }
    if (run->not_begun > 0)
        fprintf(out,
                "%" PRIu64 " operations were due but never began, for no client was idle: "
                "the rate is more than the server or the clients bear\n",
                run->not_begun);
    if (run->unfinished > 0)
        fprintf(out, "%" PRIu64 " operations were still under way\n", run->unfinished);
}

/* ---- JSON ---- */

static void add_operations(cJSON *document, const struct result *r, const cJSON *earlier)
{
    cJSON *list = cJSON_AddArrayToObject(document, "operations");

    for (size_t i = 0; i < r->row_count; i++) {
        const struct result_row *row = &r->rows[i];
        cJSON                   *o = cJSON_CreateObject();

        cJSON_AddItemToArray(list, o);
        cJSON_AddStringToObject(o, "operation", row->operation);
        cJSON_AddNumberToObject(o, "count", (double)row->count);
        cJSON_AddNumberToObject(o, "errors", (double)row->errors);
        cJSON_AddNumberToObject(o, "retries", (double)row->retries);
#define X(field, name) cJSON_AddNumberToObject(o, name, row->field);
        RESULT_METRICS(X)
#undef X
        if (earlier == NULL)
            continue;
        o = cJSON_AddObjectToObject(o, "ratios");
        for (size_t k = 0; k < ARRAY_LEN(compared); k++) {
            double ratio;

            if (compare_ratio(earlier, row, compared[k], &ratio))
                cJSON_AddNumberToObject(o, compared[k], ratio);
        }
    }
}

static void add_errors(cJSON *document, const struct stats *s)
{
    cJSON *list = cJSON_AddArrayToObject(document, "errors");

    for (size_t i = 0; i < s->error_count; i++) {
        cJSON *e = cJSON_CreateObject();

        cJSON_AddItemToArray(list, e);
        cJSON_AddStringToObject(e, "sqlstate", s->errors[i].sqlstate);
        cJSON_AddNumberToObject(e, "failed", (double)s->errors[i].failed);
        cJSON_AddNumberToObject(e, "retried", (double)s->errors[i].retried);
        cJSON_AddStringToObject(e, "message", s->errors[i].message);
    }
}

static void add_assertions(cJSON *document, const struct assertion *assertions, size_t count)
{
    cJSON *list = cJSON_AddArrayToObject(document, "assertions");

    for (size_t i = 0; i < count; i++) {
        cJSON *a = cJSON_CreateObject();

        cJSON_AddItemToArray(list, a);
        cJSON_AddStringToObject(a, "assertion", assertions[i].text);
        cJSON_AddNumberToObject(a, "value", assertions[i].value);
        cJSON_AddBoolToObject(a, "holds", assertions[i].holds);
    }
}

static void add_run(cJSON *document, const struct result *r)
{
    static const char *const ends[] = {"complete", "no connection", "error", "interrupted"};
    const struct runner     *run = r->runner;
    time_t                   seconds = (time_t)(run->wall_began_us / 1000000);
    struct tm                tm;
    char                     text[40];

    gmtime_r(&seconds, &tm);
    strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &tm);
    cJSON_AddNumberToObject(document, "version", 1);
    cJSON_AddStringToObject(document, "workload", r->bench->workload->name);
    cJSON_AddItemToObject(document, "parameters",
                          parameters_json(r->bench->options, r->bench->workload));
    cJSON_AddStringToObject(document, "server_version", r->server);
    cJSON_AddStringToObject(document, "began", text);
    cJSON_AddStringToObject(document, "end", ends[run->end]);
    cJSON_AddNumberToObject(document, "measured_s", r->measured_s);
    cJSON_AddNumberToObject(document, "generator_cpu_cores", r->generator_cpu);
    cJSON_AddNumberToObject(document, "not_begun", (double)run->not_begun);
    cJSON_AddNumberToObject(document, "unfinished", (double)run->unfinished);
    cJSON_AddNumberToObject(document, "violations", (double)r->bench->violations);
}

static void print_json(const struct result *r, const cJSON *earlier,
                       const struct assertion *assertions, size_t assertion_count)
{
    cJSON *document = cJSON_CreateObject();
    char  *text;

    add_run(document, r);
    add_operations(document, r, earlier);
    add_errors(document, &r->runner->stats);
    add_assertions(document, assertions, assertion_count);
    text = cJSON_Print(document);
    printf("%s\n", text);
    cJSON_free(text);
    cJSON_Delete(document);
}

void report_print(const struct result *r, const cJSON *earlier, const struct assertion *assertions,
                  size_t assertion_count)
{
    if (r->bench->options->format == TABLE_FORMAT_JSON) {
        print_json(r, earlier, assertions, assertion_count);
    } else {
        bool eyes = r->bench->options->format == TABLE_FORMAT_TABLE;

        if (eyes)
            print_heading(r);
        print_operations(r, earlier);
        print_errors(r, eyes ? stdout : stderr);
    }
    /* Beyond this the numbers are the generator's, not the server's. */
    if (r->generator_cpu > 0.9)
        fprintf(stderr, "%s: the generator itself used %.0f %% of a core: it may be the limit\n",
                PROGRAM, r->generator_cpu * 100);
}
