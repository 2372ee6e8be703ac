/* Types whose datum is an integer or a truth value: bool, int2, int4, int8, oid and its kin,
 * "char", tid. */
#include "base/keyenc.h"
#include "sql/types/ops.h"
#include "sql/types/string.h"

/* ---- bool ---------------------------------------------------------------------------------------
 */

/* Any unambiguous beginning of these words will do; "o" could be on or off. */
static const struct {
    const char *word;
    size_t      size_min;
    bool        value;
} bool_words[] = {
    {"true", 1, true}, {"false", 1, false}, {"yes", 1, true}, {"no", 1, false},
    {"on", 2, true},   {"off", 2, false},   {"1", 1, true},   {"0", 1, false},
};

static bool bool_word(slice text, bool *out)
{
    for (size_t i = 0; i < ARRAY_LEN(bool_words); i++) {
        if (text.size >= bool_words[i].size_min && text.size <= strlen(bool_words[i].word) &&
            strncasecmp(text.data, bool_words[i].word, text.size) == 0) {
            *out = bool_words[i].value;
            return true;
        }
    }
    return false;
}

status bool_input(struct sql_context *c, struct arena *a, const struct type *t, slice text,
                  int32_t typmod, datum *out)
{
    (void)c, (void)a, (void)typmod;
    return bool_word(type_trim(text), &out->b) ? STATUS_OK : type_syntax_error(t, text);
}

status bool_output(struct sql_context *c, const struct type *t, datum v, struct buf *out)
{
    (void)c, (void)t;
    buf_put_u8(out, v.b ? 't' : 'f');
    return STATUS_OK;
}

status bool_receive(struct sql_context *c, struct arena *a, const struct type *t, slice bytes,
                    int32_t typmod, datum *out)
{
    (void)c, (void)a, (void)t, (void)typmod;
    TRY_RETURN(type_receive_size(bytes, 1));
    out->b = bytes.data[0] != 0;
    return STATUS_OK;
}

status bool_send(struct sql_context *c, const struct type *t, datum v, struct buf *out)
{
    (void)c, (void)t;
    buf_put_u8(out, v.b);
    return STATUS_OK;
}

int bool_compare(datum a, datum b)
{
    return (int)a.b - (int)b.b;
}

