/* Checkpoints: the whole state as of one record of the log, so that the log before it can go. The
 * writer reads a snapshot in pieces and lets others run in between. */
#include <inttypes.h>

#include "base/log.h"
#include "storage/checkpoint_scan.h"
#include "storage/durable_internal.h"
#include "storage/mem.h"

enum { BLOCK_SIZE = 256 << 10 };

struct writer {
    struct durable     *d;
    struct env_file    *file;
    uint64_t            sequence, offset, blocks;
    struct engine_batch batch;
    struct buf          bytes;
    struct buf          applied; /* the batch of applied indexes */
};

static status write_block(struct writer *w)
{
    checkpoint_block_put(&w->bytes, w->sequence, w->blocks++, engine_batch_encoded(&w->batch));
    engine_batch_reset(&w->batch);
    TRY_RETURN(env_file_write_at(w->file, w->bytes.data, w->bytes.size, w->offset, ENV_LANE_IO));
    w->offset += w->bytes.size;
    buf_reset(&w->bytes);
    return STATUS_OK;
}

static status write_entry(struct writer *w, enum engine_iter_mode mode,
                          const struct engine_iter *it)
{
    if (mode == ENGINE_ITER_META)
        TRY_RETURN(engine_batch_put_meta(&w->batch, it->key, it->value));
    else if (it->tombstone)
        TRY_RETURN(engine_batch_delete(&w->batch, it->key, it->ts));
    else
        TRY_RETURN(engine_batch_put(&w->batch, it->key, it->ts, it->value));
    return engine_batch_size(&w->batch) >= BLOCK_SIZE ? write_block(w) : STATUS_OK;
}

static status write_space(struct writer *w, struct engine_snapshot *s, enum engine_iter_mode mode)
{
    struct engine_iter_options o = {.snapshot = s, .mode = mode, .ts = HLC_TS_MAX};
    struct engine_iter        *it;
    status                     st;

    TRY_RETURN(mem_iter_open(w->d->e, &o, &it));
    st = engine_iter_first(it);
    while (st_ok(st) && it->valid) {
        st = write_entry(w, mode, it);
        if (st_ok(st))
            st = engine_iter_next(it);
    }
    mem_iter_close(it);
    return st;
}

static status put_applied(struct writer *w)
{
    size_t   pos = 0;
    uint64_t range_id;
    void    *a;

    while (umap_next(&mem_of(w->d->e)->applied, &pos, &range_id, &a))
        TRY_RETURN(engine_batch_set_applied(&w->batch, range_id, ((struct applied *)a)->index));
    buf_append_slice(&w->applied, engine_batch_encoded(&w->batch));
    return STATUS_OK;
}

/* What `encoded` says of ranges is in a checkpoint, durably. */
static void note_written(struct durable *d, slice encoded)
{
    struct batch_op op;

    while (batch_take_op(&encoded, &op)) {
        if (op.kind == BATCH_APPLIED)
            applied_of(&mem_of(d->e)->applied, op.range_id, 0)->written = op.index;
    }
}

/* Header, applied indexes, both key spaces, and the empty block that closes. */
static status write_content(struct writer *w, struct engine_snapshot *s)
{
    struct checkpoint_header h = {.sequence = w->sequence, .segment = w->d->current.number};

    memcpy(h.incarnation, w->d->e->identity.incarnation, sizeof h.incarnation);
    checkpoint_header_put(&w->bytes, &h);
    TRY_RETURN(put_applied(w)); /* before the first yield: they are of the snapshot's moment */
    TRY_RETURN(write_space(w, s, ENGINE_ITER_META));
    TRY_RETURN(write_space(w, s, ENGINE_ITER_VERSIONS));
    if (!engine_batch_is_empty(&w->batch))
        TRY_RETURN(write_block(w));
    TRY_RETURN(write_block(w));
    return env_file_sync(w->file, ENV_LANE_IO);
}

