#include "sql/bind/bind_internal.h"

/* UNION, INTERSECT, EXCEPT and VALUES: rows from several sources under one set of columns. */

static const char *set_op_name(const PgQuery__SelectStmt *n)
{
    switch (n->op) {
    case PG_QUERY__SET_OPERATION__SETOP_UNION:
        return "UNION";
    case PG_QUERY__SET_OPERATION__SETOP_INTERSECT:
        return "INTERSECT";
    default:
        return "EXCEPT";
    }
}

static enum set_op_kind set_op_kind(const PgQuery__SelectStmt *n)
{
    switch (n->op) {
    case PG_QUERY__SET_OPERATION__SETOP_UNION:
        return SET_OP_UNION;
    case PG_QUERY__SET_OPERATION__SETOP_INTERSECT:
        return SET_OP_INTERSECT;
    default:
        return SET_OP_EXCEPT;
    }
}

/* One side: a query with columns of its own, or another operation with the columns it has made. */
struct operand {
    struct query  *query;
    struct set_op *op;
    size_t         count;
    struct expr  **columns; /* of a query: its targets' expressions; of an operation: stand-ins */
};

static status bind_operand(struct scope *s, const PgQuery__SelectStmt *n, struct operand *out);

static bool is_leaf(const PgQuery__SelectStmt *n)
{
    /* An operand with clauses of its own is a query, set operation or not. */
    return n->op == PG_QUERY__SET_OPERATION__SETOP_NONE || n->n_sort_clause > 0 ||
           n->limit_offset != NULL || n->limit_count != NULL || n->n_locking_clause > 0 ||
           n->with_clause != NULL;
}

static void visible_columns(struct scope *s, struct operand *o)
{
    struct query *q = o->query;

    o->columns = ARENA_ARRAY(s->b->a, struct expr *, q->target_count + 1);
    for (size_t i = 0; i < q->target_count; i++)
        if (!q->targets[i].hidden)
            o->columns[o->count++] = q->targets[i].expr;
}

static status bind_leaf(struct scope *s, const PgQuery__SelectStmt *n, struct operand *out)
{
    struct scope *leaf = scope_new(s->b, s, QUERY_SELECT);

    leaf->keep_unknown = true;
    TRY_RETURN(bind_select(leaf, n));
    out->query = leaf->q;
    visible_columns(s, out);
    return STATUS_OK;
}

/* The operand's column as `type`: in its targets, where literals are still unknown. */
static status coerce_operand(struct scope *s, struct operand *o, size_t column, uint32_t type,
                             const char *context)
{
    struct query *q = o->query;
    size_t        at = 0, visible = 0;

    if (q == NULL)
        return STATUS_OK;
    while (q->targets[at].hidden || visible < column)
        visible += !q->targets[at++].hidden;
    /* A VALUES list or an ordered query is read by column number already: only bare literals and
     * parameters change here; the set operation converts the rest (its columns have types). */
    if (q->targets[at].expr->type == OID_UNKNOWN)
        TRY_RETURN(
            coerce_to_common(s->b, q->targets[at].expr, type, context, &q->targets[at].expr));
    o->columns[column] = q->targets[at].expr;
    return STATUS_OK;
}

static struct set_op *new_set_op(struct scope *s, const PgQuery__SelectStmt *n, size_t columns)
{
    struct set_op *op = ARENA_NEW(s->b->a, struct set_op);

    op->kind = set_op_kind(n);
    op->all = n->all;
    op->column_count = columns;
    op->types = ARENA_ARRAY(s->b->a, uint32_t, columns + 1);
    op->typmods = ARENA_ARRAY(s->b->a, int32_t, columns + 1);
    op->collations = ARENA_ARRAY(s->b->a, uint32_t, columns + 1);
    return op;
}

static status unify_column(struct scope *s, struct operand *l, struct operand *r, size_t i,
                           struct set_op *op, const char *context)
{
    const struct operator_def *eq;
    struct expr               *both[2] = {l->columns[i], r->columns[i]};

