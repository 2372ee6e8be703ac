#include "sql/bind/bind_internal.h"

/* What FROM names: relations, views, common table expressions, subqueries, functions. */

static struct table_ref *table_ref_new(struct binder *b, enum table_ref_kind kind,
                                       const char *alias, size_t columns)
{
    struct table_ref *t = ARENA_NEW(b->a, struct table_ref);

    t->kind = kind;
    t->alias = alias;
    t->column_count = columns;
    t->column_names = ARENA_ARRAY(b->a, const char *, columns + 1);
    t->column_types = ARENA_ARRAY(b->a, uint32_t, columns + 1);
    t->column_typmods = ARENA_ARRAY(b->a, int32_t, columns + 1);
    t->column_collations = ARENA_ARRAY(b->a, uint32_t, columns + 1);
    return t;
}

struct table_ref *table_ref_of_relation(struct binder *b, const struct table_desc *d,
                                        const char *alias, bool alias_written)
{
    struct table_ref *t = table_ref_new(b, TABLE_REF_RELATION, alias, d->column_count);

    t->table = d;
    t->alias_written = alias_written;
    for (size_t i = 0; i < d->column_count; i++) {
        const struct column_desc *c = &d->columns[i];

        t->column_names[i] = c->dropped ? NULL : c->name;
        t->column_types[i] = c->type;
        t->column_typmods[i] = c->typmod;
        t->column_collations[i] = c->collation;
    }
    return t;
}

struct table_ref *table_ref_of_query(struct binder *b, struct query *q, const char *alias)
{
    size_t               visible = 0;
    const struct target *targets = q->kind == QUERY_SELECT ? q->targets : q->returning;
    size_t               count = q->kind == QUERY_SELECT ? q->target_count : q->returning_count;
    struct table_ref    *t = table_ref_new(b, TABLE_REF_SUBQUERY, alias, count);

    for (size_t i = 0; i < count; i++) {
        const struct expr *e = targets[i].expr;

        if (targets[i].hidden)
            continue;
        t->column_names[visible] = targets[i].name;
        t->column_types[visible] = e->type;
        t->column_typmods[visible] = e->typmod;
        t->column_collations[visible++] = e->collation;
    }
    t->column_count = visible;
    t->query = q;
    return t;
}

status apply_alias(struct binder *b, struct table_ref *t, const PgQuery__Alias *alias)
{
    size_t given = alias == NULL ? 0 : alias->n_colnames, at = 0, i;

    if (alias == NULL)
        return STATUS_OK;
    t->alias = alias->aliasname;
    t->alias_written = true;
    for (i = 0; i < t->column_count && at < given; i++)
        if (t->column_names[i] != NULL)
            t->column_names[i] = node_string(alias->colnames[at++]);
    for (i = 0; at < given && i < t->column_count; i++)
        ;
    if (at < given) {
        size_t live = 0;

        for (i = 0; i < t->column_count; i++)
            live += t->column_names[i] != NULL;
        return status_new(ST_INVALID_COLUMN_REFERENCE,
                          "table \"%s\" has %zu columns available but %zu columns specified",
                          t->alias, live, given);
    }
    (void)b;
    return STATUS_OK;
}

static struct from_node *from_table(struct binder *b, int table)
{
    struct from_node *f = ARENA_NEW(b->a, struct from_node);

    f->kind = FROM_TABLE;
    f->table = table;
    return f;
}

static status add_to_from(struct scope *s, struct table_ref *t, struct from_node **out)
{
    int table = scope_add_table(s, t);

    *out = from_table(s->b, table);
    return scope_add_item(s, table);
}

/* ---- relations ----------------------------------------------------------------------------------
 */

/* A WITH item that is written later than the one that asks for it. */
static const PgQuery__CommonTableExpr *later_cte(const struct scope *s, const char *name,
                                                 const struct scope **owner)
{
    for (; s != NULL; s = s->parent)
        for (size_t i = (size_t)s->visible_ctes; s->with != NULL && i < s->with->n_ctes; i++)
            if (strcmp(s->with->ctes[i]->common_table_expr->ctename, name) == 0) {
                *owner = s;
                return s->with->ctes[i]->common_table_expr;
            }
    return NULL;
}

