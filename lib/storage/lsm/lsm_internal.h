/* lib/storage/lsm/lsm_internal.h: the LSM engine's state, shared by its files.
 *
 * Invariants:
 * 1. Sources, from the newest: `memtable`, `waiting` from its front, the current version's tables.
 *    What a reader pins of them never changes.
 * 2. A memtable holds whole groups of the log: those from `sequence_first` below `sequence_end`
 *    (L8). It leaves `waiting` only when the manifest, durably, has its table.
 * 3. A table gets into the manifest after its file and name are durable (L12), and after the log
 *    is durable up to what it holds (L9). */
#ifndef LINERA_STORAGE_LSM_INTERNAL_H
#define LINERA_STORAGE_LSM_INTERNAL_H

#include "env/file.h"
#include "storage/durable.h"
#include "storage/lsm/lsm.h"
#include "storage/lsm/lsm_metrics.h"
#include "storage/lsm/manifest.h"
#include "storage/lsm/memtable.h"
#include "storage/lsm/picker.h"
#include "storage/lsm/table.h"
#include "storage/lsm/table_writer.h"

struct lsm {
    struct engine            base;
    struct lsm_metrics       metrics;
    struct lsm_level_metrics level_metrics[LSM_LEVELS];
    struct heap             *heap;
    struct durable          *log;
    const struct keyring    *keyring; /* the log's; NULL: the store is not encrypted */
    char                    *path;
    size_t                   memtable_size;
    uint64_t            manifest_size; /* it is written anew past this; 0: as manifest.h says */
    struct memtable    *memtable;
    struct list         waiting; /* struct memtable, the newest first */
    size_t              waiting_count;
    uint64_t            rotations; /* memtables that ever waited */
    struct version_set  set;
    struct umap         applied;  /* range id -> struct applied; what the set has is older */
    struct manifest    *manifest; /* NULL until it is opened or made */
    struct cache       *cache;
    struct block_codec *codec;
    struct picker       picker;
    bool                is_flushing, is_closing;
    bool                is_held; /* writes wait, and no compaction begins: an ingestion is at it */
    struct env_mutex    ingest_lock;
    uint64_t            flushes;        /* memtables that have become tables */
    uint64_t            flush_failures; /* memtables that could not be written, tries counted */
    status              flush_error;    /* of the last flush */
    unsigned            flush_failures_running; /* since one went well */
    bool                compact_fails;          /* the last compaction did */
    struct pick       **picks;                  /* the compactions under way */
    size_t              pick_count, compactions_max;
    uint64_t           *dead; /* numbers of tables whose files are to be deleted */
    size_t              dead_count;
    bool                is_deleting;
    bool                is_resting;          /* level 0 is watched: rest_fiber() */
    uint64_t            quiet_written;       /* bytes written when ... */
    uint64_t            quiet_from_us;       /* ... it was last seen that some had been */
    uint64_t            paced_ns;            /* when the next commit may be, if any is behind */
    uint64_t            compaction_rate;     /* 0: the default */
    uint64_t            compaction_paced_us; /* when the next write of a compaction may be */
    uint64_t        drops; /* edits that took tables away whole: a compaction may have lost its */
    struct env_cond idle;  /* something in the background has ended, or made room */
    struct cached  *held;  /* what the last get returned lies in it, */
    struct buf      copy;  /* or in this */
    size_t          readers;
    uint64_t        scrub_rate, scrub_interval_us;
    struct fiber   *scrubber; /* NULL: there is none */
};

static inline struct lsm *lsm_of(struct engine *e)
{
    return CONTAINER_OF(e, struct lsm, base);
}

/* The sources of one moment, pinned. */
struct lsm_state {
    struct memtable_view *views; /* the newest first */
    size_t                view_count;
    struct version       *version;
};

void lsm_state_take(struct lsm *l, struct lsm_state *out);
void lsm_state_copy(struct lsm *l, const struct lsm_state *s, struct lsm_state *out);
void lsm_state_release(struct lsm_state *s);

/* The path of a table's file; heap_free() it. */
char            *lsm_table_path(const struct lsm *l, uint64_t number);
/* The open table, opened when it was not. As long as the file is in a pinned version. */
status MAY_YIELD lsm_table_of(struct lsm *l, const struct version_table *vt, struct lsm_table **out)
    MUST_CHECK;
/* Append the edit; an error that is final stops the store. */
status MAY_YIELD lsm_edit(struct lsm *l, const struct manifest_edit *e) MUST_CHECK;

/* lsm_iter.c */
status           lsm_iter_open(struct engine *e, const struct engine_iter_options *options,
                               struct engine_iter **out) MUST_CHECK;
void             lsm_iter_close(struct engine_iter *it);
status MAY_YIELD lsm_iter_first(struct engine_iter *it) MUST_CHECK;
status MAY_YIELD lsm_iter_last(struct engine_iter *it) MUST_CHECK;
status MAY_YIELD lsm_iter_seek(struct engine_iter *it, slice key) MUST_CHECK;
status MAY_YIELD lsm_iter_seek_before(struct engine_iter *it, slice key) MUST_CHECK;
status MAY_YIELD lsm_iter_next(struct engine_iter *it) MUST_CHECK;
status MAY_YIELD lsm_iter_prev(struct engine_iter *it) MUST_CHECK;
/* What of a state is looked for: entries of keys in [start, end), both with their space (empty
 * `end`: no upper end), and with ts_min <= ts <= ts_max. */
