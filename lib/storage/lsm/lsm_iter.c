/* Iterators of the LSM engine: one cursor over all sources, and what the mode asks for on top. */
#include "base/assert.h"
#include "storage/lsm/lsm_internal.h"
#include "storage/lsm/merge_cursor.h"

/* ---- a level ---------------------------------------------------------------------------------
 */

/* The tables of a level, which follow each other, as one source. */
struct level_cursor {
    struct lsm_cursor           base;
    struct lsm                 *lsm;
    const struct version       *version;
    const struct version_level *level; /* its ... */
    unsigned                    number;
    hlc_ts                      ts_min, ts_max; /* of what is looked for */
    struct lsm_cursor          *table;          /* of tables[at]; NULL: none is open */
    size_t                      at;
    struct lsm_clear           *clears; /* of all tables */
    size_t                      clear_count;
};

static struct level_cursor *level_of(struct lsm_cursor *c)
{
    return CONTAINER_OF(c, struct level_cursor, base);
}

static void close_table(struct level_cursor *c)
{
    if (c->table != NULL)
        c->table->ops->close(c->table);
    c->table = NULL;
}

/* Whether entries of that time may be in the table. Its clears count in any case: they hide entries
 * of older sources, whatever their time (L16). */
static bool has_time(const struct table_meta *t, hlc_ts ts_min, hlc_ts ts_max)
{
    return t->entries > 0 && t->ts_min <= ts_max && t->ts_max >= ts_min;
}

/* The first table from `at` on, either way, that is to be read; past the end when there is none,
 * which is also where the step before the first one leads. */
static size_t find_table(const struct level_cursor *c, size_t at, bool back)
{
    while (at < c->level->count && !has_time(&c->level->tables[at]->meta, c->ts_min, c->ts_max))
        at = back ? at - 1 : at + 1;
    return MIN(at, c->level->count);
}

static status open_table(struct level_cursor *c, size_t at)
{
    struct lsm_table *t;

    if (c->table != NULL && c->at == at)
        return STATUS_OK;
    close_table(c);
    TRY_RETURN(lsm_table_of(c->lsm, c->level->tables[at], &t));
    c->table = lsm_table_cursor(t, true);
    c->at = at;
    return STATUS_OK;
}

/* Take over what the table's cursor shows; at its end go on with the next table that has anything.
 */
static status level_settle(struct level_cursor *c, bool back)
{
    while (c->table != NULL && !c->table->valid) {
        size_t at = find_table(c, back ? c->at - 1 : c->at + 1, back);

        if (at == c->level->count)
            break;
        TRY_RETURN(open_table(c, at));
        TRY_RETURN(back ? c->table->ops->last(c->table) : c->table->ops->first(c->table));
    }
    c->base.valid = c->table != NULL && c->table->valid;
    if (c->base.valid)
        c->base.entry = c->table->entry;
    return STATUS_OK;
}

static status level_check(struct level_cursor *c, status st)
{
    if (!st_ok(st))
        c->base.valid = false;
    return st;
}

/* To the end of the first table from `at` on that is to be read. */
static status enter_level(struct level_cursor *c, size_t at, bool back)
{
    at = find_table(c, at, back);
    if (at == c->level->count) {
        c->base.valid = false;
        return STATUS_OK;
    }
    TRY_RETURN(open_table(c, at));
    TRY_RETURN(back ? c->table->ops->last(c->table) : c->table->ops->first(c->table));
    return level_settle(c, back);
}

static status seek_level(struct level_cursor *c, slice key, hlc_ts ts, bool back)
{
    size_t at = version_seek(c->version, c->number, key);

    if (at == c->level->count) /* all is before the key */
        return enter_level(c, back ? at - 1 : at, back);
    if (find_table(c, at, back) != at)
        return enter_level(c, at, back);
    TRY_RETURN(open_table(c, at));
    TRY_RETURN(back ? c->table->ops->seek_before(c->table, key, ts)
                    : c->table->ops->seek(c->table, key, ts));
    return level_settle(c, back);
}

