/* Changing rows with all their entries, whatever the state of the index (pitfall D4). */
#include <string.h>

#include "base/assert.h"
#include "env/env.h"
#include "kv/keys.h"
#include "sql/catalog/catalog.h"
#include "sql/exec/table_internal.h"

/* ---- texts --------------------------------------------------------------------------------------
 */

static void describe_value(struct sql_context *c, const struct type *type, datum v, bool null,
                           size_t size_max, struct buf *out)
{
    size_t from = out->size;

    if (null || type == NULL) {
        buf_append_cstr(out, "null");
        return;
    }
    st_clear(type->output(c, type, v, out)); /* a detail that cannot be shown stays out */
    if (size_max > 0 && out->size - from > size_max) {
        size_t cut = from + size_max;

        while (cut > from && ((uint8_t)out->data[cut] & 0xc0) == 0x80)
            cut--; /* whole characters */
        out->size = cut;
        buf_append_cstr(out, "...");
    }
}

void table_describe_key(struct sql_context *c, const struct table_layout *l,
                        const struct index_layout *ix, const datum *parts, const bool *nulls,
                        struct buf *out)
{
    buf_put_u8(out, '(');
    for (size_t i = 0; i < ix->part_count; i++) {
        const struct layout_part *p = &ix->parts[i];

        buf_append_cstr(out, i > 0 ? ", " : "");
        buf_append_cstr(out, p->column != 0 ? l->desc->columns[p->column - 1].name
                                            : ix->desc->parts[i].expression_text);
    }
    buf_append_cstr(out, ")=(");
    for (size_t i = 0; i < ix->part_count; i++) {
        buf_append_cstr(out, i > 0 ? ", " : "");
        describe_value(c, ix->parts[i].type, parts[i], nulls[i], 0, out);
    }
    buf_put_u8(out, ')');
}

void table_describe_row(struct sql_context *c, const struct table_layout *l,
                        const struct table_row *row, struct buf *out)
{
    bool first = true;

    buf_put_u8(out, '(');
    for (size_t i = 0; i < l->column_count; i++) {
        if (l->desc->columns[i].dropped)
            continue;
        buf_append_cstr(out, first ? "" : ", ");
        describe_value(c, l->types[i], row->values[i], row->nulls[i], 64, out);
        first = false;
    }
    buf_put_u8(out, ')');
}

const char *table_schema_name(struct sql_context *c, const struct table_desc *t)
{
    const struct schema_desc *schema = NULL;

    if (c->catalog != NULL)
        st_clear(catalog_schema_by_oid(c->catalog, t->schema_oid, &schema));
    return schema != NULL ? schema->name : NULL;
}

status unique_violation(struct table *t, const struct index_layout *ix, const struct entry *e)
{
    struct buf b;
    status     st = status_new(ST_UNIQUE_VIOLATION,
                               "duplicate key value violates unique constraint \"%s\"", ix->desc->name);

    buf_init(&b, NULL);
    table_describe_key(t->c, t->layout, ix, e->values, e->nulls, &b);
    st = status_detail(st, "Key %s already exists.", buf_cstr(&b));
    buf_deinit(&b);
    return status_object_names(st, table_schema_name(t->c, t->layout->desc), t->layout->desc->name,
                               NULL, NULL, ix->desc->name);
}

/* ---- row ids ------------------------------------------------------------------------------------
 */

/* Ids grow with time, so that a scan gives rows in the order they came. Two statements may hit on
 * the same one: the insert notices, and takes the next. */
static int64_t next_row_id(struct table *t)
{
    if (t->row_id_next == 0) {
        uint64_t us = t->c->env != NULL ? env_wall_us(t->c->env) : 1;

        t->row_id_next = (int64_t)(us << 11);
    }
    return t->row_id_next++;
}

/* Give the row its key; a table without a primary key hands out an id. */
static void assign_key(struct table *t, struct arena *a, struct table_row *row)
{
    struct buf b;

    if (t->layout->desc->has_row_id) {
        char *id = arena_alloc(a, sizeof(uint64_t));

        put_u64be(id, (uint64_t)next_row_id(t));
        row->key = slice_make(id, sizeof(uint64_t));
        return;
    }
    buf_init(&b, arena_heap(a));
    row_encode_key(t->layout, row, &b, NULL);
    row->key = arena_copy(a, buf_slice(&b));
    buf_deinit(&b);
}

/* ---- inserting ----------------------------------------------------------------------------------
 */

static bool is_arbiter(const struct index_desc *ix, const uint32_t *arbiters, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (arbiters[i] == ix->oid)
            return true;
    }
    return count == 0;
}

