/* Subqueries of expressions, and WITH: trees of their own, run for one outer row or once.
 *
 * One tree per subplan, however many expressions name it. What depends on no outer value is run
 * once and its answer kept; x = ANY (subquery) over such a subquery is looked up in a table. */
#include <string.h>

#include "base/assert.h"
#include "sql/exec/spill.h"
#include "sql/types/array.h"

struct subplan_state {
    const struct subplan *plan;
    struct op            *root;
    struct arena         *kept;
    struct row_shape      shape;
    bool                  computed; /* the answer or the rows below are there */
    bool                  started;  /* CTEs: some of the rows are */
    datum                 value;
    bool                  null;
    struct kept_row      *rows;
    size_t                count, capacity;
    struct row_table     *table; /* hashed: the distinct rows without nulls */
    bool                  has_null_row;
    struct spill_file    *file; /* WITH: rows behind those in memory */
    struct spill_tape    *tape;
};

struct subplan_site {
    struct eval_context  *context;
    const struct expr    *expr;
    struct subplan_state *state;
    struct eval         **left, **args;
    struct fn_call       *ops; /* of ANY and ALL, one per column */
};

/* ---- states -------------------------------------------------------------------------------------
 */

static status state_of(struct execution *x, int id, struct subplan_state **out)
{
    struct subplan_state *s = x->subplans[id];

    if (s == NULL) {
        s = ARENA_NEW(x->arena, struct subplan_state);
        s->plan = x->plan->subplans[id];
        s->kept = arena_new(arena_heap(x->arena), &x->account);
        x->subplans[id] = s;
        row_shape_of(x, s->plan->node, &s->shape);
        TRY_RETURN(op_new(x, s->plan->node, &s->root));
    }
    *out = s;
    return STATUS_OK;
}

void subplans_close(struct execution *x)
{
    /* Scans of one WITH may stand in another: all readers go before the first file. */
    for (size_t i = 0; i < x->plan->subplan_count; i++) {
        if (x->subplans[i] != NULL)
            op_close(x->subplans[i]->root);
    }
    for (size_t i = 0; i < x->plan->subplan_count; i++) {
        if (x->subplans[i] == NULL)
            continue;
        spill_close(x->subplans[i]->file);
        arena_free(x->subplans[i]->kept);
    }
}

static void add_row(struct subplan_state *s, struct kept_row r)
{
    if (s->count == s->capacity) {
        size_t capacity = s->capacity == 0 ? 16 : s->capacity * 2;

        s->rows = arena_realloc(s->kept, s->rows, s->capacity * sizeof *s->rows,
                                capacity * sizeof *s->rows);
        s->capacity = capacity;
    }
    s->rows[s->count++] = r;
}

/* A WITH that runs once may be large; other subqueries' rows are looked at in memory. */
static status keep_rows(struct execution *x, struct subplan_state *s, const struct batch *b,
                        bool may_spill)
{
    for (size_t i = 0; i < batch_live_count(b); i++) {
        size_t row = batch_live_row(b, i);

        if (s->tape != NULL)
            TRY_RETURN(spill_write_row(s->tape, b->columns, row));
        else
            add_row(s, row_keep(s->kept, &s->shape, b->columns, row));
    }
    if (may_spill && s->tape == NULL && spill_wanted(s->root, arena_size(s->kept))) {
        TRY_RETURN(spill_open(s->root, &s->file));
        s->tape = spill_tape_new(s->file, &s->shape);
    }
    TRY_RETURN(mem_account_check(&x->account));
    return sql_check_interrupts(x->c);
}

static status read_all(struct execution *x, struct subplan_state *s)
{
    const struct batch *b;
    status              st;

    arena_reset(s->kept);
    s->rows = NULL;
    s->count = s->capacity = 0;
    TRY_RETURN(op_rewind(s->root));
    while (st_ok(st = op_next(s->root, &b)))
        TRY_RETURN(keep_rows(x, s, b, false));
    return st == STATUS_NO_DATA ? STATUS_OK : st;
}

