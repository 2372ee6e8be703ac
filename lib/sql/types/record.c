#include "sql/types/record.h"

#include "base/assert.h"
#include "base/keyenc.h"
#include "sql/types/ops.h"
#include "sql/types/string.h"

status record_build(struct arena *a, const uint32_t *types, const datum *values, const bool *nulls,
                    size_t count, slice *out)
{
    struct buf b SCOPED(buf);
    void        *copy;

    buf_init(&b, arena_heap(a));
    buf_put_varint(&b, count);
    for (size_t i = 0; i < count; i++) {
        const struct type *t = type_by_oid(types[i]);

        ASSERT(t != NULL);
        buf_put_u32le(&b, types[i]);
        buf_put_u8(&b, nulls[i]);
        if (!nulls[i])
            type_value_encode(t, values[i], &b);
    }
    TRY_RETURN(arena_try_alloc(a, b.size, &copy));
    memcpy(copy, b.data, b.size);
    *out = slice_make(copy, b.size);
    return STATUS_OK;
}

status record_open(slice packed, struct record_view *out)
{
    uint64_t count;

    /* A field takes five bytes at least, so a damaged count is found here. */
    if (!take_varint(&packed, &count) || count > packed.size / 5)
        return status_new(ST_CORRUPT, "a stored record is damaged");
    *out = (struct record_view){.count = (size_t)count, .rest = packed};
    return STATUS_OK;
}

bool record_next(struct record_view *v, const struct type **type, datum *out, bool *null)
{
    slice head;

    if (v->count == 0 || !take_bytes(&v->rest, 5, &head))
        return false;
    *type = type_by_oid(get_u32le(head.data));
    *null = head.data[4] != 0;
    if (*type == NULL)
        return false;
    if (!*null) {
        status st = type_value_decode(*type, &v->rest, out);

        if (!st_ok(st)) {
            st_clear(st);
            return false;
        }
    }
    v->count--;
    return true;
}

/* ---- text and binary
 * ---------------------------------------------------------------------------------- */

status record_input(struct sql_context *c, struct arena *a, const struct type *t, slice text,
                    int32_t typmod, datum *out)
{
    (void)c, (void)a, (void)t, (void)text, (void)typmod, (void)out;
    return status_new(ST_FEATURE_NOT_SUPPORTED,
                      "input of anonymous composite types is not implemented");
}

status record_receive(struct sql_context *c, struct arena *a, const struct type *t, slice bytes,
                      int32_t typmod, datum *out)
{
    return record_input(c, a, t, bytes, typmod, out);
}

static void append_field(slice s, struct buf *out)
{
    bool quotes = s.size == 0;

    for (size_t i = 0; i < s.size; i++)
        quotes = quotes || (s.data[i] != '\0' && strchr("\"\\(), \t\n\r\v\f", s.data[i]) != NULL);
    if (!quotes) {
        buf_append_slice(out, s);
        return;
    }
    buf_put_u8(out, '"');
    for (size_t i = 0; i < s.size; i++) {
        if (s.data[i] == '"' || s.data[i] == '\\')
            buf_put_u8(out, (uint8_t)s.data[i]);
        buf_put_u8(out, (uint8_t)s.data[i]);
    }
    buf_put_u8(out, '"');
}

status record_output(struct sql_context *c, const struct type *t, datum v, struct buf *out)
{
    struct buf text    SCOPED(buf);
    struct record_view view;
    const struct type *field;
    datum              x;
    bool               null, first = true;

    (void)t;
    buf_init(&text, NULL);
    TRY_RETURN(record_open(v.s, &view));
    buf_put_u8(out, '(');
    for (; record_next(&view, &field, &x, &null); first = false) {
        if (!first)
            buf_put_u8(out, ',');
        if (null)
            continue;
        buf_reset(&text);
        TRY_RETURN(field->output(c, field, x, &text));
        append_field(buf_slice(&text), out);
    }
    buf_put_u8(out, ')');
    return STATUS_OK;
}

status record_send(struct sql_context *c, const struct type *t, datum v, struct buf *out)
{
    struct record_view view;
    const struct type *field;
    datum              x;
    bool               null;

    (void)t;
    TRY_RETURN(record_open(v.s, &view));
    buf_put_u32be(out, (uint32_t)view.count);
    while (record_next(&view, &field, &x, &null)) {
        size_t at;

        buf_put_u32be(out, field->oid);
        at = out->size;
        buf_put_u32be(out, UINT32_MAX);
        if (null)
            continue;
        TRY_RETURN(field->send(c, field, x, out));
        put_u32be(out->data + at, (uint32_t)(out->size - at - 4));
    }
    return STATUS_OK;
}

/* ---- order, hash, keys
 * ---------------------------------------------------------------------------------- */

static bool open_quietly(slice packed, struct record_view *out)
{
    status st = record_open(packed, out);
    bool   good = st_ok(st);

    if (!good)
        *out = (struct record_view){0};
    st_clear(st);
    return good;
}

/* Field by field; nulls are equal to each other and greater than all else; a shorter record comes
 * first. Fields of different types, which PostgreSQL refuses to compare and the binder with it,
 * order by OID. */
int record_compare(datum a, datum b)
{
    struct record_view va, vb;

    if (!open_quietly(a.s, &va) || !open_quietly(b.s, &vb))
        return slice_cmp(a.s, b.s);
    for (;;) {
        const struct type *ta, *tb;
        datum              x, y;
        bool               x_null, y_null;
        bool               more_a = record_next(&va, &ta, &x, &x_null),
             more_b = record_next(&vb, &tb, &y, &y_null);
        int c;

        if (!more_a || !more_b)
            return (int)more_a - (int)more_b;
        if (ta != tb)
            return ta->oid < tb->oid ? -1 : 1;
        if (x_null || y_null)
            c = (int)x_null - (int)y_null;
        else
            c = ta->compare != NULL ? ta->compare(x, y) : 0;
        if (c != 0)
            return c;
    }
}

uint64_t record_hash(datum v)
{
    struct record_view view;
    const struct type *t;
    datum              x;
    bool               null;
    uint64_t           h = 1;

    open_quietly(v.s, &view);
    while (record_next(&view, &t, &x, &null))
        h = h * 31 + (null || t->hash == NULL ? 0 : t->hash(x));
    return integer_hash((datum){.i = (int64_t)h});
}

void record_key_encode(datum v, struct buf *out, bool *exact)
{
    struct record_view view;
    const struct type *t;
    datum              x;
    bool               null;

    open_quietly(v.s, &view);
    while (record_next(&view, &t, &x, &null)) {
        keyenc_put_int64(out, t->oid, KEY_ASC);
        if (null || t->key_encode == NULL)
            keyenc_put_null(out, KEY_ASC);
        else
            nested_key_encode(t, x, out, exact);
    }
    keyenc_put_end(out, KEY_ASC);
    *exact = false;
}

/* Steps over the key: as it is never exact, the value comes from the row. */
status record_key_decode(struct arena *a, slice *key, datum *out)
{
    (void)a;
    out->s = SLICE_EMPTY;
    while (!keyenc_take_end(key)) {
        int64_t oid;

        if (!keyenc_take_int64(key, &oid) || !keyenc_skip(key))
            return key_corrupt("record");
    }
    return STATUS_OK;
}
