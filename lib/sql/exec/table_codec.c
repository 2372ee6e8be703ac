/* Rows and index entries to bytes and back; the format is drawn in table.h. */
#include <string.h>

#include "base/assert.h"
#include "kv/keys.h"
#include "sql/exec/table_internal.h"

enum { MARK_NULL_FIRST = 1, MARK_VALUE = 2, MARK_NULL_LAST = 3 };

static void invert(char *p, size_t size)
{
    for (size_t i = 0; i < size; i++)
        p[i] = (char)~p[i];
}

void table_encode_part(const struct layout_part *p, bool primary, datum value, bool null,
                       struct buf *out, bool *inexact)
{
    bool exact = true;

    if (null) {
        ASSERT(!primary);
        buf_put_u8(out, p->nulls_first ? MARK_NULL_FIRST : MARK_NULL_LAST);
        return;
    }
    if (!primary)
        buf_put_u8(out, MARK_VALUE);
    size_t from = out->size;
    p->type->key_encode(value, out, &exact);
    if (p->descending)
        invert(out->data + from, out->size - from);
    if (!exact && inexact != NULL)
        *inexact = true;
}

void table_encode_parts(const struct index_layout *ix, const datum *values, const bool *nulls,
                        size_t count, struct buf *out, bool *inexact)
{
    ASSERT(count <= ix->part_count);
    for (size_t i = 0; i < count; i++)
        table_encode_part(&ix->parts[i], ix->desc->primary, values[i], nulls[i], out, inexact);
}

bool table_key_successor(struct buf *key)
{
    while (key->size > 0 && (uint8_t)key->data[key->size - 1] == 0xff)
        key->size--;
    if (key->size == 0)
        return false;
    key->data[key->size - 1] = (char)((uint8_t)key->data[key->size - 1] + 1);
    return true;
}

/* Does the key alone lose this value? */
static bool part_is_inexact(const struct layout_part *p, datum value)
{
    struct buf b;
    bool       exact = true;

    switch (p->type->datum_kind) {
    case DATUM_BOOL:
    case DATUM_INT:
    case DATUM_UUID:
        return false;
    case DATUM_FLOAT:
    case DATUM_SLICE:
    case DATUM_INTERVAL:
        break;
    }
    buf_init(&b, NULL);
    p->type->key_encode(value, &b, &exact);
    buf_deinit(&b);
    return !exact;
}

/* ---- row values ---------------------------------------------------------------------------------
 */

static void put_column(const struct table_layout *l, size_t column, datum value, size_t *last,
                       struct buf *out)
{
    buf_put_varint(out, column + 1 - *last);
    *last = column + 1;
    type_value_encode(l->types[column], value, out);
}

static const struct layout_part *part_of_column(const struct index_layout *ix, size_t column)
{
    for (size_t i = 0; i < ix->part_count; i++) {
        if (ix->parts[i].column == (int16_t)(column + 1))
            return &ix->parts[i];
    }
    return NULL;
}

void row_encode_key(const struct table_layout *l, const struct table_row *row, struct buf *out,
                    bool *inexact)
{
    const struct index_layout *primary = &l->indexes[0];

    for (size_t i = 0; i < primary->part_count; i++) {
        size_t column = (size_t)primary->parts[i].column - 1;

        table_encode_part(&primary->parts[i], true, row->values[column], false, out, inexact);
    }
}

void row_encode_value(const struct table_layout *l, const struct table_row *row, struct buf *out)
{
    const struct index_layout *primary = &l->indexes[0];
    size_t                     last = 0;

    buf_put_varint(out, l->column_count);
    for (size_t i = 0; i < l->column_count; i++) {
        if (row->nulls[i] || l->types[i] == NULL || l->desc->columns[i].dropped)
            continue;
        const struct layout_part *part = part_of_column(primary, i);

        if (part == NULL || part_is_inexact(part, row->values[i]))
            put_column(l, i, row->values[i], &last, out);
    }
}

/* ---- entries ------------------------------------------------------------------------------------
 */

static void set_slots(struct eval_row *r, const struct table_row *row)
{
    *r = (struct eval_row){.values = row->values, .nulls = row->nulls};
}

status entry_compute(struct table *t, size_t index, const struct table_row *row, struct entry *out)
{
    const struct index_layout *ix = &t->layout->indexes[index];
    struct eval_row            r;

    set_slots(&r, row);
    out->exists = true;
    out->has_null = false;
    if (ix->predicate != NULL)
        TRY_RETURN(eval_condition(t->evals[index].predicate, &r, t->scratch, &out->exists));
    if (!out->exists)
        return STATUS_OK;
    for (size_t i = 0; i < ix->part_count; i++) {
        int16_t column = ix->parts[i].column;

        if (column != 0) {
            out->values[i] = row->values[column - 1];
            out->nulls[i] = row->nulls[column - 1];
        } else {
            TRY_RETURN(eval_one(t->evals[index].parts[i], &r, t->scratch, &out->values[i],
                                &out->nulls[i]));
        }
        out->has_null |= out->nulls[i];
    }
    return STATUS_OK;
}

bool entry_key_is_unique(const struct index_layout *ix, bool has_null)
{
    return ix->desc->unique && (!has_null || ix->desc->nulls_not_distinct);
}

