/* lib/storage/raft_log.h: the Raft logs of all ranges of a store, in the store's one log.
 *
 * There is no second write-ahead log under Raft: an entry is written once, here. When it is
 * committed its effect goes to the engine by engine_apply(), which writes to memory only, with the
 * range's applied index in the same batch (L8); after a crash raft_log_replay() brings it back from
 * here. What several fibers write at the same time, to whatever ranges, and what they commit to the
 * engine, shares one write and one sync.
 *
 * Of a range the log keeps its hard state, and its entries from first to last without a gap. What
 * it says is what is written: entries on their way to the disk are the caller's to remember, and a
 * call that returned an error changed nothing unless it says otherwise.
 *
 * One fiber at a time writes to a range; ranges are independent. Everything belongs to the engine's
 * worker. Indexes and terms of entries are from 1. */
#ifndef LINERA_STORAGE_RAFT_LOG_H
#define LINERA_STORAGE_RAFT_LOG_H

#include "base/arena.h"
#include "storage/engine.h"

struct raft_log;

/* The Raft logs of a store, which lives as long as the engine; NULL: the engine has no directory.
 */
struct raft_log *engine_raft_log(struct engine *e);

/* An entry; the log does not look at `type` and `data`. */
struct raft_entry {
    uint64_t index, term;
    uint8_t  type;
    slice    data; /* RAFT_ENTRY_SIZE_MAX at most */
};

/* What a replica must not forget (Raft, figure 2); `commit` may be behind. */
struct raft_hard_state {
    uint64_t term, vote, commit;
};

enum { RAFT_ENTRY_SIZE_MAX = 64 << 20 };

/* ---- writes -----------------------------------------------------------------------------------
 */

/* Changes to any number of ranges that are written as one, whole or not at all: in a batch those of
 * one range stand together, in the order in which they count. Bytes, ready for the log. */
struct raft_batch {
    struct buf ops;
    size_t     count;
};

/* `heap` may be NULL: malloc's. Nothing is allocated before the first change. */
void   raft_batch_init(struct raft_batch *b, struct heap *heap);
void   raft_batch_deinit(struct raft_batch *b);
void   raft_batch_reset(struct raft_batch *b);
bool   raft_batch_is_empty(const struct raft_batch *b);
size_t raft_batch_size(const struct raft_batch *b);

/* Append an entry, copying it; it makes those at and above its index void, whatever their term.
 * LIMIT_EXCEEDED: it is too large, or the batch; the batch is as it was. */
status raft_batch_append(struct raft_batch *b, uint64_t range_id, const struct raft_entry *e)
    MUST_CHECK;
void raft_batch_set_hard_state(struct raft_batch *b, uint64_t range_id,
                               const struct raft_hard_state *s);
/* A snapshot took the place of the log: all entries go, the next one has index + 1 (L10: the engine
 * must hold the snapshot durably, engine_applied_flushed() be at `index` or above, first). */
void raft_batch_reset_log(struct raft_batch *b, uint64_t range_id, uint64_t index, uint64_t term);
/* The replica is gone: entries, hard state, everything. */
void raft_batch_remove(struct raft_batch *b, uint64_t range_id);

/* Write the batch. With `sync` all of it, and all that was written before, is durable when the call
 * returns; votes and acknowledgements leave only then (R1). Without, it is durable with the next
 * write that syncs, and a crash may lose it: for a commit index that moved, and entries that
 * somebody else will sync. Not interrupted by fiber_cancel(). The batch stays the caller's and must
 * not change until the call returns.
 * WRONG_STATE: an entry would leave a gap, lie at or below what was compacted or have a term below
 * that of the one before, or a log be reset beyond what the engine holds durably. DISK_FULL,
 * LIMIT_EXCEEDED: nothing was written. OUTCOME_UNKNOWN: the sync failed and the store has stopped;
 * only recovery will tell. IO_ERROR: it had stopped before. */
status MAY_YIELD raft_log_write(struct raft_log *l, const struct raft_batch *b, bool sync)
    MUST_CHECK;

/* Nobody needs the range's entries up to `index` any more. They go, and with them in time their
 * segments, once the engine holds what they did durably in its tables (L7): then, not when the call
 * returns, raft_log_first() moves. The log writes this by itself; a crash before may forget it. No
 * need to call it in small steps. `index` may be beyond the last one, which counts as that. */
void raft_log_compact(struct raft_log *l, uint64_t range_id, uint64_t index);

/* ---- reads ------------------------------------------------------------------------------------
 */

/* The range's entries have indexes [first, last]; last is first - 1 when there are none. first is 1
 * and last 0 for a range that was never written to. */
uint64_t raft_log_first(const struct raft_log *l, uint64_t range_id);
uint64_t raft_log_last(const struct raft_log *l, uint64_t range_id);

/* The term of the entry at `index`, or of the last one that was compacted (first - 1), which is 0
 * for index 0. False, with *term as it was: the log does not know it (R8). */
bool raft_log_term(const struct raft_log *l, uint64_t range_id, uint64_t index, uint64_t *term)
    MUST_CHECK;

/* False, with *out zeroed: the range was never written to. */
bool raft_log_hard_state(const struct raft_log *l, uint64_t range_id, struct raft_hard_state *out);

/* Entries from `first` to below `end`, in `arena`, as many as have `bytes_max` bytes of data
 * together, and one at least. From memory when they were written lately, else from disk, which may
 * wait. A write to the range meanwhile may shorten what comes; entries that come were in the log
 * together at one moment. NO_DATA: the entry at `first` was compacted, or is not there. CORRUPT: a
 * record does not hold what was written; the replica must be made anew. */
status MAY_YIELD raft_log_read(struct raft_log *l, uint64_t range_id, uint64_t first, uint64_t end,
                               size_t bytes_max, struct arena *arena, struct raft_entry **entries,
                               size_t *count) MUST_CHECK;

/* The ranges that have a hard state or entries, one after the other: start with *position = 0;
 * false at the end. In the order of their first write; no write in between. */
bool raft_log_next_range(const struct raft_log *l, size_t *position, uint64_t *range_id);

/* ---- recovery ---------------------------------------------------------------------------------
 */

/* After engine_open(), before anything else: hand to `apply` each entry that is committed, as far
 * as the hard states tell, and whose effect the engine has not got: of each range from its applied
 * index on, and of all ranges in the order in which they were appended (L11), which is that of
 * cause and effect for splits, merges and snapshots. `apply` calls engine_apply() with the index,
 * may write to the Raft logs, and must not keep the entry. It may pass over a range that is no
 * more; but having changed nothing else, applied indexes must have moved with each entry of a range
 * whose next one is to come. Stops at the first error, and returns it. */
status MAY_YIELD raft_log_replay(struct raft_log *l,
                                 status MAY_YIELD (*apply)(void *ctx, uint64_t range_id,
                                                           const struct raft_entry *e),
                                 void *ctx) MUST_CHECK;

/* ---- state ------------------------------------------------------------------------------------
 */

struct raft_log_stats {
    uint64_t ranges;
    uint64_t entries;     /* that can be read */
    uint64_t live_size;   /* bytes of records that are needed still */
    uint64_t cached_size; /* of them, in memory too */
    uint64_t disk_reads;  /* of records, since the opening */
    uint64_t moved_size;  /* written forward to free segments, since the opening */
};

void raft_log_stats(const struct raft_log *l, struct raft_log_stats *out);

/* The invariants of the log's state (raft_log_internal.h); for tests. */
void raft_log_check(const struct raft_log *l);

#endif
