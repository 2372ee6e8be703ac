/* The LSM engine: commits go through the log into the memtable, reads look at one source after the
 * other. */
#include "storage/lsm/lsm.h"

#include <inttypes.h>
#include <stdlib.h>

#include "base/assert.h"
#include "base/log.h"
#include "storage/lsm/bloom.h"
#include "storage/lsm/lsm_internal.h"
#include "storage/store_files.h"

#define SCRUB_INTERVAL_US (UINT64_C(24) * 3600 * 1000 * 1000)

enum {
    MEMTABLE_SIZE_DEFAULT = 32 << 20,
    CACHE_SIZE_DEFAULT = 128 << 20,
    COMPACTIONS_DEFAULT = 2,
};

char *lsm_table_path(const struct lsm *l, uint64_t number)
{
    return store_file_path(l->heap, l->path, STORE_FILE_TABLE, number);
}

/* ---- state -----------------------------------------------------------------------------------
 */

void lsm_state_take(struct lsm *l, struct lsm_state *out)
{
    size_t n = 0;

    out->views = heap_must_alloc(l->heap, l->waiting_count + 1, sizeof *out->views);
    memtable_view_take(l->memtable, &out->views[n++]);
    LIST_FOR_EACH (it, &l->waiting)
        memtable_view_take(CONTAINER_OF(it, struct memtable, link), &out->views[n++]);
    out->view_count = n;
    out->version = version_ref(l->set.current);
    l->readers++;
}

void lsm_state_copy(struct lsm *l, const struct lsm_state *s, struct lsm_state *out)
{
    out->views = heap_must_alloc(l->heap, s->view_count, sizeof *out->views);
    for (size_t i = 0; i < s->view_count; i++)
        memtable_view_copy(&s->views[i], &out->views[i]);
    out->view_count = s->view_count;
    out->version = version_ref(s->version);
    l->readers++;
}

void lsm_state_release(struct lsm_state *s)
{
    for (size_t i = 0; i < s->view_count; i++)
        memtable_view_release(&s->views[i]);
    heap_free(s->views);
    version_unref(s->version);
}

/* What engine_snapshot_take() gives out. */
static struct lsm_state *state_of(struct engine_snapshot *s)
{
    return (struct lsm_state *)(void *)s;
}

static struct engine_snapshot *lsm_snapshot_take(struct engine *e)
{
    struct lsm_state *s = heap_must_alloc(lsm_of(e)->heap, 1, sizeof *s);

    lsm_state_take(lsm_of(e), s);
    return (struct engine_snapshot *)(void *)s;
}

static void lsm_snapshot_release(struct engine *e, struct engine_snapshot *s)
{
    lsm_state_release(state_of(s));
    heap_free(s);
    lsm_of(e)->readers--;
}

/* ---- tables ----------------------------------------------------------------------------------
 */

status lsm_table_of(struct lsm *l, const struct version_table *vt, struct lsm_table **out)
{
    struct version_file     *f = vt->file;
    struct lsm_table_options o = {.number = f->number,
                                  .cache = l->cache,
                                  .codec = l->codec,
                                  .keyring = l->keyring,
                                  .seal = &f->seal,
                                  .least = vt->meta.least,
                                  .greatest = vt->meta.greatest,
                                  .metrics = &l->metrics};
    struct lsm_table        *t = NULL;
    char                    *path;
    status                   st = STATUS_OK;

    if (LIKELY(f->handle != NULL)) {
        *out = f->handle;
        return STATUS_OK;
    }
    o.path = path = lsm_table_path(l, f->number);
    st = lsm_table_open(l->base.env, &o, &t);
    heap_free(path);
    TRY_RETURN(st);
    if (f->handle == NULL) /* else another fiber was faster */
        f->handle = t;
    else
        lsm_table_close(t);
    *out = f->handle;
    return STATUS_OK;
}

static void close_table(void *ctx, struct version_file *f)
{
    (void)ctx;
    lsm_table_close(f->handle);
}

