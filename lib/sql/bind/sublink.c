#include "sql/bind/bind_internal.h"

/* Subqueries in expressions. */

static status check_allowed(struct scope *s, int location)
{
    const char *place = clause_subquery_name(s->clause);

    if (place == NULL)
        return STATUS_OK;
    return binder_at(s->b, location,
                     status_new(ST_FEATURE_NOT_SUPPORTED, "cannot use subquery in %s", place));
}

static size_t visible_count(const struct query *q)
{
    size_t n = 0;

    for (size_t i = 0; i < q->target_count; i++)
        n += !q->targets[i].hidden;
    return n;
}

struct outer_use {
    bool found;
};

struct outer_walk {
    int  levels;
    bool found;
};

static bool outer_child(struct expr **child, void *ctx);

static bool outer_in_query(struct expr **e, int levels, void *ctx)
{
    struct outer_walk w = {.levels = levels};

    outer_child(e, &w);
    ((struct outer_use *)ctx)->found |= w.found;
    return !w.found;
}

static bool outer_child(struct expr **child, void *ctx)
{
    struct outer_walk *w = ctx;
    struct expr       *e = *child;

    if ((e->kind == EXPR_COLUMN && e->column.levels_up > w->levels) ||
        (e->kind == EXPR_AGGREGATE && e->aggregate.levels_up > w->levels))
        w->found = true;
    if (e->kind == EXPR_SUBQUERY) {
        struct outer_use inner = {false};

        query_walk(e->subquery.query, w->levels + 1, outer_in_query, &inner);
        w->found |= inner.found;
    }
    return !w->found && expr_walk_children(e, outer_child, w);
}

static bool is_correlated(struct query *q)
{
    struct outer_use use = {false};

    query_walk(q, 0, outer_in_query, &use);
    return use.found;
}

static struct expr *subquery_expr(struct scope *s, enum subquery_kind kind, struct query *q,
                                  uint32_t type, int32_t typmod, int location)
{
    struct expr *e = expr_new(s->b->a, EXPR_SUBQUERY, type, typmod, location);

    e->subquery.kind = kind;
    e->subquery.query = q;
    e->subquery.correlated = is_correlated(q);
    s->q->has_subqueries = true;
    return e;
}

static status bind_inner(struct scope *s, const PgQuery__Node *select, struct query **out)
{
    return bind_query_node(s->b, s, select, false, s->clause, out);
}

static status one_column(struct scope *s, const PgQuery__SubLink *n, struct query *q,
                         const struct expr **out)
{
    if (visible_count(q) != 1)
        return binder_at(s->b, n->location,
                         status_new(ST_SYNTAX_ERROR, "subquery must return only one column"));
    *out = q->targets[0].expr;
    return STATUS_OK;
}

static status bind_scalar(struct scope *s, const PgQuery__SubLink *n, bool as_array,
                          struct expr **out)
{
    const struct expr *column = NULL;
    const struct type *t;
    struct query      *q;

    TRY_RETURN(bind_inner(s, n->subselect, &q));
    TRY_RETURN(one_column(s, n, q, &column));
    if (!as_array) {
        *out = subquery_expr(s, SUBQUERY_SCALAR, q, column->type, column->typmod, n->location);
        return STATUS_OK;
    }
    t = type_by_oid(column->type);
    if (t == NULL || (t->array_oid == 0 && t->category != 'A'))
        return binder_at(s->b, n->location,
                         status_new(ST_UNDEFINED_OBJECT,
                                    "could not find array type for data type %s",
                                    type_text(s->b, column->type)));
    *out = subquery_expr(s, SUBQUERY_ARRAY, q, t->category == 'A' ? t->oid : t->array_oid,
                         column->typmod, n->location);
    return STATUS_OK;
}

/* ---- a query around a query ---------------------------------------------------------------------
 */

/* SELECT <nothing yet> FROM (select) AS x, as a scope of its own below `s`. */
static status wrap_query(struct scope *s, const PgQuery__Node *select, struct scope **out)
{
    struct scope     *w = scope_new(s->b, s, QUERY_SELECT);
    struct from_node *f = ARENA_NEW(s->b->a, struct from_node);
    struct query     *q;

    TRY_RETURN(bind_query_node(s->b, w, select, false, CLAUSE_FROM_SUBSELECT, &q));
    f->kind = FROM_TABLE;
    f->table = scope_add_table(w, table_ref_of_query(s->b, q, "subquery"));
    w->q->from = f;
    TRY_RETURN(scope_add_item(w, f->table));
    *out = w;
    return STATUS_OK;
}

status bind_subquery_column(struct scope *s, const PgQuery__Node *select, size_t column,
                            size_t *count, struct expr **out)
{
    struct scope *w;
    struct expr  *e;

    TRY_RETURN(check_allowed(s, -1));
    TRY_RETURN(wrap_query(s, select, &w));
    *count = w->q->tables[0]->column_count;
    *out = NULL;
    if (column >= *count)
        return STATUS_OK;
    e = scope_item_column(w, &w->items[0], (int)column + 1, 0, -1);
    query_add_target(w, e, w->q->tables[0]->column_names[column], false);
    *out = subquery_expr(s, SUBQUERY_SCALAR, w->q, e->type, e->typmod, -1);
    return STATUS_OK;
}

