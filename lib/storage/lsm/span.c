/* Questions about spans of keys, which indexes answer alone, and dropping a span. */
#include "storage/span.h"

#include "base/log.h"
#include "storage/lsm/lsm_internal.h"

struct lsm_span lsm_span_of(struct buf *room, enum lsm_space space, slice start, slice end)
{
    buf_put_u8(room, (uint8_t)space);
    buf_append_slice(room, start);
    buf_put_u8(room, (uint8_t)(end.size > 0 ? space : space + 1));
    buf_append_slice(room, end);
    return (struct lsm_span){.start = slice_make(room->data, start.size + 1),
                             .end = slice_from(buf_slice(room), start.size + 1)};
}

/* ---- sizes -----------------------------------------------------------------------------------
 */

/* A table that reaches over a bound counts by the blocks between, from its index. */
static status table_size(struct lsm *l, struct version_table *vt, const struct lsm_span *s,
                         uint64_t *size)
{
    uint64_t          from = 0, to;
    struct lsm_table *t;

    if (!table_meta_overlaps(&vt->meta, s->start, s->end))
        return STATUS_OK;
    if (table_meta_is_inside(&vt->meta, s->start, s->end)) {
        *size += vt->meta.size;
        return STATUS_OK;
    }
    TRY_RETURN(lsm_table_of(l, vt, &t));
    to = lsm_table_properties(t)->data_size;
    if (slice_cmp(s->start, vt->meta.least) > 0)
        TRY_RETURN(lsm_table_offset(t, s->start, &from));
    if (slice_cmp(s->end, vt->meta.greatest) <= 0)
        TRY_RETURN(lsm_table_offset(t, s->end, &to));
    *size += to - from;
    return STATUS_OK;
}

static status state_size(struct lsm *l, const struct lsm_state *state, const struct lsm_span *s,
                         uint64_t *size)
{
    const struct version *v = state->version;

    *size = 0;
    for (size_t i = 0; i < state->view_count; i++)
        *size += tree_span_size(state->views[i].root, s->start, s->end);
    for (size_t i = 0; i < v->levels[0].count; i++)
        TRY_RETURN(table_size(l, v->levels[0].tables[i], s, size));
    for (unsigned level = 1; level < LSM_LEVELS; level++) {
        size_t first, count = version_overlaps(v, level, s->start, s->end, &first);

        for (size_t i = first; i < first + count; i++)
            TRY_RETURN(table_size(l, v->levels[level].tables[i], s, size));
    }
    return STATUS_OK;
}

status lsm_span_size(struct engine *e, slice start, slice end, uint64_t *size)
{
    struct lsm      *l = lsm_of(e);
    struct buf       room;
    struct lsm_span  s;
    struct lsm_state state;
    status           st;

    *size = 0;
    if (end.size > 0 && slice_cmp(start, end) >= 0)
        return STATUS_OK;
    buf_init(&room, l->heap);
    s = lsm_span_of(&room, LSM_SPACE_DATA, start, end);
    lsm_state_take(l, &state);
    st = state_size(l, &state, &s, size);
    lsm_state_release(&state);
    l->readers--;
    buf_deinit(&room);
    return st;
}

/* ---- the middle ------------------------------------------------------------------------------
 */

/* What names keys of a span: a memtable, a table of level 0, or the tables of a level. */
struct source {
    const struct page           *root;
    struct version_table *const *tables;
    size_t                       count;
};

struct middle {
    struct lsm      *lsm;
    struct lsm_state state;
    struct source   *sources;
    size_t           count;
};

static status middle_size(void *ctx, slice start, slice end, uint64_t *size)
{
    struct middle *m = ctx;

    return state_size(m->lsm, &m->state, &(struct lsm_span){start, end}, size);
}

static status middle_sample(void *ctx, size_t source, uint32_t where, struct buf *key)
{
    struct middle        *m = ctx;
    const struct source  *s = &m->sources[source];
    uint64_t              at = (uint64_t)where * s->count;
    struct version_table *vt;
    struct lsm_table     *t;

    if (s->tables == NULL) {
        tree_sample(s->root, where, key);
        return STATUS_OK;
    }
    vt = s->tables[at >> 32];
    TRY_RETURN(lsm_table_of(m->lsm, vt, &t));
    TRY_RETURN(lsm_table_sample(t, (uint32_t)at, key));
    if (key->size == 0) /* it has clears alone */
        buf_append_slice(key, vt->meta.least);
    return STATUS_OK;
}

static void collect_sources(struct middle *m, const struct lsm_span *s)
{
    const struct version *v = m->state.version;

    m->sources = heap_must_alloc(
        m->lsm->heap, m->state.view_count + v->levels[0].count + LSM_LEVELS, sizeof *m->sources);
    /* The largest first: the others then look at little of the span. */
    for (unsigned level = LSM_LEVELS; level-- > 1;) {
        size_t first, count = version_overlaps(v, level, s->start, s->end, &first);

        if (count > 0)
            m->sources[m->count++] =
                (struct source){.tables = v->levels[level].tables + first, .count = count};
    }
    for (size_t i = 0; i < v->levels[0].count; i++) {
        if (table_meta_overlaps(&v->levels[0].tables[i]->meta, s->start, s->end))
            m->sources[m->count++] = (struct source){.tables = v->levels[0].tables + i, .count = 1};
    }
    for (size_t i = 0; i < m->state.view_count; i++)
        m->sources[m->count++] = (struct source){.root = m->state.views[i].root};
}

