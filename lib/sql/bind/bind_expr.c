#include "sql/bind/bind_internal.h"

/* Expressions, except calls (func.c), operators with a syntax of their own (a_expr.c) and
 * subqueries (sublink.c). */

static status bind_number(struct binder *b, const char *text, int location, struct expr **out)
{
    uint64_t           v = 0;
    const struct type *t = type_by_oid(OID_NUMERIC);
    struct expr       *e;

    for (const char *p = text; *p != '\0'; p++) {
        bool fits = *p >= '0' && *p <= '9' && v <= (INT64_MAX - (uint64_t)(*p - '0')) / 10;

        if (!fits) {
            e = expr_const(b->a, OID_NUMERIC, (datum){0}, location);
            *out = e;
            if (t == NULL || t->input == NULL)
                return status_new(ST_FEATURE_NOT_SUPPORTED, "numeric is not supported");
            return binder_at(b, location,
                             t->input(b->c, b->a, t, slice_cstr(text), -1, &e->constant.value));
        }
        v = v * 10 + (uint64_t)(*p - '0');
    }
    *out = expr_const(b->a, OID_INT8, (datum){.i = (int64_t)v}, location);
    return STATUS_OK;
}

/* The grammar has put the sign of a negative number into the constant; what then fits int4 is one
 * (-2147483648, whose digits alone do not fit). */
static status bind_float(struct binder *b, const char *text, int location, struct expr **out)
{
    const char        *digits = text[0] == '-' ? text + 1 : text;
    struct expr       *e;
    const struct type *t = type_by_oid(OID_NUMERIC);

    TRY_RETURN(bind_number(b, digits, location, &e));
    *out = e;
    if (e->type == OID_INT8 && text[0] == '-')
        e->constant.value.i = -e->constant.value.i;
    else if (strcmp(text, "-9223372036854775808") == 0)
        *out = e = expr_const(b->a, OID_INT8, (datum){.i = INT64_MIN}, location);
    else if (text[0] == '-')
        return binder_at(b, location,
                         t->input(b->c, b->a, t, slice_cstr(text), -1, &e->constant.value));
    if (e->type == OID_INT8 && e->constant.value.i == (int32_t)e->constant.value.i)
        e->type = OID_INT4;
    return STATUS_OK;
}

static status bind_const(struct binder *b, const PgQuery__AConst *c, struct expr **out)
{
    if (c->isnull) {
        *out = expr_null(b->a, OID_UNKNOWN, c->location);
        return STATUS_OK;
    }
    switch (c->val_case) {
    case PG_QUERY__A__CONST__VAL_IVAL:
        *out = expr_const(b->a, OID_INT4, (datum){.i = c->ival->ival}, c->location);
        return STATUS_OK;
    case PG_QUERY__A__CONST__VAL_FVAL:
        return bind_float(b, c->fval->fval, c->location, out);
    case PG_QUERY__A__CONST__VAL_BOOLVAL:
        *out = expr_const(b->a, OID_BOOL, (datum){.b = c->boolval->boolval}, c->location);
        return STATUS_OK;
    case PG_QUERY__A__CONST__VAL_SVAL:
        *out = expr_const(b->a, OID_UNKNOWN,
                          (datum){.s = arena_copy(b->a, slice_cstr(c->sval->sval))}, c->location);
        return STATUS_OK;
    default:
        return binder_unsupported(b, c->location, "bit strings are not supported");
    }
}

static const char *bool_name(PgQuery__BoolExprType t)
{
    switch (t) {
    case PG_QUERY__BOOL_EXPR_TYPE__AND_EXPR:
        return "AND";
    case PG_QUERY__BOOL_EXPR_TYPE__OR_EXPR:
        return "OR";
    default:
        return "NOT";
    }
}

