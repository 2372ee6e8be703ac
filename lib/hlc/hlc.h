/* lib/hlc/hlc.h: the hybrid logical clock (Kulkarni, Demirbas et al., "Logical Physical Clocks",
 * OPODIS 2014; cited as HLC).
 *
 * A timestamp is one uint64: microseconds since 1970 in the upper 52 bits, a logical counter in the
 * lower 12. Every message carries one. Timestamps of one clock strictly increase; a receiver's next
 * one is above what it received; and none is further than max_offset_us ahead of physical time:
 *
 *   C1  a remote timestamp more than max_offset_us ahead is refused and changes nothing;
 *   C3  all that is issued lies below a persisted bound, which is durable before it is used, and a
 *       restarted clock begins above it;
 *   C5  a jump of the wall clock against the monotonic one is noticed by the next call, before its
 *       timestamp is handed out;
 *   C6  while the wall clock stands still or runs backwards the logical part goes on, but at most
 *       max_offset_us ahead of the wall clock.
 *
 * Any thread may use a clock; one atomic orders them. */
#ifndef LINERA_HLC_HLC_H
#define LINERA_HLC_HLC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/heap.h"
#include "base/log.h"
#include "base/metrics.h"
#include "base/status.h"

typedef uint64_t hlc_ts;

enum { HLC_LOGICAL_BITS = 12 };

#define HLC_LOGICAL_MAX ((UINT64_C(1) << HLC_LOGICAL_BITS) - 1)
#define HLC_WALL_MAX_US ((UINT64_C(1) << (64 - HLC_LOGICAL_BITS)) - 1)
/* Below every timestamp that a clock gives out, and above. */
#define HLC_TS_MIN ((hlc_ts)0)
#define HLC_TS_MAX UINT64_MAX

static inline hlc_ts hlc_make(uint64_t wall_us, uint64_t logical)
{
    return wall_us << HLC_LOGICAL_BITS | logical;
}

static inline uint64_t hlc_wall_us(hlc_ts ts)
{
    return ts >> HLC_LOGICAL_BITS;
}

static inline uint64_t hlc_logical(hlc_ts ts)
{
    return ts & HLC_LOGICAL_MAX;
}

/* "1700000000.123456,7": seconds, microseconds, logical part. */
void hlc_print(struct buf *out, hlc_ts ts);
/* Reads what hlc_print wrote; the logical part may be missing. False when it is not one. */
bool hlc_parse(slice text, hlc_ts *out);

struct hlc;

/* A clock of the outside: microseconds. */
typedef uint64_t hlc_source_fn(void *ctx);
/* Make `bound` durable; may yield. Several fibers may be in it at once: it must never let a smaller
 * bound take the place of a larger one. After a restart the node passes the durable one as `bound`
 * below. */
typedef status   hlc_persist_fn(void *ctx, hlc_ts bound);

struct hlc_options {
    hlc_source_fn  *wall_us; /* since 1970, may jump */
    hlc_source_fn  *mono_us; /* never jumps, runs on in suspend (pitfall C2) */
    void           *source_ctx;
    uint64_t        max_offset_us;   /* 0: 250,000 */
    uint64_t        forward_jump_us; /* a jump of the wall clock beyond this is noticed; 0: half of
                                        max_offset_us */
    hlc_ts          bound;           /* from the last run; 0: this is the first */
    hlc_persist_fn *persist;         /* NULL: nothing is kept, e.g. for a store in memory */
    void           *persist_ctx;
    uint64_t        bound_ahead_us; /* how far ahead of now the bound is put; 0: max_offset_us, so
                                       that a clock restarted at once need not wait */
    struct log     *log;            /* may be NULL; borrowed */
};

enum { HLC_MAX_OFFSET_US = 250000 };

