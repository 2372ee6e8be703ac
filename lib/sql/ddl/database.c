/* Databases and schemas. */
#include "sql/ddl/internal.h"

#include "sql/catalog/statistics.h"
#include "sql/exec/table.h"

/* ---- CREATE SCHEMA --------------------------------------------------------------------------- */

static status refuse_reserved(const char *name)
{
    if (strncmp(name, "pg_", 3) != 0)
        return STATUS_OK;
    return status_detail(status_new(ST_RESERVED_NAME, "unacceptable schema name \"%s\"", name),
                         "The prefix \"pg_\" is reserved for system schemas.");
}

/* The elements of CREATE SCHEMA go into it unless they say otherwise. */
static status run_elements(const struct ddl *d, const PgQuery__CreateSchemaStmt *s,
                           const char *name)
{
    for (size_t i = 0; i < s->n_schema_elts; i++) {
        const PgQuery__Node *n = s->schema_elts[i];
        PgQuery__RangeVar   *rv = NULL;

        if (n->node_case == PG_QUERY__NODE__NODE_CREATE_STMT)
            rv = n->create_stmt->relation;
        else if (n->node_case == PG_QUERY__NODE__NODE_VIEW_STMT)
            rv = n->view_stmt->view;
        else if (n->node_case == PG_QUERY__NODE__NODE_INDEX_STMT)
            rv = n->index_stmt->relation;
        else if (n->node_case == PG_QUERY__NODE__NODE_CREATE_SEQ_STMT)
            rv = n->create_seq_stmt->sequence;
        if (rv != NULL && !given(rv->schemaname))
            rv->schemaname = arena_strdup(d->a, name);
        TRY_RETURN(ddl_run_nested(d, n));
    }
    return STATUS_OK;
}

status ddl_create_schema(const struct ddl *d, const PgQuery__CreateSchemaStmt *s)
{
    struct schema_desc schema = {.database_oid = catalog_view_database(d->v),
                                 .owner_oid = d->c->user_oid};
    uint32_t           taken, builtin;

    d->result->tag = "CREATE SCHEMA";
    if (s->authrole != NULL)
        TRY_RETURN(ddl_role(d, s->authrole, &schema.owner_oid));
    schema.name = given(s->schemaname)                                  ? s->schemaname
                  : s->authrole != NULL && given(s->authrole->rolename) ? s->authrole->rolename
                                                                        : d->c->user;
    TRY_RETURN(refuse_reserved(schema.name));
    TRY_RETURN(catalog_claim_name(d->v, OBJECT_SCHEMA, 0, schema.name, &builtin));
    TRY_RETURN(catalog_claim_name(d->v, OBJECT_SCHEMA, schema.database_oid, schema.name, &taken));
    if (taken != 0 || builtin != 0) {
        if (!s->if_not_exists)
            return status_new(ST_DUPLICATE_SCHEMA, "schema \"%s\" already exists", schema.name);
        ddl_notice(d, status_new(ST_DUPLICATE_SCHEMA, "schema \"%s\" already exists, skipping",
                                 schema.name));
        return STATUS_OK;
    }
    TRY_RETURN(catalog_new_oid(d->v, &schema.oid));
    TRY_RETURN(catalog_put_schema(d->v, &schema));
    return run_elements(d, s, schema.name);
}

/* ---- databases ------------------------------------------------------------------------------- */

/* Options that ask for what every database here has. */
static status check_option(const struct ddl *d, const PgQuery__DefElem *e,
                           struct database_desc *out)
{
    const char             *text = defelem_text(d, e);
    const struct role_desc *role;

