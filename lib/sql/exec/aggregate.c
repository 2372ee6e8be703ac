/* Grouping: all rows in one group, groups that come sorted, groups in a hash table. Also DISTINCT,
 * which is grouping without aggregates. */
#include <string.h>

#include "base/assert.h"
#include "base/sort.h"
#include "sql/exec/hash_parts.h"

/* Rows of one group for an aggregate with DISTINCT or ORDER BY: kept until the group is finished.
 */
struct held_rows {
    struct kept_row *rows;
    size_t           count, capacity;
};

struct agg_call {
    const struct plan_aggregate *plan;
    struct fn_call               call;
    size_t                       arg_count, all_count; /* all: with those only sorted by */
    struct eval                **args;
    struct eval                 *filter;
    const struct column        **columns;
    datum                       *values;
    bool                        *nulls;
    struct row_shape             shape;
    struct plan_key             *order; /* by what held rows are sorted: ORDER BY, then all */
    size_t                       order_count;
    bool                         holds;
};

struct group {
    struct kept_row   key;
    void            **states;
    struct held_rows *held;
};

struct agg_op {
    struct op             op;
    struct batch          raw;
    size_t                group_count, call_count;
    struct eval         **groups;
    const struct column **group_columns;
    struct row_shape      key_shape;
    datum                *key_values;
    bool                 *key_nulls;
    struct agg_call      *calls;
    struct row_table     *table;
    struct group         *current; /* plain and sorted */
    size_t                emit_at;
    bool                  built, done;
    const struct batch   *input; /* sorted: being read */
    size_t                input_at;
    struct arena         *keys;     /* of the input batch */
    struct arena         *sorted;   /* groups of the batch being handed out */
    bool                 *filtered; /* by call: its FILTER leaves the row at hand out */
    /* Hashed: rows of groups for which the table has no room go to parts, each a smaller input. */
    struct row_shape      input_shape;
    struct hash_parts    *parts; /* NULL: all groups fit */
    struct hash_part      part;  /* being grouped */
    struct spill_reader  *reader;
    struct batch          part_batch;
    bool                  full; /* no new groups; their rows go to parts */
    datum                *row_values;
    bool                 *row_nulls;
};

/* ---- opening ------------------------------------------------------------------------------------
 */

static status open_call(struct agg_op *o, struct agg_call *g, const struct plan_aggregate *plan)
{
    struct execution  *x = o->op.x;
    const struct expr *e = plan->expr;
    uint32_t          *types;

    g->plan = plan;
    g->arg_count = e->aggregate.arg_count;
    g->all_count = e->aggregate.arg_count + e->aggregate.sort_arg_count;
    g->args = ARENA_ARRAY(x->arena, struct eval *, g->all_count);
    g->columns = ARENA_ARRAY(x->arena, const struct column *, g->all_count);
    g->values = ARENA_ARRAY(x->arena, datum, g->all_count);
    g->nulls = ARENA_ARRAY(x->arena, bool, g->all_count);
    types = ARENA_ARRAY(x->arena, uint32_t, g->all_count);
    for (size_t i = 0; i < g->all_count; i++) {
        types[i] = e->aggregate.args[i]->type;
        TRY_RETURN(eval_compile(&x->eval, e->aggregate.args[i], &g->args[i]));
    }
    if (e->aggregate.filter != NULL)
        TRY_RETURN(eval_compile(&x->eval, e->aggregate.filter, &g->filter));
    row_shape_from_types(x, types, g->all_count, &g->shape);
    g->holds = e->aggregate.distinct || e->aggregate.order_count > 0;
    g->call = (struct fn_call){.context = x->c,
                               .fn = e->aggregate.fn,
                               .call_arena = x->arena,
                               .arg_count = g->arg_count,
                               .arg_types = types,
                               .result_type = e->type,
                               .collation = e->collation};
    return STATUS_OK;
}

/* DISTINCT sorts by what ORDER BY names, then by every argument, so that equal rows are neighbours.
 */
