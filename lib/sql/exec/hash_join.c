/* Hash join: the right rows in a table by their keys, the left ones look theirs up. When the table
 * is too large both sides go to temporary files, parted by the keys' hash, and the parts are joined
 * one after the other. */
#include <string.h>

#include "base/assert.h"
#include "sql/exec/join_internal.h"

static void put_entry(struct join_op *o, struct row_entry *e, size_t at)
{
    size_t keys = o->op.node->join.key_count;

    for (size_t i = 0; i < o->right_count; i++) {
        o->raw.columns[o->left_count + i].values[at] = e->row.values[keys + i];
        o->raw.columns[o->left_count + i].nulls[at] = e->row.nulls[keys + i];
    }
    o->entries[at] = e;
}

/* Rows as they go to parts: a right one behind its keys, a left one as it came. */
static void shapes(struct join_op *o)
{
    const struct plan_node *n = o->op.node;
    struct execution       *x = o->op.x;
    size_t                  keys = n->join.key_count, width = keys + o->right_count;
    uint32_t               *types = ARENA_ARRAY(x->arena, uint32_t, MAX(width, o->left_count));

    for (size_t i = 0; i < keys; i++)
        types[i] = n->join.right_keys[i]->type;
    for (size_t i = 0; i < o->right_count; i++)
        types[keys + i] = n->right->outputs[i]->type;
    row_shape_from_types(x, types, width, &o->entry_shape);
    row_shape_of(x, n->left, &o->left_shape);
    for (size_t i = 0; i < o->left_count; i++)
        types[i] = n->left->outputs[i]->type;
    batch_init(x, &o->left_batch, types, o->left_count);
    o->row_values = ARENA_ARRAY(x->arena, datum, MAX(width, o->left_count));
    o->row_nulls = ARENA_ARRAY(x->arena, bool, MAX(width, o->left_count));
}

static status hash_open(struct op *op)
{
    struct join_op   *o = (struct join_op *)op;
    struct execution *x = op->x;
    size_t            n = op->node->join.key_count;

    TRY_RETURN(join_open(op));
    shapes(o);
    o->keys = arena_new(arena_heap(op->arena), &x->account);
    o->left_rows = arena_new(arena_heap(op->arena), &x->account);
    o->key_columns = ARENA_ARRAY(x->arena, const struct column *, n);
    o->key_values = ARENA_ARRAY(x->arena, datum, n);
    o->key_nulls = ARENA_ARRAY(x->arena, bool, n);
    TRY_RETURN(join_compile_list(x, op->node->join.left_keys, n, &o->left_keys));
    return join_compile_list(x, op->node->join.right_keys, n, &o->right_keys);
}

static void forget_parts(struct join_op *o)
{
    spill_read_close(o->left_reader);
    o->left_reader = NULL;
    hash_parts_free(o->parts);
    o->parts = NULL;
    o->part = (struct hash_part){0};
}

static void hash_close(struct op *op)
{
    struct join_op *o = (struct join_op *)op;

    forget_parts(o);
    arena_free(o->keys);
    arena_free(o->left_rows);
}

