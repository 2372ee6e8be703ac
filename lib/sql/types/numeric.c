/* The packed form of NUMERIC, its conversions, order and keys. Arithmetic: numeric_arith.c. */
#include "sql/types/numeric.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/keyenc.h"
#include "sql/types/numeric_internal.h"
#include "sql/types/ops.h"
#include "sql/types/string.h"

enum { HEADER_SIZE = 3, SMALL_SIZE = 8 };

/* ---- packed -------------------------------------------------------------------------------------
 */

enum numeric_class numeric_class(slice v)
{
    uint8_t c = v.size >= HEADER_SIZE ? (uint8_t)v.data[0] : NUMERIC_NAN;

    return c <= NUMERIC_NEG_INFINITY ? (enum numeric_class)c : NUMERIC_NAN;
}

unsigned numeric_scale(slice v)
{
    return v.size >= HEADER_SIZE ? get_u16le(v.data + 1) : 0;
}

bool numeric_is_zero(slice v)
{
    return numeric_class(v) == NUMERIC_POSITIVE && v.size == HEADER_SIZE;
}

bool numeric_is_sound(slice v)
{
    /* A byte holds more than two digits. */
    enum { SIZE_MAX_PACKED = HEADER_SIZE + (NUMERIC_INTEGER_DIGITS_MAX + NUMERIC_SCALE_MAX) / 2 };

    if (v.size < HEADER_SIZE || v.size > SIZE_MAX_PACKED ||
        (uint8_t)v.data[0] > NUMERIC_NEG_INFINITY || get_u16le(v.data + 1) > NUMERIC_SCALE_MAX)
        return false;
    if (v.size == HEADER_SIZE)
        return v.data[0] != NUMERIC_NEGATIVE;
    return v.data[0] <= NUMERIC_NEGATIVE && v.data[v.size - 1] != 0;
}

static uint64_t small_coefficient(slice v)
{
    uint64_t m = 0;

    memcpy(&m, v.data + HEADER_SIZE, v.size - HEADER_SIZE);
    return m;
}

bool numeric_is_small(slice v, int128_t *coefficient, unsigned *scale)
{
    enum numeric_class class = numeric_class(v);

    if (class > NUMERIC_NEGATIVE || v.size > HEADER_SIZE + SMALL_SIZE)
        return false;
    *coefficient = (int128_t)small_coefficient(v);
    if (class == NUMERIC_NEGATIVE)
        *coefficient = -*coefficient;
    *scale = numeric_scale(v);
    return true;
}

static char *pack_header(char *p, enum numeric_class class, unsigned scale)
{
    p[0] = (char)class;
    put_u16le(p + 1, (uint16_t)scale);
    return p + HEADER_SIZE;
}

slice numeric_from_scaled(struct arena *a, int128_t v, unsigned scale)
{
    uint128_t rest = v < 0 ? -(uint128_t)v : (uint128_t)v;
    char     *p = arena_alloc(a, HEADER_SIZE + sizeof rest);
    char     *end = pack_header(p, v < 0 ? NUMERIC_NEGATIVE : NUMERIC_POSITIVE, scale);

    for (; rest != 0; rest >>= 8)
        *end++ = (char)(rest & 0xff);
    return slice_make(p, (size_t)(end - p));
}

slice numeric_from_int64(struct arena *a, int64_t v)
{
    return numeric_from_scaled(a, v, 0);
}

slice numeric_from_int128(struct arena *a, int128_t v)
{
    return numeric_from_scaled(a, v, 0);
}

slice numeric_special(struct arena *a, enum numeric_class class)
{
    char *p = arena_alloc(a, HEADER_SIZE);

    pack_header(p, class, 0);
    return slice_make(p, HEADER_SIZE);
}

void num_init(struct num *n)
{
    n->class = NUMERIC_POSITIVE;
    n->scale = 0;
    mpz_init(n->m);
}

void num_load(struct num *n, slice packed)
{
    num_init(n);
    n->class = numeric_class(packed);
    n->scale = (int)numeric_scale(packed);
    if (n->class > NUMERIC_NEGATIVE)
        return;
    mpz_import(n->m, packed.size - HEADER_SIZE, -1, 1, 0, 0, packed.data + HEADER_SIZE);
    if (n->class == NUMERIC_NEGATIVE)
        mpz_neg(n->m, n->m);
    n->class = NUMERIC_POSITIVE;
}

