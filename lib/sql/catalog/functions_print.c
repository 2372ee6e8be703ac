/* SQL functions that print definitions: pg_get_expr(), pg_get_indexdef(), pg_get_constraintdef(),
 * pg_get_viewdef(). The texts are what psql shows and pg_dump writes, so they are PostgreSQL's to
 * the blank. */
#include "sql/bind/bind.h"
#include "sql/catalog/rows.h"
#include "sql/func/implement.h"
#include "sql/types/regtypes.h"

/* ---- texts ----------------------------------------------------------------------------------- */

static void put_text(struct fn_call *call, datum *out, bool *null, struct buf *text)
{
    *null = false;
    out->s = arena_copy(call->arena, buf_slice(text));
}

static status print_bound(struct fn_call *call, const struct expr *e, const struct table_desc *t,
                          bool pretty, struct buf *out)
{
    if (pretty)
        return deparse_expr_pretty(call->context, e, t, out);
    return deparse_expr(call->context, e, t, false, out);
}

/* A stored expression with the names of now. */
static status print_stored(struct fn_call *call, const char *stored, const struct table_desc *t,
                           bool pretty, struct buf *out)
{
    struct expr *e;

    TRY_RETURN(bind_expression_text(call->context, call->arena, stored, t, 0, -1, &e));
    return print_bound(call, e, t, pretty, out);
}

static void put_name(struct buf *out, const char *name)
{
    reg_quote_identifier(slice_cstr(name), out);
}

static void put_relation(struct fn_call *call, struct buf *out, const struct table_desc *t,
                         bool always_qualify)
{
    struct catalog_view *v = call->context->catalog;
    const struct object *schema = view_peek(v, OBJECT_SCHEMA, t->schema_oid);

    if (schema != NULL && (always_qualify || !catalog_table_is_visible(v, t))) {
        put_name(out, schema->schema->name);
        buf_append_cstr(out, ".");
    }
    put_name(out, t->name);
}

static void put_columns(struct buf *out, const struct table_desc *t, const int16_t *columns,
                        size_t count)
{
    for (size_t i = 0; i < count; i++) {
        buf_append_cstr(out, i > 0 ? ", " : "");
        put_name(out, t->columns[columns[i] - 1].name);
    }
}

/* The last argument of the longer forms. */
static bool is_pretty(const struct fn_call *call, const datum *args, size_t at)
{
    return call->arg_count > at && args[at].b;
}

/* ---- pg_get_expr ----------------------------------------------------------------------------- */

FN(pg_get_expr)
{
    SCOPED(buf) struct buf   text = {0};
    const struct object     *o = NULL;
    const struct table_desc *t = NULL;
    struct expr             *e;

    *null = true;
    if (call->context->catalog == NULL || args[0].s.size == 0)
        return STATUS_OK;
    if (args[1].i != 0) {
        o = view_peek(call->context->catalog, OBJECT_TABLE, (uint32_t)args[1].i);
        if (o == NULL)
            return STATUS_OK;
        t = o->table;
    }
    TRY_RETURN(bind_expression_text(call->context, call->arena, arena_cstr(call->arena, args[0].s),
                                    t, 0, -1, &e));
    /* pg_index.indexprs is a list, which reads as a row. */
    for (size_t i = 0; e->kind == EXPR_ROW && i < e->list.count; i++) {
        buf_append_cstr(&text, i > 0 ? ", " : "");
        TRY_RETURN(print_bound(call, e->list.args[i], t, is_pretty(call, args, 2), &text));
    }
    if (e->kind != EXPR_ROW)
        TRY_RETURN(print_bound(call, e, t, is_pretty(call, args, 2), &text));
    put_text(call, out, null, &text);
    return STATUS_OK;
}

/* ---- pg_get_indexdef ------------------------------------------------------------------------- */

/* What CREATE INDEX takes without parentheses around it. */
static bool looks_like_function(const struct expr *e)
{
    switch (e->kind) {
    case EXPR_CALL:
        return e->call.op == NULL && !e->call.is_cast;
    case EXPR_COALESCE:
    case EXPR_MINMAX:
    case EXPR_NULLIF:
        return true;
    default:
        return false;
    }
}

