/* lib/sql/catalog/catalog.h: names to descriptors, as one transaction sees them.
 *
 * Descriptors are values under /system, written through the transaction that changes them, so DDL
 * commits and rolls back with it. The node keeps the committed ones in a cache; a transaction that
 * has changed some sees its own on top. A statement takes a shared hold on each descriptor it uses
 * for the rest of its transaction; a change waits for the holds of others and keeps new ones out
 * until it commits or aborts, as PostgreSQL's ACCESS EXCLUSIVE lock does, deadlocks detected alike.
 */
#ifndef LINERA_SQL_CATALOG_CATALOG_H
#define LINERA_SQL_CATALOG_CATALOG_H

#include "base/arena.h"
#include "base/slice.h"
#include "base/status.h"
#include "sql/catalog/descriptor.h"
#include "sql/context.h"

struct txn_system;
struct env;

/* The node's: the cache. One per worker. */
struct catalog;
/* A transaction's. */
struct catalog_view;

/* Open the catalog of a store; a new store gets the databases "defaultdb" and "postgres", the
 * schemas public, pg_catalog and information_schema, and the superuser `superuser`. MAY_YIELD. */
status catalog_open(struct env *env, struct txn_system *txns, const char *superuser,
                    struct catalog **out) MUST_CHECK;
void   catalog_close(struct catalog *c);

/* What one transaction sees. `database` is the session's. Cheap: nothing is read before it is asked
 * for. The view hooks into the transaction's commit and rollback; it is valid until the transaction
 * has ended. */
status catalog_view_open(struct catalog *c, struct txn *txn, uint32_t database_oid,
                         struct catalog_view **out) MUST_CHECK;
void   catalog_view_close(struct catalog_view *v);

/* The names unqualified relations are looked up in, in order (search_path; pg_catalog is searched
 * first unless it is named). The session sets it for each new view and when the setting
 * changes. Borrowed until it is set anew or the view is closed. */
void catalog_view_set_search_path(struct catalog_view *v, const char *const *schemas, size_t count);

/* Number that grows whenever anything a cached plan relies on may have changed: part of the plan
 * cache's key (pitfall Q1). Includes uncommitted changes of the view's own transaction. */
uint64_t catalog_version(const struct catalog_view *v);

/* Take shared holds on the relations a cached plan uses, as the look-ups would. The caller compares
 * catalog_version() afterwards: while this waited, a change may have made the plan stale. Relations
 * that are gone are no error. MAY_YIELD. */
status catalog_hold_tables(struct catalog_view *v, const uint32_t *oids, size_t count) MUST_CHECK;

/* Look-ups take a shared hold. *out is NULL when there is nothing of that name; errors are real
 * ones (time-out, cancellation). `schema` NULL: along the search path. MAY_YIELD. */
status catalog_table_by_name(struct catalog_view *v, const char *schema, const char *name,
                             const struct table_desc **out) MUST_CHECK;
status catalog_table_by_oid(struct catalog_view *v, uint32_t oid, const struct table_desc **out)
    MUST_CHECK;
/* An index by its own name or OID: the table it belongs to and its position in table->indexes. */
status catalog_index_by_name(struct catalog_view *v, const char *schema, const char *name,
                             const struct table_desc **table, size_t *position) MUST_CHECK;
status catalog_index_by_oid(struct catalog_view *v, uint32_t oid, const struct table_desc **table,
                            size_t *position) MUST_CHECK;
status catalog_schema_by_name(struct catalog_view *v, const char *name,
                              const struct schema_desc **out) MUST_CHECK;
status catalog_schema_by_oid(struct catalog_view *v, uint32_t oid, const struct schema_desc **out)
    MUST_CHECK;
status catalog_database_by_name(struct catalog_view *v, const char *name,
                                const struct database_desc **out) MUST_CHECK;
status catalog_database_by_oid(struct catalog_view *v, uint32_t oid,
                               const struct database_desc **out) MUST_CHECK;
status catalog_role_by_name(struct catalog_view *v, const char *name, const struct role_desc **out)
    MUST_CHECK;
status catalog_role_by_oid(struct catalog_view *v, uint32_t oid, const struct role_desc **out)
    MUST_CHECK;

/* The schema and name of a table, view, sequence or index, without a hold; false when there is none
 * of that OID. The name lives until the view changes. */
bool     catalog_relation_name(struct catalog_view *v, uint32_t oid, uint32_t *schema_oid,
                               const char **name);
/* The OID behind such a name, without a hold; 0 when there is none. `schema` NULL: along the search
 * path. */
uint32_t catalog_relation_oid(struct catalog_view *v, const char *schema, const char *name);

/* All relations, schemas, databases of the view's database in order of OID, for pg_catalog: arrays
 * in `a`. No holds are taken. */
status catalog_list_tables(struct catalog_view *v, struct arena *a, const struct table_desc ***out,
                           size_t *count) MUST_CHECK;
status catalog_list_schemas(struct catalog_view *v, struct arena *a,
                            const struct schema_desc ***out, size_t *count) MUST_CHECK;
status catalog_list_databases(struct catalog_view *v, struct arena *a,
                              const struct database_desc ***out, size_t *count) MUST_CHECK;
status catalog_list_roles(struct catalog_view *v, struct arena *a, const struct role_desc ***out,
                          size_t *count) MUST_CHECK;

/* The schema that CREATE without a schema name goes to; UNDEFINED_SCHEMA (3F000) when the path has
 * none. */
status catalog_creation_schema(struct catalog_view *v, const struct schema_desc **out) MUST_CHECK;
/* Is the relation found first when looked up by its bare name? pg_table_is_visible(). */
bool   catalog_table_is_visible(struct catalog_view *v, const struct table_desc *t);
/* The same for any name in pg_class, indexes included. */
bool   catalog_relation_is_visible(struct catalog_view *v, uint32_t schema_oid, const char *name);

const struct column_desc     *table_column_by_name(const struct table_desc *t,
                                                   const char              *name); /* NULL: none */
const struct index_desc      *table_primary_index(const struct table_desc *t);
const struct constraint_desc *table_constraint_by_oid(const struct table_desc *t, uint32_t oid);

#endif
