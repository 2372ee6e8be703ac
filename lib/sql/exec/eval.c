#include "sql/exec/eval.h"

#include <string.h>

#include "base/assert.h"
#include "env/env.h"
#include "sql/exec/eval_internal.h"

uint32_t eval_type(const struct eval *e)
{
    return e->expr->type;
}

int eval_slot(const struct eval *e)
{
    return e->expr->kind == EXPR_SLOT ? e->expr->slot.position : -1;
}

/* ---- leaves -------------------------------------------------------------------------------------
 */

static status constant_one(struct eval *e, const struct eval_row *row, struct arena *a, datum *out,
                           bool *null)
{
    (void)row, (void)a;
    *out = e->constant;
    *null = e->constant_null;
    return STATUS_OK;
}

static status slot_one(struct eval *e, const struct eval_row *row, struct arena *a, datum *out,
                       bool *null)
{
    int position = e->expr->slot.position;

    (void)a;
    if (row->columns != NULL) {
        const struct column *c = &row->columns[position];

        *null = c->nulls[row->row];
        *out = c->values[row->row];
    } else {
        *null = row->nulls[position];
        *out = row->values[position];
    }
    return STATUS_OK;
}

static status outer_one(struct eval *e, const struct eval_row *row, struct arena *a, datum *out,
                        bool *null)
{
    (void)row, (void)a;
    *out = e->context->outer[e->expr->outer.position];
    *null = e->context->outer_nulls[e->expr->outer.position];
    return STATUS_OK;
}

/* ---- calls --------------------------------------------------------------------------------------
 */

static status call_one(struct eval *e, const struct eval_row *row, struct arena *a, datum *out,
                       bool *null)
{
    bool any_null = false;

    for (size_t i = 0; i < e->arg_count; i++) {
        TRY_RETURN(e->args[i]->one(e->args[i], row, a, &e->arg_values[i], &e->arg_nulls[i]));
        any_null |= e->arg_nulls[i];
    }
    if (any_null && e->call.fn->strict) {
        *null = true;
        return STATUS_OK;
    }
    *null = false;
    e->call.arena = a;
    return e->call.fn->scalar(&e->call, e->arg_values, e->arg_nulls, out, null);
}

status eval_call_two(struct eval *e, datum x, datum y, struct arena *a, datum *out, bool *null)
{
    datum args[2] = {x, y};
    bool  nulls[2] = {false, false};

    *null = false;
    e->call.arena = a;
    return e->call.fn->scalar(&e->call, args, nulls, out, null);
}

/* ---- logic --------------------------------------------------------------------------------------
 */

static status and_or_one(struct eval *e, const struct eval_row *row, struct arena *a, datum *out,
                         bool *null)
{
    bool decisive = e->expr->kind == EXPR_OR, seen_null = false;

    for (size_t i = 0; i < e->arg_count; i++) {
        datum v;
        bool  is_null;

        TRY_RETURN(e->args[i]->one(e->args[i], row, a, &v, &is_null));
        if (is_null) {
            seen_null = true;
        } else if (v.b == decisive) {
            out->b = decisive;
            *null = false;
            return STATUS_OK;
        }
    }
    out->b = !decisive;
    *null = seen_null;
    return STATUS_OK;
}

static status not_one(struct eval *e, const struct eval_row *row, struct arena *a, datum *out,
                      bool *null)
{
    TRY_RETURN(e->args[0]->one(e->args[0], row, a, out, null));
    if (!*null)
        out->b = !out->b;
    return STATUS_OK;
}

/* Of a row: IS NULL when all fields are null, IS NOT NULL when none is. */
static status null_test_one(struct eval *e, const struct eval_row *row, struct arena *a, datum *out,
                            bool *null)
{
    bool negated = e->expr->unary.negated, holds = true;

    for (size_t i = 0; i < e->arg_count && holds; i++) {
        datum v;
        bool  is_null;

        TRY_RETURN(e->args[i]->one(e->args[i], row, a, &v, &is_null));
        holds = is_null != negated;
    }
    out->b = holds;
    *null = false;
    return STATUS_OK;
}

static bool bool_test_value(enum bool_test test, bool value, bool null)
{
    switch (test) {
    case TEST_TRUE:
        return !null && value;
    case TEST_NOT_TRUE:
        return null || !value;
    case TEST_FALSE:
        return !null && !value;
    case TEST_NOT_FALSE:
        return null || value;
    case TEST_UNKNOWN:
        return null;
    case TEST_NOT_UNKNOWN:
        return !null;
    }
    UNREACHABLE();
}

