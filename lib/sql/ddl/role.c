/* Roles. They are stored and shown; what they may do is not checked yet, so privileges are not
 * pretended: GRANT and REVOKE are refused unless they change nothing. */
#include "sql/ddl/internal.h"

struct flag {
    const char *name;
    size_t      offset;
};

static const struct flag flags[] = {
    {"superuser", offsetof(struct role_desc, superuser)},
    {"canlogin", offsetof(struct role_desc, can_login)},
    {"createdb", offsetof(struct role_desc, create_db)},
    {"createrole", offsetof(struct role_desc, create_role)},
    {"inherit", offsetof(struct role_desc, inherit)},
    {"isreplication", offsetof(struct role_desc, replication)},
    {"bypassrls", offsetof(struct role_desc, bypass_rls)},
};

static status set_password(const struct ddl *d, const PgQuery__DefElem *e, struct role_desc *role)
{
    const char *text = defelem_text(d, e);

    role->verifier = NULL;
    if (!given(text))
        return STATUS_OK;
    if (strncmp(text, "SCRAM-SHA-256$", 14) == 0) {
        role->verifier = text;
        return STATUS_OK;
    }
    if (d->hooks == NULL || d->hooks->password_verifier == NULL)
        return ddl_unsupported("passwords of roles are not supported");
    return d->hooks->password_verifier(d->hooks->arg, d->c, d->a, slice_cstr(text),
                                       &role->verifier);
}

static status apply_option(const struct ddl *d, const PgQuery__DefElem *e, struct role_desc *role)
{
    int64_t limit;

    for (size_t i = 0; i < ARRAY_LEN(flags); i++)
        if (ddl_equal(e->defname, flags[i].name))
            return defelem_bool(d, e, (bool *)((char *)role + flags[i].offset));
    if (ddl_equal(e->defname, "password"))
        return set_password(d, e, role);
    if (ddl_equal(e->defname, "connectionlimit")) {
        TRY_RETURN(defelem_int64(d, e, &limit));
        if (limit < -1 || limit > INT32_MAX)
            return status_new(ST_INVALID_PARAMETER_VALUE, "invalid connection limit: %lld",
                              (long long)limit);
        role->connection_limit = (int32_t)limit;
        return STATUS_OK;
    }
    if (ddl_equal(e->defname, "validUntil")) {
        role->valid_until = defelem_text(d, e);
        return STATUS_OK;
    }
    return ddl_unsupported("role option \"%s\" is not supported", e->defname);
}

static bool is_reserved(const char *name)
{
    return strncmp(name, "pg_", 3) == 0;
}

static status refuse_reserved(const char *name)
{
    if (!is_reserved(name))
        return STATUS_OK;
    return status_detail(status_new(ST_RESERVED_NAME, "role name \"%s\" is reserved", name),
                         "Cannot alter reserved roles.");
}

status ddl_create_role(const struct ddl *d, const PgQuery__CreateRoleStmt *s)
{
    struct role_desc role = {.name = s->role, .inherit = true, .connection_limit = -1};
    uint32_t         taken;

    d->result->tag = "CREATE ROLE";
    if (is_reserved(s->role))
        return status_detail(status_new(ST_RESERVED_NAME, "role name \"%s\" is reserved", s->role),
                             "Role names starting with \"pg_\" are reserved.");
    role.can_login = s->stmt_type == PG_QUERY__ROLE_STMT_TYPE__ROLESTMT_USER;
    for (size_t i = 0; i < s->n_options; i++)
        TRY_RETURN(apply_option(d, s->options[i]->def_elem, &role));
    TRY_RETURN(catalog_claim_name(d->v, OBJECT_ROLE, 0, role.name, &taken));
    if (taken != 0)
        return status_new(ST_DUPLICATE_OBJECT, "role \"%s\" already exists", role.name);
    TRY_RETURN(catalog_new_oid(d->v, &role.oid));
    return catalog_put_role(d->v, &role);
}

static status role_for_change(const struct ddl *d, uint32_t oid, struct role_desc *copy)
{
    const struct role_desc *role;

    TRY_RETURN(catalog_hold(d->v, OBJECT_ROLE, oid, true));
    TRY_RETURN(catalog_role_by_oid(d->v, oid, &role));
    if (role == NULL)
        return status_new(ST_UNDEFINED_OBJECT, "the role was dropped meanwhile");
    *copy = *role;
    return STATUS_OK;
}

status ddl_alter_role(const struct ddl *d, const PgQuery__AlterRoleStmt *s)
{
    struct role_desc copy;
    uint32_t         oid;

    d->result->tag = "ALTER ROLE";
    TRY_RETURN(refuse_reserved(s->role->rolename));
    TRY_RETURN(ddl_role(d, s->role, &oid));
    TRY_RETURN(role_for_change(d, oid, &copy));
    for (size_t i = 0; i < s->n_options; i++)
        TRY_RETURN(apply_option(d, s->options[i]->def_elem, &copy));
    if (oid == OID_ROLE_BOOTSTRAP && !copy.superuser)
        return status_new(ST_FEATURE_NOT_SUPPORTED,
                          "the bootstrap superuser must keep the SUPERUSER attribute");
    return catalog_put_role(d->v, &copy);
}

