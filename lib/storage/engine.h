/* lib/storage/engine.h: what a store keeps its data in. Two kinds: in memory (optionally with a
 * durable log and checkpoints below it) and, later, the LSM; both pass tests/storage/conformance.
 *
 * Two key spaces: versioned keys (user key, timestamp) with values or tombstones, and meta keys
 * without versions (applied state, descriptors, hard state). Keys are ordered by their bytes, the
 * versions of a key from the newest to the oldest. The engine knows nothing of transactions, locks
 * or encodings: that is lib/kv.
 *
 * An engine belongs to one worker. Reads may wait for I/O in engines that have some, so they are
 * marked MAY_YIELD. What a read returns is borrowed: it is valid until the caller yields, or writes
 * to the engine, or (iterators) moves on. */
#ifndef LINERA_STORAGE_ENGINE_H
#define LINERA_STORAGE_ENGINE_H

#include "base/metrics.h"
#include "base/status.h"
#include "env/env.h"
#include "hlc/hlc.h"
#include "storage/batch.h"

struct engine;
struct engine_snapshot;

/* ---- open and close -----------------------------------------------------------------------------
 */

/* How a store with a directory keeps its data; without one it is all in memory. */
enum engine_type {
    ENGINE_MEMORY, /* all in memory, with a log and checkpoints */
    ENGINE_LSM,    /* in tables */
};

/* Zeroes mean the default. */
struct engine_options {
    enum engine_type type;
    /* The store's directory, made when it is not there; NULL or "mem:" keeps everything in memory
     * only. */
    const char      *path;
    /* Who the store belongs to. When the directory has an identity and these are not zero, they
     * must agree with it, or engine_open() answers CONFIG_ERROR (pitfall M1). */
    uint8_t          cluster_id[16];
    uint64_t         node_id;
    uint64_t         store_id;
    bool             must_exist;       /* UNDEFINED_FILE rather than making the directory */
    uint64_t         log_segment_size; /* default 16 MiB */
    uint64_t raft_cache_size;  /* of Raft entries written lately, kept in memory; default 64 MiB */
    uint64_t checkpoint_bytes; /* log written since the last one that starts a checkpoint; default
                                  256 MiB, and at least the size of the data */
    /* Of ENGINE_LSM, in bytes: what is gathered in memory before it is written (32 MiB), blocks of
     * tables kept in memory (128 MiB), a table (32 MiB), the least target of a level (64 MiB), and
     * past what size the manifest is written anew (4 MiB). */
    size_t   memtable_size, cache_size;
    uint64_t table_size, level_size, manifest_size;
    /* Of ENGINE_LSM: compactions that may run at once, each on tables and spans of its own (2). */
    uint32_t compactions_max;
    /* Of ENGINE_LSM: bytes/s that compactions write, all together, while there is time (64 MiB).
     * The rate rises by itself when they get behind, and flushes are not held up by it. */
    uint64_t compaction_rate;
    /* Of ENGINE_LSM: how fast, in bytes a second, all tables are read in the background to look for
     * damage (0: never), and how long after the last time (0: a day). */
    uint64_t scrub_rate, scrub_interval_us;
    /* Of ENGINE_LSM: 32 bytes each, borrowed until engine_open() returns. A store that is made with
     * `store_key` is encrypted, and opens with that key alone. One that has `old_store_key` gets
     * `store_key` in its place, which rewrites no data (keyring.h). */
    const uint8_t *store_key, *old_store_key;
    /* Called once, from a fiber, when the store stops for good after a failed sync (pitfall L1). */
    void (*on_stop)(void *ctx, status reason); /* `reason` is borrowed */
    void *on_stop_ctx;
};

/* Open and recover. STORE_LOCKED: another process has it. CORRUPT: a file is damaged below what was
 * acknowledged (pitfall L3); nothing was changed. CONFIG_ERROR: identity, version or key do not
 * fit. When the disk is full the engine opens and refuses writes (pitfall L13). On success *out
 * belongs to the caller. Call from a fiber when `path` names a directory. */
status MAY_YIELD engine_open(struct env *env, const struct engine_options *options,
                             struct engine **out) MUST_CHECK;

/* Close without losing anything committed with sync; commits under way are waited for. All
 * iterators and snapshots must be closed. Accepts NULL. */
void MAY_YIELD engine_close(struct engine *e);

struct engine_identity {
    uint8_t  cluster_id[16];
    uint64_t node_id;
    uint64_t store_id;
    uint8_t  incarnation[16]; /* random, made with the directory */
    bool     is_new;          /* this open made the store */
};

const struct engine_identity *engine_identity(const struct engine *e);

/* ---- writes
 * --------------------------------------------------------------------------------------- */

