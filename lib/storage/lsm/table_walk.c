#include "storage/lsm/table_walk.h"

#include <inttypes.h>

#include "base/sort.h"
#include "storage/lsm/bloom.h"

/* Where a block lies. */
struct extent {
    uint64_t offset, size;
};

/* A separator, or none: then there is no bound. */
struct bound {
    slice  key;
    hlc_ts ts;
};

/* What the index says of a block: its entries are behind `low` and not behind `high`. */
struct span {
    struct bound low, high;
};

struct walk {
    struct lsm_table        *t;
    const struct table_walk *o;
    struct heap             *heap;
    struct block            *filter; /* of the partition; NULL: it cannot be read */
    struct buf               first_key, last_key;
    hlc_ts                   first_ts, last_ts;
    struct table_properties  seen;
    struct extent           *extents;
    size_t                   extent_count, extent_capacity;
    bool                     is_partial;  /* not all was read: bounds, or damage */
    bool                     is_overfull; /* more blocks than the file can have: the end */
};

const char *table_block_kind_name(enum table_block_kind kind)
{
    static const char *const names[] = {"data", "value", "filter", "index", "clears", "properties"};

    return names[kind];
}

/* ---- what is said ----------------------------------------------------------------------------
 */

/* Takes `error`. */
static status tell(struct walk *w, uint64_t offset, const struct span *s, status error)
{
    struct table_fault f = {.offset = offset,
                            .least = s != NULL ? s->low.key : SLICE_EMPTY,
                            .greatest = s != NULL ? s->high.key : SLICE_EMPTY,
                            .error = error};
    status             st = w->o->fault(w->o->ctx, &f);

    st_clear(error);
    return st;
}

/* Tell of a block what cannot be so. */
static status tell_block(struct walk *w, uint64_t offset, const struct span *s, const char *what)
{
    return tell(w, offset, s,
                status_new(ST_CORRUPT, "file \"%s\", block at %" PRIu64 ": %s",
                           lsm_table_file_path(w->t), offset, what));
}

static status show_block(struct walk *w, enum table_block_kind kind, unsigned level,
                         const struct block_handle *h, uint64_t count, const struct span *s)
{
    struct table_block b = {.kind = kind, .level = level, .handle = *h, .count = count};

    if (s != NULL) {
        b.least = s->low.key;
        b.greatest = s->high.key;
    }
    return w->o->block != NULL ? w->o->block(w->o->ctx, &b) : STATUS_OK;
}

/* NO_DATA: blocks are named over and over, as many levels deep as an index may be; that never ends.
 */
static status note_extent(struct walk *w, const struct block_handle *h)
{
    if (w->extent_count == w->extent_capacity) {
        w->extent_capacity = MAX(2 * w->extent_capacity, (size_t)256);
        w->extents = heap_realloc(w->heap, w->extents, w->extent_capacity * sizeof *w->extents);
        if (w->extents == NULL)
            return STATUS_OOM;
    }
    w->extents[w->extent_count++] = (struct extent){h->offset, h->size};
    if (w->extent_count <= lsm_table_properties(w->t)->file_size / BLOCK_TRAILER_SIZE)
        return STATUS_OK;
    w->is_overfull = true;
    TRY_RETURN(
        tell(w, h->offset, NULL,
             status_new(ST_CORRUPT, "file \"%s\": its index names more blocks than it has room for",
                        lsm_table_file_path(w->t))));
    return STATUS_NO_DATA;
}

/* Read a block and note where it is. NULL in *out: it is damaged, which has been told. */
static status read_block(struct walk *w, const struct block_handle *h, int kind,
                         const struct span *s, struct block **out)
{
    status st;

    *out = NULL;
    TRY_RETURN(note_extent(w, h));
    st = lsm_table_block(w->t, h, kind, out);
    if (st_ok(st))
        return st;
    *out = NULL;
    if (status_code(st) != ST_CORRUPT)
        return st;
    w->is_partial = true;
    return tell(w, h->offset, s, st);
}

/* ---- entries ---------------------------------------------------------------------------------
 */

static bool is_behind(const struct bound *b, slice key, hlc_ts ts)
{
    return b->key.size > 0 && lsm_entry_cmp(key, ts, b->key, b->ts) > 0;
}

static bool is_before(slice key, slice bound)
{
    return bound.size > 0 && slice_cmp(key, bound) < 0;
}

