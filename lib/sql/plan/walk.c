/* Lists of expressions, and walks through expressions and queries. */
#include <string.h>

#include "base/assert.h"
#include "sql/plan/planner_internal.h"

void exprs_add(struct arena *a, struct exprs *l, struct expr *e)
{
    if (l->count == l->capacity) {
        size_t capacity = l->capacity == 0 ? 4 : l->capacity * 2;

        l->items =
            arena_realloc(a, l->items, l->capacity * sizeof *l->items, capacity * sizeof *l->items);
        l->capacity = capacity;
    }
    l->items[l->count++] = e;
}

void exprs_add_all(struct arena *a, struct exprs *l, const struct exprs *more)
{
    for (size_t i = 0; i < more->count; i++)
        exprs_add(a, l, more->items[i]);
}

bool exprs_have(const struct exprs *l, const struct expr *e)
{
    for (size_t i = 0; i < l->count; i++) {
        if (expr_equal(l->items[i], e))
            return true;
    }
    return false;
}

void exprs_add_new(struct arena *a, struct exprs *l, struct expr *e)
{
    if (!exprs_have(l, e))
        exprs_add(a, l, e);
}

void exprs_add_conjuncts(struct arena *a, struct exprs *l, struct expr *e)
{
    if (e == NULL)
        return;
    if (e->kind != EXPR_AND) {
        exprs_add(a, l, e);
        return;
    }
    for (size_t i = 0; i < e->list.count; i++)
        exprs_add_conjuncts(a, l, e->list.args[i]);
}

struct expr *exprs_and(struct arena *a, const struct exprs *l)
{
    struct expr *e;

    if (l->count == 0)
        return NULL;
    if (l->count == 1)
        return l->items[0];
    e = expr_new(a, EXPR_AND, OID_BOOL, -1, -1);
    e->list.count = l->count;
    e->list.args = ARENA_ARRAY(a, struct expr *, l->count);
    memcpy(e->list.args, l->items, l->count * sizeof *l->items);
    return e;
}

struct expr *expr_and(struct arena *a, struct expr *x, struct expr *y)
{
    struct exprs l = {0};

    exprs_add_conjuncts(a, &l, x);
    exprs_add_conjuncts(a, &l, y);
    return exprs_and(a, &l);
}

struct expr *expr_column(struct arena *a, const struct table_ref *ref, int table, int16_t column)
{
    struct expr *e;

    if (column == ROW_KEY_COLUMN) {
        e = expr_new(a, EXPR_COLUMN, OID_BYTEA, -1, -1);
    } else {
        e = expr_new(a, EXPR_COLUMN, ref->column_types[column - 1],
                     ref->column_typmods != NULL ? ref->column_typmods[column - 1] : -1, -1);
        e->collation = ref->column_collations != NULL ? ref->column_collations[column - 1] : 0;
    }
    e->column.table = table;
    e->column.column = column;
    return e;
}

struct expr *expr_strip(struct expr *e)
{
    while (e->kind == EXPR_CAST && e->cast.method == CAST_RELABEL && e->cast.element_cast == NULL)
        e = e->cast.arg;
    return e;
}

/* ---- walks --------------------------------------------------------------------------------------
 */

bool plan_walk_children(struct expr *e, bool (*visit)(struct expr **child, void *ctx), void *ctx)
{
    if (e->kind != EXPR_SUBQUERY)
        return expr_walk_children(e, visit, ctx);
    for (size_t i = 0; i < e->subquery.left_count; i++) {
        if (!visit(&e->subquery.left[i], ctx))
            return false;
    }
    for (size_t i = 0; i < e->subquery.arg_count; i++) {
        if (!visit(&e->subquery.args[i], ctx))
            return false;
    }
    return true;
}

static struct expr **copy_list(struct arena *a, struct expr **list, size_t count)
{
    struct expr **out = ARENA_ARRAY(a, struct expr *, count);

    for (size_t i = 0; i < count; i++)
        out[i] = plan_copy_expr(a, list[i]);
    return out;
}

static bool copy_subquery_parts(struct expr **child, void *ctx)
{
    struct expr *e = *child;

    if (e->kind == EXPR_SUBQUERY) {
        *child = plan_copy_expr(ctx, e);
        return true;
    }
    return expr_walk_children(e, copy_subquery_parts, ctx);
}

struct expr *plan_copy_expr(struct arena *a, const struct expr *e)
{
    if (e->kind == EXPR_SUBQUERY) {
        struct expr *copy = ARENA_NEW(a, struct expr);

        *copy = *e;
        copy->subquery.left = copy_list(a, e->subquery.left, e->subquery.left_count);
        copy->subquery.args = copy_list(a, e->subquery.args, e->subquery.arg_count);
        return copy;
    }
    struct expr *copy = expr_copy(a, e);

    expr_walk_children(copy, copy_subquery_parts, a);
    return copy;
}

struct has_kind {
    enum expr_kind kind;
    bool           found;
};

static bool has_kind_visit(struct expr **e, void *ctx)
{
    struct has_kind *h = ctx;

    h->found |= (*e)->kind == h->kind;
    return !h->found && plan_walk_children(*e, has_kind_visit, ctx);
}

bool expr_has_kind(struct expr *e, enum expr_kind kind)
{
    struct has_kind h = {.kind = kind};

    has_kind_visit(&e, &h);
    return h.found;
}