void num_clear(struct num *n)
{
    mpz_clear(n->m);
}

status num_overflow(void)
{
    return status_new(ST_NUMERIC_OUT_OF_RANGE, "value overflows numeric format");
}

status num_pack(struct arena *a, const struct num *n, slice *out)
{
    size_t size = (mpz_sizeinbase(n->m, 2) + 7) / 8;
    void  *p;
    char  *end;

    if (!num_is_finite(n)) {
        *out = numeric_special(a, n->class);
        return STATUS_OK;
    }
    if (n->scale > NUMERIC_SCALE_MAX ||
        num_digits(n) > (size_t)(NUMERIC_INTEGER_DIGITS_MAX + n->scale))
        return num_overflow();
    TRY_RETURN(arena_try_alloc(a, HEADER_SIZE + size, &p));
    end =
        pack_header(p, mpz_sgn(n->m) < 0 ? NUMERIC_NEGATIVE : NUMERIC_POSITIVE, (unsigned)n->scale);
    size = 0;
    mpz_export(end, &size, -1, 1, 0, 0, n->m);
    *out = slice_make(p, HEADER_SIZE + size);
    return STATUS_OK;
}

/* mpz_sizeinbase may be one too many. */
size_t num_digits(const struct num *n)
{
    size_t digits = mpz_sizeinbase(n->m, 10);
    mpz_t  bound;

    if (mpz_sgn(n->m) == 0)
        return 0;
    mpz_init(bound);
    num_pow10(bound, digits - 1);
    if (mpz_cmpabs(n->m, bound) < 0)
        digits--;
    mpz_clear(bound);
    return digits;
}

/* ---- text ---------------------------------------------------------------------------------------
 */

static bool special_word(slice text, slice *packed, struct arena *a)
{
    static const struct {
        const char *word;
        enum numeric_class class;
    } words[] = {
        {"NaN", NUMERIC_NAN},           {"Infinity", NUMERIC_INFINITY},
        {"inf", NUMERIC_INFINITY},      {"+Infinity", NUMERIC_INFINITY},
        {"+inf", NUMERIC_INFINITY},     {"-Infinity", NUMERIC_NEG_INFINITY},
        {"-inf", NUMERIC_NEG_INFINITY},
    };

    for (size_t i = 0; i < ARRAY_LEN(words); i++) {
        if (text.size == strlen(words[i].word) &&
            strncasecmp(text.data, words[i].word, text.size) == 0) {
            *packed = numeric_special(a, words[i].class);
            return true;
        }
    }
    return false;
}

/* A number taken apart: `digits` holds all of them, without the point. */
struct decimal_text {
    bool   negative;
    char  *digits;
    size_t count;
    long   fraction; /* digits behind the point, the exponent counted in */
};

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* False when the text is no number. */
static bool split_text(struct arena *a, slice s, struct decimal_text *out)
{
    bool    point = false, overflow;
    int64_t exponent = 0;

    out->digits = arena_alloc(a, s.size + 1);
    out->count = 0;
    out->fraction = 0;
    out->negative = s.size > 0 && s.data[0] == '-';
    if (s.size > 0 && (s.data[0] == '-' || s.data[0] == '+'))
        s = slice_from(s, 1);
    for (; s.size > 0 && (is_digit(s.data[0]) || (s.data[0] == '.' && !point));
         s = slice_from(s, 1)) {
        if (s.data[0] == '.') {
            point = true;
            continue;
        }
        out->digits[out->count++] = s.data[0];
        out->fraction += point;
    }
    if (out->count == 0)
        return false;
    if (s.size > 0 && (s.data[0] == 'e' || s.data[0] == 'E')) {
        s = slice_from(s, 1);
        if (s.size == 0 || type_trim(s).size != s.size ||
            !type_parse_int64(s, &exponent, &overflow) || exponent >= INT32_MAX / 2 ||
            exponent <= -(INT32_MAX / 2))
            return false;
        s.size = 0;
    }
    out->fraction -= (long)exponent;
    out->digits[out->count] = '\0';
    return s.size == 0;
}

