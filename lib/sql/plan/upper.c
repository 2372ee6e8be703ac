/* What stands above the joins: grouping, set-returning targets, DISTINCT, ORDER BY, locks, LIMIT.
 */
#include <string.h>

#include "base/assert.h"
#include "sql/plan/planner_internal.h"

struct path_keys sort_keys_of(struct level *lv, const struct sort_key *sort, size_t count)
{
    struct path_keys k = {.count = count};

    k.keys = ARENA_ARRAY(lv->p->a, struct path_key, count);
    for (size_t i = 0; i < count; i++)
        k.keys[i] = (struct path_key){.expr = lv->q->targets[sort[i].target].expr,
                                      .descending = sort[i].descending,
                                      .nulls_first = sort[i].nulls_first};
    return k;
}

static struct plan_key *plan_keys(struct level *lv, const struct path_keys *keys)
{
    struct plan_key *out = ARENA_ARRAY(lv->p->a, struct plan_key, keys->count);

    for (size_t i = 0; i < keys->count; i++)
        out[i] = (struct plan_key){.expr = keys->keys[i].expr,
                                   .type = type_by_oid(keys->keys[i].expr->type),
                                   .descending = keys->keys[i].descending,
                                   .nulls_first = keys->keys[i].nulls_first};
    return out;
}

struct plan_node *sort_node(struct level *lv, struct plan_node *input, const struct path_keys *keys)
{
    struct plan_node *n = node_over(lv->p, PLAN_SORT, input);

    n->sort.key_count = keys->count;
    n->sort.keys = plan_keys(lv, keys);
    n->order = keys->keys;
    n->order_count = keys->count;
    n->startup = n->total = input->total + cost_sort(input->rows);
    return n;
}

/* Cost of the first `wanted` rows of a node. */
static double cost_of_first(const struct plan_node *n, double wanted)
{
    if (wanted <= 0 || wanted >= n->rows)
        return n->total;
    return n->startup + (n->total - n->startup) * (wanted / n->rows);
}

/* The cheapest way to have the rows in this order. */
static struct plan_node *best_ordered(struct level *lv, const struct path_set *paths,
                                      const struct path_keys *keys, double wanted)
{
    struct plan_node *best = NULL;
    double            best_cost = 0;
    bool              best_sorted = false;

    for (size_t i = 0; i < paths->count; i++) {
        struct plan_node *n = paths->paths[i];
        bool              sorted = order_satisfied(lv, keys, n);
        double            cost = sorted ? cost_of_first(n, wanted) : n->total + cost_sort(n->rows);

        if (best == NULL || cost < best_cost) {
            best = n;
            best_cost = cost;
            best_sorted = sorted;
        }
    }
    return best_sorted ? best : sort_node(lv, best, keys);
}

/* ---- grouping -----------------------------------------------------------------------------------
 */

struct collect {
    struct level *lv;
    struct exprs  aggregates;
};

static bool collect_visit(struct expr **place, void *ctx)
{
    struct collect *w = ctx;

    if ((*place)->kind == EXPR_AGGREGATE) {
        exprs_add_new(w->lv->p->a, &w->aggregates, *place);
        return true;
    }
    return plan_walk_children(*place, collect_visit, ctx);
}

static struct plan_aggregate *plan_aggregates(struct level *lv, const struct exprs *aggregates)
{
    struct plan_aggregate *out = ARENA_ARRAY(lv->p->a, struct plan_aggregate, aggregates->count);

    for (size_t i = 0; i < aggregates->count; i++) {
        struct expr *e = plan_copy_expr(lv->p->a, aggregates->items[i]);

        out[i].expr = e;
        out[i].order = ARENA_ARRAY(lv->p->a, struct plan_key, e->aggregate.order_count);
        for (size_t k = 0; k < e->aggregate.order_count; k++) {
            const struct sort_key *s = &e->aggregate.order[k];

            out[i].order[k] =
                (struct plan_key){.position = s->target,
                                  .type = type_by_oid(e->aggregate.args[s->target]->type),
                                  .descending = s->descending,
                                  .nulls_first = s->nulls_first,
                                  .expr = e->aggregate.args[s->target]};
        }
    }
    return out;
}

