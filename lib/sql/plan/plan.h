/* lib/sql/plan/plan.h: query tree to physical plan. */
#ifndef LINERA_SQL_PLAN_PLAN_H
#define LINERA_SQL_PLAN_PLAN_H

#include "base/buf.h"
#include "sql/bind/query.h"

struct plan; /* what exec/ runs; immutable, may run many times, one after the other or at once */

/* Plan a bound query. The plan and all it points at live in `a`; descriptors are borrowed from the
 * catalog for as long as catalog_version() stays the same. Row counts come from the catalog's
 * estimates where there are any. */
status plan_query(struct sql_context *c, struct arena *a, struct query *q, struct plan **out)
    MUST_CHECK;

/* The lines of EXPLAIN, in PostgreSQL's layout, appended to `out` one by one, each ended by a
 * newline; as JSON one document. After an execution with `instrument`, times and row counts appear
 * as EXPLAIN ANALYZE shows them. */
struct explain_options {
    bool analyze, verbose, costs, buffers, timing, summary;
    enum { EXPLAIN_TEXT, EXPLAIN_JSON } format;
    uint64_t planning_us, execution_us; /* for `summary` */
};
struct execution;
status plan_explain(struct sql_context *c, const struct plan *p, const struct execution *x,
                    const struct explain_options *options, struct buf *out) MUST_CHECK;

#endif