static void delete_next(struct lsm *l)
{
    char *path = lsm_table_path(l, l->dead[--l->dead_count]);

    st_clear(env_unlink_on(l->base.env, path, ENV_LANE_WRITE)); /* the next opening tries again */
    heap_free(path);
}

static void deletion_fiber(struct env *env, void *arg)
{
    struct lsm *l = arg;

    while (l->dead_count > 0)
        delete_next(l);
    l->is_deleting = false;
    env_broadcast(env, &l->idle);
}

static void start_deletion(struct lsm *l)
{
    status st;

    if (l->is_deleting)
        return;
    l->is_deleting = true;
    st = env_spawn(l->base.env, "table deletion", deletion_fiber, l, NULL);
    if (!st_ok(st)) {
        l->is_deleting = false;
        st_clear(st); /* the next one, or the next opening, tries again */
    }
}

/* No version has it any more. Whoever let go of it must not wait for the file system. */
static void delete_table(void *ctx, struct version_file *f)
{
    struct lsm *l = ctx;
    uint64_t   *dead = heap_realloc(l->heap, l->dead, (l->dead_count + 1) * sizeof *dead);

    close_table(l, f);
    cache_drop_table(l->cache, f->number);
    if (dead == NULL)
        return; /* the next opening deletes it */
    l->dead = dead;
    l->dead[l->dead_count++] = f->number;
    start_deletion(l);
}

static void note_version(struct lsm *l)
{
    lsm_metrics_note_version(l->level_metrics, l->set.current);
    metric_set(&l->metrics.debt_bytes, (int64_t)picker_debt(&l->picker, l->set.current));
}

status lsm_edit(struct lsm *l, const struct manifest_edit *e)
{
    status st = manifest_append(l->manifest, e);

    if (!st_ok(st) && manifest_has_failed(l->manifest))
        durable_stop(l->log, status_copy(st));
    note_version(l);
    return st;
}

/* ---- commits ---------------------------------------------------------------------------------
 */

static void note_memory(struct lsm *l)
{
    size_t memtables = memtable_size(l->memtable);

    LIST_FOR_EACH (it, &l->waiting)
        memtables += memtable_size(CONTAINER_OF(it, struct memtable, link));
    metric_set(&l->metrics.memtable_bytes, (int64_t)memtables);
    metric_set(&l->metrics.memtables_waiting, (int64_t)l->waiting_count);
    metric_set(&l->base.metrics.memory_bytes, (int64_t)(memtables + cache_size(l->cache)));
}

static void apply(struct engine *e, slice encoded, enum apply_how how)
{
    struct lsm     *l = lsm_of(e);
    struct batch_op op;

    while (batch_take_op(&encoded, &op)) {
        memtable_apply(l->memtable, &op);
        if (op.kind == BATCH_APPLIED)
            applied_set(
                applied_of(&l->applied, op.range_id, version_set_applied(&l->set, op.range_id)),
                op.index, how);
    }
    ASSERT(encoded.size == 0); /* batches are checked when they are made or read */
    note_memory(l);
}

static void note_durable(struct engine *e)
{
    applied_note_durable(&lsm_of(e)->applied);
}

static uint64_t data_size(struct engine *e)
{
    return version_size(lsm_of(e)->set.current);
}

static void group_applied(struct engine *e)
{
    struct lsm *l = lsm_of(e);

    if (memtable_size(l->memtable) >= l->memtable_size)
        lsm_rotate(l);
}

static status lsm_commit(struct engine *e, const struct engine_batch *b, bool sync)
{
    struct lsm *l = lsm_of(e);

    lsm_back_pressure(l, engine_batch_size(b));
    lsm_await_writes(l);
    return durable_commit(l->log, engine_batch_encoded(b), sync);
}

static status lsm_sync(struct engine *e)
{
    return durable_commit(lsm_of(e)->log, SLICE_EMPTY, true);
}

