#include "sql/catalog/internal.h"

#include "kv/keys.h"

/* Subspaces of /system that belong to the catalog. Formats: docs/formats.md. */
enum {
    SYSTEM_DESCRIPTOR = 0x10, /* <kind> <oid>: a descriptor */
    SYSTEM_NAME = 0x11,       /* <kind> <parent> <name>: lock only */
    SYSTEM_OIDS = 0x12,       /* counter: the last OID reserved, less OID_FIRST_USER - 1 */
    SYSTEM_SEQUENCE = 0x13,   /* <storage id>: state of a sequence */
};

enum { OIDS_PER_RESERVATION = 64 };

static void key_begin(struct buf *b, uint8_t subspace)
{
    key_append_system(b);
    buf_put_u8(b, subspace);
}

void catalog_key_all_descriptors(struct buf *b)
{
    key_begin(b, SYSTEM_DESCRIPTOR);
}

void catalog_key_descriptor(struct buf *b, enum object_kind kind, uint32_t oid)
{
    key_begin(b, SYSTEM_DESCRIPTOR);
    buf_put_u8(b, (uint8_t)kind);
    buf_put_ordered_u64(b, oid);
}

bool catalog_key_is_descriptor(slice key, enum object_kind *kind, uint32_t *oid)
{
    SCOPED(buf) struct buf prefix = {0};
    uint64_t               number;
    bool                   found;

    buf_init(&prefix, NULL);
    catalog_key_all_descriptors(&prefix);
    found = slice_starts_with(key, buf_slice(&prefix)) && key.size > prefix.size;
    if (found) {
        key = slice_from(key, prefix.size);
        *kind = (enum object_kind)(uint8_t)key.data[0];
        key = slice_from(key, 1);
        found = key_take_ordered_u64(&key, &number) && key.size == 0;
        *oid = found ? (uint32_t)number : 0;
    }
    return found;
}

void catalog_key_name(struct buf *b, enum object_kind kind, uint32_t parent, const char *name)
{
    key_begin(b, SYSTEM_NAME);
    buf_put_u8(b, (uint8_t)kind);
    buf_put_ordered_u64(b, parent);
    buf_append_cstr(b, name);
}

void catalog_key_oids(struct buf *b)
{
    key_begin(b, SYSTEM_OIDS);
}

void catalog_key_sequence(struct buf *b, uint64_t storage_id)
{
    key_begin(b, SYSTEM_SEQUENCE);
    buf_put_ordered_u64(b, storage_id);
}

/* ---- the cache ------------------------------------------------------------------------------- */

static void *oid_as_value(uint32_t oid)
{
    return (void *)(uintptr_t)oid;
}

static void names_put(struct catalog *c, enum object_kind kind, uint32_t parent, const char *name,
                      uint32_t oid)
{
    SCOPED(buf) struct buf key = {0};

    buf_init(&key, c->heap);
    catalog_key_name(&key, kind, parent, name);
    hmap_put(&c->names, buf_slice(&key), oid_as_value(oid));
}

/* Remove the name if it still stands for that object: in one commit another may have taken it. */
static void names_remove(struct catalog *c, enum object_kind kind, uint32_t parent,
                         const char *name, uint32_t oid)
{
    SCOPED(buf) struct buf key = {0};

    buf_init(&key, c->heap);
    catalog_key_name(&key, kind, parent, name);
    if (hmap_get(&c->names, buf_slice(&key)) == oid_as_value(oid))
        hmap_remove(&c->names, buf_slice(&key));
}

static void forget_names(struct catalog *c, const struct object *o)
{
    names_remove(c, o->kind, object_parent(o), object_name(o), o->oid);
    if (o->kind != OBJECT_TABLE)
        return;
    for (size_t i = 0; i < o->table->index_count; i++) {
        const struct index_desc *x = &o->table->indexes[i];

        if (x->oid == 0)
            continue;
        names_remove(c, OBJECT_TABLE, o->table->schema_oid, x->name, x->oid);
        umap_remove(&c->indexes, x->oid);
    }
}

static void learn_names(struct catalog *c, const struct object *o)
{
    names_put(c, o->kind, object_parent(o), object_name(o), o->oid);
    if (o->kind != OBJECT_TABLE)
        return;
    for (size_t i = 0; i < o->table->index_count; i++) {
        const struct index_desc *x = &o->table->indexes[i];

        if (x->oid == 0)
            continue;
        names_put(c, OBJECT_TABLE, o->table->schema_oid, x->name, x->oid);
        umap_put(&c->indexes, x->oid, oid_as_value(o->oid));
    }
}

void catalog_install(struct catalog *c, enum object_kind kind, uint32_t oid, struct object *o)
{
    uint64_t       key = object_key(kind, oid);
    struct object *before =
        o != NULL ? umap_put(&c->objects, key, o) : umap_remove(&c->objects, key);

    if (kind == OBJECT_TABLE && before != NULL && o == NULL)
        changes_forget(c, before, NULL);
    if (kind == OBJECT_STATISTICS && (before != NULL || o != NULL))
        changes_forget(c, before, o);
    if (before != NULL) {
        forget_names(c, before);
        sequence_state_forget(c, before, o);
    }
    if (o != NULL)
        learn_names(c, o);
    object_unref(before);
}

/* ---- opening --------------------------------------------------------------------------------- */