    if (ddl_equal(e->defname, "owner") && text != NULL) {
        TRY_RETURN(catalog_role_by_name(d->v, text, &role));
        if (role == NULL)
            return status_new(ST_UNDEFINED_OBJECT, "role \"%s\" does not exist", text);
        out->owner_oid = role->oid;
        return STATUS_OK;
    }
    if (ddl_equal(e->defname, "encoding")) {
        if (text == NULL || strcasecmp(text, "utf8") == 0 || strcasecmp(text, "utf-8") == 0 ||
            strcasecmp(text, "unicode") == 0 || ddl_equal(text, "6"))
            return STATUS_OK;
        return ddl_unsupported("encoding \"%s\" is not supported; every database is UTF8", text);
    }
    if (ddl_equal(e->defname, "template")) {
        if (text == NULL || strncmp(text, "template", 8) == 0)
            return STATUS_OK;
        return ddl_unsupported("copying database \"%s\" is not supported", text);
    }
    if (ddl_equal(e->defname, "connection_limit") && text != NULL && !ddl_equal(text, "-1"))
        return ddl_unsupported("connection limits of databases are not supported");
    /* lc_collate, lc_ctype, locale, tablespace ...: names of what there is only one of. */
    return STATUS_OK;
}

status ddl_create_database(const struct ddl *d, const PgQuery__CreatedbStmt *s)
{
    struct database_desc database = {.name = s->dbname, .owner_oid = d->c->user_oid};
    struct schema_desc   schema = {.name = "public", .comment = "standard public schema"};
    uint32_t             taken;

    d->result->tag = "CREATE DATABASE";
    for (size_t i = 0; i < s->n_options; i++)
        TRY_RETURN(check_option(d, s->options[i]->def_elem, &database));
    TRY_RETURN(catalog_claim_name(d->v, OBJECT_DATABASE, 0, database.name, &taken));
    if (taken != 0)
        return status_new(ST_DUPLICATE_DATABASE, "database \"%s\" already exists", database.name);
    TRY_RETURN(catalog_new_oid(d->v, &database.oid));
    TRY_RETURN(catalog_new_oid(d->v, &schema.oid));
    schema.database_oid = database.oid;
    schema.owner_oid = OID_ROLE_DATABASE_OWNER;
    TRY_RETURN(catalog_put_database(d->v, &database));
    return catalog_put_schema(d->v, &schema);
}

static status drop_contents(const struct ddl *d, uint32_t database)
{
    const struct table_desc **tables, *t;
    size_t                    count;

    TRY_RETURN(catalog_list_all_tables(d->v, d->a, &tables, &count));
    for (size_t i = 0; i < count; i++) {
        if (tables[i]->database_oid != database)
            continue;
        TRY_RETURN(catalog_table_by_oid_for_change(d->v, tables[i]->oid, &t));
        if (t == NULL)
            continue;
        if (t->kind == RELATION_TABLE)
            TRY_RETURN(table_wipe(d->c, t, SIZE_MAX));
        TRY_RETURN(catalog_remove_statistics(d->v, t->oid));
        TRY_RETURN(catalog_remove(d->v, OBJECT_TABLE, t->oid));
    }
    return STATUS_OK;
}

static status drop_schemas(const struct ddl *d, uint32_t database)
{
    const struct schema_desc **schemas;
    size_t                     count;

    TRY_RETURN(catalog_list_all_schemas(d->v, d->a, &schemas, &count));
    for (size_t i = 0; i < count; i++)
        if (schemas[i]->database_oid == database)
            TRY_RETURN(catalog_remove(d->v, OBJECT_SCHEMA, schemas[i]->oid));
    return STATUS_OK;
}

static status find_database(const struct ddl *d, const char *name, const struct database_desc **out)
{
    TRY_RETURN(catalog_database_by_name(d->v, name, out));
    if (*out == NULL)
        return status_new(ST_UNDEFINED_DATABASE, "database \"%s\" does not exist", name);
    TRY_RETURN(catalog_hold(d->v, OBJECT_DATABASE, (*out)->oid, true));
    return catalog_database_by_oid(d->v, (*out)->oid, out);
}

