/* Expressions on arrays and rows. */
#include <string.h>

#include "base/assert.h"
#include "sql/exec/eval_internal.h"
#include "sql/types/array.h"
#include "sql/types/record.h"
#include "sql/types/string.h"

static status eval_args(struct eval *e, const struct eval_row *row, struct arena *a)
{
    for (size_t i = 0; i < e->arg_count; i++)
        TRY_RETURN(e->args[i]->one(e->args[i], row, a, &e->arg_values[i], &e->arg_nulls[i]));
    return STATUS_OK;
}

/* ARRAY[a, b], or of arrays, which become one with a dimension more. */
static status array_of_arrays(struct eval *e, const struct type *element, struct arena *a,
                              datum *out)
{
    size_t  lengths[ARRAY_DIMENSIONS_MAX] = {e->arg_count}, total = 0, dimensions = 0;
    int32_t lower[ARRAY_DIMENSIONS_MAX] = {1, 1, 1, 1, 1, 1};
    datum  *values = NULL;
    bool   *nulls = NULL;

    for (size_t i = 0; i < e->arg_count; i++) {
        struct array_view v;
        datum            *some;
        bool             *some_nulls;

        if (e->arg_nulls[i])
            return status_new(ST_ARRAY_SUBSCRIPT, "multidimensional arrays must have array "
                                                  "expressions with matching dimensions");
        TRY_RETURN(array_unpack(a, e->arg_values[i].s, &v, &some, &some_nulls));
        if (i == 0) {
            dimensions = v.dimensions;
            if (dimensions + 1 > ARRAY_DIMENSIONS_MAX)
                return status_new(ST_LIMIT_EXCEEDED,
                                  "number of array dimensions exceeds the maximum allowed (%d)",
                                  ARRAY_DIMENSIONS_MAX);
            memcpy(lengths + 1, v.lengths, dimensions * sizeof *lengths);
            values = ARENA_ARRAY(a, datum, v.count * e->arg_count);
            nulls = ARENA_ARRAY(a, bool, v.count * e->arg_count);
        }
        if (v.dimensions != dimensions ||
            memcmp(lengths + 1, v.lengths, dimensions * sizeof *lengths) != 0)
            return status_new(ST_ARRAY_SUBSCRIPT, "multidimensional arrays must have array "
                                                  "expressions with matching dimensions");
        memcpy(values + total, some, v.count * sizeof *values);
        memcpy(nulls + total, some_nulls, v.count * sizeof *nulls);
        total += v.count;
    }
    if (total == 0)
        dimensions = 0;
    return array_build_shaped(a, element, (unsigned)(dimensions == 0 ? 0 : dimensions + 1), lengths,
                              lower, values, nulls, &out->s);
}

status eval_array_one(struct eval *e, const struct eval_row *row, struct arena *a, datum *out,
                      bool *null)
{
    const struct type *element = type_by_oid(e->type->element_oid);

    *null = false;
    TRY_RETURN(eval_args(e, row, a));
    if (e->arg_count > 0 && e->args[0]->expr->type == e->type->oid)
        return array_of_arrays(e, element, a, out);
    return array_build(a, element, e->arg_values, e->arg_nulls, e->arg_count, &out->s);
}

/* ---- x op ANY | ALL (array) ---------------------------------------------------------------------
 */

/* Take one element into account; true when the answer is settled. */
static status array_op_step(struct eval *e, datum x, bool x_null, datum y, bool y_null,
                            struct arena *a, datum *out, bool *null, bool *settled)
{
    bool  any = !e->expr->binary.all, is_null = false;
    datum v;

    *settled = false;
    if (x_null || y_null)
        is_null = true;
    else
        TRY_RETURN(eval_call_two(e, x, y, a, &v, &is_null));
    if (is_null) {
        *null = true;
    } else if (v.b == any) {
        out->b = any;
        *null = false;
        *settled = true;
    }
    return STATUS_OK;
}

static status array_op_list(struct eval *e, const struct eval_row *row, struct arena *a, datum x,
                            bool x_null, datum *out, bool *null)
{
    for (size_t i = 1; i < e->arg_count; i++) {
        datum y;
        bool  y_null, settled;

        TRY_RETURN(e->args[i]->one(e->args[i], row, a, &y, &y_null));
        TRY_RETURN(array_op_step(e, x, x_null, y, y_null, a, out, null, &settled));
        if (settled)
            return STATUS_OK;
    }
    return STATUS_OK;
}

static status array_op_packed(struct eval *e, const struct eval_row *row, struct arena *a, datum x,
                              bool x_null, datum *out, bool *null)
{
    struct array_view view;
    datum             packed, y;
    bool              packed_null, y_null, settled;

    TRY_RETURN(e->args[1]->one(e->args[1], row, a, &packed, &packed_null));
    if (packed_null) {
        *null = true;
        return STATUS_OK;
    }
    TRY_RETURN(array_open(packed.s, &view));
    while (array_next(&view, &y, &y_null)) {
        TRY_RETURN(array_op_step(e, x, x_null, y, y_null, a, out, null, &settled));
        if (settled)
            return STATUS_OK;
    }
    return STATUS_OK;
}

