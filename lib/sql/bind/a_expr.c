#include "sql/bind/bind_internal.h"

/* What the grammar calls A_Expr: operators, IN, BETWEEN, LIKE, ANY and ALL over arrays, IS DISTINCT
 * FROM, NULLIF, and comparisons of rows. */

static const char *op_schema(const PgQuery__AExpr *n)
{
    return n->n_name > 1 ? node_string(n->name[n->n_name - 2]) : NULL;
}

static const char *op_name(const PgQuery__AExpr *n)
{
    return node_string(n->name[n->n_name - 1]);
}

static struct expr *logic(struct binder *b, enum expr_kind kind, struct expr **args, size_t count,
                          int location)
{
    struct expr *e;

    if (count == 1)
        return args[0];
    e = expr_new(b->a, kind, OID_BOOL, -1, location);
    e->list.args = args;
    e->list.count = count;
    return e;
}

static struct expr *negate(struct binder *b, struct expr *e)
{
    struct expr *n = expr_new(b->a, EXPR_NOT, OID_BOOL, -1, e->location);

    n->unary.arg = e;
    return n;
}

/* ---- rows ---------------------------------------------------------------------------------------
 */

static char order_of_name(const char *op)
{
    if (strcmp(op, "<") == 0)
        return '<';
    if (strcmp(op, "<=") == 0)
        return 'l';
    if (strcmp(op, ">=") == 0)
        return 'g';
    if (strcmp(op, ">") == 0)
        return '>';
    return strcmp(op, "=") == 0 ? '=' : strcmp(op, "<>") == 0 ? '!' : 0;
}

/* (a, b) < (c, d): each column is compared by the operator of that name, which must be the one of
 * the type's order; columns before the last decide only when they differ. */
static status ordered_rows(struct scope *s, struct expr **columns, size_t count, char order,
                           int location, struct expr **out)
{
    struct binder *b = s->b;
    struct expr   *e = expr_new(b->a, EXPR_ROW_COMPARE, OID_BOOL, -1, location);

    e->row_compare.left = ARENA_ARRAY(b->a, struct expr *, count);
    e->row_compare.right = ARENA_ARRAY(b->a, struct expr *, count);
    e->row_compare.ops = ARENA_ARRAY(b->a, const struct operator_def *, count);
    e->row_compare.count = count;
    e->row_compare.order = order;
    for (size_t i = 0; i < count; i++) {
        const struct operator_def *op = columns[i]->call.op;

        /* Between two integer types the operator is of the order too, though not of the default
         * one. */
        if (op == NULL || operator_for_order(op->left_type, order) == NULL ||
            operator_for_order(op->right_type, order) == NULL)
            return binder_at(
                b, location,
                status_hint(
                    status_new(ST_FEATURE_NOT_SUPPORTED,
                               "could not determine interpretation of row comparison operator %s",
                               op == NULL ? "?" : op->name),
                    "Row comparison operators must be associated with btree operator families."));
        e->row_compare.left[i] = columns[i]->call.args[0];
        e->row_compare.right[i] = columns[i]->call.args[1];
        e->row_compare.ops[i] = op;
    }
    *out = e;
    return STATUS_OK;
}

status bind_row_comparison(struct scope *s, const char *op, struct expr **left, size_t left_count,
                           struct expr **right, size_t right_count, int location, struct expr **out)
{
    struct expr **columns;
    char          order = order_of_name(op);

    if (left_count != right_count)
        return binder_at(
            s->b, location,
            status_new(ST_SYNTAX_ERROR, "unequal number of entries in row expressions"));
    if (left_count == 0)
        return binder_at(
            s->b, location,
            status_new(ST_FEATURE_NOT_SUPPORTED, "cannot compare rows of zero length"));
    columns = ARENA_ARRAY(s->b->a, struct expr *, left_count);
    for (size_t i = 0; i < left_count; i++) {
        TRY_RETURN(bind_operator(s, NULL, op, left[i], right[i], location, &columns[i]));
        if (columns[i]->type != OID_BOOL)
            return binder_at(s->b, location,
                             status_new(ST_DATATYPE_MISMATCH,
                                        "row comparison operator must yield type boolean, not "
                                        "type %s",
                                        type_text(s->b, columns[i]->type)));
    }
    if (left_count == 1 || order == '=')
        *out = logic(s->b, EXPR_AND, columns, left_count, location);
    else if (order == '!')
        *out = logic(s->b, EXPR_OR, columns, left_count, location);
    else
        return ordered_rows(s, columns, left_count, order, location, out);
    return STATUS_OK;
}

