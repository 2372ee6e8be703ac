/* ALTER ... RENAME, SET SCHEMA and OWNER TO. */
#include "sql/ddl/view.h"

/* ---- relations ------------------------------------------------------------------------------- */

static status claim(const struct ddl *d, uint32_t schema_oid, const char *name)
{
    const struct schema_desc *schema;

    TRY_RETURN(catalog_schema_by_oid(d->v, schema_oid, &schema));
    return ddl_claim_relation(d, schema, name, NULL);
}

/* Texts of the table itself name its columns only, never itself; views name it. */
static status rename_table(const struct ddl *d, const struct table_desc *before, const char *name)
{
    struct table_desc *t = table_desc_copy(d->a, before, 0);
    struct view_list   views;

    TRY_RETURN(claim(d, t->schema_oid, name));
    TRY_RETURN(views_collect(d, t->oid, &views));
    t->name = name;
    TRY_RETURN(catalog_put_table(d->v, t));
    return views_renamed(d, &views, t->oid);
}

status rename_index(const struct ddl *d, struct table_desc *t, struct index_desc *x,
                    const char *name)
{
    TRY_RETURN(claim(d, t->schema_oid, name));
    for (size_t i = 0; i < t->constraint_count; i++)
        if (t->constraints[i].index_oid == x->oid && t->constraints[i].kind != CONSTRAINT_FOREIGN)
            t->constraints[i].name = name;
    x->name = name;
    return STATUS_OK;
}

static status rename_index_stmt(const struct ddl *d, const struct table_desc *before,
                                size_t position, const char *name)
{
    struct table_desc *t = table_desc_copy(d->a, before, 0);

    TRY_RETURN(rename_index(d, t, &t->indexes[position], name));
    return catalog_put_table(d->v, t);
}

static unsigned wanted(PgQuery__ObjectType type)
{
    switch (type) {
    case PG_QUERY__OBJECT_TYPE__OBJECT_VIEW:
        return WANT_VIEW;
    case PG_QUERY__OBJECT_TYPE__OBJECT_SEQUENCE:
        return WANT_SEQUENCE;
    default:
        return WANT_ANY;
    }
}

static status rename_relation(const struct ddl *d, const PgQuery__RenameStmt *s)
{
    const struct table_desc *t;
    const char              *schema;
    size_t                   position;

    TRY_RETURN(ddl_schema_name(d, s->relation, &schema));
    TRY_RETURN(catalog_index_by_name_for_change(d->v, schema, s->relation->relname, &t, &position));
    if (t != NULL)
        return rename_index_stmt(d, t, position, s->newname);
    TRY_RETURN(ddl_relation(d, s->relation, wanted(s->rename_type), s->missing_ok, &t));
    return t == NULL ? STATUS_OK : rename_table(d, t, s->newname);
}

/* ---- columns --------------------------------------------------------------------------------- */

static status rename_texts(const struct ddl *d, const struct table_desc *before,
                           struct table_desc *t)
{
    for (size_t i = 0; i < t->column_count; i++)
        if (t->columns[i].generated_stored)
            TRY_RETURN(
                text_rename(d, before, t, t->columns[i].default_text, &t->columns[i].default_text));
    for (size_t i = 0; i < t->constraint_count; i++)
        TRY_RETURN(
            text_rename(d, before, t, t->constraints[i].check_text, &t->constraints[i].check_text));
    for (size_t i = 0; i < t->index_count; i++) {
        struct index_desc *x = &t->indexes[i];

        TRY_RETURN(text_rename(d, before, t, x->predicate_text, &x->predicate_text));
        for (size_t j = 0; j < x->part_count; j++)
            TRY_RETURN(text_rename(d, before, t, x->parts[j].expression_text,
                                   &x->parts[j].expression_text));
    }
    return STATUS_OK;
}

