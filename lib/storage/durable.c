/* A store's directory: lock, identity, group commit, and what runs in the background. */
#include "storage/durable.h"

#include <inttypes.h>

#include "base/assert.h"
#include "base/log.h"
#include "storage/durable_internal.h"
#include "storage/store_files.h"

enum {
    SEGMENT_SIZE_DEFAULT = 8 << 20,
    CHECKPOINT_BYTES_DEFAULT = 256 << 20,
    RAFT_CACHE_DEFAULT = 64 << 20,
    GROUP_BYTES_MAX = 8 << 20,
    SEGMENTS_OPENED = 3,     /* of more segments at the opening the engine shall need less soon */
    RELIEF_US = 1000 * 1000, /* between two looks for room on a full disk */
};

char *durable_path(struct durable *d, const char *suffix, uint64_t number)
{
    bool is_checkpoint = strcmp(suffix, ".ckpt") == 0;

    return store_file_path(env_heap(d->env), d->path,
                           is_checkpoint ? STORE_FILE_CHECKPOINT : STORE_FILE_LOG, number);
}

static char *named_path(struct durable *d, const char *name)
{
    struct buf b;

    buf_init(&b, env_heap(d->env));
    buf_printf(&b, "%s/%s", d->path, name);
    buf_cstr(&b);
    return b.data;
}

status durable_sync_dir(struct durable *d)
{
    return env_sync_dir(d->env, d->path, ENV_LANE_LOG_SYNC);
}

/* L1: the one place where a store gives up. */
void durable_stop(struct durable *d, status reason)
{
    if (d->e->state != ENGINE_STOPPED) {
        d->e->state = ENGINE_STOPPED;
        log_error(env_log(d->env), "the store stopped", kv_str("store", d->path),
                  kv_status(reason));
        if (d->on_stop != NULL)
            d->on_stop(d->on_stop_ctx, reason);
    }
    st_clear(reason);
}

/* ---- group commit
 * ---------------------------------------------------------------------------------- */

/* A fiber in durable_commit(); on its stack. */
struct committer {
    struct list      link;
    struct log_batch batch;
    bool             sync, is_done;
    status           st;
};

static void take_group(struct durable *d, struct commit_group *g)
{
    /* On a full disk what frees space must not fail with what does not. */
    size_t count_max = d->e->state == ENGINE_READ_ONLY ? 1 : GROUP_BATCHES_MAX;
    size_t bytes = 0;

    g->count = g->batch_count = 0;
    g->sync = false;
    while (!list_empty(&d->queue) && g->count < count_max &&
           (g->count == 0 || bytes < GROUP_BYTES_MAX)) {
        struct committer *c = CONTAINER_OF(list_pop_front(&d->queue), struct committer, link);

        g->members[g->count++] = c;
        g->sync = g->sync || c->sync;
        bytes += c->batch.bytes.size;
        if (c->batch.bytes.size > 0)
            g->batches[g->batch_count++] = c->batch;
    }
}

static void note_room(struct durable *d, bool has_room)
{
    struct engine *e = d->e;

    if (!has_room)
        metric_add(&e->metrics.disk_full, 1);
    if (e->state == (has_room ? ENGINE_READ_ONLY : ENGINE_RUNNING)) {
        e->state = has_room ? ENGINE_RUNNING : ENGINE_READ_ONLY;
        if (has_room)
            log_info(env_log(d->env), "the store takes writes again", kv_str("store", d->path));
        else
            log_error(env_log(d->env), "the disk is full, the store refuses writes",
                      kv_str("store", d->path));
    }
}

/* A full disk is no reason not to open (L13). */
status durable_make_ready(struct durable *d)
{
    status st = log_make_ready(d);

    if (status_code(st) != ST_DISK_FULL)
        return st;
    st_clear(st);
    note_room(d, false);
    st = log_make_small_ready(d);
    if (status_code(st) != ST_DISK_FULL)
        return st;
    st_clear(st);
    return STATUS_OK;
}

/* What every member of a group that was not written is told. */
static status failure_of(struct durable *d, status st)
{
    enum status_code code = status_code(st);

    if (code == ST_DISK_FULL || code == ST_LIMIT_EXCEEDED || code == ST_OUT_OF_MEMORY)
        return status_copy(st);
    return status_new(ST_OUTCOME_UNKNOWN, "could not sync the log of store \"%s\": %s", d->path,
                      status_message(st));
}