static status level_seek(struct lsm_cursor *c, slice key, hlc_ts ts)
{
    return level_check(level_of(c), seek_level(level_of(c), key, ts, false));
}

static status level_seek_before(struct lsm_cursor *c, slice key, hlc_ts ts)
{
    return level_check(level_of(c), seek_level(level_of(c), key, ts, true));
}

static status level_first(struct lsm_cursor *c)
{
    return level_check(level_of(c), enter_level(level_of(c), 0, false));
}

static status level_last(struct lsm_cursor *c)
{
    return level_check(level_of(c), enter_level(level_of(c), level_of(c)->level->count - 1, true));
}

static status level_next(struct lsm_cursor *base)
{
    struct level_cursor *c = level_of(base);
    status               st = c->table->ops->next(c->table);

    return level_check(c, st_ok(st) ? level_settle(c, false) : st);
}

static status level_prev(struct lsm_cursor *base)
{
    struct level_cursor *c = level_of(base);
    status               st = c->table->ops->prev(c->table);

    return level_check(c, st_ok(st) ? level_settle(c, true) : st);
}

static void level_close(struct lsm_cursor *base)
{
    struct level_cursor *c = level_of(base);

    close_table(c);
    heap_free(c->clears);
    heap_free(c);
}

static const struct lsm_cursor_ops level_ops = {.seek = level_seek,
                                                .seek_before = level_seek_before,
                                                .first = level_first,
                                                .last = level_last,
                                                .next = level_next,
                                                .prev = level_prev,
                                                .close = level_close};

/* The clears of all tables that have some. */
static status collect_clears(struct level_cursor *c)
{
    for (size_t i = 0; i < c->level->count; i++) {
        const struct lsm_clear *clears;
        struct lsm_clear       *all;
        struct lsm_table       *t;
        size_t                  count;

        if (c->level->tables[i]->meta.clears == 0)
            continue;
        TRY_RETURN(lsm_table_of(c->lsm, c->level->tables[i], &t));
        clears = lsm_table_clears(t, &count);
        all = heap_realloc(c->lsm->heap, c->clears, (c->clear_count + count) * sizeof *all);
        if (all == NULL)
            return STATUS_OOM;
        memcpy(all + c->clear_count, clears, count * sizeof *clears);
        c->clears = all;
        c->clear_count += count;
    }
    return STATUS_OK;
}

/* ---- all sources -----------------------------------------------------------------------------
 */

/* A table of which nothing but its clears is needed. */
static status nothing_seek(struct lsm_cursor *c, slice key, hlc_ts ts)
{
    (void)c;
    (void)key;
    (void)ts;
    return STATUS_OK;
}

static status nothing_move(struct lsm_cursor *c)
{
    (void)c;
    return STATUS_OK;
}

static void nothing_close(struct lsm_cursor *c)
{
    heap_free(c);
}

static const struct lsm_cursor_ops nothing_ops = {.seek = nothing_seek,
                                                  .seek_before = nothing_seek,
                                                  .first = nothing_move,
                                                  .last = nothing_move,
                                                  .next = nothing_move,
                                                  .prev = nothing_move,
                                                  .close = nothing_close};

static struct lsm_cursor *nothing_open(struct heap *heap)
{
    struct lsm_cursor *c = heap_must_alloc(heap, 1, sizeof *c);

    c->ops = &nothing_ops;
    return c;
}

struct collector {
    struct lsm          *lsm;
    struct lsm_interest  wanted;
    struct merge_source *sources;
    size_t               count;
};

static void add_memtable(struct collector *k, const struct memtable_view *v)
{
    if (v->root == NULL && v->clears == NULL)
        return;
    k->sources[k->count++] =
        (struct merge_source){.cursor = memtable_cursor_open(v, k->lsm->heap),
                              .clears = v->clears != NULL ? v->clears->items : NULL,
                              .clear_count = v->clears != NULL ? v->clears->count : 0};
}