status eval_array_op_one(struct eval *e, const struct eval_row *row, struct arena *a, datum *out,
                         bool *null)
{
    const struct expr *right = e->expr->binary.right;
    datum              x;
    bool               x_null;

    TRY_RETURN(e->args[0]->one(e->args[0], row, a, &x, &x_null));
    out->b = e->expr->binary.all;
    *null = false;
    if (right->kind == EXPR_ARRAY && e->arg_count == right->list.count + 1)
        return array_op_list(e, row, a, x, x_null, out, null);
    return array_op_packed(e, row, a, x, x_null, out, null);
}

/* ---- subscripts ---------------------------------------------------------------------------------
 */

static bool subscript_of(const struct eval *e, size_t arg, int32_t missing, int32_t *out)
{
    if (arg >= e->arg_count || e->arg_nulls[arg]) {
        *out = missing;
        return arg >= e->arg_count;
    }
    *out = (int32_t)e->arg_values[arg].i;
    return true;
}

/* a[1][2] is one subscript on another: all of them name one element of the innermost array. */
status eval_subscript_one(struct eval *e, const struct eval_row *row, struct arena *a, datum *out,
                          bool *null)
{
    int32_t      subscripts[ARRAY_DIMENSIONS_MAX], lower, upper;
    size_t       n = 0;
    struct eval *at = e;
    datum        packed;

    *null = true;
    if (e->expr->subscript.is_slice) {
        size_t next = 1;

        TRY_RETURN(eval_args(e, row, a));
        if (e->arg_nulls[0])
            return STATUS_OK;
        lower = INT32_MIN;
        upper = INT32_MAX;
        if (e->expr->subscript.index != NULL && !subscript_of(e, next++, INT32_MIN, &lower))
            return STATUS_OK;
        if (e->expr->subscript.upper != NULL && !subscript_of(e, next, INT32_MAX, &upper))
            return STATUS_OK;
        *null = false;
        return array_slice(a, e->arg_values[0].s, lower, upper, &out->s);
    }
    for (;; at = at->args[0]) {
        datum v;
        bool  is_null;

        if (n == ARRAY_DIMENSIONS_MAX)
            return STATUS_OK;
        TRY_RETURN(at->args[1]->one(at->args[1], row, a, &v, &is_null));
        if (is_null)
            return STATUS_OK;
        memmove(subscripts + 1, subscripts, n++ * sizeof *subscripts);
        subscripts[0] = (int32_t)v.i;
        if (at->args[0]->expr->kind != EXPR_SUBSCRIPT || at->args[0]->expr->subscript.is_slice)
            break;
    }
    TRY_RETURN(at->args[0]->one(at->args[0], row, a, &packed, null));
    if (*null)
        return STATUS_OK;
    return array_element(packed.s, subscripts, n, out, null);
}

/* name[i]: its byte at i, counted from 0; a name is filled up with zero bytes. */
status eval_subscript_name(struct eval *e, const struct eval_row *row, struct arena *a, datum *out,
                           bool *null)
{
    TRY_RETURN(eval_args(e, row, a));
    *null = e->arg_nulls[0] || e->arg_nulls[1] || e->arg_values[1].i < 0 ||
            e->arg_values[1].i > NAME_BYTES_MAX;
    if (!*null)
        out->i = (size_t)e->arg_values[1].i < e->arg_values[0].s.size
                     ? (unsigned char)e->arg_values[0].s.data[e->arg_values[1].i]
                     : 0;
    return STATUS_OK;
}

/* ---- rows ---------------------------------------------------------------------------------------
 */

status eval_row_value_one(struct eval *e, const struct eval_row *row, struct arena *a, datum *out,
                          bool *null)
{
    uint32_t *types = ARENA_ARRAY(a, uint32_t, e->arg_count);

    *null = false;
    for (size_t i = 0; i < e->arg_count; i++)
        types[i] = e->args[i]->expr->type;
    TRY_RETURN(eval_args(e, row, a));
    return record_build(a, types, e->arg_values, e->arg_nulls, e->arg_count, &out->s);
}

/* (a, b) < (c, d): decided by the first pair that differs; a null met before makes it unknown. */
status eval_row_compare_one(struct eval *e, const struct eval_row *row, struct arena *a, datum *out,
                            bool *null)
{
    size_t n = e->expr->row_compare.count;
    char   order = e->expr->row_compare.order;
    int    c = 0;

    *null = false;
    for (size_t i = 0; i < n && c == 0; i++) {
        datum x, y;
        bool  x_null, y_null;

        TRY_RETURN(e->args[i]->one(e->args[i], row, a, &x, &x_null));
        TRY_RETURN(e->args[n + i]->one(e->args[n + i], row, a, &y, &y_null));
        if (x_null || y_null) {
            *null = true;
            return STATUS_OK;
        }
        c = e->args[i]->type->compare(x, y);
    }
    out->b = order == '<' ? c < 0 : order == 'l' ? c <= 0 : order == 'g' ? c >= 0 : c > 0;
    return STATUS_OK;
}

status eval_field_one(struct eval *e, const struct eval_row *row, struct arena *a, datum *out,
                      bool *null)
{
    struct record_view v;
    const struct type *type;
    int                left = e->expr->field.position;

    TRY_RETURN(eval_args(e, row, a));
    *null = e->arg_nulls[0];
    if (*null)
        return STATUS_OK;
    TRY_RETURN(record_open(e->arg_values[0].s, &v));
    while (record_next(&v, &type, out, null)) {
        if (left-- == 0)
            return STATUS_OK;
    }
    return status_new(ST_CORRUPT, "a record lacks its field %d", e->expr->field.position + 1);
}
