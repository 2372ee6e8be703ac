/* lib/sql/exec/eval.h: bound expressions made ready to compute.
 *
 * A compiled expression works in two ways that give the same answers: on one row (point statements,
 * constraints, what must be lazy) and on a batch. CASE, COALESCE, AND and OR touch only what SQL
 * says they may: an error in a branch that is not taken must not appear, so in a batch they narrow
 * the rows that the next operand sees.
 *
 * One compiled expression belongs to one execution: call sites keep state between rows, and results
 * of a batch stand in buffers of their node until the node's next evaluation. */
#ifndef LINERA_SQL_EXEC_EVAL_H
#define LINERA_SQL_EXEC_EVAL_H

#include "sql/bind/expr.h"

struct execution;

/* What is the same for all expressions of an execution. */
struct eval_context {
    struct sql_context *c;
    struct arena       *arena; /* lives as long as the execution */
    const datum        *params;
    bool                params_vary; /* their values change between rows: see row_feed in exec.h */
    const bool         *param_nulls;
    size_t              param_count;
    datum              *outer; /* values handed in from outer rows, by EXPR_OUTER position */
    bool               *outer_nulls;
    struct execution   *execution;  /* runs subqueries; NULL where there can be none */
    size_t              batch_rows; /* capacity of batches */
};

/* The row an expression is computed on: row `row` of columns, or, with columns NULL, a plain array.
 */
struct eval_row {
    const struct column *columns;
    size_t               row;
    const datum         *values;
    const bool          *nulls;
};

struct eval;

/* Make `e` ready; slots refer to the columns of the batches or rows it will be given. */
status eval_compile(struct eval_context *ec, const struct expr *e, struct eval **out) MUST_CHECK;

/* Compute on one row; what needs memory goes to `a`. MAY_YIELD where there are subqueries. */
status eval_one(struct eval *e, const struct eval_row *row, struct arena *a, datum *out, bool *null)
    MUST_CHECK;

/* Compute on the rows `selected[0..count)` (0..count when NULL) of a batch's columns. The result
 * has values at these rows; it belongs to `e`, or is one of the input columns. */
status eval_batch(struct eval *e, const struct column *columns, const uint16_t *selected,
                  size_t count, struct arena *a, const struct column **out) MUST_CHECK;

/* Narrow a batch to the rows for which `e` is true. `selection` has room for b->rows positions and
 * becomes the batch's. */
status eval_filter(struct eval *e, struct batch *b, uint16_t *selection, struct arena *a)
    MUST_CHECK;

/* Is the condition true on this row? */
status eval_condition(struct eval *e, const struct eval_row *row, struct arena *a, bool *holds)
    MUST_CHECK;

/* The value of an expression without columns, parameters and subqueries, in `a`. */
status eval_constant(struct sql_context *c, struct arena *a, const struct expr *e, datum *out,
                     bool *null) MUST_CHECK;

uint32_t eval_type(const struct eval *e);
/* The input column when the expression is nothing else; -1 otherwise. */
int      eval_slot(const struct eval *e);

/* subplan.c: the value of a subquery for the row at hand. `site` is NULL at first and keeps the
 * subquery's state. */
struct subplan_site;
status subplan_compile(struct eval_context *ec, const struct expr *e, struct subplan_site **out)
    MUST_CHECK;
status subplan_eval(struct subplan_site *site, const struct eval_row *row, struct arena *a,
                    datum *out, bool *null) MUST_CHECK;

#endif
