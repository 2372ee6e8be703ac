/* Order: sorting (of the first rows only, where a LIMIT above says so), dropping equal neighbours,
 * LIMIT and OFFSET. */
#include <string.h>

#include "base/assert.h"
#include "base/sort.h"
#include "sql/exec/sort_runs.h"

struct sort_op {
    struct op         op;
    struct batch      raw;
    struct row_shape  shape;
    struct kept_row  *rows;
    size_t            count, capacity, at;
    size_t            top; /* 0: all; else only so many of the first are wanted */
    bool              sorted;
    struct sort_runs *runs; /* what did not fit; NULL: all did */
};

static status sort_open(struct op *op)
{
    struct sort_op *o = (struct sort_op *)op;

    for (size_t i = 0; i < op->node->sort.key_count; i++) {
        const struct type *t = op->node->sort.keys[i].type;

        if (t == NULL || t->compare == NULL)
            return status_new(ST_UNDEFINED_FUNCTION,
                              "could not identify an ordering operator for type %s",
                              t != NULL ? t->sql_name : "unknown");
    }
    batch_init(op->x, &o->raw, op->node->raw_types, op->node->raw_count);
    row_shape_from_types(op->x, op->node->raw_types, op->node->raw_count, &o->shape);
    return STATUS_OK;
}

static status sort_rewind(struct op *op)
{
    struct sort_op *o = (struct sort_op *)op;

    sort_runs_free(o->runs);
    o->runs = NULL;
    o->rows = NULL;
    o->count = o->capacity = o->at = 0;
    o->sorted = false;
    return op_rewind(op->left);
}

void sort_set_top(struct op *op, size_t rows)
{
    ((struct sort_op *)op)->top = rows;
}

enum { COMPARISONS_PER_CHECK = 1 << 14 };

struct comparing {
    struct op *op;
    unsigned   count;
    status     st; /* not OK: the sort runs out with all rows equal */
};

static int compare_rows(const void *x, const void *y, void *ctx)
{
    struct comparing       *c = ctx;
    const struct plan_node *n = c->op->node;

    if (++c->count % COMPARISONS_PER_CHECK == 0 && st_ok(c->st))
        c->st = sql_check_interrupts(c->op->x->c);
    return st_ok(c->st) ? row_compare(n->sort.keys, n->sort.key_count, x, y) : 0;
}

static status sort_rows(struct sort_op *o)
{
    struct comparing c = {.op = &o->op};

    sort_stable(arena_heap(o->op.arena), o->rows, o->count, sizeof *o->rows, compare_rows, &c);
    return c.st;
}

/* With a top, sort what has gathered and forget the rest, so that memory stays with the top rows:
 * moved to an arena of their own, the old one is emptied. */
static status cut_top(struct sort_op *o)
{
    struct arena *a;

    TRY_RETURN(sort_rows(o));
    a = arena_new(arena_heap(o->op.arena), &o->op.x->account);
    o->count = MIN(o->count, o->top);
    for (size_t i = 0; i < o->count; i++) {
        struct kept_row from = o->rows[i], to;
        size_t          n = o->shape.count;

        to.values = arena_alloc(a, n * (sizeof(datum) + sizeof(bool)) + 1);
        to.nulls = (bool *)(to.values + n);
        memcpy(to.values, from.values, n * sizeof(datum));
        memcpy(to.nulls, from.nulls, n);
        for (size_t k = 0; k < n; k++) {
            if (o->shape.is_slice[k] && !to.nulls[k])
                to.values[k].s = arena_copy(a, from.values[k].s);
        }
        o->rows[i] = to;
    }
    struct kept_row *rows = arena_alloc(a, o->capacity * sizeof *rows);

    memcpy(rows, o->rows, o->count * sizeof *rows);
    arena_free(o->op.arena);
    o->op.arena = a;
    o->rows = rows;
    return STATUS_OK;
}

static void sort_add(struct sort_op *o, struct kept_row r)
{
    if (o->count == o->capacity) {
        size_t capacity = o->capacity == 0 ? 64 : o->capacity * 2;

        o->rows = arena_realloc(o->op.arena, o->rows, o->capacity * sizeof *o->rows,
                                capacity * sizeof *o->rows);
        o->capacity = capacity;
    }
    o->rows[o->count++] = r;
}

static void note_memory(struct sort_op *o)
{
    struct op_stats *s = &o->op.stats;

    s->memory_bytes = MAX(s->memory_bytes, arena_size(o->op.arena));
}