/* ---- x op ANY / ALL (SELECT ...) ----------------------------------------------------------------
 */

/* The operators, with `right` standing for the subquery's columns; coerced copies come back. */
static status choose_ops(struct scope *s, const char *name, struct expr *e, struct expr **right,
                         int location)
{
    for (size_t i = 0; i < e->subquery.left_count; i++) {
        struct expr *call;

        TRY_RETURN(bind_operator(s, NULL, name, e->subquery.left[i], right[i], location, &call));
        if (call->type != OID_BOOL)
            return binder_at(
                s->b, location,
                status_new(ST_DATATYPE_MISMATCH,
                           "row comparison operator must yield type boolean, not type %s",
                           type_text(s->b, call->type)));
        e->subquery.left[i] = call->call.args[0];
        e->subquery.ops[i] = call->call.op;
        right[i] = call->call.args[1];
    }
    return STATUS_OK;
}

/* Where an operator wants the subquery's column converted, a query around it does that. The probes
 * that stand for the columns are what that outer query's expressions are made of. */
static status any_operators(struct scope *s, const PgQuery__SubLink *n, const char *name,
                            struct expr *e)
{
    const struct target *targets = e->subquery.query->targets;
    size_t               count = e->subquery.left_count;
    struct expr        **right = ARENA_ARRAY(s->b->a, struct expr *, count + 1);
    struct scope        *w;
    bool                 changed = false;

    for (size_t i = 0; i < count; i++) {
        right[i] = expr_new(s->b->a, EXPR_COLUMN, targets[i].expr->type, targets[i].expr->typmod,
                            targets[i].expr->location);
        right[i]->collation = targets[i].expr->collation;
        right[i]->column.column = (int16_t)(i + 1);
    }
    TRY_RETURN(choose_ops(s, name, e, right, n->location));
    for (size_t i = 0; i < count; i++)
        changed |= right[i]->kind != EXPR_COLUMN;
    if (!changed)
        return STATUS_OK;
    TRY_RETURN(wrap_query(s, n->subselect, &w));
    for (size_t i = 0; i < count; i++)
        query_add_target(w, right[i], w->q->tables[0]->column_names[i], false);
    w->q->is_conversion = true;
    e->subquery.query = w->q;
    return STATUS_OK;
}

static status left_row(struct scope *s, const PgQuery__Node *test, struct expr *e)
{
    struct expr *left;

    TRY_RETURN(bind_expr(s, test, &left));
    if (left->kind == EXPR_ROW && test->node_case == NODE(ROW_EXPR)) {
        e->subquery.left = left->list.args;
        e->subquery.left_count = left->list.count;
    } else {
        e->subquery.left = ARENA_ARRAY(s->b->a, struct expr *, 1);
        e->subquery.left[0] = left;
        e->subquery.left_count = 1;
    }
    return STATUS_OK;
}

static status bind_any(struct scope *s, const PgQuery__SubLink *n, bool all, struct expr **out)
{
    const char   *name = n->n_oper_name == 0 ? "=" : node_string(n->oper_name[n->n_oper_name - 1]);
    struct query *q;
    struct expr  *e;
    size_t        columns;

    TRY_RETURN(bind_inner(s, n->subselect, &q));
    e = subquery_expr(s, all ? SUBQUERY_ALL : SUBQUERY_ANY, q, OID_BOOL, -1, n->location);
    TRY_RETURN(left_row(s, n->testexpr, e));
    columns = visible_count(q);
    if (columns != e->subquery.left_count)
        return binder_at(s->b, n->location,
                         status_new(ST_SYNTAX_ERROR, columns > e->subquery.left_count
                                                         ? "subquery has too many columns"
                                                         : "subquery has too few columns"));
    e->subquery.ops = ARENA_ARRAY(s->b->a, const struct operator_def *, e->subquery.left_count + 1);
    TRY_RETURN(any_operators(s, n, name, e));
    *out = e;
    return STATUS_OK;
}

status bind_sub_link(struct scope *s, const PgQuery__SubLink *n, struct expr **out)
{
    struct query *q;

    TRY_RETURN(check_allowed(s, n->location));
    switch (n->sub_link_type) {
    case PG_QUERY__SUB_LINK_TYPE__EXISTS_SUBLINK:
        TRY_RETURN(bind_inner(s, n->subselect, &q));
        *out = subquery_expr(s, SUBQUERY_EXISTS, q, OID_BOOL, -1, n->location);
        return STATUS_OK;
    case PG_QUERY__SUB_LINK_TYPE__EXPR_SUBLINK:
        return bind_scalar(s, n, false, out);
    case PG_QUERY__SUB_LINK_TYPE__ARRAY_SUBLINK:
        return bind_scalar(s, n, true, out);
    case PG_QUERY__SUB_LINK_TYPE__ANY_SUBLINK:
        return bind_any(s, n, false, out);
    case PG_QUERY__SUB_LINK_TYPE__ALL_SUBLINK:
        return bind_any(s, n, true, out);
    default:
        return binder_unsupported(s->b, n->location, "this kind of subquery is not supported");
    }
}