static status add_table(struct collector *k, struct version_table *vt)
{
    bool                in_time = has_time(&vt->meta, k->wanted.ts_min, k->wanted.ts_max);
    struct merge_source s;
    struct lsm_table   *t;

    if (!table_meta_overlaps(&vt->meta, k->wanted.start, k->wanted.end) ||
        (!in_time && vt->meta.clears == 0))
        return STATUS_OK;
    TRY_RETURN(lsm_table_of(k->lsm, vt, &t));
    s.cursor = in_time ? lsm_table_cursor(t, true) : nothing_open(k->lsm->heap);
    s.clears = lsm_table_clears(t, &s.clear_count);
    k->sources[k->count++] = s;
    return STATUS_OK;
}

static status add_level(struct collector *k, const struct version *v, unsigned number)
{
    const struct version_level *level = &v->levels[number];
    struct level_cursor        *c;
    status                      st;

    if (level->count == 0)
        return STATUS_OK;
    c = heap_must_alloc(k->lsm->heap, 1, sizeof *c);
    c->base.ops = &level_ops;
    c->lsm = k->lsm;
    c->version = v;
    c->level = level;
    c->number = number;
    c->ts_min = k->wanted.ts_min;
    c->ts_max = k->wanted.ts_max;
    st = collect_clears(c);
    if (!st_ok(st) || (c->clear_count == 0 && find_table(c, 0, false) == level->count)) {
        level_close(&c->base);
        return st;
    }
    k->sources[k->count++] = (struct merge_source){
        .cursor = &c->base, .clears = c->clears, .clear_count = c->clear_count};
    return STATUS_OK;
}

static status collect_sources(struct collector *k, const struct lsm_state *s)
{
    const struct version *v = s->version;

    for (size_t i = 0; i < s->view_count; i++)
        add_memtable(k, &s->views[i]);
    for (size_t i = 0; i < v->levels[0].count; i++)
        TRY_RETURN(add_table(k, v->levels[0].tables[i]));
    for (unsigned level = 1; level < LSM_LEVELS; level++)
        TRY_RETURN(add_level(k, v, level));
    return STATUS_OK;
}

status lsm_state_cursor(struct lsm *l, const struct lsm_state *s, const struct lsm_interest *wanted,
                        struct lsm_cursor **out)
{
    size_t           most = s->view_count + s->version->levels[0].count + LSM_LEVELS;
    struct collector k = {.lsm = l, .wanted = *wanted};
    status           st;

    k.sources = heap_must_alloc(l->heap, most, sizeof *k.sources);
    st = collect_sources(&k, s);
    if (st_ok(st)) {
        *out = merge_cursor_open(l->heap, k.sources, k.count);
    } else {
        for (size_t i = 0; i < k.count; i++)
            k.sources[i].cursor->ops->close(k.sources[i].cursor);
    }
    heap_free(k.sources);
    return st;
}

/* ---- the iterator ----------------------------------------------------------------------------
 */

struct lsm_iter {
    struct engine_iter         base;
    struct lsm                *lsm;
    struct lsm_state           state;
    struct lsm_cursor         *at; /* NULL until the first move */
    struct engine_iter_options options;
    slice                      start, end; /* with the space */
    struct buf                 bounds;
    struct buf                 key; /* being stepped over, or shown while the cursor is before it */
    struct buf                 value;     /* of what is shown then */
    bool                       is_before; /* the cursor stands before the key that is shown */
};

static struct lsm_iter *iter_of(struct engine_iter *it)
{
    return CONTAINER_OF(it, struct lsm_iter, base);
}

static void make_bounds(struct lsm_iter *it)
{
    const struct engine_iter_options *o = &it->options;
    uint8_t space = o->mode == ENGINE_ITER_META ? LSM_SPACE_META : LSM_SPACE_DATA;

    buf_put_u8(&it->bounds, space);
    buf_append_slice(&it->bounds, o->start);
    buf_put_u8(&it->bounds, o->end.size > 0 ? space : (uint8_t)(space + 1));
    buf_append_slice(&it->bounds, o->end);
    it->start = slice_make(it->bounds.data, o->start.size + 1);
    it->end = slice_from(buf_slice(&it->bounds), o->start.size + 1);
}

