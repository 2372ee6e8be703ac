/* Joins. Both kinds collect candidate pairs of one left batch in a batch of their own, ask the
 * condition about all of them at once, and then do what the kind of join wants:
 *
 *     INNER  pairs that hold            LEFT  these, then the left rows without one, right side
 * null SEMI   left rows with a pair      ANTI  left rows without FULL   as LEFT, at the end also
 * the right rows without
 *
 * Left rows without a pair come behind the pairs of their batch, unless there is no condition: a
 * nested loop then keeps the order of its left side. */
#include <string.h>

#include "base/assert.h"
#include "sql/exec/join_internal.h"

/* ---- opening ------------------------------------------------------------------------------------
 */

status join_open(struct op *op)
{
    struct join_op   *o = (struct join_op *)op;
    struct execution *x = op->x;
    size_t            rows = x->eval.batch_rows;

    o->left_count = op->node->left->output_count;
    o->right_count = op->node->right->output_count;
    batch_init(x, &o->raw, op->node->raw_types, op->node->raw_count);
    row_shape_of(x, op->node->right, &o->right_shape);
    o->selection = ARENA_ARRAY(x->arena, uint16_t, rows);
    o->origin = ARENA_ARRAY(x->arena, uint16_t, rows);
    o->entries = ARENA_ARRAY(x->arena, struct row_entry *, rows);
    o->matched = ARENA_ARRAY(x->arena, bool, rows);
    if (op->node->join.condition != NULL)
        return eval_compile(&x->eval, op->node->join.condition, &o->condition);
    return STATUS_OK;
}

status join_compile_list(struct execution *x, struct expr *const *list, size_t count,
                         struct eval ***out)
{
    *out = ARENA_ARRAY(x->arena, struct eval *, count);
    for (size_t i = 0; i < count; i++)
        TRY_RETURN(eval_compile(&x->eval, list[i], &(*out)[i]));
    return STATUS_OK;
}

void join_reset(struct join_op *o)
{
    o->left = NULL;
    o->left_done = o->unmatched_phase = o->in_row = o->built = false;
    o->entry = NULL;
    o->right = NULL;
    o->rest_at = 0;
}

/* ---- candidates ---------------------------------------------------------------------------------
 */

void join_put_left(struct join_op *o, size_t left_row, size_t at)
{
    for (size_t i = 0; i < o->left_count; i++) {
        o->raw.columns[i].values[at] = o->left->columns[i].values[left_row];
        o->raw.columns[i].nulls[at] = o->left->columns[i].nulls[left_row];
    }
    o->origin[at] = (uint16_t)left_row;
}

void join_put_nulls(struct join_op *o, size_t from, size_t count, size_t at)
{
    for (size_t i = from; i < from + count; i++)
        o->raw.columns[i].nulls[at] = true;
}

/* Of the candidates [0, count), those that the join hands on. */
status join_judge(struct join_op *o, size_t count, struct batch *out)
{
    size_t kept = 0;

    o->raw.rows = count;
    o->raw.selected = NULL;
    *out = o->raw;
    if (o->condition != NULL)
        TRY_RETURN(eval_filter(o->condition, out, o->selection, o->op.rows));
    if (joins_kind(o, JOIN_INNER) || joins_kind(o, JOIN_CROSS))
        return STATUS_OK;
    for (size_t i = 0, n = batch_live_count(out); i < n; i++) {
        size_t at = batch_live_row(out, i);
        bool   first = !o->matched[o->origin[at]];

        o->matched[o->origin[at]] = true;
        if (o->entries[at] != NULL)
            o->entries[at]->matched = true;
        if (joins_kind(o, JOIN_ANTI) || (joins_kind(o, JOIN_SEMI) && !first))
            continue;
        o->selection[kept++] = (uint16_t)at;
    }
    out->selected = o->selection;
    out->selected_count = kept;
    return STATUS_OK;
}

/* The left rows of this batch that found nothing. */
size_t join_collect_unmatched(struct join_op *o)
{
    size_t n = 0;

    while (o->unmatched_at < batch_live_count(o->left) && n < o->op.x->eval.batch_rows) {
        size_t row = batch_live_row(o->left, o->unmatched_at++);

        if (o->matched[row])
            continue;
        join_put_left(o, row, n);
        join_put_nulls(o, o->left_count, o->right_count, n++);
    }
    return n;
}

void join_start_left(struct join_op *o)
{
    o->left_at = 0;
    o->unmatched_at = 0;
    o->unmatched_phase = false;
    memset(o->matched, 0, o->op.x->eval.batch_rows);
}

status join_fetch_left(struct join_op *o)
{
    status st = op_next(o->op.left, &o->left);

    if (st == STATUS_NO_DATA) {
        o->left_done = true;
        o->left = NULL;
        return STATUS_OK;
    }
    TRY_RETURN(st);
    join_start_left(o);
    return STATUS_OK;
}

/* ---- nested loop --------------------------------------------------------------------------------
 */

static status loop_open(struct op *op)
{
    struct join_op *o = (struct join_op *)op;

    TRY_RETURN(join_open(op));
    return join_compile_list(op->x, op->node->join.param_values, op->node->join.param_count,
                             &o->params);
}

