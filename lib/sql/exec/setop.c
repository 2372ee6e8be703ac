/* UNION ALL, INTERSECT, EXCEPT; set-returning functions of a target list. */
#include <string.h>

#include "base/assert.h"
#include "sql/exec/hash_parts.h"
#include "sql/types/record.h"

struct append_op {
    struct op    op;
    struct op  **children;
    size_t       at;
    struct batch cut;
};

static status append_open(struct op *op)
{
    struct append_op *o = (struct append_op *)op;

    o->children = ARENA_ARRAY(op->x->arena, struct op *, op->node->child_count);
    for (size_t i = 0; i < op->node->child_count; i++)
        TRY_RETURN(op_new(op->x, op->node->children[i], &o->children[i]));
    return STATUS_OK;
}

static void append_close(struct op *op)
{
    struct append_op *o = (struct append_op *)op;

    for (size_t i = 0; o->children != NULL && i < op->node->child_count; i++)
        op_close(o->children[i]);
}

static status append_rewind(struct op *op)
{
    struct append_op *o = (struct append_op *)op;

    o->at = 0;
    for (size_t i = 0; i < op->node->child_count; i++)
        TRY_RETURN(op_rewind(o->children[i]));
    return STATUS_OK;
}

static status append_next(struct op *op, const struct batch **out)
{
    struct append_op *o = (struct append_op *)op;

    while (o->at < op->node->child_count) {
        const struct batch *b;
        status              st = op_next(o->children[o->at], &b);

        if (st == STATUS_NO_DATA) {
            o->at++;
            continue;
        }
        TRY_RETURN(st);
        o->cut = *b;
        o->cut.column_count = op->node->raw_count; /* an operand's hidden columns stay behind */
        *out = &o->cut;
        return STATUS_OK;
    }
    return STATUS_NO_DATA;
}

const struct op_class op_append = {.size = sizeof(struct append_op),
                                   .open = append_open,
                                   .rewind = append_rewind,
                                   .next = append_next,
                                   .close = append_close};

/* ---- INTERSECT, EXCEPT --------------------------------------------------------------------------
 * Count how often each row comes on either side, then hand out as often as SQL says. */

struct counts {
    uint64_t left, right, emit;
};

struct hashed_set_op {
    struct append_op     base; /* children */
    struct batch         raw;
    struct row_shape     shape;
    const struct type  **types;
    struct row_table    *table;
    size_t               at;
    bool                 built;
    struct arena        *part_rows; /* of a batch read from a part */
    /* The table takes no new rows once it is full; those it lacks go to parts. */
    struct hash_parts   *parts;
    struct hash_part     part;
    struct spill_reader *reader;
    struct batch         part_batch;
    bool                 full;
    datum               *values; /* the row at hand */
    bool                *nulls;
};

static status set_open(struct op *op)
{
    struct hashed_set_op *o = (struct hashed_set_op *)op;

    batch_init(op->x, &o->raw, op->node->raw_types, op->node->raw_count);
    batch_init(op->x, &o->part_batch, op->node->raw_types, op->node->raw_count);
    row_shape_from_types(op->x, op->node->raw_types, op->node->raw_count, &o->shape);
    o->values = ARENA_ARRAY(op->x->arena, datum, o->shape.count);
    o->nulls = ARENA_ARRAY(op->x->arena, bool, o->shape.count);
    o->part_rows = arena_new(arena_heap(op->arena), &op->x->account);
    return append_open(op);
}

static void set_forget_parts(struct hashed_set_op *o)
{
    spill_read_close(o->reader);
    o->reader = NULL;
    hash_parts_free(o->parts);
    o->parts = NULL;
    o->part = (struct hash_part){0};
    o->full = false;
}

static void set_close(struct op *op)
{
    struct hashed_set_op *o = (struct hashed_set_op *)op;

    set_forget_parts(o);
    arena_free(o->part_rows);
    append_close(op);
}

static status set_rewind(struct op *op)
{
    struct hashed_set_op *o = (struct hashed_set_op *)op;

    set_forget_parts(o);

    o->built = false;
    o->at = 0;
    return append_rewind(op);
}