static void apply_batch(struct durable *d, const struct log_batch *b, bool sync)
{
    status st;

    if (b->content == LOG_BATCH) {
        d->owner->apply(d->e, b->bytes, sync ? APPLY_SYNCED : APPLY_UNSYNCED);
        return;
    }
    st = raft_log_apply(&d->raft, b->bytes, b->place);
    ASSERT(st_ok(st)); /* it was checked before it was written */
    raft_cache_put(&d->raft, b->place.sequence, b->bytes);
}

/* Apply in the order of the log; a yield in between would show part of a group. */
static void apply_group(struct durable *d, const struct commit_group *g)
{
    for (size_t i = 0; i < g->batch_count; i++)
        apply_batch(d, &g->batches[i], g->sync);
    d->applied = d->sequence;
    if (g->sync && d->has_unsynced)
        d->owner->note_durable(d->e);
    d->has_unsynced = !g->sync;
    if (d->owner->group_applied != NULL)
        d->owner->group_applied(d->e);
}

static void finish_group(struct durable *d, struct commit_group *g, status st)
{
    enum status_code code = status_code(st);

    if (st_ok(st))
        apply_group(d, g);
    for (size_t i = 0; i < g->count; i++) {
        g->members[i]->st = st_ok(st) ? STATUS_OK : failure_of(d, st);
        g->members[i]->is_done = true;
    }
    if (code == ST_DISK_FULL)
        note_room(d,
                  false); /* with room it is relief() that says so: a small batch proves nothing */
    if (st_ok(st) || code == ST_DISK_FULL || code == ST_LIMIT_EXCEEDED || code == ST_OUT_OF_MEMORY)
        st_clear(st);
    else
        durable_stop(d, st);
}

static bool is_checkpoint_due(const struct durable *d)
{
    uint64_t limit = MAX(d->checkpoint_bytes, d->owner->data_size(d->e));

    return d->owner->has_checkpoints && d->log_bytes >= MAX(limit, d->checkpoint_retry) &&
           !d->is_checkpointing && !d->is_closing && d->e->state != ENGINE_STOPPED;
}

static status run_checkpoint(struct durable *d)
{
    status st = checkpoint_write(d);

    /* A disk without room for it: not again before the log has grown by a quarter. */
    d->checkpoint_retry = st_ok(st) ? 0 : d->log_bytes + d->log_bytes / 4;
    d->is_checkpointing = false;
    env_broadcast(d->env, &d->idle);
    return st;
}

static void checkpoint_fiber(struct env *env, void *arg)
{
    status st = run_checkpoint(arg);

    if (!st_ok(st))
        log_error(env_log(env), "could not write a checkpoint", kv_status(st));
    st_clear(st);
}

/* A segment that can be prepared now is room for all that was refused. */
static bool find_room(struct durable *d)
{
    status st;
    bool   found;

    while (d->busy || d->is_preparing) /* segments are made by one at a time */
        env_wait_uncancelled(d->env, d->busy ? &d->done : &d->idle);
    d->is_preparing = true;
    st = log_make_ready(d);
    d->is_preparing = false;
    env_broadcast(d->env, &d->idle);
    found = st_ok(st);
    st_clear(st); /* full or failing: the next look, or the next commit, will tell */
    return found;
}

/* On a full disk a checkpoint may be the way out: when the data has shrunk, it needs less than the
 * segments that it frees. Not again before the data has become smaller still. */
static bool checkpoint_would_help(const struct durable *d)
{
    uint64_t size = d->owner->data_size(d->e);

    return d->owner->has_checkpoints && !d->is_checkpointing && d->old_count > 1 &&
           size < (d->old_count - 1) * d->segment_size &&
           (d->relief_data_size == 0 || size < d->relief_data_size / 4 * 3);
}

