/* Arrays: comparison, shape, building, searching, to and from text; unnest. */
#include "sql/types/array.h"

#include "base/utf8.h"
#include "sql/func/implement.h"
#include "sql/func/text.h"
#include "sql/types/ops.h"

#define COMPARE(name, compare, op)                                                                 \
    FN(name)                                                                                       \
    {                                                                                              \
        out->b = compare(args[0], args[1]) op 0;                                                   \
        return STATUS_OK;                                                                          \
    }

COMPARE(array_eq, array_compare, ==)
COMPARE(array_ne, array_compare, !=)
COMPARE(array_lt, array_compare, <)
COMPARE(array_le, array_compare, <=)
COMPARE(array_gt, array_compare, >)
COMPARE(array_ge, array_compare, >=)
COMPARE(oidvectoreq, array_compare, ==)
COMPARE(oidvectorne, array_compare, !=)
COMPARE(record_eq, record_compare, ==)
COMPARE(record_ne, record_compare, !=)
COMPARE(record_lt, record_compare, <)
COMPARE(record_le, record_compare, <=)
COMPARE(record_gt, record_compare, >)
COMPARE(record_ge, record_compare, >=)
COMPARE(uuid_eq, uuid_compare, ==)
COMPARE(uuid_ne, uuid_compare, !=)
COMPARE(uuid_lt, uuid_compare, <)
COMPARE(uuid_le, uuid_compare, <=)
COMPARE(uuid_gt, uuid_compare, >)
COMPARE(uuid_ge, uuid_compare, >=)

/* ---- shape
 * --------------------------------------------------------------------------------------- */

FN(array_ndims)
{
    struct array_view v;

    TRY_RETURN(array_open(args[0].s, &v));
    out->i = v.dimensions;
    *null = v.dimensions == 0;
    return STATUS_OK;
}

FN(array_dims)
{
    struct array_view v;
    struct buf b      SCOPED(buf);

    buf_init(&b, arena_heap(call->arena));
    TRY_RETURN(array_open(args[0].s, &v));
    *null = v.dimensions == 0;
    for (unsigned i = 0; i < v.dimensions; i++)
        buf_printf(&b, "[%d:%lld]", v.lower[i],
                   (long long)v.lower[i] + (long long)v.lengths[i] - 1);
    return fn_return_text(call, buf_slice(&b), out);
}

/* The dimension asked for, from 0; null when the array has it not. */
static status open_dimension(const datum *args, struct array_view *v, size_t *dimension, bool *null)
{
    TRY_RETURN(array_open(args[0].s, v));
    *null = args[1].i < 1 || args[1].i > v->dimensions;
    *dimension = *null ? 0 : (size_t)(args[1].i - 1);
    return STATUS_OK;
}

FN(array_lower)
{
    struct array_view v;
    size_t            d;

    TRY_RETURN(open_dimension(args, &v, &d, null));
    out->i = v.lower[d];
    return STATUS_OK;
}

FN(array_upper)
{
    struct array_view v;
    size_t            d;

    TRY_RETURN(open_dimension(args, &v, &d, null));
    out->i = v.lower[d] + (int64_t)v.lengths[d] - 1;
    return STATUS_OK;
}

FN(array_length)
{
    struct array_view v;
    size_t            d;

    TRY_RETURN(open_dimension(args, &v, &d, null));
    out->i = (int64_t)v.lengths[d];
    return STATUS_OK;
}

FN(array_cardinality)
{
    struct array_view v;

    TRY_RETURN(array_open(args[0].s, &v));
    out->i = (int64_t)v.count;
    return STATUS_OK;
}

/* ---- building
 * ------------------------------------------------------------------------------------- */

static status not_one_dimension(void)
{
    return status_new(ST_DATA_EXCEPTION, "argument must be empty or one-dimensional array");
}

