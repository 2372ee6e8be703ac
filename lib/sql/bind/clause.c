#include "sql/bind/bind_internal.h"

/* ORDER BY, GROUP BY, DISTINCT, LIMIT, FOR UPDATE. All but the last two work on positions in the
 * target list; what is not there is added as a hidden target. */

static status out_of_list(struct scope *s, const char *clause, int position, int location)
{
    return binder_at(s->b, location,
                     status_new(ST_INVALID_COLUMN_REFERENCE, "%s position %d is not in select list",
                                clause, position));
}

/* ORDER BY name: the output column of that name; two of them must be the same expression. */
static status match_output_name(struct scope *s, const char *name, const char *clause, int location,
                                int *out)
{
    const struct query *q = s->q;

    *out = -1;
    for (size_t i = 0; i < q->target_count; i++) {
        if (q->targets[i].hidden || strcmp(q->targets[i].name, name) != 0)
            continue;
        if (*out >= 0 && !expr_equal(q->targets[*out].expr, q->targets[i].expr))
            return binder_at(
                s->b, location,
                status_new(ST_AMBIGUOUS_COLUMN, "%s \"%s\" is ambiguous", clause, name));
        if (*out < 0)
            *out = (int)i;
    }
    return STATUS_OK;
}

static status match_position(struct scope *s, const PgQuery__AConst *c, const char *clause,
                             int *out)
{
    int visible = 0;

    if (c->isnull || c->val_case != PG_QUERY__A__CONST__VAL_IVAL)
        return binder_at(s->b, c->location,
                         status_new(ST_SYNTAX_ERROR, "non-integer constant in %s", clause));
    for (size_t i = 0; i < s->q->target_count; i++)
        if (!s->q->targets[i].hidden && ++visible == c->ival->ival) {
            *out = (int)i;
            return STATUS_OK;
        }
    return out_of_list(s, clause, c->ival->ival, c->location);
}

static status match_expression(struct scope *s, const PgQuery__Node *n, enum clause clause,
                               int *out)
{
    struct expr *e;

    TRY_RETURN(bind_expr_in(s, n, clause, &e));
    for (size_t i = 0; i < s->q->target_count; i++)
        if (expr_equal(s->q->targets[i].expr, e)) {
            *out = (int)i;
            return STATUS_OK;
        }
    *out = query_add_target(s, e, "?column?", true);
    return STATUS_OK;
}

/* SQL-92's reading of ORDER BY and GROUP BY items (findTargetlistEntrySQL92). GROUP BY prefers the
 * input column where a name is both, ORDER BY the output column. */
static status find_target(struct scope *s, const PgQuery__Node *n, enum clause clause, int *out)
{
    const char *name = clause_name(clause);

    if (n->node_case == NODE(COLUMN_REF) && n->column_ref->n_fields == 1 &&
        n->column_ref->fields[0]->node_case == NODE(STRING)) {
        const char  *column = node_string(n->column_ref->fields[0]);
        struct expr *input = NULL;

        if (clause == CLAUSE_GROUP_BY)
            TRY_RETURN(scope_local_column(s, column, n->column_ref->location, &input));
        if (input == NULL) {
            TRY_RETURN(match_output_name(s, column, name, n->column_ref->location, out));
            if (*out >= 0)
                return STATUS_OK;
        }
    }
    if (n->node_case == NODE(A_CONST))
        return match_position(s, n->a_const, name, out);
    return match_expression(s, n, clause, out);
}

static void unknown_to_text(struct scope *s, int target)
{
    resolve_unknown_targets(s, &s->q->targets[target], 1);
}

/* ---- ORDER BY -----------------------------------------------------------------------------------
 */

status sort_key_for(struct scope *s, const PgQuery__SortBy *by, int target, struct expr *e,
                    struct sort_key *out)
{
    int location = by != NULL ? node_location(by->node) : e->location;

    if (by != NULL && by->location >= 0)
        location = by->location;