static void count_entry(struct walk *w, const struct lsm_entry *e, uint64_t value_size)
{
    struct table_properties *p = &w->seen;

    if (p->entries == 0) {
        buf_set(&w->first_key, e->key);
        w->first_ts = e->ts;
    }
    if (e->key.data[0] != LSM_SPACE_META) {
        p->ts_min = p->ts_max == 0 ? e->ts : MIN(p->ts_min, e->ts);
        p->ts_max = MAX(p->ts_max, e->ts);
    }
    p->keys += p->entries == 0 || !slice_eq(buf_slice(&w->last_key), e->key);
    p->entries++;
    p->tombstones += e->kind == LSM_TOMBSTONE;
    p->cleared += e->kind == LSM_CLEARED;
    p->raw_key_size += e->key.size;
    p->raw_value_size += value_size;
}

/* The entry's place among its neighbours, between its separators, and in its filter. */
static status check_entry(struct walk *w, const struct lsm_entry *e, uint64_t offset,
                          const struct span *s)
{
    if (w->seen.entries > 0 &&
        lsm_entry_cmp(buf_slice(&w->last_key), w->last_ts, e->key, e->ts) >= 0)
        return tell_block(w, offset, s, "entries are out of order");
    if (is_behind(&s->high, e->key, e->ts))
        return tell_block(w, offset, s, "an entry is behind its separator");
    if (s->low.key.size > 0 && !is_behind(&s->low, e->key, e->ts))
        return tell_block(w, offset, s, "an entry is not behind the separator before its block");
    if (w->filter != NULL && !bloom_may_contain(block_raw(w->filter), bloom_hash(e->key)))
        return tell_block(w, offset, s, "a key is not in its filter");
    return STATUS_OK;
}

/* The value that lies elsewhere, left in *held (NULL: not read). */
static status read_value(struct walk *w, const struct lsm_entry *e, const struct block_handle *h,
                         struct block **held)
{
    struct span s = {.low = {.key = e->key}, .high = {.key = e->key}};

    w->seen.value_blocks++;
    w->seen.data_size += h->size;
    *held = NULL;
    if (w->o->skip_values)
        TRY_RETURN(note_extent(w, h));
    else
        TRY_RETURN(read_block(w, h, LSM_TABLE_VALUE, &s, held));
    return show_block(w, TABLE_BLOCK_VALUE, 0, h, 0, &s);
}

static status show_entry(struct walk *w, const struct lsm_entry *e, uint64_t value_size)
{
    if (w->o->entry == NULL || is_before(e->key, w->o->start) ||
        (w->o->end.size > 0 && !is_before(e->key, w->o->end)))
        return STATUS_OK;
    return w->o->entry(w->o->ctx, e, value_size);
}

static status walk_entry(struct walk *w, const struct block_cursor *c, uint64_t offset,
                         const struct span *s)
{
    struct lsm_entry e = c->entry;
    struct block    *held = NULL;
    uint64_t         value_size = c->is_elsewhere ? c->elsewhere.raw_size : e.value.size;
    status           st;

    TRY_RETURN(check_entry(w, &e, offset, s));
    if (c->is_elsewhere)
        TRY_RETURN(read_value(w, &e, &c->elsewhere, &held));
    if (held != NULL)
        e.value = block_raw(held);
    count_entry(w, &e, value_size);
    buf_set(&w->last_key, e.key);
    w->last_ts = e.ts;
    st = show_entry(w, &e, value_size);
    heap_free(held);
    return st;
}

static status walk_data(struct walk *w, const struct block_handle *h, const struct span *s)
{
    struct block       *b;
    struct block_cursor c;
    status              st;

    TRY_RETURN(read_block(w, h, 0, s, &b));
    w->seen.data_blocks++;
    w->seen.data_size += h->size;
    if (b == NULL)
        return show_block(w, TABLE_BLOCK_DATA, 0, h, 0, s);
    block_cursor_init(&c, w->heap);
    block_cursor_set(&c, b);
    st = show_block(w, TABLE_BLOCK_DATA, 0, h, block_count(b), s);
    for (block_cursor_first(&c); st_ok(st) && c.valid; block_cursor_next(&c))
        st = walk_entry(w, &c, h->offset, s);
    block_cursor_deinit(&c);
    heap_free(b);
    return st;
}

