/* INSERT, UPDATE, DELETE. The input finds rows; this locks them, looks again when they changed
 * meanwhile (READ COMMITTED), computes the new row over the wide row (plan/node.h) and writes it.
 *
 * Reads see what precedes the statement, so no row is met twice (pitfall T9). RETURNING's rows are
 * kept until all is written and checked: a client that takes them in portions sees no half
 * statement. */
#include <string.h>

#include "base/assert.h"
#include "sql/exec/op.h"
#include "sql/exec/write.h"

struct modify_op {
    struct op                 op;
    const struct plan_modify *plan;
    struct write_session     *session;
    struct write_target      *target;
    size_t                    columns, inputs; /* of the target; of the input */
    struct eval             **assignments, **returning, **conflict_sets;
    struct eval              *recheck, *conflict_where;
    datum                    *wide; /* columns + MAX(inputs, columns) */
    bool                     *wide_nulls;
    struct table_row          old, row;
    struct row_shape          shape; /* RETURNING */
    struct batch              raw;
    struct kept_row          *kept;
    size_t                    kept_count, kept_capacity, kept_at;
    bool                      done;
};

static status compile_all(struct op *op, struct expr *const *list, size_t count, struct eval ***out)
{
    *out = ARENA_ARRAY(op->x->arena, struct eval *, count);
    for (size_t i = 0; i < count; i++)
        TRY_RETURN(eval_compile(&op->x->eval, list[i], &(*out)[i]));
    return STATUS_OK;
}

static status open_conflict(struct modify_op *o)
{
    const struct on_conflict *k = o->plan->on_conflict;
    struct execution         *x = o->op.x;

    if (k == NULL || k->action != CONFLICT_UPDATE)
        return STATUS_OK;
    o->conflict_sets = ARENA_ARRAY(x->arena, struct eval *, k->set_count);
    for (size_t i = 0; i < k->set_count; i++)
        TRY_RETURN(eval_compile(&x->eval, k->sets[i].value, &o->conflict_sets[i]));
    return k->where != NULL ? eval_compile(&x->eval, k->where, &o->conflict_where) : STATUS_OK;
}

static const char *command_name(const struct modify_op *o)
{
    switch (o->plan->kind) {
    case QUERY_INSERT:
        return o->op.x->feed != NULL ? "COPY FROM" : "INSERT";
    case QUERY_UPDATE:
        return "UPDATE";
    default:
        ASSERT(o->plan->kind == QUERY_DELETE);
        return "DELETE";
    }
}

static status modify_open(struct op *op)
{
    struct modify_op         *o = (struct modify_op *)op;
    const struct plan_modify *m = op->node->modify;
    struct execution         *x = op->x;
    size_t                    width;

    o->plan = m;
    TRY_RETURN(refuse_in_read_only(x, command_name(o)));
    o->columns = m->layout->column_count;
    o->inputs = op->node->left->output_count;
    width = o->columns + MAX(o->inputs, o->columns);
    o->wide = ARENA_ARRAY(x->arena, datum, width);
    o->wide_nulls = ARENA_ARRAY(x->arena, bool, width);
    table_row_init(m->layout, x->arena, &o->old);
    table_row_init(m->layout, x->arena, &o->row);
    o->session = write_session_new(x->c, x->arena);
    TRY_RETURN(write_target_open(o->session, m->write, &o->target));
    o->assignments = ARENA_ARRAY(x->arena, struct eval *, m->assignment_count);
    for (size_t i = 0; i < m->assignment_count; i++)
        TRY_RETURN(eval_compile(&x->eval, m->assignments[i].value, &o->assignments[i]));
    TRY_RETURN(compile_all(op, m->returning, m->returning_count, &o->returning));
    if (m->recheck != NULL)
        TRY_RETURN(eval_compile(&x->eval, m->recheck, &o->recheck));
    TRY_RETURN(open_conflict(o));
    if (m->returning_count > 0) {
        batch_init(x, &o->raw, op->node->raw_types, m->returning_count);
        row_shape_from_types(x, op->node->raw_types, m->returning_count, &o->shape);
    }
    return STATUS_OK;
}

static void modify_close(struct op *op)
{
    write_session_close(((struct modify_op *)op)->session);
}

static status modify_rewind(struct op *op)
{
    return op_rewind(op->left);
}

/* ---- the wide row -------------------------------------------------------------------------------
 */

static void wide_target(struct modify_op *o, const struct table_row *row)
{
    memcpy(o->wide, row->values, o->columns * sizeof *o->wide);
    memcpy(o->wide_nulls, row->nulls, o->columns);
}

