#include "storage/tree.h"

#include "base/assert.h"

/* The way from the root to a leaf, for changing it. */
struct path {
    struct page *page[TREE_DEPTH_MAX];
    unsigned     pos[TREE_DEPTH_MAX];
    unsigned     depth;
};

void tree_init(struct tree *t, struct page_pool *pool)
{
    *t = (struct tree){.pool = pool};
    buf_init(&t->scratch_keys, pool->heap);
    buf_init(&t->separators[0], pool->heap);
    buf_init(&t->separators[1], pool->heap);
    buf_init(&t->least, pool->heap);
}

void tree_deinit(struct tree *t)
{
    if (t->root != NULL)
        page_release(t->pool, t->root);
    heap_free(t->scratch_items);
    buf_deinit(&t->scratch_keys);
    buf_deinit(&t->separators[0]);
    buf_deinit(&t->separators[1]);
    buf_deinit(&t->least);
    t->root = NULL;
    t->scratch_items = NULL;
}

struct page *tree_pin(const struct tree *t)
{
    if (t->root != NULL)
        t->root->refs++;
    return t->root;
}

void tree_release(struct tree *t, struct page *root)
{
    if (root != NULL)
        page_release(t->pool, root);
}

/* The child that holds the target. Entries below the first separator are in the first child too. */
static unsigned child_for(const struct page *p, const struct page_target *target)
{
    unsigned pos = page_upper_bound(p, target);

    return pos > 0 ? pos - 1 : 0;
}

/* The header and the first slots lie on these lines: fetch them at once, not one by one. More lines
 * for inner pages, which are mostly cached, were no better. */
static void prefetch(const struct page *p)
{
    for (int line = 0; line < 5; line++)
        __builtin_prefetch((const char *)p + line * 64);
    /* Its prefix, which is compared first. Usual pages have it at their end. */
    __builtin_prefetch((const char *)p + PAGE_SIZE_USUAL - 1);
}

/* ---- reading
 * ------------------------------------------------------------------------------------- */

bool tree_find(const struct page *root, slice key, hlc_ts ts, const struct page **leaf,
               unsigned *pos)
{
    struct page_target target = {.key = key, .ts = ts};
    const struct page *p = root, *next = NULL;

    if (p == NULL)
        return false;
    while (p->level > 0) {
        unsigned at = child_for(p, &target);

        if (at + 1 < p->count)
            next = page_child(p, at + 1);
        prefetch(page_child(p, at));
        p = page_child(p, at);
    }
    *pos = page_lower_bound(p, &target);
    if (UNLIKELY(*pos == p->count)) {
        /* The versions of a key may go on in the next leaf. */
        if (next == NULL)
            return false;
        for (p = next; p->level > 0;)
            p = page_child(p, 0);
        *pos = 0;
    }
    *leaf = p;
    return true;
}

void tree_cursor_init(struct tree_cursor *c, const struct page *root)
{
    c->root = root;
    c->depth = 0;
    c->valid = false;
}

/* From the page at the end of the path down to the first or last leaf below it. */
static void descend(struct tree_cursor *c, const struct page *p, bool last)
{
    for (;;) {
        ASSERT(c->depth < TREE_DEPTH_MAX);
        c->path[c->depth].page = p;
        c->path[c->depth].pos = last ? p->count - 1u : 0;
        c->depth++;
        if (p->level == 0)
            break;
        p = page_child(p, c->path[c->depth - 1].pos);
    }
    c->valid = true;
}

void tree_cursor_seek(struct tree_cursor *c, slice key, hlc_ts ts)
{
    struct page_target target = {.key = key, .ts = ts};
    const struct page *p = c->root;

    c->depth = 0;
    c->valid = p != NULL;
    while (p != NULL) {
        unsigned pos = p->level > 0 ? child_for(p, &target) : page_lower_bound(p, &target);

        ASSERT(c->depth < TREE_DEPTH_MAX);
        c->path[c->depth].page = p;
        c->path[c->depth].pos = pos;
        c->depth++;
        p = p->level > 0 ? page_child(p, pos) : NULL;
    }
    if (c->valid && tree_cursor_pos(c) >= tree_cursor_page(c)->count)
        tree_cursor_next_leaf(c);
}

void tree_cursor_last(struct tree_cursor *c)
{
    c->depth = 0;
    c->valid = false;
    if (c->root != NULL)
        descend(c, c->root, true);
}