/* The same under WITH RECURSIVE: a query names itself where it must not, or a later one. */
static status recursion_misplaced(struct scope *s, const PgQuery__RangeVar *r,
                                  const struct scope *owner, const PgQuery__CommonTableExpr *c)
{
    if (owner->with->ctes[owner->visible_ctes]->common_table_expr != c)
        return binder_unsupported(s->b, r->location,
                                  "forward references in WITH RECURSIVE are not supported");
    if (c->ctequery->node_case == NODE(SELECT_STMT) &&
        c->ctequery->select_stmt->op == PG_QUERY__SET_OPERATION__SETOP_UNION)
        return binder_at(
            s->b, r->location,
            status_new(ST_INVALID_RECURSION,
                       "recursive reference to query \"%s\" must not appear within its "
                       "non-recursive term",
                       c->ctename));
    return binder_at(s->b, c->location,
                     status_new(ST_INVALID_RECURSION,
                                "recursive query \"%s\" does not have the form non-recursive-term "
                                "UNION [ALL] recursive-term",
                                c->ctename));
}

static status relation_missing(struct scope *s, const PgQuery__RangeVar *r)
{
    struct binder                  *b = s->b;
    const struct scope             *owner;
    const PgQuery__CommonTableExpr *c =
        r->schemaname[0] == '\0' ? later_cte(s, r->relname, &owner) : NULL;
    status st;

    if (c != NULL && owner->with->recursive)
        return recursion_misplaced(s, r, owner, c);
    st = r->schemaname[0] != '\0'
             ? status_new(ST_UNDEFINED_TABLE, "relation \"%s.%s\" does not exist", r->schemaname,
                          r->relname)
             : status_new(ST_UNDEFINED_TABLE, "relation \"%s\" does not exist", r->relname);
    if (c != NULL) {
        st = status_detail(st,
                           "There is a WITH item named \"%s\", but it cannot be referenced from "
                           "this part of the query.",
                           r->relname);
        st = status_hint(st, "Use WITH RECURSIVE, or re-order the WITH items to remove forward "
                             "references.");
    }
    return binder_at(b, r->location, st);
}

static status find_relation(struct scope *s, const PgQuery__RangeVar *r,
                            const struct table_desc **out)
{
    struct binder *b = s->b;
    const char    *schema = r->schemaname[0] != '\0' ? r->schemaname : NULL;

    *out = NULL;
    if (r->catalogname[0] != '\0' && strcmp(r->catalogname, b->c->database) != 0)
        return binder_at(b, r->location,
                         status_new(ST_FEATURE_NOT_SUPPORTED,
                                    "cross-database references are not implemented: \"%s.%s.%s\"",
                                    r->catalogname, r->schemaname, r->relname));
    if (b->c->catalog != NULL)
        TRY_RETURN(catalog_table_by_name(b->c->catalog, schema, r->relname, out));
    if (*out == NULL)
        return relation_missing(s, r);
    return STATUS_OK;
}

/* A view is its SELECT, bound where it stands, in a text of its own: positions inside it mean
 * nothing to the client. */
static status expand_view(struct scope *s, const struct table_desc *d, struct query **out)
{
    struct binder      *b = s->b;
    struct binder       inner = {.c = b->c, .a = b->a, .depth = b->depth};
    struct parse_result parsed;
    status              st;

    inner.view_depth = b->view_depth + 1;
    inner.text = slice_cstr(d->view_text);
    if (inner.view_depth > VIEW_DEPTH_MAX)
        return status_new(ST_INVALID_OBJECT_DEFINITION,
                          "infinite recursion detected in rules for relation \"%s\"", d->name);
    TRY_RETURN(parse_statements(b->c->env, b->a, inner.text, &parsed));
    if (parsed.count != 1)
        return status_new(ST_CORRUPT, "the text of view \"%s\" cannot be read", d->name);
    st = bind_query_node(&inner, NULL, parsed.statements[0].node, false, CLAUSE_OTHER, out);
    return status_wrap(st, "view \"%s\"", d->name);
}

static status view_ref(struct scope *s, const struct table_desc *d, const char *alias,
                       struct table_ref **out)
{
    struct query     *q;
    struct table_ref *t;

    TRY_RETURN(expand_view(s, d, &q));
    t = table_ref_of_query(s->b, q, alias);
    t->table = d;
    /* CREATE VIEW v (a, b) names columns otherwise than its query does. */
    for (size_t i = 0; i < t->column_count && i < d->column_count; i++)
        t->column_names[i] = d->columns[i].name;
    *out = t;
    return STATUS_OK;
}

