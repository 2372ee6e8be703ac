/* Memtables become tables of level 0. */
#include <inttypes.h>

#include "base/assert.h"
#include "base/log.h"
#include "storage/lsm/lsm_internal.h"
#include "storage/lsm/table_writer.h"

enum { OUTPUT_SIZE = 1 << 20, RETRY_US = 1000 * 1000, FAILURES_MAX = 30 };

/* ---- files -----------------------------------------------------------------------------------
 */

status table_file_open(struct lsm *l, struct table_file *f)
{
    uint64_t number = version_set_new_number(&l->set);

    *f = (struct table_file){.lsm = l, .number = number, .path = lsm_table_path(l, number)};
    if (l->keyring != NULL) {
        f->key = keyring_new_seal(l->keyring, l->base.env);
        TRY_RETURN(table_cipher(l->keyring, l->heap, number, &f->key, &f->cipher));
    }
    return env_file_open_on(l->base.env, f->path, ENV_WRITE | ENV_CREATE | ENV_TRUNCATE,
                            ENV_LANE_WRITE, &f->file);
}

struct table_options table_file_options(const struct table_file *f)
{
    return (struct table_options){.number = f->number,
                                  .created_us = env_wall_us(f->lsm->base.env),
                                  .compression = COMPRESSION_LZ4,
                                  .cipher = f->cipher,
                                  .key = f->key};
}

status table_file_write(struct table_file *f, struct buf *bytes)
{
    if (bytes->size == 0)
        return STATUS_OK;
    TRY_RETURN(env_file_write_at(f->file, bytes->data, bytes->size, f->offset, ENV_LANE_WRITE));
    env_file_write_back(f->file, f->offset, bytes->size, ENV_LANE_WRITE);
    f->offset += bytes->size;
    buf_reset(bytes);
    return STATUS_OK;
}

status table_file_finish(struct table_file *f)
{
    TRY_RETURN(env_file_sync(f->file, ENV_LANE_WRITE));
    env_file_close(f->file);
    cipher_free(f->cipher);
    heap_free(f->path);
    *f = (struct table_file){.number = f->number, .key = f->key}; /* for lsm_meta_of() */
    return STATUS_OK;
}

void table_file_abandon(struct table_file *f)
{
    if (f->path == NULL)
        return;
    env_file_close(f->file);
    st_clear(env_unlink(f->lsm->base.env, f->path)); /* the next opening deletes what is left */
    cipher_free(f->cipher);
    heap_free(f->path);
    *f = (struct table_file){0};
}

struct table_meta lsm_meta_of(const struct table_file *f, uint32_t level,
                              const struct table_properties *p)
{
    return (struct table_meta){.number = f->number,
                               .seal = f->key,
                               .size = p->file_size,
                               .level = level,
                               .least = p->least_key,
                               .greatest = p->greatest_key,
                               .greatest_open = p->clears > 0 && p->greatest_ts == UINT64_MAX,
                               .ts_min = p->ts_min,
                               .ts_max = p->ts_max,
                               .entries = p->entries,
                               .keys = p->keys,
                               .tombstones = p->tombstones,
                               .cleared = p->cleared,
                               .clears = p->clears,
                               .raw_size = p->raw_key_size + p->raw_value_size,
                               .created_us = p->created_us};
}

/* ---- the job ---------------------------------------------------------------------------------
 */

/* Writes a view of a memtable, on another thread; each run fills some output (L18). */
struct flush_job {
    struct memtable_view    view;
    struct clear_set       *hidden; /* what newer memtables clear need not be written */
    struct lsm_cursor      *cursor; /* malloc's */
    struct table_writer    *writer;
    struct table_properties properties;
    bool                    is_begun, is_done, is_empty;
};

