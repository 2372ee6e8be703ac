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
#include "sql/exec/op.h"

struct join_op {
    struct op             op;
    struct batch          raw;    /* candidates: left columns, then right columns */
    struct batch          judged; /* those of them that the join hands on */
    size_t                left_count, right_count;
    struct row_shape      right_shape;
    struct eval          *condition;
    uint16_t             *selection;
    uint16_t             *origin;  /* left row of each candidate */
    struct row_entry    **entries; /* hash: right row of each candidate */
    const struct batch   *left;    /* being joined; NULL: the next is to be fetched */
    size_t                left_at; /* position among its live rows */
    bool                 *matched; /* by row of the left batch */
    bool                  left_done, unmatched_phase;
    size_t                unmatched_at;
    /* hash */
    struct eval         **left_keys, **right_keys;
    const struct column **key_columns;
    datum                *key_values;
    bool                 *key_nulls;
    struct row_table     *table;
    struct arena         *keys;  /* of the left batch */
    struct row_entry     *entry; /* the next candidate of the current left row */
    bool                  built;
    size_t                rest_at; /* FULL: right rows looked through */
    /* nested loop */
    struct eval         **params;
    const struct batch   *right;
    size_t                right_at;
    bool                  in_row, right_is_kept, row_matched;
};

static bool joins_kind(const struct join_op *o, enum join_kind kind)
{
    return o->op.node->join.kind == kind;
}

static bool wants_unmatched(const struct join_op *o)
{
    return joins_kind(o, JOIN_LEFT) || joins_kind(o, JOIN_FULL) || joins_kind(o, JOIN_ANTI);
}

/* ---- opening ------------------------------------------------------------------------------------
 */

static status join_open(struct op *op)
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

static status compile_list(struct execution *x, struct expr *const *list, size_t count,
                           struct eval ***out)
{
    *out = ARENA_ARRAY(x->arena, struct eval *, count);
    for (size_t i = 0; i < count; i++)
        TRY_RETURN(eval_compile(&x->eval, list[i], &(*out)[i]));
    return STATUS_OK;
}

static void join_reset(struct join_op *o)
{
    o->left = NULL;
    o->left_done = o->unmatched_phase = o->in_row = o->built = false;
    o->entry = NULL;
    o->right = NULL;
    o->rest_at = 0;
}

/* ---- candidates ---------------------------------------------------------------------------------
 */

static void put_left(struct join_op *o, size_t left_row, size_t at)
{
    for (size_t i = 0; i < o->left_count; i++) {
        o->raw.columns[i].values[at] = o->left->columns[i].values[left_row];
        o->raw.columns[i].nulls[at] = o->left->columns[i].nulls[left_row];
    }
    o->origin[at] = (uint16_t)left_row;
}

static void put_nulls(struct join_op *o, size_t from, size_t count, size_t at)
{
    for (size_t i = from; i < from + count; i++)
        o->raw.columns[i].nulls[at] = true;
}

static void put_entry(struct join_op *o, struct row_entry *e, size_t at)
{
    size_t keys = o->op.node->join.key_count;

    for (size_t i = 0; i < o->right_count; i++) {
        o->raw.columns[o->left_count + i].values[at] = e->row.values[keys + i];
        o->raw.columns[o->left_count + i].nulls[at] = e->row.nulls[keys + i];
    }
    o->entries[at] = e;
}

/* Of the candidates [0, count), those that the join hands on. */
static status judge(struct join_op *o, size_t count, struct batch *out)
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
static size_t collect_unmatched(struct join_op *o)
{
    size_t n = 0;

    while (o->unmatched_at < batch_live_count(o->left) && n < o->op.x->eval.batch_rows) {
        size_t row = batch_live_row(o->left, o->unmatched_at++);

        if (o->matched[row])
            continue;
        put_left(o, row, n);
        put_nulls(o, o->left_count, o->right_count, n++);
    }
    return n;
}