static void wide_input(struct modify_op *o, const struct batch *b, size_t at)
{
    for (size_t i = 0; i < o->inputs; i++) {
        o->wide[o->columns + i] = b->columns[i].values[at];
        o->wide_nulls[o->columns + i] = b->columns[i].nulls[at];
    }
}

static struct eval_row wide_row(const struct modify_op *o)
{
    return (struct eval_row){.values = o->wide, .nulls = o->wide_nulls};
}

static status keep_returning(struct modify_op *o, const struct table_row *row)
{
    size_t          n = o->plan->returning_count;
    struct eval_row wide = wide_row(o);
    struct kept_row r;

    o->op.x->row_count++;
    if (n == 0)
        return STATUS_OK;
    wide_target(o, row);
    r.values = arena_alloc(o->op.arena, n * (sizeof(datum) + sizeof(bool)) + 1);
    r.nulls = (bool *)(r.values + n);
    for (size_t i = 0; i < n; i++) {
        TRY_RETURN(eval_one(o->returning[i], &wide, o->op.arena, &r.values[i], &r.nulls[i]));
        if (!r.nulls[i] && o->shape.is_slice[i])
            r.values[i].s = arena_copy(o->op.arena, r.values[i].s);
    }
    if (o->kept_count == o->kept_capacity) {
        size_t capacity = o->kept_capacity == 0 ? 4 : o->kept_capacity * 2;

        o->kept = arena_realloc(o->op.arena, o->kept, o->kept_capacity * sizeof *o->kept,
                                capacity * sizeof *o->kept);
        o->kept_capacity = capacity;
    }
    o->kept[o->kept_count++] = r;
    return STATUS_OK;
}

/* ---- INSERT -------------------------------------------------------------------------------------
 */

static status compute_insert(struct modify_op *o)
{
    struct eval_row wide = wide_row(o);

    memset(o->row.nulls, true, o->columns);
    for (size_t i = 0; i < o->plan->assignment_count; i++) {
        size_t at = (size_t)o->plan->assignments[i].column - 1;

        TRY_RETURN(
            eval_one(o->assignments[i], &wide, o->op.rows, &o->row.values[at], &o->row.nulls[at]));
    }
    return write_check_row(o->target, o->op.rows, &o->row);
}

static status cannot_affect_twice(void)
{
    return status_hint(status_new(ST_CARDINALITY_VIOLATION,
                                  "ON CONFLICT DO UPDATE command cannot affect row a second time"),
                       "Ensure that no rows proposed for insertion within the same command have "
                       "duplicate constrained values.");
}

static enum lock_strength update_strength(const struct modify_op *o)
{
    return o->plan->locks_key || o->plan->kind != QUERY_UPDATE ? LOCK_UPDATE : LOCK_NO_KEY_UPDATE;
}

/* DO UPDATE on the row that was there. *again: it has gone meanwhile, insert once more. */
static status conflict_update(struct modify_op *o, slice key, bool *again)
{
    const struct on_conflict *k = o->plan->on_conflict;
    struct eval_row           wide = wide_row(o);
    struct table_row          proposed = o->row;
    struct txn_row            lock;
    bool                      holds = true;

    TRY_RETURN(table_get_for(write_target_table(o->target), key, update_strength(o), LOCK_WAIT,
                             o->op.rows, &o->old, &lock));
    *again = !lock.found;
    if (!lock.found)
        return STATUS_OK;
    if (lock.own_command)
        return cannot_affect_twice();
    wide_target(o, &o->old);
    memcpy(o->wide + o->columns, proposed.values, o->columns * sizeof *o->wide);
    memcpy(o->wide_nulls + o->columns, proposed.nulls, o->columns);
    if (o->conflict_where != NULL)
        TRY_RETURN(eval_condition(o->conflict_where, &wide, o->op.rows, &holds));
    if (!holds)
        return STATUS_OK;
    memcpy(o->row.values, o->old.values, o->columns * sizeof *o->row.values);
    memcpy(o->row.nulls, o->old.nulls, o->columns);
    for (size_t i = 0; i < k->set_count; i++) {
        size_t at = (size_t)k->sets[i].column - 1;

        TRY_RETURN(eval_one(o->conflict_sets[i], &wide, o->op.rows, &o->row.values[at],
                            &o->row.nulls[at]));
    }
    TRY_RETURN(write_check_row(o->target, o->op.rows, &o->row));
    TRY_RETURN(write_update(o->target, &o->old, &o->row));
    return keep_returning(o, &o->row);
}

