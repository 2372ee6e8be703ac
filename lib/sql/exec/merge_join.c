/* Merge join: both inputs come in the order of the keys. The right rows that share a key are kept
 * as a group; every left row with that key meets all of them.
 *
 * Candidates are collected as in the other joins, and the condition is asked about all at once.
 * Rows that may stay alone are candidates too: a left row behind its pairs, a right row (FULL) when
 * its group is left. Whether it was alone is known when the candidates are gone through in order,
 * so the rows come out in the order of the left input, whatever the kind of join.
 *
 * A null in a key equals nothing: such rows pass by the merge. */
#include <string.h>

#include "base/assert.h"
#include "sql/exec/op.h"

enum candidate { PAIR, LEFT_ALONE, RIGHT_ALONE };

struct side {
    struct eval         **keys;
    const struct column **key_columns; /* of the batch at hand */
    struct arena         *arena;       /* what they need */
    const struct batch   *batch;       /* NULL: the next is to be fetched */
    size_t                at;          /* position among its live rows */
    bool                  done;
};

struct merge_op {
    struct op          op;
    struct batch       raw, judged;
    size_t             left_count, right_count;
    struct row_shape   right_shape;
    struct eval       *condition;
    uint16_t          *selection, *origin;
    uint8_t           *what; /* enum candidate, by candidate */
    struct row_entry **entries;
    bool              *matched, *passed; /* by left row; by candidate */
    struct side        left, right;
    bool               wants_left, wants_right, once; /* once: one partner settles a left row */
    /* The group: right rows with the key of `group[0]`. It and the groups of the candidates that
     * the operator above is looking at live in two arenas in turn. */
    struct arena      *arenas[2], *group_arena;
    int                fill;
    struct row_entry **group;
    size_t             group_count, group_capacity;
    size_t             pair_at;         /* next partner of the current left row */
    bool               in_row, leaving; /* leaving: its rows without a partner go out first */
    size_t             leave_at;
};

/* ---- opening ------------------------------------------------------------------------------------
 */

static status side_open(struct execution *x, struct side *s, struct expr *const *keys, size_t count)
{
    s->arena = arena_new(arena_heap(x->arena), &x->account);
    s->keys = ARENA_ARRAY(x->arena, struct eval *, count);
    s->key_columns = ARENA_ARRAY(x->arena, const struct column *, count);
    for (size_t i = 0; i < count; i++)
        TRY_RETURN(eval_compile(&x->eval, keys[i], &s->keys[i]));
    return STATUS_OK;
}

static status merge_open(struct op *op)
{
    struct merge_op        *o = (struct merge_op *)op;
    const struct plan_node *n = op->node;
    struct execution       *x = op->x;
    size_t                  rows = x->eval.batch_rows;
    enum join_kind          kind = n->join.kind;

    o->left_count = n->left->output_count;
    o->right_count = n->right->output_count;
    o->wants_left = kind == JOIN_LEFT || kind == JOIN_FULL || kind == JOIN_ANTI;
    o->wants_right = kind == JOIN_FULL;
    o->once = n->join.condition == NULL && (kind == JOIN_SEMI || kind == JOIN_ANTI);
    batch_init(x, &o->raw, n->raw_types, n->raw_count);
    row_shape_of(x, n->right, &o->right_shape);
    o->selection = ARENA_ARRAY(x->arena, uint16_t, rows);
    o->origin = ARENA_ARRAY(x->arena, uint16_t, rows);
    o->what = ARENA_ARRAY(x->arena, uint8_t, rows);
    o->entries = ARENA_ARRAY(x->arena, struct row_entry *, rows);
    o->matched = ARENA_ARRAY(x->arena, bool, rows);
    o->passed = ARENA_ARRAY(x->arena, bool, rows);
    o->arenas[0] = arena_new(arena_heap(x->arena), &x->account);
    o->arenas[1] = arena_new(arena_heap(x->arena), &x->account);
    TRY_RETURN(side_open(x, &o->left, n->join.left_keys, n->join.key_count));
    TRY_RETURN(side_open(x, &o->right, n->join.right_keys, n->join.key_count));
    if (n->join.condition != NULL)
        return eval_compile(&x->eval, n->join.condition, &o->condition);
    return STATUS_OK;
}

static void merge_close(struct op *op)
{
    struct merge_op *o = (struct merge_op *)op;

    arena_free(o->arenas[0]);
    arena_free(o->arenas[1]);
    arena_free(o->left.arena);
    arena_free(o->right.arena);
}

