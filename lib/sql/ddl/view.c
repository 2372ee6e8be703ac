/* CREATE VIEW, and what else stores queries: the relations and columns a query reads, and its text
 * after something it reads was renamed. */
#include "sql/ddl/view.h"

/* ---- what a query reads ---------------------------------------------------------------------- */

struct reads {
    const struct ddl           *d;
    struct relation_dependency *items;
    size_t                      count, capacity;
};

static void add_dependency(struct reads *r, uint32_t table, int16_t column)
{
    for (size_t i = 0; i < r->count; i++)
        if (r->items[i].table_oid == table && r->items[i].column == column)
            return;
    if (r->count == r->capacity) {
        size_t capacity = r->capacity == 0 ? 16 : r->capacity * 2;

        r->items = arena_realloc(r->d->a, r->items, r->capacity * sizeof *r->items,
                                 capacity * sizeof *r->items);
        r->capacity = capacity;
    }
    r->items[r->count++] = (struct relation_dependency){.table_oid = table, .column = column};
}

/* Expressions name tables of their own query or of outer ones. */
struct scope {
    const struct query *query;
    const struct scope *outer;
};

struct walk {
    struct reads       *reads;
    const struct scope *scope;
};

static void read_query(struct reads *r, const struct query *q, const struct scope *outer);

static void read_column(const struct walk *w, const struct expr *e)
{
    const struct scope *s = w->scope;
    int                 up = e->column.levels_up;

    while (up > 0 && s != NULL) {
        s = s->outer;
        up--;
    }
    if (s == NULL || (size_t)e->column.table >= s->query->table_count)
        return;
    const struct table_ref *ref = s->query->tables[e->column.table];
    if (ref->kind != TABLE_REF_RELATION && !(ref->table != NULL && ref->query != NULL))
        return;
    if (e->column.column != 0) {
        add_dependency(w->reads, ref->table->oid, e->column.column);
        return;
    }
    for (size_t i = 0; i < ref->table->column_count; i++)
        add_dependency(w->reads, ref->table->oid, (int16_t)(i + 1));
}

static bool read_child(struct expr **child, void *ctx)
{
    struct walk *w = ctx;

    if (*child == NULL)
        return true;
    if ((*child)->kind == EXPR_COLUMN)
        read_column(w, *child);
    if ((*child)->kind == EXPR_SUBQUERY)
        read_query(w->reads, (*child)->subquery.query, w->scope);
    return expr_walk_children(*child, read_child, ctx);
}

static void read_expr(struct walk *w, struct expr *e)
{
    if (e != NULL)
        (void)read_child(&e, w);
}

static void read_from(struct walk *w, const struct from_node *f)
{
    if (f == NULL || f->kind != FROM_JOIN)
        return;
    read_from(w, f->left);
    read_from(w, f->right);
    read_expr(w, f->on);
}

static void read_set_op(struct reads *r, const struct set_op *op, const struct scope *outer)
{
    if (op == NULL)
        return;
    read_set_op(r, op->left_op, outer);
    read_set_op(r, op->right_op, outer);
    if (op->left_query != NULL)
        read_query(r, op->left_query, outer);
    if (op->right_query != NULL)
        read_query(r, op->right_query, outer);
}

static void read_tables(struct walk *w, const struct query *q)
{
    for (size_t i = 0; i < q->table_count; i++) {
        const struct table_ref *ref = q->tables[i];

        if (ref->table != NULL)
            add_dependency(w->reads, ref->table->oid, 0);
        /* A view's own query is its own affair. */
        if (ref->query != NULL && ref->table == NULL)
            read_query(w->reads, ref->query, w->scope);
        read_expr(w, ref->function);
        for (size_t row = 0; row < ref->value_row_count; row++)
            for (size_t k = 0; k < ref->column_count; k++)
                read_expr(w, ref->values[row][k]);
    }
}

static void read_query(struct reads *r, const struct query *q, const struct scope *outer)
{
    struct scope scope = {.query = q, .outer = outer};
    struct walk  w = {.reads = r, .scope = &scope};

    for (size_t i = 0; i < q->cte_count; i++) {
        read_query(r, q->ctes[i].query, &scope);
        if (q->ctes[i].recursive != NULL)
            read_query(r, q->ctes[i].recursive, &scope);
    }
    read_tables(&w, q);
    read_from(&w, q->from);
    read_expr(&w, q->where);
    for (size_t i = 0; i < q->target_count; i++)
        read_expr(&w, q->targets[i].expr);
    read_expr(&w, q->having);
    read_expr(&w, q->limit);
    read_expr(&w, q->offset);
    read_set_op(r, q->set_op, &scope);
}

/* ---- CREATE VIEW ----------------------------------------------------------------------------- */

static status print_query(const struct ddl *d, const struct query *q, const char **text)
{
    SCOPED(buf) struct buf out = {0};

    buf_init(&out, NULL);
    TRY_RETURN(deparse_query(d->c, q, true, false, &out));
    *text = arena_strdup(d->a, buf_cstr(&out));
    return STATUS_OK;
}