    *out = (struct sort_key){.target = target};
    if (by != NULL && by->sortby_dir == PG_QUERY__SORT_BY_DIR__SORTBY_USING) {
        const char *op = by->n_use_op > 0 ? node_string(by->use_op[by->n_use_op - 1]) : "";

        if (strcmp(op, "<") != 0 && strcmp(op, ">") != 0)
            return binder_at(
                s->b, location,
                status_hint(status_new(ST_WRONG_OBJECT_TYPE,
                                       "operator %s is not a valid ordering operator", op),
                            "Ordering operators must be \"<\" or \">\" members of "
                            "btree operator families."));
        out->descending = op[0] == '>';
    } else {
        out->descending = by != NULL && by->sortby_dir == PG_QUERY__SORT_BY_DIR__SORTBY_DESC;
    }
    out->op = operator_for_order(e->type, out->descending ? '>' : '<');
    if (out->op == NULL)
        return binder_at(
            s->b, location,
            status_hint(status_new(ST_UNDEFINED_FUNCTION,
                                   "could not identify an ordering operator for type %s",
                                   type_text(s->b, e->type)),
                        "Use an explicit ordering operator or modify the query."));
    out->nulls_first = out->descending;
    if (by != NULL && by->sortby_nulls == PG_QUERY__SORT_BY_NULLS__SORTBY_NULLS_FIRST)
        out->nulls_first = true;
    else if (by != NULL && by->sortby_nulls == PG_QUERY__SORT_BY_NULLS__SORTBY_NULLS_LAST)
        out->nulls_first = false;
    return STATUS_OK;
}

static bool is_sorted_by(const struct query *q, int target)
{
    for (size_t i = 0; i < q->sort_count; i++)
        if (q->sort[i].target == target)
            return true;
    return false;
}

status bind_sort_clause(struct scope *s, PgQuery__Node *const *nodes, size_t count)
{
    struct query *q = s->q;

    q->sort = ARENA_ARRAY(s->b->a, struct sort_key, count + 1);
    for (size_t i = 0; i < count; i++) {
        const PgQuery__SortBy *by = nodes[i]->sort_by;
        int                    target;

        TRY_RETURN(find_target(s, by->node, CLAUSE_ORDER_BY, &target));
        unknown_to_text(s, target);
        if (is_sorted_by(q, target)) /* a second time decides nothing */
            continue;
        TRY_RETURN(sort_key_for(s, by, target, q->targets[target].expr, &q->sort[q->sort_count]));
        q->sort_count++;
    }
    return STATUS_OK;
}

/* ---- GROUP BY -----------------------------------------------------------------------------------
 */

static bool is_grouped(const struct query *q, int target)
{
    for (size_t i = 0; i < q->group_count; i++)
        if (q->group[i] == target)
            return true;
    return false;
}

/* (a, b) in GROUP BY is a and b. */
static size_t count_items(PgQuery__Node *const *nodes, size_t count)
{
    size_t n = 0;

    for (size_t i = 0; i < count; i++)
        n += nodes[i]->node_case == NODE(ROW_EXPR) ? nodes[i]->row_expr->n_args : 1;
    return n;
}

static status bind_group_item(struct scope *s, const PgQuery__Node *n)
{
    const struct operator_def *eq;
    struct query              *q = s->q;
    int                        target;

    if (n->node_case == NODE(GROUPING_SET)) {
        if (n->grouping_set->kind == PG_QUERY__GROUPING_SET_KIND__GROUPING_SET_EMPTY)
            return STATUS_OK;
        return binder_unsupported(s->b, n->grouping_set->location,
                                  "GROUPING SETS, ROLLUP and CUBE are not supported");
    }
    TRY_RETURN(find_target(s, n, CLAUSE_GROUP_BY, &target));
    unknown_to_text(s, target);
    if (is_grouped(q, target))
        return STATUS_OK;
    TRY_RETURN(operator_equality(s->b, q->targets[target].expr->type, node_location(n), &eq));
    if (expr_contains(q->targets[target].expr, EXPR_AGGREGATE))
        return binder_at(
            s->b, q->targets[target].expr->location,
            status_new(ST_GROUPING_ERROR, "aggregate functions are not allowed in GROUP BY"));
    q->group[q->group_count++] = target;
    return STATUS_OK;
}

