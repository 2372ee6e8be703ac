/* Fetching rows: by primary key, by unique key, by spans of an index. */
#include <string.h>

#include "base/assert.h"
#include "kv/keys.h"
#include "sql/exec/table_internal.h"

static slice row_full_key(struct table *t, slice row_key)
{
    buf_reset(&t->key_old);
    buf_append_slice(&t->key_old, t->layout->indexes[0].prefix);
    buf_append_slice(&t->key_old, row_key);
    return buf_slice(&t->key_old);
}

/* Decoded slices point into the key, so it moves to where the row lives. */
static status decode_row(struct table *t, struct arena *a, slice key, slice value,
                         const bool *wanted, struct table_row *row)
{
    return table_decode_entry(t->layout, &t->layout->indexes[0], a, arena_copy(a, key), value,
                              wanted, row);
}

status table_get(struct table *t, slice row_key, struct arena *a, const bool *wanted,
                 struct table_row *row, bool *found)
{
    slice key = row_full_key(t, row_key), value;

    TRY_RETURN(txn_get(t->txn, key, a, &value, found));
    return *found ? decode_row(t, a, key, value, wanted, row) : STATUS_OK;
}

status table_get_for(struct table *t, slice row_key, enum lock_strength strength,
                     enum lock_wait wait, struct arena *a, struct table_row *row,
                     struct txn_row *lock)
{
    slice key = row_full_key(t, row_key);

    memset(lock, 0, sizeof *lock);
    TRY_RETURN(txn_get_for(t->txn, key, strength, wait, a, lock));
    return lock->found ? decode_row(t, a, key, lock->value, NULL, row) : STATUS_OK;
}

status table_find_unique(struct table *t, const struct index_layout *ix, const datum *parts,
                         const bool *nulls, struct arena *a, slice *row_key, bool *found)
{
    bool  has_null = false;
    slice value;

    ASSERT(ix->desc->unique);
    *found = false;
    for (size_t i = 0; i < ix->part_count; i++)
        has_null |= nulls[i];
    if (has_null && (!ix->desc->nulls_not_distinct || ix->desc->primary))
        return STATUS_OK;
    buf_reset(&t->key);
    buf_append_slice(&t->key, ix->prefix);
    table_encode_parts(ix, parts, nulls, ix->part_count, &t->key, NULL);
    TRY_RETURN(txn_get(t->txn, buf_slice(&t->key), a, &value, found));
    if (!*found)
        return STATUS_OK;
    if (ix->desc->primary) {
        *row_key = arena_copy(a, slice_from(buf_slice(&t->key), ix->prefix.size));
        return STATUS_OK;
    }
    if (!take_sized(&value, row_key))
        return status_new(ST_CORRUPT, "index \"%s\" holds a damaged entry", ix->desc->name);
    return STATUS_OK;
}

status table_scan_open(struct table *t, const struct table_scan *s, struct txn_cursor **out)
{
    struct txn_scan scan = {.reverse = s->reverse, .limit_hint = s->limit_hint};

    buf_reset(&t->key);
    buf_append_slice(&t->key, s->index->prefix);
    buf_append_slice(&t->key, s->start);
    buf_reset(&t->key_old);
    if (s->end.size > 0) {
        buf_append_slice(&t->key_old, s->index->prefix);
        buf_append_slice(&t->key_old, s->end);
    } else {
        key_append_prefix_end(&t->key_old, s->index->prefix);
    }
    scan.start = buf_slice(&t->key);
    scan.end = buf_slice(&t->key_old);
    return txn_scan_open(t->txn, &scan, out);
}
