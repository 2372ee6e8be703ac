/* The memory engine: two copy-on-write B+trees (storage/tree.h), versioned keys and meta keys. With
 * a directory, storage/durable.h keeps a log and checkpoints below it. */
#include "storage/mem.h"

#include "base/assert.h"
#include "storage/durable.h"
#include "storage/ingest_internal.h"
#include "storage/span.h"

static void apply_op(struct mem_engine *m, const struct batch_op *op, enum apply_how how)
{
    switch (op->kind) {
    case BATCH_PUT:
        tree_put(&m->data, op->key, op->ts, op->value, 0);
        break;
    case BATCH_DELETE:
        tree_put(&m->data, op->key, op->ts, SLICE_EMPTY, PAGE_TOMBSTONE);
        break;
    case BATCH_CLEAR_VERSION:
        tree_remove(&m->data, op->key, op->ts);
        break;
    case BATCH_CLEAR_RANGE:
        tree_clear(&m->data, op->key, op->end);
        break;
    case BATCH_PUT_META:
        tree_put(&m->meta, op->key, 0, op->value, 0);
        break;
    case BATCH_DELETE_META:
        tree_remove(&m->meta, op->key, 0);
        break;
    case BATCH_CLEAR_META:
        tree_clear(&m->meta, op->key, op->end);
        break;
    case BATCH_APPLIED:
        applied_set(applied_of(&m->applied, op->range_id, 0), op->index, how);
        break;
    }
}

void mem_apply(struct mem_engine *m, slice encoded, enum apply_how how)
{
    struct batch_op op;

    while (batch_take_op(&encoded, &op))
        apply_op(m, &op, how);
    ASSERT(encoded.size == 0); /* batches are checked when they are made or read */
    metric_set(&m->base.metrics.entries, (int64_t)(m->data.entries + m->meta.entries));
    metric_set(&m->base.metrics.memory_bytes, (int64_t)m->pool.size);
}

static status mem_commit(struct engine *e, const struct engine_batch *b, bool sync)
{
    struct mem_engine *m = mem_of(e);

    if (m->durable != NULL)
        return durable_commit(m->durable, engine_batch_encoded(b), sync);
    mem_apply(m, engine_batch_encoded(b), APPLY_SYNCED);
    return STATUS_OK;
}

static status mem_sync(struct engine *e)
{
    struct mem_engine *m = mem_of(e);

    return m->durable != NULL ? durable_commit(m->durable, SLICE_EMPTY, true) : STATUS_OK;
}

static status mem_apply_replicated(struct engine *e, const struct engine_batch *b)
{
    mem_apply(mem_of(e), engine_batch_encoded(b), APPLY_REPLICATED);
    return STATUS_OK;
}

static uint64_t mem_applied(struct engine *e, uint64_t range_id, enum engine_applied_as as)
{
    const struct applied *a = umap_get(&mem_of(e)->applied, range_id);

    if (a == NULL)
        return 0;
    if (as == ENGINE_APPLIED_NOW)
        return a->index;
    return as == ENGINE_APPLIED_DURABLE && !a->is_replicated ? a->durable : a->written;
}

static status mem_get(struct engine *e, struct engine_snapshot *s, slice key, hlc_ts ts,
                      struct engine_value *out)
{
    const struct page *root = s != NULL ? s->data : mem_of(e)->data.root, *p;
    unsigned           pos;

    out->found = tree_find(root, key, ts, &p, &pos) && page_key_is(p, pos, key);
    if (!out->found)
        return STATUS_OK;
    out->ts = page_ts(p, pos);
    out->tombstone = (page_info(p, pos) & PAGE_TOMBSTONE) != 0;
    out->value = page_value(p, pos);
    return STATUS_OK;
}

static status mem_get_meta(struct engine *e, struct engine_snapshot *s, slice key,
                           struct engine_value *out)
{
    const struct page *root = s != NULL ? s->meta : mem_of(e)->meta.root, *p;
    unsigned           pos;

    *out = (struct engine_value){.found =
                                     tree_find(root, key, 0, &p, &pos) && page_key_is(p, pos, key)};
    if (out->found)
        out->value = page_value(p, pos);
    return STATUS_OK;
}

static struct engine_snapshot *mem_snapshot_take(struct engine *e)
{
    struct mem_engine      *m = mem_of(e);
    struct engine_snapshot *s = heap_must_alloc(env_heap(e->env), 1, sizeof *s);

    s->data = tree_pin(&m->data);
    s->meta = tree_pin(&m->meta);
    m->readers++;
    return s;
}

static void mem_snapshot_release(struct engine *e, struct engine_snapshot *s)
{
    struct mem_engine *m = mem_of(e);

    tree_release(&m->data, s->data);
    tree_release(&m->meta, s->meta);
    m->readers--;
    heap_free(s);
}

static status mem_gc(struct engine *e, slice start, slice end, hlc_ts threshold, uint64_t budget,
                     struct buf *resume, uint64_t *dropped)
{
    *dropped = tree_drop_garbage(&mem_of(e)->data, start, end, threshold, true, budget, resume);
    return STATUS_OK;
}

