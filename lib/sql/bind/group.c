#include "sql/bind/bind_internal.h"

/* After GROUP BY or an aggregate, an expression may use of each row only what is the same for the
 * whole group: grouped expressions, columns that the grouped ones determine, aggregates. */

struct grouping {
    struct scope *s;
    int           levels; /* how deep in subqueries the walk is */
    status        st;
};

static bool check_child(struct expr **child, void *ctx);

static bool check_in_query(struct expr **e, int levels, void *ctx)
{
    struct grouping *outer = ctx, inner = {.s = outer->s, .levels = levels};

    check_child(e, &inner);
    outer->st = inner.st;
    return st_ok(outer->st);
}

/* At deeper levels only plain columns can match: the expression's own levels have moved. */
static bool is_grouped_expr(const struct grouping *g, const struct expr *e)
{
    const struct query *q = g->s->q;

    for (size_t i = 0; i < q->group_count; i++) {
        const struct expr *key = q->targets[q->group[i]].expr;

        if (g->levels == 0 && expr_equal(key, e))
            return true;
        if (g->levels > 0 && e->kind == EXPR_COLUMN && key->kind == EXPR_COLUMN &&
            key->column.table == e->column.table && key->column.column == e->column.column &&
            key->column.levels_up + g->levels == e->column.levels_up)
            return true;
    }
    return false;
}

static bool groups_by_column(const struct query *q, int table, int16_t column)
{
    for (size_t i = 0; i < q->group_count; i++) {
        const struct expr *key = q->targets[q->group[i]].expr;

        if (key->kind == EXPR_COLUMN && key->column.table == table &&
            key->column.column == column && key->column.levels_up == 0)
            return true;
    }
    return false;
}

/* All columns of a table depend on its primary key (SQL:2003 feature T301). */
static bool key_is_grouped(const struct query *q, int table)
{
    const struct table_desc *d = q->tables[table]->table;

    if (q->tables[table]->kind != TABLE_REF_RELATION)
        return false;
    for (size_t i = 0; i < d->constraint_count; i++) {
        const struct constraint_desc *c = &d->constraints[i];
        bool                          all = c->kind == CONSTRAINT_PRIMARY && !c->deferrable;

        for (size_t k = 0; all && k < c->column_count; k++)
            all = groups_by_column(q, table, c->columns[k]);
        if (all)
            return true;
    }
    return false;
}

/* Grouping by what the key determines changes no group, and whoever runs the query needs not know
 * of keys. */
static void group_by_dependent(struct grouping *g, const struct expr *e)
{
    struct query *q = g->s->q;
    struct expr  *column = expr_copy(g->s->b->a, e);
    int          *group = ARENA_ARRAY(g->s->b->a, int, q->group_count + 1);
    int           target = -1;

    column->column.levels_up = 0;
    for (size_t i = 0; i < q->target_count && target < 0; i++)
        if (expr_equal(q->targets[i].expr, column))
            target = (int)i;
    if (target < 0)
        target = query_add_target(g->s, column, "?column?", true);
    memcpy(group, q->group, q->group_count * sizeof *group);
    group[q->group_count++] = target;
    q->group = group;
}

static bool report_column(struct grouping *g, const struct expr *e)
{
    const struct table_ref *t = g->s->q->tables[e->column.table];
    const char *column = e->column.column > 0 ? t->column_names[e->column.column - 1] : "*";

    if (g->levels == 0)
        g->st = status_new(ST_GROUPING_ERROR,
                           "column \"%s.%s\" must appear in the GROUP BY clause or be used in an "
                           "aggregate function",
                           t->alias, column);
    else
        g->st = status_new(ST_GROUPING_ERROR,
                           "subquery uses ungrouped column \"%s.%s\" from outer query", t->alias,
                           column);
    g->st = binder_at(g->s->b, e->location, g->st);
    return false;
}

static bool check_child(struct expr **child, void *ctx)
{
    struct grouping *g = ctx;
    struct expr     *e = *child;

    if (e->kind == EXPR_CONST || e->kind == EXPR_PARAM)
        return true;
    if (e->kind == EXPR_AGGREGATE && e->aggregate.levels_up >= g->levels)
        return true; /* its arguments are of the rows; an outer one is constant here */
    if (is_grouped_expr(g, e))
        return true;
    if (e->kind == EXPR_COLUMN) {
        if (e->column.levels_up != g->levels)
            return true;
        if (!key_is_grouped(g->s->q, e->column.table) || e->column.column == 0)
            return report_column(g, e);
        group_by_dependent(g, e);
        return true;
    }
    if (e->kind == EXPR_SUBQUERY &&
        !query_walk(e->subquery.query, g->levels + 1, check_in_query, g))
        return false;
    return expr_walk_children(e, check_child, g);
}

status check_grouping(struct scope *s)
{
    struct query   *q = s->q;
    struct grouping g = {.s = s};

    q->group_written_count = q->group_count;
    /* The list may grow, and move, while it is walked: a hidden column is a grouped one. */
    for (size_t i = 0; i < q->target_count; i++) {
        struct expr *e = q->targets[i].expr;

        if (!check_child(&e, &g))
            return g.st;
    }
    if (q->having != NULL && !check_child(&q->having, &g))
        return g.st;
    return STATUS_OK;
}
