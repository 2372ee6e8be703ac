/* Roots, exponentials, logarithms and powers of NUMERIC, to the scales that PostgreSQL 15 chooses.
 *
 * The transcendental functions work on binary fixed-point numbers (an mpz_t v stands for
 * v * 2^-bits) with enough guard bits that the last decimal digit is the rounded true one. */
#include <math.h>
#include <stdlib.h>

#include "base/assert.h"
#include "sql/types/numeric_internal.h"

enum {
    RESULT_SCALE_MAX = 2 * NUMERIC_DISPLAY_SCALE_MAX, /* bound of exponents that exp() looks at */
    GUARD_BITS = 64,
    POWER_EXACT_BITS_MAX = 1 << 20, /* above, integer powers go through logarithms */
};

static const double ln_10 = 2.302585092994046;

static int clamp_scale(int scale, int at_least)
{
    return MIN(MAX(MAX(scale, at_least), 0), NUMERIC_DISPLAY_SCALE_MAX);
}

static long bits_for(long digits)
{
    return digits * 3322 / 1000 + GUARD_BITS;
}

/* ---- square root --------------------------------------------------------------------------------
 */

static status root_domain(struct arena *a, const struct num *n, bool *done, slice *out)
{
    if (n->class == NUMERIC_NEG_INFINITY || (num_is_finite(n) && mpz_sgn(n->m) < 0))
        return status_new(ST_INVALID_POWER, "cannot take square root of a negative number");
    *done = !num_is_finite(n);
    return *done ? num_pack(a, n, out) : STATUS_OK;
}

static status root(struct arena *a, struct num *n, int scale, slice *out)
{
    mpz_t rest;

    num_round(n, 2 * scale, NUMERIC_TRUNC);
    mpz_init(rest);
    mpz_sqrtrem(n->m, rest, n->m);
    /* s^2 + r is past (s + 1/2)^2 once r > s. */
    if (mpz_cmp(rest, n->m) > 0)
        mpz_add_ui(n->m, n->m, 1);
    mpz_clear(rest);
    n->scale = scale;
    return num_pack(a, n, out);
}

status numeric_sqrt(struct arena *a, slice x, slice *out)
{
    struct num n SCOPED(num);
    int          weight, first;
    bool         done;

    num_load(&n, x);
    TRY_RETURN(root_domain(a, &n, &done, out));
    if (done)
        return STATUS_OK;
    num_first_group(&n, &weight, &first);
    weight = weight >= 0 ? weight * 2 + 1 : 1 - (1 - weight * 4) / 2;
    return root(a, &n, clamp_scale(NUMERIC_SIGNIFICANT_DIGITS - weight, n.scale), out);
}

status numeric_sqrt_to_scale(struct arena *a, slice x, int scale, slice *out)
{
    struct num n SCOPED(num);
    bool         done;

    num_load(&n, x);
    TRY_RETURN(root_domain(a, &n, &done, out));
    return done ? STATUS_OK : root(a, &n, scale, out);
}

/* ---- fixed point --------------------------------------------------------------------------------
 */

/* out = n, as fixed point. */
static void to_fixed(mpz_t out, const struct num *n, long bits)
{
    mpz_t power;

    mpz_init(power);
    num_pow10(power, (unsigned long)n->scale);
    mpz_mul_2exp(out, n->m, (mp_bitcnt_t)bits);
    mpz_tdiv_q(out, out, power);
    mpz_clear(power);
}

/* n = v at `scale` digits, rounded. */
static void from_fixed(struct num *n, const mpz_t v, long bits, int scale)
{
    mpz_t power;

    mpz_init(power);
    num_pow10(power, (unsigned long)scale);
    mpz_mul(n->m, v, power);
    mpz_set_ui(power, 1);
    mpz_mul_2exp(power, power, (mp_bitcnt_t)bits);
    num_divide_round(n->m, n->m, power);
    mpz_clear(power);
    n->class = NUMERIC_POSITIVE;
    n->scale = scale;
}

