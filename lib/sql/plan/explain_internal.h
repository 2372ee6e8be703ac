/* lib/sql/plan/explain_internal.h: what the two forms of EXPLAIN share. */
#ifndef LINERA_SQL_PLAN_EXPLAIN_INTERNAL_H
#define LINERA_SQL_PLAN_EXPLAIN_INTERNAL_H

#include "sql/exec/op.h"

struct explain {
    struct sql_context           *c;
    const struct plan            *plan;
    const struct execution       *x;
    const struct explain_options *o;
    struct buf                   *out;
    struct arena                 *a;
};

/* An expression of the node, appended to x->out. */
void explain_expr(struct explain *x, const struct plan_node *n, const struct expr *e);
/* One key of a sort, with its direction. */
void explain_key(struct explain *x, const struct plan_node *n, const struct plan_key *k);
/* What was measured for the node; NULL: nothing. */
const struct op_stats *explain_stats(const struct explain *x, const struct plan_node *n);
/* "Seq Scan", "Index Scan", "Index Only Scan". */
const char            *explain_scan_name(const struct plan_node *n);

/* "quicksort", "top-N heapsort", "external merge". */
const char *explain_sort_method(const struct op_stats *s);

/* The whole document, without a newline at its end. */
void explain_json(struct explain *x);

#endif
