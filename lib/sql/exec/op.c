#include "sql/exec/op.h"

#include <string.h>

#include "base/assert.h"
#include "env/env.h"
#include "sql/exec/eval_internal.h"

/* ---- making operators ---------------------------------------------------------------------------
 */

static const struct op_class *class_of(enum plan_kind kind)
{
    switch (kind) {
    case PLAN_RESULT:
        return &op_result;
    case PLAN_SCAN:
        return &op_scan;
    case PLAN_VIRTUAL_SCAN:
        return &op_virtual_scan;
    case PLAN_FUNCTION_SCAN:
        return &op_function_scan;
    case PLAN_VALUES_SCAN:
        return &op_values_scan;
    case PLAN_CTE_SCAN:
        return &op_cte_scan;
    case PLAN_SUBQUERY_SCAN:
        return &op_subquery_scan;
    case PLAN_NESTED_LOOP:
        return &op_nested_loop;
    case PLAN_HASH_JOIN:
        return &op_hash_join;
    case PLAN_MERGE_JOIN:
        return &op_merge_join;
    case PLAN_AGGREGATE:
        return &op_aggregate;
    case PLAN_SORT:
        return &op_sort;
    case PLAN_UNIQUE:
        return &op_unique;
    case PLAN_WINDOW:
        return &op_window;
    case PLAN_PROJECT_SET:
        return &op_project_set;
    case PLAN_APPEND:
        return &op_append;
    case PLAN_SET_OP:
        return &op_set_op;
    case PLAN_RECURSIVE_UNION:
        return &op_recursive_union;
    case PLAN_LIMIT:
        return &op_limit;
    case PLAN_LOCK_ROWS:
        return &op_lock_rows;
    case PLAN_MATERIALIZE:
        return &op_materialize;
    case PLAN_MODIFY:
        return &op_modify;
    }
    UNREACHABLE();
}

static status compile_outputs(struct op *op)
{
    struct execution       *x = op->x;
    const struct plan_node *n = op->node;

    if (n->filter != NULL) {
        TRY_RETURN(eval_compile(&x->eval, n->filter, &op->filter));
        op->selection = ARENA_ARRAY(x->arena, uint16_t, x->eval.batch_rows);
    }
    if (n->identity || n->kind == PLAN_MODIFY)
        return STATUS_OK;
    op->outputs = ARENA_ARRAY(x->arena, struct eval *, n->output_count + 1);
    for (size_t i = 0; i < n->output_count; i++)
        TRY_RETURN(eval_compile(&x->eval, n->outputs[i], &op->outputs[i]));
    op->result.columns = ARENA_ARRAY(x->arena, struct column, n->output_count);
    op->result.column_count = n->output_count;
    return STATUS_OK;
}

status op_new(struct execution *x, const struct plan_node *n, struct op **out)
{
    const struct op_class *class = class_of(n->kind);
    struct op *op = arena_zalloc(x->arena, 1, class->size);
    op->class = class;
    op->node = n;
    op->x = x;
    op->arena = arena_new(arena_heap(x->arena), &x->account);
    op->rows = arena_new(arena_heap(x->arena), &x->account);
    *out = op; /* closed by the caller even when what follows fails */
    TRY_RETURN(sql_check_stack(x->eval.c));
    if (x->stats != NULL)
        x->stats[n->id] = &op->stats;
    if (n->left != NULL)
        TRY_RETURN(op_new(x, n->left, &op->left));
    if (n->right != NULL)
        TRY_RETURN(op_new(x, n->right, &op->right));
    TRY_RETURN(compile_outputs(op));
    return class->open != NULL ? class->open(op) : STATUS_OK;
}

void op_close(struct op *op)
{
    if (op == NULL)
        return;
    if (op->class->close != NULL)
        op->class->close(op);
    op_close(op->left);
    op_close(op->right);
    arena_free(op->arena);
    arena_free(op->rows);
}

/* ---- running ------------------------------------------------------------------------------------
 */

status refuse_in_read_only(const struct execution *x, const char *command)
{
    if (!txn_is_read_only(x->c->txn))
        return STATUS_OK;
    return status_new(ST_READ_ONLY_TRANSACTION, "cannot execute %s in a read-only transaction",
                      command);
}

status op_rewind(struct op *op)
{
    op->stats.loops++;
    op->stats.in_loop = false;
    arena_reset(op->arena);
    return op->class->rewind(op);
}

