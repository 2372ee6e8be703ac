/* What one transaction sees of the catalog: its own changes over the committed descriptors. */
#include "base/sort.h"
#include "sql/catalog/internal.h"

enum { VIEWS_FREE_MAX = 64 };

/* ---- opening and closing --------------------------------------------------------------------- */

static struct catalog_view *view_make(struct catalog *c)
{
    struct catalog_view *v;

    if (!list_empty(&c->views_free)) {
        c->views_free_count--;
        return CONTAINER_OF(list_pop_front(&c->views_free), struct catalog_view, link);
    }
    v = heap_zalloc(c->heap, sizeof *v);
    if (v == NULL)
        return NULL;
    list_init(&v->link);
    v->arena = arena_new(c->heap, NULL);
    umap_init(&v->held, c->heap);
    umap_init(&v->overlay, c->heap);
    return v;
}

static void view_destroy(struct catalog_view *v)
{
    umap_deinit(&v->held);
    umap_deinit(&v->overlay);
    heap_free(v->pins);
    arena_free(v->arena);
    heap_free(v);
}

status catalog_view_open(struct catalog *c, struct txn *txn, uint32_t database_oid,
                         struct catalog_view **out)
{
    struct catalog_view *v = view_make(c);

    if (v == NULL)
        return STATUS_OOM;
    v->catalog = c;
    v->txn = txn;
    v->database_oid = database_oid;
    *out = v;
    return STATUS_OK;
}

void catalog_view_close(struct catalog_view *v)
{
    struct catalog *c;

    if (v == NULL)
        return;
    c = v->catalog;
    for (size_t i = 0; i < v->pin_count; i++)
        object_unref(v->pins[i]);
    v->pin_count = 0;
    if (c->views_free_count == VIEWS_FREE_MAX) {
        view_destroy(v);
        return;
    }
    umap_reset(&v->held);
    umap_reset(&v->overlay);
    arena_reset(v->arena);
    v->path = NULL;
    v->path_count = 0;
    v->path_names_pg_catalog = false;
    v->changes = NULL;
    v->change_count = v->change_capacity = 0;
    v->hooked = false;
    v->version = 0;
    v->txn = NULL;
    list_push_front(&c->views_free, &v->link);
    c->views_free_count++;
}

void view_pin(struct catalog_view *v, struct object *o)
{
    if (v->pin_count == v->pin_capacity) {
        size_t          capacity = v->pin_capacity == 0 ? 16 : v->pin_capacity * 2;
        struct object **pins = heap_must_alloc(v->catalog->heap, capacity, sizeof(struct object *));

        if (v->pin_count > 0)
            memcpy(pins, v->pins, v->pin_count * sizeof(struct object *));
        heap_free(v->pins);
        v->pins = pins;
        v->pin_capacity = capacity;
    }
    v->pins[v->pin_count++] = object_ref(o);
}

void view_pin_once(struct catalog_view *v, struct object *o)
{
    for (size_t i = v->pin_count; i > 0; i--) {
        if (v->pins[i - 1] == o)
            return;
    }
    view_pin(v, o);
}

void catalog_view_set_search_path(struct catalog_view *v, const char *const *schemas, size_t count)
{
    v->path = schemas;
    v->path_count = count;
    v->path_names_pg_catalog = false;
    for (size_t i = 0; i < count; i++) {
        if (strcmp(schemas[i], "pg_catalog") == 0)
            v->path_names_pg_catalog = true;
    }
}

uint64_t catalog_version(const struct catalog_view *v)
{
    return v->version != 0 ? v->version : v->catalog->version;
}

struct txn *catalog_view_txn(const struct catalog_view *v)
{
    return v->txn;
}

struct txn_system *catalog_view_txn_system(const struct catalog_view *v)
{
    return v->catalog->txns;
}

struct catalog *catalog_view_catalog(const struct catalog_view *v)
{
    return v->catalog;
}

uint32_t catalog_view_database(const struct catalog_view *v)
{
    return v->database_oid;
}

/* ---- finding without holds ------------------------------------------------------------------- */

