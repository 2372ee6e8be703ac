/* bool, int2, int4, int8, oid and its kin, "char": values that are one machine word. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "base/hmap.h"
#include "base/keyenc.h"
#include "sql/types/ops.h"
#include "sql/types/string.h"

/* ---- order, for all of them
 * ---------------------------------------------------------------------------------- */

int int_compare(datum a, datum b)
{
    return (a.i > b.i) - (a.i < b.i);
}

uint64_t int_hash(datum v)
{
    return hash_u64((uint64_t)v.i);
}

void int_key_encode(datum v, struct buf *out, bool *exact)
{
    (void)exact;
    keyenc_put_int64(out, v.i, KEY_ASC);
}

status key_corrupt(const char *type)
{
    return status_new(ST_CORRUPT, "a key does not hold a value of type %s where one is due", type);
}

status int_key_decode(struct arena *a, slice *key, datum *out)
{
    (void)a;
    return keyenc_take_int64(key, &out->i) ? STATUS_OK : key_corrupt("integer");
}

int bool_compare(datum a, datum b)
{
    return (int)a.b - (int)b.b;
}

uint64_t bool_hash(datum v)
{
    return hash_u64(v.b);
}

void bool_key_encode(datum v, struct buf *out, bool *exact)
{
    (void)exact;
    keyenc_put_bool(out, v.b, KEY_ASC);
}

status bool_key_decode(struct arena *a, slice *key, datum *out)
{
    (void)a;
    return keyenc_take_bool(key, &out->b) ? STATUS_OK : key_corrupt("boolean");
}

/* ---- text form
 * -------------------------------------------------------------------------------------------------
 */

static slice trim(slice s)
{
    while (s.size > 0 && (*s.data == ' ' || (*s.data >= '\t' && *s.data <= '\r')))
        s = slice_from(s, 1);
    while (s.size > 0 && (s.data[s.size - 1] == ' ' ||
                          (s.data[s.size - 1] >= '\t' && s.data[s.size - 1] <= '\r')))
        s.size--;
    return s;
}

static status invalid_input(const char *type, slice text)
{
    return status_new(ST_INVALID_TEXT, "invalid input syntax for type %s: \"%.*s\"", type,
                      SLICE_FMT(text));
}

static status out_of_range(const char *type, slice text)
{
    return status_new(ST_NUMERIC_OUT_OF_RANGE, "value \"%.*s\" is out of range for type %s",
                      SLICE_FMT(text), type);
}

/* Digits with an optional sign, blanks around. The magnitude is summed up negative, since INT64_MIN
 * has no positive counterpart. */
static status parse_integer(const char *type, slice text, int64_t min, int64_t max, int64_t *out)
{
    slice   s = trim(text);
    bool    negative = false, overflow = false;
    int64_t v = 0;

    if (s.size > 0 && (*s.data == '-' || *s.data == '+')) {
        negative = *s.data == '-';
        s = slice_from(s, 1);
    }
    if (s.size == 0)
        return invalid_input(type, text);
    for (size_t i = 0; i < s.size; i++) {
        if (s.data[i] < '0' || s.data[i] > '9')
            return invalid_input(type, text);
        overflow = overflow || __builtin_mul_overflow(v, 10, &v) ||
                   __builtin_sub_overflow(v, s.data[i] - '0', &v);
    }
    if (!overflow && !negative)
        overflow = __builtin_sub_overflow((int64_t)0, v, &v);
    if (overflow || v < min || v > max)
        return out_of_range(type, text);
    *out = v;
    return STATUS_OK;
}

static status int_output(datum v, struct buf *out)
{
    char    *end, digits[24], *at = digits + sizeof digits;
    uint64_t u = v.i < 0 ? -(uint64_t)v.i : (uint64_t)v.i;

    end = at;
    do {
        *--at = (char)('0' + u % 10);
        u /= 10;
    } while (u > 0);
    if (v.i < 0)
        *--at = '-';
    buf_append(out, at, (size_t)(end - at));
    return STATUS_OK;
}

