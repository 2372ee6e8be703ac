/* Scans of stored tables: bounds to spans of keys, spans to rows. */
#include <string.h>

#include "base/assert.h"
#include "base/sort.h"
#include "sql/exec/op.h"
#include "sql/types/array.h"

enum { FIRST_BATCH_ROWS = 16, MARK_VALUE = 2 };

struct span {
    slice start, end; /* [start, end); an empty end is open */
};

struct scan_op {
    struct op          op;
    struct table      *table;
    struct eval     ***values; /* of each bound */
    struct table_row   row;
    struct batch       raw;
    bool               copies; /* wanted values point into what is read */
    struct span       *spans;
    size_t             span_count, span_capacity, span_at;
    struct txn_cursor *cursor;
    size_t             batch_rows; /* grows: a LIMIT above may want few */
    struct buf         key;
};

static status scan_open(struct op *op)
{
    struct scan_op         *o = (struct scan_op *)op;
    const struct plan_scan *s = &op->node->scan;
    struct execution       *x = op->x;

    TRY_RETURN(table_open(x->c, x->arena, s->layout, &o->table));
    table_row_init(s->layout, x->arena, &o->row);
    batch_init(x, &o->raw, op->node->raw_types, s->column_count);
    buf_init(&o->key, arena_heap(x->arena));
    for (size_t i = 0; i < s->column_count; i++) {
        const struct type *t = type_by_oid(op->node->raw_types[i]);

        o->copies |= t == NULL || t->datum_kind == DATUM_SLICE;
    }
    o->copies |= s->reads_row || !s->covering;
    o->values = ARENA_ARRAY(x->arena, struct eval **, s->bound_count);
    for (size_t i = 0; i < s->bound_count; i++) {
        o->values[i] = ARENA_ARRAY(x->arena, struct eval *, s->bounds[i].value_count);
        for (size_t k = 0; k < s->bounds[i].value_count; k++) {
            if (s->bounds[i].values[k] != NULL)
                TRY_RETURN(eval_compile(&x->eval, s->bounds[i].values[k], &o->values[i][k]));
        }
    }
    return STATUS_OK;
}

static void scan_close(struct op *op)
{
    struct scan_op *o = (struct scan_op *)op;

    txn_cursor_close(o->cursor);
    table_close(o->table);
    buf_deinit(&o->key);
}

/* ---- spans --------------------------------------------------------------------------------------
 */

static void add_span(struct scan_op *o, slice start, slice end)
{
    if (o->span_count == o->span_capacity) {
        size_t capacity = o->span_capacity == 0 ? 1 : o->span_capacity * 4;

        o->spans = arena_realloc(o->op.arena, o->spans, o->span_capacity * sizeof *o->spans,
                                 capacity * sizeof *o->spans);
        o->span_capacity = capacity;
    }
    o->spans[o->span_count++] =
        (struct span){arena_copy(o->op.arena, start), arena_copy(o->op.arena, end)};
}

/* All keys that begin with what stands in o->key. */
static void add_prefix_span(struct scan_op *o)
{
    struct buf end;

    buf_init(&end, NULL);
    buf_append_slice(&end, buf_slice(&o->key));
    if (!table_key_successor(&end))
        buf_reset(&end);
    add_span(o, buf_slice(&o->key), buf_slice(&end));
    buf_deinit(&end);
}

/* One end of a range in key order: the bytes at or behind which (start), or before which (end), the
 * rows lie. */
static void append_range_end(struct scan_op *o, const struct layout_part *p, datum *value,
                             bool inclusive, bool is_start, struct buf *out)
{
    bool primary = o->op.node->scan.index->desc->primary;

    buf_append_slice(out, buf_slice(&o->key));
    if (value == NULL) {
        if (!primary)
            buf_put_u8(out, is_start ? MARK_VALUE : MARK_VALUE + 1); /* nulls lie outside */
        else if (!is_start && !table_key_successor(out))
            buf_reset(out);
        return;
    }
    table_encode_part(p, primary, *value, false, out, NULL);
    if (inclusive != is_start && !table_key_successor(out))
        buf_reset(out);
}

