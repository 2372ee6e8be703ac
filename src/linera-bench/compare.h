/* src/linera-bench/compare.h: --compare FILE: ratios to an earlier run's --format json. */
#ifndef LINERA_BENCH_COMPARE_H
#define LINERA_BENCH_COMPARE_H

#include "result.h"

/* Read the file before the run begins, so that a wrong one is known at once. *out is the caller's,
 * to cJSON_Delete(). A run of another workload is an error; different parameters are a line on
 * stderr. */
status compare_load(const struct bench *b, const char *path, cJSON **out) MUST_CHECK;

/* This run's value of the metric over the earlier one's; false when the earlier run has none, or a
 * zero. */
bool compare_ratio(const cJSON *earlier, const struct result_row *row, const char *metric,
                   double *out);

#endif
