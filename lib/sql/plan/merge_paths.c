/* Merge joins: two inputs in the order of the join keys, by an index, by what lies below, or by a
 * sort. */
#include <string.h>

#include "base/assert.h"
#include "sql/plan/joins_internal.h"

enum { MERGE_KEYS_MAX = 8 };

struct merge_key {
    struct expr *clause, *left, *right;
    bool         descending, nulls_first;
};

struct merge {
    struct level           *lv;
    const struct join_args *j;
    struct path_set        *out;
    size_t                  count; /* equalities that can be keys */
    struct merge_key        all[MERGE_KEYS_MAX];
    size_t                  key_count; /* those chosen, in their order */
    struct merge_key        keys[MERGE_KEYS_MAX];
};

static void find_keys(struct merge *m)
{
    for (size_t i = 0; i < m->j->clauses.count && m->count < MERGE_KEYS_MAX; i++) {
        struct merge_key *k = &m->all[m->count];

        k->clause = m->j->clauses.items[i];
        if (join_key_sides(m->lv, m->j, k->clause, &k->left, &k->right) &&
            k->clause->call.op->can_merge)
            m->count++;
    }
}

static struct expr *side_of(const struct merge_key *k, bool left)
{
    return left ? k->left : k->right;
}

static bool is_chosen(const struct merge *m, const struct merge_key *k)
{
    for (size_t i = 0; i < m->key_count; i++) {
        if (m->keys[i].clause == k->clause)
            return true;
    }
    return false;
}

/* The equality that has `e` on the given side and is no key yet. */
static const struct merge_key *key_with(const struct merge *m, const struct expr *e, bool left,
                                        bool or_other)
{
    for (size_t i = 0; i < m->count; i++) {
        const struct merge_key *k = &m->all[i];

        if (!is_chosen(m, k) &&
            (expr_equal(side_of(k, left), e) || (or_other && expr_equal(side_of(k, !left), e))))
            return k;
    }
    return NULL;
}

static void choose(struct merge *m, const struct merge_key *k, const struct path_key *order)
{
    struct merge_key *to = &m->keys[m->key_count++];

    *to = *k;
    to->descending = order != NULL && order->descending;
    to->nulls_first = order != NULL && order->nulls_first;
}

/* The keys as far as the rows of `n`, on that side, come in their order. */
static void choose_by_path(struct merge *m, const struct plan_node *n, bool left)
{
    m->key_count = 0;
    for (size_t i = 0; i < n->order_count; i++) {
        const struct merge_key *k = key_with(m, n->order[i].expr, left, false);

        if (k == NULL && exprs_have(&m->lv->bound, n->order[i].expr))
            continue; /* the same in all rows */
        if (k == NULL)
            return;
        choose(m, k, &n->order[i]);
    }
}

/* All keys, those first that the level would like its rows ordered by. */
static void choose_by_wish(struct merge *m)
{
    const struct path_keys *w = &m->lv->wanted;

    m->key_count = 0;
    for (size_t i = 0; i < w->count; i++) {
        const struct merge_key *k = key_with(m, w->keys[i].expr, true, m->j->kind == JOIN_INNER);

        if (k == NULL)
            break;
        choose(m, k, &w->keys[i]);
    }
    for (size_t i = 0; i < m->count; i++) {
        if (!is_chosen(m, &m->all[i]))
            choose(m, &m->all[i], NULL);
    }
}

/* How many leading keys the node's rows are ordered by. Rows with a null in a key match nothing and
 * are set aside, so where nulls stand does not matter. */
static size_t keys_in_order(const struct merge *m, const struct plan_node *n, bool left)
{
    size_t at = 0, i = 0;

    for (; i < m->key_count; i++, at++) {
        struct expr *e = side_of(&m->keys[i], left);

        while (at < n->order_count && !expr_equal(n->order[at].expr, e) &&
               exprs_have(&m->lv->bound, n->order[at].expr))
            at++;
        if (at == n->order_count || !expr_equal(n->order[at].expr, e) ||
            n->order[at].descending != m->keys[i].descending)
            break;
    }
    return i;
}

static struct plan_node *sorted(struct merge *m, struct plan_node *n, bool left)
{
    struct path_keys keys = {.count = m->key_count};

    keys.keys = ARENA_ARRAY(m->lv->p->a, struct path_key, m->key_count);
    for (size_t i = 0; i < m->key_count; i++)
        keys.keys[i] = (struct path_key){.expr = side_of(&m->keys[i], left),
                                         .descending = m->keys[i].descending,
                                         .nulls_first = m->keys[i].nulls_first};
    return sort_node(m->lv, n, &keys);
}

