/* In which order relations are joined: dynamic programming over the items of an inner-join group,
 * greedy beyond a few. Outer, semi- and anti-joins stay where the query puts them. */
#include <string.h>

#include "base/assert.h"
#include "sql/plan/joins_internal.h"

enum { DP_ITEMS_MAX = 9 };

/* Conditions that become checkable by joining l and r. */
static struct exprs clauses_between(struct level *lv, const struct exprs *quals, uint64_t l,
                                    uint64_t r)
{
    struct exprs out = {0};

    for (size_t i = 0; i < quals->count; i++) {
        uint64_t rels = expr_rels(lv, quals->items[i]);

        if (rels != 0 && (rels & ~(l | r)) == 0 && (rels & ~l) != 0 && (rels & ~r) != 0)
            exprs_add(lv->p->a, &out, quals->items[i]);
    }
    return out;
}

static bool is_connected(struct level *lv, const struct exprs *quals, uint64_t l, uint64_t r)
{
    if ((lateral_needs(lv, l) & r) != 0 || (lateral_needs(lv, r) & l) != 0)
        return true;
    for (size_t i = 0; i < quals->count; i++) {
        uint64_t rels = expr_rels(lv, quals->items[i]);

        if ((rels & ~(l | r)) == 0 && (rels & l) != 0 && (rels & r) != 0)
            return true;
    }
    return false;
}

static void join_both_ways(struct level *lv, const struct exprs *quals, const struct path_set *l,
                           const struct path_set *r, struct path_set *out)
{
    struct join_args j = {.kind = JOIN_INNER, .left = l, .right = r};

    out->rels = l->rels | r->rels;
    j.clauses = clauses_between(lv, quals, l->rels, r->rels);
    add_joins(lv, &j, out);
    j.left = r;
    j.right = l;
    add_joins(lv, &j, out);
}

static uint64_t items_rels(const struct path_set *items, uint32_t mask)
{
    uint64_t rels = 0;

    for (uint32_t m = mask; m != 0; m &= m - 1)
        rels |= items[__builtin_ctz(m)].rels;
    return rels;
}

/* All splits of `mask`; with `connected` only those that a condition ties together. */
static void join_splits(struct level *lv, const struct exprs *quals, struct path_set *table,
                        uint32_t mask, bool connected)
{
    uint32_t lowest = mask & -mask;

    for (uint32_t l = (mask - 1) & mask; l != 0; l = (l - 1) & mask) {
        uint32_t r = mask ^ l;

        if ((l & lowest) == 0 || table[l].count == 0 || table[r].count == 0)
            continue; /* each split once */
        if (connected && !is_connected(lv, quals, table[l].rels, table[r].rels))
            continue;
        join_both_ways(lv, quals, &table[l], &table[r], &table[mask]);
    }
}

static void dynamic_programming(struct level *lv, const struct exprs *quals,
                                const struct path_set *items, size_t count, struct path_set *out)
{
    uint32_t         full = (uint32_t)((1u << count) - 1);
    struct path_set *table = ARENA_ARRAY(lv->p->a, struct path_set, full + 1u);

    for (size_t i = 0; i < count; i++)
        table[1u << i] = items[i];
    for (uint32_t mask = 1; mask <= full; mask++) {
        if ((mask & (mask - 1)) == 0)
            continue;
        table[mask].rels = items_rels(items, mask);
        join_splits(lv, quals, table, mask, true);
        /* Cross products only where nothing ties the whole together. */
        if (table[mask].count == 0 && mask == full)
            join_splits(lv, quals, table, mask, false);
    }
    *out = table[full];
}

/* Join the pair that gives the fewest rows until one set is left; pairs tied by a condition first.
 */
static void greedy(struct level *lv, const struct exprs *quals, struct path_set *items,
                   size_t count, struct path_set *out)
{
    while (count > 1) {
        size_t best_l = 0, best_r = 1;
        double best = -1;
        bool   best_connected = false;

        for (size_t l = 0; l < count; l++) {
            for (size_t r = l + 1; r < count; r++) {
                bool             connected = is_connected(lv, quals, items[l].rels, items[r].rels);
                struct join_args j = {.kind = JOIN_INNER, .left = &items[l], .right = &items[r]};

                if (best >= 0 && best_connected && !connected)
                    continue;
                if ((lateral_needs(lv, items[l].rels | items[r].rels) & ~0ull) != 0 && !connected)
                    continue;
                j.clauses = clauses_between(lv, quals, items[l].rels, items[r].rels);
                double rows = join_rows(lv, &j);

                if (best < 0 || (connected && !best_connected) || rows < best) {
                    best = rows;
                    best_l = l;
                    best_r = r;
                    best_connected = connected;
                }
            }
        }
        struct path_set joined = {0};

        join_both_ways(lv, quals, &items[best_l], &items[best_r], &joined);
        if (joined.count == 0)
            break; /* LATERAL allows no such pair; the caller says so */
        items[best_l] = joined;
        memmove(&items[best_r], &items[best_r + 1], (count - best_r - 1) * sizeof *items);
        count--;
    }
    *out = count == 1 ? items[0] : (struct path_set){0};
}