/* out = 2 * artanh(p / q), 0 <= p < q: the series 2 * sum (p/q)^(2k+1) / (2k+1). */
static void log_series(mpz_t out, const mpz_t p, const mpz_t q, long bits)
{
    mpz_t term, square, part;

    mpz_inits(term, square, part, NULL);
    mpz_mul_2exp(term, p, (mp_bitcnt_t)bits);
    mpz_tdiv_q(term, term, q);
    mpz_mul(square, term, term);
    mpz_tdiv_q_2exp(square, square, (mp_bitcnt_t)bits);
    mpz_set(out, term);
    for (unsigned long k = 3; mpz_sgn(term) != 0; k += 2) {
        mpz_mul(term, term, square);
        mpz_tdiv_q_2exp(term, term, (mp_bitcnt_t)bits);
        mpz_tdiv_q_ui(part, term, k);
        mpz_add(out, out, part);
    }
    mpz_mul_2exp(out, out, 1);
    mpz_clears(term, square, part, NULL);
}

static void log_of_2(mpz_t out, long bits)
{
    mpz_t one, three;

    mpz_init_set_ui(one, 1);
    mpz_init_set_ui(three, 3);
    log_series(out, one, three, bits);
    mpz_clear(one);
    mpz_clear(three);
}

/* out = ln(n), n > 0. n = m * 2^k with m near 1; eight square roots bring m nearer still. */
static void log_fixed(mpz_t out, const struct num *n, long bits)
{
    enum { ROOTS = 8 };
    mpz_t m, power, one, sum;
    long  k;

    mpz_inits(m, power, one, sum, NULL);
    num_pow10(power, (unsigned long)n->scale);
    k = (long)mpz_sizeinbase(n->m, 2) - (long)mpz_sizeinbase(power, 2);
    mpz_set(m, n->m);
    mpz_mul_2exp(m, m, (mp_bitcnt_t)(bits + (k < 0 ? -k : 0)));
    if (k > 0)
        mpz_mul_2exp(power, power, (mp_bitcnt_t)k);
    mpz_tdiv_q(m, m, power);
    mpz_set_ui(one, 1);
    mpz_mul_2exp(one, one, (mp_bitcnt_t)bits);
    for (int i = 0; i < ROOTS; i++) {
        mpz_mul_2exp(m, m, (mp_bitcnt_t)bits);
        mpz_sqrt(m, m);
    }
    mpz_add(sum, m, one);
    mpz_sub(m, m, one);
    /* The series wants a non-negative argument; artanh is odd. */
    if (mpz_sgn(m) >= 0) {
        log_series(out, m, sum, bits);
    } else {
        mpz_neg(m, m);
        log_series(out, m, sum, bits);
        mpz_neg(out, out);
    }
    mpz_mul_2exp(out, out, ROOTS);
    log_of_2(sum, bits);
    mpz_mul_si(sum, sum, k);
    mpz_add(out, out, sum);
    mpz_clears(m, power, one, sum, NULL);
}

/* out = e^x, x and out fixed point. e^x = 2^k * e^r with |r| < ln 2, the series on r / 2^HALVINGS.
 */
static void exp_fixed(mpz_t out, const mpz_t x, long bits)
{
    enum { HALVINGS = 16 };
    mpz_t ln2, k, r, term;

    mpz_inits(ln2, k, r, term, NULL);
    log_of_2(ln2, bits);
    mpz_fdiv_qr(k, r, x, ln2);
    mpz_tdiv_q_2exp(r, r, HALVINGS);
    mpz_set_ui(out, 1);
    mpz_mul_2exp(out, out, (mp_bitcnt_t)bits);
    mpz_set(term, out);
    for (unsigned long i = 1; mpz_sgn(term) != 0; i++) {
        mpz_mul(term, term, r);
        mpz_tdiv_q_2exp(term, term, (mp_bitcnt_t)bits);
        mpz_tdiv_q_ui(term, term, i);
        mpz_add(out, out, term);
    }
    for (int i = 0; i < HALVINGS; i++) {
        mpz_mul(out, out, out);
        mpz_tdiv_q_2exp(out, out, (mp_bitcnt_t)bits);
    }
    if (mpz_sgn(k) >= 0)
        mpz_mul_2exp(out, out, mpz_get_ui(k));
    else
        mpz_tdiv_q_2exp(out, out, mpz_get_ui(k));
    mpz_clears(ln2, k, r, term, NULL);
}

/* ---- estimates, as PostgreSQL makes them: they decide the scale of results
 * --------------------------- */

