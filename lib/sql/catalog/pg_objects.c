/* Databases, schemas, roles, settings, and what there is one of: pg_namespace, pg_database,
 * pg_roles, pg_authid, pg_user, pg_tablespace, pg_settings, pg_shdescription, pg_am, pg_language.
 */
#include "sql/catalog/rows.h"

enum { ENCODING_UTF8 = 6 };

status scan_pg_namespace(struct rows *r)
{
    const struct schema_desc **list;
    size_t                     count;

    TRY_RETURN(catalog_list_schemas(r->v, r->a, &list, &count));
    for (size_t i = 0; i < count; i++) {
        row_begin(r);
        row_int(r, COLUMN_AT(pg_namespace, oid), list[i]->oid);
        row_text(r, COLUMN_AT(pg_namespace, nspname), list[i]->name);
        row_int(r, COLUMN_AT(pg_namespace, nspowner), list[i]->owner_oid);
        /* What PostgreSQL 15 grants at first, by which pg_dump knows the schema as untouched. */
        if (list[i]->owner_oid == OID_ROLE_DATABASE_OWNER && strcmp(list[i]->name, "public") == 0)
            TRY_RETURN(row_input(r, COLUMN_AT(pg_namespace, nspacl),
                                 "{pg_database_owner=UC/pg_database_owner,=U/pg_database_owner}"));
        TRY_RETURN(row_end(r));
    }
    return STATUS_OK;
}

status scan_pg_database(struct rows *r)
{
    const struct database_desc **list;
    size_t                       count;

    TRY_RETURN(catalog_list_databases(r->v, r->a, &list, &count));
    for (size_t i = 0; i < count; i++) {
        row_begin(r);
        row_int(r, COLUMN_AT(pg_database, oid), list[i]->oid);
        row_text(r, COLUMN_AT(pg_database, datname), list[i]->name);
        row_int(r, COLUMN_AT(pg_database, datdba), list[i]->owner_oid);
        row_int(r, COLUMN_AT(pg_database, encoding), ENCODING_UTF8);
        row_char(r, COLUMN_AT(pg_database, datlocprovider), 'c');
        row_bool(r, COLUMN_AT(pg_database, datistemplate), false);
        row_bool(r, COLUMN_AT(pg_database, datallowconn), true);
        row_int(r, COLUMN_AT(pg_database, datconnlimit), -1);
        row_int(r, COLUMN_AT(pg_database, datfrozenxid), 0);
        row_int(r, COLUMN_AT(pg_database, datminmxid), 1);
        row_int(r, COLUMN_AT(pg_database, dattablespace), OID_TABLESPACE_DEFAULT);
        row_text(r, COLUMN_AT(pg_database, datcollate), "C.UTF-8");
        row_text(r, COLUMN_AT(pg_database, datctype), "C.UTF-8");
        TRY_RETURN(row_end(r));
    }
    return STATUS_OK;
}

status scan_pg_shdescription(struct rows *r)
{
    const struct database_desc **list;
    const struct role_desc     **roles;
    size_t                       count;

    TRY_RETURN(catalog_list_databases(r->v, r->a, &list, &count));
    for (size_t i = 0; i < count; i++) {
        if (list[i]->comment == NULL)
            continue;
        row_begin(r);
        row_int(r, COLUMN_AT(pg_shdescription, objoid), list[i]->oid);
        row_int(r, COLUMN_AT(pg_shdescription, classoid), 1262);
        row_text(r, COLUMN_AT(pg_shdescription, description), list[i]->comment);
        TRY_RETURN(row_end(r));
    }
    TRY_RETURN(catalog_list_roles(r->v, r->a, &roles, &count));
    for (size_t i = 0; i < count; i++) {
        if (roles[i]->comment == NULL)
            continue;
        row_begin(r);
        row_int(r, COLUMN_AT(pg_shdescription, objoid), roles[i]->oid);
        row_int(r, COLUMN_AT(pg_shdescription, classoid), 1260);
        row_text(r, COLUMN_AT(pg_shdescription, description), roles[i]->comment);
        TRY_RETURN(row_end(r));
    }
    return STATUS_OK;
}

/* ---- roles: four relations, one shape -------------------------------------------------------- */

static status role_until(struct rows *r, size_t at, const struct role_desc *role)
{
    return role->valid_until == NULL ? STATUS_OK : row_input(r, at, role->valid_until);
}