static status find_cte(struct scope *s, const char *name, int location, int *index, int *levels)
{
    *index = -1;
    *levels = 0;
    for (struct scope *at = s; at != NULL; at = at->parent, ++*levels)
        for (int i = at->visible_ctes - 1; i >= 0; i--)
            if (strcmp(at->q->ctes[i].name, name) == 0) {
                at->q->ctes[i].ref_count++;
                at->q->ctes[i].ref_location = location;
                *index = i;
                return STATUS_OK;
            }
    return STATUS_OK;
}

static struct table_ref *cte_ref(struct scope *s, const char *name, int index, int levels)
{
    struct scope     *at = s;
    struct table_ref *t;

    for (int i = 0; i < levels; i++)
        at = at->parent;
    t = table_ref_of_query(s->b, at->q->ctes[index].query, name);
    for (size_t i = 0; i < t->column_count && i < at->q->ctes[index].column_name_count; i++)
        t->column_names[i] = at->q->ctes[index].column_names[i];
    t->kind = TABLE_REF_CTE;
    t->query = NULL;
    t->cte = index;
    t->cte_levels_up = levels;
    return t;
}

static status bind_range_var(struct scope *s, const PgQuery__RangeVar *r, struct from_node **out)
{
    const struct table_desc *d;
    struct table_ref        *t;
    int                      cte = -1, levels;

    if (r->schemaname[0] == '\0')
        TRY_RETURN(find_cte(s, r->relname, r->location, &cte, &levels));
    if (cte >= 0) {
        t = cte_ref(s, r->relname, cte, levels);
    } else {
        TRY_RETURN(find_relation(s, r, &d));
        if (d->kind == RELATION_VIEW && d->virtual_table == NULL)
            TRY_RETURN(view_ref(s, d, r->relname, &t));
        else if (d->kind == RELATION_INDEX)
            return binder_at(s->b, r->location,
                             status_detail(status_new(ST_WRONG_OBJECT_TYPE,
                                                      "cannot open relation \"%s\"", d->name),
                                           "This operation is not supported for indexes."));
        else
            t = table_ref_of_relation(s->b, d, r->relname, false);
    }
    TRY_RETURN(apply_alias(s->b, t, r->alias));
    return add_to_from(s, t, out);
}

status bind_target_relation(struct scope *s, const PgQuery__RangeVar *r, const char *verb)
{
    const struct table_desc *d;
    struct table_ref        *t;
    int                      cte = -1, levels;

    if (r->schemaname[0] == '\0')
        TRY_RETURN(find_cte(s, r->relname, r->location, &cte, &levels));
    if (cte >= 0)
        return binder_at(s->b, r->location,
                         status_new(ST_FEATURE_NOT_SUPPORTED,
                                    "relation \"%s\" cannot be the target of a modifying statement",
                                    r->relname));
    TRY_RETURN(find_relation(s, r, &d));
    if (d->kind == RELATION_VIEW && d->virtual_table == NULL)
        return status_new(ST_FEATURE_NOT_SUPPORTED, "%s view \"%s\" is not supported", verb,
                          d->name);
    if (d->virtual_table != NULL)
        return status_new(ST_INSUFFICIENT_PRIVILEGE,
                          "permission denied: \"%s\" is a system catalog", d->name);
    if (d->kind != RELATION_TABLE)
        return status_new(ST_WRONG_OBJECT_TYPE, "cannot change %s \"%s\"",
                          d->kind == RELATION_SEQUENCE ? "sequence" : "relation", d->name);
    t = table_ref_of_relation(s->b, d, r->relname, false);
    t->used_for_write = true;
    if (r->alias != NULL) {
        t->alias = r->alias->aliasname;
        t->alias_written = true;
    }
    s->q->target_table = scope_add_table(s, t);
    s->target_desc = d;
    return STATUS_OK;
}

/* ---- subqueries and functions -------------------------------------------------------------------
 */

static status bind_range_subselect(struct scope *s, const PgQuery__RangeSubselect *r,
                                   struct from_node **out)
{
    bool              saved = s->lateral_active;
    struct query     *q;
    struct table_ref *t;
    status            st;

    if (r->alias == NULL) {
        bool values = r->subquery->node_case == NODE(SELECT_STMT) &&
                      r->subquery->select_stmt->n_values_lists > 0;

        return status_hint(status_new(ST_SYNTAX_ERROR, values
                                                           ? "VALUES in FROM must have an alias"
                                                           : "subquery in FROM must have an alias"),
                           values ? "For example, FROM (VALUES ...) [AS] foo."
                                  : "For example, FROM (SELECT ...) [AS] foo.");
    }
    s->lateral_active = r->lateral;
    st = bind_query_node(s->b, s, r->subquery, false, CLAUSE_FROM_SUBSELECT, &q);
    s->lateral_active = saved;
    TRY_RETURN(st);
    t = table_ref_of_query(s->b, q, r->alias->aliasname);
    t->lateral = r->lateral;
    TRY_RETURN(apply_alias(s->b, t, r->alias));
    return add_to_from(s, t, out);
}