static double to_double_roughly(const struct num *n)
{
    long   exponent;
    double d = mpz_get_d_2exp(&exponent, n->m), scale = n->scale * 3.321928094887362;

    /* Out of a double's range the callers clamp anyway. */
    if ((double)exponent - scale > 1000)
        return d < 0 ? -HUGE_VAL : HUGE_VAL;
    if ((double)exponent - scale < -1000)
        return 0;
    return ldexp(d, 0) * pow(2, (double)exponent - scale);
}

/* Decimal position of the first digit of ln(n). */
static int log_weight(const struct num *n)
{
    struct num near SCOPED(num), ten SCOPED(num);
    int    weight, first, result = 0;
    double value = to_double_roughly(n);

    num_init(&near);
    num_init(&ten);
    if (mpz_sgn(n->m) <= 0)
        return 0;
    if (value >= 0.89 && value <= 1.11) {
        /* ln(1 + x) is about x: exact comparison with 0.9 and 1.1. */
        mpz_set(near.m, n->m);
        near.scale = n->scale;
        num_rescale_up(&near, 1);
        num_pow10(ten.m, (unsigned long)near.scale);
        mpz_sub(near.m, near.m, ten.m); /* x * 10^scale */
        mpz_mul_ui(near.m, near.m, 10);
        if (mpz_cmpabs(near.m, ten.m) <= 0) {
            near.scale++;
            num_first_group(&near, &weight, &first);
            return first == 0 ? 0 : weight * 4 + (int)log10(first);
        }
    }
    num_first_group(n, &weight, &first);
    if (first != 0) {
        /* The first two groups. */
        double digits, ln;
        int    decimal = weight * 4;

        mpz_set(near.m, n->m);
        near.scale = n->scale;
        num_round(&near, 4 - decimal, NUMERIC_TRUNC);
        digits = mpz_get_d(near.m);
        if (4 - decimal < 0)
            digits /= pow(10, decimal - 4);
        ln = log(digits) + (decimal - 4) * ln_10;
        result = ln == 0 ? 0 : (int)log10(fabs(ln));
    }
    return result;
}

/* ---- exp, ln, log
 * ----------------------------------------------------------------------------------- */

status numeric_exp(struct arena *a, slice x, slice *out)
{
    struct num n SCOPED(num);
    double       weight;
    int          scale;
    long         bits;
    mpz_t        v;

    num_load(&n, x);
    if (n.class == NUMERIC_NEG_INFINITY) {
        *out = numeric_from_int64(a, 0);
        return STATUS_OK;
    }
    if (!num_is_finite(&n))
        return num_pack(a, &n, out);
    weight = to_double_roughly(&n) * 0.434294481903252;
    weight = MIN(MAX(weight, -RESULT_SCALE_MAX), RESULT_SCALE_MAX);
    scale = clamp_scale(NUMERIC_SIGNIFICANT_DIGITS - (int)weight, n.scale);
    weight = to_double_roughly(&n);
    if (fabs(weight) >= 3 * RESULT_SCALE_MAX) {
        if (weight > 0)
            return num_overflow();
        mpz_set_ui(n.m, 0);
        n.scale = scale;
        return num_pack(a, &n, out);
    }
    bits = bits_for(scale + (long)fabs(weight * 0.4343) + 16);
    mpz_init(v);
    to_fixed(v, &n, bits);
    exp_fixed(v, v, bits);
    from_fixed(&n, v, bits, scale);
    mpz_clear(v);
    return num_pack(a, &n, out);
}

/* 2201E for what has no logarithm; *done when the result is a special value. */
static status log_domain(struct arena *a, const struct num *n, bool *done, slice *out)
{
    *done = !num_is_finite(n);
    if (n->class == NUMERIC_NEG_INFINITY || (num_is_finite(n) && mpz_sgn(n->m) < 0))
        return status_new(ST_INVALID_LOGARITHM, "cannot take logarithm of a negative number");
    if (num_is_finite(n) && mpz_sgn(n->m) == 0)
        return status_new(ST_INVALID_LOGARITHM, "cannot take logarithm of zero");
    return *done ? num_pack(a, n, out) : STATUS_OK;
}