/* One batch more; sets `computed` behind the last. */
static status read_more(struct execution *x, struct subplan_state *s)
{
    const struct batch *b;
    status              st = op_next(s->root, &b);

    if (st == STATUS_NO_DATA) {
        s->computed = true;
        return STATUS_OK;
    }
    TRY_RETURN(st);
    return keep_rows(x, s, b, true);
}

static size_t rows_so_far(const struct subplan_state *s)
{
    return s->count + (s->tape != NULL ? (size_t)spill_tape_rows(s->tape) : 0);
}

status cte_rows(struct execution *x, int subplan, size_t have, struct kept_row **rows,
                size_t *count, struct spill_tape **tape)
{
    struct subplan_state *s;

    TRY_RETURN(state_of(x, subplan, &s));
    if (s->plan->uses_outer && have == 0)
        TRY_RETURN(read_all(x, s));
    if (!s->plan->uses_outer && !s->started) {
        s->started = true;
        TRY_RETURN(op_rewind(s->root));
    }
    while (!s->plan->uses_outer && !s->computed && rows_so_far(s) <= have)
        TRY_RETURN(read_more(x, s));
    *tape = s->tape;
    *rows = s->rows;
    *count = s->count;
    return STATUS_OK;
}

void cte_working_rows(struct execution *x, int subplan, struct kept_row **rows, size_t *count)
{
    recursive_union_working(x->subplans[subplan]->root, rows, count);
}

/* ---- compilation --------------------------------------------------------------------------------
 */

static void prepare_ops(struct subplan_site *site)
{
    const struct expr *e = site->expr;
    struct arena      *a = site->context->arena;

    site->ops = ARENA_ARRAY(a, struct fn_call, e->subquery.left_count);
    for (size_t i = 0; i < e->subquery.left_count; i++) {
        uint32_t *types = ARENA_ARRAY(a, uint32_t, 2);

        types[0] = e->subquery.left[i]->type;
        types[1] =
            site->context->execution->plan->subplans[e->subquery.plan_id]->node->outputs[i]->type;
        site->ops[i] = (struct fn_call){.context = site->context->c,
                                        .fn = e->subquery.ops[i]->fn,
                                        .call_arena = a,
                                        .arg_count = 2,
                                        .arg_types = types,
                                        .result_type = OID_BOOL,
                                        .collation = e->collation};
    }
}

status subplan_compile(struct eval_context *ec, const struct expr *e, struct subplan_site **out)
{
    struct subplan_site *site = ARENA_NEW(ec->arena, struct subplan_site);

    if (ec->execution == NULL)
        return status_new(ST_FEATURE_NOT_SUPPORTED, "cannot use subquery here");
    site->context = ec;
    site->expr = e;
    site->left = ARENA_ARRAY(ec->arena, struct eval *, e->subquery.left_count);
    site->args = ARENA_ARRAY(ec->arena, struct eval *, e->subquery.arg_count);
    for (size_t i = 0; i < e->subquery.left_count; i++)
        TRY_RETURN(eval_compile(ec, e->subquery.left[i], &site->left[i]));
    for (size_t i = 0; i < e->subquery.arg_count; i++)
        TRY_RETURN(eval_compile(ec, e->subquery.args[i], &site->args[i]));
    prepare_ops(site);
    *out = site;
    return STATUS_OK;
}

/* ---- evaluation ---------------------------------------------------------------------------------
 */

static status scalar_value(struct subplan_state *s, struct arena *a, datum *out, bool *null)
{
    const struct batch *b;
    status              st = op_next(s->root, &b);
    bool                seen = false;

    *null = true;
    for (; st_ok(st); st = op_next(s->root, &b)) {
        size_t row = batch_live_row(b, 0);

        if (seen || batch_live_count(b) > 1)
            return status_new(ST_CARDINALITY_VIOLATION,
                              "more than one row returned by a subquery used as an expression");
        seen = true;
        *null = b->columns[0].nulls[row];
        if (!*null)
            *out = s->shape.is_slice[0] ? (datum){.s = arena_copy(a, b->columns[0].values[row].s)}
                                        : b->columns[0].values[row];
    }
    return st == STATUS_NO_DATA ? STATUS_OK : st;
}