void tree_cursor_next_leaf(struct tree_cursor *c)
{
    c->valid = false;
    for (c->depth--; c->depth > 0; c->depth--) {
        const struct page *p = c->path[c->depth - 1].page;

        if (++c->path[c->depth - 1].pos < p->count) {
            descend(c, page_child(p, c->path[c->depth - 1].pos), false);
            return;
        }
    }
}

void tree_cursor_prev(struct tree_cursor *c)
{
    if (!c->valid)
        return;
    if (c->path[c->depth - 1].pos > 0) {
        c->path[c->depth - 1].pos--;
        return;
    }
    c->valid = false;
    for (c->depth--; c->depth > 0; c->depth--) {
        const struct page *p = c->path[c->depth - 1].page;

        if (c->path[c->depth - 1].pos > 0) {
            descend(c, page_child(p, --c->path[c->depth - 1].pos), true);
            return;
        }
    }
}

/* Bytes of the entries from `low` on and below `high` (NULL: no end). */
static uint64_t span_size(const struct page *p, const struct page_target *low,
                          const struct page_target *high)
{
    unsigned from = low == NULL ? 0 : child_for(p, low);
    unsigned to = high == NULL ? p->count - 1u : child_for(p, high);
    uint64_t size = 0;

    if (p->level == 0) {
        from = low == NULL ? 0 : page_lower_bound(p, low);
        to = high == NULL ? p->count : page_lower_bound(p, high);
        for (unsigned i = from; i < to; i++)
            size += PAGE_BODY_HEADER + sizeof p->slots[0] + p->slots[i].key_size +
                    page_value(p, i).size;
        return size;
    }
    for (unsigned i = from; i <= to; i++) {
        const struct page *child = page_child(p, i);
        bool               is_edge = (i == from && low != NULL) || (i == to && high != NULL);

        /* Whole leaves count as their pages, without looking at each entry. */
        if (child->level == 0 && !is_edge && !child->has_blobs)
            size += page_used(child);
        else
            size += span_size(child, i == from ? low : NULL, i == to ? high : NULL);
    }
    return size;
}

uint64_t tree_span_size(const struct page *root, slice start, slice end)
{
    struct page_target low = {.key = start, .ts = HLC_TS_MAX};
    struct page_target high = {.key = end, .ts = HLC_TS_MAX};

    if (root == NULL || (end.size > 0 && slice_cmp(start, end) >= 0))
        return 0;
    return span_size(root, start.size > 0 ? &low : NULL, end.size > 0 ? &high : NULL);
}

void tree_sample(const struct page *root, uint32_t where, struct buf *key)
{
    const struct page *p = root;

    if (p == NULL || p->count == 0)
        return;
    for (;;) {
        uint64_t at = (uint64_t)where * p->count;
        unsigned pos = (unsigned)(at >> 32);

        if (p->level == 0) {
            buf_append_slice(key, page_prefix(p));
            buf_append_slice(key, page_suffix(p, pos));
            return;
        }
        p = page_child(p, pos);
        where = (uint32_t)at;
    }
}

/* ---- rebuilding pages ---------------------------------------------------------------------------
 */

static void reserve_items(struct tree *t, size_t count)
{
    if (count <= t->scratch_capacity)
        return;
    heap_free(t->scratch_items);
    t->scratch_capacity = count * 2;
    t->scratch_items =
        heap_must_alloc(t->pool->heap, t->scratch_capacity, sizeof(struct page_item));
}

/* Append the entries of `p` to the scratch items from position `at` on, with whole keys. */
static void collect_items(struct tree *t, const struct page *p, size_t at)
{
    slice prefix = page_prefix(p);

    for (unsigned i = 0; i < p->count; i++) {
        uint32_t info = page_info(p, i);
        slice    suffix = page_suffix(p, i);
        char    *key = t->scratch_keys.data + t->scratch_keys.size;

        if (prefix.size > 0)
            memcpy(key, prefix.data, prefix.size);
        if (suffix.size > 0)
            memcpy(key + prefix.size, suffix.data, suffix.size);
        buf_advance(&t->scratch_keys, prefix.size + suffix.size);
        t->scratch_items[at + i] = (struct page_item){
            .key = slice_make(key, prefix.size + suffix.size),
            .ts = page_ts(p, i),
            .info = info,
            .payload = slice_make(page_payload(p, i), page_payload_size(p->level, info)),
        };
    }
}