static status decimal_value(struct arena *a, const struct decimal_text *d, slice *out)
{
    struct num n SCOPED(num);
    mpz_t        power;

    num_init(&n);
    if (d->fraction > NUMERIC_SCALE_MAX ||
        (d->fraction < 0 && -d->fraction + (long)d->count > NUMERIC_INTEGER_DIGITS_MAX + 1024)) {
        /* 0e1000000 is zero all the same. */
        for (size_t i = 0; i < d->count; i++) {
            if (d->digits[i] != '0' || d->fraction > 0)
                return num_overflow();
        }
        *out = numeric_from_int64(a, 0);
        return STATUS_OK;
    }
    mpz_set_str(n.m, d->digits, 10);
    if (d->negative)
        mpz_neg(n.m, n.m);
    n.scale = (int)MAX(d->fraction, 0);
    if (d->fraction < 0) {
        mpz_init(power);
        num_pow10(power, (unsigned long)-d->fraction);
        mpz_mul(n.m, n.m, power);
        mpz_clear(power);
    }
    return num_pack(a, &n, out);
}

/* Up to 18 digits: no GMP. */
static bool short_decimal(struct arena *a, const struct decimal_text *d, slice *out)
{
    int64_t v = 0;

    if (d->count > 18 || d->fraction < 0 || d->fraction > NUMERIC_SCALE_MAX)
        return false;
    for (size_t i = 0; i < d->count; i++)
        v = v * 10 + (d->digits[i] - '0');
    *out = numeric_from_scaled(a, d->negative ? -v : v, (unsigned)d->fraction);
    return true;
}

static status parse(struct arena *a, const struct type *t, slice text, slice *out)
{
    slice               s = type_trim(text);
    struct decimal_text d;

    if (special_word(s, out, a))
        return STATUS_OK;
    if (!split_text(a, s, &d))
        return type_syntax_error(t, text);
    return short_decimal(a, &d, out) ? STATUS_OK : decimal_value(a, &d, out);
}

status numeric_parse(struct arena *a, slice text, slice *out)
{
    return parse(a, type_by_oid(OID_NUMERIC), text, out);
}

status numeric_input(struct sql_context *c, struct arena *a, const struct type *t, slice text,
                     int32_t typmod, datum *out)
{
    (void)c;
    TRY_RETURN(parse(a, t, text, &out->s));
    return numeric_apply_typmod(a, out->s, typmod, &out->s);
}

/* `digits` with a point before the last `scale` of them. */
static void append_decimal(const char *digits, size_t count, unsigned scale, struct buf *out)
{
    if (count <= scale) {
        buf_append_cstr(out, scale > 0 ? "0." : "0");
        for (size_t i = count; i < scale; i++)
            buf_put_u8(out, '0');
        buf_append(out, digits, count);
        return;
    }
    buf_append(out, digits, count - scale);
    if (scale > 0) {
        buf_put_u8(out, '.');
        buf_append(out, digits + count - scale, scale);
    }
}

static size_t format_uint64(uint64_t v, char digits[20])
{
    size_t at = 20;

    for (; v > 0; v /= 10)
        digits[--at] = (char)('0' + v % 10);
    memmove(digits, digits + at, 20 - at);
    return 20 - at;
}

void numeric_format(slice v, struct buf *out)
{
    static const char *const names[] = {"", "-", "NaN", "Infinity", "-Infinity"};
    enum numeric_class class = numeric_class(v);
    struct num n SCOPED(num);
    char         digits[20], *text;

    num_init(&n);
    buf_append_cstr(out, names[class]);
    if (class > NUMERIC_NEGATIVE)
        return;
    if (v.size <= HEADER_SIZE + SMALL_SIZE) {
        append_decimal(digits, format_uint64(small_coefficient(v), digits), numeric_scale(v), out);
        return;
    }
    mpz_import(n.m, v.size - HEADER_SIZE, -1, 1, 0, 0, v.data + HEADER_SIZE);
    text = heap_must_alloc(out->heap, 1, mpz_sizeinbase(n.m, 10) + 2);
    mpz_get_str(text, 10, n.m);
    append_decimal(text, strlen(text), numeric_scale(v), out);
    heap_free(text);
}

status numeric_output(struct sql_context *c, const struct type *t, datum v, struct buf *out)
{
    (void)c, (void)t;
    numeric_format(v.s, out);
    return STATUS_OK;
}

/* ---- type modifiers: precision << 16 | scale, the scale in 11 bits with sign, plus 4
 * -------------- */