static status bind_bool(struct scope *s, const PgQuery__BoolExpr *n, struct expr **out)
{
    const char   *name = bool_name(n->boolop);
    bool          is_not = n->boolop == PG_QUERY__BOOL_EXPR_TYPE__NOT_EXPR;
    struct expr  *e = expr_new(s->b->a,
                              is_not                                            ? EXPR_NOT
                               : n->boolop == PG_QUERY__BOOL_EXPR_TYPE__AND_EXPR ? EXPR_AND
                                                                                 : EXPR_OR,
                               OID_BOOL, -1, n->location);
    struct expr **args = ARENA_ARRAY(s->b->a, struct expr *, n->n_args);

    for (size_t i = 0; i < n->n_args; i++) {
        TRY_RETURN(bind_expr(s, n->args[i], &args[i]));
        TRY_RETURN(coerce_to_boolean(s->b, args[i], name, &args[i]));
    }
    if (is_not) {
        e->unary.arg = args[0];
    } else {
        e->list.args = args;
        e->list.count = n->n_args;
    }
    *out = e;
    return STATUS_OK;
}

static status bind_null_test(struct scope *s, const PgQuery__NullTest *n, struct expr **out)
{
    struct expr *e = expr_new(s->b->a, EXPR_NULL_TEST, OID_BOOL, -1, n->location);

    TRY_RETURN(bind_expr(s, n->arg, &e->unary.arg));
    e->unary.negated = n->nulltesttype == PG_QUERY__NULL_TEST_TYPE__IS_NOT_NULL;
    *out = e;
    return STATUS_OK;
}

static status bind_bool_test(struct scope *s, const PgQuery__BooleanTest *n, struct expr **out)
{
    static const struct {
        enum bool_test test;
        const char    *name;
    } tests[] = {
        [PG_QUERY__BOOL_TEST_TYPE__IS_TRUE] = {TEST_TRUE, "IS TRUE"},
        [PG_QUERY__BOOL_TEST_TYPE__IS_NOT_TRUE] = {TEST_NOT_TRUE, "IS NOT TRUE"},
        [PG_QUERY__BOOL_TEST_TYPE__IS_FALSE] = {TEST_FALSE, "IS FALSE"},
        [PG_QUERY__BOOL_TEST_TYPE__IS_NOT_FALSE] = {TEST_NOT_FALSE, "IS NOT FALSE"},
        [PG_QUERY__BOOL_TEST_TYPE__IS_UNKNOWN] = {TEST_UNKNOWN, "IS UNKNOWN"},
        [PG_QUERY__BOOL_TEST_TYPE__IS_NOT_UNKNOWN] = {TEST_NOT_UNKNOWN, "IS NOT UNKNOWN"},
    };
    struct expr *e = expr_new(s->b->a, EXPR_BOOL_TEST, OID_BOOL, -1, n->location);

    TRY_RETURN(bind_expr(s, n->arg, &e->unary.arg));
    TRY_RETURN(coerce_to_boolean(s->b, e->unary.arg, tests[n->booltesttype].name, &e->unary.arg));
    e->unary.test = tests[n->booltesttype].test;
    *out = e;
    return STATUS_OK;
}

/* Common type of all, then one node over them: COALESCE, GREATEST, LEAST. */
static status bind_common_list(struct scope *s, PgQuery__Node *const *nodes, size_t count,
                               enum expr_kind kind, const char *name, int location,
                               struct expr **out)
{
    struct expr **args, *e;
    uint32_t      type;
    int32_t       typmod;

    TRY_RETURN(bind_exprs(s, nodes, count, &args));
    TRY_RETURN(coerce_list_to_common(s->b, args, count, name, &type));
    typmod = select_common_typmod(args, count, type);
    e = expr_new(s->b->a, kind, type, typmod, location);
    e->list.args = args;
    e->list.count = count;
    for (size_t i = 0; i < count; i++) {
        if (expr_contains(args[i], EXPR_SET_CALL))
            return binder_at(
                s->b, args[i]->location,
                status_hint(status_new(ST_FEATURE_NOT_SUPPORTED,
                                       "set-returning functions are not allowed in %s", name),
                            "You might be able to move the set-returning function into a LATERAL "
                            "FROM item."));
        if (args[i]->collation != 0 && e->collation == OID_COLLATION_DEFAULT)
            e->collation = args[i]->collation;
    }
    *out = e;
    return STATUS_OK;
}