static status put_part(struct fn_call *call, struct buf *out, const struct table_desc *t,
                       const struct index_part *p, bool pretty)
{
    SCOPED(buf) struct buf text = {0};
    struct expr           *e;
    bool                   bare;

    if (p->column != 0) {
        put_name(out, t->columns[p->column - 1].name);
        return STATUS_OK;
    }
    TRY_RETURN(bind_expression_text(call->context, call->arena, p->expression_text, t, 0, -1, &e));
    TRY_RETURN(print_bound(call, e, t, pretty, &text));
    bare = looks_like_function(e);
    buf_append_cstr(out, bare ? "" : "(");
    buf_append_slice(out, buf_slice(&text));
    buf_append_cstr(out, bare ? "" : ")");
    return STATUS_OK;
}

static void put_order(struct buf *out, const struct index_part *p)
{
    if (p->descending)
        buf_append_cstr(out, p->nulls_first ? " DESC" : " DESC NULLS LAST");
    else if (p->nulls_first)
        buf_append_cstr(out, " NULLS FIRST");
}

static status put_index(struct fn_call *call, struct buf *out, const struct table_desc *t,
                        const struct index_desc *x, bool pretty)
{
    SCOPED(buf) struct buf predicate = {0};

    buf_printf(out, "CREATE %sINDEX ", x->unique ? "UNIQUE " : "");
    put_name(out, x->name);
    buf_append_cstr(out, " ON ");
    put_relation(call, out, t, !pretty);
    buf_append_cstr(out, " USING btree (");
    for (size_t i = 0; i < x->part_count; i++) {
        buf_append_cstr(out, i > 0 ? ", " : "");
        TRY_RETURN(put_part(call, out, t, &x->parts[i], pretty));
        put_order(out, &x->parts[i]);
    }
    buf_append_cstr(out, ")");
    if (x->include_count > 0) {
        buf_append_cstr(out, " INCLUDE (");
        put_columns(out, t, x->include, x->include_count);
        buf_append_cstr(out, ")");
    }
    if (x->nulls_not_distinct)
        buf_append_cstr(out, " NULLS NOT DISTINCT");
    if (x->predicate_text != NULL) {
        TRY_RETURN(print_stored(call, x->predicate_text, t, pretty, &predicate));
        buf_append_cstr(out, " WHERE ");
        buf_append_slice(out, buf_slice(&predicate));
    }
    return STATUS_OK;
}

static bool find_index(struct fn_call *call, uint32_t oid, const struct table_desc **t,
                       const struct index_desc **x)
{
    struct catalog_view *v = call->context->catalog;
    const struct object *o;
    uint32_t             owner = v == NULL ? 0 : view_table_of_index(v, oid);

    if (owner == 0)
        return false;
    o = view_peek(v, OBJECT_TABLE, owner);
    for (size_t i = 0; i < o->table->index_count; i++) {
        *t = o->table;
        *x = &o->table->indexes[i];
        if ((*x)->oid == oid)
            return true;
    }
    return false;
}

FN(pg_get_indexdef)
{
    SCOPED(buf) struct buf   text = {0};
    const struct table_desc *t;
    const struct index_desc *x;
    int64_t                  column = call->arg_count > 1 ? args[1].i : 0;
    bool                     pretty = is_pretty(call, args, 2);

    *null = !find_index(call, (uint32_t)args[0].i, &t, &x);
    if (*null)
        return STATUS_OK;
    if (column == 0)
        TRY_RETURN(put_index(call, &text, t, x, pretty));
    else if (column > 0 && (size_t)column <= x->part_count)
        TRY_RETURN(put_part(call, &text, t, &x->parts[column - 1], pretty));
    else if (column > 0 && (size_t)column <= x->part_count + x->include_count)
        put_name(&text, t->columns[x->include[(size_t)column - x->part_count - 1] - 1].name);
    put_text(call, out, null, &text);
    return STATUS_OK;
}