status numeric_ln(struct arena *a, slice x, slice *out)
{
    struct num n SCOPED(num);
    int          scale;
    long         bits;
    bool         done;
    mpz_t        v;

    num_load(&n, x);
    TRY_RETURN(log_domain(a, &n, &done, out));
    if (done)
        return STATUS_OK;
    scale = clamp_scale(NUMERIC_SIGNIFICANT_DIGITS - log_weight(&n), n.scale);
    bits = bits_for(scale + 16);
    mpz_init(v);
    log_fixed(v, &n, bits);
    from_fixed(&n, v, bits, scale);
    mpz_clear(v);
    return num_pack(a, &n, out);
}

static status log_specials(struct arena *a, const struct num *base, const struct num *n, bool *done,
                           slice *out)
{
    *done = true;
    if (base->class == NUMERIC_NAN || n->class == NUMERIC_NAN) {
        *out = numeric_special(a, NUMERIC_NAN);
        return STATUS_OK;
    }
    TRY_RETURN(log_domain(a, base, done, out));
    TRY_RETURN(log_domain(a, n, done, out));
    *done = true;
    if (!num_is_finite(base) && !num_is_finite(n))
        *out = numeric_special(a, NUMERIC_NAN);
    else if (!num_is_finite(base))
        *out = numeric_from_int64(a, 0);
    else if (!num_is_finite(n))
        *out = numeric_special(a, NUMERIC_INFINITY);
    else
        *done = false;
    return STATUS_OK;
}

status numeric_log(struct arena *a, slice base, slice x, slice *out)
{
    struct num b SCOPED(num), n SCOPED(num);
    int   scale, weight_b, weight_n;
    long  bits;
    bool  done;
    mpz_t v, w;

    num_load(&b, base);
    num_load(&n, x);
    TRY_RETURN(log_specials(a, &b, &n, &done, out));
    if (done)
        return STATUS_OK;
    weight_b = log_weight(&b);
    weight_n = log_weight(&n);
    scale = clamp_scale(NUMERIC_SIGNIFICANT_DIGITS - (weight_n - weight_b), MAX(b.scale, n.scale));
    bits = bits_for(scale + 2 * labs(weight_b) + labs(weight_n) + 32);
    mpz_inits(v, w, NULL);
    log_fixed(v, &n, bits);
    log_fixed(w, &b, bits);
    if (mpz_sgn(w) == 0) {
        mpz_clears(v, w, NULL);
        return status_new(ST_DIVISION_BY_ZERO, "division by zero");
    }
    mpz_mul_2exp(v, v, (mp_bitcnt_t)bits);
    mpz_tdiv_q(v, v, w);
    from_fixed(&n, v, bits, scale);
    mpz_clears(v, w, NULL);
    return num_pack(a, &n, out);
}

/* ---- powers
 * ------------------------------------------------------------------------------------------- */

static bool is_integer(const struct num *n)
{
    mpz_t power;
    bool  result;

    mpz_init(power);
    num_pow10(power, (unsigned long)n->scale);
    result = mpz_divisible_p(n->m, power);
    mpz_clear(power);
    return result;
}

static int compare_with(const struct num *n, long v)
{
    mpz_t scaled;
    int   c;

    mpz_init(scaled);
    num_pow10(scaled, (unsigned long)n->scale);
    mpz_mul_si(scaled, scaled, v);
    c = mpz_cmp(n->m, scaled);
    mpz_clear(scaled);
    return c;
}

static status power_undefined(void)
{
    return status_new(ST_INVALID_POWER, "zero raised to a negative power is undefined");
}

static bool is_odd(const struct num *n)
{
    mpz_t power;
    bool  odd;

    mpz_init(power);
    num_pow10(power, (unsigned long)n->scale);
    mpz_tdiv_q(power, n->m, power);
    odd = mpz_odd_p(power);
    mpz_clear(power);
    return odd;
}