/* Apply the batch atomically. With `sync` it is durable when the call returns; without, it is
 * ordered before all later commits and durable with the first of them that syncs. Fibers that
 * commit at the same time share one write and one sync. Not interrupted by fiber_cancel(). The
 * batch must not be changed until the call returns, and stays the caller's. Visible to reads only
 * when durable (with sync), in commit order.
 * DISK_FULL: nothing was applied, reads go on, and writes again once there is room.
 * OUTCOME_UNKNOWN: the sync failed; the store has stopped, and only its next recovery will tell
 * whether the batch is in. IO_ERROR: the store had stopped before; nothing was written. */
status MAY_YIELD engine_commit(struct engine *e, const struct engine_batch *b, bool sync)
    MUST_CHECK;

/* Make everything committed so far durable. */
status MAY_YIELD engine_sync(struct engine *e) MUST_CHECK;

/* Apply the batch of a committed Raft entry, which sets the range's applied index: visible when the
 * call returns, atomically, and written to memory only. After a crash the range's log brings it
 * back (raft_log_replay()), so the entry must have been handed to raft_log_write() before (L9).
 * Waits as commits do while the engine's background work is behind; no order between calls that
 * wait. IO_ERROR: the store had stopped. */
status MAY_YIELD engine_apply(struct engine *e, const struct engine_batch *b) MUST_CHECK;

/* The index the range's state stands at: what reads see; what would be left after a crash now; and
 * what is durable in tables (or a checkpoint), so that no log is needed for it. What came by
 * engine_apply() would be left only when it is in tables, as far as the engine can tell. 0 when it
 * has none. */
uint64_t engine_applied(struct engine *e, uint64_t range_id);
uint64_t engine_applied_durable(struct engine *e, uint64_t range_id);
uint64_t engine_applied_flushed(struct engine *e, uint64_t range_id);

/* From now on nobody reads [start, end) below `threshold`; the caller has made sure of that,
 * durably. An engine with tables leaves out what no read can see when it writes them anew. A lower
 * threshold than before changes nothing. Whether it is remembered over a restart is open. */
void engine_gc_threshold(struct engine *e, slice start, slice end, hlc_ts threshold);

/* Drop versions that no read at or above `threshold` can see from keys in [start, end), as far as
 * they are in memory: all but the newest at or below it, and that too when it is a tombstone that
 * hides nothing in tables. Looks at up to `budget` versions, then sets *resume (appended to an
 * empty buffer) to where to go on; an empty one means that the span is done. The caller has made
 * sure, durably, that nobody reads below the threshold: the engine does not log what it drops here,
 * and after a crash some of it may be back. *dropped counts. */
status MAY_YIELD engine_gc(struct engine *e, slice start, slice end, hlc_ts threshold,
                           uint64_t budget, struct buf *resume, uint64_t *dropped) MUST_CHECK;

/* ---- reads
 * ---------------------------------------------------------------------------------------- */

struct engine_value {
    bool   found;     /* there is a version; a tombstone is one */
    bool   tombstone; /* then `value` is empty */
    hlc_ts ts;
    slice  value;
};

/* The newest version of `key` at or below `ts`. `s` is the snapshot to read, NULL for now. */
status MAY_YIELD engine_get(struct engine *e, struct engine_snapshot *s, slice key, hlc_ts ts,
                            struct engine_value *out) MUST_CHECK;
/* An unversioned key; out->ts is 0. */
status MAY_YIELD engine_get_meta(struct engine *e, struct engine_snapshot *s, slice key,
                                 struct engine_value *out) MUST_CHECK;

/* The state of now, kept for reading until released; both key spaces. It has every commit and
 * ingestion that has become visible, whole, and none that becomes so later; nor do clears, dropped
 * spans and garbage collection take anything from it. Cheap, but what it alone still sees stays in
 * memory and on disk, so it must not live without limit. Never NULL. */
struct engine_snapshot *engine_snapshot_take(struct engine *e);
/* Accepts NULL. */
void                    engine_snapshot_release(struct engine *e, struct engine_snapshot *s);

enum engine_iter_mode {
    /* Of each key the newest version at or below `ts`; tombstones hide their key. */
    ENGINE_ITER_VISIBLE,
    /* As VISIBLE, but a key whose newest version is a tombstone is shown. */
    ENGINE_ITER_TOMBSTONES,
    /* Every version with newer_than < version <= ts, newest first (refresh, backup, change feed).
     * What holds nothing of that time is not read, so a short time is cheap over a large span. */
    ENGINE_ITER_VERSIONS,
    /* The unversioned keys. */
    ENGINE_ITER_META,
};

