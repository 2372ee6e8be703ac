#include "storage/batch.h"

#include "base/assert.h"

void engine_batch_init(struct engine_batch *b, struct heap *heap)
{
    buf_init(&b->ops, heap);
    b->count = 0;
}

void engine_batch_deinit(struct engine_batch *b)
{
    buf_deinit(&b->ops);
    b->count = 0;
}

void engine_batch_reset(struct engine_batch *b)
{
    buf_reset(&b->ops);
    b->count = 0;
}

bool engine_batch_is_empty(const struct engine_batch *b)
{
    return b->count == 0;
}

size_t engine_batch_size(const struct engine_batch *b)
{
    return b->ops.size;
}

static status check_sizes(const struct engine_batch *b, slice key, slice value)
{
    if (key.size > ENGINE_KEY_SIZE_MAX)
        return status_new(ST_LIMIT_EXCEEDED, "key of %zu bytes exceeds the limit of %d", key.size,
                          ENGINE_KEY_SIZE_MAX);
    if (value.size > ENGINE_VALUE_SIZE_MAX)
        return status_new(ST_LIMIT_EXCEEDED, "value of %zu bytes exceeds the limit of %d",
                          value.size, ENGINE_VALUE_SIZE_MAX);
    if (b->ops.size + key.size + value.size + 64 > ENGINE_BATCH_SIZE_MAX)
        return status_hint(status_new(ST_LIMIT_EXCEEDED,
                                      "write batch exceeds the limit of %d bytes",
                                      ENGINE_BATCH_SIZE_MAX),
                           "Split the change into smaller transactions.");
    return STATUS_OK;
}

static void put_op(struct engine_batch *b, enum batch_op_kind kind, slice first)
{
    buf_put_u8(&b->ops, (uint8_t)kind);
    buf_put_sized(&b->ops, first);
    b->count++;
}

status engine_batch_put(struct engine_batch *b, slice key, hlc_ts ts, slice value)
{
    ASSERT(key.size > 0);
    TRY_RETURN(check_sizes(b, key, value));
    put_op(b, BATCH_PUT, key);
    buf_put_u64be(&b->ops, ts);
    buf_put_sized(&b->ops, value);
    return STATUS_OK;
}

static status put_version_op(struct engine_batch *b, enum batch_op_kind kind, slice key, hlc_ts ts)
{
    ASSERT(key.size > 0);
    TRY_RETURN(check_sizes(b, key, SLICE_EMPTY));
    put_op(b, kind, key);
    buf_put_u64be(&b->ops, ts);
    return STATUS_OK;
}

status engine_batch_delete(struct engine_batch *b, slice key, hlc_ts ts)
{
    return put_version_op(b, BATCH_DELETE, key, ts);
}

status engine_batch_clear_version(struct engine_batch *b, slice key, hlc_ts ts)
{
    return put_version_op(b, BATCH_CLEAR_VERSION, key, ts);
}

static status put_range_op(struct engine_batch *b, enum batch_op_kind kind, slice start, slice end)
{
    TRY_RETURN(check_sizes(b, start, SLICE_EMPTY));
    TRY_RETURN(check_sizes(b, end, SLICE_EMPTY));
    put_op(b, kind, start);
    buf_put_sized(&b->ops, end);
    return STATUS_OK;
}

status engine_batch_clear_range(struct engine_batch *b, slice start, slice end)
{
    return put_range_op(b, BATCH_CLEAR_RANGE, start, end);
}

status engine_batch_clear_meta(struct engine_batch *b, slice start, slice end)
{
    return put_range_op(b, BATCH_CLEAR_META, start, end);
}

status engine_batch_put_meta(struct engine_batch *b, slice key, slice value)
{
    ASSERT(key.size > 0);
    TRY_RETURN(check_sizes(b, key, value));
    put_op(b, BATCH_PUT_META, key);
    buf_put_sized(&b->ops, value);
    return STATUS_OK;
}

status engine_batch_delete_meta(struct engine_batch *b, slice key)
{
    ASSERT(key.size > 0);
    TRY_RETURN(check_sizes(b, key, SLICE_EMPTY));
    put_op(b, BATCH_DELETE_META, key);
    return STATUS_OK;
}

status engine_batch_set_applied(struct engine_batch *b, uint64_t range_id, uint64_t index)
{
    TRY_RETURN(check_sizes(b, SLICE_EMPTY, SLICE_EMPTY));
    buf_put_u8(&b->ops, BATCH_APPLIED);
    buf_put_varint(&b->ops, range_id);
    buf_put_varint(&b->ops, index);
    b->count++;
    return STATUS_OK;
}

status engine_batch_append_encoded(struct engine_batch *b, slice encoded)
{
    struct batch_op op;
    slice           rest = encoded;
    size_t          count = 0;

    for (; rest.size > 0; count++)
        if (!batch_take_op(&rest, &op))
            return status_new(ST_CORRUPT, "malformed write batch at byte %zu",
                              encoded.size - rest.size);
    if (encoded.size > ENGINE_BATCH_SIZE_MAX - b->ops.size)
        return status_new(ST_LIMIT_EXCEEDED, "write batch exceeds the limit of %d bytes",
                          ENGINE_BATCH_SIZE_MAX);
    buf_append_slice(&b->ops, encoded);
    b->count += count;
    return STATUS_OK;
}

static bool take_key(slice *s, slice *out)
{
    return take_sized(s, out) && out->size > 0 && out->size <= ENGINE_KEY_SIZE_MAX;
}

static bool take_range(slice *s, struct batch_op *out)
{
    return take_sized(s, &out->key) && take_sized(s, &out->end) &&
           out->key.size <= ENGINE_KEY_SIZE_MAX && out->end.size <= ENGINE_KEY_SIZE_MAX;
}

static bool take_ts(slice *s, hlc_ts *out)
{
    slice bytes;

    if (!take_bytes(s, sizeof *out, &bytes))
        return false;
    *out = get_u64be(bytes.data);
    return true;
}

static bool take_value(slice *s, slice *out)
{
    return take_sized(s, out) && out->size <= ENGINE_VALUE_SIZE_MAX;
}

static bool take_body(slice *s, struct batch_op *out)
{
    switch (out->kind) {
    case BATCH_PUT:
        return take_key(s, &out->key) && take_ts(s, &out->ts) && take_value(s, &out->value);
    case BATCH_DELETE:
    case BATCH_CLEAR_VERSION:
        return take_key(s, &out->key) && take_ts(s, &out->ts);
    case BATCH_CLEAR_RANGE:
    case BATCH_CLEAR_META:
        return take_range(s, out);
    case BATCH_PUT_META:
        return take_key(s, &out->key) && take_value(s, &out->value);
    case BATCH_DELETE_META:
        return take_key(s, &out->key);
    case BATCH_APPLIED:
        return take_varint(s, &out->range_id) && take_varint(s, &out->index);
    }
    return false;
}

bool batch_take_op(slice *encoded, struct batch_op *out)
{
    slice rest = *encoded;

    if (rest.size == 0)
        return false;
    *out = (struct batch_op){.kind = (enum batch_op_kind)(uint8_t)rest.data[0]};
    rest = slice_from(rest, 1);
    if (!take_body(&rest, out))
        return false;
    *encoded = rest;
    return true;
}

bool batch_is_valid(slice encoded)
{
    struct batch_op op;

    while (batch_take_op(&encoded, &op))
        ;
    return encoded.size == 0;
}
