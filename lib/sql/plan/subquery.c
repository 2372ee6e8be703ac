/* Values that cross query levels: columns of outer rows, subqueries in expressions and in FROM,
 * WITH. */
#include <string.h>

#include "base/assert.h"
#include "env/env.h"
#include "sql/plan/planner_internal.h"

struct level *level_up(struct level *lv, int levels)
{
    while (levels-- > 0 && lv != NULL)
        lv = lv->parent;
    return lv;
}

int outer_slot(struct planner *p, struct level *owner, struct expr *e)
{
    for (size_t i = 0; i < p->outer_count; i++) {
        if (p->outer[i].owner == owner && expr_equal(p->outer[i].expr, e))
            return (int)i;
    }
    return outer_slot_new(p, owner, e);
}

int outer_slot_new(struct planner *p, struct level *owner, struct expr *e)
{
    if (p->outer_count == p->outer_capacity) {
        size_t capacity = p->outer_capacity == 0 ? 8 : p->outer_capacity * 2;

        p->outer = arena_realloc(p->a, p->outer, p->outer_capacity * sizeof *p->outer,
                                 capacity * sizeof *p->outer);
        p->outer_capacity = capacity;
    }
    p->outer[p->outer_count] = (struct outer_value){.owner = owner, .expr = e};
    return (int)p->outer_count++;
}

void level_use_outer(struct level *lv, int slot)
{
    for (size_t i = 0; i < lv->used_count; i++) {
        if (lv->used[i] == slot)
            return;
    }
    if (lv->used_count == lv->used_capacity) {
        size_t capacity = lv->used_capacity == 0 ? 8 : lv->used_capacity * 2;

        lv->used = arena_realloc(lv->p->a, lv->used, lv->used_capacity * sizeof *lv->used,
                                 capacity * sizeof *lv->used);
        lv->used_capacity = capacity;
    }
    lv->used[lv->used_count++] = slot;
}

static struct expr *outer_expr(struct level *lv, int slot, const struct expr *like)
{
    struct expr *e = expr_new(lv->p->a, EXPR_OUTER, like->type, like->typmod, like->location);

    e->collation = like->collation;
    e->outer.position = slot;
    return e;
}

/* ---- one subquery -------------------------------------------------------------------------------
 */

static status add_subplan(struct planner *p, struct plan_node *node, struct level *inner,
                          struct subplan **out)
{
    struct subplan *s = ARENA_NEW(p->a, struct subplan);
    struct plan    *plan = p->plan;

    if (plan->subplan_count == p->subplan_capacity) {
        size_t capacity = p->subplan_capacity == 0 ? 4 : p->subplan_capacity * 2;

        plan->subplans =
            arena_realloc(p->a, plan->subplans, p->subplan_capacity * sizeof(struct subplan *),
                          capacity * sizeof(struct subplan *));
        p->subplan_capacity = capacity;
    }
    s->node = node;
    s->id = (int)plan->subplan_count;
    s->uses_outer = inner->used_count > 0;
    plan->subplans[plan->subplan_count++] = s;
    *out = s;
    return STATUS_OK;
}

/* What the inner level takes from this one is an argument; what it takes from further out, this
 * level takes too. */
static void pass_outer_values(struct level *lv, const struct level *inner, struct expr *e)
{
    struct planner *p = lv->p;

    e->subquery.args = ARENA_ARRAY(p->a, struct expr *, inner->used_count);
    e->subquery.arg_slots = ARENA_ARRAY(p->a, int, inner->used_count);
    e->subquery.arg_count = 0;
    for (size_t i = 0; i < inner->used_count; i++) {
        int slot = inner->used[i];

        if (p->outer[slot].owner != lv) {
            level_use_outer(lv, slot);
            continue;
        }
        e->subquery.args[e->subquery.arg_count] = plan_copy_expr(p->a, p->outer[slot].expr);
        e->subquery.arg_slots[e->subquery.arg_count++] = slot;
    }
}

static bool can_hash(const struct expr *e)
{
    if (e->subquery.kind != SUBQUERY_ANY)
        return false;
    for (size_t i = 0; i < e->subquery.left_count; i++) {
        const struct type *l = type_by_oid(e->subquery.left[i]->type);
        const struct type *r = type_by_oid(e->subquery.query->targets[i].expr->type);

        if (e->subquery.ops[i]->order != '=' || !e->subquery.ops[i]->can_hash || l == NULL ||
            r == NULL || l->hash != r->hash || l->compare != r->compare)
            return false;
    }
    return true;
}

static status plan_inner(struct level *lv, struct query *q, struct level **inner,
                         struct plan_node **node)
{
    *inner = level_new(lv->p, lv, q);
    return plan_level(*inner, node);
}