static status fetch_left(struct join_op *o)
{
    status st = op_next(o->op.left, &o->left);

    if (st == STATUS_NO_DATA) {
        o->left_done = true;
        o->left = NULL;
        return STATUS_OK;
    }
    TRY_RETURN(st);
    o->left_at = 0;
    o->unmatched_at = 0;
    o->unmatched_phase = false;
    memset(o->matched, 0, o->op.x->eval.batch_rows);
    return STATUS_OK;
}

/* ---- hash join ----------------------------------------------------------------------------------
 */

static status hash_open(struct op *op)
{
    struct join_op   *o = (struct join_op *)op;
    struct execution *x = op->x;
    size_t            n = op->node->join.key_count;

    TRY_RETURN(join_open(op));
    o->keys = arena_new(arena_heap(op->arena), &x->account);
    o->key_columns = ARENA_ARRAY(x->arena, const struct column *, n);
    o->key_values = ARENA_ARRAY(x->arena, datum, n);
    o->key_nulls = ARENA_ARRAY(x->arena, bool, n);
    TRY_RETURN(compile_list(x, op->node->join.left_keys, n, &o->left_keys));
    return compile_list(x, op->node->join.right_keys, n, &o->right_keys);
}

static void hash_close(struct op *op)
{
    arena_free(((struct join_op *)op)->keys);
}

static status hash_rewind(struct op *op)
{
    struct join_op *o = (struct join_op *)op;

    join_reset(o);
    TRY_RETURN(op_rewind(op->left));
    return op_rewind(op->right);
}

static status compute_keys(struct join_op *o, struct eval **keys, const struct batch *b)
{
    arena_reset(o->keys);
    for (size_t i = 0; i < o->op.node->join.key_count; i++)
        TRY_RETURN(eval_batch(keys[i], b->columns, b->selected, batch_live_count(b), o->keys,
                              &o->key_columns[i]));
    return STATUS_OK;
}

/* The key of one row; false when a part is null: nothing equals it. */
static bool load_key(struct join_op *o, size_t row)
{
    bool whole = true;

    for (size_t i = 0; i < o->op.node->join.key_count; i++) {
        o->key_nulls[i] = o->key_columns[i]->nulls[row];
        o->key_values[i] = o->key_columns[i]->values[row];
        whole &= !o->key_nulls[i];
    }
    return whole;
}

static struct kept_row keep_entry(struct join_op *o, const struct batch *b, size_t row)
{
    size_t          keys = o->op.node->join.key_count, n = keys + o->right_count;
    struct arena   *a = o->op.arena;
    struct kept_row r;

    r.values = arena_alloc(a, n * (sizeof(datum) + sizeof(bool)) + 1);
    r.nulls = (bool *)(r.values + n);
    for (size_t i = 0; i < keys; i++) {
        r.nulls[i] = o->key_nulls[i];
        r.values[i] = o->key_values[i];
        if (!r.nulls[i] && o->op.node->join.key_types[i]->datum_kind == DATUM_SLICE)
            r.values[i].s = arena_copy(a, o->key_values[i].s);
    }
    for (size_t i = 0; i < o->right_count; i++) {
        r.nulls[keys + i] = b->columns[i].nulls[row];
        r.values[keys + i] = b->columns[i].values[row];
        if (!r.nulls[keys + i] && o->right_shape.is_slice[i])
            r.values[keys + i].s = arena_copy(a, b->columns[i].values[row].s);
    }
    return r;
}

static status hash_build(struct join_op *o)
{
    const struct batch *b;
    status              st;

    o->built = true;
    o->table = row_table_new(o->op.arena, o->op.node->join.key_types, o->op.node->join.key_count);
    while (st_ok(st = op_next(o->op.right, &b))) {
        TRY_RETURN(compute_keys(o, o->right_keys, b));
        for (size_t i = 0; i < batch_live_count(b); i++) {
            size_t row = batch_live_row(b, i);

            if (load_key(o, row) || joins_kind(o, JOIN_FULL))
                row_table_add(o->table, row_table_hash(o->table, o->key_values, o->key_nulls),
                              keep_entry(o, b, row));
        }
        TRY_RETURN(mem_account_check(&o->op.x->account));
        TRY_RETURN(sql_check_interrupts(o->op.x->c));
    }
    return st == STATUS_NO_DATA ? STATUS_OK : st;
}

