/* What many statements need: names, options, roles, notices. */
#include "sql/ddl/internal.h"

#include <stdio.h>
#include <stdlib.h>

status ddl_at(const struct ddl *d, status st, int location)
{
    if (st_ok(st) || d->text == NULL)
        return st;
    return status_at(st, parse_position(slice_cstr(d->text), location));
}

void ddl_notice(const struct ddl *d, status st)
{
    if (d->c->notice != NULL)
        d->c->notice(d->c, "NOTICE", st);
    else
        st_clear(st);
}

status ddl_unsupported(const char *fmt, ...)
{
    va_list args;
    status  st;

    va_start(args, fmt);
    st = status_vnew(ST_FEATURE_NOT_SUPPORTED, fmt, args);
    va_end(args);
    return st;
}

bool ddl_equal(const char *a, const char *b)
{
    return strcmp(a, b) == 0;
}

const char *ddl_node_string(const PgQuery__Node *n)
{
    return n != NULL && n->node_case == PG_QUERY__NODE__NODE_STRING ? n->string->sval : NULL;
}

void node_names(const PgQuery__Node *list, const char **schema, const char **name)
{
    size_t                n;
    PgQuery__Node *const *items;

    *schema = NULL;
    *name = ddl_node_string(list);
    if (list->node_case != PG_QUERY__NODE__NODE_LIST)
        return;
    n = list->list->n_items;
    items = list->list->items;
    *name = n > 0 ? ddl_node_string(items[n - 1]) : NULL;
    *schema = n > 1 ? ddl_node_string(items[n - 2]) : NULL;
}

/* ---- options --------------------------------------------------------------------------------- */

const char *defelem_text(const struct ddl *d, const PgQuery__DefElem *e)
{
    const PgQuery__Node *n = e->arg;
    const char          *schema, *name;

    if (n == NULL)
        return NULL;
    switch (n->node_case) {
    case PG_QUERY__NODE__NODE_STRING:
        return n->string->sval;
    case PG_QUERY__NODE__NODE_INTEGER:
        return arena_printf(d->a, "%d", n->integer->ival);
    case PG_QUERY__NODE__NODE_FLOAT:
        return n->float_->fval;
    case PG_QUERY__NODE__NODE_BOOLEAN:
        return n->boolean->boolval ? "true" : "false";
    case PG_QUERY__NODE__NODE_LIST:
        node_names(n, &schema, &name);
        return name;
    case PG_QUERY__NODE__NODE_TYPE_NAME:
        return n->type_name->n_names > 0
                   ? ddl_node_string(n->type_name->names[n->type_name->n_names - 1])
                   : NULL;
    default:
        return NULL;
    }
}

status defelem_bool(const struct ddl *d, const PgQuery__DefElem *e, bool *out)
{
    const char *text = defelem_text(d, e);

    if (text == NULL || ddl_equal(text, "true") || ddl_equal(text, "on") || ddl_equal(text, "1"))
        *out = true;
    else if (ddl_equal(text, "false") || ddl_equal(text, "off") || ddl_equal(text, "0"))
        *out = false;
    else
        return status_new(ST_SYNTAX_ERROR, "%s requires a Boolean value", e->defname);
    return STATUS_OK;
}

status defelem_int64(const struct ddl *d, const PgQuery__DefElem *e, int64_t *out)
{
    const char        *text = defelem_text(d, e);
    const struct type *type = type_by_oid(OID_INT8);
    datum              v;

    if (text == NULL)
        return status_new(ST_SYNTAX_ERROR, "%s requires a numeric value", e->defname);
    TRY_RETURN(type->input(d->c, d->a, type, slice_cstr(text), -1, &v));
    *out = v.i;
    return STATUS_OK;
}

/* ---- names ----------------------------------------------------------------------------------- */

status ddl_schema_name(const struct ddl *d, const PgQuery__RangeVar *rv, const char **out)
{
    const struct database_desc *database;

    *out = given(rv->schemaname) ? rv->schemaname : NULL;
    if (!given(rv->catalogname))
        return STATUS_OK;
    TRY_RETURN(catalog_database_by_oid(d->v, catalog_view_database(d->v), &database));
    if (database != NULL && ddl_equal(database->name, rv->catalogname))
        return STATUS_OK;
    return ddl_at(d,
                  status_new(ST_FEATURE_NOT_SUPPORTED,
                             "cross-database references are not implemented: \"%s.%s.%s\"",
                             rv->catalogname, rv->schemaname, rv->relname),
                  rv->location);
}

