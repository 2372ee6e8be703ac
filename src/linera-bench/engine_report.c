#include <inttypes.h>
#include <math.h>
#include <string.h>

#include <cjson/cJSON.h>

#include "base/assert.h"
#include "bench.h"
#include "engine.h"

/* A number of one row, in all formats; not a number: there is none. */
enum column {
    COLUMN_COUNT,
    COLUMN_ENTRIES,
    COLUMN_PER_SECOND,
    COLUMN_ENTRIES_PER_SECOND,
    COLUMN_MEAN,
    COLUMN_P50,
    COLUMN_P95,
    COLUMN_P99,
    COLUMN_P999,
    COLUMN_MAX,
    COLUMN_WRITE_AMPLIFICATION,
    COLUMN_READ_AMPLIFICATION,
    COLUMN_SPACE_AMPLIFICATION,
    COLUMNS,
};

static const char *const column_names[] = {"count",
                                           "entries",
                                           "per_second",
                                           "entries_per_second",
                                           "mean_us",
                                           "p50_us",
                                           "p95_us",
                                           "p99_us",
                                           "p99.9_us",
                                           "max_us",
                                           "write_amplification",
                                           "read_amplification",
                                           "space_amplification"};

static double ratio(uint64_t above, uint64_t below)
{
    return below > 0 ? (double)above / (double)below : NAN;
}

static double us(double ns)
{
    return round(ns) / 1e3;
}

static double number(const struct engine_bench_options *o, const struct engine_run *run,
                     const struct engine_row *row, enum column c)
{
    const struct histogram *h = row->latency;
    uint64_t                size = ENGINE_RUN_KEY_SIZE + o->value_size;

    switch (c) {
    case COLUMN_COUNT:
        return (double)histogram_count(h);
    case COLUMN_ENTRIES:
        return (double)row->entries;
    case COLUMN_PER_SECOND:
        return run->seconds > 0 ? (double)histogram_count(h) / run->seconds : NAN;
    case COLUMN_ENTRIES_PER_SECOND:
        return run->seconds > 0 ? (double)row->entries / run->seconds : NAN;
    case COLUMN_MEAN:
        return us(histogram_mean(h));
    case COLUMN_P50:
        return us((double)histogram_quantile(h, 0.5));
    case COLUMN_P95:
        return us((double)histogram_quantile(h, 0.95));
    case COLUMN_P99:
        return us((double)histogram_quantile(h, 0.99));
    case COLUMN_P999:
        return us((double)histogram_quantile(h, 0.999));
    case COLUMN_MAX:
        return us((double)histogram_max(h));
    case COLUMN_WRITE_AMPLIFICATION:
        return o->path == NULL ? NAN : ratio(run->file_bytes_written, run->user_bytes_written);
    case COLUMN_READ_AMPLIFICATION:
        return o->path == NULL ? NAN : ratio(run->file_bytes_read, run->user_bytes_read);
    case COLUMN_SPACE_AMPLIFICATION:
        return o->path == NULL ? NAN : ratio(run->disk_size, run->entries * size);
    case COLUMNS:
        break;
    }
    UNREACHABLE();
}

/* ---- rows ---- */

enum { WORDS = 2, CELL_SIZE = 40, ROWS_MAX = 2 * ENGINE_RUNS_MAX };

struct grid {
    bool eyes;
    int  rows;
    char names[WORDS + COLUMNS][CELL_SIZE];
    char cells[ROWS_MAX][WORDS + COLUMNS][CELL_SIZE]; /* empty: null */
};

static const char *grid_name(const void *source, int column)
{
    return ((const struct grid *)source)->names[column];
}

static const char *grid_cell(const void *source, int row, int column)
{
    const char *cell = ((const struct grid *)source)->cells[row][column];

    return cell[0] == '\0' ? NULL : cell;
}

static enum table_kind grid_kind(const void *source, int column)
{
    (void)source;
    return column < WORDS ? TABLE_TEXT : TABLE_NUMBER;
}

/* For eyes the names are shorter. */
static void name_columns(struct grid *g)
{
    static const char *const shorter[] = {"count",   "entries", "per s",  "entries/s", "mean us",
                                          "p50 us",  "p95 us",  "p99 us", "p99.9 us",  "max us",
                                          "write x", "read x",  "space x"};

    strcpy(g->names[0], "workload");
    strcpy(g->names[1], "operation");
    for (int c = 0; c < COLUMNS; c++)
        snprintf(g->names[WORDS + c], CELL_SIZE, "%s", g->eyes ? shorter[c] : column_names[c]);
}

static int digits(const struct grid *g, enum column c)
{
    if (c <= COLUMN_ENTRIES)
        return 0;
    return !g->eyes ? 3 : c <= COLUMN_ENTRIES_PER_SECOND ? 0 : 2;
}

static void add_row(struct grid *g, const struct engine_bench_options *o,
                    const struct engine_run *run, const struct engine_row *row)
{
    char(*cells)[CELL_SIZE] = g->cells[g->rows++];

    snprintf(cells[0], CELL_SIZE, "%s", row->workload);
    snprintf(cells[1], CELL_SIZE, "%s", row->operation);
    for (int c = 0; c < COLUMNS; c++) {
        double value = number(o, run, row, (enum column)c);

        if (!isnan(value))
            snprintf(cells[WORDS + c], CELL_SIZE, "%.*f", digits(g, (enum column)c), value);
    }
}

