/* The last step: names become slots. Going down, each node is told which expressions its outputs
 * must be; it tells its inputs what it needs for that, and then says its own expressions in terms
 * of its raw columns. Expressions are copied before they are changed: levels share them. */
#include <string.h>

#include "base/assert.h"
#include "sql/plan/planner_internal.h"

/* ---- slots --------------------------------------------------------------------------------------
 */

struct fix {
    struct planner *p;
    struct expr   **provides;
    size_t          count;
    status          st;
};

static int provided_at(const struct fix *f, const struct expr *e)
{
    for (size_t i = 0; i < f->count; i++) {
        if (f->provides[i] == e)
            return (int)i;
    }
    if (e->kind == EXPR_CONST || e->kind == EXPR_PARAM || e->kind == EXPR_OUTER ||
        e->kind == EXPR_SLOT)
        return -1;
    for (size_t i = 0; i < f->count; i++) {
        if (f->provides[i]->kind == e->kind && expr_equal(f->provides[i], e))
            return (int)i;
    }
    return -1;
}

static struct expr *slot_expr(struct planner *p, const struct expr *e, int position)
{
    struct expr *s = expr_new(p->a, EXPR_SLOT, e->type, e->typmod, e->location);

    s->collation = e->collation;
    s->slot.position = position;
    return s;
}

static bool fix_visit(struct expr **place, void *ctx)
{
    struct fix *f = ctx;
    int         at = provided_at(f, *place);

    if (at >= 0) {
        *place = slot_expr(f->p, *place, at);
        return true;
    }
    if ((*place)->kind == EXPR_COLUMN || (*place)->kind == EXPR_AGGREGATE ||
        (*place)->kind == EXPR_SET_CALL || (*place)->kind == EXPR_WINDOW) {
        f->st = status_new(
            ST_INTERNAL, "the planner lost an expression of kind %d (table %d, column %d)",
            (int)(*place)->kind, (*place)->kind == EXPR_COLUMN ? (*place)->column.table : -1,
            (*place)->kind == EXPR_COLUMN ? (*place)->column.column : 0);
        return false;
    }
    return plan_walk_children(*place, fix_visit, ctx) && st_ok(f->st);
}

status resolve_expr(struct planner *p, struct expr **e, struct expr **provides, size_t count)
{
    struct fix f = {.p = p, .provides = provides, .count = count};
    int        at;

    if (*e == NULL)
        return STATUS_OK;
    at = provided_at(&f, *e);
    if (at >= 0) {
        *e = slot_expr(p, *e, at);
        return STATUS_OK;
    }
    *e = plan_copy_expr(p->a, *e);
    fix_visit(e, &f);
    return f.st;
}

static status resolve_list(struct planner *p, struct expr **list, size_t count,
                           struct expr **provides, size_t provide_count)
{
    for (size_t i = 0; i < count; i++)
        TRY_RETURN(resolve_expr(p, &list[i], provides, provide_count));
    return STATUS_OK;
}

static void set_raw(struct planner *p, struct plan_node *n, struct expr **provides, size_t count)
{
    n->raw_count = count;
    n->raw_types = ARENA_ARRAY(p->a, uint32_t, count);
    for (size_t i = 0; i < count; i++)
        n->raw_types[i] = provides[i]->type;
}

/* Say filter and outputs in terms of the raw columns. */
static status finish(struct planner *p, struct plan_node *n, struct expr **want, size_t count,
                     struct expr **provides, size_t provide_count)
{
    set_raw(p, n, provides, provide_count);
    n->shown_filter = n->filter;
    TRY_RETURN(resolve_expr(p, &n->filter, provides, provide_count));
    n->output_count = count;
    n->provides = want;
    n->outputs = ARENA_ARRAY(p->a, struct expr *, count);
    n->identity = count == provide_count;
    for (size_t i = 0; i < count; i++) {
        n->outputs[i] = want[i];
        if (i < provide_count && provides[i] == want[i])
            n->outputs[i] = slot_expr(p, want[i], (int)i); /* volatile twins keep their places */
        else
            TRY_RETURN(resolve_expr(p, &n->outputs[i], provides, provide_count));
        n->identity &= n->outputs[i]->kind == EXPR_SLOT && n->outputs[i]->slot.position == (int)i;
    }
    return STATUS_OK;
}

