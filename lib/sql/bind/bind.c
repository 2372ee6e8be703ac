#include "sql/bind/bind.h"

#include "env/env.h"
#include "sql/bind/bind_internal.h"

/* clang-format off */
/*                          generic name         for aggregates and sets          subqueries       agg  set    columns */
static const struct {
    const char *name, *aggregate_name, *subquery_name;
    bool        aggregates, sets, columns;
} clauses[CLAUSE_COUNT] = {
    [CLAUSE_OTHER]            = {"expression", "expressions", NULL, false, false, true},
    [CLAUSE_TARGET]           = {"SELECT", "SELECT", NULL, true, true, true},
    [CLAUSE_JOIN_ON]          = {"JOIN/ON", "JOIN conditions", NULL, false, false, true},
    [CLAUSE_FROM_SUBSELECT]   = {"sub-SELECT in FROM", "FROM", NULL, false, false, true},
    [CLAUSE_FROM_FUNCTION]    = {"function in FROM", "functions in FROM", NULL, false, true, true},
    [CLAUSE_WHERE]            = {"WHERE", "WHERE", NULL, false, false, true},
    [CLAUSE_HAVING]           = {"HAVING", "HAVING", NULL, true, false, true},
    [CLAUSE_FILTER]           = {"FILTER", "FILTER", NULL, false, false, true},
    [CLAUSE_INSERT]           = {"INSERT", "INSERT", NULL, false, true, true},
    [CLAUSE_UPDATE]           = {"UPDATE", "UPDATE", NULL, false, false, true},
    [CLAUSE_GROUP_BY]         = {"GROUP BY", "GROUP BY", NULL, false, true, true},
    [CLAUSE_ORDER_BY]         = {"ORDER BY", "ORDER BY", NULL, true, true, true},
    [CLAUSE_DISTINCT_ON]      = {"DISTINCT ON", "DISTINCT ON", NULL, true, true, true},
    [CLAUSE_LIMIT]            = {"LIMIT", "LIMIT", NULL, false, false, true},
    [CLAUSE_OFFSET]           = {"OFFSET", "OFFSET", NULL, false, false, true},
    [CLAUSE_RETURNING]        = {"RETURNING", "RETURNING", NULL, false, false, true},
    [CLAUSE_VALUES]           = {"VALUES", "VALUES", NULL, false, false, true},
    [CLAUSE_VALUES_SINGLE]    = {"VALUES", "VALUES", NULL, false, true, true},
    [CLAUSE_CHECK]            = {"CHECK", "check constraints", "check constraint", false, false, true},
    [CLAUSE_DEFAULT]          = {"DEFAULT", "DEFAULT expressions", "DEFAULT expression", false, false, false},
    [CLAUSE_INDEX_EXPRESSION] = {"index expression", "index expressions", "index expression", false, false, true},
    [CLAUSE_INDEX_PREDICATE]  = {"index predicate", "index predicates", "index predicate", false, false, true},
    [CLAUSE_GENERATED]        = {"GENERATED AS", "column generation expressions", "column generation expression", false, false, true},
};
/* clang-format on */

const char *clause_name(enum clause c)
{
    return clauses[c].name;
}

const char *clause_aggregate_name(enum clause c)
{
    return clauses[c].aggregate_name;
}

const char *clause_subquery_name(enum clause c)
{
    return clauses[c].subquery_name;
}

bool clause_allows_aggregates(enum clause c)
{
    return clauses[c].aggregates;
}

bool clause_allows_sets(enum clause c)
{
    return clauses[c].sets;
}

bool clause_allows_columns(enum clause c)
{
    return clauses[c].columns;
}

status binder_enter(struct binder *b)
{
    bool deep = ++b->depth > BIND_DEPTH_MAX || ++b->work > BIND_WORK_MAX;

    if (b->c->env != NULL && env_stack_left(b->c->env) < ENV_STACK_RESERVE)
        deep = true;
    if (!deep)
        return STATUS_OK;
    return status_hint(status_new(ST_STATEMENT_TOO_COMPLEX, "stack depth limit exceeded"),
                       "Simplify the statement: it is nested too deeply.");
}

status binder_at(struct binder *b, int location, status st)
{
    if (st_ok(st) || location < 0)
        return st;
    return status_at(st, parse_position(b->text, location));
}

status binder_unsupported(struct binder *b, int location, const char *feature)
{
    return binder_at(b, location, status_new(ST_FEATURE_NOT_SUPPORTED, "%s", feature));
}

const char *node_string(const PgQuery__Node *n)
{
    if (n != NULL && n->node_case == NODE(STRING))
        return n->string->sval;
    return "";
}