status lsm_iter_open(struct engine *e, const struct engine_iter_options *options,
                     struct engine_iter **out)
{
    struct lsm      *l = lsm_of(e);
    struct lsm_iter *it = heap_must_alloc(l->heap, 1, sizeof *it);

    it->base.ops = e->ops;
    it->lsm = l;
    it->options = *options;
    buf_init(&it->bounds, l->heap);
    buf_init(&it->key, l->heap);
    buf_init(&it->value, l->heap);
    make_bounds(it);
    if (options->snapshot != NULL)
        lsm_state_copy(l, (struct lsm_state *)(void *)options->snapshot, &it->state);
    else
        lsm_state_take(l, &it->state);
    *out = &it->base;
    return STATUS_OK;
}

void lsm_iter_close(struct engine_iter *base)
{
    struct lsm_iter *it = iter_of(base);

    if (it->at != NULL)
        it->at->ops->close(it->at);
    lsm_state_release(&it->state);
    it->lsm->readers--;
    buf_deinit(&it->bounds);
    buf_deinit(&it->key);
    buf_deinit(&it->value);
    heap_free(it);
}

static struct lsm_interest interest_of(const struct lsm_iter *it)
{
    struct lsm_interest i = {.start = it->start, .end = it->end, .ts_max = it->options.ts};

    if (it->options.mode == ENGINE_ITER_META)
        i.ts_max = HLC_TS_MAX; /* their entries have no time, those of their tables have */
    if (it->options.mode == ENGINE_ITER_VERSIONS)
        i.ts_min = it->options.newer_than + (it->options.newer_than < HLC_TS_MAX);
    return i;
}

/* Tables are opened at the first move, which may wait; the opening of an iterator does not. */
static status begin_move(struct lsm_iter *it)
{
    struct lsm_interest wanted = interest_of(it);

    it->base.valid = false;
    return it->at != NULL ? STATUS_OK : lsm_state_cursor(it->lsm, &it->state, &wanted, &it->at);
}

static bool one_per_key(const struct lsm_iter *it)
{
    return it->options.mode == ENGINE_ITER_VISIBLE || it->options.mode == ENGINE_ITER_TOMBSTONES;
}

static bool is_in_time(const struct lsm_iter *it, hlc_ts ts)
{
    if (it->options.mode == ENGINE_ITER_META)
        return true;
    return ts <= it->options.ts &&
           (it->options.mode != ENGINE_ITER_VERSIONS || ts > it->options.newer_than);
}

static void show(struct lsm_iter *it, const struct lsm_entry *e)
{
    it->base.key = slice_from(e->key, 1);
    it->base.ts = e->ts;
    it->base.value = e->value;
    it->base.tombstone = e->kind == LSM_TOMBSTONE;
    it->base.valid = true;
    it->is_before = false;
}

static void note_key(struct lsm_iter *it, slice key)
{
    buf_reset(&it->key);
    buf_append_slice(&it->key, key);
}

/* Step over the remaining versions of it->key. */
static status skip_key(struct lsm_iter *it)
{
    while (it->at->valid && slice_eq(it->at->entry.key, buf_slice(&it->key)))
        TRY_RETURN(it->at->ops->next(it->at));
    return STATUS_OK;
}

static bool is_hidden(const struct lsm_iter *it, const struct lsm_entry *e)
{
    return it->options.mode == ENGINE_ITER_VISIBLE && e->kind == LSM_TOMBSTONE;
}

/* From the cursor on, forward, to the first entry that is to be shown. */
static status settle_forward(struct lsm_iter *it)
{
    while (it->at->valid && slice_cmp(it->at->entry.key, it->end) < 0) {
        const struct lsm_entry *e = &it->at->entry;

        if (!is_in_time(it, e->ts)) {
            TRY_RETURN(it->at->ops->next(it->at));
        } else if (is_hidden(it, e)) {
            note_key(it, e->key);
            TRY_RETURN(skip_key(it));
        } else {
            show(it, e);
            return STATUS_OK;
        }
    }
    return STATUS_OK;
}