/* (a, b) = (SELECT x, y): one scalar subquery per column. */
static status row_against_subquery(struct scope *s, const PgQuery__AExpr *n, struct expr *left,
                                   struct expr **out)
{
    const PgQuery__SubLink *link = n->rexpr->sub_link;
    size_t                  count = left->list.count, columns = count;
    struct expr           **right = ARENA_ARRAY(s->b->a, struct expr *, count + 1);

    for (size_t i = 0; i < count; i++) {
        TRY_RETURN(bind_subquery_column(s, link->subselect, i, &columns, &right[i]));
        if (columns != count)
            return binder_at(s->b, n->location,
                             status_new(ST_SYNTAX_ERROR, columns > count
                                                             ? "subquery has too many columns"
                                                             : "subquery has too few columns"));
    }
    return bind_row_comparison(s, op_name(n), left->list.args, count, right, count, n->location,
                               out);
}

/* ---- plain operators ----------------------------------------------------------------------------
 */

static status bind_plain_operator(struct scope *s, const PgQuery__AExpr *n, struct expr **out)
{
    struct expr *left = NULL, *right;

    if (n->rexpr == NULL)
        return binder_at(s->b, n->location,
                         status_new(ST_SYNTAX_ERROR, "postfix operators are not supported"));
    if (n->lexpr != NULL)
        TRY_RETURN(bind_expr(s, n->lexpr, &left));
    if (left != NULL && n->lexpr->node_case == NODE(ROW_EXPR) &&
        n->rexpr->node_case == NODE(SUB_LINK) &&
        n->rexpr->sub_link->sub_link_type == PG_QUERY__SUB_LINK_TYPE__EXPR_SUBLINK)
        return row_against_subquery(s, n, left, out);
    TRY_RETURN(bind_expr(s, n->rexpr, &right));
    if (left != NULL && left->kind == EXPR_ROW && right->kind == EXPR_ROW)
        return bind_row_comparison(s, op_name(n), left->list.args, left->list.count,
                                   right->list.args, right->list.count, n->location, out);
    return bind_operator(s, op_schema(n), op_name(n), left, right, n->location, out);
}

static bool leans_left(const PgQuery__AExpr *n)
{
    return n->kind == PG_QUERY__A__EXPR__KIND__AEXPR_OP && n->lexpr != NULL && n->rexpr != NULL &&
           n->lexpr->node_case == NODE(A_EXPR) && n->rexpr->node_case != NODE(SUB_LINK);
}

/* 1 + 2 + 3 + ... leans to the left as deep as it is long; going down its spine in a loop lets long
 * chains through where recursion would be refused. Its depth is charged all the same: whoever
 * walks the result recurses. */
static status bind_operator_chain(struct scope *s, const PgQuery__AExpr *n, struct expr **out)
{
    const PgQuery__AExpr **spine, *p;
    size_t                 depth = 0;
    struct expr           *left, *right;

    for (p = n; leans_left(p); p = p->lexpr->a_expr)
        if (++depth + (size_t)s->b->depth > BIND_DEPTH_MAX)
            return status_new(ST_STATEMENT_TOO_COMPLEX, "stack depth limit exceeded");
    spine = ARENA_ARRAY(s->b->a, const PgQuery__AExpr *, depth + 1);
    depth = 0;
    for (p = n; leans_left(p); p = p->lexpr->a_expr)
        spine[depth++] = p;
    TRY_RETURN(p->kind == PG_QUERY__A__EXPR__KIND__AEXPR_OP ? bind_plain_operator(s, p, &left)
                                                            : bind_a_expr(s, p, &left));
    while (depth > 0) {
        p = spine[--depth];
        TRY_RETURN(bind_expr(s, p->rexpr, &right));
        TRY_RETURN(bind_operator(s, op_schema(p), op_name(p), left, right, p->location, &left));
    }
    *out = left;
    return STATUS_OK;
}

/* ---- op ANY / ALL (array) -----------------------------------------------------------------------
 */

static status array_operator(struct scope *s, const char *name, struct expr *left,
                             struct expr *right, bool all, int location, struct expr **out)
{
    struct binder             *b = s->b;
    const struct operator_def *op;
    const struct type         *rt = type_by_oid(right->type), *at;
    uint32_t                   element = OID_UNKNOWN, actual[2], declared[2], result = OID_BOOL;
    struct expr               *e;