const char *names_join(struct arena *a, PgQuery__Node *const *names, size_t count)
{
    const char *text = count > 0 ? node_string(names[0]) : "";

    for (size_t i = 1; i < count; i++)
        text = arena_printf(a, "%s.%s", text,
                            names[i]->node_case == NODE(A_STAR) ? "*" : node_string(names[i]));
    return text;
}

/* The leftmost place of an expression, as exprLocation() finds it. */
static int leftmost(const PgQuery__Node *arg, int own)
{
    int l = arg == NULL ? -1 : node_location(arg);

    if (l < 0 || (own >= 0 && own < l))
        return own;
    return l;
}

int node_location(const PgQuery__Node *n)
{
    switch (n->node_case) {
    case NODE(A_CONST):
        return n->a_const->location;
    case NODE(COLUMN_REF):
        return n->column_ref->location;
    case NODE(PARAM_REF):
        return n->param_ref->location;
    case NODE(A_EXPR):
        return leftmost(n->a_expr->lexpr, n->a_expr->location);
    case NODE(FUNC_CALL):
        return n->func_call->location;
    case NODE(TYPE_CAST):
        return leftmost(n->type_cast->arg, n->type_cast->location);
    case NODE(COLLATE_CLAUSE):
        return leftmost(n->collate_clause->arg, n->collate_clause->location);
    case NODE(BOOL_EXPR):
        return n->bool_expr->n_args > 0 ? leftmost(n->bool_expr->args[0], n->bool_expr->location)
                                        : n->bool_expr->location;
    case NODE(SUB_LINK):
        return leftmost(n->sub_link->testexpr, n->sub_link->location);
    case NODE(CASE_EXPR):
        return n->case_expr->location;
    case NODE(ROW_EXPR):
        return n->row_expr->location;
    case NODE(A_ARRAY_EXPR):
        return n->a_array_expr->location;
    case NODE(COALESCE_EXPR):
        return n->coalesce_expr->location;
    case NODE(MIN_MAX_EXPR):
        return n->min_max_expr->location;
    case NODE(SQLVALUE_FUNCTION):
        return n->sqlvalue_function->location;
    case NODE(NULL_TEST):
        return leftmost(n->null_test->arg, n->null_test->location);
    case NODE(BOOLEAN_TEST):
        return leftmost(n->boolean_test->arg, n->boolean_test->location);
    case NODE(SET_TO_DEFAULT):
        return n->set_to_default->location;
    case NODE(A_INDIRECTION):
        return node_location(n->a_indirection->arg);
    case NODE(RES_TARGET):
        return n->res_target->location;
    case NODE(NAMED_ARG_EXPR):
        return n->named_arg_expr->location;
    case NODE(GROUPING_SET):
        return n->grouping_set->location;
    case NODE(SORT_BY):
        return node_location(n->sort_by->node);
    case NODE(RANGE_VAR):
        return n->range_var->location;
    default:
        return -1;
    }
}

struct scope *scope_new(struct binder *b, struct scope *parent, enum query_kind kind)
{
    struct scope *s = ARENA_NEW(b->a, struct scope);

    s->parent = parent;
    s->b = b;
    s->q = ARENA_NEW(b->a, struct query);
    s->q->kind = kind;
    s->q->arena = b->a;
    s->q->source_table = -1;
    s->q->target_table = -1;
    return s;
}

static status bind_by_kind(struct scope *s, const PgQuery__Node *node)
{
    switch (node->node_case) {
    case NODE(SELECT_STMT):
        return bind_select(s, node->select_stmt);
    case NODE(INSERT_STMT):
        return bind_insert(s, node->insert_stmt);
    case NODE(UPDATE_STMT):
        return bind_update(s, node->update_stmt);
    case NODE(DELETE_STMT):
        return bind_delete(s, node->delete_stmt);
    case NODE(MERGE_STMT):
        return status_new(ST_FEATURE_NOT_SUPPORTED, "MERGE is not supported");
    default:
        return status_new(ST_FEATURE_NOT_SUPPORTED, "this statement cannot be planned");
    }
}

static enum query_kind kind_of(const PgQuery__Node *node)
{
    switch (node->node_case) {
    case NODE(INSERT_STMT):
        return QUERY_INSERT;
    case NODE(UPDATE_STMT):
        return QUERY_UPDATE;
    case NODE(DELETE_STMT):
        return QUERY_DELETE;
    default:
        return QUERY_SELECT;
    }
}

status bind_query_node(struct binder *b, struct scope *parent, const PgQuery__Node *node,
                       bool keep_unknown, enum clause clause, struct query **out)
{
    struct scope *s = scope_new(b, parent, kind_of(node));
    enum clause   saved = parent != NULL ? parent->clause : CLAUSE_OTHER;
    status        st;

    s->keep_unknown = keep_unknown;
    LEVEL_DOWN(b);
    if (parent != NULL)
        parent->clause = clause;
    st = bind_by_kind(s, node);
    if (parent != NULL)
        parent->clause = saved;
    LEVEL_UP(b);
    *out = s->q;
    return st;
}