/* Room for the keys of one or two pages, so that collect_items() never moves what it handed out. */
static void reserve_keys(struct tree *t, const struct page *a, const struct page *b)
{
    size_t size = a->capacity + (size_t)a->count * a->prefix_size;

    if (b != NULL)
        size += b->capacity + (size_t)b->count * b->prefix_size;
    buf_reset(&t->scratch_keys);
    buf_reserve(&t->scratch_keys, size);
}

/* The scratch items of the page with `item` inserted at `pos` (or, with NULL, without). */
static size_t collect_with(struct tree *t, const struct page *p, unsigned pos,
                           const struct page_item *item)
{
    size_t count = p->count;

    reserve_items(t, count + 1);
    reserve_keys(t, p, NULL);
    collect_items(t, p, 0);
    if (item == NULL)
        return count;
    memmove(&t->scratch_items[pos + 1], &t->scratch_items[pos],
            (count - pos) * sizeof t->scratch_items[0]);
    t->scratch_items[pos] = *item;
    return count + 1;
}

/* Where to cut the items in two. Appending in order leaves the left page full, prepending the right
 * one, so that sequential loads fill pages; otherwise both get half of the bytes. */
static size_t split_point(const struct page_item *items, size_t count, size_t inserted)
{
    size_t total = 0, half = 0, at = 0;

    if (inserted == count - 1)
        return count - 1;
    if (inserted == 0)
        return 1;
    for (size_t i = 0; i < count; i++)
        total += items[i].key.size + items[i].payload.size + PAGE_BODY_HEADER;
    while (at < count - 1 && half < total / 2) {
        half += items[at].key.size + items[at].payload.size + PAGE_BODY_HEADER;
        at++;
    }
    return MAX(at, 1);
}

/* The shortest key above the left item and at or below the right one, in *out. Two versions of one
 * key are told apart by the timestamp. */
static void separator_between(const struct page_item *left, const struct page_item *right,
                              struct page_item *out)
{
    size_t same = 0, n = MIN(left->key.size, right->key.size);

    while (same < n && left->key.data[same] == right->key.data[same])
        same++;
    *out = (struct page_item){.key = right->key, .ts = right->ts};
    if (!slice_eq(left->key, right->key)) {
        out->key = slice_make(right->key.data, same + 1);
        out->ts = HLC_TS_MAX;
    }
}

static struct page_item child_item(slice key, hlc_ts ts, struct page **child)
{
    return (struct page_item){.key = key, .ts = ts, .payload = slice_make(child, sizeof *child)};
}

static void set_page(struct tree *t, struct path *path, unsigned at, struct page *p)
{
    if (at == 0)
        t->root = p;
    else
        page_set_child(path->page[at - 1], path->pos[at - 1], p);
    path->page[at] = p;
}

/* Build the page anew from the first `count` scratch items, in place of the one at `at`. */
static void replace_page(struct tree *t, struct path *path, unsigned at, size_t count)
{
    struct page *old = path->page[at];

    set_page(t, path, at, page_build(t->pool, old->level, t->scratch_items, count));
    page_free(t->pool, old);
}

/* The first separator of a page says nothing, until what stands left of it splits: from then on it
 * must be below the new separator. It becomes the least key of the child. */
static void lower_first_separator(struct tree *t, struct path *path, unsigned at, hlc_ts least_ts,
                                  const struct page_target *separator)
{
    struct page *p = path->page[at], *child;
    size_t       count;

    if (path->pos[at] != 0 || page_lower_bound(p, separator) > 0)
        return;
    child = page_child(p, 0);
    count = collect_with(t, p, 0, NULL);
    t->scratch_items[0] = child_item(buf_slice(&t->least), least_ts, &child);
    replace_page(t, path, at, count);
}

/* A split under way: what goes up to the parent. */
struct split {
    struct page_target separator; /* its key lies in one of t->separators */
    hlc_ts             least_ts;  /* of the least item on the left; its key is in t->least */
    struct page       *right;
};

/* Split the first `count` scratch items, of which `inserted` is new, into two pages in place of the
 * one at `at`. Keys that go up are copied first: the parent's rebuild uses the scratch space. */