    TRY_RETURN(select_common_type(s->b, both, 2, context, NULL, &op->types[i]));
    for (int k = 0; k < 2; k++)
        if (both[k]->type != OID_UNKNOWN && !verify_common_type(op->types[i], &both[k], 1))
            return binder_at(s->b, both[k]->location,
                             status_new(ST_CANNOT_COERCE, "%s could not convert type %s to %s",
                                        context, type_text(s->b, both[k]->type),
                                        type_text(s->b, op->types[i])));
    TRY_RETURN(coerce_operand(s, l, i, op->types[i], context));
    TRY_RETURN(coerce_operand(s, r, i, op->types[i], context));
    both[0] = l->columns[i];
    both[1] = r->columns[i];
    op->typmods[i] = select_common_typmod(both, 2, op->types[i]);
    op->collations[i] = expr_new(s->b->a, EXPR_CONST, op->types[i], -1, -1)->collation;
    if (!(op->kind == SET_OP_UNION && op->all))
        TRY_RETURN(operator_equality(s->b, op->types[i], both[0]->location, &eq));
    return STATUS_OK;
}

static bool types_differ(const struct operand *o, const struct set_op *op)
{
    for (size_t i = 0; i < op->column_count; i++)
        if (o->columns[i]->type != op->types[i])
            return true;
    return false;
}

/* SELECT cast(column) FROM (operand): what brings an operand to the common types. */
static status wrap_converted(struct scope *s, struct operand *o, const struct set_op *op,
                             const char *context)
{
    struct scope     *w;
    struct from_node *f;
    struct query     *inner = o->query;
    struct table_ref *t;

    if (!types_differ(o, op))
        return STATUS_OK;
    w = scope_new(s->b, s, QUERY_SELECT);
    if (inner == NULL) { /* an operation: the outer columns stay stand-ins of the new query */
        inner = ARENA_NEW(s->b->a, struct query);
        inner->kind = QUERY_SELECT;
        inner->arena = s->b->a;
        inner->set_op = o->op;
        inner->source_table = inner->target_table = -1;
    }
    f = ARENA_NEW(s->b->a, struct from_node);
    f->kind = FROM_TABLE;
    for (size_t i = 0; o->query == NULL && i < o->count; i++) {
        struct scope is = {.b = s->b, .q = inner};

        query_add_target(&is, o->columns[i], "?column?", false);
    }
    t = table_ref_of_query(s->b, inner, "subquery");
    f->table = scope_add_table(w, t);
    w->q->from = f;
    TRY_RETURN(scope_add_item(w, f->table));
    for (size_t i = 0; i < o->count; i++) {
        struct expr *e = scope_item_column(w, &w->items[0], (int)i + 1, 0, -1);

        TRY_RETURN(coerce_to_common(s->b, e, op->types[i], context, &e));
        query_add_target(w, e, t->column_names[i], false);
        o->columns[i] = e;
    }
    w->q->is_conversion = true;
    o->query = w->q;
    o->op = NULL;
    return STATUS_OK;
}

/* Outer references inside a wrapped operand are one level further out than they were bound. */
static bool shift_outer(struct expr **e, int levels, void *ctx);

static bool shift_outer_child(struct expr **child, void *ctx)
{
    int         *levels = ctx;
    struct expr *e = *child;

    if (e->kind == EXPR_COLUMN && e->column.levels_up > *levels)
        e->column.levels_up++;
    if (e->kind == EXPR_AGGREGATE && e->aggregate.levels_up > *levels)
        e->aggregate.levels_up++;
    if (e->kind == EXPR_SUBQUERY)
        query_walk(e->subquery.query, *levels + 1, shift_outer, NULL);
    return expr_walk_children(e, shift_outer_child, ctx);
}