status numeric_typmod_input(const int32_t *args, size_t count, int32_t *out)
{
    int32_t precision = count > 0 ? args[0] : 0, scale = count > 1 ? args[1] : 0;

    if (count < 1 || count > 2)
        return status_new(ST_INVALID_PARAMETER_VALUE, "invalid NUMERIC type modifier");
    if (precision < 1 || precision > NUMERIC_DISPLAY_SCALE_MAX)
        return status_new(ST_INVALID_PARAMETER_VALUE,
                          "NUMERIC precision %d must be between 1 and %d", precision,
                          NUMERIC_DISPLAY_SCALE_MAX);
    if (scale < -NUMERIC_DISPLAY_SCALE_MAX || scale > NUMERIC_DISPLAY_SCALE_MAX)
        return status_new(ST_INVALID_PARAMETER_VALUE, "NUMERIC scale %d must be between %d and %d",
                          scale, -NUMERIC_DISPLAY_SCALE_MAX, NUMERIC_DISPLAY_SCALE_MAX);
    *out = (precision << 16 | (scale & 0x7ff)) + 4;
    return STATUS_OK;
}

static int typmod_scale(int32_t typmod)
{
    return (((typmod - 4) & 0x7ff) ^ 1024) - 1024;
}

static int typmod_precision(int32_t typmod)
{
    return ((typmod - 4) >> 16) & 0xffff;
}

void numeric_typmod_output(int32_t typmod, struct buf *out)
{
    if (typmod >= 4)
        buf_printf(out, "(%d,%d)", typmod_precision(typmod), typmod_scale(typmod));
}

static status field_overflow(int precision, int scale, bool infinite)
{
    status st = status_new(ST_NUMERIC_OUT_OF_RANGE, "numeric field overflow");
    int    digits = precision - scale;

    if (infinite)
        return status_detail(st,
                             "A field with precision %d, scale %d cannot hold an infinite value.",
                             precision, scale);
    return status_detail(
        st, "A field with precision %d, scale %d must round to an absolute value less than %s%d.",
        precision, scale, digits != 0 ? "10^" : "", digits != 0 ? digits : 1);
}

/* Whether a finite number has that scale already, and no more digits: most that are stored. */
static bool fits(slice v, int precision, int scale)
{
    char digits[20];

    return v.size <= HEADER_SIZE + SMALL_SIZE && scale >= 0 &&
           numeric_scale(v) == (unsigned)scale &&
           format_uint64(small_coefficient(v), digits) <= (size_t)precision;
}

status numeric_apply_typmod(struct arena *a, slice v, int32_t typmod, slice *out)
{
    enum numeric_class class = numeric_class(v);
    struct num n SCOPED(num);
    int          precision, scale;

    num_init(&n);
    *out = v;
    if (typmod < 4 || class == NUMERIC_NAN)
        return STATUS_OK;
    precision = typmod_precision(typmod);
    scale = typmod_scale(typmod);
    if (class > NUMERIC_NAN)
        return field_overflow(precision, scale, true);
    if (fits(v, precision, scale))
        return STATUS_OK;
    num_clear(&n);
    num_load(&n, v);
    num_round(&n, scale, NUMERIC_ROUND);
    /* With a negative scale the digits that were rounded away are zeros now, and still there. */
    if (num_digits(&n) > (size_t)(precision + (scale < 0 ? -scale : 0)))
        return field_overflow(precision, scale, false);
    return num_pack(a, &n, out);
}

/* ---- binary: groups of four decimal digits
 * --------------------------------------------------------- */

enum {
    WIRE_NEGATIVE = 0x4000,
    WIRE_NAN = 0xc000,
    WIRE_INFINITY = 0xd000,
    WIRE_NEG_INFINITY = 0xf000,
    /* What stands in the place of an infinity's scale: PostgreSQL reads the flags of its short form
       as one. */
    WIRE_INFINITY_SCALE = 0x20,
};

