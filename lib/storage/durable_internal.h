/* lib/storage/durable_internal.h: what log.c, recover.c, checkpoint.c and durable.c share.
 *
 * Files of a store: "lock", "identity", segments "<number>.log", checkpoints "<sequence>.ckpt".
 *
 * Invariants:
 * 1. Records are numbered without gaps and chained; what reads see is what the records below
 *    `applied` made, and records below `synced` are durable.
 * 2. A checkpoint is durable, name included, before a segment it makes superfluous is freed (L12).
 * 3. A segment that was read in recovery is deleted when free, never used again (L4); after a
 *    recovery the log goes on in a segment of a number never used before (L3).
 * 4. After a failed sync nothing is written any more (L1).
 * 5. While no further segment is ready, the last sixteenth of the current one is kept for batches
 *    that free space or are bookkeeping (L13): log.c, batch_is_frugal(). */
#ifndef LINERA_STORAGE_DURABLE_INTERNAL_H
#define LINERA_STORAGE_DURABLE_INTERNAL_H

#include "env/file.h"
#include "storage/durable.h"

/* A segment that was begun, the one being written included. */
struct old_segment {
    uint64_t number;
    uint64_t first_sequence;
    bool     is_ours; /* written since the store was opened, of full size: may be recycled */
};

/* A segment that can be written, with its name durable. */
struct open_segment {
    uint64_t              number;
    uint64_t              size;       /* a small one is all that a full disk has room for */
    struct env_file      *file;       /* writes are not durable before a sync */
    struct env_file      *dsync;      /* the same file; writes are durable when they return */
    struct log_generation generation; /* from here on: once it is begun */
    struct log_sealer     sealer;
};

enum { READY_MAX = 160, RECYCLED_MAX = 6, SEGMENT_SIZE_LEAST = 4096 };

enum { GROUP_BATCHES_MAX = 1024 };

/* Commits that are written together. */
struct commit_group {
    struct committer *members[GROUP_BATCHES_MAX];
    struct log_batch  batches[GROUP_BATCHES_MAX]; /* those that are not empty */
    size_t            count, batch_count;
    bool              sync;
};

struct durable {
    struct engine          *e;
    const struct log_owner *owner;
    struct env             *env;
    char                   *path;
    struct env_file        *lock;
    uint64_t                segment_size;
    uint64_t                checkpoint_bytes;
    struct keyring         *keyring; /* NULL: the store is not encrypted */
    void (*on_stop)(void *ctx, status reason);
    void *on_stop_ctx;

    /* the log */
    struct open_segment current;
    bool                has_current;
    uint64_t            offset;       /* of the next record in it */
    uint64_t            written_back; /* up to there the disk was told to begin, or it is durable */
    bool                is_writing_back;
    struct open_segment *ready; /* prepared for when it is full, READY_MAX at most, in order */
    size_t               ready_count;
    uint64_t             number_next; /* of the next segment to be made */
    uint64_t             previous_segment;
    uint64_t             sequence;   /* of the next record */
    uint64_t             applied;    /* the first record that reads do not see */
    uint64_t             synced;     /* the first record that is not durable */
    bool                 has_synced; /* a commit since a segment was prepared */
    bool                 recycles;   /* a commit was since segments were freed */
    uint32_t             crc;        /* of the last record */
    struct buf           encoded;    /* records on their way to the file */
    struct old_segment  *old;        /* in order */
    size_t               old_count, old_capacity;
    uint64_t             recycled[RECYCLED_MAX]; /* numbers of files to be used again */
    size_t               recycled_count;

    struct raft_log raft;
    uint64_t        noted_segment; /* raft_log_note_segment() was told of it */

    /* group commit */
    struct list         queue;
    bool                busy;         /* a group is being written */
    unsigned            pauses;       /* durable_pause() waits: it comes before the next group */
    struct commit_group group;        /* that one */
    bool                has_unsynced; /* something applied is not durable */
    struct env_cond     done;

    /* background */
    bool            is_preparing, is_checkpointing, is_closing, is_relieving;
    struct env_cond idle;
    uint64_t        log_bytes;       /* since the last checkpoint */
    uint64_t        checkpoint_size; /* of the last one */
    uint64_t        checkpoint_sequence;
    bool            has_checkpoint;
    bool            has_foreign_checkpoint; /* of the engine that had the store before */
    uint64_t        checkpoint_retry;       /* log_bytes at which to try again after a failure */
    uint64_t        prepare_at_us;          /* no segment is prepared in the background before */
    uint64_t        relief_at_us;           /* ENGINE_READ_ONLY: when to look for room again */
    uint64_t relief_data_size; /* of the data, when a checkpoint found no room; 0: none did */
};

/* durable.c */
char *durable_path(struct durable *d, const char *suffix, uint64_t number); /* heap_free() it */
status MAY_YIELD durable_sync_dir(struct durable *d) MUST_CHECK;
/* Make the name of the directory `path` durable: without it the store in it is lost too (L12). */
status MAY_YIELD durable_sync_parent(struct durable *d, const char *path) MUST_CHECK;
/* Have a segment ready for the first commit; with a full disk, a small one, or none, and note that
 * there is no room. */
status MAY_YIELD durable_make_ready(struct durable *d) MUST_CHECK;

/* log.c */
/* Write the batches as one group; with `sync` they and all before are durable then. DISK_FULL: as
 * if nothing had happened. Any other error: the store must stop. */
status MAY_YIELD log_write_group(struct durable *d, struct log_batch *batches, size_t count,
                                 bool sync) MUST_CHECK;
/* Record that all before is durable, for recovery to tell a torn tail from lost promises. */
status MAY_YIELD log_write_mark(struct durable *d) MUST_CHECK;
/* Start a fiber that prepares the next segment, unless one is ready or at it. */
void             log_prepare_next(struct durable *d);
/* Let the disk begin with what is written and not synced, once that is much. */
void             log_write_back(struct durable *d);
/* Drop the segments that hold nothing at or above `sequence`. */
void             log_free_before(struct durable *d, uint64_t sequence);
/* The segment that has the record, or would get it; NULL: it was freed. Until the next write. */
const struct old_segment *log_segment_of(const struct durable *d, uint64_t sequence);
void log_note_old(struct durable *d, uint64_t number, uint64_t first_sequence, bool ours);
/* Give back what a store at rest does not need; nothing is written any more. */
void log_trim(struct durable *d);
void log_close(struct durable *d);
/* Have one segment of full size ready, e.g. after the start. */
status MAY_YIELD log_make_ready(struct durable *d) MUST_CHECK;
/* Have one ready that a full disk may have room for, for what must be written all the same. */
status MAY_YIELD log_make_small_ready(struct durable *d) MUST_CHECK;

/* recover.c */
/* Read checkpoint and log into the engine, and set d->sequence and its like. */
status MAY_YIELD durable_recover(struct durable *d) MUST_CHECK;

/* checkpoint.c */
status MAY_YIELD checkpoint_write(struct durable *d) MUST_CHECK;
status MAY_YIELD checkpoint_read(struct durable *d, uint64_t sequence) MUST_CHECK;
/* Delete the file of a checkpoint; what cannot be deleted the next opening tries again. */
void             checkpoint_delete(struct durable *d, uint64_t sequence);

#endif
