/* lib/base/keyenc.h: values as bytes whose memcmp order is the order of the values.
 *
 * A key is a row of encoded values. Each begins with a tag byte, so that keys can be taken apart
 * and printed without a schema. Tags of ascending values are below 0x80; a descending value is the
 * ascending one with every byte inverted, so its tag is 0x80 or above and the reader can tell. No
 * encoded value is a prefix of another.
 *
 *     00         end of a nested list (below every tag: a shorter list comes first)
 *     01         null that comes first
 *     02 03      false, true
 *     0f..17     negative integer: 17 - n, then the low n bytes of it, big-endian, n = 0..8
 *     18..20     integer from 0 on: 18 + n, then its n significant bytes, big-endian
 *     24         double: 8 bytes, big-endian, sign bit flipped, or all bits when negative
 *     28         bytes: 00 as 00 ff, closed by 00 01
 *     2c         16 bytes as they are
 *     30..35     decimal: -infinity, negative, zero, positive, infinity, NaN. The finite ones that
 *                are not zero go on with the exponent as an integer (with tag) and the digits, two
 *                per byte as 1 + their number, closed by 00; all inverted when negative
 *     7e         null that comes last
 *
 * Equal values have equal keys (pitfall Q5): -0.0 is 0.0, every NaN is one NaN, greater than all
 * other numbers as in PostgreSQL; a decimal has no trailing zeros. */
#ifndef LINERA_BASE_KEYENC_H
#define LINERA_BASE_KEYENC_H

#include "base/buf.h"

enum keyenc_order {
    KEY_ASC = 0,
    KEY_DESC = BIT(0),
    KEY_NULLS_FIRST = BIT(1), /* where nulls stand in the index, whatever the direction */
};

enum keyenc_kind {
    KEYENC_END,
    KEYENC_NULL,
    KEYENC_BOOL,
    KEYENC_INT,
    KEYENC_DOUBLE,
    KEYENC_BYTES,
    KEYENC_RAW16,
    KEYENC_DECIMAL,
    KEYENC_INVALID, /* not an encoded value; also an empty slice */
};

enum keyenc_decimal_class {
    DECIMAL_NEG_INFINITY,
    DECIMAL_NEGATIVE,
    DECIMAL_ZERO,
    DECIMAL_POSITIVE,
    DECIMAL_INFINITY,
    DECIMAL_NAN,
};

/* 0.d1d2d3... * 10^exponent. `digits` holds the values 0 to 9, not characters; neither the first
 * nor the last is 0. Exponent and digits count for the finite classes other than zero only. */
struct keyenc_decimal {
    enum keyenc_decimal_class class;
    int64_t exponent;
    slice   digits;
};

/* Append one value. Of `order` the puts look at KEY_DESC, and keyenc_put_null at both bits. */
void keyenc_put_null(struct buf *b, unsigned order);
void keyenc_put_bool(struct buf *b, bool v, unsigned order);
void keyenc_put_int64(struct buf *b, int64_t v, unsigned order);
void keyenc_put_uint64(struct buf *b, uint64_t v, unsigned order);
void keyenc_put_double(struct buf *b, double v, unsigned order);
void keyenc_put_bytes(struct buf *b, slice v, unsigned order);
void keyenc_put_raw16(struct buf *b, const void *v, unsigned order);
void keyenc_put_decimal(struct buf *b, const struct keyenc_decimal *v, unsigned order);
/* Close a nested list, such as an array, whose elements were put one by one. */
void keyenc_put_end(struct buf *b, unsigned order);

/* What the key goes on with. */
enum keyenc_kind keyenc_peek(slice key);
/* Whether the next value was put with KEY_DESC. */
bool             keyenc_is_desc(slice key);

/* Take the next value off the front of *key. False, with *key as it was, when it is of another kind
 * or cut short; keys may come from damaged files, so callers answer CORRUPT. */
bool keyenc_take_null(slice *key);
bool keyenc_take_bool(slice *key, bool *out);
bool keyenc_take_int64(slice *key, int64_t *out);
bool keyenc_take_uint64(slice *key, uint64_t *out);
bool keyenc_take_double(slice *key, double *out);
/* Appends to *out, also part of the value when it returns false. */
bool keyenc_take_bytes(slice *key, struct buf *out);
bool keyenc_take_raw16(slice *key, uint8_t out[16]);
/* The digits are appended to *digits; out->digits points into it, until it changes. */
bool keyenc_take_decimal(slice *key, struct keyenc_decimal *out, struct buf *digits);
bool keyenc_take_end(slice *key);

/* Step over the next value of whatever kind. */
bool keyenc_skip(slice *key);

/* Turn the key into the smallest one above all that begin with it. False, with the buffer empty,
 * when there is none (empty, or ff bytes only): the span has no upper end then. */
bool keyenc_prefix_end(struct buf *key);

#endif
