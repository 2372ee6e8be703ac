/* Rows from elsewhere than stored tables: nothing, VALUES, functions, system tables, WITH,
 * subqueries of FROM. */
#include <string.h>

#include "base/assert.h"
#include "sql/catalog/virtual.h"
#include "sql/exec/spill.h"

/* ---- result -------------------------------------------------------------------------------------
 */

struct result_op {
    struct op    op;
    struct eval *gate;
    struct batch raw;
    bool         done;
};

static status result_open(struct op *op)
{
    struct result_op *o = (struct result_op *)op;

    if (op->node->result.gate != NULL)
        return eval_compile(&op->x->eval, op->node->result.gate, &o->gate);
    return STATUS_OK;
}

static status result_rewind(struct op *op)
{
    struct result_op *o = (struct result_op *)op;
    struct eval_row   row = {0};
    bool              holds = true;

    if (o->gate != NULL)
        TRY_RETURN(eval_condition(o->gate, &row, op->arena, &holds));
    o->done = !holds;
    return op->left != NULL && holds ? op_rewind(op->left) : STATUS_OK;
}

static status result_next(struct op *op, const struct batch **out)
{
    struct result_op *o = (struct result_op *)op;

    if (o->done)
        return STATUS_NO_DATA;
    if (op->left != NULL)
        return op_next(op->left, out);
    if (op->x->feed != NULL) /* the only operator of its kind there: defaults hold no subqueries */
        TRY_RETURN(op->x->feed->next(op->x->feed));
    else
        o->done = true;
    o->raw.rows = 1;
    *out = &o->raw;
    return STATUS_OK;
}

const struct op_class op_result = {.size = sizeof(struct result_op),
                                   .open = result_open,
                                   .rewind = result_rewind,
                                   .next = result_next};

/* ---- values -------------------------------------------------------------------------------------
 */

struct values_op {
    struct op     op;
    struct eval **cells; /* compiled when their row comes, row_count x column_count */
    struct batch  raw;
    size_t        at;
};

static status values_open(struct op *op)
{
    struct values_op *o = (struct values_op *)op;

    o->cells = ARENA_ARRAY(op->x->arena, struct eval *,
                           op->node->values.column_count * op->node->values.row_count);
    batch_init(op->x, &o->raw, op->node->raw_types, op->node->raw_count);
    return STATUS_OK;
}

static status values_rewind(struct op *op)
{
    ((struct values_op *)op)->at = 0;
    return STATUS_OK;
}

static status values_row(struct values_op *o, size_t row, size_t at)
{
    size_t          columns = o->op.node->values.column_count;
    struct eval_row none = {0};

    for (size_t i = 0; i < columns; i++) {
        struct eval **e = &o->cells[row * columns + i];

        if (*e == NULL)
            TRY_RETURN(eval_compile(&o->op.x->eval, o->op.node->values.rows[row][i], e));
        TRY_RETURN(eval_one(*e, &none, o->op.rows, &o->raw.columns[i].values[at],
                            &o->raw.columns[i].nulls[at]));
    }
    return STATUS_OK;
}

static status values_next(struct op *op, const struct batch **out)
{
    struct values_op *o = (struct values_op *)op;
    size_t            n = 0;

    while (n < op->x->eval.batch_rows && o->at < op->node->values.row_count)
        TRY_RETURN(values_row(o, o->at++, n++));
    if (n == 0)
        return STATUS_NO_DATA;
    o->raw.rows = n;
    *out = &o->raw;
    return STATUS_OK;
}

const struct op_class op_values_scan = {.size = sizeof(struct values_op),
                                        .open = values_open,
                                        .rewind = values_rewind,
                                        .next = values_next};

/* ---- functions in FROM --------------------------------------------------------------------------
 */

struct function_op {
    struct op      op;
    struct eval   *scalar; /* a function that returns one value */
    struct eval  **args;
    struct fn_call call;
    datum         *values;
    bool          *nulls;
    void          *cursor;
    struct batch   raw;
    int64_t        ordinal;
    bool           started, done;
};