/* The array's elements with one more in front or behind; a null array is an empty one. */
static status add_one(struct fn_call *call, uint32_t array_type, slice packed, bool packed_null,
                      datum v, bool v_null, bool front, slice *out)
{
    struct array_view  view = {.lower = {1}};
    const struct type *element = type_by_oid(type_by_oid(array_type)->element_oid);
    datum             *values = NULL, *all;
    bool              *nulls = NULL, *all_nulls;
    int32_t            lower;
    size_t             count;

    if (!packed_null) {
        TRY_RETURN(array_unpack(call->arena, packed, &view, &values, &nulls));
        if (view.dimensions > 1)
            return not_one_dimension();
    }
    count = view.count + 1;
    TRY_RETURN(arena_try_alloc(call->arena, count * sizeof *all, (void **)&all));
    TRY_RETURN(arena_try_alloc(call->arena, count, (void **)&all_nulls));
    if (view.count > 0) {
        memcpy(all + front, values, view.count * sizeof *all);
        memcpy(all_nulls + front, nulls, view.count);
    }
    all[front ? 0 : view.count] = v;
    all_nulls[front ? 0 : view.count] = v_null;
    lower = view.dimensions > 0 ? view.lower[0] : 1;
    return array_build_shaped(call->arena, element, 1, &count, &lower, all, all_nulls, out);
}

FN(array_append)
{
    return add_one(call, call->result_type, args[0].s, nulls[0], args[1], nulls[1], false, &out->s);
}

FN(array_prepend)
{
    return add_one(call, call->result_type, args[1].s, nulls[1], args[0], nulls[0], true, &out->s);
}

static status incompatible(void)
{
    return status_detail(status_new(ST_ARRAY_SUBSCRIPT, "cannot concatenate incompatible arrays"),
                         "%s",
                         "Arrays with differing dimensions are not compatible for "
                         "concatenation.");
}

static bool same_row(const struct array_view *a, unsigned skip_a, const struct array_view *b,
                     unsigned skip_b)
{
    for (unsigned i = 0; i + skip_a < a->dimensions; i++) {
        if (a->lengths[i + skip_a] != b->lengths[i + skip_b] ||
            a->lower[i + skip_a] != b->lower[i + skip_b])
            return false;
    }
    return true;
}

/* The shape of a || b: rows of equal shape one after the other, or one array as a row more of the
 * other. */
static status concat_shape(const struct array_view *a, const struct array_view *b,
                           struct array_view *out)
{
    if (a->dimensions == b->dimensions) {
        *out = *a;
        out->lengths[0] += b->lengths[0];
        return same_row(a, 1, b, 1) ? STATUS_OK : incompatible();
    }
    if (a->dimensions + 1 == b->dimensions) {
        *out = *b;
        out->lengths[0]++;
        return same_row(a, 0, b, 1) ? STATUS_OK : incompatible();
    }
    if (a->dimensions == b->dimensions + 1) {
        *out = *a;
        out->lengths[0]++;
        return same_row(b, 0, a, 1) ? STATUS_OK : incompatible();
    }
    return status_detail(status_new(ST_ARRAY_SUBSCRIPT, "cannot concatenate incompatible arrays"),
                         "Arrays of %u and %u dimensions are not compatible for concatenation.",
                         a->dimensions, b->dimensions);
}

FN(array_cat)
{
    struct array_view a, b, shape;
    datum            *values;
    bool             *value_nulls;
    size_t            n = 0;

    *null = nulls[0] && nulls[1];
    *out = nulls[0] ? args[1] : args[0];
    if (nulls[0] || nulls[1])
        return STATUS_OK;
    TRY_RETURN(array_open(args[0].s, &a));
    TRY_RETURN(array_open(args[1].s, &b));
    if (b.dimensions == 0)
        return STATUS_OK;
    *out = args[1];
    if (a.dimensions == 0)
        return STATUS_OK;
    TRY_RETURN(concat_shape(&a, &b, &shape));
    TRY_RETURN(
        arena_try_alloc(call->arena, (a.count + b.count) * sizeof *values, (void **)&values));
    TRY_RETURN(arena_try_alloc(call->arena, a.count + b.count, (void **)&value_nulls));
    while (array_next(&a, values + n, value_nulls + n))
        n++;
    while (array_next(&b, values + n, value_nulls + n))
        n++;
    if (n != a.count + b.count)
        return status_new(ST_CORRUPT, "a stored array is damaged");
    return array_build_shaped(call->arena, a.element, shape.dimensions, shape.lengths, shape.lower,
                              values, value_nulls, &out->s);
}

FN(trim_array)
{
    struct array_view v;

    TRY_RETURN(array_open(args[0].s, &v));
    if (args[1].i < 0 || args[1].i > (int64_t)(v.dimensions > 0 ? v.lengths[0] : 0))
        return status_new(ST_ARRAY_SUBSCRIPT,
                          "number of elements to trim must be between 0 and %zu",
                          v.dimensions > 0 ? v.lengths[0] : 0);
    if (v.dimensions == 0) {
        *out = args[0];
        return STATUS_OK;
    }
    return array_slice(call->arena, args[0].s, v.lower[0],
                       (int32_t)(v.lower[0] + (int64_t)v.lengths[0] - 1 - args[1].i), &out->s);
}

