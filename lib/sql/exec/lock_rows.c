/* SELECT ... FOR UPDATE and its kin: each row is locked as it passes. One that changed while it was
 * waited for is looked at again (READ COMMITTED), as UPDATE does. */
#include <string.h>

#include "base/assert.h"
#include "sql/exec/op.h"

struct lock_op {
    struct op         op;
    struct batch      raw;
    struct table    **tables;
    struct table_row *rows;
    struct eval      *recheck;
    uint16_t         *selection;
};

static const char *command_name(enum row_lock l)
{
    switch (l) {
    case ROW_LOCK_KEY_SHARE:
        return "SELECT FOR KEY SHARE";
    case ROW_LOCK_SHARE:
        return "SELECT FOR SHARE";
    case ROW_LOCK_NO_KEY_UPDATE:
        return "SELECT FOR NO KEY UPDATE";
    default:
        return "SELECT FOR UPDATE";
    }
}

static status lock_open(struct op *op)
{
    struct lock_op         *o = (struct lock_op *)op;
    struct execution       *x = op->x;
    const struct plan_node *n = op->node;

    TRY_RETURN(refuse_in_read_only(x, command_name(n->lock.locks[0].strength)));
    batch_init(x, &o->raw, n->raw_types, n->raw_count);
    o->selection = ARENA_ARRAY(x->arena, uint16_t, x->eval.batch_rows);
    o->tables = ARENA_ARRAY(x->arena, struct table *, n->lock.count);
    o->rows = ARENA_ARRAY(x->arena, struct table_row, n->lock.count);
    for (size_t i = 0; i < n->lock.count; i++) {
        TRY_RETURN(table_open(x->c, x->arena, n->lock.locks[i].layout, &o->tables[i]));
        table_row_init(n->lock.locks[i].layout, x->arena, &o->rows[i]);
    }
    return n->lock.recheck != NULL ? eval_compile(&x->eval, n->lock.recheck, &o->recheck)
                                   : STATUS_OK;
}

static void lock_close(struct op *op)
{
    struct lock_op *o = (struct lock_op *)op;

    for (size_t i = 0; o->tables != NULL && i < op->node->lock.count; i++)
        table_close(o->tables[i]);
}

static status lock_rewind(struct op *op)
{
    return op_rewind(op->left);
}

static enum lock_strength strength_of(enum row_lock l)
{
    switch (l) {
    case ROW_LOCK_NONE:
        return LOCK_NONE;
    case ROW_LOCK_KEY_SHARE:
        return LOCK_KEY_SHARE;
    case ROW_LOCK_SHARE:
        return LOCK_SHARE;
    case ROW_LOCK_NO_KEY_UPDATE:
        return LOCK_NO_KEY_UPDATE;
    case ROW_LOCK_UPDATE:
        return LOCK_UPDATE;
    }
    UNREACHABLE();
}

static enum lock_wait wait_of(enum row_lock_wait w)
{
    return w == LOCK_WAIT_SKIP ? LOCK_SKIP : w == LOCK_WAIT_ERROR ? LOCK_NOWAIT : LOCK_WAIT;
}

/* The row is newer than the snapshot: ask the condition again and take its columns as they are. */
static status look_again(struct lock_op *o, size_t at, bool *take)
{
    const struct plan_node *n = o->op.node;
    struct eval_row         row = {.values = o->rows[0].values, .nulls = o->rows[0].nulls};

    if (!n->lock.single)
        return status_new(ST_SERIALIZATION, "could not serialize access due to concurrent update");
    if (o->recheck != NULL)
        TRY_RETURN(eval_condition(o->recheck, &row, o->op.rows, take));
    for (size_t i = 0; i < n->lock.column_count; i++) {
        int16_t number = n->lock.columns[i];

        if (number <= 0)
            continue;
        o->raw.columns[i].values[at] = o->rows[0].values[number - 1];
        o->raw.columns[i].nulls[at] = o->rows[0].nulls[number - 1];
    }
    return STATUS_OK;
}

static status lock_one(struct lock_op *o, size_t lock, size_t at, bool *take)
{
    const struct plan_lock *l = &o->op.node->lock.locks[lock];
    int                     position = l->key->slot.position;
    struct txn_row          row;

    if (o->raw.columns[position].nulls[at])
        return STATUS_OK; /* the null-extended side of an outer join */
    TRY_RETURN(table_get_for(o->tables[lock], o->raw.columns[position].values[at].s,
                             strength_of(l->strength), wait_of(l->wait), o->op.rows, &o->rows[lock],
                             &row));
    *take = !row.skipped && row.found;
    return *take && row.changed ? look_again(o, at, take) : STATUS_OK;
}

static void copy_row(struct lock_op *o, const struct batch *b, size_t at)
{
    for (size_t i = 0; i < o->op.node->raw_count; i++) {
        o->raw.columns[i].values[at] = b->columns[i].values[at];
        o->raw.columns[i].nulls[at] = b->columns[i].nulls[at];
    }
}

static status lock_next(struct op *op, const struct batch **out)
{
    struct lock_op     *o = (struct lock_op *)op;
    const struct batch *b;
    size_t              kept = 0;

    while (kept == 0) {
        TRY_RETURN(op_next(op->left, &b));
        for (size_t i = 0; i < batch_live_count(b); i++) {
            size_t at = batch_live_row(b, i);
            bool   take = true;

            copy_row(o, b, at);
            for (size_t k = 0; take && k < op->node->lock.count; k++)
                TRY_RETURN(lock_one(o, k, at, &take));
            if (take)
                o->selection[kept++] = (uint16_t)at;
        }
        o->raw.rows = b->rows;
    }
    o->raw.selected = o->selection;
    o->raw.selected_count = kept;
    *out = &o->raw;
    return STATUS_OK;
}

const struct op_class op_lock_rows = {.size = sizeof(struct lock_op),
                                      .open = lock_open,
                                      .rewind = lock_rewind,
                                      .next = lock_next,
                                      .close = lock_close};