static status count_row(struct hashed_set_op *o, size_t side, const struct batch *b, size_t row)
{
    struct arena     *a = o->base.op.arena;
    struct row_entry *e;
    uint64_t          hash;

    for (size_t i = 0; i < o->shape.count; i++) {
        o->values[i] = b->columns[i].values[row];
        o->nulls[i] = b->columns[i].nulls[row];
    }
    hash = row_table_hash(o->table, o->values, o->nulls);
    e = row_table_find(o->table, hash, o->values, o->nulls);
    if (e == NULL && o->full)
        return hash_parts_put(o->parts, side, hash, o->values, o->nulls);
    if (e == NULL && side == 1)
        return STATUS_OK; /* neither operation ever hands it out */
    if (e == NULL) {
        e = row_table_add(o->table, hash, row_keep(a, &o->shape, b->columns, row));
        e->extra = ARENA_NEW(a, struct counts);
    }
    if (side == 0)
        ((struct counts *)e->extra)->left++;
    else
        ((struct counts *)e->extra)->right++;
    return STATUS_OK;
}

static status count_batch(struct hashed_set_op *o, size_t side, const struct batch *b)
{
    struct op *op = &o->base.op;

    for (size_t i = 0; i < batch_live_count(b); i++)
        TRY_RETURN(count_row(o, side, b, batch_live_row(b, i)));
    if (!o->full && side == 0 && o->part.level < PART_LEVELS_MAX &&
        spill_wanted(op, arena_size(op->arena))) {
        if (o->parts == NULL)
            TRY_RETURN(hash_parts_new(op, &o->shape, &o->shape, &o->parts));
        hash_parts_begin(o->parts, o->part.level);
        o->full = true;
    }
    op->stats.memory_bytes = MAX(op->stats.memory_bytes, arena_size(op->arena));
    TRY_RETURN(mem_account_check(&op->x->account));
    return sql_check_interrupts(op->x->c);
}

static status count_side(struct hashed_set_op *o, size_t side)
{
    const struct batch *b;
    status              st;

    while (st_ok(st = op_next(o->base.children[side], &b)))
        TRY_RETURN(count_batch(o, side, b));
    return st == STATUS_NO_DATA ? STATUS_OK : st;
}

static status count_part(struct hashed_set_op *o, size_t side)
{
    status st;

    TRY_RETURN(spill_read_open(o->part.sides[side], true, &o->reader));
    do {
        arena_reset(o->part_rows);
        st = spill_read_batch(o->reader, o->part_rows, &o->part_batch);
        if (st_ok(st))
            st = count_batch(o, side, &o->part_batch);
    } while (st_ok(st));
    spill_read_close(o->reader);
    o->reader = NULL;
    if (st == STATUS_NO_DATA)
        spill_tape_drop(o->part.sides[side]);
    return st == STATUS_NO_DATA ? STATUS_OK : st;
}

static uint64_t times(const struct plan_node *n, const struct counts *c)
{
    if (n->set_op.kind == SET_OP_INTERSECT)
        return n->set_op.all ? MIN(c->left, c->right) : c->right > 0;
    if (n->set_op.all)
        return c->left > c->right ? c->left - c->right : 0;
    return c->right == 0;
}

static status set_counted(struct hashed_set_op *o)
{
    for (size_t i = 0; i < row_table_count(o->table); i++) {
        struct counts *c = row_table_at(o->table, i)->extra;

        c->emit = times(o->base.op.node, c);
    }
    return o->full ? hash_parts_end(o->parts) : STATUS_OK;
}

static status set_build(struct hashed_set_op *o)
{
    o->built = true;
    o->table = row_table_new(o->base.op.arena, o->shape.types, o->shape.count);
    TRY_RETURN(count_side(o, 0));
    TRY_RETURN(count_side(o, 1));
    return set_counted(o);
}