status lsm_span_middle(struct engine *e, slice start, slice end, struct buf *key)
{
    struct lsm         *l = lsm_of(e);
    struct middle       m = {.lsm = l};
    struct span_sources q = {.ctx = &m, .size = middle_size, .sample = middle_sample};
    struct buf          room, found;
    struct lsm_span     s;
    status              st;

    buf_init(&room, l->heap);
    buf_init(&found, l->heap);
    s = lsm_span_of(&room, LSM_SPACE_DATA, start, end);
    lsm_state_take(l, &m.state);
    collect_sources(&m, &s);
    q.count = m.count;
    st = span_middle(&q, s.start, s.end, &found);
    if (st_ok(st) && found.size > 0)
        buf_append_slice(key, slice_from(buf_slice(&found), 1));
    lsm_state_release(&m.state);
    l->readers--;
    heap_free(m.sources);
    buf_deinit(&found);
    buf_deinit(&room);
    return st;
}

/* ---- dropping --------------------------------------------------------------------------------
 */

void lsm_remove_inside(const struct version *before, const struct version *now,
                       const struct lsm_span *s, struct manifest_edit *e)
{
    for (unsigned level = 0; level < LSM_LEVELS; level++) {
        const struct version_level *old = &before->levels[level];

        for (size_t i = 0; i < old->count; i++) {
            const struct table_meta *t = &old->tables[i]->meta;

            if (table_meta_is_inside(t, s->start, s->end) && version_has(now, level, t->number))
                manifest_edit_remove(e, level, t->number);
        }
    }
}

static bool are_there(const struct version *v, const struct manifest_edit *e)
{
    for (size_t i = 0; i < e->removed_count; i++) {
        if (!version_has(v, e->removed[i].level, e->removed[i].number))
            return false;
    }
    return true;
}

/* Tables of `before` that have nothing outside the span go. An edit that waited behind a
 * compaction's, which took some of them away, is rejected: then once more. */
static status remove_tables(struct lsm *l, const struct version *before, const struct lsm_span *s)
{
    struct manifest_edit e;
    status               st;
    bool                 again;

    do {
        manifest_edit_init(&e, l->heap);
        lsm_remove_inside(before, l->set.current, s, &e);
        st = e.removed_count > 0 ? lsm_edit(l, &e) : STATUS_OK;
        again = status_code(st) == ST_CORRUPT && !are_there(l->set.current, &e);
        l->drops += e.removed_count;
        manifest_edit_deinit(&e);
        if (again)
            st_clear(st);
    } while (again);
    return st;
}

/* The clear comes first: once it is durable, what the tables of before have of the span is nothing.
 * Those that came in meanwhile may hold what was written after it. */
status lsm_drop_span(struct engine *e, slice start, slice end)
{
    struct lsm     *l = lsm_of(e);
    struct version *before = version_ref(l->set.current);
    struct buf      room;
    struct lsm_span s;
    status          st;

    buf_init(&room, l->heap);
    s = lsm_span_of(&room, LSM_SPACE_DATA, start, end);
    st = engine_commit_clear(e, start, end);
    if (st_ok(st)) { /* the span is gone, durably, whatever becomes of its tables */
        status removed = remove_tables(l, before, &s);

        if (!st_ok(removed))
            log_warn(env_log(e->env), "tables of a dropped span are left to compaction",
                     kv_status(removed));
        st_clear(removed);
    }
    version_unref(before);
    buf_deinit(&room);
    return st;
}

/* ---- the list of tables ----------------------------------------------------------------------
 */

static status visit_table(engine_table_fn *visit, void *ctx, const struct table_meta *t)
{
    const struct engine_table shown = {.number = t->number,
                                       .level = t->level,
                                       .size = t->size,
                                       .least = t->least,
                                       .greatest = t->greatest,
                                       .ts_min = t->ts_min,
                                       .ts_max = t->ts_max,
                                       .entries = t->entries,
                                       .keys = t->keys,
                                       .tombstones = t->tombstones,
                                       .cleared = t->cleared,
                                       .clears = t->clears,
                                       .raw_size = t->raw_size,
                                       .created_us = t->created_us};

    return visit(ctx, &shown);
}

status lsm_tables(struct engine *e, engine_table_fn *visit, void *ctx)
{
    struct version *v = version_ref(lsm_of(e)->set.current);
    status          st = STATUS_OK;

    _Static_assert((int)ENGINE_LEVELS == (int)LSM_LEVELS,
                   "engine.h says how many levels there are");
    for (unsigned level = 0; level < LSM_LEVELS && st_ok(st); level++) {
        for (size_t i = 0; i < v->levels[level].count && st_ok(st); i++)
            st = visit_table(visit, ctx, &v->levels[level].tables[i]->meta);
    }
    version_unref(v);
    return st;
}
