#include "storage/lsm/version.h"

#include <inttypes.h>

#include "base/assert.h"
#include "base/sort.h"

/* ---- references
 * -------------------------------------------------------------------------------------- */

static struct version *version_new(struct version_set *s)
{
    struct version *v = heap_must_alloc(s->heap, 1, sizeof *v);

    v->set = s;
    v->refs = 1;
    return v;
}

static struct version_file *file_of(struct version_set *s, const struct table_meta *m)
{
    struct version_file *f = umap_get(&s->files, m->number);

    if (f == NULL) {
        f = heap_must_alloc(s->heap, 1, sizeof *f);
        f->number = m->number;
        f->seal = m->seal;
        umap_put(&s->files, m->number, f);
    }
    f->refs++;
    return f;
}

static struct version_table *table_new(struct version_set *s, const struct table_meta *m)
{
    struct version_table *t = heap_must_alloc(s->heap, 1, sizeof *t);

    table_meta_copy(s->heap, m, &t->meta);
    t->file = file_of(s, m);
    return t;
}

static void table_unref(struct version_set *s, struct version_table *t, version_gone_fn *gone)
{
    struct version_file *f = t->file;

    ASSERT(t->refs > 0);
    if (--t->refs > 0)
        return;
    table_meta_free(&t->meta);
    heap_free(t);
    if (--f->refs > 0)
        return;
    umap_remove(&s->files, f->number);
    if (gone != NULL)
        gone(s->gone_ctx, f);
    heap_free(f);
}

static void version_free(struct version *v, version_gone_fn *gone)
{
    for (unsigned level = 0; level < LSM_LEVELS; level++) {
        struct version_level *l = &v->levels[level];

        for (size_t i = 0; i < l->count; i++)
            table_unref(v->set, l->tables[i], gone);
        heap_free(l->tables);
    }
    heap_free(v);
}

struct version *version_ref(struct version *v)
{
    v->refs++;
    return v;
}

void version_unref(struct version *v)
{
    if (v == NULL)
        return;
    ASSERT(v->refs > 0);
    if (--v->refs == 0)
        version_free(v, v->set->gone);
}

void version_set_init(struct version_set *s, struct heap *heap, version_gone_fn *gone, void *ctx)
{
    *s = (struct version_set){.heap = heap, .next_file_number = 1, .gone = gone, .gone_ctx = ctx};
    s->gc.heap = heap;
    umap_init(&s->applied, heap);
    umap_init(&s->files, heap);
    s->current = version_new(s);
}

void version_set_deinit(struct version_set *s, version_gone_fn *drop)
{
    if (s->current != NULL) {
        ASSERT(s->current->refs == 1); /* readers have given back what they had pinned */
        version_free(s->current, drop);
        s->current = NULL;
        ASSERT(umap_count(&s->files) == 0);
    }
    for (size_t i = 0; i < s->gc.count; i++)
        gc_threshold_free(&s->gc.spans[i]);
    heap_free(s->gc.spans);
    s->gc = (struct gc_map){.heap = s->heap};
    umap_deinit(&s->applied);
    umap_deinit(&s->files);
}

/* ---- thresholds
 * -------------------------------------------------------------------------------------- */