static bool order_groups(struct level *lv, const struct plan_node *n)
{
    struct exprs groups = {0};

    for (size_t i = 0; i < lv->q->group_count; i++)
        exprs_add_new(lv->p->a, &groups, lv->q->targets[lv->q->group[i]].expr);
    if (n->order_count < groups.count)
        return false;
    for (size_t i = 0; i < groups.count; i++) {
        if (!exprs_have(&groups, n->order[i].expr))
            return false;
        for (size_t k = 0; k < i; k++) {
            if (expr_equal(n->order[i].expr, n->order[k].expr))
                return false;
        }
    }
    return true;
}

static bool groups_hash(const struct level *lv)
{
    for (size_t i = 0; i < lv->q->group_count; i++) {
        const struct type *t = type_by_oid(lv->q->targets[lv->q->group[i]].expr->type);

        if (t == NULL || t->hash == NULL)
            return false;
    }
    return true;
}

static struct plan_node *choose_group_input(struct level *lv, const struct path_set *paths,
                                            enum aggregate_strategy *strategy)
{
    struct plan_node *best = NULL;
    double            best_cost = 0;

    *strategy = AGG_PLAIN;
    for (size_t i = 0; i < paths->count; i++) {
        struct plan_node *n = paths->paths[i];
        bool              sorted = lv->q->group_count > 0 && order_groups(lv, n);
        double cost = n->total + (sorted || lv->q->group_count == 0 ? 0 : n->rows * COST_HASH);

        if (best != NULL && cost >= best_cost)
            continue;
        best = n;
        best_cost = cost;
        if (lv->q->group_count > 0)
            *strategy = sorted ? AGG_SORTED : AGG_HASHED;
    }
    return best;
}

static status plan_grouping(struct level *lv, const struct path_set *paths, struct plan_node **out)
{
    struct query           *q = lv->q;
    struct collect          w = {.lv = lv};
    enum aggregate_strategy strategy;
    struct plan_node       *input = choose_group_input(lv, paths, &strategy), *n;

    for (size_t i = 0; i < q->target_count; i++)
        collect_visit(&q->targets[i].expr, &w);
    if (q->having != NULL)
        collect_visit(&q->having, &w);
    if (strategy == AGG_HASHED && !groups_hash(lv))
        return status_new(ST_FEATURE_NOT_SUPPORTED, "could not implement GROUP BY");
    n = node_over(lv->p, PLAN_AGGREGATE, input);
    n->aggregate.strategy = strategy;
    n->aggregate.group_count = q->group_count;
    n->aggregate.groups = ARENA_ARRAY(lv->p->a, struct expr *, q->group_count);
    n->aggregate.group_types = ARENA_ARRAY(lv->p->a, const struct type *, q->group_count);
    for (size_t i = 0; i < q->group_count; i++) {
        n->aggregate.groups[i] = q->targets[q->group[i]].expr;
        n->aggregate.group_types[i] = type_by_oid(n->aggregate.groups[i]->type);
    }
    n->aggregate.aggregate_count = w.aggregates.count;
    n->aggregate.aggregates = plan_aggregates(lv, &w.aggregates);
    n->filter = q->having != NULL ? plan_copy_expr(lv->p->a, q->having) : NULL;
    n->rows = q->group_count == 0
                  ? 1
                  : group_estimate(lv, n->aggregate.groups, q->group_count, input->rows, 0.1);
    n->total += input->rows * (COST_OPERATOR * (double)(1 + w.aggregates.count) +
                               (strategy == AGG_HASHED ? COST_HASH : 0));
    if (strategy != AGG_SORTED) {
        n->order_count = 0;
        n->startup = n->total;
    }
    *out = n;
    return STATUS_OK;
}

/* ---- set-returning functions of the target list -------------------------------------------------
 */

static bool set_call_visit(struct expr **place, void *ctx)
{
    struct collect *w = ctx;

    if (!plan_walk_children(*place, set_call_visit, ctx))
        return false;
    if ((*place)->kind == EXPR_SET_CALL)
        exprs_add_new(w->lv->p->a, &w->aggregates, *place);
    return true;
}

