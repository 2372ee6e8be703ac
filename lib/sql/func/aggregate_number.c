/* Sums, averages and what statistics makes of them. Integers and NUMERIC are added up exactly;
 * floats by the method of Youngs and Cramer, as PostgreSQL does, which keeps the sum of squared
 * deviations small (Youngs and Cramer, "Some Results Relevant to Choice of Sum and Sum-of-Product
 * Algorithms", Technometrics 13, 1971). */
#include <math.h>

#include "sql/func/implement.h"
#include "sql/types/numeric.h"

/* ---- exact totals
 * -------------------------------------------------------------------------------- */

/* A sum as 128 bits times 10^-scale; what outgrows that moves into `big`, a numeric in the arena.
 */
struct total {
    int128_t sum;
    unsigned scale;
    bool     has_big;
    slice    big;
};

static status total_add_big(struct arena *a, struct total *t, slice v)
{
    if (t->has_big)
        return numeric_add(a, t->big, v, &t->big);
    t->has_big = true;
    t->big = arena_copy(a, v);
    return STATUS_OK;
}

static status total_spill(struct arena *a, struct total *t)
{
    slice v = numeric_from_scaled(a, t->sum, t->scale);

    t->sum = 0;
    return total_add_big(a, t, v);
}

/* Multiply by 10^by; false when it does not fit. */
static bool scale_up(int128_t *v, unsigned by)
{
    for (; by > 0; by--) {
        if (__builtin_mul_overflow(*v, 10, v))
            return false;
    }
    return true;
}

static status total_add_scaled(struct arena *a, struct total *t, int128_t v, unsigned scale)
{
    int128_t sum = t->sum;

    if (scale > t->scale) {
        if (!scale_up(&sum, scale - t->scale)) {
            TRY_RETURN(total_spill(a, t));
            sum = 0;
        }
        t->scale = scale;
        t->sum = sum;
    } else if (!scale_up(&v, t->scale - scale)) {
        return total_add_big(a, t, numeric_from_scaled(a, v, scale));
    }
    if (__builtin_add_overflow(t->sum, v, &sum)) {
        TRY_RETURN(total_spill(a, t));
        sum = v;
    }
    t->sum = sum;
    return STATUS_OK;
}

static status total_add(struct arena *a, struct total *t, slice v)
{
    int128_t coefficient;
    unsigned scale;

    if (numeric_is_small(v, &coefficient, &scale) && scale <= t->scale + 18 &&
        t->scale <= scale + 18)
        return total_add_scaled(a, t, coefficient, scale);
    return total_add_big(a, t, v);
}

static status total_merge(struct arena *a, struct total *t, const struct total *other)
{
    if (other->has_big)
        TRY_RETURN(total_add_big(a, t, other->big));
    if (t->scale > other->scale + 18 || other->scale > t->scale + 18)
        return total_add_big(a, t, numeric_from_scaled(a, other->sum, other->scale));
    return total_add_scaled(a, t, other->sum, other->scale);
}

static status total_value(struct arena *a, const struct total *t, slice *out)
{
    *out = numeric_from_scaled(a, t->sum, t->scale);
    return t->has_big ? numeric_add(a, t->big, *out, out) : STATUS_OK;
}

/* ---- sum, avg, variance of integers and numeric
 * --------------------------------------------------- */

struct moments {
    int64_t      count;
    struct total x, xx; /* xx: for variances only */
};

static status int_moments_update(struct fn_call *call, void *state, const datum *args,
                                 const bool *nulls)
{
    struct moments *m = state;

    (void)nulls;
    m->count++;
    return total_add_scaled(call->arena, &m->x, args[0].i, 0);
}

static status int_square_update(struct fn_call *call, void *state, const datum *args,
                                const bool *nulls)
{
    struct moments *m = state;

    TRY_RETURN(int_moments_update(call, state, args, nulls));
    return total_add_scaled(call->arena, &m->xx, (int128_t)args[0].i * args[0].i, 0);
}

static status numeric_moments_update(struct fn_call *call, void *state, const datum *args,
                                     const bool *nulls)
{
    struct moments *m = state;

    (void)nulls;
    m->count++;
    return total_add(call->arena, &m->x, args[0].s);
}