/* POSIX pow() for NaN and the infinities. */
static status power_special(struct arena *a, const struct num *x, const struct num *y, slice *out)
{
    int above_one;

    if (x->class == NUMERIC_NAN || y->class == NUMERIC_NAN) {
        bool one = (num_is_finite(x) && compare_with(x, 1) == 0) ||
                   (num_is_finite(y) && mpz_sgn(y->m) == 0);

        *out = one ? numeric_from_int64(a, 1) : numeric_special(a, NUMERIC_NAN);
        return STATUS_OK;
    }
    if (num_is_finite(x)) { /* y is infinite: |x| against 1 decides */
        int sign = compare_with(x, 0);

        if (sign == 0 && y->class == NUMERIC_NEG_INFINITY)
            return power_undefined();
        if (compare_with(x, 1) == 0 || compare_with(x, -1) == 0) {
            *out = numeric_from_int64(a, 1);
            return STATUS_OK;
        }
        above_one = compare_with(x, 1) > 0 || compare_with(x, -1) < 0;
        *out = above_one == (y->class == NUMERIC_INFINITY) ? numeric_special(a, NUMERIC_INFINITY)
                                                           : numeric_from_int64(a, 0);
        return STATUS_OK;
    }
    if (num_is_finite(y) && mpz_sgn(y->m) == 0) {
        *out = numeric_from_int64(a, 1);
        return STATUS_OK;
    }
    if (y->class == NUMERIC_NEG_INFINITY || (num_is_finite(y) && mpz_sgn(y->m) < 0)) {
        *out = numeric_from_int64(a, 0);
        return STATUS_OK;
    }
    if (x->class == NUMERIC_NEG_INFINITY && num_is_finite(y)) {
        if (!is_integer(y))
            return status_new(ST_INVALID_POWER, "a negative number raised to a non-integer power "
                                                "yields a complex result");
        *out = numeric_special(a, is_odd(y) ? NUMERIC_NEG_INFINITY : NUMERIC_INFINITY);
        return STATUS_OK;
    }
    *out = numeric_special(a, NUMERIC_INFINITY);
    return STATUS_OK;
}

/* log10 of |n|, from its first digits. */
static double decimal_log(const struct num *n)
{
    long   exponent;
    double d = mpz_get_d_2exp(&exponent, n->m);

    return log10(fabs(d)) + (double)exponent * 0.30102999566398120 - n->scale;
}

/* x^e exactly, then rounded; e != 0 fits a long. */
static void power_exact(struct num *x, long e, int scale)
{
    struct num one SCOPED(num);

    num_init(&one);
    mpz_pow_ui(x->m, x->m, (unsigned long)labs(e));
    if (e > 0) {
        x->scale *= (int)e;
        num_round(x, scale, NUMERIC_ROUND);
        return;
    }
    /* 10^(scale of the power) * 10^scale / m */
    num_pow10(one.m, (unsigned long)(x->scale * -e + scale));
    if (mpz_sgn(x->m) < 0) {
        mpz_neg(x->m, x->m);
        mpz_neg(one.m, one.m);
    }
    num_divide_round(one.m, one.m, x->m);
    mpz_swap(one.m, x->m);
    x->scale = scale;
}

/* |x|^y through logarithms, `weight` being about the decimal weight of the result. */
static void power_by_log(struct num *x, const struct num *y, double weight, int scale)
{
    long  bits = bits_for(scale + (long)fabs(weight) + (long)num_digits(y) + 32);
    mpz_t v, w;

    mpz_inits(v, w, NULL);
    mpz_abs(x->m, x->m);
    log_fixed(v, x, bits);
    to_fixed(w, y, bits);
    mpz_mul(v, v, w);
    mpz_tdiv_q_2exp(v, v, (mp_bitcnt_t)bits);
    exp_fixed(v, v, bits);
    from_fixed(x, v, bits, scale);
    mpz_clears(v, w, NULL);
}

static status power_integer(struct arena *a, struct num *x, const struct num *y, long e, slice *out)
{
    double weight = mpz_sgn(x->m) == 0 ? 0 : (double)e * decimal_log(x);
    int    scale;
    bool   negative = mpz_sgn(x->m) < 0 && e % 2 != 0;

    if (weight > NUMERIC_INTEGER_DIGITS_MAX)
        return num_overflow();
    /* Sixteen digits behind the point, whatever the size of the result. */
    scale = clamp_scale(NUMERIC_SIGNIFICANT_DIGITS, MAX(x->scale, y->scale));
    if (weight + 1 < -scale) {
        mpz_set_ui(x->m, 0);
        x->scale = scale;
        return num_pack(a, x, out);
    }
    if ((double)mpz_sizeinbase(x->m, 2) * fabs((double)e) <= POWER_EXACT_BITS_MAX) {
        power_exact(x, e, scale);
    } else {
        power_by_log(x, y, weight, scale);
        if (negative)
            mpz_neg(x->m, x->m);
    }
    return num_pack(a, x, out);
}

