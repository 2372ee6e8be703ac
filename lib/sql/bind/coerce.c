#include "sql/bind/bind_internal.h"

/* From one type to another, by the rules of PostgreSQL 15 chapters 10.1 to 10.5. */

char type_category(uint32_t type)
{
    const struct type *t = type_by_oid(type);

    return t == NULL ? 'U' : t->category;
}

bool type_is_preferred(char category, uint32_t type)
{
    const struct type *t = type_by_oid(type);

    return t != NULL && t->category == category && t->preferred;
}

const char *type_text(struct binder *b, uint32_t type)
{
    /* A char without a length is "bpchar" where types are declared, and "character" in messages. */
    if (type == OID_BPCHAR)
        return "character";
    return type_format(b->a, type, -1);
}

static uint32_t element_of(uint32_t type)
{
    const struct type *t = type_by_oid(type);

    return t == NULL ? 0 : t->element_oid;
}

/* Casts between arrays follow those between their elements. */
static enum coercion array_coercion(uint32_t target, uint32_t source, enum cast_context context,
                                    const struct cast_def **def)
{
    uint32_t      to = element_of(target), from = element_of(source);
    enum coercion found;

    /* int2vector and oidvector may be cast from as arrays, never to. */
    if (to == 0 || from == 0 || target == OID_INT2VECTOR || target == OID_OIDVECTOR)
        return COERCION_NONE;
    found = coercion_find(to, from, context, def);
    if (found == COERCION_NONE || found == COERCION_IO)
        return found;
    return COERCION_ARRAY;
}

static bool context_allows(const struct cast_def *d, enum cast_context context)
{
    if (d->context == CAST_IMPLICIT || context == CAST_EXPLICIT)
        return true;
    return d->context == CAST_ASSIGNMENT && context == CAST_ASSIGNMENT;
}

enum coercion coercion_find(uint32_t target, uint32_t source, enum cast_context context,
                            const struct cast_def **def)
{
    const struct cast_def *d;
    enum coercion          found;

    *def = NULL;
    if (target == source)
        return COERCION_RELABEL;
    d = cast_find(source, target);
    if (d != NULL) {
        if (!context_allows(d, context))
            return COERCION_NONE;
        *def = d;
        switch (d->method) {
        case CAST_BY_FUNCTION:
            return COERCION_FUNCTION;
        case CAST_BY_IO:
            return COERCION_IO;
        case CAST_RELABEL:
            return COERCION_RELABEL;
        }
    }
    found = array_coercion(target, source, context, def);
    if (found != COERCION_NONE)
        return found;
    /* Every type can be written into a string by assignment, and read from one explicitly. */
    if (context != CAST_IMPLICIT && type_category(target) == 'S')
        return COERCION_IO;
    if (context == CAST_EXPLICIT && type_category(source) == 'S')
        return COERCION_IO;
    return COERCION_NONE;
}

bool can_coerce(size_t count, const uint32_t *from, const uint32_t *to, enum cast_context context)
{
    const struct cast_def *def;
    bool                   polymorphic = false;

    for (size_t i = 0; i < count; i++) {
        if (from[i] == to[i] || to[i] == OID_ANY)
            continue;
        if (type_is_polymorphic(to[i])) {
            polymorphic = true;
            continue;
        }
        if (from[i] == OID_UNKNOWN)
            continue;
        if (coercion_find(to[i], from[i], context, &def) == COERCION_NONE)
            return false;
    }
    return !polymorphic || polymorphic_consistent(from, to, count);
}

/* ---- building the conversion --------------------------------------------------------------------
 */

/* An unknown literal becomes a constant of the type, read by its input function: that of interval
 * wants the modifier, the others are cut to length by a cast that follows. */
static status coerce_literal(struct binder *b, struct expr *e, uint32_t type, int32_t typmod,
                             struct expr **out)
{
    const struct type *t = type_by_oid(type);
    struct expr       *c;
    status             st;