static void relief_fiber(struct env *env, void *arg)
{
    struct durable *d = arg;
    bool            found = find_room(d);

    if (!found && checkpoint_would_help(d) && !d->is_closing) {
        d->relief_data_size = d->owner->data_size(d->e);
        d->is_checkpointing = true;
        st_clear(run_checkpoint(d)); /* that it finds no room is no news */
        found = find_room(d);
    }
    if (!found && d->owner->relieve != NULL && !d->is_closing)
        d->owner->relieve(d->e); /* for the next look */
    if (found && d->e->state == ENGINE_READ_ONLY) {
        d->relief_data_size = 0;
        note_room(d, true);
    }
    d->relief_at_us = env_mono_us(env) + RELIEF_US;
    d->is_relieving = false;
    env_broadcast(env, &d->idle);
}

static void start_relief(struct durable *d)
{
    if (d->is_relieving || d->is_closing || env_mono_us(d->env) < d->relief_at_us)
        return;
    d->is_relieving = true;
    status st = env_spawn(d->env, "log relief", relief_fiber, d, NULL);
    if (!st_ok(st)) {
        d->is_relieving = false;
        st_clear(st);
    }
}

static void start_background(struct durable *d)
{
    if (d->e->state == ENGINE_READ_ONLY) {
        start_relief(d);
        return;
    }
    log_prepare_next(d);
    log_write_back(d);
    if (d->current.number != d->noted_segment) {
        d->noted_segment = d->current.number;
        raft_log_note_segment(&d->raft);
    }
    if (!is_checkpoint_due(d))
        return;
    d->is_checkpointing = true;
    status st = env_spawn(d->env, "checkpoint", checkpoint_fiber, d, NULL);
    if (!st_ok(st)) {
        d->is_checkpointing = false;
        st_clear(st);
    }
}

/* Write one group for everybody in the queue. */
static void lead(struct durable *d)
{
    struct commit_group *g = &d->group;
    status               st;

    d->busy = true;
    /* Let the fibers that are ready to commit join: their turn costs less than a sync of their
     * own. */
    env_yield(d->env);
    take_group(d, g);
    if (d->e->state == ENGINE_STOPPED)
        st = status_new(ST_IO_ERROR, "the store has stopped");
    else
        st = log_write_group(d, g->batches, g->batch_count, g->sync);
    finish_group(d, g, st);
    d->busy = false;
    env_broadcast(d->env, &d->done);
    if (d->e->state != ENGINE_STOPPED)
        start_background(d);
}

/* Apart from its caller, so that the compiler does not take the list for a leaked local. */
static NOINLINE void enqueue(struct durable *d, struct committer *c)
{
    list_push_back(&d->queue, &c->link);
}

status durable_write(struct durable *d, const struct log_batch *b, bool sync)
{
    struct committer c = {.batch = *b, .sync = sync};

    if (b->bytes.size == 0 && !sync)
        return STATUS_OK;
    if (b->content == LOG_RAFT)
        d->raft.is_used = true;
    if (b->bytes.size > 0 && sync) /* flushes ask for syncs too, but for none of their own */
        d->has_synced = d->recycles = true;
    enqueue(d, &c);
    while (!c.is_done) {
        if (d->busy || d->pauses > 0) {
            env_wait_uncancelled(d->env, &d->done);
            continue;
        }
        lead(d);
    }
    return c.st;
}

status durable_commit(struct durable *d, slice encoded, bool sync)
{
    return durable_write(d, &(struct log_batch){.bytes = encoded, .content = LOG_BATCH}, sync);
}

/* Who commits again and again would never let it have its turn. */
void durable_pause(struct durable *d)
{
    d->pauses++;
    while (d->busy)
        env_wait_uncancelled(d->env, &d->done);
    d->pauses--;
    d->busy = true;
}

void durable_resume(struct durable *d)
{
    ASSERT(d->busy);
    d->busy = false;
    env_broadcast(d->env, &d->done);
}

/* The part of durable_write_raft() in which nobody else writes. */
static status write_alone(struct durable *d, const struct buf *ops, bool sync)
{
    struct commit_group *g = &d->group;
    status               st, told;

    g->count = 0;
    g->batch_count = 1;
    g->batches[0] = (struct log_batch){.bytes = buf_slice(ops), .content = LOG_RAFT};
    g->sync = sync;
    st = log_write_group(d, g->batches, 1, sync);
    told = st_ok(st) ? STATUS_OK : failure_of(d, st);
    finish_group(d, g, st);
    return told;
}

