#include "sql/bind/bind_internal.h"

/* ---- target lists -------------------------------------------------------------------------------
 */

/* A conversion lends its type's name only when there is nothing better: *strength 1 for such, 2 for
 * a real name. PostgreSQL's FigureColname(). */
static const char *figure_name(const PgQuery__Node *n, int *strength);

static const char *name_of_names(PgQuery__Node *const *names, size_t count, int *strength)
{
    *strength = 2;
    return node_string(names[count - 1]);
}

static const char *name_of_cast(const PgQuery__Node *arg, const PgQuery__TypeName *type,
                                int *strength)
{
    const char *name = figure_name(arg, strength);

    if (*strength > 1 || type->n_names == 0)
        return name;
    *strength = 1;
    return node_string(type->names[type->n_names - 1]);
}

static const char *name_of_column(const PgQuery__ColumnRef *r, int *strength)
{
    const char *name = "?column?";

    for (size_t i = 0; i < r->n_fields; i++)
        if (r->fields[i]->node_case == NODE(STRING)) {
            name = node_string(r->fields[i]);
            *strength = 2;
        }
    return name;
}

static const char *name_of_indirection(const PgQuery__AIndirection *n, int *strength)
{
    for (size_t i = n->n_indirection; i > 0; i--)
        if (n->indirection[i - 1]->node_case == NODE(STRING)) {
            *strength = 2;
            return node_string(n->indirection[i - 1]);
        }
    return figure_name(n->arg, strength);
}

static const char *name_of_sub_link(const PgQuery__SubLink *n, int *strength)
{
    *strength = 2;
    switch (n->sub_link_type) {
    case PG_QUERY__SUB_LINK_TYPE__EXISTS_SUBLINK:
        return "exists";
    case PG_QUERY__SUB_LINK_TYPE__ARRAY_SUBLINK:
        return "array";
    case PG_QUERY__SUB_LINK_TYPE__EXPR_SUBLINK: {
        const PgQuery__SelectStmt *q = n->subselect->select_stmt;

        while (q->larg != NULL)
            q = q->larg;
        if (q->n_target_list > 0) {
            const PgQuery__ResTarget *t = q->target_list[0]->res_target;

            return t->name[0] != '\0' ? t->name : figure_name(t->val, strength);
        }
        FALLTHROUGH;
    }
    default:
        *strength = 0;
        return "?column?";
    }
}

static const char *name_of_case(const PgQuery__CaseExpr *n, int *strength)
{
    const char *name = n->defresult != NULL ? figure_name(n->defresult, strength) : "case";

    if (*strength > 1)
        return name;
    *strength = 1;
    return "case";
}

static const char *name_of_value_function(const PgQuery__SQLValueFunction *n, int *strength)
{
    static const char *const names[] = {NULL,
                                        "current_date",
                                        "current_time",
                                        "current_time",
                                        "current_timestamp",
                                        "current_timestamp",
                                        "localtime",
                                        "localtime",
                                        "localtimestamp",
                                        "localtimestamp",
                                        "current_role",
                                        "current_user",
                                        "user",
                                        "session_user",
                                        "current_catalog",
                                        "current_schema"};

    *strength = 2;
    return names[n->op];
}

static const char *figure_name(const PgQuery__Node *n, int *strength)
{
    *strength = 0;
    if (n == NULL)
        return "?column?";
    switch (n->node_case) {
    case NODE(COLUMN_REF):
        return name_of_column(n->column_ref, strength);
    case NODE(A_INDIRECTION):
        return name_of_indirection(n->a_indirection, strength);
    case NODE(FUNC_CALL):
        return name_of_names(n->func_call->funcname, n->func_call->n_funcname, strength);
    case NODE(A_EXPR):
        if (n->a_expr->kind != PG_QUERY__A__EXPR__KIND__AEXPR_NULLIF)
            return "?column?";
        *strength = 2;
        return "nullif";
    case NODE(TYPE_CAST):
        return name_of_cast(n->type_cast->arg, n->type_cast->type_name, strength);
    case NODE(COLLATE_CLAUSE):
        return figure_name(n->collate_clause->arg, strength);
    case NODE(GROUPING_FUNC):
        *strength = 2;
        return "grouping";
    case NODE(SUB_LINK):
        return name_of_sub_link(n->sub_link, strength);
    case NODE(CASE_EXPR):
        return name_of_case(n->case_expr, strength);
    case NODE(A_ARRAY_EXPR):
        *strength = 2;
        return "array";
    case NODE(ROW_EXPR):
        *strength = 2;
        return "row";
    case NODE(COALESCE_EXPR):
        *strength = 2;
        return "coalesce";
    case NODE(MIN_MAX_EXPR):
        *strength = 2;
        return n->min_max_expr->op == PG_QUERY__MIN_MAX_OP__IS_GREATEST ? "greatest" : "least";
    case NODE(SQLVALUE_FUNCTION):
        return name_of_value_function(n->sqlvalue_function, strength);
    default:
        return "?column?";
    }
}

