/* A pick: what its tables span, what is older and newer around them, and the questions that a merge
 * asks of it. */
#include "base/assert.h"
#include "storage/lsm/picker_internal.h"

/* ---- making
 * ------------------------------------------------------------------------------------------ */

unsigned pick_level_below(const struct pick_context *c, unsigned level)
{
    unsigned below = level + 1;

    ASSERT(level < LSM_LEVELS - 1);
    while (c->targets[below] == 0 && c->version->levels[below].count == 0)
        below++;
    return below; /* the last level has a target at all times */
}

bool pick_is_busy(const struct pick_context *c, const struct version_table *t)
{
    return umap_has(&c->busy, t->meta.number);
}

void pick_put_end(struct buf *out, const struct table_meta *t)
{
    buf_append_slice(out, t->greatest);
    if (!t->greatest_open)
        buf_put_u8(out, 0); /* the key that follows it directly */
}

/* Widen the pick's span, kept in two buffers, by a table. */
static void widen(struct buf *start, struct buf *end, const struct table_meta *t, bool is_first)
{
    struct buf table_end;

    buf_init(&table_end, end->heap);
    pick_put_end(&table_end, t);
    if (is_first || slice_cmp(t->least, buf_slice(start)) < 0) {
        buf_reset(start);
        buf_append_slice(start, t->least);
    }
    if (is_first || slice_cmp(buf_slice(&table_end), buf_slice(end)) > 0) {
        buf_reset(end);
        buf_append_slice(end, buf_slice(&table_end));
    }
    buf_deinit(&table_end);
}

static struct version_table **copy_tables(struct heap *heap, struct version_table *const *tables,
                                          size_t count)
{
    struct version_table **copy = heap_must_alloc(heap, count + 1, sizeof *copy);

    if (count > 0)
        memcpy(copy, tables, count * sizeof *copy);
    return copy;
}

/* The tables of the output level that overlap; all of them are needed. False: one is busy. */
static bool take_below(const struct pick_context *c, struct pick *pk, slice start, slice end)
{
    const struct version_level *l = &c->version->levels[pk->output_level];
    size_t                      first;

    if (pk->level == pk->output_level)
        return true;
    pk->below_count = version_overlaps(c->version, pk->output_level, start, end, &first);
    pk->below = copy_tables(pk->heap, l->tables + first, pk->below_count);
    for (size_t i = 0; i < pk->below_count; i++) {
        if (pick_is_busy(c, pk->below[i]))
            return false;
        pk->input_size += pk->below[i]->meta.size;
    }
    return true;
}

static bool spans_overlap(const struct pick *a, const struct pick *b)
{
    return slice_cmp(a->start, b->end) < 0 && slice_cmp(b->start, a->end) < 0;
}

/* A running pick that will put tables where this one does, or above it but below where this one
 * takes from, would overlap its outputs or end up above what is newer. */
static bool is_in_the_way(const struct pick *running, const struct pick *pk)
{
    bool lands_between =
        running->output_level > pk->level && running->output_level <= pk->output_level;

    return (lands_between || running->output_level == pk->output_level) &&
           spans_overlap(running, pk);
}

static bool has_table(const struct pick *pk, const struct version_table *t)
{
    for (size_t i = 0; i < pk->input_count; i++)
        if (pk->inputs[i]->meta.number == t->meta.number)
            return true;
    for (size_t i = 0; i < pk->below_count; i++)
        if (pk->below[i]->meta.number == t->meta.number)
            return true;
    return false;
}

bool picks_are_apart(const struct pick *a, const struct pick *b)
{
    for (size_t i = 0; i < a->input_count; i++)
        if (has_table(b, a->inputs[i]))
            return false;
    for (size_t i = 0; i < a->below_count; i++)
        if (has_table(b, a->below[i]))
            return false;
    return a->output_level != b->output_level || !spans_overlap(a, b);
}

static void note_older(struct pick *pk)
{
    for (unsigned level = pk->output_level + 1; level < LSM_LEVELS; level++) {
        struct pick_bounds *b = &pk->older[level];
        size_t              first;

        b->count = version_overlaps(pk->version, level, pk->start, pk->end, &first);
        if (b->count == 0)
            continue;
        pk->has_older = true;
        b->tables = heap_must_alloc(pk->heap, b->count, sizeof *b->tables);
        for (size_t i = 0; i < b->count; i++)
            b->tables[i] = &pk->version->levels[level].tables[first + i]->meta;
    }
}

static bool are_apart(const struct pick *pk)
{
    for (size_t i = 0; i < pk->input_count; i++)
        for (size_t k = 0; k < i; k++) {
            const struct table_meta *a = &pk->inputs[i]->meta, *b = &pk->inputs[k]->meta;

            if (!table_meta_is_before(a, b) && !table_meta_is_before(b, a))
                return false;
        }
    return true;
}

static uint64_t grandparent_bytes(const struct pick *pk, const struct table_meta *t)
{
    uint64_t size = 0;

    for (size_t i = 0; i < pk->grandparents.count; i++)
        if (!table_meta_is_before(t, pk->grandparents.tables[i]) &&
            !table_meta_is_before(pk->grandparents.tables[i], t))
            size += pk->grandparents.tables[i]->size;
    return size;
}

/* Whether it is as well to move the tables as they are: nothing to merge them with, nothing to
 * drop, none so small that one with the others would be better, none that would be dear to move on.
 */