static status plan_set_calls(struct level *lv, struct plan_node **n)
{
    struct collect w = {.lv = lv};

    if (!lv->q->has_set_calls)
        return STATUS_OK;
    for (size_t i = 0; i < lv->q->target_count; i++)
        set_call_visit(&lv->q->targets[i].expr, &w);
    if (w.aggregates.count == 0)
        return STATUS_OK;
    *n = node_over(lv->p, PLAN_PROJECT_SET, *n);
    (*n)->project_set.count = w.aggregates.count;
    (*n)->project_set.calls = ARENA_ARRAY(lv->p->a, struct expr *, w.aggregates.count);
    for (size_t i = 0; i < w.aggregates.count; i++) {
        struct expr *call = plan_copy_expr(lv->p->a, w.aggregates.items[i]);

        for (size_t k = 0; k < call->call.arg_count; k++) {
            if (expr_has_kind(call->call.args[k], EXPR_SET_CALL))
                return status_new(ST_FEATURE_NOT_SUPPORTED,
                                  "a set-returning function inside of another is not supported");
        }
        (*n)->project_set.calls[i] = call;
    }
    (*n)->rows *= 10;
    (*n)->total += (*n)->rows * COST_OPERATOR;
    return STATUS_OK;
}

/* ---- window functions ---------------------------------------------------------------------------
 */

static bool window_visit(struct expr **place, void *ctx)
{
    struct collect *w = ctx;

    if (!plan_walk_children(*place, window_visit, ctx))
        return false;
    if ((*place)->kind == EXPR_WINDOW)
        exprs_add_new(w->lv->p->a, &w->aggregates, *place);
    return true;
}

static struct path_keys window_keys(struct level *lv, const struct expr *w)
{
    struct path_keys k = {.count = w->window.key_count};

    k.keys = ARENA_ARRAY(lv->p->a, struct path_key, k.count);
    for (size_t i = 0; i < k.count; i++)
        k.keys[i] = (struct path_key){.expr = plan_copy_expr(lv->p->a, w->window.keys[i]),
                                      .descending = w->window.descending[i],
                                      .nulls_first = w->window.nulls_first[i]};
    return k;
}

/* One node for each window, over its rows in order. */
static struct plan_node *window_node(struct level *lv, struct plan_node *input,
                                     const struct exprs *calls, const struct expr *first)
{
    struct path_keys  keys = window_keys(lv, first);
    struct plan_node *n;

    if (keys.count > 0)
        input = sort_node(lv, input, &keys);
    n = node_over(lv->p, PLAN_WINDOW, input);
    n->window.key_count = keys.count;
    n->window.partition_count = first->window.partition_count;
    n->window.keys = plan_keys(lv, &keys);
    n->window.calls = ARENA_ARRAY(lv->p->a, struct expr *, calls->count);
    for (size_t i = 0; i < calls->count; i++) {
        if (expr_same_window(calls->items[i], first))
            n->window.calls[n->window.count++] = plan_copy_expr(lv->p->a, calls->items[i]);
    }
    n->total += n->rows * COST_OPERATOR;
    n->order_count = 0;
    return n;
}

static struct plan_node *plan_windows(struct level *lv, struct plan_node *n)
{
    struct collect w = {.lv = lv};

    for (size_t i = 0; i < lv->q->target_count; i++)
        window_visit(&lv->q->targets[i].expr, &w);
    for (size_t i = 0; i < w.aggregates.count; i++) {
        bool seen = false;

        for (size_t k = 0; k < i && !seen; k++)
            seen = expr_same_window(w.aggregates.items[k], w.aggregates.items[i]);
        if (!seen)
            n = window_node(lv, n, &w.aggregates, w.aggregates.items[i]);
    }
    return n;
}

/* ---- DISTINCT -----------------------------------------------------------------------------------
 */

static struct plan_node *distinct_node(struct level *lv, struct plan_node *input)
{
    struct query     *q = lv->q;
    struct plan_node *n = node_over(lv->p, PLAN_AGGREGATE, input);