static status bind_min_max(struct scope *s, const PgQuery__MinMaxExpr *n, struct expr **out)
{
    bool greatest = n->op == PG_QUERY__MIN_MAX_OP__IS_GREATEST;

    TRY_RETURN(bind_common_list(s, n->args, n->n_args, EXPR_MINMAX, greatest ? "GREATEST" : "LEAST",
                                n->location, out));
    (*out)->list.greatest = greatest;
    if (operator_for_order((*out)->type, '<') == NULL)
        return binder_at(s->b, n->location,
                         status_new(ST_UNDEFINED_FUNCTION,
                                    "could not identify a comparison function for type %s",
                                    type_text(s->b, (*out)->type)));
    return STATUS_OK;
}

static status bind_row(struct scope *s, const PgQuery__RowExpr *n, struct expr **out)
{
    struct expr *e = expr_new(s->b->a, EXPR_ROW, OID_RECORD, -1, n->location);

    if (n->n_args > TARGETS_MAX)
        return binder_at(s->b, n->location,
                         status_new(ST_TOO_MANY_COLUMNS,
                                    "ROW expressions can have at most %d entries", TARGETS_MAX));
    TRY_RETURN(bind_exprs(s, n->args, n->n_args, &e->list.args));
    e->list.count = n->n_args;
    for (size_t i = 0; i < n->n_args; i++)
        if (e->list.args[i]->type == OID_UNKNOWN && e->list.args[i]->kind == EXPR_COLUMN)
            TRY_RETURN(coerce_type(s->b, e->list.args[i], OID_TEXT, -1, CAST_IMPLICIT, true, -1,
                                   &e->list.args[i]));
    *out = e;
    return STATUS_OK;
}

static status bind_collate(struct scope *s, const PgQuery__CollateClause *n, struct expr **out)
{
    struct expr       *arg, *e;
    const struct type *t;
    uint32_t           collation;

    TRY_RETURN(bind_expr(s, n->arg, &arg));
    TRY_RETURN(bind_collation(s->b, n->collname, n->n_collname, n->location, &collation));
    if (arg->type == OID_UNKNOWN)
        TRY_RETURN(coerce_type(s->b, arg, OID_TEXT, -1, CAST_IMPLICIT, true, arg->location, &arg));
    t = type_by_oid(arg->type);
    if (t == NULL || !t->collatable)
        return binder_at(s->b, n->location,
                         status_new(ST_DATATYPE_MISMATCH, "collations are not supported by type %s",
                                    type_text(s->b, arg->type)));
    e = expr_new(s->b->a, EXPR_CAST, arg->type, arg->typmod, n->location);
    e->cast.arg = arg;
    e->cast.method = CAST_RELABEL;
    e->collation = collation;
    *out = e;
    return STATUS_OK;
}

status bind_type_cast(struct scope *s, const PgQuery__TypeCast *n, struct expr **out)
{
    struct binder *b = s->b;
    struct expr   *arg;
    uint32_t       type;
    int32_t        typmod;
    int            location = n->location >= 0 ? n->location : n->type_name->location;

    TRY_RETURN(bind_type(b, n->type_name, &type, &typmod));
    if (n->arg->node_case == NODE(A_ARRAY_EXPR)) {
        TRY_RETURN(bind_array(s, n->arg->a_array_expr, type, typmod, &arg));
    } else {
        TRY_RETURN(bind_expr(s, n->arg, &arg));
    }
    TRY_RETURN(coerce_to_target(b, arg, type, typmod, CAST_EXPLICIT, false, location, out));
    if (*out == NULL)
        return binder_at(b, location,
                         status_new(ST_CANNOT_COERCE, "cannot cast type %s to %s",
                                    type_text(b, arg->type), type_text(b, type)));
    return STATUS_OK;
}

/* ---- CASE ---------------------------------------------------------------------------------------
 */

