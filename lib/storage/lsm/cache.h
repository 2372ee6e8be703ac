/* lib/storage/lsm/cache.h: blocks of tables in memory, up to a size.
 *
 * S3-FIFO (Yang, Zhang, Qiu, Yue, Vinayak, "FIFO queues are all you need for cache eviction", SOSP
 * 2023): a new block enters a small queue, and only one that is asked for again while it is there,
 * or soon after it has left, gets into the main one. So a scan passes through a tenth of the cache
 * and leaves the rest as it was. A hit changes a counter, nothing else.
 *
 * One worker. Blocks that somebody holds are never given up, and may take the cache above its size,
 * until they are released.
 */
#ifndef LINERA_STORAGE_LSM_CACHE_H
#define LINERA_STORAGE_LSM_CACHE_H

#include "base/metrics.h"
#include "storage/lsm/block.h"

struct cache;

/* A block in the cache, or one too many for it; held by whoever got it. */
struct cached {
    struct block  *block;
    /* the cache's */
    struct cache  *cache;
    struct cached *chain; /* of its bucket */
    struct list    link;  /* of its queue */
    struct list    mates; /* of its table */
    uint64_t       table, offset;
    uint32_t       refs;
    uint32_t       size;
    uint8_t        uses; /* since it entered its queue, up to 3 */
    uint8_t        queue;
};

/* `capacity` in bytes. Never NULL. */
struct cache *cache_new(struct heap *heap, size_t capacity);
/* Nothing may be held. Accepts NULL. */
void          cache_free(struct cache *c);

/* The block of the table at the offset, held until cache_release(); NULL when it is not there. */
struct cached *cache_get(struct cache *c, uint64_t table, uint64_t offset);
/* Put a block in, taking it over, and hold it. When another fiber was faster, its block is given
 * instead and this one freed. */
struct cached *cache_put(struct cache *c, uint64_t table, uint64_t offset, struct block *block);
/* Hold a block without keeping it: what a scan reads once. */
struct cached *cache_pass(struct cache *c, struct block *block);
/* Once more held. */
struct cached *cache_hold(struct cached *b);
/* Accepts NULL. */
void           cache_release(struct cached *b);
/* The table is gone: drop its blocks; those held go when they are released. */
void           cache_drop_table(struct cache *c, uint64_t table);

size_t cache_size(const struct cache *c);

/*  kind       field           name                                help */
#define CACHE_METRICS(X)                                                                           \
    X(COUNTER, hits, "storage_cache_hits_total", "Blocks found in the block cache.")               \
    X(COUNTER, misses, "storage_cache_misses_total", "Blocks that had to be read.")                \
    X(COUNTER, evictions, "storage_cache_evictions_total", "Blocks given up for others.")          \
    X(GAUGE, bytes, "storage_cache_bytes", "Memory held by the block cache.")                      \
    X(GAUGE, held, "storage_cache_held_bytes",                                                     \
      "Of the memory of the block cache, what was in use when it last changed.")

struct cache_metrics {
    CACHE_METRICS(METRIC_FIELD)
};

const struct cache_metrics *cache_metrics(const struct cache *c);
void cache_register_metrics(const struct cache *c, struct metrics *m, const char *labels);

#endif
