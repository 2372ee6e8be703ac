/* to_char() of numbers, and to_number() (PostgreSQL 15, section 9.8). A template is measured first:
 * places before and behind the point, where the sign goes. Then it is walked once, and each of its
 * digits prints or reads one place. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/utf8.h"
#include "sql/func/implement.h"
#include "sql/func/template.h"
#include "sql/types/numeric.h"
#include "sql/types/type.h"

enum number_pattern {
    N_COMMA,
    N_POINT,
    N_0,
    N_9,
    N_B,
    N_C,
    N_D,
    N_E,
    N_FM,
    N_G,
    N_L,
    N_MI,
    N_PL,
    N_PR,
    N_RN,
    N_RN_LOWER,
    N_SG,
    N_SP,
    N_S,
    N_TH,
    N_TH_LOWER,
    N_V
};

static const struct template_pattern number_patterns[] = {
    {",", N_COMMA, false, 0},     {".", N_POINT, false, 0},     {"0", N_0, false, 0},
    {"9", N_9, false, 0},         {"B", N_B, false, 0},         {"C", N_C, false, 0},
    {"D", N_D, false, 0},         {"EEEE", N_E, false, 0},      {"FM", N_FM, false, 0},
    {"G", N_G, false, 0},         {"L", N_L, false, 0},         {"MI", N_MI, false, 0},
    {"PL", N_PL, false, 0},       {"PR", N_PR, false, 0},       {"RN", N_RN, false, 0},
    {"SG", N_SG, false, 0},       {"SP", N_SP, false, 0},       {"S", N_S, false, 0},
    {"TH", N_TH, false, 0},       {"V", N_V, false, 0},         {"b", N_B, false, 0},
    {"c", N_C, false, 0},         {"d", N_D, false, 0},         {"eeee", N_E, false, 0},
    {"fm", N_FM, false, 0},       {"g", N_G, false, 0},         {"l", N_L, false, 0},
    {"mi", N_MI, false, 0},       {"pl", N_PL, false, 0},       {"pr", N_PR, false, 0},
    {"rn", N_RN_LOWER, false, 0}, {"sg", N_SG, false, 0},       {"sp", N_SP, false, 0},
    {"s", N_S, false, 0},         {"th", N_TH_LOWER, false, 0}, {"v", N_V, false, 0},
    {NULL, 0, false, 0},
};

enum sign_place { SIGN_UNSET, SIGN_BEFORE, SIGN_AFTER };

struct places {
    int             before, after;         /* digits */
    int             multiply;              /* V: digits behind it */
    int             zero_first, zero_last; /* 0: places from 1; 0 when there are none */
    int             before_sign;           /* digits before S */
    bool            point, zero, blank, fill, multi, sign, bracket, minus, plus, roman, exponent;
    enum sign_place sign_place;
};

static status template_error(const char *text)
{
    return status_new(ST_SYNTAX_ERROR, "%s", text);
}

static status note_digit(struct places *p, bool is_zero)
{
    if (p->bracket)
        return template_error(is_zero ? "\"0\" must be ahead of \"PR\""
                                      : "\"9\" must be ahead of \"PR\"");
    if (!is_zero && p->multi) {
        p->multiply++;
        return STATUS_OK;
    }
    if (is_zero && !p->zero && !p->point) {
        p->zero = true;
        p->zero_first = p->before + 1;
    }
    if (p->point)
        p->after++;
    else
        p->before++;
    if (is_zero)
        p->zero_last = p->before + p->after;
    return STATUS_OK;
}

static status note_point(struct places *p)
{
    if (p->point)
        return template_error("multiple decimal points");
    if (p->multi)
        return template_error("cannot use \"V\" and decimal point together");
    p->point = true;
    return STATUS_OK;
}

