/* lib/sql/catalog/object.h: one version of one descriptor in memory, with its stored form. For
 * lib/sql/catalog only. */
#ifndef LINERA_SQL_CATALOG_OBJECT_H
#define LINERA_SQL_CATALOG_OBJECT_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/status.h"
#include "sql/catalog/descriptor.h"

enum object_kind {
    OBJECT_TABLE = 1,
    OBJECT_SCHEMA,
    OBJECT_DATABASE,
    OBJECT_ROLE,
    OBJECT_STATISTICS
};

/* Counted: the cache, each view that looked it up, each overlay hold one reference. Immutable but
 * for the count and storage_ts. */
struct object {
    uint32_t         refs;
    enum object_kind kind;
    uint32_t         oid;
    uint64_t         version;
    /* Tables: the commit that gave them their storage or one of their indexes, 0 when it is as old
     * as the table or the run of the node. Set once, when the version is published. */
    uint64_t         storage_ts;
    struct arena    *arena; /* holds the object itself too */
    union {
        const struct table_desc       *table;
        const struct schema_desc      *schema;
        const struct database_desc    *database;
        const struct role_desc        *role;
        const struct table_statistics *statistics; /* statistics.h; the OID is the table's */
        const void                    *any;
    };
};

/* The stored form, appended to `out`. `desc` is the struct of that kind; its version is
 * `version`. */
void object_encode(enum object_kind kind, uint32_t oid, uint64_t version, const void *desc,
                   struct buf *out);

/* A new object, with one reference, from the stored form. CORRUPT: the bytes are none.
 * FEATURE_NOT_SUPPORTED: a newer node wrote them in a form this one cannot use. */
status object_decode(struct heap *heap, slice bytes, struct object **out) MUST_CHECK;

/* CORRUPT when the descriptor cannot be one that was stored: check.c says what is looked at. */
status table_desc_check(const struct table_desc *t) MUST_CHECK;

/* An object around a descriptor that is made by hand in `arena`, which it takes over: virtual
 * tables. */
struct object *object_wrap(struct arena *arena, enum object_kind kind, uint32_t oid,
                           const void *desc);

struct object *object_ref(struct object *o);
/* Accepts NULL. */
void           object_unref(struct object *o);

const char *object_name(const struct object *o);
/* What the name must be unique in: the schema of a relation, the database of a schema; 0 for
 * databases and roles, the table for statistics. */
uint32_t    object_parent(const struct object *o);

#endif
