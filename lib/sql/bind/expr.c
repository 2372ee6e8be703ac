#include "sql/bind/expr.h"

#include "sql/bind/query.h"
#include "sql/types/type.h"

struct expr *expr_new(struct arena *a, enum expr_kind kind, uint32_t type, int32_t typmod,
                      int location)
{
    struct expr       *e = ARENA_NEW(a, struct expr);
    const struct type *t = type_by_oid(type);

    e->kind = kind;
    e->type = type;
    e->typmod = typmod;
    e->location = location;
    e->collation = t != NULL && t->collatable ? OID_COLLATION_DEFAULT : 0;
    return e;
}

struct expr *expr_const(struct arena *a, uint32_t type, datum value, int location)
{
    struct expr *e = expr_new(a, EXPR_CONST, type, -1, location);

    e->constant.value = value;
    return e;
}

struct expr *expr_null(struct arena *a, uint32_t type, int location)
{
    struct expr *e = expr_new(a, EXPR_CONST, type, -1, location);

    e->constant.is_null = true;
    return e;
}

typedef bool (*expr_visit)(struct expr **child, void *ctx);

static bool walk_array(struct expr **children, size_t count, expr_visit visit, void *ctx)
{
    for (size_t i = 0; i < count; i++)
        if (children[i] != NULL && !visit(&children[i], ctx))
            return false;
    return true;
}

static bool walk_case(struct expr *e, expr_visit visit, void *ctx)
{
    if (e->case_when.operand != NULL && !visit(&e->case_when.operand, ctx))
        return false;
    for (size_t i = 0; i < e->case_when.count; i++)
        if (!visit(&e->case_when.conditions[i], ctx) || !visit(&e->case_when.results[i], ctx))
            return false;
    return visit(&e->case_when.otherwise, ctx);
}

static bool walk_subscript(struct expr *e, expr_visit visit, void *ctx)
{
    return visit(&e->subscript.array, ctx) &&
           (e->subscript.index == NULL || visit(&e->subscript.index, ctx)) &&
           (e->subscript.upper == NULL || visit(&e->subscript.upper, ctx));
}

bool expr_walk_children(struct expr *e, expr_visit visit, void *ctx)
{
    switch (e->kind) {
    case EXPR_CONST:
    case EXPR_PARAM:
    case EXPR_COLUMN:
    case EXPR_SLOT:
    case EXPR_OUTER:
    case EXPR_DEFAULT:
        return true;
    case EXPR_CALL:
    case EXPR_SET_CALL:
        return walk_array(e->call.args, e->call.arg_count, visit, ctx);
    case EXPR_CAST:
        return visit(&e->cast.arg, ctx);
    case EXPR_AND:
    case EXPR_OR:
    case EXPR_COALESCE:
    case EXPR_MINMAX:
    case EXPR_ARRAY:
    case EXPR_ROW:
        return walk_array(e->list.args, e->list.count, visit, ctx);
    case EXPR_NOT:
    case EXPR_NULL_TEST:
    case EXPR_BOOL_TEST:
        return visit(&e->unary.arg, ctx);
    case EXPR_CASE:
        return walk_case(e, visit, ctx);
    case EXPR_NULLIF:
    case EXPR_DISTINCT:
    case EXPR_ARRAY_OP:
        return visit(&e->binary.left, ctx) && visit(&e->binary.right, ctx);
    case EXPR_ROW_COMPARE:
        return walk_array(e->row_compare.left, e->row_compare.count, visit, ctx) &&
               walk_array(e->row_compare.right, e->row_compare.count, visit, ctx);
    case EXPR_SUBSCRIPT:
        return walk_subscript(e, visit, ctx);
    case EXPR_FIELD:
        return visit(&e->field.record, ctx);
    case EXPR_WINDOW:
        return walk_array(e->window.keys, e->window.key_count, visit, ctx);
    case EXPR_AGGREGATE:
        return walk_array(e->aggregate.args, e->aggregate.arg_count + e->aggregate.sort_arg_count,
                          visit, ctx) &&
               (e->aggregate.filter == NULL || visit(&e->aggregate.filter, ctx));
    case EXPR_SUBQUERY:
        return walk_array(e->subquery.left, e->subquery.left_count, visit, ctx);
    }
    return true;
}

