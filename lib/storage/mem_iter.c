/* Iterators of the memory engine: a cursor over a pinned root, so that nothing written meanwhile
 * moves under it, and a filter by timestamp on top. */
#include "storage/mem.h"

enum { KEY_ROOM = 256 };

struct mem_iter {
    struct engine_iter         base;
    struct mem_engine         *engine;
    struct page               *root; /* pinned */
    struct tree_cursor         at;
    struct engine_iter_options options;
    const struct page         *page;      /* whose prefix is in `key` */
    bool                       is_inside; /* all of `page` lies below the end */
    struct buf                 key;
    struct buf                 bounds; /* start, then end */
};

static struct mem_iter *iter_of(struct engine_iter *it)
{
    return CONTAINER_OF(it, struct mem_iter, base);
}

static struct page *pin_root(struct mem_engine *m, const struct engine_iter_options *o)
{
    bool         meta = o->mode == ENGINE_ITER_META;
    struct page *root;

    if (o->snapshot == NULL)
        return tree_pin(meta ? &m->meta : &m->data);
    root = meta ? o->snapshot->meta : o->snapshot->data;
    if (root != NULL)
        root->refs++;
    return root;
}

status mem_iter_open(struct engine *e, const struct engine_iter_options *options,
                     struct engine_iter **out)
{
    struct mem_engine *m = mem_of(e);
    struct heap       *heap = env_heap(e->env);
    struct mem_iter   *it = heap_alloc(heap, sizeof *it);

    if (it == NULL)
        return STATUS_OOM;
    it->base = (struct engine_iter){.ops = e->ops};
    it->engine = m;
    it->options = *options;
    it->page = NULL;
    buf_init(&it->key, heap);
    buf_init(&it->bounds, heap);
    buf_append_slice(&it->bounds, options->start);
    buf_append_slice(&it->bounds, options->end);
    it->options.start = slice_make(it->bounds.data, options->start.size);
    it->options.end = slice_from(buf_slice(&it->bounds), options->start.size);
    it->root = pin_root(m, options);
    tree_cursor_init(&it->at, it->root);
    m->readers++;
    *out = &it->base;
    return STATUS_OK;
}

void mem_iter_close(struct engine_iter *base)
{
    struct mem_iter *it = iter_of(base);

    tree_release(&it->engine->data, it->root);
    ASSERT(it->engine->readers > 0);
    it->engine->readers--;
    buf_deinit(&it->key);
    buf_deinit(&it->bounds);
    heap_free(it);
}

static bool has_end(const struct mem_iter *it)
{
    return it->options.end.size > 0;
}

/* Make it->key the key of the entry at the cursor; the prefix is copied once per page. */
static void load_key(struct mem_iter *it, const struct page *p, unsigned pos)
{
    slice suffix = page_suffix(p, pos);

    if (UNLIKELY(it->page != p)) {
        it->page = p;
        buf_reset(&it->key);
        buf_append_slice(&it->key, page_prefix(p));
        it->is_inside = false;
        if (has_end(it)) {
            struct page_target end = {.key = it->options.end, .ts = HLC_TS_MAX};

            it->is_inside = page_lower_bound(p, &end) == p->count;
        }
    }
    it->key.size = p->prefix_size;
    buf_append_slice(&it->key, suffix);
}

static void stop(struct mem_iter *it)
{
    it->base.valid = false;
}

/* Stand on the entry at the cursor. */
static void show(struct mem_iter *it, const struct page *p, unsigned pos)
{
    it->base.key = buf_slice(&it->key);
    it->base.ts = page_ts(p, pos);
    it->base.value = page_value(p, pos);
    it->base.tombstone = (page_info(p, pos) & PAGE_TOMBSTONE) != 0;
    it->base.valid = true;
}

/* Whether the version at the cursor is in the time span asked for; META entries have none. */
static bool is_in_time(const struct mem_iter *it, hlc_ts ts)
{
    switch (it->options.mode) {
    case ENGINE_ITER_VISIBLE:
    case ENGINE_ITER_TOMBSTONES:
        return ts <= it->options.ts;
    case ENGINE_ITER_VERSIONS:
        return ts <= it->options.ts && ts > it->options.newer_than;
    case ENGINE_ITER_META:
        return true;
    }
    UNREACHABLE();
}

static bool one_per_key(const struct mem_iter *it)
{
    return it->options.mode == ENGINE_ITER_VISIBLE || it->options.mode == ENGINE_ITER_TOMBSTONES;
}

static bool is_hidden(const struct mem_iter *it, uint32_t info)
{
    return it->options.mode == ENGINE_ITER_VISIBLE && (info & PAGE_TOMBSTONE) != 0;
}

