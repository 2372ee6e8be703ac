/* Constant folding and the laws of logic that hold for three values. A call that fails on constants
 * stays as it is: whether it is ever reached is decided when the plan runs. */
#include <string.h>

#include "base/assert.h"
#include "sql/exec/eval.h"
#include "sql/plan/planner_internal.h"

static bool is_const(const struct expr *e)
{
    return e->kind == EXPR_CONST;
}

static bool is_const_null(const struct expr *e)
{
    return is_const(e) && e->constant.is_null;
}

static bool is_const_bool(const struct expr *e, bool value)
{
    return is_const(e) && !e->constant.is_null && e->constant.value.b == value;
}

static struct expr *bool_const(struct arena *a, bool value)
{
    return expr_const(a, OID_BOOL, (datum){.b = value}, -1);
}

static struct expr *null_like(struct arena *a, const struct expr *e)
{
    struct expr *n = expr_null(a, e->type, e->location);

    n->typmod = e->typmod;
    n->collation = e->collation;
    return n;
}

static void fold(struct level *lv, struct expr **e)
{
    struct expr *x = *e, *folded;
    datum        value;
    bool         null = false;
    status       st = eval_constant(lv->p->c, lv->p->a, x, &value, &null);

    if (!st_ok(st)) {
        st_clear(st);
        return;
    }
    if (null) {
        *e = null_like(lv->p->a, x);
        return;
    }
    folded = expr_const(lv->p->a, x->type, datum_copy(lv->p->a, type_by_oid(x->type), value),
                        x->location);
    folded->typmod = x->typmod;
    folded->collation = x->collation;
    *e = folded;
}

static void simplify_call(struct level *lv, struct expr **e)
{
    struct expr *x = *e;
    bool         all_const = true, any_null = false;

    for (size_t i = 0; i < x->call.arg_count; i++) {
        all_const &= is_const(x->call.args[i]);
        any_null |= is_const_null(x->call.args[i]);
    }
    if (x->call.fn->returns_set)
        return;
    if (any_null && x->call.fn->strict && x->call.fn->volatility != VOLATILITY_VOLATILE) {
        *e = null_like(lv->p->a, x);
        return;
    }
    if (all_const && x->call.fn->volatility == VOLATILITY_IMMUTABLE && x->call.fn->scalar != NULL)
        fold(lv, e);
}

/* Drop what does not matter, stop at what decides, flatten what nests. */
static void simplify_and_or(struct level *lv, struct expr **e)
{
    struct expr *x = *e;
    bool         decisive = x->kind == EXPR_OR;
    struct exprs kept = {0};

    for (size_t i = 0; i < x->list.count; i++) {
        struct expr *arg = x->list.args[i];

        if (is_const_bool(arg, !decisive))
            continue;
        if (is_const_bool(arg, decisive)) {
            /* Operands in front may still fail; their errors are not worth computing them. */
            *e = bool_const(lv->p->a, decisive);
            return;
        }
        if (arg->kind != x->kind) {
            exprs_add(lv->p->a, &kept, arg);
            continue;
        }
        for (size_t k = 0; k < arg->list.count; k++)
            exprs_add(lv->p->a, &kept, arg->list.args[k]);
    }
    if (kept.count == 0) {
        *e = bool_const(lv->p->a, !decisive);
    } else if (kept.count == 1) {
        *e = kept.items[0];
    } else {
        x->list.args = kept.items;
        x->list.count = kept.count;
    }
}

static struct expr *negate(struct arena *a, struct expr *e)
{
    struct expr *n = expr_new(a, EXPR_NOT, OID_BOOL, -1, e->location);

    n->unary.arg = e;
    return n;
}