static status lsm_apply(struct engine *e, const struct engine_batch *b)
{
    lsm_back_pressure(lsm_of(e), engine_batch_size(b));
    lsm_await_writes(lsm_of(e));
    apply(e, engine_batch_encoded(b), APPLY_REPLICATED);
    group_applied(e);
    return STATUS_OK;
}

static uint64_t lsm_applied(struct engine *e, uint64_t range_id, enum engine_applied_as as)
{
    struct lsm           *l = lsm_of(e);
    const struct applied *a = umap_get(&l->applied, range_id);
    uint64_t              flushed = version_set_applied(&l->set, range_id);

    /* Without a place: nothing since the opening, and nothing in the log. */
    if (a == NULL || as == ENGINE_APPLIED_FLUSHED)
        return flushed;
    if (as == ENGINE_APPLIED_NOW)
        return a->index;
    return a->is_replicated ? flushed : a->durable;
}

/* ---- one key ---------------------------------------------------------------------------------
 */

/* A get on its way through the sources. */
struct lookup {
    struct lsm      *lsm;
    slice            key; /* with its space */
    uint64_t         hash;
    hlc_ts           ts;
    bool             found;
    bool             is_over;    /* what is older is hidden, or has nothing to say */
    bool             is_cleared; /* a CLEARED entry was met: only reading in order tells */
    struct lsm_entry best;
    struct cached   *held; /* what best.value lies in; NULL: in a memtable, or in `copy` */
    struct buf       copy;
    bool             is_copied;
};

/* An entry of a source older than all before: it counts if it is a newer version. */
static void consider(struct lookup *k, const struct lsm_entry *e, struct cached *held)
{
    if (k->found && e->ts <= k->best.ts) {
        cache_release(held);
        return;
    }
    cache_release(k->held);
    k->held = held;
    k->best = *e;
    k->found = true;
    if (e->kind == LSM_CLEARED)
        k->is_cleared = k->is_over = true;
    if (e->ts == k->ts)
        k->is_over = true; /* there can be nothing newer */
}

static void look_in_memtable(struct lookup *k, const struct memtable_view *v)
{
    struct lsm_entry e;

    if (memtable_get(v, k->key, k->ts, &e))
        consider(k, &e, NULL);
    if (v->clears != NULL && clear_set_covers(v->clears, k->key))
        k->is_over = true;
}

/* Reading a table may wait, and a memtable change or go meanwhile. */
static void leave_memtable(struct lookup *k)
{
    if (!k->found || k->held != NULL || k->is_copied)
        return;
    buf_append_slice(&k->copy, k->best.value);
    k->best.value = buf_slice(&k->copy);
    k->is_copied = true;
}

static status look_in_table(struct lookup *k, struct version_table *vt)
{
    struct lsm_table_value v;
    struct lsm_table      *t;

    /* A table without a newer version, or without one that is old enough, and without clears. */
    if (vt->meta.clears == 0 && k->key.data[0] != LSM_SPACE_META &&
        (vt->meta.ts_min > k->ts || (k->found && vt->meta.ts_max <= k->best.ts)))
        return STATUS_OK;
    leave_memtable(k);
    TRY_RETURN(lsm_table_of(k->lsm, vt, &t));
    TRY_RETURN(lsm_table_get(t, k->key, k->hash, k->ts, &v));
    if (v.found)
        consider(k, &v.entry, v.held);
    if (vt->meta.clears > 0 && !k->is_over) {
        size_t                  count;
        const struct lsm_clear *clears = lsm_table_clears(t, &count);

        k->is_over = lsm_clears_cover(clears, count, k->key);
    }
    return STATUS_OK;
}

static status look_in_tables(struct lookup *k, const struct version *v)
{
    const struct version_level *level0 = &v->levels[0];

    k->hash = bloom_hash(k->key);
    for (size_t i = 0; i < level0->count && !k->is_over; i++) {
        if (table_meta_covers(&level0->tables[i]->meta, k->key))
            TRY_RETURN(look_in_table(k, level0->tables[i]));
    }
    for (unsigned level = 1; level < LSM_LEVELS && !k->is_over; level++) {
        struct version_table *t = version_find(v, level, k->key);

        if (t != NULL)
            TRY_RETURN(look_in_table(k, t));
    }
    return STATUS_OK;
}