status numeric_send(struct sql_context *c, const struct type *t, datum v, struct buf *out)
{
    static const uint16_t signs[] = {0, WIRE_NEGATIVE, WIRE_NAN, WIRE_INFINITY, WIRE_NEG_INFINITY};
    enum numeric_class class = numeric_class(v.s);
    struct num n  SCOPED(num);
    unsigned long group, pad;
    size_t        at = out->size, groups = 0, skipped = 0;
    mpz_t         power;
    char         *digits;

    (void)c, (void)t;
    num_load(&n, v.s);
    buf_put_u64be(out, 0);
    put_u16be(out->data + at + 4, signs[class]);
    put_u16be(out->data + at + 6, (uint16_t)numeric_scale(v.s));
    if (class > NUMERIC_NAN)
        put_u16be(out->data + at + 6, WIRE_INFINITY_SCALE);
    if (class > NUMERIC_NEGATIVE || mpz_sgn(n.m) == 0)
        return STATUS_OK;
    /* Complete the last group behind the point, then the first one, and cut into fours. */
    mpz_init(power);
    pad = (unsigned long)(4 - n.scale % 4) % 4;
    num_pow10(power, pad);
    mpz_mul(n.m, n.m, power);
    mpz_clear(power);
    mpz_abs(n.m, n.m);
    digits = heap_must_alloc(out->heap, 1, mpz_sizeinbase(n.m, 10) + 8);
    memset(digits, '0', 4);
    mpz_get_str(digits + 3, 10, n.m);
    group = strlen(digits + 3);
    skipped = 3 - (4 - group % 4) % 4; /* leading zeros that complete the first group */
    group = (strlen(digits) - skipped) / 4;
    put_u16be(out->data + at + 2, (uint16_t)((long)group - (n.scale + (long)pad) / 4 - 1));
    while (group > 0 && memcmp(digits + skipped + 4 * (group - 1), "0000", 4) == 0)
        group--;
    for (; groups < group; groups++) {
        const char *p = digits + skipped + 4 * groups;

        buf_put_u16be(out, (uint16_t)((p[0] - '0') * 1000 + (p[1] - '0') * 100 + (p[2] - '0') * 10 +
                                      (p[3] - '0')));
    }
    put_u16be(out->data + at, (uint16_t)groups);
    heap_free(digits);
    return STATUS_OK;
}

static status wire_class(uint16_t sign, enum numeric_class *out)
{
    switch (sign) {
    case 0:
        *out = NUMERIC_POSITIVE;
        return STATUS_OK;
    case WIRE_NEGATIVE:
        *out = NUMERIC_NEGATIVE;
        return STATUS_OK;
    case WIRE_NAN:
        *out = NUMERIC_NAN;
        return STATUS_OK;
    case WIRE_INFINITY:
        *out = NUMERIC_INFINITY;
        return STATUS_OK;
    case WIRE_NEG_INFINITY:
        *out = NUMERIC_NEG_INFINITY;
        return STATUS_OK;
    default:
        return status_new(ST_INVALID_BINARY, "invalid sign in external \"numeric\" value");
    }
}

static status receive_groups(struct num *n, slice bytes, size_t groups, int weight, int scale)
{
    int have = 4 * ((int)groups - weight - 1); /* digits behind the point that the groups give */

    for (size_t i = 0; i < groups; i++) {
        uint16_t group = get_u16be(bytes.data + 2 * i);

        if (group > 9999)
            return status_new(ST_INVALID_BINARY, "invalid digit in external \"numeric\" value");
        mpz_mul_ui(n->m, n->m, 10000);
        mpz_add_ui(n->m, n->m, group);
    }
    n->scale = MAX(have, 0);
    if (have < 0) {
        mpz_t power;

        mpz_init(power);
        num_pow10(power, (unsigned long)-have);
        mpz_mul(n->m, n->m, power);
        mpz_clear(power);
    }
    num_round(n, scale, NUMERIC_TRUNC);
    return STATUS_OK;
}

status numeric_receive(struct sql_context *c, struct arena *a, const struct type *t, slice bytes,
                       int32_t typmod, datum *out)
{
    struct num n SCOPED(num);
    enum numeric_class class;
    size_t   groups;
    uint16_t scale;

    (void)c, (void)t;
    num_init(&n);
    if (bytes.size < 8)
        return status_new(ST_PROTOCOL_VIOLATION, "insufficient data left in message");
    groups = get_u16be(bytes.data);
    scale = get_u16be(bytes.data + 6);
    TRY_RETURN(wire_class(get_u16be(bytes.data + 4), &class));
    if (scale > NUMERIC_SCALE_MAX)
        return status_new(ST_INVALID_BINARY, "invalid scale in external \"numeric\" value");
    TRY_RETURN(type_receive_size(bytes, 8 + 2 * groups));
    if (class > NUMERIC_NEGATIVE) {
        out->s = numeric_special(a, class);
        return numeric_apply_typmod(a, out->s, typmod, &out->s);
    }
    TRY_RETURN(receive_groups(&n, slice_from(bytes, 8), groups,
                              groups > 0 ? (int16_t)get_u16be(bytes.data + 2) : 0, scale));
    if (class == NUMERIC_NEGATIVE)
        mpz_neg(n.m, n.m);
    TRY_RETURN(num_pack(a, &n, &out->s));
    return numeric_apply_typmod(a, out->s, typmod, &out->s);
}