static void plan_held_order(struct agg_op *o, struct agg_call *g)
{
    const struct expr *e = g->plan->expr;
    size_t             n = e->aggregate.order_count;

    g->order = ARENA_ARRAY(o->op.x->arena, struct plan_key, n + g->arg_count);
    memcpy(g->order, g->plan->order, n * sizeof *g->order);
    for (size_t i = 0; e->aggregate.distinct && i < g->arg_count; i++)
        g->order[n++] = (struct plan_key){.position = (int)i, .type = g->shape.types[i]};
    g->order_count = n;
}

/* What it takes to write input rows out and to read them again. */
static void open_parts(struct agg_op *o)
{
    struct execution       *x = o->op.x;
    const struct plan_node *left = o->op.node->left;
    uint32_t               *types = ARENA_ARRAY(x->arena, uint32_t, left->output_count);

    for (size_t i = 0; i < left->output_count; i++)
        types[i] = left->outputs[i]->type;
    row_shape_from_types(x, types, left->output_count, &o->input_shape);
    batch_init(x, &o->part_batch, types, left->output_count);
    o->row_values = ARENA_ARRAY(x->arena, datum, left->output_count);
    o->row_nulls = ARENA_ARRAY(x->arena, bool, left->output_count);
}

static status agg_open(struct op *op)
{
    struct agg_op    *o = (struct agg_op *)op;
    struct execution *x = op->x;

    batch_init(x, &o->raw, op->node->raw_types, op->node->raw_count);
    o->group_count = op->node->aggregate.group_count;
    o->call_count = op->node->aggregate.aggregate_count;
    o->groups = ARENA_ARRAY(x->arena, struct eval *, o->group_count);
    o->group_columns = ARENA_ARRAY(x->arena, const struct column *, o->group_count);
    o->key_values = ARENA_ARRAY(x->arena, datum, o->group_count);
    o->key_nulls = ARENA_ARRAY(x->arena, bool, o->group_count);
    row_shape_from_types(x, op->node->raw_types, o->group_count, &o->key_shape);
    for (size_t i = 0; i < o->group_count; i++)
        TRY_RETURN(eval_compile(&x->eval, op->node->aggregate.groups[i], &o->groups[i]));
    o->calls = ARENA_ARRAY(x->arena, struct agg_call, o->call_count);
    for (size_t i = 0; i < o->call_count; i++) {
        TRY_RETURN(open_call(o, &o->calls[i], &op->node->aggregate.aggregates[i]));
        if (o->calls[i].holds)
            plan_held_order(o, &o->calls[i]);
    }
    o->filtered = ARENA_ARRAY(x->arena, bool, o->call_count);
    if (op->node->aggregate.may_spill)
        open_parts(o);
    o->keys = arena_new(arena_heap(op->arena), &x->account);
    o->sorted = arena_new(arena_heap(op->arena), &x->account);
    return STATUS_OK;
}

static void forget_parts(struct agg_op *o)
{
    spill_read_close(o->reader);
    o->reader = NULL;
    hash_parts_free(o->parts);
    o->parts = NULL;
    o->part = (struct hash_part){0};
    o->full = false;
}

static void agg_close(struct op *op)
{
    struct agg_op *o = (struct agg_op *)op;

    forget_parts(o);
    arena_free(o->keys);
    arena_free(o->sorted);
}

static status agg_rewind(struct op *op)
{
    struct agg_op *o = (struct agg_op *)op;

    o->built = o->done = false;
    o->current = NULL;
    o->input = NULL;
    o->emit_at = 0;
    forget_parts(o);
    arena_reset(o->sorted);
    return op_rewind(op->left);
}

/* ---- groups -------------------------------------------------------------------------------------
 */

static struct group *group_new(struct agg_op *o, struct arena *a)
{
    struct group *g = ARENA_NEW(a, struct group);

    g->states = ARENA_ARRAY(a, void *, o->call_count);
    g->held = ARENA_ARRAY(a, struct held_rows, o->call_count);
    for (size_t i = 0; i < o->call_count; i++)
        g->states[i] = arena_zalloc(a, 1, MAX(1, o->calls[i].call.fn->aggregate->state_size));
    return g;
}

