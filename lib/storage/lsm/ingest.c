/* Ingestion: tables that a builder has written beside the others join them by one edit.
 *
 * Tables are older than any memtable. So before the edit what of the memtables overlaps the new
 * tables has to be in tables itself, and so does what sets the range's applied index: a later flush
 * or the replay of the log would put it on top (L10). Commits go on while memtables are written;
 * the last look at the memtable and the edit are made with writes held. A compaction that begins in
 * between could come to lie where the tables go, so none does. */
#include "base/assert.h"
#include "base/log.h"
#include "storage/ingest_internal.h"
#include "storage/lsm/lsm_internal.h"
#include "storage/lsm/table_writer.h"

enum {
    OUTPUT_SIZE = 1 << 20,
    TRIES = 8, /* to find nothing of the span in memory, before commits wait for the flush too */
    CLEARS_MAX = 2,
};

struct lsm_builder {
    struct engine_builder base;
    struct lsm           *lsm;
    struct buf            bounds; /* what the clears point at */
    struct lsm_clear      clears[CLEARS_MAX];
    size_t                clear_count;
    struct buf            cut; /* clears below are in tables: the first key of the table at work */
    struct table_writer  *writer; /* NULL: no table is at work */
    struct table_file     file;
    struct table_meta    *tables; /* finished, by key, with keys of their own */
    size_t                table_count;
    bool                  is_finished; /* the last one is */
};

static struct lsm_builder *builder_of(struct engine_builder *b)
{
    return CONTAINER_OF(b, struct lsm_builder, base);
}

/* ---- tables ----------------------------------------------------------------------------------
 */

static status begin_table(struct lsm_builder *b)
{
    struct table_options o;

    TRY_RETURN(table_file_open(b->lsm, &b->file));
    o = table_file_options(&b->file);
    b->writer = table_writer_new(&o);
    return STATUS_OK;
}

/* The clears from the last cut to this one (empty: to the end) are this table's. */
static void add_clears(struct lsm_builder *b, slice cut)
{
    for (size_t i = 0; i < b->clear_count; i++) {
        struct lsm_clear c = b->clears[i];

        if (slice_cmp(c.start, buf_slice(&b->cut)) < 0)
            c.start = buf_slice(&b->cut);
        if (cut.size > 0 && slice_cmp(cut, c.end) < 0)
            c.end = cut;
        if (slice_cmp(c.start, c.end) < 0)
            table_writer_add_clear(b->writer, &c);
    }
}

static status write_output(struct lsm_builder *b)
{
    return table_file_write(&b->file, table_writer_output(b->writer));
}

static status note_table(struct lsm_builder *b, const struct table_properties *p)
{
    struct table_meta  meta = lsm_meta_of(&b->file, 0, p);
    struct table_meta *tables =
        heap_realloc(b->lsm->heap, b->tables, (b->table_count + 1) * sizeof *tables);

    if (tables == NULL)
        return STATUS_OOM;
    b->tables = tables;
    table_meta_copy(b->lsm->heap, &meta, &b->tables[b->table_count++]);
    b->base.size += meta.size;
    return STATUS_OK;
}

/* The table at work ends before `cut`; empty: it is the last. */
static status end_table(struct lsm_builder *b, slice cut)
{
    struct table_properties p;
    status                  st;

    add_clears(b, cut);
    if (table_writer_is_empty(b->writer)) {
        table_file_abandon(&b->file);
        st = STATUS_OK;
    } else {
        table_writer_finish(b->writer, &p);
        TRY(st, write_output(b), out);
        p.file_size = b->file.offset;
        TRY(st, note_table(b, &p), out);
        st = table_file_finish(&b->file);
    }
    buf_set(&b->cut, cut);
out:
    table_writer_free(b->writer);
    b->writer = NULL;
    return st;
}

/* Tables end between keys. */
static status make_room(struct lsm_builder *b, slice key)
{
    if (b->writer != NULL && table_writer_size(b->writer) >= b->lsm->picker.options.table_size &&
        !slice_eq(slice_from(key, 1), buf_slice(&b->base.last_key)))
        TRY_RETURN(end_table(b, key));
    return b->writer == NULL ? begin_table(b) : STATUS_OK;
}