static status note_s(struct places *p)
{
    if (p->sign)
        return template_error("cannot use \"S\" twice");
    if (p->plus || p->minus || p->bracket)
        return template_error("cannot use \"S\" and \"PL\"/\"MI\"/\"SG\"/\"PR\" together");
    p->sign = true;
    p->sign_place = p->point ? SIGN_AFTER : SIGN_BEFORE;
    p->before_sign = p->point ? 0 : p->before;
    return STATUS_OK;
}

static status note_exponent(struct places *p)
{
    if (p->exponent)
        return template_error("cannot use \"EEEE\" twice");
    if (p->blank || p->fill || p->sign || p->bracket || p->minus || p->plus || p->roman || p->multi)
        return status_detail(template_error("\"EEEE\" is incompatible with other formats"),
                             "\"EEEE\" may only be used together with digit and decimal point "
                             "patterns.");
    p->exponent = true;
    return STATUS_OK;
}

static status note_fixed_sign(struct places *p, const char *error, bool plus, bool minus)
{
    if (p->sign)
        return template_error(error);
    p->plus = p->plus || plus;
    p->minus = p->minus || minus;
    return STATUS_OK;
}

static status note(struct places *p, enum number_pattern pattern)
{
    if (p->exponent && pattern != N_E)
        return template_error("\"EEEE\" must be the last pattern used");
    switch (pattern) {
    case N_9:
    case N_0:
        return note_digit(p, pattern == N_0);
    case N_B:
        p->blank = p->blank || (p->before == 0 && p->after == 0 && !p->zero);
        return STATUS_OK;
    case N_D:
    case N_POINT:
        return note_point(p);
    case N_FM:
        p->fill = true;
        return STATUS_OK;
    case N_S:
        return note_s(p);
    case N_MI:
        return note_fixed_sign(p, "cannot use \"S\" and \"MI\" together", false, true);
    case N_PL:
        return note_fixed_sign(p, "cannot use \"S\" and \"PL\" together", true, false);
    case N_SG:
        return note_fixed_sign(p, "cannot use \"S\" and \"SG\" together", true, true);
    case N_PR:
        if (p->sign || p->plus || p->minus)
            return template_error("cannot use \"PR\" and \"S\"/\"PL\"/\"MI\"/\"SG\" together");
        p->bracket = true;
        return STATUS_OK;
    case N_RN:
    case N_RN_LOWER:
        p->roman = true;
        return STATUS_OK;
    case N_V:
        if (p->point)
            return template_error("cannot use \"V\" and decimal point together");
        p->multi = true;
        return STATUS_OK;
    case N_E:
        return note_exponent(p);
    default:
        return STATUS_OK;
    }
}

static status measure(const struct template *t, struct places *p)
{
    *p = (struct places){0};
    for (size_t i = 0; i < t->count; i++) {
        if (t->nodes[i].kind == TEMPLATE_PATTERN)
            TRY_RETURN(note(p, t->nodes[i].pattern->id));
    }
    return STATUS_OK;
}

/* ---- to_char() --------------------------------------------------------------------------------
 */

struct printing {
    struct places p;
    struct buf   *out;
    const char   *digits, *at; /* "123.45", rounded to the places; without its sign */
    char          sign;
    const char   *last_relevant; /* FM with a point: the last digit that must be shown */
    int           spaces;        /* places in front that the number does not fill */
    int           place, digit_places;
    bool          in_number, sign_written;
    size_t        size_max; /* what a float has no digits for ends the text, as in PostgreSQL */
    status        st;
};

/* The last digit behind the point that is not 0, or the point. NULL: there is no point. */
static const char *last_relevant_digit(const char *digits)
{
    const char *point = strchr(digits, '.'), *last = point;

    for (const char *c = point; c != NULL && *c != '\0'; c++) {
        if (*c != '0')
            last = c;
    }
    return last;
}