static status function_open(struct op *op)
{
    struct function_op *o = (struct function_op *)op;
    const struct expr  *e = op->node->function.call;
    struct arena       *a = op->x->arena;
    uint32_t           *types;

    batch_init(op->x, &o->raw, op->node->raw_types, op->node->raw_count);
    if (e->kind != EXPR_SET_CALL)
        return eval_compile(&op->x->eval, e, &o->scalar);
    if (e->call.fn->set == NULL)
        return status_new(ST_FEATURE_NOT_SUPPORTED, "function %s cannot be called in FROM",
                          e->call.fn->name);
    o->args = ARENA_ARRAY(a, struct eval *, e->call.arg_count);
    o->values = ARENA_ARRAY(a, datum, e->call.arg_count);
    o->nulls = ARENA_ARRAY(a, bool, e->call.arg_count);
    types = ARENA_ARRAY(a, uint32_t, e->call.arg_count);
    for (size_t i = 0; i < e->call.arg_count; i++) {
        types[i] = e->call.args[i]->type;
        TRY_RETURN(eval_compile(&op->x->eval, e->call.args[i], &o->args[i]));
    }
    o->call = (struct fn_call){.context = op->x->c,
                               .fn = e->call.fn,
                               .arg_count = e->call.arg_count,
                               .arg_types = types,
                               .result_type = e->type,
                               .collation = e->collation};
    return STATUS_OK;
}

static status function_rewind(struct op *op)
{
    struct function_op *o = (struct function_op *)op;

    o->cursor = NULL;
    o->ordinal = 0;
    o->started = o->done = false;
    return STATUS_OK;
}

static status function_start(struct function_op *o)
{
    struct eval_row none = {0};
    bool            any_null = false;

    o->started = true;
    o->call.call_arena = o->op.arena;
    o->call.state = NULL;
    for (size_t i = 0; i < o->call.arg_count; i++) {
        TRY_RETURN(eval_one(o->args[i], &none, o->op.arena, &o->values[i], &o->nulls[i]));
        any_null |= o->nulls[i];
    }
    o->done = any_null && o->call.fn->strict;
    return STATUS_OK;
}

static void put_ordinal(struct function_op *o, size_t at)
{
    size_t last = o->op.node->raw_count - 1;

    if (!o->op.node->function.ordinality)
        return;
    o->raw.columns[last].values[at].i = ++o->ordinal;
    o->raw.columns[last].nulls[at] = false;
}

static status function_row(struct function_op *o, size_t at)
{
    datum  row[64];
    bool   nulls[64] = {false};
    size_t columns = o->op.node->raw_count - (o->op.node->function.ordinality ? 1 : 0);
    status st;

    if (columns > ARRAY_LEN(row))
        return status_new(ST_TOO_MANY_COLUMNS, "functions can return at most %zu columns",
                          ARRAY_LEN(row));
    o->call.arena = o->op.rows;
    st = o->call.fn->set(&o->call, &o->cursor, o->values, o->nulls, row, nulls);
    if (!st_ok(st))
        return st;
    for (size_t i = 0; i < columns; i++) {
        o->raw.columns[i].values[at] = row[i];
        o->raw.columns[i].nulls[at] = nulls[i];
    }
    put_ordinal(o, at);
    return STATUS_OK;
}

static status scalar_row(struct function_op *o)
{
    struct eval_row none = {0};

    TRY_RETURN(eval_one(o->scalar, &none, o->op.rows, &o->raw.columns[0].values[0],
                        &o->raw.columns[0].nulls[0]));
    put_ordinal(o, 0);
    o->done = true;
    return STATUS_OK;
}

static status function_next(struct op *op, const struct batch **out)
{
    struct function_op *o = (struct function_op *)op;
    size_t              n = 0;

    if (o->scalar == NULL && !o->started)
        TRY_RETURN(function_start(o));
    if (o->done)
        return STATUS_NO_DATA;
    if (o->scalar != NULL) {
        TRY_RETURN(scalar_row(o));
        n = 1;
    }
    while (o->scalar == NULL && n < op->x->eval.batch_rows) {
        status st = function_row(o, n);

        if (st == STATUS_NO_DATA) {
            o->done = true;
            break;
        }
        TRY_RETURN(st);
        n++;
    }
    if (n == 0)
        return STATUS_NO_DATA;
    o->raw.rows = n;
    *out = &o->raw;
    return STATUS_OK;
}

const struct op_class op_function_scan = {.size = sizeof(struct function_op),
                                          .open = function_open,
                                          .rewind = function_rewind,
                                          .next = function_next};

/* ---- kept rows ----------------------------------------------------------------------------------
 * What several sources share: rows that are all there, handed out batch by batch. */

struct kept_op {
    struct op            op;
    struct batch         raw;
    struct row_shape     shape;
    struct kept_row     *rows;
    size_t               count, capacity, at;
    bool                 filled;
    struct eval         *key;
    struct arena        *kept; /* survives rewinds */
    /* Rows behind those in memory; the file is NULL where the tape is borrowed, from a WITH. */
    struct spill_file   *file;
    struct spill_tape   *tape;
    struct spill_reader *reader;
    size_t               tape_at; /* rows read from it */
};

