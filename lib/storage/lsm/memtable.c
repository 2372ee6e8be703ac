#include "storage/lsm/memtable.h"

#include "base/assert.h"
#include "storage/lsm/block.h"

enum { KEY_ROOM = ENGINE_KEY_SIZE_MAX + 1 };

struct memtable *memtable_new(struct heap *heap)
{
    struct memtable *m = heap_must_alloc(heap, 1, sizeof *m);

    m->heap = heap;
    m->refs = 1;
    m->ts_min = HLC_TS_MAX;
    list_init(&m->link);
    page_pool_init(&m->pool, heap);
    tree_init(&m->tree, &m->pool);
    umap_init(&m->applied, heap);
    return m;
}

struct memtable *memtable_ref(struct memtable *m)
{
    m->refs++;
    return m;
}

void clear_set_unref(struct clear_set *c)
{
    if (c == NULL || --c->refs > 0)
        return;
    buf_deinit(&c->keys);
    heap_free(c->items);
    heap_free(c);
}

void memtable_unref(struct memtable *m)
{
    size_t   pos = 0;
    uint64_t range_id;
    void    *index;

    if (m == NULL || --m->refs > 0)
        return;
    list_remove(&m->link);
    while (umap_next(&m->applied, &pos, &range_id, &index))
        heap_free(index);
    umap_deinit(&m->applied);
    tree_deinit(&m->tree);
    clear_set_unref(m->clears);
    heap_free(m);
}

/* ---- clears ----------------------------------------------------------------------------------
 */

static void clear_set_add(struct clear_set *c, slice start, slice end)
{
    size_t at = c->keys.size;

    buf_append_slice(&c->keys, start);
    buf_append_slice(&c->keys, end);
    c->items[c->count++] =
        (struct lsm_clear){.start = slice_make(c->keys.data + at, start.size),
                           .end = slice_make(c->keys.data + at + start.size, end.size)};
}

/* The old set and one more span, joined with those it overlaps or touches. The old one stays as it
 * is: a view may have it. */
static struct clear_set *clear_set_with(struct heap *heap, const struct clear_set *old, slice start,
                                        slice end)
{
    struct clear_set *c = heap_must_alloc(heap, 1, sizeof *c);
    size_t            count = old != NULL ? old->count : 0, i = 0;

    c->heap = heap;
    c->refs = 1;
    c->items = heap_must_alloc(heap, count + 1, sizeof *c->items);
    buf_init(&c->keys, heap);
    (void)buf_reserve(&c->keys, (old != NULL ? old->keys.size : 0) + start.size + end.size);
    for (; i < count && slice_cmp(old->items[i].end, start) < 0; i++)
        clear_set_add(c, old->items[i].start, old->items[i].end);
    for (; i < count && slice_cmp(old->items[i].start, end) <= 0; i++) {
        if (slice_cmp(old->items[i].start, start) < 0)
            start = old->items[i].start;
        if (slice_cmp(old->items[i].end, end) > 0)
            end = old->items[i].end;
    }
    clear_set_add(c, start, end);
    for (; i < count; i++)
        clear_set_add(c, old->items[i].start, old->items[i].end);
    return c;
}

struct clear_set *clear_set_union(struct heap *heap, struct clear_set *a, const struct clear_set *b)
{
    if (a != NULL)
        a->refs++;
    for (size_t i = 0; b != NULL && i < b->count; i++) {
        struct clear_set *both = clear_set_with(heap, a, b->items[i].start, b->items[i].end);

        clear_set_unref(a);
        a = both;
    }
    return a;
}

bool clear_set_covers(const struct clear_set *c, slice key)
{
    return c != NULL && lsm_clears_cover(c->items, c->count, key);
}

/* ---- changes ---------------------------------------------------------------------------------
 */

static slice spaced(char *room, enum lsm_space space, slice key)
{
    room[0] = (char)space;
    if (key.size > 0)
        memcpy(room + 1, key.data, key.size);
    return slice_make(room, key.size + 1);
}

static void put(struct memtable *m, enum lsm_space space, const struct batch_op *op, uint32_t flags)
{
    char room[KEY_ROOM];

    if (space == LSM_SPACE_DATA) {
        m->ts_min = MIN(m->ts_min, op->ts);
        m->has_cleared = m->has_cleared || (flags & PAGE_CLEARED) != 0;
    }
    tree_put(&m->tree, spaced(room, space, op->key), space == LSM_SPACE_META ? 0 : op->ts,
             op->value, flags);
}

static void clear(struct memtable *m, enum lsm_space space, const struct batch_op *op)
{
    char              start_room[KEY_ROOM], end_room[KEY_ROOM];
    slice             start = spaced(start_room, space, op->key);
    slice             end = op->end.size > 0 ? spaced(end_room, space, op->end)
                                             : spaced(end_room, space + 1, SLICE_EMPTY);
    struct clear_set *before = m->clears;

    if (slice_cmp(start, end) >= 0)
        return;
    tree_clear(&m->tree, start, end);
    m->clears = clear_set_with(m->heap, before, start, end);
    clear_set_unref(before);
}

static void set_applied(struct memtable *m, uint64_t range_id, uint64_t index)
{
    uint64_t *known = umap_get(&m->applied, range_id);

    if (known == NULL) {
        known = heap_must_alloc(m->heap, 1, sizeof *known);
        umap_put(&m->applied, range_id, known);
    }
    *known = index;
}

