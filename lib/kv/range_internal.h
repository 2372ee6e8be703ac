/* lib/kv/range_internal.h: what range.c, range_commit.c and gc.c share. */
#ifndef LINERA_KV_RANGE_INTERNAL_H
#define LINERA_KV_RANGE_INTERNAL_H

#include "kv/range.h"

/* A scan under way: its reads count as recorded from its begin, though the timestamp cache learns
 * of them only when it is known how far it came (pitfall T6: precise spans). */
struct scan_guard {
    struct list link;
    slice       start, end;
    hlc_ts      ts;
    uint64_t    owner;
};

/* A key with versions that nobody will read once the threshold is at or above `ts`. */
struct garbage {
    struct garbage *next;
    hlc_ts          ts;
    uint32_t        key_size;
    char            key[];
};

enum { GARBAGE_MAX = 1 << 20 }; /* entries; beyond it a sweep of the whole range takes over */

struct range_gc {
    hlc_ts                threshold; /* durable; nobody reads below */
    struct garbage       *first, **last;
    size_t                count;
    bool                  sweep; /* look at every key, from `sweep_at` */
    bool                  sweep_again;
    struct buf            sweep_at;
    struct fiber         *fiber;
    bool                  stopping;
    struct env_cond       wake;
    range_oldest_read_fn *oldest;
    void                 *oldest_ctx;
};

struct range {
    struct env        *env;
    struct hlc        *clock;
    struct engine     *engine;
    struct replicator *replicator;
    uint64_t           id;
    slice              start, end;
    uint64_t           gc_retention_us, gc_interval_us;
    struct latches     latches;
    struct lock_table *locks;
    struct tscache    *tscache;
    struct list        guards;
    struct range_gc    gc;
    struct range_stats stats;
};

/* Load the threshold; free the queue. */
status range_gc_init(struct range *r) MUST_CHECK;
void   range_gc_deinit(struct range *r);
/* A version of `key` was written at `ts`: older ones are garbage once nobody reads below it. */
void   range_gc_note(struct range *r, slice key, hlc_ts ts);
/* The same for more keys than the queue should hold. */
void   range_gc_want_sweep(struct range *r);

#endif
