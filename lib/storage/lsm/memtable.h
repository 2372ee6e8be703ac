/* lib/storage/lsm/memtable.h: the newest source of the LSM engine: what was committed and is in no
 * table yet, in a copy-on-write tree (storage/tree.h).
 *
 * A memtable belongs to one worker. A view of it never changes, whatever is applied afterwards, and
 * costs a few references; another thread may read a view that the worker keeps (only reference
 * counts, which no reader looks at, change in its pages; pitfall L18). */
#ifndef LINERA_STORAGE_LSM_MEMTABLE_H
#define LINERA_STORAGE_LSM_MEMTABLE_H

#include "base/hmap.h"
#include "storage/batch.h"
#include "storage/lsm/cursor.h"
#include "storage/tree.h"

/* Clears of one moment, sorted and apart; counted. */
struct clear_set {
    struct heap      *heap;
    uint32_t          refs;
    size_t            count;
    struct lsm_clear *items;
    struct buf        keys; /* what the items point at */
};

struct memtable {
    struct heap      *heap;
    uint32_t          refs; /* the engine's list, and views */
    struct list       link; /* the engine's */
    struct page_pool  pool;
    struct tree       tree;
    struct clear_set *clears;      /* NULL: none */
    struct umap       applied;     /* range id -> uint64_t index, on the heap */
    hlc_ts            ts_min;      /* of entries with versions there ever were; HLC_TS_MAX: none */
    bool              has_cleared; /* there were CLEARED entries among them */
    uint64_t          sequence_first, sequence_end; /* log records in it: the engine's to set */
};

/* Never NULL; one reference. */
struct memtable *memtable_new(struct heap *heap);
struct memtable *memtable_ref(struct memtable *m);
/* Accepts NULL. */
void             memtable_unref(struct memtable *m);

/* Apply one operation of a batch that was checked. */
void   memtable_apply(struct memtable *m, const struct batch_op *op);
/* Bytes in use. */
size_t memtable_size(const struct memtable *m);
/* Bytes held: what is kept for pages to come as well. */
size_t memtable_memory(const struct memtable *m);
/* Nothing was applied that a table would have to hold: applied indexes do not count. */
bool   memtable_is_empty(const struct memtable *m);

/* A memtable as it stood at some moment. */
struct memtable_view {
    struct memtable  *memtable;
    struct page      *root;
    struct clear_set *clears;
};

/* Pin the state of now. */
void                 memtable_view_take(struct memtable *m, struct memtable_view *out);
/* The same view once more, e.g. for an iterator over a snapshot. */
void                 memtable_view_copy(const struct memtable_view *v, struct memtable_view *out);
void                 memtable_view_release(struct memtable_view *v);
/* The state of now, valid until the next change: nothing is pinned, nothing to be released. */
struct memtable_view memtable_view_borrow(struct memtable *m);

/* The newest entry of `key` (with its space) at or below `ts`, of any kind; false when there is
 * none. Borrowed from the view. */
bool memtable_get(const struct memtable_view *v, slice key, hlc_ts ts, struct lsm_entry *out);
/* Whether a clear hides the key in older sources. Accepts NULL. */
bool clear_set_covers(const struct clear_set *c, slice key);
/* What either clears; a reference of its own. Each may be NULL; NULL when both are. */
struct clear_set *clear_set_union(struct heap *heap, struct clear_set *a,
                                  const struct clear_set *b);
/* Accepts NULL. */
void              clear_set_unref(struct clear_set *c);

/* A cursor over the view, which must outlive it; memory from `heap`. Moves on any thread, one at a
 * time, if `heap` is that thread's or NULL. Never fails. */
struct lsm_cursor *memtable_cursor_open(const struct memtable_view *v, struct heap *heap);

#endif
