/* Versions that nobody can read any more, taken out of a tree. */
#include "base/codec.h"
#include "storage/tree.h"

/* One pass over a span; decides about one version after the other. */
struct gc {
    hlc_ts     threshold;
    bool       tombstones_too;
    struct buf key;      /* of the version at hand */
    bool       has_kept; /* that key's newest version at or below the threshold was met */
    struct buf drop;     /* entries of key size, key, timestamp */
    uint64_t   dropped;
};

static void set_key(struct gc *g, const struct page *p, unsigned pos)
{
    buf_reset(&g->key);
    buf_append_slice(&g->key, page_prefix(p));
    buf_append_slice(&g->key, page_suffix(p, pos));
}

static bool is_garbage(struct gc *g, const struct page *p, unsigned pos)
{
    if (page_ts(p, pos) > g->threshold)
        return false;
    if (g->has_kept)
        return true;
    if ((page_info(p, pos) & PAGE_CLEARED) != 0)
        return false; /* no version: the newest one is still to come */
    g->has_kept = true;
    /* Nothing older can show once everything below the tombstone goes too. */
    return g->tombstones_too && (page_info(p, pos) & PAGE_TOMBSTONE) != 0;
}

/* Up to `budget` versions; the span's next key goes to *resume. Stops at a key's first version
 * only, so that no call begins in the middle of one. */
static void collect(struct gc *g, struct tree_cursor *c, slice end, uint64_t budget,
                    struct buf *resume)
{
    for (uint64_t seen = 0; c->valid; seen++, tree_cursor_next(c)) {
        const struct page *p = tree_cursor_page(c);
        unsigned           pos = tree_cursor_pos(c);

        if (seen == 0 || !page_key_is(p, pos, buf_slice(&g->key))) {
            set_key(g, p, pos);
            g->has_kept = false;
            if (end.size > 0 && slice_cmp(buf_slice(&g->key), end) >= 0)
                return;
            if (seen >= budget) {
                buf_append_slice(resume, buf_slice(&g->key));
                return;
            }
        }
        if (is_garbage(g, p, pos)) {
            buf_put_u32le(&g->drop, (uint32_t)g->key.size);
            buf_append_slice(&g->drop, buf_slice(&g->key));
            buf_put_u64le(&g->drop, page_ts(p, pos));
            g->dropped++;
        }
    }
}

static void drop_collected(struct tree *t, slice drop)
{
    while (drop.size > 0) {
        slice key = slice_make(drop.data + 4, get_u32le(drop.data));

        drop = slice_from(drop, 4 + key.size);
        (void)tree_remove(t, key, get_u64le(drop.data));
        drop = slice_from(drop, 8);
    }
}

uint64_t tree_drop_garbage(struct tree *t, slice start, slice end, hlc_ts threshold,
                           bool tombstones_too, uint64_t budget, struct buf *resume)
{
    struct gc          g = {.threshold = threshold, .tombstones_too = tombstones_too};
    struct tree_cursor c;

    buf_init(&g.key, t->pool->heap);
    buf_init(&g.drop, t->pool->heap);
    tree_cursor_init(&c, t->root);
    tree_cursor_seek(&c, start, HLC_TS_MAX);
    collect(&g, &c, end, budget, resume);
    drop_collected(t, buf_slice(&g.drop));
    buf_deinit(&g.drop);
    buf_deinit(&g.key);
    return g.dropped;
}