static status bool_test_one(struct eval *e, const struct eval_row *row, struct arena *a, datum *out,
                            bool *null)
{
    datum v;
    bool  is_null;

    TRY_RETURN(e->args[0]->one(e->args[0], row, a, &v, &is_null));
    out->b = bool_test_value(e->expr->unary.test, !is_null && v.b, is_null);
    *null = false;
    return STATUS_OK;
}

/* ---- conditional forms --------------------------------------------------------------------------
 */

/* args: condition, result, condition, result, ..., otherwise. */
static status case_one(struct eval *e, const struct eval_row *row, struct arena *a, datum *out,
                       bool *null)
{
    struct eval *chosen = e->args[e->arg_count - 1];

    for (size_t i = 0; i + 1 < e->arg_count; i += 2) {
        bool holds;

        TRY_RETURN(eval_condition(e->args[i], row, a, &holds));
        if (holds) {
            chosen = e->args[i + 1];
            break;
        }
    }
    return chosen->one(chosen, row, a, out, null);
}

static status coalesce_one(struct eval *e, const struct eval_row *row, struct arena *a, datum *out,
                           bool *null)
{
    *null = true;
    for (size_t i = 0; i < e->arg_count && *null; i++)
        TRY_RETURN(e->args[i]->one(e->args[i], row, a, out, null));
    return STATUS_OK;
}

static status minmax_one(struct eval *e, const struct eval_row *row, struct arena *a, datum *out,
                         bool *null)
{
    *null = true;
    for (size_t i = 0; i < e->arg_count; i++) {
        datum v;
        bool  is_null;

        TRY_RETURN(e->args[i]->one(e->args[i], row, a, &v, &is_null));
        if (is_null)
            continue;
        int c = *null ? 0 : e->type->compare(v, *out);

        if (*null || (e->expr->list.greatest ? c > 0 : c < 0))
            *out = v;
        *null = false;
    }
    return STATUS_OK;
}

static status nullif_one(struct eval *e, const struct eval_row *row, struct arena *a, datum *out,
                         bool *null)
{
    datum other, equal;
    bool  other_null, equal_null;

    TRY_RETURN(e->args[0]->one(e->args[0], row, a, out, null));
    TRY_RETURN(e->args[1]->one(e->args[1], row, a, &other, &other_null));
    if (*null || other_null)
        return STATUS_OK;
    TRY_RETURN(eval_call_two(e, *out, other, a, &equal, &equal_null));
    if (!equal_null && equal.b)
        *null = true;
    return STATUS_OK;
}

static status distinct_one(struct eval *e, const struct eval_row *row, struct arena *a, datum *out,
                           bool *null)
{
    datum x, y, equal;
    bool  x_null, y_null, equal_null, distinct;

    TRY_RETURN(e->args[0]->one(e->args[0], row, a, &x, &x_null));
    TRY_RETURN(e->args[1]->one(e->args[1], row, a, &y, &y_null));
    if (x_null || y_null) {
        distinct = x_null != y_null;
    } else {
        TRY_RETURN(eval_call_two(e, x, y, a, &equal, &equal_null));
        distinct = equal_null || !equal.b;
    }
    out->b = distinct != e->expr->binary.negated;
    *null = false;
    return STATUS_OK;
}

static status subquery_one(struct eval *e, const struct eval_row *row, struct arena *a, datum *out,
                           bool *null)
{
    return subplan_eval(e->subplan, row, a, out, null);
}

/* ---- compilation --------------------------------------------------------------------------------
 */

static status compile_args(struct eval *e, struct expr *const *args, size_t count)
{
    struct arena *a = e->context->arena;

    e->arg_count = count;
    e->args = ARENA_ARRAY(a, struct eval *, count);
    e->arg_values = ARENA_ARRAY(a, datum, count);
    e->arg_nulls = ARENA_ARRAY(a, bool, count);
    for (size_t i = 0; i < count; i++)
        TRY_RETURN(eval_compile(e->context, args[i], &e->args[i]));
    return STATUS_OK;
}