status ddl_target_schema(const struct ddl *d, const PgQuery__RangeVar *rv,
                         const struct schema_desc **out)
{
    const char *name;

    TRY_RETURN(ddl_schema_name(d, rv, &name));
    if (given(rv->relpersistence) && rv->relpersistence[0] == 't')
        return ddl_unsupported("temporary relations are not supported");
    if (given(rv->relpersistence) && rv->relpersistence[0] == 'u')
        ddl_notice(d, status_new(ST_SUCCESS,
                                 "UNLOGGED has no effect: relation \"%s\" is stored "
                                 "like any other",
                                 rv->relname));
    if (name == NULL)
        TRY_RETURN(catalog_creation_schema(d->v, out));
    else
        TRY_RETURN(catalog_schema_by_name(d->v, name, out));
    if (*out == NULL)
        return ddl_at(d, status_new(ST_UNDEFINED_SCHEMA, "schema \"%s\" does not exist", name),
                      rv->location);
    if ((*out)->oid == OID_SCHEMA_PG_CATALOG || (*out)->oid == OID_SCHEMA_INFORMATION)
        return status_detail(status_new(ST_INSUFFICIENT_PRIVILEGE,
                                        "permission denied to create \"%s.%s\"", (*out)->name,
                                        rv->relname),
                             "System catalog modifications are currently disallowed.");
    TRY_RETURN(catalog_hold(d->v, OBJECT_SCHEMA, (*out)->oid, false));
    return catalog_schema_by_oid(d->v, (*out)->oid, out);
}

status ddl_claim_relation(const struct ddl *d, const struct schema_desc *schema, const char *name,
                          bool *taken)
{
    uint32_t oid;

    if (schema == NULL)
        return status_new(ST_UNDEFINED_SCHEMA, "the schema of \"%s\" was dropped meanwhile", name);
    TRY_RETURN(catalog_claim_name(d->v, OBJECT_TABLE, schema->oid, name, &oid));
    if (taken != NULL)
        *taken = oid != 0;
    else if (oid != 0)
        return status_new(ST_DUPLICATE_TABLE, "relation \"%s\" already exists", name);
    return STATUS_OK;
}

const char *ddl_kind_name(enum relation_kind kind)
{
    switch (kind) {
    case RELATION_INDEX:
        return "index";
    case RELATION_SEQUENCE:
        return "sequence";
    case RELATION_VIEW:
        return "view";
    case RELATION_TABLE:
        break;
    }
    return "table";
}

const char *ddl_relation_name(const struct ddl *d, const struct table_desc *t)
{
    const struct schema_desc *schema = NULL;
    status                    st;

    if (catalog_table_is_visible(d->v, t))
        return t->name;
    st = catalog_schema_by_oid(d->v, t->schema_oid, &schema);
    st_clear(st);
    return schema == NULL ? t->name : arena_printf(d->a, "%s.%s", schema->name, t->name);
}

status ddl_relation_missing(const struct ddl *d, const char *schema, const char *name)
{
    (void)d;
    if (schema != NULL)
        return status_new(ST_UNDEFINED_TABLE, "relation \"%s.%s\" does not exist", schema, name);
    return status_new(ST_UNDEFINED_TABLE, "relation \"%s\" does not exist", name);
}

static status check_kind(const struct table_desc *t, unsigned want)
{
    unsigned is = t->kind == RELATION_TABLE  ? WANT_TABLE
                  : t->kind == RELATION_VIEW ? WANT_VIEW
                                             : WANT_SEQUENCE;

    if (t->oid < OID_FIRST_USER)
        return status_new(ST_INSUFFICIENT_PRIVILEGE,
                          "permission denied: \"%s\" is a system catalog", t->name);
    if ((is & want) != 0)
        return STATUS_OK;
    return status_new(ST_WRONG_OBJECT_TYPE, "\"%s\" is not a %s", t->name,
                      want == WANT_SEQUENCE ? "sequence"
                      : want == WANT_VIEW   ? "view"
                                            : "table");
}

status ddl_relation(const struct ddl *d, const PgQuery__RangeVar *rv, unsigned want,
                    bool missing_ok, const struct table_desc **out)
{
    const char *schema;

    TRY_RETURN(ddl_schema_name(d, rv, &schema));
    TRY_RETURN(catalog_table_by_name_for_change(d->v, schema, rv->relname, out));
    if (*out != NULL)
        return check_kind(*out, want);
    if (!missing_ok)
        return ddl_at(d, ddl_relation_missing(d, schema, rv->relname), rv->location);
    ddl_notice(
        d, status_new(ST_UNDEFINED_TABLE, "relation \"%s\" does not exist, skipping", rv->relname));
    return STATUS_OK;
}

status ddl_role(const struct ddl *d, const PgQuery__RoleSpec *spec, uint32_t *oid)
{
    const struct role_desc *role;
    const char             *name = spec->rolename;

    switch (spec->roletype) {
    case PG_QUERY__ROLE_SPEC_TYPE__ROLESPEC_CURRENT_ROLE:
    case PG_QUERY__ROLE_SPEC_TYPE__ROLESPEC_CURRENT_USER:
        *oid = d->c->user_oid;
        return STATUS_OK;
    case PG_QUERY__ROLE_SPEC_TYPE__ROLESPEC_SESSION_USER:
        name = d->c->session_user;
        break;
    default:
        break;
    }
    TRY_RETURN(catalog_role_by_name(d->v, name, &role));
    if (role == NULL)
        return status_new(ST_UNDEFINED_OBJECT, "role \"%s\" does not exist", name);
    *oid = role->oid;
    return STATUS_OK;
}
