/* Which versions nobody can read any more; the same for every kind of engine. */
#include "storage/engine_internal.h"

/* What engine_gc() decides about one version after the other. */
struct gc {
    hlc_ts     threshold;
    struct buf key;      /* of the version before */
    bool       any;      /* there was one */
    bool       has_kept; /* that key's newest version at or below the threshold was met */
};

static bool gc_is_garbage(struct gc *g, const struct engine_iter *it)
{
    if (!g->any || !slice_eq(buf_slice(&g->key), it->key)) {
        buf_reset(&g->key);
        buf_append_slice(&g->key, it->key);
        g->any = true;
        g->has_kept = false;
    }
    if (it->ts > g->threshold)
        return false;
    if (g->has_kept)
        return true;
    g->has_kept = true;
    /* Nothing older can show once everything below the tombstone goes too. */
    return it->tombstone;
}

/* Collect what to drop from up to `budget` versions; the span's next key goes to *resume. Stops at
 * a key's first version only, so that no call begins in the middle of one. */
static status collect(struct gc *g, struct engine_iter *it, uint64_t budget,
                      struct engine_batch *drop, struct buf *resume)
{
    uint64_t seen = 0;

    TRY_RETURN(engine_iter_first(it));
    while (it->valid) {
        if (seen++ >= budget && !slice_eq(buf_slice(&g->key), it->key)) {
            buf_append_slice(resume, it->key);
            break;
        }
        if (gc_is_garbage(g, it))
            TRY_RETURN(engine_batch_clear_version(drop, it->key, it->ts));
        TRY_RETURN(engine_iter_next(it));
    }
    return STATUS_OK;
}

status engine_gc_collect(struct engine *e, slice start, slice end, hlc_ts threshold,
                         uint64_t budget, struct engine_batch *drop, struct buf *resume)
{
    struct engine_iter_options options = {
        .mode = ENGINE_ITER_VERSIONS, .start = start, .end = end, .ts = HLC_TS_MAX};
    struct gc           g = {.threshold = threshold};
    struct engine_iter *it;
    status              st;

    buf_init(&g.key, env_heap(e->env));
    TRY(st, engine_iter_open(e, &options, &it), out);
    st = collect(&g, it, budget, drop, resume);
    engine_iter_close(it); /* before the drop: what it pins would have to be copied */
out:
    buf_deinit(&g.key);
    return st;
}