static status add(struct engine_builder *base, const struct builder_entry *entry)
{
    struct lsm_builder *b = builder_of(base);
    char                room[ENGINE_KEY_SIZE_MAX + 1];
    struct lsm_entry    e = {.key = slice_make(room, entry->key.size + 1),
                             .ts = entry->ts,
                             .kind = entry->is_tombstone ? LSM_TOMBSTONE : LSM_VALUE,
                             .value = entry->value};

    ASSERT(!b->is_finished);
    room[0] = (char)(entry->space == BUILDER_META ? LSM_SPACE_META : LSM_SPACE_DATA);
    memcpy(room + 1, entry->key.data, entry->key.size);
    TRY_RETURN(make_room(b, e.key));
    table_writer_add(b->writer, &e);
    return table_writer_output(b->writer)->size < OUTPUT_SIZE ? STATUS_OK : write_output(b);
}

/* The last table, which may have clears alone, and the names of all. */
static status finish(struct lsm_builder *b)
{
    if (b->is_finished)
        return STATUS_OK;
    if (b->writer == NULL)
        TRY_RETURN(begin_table(b));
    TRY_RETURN(end_table(b, SLICE_EMPTY));
    b->is_finished = true;
    return env_sync_dir(b->lsm->base.env, b->lsm->path, ENV_LANE_IO);
}

/* ---- what is in memory -----------------------------------------------------------------------
 */

static bool tree_overlaps(const struct page *root, const struct table_meta *t)
{
    const struct page *p;
    struct buf         key;
    unsigned           pos;
    bool               overlaps;

    if (!tree_find(root, t->least, HLC_TS_MAX, &p, &pos))
        return false;
    buf_init(&key, NULL);
    buf_append_slice(&key, page_prefix(p));
    buf_append_slice(&key, page_suffix(p, pos));
    overlaps = table_meta_covers(t, buf_slice(&key));
    buf_deinit(&key);
    return overlaps;
}

static bool clears_overlap(const struct clear_set *c, const struct table_meta *t)
{
    for (size_t i = 0; c != NULL && i < c->count; i++)
        if (table_meta_overlaps(t, c->items[i].start, c->items[i].end))
            return true;
    return false;
}

/* Whether the memtable must be in tables first. `range_id` is looked at when `index` is not 0. */
static bool is_in_the_way(const struct lsm_builder *b, const struct memtable *m, uint64_t range_id,
                          uint64_t index)
{
    if (index != 0 && umap_has(&m->applied, range_id))
        return true;
    for (size_t i = 0; i < b->table_count; i++) {
        if (tree_overlaps(m->tree.root, &b->tables[i]) || clears_overlap(m->clears, &b->tables[i]))
            return true;
    }
    return false;
}

static bool waiting_is_in_the_way(const struct lsm_builder *b, uint64_t range_id, uint64_t index)
{
    LIST_FOR_EACH (it, &b->lsm->waiting) {
        if (is_in_the_way(b, CONTAINER_OF(it, struct memtable, link), range_id, index))
            return true;
    }
    return false;
}

/* Write what is in the way as it is now: commits may go on to put more there. One failure of a
 * flush is not waited out: on a full disk that may take for ever. */
static status flush_overlaps(struct lsm_builder *b, uint64_t range_id, uint64_t index)
{
    struct lsm *l = b->lsm;
    uint64_t    failures = l->flush_failures, end;

    if (is_in_the_way(b, l->memtable, range_id, index))
        lsm_rotate(l);
    end = l->flushes + l->waiting_count;
    while (l->flushes < end && waiting_is_in_the_way(b, range_id, index)) {
        if (l->base.state == ENGINE_STOPPED)
            return status_new(ST_IO_ERROR, "the store has stopped");
        if (l->flush_failures != failures && !st_ok(l->flush_error))
            return status_wrap(status_copy(l->flush_error),
                               "could not write what overlaps the ingested tables");
        lsm_start_flush(l);
        env_wait_uncancelled(l->base.env, &l->idle);
    }
    return STATUS_OK;
}