/* Sort what has gathered, write it out and begin anew. */
static status spill_run(struct sort_op *o)
{
    note_memory(o);
    if (o->runs == NULL)
        TRY_RETURN(sort_runs_new(&o->op, &o->shape, &o->runs));
    TRY_RETURN(sort_rows(o));
    TRY_RETURN(sort_runs_add(o->runs, o->rows, o->count));
    arena_reset(o->op.arena);
    o->rows = NULL;
    o->count = o->capacity = 0;
    return STATUS_OK;
}

static status sort_fill(struct sort_op *o)
{
    const struct batch *b;
    status              st;

    while (st_ok(st = op_next(o->op.left, &b))) {
        for (size_t i = 0; i < batch_live_count(b); i++)
            sort_add(o, row_keep(o->op.arena, &o->shape, b->columns, batch_live_row(b, i)));
        if (o->top > 0 && o->runs == NULL && o->count > 4 * o->top + BATCH_ROWS_MAX)
            TRY_RETURN(cut_top(o));
        if (spill_wanted(&o->op, arena_size(o->op.arena)))
            TRY_RETURN(spill_run(o));
        TRY_RETURN(mem_account_check(&o->op.x->account));
        TRY_RETURN(sql_check_interrupts(o->op.x->c));
    }
    if (st != STATUS_NO_DATA)
        return st;
    note_memory(o);
    o->op.stats.top = o->top > 0 && o->runs == NULL;
    if (o->runs != NULL) {
        if (o->count > 0)
            TRY_RETURN(spill_run(o));
        TRY_RETURN(sort_runs_start(o->runs));
    } else {
        TRY_RETURN(sort_rows(o));
    }
    o->sorted = true;
    return STATUS_OK;
}

static status sort_next(struct op *op, const struct batch **out)
{
    struct sort_op *o = (struct sort_op *)op;
    size_t          n = 0;

    if (!o->sorted)
        TRY_RETURN(sort_fill(o));
    while (o->runs != NULL && n < op->x->eval.batch_rows) {
        struct kept_row r;
        status          st = sort_runs_next(o->runs, op->rows, &r);

        if (st == STATUS_NO_DATA)
            break;
        TRY_RETURN(st);
        row_put(&r, o->shape.count, o->raw.columns, n++);
    }
    while (o->runs == NULL && n < op->x->eval.batch_rows && o->at < o->count)
        row_put(&o->rows[o->at++], o->shape.count, o->raw.columns, n++);
    if (n == 0)
        return STATUS_NO_DATA;
    o->raw.rows = n;
    *out = &o->raw;
    return STATUS_OK;
}

static void sort_close(struct op *op)
{
    sort_runs_free(((struct sort_op *)op)->runs);
}

const struct op_class op_sort = {.size = sizeof(struct sort_op),
                                 .open = sort_open,
                                 .rewind = sort_rewind,
                                 .next = sort_next,
                                 .close = sort_close};

/* ---- unique -------------------------------------------------------------------------------------
 */

struct unique_op {
    struct op        op;
    struct batch     kept;
    struct row_shape shape;
    struct kept_row  last;
    bool             has_last;
    uint16_t        *selection;
};

static status unique_open(struct op *op)
{
    struct unique_op *o = (struct unique_op *)op;

    row_shape_from_types(op->x, op->node->raw_types, op->node->raw_count, &o->shape);
    o->selection = ARENA_ARRAY(op->x->arena, uint16_t, op->x->eval.batch_rows);
    return STATUS_OK;
}

static status unique_rewind(struct op *op)
{
    ((struct unique_op *)op)->has_last = false;
    return op_rewind(op->left);
}

static bool equals_last(const struct unique_op *o, const struct batch *b, size_t row)
{
    const struct plan_node *n = o->op.node;

    for (size_t i = 0; i < n->sort.key_count; i++) {
        int p = n->sort.keys[i].position;

        if (key_compare(&n->sort.keys[i], o->last.values[p], o->last.nulls[p],
                        b->columns[p].values[row], b->columns[p].nulls[row]) != 0)
            return false;
    }
    return true;
}

static status unique_next(struct op *op, const struct batch **out)
{
    struct unique_op   *o = (struct unique_op *)op;
    const struct batch *b;
    size_t              n = 0;

    while (n == 0) {
        TRY_RETURN(op_next(op->left, &b));
        for (size_t i = 0; i < batch_live_count(b); i++) {
            size_t row = batch_live_row(b, i);

            if (o->has_last && equals_last(o, b, row))
                continue;
            arena_reset(op->arena);
            o->last = row_keep(op->arena, &o->shape, b->columns, row);
            o->has_last = true;
            o->selection[n++] = (uint16_t)row;
        }
    }
    o->kept = *b;
    o->kept.selected = o->selection;
    o->kept.selected_count = n;
    *out = &o->kept;
    return STATUS_OK;
}