struct lsm_interest {
    slice  start, end;
    hlc_ts ts_min, ts_max;
};

/* One cursor over all sources of the state, which it does not pin. It shows all that `wanted` asks
 * for, and some other entries as well: what holds nothing wanted is left out, but for its clears.
 */
status MAY_YIELD lsm_state_cursor(struct lsm *l, const struct lsm_state *s,
                                  const struct lsm_interest *wanted, struct lsm_cursor **out)
    MUST_CHECK;

/* The bounds [start, end) of data keys with their space, in *room, which is empty. */
struct lsm_span {
    slice start, end;
};
struct lsm_span lsm_span_of(struct buf *room, enum lsm_space space, slice start, slice end);

/* span.c */
status MAY_YIELD lsm_span_size(struct engine *e, slice start, slice end, uint64_t *size) MUST_CHECK;
status MAY_YIELD lsm_span_middle(struct engine *e, slice start, slice end, struct buf *key)
    MUST_CHECK;
status MAY_YIELD lsm_drop_span(struct engine *e, slice start, slice end) MUST_CHECK;
status MAY_YIELD lsm_tables(struct engine *e, engine_table_fn *visit, void *ctx) MUST_CHECK;

/* Remove those tables of `before` that have nothing outside the span and are still in `now`. */
void lsm_remove_inside(const struct version *before, const struct version *now,
                       const struct lsm_span *s, struct manifest_edit *e);

/* copy.c */
status MAY_YIELD lsm_copy(struct engine *e, const char *dir) MUST_CHECK;

/* ingest.c */
status         lsm_builder_open(struct engine *e, const struct engine_builder_options *options,
                                struct engine_builder **out) MUST_CHECK;
/* Wait until nothing holds writes back. */
void MAY_YIELD lsm_await_writes(struct lsm *l);

/* flush.c */
/* Make the memtable one that waits, if it holds anything, and see to it that it is written. */
void             lsm_rotate(struct lsm *l);
/* Have written to tables soon what keeps the log long, even if that is next to nothing. */
void             lsm_shorten_log(struct lsm *l);
/* Start the flush fiber, unless it runs or nothing waits. */
void             lsm_start_flush(struct lsm *l);
/* Make the memtable one that waits if its table takes less room than the log it keeps. */
void             lsm_relieve(struct lsm *l);
/* Write all that was committed so far to tables. On error, e.g. DISK_FULL, it is tried again in the
 * background. */
status MAY_YIELD lsm_flush(struct lsm *l) MUST_CHECK;

/* scrub.c */
status         lsm_scrub_start(struct lsm *l) MUST_CHECK;
void MAY_YIELD lsm_scrub_stop(struct lsm *l);

/* compact.c */
/* Start compactions, a fiber each, as far as there is something to do and room for them. */
void lsm_start_compaction(struct lsm *l);

/* pace.c */
/* Wait as long as a commit of `size` bytes has to, for the background to keep up. A full disk, or a
 * compaction that fails, is not waited for: without tables the log is what bounds memory, and on a
 * full disk it refuses what frees nothing. */
void MAY_YIELD lsm_back_pressure(struct lsm *l, size_t size);
/* What is written from now on ends the rest. */
void           lsm_note_writes(struct lsm *l);
/* More than next to nothing was written since. */
bool           lsm_has_written(const struct lsm *l);
/* Next to nothing was written for a while. */
bool           lsm_is_at_rest(const struct lsm *l);
/* Wait until a compaction may write `size` bytes. */
void MAY_YIELD lsm_pace_compaction(struct lsm *l, size_t size);

/* A table's file being written from a job's output. */
struct table_file {
    struct lsm      *lsm;
    uint64_t         number;
    struct file_seal key;    /* of an encrypted store */
    struct cipher   *cipher; /* the same */
    char            *path;
    struct env_file *file;
    uint64_t         offset;
};

status MAY_YIELD     table_file_open(struct lsm *l, struct table_file *f) MUST_CHECK;
/* How the table in it is to be written; good until the file is finished or abandoned. */
struct table_options table_file_options(const struct table_file *f);
/* Write what is in *bytes, and empty it. */
status MAY_YIELD     table_file_write(struct table_file *f, struct buf *bytes) MUST_CHECK;
/* Make content durable; the name is with lsm_sync_dir(). */
status MAY_YIELD     table_file_finish(struct table_file *f) MUST_CHECK;
/* Give up: delete the file. Accepts one that was never opened. */
void                 table_file_abandon(struct table_file *f);

/* What the manifest keeps of a finished table, borrowing from `p`. */
struct table_meta lsm_meta_of(const struct table_file *f, uint32_t level,
                              const struct table_properties *p);

#endif