static bool shift_outer(struct expr **e, int levels, void *ctx)
{
    (void)ctx;
    return shift_outer_child(e, &levels);
}

static void shift_ctes(struct query *q, int levels)
{
    for (size_t i = 0; i < q->table_count; i++) {
        struct table_ref *t = q->tables[i];

        if (t->kind == TABLE_REF_CTE && t->cte_levels_up > levels)
            t->cte_levels_up++;
        if (t->kind == TABLE_REF_SUBQUERY && t->query != NULL)
            shift_ctes(t->query, levels + 1);
    }
}

static status convert_operand(struct scope *s, struct operand *o, const struct set_op *op,
                              const char *context)
{
    struct query *before = o->query;

    TRY_RETURN(wrap_converted(s, o, op, context));
    if (o->query != before && before != NULL) {
        query_walk(before, 0, shift_outer, NULL);
        shift_ctes(before, 0);
    }
    return STATUS_OK;
}

static status bind_tree(struct scope *s, const PgQuery__SelectStmt *n, struct operand *out)
{
    const char    *context = set_op_name(n);
    struct operand l = {0}, r = {0};
    struct set_op *op;

    TRY_RETURN(bind_operand(s, n->larg, &l));
    TRY_RETURN(bind_operand(s, n->rarg, &r));
    if (l.count != r.count)
        return binder_at(s->b, r.count > 0 ? r.columns[0]->location : -1,
                         status_new(ST_SYNTAX_ERROR,
                                    "each %s query must have the same number of columns", context));
    op = new_set_op(s, n, l.count);
    for (size_t i = 0; i < l.count; i++)
        TRY_RETURN(unify_column(s, &l, &r, i, op, context));
    TRY_RETURN(convert_operand(s, &l, op, context));
    TRY_RETURN(convert_operand(s, &r, op, context));
    op->left_query = l.query;
    op->left_op = l.op;
    op->right_query = r.query;
    op->right_op = r.op;
    out->op = op;
    out->count = op->column_count;
    out->columns = ARENA_ARRAY(s->b->a, struct expr *, op->column_count + 1);
    for (size_t i = 0; i < op->column_count; i++) {
        struct expr *e =
            expr_new(s->b->a, EXPR_COLUMN, op->types[i], op->typmods[i], l.columns[i]->location);

        e->column.column = (int16_t)(i + 1);
        e->collation = op->collations[i];
        out->columns[i] = e;
    }
    return STATUS_OK;
}

static status bind_operand(struct scope *s, const PgQuery__SelectStmt *n, struct operand *out)
{
    status st;

    LEVEL_DOWN(s->b);
    st = is_leaf(n) ? bind_leaf(s, n, out) : bind_tree(s, n, out);
    LEVEL_UP(s->b);
    return st;
}

static status check_recursive_column(struct scope *s, const struct operand *l,
                                     const struct set_op *op, size_t i, const char *name)
{
    if (l->columns[i]->type == op->types[i])
        return STATUS_OK;
    return binder_at(
        s->b, l->columns[i]->location,
        status_hint(
            status_new(ST_DATATYPE_MISMATCH,
                       "recursive query \"%s\" column %zu has type %s in non-recursive term "
                       "but type %s overall",
                       name, i + 1, type_text(s->b, l->columns[i]->type),
                       type_text(s->b, op->types[i])),
            "Cast the output of the non-recursive term to the correct type."));
}

status bind_recursive_term(struct scope *s, const PgQuery__SelectStmt *n, struct cte *cte)
{
    struct operand l = {.query = cte->query}, r = {0};
    struct set_op *op;

    TRY_RETURN(bind_operand(s, n->rarg, &r));
    if (r.query == NULL)
        return binder_unsupported(s->b, -1, "a set operation as recursive term is not supported");
    visible_columns(s, &l);
    if (l.count != r.count)
        return binder_at(
            s->b, r.count > 0 ? r.columns[0]->location : -1,
            status_new(ST_SYNTAX_ERROR, "each UNION query must have the same number of columns"));
    op = new_set_op(s, n, l.count);
    for (size_t i = 0; i < l.count; i++) {
        TRY_RETURN(unify_column(s, &l, &r, i, op, "UNION"));
        TRY_RETURN(check_recursive_column(s, &l, op, i, cte->name));
    }
    TRY_RETURN(convert_operand(s, &r, op, "UNION"));
    cte->recursive = r.query;
    cte->recursive_all = n->all;
    return STATUS_OK;
}