static status plan_expr_subquery(struct level *lv, struct expr *e)
{
    struct level     *inner;
    struct plan_node *node;
    struct subplan   *s;
    struct query     *q = e->subquery.query;

    /* EXISTS wants one row, and none of its columns. */
    if (e->subquery.kind == SUBQUERY_EXISTS && q->kind == QUERY_SELECT && q->limit == NULL &&
        q->set_op == NULL && !q->has_aggregates && !q->has_group)
        q->sort_count = 0;
    TRY_RETURN(plan_inner(lv, q, &inner, &node));
    TRY_RETURN(add_subplan(lv->p, node, inner, &s));
    s->hashed = inner->used_count == 0 && can_hash(e);
    s->name = s->uses_outer || e->subquery.kind == SUBQUERY_ANY || e->subquery.kind == SUBQUERY_ALL
                  ? arena_printf(lv->p->a, "SubPlan %d", s->id + 1)
                  : arena_printf(lv->p->a, "InitPlan %d", s->id + 1);
    e->subquery.plan = node;
    e->subquery.plan_id = s->id;
    pass_outer_values(lv, inner, e);
    return STATUS_OK;
}

/* ---- preparing expressions ----------------------------------------------------------------------
 */

struct prepare {
    struct level *lv;
    struct rel   *lateral; /* columns of this level become outer values of this relation */
    status        st;
};

static struct expr *take_outer(struct level *lv, struct level *owner, struct expr *e)
{
    struct expr *there = plan_copy_expr(lv->p->a, e);
    int          slot;

    if (there->kind == EXPR_COLUMN)
        there->column.levels_up = 0;
    else
        there->aggregate.levels_up = 0;
    slot = outer_slot(lv->p, owner, there);
    level_use_outer(lv, slot);
    return outer_expr(lv, slot, e);
}

static struct expr *whole_row_expr(struct level *lv, struct expr *e)
{
    const struct table_ref *ref = lv->q->tables[e->column.table];
    struct expr            *row = expr_new(lv->p->a, EXPR_ROW, OID_RECORD, -1, e->location);

    row->list.args = ARENA_ARRAY(lv->p->a, struct expr *, ref->column_count);
    for (size_t i = 0; i < ref->column_count; i++) {
        if (ref->table != NULL && ref->kind == TABLE_REF_RELATION && ref->table->columns[i].dropped)
            continue;
        row->list.args[row->list.count++] =
            expr_column(lv->p->a, ref, e->column.table, (int16_t)(i + 1));
    }
    return row;
}

static void add_lateral(struct level *lv, struct rel *r, int slot)
{
    struct lateral_arg *args;

    for (size_t i = 0; i < r->lateral_count; i++) {
        if (r->lateral[i].slot == slot)
            return;
    }
    args = ARENA_ARRAY(lv->p->a, struct lateral_arg, r->lateral_count + 1);
    if (r->lateral_count > 0)
        memcpy(args, r->lateral, r->lateral_count * sizeof *args);
    args[r->lateral_count].slot = slot;
    args[r->lateral_count].expr = plan_copy_expr(lv->p->a, lv->p->outer[slot].expr);
    r->lateral_rels |= expr_rels(lv, args[r->lateral_count].expr);
    r->lateral = args;
    r->lateral_count++;
}

static bool prepare_visit(struct expr **place, void *ctx)
{
    struct prepare *w = ctx;
    struct expr    *e = *place;

    if (e->kind == EXPR_COLUMN && e->column.levels_up == 0 && e->column.column == 0) {
        *place = whole_row_expr(w->lv, e);
        return prepare_visit(place, ctx);
    }
    if (e->kind == EXPR_COLUMN) {
        if (e->column.levels_up > 0) {
            *place = take_outer(w->lv, level_up(w->lv, e->column.levels_up), e);
        } else if (w->lateral != NULL) {
            int slot = outer_slot(w->lv->p, w->lv, plan_copy_expr(w->lv->p->a, e));

            add_lateral(w->lv, w->lateral, slot);
            *place = outer_expr(w->lv, slot, e);
        }
        return true;
    }
    if (e->kind == EXPR_AGGREGATE && e->aggregate.levels_up > 0) {
        *place = take_outer(w->lv, level_up(w->lv, e->aggregate.levels_up), e);
        return true;
    }
    if (e->kind == EXPR_OUTER) {
        level_use_outer(w->lv, e->outer.position);
        return true;
    }
    if (e->kind == EXPR_SUBQUERY && e->subquery.plan == NULL) {
        w->st = plan_expr_subquery(w->lv, e);
        if (!st_ok(w->st))
            return false;
    }
    return plan_walk_children(e, prepare_visit, ctx) && st_ok(w->st);
}

