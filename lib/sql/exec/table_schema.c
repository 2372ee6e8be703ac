/* Filling and emptying whole indexes, for schema changes. */
#include "base/assert.h"
#include "env/env.h"
#include "kv/keys.h"
#include "sql/exec/table_internal.h"

enum { BACKFILL_BATCH_ROWS = 512 };

static status duplicate_in_build(struct table *t, const struct index_layout *ix,
                                 const struct entry *e)
{
    struct buf b;
    status     st =
        status_new(ST_UNIQUE_VIOLATION, "could not create unique index \"%s\"", ix->desc->name);

    buf_init(&b, NULL);
    table_describe_key(t->c, t->layout, ix, e->values, e->nulls, &b);
    st = status_detail(st, "Key %s is duplicated.", buf_cstr(&b));
    buf_deinit(&b);
    return status_object_names(st, table_schema_name(t->c, t->layout->desc), t->layout->desc->name,
                               NULL, NULL, ix->desc->name);
}

static status backfill_row(struct table *t, size_t index, const struct table_row *row)
{
    const struct index_layout *ix = &t->layout->indexes[index];
    struct txn_existing        existing = {0};
    struct entry               e;

    arena_reset(t->scratch);
    TRY_RETURN(entry_compute(t, index, row, &e));
    if (!e.exists)
        return STATUS_OK;
    buf_reset(&t->key);
    buf_reset(&t->value);
    entry_encode(t->layout, ix, &e, row, &t->key, &t->value);
    if (!entry_key_is_unique(ix, e.has_null))
        return txn_put(t->txn, buf_slice(&t->key), buf_slice(&t->value));
    TRY_RETURN(txn_insert(t->txn, buf_slice(&t->key), buf_slice(&t->value), t->scratch, &existing));
    if (!existing.exists)
        return STATUS_OK;
    /* A concurrent writer of a write-only index may have put this row's entry there already. */
    slice key;

    if (take_sized(&existing.value, &key) && slice_eq(key, row->key))
        return STATUS_OK;
    return duplicate_in_build(t, ix, &e);
}

static status backfill_all(struct sql_context *c, struct arena *a, struct arena *batch,
                           struct table *t, size_t index, struct txn_cursor *cursor, uint64_t *rows)
{
    struct table_row row;
    slice            key, value;

    table_row_init(t->layout, a, &row);
    for (;;) {
        status st = txn_cursor_next(cursor, &key, &value);

        if (st == STATUS_NO_DATA)
            return STATUS_OK;
        TRY_RETURN(st);
        TRY_RETURN(
            table_decode_entry(t->layout, &t->layout->indexes[0], batch, key, value, NULL, &row));
        TRY_RETURN(backfill_row(t, index, &row));
        if (++*rows % BACKFILL_BATCH_ROWS == 0) {
            arena_reset(batch);
            TRY_RETURN(sql_check_interrupts(c));
        }
    }
}

status table_backfill_index(struct sql_context *c, const struct table_desc *desc,
                            size_t index_position, uint64_t *rows)
{
    struct arena              *a = arena_new(env_heap(c->env), NULL);
    struct arena              *batch = arena_new(env_heap(c->env), NULL);
    const struct table_layout *l;
    struct table              *t = NULL;
    struct txn_cursor         *cursor = NULL;
    status                     st;

    *rows = 0;
    TRY(st, table_layout_new(c, a, desc, &l), out);
    ASSERT(index_position > 0 && index_position < l->index_count);
    TRY(st, table_open(c, a, l, &t), out);
    TRY(st, table_scan_open(t, &(struct table_scan){.index = &l->indexes[0]}, &cursor), out);
    st = backfill_all(c, a, batch, t, index_position, cursor, rows);

out:
    txn_cursor_close(cursor);
    table_close(t);
    arena_free(batch);
    arena_free(a);
    return st;
}

status table_wipe(struct sql_context *c, const struct table_desc *desc, size_t index_position)
{
    struct buf start, end;
    status     st;

    buf_init(&start, NULL);
    buf_init(&end, NULL);
    if (index_position == SIZE_MAX)
        key_append_table(&start, desc->storage_id);
    else
        key_append_index(&start, desc->storage_id, desc->indexes[index_position].key_id);
    key_append_prefix_end(&end, buf_slice(&start));
    st = txn_delete_range(c->txn, buf_slice(&start), buf_slice(&end));
    buf_deinit(&start);
    buf_deinit(&end);
    return st;
}