struct object *view_peek(const struct catalog_view *v, enum object_kind kind, uint32_t oid)
{
    const struct change *change = umap_get(&v->overlay, object_key(kind, oid));

    if (change != NULL)
        return change->object;
    return umap_get(&v->catalog->objects, object_key(kind, oid));
}

/* The OID that `o` gives the name to: its own or that of one of its indexes. */
static uint32_t object_find_name(const struct object *o, uint32_t parent, const char *name)
{
    if (object_parent(o) != parent)
        return 0;
    if (strcmp(object_name(o), name) == 0)
        return o->oid;
    if (o->kind != OBJECT_TABLE)
        return 0;
    for (size_t i = 0; i < o->table->index_count; i++) {
        const struct index_desc *x = &o->table->indexes[i];

        if (x->oid != 0 && strcmp(x->name, name) == 0)
            return x->oid;
    }
    return 0;
}

uint32_t view_table_of_index(const struct catalog_view *v, uint32_t index_oid)
{
    size_t   pos = 0;
    uint64_t key;
    void    *value;
    uint32_t table = (uint32_t)(uintptr_t)umap_get(&v->catalog->indexes, index_oid);

    if (table != 0 && !umap_has(&v->overlay, object_key(OBJECT_TABLE, table)))
        return table;
    while (umap_next(&v->overlay, &pos, &key, &value)) {
        const struct change *change = value;

        if (change->kind != OBJECT_TABLE || change->object == NULL)
            continue;
        for (size_t i = 0; i < change->object->table->index_count; i++)
            if (change->object->table->indexes[i].oid == index_oid)
                return change->oid;
    }
    return 0;
}

static uint32_t committed_find_name(const struct catalog *c, enum object_kind kind, uint32_t parent,
                                    const char *name)
{
    SCOPED(buf) struct buf key = {0};

    buf_init(&key, c->heap);
    catalog_key_name(&key, kind, parent, name);
    return (uint32_t)(uintptr_t)hmap_get(&c->names, buf_slice(&key));
}

uint32_t view_find_name(const struct catalog_view *v, enum object_kind kind, uint32_t parent,
                        const char *name)
{
    const struct catalog *c = v->catalog;
    size_t                pos = 0;
    uint64_t              key;
    void                 *value;
    uint32_t              oid, owner;

    while (umap_next(&v->overlay, &pos, &key, &value)) {
        const struct change *change = value;

        if (change->kind != kind || change->object == NULL)
            continue;
        oid = object_find_name(change->object, parent, name);
        if (oid != 0)
            return oid;
    }
    oid = committed_find_name(c, kind, parent, name);
    if (oid == 0)
        return 0;
    /* Changed by this transaction, and not found above: it has no longer that name. */
    owner = kind == OBJECT_TABLE ? (uint32_t)(uintptr_t)umap_get(&c->indexes, oid) : 0;
    return umap_has(&v->overlay, object_key(kind, owner != 0 ? owner : oid)) ? 0 : oid;
}

static int compare_objects(const void *a, const void *b, void *ctx)
{
    const struct object *const *x = a, *const *y = b;

    (void)ctx;
    return ((*x)->oid > (*y)->oid) - ((*x)->oid < (*y)->oid);
}

static bool object_is_listed(const struct object *o, enum object_kind kind, uint32_t database_oid)
{
    uint32_t database = 0;

    if (o->kind != kind)
        return false;
    if (kind == OBJECT_TABLE)
        database = o->table->database_oid;
    if (kind == OBJECT_SCHEMA)
        database = o->schema->database_oid;
    return database_oid == 0 || database == 0 || database == database_oid;
}

