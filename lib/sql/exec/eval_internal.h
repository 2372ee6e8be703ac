/* lib/sql/exec/eval_internal.h: the node of a compiled expression; for eval*.c only. */
#ifndef LINERA_SQL_EXEC_EVAL_INTERNAL_H
#define LINERA_SQL_EXEC_EVAL_INTERNAL_H

#include "sql/exec/eval.h"
#include "sql/types/type.h"

typedef status eval_row_fn(struct eval *e, const struct eval_row *row, struct arena *a, datum *out,
                           bool *null);

struct eval {
    eval_row_fn          *one;
    const struct expr    *expr;
    const struct type    *type;
    struct eval_context  *context;
    size_t                arg_count;
    struct eval         **args;
    datum                *arg_values; /* scratch of `one`, arg_count of each */
    bool                 *arg_nulls;
    struct fn_call        call; /* EXPR_CALL, and the operator of ARRAY_OP, DISTINCT, NULLIF */
    datum                 constant;
    bool                  constant_null;
    const struct type    *source; /* EXPR_CAST: the argument's type */
    struct subplan_site  *subplan;
    struct column         result;      /* eval_batch(): lazily of the batch's capacity */
    struct column         fixed;       /* a constant spread over a column */
    size_t                fixed_count; /* how much of it is filled */
    const struct column **arg_columns;
    uint16_t             *narrowed; /* AND, OR: rows still undecided */
    struct eval         **fields;   /* NULL_TEST of a row: its fields */
};

/* eval_cast.c */
eval_row_fn eval_cast_one;
/* eval_array.c */
eval_row_fn eval_array_one, eval_array_op_one, eval_subscript_one, eval_subscript_name,
    eval_row_value_one, eval_field_one, eval_row_compare_one;

/* Call the operator of an ARRAY_OP, DISTINCT or NULLIF site on two values. */
status eval_call_two(struct eval *e, datum x, datum y, struct arena *a, datum *out, bool *null)
    MUST_CHECK;

#endif
