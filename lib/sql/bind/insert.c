#include "sql/bind/bind_internal.h"

struct insert {
    const PgQuery__InsertStmt *n;
    const struct table_desc   *table;
    size_t                     count; /* columns that are given */
    const struct column_desc **columns;
    int                       *locations;
    struct expr              **values; /* for each given column, NULL: its default */
};

static bool overrides(const struct insert *in, PgQuery__OverridingKind kind)
{
    return in->n->override == kind;
}

/* ---- the columns --------------------------------------------------------------------------------
 */

static void all_columns(struct insert *in)
{
    for (size_t i = 0; i < in->table->column_count; i++)
        if (!in->table->columns[i].dropped) {
            in->locations[in->count] = -1;
            in->columns[in->count++] = &in->table->columns[i];
        }
}

static status listed_column(struct scope *s, struct insert *in, const PgQuery__ResTarget *r)
{
    const struct column_desc *found = NULL;

    if (r->n_indirection > 0)
        return binder_unsupported(s->b, r->location,
                                  "inserting into an element or a field is not supported");
    for (size_t i = 0; i < in->table->column_count && found == NULL; i++)
        if (!in->table->columns[i].dropped && strcmp(in->table->columns[i].name, r->name) == 0)
            found = &in->table->columns[i];
    if (found == NULL)
        return binder_at(s->b, r->location,
                         status_new(ST_UNDEFINED_COLUMN,
                                    "column \"%s\" of relation \"%s\" does not exist", r->name,
                                    in->table->name));
    for (size_t i = 0; i < in->count; i++)
        if (in->columns[i] == found)
            return binder_at(
                s->b, r->location,
                status_new(ST_DUPLICATE_COLUMN, "column \"%s\" specified more than once", r->name));
    in->locations[in->count] = r->location;
    in->columns[in->count++] = found;
    return STATUS_OK;
}

static status find_columns(struct scope *s, struct insert *in)
{
    size_t room = in->n->n_cols + in->table->column_count + 1;

    in->columns = ARENA_ARRAY(s->b->a, const struct column_desc *, room);
    in->locations = ARENA_ARRAY(s->b->a, int, room);
    in->values = ARENA_ARRAY(s->b->a, struct expr *, room);
    if (in->n->n_cols == 0)
        all_columns(in);
    for (size_t i = 0; i < in->n->n_cols; i++)
        TRY_RETURN(listed_column(s, in, in->n->cols[i]->res_target));
    return STATUS_OK;
}

/* Without a column list, fewer values than columns leave the last ones to their defaults. */
static status match_count(struct scope *s, struct insert *in, size_t given, int extra_location)
{
    if (given > in->count)
        return binder_at(
            s->b, extra_location,
            status_new(ST_SYNTAX_ERROR, "INSERT has more expressions than target columns"));
    if (given < in->count && in->n->n_cols > 0)
        return binder_at(
            s->b, in->locations[given],
            status_new(ST_SYNTAX_ERROR, "INSERT has more target columns than expressions"));
    in->count = given;
    return STATUS_OK;
}

/* ---- values -------------------------------------------------------------------------------------
 */

static bool uses_default(const struct insert *in, const struct column_desc *column)
{
    /* OVERRIDING USER VALUE: what was given for an identity column is thrown away. */
    return column->identity != IDENTITY_NONE &&
           overrides(in, PG_QUERY__OVERRIDING_KIND__OVERRIDING_USER_VALUE);
}

static status check_given(struct scope *s, const struct insert *in,
                          const struct column_desc *column, bool is_default)
{
    return check_assignable(s, column, NULL, is_default || uses_default(in, column), "INSERT",
                            overrides(in, PG_QUERY__OVERRIDING_KIND__OVERRIDING_SYSTEM_VALUE), -1);
}

static status bind_one_row(struct scope *s, struct insert *in, const PgQuery__List *row)
{
    enum clause saved = s->clause;
    status      st;

    st = match_count(s, in, row->n_items,
                     row->n_items > in->count ? node_location(row->items[in->count]) : -1);
    s->clause = CLAUSE_VALUES_SINGLE;
    for (size_t i = 0; i < in->count && st_ok(st); i++) {
        const PgQuery__Node *n = row->items[i];
        bool                 is_default = n->node_case == NODE(SET_TO_DEFAULT);
        struct expr         *e = NULL;

        if (!is_default)
            st = bind_expr(s, n, &e);
        if (st_ok(st) && !is_default)
            st = bind_assigned_value(s, in->columns[i], e, &in->values[i]);
        if (st_ok(st))
            st = check_given(s, in, in->columns[i], is_default);
        if (uses_default(in, in->columns[i]))
            in->values[i] = NULL;
    }
    s->clause = saved;
    return st;
}

/* ---- several rows -------------------------------------------------------------------------------
 */