struct object **view_list(struct catalog_view *v, struct arena *a, enum object_kind kind,
                          uint32_t database_oid, size_t *count)
{
    size_t          room = umap_count(&v->catalog->objects) + umap_count(&v->overlay), pos;
    uint64_t        key;
    void           *value;
    struct object **list = ARENA_ARRAY(a, struct object *, room + 1);

    *count = 0;
    for (pos = 0; umap_next(&v->catalog->objects, &pos, &key, &value);)
        if (object_is_listed(value, kind, database_oid) && !umap_has(&v->overlay, key))
            list[(*count)++] = value;
    for (pos = 0; umap_next(&v->overlay, &pos, &key, &value);) {
        const struct change *change = value;

        if (change->object != NULL && object_is_listed(change->object, kind, database_oid))
            list[(*count)++] = change->object;
    }
    for (size_t i = 0; i < *count; i++)
        if (!object_is_builtin(list[i]))
            view_pin(v, list[i]);
    sort_stable(v->catalog->heap, list, *count, sizeof(struct object *), compare_objects, NULL);
    return list;
}

/* ---- holds ----------------------------------------------------------------------------------- */

static status lock_descriptor(struct catalog_view *v, enum object_kind kind, uint32_t oid,
                              enum lock_strength strength)
{
    SCOPED(buf) struct buf key = {0};

    buf_init(&key, v->catalog->heap);
    catalog_key_descriptor(&key, kind, oid);
    return txn_lock(v->txn, buf_slice(&key), strength, LOCK_WAIT, NULL);
}

status catalog_hold(struct catalog_view *v, enum object_kind kind, uint32_t oid, bool exclusive)
{
    return lock_descriptor(v, kind, oid, exclusive ? LOCK_UPDATE : LOCK_SHARE);
}

/* The storage of a table, or an index of it, may be younger than the transaction's snapshot, which
 * would find it empty. Reading the descriptor's own key makes the transaction treat that as any
 * conflict with a younger write: SERIALIZABLE moves its snapshot up when what it has read allows,
 * SNAPSHOT fails with 40001, READ COMMITTED takes a new snapshot with each statement anyway. */
static status catch_up(struct catalog_view *v, const struct object *o)
{
    SCOPED(buf) struct buf      key = {0};
    struct txn_row              row;
    SCOPED(arena) struct arena *a = NULL;

    if (o->kind != OBJECT_TABLE || o->storage_ts == 0 || o->storage_ts <= txn_read_ts(v->txn))
        return STATUS_OK;
    a = arena_new(v->catalog->heap, NULL);
    buf_init(&key, v->catalog->heap);
    catalog_key_descriptor(&key, OBJECT_TABLE, o->oid);
    return txn_get_for(v->txn, buf_slice(&key), LOCK_SHARE, LOCK_WAIT, a, &row);
}

/* Hold a descriptor and find its version; *out is NULL when it is gone. */
static status hold_object(struct catalog_view *v, enum object_kind kind, uint32_t oid,
                          enum lock_strength strength, struct object **out)
{
    uint64_t       key = object_key(kind, oid);
    struct object *o = view_peek(v, kind, oid);

    *out = o;
    if (o == NULL || object_is_builtin(o))
        return STATUS_OK;
    if (strength == LOCK_SHARE &&
        (umap_has(&v->overlay, key) || umap_get(&v->held, key) == (void *)o))
        return STATUS_OK;
    TRY_RETURN(lock_descriptor(v, kind, oid, strength));
    o = view_peek(v, kind, oid); /* another version may have been committed while this waited */
    *out = o;
    if (o == NULL || umap_has(&v->overlay, key))
        return STATUS_OK;
    if (umap_get(&v->held, key) != (void *)o) {
        view_pin(v, o);
        umap_put(&v->held, key, o);
    }
    return catch_up(v, o);
}

/* Find a relation, or the table of an index, by name and hold it. What was found before a wait may
 * have been dropped or renamed behind it, so the name must still lead to the same place. */
static status hold_by_name(struct catalog_view *v, uint32_t schema_oid, const char *name,
                           enum lock_strength strength, struct object **out, uint32_t *found)
{
    for (;;) {
        uint32_t oid = view_find_name(v, OBJECT_TABLE, schema_oid, name), owner;

        *out = NULL;
        *found = oid;
        if (oid == 0)
            return STATUS_OK;
        owner = view_table_of_index(v, oid);
        TRY_RETURN(hold_object(v, OBJECT_TABLE, owner != 0 ? owner : oid, strength, out));
        if (*out != NULL && view_find_name(v, OBJECT_TABLE, schema_oid, name) == oid)
            return STATUS_OK;
    }
}

