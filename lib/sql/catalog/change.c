/* Changing descriptors: writes through the transaction, the overlay of the view, and what happens
 * to it when the transaction ends or goes back to a savepoint. */
#include "sql/catalog/change.h"

#include "sql/catalog/internal.h"
#include "sql/catalog/statistics.h"

/* ---- the transaction's events ---------------------------------------------------------------- */

/* Whether the rows of a table lie elsewhere, or are found by other indexes, than before. */
static bool storage_differs(const struct object *before, const struct object *after)
{
    if (before == NULL || before->kind != OBJECT_TABLE)
        return false;
    if (before->table->storage_id != after->table->storage_id)
        return true;
    for (size_t i = 0; i < after->table->index_count; i++)
        if (after->table->indexes[i].key_id >= before->table->next_key_id)
            return true;
    return false;
}

static void publish(struct catalog_view *v)
{
    struct catalog *c = v->catalog;
    size_t          pos = 0;
    uint64_t        key;
    void           *value;

    if (umap_count(&v->overlay) == 0)
        return;
    while (umap_next(&v->overlay, &pos, &key, &value)) {
        const struct change *change = value;
        struct object       *before = umap_get(&c->objects, key);

        if (change->object != NULL)
            change->object->storage_ts = storage_differs(before, change->object)
                                             ? txn_commit_ts(v->txn)
                                             : (before != NULL ? before->storage_ts : 0);
        catalog_install(c, change->kind, change->oid,
                        change->object != NULL ? object_ref(change->object) : NULL);
    }
    c->version = ++c->version_last;
}

static void undo_since(struct catalog_view *v, txn_savepoint_id savepoint)
{
    bool undone = false;

    while (v->change_count > 0 && v->changes[v->change_count - 1]->at > savepoint) {
        const struct change *change = v->changes[--v->change_count];
        uint64_t             key = object_key(change->kind, change->oid);

        if (change->before != NULL)
            umap_put(&v->overlay, key, change->before);
        else
            umap_remove(&v->overlay, key);
        undone = true;
    }
    /* Never a number that was used before: a plan made between may be cached under it. */
    if (undone)
        v->version = v->change_count == 0 ? 0 : ++v->catalog->version_last;
}

static void on_event(void *arg, enum txn_event event, txn_savepoint_id savepoint)
{
    struct catalog_view *v = arg;

    switch (event) {
    case TXN_EVENT_COMMITTED:
        publish(v);
        umap_reset(&v->overlay);
        v->change_count = 0;
        v->version = 0;
        break;
    case TXN_EVENT_ROLLED_BACK:
        umap_reset(&v->overlay);
        v->change_count = 0;
        v->version = 0;
        break;
    case TXN_EVENT_ROLLED_BACK_TO:
        undo_since(v, savepoint);
        break;
    }
}

/* ---- writing --------------------------------------------------------------------------------- */

static void append_change(struct catalog_view *v, struct change *change)
{
    if (v->change_count == v->change_capacity) {
        size_t capacity = v->change_capacity == 0 ? 16 : v->change_capacity * 2;

        v->changes = arena_realloc(v->arena, v->changes, v->change_capacity * sizeof change,
                                   capacity * sizeof change);
        v->change_capacity = capacity;
    }
    v->changes[v->change_count++] = change;
}

/* Note a change that was written. Takes over the reference. */
static status note_change(struct catalog_view *v, enum object_kind kind, uint32_t oid,
                          struct object *o)
{
    uint64_t         key = object_key(kind, oid);
    struct change   *change;
    txn_savepoint_id at;
    status           st;

    if (!v->hooked) {
        TRY(st, txn_add_hook(v->txn, on_event, v), fail);
        v->hooked = true;
    }
    /* A savepoint's number tells which changes come after which savepoints. */
    TRY(st, txn_savepoint(v->txn, &at), fail);
    TRY(st, txn_release(v->txn, at), fail);
    change = ARENA_NEW(v->arena, struct change);
    change->kind = kind;
    change->oid = oid;
    change->object = o;
    change->at = at;
    if (o != NULL) {
        view_pin(v, o);
        object_unref(o); /* the pin keeps it */
    }
    change->before = umap_put(&v->overlay, key, change);
    append_change(v, change);
    v->version = ++v->catalog->version_last;
    return STATUS_OK;

fail:
    object_unref(o);
    return st;
}