/* The current sources, without pinning memtables: reading them does not yield. */
static status look_now(struct lookup *k)
{
    struct lsm          *l = k->lsm;
    struct memtable_view v = memtable_view_borrow(l->memtable);
    struct version      *version;
    status               st;

    look_in_memtable(k, &v);
    LIST_FOR_EACH (it, &l->waiting) {
        if (k->is_over)
            break;
        v = memtable_view_borrow(CONTAINER_OF(it, struct memtable, link));
        look_in_memtable(k, &v);
    }
    if (k->is_over)
        return STATUS_OK;
    version = version_ref(l->set.current);
    st = look_in_tables(k, version);
    version_unref(version);
    return st;
}

static status look_in_state(struct lookup *k, const struct lsm_state *s)
{
    for (size_t i = 0; i < s->view_count && !k->is_over; i++)
        look_in_memtable(k, &s->views[i]);
    return k->is_over ? STATUS_OK : look_in_tables(k, s->version);
}

/* What a reader in order meets first; the value is copied, as the cursor goes. */
static status look_in_order(struct lookup *k, const struct lsm_state *s)
{
    struct lsm_interest wanted = {.start = k->key, .ts_max = k->ts};
    struct lsm_cursor  *c;
    status              st;

    TRY_RETURN(lsm_state_cursor(k->lsm, s, &wanted, &c));
    st = c->ops->seek(c, k->key, k->ts);
    k->found = st_ok(st) && c->valid && slice_eq(c->entry.key, k->key);
    if (k->found) {
        k->best = c->entry;
        buf_reset(&k->copy);
        buf_append_slice(&k->copy, c->entry.value);
        k->best.value = buf_slice(&k->copy);
    }
    c->ops->close(c);
    return st;
}

/* A version was cleared: rare enough to read in order. */
static status look_past_cleared(struct lookup *k, const struct lsm_state *given)
{
    struct lsm_state s;
    status           st;

    cache_release(k->held);
    k->held = NULL;
    k->found = false;
    if (k->key.data[0] == LSM_SPACE_META)
        return STATUS_OK; /* it had that version only */
    if (given != NULL)
        lsm_state_copy(k->lsm, given, &s);
    else
        lsm_state_take(k->lsm, &s);
    st = look_in_order(k, &s);
    lsm_state_release(&s);
    k->lsm->readers--;
    return st;
}

/* What the last get returned goes: it was valid until the caller yielded, or this call. */
static void keep(struct lsm *l, struct lookup *k)
{
    cache_release(l->held);
    l->held = k->held;
    buf_deinit(&l->copy);
    l->copy = k->copy;
}

static status look_up(struct engine *e, struct engine_snapshot *s, enum lsm_space space, slice key,
                      hlc_ts ts, struct engine_value *out)
{
    char          room[ENGINE_KEY_SIZE_MAX + 1];
    struct lookup k = {.lsm = lsm_of(e), .ts = ts, .key = slice_make(room, key.size + 1)};
    status        st;

    *out = (struct engine_value){.found = false};
    if (key.size > ENGINE_KEY_SIZE_MAX)
        return STATUS_OK; /* none can be there */
    room[0] = (char)space;
    if (key.size > 0)
        memcpy(room + 1, key.data, key.size);
    buf_init(&k.copy, k.lsm->heap);
    st = s != NULL ? look_in_state(&k, state_of(s)) : look_now(&k);
    if (st_ok(st) && k.is_cleared)
        st = look_past_cleared(&k, s != NULL ? state_of(s) : NULL);
    keep(k.lsm, &k);
    TRY_RETURN(st);
    if (k.found)
        *out = (struct engine_value){.found = true,
                                     .tombstone = k.best.kind == LSM_TOMBSTONE,
                                     .ts = k.best.ts,
                                     .value = k.best.value};
    return STATUS_OK;
}

