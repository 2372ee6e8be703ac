#include "sql/plan/plan.h"

#include <string.h>

#include "base/assert.h"
#include "sql/plan/planner_internal.h"

struct level *level_new(struct planner *p, struct level *parent, struct query *q)
{
    struct level *lv = ARENA_NEW(p->a, struct level);

    lv->p = p;
    lv->parent = parent;
    lv->q = q;
    lv->depth = parent != NULL ? parent->depth + 1 : 0;
    return lv;
}

/* rel_of_table once the rewriting is over and the tables stay. */
static void level_number_tables(struct level *lv)
{
    lv->rel_of_table = ARENA_ARRAY(lv->p->a, int, lv->q->table_count + 1);
    for (size_t i = 0; i <= lv->q->table_count; i++)
        lv->rel_of_table[i] = -1;
}

void plan_note_table(struct planner *p, uint32_t oid)
{
    struct plan *plan = p->plan;

    for (size_t i = 0; i < plan->table_count; i++) {
        if (plan->table_oids[i] == oid)
            return;
    }
    if (plan->table_count == p->table_capacity) {
        size_t capacity = p->table_capacity == 0 ? 4 : p->table_capacity * 2;

        plan->table_oids =
            arena_realloc(p->a, plan->table_oids, p->table_capacity * sizeof(uint32_t),
                          capacity * sizeof(uint32_t));
        p->table_capacity = capacity;
    }
    plan->table_oids[plan->table_count++] = oid;
}

/* ---- which columns are read ---------------------------------------------------------------------
 */

static bool need_visit(struct expr **place, void *ctx)
{
    struct level *lv = ctx;
    struct expr  *e = *place;
    int           rel;

    if (e->kind != EXPR_COLUMN)
        return plan_walk_children(e, need_visit, ctx);
    rel = lv->rel_of_table[e->column.table];
    if (rel >= 0 && lv->rels[rel].needed != NULL && e->column.column > 0)
        lv->rels[rel].needed[e->column.column - 1] = true;
    return true;
}

static void need(struct level *lv, struct expr *e)
{
    if (e != NULL)
        need_visit(&e, lv);
}

static void need_join(struct level *lv, const struct join_node *n)
{
    for (size_t i = 0; i < n->on.count; i++)
        need(lv, n->on.items[i]);
    for (size_t i = 0; i < n->quals.count; i++)
        need(lv, n->quals.items[i]);
    if (n->kind == JN_JOIN) {
        need_join(lv, n->left);
        need_join(lv, n->right);
    }
    for (size_t i = 0; i < n->count; i++)
        need_join(lv, n->items[i]);
}

static void find_needed(struct level *lv, const struct join_node *tree)
{
    struct query *q = lv->q;

    for (size_t i = 0; i < lv->rel_count; i++) {
        if (lv->rels[i].layout != NULL)
            lv->rels[i].needed = ARENA_ARRAY(lv->p->a, bool, lv->rels[i].layout->column_count);
    }
    for (size_t i = 0; i < q->target_count; i++)
        need(lv, q->targets[i].expr);
    need(lv, q->having);
    for (size_t i = 0; i < lv->extra.count; i++)
        need(lv, lv->extra.items[i]);
    for (size_t i = 0; i < lv->rel_count; i++) {
        for (size_t k = 0; k < lv->rels[i].quals.count; k++)
            need(lv, lv->rels[i].quals.items[k]);
        for (size_t k = 0; k < lv->rels[i].lateral_count; k++)
            need(lv, lv->rels[i].lateral[k].expr);
    }
    need_join(lv, tree);
}

/* ---- one level ----------------------------------------------------------------------------------
 */

static struct from_node *from_of_table(struct level *lv, int table)
{
    struct from_node *f = ARENA_NEW(lv->p->a, struct from_node);

    f->kind = FROM_TABLE;
    f->table = table;
    return f;
}

static bool from_has(const struct from_node *f, int table)
{
    if (f == NULL)
        return false;
    if (f->kind == FROM_TABLE)
        return f->table == table;
    return from_has(f->left, table) || from_has(f->right, table);
}

