/* Cycles: the strongly connected components of the graph (Tarjan 1972), and in each the shortest
 * cycle of the worst kind. */
#include "base/assert.h"
#include "client/elle_internal.h"

struct tarjan {
    struct elle       *e;
    uint32_t          *index, *low, *component; /* index 0: not visited */
    uint32_t          *stack, *call;
    struct elle_edge **at; /* next edge of each transaction on the call stack */
    size_t             stack_size, call_size;
    uint32_t           next_index, component_count;
};

static void enter(struct tarjan *t, uint32_t v)
{
    t->index[v] = t->low[v] = ++t->next_index;
    t->at[v] = t->e->edges[v];
    t->stack[t->stack_size++] = v;
    t->call[t->call_size++] = v;
}

static void leave(struct tarjan *t, uint32_t v)
{
    t->call_size--;
    if (t->call_size > 0) {
        uint32_t caller = t->call[t->call_size - 1];

        t->low[caller] = MIN(t->low[caller], t->low[v]);
    }
    if (t->low[v] != t->index[v])
        return;
    t->component_count++;
    for (uint32_t w = ELLE_NONE; w != v;) {
        w = t->stack[--t->stack_size];
        t->component[w] = t->component_count;
    }
}

/* Without recursion: histories are longer than stacks. */
static void visit(struct tarjan *t, uint32_t root)
{
    enter(t, root);
    while (t->call_size > 0) {
        uint32_t          v = t->call[t->call_size - 1];
        struct elle_edge *edge = t->at[v];

        if (edge == NULL) {
            leave(t, v);
            continue;
        }
        t->at[v] = edge->next;
        if (t->index[edge->to] == 0)
            enter(t, edge->to);
        else if (t->component[edge->to] == 0)
            t->low[v] = MIN(t->low[v], t->index[edge->to]);
    }
}

static uint32_t *components(struct elle *e, uint32_t *count)
{
    struct arena *a = e->scratch;
    struct tarjan t = {
        .e = e,
        .index = ARENA_ARRAY(a, uint32_t, e->count + 1),
        .low = ARENA_ARRAY(a, uint32_t, e->count + 1),
        .component = ARENA_ARRAY(a, uint32_t, e->count + 1),
        .stack = ARENA_ARRAY(a, uint32_t, e->count + 1),
        .call = ARENA_ARRAY(a, uint32_t, e->count + 1),
        .at = ARENA_ARRAY(a, struct elle_edge *, e->count + 1),
    };

    for (uint32_t v = 0; v < e->count; v++) {
        if (t.index[v] == 0)
            visit(&t, v);
    }
    *count = t.component_count;
    return t.component;
}

/* ---- shortest cycles ----------------------------------------------------------------------------
 */

struct search {
    struct elle       *e;
    const uint32_t    *component;
    uint32_t          *from; /* by transaction: who reached it; ELLE_NONE */
    struct elle_edge **by;
    uint32_t          *queue;
    uint32_t          *length;
};

/* Shortest path from `start` to `goal` inside their component over edges of the kinds; its length,
 * or 0. */
static uint32_t shortest(struct search *s, uint32_t start, uint32_t goal, unsigned kinds)
{
    size_t head = 0, tail = 0;

    for (size_t i = 0; i < s->e->count; i++)
        s->from[i] = ELLE_NONE;
    s->length[start] = 0;
    s->queue[tail++] = start;
    while (head < tail) {
        uint32_t v = s->queue[head++];

        for (struct elle_edge *edge = s->e->edges[v]; edge != NULL; edge = edge->next) {
            if ((kinds & BIT(edge->kind)) == 0 || s->component[edge->to] != s->component[start] ||
                (s->from[edge->to] != ELLE_NONE || (edge->to == start && edge->to != goal)))
                continue;
            s->from[edge->to] = v;
            s->by[edge->to] = edge;
            s->length[edge->to] = s->length[v] + 1;
            if (edge->to == goal)
                return s->length[v] + 1;
            s->queue[tail++] = edge->to;
        }
    }
    return 0;
}