static status rename_column(const struct ddl *d, const PgQuery__RenameStmt *s)
{
    const struct table_desc *before;
    struct table_desc       *t;
    struct column_desc      *c;
    struct view_list         views;

    TRY_RETURN(ddl_relation(d, s->relation, WANT_TABLE | WANT_VIEW, s->missing_ok, &before));
    if (before == NULL)
        return STATUS_OK;
    if (before->kind == RELATION_VIEW)
        return ddl_unsupported("renaming columns of views is not supported");
    t = table_desc_copy(d->a, before, 0);
    c = draft_column(t, s->subname);
    if (c == NULL)
        return status_new(ST_UNDEFINED_COLUMN, "column \"%s\" does not exist", s->subname);
    if (draft_column(t, s->newname) != NULL)
        return status_new(ST_DUPLICATE_COLUMN, "column \"%s\" of relation \"%s\" already exists",
                          s->newname, t->name);
    TRY_RETURN(views_collect(d, t->oid, &views));
    c->name = s->newname;
    TRY_RETURN(rename_texts(d, before, t));
    TRY_RETURN(catalog_put_table(d->v, t));
    return views_renamed(d, &views, t->oid);
}

static status rename_constraint(const struct ddl *d, const PgQuery__RenameStmt *s)
{
    const struct table_desc *before;
    struct table_desc       *t;
    int                      at;

    TRY_RETURN(ddl_relation(d, s->relation, WANT_TABLE, s->missing_ok, &before));
    if (before == NULL)
        return STATUS_OK;
    t = table_desc_copy(d->a, before, 0);
    at = draft_constraint(t, s->subname);
    if (at < 0)
        return status_new(ST_UNDEFINED_OBJECT, "constraint \"%s\" for table \"%s\" does not exist",
                          s->subname, t->name);
    if (draft_constraint(t, s->newname) >= 0)
        return status_new(ST_DUPLICATE_OBJECT,
                          "constraint \"%s\" for relation \"%s\" already exists", s->newname,
                          t->name);
    if (t->constraints[at].kind == CONSTRAINT_PRIMARY ||
        t->constraints[at].kind == CONSTRAINT_UNIQUE)
        TRY_RETURN(
            rename_index(d, t, draft_index_by_oid(t, t->constraints[at].index_oid), s->newname));
    t->constraints[at].name = s->newname;
    return catalog_put_table(d->v, t);
}

/* ---- schemas --------------------------------------------------------------------------------- */

/* Views name the schema of what they read. */
static status rename_schema(const struct ddl *d, const char *name, const char *new_name)
{
    const struct table_desc **tables;
    const struct schema_desc *schema;
    struct view_list         *views;
    size_t                    count;

    TRY_RETURN(catalog_schema_by_name(d->v, name, &schema));
    TRY_RETURN(catalog_list_tables(d->v, d->a, &tables, &count));
    views = ARENA_ARRAY(d->a, struct view_list, count + 1);
    for (size_t i = 0; i < count; i++)
        if (schema != NULL && tables[i]->schema_oid == schema->oid)
            TRY_RETURN(views_collect(d, tables[i]->oid, &views[i]));
    TRY_RETURN(schema_rename(d, name, new_name));
    for (size_t i = 0; i < count; i++)
        if (views[i].count > 0)
            TRY_RETURN(views_renamed(d, &views[i], tables[i]->oid));
    return STATUS_OK;
}

status ddl_rename(const struct ddl *d, const PgQuery__RenameStmt *s)
{
    d->result->tag = "ALTER TABLE";
    switch (s->rename_type) {
    case PG_QUERY__OBJECT_TYPE__OBJECT_TABLE:
        return rename_relation(d, s);
    case PG_QUERY__OBJECT_TYPE__OBJECT_VIEW:
        d->result->tag = "ALTER VIEW";
        return rename_relation(d, s);
    case PG_QUERY__OBJECT_TYPE__OBJECT_SEQUENCE:
        d->result->tag = "ALTER SEQUENCE";
        return rename_relation(d, s);
    case PG_QUERY__OBJECT_TYPE__OBJECT_INDEX:
        d->result->tag = "ALTER INDEX";
        return rename_relation(d, s);
    case PG_QUERY__OBJECT_TYPE__OBJECT_COLUMN:
        return rename_column(d, s);
    case PG_QUERY__OBJECT_TYPE__OBJECT_TABCONSTRAINT:
        return rename_constraint(d, s);
    case PG_QUERY__OBJECT_TYPE__OBJECT_SCHEMA:
        d->result->tag = "ALTER SCHEMA";
        return rename_schema(d, s->subname, s->newname);
    case PG_QUERY__OBJECT_TYPE__OBJECT_DATABASE:
        d->result->tag = "ALTER DATABASE";
        return database_rename(d, s->subname, s->newname);
    case PG_QUERY__OBJECT_TYPE__OBJECT_ROLE:
        d->result->tag = "ALTER ROLE";
        return role_rename(d, s->subname, s->newname);
    default:
        return ddl_unsupported("renaming this kind of object is not supported");
    }
}

