#include "sql/bind/bind_internal.h"

/* Function calls: PostgreSQL 15 section 10.3 and the rules of section 4.2.7 for aggregates. */

/* A function that may be meant, with its arguments laid out as the call has them. */
struct match {
    const struct function *fn;
    uint32_t              *types;    /* of the call's arguments, in the call's order */
    int                   *places;   /* which parameter each argument of the call is */
    bool                   expanded; /* arguments from arg_count - 1 on form the variadic array */
};

struct call {
    const PgQuery__FuncCall *n;
    const char              *name;  /* last part */
    const char              *shown; /* all parts */
    size_t                   count;
    struct expr            **args;
    const char             **names; /* NULL: positional */
    uint32_t                *types;
    size_t                   named_count;
};

static uint32_t element_type(uint32_t array)
{
    const struct type *t;

    switch (array) {
    case OID_ANY:
        return OID_ANY;
    case OID_ANYARRAY:
        return OID_ANYELEMENT;
    case OID_ANYCOMPATIBLEARRAY:
        return OID_ANYCOMPATIBLE;
    default:
        t = type_by_oid(array);
        return t == NULL ? 0 : t->element_oid;
    }
}

static int parameter_named(const struct function *f, const char *name)
{
    for (int i = 0; f->arg_names != NULL && i < f->arg_count; i++)
        if (f->arg_names[i] != NULL && strcmp(f->arg_names[i], name) == 0)
            return i;
    return -1;
}

/* Place named arguments; the parameters left out must have defaults. */
static bool match_named(const struct call *c, const struct function *f, struct match *m)
{
    uint8_t used[FUNCTION_ARGS_MAX] = {0};

    for (size_t i = 0; i < c->count; i++) {
        int place = c->names[i] == NULL ? (int)i : parameter_named(f, c->names[i]);

        if (place < 0 || place >= f->arg_count || used[place])
            return false;
        used[place] = 1;
        m->places[i] = place;
        m->types[i] = f->arg_types[place];
    }
    for (int i = 0; i < f->arg_count - f->default_count; i++)
        if (!used[i])
            return false;
    return true;
}

static bool match_positional(const struct call *c, const struct function *f, bool expand,
                             struct match *m)
{
    size_t required = (size_t)f->arg_count - f->default_count;

    if (expand) {
        if (!f->variadic || c->n->func_variadic || c->count + 1 < f->arg_count ||
            (f->arg_types[f->arg_count - 1] == OID_ANY && c->count < f->arg_count))
            return false;
        if (c->count < f->arg_count) /* an empty variadic list needs a default in PostgreSQL */
            return false;
    } else if (c->count > f->arg_count || c->count < required) {
        return false;
    } else if (f->variadic && !c->n->func_variadic && f->arg_types[f->arg_count - 1] == OID_ANY) {
        return false; /* "any" takes arguments as they are; the expanded form is the only one */
    } else if (c->n->func_variadic && (!f->variadic || c->count != f->arg_count)) {
        return false;
    }
    for (size_t i = 0; i < c->count; i++) {
        bool in_array = expand && i + 1 >= f->arg_count;

        m->places[i] = (int)MIN(i, (size_t)f->arg_count - 1);
        m->types[i] = in_array ? element_type(f->arg_types[f->arg_count - 1]) : f->arg_types[i];
    }
    m->expanded = expand;
    return true;
}

/* Two ways to read the same argument types: the one without the variadic array wins. */
static bool is_shadowed(const struct match *m, size_t count, const struct match *new, size_t args)
{
    for (size_t i = 0; i < count; i++)
        if (memcmp(m[i].types, new->types, args * sizeof *m->types) == 0 && new->expanded &&
            !m[i].expanded)
            return true;
    return false;
}