static status mem_span_size(struct engine *e, slice start, slice end, uint64_t *size)
{
    *size = tree_span_size(mem_of(e)->data.root, start, end);
    return STATUS_OK;
}

static status tree_size(void *ctx, slice start, slice end, uint64_t *size)
{
    return mem_span_size(ctx, start, end, size);
}

static status tree_key(void *ctx, size_t source, uint32_t where, struct buf *key)
{
    (void)source;
    tree_sample(mem_of(ctx)->data.root, where, key);
    return STATUS_OK;
}

static status mem_span_middle(struct engine *e, slice start, slice end, struct buf *key)
{
    struct span_sources s = {.ctx = e, .count = 1, .size = tree_size, .sample = tree_key};

    return span_middle(&s, start, end, key);
}

static status mem_tables(struct engine *e, engine_table_fn *visit, void *ctx)
{
    (void)e;
    (void)visit;
    (void)ctx;
    return STATUS_OK;
}

static status mem_copy(struct engine *e, const char *dir)
{
    struct durable *d = mem_of(e)->durable;
    struct log_copy c;
    status          st;

    durable_pause(d);
    st = durable_copy_begin(d, dir, &c);
    durable_resume(d);
    TRY_RETURN(st);
    TRY_RETURN(durable_copy_end(d, dir, &c));
    return durable_copy_finish(d, dir);
}

static void mem_stats(struct engine *e, struct engine_stats *out)
{
    struct mem_engine *m = mem_of(e);

    out->entries = m->data.entries;
    out->meta_entries = m->meta.entries;
    out->memory_size = m->pool.size;
    if (m->durable != NULL)
        durable_stats(m->durable, out);
}

static status mem_checkpoint(struct engine *e)
{
    struct mem_engine *m = mem_of(e);

    if (m->durable == NULL)
        return status_new(ST_WRONG_STATE, "a store in memory has no checkpoints");
    return durable_checkpoint(m->durable);
}

static void mem_close(struct engine *e)
{
    struct mem_engine *m = mem_of(e);

    durable_close(m->durable);
    ASSERT(m->readers == 0);
    applied_deinit(&m->applied);
    tree_deinit(&m->data);
    tree_deinit(&m->meta);
    heap_free(m);
}

static void owner_apply(struct engine *e, slice encoded, enum apply_how how)
{
    mem_apply(mem_of(e), encoded, how);
}

static void owner_note_durable(struct engine *e)
{
    applied_note_durable(&mem_of(e)->applied);
}

static uint64_t owner_data_size(struct engine *e)
{
    return mem_of(e)->pool.size;
}

static const struct log_owner log_owner = {.apply = owner_apply,
                                           .note_durable = owner_note_durable,
                                           .data_size = owner_data_size,
                                           .has_checkpoints = true};

static const struct engine_ops mem_ops = {
    .close = mem_close,
    .commit = mem_commit,
    .sync = mem_sync,
    .apply = mem_apply_replicated,
    .applied = mem_applied,
    .gc = mem_gc,
    .get = mem_get,
    .get_meta = mem_get_meta,
    .snapshot_take = mem_snapshot_take,
    .snapshot_release = mem_snapshot_release,
    .iter_open = mem_iter_open,
    .iter_close = mem_iter_close,
    .iter_first = mem_iter_first,
    .iter_last = mem_iter_last,
    .iter_seek = mem_iter_seek,
    .iter_seek_before = mem_iter_seek_before,
    .iter_next = mem_iter_next,
    .iter_prev = mem_iter_prev,
    .span_size = mem_span_size,
    .span_middle = mem_span_middle,
    .drop_span = engine_commit_clear,
    .tables = mem_tables,
    .copy = mem_copy,
    .builder_open = mem_builder_open,
    .stats = mem_stats,
    .checkpoint = mem_checkpoint,
};

static bool is_in_memory_only(const struct engine_options *o)
{
    return o->path == NULL || strcmp(o->path, "mem:") == 0;
}

status mem_engine_open(struct env *env, const struct engine_options *options, struct engine **out)
{
    struct heap       *heap = env_heap(env);
    struct mem_engine *m = heap_zalloc(heap, sizeof *m);
    status             st;

    if (m == NULL)
        return STATUS_OOM;
    m->base.ops = &mem_ops;
    m->base.env = env;
    page_pool_init(&m->pool, heap);
    tree_init(&m->data, &m->pool);
    tree_init(&m->meta, &m->pool);
    umap_init(&m->applied, heap);
    engine_new_identity(&m->base, options);
    m->base.has_files = !is_in_memory_only(options);
    if (m->base.has_files) {
        TRY(st, durable_open(&m->base, &log_owner, options, &m->durable), fail);
        applied_note_durable(&m->applied);
    }
    *out = &m->base;
    return STATUS_OK;

fail:
    mem_close(&m->base);
    return status_wrap(st, "could not open store \"%s\"", options->path);
}