static status loop_rewind(struct op *op)
{
    struct join_op *o = (struct join_op *)op;

    join_reset(o);
    if (op->node->right->kind == PLAN_MATERIALIZE)
        materialize_forget(op->right);
    return op_rewind(op->left);
}

/* Hand the left row's values to the inner side. Done before each of its batches: the places may be
 * shared with a subquery that ran in between. */
static status set_params(struct join_op *o, size_t row)
{
    const struct plan_node *n = o->op.node;
    struct eval_context    *ec = &o->op.x->eval;
    struct eval_row         r = {.columns = o->left->columns, .row = row};

    for (size_t i = 0; i < n->join.param_count; i++) {
        int slot = n->join.param_slots[i];

        TRY_RETURN(
            eval_one(o->params[i], &r, o->op.rows, &ec->outer[slot], &ec->outer_nulls[slot]));
    }
    return STATUS_OK;
}

static void put_right(struct join_op *o, size_t right_row, size_t at)
{
    for (size_t i = 0; i < o->right_count; i++) {
        const struct column *from = &o->right->columns[i];
        struct column       *to = &o->raw.columns[o->left_count + i];

        to->nulls[at] = from->nulls[right_row];
        to->values[at] = from->values[right_row];
        if (!to->nulls[at] && o->right_shape.is_slice[i] && !o->right_is_kept)
            to->values[at].s = arena_copy(o->op.rows, from->values[right_row].s);
    }
}

/* Start the inner side for the current left row, or fetch its next batch; right NULL: no more. */
static status advance_right(struct join_op *o, size_t row)
{
    status st;

    TRY_RETURN(set_params(o, row));
    if (!o->in_row) {
        o->in_row = true;
        o->row_matched = false;
        TRY_RETURN(op_rewind(o->op.right));
    }
    st = op_next(o->op.right, &o->right);
    o->right_is_kept = o->op.node->right->kind == PLAN_MATERIALIZE && o->op.node->right->identity &&
                       materialize_in_memory(o->op.right);
    o->right_at = 0;
    if (st == STATUS_NO_DATA)
        o->right = NULL;
    else
        TRY_RETURN(st);
    return STATUS_OK;
}

static void end_row(struct join_op *o)
{
    o->in_row = false;
    o->right = NULL;
    o->left_at++;
}

/* One step: candidates from the inner batch at hand. With `one` the first settles the row. */
static void take_candidates(struct join_op *o, size_t row, bool one, size_t *n)
{
    while (*n < o->op.x->eval.batch_rows && o->right_at < batch_live_count(o->right)) {
        join_put_left(o, row, *n);
        put_right(o, batch_live_row(o->right, o->right_at++), *n);
        (*n)++;
        o->row_matched = true;
        if (one)
            break;
    }
}

static status loop_candidates(struct join_op *o, size_t *n)
{
    bool one = o->condition == NULL && (joins_kind(o, JOIN_SEMI) || joins_kind(o, JOIN_ANTI));
    bool extend = o->condition == NULL && joins_kind(o, JOIN_LEFT);

    while (*n < o->op.x->eval.batch_rows && o->left_at < batch_live_count(o->left)) {
        size_t row = batch_live_row(o->left, o->left_at);

        if (o->right == NULL)
            TRY_RETURN(advance_right(o, row));
        if (o->right == NULL) {
            if (extend && !o->row_matched) {
                join_put_left(o, row, *n);
                join_put_nulls(o, o->left_count, o->right_count, (*n)++);
            }
            end_row(o);
            continue;
        }
        take_candidates(o, row, one, n);
        if (one && o->row_matched)
            end_row(o);
        else if (o->right_at >= batch_live_count(o->right))
            o->right = NULL; /* and in_row: the next batch of the same left row */
    }
    return STATUS_OK;
}

static status loop_next(struct op *op, const struct batch **out)
{
    struct join_op *o = (struct join_op *)op;

    while (!o->left_done) {
        size_t n = 0;

        if (o->left == NULL) {
            TRY_RETURN(join_fetch_left(o));
            if (o->left == NULL)
                break;
        }
        if (!o->unmatched_phase)
            TRY_RETURN(loop_candidates(o, &n));
        if (n > 0) {
            TRY_RETURN(join_judge(o, n, &o->judged));
            *out = &o->judged;
            if (batch_live_count(*out) > 0)
                return STATUS_OK;
            arena_reset(op->rows); /* of pairs that did not hold */
            TRY_RETURN(sql_check_interrupts(op->x->c));
            continue;
        }
        o->unmatched_phase = true;
        /* Without a condition LEFT has its rows already, each in its place. */
        if (wants_unmatched(o) && !(o->condition == NULL && joins_kind(o, JOIN_LEFT)))
            n = join_collect_unmatched(o);
        if (n == 0) {
            o->left = NULL;
            continue;
        }
        o->raw.rows = n;
        o->raw.selected = NULL;
        *out = &o->raw;
        return STATUS_OK;
    }
    return STATUS_NO_DATA;
}

const struct op_class op_nested_loop = {
    .size = sizeof(struct join_op), .open = loop_open, .rewind = loop_rewind, .next = loop_next};