static status view_columns(const struct ddl *d, const PgQuery__ViewStmt *s, struct query *q,
                           struct table_desc *t)
{
    size_t named = 0;

    for (size_t i = 0; i < q->target_count; i++) {
        struct target      *target = &q->targets[i];
        struct column_desc *c;

        if (target->hidden)
            continue;
        if (named < s->n_aliases)
            target->name = ddl_node_string(s->aliases[named]);
        named++;
        if (table_column_by_name(t, target->name) != NULL)
            return status_new(ST_DUPLICATE_COLUMN, "column \"%s\" specified more than once",
                              target->name);
        c = draft_add_column(d, t);
        c->name = target->name;
        c->type = target->expr->type == OID_UNKNOWN ? OID_TEXT : target->expr->type;
        c->typmod = target->expr->typmod;
        c->collation = target->expr->collation;
    }
    if (s->n_aliases > named)
        return status_new(ST_SYNTAX_ERROR, "CREATE VIEW specifies more column names than columns");
    return STATUS_OK;
}

/* OR REPLACE may add columns behind those that are there, nothing else. */
static status check_replacement(const struct ddl *d, const struct table_desc *before,
                                const struct table_desc *t)
{
    if (before->kind != RELATION_VIEW)
        return status_new(ST_WRONG_OBJECT_TYPE, "\"%s\" is not a view", before->name);
    if (t->column_count < before->column_count)
        return status_new(ST_INVALID_TABLE_DEFINITION, "cannot drop columns from view");
    for (size_t i = 0; i < before->column_count; i++) {
        const struct column_desc *old = &before->columns[i], *new_ = &t->columns[i];

        if (!ddl_equal(old->name, new_->name))
            return status_hint(
                status_new(ST_INVALID_TABLE_DEFINITION,
                           "cannot change name of view column \"%s\" to \"%s\"", old->name,
                           new_->name),
                "Use ALTER VIEW ... RENAME COLUMN ... to change name of view column instead.");
        if (old->type != new_->type || old->typmod != new_->typmod)
            return status_new(ST_INVALID_TABLE_DEFINITION,
                              "cannot change data type of view column \"%s\" from %s to %s",
                              old->name, type_format(d->a, old->type, old->typmod),
                              type_format(d->a, new_->type, new_->typmod));
    }
    return STATUS_OK;
}

static status refuse_extras(const PgQuery__ViewStmt *s)
{
    if (s->with_check_option > PG_QUERY__VIEW_CHECK_OPTION__NO_CHECK_OPTION)
        return ddl_unsupported("WITH CHECK OPTION is not supported");
    for (size_t i = 0; i < s->n_options; i++)
        if (!ddl_equal(s->options[i]->def_elem->defname, "security_barrier"))
            return ddl_unsupported("view option \"%s\" is not supported",
                                   s->options[i]->def_elem->defname);
    return STATUS_OK;
}

static status finish_view(const struct ddl *d, const struct query *q, struct table_desc *t)
{
    struct reads r = {.d = d};

    TRY_RETURN(print_query(d, q, &t->view_text));
    read_query(&r, q, NULL);
    t->depends = r.items;
    t->depends_count = r.count;
    for (size_t i = 0; i < r.count; i++)
        if (r.items[i].table_oid == t->oid)
            return status_new(ST_INVALID_OBJECT_DEFINITION,
                              "infinite recursion detected in rules for relation \"%s\"", t->name);
    return catalog_put_table(d->v, t);
}

status ddl_create_view(const struct ddl *d, const PgQuery__ViewStmt *s)
{
    const struct schema_desc *schema;
    const struct table_desc  *before = NULL;
    struct table_desc        *t = ARENA_NEW(d->a, struct table_desc);
    struct query             *q;
    bool                      taken;

    d->result->tag = "CREATE VIEW";
    TRY_RETURN(refuse_extras(s));
    TRY_RETURN(ddl_target_schema(d, s->view, &schema));
    TRY_RETURN(bind_statement(d->c, d->a, s->query, d->text, NULL, &q));
    TRY_RETURN(view_columns(d, s, q, t));
    TRY_RETURN(ddl_claim_relation(d, schema, s->view->relname, s->replace ? &taken : NULL));
    if (s->replace && taken) {
        TRY_RETURN(catalog_table_by_name_for_change(d->v, schema->name, s->view->relname, &before));
        if (before == NULL)
            return status_new(ST_WRONG_OBJECT_TYPE, "\"%s\" is not a view", s->view->relname);
        TRY_RETURN(check_replacement(d, before, t));
        t->oid = before->oid;
        t->owner_oid = before->owner_oid;
        t->comment = before->comment;
    } else {
        TRY_RETURN(catalog_new_oid(d->v, &t->oid));
        t->owner_oid = d->c->user_oid;
    }
    t->kind = RELATION_VIEW;
    t->name = s->view->relname;
    t->schema_oid = schema->oid;
    t->database_oid = schema->database_oid;
    return finish_view(d, q, t);
}

/* ---- names ----------------------------------------------------------------------------------- */