static status numeric_square_update(struct fn_call *call, void *state, const datum *args,
                                    const bool *nulls)
{
    struct moments *m = state;
    slice           square;

    TRY_RETURN(numeric_moments_update(call, state, args, nulls));
    TRY_RETURN(numeric_mul(call->arena, args[0].s, args[0].s, &square));
    return total_add(call->arena, &m->xx, square);
}

static status moments_combine(struct fn_call *call, void *state, const void *other)
{
    struct moments       *m = state;
    const struct moments *o = other;

    m->count += o->count;
    TRY_RETURN(total_merge(call->arena, &m->x, &o->x));
    return total_merge(call->arena, &m->xx, &o->xx);
}

static status sum_finish(struct fn_call *call, void *state, datum *out, bool *null)
{
    struct moments *m = state;

    *null = m->count == 0;
    return *null ? STATUS_OK : total_value(call->arena, &m->x, &out->s);
}

static status avg_finish(struct fn_call *call, void *state, datum *out, bool *null)
{
    struct moments *m = state;

    TRY_RETURN(sum_finish(call, state, out, null));
    if (*null)
        return STATUS_OK;
    return numeric_div(call->arena, out->s, numeric_from_int64(call->arena, m->count), &out->s);
}

/* (n * sum(x^2) - sum(x)^2) / (n * (n - 1)), or / n^2 for the whole population. */
static status variance(struct arena *a, const struct moments *m, bool sample, bool root, slice *out)
{
    slice x, xx, n = numeric_from_int64(a, m->count);

    TRY_RETURN(total_value(a, &m->x, &x));
    TRY_RETURN(total_value(a, &m->xx, &xx));
    TRY_RETURN(numeric_mul(a, x, x, &x));
    TRY_RETURN(numeric_mul(a, xx, n, &xx));
    TRY_RETURN(numeric_sub(a, xx, x, &x));
    if (numeric_class(x) > NUMERIC_NEGATIVE) {
        *out = numeric_special(a, NUMERIC_NAN);
        return STATUS_OK;
    }
    if (numeric_is_zero(x) || numeric_class(x) == NUMERIC_NEGATIVE) { /* rounding may go below */
        *out = numeric_from_int64(a, 0);
        return STATUS_OK;
    }
    TRY_RETURN(numeric_mul(a, n, numeric_from_int64(a, m->count - sample), &n));
    TRY_RETURN(numeric_div(a, x, n, out));
    return root ? numeric_sqrt_to_scale(a, *out, (int)numeric_scale(*out), out) : STATUS_OK;
}

#define VARIANCE(name, sample, root)                                                               \
    static status name##_finish(struct fn_call *call, void *state, datum *out, bool *null)         \
    {                                                                                              \
        struct moments *m = state;                                                                 \
        *null = m->count <= (sample ? 1 : 0);                                                      \
        return *null ? STATUS_OK : variance(call->arena, m, sample, root, &out->s);                \
    }

VARIANCE(var_samp, true, false)
VARIANCE(var_pop, false, false)
VARIANCE(stddev_samp, true, true)
VARIANCE(stddev_pop, false, true)

#define MOMENTS(name, update_fn, finish_fn)                                                        \
    AGGREGATE(name) = {                                                                            \
        .state_size = sizeof(struct moments),                                                      \
        .update = update_fn,                                                                       \
        .combine = moments_combine,                                                                \
        .finish = finish_fn,                                                                       \
    };

MOMENTS(sum_int8, int_moments_update, sum_finish)
MOMENTS(avg_int, int_moments_update, avg_finish)
MOMENTS(var_samp_int, int_square_update, var_samp_finish)
MOMENTS(var_pop_int, int_square_update, var_pop_finish)
MOMENTS(stddev_samp_int, int_square_update, stddev_samp_finish)
MOMENTS(stddev_pop_int, int_square_update, stddev_pop_finish)
MOMENTS(sum_numeric, numeric_moments_update, sum_finish)
MOMENTS(avg_numeric, numeric_moments_update, avg_finish)
MOMENTS(var_samp_numeric, numeric_square_update, var_samp_finish)
MOMENTS(var_pop_numeric, numeric_square_update, var_pop_finish)
MOMENTS(stddev_samp_numeric, numeric_square_update, stddev_samp_finish)
MOMENTS(stddev_pop_numeric, numeric_square_update, stddev_pop_finish)