/*  kind     field           name                             help */
#define HLC_METRICS(X)                                                                             \
    X(GAUGE, wall_us, "hlc_wall_us", "Physical part of the last timestamp given out.")             \
    X(GAUGE, logical, "hlc_logical", "Logical part of the last timestamp given out.")              \
    X(GAUGE, ahead_us, "hlc_ahead_us", "How far the clock is ahead of the wall clock.")            \
    X(COUNTER, overflows, "hlc_logical_overflows_total", "Carries out of the logical part.")       \
    X(COUNTER, forward_jumps, "hlc_forward_jumps_total", "Forward jumps of the wall clock.")       \
    X(COUNTER, backward_jumps, "hlc_backward_jumps_total", "Backward jumps of the wall clock.")    \
    X(COUNTER, refused_remote, "hlc_refused_remote_total", "Remote timestamps too far ahead.")     \
    X(COUNTER, refused_drift, "hlc_refused_drift_total", "Timestamps refused at the drift cap.")   \
    X(COUNTER, bounds, "hlc_bounds_persisted_total", "Upper bounds made durable.")

struct hlc_metrics {
    HLC_METRICS(METRIC_FIELD)
};

/* A clock that starts above `bound`. Persists the first bound when there is a persist callback, so
 * it may yield and fail as that does. On success *out belongs to the caller. */
status MAY_YIELD hlc_new(struct heap *heap, const struct hlc_options *options, struct hlc **out)
    MUST_CHECK;
/* Accepts NULL. */
void hlc_free(struct hlc *h);

/* A timestamp above all that this clock has given out or adopted. Yields only when the bound must
 * be moved at once because nobody called hlc_maintain() in time.
 * WRONG_STATE: the clock stopped after a forward jump (see hlc_is_stopped), or is at the drift cap
 * (C6): nothing was issued, try again when the wall clock has caught up. */
status MAY_YIELD hlc_now(struct hlc *h, hlc_ts *out) MUST_CHECK;

/* Adopt the timestamp of a message: what hlc_now() gives afterwards is above it.
 * INVALID_PARAMETER_VALUE: it is more than max_offset_us ahead of this wall clock; the clock is
 * unchanged and the message must be refused (C1). */
status MAY_YIELD hlc_update(struct hlc *h, hlc_ts remote) MUST_CHECK;

/* Let the clock be at or above `ts`, which this node has made itself from timestamps of its own.
 * WRONG_STATE: as hlc_now(); the clock is unchanged and `ts` must not be used. */
status MAY_YIELD hlc_raise(struct hlc *h, hlc_ts ts) MUST_CHECK;

/* The newest timestamp that was given out or adopted, without taking a new one. Never yields. */
hlc_ts hlc_last(const struct hlc *h);

/* How far ahead values may carry timestamps that this node could have seen in real time: the top of
 * the uncertainty interval of a read at `ts`. */
hlc_ts hlc_uncertainty_limit(const struct hlc *h, hlc_ts ts);

/* How long the wall clock needs until hlc_now() can issue again: after a restart with a wall clock
 * that was set back, or at the drift cap. 0: it can now. A node waits for this before it serves. */
uint64_t hlc_ready_in_us(const struct hlc *h);

/* Move the persisted bound ahead when half of what it allows is used up; to be called every
 * bound_ahead_us / 4 or so, by one fiber. Does nothing without a persist callback. */
status MAY_YIELD hlc_maintain(struct hlc *h) MUST_CHECK;

/* Compare wall and monotonic clock now. True once a forward jump beyond max_offset_us was seen: the
 * node must stop serving until its clock is proved again (C2, C5); hlc_resume() says that it was.
 * Smaller jumps are counted and logged only. */
bool hlc_is_stopped(struct hlc *h);
void hlc_resume(struct hlc *h);

const struct hlc_metrics *hlc_metrics(const struct hlc *h);
/* Show them with the labels; the caller calls metrics_remove(m, hlc_metrics(h)) before hlc_free. */
void     hlc_register_metrics(const struct hlc *h, struct metrics *m, const char *labels);
uint64_t hlc_max_offset_us(const struct hlc *h);

#endif