static void plan_fill(struct printing *w)
{
    if (!w->p.fill || !w->p.point)
        return;
    w->last_relevant = last_relevant_digit(w->digits);
    if (w->last_relevant != NULL && w->p.zero_last > w->spaces) { /* 0 shows its place */
        int last = MIN((int)strlen(w->digits) - 1, w->p.zero_last - w->spaces);

        w->last_relevant = MAX(w->last_relevant, w->digits + last);
    }
}

static void plan_sign(struct printing *w)
{
    struct places *p = &w->p;

    if (p->plus || p->minus) {
        w->sign_written = !p->plus || p->minus; /* MI and SG write it themselves */
        return;
    }
    if (w->sign != '-' && p->fill)
        p->bracket = false;
    w->sign_written = w->sign == '+' && p->fill && !p->sign;
    if (p->sign_place == SIGN_BEFORE && p->before == p->before_sign)
        p->sign_place = SIGN_AFTER;
}

/* ".1" under 9.9: a 0 before the point has no place of its own. */
static bool is_zero_before_point(const struct printing *w)
{
    return !w->p.zero && w->at == w->digits && *w->at == '0' && w->p.after != 0;
}

static void put(struct printing *w, char c)
{
    buf_put_u8(w->out, (uint8_t)c);
}

static void put_sign_before(struct printing *w)
{
    struct places *p = &w->p;
    bool           only_point = w->last_relevant != NULL && *w->last_relevant == '.';

    if (w->sign_written || !(w->place >= w->spaces || (p->zero && p->zero_first == w->place)) ||
        (is_zero_before_point(w) && !only_point))
        return;
    if (p->sign) {
        if (p->sign_place != SIGN_BEFORE)
            return;
        put(w, w->sign);
    } else if (p->bracket) {
        put(w, w->sign == '+' ? ' ' : '<');
    } else if (w->sign == '-' || !p->fill) {
        put(w, w->sign == '-' ? '-' : ' ');
    }
    w->sign_written = true;
}

static void put_place(struct printing *w, bool is_zero)
{
    struct places *p = &w->p;
    bool           only_point = w->last_relevant != NULL && *w->last_relevant == '.';

    if (w->place < w->spaces && (!p->zero || p->zero_first > w->place)) {
        if (!p->fill)
            put(w, ' ');
        return;
    }
    if (w->place < w->spaces) {
        put(w, '0');
        w->in_number = true;
        return;
    }
    if (*w->at == '.') {
        if (!only_point || p->fill)
            put(w, '.');
    } else if (w->last_relevant != NULL && w->at > w->last_relevant && !is_zero) {
        ; /* zeros at the end that FM leaves out */
    } else if (is_zero_before_point(w)) {
        if (!p->fill)
            put(w, ' ');
        else if (only_point)
            put(w, '0');
    } else {
        if (*w->at != '\0')
            put(w, *w->at);
        else
            w->size_max = MIN(w->size_max, w->out->size);
        w->in_number = true;
    }
    w->at += *w->at != '\0';
}

static void put_sign_after(struct printing *w)
{
    struct places *p = &w->p;
    int            end = w->digit_places + (w->spaces != 0) + p->point;

    if (w->last_relevant != NULL && w->last_relevant == w->at)
        end = w->place;
    if (w->place + 1 != end)
        return;
    if (w->sign_written && p->bracket)
        put(w, w->sign == '+' ? ' ' : '>');
    else if (p->sign && p->sign_place == SIGN_AFTER)
        put(w, w->sign);
}

static void put_digit(struct printing *w, bool is_zero)
{
    if (w->p.roman)
        return;
    w->in_number = false;
    put_sign_before(w);
    put_place(w, is_zero);
    put_sign_after(w);
    w->place++;
}

static void put_roman(struct printing *w, bool lower)
{
    size_t n = strlen(w->at);

    for (size_t i = n; !w->p.fill && i < 15; i++)
        put(w, ' ');
    for (size_t i = 0; i < n; i++)
        put(w, (char)(lower && w->at[i] != '#' ? w->at[i] | 0x20 : w->at[i]));
}