/* ---- the index -------------------------------------------------------------------------------
 */

/* Whether what lies in the span is asked for. A separator's key may have entries on both sides. */
static bool is_wanted(const struct walk *w, const struct span *s)
{
    if (s->high.key.size > 0 && is_before(s->high.key, w->o->start))
        return false;
    return w->o->end.size == 0 || s->low.key.size == 0 || is_before(s->low.key, w->o->end);
}

static status walk_index(struct walk *w, const struct block_handle *h, unsigned level,
                         const struct span *s);

static status walk_partition(struct walk *w, const struct block_child *child, const struct span *s)
{
    status st;

    TRY_RETURN(read_block(w, &child->filter, LSM_TABLE_FILTER, s, &w->filter));
    st = show_block(w, TABLE_BLOCK_FILTER, 0, &child->filter, 0, s);
    if (st_ok(st))
        st = walk_index(w, &child->block, 1, s);
    heap_free(w->filter);
    w->filter = NULL;
    return st;
}

static status walk_child(struct walk *w, const struct block_child *child, unsigned level,
                         const struct span *s)
{
    if (!is_wanted(w, s)) {
        w->is_partial = true;
        return STATUS_OK;
    }
    if (level == 1)
        return walk_data(w, &child->block, s);
    return level == 2 ? walk_partition(w, child, s) : walk_index(w, &child->block, level - 1, s);
}

/* The separator at the cursor against those around the block. */
static status check_separator(struct walk *w, const struct block_cursor *c, uint64_t offset,
                              const struct span *s)
{
    const struct lsm_entry *e = &c->entry;

    if (is_behind(&s->high, e->key, e->ts))
        return tell_block(w, offset, s, "a separator is behind the one above it");
    if (s->low.key.size > 0 && !is_behind(&s->low, e->key, e->ts))
        return tell_block(w, offset, s, "a separator is not behind the one before its block");
    return STATUS_OK;
}

static status walk_children(struct walk *w, const struct block *b, const struct block_handle *h,
                            unsigned level, const struct span *s)
{
    struct span         child = {.low = s->low};
    struct block_cursor c;
    struct buf          low;
    status              st = STATUS_OK;

    buf_init(&low, w->heap);
    block_cursor_init(&c, w->heap);
    block_cursor_set(&c, b);
    for (block_cursor_first(&c); st_ok(st) && c.valid; block_cursor_next(&c)) {
        struct block_child at = block_child(b, c.pos);

        TRY(st, check_separator(w, &c, h->offset, s), out);
        child.high = (struct bound){c.entry.key, c.entry.ts};
        TRY(st, walk_child(w, &at, level, &child), out);
        buf_set(&low, c.entry.key);
        child.low = (struct bound){buf_slice(&low), c.entry.ts};
    }
out:
    block_cursor_deinit(&c);
    buf_deinit(&low);
    return st;
}

static status walk_index(struct walk *w, const struct block_handle *h, unsigned level,
                         const struct span *s)
{
    struct block *b;
    status        st;

    TRY_RETURN(read_block(w, h, (int)level, s, &b));
    st = show_block(w, TABLE_BLOCK_INDEX, level, h, b != NULL ? block_count(b) : 0, s);
    if (st_ok(st) && b != NULL)
        st = walk_children(w, b, h, level, s);
    heap_free(b);
    return st;
}

/* ---- the whole -------------------------------------------------------------------------------
 */

static int compare_extents(const void *a, const void *b, void *ctx)
{
    const struct extent *x = a, *y = b;

    (void)ctx;
    return (x->offset > y->offset) - (x->offset < y->offset);
}

/* Every byte before the footer belongs to one block: so each is under a checksum. */
static status check_extents(struct walk *w)
{
    uint64_t size = lsm_table_properties(w->t)->file_size, at = 0;

    size -= table_footer_size(lsm_table_footer(w->t));
    sort_stable(w->heap, w->extents, w->extent_count, sizeof *w->extents, compare_extents, NULL);
    for (size_t i = 0; i < w->extent_count && w->extents[i].offset == at; i++)
        at += w->extents[i].size;
    if (at == size)
        return STATUS_OK;
    return tell(w, at, NULL,
                status_new(ST_CORRUPT, "file \"%s\": no block, or a second one, begins at %" PRIu64,
                           lsm_table_file_path(w->t), at));
}