status bind_group_clause(struct scope *s, PgQuery__Node *const *nodes, size_t count)
{
    s->q->has_group = count > 0;
    s->q->group = ARENA_ARRAY(s->b->a, int, count_items(nodes, count) + 1);
    for (size_t i = 0; i < count; i++) {
        const PgQuery__RowExpr *row =
            nodes[i]->node_case == NODE(ROW_EXPR) ? nodes[i]->row_expr : NULL;

        /* ROW(a, b) is one value; only the bare (a, b) is a list. */
        if (row == NULL || row->row_format == PG_QUERY__COERCION_FORM__COERCE_EXPLICIT_CALL) {
            TRY_RETURN(bind_group_item(s, nodes[i]));
            continue;
        }
        for (size_t j = 0; j < row->n_args; j++)
            TRY_RETURN(bind_group_item(s, row->args[j]));
    }
    return STATUS_OK;
}

/* ---- DISTINCT -----------------------------------------------------------------------------------
 */

static status bind_distinct_all(struct scope *s)
{
    const struct operator_def *eq;
    struct query              *q = s->q;

    q->distinct = true;
    for (size_t i = 0; i < q->sort_count; i++) {
        const struct target *t = &q->targets[q->sort[i].target];

        if (t->hidden)
            return binder_at(s->b, t->expr->location,
                             status_new(ST_INVALID_COLUMN_REFERENCE,
                                        "for SELECT DISTINCT, ORDER BY expressions must appear in "
                                        "select list"));
    }
    for (size_t i = 0; i < q->target_count; i++) {
        if (q->targets[i].hidden)
            continue;
        unknown_to_text(s, (int)i);
        TRY_RETURN(
            operator_equality(s->b, q->targets[i].expr->type, q->targets[i].expr->location, &eq));
    }
    return STATUS_OK;
}

static bool in_distinct_on(const struct query *q, int target)
{
    for (size_t i = 0; i < q->distinct_on_count; i++)
        if (q->distinct_on[i] == target)
            return true;
    return false;
}

static status distinct_on_mismatch(struct scope *s, const int *locations, size_t at)
{
    return binder_at(s->b, locations[at],
                     status_new(ST_INVALID_COLUMN_REFERENCE,
                                "SELECT DISTINCT ON expressions must match initial ORDER BY "
                                "expressions"));
}

/* The expressions of DISTINCT ON must be the first ones of ORDER BY, in any order. */
static status check_distinct_on(struct scope *s, const int *locations)
{
    const struct query *q = s->q;
    bool                skipped = false;

    for (size_t i = 0; i < q->sort_count; i++) {
        bool in = in_distinct_on(q, q->sort[i].target);

        for (size_t d = 0; in && skipped && d < q->distinct_on_count; d++)
            if (q->distinct_on[d] == q->sort[i].target)
                return distinct_on_mismatch(s, locations, d);
        skipped |= !in;
    }
    for (size_t d = 0; skipped && d < q->distinct_on_count; d++)
        if (!is_sorted_by(q, q->distinct_on[d]))
            return distinct_on_mismatch(s, locations, d);
    return STATUS_OK;
}

status bind_distinct(struct scope *s, const PgQuery__SelectStmt *n)
{
    const struct operator_def *eq;
    struct query              *q = s->q;
    int                       *locations;

    if (n->n_distinct_clause == 0)
        return STATUS_OK;
    /* SELECT DISTINCT comes as a list of one empty node. */
    if (n->n_distinct_clause == 1 &&
        n->distinct_clause[0]->node_case == PG_QUERY__NODE__NODE__NOT_SET)
        return bind_distinct_all(s);
    q->distinct_on = ARENA_ARRAY(s->b->a, int, n->n_distinct_clause);
    locations = ARENA_ARRAY(s->b->a, int, n->n_distinct_clause);
    for (size_t i = 0; i < n->n_distinct_clause; i++) {
        int target;

        TRY_RETURN(find_target(s, n->distinct_clause[i], CLAUSE_DISTINCT_ON, &target));
        unknown_to_text(s, target);
        TRY_RETURN(operator_equality(s->b, q->targets[target].expr->type,
                                     node_location(n->distinct_clause[i]), &eq));
        if (in_distinct_on(q, target))
            continue;
        locations[q->distinct_on_count] = node_location(n->distinct_clause[i]);
        q->distinct_on[q->distinct_on_count++] = target;
    }
    return check_distinct_on(s, locations);
}