static status add_range_span(struct scan_op *o, size_t bound)
{
    const struct part_bound  *b = &o->op.node->scan.bounds[bound];
    const struct layout_part *p = &o->op.node->scan.index->parts[bound];
    struct eval_row           row = {0};
    datum                     v[2];
    datum                    *ends[2] = {NULL, NULL};
    struct buf                start, end;

    for (size_t i = 0; i < 2; i++) {
        bool null;

        if (o->values[bound][i] == NULL)
            continue;
        TRY_RETURN(eval_one(o->values[bound][i], &row, o->op.arena, &v[i], &null));
        if (null)
            return STATUS_OK; /* nothing compares with null */
        ends[i] = &v[i];
    }
    buf_init(&start, NULL);
    buf_init(&end, NULL);
    if (!p->descending) {
        append_range_end(o, p, ends[0], b->low_inclusive, true, &start);
        append_range_end(o, p, ends[1], b->high_inclusive, false, &end);
    } else {
        append_range_end(o, p, ends[1], b->high_inclusive, true, &start);
        append_range_end(o, p, ends[0], b->low_inclusive, false, &end);
    }
    if (end.size == 0 || slice_cmp(buf_slice(&start), buf_slice(&end)) < 0)
        add_span(o, buf_slice(&start), buf_slice(&end));
    buf_deinit(&start);
    buf_deinit(&end);
    return STATUS_OK;
}

static status add_spans(struct scan_op *o, size_t bound);

/* = ANY (array): each element is a value of the part. */
static status add_array_spans(struct scan_op *o, size_t bound)
{
    const struct plan_scan *s = &o->op.node->scan;
    size_t                  size = o->key.size;
    struct eval_row         row = {0};
    struct array_view       view;
    datum                   v;
    bool                    null;

    TRY_RETURN(eval_one(o->values[bound][0], &row, o->op.arena, &v, &null));
    if (null)
        return STATUS_OK;
    TRY_RETURN(array_open(v.s, &view));
    while (array_next(&view, &v, &null)) {
        o->key.size = size;
        if (null)
            continue;
        table_encode_part(&s->index->parts[bound], s->index->desc->primary, v, false, &o->key,
                          NULL);
        TRY_RETURN(add_spans(o, bound + 1));
    }
    o->key.size = size;
    return STATUS_OK;
}

/* Every combination of the bounds' values, from part `bound` on behind the key built so far. */
static status add_spans(struct scan_op *o, size_t bound)
{
    const struct plan_scan  *s = &o->op.node->scan;
    const struct part_bound *b = &s->bounds[bound];
    size_t                   size = o->key.size;
    struct eval_row          row = {0};

    if (bound == s->bound_count) {
        if (s->unique_point)
            add_span(o, buf_slice(&o->key), SLICE_EMPTY);
        else if (o->key.size > 0)
            add_prefix_span(o);
        else
            add_span(o, SLICE_EMPTY, SLICE_EMPTY);
        return STATUS_OK;
    }
    if (b->kind == PART_RANGE)
        return add_range_span(o, bound);
    if (b->kind == PART_IS_NULL) {
        table_encode_part(&s->index->parts[bound], false, (datum){0}, true, &o->key, NULL);
        TRY_RETURN(add_spans(o, bound + 1));
    }
    if (b->in_array)
        return add_array_spans(o, bound);
    for (size_t i = 0; i < b->value_count; i++) {
        datum v;
        bool  null;

        o->key.size = size;
        TRY_RETURN(eval_one(o->values[bound][i], &row, o->op.arena, &v, &null));
        if (null)
            continue;
        table_encode_part(&s->index->parts[bound], s->index->desc->primary, v, false, &o->key,
                          NULL);
        TRY_RETURN(add_spans(o, bound + 1));
    }
    o->key.size = size;
    return STATUS_OK;
}

static int compare_spans(const void *x, const void *y, void *ctx)
{
    (void)ctx;
    return slice_cmp(((const struct span *)x)->start, ((const struct span *)y)->start);
}

/* In key order, each once: IN (1, 1) finds a row once. */
static void order_spans(struct scan_op *o)
{
    size_t kept = 0;

    if (o->span_count < 2)
        return;
    sort_stable(arena_heap(o->op.arena), o->spans, o->span_count, sizeof *o->spans, compare_spans,
                NULL);
    for (size_t i = 0; i < o->span_count; i++) {
        if (kept == 0 || !slice_eq(o->spans[kept - 1].start, o->spans[i].start))
            o->spans[kept++] = o->spans[i];
    }
    o->span_count = kept;
}

static status scan_rewind(struct op *op)
{
    struct scan_op *o = (struct scan_op *)op;

    txn_cursor_close(o->cursor);
    o->cursor = NULL;
    o->spans = NULL;
    o->span_count = o->span_capacity = o->span_at = 0;
    o->batch_rows = FIRST_BATCH_ROWS;
    buf_reset(&o->key);
    TRY_RETURN(add_spans(o, 0));
    order_spans(o);
    return STATUS_OK;
}

