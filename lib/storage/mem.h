/* lib/storage/mem.h: the memory engine's state. For files of lib/storage only. */
#ifndef LINERA_STORAGE_MEM_H
#define LINERA_STORAGE_MEM_H

#include "base/hmap.h"
#include "storage/applied.h"
#include "storage/engine_internal.h"
#include "storage/tree.h"

struct durable;

struct mem_engine {
    struct engine    base;
    struct page_pool pool;
    struct tree      data, meta;
    struct umap      applied; /* range id -> struct applied */
    struct durable  *durable; /* NULL: in memory only */
    size_t           readers; /* open iterators and snapshots */
};

struct engine_snapshot {
    struct page *data, *meta;
};

static inline struct mem_engine *mem_of(struct engine *e)
{
    return CONTAINER_OF(e, struct mem_engine, base);
}

/* Apply an encoded batch that was checked. */
void mem_apply(struct mem_engine *m, slice encoded, enum apply_how how);

/* mem_iter.c */
status mem_iter_open(struct engine *e, const struct engine_iter_options *options,
                     struct engine_iter **out) MUST_CHECK;
void   mem_iter_close(struct engine_iter *it);
status mem_iter_first(struct engine_iter *it) MUST_CHECK;
status mem_iter_last(struct engine_iter *it) MUST_CHECK;
status mem_iter_seek(struct engine_iter *it, slice key) MUST_CHECK;
status mem_iter_seek_before(struct engine_iter *it, slice key) MUST_CHECK;
status mem_iter_next(struct engine_iter *it) MUST_CHECK;
status mem_iter_prev(struct engine_iter *it) MUST_CHECK;

#endif