static status hash_rewind(struct op *op)
{
    struct join_op *o = (struct join_op *)op;

    join_reset(o);
    forget_parts(o);
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

/* ---- building -----------------------------------------------------------------------------------
 */

static void note_memory(struct join_op *o)
{
    struct op_stats *s = &o->op.stats;

    s->memory_bytes = MAX(s->memory_bytes, arena_size(o->op.arena));
    s->buckets = MAX(s->buckets, row_table_buckets(o->table));
}

static void new_table(struct join_op *o)
{
    o->table = row_table_new(o->op.arena, o->op.node->join.key_types, o->op.node->join.key_count);
}

/* What the table holds goes to the parts; so will all that follows. */
static status table_to_parts(struct join_op *o, int level)
{
    note_memory(o);
    if (o->parts == NULL)
        TRY_RETURN(hash_parts_new(&o->op, &o->entry_shape, &o->left_shape, &o->parts));
    hash_parts_begin(o->parts, level);
    for (size_t i = 0; i < row_table_count(o->table); i++) {
        const struct row_entry *e = row_table_at(o->table, i);

        TRY_RETURN(hash_parts_put(o->parts, 0, e->hash, e->row.values, e->row.nulls));
    }
    arena_reset(o->op.arena);
    new_table(o);
    return STATUS_OK;
}

static status right_to_part(struct join_op *o, const struct batch *b, size_t row, uint64_t hash)
{
    size_t keys = o->op.node->join.key_count;

    for (size_t i = 0; i < keys; i++) {
        o->row_values[i] = o->key_values[i];
        o->row_nulls[i] = o->key_nulls[i];
    }
    for (size_t i = 0; i < o->right_count; i++) {
        o->row_values[keys + i] = b->columns[i].values[row];
        o->row_nulls[keys + i] = b->columns[i].nulls[row];
    }
    return hash_parts_put(o->parts, 0, hash, o->row_values, o->row_nulls);
}

static status take_right(struct join_op *o, const struct batch *b)
{
    TRY_RETURN(compute_keys(o, o->right_keys, b));
    for (size_t i = 0; i < batch_live_count(b); i++) {
        size_t   row = batch_live_row(b, i);
        uint64_t hash;

        if (!load_key(o, row) && !joins_kind(o, JOIN_FULL))
            continue;
        hash = row_table_hash(o->table, o->key_values, o->key_nulls);
        if (o->parts != NULL)
            TRY_RETURN(right_to_part(o, b, row, hash));
        else
            row_table_add(o->table, hash, keep_entry(o, b, row));
    }
    if (o->parts == NULL && spill_wanted(&o->op, arena_size(o->op.arena)))
        TRY_RETURN(table_to_parts(o, 0));
    TRY_RETURN(mem_account_check(&o->op.x->account));
    return sql_check_interrupts(o->op.x->c);
}

/* A left row that cannot matter is left out: no key, or nothing on the other side. */
static status left_to_part(struct join_op *o, size_t row)
{
    bool     whole = load_key(o, row);
    uint64_t hash = row_table_hash(o->table, o->key_values, o->key_nulls);

    if (!wants_unmatched(o) && (!whole || hash_parts_rows(o->parts, 0, hash) == 0))
        return STATUS_OK;
    for (size_t i = 0; i < o->left_count; i++) {
        o->row_values[i] = o->left->columns[i].values[row];
        o->row_nulls[i] = o->left->columns[i].nulls[row];
    }
    return hash_parts_put(o->parts, 1, hash, o->row_values, o->row_nulls);
}

static status all_left_to_parts(struct join_op *o)
{
    for (;;) {
        TRY_RETURN(join_fetch_left(o));
        if (o->left == NULL)
            return hash_parts_end(o->parts);
        TRY_RETURN(compute_keys(o, o->left_keys, o->left));
        for (size_t i = 0; i < batch_live_count(o->left); i++)
            TRY_RETURN(left_to_part(o, batch_live_row(o->left, i)));
        TRY_RETURN(mem_account_check(&o->op.x->account));
        TRY_RETURN(sql_check_interrupts(o->op.x->c));
    }
}

static status hash_build(struct join_op *o)
{
    const struct batch *b;
    status              st;

    o->built = true;
    new_table(o);
    while (st_ok(st = op_next(o->op.right, &b)))
        TRY_RETURN(take_right(o, b));
    if (st != STATUS_NO_DATA)
        return st;
    note_memory(o);
    if (o->parts != NULL)
        return all_left_to_parts(o);
    o->op.stats.batches = 1;
    return STATUS_OK;
}

/* ---- one part after the other -------------------------------------------------------------------
 */

static status move_rows(struct join_op *o, struct spill_reader *r, size_t side)
{
    for (uint64_t n = 1;; n++) {
        struct kept_row row;
        uint64_t        hash;
        status          st;

        arena_reset(o->left_rows);
        st = spill_read(r, o->left_rows, &row, &hash);
        if (st == STATUS_NO_DATA)
            return STATUS_OK;
        TRY_RETURN(st);
        TRY_RETURN(hash_parts_put(o->parts, side, hash, row.values, row.nulls));
        if (n % BATCH_ROWS_MAX == 0)
            TRY_RETURN(sql_check_interrupts(o->op.x->c));
    }
}

/* The part is too large as well; `r` has the rest of its right rows. */
static status part_again(struct join_op *o, struct spill_reader *r)
{
    struct spill_reader *left = NULL;
    status               st;

    TRY_RETURN(table_to_parts(o, o->part.level));
    TRY_RETURN(move_rows(o, r, 0));
    TRY_RETURN(spill_read_open(o->part.sides[1], true, &left));
    st = move_rows(o, left, 1);
    spill_read_close(left);
    TRY_RETURN(st);
    return hash_parts_end(o->parts);
}

/* Read the part's right rows into a table. *again: they were parted once more instead. Rows that
 * all have one hash stay together however often one parts them. */
static status fill_table(struct join_op *o, struct spill_reader *r, bool *again)
{
    uint64_t first = 0;
    bool     differ = false;

    *again = false;
    for (uint64_t n = 1;; n++) {
        struct kept_row row;
        uint64_t        hash;
        status          st = spill_read(r, o->op.arena, &row, &hash);

        if (st == STATUS_NO_DATA)
            return STATUS_OK;
        TRY_RETURN(st);
        first = n == 1 ? hash : first;
        differ |= hash != first;
        row_table_add(o->table, hash, row);
        if (n % 256 != 0)
            continue;
        if (differ && o->part.level < PART_LEVELS_MAX &&
            spill_wanted(&o->op, arena_size(o->op.arena))) {
            *again = true;
            return part_again(o, r);
        }
        TRY_RETURN(mem_account_check(&o->op.x->account));
        TRY_RETURN(sql_check_interrupts(o->op.x->c));
    }
}

static void end_part(struct join_op *o)
{
    spill_read_close(o->left_reader);
    o->left_reader = NULL;
    for (size_t side = 0; side < 2; side++) {
        if (o->part.sides[side] != NULL)
            spill_tape_drop(o->part.sides[side]);
        o->part.sides[side] = NULL;
    }
}

/* *more: there is a part to join, its right rows are in the table. */
static status next_part(struct join_op *o, bool *more)
{
    for (;;) {
        struct spill_reader *r = NULL;
        bool                 again = false;
        status               st;

        end_part(o);
        *more = o->parts != NULL && hash_parts_next(o->parts, &o->part);
        if (!*more)
            return STATUS_OK;
        arena_reset(o->op.arena);
        new_table(o);
        TRY_RETURN(spill_read_open(o->part.sides[0], true, &r));
        st = fill_table(o, r, &again);
        spill_read_close(r);
        TRY_RETURN(st);
        if (again)
            continue;
        note_memory(o);
        o->rest_at = 0;
        o->left_done = false;
        return spill_read_open(o->part.sides[1], true, &o->left_reader);
    }
}

static status fetch_part_left(struct join_op *o)
{
    status st;

    arena_reset(o->left_rows);
    st = spill_read_batch(o->left_reader, o->left_rows, &o->left_batch);
    o->left_done = st == STATUS_NO_DATA;
    o->left = NULL;
    if (o->left_done)
        return STATUS_OK;
    TRY_RETURN(st);
    o->left = &o->left_batch;
    join_start_left(o);
    return sql_check_interrupts(o->op.x->c);
}

/* ---- joining ------------------------------------------------------------------------------------
 */

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
            join_put_left(o, row, n);
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
        join_put_nulls(o, 0, o->left_count, n);
        put_entry(o, e, n++);
    }
    if (n == 0)
        return STATUS_NO_DATA;
    o->raw.rows = n;
    o->raw.selected = NULL;
    *out = &o->raw;
    return STATUS_OK;
}