status scan_pg_roles(struct rows *r)
{
    const struct role_desc **list;
    size_t                   count;

    TRY_RETURN(catalog_list_roles(r->v, r->a, &list, &count));
    for (size_t i = 0; i < count; i++) {
        row_begin(r);
        row_int(r, COLUMN_AT(pg_roles, oid), list[i]->oid);
        row_text(r, COLUMN_AT(pg_roles, rolname), list[i]->name);
        row_bool(r, COLUMN_AT(pg_roles, rolsuper), list[i]->superuser);
        row_bool(r, COLUMN_AT(pg_roles, rolinherit), list[i]->inherit);
        row_bool(r, COLUMN_AT(pg_roles, rolcreaterole), list[i]->create_role);
        row_bool(r, COLUMN_AT(pg_roles, rolcreatedb), list[i]->create_db);
        row_bool(r, COLUMN_AT(pg_roles, rolcanlogin), list[i]->can_login);
        row_bool(r, COLUMN_AT(pg_roles, rolreplication), list[i]->replication);
        row_int(r, COLUMN_AT(pg_roles, rolconnlimit), list[i]->connection_limit);
        row_text(r, COLUMN_AT(pg_roles, rolpassword), "********");
        row_bool(r, COLUMN_AT(pg_roles, rolbypassrls), list[i]->bypass_rls);
        TRY_RETURN(role_until(r, COLUMN_AT(pg_roles, rolvaliduntil), list[i]));
        TRY_RETURN(row_end(r));
    }
    return STATUS_OK;
}

status scan_pg_authid(struct rows *r)
{
    const struct role_desc **list;
    size_t                   count;

    TRY_RETURN(catalog_list_roles(r->v, r->a, &list, &count));
    for (size_t i = 0; i < count; i++) {
        row_begin(r);
        row_int(r, COLUMN_AT(pg_authid, oid), list[i]->oid);
        row_text(r, COLUMN_AT(pg_authid, rolname), list[i]->name);
        row_bool(r, COLUMN_AT(pg_authid, rolsuper), list[i]->superuser);
        row_bool(r, COLUMN_AT(pg_authid, rolinherit), list[i]->inherit);
        row_bool(r, COLUMN_AT(pg_authid, rolcreaterole), list[i]->create_role);
        row_bool(r, COLUMN_AT(pg_authid, rolcreatedb), list[i]->create_db);
        row_bool(r, COLUMN_AT(pg_authid, rolcanlogin), list[i]->can_login);
        row_bool(r, COLUMN_AT(pg_authid, rolreplication), list[i]->replication);
        row_bool(r, COLUMN_AT(pg_authid, rolbypassrls), list[i]->bypass_rls);
        row_int(r, COLUMN_AT(pg_authid, rolconnlimit), list[i]->connection_limit);
        row_text(r, COLUMN_AT(pg_authid, rolpassword), list[i]->verifier);
        TRY_RETURN(role_until(r, COLUMN_AT(pg_authid, rolvaliduntil), list[i]));
        TRY_RETURN(row_end(r));
    }
    return STATUS_OK;
}

status scan_pg_user(struct rows *r)
{
    const struct role_desc **list;
    size_t                   count;

    TRY_RETURN(catalog_list_roles(r->v, r->a, &list, &count));
    for (size_t i = 0; i < count; i++) {
        if (!list[i]->can_login)
            continue;
        row_begin(r);
        row_text(r, COLUMN_AT(pg_user, usename), list[i]->name);
        row_int(r, COLUMN_AT(pg_user, usesysid), list[i]->oid);
        row_bool(r, COLUMN_AT(pg_user, usecreatedb), list[i]->create_db);
        row_bool(r, COLUMN_AT(pg_user, usesuper), list[i]->superuser);
        row_bool(r, COLUMN_AT(pg_user, userepl), list[i]->replication);
        row_bool(r, COLUMN_AT(pg_user, usebypassrls), list[i]->bypass_rls);
        row_text(r, COLUMN_AT(pg_user, passwd), "********");
        TRY_RETURN(row_end(r));
    }
    return STATUS_OK;
}

/* ---- fixed rows ------------------------------------------------------------------------------ */

status scan_pg_tablespace(struct rows *r)
{
    static const char *const names[] = {"pg_default", "pg_global"};

    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        row_begin(r);
        row_int(r, COLUMN_AT(pg_tablespace, oid),
                i == 0 ? OID_TABLESPACE_DEFAULT : OID_TABLESPACE_GLOBAL);
        row_text(r, COLUMN_AT(pg_tablespace, spcname), names[i]);
        row_int(r, COLUMN_AT(pg_tablespace, spcowner), OID_ROLE_BOOTSTRAP);
        TRY_RETURN(row_end(r));
    }
    return STATUS_OK;
}