static struct expr **copy_array(struct arena *a, struct expr *const *children, size_t count)
{
    struct expr **out;

    if (count == 0)
        return NULL;
    out = ARENA_ARRAY(a, struct expr *, count);
    for (size_t i = 0; i < count; i++)
        out[i] = children[i];
    return out;
}

/* Give `e`, a flat copy, arrays of its own, so that visitors may replace children in it alone. */
static void own_arrays(struct arena *a, struct expr *e)
{
    switch (e->kind) {
    case EXPR_CALL:
    case EXPR_SET_CALL:
        e->call.args = copy_array(a, e->call.args, e->call.arg_count);
        break;
    case EXPR_WINDOW:
        e->window.keys = copy_array(a, e->window.keys, e->window.key_count);
        break;
    case EXPR_AND:
    case EXPR_OR:
    case EXPR_COALESCE:
    case EXPR_MINMAX:
    case EXPR_ARRAY:
    case EXPR_ROW:
        e->list.args = copy_array(a, e->list.args, e->list.count);
        break;
    case EXPR_CASE:
        e->case_when.conditions = copy_array(a, e->case_when.conditions, e->case_when.count);
        e->case_when.results = copy_array(a, e->case_when.results, e->case_when.count);
        break;
    case EXPR_ROW_COMPARE:
        e->row_compare.left = copy_array(a, e->row_compare.left, e->row_compare.count);
        e->row_compare.right = copy_array(a, e->row_compare.right, e->row_compare.count);
        break;
    case EXPR_AGGREGATE:
        e->aggregate.args =
            copy_array(a, e->aggregate.args, e->aggregate.arg_count + e->aggregate.sort_arg_count);
        break;
    case EXPR_SUBQUERY:
        e->subquery.left = copy_array(a, e->subquery.left, e->subquery.left_count);
        break;
    default:
        break;
    }
}

static bool copy_child(struct expr **child, void *arena)
{
    *child = expr_copy(arena, *child);
    return true;
}

struct expr *expr_copy(struct arena *a, const struct expr *e)
{
    struct expr *copy;

    if (e == NULL)
        return NULL;
    copy = ARENA_NEW(a, struct expr);
    *copy = *e;
    own_arrays(a, copy);
    expr_walk_children(copy, copy_child, a);
    return copy;
}

/* ---- equality -----------------------------------------------------------------------------------
 */

static bool equal_or_null(const struct expr *a, const struct expr *b)
{
    if (a == NULL || b == NULL)
        return a == b;
    return expr_equal(a, b);
}

static bool equal_arrays(struct expr *const *a, struct expr *const *b, size_t a_count,
                         size_t b_count)
{
    if (a_count != b_count)
        return false;
    for (size_t i = 0; i < a_count; i++)
        if (!equal_or_null(a[i], b[i]))
            return false;
    return true;
}

static bool equal_datum(uint32_t type, datum a, datum b)
{
    const struct type *t = type_by_oid(type);

    switch (t == NULL ? DATUM_SLICE : t->datum_kind) {
    case DATUM_BOOL:
        return a.b == b.b;
    case DATUM_INT:
        return a.i == b.i;
    case DATUM_FLOAT: /* by bits: -0.0 and 0.0 are two constants, a NaN is itself */
        return memcmp(&a.f, &b.f, sizeof a.f) == 0;
    case DATUM_SLICE:
        return slice_eq(a.s, b.s);
    case DATUM_INTERVAL:
        return a.iv.us == b.iv.us && a.iv.days == b.iv.days && a.iv.months == b.iv.months;
    case DATUM_UUID:
        return memcmp(a.uuid, b.uuid, sizeof a.uuid) == 0;
    }
    return false;
}

static bool equal_case(const struct expr *a, const struct expr *b)
{
    return equal_or_null(a->case_when.operand, b->case_when.operand) &&
           equal_arrays(a->case_when.conditions, b->case_when.conditions, a->case_when.count,
                        b->case_when.count) &&
           equal_arrays(a->case_when.results, b->case_when.results, a->case_when.count,
                        b->case_when.count) &&
           equal_or_null(a->case_when.otherwise, b->case_when.otherwise);
}