/* A comma or a sign that is not there leaves its place, unless FM. */
static void put_or_space(struct printing *w, bool there, char c)
{
    if (there)
        put(w, c);
    else if (!w->p.fill)
        put(w, ' ');
}

static void put_ordinal(struct printing *w, bool upper)
{
    size_t n = strlen(w->digits);

    if (w->p.roman || w->digits[0] == '#' || w->sign == '-' || w->p.point || !st_ok(w->st))
        return;
    if (n == 0 || w->digits[n - 1] < '0' || w->digits[n - 1] > '9')
        w->st = status_new(ST_INVALID_TEXT, "\"%s\" is not a number", w->digits);
    else
        buf_append_cstr(w->out, ordinal_suffix(slice_cstr(w->digits), upper));
}

static void put_number_pattern(struct printing *w, enum number_pattern pattern)
{
    switch (pattern) {
    case N_9:
    case N_0:
    case N_POINT:
    case N_D:
        put_digit(w, pattern == N_0);
        return;
    case N_COMMA:
    case N_G:
        put_or_space(w, w->in_number, ',');
        return;
    case N_L: /* the C locale has no currency's sign */
        put(w, ' ');
        return;
    case N_RN:
    case N_RN_LOWER:
        put_roman(w, pattern == N_RN_LOWER);
        return;
    case N_TH:
    case N_TH_LOWER:
        put_ordinal(w, pattern == N_TH);
        return;
    case N_MI:
        put_or_space(w, w->sign == '-', '-');
        return;
    case N_PL:
        put_or_space(w, w->sign == '+', '+');
        return;
    case N_SG:
        put(w, w->sign);
        return;
    default:
        return;
    }
}

static void print_roman(int64_t n, char *text)
{
    static const struct {
        int         value;
        const char *letters;
    } numerals[] = {{1000, "M"}, {900, "CM"}, {500, "D"}, {400, "CD"}, {100, "C"},
                    {90, "XC"},  {50, "L"},   {40, "XL"}, {10, "X"},   {9, "IX"},
                    {5, "V"},    {4, "IV"},   {1, "I"}};

    if (n < 1 || n > 3999) {
        strcpy(text, "###############");
        return;
    }
    for (size_t i = 0; i < ARRAY_LEN(numerals); i++) {
        for (; n >= numerals[i].value; n -= numerals[i].value)
            text = stpcpy(text, numerals[i].letters);
    }
}

static void print_along(const struct template *t, struct printing *w)
{
    if (w->p.roman)
        w->p = (struct places){.roman = true, .fill = w->p.fill};
    w->p.zero_first -= w->p.zero_first > 0;
    w->size_max = SIZE_MAX;
    w->st = STATUS_OK;
    w->at = w->digits;
    w->digit_places = w->p.before + w->p.after - 1;
    plan_sign(w);
    plan_fill(w);
    if (!w->sign_written && w->spaces == 0)
        w->digit_places++;
    for (size_t i = 0; i < t->count; i++) {
        if (t->nodes[i].kind == TEMPLATE_PATTERN)
            put_number_pattern(w, t->nodes[i].pattern->id);
        else
            buf_append_slice(w->out, t->nodes[i].text);
    }
    w->out->size = MIN(w->out->size, w->size_max);
}

/* "##.##": a number that the template has too few places for. */
static const char *overflowed(struct arena *a, const struct places *p, size_t size, bool indented)
{
    char *text = arena_alloc(a, size + 1);

    memset(text, '#', size);
    text[size] = '\0';
    if (indented)
        text[0] = ' ';
    if ((size_t)(p->before + indented) < size)
        text[p->before + indented] = '.';
    return text;
}