static status lsm_get(struct engine *e, struct engine_snapshot *s, slice key, hlc_ts ts,
                      struct engine_value *out)
{
    return look_up(e, s, LSM_SPACE_DATA, key, ts, out);
}

static status lsm_get_meta(struct engine *e, struct engine_snapshot *s, slice key,
                           struct engine_value *out)
{
    return look_up(e, s, LSM_SPACE_META, key, 0, out);
}

/* ---- the rest of the interface ---------------------------------------------------------------
 */

static void lsm_gc_threshold(struct engine *e, slice start, slice end, hlc_ts threshold)
{
    struct lsm     *l = lsm_of(e);
    struct buf      keys;
    struct lsm_span s;

    buf_init(&keys, l->heap);
    s = lsm_span_of(&keys, LSM_SPACE_DATA, start, end);
    version_set_raise_gc(&l->set,
                         &(struct gc_threshold){.start = s.start, .end = s.end, .ts = threshold});
    buf_deinit(&keys);
    lsm_start_compaction(l);
}

/* Only the memtable's: merges drop what is in tables. A tombstone stays, for it may hide something
 * there. */
static status lsm_gc(struct engine *e, slice start, slice end, hlc_ts threshold, uint64_t budget,
                     struct buf *resume, uint64_t *dropped)
{
    struct lsm     *l = lsm_of(e);
    struct buf      keys, next;
    struct lsm_span s;

    buf_init(&keys, l->heap);
    buf_init(&next, l->heap);
    s = lsm_span_of(&keys, LSM_SPACE_DATA, start, end);
    *dropped =
        tree_drop_garbage(&l->memtable->tree, s.start, s.end, threshold, false, budget, &next);
    if (next.size > 0)
        buf_append_slice(resume, slice_from(buf_slice(&next), 1));
    buf_deinit(&next);
    buf_deinit(&keys);
    return STATUS_OK;
}

static void lsm_stats(struct engine *e, struct engine_stats *out)
{
    struct lsm           *l = lsm_of(e);
    const struct version *v = l->set.current;

    durable_stats(l->log, out);
    out->entries = l->memtable->tree.entries;
    out->memory_size = memtable_memory(l->memtable) + cache_size(l->cache);
    LIST_FOR_EACH (it, &l->waiting) {
        out->entries += CONTAINER_OF(it, struct memtable, link)->tree.entries;
        out->memory_size += memtable_memory(CONTAINER_OF(it, struct memtable, link));
    }
    for (unsigned level = 0; level < LSM_LEVELS; level++) {
        for (size_t i = 0; i < v->levels[level].count; i++)
            out->entries += v->levels[level].tables[i]->meta.entries;
    }
    out->disk_size += version_size(v) + manifest_size(l->manifest);
}

static void lsm_register_metrics(struct engine *e, struct metrics *m, const char *labels)
{
    struct lsm *l = lsm_of(e);

    lsm_metrics_register(&l->metrics, l->level_metrics, m, labels);
    cache_register_metrics(l->cache, m, labels);
}

static status lsm_checkpoint(struct engine *e)
{
    return lsm_flush(lsm_of(e));
}

/* ---- opening and closing ---------------------------------------------------------------------
 */

/* Files that no version names are left from what a crash has interrupted. */
static status delete_strays(struct lsm *l)
{
    struct arena *arena = arena_new(l->heap, NULL);
    const char  **names;
    size_t        count;
    status        st;

    TRY(st, env_list_dir(l->base.env, l->path, arena, &names, &count), out);
    for (size_t i = 0; i < count; i++) {
        char    *end;
        uint64_t number = strtoull(names[i], &end, 10);
        char    *path;

        if (end == names[i] || strcmp(end, ".sst") != 0)
            continue;
        version_set_note_number(&l->set, number);
        if (umap_has(&l->set.files, number))
            continue;
        path = lsm_table_path(l, number);
        st_clear(env_unlink(l->base.env, path)); /* the next opening tries again */
        heap_free(path);
    }
out:
    arena_free(arena);
    return st;
}