static struct kept_row keep_key(struct agg_op *o, struct arena *a)
{
    struct column *columns = ARENA_ARRAY(a, struct column, o->group_count);

    for (size_t i = 0; i < o->group_count; i++) {
        columns[i].values = &o->key_values[i];
        columns[i].nulls = &o->key_nulls[i];
    }
    return row_keep(a, &o->key_shape, columns, 0);
}

static void held_add(struct arena *a, struct held_rows *h, struct kept_row r)
{
    if (h->count == h->capacity) {
        size_t capacity = h->capacity == 0 ? 8 : h->capacity * 2;

        h->rows =
            arena_realloc(a, h->rows, h->capacity * sizeof *h->rows, capacity * sizeof *h->rows);
        h->capacity = capacity;
    }
    h->rows[h->count++] = r;
}

static bool any_null(const bool *nulls, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (nulls[i])
            return true;
    }
    return false;
}

static status update(struct agg_call *g, struct arena *a, void *state, const datum *values,
                     const bool *nulls)
{
    if (g->call.fn->strict && any_null(nulls, g->arg_count))
        return STATUS_OK;
    g->call.arena = a;
    return g->call.fn->aggregate->update(&g->call, state, values, nulls);
}

/* One input row goes to its group; args are computed for the whole batch already. */
static status add_row(struct agg_op *o, struct arena *a, struct group *group, size_t row,
                      const bool *filtered)
{
    for (size_t i = 0; i < o->call_count; i++) {
        struct agg_call *g = &o->calls[i];

        if (g->filter != NULL && filtered[i])
            continue;
        if (g->holds) {
            struct column columns[FUNCTION_ARGS_MAX + 1];

            for (size_t k = 0; k < g->all_count; k++)
                columns[k] = *g->columns[k];
            held_add(a, &group->held[i], row_keep(a, &g->shape, columns, row));
            continue;
        }
        for (size_t k = 0; k < g->arg_count; k++) {
            g->values[k] = g->columns[k]->values[row];
            g->nulls[k] = g->columns[k]->nulls[row];
        }
        TRY_RETURN(update(g, a, group->states[i], g->values, g->nulls));
    }
    return STATUS_OK;
}

static int compare_held(const void *x, const void *y, void *ctx)
{
    const struct agg_call *g = ctx;

    return row_compare(g->order, g->order_count, x, y);
}

static bool same_args(const struct agg_call *g, const struct kept_row *x, const struct kept_row *y)
{
    for (size_t i = 0; i < g->arg_count; i++) {
        if (x->nulls[i] != y->nulls[i] ||
            (!x->nulls[i] && g->shape.types[i]->compare(x->values[i], y->values[i]) != 0))
            return false;
    }
    return true;
}

static status feed_held(struct agg_op *o, struct agg_call *g, struct arena *a, void *state,
                        struct held_rows *h)
{
    bool distinct = g->plan->expr->aggregate.distinct;

    for (size_t i = 0; distinct && i < g->arg_count; i++) {
        if (g->shape.types[i]->compare == NULL)
            return status_new(ST_UNDEFINED_FUNCTION,
                              "could not identify an equality operator for type %s",
                              g->shape.types[i]->sql_name);
    }
    sort_stable(arena_heap(a), h->rows, h->count, sizeof *h->rows, compare_held, g);
    for (size_t i = 0; i < h->count; i++) {
        if (distinct && i > 0 && same_args(g, &h->rows[i - 1], &h->rows[i]))
            continue;
        TRY_RETURN(update(g, a, state, h->rows[i].values, h->rows[i].nulls));
    }
    (void)o;
    return STATUS_OK;
}