/* ---- conditions above ---------------------------------------------------------------------------
 */

/* Conditions without relations are asked once; volatile ones for each row. */
static void apply_rest(struct level *lv, const struct exprs *quals, uint64_t only_rels,
                       struct path_set *s)
{
    struct exprs gates = {0}, filters = {0};

    for (size_t i = 0; i < quals->count; i++) {
        struct expr *e = quals->items[i];
        uint64_t     rels = expr_rels(lv, e);

        if (rels == 0 && expr_is_stable(e))
            exprs_add(lv->p->a, &gates, e);
        else if (rels == 0 || only_rels != 0)
            exprs_add(lv->p->a, &filters, e);
    }
    for (size_t i = 0; i < s->count; i++) {
        struct plan_node *n = s->paths[i];

        if (filters.count > 0) {
            n->filter = expr_and(lv->p->a, n->filter,
                                 plan_copy_expr(lv->p->a, exprs_and(lv->p->a, &filters)));
            n->total += n->rows * COST_OPERATOR * (double)filters.count;
            n->rows = MAX(1, n->rows * selectivity(lv, exprs_and(lv->p->a, &filters)));
        }
        if (gates.count > 0) {
            n = node_over(lv->p, PLAN_RESULT, n);
            n->result.gate = plan_copy_expr(lv->p->a, exprs_and(lv->p->a, &gates));
            s->paths[i] = n;
        }
    }
}

static status plan_group(struct level *lv, struct join_node *n, struct path_set *out)
{
    struct path_set *items = ARENA_ARRAY(lv->p->a, struct path_set, n->count);

    for (size_t i = 0; i < n->count; i++)
        TRY_RETURN(plan_join_tree(lv, n->items[i], &items[i]));
    if (n->count == 1)
        *out = items[0];
    else if (n->count <= DP_ITEMS_MAX)
        dynamic_programming(lv, &n->quals, items, n->count, out);
    else
        greedy(lv, &n->quals, items, n->count, out);
    /* Sets that no condition ties to the rest: DP leaves them out of its connected splits. */
    if (out->count == 0)
        greedy(lv, &n->quals, items, n->count, out);
    if (out->count == 0)
        return status_new(ST_FEATURE_NOT_SUPPORTED,
                          "LATERAL references that go round between relations are not supported");
    apply_rest(lv, &n->quals, 0, out);
    return STATUS_OK;
}

static status plan_outer(struct level *lv, struct join_node *n, struct path_set *out)
{
    struct path_set  left = {0}, right = {0};
    struct join_args j = {.kind = n->join, .left = &left, .right = &right, .clauses = n->on};

    TRY_RETURN(plan_join_tree(lv, n->left, &left));
    TRY_RETURN(plan_join_tree(lv, n->right, &right));
    j.right_filtered = n->right->quals.count > 0;
    out->rels = n->rels;
    add_joins(lv, &j, out);
    if (n->join == JOIN_SEMI)
        add_unique_semi(lv, &j, out);
    if (out->count == 0 && n->join == JOIN_FULL)
        return status_new(ST_FEATURE_NOT_SUPPORTED,
                          "FULL JOIN is only supported with merge-joinable or hash-joinable join "
                          "conditions");
    if (out->count == 0)
        return status_new(ST_FEATURE_NOT_SUPPORTED,
                          "LATERAL is not supported in this kind of join");
    apply_rest(lv, &n->quals, n->rels, out);
    return STATUS_OK;
}

status plan_join_tree(struct level *lv, struct join_node *n, struct path_set *out)
{
    switch (n->kind) {
    case JN_REL:
        TRY_RETURN(rel_paths(lv, &lv->rels[n->rel], out));
        apply_rest(lv, &n->quals, 0, out);
        return STATUS_OK;
    case JN_GROUP:
        return plan_group(lv, n, out);
    case JN_JOIN:
        return plan_outer(lv, n, out);
    }
    UNREACHABLE();
}