static char *tmp_path(struct durable *d)
{
    struct buf b;

    buf_init(&b, env_heap(d->env));
    buf_printf(&b, "%s/checkpoint.tmp", d->path);
    buf_cstr(&b);
    return b.data;
}

/* Write the file, durably, under its temporary name. */
static status write_file(struct writer *w, const char *tmp)
{
    struct engine_snapshot *s;
    status                  st;

    TRY_RETURN(env_file_open(w->d->env, tmp, ENV_WRITE | ENV_CREATE | ENV_TRUNCATE, &w->file));
    s = engine_snapshot_take(w->d->e);
    w->sequence = w->d->applied;
    st = write_content(w, s);
    engine_snapshot_release(w->d->e, s);
    env_file_close(w->file);
    return st;
}

void checkpoint_delete(struct durable *d, uint64_t sequence)
{
    char *path = durable_path(d, ".ckpt", sequence);

    st_clear(env_unlink(d->env, path));
    heap_free(path);
}

static void drop_old_checkpoint(struct durable *d, uint64_t newest)
{
    if (d->has_checkpoint && d->checkpoint_sequence != newest)
        checkpoint_delete(d, d->checkpoint_sequence);
    d->has_checkpoint = true;
    d->checkpoint_sequence = newest;
}

static status install(struct writer *w, const char *tmp)
{
    char  *path = durable_path(w->d, ".ckpt", w->sequence);
    status st = env_rename(w->d->env, tmp, path);

    heap_free(path);
    return st_ok(st) ? durable_sync_dir(w->d) : st;
}

status checkpoint_write(struct durable *d)
{
    struct writer w = {.d = d};
    uint64_t      log_bytes, start_us = env_mono_us(d->env);
    char         *tmp = tmp_path(d);
    status        st;

    engine_batch_init(&w.batch, env_heap(d->env));
    buf_init(&w.bytes, env_heap(d->env));
    buf_init(&w.applied, env_heap(d->env));
    /* Nothing may be in a checkpoint that the log could still lose. */
    TRY(st, durable_commit(d, SLICE_EMPTY, true), out);
    log_bytes = d->log_bytes;
    st = write_file(&w, tmp);
    if (st_ok(st)) /* nor what a Raft log could lose of what was applied meanwhile (L9) */
        st = durable_commit(d, SLICE_EMPTY, true);
    if (st_ok(st))
        st = install(&w, tmp);
    if (!st_ok(st)) {
        st_clear(env_unlink(d->env, tmp));
        goto out;
    }
    drop_old_checkpoint(d, w.sequence);
    note_written(d, buf_slice(&w.applied));
    raft_log_free_before(&d->raft, w.sequence);
    d->log_bytes -= log_bytes;
    d->checkpoint_size = w.offset;
    metric_add(&d->e->metrics.checkpoints, 1);
    metric_set(&d->e->metrics.checkpoint_bytes, (int64_t)w.offset);
    log_info(env_log(d->env), "checkpoint written", kv_u64("sequence", w.sequence),
             kv_bytes("size_bytes", w.offset), kv_u64("took_us", env_mono_us(d->env) - start_us));
out:
    heap_free(tmp);
    buf_deinit(&w.bytes);
    buf_deinit(&w.applied);
    engine_batch_deinit(&w.batch);
    return st;
}

/* ---- reading
 * ------------------------------------------------------------------------------------- */

static status apply_block(void *ctx, uint64_t offset, slice payload)
{
    struct durable *d = ctx;

    (void)offset;
    d->owner->apply(d->e, payload, APPLY_SYNCED);
    if (d->owner->has_checkpoints) /* else the engine has it from one of another kind */
        note_written(d, payload);
    return STATUS_OK;
}

status checkpoint_read(struct durable *d, uint64_t sequence)
{
    char  *path = durable_path(d, ".ckpt", sequence);
    status st = checkpoint_scan(d->env, path, sequence, d->e->identity.incarnation, apply_block, d,
                                &d->checkpoint_size);

    heap_free(path);
    return st;
}