/* The names are those of the leftmost query. */
static const char *leftmost_name(const struct set_op *op, size_t column)
{
    const struct query *q;
    size_t              visible = 0;

    while (op->left_op != NULL)
        op = op->left_op;
    q = op->left_query;
    for (size_t i = 0; i < q->target_count; i++)
        if (!q->targets[i].hidden && visible++ == column)
            return q->targets[i].name;
    return "?column?";
}

/* tables[0] of a set operation: its result columns, by the names ORDER BY may use. */
static struct table_ref *result_ref(struct scope *s, const struct set_op *op)
{
    struct arena     *a = s->b->a;
    struct table_ref *t = ARENA_NEW(a, struct table_ref);

    t->kind = TABLE_REF_SUBQUERY;
    t->alias = "*SELECT*";
    t->column_count = op->column_count;
    t->column_names = ARENA_ARRAY(a, const char *, op->column_count + 1);
    t->column_types = op->types;
    t->column_typmods = op->typmods;
    t->column_collations = op->collations;
    for (size_t i = 0; i < op->column_count; i++)
        t->column_names[i] = leftmost_name(op, i);
    return t;
}

static status bind_set_sort(struct scope *s, const PgQuery__SelectStmt *n)
{
    size_t before = s->q->target_count;

    for (size_t i = 0; i < n->n_sort_clause; i++) {
        const PgQuery__Node *by = n->sort_clause[i]->sort_by->node;

        if (by->node_case != NODE(COLUMN_REF) && by->node_case != NODE(A_CONST))
            return binder_at(
                s->b, node_location(by),
                status_hint(status_detail(status_new(ST_FEATURE_NOT_SUPPORTED,
                                                     "invalid UNION/INTERSECT/EXCEPT ORDER BY "
                                                     "clause"),
                                          "Only result column names can be used, not expressions "
                                          "or functions."),
                            "Add the expression/function to every SELECT, or move the UNION into "
                            "a FROM clause."));
    }
    TRY_RETURN(bind_sort_clause(s, n->sort_clause, n->n_sort_clause));
    ASSERT(s->q->target_count == before);
    return STATUS_OK;
}

status bind_set_operation(struct scope *s, const PgQuery__SelectStmt *n)
{
    struct query  *q = s->q;
    struct operand o = {0};

    TRY_RETURN(bind_with(s, n->with_clause));
    TRY_RETURN(bind_tree(s, n, &o));
    q->set_op = o.op;
    TRY_RETURN(scope_add_item(s, scope_add_table(s, result_ref(s, o.op))));
    for (size_t i = 0; i < o.count; i++) {
        struct expr *e = scope_item_column(s, &s->items[0], (int)i + 1, 0, o.columns[i]->location);

        query_add_target(s, e, q->tables[0]->column_names[i], false);
    }
    TRY_RETURN(bind_set_sort(s, n));
    TRY_RETURN(bind_limit(s, n));
    return bind_locking(s, n->locking_clause, n->n_locking_clause);
}

/* ---- VALUES -------------------------------------------------------------------------------------
 */

static status bind_value_rows(struct scope *s, const PgQuery__SelectStmt *n, size_t columns,
                              struct expr ****out)
{
    struct expr ***rows = ARENA_ARRAY(s->b->a, struct expr **, n->n_values_lists);
    enum clause    saved = s->clause;
    status         st = STATUS_OK;