status ddl_drop_database(const struct ddl *d, const PgQuery__DropdbStmt *s)
{
    const struct database_desc *database;

    d->result->tag = "DROP DATABASE";
    TRY_RETURN(catalog_database_by_name(d->v, s->dbname, &database));
    if (database == NULL && s->missing_ok) {
        ddl_notice(d, status_new(ST_UNDEFINED_DATABASE, "database \"%s\" does not exist, skipping",
                                 s->dbname));
        return STATUS_OK;
    }
    TRY_RETURN(find_database(d, s->dbname, &database));
    if (database == NULL)
        return status_new(ST_UNDEFINED_DATABASE, "database \"%s\" does not exist", s->dbname);
    if (database->oid == catalog_view_database(d->v))
        return status_new(ST_OBJECT_IN_USE, "cannot drop the currently open database");
    TRY_RETURN(drop_contents(d, database->oid));
    TRY_RETURN(drop_schemas(d, database->oid));
    return catalog_remove(d->v, OBJECT_DATABASE, database->oid);
}

status ddl_alter_database(const struct ddl *d, const PgQuery__AlterDatabaseStmt *s)
{
    const struct database_desc *before;
    struct database_desc        copy;

    d->result->tag = "ALTER DATABASE";
    TRY_RETURN(find_database(d, s->dbname, &before));
    copy = *before;
    for (size_t i = 0; i < s->n_options; i++)
        TRY_RETURN(check_option(d, s->options[i]->def_elem, &copy));
    return STATUS_OK;
}

/* ---- renaming and owners, for rename.c ------------------------------------------------------- */

status database_rename(const struct ddl *d, const char *name, const char *new_name)
{
    const struct database_desc *before;
    struct database_desc        copy;
    uint32_t                    taken;

    TRY_RETURN(find_database(d, name, &before));
    if (before->oid == catalog_view_database(d->v))
        return status_new(ST_FEATURE_NOT_SUPPORTED, "current database cannot be renamed");
    TRY_RETURN(catalog_claim_name(d->v, OBJECT_DATABASE, 0, new_name, &taken));
    if (taken != 0)
        return status_new(ST_DUPLICATE_DATABASE, "database \"%s\" already exists", new_name);
    copy = *before;
    copy.name = new_name;
    return catalog_put_database(d->v, &copy);
}

status database_set_owner(const struct ddl *d, const char *name, uint32_t owner)
{
    const struct database_desc *before;
    struct database_desc        copy;

    TRY_RETURN(find_database(d, name, &before));
    copy = *before;
    copy.owner_oid = owner;
    return catalog_put_database(d->v, &copy);
}

static status find_schema(const struct ddl *d, const char *name, const struct schema_desc **out)
{
    TRY_RETURN(catalog_schema_by_name(d->v, name, out));
    if (*out == NULL)
        return status_new(ST_UNDEFINED_SCHEMA, "schema \"%s\" does not exist", name);
    if ((*out)->database_oid == 0)
        return status_new(ST_INSUFFICIENT_PRIVILEGE, "must be owner of schema %s", name);
    TRY_RETURN(catalog_hold(d->v, OBJECT_SCHEMA, (*out)->oid, true));
    return catalog_schema_by_oid(d->v, (*out)->oid, out);
}

status schema_rename(const struct ddl *d, const char *name, const char *new_name)
{
    const struct schema_desc *before;
    struct schema_desc        copy;
    uint32_t                  taken;

    TRY_RETURN(refuse_reserved(new_name));
    TRY_RETURN(find_schema(d, name, &before));
    TRY_RETURN(catalog_claim_name(d->v, OBJECT_SCHEMA, before->database_oid, new_name, &taken));
    if (taken != 0)
        return status_new(ST_DUPLICATE_SCHEMA, "schema \"%s\" already exists", new_name);
    copy = *before;
    copy.name = new_name;
    return catalog_put_schema(d->v, &copy);
}

status schema_set_owner(const struct ddl *d, const char *name, uint32_t owner)
{
    const struct schema_desc *before;
    struct schema_desc        copy;

    TRY_RETURN(find_schema(d, name, &before));
    copy = *before;
    copy.owner_oid = owner;
    return catalog_put_schema(d->v, &copy);
}