/* The table's rows are out; *more: it has those of the next part. */
static status set_next_part(struct hashed_set_op *o, bool *more)
{
    *more = o->parts != NULL && hash_parts_next(o->parts, &o->part);
    if (!*more)
        return STATUS_OK;
    arena_reset(o->base.op.arena);
    o->table = row_table_new(o->base.op.arena, o->shape.types, o->shape.count);
    o->at = 0;
    o->full = false;
    TRY_RETURN(count_part(o, 0));
    TRY_RETURN(count_part(o, 1));
    return set_counted(o);
}

static status set_next(struct op *op, const struct batch **out)
{
    struct hashed_set_op *o = (struct hashed_set_op *)op;
    size_t                n = 0;

    if (!o->built)
        TRY_RETURN(set_build(o));
    while (n == 0) {
        bool more = true;

        while (n < op->x->eval.batch_rows && o->at < row_table_count(o->table)) {
            struct row_entry *e = row_table_at(o->table, o->at);
            struct counts    *c = e->extra;

            if (c->emit == 0) {
                o->at++;
                continue;
            }
            c->emit--;
            row_put(&e->row, o->shape.count, o->raw.columns, n++);
        }
        if (n == 0)
            TRY_RETURN(set_next_part(o, &more));
        if (!more)
            return STATUS_NO_DATA;
    }
    o->raw.rows = n;
    *out = &o->raw;
    return STATUS_OK;
}

const struct op_class op_set_op = {.size = sizeof(struct hashed_set_op),
                                   .open = set_open,
                                   .rewind = set_rewind,
                                   .next = set_next,
                                   .close = set_close};

/* ---- set-returning targets ----------------------------------------------------------------------
 * Several in one list run side by side; the shorter ones give nulls until the longest has ended. */

struct set_call {
    struct fn_call call;
    struct eval  **args;
    datum         *values;
    bool          *nulls;
    void          *cursor;
    bool           done;
    size_t         field_count; /* 0: one value, no record */
    datum         *fields;
    bool          *field_nulls;
    uint32_t      *field_types;
};

struct project_set_op {
    struct op           op;
    struct batch        raw;
    struct set_call    *calls;
    const struct batch *input;
    size_t              input_at;
    bool                in_row;
};

/* A function of several columns gives one record per row here. */
static void fields_init(struct execution *x, const struct expr *e, struct set_call *s)
{
    s->field_count = e->call.fn->column_count > 1 ? e->call.fn->column_count : 0;
    s->fields = ARENA_ARRAY(x->arena, datum, s->field_count);
    s->field_nulls = ARENA_ARRAY(x->arena, bool, s->field_count);
    s->field_types = ARENA_ARRAY(x->arena, uint32_t, s->field_count);
    for (size_t i = 0; i < s->field_count; i++)
        s->field_types[i] = set_call_column_type(e, i);
}

static status next_value(struct set_call *s, datum *out, bool *null)
{
    if (s->field_count == 0)
        return s->call.fn->set(&s->call, &s->cursor, s->values, s->nulls, out, null);
    memset(s->field_nulls, 0, s->field_count);
    TRY_RETURN(
        s->call.fn->set(&s->call, &s->cursor, s->values, s->nulls, s->fields, s->field_nulls));
    return record_build(s->call.arena, s->field_types, s->fields, s->field_nulls, s->field_count,
                        &out->s);
}

static status project_set_open(struct op *op)
{
    struct project_set_op *o = (struct project_set_op *)op;
    struct execution      *x = op->x;

    batch_init(x, &o->raw, op->node->raw_types, op->node->raw_count);
    o->calls = ARENA_ARRAY(x->arena, struct set_call, op->node->project_set.count);
    for (size_t i = 0; i < op->node->project_set.count; i++) {
        const struct expr *e = op->node->project_set.calls[i];
        struct set_call   *s = &o->calls[i];
        uint32_t          *types = ARENA_ARRAY(x->arena, uint32_t, e->call.arg_count);

        if (e->call.fn->set == NULL)
            return status_new(ST_FEATURE_NOT_SUPPORTED, "function %s is only supported in FROM",
                              e->call.fn->name);
        s->args = ARENA_ARRAY(x->arena, struct eval *, e->call.arg_count);
        s->values = ARENA_ARRAY(x->arena, datum, e->call.arg_count);
        s->nulls = ARENA_ARRAY(x->arena, bool, e->call.arg_count);
        for (size_t k = 0; k < e->call.arg_count; k++) {
            types[k] = e->call.args[k]->type;
            TRY_RETURN(eval_compile(&x->eval, e->call.args[k], &s->args[k]));
        }
        s->call = (struct fn_call){.context = x->c,
                                   .fn = e->call.fn,
                                   .arg_count = e->call.arg_count,
                                   .arg_types = types,
                                   .result_type = e->type,
                                   .collation = e->collation};
        fields_init(x, e, s);
    }
    return STATUS_OK;
}

