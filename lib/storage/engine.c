#include "storage/engine.h"

#include "base/assert.h"
#include "base/keyenc.h"
#include "env/file.h"
#include "storage/engine_internal.h"
#include "storage/lsm/lsm.h"

status engine_open(struct env *env, const struct engine_options *options, struct engine **out)
{
    if (options->type == ENGINE_LSM && options->path != NULL && strcmp(options->path, "mem:") != 0)
        return lsm_engine_open(env, options, out);
    if (options->store_key != NULL)
        return status_new(ST_FEATURE_NOT_SUPPORTED, "a store in memory cannot be encrypted");
    return mem_engine_open(env, options, out);
}

void engine_close(struct engine *e)
{
    if (e != NULL)
        e->ops->close(e);
}

const struct engine_identity *engine_identity(const struct engine *e)
{
    return &e->identity;
}

static status check_running(const struct engine *e)
{
    if (LIKELY(e->state != ENGINE_STOPPED))
        return STATUS_OK;
    return status_hint(status_new(ST_IO_ERROR, "the store has stopped after a failed sync"),
                       "Check the disk, then restart the node.");
}

status engine_commit(struct engine *e, const struct engine_batch *b, bool sync)
{
    TRY_RETURN(check_running(e));
    TRY_RETURN(e->ops->commit(e, b, sync));
    metric_add(&e->metrics.commits, 1);
    metric_add(&e->metrics.commit_bytes, engine_batch_size(b));
    return STATUS_OK;
}

status engine_apply(struct engine *e, const struct engine_batch *b)
{
    TRY_RETURN(check_running(e));
    TRY_RETURN(e->ops->apply(e, b));
    metric_add(&e->metrics.applied, 1);
    metric_add(&e->metrics.applied_bytes, engine_batch_size(b));
    return STATUS_OK;
}

status engine_sync(struct engine *e)
{
    TRY_RETURN(check_running(e));
    return e->ops->sync(e);
}

uint64_t engine_applied(struct engine *e, uint64_t range_id)
{
    return e->ops->applied(e, range_id, ENGINE_APPLIED_NOW);
}

uint64_t engine_applied_durable(struct engine *e, uint64_t range_id)
{
    return e->ops->applied(e, range_id, ENGINE_APPLIED_DURABLE);
}

uint64_t engine_applied_flushed(struct engine *e, uint64_t range_id)
{
    return e->ops->applied(e, range_id, ENGINE_APPLIED_FLUSHED);
}

void engine_gc_threshold(struct engine *e, slice start, slice end, hlc_ts threshold)
{
    if (e->ops->gc_threshold != NULL)
        e->ops->gc_threshold(e, start, end, threshold);
}

status engine_gc(struct engine *e, slice start, slice end, hlc_ts threshold, uint64_t budget,
                 struct buf *resume, uint64_t *dropped)
{
    ASSERT(budget > 0);
    TRY_RETURN(check_running(e));
    TRY_RETURN(e->ops->gc(e, start, end, threshold, budget, resume, dropped));
    metric_add(&e->metrics.gc_dropped, *dropped);
    return STATUS_OK;
}

status engine_get(struct engine *e, struct engine_snapshot *s, slice key, hlc_ts ts,
                  struct engine_value *out)
{
    TRY_RETURN(check_running(e));
    return e->ops->get(e, s, key, ts, out);
}

status engine_get_meta(struct engine *e, struct engine_snapshot *s, slice key,
                       struct engine_value *out)
{
    TRY_RETURN(check_running(e));
    return e->ops->get_meta(e, s, key, out);
}

struct engine_snapshot *engine_snapshot_take(struct engine *e)
{
    return e->ops->snapshot_take(e);
}

void engine_snapshot_release(struct engine *e, struct engine_snapshot *s)
{
    if (s != NULL)
        e->ops->snapshot_release(e, s);
}

/* The bounds that the prefix leaves. Keys with a prefix of 0xff alone have no end. */
static status open_with_prefix(struct engine *e, const struct engine_iter_options *options,
                               struct engine_iter **out)
{
    struct engine_iter_options o = *options;
    struct buf                 end;
    status                     st;

    buf_init(&end, env_heap(e->env));
    buf_append_slice(&end, o.prefix);
    if (slice_cmp(o.start, o.prefix) < 0)
        o.start = o.prefix;
    if (keyenc_prefix_end(&end) && (o.end.size == 0 || slice_cmp(buf_slice(&end), o.end) < 0))
        o.end = buf_slice(&end);
    st = e->ops->iter_open(e, &o, out);
    buf_deinit(&end);
    return st;
}

status engine_iter_open(struct engine *e, const struct engine_iter_options *options,
                        struct engine_iter **out)
{
    TRY_RETURN(check_running(e));
    if (options->prefix.size > 0)
        return open_with_prefix(e, options, out);
    return e->ops->iter_open(e, options, out);
}

void engine_iter_close(struct engine_iter *it)
{
    if (it != NULL)
        it->ops->iter_close(it);
}

status engine_iter_first(struct engine_iter *it)
{
    return it->ops->iter_first(it);
}

status engine_iter_last(struct engine_iter *it)
{
    return it->ops->iter_last(it);
}

