/* How two sets of relations are joined: nested loop (with an index of the inner side where one
 * fits), hash; merging is in merge_paths.c. What each costs, and which ways are kept. */
#include <math.h>
#include <string.h>

#include "base/assert.h"
#include "sql/plan/joins_internal.h"

struct plan_node *node_new(struct planner *p, enum plan_kind kind)
{
    struct plan_node *n = ARENA_NEW(p->a, struct plan_node);

    n->kind = kind;
    n->id = (int)p->plan->node_count++;
    n->query = p->level->q;
    return n;
}

struct plan_node *node_over(struct planner *p, enum plan_kind kind, struct plan_node *input)
{
    struct plan_node *n = node_new(p, kind);

    n->left = input;
    n->startup = input->startup;
    n->total = input->total;
    n->rows = input->rows;
    n->rels = input->rels;
    n->order = input->order;
    n->order_count = input->order_count;
    return n;
}

double cost_sort(double rows)
{
    return rows < 2 ? COST_OPERATOR : rows * log2(rows) * COST_OPERATOR;
}

/* ---- path sets ----------------------------------------------------------------------------------
 */

bool order_satisfied(const struct level *lv, const struct path_keys *wanted,
                     const struct plan_node *n)
{
    size_t at = 0;

    for (size_t i = 0; i < wanted->count; i++) {
        const struct path_key *w = &wanted->keys[i];

        if (exprs_have(&lv->bound, w->expr))
            continue; /* the same in every row */
        while (at < n->order_count && exprs_have(&lv->bound, n->order[at].expr))
            at++;
        if (at == n->order_count || !exprs_equal_in(lv, n->order[at].expr, w->expr) ||
            n->order[at].descending != w->descending || n->order[at].nulls_first != w->nulls_first)
            return false;
        at++;
    }
    return true;
}

static bool has_wanted_order(const struct level *lv, const struct plan_node *n)
{
    return lv->wanted.count > 0 && order_satisfied(lv, &lv->wanted, n);
}

/* Does x come in every order of y that a merge could use? */
static bool has_merge_order(const struct level *lv, const struct plan_node *x,
                            const struct plan_node *y)
{
    for (size_t i = 0; i < y->order_count; i++) {
        const struct path_key *k = &y->order[i];

        if (!exprs_have(&lv->merge_exprs, k->expr))
            break;
        if (i == x->order_count || !expr_equal(x->order[i].expr, k->expr) ||
            x->order[i].descending != k->descending)
            return false;
    }
    return true;
}

static bool dominates(const struct level *lv, const struct plan_node *x, const struct plan_node *y)
{
    return x->total <= y->total && (lv->wanted_rows == 0 || x->startup <= y->startup) &&
           (has_wanted_order(lv, x) || !has_wanted_order(lv, y)) && has_merge_order(lv, x, y);
}

/* Ways that are neither the cheapest nor in the wanted order are kept for a later merge alone; a
 * few are enough, and more would make planning of many relations slow. */
enum { PATHS_MAX = 5 };

bool path_is_wanted(const struct level *lv, const struct path_set *s, const struct plan_node *n)
{
    bool cheapest = true;

    for (size_t i = 0; i < s->count; i++) {
        if (dominates(lv, s->paths[i], n))
            return false;
        cheapest &= n->total < s->paths[i]->total;
    }
    return s->count < PATHS_MAX || cheapest || has_wanted_order(lv, n);
}

void path_add(struct level *lv, struct path_set *s, struct plan_node *n)
{
    size_t kept = 0;

    if (!path_is_wanted(lv, s, n))
        return;
    for (size_t i = 0; i < s->count; i++) {
        if (!dominates(lv, n, s->paths[i]))
            s->paths[kept++] = s->paths[i];
    }
    s->count = kept;
    if (s->count == s->capacity) {
        size_t capacity = s->capacity == 0 ? 4 : s->capacity * 2;

        s->paths = arena_realloc(lv->p->a, s->paths, s->capacity * sizeof *s->paths,
                                 capacity * sizeof *s->paths);
        s->capacity = capacity;
    }
    s->paths[s->count++] = n;
}

struct plan_node *path_cheapest(const struct path_set *s)
{
    struct plan_node *best = s->paths[0];

    for (size_t i = 1; i < s->count; i++) {
        if (s->paths[i]->total < best->total)
            best = s->paths[i];
    }
    return best;
}

/* ---- rows ---------------------------------------------------------------------------------------
 */