/* ---- other numbers
 * ------------------------------------------------------------------------------------ */

status numeric_from_double(struct arena *a, double v, int digits, slice *out)
{
    char text[40];

    if (isnan(v) || isinf(v)) {
        *out = numeric_special(a, isnan(v) ? NUMERIC_NAN
                                  : v > 0  ? NUMERIC_INFINITY
                                           : NUMERIC_NEG_INFINITY);
        return STATUS_OK;
    }
    snprintf(text, sizeof text, "%.*g", digits, v);
    return numeric_parse(a, slice_cstr(text), out);
}

status numeric_to_double(slice v, double *out)
{
    struct buf text SCOPED(buf);

    buf_init(&text, NULL);
    switch (numeric_class(v)) {
    case NUMERIC_NAN:
        *out = NAN;
        return STATUS_OK;
    case NUMERIC_INFINITY:
        *out = INFINITY;
        return STATUS_OK;
    case NUMERIC_NEG_INFINITY:
        *out = -INFINITY;
        return STATUS_OK;
    default:
        numeric_format(v, &text);
        *out = strtod(buf_cstr(&text), NULL);
        if (isinf(*out) || (*out == 0 && !numeric_is_zero(v)))
            return status_new(ST_NUMERIC_OUT_OF_RANGE,
                              "\"%.*s\" is out of range for type double precision",
                              (int)MIN(text.size, 400), buf_cstr(&text));
        return STATUS_OK;
    }
}

status numeric_to_int64(slice v, const char *type_name, int64_t *out)
{
    struct num n SCOPED(num);
    enum numeric_class class = numeric_class(v);

    num_load(&n, v);
    if (class == NUMERIC_NAN)
        return status_new(ST_FEATURE_NOT_SUPPORTED, "cannot convert NaN to %s", type_name);
    if (class > NUMERIC_NAN)
        return status_new(ST_FEATURE_NOT_SUPPORTED, "cannot convert infinity to %s", type_name);
    num_round(&n, 0, NUMERIC_ROUND);
    if (!mpz_fits_slong_p(n.m))
        return status_new(ST_NUMERIC_OUT_OF_RANGE, "%s out of range", type_name);
    *out = mpz_get_si(n.m);
    return STATUS_OK;
}

/* ---- order, hash, keys
 * ---------------------------------------------------------------------------------- */

/* -infinity, finite, infinity, NaN: NaN is above all else, as btree indexes need it somewhere. */
static int class_rank(enum numeric_class class)
{
    static const int ranks[] = {1, 1, 3, 2, 0};

    return ranks[class];
}

static int compare_big(slice x, slice y)
{
    struct num nx SCOPED(num), ny SCOPED(num);

    num_load(&nx, x);
    num_load(&ny, y);
    num_rescale_up(&nx, MAX(nx.scale, ny.scale));
    num_rescale_up(&ny, MAX(nx.scale, ny.scale));
    return mpz_cmp(nx.m, ny.m);
}

static int128_t scale_up(int128_t v, unsigned by)
{
    while (by-- > 0)
        v *= 10;
    return v;
}

int numeric_compare(datum a, datum b)
{
    enum numeric_class ca = numeric_class(a.s), cb = numeric_class(b.s);
    int128_t           x, y;
    unsigned           sx, sy;

    if (class_rank(ca) != class_rank(cb))
        return class_rank(ca) < class_rank(cb) ? -1 : 1;
    if (ca > NUMERIC_NEGATIVE)
        return 0;
    if (ca != cb)
        return ca == NUMERIC_NEGATIVE ? -1 : 1;
    /* 64 bits and 18 more digits fit 128 bits. */
    if (numeric_is_small(a.s, &x, &sx) && numeric_is_small(b.s, &y, &sy) && sx <= sy + 18 &&
        sy <= sx + 18) {
        x = scale_up(x, sx < sy ? sy - sx : 0);
        y = scale_up(y, sy < sx ? sx - sy : 0);
        return (x > y) - (x < y);
    }
    return compare_big(a.s, b.s);
}

