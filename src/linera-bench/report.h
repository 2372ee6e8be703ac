/* src/linera-bench/report.h: the summary. */
#ifndef LINERA_BENCH_REPORT_H
#define LINERA_BENCH_REPORT_H

#include "assertion.h"
#include "result.h"

/* Print on stdout in the format that the options ask for. `earlier` may be NULL. Only json holds
 * everything in one document; the other formats have the table of operations, and stderr says what
 * else there is to say. */
void report_print(const struct result *r, const cJSON *earlier, const struct assertion *assertions,
                  size_t assertion_count);

#endif