static status exists_value(struct subplan_state *s, datum *out)
{
    const struct batch *b;
    status              st = op_next(s->root, &b);

    if (!st_ok(st) && st != STATUS_NO_DATA)
        return st;
    out->b = st_ok(st);
    return STATUS_OK;
}

static status array_value(struct subplan_site *site, struct arena *a, datum *out)
{
    struct subplan_state *s = site->state;
    const struct type    *t = type_by_oid(site->expr->type);
    datum                *values;
    bool                 *nulls;

    TRY_RETURN(read_all(site->context->execution, s));
    values = ARENA_ARRAY(a, datum, s->count);
    nulls = ARENA_ARRAY(a, bool, s->count);
    for (size_t i = 0; i < s->count; i++) {
        values[i] = s->rows[i].values[0];
        nulls[i] = s->rows[i].nulls[0];
    }
    return array_build(a, type_by_oid(t->element_oid), values, nulls, s->count, &out->s);
}

/* The comparison of the left row with one row: true, false or unknown. With several columns, that
 * of rows: = of all. */
static status compare_row(struct subplan_site *site, const datum *left, const bool *left_nulls,
                          const struct column *columns, size_t row, struct arena *a, datum *out,
                          bool *null)
{
    out->b = true;
    *null = false;
    for (size_t i = 0; i < site->expr->subquery.left_count; i++) {
        datum args[2] = {left[i], columns[i].values[row]}, v;
        bool  nulls[2] = {left_nulls[i], columns[i].nulls[row]}, is_null = false;

        if (nulls[0] || nulls[1]) {
            *null = true;
            continue;
        }
        site->ops[i].arena = a;
        TRY_RETURN(site->ops[i].fn->scalar(&site->ops[i], args, nulls, &v, &is_null));
        if (is_null) {
            *null = true;
        } else if (!v.b) {
            out->b = false;
            *null = false;
            return STATUS_OK;
        }
    }
    return STATUS_OK;
}

/* ANY is an OR over the rows, ALL an AND. */
static status quantified(struct subplan_site *site, const datum *left, const bool *left_nulls,
                         struct arena *a, datum *out, bool *null)
{
    bool                any = site->expr->subquery.kind == SUBQUERY_ANY;
    const struct batch *b;
    status              st;

    out->b = !any;
    *null = false;
    while (st_ok(st = op_next(site->state->root, &b))) {
        for (size_t i = 0; i < batch_live_count(b); i++) {
            datum v;
            bool  is_null;

            TRY_RETURN(compare_row(site, left, left_nulls, b->columns, batch_live_row(b, i), a, &v,
                                   &is_null));
            if (is_null) {
                *null = true;
            } else if (v.b == any) {
                out->b = any;
                *null = false;
                return STATUS_OK;
            }
        }
    }
    return st == STATUS_NO_DATA ? STATUS_OK : st;
}

/* ---- hashed ANY ---------------------------------------------------------------------------------
 */

static status build_table(struct subplan_site *site)
{
    struct subplan_state *s = site->state;
    size_t                keys = site->expr->subquery.left_count;

    TRY_RETURN(read_all(site->context->execution, s));
    s->table = row_table_new(s->kept, s->shape.types, keys);
    for (size_t i = 0; i < s->count; i++) {
        struct kept_row *r = &s->rows[i];
        uint64_t         hash;
        bool             has_null = false;

        for (size_t k = 0; k < keys; k++)
            has_null |= r->nulls[k];
        s->has_null_row |= has_null;
        hash = row_table_hash(s->table, r->values, r->nulls);
        if (!has_null && row_table_find(s->table, hash, r->values, r->nulls) == NULL)
            row_table_add(s->table, hash, *r);
    }
    return STATUS_OK;
}

/* A null on either side leaves the answer open where no row is equal; of rows with several columns
 * the non-null ones may still say no, so those are looked through. */