static size_t gather_matches(struct binder *b, const struct call *c, struct match **out)
{
    size_t                        fn_count, count = 0;
    const struct function *const *fns = functions_by_name(slice_cstr(c->name), &fn_count);
    struct match                 *m = ARENA_ARRAY(b->a, struct match, fn_count * 2 + 1);

    for (size_t i = 0; i < fn_count * 2; i++) {
        const struct function *f = fns[i % fn_count];
        struct match new = {.fn = f};
        bool ok;

        new.types = ARENA_ARRAY(b->a, uint32_t, c->count + 1);
        new.places = ARENA_ARRAY(b->a, int, c->count + 1);
        if (c->named_count > 0)
            ok = i < fn_count && match_named(c, f, &new);
        else
            ok = match_positional(c, f, i >= fn_count, &new);
        if (ok && !is_shadowed(m, count, &new, c->count))
            m[count++] = new;
    }
    *out = m;
    return count;
}

static const char *signature(struct binder *b, const struct call *c)
{
    const char *text = arena_printf(b->a, "%s(", c->shown);

    for (size_t i = 0; i < c->count; i++)
        text = arena_printf(b->a, "%s%s%s%s%s", text, i > 0 ? ", " : "",
                            c->names[i] != NULL ? c->names[i] : "",
                            c->names[i] != NULL ? " => " : "", type_text(b, c->types[i]));
    return arena_printf(b->a, "%s)", text);
}

static status no_such_function(struct binder *b, const struct call *c, bool ambiguous)
{
    status st;

    if (ambiguous)
        st = status_hint(
            status_new(ST_AMBIGUOUS_FUNCTION, "function %s is not unique", signature(b, c)),
            "Could not choose a best candidate function. You might need to add explicit type "
            "casts.");
    else
        st = status_hint(
            status_new(ST_UNDEFINED_FUNCTION, "function %s does not exist", signature(b, c)),
            c->n->agg_within_group || c->n->n_agg_order == 0
                ? "No function matches the given name and argument types. You might need to add "
                  "explicit type casts."
                : "No aggregate function matches the given name and argument types. Perhaps you "
                  "misplaced ORDER BY; ORDER BY must appear after all regular arguments of the "
                  "aggregate.");
    return binder_at(b, c->n->location, st);
}

/* typename(x) is a cast when that takes no function of its own. */
static status call_as_cast(struct scope *s, const struct call *c, struct expr **out)
{
    struct binder         *b = s->b;
    const struct type     *t = type_by_name(slice_cstr(c->name));
    const struct cast_def *def;
    enum coercion          found;

    *out = NULL;
    if (c->count != 1 || c->named_count > 0 || t == NULL || t->kind != 'b' || c->n->agg_star)
        return STATUS_OK;
    if (c->types[0] == OID_UNKNOWN)
        found = COERCION_RELABEL;
    else
        found = coercion_find(t->oid, c->types[0], CAST_EXPLICIT, &def);
    if (found != COERCION_RELABEL &&
        !(found == COERCION_IO && !(c->types[0] == OID_RECORD && t->category == 'S')))
        return STATUS_OK;
    return coerce_to_target(b, c->args[0], t->oid, -1, CAST_EXPLICIT, false, c->n->location, out);
}

static status choose(struct scope *s, const struct call *c, const struct match **out,
                     struct expr **as_cast)
{
    struct binder          *b = s->b;
    struct match           *m;
    size_t                  count = gather_matches(b, c, &m), left;
    struct candidate       *candidates = ARENA_ARRAY(b->a, struct candidate, count + 1);
    const struct candidate *best;

    *out = NULL;
    for (size_t i = 0; i < count; i++) {
        if (memcmp(m[i].types, c->types, c->count * sizeof *m->types) == 0) {
            *out = &m[i];
            return STATUS_OK;
        }
        candidates[i] = (struct candidate){&m[i], m[i].types};
    }
    TRY_RETURN(call_as_cast(s, c, as_cast));
    if (*as_cast != NULL)
        return STATUS_OK;
    left = candidate_filter(candidates, count, c->types, c->count);
    if (left == 0)
        return no_such_function(b, c, false);
    best = left == 1 ? &candidates[0] : candidate_select(candidates, left, c->types, c->count);
    if (best == NULL)
        return no_such_function(b, c, true);
    *out = best->what;
    return STATUS_OK;
}

