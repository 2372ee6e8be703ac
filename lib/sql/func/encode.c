/* bytea and its text forms; digests. */
#include <openssl/evp.h>

#include "base/utf8.h"
#include "sql/func/implement.h"
#include "sql/func/text.h"
#include "sql/types/string.h"

/* ---- digests
 * ------------------------------------------------------------------------------------- */

static status digest(struct fn_call *call, const char *algorithm, slice s, slice *out)
{
    unsigned char bytes[EVP_MAX_MD_SIZE];
    size_t        size = sizeof bytes;

    /* A FIPS build of the library may lack MD5. */
    if (EVP_Q_digest(NULL, algorithm, NULL, s.data != NULL ? s.data : "", s.size, bytes, &size) !=
        1)
        return status_new(ST_INTERNAL, "could not compute %s hash: unsupported", algorithm);
    *out = arena_copy(call->arena, slice_make(bytes, size));
    return STATUS_OK;
}

FN(md5_text)
{
    struct buf b SCOPED(buf);
    slice        bytes;

    buf_init(&b, arena_heap(call->arena));
    TRY_RETURN(digest(call, "MD5", args[0].s, &bytes));
    hex_encode(bytes, &b);
    return fn_return_text(call, buf_slice(&b), out);
}

FN(md5_bytea)
{
    return fn_md5_text(call, args, nulls, out, null);
}

FN(sha224_bytea)
{
    return digest(call, "SHA224", args[0].s, &out->s);
}

FN(sha256_bytea)
{
    return digest(call, "SHA256", args[0].s, &out->s);
}

FN(sha384_bytea)
{
    return digest(call, "SHA384", args[0].s, &out->s);
}

FN(sha512_bytea)
{
    return digest(call, "SHA512", args[0].s, &out->s);
}

/* ---- base64
 * -------------------------------------------------------------------------------------- */