static status bind_case_condition(struct scope *s, const PgQuery__CaseExpr *n,
                                  const PgQuery__Node *when, struct expr **out)
{
    struct expr *operand, *value;

    if (n->arg == NULL) {
        TRY_RETURN(bind_expr(s, when, out));
        return coerce_to_boolean(s->b, *out, "CASE/WHEN", out);
    }
    TRY_RETURN(bind_expr(s, n->arg, &operand));
    if (operand->type == OID_UNKNOWN)
        TRY_RETURN(coerce_type(s->b, operand, OID_TEXT, -1, CAST_IMPLICIT, true, operand->location,
                               &operand));
    TRY_RETURN(bind_expr(s, when, &value));
    TRY_RETURN(bind_operator(s, NULL, "=", operand, value, node_location(when), out));
    return coerce_to_boolean(s->b, *out, "CASE/WHEN", out);
}

/* Results first to last with ELSE in front, as PostgreSQL looks for the common type. */
static status case_results(struct scope *s, const PgQuery__CaseExpr *n, struct expr *e)
{
    size_t        count = n->n_args;
    struct expr **all = ARENA_ARRAY(s->b->a, struct expr *, count + 1);
    uint32_t      type;

    all[0] = e->case_when.otherwise;
    memcpy(all + 1, e->case_when.results, count * sizeof(struct expr *));
    TRY_RETURN(coerce_list_to_common(s->b, all, count + 1, "CASE", &type));
    for (size_t i = 0; i <= count; i++)
        if (expr_contains(all[i], EXPR_SET_CALL))
            return binder_at(s->b, all[i]->location,
                             status_hint(status_new(ST_FEATURE_NOT_SUPPORTED,
                                                    "set-returning functions are not allowed in "
                                                    "CASE"),
                                         "You might be able to move the set-returning function "
                                         "into a LATERAL FROM item."));
    e->case_when.otherwise = all[0];
    memcpy(e->case_when.results, all + 1, count * sizeof(struct expr *));
    e->type = type;
    e->typmod = select_common_typmod(all, count + 1, type);
    e->collation = expr_new(s->b->a, EXPR_CONST, type, -1, -1)->collation;
    return STATUS_OK;
}

status bind_case(struct scope *s, const PgQuery__CaseExpr *n, struct expr **out)
{
    struct expr *e = expr_new(s->b->a, EXPR_CASE, 0, -1, n->location);

    e->case_when.count = n->n_args;
    e->case_when.conditions = ARENA_ARRAY(s->b->a, struct expr *, n->n_args);
    e->case_when.results = ARENA_ARRAY(s->b->a, struct expr *, n->n_args);
    if (n->arg != NULL) {
        TRY_RETURN(bind_expr(s, n->arg, &e->case_when.operand));
        if (e->case_when.operand->type == OID_UNKNOWN)
            TRY_RETURN(coerce_type(s->b, e->case_when.operand, OID_TEXT, -1, CAST_IMPLICIT, true,
                                   -1, &e->case_when.operand));
    }
    for (size_t i = 0; i < n->n_args; i++) {
        const PgQuery__CaseWhen *w = n->args[i]->case_when;

        TRY_RETURN(bind_case_condition(s, n, w->expr, &e->case_when.conditions[i]));
        TRY_RETURN(bind_expr(s, w->result, &e->case_when.results[i]));
    }
    if (n->defresult != NULL)
        TRY_RETURN(bind_expr(s, n->defresult, &e->case_when.otherwise));
    else
        e->case_when.otherwise = expr_null(s->b->a, OID_UNKNOWN, -1);
    TRY_RETURN(case_results(s, n, e));
    *out = e;
    return STATUS_OK;
}

/* ---- arrays -------------------------------------------------------------------------------------
 */

static uint32_t array_of(uint32_t type)
{
    const struct type *t = type_by_oid(type);

    return t == NULL ? 0 : t->array_oid;
}