bool expr_is_stable(struct expr *e)
{
    return expr_volatility(e) != VOLATILITY_VOLATILE;
}

struct rels_walk {
    const struct level *lv;
    uint64_t            rels;
};

static bool rels_visit(struct expr **e, void *ctx)
{
    struct rels_walk *w = ctx;

    if ((*e)->kind == EXPR_COLUMN && (*e)->column.levels_up == 0) {
        int rel = w->lv->rel_of_table[(*e)->column.table];

        if (rel >= 0)
            w->rels |= UINT64_C(1) << rel;
        return true;
    }
    return plan_walk_children(*e, rels_visit, ctx);
}

uint64_t expr_rels(const struct level *lv, struct expr *e)
{
    struct rels_walk w = {.lv = lv};

    rels_visit(&e, &w);
    return w.rels;
}

bool expr_is_fixed(const struct level *lv, struct expr *e)
{
    return expr_rels(lv, e) == 0 && expr_is_stable(e) && !expr_has_kind(e, EXPR_AGGREGATE);
}

/* ---- columns of whole queries -------------------------------------------------------------------
 */

struct map_walk {
    map_fn *fn;
    void   *ctx;
    int     depth;
};

static bool map_visit(struct expr **e, void *ctx)
{
    struct map_walk *w = ctx;
    struct expr     *x = *e;

    if (x->kind == EXPR_SUBQUERY && x->subquery.query != NULL)
        query_map_columns(x->subquery.query, w->depth + 1, w->fn, w->ctx);
    if (!plan_walk_children(x, map_visit, ctx))
        return false;
    if (x->kind == EXPR_COLUMN || x->kind == EXPR_AGGREGATE)
        *e = w->fn(x, w->depth, w->ctx);
    return true;
}

struct expr *expr_map_columns(struct expr *e, int depth, map_fn *fn, void *ctx)
{
    struct map_walk w = {.fn = fn, .ctx = ctx, .depth = depth};

    if (e != NULL)
        map_visit(&e, &w);
    return e;
}

static void map_from(struct from_node *f, int depth, map_fn *fn, void *ctx)
{
    if (f == NULL || f->kind == FROM_TABLE)
        return;
    map_from(f->left, depth, fn, ctx);
    map_from(f->right, depth, fn, ctx);
    f->on = expr_map_columns(f->on, depth, fn, ctx);
}

static void map_targets(struct target *t, size_t count, int depth, map_fn *fn, void *ctx)
{
    for (size_t i = 0; i < count; i++)
        t[i].expr = expr_map_columns(t[i].expr, depth, fn, ctx);
}

static void map_assignments(struct assignment *s, size_t count, int depth, map_fn *fn, void *ctx)
{
    for (size_t i = 0; i < count; i++)
        s[i].value = expr_map_columns(s[i].value, depth, fn, ctx);
}

static void map_set_op(struct set_op *s, int depth, map_fn *fn, void *ctx)
{
    if (s == NULL)
        return;
    map_set_op(s->left_op, depth, fn, ctx);
    map_set_op(s->right_op, depth, fn, ctx);
    if (s->left_query != NULL)
        query_map_columns(s->left_query, depth + 1, fn, ctx);
    if (s->right_query != NULL)
        query_map_columns(s->right_query, depth + 1, fn, ctx);
}

static void map_table(struct table_ref *t, int depth, map_fn *fn, void *ctx)
{
    if (t->kind == TABLE_REF_SUBQUERY && t->query != NULL)
        query_map_columns(t->query, depth + 1, fn, ctx);
    if (t->function != NULL)
        t->function = expr_map_columns(t->function, depth, fn, ctx);
    for (size_t i = 0; i < t->value_row_count; i++) {
        for (size_t k = 0; k < t->column_count; k++)
            t->values[i][k] = expr_map_columns(t->values[i][k], depth, fn, ctx);
    }
}

void query_map_columns(struct query *q, int depth, map_fn *fn, void *ctx)
{
    for (size_t i = 0; i < q->table_count; i++)
        map_table(q->tables[i], depth, fn, ctx);
    for (size_t i = 0; i < q->cte_count; i++) {
        query_map_columns(q->ctes[i].query, depth + 1, fn, ctx);
        if (q->ctes[i].recursive != NULL)
            query_map_columns(q->ctes[i].recursive, depth + 1, fn, ctx);
    }
    map_set_op(q->set_op, depth, fn, ctx);
    map_from(q->from, depth, fn, ctx);
    q->where = expr_map_columns(q->where, depth, fn, ctx);
    map_targets(q->targets, q->target_count, depth, fn, ctx);
    q->having = expr_map_columns(q->having, depth, fn, ctx);
    q->limit = expr_map_columns(q->limit, depth, fn, ctx);
    q->offset = expr_map_columns(q->offset, depth, fn, ctx);
    map_assignments(q->assignments, q->assignment_count, depth, fn, ctx);
    if (q->on_conflict != NULL) {
        map_assignments(q->on_conflict->sets, q->on_conflict->set_count, depth, fn, ctx);
        q->on_conflict->where = expr_map_columns(q->on_conflict->where, depth, fn, ctx);
    }
    map_targets(q->returning, q->returning_count, depth, fn, ctx);
}