status durable_write_raft(struct durable *d, void (*compose)(void *ctx, struct buf *ops), void *ctx,
                          bool sync)
{
    struct buf ops;
    status     st = STATUS_OK;

    buf_init(&ops, env_heap(d->env));
    durable_pause(d);
    if (d->e->state == ENGINE_STOPPED)
        st = status_new(ST_IO_ERROR, "the store has stopped");
    else
        compose(ctx, &ops);
    if (ops.size > 0)
        st = write_alone(d, &ops, sync);
    durable_resume(d);
    buf_deinit(&ops);
    return st;
}

status durable_checkpoint(struct durable *d)
{
    while (d->is_checkpointing)
        env_wait_uncancelled(d->env, &d->idle);
    d->is_checkpointing = true;
    return run_checkpoint(d);
}

void durable_stats(const struct durable *d, struct engine_stats *out)
{
    out->log_size = d->log_bytes;
    out->disk_size =
        (d->old_count + d->ready_count + d->recycled_count) * d->segment_size + d->checkpoint_size;
}

/* ---- opening and closing
 * ------------------------------------------------------------------------- */

static bool is_zero(const uint8_t id[16])
{
    static const uint8_t zero[16];

    return memcmp(id, zero, sizeof zero) == 0;
}

static status check_identity(struct durable *d, const struct engine_options *o,
                             const struct identity *found)
{
    if (!is_zero(o->cluster_id) && memcmp(o->cluster_id, found->cluster_id, 16) != 0)
        return status_new(ST_CONFIG_ERROR, "store \"%s\" belongs to another cluster", d->path);
    if (o->node_id != 0 && o->node_id != found->node_id)
        return status_new(ST_CONFIG_ERROR, "store \"%s\" belongs to node %" PRIu64 ", not %" PRIu64,
                          d->path, found->node_id, o->node_id);
    if (o->store_id != 0 && o->store_id != found->store_id)
        return status_new(ST_CONFIG_ERROR, "store \"%s\" is store %" PRIu64 ", not %" PRIu64,
                          d->path, found->store_id, o->store_id);
    return STATUS_OK;
}

static status read_identity(struct durable *d, const struct engine_options *o, const char *path)
{
    struct engine_identity *id = &d->e->identity;
    struct arena           *arena = arena_new(env_heap(d->env), NULL);
    struct identity         found;
    uint32_t                version;
    slice                   bytes;
    status                  st;

    TRY(st, env_file_read_all(d->env, path, 4096, arena, &bytes), out);
    if (!identity_take(bytes, &found, &version)) {
        st = status_new(ST_CORRUPT, "file \"%s\" is damaged", path);
        goto out;
    }
    if (version != IDENTITY_VERSION) {
        st = status_new(ST_CONFIG_ERROR, "store \"%s\" has format version %u, not %d", d->path,
                        (unsigned)version, IDENTITY_VERSION);
        goto out;
    }
    TRY(st, check_identity(d, o, &found), out);
    memcpy(id->cluster_id, found.cluster_id, sizeof id->cluster_id);
    memcpy(id->incarnation, found.incarnation, sizeof id->incarnation);
    id->node_id = found.node_id;
    id->store_id = found.store_id;
    id->is_new = false;
out:
    arena_free(arena);
    return st;
}

/* Whether a file is made only after the identity is durable. */
static bool is_of_whole_store(enum store_file_kind kind)
{
    return kind == STORE_FILE_CHECKPOINT || kind == STORE_FILE_TABLE ||
           kind == STORE_FILE_MANIFEST || kind == STORE_FILE_CURRENT;
}

/* A directory without identity holds nothing of ours, or a store whose making was interrupted: that
 * has log segments at the most. One of a copy that was interrupted shares its files. */
static status remove_half_made(struct durable *d)
{
    struct arena *arena = arena_new(env_heap(d->env), NULL);
    const char  **names;
    size_t        count;
    uint64_t      number;
    status        st;

    TRY(st, env_list_dir(d->env, d->path, arena, &names, &count), out);
    for (size_t i = 0; i < count && st_ok(st); i++) {
        if (is_of_whole_store(store_file_kind(names[i], &number)))
            st = status_new(ST_CORRUPT,
                            "store \"%s\" has lost its identity file, or is an unfinished copy",
                            d->path);
    }
    for (size_t i = 0; i < count && st_ok(st); i++) {
        char *path = named_path(d, names[i]);

        if (store_file_kind(names[i], &number) == STORE_FILE_LOG)
            st = env_unlink(d->env, path);
        heap_free(path);
    }
out:
    arena_free(arena);
    return st;
}