static void flush_step(void *arg)
{
    struct flush_job  *j = arg;
    struct lsm_cursor *c = j->cursor;
    status             st = STATUS_OK; /* a memtable's cursor never fails */

    if (!j->is_begun)
        st = c->ops->first(c);
    j->is_begun = true;
    for (; c->valid && table_writer_output(j->writer)->size < OUTPUT_SIZE; st = c->ops->next(c)) {
        if (!clear_set_covers(j->hidden, c->entry.key))
            table_writer_add(j->writer, &c->entry);
    }
    ASSERT(st_ok(st));
    if (c->valid)
        return;
    j->is_done = true;
    j->is_empty = table_writer_is_empty(j->writer) && j->view.clears == NULL;
    if (j->is_empty)
        return;
    for (size_t i = 0; j->view.clears != NULL && i < j->view.clears->count; i++)
        table_writer_add_clear(j->writer, &j->view.clears->items[i]);
    table_writer_finish(j->writer, &j->properties);
    j->properties.file_size = table_writer_size(j->writer);
}

static status run_job(struct lsm *l, struct flush_job *j, struct table_file *f)
{
    while (!j->is_done) {
        env_offload(l->base.env, ENV_LANE_CPU, flush_step, j);
        TRY_RETURN(table_file_write(f, table_writer_output(j->writer)));
    }
    return j->is_empty ? STATUS_OK : table_file_finish(f);
}

/* ---- the flush -------------------------------------------------------------------------------
 */

static void put_applied(struct manifest_edit *e, const struct memtable *m)
{
    size_t   pos = 0;
    uint64_t range_id;
    void    *index;

    while (umap_next(&m->applied, &pos, &range_id, &index))
        manifest_edit_set_applied(e, range_id, *(const uint64_t *)index);
}

/* Name the table, and what goes with it, durably; then nobody needs the log before its end. */
static status install(struct lsm *l, struct memtable *m, const struct table_meta *meta)
{
    struct manifest_edit e;
    status               st;

    manifest_edit_init(&e, l->heap);
    if (meta != NULL)
        manifest_edit_add(&e, meta);
    put_applied(&e, m);
    e.log_sequence = m->sequence_end;
    TRY(st, env_sync_dir(l->base.env, l->path, ENV_LANE_WRITE), out);
    TRY(st, durable_commit(l->log, SLICE_EMPTY, true), out); /* L9 */
    TRY(st, lsm_edit(l, &e), out);
    durable_free_before(l->log, m->sequence_end);
out:
    manifest_edit_deinit(&e);
    return st;
}

/* The clears of the memtables that are newer. They are in the log, and install() syncs that. */
static struct clear_set *cleared_since(struct lsm *l, const struct memtable *m)
{
    struct clear_set *c = clear_set_union(l->heap, l->memtable->clears, NULL);

    LIST_FOR_EACH (it, &l->waiting) {
        const struct memtable *newer = CONTAINER_OF(it, struct memtable, link);
        struct clear_set      *both;

        if (newer == m)
            break;
        both = clear_set_union(l->heap, c, newer->clears);
        clear_set_unref(c);
        c = both;
    }
    return c;
}

static status write_table(struct lsm *l, struct memtable *m)
{
    struct flush_job     j = {0};
    struct table_file    f = {0};
    struct table_options options;
    struct table_meta    meta;
    status               st;

    memtable_view_take(m, &j.view);
    j.hidden = cleared_since(l, m);
    TRY(st, table_file_open(l, &f), out);
    j.cursor = memtable_cursor_open(&j.view, NULL);
    options = table_file_options(&f);
    j.writer = table_writer_new(&options);
    TRY(st, run_job(l, &j, &f), out);
    if (!j.is_empty)
        meta = lsm_meta_of(&f, 0, &j.properties);
    metric_add(&l->metrics.flush_bytes, j.is_empty ? 0 : j.properties.file_size);
    st = install(l, m, j.is_empty ? NULL : &meta);
out:
    table_file_abandon(&f);
    if (j.cursor != NULL)
        j.cursor->ops->close(j.cursor);
    table_writer_free(j.writer);
    clear_set_unref(j.hidden);
    memtable_view_release(&j.view);
    return st;
}

