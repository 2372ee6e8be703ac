/* text, varchar, bpchar, name, bytea, uuid. Strings are UTF-8; what came in was checked by the
 * protocol layer or is checked here. Order is by bytes (the database's collation is C.UTF-8:
 * docs/limits.md). */
#include <stdio.h>

#include "base/hmap.h"
#include "base/keyenc.h"
#include "base/utf8.h"
#include "sql/types/ops.h"
#include "sql/types/string.h"

int text_compare(datum a, datum b)
{
    return slice_cmp(a.s, b.s);
}

uint64_t text_hash(datum v)
{
    return hash_bytes(v.s.data, v.s.size, 0);
}

void text_key_encode(datum v, struct buf *out, bool *exact)
{
    (void)exact;
    keyenc_put_bytes(out, v.s, KEY_ASC);
}

status text_key_decode(struct arena *a, slice *key, datum *out)
{
    struct buf b;
    bool       good;

    buf_init(&b, arena_heap(a));
    good = keyenc_take_bytes(key, &b);
    if (good)
        out->s = arena_copy(a, buf_slice(&b));
    buf_deinit(&b);
    return good ? STATUS_OK
                : status_new(ST_CORRUPT, "a key does not hold a string where one is due");
}

status string_check(slice text)
{
    size_t      bad, size;
    const char *zero = text.size == 0 ? NULL : memchr(text.data, 0, text.size);
    char        hex[UTF8_SIZE_MAX * 5 + 1] = "";

    if (zero != NULL)
        text.size = (size_t)(zero - text.data);
    if (utf8_is_valid(text, &bad)) {
        if (zero == NULL)
            return STATUS_OK;
        return status_new(ST_CHARACTER_NOT_IN_REPERTOIRE,
                          "invalid byte sequence for encoding \"UTF8\": 0x00");
    }
    size = MAX(utf8_size_of_first((uint8_t)text.data[bad]), 1);
    for (size_t i = 0; i < size && bad + i < text.size; i++)
        snprintf(hex + 5 * i, 6, " 0x%02x", (uint8_t)text.data[bad + i]);
    return status_new(ST_CHARACTER_NOT_IN_REPERTOIRE,
                      "invalid byte sequence for encoding \"UTF8\":%s", hex);
}

status text_input(struct sql_context *c, struct arena *a, const struct type *t, slice text,
                  int32_t typmod, datum *out)
{
    (void)c, (void)t, (void)typmod;
    out->s = arena_copy(a, text);
    return STATUS_OK;
}

status text_output(struct sql_context *c, const struct type *t, datum v, struct buf *out)
{
    (void)c, (void)t;
    buf_append_slice(out, v.s);
    return STATUS_OK;
}

status text_receive(struct sql_context *c, struct arena *a, const struct type *t, slice text,
                    int32_t typmod, datum *out)
{
    TRY_RETURN(string_check(text));
    return text_input(c, a, t, text, typmod, out);
}

status text_send(struct sql_context *c, const struct type *t, datum v, struct buf *out)
{
    return text_output(c, t, v, out);
}

/* ---- varchar(n), char(n): a typmod is the length plus 4, as PostgreSQL's
 * ------------------------------------------ */

enum { TYPMOD_HEADER = 4, LENGTH_MAX = 10485760 };

status length_typmod_input(const int32_t *args, size_t count, int32_t *out)
{
    if (count != 1)
        return status_new(ST_INVALID_PARAMETER_VALUE, "invalid type modifier");
    if (args[0] < 1)
        return status_new(ST_INVALID_PARAMETER_VALUE, "length for type must be at least 1");
    if (args[0] > LENGTH_MAX)
        return status_new(ST_INVALID_PARAMETER_VALUE, "length for type cannot exceed %d",
                          LENGTH_MAX);
    *out = args[0] + TYPMOD_HEADER;
    return STATUS_OK;
}

void length_typmod_output(int32_t typmod, struct buf *out)
{
    if (typmod >= TYPMOD_HEADER)
        buf_printf(out, "(%d)", typmod - TYPMOD_HEADER);
}

/* The first `characters` of s; what is behind them may only be blanks, unless the cast was written
 * out. */