static bool equal_row_compare(const struct expr *a, const struct expr *b)
{
    if (a->row_compare.order != b->row_compare.order ||
        !equal_arrays(a->row_compare.left, b->row_compare.left, a->row_compare.count,
                      b->row_compare.count))
        return false;
    for (size_t i = 0; i < a->row_compare.count; i++)
        if (a->row_compare.ops[i] != b->row_compare.ops[i])
            return false;
    return equal_arrays(a->row_compare.right, b->row_compare.right, a->row_compare.count,
                        b->row_compare.count);
}

static bool equal_aggregate(const struct expr *a, const struct expr *b)
{
    if (a->aggregate.fn != b->aggregate.fn || a->aggregate.star != b->aggregate.star ||
        a->aggregate.distinct != b->aggregate.distinct ||
        a->aggregate.levels_up != b->aggregate.levels_up ||
        a->aggregate.sort_arg_count != b->aggregate.sort_arg_count ||
        a->aggregate.order_count != b->aggregate.order_count ||
        !equal_or_null(a->aggregate.filter, b->aggregate.filter))
        return false;
    for (size_t i = 0; i < a->aggregate.order_count; i++) {
        const struct sort_key *x = &a->aggregate.order[i], *y = &b->aggregate.order[i];

        if (x->target != y->target || x->op != y->op || x->nulls_first != y->nulls_first)
            return false;
    }
    return equal_arrays(a->aggregate.args, b->aggregate.args,
                        a->aggregate.arg_count + a->aggregate.sort_arg_count,
                        b->aggregate.arg_count + b->aggregate.sort_arg_count);
}

static bool equal_same_kind(const struct expr *a, const struct expr *b)
{
    switch (a->kind) {
    case EXPR_CONST:
        if (a->constant.is_null || b->constant.is_null)
            return a->constant.is_null == b->constant.is_null;
        return equal_datum(a->type, a->constant.value, b->constant.value);
    case EXPR_PARAM:
        return a->param.number == b->param.number;
    case EXPR_COLUMN:
        return a->column.table == b->column.table && a->column.column == b->column.column &&
               a->column.levels_up == b->column.levels_up;
    case EXPR_SLOT:
        return a->slot.position == b->slot.position && a->slot.side == b->slot.side;
    case EXPR_OUTER:
        return a->outer.position == b->outer.position;
    case EXPR_CALL:
    case EXPR_SET_CALL:
        return a->call.fn == b->call.fn && a->call.op == b->call.op &&
               a->call.variadic_array == b->call.variadic_array &&
               equal_arrays(a->call.args, b->call.args, a->call.arg_count, b->call.arg_count);
    case EXPR_CAST:
        return a->cast.method == b->cast.method && a->cast.element_cast == b->cast.element_cast &&
               expr_equal(a->cast.arg, b->cast.arg);
    case EXPR_AND:
    case EXPR_OR:
    case EXPR_COALESCE:
    case EXPR_MINMAX:
    case EXPR_ARRAY:
    case EXPR_ROW:
        return a->list.greatest == b->list.greatest &&
               equal_arrays(a->list.args, b->list.args, a->list.count, b->list.count);
    case EXPR_NOT:
    case EXPR_NULL_TEST:
    case EXPR_BOOL_TEST:
        return a->unary.negated == b->unary.negated && a->unary.test == b->unary.test &&
               expr_equal(a->unary.arg, b->unary.arg);
    case EXPR_CASE:
        return equal_case(a, b);
    case EXPR_NULLIF:
    case EXPR_DISTINCT:
    case EXPR_ARRAY_OP:
        return a->binary.op == b->binary.op && a->binary.negated == b->binary.negated &&
               a->binary.all == b->binary.all && expr_equal(a->binary.left, b->binary.left) &&
               expr_equal(a->binary.right, b->binary.right);
    case EXPR_ROW_COMPARE:
        return equal_row_compare(a, b);
    case EXPR_SUBSCRIPT:
        return a->subscript.is_slice == b->subscript.is_slice &&
               expr_equal(a->subscript.array, b->subscript.array) &&
               equal_or_null(a->subscript.index, b->subscript.index) &&
               equal_or_null(a->subscript.upper, b->subscript.upper);
    case EXPR_WINDOW:
        return a->window.fn == b->window.fn && expr_same_window(a, b);
    case EXPR_FIELD:
        return a->field.position == b->field.position &&
               expr_equal(a->field.record, b->field.record);
    case EXPR_AGGREGATE:
        return equal_aggregate(a, b);
    case EXPR_SUBQUERY: /* the same text twice is two queries; only the very same one is equal */
        return a->subquery.query == b->subquery.query;
    case EXPR_DEFAULT:
        return true;
    }
    return false;
}