static void print_rows(const struct engine_bench_options *o, const struct engine_run *runs,
                       size_t count)
{
    struct grid       *g = heap_must_alloc(NULL, 1, sizeof *g);
    struct table       t = {.source = g, .name = grid_name, .cell = grid_cell, .kind = grid_kind};
    struct table_style style = {.format = o->format, .header = o->header, .out = stdout};

    memset(g, 0, sizeof *g);
    g->eyes = o->format == TABLE_FORMAT_TABLE;
    name_columns(g);
    for (size_t i = 0; i < count; i++) {
        for (size_t k = 0; k < runs[i].row_count; k++)
            add_row(g, o, &runs[i], &runs[i].rows[k]);
    }
    t.columns = WORDS + COLUMNS;
    t.rows = g->rows;
    table_print(&t, &style);
    heap_free(g);
}

/* ---- JSON ---- */

static void add_parameters(cJSON *document, const struct engine_bench_options *o)
{
    cJSON *p = cJSON_AddObjectToObject(document, "parameters");

    cJSON_AddStringToObject(p, "path", o->path != NULL ? o->path : "mem:");
    cJSON_AddNumberToObject(p, "rows", (double)o->rows);
    cJSON_AddNumberToObject(p, "key_size_bytes", ENGINE_RUN_KEY_SIZE);
    cJSON_AddNumberToObject(p, "value_size_bytes", (double)o->value_size);
    cJSON_AddNumberToObject(p, "batch", (double)o->batch);
    cJSON_AddNumberToObject(p, "fibers", (double)o->fibers);
    cJSON_AddBoolToObject(p, "sync", o->sync);
    cJSON_AddNumberToObject(p, "duration_s", (double)o->duration_us / 1e6);
    if (o->operations > 0)
        cJSON_AddNumberToObject(p, "operations", (double)o->operations);
    cJSON_AddNumberToObject(p, "reads_percent", (double)o->reads);
    cJSON_AddNumberToObject(p, "scan_length", (double)o->scan_length);
    cJSON_AddStringToObject(p, "distribution", o->zipf ? "zipf" : "uniform");
    cJSON_AddNumberToObject(p, "seed", (double)o->seed);
}

static void add_operation(cJSON *list, const struct engine_bench_options *o,
                          const struct engine_run *run, const struct engine_row *row)
{
    cJSON *out = cJSON_CreateObject();

    cJSON_AddItemToArray(list, out);
    cJSON_AddStringToObject(out, "workload", row->workload);
    cJSON_AddStringToObject(out, "operation", row->operation);
    for (int c = 0; c < COLUMNS; c++) {
        double value = number(o, run, row, (enum column)c);

        if (isnan(value))
            cJSON_AddNullToObject(out, column_names[c]);
        else
            cJSON_AddNumberToObject(out, column_names[c], value);
    }
}

static void add_run(cJSON *list, const struct engine_run *run)
{
    cJSON *out = cJSON_CreateObject();

    cJSON_AddItemToArray(list, out);
    cJSON_AddStringToObject(out, "workload", run->rows[0].workload);
    cJSON_AddNumberToObject(out, "measured_s", run->seconds);
    cJSON_AddNumberToObject(out, "user_bytes_written", (double)run->user_bytes_written);
    cJSON_AddNumberToObject(out, "user_bytes_read", (double)run->user_bytes_read);
    cJSON_AddNumberToObject(out, "file_bytes_written", (double)run->file_bytes_written);
    cJSON_AddNumberToObject(out, "file_bytes_read", (double)run->file_bytes_read);
    cJSON_AddNumberToObject(out, "disk_size_bytes", (double)run->disk_size);
    cJSON_AddNumberToObject(out, "memory_size_bytes", (double)run->memory_size);
    cJSON_AddNumberToObject(out, "entries", (double)run->entries);
    cJSON_AddNumberToObject(out, "violations", (double)run->missed);
}

static void print_json(const struct engine_bench_options *o, const struct engine_run *runs,
                       size_t count)
{
    cJSON *document = cJSON_CreateObject(), *operations, *workloads;
    char  *text;

    cJSON_AddNumberToObject(document, "version", 1);
    add_parameters(document, o);
    operations = cJSON_AddArrayToObject(document, "operations");
    workloads = cJSON_AddArrayToObject(document, "workloads");
    for (size_t i = 0; i < count; i++) {
        add_run(workloads, &runs[i]);
        for (size_t k = 0; k < runs[i].row_count; k++)
            add_operation(operations, o, &runs[i], &runs[i].rows[k]);
    }
    text = cJSON_Print(document);
    printf("%s\n", text);
    cJSON_free(text);
    cJSON_Delete(document);
}

void engine_report(const struct engine_bench_options *o, const struct engine_run *runs,
                   size_t count)
{
    if (o->format == TABLE_FORMAT_JSON)
        print_json(o, runs, count);
    else
        print_rows(o, runs, count);
}