static void kept_add(struct kept_op *o, struct kept_row r)
{
    if (o->count == o->capacity) {
        size_t capacity = o->capacity == 0 ? 16 : o->capacity * 2;

        o->rows = arena_realloc(o->kept, o->rows, o->capacity * sizeof *o->rows,
                                capacity * sizeof *o->rows);
        o->capacity = capacity;
    }
    o->rows[o->count++] = r;
}

static status kept_next(struct kept_op *o, const struct batch **out)
{
    size_t n = 0;

    while (n < o->op.x->eval.batch_rows && o->at < o->count)
        row_put(&o->rows[o->at++], o->shape.count, o->raw.columns, n++);
    o->raw.rows = n;
    *out = &o->raw;
    if (n > 0)
        return STATUS_OK;
    if (o->tape == NULL)
        return STATUS_NO_DATA;
    if (o->reader == NULL)
        TRY_RETURN(spill_read_open(o->tape, false, &o->reader));
    TRY_RETURN(spill_read_batch(o->reader, o->op.rows, &o->raw));
    o->tape_at += o->raw.rows;
    return STATUS_OK;
}

/* The first row comes next. */
static void kept_start(struct kept_op *o)
{
    spill_read_close(o->reader);
    o->reader = NULL;
    o->at = o->tape_at = 0;
}

static status kept_open(struct op *op)
{
    struct kept_op *o = (struct kept_op *)op;

    batch_init(op->x, &o->raw, op->node->raw_types, op->node->raw_count);
    row_shape_from_types(op->x, op->node->raw_types, op->node->raw_count, &o->shape);
    o->kept = arena_new(arena_heap(op->arena), &op->x->account);
    return STATUS_OK;
}

static void kept_forget_tape(struct kept_op *o)
{
    kept_start(o);
    spill_close(o->file);
    o->file = NULL;
    o->tape = NULL;
}

static void kept_close(struct op *op)
{
    kept_forget_tape((struct kept_op *)op);
    arena_free(((struct kept_op *)op)->kept);
}

static void kept_reset(struct kept_op *o)
{
    kept_forget_tape(o);
    arena_reset(o->kept);
    o->rows = NULL;
    o->count = o->capacity = 0;
    o->filled = false;
}

/* ---- system tables ------------------------------------------------------------------------------
 */

struct virtual_sink {
    struct row_sink sink;
    struct kept_op *o;
    size_t          seen;
};

static status virtual_row(struct row_sink *sink, const datum *values, const bool *nulls)
{
    struct virtual_sink *s = (struct virtual_sink *)sink;
    struct kept_op      *o = s->o;
    struct kept_row      r;

    r.values = arena_alloc(o->kept, o->shape.count * (sizeof(datum) + sizeof(bool)) + 1);
    r.nulls = (bool *)(r.values + o->shape.count);
    for (size_t i = 0; i < o->shape.count; i++) {
        size_t column = (size_t)o->op.node->virtual_scan.columns[i] - 1;

        r.nulls[i] = nulls[column];
        r.values[i] = values[column];
        if (!r.nulls[i] && o->shape.is_slice[i])
            r.values[i].s = arena_copy(o->kept, values[column].s);
    }
    kept_add(o, r);
    if (++s->seen % BATCH_ROWS_MAX == 0)
        TRY_RETURN(sql_check_interrupts(o->op.x->c));
    return mem_account_check(&o->op.x->account);
}

static status virtual_open(struct op *op)
{
    struct kept_op *o = (struct kept_op *)op;

    TRY_RETURN(kept_open(op));
    if (op->node->virtual_scan.key != NULL)
        return eval_compile(&op->x->eval, op->node->virtual_scan.key, &o->key);
    return STATUS_OK;
}

static status virtual_fill(struct kept_op *o)
{
    const struct plan_node  *n = o->op.node;
    const struct table_desc *desc = n->virtual_scan.desc;
    struct virtual_sink      sink = {.sink = {.row = virtual_row}, .o = o};
    struct eval_row          none = {0};
    datum                    key;
    bool                     null = false;

    o->filled = true;
    if (o->key != NULL)
        TRY_RETURN(eval_one(o->key, &none, o->op.arena, &key, &null));
    if (null)
        return STATUS_OK; /* nothing equals null */
    return desc->virtual_table->scan(o->op.x->c, o->op.rows, desc,
                                     o->key != NULL ? n->virtual_scan.key_column : -1,
                                     o->key != NULL ? &key : NULL, &sink.sink);
}