/* ---- names along the search path ------------------------------------------------------------- */

static uint32_t schema_oid_by_name(const struct catalog_view *v, const char *name)
{
    uint32_t oid = view_find_name(v, OBJECT_SCHEMA, v->database_oid, name);

    return oid != 0 ? oid : view_find_name(v, OBJECT_SCHEMA, 0, name);
}

/* The schemas in order of search, 0 for names that lead nowhere. `oids` has room for path_count +
 * 1. */
static size_t path_oids(const struct catalog_view *v, uint32_t *oids)
{
    size_t count = 0;

    if (!v->path_names_pg_catalog)
        oids[count++] = OID_SCHEMA_PG_CATALOG;
    for (size_t i = 0; i < v->path_count; i++)
        oids[count++] = schema_oid_by_name(v, v->path[i]);
    return count;
}

enum { PATH_MAX_ON_STACK = 64 };

static status hold_relation(struct catalog_view *v, const char *schema, const char *name,
                            enum lock_strength strength, struct object **out, uint32_t *found)
{
    uint32_t oids[PATH_MAX_ON_STACK];
    size_t   count;

    *out = NULL;
    *found = 0;
    if (schema != NULL) {
        uint32_t oid = schema_oid_by_name(v, schema);

        return oid == 0 ? STATUS_OK : hold_by_name(v, oid, name, strength, out, found);
    }
    if (v->path_count >= PATH_MAX_ON_STACK)
        return status_new(ST_LIMIT_EXCEEDED, "search_path names more than %d schemas",
                          PATH_MAX_ON_STACK - 1);
    count = path_oids(v, oids);
    for (size_t i = 0; i < count; i++) {
        if (oids[i] == 0 || view_find_name(v, OBJECT_TABLE, oids[i], name) == 0)
            continue;
        TRY_RETURN(hold_by_name(v, oids[i], name, strength, out, found));
        if (*out != NULL)
            return STATUS_OK;
    }
    return STATUS_OK;
}

status catalog_search_path(struct catalog_view *v, struct arena *a, bool implicit,
                           const struct schema_desc ***out, size_t *count)
{
    uint32_t *oids = ARENA_ARRAY(a, uint32_t, v->path_count + 2);
    size_t    n = path_oids(v, oids);

    *out = ARENA_ARRAY(a, const struct schema_desc *, n + 1);
    *count = 0;
    for (size_t i = 0; i < n; i++) {
        const struct object *o;

        if (oids[i] == 0 || (i == 0 && !v->path_names_pg_catalog && !implicit))
            continue;
        o = view_peek(v, OBJECT_SCHEMA, oids[i]);
        if (o != NULL)
            (*out)[(*count)++] = o->schema;
    }
    return STATUS_OK;
}

/* ---- look-ups: catalog.h --------------------------------------------------------------------- */

static status table_by_name(struct catalog_view *v, const char *schema, const char *name,
                            enum lock_strength strength, const struct table_desc **out)
{
    struct object *o;
    uint32_t       found;

    *out = NULL;
    TRY_RETURN(hold_relation(v, schema, name, strength, &o, &found));
    if (o != NULL && o->oid == found) /* else the name is an index's */
        *out = o->table;
    return STATUS_OK;
}

status catalog_table_by_name(struct catalog_view *v, const char *schema, const char *name,
                             const struct table_desc **out)
{
    return table_by_name(v, schema, name, LOCK_SHARE, out);
}

status catalog_table_by_name_for_change(struct catalog_view *v, const char *schema,
                                        const char *name, const struct table_desc **out)
{
    return table_by_name(v, schema, name, LOCK_UPDATE, out);
}

static status table_by_oid(struct catalog_view *v, uint32_t oid, enum lock_strength strength,
                           const struct table_desc **out)
{
    struct object *o;

    *out = NULL;
    TRY_RETURN(hold_object(v, OBJECT_TABLE, oid, strength, &o));
    if (o != NULL)
        *out = o->table;
    return STATUS_OK;
}