/* ---- searching
 * ------------------------------------------------------------------------------------- */

static bool same(const struct type *t, datum a, bool a_null, datum b, bool b_null)
{
    if (a_null || b_null)
        return a_null && b_null;
    return t->compare != NULL && t->compare(a, b) == 0;
}

static status position_from(const datum *args, const bool *nulls, int64_t start, datum *out,
                            bool *null)
{
    struct array_view v;
    datum             x;
    bool              x_null;

    *null = true;
    if (nulls[0])
        return STATUS_OK;
    TRY_RETURN(array_open(args[0].s, &v));
    if (v.dimensions > 1)
        return status_new(ST_FEATURE_NOT_SUPPORTED,
                          "searching for elements in multidimensional arrays is not supported");
    for (int64_t at = v.lower[0]; array_next(&v, &x, &x_null); at++) {
        if (at >= start && same(v.element, x, x_null, args[1], nulls[1])) {
            out->i = at;
            *null = false;
            return STATUS_OK;
        }
    }
    return STATUS_OK;
}

FN(array_position)
{
    return position_from(args, nulls, INT32_MIN, out, null);
}

FN(array_position_start)
{
    if (nulls[2])
        return status_new(ST_NULL_NOT_ALLOWED, "initial position must not be null");
    return position_from(args, nulls, args[2].i, out, null);
}

FN(array_positions)
{
    struct array_view v;
    datum            *found, x;
    bool              x_null;
    size_t            n = 0;

    *null = nulls[0];
    if (*null)
        return STATUS_OK;
    TRY_RETURN(array_open(args[0].s, &v));
    if (v.dimensions > 1)
        return status_new(ST_FEATURE_NOT_SUPPORTED,
                          "searching for elements in multidimensional arrays is not supported");
    TRY_RETURN(arena_try_alloc(call->arena, (v.count + 1) * sizeof *found, (void **)&found));
    for (int64_t at = v.lower[0]; array_next(&v, &x, &x_null); at++) {
        if (same(v.element, x, x_null, args[1], nulls[1]))
            found[n++].i = at;
    }
    return array_build(call->arena, type_by_oid(OID_INT4), found, NULL, n, &out->s);
}

/* Replace what equals args[1] by args[2], or drop it when `drop`. */
static status replace_elements(struct fn_call *call, const datum *args, const bool *nulls,
                               bool drop, datum *out)
{
    struct array_view v;
    datum            *values;
    bool             *value_nulls;
    size_t            n = 0;

    TRY_RETURN(array_unpack(call->arena, args[0].s, &v, &values, &value_nulls));
    if (drop && v.dimensions > 1)
        return status_new(ST_FEATURE_NOT_SUPPORTED,
                          "removing elements from multidimensional arrays is not supported");
    for (size_t i = 0; i < v.count; i++) {
        bool match = same(v.element, values[i], value_nulls[i], args[1], nulls[1]);

        if (match && drop)
            continue;
        values[n] = match ? args[2] : values[i];
        value_nulls[n++] = match ? nulls[2] : value_nulls[i];
    }
    if (drop && v.dimensions > 0)
        v.lengths[0] = n;
    return array_build_shaped(call->arena, v.element, v.dimensions, v.lengths, v.lower, values,
                              value_nulls, &out->s);
}

FN(array_remove)
{
    *null = nulls[0];
    return *null ? STATUS_OK : replace_elements(call, args, nulls, true, out);
}

FN(array_replace)
{
    *null = nulls[0];
    return *null ? STATUS_OK : replace_elements(call, args, nulls, false, out);
}

/* Whether x stands in the array; nulls equal nothing. */
static bool array_has(slice packed, const struct type *t, datum x)
{
    struct array_view v;
    datum             y;
    bool              y_null;
    status            st = array_open(packed, &v);

    st_clear(st);
    while (array_next(&v, &y, &y_null)) {
        if (!y_null && same(t, x, false, y, false))
            return true;
    }
    return false;
}

static status contains(slice whole, slice part, bool *out)
{
    struct array_view v;
    datum             x;
    bool              x_null;

    TRY_RETURN(array_open(part, &v));
    *out = true;
    while (*out && array_next(&v, &x, &x_null))
        *out = !x_null && array_has(whole, v.element, x);
    return STATUS_OK;
}