static status power_real(struct arena *a, struct num *x, const struct num *y, slice *out)
{
    double weight = decimal_log(x) * to_double_roughly(y);
    int    scale;
    bool   negative = mpz_sgn(x->m) < 0 && is_odd(y);

    if (fabs(weight * ln_10) > RESULT_SCALE_MAX * 3.01) {
        if (weight > 0)
            return num_overflow();
        mpz_set_ui(x->m, 0);
        x->scale = NUMERIC_DISPLAY_SCALE_MAX;
        return num_pack(a, x, out);
    }
    scale = clamp_scale(NUMERIC_SIGNIFICANT_DIGITS - (int)weight, MAX(x->scale, y->scale));
    power_by_log(x, y, weight, scale);
    if (negative)
        mpz_neg(x->m, x->m);
    return num_pack(a, x, out);
}

status numeric_power(struct arena *a, slice x, slice y, slice *out)
{
    struct num nx SCOPED(num), ny SCOPED(num), e SCOPED(num);

    num_load(&nx, x);
    num_load(&ny, y);
    num_load(&e, y);
    if (!num_is_finite(&nx) || !num_is_finite(&ny))
        return power_special(a, &nx, &ny, out);
    if (mpz_sgn(nx.m) == 0 && mpz_sgn(ny.m) < 0)
        return power_undefined();
    if (mpz_sgn(nx.m) < 0 && !is_integer(&ny))
        return status_new(ST_INVALID_POWER, "a negative number raised to a non-integer power "
                                            "yields a complex result");
    if (is_integer(&ny)) {
        num_round(&e, 0, NUMERIC_TRUNC);
        if (mpz_sgn(e.m) == 0) {
            mpz_set_ui(nx.m, 1);
            num_round(&nx, nx.scale, NUMERIC_TRUNC);
            e.scale = clamp_scale(NUMERIC_SIGNIFICANT_DIGITS, MAX(nx.scale, ny.scale));
            nx.scale = 0;
            num_rescale_up(&nx, e.scale);
            return num_pack(a, &nx, out);
        }
        if (mpz_fits_sint_p(e.m))
            return power_integer(a, &nx, &ny, mpz_get_si(e.m), out);
    }
    if (mpz_sgn(nx.m) == 0) {
        nx.scale = NUMERIC_SIGNIFICANT_DIGITS;
        return num_pack(a, &nx, out);
    }
    return power_real(a, &nx, &ny, out);
}

/* ---- gcd, lcm, factorial
 * --------------------------------------------------------------------------------- */

status numeric_gcd(struct arena *a, slice x, slice y, slice *out)
{
    struct num nx SCOPED(num), ny SCOPED(num);

    num_load(&nx, x);
    num_load(&ny, y);
    if (!num_is_finite(&nx) || !num_is_finite(&ny)) {
        *out = numeric_special(a, NUMERIC_NAN);
        return STATUS_OK;
    }
    num_rescale_up(&nx, ny.scale);
    num_rescale_up(&ny, nx.scale);
    mpz_gcd(nx.m, nx.m, ny.m);
    return num_pack(a, &nx, out);
}

status numeric_lcm(struct arena *a, slice x, slice y, slice *out)
{
    struct num nx SCOPED(num), ny SCOPED(num);

    num_load(&nx, x);
    num_load(&ny, y);
    if (!num_is_finite(&nx) || !num_is_finite(&ny)) {
        *out = numeric_special(a, NUMERIC_NAN);
        return STATUS_OK;
    }
    num_rescale_up(&nx, ny.scale);
    num_rescale_up(&ny, nx.scale);
    mpz_lcm(nx.m, nx.m, ny.m);
    return num_pack(a, &nx, out);
}

status numeric_factorial(struct arena *a, int64_t n, slice *out)
{
    struct num result SCOPED(num);

    num_init(&result);
    if (n < 0)
        return status_new(ST_NUMERIC_OUT_OF_RANGE, "factorial of a negative number is undefined");
    if (n > 32177)
        return num_overflow();
    mpz_fac_ui(result.m, (unsigned long)n);
    return num_pack(a, &result, out);
}