status catalog_table_by_oid(struct catalog_view *v, uint32_t oid, const struct table_desc **out)
{
    return table_by_oid(v, oid, LOCK_SHARE, out);
}

status catalog_table_by_oid_for_change(struct catalog_view *v, uint32_t oid,
                                       const struct table_desc **out)
{
    return table_by_oid(v, oid, LOCK_UPDATE, out);
}

status catalog_hold_tables(struct catalog_view *v, const uint32_t *oids, size_t count)
{
    const struct table_desc *ignored;

    for (size_t i = 0; i < count; i++)
        TRY_RETURN(table_by_oid(v, oids[i], LOCK_SHARE, &ignored));
    return STATUS_OK;
}

static void find_index(const struct object *o, uint32_t oid, const struct table_desc **table,
                       size_t *position)
{
    for (size_t i = 0; o != NULL && i < o->table->index_count; i++) {
        if (o->table->indexes[i].oid == oid && oid != 0) {
            *table = o->table;
            *position = i;
            return;
        }
    }
}

static status index_by_name(struct catalog_view *v, const char *schema, const char *name,
                            enum lock_strength strength, const struct table_desc **table,
                            size_t *position)
{
    struct object *o;
    uint32_t       found;

    *table = NULL;
    TRY_RETURN(hold_relation(v, schema, name, strength, &o, &found));
    find_index(o, found, table, position);
    return STATUS_OK;
}

status catalog_index_by_name(struct catalog_view *v, const char *schema, const char *name,
                             const struct table_desc **table, size_t *position)
{
    return index_by_name(v, schema, name, LOCK_SHARE, table, position);
}

status catalog_index_by_name_for_change(struct catalog_view *v, const char *schema,
                                        const char *name, const struct table_desc **table,
                                        size_t *position)
{
    return index_by_name(v, schema, name, LOCK_UPDATE, table, position);
}

status catalog_index_by_oid(struct catalog_view *v, uint32_t oid, const struct table_desc **table,
                            size_t *position)
{
    uint32_t       owner = view_table_of_index(v, oid);
    struct object *o;

    *table = NULL;
    if (owner == 0)
        return STATUS_OK;
    TRY_RETURN(hold_object(v, OBJECT_TABLE, owner, LOCK_SHARE, &o));
    find_index(o, oid, table, position);
    return STATUS_OK;
}

/* Schemas, databases and roles are only pinned: statements use them to find relations, and it is
 * the relations that they hold. */
static struct object *pinned(struct catalog_view *v, enum object_kind kind, uint32_t oid)
{
    struct object *o = oid == 0 ? NULL : view_peek(v, kind, oid);
    uint64_t       key = object_key(kind, oid);

    if (o == NULL || object_is_builtin(o) || umap_get(&v->held, key) == (void *)o)
        return o;
    view_pin(v, o);
    umap_put(&v->held, key, o);
    return o;
}

status catalog_schema_by_oid(struct catalog_view *v, uint32_t oid, const struct schema_desc **out)
{
    const struct object *o = pinned(v, OBJECT_SCHEMA, oid);

    *out = o != NULL ? o->schema : NULL;
    return STATUS_OK;
}

status catalog_schema_by_name(struct catalog_view *v, const char *name,
                              const struct schema_desc **out)
{
    return catalog_schema_by_oid(v, schema_oid_by_name(v, name), out);
}

status catalog_database_by_oid(struct catalog_view *v, uint32_t oid,
                               const struct database_desc **out)
{
    const struct object *o = pinned(v, OBJECT_DATABASE, oid);

    *out = o != NULL ? o->database : NULL;
    return STATUS_OK;
}

status catalog_database_by_name(struct catalog_view *v, const char *name,
                                const struct database_desc **out)
{
    return catalog_database_by_oid(v, view_find_name(v, OBJECT_DATABASE, 0, name), out);
}

status catalog_role_by_oid(struct catalog_view *v, uint32_t oid, const struct role_desc **out)
{
    const struct object *o = pinned(v, OBJECT_ROLE, oid);

    *out = o != NULL ? o->role : NULL;
    return STATUS_OK;
}