static status hashed_any(struct subplan_site *site, const datum *left, const bool *left_nulls,
                         struct arena *a, datum *out, bool *null)
{
    struct subplan_state *s = site->state;
    size_t                keys = site->expr->subquery.left_count;
    bool                  left_null = false;

    if (!s->computed)
        TRY_RETURN(build_table(site));
    s->computed = true;
    *null = false;
    out->b = false;
    for (size_t i = 0; i < keys; i++)
        left_null |= left_nulls[i];
    if (!left_null &&
        row_table_find(s->table, row_table_hash(s->table, left, left_nulls), left, left_nulls)) {
        out->b = true;
        return STATUS_OK;
    }
    if (!left_null && !s->has_null_row)
        return STATUS_OK;
    for (size_t i = 0; i < s->count; i++) {
        struct column columns[FUNCTION_ARGS_MAX];
        datum         v;
        bool          is_null;

        for (size_t k = 0; k < keys; k++) {
            columns[k].values = &s->rows[i].values[k];
            columns[k].nulls = &s->rows[i].nulls[k];
        }
        TRY_RETURN(compare_row(site, left, left_nulls, columns, 0, a, &v, &is_null));
        if (is_null) {
            *null = true;
            return STATUS_OK;
        }
    }
    return STATUS_OK;
}

static status set_args(struct subplan_site *site, const struct eval_row *row, struct arena *a)
{
    const struct expr   *e = site->expr;
    struct eval_context *ec = site->context;

    for (size_t i = 0; i < e->subquery.arg_count; i++) {
        int slot = e->subquery.arg_slots[i];

        TRY_RETURN(eval_one(site->args[i], row, a, &ec->outer[slot], &ec->outer_nulls[slot]));
    }
    return STATUS_OK;
}

static status eval_left(struct subplan_site *site, const struct eval_row *row, struct arena *a,
                        datum *values, bool *nulls)
{
    size_t n = site->expr->subquery.left_count;

    if (n > FUNCTION_ARGS_MAX)
        return status_new(ST_TOO_MANY_COLUMNS, "a row comparison takes at most %d columns",
                          FUNCTION_ARGS_MAX);
    for (size_t i = 0; i < n; i++)
        TRY_RETURN(eval_one(site->left[i], row, a, &values[i], &nulls[i]));
    return STATUS_OK;
}

static status run(struct subplan_site *site, const struct eval_row *row, struct arena *a,
                  datum *out, bool *null)
{
    struct subplan_state *s = site->state;
    datum                 left[FUNCTION_ARGS_MAX];
    bool                  left_nulls[FUNCTION_ARGS_MAX];

    TRY_RETURN(eval_left(site, row, a, left, left_nulls));
    if (s->plan->hashed)
        return hashed_any(site, left, left_nulls, a, out, null);
    TRY_RETURN(set_args(site, row, a));
    if (site->expr->subquery.kind == SUBQUERY_ARRAY) {
        *null = false;
        return array_value(site, a, out);
    }
    TRY_RETURN(op_rewind(s->root));
    switch (site->expr->subquery.kind) {
    case SUBQUERY_EXISTS:
        *null = false;
        return exists_value(s, out);
    case SUBQUERY_SCALAR:
        return scalar_value(s, a, out, null);
    default:
        return quantified(site, left, left_nulls, a, out, null);
    }
}

status subplan_eval(struct subplan_site *site, const struct eval_row *row, struct arena *a,
                    datum *out, bool *null)
{
    struct execution     *x = site->context->execution;
    struct subplan_state *s;
    bool                  once;

    TRY_RETURN(state_of(x, site->expr->subquery.plan_id, &site->state));
    s = site->state;
    once = !s->plan->uses_outer && site->expr->subquery.left_count == 0;
    if (once && s->computed) {
        *out = s->value;
        *null = s->null;
        return STATUS_OK;
    }
    /* The answer of a subquery that runs once outlives the batch. */
    TRY_RETURN(run(site, row, once ? x->arena : a, out, null));
    if (once) {
        s->computed = true;
        s->value = *out;
        s->null = *null;
    }
    return STATUS_OK;
}
