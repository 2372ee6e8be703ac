#include "storage/ingest.h"

#include "base/assert.h"
#include "storage/engine_internal.h"
#include "storage/ingest_internal.h"

static bool is_empty_span(slice start, slice end)
{
    return end.size > 0 && slice_cmp(start, end) >= 0;
}

status engine_builder_open(struct engine *e, const struct engine_builder_options *options,
                           struct engine_builder **out)
{
    struct engine_builder_options o = *options;

    o.replaces = o.replaces && !is_empty_span(o.start, o.end);
    o.replaces_meta = o.replaces_meta && !is_empty_span(o.meta_start, o.meta_end);
    TRY_RETURN(e->ops->builder_open(e, &o, out));
    (*out)->e = e;
    buf_init(&(*out)->last_key, env_heap(e->env));
    return STATUS_OK;
}

static bool is_behind_last(const struct engine_builder *b, const struct builder_entry *entry)
{
    int c;

    if (!b->has_last || b->last_space != entry->space)
        return !b->has_last || b->last_space < entry->space;
    c = slice_cmp(buf_slice(&b->last_key), entry->key);
    return c < 0 || (c == 0 && b->last_ts > entry->ts);
}

static status add(struct engine_builder *b, const struct builder_entry *entry)
{
    if (entry->key.size > ENGINE_KEY_SIZE_MAX || entry->value.size > ENGINE_VALUE_SIZE_MAX)
        return status_new(ST_LIMIT_EXCEEDED, "a key of %zu or a value of %zu bytes is too large",
                          entry->key.size, entry->value.size);
    if (entry->key.size == 0 || !is_behind_last(b, entry))
        return status_new(ST_INVALID_PARAMETER_VALUE,
                          "cannot add an entry to a table that is not behind all before");
    TRY_RETURN(b->ops->add(b, entry));
    b->has_last = true;
    b->last_space = entry->space;
    b->last_ts = entry->ts;
    buf_set(&b->last_key, entry->key);
    return STATUS_OK;
}

status engine_builder_put_meta(struct engine_builder *b, slice key, slice value)
{
    return add(b, &(struct builder_entry){.space = BUILDER_META, .key = key, .value = value});
}

status engine_builder_put(struct engine_builder *b, slice key, hlc_ts ts, slice value)
{
    return add(
        b, &(struct builder_entry){.space = BUILDER_DATA, .key = key, .ts = ts, .value = value});
}

status engine_builder_delete(struct engine_builder *b, slice key, hlc_ts ts)
{
    return add(b, &(struct builder_entry){
                      .space = BUILDER_DATA, .key = key, .ts = ts, .is_tombstone = true});
}

uint64_t engine_builder_size(const struct engine_builder *b)
{
    return b->size;
}

status engine_ingest(struct engine *e, struct engine_builder *b, uint64_t range_id, uint64_t index)
{
    ASSERT(b->e == e);
    ASSERT(!b->is_ingested);
    if (e->state == ENGINE_STOPPED)
        return status_new(ST_IO_ERROR, "the store has stopped");
    TRY_RETURN(b->ops->ingest(b, range_id, index));
    b->is_ingested = true;
    metric_add(&e->metrics.ingests, 1);
    metric_add(&e->metrics.ingest_bytes, b->size);
    return STATUS_OK;
}

void engine_builder_close(struct engine_builder *b)
{
    if (b == NULL)
        return;
    buf_deinit(&b->last_key);
    b->ops->close(b);
}