/* ---- what inputs must give ----------------------------------------------------------------------
 */

struct leaves {
    struct planner *p;
    struct exprs    list;
};

static bool leaf_visit(struct expr **place, void *ctx)
{
    struct leaves *w = ctx;

    if ((*place)->kind == EXPR_COLUMN) {
        exprs_add_new(w->p->a, &w->list, *place);
        return true;
    }
    return plan_walk_children(*place, leaf_visit, ctx);
}

static void add_leaves(struct leaves *w, struct expr *e)
{
    if (e != NULL)
        leaf_visit(&e, w);
}

static void add_leaves_of(struct leaves *w, struct expr **list, size_t count)
{
    for (size_t i = 0; i < count; i++)
        add_leaves(w, list[i]);
}

/* Columns in the order of their numbers: EXPLAIN and decoding like it. */
static void sort_columns(struct exprs *l)
{
    for (size_t i = 1; i < l->count; i++) {
        struct expr *e = l->items[i];
        size_t       k = i;

        for (; k > 0 && l->items[k - 1]->column.column > e->column.column; k--)
            l->items[k] = l->items[k - 1];
        l->items[k] = e;
    }
}

/* ---- scans --------------------------------------------------------------------------------------
 */

static status resolve_scan(struct planner *p, struct plan_node *n, struct expr **want, size_t count)
{
    struct leaves w = {.p = p};

    add_leaves_of(&w, want, count);
    add_leaves(&w, n->filter);
    sort_columns(&w.list);
    n->scan.column_count = w.list.count;
    n->scan.columns = ARENA_ARRAY(p->a, int16_t, w.list.count);
    n->scan.wanted = ARENA_ARRAY(p->a, bool, n->scan.layout->column_count);
    n->scan.keys_only = true;
    for (size_t i = 0; i < w.list.count; i++) {
        int16_t column = w.list.items[i]->column.column;

        n->scan.columns[i] = column;
        if (column == ROW_KEY_COLUMN)
            continue;
        n->scan.keys_only = false;
        n->scan.wanted[column - 1] = true;
        n->scan.reads_row |= !n->scan.index->covers[column - 1];
    }
    /* A plain read must see whether the row is there; only a locking reader above does without. */
    n->scan.keys_only &= n->scan.locked_above && n->scan.unique_point &&
                         n->scan.index == &n->scan.layout->indexes[0] && n->filter == NULL;
    return finish(p, n, want, count, w.list.items, w.list.count);
}

static status resolve_virtual(struct planner *p, struct plan_node *n, struct expr **want,
                              size_t count)
{
    struct leaves w = {.p = p};

    add_leaves_of(&w, want, count);
    add_leaves(&w, n->filter);
    sort_columns(&w.list);
    n->virtual_scan.column_count = w.list.count;
    n->virtual_scan.columns = ARENA_ARRAY(p->a, int16_t, w.list.count);
    for (size_t i = 0; i < w.list.count; i++)
        n->virtual_scan.columns[i] = w.list.items[i]->column.column;
    return finish(p, n, want, count, w.list.items, w.list.count);
}

struct expr **column_exprs(struct planner *p, int table, const uint32_t *types, struct expr **like,
                           size_t count)
{
    struct expr **out = ARENA_ARRAY(p->a, struct expr *, count);

    for (size_t i = 0; i < count; i++) {
        out[i] = expr_new(p->a, EXPR_COLUMN, like != NULL ? like[i]->type : types[i],
                          like != NULL ? like[i]->typmod : -1, -1);
        out[i]->collation = like != NULL ? like[i]->collation : 0;
        out[i]->column.table = table;
        out[i]->column.column = (int16_t)(i + 1);
    }
    return out;
}

/* expr_equal() may look at collation and typmod, so what is provided copies them from what is asked
 * for. */
void take_attributes(struct expr **provides, size_t count, struct expr **want, size_t want_count,
                     struct expr *filter, struct planner *p)
{
    struct leaves w = {.p = p};

    add_leaves_of(&w, want, want_count);
    add_leaves(&w, filter);
    for (size_t i = 0; i < w.list.count; i++) {
        struct expr *e = w.list.items[i];

        if (e->column.table == provides[0]->column.table && e->column.column > 0 &&
            (size_t)e->column.column <= count)
            *provides[e->column.column - 1] = *e;
    }
}