static status wrong_size(const char *type)
{
    return status_new(ST_INVALID_BINARY, "incorrect binary data format for type %s", type);
}

#define INTEGER_TYPE(prefix, sql_name, min, max, bits)                                             \
    status prefix##_input(UNUSED struct sql_context *c, UNUSED struct arena *a,                    \
                          UNUSED const struct type *t, slice text, UNUSED int32_t typmod,          \
                          datum *out)                                                              \
    {                                                                                              \
        return parse_integer(sql_name, text, min, max, &out->i);                                   \
    }                                                                                              \
    status prefix##_output(UNUSED struct sql_context *c, UNUSED const struct type *t, datum v,     \
                           struct buf *out)                                                        \
    {                                                                                              \
        return int_output(v, out);                                                                 \
    }                                                                                              \
    status prefix##_receive(UNUSED struct sql_context *c, UNUSED struct arena *a,                  \
                            UNUSED const struct type *t, slice text, UNUSED int32_t typmod,        \
                            datum *out)                                                            \
    {                                                                                              \
        if (text.size != (bits) / 8)                                                               \
            return wrong_size(sql_name);                                                           \
        out->i = (int##bits##_t)get_u##bits##be(text.data);                                        \
        return STATUS_OK;                                                                          \
    }                                                                                              \
    status prefix##_send(UNUSED struct sql_context *c, UNUSED const struct type *t, datum v,       \
                         struct buf *out)                                                          \
    {                                                                                              \
        buf_put_u##bits##be(out, (uint##bits##_t)v.i);                                             \
        return STATUS_OK;                                                                          \
    }

INTEGER_TYPE(int2, "smallint", INT16_MIN, INT16_MAX, 16)
INTEGER_TYPE(int4, "integer", INT32_MIN, INT32_MAX, 32)
INTEGER_TYPE(int8, "bigint", INT64_MIN, INT64_MAX, 64)

/* An OID is unsigned; a negative number wraps, as PostgreSQL's strtoul does. */
status oid_input(struct sql_context *c, struct arena *a, const struct type *t, slice text,
                 int32_t typmod, datum *out)
{
    (void)c, (void)a, (void)typmod;
    TRY_RETURN(parse_integer(t->name, text, INT32_MIN, UINT32_MAX, &out->i));
    out->i = (uint32_t)out->i;
    return STATUS_OK;
}

status oid_output(struct sql_context *c, const struct type *t, datum v, struct buf *out)
{
    (void)c, (void)t;
    return int_output(v, out);
}

status oid_receive(struct sql_context *c, struct arena *a, const struct type *t, slice text,
                   int32_t typmod, datum *out)
{
    (void)c, (void)a, (void)typmod;
    if (text.size != 4)
        return wrong_size(t->name);
    out->i = get_u32be(text.data);
    return STATUS_OK;
}

status oid_send(struct sql_context *c, const struct type *t, datum v, struct buf *out)
{
    (void)c, (void)t;
    buf_put_u32be(out, (uint32_t)v.i);
    return STATUS_OK;
}

/* ---- bool
 * -------------------------------------------------------------------------------------------------------
 */

status bool_input(struct sql_context *c, struct arena *a, const struct type *t, slice text,
                  int32_t typmod, datum *out)
{
    static const struct {
        const char *word;
        size_t      letters_min; /* unique prefixes are enough */
        bool        value;
    } words[] = {{"true", 1, true}, {"false", 1, false}, {"yes", 1, true}, {"no", 1, false},
                 {"on", 2, true},   {"off", 2, false},   {"1", 1, true},   {"0", 1, false}};
    slice s = trim(text);

    (void)c, (void)a, (void)t, (void)typmod;
    for (size_t i = 0; i < ARRAY_LEN(words); i++) {
        size_t n = 0;

        while (n < s.size && n < strlen(words[i].word) &&
               (s.data[n] | 0x20) == (words[i].word[n] | 0x20))
            n++;
        if (n == s.size && n >= words[i].letters_min) {
            out->b = words[i].value;
            return STATUS_OK;
        }
    }
    return invalid_input("boolean", text);
}