static status function_columns(struct scope *s, const struct expr *call, const char *name,
                               bool ordinality, const PgQuery__Alias *alias, struct table_ref **out)
{
    const struct function *f =
        call->kind == EXPR_CALL || call->kind == EXPR_SET_CALL ? call->call.fn : NULL;
    size_t            count = f != NULL && f->column_count > 1 ? f->column_count : 1;
    struct table_ref *t = table_ref_new(s->b, TABLE_REF_FUNCTION, name, count + ordinality);

    if (call->type == OID_RECORD && (f == NULL || f->column_count == 0))
        return binder_at(
            s->b, call->location,
            status_new(ST_SYNTAX_ERROR,
                       "a column definition list is required for functions returning \"record\""));
    for (size_t i = 0; i < count; i++) {
        struct expr probe = *call;

        if (f != NULL && f->column_count > 1) {
            t->column_names[i] = f->column_names[i];
            t->column_types[i] = set_call_column_type(call, i);
        } else {
            /* A function of one unnamed column: the column is called as the table is. */
            bool named = f != NULL && f->column_count == 1 && f->column_names != NULL;

            t->column_names[i] = named           ? f->column_names[0]
                                 : alias != NULL ? alias->aliasname
                                                 : name;
            t->column_types[i] = probe.type;
        }
        t->column_typmods[i] = -1;
        t->column_collations[i] =
            expr_new(s->b->a, EXPR_CONST, t->column_types[i], -1, -1)->collation;
    }
    if (ordinality) {
        t->column_names[count] = "ordinality";
        t->column_types[count] = OID_INT8;
        t->column_typmods[count] = -1;
    }
    *out = t;
    return STATUS_OK;
}

static const char *function_name(const PgQuery__Node *n)
{
    if (n->node_case == NODE(FUNC_CALL))
        return node_string(n->func_call->funcname[n->func_call->n_funcname - 1]);
    return target_name(n);
}

static status bind_range_function(struct scope *s, const PgQuery__RangeFunction *r,
                                  struct from_node **out)
{
    bool                 saved = s->lateral_active;
    enum clause          saved_clause = s->clause;
    const PgQuery__Node *fn;
    struct expr         *call;
    struct table_ref    *t = NULL;
    status               st;

    if (r->n_functions != 1 || r->is_rowsfrom)
        return status_new(ST_FEATURE_NOT_SUPPORTED, "ROWS FROM is not supported");
    if (r->n_coldeflist > 0)
        return status_new(ST_FEATURE_NOT_SUPPORTED,
                          "column definition lists for functions are not supported");
    fn = r->functions[0]->list->items[0];
    if (fn->node_case == NODE(FUNC_CALL) && fn->func_call->n_args > 1 &&
        strcmp(function_name(fn), "unnest") == 0)
        return binder_unsupported(s->b, fn->func_call->location,
                                  "unnest() of several arrays is not supported");
    s->lateral_active = true; /* functions in FROM see their left neighbours with or without it */
    s->clause = CLAUSE_FROM_FUNCTION;
    st = bind_expr(s, fn, &call);
    s->lateral_active = saved;
    s->clause = saved_clause;
    TRY_RETURN(st);
    if (call->kind != EXPR_SET_CALL && expr_contains(call, EXPR_SET_CALL))
        return binder_at(s->b, call->location,
                         status_new(ST_FEATURE_NOT_SUPPORTED,
                                    "set-returning functions must appear at top level of FROM"));
    if (call->type == OID_UNKNOWN)
        TRY_RETURN(coerce_type(s->b, call, OID_TEXT, -1, CAST_IMPLICIT, true, -1, &call));
    TRY_RETURN(function_columns(s, call, function_name(fn), r->ordinality, r->alias, &t));
    t->function = call;
    t->with_ordinality = r->ordinality;
    t->lateral = expr_has_columns(call, 0);
    TRY_RETURN(apply_alias(s->b, t, r->alias));
    return add_to_from(s, t, out);
}