status catalog_role_by_name(struct catalog_view *v, const char *name, const struct role_desc **out)
{
    return catalog_role_by_oid(v, view_find_name(v, OBJECT_ROLE, 0, name), out);
}

status catalog_creation_schema(struct catalog_view *v, const struct schema_desc **out)
{
    for (size_t i = 0; i < v->path_count; i++) {
        uint32_t oid = schema_oid_by_name(v, v->path[i]);

        if (oid != 0)
            return catalog_schema_by_oid(v, oid, out);
    }
    return status_new(ST_UNDEFINED_SCHEMA, "no schema has been selected to create in");
}

bool catalog_table_is_visible(struct catalog_view *v, const struct table_desc *t)
{
    return catalog_relation_is_visible(v, t->schema_oid, t->name);
}

bool catalog_relation_is_visible(struct catalog_view *v, uint32_t schema_oid, const char *name)
{
    uint32_t oids[PATH_MAX_ON_STACK];
    size_t   count;

    if (v->path_count >= PATH_MAX_ON_STACK)
        return false;
    count = path_oids(v, oids);
    for (size_t i = 0; i < count; i++) {
        if (oids[i] == schema_oid)
            return true;
        if (oids[i] != 0 && view_find_name(v, OBJECT_TABLE, oids[i], name) != 0)
            return false;
    }
    return false;
}

uint32_t catalog_relation_oid(struct catalog_view *v, const char *schema, const char *name)
{
    uint32_t oids[PATH_MAX_ON_STACK], oid = 0;
    size_t   count;

    if (schema != NULL) {
        oid = schema_oid_by_name(v, schema);
        return oid == 0 ? 0 : view_find_name(v, OBJECT_TABLE, oid, name);
    }
    if (v->path_count >= PATH_MAX_ON_STACK)
        return 0;
    count = path_oids(v, oids);
    for (size_t i = 0; i < count && oid == 0; i++)
        if (oids[i] != 0)
            oid = view_find_name(v, OBJECT_TABLE, oids[i], name);
    return oid;
}

bool catalog_relation_name(struct catalog_view *v, uint32_t oid, uint32_t *schema_oid,
                           const char **name)
{
    uint32_t             owner = view_table_of_index(v, oid);
    const struct object *o = view_peek(v, OBJECT_TABLE, owner != 0 ? owner : oid);

    if (o == NULL)
        return false;
    *schema_oid = o->table->schema_oid;
    *name = o->table->name;
    for (size_t i = 0; owner != 0 && i < o->table->index_count; i++)
        if (o->table->indexes[i].oid == oid)
            *name = o->table->indexes[i].name;
    return true;
}

/* ---- lists ----------------------------------------------------------------------------------- */

#define LIST_FUNCTION(fn, kind_, type, member, database)                                           \
    status fn(struct catalog_view *v, struct arena *a, const struct type ***out, size_t *count)    \
    {                                                                                              \
        struct object **list = view_list(v, a, (kind_), (database), count);                        \
                                                                                                   \
        *out = ARENA_ARRAY(a, const struct type *, *count + 1);                                    \
        for (size_t i = 0; i < *count; i++)                                                        \
            (*out)[i] = list[i]->member;                                                           \
        return STATUS_OK;                                                                          \
    }

LIST_FUNCTION(catalog_list_tables, OBJECT_TABLE, table_desc, table, v->database_oid)
LIST_FUNCTION(catalog_list_all_tables, OBJECT_TABLE, table_desc, table, 0)
LIST_FUNCTION(catalog_list_schemas, OBJECT_SCHEMA, schema_desc, schema, v->database_oid)
LIST_FUNCTION(catalog_list_all_schemas, OBJECT_SCHEMA, schema_desc, schema, 0)
LIST_FUNCTION(catalog_list_databases, OBJECT_DATABASE, database_desc, database, 0)
LIST_FUNCTION(catalog_list_roles, OBJECT_ROLE, role_desc, role, 0)