static bool only_defaults(const PgQuery__SelectStmt *n, size_t column)
{
    for (size_t r = 0; r < n->n_values_lists; r++)
        if (n->values_lists[r]->list->items[column]->node_case != NODE(SET_TO_DEFAULT))
            return false;
    return true;
}

static status bind_values_row_item(struct scope *s, struct scope *inner, struct insert *in,
                                   size_t i, const PgQuery__Node *n, struct expr **out)
{
    struct expr *e;

    if (n->node_case == NODE(SET_TO_DEFAULT) || uses_default(in, in->columns[i]))
        return bind_column_default(s, in->table, in->columns[i], out);
    TRY_RETURN(bind_expr(inner, n, &e));
    return bind_assigned_value(inner, in->columns[i], e, out);
}

static status bind_values_row(struct scope *s, struct scope *inner, struct insert *in,
                              const PgQuery__List *row, struct expr **out)
{
    for (size_t i = 0; i < in->count; i++)
        TRY_RETURN(bind_values_row_item(s, inner, in, i, row->items[i], &out[i]));
    return STATUS_OK;
}

static struct table_ref *values_of(struct scope *s, const struct insert *in, size_t rows)
{
    struct arena     *a = s->b->a;
    struct table_ref *t = ARENA_NEW(a, struct table_ref);

    t->kind = TABLE_REF_VALUES;
    t->alias = "*VALUES*";
    t->column_count = in->count;
    t->column_names = ARENA_ARRAY(a, const char *, in->count + 1);
    t->column_types = ARENA_ARRAY(a, uint32_t, in->count + 1);
    t->column_typmods = ARENA_ARRAY(a, int32_t, in->count + 1);
    t->column_collations = ARENA_ARRAY(a, uint32_t, in->count + 1);
    t->value_row_count = rows;
    t->values = ARENA_ARRAY(a, struct expr **, rows);
    for (size_t i = 0; i < in->count; i++) {
        t->column_names[i] = arena_printf(a, "column%zu", i + 1);
        t->column_types[i] = in->columns[i]->type;
        t->column_typmods[i] = in->columns[i]->typmod;
        t->column_collations[i] = in->columns[i]->collation;
    }
    return t;
}

/* `q` becomes the source; what it gives is what the columns are assigned. */
static status assign_from_source(struct scope *s, struct insert *in, struct query *q)
{
    struct query     *outer = s->q;
    struct table_ref *t = table_ref_of_query(s->b, q, "*SELECT*");
    struct scope_item item = {0};

    outer->source = q;
    item.table = outer->source_table = scope_add_table(s, t);
    for (size_t i = 0; i < in->count; i++) {
        struct expr *e = scope_item_column(s, &item, (int)i + 1, 0, q->targets[i].expr->location);

        if (uses_default(in, in->columns[i]))
            continue;
        TRY_RETURN(bind_assigned_value(s, in->columns[i], e, &in->values[i]));
    }
    return STATUS_OK;
}

/* One VALUES row with a set-returning function is as many rows as that returns: a SELECT. */
static status bind_row_of_sets(struct scope *s, struct insert *in, const PgQuery__List *row)
{
    struct scope *inner = scope_new(s->b, s, QUERY_SELECT);

    inner->clause = CLAUSE_VALUES_SINGLE;
    for (size_t i = 0; i < in->count; i++) {
        struct expr *e;

        TRY_RETURN(bind_values_row_item(s, inner, in, i, row->items[i], &e));
        query_add_target(inner, e, in->columns[i]->name, false);
    }
    s->q->has_set_calls = false;
    return assign_from_source(s, in, inner->q);
}

static status bind_many_rows(struct scope *s, struct insert *in, const PgQuery__SelectStmt *n)
{
    struct scope     *inner = scope_new(s->b, s, QUERY_SELECT);
    size_t            width = n->values_lists[0]->list->n_items;
    struct from_node *f = ARENA_NEW(s->b->a, struct from_node);
    struct table_ref *t;

    inner->clause = CLAUSE_VALUES;
    TRY_RETURN(match_count(
        s, in, width,
        width > in->count ? node_location(n->values_lists[0]->list->items[in->count]) : -1));
    t = values_of(s, in, n->n_values_lists);
    for (size_t r = 0; r < n->n_values_lists; r++) {
        const PgQuery__List *row = n->values_lists[r]->list;

        if (row->n_items != width)
            return binder_at(
                s->b, row->n_items > 0 ? node_location(row->items[0]) : -1,
                status_new(ST_SYNTAX_ERROR, "VALUES lists must all be the same length"));
        t->values[r] = ARENA_ARRAY(s->b->a, struct expr *, width + 1);
        TRY_RETURN(bind_values_row(s, inner, in, row, t->values[r]));
    }
    for (size_t i = 0; i < in->count; i++)
        TRY_RETURN(check_given(s, in, in->columns[i], only_defaults(n, i)));
    f->kind = FROM_TABLE;
    f->table = scope_add_table(inner, t);
    inner->q->from = f;
    TRY_RETURN(scope_add_item(inner, f->table));
    for (size_t i = 0; i < in->count; i++)
        query_add_target(inner, scope_item_column(inner, &inner->items[0], (int)i + 1, 0, -1),
                         t->column_names[i], false);
    return assign_from_source(s, in, inner->q);
}

