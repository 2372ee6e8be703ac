/* lib/sql/exec/sort_runs.h: the external half of sorting: runs of sorted rows in a temporary file,
 * merged into one order; for the files of this folder only. */
#ifndef LINERA_SQL_EXEC_SORT_RUNS_H
#define LINERA_SQL_EXEC_SORT_RUNS_H

#include "sql/exec/spill.h"

struct sort_runs;

/* For a node with sort keys; rows have `shape` (borrowed). On success *out is freed by
 * sort_runs_free(). */
status sort_runs_new(struct op *op, const struct row_shape *shape, struct sort_runs **out)
    MUST_CHECK;
void sort_runs_free(struct sort_runs *r); /* Accepts NULL. */

/* One run: rows in order, behind those of earlier runs where keys are equal. */
status sort_runs_add(struct sort_runs *r, const struct kept_row *rows, size_t count) MUST_CHECK;
/* All runs are there: merge them until the rest can be merged while they are read. */
status sort_runs_start(struct sort_runs *r) MUST_CHECK;
/* The next row of all, in `a`; NO_DATA behind the last. */
status sort_runs_next(struct sort_runs *r, struct arena *a, struct kept_row *out) MUST_CHECK;

#endif
