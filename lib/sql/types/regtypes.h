/* lib/sql/types/regtypes.h: the types that are OIDs written as names: regclass, regtype, regproc
 * and their kin. Types, functions and operators are in the constant tables; relations, schemas and
 * roles are asked of the catalog, whose part of the work is declared here and lives in
 * sql/catalog/regnames.c. */
#ifndef LINERA_SQL_TYPES_REGTYPES_H
#define LINERA_SQL_TYPES_REGTYPES_H

#include "sql/types/type.h"

/* A name as SQL writes it, taken apart: unquoted parts folded to lower case. */
struct reg_name {
    char  *parts[3];
    size_t count;
};

/* Parse `a."B".c`. 42602 "invalid name syntax" when it is none or has more than three parts. */
status reg_name_parse(struct arena *a, slice text, struct reg_name *out) MUST_CHECK;

/* The type that a text such as "integer", "pg_catalog.int4", "varchar(20)" or "text[]" names;
 * *typmod is -1 when there is no modifier. 42704 when there is none. */
status reg_type_parse(struct arena *a, slice text, uint32_t *oid, int32_t *typmod) MUST_CHECK;

/* A name with double quotes where SQL needs them. */
void reg_quote_identifier(slice name, struct buf *out);

/* The name or OID behind one of these types. `type` is one of the OID_REG... constants; "-" is 0.
 */
status reg_find(struct sql_context *c, struct arena *a, uint32_t type, slice text, uint32_t *oid)
    MUST_CHECK;

/* ---- implemented by sql/catalog
 * ------------------------------------------------------------------- */

/* Look up a regclass, regnamespace or regrole. `schema` is NULL for none. *oid is 0 when there is
 * no such object. MAY_YIELD. */
status reg_catalog_find(struct sql_context *c, uint32_t type, const char *schema, const char *name,
                        uint32_t *oid) MUST_CHECK;
/* Append the name of such an object, quoted and, where the search path does not find it, with its
 * schema; *found tells whether there is one. MAY_YIELD. */
status reg_catalog_name(struct sql_context *c, uint32_t type, uint32_t oid, struct buf *out,
                        bool *found) MUST_CHECK;

#endif
