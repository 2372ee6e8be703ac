/* lib/storage/raft_log_internal.h: what raft_state.c, raft_log.c and raft_tidy.c share.
 *
 * Entries stay in the records in which they were written; in memory the log knows where: a *run* is
 * entries of one range that follow each other, have one term and lie in one batch. Batches written
 * lately are kept in a cache, whole; all others are read from disk.
 *
 * Invariants (raft_log_check()):
 * 1. The runs of a range are in order and without a gap, from `truncated` + 1 on. While recovery
 *    reads there may be gaps: of what is needed nothing is missing, of what is not something may.
 * 2. Terms never fall from one run to the next, and none is below `truncated_term`.
 * 3. What is truncated is durable in the engine's tables (L7).
 * 4. Records at or above raft_log_oldest() hold every entry, hard state and truncation that counts:
 *    what is older may go. A segment goes only after the log says so, durably (`claim`), so that a
 *    lost segment is not taken for a freed one. */
#ifndef LINERA_STORAGE_RAFT_LOG_INTERNAL_H
#define LINERA_STORAGE_RAFT_LOG_INTERNAL_H

#include "base/hmap.h"
#include "storage/raft_format.h"

struct durable;

/* Where a batch of the log begins. */
struct log_place {
    uint64_t sequence; /* its first record, */
    uint64_t offset;   /* and where that begins in its segment */
};

struct raft_run {
    uint64_t index;    /* of the first entry */
    uint64_t term;     /* of all */
    uint64_t origin;   /* the record in which they were appended: their place in time */
    uint64_t sequence; /* the batch they lie in */
    uint32_t offset;
    uint32_t op;    /* where in the batch to look from; others may stand between */
    uint32_t count; /* of entries */
    uint32_t size;  /* bytes in the batch, about */
};

struct raft_range {
    uint64_t               id;
    struct raft_hard_state hard_state;
    uint64_t               hard_state_sequence; /* its record; 0: there is none */
    uint64_t               truncated, truncated_term;
    uint64_t               truncated_sequence; /* the record that says so; 0: none */
    uint64_t               wish;               /* raft_log_compact() */
    uint64_t               cut;  /* another number each time that entries became void */
    struct raft_run       *runs; /* those that count begin at run_first */
    size_t                 run_first, run_end, run_capacity;
};

/* The payload of a batch, as it is on disk. */
struct raft_cached {
    uint64_t sequence;
    size_t   size;
    char    *data;
};

struct raft_log {
    struct durable       *d;
    struct heap          *heap;
    struct umap           ranges; /* id -> struct raft_range */
    struct raft_cached   *cache;  /* by sequence; those that count begin at cache_first */
    size_t                cache_first, cache_end, cache_capacity;
    uint64_t              cache_size, cache_size_max;
    uint64_t              cuts;    /* how often entries of any range became void */
    bool                  is_used; /* the log holds, or held, something of a range */
    uint64_t              claim;   /* segments before this one are known to be superfluous here */
    uint64_t              floor;   /* the first record that the engine needs */
    bool                  is_tidying, tidy_again;
    struct raft_log_stats stats; /* what is not counted when asked */
};

/* ---- raft_state.c: what the log says of ranges */

void raft_log_init(struct raft_log *l, struct durable *d, struct heap *heap);
void raft_log_deinit(struct raft_log *l);

/* NULL: the log has nothing of it. */
struct raft_range *raft_range_of(const struct raft_log *l, uint64_t range_id);
uint64_t           raft_range_last(const struct raft_range *r);
/* The run that has the entry; NULL: none. */
struct raft_run   *raft_range_run(const struct raft_range *r, uint64_t index);

/* Apply a batch that was written at `place`. CORRUPT: it contradicts what was read before, which
 * cannot be when it was checked before it was written. */
status   raft_log_apply(struct raft_log *l, slice ops, struct log_place place) MUST_CHECK;
/* WRONG_STATE, as raft_log_write() says. */
status   raft_log_check_batch(const struct raft_log *l, slice ops) MUST_CHECK;
/* After recovery: CORRUPT when something that counts is missing. */
status   raft_log_check_whole(const struct raft_log *l) MUST_CHECK;
/* The range's index that is durable in the engine's tables. */
uint64_t raft_log_flushed(const struct raft_log *l, uint64_t range_id);
/* The oldest record with something that counts; UINT64_MAX: nothing does. */
uint64_t raft_log_oldest(const struct raft_log *l);

/* ---- raft_log.c: where the bytes are */

/* Keep a copy of a batch that was written, or read in recovery, to read entries from. */
void             raft_cache_put(struct raft_log *l, uint64_t sequence, slice ops);
/* The batch, from the cache or from disk: *ops lies in the cache, valid until the next yield, or in
 * `bytes`. NO_DATA: it is not there any more. CORRUPT: damaged. */
status MAY_YIELD raft_batch_fetch(struct raft_log *l, struct log_place place, struct buf *bytes,
                                  slice *ops) MUST_CHECK;
/* The next entry of the range at `index` in what is left of a batch; false: not there. */
bool             raft_entry_find(slice *ops, uint64_t range_id, uint64_t index, struct raft_op *op);

/* ---- raft_tidy.c: freeing segments */

/* Free the segments that neither the engine nor any range needs, as soon as can be. */
void raft_log_free_before(struct raft_log *l, uint64_t sequence);
/* A segment was begun: see whether the log has become too long. */
void raft_log_note_segment(struct raft_log *l);

#endif
