/* lib/sql/catalog/internal.h: the cache and the views, for lib/sql/catalog only.
 *
 * The cache holds the committed version of every descriptor: it is loaded when the store opens and
 * kept current by the commit hooks of the transactions that change it, which run before their locks
 * are released. So whoever holds a descriptor finds its newest version in the cache, without I/O.
 *
 * Holds are locks on the descriptors' keys, in the same lock table as rows: waiting, time-outs and
 * deadlock detection between rows and descriptors need nothing of their own. */
#ifndef LINERA_SQL_CATALOG_INTERNAL_H
#define LINERA_SQL_CATALOG_INTERNAL_H

#include "base/assert.h"
#include "base/hmap.h"
#include "env/env.h"
#include "sql/catalog/change.h"
#include "sql/catalog/virtual.h"
#include "txn/txn.h"

struct catalog {
    struct env        *env;
    struct heap       *heap;
    struct txn_system *txns;
    struct umap        objects;      /* object_key() -> struct object *, committed */
    struct hmap        names;        /* name key -> OID of the relation (or index), schema ... */
    struct umap        indexes;      /* OID of an index -> OID of its table */
    uint64_t           version;      /* of what is committed */
    uint64_t           version_last; /* the newest number any view or commit has taken */
    uint32_t           oid_next, oid_end; /* reserved and not given out yet */
    struct env_mutex   oid_mutex;
    struct umap        changes;    /* OID of a table -> struct changes *, see statistics.c */
    size_t             due_count;  /* of those, that want new statistics; at least */
    struct umap        sequences;  /* storage id -> struct sequence_state *, see sequence.c */
    struct list        views_free; /* closed views, kept for reuse */
    size_t             views_free_count;
};

/* One put or removal. */
struct change {
    enum object_kind kind;
    uint32_t         oid;
    struct object   *object; /* NULL: removed */
    struct change   *before; /* the change of the same descriptor that this one replaced */
    txn_savepoint_id at;     /* undone by a rollback to any savepoint before this number */
};

struct catalog_view {
    struct list        link; /* in views_free */
    struct catalog    *catalog;
    struct txn        *txn;
    uint32_t           database_oid;
    struct arena      *arena;
    const char *const *path; /* the session's */
    size_t             path_count;
    bool               path_names_pg_catalog;
    struct umap        held; /* object_key() -> the struct object * that is pinned under the hold */
    struct umap        overlay; /* object_key() -> struct change *, the newest */
    struct change    **changes; /* all that are not undone, in order */
    size_t             change_count, change_capacity;
    struct object    **pins; /* references to give back when the view closes */
    size_t             pin_count, pin_capacity;
    bool               hooked;
    uint64_t           version; /* 0: nothing changed, the catalog's */
};

static inline uint64_t object_key(enum object_kind kind, uint32_t oid)
{
    return (uint64_t)kind << 32 | oid;
}

/* The OID behind a name in the view, 0 when there is none. For relations it may be an index's. */
uint32_t        view_find_name(const struct catalog_view *v, enum object_kind kind, uint32_t parent,
                               const char *name);
/* The newest version the view sees, without a hold; NULL when there is none. */
struct object  *view_peek(const struct catalog_view *v, enum object_kind kind, uint32_t oid);
/* The table that an index belongs to, 0 when there is no such index. */
uint32_t        view_table_of_index(const struct catalog_view *v, uint32_t index_oid);
/* Keep a reference until the view closes. */
void            view_pin(struct catalog_view *v, struct object *o);
/* The same, unless the view has one already. */
void            view_pin_once(struct catalog_view *v, struct object *o);
/* Every descriptor of a kind the view sees, in order of OID; `database_oid` 0: of all databases.
 * Pinned. */
struct object **view_list(struct catalog_view *v, struct arena *a, enum object_kind kind,
                          uint32_t database_oid, size_t *count);

/* Install a committed version, or remove it when `o` is NULL. Takes over the reference. */
void catalog_install(struct catalog *c, enum object_kind kind, uint32_t oid, struct object *o);
/* The keys of keys under /system, appended. */
void catalog_key_descriptor(struct buf *b, enum object_kind kind, uint32_t oid);
/* The reverse: false when it is another key. */
bool catalog_key_is_descriptor(slice key, enum object_kind *kind, uint32_t *oid);
void catalog_key_all_descriptors(struct buf *b);
void catalog_key_name(struct buf *b, enum object_kind kind, uint32_t parent, const char *name);
void catalog_key_oids(struct buf *b);
void catalog_key_sequence(struct buf *b, uint64_t storage_id);

/* virtual_tables.c: objects of the system schemas and tables, put into an empty cache. */
void virtual_install(struct catalog *c);

/* sequence.c: forget what is known of a sequence's values when it is gone or has new storage. */
void sequence_state_forget(struct catalog *c, const struct object *before,
                           const struct object *after);
void sequence_states_free(struct catalog *c);

/* statistics.c: statistics have come or gone, and with them the count of changes since. */
void changes_forget(struct catalog *c, const struct object *before, const struct object *after);
void changes_free(struct catalog *c);

/* Whether the descriptor is made by the program, not stored. */
static inline bool object_is_builtin(const struct object *o)
{
    return o->oid < OID_FIRST_USER &&
           ((o->kind == OBJECT_TABLE) || (o->kind == OBJECT_ROLE && o->oid != OID_ROLE_BOOTSTRAP) ||
            (o->kind == OBJECT_SCHEMA &&
             (o->oid == OID_SCHEMA_PG_CATALOG || o->oid == OID_SCHEMA_INFORMATION)));
}

#endif
