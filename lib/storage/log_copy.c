/* Copies of a store's log, which share its whole segments by links (durable.h, "copies"). A linked
 * segment is deleted when it is free, never written again: the copy has it too. */
#include <inttypes.h>

#include "base/assert.h"
#include "storage/durable_internal.h"
#include "storage/store_files.h"

enum { PIECE_SIZE = 1 << 20 };

static status link_file(struct durable *d, enum store_file_kind kind, uint64_t number,
                        const char *dir)
{
    char  *from = store_file_path(env_heap(d->env), d->path, kind, number);
    char  *to = store_file_path(env_heap(d->env), dir, kind, number);
    status st = env_link(d->env, from, to);

    heap_free(to);
    heap_free(from);
    return st;
}

/* The segment being written goes on to grow; what it has so far stays. */
static status open_current(struct durable *d, struct old_segment *s, struct log_copy *c)
{
    char  *path = durable_path(d, ".log", s->number);
    status st = env_file_open(d->env, path, ENV_READ, &c->file);

    heap_free(path);
    c->number = s->number;
    c->size = d->offset;
    return st;
}

status durable_copy_begin(struct durable *d, const char *dir, struct log_copy *c)
{
    *c = (struct log_copy){0};
    ASSERT(d->busy);
    if (d->keyring != NULL)
        TRY_RETURN(link_file(d, STORE_FILE_KEYS, 0, dir));
    if (d->owner->has_checkpoints && d->has_checkpoint)
        TRY_RETURN(link_file(d, STORE_FILE_CHECKPOINT, d->checkpoint_sequence, dir));
    for (size_t i = 0; i < d->old_count; i++) {
        struct old_segment *s = &d->old[i];

        s->is_ours = false; /* to be deleted when it is free, not written anew */
        if (d->has_current && s->number == d->current.number)
            TRY_RETURN(open_current(d, s, c));
        else
            TRY_RETURN(link_file(d, STORE_FILE_LOG, s->number, dir));
    }
    return STATUS_OK;
}

static status copy_bytes(struct durable *d, struct log_copy *c, struct env_file *to)
{
    struct buf b;
    status     st = STATUS_OK;

    buf_init(&b, env_heap(d->env));
    for (uint64_t at = 0; at < c->size && st_ok(st);) {
        size_t size = (size_t)MIN(c->size - at, (uint64_t)PIECE_SIZE), n;

        TRY(st, env_file_read_at(c->file, buf_reserve(&b, size), size, at, ENV_LANE_IO, &n), out);
        if (n < size)
            TRY(st, status_new(ST_CORRUPT, "file \"%s\" is too short", env_file_path(c->file)),
                out);
        TRY(st, env_file_write_at(to, b.data, size, at, ENV_LANE_IO), out);
        at += size;
    }
    st = env_file_sync(to, ENV_LANE_IO);
out:
    buf_deinit(&b);
    return st;
}

/* A store has a segment, if only one that nothing was written to: without any it has lost its log.
 */
static status make_segment(struct durable *d, const char *dir, uint64_t number,
                           struct env_file **out)
{
    char  *path = store_file_path(env_heap(d->env), dir, STORE_FILE_LOG, number);
    status st = env_file_open(d->env, path, ENV_WRITE | ENV_CREATE | ENV_EXCLUSIVE, out);

    heap_free(path);
    return st;
}

status durable_copy_end(struct durable *d, const char *dir, struct log_copy *c)
{
    struct env_file *to = NULL;
    status           st = STATUS_OK;

    if (c->file != NULL || d->old_count == 0) {
        TRY(st, make_segment(d, dir, c->file != NULL ? c->number : d->number_next, &to), out);
        st = copy_bytes(d, c, to);
    }
out:
    env_file_close(to);
    env_file_close(c->file);
    c->file = NULL;
    return st;
}

status durable_copy_finish(struct durable *d, const char *dir)
{
    const struct engine_identity *id = &d->e->identity;
    struct identity               same = {.node_id = id->node_id, .store_id = id->store_id};
    char      *path = store_file_path(env_heap(d->env), dir, STORE_FILE_IDENTITY, 0);
    struct buf b;
    status     st;

    memcpy(same.cluster_id, id->cluster_id, sizeof same.cluster_id);
    memcpy(same.incarnation, id->incarnation, sizeof same.incarnation);
    buf_init(&b, env_heap(d->env));
    identity_put(&b, &same);
    TRY(st, env_sync_dir(d->env, dir, ENV_LANE_IO), out);
    TRY(st, env_file_replace(d->env, path, buf_slice(&b)), out);
    st = durable_sync_parent(d, dir);
out:
    buf_deinit(&b);
    heap_free(path);
    return st;
}