status prepare_expr(struct level *lv, struct expr **e)
{
    struct prepare w = {.lv = lv};

    if (*e == NULL)
        return STATUS_OK;
    prepare_visit(e, &w);
    TRY_RETURN(w.st);
    return simplify(lv, e);
}

status prepare_lateral_expr(struct level *lv, struct rel *r, struct expr **e)
{
    struct prepare w = {.lv = lv, .lateral = r};

    if (*e == NULL)
        return STATUS_OK;
    prepare_visit(e, &w);
    TRY_RETURN(w.st);
    return simplify(lv, e);
}

/* ---- FROM and WITH ------------------------------------------------------------------------------
 */

status plan_subquery_in_from(struct level *lv, struct rel *r)
{
    struct level *inner;

    TRY_RETURN(plan_inner(lv, r->ref->query, &inner, &r->subquery));
    for (size_t i = 0; i < inner->used_count; i++) {
        if (lv->p->outer[inner->used[i]].owner == lv)
            add_lateral(lv, r, inner->used[i]);
        else
            level_use_outer(lv, inner->used[i]);
    }
    return STATUS_OK;
}

static void use_outer_values(struct level *lv, const struct level *inner)
{
    for (size_t i = 0; i < inner->used_count; i++)
        level_use_outer(lv, inner->used[i]);
}

enum { RECURSIVE_ROUNDS = 10 }; /* what PostgreSQL guesses too: nothing is known of them */

/* The node over both terms, still without the second, which reads from it. */
static struct plan_node *recursive_union(struct level *lv, const struct cte *cte,
                                         struct plan_node *first)
{
    struct arena     *a = lv->p->a;
    struct plan_node *n = node_new(lv->p, PLAN_RECURSIVE_UNION);

    n->children = ARENA_ARRAY(a, struct plan_node *, 2);
    n->children[0] = first;
    n->child_count = 1;
    n->raw_types = ARENA_ARRAY(a, uint32_t, cte->query->target_count);
    n->recursive_union.types = ARENA_ARRAY(a, const struct type *, cte->query->target_count);
    n->want = ARENA_ARRAY(a, struct expr *, cte->query->target_count);
    n->recursive_union.distinct = !cte->recursive_all;
    for (size_t i = 0; i < cte->query->target_count; i++) {
        const struct expr *from = cte->query->targets[i].expr;
        struct expr       *e;

        if (cte->query->targets[i].hidden)
            continue;
        e = expr_new(a, EXPR_COLUMN, from->type, from->typmod, from->location);
        e->collation = from->collation;
        e->column.column = (int16_t)(n->raw_count + 1);
        n->raw_types[n->raw_count] = from->type;
        n->recursive_union.types[n->raw_count] = type_by_oid(from->type);
        n->want[n->raw_count++] = e;
    }
    n->want_count = n->raw_count;
    n->rows = first->rows * RECURSIVE_ROUNDS;
    n->startup = first->startup;
    n->total = first->total;
    return n;
}

static status plan_recursive_term(struct level *lv, size_t position)
{
    struct subplan   *s = lv->cte_plans[position];
    struct plan_node *n = s->node;
    struct level     *inner;

    lv->cte_recursing = (int)position + 1;
    TRY_RETURN(plan_inner(lv, lv->q->ctes[position].recursive, &inner, &n->children[1]));
    lv->cte_recursing = 0;
    n->child_count = 2;
    n->rows = n->children[0]->rows + RECURSIVE_ROUNDS * n->children[1]->rows;
    n->total += RECURSIVE_ROUNDS * n->children[1]->total;
    s->uses_outer |= inner->used_count > 0;
    use_outer_values(lv, inner);
    return STATUS_OK;
}

status plan_ctes(struct level *lv)
{
    struct query *q = lv->q;

    lv->cte_plans = ARENA_ARRAY(lv->p->a, struct subplan *, q->cte_count);
    for (size_t i = 0; i < q->cte_count; i++) {
        struct cte       *cte = &q->ctes[i];
        struct level     *inner;
        struct plan_node *node;

        if (cte->query->kind != QUERY_SELECT && cte->query->kind != QUERY_VALUES)
            return status_new(ST_FEATURE_NOT_SUPPORTED,
                              "data-modifying statements in WITH are not supported");
        if (cte->ref_count == 0)
            continue; /* inlined, or never read: PostgreSQL does not run it either */
        TRY_RETURN(plan_inner(lv, cte->query, &inner, &node));
        if (cte->recursive != NULL)
            node = recursive_union(lv, cte, node);
        TRY_RETURN(add_subplan(lv->p, node, inner, &lv->cte_plans[i]));
        lv->cte_plans[i]->name = arena_printf(lv->p->a, "CTE %s", cte->name);
        use_outer_values(lv, inner);
        if (cte->recursive != NULL)
            TRY_RETURN(plan_recursive_term(lv, i));
    }
    return STATUS_OK;
}
