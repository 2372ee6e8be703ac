/* + - * / % and rounding of NUMERIC. The scale of each result follows PostgreSQL 15: sums and
 * remainders have the larger scale of the two, products the sum, quotients enough for sixteen
 * significant digits. */
#include "base/assert.h"
#include "sql/types/numeric_internal.h"

/* ---- pieces -------------------------------------------------------------------------------------
 */

void num_pow10(mpz_t m, unsigned long n)
{
    mpz_ui_pow_ui(m, 10, n);
}

void num_rescale_up(struct num *n, int scale)
{
    mpz_t power;

    if (scale <= n->scale)
        return;
    mpz_init(power);
    num_pow10(power, (unsigned long)(scale - n->scale));
    mpz_mul(n->m, n->m, power);
    mpz_clear(power);
    n->scale = scale;
}

void num_divide_round(mpz_t q, const mpz_t n, const mpz_t d)
{
    mpz_t rest;
    int   sign = mpz_sgn(n);

    ASSERT(mpz_sgn(d) > 0);
    mpz_init(rest);
    mpz_tdiv_qr(q, rest, n, d);
    mpz_mul_2exp(rest, rest, 1);
    if (mpz_cmpabs(rest, d) >= 0) {
        if (sign > 0)
            mpz_add_ui(q, q, 1);
        else
            mpz_sub_ui(q, q, 1);
    }
    mpz_clear(rest);
}

static void divide_by(mpz_t m, const mpz_t d, enum numeric_rounding how)
{
    switch (how) {
    case NUMERIC_ROUND:
        num_divide_round(m, m, d);
        return;
    case NUMERIC_TRUNC:
        mpz_tdiv_q(m, m, d);
        return;
    case NUMERIC_CEIL:
        mpz_cdiv_q(m, m, d);
        return;
    case NUMERIC_FLOOR:
        mpz_fdiv_q(m, m, d);
        return;
    }
}

void num_round(struct num *n, int scale, enum numeric_rounding how)
{
    mpz_t power;

    if (scale >= n->scale) {
        num_rescale_up(n, scale);
        return;
    }
    mpz_init(power);
    num_pow10(power, (unsigned long)(n->scale - scale));
    divide_by(n->m, power, how);
    if (scale < 0) {
        num_pow10(power, (unsigned long)-scale);
        mpz_mul(n->m, n->m, power);
    }
    mpz_clear(power);
    n->scale = MAX(scale, 0);
}

static long floor_div4(long v)
{
    return v >= 0 ? v / 4 : -((-v + 3) / 4);
}

void num_first_group(const struct num *n, int *weight, int *first)
{
    size_t digits = num_digits(n);
    long   top = (long)digits - n->scale - 1, w = floor_div4(top), bottom;
    mpz_t  m, power;

    *weight = *first = 0;
    if (digits == 0)
        return;
    /* The group's digits begin at 10^(4w); cut what is below, or complete with zeros. */
    bottom = 4 * w + n->scale;
    mpz_init(m);
    mpz_init(power);
    mpz_abs(m, n->m);
    num_pow10(power, (unsigned long)(bottom < 0 ? -bottom : bottom));
    if (bottom >= 0)
        mpz_tdiv_q(m, m, power);
    else
        mpz_mul(m, m, power);
    *weight = (int)w;
    *first = (int)mpz_get_ui(m);
    mpz_clear(m);
    mpz_clear(power);
}

static slice nan_result(struct arena *a)
{
    return numeric_special(a, NUMERIC_NAN);
}

/* -1, 0, 1 of any value that is not NaN. */
static int sign_of(slice v)
{
    switch (numeric_class(v)) {
    case NUMERIC_NEGATIVE:
    case NUMERIC_NEG_INFINITY:
        return -1;
    case NUMERIC_INFINITY:
        return 1;
    default:
        return !numeric_is_zero(v);
    }
}

static bool is_nan(slice v)
{
    return numeric_class(v) == NUMERIC_NAN;
}

static bool is_infinite(slice v)
{
    return numeric_class(v) > NUMERIC_NAN;
}

static slice infinity(struct arena *a, int sign)
{
    return numeric_special(a, sign < 0 ? NUMERIC_NEG_INFINITY : NUMERIC_INFINITY);
}

slice numeric_negate(struct arena *a, slice x)
{
    static const char opposite[] = {NUMERIC_NEGATIVE, NUMERIC_POSITIVE, NUMERIC_NAN,
                                    NUMERIC_NEG_INFINITY, NUMERIC_INFINITY};
    slice             copy = arena_copy(a, x);
    char             *p = arena_alloc(a, x.size);

    if (numeric_is_zero(x))
        return copy;
    memcpy(p, x.data, x.size);
    p[0] = opposite[numeric_class(x)];
    return slice_make(p, x.size);
}