static bool may_move(const struct pick_context *c, const struct pick *pk)
{
    uint64_t size_min = c->picker->options.table_size / 4;

    if (pk->below_count > 0 || pk->level == pk->output_level || pk->reason == PICK_GARBAGE ||
        !are_apart(pk))
        return false;
    if (pk->input_count > 1 && pk->input_size / pk->input_count < size_min)
        return false;
    for (size_t i = 0; i < pk->input_count; i++) {
        const struct table_meta *t = &pk->inputs[i]->meta;

        if (!pk->has_older && t->cleared + t->clears > 0)
            return false;
        if (grandparent_bytes(pk, t) > pk->grandparents_max_bytes)
            return false;
    }
    return true;
}

/* Everything of the pick but what runs beside it. False: a busy table is in the way. */
static bool fill(const struct pick_context *c, struct pick *pk)
{
    struct buf start, end;
    bool       ok;

    buf_init(&start, pk->heap);
    buf_init(&end, pk->heap);
    for (size_t i = 0; i < pk->input_count; i++) {
        ASSERT(!pick_is_busy(c, pk->inputs[i]));
        widen(&start, &end, &pk->inputs[i]->meta, i == 0);
        pk->input_size += pk->inputs[i]->meta.size;
    }
    ok = take_below(c, pk, buf_slice(&start), buf_slice(&end));
    for (size_t i = 0; i < pk->below_count; i++)
        widen(&start, &end, &pk->below[i]->meta, false);
    pk->start = buf_slice(&start); /* the pick owns both from here on */
    pk->end = buf_slice(&end);
    return ok;
}

struct pick *pick_make(const struct pick_context *c, enum pick_reason reason, unsigned level,
                       unsigned output_level, struct version_table *const *tables, size_t count)
{
    const struct picker_options *o = &c->picker->options;
    struct pick                 *pk = heap_must_alloc(c->picker->heap, 1, sizeof *pk);

    ASSERT(count > 0);
    ASSERT(output_level >= level && output_level > 0);
    pk->heap = c->picker->heap;
    pk->reason = reason;
    pk->level = level;
    pk->output_level = output_level;
    pk->version = version_ref(c->version);
    pk->inputs = copy_tables(pk->heap, tables, count);
    pk->input_count = count;
    if (!fill(c, pk))
        goto busy;
    for (size_t i = 0; i < c->running_count; i++)
        if (is_in_the_way(c->running[i], pk))
            goto busy;
    note_older(pk);
    if (output_level < LSM_LEVELS - 1)
        pk->grandparents = pk->older[pick_level_below(c, output_level)];
    pk->grandparents_max_bytes = o->grandparents_max * o->table_size;
    pk->cut_size = o->table_size / 8 * 5;
    pk->is_move = may_move(c, pk);
    return pk;

busy:
    pick_free(pk);
    return NULL;
}

static void free_slice(slice s)
{
    union {
        const char *borrowed;
        void       *owned;
    } p = {.borrowed = s.data};

    heap_free(p.owned);
}

void pick_free(struct pick *pk)
{
    if (pk == NULL)
        return;
    for (unsigned level = 0; level < LSM_LEVELS; level++)
        heap_free(pk->older[level].tables);
    free_slice(pk->start);
    free_slice(pk->end);
    heap_free(pk->inputs);
    heap_free(pk->below);
    version_unref(pk->version);
    heap_free(pk);
}

void pick_edit(const struct pick *pk, struct manifest_edit *e)
{
    for (size_t i = 0; i < pk->input_count; i++)
        manifest_edit_remove(e, pk->level, pk->inputs[i]->meta.number);
    for (size_t i = 0; i < pk->below_count; i++)
        manifest_edit_remove(e, pk->output_level, pk->below[i]->meta.number);
    for (size_t i = 0; pk->is_move && i < pk->input_count; i++) {
        struct table_meta t = pk->inputs[i]->meta;

        t.level = pk->output_level;
        manifest_edit_add(e, &t);
    }
}

/* ---- asked during the merge
 * -------------------------------------------------------------------------- */

/* Position of the first table from `at` on that reaches to `key` or behind. */
static size_t advance(const struct pick_bounds *b, size_t at, slice key)
{
    while (at < b->count && !table_meta_overlaps(b->tables[at], key, SLICE_EMPTY))
        at++;
    return at;
}

bool pick_older_holds(const struct pick *pk, struct pick_older_cursor *c, slice key)
{
    for (unsigned level = pk->output_level + 1; level < LSM_LEVELS; level++) {
        const struct pick_bounds *b = &pk->older[level];

        c->at[level] = advance(b, c->at[level], key);
        if (c->at[level] < b->count && slice_cmp(b->tables[c->at[level]]->least, key) <= 0)
            return true;
    }
    return false;
}

bool pick_older_overlaps(const struct pick *pk, slice start, slice end)
{
    for (unsigned level = pk->output_level + 1; level < LSM_LEVELS; level++)
        for (size_t i = 0; i < pk->older[level].count; i++)
            if (table_meta_overlaps(pk->older[level].tables[i], start, end))
                return true;
    return false;
}

bool pick_cutter_before(const struct pick *pk, struct pick_cutter *c, slice key, uint64_t size)
{
    size_t at = advance(&pk->grandparents, c->at, key);
    bool   is_between = at > c->at;

    for (; c->at < at; c->at++)
        c->overlapped += pk->grandparents.tables[c->at]->size;
    if (c->overlapped <= pk->grandparents_max_bytes && !(is_between && size >= pk->cut_size))
        return false;
    c->overlapped = 0;
    return true;
}

void pick_cutter_restart(const struct pick *pk, struct pick_cutter *c, slice key)
{
    c->at = advance(&pk->grandparents, c->at, key);
    c->overlapped = 0;
}
