#include "storage/raft_format.h"

#include "base/assert.h"

void raft_batch_init(struct raft_batch *b, struct heap *heap)
{
    buf_init(&b->ops, heap);
    b->count = 0;
}

void raft_batch_deinit(struct raft_batch *b)
{
    buf_deinit(&b->ops);
}

void raft_batch_reset(struct raft_batch *b)
{
    buf_reset(&b->ops);
    b->count = 0;
}

bool raft_batch_is_empty(const struct raft_batch *b)
{
    return b->count == 0;
}

size_t raft_batch_size(const struct raft_batch *b)
{
    return b->ops.size;
}

static void add(struct raft_batch *b, const struct raft_op *op)
{
    raft_op_put(&b->ops, op);
    b->count++;
}

status raft_batch_append(struct raft_batch *b, uint64_t range_id, const struct raft_entry *e)
{
    ASSERT(e->index > 0 && e->term > 0);
    if (e->data.size > RAFT_ENTRY_SIZE_MAX)
        return status_new(ST_LIMIT_EXCEEDED, "entry of %zu bytes exceeds the log's limit of %d",
                          e->data.size, RAFT_ENTRY_SIZE_MAX);
    if (b->ops.size + e->data.size > ENGINE_BATCH_SIZE_MAX)
        return status_new(ST_LIMIT_EXCEEDED, "write to the log exceeds the limit of %d bytes",
                          ENGINE_BATCH_SIZE_MAX);
    add(b, &(struct raft_op){.kind = RAFT_ENTRY, .range_id = range_id, .entry = *e});
    return STATUS_OK;
}

void raft_batch_set_hard_state(struct raft_batch *b, uint64_t range_id,
                               const struct raft_hard_state *s)
{
    add(b, &(struct raft_op){.kind = RAFT_HARD_STATE, .range_id = range_id, .hard_state = *s});
}

void raft_batch_reset_log(struct raft_batch *b, uint64_t range_id, uint64_t index, uint64_t term)
{
    ASSERT(index > 0 && term > 0);
    add(b, &(struct raft_op){
               .kind = RAFT_RESET, .range_id = range_id, .entry = {.index = index, .term = term}});
}

void raft_batch_remove(struct raft_batch *b, uint64_t range_id)
{
    add(b, &(struct raft_op){.kind = RAFT_REMOVE, .range_id = range_id});
}

void raft_op_put(struct buf *b, const struct raft_op *op)
{
    buf_put_u8(b, (uint8_t)op->kind);
    if (op->kind == RAFT_START) {
        buf_put_varint(b, op->segment);
        return;
    }
    buf_put_varint(b, op->range_id);
    if (op->kind == RAFT_REMOVE)
        return;
    if (op->kind == RAFT_HARD_STATE) {
        buf_put_varint(b, op->hard_state.term);
        buf_put_varint(b, op->hard_state.vote);
        buf_put_varint(b, op->hard_state.commit);
        return;
    }
    buf_put_varint(b, op->entry.index);
    buf_put_varint(b, op->entry.term);
    if (op->kind == RAFT_TRUNCATE || op->kind == RAFT_RESET)
        return;
    buf_put_u8(b, op->entry.type);
    if (op->kind == RAFT_MOVED)
        buf_put_varint(b, op->origin);
    buf_put_sized(b, op->entry.data);
}

static bool take_u8(slice *s, uint8_t *out)
{
    slice byte;

    if (!take_bytes(s, 1, &byte))
        return false;
    *out = (uint8_t)byte.data[0];
    return true;
}

static bool take_hard_state(slice *s, struct raft_hard_state *out)
{
    return take_varint(s, &out->term) && take_varint(s, &out->vote) && take_varint(s, &out->commit);
}

/* Indexes stay below the greatest number, so that those behind can be counted. */
static bool take_position(slice *s, struct raft_entry *e)
{
    return take_varint(s, &e->index) && take_varint(s, &e->term) && e->index > 0 &&
           e->index < UINT64_MAX && e->term > 0;
}

static bool take_fields(slice *s, struct raft_op *op)
{
    if (op->kind == RAFT_START)
        return take_varint(s, &op->segment) && op->segment > 0;
    if (!take_varint(s, &op->range_id))
        return false;
    switch (op->kind) {
    case RAFT_REMOVE:
        return true;
    case RAFT_HARD_STATE:
        return take_hard_state(s, &op->hard_state);
    case RAFT_TRUNCATE:
    case RAFT_RESET:
        return take_position(s, &op->entry);
    case RAFT_ENTRY:
        return take_position(s, &op->entry) && take_u8(s, &op->entry.type) &&
               take_sized(s, &op->entry.data) && op->entry.data.size <= RAFT_ENTRY_SIZE_MAX;
    case RAFT_MOVED:
        return take_position(s, &op->entry) && take_u8(s, &op->entry.type) &&
               take_varint(s, &op->origin) && take_sized(s, &op->entry.data) &&
               op->entry.data.size <= RAFT_ENTRY_SIZE_MAX;
    default:
        return false;
    }
}

bool raft_op_take(slice *bytes, struct raft_op *out)
{
    slice   rest = *bytes;
    uint8_t kind;

    *out = (struct raft_op){0};
    if (!take_u8(&rest, &kind) || kind < RAFT_ENTRY || kind > RAFT_START)
        return false;
    out->kind = (enum raft_op_kind)kind;
    if (!take_fields(&rest, out))
        return false;
    *bytes = rest;
    return true;
}

bool raft_ops_are_valid(slice bytes)
{
    struct raft_op op;

    while (raft_op_take(&bytes, &op))
        ;
    return bytes.size == 0;
}
