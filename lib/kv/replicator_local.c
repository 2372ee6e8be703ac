#include "kv/replicator.h"

struct replicator_local {
    struct replicator base;
    struct engine    *engine;
};

static status local_propose(struct replicator *r, const struct engine_batch *batch)
{
    struct replicator_local *l = CONTAINER_OF(r, struct replicator_local, base);

    return engine_commit(l->engine, batch, true);
}

static void local_free(struct replicator *r)
{
    heap_free(CONTAINER_OF(r, struct replicator_local, base));
}

static const struct replicator_ops local_ops = {
    .propose = local_propose,
    .free = local_free,
};

status replicator_local_new(struct env *env, struct engine *engine, struct replicator **out)
{
    struct replicator_local *l = heap_zalloc(env_heap(env), sizeof *l);

    if (l == NULL)
        return STATUS_OOM;
    l->base.ops = &local_ops;
    l->engine = engine;
    *out = &l->base;
    return STATUS_OK;
}
