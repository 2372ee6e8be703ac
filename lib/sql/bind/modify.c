#include "sql/bind/bind_internal.h"

/* UPDATE, DELETE, RETURNING, and what INSERT shares with them. */

/* ---- assigning to a column ----------------------------------------------------------------------
 */

status bind_column_default(struct scope *s, const struct table_desc *t,
                           const struct column_desc *column, struct expr **out)
{
    struct binder *b = s->b;

    if (column->identity != IDENTITY_NONE) {
        struct expr **args = ARENA_ARRAY(b->a, struct expr *, 1), *e;

        args[0] = expr_const(b->a, OID_REGCLASS, (datum){.i = column->sequence_oid}, -1);
        TRY_RETURN(bind_call(s, "nextval", args, 1, -1, &e));
        return bind_coerce_assignment(b->c, b->a, e, column->type, column->typmod, column->name,
                                      out);
    }
    if (column->default_text != NULL && !column->generated_stored)
        return status_wrap(bind_expression_text(b->c, b->a, column->default_text, NULL,
                                                column->type, column->typmod, out),
                           "default of column \"%s\" of table \"%s\"", column->name, t->name);
    *out = expr_null(b->a, column->type, -1);
    (*out)->typmod = column->typmod;
    return STATUS_OK;
}

status check_assignable(struct scope *s, const struct column_desc *column, const struct expr *value,
                        bool is_default, const char *verb, bool override_system, int location)
{
    status st = STATUS_OK;

    (void)value;
    if (is_default || (!column->generated_stored && column->identity != IDENTITY_ALWAYS))
        return STATUS_OK;
    if (column->generated_stored)
        st = status_detail(
            strcmp(verb, "INSERT") == 0
                ? status_new(ST_GENERATED_ALWAYS,
                             "cannot insert a non-DEFAULT value into column \"%s\"", column->name)
                : status_new(ST_GENERATED_ALWAYS, "column \"%s\" can only be updated to DEFAULT",
                             column->name),
            "Column \"%s\" is a generated column.", column->name);
    else if (strcmp(verb, "INSERT") != 0)
        st = status_detail(status_new(ST_GENERATED_ALWAYS,
                                      "column \"%s\" can only be updated to DEFAULT", column->name),
                           "Column \"%s\" is an identity column defined as GENERATED ALWAYS.",
                           column->name);
    else if (!override_system)
        st = status_hint(
            status_detail(
                status_new(ST_GENERATED_ALWAYS,
                           "cannot insert a non-DEFAULT value into column \"%s\"", column->name),
                "Column \"%s\" is an identity column defined as GENERATED ALWAYS.", column->name),
            "Use OVERRIDING SYSTEM VALUE to override.");
    (void)s;
    (void)location; /* PostgreSQL raises these in its rewriter, which knows no positions */
    return st;
}

static const struct column_desc *find_column(const struct table_desc *t, const char *name)
{
    for (size_t i = 0; i < t->column_count; i++)
        if (!t->columns[i].dropped && strcmp(t->columns[i].name, name) == 0)
            return &t->columns[i];
    return NULL;
}

status bind_assigned_value(struct scope *s, const struct column_desc *column, struct expr *e,
                           struct expr **out)
{
    TRY_RETURN(
        coerce_to_target(s->b, e, column->type, column->typmod, CAST_ASSIGNMENT, true, -1, out));
    if (*out != NULL)
        return STATUS_OK;
    return binder_at(
        s->b, e->location,
        status_hint(status_new(ST_DATATYPE_MISMATCH,
                               "column \"%s\" is of type %s but expression is of type %s",
                               column->name, type_text(s->b, column->type),
                               type_text(s->b, e->type)),
                    "You will need to rewrite or cast the expression."));
}

/* ---- SET ----------------------------------------------------------------------------------------
 */

struct set_list {
    struct assignment *sets;
    size_t             count;
};

static status check_twice(const struct set_list *l, const struct column_desc *column)
{
    for (size_t i = 0; i < l->count; i++)
        if (l->sets[i].column == column->number)
            return status_new(ST_SYNTAX_ERROR, "multiple assignments to same column \"%s\"",
                              column->name);
    return STATUS_OK;
}

/* The value of one column of (a, b) = ...: of a row, or of a subquery. */
static status multi_value(struct scope *s, const PgQuery__MultiAssignRef *m, struct expr **out)
{
    size_t               columns;
    const PgQuery__Node *source = m->source;

    if (source->node_case == NODE(ROW_EXPR)) {
        const PgQuery__RowExpr *row = source->row_expr;

        if (row->n_args != (size_t)m->ncolumns)
            return binder_at(
                s->b, node_location(source),
                status_new(ST_SYNTAX_ERROR, "number of columns does not match number of values"));
        return bind_expr(s, row->args[m->colno - 1], out);
    }
    if (source->node_case != NODE(SUB_LINK) ||
        source->sub_link->sub_link_type != PG_QUERY__SUB_LINK_TYPE__EXPR_SUBLINK)
        return binder_at(s->b, node_location(source),
                         status_new(ST_FEATURE_NOT_SUPPORTED,
                                    "source for a multiple-column UPDATE item must be a sub-SELECT "
                                    "or ROW() expression"));
    TRY_RETURN(
        bind_subquery_column(s, source->sub_link->subselect, (size_t)m->colno - 1, &columns, out));
    if (columns != (size_t)m->ncolumns)
        return binder_at(
            s->b, source->sub_link->location,
            status_new(ST_SYNTAX_ERROR, "number of columns does not match number of values"));
    return STATUS_OK;
}