static status load_all(struct catalog *c, struct txn *t, size_t *count)
{
    struct txn_cursor     *cursor = NULL;
    SCOPED(buf) struct buf start = {0}, end = {0};
    struct txn_scan        scan = {0};
    slice                  key, value;
    status                 st;

    buf_init(&start, c->heap);
    buf_init(&end, c->heap);
    catalog_key_all_descriptors(&start);
    key_append_prefix_end(&end, buf_slice(&start));
    scan.start = buf_slice(&start);
    scan.end = buf_slice(&end);
    TRY_RETURN(txn_scan_open(t, &scan, &cursor));
    for (*count = 0;; ++*count) {
        struct object *o;

        TRY(st, txn_cursor_next(cursor, &key, &value), done);
        TRY(st, object_decode(c->heap, value, &o), done);
        catalog_install(c, o->kind, o->oid, o);
    }
done:
    txn_cursor_close(cursor);
    return st == STATUS_NO_DATA ? STATUS_OK : st;
}

/* What a new store begins with: PostgreSQL's OIDs where it has them. */
static status put_first_descriptors(struct catalog_view *v, const char *superuser)
{
    static const struct database_desc databases[] = {
        {.oid = 5,
         .name = "postgres",
         .owner_oid = OID_ROLE_BOOTSTRAP,
         .comment = "default administrative connection database"},
        {.oid = 6, .name = "defaultdb", .owner_oid = OID_ROLE_BOOTSTRAP},
    };
    struct role_desc role = {.oid = OID_ROLE_BOOTSTRAP,
                             .name = superuser,
                             .superuser = true,
                             .can_login = true,
                             .create_db = true,
                             .create_role = true,
                             .inherit = true,
                             .replication = true,
                             .bypass_rls = true,
                             .connection_limit = -1};

    TRY_RETURN(catalog_put_role(v, &role));
    for (size_t i = 0; i < ARRAY_LEN(databases); i++) {
        struct schema_desc schema = {.oid = OID_SCHEMA_PUBLIC + (uint32_t)i,
                                     .database_oid = databases[i].oid,
                                     .name = "public",
                                     .owner_oid = OID_ROLE_DATABASE_OWNER,
                                     .comment = "standard public schema"};

        TRY_RETURN(catalog_put_database(v, &databases[i]));
        TRY_RETURN(catalog_put_schema(v, &schema));
    }
    return STATUS_OK;
}

static status open_contents(struct catalog *c, const char *superuser)
{
    struct txn          *t = NULL;
    struct catalog_view *v = NULL;
    size_t               count;
    status               st;

    TRY_RETURN(txn_begin(c->txns, NULL, &t));
    TRY(st, load_all(c, t, &count), done);
    if (count == 0) {
        TRY(st, catalog_view_open(c, t, 0, &v), done);
        TRY(st, put_first_descriptors(v, superuser), done);
    }
    st = txn_commit(t);
done:
    txn_rollback(t);
    catalog_view_close(v);
    txn_free(t);
    return st;
}

status catalog_open(struct env *env, struct txn_system *txns, const char *superuser,
                    struct catalog **out)
{
    struct catalog *c = heap_zalloc(env_heap(env), sizeof *c);
    status          st;

    if (c == NULL)
        return STATUS_OOM;
    c->env = env;
    c->heap = env_heap(env);
    c->txns = txns;
    c->version = c->version_last = 1;
    umap_init(&c->objects, c->heap);
    hmap_init(&c->names, c->heap);
    umap_init(&c->indexes, c->heap);
    umap_init(&c->changes, c->heap);
    umap_init(&c->sequences, c->heap);
    env_mutex_init(&c->oid_mutex);
    list_init(&c->views_free);
    virtual_install(c);
    TRY(st, open_contents(c, superuser), fail);
    *out = c;
    return STATUS_OK;

fail:
    catalog_close(c);
    return status_wrap(st, "could not open the catalog");
}

void catalog_close(struct catalog *c)
{
    size_t   pos = 0;
    uint64_t key;
    void    *o;

    if (c == NULL)
        return;
    LIST_FOR_EACH (it, &c->views_free) {
        struct catalog_view *v = CONTAINER_OF(it, struct catalog_view, link);

        arena_free(v->arena);
        umap_deinit(&v->held);
        umap_deinit(&v->overlay);
        heap_free(v->pins);
        heap_free(v);
    }
    while (umap_next(&c->objects, &pos, &key, &o))
        object_unref(o);
    sequence_states_free(c);
    changes_free(c);
    umap_deinit(&c->objects);
    hmap_deinit(&c->names);
    umap_deinit(&c->indexes);
    umap_deinit(&c->sequences);
    env_mutex_deinit(&c->oid_mutex);
    heap_free(c);
}

/* ---- OIDs ------------------------------------------------------------------------------------ */

static status reserve_oids(struct catalog *c)
{
    SCOPED(buf) struct buf key = {0};
    int64_t                last;

    buf_init(&key, c->heap);
    catalog_key_oids(&key);
    TRY_RETURN(txn_system_increment(c->txns, buf_slice(&key), OIDS_PER_RESERVATION, &last));
    if (last > (int64_t)UINT32_MAX - OID_FIRST_USER)
        return status_new(ST_LIMIT_EXCEEDED, "all object identifiers have been used");
    c->oid_end = OID_FIRST_USER + (uint32_t)last;
    c->oid_next = c->oid_end - OIDS_PER_RESERVATION;
    return STATUS_OK;
}

status catalog_new_oid(struct catalog_view *v, uint32_t *out)
{
    struct catalog *c = v->catalog;
    status          st = STATUS_OK;

    /* Reserving yields, so that two fibers could find the reservation used up at once. */
    TRY_RETURN(env_mutex_lock(c->env, &c->oid_mutex, 0));
    if (c->oid_next == c->oid_end)
        st = reserve_oids(c);
    if (st_ok(st))
        *out = c->oid_next++;
    env_mutex_unlock(c->env, &c->oid_mutex);
    return st;
}
