#include "result.h"

#include <math.h>
#include <string.h>

/* Three digits behind the point are nanoseconds. */
static double us_of(double ns)
{
    return round(ns) / 1e3;
}

static void fill(struct result_row *row, const struct histogram *h, double seconds)
{
    row->count = histogram_count(h);
    row->per_second = seconds > 0 ? round((double)row->count / seconds * 1e3) / 1e3 : 0;
    row->mean_us = us_of(histogram_mean(h));
    row->p50_us = us_of((double)histogram_quantile(h, 0.5));
    row->p95_us = us_of((double)histogram_quantile(h, 0.95));
    row->p99_us = us_of((double)histogram_quantile(h, 0.99));
    row->p999_us = us_of((double)histogram_quantile(h, 0.999));
    row->max_us = us_of((double)histogram_max(h));
}

bool result_metric(const struct result_row *row, const char *name, double *out)
{
#define X(field, text)                                                                             \
    if (strcmp(name, text) == 0) {                                                                 \
        *out = row->field;                                                                         \
        return true;                                                                               \
    }
    RESULT_METRICS(X)
#undef X
    return false;
}

void result_make(struct result *out, const struct bench *b, const struct runner *r)
{
    struct histogram *all = histogram_new();

    out->bench = b;
    out->runner = r;
    out->measured_s = (double)(r->measured_to_ns - r->measured_from_ns) / 1e9;
    out->generator_cpu = out->measured_s > 0 ? (double)r->cpu_us / 1e6 / out->measured_s : 0;
    for (size_t i = 0; i < r->stats.kind_count; i++) {
        const struct kind_stats *k = &r->stats.kinds[i];

        out->rows[i].operation = b->workload->kinds[i];
        out->rows[i].errors = k->errors;
        out->rows[i].retries = k->retries;
        fill(&out->rows[i], k->total, out->measured_s);
        histogram_add(all, k->total);
    }
    out->row_count = r->stats.kind_count + 1;
    out->rows[r->stats.kind_count] = (struct result_row){.operation = "all"};
    out->rows[r->stats.kind_count].errors = stats_errors(&r->stats);
    out->rows[r->stats.kind_count].retries = stats_retries(&r->stats);
    fill(&out->rows[r->stats.kind_count], all, out->measured_s);
    histogram_free(all);
}

const struct result_row *result_find(const struct result *r, const char *operation)
{
    for (size_t i = 0; i < r->row_count; i++) {
        if (strcmp(r->rows[i].operation, operation) == 0)
            return &r->rows[i];
    }
    return NULL;
}
