/* Merging goes by a heap of the runs' first rows. Equal rows come out by their run's number, so
 * that the whole stays a stable sort. */
#include "sql/exec/sort_runs.h"

#include <string.h>

#include "base/assert.h"

/* Runs merged at a time: each has a block in memory. */
enum { FAN_IN = 32 };

struct source { /* of a merge */
    struct spill_reader *reader;
    struct arena        *arena; /* of `row` */
    struct kept_row      row;
    size_t               number;
};

struct sort_runs {
    struct op              *op;
    const struct row_shape *shape;
    struct spill_file      *file;
    struct arena           *arena;
    struct spill_tape     **runs;
    size_t                  count, capacity;
    struct source           sources[FAN_IN];
    size_t                  source_count; /* opened */
    struct source          *heap[FAN_IN]; /* the least row first */
    size_t                  heap_count;
};

status sort_runs_new(struct op *op, const struct row_shape *shape, struct sort_runs **out)
{
    struct arena     *a = arena_new(arena_heap(op->arena), &op->x->account);
    struct sort_runs *r = ARENA_NEW(a, struct sort_runs);

    r->op = op;
    r->shape = shape;
    r->arena = a;
    *out = r;
    return spill_open(op, &r->file);
}

static void close_sources(struct sort_runs *r)
{
    for (size_t i = 0; i < r->source_count; i++) {
        spill_read_close(r->sources[i].reader);
        arena_free(r->sources[i].arena);
    }
    r->source_count = r->heap_count = 0;
}

void sort_runs_free(struct sort_runs *r)
{
    if (r == NULL)
        return;
    close_sources(r);
    spill_close(r->file);
    arena_free(r->arena);
}

static void push_run(struct sort_runs *r, struct spill_tape *t)
{
    if (r->count == r->capacity) {
        size_t capacity = r->capacity == 0 ? 16 : r->capacity * 2;

        r->runs = arena_realloc(r->arena, r->runs, r->capacity * sizeof *r->runs,
                                capacity * sizeof *r->runs);
        r->capacity = capacity;
    }
    r->runs[r->count++] = t;
}

status sort_runs_add(struct sort_runs *r, const struct kept_row *rows, size_t count)
{
    struct spill_tape *t = spill_tape_new(r->file, r->shape);

    push_run(r, t);
    for (size_t i = 0; i < count; i++)
        TRY_RETURN(spill_write(t, 0, rows[i].values, rows[i].nulls));
    return spill_finish(t);
}

/* ---- the heap -----------------------------------------------------------------------------------
 */

static bool comes_before(const struct sort_runs *r, const struct source *x, const struct source *y)
{
    const struct plan_node *n = r->op->node;
    int                     c = row_compare(n->sort.keys, n->sort.key_count, &x->row, &y->row);

    return c != 0 ? c < 0 : x->number < y->number;
}

static void sift_down(struct sort_runs *r, size_t at)
{
    for (;;) {
        size_t         child = 2 * at + 1;
        struct source *s;

        if (child >= r->heap_count)
            return;
        if (child + 1 < r->heap_count && comes_before(r, r->heap[child + 1], r->heap[child]))
            child++;
        if (!comes_before(r, r->heap[child], r->heap[at]))
            return;
        s = r->heap[at];
        r->heap[at] = r->heap[child];
        r->heap[child] = s;
        at = child;
    }
}

static status source_open(struct sort_runs *r, struct spill_tape *run)
{
    struct source *s = &r->sources[r->source_count];
    status         st;

    *s = (struct source){.number = r->source_count};
    TRY_RETURN(spill_read_open(run, true, &s->reader));
    s->arena = arena_new(arena_heap(r->arena), &r->op->x->account);
    r->source_count++;
    st = spill_read(s->reader, s->arena, &s->row, NULL);
    if (st == STATUS_NO_DATA)
        return STATUS_OK;
    TRY_RETURN(st);
    r->heap[r->heap_count++] = s;
    return STATUS_OK;
}

static status open_sources(struct sort_runs *r, size_t first, size_t count)
{
    ASSERT(count <= FAN_IN);
    close_sources(r);
    for (size_t i = 0; i < count; i++)
        TRY_RETURN(source_open(r, r->runs[first + i]));
    for (size_t i = r->heap_count; i > 0; i--)
        sift_down(r, i - 1);
    return STATUS_OK;
}

/* The least row has been used. */
static status advance(struct sort_runs *r)
{
    struct source *s = r->heap[0];
    status         st;

    arena_reset(s->arena);
    st = spill_read(s->reader, s->arena, &s->row, NULL);
    if (st == STATUS_NO_DATA)
        r->heap[0] = r->heap[--r->heap_count];
    else
        TRY_RETURN(st);
    sift_down(r, 0);
    return STATUS_OK;
}

/* ---- merging ------------------------------------------------------------------------------------
 */

static status merge(struct sort_runs *r, size_t first, size_t count)
{
    struct spill_tape *t = spill_tape_new(r->file, r->shape);

    TRY_RETURN(open_sources(r, first, count));
    while (r->heap_count > 0) {
        const struct kept_row *row = &r->heap[0]->row;

        TRY_RETURN(spill_write(t, 0, row->values, row->nulls));
        TRY_RETURN(advance(r));
        if (spill_tape_rows(t) % BATCH_ROWS_MAX == 0)
            TRY_RETURN(sql_check_interrupts(r->op->x->c));
    }
    close_sources(r);
    for (size_t i = 0; i < count; i++)
        spill_tape_drop(r->runs[first + i]);
    r->runs[first] = t;
    return spill_finish(t);
}

/* Neighbours are merged, so that the order among equal rows stays. */
static status merge_pass(struct sort_runs *r)
{
    size_t kept = 0;

    for (size_t i = 0; i < r->count; i += FAN_IN) {
        size_t count = MIN(r->count - i, (size_t)FAN_IN);

        if (count > 1)
            TRY_RETURN(merge(r, i, count));
        r->runs[kept++] = r->runs[i];
    }
    r->count = kept;
    return STATUS_OK;
}

status sort_runs_start(struct sort_runs *r)
{
    while (r->count > FAN_IN)
        TRY_RETURN(merge_pass(r));
    return open_sources(r, 0, r->count);
}

status sort_runs_next(struct sort_runs *r, struct arena *a, struct kept_row *out)
{
    const struct kept_row *row;
    size_t                 n = r->shape->count;

    if (r->heap_count == 0)
        return STATUS_NO_DATA;
    row = &r->heap[0]->row;
    out->values = arena_alloc(a, n * (sizeof(datum) + sizeof(bool)) + 1);
    out->nulls = (bool *)(out->values + n);
    memcpy(out->values, row->values, n * sizeof(datum));
    memcpy(out->nulls, row->nulls, n);
    for (size_t i = 0; i < n; i++) {
        if (r->shape->is_slice[i] && !out->nulls[i])
            out->values[i].s = arena_copy(a, row->values[i].s);
    }
    return advance(r);
}
