#include "sql/types/array.h"

#include "base/keyenc.h"
#include "sql/types/ops.h"
#include "sql/types/string.h"

enum { HEADER_SIZE = 6, DIMENSION_SIZE = 8 };

static status array_damaged(void)
{
    return status_new(ST_CORRUPT, "a stored array is damaged");
}

static status take_shape(slice packed, struct array_view *out)
{
    slice head;

    *out = (struct array_view){0};
    if (!take_bytes(&packed, HEADER_SIZE, &head))
        return array_damaged();
    out->element = type_by_oid(get_u32le(head.data));
    out->dimensions = (uint8_t)head.data[4];
    out->has_nulls = head.data[5] != 0;
    if (out->element == NULL || out->dimensions > ARRAY_DIMENSIONS_MAX)
        return array_damaged();
    out->count = out->dimensions > 0;
    for (unsigned i = 0; i < out->dimensions; i++) {
        if (!take_bytes(&packed, DIMENSION_SIZE, &head))
            return array_damaged();
        out->lengths[i] = get_u32le(head.data);
        out->lower[i] = (int32_t)get_u32le(head.data + 4);
        out->count *= out->lengths[i];
        if (out->count == 0 || out->count > ARRAY_ELEMENTS_MAX)
            return array_damaged();
    }
    out->rest = packed;
    out->left = out->count;
    return STATUS_OK;
}

/* A damaged array is empty for those who cannot pass the error on. */
status array_open(slice packed, struct array_view *out)
{
    status st = take_shape(packed, out);

    if (!st_ok(st))
        *out = (struct array_view){0};
    return st;
}

bool array_next(struct array_view *v, datum *out, bool *null)
{
    slice mark;

    if (v->left == 0)
        return false;
    *null = false;
    if (v->has_nulls) {
        if (!take_bytes(&v->rest, 1, &mark))
            return false;
        *null = mark.data[0] != 0;
    }
    if (!*null) {
        status st = type_value_decode(v->element, &v->rest, out);

        if (!st_ok(st)) {
            st_clear(st);
            return false;
        }
    }
    v->left--;
    return true;
}

slice array_empty(struct arena *a, const struct type *element)
{
    char *p = arena_alloc(a, HEADER_SIZE);

    memset(p, 0, HEADER_SIZE);
    put_u32le(p, element->oid);
    return slice_make(p, HEADER_SIZE);
}

static status shape_count(unsigned dimensions, const size_t *lengths, size_t *out)
{
    *out = dimensions > 0;
    for (unsigned i = 0; i < dimensions; i++) {
        if (__builtin_mul_overflow(*out, lengths[i], out) || *out > ARRAY_ELEMENTS_MAX)
            return status_new(ST_LIMIT_EXCEEDED, "array size exceeds the maximum allowed (%d)",
                              ARRAY_ELEMENTS_MAX);
    }
    return STATUS_OK;
}

static bool any_null(const bool *nulls, size_t count)
{
    return nulls != NULL && count > 0 && memchr(nulls, 1, count) != NULL;
}

status array_build_shaped(struct arena *a, const struct type *element, unsigned dimensions,
                          const size_t *lengths, const int32_t *lower, const datum *values,
                          const bool *nulls, slice *out)
{
    struct buf b SCOPED(buf);
    size_t       count;
    bool         has_nulls;
    void        *copy;

    buf_init(&b, arena_heap(a));
    TRY_RETURN(shape_count(dimensions, lengths, &count));
    if (count == 0) {
        *out = array_empty(a, element);
        return STATUS_OK;
    }
    has_nulls = any_null(nulls, count);
    buf_put_u32le(&b, element->oid);
    buf_put_u8(&b, (uint8_t)dimensions);
    buf_put_u8(&b, has_nulls);
    for (unsigned i = 0; i < dimensions; i++) {
        buf_put_u32le(&b, (uint32_t)lengths[i]);
        buf_put_u32le(&b, (uint32_t)lower[i]);
    }
    for (size_t i = 0; i < count; i++) {
        if (has_nulls)
            buf_put_u8(&b, nulls[i]);
        if (!has_nulls || !nulls[i])
            type_value_encode(element, values[i], &b);
    }
    TRY_RETURN(arena_try_alloc(a, b.size, &copy));
    memcpy(copy, b.data, b.size);
    *out = slice_make(copy, b.size);
    return STATUS_OK;
}

status array_build(struct arena *a, const struct type *element, const datum *values,
                   const bool *nulls, size_t count, slice *out)
{
    int32_t lower = 1;

    return array_build_shaped(a, element, 1, &count, &lower, values, nulls, out);
}

status array_unpack(struct arena *a, slice packed, struct array_view *view, datum **values,
                    bool **nulls)
{
    void *p;

    TRY_RETURN(array_open(packed, view));
    TRY_RETURN(arena_try_alloc(a, view->count * sizeof **values + 1, &p));
    *values = p;
    TRY_RETURN(arena_try_alloc(a, view->count + 1, &p));
    *nulls = p;
    for (size_t i = 0; array_next(view, *values + i, *nulls + i); i++)
        ;
    return view->left == 0 ? STATUS_OK : array_damaged();
}