FN(arraycontains)
{
    return contains(args[0].s, args[1].s, &out->b);
}

FN(arraycontained)
{
    return contains(args[1].s, args[0].s, &out->b);
}

FN(arrayoverlap)
{
    struct array_view v;
    datum             x;
    bool              x_null;

    TRY_RETURN(array_open(args[0].s, &v));
    out->b = false;
    while (!out->b && array_next(&v, &x, &x_null))
        out->b = !x_null && array_has(args[1].s, v.element, x);
    return STATUS_OK;
}

/* ---- text
 * ------------------------------------------------------------------------------------------- */

static status to_text(struct fn_call *call, slice packed, slice separator, const slice *for_null,
                      datum *out)
{
    struct array_view v;
    struct buf b      SCOPED(buf);
    datum             x;
    bool              x_null, first = true;

    buf_init(&b, arena_heap(call->arena));
    TRY_RETURN(array_open(packed, &v));
    while (array_next(&v, &x, &x_null)) {
        slice s = SLICE_EMPTY;

        if (x_null && for_null == NULL)
            continue;
        if (x_null)
            s = *for_null;
        else
            TRY_RETURN(text_of_value(call, v.element->oid, x, &s));
        if (!first)
            buf_append_slice(&b, separator);
        buf_append_slice(&b, s);
        first = false;
    }
    return fn_return_text(call, buf_slice(&b), out);
}

FN(array_to_text)
{
    return to_text(call, args[0].s, args[1].s, NULL, out);
}

FN(array_to_text_null)
{
    *null = nulls[0] || nulls[1];
    return *null ? STATUS_OK
                 : to_text(call, args[0].s, args[1].s, nulls[2] ? NULL : &args[2].s, out);
}

/* A null separator cuts after each character, an empty one not at all. */
static bool next_field(slice *s, const slice *separator, bool *done, slice *field)
{
    size_t at;

    if (*done)
        return false;
    if (separator == NULL) {
        at = MIN(MAX(utf8_size_of_first((uint8_t)s->data[0]), 1), s->size);
        *field = slice_make(s->data, at);
        *s = slice_from(*s, at);
        *done = s->size == 0;
        return true;
    }
    if (separator->size == 0 || !text_find(*s, *separator, 0, &at)) {
        *field = *s;
        *done = true;
        return true;
    }
    *field = slice_make(s->data, at);
    *s = slice_from(*s, at + separator->size);
    return true;
}

static status from_text(struct fn_call *call, slice s, const slice *separator,
                        const slice *for_null, datum *out)
{
    datum *values = NULL;
    bool  *value_nulls = NULL, done = s.size == 0;
    size_t n = 0, capacity = 0;
    slice  field;

    while (next_field(&s, separator, &done, &field)) {
        if (n == capacity) {
            size_t more = MAX(16, 2 * capacity);

            TRY_RETURN(arena_check(call->arena));
            values = arena_realloc(call->arena, values, capacity * sizeof *values,
                                   more * sizeof *values);
            value_nulls = arena_realloc(call->arena, value_nulls, capacity, more);
            capacity = more;
        }
        values[n].s = field;
        value_nulls[n++] = for_null != NULL && slice_eq(field, *for_null);
    }
    return array_build(call->arena, type_by_oid(OID_TEXT), values, value_nulls, n, &out->s);
}

FN(text_to_array)
{
    *null = nulls[0];
    return *null ? STATUS_OK : from_text(call, args[0].s, nulls[1] ? NULL : &args[1].s, NULL, out);
}

FN(text_to_array_null)
{
    *null = nulls[0];
    return *null ? STATUS_OK
                 : from_text(call, args[0].s, nulls[1] ? NULL : &args[1].s,
                             nulls[2] ? NULL : &args[2].s, out);
}

/* ---- sets
 * -------------------------------------------------------------------------------------------- */

FN_SET(array_unnest)
{
    struct array_view *v = *cursor;

    if (v == NULL) {
        *cursor = v = ARENA_NEW(call->call_arena, struct array_view);
        TRY_RETURN(array_open(arena_copy(call->call_arena, args[0].s), v));
    }
    return array_next(v, out, out_nulls) ? STATUS_OK : STATUS_NO_DATA;
}