static status project(struct op *op, const struct batch *raw)
{
    size_t count = batch_live_count(raw);

    for (size_t i = 0; i < op->node->output_count; i++) {
        const struct column *c;

        TRY_RETURN(eval_batch(op->outputs[i], raw->columns, raw->selected, count, op->rows, &c));
        op->result.columns[i] = *c;
        /* A relabelled column is its argument's, under another type. */
        op->result.columns[i].type = op->outputs[i]->expr->type;
    }
    op->result.rows = raw->rows;
    op->result.selected = raw->selected;
    op->result.selected_count = raw->selected_count;
    return STATUS_OK;
}

static status next_rows(struct op *op, const struct batch **out)
{
    for (;;) {
        const struct batch *raw;
        struct batch        b;

        arena_reset(op->rows);
        TRY_RETURN(op->class->next(op, &raw));
        if (op->filter == NULL && op->outputs == NULL) {
            *out = raw;
            break;
        }
        b = *raw;
        if (op->filter != NULL) {
            size_t before = batch_live_count(&b);

            TRY_RETURN(eval_filter(op->filter, &b, op->selection, op->rows));
            op->stats.filtered += before - b.selected_count;
            if (b.selected_count == 0) {
                TRY_RETURN(sql_check_interrupts(op->x->c));
                continue;
            }
        }
        if (op->outputs != NULL)
            TRY_RETURN(project(op, &b));
        else
            op->result = b;
        *out = &op->result;
        break;
    }
    return mem_account_check(&op->x->account);
}

static status next_instrumented(struct op *op, const struct batch **out)
{
    uint64_t start = env_mono_us(op->x->c->env), end;
    status   st = next_rows(op, out);

    end = env_mono_us(op->x->c->env);
    op->stats.total_us += end - start;
    if (!op->stats.in_loop)
        op->stats.first_us += end - start;
    op->stats.in_loop = true;
    if (st_ok(st))
        op->stats.rows += batch_live_count(*out);
    return st;
}

status op_next(struct op *op, const struct batch **out)
{
    return op->x->instrument ? next_instrumented(op, out) : next_rows(op, out);
}

/* ---- rows ---------------------------------------------------------------------------------------
 */

void batch_init(struct execution *x, struct batch *b, const uint32_t *types, size_t count)
{
    memset(b, 0, sizeof *b);
    b->column_count = count;
    b->columns = ARENA_ARRAY(x->arena, struct column, count);
    for (size_t i = 0; i < count; i++)
        column_init(&b->columns[i], x->arena, types[i], x->eval.batch_rows);
}

void row_shape_from_types(struct execution *x, const uint32_t *types, size_t count,
                          struct row_shape *out)
{
    out->count = count;
    out->types = ARENA_ARRAY(x->arena, const struct type *, count);
    out->is_slice = ARENA_ARRAY(x->arena, bool, count);
    for (size_t i = 0; i < count; i++) {
        out->types[i] = type_by_oid(types[i]);
        out->is_slice[i] = out->types[i] == NULL || out->types[i]->datum_kind == DATUM_SLICE;
    }
}

void row_shape_of(struct execution *x, const struct plan_node *n, struct row_shape *out)
{
    uint32_t *types = ARENA_ARRAY(x->arena, uint32_t, n->output_count);

    for (size_t i = 0; i < n->output_count; i++)
        types[i] = n->outputs[i]->type;
    row_shape_from_types(x, types, n->output_count, out);
}

struct kept_row row_keep(struct arena *a, const struct row_shape *s, const struct column *columns,
                         size_t at)
{
    struct kept_row r;

    r.values = arena_alloc(a, s->count * (sizeof(datum) + sizeof(bool)) + 1);
    r.nulls = (bool *)(r.values + s->count);
    for (size_t i = 0; i < s->count; i++) {
        r.nulls[i] = columns[i].nulls[at];
        if (r.nulls[i])
            memset(&r.values[i], 0, sizeof(datum));
        else if (s->is_slice[i])
            r.values[i].s = arena_copy(a, columns[i].values[at].s);
        else
            r.values[i] = columns[i].values[at];
    }
    return r;
}

void row_put(const struct kept_row *r, size_t count, struct column *columns, size_t at)
{
    for (size_t i = 0; i < count; i++) {
        columns[i].values[at] = r->values[i];
        columns[i].nulls[at] = r->nulls[i];
    }
}

int key_compare(const struct plan_key *k, datum x, bool x_null, datum y, bool y_null)
{
    int c;

    if (x_null || y_null) {
        if (x_null && y_null)
            return 0;
        return x_null == k->nulls_first ? -1 : 1;
    }
    c = k->type->compare(x, y);
    return k->descending ? -c : c;
}