static status merge_rewind(struct op *op)
{
    struct merge_op *o = (struct merge_op *)op;

    o->left.batch = o->right.batch = NULL;
    o->left.done = o->right.done = false;
    o->group_count = 0;
    o->in_row = o->leaving = false;
    TRY_RETURN(op_rewind(op->left));
    return op_rewind(op->right);
}

/* ---- inputs -------------------------------------------------------------------------------------
 */

/* Have a row at hand, or know that there is none: side->done. */
static status side_fetch(struct merge_op *o, struct side *s, struct op *input)
{
    status st;

    if (s->done || (s->batch != NULL && s->at < batch_live_count(s->batch)))
        return STATUS_OK;
    TRY_RETURN(sql_check_interrupts(o->op.x->c));
    s->at = 0;
    st = op_next(input, &s->batch);
    if (st == STATUS_NO_DATA) {
        s->done = true;
        s->batch = NULL;
        return STATUS_OK;
    }
    TRY_RETURN(st);
    arena_reset(s->arena);
    for (size_t i = 0; i < o->op.node->join.key_count; i++)
        TRY_RETURN(eval_batch(s->keys[i], s->batch->columns, s->batch->selected,
                              batch_live_count(s->batch), s->arena, &s->key_columns[i]));
    return STATUS_OK;
}

static size_t side_row(const struct side *s)
{
    return batch_live_row(s->batch, s->at);
}

static bool has_null_key(const struct merge_op *o, const struct side *s)
{
    size_t row = side_row(s);

    for (size_t i = 0; i < o->op.node->join.key_count; i++) {
        if (s->key_columns[i]->nulls[row])
            return true;
    }
    return false;
}

static int compare_datum(const struct merge_op *o, size_t key, datum x, datum y)
{
    int c = o->op.node->join.key_types[key]->compare(x, y);

    return o->op.node->join.descending[key] ? -c : c;
}

/* The right row at hand against the left one; neither has a null. */
static int compare_sides(const struct merge_op *o)
{
    size_t r = side_row(&o->right), l = side_row(&o->left);
    int    c = 0;

    for (size_t i = 0; i < o->op.node->join.key_count && c == 0; i++)
        c = compare_datum(o, i, o->right.key_columns[i]->values[r],
                          o->left.key_columns[i]->values[l]);
    return c;
}

/* The group against the row at hand of a side. */
static int compare_group(const struct merge_op *o, const struct side *s)
{
    size_t row = side_row(s);
    int    c = 0;

    for (size_t i = 0; i < o->op.node->join.key_count && c == 0; i++)
        c = compare_datum(o, i, o->group[0]->row.values[i], s->key_columns[i]->values[row]);
    return c;
}

/* ---- groups -------------------------------------------------------------------------------------
 */

static void group_add(struct merge_op *o)
{
    size_t            keys = o->op.node->join.key_count, row = side_row(&o->right);
    size_t            n = keys + o->right_count;
    struct arena     *a = o->group_arena;
    struct row_entry *e = ARENA_NEW(a, struct row_entry);

    e->row.values = arena_alloc(a, n * (sizeof(datum) + sizeof(bool)) + 1);
    e->row.nulls = (bool *)(e->row.values + n);
    for (size_t i = 0; i < n; i++) {
        const struct column *c =
            i < keys ? o->right.key_columns[i] : &o->right.batch->columns[i - keys];
        bool is_slice = i < keys ? o->op.node->join.key_types[i]->datum_kind == DATUM_SLICE
                                 : o->right_shape.is_slice[i - keys];

        e->row.nulls[i] = c->nulls[row];
        e->row.values[i] = c->values[row];
        if (!e->row.nulls[i] && is_slice)
            e->row.values[i].s = arena_copy(a, c->values[row].s);
    }
    if (o->group_count == o->group_capacity || o->group_count == 0) {
        size_t capacity = o->group_count == 0 ? 8 : o->group_capacity * 2;

        o->group = arena_realloc(a, o->group_count == 0 ? NULL : o->group,
                                 o->group_count * sizeof *o->group, capacity * sizeof *o->group);
        o->group_capacity = capacity;
    }
    o->group[o->group_count++] = e;
    o->right.at++;
}

/* The right row at hand and those behind it with the same key. A row with a null, which only FULL
 * looks at, is a group of its own. */