double join_rows(struct level *lv, const struct join_args *j)
{
    double rows = j->left->rows * j->right->rows;

    for (size_t i = 0; i < j->clauses.count; i++)
        rows *= clause_selectivity(lv, j->clauses.items[i]);
    switch (j->kind) {
    case JOIN_LEFT:
        rows = MAX(rows, j->left->rows);
        break;
    case JOIN_FULL:
        rows = MAX(rows, j->left->rows + j->right->rows);
        break;
    case JOIN_SEMI:
        rows = j->left->rows * match_fraction(lv, j);
        break;
    case JOIN_ANTI:
        rows = j->left->rows * (1 - match_fraction(lv, j));
        break;
    default:
        break;
    }
    return rows < 1 ? 1 : rows;
}

/* ---- nested loops -------------------------------------------------------------------------------
 */

struct to_outer {
    struct level     *lv;
    uint64_t          rels;
    struct plan_node *join;
    size_t            capacity;
};

static int param_slot(struct to_outer *w, struct expr *e)
{
    struct plan_node *n = w->join;
    struct arena     *a = w->lv->p->a;

    for (size_t i = 0; i < n->join.param_count; i++) {
        if (expr_equal(n->join.param_values[i], e))
            return n->join.param_slots[i];
    }
    if (n->join.param_count == w->capacity) {
        size_t capacity = w->capacity == 0 ? 4 : w->capacity * 2;

        n->join.param_slots = arena_realloc(a, n->join.param_slots, w->capacity * sizeof(int),
                                            capacity * sizeof(int));
        n->join.param_values =
            arena_realloc(a, n->join.param_values, w->capacity * sizeof(struct expr *),
                          capacity * sizeof(struct expr *));
        w->capacity = capacity;
    }
    n->join.param_values[n->join.param_count] = plan_copy_expr(a, e);
    n->join.param_slots[n->join.param_count] = outer_slot_new(w->lv->p, w->lv, e);
    return n->join.param_slots[n->join.param_count++];
}

static bool to_outer_visit(struct expr **place, void *ctx)
{
    struct to_outer *w = ctx;
    struct expr     *e = *place, *outer;

    if (e->kind != EXPR_COLUMN)
        return plan_walk_children(e, to_outer_visit, ctx);
    if ((expr_rels(w->lv, e) & w->rels) == 0)
        return true;
    outer = expr_new(w->lv->p->a, EXPR_OUTER, e->type, e->typmod, e->location);
    outer->collation = e->collation;
    outer->outer.position = param_slot(w, e);
    *place = outer;
    return true;
}

/* Columns of the left side in the inner scan become values handed in for each row. */
static void parameterise(struct level *lv, struct plan_node *join, struct plan_node *scan,
                         uint64_t rels)
{
    struct to_outer w = {.lv = lv, .rels = rels, .join = join};

    for (size_t i = 0; i < scan->scan.bound_count; i++) {
        for (size_t k = 0; k < scan->scan.bounds[i].value_count; k++) {
            if (scan->scan.bounds[i].values[k] != NULL)
                to_outer_visit(&scan->scan.bounds[i].values[k], &w);
        }
    }
    if (scan->filter != NULL)
        to_outer_visit(&scan->filter, &w);
}

static struct plan_node *loop_node(struct level *lv, const struct join_args *j,
                                   struct plan_node *outer, struct plan_node *inner)
{
    struct plan_node *n = node_new(lv->p, PLAN_NESTED_LOOP);

    n->left = outer;
    n->right = inner;
    n->rels = j->left->rels | j->right->rels;
    n->rows = j->rows;
    n->join.kind = j->kind;
    n->order = outer->order;
    n->order_count = outer->order_count;
    n->startup = outer->startup + inner->startup + avoided(lv->p->c->settings.no_nestloop);
    return n;
}

static void add_param_loop(struct level *lv, const struct join_args *j, struct plan_node *outer,
                           struct path_set *out)
{
    struct rel       *r;
    struct plan_node *inner, *n;

    if (j->kind == JOIN_FULL || __builtin_popcountll(j->right->rels) != 1 || j->right_filtered)
        return;
    r = &lv->rels[__builtin_ctzll(j->right->rels)];
    inner = rel_param_path(lv, r, &j->clauses, j->left->rels);
    if (inner == NULL)
        return;
    n = loop_node(lv, j, outer, inner);
    n->total = outer->total + outer->rows * inner->total + j->rows * COST_OPERATOR +
               avoided(lv->p->c->settings.no_nestloop);
    parameterise(lv, n, inner, j->left->rels);
    path_add(lv, out, n);
}

