/* Rewriting a query before it is planned: simple subqueries and views in FROM become part of the
 * query around them. */
#include <string.h>

#include "base/assert.h"
#include "sql/plan/planner_internal.h"

enum { PULL_UP_DEPTH_MAX = 1000 };

static bool targets_have_set_calls_or_volatile(const struct query *q)
{
    for (size_t i = 0; i < q->target_count; i++) {
        if (!expr_is_stable(q->targets[i].expr) || expr_has_kind(q->targets[i].expr, EXPR_SET_CALL))
            return true;
    }
    return false;
}

bool query_is_simple(const struct query *q)
{
    return q->kind == QUERY_SELECT && q->from != NULL && !q->has_aggregates && !q->has_group &&
           q->having == NULL && !q->distinct && q->distinct_on_count == 0 && q->sort_count == 0 &&
           q->limit == NULL && q->offset == NULL && q->set_op == NULL && q->cte_count == 0 &&
           q->lock_count == 0 && !q->has_set_calls && !q->has_windows &&
           !targets_have_set_calls_or_volatile(q);
}

static bool targets_are_columns(const struct query *q)
{
    for (size_t i = 0; i < q->target_count; i++) {
        struct expr *e = q->targets[i].expr;

        if (e->kind != EXPR_COLUMN || e->column.levels_up != 0 || e->column.column <= 0)
            return false;
    }
    return true;
}

static size_t from_tables(const struct from_node *f)
{
    if (f == NULL)
        return 0;
    return f->kind == FROM_TABLE ? 1 : from_tables(f->left) + from_tables(f->right);
}

/* ---- adopting tables ----------------------------------------------------------------------------
 */

struct adopt {
    int offset;
};

/* Columns of the adopted query at its own level get new table numbers; those of levels around it
 * come one level closer. */
static struct expr *adopt_column(struct expr *e, int depth, void *ctx)
{
    const struct adopt *ad = ctx;

    if (e->kind == EXPR_AGGREGATE) {
        if (e->aggregate.levels_up > depth)
            e->aggregate.levels_up--;
        return e;
    }
    if (e->column.levels_up == depth)
        e->column.table += ad->offset;
    else if (e->column.levels_up > depth)
        e->column.levels_up--;
    return e;
}

/* CTE references count query levels too. */
static void adopt_cte_refs(struct query *q, int depth)
{
    for (size_t i = 0; i < q->table_count; i++) {
        struct table_ref *t = q->tables[i];

        if (t->kind == TABLE_REF_CTE && t->cte_levels_up > depth)
            t->cte_levels_up--;
        if (t->kind == TABLE_REF_SUBQUERY && t->query != NULL)
            adopt_cte_refs(t->query, depth + 1);
    }
}

static void from_shift(struct from_node *f, int offset)
{
    if (f == NULL)
        return;
    if (f->kind == FROM_TABLE)
        f->table += offset;
    f->join_table += offset;
    from_shift(f->left, offset);
    from_shift(f->right, offset);
}

int query_adopt_tables(struct level *lv, struct query *sub)
{
    struct query      *q = lv->q;
    struct adopt       ad = {.offset = (int)q->table_count};
    struct table_ref **tables =
        ARENA_ARRAY(lv->p->a, struct table_ref *, q->table_count + sub->table_count);

    query_map_columns(sub, 0, adopt_column, &ad);
    adopt_cte_refs(sub, 0);
    from_shift(sub->from, ad.offset);
    memcpy(tables, q->tables, q->table_count * sizeof *tables);
    memcpy(tables + q->table_count, sub->tables, sub->table_count * sizeof *tables);
    q->tables = tables;
    q->table_count += sub->table_count;
    q->has_subqueries |= sub->has_subqueries;
    return ad.offset;
}

/* ---- pulling up ---------------------------------------------------------------------------------
 */

struct substitute {
    struct arena        *a;
    int                  table;
    const struct target *targets;
};

static struct expr *raise_column(struct expr *e, int depth, void *ctx)
{
    int levels = *(int *)ctx;

    if (e->kind == EXPR_COLUMN && e->column.levels_up >= depth)
        e->column.levels_up += levels;
    return e;
}

/* A copy of `e` for a place `levels` query levels further in. */
static struct expr *copy_raised(struct arena *a, const struct expr *e, int levels)
{
    struct expr *copy = plan_copy_expr(a, e);

    return levels == 0 ? copy : expr_map_columns(copy, 0, raise_column, &levels);
}

static struct expr *whole_row(struct substitute *s, struct expr *e, int depth)
{
    struct expr *row = expr_new(s->a, EXPR_ROW, e->type, e->typmod, e->location);
    size_t       n = 0;

    while (s->targets[n].expr != NULL)
        n++;
    row->list.args = ARENA_ARRAY(s->a, struct expr *, n);
    for (size_t i = 0; i < n; i++)
        row->list.args[i] = copy_raised(s->a, s->targets[i].expr, depth);
    row->list.count = n;
    return row;
}

static struct expr *substitute_column(struct expr *e, int depth, void *ctx)
{
    struct substitute *s = ctx;