static status give(struct fn_call *call, const struct template *t, struct printing *w, datum *out)
{
    struct buf b;
    status     st;

    buf_init(&b, arena_heap(call->arena));
    /* cppcheck-suppress autoVariables ; nobody looks at it after this call */
    w->out = &b;
    if (w->p.exponent)
        buf_append_cstr(&b, w->digits);
    else
        print_along(t, w);
    st = w->st;
    if (st_ok(st))
        st = fn_return_text(call, buf_slice(&b), out);
    buf_deinit(&b);
    return st;
}

/* `text` is the rounded number with its sign. */
static status give_digits(struct fn_call *call, const struct template *t, struct places p,
                          const char *text, datum *out)
{
    struct printing w = {.p = p, .sign = *text == '-' ? '-' : '+', .digits = text + (*text == '-')};
    const char     *point = strchr(w.digits, '.');
    int             whole = (int)(point != NULL ? (size_t)(point - w.digits) : strlen(w.digits));

    if (whole < p.before)
        w.spaces = p.before - whole;
    else if (whole > p.before)
        w.digits = overflowed(call->arena, &p, (size_t)(p.before + p.after + 1), false);
    return give(call, t, &w, out);
}

static status give_roman(struct fn_call *call, const struct template *t, struct places p, int64_t v,
                         datum *out)
{
    char            text[32];
    struct printing w = {.p = p, .digits = text, .sign = '+'};

    print_roman(v, text);
    return give(call, t, &w, out);
}

static status give_exponent(struct fn_call *call, const struct template *t, struct places p,
                            const char *text, datum *out)
{
    struct printing w = {.p = p, .digits = text};

    return give(call, t, &w, out);
}

static status give_exponent_hashes(struct fn_call *call, const struct template *t, struct places p,
                                   datum *out)
{
    return give_exponent(call, t, p,
                         overflowed(call->arena, &p, (size_t)(p.before + p.after + 6), true), out);
}

/* d.ddde+dd with exactly `after` digits, halves away from zero; a space in the sign's place. */
static const char *numeric_exponent_text(struct arena *a, slice v, int after)
{
    struct buf b;
    char      *digits, *text;
    size_t     n = 0, from = 0;
    int        exponent = 0, point = -1;

    buf_init(&b, arena_heap(a));
    numeric_format(v, &b);
    digits = arena_alloc(a, b.size + (size_t)after + 2);
    for (size_t i = 0; i < b.size; i++) {
        char c = buf_slice(&b).data[i];

        if (c == '.')
            point = (int)n;
        else if (c != '-')
            digits[n++] = c;
    }
    point = point < 0 ? (int)n : point;
    while (from + 1 < n && digits[from] == '0')
        from++;
    exponent = digits[from] == '0' ? 0 : point - (int)from - 1;
    while (n < from + (size_t)after + 2)
        digits[n++] = '0';
    text = arena_alloc(a, (size_t)after + 24);
    if (digits[from + (size_t)after + 1] >= '5') {
        size_t i = from + (size_t)after;

        while (digits[i] == '9' && i > from)
            digits[i--] = '0';
        if (digits[i] == '9') { /* 9.99 becomes 10.0, and stays with its exponent, as there */
            digits[i] = '0';
            sprintf(text, "%c1%.1s%s%.*se%c%02d", numeric_class(v) == NUMERIC_NEGATIVE ? '-' : ' ',
                    digits + from, after > 0 ? "." : "", after, digits + from + 1,
                    exponent < 0 ? '-' : '+', abs(exponent));
            buf_deinit(&b);
            return text;
        }
        digits[i]++;
    }
    sprintf(text, "%c%.1s%s%.*se%c%02d", numeric_class(v) == NUMERIC_NEGATIVE ? '-' : ' ',
            digits + from, after > 0 ? "." : "", after, digits + from + 1, exponent < 0 ? '-' : '+',
            abs(exponent));
    buf_deinit(&b);
    return text;
}

static bool is_special(slice v)
{
    enum numeric_class c = numeric_class(v);

    return c == NUMERIC_NAN || c == NUMERIC_INFINITY || c == NUMERIC_NEG_INFINITY;
}