const char *target_name(const PgQuery__Node *n)
{
    int strength;

    return figure_name(n, &strength);
}

struct target_list {
    struct target *targets;
    size_t         count, capacity;
};

static struct target *append_target(struct arena *a, struct target_list *l)
{
    if (l->count == l->capacity) {
        size_t         capacity = l->capacity == 0 ? 8 : l->capacity * 2;
        struct target *targets = ARENA_ARRAY(a, struct target, capacity);

        if (l->count > 0)
            memcpy(targets, l->targets, l->count * sizeof *targets);
        l->targets = targets;
        l->capacity = capacity;
    }
    return &l->targets[l->count++];
}

/* Where a bare column comes from, for RowDescription; through subqueries, but not through sets. */
static void set_origin(const struct query *q, const struct expr *e, struct target *t)
{
    const struct table_ref *ref;

    if (e->kind != EXPR_COLUMN || e->column.levels_up != 0 || e->column.column <= 0)
        return;
    ref = q->tables[e->column.table];
    if (ref->kind == TABLE_REF_RELATION ||
        (ref->kind == TABLE_REF_SUBQUERY && ref->table != NULL)) {
        t->origin_table = ref->table->oid;
        t->origin_column = e->column.column;
    } else if (ref->kind == TABLE_REF_SUBQUERY && ref->query != NULL) {
        const struct target *inner = &ref->query->targets[e->column.column - 1];

        t->origin_table = inner->origin_table;
        t->origin_column = inner->origin_column;
    }
}

static void add_column(struct scope *s, const struct scope_item *item, size_t column, int levels,
                       const struct table_ref *t, int location, struct target_list *l)
{
    struct target *target;

    if (t->column_names[column] == NULL)
        return;
    target = append_target(s->b->a, l);
    *target = (struct target){.name = t->column_names[column]};
    target->expr = scope_item_column(s, item, (int)column + 1, levels, location);
    set_origin(s->q, target->expr, target);
}

static status expand_star(struct scope *s, int location, struct target_list *l)
{
    bool any = false;

    for (size_t i = 0; i < s->item_count; i++) {
        const struct table_ref *t = s->q->tables[s->items[i].table];

        if (!s->items[i].columns_visible || s->items[i].lateral_only)
            continue;
        any = true;
        for (size_t c = 0; c < t->column_count; c++)
            add_column(s, &s->items[i], c, 0, t, location, l);
    }
    if (any)
        return STATUS_OK;
    return binder_at(s->b, location,
                     status_new(ST_SYNTAX_ERROR, "SELECT * with no tables specified is not valid"));
}

static status expand_table_star(struct scope *s, const PgQuery__ColumnRef *r, struct target_list *l)
{
    const char        *name = node_string(r->fields[r->n_fields - 2]);
    const char        *schema = r->n_fields > 2 ? node_string(r->fields[r->n_fields - 3]) : NULL;
    struct scope_item *item;
    struct scope      *at;
    struct table_ref  *t;
    int                levels;

    TRY_RETURN(scope_find_item(s, schema, name, r->location, &item, &at, &levels));
    if (item == NULL)
        return scope_missing_table(s, schema, name, r->location);
    t = at->q->tables[item->table];
    for (size_t c = 0; c < t->column_count; c++)
        add_column(s, item, c, levels, t, r->location, l);
    return STATUS_OK;
}

static bool is_star(const PgQuery__Node *n)
{
    return n != NULL && n->node_case == NODE(COLUMN_REF) &&
           n->column_ref->fields[n->column_ref->n_fields - 1]->node_case == NODE(A_STAR);
}

static status bind_one_target(struct scope *s, const PgQuery__ResTarget *r, struct target_list *l)
{
    struct target *t;
    struct expr   *e;

    if (is_star(r->val)) {
        const PgQuery__ColumnRef *c = r->val->column_ref;

        return c->n_fields == 1 ? expand_star(s, c->location, l) : expand_table_star(s, c, l);
    }
    TRY_RETURN(bind_expr(s, r->val, &e));
    t = append_target(s->b->a, l);
    *t = (struct target){.expr = e, .name = r->name[0] != '\0' ? r->name : target_name(r->val)};
    set_origin(s->q, e, t);
    return STATUS_OK;
}