    if (t == NULL)
        return status_new(ST_INTERNAL, "cache lookup failed for type %u", type);
    if (e->constant.is_null) {
        *out = expr_null(b->a, type, e->location);
        return STATUS_OK;
    }
    c = expr_const(b->a, type, (datum){0}, e->location);
    if (type == OID_INTERVAL)
        c->typmod = typmod;
    st = t->input == NULL
             ? status_new(ST_FEATURE_NOT_SUPPORTED, "cannot accept a value of type %s", t->sql_name)
             : t->input(b->c, b->a, t, e->constant.value.s, c->typmod, &c->constant.value);
    if (!st_ok(st))
        return binder_at(b, e->location, st);
    *out = c;
    return STATUS_OK;
}

static struct expr *call_of(struct binder *b, const struct function *fn, struct expr **args,
                            size_t count, uint32_t type, int32_t typmod, int location)
{
    struct expr *e = expr_new(b->a, EXPR_CALL, type, typmod, location);

    e->call.fn = fn;
    e->call.args = args;
    e->call.arg_count = count;
    return e;
}

/* Errors about a cast point at where it begins: at x in x::type. */
static int leftmost(int location, const struct expr *e)
{
    return location < 0 || (e->location >= 0 && e->location < location) ? e->location : location;
}

/* fn(value [, typmod [, is_explicit]]) */
static struct expr *cast_call(struct binder *b, const struct function *fn, struct expr *e,
                              uint32_t type, int32_t typmod, enum cast_context context,
                              bool implicit, int location)
{
    struct expr **args = ARENA_ARRAY(b->a, struct expr *, 3);
    struct expr  *call;

    args[0] = e;
    if (fn->arg_count > 1)
        args[1] = expr_const(b->a, OID_INT4, (datum){.i = typmod}, -1);
    if (fn->arg_count > 2)
        args[2] = expr_const(b->a, OID_BOOL, (datum){.b = context == CAST_EXPLICIT}, -1);
    call = call_of(b, fn, args, fn->arg_count, type, fn->arg_count > 1 ? typmod : -1,
                   leftmost(location, e));
    call->call.is_cast = true;
    call->call.is_implicit = implicit;
    return call;
}

static struct expr *cast_expr(struct binder *b, struct expr *e, enum cast_method method,
                              const struct cast_def *element, uint32_t type, int32_t typmod,
                              bool implicit, int location)
{
    struct expr *cast = expr_new(b->a, EXPR_CAST, type, typmod, leftmost(location, e));

    cast->cast.arg = e;
    cast->cast.method = method;
    cast->cast.element_cast = element;
    cast->cast.is_implicit = implicit;
    if (method == CAST_RELABEL && cast->collation != 0 && e->collation != 0)
        cast->collation = e->collation;
    return cast;
}

static status coerce_found(struct binder *b, enum coercion found, const struct cast_def *def,
                           struct expr *e, uint32_t type, int32_t typmod, enum cast_context context,
                           bool implicit, int location, struct expr **out)
{
    switch (found) {
    case COERCION_FUNCTION:
        *out = cast_call(b, def->fn, e, type, typmod, context, implicit, location);
        return STATUS_OK;
    case COERCION_IO:
        *out = cast_expr(b, e, CAST_BY_IO, NULL, type, -1, implicit, location);
        return STATUS_OK;
    case COERCION_ARRAY:
        if (def != NULL && def->method == CAST_BY_FUNCTION)
            *out = cast_expr(b, e, CAST_BY_FUNCTION, def, type,
                             def->fn->arg_count > 1 ? typmod : -1, implicit, location);
        else
            *out = cast_expr(b, e, def != NULL ? def->method : CAST_RELABEL, NULL, type, -1,
                             implicit, location);
        return STATUS_OK;
    case COERCION_RELABEL:
        *out = cast_expr(b, e, CAST_RELABEL, NULL, type, -1, implicit, location);
        return STATUS_OK;
    case COERCION_NONE:
        break;
    }
    return status_new(ST_INTERNAL, "failed to find conversion function from %s to %s",
                      type_text(b, e->type), type_text(b, type));
}