/* Must this column stand in the entry's value? */
static bool entry_stores(const struct table_layout *l, const struct index_layout *ix, size_t column,
                         datum value)
{
    const struct layout_part *part = part_of_column(ix, column);

    if (part == NULL)
        part = part_of_column(&l->indexes[0], column);
    if (part != NULL)
        return part_is_inexact(part, value);
    return ix->covers[column];
}

void entry_encode(const struct table_layout *l, const struct index_layout *ix,
                  const struct entry *e, const struct table_row *row, struct buf *key,
                  struct buf *value)
{
    size_t last = 0;

    buf_append_slice(key, ix->prefix);
    table_encode_parts(ix, e->values, e->nulls, ix->part_count, key, NULL);
    if (entry_key_is_unique(ix, e->has_null))
        buf_put_sized(value, row->key);
    else
        buf_append_slice(key, row->key);
    buf_put_varint(value, l->column_count);
    for (size_t i = 0; i < l->column_count; i++) {
        if (ix->covers[i] && !row->nulls[i] && entry_stores(l, ix, i, row->values[i]))
            put_column(l, i, row->values[i], &last, value);
    }
}

/* ---- decoding -----------------------------------------------------------------------------------
 */

static status corrupt(const struct table_layout *l, const char *what)
{
    return status_new(ST_CORRUPT, "relation \"%s\" holds a damaged %s", l->desc->name, what);
}

static status decode_part_value(const struct layout_part *p, struct arena *a, slice *key,
                                datum *out)
{
    if (!p->descending)
        return p->type->key_decode(a, key, out);

    char *copy = arena_alloc(a, key->size + 1);
    slice rest = slice_make(copy, key->size);

    memcpy(copy, key->data, key->size);
    invert(copy, key->size);
    TRY_RETURN(p->type->key_decode(a, &rest, out));
    *key = slice_from(*key, key->size - rest.size);
    return STATUS_OK;
}

/* Take the parts off *key, filling the columns that are wanted. */
static status decode_parts(const struct table_layout *l, const struct index_layout *ix,
                           struct arena *a, slice *key, struct table_row *row, bool *has_null)
{
    for (size_t i = 0; i < ix->part_count; i++) {
        const struct layout_part *p = &ix->parts[i];
        bool                      null = false;
        datum                     v = {0};

        if (!ix->desc->primary) {
            if (key->size == 0)
                return corrupt(l, "index key");
            null = key->data[0] != MARK_VALUE;
            *key = slice_from(*key, 1);
        }
        if (!null)
            TRY_RETURN(decode_part_value(p, a, key, &v));
        if (!null && !type_value_is_sound(p->type, v))
            return corrupt(l, "index key");
        *has_null |= null;
        if (p->column != 0) {
            row->values[p->column - 1] = v;
            row->nulls[p->column - 1] = null;
        }
    }
    return STATUS_OK;
}

static status decode_value(const struct table_layout *l, slice value, const bool *wanted,
                           bool is_row, struct table_row *row)
{
    uint64_t known, delta, number = 0;

    if (!take_varint(&value, &known))
        return corrupt(l, "row");
    while (value.size > 0) {
        datum v;

        if (!take_varint(&value, &delta) || delta == 0 || delta > l->column_count - number)
            return corrupt(l, "row");
        number += delta;
        if (l->types[number - 1] == NULL)
            return corrupt(l, "row");
        TRY_RETURN(type_value_decode(l->types[number - 1], &value, &v));
        if ((wanted == NULL || wanted[number - 1]) && !l->desc->columns[number - 1].dropped) {
            row->values[number - 1] = v;
            row->nulls[number - 1] = false;
        }
    }
    if (!is_row)
        return STATUS_OK;
    for (size_t i = (size_t)MIN(known, l->column_count); i < l->column_count; i++) {
        row->values[i] = l->missing[i];
        row->nulls[i] = l->missing_null[i];
    }
    return STATUS_OK;
}

static bool wants_key(const struct table_layout *l, const struct index_layout *ix,
                      const bool *wanted)
{
    (void)l;
    if (wanted == NULL)
        return true;
    for (size_t i = 0; i < ix->part_count; i++) {
        if (ix->parts[i].column != 0 && wanted[ix->parts[i].column - 1])
            return true;
    }
    return false;
}

status table_decode_entry(const struct table_layout *l, const struct index_layout *ix,
                          struct arena *a, slice key, slice value, const bool *wanted,
                          struct table_row *row)
{
    const struct index_layout *primary = &l->indexes[0];
    bool                       has_null = false;

    if (!slice_starts_with(key, ix->prefix))
        return corrupt(l, "key");
    memset(row->nulls, true, l->column_count);
    key = slice_from(key, ix->prefix.size);
    if (ix->desc->primary || ix == primary) {
        row->key = key;
        if (wants_key(l, ix, wanted) && ix->part_count > 0)
            TRY_RETURN(decode_parts(l, ix, a, &key, row, &has_null));
        return decode_value(l, value, wanted, true, row);
    }
    TRY_RETURN(decode_parts(l, ix, a, &key, row, &has_null));
    if (entry_key_is_unique(ix, has_null)) {
        if (!take_sized(&value, &row->key))
            return corrupt(l, "index entry");
    } else {
        row->key = key;
    }
    slice pk = row->key;

    if (primary->part_count > 0 && wants_key(l, primary, wanted))
        TRY_RETURN(decode_parts(l, primary, a, &pk, row, &has_null));
    return decode_value(l, value, wanted, false, row);
}