/* ---- floats
 * --------------------------------------------------------------------------------------- */

/* n, the sums of x and y, and the sums of the products of their deviations from the mean. */
struct float_moments {
    double n, x, xx, y, yy, xy;
};

static status float_overflow(void)
{
    return status_new(ST_NUMERIC_OUT_OF_RANGE, "value out of range: overflow");
}

static status add_float(struct float_moments *m, double x)
{
    double n = m->n + 1, sum = m->x + x;

    if (m->n > 0) {
        double deviation = x * n - sum;

        m->xx += deviation * deviation / (n * m->n);
        if (isinf(sum) || isinf(m->xx)) {
            if (!isinf(m->x) && !isinf(x))
                return float_overflow();
            m->xx = NAN;
        }
    } else if (isnan(x) || isinf(x)) {
        m->xx = NAN;
    }
    m->n = n;
    m->x = sum;
    return STATUS_OK;
}

static status float_update(struct fn_call *call, void *state, const datum *args, const bool *nulls)
{
    (void)call, (void)nulls;
    return add_float(state, args[0].f);
}

/* sum() alone watches the sum only: its squares may overflow. */
static status float_sum_update(struct fn_call *call, void *state, const datum *args,
                               const bool *nulls)
{
    struct float_moments *m = state;
    double                sum = m->n > 0 ? m->x + args[0].f : args[0].f;

    (void)call, (void)nulls;
    if (isinf(sum) && !isinf(m->x) && !isinf(args[0].f))
        return float_overflow();
    m->n++;
    m->x = sum;
    return STATUS_OK;
}

static status float4_sum_update(struct fn_call *call, void *state, const datum *args,
                                const bool *nulls)
{
    struct float_moments *m = state;
    double                before = m->x;

    TRY_RETURN(float_sum_update(call, state, args, nulls));
    m->x = (double)(float)m->x;
    return isinf(m->x) && !isinf(before) && !isinf(args[0].f) ? float_overflow() : STATUS_OK;
}

static status float_combine(struct fn_call *call, void *state, const void *other)
{
    struct float_moments       *m = state;
    const struct float_moments *o = other;
    double                      dx, dy, weight;

    (void)call;
    if (o->n == 0)
        return STATUS_OK;
    if (m->n == 0) {
        *m = *o;
        return STATUS_OK;
    }
    dx = m->x / m->n - o->x / o->n;
    dy = m->y / m->n - o->y / o->n;
    weight = m->n * o->n / (m->n + o->n);
    m->xx += o->xx + weight * dx * dx;
    m->yy += o->yy + weight * dy * dy;
    m->xy += o->xy + weight * dx * dy;
    m->n += o->n;
    m->x += o->x;
    m->y += o->y;
    return STATUS_OK;
}

#define FLOAT_FINISH(name, is_null, expression)                                                    \
    static status name##_finish(struct fn_call *call, void *state, datum *out, bool *null)         \
    {                                                                                              \
        const struct float_moments *m = state;                                                     \
        (void)call;                                                                                \
        *null = (is_null);                                                                         \
        out->f = *null ? 0 : (expression);                                                         \
        return STATUS_OK;                                                                          \
    }

FLOAT_FINISH(float_sum, m->n == 0, m->x)
FLOAT_FINISH(float_avg, m->n == 0, m->x / m->n)
FLOAT_FINISH(float_var_pop, m->n == 0, m->xx / m->n)
FLOAT_FINISH(float_var_samp, m->n <= 1, m->xx / (m->n - 1))
FLOAT_FINISH(float_stddev_pop, m->n == 0, sqrt(m->xx / m->n))
FLOAT_FINISH(float_stddev_samp, m->n <= 1, sqrt(m->xx / (m->n - 1)))