/* ---- arguments ----------------------------------------------------------------------------------
 */

/* The variadic parameter's arguments as one ARRAY[]. */
static struct expr *array_of_rest(struct binder *b, struct expr **args, size_t count,
                                  uint32_t element)
{
    const struct type *t = type_by_oid(element);
    struct expr       *e;

    e = expr_new(b->a, EXPR_ARRAY, t == NULL ? 0 : t->array_oid, -1,
                 count > 0 ? args[0]->location : -1);
    e->list.args = args;
    e->list.count = count;
    return e;
}

/* Coerced arguments in the function's order, defaults filled in. */
static status lay_out_arguments(struct binder *b, const struct call *c, const struct match *m,
                                uint32_t *result, struct expr ***out, size_t *out_count)
{
    const struct function *f = m->fn;
    struct expr          **args = ARENA_ARRAY(b->a, struct expr *, f->arg_count + c->count + 1);
    uint32_t              *declared = ARENA_ARRAY(b->a, uint32_t, c->count + 1);
    bool                   any = m->expanded && f->arg_types[f->arg_count - 1] == OID_ANY;

    memcpy(declared, m->types, c->count * sizeof *declared);
    TRY_RETURN(polymorphic_resolve(b, c->types, declared, c->count, result));
    for (size_t i = 0; i < c->count; i++) {
        size_t at = m->expanded ? i : (size_t)m->places[i];

        /* A bare literal given to "any" is text, as PostgreSQL's functions take it for. */
        TRY_RETURN(coerce_type(b, c->args[i], declared[i], -1, CAST_IMPLICIT, true,
                               c->args[i]->location, &args[at]));
    }
    *out = args;
    *out_count = any ? c->count : f->arg_count;
    if (m->expanded && !any) {
        size_t        first = (size_t)f->arg_count - 1;
        struct expr **rest = ARENA_ARRAY(b->a, struct expr *, c->count - first);

        memcpy(rest, args + first, (c->count - first) * sizeof *rest);
        args[first] = array_of_rest(b, rest, c->count - first, declared[first]);
        return STATUS_OK;
    }
    for (size_t i = 0; i < f->arg_count && !m->expanded; i++) {
        size_t first_default = (size_t)f->arg_count - f->default_count;

        if (args[i] == NULL && i >= first_default && f->defaults != NULL)
            args[i] = expr_const(b->a, f->arg_types[i], f->defaults[i - first_default], -1);
        else if (args[i] == NULL)
            args[i] = expr_null(b->a, f->arg_types[i], -1);
    }
    return STATUS_OK;
}

static uint32_t collation_of(struct expr *const *args, size_t count)
{
    uint32_t found = 0;

    for (size_t i = 0; i < count; i++)
        if (args[i]->collation != 0 && (found == 0 || found == OID_COLLATION_DEFAULT))
            found = args[i]->collation;
    return found;
}

/* ---- what the syntax allows for which kind ------------------------------------------------------
 */

static status wrong_kind(struct binder *b, const struct call *c, const char *what)
{
    return binder_at(b, c->n->location,
                     status_new(ST_WRONG_OBJECT_TYPE,
                                "%s specified, but %s is not an aggregate function", what,
                                c->shown));
}

static status check_plain_call(struct binder *b, const struct call *c)
{
    const PgQuery__FuncCall *n = c->n;

    if (n->agg_star)
        return wrong_kind(b, c, arena_printf(b->a, "%s(*)", c->shown));
    if (n->agg_distinct)
        return wrong_kind(b, c, "DISTINCT");
    if (n->agg_within_group)
        return wrong_kind(b, c, "WITHIN GROUP");
    if (n->n_agg_order > 0)
        return wrong_kind(b, c, "ORDER BY");
    if (n->agg_filter != NULL)
        return wrong_kind(b, c, "FILTER");
    if (n->over != NULL)
        return binder_at(b, n->location,
                         status_new(ST_WRONG_OBJECT_TYPE,
                                    "OVER specified, but %s is not a window function nor an "
                                    "aggregate function",
                                    c->shown));
    return STATUS_OK;
}

