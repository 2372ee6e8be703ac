/* Conditions on a subquery of FROM move into it where that changes nothing but the work: below
 * UNION ALL and its kin, below grouping when they name group keys only. */
#include "base/assert.h"
#include "sql/plan/planner_internal.h"

struct inward {
    struct arena       *a;
    const struct query *sub;
    bool                possible;
};

static bool is_group_key(const struct query *q, const struct expr *e)
{
    for (size_t i = 0; i < q->group_count; i++) {
        if (expr_equal(q->targets[q->group[i]].expr, e))
            return true;
    }
    return false;
}

static bool target_may_move(const struct query *q, int16_t column)
{
    struct expr *e;

    if (column <= 0 || (size_t)column > q->target_count)
        return false;
    e = q->targets[column - 1].expr;
    if (!expr_is_stable(e) || expr_has_kind(e, EXPR_SET_CALL) || expr_has_kind(e, EXPR_AGGREGATE) ||
        expr_has_kind(e, EXPR_SUBQUERY))
        return false;
    return !(q->has_aggregates || q->has_group) || is_group_key(q, e);
}

static bool query_takes_conditions(const struct query *q)
{
    if (q->limit != NULL || q->offset != NULL || q->lock_count > 0 || q->has_set_calls ||
        q->has_windows || q->kind != QUERY_SELECT)
        return false;
    return q->distinct_on_count == 0;
}

static bool may_move_visit(struct expr **place, void *ctx)
{
    struct inward *w = ctx;
    struct expr   *e = *place;

    if (e->kind == EXPR_SUBQUERY || e->kind == EXPR_AGGREGATE)
        w->possible = false;
    if (e->kind == EXPR_COLUMN && w->sub->set_op == NULL)
        w->possible &= target_may_move(w->sub, e->column.column);
    return w->possible && expr_walk_children(e, may_move_visit, ctx);
}

static bool set_op_takes(const struct query *q, const struct set_op *op, struct expr *e);

static bool query_takes(const struct query *q, struct expr *e)
{
    struct inward w = {.sub = q, .possible = query_takes_conditions(q)};

    if (w.possible)
        may_move_visit(&e, &w);
    if (w.possible && q->set_op != NULL)
        return set_op_takes(q, q->set_op, e);
    return w.possible;
}

/* Columns of the operands must be of the result's type, or the condition would mean another thing.
 */
static bool operand_takes(const struct set_op *op, const struct set_op *inner,
                          const struct query *q, struct expr *e)
{
    if (inner != NULL)
        return set_op_takes(NULL, inner, e);
    for (size_t i = 0; i < op->column_count; i++) {
        if (q->targets[i].expr->type != op->types[i])
            return false;
    }
    return query_takes(q, e);
}

static bool set_op_takes(const struct query *q, const struct set_op *op, struct expr *e)
{
    (void)q;
    return operand_takes(op, op->left_op, op->left_query, e) &&
           operand_takes(op, op->right_op, op->right_query, e);
}

static struct expr *inward_column(struct expr *e, int depth, void *ctx)
{
    struct inward *w = ctx;

    if (e->kind != EXPR_COLUMN || depth != 0)
        return e;
    return plan_copy_expr(w->a, w->sub->targets[e->column.column - 1].expr);
}

static void give_to_set_op(struct arena *a, struct set_op *op, struct expr *e);

static void give(struct arena *a, struct query *q, struct expr *e)
{
    struct inward w = {.a = a, .sub = q};

    if (q->set_op != NULL) {
        give_to_set_op(a, q->set_op, e);
        return;
    }
    e = expr_map_columns(plan_copy_expr(a, e), 0, inward_column, &w);
    q->where = expr_and(a, q->where, e);
}

static void give_to_set_op(struct arena *a, struct set_op *op, struct expr *e)
{
    if (op->left_op != NULL)
        give_to_set_op(a, op->left_op, e);
    else
        give(a, op->left_query, e);
    if (op->right_op != NULL)
        give_to_set_op(a, op->right_op, e);
    else
        give(a, op->right_query, e);
}

void push_into_subquery(struct level *lv, struct rel *r)
{
    struct exprs kept = {0};

    for (size_t i = 0; i < r->quals.count; i++) {
        struct expr *e = r->quals.items[i];

        if (expr_is_stable(e) && query_takes(r->ref->query, e))
            give(lv->p->a, r->ref->query, e);
        else
            exprs_add(lv->p->a, &kept, e);
    }
    r->quals = kept;
}