/* 10 to the power of `exponent`, which may be negative. */
static status power_of_ten(struct arena *a, int exponent, slice *out)
{
    return numeric_power(a, numeric_from_int64(a, 10), numeric_from_int64(a, exponent), out);
}

static status numeric_digits(struct fn_call *call, const struct template *t, struct places p,
                             slice v, datum *out)
{
    struct buf b;
    slice      power;
    status     st;

    if (p.multi) {
        TRY_RETURN(power_of_ten(call->arena, p.multiply, &power));
        TRY_RETURN(numeric_mul(call->arena, v, power, &v));
        p.before += p.multiply;
    }
    TRY_RETURN(numeric_round_to(call->arena, v, p.after, NUMERIC_ROUND, &v));
    buf_init(&b, arena_heap(call->arena));
    numeric_format(v, &b);
    st = give_digits(call, t, p, buf_cstr(&b), out);
    buf_deinit(&b);
    return st;
}

static status numeric_to_int4(struct fn_call *call, slice v, int64_t *out)
{
    (void)call;
    if (numeric_class(v) == NUMERIC_NAN)
        return status_new(ST_FEATURE_NOT_SUPPORTED, "cannot convert NaN to integer");
    if (is_special(v))
        return status_new(ST_FEATURE_NOT_SUPPORTED, "cannot convert infinity to integer");
    TRY_RETURN(numeric_to_int64(v, "integer", out));
    return *out >= INT32_MIN && *out <= INT32_MAX
               ? STATUS_OK
               : status_new(ST_NUMERIC_OUT_OF_RANGE, "integer out of range");
}

/* The template of this call, measured; *empty when it has nothing. */
static status prepare(struct fn_call *call, slice format, const struct template **t,
                      struct places *p)
{
    *t = template_of_call(call, format, number_patterns, false);
    return measure(*t, p);
}

FN(numeric_to_char)
{
    const struct template *t;
    struct places          p;
    int64_t                v;

    TRY_RETURN(prepare(call, args[1].s, &t, &p));
    if (p.roman) {
        TRY_RETURN(numeric_to_int4(call, args[0].s, &v));
        return give_roman(call, t, p, v, out);
    }
    if (p.exponent && is_special(args[0].s))
        return give_exponent_hashes(call, t, p, out);
    if (p.exponent)
        return give_exponent(call, t, p, numeric_exponent_text(call->arena, args[0].s, p.after),
                             out);
    return numeric_digits(call, t, p, args[0].s, out);
}

static status int_digits(struct fn_call *call, const struct template *t, struct places p, int64_t v,
                         datum *out)
{
    char *text = arena_alloc(call->arena, (size_t)p.after + 32);

    sprintf(text, "%lld%s%0*d", (long long)v, p.after > 0 ? "." : "", p.after, 0);
    if (p.after == 0)
        text[strlen(text) - 1] = '\0';
    return give_digits(call, t, p, text, out);
}

/* V multiplies, and overflows as the type does. */
static status int_multiply(struct places *p, int64_t max, const char *type, int64_t *v)
{
    double factor = pow(10, p->multiply);

    if (!p->multi)
        return STATUS_OK;
    p->before += p->multiply;
    if (factor > (double)max || __builtin_mul_overflow(*v, (int64_t)factor, v) || *v > max ||
        *v < -max - 1)
        return status_new(ST_NUMERIC_OUT_OF_RANGE, "%s out of range", type);
    return STATUS_OK;
}

FN(int4_to_char)
{
    const struct template *t;
    struct places          p;
    int64_t                v = args[0].i;
    char                  *text;

    TRY_RETURN(prepare(call, args[1].s, &t, &p));
    if (p.roman)
        return give_roman(call, t, p, v, out);
    if (p.exponent) {
        text = arena_alloc(call->arena, (size_t)p.after + 64);
        sprintf(text, "% .*e", p.after, (double)v);
        return give_exponent(call, t, p, text, out);
    }
    TRY_RETURN(int_multiply(&p, INT32_MAX, "integer", &v));
    return int_digits(call, t, p, v, out);
}