static status check_set_allowed(struct scope *s, const struct call *c)
{
    if (s->in_aggregate)
        return binder_at(
            s->b, c->n->location,
            status_new(ST_FEATURE_NOT_SUPPORTED,
                       "aggregate function calls cannot contain set-returning function calls"));
    if (clause_allows_sets(s->clause)) {
        if (s->q != NULL && s->clause != CLAUSE_FROM_FUNCTION)
            s->q->has_set_calls = true;
        return STATUS_OK;
    }
    return binder_at(s->b, c->n->location,
                     status_new(ST_FEATURE_NOT_SUPPORTED,
                                "set-returning functions are not allowed in %s",
                                clause_aggregate_name(s->clause)));
}

/* ---- aggregates ---------------------------------------------------------------------------------
 */

struct lowest_level {
    int          base, lowest; /* lowest < 0: no column seen */
    struct expr *nested;
};

static bool lowest_level_child(struct expr **child, void *ctx);

static bool lowest_level_in_query(struct expr **e, int levels, void *ctx)
{
    struct lowest_level inner = {.base = levels, .lowest = -1}, *l = ctx;

    lowest_level_child(e, &inner);
    if (inner.lowest >= 0 && (l->lowest < 0 || inner.lowest < l->lowest))
        l->lowest = inner.lowest;
    return true;
}

static bool lowest_level_child(struct expr **child, void *ctx)
{
    struct lowest_level *l = ctx;
    struct expr         *e = *child;
    int                  level = -1;

    if (e->kind == EXPR_COLUMN)
        level = e->column.levels_up - l->base;
    if (e->kind == EXPR_AGGREGATE)
        level = e->aggregate.levels_up - l->base;
    if (level >= 0 && (l->lowest < 0 || level < l->lowest))
        l->lowest = level;
    if (e->kind == EXPR_AGGREGATE && level == 0 && l->nested == NULL)
        l->nested = e;
    if (e->kind == EXPR_SUBQUERY)
        query_walk(e->subquery.query, l->base + 1, lowest_level_in_query, l);
    return expr_walk_children(e, lowest_level_child, l);
}

/* An aggregate belongs to the innermost query that one of its columns is from; here that must be
 * the one it is written in. */
static status place_aggregate(struct scope *s, struct expr *e)
{
    struct lowest_level l = {.lowest = -1};

    expr_walk_children(e, lowest_level_child, &l);
    if (l.nested != NULL)
        return binder_at(
            s->b, l.nested->location,
            status_new(ST_GROUPING_ERROR, "aggregate function calls cannot be nested"));
    if (l.lowest > 0)
        return binder_unsupported(s->b, e->location,
                                  "an aggregate of an outer query's columns is not supported");
    if (!clause_allows_aggregates(s->clause))
        return binder_at(s->b, e->location,
                         status_new(ST_GROUPING_ERROR,
                                    s->clause == CLAUSE_FROM_SUBSELECT
                                        ? "aggregate functions are not allowed in FROM clause of "
                                          "their own query level"
                                        : "aggregate functions are not allowed in %s",
                                    clause_aggregate_name(s->clause)));
    if (s->q != NULL)
        s->q->has_aggregates = true;
    return STATUS_OK;
}

static int find_argument(const struct expr *agg, const struct expr *e)
{
    for (size_t i = 0; i < agg->aggregate.arg_count + agg->aggregate.sort_arg_count; i++)
        if (expr_equal(agg->aggregate.args[i], e))
            return (int)i;
    return -1;
}