/* ---- + and - ------------------------------------------------------------------------------------
 */

static int128_t scale_up(int128_t v, unsigned by)
{
    while (by-- > 0)
        v *= 10;
    return v;
}

static bool small_pair(slice x, slice y, int128_t *vx, int128_t *vy, unsigned *scale)
{
    unsigned sx, sy;

    if (!numeric_is_small(x, vx, &sx) || !numeric_is_small(y, vy, &sy) || sx > sy + 18 ||
        sy > sx + 18)
        return false;
    *scale = MAX(sx, sy);
    *vx = scale_up(*vx, *scale - sx);
    *vy = scale_up(*vy, *scale - sy);
    return true;
}

static status add_special(struct arena *a, slice x, slice y, int sign_y, slice *out)
{
    if (is_nan(x) || is_nan(y))
        *out = nan_result(a);
    else if (is_infinite(x) && is_infinite(y) && sign_of(x) != sign_y * sign_of(y))
        *out = nan_result(a);
    else
        *out = is_infinite(x) ? infinity(a, sign_of(x)) : infinity(a, sign_y * sign_of(y));
    return STATUS_OK;
}

static status add_big(struct arena *a, slice x, slice y, int sign_y, slice *out)
{
    struct num nx SCOPED(num), ny SCOPED(num);

    num_load(&nx, x);
    num_load(&ny, y);
    num_rescale_up(&nx, ny.scale);
    num_rescale_up(&ny, nx.scale);
    if (sign_y > 0)
        mpz_add(nx.m, nx.m, ny.m);
    else
        mpz_sub(nx.m, nx.m, ny.m);
    return num_pack(a, &nx, out);
}

static status add_signed(struct arena *a, slice x, slice y, int sign_y, slice *out)
{
    int128_t vx, vy;
    unsigned scale;

    if (small_pair(x, y, &vx, &vy, &scale)) {
        *out = numeric_from_scaled(a, sign_y > 0 ? vx + vy : vx - vy, scale);
        return STATUS_OK;
    }
    if (numeric_class(x) > NUMERIC_NEGATIVE || numeric_class(y) > NUMERIC_NEGATIVE)
        return add_special(a, x, y, sign_y, out);
    return add_big(a, x, y, sign_y, out);
}

status numeric_add(struct arena *a, slice x, slice y, slice *out)
{
    return add_signed(a, x, y, 1, out);
}

status numeric_sub(struct arena *a, slice x, slice y, slice *out)
{
    return add_signed(a, x, y, -1, out);
}

/* ---- * ------------------------------------------------------------------------------------------
 */

status numeric_mul(struct arena *a, slice x, slice y, slice *out)
{
    struct num nx SCOPED(num), ny SCOPED(num);
    int128_t vx, vy, product;
    unsigned sx, sy;

    num_init(&nx);
    num_init(&ny);
    if (numeric_is_small(x, &vx, &sx) && numeric_is_small(y, &vy, &sy) &&
        sx + sy <= NUMERIC_SCALE_MAX && !__builtin_mul_overflow(vx, vy, &product)) {
        *out = numeric_from_scaled(a, product, sx + sy);
        return STATUS_OK;
    }
    if (numeric_class(x) > NUMERIC_NEGATIVE || numeric_class(y) > NUMERIC_NEGATIVE) {
        /* Infinity times zero has no value. */
        *out = is_nan(x) || is_nan(y) || sign_of(x) * sign_of(y) == 0
                   ? nan_result(a)
                   : infinity(a, sign_of(x) * sign_of(y));
        return STATUS_OK;
    }
    num_clear(&nx);
    num_clear(&ny);
    num_load(&nx, x);
    num_load(&ny, y);
    mpz_mul(nx.m, nx.m, ny.m);
    nx.scale += ny.scale;
    if (nx.scale > NUMERIC_SCALE_MAX)
        num_round(&nx, NUMERIC_SCALE_MAX, NUMERIC_ROUND);
    return num_pack(a, &nx, out);
}

/* ---- / div % ------------------------------------------------------------------------------------
 */

static status division_by_zero(void)
{
    return status_new(ST_DIVISION_BY_ZERO, "division by zero");
}

/* Sixteen significant digits, judged by the first groups of four, and no less than the operands
 * have. */
static int quotient_scale(const struct num *x, const struct num *y)
{
    int wx, wy, fx, fy, weight, scale;

    num_first_group(x, &wx, &fx);
    num_first_group(y, &wy, &fy);
    weight = wx - wy;
    if (fx <= fy)
        weight--;
    scale = NUMERIC_SIGNIFICANT_DIGITS - weight * 4;
    scale = MAX(MAX(scale, x->scale), MAX(y->scale, 0));
    return MIN(scale, NUMERIC_DISPLAY_SCALE_MAX);
}