/* ---- nodes --------------------------------------------------------------------------------------
 */

static struct exprs rest_of(const struct merge *m, size_t key_count)
{
    struct exprs rest = {0};

    for (size_t i = 0; i < m->j->clauses.count; i++) {
        bool is_key = false;

        for (size_t k = 0; k < key_count; k++)
            is_key |= m->keys[k].clause == m->j->clauses.items[i];
        if (!is_key)
            exprs_add(m->lv->p->a, &rest, plan_copy_expr(m->lv->p->a, m->j->clauses.items[i]));
    }
    return rest;
}

static void fill_join(struct merge *m, struct plan_node *n, size_t key_count)
{
    struct arena *a = m->lv->p->a;
    struct exprs  used = {0}, rest = rest_of(m, key_count);

    n->rels = m->j->left->rels | m->j->right->rels;
    n->join.kind = m->j->kind;
    n->join.key_count = key_count;
    n->join.left_keys = ARENA_ARRAY(a, struct expr *, key_count);
    n->join.right_keys = ARENA_ARRAY(a, struct expr *, key_count);
    n->join.key_types = ARENA_ARRAY(a, const struct type *, key_count);
    n->join.descending = ARENA_ARRAY(a, bool, key_count);
    for (size_t i = 0; i < key_count; i++) {
        n->join.left_keys[i] = plan_copy_expr(a, m->keys[i].left);
        n->join.right_keys[i] = plan_copy_expr(a, m->keys[i].right);
        n->join.key_types[i] = type_by_oid(m->keys[i].left->type);
        n->join.descending[i] = m->keys[i].descending;
        exprs_add(a, &used, shown_key(a, m->keys[i].clause, m->keys[i].left));
    }
    n->join.condition = exprs_and(a, &rest);
    n->join.key_condition = exprs_and(a, &used);
}

/* Both inputs are in the order of the first `key_count` keys. */
static void add_join(struct merge *m, struct plan_node *outer, struct plan_node *inner,
                     size_t key_count)
{
    bool              off = m->lv->p->c->settings.no_mergejoin;
    double            pairs = outer->rows * inner->rows;
    size_t            rest = m->j->clauses.count - key_count;
    struct plan_node *n, probe = {.rows = m->j->rows};

    for (size_t i = 0; i < key_count; i++)
        pairs *= clause_selectivity(m->lv, m->keys[i].clause);
    pairs = MAX(pairs, m->j->rows);
    probe.startup = outer->startup + inner->startup + avoided(off);
    probe.total =
        outer->total + inner->total + avoided(off) +
        (outer->rows + inner->rows) * COST_OPERATOR * (1 + 0.1 * (double)(key_count - 1)) +
        pairs * COST_OPERATOR * (double)(1 + rest);
    if (m->j->kind != JOIN_FULL) {
        probe.order = outer->order;
        probe.order_count = outer->order_count;
    }
    if (!path_is_wanted(m->lv, m->out, &probe))
        return;
    n = node_new(m->lv->p, PLAN_MERGE_JOIN);
    n->left = outer;
    n->right = inner;
    n->rows = probe.rows;
    n->startup = probe.startup;
    n->total = probe.total;
    n->order = probe.order;
    n->order_count = probe.order_count;
    fill_join(m, n, key_count);
    path_add(m->lv, m->out, n);
}

/* `n` gives the order; the other side has it as well, or is sorted. */
static void add_with_order_of(struct merge *m, struct plan_node *n, bool left)
{
    const struct path_set *others = left ? m->j->right : m->j->left;
    struct plan_node      *other;

    choose_by_path(m, n, left);
    if (m->key_count == 0)
        return;
    for (size_t i = 0; i < others->count; i++) {
        size_t count;

        other = others->paths[i];
        count = keys_in_order(m, other, !left);
        if (count > 0 && left) /* the other way round gives the same joins */
            add_join(m, n, other, count);
    }
    other = sorted(m, path_cheapest(others), !left);
    if (left)
        add_join(m, n, other, m->key_count);
    else
        add_join(m, other, n, m->key_count);
}

void add_merge_joins(struct level *lv, const struct join_args *j, struct path_set *out)
{
    struct merge m = {.lv = lv, .j = j, .out = out};

    find_keys(&m);
    if (m.count == 0)
        return;
    for (size_t i = 0; i < j->left->count; i++)
        add_with_order_of(&m, j->left->paths[i], true);
    for (size_t i = 0; i < j->right->count; i++)
        add_with_order_of(&m, j->right->paths[i], false);
    choose_by_wish(&m);
    add_join(&m, sorted(&m, path_cheapest(j->left), true),
             sorted(&m, path_cheapest(j->right), false), m.key_count);
}