    s->clause = CLAUSE_VALUES;
    for (size_t r = 0; r < n->n_values_lists && st_ok(st); r++) {
        const PgQuery__List *list = n->values_lists[r]->list;

        if (list->n_items != columns)
            st = binder_at(s->b, list->n_items > 0 ? node_location(list->items[0]) : -1,
                           status_new(ST_SYNTAX_ERROR, "VALUES lists must all be the same length"));
        else
            st = bind_exprs(s, list->items, columns, &rows[r]);
    }
    s->clause = saved;
    *out = rows;
    return st;
}

static status unify_value_column(struct scope *s, struct table_ref *t, size_t column)
{
    size_t        rows = t->value_row_count;
    struct expr **all = ARENA_ARRAY(s->b->a, struct expr *, rows);
    uint32_t      type;
    bool          only_unknown = true;

    for (size_t r = 0; r < rows; r++) {
        all[r] = t->values[r][column];
        only_unknown &= all[r]->type == OID_UNKNOWN;
    }
    if (only_unknown && s->keep_unknown) {
        t->column_types[column] = OID_UNKNOWN;
        t->column_typmods[column] = -1;
        return STATUS_OK;
    }
    TRY_RETURN(coerce_list_to_common(s->b, all, rows, "VALUES", &type));
    for (size_t r = 0; r < rows; r++)
        t->values[r][column] = all[r];
    t->column_types[column] = type;
    t->column_typmods[column] = select_common_typmod(all, rows, type);
    t->column_collations[column] = expr_new(s->b->a, EXPR_CONST, type, -1, -1)->collation;
    return STATUS_OK;
}

static struct table_ref *values_ref(struct scope *s, size_t columns)
{
    struct arena     *a = s->b->a;
    struct table_ref *t = ARENA_NEW(a, struct table_ref);

    t->kind = TABLE_REF_VALUES;
    t->alias = "*VALUES*";
    t->column_count = columns;
    t->column_names = ARENA_ARRAY(a, const char *, columns + 1);
    t->column_types = ARENA_ARRAY(a, uint32_t, columns + 1);
    t->column_typmods = ARENA_ARRAY(a, int32_t, columns + 1);
    t->column_collations = ARENA_ARRAY(a, uint32_t, columns + 1);
    for (size_t i = 0; i < columns; i++)
        t->column_names[i] = arena_printf(a, "column%zu", i + 1);
    return t;
}

status bind_values(struct scope *s, const PgQuery__SelectStmt *n)
{
    struct query     *q = s->q;
    size_t            columns = n->values_lists[0]->list->n_items;
    struct table_ref *t = values_ref(s, columns);
    struct from_node *f = ARENA_NEW(s->b->a, struct from_node);

    if (columns > TARGETS_MAX)
        return status_new(ST_TOO_MANY_COLUMNS, "VALUES lists can have at most %d entries",
                          TARGETS_MAX);
    TRY_RETURN(bind_with(s, n->with_clause));
    t->value_row_count = n->n_values_lists;
    TRY_RETURN(bind_value_rows(s, n, columns, &t->values));
    for (size_t i = 0; i < columns; i++)
        TRY_RETURN(unify_value_column(s, t, i));
    f->kind = FROM_TABLE;
    f->table = scope_add_table(s, t);
    q->from = f;
    TRY_RETURN(scope_add_item(s, f->table));
    for (size_t i = 0; i < columns; i++) {
        struct expr *e =
            scope_item_column(s, &s->items[0], (int)i + 1, 0, t->values[0][i]->location);

        query_add_target(s, e, t->column_names[i], false);
    }
    TRY_RETURN(bind_sort_clause(s, n->sort_clause, n->n_sort_clause));
    TRY_RETURN(bind_limit(s, n));
    if (n->n_locking_clause > 0)
        return status_new(ST_FEATURE_NOT_SUPPORTED, "FOR UPDATE cannot be applied to VALUES");
    return STATUS_OK;
}
