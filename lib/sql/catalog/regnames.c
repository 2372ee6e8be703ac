/* The catalog's part of regclass, regnamespace and regrole: see sql/types/regtypes.h. */
#include "sql/catalog/catalog.h"
#include "sql/types/regtypes.h"

static status find_relation(struct catalog_view *v, const char *schema, const char *name,
                            uint32_t *oid)
{
    const struct table_desc *table;
    size_t                   position;

    TRY_RETURN(catalog_table_by_name(v, schema, name, &table));
    if (table != NULL) {
        *oid = table->oid;
        return STATUS_OK;
    }
    TRY_RETURN(catalog_index_by_name(v, schema, name, &table, &position));
    if (table != NULL)
        *oid = table->indexes[position].oid;
    return STATUS_OK;
}

status reg_catalog_find(struct sql_context *c, uint32_t type, const char *schema, const char *name,
                        uint32_t *oid)
{
    const struct schema_desc *s = NULL;
    const struct role_desc   *r = NULL;

    *oid = 0;
    if (c == NULL || c->catalog == NULL)
        return STATUS_OK;
    switch (type) {
    case OID_REGCLASS:
        return find_relation(c->catalog, schema, name, oid);
    case OID_REGNAMESPACE:
        TRY_RETURN(catalog_schema_by_name(c->catalog, name, &s));
        *oid = s != NULL ? s->oid : 0;
        return STATUS_OK;
    default:
        TRY_RETURN(catalog_role_by_name(c->catalog, name, &r));
        *oid = r != NULL ? r->oid : 0;
        return STATUS_OK;
    }
}

static status relation_name(struct catalog_view *v, uint32_t oid, struct buf *out, bool *found)
{
    const struct table_desc  *table;
    const struct schema_desc *schema = NULL;
    const char               *name;
    size_t                    position;

    TRY_RETURN(catalog_table_by_oid(v, oid, &table));
    name = table != NULL ? table->name : NULL;
    if (table == NULL) {
        TRY_RETURN(catalog_index_by_oid(v, oid, &table, &position));
        name = table != NULL ? table->indexes[position].name : NULL;
    }
    *found = table != NULL;
    if (table == NULL)
        return STATUS_OK;
    if (!catalog_table_is_visible(v, table)) {
        TRY_RETURN(catalog_schema_by_oid(v, table->schema_oid, &schema));
        if (schema != NULL) {
            reg_quote_identifier(slice_cstr(schema->name), out);
            buf_put_u8(out, '.');
        }
    }
    reg_quote_identifier(slice_cstr(name), out);
    return STATUS_OK;
}

status reg_catalog_name(struct sql_context *c, uint32_t type, uint32_t oid, struct buf *out,
                        bool *found)
{
    const struct schema_desc *s = NULL;
    const struct role_desc   *r = NULL;
    const char               *name = NULL;

    *found = false;
    if (c == NULL || c->catalog == NULL)
        return STATUS_OK;
    if (type == OID_REGCLASS)
        return relation_name(c->catalog, oid, out, found);
    if (type == OID_REGNAMESPACE) {
        TRY_RETURN(catalog_schema_by_oid(c->catalog, oid, &s));
        name = s != NULL ? s->name : NULL;
    } else {
        TRY_RETURN(catalog_role_by_oid(c->catalog, oid, &r));
        name = r != NULL ? r->name : NULL;
    }
    *found = name != NULL;
    if (name != NULL)
        reg_quote_identifier(slice_cstr(name), out);
    return STATUS_OK;
}