/* ---- rows ---------------------------------------------------------------------------------------
 */

static void put_row(struct scan_op *o, size_t at)
{
    const struct plan_scan *s = &o->op.node->scan;

    for (size_t i = 0; i < s->column_count; i++) {
        int16_t number = s->columns[i];

        if (number == ROW_KEY_COLUMN) {
            o->raw.columns[i].values[at].s = o->row.key;
            o->raw.columns[i].nulls[at] = false;
            continue;
        }
        o->raw.columns[i].values[at] = o->row.values[number - 1];
        o->raw.columns[i].nulls[at] = o->row.nulls[number - 1];
    }
}

/* An entry to the row it stands for. */
static status read_entry(struct scan_op *o, slice key, slice value)
{
    const struct plan_scan *s = &o->op.node->scan;
    slice                   row_key;
    bool                    found;

    if (o->copies) {
        key = arena_copy(o->op.rows, key);
        value = arena_copy(o->op.rows, value);
    }
    TRY_RETURN(table_decode_entry(s->layout, s->index, o->op.rows, key, value, s->wanted, &o->row));
    if (!s->reads_row)
        return STATUS_OK;
    row_key = o->row.key;
    TRY_RETURN(table_get(o->table, row_key, o->op.rows, s->wanted, &o->row, &found));
    if (!found)
        return status_new(ST_INDEX_CORRUPT,
                          "index \"%s\" of relation \"%s\" has an entry for a "
                          "row that is not there",
                          s->index->desc->name, s->layout->desc->name);
    return STATUS_OK;
}

static status read_point(struct scan_op *o, const struct span *span, bool *found)
{
    const struct plan_scan *s = &o->op.node->scan;
    slice                   value, key;

    if (s->keys_only) {
        o->row.key = span->start;
        *found = true;
        return STATUS_OK;
    }
    buf_reset(&o->key);
    buf_append_slice(&o->key, s->index->prefix);
    buf_append_slice(&o->key, span->start);
    key = buf_slice(&o->key);
    TRY_RETURN(txn_get(o->op.x->c->txn, key, o->op.rows, &value, found));
    return *found ? read_entry(o, arena_copy(o->op.rows, key), value) : STATUS_OK;
}

static const struct span *next_span(struct scan_op *o)
{
    size_t at = o->span_at++;

    return &o->spans[o->op.node->scan.reverse ? o->span_count - 1 - at : at];
}

static status next_point(struct scan_op *o, size_t *count)
{
    while (*count < o->batch_rows && o->span_at < o->span_count) {
        bool found;

        TRY_RETURN(read_point(o, next_span(o), &found));
        if (found)
            put_row(o, (*count)++);
    }
    return STATUS_OK;
}

static status open_cursor(struct scan_op *o)
{
    const struct span *span = next_span(o);
    struct table_scan  s = {.index = o->op.node->scan.index,
                            .start = span->start,
                            .end = span->end,
                            .reverse = o->op.node->scan.reverse};

    return table_scan_open(o->table, &s, &o->cursor);
}

static status next_scanned(struct scan_op *o, size_t *count)
{
    while (*count < o->batch_rows) {
        slice  key, value;
        status st;

        if (o->cursor == NULL) {
            if (o->span_at == o->span_count)
                return STATUS_OK;
            TRY_RETURN(open_cursor(o));
        }
        st = txn_cursor_next(o->cursor, &key, &value);
        if (st == STATUS_NO_DATA) {
            txn_cursor_close(o->cursor);
            o->cursor = NULL;
            continue;
        }
        TRY_RETURN(st);
        TRY_RETURN(read_entry(o, key, value));
        put_row(o, (*count)++);
    }
    return STATUS_OK;
}

static status scan_next(struct op *op, const struct batch **out)
{
    struct scan_op *o = (struct scan_op *)op;
    size_t          count = 0;

    o->batch_rows = MIN(o->batch_rows, op->x->eval.batch_rows);
    if (op->node->scan.unique_point)
        TRY_RETURN(next_point(o, &count));
    else
        TRY_RETURN(next_scanned(o, &count));
    if (count == 0)
        return STATUS_NO_DATA;
    o->batch_rows *= 4;
    o->raw.rows = count;
    *out = &o->raw;
    return STATUS_OK;
}

const struct op_class op_scan = {.size = sizeof(struct scan_op),
                                 .open = scan_open,
                                 .rewind = scan_rewind,
                                 .next = scan_next,
                                 .close = scan_close};