/* A table that is gone means that what it held is (the manifest cannot tell: manifest.h). */
static status check_tables(struct lsm *l)
{
    const struct version *v = l->set.current;

    for (unsigned level = 0; level < LSM_LEVELS; level++) {
        for (size_t i = 0; i < v->levels[level].count; i++) {
            char *path = lsm_table_path(l, v->levels[level].tables[i]->meta.number);
            bool  is_there = env_file_exists(l->base.env, path);

            heap_free(path);
            if (!is_there)
                return status_new(ST_CORRUPT, "table %" PRIu64 " is gone",
                                  v->levels[level].tables[i]->meta.number);
        }
    }
    return STATUS_OK;
}

static struct manifest_options manifest_options_of(struct lsm *l)
{
    struct manifest_options o = {
        .dir = l->path, .keyring = l->keyring, .rewrite_size = l->manifest_size};

    memcpy(o.incarnation, l->base.identity.incarnation, sizeof o.incarnation);
    return o;
}

/* Without a manifest there can be no tables; all there is, is in the log, or in a checkpoint of the
 * memory engine. */
static status check_no_tables(struct lsm *l)
{
    struct arena *arena = arena_new(l->heap, NULL);
    const char  **names;
    size_t        count;
    uint64_t      number;
    status        st;

    TRY(st, env_list_dir(l->base.env, l->path, arena, &names, &count), out);
    for (size_t i = 0; i < count && st_ok(st); i++) {
        if (store_file_kind(names[i], &number) == STORE_FILE_TABLE)
            st = status_hint(status_new(ST_CORRUPT,
                                        "store \"%s\" has tables, but its file \"current\" is gone",
                                        l->path),
                             "Restore the store from a backup.");
    }
out:
    arena_free(arena);
    return st;
}

static status recover_base(struct engine *e, struct durable *d, uint64_t *sequence)
{
    struct lsm             *l = lsm_of(e);
    struct manifest_options o;

    l->keyring = durable_keyring(d);
    o = manifest_options_of(l);
    if (!manifest_exists(e->env, l->path))
        return check_no_tables(l);
    TRY_RETURN(manifest_open(e->env, &o, &l->set, &l->manifest));
    *sequence = MAX(l->set.log_sequence, *sequence);
    return check_tables(l);
}

static status recover_end(struct engine *e)
{
    struct lsm *l = lsm_of(e);

    if (l->manifest == NULL)
        return STATUS_OK;
    TRY_RETURN(manifest_settle(l->manifest));
    return delete_strays(l);
}

static void relieve(struct engine *e)
{
    lsm_relieve(lsm_of(e));
}

static void shorten_log(struct engine *e)
{
    lsm_shorten_log(lsm_of(e));
}

static const struct log_owner log_owner = {.apply = apply,
                                           .note_durable = note_durable,
                                           .data_size = data_size,
                                           .group_applied = group_applied,
                                           .recover_base = recover_base,
                                           .recover_end = recover_end,
                                           .relieve = relieve,
                                           .shorten_log = shorten_log};

static void lsm_close(struct engine *e)
{
    struct lsm *l = lsm_of(e);

    l->is_closing = true;
    env_broadcast(e->env, &l->idle);
    lsm_scrub_stop(l);
    while (l->is_flushing || l->pick_count > 0 || l->is_deleting || l->is_resting)
        env_wait_uncancelled(e->env, &l->idle);
    durable_close(l->log);
    manifest_close(l->manifest);
    cache_release(l->held);
    ASSERT(l->readers == 0);
    version_set_deinit(&l->set, close_table);
    applied_deinit(&l->applied);
    while (!list_empty(&l->waiting))
        memtable_unref(CONTAINER_OF(l->waiting.next, struct memtable, link));
    memtable_unref(l->memtable);
    picker_deinit(&l->picker);
    heap_free(l->picks);
    heap_free(l->dead);
    cache_free(l->cache);
    block_codec_free(l->codec);
    env_cond_deinit(&l->idle);
    env_mutex_deinit(&l->ingest_lock);
    st_clear(l->flush_error);
    buf_deinit(&l->copy);
    heap_free(l->path);
    heap_free(l);
}