    n->order_count = 0;
    n->aggregate.strategy = AGG_HASHED;
    n->aggregate.whole = true;
    n->aggregate.groups = ARENA_ARRAY(lv->p->a, struct expr *, q->target_count);
    n->aggregate.group_types = ARENA_ARRAY(lv->p->a, const struct type *, q->target_count);
    for (size_t i = 0; i < q->target_count; i++) {
        size_t at = n->aggregate.group_count;

        if (q->targets[i].hidden)
            continue; /* of GROUP BY: it is not what has to differ */
        n->aggregate.group_count++;
        n->aggregate.groups[at] = q->targets[i].expr;
        n->aggregate.group_types[at] = type_by_oid(q->targets[i].expr->type);
    }
    n->startup = n->total = input->total + input->rows * COST_HASH;
    n->rows = group_estimate(lv, n->aggregate.groups, n->aggregate.group_count, input->rows, 0.2);
    return n;
}

/* Sorted by the ON expressions, then by what ORDER BY adds; of equal ones the first stays. */
static struct plan_node *distinct_on_node(struct level *lv, const struct path_set *paths)
{
    struct query     *q = lv->q;
    struct path_keys  keys = {0};
    struct plan_node *n;
    size_t            capacity = q->distinct_on_count + q->sort_count;

    if (q->sort_count >= q->distinct_on_count) {
        keys = sort_keys_of(lv, q->sort, q->sort_count);
    } else {
        keys.keys = ARENA_ARRAY(lv->p->a, struct path_key, capacity);
        for (size_t i = 0; i < q->distinct_on_count; i++)
            keys.keys[keys.count++].expr = q->targets[q->distinct_on[i]].expr;
        for (size_t i = 0; i < q->sort_count; i++) { /* directions of those that are ordered */
            for (size_t k = 0; k < q->distinct_on_count; k++) {
                if (q->distinct_on[k] == q->sort[i].target) {
                    keys.keys[k].descending = q->sort[i].descending;
                    keys.keys[k].nulls_first = q->sort[i].nulls_first;
                }
            }
        }
    }
    n = node_over(lv->p, PLAN_UNIQUE, best_ordered(lv, paths, &keys, 0));
    n->sort.key_count = q->distinct_on_count;
    n->sort.keys = plan_keys(lv, &keys);
    for (size_t i = 0; i < q->distinct_on_count; i++) {
        n->sort.keys[i].expr = q->targets[q->distinct_on[i]].expr;
        n->sort.keys[i].type = type_by_oid(n->sort.keys[i].expr->type);
    }
    n->rows = MAX(1, n->rows / 5);
    return n;
}

/* ---- locks and limit ----------------------------------------------------------------------------
 */

static bool lock_is_stored(const struct level *lv, const struct locking_clause *l)
{
    const struct table_ref *ref = lv->q->tables[l->table];

    return ref->kind == TABLE_REF_RELATION && ref->table->virtual_table == NULL &&
           lv->rel_of_table[l->table] >= 0;
}

static status plan_locks(struct level *lv, struct plan_node **n)
{
    struct query     *q = lv->q;
    struct plan_node *node;

    if (q->lock_count == 0)
        return STATUS_OK;
    node = node_over(lv->p, PLAN_LOCK_ROWS, *n);
    node->lock.locks = ARENA_ARRAY(lv->p->a, struct plan_lock, q->lock_count);
    for (size_t i = 0; i < q->lock_count; i++) {
        struct plan_lock *l;

        if (!lock_is_stored(lv, &q->locks[i]))
            continue;
        l = &node->lock.locks[node->lock.count++];
        l->layout = lv->rels[lv->rel_of_table[q->locks[i].table]].layout;
        l->strength = q->locks[i].strength;
        l->wait = q->locks[i].wait;
        l->key =
            expr_column(lv->p->a, q->tables[q->locks[i].table], q->locks[i].table, ROW_KEY_COLUMN);
        l->table = q->locks[i].table;
    }
    node->lock.single = lv->rel_count == 1;
    if (node->lock.single && q->where != NULL)
        node->lock.recheck = plan_copy_expr(lv->p->a, q->where);
    if (node->lock.count > 0)
        *n = node;
    return STATUS_OK;
}

