/* lib/sql/exec/op.h: operators at run time; for the files of this folder only.
 *
 * An operator is made for a node of the plan, rewound before its rows are asked for (again, for
 * each outer row of a nested loop or subquery), and closed once. op_next() does what all have in
 * common: it drops rows by the node's filter and computes its outputs. */
#ifndef LINERA_SQL_EXEC_OP_H
#define LINERA_SQL_EXEC_OP_H

#include "sql/exec/eval.h"
#include "sql/exec/exec.h"
#include "sql/plan/node.h"

struct op;

struct op_class {
    size_t size; /* of the operator's own struct, which begins with struct op */
    status (*open)(struct op *op);
    /* Forget what was read; the next rows are the first again. */
    status (*rewind)(struct op *op);
    /* Raw rows: NO_DATA behind the last, never an empty batch. */
    status (*next)(struct op *op, const struct batch **out);
    void (*close)(struct op *op); /* NULL: nothing to release */
};

/* What EXPLAIN ANALYZE shows. */
struct op_stats {
    uint64_t loops, rows, filtered;
    uint64_t first_us, total_us, started_us;
    uint64_t memory_bytes, disk_bytes; /* most that sorts and hash tables held; temporary files */
    uint64_t buckets;
    uint64_t batches; /* hashing: parts that were worked on one after the other */
    bool     top;     /* a sort that kept the first rows only */
    bool     in_loop;
};

struct op {
    const struct op_class *class;
    const struct plan_node *node;
    struct execution       *x;
    struct op              *left, *right;
    struct eval            *filter;
    struct eval           **outputs;   /* NULL: the raw columns */
    struct batch            result;    /* handed upwards */
    uint16_t               *selection; /* of the filter */
    struct arena           *arena;     /* until rewind */
    struct arena           *rows;      /* until the next batch */
    struct op_stats         stats;
};

/* A row kept beyond its batch. */
struct kept_row {
    datum *values;
    bool  *nulls;
};

/* What must be copied to keep a row. */
struct row_shape {
    size_t              count;
    const struct type **types;
    bool               *is_slice;
};

struct subplan_state;

struct execution {
    struct sql_context    *c;
    const struct plan     *plan;
    struct arena          *arena;
    struct mem_account     account;
    struct eval_context    eval;
    struct op             *root;
    struct op_stats      **stats; /* by node id; NULL: not instrumented */
    struct subplan_state **subplans;
    struct batch           window; /* the part of a batch that a portal takes */
    const struct batch    *pending;
    size_t                 pending_at;
    uint16_t              *window_rows;
    uint64_t               row_count;
    bool                   instrument, done;
    struct row_feed       *feed; /* NULL: an ordinary run */
};

status op_new(struct execution *x, const struct plan_node *n, struct op **out) MUST_CHECK;
/* READ_ONLY_TRANSACTION (25006) naming the command, before anything is done. */
status refuse_in_read_only(const struct execution *x, const char *command) MUST_CHECK;
status op_rewind(struct op *op) MUST_CHECK;
status op_next(struct op *op, const struct batch **out) MUST_CHECK;
void   op_close(struct op *op);

/* Columns of `count` types for the execution's batch size, in the execution's arena. */
void batch_init(struct execution *x, struct batch *b, const uint32_t *types, size_t count);
/* The types an operator's rows have. */
void row_shape_of(struct execution *x, const struct plan_node *n, struct row_shape *out);
void row_shape_from_types(struct execution *x, const uint32_t *types, size_t count,
                          struct row_shape *out);
/* A copy of row `at` of a batch in `a`. */
struct kept_row row_keep(struct arena *a, const struct row_shape *s, const struct column *columns,
                         size_t at);
void            row_put(const struct kept_row *r, size_t count, struct column *columns, size_t at);
/* -1, 0, 1 by the keys; nulls as each key says. */
int             row_compare(const struct plan_key *keys, size_t count, const struct kept_row *x,
                            const struct kept_row *y);
int             key_compare(const struct plan_key *k, datum x, bool x_null, datum y, bool y_null);

/* Rows grouped by equality of their leading columns (nulls equal): joins, grouping, set operations.
 */
struct row_table;
struct row_entry {
    struct row_entry *next; /* of the same bucket */
    uint64_t          hash;
    struct kept_row   row;
    void             *extra;
    bool              matched;
};
struct row_table *row_table_new(struct arena *a, const struct type *const *types, size_t count);
uint64_t          row_table_hash(const struct row_table *t, const datum *values, const bool *nulls);
struct row_entry *row_table_find(const struct row_table *t, uint64_t hash, const datum *values,
                                 const bool *nulls);
/* The next entry with the same key. */
struct row_entry *row_table_next_equal(const struct row_table *t, const struct row_entry *e,
                                       const datum *values, const bool *nulls);
/* Add behind the others of its key; the row belongs to the table's arena already. */
struct row_entry *row_table_add(struct row_table *t, uint64_t hash, struct kept_row row);
size_t            row_table_buckets(const struct row_table *t);
size_t            row_table_count(const struct row_table *t);
/* Entries in order of insertion. */
struct row_entry *row_table_at(const struct row_table *t, size_t position);

/* Only the first `rows` will be asked for. */
void sort_set_top(struct op *op, size_t rows);
/* Read the input anew at the next rewind. */
void materialize_forget(struct op *op);
/* All its rows are in memory, where they stay until it is closed or forgets them. */
bool materialize_in_memory(const struct op *op);

/* The rows of a CTE's tree so far, at least one more than `have` unless these are all: it runs only
 * as far as its readers want. What depends on outer values is run anew for `have` 0. Those behind
 * the ones in memory are on *tape, which grows; NULL: all are in memory. */
struct spill_tape;
status cte_rows(struct execution *x, int subplan, size_t have, struct kept_row **rows,
                size_t *count, struct spill_tape **tape) MUST_CHECK;
/* The rows of its round before, of a recursive one. */
void   cte_working_rows(struct execution *x, int subplan, struct kept_row **rows, size_t *count);
/* The same of its PLAN_RECURSIVE_UNION. */
void   recursive_union_working(struct op *op, struct kept_row **rows, size_t *count);
void   subplans_close(struct execution *x);

extern const struct op_class op_result, op_scan, op_virtual_scan, op_function_scan, op_values_scan,
    op_cte_scan, op_subquery_scan, op_nested_loop, op_hash_join, op_merge_join, op_aggregate,
    op_sort, op_unique, op_project_set, op_window, op_append, op_set_op, op_recursive_union,
    op_limit, op_lock_rows, op_materialize, op_modify;

#endif
