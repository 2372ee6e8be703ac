/* src/linera-bench/assertion.h: --assert 'p99<20ms', 'read.max<=1s', 'throughput>5000', 'errors<1'.
 */
#ifndef LINERA_BENCH_ASSERTION_H
#define LINERA_BENCH_ASSERTION_H

#include "result.h"

struct assertion {
    const char *text;
    char        operation[32]; /* "all" unless named */
    const char *metric;        /* position in a table of names; see assertion.c */
    bool        less, equal;   /* < or >, and whether equality satisfies */
    double      limit;         /* microseconds, operations a second, or a count */
    double      value;         /* after assertion_check() */
    bool        holds;
};

/* Read one for the workload; false after a line on stderr. */
bool assertion_parse(const struct workload *w, const char *text, struct assertion *out);
/* Set value and holds; a line on stderr when it does not hold. */
void assertion_check(struct assertion *a, const struct result *r);

#endif