status array_element(slice packed, const int32_t *subscripts, size_t count, datum *out, bool *null)
{
    struct array_view v;
    size_t            position = 0;

    *null = true;
    TRY_RETURN(array_open(packed, &v));
    if (count != v.dimensions || count == 0)
        return STATUS_OK;
    for (unsigned i = 0; i < v.dimensions; i++) {
        int64_t at = (int64_t)subscripts[i] - v.lower[i];

        if (at < 0 || at >= (int64_t)v.lengths[i])
            return STATUS_OK;
        position = position * v.lengths[i] + (size_t)at;
    }
    for (size_t i = 0; i <= position; i++) {
        if (!array_next(&v, out, null))
            return array_damaged();
    }
    return STATUS_OK;
}

status array_slice(struct arena *a, slice packed, int32_t lower, int32_t upper, slice *out)
{
    struct array_view    v;
    datum               *values;
    bool                *nulls;
    int64_t              first, last;
    size_t               row;
    static const int32_t ones[ARRAY_DIMENSIONS_MAX] = {1, 1, 1, 1, 1, 1};

    TRY_RETURN(array_unpack(a, packed, &v, &values, &nulls));
    if (v.dimensions == 0) {
        *out = packed;
        return STATUS_OK;
    }
    first = MAX((int64_t)lower - v.lower[0], 0);
    last = MIN((int64_t)upper - v.lower[0], (int64_t)v.lengths[0] - 1);
    row = v.count / v.lengths[0];
    if (first > last) {
        *out = array_empty(a, v.element);
        return STATUS_OK;
    }
    v.lengths[0] = (size_t)(last - first + 1);
    return array_build_shaped(a, v.element, v.dimensions, v.lengths, ones,
                              values + (size_t)first * row, nulls + (size_t)first * row, out);
}

/* ---- order, hash, keys
 * ---------------------------------------------------------------------------- */

/* Nulls are equal to each other and greater than all else. */
static int compare_elements(const struct type *t, datum a, bool a_null, datum b, bool b_null)
{
    if (a_null || b_null)
        return (int)a_null - (int)b_null;
    if (t->compare != NULL)
        return t->compare(a, b);
    return 0;
}

static int compare_shape(const struct array_view *a, const struct array_view *b)
{
    if (a->count != b->count)
        return a->count < b->count ? -1 : 1;
    if (a->dimensions != b->dimensions)
        return a->dimensions < b->dimensions ? -1 : 1;
    for (unsigned i = 0; i < a->dimensions; i++) {
        if (a->lengths[i] != b->lengths[i])
            return a->lengths[i] < b->lengths[i] ? -1 : 1;
    }
    for (unsigned i = 0; i < a->dimensions; i++) {
        if (a->lower[i] != b->lower[i])
            return a->lower[i] < b->lower[i] ? -1 : 1;
    }
    return 0;
}

int array_compare(datum a, datum b)
{
    struct array_view va, vb;
    datum             x, y;
    bool              x_null, y_null;
    status            st = array_open(a.s, &va);

    if (st_ok(st))
        st = array_open(b.s, &vb);
    if (!st_ok(st)) {
        /* There is no way out for an error here; damaged arrays order by their bytes. */
        st_clear(st);
        return slice_cmp(a.s, b.s);
    }
    while (array_next(&va, &x, &x_null) && array_next(&vb, &y, &y_null)) {
        int c = compare_elements(va.element, x, x_null, y, y_null);

        if (c != 0)
            return c;
    }
    return compare_shape(&va, &vb);
}

uint64_t array_hash(datum v)
{
    struct array_view view;
    datum             x;
    bool              null;
    uint64_t          h = 1;
    status            st = array_open(v.s, &view);

    if (!st_ok(st)) {
        st_clear(st);
        return text_hash(v);
    }
    while (array_next(&view, &x, &null))
        h = h * 31 + (null || view.element->hash == NULL ? 0 : view.element->hash(x));
    return integer_hash((datum){.i = (int64_t)h});
}

/* The elements as a nested list, then the shape, which decides between arrays whose elements are
 * alike. The element's type is not in the key, so the value is stored beside it. */
void array_key_encode(datum v, struct buf *out, bool *exact)
{
    struct array_view view;
    datum             x;
    bool              null;
    status            st = array_open(v.s, &view);

    *exact = false;
    st_clear(st);
    while (array_next(&view, &x, &null)) {
        if (null || view.element->key_encode == NULL)
            keyenc_put_null(out, KEY_ASC);
        else
            nested_key_encode(view.element, x, out, exact);
    }
    keyenc_put_end(out, KEY_ASC);
    keyenc_put_int64(out, view.dimensions, KEY_ASC);
    for (unsigned i = 0; i < view.dimensions; i++)
        keyenc_put_int64(out, (int64_t)view.lengths[i], KEY_ASC);
    for (unsigned i = 0; i < view.dimensions; i++)
        keyenc_put_int64(out, view.lower[i], KEY_ASC);
    *exact = false;
}

/* Steps over the key: as it is never exact, the value comes from the row. */
status array_key_decode(struct arena *a, slice *key, datum *out)
{
    int64_t dimensions, ignored;

    (void)a;
    out->s = SLICE_EMPTY;
    while (!keyenc_take_end(key)) {
        if (!keyenc_skip(key))
            return key_corrupt("array");
    }
    if (!keyenc_take_int64(key, &dimensions) || dimensions < 0 || dimensions > ARRAY_DIMENSIONS_MAX)
        return key_corrupt("array");
    for (int64_t i = 0; i < 2 * dimensions; i++) {
        if (!keyenc_take_int64(key, &ignored))
            return key_corrupt("array");
    }
    return STATUS_OK;
}