bool expr_equal(const struct expr *a, const struct expr *b)
{
    if (a == b)
        return true;
    return a->kind == b->kind && a->type == b->type && a->typmod == b->typmod &&
           a->collation == b->collation && equal_same_kind(a, b);
}

/* ---- volatility ---------------------------------------------------------------------------------
 */

static enum volatility volatility_max(enum volatility a, enum volatility b)
{
    if (a == VOLATILITY_VOLATILE || b == VOLATILITY_VOLATILE)
        return VOLATILITY_VOLATILE;
    return a == VOLATILITY_STABLE ? a : b;
}

static enum volatility volatility_of_op(const struct operator_def *op)
{
    return op == NULL || op->fn == NULL ? VOLATILITY_IMMUTABLE : op->fn->volatility;
}

static enum volatility volatility_own(const struct expr *e)
{
    switch (e->kind) {
    case EXPR_CALL:
    case EXPR_SET_CALL:
        return e->call.fn->volatility;
    case EXPR_AGGREGATE:
        return e->aggregate.fn->volatility;
    case EXPR_CAST:
        /* Text forms of times depend on settings, those of names on the catalog. */
        if (e->cast.element_cast != NULL && e->cast.element_cast->fn != NULL)
            return e->cast.element_cast->fn->volatility;
        return e->cast.method == CAST_BY_IO ? VOLATILITY_STABLE : VOLATILITY_IMMUTABLE;
    case EXPR_NULLIF:
    case EXPR_DISTINCT:
    case EXPR_ARRAY_OP:
        return volatility_of_op(e->binary.op);
    case EXPR_SUBQUERY: /* not looked into: never to be evaluated ahead of its time */
        return VOLATILITY_VOLATILE;
    default:
        return VOLATILITY_IMMUTABLE;
    }
}

static bool volatility_visit(struct expr **child, void *ctx)
{
    enum volatility *v = ctx;

    *v = volatility_max(*v, expr_volatility(*child));
    return *v != VOLATILITY_VOLATILE;
}

enum volatility expr_volatility(const struct expr *e)
{
    enum volatility v = volatility_own(e);

    /* The walk may hand out pointers to children for writing; this visitor only reads. */
    if (v != VOLATILITY_VOLATILE)
        expr_walk_children((struct expr *)(uintptr_t)e, volatility_visit, &v);
    return v;
}

uint32_t set_call_column_type(const struct expr *call, size_t column)
{
    const struct function *f = call->call.fn;

    if (f->column_types[column] != OID_ANYELEMENT)
        return f->column_types[column];
    for (size_t i = 0; i < call->call.arg_count; i++) {
        if (f->arg_types[i] == OID_ANYARRAY)
            return type_by_oid(call->call.args[i]->type)->element_oid;
    }
    return OID_ANYELEMENT;
}

bool expr_same_window(const struct expr *a, const struct expr *b)
{
    bool same = a->window.key_count == b->window.key_count &&
                a->window.partition_count == b->window.partition_count;

    for (size_t i = 0; i < a->window.key_count && same; i++)
        same = a->window.descending[i] == b->window.descending[i] &&
               a->window.nulls_first[i] == b->window.nulls_first[i] &&
               expr_equal(a->window.keys[i], b->window.keys[i]);
    return same;
}