/* Cut a path to the directory above; false: there is none. */
static bool cut_name(char *path)
{
    char *slash = strrchr(path, '/');

    if (slash == NULL) {
        if (strcmp(path, ".") == 0)
            return false;
        memcpy(path, ".", 2);
        return true;
    }
    if (slash == path && slash[1] == '\0')
        return false;
    slash[slash == path ? 1 : 0] = '\0';
    return true;
}

status durable_sync_parent(struct durable *d, const char *path)
{
    char  *parent = heap_strdup(env_heap(d->env), path);
    status st;

    ASSERT(parent[0] != '\0');
    (void)cut_name(parent);
    st = env_sync_dir(d->env, parent, ENV_LANE_LOG_SYNC);
    heap_free(parent);
    return st;
}

/* Make the name of the directory durable, and of those above it: whoever made them may have been
 * killed before it came to that, so that they are there is no proof. Directories further up need
 * not be ours to open. */
static status sync_names_above(struct durable *d)
{
    char  *path = heap_strdup(env_heap(d->env), d->path);
    status st = durable_sync_parent(d, path);

    (void)cut_name(path);
    while (st_ok(st) && cut_name(path))
        st_clear(env_sync_dir(d->env, path, ENV_LANE_LOG_SYNC));
    heap_free(path);
    return st;
}

/* Make keys and the first segment before the identity, so that an identity without a log is a loss,
 * and an encrypted store never one without keys. */
static status write_identity(struct durable *d, const struct engine_options *o, const char *path)
{
    const struct engine_identity *id = &d->e->identity;
    struct identity               fresh = {.node_id = id->node_id, .store_id = id->store_id};
    struct buf                    b;
    status                        st;

    TRY_RETURN(sync_names_above(d));
    TRY_RETURN(remove_half_made(d));
    if (o->store_key != NULL)
        TRY_RETURN(keyring_create(d->env, d->path, id->incarnation, o->store_key, &d->keyring));
    d->number_next = 1;
    TRY_RETURN(log_make_ready(d));
    memcpy(fresh.cluster_id, id->cluster_id, sizeof fresh.cluster_id);
    memcpy(fresh.incarnation, id->incarnation, sizeof fresh.incarnation);
    buf_init(&b, env_heap(d->env));
    identity_put(&b, &fresh);
    st = env_file_replace(d->env, path, buf_slice(&b));
    buf_deinit(&b);
    return st;
}

/* Of a store that was there before. */
static status open_keys(struct durable *d, const struct engine_options *o)
{
    if (!keyring_exists(d->env, d->path)) {
        if (o->store_key == NULL)
            return STATUS_OK;
        return status_hint(
            status_new(ST_CONFIG_ERROR, "store \"%s\" is not encrypted, but a key was given",
                       d->path),
            "A store is encrypted from its making on: dump it into a new one. If this one was, its "
            "file \"keys\" is gone.");
    }
    if (o->store_key == NULL)
        return status_hint(status_new(ST_CONFIG_ERROR, "store \"%s\" is encrypted", d->path),
                           "Give its key.");
    return keyring_open(d->env, d->path, d->e->identity.incarnation, o->store_key, o->old_store_key,
                        &d->keyring);
}

static status open_identity(struct durable *d, const struct engine_options *o)
{
    char  *path = named_path(d, "identity");
    status st;

    if (env_file_exists(d->env, path)) {
        st = read_identity(d, o, path);
        if (st_ok(st))
            st = open_keys(d, o);
    } else if (o->must_exist) {
        st = status_new(ST_UNDEFINED_FILE, "there is no store in \"%s\"", d->path);
    } else {
        st = write_identity(d, o, path);
    }
    heap_free(path);
    return st;
}