static void prepare_call(struct eval *e, const struct function *fn, struct expr *const *args,
                         size_t count)
{
    struct arena *a = e->context->arena;
    uint32_t     *types = ARENA_ARRAY(a, uint32_t, count);

    for (size_t i = 0; i < count; i++)
        types[i] = args[i]->type;
    e->call = (struct fn_call){.context = e->context->c,
                               .fn = fn,
                               .arena = a,
                               .call_arena = a,
                               .arg_count = count,
                               .arg_types = types,
                               .result_type = e->expr->type,
                               .collation = e->expr->collation};
}

static status compile_call(struct eval *e)
{
    const struct expr *x = e->expr;

    if (x->call.fn->scalar == NULL)
        return status_new(ST_FEATURE_NOT_SUPPORTED, "function %s cannot be called here",
                          x->call.fn->name);
    prepare_call(e, x->call.fn, x->call.args, x->call.arg_count);
    e->call.variadic_array = x->call.variadic_array;
    e->one = call_one;
    return compile_args(e, x->call.args, x->call.arg_count);
}

static status compile_binary(struct eval *e, eval_row_fn *one)
{
    struct expr *args[2] = {e->expr->binary.left, e->expr->binary.right};

    prepare_call(e, e->expr->binary.op->fn, args, 2);
    e->one = one;
    return compile_args(e, args, 2);
}

static status compile_array_op(struct eval *e)
{
    const struct expr *x = e->expr;
    struct expr       *right = x->binary.right;

    e->one = eval_array_op_one;
    prepare_call(e, x->binary.op->fn, (struct expr *[]){x->binary.left, right}, 2);
    /* The elements written out: compared one by one, no array is built. */
    if (right->kind == EXPR_ARRAY &&
        type_by_oid(right->list.count ? right->list.args[0]->type : OID_INT4)->element_oid == 0) {
        size_t        count = right->list.count;
        struct expr **args = ARENA_ARRAY(e->context->arena, struct expr *, count + 1);

        args[0] = x->binary.left;
        memcpy(args + 1, right->list.args, count * sizeof *args);
        return compile_args(e, args, count + 1);
    }
    return compile_args(e, (struct expr *[]){x->binary.left, right}, 2);
}

static status compile_case(struct eval *e)
{
    const struct expr *x = e->expr;
    size_t             n = x->case_when.count;
    struct expr      **args = ARENA_ARRAY(e->context->arena, struct expr *, 2 * n + 1);

    for (size_t i = 0; i < n; i++) {
        args[2 * i] = x->case_when.conditions[i];
        args[2 * i + 1] = x->case_when.results[i];
    }
    args[2 * n] = x->case_when.otherwise;
    e->one = case_one;
    return compile_args(e, args, 2 * n + 1);
}

static status compile_null_test(struct eval *e)
{
    struct expr *arg = e->expr->unary.arg;

    e->one = null_test_one;
    if (arg->kind == EXPR_ROW)
        return compile_args(e, arg->list.args, arg->list.count);
    return compile_args(e, &arg, 1);
}

static status compile_row_compare(struct eval *e)
{
    const struct expr *x = e->expr;
    size_t             n = x->row_compare.count;
    struct expr      **args = ARENA_ARRAY(e->context->arena, struct expr *, 2 * n);

    memcpy(args, x->row_compare.left, n * sizeof *args);
    memcpy(args + n, x->row_compare.right, n * sizeof *args);
    e->one = eval_row_compare_one;
    return compile_args(e, args, 2 * n);
}

static status compile_subscript(struct eval *e)
{
    const struct expr *x = e->expr;
    struct expr       *args[3] = {x->subscript.array};
    size_t             count = 1;

    if (x->subscript.index != NULL)
        args[count++] = x->subscript.index;
    if (x->subscript.upper != NULL)
        args[count++] = x->subscript.upper;
    e->one = args[0]->type == OID_NAME ? eval_subscript_name : eval_subscript_one;
    return compile_args(e, args, count);
}

static status param_one(struct eval *e, const struct eval_row *row, struct arena *a, datum *out,
                        bool *null)
{
    size_t at = (size_t)e->expr->param.number - 1;

    (void)row;
    (void)a;
    *out = e->context->params[at];
    *null = e->context->param_nulls[at];
    return STATUS_OK;
}

