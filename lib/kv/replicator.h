/* lib/kv/replicator.h: how a range makes a batch durable and applied, whoever takes part in it.
 *
 * The range evaluates under latches; the replicator decides order and durability. The local one
 * commits to the range's own engine; Raft's appends, waits for a quorum and for the apply. Applying
 * depends on the batch and the engine alone (pitfall R11), and each proposal applies at most once
 * (R12). */
#ifndef LINERA_KV_REPLICATOR_H
#define LINERA_KV_REPLICATOR_H

#include "base/status.h"
#include "storage/engine.h"

struct replicator;

struct replicator_ops {
    /* Returns when the batch is durable and visible in the engine. OUTCOME_UNKNOWN: it may yet
     * apply or not (pitfall T1). Any other error: it is not applied and never will be. Not
     * cancellable. */
    status (*propose)(struct replicator *r, const struct engine_batch *batch);
    void (*free)(struct replicator *r);
};

struct replicator {
    const struct replicator_ops *ops;
};

static inline status MAY_YIELD replicator_propose(struct replicator         *r,
                                                  const struct engine_batch *b)
{
    return r->ops->propose(r, b);
}

static inline void replicator_free(struct replicator *r)
{
    if (r != NULL)
        r->ops->free(r);
}

/* One replica, this one: a proposal is a synced commit of the engine, which batches the commits of
 * concurrent fibers. `engine` is borrowed. */
status replicator_local_new(struct env *env, struct engine *engine, struct replicator **out)
    MUST_CHECK;

#endif