status bind_from_item(struct scope *s, const PgQuery__Node *n, struct from_node **out)
{
    status st;

    LEVEL_DOWN(s->b);
    switch (n->node_case) {
    case NODE(RANGE_VAR):
        st = bind_range_var(s, n->range_var, out);
        break;
    case NODE(RANGE_SUBSELECT):
        st = bind_range_subselect(s, n->range_subselect, out);
        break;
    case NODE(RANGE_FUNCTION):
        st = bind_range_function(s, n->range_function, out);
        break;
    case NODE(JOIN_EXPR):
        st = bind_join(s, n->join_expr, out);
        break;
    case NODE(RANGE_TABLE_SAMPLE):
        st = binder_unsupported(s->b, n->range_table_sample->location,
                                "TABLESAMPLE is not supported");
        break;
    case NODE(RANGE_TABLE_FUNC):
        st = binder_unsupported(s->b, n->range_table_func->location, "XMLTABLE is not supported");
        break;
    default:
        st = status_new(ST_FEATURE_NOT_SUPPORTED, "this kind of FROM item is not supported");
        break;
    }
    LEVEL_UP(s->b);
    return st;
}

status bind_from(struct scope *s, PgQuery__Node *const *items, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct from_node *f, *cross;
        size_t            first = s->item_count;

        TRY_RETURN(bind_from_item(s, items[i], &f));
        for (size_t j = first; j < s->item_count; j++)
            s->items[j].lateral_only = true;
        if (s->q->from == NULL) {
            s->q->from = f;
            continue;
        }
        cross = ARENA_NEW(s->b->a, struct from_node);
        cross->kind = FROM_JOIN;
        cross->join = JOIN_CROSS;
        cross->left = s->q->from;
        cross->right = f;
        cross->join_table = -1;
        s->q->from = cross;
    }
    scope_end_lateral(s);
    return STATUS_OK;
}

/* ---- WITH ---------------------------------------------------------------------------------------
 */

static status check_cte(struct scope *s, const PgQuery__CommonTableExpr *c, size_t before)
{
    for (size_t i = 0; i < before; i++)
        if (strcmp(s->q->ctes[i].name, c->ctename) == 0)
            return binder_at(s->b, c->location,
                             status_new(ST_DUPLICATE_ALIAS,
                                        "WITH query name \"%s\" specified more than once",
                                        c->ctename));
    if (c->ctequery->node_case != NODE(SELECT_STMT))
        return binder_unsupported(s->b, c->location,
                                  "data-modifying statements in WITH are not supported");
    if (c->search_clause != NULL || c->cycle_clause != NULL)
        return binder_unsupported(s->b, c->location, "SEARCH and CYCLE of WITH are not supported");
    return STATUS_OK;
}

static status name_cte(struct scope *s, const PgQuery__CommonTableExpr *c, struct cte *out)
{
    struct table_ref *t;

    out->name = c->ctename;
    if (c->ctematerialized == PG_QUERY__CTEMATERIALIZE__CTEMaterializeAlways)
        out->materialize = CTE_MATERIALIZED;
    else if (c->ctematerialized == PG_QUERY__CTEMATERIALIZE__CTEMaterializeNever)
        out->materialize = CTE_NOT_MATERIALIZED;
    t = table_ref_of_query(s->b, out->query, c->ctename);
    if (c->n_aliascolnames > t->column_count)
        return binder_at(
            s->b, c->location,
            status_new(ST_INVALID_COLUMN_REFERENCE,
                       "WITH query \"%s\" has %zu columns available but %zu columns specified",
                       c->ctename, t->column_count, c->n_aliascolnames));
    out->column_names = ARENA_ARRAY(s->b->a, const char *, c->n_aliascolnames + 1);
    out->column_name_count = c->n_aliascolnames;
    for (size_t i = 0; i < c->n_aliascolnames; i++)
        out->column_names[i] = node_string(c->aliascolnames[i]);
    return STATUS_OK;
}

static status bind_cte(struct scope *s, const PgQuery__CommonTableExpr *c, struct cte *out)
{
    TRY_RETURN(bind_query_node(s->b, s, c->ctequery, false, CLAUSE_OTHER, &out->query));
    return name_cte(s, c, out);
}

