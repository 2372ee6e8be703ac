/* lib/storage/tree.h: the copy-on-write B+tree of the memory engine. For files of lib/storage only.
 *
 * Keys with timestamps in, values out; see page.h for the layout. A root that somebody keeps is a
 * snapshot: the tree copies what it changes below it, once, so that taking a snapshot costs nothing
 * and a long reader costs at most what is written meanwhile. One thread.
 *
 * Invariants (tree_check): all leaves have level 0 and the same depth; entries are strictly sorted
 * within a page, and between neighbours; a separator is above all entries left of it and at or
 * below all right of it, but that of a page's first child says nothing; no page but an empty root
 * is empty. */
#ifndef LINERA_STORAGE_TREE_H
#define LINERA_STORAGE_TREE_H

#include "base/buf.h"
#include "storage/page.h"

enum { TREE_DEPTH_MAX = 16 };

struct tree {
    struct page_pool *pool;
    struct page      *root; /* NULL when empty */
    uint64_t          entries;
    struct page_item *scratch_items; /* for rebuilding pages */
    size_t            scratch_capacity;
    struct buf        scratch_keys;
    struct buf        separators[2]; /* of the level being split, and of the one before */
    struct buf        least;
};

void tree_init(struct tree *t, struct page_pool *pool);
void tree_deinit(struct tree *t);

/* Add the version, or replace it. `value` is copied; `flags` is 0, PAGE_TOMBSTONE or PAGE_CLEARED.
 */
void tree_put(struct tree *t, slice key, hlc_ts ts, slice value, uint32_t flags);
/* Take the version out; false when it is not there. */
bool tree_remove(struct tree *t, slice key, hlc_ts ts);
/* Take all versions of keys in [start, end) out; an empty end: no upper end. */
void tree_clear(struct tree *t, slice start, slice end);

/* Take out the versions in [start, end) that no read at or above `threshold` sees: of each key all
 * older than the newest at or below it; with `tombstones_too` that one too when it is a tombstone,
 * which needs the tree to hold all there is of the key. Looks at up to `budget` versions, and then
 * appends the key to go on at to *resume. Returns how many were taken out. */
uint64_t tree_drop_garbage(struct tree *t, slice start, slice end, hlc_ts threshold,
                           bool tombstones_too, uint64_t budget, struct buf *resume);

/* The current root with one more reference, NULL when empty; tree_release() gives it back. */
struct page *tree_pin(const struct tree *t);
void         tree_release(struct tree *t, struct page *root);

/* The first entry at or above (key, ts) in the tree below `root`; false when there is none. */
bool tree_find(const struct page *root, slice key, hlc_ts ts, const struct page **leaf,
               unsigned *pos);

/* About how many bytes the entries of [start, end) take. */
uint64_t tree_span_size(const struct page *root, slice start, slice end);

/* Put the key at about `where` of 2^32 of the tree's entries into the empty *key, looking at one
 * page of each level; leave it empty when the tree is. A greater `where` never gives a smaller key.
 */
void tree_sample(const struct page *root, uint32_t where, struct buf *key);

/* A place in a tree that does not change: below a pinned root, or with no write in between. */
struct tree_cursor {
    const struct page *root; /* borrowed */
    unsigned           depth;
    bool               valid;
    struct {
        const struct page *page;
        unsigned           pos;
    } path[TREE_DEPTH_MAX];
};

void tree_cursor_init(struct tree_cursor *c, const struct page *root);
/* To the first entry at or above (key, ts). */
void tree_cursor_seek(struct tree_cursor *c, slice key, hlc_ts ts);
void tree_cursor_last(struct tree_cursor *c);
void tree_cursor_next_leaf(struct tree_cursor *c);
void tree_cursor_prev(struct tree_cursor *c);

static inline const struct page *tree_cursor_page(const struct tree_cursor *c)
{
    return c->path[c->depth - 1].page;
}

static inline unsigned tree_cursor_pos(const struct tree_cursor *c)
{
    return c->path[c->depth - 1].pos;
}

static inline void tree_cursor_next(struct tree_cursor *c)
{
    unsigned pos = ++c->path[c->depth - 1].pos;

    if (UNLIKELY(pos >= c->path[c->depth - 1].page->count))
        tree_cursor_next_leaf(c);
}

/* Asserts the invariants; for tests. */
void tree_check(const struct tree *t);

#endif