/* Columns that are only kept beside the key have no order. */
FN(pg_index_column_has_property)
{
    const struct table_desc *t;
    const struct index_desc *x;
    const struct index_part *part;
    int64_t                  column = args[1].i;
    slice                    what = args[2].s;
    bool                     is_key, found;

    found = find_index(call, (uint32_t)args[0].i, &t, &x) && column > 0 &&
            (size_t)column <= x->part_count + x->include_count;
    is_key = found && (size_t)column <= x->part_count;
    *null = !found;
    if (!found)
        return STATUS_OK;
    part = &x->parts[is_key ? column - 1 : 0];
    if (slice_eq_cstr(what, "asc"))
        out->b = is_key && !part->descending;
    else if (slice_eq_cstr(what, "desc"))
        out->b = is_key && part->descending;
    else if (slice_eq_cstr(what, "nulls_first"))
        out->b = is_key && part->nulls_first;
    else if (slice_eq_cstr(what, "nulls_last"))
        out->b = is_key && !part->nulls_first;
    else if (slice_eq_cstr(what, "orderable") || slice_eq_cstr(what, "search_array") ||
             slice_eq_cstr(what, "search_nulls"))
        out->b = is_key;
    else if (slice_eq_cstr(what, "returnable"))
        out->b = true;
    else if (slice_eq_cstr(what, "distance_orderable"))
        out->b = false;
    else
        *null = true;
    return STATUS_OK;
}

/* ---- pg_get_constraintdef -------------------------------------------------------------------- */

static void put_action(struct buf *out, const char *event, enum fk_action action)
{
    switch (action) {
    case FK_NO_ACTION:
        return;
    case FK_RESTRICT:
        buf_printf(out, " ON %s RESTRICT", event);
        return;
    case FK_CASCADE:
        buf_printf(out, " ON %s CASCADE", event);
        return;
    case FK_SET_NULL:
        buf_printf(out, " ON %s SET NULL", event);
        return;
    case FK_SET_DEFAULT:
        buf_printf(out, " ON %s SET DEFAULT", event);
        return;
    }
}

static void put_foreign_key(struct fn_call *call, struct buf *out, const struct table_desc *t,
                            const struct constraint_desc *c)
{
    const struct object *ref = view_peek(call->context->catalog, OBJECT_TABLE, c->ref_table_oid);

    buf_append_cstr(out, "FOREIGN KEY (");
    put_columns(out, t, c->columns, c->column_count);
    buf_append_cstr(out, ") REFERENCES ");
    if (ref == NULL)
        return;
    put_relation(call, out, ref->table, false);
    buf_append_cstr(out, "(");
    put_columns(out, ref->table, c->ref_columns, c->column_count);
    buf_append_cstr(out, c->match_full ? ") MATCH FULL" : ")");
    put_action(out, "UPDATE", c->on_update);
    put_action(out, "DELETE", c->on_delete);
    if (c->on_delete_set_count > 0) {
        buf_append_cstr(out, " (");
        put_columns(out, t, c->on_delete_set, c->on_delete_set_count);
        buf_append_cstr(out, ")");
    }
}

static void put_key(struct buf *out, const struct table_desc *t, const struct constraint_desc *c)
{
    buf_append_cstr(out, c->kind == CONSTRAINT_PRIMARY ? "PRIMARY KEY (" : "UNIQUE (");
    put_columns(out, t, c->columns, c->column_count);
    buf_append_cstr(out, ")");
    for (size_t i = 0; i < t->index_count; i++) {
        const struct index_desc *x = &t->indexes[i];

        if (x->oid != c->index_oid || x->include_count == 0)
            continue;
        buf_append_cstr(out, " INCLUDE (");
        put_columns(out, t, x->include, x->include_count);
        buf_append_cstr(out, ")");
    }
}

static status put_constraint(struct fn_call *call, struct buf *out, const struct table_desc *t,
                             const struct constraint_desc *c, bool pretty)
{
    SCOPED(buf) struct buf check = {0};

    switch (c->kind) {
    case CONSTRAINT_PRIMARY:
    case CONSTRAINT_UNIQUE:
        put_key(out, t, c);
        break;
    case CONSTRAINT_FOREIGN:
        put_foreign_key(call, out, t, c);
        break;
    case CONSTRAINT_CHECK:
        TRY_RETURN(print_stored(call, c->check_text, t, pretty, &check));
        buf_append_cstr(out, "CHECK (");
        buf_append_slice(out, buf_slice(&check));
        buf_append_cstr(out, c->no_inherit ? ") NO INHERIT" : ")");
        break;
    }
    if (c->deferrable)
        buf_append_cstr(out, " DEFERRABLE");
    if (c->initially_deferred)
        buf_append_cstr(out, " INITIALLY DEFERRED");
    if (!c->validated)
        buf_append_cstr(out, " NOT VALID");
    return STATUS_OK;
}