status coerce_type(struct binder *b, struct expr *e, uint32_t type, int32_t typmod,
                   enum cast_context context, bool implicit, int location, struct expr **out)
{
    const struct cast_def *def;
    enum coercion          found;

    *out = e;
    if (e->type == type || type == OID_ANY)
        return STATUS_OK;
    if (type_is_polymorphic(type) && e->type != OID_UNKNOWN)
        return STATUS_OK;
    if (e->type == OID_UNKNOWN && e->kind == EXPR_CONST)
        return coerce_literal(b, e, type, typmod, out);
    if (e->type == OID_UNKNOWN && e->kind == EXPR_PARAM)
        return param_decide(b, e, type, location);
    if (e->type == OID_UNKNOWN) /* a column of a subquery that nobody decided: by way of its text */
        found = COERCION_IO, def = NULL;
    else
        found = coercion_find(type, e->type, context, &def);
    return coerce_found(b, found, def, e, type, typmod, context, implicit, location, out);
}

/* Cut or round to the modifier: the cast of the type to itself, or of the array's element. */
static void apply_typmod(struct binder *b, struct expr **e, uint32_t type, int32_t typmod,
                         enum cast_context context, bool implicit, int location)
{
    const struct cast_def *def;
    uint32_t               element = element_of(type);

    if (typmod < 0 || (*e)->typmod == typmod)
        return;
    def = cast_find(element != 0 ? element : type, element != 0 ? element : type);
    if (def == NULL || def->fn == NULL)
        return;
    if (element != 0)
        *e = cast_expr(b, *e, CAST_BY_FUNCTION, def, type, typmod, implicit, location);
    else
        *e = cast_call(b, def->fn, *e, type, typmod, context, implicit, location);
}

/* ROW(...) meets no composite types here: only record itself. */
static bool can_coerce_one(uint32_t from, uint32_t to, enum cast_context context)
{
    return can_coerce(1, &from, &to, context);
}

status coerce_to_target(struct binder *b, struct expr *e, uint32_t type, int32_t typmod,
                        enum cast_context context, bool implicit, int location, struct expr **out)
{
    struct expr *in = e;
    bool         hidden;

    *out = NULL;
    if (!can_coerce_one(e->type, type, context))
        return STATUS_OK;
    TRY_RETURN(coerce_type(b, in, type, typmod, context, implicit, location, &e));
    /* PostgreSQL shows one cast for the two functions of '...'::varchar(3). */
    hidden = e != in && e->kind != EXPR_CONST;
    if (hidden && e->kind == EXPR_CAST && typmod >= 0 && e->typmod != typmod)
        e->cast.is_implicit = true;
    apply_typmod(b, &e, type, typmod, context, implicit, location);
    *out = e;
    return STATUS_OK;
}

static status set_not_allowed(struct binder *b, const struct expr *e, const char *construct)
{
    return binder_at(
        b, e->location,
        status_new(ST_DATATYPE_MISMATCH, "argument of %s must not return a set", construct));
}

status coerce_to_specific(struct binder *b, struct expr *e, uint32_t type, const char *construct,
                          struct expr **out)
{
    if (e->type != type) {
        TRY_RETURN(coerce_to_target(b, e, type, -1, CAST_ASSIGNMENT, true, e->location, out));
        if (*out == NULL)
            return binder_at(b, e->location,
                             status_new(ST_DATATYPE_MISMATCH,
                                        "argument of %s must be type %s, not type %s", construct,
                                        type_text(b, type), type_text(b, e->type)));
        e = *out;
    }
    if (expr_contains(e, EXPR_SET_CALL))
        return set_not_allowed(b, e, construct);
    *out = e;
    return STATUS_OK;
}

status coerce_to_boolean(struct binder *b, struct expr *e, const char *construct, struct expr **out)
{
    return coerce_to_specific(b, e, OID_BOOL, construct, out);
}

/* ---- common types (section 10.5) ----------------------------------------------------------------
 */