void memtable_apply(struct memtable *m, const struct batch_op *op)
{
    switch (op->kind) {
    case BATCH_PUT:
        put(m, LSM_SPACE_DATA, op, 0);
        break;
    case BATCH_DELETE:
        put(m, LSM_SPACE_DATA, op, PAGE_TOMBSTONE);
        break;
    case BATCH_CLEAR_VERSION:
        put(m, LSM_SPACE_DATA, op, PAGE_CLEARED);
        break;
    case BATCH_CLEAR_RANGE:
        clear(m, LSM_SPACE_DATA, op);
        break;
    case BATCH_PUT_META:
        put(m, LSM_SPACE_META, op, 0);
        break;
    case BATCH_DELETE_META:
        put(m, LSM_SPACE_META, op, PAGE_CLEARED);
        break;
    case BATCH_CLEAR_META:
        clear(m, LSM_SPACE_META, op);
        break;
    case BATCH_APPLIED:
        set_applied(m, op->range_id, op->index);
        break;
    }
}

size_t memtable_memory(const struct memtable *m)
{
    return m->pool.size + (m->clears != NULL ? m->clears->keys.size : 0);
}

size_t memtable_size(const struct memtable *m)
{
    return memtable_memory(m) - m->pool.spare;
}

bool memtable_is_empty(const struct memtable *m)
{
    return m->tree.root == NULL && m->clears == NULL;
}

/* ---- views -----------------------------------------------------------------------------------
 */

void memtable_view_take(struct memtable *m, struct memtable_view *out)
{
    *out = (struct memtable_view){
        .memtable = memtable_ref(m), .root = tree_pin(&m->tree), .clears = m->clears};
    if (out->clears != NULL)
        out->clears->refs++;
}

void memtable_view_copy(const struct memtable_view *v, struct memtable_view *out)
{
    *out = *v;
    memtable_ref(v->memtable);
    if (v->root != NULL)
        v->root->refs++;
    if (v->clears != NULL)
        v->clears->refs++;
}

void memtable_view_release(struct memtable_view *v)
{
    tree_release(&v->memtable->tree, v->root);
    clear_set_unref(v->clears);
    memtable_unref(v->memtable);
}

struct memtable_view memtable_view_borrow(struct memtable *m)
{
    return (struct memtable_view){.memtable = m, .root = m->tree.root, .clears = m->clears};
}

bool memtable_get(const struct memtable_view *v, slice key, hlc_ts ts, struct lsm_entry *out)
{
    const struct page *p;
    unsigned           pos;

    if (!tree_find(v->root, key, ts, &p, &pos) || !page_key_is(p, pos, key))
        return false;
    *out = (struct lsm_entry){.key = key,
                              .ts = page_ts(p, pos),
                              .kind = block_kind(page_info(p, pos)),
                              .value = page_value(p, pos)};
    return true;
}

/* ---- the cursor ------------------------------------------------------------------------------
 */

struct memtable_cursor {
    struct lsm_cursor  base;
    struct tree_cursor at;
    const struct page *page; /* whose prefix is in `key` */
    struct buf         key;
};

static struct memtable_cursor *cursor_of(struct lsm_cursor *c)
{
    return CONTAINER_OF(c, struct memtable_cursor, base);
}

/* Show the entry at the tree's cursor; a page's prefix is copied once. */
static status show(struct memtable_cursor *c)
{
    const struct page *p;
    unsigned           pos;

    c->base.valid = c->at.valid;
    if (!c->at.valid)
        return STATUS_OK;
    p = tree_cursor_page(&c->at);
    pos = tree_cursor_pos(&c->at);
    if (c->page != p) {
        c->page = p;
        buf_reset(&c->key);
        buf_append_slice(&c->key, page_prefix(p));
    }
    c->key.size = p->prefix_size;
    buf_append_slice(&c->key, page_suffix(p, pos));
    c->base.entry = (struct lsm_entry){.key = buf_slice(&c->key),
                                       .ts = page_ts(p, pos),
                                       .kind = block_kind(page_info(p, pos)),
                                       .value = page_value(p, pos)};
    return STATUS_OK;
}

static status cursor_seek(struct lsm_cursor *base, slice key, hlc_ts ts)
{
    struct memtable_cursor *c = cursor_of(base);

    tree_cursor_seek(&c->at, key, ts);
    return show(c);
}

static status cursor_seek_before(struct lsm_cursor *base, slice key, hlc_ts ts)
{
    struct memtable_cursor *c = cursor_of(base);

    tree_cursor_seek(&c->at, key, ts);
    if (c->at.valid)
        tree_cursor_prev(&c->at);
    else
        tree_cursor_last(&c->at);
    return show(c);
}

static status cursor_first(struct lsm_cursor *base)
{
    return cursor_seek(base, SLICE_EMPTY, HLC_TS_MAX);
}

static status cursor_last(struct lsm_cursor *base)
{
    tree_cursor_last(&cursor_of(base)->at);
    return show(cursor_of(base));
}

static status cursor_next(struct lsm_cursor *base)
{
    tree_cursor_next(&cursor_of(base)->at);
    return show(cursor_of(base));
}

static status cursor_prev(struct lsm_cursor *base)
{
    tree_cursor_prev(&cursor_of(base)->at);
    return show(cursor_of(base));
}

static void cursor_close(struct lsm_cursor *base)
{
    buf_deinit(&cursor_of(base)->key);
    heap_free(cursor_of(base));
}

static const struct lsm_cursor_ops cursor_ops = {.seek = cursor_seek,
                                                 .seek_before = cursor_seek_before,
                                                 .first = cursor_first,
                                                 .last = cursor_last,
                                                 .next = cursor_next,
                                                 .prev = cursor_prev,
                                                 .close = cursor_close};

struct lsm_cursor *memtable_cursor_open(const struct memtable_view *v, struct heap *heap)
{
    struct memtable_cursor *c = heap_must_alloc(heap, 1, sizeof *c);

    c->base.ops = &cursor_ops;
    tree_cursor_init(&c->at, v->root);
    buf_init(&c->key, heap);
    return &c->base;
}