static void begin_row(struct table *t)
{
    arena_reset(t->scratch);
}

static status write_primary(struct table *t, struct table_row *row, struct arena *a, bool *exists,
                            struct txn_existing *existing)
{
    for (;;) {
        memset(existing, 0, sizeof *existing);
        buf_reset(&t->key);
        buf_append_slice(&t->key, t->layout->indexes[0].prefix);
        buf_append_slice(&t->key, row->key);
        TRY_RETURN(txn_insert(t->txn, buf_slice(&t->key), buf_slice(&t->value), NULL, existing));
        *exists = existing->exists;
        if (!*exists || !t->layout->desc->has_row_id)
            return STATUS_OK;
        assign_key(t, a, row);
    }
}

/* Write one secondary entry. *existing tells of a clash in a unique index. */
static status write_entry(struct table *t, const struct index_layout *ix, const struct entry *e,
                          const struct table_row *row, struct arena *a,
                          struct txn_existing *existing)
{
    memset(existing, 0, sizeof *existing);
    buf_reset(&t->key);
    buf_reset(&t->value);
    entry_encode(t->layout, ix, e, row, &t->key, &t->value);
    if (entry_key_is_unique(ix, e->has_null))
        return txn_insert(t->txn, buf_slice(&t->key), buf_slice(&t->value), a, existing);
    return txn_put(t->txn, buf_slice(&t->key), buf_slice(&t->value));
}

static status primary_violation(struct table *t, const struct table_row *row)
{
    struct entry e;

    TRY_RETURN(entry_compute(t, 0, row, &e));
    return unique_violation(t, &t->layout->indexes[0], &e);
}

static status insert_entries(struct table *t, const struct table_row *row, struct arena *a)
{
    const struct table_layout *l = t->layout;

    for (size_t i = 1; i < l->index_count; i++) {
        const struct index_layout *ix = &l->indexes[i];
        struct txn_existing        existing;
        struct entry               e;

        if (ix->desc->state == INDEX_DELETE_ONLY)
            continue;
        TRY_RETURN(entry_compute(t, i, row, &e));
        if (!e.exists)
            continue;
        TRY_RETURN(write_entry(t, ix, &e, row, a, &existing));
        if (existing.exists)
            return unique_violation(t, ix, &e);
    }
    return STATUS_OK;
}

status table_insert(struct table *t, struct table_row *row)
{
    struct txn_existing existing;
    bool                exists;

    begin_row(t);
    assign_key(t, t->scratch, row);
    buf_reset(&t->value);
    row_encode_value(t->layout, row, &t->value);
    TRY_RETURN(write_primary(t, row, t->scratch, &exists, &existing));
    if (exists)
        return primary_violation(t, row);
    return insert_entries(t, row, t->scratch);
}

/* Does the key of this index exist? Locks it, so that nobody takes it between the look and the
 * insert. */
static status probe_unique(struct table *t, size_t index, struct table_row *row, struct arena *a,
                           struct table_conflict *out)
{
    const struct index_layout *ix = &t->layout->indexes[index];
    struct entry               e;
    struct txn_row             lock;

    TRY_RETURN(entry_compute(t, index, row, &e));
    if (!e.exists || !entry_key_is_unique(ix, e.has_null))
        return STATUS_OK;
    buf_reset(&t->key);
    buf_append_slice(&t->key, ix->prefix);
    table_encode_parts(ix, e.values, e.nulls, ix->part_count, &t->key, NULL);
    memset(&lock, 0, sizeof lock);
    TRY_RETURN(txn_get_for(t->txn, buf_slice(&t->key), LOCK_UPDATE, LOCK_WAIT, a, &lock));
    if (!lock.found)
        return STATUS_OK;
    out->found = true;
    out->own_command = lock.own_command;
    out->row_key =
        index == 0 ? arena_copy(a, slice_from(buf_slice(&t->key), ix->prefix.size)) : SLICE_EMPTY;
    if (index != 0 && !take_sized(&lock.value, &out->row_key))
        return status_new(ST_CORRUPT, "index \"%s\" holds a damaged entry", ix->desc->name);
    return STATUS_OK;
}

status table_insert_or_find(struct table *t, struct table_row *row, const uint32_t *arbiters,
                            size_t arbiter_count, struct arena *a, struct table_conflict *out)
{
    const struct table_layout *l = t->layout;

    memset(out, 0, sizeof *out);
    begin_row(t);
    for (size_t i = 0; i < l->index_count && !out->found; i++) {
        const struct index_desc *d = l->indexes[i].desc;

        if (!d->unique || (i == 0 && d->part_count == 0) || d->state == INDEX_DELETE_ONLY ||
            !is_arbiter(d, arbiters, arbiter_count))
            continue;
        TRY_RETURN(probe_unique(t, i, row, a, out));
    }
    return out->found ? STATUS_OK : table_insert(t, row);
}

