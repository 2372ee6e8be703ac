/* lib/storage/ingest.h: data that comes prebuilt, in bulk: snapshots of ranges, restores, loads.
 *
 * A builder is fed in order and writes tables beside the engine's own, which nobody sees; ingesting
 * makes all of them part of the engine at once, without passing the log or the memtable. What was
 * ingested is newer than all that was committed before and older than what is committed later.
 * The memory engine has no tables: there the builder keeps a batch, which is committed, so what it
 * holds is limited by ENGINE_BATCH_SIZE_MAX (LIMIT_EXCEEDED). */
#ifndef LINERA_STORAGE_INGEST_H
#define LINERA_STORAGE_INGEST_H

#include "storage/engine.h"

struct engine_builder;

/* What goes when the tables come, in the same step; spans of versioned keys and of meta keys. */
struct engine_builder_options {
    bool  replaces;   /* all versions of keys in [start, end); an empty `end`: no upper end */
    slice start, end; /* borrowed during the call */
    bool  replaces_meta;
    slice meta_start, meta_end;
};

/* An empty builder. On success *out belongs to the caller, who closes it before the engine. */
status MAY_YIELD engine_builder_open(struct engine *e, const struct engine_builder_options *options,
                                     struct engine_builder **out) MUST_CHECK;

/* Add meta keys first, in order, then versioned keys, in order, the versions of one key from the
 * newest to the oldest. Each copies what it is given. INVALID_PARAMETER_VALUE: it is out of order.
 * LIMIT_EXCEEDED: key or value is too large. Then nothing was added. DISK_FULL, IO_ERROR: the
 * builder is only to be closed. */
status MAY_YIELD engine_builder_put_meta(struct engine_builder *b, slice key, slice value)
    MUST_CHECK;
status MAY_YIELD engine_builder_put(struct engine_builder *b, slice key, hlc_ts ts, slice value)
    MUST_CHECK;
/* A tombstone. */
status MAY_YIELD engine_builder_delete(struct engine_builder *b, slice key, hlc_ts ts) MUST_CHECK;

/* About how many bytes its tables, or its batch, have. */
uint64_t engine_builder_size(const struct engine_builder *b);

/* Make what was added part of the engine, whole and durable, together with the spans that it
 * replaces, and the applied index of the range when `index` is not 0 (pitfall L10). All that was
 * committed before is durable then too. What is in memory and overlaps it is written to tables
 * before; meanwhile commits go on, but during the last step, about as long as a synced write, they
 * wait. Snapshots and iterators of before do not see it. Once per builder, which is only to be
 * closed after success.
 * DISK_FULL, IO_ERROR: nothing has changed, and it may be tried again. OUTCOME_UNKNOWN: the store
 * has stopped, and only its next recovery will tell. */
status MAY_YIELD engine_ingest(struct engine *e, struct engine_builder *b, uint64_t range_id,
                               uint64_t index) MUST_CHECK;

/* Close, and delete what was not ingested. Accepts NULL. */
void MAY_YIELD engine_builder_close(struct engine_builder *b);

#endif