/* Rows of what is in the table: all, or one part; NO_DATA behind the last. */
static status next_of_table(struct join_op *o, const struct batch **out)
{
    while (!o->left_done) {
        size_t n;

        if (o->left == NULL) {
            TRY_RETURN(o->left_reader != NULL ? fetch_part_left(o) : join_fetch_left(o));
            if (o->left == NULL)
                break;
            TRY_RETURN(compute_keys(o, o->left_keys, o->left));
        }
        n = o->unmatched_phase ? 0 : hash_candidates(o);
        if (n > 0) {
            TRY_RETURN(join_judge(o, n, &o->judged));
            *out = &o->judged;
            if (batch_live_count(*out) > 0)
                return STATUS_OK;
            arena_reset(o->op.rows);
            TRY_RETURN(sql_check_interrupts(o->op.x->c));
            continue;
        }
        o->unmatched_phase = true;
        n = wants_unmatched(o) ? join_collect_unmatched(o) : 0;
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

static status hash_next(struct op *op, const struct batch **out)
{
    struct join_op *o = (struct join_op *)op;
    bool            more = true;

    if (!o->built) {
        TRY_RETURN(hash_build(o));
        if (o->parts != NULL)
            TRY_RETURN(next_part(o, &more));
    }
    while (more) {
        status st = next_of_table(o, out);

        if (st != STATUS_NO_DATA)
            return st;
        TRY_RETURN(next_part(o, &more));
    }
    return STATUS_NO_DATA;
}

const struct op_class op_hash_join = {.size = sizeof(struct join_op),
                                      .open = hash_open,
                                      .rewind = hash_rewind,
                                      .next = hash_next,
                                      .close = hash_close};