static void split_page(struct tree *t, struct path *path, unsigned at, size_t count,
                       size_t inserted, struct split *out)
{
    struct page            *old = path->page[at];
    const struct page_item *items = t->scratch_items;
    size_t                  cut = split_point(items, count, inserted);
    struct buf             *key = &t->separators[at & 1];
    struct page_item        separator;
    struct page            *left;

    left = page_build(t->pool, old->level, items, cut);
    out->right = page_build(t->pool, old->level, items + cut, count - cut);
    separator_between(&items[cut - 1], &items[cut], &separator);
    /* Above the leaves the items are separators themselves, and the right one's is exact. */
    if (old->level > 0)
        separator = items[cut];
    buf_reset(key);
    buf_append_slice(key, separator.key);
    buf_reset(&t->least);
    buf_append_slice(&t->least, items[0].key);
    out->separator = (struct page_target){.key = buf_slice(key), .ts = separator.ts};
    out->least_ts = items[0].ts;
    set_page(t, path, at, left);
    page_free(t->pool, old);
}

static void grow_root(struct tree *t, struct split *s)
{
    struct page     *left = t->root;
    struct page_item items[2] = {child_item(buf_slice(&t->least), s->least_ts, &left),
                                 child_item(s->separator.key, s->separator.ts, &s->right)};

    t->root = page_build(t->pool, left->level + 1u, items, 2);
}

/* Whether the scratch items shall stay one page: they fit with a little room, or are too few to be
 * two. */
static bool fits_one_page(const struct tree *t, unsigned level, size_t count)
{
    if (count <= (level > 0 ? 3 : 1))
        return true;
    return count <= PAGE_COUNT_MAX &&
           page_size_for(t->scratch_items, count) <= PAGE_SIZE_USUAL - PAGE_SIZE_USUAL / 16;
}

/* Insert at `pos` of the path's page `at`, splitting upwards as needed. */
static void insert_at(struct tree *t, struct path *path, unsigned at, unsigned pos,
                      struct page_item item)
{
    struct split split;
    struct page *right;

    while (!page_insert(path->page[at], pos, &item)) {
        size_t count = collect_with(t, path->page[at], pos, &item);

        if (fits_one_page(t, path->page[at]->level, count)) {
            replace_page(t, path, at, count);
            return;
        }
        split_page(t, path, at, count, pos, &split);
        if (at == 0) {
            grow_root(t, &split);
            return;
        }
        at--;
        lower_first_separator(t, path, at, split.least_ts, &split.separator);
        right = split.right;
        item = child_item(split.separator.key, split.separator.ts, &right);
        pos = path->pos[at] + 1;
    }
}

/* ---- changing
 * ------------------------------------------------------------------------------------ */

/* Find the leaf for the target, making every page on the way our own. The tree is not empty. */
static void descend_to_change(struct tree *t, struct path *path, const struct page_target *target)
{
    struct page *p = page_make_writable(t->pool, &t->root);

    for (path->depth = 0;; path->depth++) {
        struct page *child, *own;

        ASSERT(path->depth < TREE_DEPTH_MAX);
        path->page[path->depth] = p;
        if (p->level == 0)
            break;
        path->pos[path->depth] = child_for(p, target);
        child = own = page_child(p, path->pos[path->depth]);
        prefetch(child);
        page_make_writable(t->pool, &own);
        if (own != child)
            page_set_child(p, path->pos[path->depth], own);
        p = own;
    }
    path->pos[path->depth++] = page_lower_bound(p, target);
}

static bool is_at(const struct page *p, unsigned pos, const struct page_target *target)
{
    return pos < p->count && page_ts(p, pos) == target->ts && page_key_is(p, pos, target->key);
}

void tree_put(struct tree *t, slice key, hlc_ts ts, slice value, uint32_t flags)
{
    struct page_target target = {.key = key, .ts = ts};
    struct page_blob  *blob = NULL;
    struct page_item   item = {
          .key = key, .ts = ts, .info = (uint32_t)value.size | flags, .payload = value};
    struct path path;

    ASSERT(value.size <= PAGE_SIZE_MASK);
    if (value.size > PAGE_INLINE_MAX) {
        blob = page_blob_new(t->pool, value);
        item.info = PAGE_BLOB;
        item.payload = slice_make(&blob, sizeof blob);
    }
    if (t->root == NULL) {
        t->root = page_build(t->pool, 0, &item, 1);
        t->entries++;
        return;
    }
    descend_to_change(t, &path, &target);
    if (is_at(path.page[path.depth - 1], path.pos[path.depth - 1], &target)) {
        struct page *leaf = path.page[path.depth - 1];
        unsigned     pos = path.pos[path.depth - 1];

        page_release_blob_at(t->pool, leaf, pos);
        page_remove(leaf, pos, pos + 1);
        t->entries--;
    }
    insert_at(t, &path, path.depth - 1, path.pos[path.depth - 1], item);
    t->entries++;
}

