/* Stored bytes of any content: rows, index entries, descriptors. They give a value or CORRUPT,
 * never a crash; and what was read is written again in a form that reads back as the same.
 *
 * The first byte chooses: a descriptor as it stands, a good descriptor with some bytes changed, or
 * a table made from the input. A descriptor that was accepted must be fit for use: a table's layout
 * is made from it, and the rest of the input is read as its rows and entries. */
#include <string.h>

#include "base/assert.h"
#include "sql/catalog/catalog.h"
#include "sql/catalog/object.h"
#include "sql/exec/table_internal.h"
#include "sql/types/type.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { COLUMNS_MAX = 6, EDITS_MAX = 8, ROWS_MAX = 8 };

static size_t pick(slice *in, size_t bound)
{
    uint8_t b = in->size > 0 ? (uint8_t)in->data[0] : 0;

    if (in->size > 0)
        *in = slice_from(*in, 1);
    return b % bound;
}

static slice pick_bytes(slice *in)
{
    size_t size = pick(in, 128);
    slice  s = slice_make(in->data, MIN(size, in->size));

    *in = slice_from(*in, s.size);
    return s;
}

/* ---- a table from the input
 * --------------------------------------------------------------------------------------- */

static const struct type *pick_type(slice *in)
{
    size_t count = 0;

    while (type_at(count) != NULL)
        count++;
    return type_at(pick(in, count));
}

static const struct type *pick_key_type(slice *in)
{
    const struct type *t = pick_type(in);

    return t->key_encode != NULL && t->key_decode != NULL ? t : type_by_oid(OID_INT4);
}

static void make_index(struct index_desc *ix, const struct table_desc *t, size_t position,
                       slice *in)
{
    *ix = (struct index_desc){.oid = 20000 + (uint32_t)position,
                              .key_id = (uint32_t)position + 1,
                              .name = position == 0 ? "t_pkey" : "t_idx",
                              .primary = position == 0,
                              .unique = position == 0 || pick(in, 2) == 0,
                              .nulls_not_distinct = position > 0 && pick(in, 2) == 0};
    ix->part_count = 1 + pick(in, 2);
    for (size_t i = 0; i < ix->part_count; i++) {
        size_t column = i; /* the first columns have types with keys */

        ix->parts[i] = (struct index_part){.column = (int16_t)(column + 1),
                                           .type = t->columns[column].type,
                                           .descending = pick(in, 2) == 0,
                                           .nulls_first = pick(in, 2) == 0};
    }
    if (position > 0 && pick(in, 2) == 0) {
        ix->include_count = 1;
        ix->include[0] = (int16_t)t->column_count;
    }
}

static struct table_desc *make_table(struct arena *a, slice *in)
{
    struct table_desc *t = ARENA_NEW(a, struct table_desc);

    *t = (struct table_desc){.oid = 16384,
                             .version = 1,
                             .kind = RELATION_TABLE,
                             .name = "t",
                             .schema_oid = OID_SCHEMA_PUBLIC,
                             .database_oid = 5,
                             .storage_id = 16384,
                             .next_key_id = 3,
                             .index_count = 2};
    t->column_count = 2 + pick(in, COLUMNS_MAX - 1);
    t->columns = ARENA_ARRAY(a, struct column_desc, t->column_count);
    for (size_t i = 0; i < t->column_count; i++) {
        const struct type *type = i < 2 ? pick_key_type(in) : pick_type(in);

        t->columns[i] = (struct column_desc){.number = (int16_t)(i + 1),
                                             .name = arena_printf(a, "c%zu", i + 1),
                                             .type = type->oid,
                                             .typmod = -1,
                                             .dropped = i > 2 && pick(in, 4) == 0};
    }
    t->indexes = ARENA_ARRAY(a, struct index_desc, t->index_count);
    for (size_t i = 0; i < t->index_count; i++)
        make_index(&t->indexes[i], t, i, in);
    return t;
}

/* ---- rows
 * -----------------------------------------------------------------------------------------------------
 */

static void print_row(const struct table_layout *l, const struct table_row *row, struct buf *out)
{
    for (size_t i = 0; i < l->column_count; i++) {
        buf_put_u8(out, '|');
        if (row->nulls[i])
            buf_append_cstr(out, "null");
        else if (i % 2 == 0)
            st_clear(l->types[i]->output(NULL, l->types[i], row->values[i], out));
        else
            st_clear(l->types[i]->send(NULL, l->types[i], row->values[i], out));
    }
}