/* Pairs of the current left batch, as many as fit. */
static size_t hash_candidates(struct join_op *o)
{
    bool one_is_enough =
        o->condition == NULL && (joins_kind(o, JOIN_SEMI) || joins_kind(o, JOIN_ANTI));
    size_t n = 0;

    while (n < o->op.x->eval.batch_rows && o->left_at < batch_live_count(o->left)) {
        size_t row = batch_live_row(o->left, o->left_at);

        if (!o->in_row) {
            o->in_row = true;
            o->entry = NULL;
            if (load_key(o, row))
                o->entry =
                    row_table_find(o->table, row_table_hash(o->table, o->key_values, o->key_nulls),
                                   o->key_values, o->key_nulls);
        }
        if (o->entry != NULL) {
            put_left(o, row, n);
            put_entry(o, o->entry, n++);
            load_key(o, row);
            o->entry = one_is_enough
                           ? NULL
                           : row_table_next_equal(o->table, o->entry, o->key_values, o->key_nulls);
        }
        if (o->entry == NULL) {
            o->in_row = false;
            o->left_at++;
        }
    }
    return n;
}

/* FULL: right rows that no left row wanted. */
static status hash_rest(struct join_op *o, const struct batch **out)
{
    size_t n = 0;

    while (joins_kind(o, JOIN_FULL) && n < o->op.x->eval.batch_rows &&
           o->rest_at < row_table_count(o->table)) {
        struct row_entry *e = row_table_at(o->table, o->rest_at++);

        if (e->matched)
            continue;
        put_nulls(o, 0, o->left_count, n);
        put_entry(o, e, n++);
    }
    if (n == 0)
        return STATUS_NO_DATA;
    o->raw.rows = n;
    o->raw.selected = NULL;
    *out = &o->raw;
    return STATUS_OK;
}

static status hash_next(struct op *op, const struct batch **out)
{
    struct join_op *o = (struct join_op *)op;

    if (!o->built)
        TRY_RETURN(hash_build(o));
    while (!o->left_done) {
        size_t n;

        if (o->left == NULL) {
            TRY_RETURN(fetch_left(o));
            if (o->left == NULL)
                break;
            TRY_RETURN(compute_keys(o, o->left_keys, o->left));
        }
        n = o->unmatched_phase ? 0 : hash_candidates(o);
        if (n > 0) {
            TRY_RETURN(judge(o, n, &o->judged));
            *out = &o->judged;
            if (batch_live_count(*out) > 0)
                return STATUS_OK;
            arena_reset(op->rows);
            TRY_RETURN(sql_check_interrupts(op->x->c));
            continue;
        }
        o->unmatched_phase = true;
        n = wants_unmatched(o) ? collect_unmatched(o) : 0;
        if (n == 0) {
            o->left = NULL;
            continue;
        }
        o->raw.rows = n;
        o->raw.selected = NULL;
        *out = &o->raw;
        return STATUS_OK;
    }
    return hash_rest(o, out);
}

const struct op_class op_hash_join = {.size = sizeof(struct join_op),
                                      .open = hash_open,
                                      .rewind = hash_rewind,
                                      .next = hash_next,
                                      .close = hash_close};

/* ---- nested loop --------------------------------------------------------------------------------
 */

static status loop_open(struct op *op)
{
    struct join_op *o = (struct join_op *)op;

    TRY_RETURN(join_open(op));
    o->right_is_kept = op->node->right->kind == PLAN_MATERIALIZE && op->node->right->identity;
    return compile_list(op->x, op->node->join.param_values, op->node->join.param_count, &o->params);
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
        put_left(o, row, *n);
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
                put_left(o, row, *n);
                put_nulls(o, o->left_count, o->right_count, (*n)++);
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
            TRY_RETURN(fetch_left(o));
            if (o->left == NULL)
                break;
        }
        if (!o->unmatched_phase)
            TRY_RETURN(loop_candidates(o, &n));
        if (n > 0) {
            TRY_RETURN(judge(o, n, &o->judged));
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
            n = collect_unmatched(o);
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