static status project_set_rewind(struct op *op)
{
    struct project_set_op *o = (struct project_set_op *)op;

    o->input = NULL;
    o->in_row = false;
    return op_rewind(op->left);
}

static status start_row(struct project_set_op *o)
{
    struct eval_row row = {.columns = o->input->columns,
                           .row = batch_live_row(o->input, o->input_at)};

    arena_reset(o->op.arena);
    o->in_row = true;
    for (size_t i = 0; i < o->op.node->project_set.count; i++) {
        struct set_call *s = &o->calls[i];
        bool             any_null = false;

        s->cursor = NULL;
        s->call.state = NULL;
        s->call.arena = s->call.call_arena = o->op.arena;
        for (size_t k = 0; k < s->call.arg_count; k++) {
            TRY_RETURN(eval_one(s->args[k], &row, o->op.arena, &s->values[k], &s->nulls[k]));
            any_null |= s->nulls[k];
        }
        s->done = any_null && s->call.fn->strict;
    }
    return STATUS_OK;
}

/* The functions' next values at row `at`; *any tells whether one of them had one. */
static status step_row(struct project_set_op *o, size_t at, bool *any)
{
    size_t first = o->op.node->raw_count - o->op.node->project_set.count;

    *any = false;
    for (size_t i = 0; i < o->op.node->project_set.count; i++) {
        struct set_call *s = &o->calls[i];
        struct column   *c = &o->raw.columns[first + i];
        status           st;

        c->nulls[at] = true;
        if (s->done)
            continue;
        c->nulls[at] = false;
        st = next_value(s, &c->values[at], &c->nulls[at]);
        if (st == STATUS_NO_DATA) {
            s->done = true;
            c->nulls[at] = true;
            continue;
        }
        TRY_RETURN(st);
        *any = true;
    }
    return STATUS_OK;
}

static void put_input(struct project_set_op *o, size_t at)
{
    size_t row = batch_live_row(o->input, o->input_at);
    size_t n = o->op.node->raw_count - o->op.node->project_set.count;

    for (size_t i = 0; i < n; i++) {
        o->raw.columns[i].values[at] = o->input->columns[i].values[row];
        o->raw.columns[i].nulls[at] = o->input->columns[i].nulls[row];
    }
}

/* A batch ends with its input row: results of a row live until the next row starts. */
static status project_set_next(struct op *op, const struct batch **out)
{
    struct project_set_op *o = (struct project_set_op *)op;
    size_t                 n = 0;

    while (n == 0) {
        if (o->input == NULL || o->input_at == batch_live_count(o->input)) {
            TRY_RETURN(op_next(op->left, &o->input));
            o->input_at = 0;
            o->in_row = false;
        }
        if (!o->in_row)
            TRY_RETURN(start_row(o));
        while (n < op->x->eval.batch_rows) {
            bool any;

            TRY_RETURN(step_row(o, n, &any));
            if (!any) {
                o->in_row = false;
                break;
            }
            put_input(o, n++);
        }
        if (!o->in_row)
            o->input_at++;
        TRY_RETURN(sql_check_interrupts(op->x->c));
    }
    o->raw.rows = n;
    *out = &o->raw;
    return STATUS_OK;
}

const struct op_class op_project_set = {.size = sizeof(struct project_set_op),
                                        .open = project_set_open,
                                        .rewind = project_set_rewind,
                                        .next = project_set_next};