static status resolve_named(struct planner *p, struct plan_node *n, struct expr **want,
                            size_t count, int table, const uint32_t *types, struct expr **like,
                            size_t columns)
{
    struct expr **provides = column_exprs(p, table, types, like, columns);

    if (columns > 0)
        take_attributes(provides, columns, want, count, n->filter, p);
    return finish(p, n, want, count, provides, columns);
}

static status resolve_values(struct planner *p, struct plan_node *n, struct expr **want,
                             size_t count)
{
    uint32_t *types = ARENA_ARRAY(p->a, uint32_t, n->values.column_count);

    for (size_t i = 0; i < n->values.column_count && n->values.row_count > 0; i++)
        types[i] = n->values.rows[0][i]->type;
    return resolve_named(p, n, want, count, n->values.table, types, NULL, n->values.column_count);
}

/* ---- joins --------------------------------------------------------------------------------------
 */

struct split {
    struct exprs left, right;
};

/* Which side names a column's relation? Nodes know their relations by bit, levels by table; a
 * column is on the left unless only the right side can give it. */
static bool node_gives(const struct plan_node *n, const struct expr *column)
{
    switch (n->kind) {
    case PLAN_SCAN:
        return n->scan.table == column->column.table;
    case PLAN_VIRTUAL_SCAN:
        return n->virtual_scan.table == column->column.table;
    case PLAN_FUNCTION_SCAN:
        return n->function.table == column->column.table;
    case PLAN_VALUES_SCAN:
        return n->values.table == column->column.table;
    case PLAN_CTE_SCAN:
        return n->cte.table == column->column.table;
    case PLAN_SUBQUERY_SCAN:
        return n->subquery.table == column->column.table; /* not what lies below */
    default:
        return (n->left != NULL && node_gives(n->left, column)) ||
               (n->right != NULL && node_gives(n->right, column));
    }
}

static void split_leaves(struct planner *p, const struct plan_node *n, const struct leaves *w,
                         struct split *s)
{
    for (size_t i = 0; i < w->list.count; i++) {
        struct expr *e = w->list.items[i];

        exprs_add_new(p->a, node_gives(n->left, e) ? &s->left : &s->right, e);
    }
}

static status resolve_join(struct planner *p, struct plan_node *n, struct expr **want, size_t count)
{
    struct leaves w = {.p = p};
    struct split  s = {0};
    struct exprs  both = {0};

    add_leaves_of(&w, want, count);
    add_leaves(&w, n->filter);
    add_leaves(&w, n->join.condition);
    add_leaves_of(&w, n->join.left_keys, n->join.key_count);
    add_leaves_of(&w, n->join.right_keys, n->join.key_count);
    add_leaves_of(&w, n->join.param_values, n->join.param_count);
    split_leaves(p, n, &w, &s);
    TRY_RETURN(resolve_plan(p, n->left, s.left.items, s.left.count));
    TRY_RETURN(resolve_plan(p, n->right, s.right.items, s.right.count));
    TRY_RETURN(resolve_list(p, n->join.left_keys, n->join.key_count, s.left.items, s.left.count));
    TRY_RETURN(
        resolve_list(p, n->join.right_keys, n->join.key_count, s.right.items, s.right.count));
    TRY_RETURN(
        resolve_list(p, n->join.param_values, n->join.param_count, s.left.items, s.left.count));
    exprs_add_all(p->a, &both, &s.left);
    exprs_add_all(p->a, &both, &s.right);
    n->shown_condition = n->join.condition;
    TRY_RETURN(resolve_expr(p, &n->join.condition, both.items, both.count));
    return finish(p, n, want, count, both.items, both.count);
}

/* ---- grouping and the rest ----------------------------------------------------------------------
 */

static status resolve_aggregate_args(struct planner *p, struct plan_aggregate *g,
                                     const struct exprs *input)
{
    struct expr *e = g->expr;

    TRY_RETURN(resolve_list(p, e->aggregate.args,
                            e->aggregate.arg_count + e->aggregate.sort_arg_count, input->items,
                            input->count));
    return resolve_expr(p, &e->aggregate.filter, input->items, input->count);
}