/* ---- SET SCHEMA ------------------------------------------------------------------------------ */

static status move_relation(const struct ddl *d, const struct table_desc *before, uint32_t schema)
{
    struct table_desc *t = table_desc_copy(d->a, before, 0);
    struct view_list   views;

    TRY_RETURN(claim(d, schema, t->name));
    for (size_t i = 0; i < t->index_count; i++)
        if (t->indexes[i].oid != 0)
            TRY_RETURN(claim(d, schema, t->indexes[i].name));
    TRY_RETURN(views_collect(d, t->oid, &views));
    t->schema_oid = schema;
    TRY_RETURN(catalog_put_table(d->v, t));
    TRY_RETURN(views_renamed(d, &views, t->oid));
    for (size_t i = 0; i < t->column_count; i++) {
        const struct table_desc *sequence = NULL;

        if (t->columns[i].sequence_oid != 0)
            TRY_RETURN(
                catalog_table_by_oid_for_change(d->v, t->columns[i].sequence_oid, &sequence));
        if (sequence != NULL && sequence->schema_oid != schema)
            TRY_RETURN(move_relation(d, sequence, schema));
    }
    return STATUS_OK;
}

status ddl_set_schema(const struct ddl *d, const PgQuery__AlterObjectSchemaStmt *s)
{
    const struct schema_desc *schema;
    const struct table_desc  *t;

    d->result->tag = "ALTER TABLE";
    if (s->relation == NULL)
        return ddl_unsupported("SET SCHEMA of this kind of object is not supported");
    if (s->object_type == PG_QUERY__OBJECT_TYPE__OBJECT_VIEW)
        d->result->tag = "ALTER VIEW";
    if (s->object_type == PG_QUERY__OBJECT_TYPE__OBJECT_SEQUENCE)
        d->result->tag = "ALTER SEQUENCE";
    TRY_RETURN(ddl_relation(d, s->relation, wanted(s->object_type), s->missing_ok, &t));
    if (t == NULL)
        return STATUS_OK;
    TRY_RETURN(catalog_schema_by_name(d->v, s->newschema, &schema));
    if (schema == NULL)
        return status_new(ST_UNDEFINED_SCHEMA, "schema \"%s\" does not exist", s->newschema);
    if (schema->database_oid == 0)
        return status_new(ST_INSUFFICIENT_PRIVILEGE, "permission denied for schema %s",
                          schema->name);
    if (schema->oid == t->schema_oid)
        return STATUS_OK;
    if (t->kind == RELATION_SEQUENCE && t->sequence.owner_table_oid != 0)
        return status_new(ST_FEATURE_NOT_SUPPORTED,
                          "cannot move an owned sequence into another schema");
    TRY_RETURN(catalog_hold(d->v, OBJECT_SCHEMA, schema->oid, false));
    return move_relation(d, t, schema->oid);
}

/* ---- OWNER TO -------------------------------------------------------------------------------- */

status ddl_set_owner(const struct ddl *d, const PgQuery__AlterOwnerStmt *s)
{
    uint32_t owner;

    TRY_RETURN(ddl_role(d, s->newowner, &owner));
    switch (s->object_type) {
    case PG_QUERY__OBJECT_TYPE__OBJECT_SCHEMA:
        d->result->tag = "ALTER SCHEMA";
        return schema_set_owner(d, ddl_node_string(s->object), owner);
    case PG_QUERY__OBJECT_TYPE__OBJECT_DATABASE:
        d->result->tag = "ALTER DATABASE";
        return database_set_owner(d, ddl_node_string(s->object), owner);
    default:
        return ddl_unsupported("OWNER TO of this kind of object is not supported");
    }
}
