/* lib/storage/lsm/merge.h: the part of a compaction that computes: bytes of tables in, bytes of
 * tables out.
 *
 * A merge touches no file, no clock and nothing of a node's, so its steps run as jobs on another
 * thread, one at a time, while a fiber reads what the next step eats and writes what the last one
 * made (pitfall L18). All its memory is malloc's.
 *
 * What it leaves out (docs/design/14-lsm-engine.md, "Compaction"): what a newer source hides;
 * CLEARED entries and clears that no older source can need; versions below a threshold of garbage
 * collection, but the newest at or below it, and that too when it is a tombstone over nothing
 * (L14). */
#ifndef LINERA_STORAGE_LSM_MERGE_H
#define LINERA_STORAGE_LSM_MERGE_H

#include "storage/lsm/picker.h"
#include "storage/lsm/table_writer.h"

struct merge;

struct merge_options {
    /* Answers what older sources may hold and where outputs end. Must live as long as the merge;
     * read by any thread. */
    const struct pick         *pick;
    size_t                     source_count;
    uint64_t                   table_size; /* an output ends past this */
    /* Thresholds that overlap the span, sorted and apart. Copied. */
    const struct gc_threshold *gc;
    size_t                     gc_count;
    hlc_ts gc_max; /* nothing above it is garbage, whatever the thresholds say */
};

/* Never NULL. */
struct merge *merge_new(const struct merge_options *options);
/* Accepts NULL. */
void          merge_free(struct merge *m);

/* ---- between steps --------------------------------------------------------------------------- */

/* The clears of a source, sorted and apart, before the first step. Copied. Sources count from the
 * newest, 0, to the oldest. */
void merge_add_clears(struct merge *m, size_t source, const struct lsm_clear *clears, size_t count);

/* More of a source: `bytes` of the table of `seal`, which begin at `offset` of its file, with the
 * data blocks `blocks` in it, in order, and all value blocks that their entries name. In the order
 * of the source's keys, a table after the other. Takes `bytes`, on malloc's heap; `blocks` is
 * copied, and `seal`, whose cipher lives longer than the merge. */
void merge_feed(struct merge *m, size_t source, const struct table_seal *seal, uint64_t offset,
                struct buf *bytes, const struct block_handle *blocks, size_t count);
/* The source has no more. */
void merge_end_source(struct merge *m, size_t source);

/* The next output, once a step has asked for it. */
void merge_begin_table(struct merge *m, const struct table_options *table);

/* The bytes made so far, to be written behind those before; the caller resets it, or puts another
 * empty one of malloc's in its place. NULL: there is no output now. */
struct buf *merge_output(struct merge *m);

/* The table that has ended; borrowed until the next step. */
const struct table_properties *merge_table(const struct merge *m);

struct merge_counts {
    uint64_t entries_in, entries_out;
    uint64_t dropped_hidden;  /* by a newer entry or clear */
    uint64_t dropped_garbage; /* below a threshold */
    uint64_t dropped_cleared; /* CLEARED with nothing left to hide */
};

const struct merge_counts *merge_counts(const struct merge *m);

/* ---- the step -------------------------------------------------------------------------------- */

enum merge_state {
    MERGE_NEED_INPUT, /* of *source */
    MERGE_NEED_TABLE, /* merge_begin_table() */
    MERGE_OUTPUT,     /* merge_output() has enough to be written */
    MERGE_TABLE_DONE, /* merge_output() has the last of a table, merge_table() what it is */
    MERGE_DONE,
};

/* Go on until something is needed or there is something to take. CORRUPT: an input is damaged; the
 * merge is then only to be freed. */
status merge_step(struct merge *m, enum merge_state *state, size_t *source) MUST_CHECK;

#endif