static const char base64_digits[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/* Lines of 76 characters, as MIME has them. */
static void base64_encode(slice s, struct buf *out)
{
    size_t line = 0;

    while (s.size > 0) {
        size_t   n = MIN(s.size, 3);
        uint32_t v = (uint32_t)(uint8_t)s.data[0] << 16;

        if (line == 76) {
            buf_put_u8(out, '\n');
            line = 0;
        }
        v |= n > 1 ? (uint32_t)(uint8_t)s.data[1] << 8 : 0;
        v |= n > 2 ? (uint32_t)(uint8_t)s.data[2] : 0;
        buf_put_u8(out, (uint8_t)base64_digits[v >> 18]);
        buf_put_u8(out, (uint8_t)base64_digits[v >> 12 & 63]);
        buf_put_u8(out, n > 1 ? (uint8_t)base64_digits[v >> 6 & 63] : '=');
        buf_put_u8(out, n > 2 ? (uint8_t)base64_digits[v & 63] : '=');
        s = slice_from(s, n);
        line += 4;
    }
}

static status base64_end(void)
{
    return status_hint(status_new(ST_INVALID_PARAMETER_VALUE, "invalid base64 end sequence"), "%s",
                       "Input data is missing padding, is truncated, or is otherwise corrupted.");
}

static status base64_decode(slice s, struct buf *out)
{
    uint32_t v = 0;
    size_t   have = 0, padding = 0;

    for (size_t i = 0; i < s.size; i++) {
        char        c = s.data[i];
        const char *digit = c != '\0' ? strchr(base64_digits, c) : NULL;

        if (c == ' ' || c == '\t' || c == '\n' || c == '\r')
            continue;
        if (c == '=') {
            if (padding == 0 && have < 2)
                return status_new(ST_INVALID_PARAMETER_VALUE,
                                  "unexpected \"=\" while decoding base64 sequence");
            padding++;
        } else if (digit == NULL || padding > 0) {
            return status_new(ST_INVALID_PARAMETER_VALUE,
                              "invalid symbol \"%.*s\" found while decoding base64 sequence",
                              SLICE_FMT(utf8_first_character(slice_from(s, i))));
        }
        v = v << 6 | (c == '=' ? 0 : (uint32_t)(digit - base64_digits));
        if (++have < 4)
            continue;
        if (padding > 2)
            return base64_end();
        buf_put_u8(out, (uint8_t)(v >> 16));
        if (padding < 2)
            buf_put_u8(out, (uint8_t)(v >> 8));
        if (padding < 1)
            buf_put_u8(out, (uint8_t)v);
        v = 0;
        have = padding = 0;
    }
    return have == 0 ? STATUS_OK : base64_end();
}

/* ---- encode, decode
 * --------------------------------------------------------------------------------- */

static status unknown_encoding(slice name)
{
    return status_new(ST_INVALID_PARAMETER_VALUE, "unrecognized encoding: \"%.*s\"",
                      SLICE_FMT(name));
}

static bool is_named(slice name, const char *what)
{
    return name.size == strlen(what) && strncasecmp(name.data, what, name.size) == 0;
}

/* The escape form of encode() leaves every byte but zero, high ones and the backslash alone. */
static void escape_encode(slice s, struct buf *out)
{
    for (size_t i = 0; i < s.size; i++) {
        uint8_t b = (uint8_t)s.data[i];

        if (b == 0 || b >= 0x80)
            buf_printf(out, "\\%03o", b);
        else if (b == '\\')
            buf_append_cstr(out, "\\\\");
        else
            buf_put_u8(out, b);
    }
}

FN(binary_encode)
{
    struct buf b SCOPED(buf);

    buf_init(&b, arena_heap(call->arena));
    if (args[0].s.size > TEXT_SIZE_MAX / 4)
        return text_too_long();
    if (is_named(args[1].s, "hex"))
        hex_encode(args[0].s, &b);
    else if (is_named(args[1].s, "base64"))
        base64_encode(args[0].s, &b);
    else if (is_named(args[1].s, "escape"))
        escape_encode(args[0].s, &b);
    else
        return unknown_encoding(args[1].s);
    return fn_return_text(call, buf_slice(&b), out);
}

FN(binary_decode)
{
    struct buf b SCOPED(buf);

    buf_init(&b, arena_heap(call->arena));
    if (is_named(args[1].s, "hex"))
        return hex_decode(call->arena, args[0].s, &out->s);
    if (is_named(args[1].s, "escape"))
        return bytea_escape_decode(call->arena, args[0].s, &out->s);
    if (!is_named(args[1].s, "base64"))
        return unknown_encoding(args[1].s);
    TRY_RETURN(base64_decode(args[0].s, &b));
    return fn_return_text(call, buf_slice(&b), out);
}

/* ---- single bytes and bits
 * ---------------------------------------------------------------------------- */

static status byte_index(int64_t i, size_t size)
{
    if (i < 0 || (uint64_t)i >= size)
        return status_new(ST_ARRAY_SUBSCRIPT, "index %lld out of valid range, 0..%lld",
                          (long long)i, (long long)size - 1);
    return STATUS_OK;
}

FN(byteaGetByte)
{
    TRY_RETURN(byte_index(args[1].i, args[0].s.size));
    out->i = (uint8_t)args[0].s.data[args[1].i];
    return STATUS_OK;
}

FN(byteaSetByte)
{
    char *p;

    TRY_RETURN(byte_index(args[1].i, args[0].s.size));
    TRY_RETURN(text_alloc(call, args[0].s.size, &p));
    memcpy(p, args[0].s.data, args[0].s.size);
    p[args[1].i] = (char)args[2].i;
    out->s = slice_make(p, args[0].s.size);
    return STATUS_OK;
}

FN(byteaGetBit)
{
    TRY_RETURN(byte_index(args[1].i, args[0].s.size * 8));
    out->i = (uint8_t)args[0].s.data[args[1].i / 8] >> (args[1].i % 8) & 1;
    return STATUS_OK;
}

/* ---- character sets: the database's is UTF8, and so are the only conversions
 * ---------------------------- */

static status check_utf8_name(slice name, bool source)
{
    if (is_named(name, "UTF8") || is_named(name, "UTF-8") || is_named(name, "UNICODE"))
        return STATUS_OK;
    return status_new(ST_INVALID_PARAMETER_VALUE,
                      source ? "invalid source encoding name \"%.*s\""
                             : "invalid destination encoding name \"%.*s\"",
                      SLICE_FMT(name));
}

FN(pg_convert_from)
{
    TRY_RETURN(check_utf8_name(args[1].s, true));
    TRY_RETURN(string_check(args[0].s));
    *out = args[0];
    return STATUS_OK;
}

FN(pg_convert_to)
{
    TRY_RETURN(check_utf8_name(args[1].s, false));
    *out = args[0];
    return STATUS_OK;
}
