#include "storage/lsm/merge_cursor.h"

#include "base/assert.h"
#include "base/buf.h"

struct merge_cursor {
    struct lsm_cursor    base;
    struct merge_source *sources; /* from the newest to the oldest */
    size_t               count;
    size_t               clears_before; /* sources before it have no clears: usually all */
    /* The valid ones, in the order they come in the direction of movement; of equal entries the
     * newest source's first. What stands at order[0] is what the cursor shows. */
    size_t              *order;
    size_t               order_count;
    bool                 is_backward;
    struct buf           key; /* where all sources are sent when the direction turns */
};

static struct merge_cursor *cursor_of(struct lsm_cursor *c)
{
    return CONTAINER_OF(c, struct merge_cursor, base);
}

static const struct lsm_entry *entry_of(const struct merge_cursor *m, size_t source)
{
    return &m->sources[source].cursor->entry;
}

static int compare(const struct merge_cursor *m, size_t a, size_t b)
{
    const struct lsm_entry *x = entry_of(m, a), *y = entry_of(m, b);
    int                     c = lsm_entry_cmp(x->key, x->ts, y->key, y->ts);

    return m->is_backward ? -c : c;
}

static bool is_before(const struct merge_cursor *m, size_t a, size_t b)
{
    int c = compare(m, a, b);

    return c != 0 ? c < 0 : a < b;
}

/* Find the place of `source` in order[from ...], which is sorted but for it. */
static void place(struct merge_cursor *m, size_t from, size_t source)
{
    while (from + 1 < m->order_count && is_before(m, m->order[from + 1], source)) {
        m->order[from] = m->order[from + 1];
        from++;
    }
    m->order[from] = source;
}

/* Step the source at order[at] on, and put it, and all, in order again. */
static status step(struct merge_cursor *m, size_t at)
{
    size_t             source = m->order[at];
    struct lsm_cursor *c = m->sources[source].cursor;

    TRY_RETURN(m->is_backward ? c->ops->prev(c) : c->ops->next(c));
    if (c->valid) {
        place(m, at, source);
        return STATUS_OK;
    }
    m->order_count--;
    memmove(m->order + at, m->order + at + 1, (m->order_count - at) * sizeof *m->order);
    return STATUS_OK;
}

/* Step over the entry at order[0], and over those that it hides. */
static status step_over(struct merge_cursor *m)
{
    while (m->order_count > 1 && compare(m, m->order[0], m->order[1]) == 0)
        TRY_RETURN(step(m, 1));
    return step(m, 0);
}

static bool is_hidden(const struct merge_cursor *m, size_t source)
{
    const struct lsm_entry *e = entry_of(m, source);

    if (e->kind == LSM_CLEARED)
        return true;
    for (size_t i = m->clears_before; i < source; i++) {
        if (lsm_clears_cover(m->sources[i].clears, m->sources[i].clear_count, e->key))
            return true;
    }
    return false;
}

/* From order[0] on to the first entry that is to be shown. */
static status settle(struct merge_cursor *m)
{
    while (m->order_count > 0 && is_hidden(m, m->order[0]))
        TRY_RETURN(step_over(m));
    m->base.valid = m->order_count > 0;
    if (m->base.valid)
        m->base.entry = *entry_of(m, m->order[0]);
    return STATUS_OK;
}

/* All cursors have been moved: put them in order, and show the first. */
static status gather(struct merge_cursor *m)
{
    m->order_count = 0;
    for (size_t i = m->count; i-- > 0;) {
        if (!m->sources[i].cursor->valid)
            continue;
        memmove(m->order + 1, m->order, m->order_count * sizeof *m->order);
        m->order_count++;
        place(m, 0, i);
    }
    return settle(m);
}

/* An error leaves the cursor not valid, whatever the sources are at. */
static status check(struct merge_cursor *m, status st)
{
    if (!st_ok(st)) {
        m->base.valid = false;
        m->order_count = 0;
    }
    return st;
}

static status seek_all(struct merge_cursor *m, slice key, hlc_ts ts, bool backward)
{
    m->is_backward = backward;
    for (size_t i = 0; i < m->count; i++) {
        struct lsm_cursor *c = m->sources[i].cursor;

        TRY_RETURN(backward ? c->ops->seek_before(c, key, ts) : c->ops->seek(c, key, ts));
    }
    return gather(m);
}

static status cursor_seek(struct lsm_cursor *base, slice key, hlc_ts ts)
{
    return check(cursor_of(base), seek_all(cursor_of(base), key, ts, false));
}

static status cursor_seek_before(struct lsm_cursor *base, slice key, hlc_ts ts)
{
    return check(cursor_of(base), seek_all(cursor_of(base), key, ts, true));
}

static status move_all(struct merge_cursor *m, bool backward)
{
    m->is_backward = backward;
    for (size_t i = 0; i < m->count; i++) {
        struct lsm_cursor *c = m->sources[i].cursor;

        TRY_RETURN(backward ? c->ops->last(c) : c->ops->first(c));
    }
    return gather(m);
}

static status cursor_first(struct lsm_cursor *base)
{
    return check(cursor_of(base), move_all(cursor_of(base), false));
}

static status cursor_last(struct lsm_cursor *base)
{
    return check(cursor_of(base), move_all(cursor_of(base), true));
}

/* Bring all sources to the other side of the entry that is shown: backward, before it; forward, at
 * it or behind, and then over it. */
static status turn(struct merge_cursor *m, bool backward)
{
    hlc_ts ts = m->base.entry.ts;

    buf_reset(&m->key);
    buf_append_slice(&m->key, m->base.entry.key);
    if (backward)
        return seek_all(m, buf_slice(&m->key), ts, true);
    TRY_RETURN(seek_all(m, buf_slice(&m->key), ts, false));
    TRY_RETURN(step_over(m));
    return settle(m);
}

static status move(struct merge_cursor *m, bool backward)
{
    if (m->is_backward != backward)
        return turn(m, backward);
    TRY_RETURN(step_over(m));
    return settle(m);
}

static status cursor_next(struct lsm_cursor *base)
{
    return check(cursor_of(base), move(cursor_of(base), false));
}

static status cursor_prev(struct lsm_cursor *base)
{
    return check(cursor_of(base), move(cursor_of(base), true));
}

static void cursor_close(struct lsm_cursor *base)
{
    struct merge_cursor *m = cursor_of(base);

    for (size_t i = 0; i < m->count; i++)
        m->sources[i].cursor->ops->close(m->sources[i].cursor);
    buf_deinit(&m->key);
    heap_free(m->sources);
    heap_free(m->order);
    heap_free(m);
}

static const struct lsm_cursor_ops cursor_ops = {.seek = cursor_seek,
                                                 .seek_before = cursor_seek_before,
                                                 .first = cursor_first,
                                                 .last = cursor_last,
                                                 .next = cursor_next,
                                                 .prev = cursor_prev,
                                                 .close = cursor_close};

struct lsm_cursor *merge_cursor_open(struct heap *heap, const struct merge_source *sources,
                                     size_t count)
{
    struct merge_cursor *m = heap_must_alloc(heap, 1, sizeof *m);

    m->base.ops = &cursor_ops;
    m->sources = heap_must_alloc(heap, count + 1, sizeof *m->sources);
    if (count > 0)
        memcpy(m->sources, sources, count * sizeof *sources);
    m->order = heap_must_alloc(heap, count + 1, sizeof *m->order);
    m->count = count;
    while (m->clears_before < count && sources[m->clears_before].clear_count == 0)
        m->clears_before++;
    buf_init(&m->key, heap);
    return &m->base;
}