    if (e->kind != EXPR_COLUMN || e->column.levels_up != depth || e->column.table != s->table)
        return e;
    if (e->column.column == 0)
        return whole_row(s, e, depth);
    return copy_raised(s->a, s->targets[e->column.column - 1].expr, depth);
}

/* The targets, ended by one without an expression; hidden ones cannot be named from outside. */
static struct target *terminated_targets(struct arena *a, const struct query *q)
{
    struct target *t = ARENA_ARRAY(a, struct target, q->target_count + 1);

    memcpy(t, q->targets, q->target_count * sizeof *t);
    return t;
}

static bool depth_of_child(struct expr **e, void *ctx)
{
    int *deepest = ctx, depth = 0;

    expr_walk_children(*e, depth_of_child, &depth);
    *deepest = MAX(*deepest, depth + 1);
    return true;
}

/* How deep the deepest of the expressions is that would take a column's place. */
static int targets_depth(const struct query *q)
{
    int deepest = 1;

    for (size_t i = 0; i < q->target_count; i++)
        (void)depth_of_child(&q->targets[i].expr, &deepest);
    return deepest;
}

static bool may_pull_up(struct level *lv, const struct table_ref *ref, bool nullable)
{
    const struct query *sub = ref->query;

    if (ref->kind != TABLE_REF_SUBQUERY || ref->lateral || !query_is_simple(sub))
        return false;
    /* Behind an outer join, what is computed must be null where the row is missing: only plain
     * columns are. */
    if (nullable && !targets_are_columns(sub))
        return false;
    /* A long chain of subqueries, x + 1 of x + 1 of ..., is short in each, and as deep as it is
     * long when it is one expression: pitfall E3. */
    if (lv->pulled_depth + targets_depth(sub) > PULL_UP_DEPTH_MAX)
        return false;
    return from_tables(lv->q->from) + from_tables(sub->from) <= RELS_MAX / 2;
}

static struct from_node *filtered(struct arena *a, struct from_node *f, struct expr *where)
{
    struct from_node *n;

    if (where == NULL)
        return f;
    n = ARENA_NEW(a, struct from_node);
    n->kind = FROM_JOIN;
    n->join = JOIN_INNER;
    n->left = f;
    n->on = where;
    return n;
}

static void pull_up(struct level *lv, struct from_node **place)
{
    int               table = (*place)->table;
    struct query     *sub = lv->q->tables[table]->query;
    struct substitute s = {.a = lv->p->a, .table = table};

    lv->pulled_depth += targets_depth(sub);
    query_adopt_tables(lv, sub);
    s.targets = terminated_targets(lv->p->a, sub);
    *place = filtered(lv->p->a, sub->from, sub->where);
    /* The subquery's own expressions do not name `table`, so one pass over the whole is right. */
    lv->q->tables[table]->query = NULL;
    query_map_columns(lv->q, 0, substitute_column, &s);
}

/* Does anything lock this table's rows? Then it keeps its place. */
static bool is_locked(const struct query *q, int table)
{
    for (size_t i = 0; i < q->lock_count; i++) {
        if (q->locks[i].table == table)
            return true;
    }
    return false;
}

static void inline_cte(struct level *lv, struct table_ref *ref)
{
    struct cte *cte;

    if (ref->kind != TABLE_REF_CTE || ref->cte_levels_up != 0)
        return;
    cte = &lv->q->ctes[ref->cte];
    if (cte->materialize == CTE_MATERIALIZED || cte->ref_count != 1 || cte->recursive != NULL ||
        cte->query->kind == QUERY_INSERT || cte->query->kind == QUERY_UPDATE ||
        cte->query->kind == QUERY_DELETE)
        return;
    for (size_t i = 0; i < cte->query->target_count; i++) {
        if (!expr_is_stable(cte->query->targets[i].expr))
            return;
    }
    if (cte->query->lock_count > 0)
        return;
    ref->kind = TABLE_REF_SUBQUERY;
    ref->query = cte->query;
    cte->ref_count = 0;
}

/* nullable: an outer join may replace the rows of this part by nulls. */
static void pull_up_from(struct level *lv, struct from_node **place, bool nullable)
{
    struct from_node *f = *place;

    if (f == NULL)
        return;
    if (f->kind == FROM_TABLE) {
        struct table_ref *ref = lv->q->tables[f->table];

        inline_cte(lv, ref);
        if (may_pull_up(lv, ref, nullable) && !is_locked(lv->q, f->table)) {
            pull_up(lv, place);
            pull_up_from(lv, place, nullable); /* what came up may itself contain some */
        }
        return;
    }
    pull_up_from(lv, &f->left, nullable || f->join == JOIN_RIGHT || f->join == JOIN_FULL);
    pull_up_from(lv, &f->right, nullable || f->join == JOIN_LEFT || f->join == JOIN_FULL);
}

status rewrite_query(struct level *lv)
{
    pull_up_from(lv, &lv->q->from, false);
    TRY_RETURN(rewrite_sublinks(lv));
    /* A joined subquery may bring simple ones of its own. */
    pull_up_from(lv, &lv->q->from, false);
    return STATUS_OK;
}