static status finish_group(struct agg_op *o, struct arena *a, struct group *group, size_t at)
{
    row_put(&group->key, o->group_count, o->raw.columns, at);
    for (size_t i = 0; i < o->call_count; i++) {
        struct agg_call *g = &o->calls[i];
        struct column   *c = &o->raw.columns[o->group_count + i];

        if (g->holds)
            TRY_RETURN(feed_held(o, g, a, group->states[i], &group->held[i]));
        g->call.arena = a;
        c->nulls[at] = false;
        TRY_RETURN(g->call.fn->aggregate->finish(&g->call, group->states[i], &c->values[at],
                                                 &c->nulls[at]));
    }
    return STATUS_OK;
}

/* ---- input --------------------------------------------------------------------------------------
 */

static status compute_args(struct agg_op *o, struct agg_call *g, const struct batch *b)
{
    for (size_t k = 0; k < g->all_count; k++)
        TRY_RETURN(eval_batch(g->args[k], b->columns, b->selected, batch_live_count(b), o->keys,
                              &g->columns[k]));
    return STATUS_OK;
}

/* Arguments behind a FILTER are computed for the rows that pass only, one by one: what fails on the
 * others must not be seen. */
static status compute_filtered(struct agg_op *o, struct agg_call *g, const struct batch *b)
{
    struct batch narrowed = *b;
    uint16_t    *rows = arena_alloc(o->keys, o->op.x->eval.batch_rows * sizeof *rows);

    TRY_RETURN(eval_filter(g->filter, &narrowed, rows, o->keys));
    for (size_t k = 0; k < g->all_count; k++)
        TRY_RETURN(eval_batch(g->args[k], b->columns, narrowed.selected, narrowed.selected_count,
                              o->keys, &g->columns[k]));
    return STATUS_OK;
}

static status compute_batch(struct agg_op *o, const struct batch *b)
{
    arena_reset(o->keys);
    for (size_t i = 0; i < o->group_count; i++)
        TRY_RETURN(eval_batch(o->groups[i], b->columns, b->selected, batch_live_count(b), o->keys,
                              &o->group_columns[i]));
    for (size_t i = 0; i < o->call_count; i++) {
        if (o->calls[i].filter != NULL)
            TRY_RETURN(compute_filtered(o, &o->calls[i], b));
        else
            TRY_RETURN(compute_args(o, &o->calls[i], b));
    }
    return STATUS_OK;
}

static status filters_of_row(struct agg_op *o, const struct batch *b, size_t row, bool *filtered)
{
    struct eval_row r = {.columns = b->columns, .row = row};

    for (size_t i = 0; i < o->call_count; i++) {
        bool holds = true;

        if (o->calls[i].filter != NULL)
            TRY_RETURN(eval_condition(o->calls[i].filter, &r, o->keys, &holds));
        filtered[i] = !holds;
    }
    return STATUS_OK;
}

static void load_key(struct agg_op *o, size_t row)
{
    for (size_t i = 0; i < o->group_count; i++) {
        o->key_values[i] = o->group_columns[i]->values[row];
        o->key_nulls[i] = o->group_columns[i]->nulls[row];
    }
}

/* ---- hashed and plain ---------------------------------------------------------------------------
 */

static status row_to_part(struct agg_op *o, const struct batch *b, size_t row, uint64_t hash)
{
    for (size_t i = 0; i < o->input_shape.count; i++) {
        o->row_values[i] = b->columns[i].values[row];
        o->row_nulls[i] = b->columns[i].nulls[row];
    }
    return hash_parts_put(o->parts, 0, hash, o->row_values, o->row_nulls);
}

/* The row's group; NULL: it is not in the table, which is full, and the row went to its part. */
static status hashed_group(struct agg_op *o, const struct batch *b, size_t row, struct group **out)
{
    struct row_entry *e;
    uint64_t          hash;

    load_key(o, row);
    hash = row_table_hash(o->table, o->key_values, o->key_nulls);
    e = row_table_find(o->table, hash, o->key_values, o->key_nulls);
    *out = e != NULL ? e->extra : NULL;
    if (e == NULL && o->full)
        return row_to_part(o, b, row, hash);
    if (e == NULL) {
        struct group *g = group_new(o, o->op.arena);

        g->key = keep_key(o, o->op.arena);
        e = row_table_add(o->table, hash, g->key);
        e->extra = *out = g;
    }
    return STATUS_OK;
}