FN(int8_to_char)
{
    const struct template *t;
    struct places          p;
    int64_t                v = args[0].i;

    TRY_RETURN(prepare(call, args[1].s, &t, &p));
    if (p.roman && (v > INT32_MAX || v < INT32_MIN))
        return status_new(ST_NUMERIC_OUT_OF_RANGE, "integer out of range");
    if (p.roman)
        return give_roman(call, t, p, v, out);
    if (p.exponent)
        return give_exponent(
            call, t, p,
            numeric_exponent_text(call->arena, numeric_from_int64(call->arena, v), p.after), out);
    TRY_RETURN(int_multiply(&p, INT64_MAX, "bigint", &v));
    return int_digits(call, t, p, v, out);
}

/* No more digits behind the point than the type has altogether. */
static status float_to_char(struct fn_call *call, double v, int type_digits, slice format,
                            datum *out)
{
    const struct template *t;
    struct places          p;
    char                  *text;
    int                    whole;

    TRY_RETURN(prepare(call, format, &t, &p));
    if (p.roman)
        return give_roman(call, t, p, isnan(v) || fabs(v) > 1e9 ? 0 : (int64_t)rint(v), out);
    if (p.exponent && (isnan(v) || isinf(v)))
        return give_exponent_hashes(call, t, p, out);
    text = arena_alloc(call->arena, (size_t)p.after + 400);
    if (p.exponent) {
        sprintf(text, "% .*e", p.after, v);
        return give_exponent(call, t, p, text, out);
    }
    if (p.multi) {
        v *= pow(10, p.multiply);
        v = type_digits == 6 ? (double)(float)v : v;
        p.before += p.multiply;
    }
    whole = isnan(v) ? 3 : isinf(v) ? 8 : sprintf(text, "%.0f", fabs(v));
    p.after = whole >= type_digits ? 0 : MIN(p.after, type_digits - whole);
    if (isnan(v) || isinf(v))
        strcpy(text, isnan(v) ? "NaN" : v > 0 ? "Infinity" : "-Infinity");
    else
        sprintf(text, "%.*f", p.after, v);
    return give_digits(call, t, p, text, out);
}

FN(float8_to_char)
{
    return float_to_char(call, args[0].f, 15, args[1].s, out);
}

FN(float4_to_char)
{
    return float_to_char(call, args[0].f, 6, args[1].s, out);
}

/* ---- to_number() ------------------------------------------------------------------------------
 */

struct scan {
    struct places p;
    slice         text;   /* what is left */
    char         *number; /* a place for the sign, then what was read */
    size_t        size;
    int           read_before, read_after;
    bool          read_point;
};

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static void pass(struct scan *s, size_t n)
{
    s->text = slice_from(s->text, MIN(n, s->text.size));
}

static void pass_character(struct scan *s)
{
    pass(s, MAX(utf8_size_of_first((uint8_t)s->text.data[0]), (size_t)1));
}

/* Up to n characters that cannot be part of a number. */
static void pass_other(struct scan *s, int n)
{
    for (; n > 0 && s->text.size > 0 && strchr("0123456789.,+-", s->text.data[0]) == NULL; n--)
        pass_character(s);
}

static void take_sign_before(struct scan *s)
{
    char c = s->text.data[0];

    if (c == '-' || (s->p.bracket && c == '<'))
        s->number[0] = '-';
    else if (c == '+')
        s->number[0] = '+';
    else
        return;
    pass(s, 1);
}

/* S is anchored to the number, wherever its last digit is. `read`: a digit or point was, just now,
 * and it is still the text's first. */