/* ---- the edit --------------------------------------------------------------------------------
 */

/* Just behind all keys of the table. */
static slice end_of(const struct table_meta *t, struct buf *room)
{
    if (t->greatest_open)
        return t->greatest;
    buf_set(room, t->greatest);
    buf_put_u8(room, 0);
    return buf_slice(room);
}

/* A table that has clears alone, and nothing to hide, is not needed. */
static bool is_needed(const struct version *v, const struct table_meta *t,
                      const struct manifest_edit *e)
{
    if (t->entries > 0)
        return true;
    for (unsigned level = 0; level < LSM_LEVELS; level++) {
        for (size_t i = 0; i < v->levels[level].count; i++) {
            const struct table_meta *other = &v->levels[level].tables[i]->meta;

            if (table_meta_overlaps(other, t->least, t->greatest) &&
                !manifest_edit_removes(e, other))
                return true;
        }
    }
    return false;
}

/* What the clears have whole goes; each table gets as deep as it can. */
static void make_edit(struct lsm_builder *b, struct manifest_edit *e)
{
    struct lsm           *l = b->lsm;
    const struct version *v = l->set.current;
    struct buf            room;

    buf_init(&room, l->heap);
    for (size_t i = 0; i < b->clear_count; i++) {
        struct lsm_span s = {.start = b->clears[i].start, .end = b->clears[i].end};

        lsm_remove_inside(v, v, &s, e);
    }
    for (size_t i = 0; i < b->table_count; i++) {
        struct table_meta *t = &b->tables[i];

        t->level = picker_ingest_level(v, t->least, end_of(t, &room), e, l->picks, l->pick_count);
        if (is_needed(v, t, e))
            manifest_edit_add(e, t);
    }
    buf_deinit(&room);
}

/* An edit that waited behind one of a compaction, or of a drop, may be rejected; when it comes
 * again none is before it. */
static status install(struct lsm_builder *b, uint64_t range_id, uint64_t index)
{
    struct lsm          *l = b->lsm;
    struct manifest_edit e;
    struct version      *v;
    bool                 again;
    status               st;

    do {
        manifest_edit_init(&e, l->heap);
        v = version_ref(l->set.current);
        make_edit(b, &e);
        if (index != 0)
            manifest_edit_set_applied(&e, range_id, index);
        st = lsm_edit(l, &e);
        again = status_code(st) == ST_CORRUPT && v != l->set.current;
        l->drops += e.removed_count;
        version_unref(v);
        manifest_edit_deinit(&e);
        if (again)
            st_clear(st);
    } while (again);
    return st;
}

/* ---- the ingestion ---------------------------------------------------------------------------
 */

void lsm_await_writes(struct lsm *l)
{
    while (l->is_held)
        env_wait_uncancelled(l->base.env, &l->idle);
}

static void hold(struct lsm *l)
{
    l->is_held = true;
}

static void let_go(struct lsm *l)
{
    l->is_held = false;
    env_broadcast(l->base.env, &l->idle);
    lsm_start_compaction(l);
}

/* Writes are held, and those under way end first. *again: some of them are in the way. */
static status try_ingest(struct lsm_builder *b, uint64_t range_id, uint64_t index, bool is_last,
                         bool *again)
{
    struct lsm *l = b->lsm;

    *again = false;
    TRY_RETURN(durable_commit(l->log, SLICE_EMPTY, true));
    if (is_in_the_way(b, l->memtable, range_id, index) ||
        waiting_is_in_the_way(b, range_id, index)) {
        *again = !is_last;
        if (*again)
            return STATUS_OK;
        TRY_RETURN(flush_overlaps(b, range_id, index));
    }
    return install(b, range_id, index);
}