#define FLOAT_AGGREGATE(name, update_fn)                                                           \
    AGGREGATE(name) = {                                                                            \
        .state_size = sizeof(struct float_moments),                                                \
        .update = update_fn,                                                                       \
        .combine = float_combine,                                                                  \
        .finish = name##_finish,                                                                   \
    };

FLOAT_AGGREGATE(float_sum, float_sum_update)
FLOAT_AGGREGATE(float_avg, float_update)
FLOAT_AGGREGATE(float_var_pop, float_update)
FLOAT_AGGREGATE(float_var_samp, float_update)
FLOAT_AGGREGATE(float_stddev_pop, float_update)
FLOAT_AGGREGATE(float_stddev_samp, float_update)

AGGREGATE(float4_sum) = {
    .state_size = sizeof(struct float_moments),
    .update = float4_sum_update,
    .combine = float_combine,
    .finish = float_sum_finish,
};

/* ---- two variables: f(y, x)
 * --------------------------------------------------------------------------- */

static status regression_update(struct fn_call *call, void *state, const datum *args,
                                const bool *nulls)
{
    struct float_moments *m = state;
    double                y = args[0].f, x = args[1].f, n = m->n + 1;
    double                sum_x = m->x + x, sum_y = m->y + y;

    (void)call, (void)nulls;
    if (m->n > 0) {
        double dx = x * n - sum_x, dy = y * n - sum_y, scale = 1 / (n * m->n);

        m->xx += dx * dx * scale;
        m->yy += dy * dy * scale;
        m->xy += dx * dy * scale;
        if ((isinf(sum_x) || isinf(m->xx)) && !isinf(m->x) && !isinf(x))
            return float_overflow();
        if ((isinf(sum_y) || isinf(m->yy)) && !isinf(m->y) && !isinf(y))
            return float_overflow();
        m->xx = isinf(m->xx) ? (double)NAN : m->xx;
        m->yy = isinf(m->yy) ? (double)NAN : m->yy;
        m->xy = isinf(m->xy) ? (double)NAN : m->xy;
    } else {
        m->xx = isfinite(x) ? 0 : (double)NAN;
        m->yy = isfinite(y) ? 0 : (double)NAN;
        m->xy = isfinite(x) && isfinite(y) ? 0 : (double)NAN;
    }
    m->n = n;
    m->x = sum_x;
    m->y = sum_y;
    return STATUS_OK;
}

FLOAT_FINISH(regr_sxx, m->n < 1, m->xx)
FLOAT_FINISH(regr_syy, m->n < 1, m->yy)
FLOAT_FINISH(regr_sxy, m->n < 1, m->xy)
FLOAT_FINISH(regr_avgx, m->n < 1, m->x / m->n)
FLOAT_FINISH(regr_avgy, m->n < 1, m->y / m->n)
FLOAT_FINISH(covar_pop, m->n < 1, m->xy / m->n)
FLOAT_FINISH(covar_samp, m->n < 2, m->xy / (m->n - 1))
FLOAT_FINISH(corr, m->n < 1 || m->xx == 0 || m->yy == 0, m->xy / sqrt(m->xx * m->yy))
FLOAT_FINISH(regr_r2, m->n < 1 || m->xx == 0, m->yy == 0 ? 1 : (m->xy * m->xy) / (m->xx * m->yy))
FLOAT_FINISH(regr_slope, m->n < 1 || m->xx == 0, m->xy / m->xx)
FLOAT_FINISH(regr_intercept, m->n < 1 || m->xx == 0, (m->y - m->x * m->xy / m->xx) / m->n)

FLOAT_AGGREGATE(regr_sxx, regression_update)
FLOAT_AGGREGATE(regr_syy, regression_update)
FLOAT_AGGREGATE(regr_sxy, regression_update)
FLOAT_AGGREGATE(regr_avgx, regression_update)
FLOAT_AGGREGATE(regr_avgy, regression_update)
FLOAT_AGGREGATE(covar_pop, regression_update)
FLOAT_AGGREGATE(covar_samp, regression_update)
FLOAT_AGGREGATE(corr, regression_update)
FLOAT_AGGREGATE(regr_r2, regression_update)
FLOAT_AGGREGATE(regr_slope, regression_update)
FLOAT_AGGREGATE(regr_intercept, regression_update)
