/* WITH RECURSIVE: the first term's rows, then the recursive term over the rows of the round before,
 * until a round gives none (SQL:2016 part 2, 7.17; the working table of PostgreSQL's
 * chapter 7.8.2).
 *
 * The recursive term's tree is rewound for each round; the CTE scan in it reads `working`. */
#include "base/assert.h"
#include "sql/exec/op.h"

struct round {
    struct arena    *arena; /* holds the rows; the seen ones belong to the table below */
    struct kept_row *rows;
    size_t           count, capacity;
};

struct recursive_op {
    struct op         op;
    struct op        *first, *step;
    bool              recursing;
    struct round      rounds[2];
    size_t            fresh; /* which of the rounds takes rows; the other is the working one */
    struct row_shape  shape;
    struct batch      raw;
    struct row_table *seen; /* UNION: every row given so far */
};

static status recursive_open(struct op *op)
{
    struct recursive_op    *o = (struct recursive_op *)op;
    const struct plan_node *n = op->node;

    batch_init(op->x, &o->raw, n->raw_types, n->raw_count);
    row_shape_from_types(op->x, n->raw_types, n->raw_count, &o->shape);
    for (size_t i = 0; i < ARRAY_LEN(o->rounds); i++)
        o->rounds[i].arena = arena_new(arena_heap(op->arena), &op->x->account);
    TRY_RETURN(op_new(op->x, n->children[0], &o->first));
    return op_new(op->x, n->children[1], &o->step);
}

static void recursive_close(struct op *op)
{
    struct recursive_op *o = (struct recursive_op *)op;

    op_close(o->first);
    op_close(o->step);
    for (size_t i = 0; i < ARRAY_LEN(o->rounds); i++)
        arena_free(o->rounds[i].arena);
}

static void round_reset(struct round *r)
{
    arena_reset(r->arena);
    *r = (struct round){.arena = r->arena};
}

static status recursive_rewind(struct op *op)
{
    struct recursive_op *o = (struct recursive_op *)op;

    o->recursing = false;
    for (size_t i = 0; i < ARRAY_LEN(o->rounds); i++)
        round_reset(&o->rounds[i]);
    if (op->node->recursive_union.distinct)
        o->seen = row_table_new(op->arena, o->shape.types, o->shape.count);
    return op_rewind(o->first);
}

static void round_add(struct round *r, struct kept_row row)
{
    if (r->count == r->capacity) {
        size_t capacity = r->capacity == 0 ? 16 : r->capacity * 2;

        r->rows = arena_realloc(r->arena, r->rows, r->capacity * sizeof *r->rows,
                                capacity * sizeof *r->rows);
        r->capacity = capacity;
    }
    r->rows[r->count++] = row;
}

/* Keep a row for the next round; false when UNION has given it before. */
static bool take_row(struct recursive_op *o, const struct batch *b, size_t at, struct kept_row *row)
{
    struct round *r = &o->rounds[o->fresh];
    uint64_t      hash;

    *row = row_keep(o->seen != NULL ? o->op.arena : r->arena, &o->shape, b->columns, at);
    if (o->seen != NULL) {
        hash = row_table_hash(o->seen, row->values, row->nulls);
        if (row_table_find(o->seen, hash, row->values, row->nulls) != NULL)
            return false;
        row_table_add(o->seen, hash, *row);
    }
    round_add(r, *row);
    return true;
}

/* The fresh rows become the working ones; false when there are none, which is the end. */
static bool next_round(struct recursive_op *o)
{
    if (o->rounds[o->fresh].count == 0)
        return false;
    o->fresh = 1 - o->fresh;
    round_reset(&o->rounds[o->fresh]);
    o->recursing = true;
    return true;
}

static status recursive_next(struct op *op, const struct batch **out)
{
    struct recursive_op *o = (struct recursive_op *)op;
    const struct batch  *b;
    struct kept_row      row;

    for (o->raw.rows = 0; o->raw.rows == 0;) {
        status st = op_next(o->recursing ? o->step : o->first, &b);

        if (st == STATUS_NO_DATA) {
            if (!next_round(o))
                return STATUS_NO_DATA;
            TRY_RETURN(mem_account_check(&op->x->account));
            TRY_RETURN(sql_check_interrupts(op->x->c));
            TRY_RETURN(op_rewind(o->step));
            continue;
        }
        TRY_RETURN(st);
        for (size_t i = 0; i < batch_live_count(b); i++)
            if (take_row(o, b, batch_live_row(b, i), &row))
                row_put(&row, o->shape.count, o->raw.columns, o->raw.rows++);
    }
    *out = &o->raw;
    return STATUS_OK;
}

void recursive_union_working(struct op *op, struct kept_row **rows, size_t *count)
{
    struct recursive_op *o = (struct recursive_op *)op;

    ASSERT(op->class == &op_recursive_union);
    *rows = o->rounds[1 - o->fresh].rows;
    *count = o->rounds[1 - o->fresh].count;
}

const struct op_class op_recursive_union = {.size = sizeof(struct recursive_op),
                                            .open = recursive_open,
                                            .rewind = recursive_rewind,
                                            .next = recursive_next,
                                            .close = recursive_close};