/* What the content says of the bounds: docs/formats.md. */
static void note_bounds(struct walk *w)
{
    struct table_properties *p = &w->seen;
    size_t                   count;
    const struct lsm_clear  *clears = lsm_table_clears(w->t, &count);

    p->least_key = buf_slice(&w->first_key);
    p->least_ts = w->first_ts;
    p->greatest_key = buf_slice(&w->last_key);
    p->greatest_ts = w->last_ts;
    p->clears = count;
    if (count == 0)
        return;
    if (p->entries == 0 ||
        lsm_entry_cmp(clears[0].start, UINT64_MAX, p->least_key, p->least_ts) < 0) {
        p->least_key = clears[0].start;
        p->least_ts = UINT64_MAX;
    }
    if (p->entries == 0 ||
        lsm_entry_cmp(clears[count - 1].end, UINT64_MAX, p->greatest_key, p->greatest_ts) > 0) {
        p->greatest_key = clears[count - 1].end;
        p->greatest_ts = UINT64_MAX;
    }
}

static const char *find_difference(const struct table_properties *p,
                                   const struct table_properties *seen)
{
    if (seen->entries != p->entries || seen->keys != p->keys || seen->tombstones != p->tombstones ||
        seen->cleared != p->cleared || seen->clears != p->clears)
        return "count other entries than it has";
    if (seen->ts_min != p->ts_min || seen->ts_max != p->ts_max)
        return "have other timestamps than its entries";
    if (seen->raw_key_size != p->raw_key_size || seen->raw_value_size != p->raw_value_size ||
        seen->data_size != p->data_size || seen->data_blocks != p->data_blocks ||
        seen->value_blocks != p->value_blocks)
        return "have other sizes than its blocks";
    if (!slice_eq(seen->least_key, p->least_key) || seen->least_ts != p->least_ts ||
        !slice_eq(seen->greatest_key, p->greatest_key) || seen->greatest_ts != p->greatest_ts)
        return "have other bounds than its entries";
    return NULL;
}

static status check_properties(struct walk *w)
{
    const char *what = find_difference(lsm_table_properties(w->t), &w->seen);
    uint64_t    offset = lsm_table_footer(w->t)->properties.offset;

    if (what == NULL)
        return STATUS_OK;
    return tell(w, offset, NULL,
                status_new(ST_CORRUPT, "file \"%s\", block at %" PRIu64 ": the properties %s",
                           lsm_table_file_path(w->t), offset, what));
}

/* What was read and checked when the table was opened. */
static status walk_rest(struct walk *w)
{
    const struct table_footer *f = lsm_table_footer(w->t);
    size_t                     count;

    (void)lsm_table_clears(w->t, &count);
    if (f->clears.size > 0) {
        TRY_RETURN(note_extent(w, &f->clears));
        TRY_RETURN(show_block(w, TABLE_BLOCK_CLEARS, 0, &f->clears, count, NULL));
    }
    TRY_RETURN(note_extent(w, &f->properties));
    return show_block(w, TABLE_BLOCK_PROPERTIES, 0, &f->properties, 1, NULL);
}

static status walk_all(struct walk *w)
{
    const struct table_footer *f = lsm_table_footer(w->t);
    struct span                all = {.low = {.ts = 0}};

    if (f->index_level > 0)
        TRY_RETURN(walk_index(w, &f->index, f->index_level, &all));
    TRY_RETURN(walk_rest(w));
    if (w->is_partial)
        return STATUS_OK;
    note_bounds(w);
    TRY_RETURN(check_extents(w));
    return check_properties(w);
}

status lsm_table_walk(struct lsm_table *t, const struct table_walk *o)
{
    struct walk w = {.t = t, .o = o, .heap = lsm_table_heap(t)};
    status      st;

    buf_init(&w.first_key, w.heap);
    buf_init(&w.last_key, w.heap);
    st = walk_all(&w);
    buf_deinit(&w.first_key);
    buf_deinit(&w.last_key);
    heap_free(w.filter);
    heap_free(w.extents);
    return w.is_overfull && st == STATUS_NO_DATA ? STATUS_OK : st;
}

static status first_fault(void *ctx, const struct table_fault *f)
{
    (void)ctx;
    return status_copy(f->error);
}

status lsm_table_verify(struct lsm_table *t)
{
    return lsm_table_walk(t, &(struct table_walk){.fault = first_fault});
}
