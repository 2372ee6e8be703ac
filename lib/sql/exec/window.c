/* row_number(), rank() and dense_rank() over rows that come sorted by partition and order: each row
 * is compared with the one before, which is all that is kept. */
#include <string.h>

#include "base/assert.h"
#include "sql/exec/op.h"
#include "sql/func/function.h"

struct window_op {
    struct op        op;
    struct batch     raw;
    struct row_shape shape; /* of the input's rows */
    struct kept_row  last;
    bool             has_last;
    int64_t          row_number, rank, dense_rank; /* of the last row */
};

enum { FN_ROW_NUMBER = 3100, FN_RANK = 3101, FN_DENSE_RANK = 3102 };

static size_t input_count(const struct window_op *o)
{
    return o->op.node->raw_count - o->op.node->window.count;
}

static status window_open(struct op *op)
{
    struct window_op *o = (struct window_op *)op;

    batch_init(op->x, &o->raw, op->node->raw_types, op->node->raw_count);
    row_shape_from_types(op->x, op->node->raw_types, input_count(o), &o->shape);
    return STATUS_OK;
}

static status window_rewind(struct op *op)
{
    ((struct window_op *)op)->has_last = false;
    return op_rewind(op->left);
}

/* Keys from..to of the row are those of the last one. */
static bool same_keys(const struct window_op *o, const struct batch *b, size_t row, size_t from,
                      size_t to)
{
    const struct plan_key *keys = o->op.node->window.keys;

    for (size_t i = from; i < to; i++) {
        int p = keys[i].position;

        if (key_compare(&keys[i], o->last.values[p], o->last.nulls[p], b->columns[p].values[row],
                        b->columns[p].nulls[row]) != 0)
            return false;
    }
    return true;
}

static void step(struct window_op *o, const struct batch *b, size_t row)
{
    const struct plan_node *n = o->op.node;
    bool in_partition = o->has_last && same_keys(o, b, row, 0, n->window.partition_count);
    bool is_peer =
        in_partition && same_keys(o, b, row, n->window.partition_count, n->window.key_count);

    o->row_number = in_partition ? o->row_number + 1 : 1;
    o->dense_rank = !in_partition ? 1 : o->dense_rank + !is_peer;
    if (is_peer)
        return; /* the row kept says the same of the keys */
    o->rank = o->row_number;
    arena_reset(o->op.arena);
    o->last = row_keep(o->op.arena, &o->shape, b->columns, row);
    o->has_last = true;
}

static int64_t result(const struct window_op *o, const struct function *f)
{
    switch (f->oid) {
    case FN_ROW_NUMBER:
        return o->row_number;
    case FN_RANK:
        return o->rank;
    default:
        ASSERT(f->oid == FN_DENSE_RANK); /* the binder lets no other pass */
        return o->dense_rank;
    }
}

static status window_next(struct op *op, const struct batch **out)
{
    struct window_op   *o = (struct window_op *)op;
    size_t              inputs = input_count(o), live;
    const struct batch *b;

    TRY_RETURN(op_next(op->left, &b));
    live = batch_live_count(b);
    for (size_t i = 0; i < live; i++) {
        size_t row = batch_live_row(b, i);

        step(o, b, row);
        for (size_t k = 0; k < inputs; k++) {
            o->raw.columns[k].values[i] = b->columns[k].values[row];
            o->raw.columns[k].nulls[i] = b->columns[k].nulls[row];
        }
        for (size_t k = 0; k < op->node->window.count; k++) {
            o->raw.columns[inputs + k].values[i].i =
                result(o, op->node->window.calls[k]->window.fn);
            o->raw.columns[inputs + k].nulls[i] = false;
        }
    }
    o->raw.rows = live;
    *out = &o->raw;
    return STATUS_OK;
}

const struct op_class op_window = {.size = sizeof(struct window_op),
                                   .open = window_open,
                                   .rewind = window_rewind,
                                   .next = window_next};