static status open_directory(struct durable *d, const struct engine_options *o)
{
    char  *path;
    status st;

    if (!env_file_exists(d->env, d->path)) {
        if (o->must_exist)
            return status_new(ST_UNDEFINED_FILE, "there is no store in \"%s\"", d->path);
        TRY_RETURN(env_mkdir_all(d->env, d->path));
    }
    path = named_path(d, "lock");
    st = env_lock_file(d->env, path, &d->lock);
    heap_free(path);
    return st;
}

static struct durable *durable_new(struct engine *e, const struct log_owner *owner,
                                   const struct engine_options *o)
{
    struct heap    *heap = env_heap(e->env);
    struct durable *d = heap_must_alloc(heap, 1, sizeof *d);
    size_t          length;

    d->e = e;
    d->owner = owner;
    d->env = e->env;
    d->path = heap_strdup(heap, o->path);
    for (length = strlen(d->path); length > 1 && d->path[length - 1] == '/'; length--)
        d->path[length - 1] = '\0';
    d->segment_size = o->log_segment_size != 0 ? o->log_segment_size : SEGMENT_SIZE_DEFAULT;
    d->segment_size = MAX(d->segment_size, SEGMENT_SIZE_LEAST);
    d->checkpoint_bytes = o->checkpoint_bytes != 0 ? o->checkpoint_bytes : CHECKPOINT_BYTES_DEFAULT;
    d->on_stop = o->on_stop;
    d->on_stop_ctx = o->on_stop_ctx;
    d->ready = heap_must_alloc(heap, READY_MAX, sizeof *d->ready);
    list_init(&d->queue);
    env_cond_init(&d->done);
    env_cond_init(&d->idle);
    buf_init(&d->encoded, heap);
    raft_log_init(&d->raft, d, heap);
    d->raft.cache_size_max = o->raft_cache_size != 0 ? o->raft_cache_size : RAFT_CACHE_DEFAULT;
    return d;
}

static void durable_free(struct durable *d)
{
    log_close(d);
    raft_log_deinit(&d->raft);
    keyring_free(d->keyring);
    env_file_close(d->lock);
    env_cond_deinit(&d->done);
    env_cond_deinit(&d->idle);
    heap_free(d->path);
    heap_free(d);
}

status durable_open(struct engine *e, const struct log_owner *owner,
                    const struct engine_options *options, struct durable **out)
{
    struct durable *d = durable_new(e, owner, options);
    status          st;

    d->sequence = d->applied = d->synced = 1;
    TRY(st, open_directory(d, options), fail);
    TRY(st, open_identity(d, options), fail);
    if (!e->identity.is_new)
        TRY(st, durable_recover(d), fail);
    TRY(st, durable_make_ready(d), fail);
    e->raft_log = &d->raft;
    *out = d;
    return STATUS_OK;

fail:
    durable_free(d);
    return st;
}

void durable_close(struct durable *d)
{
    status st;

    if (d == NULL)
        return;
    d->is_closing = true;
    while (d->busy || !list_empty(&d->queue))
        env_wait_uncancelled(d->env, &d->done);
    while (d->is_preparing || d->is_writing_back || d->is_checkpointing || d->is_relieving ||
           d->raft.is_tidying)
        env_wait_uncancelled(d->env, &d->idle);
    if (d->e->state != ENGINE_STOPPED) {
        st = log_write_mark(d);
        if (!st_ok(st))
            log_warn(env_log(d->env), "could not mark the end of the log", kv_status(st));
        st_clear(st);
        log_trim(d);
    }
    durable_free(d);
}

const struct keyring *durable_keyring(const struct durable *d)
{
    return d->keyring;
}

uint64_t durable_applied(const struct durable *d)
{
    return d->applied;
}

void durable_free_before(struct durable *d, uint64_t sequence)
{
    raft_log_free_before(&d->raft, sequence);
    d->log_bytes = d->old_count * d->segment_size;
    if (d->has_foreign_checkpoint)
        checkpoint_delete(d, d->checkpoint_sequence);
    d->has_foreign_checkpoint = false;
}

bool durable_has_foreign_checkpoint(const struct durable *d)
{
    return d->has_foreign_checkpoint;
}

/* Each restart begins a segment, as none that was read is written to again (L4). */
void durable_note_opened(struct durable *d)
{
    if (d->old_count > SEGMENTS_OPENED && d->owner->shorten_log != NULL)
        d->owner->shorten_log(d->e);
}