/* The digits of a finite number without zeros at the end; the value is digits * 10^-scale. */
static void significant_digits(slice v, struct buf *digits, long *scale)
{
    struct buf text SCOPED(buf);

    buf_init(&text, NULL);
    numeric_format(v, &text);
    *scale = 0;
    for (size_t i = 0, behind = 0; i < text.size; i++) {
        if (text.data[i] == '.')
            behind = 1;
        else if (text.data[i] != '-') {
            *scale += (long)behind;
            if (digits->size > 0 || text.data[i] != '0')
                buf_put_u8(digits, (uint8_t)(text.data[i] - '0'));
        }
    }
    while (digits->size > 0 && digits->data[digits->size - 1] == 0) {
        digits->size--;
        --*scale;
    }
}

uint64_t numeric_hash(datum v)
{
    struct buf digits SCOPED(buf);
    enum numeric_class class = numeric_class(v.s);
    long scale;

    buf_init(&digits, NULL);
    if (class > NUMERIC_NEGATIVE || numeric_is_zero(v.s))
        return integer_hash((datum){.i = (int64_t) class});
    significant_digits(v.s, &digits, &scale);
    return text_hash((datum){.s = buf_slice(&digits)}) +
           integer_hash((datum){.i = scale * 2 + class});
}

void numeric_key_encode(datum v, struct buf *out, bool *exact)
{
    static const enum keyenc_decimal_class classes[] = {
        DECIMAL_POSITIVE, DECIMAL_NEGATIVE, DECIMAL_NAN, DECIMAL_INFINITY, DECIMAL_NEG_INFINITY};
    struct buf digits SCOPED(buf);
    enum numeric_class class = numeric_class(v.s);
    struct keyenc_decimal d = {.class = classes[class]};
    long                  scale = 0;

    buf_init(&digits, NULL);
    if (numeric_is_zero(v.s)) {
        d.class = DECIMAL_ZERO;
    } else if (class <= NUMERIC_NEGATIVE) {
        significant_digits(v.s, &digits, &scale);
        d.digits = buf_slice(&digits);
        d.exponent = (int64_t)digits.size - scale;
    }
    /* The key has the value but not the scale; it comes back with the least one. */
    if (class <= NUMERIC_NEGATIVE && MAX(scale, 0) != (long)numeric_scale(v.s))
        *exact = false;
    keyenc_put_decimal(out, &d, KEY_ASC);
}

status numeric_key_decode(struct arena *a, slice *key, datum *out)
{
    static const enum numeric_class classes[] = {
        [DECIMAL_NEG_INFINITY] = NUMERIC_NEG_INFINITY,
        [DECIMAL_NEGATIVE] = NUMERIC_NEGATIVE,
        [DECIMAL_ZERO] = NUMERIC_POSITIVE,
        [DECIMAL_POSITIVE] = NUMERIC_POSITIVE,
        [DECIMAL_INFINITY] = NUMERIC_INFINITY,
        [DECIMAL_NAN] = NUMERIC_NAN,
    };
    struct buf digits     SCOPED(buf);
    struct keyenc_decimal d;
    struct decimal_text   text;

    buf_init(&digits, NULL);
    if (!keyenc_take_decimal(key, &d, &digits))
        return key_corrupt("numeric");
    if (d.class != DECIMAL_NEGATIVE && d.class != DECIMAL_POSITIVE) {
        out->s = numeric_special(a, classes[d.class]);
        return STATUS_OK;
    }
    if (d.exponent > NUMERIC_INTEGER_DIGITS_MAX || d.exponent < -NUMERIC_SCALE_MAX)
        return key_corrupt("numeric");
    text = (struct decimal_text){.negative = d.class == DECIMAL_NEGATIVE,
                                 .digits = arena_alloc(a, d.digits.size + 1),
                                 .count = d.digits.size,
                                 .fraction = (long)((int64_t)d.digits.size - d.exponent)};
    for (size_t i = 0; i < d.digits.size; i++)
        text.digits[i] = (char)('0' + d.digits.data[i]);
    text.digits[text.count] = '\0';
    return decimal_value(a, &text, &out->s);
}