/* Step over the remaining versions of the key at the cursor. */
static void skip_key(struct mem_iter *it)
{
    do {
        const struct page *p = tree_cursor_page(&it->at);
        unsigned           pos = tree_cursor_pos(&it->at);

        tree_cursor_next(&it->at);
        if (!it->at.valid)
            return;
        if (LIKELY(tree_cursor_page(&it->at) == p)) {
            if (!page_same_key(p, pos, pos + 1))
                return;
        } else if (!page_key_is(tree_cursor_page(&it->at), tree_cursor_pos(&it->at),
                                buf_slice(&it->key))) {
            return;
        }
    } while (true);
}

/* From the cursor on, forward, to the first entry that is to be shown. */
static status settle_forward(struct mem_iter *it)
{
    while (it->at.valid) {
        const struct page *p = tree_cursor_page(&it->at);
        unsigned           pos = tree_cursor_pos(&it->at);

        load_key(it, p, pos);
        if (has_end(it) && !it->is_inside && slice_cmp(buf_slice(&it->key), it->options.end) >= 0)
            break;
        if (!is_in_time(it, page_ts(p, pos))) {
            tree_cursor_next(&it->at);
        } else if (is_hidden(it, page_info(p, pos))) {
            skip_key(it);
        } else {
            show(it, p, pos);
            return STATUS_OK;
        }
    }
    stop(it);
    return STATUS_OK;
}

status mem_iter_seek(struct engine_iter *base, slice key)
{
    struct mem_iter *it = iter_of(base);

    if (slice_cmp(key, it->options.start) < 0)
        key = it->options.start;
    tree_cursor_seek(&it->at, key, HLC_TS_MAX);
    return settle_forward(it);
}

status mem_iter_first(struct engine_iter *base)
{
    return mem_iter_seek(base, iter_of(base)->options.start);
}

status mem_iter_next(struct engine_iter *base)
{
    struct mem_iter *it = iter_of(base);

    if (one_per_key(it))
        skip_key(it);
    else
        tree_cursor_next(&it->at);
    return settle_forward(it);
}

/* The cursor stands on the oldest version of a key that is not looked at yet. Of the versions of
 * this key, the newest one in time is what may be shown. Leaves the cursor there, or before the key
 * when there is none: false. */
static bool find_newest_in_time(struct mem_iter *it)
{
    struct tree_cursor best;
    bool               found = false;

    load_key(it, tree_cursor_page(&it->at), tree_cursor_pos(&it->at));
    for (;;) {
        if (page_ts(tree_cursor_page(&it->at), tree_cursor_pos(&it->at)) <= it->options.ts) {
            best = it->at;
            found = true;
        }
        tree_cursor_prev(&it->at);
        if (!it->at.valid ||
            !page_key_is(tree_cursor_page(&it->at), tree_cursor_pos(&it->at), buf_slice(&it->key)))
            break;
    }
    if (found)
        it->at = best;
    return found;
}

static bool is_before_start(struct mem_iter *it)
{
    load_key(it, tree_cursor_page(&it->at), tree_cursor_pos(&it->at));
    return slice_cmp(buf_slice(&it->key), it->options.start) < 0;
}

/* Step the cursor before the first version of the key it stands on. */
static void leave_key_backward(struct mem_iter *it)
{
    load_key(it, tree_cursor_page(&it->at), tree_cursor_pos(&it->at));
    do
        tree_cursor_prev(&it->at);
    while (it->at.valid &&
           page_key_is(tree_cursor_page(&it->at), tree_cursor_pos(&it->at), buf_slice(&it->key)));
}

/* From the cursor on, backward, to the first entry that is to be shown. */
static status settle_backward(struct mem_iter *it)
{
    while (it->at.valid && !is_before_start(it)) {
        const struct page *p;
        unsigned           pos;

        if (one_per_key(it) && !find_newest_in_time(it))
            continue;
        p = tree_cursor_page(&it->at);
        pos = tree_cursor_pos(&it->at);
        load_key(it, p, pos);
        if (is_in_time(it, page_ts(p, pos)) && !is_hidden(it, page_info(p, pos))) {
            show(it, p, pos);
            return STATUS_OK;
        }
        if (one_per_key(it))
            leave_key_backward(it);
        else
            tree_cursor_prev(&it->at);
    }
    stop(it);
    return STATUS_OK;
}

status mem_iter_seek_before(struct engine_iter *base, slice key)
{
    struct mem_iter *it = iter_of(base);

    if (has_end(it) && slice_cmp(key, it->options.end) > 0)
        key = it->options.end;
    tree_cursor_seek(&it->at, key, HLC_TS_MAX);
    if (it->at.valid)
        tree_cursor_prev(&it->at);
    else
        tree_cursor_last(&it->at);
    return settle_backward(it);
}

status mem_iter_last(struct engine_iter *base)
{
    struct mem_iter *it = iter_of(base);

    if (has_end(it))
        return mem_iter_seek_before(base, it->options.end);
    tree_cursor_last(&it->at);
    return settle_backward(it);
}

status mem_iter_prev(struct engine_iter *base)
{
    struct mem_iter *it = iter_of(base);

    if (one_per_key(it))
        leave_key_backward(it);
    else
        tree_cursor_prev(&it->at);
    return settle_backward(it);
}
