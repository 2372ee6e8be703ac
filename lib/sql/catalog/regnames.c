/* What the types regclass, regnamespace and regrole ask of the catalog. Names are only looked up,
 * not held: the values outlive the statement anyway. */
#include "sql/types/regtypes.h"

#include "sql/catalog/catalog.h"

status reg_catalog_find(struct sql_context *c, uint32_t type, const char *schema, const char *name,
                        uint32_t *oid)
{
    const struct schema_desc *namespace;
    const struct role_desc *role;

    *oid = 0;
    if (c == NULL || c->catalog == NULL)
        return STATUS_OK;
    switch (type) {
    case OID_REGCLASS:
        *oid = catalog_relation_oid(c->catalog, schema, name);
        return STATUS_OK;
    case OID_REGNAMESPACE:
        TRY_RETURN(catalog_schema_by_name(c->catalog, name, &namespace));
        *oid = namespace != NULL ? namespace->oid : 0;
        return STATUS_OK;
    case OID_REGROLE:
        TRY_RETURN(catalog_role_by_name(c->catalog, name, &role));
        *oid = role != NULL ? role->oid : 0;
        return STATUS_OK;
    default:
        return status_new(ST_INTERNAL, "type %u is not looked up in the catalog", type);
    }
}

static void put_name(const char *schema, const char *name, struct buf *out)
{
    if (schema != NULL) {
        reg_quote_identifier(slice_cstr(schema), out);
        buf_append_cstr(out, ".");
    }
    reg_quote_identifier(slice_cstr(name), out);
}

static status relation_name(struct catalog_view *v, uint32_t oid, struct buf *out, bool *found)
{
    const struct schema_desc *schema = NULL;
    uint32_t                  schema_oid;
    const char               *name;

    *found = catalog_relation_name(v, oid, &schema_oid, &name);
    if (!*found)
        return STATUS_OK;
    if (!catalog_relation_is_visible(v, schema_oid, name))
        TRY_RETURN(catalog_schema_by_oid(v, schema_oid, &schema));
    put_name(schema != NULL ? schema->name : NULL, name, out);
    return STATUS_OK;
}

status reg_catalog_name(struct sql_context *c, uint32_t type, uint32_t oid, struct buf *out,
                        bool *found)
{
    const struct schema_desc *schema;
    const struct role_desc   *role;
    const char               *name;

    *found = false;
    if (c == NULL || c->catalog == NULL)
        return STATUS_OK;
    if (type == OID_REGCLASS)
        return relation_name(c->catalog, oid, out, found);
    if (type == OID_REGROLE) {
        TRY_RETURN(catalog_role_by_oid(c->catalog, oid, &role));
        name = role != NULL ? role->name : NULL;
    } else {
        TRY_RETURN(catalog_schema_by_oid(c->catalog, oid, &schema));
        name = schema != NULL ? schema->name : NULL;
    }
    *found = name != NULL;
    if (name != NULL)
        put_name(NULL, name, out);
    return STATUS_OK;
}