static status virtual_rewind(struct op *op)
{
    struct kept_op *o = (struct kept_op *)op;

    o->at = 0;
    if (o->key != NULL)
        kept_reset(o); /* the key may be an outer value */
    return STATUS_OK;
}

static status virtual_next(struct op *op, const struct batch **out)
{
    struct kept_op *o = (struct kept_op *)op;

    if (!o->filled)
        TRY_RETURN(virtual_fill(o));
    return kept_next(o, out);
}

const struct op_class op_virtual_scan = {.size = sizeof(struct kept_op),
                                         .open = virtual_open,
                                         .rewind = virtual_rewind,
                                         .next = virtual_next,
                                         .close = kept_close};

/* ---- materialise --------------------------------------------------------------------------------
 * Its input depends on nothing that changes between the rewinds of a nested loop, so it is read
 * once for each run of that. */

static status materialize_rewind(struct op *op)
{
    kept_start((struct kept_op *)op);
    return STATUS_OK;
}

static status materialize_row(struct kept_op *o, const struct batch *b, size_t row)
{
    if (o->tape != NULL)
        return spill_write_row(o->tape, b->columns, row);
    kept_add(o, row_keep(o->kept, &o->shape, b->columns, row));
    return STATUS_OK;
}

static status materialize_fill(struct kept_op *o)
{
    const struct batch *b;
    status              st;

    TRY_RETURN(op_rewind(o->op.left));
    while (st_ok(st = op_next(o->op.left, &b))) {
        for (size_t i = 0; i < batch_live_count(b); i++)
            TRY_RETURN(materialize_row(o, b, batch_live_row(b, i)));
        if (o->tape == NULL && spill_wanted(&o->op, arena_size(o->kept))) {
            TRY_RETURN(spill_open(&o->op, &o->file));
            o->tape = spill_tape_new(o->file, &o->shape);
        }
        TRY_RETURN(mem_account_check(&o->op.x->account));
        TRY_RETURN(sql_check_interrupts(o->op.x->c));
    }
    if (st != STATUS_NO_DATA)
        return st;
    o->filled = true;
    return o->tape != NULL ? spill_finish(o->tape) : STATUS_OK;
}

static status materialize_next(struct op *op, const struct batch **out)
{
    struct kept_op *o = (struct kept_op *)op;

    if (!o->filled)
        TRY_RETURN(materialize_fill(o));
    return kept_next(o, out);
}

const struct op_class op_materialize = {.size = sizeof(struct kept_op),
                                        .open = kept_open,
                                        .rewind = materialize_rewind,
                                        .next = materialize_next,
                                        .close = kept_close};

bool materialize_in_memory(const struct op *op)
{
    return ((const struct kept_op *)op)->tape == NULL;
}

void materialize_forget(struct op *op)
{
    kept_reset((struct kept_op *)op);
}

/* ---- WITH ---------------------------------------------------------------------------------------
 */

static bool cte_is_read_up(const struct kept_op *o)
{
    return o->at == o->count && (o->tape == NULL || o->tape_at == spill_tape_rows(o->tape));
}

static status cte_next(struct op *op, const struct batch **out)
{
    struct kept_op *o = (struct kept_op *)op;

    if (op->node->cte.working) {
        if (!o->filled)
            cte_working_rows(op->x, op->node->cte.subplan, &o->rows, &o->count);
    } else if (!o->filled || cte_is_read_up(o)) {
        TRY_RETURN(cte_rows(op->x, op->node->cte.subplan, o->at + o->tape_at, &o->rows, &o->count,
                            &o->tape));
    }
    o->filled = true;
    return kept_next(o, out);
}

static status cte_rewind(struct op *op)
{
    struct kept_op *o = (struct kept_op *)op;

    kept_start(o);
    o->filled = false;
    return STATUS_OK;
}

const struct op_class op_cte_scan = {.size = sizeof(struct kept_op),
                                     .open = kept_open,
                                     .rewind = cte_rewind,
                                     .next = cte_next,
                                     .close = kept_close};

/* ---- subqueries of FROM -------------------------------------------------------------------------
 */

static status pass_rewind(struct op *op)
{
    return op_rewind(op->left);
}

static status pass_next(struct op *op, const struct batch **out)
{
    return op_next(op->left, out);
}

const struct op_class op_subquery_scan = {
    .size = sizeof(struct op), .rewind = pass_rewind, .next = pass_next};