static status insert_or_resolve(struct modify_op *o)
{
    const struct on_conflict *k = o->plan->on_conflict;
    bool                      again;

    do {
        struct table_conflict conflict;

        again = false;
        TRY_RETURN(write_insert_or_find(o->target, &o->row, k->arbiters, k->arbiter_count,
                                        o->op.rows, &conflict));
        if (!conflict.found)
            return keep_returning(o, &o->row);
        if (k->action == CONFLICT_NOTHING)
            return STATUS_OK;
        if (conflict.own_command)
            return cannot_affect_twice();
        TRY_RETURN(conflict_update(o, conflict.row_key, &again));
    } while (again);
    return STATUS_OK;
}

static status insert_row(struct modify_op *o)
{
    TRY_RETURN(compute_insert(o));
    if (o->plan->on_conflict != NULL)
        return insert_or_resolve(o);
    TRY_RETURN(write_insert(o->target, &o->row));
    return keep_returning(o, &o->row);
}

/* ---- UPDATE, DELETE -----------------------------------------------------------------------------
 */

/* Lock the row and read what it holds now. *take: it is (still) one to change. */
static status lock_row(struct modify_op *o, slice key, bool *take)
{
    enum lock_strength strength = o->plan->kind == QUERY_DELETE ? LOCK_UPDATE : update_strength(o);
    struct eval_row    wide = wide_row(o);
    struct txn_row     lock;

    TRY_RETURN(table_get_for(write_target_table(o->target), key, strength, LOCK_WAIT, o->op.rows,
                             &o->old, &lock));
    *take = lock.found && !lock.own_command; /* a second match of UPDATE ... FROM changes nothing */
    if (!*take)
        return STATUS_OK;
    wide_target(o, &o->old);
    if (lock.changed && o->recheck != NULL)
        return eval_condition(o->recheck, &wide, o->op.rows, take);
    return STATUS_OK;
}

static status update_row(struct modify_op *o)
{
    struct eval_row wide = wide_row(o);

    memcpy(o->row.values, o->old.values, o->columns * sizeof *o->row.values);
    memcpy(o->row.nulls, o->old.nulls, o->columns);
    for (size_t i = 0; i < o->plan->assignment_count; i++) {
        size_t at = (size_t)o->plan->assignments[i].column - 1;

        TRY_RETURN(
            eval_one(o->assignments[i], &wide, o->op.rows, &o->row.values[at], &o->row.nulls[at]));
    }
    TRY_RETURN(write_check_row(o->target, o->op.rows, &o->row));
    TRY_RETURN(write_update(o->target, &o->old, &o->row));
    return keep_returning(o, &o->row);
}

static status change_row(struct modify_op *o, const struct batch *b, size_t at)
{
    const struct column *key = &b->columns[o->plan->key_position];
    bool                 take;

    if (key->nulls[at])
        return STATUS_OK; /* the null-extended side of an outer join */
    TRY_RETURN(lock_row(o, key->values[at].s, &take));
    if (!take)
        return STATUS_OK;
    if (o->plan->kind == QUERY_UPDATE)
        return update_row(o);
    TRY_RETURN(write_delete(o->target, &o->old));
    return keep_returning(o, &o->old);
}

/* ---- running ------------------------------------------------------------------------------------
 */

static status modify_all(struct modify_op *o)
{
    const struct batch *b;
    status              st;

    while (st_ok(st = op_next(o->op.left, &b))) {
        arena_reset(o->op.rows);
        for (size_t i = 0; i < batch_live_count(b); i++) {
            size_t at = batch_live_row(b, i);

            wide_input(o, b, at);
            TRY_RETURN(o->plan->kind == QUERY_INSERT ? insert_row(o) : change_row(o, b, at));
        }
        TRY_RETURN(mem_account_check(&o->op.x->account));
        if (o->op.x->feed == NULL) /* which looks for itself, not at every row */
            TRY_RETURN(sql_check_interrupts(o->op.x->c));
    }
    return st == STATUS_NO_DATA ? write_session_finish(o->session) : st;
}

static status modify_next(struct op *op, const struct batch **out)
{
    struct modify_op *o = (struct modify_op *)op;
    size_t            n = 0;

    if (!o->done) {
        TRY_RETURN(modify_all(o));
        o->done = true;
    }
    while (n < op->x->eval.batch_rows && o->kept_at < o->kept_count)
        row_put(&o->kept[o->kept_at++], o->plan->returning_count, o->raw.columns, n++);
    if (n == 0)
        return STATUS_NO_DATA;
    o->raw.rows = n;
    *out = &o->raw;
    return STATUS_OK;
}

const struct op_class op_modify = {.size = sizeof(struct modify_op),
                                   .open = modify_open,
                                   .rewind = modify_rewind,
                                   .next = modify_next,
                                   .close = modify_close};