static uint32_t element_of(uint32_t type)
{
    const struct type *t = type_by_oid(type);

    return t == NULL ? 0 : t->element_oid;
}

/* The elements' type: told by a cast around, or their common one. */
static status array_types(struct scope *s, const PgQuery__AArrayExpr *n, struct expr **elements,
                          uint32_t wanted, uint32_t *element, uint32_t *array)
{
    if (wanted != 0 && element_of(wanted) != 0) {
        *array = wanted;
        *element = element_of(wanted);
        return STATUS_OK;
    }
    if (n->n_elements == 0)
        return binder_at(
            s->b, n->location,
            status_hint(
                status_new(ST_INDETERMINATE_DATATYPE, "cannot determine type of empty array"),
                "Explicitly cast to the desired type, for example ARRAY[]::integer[]."));
    TRY_RETURN(select_common_type(s->b, elements, n->n_elements, "ARRAY", NULL, element));
    if (element_of(*element) != 0 && type_category(*element) == 'A') {
        *array = *element; /* ARRAY[ARRAY[...]]: one more dimension of the same type */
        return STATUS_OK;
    }
    *array = array_of(*element);
    if (*array == 0)
        return binder_at(s->b, n->location,
                         status_new(ST_UNDEFINED_OBJECT,
                                    "could not find array type for data type %s",
                                    type_text(s->b, *element)));
    return STATUS_OK;
}

/* ARRAY[varchars]::text[] is what an IN list of varchars is printed as. PostgreSQL casts each
 * element when it reads that, and prints another text than before; here the array is cast as a
 * whole, so that texts stay the same however often they are read. */
static bool is_cast_whole(const struct expr *const *elements, size_t count, uint32_t array_type)
{
    for (size_t i = 0; i < count; i++)
        if (elements[i]->type != OID_VARCHAR)
            return false;
    return array_type == OID_TEXT_ARRAY && count > 0;
}

status bind_array(struct scope *s, const PgQuery__AArrayExpr *n, uint32_t array_type,
                  int32_t typmod, struct expr **out)
{
    struct binder *b = s->b;
    struct expr   *e, **args = ARENA_ARRAY(b->a, struct expr *, n->n_elements + 1);
    uint32_t       element, array;

    for (size_t i = 0; i < n->n_elements; i++) {
        if (n->elements[i]->node_case == NODE(A_ARRAY_EXPR)) {
            LEVEL_DOWN(b);
            TRY_RETURN(bind_array(s, n->elements[i]->a_array_expr, array_type, typmod, &args[i]));
            LEVEL_UP(b);
        } else {
            TRY_RETURN(bind_expr(s, n->elements[i], &args[i]));
        }
    }
    if (is_cast_whole((const struct expr *const *)args, n->n_elements, array_type))
        array_type = 0;
    TRY_RETURN(array_types(s, n, args, array_type, &element, &array));
    for (size_t i = 0; i < n->n_elements; i++) {
        uint32_t     to = args[i]->kind == EXPR_ARRAY ? array : element;
        struct expr *in = args[i];

        if (array_type != 0) {
            TRY_RETURN(
                coerce_to_target(b, in, to, typmod, CAST_EXPLICIT, false, in->location, &args[i]));
            if (args[i] == NULL)
                return binder_at(b, in->location,
                                 status_new(ST_CANNOT_COERCE, "cannot cast type %s to %s",
                                            type_text(b, in->type), type_text(b, to)));
        } else {
            TRY_RETURN(coerce_to_common(b, in, to, "ARRAY", &args[i]));
        }
    }
    e = expr_new(b->a, EXPR_ARRAY, array, array_type != 0 ? typmod : -1, n->location);
    e->list.args = args;
    e->list.count = n->n_elements;
    *out = e;
    return STATUS_OK;
}

