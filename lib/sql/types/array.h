/* lib/sql/types/array.h: arrays as packed values.
 *
 * A datum of an array type is a slice:
 *
 *     element type OID u32le | dimensions u8 | has nulls u8 | per dimension: length u32le, lower
 *     bound i32le | elements in row-major order, each: with "has nulls" a byte 0 or 1 (null),
 *     then, unless null, the bytes of type_value_encode()
 *
 * An empty array has no dimensions. int2vector and oidvector are arrays whose lower bound is 0.
 * Reading never trusts the bytes: a damaged array ends early or gives CORRUPT. */
#ifndef LINERA_SQL_TYPES_ARRAY_H
#define LINERA_SQL_TYPES_ARRAY_H

#include "sql/types/type.h"

enum { ARRAY_DIMENSIONS_MAX = 6, ARRAY_ELEMENTS_MAX = 134217727 };

/* An array being read. Borrows the packed bytes. */
struct array_view {
    const struct type *element; /* the element's type */
    unsigned           dimensions;
    size_t             lengths[ARRAY_DIMENSIONS_MAX];
    int32_t            lower[ARRAY_DIMENSIONS_MAX];
    size_t             count; /* of all elements */
    bool               has_nulls;
    slice              rest; /* elements that array_next() has not taken yet */
    size_t             left;
};

/* Open for reading. CORRUPT when the header is damaged. */
status array_open(slice packed, struct array_view *out) MUST_CHECK;
/* Take the next element; slices point into the array. False behind the last, or where the bytes
 * are damaged: a caller that must tell compares `left` with 0. */
bool   array_next(struct array_view *v, datum *out, bool *null);

/* Pack a one-dimensional array, lower bound 1, in `a`. `nulls` may be NULL: none is null. */
status array_build(struct arena *a, const struct type *element, const datum *values,
                   const bool *nulls, size_t count, slice *out) MUST_CHECK;
/* With dimensions; 0 of them, or a length of 0, make the empty array. 54000 when there are more
 * than ARRAY_ELEMENTS_MAX elements. */
status array_build_shaped(struct arena *a, const struct type *element, unsigned dimensions,
                          const size_t *lengths, const int32_t *lower, const datum *values,
                          const bool *nulls, slice *out) MUST_CHECK;
/* The empty array of the element's type. */
slice  array_empty(struct arena *a, const struct type *element);

/* All elements, unpacked into arrays in `a` (of view.count entries). */
status array_unpack(struct arena *a, slice packed, struct array_view *view, datum **values,
                    bool **nulls) MUST_CHECK;

/* The element at `subscripts` (as many as `count`); *null when that is outside or null. Subscripts
 * of another number than the dimensions give null, as in PostgreSQL. */
status array_element(slice packed, const int32_t *subscripts, size_t count, datum *out, bool *null)
    MUST_CHECK;
/* a[lower:upper] for the first dimension, others whole: what is outside is left out; the result's
 * lower bound is 1. */
status array_slice(struct arena *a, slice packed, int32_t lower, int32_t upper, slice *out)
    MUST_CHECK;

#endif
