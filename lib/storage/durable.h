/* lib/storage/durable.h: the files of a memory engine's store: identity and lock, log with group
 * commit, recovery, checkpoints. For files of lib/storage only. */
#ifndef LINERA_STORAGE_DURABLE_H
#define LINERA_STORAGE_DURABLE_H

#include "storage/mem.h"

/* Lock the directory, check or make its identity, recover into `m` and begin a new segment. */
status MAY_YIELD durable_open(struct mem_engine *m, const struct engine_options *options,
                              struct durable **out) MUST_CHECK;
/* Accepts NULL. */
void MAY_YIELD   durable_close(struct durable *d);
/* engine_commit(). An empty batch with sync only waits for what came before. */
status MAY_YIELD durable_commit(struct durable *d, slice encoded, bool sync) MUST_CHECK;
status MAY_YIELD durable_checkpoint(struct durable *d) MUST_CHECK;
void             durable_stats(const struct durable *d, struct engine_stats *out);

#endif