static const struct engine_ops lsm_ops = {
    .close = lsm_close,
    .commit = lsm_commit,
    .sync = lsm_sync,
    .apply = lsm_apply,
    .applied = lsm_applied,
    .gc_threshold = lsm_gc_threshold,
    .gc = lsm_gc,
    .get = lsm_get,
    .get_meta = lsm_get_meta,
    .snapshot_take = lsm_snapshot_take,
    .snapshot_release = lsm_snapshot_release,
    .iter_open = lsm_iter_open,
    .iter_close = lsm_iter_close,
    .iter_first = lsm_iter_first,
    .iter_last = lsm_iter_last,
    .iter_seek = lsm_iter_seek,
    .iter_seek_before = lsm_iter_seek_before,
    .iter_next = lsm_iter_next,
    .iter_prev = lsm_iter_prev,
    .span_size = lsm_span_size,
    .span_middle = lsm_span_middle,
    .drop_span = lsm_drop_span,
    .tables = lsm_tables,
    .copy = lsm_copy,
    .builder_open = lsm_builder_open,
    .stats = lsm_stats,
    .register_metrics = lsm_register_metrics,
    .checkpoint = lsm_checkpoint,
};

static struct lsm *lsm_new(struct env *env, const struct engine_options *o)
{
    struct heap          *heap = env_heap(env);
    struct lsm           *l = heap_must_alloc(heap, 1, sizeof *l);
    struct picker_options sizes = {.table_size = o->table_size, .base_size_min = o->level_size};

    l->base.ops = &lsm_ops;
    l->base.env = env;
    l->base.has_files = true;
    l->heap = heap;
    l->path = heap_strdup(heap, o->path);
    l->manifest_size = o->manifest_size;
    l->memtable_size = o->memtable_size != 0 ? o->memtable_size : MEMTABLE_SIZE_DEFAULT;
    l->memtable = memtable_new(heap);
    list_init(&l->waiting);
    version_set_init(&l->set, heap, delete_table, l);
    umap_init(&l->applied, heap);
    l->cache = cache_new(heap, o->cache_size != 0 ? o->cache_size : CACHE_SIZE_DEFAULT);
    l->codec = block_codec_new(heap);
    picker_init(&l->picker, heap, &sizes);
    l->compactions_max = o->compactions_max != 0 ? o->compactions_max : COMPACTIONS_DEFAULT;
    l->compaction_rate = o->compaction_rate;
    l->picks = heap_must_alloc(heap, l->compactions_max, sizeof *l->picks);
    env_cond_init(&l->idle);
    env_mutex_init(&l->ingest_lock);
    buf_init(&l->copy, heap);
    engine_new_identity(&l->base, o);
    l->scrub_rate = o->scrub_rate;
    l->scrub_interval_us = o->scrub_interval_us != 0 ? o->scrub_interval_us : SCRUB_INTERVAL_US;
    return l;
}

status lsm_engine_open(struct env *env, const struct engine_options *options, struct engine **out)
{
    struct lsm             *l = lsm_new(env, options);
    struct manifest_options o;
    status                  st;

    TRY(st, durable_open(&l->base, &log_owner, options, &l->log), fail);
    l->keyring = durable_keyring(l->log);
    if (l->manifest == NULL) {
        o = manifest_options_of(l);
        TRY(st, manifest_create(env, &o, &l->set, &l->manifest), fail);
    }
    note_version(l);
    group_applied(&l->base); /* much may have come from the log */
    durable_note_opened(l->log);
    lsm_start_compaction(l);
    TRY(st, lsm_scrub_start(l), fail);
    *out = &l->base;
    return STATUS_OK;

fail:
    lsm_close(&l->base);
    return status_wrap(st, "could not open store \"%s\"", options->path);
}