status string_fit(slice s, size_t characters, bool cut, const char *type, slice *out)
{
    size_t at = 0;

    for (size_t n = 0; n < characters && at < s.size; n++)
        at += utf8_size_of_first((uint8_t)s.data[at]);
    for (size_t i = at; i < s.size && !cut; i++) {
        if (s.data[i] != ' ')
            return status_new(ST_STRING_TRUNCATION, "value too long for type %s(%zu)", type,
                              characters);
    }
    *out = slice_make(s.data, at);
    return STATUS_OK;
}

status varchar_apply_typmod(slice s, int32_t typmod, bool cut, slice *out)
{
    *out = s;
    if (typmod < TYPMOD_HEADER || s.size <= (size_t)(typmod - TYPMOD_HEADER))
        return STATUS_OK;
    return string_fit(s, (size_t)(typmod - TYPMOD_HEADER), cut, "character varying", out);
}

status bpchar_apply_typmod(struct arena *a, slice s, int32_t typmod, bool cut, slice *out)
{
    size_t length, have;
    char  *padded;

    *out = s;
    if (typmod < TYPMOD_HEADER)
        return STATUS_OK;
    length = (size_t)(typmod - TYPMOD_HEADER);
    TRY_RETURN(string_fit(s, length, cut, "character", out));
    have = utf8_length(*out);
    if (have >= length)
        return STATUS_OK;
    padded = arena_alloc(a, out->size + length - have + 1);
    if (out->size > 0)
        memcpy(padded, out->data, out->size);
    memset(padded + out->size, ' ', length - have);
    *out = slice_make(padded, out->size + length - have);
    return STATUS_OK;
}

status varchar_input(struct sql_context *c, struct arena *a, const struct type *t, slice text,
                     int32_t typmod, datum *out)
{
    slice fit;

    TRY_RETURN(varchar_apply_typmod(text, typmod, false, &fit));
    return text_input(c, a, t, fit, -1, out);
}

status varchar_output(struct sql_context *c, const struct type *t, datum v, struct buf *out)
{
    return text_output(c, t, v, out);
}

status varchar_receive(struct sql_context *c, struct arena *a, const struct type *t, slice text,
                       int32_t typmod, datum *out)
{
    TRY_RETURN(string_check(text));
    return varchar_input(c, a, t, text, typmod, out);
}

status varchar_send(struct sql_context *c, const struct type *t, datum v, struct buf *out)
{
    return text_output(c, t, v, out);
}

/* Trailing blanks of char(n) mean nothing when it is compared (pitfall Q5: nor in its keys and
 * hashes). */
slice bpchar_trim(slice s)
{
    while (s.size > 0 && s.data[s.size - 1] == ' ')
        s.size--;
    return s;
}

int bpchar_compare(datum a, datum b)
{
    return slice_cmp(bpchar_trim(a.s), bpchar_trim(b.s));
}

uint64_t bpchar_hash(datum v)
{
    return text_hash((datum){.s = bpchar_trim(v.s)});
}

void bpchar_key_encode(datum v, struct buf *out, bool *exact)
{
    slice s = bpchar_trim(v.s);

    *exact = *exact && s.size == v.s.size;
    keyenc_put_bytes(out, s, KEY_ASC);
}

status bpchar_key_decode(struct arena *a, slice *key, datum *out)
{
    return text_key_decode(a, key, out);
}

status bpchar_input(struct sql_context *c, struct arena *a, const struct type *t, slice text,
                    int32_t typmod, datum *out)
{
    slice fit;

    TRY_RETURN(bpchar_apply_typmod(a, text, typmod, false, &fit));
    return text_input(c, a, t, fit, -1, out);
}

status bpchar_output(struct sql_context *c, const struct type *t, datum v, struct buf *out)
{
    return text_output(c, t, v, out);
}

status bpchar_receive(struct sql_context *c, struct arena *a, const struct type *t, slice text,
                      int32_t typmod, datum *out)
{
    TRY_RETURN(string_check(text));
    return bpchar_input(c, a, t, text, typmod, out);
}

status bpchar_send(struct sql_context *c, const struct type *t, datum v, struct buf *out)
{
    return text_output(c, t, v, out);
}