static void note_memory(struct agg_op *o)
{
    struct op_stats *s = &o->op.stats;

    s->memory_bytes = MAX(s->memory_bytes, arena_size(o->op.arena));
    if (o->table != NULL)
        s->buckets = MAX(s->buckets, row_table_buckets(o->table));
}

/* From now on the table takes no new groups. A part of a part of a part ... that is still too large
 * has rows with one hash; it is grouped in memory, as far as that goes. */
static status stop_growing(struct agg_op *o)
{
    if (o->full || o->current != NULL || !o->op.node->aggregate.may_spill ||
        o->part.level >= PART_LEVELS_MAX || !spill_wanted(&o->op, arena_size(o->op.arena)))
        return STATUS_OK;
    if (o->parts == NULL)
        TRY_RETURN(hash_parts_new(&o->op, &o->input_shape, NULL, &o->parts));
    hash_parts_begin(o->parts, o->part.level);
    o->full = true;
    return STATUS_OK;
}

static status take_batch(struct agg_op *o, const struct batch *b)
{
    TRY_RETURN(compute_batch(o, b));
    for (size_t i = 0; i < batch_live_count(b); i++) {
        size_t        row = batch_live_row(b, i);
        struct group *g = o->current;

        if (g == NULL)
            TRY_RETURN(hashed_group(o, b, row, &g));
        if (g == NULL)
            continue;
        TRY_RETURN(filters_of_row(o, b, row, o->filtered));
        TRY_RETURN(add_row(o, o->op.arena, g, row, o->filtered));
    }
    TRY_RETURN(stop_growing(o));
    TRY_RETURN(mem_account_check(&o->op.x->account));
    return sql_check_interrupts(o->op.x->c);
}

static status build_groups(struct agg_op *o)
{
    const struct batch *b;
    status              st;

    o->built = true;
    if (o->op.node->aggregate.strategy == AGG_PLAIN)
        o->current = group_new(o, o->op.arena);
    else
        o->table = row_table_new(o->op.arena, o->op.node->aggregate.group_types, o->group_count);
    while (st_ok(st = op_next(o->op.left, &b)))
        TRY_RETURN(take_batch(o, b));
    if (st != STATUS_NO_DATA)
        return st;
    note_memory(o);
    o->op.stats.batches++;
    return o->full ? hash_parts_end(o->parts) : STATUS_OK;
}

static status group_part(struct agg_op *o)
{
    status st;

    TRY_RETURN(spill_read_open(o->part.sides[0], true, &o->reader));
    do {
        SCOPED(arena) struct arena *a = arena_new(arena_heap(o->op.arena), &o->op.x->account);

        st = spill_read_batch(o->reader, a, &o->part_batch);
        if (st_ok(st))
            st = take_batch(o, &o->part_batch);
    } while (st_ok(st));
    spill_read_close(o->reader);
    o->reader = NULL;
    if (st != STATUS_NO_DATA)
        return st;
    spill_tape_drop(o->part.sides[0]);
    note_memory(o);
    return o->full ? hash_parts_end(o->parts) : STATUS_OK;
}

/* All groups of the table are out: on to the next part. *more: the table has groups again. */
static status next_part(struct agg_op *o, bool *more)
{
    *more = o->parts != NULL && hash_parts_next(o->parts, &o->part);
    if (!*more)
        return STATUS_OK;
    arena_reset(o->op.arena);
    o->table = row_table_new(o->op.arena, o->op.node->aggregate.group_types, o->group_count);
    o->emit_at = 0;
    o->full = false;
    return group_part(o);
}