status role_rename(const struct ddl *d, const char *name, const char *new_name)
{
    const struct role_desc *role;
    struct role_desc        copy;
    uint32_t                taken;

    TRY_RETURN(catalog_role_by_name(d->v, name, &role));
    if (role == NULL)
        return status_new(ST_UNDEFINED_OBJECT, "role \"%s\" does not exist", name);
    TRY_RETURN(refuse_reserved(name));
    TRY_RETURN(role_for_change(d, role->oid, &copy));
    TRY_RETURN(catalog_claim_name(d->v, OBJECT_ROLE, 0, new_name, &taken));
    if (taken != 0)
        return status_new(ST_DUPLICATE_OBJECT, "role \"%s\" already exists", new_name);
    copy.name = new_name;
    return catalog_put_role(d->v, &copy);
}

/* ---- DROP ROLE ------------------------------------------------------------------------------- */

static status refuse_owner(const struct ddl *d, const struct role_desc *role)
{
    const struct table_desc    **tables;
    const struct schema_desc   **schemas;
    const struct database_desc **databases;
    const char                  *what = NULL;
    size_t                       count;

    TRY_RETURN(catalog_list_all_tables(d->v, d->a, &tables, &count));
    for (size_t i = 0; i < count && what == NULL; i++)
        if (tables[i]->owner_oid == role->oid)
            what = arena_printf(d->a, "owner of %s %s", ddl_kind_name(tables[i]->kind),
                                ddl_relation_name(d, tables[i]));
    TRY_RETURN(catalog_list_all_schemas(d->v, d->a, &schemas, &count));
    for (size_t i = 0; i < count && what == NULL; i++)
        if (schemas[i]->owner_oid == role->oid)
            what = arena_printf(d->a, "owner of schema %s", schemas[i]->name);
    TRY_RETURN(catalog_list_databases(d->v, d->a, &databases, &count));
    for (size_t i = 0; i < count && what == NULL; i++)
        if (databases[i]->owner_oid == role->oid)
            what = arena_printf(d->a, "owner of database %s", databases[i]->name);
    if (what == NULL)
        return STATUS_OK;
    return status_detail(status_new(ST_DEPENDENT_OBJECTS,
                                    "role \"%s\" cannot be dropped because "
                                    "some objects depend on it",
                                    role->name),
                         "%s", what);
}

status ddl_drop_role(const struct ddl *d, const PgQuery__DropRoleStmt *s)
{
    d->result->tag = "DROP ROLE";
    for (size_t i = 0; i < s->n_roles; i++) {
        const char             *name = s->roles[i]->role_spec->rolename;
        const struct role_desc *role;

        TRY_RETURN(catalog_role_by_name(d->v, name, &role));
        if (role == NULL && s->missing_ok) {
            ddl_notice(
                d, status_new(ST_UNDEFINED_OBJECT, "role \"%s\" does not exist, skipping", name));
            continue;
        }
        if (role == NULL)
            return status_new(ST_UNDEFINED_OBJECT, "role \"%s\" does not exist", name);
        if (role->oid == d->c->user_oid)
            return status_new(ST_OBJECT_IN_USE, "current user cannot be dropped");
        if (role->oid < OID_FIRST_USER)
            return status_new(ST_DEPENDENT_OBJECTS,
                              "cannot drop role %s because it is required by the database system",
                              name);
        TRY_RETURN(catalog_hold(d->v, OBJECT_ROLE, role->oid, true));
        TRY_RETURN(refuse_owner(d, role));
        TRY_RETURN(catalog_remove(d->v, OBJECT_ROLE, role->oid));
    }
    return STATUS_OK;
}

/* ---- GRANT ----------------------------------------------------------------------------------- */

status ddl_grant(const struct ddl *d, const PgQuery__GrantStmt *s)
{
    uint32_t oid;

    d->result->tag = s->is_grant ? "GRANT" : "REVOKE";
    /* A superuser has every privilege whatever is granted: nothing would change. */
    for (size_t i = 0; i < s->n_grantees; i++) {
        const PgQuery__RoleSpec *spec = s->grantees[i]->role_spec;
        const struct role_desc  *role;

        if (spec->roletype == PG_QUERY__ROLE_SPEC_TYPE__ROLESPEC_PUBLIC)
            return ddl_unsupported("%s for PUBLIC is not supported", d->result->tag);
        TRY_RETURN(ddl_role(d, spec, &oid));
        TRY_RETURN(catalog_role_by_oid(d->v, oid, &role));
        if (role == NULL || !role->superuser || !s->is_grant)
            return ddl_unsupported("%s is not supported: roles other than superusers have no "
                                   "privileges of their own yet",
                                   d->result->tag);
    }
    return STATUS_OK;
}