    if (right->type != OID_UNKNOWN) {
        element = rt == NULL ? 0 : rt->element_oid;
        if (element == 0)
            return binder_at(b, location,
                             status_new(ST_WRONG_OBJECT_TYPE,
                                        "op ANY/ALL (array) requires array on right side"));
    }
    TRY_RETURN(operator_choose(b, name, left->type, element, false, location, &op));
    if (op->result_type != OID_BOOL)
        return binder_at(b, location,
                         status_new(ST_WRONG_OBJECT_TYPE,
                                    "op ANY/ALL (array) requires operator to yield boolean"));
    actual[0] = left->type;
    actual[1] = element;
    declared[0] = op->left_type;
    declared[1] = op->right_type;
    TRY_RETURN(polymorphic_resolve(b, actual, declared, 2, &result));
    at = type_by_oid(declared[1]);
    if (at == NULL || (at->array_oid == 0 && declared[1] != OID_ANY))
        return binder_at(b, location,
                         status_new(ST_UNDEFINED_OBJECT,
                                    "could not find array type for data type %s",
                                    type_text(b, declared[1])));
    e = expr_new(b->a, EXPR_ARRAY_OP, OID_BOOL, -1, location);
    TRY_RETURN(coerce_type(b, left, declared[0], -1, CAST_IMPLICIT, true, left->location,
                           &e->binary.left));
    TRY_RETURN(coerce_type(b, right, at->array_oid, -1, CAST_IMPLICIT, true, right->location,
                           &e->binary.right));
    e->binary.op = op;
    e->binary.all = all;
    *out = e;
    return STATUS_OK;
}

static status bind_array_operator(struct scope *s, const PgQuery__AExpr *n, bool all,
                                  struct expr **out)
{
    struct expr *left, *right;

    TRY_RETURN(bind_expr(s, n->lexpr, &left));
    TRY_RETURN(bind_expr(s, n->rexpr, &right));
    return array_operator(s, op_name(n), left, right, all, n->location, out);
}

/* ---- IN (list) ----------------------------------------------------------------------------------
 */

static bool needs_row(const struct expr *e)
{
    return e->kind == EXPR_COLUMN || e->kind == EXPR_SUBQUERY || e->kind == EXPR_AGGREGATE;
}

static bool find_needs_row(struct expr **child, void *found)
{
    *(bool *)found |= needs_row(*child);
    return !*(bool *)found && expr_walk_children(*child, find_needs_row, found);
}

static bool is_free_of_columns(struct expr *e)
{
    bool found = false;

    find_needs_row(&e, &found);
    return !found;
}

/* The items that are the same for every row become one array, when they have a common type. */
static status in_array(struct scope *s, const PgQuery__AExpr *n, struct expr *left,
                       struct expr **items, size_t count, bool negated, struct expr **out)
{
    struct binder     *b = s->b;
    struct expr      **all = ARENA_ARRAY(b->a, struct expr *, count + 1), *array;
    const struct type *t;
    uint32_t           type;

    *out = NULL;
    all[0] = left;
    memcpy(all + 1, items, count * sizeof(struct expr *));
    TRY_RETURN(select_common_type(b, all, count + 1, NULL, NULL, &type));
    if (type == 0 || type == OID_RECORD || !verify_common_type(type, all, count + 1))
        return STATUS_OK;
    t = type_by_oid(type);
    if (t == NULL || t->array_oid == 0)
        return STATUS_OK;
    array = expr_new(b->a, EXPR_ARRAY, t->array_oid, -1, -1);
    array->list.args = ARENA_ARRAY(b->a, struct expr *, count);
    array->list.count = count;
    array->list.written_in = true;
    for (size_t i = 0; i < count; i++)
        TRY_RETURN(coerce_to_common(b, items[i], type, "IN", &array->list.args[i]));
    return array_operator(s, op_name(n), left, array, negated, n->location, out);
}

static status in_item(struct scope *s, const PgQuery__AExpr *n, struct expr *item,
                      struct expr **out)
{
    struct expr *left;

    /* Bound anew for each item: expressions are trees, no node has two parents. */
    TRY_RETURN(bind_expr(s, n->lexpr, &left));
    if (left->kind == EXPR_ROW && item->kind == EXPR_ROW)
        TRY_RETURN(bind_row_comparison(s, op_name(n), left->list.args, left->list.count,
                                       item->list.args, item->list.count, n->location, out));
    else
        TRY_RETURN(bind_operator(s, NULL, op_name(n), left, item, n->location, out));
    return coerce_to_boolean(s->b, *out, "IN", out);
}