struct engine_iter_options {
    struct engine_snapshot *snapshot; /* NULL: the state at the opening */
    enum engine_iter_mode   mode;
    slice                   start, end; /* [start, end); empty `end`: no upper end; copied */
    slice                   prefix;     /* only keys that begin so; copied */
    hlc_ts                  ts;
    hlc_ts                  newer_than;
};

/* Where an iterator stands. Read-only for users. An iterator sees the state of its opening, or of
 * its snapshot, whatever is written, cleared, dropped or ingested while it is open. */
struct engine_iter {
    const struct engine_ops *ops;
    bool                     valid; /* false before the first move, and past either end */
    bool                     tombstone;
    slice                    key;
    hlc_ts                   ts;
    slice                    value;
};

/* Open on no entry. On success *out belongs to the caller. */
status engine_iter_open(struct engine *e, const struct engine_iter_options *options,
                        struct engine_iter **out) MUST_CHECK;
/* Accepts NULL. */
void   engine_iter_close(struct engine_iter *it);

/* Move; it->valid says whether there is an entry. Seeks go to the first entry whose key is at or
 * above `key`, seek_before to the last whose key is below it; both stay inside the bounds. next and
 * prev need a valid iterator. */
status MAY_YIELD engine_iter_first(struct engine_iter *it) MUST_CHECK;
status MAY_YIELD engine_iter_last(struct engine_iter *it) MUST_CHECK;
status MAY_YIELD engine_iter_seek(struct engine_iter *it, slice key) MUST_CHECK;
status MAY_YIELD engine_iter_seek_before(struct engine_iter *it, slice key) MUST_CHECK;
status MAY_YIELD engine_iter_next(struct engine_iter *it) MUST_CHECK;
status MAY_YIELD engine_iter_prev(struct engine_iter *it) MUST_CHECK;

/* ---- spans of keys
 * --------------------------------------------------------------------------------
 * Of versioned keys; an empty `end`: no upper end. */

/* About how many bytes [start, end) holds, all versions; 0 for an empty span. In memory: what the
 * entries take there; in tables: in the files, with all that newer entries hide, blocks at the
 * bounds by whole or not. Looks at indexes alone, not at data, and never tells less of a larger
 * span. */
status MAY_YIELD engine_span_size(struct engine *e, slice start, slice end, uint64_t *size)
    MUST_CHECK;

/* Put the key with which [start, key) holds about half of those bytes into the empty *key: above
 * `start`, below `end`, not always a key that exists. It stays empty when there is nothing in
 * between. Looks at indexes alone. */
status MAY_YIELD engine_span_middle(struct engine *e, slice start, slice end, struct buf *key)
    MUST_CHECK;

/* Take all versions of the keys in [start, end) away, durably, as a commit with sync of a batch
 * that clears the span does, and with its errors. Then tables that have nothing outside the span go
 * at once, with the space they take soon after no snapshot or iterator sees them; what is left of
 * the others, or finds no room for the edit on a full disk, goes with compaction. OUTCOME_UNKNOWN:
 * the store has stopped, and only its next recovery will tell whether the span was cleared. */
status MAY_YIELD engine_drop_span(struct engine *e, slice start, slice end) MUST_CHECK;

/* ---- tables
 * --------------------------------------------------------------------------------------- */

/* A table of an engine that has some. Keys begin with a byte that tells meta keys (0) from
 * versioned ones (1). */
struct engine_table {
    uint64_t number; /* its file is <12 digits>.sst */
    unsigned level;
    uint64_t size;            /* of the file, in bytes */
    slice    least, greatest; /* of what it holds or clears */
    hlc_ts   ts_min, ts_max;  /* of its entries; both 0 without any */
    uint64_t entries;         /* of all kinds */
    uint64_t keys;            /* different ones among them; 0: not counted */
    uint64_t tombstones;      /* of the entries: versions that say "deleted" */
    uint64_t cleared;         /* of the entries: such as hide one version in older tables */
    uint64_t clears;          /* spans hidden in older tables */
    uint64_t raw_size;        /* of keys and values, before compression */
    uint64_t created_us;      /* wall clock */
};

typedef status engine_table_fn(void *ctx, const struct engine_table *t);

/* Call `visit` for each table of now: of level 0 from the newest, then level by level by key. What
 * it is given lives until it returns; it may yield. Its first error ends the walk and is
 * returned. An engine without tables has none to show. */
status MAY_YIELD engine_tables(struct engine *e, engine_table_fn *visit, void *ctx) MUST_CHECK;

enum { ENGINE_LEVELS = 7 };

/* The tables of one level together. */
struct engine_level {
    uint64_t tables;
    uint64_t size; /* of the files, in bytes */
    uint64_t raw_size;
    uint64_t entries, tombstones, cleared, clears;
};