int row_compare(const struct plan_key *keys, size_t count, const struct kept_row *x,
                const struct kept_row *y)
{
    for (size_t i = 0; i < count; i++) {
        int p = keys[i].position;
        int c = key_compare(&keys[i], x->values[p], x->nulls[p], y->values[p], y->nulls[p]);

        if (c != 0)
            return c;
    }
    return 0;
}

/* ---- row tables ---------------------------------------------------------------------------------
 */

struct row_table {
    struct arena             *a;
    const struct type *const *types;
    size_t                    key_count;
    struct row_entry        **buckets; /* each a list in order of insertion */
    struct row_entry        **tails;
    size_t                    bucket_count; /* a power of two */
    struct row_entry        **entries;
    size_t                    count, capacity;
};

struct row_table *row_table_new(struct arena *a, const struct type *const *types, size_t count)
{
    struct row_table *t = ARENA_NEW(a, struct row_table);

    t->a = a;
    t->types = types;
    t->key_count = count;
    t->bucket_count = 64;
    t->buckets = ARENA_ARRAY(a, struct row_entry *, t->bucket_count);
    t->tails = ARENA_ARRAY(a, struct row_entry *, t->bucket_count);
    return t;
}

uint64_t row_table_hash(const struct row_table *t, const datum *values, const bool *nulls)
{
    uint64_t h = 0x9e3779b97f4a7c15u;

    for (size_t i = 0; i < t->key_count; i++) {
        uint64_t v = nulls[i] ? 1 : t->types[i]->hash(values[i]);

        h = (h ^ v) * 0xff51afd7ed558ccdu;
        h ^= h >> 32;
    }
    return h;
}

static bool entry_equal(const struct row_table *t, const struct row_entry *e, const datum *values,
                        const bool *nulls)
{
    for (size_t i = 0; i < t->key_count; i++) {
        if (e->row.nulls[i] != nulls[i])
            return false;
        if (!nulls[i] && t->types[i]->compare(e->row.values[i], values[i]) != 0)
            return false;
    }
    return true;
}

static struct row_entry *find_from(const struct row_table *t, struct row_entry *e, uint64_t hash,
                                   const datum *values, const bool *nulls)
{
    for (; e != NULL; e = e->next) {
        if (e->hash == hash && entry_equal(t, e, values, nulls))
            return e;
    }
    return NULL;
}

struct row_entry *row_table_find(const struct row_table *t, uint64_t hash, const datum *values,
                                 const bool *nulls)
{
    return find_from(t, t->buckets[hash & (t->bucket_count - 1)], hash, values, nulls);
}

struct row_entry *row_table_next_equal(const struct row_table *t, const struct row_entry *e,
                                       const datum *values, const bool *nulls)
{
    return find_from(t, e->next, e->hash, values, nulls);
}

static void append_entry(struct row_table *t, struct row_entry *e)
{
    size_t b = e->hash & (t->bucket_count - 1);

    e->next = NULL;
    if (t->tails[b] != NULL)
        t->tails[b]->next = e;
    else
        t->buckets[b] = e;
    t->tails[b] = e;
}

static void grow(struct row_table *t)
{
    t->bucket_count *= 4;
    t->buckets = ARENA_ARRAY(t->a, struct row_entry *, t->bucket_count);
    t->tails = ARENA_ARRAY(t->a, struct row_entry *, t->bucket_count);
    for (size_t i = 0; i < t->count; i++)
        append_entry(t, t->entries[i]);
}

struct row_entry *row_table_add(struct row_table *t, uint64_t hash, struct kept_row row)
{
    struct row_entry *e = ARENA_NEW(t->a, struct row_entry);

    e->hash = hash;
    e->row = row;
    if (t->count == t->capacity) {
        size_t capacity = t->capacity == 0 ? 64 : t->capacity * 2;

        t->entries = arena_realloc(t->a, t->entries, t->capacity * sizeof *t->entries,
                                   capacity * sizeof *t->entries);
        t->capacity = capacity;
    }
    t->entries[t->count++] = e;
    if (t->count > t->bucket_count)
        grow(t);
    else
        append_entry(t, e);
    return e;
}

size_t row_table_buckets(const struct row_table *t)
{
    return t->bucket_count;
}

size_t row_table_count(const struct row_table *t)
{
    return t->count;
}

struct row_entry *row_table_at(const struct row_table *t, size_t position)
{
    return t->entries[position];
}
