/* SQL functions that say how large relations and databases are: what the storage holds under their
 * keys, old versions included, so the number falls when garbage is collected. Like PostgreSQL's
 * they look at what is committed. */
#include "kv/keys.h"
#include "sql/catalog/rows.h"
#include "sql/func/implement.h"

static status span_size(struct catalog_view *v, struct buf *prefix, int64_t *total)
{
    SCOPED(buf) struct buf end = {0};
    uint64_t               size;

    buf_init(&end, NULL);
    key_append_prefix_end(&end, buf_slice(prefix));
    TRY_RETURN(txn_system_span_size(v->catalog->txns, buf_slice(prefix), buf_slice(&end), &size));
    *total += (int64_t)size;
    return STATUS_OK;
}

/* One index of a table; `key_id` 0: all that the table stores. */
static status index_size(struct catalog_view *v, const struct table_desc *t, uint32_t key_id,
                         int64_t *total)
{
    SCOPED(buf) struct buf prefix = {0};

    buf_init(&prefix, NULL);
    if (t->kind != RELATION_TABLE || t->virtual_table != NULL)
        return STATUS_OK;
    if (key_id == 0)
        key_append_table(&prefix, t->storage_id);
    else
        key_append_index(&prefix, t->storage_id, key_id);
    return span_size(v, &prefix, total);
}

/* The rows, which are the primary index's entries. */
enum { KEY_ID_ROWS = 1 };

static const struct table_desc *find(struct catalog_view *v, uint32_t oid,
                                     const struct index_desc **index)
{
    uint32_t             owner = v == NULL ? 0 : view_table_of_index(v, oid);
    const struct object *o =
        v == NULL ? NULL : view_peek(v, OBJECT_TABLE, owner != 0 ? owner : oid);

    *index = NULL;
    for (size_t i = 0; owner != 0 && o != NULL && i < o->table->index_count; i++)
        if (o->table->indexes[i].oid == oid)
            *index = &o->table->indexes[i];
    return o == NULL ? NULL : o->table;
}

/* A primary key is the table here: as an index of its own it takes nothing. */
static status relation_size(struct fn_call *call, uint32_t oid, bool whole, datum *out, bool *null)
{
    struct catalog_view     *v = call->context->catalog;
    const struct index_desc *x;
    const struct table_desc *t = find(v, oid, &x);

    *null = t == NULL;
    out->i = 0;
    if (t == NULL)
        return STATUS_OK;
    if (x == NULL)
        return index_size(v, t, whole ? 0 : KEY_ID_ROWS, &out->i);
    return x->key_id == KEY_ID_ROWS ? STATUS_OK : index_size(v, t, x->key_id, &out->i);
}

FN(pg_relation_size)
{
    static const char *const forks[] = {"main", "fsm", "vm", "init"};
    size_t                   fork = 0;

    if (call->arg_count > 1)
        while (fork < ARRAY_LEN(forks) && !slice_eq_cstr(args[1].s, forks[fork]))
            fork++;
    if (fork == ARRAY_LEN(forks))
        return status_hint(status_new(ST_INVALID_PARAMETER_VALUE, "invalid fork name"),
                           "Valid fork names are \"main\", \"fsm\", \"vm\", and \"init\".");
    TRY_RETURN(relation_size(call, (uint32_t)args[0].i, false, out, null));
    if (fork > 0)
        out->i = 0;
    return STATUS_OK;
}

FN(pg_table_size)
{
    return relation_size(call, (uint32_t)args[0].i, false, out, null);
}

FN(pg_total_relation_size)
{
    return relation_size(call, (uint32_t)args[0].i, true, out, null);
}

FN(pg_indexes_size)
{
    struct catalog_view     *v = call->context->catalog;
    const struct index_desc *x;
    const struct table_desc *t = find(v, (uint32_t)args[0].i, &x);

    *null = t == NULL;
    out->i = 0;
    for (size_t i = 0; t != NULL && x == NULL && i < t->index_count; i++)
        if (t->indexes[i].key_id != KEY_ID_ROWS)
            TRY_RETURN(index_size(v, t, t->indexes[i].key_id, &out->i));
    return STATUS_OK;
}

/* ---- databases and tablespaces ----------------------------------------------------------------
 */

static status database_size(struct catalog_view *v, struct arena *a, uint32_t oid, int64_t *total)
{
    size_t          count;
    struct object **list = view_list(v, a, OBJECT_TABLE, oid, &count);

    for (size_t i = 0; i < count; i++)
        TRY_RETURN(index_size(v, list[i]->table, 0, total));
    return STATUS_OK;
}

FN(pg_database_size_name)
{
    struct catalog_view *v = call->context->catalog;
    uint32_t             oid =
        v == NULL ? 0 : view_find_name(v, OBJECT_DATABASE, 0, arena_cstr(call->arena, args[0].s));

    if (oid == 0)
        return status_new(ST_UNDEFINED_DATABASE, "database \"%.*s\" does not exist",
                          SLICE_FMT(args[0].s));
    out->i = 0;
    return database_size(v, call->arena, oid, &out->i);
}

FN(pg_database_size_oid)
{
    struct catalog_view *v = call->context->catalog;
    uint32_t             oid = (uint32_t)args[0].i;

    if (v == NULL || view_peek(v, OBJECT_DATABASE, oid) == NULL)
        return status_new(ST_UNDEFINED_DATABASE, "database with OID %u does not exist", oid);
    out->i = 0;
    return database_size(v, call->arena, oid, &out->i);
}

/* pg_default has the tables of all databases, pg_global the descriptors. */
static status tablespace_size(struct fn_call *call, bool global, datum *out)
{
    SCOPED(buf) struct buf prefix = {0};

    buf_init(&prefix, NULL);
    out->i = 0;
    if (global)
        key_append_system(&prefix);
    else
        buf_put_u8(&prefix, KEY_SPACE_TABLE);
    return span_size(call->context->catalog, &prefix, &out->i);
}

FN(pg_tablespace_size_oid)
{
    uint32_t oid = (uint32_t)args[0].i;

    if (oid != OID_TABLESPACE_DEFAULT && oid != OID_TABLESPACE_GLOBAL)
        return status_new(ST_UNDEFINED_OBJECT, "tablespace with OID %u does not exist", oid);
    return tablespace_size(call, oid == OID_TABLESPACE_GLOBAL, out);
}

FN(pg_tablespace_size_name)
{
    bool global = slice_eq_cstr(args[0].s, "pg_global");

    if (!global && !slice_eq_cstr(args[0].s, "pg_default"))
        return status_new(ST_UNDEFINED_OBJECT, "tablespace \"%.*s\" does not exist",
                          SLICE_FMT(args[0].s));
    return tablespace_size(call, global, out);
}