/* The target of UPDATE and DELETE is joined with what FROM and USING name. */
static void complete_from(struct level *lv)
{
    struct query *q = lv->q;

    if (q->kind == QUERY_VALUES && q->from == NULL)
        q->from = from_of_table(lv, 0);
    if (q->kind == QUERY_INSERT && q->source != NULL)
        q->from = from_of_table(lv, q->source_table);
    if ((q->kind == QUERY_UPDATE || q->kind == QUERY_DELETE) &&
        !from_has(q->from, q->target_table)) {
        struct from_node *target = from_of_table(lv, q->target_table), *j;

        if (q->from == NULL) {
            q->from = target;
            return;
        }
        j = ARENA_NEW(lv->p->a, struct from_node);
        j->kind = FROM_JOIN;
        j->join = JOIN_CROSS;
        j->left = target;
        j->right = q->from;
        q->from = j;
    }
}

static status prepare_targets(struct level *lv)
{
    struct query *q = lv->q;

    for (size_t i = 0; i < q->target_count; i++)
        TRY_RETURN(prepare_expr(lv, &q->targets[i].expr));
    TRY_RETURN(prepare_expr(lv, &q->having));
    TRY_RETURN(prepare_expr(lv, &q->limit));
    TRY_RETURN(prepare_expr(lv, &q->offset));
    for (size_t i = 0; i < lv->extra.count; i++)
        TRY_RETURN(prepare_expr(lv, &lv->extra.items[i]));
    return STATUS_OK;
}

/* What order would save a sort, and how many rows are wanted of it. */
static void choose_wanted(struct level *lv)
{
    struct query *q = lv->q;

    if (q->has_aggregates || q->has_group) {
        lv->wanted.count = q->group_count;
        lv->wanted.keys = ARENA_ARRAY(lv->p->a, struct path_key, q->group_count);
        for (size_t i = 0; i < q->group_count; i++)
            lv->wanted.keys[i].expr = q->targets[q->group[i]].expr;
        return;
    }
    lv->wanted = sort_keys_of(lv, q->sort, q->sort_count);
    if (q->limit != NULL && q->limit->kind == EXPR_CONST && !q->limit->constant.is_null &&
        !q->distinct && q->distinct_on_count == 0) {
        lv->wanted_rows = (double)q->limit->constant.value.i;
        if (q->offset != NULL && q->offset->kind == EXPR_CONST && !q->offset->constant.is_null)
            lv->wanted_rows += (double)q->offset->constant.value.i;
        lv->wanted_rows = MAX(1, lv->wanted_rows);
    }
}

static status plan_from(struct level *lv, struct path_set *out)
{
    struct join_node *tree;

    if (lv->q->from == NULL) {
        struct plan_node *n = node_new(lv->p, PLAN_RESULT);

        TRY_RETURN(prepare_targets(lv));
        TRY_RETURN(prepare_expr(lv, &lv->q->where));
        n->rows = 1;
        n->total = COST_OPERATOR;
        n->result.gate = lv->q->where;
        path_add(lv, out, n);
        return STATUS_OK;
    }
    TRY_RETURN(build_join_tree(lv, &tree));
    TRY_RETURN(prepare_targets(lv));
    for (size_t i = 0; i < lv->rel_count; i++)
        TRY_RETURN(rel_setup(lv, &lv->rels[i]));
    find_needed(lv, tree);
    choose_wanted(lv);
    return plan_join_tree(lv, tree, out);
}

/* Hidden targets come last; behind DISTINCT they are no more. */
static void set_want(struct level *lv, struct plan_node *n)
{
    struct query *q = lv->q;

    n->want = ARENA_ARRAY(lv->p->a, struct expr *, q->target_count);
    for (size_t i = 0; i < q->target_count && !(q->distinct && q->targets[i].hidden); i++)
        n->want[n->want_count++] = q->targets[i].expr;
}

static status plan_this_level(struct level *lv, struct plan_node **out)
{
    struct query   *q = lv->q;
    struct path_set paths = {0};

    complete_from(lv);
    if (q->set_op == NULL)
        TRY_RETURN(rewrite_query(lv));
    level_number_tables(lv);
    TRY_RETURN(plan_ctes(lv));
    if (q->kind == QUERY_INSERT || q->kind == QUERY_UPDATE || q->kind == QUERY_DELETE)
        return plan_modification(lv, out);
    if (q->set_op != NULL) {
        TRY_RETURN(plan_set_operation(lv, out));
    } else {
        TRY_RETURN(plan_from(lv, &paths));
        TRY_RETURN(plan_upper(lv, &paths, out));
    }
    /* A level's top belongs to it alone; what it hands out is fixed. */
    set_want(lv, *out);
    return STATUS_OK;
}