FN(pg_get_constraintdef)
{
    SCOPED(buf) struct buf    text = {0};
    const struct table_desc **list;
    size_t                    count = 0;

    *null = true;
    if (call->context->catalog == NULL)
        return STATUS_OK;
    TRY_RETURN(catalog_list_tables(call->context->catalog, call->arena, &list, &count));
    for (size_t i = 0; i < count; i++) {
        const struct constraint_desc *c = table_constraint_by_oid(list[i], (uint32_t)args[0].i);

        if (c == NULL)
            continue;
        TRY_RETURN(put_constraint(call, &text, list[i], c, is_pretty(call, args, 1)));
        put_text(call, out, null, &text);
        return STATUS_OK;
    }
    return STATUS_OK;
}

/* ---- pg_get_viewdef -------------------------------------------------------------------------- */

/* The forms with a line width print prettily, as PostgreSQL's do; the width itself is not kept. */
static bool view_is_pretty(const struct fn_call *call, const datum *args)
{
    return call->arg_count > 1 && (call->fn->arg_types[1] == OID_INT4 || args[1].b);
}

static status print_view(struct fn_call *call, uint32_t oid, bool pretty, datum *out, bool *null)
{
    SCOPED(buf) struct buf text = {0};
    struct sql_context    *c = call->context;
    const struct object   *o = c->catalog == NULL ? NULL : view_peek(c->catalog, OBJECT_TABLE, oid);
    struct parse_result    parsed;
    struct query          *q;

    *null = true;
    if (o == NULL || o->table->kind != RELATION_VIEW || o->table->view_text == NULL)
        return STATUS_OK;
    TRY_RETURN(parse_statements(c->env, call->arena, slice_cstr(o->table->view_text), &parsed));
    if (parsed.count != 1)
        return status_new(ST_CORRUPT, "the text of view \"%s\" is not one query", o->table->name);
    TRY_RETURN(
        bind_statement(c, call->arena, parsed.statements[0].node, o->table->view_text, NULL, &q));
    TRY_RETURN(deparse_query(c, q, false, pretty, &text));
    buf_append_cstr(&text, ";");
    put_text(call, out, null, &text);
    return STATUS_OK;
}

FN(pg_get_viewdef)
{
    return print_view(call, (uint32_t)args[0].i, view_is_pretty(call, args), out, null);
}

FN(pg_get_viewdef_name)
{
    uint32_t oid = 0;

    TRY_RETURN(reg_find(call->context, call->arena, OID_REGCLASS, args[0].s, &oid));
    return print_view(call, oid, view_is_pretty(call, args), out, null);
}

/* ---- pg_indexes ------------------------------------------------------------------------------ */

static status index_row(struct rows *r, const struct table_desc *t, const struct index_desc *x)
{
    SCOPED(buf) struct buf text = {0};
    struct fn_call         call = {.context = r->c, .arena = r->a};
    const struct object   *schema = view_peek(r->v, OBJECT_SCHEMA, t->schema_oid);

    TRY_RETURN(put_index(&call, &text, t, x, false));
    row_begin(r);
    row_text(r, COLUMN_AT(pg_indexes, schemaname), schema != NULL ? schema->schema->name : NULL);
    row_text(r, COLUMN_AT(pg_indexes, tablename), t->name);
    row_text(r, COLUMN_AT(pg_indexes, indexname), x->name);
    row_text(r, COLUMN_AT(pg_indexes, indexdef), arena_strdup(r->a, buf_cstr(&text)));
    return row_end(r);
}

status scan_pg_indexes(struct rows *r)
{
    const struct table_desc **list;
    size_t                    count;

    TRY_RETURN(catalog_list_tables(r->v, r->a, &list, &count));
    for (size_t i = 0; i < count; i++)
        for (size_t j = 0; j < list[i]->index_count; j++)
            if (list[i]->indexes[j].oid != 0)
                TRY_RETURN(index_row(r, list[i], &list[i]->indexes[j]));
    return STATUS_OK;
}