uint64_t bool_hash(datum v)
{
    return integer_hash((datum){.i = v.b});
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

/* ---- int2, int4, int8 ---------------------------------------------------------------------------
 */

static bool fits(int64_t v, const struct type *t)
{
    switch (t->size) {
    case 2:
        return v == (int16_t)v;
    case 4:
        return v == (int32_t)v;
    default:
        return true;
    }
}

status integer_input(struct sql_context *c, struct arena *a, const struct type *t, slice text,
                     int32_t typmod, datum *out)
{
    bool overflow;

    (void)c, (void)a, (void)typmod;
    if (!type_parse_int64(text, &out->i, &overflow))
        return overflow ? type_range_error(t, text) : type_syntax_error(t, text);
    return fits(out->i, t) ? STATUS_OK : type_range_error(t, text);
}

status integer_output(struct sql_context *c, const struct type *t, datum v, struct buf *out)
{
    char     digits[20];
    size_t   at = sizeof digits;
    uint64_t rest = v.i < 0 ? -(uint64_t)v.i : (uint64_t)v.i;

    (void)c, (void)t;
    do {
        digits[--at] = (char)('0' + rest % 10);
        rest /= 10;
    } while (rest > 0);
    if (v.i < 0)
        buf_put_u8(out, '-');
    buf_append(out, digits + at, sizeof digits - at);
    return STATUS_OK;
}

status integer_receive(struct sql_context *c, struct arena *a, const struct type *t, slice bytes,
                       int32_t typmod, datum *out)
{
    (void)c, (void)a, (void)typmod;
    TRY_RETURN(type_receive_size(bytes, (size_t)t->size));
    if (t->size == 2)
        out->i = (int16_t)get_u16be(bytes.data);
    else if (t->size == 4)
        out->i = (int32_t)get_u32be(bytes.data);
    else
        out->i = (int64_t)get_u64be(bytes.data);
    return STATUS_OK;
}

status integer_send(struct sql_context *c, const struct type *t, datum v, struct buf *out)
{
    (void)c;
    if (t->size == 2)
        buf_put_u16be(out, (uint16_t)v.i);
    else if (t->size == 4)
        buf_put_u32be(out, (uint32_t)v.i);
    else
        buf_put_u64be(out, (uint64_t)v.i);
    return STATUS_OK;
}

int integer_compare(datum a, datum b)
{
    return (a.i > b.i) - (a.i < b.i);
}

/* The finaliser of splitmix64: every input bit reaches every output bit. */
uint64_t integer_hash(datum v)
{
    uint64_t h = (uint64_t)v.i + 0x9e3779b97f4a7c15u;

    h = (h ^ (h >> 30)) * 0xbf58476d1ce4e5b9u;
    h = (h ^ (h >> 27)) * 0x94d049bb133111ebu;
    return h ^ (h >> 31);
}

void integer_key_encode(datum v, struct buf *out, bool *exact)
{
    (void)exact;
    keyenc_put_int64(out, v.i, KEY_ASC);
}

status integer_key_decode(struct arena *a, slice *key, datum *out)
{
    (void)a;
    return keyenc_take_int64(key, &out->i) ? STATUS_OK : key_corrupt("integer");
}

/* ---- oid, xid, cid ------------------------------------------------------------------------------
 */

/* As strtoul(): a minus sign is accepted and wraps around, so that -1 is 4294967295. */
status oid_input(struct sql_context *c, struct arena *a, const struct type *t, slice text,
                 int32_t typmod, datum *out)
{
    int64_t v;
    bool    overflow;

    (void)c, (void)a, (void)typmod;
    if (!type_parse_int64(text, &v, &overflow))
        return overflow ? type_range_error(t, text) : type_syntax_error(t, text);
    if (v > UINT32_MAX || v < INT32_MIN)
        return type_range_error(t, text);
    out->i = (int64_t)(uint32_t)v;
    return STATUS_OK;
}

status oid_output(struct sql_context *c, const struct type *t, datum v, struct buf *out)
{
    return integer_output(c, t, v, out);
}

status oid_receive(struct sql_context *c, struct arena *a, const struct type *t, slice bytes,
                   int32_t typmod, datum *out)
{
    (void)c, (void)a, (void)t, (void)typmod;
    TRY_RETURN(type_receive_size(bytes, 4));
    out->i = get_u32be(bytes.data);
    return STATUS_OK;
}

status oid_send(struct sql_context *c, const struct type *t, datum v, struct buf *out)
{
    (void)c, (void)t;
    buf_put_u32be(out, (uint32_t)v.i);
    return STATUS_OK;
}

/* ---- "char" -------------------------------------------------------------------------------------
 */

/* One byte, kept as 0 to 255: bytes outside ASCII are written \ooo, zero is the empty text. */
status char_input(struct sql_context *c, struct arena *a, const struct type *t, slice text,
                  int32_t typmod, datum *out)
{
    const char *s = text.data;

    (void)c, (void)a, (void)t, (void)typmod;
    if (text.size == 4 && s[0] == '\\' && s[1] >= '0' && s[1] <= '3' && s[2] >= '0' &&
        s[2] <= '7' && s[3] >= '0' && s[3] <= '7')
        out->i = (s[1] - '0') * 64 + (s[2] - '0') * 8 + (s[3] - '0');
    else
        out->i = text.size > 0 ? (uint8_t)s[0] : 0;
    return STATUS_OK;
}

status char_output(struct sql_context *c, const struct type *t, datum v, struct buf *out)
{
    (void)c, (void)t;
    if (v.i >= 0x80)
        buf_printf(out, "\\%03o", (unsigned)v.i & 0xff);
    else if (v.i != 0)
        buf_put_u8(out, (uint8_t)v.i);
    return STATUS_OK;
}

status char_receive(struct sql_context *c, struct arena *a, const struct type *t, slice bytes,
                    int32_t typmod, datum *out)
{
    (void)c, (void)a, (void)t, (void)typmod;
    TRY_RETURN(type_receive_size(bytes, 1));
    out->i = (uint8_t)bytes.data[0];
    return STATUS_OK;
}

status char_send(struct sql_context *c, const struct type *t, datum v, struct buf *out)
{
    (void)c, (void)t;
    buf_put_u8(out, (uint8_t)v.i);
    return STATUS_OK;
}

/* ---- tid: block << 16 | offset ------------------------------------------------------------------
 */

static bool tid_parts(slice text, int64_t *block, int64_t *offset)
{
    const char *comma;
    bool        overflow;
    slice       inner;

    if (text.size < 2 || text.data[0] != '(' || text.data[text.size - 1] != ')')
        return false;
    inner = slice_make(text.data + 1, text.size - 2);
    comma = inner.size == 0 ? NULL : memchr(inner.data, ',', inner.size);
    return comma != NULL &&
           type_parse_int64(slice_make(inner.data, (size_t)(comma - inner.data)), block,
                            &overflow) &&
           type_parse_int64(slice_from(inner, (size_t)(comma - inner.data) + 1), offset,
                            &overflow) &&
           *block >= 0 && *block <= UINT32_MAX && *offset >= 0 && *offset <= UINT16_MAX;
}

status tid_input(struct sql_context *c, struct arena *a, const struct type *t, slice text,
                 int32_t typmod, datum *out)
{
    int64_t block, offset;

    (void)c, (void)a, (void)typmod;
    if (!tid_parts(type_trim(text), &block, &offset))
        return type_syntax_error(t, text);
    out->i = block << 16 | offset;
    return STATUS_OK;
}

status tid_output(struct sql_context *c, const struct type *t, datum v, struct buf *out)
{
    (void)c, (void)t;
    buf_printf(out, "(%lld,%lld)", (long long)(v.i >> 16), (long long)(v.i & 0xffff));
    return STATUS_OK;
}

status tid_receive(struct sql_context *c, struct arena *a, const struct type *t, slice bytes,
                   int32_t typmod, datum *out)
{
    (void)c, (void)a, (void)t, (void)typmod;
    TRY_RETURN(type_receive_size(bytes, 6));
    out->i = (int64_t)get_u32be(bytes.data) << 16 | get_u16be(bytes.data + 4);
    return STATUS_OK;
}

status tid_send(struct sql_context *c, const struct type *t, datum v, struct buf *out)
{
    (void)c, (void)t;
    buf_put_u32be(out, (uint32_t)(v.i >> 16));
    buf_put_u16be(out, (uint16_t)v.i);
    return STATUS_OK;
}
