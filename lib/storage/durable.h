/* lib/storage/durable.h: what the engines with a directory share: identity and lock, log with group
 * commit, recovery; and the checkpoints of the memory engine. For files of lib/storage only. */
#ifndef LINERA_STORAGE_DURABLE_H
#define LINERA_STORAGE_DURABLE_H

#include "storage/applied.h"
#include "storage/engine_internal.h"
#include "storage/log_format.h"
#include "storage/raft_log_internal.h"

struct durable;

/* The engine above the log. Its state, identity and metrics are the log's to change. */
struct log_owner {
    /* Apply an encoded batch that was checked. Must not yield. */
    void (*apply)(struct engine *e, slice encoded, enum apply_how how);
    /* All that was applied is on disk now. */
    void (*note_durable)(struct engine *e);
    /* Bytes that a checkpoint would have to hold. */
    uint64_t (*data_size)(struct engine *e);
    /* A group was applied whole: all below durable_applied(). Must not yield. NULL: not asked for.
     */
    void (*group_applied)(struct engine *e);
    /* Recovery begins, with the identity known: bring in what is not in the log, and set *sequence
     * to the first record to apply; it comes as 1. Changes nothing on the disk: what does not agree
     * with the log must be left as it was found. NULL: the base is a checkpoint. */
    status MAY_YIELD (*recover_base)(struct engine *e, struct durable *d, uint64_t *sequence);
    /* It does agree, and has been applied: do on the disk what recovery asks for. NULL: nothing. */
    status MAY_YIELD (*recover_end)(struct engine *e);
    /* The log has become long by what the engine keeps of it: write that elsewhere soon. NULL:
     * checkpoints do it. */
    void (*shorten_log)(struct engine *e);
    bool has_checkpoints;
    /* The disk is full: do what lets segments go, if it takes less room than they. NULL: nothing.
     */
    void (*relieve)(struct engine *e);
};

/* Lock the directory, check or make its identity, recover into the engine and begin a new segment.
 */
status MAY_YIELD durable_open(struct engine *e, const struct log_owner *owner,
                              const struct engine_options *options, struct durable **out)
    MUST_CHECK;
/* Accepts NULL. */
void MAY_YIELD   durable_close(struct durable *d);
/* engine_commit(). An empty batch with sync only waits for what came before. */
status MAY_YIELD durable_commit(struct durable *d, slice encoded, bool sync) MUST_CHECK;
/* What is written to the log as one. */
struct log_batch {
    slice            bytes;
    enum log_content content;
    struct log_place place; /* set when it is written */
};

/* The same for a batch of any kind; `b` is borrowed, its place not set. */
status MAY_YIELD durable_write(struct durable *d, const struct log_batch *b, bool sync) MUST_CHECK;
/* Write a batch that follows from the state of the log: no other is written between
 * `compose(ctx, ops)`, which must not yield, and its applying. Nothing is written when it leaves
 * `ops` empty. Errors as those of durable_commit(). */
status MAY_YIELD durable_write_raft(struct durable *d, void (*compose)(void *ctx, struct buf *ops),
                                    void *ctx, bool sync) MUST_CHECK;
status MAY_YIELD durable_checkpoint(struct durable *d) MUST_CHECK;
void             durable_stats(const struct durable *d, struct engine_stats *out);

/* The keys of an encrypted store; NULL: it is not. As long as the log. */
const struct keyring *durable_keyring(const struct durable *d);

/* The first record that was not applied; others may already be on their way to the log. */
uint64_t durable_applied(const struct durable *d);
/* What the records below `sequence` did is durable elsewhere: their segments may go. */
void     durable_free_before(struct durable *d, uint64_t sequence);
/* What was recovered lies in a checkpoint of the memory engine still, which goes with the first
 * call of durable_free_before(). Never when that is the engine. */
bool     durable_has_foreign_checkpoint(const struct durable *d);
/* The engine is open: see whether restarts have left many segments with little in them. */
void     durable_note_opened(struct durable *d);
/* ---- copies ----
 * The log of a copy is what a recovery now would read: whole segments and the checkpoint are shared
 * by links, and what the last segment has so far is copied. */

/* What is still to be copied. */
struct log_copy {
    struct env_file *file; /* of the segment being written; NULL: there is none */
    uint64_t         number, size;
};

/* Wait until no group is being written, and let none begin until durable_resume(). */
void MAY_YIELD durable_pause(struct durable *d);
void           durable_resume(struct durable *d);
/* Link into the directory `dir`, without yielding; the log is paused. On success the caller calls
 * durable_copy_end(). */
status durable_copy_begin(struct durable *d, const char *dir, struct log_copy *c) MUST_CHECK;
/* Copy the rest; content is durable then, names not. */
status MAY_YIELD durable_copy_end(struct durable *d, const char *dir, struct log_copy *c)
    MUST_CHECK;
/* The last step of a copy: names durable, then the identity, which makes the directory a store. */
status MAY_YIELD durable_copy_finish(struct durable *d, const char *dir) MUST_CHECK;

/* Stop the store for good; takes `reason`. */
void durable_stop(struct durable *d, status reason);

#endif