/* While the root leads to one child only, that child is the root. */
static void shrink_root(struct tree *t)
{
    while (t->root != NULL && t->root->level > 0 && t->root->count == 1) {
        struct page *root = page_make_writable(t->pool, &t->root);
        struct page *child = page_child(root, 0);

        page_free(t->pool, root);
        t->root = child;
    }
}

/* Join the path's page `at`, which is nearly empty, with a neighbour when both fit in one with room
 * to spare. True: the parent lost an entry. */
static bool merge_with_neighbour(struct tree *t, struct path *path, unsigned at)
{
    struct page *parent = path->page[at - 1];
    unsigned     left_pos = path->pos[at - 1] > 0 ? path->pos[at - 1] - 1 : 0;
    struct page *left, *right, *merged;
    size_t       count;

    if (parent->count < 2)
        return false;
    left = page_child(parent, left_pos);
    right = page_child(parent, left_pos + 1);
    if (page_used(left) + page_used(right) > PAGE_SIZE_USUAL * 5 / 8)
        return false;
    page_make_writable(t->pool, &left);
    page_make_writable(t->pool, &right);
    page_set_child(parent, left_pos, left);
    page_set_child(parent, left_pos + 1, right);

    /* The parent's separator is exact where the right page's own first one says nothing. */
    buf_reset(&t->least);
    buf_append_slice(&t->least, page_prefix(parent));
    buf_append_slice(&t->least, page_suffix(parent, left_pos + 1));
    count = (size_t)left->count + right->count;
    reserve_items(t, count);
    reserve_keys(t, left, right);
    collect_items(t, left, 0);
    collect_items(t, right, left->count);
    if (left->level > 0) {
        t->scratch_items[left->count].key = buf_slice(&t->least);
        t->scratch_items[left->count].ts = page_ts(parent, left_pos + 1);
    }
    if (page_size_for(t->scratch_items, count) > PAGE_SIZE_USUAL * 3 / 4)
        return false; /* they share less of their keys than each for itself */
    merged = page_build(t->pool, left->level, t->scratch_items, count);
    page_free(t->pool, left);
    page_free(t->pool, right);
    page_set_child(parent, left_pos, merged);
    page_remove(parent, left_pos + 1, left_pos + 2);
    return true;
}

/* After entries were taken out of the leaf at the end of the path: drop empty pages, join small
 * ones. */
static void tidy(struct tree *t, struct path *path)
{
    for (unsigned at = path->depth - 1;; at--) {
        struct page *p = path->page[at];

        if (at == 0) {
            if (p->count == 0) {
                page_free(t->pool, p);
                t->root = NULL;
            }
            break;
        }
        if (p->count == 0) {
            page_free(t->pool, p);
            page_remove(path->page[at - 1], path->pos[at - 1], path->pos[at - 1] + 1);
        } else if (page_used(p) > PAGE_SIZE_USUAL / 4 || !merge_with_neighbour(t, path, at)) {
            break;
        }
    }
    shrink_root(t);
}

bool tree_remove(struct tree *t, slice key, hlc_ts ts)
{
    struct page_target target = {.key = key, .ts = ts};
    const struct page *found;
    struct path        path;
    struct page       *leaf;
    unsigned           pos;

    /* Look before copying anything for nothing. */
    if (!tree_find(t->root, key, ts, &found, &pos) || !is_at(found, pos, &target))
        return false;
    descend_to_change(t, &path, &target);
    leaf = path.page[path.depth - 1];
    pos = path.pos[path.depth - 1];
    ASSERT(is_at(leaf, pos, &target));
    page_release_blob_at(t->pool, leaf, pos);
    page_remove(leaf, pos, pos + 1);
    t->entries--;
    tidy(t, &path);
    return true;
}

