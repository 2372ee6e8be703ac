#include "storage/checkpoint_scan.h"

#include <inttypes.h>

#include "env/file.h"
#include "storage/batch.h"

struct reader {
    const char      *path;
    const uint8_t   *incarnation;
    struct env_file *file;
    uint64_t         file_size, sequence, offset, blocks;
    struct buf       bytes;
    status (*visit)(void *ctx, uint64_t offset, slice batch);
    void *ctx;
};

static status damaged(const struct reader *r)
{
    return status_hint(
        status_new(ST_CORRUPT, "file \"%s\": damaged at byte %" PRIu64, r->path, r->offset),
        "Restore the store from a backup.");
}

static status read_bytes(struct reader *r, uint64_t offset, size_t size)
{
    size_t n;

    TRY_RETURN(env_file_read_at(r->file, buf_reserve(&r->bytes, size), size, offset,
                                size > CHECKPOINT_HEADER_SIZE ? ENV_LANE_IO : ENV_INLINE, &n));
    buf_advance(&r->bytes, n);
    return n == size ? STATUS_OK : damaged(r);
}

static status read_header(struct reader *r)
{
    struct checkpoint_header h;

    TRY_RETURN(env_file_size(r->file, &r->file_size));
    TRY_RETURN(read_bytes(r, 0, CHECKPOINT_HEADER_SIZE));
    if (!checkpoint_header_take(buf_slice(&r->bytes), &h) || h.sequence != r->sequence ||
        memcmp(h.incarnation, r->incarnation, sizeof h.incarnation) != 0)
        return damaged(r);
    r->offset = CHECKPOINT_HEADER_SIZE;
    return STATUS_OK;
}

/* *is_last: it was the closing block. */
static status read_block(struct reader *r, bool *is_last)
{
    uint64_t size;
    slice    bytes, payload;

    buf_reset(&r->bytes);
    TRY_RETURN(read_bytes(r, r->offset, CHECKPOINT_BLOCK_HEADER_SIZE));
    if (!checkpoint_block_size(buf_slice(&r->bytes), &size) || size > r->file_size - r->offset)
        return damaged(r);
    if (size > 0)
        TRY_RETURN(read_bytes(r, r->offset + CHECKPOINT_BLOCK_HEADER_SIZE, (size_t)size));
    bytes = buf_slice(&r->bytes);
    if (!checkpoint_block_take(&bytes, r->sequence, r->blocks, &payload) ||
        !batch_is_valid(payload))
        return damaged(r);
    TRY_RETURN(r->visit(r->ctx, r->offset, payload));
    r->blocks++;
    r->offset += CHECKPOINT_BLOCK_HEADER_SIZE + payload.size;
    *is_last = payload.size == 0;
    return STATUS_OK;
}

status checkpoint_scan(struct env *env, const char *path, uint64_t sequence,
                       const uint8_t incarnation[16],
                       status (*visit)(void *ctx, uint64_t offset, slice batch), void *ctx,
                       uint64_t *size)
{
    struct reader r = {
        .path = path, .incarnation = incarnation, .sequence = sequence, .visit = visit, .ctx = ctx};
    bool   is_last = false;
    status st;

    buf_init(&r.bytes, env_heap(env));
    TRY(st, env_file_open(env, path, ENV_READ, &r.file), out);
    TRY(st, read_header(&r), out);
    while (!is_last)
        TRY(st, read_block(&r, &is_last), out);
    *size = r.offset;
out:
    env_file_close(r.file);
    buf_deinit(&r.bytes);
    return st;
}