static void add_missing(struct planner *p, struct exprs *l, struct expr *e)
{
    for (size_t i = 0; i < l->count; i++) {
        if (l->items[i] == e)
            return;
    }
    exprs_add_new(p->a, l, e);
}

/* What DISTINCT compares may be groups, aggregates or windows, which only its input can compute. */
static void add_whole(struct leaves *w, struct expr **list, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (list[i]->kind != EXPR_CONST && list[i]->kind != EXPR_PARAM &&
            list[i]->kind != EXPR_OUTER)
            add_missing(w->p, &w->list, list[i]);
    }
}

static status resolve_aggregate(struct planner *p, struct plan_node *n, struct expr **want,
                                size_t count)
{
    struct leaves w = {.p = p};
    struct exprs  provides = {0};

    for (size_t i = 0; i < n->aggregate.group_count; i++)
        exprs_add(p->a, &provides, n->aggregate.groups[i]);
    if (n->aggregate.whole)
        add_whole(&w, n->aggregate.groups, n->aggregate.group_count);
    else
        add_leaves_of(&w, n->aggregate.groups, n->aggregate.group_count);
    for (size_t i = 0; i < n->aggregate.aggregate_count; i++) {
        struct expr *e = n->aggregate.aggregates[i].expr;

        exprs_add(p->a, &provides, plan_copy_expr(p->a, e));
        add_leaves_of(&w, e->aggregate.args, e->aggregate.arg_count + e->aggregate.sort_arg_count);
        add_leaves(&w, e->aggregate.filter);
    }
    n->aggregate.may_spill = n->aggregate.strategy == AGG_HASHED;
    for (size_t i = 0; i < provides.count; i++)
        n->aggregate.may_spill &= expr_is_stable(provides.items[i]);
    TRY_RETURN(resolve_plan(p, n->left, w.list.items, w.list.count));
    n->aggregate.shown_groups = n->aggregate.groups;
    n->aggregate.groups =
        memcpy(ARENA_ARRAY(p->a, struct expr *, n->aggregate.group_count), n->aggregate.groups,
               n->aggregate.group_count * sizeof(struct expr *));
    TRY_RETURN(
        resolve_list(p, n->aggregate.groups, n->aggregate.group_count, w.list.items, w.list.count));
    for (size_t i = 0; i < n->aggregate.aggregate_count; i++)
        TRY_RETURN(resolve_aggregate_args(p, &n->aggregate.aggregates[i], &w.list));
    return finish(p, n, want, count, provides.items, provides.count);
}

static status resolve_keys(struct planner *p, struct plan_key *keys, size_t count,
                           const struct exprs *input)
{
    for (size_t i = 0; i < count; i++) {
        struct expr *e = keys[i].expr;

        TRY_RETURN(resolve_expr(p, &e, input->items, input->count));
        ASSERT(e->kind == EXPR_SLOT);
        keys[i].position = e->slot.position;
    }
    return STATUS_OK;
}

/* Nodes that hand their input's rows on: sort, limit and their like, with what they look at. */
static status resolve_pass(struct planner *p, struct plan_node *n, struct expr **want, size_t count,
                           struct plan_key *keys, size_t key_count)
{
    struct exprs input = {0};

    for (size_t i = 0; i < count; i++)
        exprs_add(p->a, &input, want[i]);
    for (size_t i = 0; i < key_count; i++)
        add_missing(p, &input, keys[i].expr);
    if (n->filter != NULL) {
        struct leaves w = {.p = p};

        add_leaves(&w, n->filter);
        for (size_t i = 0; i < w.list.count; i++)
            add_missing(p, &input, w.list.items[i]);
    }
    TRY_RETURN(resolve_plan(p, n->left, input.items, input.count));
    TRY_RETURN(resolve_keys(p, keys, key_count, &input));
    return finish(p, n, want, count, input.items, input.count);
}

/* The parts of an expression that hold no set-returning call, as large as they come. */
static bool set_free_visit(struct expr **place, void *ctx)
{
    struct leaves *w = ctx;

    if ((*place)->kind == EXPR_SET_CALL)
        return true; /* its arguments are asked for separately */
    if (!expr_has_kind(*place, EXPR_SET_CALL)) {
        if ((*place)->kind != EXPR_CONST && (*place)->kind != EXPR_PARAM &&
            (*place)->kind != EXPR_OUTER)
            add_missing(w->p, &w->list, *place);
        return true;
    }
    return plan_walk_children(*place, set_free_visit, ctx);
}