status engine_iter_seek(struct engine_iter *it, slice key)
{
    return it->ops->iter_seek(it, key);
}

status engine_iter_seek_before(struct engine_iter *it, slice key)
{
    return it->ops->iter_seek_before(it, key);
}

status engine_iter_next(struct engine_iter *it)
{
    ASSERT(it->valid);
    return it->ops->iter_next(it);
}

status engine_iter_prev(struct engine_iter *it)
{
    ASSERT(it->valid);
    return it->ops->iter_prev(it);
}

status engine_span_size(struct engine *e, slice start, slice end, uint64_t *size)
{
    TRY_RETURN(check_running(e));
    return e->ops->span_size(e, start, end, size);
}

status engine_span_middle(struct engine *e, slice start, slice end, struct buf *key)
{
    ASSERT(key->size == 0);
    TRY_RETURN(check_running(e));
    if (end.size > 0 && slice_cmp(start, end) >= 0)
        return STATUS_OK;
    return e->ops->span_middle(e, start, end, key);
}

status engine_drop_span(struct engine *e, slice start, slice end)
{
    TRY_RETURN(check_running(e));
    if (end.size > 0 && slice_cmp(start, end) >= 0)
        return engine_sync(e); /* as a commit that clears nothing */
    return e->ops->drop_span(e, start, end);
}

status engine_tables(struct engine *e, engine_table_fn *visit, void *ctx)
{
    return e->ops->tables(e, visit, ctx);
}

static status add_to_level(void *ctx, const struct engine_table *t)
{
    struct engine_level *l = (struct engine_level *)ctx + t->level;

    l->tables++;
    l->size += t->size;
    l->raw_size += t->raw_size;
    l->entries += t->entries;
    l->tombstones += t->tombstones;
    l->cleared += t->cleared;
    l->clears += t->clears;
    return STATUS_OK;
}

void engine_levels(struct engine *e, struct engine_level out[ENGINE_LEVELS])
{
    memset(out, 0, ENGINE_LEVELS * sizeof *out);
    st_clear(engine_tables(e, add_to_level, out)); /* no visit fails */
}

enum engine_state engine_state(const struct engine *e)
{
    return e->state;
}

void engine_stats(struct engine *e, struct engine_stats *out)
{
    *out = (struct engine_stats){0};
    e->ops->stats(e, out);
}

status engine_checkpoint(struct engine *e)
{
    TRY_RETURN(check_running(e));
    return e->ops->checkpoint(e);
}

/* Give up a copy that was begun. The identity goes first, durably: with it, and some of the others
 * lost in a crash, what is left could pass for a damaged store, or for a whole one. */
static void remove_copy(struct env *env, const char *dir)
{
    struct arena *arena = arena_new(env_heap(env), NULL);
    const char  **names;
    size_t        count = 0;
    struct buf    path;

    buf_init(&path, env_heap(env));
    buf_printf(&path, "%s/identity", dir);
    st_clear(env_unlink(env, buf_cstr(&path)));
    st_clear(env_sync_dir(env, dir, ENV_LANE_IO));
    st_clear(env_list_dir(env, dir, arena, &names, &count));
    for (size_t i = 0; i < count; i++) {
        buf_reset(&path);
        buf_printf(&path, "%s/%s", dir, names[i]);
        st_clear(env_unlink(env, buf_cstr(&path)));
    }
    st_clear(env_rmdir(env, dir));
    buf_deinit(&path);
    arena_free(arena);
}

status engine_copy(struct engine *e, const char *dir)
{
    status st;

    TRY_RETURN(check_running(e));
    if (!e->has_files)
        return status_new(ST_WRONG_STATE, "a store in memory cannot be copied");
    TRY_RETURN(env_mkdir(e->env, dir));
    st = e->ops->copy(e, dir);
    if (st_ok(st))
        return STATUS_OK;
    remove_copy(e->env, dir);
    return status_wrap(st, "could not copy the store to \"%s\"", dir);
}

const struct engine_metrics *engine_metrics(const struct engine *e)
{
    return &e->metrics;
}

#define X(...) METRIC_DESC(struct engine_metrics, __VA_ARGS__)
static const struct metric_desc metric_descs[] = {ENGINE_METRICS(X)};
#undef X

void engine_register_metrics(struct engine *e, struct metrics *m, const char *labels)
{
    metrics_add(m, metric_descs, ARRAY_LEN(metric_descs), &e->metrics, labels);
    if (e->ops->register_metrics != NULL)
        e->ops->register_metrics(e, m, labels);
}

status engine_commit_clear(struct engine *e, slice start, slice end)
{
    struct engine_batch b;
    status              st;

    engine_batch_init(&b, env_heap(e->env));
    st = engine_batch_clear_range(&b, start, end);
    if (st_ok(st))
        st = engine_commit(e, &b, true);
    engine_batch_deinit(&b);
    return st;
}

void engine_new_identity(struct engine *e, const struct engine_options *o)
{
    memcpy(e->identity.cluster_id, o->cluster_id, sizeof e->identity.cluster_id);
    e->identity.node_id = o->node_id;
    e->identity.store_id = o->store_id;
    env_random(e->env, e->identity.incarnation, sizeof e->identity.incarnation);
    e->identity.is_new = true;
}