static status bind_aggregate_order(struct scope *s, const PgQuery__FuncCall *n, struct expr *e)
{
    struct binder *b = s->b;
    size_t         args = e->aggregate.arg_count;
    struct expr  **all = ARENA_ARRAY(b->a, struct expr *, args + n->n_agg_order + 1);

    if (args > 0)
        memcpy(all, e->aggregate.args, args * sizeof *all);
    e->aggregate.args = all;
    e->aggregate.order = ARENA_ARRAY(b->a, struct sort_key, n->n_agg_order + args + 1);
    for (size_t i = 0; i < n->n_agg_order; i++) {
        const PgQuery__SortBy *by = n->agg_order[i]->sort_by;
        struct expr           *key;
        int                    at;

        TRY_RETURN(bind_expr(s, by->node, &key));
        if (key->type == OID_UNKNOWN)
            TRY_RETURN(coerce_type(b, key, OID_TEXT, -1, CAST_IMPLICIT, true, key->location, &key));
        at = find_argument(e, key);
        if (at < 0 && e->aggregate.distinct)
            return binder_at(b, key->location,
                             status_new(ST_INVALID_COLUMN_REFERENCE,
                                        "in an aggregate with DISTINCT, ORDER BY expressions must "
                                        "appear in argument list"));
        if (at < 0) {
            at = (int)(args + e->aggregate.sort_arg_count++);
            all[at] = key;
        }
        TRY_RETURN(sort_key_for(s, by, at, key, &e->aggregate.order[i]));
        e->aggregate.order_count++;
    }
    return STATUS_OK;
}

static status check_distinct_arguments(struct scope *s, struct expr *e)
{
    const struct operator_def *eq;

    for (size_t i = 0; e->aggregate.distinct && i < e->aggregate.arg_count; i++) {
        struct expr **arg = &e->aggregate.args[i];

        if ((*arg)->type == OID_UNKNOWN)
            TRY_RETURN(
                coerce_type(s->b, *arg, OID_TEXT, -1, CAST_IMPLICIT, true, (*arg)->location, arg));
        TRY_RETURN(operator_equality(s->b, (*arg)->type, (*arg)->location, &eq));
    }
    return STATUS_OK;
}

static status check_within_group(struct binder *b, const struct call *c, const struct function *f)
{
    if (f->ordered_set && !c->n->agg_within_group)
        return binder_at(b, c->n->location,
                         status_new(ST_WRONG_OBJECT_TYPE,
                                    "WITHIN GROUP is required for ordered-set aggregate %s",
                                    c->shown));
    if (!f->ordered_set && c->n->agg_within_group)
        return binder_at(b, c->n->location,
                         status_new(ST_WRONG_OBJECT_TYPE,
                                    "%s is not an ordered-set aggregate, so it cannot have WITHIN "
                                    "GROUP",
                                    c->shown));
    return STATUS_OK;
}

/* The arguments behind the direct ones are what the rows are ordered by. */
static status order_within_group(struct scope *s, const PgQuery__FuncCall *n, struct expr *e)
{
    e->aggregate.order = ARENA_ARRAY(s->b->a, struct sort_key, n->n_agg_order);
    for (size_t i = 0; i < n->n_args; i++) {
        if (expr_has_columns(e->aggregate.args[i], 0))
            return binder_unsupported(s->b, e->aggregate.args[i]->location,
                                      "columns in the direct arguments of an ordered-set aggregate "
                                      "are not supported");
    }
    for (size_t i = 0; i < n->n_agg_order; i++) {
        size_t at = n->n_args + i;

        TRY_RETURN(sort_key_for(s, n->agg_order[i]->sort_by, (int)at, e->aggregate.args[at],
                                &e->aggregate.order[i]));
        e->aggregate.order_count++;
    }
    return STATUS_OK;
}

static status make_aggregate(struct scope *s, const struct call *c, const struct function *f,
                             struct expr **args, size_t count, uint32_t result, struct expr **out)
{
    const PgQuery__FuncCall *n = c->n;
    struct binder           *b = s->b;
    struct expr             *e;