static status group_load(struct merge_op *o)
{
    bool alone = has_null_key(o, &o->right);

    ASSERT(o->group_count == 0);
    o->group_arena = o->arenas[o->fill];
    group_add(o);
    while (!alone) {
        TRY_RETURN(side_fetch(o, &o->right, o->op.right));
        if (o->right.done || has_null_key(o, &o->right) || compare_group(o, &o->right) != 0)
            break;
        if (o->once) {
            o->right.at++; /* nobody looks at the others */
            continue;
        }
        group_add(o);
        if ((o->group_count & 1023) == 0)
            TRY_RETURN(mem_account_check(&o->op.x->account));
    }
    return STATUS_OK;
}

static void group_leave(struct merge_op *o)
{
    if (o->group_count > 0 && o->wants_right) {
        o->leaving = true;
        o->leave_at = 0;
    } else {
        o->group_count = 0;
    }
}

/* Bring the group to the left row's key, or one step nearer: the rows of a group that is left
 * (FULL) go out first. *found: the group has the key; *settled: there is none with it. */
static status group_seek(struct merge_op *o, bool *found, bool *settled)
{
    *found = *settled = false;
    if (has_null_key(o, &o->left)) {
        *settled = true;
        return STATUS_OK;
    }
    for (;;) {
        if (o->group_count > 0) {
            int c = compare_group(o, &o->left);

            *found = c == 0;
            *settled = c >= 0;
            if (c < 0)
                group_leave(o);
            if (c >= 0 || o->leaving)
                return STATUS_OK;
        }
        TRY_RETURN(side_fetch(o, &o->right, o->op.right));
        *settled = o->right.done;
        if (o->right.done)
            return STATUS_OK;
        if (has_null_key(o, &o->right)) {
            if (!o->wants_right) {
                o->right.at++;
                continue;
            }
            TRY_RETURN(group_load(o));
            group_leave(o);
            return STATUS_OK;
        }
        int c = compare_sides(o);

        if (c > 0) {
            *settled = true;
            return STATUS_OK;
        }
        if (c < 0 && !o->wants_right)
            o->right.at++;
        else
            TRY_RETURN(group_load(o));
    }
}

/* ---- candidates ---------------------------------------------------------------------------------
 */

static void put_left(struct merge_op *o, size_t at)
{
    size_t row = side_row(&o->left);

    for (size_t i = 0; i < o->left_count; i++) {
        o->raw.columns[i].values[at] = o->left.batch->columns[i].values[row];
        o->raw.columns[i].nulls[at] = o->left.batch->columns[i].nulls[row];
    }
    o->origin[at] = (uint16_t)row;
}

static void put_right(struct merge_op *o, struct row_entry *e, size_t at)
{
    size_t keys = o->op.node->join.key_count;

    for (size_t i = 0; i < o->right_count; i++) {
        o->raw.columns[o->left_count + i].values[at] = e->row.values[keys + i];
        o->raw.columns[o->left_count + i].nulls[at] = e->row.nulls[keys + i];
    }
    o->entries[at] = e;
}

static void put_nulls(struct merge_op *o, size_t from, size_t count, size_t at)
{
    for (size_t i = from; i < from + count; i++)
        o->raw.columns[i].nulls[at] = true;
}

/* Rows of the group that is being left; those without a partner are picked by judge(). */
static void put_leaving(struct merge_op *o, size_t *n)
{
    while (o->leave_at < o->group_count && *n < o->op.x->eval.batch_rows) {
        put_nulls(o, 0, o->left_count, *n);
        put_right(o, o->group[o->leave_at++], *n);
        o->what[(*n)++] = RIGHT_ALONE;
    }
    if (o->leave_at == o->group_count) {
        o->leaving = false;
        o->group_count = 0;
    }
}

/* Candidates of the current left row; it is done when in_row is false again. */
static void put_pairs(struct merge_op *o, bool found, size_t *n)
{
    size_t partners = !found ? 0 : o->once ? 1 : o->group_count;

    while (o->pair_at < partners && *n < o->op.x->eval.batch_rows) {
        put_left(o, *n);
        put_right(o, o->group[o->pair_at++], *n);
        o->what[(*n)++] = PAIR;
    }
    if (o->pair_at < partners || (o->wants_left && *n == o->op.x->eval.batch_rows))
        return;
    if (o->wants_left) {
        put_left(o, *n);
        put_nulls(o, o->left_count, o->right_count, *n);
        o->what[(*n)++] = LEFT_ALONE;
    }
    o->in_row = false;
    o->left.at++;
}

