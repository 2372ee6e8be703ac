/* The memory engine's builder: a batch, which its log makes durable. */
#include "storage/ingest_internal.h"
#include "storage/mem.h"

struct mem_builder {
    struct engine_builder base;
    struct engine_batch   batch;
};

static struct mem_builder *builder_of(struct engine_builder *b)
{
    return CONTAINER_OF(b, struct mem_builder, base);
}

static status add(struct engine_builder *base, const struct builder_entry *entry)
{
    struct mem_builder *b = builder_of(base);

    if (entry->space == BUILDER_META)
        TRY_RETURN(engine_batch_put_meta(&b->batch, entry->key, entry->value));
    else if (entry->is_tombstone)
        TRY_RETURN(engine_batch_delete(&b->batch, entry->key, entry->ts));
    else
        TRY_RETURN(engine_batch_put(&b->batch, entry->key, entry->ts, entry->value));
    base->size = engine_batch_size(&b->batch);
    return STATUS_OK;
}

/* After an error the batch is as it was, for another try. */
static status ingest(struct engine_builder *base, uint64_t range_id, uint64_t index)
{
    struct engine_batch *b = &builder_of(base)->batch;
    size_t               size = b->ops.size, count = b->count;
    status               st = STATUS_OK;

    if (index != 0)
        st = engine_batch_set_applied(b, range_id, index);
    if (st_ok(st))
        st = base->e->ops->commit(base->e, b, true);
    if (st_ok(st))
        return STATUS_OK;
    b->ops.size = size;
    b->count = count;
    return st;
}

static void close(struct engine_builder *base)
{
    engine_batch_deinit(&builder_of(base)->batch);
    heap_free(builder_of(base));
}

static const struct builder_ops ops = {.add = add, .ingest = ingest, .close = close};

status mem_builder_open(struct engine *e, const struct engine_builder_options *o,
                        struct engine_builder **out)
{
    struct mem_builder *b = heap_must_alloc(env_heap(e->env), 1, sizeof *b);
    status              st = STATUS_OK;

    b->base.ops = &ops;
    engine_batch_init(&b->batch, env_heap(e->env));
    if (o->replaces_meta)
        TRY(st, engine_batch_clear_meta(&b->batch, o->meta_start, o->meta_end), fail);
    if (o->replaces)
        TRY(st, engine_batch_clear_range(&b->batch, o->start, o->end), fail);
    *out = &b->base;
    return STATUS_OK;

fail:
    close(&b->base);
    return st;
}