static status bind_in(struct scope *s, const PgQuery__AExpr *n, struct expr **out)
{
    const PgQuery__List *list = n->rexpr->list;
    bool                 negated = strcmp(op_name(n), "<>") == 0;
    struct expr        **items, **fixed, **parts, *left, *array = NULL;
    size_t               fixed_count = 0, part_count = 0;

    TRY_RETURN(bind_expr(s, n->lexpr, &left));
    TRY_RETURN(bind_exprs(s, list->items, list->n_items, &items));
    fixed = ARENA_ARRAY(s->b->a, struct expr *, list->n_items + 1);
    parts = ARENA_ARRAY(s->b->a, struct expr *, list->n_items + 1);
    for (size_t i = 0; i < list->n_items; i++)
        if (is_free_of_columns(items[i]))
            fixed[fixed_count++] = items[i];
    if (fixed_count > 1)
        TRY_RETURN(in_array(s, n, left, fixed, fixed_count, negated, &array));
    if (array != NULL)
        parts[part_count++] = array;
    for (size_t i = 0; i < list->n_items; i++)
        if (array == NULL || !is_free_of_columns(items[i]))
            TRY_RETURN(in_item(s, n, items[i], &parts[part_count++]));
    *out = logic(s->b, negated ? EXPR_AND : EXPR_OR, parts, part_count, n->location);
    return STATUS_OK;
}

/* ---- BETWEEN ------------------------------------------------------------------------------------
 */

static status compare(struct scope *s, const PgQuery__AExpr *n, const char *op,
                      const PgQuery__Node *bound, struct expr **out)
{
    struct expr *left, *right;

    TRY_RETURN(bind_expr(s, n->lexpr, &left));
    TRY_RETURN(bind_expr(s, bound, &right));
    return bind_operator(s, NULL, op, left, right, n->location, out);
}

/* x low_op low, x high_op high, joined by `kind`. */
static status range(struct scope *s, const PgQuery__AExpr *n, const char *low_op,
                    const PgQuery__Node *low, const char *high_op, const PgQuery__Node *high,
                    enum expr_kind kind, struct expr **out)
{
    struct expr **parts = ARENA_ARRAY(s->b->a, struct expr *, 2);

    TRY_RETURN(compare(s, n, low_op, low, &parts[0]));
    TRY_RETURN(compare(s, n, high_op, high, &parts[1]));
    for (int i = 0; i < 2; i++)
        TRY_RETURN(coerce_to_boolean(s->b, parts[i], "BETWEEN", &parts[i]));
    *out = logic(s->b, kind, parts, 2, n->location);
    return STATUS_OK;
}

static status bind_between(struct scope *s, const PgQuery__AExpr *n, struct expr **out)
{
    const PgQuery__Node *low = n->rexpr->list->items[0], *high = n->rexpr->list->items[1];
    struct expr        **parts = ARENA_ARRAY(s->b->a, struct expr *, 2);

    switch (n->kind) {
    case PG_QUERY__A__EXPR__KIND__AEXPR_BETWEEN:
        return range(s, n, ">=", low, "<=", high, EXPR_AND, out);
    case PG_QUERY__A__EXPR__KIND__AEXPR_NOT_BETWEEN:
        return range(s, n, "<", low, ">", high, EXPR_OR, out);
    case PG_QUERY__A__EXPR__KIND__AEXPR_BETWEEN_SYM:
        TRY_RETURN(range(s, n, ">=", low, "<=", high, EXPR_AND, &parts[0]));
        TRY_RETURN(range(s, n, ">=", high, "<=", low, EXPR_AND, &parts[1]));
        *out = logic(s->b, EXPR_OR, parts, 2, n->location);
        return STATUS_OK;
    default:
        TRY_RETURN(range(s, n, "<", low, ">", high, EXPR_OR, &parts[0]));
        TRY_RETURN(range(s, n, "<", high, ">", low, EXPR_OR, &parts[1]));
        *out = logic(s->b, EXPR_AND, parts, 2, n->location);
        return STATUS_OK;
    }
}

/* ---- IS DISTINCT FROM, NULLIF -------------------------------------------------------------------
 */