/* Sum up the levels of now; all zeros without tables. */
void engine_levels(struct engine *e, struct engine_level out[ENGINE_LEVELS]);

/* ---- state
 * ---------------------------------------------------------------------------------------- */

enum engine_state { ENGINE_RUNNING, ENGINE_READ_ONLY /* full disk */, ENGINE_STOPPED };

enum engine_state engine_state(const struct engine *e);

struct engine_stats {
    uint64_t entries; /* versions, tombstones included */
    uint64_t meta_entries;
    uint64_t memory_size; /* bytes held for data */
    uint64_t log_size;    /* bytes of log that a recovery would read */
    uint64_t disk_size;   /* bytes of all files */
};

void engine_stats(struct engine *e, struct engine_stats *out);

/* Write a checkpoint now and free the log before it. WRONG_STATE for an engine without files. */
status MAY_YIELD engine_checkpoint(struct engine *e) MUST_CHECK;

/* Make a copy of the store in the new directory `dir`, which engine_open() opens with the same
 * options: the state of one moment during the call, whole, with the Raft logs of its ranges. It is
 * durable when the call returns. Files that never change again, which is all but a few MiB, are
 * shared by hard links: the copy takes next to no time and space, but what one of the two
 * deletes is freed only when the other does too; `dir` must be in the same file system
 * (FEATURE_NOT_SUPPORTED). Commits wait while the log is linked, for microseconds. The copy has the
 * store's identity, so that only one of the two may be used as the node's.
 * DUPLICATE_FILE: `dir` is there already. WRONG_STATE: the engine has no files. DISK_FULL,
 * IO_ERROR: the directory has been removed again, as far as that was possible. After a crash in it
 * the directory is refused by engine_open() (CORRUPT, or UNDEFINED_FILE with must_exist) and is to
 * be deleted. */
status MAY_YIELD engine_copy(struct engine *e, const char *dir) MUST_CHECK;

/*  kind       field           name                                help */
#define ENGINE_METRICS(X)                                                                          \
    X(COUNTER, commits, "storage_commits_total", "Batches committed.")                             \
    X(COUNTER, commit_bytes, "storage_commit_bytes_total", "Bytes of batches committed.")          \
    X(COUNTER, applied, "storage_applied_total", "Batches of replicated entries applied.")         \
    X(COUNTER, applied_bytes, "storage_applied_bytes_total", "Bytes of these batches.")            \
    X(COUNTER, ingests, "storage_ingests_total", "Prebuilt tables, or sets of them, ingested.")    \
    X(COUNTER, ingest_bytes, "storage_ingest_bytes_total", "Bytes of these tables.")               \
    X(COUNTER, log_writes, "storage_log_writes_total", "Writes to the log, one per group.")        \
    X(COUNTER, log_bytes, "storage_log_bytes_total", "Bytes written to the log.")                  \
    X(HISTOGRAM, group_size, "storage_log_group_batches", "Batches that shared one log write.")    \
    X(HISTOGRAM, sync_us, "storage_log_sync_us", "Time of a synced log write, microseconds.")      \
    X(COUNTER, checkpoints, "storage_checkpoints_total", "Checkpoints written.")                   \
    X(GAUGE, checkpoint_bytes, "storage_checkpoint_bytes", "Size of the last checkpoint.")         \
    X(GAUGE, entries, "storage_entries", "Versions held, tombstones included.")                    \
    X(GAUGE, memory_bytes, "storage_memory_bytes", "Memory held for data.")                        \
    X(COUNTER, compactions, "storage_compactions_total", "Compactions done.")                      \
    X(COUNTER, compaction_failures, "storage_compaction_failures_total",                           \
      "Compactions that failed.")                                                                  \
    X(COUNTER, compaction_bytes, "storage_compaction_bytes_total", "Bytes compactions wrote.")     \
    X(GAUGE, compactions_running, "storage_compactions_running", "Compactions under way.")         \
    X(COUNTER, write_delay_us, "storage_write_delay_us_total", "Delays of commits, microseconds.") \
    X(COUNTER, write_stops, "storage_write_stops_total", "Commits that waited for tables.")        \
    X(COUNTER, gc_dropped, "storage_gc_dropped_total", "Versions dropped by garbage collection.")  \
    X(COUNTER, disk_full, "storage_disk_full_total", "Commits refused because the disk is full.")

struct engine_metrics {
    ENGINE_METRICS(METRIC_FIELD)
};

const struct engine_metrics *engine_metrics(const struct engine *e);
/* Show them, and those of the kind of engine, as long as both live. */
void engine_register_metrics(struct engine *e, struct metrics *m, const char *labels);

#endif
