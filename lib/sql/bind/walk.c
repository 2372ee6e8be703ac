#include "sql/bind/bind_internal.h"

struct walk {
    int         levels;
    query_visit visit;
    void       *ctx;
};

static bool walk_one(struct expr **e, struct walk *w)
{
    return *e == NULL || w->visit(e, w->levels, w->ctx);
}

static bool walk_from(struct from_node *f, struct walk *w)
{
    if (f == NULL || f->kind == FROM_TABLE)
        return true;
    return walk_from(f->left, w) && walk_from(f->right, w) && walk_one(&f->on, w);
}

static bool walk_targets(struct target *targets, size_t count, struct walk *w)
{
    for (size_t i = 0; i < count; i++)
        if (!walk_one(&targets[i].expr, w))
            return false;
    return true;
}

static bool walk_table(struct table_ref *t, struct walk *w)
{
    if (t->kind == TABLE_REF_SUBQUERY && t->query != NULL &&
        !query_walk(t->query, w->levels + 1, w->visit, w->ctx))
        return false;
    if (t->kind == TABLE_REF_FUNCTION && !walk_one(&t->function, w))
        return false;
    for (size_t i = 0; t->kind == TABLE_REF_VALUES && i < t->value_row_count; i++)
        for (size_t j = 0; j < t->column_count; j++)
            if (!walk_one(&t->values[i][j], w))
                return false;
    return true;
}

static bool walk_assignments(struct assignment *sets, size_t count, struct walk *w)
{
    for (size_t i = 0; i < count; i++)
        if (!walk_one(&sets[i].value, w))
            return false;
    return true;
}

static bool walk_set_op(struct set_op *op, struct walk *w)
{
    if (op == NULL)
        return true;
    return walk_set_op(op->left_op, w) && walk_set_op(op->right_op, w) &&
           (op->left_query == NULL ||
            query_walk(op->left_query, w->levels + 1, w->visit, w->ctx)) &&
           (op->right_query == NULL ||
            query_walk(op->right_query, w->levels + 1, w->visit, w->ctx));
}

static bool walk_clauses(struct query *q, struct walk *w)
{
    return walk_from(q->from, w) && walk_one(&q->where, w) &&
           walk_targets(q->targets, q->target_count, w) && walk_one(&q->having, w) &&
           walk_one(&q->limit, w) && walk_one(&q->offset, w) && walk_set_op(q->set_op, w) &&
           walk_assignments(q->assignments, q->assignment_count, w) &&
           walk_targets(q->returning, q->returning_count, w);
}

bool query_walk(struct query *q, int levels, query_visit visit, void *ctx)
{
    struct walk w = {.levels = levels, .visit = visit, .ctx = ctx};

    for (size_t i = 0; i < q->table_count; i++)
        if (!walk_table(q->tables[i], &w))
            return false;
    for (size_t i = 0; i < q->cte_count; i++) {
        const struct cte *c = &q->ctes[i];

        if (!query_walk(c->query, levels + 1, visit, ctx) ||
            (c->recursive != NULL && !query_walk(c->recursive, levels + 1, visit, ctx)))
            return false;
    }
    if (q->source != NULL && !query_walk(q->source, levels + 1, visit, ctx))
        return false;
    if (q->on_conflict != NULL &&
        !(walk_assignments(q->on_conflict->sets, q->on_conflict->set_count, &w) &&
          walk_one(&q->on_conflict->where, &w)))
        return false;
    return walk_clauses(q, &w);
}

/* ---- shifting levels ----------------------------------------------------------------------------
 */

struct shift {
    struct arena *a;
    int           by;
    int           levels; /* how deep inside subqueries of the expression */
};

static bool shift_child(struct expr **child, void *ctx);

static bool shift_in_query(struct expr **e, int levels, void *ctx)
{
    struct shift inner = *(struct shift *)ctx;

    inner.levels = levels;
    return shift_child(e, &inner);
}

static bool shift_child(struct expr **child, void *ctx)
{
    struct shift *s = ctx;
    struct expr  *e = *child;

    if (e->kind == EXPR_COLUMN && e->column.levels_up >= s->levels)
        e->column.levels_up += s->by;
    if (e->kind == EXPR_AGGREGATE && e->aggregate.levels_up >= s->levels)
        e->aggregate.levels_up += s->by;
    if (e->kind == EXPR_SUBQUERY)
        query_walk(e->subquery.query, s->levels + 1, shift_in_query, s);
    return expr_walk_children(e, shift_child, s);
}

struct expr *expr_shift_levels(struct arena *a, const struct expr *e, int by)
{
    struct expr *copy = expr_copy(a, e);
    struct shift s = {.a = a, .by = by};

    if (by != 0)
        shift_child(&copy, &s);
    return copy;
}

/* ---- questions ----------------------------------------------------------------------------------
 */

struct has_columns {
    int  levels;
    bool found;
};

static bool has_columns_child(struct expr **child, void *ctx);

static bool has_columns_in_query(struct expr **e, int levels, void *ctx)
{
    struct has_columns *outer = ctx;
    struct has_columns  inner = {.levels = levels};

    has_columns_child(e, &inner);
    outer->found |= inner.found;
    return !outer->found;
}

static bool has_columns_child(struct expr **child, void *ctx)
{
    struct has_columns *h = ctx;
    struct expr        *e = *child;

    if (e->kind == EXPR_COLUMN && e->column.levels_up == h->levels)
        h->found = true;
    if (e->kind == EXPR_SUBQUERY && !h->found)
        query_walk(e->subquery.query, h->levels + 1, has_columns_in_query, h);
    return !h->found && expr_walk_children(e, has_columns_child, h);
}

bool expr_has_columns(struct expr *e, int levels)
{
    struct has_columns h = {.levels = levels};

    has_columns_child(&e, &h);
    return h.found;
}

struct contains {
    enum expr_kind kind;
    bool           found;
};

static bool contains_child(struct expr **child, void *ctx)
{
    struct contains *c = ctx;

    if ((*child)->kind == c->kind)
        c->found = true;
    return !c->found && expr_walk_children(*child, contains_child, c);
}

bool expr_contains(struct expr *e, enum expr_kind kind)
{
    struct contains c = {.kind = kind};

    contains_child(&e, &c);
    return c.found;
}