/* Quotients with NaN, an infinity or a zero divisor; *done tells whether this was one. */
static status divide_special(struct arena *a, slice x, slice y, bool *done, slice *out)
{
    *done = true;
    if (is_nan(x) || is_nan(y)) {
        *out = nan_result(a);
        return STATUS_OK;
    }
    if (is_infinite(x)) {
        if (sign_of(y) == 0)
            return division_by_zero();
        *out = is_infinite(y) ? nan_result(a) : infinity(a, sign_of(x) * sign_of(y));
        return STATUS_OK;
    }
    if (is_infinite(y)) {
        *out = numeric_from_int64(a, 0);
        return STATUS_OK;
    }
    *done = false;
    return numeric_is_zero(y) ? division_by_zero() : STATUS_OK;
}

/* x / y * 10^scale into x, rounded as asked. */
static void divide_to_scale(struct num *x, struct num *y, int scale, enum numeric_rounding how)
{
    int   shift = scale + y->scale - x->scale;
    mpz_t power;

    mpz_init(power);
    num_pow10(power, (unsigned long)(shift < 0 ? -shift : shift));
    if (shift >= 0)
        mpz_mul(x->m, x->m, power);
    else
        mpz_mul(y->m, y->m, power);
    if (mpz_sgn(y->m) < 0) {
        mpz_neg(y->m, y->m);
        mpz_neg(x->m, x->m);
    }
    divide_by(x->m, y->m, how);
    mpz_clear(power);
    x->scale = scale;
}

status numeric_div(struct arena *a, slice x, slice y, slice *out)
{
    struct num nx SCOPED(num), ny SCOPED(num);
    bool done;

    num_load(&nx, x);
    num_load(&ny, y);
    TRY_RETURN(divide_special(a, x, y, &done, out));
    if (done)
        return STATUS_OK;
    divide_to_scale(&nx, &ny, quotient_scale(&nx, &ny), NUMERIC_ROUND);
    return num_pack(a, &nx, out);
}

status numeric_div_trunc(struct arena *a, slice x, slice y, slice *out)
{
    struct num nx SCOPED(num), ny SCOPED(num);
    bool done;

    num_load(&nx, x);
    num_load(&ny, y);
    TRY_RETURN(divide_special(a, x, y, &done, out));
    if (done)
        return STATUS_OK;
    divide_to_scale(&nx, &ny, 0, NUMERIC_TRUNC);
    return num_pack(a, &nx, out);
}

status numeric_mod(struct arena *a, slice x, slice y, slice *out)
{
    struct num nx SCOPED(num), ny SCOPED(num);

    num_load(&nx, x);
    num_load(&ny, y);
    if (is_nan(x) || is_nan(y)) {
        *out = nan_result(a);
        return STATUS_OK;
    }
    if (sign_of(y) == 0)
        return division_by_zero();
    if (is_infinite(x) || is_infinite(y)) {
        *out = is_infinite(x) ? nan_result(a) : arena_copy(a, x);
        return STATUS_OK;
    }
    num_rescale_up(&nx, ny.scale);
    num_rescale_up(&ny, nx.scale);
    mpz_tdiv_r(nx.m, nx.m, ny.m);
    return num_pack(a, &nx, out);
}

/* ---- rounding -----------------------------------------------------------------------------------
 */

status numeric_round_to(struct arena *a, slice x, int scale, enum numeric_rounding how, slice *out)
{
    struct num n SCOPED(num);

    num_load(&n, x);
    if (!num_is_finite(&n)) {
        *out = arena_copy(a, x);
        return STATUS_OK;
    }
    scale = MAX(MIN(scale, 2000), -2000); /* where PostgreSQL stops too */
    if (scale < 0 && num_digits(&n) + 1 < (size_t)(n.scale - scale) && how != NUMERIC_CEIL &&
        how != NUMERIC_FLOOR) {
        *out = numeric_from_int64(a, 0);
        return STATUS_OK;
    }
    num_round(&n, scale, how);
    return num_pack(a, &n, out);
}

unsigned numeric_min_scale(slice x)
{
    struct num n SCOPED(num);
    unsigned     scale = numeric_scale(x);

    num_load(&n, x);
    if (!num_is_finite(&n) || mpz_sgn(n.m) == 0)
        return 0;
    while (scale > 0 && mpz_divisible_ui_p(n.m, 10)) {
        mpz_divexact_ui(n.m, n.m, 10);
        scale--;
    }
    return scale;
}

slice numeric_trim_scale(struct arena *a, slice x)
{
    slice out = x;

    if (numeric_class(x) <= NUMERIC_NEGATIVE)
        st_clear(numeric_round_to(a, x, (int)numeric_min_scale(x), NUMERIC_TRUNC, &out));
    return out;
}