/* ---- LIMIT --------------------------------------------------------------------------------------
 */

static status bind_count(struct scope *s, const PgQuery__Node *n, enum clause clause,
                         struct expr **out)
{
    struct expr *e;

    if (n == NULL)
        return STATUS_OK;
    TRY_RETURN(bind_expr_in(s, n, clause, &e));
    TRY_RETURN(coerce_to_specific(s->b, e, OID_INT8, clause_name(clause), &e));
    if (expr_has_columns(e, 0))
        return binder_at(s->b, node_location(n),
                         status_new(ST_INVALID_COLUMN_REFERENCE,
                                    "argument of %s must not contain variables",
                                    clause_name(clause)));
    *out = e;
    return STATUS_OK;
}

status bind_limit(struct scope *s, const PgQuery__SelectStmt *n)
{
    TRY_RETURN(bind_count(s, n->limit_offset, CLAUSE_OFFSET, &s->q->offset));
    TRY_RETURN(bind_count(s, n->limit_count, CLAUSE_LIMIT, &s->q->limit));
    s->q->limit_with_ties = n->limit_option == PG_QUERY__LIMIT_OPTION__LIMIT_OPTION_WITH_TIES;
    if (s->q->limit_with_ties && s->q->sort_count == 0)
        return status_new(ST_SYNTAX_ERROR, "WITH TIES cannot be specified without ORDER BY clause");
    return STATUS_OK;
}

/* ---- FOR UPDATE ---------------------------------------------------------------------------------
 */

static const char *lock_name(PgQuery__LockClauseStrength strength)
{
    switch (strength) {
    case PG_QUERY__LOCK_CLAUSE_STRENGTH__LCS_FORKEYSHARE:
        return "FOR KEY SHARE";
    case PG_QUERY__LOCK_CLAUSE_STRENGTH__LCS_FORSHARE:
        return "FOR SHARE";
    case PG_QUERY__LOCK_CLAUSE_STRENGTH__LCS_FORNOKEYUPDATE:
        return "FOR NO KEY UPDATE";
    default:
        return "FOR UPDATE";
    }
}

static enum row_lock lock_strength(PgQuery__LockClauseStrength strength)
{
    switch (strength) {
    case PG_QUERY__LOCK_CLAUSE_STRENGTH__LCS_FORKEYSHARE:
        return ROW_LOCK_KEY_SHARE;
    case PG_QUERY__LOCK_CLAUSE_STRENGTH__LCS_FORSHARE:
        return ROW_LOCK_SHARE;
    case PG_QUERY__LOCK_CLAUSE_STRENGTH__LCS_FORNOKEYUPDATE:
        return ROW_LOCK_NO_KEY_UPDATE;
    default:
        return ROW_LOCK_UPDATE;
    }
}

static enum row_lock_wait lock_wait_of(PgQuery__LockWaitPolicy policy)
{
    switch (policy) {
    case PG_QUERY__LOCK_WAIT_POLICY__LockWaitSkip:
        return LOCK_WAIT_SKIP;
    case PG_QUERY__LOCK_WAIT_POLICY__LockWaitError:
        return LOCK_WAIT_ERROR;
    default:
        return LOCK_WAIT_BLOCK;
    }
}