static status bind_index(struct scope *s, const PgQuery__Node *n, struct expr **out)
{
    struct expr *e;

    *out = NULL;
    if (n == NULL)
        return STATUS_OK;
    TRY_RETURN(bind_expr(s, n, &e));
    TRY_RETURN(coerce_to_target(s->b, e, OID_INT4, -1, CAST_ASSIGNMENT, true, e->location, out));
    if (*out == NULL)
        return binder_at(
            s->b, e->location,
            status_new(ST_DATATYPE_MISMATCH, "array subscript must have type integer"));
    return STATUS_OK;
}

static status bind_subscript(struct scope *s, struct expr *array, const PgQuery__AIndices *n,
                             struct expr **out)
{
    bool         is_name = array->type == OID_NAME; /* an array of "char" to PostgreSQL */
    uint32_t     element = is_name ? OID_CHAR : element_of(array->type);
    struct expr *e;

    if (is_name && n->is_slice)
        return binder_unsupported(s->b, array->location,
                                  "slices of fixed-length arrays not implemented");
    if (element == 0)
        return binder_at(
            s->b, array->location,
            status_new(ST_DATATYPE_MISMATCH,
                       "cannot subscript type %s because it does not support subscripting",
                       type_text(s->b, array->type)));
    e = expr_new(s->b->a, EXPR_SUBSCRIPT, n->is_slice ? array->type : element,
                 is_name ? -1 : array->typmod, array->location);
    e->subscript.array = array;
    e->subscript.is_slice = n->is_slice;
    if (n->is_slice) {
        TRY_RETURN(bind_index(s, n->lidx, &e->subscript.index));
        TRY_RETURN(bind_index(s, n->uidx, &e->subscript.upper));
    } else {
        TRY_RETURN(bind_index(s, n->uidx, &e->subscript.index));
    }
    *out = e;
    return STATUS_OK;
}

/* The call that makes a record, followed through the target lists of subqueries; NULL: its fields
 * are not known. */
static const struct expr *record_source(const struct query *q, const struct expr *e)
{
    while (e->kind == EXPR_COLUMN && e->column.levels_up == 0 && e->column.column > 0) {
        size_t at = 0;

        q = q->tables[e->column.table]->query;
        for (int left = e->column.column; q != NULL; at++) {
            if (at == q->target_count)
                return NULL;
            if (!q->targets[at].hidden && --left == 0)
                break;
        }
        if (q == NULL)
            return NULL;
        e = q->targets[at].expr;
    }
    return e->kind == EXPR_SET_CALL && e->call.fn->column_count > 1 ? e : NULL;
}

static status bind_field(struct scope *s, struct expr *record, const char *name, struct expr **out)
{
    const struct expr     *source = record->type == OID_RECORD ? record_source(s->q, record) : NULL;
    const struct function *f = source != NULL ? source->call.fn : NULL;

    if (f == NULL)
        return binder_unsupported(s->b, record->location,
                                  "selecting a field of this composite value is not supported");
    for (size_t i = 0; i < f->column_count; i++) {
        if (strcmp(f->column_names[i], name) != 0)
            continue;
        *out = expr_new(s->b->a, EXPR_FIELD, set_call_column_type(source, i), -1, record->location);
        (*out)->field.record = record;
        (*out)->field.position = (int)i;
        (*out)->field.name = f->column_names[i];
        return STATUS_OK;
    }
    return binder_at(s->b, record->location,
                     status_new(ST_UNDEFINED_COLUMN,
                                "could not identify column \"%s\" in record data type", name));
}

status bind_indirection(struct scope *s, const PgQuery__AIndirection *n, struct expr **out)
{
    struct expr *e;

    TRY_RETURN(bind_expr(s, n->arg, &e));
    for (size_t i = 0; i < n->n_indirection; i++) {
        const PgQuery__Node *step = n->indirection[i];

        if (step->node_case == NODE(STRING)) {
            TRY_RETURN(bind_field(s, e, node_string(step), &e));
            continue;
        }
        if (step->node_case != NODE(A_INDICES))
            return binder_unsupported(s->b, e->location,
                                      "row expansion via \"*\" is not supported here");
        if (i > 0 && n->indirection[i - 1]->node_case == NODE(A_INDICES))
            return binder_unsupported(s->b, e->location,
                                      "subscripts of several dimensions are not supported");
        TRY_RETURN(bind_subscript(s, e, step->a_indices, &e));
    }
    *out = e;
    return STATUS_OK;
}