status bind_target_list(struct scope *s, PgQuery__Node *const *nodes, size_t count,
                        enum clause clause, struct target **out, size_t *out_count)
{
    struct target_list l = {0};
    enum clause        saved = s->clause;
    status             st = STATUS_OK;

    s->clause = clause;
    for (size_t i = 0; i < count && st_ok(st); i++)
        st = bind_one_target(s, nodes[i]->res_target, &l);
    s->clause = saved;
    TRY_RETURN(st);
    if (l.count > TARGETS_MAX)
        return status_new(ST_TOO_MANY_COLUMNS, "target lists can have at most %d entries",
                          TARGETS_MAX);
    *out = l.targets;
    *out_count = l.count;
    return STATUS_OK;
}

void resolve_unknown_targets(struct scope *s, struct target *targets, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct expr *e = targets[i].expr;

        /* Reading a literal as text cannot fail, and a parameter nobody wanted becomes text. */
        if (e->type == OID_UNKNOWN)
            st_clear(coerce_type(s->b, e, OID_TEXT, -1, CAST_IMPLICIT, true, e->location,
                                 &targets[i].expr));
    }
}

int query_add_target(struct scope *s, struct expr *e, const char *name, bool hidden)
{
    struct query      *q = s->q;
    struct target_list l = {
        .targets = q->targets, .count = q->target_count, .capacity = q->target_count};
    struct target *t = append_target(s->b->a, &l);

    *t = (struct target){.expr = e, .name = name, .hidden = hidden};
    set_origin(q, e, t);
    q->targets = l.targets;
    q->target_count = l.count;
    return (int)q->target_count - 1;
}

/* ---- SELECT -------------------------------------------------------------------------------------
 */

status bind_where(struct scope *s, const PgQuery__Node *n, enum clause clause, struct expr **out)
{
    struct expr *e;

    *out = NULL;
    if (n == NULL)
        return STATUS_OK;
    TRY_RETURN(bind_expr_in(s, n, clause, &e));
    return coerce_to_boolean(s->b, e, clause_name(clause), out);
}

static status check_supported(struct scope *s, const PgQuery__SelectStmt *n)
{
    if (n->into_clause != NULL)
        return status_new(ST_FEATURE_NOT_SUPPORTED, "SELECT INTO is not supported");
    if (n->n_window_clause > 0)
        return binder_unsupported(s->b, n->window_clause[0]->window_def->location,
                                  "window functions are not supported");
    if (n->group_distinct)
        return status_new(ST_FEATURE_NOT_SUPPORTED, "GROUP BY DISTINCT is not supported");
    return STATUS_OK;
}

static status bind_plain_select(struct scope *s, const PgQuery__SelectStmt *n)
{
    struct query *q = s->q;

    TRY_RETURN(bind_with(s, n->with_clause));
    TRY_RETURN(bind_from(s, n->from_clause, n->n_from_clause));
    TRY_RETURN(bind_target_list(s, n->target_list, n->n_target_list, CLAUSE_TARGET, &q->targets,
                                &q->target_count));
    TRY_RETURN(bind_where(s, n->where_clause, CLAUSE_WHERE, &q->where));
    TRY_RETURN(bind_where(s, n->having_clause, CLAUSE_HAVING, &q->having));
    TRY_RETURN(bind_sort_clause(s, n->sort_clause, n->n_sort_clause));
    TRY_RETURN(bind_group_clause(s, n->group_clause, n->n_group_clause));
    TRY_RETURN(bind_distinct(s, n));
    TRY_RETURN(bind_limit(s, n));
    if (!s->keep_unknown)
        resolve_unknown_targets(s, q->targets, q->target_count);
    if (q->has_aggregates || q->has_group || q->having != NULL)
        TRY_RETURN(check_grouping(s));
    return bind_locking(s, n->locking_clause, n->n_locking_clause);
}

status bind_select(struct scope *s, const PgQuery__SelectStmt *n)
{
    TRY_RETURN(check_supported(s, n));
    if (n->n_values_lists > 0)
        return bind_values(s, n);
    if (n->op == PG_QUERY__SET_OPERATION__SETOP_NONE)
        return bind_plain_select(s, n);
    return bind_set_operation(s, n);
}