static status ingest_locked(struct lsm_builder *b, uint64_t range_id, uint64_t index)
{
    struct lsm *l = b->lsm;
    status      st;
    bool        again = true;

    for (unsigned tries = 1; again; tries++) {
        TRY_RETURN(flush_overlaps(b, range_id, index));
        hold(l);
        st = try_ingest(b, range_id, index, tries == TRIES, &again);
        if (st_ok(st) && !again && index != 0)
            applied_set(applied_of(&l->applied, range_id, index), index, APPLY_SYNCED);
        let_go(l);
        TRY_RETURN(st);
    }
    return STATUS_OK;
}

static status ingest(struct engine_builder *base, uint64_t range_id, uint64_t index)
{
    struct lsm_builder *b = builder_of(base);
    struct env         *env = b->lsm->base.env;
    bool                cancellable = env_set_cancellable(env, false);
    status              st = finish(b);

    if (st_ok(st))
        st = env_mutex_lock(env, &b->lsm->ingest_lock, 0);
    if (st_ok(st)) {
        st = ingest_locked(b, range_id, index);
        env_mutex_unlock(env, &b->lsm->ingest_lock);
    }
    env_set_cancellable(env, cancellable);
    return st;
}

/* ---- opening and closing ---------------------------------------------------------------------
 */

/* Tables that joined stay; after a failed edit they may have (L1). */
static bool is_stray(const struct lsm_builder *b, const struct table_meta *t)
{
    return !umap_has(&b->lsm->set.files, t->number) &&
           (b->base.is_ingested || !manifest_has_failed(b->lsm->manifest));
}

static void close(struct engine_builder *base)
{
    struct lsm_builder *b = builder_of(base);

    table_file_abandon(&b->file);
    table_writer_free(b->writer);
    for (size_t i = 0; i < b->table_count; i++) {
        if (is_stray(b, &b->tables[i])) {
            char *path = lsm_table_path(b->lsm, b->tables[i].number);

            st_clear(env_unlink(b->lsm->base.env, path)); /* the next opening tries again */
            heap_free(path);
        }
        table_meta_free(&b->tables[i]);
    }
    heap_free(b->tables);
    buf_deinit(&b->bounds);
    buf_deinit(&b->cut);
    heap_free(b);
}

static const struct builder_ops ops = {.add = add, .ingest = ingest, .close = close};

/* The clears, in order; what touches is one. */
static void set_clears(struct lsm_builder *b, const struct engine_builder_options *o)
{
    struct buf      meta, data;
    struct lsm_span s;
    size_t          at;

    buf_init(&meta, b->lsm->heap);
    buf_init(&data, b->lsm->heap);
    if (o->replaces_meta) {
        s = lsm_span_of(&meta, LSM_SPACE_META, o->meta_start, o->meta_end);
        b->clears[b->clear_count++] = (struct lsm_clear){.start = s.start, .end = s.end};
    }
    if (o->replaces) {
        s = lsm_span_of(&data, LSM_SPACE_DATA, o->start, o->end);
        if (b->clear_count > 0 && slice_eq(b->clears[0].end, s.start))
            b->clears[0].end = s.end;
        else
            b->clears[b->clear_count++] = (struct lsm_clear){.start = s.start, .end = s.end};
    }
    (void)buf_reserve(&b->bounds, meta.size + data.size); /* so that it does not move */
    for (size_t i = 0; i < b->clear_count; i++) {
        struct lsm_clear *c = &b->clears[i];

        at = b->bounds.size;
        buf_append_slice(&b->bounds, c->start);
        buf_append_slice(&b->bounds, c->end);
        *c =
            (struct lsm_clear){.start = slice_make(b->bounds.data + at, c->start.size),
                               .end = slice_make(b->bounds.data + at + c->start.size, c->end.size)};
    }
    buf_deinit(&meta);
    buf_deinit(&data);
}

status lsm_builder_open(struct engine *e, const struct engine_builder_options *o,
                        struct engine_builder **out)
{
    struct lsm         *l = lsm_of(e);
    struct lsm_builder *b = heap_must_alloc(l->heap, 1, sizeof *b);

    b->base.ops = &ops;
    b->lsm = l;
    buf_init(&b->bounds, l->heap);
    buf_init(&b->cut, l->heap);
    set_clears(b, o);
    *out = &b->base;
    return STATUS_OK;
}