/* ---- CURRENT_DATE and its kin -------------------------------------------------------------------
 */

struct value_function {
    const char *function; /* called without arguments ... */
    uint32_t    type;     /* ... and cast to this, 0: as it comes */
    const char *keyword;
};

static const struct value_function value_functions[] = {
    [PG_QUERY__SQLVALUE_FUNCTION_OP__SVFOP_CURRENT_DATE] = {"now", OID_DATE, "CURRENT_DATE"},
    [PG_QUERY__SQLVALUE_FUNCTION_OP__SVFOP_CURRENT_TIME] = {"now", OID_TIMETZ, "CURRENT_TIME"},
    [PG_QUERY__SQLVALUE_FUNCTION_OP__SVFOP_CURRENT_TIME_N] = {"now", OID_TIMETZ, "CURRENT_TIME"},
    [PG_QUERY__SQLVALUE_FUNCTION_OP__SVFOP_CURRENT_TIMESTAMP] = {"now", OID_TIMESTAMPTZ,
                                                                 "CURRENT_TIMESTAMP"},
    [PG_QUERY__SQLVALUE_FUNCTION_OP__SVFOP_CURRENT_TIMESTAMP_N] = {"now", OID_TIMESTAMPTZ,
                                                                   "CURRENT_TIMESTAMP"},
    [PG_QUERY__SQLVALUE_FUNCTION_OP__SVFOP_LOCALTIME] = {"now", OID_TIME, "LOCALTIME"},
    [PG_QUERY__SQLVALUE_FUNCTION_OP__SVFOP_LOCALTIME_N] = {"now", OID_TIME, "LOCALTIME"},
    [PG_QUERY__SQLVALUE_FUNCTION_OP__SVFOP_LOCALTIMESTAMP] = {"now", OID_TIMESTAMP,
                                                              "LOCALTIMESTAMP"},
    [PG_QUERY__SQLVALUE_FUNCTION_OP__SVFOP_LOCALTIMESTAMP_N] = {"now", OID_TIMESTAMP,
                                                                "LOCALTIMESTAMP"},
    [PG_QUERY__SQLVALUE_FUNCTION_OP__SVFOP_CURRENT_ROLE] = {"current_user", 0, "CURRENT_ROLE"},
    [PG_QUERY__SQLVALUE_FUNCTION_OP__SVFOP_CURRENT_USER] = {"current_user", 0, "CURRENT_USER"},
    [PG_QUERY__SQLVALUE_FUNCTION_OP__SVFOP_USER] = {"current_user", 0, "USER"},
    [PG_QUERY__SQLVALUE_FUNCTION_OP__SVFOP_SESSION_USER] = {"session_user", 0, "SESSION_USER"},
    [PG_QUERY__SQLVALUE_FUNCTION_OP__SVFOP_CURRENT_CATALOG] = {"current_database", 0,
                                                               "CURRENT_CATALOG"},
    [PG_QUERY__SQLVALUE_FUNCTION_OP__SVFOP_CURRENT_SCHEMA] = {"current_schema", 0,
                                                              "CURRENT_SCHEMA"},
};

status bind_sql_value_function(struct scope *s, const PgQuery__SQLValueFunction *n,
                               struct expr **out)
{
    const struct value_function *v = &value_functions[n->op];
    struct expr                 *e;

    TRY_RETURN(bind_call(s, v->function, NULL, 0, n->location, &e));
    if (v->type != 0) {
        TRY_RETURN(
            coerce_to_target(s->b, e, v->type, n->typmod, CAST_EXPLICIT, true, n->location, out));
        if (*out == NULL)
            return binder_unsupported(s->b, n->location,
                                      arena_printf(s->b->a, "%s is not supported", v->keyword));
        e = *out;
    }
    if (e->kind == EXPR_CALL)
        e->call.keyword =
            n->typmod >= 0 ? arena_printf(s->b->a, "%s(%d)", v->keyword, n->typmod) : v->keyword;
    *out = e;
    return STATUS_OK;
}