static bool all_same_type(struct expr *const *exprs, size_t count)
{
    for (size_t i = 1; i < count; i++)
        if (exprs[i]->type != exprs[0]->type)
            return false;
    return exprs[0]->type != OID_UNKNOWN;
}

static bool implicit_ok(uint32_t from, uint32_t to)
{
    return can_coerce_one(from, to, CAST_IMPLICIT);
}

static status types_cannot_be_matched(struct binder *b, const char *context, uint32_t type,
                                      const struct expr *e)
{
    return binder_at(b, e->location,
                     status_new(ST_DATATYPE_MISMATCH, "%s types %s and %s cannot be matched",
                                context, type_text(b, type), type_text(b, e->type)));
}

status select_common_type(struct binder *b, struct expr *const *exprs, size_t count,
                          const char *context, const struct expr **which, uint32_t *out)
{
    const struct expr *best = exprs[0];
    uint32_t           type = exprs[0]->type;
    char               category = type_category(type);

    if (all_same_type(exprs, count)) {
        *out = type;
    } else {
        for (size_t i = 1; i < count; i++) {
            uint32_t next = exprs[i]->type;

            if (next == OID_UNKNOWN || next == type)
                continue;
            if (type == OID_UNKNOWN) {
                best = exprs[i];
                type = next;
                category = type_category(type);
            } else if (type_category(next) != category) {
                *out = 0;
                if (context == NULL)
                    return STATUS_OK;
                return types_cannot_be_matched(b, context, type, exprs[i]);
            } else if (!type_is_preferred(category, type) && implicit_ok(type, next) &&
                       !implicit_ok(next, type)) {
                best = exprs[i];
                type = next;
            }
        }
        /* Nothing but bare literals: text, as it was long before "unknown" existed. */
        *out = type == OID_UNKNOWN ? OID_TEXT : type;
    }
    if (which != NULL)
        *which = best;
    return STATUS_OK;
}

bool verify_common_type(uint32_t type, struct expr *const *exprs, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (exprs[i]->type != type && !implicit_ok(exprs[i]->type, type))
            return false;
    return true;
}

int32_t select_common_typmod(struct expr *const *exprs, size_t count, uint32_t type)
{
    for (size_t i = 0; i < count; i++)
        if (exprs[i]->type != type || exprs[i]->typmod != exprs[0]->typmod)
            return -1;
    return count == 0 ? -1 : exprs[0]->typmod;
}

status coerce_to_common(struct binder *b, struct expr *e, uint32_t type, const char *context,
                        struct expr **out)
{
    *out = e;
    if (e->type == type)
        return STATUS_OK;
    if (!implicit_ok(e->type, type))
        return binder_at(b, e->location,
                         status_new(ST_CANNOT_COERCE, "%s could not convert type %s to %s", context,
                                    type_text(b, e->type), type_text(b, type)));
    return coerce_type(b, e, type, -1, CAST_IMPLICIT, true, e->location, out);
}

status coerce_list_to_common(struct binder *b, struct expr **exprs, size_t count,
                             const char *context, uint32_t *type)
{
    TRY_RETURN(select_common_type(b, exprs, count, context, NULL, type));
    for (size_t i = 0; i < count; i++)
        TRY_RETURN(coerce_to_common(b, exprs[i], *type, context, &exprs[i]));
    return STATUS_OK;
}

/* ---- assignment ---------------------------------------------------------------------------------
 */

status bind_coerce_assignment(struct sql_context *c, struct arena *a, struct expr *e, uint32_t type,
                              int32_t typmod, const char *column_name, struct expr **out)
{
    struct binder b = {.c = c, .a = a};
    status        st = coerce_to_target(&b, e, type, typmod, CAST_ASSIGNMENT, true, -1, out);

    if (st_ok(st) && *out == NULL)
        st = status_hint(status_new(ST_DATATYPE_MISMATCH,
                                    "column \"%s\" is of type %s but expression is of type %s",
                                    column_name, type_text(&b, type), type_text(&b, e->type)),
                         "You will need to rewrite or cast the expression.");
    return st;
}