/* Is a CTE named in FROM here or in a subquery of FROM, rather than in one of an expression? */
static bool reads_cte_in_from(const struct query *q, int cte, int levels)
{
    for (size_t i = 0; i < q->table_count; i++) {
        const struct table_ref *t = q->tables[i];

        if (t->kind == TABLE_REF_CTE && t->cte == cte && t->cte_levels_up == levels)
            return true;
        if (t->kind == TABLE_REF_SUBQUERY && t->query != NULL &&
            reads_cte_in_from(t->query, cte, levels + 1))
            return true;
    }
    return false;
}

static status check_recursive(struct scope *s, const PgQuery__CommonTableExpr *c,
                              const struct cte *cte, int position)
{
    const char *why = NULL;

    if (cte->ref_count > 1)
        why = "must not appear more than once";
    else if (!reads_cte_in_from(cte->recursive, position, 1))
        why = "must not appear within a subquery";
    if (why != NULL)
        return binder_at(s->b, cte->ref_location,
                         status_new(ST_INVALID_RECURSION, "recursive reference to query \"%s\" %s",
                                    c->ctename, why));
    if (cte->recursive->has_aggregates || cte->recursive->has_group)
        return binder_at(s->b, cte->ref_location,
                         status_new(ST_INVALID_RECURSION,
                                    "aggregate functions are not allowed in a recursive query's "
                                    "recursive term"));
    return STATUS_OK;
}

/* Clauses of the whole UNION, which PostgreSQL refuses too. */
static status check_recursive_clauses(struct scope *s, const PgQuery__CommonTableExpr *c)
{
    const PgQuery__SelectStmt *n = c->ctequery->select_stmt;

    if (n->n_sort_clause > 0)
        return binder_unsupported(s->b, node_location(n->sort_clause[0]->sort_by->node),
                                  "ORDER BY in a recursive query is not implemented");
    if (n->limit_offset != NULL)
        return binder_unsupported(s->b, node_location(n->limit_offset),
                                  "OFFSET in a recursive query is not implemented");
    if (n->limit_count != NULL)
        return binder_unsupported(s->b, node_location(n->limit_count),
                                  "LIMIT in a recursive query is not implemented");
    if (n->n_locking_clause > 0)
        return binder_unsupported(s->b, -1,
                                  "FOR UPDATE/SHARE in a recursive query is not implemented");
    return STATUS_OK;
}

static bool may_recurse(const PgQuery__WithClause *w, const PgQuery__CommonTableExpr *c)
{
    const PgQuery__SelectStmt *n = c->ctequery->select_stmt;

    return w->recursive && n->op == PG_QUERY__SET_OPERATION__SETOP_UNION && n->with_clause == NULL;
}

/* first UNION [ALL] recursive: bound one after the other, as the name stands for the first one's
 * columns in the second. When the second turns out not to use it, *recursive is false. */
static status bind_recursive_cte(struct scope *s, const PgQuery__CommonTableExpr *c,
                                 struct cte *out, bool *recursive)
{
    const PgQuery__SelectStmt *n = c->ctequery->select_stmt;
    struct scope              *first = scope_new(s->b, s, QUERY_SELECT);
    int                        position = s->visible_ctes;
    status                     st;

    TRY_RETURN(bind_select(first, n->larg));
    out->query = first->q;
    TRY_RETURN(name_cte(s, c, out));
    s->q->cte_count++;
    s->visible_ctes++;
    st = bind_recursive_term(s, n, out);
    s->visible_ctes--;
    s->q->cte_count--;
    TRY_RETURN(st);
    *recursive = out->ref_count > 0;
    if (!*recursive)
        return STATUS_OK;
    TRY_RETURN(check_recursive_clauses(s, c));
    TRY_RETURN(check_recursive(s, c, out, position));
    out->ref_count = 0; /* its own reference does not count */
    return STATUS_OK;
}

status bind_with(struct scope *s, const PgQuery__WithClause *w)
{
    if (w == NULL)
        return STATUS_OK;
    s->with = w;
    s->q->ctes = ARENA_ARRAY(s->b->a, struct cte, w->n_ctes);
    for (size_t i = 0; i < w->n_ctes; i++) {
        const PgQuery__CommonTableExpr *c = w->ctes[i]->common_table_expr;

        bool recursive = false;

        TRY_RETURN(check_cte(s, c, i));
        if (may_recurse(w, c))
            TRY_RETURN(bind_recursive_cte(s, c, &s->q->ctes[i], &recursive));
        if (!recursive) {
            s->q->ctes[i] = (struct cte){0};
            TRY_RETURN(bind_cte(s, c, &s->q->ctes[i]));
        }
        s->q->cte_count++;
        s->visible_ctes++;
    }
    return STATUS_OK;
}