/* A batch holds groups of one table only: the next part takes its memory. */
static status next_hashed(struct agg_op *o, size_t *n)
{
    while (o->emit_at == row_table_count(o->table)) {
        bool more;

        TRY_RETURN(next_part(o, &more));
        if (!more)
            return STATUS_OK;
    }
    while (*n < o->op.x->eval.batch_rows && o->emit_at < row_table_count(o->table)) {
        struct group *g = row_table_at(o->table, o->emit_at++)->extra;

        TRY_RETURN(finish_group(o, o->op.arena, g, (*n)++));
    }
    return STATUS_OK;
}

static status next_plain(struct agg_op *o, size_t *n)
{
    if (o->done)
        return STATUS_OK;
    o->done = true;
    TRY_RETURN(finish_group(o, o->op.arena, o->current, 0));
    *n = 1;
    return STATUS_OK;
}

/* ---- sorted -------------------------------------------------------------------------------------
 */

static bool same_group(struct agg_op *o)
{
    for (size_t i = 0; i < o->group_count; i++) {
        const struct kept_row *k = &o->current->key;

        if (k->nulls[i] != o->key_nulls[i])
            return false;
        if (!k->nulls[i] && o->key_shape.types[i]->compare(k->values[i], o->key_values[i]) != 0)
            return false;
    }
    return true;
}

static status fetch_sorted(struct agg_op *o)
{
    status st = op_next(o->op.left, &o->input);

    o->input_at = 0;
    if (st == STATUS_NO_DATA) {
        o->input = NULL;
        o->done = true;
        return STATUS_OK;
    }
    TRY_RETURN(st);
    return compute_batch(o, o->input);
}

/* Read groups until a batch of them is finished. No group is open between two calls, so that the
 * arena of a batch's groups can be emptied by the next. */
static status next_sorted(struct agg_op *o, size_t *n)
{
    bool filtered[FUNCTION_ARGS_MAX];

    if (o->call_count > FUNCTION_ARGS_MAX)
        return status_new(ST_TOO_MANY_COLUMNS, "a sorted grouping computes at most %d aggregates",
                          FUNCTION_ARGS_MAX);
    for (;;) {
        if (o->input == NULL || o->input_at == batch_live_count(o->input)) {
            if (!o->done)
                TRY_RETURN(fetch_sorted(o));
            if (o->done) {
                if (o->current != NULL)
                    TRY_RETURN(finish_group(o, o->sorted, o->current, (*n)++));
                o->current = NULL;
                return STATUS_OK;
            }
        }
        size_t row = batch_live_row(o->input, o->input_at);

        load_key(o, row);
        if (o->current != NULL && !same_group(o)) {
            TRY_RETURN(finish_group(o, o->sorted, o->current, (*n)++));
            o->current = NULL;
            if (*n == o->op.x->eval.batch_rows)
                return STATUS_OK;
        }
        if (o->current == NULL) {
            o->current = group_new(o, o->sorted);
            o->current->key = keep_key(o, o->sorted);
        }
        TRY_RETURN(filters_of_row(o, o->input, row, filtered));
        TRY_RETURN(add_row(o, o->sorted, o->current, row, filtered));
        o->input_at++;
    }
}

static status agg_next(struct op *op, const struct batch **out)
{
    struct agg_op          *o = (struct agg_op *)op;
    enum aggregate_strategy strategy = op->node->aggregate.strategy;
    size_t                  n = 0;

    if (strategy == AGG_SORTED) {
        ASSERT(o->current == NULL);
        arena_reset(o->sorted);
        TRY_RETURN(next_sorted(o, &n));
    } else {
        if (!o->built)
            TRY_RETURN(build_groups(o));
        TRY_RETURN(strategy == AGG_PLAIN ? next_plain(o, &n) : next_hashed(o, &n));
    }
    if (n == 0)
        return STATUS_NO_DATA;
    o->raw.rows = n;
    o->raw.selected = NULL;
    *out = &o->raw;
    return STATUS_OK;
}

const struct op_class op_aggregate = {.size = sizeof(struct agg_op),
                                      .open = agg_open,
                                      .rewind = agg_rewind,
                                      .next = agg_next,
                                      .close = agg_close};