/* De Morgan holds in three-valued logic; a negated comparison is its negator (both strict). */
static void simplify_not(struct level *lv, struct expr **e)
{
    struct arena *a = lv->p->a;
    struct expr  *arg = (*e)->unary.arg, *x;

    if (is_const(arg)) {
        *e = arg->constant.is_null ? arg : bool_const(a, !arg->constant.value.b);
    } else if (arg->kind == EXPR_NOT) {
        *e = arg->unary.arg;
    } else if (arg->kind == EXPR_AND || arg->kind == EXPR_OR) {
        x = expr_new(a, arg->kind == EXPR_AND ? EXPR_OR : EXPR_AND, OID_BOOL, -1, arg->location);
        x->list.count = arg->list.count;
        x->list.args = ARENA_ARRAY(a, struct expr *, arg->list.count);
        for (size_t i = 0; i < arg->list.count; i++) {
            x->list.args[i] = negate(a, arg->list.args[i]);
            simplify_not(lv, &x->list.args[i]);
        }
        *e = x;
        simplify_and_or(lv, e);
    } else if (arg->kind == EXPR_CALL && arg->call.op != NULL && arg->call.op->negator != 0 &&
               operator_by_oid(arg->call.op->negator) != NULL) {
        const struct operator_def *op = operator_by_oid(arg->call.op->negator);

        x = expr_copy(a, arg);
        x->call.op = op;
        x->call.fn = op->fn;
        *e = x;
    } else if (arg->kind == EXPR_NULL_TEST && arg->unary.arg->kind != EXPR_ROW &&
               arg->unary.arg->type != OID_RECORD) {
        x = expr_copy(a, arg);
        x->unary.negated = !x->unary.negated;
        *e = x;
    }
}

static void simplify_case(struct level *lv, struct expr **e)
{
    struct expr *x = *e;
    size_t       kept = 0;

    for (size_t i = 0; i < x->case_when.count; i++) {
        struct expr *condition = x->case_when.conditions[i];

        if (is_const_null(condition) || is_const_bool(condition, false))
            continue;
        if (is_const_bool(condition, true)) {
            x->case_when.otherwise = x->case_when.results[i];
            break;
        }
        x->case_when.conditions[kept] = condition;
        x->case_when.results[kept++] = x->case_when.results[i];
    }
    if (kept != x->case_when.count)
        x->case_when.operand = NULL; /* its printed form no longer fits */
    x->case_when.count = kept;
    if (kept == 0)
        *e = x->case_when.otherwise;
    (void)lv;
}

static void simplify_coalesce(struct level *lv, struct expr **e)
{
    struct expr *x = *e;
    size_t       kept = 0;

    for (size_t i = 0; i < x->list.count; i++) {
        if (is_const_null(x->list.args[i]))
            continue;
        x->list.args[kept++] = x->list.args[i];
        if (is_const(x->list.args[kept - 1]))
            break;
    }
    x->list.count = kept;
    if (kept == 0)
        *e = null_like(lv->p->a, x);
    else if (kept == 1)
        *e = x->list.args[0];
}

static void simplify_cast(struct level *lv, struct expr **e)
{
    struct expr *x = *e, *arg = x->cast.arg, *c;

    if (!is_const(arg) || x->cast.method != CAST_RELABEL || x->cast.element_cast != NULL)
        return;
    c = expr_copy(lv->p->a, arg);
    c->type = x->type;
    c->typmod = x->typmod;
    c->collation = x->collation;
    *e = c;
}

static void simplify_null_test(struct level *lv, struct expr **e)
{
    struct expr *x = *e;

    if (is_const(x->unary.arg))
        *e = bool_const(lv->p->a, x->unary.arg->constant.is_null != x->unary.negated);
}

struct simplify_walk {
    struct level *lv;
    status        st;
};

static bool simplify_visit(struct expr **e, void *ctx)
{
    struct simplify_walk *w = ctx;

    if (!plan_walk_children(*e, simplify_visit, ctx))
        return false;
    switch ((*e)->kind) {
    case EXPR_CALL:
        simplify_call(w->lv, e);
        break;
    case EXPR_AND:
    case EXPR_OR:
        simplify_and_or(w->lv, e);
        break;
    case EXPR_NOT:
        simplify_not(w->lv, e);
        break;
    case EXPR_CASE:
        simplify_case(w->lv, e);
        break;
    case EXPR_COALESCE:
        simplify_coalesce(w->lv, e);
        break;
    case EXPR_CAST:
        simplify_cast(w->lv, e);
        break;
    case EXPR_NULL_TEST:
        simplify_null_test(w->lv, e);
        break;
    default:
        break;
    }
    return st_ok(w->st);
}

status simplify(struct level *lv, struct expr **e)
{
    struct simplify_walk w = {.lv = lv};

    simplify_visit(e, &w);
    return w.st;
}
