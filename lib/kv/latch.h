/* lib/kv/latch.h: latches: which keys are being written right now, from evaluation until the write
 * is applied.
 *
 * A latch covers the write set of one batch. Writers of a common key queue up; a reader waits only
 * when the batch's timestamp is at or below its own (or not yet known), since what is written above
 * it does not concern it. Readers take none: they record themselves in the timestamp cache first,
 * so that every batch which fixes its timestamp later goes above them.
 *
 * Invariant: once `ts` is set, no reader at or above it passes, and it never changes. */
#ifndef LINERA_KV_LATCH_H
#define LINERA_KV_LATCH_H

#include <stddef.h>
#include <stdint.h>

#include "base/slice.h"
#include "base/status.h"
#include "env/env.h"
#include "hlc/hlc.h"

/* [start, end); `end` empty: no upper end. A single key is written {key, key and a zero byte}, both
 * slices with the same data. */
struct kv_span {
    slice start, end;
};

static inline bool kv_span_is_point(const struct kv_span *s)
{
    return s->end.data == s->start.data && s->end.size == s->start.size + 1;
}

/* One key. `hash` is key_hash(key). The last two fields belong to the latch table. */
struct latch_point {
    slice               key;
    uint64_t            hash;
    bool                leaves_no_garbage; /* the key has no version yet and gets a value */
    struct latch       *latch;
    struct latch_point *bucket_next;
};

struct latch {
    /* Set by the caller; points in order of key; both arrays stay in place while the latch is held.
     */
    struct latch_point   *points;
    size_t                point_count;
    const struct kv_span *spans;
    size_t                span_count;
    hlc_ts                ts; /* 0: not known yet */
    /* The table's. */
    struct list           link;
    struct env_cond       released;
};

struct latches {
    struct env          *env;
    struct list          held;
    size_t               point_count; /* all held points */
    struct latch_point **buckets;
    size_t               bucket_count;
};

void latches_init(struct latches *l, struct env *env);
/* None may be held. */
void latches_deinit(struct latches *l);

/* Take the latch, waiting for those in the way. CANCELLED: not taken. */
status MAY_YIELD latches_acquire(struct latches *l, struct latch *latch) MUST_CHECK;
void             latches_release(struct latches *l, struct latch *latch);

/* Wait until no write at or below `ts` is in flight on the key or in the span. */
status MAY_YIELD latches_wait_point(struct latches *l, slice key, uint64_t hash, hlc_ts ts)
    MUST_CHECK;
status MAY_YIELD latches_wait_span(struct latches *l, slice start, slice end, hlc_ts ts) MUST_CHECK;

/* Whether a write other than `own` (may be NULL) is in flight on the key or in the span with a
 * timestamp in (from, to]. */
bool latches_written_point(const struct latches *l, const struct latch *own, slice key,
                           uint64_t hash, hlc_ts from, hlc_ts to);
bool latches_written_span(const struct latches *l, const struct latch *own, slice start, slice end,
                          hlc_ts from, hlc_ts to);

#endif
