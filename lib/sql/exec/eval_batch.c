/* Expressions over batches: columns in, a column out. */
#include <string.h>

#include "base/assert.h"
#include "sql/exec/eval_internal.h"

/* Position in the batch of the i-th live row. */
static inline size_t row_at(const uint16_t *selected, size_t i)
{
    return selected != NULL ? selected[i] : i;
}

static struct column *result_column(struct eval *e)
{
    if (e->result.values == NULL)
        column_init(&e->result, e->context->arena, e->expr->type, e->context->batch_rows);
    e->result.may_be_null = true;
    return &e->result;
}

/* What is the same for every row, as a column. Filled to the capacity once: rows may be selected
 * anywhere. Outer values change, so they are spread anew. */
static const struct column *spread(struct eval *e, datum v, bool null, bool changes)
{
    size_t capacity = e->context->batch_rows;

    if (e->fixed.values == NULL)
        column_init(&e->fixed, e->context->arena, e->expr->type, capacity);
    if (e->fixed_count == 0 || changes) {
        for (size_t i = 0; i < capacity; i++) {
            e->fixed.values[i] = v;
            e->fixed.nulls[i] = null;
        }
        e->fixed.may_be_null = null;
        e->fixed_count = capacity;
    }
    return &e->fixed;
}

/* Whatever has no form of its own: row by row. */
static status batch_by_rows(struct eval *e, const struct column *columns, const uint16_t *selected,
                            size_t count, struct arena *a, const struct column **out)
{
    struct column  *r = result_column(e);
    struct eval_row row = {.columns = columns};

    for (size_t i = 0; i < count; i++) {
        row.row = row_at(selected, i);
        TRY_RETURN(e->one(e, &row, a, &r->values[row.row], &r->nulls[row.row]));
    }
    *out = r;
    return STATUS_OK;
}

static status scalar_loop(struct eval *e, const uint16_t *selected, size_t count, struct column *r)
{
    fn_scalar fn = e->call.fn->scalar;
    bool      strict = e->call.fn->strict;

    for (size_t i = 0; i < count; i++) {
        size_t at = row_at(selected, i);

        if (strict && r->nulls[at])
            continue;
        for (size_t k = 0; k < e->arg_count; k++) {
            e->arg_values[k] = e->arg_columns[k]->values[at];
            e->arg_nulls[k] = e->arg_columns[k]->nulls[at];
        }
        r->nulls[at] = false;
        TRY_RETURN(fn(&e->call, e->arg_values, e->arg_nulls, &r->values[at], &r->nulls[at]));
    }
    return STATUS_OK;
}

static void spread_nulls(struct eval *e, const uint16_t *selected, size_t count, struct column *r)
{
    for (size_t i = 0; i < count; i++)
        r->nulls[row_at(selected, i)] = false;
    for (size_t k = 0; k < e->arg_count; k++) {
        const struct column *c = e->arg_columns[k];

        if (!c->may_be_null)
            continue;
        for (size_t i = 0; i < count; i++) {
            size_t at = row_at(selected, i);

            r->nulls[at] |= c->nulls[at];
        }
    }
}

static status batch_call(struct eval *e, const struct column *columns, const uint16_t *selected,
                         size_t count, struct arena *a, const struct column **out)
{
    struct column *r = result_column(e);

    if (e->arg_columns == NULL)
        e->arg_columns = ARENA_ARRAY(e->context->arena, const struct column *, e->arg_count);
    for (size_t k = 0; k < e->arg_count; k++)
        TRY_RETURN(eval_batch(e->args[k], columns, selected, count, a, &e->arg_columns[k]));
    spread_nulls(e, selected, count, r);
    e->call.arena = a;
    *out = r;
    if (e->call.fn->batch != NULL)
        return e->call.fn->batch(&e->call, e->arg_columns, selected, count, r);
    return scalar_loop(e, selected, count, r);
}

/* AND and OR see each operand only on the rows that the ones before left undecided, so that
 * "b <> 0 and a / b > 1" never divides by zero. */