static void print_edge(struct buf *out, uint32_t from, const struct elle_edge *edge)
{
    static const char *const names[EDGE_KINDS] = {"ww", "wr", "rw", "rt"};

    buf_printf(out, "T%u -%s", from, names[edge->kind]);
    if (edge->kind != EDGE_RT)
        buf_printf(out, "(key %llu, %llu)", (unsigned long long)edge->key,
                   (unsigned long long)edge->value);
    buf_append_cstr(out, "-> ");
}

/* The cycle that begins with `first` (NULL: none) and goes on from its end along the path just
 * found. */
static void print_cycle(struct search *s, uint32_t start, uint32_t goal, uint32_t length,
                        uint32_t first_from, const struct elle_edge *first)
{
    struct buf *out = s->e->report;
    uint32_t   *path;
    uint32_t    v = goal;

    if (out == NULL)
        return;
    path = ARENA_ARRAY(s->e->scratch, uint32_t, length + 1);
    for (uint32_t i = length; i-- > 0; v = s->from[v])
        path[i] = v;
    if (first != NULL)
        print_edge(out, first_from, first);
    v = start;
    for (uint32_t i = 0; i < length; i++) {
        print_edge(out, v, s->by[path[i]]);
        v = path[i];
    }
    buf_printf(out, "T%u\n", v);
}

/* A cycle over `kinds` that begins with an edge of kind `first`, if it must. The shortest is
 * reported. */
static bool report_cycle(struct search *s, uint32_t component, enum elle_anomaly anomaly,
                         enum elle_edge_kind first, unsigned kinds)
{
    uint32_t          best_from = ELLE_NONE, best_length = UINT32_MAX;
    struct elle_edge *best = NULL;

    for (uint32_t v = 0; v < s->e->count; v++) {
        if (s->component[v] != component)
            continue;
        for (struct elle_edge *edge = s->e->edges[v]; edge != NULL; edge = edge->next) {
            uint32_t length;

            if (edge->kind != first || s->component[edge->to] != component)
                continue;
            length = shortest(s, edge->to, v, kinds);
            if (length > 0 && length < best_length) {
                best = edge;
                best_from = v;
                best_length = length;
            }
        }
    }
    if (best == NULL)
        return false;
    elle_found(s->e, anomaly);
    best_length = shortest(s, best->to, best_from, kinds);
    print_cycle(s, best->to, best_from, best_length, best_from, best);
    return true;
}

/* The worst kind of cycle that the component holds. Real-time edges are free: they may appear in
 * each. */
static void report_component(struct search *s, uint32_t component)
{
    unsigned rt = s->e->realtime ? BIT(EDGE_RT) : 0;
    unsigned ww = BIT(EDGE_WW) | rt, wr = ww | BIT(EDGE_WR);

    if (report_cycle(s, component, ELLE_G0, EDGE_WW, ww) ||
        report_cycle(s, component, ELLE_G1C, EDGE_WR, wr) ||
        report_cycle(s, component, ELLE_G_SINGLE, EDGE_RW, wr))
        return;
    report_cycle(s, component, ELLE_G2_ITEM, EDGE_RW, wr | BIT(EDGE_RW));
}

void elle_find_cycles(struct elle *e)
{
    uint32_t      count;
    uint32_t     *component = components(e, &count);
    uint32_t     *sizes = ARENA_ARRAY(e->scratch, uint32_t, count + 1);
    struct search s = {
        .e = e,
        .component = component,
        .from = ARENA_ARRAY(e->scratch, uint32_t, e->count + 1),
        .by = ARENA_ARRAY(e->scratch, struct elle_edge *, e->count + 1),
        .queue = ARENA_ARRAY(e->scratch, uint32_t, e->count + 1),
        .length = ARENA_ARRAY(e->scratch, uint32_t, e->count + 1),
    };

    for (size_t v = 0; v < e->count; v++)
        sizes[component[v]]++;
    for (uint32_t c = 1; c <= count; c++) {
        if (sizes[c] > 1)
            report_component(&s, c);
    }
}