/* information_schema's: elements with their numbers, as a row of two columns. */
FN_SET(pg_expandarray)
{
    struct numbered {
        struct array_view view;
        int64_t           n;
    } *v = *cursor;

    if (v == NULL) {
        *cursor = v = ARENA_NEW(call->call_arena, struct numbered);
        v->n = 0;
        TRY_RETURN(array_open(arena_copy(call->call_arena, args[0].s), &v->view));
    }
    if (!array_next(&v->view, &out[0], &out_nulls[0]))
        return STATUS_NO_DATA;
    out[1].i = ++v->n;
    out_nulls[1] = false;
    return STATUS_OK;
}

struct series {
    int64_t next, last, step;
    bool    over;
};

static status series_next(struct series *s, datum *out)
{
    if (s->over || (s->step > 0 ? s->next > s->last : s->next < s->last))
        return STATUS_NO_DATA;
    out->i = s->next;
    s->over = __builtin_add_overflow(s->next, s->step, &s->next);
    return STATUS_OK;
}

static status series_start(struct fn_call *call, void **cursor, int64_t first, int64_t last,
                           int64_t step)
{
    struct series *s;

    if (*cursor != NULL)
        return STATUS_OK;
    if (step == 0)
        return status_new(ST_INVALID_PARAMETER_VALUE, "step size cannot equal zero");
    *cursor = s = ARENA_NEW(call->call_arena, struct series);
    *s = (struct series){.next = first, .last = last, .step = step};
    return STATUS_OK;
}

FN_SET(generate_series_int4)
{
    TRY_RETURN(series_start(call, cursor, args[0].i, args[1].i, 1));
    return series_next(*cursor, out);
}

FN_SET(generate_series_step_int4)
{
    TRY_RETURN(series_start(call, cursor, args[0].i, args[1].i, args[2].i));
    return series_next(*cursor, out);
}

FN_SET(generate_series_int8)
{
    TRY_RETURN(series_start(call, cursor, args[0].i, args[1].i, 1));
    return series_next(*cursor, out);
}

FN_SET(generate_series_step_int8)
{
    TRY_RETURN(series_start(call, cursor, args[0].i, args[1].i, args[2].i));
    return series_next(*cursor, out);
}

static status subscripts(struct fn_call *call, void **cursor, const datum *args, bool reverse,
                         datum *out)
{
    struct array_view v;
    size_t            d;
    bool              none;
    int64_t           low, high;

    TRY_RETURN(open_dimension(args, &v, &d, &none));
    low = v.lower[d];
    high = none ? low - 1 : low + (int64_t)v.lengths[d] - 1;
    TRY_RETURN(
        series_start(call, cursor, reverse ? high : low, reverse ? low : high, reverse ? -1 : 1));
    return series_next(*cursor, out);
}

FN_SET(generate_subscripts_nodir)
{
    return subscripts(call, cursor, args, false, out);
}

FN_SET(generate_subscripts)
{
    return subscripts(call, cursor, args, args[2].b, out);
}

/* ---- array_fill
 * ---------------------------------------------------------------------------------------- */

/* The numbers of an integer array that gives lengths or lower bounds. */
static status shape_numbers(struct fn_call *call, slice packed, int32_t *out, unsigned *count)
{
    struct array_view v;
    datum            *values;
    bool             *nulls;

    TRY_RETURN(array_unpack(call->arena, packed, &v, &values, &nulls));
    if (v.dimensions > 1)
        return status_detail(status_new(ST_ARRAY_SUBSCRIPT, "wrong number of array subscripts"),
                             "%s", "Dimension array must be one dimensional.");
    if (v.count > ARRAY_DIMENSIONS_MAX)
        return status_new(ST_LIMIT_EXCEEDED,
                          "number of array dimensions (%zu) exceeds the maximum allowed (%d)",
                          v.count, ARRAY_DIMENSIONS_MAX);
    for (size_t i = 0; i < v.count; i++) {
        if (nulls[i])
            return status_new(ST_NULL_NOT_ALLOWED, "dimension values cannot be null");
        out[i] = (int32_t)values[i].i;
    }
    *count = (unsigned)v.count;
    return STATUS_OK;
}