    if (n->over != NULL)
        return binder_unsupported(b, n->location, "window functions are not supported");
    TRY_RETURN(check_within_group(b, c, f));
    if (c->count == 0 && !n->agg_star)
        return binder_at(b, n->location,
                         status_new(ST_WRONG_OBJECT_TYPE,
                                    "%s(*) must be used to call a parameterless aggregate function",
                                    c->shown));
    if (f->returns_set)
        return binder_unsupported(b, n->location, "aggregates may not return sets");
    e = expr_new(b->a, EXPR_AGGREGATE, result, -1, n->location);
    e->aggregate.fn = f;
    e->aggregate.args = args;
    e->aggregate.arg_count = count;
    e->aggregate.star = n->agg_star;
    e->aggregate.distinct = n->agg_distinct;
    e->collation = e->collation != 0 ? collation_of(args, count) : 0;
    TRY_RETURN(check_distinct_arguments(s, e));
    TRY_RETURN(n->agg_within_group ? order_within_group(s, n, e) : bind_aggregate_order(s, n, e));
    TRY_RETURN(bind_where(s, n->agg_filter, CLAUSE_FILTER, &e->aggregate.filter));
    TRY_RETURN(place_aggregate(s, e));
    *out = e;
    return STATUS_OK;
}

/* ---- the call -----------------------------------------------------------------------------------
 */

/* "{? = call f(?)}" of JDBC has become f($1, $2), the result's place being a parameter of type
 * void: PostgreSQL 15 leaves such parameters out, too (parse_func.c). */
static void drop_void_parameters(struct call *c)
{
    size_t kept = 0;

    for (size_t i = 0; i < c->count; i++) {
        if (c->args[i]->kind == EXPR_PARAM && c->types[i] == OID_VOID)
            continue;
        c->args[kept] = c->args[i];
        c->names[kept] = c->names[i];
        c->types[kept++] = c->types[i];
    }
    c->count = kept;
}

static status bind_arguments(struct scope *s, struct call *c)
{
    struct binder *b = s->b;

    c->count = c->n->n_args + (c->n->agg_within_group ? c->n->n_agg_order : 0);
    if (c->count > FUNCTION_ARGS_MAX)
        return binder_at(b, c->n->location,
                         status_new(ST_TOO_MANY_ARGUMENTS,
                                    "cannot pass more than %d arguments to a function",
                                    FUNCTION_ARGS_MAX));
    c->args = ARENA_ARRAY(b->a, struct expr *, c->count + 1);
    c->names = ARENA_ARRAY(b->a, const char *, c->count + 1);
    c->types = ARENA_ARRAY(b->a, uint32_t, c->count + 1);
    for (size_t i = 0; i < c->count; i++) {
        const PgQuery__Node *arg =
            i < c->n->n_args ? c->n->args[i] : c->n->agg_order[i - c->n->n_args]->sort_by->node;

        if (arg->node_case == NODE(NAMED_ARG_EXPR)) {
            c->names[i] = arg->named_arg_expr->name;
            c->named_count++;
            arg = arg->named_arg_expr->arg;
        } else if (c->named_count > 0) {
            return binder_at(
                b, node_location(arg),
                status_new(ST_SYNTAX_ERROR, "positional argument cannot follow named argument"));
        }
        TRY_RETURN(bind_expr(s, arg, &c->args[i]));
        c->types[i] = c->args[i]->type;
    }
    drop_void_parameters(c);
    return STATUS_OK;
}

static status make_call(struct scope *s, const struct call *c, const struct match *m,
                        struct expr **out)
{
    const struct function *f = m->fn;
    uint32_t               result = f->result_type;
    struct expr          **args, *e;
    size_t                 count;