static slice with_space(struct lsm_iter *it, slice key)
{
    buf_reset(&it->key);
    buf_put_u8(&it->key, (uint8_t)it->start.data[0]);
    buf_append_slice(&it->key, key);
    return buf_slice(&it->key);
}

status lsm_iter_seek(struct engine_iter *base, slice key)
{
    struct lsm_iter *it = iter_of(base);
    slice            from = with_space(it, key);

    TRY_RETURN(begin_move(it));
    if (slice_cmp(from, it->start) < 0)
        from = it->start;
    TRY_RETURN(it->at->ops->seek(it->at, from, HLC_TS_MAX));
    return settle_forward(it);
}

status lsm_iter_first(struct engine_iter *base)
{
    struct lsm_iter *it = iter_of(base);

    TRY_RETURN(begin_move(it));
    TRY_RETURN(it->at->ops->seek(it->at, it->start, HLC_TS_MAX));
    return settle_forward(it);
}

status lsm_iter_next(struct engine_iter *base)
{
    struct lsm_iter *it = iter_of(base);

    it->base.valid = false;
    if (it->is_before) {
        TRY_RETURN(it->at->ops->seek(it->at, buf_slice(&it->key), 0));
        TRY_RETURN(skip_key(it));
    } else if (one_per_key(it)) {
        note_key(it, it->at->entry.key);
        TRY_RETURN(skip_key(it));
    } else {
        TRY_RETURN(it->at->ops->next(it->at));
    }
    return settle_forward(it);
}

/* The cursor stands on the oldest version of a key. Its newest one in time, if there is one, is
 * copied and shown, when it is to be; the cursor is before the key afterwards. */
static status take_key_backward(struct lsm_iter *it)
{
    struct lsm_entry best = {0};
    bool             found = false;

    note_key(it, it->at->entry.key);
    while (it->at->valid && slice_eq(it->at->entry.key, buf_slice(&it->key))) {
        const struct lsm_entry *e = &it->at->entry;

        if (e->ts <= it->options.ts) {
            found = true;
            best = *e;
            buf_reset(&it->value);
            buf_append_slice(&it->value, e->value);
        }
        TRY_RETURN(it->at->ops->prev(it->at));
    }
    if (!found || is_hidden(it, &best))
        return STATUS_OK;
    best.key = buf_slice(&it->key);
    best.value = buf_slice(&it->value);
    show(it, &best);
    it->is_before = true;
    return STATUS_OK;
}

/* From the cursor on, backward, to the first entry that is to be shown. */
static status settle_backward(struct lsm_iter *it)
{
    while (!it->base.valid && it->at->valid && slice_cmp(it->at->entry.key, it->start) >= 0) {
        if (one_per_key(it))
            TRY_RETURN(take_key_backward(it));
        else if (is_in_time(it, it->at->entry.ts))
            show(it, &it->at->entry);
        else
            TRY_RETURN(it->at->ops->prev(it->at));
    }
    return STATUS_OK;
}

static status seek_before(struct lsm_iter *it, slice key)
{
    TRY_RETURN(begin_move(it));
    TRY_RETURN(it->at->ops->seek_before(it->at, key, HLC_TS_MAX));
    return settle_backward(it);
}

status lsm_iter_seek_before(struct engine_iter *base, slice key)
{
    struct lsm_iter *it = iter_of(base);
    slice            to = with_space(it, key);

    return seek_before(it, slice_cmp(to, it->end) > 0 ? it->end : to);
}

status lsm_iter_last(struct engine_iter *base)
{
    return seek_before(iter_of(base), iter_of(base)->end);
}

status lsm_iter_prev(struct engine_iter *base)
{
    struct lsm_iter *it = iter_of(base);

    it->base.valid = false;
    if (!it->is_before && one_per_key(it)) { /* it came forward: over the newer versions too */
        note_key(it, it->at->entry.key);
        TRY_RETURN(it->at->ops->seek_before(it->at, buf_slice(&it->key), HLC_TS_MAX));
    } else if (!it->is_before) {
        TRY_RETURN(it->at->ops->prev(it->at));
    }
    return settle_backward(it);
}