static status resolve_project_set(struct planner *p, struct plan_node *n, struct expr **want,
                                  size_t count)
{
    struct leaves w = {.p = p};
    struct exprs  provides = {0};

    for (size_t i = 0; i < count; i++)
        set_free_visit(&want[i], &w);
    for (size_t i = 0; i < n->project_set.count; i++) {
        struct expr *call = n->project_set.calls[i];

        for (size_t k = 0; k < call->call.arg_count; k++)
            set_free_visit(&call->call.args[k], &w);
    }
    TRY_RETURN(resolve_plan(p, n->left, w.list.items, w.list.count));
    exprs_add_all(p->a, &provides, &w.list);
    for (size_t i = 0; i < n->project_set.count; i++) {
        struct expr *call = n->project_set.calls[i];

        exprs_add(p->a, &provides, plan_copy_expr(p->a, call));
        TRY_RETURN(
            resolve_list(p, call->call.args, call->call.arg_count, w.list.items, w.list.count));
    }
    return finish(p, n, want, count, provides.items, provides.count);
}

struct window_leaves {
    struct leaves           leaves;
    const struct plan_node *n;
};

/* Whether the node computes `e` or a part of it. */
static bool computed_visit(struct expr **place, void *ctx)
{
    const struct plan_node *n = ctx;

    for (size_t i = 0; i < n->window.count; i++) {
        if (expr_equal(*place, n->window.calls[i]))
            return false;
    }
    return plan_walk_children(*place, computed_visit, ctx);
}

/* The parts of an expression that the node does not compute, as large as they come: results of
 * another window are the input's. */
static bool window_free_visit(struct expr **place, void *ctx)
{
    struct window_leaves *w = ctx;

    if (computed_visit(place, (void *)(uintptr_t)w->n)) {
        if ((*place)->kind != EXPR_CONST && (*place)->kind != EXPR_PARAM &&
            (*place)->kind != EXPR_OUTER)
            add_missing(w->leaves.p, &w->leaves.list, *place);
        return true;
    }
    if ((*place)->kind == EXPR_WINDOW)
        return true; /* its keys are asked for separately */
    return plan_walk_children(*place, window_free_visit, ctx);
}

static status resolve_window(struct planner *p, struct plan_node *n, struct expr **want,
                             size_t count)
{
    struct window_leaves w = {.leaves = {.p = p}, .n = n};
    struct exprs         provides = {0}, *input = &w.leaves.list;

    for (size_t i = 0; i < count; i++)
        window_free_visit(&want[i], &w);
    for (size_t i = 0; i < n->window.key_count; i++)
        add_missing(p, input, n->window.keys[i].expr);
    TRY_RETURN(resolve_plan(p, n->left, input->items, input->count));
    TRY_RETURN(resolve_keys(p, n->window.keys, n->window.key_count, input));
    exprs_add_all(p->a, &provides, input);
    for (size_t i = 0; i < n->window.count; i++)
        exprs_add(p->a, &provides, plan_copy_expr(p->a, n->window.calls[i]));
    return finish(p, n, want, count, provides.items, provides.count);
}

static status resolve_children(struct planner *p, struct plan_node *n, struct expr **want,
                               size_t count)
{
    struct expr **provides = column_exprs(p, 0, n->raw_types, NULL, n->raw_count);

    take_attributes(provides, n->raw_count, want, count, n->filter, p);
    for (size_t i = 0; i < n->child_count; i++) {
        struct plan_node *child = n->children[i];

        if (child->want != NULL)
            TRY_RETURN(resolve_plan(p, child, child->want, child->want_count));
        else
            TRY_RETURN(resolve_plan(p, child, provides, n->raw_count));
    }
    return finish(p, n, want, count, provides, n->raw_count);
}

/* The columns of a whole stored row. */
struct expr **row_exprs(struct planner *p, int table, const struct table_layout *l)
{
    uint32_t *types = ARENA_ARRAY(p->a, uint32_t, l->column_count);

    for (size_t i = 0; i < l->column_count; i++)
        types[i] = l->desc->columns[i].type;
    return column_exprs(p, table, types, NULL, l->column_count);
}