static uint64_t count_entries(const struct page *p)
{
    uint64_t n = 0;

    if (p->level == 0)
        return p->count;
    for (unsigned i = 0; i < p->count; i++)
        n += count_entries(page_child(p, i));
    return n;
}

static void clear_leaf(struct tree *t, struct page *p, unsigned from, unsigned to)
{
    for (unsigned i = from; i < to && p->has_blobs; i++)
        page_release_blob_at(t->pool, p, i);
    page_remove(p, from, to);
    t->entries -= to - from;
}

/* Clear [low, high) below *ref; a NULL bound is open. A page left empty is freed and *ref NULL. */
static void clear_below(struct tree *t, struct page **ref, const struct page_target *low,
                        const struct page_target *high)
{
    struct page *p = page_make_writable(t->pool, ref);
    unsigned     from, to;

    if (p->level == 0) {
        from = low == NULL ? 0 : page_lower_bound(p, low);
        to = high == NULL ? p->count : page_lower_bound(p, high);
        clear_leaf(t, p, from, to);
    } else {
        from = low == NULL ? 0 : child_for(p, low);
        to = high == NULL ? p->count - 1u : child_for(p, high);
        for (unsigned i = to + 1; i-- > from;) {
            struct page              *child = page_child(p, i);
            const struct page_target *child_low = i == from ? low : NULL;
            const struct page_target *child_high = i == to ? high : NULL;

            if (child_low == NULL && child_high == NULL) {
                t->entries -= count_entries(child);
                page_release(t->pool, child);
                child = NULL;
            } else {
                clear_below(t, &child, child_low, child_high);
            }
            if (child == NULL)
                page_remove(p, i, i + 1);
            else
                page_set_child(p, i, child);
        }
    }
    if (p->count == 0) {
        page_free(t->pool, p);
        *ref = NULL;
    }
}

void tree_clear(struct tree *t, slice start, slice end)
{
    struct page_target low = {.key = start, .ts = HLC_TS_MAX};
    struct page_target high = {.key = end, .ts = HLC_TS_MAX};
    const struct page *leaf;
    unsigned           pos;

    if (end.size > 0 && slice_cmp(start, end) >= 0)
        return;
    if (!tree_find(t->root, start, HLC_TS_MAX, &leaf, &pos))
        return;
    clear_below(t, &t->root, start.size > 0 ? &low : NULL, end.size > 0 ? &high : NULL);
    shrink_root(t);
}

/* ---- checking
 * ------------------------------------------------------------------------------------ */

struct checker {
    struct buf previous; /* key of the last entry seen */
    hlc_ts     previous_ts;
    bool       any;
    uint64_t   entries;
};

static void check_entry(struct checker *c, const struct page *p, unsigned pos)
{
    struct buf key;

    buf_init(&key, NULL);
    buf_append_slice(&key, page_prefix(p));
    buf_append_slice(&key, page_suffix(p, pos));
    if (c->any) {
        int order = slice_cmp(buf_slice(&c->previous), buf_slice(&key));

        ASSERT(order < 0 || (order == 0 && c->previous_ts > page_ts(p, pos)));
    }
    buf_deinit(&c->previous);
    c->previous = key;
    c->previous_ts = page_ts(p, pos);
    c->any = true;
    c->entries++;
}

/* The separator is above what was seen so far, and at or below what comes next. */
static void check_separator(const struct checker *c, const struct page *p, unsigned pos)
{
    struct page_target seen = {.key = buf_slice(&c->previous), .ts = c->previous_ts};

    ASSERT(page_upper_bound(p, &seen) <= pos);
}

static void check_page(struct checker *c, const struct page *p)
{
    ASSERT(p->refs > 0);
    ASSERT(p->count > 0);
    for (unsigned i = 0; i < p->count; i++) {
        if (p->level == 0) {
            check_entry(c, p, i);
            continue;
        }
        ASSERT(page_child(p, i)->level == p->level - 1);
        if (i > 0)
            check_separator(c, p, i);
        check_page(c, page_child(p, i));
    }
}

void tree_check(const struct tree *t)
{
    struct checker c = {0};

    buf_init(&c.previous, NULL);
    if (t->root != NULL)
        check_page(&c, t->root);
    ASSERT(c.entries == t->entries);
    buf_deinit(&c.previous);
}