static status fill(struct fn_call *call, const datum *args, const bool *nulls, const int32_t *lower,
                   datum *out)
{
    const struct type *element = type_by_oid(call->arg_types[0]);
    int32_t            lengths[ARRAY_DIMENSIONS_MAX] = {0};
    size_t             sizes[ARRAY_DIMENSIONS_MAX], total = 1;
    unsigned           count;
    datum             *values;
    bool              *value_nulls;

    TRY_RETURN(shape_numbers(call, args[1].s, lengths, &count));
    for (unsigned i = 0; i < count; i++) {
        sizes[i] = (size_t)MAX(lengths[i], 0);
        if (__builtin_mul_overflow(total, sizes[i], &total) || total > ARRAY_ELEMENTS_MAX)
            return status_new(ST_LIMIT_EXCEEDED, "array size exceeds the maximum allowed (%d)",
                              ARRAY_ELEMENTS_MAX);
    }
    if (count == 0 || total == 0) {
        out->s = array_empty(call->arena, element);
        return STATUS_OK;
    }
    TRY_RETURN(arena_try_alloc(call->arena, total * sizeof *values, (void **)&values));
    TRY_RETURN(arena_try_alloc(call->arena, total, (void **)&value_nulls));
    for (size_t i = 0; i < total; i++) {
        values[i] = args[0];
        value_nulls[i] = nulls[0];
    }
    return array_build_shaped(call->arena, element, count, sizes, lower, values, value_nulls,
                              &out->s);
}

static status fill_nulls(const bool *nulls, size_t count)
{
    for (size_t i = 1; i < count; i++) {
        if (nulls[i])
            return status_new(ST_NULL_NOT_ALLOWED,
                              "dimension array or low bound array cannot be null");
    }
    return STATUS_OK;
}

FN(array_fill)
{
    static const int32_t ones[ARRAY_DIMENSIONS_MAX] = {1, 1, 1, 1, 1, 1};

    TRY_RETURN(fill_nulls(nulls, 2));
    return fill(call, args, nulls, ones, out);
}

FN(array_fill_with_lower_bounds)
{
    int32_t  lower[ARRAY_DIMENSIONS_MAX] = {0}, lengths[ARRAY_DIMENSIONS_MAX];
    unsigned count, dimensions;

    TRY_RETURN(fill_nulls(nulls, 3));
    TRY_RETURN(shape_numbers(call, args[1].s, lengths, &dimensions));
    TRY_RETURN(shape_numbers(call, args[2].s, lower, &count));
    if (count != dimensions)
        return status_detail(status_new(ST_ARRAY_SUBSCRIPT, "wrong number of array subscripts"),
                             "%s", "Low bound array has different size than dimensions array.");
    return fill(call, args, nulls, lower, out);
}

/* ---- string_to_table
 * ------------------------------------------------------------------------------------ */

/* The array of string_to_array(), one element a call. */
static status table_next(struct fn_call *call, void **cursor, const datum *args, const bool *nulls,
                         const slice *for_null, datum *out, bool *out_nulls)
{
    struct array_view *v = *cursor;

    if (v == NULL) {
        datum packed;

        *cursor = v = ARENA_NEW(call->call_arena, struct array_view);
        if (nulls[0])
            return STATUS_NO_DATA;
        TRY_RETURN(from_text(call, args[0].s, nulls[1] ? NULL : &args[1].s, for_null, &packed));
        TRY_RETURN(array_open(arena_copy(call->call_arena, packed.s), v));
    }
    return array_next(v, out, out_nulls) ? STATUS_OK : STATUS_NO_DATA;
}

FN_SET(text_to_table)
{
    return table_next(call, cursor, args, nulls, NULL, out, out_nulls);
}

FN_SET(text_to_table_null)
{
    return table_next(call, cursor, args, nulls, nulls[2] ? NULL : &args[2].s, out, out_nulls);
}

/* ---- the text form, as functions: drivers know arrays by their pg_type.typinput ---------------
 */

FN(array_in)
{
    const struct type *element = type_by_oid((uint32_t)args[1].i);
    const struct type *t = element != NULL ? type_by_oid(element->array_oid) : NULL;

    if (t == NULL)
        return status_new(ST_UNDEFINED_OBJECT, "type with OID %u does not exist",
                          (uint32_t)args[1].i);
    return t->input(call->context, call->arena, t, args[0].s, (int32_t)args[2].i, out);
}

FN(array_out)
{
    const struct type     *t = type_by_oid(call->arg_types[0]);
    SCOPED(buf) struct buf text = {0};

    buf_init(&text, NULL);
    TRY_RETURN(t->output(call->context, t, args[0], &text));
    out->s = arena_copy(call->arena, buf_slice(&text));
    return STATUS_OK;
}