static void take_sign_after(struct scan *s, bool read)
{
    char next = s->text.size > 1 ? s->text.data[1] : '\0', c = s->text.data[0];

    if (s->number[0] != ' ' || s->read_before + s->read_after == 0)
        return;
    if (s->p.sign && read) {
        if (next == '-' || next == '+') {
            s->number[0] = next;
            pass(s, 1);
        }
    } else if (!read && !s->p.sign && (s->p.plus || s->p.minus) && (c == '-' || c == '+')) {
        s->number[0] = c;
    }
}

static void take_digit(struct scan *s, bool is_digit_place)
{
    bool read = false;

    if (s->text.data[0] == ' ')
        pass(s, 1);
    if (s->text.size > 0 && is_digit_place && s->number[0] == ' ' &&
        s->read_before + s->read_after == 0)
        take_sign_before(s);
    if (s->text.size == 0)
        return;
    if (is_digit(s->text.data[0])) {
        if (s->read_point && s->read_after == s->p.after)
            return;
        s->number[s->size++] = s->text.data[0];
        s->read_before += !s->read_point;
        s->read_after += s->read_point;
        read = true;
    } else if (s->p.point && !s->read_point && s->text.data[0] == '.') {
        s->number[s->size++] = '.';
        s->read_point = read = true;
    }
    take_sign_after(s, read);
}

/* Whether the pattern has used up the text's first character. */
static bool scan_pattern(struct scan *s, enum number_pattern pattern)
{
    char c = s->text.data[0];

    switch (pattern) {
    case N_9:
    case N_0:
    case N_POINT:
    case N_D:
        take_digit(s, pattern == N_9 || pattern == N_0);
        return true;
    case N_COMMA:
    case N_G:
        return !s->p.fill && c == ',';
    case N_L:
        pass_other(s, 1);
        return false;
    case N_TH:
    case N_TH_LOWER:
        if (!s->p.point)
            pass_other(s, 2);
        return false;
    case N_MI:
    case N_PL:
    case N_SG:
        if ((c == '-' && pattern != N_PL) || (c == '+' && pattern != N_MI)) {
            s->number[0] = c;
            return true;
        }
        pass_other(s, 1);
        return false;
    default:
        return false;
    }
}

static void scan_along(const struct template *t, struct scan *s)
{
    for (size_t i = 0; i < t->count && s->text.size > 0; i++) {
        if (t->nodes[i].kind != TEMPLATE_PATTERN)
            pass_character(s);
        else if (scan_pattern(s, t->nodes[i].pattern->id))
            pass(s, 1);
    }
    s->size -= s->number[s->size - 1] == '.';
    s->number[s->size] = '\0';
}

FN(numeric_to_number)
{
    const struct type     *type = type_by_oid(OID_NUMERIC);
    const struct template *t;
    struct scan            s = {.text = args[0].s, .size = 1};
    int32_t                typmod_args[2], typmod;
    slice                  power;

    *null = args[1].s.size == 0;
    if (*null)
        return STATUS_OK;
    TRY_RETURN(prepare(call, args[1].s, &t, &s.p));
    if (s.p.exponent || s.p.roman)
        return status_new(ST_FEATURE_NOT_SUPPORTED, "\"%s\" not supported for input",
                          s.p.exponent ? "EEEE" : "RN");
    s.number = arena_alloc(call->arena, args[0].s.size + t->count + 3);
    s.number[0] = ' ';
    scan_along(t, &s);
    typmod_args[0] = s.p.before + s.p.multiply + s.read_after;
    typmod_args[1] = s.read_after;
    typmod = (int32_t)((uint32_t)typmod_args[0] << 16 | (uint32_t)typmod_args[1]) + 4;
    TRY_RETURN(type->input(call->context, call->arena, type, slice_cstr(s.number), typmod, out));
    if (!s.p.multi)
        return STATUS_OK;
    TRY_RETURN(power_of_ten(call->arena, -s.p.multiply, &power));
    return numeric_mul(call->arena, out->s, power, &out->s);
}