status bool_output(struct sql_context *c, const struct type *t, datum v, struct buf *out)
{
    (void)c, (void)t;
    buf_put_u8(out, v.b ? 't' : 'f');
    return STATUS_OK;
}

status bool_receive(struct sql_context *c, struct arena *a, const struct type *t, slice text,
                    int32_t typmod, datum *out)
{
    (void)c, (void)a, (void)t, (void)typmod;
    if (text.size != 1)
        return wrong_size("boolean");
    out->b = text.data[0] != 0;
    return STATUS_OK;
}

status bool_send(struct sql_context *c, const struct type *t, datum v, struct buf *out)
{
    (void)c, (void)t;
    buf_put_u8(out, v.b);
    return STATUS_OK;
}

/* ---- "char"
 * ------------------------------------------------------------------------------------------------------
 */

status char1_input(struct sql_context *c, struct arena *a, const struct type *t, slice text,
                   int32_t typmod, datum *out)
{
    (void)c, (void)a, (void)t, (void)typmod;
    out->i = text.size > 0 ? (unsigned char)text.data[0] : 0;
    return STATUS_OK;
}

status char1_output(struct sql_context *c, const struct type *t, datum v, struct buf *out)
{
    (void)c, (void)t;
    if (v.i != 0)
        buf_put_u8(out, (uint8_t)v.i);
    return STATUS_OK;
}

status char1_receive(struct sql_context *c, struct arena *a, const struct type *t, slice text,
                     int32_t typmod, datum *out)
{
    if (text.size != 1)
        return wrong_size("\"char\"");
    return char1_input(c, a, t, text, typmod, out);
}

status char1_send(struct sql_context *c, const struct type *t, datum v, struct buf *out)
{
    (void)c, (void)t;
    buf_put_u8(out, (uint8_t)v.i);
    return STATUS_OK;
}

/* ---- void, and types without values
 * --------------------------------------------------------------------------------- */

status void_input(struct sql_context *c, struct arena *a, const struct type *t, slice text,
                  int32_t typmod, datum *out)
{
    (void)c, (void)a, (void)t, (void)text, (void)typmod;
    *out = (datum){.i = 0};
    return STATUS_OK;
}

status void_output(struct sql_context *c, const struct type *t, datum v, struct buf *out)
{
    (void)c, (void)t, (void)v, (void)out;
    return STATUS_OK;
}

status void_receive(struct sql_context *c, struct arena *a, const struct type *t, slice text,
                    int32_t typmod, datum *out)
{
    return void_input(c, a, t, text, typmod, out);
}

status void_send(struct sql_context *c, const struct type *t, datum v, struct buf *out)
{
    return void_output(c, t, v, out);
}

static status no_values(const struct type *t)
{
    return status_new(ST_FEATURE_NOT_SUPPORTED, "values of type %s are not supported", t->sql_name);
}

status none_input(struct sql_context *c, struct arena *a, const struct type *t, slice text,
                  int32_t typmod, datum *out)
{
    (void)c, (void)a, (void)text, (void)typmod, (void)out;
    return no_values(t);
}

status none_output(struct sql_context *c, const struct type *t, datum v, struct buf *out)
{
    (void)c, (void)v, (void)out;
    return no_values(t);
}

status none_receive(struct sql_context *c, struct arena *a, const struct type *t, slice text,
                    int32_t typmod, datum *out)
{
    return none_input(c, a, t, text, typmod, out);
}

status none_send(struct sql_context *c, const struct type *t, datum v, struct buf *out)
{
    return none_output(c, t, v, out);
}