/* Position of the first span that ends behind `key`. */
static size_t gc_find(const struct gc_map *m, slice key)
{
    size_t low = 0, high = m->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (slice_cmp(m->spans[middle].end, key) <= 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

hlc_ts version_set_gc(const struct version_set *s, slice key)
{
    size_t i = gc_find(&s->gc, key);

    return i < s->gc.count && slice_cmp(s->gc.spans[i].start, key) <= 0 ? s->gc.spans[i].ts : 0;
}

hlc_ts version_set_gc_least(const struct version_set *s, slice start, slice end)
{
    hlc_ts least = HLC_TS_MAX;
    slice  at = start;

    for (size_t i = gc_find(&s->gc, start);; i++) {
        const struct gc_threshold *g = &s->gc.spans[i];

        if (i == s->gc.count || slice_cmp(g->start, at) > 0)
            return 0;
        least = MIN(least, g->ts);
        at = g->end;
        if (end.size > 0 && slice_cmp(at, end) >= 0)
            return least;
    }
}

size_t version_set_gc_spans(const struct version_set *s, slice start, slice end,
                            const struct gc_threshold **first)
{
    size_t from = gc_find(&s->gc, start), to = from;

    while (to < s->gc.count && (end.size == 0 || slice_cmp(s->gc.spans[to].start, end) < 0))
        to++;
    *first = from < to ? &s->gc.spans[from] : NULL;
    return to - from;
}

/* Spans on the way to a new map; they borrow their bounds. */
struct gc_window {
    struct gc_threshold *spans;
    size_t               count;
};

static void gc_emit(struct gc_window *w, slice start, slice end, hlc_ts ts)
{
    struct gc_threshold *last = w->count > 0 ? &w->spans[w->count - 1] : NULL;

    if (slice_cmp(start, end) >= 0)
        return;
    if (last != NULL && last->ts == ts && slice_eq(last->end, start))
        last->end = end;
    else
        w->spans[w->count++] = (struct gc_threshold){.start = start, .end = end, .ts = ts};
}

static slice slice_max(slice a, slice b)
{
    return slice_cmp(a, b) >= 0 ? a : b;
}

static slice slice_min(slice a, slice b)
{
    return slice_cmp(a, b) <= 0 ? a : b;
}

/* The old spans [from, to) with `g` over them. */
static void gc_overlay(const struct gc_map *m, size_t from, size_t to, const struct gc_threshold *g,
                       struct gc_window *w)
{
    slice at = g->start; /* up to here `g` is done */

    for (size_t i = from; i < to; i++) {
        const struct gc_threshold *old = &m->spans[i];
        slice                      low = slice_max(old->start, g->start);
        slice                      high = slice_min(old->end, g->end);

        gc_emit(w, old->start, slice_min(old->end, g->start), old->ts);
        gc_emit(w, at, slice_min(low, g->end), g->ts);
        gc_emit(w, low, high, MAX(old->ts, g->ts));
        at = slice_max(at, high);
        if (i + 1 == to)
            gc_emit(w, at, g->end, g->ts);
        gc_emit(w, slice_max(old->start, g->end), old->end, old->ts);
    }
    if (from == to)
        gc_emit(w, g->start, g->end, g->ts);
}

/* Put copies of the window's spans in the place of [from, to). */
static void gc_splice(struct gc_map *m, size_t from, size_t to, const struct gc_window *w)
{
    size_t               behind = m->count - to, count = from + w->count + behind;
    struct gc_threshold *spans = heap_must_alloc(m->heap, count, sizeof *spans);

    if (from > 0)
        memcpy(spans, m->spans, from * sizeof *spans);
    for (size_t i = 0; i < w->count; i++)
        gc_threshold_copy(m->heap, &w->spans[i], &spans[from + i]);
    if (behind > 0)
        memcpy(spans + from + w->count, m->spans + to, behind * sizeof *spans);
    for (size_t i = from; i < to; i++)
        gc_threshold_free(&m->spans[i]);
    heap_free(m->spans);
    m->spans = spans;
    m->count = m->capacity = count;
}

static void gc_raise(struct gc_map *m, const struct gc_threshold *g)
{
    struct gc_window w = {0};
    size_t           from = 0, to;

    if (g->ts == 0)
        return;
    /* What touches the new span belongs to the window too, since it may become one with it. */
    while (from < m->count && slice_cmp(m->spans[from].end, g->start) < 0)
        from++;
    to = from;
    while (to < m->count && slice_cmp(m->spans[to].start, g->end) <= 0)
        to++;
    w.spans = heap_must_alloc(m->heap, (to - from) * 4 + 1, sizeof *w.spans);
    gc_overlay(m, from, to, g, &w);
    gc_splice(m, from, to, &w);
    heap_free(w.spans);
}

void version_set_raise_gc(struct version_set *s, const struct gc_threshold *g)
{
    gc_raise(&s->gc, g);
}

/* ---- edits
 * ------------------------------------------------------------------------------------------- */

static bool edit_touches(const struct manifest_edit *e, unsigned level)
{
    for (size_t i = 0; i < e->removed_count; i++)
        if (e->removed[i].level == level)
            return true;
    for (size_t i = 0; i < e->added_count; i++)
        if (e->added[i].level == level)
            return true;
    return false;
}

static int compare_metas(const void *a, const void *b, void *ctx)
{
    const struct table_meta *const *x = a, *const *y = b;

    (void)ctx;
    return slice_cmp((*x)->least, (*y)->least);
}

static status reject(const struct table_meta *t, const char *why)
{
    return status_new(ST_CORRUPT, "table %020" PRIu64 " of level %u %s", t->number,
                      (unsigned)t->level, why);
}

static const struct version_table *find_number(const struct version *v, unsigned level,
                                               uint64_t number)
{
    for (size_t i = 0; i < v->levels[level].count; i++)
        if (v->levels[level].tables[i]->meta.number == number)
            return v->levels[level].tables[i];
    return NULL;
}

static status check_removed(const struct version *v, const struct manifest_edit *e, size_t at)
{
    const struct table_ref *r = &e->removed[at];
    struct table_meta       t = {.number = r->number, .level = r->level};

    if (r->level >= LSM_LEVELS || find_number(v, r->level, r->number) == NULL)
        return reject(&t, "is removed, but not there");
    for (size_t i = 0; i < at; i++)
        if (e->removed[i].number == r->number)
            return reject(&t, "is removed twice");
    return STATUS_OK;
}

static status check_added(const struct version_set *s, const struct manifest_edit *e, size_t at)
{
    const struct table_meta *t = &e->added[at];

    if (!table_meta_is_valid(t))
        return reject(t, "cannot be");
    for (size_t i = 0; i < at; i++)
        if (e->added[i].number == t->number)
            return reject(t, "is added twice");
    if (!umap_has(&s->files, t->number))
        return STATUS_OK;
    for (unsigned level = 0; level < LSM_LEVELS; level++) {
        const struct version_table *old = find_number(s->current, level, t->number);

        if (old != NULL && !manifest_edit_removes(e, &old->meta))
            return reject(t, "is added, but there already");
    }
    return STATUS_OK;
}

static status check_level(const struct version_set *s, const struct manifest_edit *e,
                          unsigned level)
{
    const struct version_level *l = &s->current->levels[level];
    const struct table_meta   **metas;
    size_t                      count = 0;
    status                      st = STATUS_OK;

    metas = heap_must_alloc(s->heap, l->count + e->added_count + 1, sizeof *metas);
    for (size_t i = 0; i < l->count; i++)
        if (!manifest_edit_removes(e, &l->tables[i]->meta))
            metas[count++] = &l->tables[i]->meta;
    for (size_t i = 0; i < e->added_count; i++)
        if (e->added[i].level == level)
            metas[count++] = &e->added[i];
    sort_stable(s->heap, metas, count, sizeof *metas, compare_metas, NULL);
    for (size_t i = 1; i < count && st_ok(st); i++)
        if (!table_meta_is_before(metas[i - 1], metas[i]))
            st = reject(metas[i], "overlaps another one");
    heap_free(metas);
    return st;
}

status version_set_check_edit(const struct version_set *s, const struct manifest_edit *e)
{
    if (e->next_file_number > MANIFEST_NUMBER_MAX)
        return status_new(ST_CORRUPT, "the next file number is too large");
    for (size_t i = 0; i < e->removed_count; i++)
        TRY_RETURN(check_removed(s->current, e, i));
    for (size_t i = 0; i < e->added_count; i++)
        TRY_RETURN(check_added(s, e, i));
    for (unsigned level = 1; level < LSM_LEVELS; level++)
        if (edit_touches(e, level))
            TRY_RETURN(check_level(s, e, level));
    return STATUS_OK;
}

static int compare_tables(const void *a, const void *b, void *ctx)
{
    const struct version_table *const *x = a, *const *y = b;

    (void)ctx;
    return slice_cmp((*x)->meta.least, (*y)->meta.least);
}

static void level_push(struct version_level *l, struct version_table *t)
{
    l->tables[l->count++] = t;
    l->size += t->meta.size;
    t->refs++;
}

/* The level of `from` with the edit applied to it. */
static void make_level(struct version_set *s, const struct version_level *from,
                       const struct manifest_edit *e, unsigned level, struct version_level *to)
{
    size_t room = from->count + e->added_count;

    if (room == 0)
        return;
    to->tables = heap_must_alloc(s->heap, room, sizeof *to->tables);
    /* What is added last is newest, and level 0 begins with the newest. */
    for (size_t i = e->added_count; i > 0; i--)
        if (e->added[i - 1].level == level)
            level_push(to, table_new(s, &e->added[i - 1]));
    for (size_t i = 0; i < from->count; i++)
        if (!manifest_edit_removes(e, &from->tables[i]->meta))
            level_push(to, from->tables[i]);
    if (level > 0 && edit_touches(e, level))
        sort_stable(s->heap, to->tables, to->count, sizeof(struct version_table *), compare_tables,
                    NULL);
}

static void apply_rest(struct version_set *s, const struct manifest_edit *e)
{
    for (size_t i = 0; i < e->applied_count; i++) {
        const struct applied_index *a = &e->applied[i];

        if (a->index == 0)
            umap_remove(&s->applied, a->range_id);
        else
            umap_put(&s->applied, a->range_id, (void *)(uintptr_t)a->index);
    }
    for (size_t i = 0; i < e->gc_count; i++)
        gc_raise(&s->gc, &e->gc[i]);
    if (e->log_sequence != 0)
        s->log_sequence = e->log_sequence;
    if (e->next_file_number != 0)
        version_set_note_number(s, e->next_file_number - 1);
}

void version_set_apply(struct version_set *s, const struct manifest_edit *e)
{
    if (e->added_count + e->removed_count > 0) {
        struct version *next = version_new(s), *old = s->current;

        for (unsigned level = 0; level < LSM_LEVELS; level++)
            make_level(s, &old->levels[level], e, level, &next->levels[level]);
        s->current = next;
        for (size_t i = 0; i < e->added_count; i++)
            version_set_note_number(s, e->added[i].number);
#ifdef LINERA_DEBUG
        version_check(next);
#endif
        version_unref(old);
    }
    apply_rest(s, e);
}

/* ---- the whole state
 * --------------------------------------------------------------------------------- */

struct dump {
    size_t               edit_size;
    struct manifest_edit edit;
    size_t               size; /* about that many bytes encoded */
    status (*emit)(void *ctx, const struct manifest_edit *e);
    void *ctx;
};

static status dump_emit(struct dump *d)
{
    status st = d->emit(d->ctx, &d->edit);

    manifest_edit_reset(&d->edit);
    d->size = 0;
    return st;
}

static status dump_grown(struct dump *d, size_t size)
{
    d->size += size;
    return d->size >= d->edit_size ? dump_emit(d) : STATUS_OK;
}

static status dump_tables(struct dump *d, const struct version *v)
{
    for (unsigned level = 0; level < LSM_LEVELS; level++) {
        const struct version_level *l = &v->levels[level];

        /* Oldest first, since what is added later is newer. */
        for (size_t i = l->count; i > 0; i--) {
            const struct table_meta *t = &l->tables[i - 1]->meta;

            manifest_edit_add(&d->edit, t);
            TRY_RETURN(dump_grown(d, 64 + t->least.size + t->greatest.size));
        }
    }
    return STATUS_OK;
}

static status dump_maps(struct dump *d, const struct version_set *s)
{
    size_t   pos = 0;
    uint64_t range_id;
    void    *index;

    while (umap_next(&s->applied, &pos, &range_id, &index)) {
        manifest_edit_set_applied(&d->edit, range_id, (uintptr_t)index);
        TRY_RETURN(dump_grown(d, 12));
    }
    for (size_t i = 0; i < s->gc.count; i++) {
        const struct gc_threshold *g = &s->gc.spans[i];

        manifest_edit_set_gc(&d->edit, g->start, g->end, g->ts);
        TRY_RETURN(dump_grown(d, 16 + g->start.size + g->end.size));
    }
    return STATUS_OK;
}

status version_set_dump(const struct version_set *s, size_t                             edit_size,
                        status (*emit)(void *ctx, const struct manifest_edit *e), void *ctx)
{
    struct dump d = {.edit_size = edit_size, .emit = emit, .ctx = ctx};
    status      st;

    manifest_edit_init(&d.edit, s->heap);
    TRY(st, dump_tables(&d, s->current), out);
    TRY(st, dump_maps(&d, s), out);
    d.edit.log_sequence = s->log_sequence;
    d.edit.next_file_number = s->next_file_number;
    st = dump_emit(&d);
out:
    manifest_edit_deinit(&d.edit);
    return st;
}

/* ---- look-ups
 * ---------------------------------------------------------------------------------------- */

uint64_t version_set_new_number(struct version_set *s)
{
    return s->next_file_number++;
}

void version_set_note_number(struct version_set *s, uint64_t number)
{
    s->next_file_number = MAX(s->next_file_number, number + 1);
}

uint64_t version_set_applied(const struct version_set *s, uint64_t range_id)
{
    return (uintptr_t)umap_get(&s->applied, range_id);
}

size_t version_seek(const struct version *v, unsigned level, slice key)
{
    const struct version_level *l = &v->levels[level];
    size_t                      low = 0, high = l->count;

    ASSERT(level > 0 && level < LSM_LEVELS);
    while (low < high) {
        size_t                   middle = low + (high - low) / 2;
        const struct table_meta *t = &l->tables[middle]->meta;
        int                      c = slice_cmp(t->greatest, key);

        if (c < 0 || (c == 0 && t->greatest_open))
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

struct version_table *version_find(const struct version *v, unsigned level, slice key)
{
    size_t i = version_seek(v, level, key);

    if (i == v->levels[level].count || slice_cmp(v->levels[level].tables[i]->meta.least, key) > 0)
        return NULL;
    return v->levels[level].tables[i];
}

size_t version_overlaps(const struct version *v, unsigned level, slice start, slice end,
                        size_t *first)
{
    const struct version_level *l = &v->levels[level];
    size_t                      low = version_seek(v, level, start), high = l->count;

    *first = low;
    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (end.size == 0 || slice_cmp(l->tables[middle]->meta.least, end) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low - *first;
}

bool version_any_overlap(const struct version *v, unsigned level, slice start, slice end)
{
    size_t first;

    if (level == 0)
        for (size_t i = 0; i < v->levels[0].count; i++)
            if (table_meta_overlaps(&v->levels[0].tables[i]->meta, start, end))
                return true;
    for (level = MAX(level, 1); level < LSM_LEVELS; level++)
        if (version_overlaps(v, level, start, end, &first) > 0)
            return true;
    return false;
}

bool version_has(const struct version *v, unsigned level, uint64_t number)
{
    return find_number(v, level, number) != NULL;
}

size_t version_table_count(const struct version *v)
{
    size_t count = 0;

    for (unsigned level = 0; level < LSM_LEVELS; level++)
        count += v->levels[level].count;
    return count;
}

uint64_t version_size(const struct version *v)
{
    uint64_t size = 0;

    for (unsigned level = 0; level < LSM_LEVELS; level++)
        size += v->levels[level].size;
    return size;
}

void version_check(const struct version *v)
{
    for (unsigned level = 0; level < LSM_LEVELS; level++) {
        const struct version_level *l = &v->levels[level];
        uint64_t                    size = 0;

        for (size_t i = 0; i < l->count; i++) {
            const struct table_meta *t = &l->tables[i]->meta;

            ASSERT(table_meta_is_valid(t));
            ASSERT(t->level == level);
            ASSERT(l->tables[i]->refs > 0);
            ASSERT(level == 0 || i == 0 || table_meta_is_before(&l->tables[i - 1]->meta, t));
            size += t->size;
        }
        ASSERT(size == l->size);
    }
}
