#include "base/keyenc.h"

#include <math.h>

#include "base/assert.h"

enum {
    TAG_END = 0x00,
    TAG_NULL_FIRST = 0x01,
    TAG_FALSE = 0x02,
    TAG_TRUE = 0x03,
    TAG_NEGATIVE = 0x17, /* less the number of bytes */
    TAG_INT = 0x18,      /* plus the number of bytes */
    TAG_DOUBLE = 0x24,
    TAG_BYTES = 0x28,
    TAG_RAW16 = 0x2c,
    TAG_DECIMAL = 0x30, /* plus the class */
    TAG_NULL_LAST = 0x7e,

    ESCAPE = 0x00,
    ESCAPED_ZERO = 0xff,
    ESCAPED_END = 0x01,
};

/* Reads bytes, undoing the inversion of descending values. */
struct reader {
    slice   left;
    uint8_t flip; /* 0xff for a descending value */
};

static struct reader reader_make(slice key)
{
    bool desc = key.size > 0 && ((uint8_t)key.data[0] & 0x80) != 0;

    return (struct reader){.left = key, .flip = desc ? 0xff : 0};
}

static bool reader_byte(struct reader *r, uint8_t *out)
{
    if (r->left.size == 0)
        return false;
    *out = (uint8_t)r->left.data[0] ^ r->flip;
    r->left = slice_from(r->left, 1);
    return true;
}

static bool reader_tag(struct reader *r, uint8_t tag)
{
    uint8_t found;

    return reader_byte(r, &found) && found == tag;
}

static bool reader_bytes(struct reader *r, size_t size, uint8_t *out)
{
    if (r->left.size < size)
        return false;
    for (size_t i = 0; i < size; i++)
        out[i] = (uint8_t)r->left.data[i] ^ r->flip;
    r->left = slice_from(r->left, size);
    return true;
}

static void invert(struct buf *b, size_t from)
{
    for (size_t i = from; i < b->size; i++)
        b->data[i] = (char)~b->data[i];
}

static void finish(struct buf *b, size_t from, unsigned order)
{
    if ((order & KEY_DESC) != 0)
        invert(b, from);
}

static void put_tag(struct buf *b, uint8_t tag, unsigned order)
{
    buf_put_u8(b, (order & KEY_DESC) != 0 ? (uint8_t)~tag : tag);
}

void keyenc_put_null(struct buf *b, unsigned order)
{
    bool desc = (order & KEY_DESC) != 0;
    bool first = (order & KEY_NULLS_FIRST) != 0;

    /* Inversion turns the order round, so what shall come first descending is encoded as last. */
    put_tag(b, first != desc ? TAG_NULL_FIRST : TAG_NULL_LAST, order);
}

void keyenc_put_bool(struct buf *b, bool v, unsigned order)
{
    put_tag(b, v ? TAG_TRUE : TAG_FALSE, order);
}

void keyenc_put_end(struct buf *b, unsigned order)
{
    put_tag(b, TAG_END, order);
}

static size_t significant_bytes(uint64_t v)
{
    return v == 0 ? 0 : (size_t)(71 - __builtin_clzll(v)) / 8;
}

/* The low `n` bytes of v behind the tag. */
static void put_tagged(struct buf *b, uint8_t tag, uint64_t v, size_t n, unsigned order)
{
    uint8_t be[8];
    size_t  from = b->size;

    put_u64be(be, v);
    buf_put_u8(b, tag);
    buf_append(b, be + sizeof be - n, n);
    finish(b, from, order);
}

void keyenc_put_uint64(struct buf *b, uint64_t v, unsigned order)
{
    size_t n = significant_bytes(v);

    put_tagged(b, (uint8_t)(TAG_INT + n), v, n, order);
}

void keyenc_put_int64(struct buf *b, int64_t v, unsigned order)
{
    if (v >= 0) {
        keyenc_put_uint64(b, (uint64_t)v, order);
    } else {
        size_t n = significant_bytes(~(uint64_t)v);

        put_tagged(b, (uint8_t)(TAG_NEGATIVE - n), (uint64_t)v, n, order);
    }
}

void keyenc_put_double(struct buf *b, double v, unsigned order)
{
    uint64_t bits;

    if (isnan(v)) {
        bits = UINT64_C(0x7ff8000000000000);
    } else {
        v = v == 0 ? 0.0 : v; /* -0.0 too */
        memcpy(&bits, &v, sizeof bits);
    }
    bits = (bits >> 63) != 0 ? ~bits : bits | (UINT64_C(1) << 63);
    put_tagged(b, TAG_DOUBLE, bits, 8, order);
}

void keyenc_put_bytes(struct buf *b, slice v, unsigned order)
{
    size_t from = b->size;

    buf_put_u8(b, TAG_BYTES);
    while (v.size > 0) {
        const char *zero = memchr(v.data, 0, v.size);
        size_t      run = zero != NULL ? (size_t)(zero - v.data) + 1 : v.size;

        buf_append(b, v.data, run);
        if (zero != NULL)
            buf_put_u8(b, ESCAPED_ZERO);
        v = slice_from(v, run);
    }
    buf_put_u8(b, ESCAPE);
    buf_put_u8(b, ESCAPED_END);
    finish(b, from, order);
}

