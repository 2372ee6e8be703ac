/* lib/sql/exec/exec.h: running a plan: operators that hand batches upwards, reading and writing
 * through the session's transaction. */
#ifndef LINERA_SQL_EXEC_EXEC_H
#define LINERA_SQL_EXEC_EXEC_H

#include "sql/plan/plan.h"

struct execution;

/* Prepare to run: `params` are the values of $1..$n (types as bound). Everything the run needs is
 * charged to `account` and freed by execution_close(). */
status execution_open(struct sql_context *c, const struct plan *p, const datum *params,
                      const bool *param_nulls, size_t param_count, struct mem_account *account,
                      bool instrument, struct execution **out) MUST_CHECK;

/* COPY's way in: INSERT ... VALUES ($1, ...) for many rows, one at a time. `next` puts a row's
 * values where the execution's parameters lie; they must hold until it is called again.
 * STATUS_NO_DATA ends the statement: only then are foreign keys checked. */
struct row_feed {
    status (*next)(struct row_feed *f);
};
/* As execution_open(), for the plan of such an INSERT, without RETURNING. MAY_YIELD in `next`. */
status execution_open_fed(struct sql_context *c, const struct plan *p, const datum *params,
                          const bool *param_nulls, size_t param_count, struct mem_account *account,
                          struct row_feed *feed, struct execution **out) MUST_CHECK;

/* The next rows (visible target columns only, or RETURNING's); STATUS_NO_DATA behind the last. At
 * most `rows_max` rows (0: a batch as it comes), so that a portal can stop in between. The batch is
 * valid until the next call. MAY_YIELD. */
status execution_next(struct execution *x, size_t rows_max, const struct batch **out) MUST_CHECK;

/* Rows inserted, updated or deleted so far; rows returned for SELECT. Run to the end first. */
uint64_t execution_row_count(const struct execution *x);
void     execution_close(struct execution *x);

/* Result columns of a plan, for RowDescription. */
struct result_column {
    const char *name;
    uint32_t    type;
    int32_t     typmod;
    uint32_t    origin_table;
    int16_t     origin_column;
};
const struct result_column *plan_result_columns(const struct plan *p, size_t *count);

#endif