/* ---- deleting and updating ----------------------------------------------------------------------
 */

static status delete_entry(struct table *t, const struct index_layout *ix, const struct entry *e,
                           const struct table_row *row)
{
    buf_reset(&t->key_old);
    buf_reset(&t->value_old);
    entry_encode(t->layout, ix, e, row, &t->key_old, &t->value_old);
    return txn_delete(t->txn, buf_slice(&t->key_old));
}

static status delete_primary(struct table *t, slice row_key)
{
    buf_reset(&t->key_old);
    buf_append_slice(&t->key_old, t->layout->indexes[0].prefix);
    buf_append_slice(&t->key_old, row_key);
    return txn_delete(t->txn, buf_slice(&t->key_old));
}

status table_delete(struct table *t, const struct table_row *old)
{
    const struct table_layout *l = t->layout;

    begin_row(t);
    for (size_t i = 1; i < l->index_count; i++) {
        struct entry e;

        TRY_RETURN(entry_compute(t, i, old, &e));
        if (e.exists)
            TRY_RETURN(delete_entry(t, &l->indexes[i], &e, old));
    }
    return delete_primary(t, old->key);
}

/* Replace the entry of one index. Entries whose key and value stay are left alone, but for a
 * write-only index: the old row may not have had one. */
static status update_entry(struct table *t, size_t index, const struct table_row *old,
                           const struct table_row *row)
{
    const struct index_layout *ix = &t->layout->indexes[index];
    struct entry               before, after;
    struct txn_existing        existing;
    bool                       same_key;

    TRY_RETURN(entry_compute(t, index, old, &before));
    TRY_RETURN(entry_compute(t, index, row, &after));
    if (ix->desc->state == INDEX_DELETE_ONLY)
        after.exists = false;
    buf_reset(&t->key_old);
    buf_reset(&t->value_old);
    if (before.exists)
        entry_encode(t->layout, ix, &before, old, &t->key_old, &t->value_old);
    if (!after.exists)
        return before.exists ? txn_delete(t->txn, buf_slice(&t->key_old)) : STATUS_OK;
    buf_reset(&t->key);
    buf_reset(&t->value);
    entry_encode(t->layout, ix, &after, row, &t->key, &t->value);
    same_key = before.exists && slice_eq(buf_slice(&t->key), buf_slice(&t->key_old));
    if (same_key) {
        if (ix->desc->state == INDEX_PUBLIC &&
            slice_eq(buf_slice(&t->value), buf_slice(&t->value_old)))
            return STATUS_OK;
        return txn_put(t->txn, buf_slice(&t->key), buf_slice(&t->value));
    }
    if (before.exists)
        TRY_RETURN(txn_delete(t->txn, buf_slice(&t->key_old)));
    if (!entry_key_is_unique(ix, after.has_null))
        return txn_put(t->txn, buf_slice(&t->key), buf_slice(&t->value));
    memset(&existing, 0, sizeof existing);
    TRY_RETURN(txn_insert(t->txn, buf_slice(&t->key), buf_slice(&t->value), t->scratch, &existing));
    return existing.exists ? unique_violation(t, ix, &after) : STATUS_OK;
}

static status move_primary(struct table *t, const struct table_row *old, struct table_row *row)
{
    struct txn_existing existing;
    bool                exists;

    TRY_RETURN(delete_primary(t, old->key));
    TRY_RETURN(write_primary(t, row, t->scratch, &exists, &existing));
    return exists ? primary_violation(t, row) : STATUS_OK;
}

status table_update(struct table *t, const struct table_row *old, struct table_row *row)
{
    const struct table_layout *l = t->layout;

    begin_row(t);
    if (l->desc->has_row_id)
        row->key = old->key;
    else
        assign_key(t, t->scratch, row);
    buf_reset(&t->value);
    row_encode_value(l, row, &t->value);
    if (slice_eq(row->key, old->key)) {
        buf_reset(&t->key);
        buf_append_slice(&t->key, l->indexes[0].prefix);
        buf_append_slice(&t->key, row->key);
        TRY_RETURN(txn_put(t->txn, buf_slice(&t->key), buf_slice(&t->value)));
    } else {
        TRY_RETURN(move_primary(t, old, row));
    }
    for (size_t i = 1; i < l->index_count; i++)
        TRY_RETURN(update_entry(t, i, old, row));
    return STATUS_OK;
}