void keyenc_put_raw16(struct buf *b, const void *v, unsigned order)
{
    size_t from = b->size;

    buf_put_u8(b, TAG_RAW16);
    buf_append(b, v, 16);
    finish(b, from, order);
}

static bool decimal_has_digits(enum keyenc_decimal_class class)
{
    return class == DECIMAL_NEGATIVE || class == DECIMAL_POSITIVE;
}

void keyenc_put_decimal(struct buf *b, const struct keyenc_decimal *v, unsigned order)
{
    size_t from = b->size;
    slice  d = v->digits;

    buf_put_u8(b, (uint8_t)(TAG_DECIMAL + v->class));
    if (decimal_has_digits(v->class)) {
        ASSERT(d.size > 0);
        ASSERT(d.data[0] != 0 && d.data[d.size - 1] != 0);
        keyenc_put_int64(b, v->exponent, KEY_ASC);
        for (size_t i = 0; i < d.size; i += 2)
            buf_put_u8(b, (uint8_t)(1 + 10 * d.data[i] + (i + 1 < d.size ? d.data[i + 1] : 0)));
        buf_put_u8(b, 0);
        if (v->class == DECIMAL_NEGATIVE)
            invert(b, from + 1);
    }
    finish(b, from, order);
}

static enum keyenc_kind kind_of_tag(uint8_t tag)
{
    switch (tag) {
    case TAG_END:
        return KEYENC_END;
    case TAG_NULL_FIRST:
    case TAG_NULL_LAST:
        return KEYENC_NULL;
    case TAG_FALSE:
    case TAG_TRUE:
        return KEYENC_BOOL;
    case TAG_DOUBLE:
        return KEYENC_DOUBLE;
    case TAG_BYTES:
        return KEYENC_BYTES;
    case TAG_RAW16:
        return KEYENC_RAW16;
    default:
        if (tag >= TAG_NEGATIVE - 8 && tag <= TAG_INT + 8)
            return KEYENC_INT;
        if (tag >= TAG_DECIMAL && tag <= TAG_DECIMAL + DECIMAL_NAN)
            return KEYENC_DECIMAL;
        return KEYENC_INVALID;
    }
}

enum keyenc_kind keyenc_peek(slice key)
{
    struct reader r = reader_make(key);
    uint8_t       tag;

    return reader_byte(&r, &tag) ? kind_of_tag(tag) : KEYENC_INVALID;
}

bool keyenc_is_desc(slice key)
{
    return reader_make(key).flip != 0;
}

static bool take_one_of(slice *key, uint8_t first, uint8_t second, uint8_t *out)
{
    struct reader r = reader_make(*key);

    if (!reader_byte(&r, out) || (*out != first && *out != second))
        return false;
    *key = r.left;
    return true;
}

bool keyenc_take_null(slice *key)
{
    uint8_t tag;

    return take_one_of(key, TAG_NULL_FIRST, TAG_NULL_LAST, &tag);
}

bool keyenc_take_bool(slice *key, bool *out)
{
    uint8_t tag;

    if (!take_one_of(key, TAG_FALSE, TAG_TRUE, &tag))
        return false;
    *out = tag == TAG_TRUE;
    return true;
}

bool keyenc_take_end(slice *key)
{
    uint8_t tag;

    return take_one_of(key, TAG_END, TAG_END, &tag);
}

/* An integer as 64 bits of two's complement and its sign. */
static bool read_int(struct reader *r, uint64_t *out, bool *negative)
{
    uint8_t tag, be[8];
    size_t  n;

    if (!reader_byte(r, &tag) || kind_of_tag(tag) != KEYENC_INT)
        return false;
    *negative = tag <= TAG_NEGATIVE;
    n = *negative ? (size_t)(TAG_NEGATIVE - tag) : (size_t)(tag - TAG_INT);
    memset(be, *negative ? 0xff : 0, sizeof be);
    if (!reader_bytes(r, n, be + sizeof be - n))
        return false;
    *out = get_u64be(be);
    /* One value has one encoding: no leading bytes that say nothing. */
    return significant_bytes(*negative ? ~*out : *out) == n;
}

bool keyenc_take_uint64(slice *key, uint64_t *out)
{
    struct reader r = reader_make(*key);
    bool          negative;
    uint64_t      v;

    if (!read_int(&r, &v, &negative) || negative)
        return false;
    *out = v;
    *key = r.left;
    return true;
}

bool keyenc_take_int64(slice *key, int64_t *out)
{
    struct reader r = reader_make(*key);
    bool          negative;
    uint64_t      v;

    if (!read_int(&r, &v, &negative) || ((int64_t)v < 0) != negative)
        return false;
    *out = (int64_t)v;
    *key = r.left;
    return true;
}