static void add_lateral_loop(struct level *lv, const struct join_args *j, struct plan_node *outer,
                             struct path_set *out)
{
    struct rel       *r = &lv->rels[__builtin_ctzll(j->right->rels)];
    struct plan_node *inner = path_cheapest(j->right), *n = loop_node(lv, j, outer, inner);

    n->total = outer->total + outer->rows * inner->total + j->rows * COST_OPERATOR;
    n->join.condition = exprs_and(lv->p->a, &j->clauses);
    if (n->join.condition != NULL)
        n->join.condition = plan_copy_expr(lv->p->a, n->join.condition);
    if (j->kind == JOIN_LEFT && n->join.condition != NULL)
        n->order_count = 0; /* rows without a match come behind the others of their batch */
    n->join.param_count = r->lateral_count;
    n->join.param_slots = ARENA_ARRAY(lv->p->a, int, r->lateral_count);
    n->join.param_values = ARENA_ARRAY(lv->p->a, struct expr *, r->lateral_count);
    for (size_t i = 0; i < r->lateral_count; i++) {
        n->join.param_slots[i] = r->lateral[i].slot;
        n->join.param_values[i] = plan_copy_expr(lv->p->a, r->lateral[i].expr);
    }
    path_add(lv, out, n);
}

static void add_plain_loop(struct level *lv, const struct join_args *j, struct plan_node *outer,
                           struct path_set *out)
{
    struct plan_node *inner = path_cheapest(j->right), *kept, *n, probe = {0};

    if (j->kind == JOIN_FULL)
        return;
    probe.order = outer->order;
    probe.order_count = outer->order_count;
    probe.startup = outer->startup + inner->startup + avoided(lv->p->c->settings.no_nestloop);
    probe.total = outer->total + inner->total + avoided(lv->p->c->settings.no_nestloop) +
                  outer->rows * inner->rows * COST_OPERATOR * (double)(1 + j->clauses.count);
    if (!path_is_wanted(lv, out, &probe))
        return;
    kept = node_over(lv->p, PLAN_MATERIALIZE, inner);
    n = loop_node(lv, j, outer, kept);
    n->total = probe.total;
    n->join.condition = exprs_and(lv->p->a, &j->clauses);
    if (n->join.condition != NULL)
        n->join.condition = plan_copy_expr(lv->p->a, n->join.condition);
    if (j->kind == JOIN_LEFT && n->join.condition != NULL)
        n->order_count = 0;
    path_add(lv, out, n);
}

/* ---- hash joins ---------------------------------------------------------------------------------
 */

double avoided(bool off)
{
    return off ? COST_AVOIDED : 0;
}

bool join_key_sides(struct level *lv, const struct join_args *j, struct expr *e, struct expr **left,
                    struct expr **right)
{
    const struct type *l, *r;

    if (!is_equality(e, left, right) || !expr_is_stable(e))
        return false;
    if ((expr_rels(lv, *left) & ~j->left->rels) != 0) {
        struct expr *t = *left;

        *left = *right;
        *right = t;
    }
    if (expr_rels(lv, *left) == 0 || (expr_rels(lv, *left) & ~j->left->rels) != 0 ||
        expr_rels(lv, *right) == 0 || (expr_rels(lv, *right) & ~j->right->rels) != 0)
        return false;
    l = type_by_oid((*left)->type);
    r = type_by_oid((*right)->type);
    return l != NULL && r != NULL && l->compare != NULL && l->compare == r->compare;
}

static bool hash_clause(struct level *lv, const struct join_args *j, struct expr *e,
                        struct expr **left, struct expr **right)
{
    const struct type *l, *r;

    if (!join_key_sides(lv, j, e, left, right) || !e->call.op->can_hash)
        return false;
    l = type_by_oid((*left)->type);
    r = type_by_oid((*right)->type);
    return l->hash != NULL && l->hash == r->hash;
}

struct expr *shown_key(struct arena *a, const struct expr *clause, const struct expr *left)
{
    struct expr *e = plan_copy_expr(a, clause);

    if (!expr_equal(e->call.args[0], left)) {
        struct expr *t = e->call.args[0];

        e->call.args[0] = e->call.args[1];
        e->call.args[1] = t;
    }
    return e;
}