status scan_pg_language(struct rows *r)
{
    static const struct {
        uint32_t    oid;
        const char *name;
    } languages[] = {{12, "internal"}, {13, "c"}, {14, "sql"}};

    for (size_t i = 0; i < ARRAY_LEN(languages); i++) {
        row_begin(r);
        row_int(r, COLUMN_AT(pg_language, oid), languages[i].oid);
        row_text(r, COLUMN_AT(pg_language, lanname), languages[i].name);
        row_int(r, COLUMN_AT(pg_language, lanowner), OID_ROLE_BOOTSTRAP);
        row_bool(r, COLUMN_AT(pg_language, lanispl), false);
        row_bool(r, COLUMN_AT(pg_language, lanpltrusted), false);
        row_int(r, COLUMN_AT(pg_language, lanplcallfoid), 0);
        row_int(r, COLUMN_AT(pg_language, laninline), 0);
        row_int(r, COLUMN_AT(pg_language, lanvalidator), 0);
        TRY_RETURN(row_end(r));
    }
    return STATUS_OK;
}

/* ---- views over descriptors ------------------------------------------------------------------ */

static const char *schema_name(struct rows *r, uint32_t oid)
{
    const struct object *o = view_peek(r->v, OBJECT_SCHEMA, oid);

    return o != NULL ? o->schema->name : NULL;
}

static const char *role_name(struct rows *r, uint32_t oid)
{
    const struct object *o = view_peek(r->v, OBJECT_ROLE, oid);

    return o != NULL ? o->role->name : NULL;
}

static bool has_foreign_keys(const struct table_desc *t)
{
    bool has = t->inbound_count > 0;

    for (size_t i = 0; i < t->constraint_count; i++)
        has |= t->constraints[i].kind == CONSTRAINT_FOREIGN;
    return has;
}

status scan_pg_tables(struct rows *r)
{
    const struct table_desc **list;
    size_t                    count;

    TRY_RETURN(catalog_list_tables(r->v, r->a, &list, &count));
    for (size_t i = 0; i < count; i++) {
        const struct table_desc *t = list[i];

        if (t->kind != RELATION_TABLE)
            continue;
        row_begin(r);
        row_text(r, COLUMN_AT(pg_tables, schemaname), schema_name(r, t->schema_oid));
        row_text(r, COLUMN_AT(pg_tables, tablename), t->name);
        row_text(r, COLUMN_AT(pg_tables, tableowner), role_name(r, t->owner_oid));
        row_bool(r, COLUMN_AT(pg_tables, hasindexes),
                 t->index_count > 1 || (t->index_count == 1 && t->indexes[0].oid != 0));
        row_bool(r, COLUMN_AT(pg_tables, hasrules), false);
        row_bool(r, COLUMN_AT(pg_tables, hastriggers), has_foreign_keys(t));
        row_bool(r, COLUMN_AT(pg_tables, rowsecurity), false);
        TRY_RETURN(row_end(r));
    }
    return STATUS_OK;
}

/* pg_stat_user_tables and its kin: which tables there are; nothing is counted. */
static status stat_rows(struct rows *r, size_t relid, size_t schema, size_t name, bool system)
{
    const struct table_desc **list;
    size_t                    count;

    TRY_RETURN(catalog_list_tables(r->v, r->a, &list, &count));
    for (size_t i = 0; i < count; i++) {
        if (list[i]->kind != RELATION_TABLE || (!system && list[i]->oid < OID_FIRST_USER))
            continue;
        row_begin(r);
        row_int(r, relid, list[i]->oid);
        row_text(r, schema, schema_name(r, list[i]->schema_oid));
        row_text(r, name, list[i]->name);
        TRY_RETURN(row_end(r));
    }
    return STATUS_OK;
}

#define STAT_SCAN(relation, system)                                                                \
    status scan_##relation(struct rows *r)                                                         \
    {                                                                                              \
        return stat_rows(r, COLUMN_AT(relation, relid), COLUMN_AT(relation, schemaname),           \
                         COLUMN_AT(relation, relname), (system));                                  \
    }

STAT_SCAN(pg_stat_user_tables, false)
STAT_SCAN(pg_stat_all_tables, true)
STAT_SCAN(pg_statio_user_tables, false)
STAT_SCAN(pg_statio_all_tables, true)