status plan_tail(struct level *lv, struct plan_node *n, struct plan_node **out)
{
    struct query *q = lv->q;

    TRY_RETURN(plan_locks(lv, &n));
    if (q->limit != NULL || q->offset != NULL) {
        double            input = n->rows, total = n->total, startup = n->startup;
        struct path_keys  keys = sort_keys_of(lv, q->sort, q->sort_count);
        struct plan_node *limited = node_over(lv->p, PLAN_LIMIT, n);

        limited->limit.limit = q->limit;
        limited->limit.offset = q->offset;
        limited->limit.with_ties = q->limit_with_ties;
        limited->limit.key_count = q->limit_with_ties ? keys.count : 0;
        limited->limit.keys = plan_keys(lv, &keys);
        if (q->limit != NULL && q->limit->kind == EXPR_CONST && !q->limit->constant.is_null)
            limited->rows = MAX(1, MIN(input, (double)q->limit->constant.value.i));
        limited->total = startup + (total - startup) * (limited->rows / MAX(1, input));
        n = limited;
    }
    *out = n;
    return STATUS_OK;
}

static status order_and_tail(struct level *lv, struct plan_node *n, struct plan_node **out)
{
    struct path_keys keys = sort_keys_of(lv, lv->q->sort, lv->q->sort_count);

    if (keys.count > 0 && !order_satisfied(lv, &keys, n))
        n = sort_node(lv, n, &keys);
    return plan_tail(lv, n, out);
}

status plan_upper(struct level *lv, struct path_set *paths, struct plan_node **out)
{
    struct query    *q = lv->q;
    struct path_keys none = {0};
    struct path_keys keys = sort_keys_of(lv, q->sort, q->sort_count);
    struct path_set  one = {0};

    if (q->has_aggregates || q->has_group || q->having != NULL) {
        struct plan_node *n = NULL;

        TRY_RETURN(plan_grouping(lv, paths, &n));
        path_add(lv, &one, n);
        paths = &one;
        lv->bound = (struct exprs){0};
        lv->wanted_rows = 0;
    }
    if (q->has_windows) {
        struct plan_node *n = plan_windows(lv, best_ordered(lv, paths, &none, 0));

        one = (struct path_set){0};
        path_add(lv, &one, n);
        paths = &one;
        lv->wanted_rows = 0;
    }
    if (q->has_set_calls) {
        struct plan_node *n = best_ordered(lv, paths, &none, 0);

        TRY_RETURN(plan_set_calls(lv, &n));
        n->order_count = 0; /* the keys may be the functions' results */
        one = (struct path_set){0};
        path_add(lv, &one, n);
        paths = &one;
    }
    if (q->distinct_on_count > 0)
        return order_and_tail(lv, distinct_on_node(lv, paths), out);
    if (q->distinct)
        return order_and_tail(lv, distinct_node(lv, best_ordered(lv, paths, &none, 0)), out);
    return plan_tail(lv, best_ordered(lv, paths, &keys, lv->wanted_rows), out);
}

/* ---- set operations -----------------------------------------------------------------------------
 */

static status plan_operand(struct level *lv, struct set_op *op, struct query *q,
                           struct plan_node **out);