/* ---- dispatch -----------------------------------------------------------------------------------
 */

static status bind_node(struct scope *s, const PgQuery__Node *n, struct expr **out)
{
    switch (n->node_case) {
    case NODE(A_CONST):
        return bind_const(s->b, n->a_const, out);
    case NODE(COLUMN_REF):
        return scope_column_ref(s, n->column_ref, out);
    case NODE(PARAM_REF):
        return bind_param_ref(s, n->param_ref, out);
    case NODE(A_EXPR):
        return bind_a_expr(s, n->a_expr, out);
    case NODE(FUNC_CALL):
        return bind_func_call(s, n->func_call, out);
    case NODE(TYPE_CAST):
        return bind_type_cast(s, n->type_cast, out);
    case NODE(BOOL_EXPR):
        return bind_bool(s, n->bool_expr, out);
    case NODE(NULL_TEST):
        return bind_null_test(s, n->null_test, out);
    case NODE(BOOLEAN_TEST):
        return bind_bool_test(s, n->boolean_test, out);
    case NODE(CASE_EXPR):
        return bind_case(s, n->case_expr, out);
    case NODE(COALESCE_EXPR):
        return bind_common_list(s, n->coalesce_expr->args, n->coalesce_expr->n_args, EXPR_COALESCE,
                                "COALESCE", n->coalesce_expr->location, out);
    case NODE(MIN_MAX_EXPR):
        return bind_min_max(s, n->min_max_expr, out);
    case NODE(SUB_LINK):
        return bind_sub_link(s, n->sub_link, out);
    case NODE(ROW_EXPR):
        return bind_row(s, n->row_expr, out);
    case NODE(A_ARRAY_EXPR):
        return bind_array(s, n->a_array_expr, 0, -1, out);
    case NODE(A_INDIRECTION):
        return bind_indirection(s, n->a_indirection, out);
    case NODE(COLLATE_CLAUSE):
        return bind_collate(s, n->collate_clause, out);
    case NODE(SQLVALUE_FUNCTION):
        return bind_sql_value_function(s, n->sqlvalue_function, out);
    case NODE(SET_TO_DEFAULT):
        return binder_at(s->b, n->set_to_default->location,
                         status_new(ST_SYNTAX_ERROR, "DEFAULT is not allowed in this context"));
    case NODE(GROUPING_FUNC):
        return status_new(ST_FEATURE_NOT_SUPPORTED, "GROUPING() is not supported");
    case NODE(XML_EXPR):
    case NODE(XML_SERIALIZE):
        return status_new(ST_FEATURE_NOT_SUPPORTED, "XML is not supported");
    case NODE(CURRENT_OF_EXPR):
        return status_new(ST_FEATURE_NOT_SUPPORTED, "WHERE CURRENT OF is not supported");
    default:
        return status_new(ST_FEATURE_NOT_SUPPORTED, "this kind of expression is not supported");
    }
}

status bind_expr(struct scope *s, const PgQuery__Node *n, struct expr **out)
{
    status st;

    LEVEL_DOWN(s->b);
    st = bind_node(s, n, out);
    LEVEL_UP(s->b);
    return st;
}

status bind_expr_in(struct scope *s, const PgQuery__Node *n, enum clause clause, struct expr **out)
{
    enum clause saved = s->clause;
    status      st;

    s->clause = clause;
    st = bind_expr(s, n, out);
    s->clause = saved;
    return st;
}

status bind_exprs(struct scope *s, PgQuery__Node *const *nodes, size_t count, struct expr ***out)
{
    *out = ARENA_ARRAY(s->b->a, struct expr *, count + 1);
    for (size_t i = 0; i < count; i++)
        TRY_RETURN(bind_expr(s, nodes[i], &(*out)[i]));
    return STATUS_OK;
}
