/* EXISTS and IN among the conditions of WHERE become semi-joins, NOT EXISTS an anti-join. NOT IN
 * stays what it is: a null on either side makes it unknown, which no join says (pitfall Q4). */
#include <string.h>

#include "base/assert.h"
#include "sql/plan/planner_internal.h"

/* Do the query's own FROM and WHERE name a level beyond the one around it, in a way the join could
 * not take over? Correlation with the nearest level is what becomes the join's condition. */
static bool exists_is_simple(const struct query *q)
{
    return q->kind == QUERY_SELECT && q->from != NULL && !q->has_aggregates && !q->has_group &&
           q->having == NULL && q->set_op == NULL && q->cte_count == 0 && q->lock_count == 0 &&
           !q->has_set_calls && !q->has_windows && q->offset == NULL && q->limit == NULL;
}

static bool from_has_outer_join_or_lateral(const struct query *q, const struct from_node *f)
{
    if (f->kind == FROM_TABLE)
        return q->tables[f->table]->lateral;
    if (f->join == JOIN_RIGHT || f->join == JOIN_FULL)
        return true;
    return from_has_outer_join_or_lateral(q, f->left) ||
           (f->right != NULL && from_has_outer_join_or_lateral(q, f->right));
}

struct find_outer {
    bool found;
};

static struct expr *find_outer(struct expr *e, int depth, void *ctx)
{
    struct find_outer *f = ctx;
    int                up = e->kind == EXPR_COLUMN ? e->column.levels_up : e->aggregate.levels_up;

    f->found |= up > depth;
    return e;
}

/* Correlation inside FROM (a condition of a join, a subquery) cannot move up with WHERE. */
static bool from_is_correlated(struct query *q)
{
    struct find_outer f = {0};
    struct expr      *where = q->where;
    struct target    *targets = q->targets;
    size_t            target_count = q->target_count;

    q->where = NULL;
    q->target_count = 0;
    query_map_columns(q, 0, find_outer, &f);
    q->where = where;
    q->targets = targets;
    q->target_count = target_count;
    return f.found;
}

static bool where_has_outer_aggregate(struct query *q)
{
    return q->where != NULL && expr_has_kind(q->where, EXPR_AGGREGATE);
}

static struct from_node *join_below(struct level *lv, enum join_kind kind, struct from_node *right,
                                    struct expr *on)
{
    struct from_node *j = ARENA_NEW(lv->p->a, struct from_node);

    j->kind = FROM_JOIN;
    j->join = kind;
    j->left = lv->q->from;
    j->right = right;
    j->on = on;
    j->join_table = -1;
    return j;
}

/* *done: the condition has become a join. */
static status exists_to_join(struct level *lv, struct expr *e, bool negated, bool *done)
{
    struct query *sub = e->subquery.query;

    if (lv->q->from == NULL || !exists_is_simple(sub) ||
        from_has_outer_join_or_lateral(sub, sub->from) || from_is_correlated(sub) ||
        where_has_outer_aggregate(sub) || (sub->where != NULL && !expr_is_stable(sub->where)) ||
        lv->q->table_count + sub->table_count > RELS_MAX / 2)
        return STATUS_OK;
    query_adopt_tables(lv, sub);
    lv->q->from = join_below(lv, negated ? JOIN_ANTI : JOIN_SEMI, sub->from, sub->where);
    *done = true;
    return STATUS_OK;
}

static bool query_is_correlated(struct query *q)
{
    struct find_outer f = {0};

    query_map_columns(q, 0, find_outer, &f);
    return f.found;
}

