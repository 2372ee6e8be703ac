/* src/linera-bench/result.h: a run in numbers: what is printed, compared and asserted. */
#ifndef LINERA_BENCH_RESULT_H
#define LINERA_BENCH_RESULT_H

#include <cjson/cJSON.h>

#include "runner.h"

/* What every row has: name in the outputs, the expression in a row, whether less is better. */
/*   field        name            */
#define RESULT_METRICS(X)                                                                          \
    X(per_second, "per_second")                                                                    \
    X(mean_us, "mean_us")                                                                          \
    X(p50_us, "p50_us")                                                                            \
    X(p95_us, "p95_us")                                                                            \
    X(p99_us, "p99_us")                                                                            \
    X(p999_us, "p99.9_us")                                                                         \
    X(max_us, "max_us")

struct result_row {
    const char *operation;
    uint64_t    count, errors, retries;
#define X(field, name) double field;
    RESULT_METRICS(X)
#undef X
};

/* A metric by its name, as in the outputs; false when there is none. */
bool result_metric(const struct result_row *row, const char *name, double *out);

struct result {
    const struct bench  *bench;
    const struct runner *runner;
    char                 server[64]; /* version */
    double               measured_s;
    double               generator_cpu; /* cores */
    size_t               row_count;     /* a row a kind, then "all" */
    struct result_row    rows[KINDS_MAX + 1];
};

void result_make(struct result *out, const struct bench *b, const struct runner *r);
const struct result_row *result_find(const struct result *r, const char *operation);

#endif