/* ---- name: at most 63 bytes, cut at a character
 * ------------------------------------------------------------------- */

slice name_cut(slice s)
{
    size_t at = 0;

    if (s.size <= NAME_BYTES_MAX)
        return s;
    for (;;) {
        size_t step = utf8_size_of_first((uint8_t)s.data[at]);

        if (at + step > NAME_BYTES_MAX)
            return slice_make(s.data, at);
        at += step;
    }
}

status name_input(struct sql_context *c, struct arena *a, const struct type *t, slice text,
                  int32_t typmod, datum *out)
{
    return text_input(c, a, t, name_cut(text), typmod, out);
}

status name_output(struct sql_context *c, const struct type *t, datum v, struct buf *out)
{
    return text_output(c, t, v, out);
}

status name_receive(struct sql_context *c, struct arena *a, const struct type *t, slice text,
                    int32_t typmod, datum *out)
{
    TRY_RETURN(string_check(text));
    return name_input(c, a, t, text, typmod, out);
}

status name_send(struct sql_context *c, const struct type *t, datum v, struct buf *out)
{
    return text_output(c, t, v, out);
}

/* ---- bytea
 * ----------------------------------------------------------------------------------------------------------
 */

static status bad_hex_digit(slice at)
{
    return status_new(ST_INVALID_PARAMETER_VALUE, "invalid hexadecimal digit: \"%.*s\"",
                      SLICE_FMT(utf8_first_character(at)));
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

status hex_decode(struct arena *a, slice text, slice *out)
{
    char  *bytes = arena_alloc(a, text.size / 2 + 1);
    size_t n = 0;

    for (size_t i = 0; i < text.size; i++) {
        int high = hex_digit(text.data[i]), low;

        if (text.data[i] == ' ' || text.data[i] == '\n' || text.data[i] == '\t' ||
            text.data[i] == '\r')
            continue;
        if (high < 0)
            return bad_hex_digit(slice_from(text, i));
        if (++i == text.size)
            return status_new(ST_INVALID_PARAMETER_VALUE,
                              "invalid hexadecimal data: odd number of digits");
        low = hex_digit(text.data[i]);
        if (low < 0)
            return bad_hex_digit(slice_from(text, i));
        bytes[n++] = (char)(high << 4 | low);
    }
    *out = slice_make(bytes, n);
    return STATUS_OK;
}

/* The old form: a backslash, then itself or three octal digits. */
status bytea_escape_decode(struct arena *a, slice text, slice *out)
{
    char  *bytes = arena_alloc(a, text.size + 1);
    size_t n = 0;

    for (size_t i = 0; i < text.size; i++) {
        const char *p = text.data + i;

        if (*p != '\\') {
            bytes[n++] = *p;
        } else if (i + 1 < text.size && p[1] == '\\') {
            bytes[n++] = '\\';
            i++;
        } else if (i + 3 < text.size && p[1] >= '0' && p[1] <= '3' && p[2] >= '0' && p[2] <= '7' &&
                   p[3] >= '0' && p[3] <= '7') {
            bytes[n++] = (char)((p[1] - '0') << 6 | (p[2] - '0') << 3 | (p[3] - '0'));
            i += 3;
        } else {
            return status_new(ST_INVALID_TEXT, "invalid input syntax for type bytea");
        }
    }
    *out = slice_make(bytes, n);
    return STATUS_OK;
}

status bytea_input(struct sql_context *c, struct arena *a, const struct type *t, slice text,
                   int32_t typmod, datum *out)
{
    (void)c, (void)t, (void)typmod;
    if (text.size >= 2 && text.data[0] == '\\' && text.data[1] == 'x')
        return hex_decode(a, slice_from(text, 2), &out->s);
    return bytea_escape_decode(a, text, &out->s);
}

void hex_encode(slice bytes, struct buf *out)
{
    static const char digits[] = "0123456789abcdef";
    char             *at = buf_reserve(out, bytes.size * 2);

    for (size_t i = 0; i < bytes.size; i++) {
        *at++ = digits[(unsigned char)bytes.data[i] >> 4];
        *at++ = digits[(unsigned char)bytes.data[i] & 15];
    }
    buf_advance(out, bytes.size * 2);
}

void bytea_escape_encode(slice bytes, struct buf *out)
{
    for (size_t i = 0; i < bytes.size; i++) {
        unsigned char b = (unsigned char)bytes.data[i];

        if (b == '\\')
            buf_append_cstr(out, "\\\\");
        else if (b < 0x20 || b > 0x7e)
            buf_printf(out, "\\%03o", b);
        else
            buf_put_u8(out, b);
    }
}

status bytea_output(struct sql_context *c, const struct type *t, datum v, struct buf *out)
{
    (void)t;
    if (c != NULL && c->settings.bytea_output_escape) {
        bytea_escape_encode(v.s, out);
        return STATUS_OK;
    }
    buf_append_cstr(out, "\\x");
    hex_encode(v.s, out);
    return STATUS_OK;
}

status bytea_receive(struct sql_context *c, struct arena *a, const struct type *t, slice text,
                     int32_t typmod, datum *out)
{
    return text_input(c, a, t, text, typmod, out);
}

status bytea_send(struct sql_context *c, const struct type *t, datum v, struct buf *out)
{
    return text_output(c, t, v, out);
}

/* ---- uuid
 * -------------------------------------------------------------------------------------------------------------
 */

int uuid_compare(datum a, datum b)
{
    return memcmp(a.uuid, b.uuid, sizeof a.uuid);
}

uint64_t uuid_hash(datum v)
{
    return hash_bytes(v.uuid, sizeof v.uuid, 0);
}

void uuid_key_encode(datum v, struct buf *out, bool *exact)
{
    (void)exact;
    keyenc_put_raw16(out, v.uuid, KEY_ASC);
}

status uuid_key_decode(struct arena *a, slice *key, datum *out)
{
    (void)a;
    return keyenc_take_raw16(key, out->uuid)
               ? STATUS_OK
               : status_new(ST_CORRUPT, "a key does not hold a uuid where one is due");
}

/* 32 hexadecimal digits, hyphens after any group of four, braces around at will. */
status uuid_input(struct sql_context *c, struct arena *a, const struct type *t, slice text,
                  int32_t typmod, datum *out)
{
    slice  s = text;
    size_t n = 0;

    (void)c, (void)a, (void)t, (void)typmod;
    if (s.size > 1 && s.data[0] == '{' && s.data[s.size - 1] == '}')
        s = slice_make(s.data + 1, s.size - 2);
    for (size_t i = 0; i < s.size; i++) {
        int digit = hex_digit(s.data[i]);

        if (s.data[i] == '-' && n > 0 && n < 32 && n % 4 == 0 && s.data[i - 1] != '-')
            continue;
        if (digit < 0 || n == 32)
            goto invalid;
        out->uuid[n / 2] = (uint8_t)(n % 2 == 0 ? digit << 4 : out->uuid[n / 2] | digit);
        n++;
    }
    if (n == 32)
        return STATUS_OK;
invalid:
    return status_new(ST_INVALID_TEXT, "invalid input syntax for type uuid: \"%.*s\"",
                      SLICE_FMT(text));
}

status uuid_output(struct sql_context *c, const struct type *t, datum v, struct buf *out)
{
    static const size_t groups[] = {4, 2, 2, 2, 6};
    size_t              at = 0;

    (void)c, (void)t;
    for (size_t i = 0; i < ARRAY_LEN(groups); i++) {
        if (i > 0)
            buf_put_u8(out, '-');
        hex_encode(slice_make(v.uuid + at, groups[i]), out);
        at += groups[i];
    }
    return STATUS_OK;
}

status uuid_receive(struct sql_context *c, struct arena *a, const struct type *t, slice text,
                    int32_t typmod, datum *out)
{
    (void)c, (void)a, (void)t, (void)typmod;
    TRY_RETURN(type_receive_size(text, sizeof out->uuid));
    memcpy(out->uuid, text.data, sizeof out->uuid);
    return STATUS_OK;
}

status uuid_send(struct sql_context *c, const struct type *t, datum v, struct buf *out)
{
    (void)c, (void)t;
    buf_append(out, v.uuid, sizeof v.uuid);
    return STATUS_OK;
}