/* Behind the last left row: what is left of the right side (FULL). */
static status drain_right(struct merge_op *o, bool *more)
{
    *more = true;
    if (o->group_count > 0) {
        group_leave(o);
        return STATUS_OK;
    }
    TRY_RETURN(side_fetch(o, &o->right, o->op.right));
    *more = !o->right.done;
    return *more ? group_load(o) : STATUS_OK;
}

/* Candidates of one left batch at most: they borrow from it. */
static status candidates(struct merge_op *o, size_t *n)
{
    *n = 0;
    while (*n < o->op.x->eval.batch_rows) {
        bool found, settled, more;

        if (o->leaving) {
            put_leaving(o, n);
            continue;
        }
        if (o->left.batch == NULL || o->left.at >= batch_live_count(o->left.batch)) {
            if (*n > 0 && !o->left.done)
                return STATUS_OK;
            TRY_RETURN(side_fetch(o, &o->left, o->op.left));
            if (!o->left.done)
                memset(o->matched, 0, o->op.x->eval.batch_rows);
        }
        if (o->left.done) {
            if (!o->wants_right)
                return STATUS_OK;
            TRY_RETURN(drain_right(o, &more));
            if (!more)
                return STATUS_OK;
            continue;
        }
        TRY_RETURN(group_seek(o, &found, &settled));
        if (!settled)
            continue; /* rows of an earlier group first */
        if (!found && o->right.done && o->group_count == 0 && !o->wants_left) {
            o->left.done = true; /* nothing more can match */
            o->left.batch = NULL;
            return STATUS_OK;
        }
        if (!o->in_row)
            o->pair_at = 0;
        o->in_row = true;
        put_pairs(o, found, n);
    }
    return STATUS_OK;
}

/* ---- judging ------------------------------------------------------------------------------------
 */

static status ask_condition(struct merge_op *o, size_t count)
{
    struct batch b = o->raw;
    size_t       pairs = 0;

    for (size_t i = 0; i < count; i++) {
        o->passed[i] = o->condition == NULL;
        if (o->what[i] == PAIR)
            o->selection[pairs++] = (uint16_t)i;
    }
    if (o->condition == NULL || pairs == 0)
        return STATUS_OK;
    b.selected = o->selection;
    b.selected_count = pairs;
    TRY_RETURN(eval_filter(o->condition, &b, o->selection, o->op.rows));
    for (size_t i = 0; i < b.selected_count; i++)
        o->passed[o->selection[i]] = true;
    return STATUS_OK;
}

static bool keeps_pair(struct merge_op *o, size_t at)
{
    enum join_kind kind = o->op.node->join.kind;
    bool           first = !o->matched[o->origin[at]];

    if (!o->passed[at])
        return false;
    o->matched[o->origin[at]] = true;
    o->entries[at]->matched = true;
    return kind != JOIN_ANTI && (kind != JOIN_SEMI || first);
}

static status judge(struct merge_op *o, size_t count)
{
    size_t kept = 0;

    o->raw.rows = count;
    o->raw.selected = NULL;
    TRY_RETURN(ask_condition(o, count));
    for (size_t i = 0; i < count; i++) {
        bool keep = o->what[i] == PAIR         ? keeps_pair(o, i)
                    : o->what[i] == LEFT_ALONE ? !o->matched[o->origin[i]]
                                               : !o->entries[i]->matched;

        if (keep)
            o->selection[kept++] = (uint16_t)i;
    }
    o->judged = o->raw;
    o->judged.selected = o->selection;
    o->judged.selected_count = kept;
    return STATUS_OK;
}

static status merge_next(struct op *op, const struct batch **out)
{
    struct merge_op *o = (struct merge_op *)op;
    size_t           n;

    for (;;) {
        /* The candidates of last time are done with, but not their newest group. */
        if (o->group_arena == o->arenas[o->fill])
            o->fill ^= 1;
        arena_reset(o->arenas[o->fill]);
        TRY_RETURN(candidates(o, &n));
        if (n == 0)
            return STATUS_NO_DATA;
        TRY_RETURN(judge(o, n));
        if (o->judged.selected_count > 0) {
            *out = &o->judged;
            return STATUS_OK;
        }
        arena_reset(op->rows);
        TRY_RETURN(mem_account_check(&op->x->account));
    }
}

const struct op_class op_merge_join = {.size = sizeof(struct merge_op),
                                       .open = merge_open,
                                       .rewind = merge_rewind,
                                       .next = merge_next,
                                       .close = merge_close};