static bool view_reads(const struct table_desc *view, uint32_t table)
{
    for (size_t i = 0; i < view->depends_count; i++)
        if (view->depends[i].table_oid == table)
            return true;
    return false;
}

static status bind_view(const struct ddl *d, const struct table_desc *view, struct query **out)
{
    struct parse_result parsed;

    TRY_RETURN(parse_statements(d->c->env, d->a, slice_cstr(view->view_text), &parsed));
    if (parsed.count != 1)
        return status_new(ST_CORRUPT, "the text of view \"%s\" is not one query", view->name);
    return bind_statement(d->c, d->a, parsed.statements[0].node, view->view_text, NULL, out);
}

status views_collect(const struct ddl *d, uint32_t table, struct view_list *out)
{
    const struct table_desc **tables, *view;
    size_t                    count;

    TRY_RETURN(catalog_list_tables(d->v, d->a, &tables, &count));
    out->items = ARENA_ARRAY(d->a, struct view_at_work, count + 1);
    out->count = 0;
    for (size_t i = 0; i < count; i++) {
        if (tables[i]->kind != RELATION_VIEW || tables[i]->oid < OID_FIRST_USER ||
            !view_reads(tables[i], table))
            continue;
        TRY_RETURN(catalog_table_by_oid_for_change(d->v, tables[i]->oid, &view));
        if (view == NULL)
            continue;
        out->items[out->count].view = view;
        TRY_RETURN(bind_view(d, view, &out->items[out->count].query));
        out->count++;
    }
    return STATUS_OK;
}

/* Put the renamed relation in the place of the old one, in every part of the query. */
static void rename_in_query(struct query *q, const struct table_desc *after);

static bool rename_in_child(struct expr **child, void *ctx)
{
    union {
        const void              *in;
        void                    *out;
        const struct table_desc *table;
    } after = {.in = ctx};

    if (*child == NULL)
        return true;
    if ((*child)->kind == EXPR_SUBQUERY)
        rename_in_query((*child)->subquery.query, after.table);
    return expr_walk_children(*child, rename_in_child, ctx);
}

static void rename_in_expr(struct expr *e, const struct table_desc *after)
{
    union {
        const struct table_desc *in;
        void                    *out;
    } ctx = {.in = after};

    if (e != NULL)
        (void)rename_in_child(&e, ctx.out);
}

static void rename_in_set_op(const struct set_op *op, const struct table_desc *after)
{
    if (op == NULL)
        return;
    rename_in_set_op(op->left_op, after);
    rename_in_set_op(op->right_op, after);
    if (op->left_query != NULL)
        rename_in_query(op->left_query, after);
    if (op->right_query != NULL)
        rename_in_query(op->right_query, after);
}

static void rename_in_from(const struct from_node *f, const struct table_desc *after)
{
    if (f == NULL || f->kind != FROM_JOIN)
        return;
    rename_in_from(f->left, after);
    rename_in_from(f->right, after);
    rename_in_expr(f->on, after);
}

static void rename_in_table(struct table_ref *ref, const struct table_desc *after)
{
    if (ref->table != NULL && ref->table->oid == after->oid) {
        /* The alias the query knows it by stays what it was, and is written out from now on. */
        if (!ref->alias_written && !ddl_equal(ref->alias, after->name))
            ref->alias_written = true;
        for (size_t i = 0; i < ref->column_count && i < after->column_count; i++)
            if (ddl_equal(ref->column_names[i], ref->table->columns[i].name))
                ref->column_names[i] = after->columns[i].name;
        ref->table = after;
    } else if (ref->query != NULL && ref->table == NULL) {
        rename_in_query(ref->query, after);
    }
    rename_in_expr(ref->function, after);
}

static void rename_in_query(struct query *q, const struct table_desc *after)
{
    for (size_t i = 0; i < q->cte_count; i++) {
        rename_in_query(q->ctes[i].query, after);
        if (q->ctes[i].recursive != NULL)
            rename_in_query(q->ctes[i].recursive, after);
    }
    for (size_t i = 0; i < q->table_count; i++)
        rename_in_table(q->tables[i], after);
    rename_in_from(q->from, after);
    rename_in_expr(q->where, after);
    rename_in_expr(q->having, after);
    for (size_t i = 0; i < q->target_count; i++)
        rename_in_expr(q->targets[i].expr, after);
    rename_in_set_op(q->set_op, after);
}

status views_renamed(const struct ddl *d, const struct view_list *views, uint32_t table)
{
    const struct table_desc *after;

    TRY_RETURN(catalog_table_by_oid(d->v, table, &after));
    for (size_t i = 0; i < views->count; i++) {
        const struct table_desc *now;
        struct table_desc       *t;

        TRY_RETURN(catalog_table_by_oid_for_change(d->v, views->items[i].view->oid, &now));
        if (now == NULL || after == NULL)
            continue;
        t = table_desc_copy(d->a, now, 0);
        rename_in_query(views->items[i].query, after);
        TRY_RETURN(print_query(d, views->items[i].query, &t->view_text));
        TRY_RETURN(catalog_put_table(d->v, t));
    }
    return STATUS_OK;
}