/* Written again and read again it is the same row. */
static void check_row(const struct table_layout *l, struct arena *a, const struct table_row *row)
{
    struct buf key SCOPED(buf), value SCOPED(buf), before SCOPED(buf), after SCOPED(buf);
    struct table_row again;
    status           st;

    buf_init(&key, arena_heap(a));
    buf_init(&value, arena_heap(a));
    buf_init(&before, arena_heap(a));
    buf_init(&after, arena_heap(a));
    for (size_t i = 0; i < l->indexes[0].part_count; i++) {
        if (row->nulls[l->indexes[0].parts[i].column - 1])
            return; /* a dropped key column, which no writer writes */
    }
    buf_append_slice(&key, l->indexes[0].prefix);
    if (l->indexes[0].part_count > 0)
        row_encode_key(l, row, &key, NULL);
    else
        buf_append_slice(&key, row->key);
    row_encode_value(l, row, &value);
    table_row_init(l, a, &again);
    st = table_decode_entry(l, &l->indexes[0], a, buf_slice(&key), buf_slice(&value), NULL, &again);
    ASSERT(st_ok(st));
    print_row(l, row, &before);
    print_row(l, &again, &after);
    ASSERT(slice_eq(buf_slice(&before), buf_slice(&after)));
}

static void read_entry(const struct table_layout *l, struct arena *a, slice *in)
{
    const struct index_layout *ix = &l->indexes[pick(in, l->index_count)];
    size_t                     wanted_bits = pick(in, 256);
    bool                      *wanted = ARENA_ARRAY(a, bool, l->column_count + 1);
    struct buf key             SCOPED(buf);
    struct table_row           row;
    status                     st;
    slice                      value;

    for (size_t i = 0; i < l->column_count; i++)
        wanted[i] = (wanted_bits >> i % 7 & 1) != 0;
    buf_init(&key, arena_heap(a));
    buf_append_slice(&key, ix->prefix);
    buf_append_slice(&key, pick_bytes(in));
    value = pick_bytes(in);
    table_row_init(l, a, &row);
    st = table_decode_entry(l, ix, a, buf_slice(&key), value, wanted_bits & 128 ? NULL : wanted,
                            &row);
    if (st_ok(st) && (wanted_bits & 128) && ix == &l->indexes[0])
        check_row(l, a, &row);
    st_clear(st);
}

static bool has_expressions(const struct table_desc *t)
{
    for (size_t i = 0; i < t->index_count; i++) {
        if (t->indexes[i].predicate_text != NULL)
            return true;
        for (size_t k = 0; k < t->indexes[i].part_count; k++) {
            if (t->indexes[i].parts[k].column == 0)
                return true;
        }
    }
    return false;
}

static void use_table(struct arena *a, const struct table_desc *t, slice in)
{
    const struct table_layout *l;
    status                     st;

    if (t->kind != RELATION_TABLE || has_expressions(t)) /* they need a catalog to be bound */
        return;
    st = table_layout_new(NULL, a, t, &l);
    for (int i = 0; st_ok(st) && i < ROWS_MAX && in.size > 0; i++)
        read_entry(l, a, &in);
    st_clear(st);
}

/* ---- descriptors
 * ---------------------------------------------------------------------------------------------- */

static void read_descriptor(struct arena *a, slice bytes, slice rest)
{
    struct object *o, *again;
    struct buf out SCOPED(buf);
    status         st;

    buf_init(&out, arena_heap(a));
    st = object_decode(arena_heap(a), bytes, &o);
    if (!st_ok(st)) {
        st_clear(st);
        return;
    }
    object_encode(o->kind, o->oid, o->version, o->any, &out);
    st = object_decode(arena_heap(a), buf_slice(&out), &again);
    ASSERT(st_ok(st));
    ASSERT(again->kind == o->kind && again->oid == o->oid);
    ASSERT(strcmp(object_name(again), object_name(o)) == 0);
    object_unref(again);
    if (o->kind == OBJECT_TABLE)
        use_table(a, o->table, rest);
    object_unref(o);
}

static void edit_descriptor(struct arena *a, slice in)
{
    struct table_desc *t = make_table(a, &in);
    struct buf bytes   SCOPED(buf);
    size_t             edits = pick(&in, EDITS_MAX);

    buf_init(&bytes, arena_heap(a));
    object_encode(OBJECT_TABLE, t->oid, t->version, t, &bytes);
    for (size_t i = 0; i < edits; i++) {
        size_t at = pick(&in, 256) << 8;

        at = (at + pick(&in, 256)) % bytes.size;
        bytes.data[at] = (char)pick(&in, 256);
    }
    read_descriptor(a, buf_slice(&bytes), in);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    slice         in = slice_make(data, size), bytes;
    struct heap  *heap = heap_new();
    struct arena *a = arena_new(heap, NULL);

    switch (pick(&in, 3)) {
    case 0:
        bytes = in;
        if (bytes.size > 128)
            bytes = slice_make(in.data, in.size / 2);
        read_descriptor(a, bytes, slice_from(in, bytes.size));
        break;
    case 1:
        edit_descriptor(a, in);
        break;
    default: {
        struct table_desc *t = make_table(a, &in);

        use_table(a, t, in);
        break;
    }
    }
    arena_free(a);
    heap_destroy(heap);
    return 0;
}