/* ---- INSERT ... SELECT --------------------------------------------------------------------------
 */

/* A bare literal of the select list takes the type of the column it goes to. Only where nothing
 * else in the query looks at the column; elsewhere it becomes text first, as in PostgreSQL. */
static status decide_unknowns(struct scope *s, struct insert *in, struct query *q)
{
    size_t at = 0;

    for (size_t i = 0; i < q->target_count && at < in->count; i++) {
        struct target *t = &q->targets[i];

        if (t->hidden)
            continue;
        if (t->expr->type == OID_UNKNOWN && q->set_op == NULL &&
            (t->expr->kind == EXPR_CONST || t->expr->kind == EXPR_PARAM))
            TRY_RETURN(bind_assigned_value(s, in->columns[at], t->expr, &t->expr));
        at++;
    }
    resolve_unknown_targets(s, q->targets, q->target_count);
    return STATUS_OK;
}

static size_t visible_targets(const struct query *q, int *location_of, size_t wanted)
{
    size_t n = 0;

    *location_of = -1;
    for (size_t i = 0; i < q->target_count; i++) {
        if (q->targets[i].hidden)
            continue;
        if (n == wanted)
            *location_of = q->targets[i].expr->location;
        n++;
    }
    return n;
}

static status bind_from_select(struct scope *s, struct insert *in, const PgQuery__Node *n)
{
    struct query *q;
    size_t        width;
    int           extra;

    TRY_RETURN(bind_query_node(s->b, s, n, true, CLAUSE_OTHER, &q));
    width = visible_targets(q, &extra, in->count);
    TRY_RETURN(match_count(s, in, width, extra));
    for (size_t i = 0; i < in->count; i++)
        TRY_RETURN(check_given(s, in, in->columns[i], false));
    TRY_RETURN(decide_unknowns(s, in, q));
    return assign_from_source(s, in, q);
}

/* ---- the whole ----------------------------------------------------------------------------------
 */

static bool is_plain_values(const PgQuery__Node *n)
{
    const PgQuery__SelectStmt *v;

    if (n->node_case != NODE(SELECT_STMT))
        return false;
    v = n->select_stmt;
    return v->n_values_lists > 0 && v->n_sort_clause == 0 && v->limit_count == NULL &&
           v->limit_offset == NULL && v->n_locking_clause == 0 && v->with_clause == NULL;
}

static status bind_source(struct scope *s, struct insert *in)
{
    const PgQuery__Node *n = in->n->select_stmt;

    if (n == NULL) {
        in->count = 0;
        return STATUS_OK;
    }
    if (!is_plain_values(n))
        return bind_from_select(s, in, n);
    if (n->select_stmt->n_values_lists == 1) {
        TRY_RETURN(bind_one_row(s, in, n->select_stmt->values_lists[0]->list));
        return s->q->has_set_calls ? bind_row_of_sets(s, in, n->select_stmt->values_lists[0]->list)
                                   : STATUS_OK;
    }
    return bind_many_rows(s, in, n->select_stmt);
}

static status make_assignments(struct scope *s, struct insert *in)
{
    struct query *q = s->q;

    q->assignments = ARENA_ARRAY(s->b->a, struct assignment, in->table->column_count + 1);
    for (size_t c = 0; c < in->table->column_count; c++) {
        const struct column_desc *column = &in->table->columns[c];
        struct expr              *e = NULL;

        if (column->dropped || column->generated_stored)
            continue;
        for (size_t i = 0; i < in->count && e == NULL; i++)
            if (in->columns[i] == column)
                e = in->values[i];
        if (e == NULL)
            TRY_RETURN(bind_column_default(s, in->table, column, &e));
        q->assignments[q->assignment_count++] =
            (struct assignment){.column = column->number, .value = e};
    }
    return STATUS_OK;
}

status bind_insert(struct scope *s, const PgQuery__InsertStmt *n)
{
    struct insert in = {.n = n};

    TRY_RETURN(bind_with(s, n->with_clause));
    TRY_RETURN(bind_target_relation(s, n->relation, "inserting into"));
    in.table = s->target_desc;
    TRY_RETURN(find_columns(s, &in));
    TRY_RETURN(bind_source(s, &in));
    TRY_RETURN(make_assignments(s, &in));
    /* Only now may names mean the new row's columns: the source must not see them. */
    TRY_RETURN(scope_add_item(s, s->q->target_table));
    if (n->on_conflict_clause != NULL)
        TRY_RETURN(bind_on_conflict(s, n->on_conflict_clause));
    return bind_returning(s, n->returning_list, n->n_returning_list);
}