status bind_statement(struct sql_context *c, struct arena *a, const PgQuery__Node *node,
                      const char *text, struct bind_params *params, struct query **out)
{
    struct binder b = {.c = c, .a = a, .text = slice_cstr(text), .params = params};
    struct query *q;

    TRY_RETURN(bind_query_node(&b, NULL, node, false, CLAUSE_OTHER, &q));
    TRY_RETURN(params_check(&b));
    if (params != NULL) {
        q->param_count = params->count;
        q->param_types = params->types;
    }
    TRY_RETURN(arena_check(a));
    *out = q;
    return STATUS_OK;
}

/* ---- expressions on their own -------------------------------------------------------------------
 */

/* What DDL calls the places of such expressions. */
static enum clause clause_of(const char *what)
{
    for (int c = CLAUSE_CHECK; what != NULL && c < CLAUSE_COUNT; c++)
        if (strcmp(what, clauses[c].subquery_name) == 0)
            return (enum clause)c;
    return CLAUSE_OTHER;
}

static status bind_alone(struct binder *b, const PgQuery__Node *node,
                         const struct table_desc *table, enum clause clause, struct expr **out)
{
    struct scope *s = scope_new(b, NULL, QUERY_SELECT);
    struct expr  *e;

    if (table != NULL) {
        struct table_ref *t = table_ref_of_relation(b, table, table->name, false);

        TRY_RETURN(scope_add_item(s, scope_add_table(s, t)));
    }
    s->clause = clause;
    TRY_RETURN(bind_expr(s, node, &e));
    if (clause == CLAUSE_CHECK || clause == CLAUSE_INDEX_PREDICATE)
        TRY_RETURN(coerce_to_boolean(b, e, clause_name(clause), &e));
    *out = e;
    return STATUS_OK;
}

static status coerce_alone(struct binder *b, struct expr *e, uint32_t type, int32_t typmod,
                           struct expr **out)
{
    if (type == 0) {
        *out = e;
        if (e->type == OID_UNKNOWN)
            return coerce_type(b, e, OID_TEXT, -1, CAST_IMPLICIT, true, -1, out);
        return STATUS_OK;
    }
    return coerce_to_target(b, e, type, typmod, CAST_ASSIGNMENT, true, -1, out);
}

status bind_expression_node(struct sql_context *c, struct arena *a, const PgQuery__Node *node,
                            const char *text, const struct table_desc *table, uint32_t target_type,
                            int32_t target_typmod, const char *what, struct expr **out)
{
    struct binder b = {.c = c, .a = a, .text = slice_cstr(text == NULL ? "" : text)};
    struct expr  *e;

    TRY_RETURN(bind_alone(&b, node, table, clause_of(what), &e));
    TRY_RETURN(coerce_alone(&b, e, target_type, target_typmod, out));
    if (*out == NULL)
        return status_hint(status_new(ST_DATATYPE_MISMATCH,
                                      "%s is of type %s but expression is of type %s",
                                      what != NULL ? what : "target", type_text(&b, target_type),
                                      type_text(&b, e->type)),
                           "You will need to rewrite or cast the expression.");
    return arena_check(a);
}

status bind_expression_text(struct sql_context *c, struct arena *a, const char *expression_text,
                            const struct table_desc *table, uint32_t target_type,
                            int32_t target_typmod, struct expr **out)
{
    const char         *text = arena_printf(a, "SELECT (%s)", expression_text);
    struct parse_result parsed;

    TRY_RETURN(parse_statements(c->env, a, slice_cstr(text), &parsed));
    if (parsed.count != 1 || parsed.statements[0].node->node_case != NODE(SELECT_STMT) ||
        parsed.statements[0].node->select_stmt->n_target_list != 1)
        return status_new(ST_CORRUPT, "a stored expression cannot be read: %s", expression_text);
    return bind_expression_node(
        c, a, parsed.statements[0].node->select_stmt->target_list[0]->res_target->val, text, table,
        target_type, target_typmod, NULL, out);
}

status bind_type_name(struct sql_context *c, const PgQuery__Node *type_name, const char *text,
                      uint32_t *type, int32_t *typmod)
{
    struct heap  *heap = c->env != NULL ? env_heap(c->env) : heap_new();
    struct binder b = {
        .c = c, .a = arena_new(heap, NULL), .text = slice_cstr(text == NULL ? "" : text)};
    status st;

    if (type_name->node_case == NODE(TYPE_NAME))
        st = bind_type(&b, type_name->type_name, type, typmod);
    else
        st = status_new(ST_SYNTAX_ERROR, "a type name is expected");
    arena_free(b.a);
    if (c->env == NULL)
        heap_destroy(heap);
    return st;
}