/* The subquery as an entry of FROM. */
static int add_subquery_table(struct level *lv, struct query *sub)
{
    struct arena      *a = lv->p->a;
    struct query      *q = lv->q;
    struct table_ref  *t = ARENA_NEW(a, struct table_ref);
    struct table_ref **tables = ARENA_ARRAY(a, struct table_ref *, q->table_count + 1);

    t->kind = TABLE_REF_SUBQUERY;
    t->alias = "ANY_subquery";
    t->query = sub;
    t->column_names = ARENA_ARRAY(a, const char *, sub->target_count);
    t->column_types = ARENA_ARRAY(a, uint32_t, sub->target_count);
    t->column_typmods = ARENA_ARRAY(a, int32_t, sub->target_count);
    t->column_collations = ARENA_ARRAY(a, uint32_t, sub->target_count);
    for (size_t i = 0; i < sub->target_count && !sub->targets[i].hidden; i++) {
        t->column_names[i] = sub->targets[i].name;
        t->column_types[i] = sub->targets[i].expr->type;
        t->column_typmods[i] = sub->targets[i].expr->typmod;
        t->column_collations[i] = sub->targets[i].expr->collation;
        t->column_count = i + 1;
    }
    memcpy(tables, q->tables, q->table_count * sizeof *tables);
    tables[q->table_count] = t;
    q->tables = tables;
    return (int)q->table_count++;
}

static status in_to_join(struct level *lv, struct expr *e, bool *done)
{
    struct query *sub = e->subquery.query;
    struct exprs  on = {0};
    int           table;

    if (lv->q->from == NULL || sub->kind != QUERY_SELECT || query_is_correlated(sub) ||
        sub->lock_count > 0 || lv->q->table_count + sub->table_count > RELS_MAX / 2)
        return STATUS_OK;
    for (size_t i = 0; i < e->subquery.left_count; i++) {
        if (e->subquery.ops[i]->order != '=' || !expr_is_stable(e->subquery.left[i]) ||
            !expr_is_stable(sub->targets[i].expr))
            return STATUS_OK;
    }
    table = add_subquery_table(lv, sub);
    for (size_t i = 0; i < e->subquery.left_count; i++) {
        const struct operator_def *op = e->subquery.ops[i];
        struct expr               *call = expr_new(lv->p->a, EXPR_CALL, OID_BOOL, -1, -1);

        call->call.fn = op->fn;
        call->call.op = op;
        call->call.arg_count = 2;
        call->call.args = ARENA_ARRAY(lv->p->a, struct expr *, 2);
        call->call.args[0] = e->subquery.left[i];
        call->call.args[1] = expr_column(lv->p->a, lv->q->tables[table], table, (int16_t)(i + 1));
        exprs_add(lv->p->a, &on, call);
    }
    struct from_node *right = ARENA_NEW(lv->p->a, struct from_node);

    right->kind = FROM_TABLE;
    right->table = table;
    lv->q->from = join_below(lv, JOIN_SEMI, right, exprs_and(lv->p->a, &on));
    *done = true;
    return STATUS_OK;
}

static status condition_to_join(struct level *lv, struct expr *e, bool *done)
{
    bool negated = false;

    while (e->kind == EXPR_NOT) {
        negated = !negated;
        e = e->unary.arg;
    }
    if (e->kind != EXPR_SUBQUERY)
        return STATUS_OK;
    if (e->subquery.kind == SUBQUERY_EXISTS)
        return exists_to_join(lv, e, negated, done);
    if (e->subquery.kind == SUBQUERY_ANY && !negated)
        return in_to_join(lv, e, done);
    return STATUS_OK;
}

status rewrite_sublinks(struct level *lv)
{
    struct exprs conditions = {0}, kept = {0};

    if (lv->q->where == NULL || !lv->q->has_subqueries)
        return STATUS_OK;
    exprs_add_conjuncts(lv->p->a, &conditions, lv->q->where);
    for (size_t i = 0; i < conditions.count; i++) {
        bool done = false;

        TRY_RETURN(condition_to_join(lv, conditions.items[i], &done));
        if (!done)
            exprs_add(lv->p->a, &kept, conditions.items[i]);
    }
    lv->q->where = exprs_and(lv->p->a, &kept);
    return STATUS_OK;
}