static status resolve_locks(struct planner *p, struct plan_node *n, struct expr **want,
                            size_t count)
{
    struct leaves w = {.p = p};
    struct exprs  input;

    /* Outputs are computed here, above the lock, from the columns as they are then. */
    add_leaves_of(&w, want, count);
    input = w.list;
    for (size_t i = 0; i < n->lock.count; i++)
        add_missing(p, &input, n->lock.locks[i].key);
    TRY_RETURN(resolve_plan(p, n->left, input.items, input.count));
    for (size_t i = 0; i < n->lock.count; i++)
        TRY_RETURN(resolve_expr(p, &n->lock.locks[i].key, input.items, input.count));
    if (n->lock.count == 1) {
        n->lock.column_count = input.count;
        n->lock.columns = ARENA_ARRAY(p->a, int16_t, input.count);
        for (size_t i = 0; i < input.count; i++) {
            if (input.items[i]->kind == EXPR_COLUMN &&
                input.items[i]->column.table == n->lock.locks[0].table &&
                input.items[i]->column.column > 0)
                n->lock.columns[i] = input.items[i]->column.column;
        }
    }
    if (n->lock.recheck != NULL) {
        const struct table_layout *l = n->lock.locks[0].layout;
        struct expr              **row = row_exprs(p, n->lock.locks[0].table, l);

        take_attributes(row, l->column_count, &n->lock.recheck, 1, NULL, p);
        TRY_RETURN(resolve_expr(p, &n->lock.recheck, row, l->column_count));
    }
    return finish(p, n, want, count, input.items, input.count);
}

status resolve_plan(struct planner *p, struct plan_node *n, struct expr **want, size_t count)
{
    switch (n->kind) {
    case PLAN_RESULT:
        n->shown_condition = n->result.gate;
        TRY_RETURN(resolve_expr(p, &n->result.gate, NULL, 0));
        if (n->left != NULL)
            return resolve_pass(p, n, want, count, NULL, 0);
        return finish(p, n, want, count, NULL, 0);
    case PLAN_SCAN:
        return resolve_scan(p, n, want, count);
    case PLAN_VIRTUAL_SCAN:
        return resolve_virtual(p, n, want, count);
    case PLAN_FUNCTION_SCAN:
        return resolve_named(p, n, want, count, n->function.table, n->function.column_types, NULL,
                             n->function.column_count);
    case PLAN_VALUES_SCAN:
        return resolve_values(p, n, want, count);
    case PLAN_CTE_SCAN: {
        struct plan_node *top = p->plan->subplans[n->cte.subplan]->node;

        return resolve_named(p, n, want, count, n->cte.table, NULL, top->want, top->want_count);
    }
    case PLAN_SUBQUERY_SCAN:
        TRY_RETURN(resolve_plan(p, n->left, n->left->want, n->left->want_count));
        return resolve_named(p, n, want, count, n->subquery.table, NULL, n->left->want,
                             n->left->want_count);
    case PLAN_NESTED_LOOP:
    case PLAN_HASH_JOIN:
    case PLAN_MERGE_JOIN:
        return resolve_join(p, n, want, count);
    case PLAN_AGGREGATE:
        return resolve_aggregate(p, n, want, count);
    case PLAN_SORT:
    case PLAN_UNIQUE:
        return resolve_pass(p, n, want, count, n->sort.keys, n->sort.key_count);
    case PLAN_LIMIT:
        TRY_RETURN(resolve_expr(p, &n->limit.limit, NULL, 0));
        TRY_RETURN(resolve_expr(p, &n->limit.offset, NULL, 0));
        return resolve_pass(p, n, want, count, n->limit.keys, n->limit.key_count);
    case PLAN_MATERIALIZE:
        return resolve_pass(p, n, want, count, NULL, 0);
    case PLAN_WINDOW:
        return resolve_window(p, n, want, count);
    case PLAN_PROJECT_SET:
        return resolve_project_set(p, n, want, count);
    case PLAN_APPEND:
    case PLAN_SET_OP:
    case PLAN_RECURSIVE_UNION:
        return resolve_children(p, n, want, count);
    case PLAN_LOCK_ROWS:
        return resolve_locks(p, n, want, count);
    case PLAN_MODIFY:
        return STATUS_OK; /* modify.c has done it */
    }
    UNREACHABLE();
}