static status plan_set_op_node(struct level *lv, struct set_op *op, struct plan_node **out)
{
    struct plan_node *l, *r, *n;

    TRY_RETURN(plan_operand(lv, op->left_op, op->left_query, &l));
    TRY_RETURN(plan_operand(lv, op->right_op, op->right_query, &r));
    n = node_new(lv->p, op->kind == SET_OP_UNION ? PLAN_APPEND : PLAN_SET_OP);
    n->child_count = 2;
    n->children = ARENA_ARRAY(lv->p->a, struct plan_node *, 2);
    n->children[0] = l;
    n->children[1] = r;
    n->rows = op->kind == SET_OP_UNION ? l->rows + r->rows : l->rows;
    n->total = l->total + r->total + n->rows * COST_OPERATOR;
    n->raw_count = op->column_count;
    n->raw_types = op->types;
    if (op->kind != SET_OP_UNION) {
        n->set_op.kind = op->kind;
        n->set_op.all = op->all;
    }
    n->startup = op->kind == SET_OP_UNION ? l->startup : n->total;
    *out = n;
    if (op->kind == SET_OP_UNION && !op->all) {
        *out = node_over(lv->p, PLAN_AGGREGATE, n);
        (*out)->aggregate.strategy = AGG_HASHED;
        (*out)->aggregate.group_count = op->column_count;
        (*out)->startup = (*out)->total = n->total + n->rows * COST_HASH;
    }
    for (size_t i = 0; i < op->column_count; i++) {
        const struct type *t = type_by_oid(op->types[i]);

        if (t->hash == NULL && !(op->kind == SET_OP_UNION && op->all))
            return status_new(ST_UNDEFINED_FUNCTION,
                              "could not identify an equality operator for type %s", t->sql_name);
    }
    return STATUS_OK;
}

static status plan_operand(struct level *lv, struct set_op *op, struct query *q,
                           struct plan_node **out)
{
    struct level *inner;

    if (op != NULL)
        return plan_set_op_node(lv, op, out);
    inner = level_new(lv->p, lv, q);
    TRY_RETURN(plan_level(inner, out));
    for (size_t i = 0; i < inner->used_count; i++)
        level_use_outer(lv, inner->used[i]);
    return STATUS_OK;
}

/* Nested UNION ALL is one Append. */
static void flatten_append(struct level *lv, struct plan_node *n)
{
    struct exprs_nodes {
        size_t             count;
        struct plan_node **nodes;
    } flat = {0};

    for (size_t i = 0; i < n->child_count; i++) {
        struct plan_node  *child = n->children[i];
        size_t             more = 1;
        struct plan_node **from = &n->children[i];

        if (child->kind == PLAN_APPEND && child->want == NULL) {
            flatten_append(lv, child);
            more = child->child_count;
            from = child->children;
        }
        flat.nodes = arena_realloc(lv->p->a, flat.nodes, flat.count * sizeof *flat.nodes,
                                   (flat.count + more) * sizeof *flat.nodes);
        memcpy(flat.nodes + flat.count, from, more * sizeof *from);
        flat.count += more;
    }
    n->children = flat.nodes;
    n->child_count = flat.count;
}

static void finish_set_nodes(struct level *lv, struct plan_node *n, const struct table_ref *ref)
{
    if (n == NULL || n->want != NULL)
        return; /* an operand's own top */
    if (n->kind == PLAN_APPEND)
        flatten_append(lv, n);
    if (n->kind == PLAN_AGGREGATE) {
        n->aggregate.groups = ARENA_ARRAY(lv->p->a, struct expr *, n->aggregate.group_count);
        n->aggregate.group_types =
            ARENA_ARRAY(lv->p->a, const struct type *, n->aggregate.group_count);
        for (size_t i = 0; i < n->aggregate.group_count; i++) {
            n->aggregate.groups[i] = expr_column(lv->p->a, ref, 0, (int16_t)(i + 1));
            n->aggregate.group_types[i] = type_by_oid(n->aggregate.groups[i]->type);
        }
    }
    finish_set_nodes(lv, n->left, ref);
    for (size_t i = 0; i < n->child_count; i++)
        finish_set_nodes(lv, n->children[i], ref);
}

status plan_set_operation(struct level *lv, struct plan_node **out)
{
    struct query     *q = lv->q;
    struct plan_node *n;

    lv->rel_count = 1;
    lv->rels[0].table = 0;
    lv->rels[0].ref = q->tables[0];
    lv->rel_of_table[0] = 0;
    for (size_t i = 0; i < q->target_count; i++)
        TRY_RETURN(prepare_expr(lv, &q->targets[i].expr));
    TRY_RETURN(prepare_expr(lv, &q->limit));
    TRY_RETURN(prepare_expr(lv, &q->offset));
    TRY_RETURN(plan_set_op_node(lv, q->set_op, &n));
    finish_set_nodes(lv, n, q->tables[0]);
    return order_and_tail(lv, n, out);
}