static status batch_and_or(struct eval *e, const struct column *columns, const uint16_t *selected,
                           size_t count, struct arena *a, const struct column **out)
{
    bool           decisive = e->expr->kind == EXPR_OR;
    struct column *r = result_column(e);
    size_t         left = count;

    if (e->narrowed == NULL)
        e->narrowed = ARENA_ARRAY(e->context->arena, uint16_t, e->context->batch_rows);
    for (size_t i = 0; i < count; i++) {
        size_t at = row_at(selected, i);

        e->narrowed[i] = (uint16_t)at;
        r->values[at].b = !decisive;
        r->nulls[at] = false;
    }
    for (size_t k = 0; k < e->arg_count && left > 0; k++) {
        const struct column *c;
        size_t               kept = 0;

        TRY_RETURN(eval_batch(e->args[k], columns, e->narrowed, left, a, &c));
        for (size_t i = 0; i < left; i++) {
            uint16_t at = e->narrowed[i];

            if (!c->nulls[at] && c->values[at].b == decisive) {
                r->values[at].b = decisive;
                r->nulls[at] = false;
                continue;
            }
            r->nulls[at] |= c->nulls[at];
            e->narrowed[kept++] = at;
        }
        left = kept;
    }
    *out = r;
    return STATUS_OK;
}

static status batch_not(struct eval *e, const struct column *columns, const uint16_t *selected,
                        size_t count, struct arena *a, const struct column **out)
{
    struct column       *r = result_column(e);
    const struct column *c;

    TRY_RETURN(eval_batch(e->args[0], columns, selected, count, a, &c));
    for (size_t i = 0; i < count; i++) {
        size_t at = row_at(selected, i);

        r->nulls[at] = c->nulls[at];
        r->values[at].b = !c->values[at].b;
    }
    *out = r;
    return STATUS_OK;
}

static status batch_null_test(struct eval *e, const struct column *columns,
                              const uint16_t *selected, size_t count, struct arena *a,
                              const struct column **out)
{
    struct column       *r = result_column(e);
    const struct column *c;

    TRY_RETURN(eval_batch(e->args[0], columns, selected, count, a, &c));
    for (size_t i = 0; i < count; i++) {
        size_t at = row_at(selected, i);

        r->nulls[at] = false;
        r->values[at].b = c->nulls[at] != e->expr->unary.negated;
    }
    *out = r;
    return STATUS_OK;
}

status eval_batch(struct eval *e, const struct column *columns, const uint16_t *selected,
                  size_t count, struct arena *a, const struct column **out)
{
    switch (e->expr->kind) {
    case EXPR_PARAM:
        if (e->context->params_vary)
            return batch_by_rows(e, columns, selected, count, a, out);
        *out = spread(e, e->constant, e->constant_null, false);
        return STATUS_OK;
    case EXPR_CONST:
        *out = spread(e, e->constant, e->constant_null, false);
        return STATUS_OK;
    case EXPR_OUTER:
        *out = spread(e, e->context->outer[e->expr->outer.position],
                      e->context->outer_nulls[e->expr->outer.position], true);
        return STATUS_OK;
    case EXPR_SLOT:
        *out = &columns[e->expr->slot.position];
        return STATUS_OK;
    case EXPR_CALL:
        return batch_call(e, columns, selected, count, a, out);
    case EXPR_AND:
    case EXPR_OR:
        return batch_and_or(e, columns, selected, count, a, out);
    case EXPR_NOT:
        return batch_not(e, columns, selected, count, a, out);
    case EXPR_NULL_TEST:
        if (e->expr->unary.arg->kind != EXPR_ROW)
            return batch_null_test(e, columns, selected, count, a, out);
        return batch_by_rows(e, columns, selected, count, a, out);
    case EXPR_CAST:
        if (e->expr->cast.method == CAST_RELABEL && e->expr->cast.element_cast == NULL)
            return eval_batch(e->args[0], columns, selected, count, a, out);
        return batch_by_rows(e, columns, selected, count, a, out);
    default:
        return batch_by_rows(e, columns, selected, count, a, out);
    }
}

status eval_filter(struct eval *e, struct batch *b, uint16_t *selection, struct arena *a)
{
    size_t               count = batch_live_count(b), kept = 0;
    const struct column *c;

    /* A volatile condition has one value per row, so each row is asked once, in order. */
    TRY_RETURN(eval_batch(e, b->columns, b->selected, count, a, &c));
    for (size_t i = 0; i < count; i++) {
        size_t at = batch_live_row(b, i);

        if (!c->nulls[at] && c->values[at].b)
            selection[kept++] = (uint16_t)at;
    }
    b->selected = selection;
    b->selected_count = kept;
    return STATUS_OK;
}