static status distinct_of(struct scope *s, struct expr *left, struct expr *right, int location,
                          struct expr **out)
{
    struct expr *eq, *e;

    TRY_RETURN(bind_operator(s, NULL, "=", left, right, location, &eq));
    if (eq->type != OID_BOOL)
        return binder_at(s->b, location,
                         status_new(ST_DATATYPE_MISMATCH,
                                    "IS DISTINCT FROM requires = operator to yield boolean"));
    e = expr_new(s->b->a, EXPR_DISTINCT, OID_BOOL, -1, location);
    e->binary.left = eq->call.args[0];
    e->binary.right = eq->call.args[1];
    e->binary.op = eq->call.op;
    *out = e;
    return STATUS_OK;
}

static status bind_is_distinct(struct scope *s, const PgQuery__AExpr *n, bool negated,
                               struct expr **out)
{
    struct expr *left, *right, **parts;

    TRY_RETURN(bind_expr(s, n->lexpr, &left));
    TRY_RETURN(bind_expr(s, n->rexpr, &right));
    if (left->kind != EXPR_ROW || right->kind != EXPR_ROW) {
        TRY_RETURN(distinct_of(s, left, right, n->location, out));
        (*out)->binary.negated = negated;
        return STATUS_OK;
    }
    if (left->list.count != right->list.count)
        return binder_at(
            s->b, n->location,
            status_new(ST_SYNTAX_ERROR, "unequal number of entries in row expressions"));
    parts = ARENA_ARRAY(s->b->a, struct expr *, left->list.count + 1);
    for (size_t i = 0; i < left->list.count; i++)
        TRY_RETURN(distinct_of(s, left->list.args[i], right->list.args[i], n->location, &parts[i]));
    *out = left->list.count == 0 ? expr_const(s->b->a, OID_BOOL, (datum){.b = false}, n->location)
                                 : logic(s->b, EXPR_OR, parts, left->list.count, n->location);
    if (negated)
        *out = negate(s->b, *out);
    return STATUS_OK;
}

static status bind_nullif(struct scope *s, const PgQuery__AExpr *n, struct expr **out)
{
    struct expr *left, *right, *eq, *e;

    TRY_RETURN(bind_expr(s, n->lexpr, &left));
    TRY_RETURN(bind_expr(s, n->rexpr, &right));
    TRY_RETURN(bind_operator(s, NULL, "=", left, right, n->location, &eq));
    if (eq->type != OID_BOOL)
        return binder_at(
            s->b, n->location,
            status_new(ST_DATATYPE_MISMATCH, "NULLIF requires = operator to yield boolean"));
    e = expr_new(s->b->a, EXPR_NULLIF, eq->call.args[0]->type, eq->call.args[0]->typmod,
                 n->location);
    e->binary.left = eq->call.args[0];
    e->binary.right = eq->call.args[1];
    e->binary.op = eq->call.op;
    *out = e;
    return STATUS_OK;
}

status bind_a_expr(struct scope *s, const PgQuery__AExpr *n, struct expr **out)
{
    switch (n->kind) {
    case PG_QUERY__A__EXPR__KIND__AEXPR_OP:
        if (n->lexpr != NULL && n->lexpr->node_case == NODE(A_EXPR))
            return bind_operator_chain(s, n, out);
        return bind_plain_operator(s, n, out);
    case PG_QUERY__A__EXPR__KIND__AEXPR_LIKE:
    case PG_QUERY__A__EXPR__KIND__AEXPR_ILIKE:
    case PG_QUERY__A__EXPR__KIND__AEXPR_SIMILAR:
        return bind_plain_operator(s, n, out);
    case PG_QUERY__A__EXPR__KIND__AEXPR_OP_ANY:
        return bind_array_operator(s, n, false, out);
    case PG_QUERY__A__EXPR__KIND__AEXPR_OP_ALL:
        return bind_array_operator(s, n, true, out);
    case PG_QUERY__A__EXPR__KIND__AEXPR_IN:
        return bind_in(s, n, out);
    case PG_QUERY__A__EXPR__KIND__AEXPR_DISTINCT:
        return bind_is_distinct(s, n, false, out);
    case PG_QUERY__A__EXPR__KIND__AEXPR_NOT_DISTINCT:
        return bind_is_distinct(s, n, true, out);
    case PG_QUERY__A__EXPR__KIND__AEXPR_NULLIF:
        return bind_nullif(s, n, out);
    default:
        return bind_between(s, n, out);
    }
}