bool keyenc_take_double(slice *key, double *out)
{
    struct reader r = reader_make(*key);
    uint8_t       be[8];
    uint64_t      bits;

    if (!reader_tag(&r, TAG_DOUBLE) || !reader_bytes(&r, sizeof be, be))
        return false;
    bits = get_u64be(be);
    bits = (bits >> 63) != 0 ? bits & ~(UINT64_C(1) << 63) : ~bits;
    memcpy(out, &bits, sizeof bits);
    *key = r.left;
    return true;
}

/* `out` may be NULL: the value is stepped over. */
static bool read_bytes(struct reader *r, struct buf *out)
{
    uint8_t byte, next;

    if (!reader_tag(r, TAG_BYTES))
        return false;
    while (reader_byte(r, &byte)) {
        if (byte == ESCAPE) {
            if (!reader_byte(r, &next))
                return false;
            if (next == ESCAPED_END)
                return true;
            if (next != ESCAPED_ZERO)
                return false;
        }
        if (out != NULL)
            buf_put_u8(out, byte);
    }
    return false;
}

bool keyenc_take_bytes(slice *key, struct buf *out)
{
    struct reader r = reader_make(*key);

    if (!read_bytes(&r, out))
        return false;
    *key = r.left;
    return true;
}

bool keyenc_take_raw16(slice *key, uint8_t out[16])
{
    struct reader r = reader_make(*key);

    if (!reader_tag(&r, TAG_RAW16) || !reader_bytes(&r, 16, out))
        return false;
    *key = r.left;
    return true;
}

static bool read_digits(struct reader *r, struct buf *digits, size_t *count)
{
    uint8_t pair, last = 0;

    for (*count = 0; reader_byte(r, &pair) && pair <= 100; *count += 2) {
        if (pair == 0) {
            /* The last digit of an odd number of them was filled up with a zero. */
            if (*count == 0 || last == 1)
                return false;
            if ((last - 1) % 10 == 0) {
                --*count;
                if (digits != NULL)
                    digits->size--;
            }
            return true;
        }
        if (*count == 0 && pair <= 10)
            return false;
        last = pair;
        if (digits != NULL) {
            buf_put_u8(digits, (uint8_t)((pair - 1) / 10));
            buf_put_u8(digits, (uint8_t)((pair - 1) % 10));
        }
    }
    return false;
}

static bool read_decimal(struct reader *r, struct keyenc_decimal *out, struct buf *digits)
{
    uint8_t  tag, outer = r->flip;
    uint64_t exponent = 0;
    size_t   count = 0;
    bool     negative, ok = true;

    if (!reader_byte(r, &tag) || kind_of_tag(tag) != KEYENC_DECIMAL)
        return false;
    out->class = (enum keyenc_decimal_class)(tag - TAG_DECIMAL);
    out->exponent = 0;
    out->digits = SLICE_EMPTY;
    if (!decimal_has_digits(out->class))
        return true;
    if (out->class == DECIMAL_NEGATIVE)
        r->flip ^= 0xff;
    ok = read_int(r, &exponent, &negative) && read_digits(r, digits, &count);
    r->flip = outer;
    if (!ok || ((int64_t)exponent < 0) != negative)
        return false;
    out->exponent = (int64_t)exponent;
    if (digits != NULL)
        out->digits = slice_make(digits->data + digits->size - count, count);
    return true;
}

bool keyenc_take_decimal(slice *key, struct keyenc_decimal *out, struct buf *digits)
{
    struct reader r = reader_make(*key);

    if (!read_decimal(&r, out, digits))
        return false;
    *key = r.left;
    return true;
}

static bool skip_value(struct reader *r, uint8_t tag)
{
    struct keyenc_decimal decimal;
    uint64_t              v;
    uint8_t               raw[17];
    bool                  negative;

    switch (kind_of_tag(tag)) {
    case KEYENC_END:
    case KEYENC_NULL:
    case KEYENC_BOOL:
        return reader_byte(r, &tag);
    case KEYENC_INT:
        return read_int(r, &v, &negative);
    case KEYENC_DOUBLE:
        return reader_bytes(r, 9, raw);
    case KEYENC_RAW16:
        return reader_bytes(r, 17, raw);
    case KEYENC_BYTES:
        return read_bytes(r, NULL);
    case KEYENC_DECIMAL:
        return read_decimal(r, &decimal, NULL);
    case KEYENC_INVALID:
        break;
    }
    return false;
}

bool keyenc_skip(slice *key)
{
    struct reader r = reader_make(*key), peek = r;
    uint8_t       tag;

    if (!reader_byte(&peek, &tag) || !skip_value(&r, tag))
        return false;
    *key = r.left;
    return true;
}

bool keyenc_prefix_end(struct buf *key)
{
    while (key->size > 0 && (uint8_t)key->data[key->size - 1] == 0xff)
        key->size--;
    if (key->size == 0)
        return false;
    key->data[key->size - 1]++;
    return true;
}