static status compile_param(struct eval *e)
{
    size_t number = (size_t)e->expr->param.number;

    if (number == 0 || number > e->context->param_count)
        return status_new(ST_UNDEFINED_PARAMETER, "no value found for parameter %zu", number);
    e->constant = e->context->params[number - 1];
    e->constant_null = e->context->param_nulls[number - 1];
    e->one = e->context->params_vary ? param_one : constant_one;
    return STATUS_OK;
}

static status compile_list(struct eval *e, eval_row_fn *one)
{
    e->one = one;
    return compile_args(e, e->expr->list.args, e->expr->list.count);
}

static status compile_unary(struct eval *e, eval_row_fn *one)
{
    e->one = one;
    return compile_args(e, &e->expr->unary.arg, 1);
}

static status compile_kind(struct eval *e)
{
    const struct expr *x = e->expr;

    switch (x->kind) {
    case EXPR_CONST:
        e->constant = x->constant.value;
        e->constant_null = x->constant.is_null;
        e->one = constant_one;
        return STATUS_OK;
    case EXPR_PARAM:
        return compile_param(e);
    case EXPR_SLOT:
        e->one = slot_one;
        return STATUS_OK;
    case EXPR_OUTER:
        e->one = outer_one;
        return STATUS_OK;
    case EXPR_CALL:
        return compile_call(e);
    case EXPR_CAST:
        e->source = type_by_oid(x->cast.arg->type);
        e->one = eval_cast_one;
        return compile_args(e, &e->expr->cast.arg, 1);
    case EXPR_AND:
    case EXPR_OR:
        return compile_list(e, and_or_one);
    case EXPR_NOT:
        return compile_unary(e, not_one);
    case EXPR_CASE:
        return compile_case(e);
    case EXPR_COALESCE:
        return compile_list(e, coalesce_one);
    case EXPR_MINMAX:
        return compile_list(e, minmax_one);
    case EXPR_NULLIF:
        return compile_binary(e, nullif_one);
    case EXPR_NULL_TEST:
        return compile_null_test(e);
    case EXPR_BOOL_TEST:
        return compile_unary(e, bool_test_one);
    case EXPR_DISTINCT:
        return compile_binary(e, distinct_one);
    case EXPR_ARRAY_OP:
        return compile_array_op(e);
    case EXPR_ARRAY:
        return compile_list(e, eval_array_one);
    case EXPR_SUBSCRIPT:
        return compile_subscript(e);
    case EXPR_FIELD:
        e->one = eval_field_one;
        return compile_args(e, &x->field.record, 1);
    case EXPR_ROW:
        return compile_list(e, eval_row_value_one);
    case EXPR_ROW_COMPARE:
        return compile_row_compare(e);
    case EXPR_SUBQUERY:
        e->one = subquery_one;
        return subplan_compile(e->context, x, &e->subplan);
    case EXPR_COLUMN:
    case EXPR_SET_CALL:
    case EXPR_WINDOW:
    case EXPR_AGGREGATE:
    case EXPR_DEFAULT:
        break;
    }
    return status_new(ST_INTERNAL, "an expression of kind %d reached the executor", (int)x->kind);
}

status eval_compile(struct eval_context *ec, const struct expr *x, struct eval **out)
{
    struct eval *e = ARENA_NEW(ec->arena, struct eval);

    TRY_RETURN(sql_check_stack(ec->c));
    e->expr = x;
    e->context = ec;
    e->type = type_by_oid(x->type);
    TRY_RETURN(compile_kind(e));
    *out = e;
    return STATUS_OK;
}

/* ---- rows ---------------------------------------------------------------------------------------
 */

status eval_one(struct eval *e, const struct eval_row *row, struct arena *a, datum *out, bool *null)
{
    return e->one(e, row, a, out, null);
}

status eval_condition(struct eval *e, const struct eval_row *row, struct arena *a, bool *holds)
{
    datum v;
    bool  null;

    TRY_RETURN(e->one(e, row, a, &v, &null));
    *holds = !null && v.b;
    return STATUS_OK;
}

status eval_constant(struct sql_context *c, struct arena *a, const struct expr *x, datum *out,
                     bool *null)
{
    struct eval_context *ec = ARENA_NEW(a, struct eval_context);
    struct eval_row      row = {0};
    struct eval         *e;

    *ec = (struct eval_context){.c = c, .arena = a, .batch_rows = 1};
    TRY_RETURN(eval_compile(ec, x, &e));
    return eval_one(e, &row, a, out, null);
}