const struct op_class op_unique = {.size = sizeof(struct unique_op),
                                   .open = unique_open,
                                   .rewind = unique_rewind,
                                   .next = unique_next};

/* ---- limit --------------------------------------------------------------------------------------
 */

struct limit_op {
    struct op        op;
    struct eval     *limit, *offset;
    struct batch     cut;
    struct row_shape shape;
    struct kept_row  last; /* WITH TIES: the row that filled the limit */
    uint16_t        *selection;
    int64_t          skip, left;
    bool             unlimited, full;
};

static status limit_open(struct op *op)
{
    struct limit_op        *o = (struct limit_op *)op;
    const struct plan_node *n = op->node;

    o->selection = ARENA_ARRAY(op->x->arena, uint16_t, op->x->eval.batch_rows);
    row_shape_from_types(op->x, n->raw_types, n->raw_count, &o->shape);
    if (n->limit.limit != NULL)
        TRY_RETURN(eval_compile(&op->x->eval, n->limit.limit, &o->limit));
    if (n->limit.offset != NULL)
        TRY_RETURN(eval_compile(&op->x->eval, n->limit.offset, &o->offset));
    return STATUS_OK;
}

static status count_of(struct limit_op *o, struct eval *e, const char *what, enum status_code code,
                       int64_t missing, int64_t *out, bool *is_null)
{
    struct eval_row none = {0};
    datum           v;

    *out = missing;
    *is_null = true;
    if (e == NULL)
        return STATUS_OK;
    TRY_RETURN(eval_one(e, &none, o->op.arena, &v, is_null));
    if (*is_null)
        return STATUS_OK;
    if (v.i < 0)
        return status_new(code, "%s must not be negative", what);
    *out = v.i;
    return STATUS_OK;
}

static status limit_rewind(struct op *op)
{
    struct limit_op *o = (struct limit_op *)op;
    bool             no_offset;

    TRY_RETURN(count_of(o, o->offset, "OFFSET", ST_INVALID_OFFSET, 0, &o->skip, &no_offset));
    TRY_RETURN(count_of(o, o->limit, "LIMIT", ST_INVALID_LIMIT, 0, &o->left, &o->unlimited));
    o->full = !o->unlimited && o->left == 0;
    if (op->left->node->kind == PLAN_SORT && !o->unlimited && !op->node->limit.with_ties &&
        o->left < 10000 && o->skip < 10000)
        sort_set_top(op->left, (size_t)MAX(1, o->left + o->skip));
    return op_rewind(op->left);
}

static bool ties_with_last(const struct limit_op *o, const struct batch *b, size_t row)
{
    const struct plan_node *n = o->op.node;

    for (size_t i = 0; i < n->limit.key_count; i++) {
        int p = n->limit.keys[i].position;

        if (key_compare(&n->limit.keys[i], o->last.values[p], o->last.nulls[p],
                        b->columns[p].values[row], b->columns[p].nulls[row]) != 0)
            return false;
    }
    return true;
}

/* Does the row belong to the result? Counts it. */
static bool take_row(struct limit_op *o, const struct batch *b, size_t row, bool *stop)
{
    if (o->skip > 0) {
        o->skip--;
        return false;
    }
    if (o->unlimited)
        return true;
    if (o->left > 0) {
        if (--o->left == 0 && o->op.node->limit.with_ties) {
            arena_reset(o->op.arena);
            o->last = row_keep(o->op.arena, &o->shape, b->columns, row);
        } else if (o->left == 0) {
            o->full = true;
        }
        return true;
    }
    *stop = !ties_with_last(o, b, row);
    o->full = *stop;
    return !*stop;
}

static status limit_next(struct op *op, const struct batch **out)
{
    struct limit_op    *o = (struct limit_op *)op;
    const struct batch *b;
    size_t              n = 0;

    while (n == 0) {
        bool stop = false;

        if (o->full)
            return STATUS_NO_DATA;
        TRY_RETURN(op_next(op->left, &b));
        for (size_t i = 0; i < batch_live_count(b) && !o->full && !stop; i++) {
            size_t row = batch_live_row(b, i);

            if (take_row(o, b, row, &stop))
                o->selection[n++] = (uint16_t)row;
        }
    }
    o->cut = *b;
    o->cut.selected = o->selection;
    o->cut.selected_count = n;
    *out = &o->cut;
    return STATUS_OK;
}

const struct op_class op_limit = {.size = sizeof(struct limit_op),
                                  .open = limit_open,
                                  .rewind = limit_rewind,
                                  .next = limit_next};
