/* lib/kv/range.h: one range at its leaseholder: evaluates requests against latches, locks,
 * timestamp cache and engine, and hands writes to the replicator.
 *
 * The rules that make reads and writes at timestamps agree:
 * 1. A read at ts is recorded (timestamp cache, or the guard of a scan under way) before it looks,
 * and waits for writes in flight at or below ts.
 * 2. A write takes its latch, then fixes its timestamp above every recorded read of others on its
 * keys, then refreshes what its transaction has read up to there, then is proposed. The latch is
 * held until it is applied.
 * 3. The clock is at or above every commit timestamp before the write is proposed, so whoever asks
 * the clock after an acknowledgement reads above it. */
#ifndef LINERA_KV_RANGE_H
#define LINERA_KV_RANGE_H

#include "base/arena.h"
#include "base/metrics.h"
#include "hlc/hlc.h"
#include "kv/latch.h"
#include "kv/lock_table.h"
#include "kv/replicator.h"
#include "kv/tscache.h"
#include "storage/engine.h"

struct range;

/* Asked by garbage collection: the oldest timestamp that somebody still reads at; HLC_TS_MAX for
 * none. */
typedef hlc_ts range_oldest_read_fn(void *ctx);

struct range_options {
    uint64_t               id;
    slice                  start, end;      /* copied; empty `end`: to the end of the key space */
    uint64_t               gc_retention_us; /* old versions are kept this long; 0: 4,000,000 */
    uint64_t               gc_interval_us;  /* 0: 500,000 */
    struct tscache_options tscache;
};

/* Everything but the options is borrowed. May yield: reads the GC threshold. */
status MAY_YIELD range_open(struct env *env, struct hlc *clock, struct engine *engine,
                            struct replicator *replicator, const struct range_options *options,
                            struct range **out) MUST_CHECK;
/* No request may be running. Stops garbage collection. Accepts NULL. */
void MAY_YIELD   range_close(struct range *r);

struct env        *range_env(const struct range *r);
struct lock_table *range_locks(const struct range *r);

/* ---- reads --------------------------------------------------------------------------------------
 */

struct range_read {
    hlc_ts   ts;
    hlc_ts   limit; /* top of the uncertainty interval, at or above ts; equal to ts: none */
    uint64_t txn_id;
    bool     untracked; /* keys that nobody else can write */
};

/* The newest version of `key` at or below read->limit. When out->ts is above read->ts it is
 * uncertain whether the reader must see it: the reader moves its timestamp up to out->ts. *out is
 * borrowed as engine_get() says. WRONG_STATE: read->ts is below the GC threshold. */
status MAY_YIELD range_get(struct range *r, const struct range_read *read, slice key, uint64_t hash,
                           struct engine_value *out) MUST_CHECK;

/* The newest version there is, for the holder of the key's lock. */
status MAY_YIELD range_get_newest(struct range *r, slice key, uint64_t hash,
                                  struct engine_value *out) MUST_CHECK;

/* Record a point read without reading. */
void range_note_read(struct range *r, uint64_t hash, hlc_ts ts, uint64_t txn_id);

struct range_row {
    slice key, value;
};

/* Why a scan stopped (pitfall Q7). */
enum range_scan_end {
    RANGE_SCAN_DONE,      /* the span is read to its end */
    RANGE_SCAN_LIMIT,     /* rows_max or bytes_max: go on at `resume` */
    RANGE_SCAN_UNCERTAIN, /* a version in the uncertainty interval: see uncertain_ts */
};

struct range_scan {
    slice               start, end; /* empty `end`: no upper end */
    bool                reverse;
    size_t              rows_max, bytes_max; /* at least one row is read whatever its size */
    /* Results; rows and resume are in the arena. */
    struct arena       *arena;
    struct range_row   *rows;
    size_t              row_count;
    enum range_scan_end ended;
    slice               resume; /* forward: the next start; reverse: the next end */
    hlc_ts              uncertain_ts;
};

status MAY_YIELD range_scan(struct range *r, const struct range_read *read, struct range_scan *scan)
    MUST_CHECK;

/* Whether anything in the spans has changed in (from, to]; records them as read at `to`. `own` is
 * the latch of the asking transaction, NULL outside a commit. */
status MAY_YIELD range_refresh(struct range *r, uint64_t txn_id, const struct latch *own,
                               const struct kv_span *spans, size_t count, hlc_ts from, hlc_ts to,
                               bool *changed) MUST_CHECK;

/* About how many bytes the span holds, old versions included. */
status MAY_YIELD range_span_size(struct range *r, slice start, slice end, uint64_t *size)
    MUST_CHECK;

/* ---- writes -------------------------------------------------------------------------------------
 */

/* Append the writes, with timestamp `ts`. May yield once per some thousand of them. */
typedef status range_encode_fn(void *arg, hlc_ts ts, struct engine_batch *out);

struct range_commit {
    struct latch            latch; /* points and spans set: the write set */
    uint64_t                txn_id;
    hlc_ts                  ts; /* in: the lowest that will do, 0: now. Out: the commit timestamp */
    /* What must be unchanged in (read_ts, ts]. */
    hlc_ts                  read_ts;
    const struct kv_span   *reads;
    size_t                  read_count;
    const struct lost_lock *lost; /* validated: no version newer than what they saw */
    /* With lost locks: nobody may hold a lock now that the lost one would have kept out. NULL: not
     * checked. */
    const struct lock_owner *owner;
    bool                 check_versions; /* locks may be missing: go above the newest versions */
    range_encode_fn     *encode;
    void                *encode_arg;
    struct engine_batch *batch;             /* empty; scratch of the caller */
    bool                 pushed, refreshed; /* out, for counting */
};

/* Commit a whole transaction in one batch. SERIALIZATION: what it has read has changed; nothing was
 * written. OUTCOME_UNKNOWN: pitfall T1. CANCELLED only before the batch is proposed. */
status MAY_YIELD range_commit(struct range *r, struct range_commit *c) MUST_CHECK;

/* Add `delta` to the int64 (8 bytes, little-endian) at `key`, or store it when `set`. Durable when
 * it returns. NUMERIC_OUT_OF_RANGE: nothing changed. CORRUPT: the key holds something else. */
status MAY_YIELD range_increment(struct range *r, slice key, int64_t delta, bool set, int64_t *out)
    MUST_CHECK;

/* The newest value of a counter; *found is false when there is none. */
status MAY_YIELD range_counter_get(struct range *r, slice key, int64_t *value, bool *found)
    MUST_CHECK;

/* ---- garbage collection -------------------------------------------------------------------------
 */

/* Start the background fiber. `oldest` is asked before each round. */
status         range_gc_start(struct range *r, range_oldest_read_fn *oldest, void *ctx) MUST_CHECK;
/* Returns when the fiber has ended. */
void MAY_YIELD range_gc_stop(struct range *r);
/* One round now, as far as `oldest` allows: for tests and for stores that are short of room. */
status MAY_YIELD range_gc_run(struct range *r, hlc_ts threshold) MUST_CHECK;
hlc_ts           range_gc_threshold(const struct range *r);

struct range_stats {
    uint64_t commits, latch_waits, gc_rounds, gc_dropped, garbage_queued;
};
void range_stats(const struct range *r, struct range_stats *out);

#endif