static void add_hash_join(struct level *lv, const struct join_args *j, struct path_set *out)
{
    struct arena     *a = lv->p->a;
    struct plan_node *outer = path_cheapest(j->left), *inner = path_cheapest(j->right), *n;
    struct exprs      left = {0}, right = {0}, rest = {0}, used = {0};

    for (size_t i = 0; i < j->clauses.count; i++) {
        struct expr *x, *y;

        if (hash_clause(lv, j, j->clauses.items[i], &x, &y)) {
            exprs_add(a, &left, plan_copy_expr(a, x));
            exprs_add(a, &right, plan_copy_expr(a, y));
            exprs_add(a, &used, shown_key(a, j->clauses.items[i], x));
        } else {
            exprs_add(a, &rest, plan_copy_expr(a, j->clauses.items[i]));
        }
    }
    if (left.count == 0)
        return;
    n = node_new(lv->p, PLAN_HASH_JOIN);
    n->left = outer;
    n->right = inner;
    n->rels = j->left->rels | j->right->rels;
    n->rows = j->rows;
    n->join.kind = j->kind;
    n->join.key_count = left.count;
    n->join.left_keys = left.items;
    n->join.right_keys = right.items;
    n->join.key_types = ARENA_ARRAY(a, const struct type *, left.count);
    for (size_t i = 0; i < left.count; i++)
        n->join.key_types[i] = type_by_oid(left.items[i]->type);
    n->join.condition = exprs_and(a, &rest);
    n->join.key_condition = exprs_and(a, &used);
    n->startup = outer->startup + inner->total + inner->rows * COST_HASH +
                 avoided(lv->p->c->settings.no_hashjoin);
    n->total = avoided(lv->p->c->settings.no_hashjoin) + outer->total + inner->total +
               (outer->rows + inner->rows) * COST_HASH +
               j->rows * COST_OPERATOR * (double)(1 + rest.count);
    path_add(lv, out, n);
}

/* ---- all ways -----------------------------------------------------------------------------------
 */

uint64_t lateral_needs(const struct level *lv, uint64_t rels)
{
    uint64_t needs = 0;

    for (size_t i = 0; i < lv->rel_count; i++) {
        if ((rels & (UINT64_C(1) << i)) != 0)
            needs |= lv->rels[i].lateral_rels;
    }
    return needs & ~rels;
}

void add_joins(struct level *lv, struct join_args *j, struct path_set *out)
{
    uint64_t needs = lateral_needs(lv, j->right->rels);

    j->rows = out->rows > 0 ? out->rows : join_rows(lv, j);
    if (out->rows == 0)
        out->rows = j->rows;
    if ((lateral_needs(lv, j->left->rels) & j->right->rels) != 0)
        return; /* the other way round only */
    for (size_t i = 0; i < j->left->count; i++) {
        if ((needs & j->left->rels) != 0) {
            if (__builtin_popcountll(j->right->rels) == 1)
                add_lateral_loop(lv, j, j->left->paths[i], out);
            continue;
        }
        add_param_loop(lv, j, j->left->paths[i], out);
        add_plain_loop(lv, j, j->left->paths[i], out);
    }
    if ((needs & j->left->rels) == 0) {
        add_hash_join(lv, j, out);
        add_merge_joins(lv, j, out);
    }
}

/* SEMI by going through the distinct values of the right side and looking each up on the left. */
void add_unique_semi(struct level *lv, const struct join_args *j, struct path_set *out)
{
    struct arena     *a = lv->p->a;
    struct exprs      keys = {0};
    struct plan_node *input = path_cheapest(j->right), *n;
    struct path_set   distinct = {.rels = j->right->rels, .rows = input->rows};
    struct join_args  turned = {
         .kind = JOIN_INNER, .left = &distinct, .right = j->left, .clauses = j->clauses};

    if (j->clauses.count == 0 || __builtin_popcountll(j->left->rels) != 1 ||
        lateral_needs(lv, j->right->rels) != 0)
        return;
    for (size_t i = 0; i < j->clauses.count; i++) {
        struct expr *x, *y;

        if (!hash_clause(lv, j, j->clauses.items[i], &x, &y) || x->type != y->type)
            return;
        y = expr_strip(y);
        if (y->kind != EXPR_COLUMN)
            return;
        exprs_add_new(a, &keys, y);
    }
    n = node_over(lv->p, PLAN_AGGREGATE, input);
    n->order_count = 0;
    n->aggregate.strategy = AGG_HASHED;
    n->aggregate.group_count = keys.count;
    n->aggregate.groups = ARENA_ARRAY(a, struct expr *, keys.count);
    n->aggregate.group_types = ARENA_ARRAY(a, const struct type *, keys.count);
    for (size_t i = 0; i < keys.count; i++) {
        n->aggregate.groups[i] = plan_copy_expr(a, keys.items[i]);
        n->aggregate.group_types[i] = type_by_oid(keys.items[i]->type);
    }
    n->startup = n->total = input->total + input->rows * COST_HASH;
    path_add(lv, &distinct, n);
    turned.rows = out->rows;
    add_param_loop(lv, &turned, n, out);
}