static status put(struct catalog_view *v, enum object_kind kind, uint32_t oid, const void *desc)
{
    const struct object   *before = view_peek(v, kind, oid);
    struct object         *o = NULL;
    SCOPED(buf) struct buf key = {0}, value = {0};

    buf_init(&key, v->catalog->heap);
    buf_init(&value, v->catalog->heap);
    catalog_key_descriptor(&key, kind, oid);
    object_encode(kind, oid, before != NULL ? before->version + 1 : 1, desc, &value);
    TRY_RETURN(object_decode(v->catalog->heap, buf_slice(&value), &o));
    status st = txn_put(v->txn, buf_slice(&key), buf_slice(&value));
    if (!st_ok(st)) {
        object_unref(o);
        return st;
    }
    return note_change(v, kind, oid, o);
}

status catalog_put_table(struct catalog_view *v, const struct table_desc *t)
{
    ASSERT(t->name != NULL);
    return put(v, OBJECT_TABLE, t->oid, t);
}

status catalog_put_schema(struct catalog_view *v, const struct schema_desc *s)
{
    return put(v, OBJECT_SCHEMA, s->oid, s);
}

status catalog_put_database(struct catalog_view *v, const struct database_desc *d)
{
    return put(v, OBJECT_DATABASE, d->oid, d);
}

status catalog_put_role(struct catalog_view *v, const struct role_desc *r)
{
    return put(v, OBJECT_ROLE, r->oid, r);
}

status catalog_put_statistics(struct catalog_view *v, uint32_t table_oid,
                              const struct table_statistics *s)
{
    return put(v, OBJECT_STATISTICS, table_oid, s);
}

status catalog_remove(struct catalog_view *v, enum object_kind kind, uint32_t oid)
{
    SCOPED(buf) struct buf key = {0};

    buf_init(&key, v->catalog->heap);
    catalog_key_descriptor(&key, kind, oid);
    TRY_RETURN(txn_delete(v->txn, buf_slice(&key)));
    return note_change(v, kind, oid, NULL);
}

status catalog_claim_name(struct catalog_view *v, enum object_kind kind, uint32_t parent,
                          const char *name, uint32_t *oid)
{
    SCOPED(buf) struct buf key = {0};

    buf_init(&key, v->catalog->heap);
    catalog_key_name(&key, kind, parent, name);
    TRY_RETURN(txn_lock(v->txn, buf_slice(&key), LOCK_UPDATE, LOCK_WAIT, NULL));
    *oid = view_find_name(v, kind, parent, name);
    return STATUS_OK;
}

bool catalog_relation_exists(struct catalog_view *v, uint32_t schema_oid, const char *name)
{
    return view_find_name(v, OBJECT_TABLE, schema_oid, name) != 0;
}

/* ---- copies ---------------------------------------------------------------------------------- */

#define COPY_ARRAY(a, to, from, count, extra)                                                      \
    do {                                                                                           \
        (to) = arena_zalloc((a), (count) + (extra) + 1, sizeof *(to));                             \
        if ((count) > 0)                                                                           \
            memcpy((to), (from), (count) * sizeof *(to));                                          \
    } while (0)

struct table_desc *table_desc_copy(struct arena *a, const struct table_desc *t, size_t extra)
{
    struct table_desc *copy = ARENA_NEW(a, struct table_desc);

    *copy = *t;
    COPY_ARRAY(a, copy->columns, t->columns, t->column_count, extra);
    COPY_ARRAY(a, copy->indexes, t->indexes, t->index_count, extra);
    COPY_ARRAY(a, copy->constraints, t->constraints, t->constraint_count, extra);
    COPY_ARRAY(a, copy->inbound, t->inbound, t->inbound_count, extra);
    COPY_ARRAY(a, copy->depends, t->depends, t->depends_count, extra);
    return copy;
}

/* ---- descriptors ----------------------------------------------------------------------------- */

const struct column_desc *table_column_by_name(const struct table_desc *t, const char *name)
{
    for (size_t i = 0; i < t->column_count; i++)
        if (!t->columns[i].dropped && strcmp(t->columns[i].name, name) == 0)
            return &t->columns[i];
    return NULL;
}

const struct index_desc *table_primary_index(const struct table_desc *t)
{
    return t->index_count > 0 ? &t->indexes[0] : NULL;
}

const struct constraint_desc *table_constraint_by_oid(const struct table_desc *t, uint32_t oid)
{
    for (size_t i = 0; i < t->constraint_count; i++)
        if (t->constraints[i].oid == oid)
            return &t->constraints[i];
    return NULL;
}