status plan_level(struct level *lv, struct plan_node **out)
{
    struct level *outer = lv->p->level;
    status        st;

    /* The binder's count does not see WITH queries that read each other. */
    TRY_RETURN(sql_check_stack(lv->p->c));
    lv->p->level = lv;
    st = plan_this_level(lv, out);
    lv->p->level = outer;
    return st;
}

/* modify.c: the input of UPDATE and DELETE. */
status plan_level_from(struct level *lv, struct path_set *out)
{
    return plan_from(lv, out);
}

/* ---- the whole ----------------------------------------------------------------------------------
 */

static void set_columns(struct planner *p, const struct query *q)
{
    bool dml = q->kind == QUERY_INSERT || q->kind == QUERY_UPDATE || q->kind == QUERY_DELETE;
    const struct target *t = dml ? q->returning : q->targets;
    size_t               n = dml ? q->returning_count : q->target_count;
    struct plan         *plan = p->plan;

    plan->columns = ARENA_ARRAY(p->a, struct result_column, n);
    for (size_t i = 0; i < n; i++) {
        if (t[i].hidden)
            continue;
        plan->columns[plan->column_count++] =
            (struct result_column){.name = arena_strdup(p->a, t[i].name), /* outlives descriptors */
                                   .type = t[i].expr->type,
                                   .typmod = t[i].expr->typmod,
                                   .origin_table = t[i].origin_table,
                                   .origin_column = t[i].origin_column};
    }
    plan->returns_rows = !dml || n > 0;
}

static double rows_max(const struct plan_node *n)
{
    double rows;

    if (n == NULL)
        return 0;
    rows = MAX(n->rows, MAX(rows_max(n->left), rows_max(n->right)));
    for (size_t i = 0; i < n->child_count; i++)
        rows = MAX(rows, rows_max(n->children[i]));
    return rows;
}

/* Arrays of a batch cost time to make: small results get small ones. */
static size_t choose_batch_rows(const struct plan *plan)
{
    double rows = rows_max(plan->root);

    for (size_t i = 0; i < plan->subplan_count; i++)
        rows = MAX(rows, rows_max(plan->subplans[i]->node));
    if (rows <= 1)
        return 4;
    return rows <= 64 ? 64 : BATCH_ROWS_MAX;
}

status plan_query(struct sql_context *c, struct arena *a, struct query *q, struct plan **out)
{
    struct planner *p = ARENA_NEW(a, struct planner);
    struct level   *lv;

    p->c = c;
    p->a = a;
    p->plan = ARENA_NEW(a, struct plan);
    p->plan->query = q;
    set_columns(p, q);
    lv = level_new(p, NULL, q);
    TRY_RETURN(plan_level(lv, &p->plan->root));
    TRY_RETURN(resolve_plan(p, p->plan->root, p->plan->root->want, p->plan->root->want_count));
    for (size_t i = 0; i < p->plan->subplan_count; i++) {
        struct plan_node *n = p->plan->subplans[i]->node;

        TRY_RETURN(resolve_plan(p, n, n->want, n->want_count));
    }
    p->plan->outer_count = p->outer_count;
    p->plan->outer_exprs = ARENA_ARRAY(a, struct expr *, p->outer_count);
    p->plan->outer_queries = ARENA_ARRAY(a, const struct query *, p->outer_count);
    for (size_t i = 0; i < p->outer_count; i++) {
        p->plan->outer_exprs[i] = p->outer[i].expr;
        p->plan->outer_queries[i] = p->outer[i].owner->q;
    }
    p->plan->batch_rows = choose_batch_rows(p->plan);
    *out = p->plan;
    return STATUS_OK;
}

const struct result_column *plan_result_columns(const struct plan *p, size_t *count)
{
    *count = p->returns_rows ? p->column_count : 0;
    return p->columns;
}
