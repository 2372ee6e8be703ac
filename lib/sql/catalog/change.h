/* lib/sql/catalog/change.h: changing descriptors, for lib/sql/ddl.
 *
 * A change is written through the view's transaction and seen by the view at once, by others when
 * the transaction has committed. A descriptor is changed only under an exclusive hold, which the
 * look-ups here take; it lasts until the transaction ends. Every call here may fail with the lock
 * errors of txn/txn.h. */
#ifndef LINERA_SQL_CATALOG_CHANGE_H
#define LINERA_SQL_CATALOG_CHANGE_H

#include "sql/catalog/catalog.h"
#include "sql/catalog/object.h"

/* As the look-ups of catalog.h, with an exclusive hold on what is found. MAY_YIELD. */
status catalog_table_by_name_for_change(struct catalog_view *v, const char *schema,
                                        const char *name, const struct table_desc **out) MUST_CHECK;
status catalog_table_by_oid_for_change(struct catalog_view *v, uint32_t oid,
                                       const struct table_desc **out) MUST_CHECK;
status catalog_index_by_name_for_change(struct catalog_view *v, const char *schema,
                                        const char *name, const struct table_desc **table,
                                        size_t *position) MUST_CHECK;

/* Hold a schema, database or role: shared while something is created in it, exclusive to drop or
 * rename it. Look it up again afterwards. MAY_YIELD. */
status catalog_hold(struct catalog_view *v, enum object_kind kind, uint32_t oid, bool exclusive)
    MUST_CHECK;

/* Keep others from taking the name until the transaction ends, then say who has it: *oid is 0 when
 * it is free. `parent` is the schema of a relation, the database of a schema, else 0. MAY_YIELD. */
status catalog_claim_name(struct catalog_view *v, enum object_kind kind, uint32_t parent,
                          const char *name, uint32_t *oid) MUST_CHECK;
/* Whether a relation of that name is there, without claiming it: for names made up. */
bool   catalog_relation_exists(struct catalog_view *v, uint32_t schema_oid, const char *name);

/* An OID, or a storage id, that was never given out before; not undone by a rollback. MAY_YIELD. */
status catalog_new_oid(struct catalog_view *v, uint32_t *out) MUST_CHECK;

/* Write a new or changed descriptor; what it points at is copied. The caller holds it exclusively,
 * or has just made it. MAY_YIELD. */
status catalog_put_table(struct catalog_view *v, const struct table_desc *t) MUST_CHECK;
status catalog_put_schema(struct catalog_view *v, const struct schema_desc *s) MUST_CHECK;
status catalog_put_database(struct catalog_view *v, const struct database_desc *d) MUST_CHECK;
status catalog_put_role(struct catalog_view *v, const struct role_desc *r) MUST_CHECK;
/* Remove a descriptor. MAY_YIELD. */
status catalog_remove(struct catalog_view *v, enum object_kind kind, uint32_t oid) MUST_CHECK;

/* A copy of a descriptor to change and put: the lists are arrays in `a` that can hold `extra` more
 * elements each; texts are shared with `t`. */
struct table_desc *table_desc_copy(struct arena *a, const struct table_desc *t, size_t extra);

/* All relations of every database, for checks before a role or database is dropped. As
 * catalog_list_tables(). */
status catalog_list_all_tables(struct catalog_view *v, struct arena *a,
                               const struct table_desc ***out, size_t *count) MUST_CHECK;

status catalog_list_all_schemas(struct catalog_view *v, struct arena *a,
                                const struct schema_desc ***out, size_t *count) MUST_CHECK;

struct txn        *catalog_view_txn(const struct catalog_view *v);
struct txn_system *catalog_view_txn_system(const struct catalog_view *v);
struct catalog    *catalog_view_catalog(const struct catalog_view *v);
uint32_t           catalog_view_database(const struct catalog_view *v);
/* The schemas of the search path that exist, in order of search; with `implicit`, pg_catalog is
 * among them when it is searched without being named. An array in `a`. */
status             catalog_search_path(struct catalog_view *v, struct arena *a, bool implicit,
                                       const struct schema_desc ***out, size_t *count) MUST_CHECK;

#endif
