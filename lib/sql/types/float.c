/* float4 and float8. A float4 is a double whose value a float holds. */
#include "sql/types/float.h"

#include <errno.h>
#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/keyenc.h"
#include "sql/types/ops.h"
#include "sql/types/string.h"

/* ---- text ---------------------------------------------------------------------------------------
 */

/* Whether the text lies strictly between the middles to both neighbours of v. A middle itself reads
 * back too where v's last bit is 0, but only with readers that break ties to even, so PostgreSQL
 * does not count on it. Middles are exact in the next wider type. */
static bool reads_back(const char *text, double v, bool single)
{
    if (single) {
        float  f = (float)v;
        double d = strtod(text, NULL);

        return strtof(text, NULL) == f && d != (v + (double)nextafterf(f, INFINITY)) / 2 &&
               d != (v + (double)nextafterf(f, -INFINITY)) / 2;
    } else {
        long double d = strtold(text, NULL);

        return strtod(text, NULL) == v &&
               d != ((long double)v + (long double)nextafter(v, INFINITY)) / 2 &&
               d != ((long double)v + (long double)nextafter(v, -INFINITY)) / 2;
    }
}

/* d.ddde+xx with as few digits as read back. Numbers of normal size need no less than the digits a
 * decimal keeps (any shorter one is found by cutting zeros); subnormal ones may need a single one.
 */
static void shortest(double v, bool single, char *text, size_t size)
{
    double least = single ? (double)FLT_MIN : DBL_MIN;
    int    digits = fabs(v) < least ? 1 : single ? FLT_DIG : DBL_DIG;
    int    max = single ? FLT_DECIMAL_DIG : DBL_DECIMAL_DIG;

    do
        snprintf(text, size, "%.*e", digits - 1, v);
    while (digits++ < max && !reads_back(text, v, single));
}

/* From d.ddde+xx to plain digits where the exponent is small, as PostgreSQL writes them. */
static void layout(const char *text, bool single, struct buf *out)
{
    char        digits[32] = "";
    size_t      n = 0;
    const char *p = text;
    long        exponent;

    if (*p == '-')
        buf_put_u8(out, (uint8_t)*p++);
    for (; *p != 'e'; p++) {
        if (*p != '.')
            digits[n++] = *p;
    }
    exponent = strtol(p + 1, NULL, 10);
    while (n > 1 && digits[n - 1] == '0')
        n--;
    if (exponent < -4 || exponent >= (single ? FLT_DIG : DBL_DIG)) {
        buf_put_u8(out, (uint8_t)digits[0]);
        if (n > 1)
            buf_put_u8(out, '.');
        buf_append(out, digits + 1, n - 1);
        buf_printf(out, "e%c%02ld", exponent < 0 ? '-' : '+', labs(exponent));
        return;
    }
    if (exponent < 0) {
        buf_append_cstr(out, "0.");
        for (long i = -1; i > exponent; i--)
            buf_put_u8(out, '0');
        buf_append(out, digits, n);
        return;
    }
    for (size_t i = 0; i < n || i <= (size_t)exponent; i++) {
        if (i == (size_t)exponent + 1)
            buf_put_u8(out, '.');
        buf_put_u8(out, i < n ? (uint8_t)digits[i] : '0');
    }
}

void float_format(double v, bool single, int extra_digits, struct buf *out)
{
    char text[64];
    int  digits = (single ? FLT_DIG : DBL_DIG) + extra_digits;

    if (isnan(v)) {
        buf_append_cstr(out, "NaN");
    } else if (isinf(v)) {
        buf_append_cstr(out, v > 0 ? "Infinity" : "-Infinity");
    } else if (v == 0) {
        buf_append_cstr(out, signbit(v) ? "-0" : "0");
    } else if (extra_digits > 0) {
        shortest(v, single, text, sizeof text);
        layout(text, single, out);
    } else {
        buf_printf(out, "%.*g", MAX(digits, 1), v);
    }
}

static bool special_word(slice s, double *out)
{
    static const struct {
        const char *word;
        double      value;
    } words[] = {
        {"NaN", NAN},        {"Infinity", INFINITY},   {"+Infinity", INFINITY},
        {"inf", INFINITY},   {"-Infinity", -INFINITY}, {"+inf", INFINITY},
        {"-inf", -INFINITY},
    };

    for (size_t i = 0; i < ARRAY_LEN(words); i++) {
        if (s.size == strlen(words[i].word) && strncasecmp(s.data, words[i].word, s.size) == 0) {
            *out = words[i].value;
            return true;
        }
    }
    return false;
}

static status out_of_range(const struct type *t, slice s)
{
    return status_new(ST_NUMERIC_OUT_OF_RANGE, "\"%.*s\" is out of range for type %s", SLICE_FMT(s),
                      t->sql_name);
}

