/* lib/kv/tscache.h: up to which timestamp each key has been read, so that no write commits below a
 * read.
 *
 * Answers are upper bounds: never too low, sometimes too high, which costs a writer a refresh and
 * nothing else. Point reads go into a fixed table by hash, where keys share slots. Spans go into a
 * sorted page of boundaries; a full page is kept as the previous one, and what that one held is
 * summed up in the low-water mark. So memory is bounded. One fiber's call never yields. */
#ifndef LINERA_KV_TSCACHE_H
#define LINERA_KV_TSCACHE_H

#include "base/slice.h"
#include "base/heap.h"
#include "hlc/hlc.h"

struct tscache;

/* A read timestamp and the transaction that read there; owner 0 when several have (pitfall T5). */
struct tscache_entry {
    hlc_ts   ts;
    uint64_t owner;
};

struct tscache_options {
    uint32_t point_slots; /* a power of two; 0: 65,536 slots of 16 bytes */
    uint32_t page_spans;  /* boundaries in one page; 0: 8,192 */
};

/* `low_water`: no key was read above it before. `options` may be NULL. */
struct tscache *tscache_new(struct heap *heap, hlc_ts low_water,
                            const struct tscache_options *options);
void            tscache_free(struct tscache *c); /* Accepts NULL. */

/* `hash` is key_hash(key). */
void tscache_add_point(struct tscache *c, uint64_t hash, hlc_ts ts, uint64_t owner);
/* `end` empty: no upper end. */
void tscache_add_span(struct tscache *c, slice start, slice end, hlc_ts ts, uint64_t owner);
/* Raise the mark for all keys, as a new leaseholder does (S1, G6). */
void tscache_raise(struct tscache *c, hlc_ts ts);

struct tscache_entry tscache_point(const struct tscache *c, slice key, uint64_t hash);
/* The highest entry of the span; point reads count whatever their key. */
struct tscache_entry tscache_span(const struct tscache *c, slice start, slice end);
/* At or above every entry. */
hlc_ts               tscache_max(const struct tscache *c);

/* The lowest timestamp from `ts` on at which `owner` may write where `e` was read: above the reads
 * of others, at or above its own. */
static inline hlc_ts tscache_writable(struct tscache_entry e, hlc_ts ts, uint64_t owner)
{
    if (ts > e.ts || (ts == e.ts && e.owner == owner))
        return ts;
    return e.owner == owner ? e.ts : e.ts + 1;
}

#endif
