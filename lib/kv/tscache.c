/* Spans are kept as boundaries: the node of key k holds what was read in [k, key of the next node).
 * A span adds its two ends, each inheriting what stood there, and raises all in between. */
#include "kv/tscache.h"

#include "base/arena.h"
#include "base/assert.h"
#include "kv/keymap.h"

struct page {
    struct arena *arena;
    struct keymap map;
    hlc_ts        max;
};

struct tscache {
    struct heap          *heap;
    hlc_ts                low_water;
    hlc_ts                point_max;
    uint32_t              point_mask;
    uint32_t              page_spans;
    struct page           current, previous;
    struct tscache_entry *points;
};

static void page_init(struct tscache *c, struct page *p)
{
    p->arena = arena_new(c->heap, NULL);
    p->max = 0;
    keymap_init(&p->map, p->arena);
}

static void page_reset(struct page *p)
{
    arena_reset(p->arena);
    p->max = 0;
    keymap_init(&p->map, p->arena);
}

struct tscache *tscache_new(struct heap *heap, hlc_ts low_water,
                            const struct tscache_options *options)
{
    struct tscache *c = heap_must_alloc(heap, 1, sizeof *c);
    uint32_t slots = options != NULL && options->point_slots != 0 ? options->point_slots : 65536;

    ASSERT((slots & (slots - 1)) == 0);
    c->heap = heap;
    c->low_water = low_water;
    c->point_mask = slots - 1;
    c->page_spans = options != NULL && options->page_spans != 0 ? options->page_spans : 8192;
    c->points = heap_must_alloc(heap, slots, sizeof *c->points);
    page_init(c, &c->current);
    page_init(c, &c->previous);
    return c;
}

void tscache_free(struct tscache *c)
{
    if (c == NULL)
        return;
    arena_free(c->current.arena);
    arena_free(c->previous.arena);
    heap_free(c->points);
    heap_free(c);
}

static struct tscache_entry merge(struct tscache_entry a, struct tscache_entry b)
{
    if (a.ts != b.ts)
        return a.ts > b.ts ? a : b;
    /* Read at the same timestamp by two: it belongs to neither (T5). */
    if (a.owner != b.owner)
        a.owner = 0;
    return a;
}

void tscache_add_point(struct tscache *c, uint64_t hash, hlc_ts ts, uint64_t owner)
{
    struct tscache_entry *e = &c->points[hash & c->point_mask];

    *e = merge(*e, (struct tscache_entry){ts, owner});
    c->point_max = MAX(c->point_max, ts);
}

static struct tscache_entry node_get(const struct keymap_node *n)
{
    if (n == NULL)
        return (struct tscache_entry){0, 0};
    return (struct tscache_entry){n->value.number, n->value2};
}

static void node_set(struct keymap_node *n, struct tscache_entry e)
{
    n->value.number = e.ts;
    n->value2 = e.owner;
}

/* The node of boundary `key`, with what the span it falls into held. */
static struct keymap_node *boundary(struct page *p, slice key)
{
    size_t              count = p->map.count;
    struct keymap_node *n = keymap_add(&p->map, key);

    if (p->map.count > count)
        node_set(n, node_get(keymap_before(&p->map, key)));
    return n;
}

static void rotate(struct tscache *c)
{
    struct page full = c->current;

    c->low_water = MAX(c->low_water, c->previous.max);
    c->current = c->previous;
    page_reset(&c->current);
    c->previous = full;
    /* The maps point to their page's arena, not to the page, so moving them is safe. */
}

void tscache_add_span(struct tscache *c, slice start, slice end, hlc_ts ts, uint64_t owner)
{
    struct page        *p = &c->current;
    struct keymap_node *n, *stop;

    if (ts <= c->low_water)
        return;
    if (p->map.count + 2 > c->page_spans)
        rotate(c);
    /* The end first: a boundary at the end must inherit what was there before. */
    stop = end.size > 0 ? boundary(p, end) : NULL;
    for (n = boundary(p, start); n != stop && n != NULL; n = keymap_next(n))
        node_set(n, merge(node_get(n), (struct tscache_entry){ts, owner}));
    p->max = MAX(p->max, ts);
}

void tscache_raise(struct tscache *c, hlc_ts ts)
{
    c->low_water = MAX(c->low_water, ts);
}

static struct tscache_entry page_span(const struct page *p, slice start, slice end)
{
    struct tscache_entry e = {0, 0};
    struct keymap_node  *n;

    if (p->map.count == 0)
        return e;
    n = keymap_before(&p->map, start);
    e = node_get(n);
    for (n = n == NULL ? keymap_first(&p->map) : keymap_next(n);
         n != NULL && (end.size == 0 || slice_cmp(keymap_key(n), end) < 0); n = keymap_next(n)) {
        /* A boundary at `start` replaces what precedes it. */
        if (slice_eq(keymap_key(n), start))
            e = node_get(n);
        else
            e = merge(e, node_get(n));
    }
    return e;
}

static struct tscache_entry page_point(const struct page *p, slice key)
{
    struct keymap_node *n;

    if (p->map.count == 0)
        return (struct tscache_entry){0, 0};
    n = keymap_before(&p->map, key);
    struct keymap_node *next = n == NULL ? keymap_first(&p->map) : keymap_next(n);

    if (next != NULL && slice_eq(keymap_key(next), key))
        n = next;
    return node_get(n);
}

struct tscache_entry tscache_point(const struct tscache *c, slice key, uint64_t hash)
{
    struct tscache_entry e = {c->low_water, 0};

    e = merge(e, c->points[hash & c->point_mask]);
    e = merge(e, page_point(&c->current, key));
    return merge(e, page_point(&c->previous, key));
}

struct tscache_entry tscache_span(const struct tscache *c, slice start, slice end)
{
    struct tscache_entry e = {MAX(c->low_water, c->point_max), 0};

    e = merge(e, page_span(&c->current, start, end));
    return merge(e, page_span(&c->previous, start, end));
}

hlc_ts tscache_max(const struct tscache *c)
{
    return MAX(MAX(c->low_water, c->point_max), MAX(c->current.max, c->previous.max));
}