status float_parse(const struct type *t, slice text, double *out)
{
    struct buf copy SCOPED(buf);
    slice           s = type_trim(text);
    char           *end;
    double          v;

    buf_init(&copy, NULL);
    if (special_word(s, out))
        return STATUS_OK;
    buf_append_slice(&copy, s);
    v = t->oid == OID_FLOAT4 ? (double)strtof(buf_cstr(&copy), &end)
                             : strtod(buf_cstr(&copy), &end);
    if (s.size == 0 || *end != '\0')
        return type_syntax_error(t, text);
    if (isinf(v))
        return out_of_range(t, s);
    if (v == 0) {
        for (size_t i = 0; i < s.size && s.data[i] != 'e' && s.data[i] != 'E'; i++) {
            if (s.data[i] >= '1' && s.data[i] <= '9')
                return out_of_range(t, s);
        }
    }
    *out = v;
    return STATUS_OK;
}

static int extra_digits(const struct sql_context *c)
{
    return c != NULL ? c->settings.extra_float_digits : 1;
}

/* ---- float8 -------------------------------------------------------------------------------------
 */

status float8_input(struct sql_context *c, struct arena *a, const struct type *t, slice text,
                    int32_t typmod, datum *out)
{
    (void)c, (void)a, (void)typmod;
    return float_parse(t, text, &out->f);
}

status float8_output(struct sql_context *c, const struct type *t, datum v, struct buf *out)
{
    (void)t;
    float_format(v.f, false, extra_digits(c), out);
    return STATUS_OK;
}

status float8_receive(struct sql_context *c, struct arena *a, const struct type *t, slice bytes,
                      int32_t typmod, datum *out)
{
    uint64_t bits;

    (void)c, (void)a, (void)t, (void)typmod;
    TRY_RETURN(type_receive_size(bytes, 8));
    bits = get_u64be(bytes.data);
    memcpy(&out->f, &bits, sizeof bits);
    return STATUS_OK;
}

status float8_send(struct sql_context *c, const struct type *t, datum v, struct buf *out)
{
    uint64_t bits;

    (void)c, (void)t;
    memcpy(&bits, &v.f, sizeof bits);
    buf_put_u64be(out, bits);
    return STATUS_OK;
}

/* ---- float4 -------------------------------------------------------------------------------------
 */

status float4_input(struct sql_context *c, struct arena *a, const struct type *t, slice text,
                    int32_t typmod, datum *out)
{
    return float8_input(c, a, t, text, typmod, out);
}

status float4_output(struct sql_context *c, const struct type *t, datum v, struct buf *out)
{
    (void)t;
    float_format(v.f, true, extra_digits(c), out);
    return STATUS_OK;
}

status float4_receive(struct sql_context *c, struct arena *a, const struct type *t, slice bytes,
                      int32_t typmod, datum *out)
{
    uint32_t bits;
    float    f;

    (void)c, (void)a, (void)t, (void)typmod;
    TRY_RETURN(type_receive_size(bytes, 4));
    bits = get_u32be(bytes.data);
    memcpy(&f, &bits, sizeof bits);
    out->f = (double)f;
    return STATUS_OK;
}

status float4_send(struct sql_context *c, const struct type *t, datum v, struct buf *out)
{
    float    f = (float)v.f;
    uint32_t bits;

    (void)c, (void)t;
    memcpy(&bits, &f, sizeof bits);
    buf_put_u32be(out, bits);
    return STATUS_OK;
}

/* ---- order, hash, keys
 * -------------------------------------------------------------------------------- */

int float_order(double a, double b)
{
    if (isnan(a) || isnan(b))
        return (int)isnan(a) - (int)isnan(b);
    return (a > b) - (a < b);
}

int float_compare(datum a, datum b)
{
    return float_order(a.f, b.f);
}

uint64_t float_hash(datum v)
{
    double   f = isnan(v.f) ? (double)NAN : v.f == 0 ? 0 : v.f; /* one NaN, one zero */
    uint64_t bits;

    memcpy(&bits, &f, sizeof bits);
    return integer_hash((datum){.i = (int64_t)bits});
}

void float_key_encode(datum v, struct buf *out, bool *exact)
{
    /* There is one zero and one NaN among keys, but clients may send others in binary. */
    if ((v.f == 0 && signbit(v.f)) || isnan(v.f))
        *exact = false;
    keyenc_put_double(out, v.f, KEY_ASC);
}

status float_key_decode(struct arena *a, slice *key, datum *out)
{
    (void)a;
    return keyenc_take_double(key, &out->f) ? STATUS_OK : key_corrupt("double precision");
}