    TRY_RETURN(lay_out_arguments(s->b, c, m, &result, &args, &count));
    if (f->kind == FUNCTION_AGGREGATE)
        return make_aggregate(s, c, f, args, count, result, out);
    if (f->kind == FUNCTION_WINDOW) {
        if (c->n->over != NULL)
            return bind_window_call(s, c->n, f, out);
        return binder_at(
            s->b, c->n->location,
            status_new(ST_WINDOWING_ERROR, "window function %s requires an OVER clause", c->shown));
    }
    TRY_RETURN(check_plain_call(s->b, c));
    if (f->returns_set)
        TRY_RETURN(check_set_allowed(s, c));
    e = expr_new(s->b->a, f->returns_set ? EXPR_SET_CALL : EXPR_CALL, result, -1, c->n->location);
    e->call.fn = f;
    e->call.args = args;
    e->call.arg_count = count;
    e->call.variadic_array = c->n->func_variadic;
    e->call.sql_syntax = c->n->funcformat == PG_QUERY__COERCION_FORM__COERCE_SQL_SYNTAX;
    e->collation = e->collation != 0 && count > 0 && collation_of(args, count) != 0
                       ? collation_of(args, count)
                       : e->collation;
    *out = e;
    return STATUS_OK;
}

/* Functions live in pg_catalog and, some, in information_schema; no schema means the path. */
static bool schema_has_functions(const char *schema)
{
    return strcmp(schema, "pg_catalog") == 0 || strcmp(schema, "information_schema") == 0;
}

static status check_schema(struct scope *s, const struct call *c, const char *schema)
{
    const struct schema_desc *d = NULL;

    if (schema_has_functions(schema))
        return STATUS_OK;
    if (s->b->c->catalog != NULL)
        TRY_RETURN(catalog_schema_by_name(s->b->c->catalog, schema, &d));
    if (d == NULL)
        return status_new(ST_UNDEFINED_SCHEMA, "schema \"%s\" does not exist", schema);
    return no_such_function(s->b, c, false);
}

status bind_func_call(struct scope *s, const PgQuery__FuncCall *n, struct expr **out)
{
    struct call         c = {.n = n};
    const struct match *m;
    struct expr        *as_cast = NULL;
    bool                was_in_aggregate = s->in_aggregate, is_aggregate = false;
    size_t              fn_count = 0;
    status              st;

    c.name = node_string(n->funcname[n->n_funcname - 1]);
    c.shown = names_join(s->b->a, n->funcname, n->n_funcname);
    if (n->n_funcname == 1 || schema_has_functions(node_string(n->funcname[n->n_funcname - 2]))) {
        const struct function *const *fns = functions_by_name(slice_cstr(c.name), &fn_count);

        is_aggregate = fn_count > 0 && fns[0]->kind == FUNCTION_AGGREGATE;
    }
    s->in_aggregate = was_in_aggregate || is_aggregate;
    st = bind_arguments(s, &c);
    if (st_ok(st) && n->n_funcname > 1)
        st = check_schema(s, &c, node_string(n->funcname[n->n_funcname - 2]));
    if (st_ok(st))
        st = choose(s, &c, &m, &as_cast);
    if (!is_aggregate)
        s->in_aggregate = was_in_aggregate;
    if (st_ok(st) && as_cast != NULL)
        *out = as_cast;
    else if (st_ok(st))
        st = make_call(s, &c, m, out);
    s->in_aggregate = was_in_aggregate;
    return binder_at(s->b, n->location, st);
}

status bind_call(struct scope *s, const char *name, struct expr **args, size_t count, int location,
                 struct expr **out)
{
    PgQuery__FuncCall   n = PG_QUERY__FUNC_CALL__INIT;
    struct call         c = {.n = &n, .name = name, .shown = name, .count = count, .args = args};
    const struct match *m;
    struct expr        *as_cast = NULL;

    n.location = location;
    c.names = ARENA_ARRAY(s->b->a, const char *, count + 1);
    c.types = ARENA_ARRAY(s->b->a, uint32_t, count + 1);
    for (size_t i = 0; i < count; i++)
        c.types[i] = args[i]->type;
    TRY_RETURN(choose(s, &c, &m, &as_cast));
    if (as_cast != NULL) {
        *out = as_cast;
        return STATUS_OK;
    }
    return make_call(s, &c, m, out);
}