/* *is_default: DEFAULT was written, as a value of its own or in a row. */
static const PgQuery__Node *single_value(const PgQuery__Node *val)
{
    if (val->node_case == NODE(MULTI_ASSIGN_REF) &&
        val->multi_assign_ref->source->node_case == NODE(ROW_EXPR) &&
        val->multi_assign_ref->source->row_expr->n_args == (size_t)val->multi_assign_ref->ncolumns)
        return val->multi_assign_ref->source->row_expr->args[val->multi_assign_ref->colno - 1];
    return val;
}

static status bind_set_value(struct scope *s, const struct column_desc *column,
                             const PgQuery__Node *val, struct expr **out)
{
    const PgQuery__Node *single = single_value(val);
    bool                 is_default = single->node_case == NODE(SET_TO_DEFAULT);
    struct expr         *e;

    TRY_RETURN(
        check_assignable(s, column, NULL, is_default, "UPDATE", false, node_location(single)));
    if (is_default)
        return bind_column_default(s, s->target_desc, column, out);
    if (single->node_case == NODE(MULTI_ASSIGN_REF))
        TRY_RETURN(multi_value(s, single->multi_assign_ref, &e));
    else
        TRY_RETURN(bind_expr(s, single, &e));
    return bind_assigned_value(s, column, e, out);
}

status bind_set_list(struct scope *s, PgQuery__Node *const *nodes, size_t count,
                     struct assignment **out, size_t *out_count)
{
    struct set_list l = {.sets = ARENA_ARRAY(s->b->a, struct assignment, count + 1)};
    enum clause     saved = s->clause;
    status          st = STATUS_OK;

    s->clause = CLAUSE_UPDATE;
    for (size_t i = 0; i < count && st_ok(st); i++) {
        const PgQuery__ResTarget *r = nodes[i]->res_target;
        const struct column_desc *column = find_column(s->target_desc, r->name);
        struct expr              *e = NULL;

        if (column == NULL) {
            st = binder_at(s->b, r->location,
                           status_new(ST_UNDEFINED_COLUMN,
                                      "column \"%s\" of relation \"%s\" does not exist", r->name,
                                      s->target_desc->name));
            break;
        }
        if (r->n_indirection > 0) {
            st = binder_unsupported(s->b, r->location,
                                    "assigning to an element or a field is not supported");
            break;
        }
        st = check_twice(&l, column);
        if (st_ok(st))
            st = bind_set_value(s, column, r->val, &e);
        /* A generated column set to DEFAULT is computed with the others. */
        if (st_ok(st) && !column->generated_stored)
            l.sets[l.count++] = (struct assignment){.column = column->number, .value = e};
    }
    s->clause = saved;
    *out = l.sets;
    *out_count = l.count;
    return st;
}

/* ---- the statements -----------------------------------------------------------------------------
 */

status bind_returning(struct scope *s, PgQuery__Node *const *nodes, size_t count)
{
    if (count == 0)
        return STATUS_OK;
    TRY_RETURN(bind_target_list(s, nodes, count, CLAUSE_RETURNING, &s->q->returning,
                                &s->q->returning_count));
    if (s->q->returning_count == 0)
        return status_new(ST_SYNTAX_ERROR, "RETURNING must have at least one column");
    resolve_unknown_targets(s, s->q->returning, s->q->returning_count);
    return STATUS_OK;
}

status bind_update(struct scope *s, const PgQuery__UpdateStmt *n)
{
    struct query *q = s->q;

    TRY_RETURN(bind_with(s, n->with_clause));
    TRY_RETURN(bind_target_relation(s, n->relation, "updating"));
    TRY_RETURN(scope_add_item(s, q->target_table));
    /* FROM cannot look sideways at the target: PostgreSQL adds it to the namespace, but LATERAL
     * references to it are refused. */
    s->items[0].lateral_only = true;
    s->items[0].lateral_ok = false;
    TRY_RETURN(bind_from(s, n->from_clause, n->n_from_clause));
    TRY_RETURN(bind_where(s, n->where_clause, CLAUSE_WHERE, &q->where));
    TRY_RETURN(bind_returning(s, n->returning_list, n->n_returning_list));
    return bind_set_list(s, n->target_list, n->n_target_list, &q->assignments,
                         &q->assignment_count);
}

status bind_delete(struct scope *s, const PgQuery__DeleteStmt *n)
{
    struct query *q = s->q;

    TRY_RETURN(bind_with(s, n->with_clause));
    TRY_RETURN(bind_target_relation(s, n->relation, "deleting from"));
    TRY_RETURN(scope_add_item(s, q->target_table));
    s->items[0].lateral_only = true;
    s->items[0].lateral_ok = false;
    TRY_RETURN(bind_from(s, n->using_clause, n->n_using_clause));
    TRY_RETURN(bind_where(s, n->where_clause, CLAUSE_WHERE, &q->where));
    return bind_returning(s, n->returning_list, n->n_returning_list);
}