static status check_lockable(struct scope *s, const char *name)
{
    const struct query *q = s->q;
    const char         *with = NULL;

    if (q->set_op != NULL)
        with = "UNION/INTERSECT/EXCEPT";
    else if (q->distinct || q->distinct_on_count > 0)
        with = "DISTINCT clause";
    else if (q->has_group)
        with = "GROUP BY clause";
    else if (q->having != NULL)
        with = "HAVING clause";
    else if (q->has_aggregates)
        with = "aggregate functions";
    else if (q->has_windows)
        with = "window functions";
    else if (q->has_set_calls)
        with = "set-returning functions in the target list";
    if (with == NULL)
        return STATUS_OK;
    return status_new(ST_FEATURE_NOT_SUPPORTED, "%s is not allowed with %s", name, with);
}

/* One lock per table; the stronger strength and the less patient wait win. */
static void add_lock(struct scope *s, int table, enum row_lock strength, enum row_lock_wait wait)
{
    struct query *q = s->q;

    for (size_t i = 0; i < q->lock_count; i++)
        if (q->locks[i].table == table) {
            q->locks[i].strength = MAX(q->locks[i].strength, strength);
            q->locks[i].wait = MAX(q->locks[i].wait, wait);
            return;
        }
    q->locks[q->lock_count++] =
        (struct locking_clause){.table = table, .strength = strength, .wait = wait};
}

/* Views and subqueries hand the lock on to what they read. */
static void lock_table_ref(struct scope *s, struct query *q, int table, enum row_lock strength,
                           enum row_lock_wait wait)
{
    struct table_ref *t = q->tables[table];

    if (t->kind == TABLE_REF_RELATION && t->table->virtual_table == NULL) {
        struct scope inner = {.b = s->b, .q = q};

        if (q->locks == NULL)
            q->locks = ARENA_ARRAY(s->b->a, struct locking_clause, q->table_count + 1);
        add_lock(&inner, table, strength, wait);
    } else if (t->kind == TABLE_REF_SUBQUERY && t->query != NULL) {
        for (size_t i = 0; i < t->query->table_count; i++)
            lock_table_ref(s, t->query, (int)i, strength, wait);
    }
}

static status lock_named(struct scope *s, const PgQuery__RangeVar *r, const char *name,
                         enum row_lock strength, enum row_lock_wait wait)
{
    if (r->schemaname[0] != '\0' || r->catalogname[0] != '\0')
        return binder_at(
            s->b, r->location,
            status_new(ST_SYNTAX_ERROR, "%s must specify unqualified relation names", name));
    for (size_t i = 0; i < s->item_count; i++) {
        int                     table = s->items[i].table;
        const struct table_ref *t = s->q->tables[table];
        const char             *what = NULL;

        if (!s->items[i].name_visible || strcmp(t->alias, r->relname) != 0)
            continue;
        if (t->kind == TABLE_REF_JOIN)
            what = "a join";
        else if (t->kind == TABLE_REF_FUNCTION)
            what = "a function";
        else if (t->kind == TABLE_REF_CTE)
            what = "a WITH query";
        else if (t->kind == TABLE_REF_VALUES)
            what = "VALUES";
        if (what != NULL)
            return binder_at(
                s->b, r->location,
                status_new(ST_FEATURE_NOT_SUPPORTED, "%s cannot be applied to %s", name, what));
        lock_table_ref(s, s->q, table, strength, wait);
        return STATUS_OK;
    }
    return binder_at(s->b, r->location,
                     status_new(ST_UNDEFINED_TABLE,
                                "relation \"%s\" in %s clause not found in FROM clause", r->relname,
                                name));
}

status bind_locking(struct scope *s, PgQuery__Node *const *nodes, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const PgQuery__LockingClause *l = nodes[i]->locking_clause;
        const char                   *name = lock_name(l->strength);
        enum row_lock                 strength = lock_strength(l->strength);
        enum row_lock_wait            wait = lock_wait_of(l->wait_policy);

        TRY_RETURN(check_lockable(s, name));
        for (size_t j = 0; j < l->n_locked_rels; j++)
            TRY_RETURN(lock_named(s, l->locked_rels[j]->range_var, name, strength, wait));
        for (size_t j = 0; l->n_locked_rels == 0 && j < s->q->table_count; j++)
            lock_table_ref(s, s->q, (int)j, strength, wait);
    }
    return STATUS_OK;
}