/* The oldest of those that wait; it leaves the list with its table installed. */
static status flush_one(struct lsm *l)
{
    struct memtable *m = CONTAINER_OF(l->waiting.prev, struct memtable, link);
    status           st = memtable_is_empty(m) ? install(l, m, NULL) : write_table(l, m);

    if (!st_ok(st))
        return st;
    list_remove(&m->link);
    l->waiting_count--;
    l->flushes++;
    metric_add(&l->metrics.flushes, 1);
    memtable_unref(m);
    metric_add(&l->base.metrics.checkpoints, 1);
    env_broadcast(l->base.env, &l->idle);
    lsm_start_compaction(l);
    return STATUS_OK;
}

/* A disk that lets no table be written, full ones apart, is as good as none: memtables would pile
 * up without limit. */
static void note_failure(struct lsm *l, status st)
{
    log_error(env_log(l->base.env), "could not write a table", kv_status(st));
    l->flush_failures++;
    metric_add(&l->metrics.flush_failures, 1);
    l->flush_failures_running++;
    if (l->flush_failures_running >= FAILURES_MAX && status_code(st) != ST_DISK_FULL)
        durable_stop(l->log, status_copy(st));
    env_broadcast(l->base.env, &l->idle);
}

/* What could not be written is tried again: nothing is lost while it is in the log. */
static void flush_fiber(struct env *env, void *arg)
{
    struct lsm *l = arg;

    while (!list_empty(&l->waiting) && l->base.state != ENGINE_STOPPED) {
        status st = flush_one(l);

        st_clear(l->flush_error);
        l->flush_error = st;
        if (st_ok(st)) {
            l->flush_failures_running = 0;
            continue;
        }
        note_failure(l, st);
        if (l->is_closing)
            break;
        st_clear(env_sleep_us(env, RETRY_US));
    }
    l->is_flushing = false;
    env_broadcast(env, &l->idle);
}

void lsm_start_flush(struct lsm *l)
{
    status st;

    if (l->is_flushing || list_empty(&l->waiting))
        return;
    l->is_flushing = true;
    st = env_spawn(l->base.env, "flush", flush_fiber, l, NULL);
    if (!st_ok(st)) {
        l->is_flushing = false;
        st_clear(st); /* the next rotation tries again */
    }
}

static void rotate(struct lsm *l)
{
    struct memtable *m = l->memtable;

    m->sequence_end = durable_applied(l->log);
    list_push_front(&l->waiting, &m->link);
    l->waiting_count++;
    l->rotations++;
    l->memtable = memtable_new(l->heap);
    l->memtable->sequence_first = m->sequence_end;
    lsm_start_flush(l);
}

void lsm_rotate(struct lsm *l)
{
    if (!memtable_is_empty(l->memtable) || umap_count(&l->memtable->applied) > 0)
        rotate(l);
}

void lsm_shorten_log(struct lsm *l)
{
    if (l->waiting_count == 0)
        rotate(l);
}

/* After a clear the memtable may be far smaller than the log that it keeps. */
void lsm_relieve(struct lsm *l)
{
    struct engine_stats log = {0};

    durable_stats(l->log, &log);
    if (l->waiting_count <= 1 && memtable_size(l->memtable) < log.log_size / 2)
        lsm_rotate(l);
}

status lsm_flush(struct lsm *l)
{
    uint64_t end, failures = l->flush_failures;

    if (durable_has_foreign_checkpoint(l->log))
        rotate(l); /* even with nothing in it: the checkpoint goes with what comes after */
    else
        lsm_rotate(l);
    end = l->rotations; /* not a place in the log: that has no record of replicated batches */
    while (l->rotations - l->waiting_count < end) {
        if (l->base.state == ENGINE_STOPPED)
            return status_new(ST_IO_ERROR, "the store has stopped");
        if (l->flush_failures > failures && !st_ok(l->flush_error))
            return status_copy(l->flush_error);
        lsm_start_flush(l);
        env_wait_uncancelled(l->base.env, &l->idle);
    }
    return durable_commit(l->log, SLICE_EMPTY, true); /* Raft logs are in no memtable */
}
