/* float4 and float8: arithmetic that reports overflow and underflow as PostgreSQL does, comparison
 * with NaN in its place, conversions, mathematical functions. */
#include <float.h>
#include <math.h>

#include "sql/func/implement.h"
#include "sql/types/float.h"

static status overflow(void)
{
    return status_new(ST_NUMERIC_OUT_OF_RANGE, "value out of range: overflow");
}

static status underflow(void)
{
    return status_new(ST_NUMERIC_OUT_OF_RANGE, "value out of range: underflow");
}

static status division_by_zero(void)
{
    return status_new(ST_DIVISION_BY_ZERO, "division by zero");
}

/* Store a result: infinite or zero only where the operands say so. */
static status store(double v, bool may_be_infinite, bool may_be_zero, datum *out)
{
    out->f = v;
    if (isinf(v) && !may_be_infinite)
        return overflow();
    if (v == 0 && !may_be_zero)
        return underflow();
    return STATUS_OK;
}

static status store_single(double v, bool may_be_infinite, bool may_be_zero, datum *out)
{
    return store((double)(float)v, may_be_infinite, may_be_zero, out);
}

#define ARITHMETIC(p, keep)                                                                        \
    FN(p##pl)                                                                                      \
    {                                                                                              \
        return keep(args[0].f + args[1].f, isinf(args[0].f) || isinf(args[1].f), true, out);       \
    }                                                                                              \
    FN(p##mi)                                                                                      \
    {                                                                                              \
        return keep(args[0].f - args[1].f, isinf(args[0].f) || isinf(args[1].f), true, out);       \
    }                                                                                              \
    FN(p##mul)                                                                                     \
    {                                                                                              \
        return keep(args[0].f * args[1].f, isinf(args[0].f) || isinf(args[1].f),                   \
                    args[0].f == 0 || args[1].f == 0, out);                                        \
    }                                                                                              \
    FN(p##div)                                                                                     \
    {                                                                                              \
        if (args[1].f == 0 && !isnan(args[0].f))                                                   \
            return division_by_zero();                                                             \
        return keep(args[0].f / args[1].f, isinf(args[0].f), args[0].f == 0 || isinf(args[1].f),   \
                    out);                                                                          \
    }

ARITHMETIC(float8, store)
ARITHMETIC(float4, store_single)
ARITHMETIC(float48, store)
ARITHMETIC(float84, store)

#define COMPARE_ONE(name, op)                                                                      \
    FN(name)                                                                                       \
    {                                                                                              \
        out->b = float_order(args[0].f, args[1].f) op 0;                                           \
        return STATUS_OK;                                                                          \
    }
#define COMPARE(p)                                                                                 \
    COMPARE_ONE(p##eq, ==)                                                                         \
    COMPARE_ONE(p##ne, !=)                                                                         \
    COMPARE_ONE(p##lt, <)                                                                          \
    COMPARE_ONE(p##le, <=)                                                                         \
    COMPARE_ONE(p##gt, >)                                                                          \
    COMPARE_ONE(p##ge, >=)

COMPARE(float8)
COMPARE(float4)
COMPARE(float48)
COMPARE(float84)

#define SIGN(p)                                                                                    \
    FN(p##um)                                                                                      \
    {                                                                                              \
        out->f = -args[0].f;                                                                       \
        return STATUS_OK;                                                                          \
    }                                                                                              \
    FN(p##up)                                                                                      \
    {                                                                                              \
        out->f = args[0].f;                                                                        \
        return STATUS_OK;                                                                          \
    }                                                                                              \
    FN(p##abs)                                                                                     \
    {                                                                                              \
        out->f = fabs(args[0].f);                                                                  \
        return STATUS_OK;                                                                          \
    }

SIGN(float8)
SIGN(float4)

/* ---- batches
 * -------------------------------------------------------------------------------------- */

#define BATCH_ROW(k) (selected != NULL ? selected[k] : (k))

#define BATCH_COMPARE(name, op)                                                                    \
    FN_BATCH(float_##name)                                                                         \
    {                                                                                              \
        const datum *a = args[0]->values, *b = args[1]->values;                                    \
        for (size_t k = 0; k < count; k++) {                                                       \
            size_t row = BATCH_ROW(k);                                                             \
            if (!out->nulls[row])                                                                  \
                out->values[row].b = float_order(a[row].f, b[row].f) op 0;                         \
        }                                                                                          \
        return STATUS_OK;                                                                          \
    }

BATCH_COMPARE(eq, ==)
BATCH_COMPARE(ne, !=)
BATCH_COMPARE(lt, <)
BATCH_COMPARE(le, <=)
BATCH_COMPARE(gt, >)
BATCH_COMPARE(ge, >=)

#define BATCH_ARITHMETIC(name, op, zero)                                                           \
    FN_BATCH(float8_##name)                                                                        \
    {                                                                                              \
        const datum *a = args[0]->values, *b = args[1]->values;                                    \
        for (size_t k = 0; k < count; k++) {                                                       \
            size_t row = BATCH_ROW(k);                                                             \
            if (out->nulls[row])                                                                   \
                continue;                                                                          \
            TRY_RETURN(store(a[row].f op b[row].f, isinf(a[row].f) || isinf(b[row].f), zero,       \
                             &out->values[row]));                                                  \
        }                                                                                          \
        return STATUS_OK;                                                                          \
    }

BATCH_ARITHMETIC(add, +, true)
BATCH_ARITHMETIC(sub, -, true)
BATCH_ARITHMETIC(mul, *, (a[row].f == 0 || b[row].f == 0))

/* ---- conversions
 * ---------------------------------------------------------------------------------- */

FN(ftod)
{
    out->f = args[0].f;
    return STATUS_OK;
}

FN(dtof)
{
    return store_single(args[0].f, isinf(args[0].f), args[0].f == 0, out);
}

#define FROM_INTEGER(name, type)                                                                   \
    FN(name)                                                                                       \
    {                                                                                              \
        out->f = (double)(type)args[0].i;                                                          \
        return STATUS_OK;                                                                          \
    }

FROM_INTEGER(i2tod, double)
FROM_INTEGER(i4tod, double)
FROM_INTEGER(i8tod, double)
FROM_INTEGER(i2tof, float)
FROM_INTEGER(i4tof, float)
FROM_INTEGER(i8tof, float)

/* Rounded to even, as rint(); `limit` is the first number that does not fit. */
static status to_integer(double v, double limit, const char *type, datum *out)
{
    v = rint(v);
    if (isnan(v) || v < -limit || v >= limit)
        return status_new(ST_NUMERIC_OUT_OF_RANGE, "%s out of range", type);
    out->i = (int64_t)v;
    return STATUS_OK;
}

#define TO_INTEGER(name, limit, type)                                                              \
    FN(name)                                                                                       \
    {                                                                                              \
        return to_integer(args[0].f, limit, type, out);                                            \
    }

TO_INTEGER(dtoi2, 32768.0, "smallint")
TO_INTEGER(dtoi4, 2147483648.0, "integer")
TO_INTEGER(dtoi8, 9223372036854775808.0, "bigint")
TO_INTEGER(ftoi2, 32768.0, "smallint")
TO_INTEGER(ftoi4, 2147483648.0, "integer")
TO_INTEGER(ftoi8, 9223372036854775808.0, "bigint")

/* ---- rounding and simple functions
 * ------------------------------------------------------------------ */

#define PLAIN(name, expression)                                                                    \
    FN(name)                                                                                       \
    {                                                                                              \
        double x = args[0].f;                                                                      \
        out->f = (expression);                                                                     \
        return STATUS_OK;                                                                          \
    }

PLAIN(dround, rint(x))
PLAIN(dceil, ceil(x))
PLAIN(dfloor, floor(x))
PLAIN(dtrunc, trunc(x))
PLAIN(dsign, (double)((x > 0) - (x < 0)))

static status domain_error(const char *what)
{
    return status_new(ST_NUMERIC_OUT_OF_RANGE, "%s", what);
}

FN(dsqrt)
{
    if (args[0].f < 0)
        return status_new(ST_INVALID_POWER, "cannot take square root of a negative number");
    return store(sqrt(args[0].f), isinf(args[0].f), args[0].f == 0, out);
}

FN(dcbrt)
{
    return store(cbrt(args[0].f), isinf(args[0].f), args[0].f == 0, out);
}

FN(dexp)
{
    double x = args[0].f;

    return store(exp(x), isinf(x) && x > 0, isinf(x) && x < 0, out);
}

/* Logarithms of zero and below are errors of their own. */
static status log_domain(double x)
{
    if (x == 0)
        return status_new(ST_INVALID_LOGARITHM, "cannot take logarithm of zero");
    if (x < 0)
        return status_new(ST_INVALID_LOGARITHM, "cannot take logarithm of a negative number");
    return STATUS_OK;
}

FN(dlog1)
{
    TRY_RETURN(log_domain(args[0].f));
    return store(log(args[0].f), isinf(args[0].f), args[0].f == 1, out);
}

FN(dlog10)
{
    TRY_RETURN(log_domain(args[0].f));
    return store(log10(args[0].f), isinf(args[0].f), args[0].f == 1, out);
}

FN(dpow)
{
    double x = args[0].f, y = args[1].f, v;

    if (isnan(x) || isnan(y)) { /* 1 to any power and any number to the power 0 are 1 */
        out->f = pow(x, y);
        return STATUS_OK;
    }
    if (x == 0 && y < 0)
        return status_new(ST_INVALID_POWER, "zero raised to a negative power is undefined");
    if (x < 0 && !isinf(y) && floor(y) != y)
        return status_new(ST_INVALID_POWER, "a negative number raised to a non-integer power "
                                            "yields a complex result");
    v = pow(x, y);
    return store(v, isinf(x) || isinf(y), x == 0 || isinf(x) || isinf(y), out);
}

/* ---- trigonometry
 * ------------------------------------------------------------------------------------ */

/* Functions that are not defined at infinity. */
#define TRIGONOMETRIC(name, function)                                                              \
    FN(name)                                                                                       \
    {                                                                                              \
        if (isinf(args[0].f))                                                                      \
            return domain_error("input is out of range");                                          \
        return store(function(args[0].f), false, true, out);                                       \
    }

TRIGONOMETRIC(dsin, sin)
TRIGONOMETRIC(dcos, cos)
TRIGONOMETRIC(dtan, tan)

FN(dcot)
{
    if (isinf(args[0].f))
        return domain_error("input is out of range");
    return store(1.0 / tan(args[0].f), true, true, out);
}

static status inverse_domain(double x)
{
    return x < -1 || x > 1 ? domain_error("input is out of range") : STATUS_OK;
}

FN(dasin)
{
    TRY_RETURN(inverse_domain(args[0].f));
    return store(asin(args[0].f), false, true, out);
}

FN(dacos)
{
    TRY_RETURN(inverse_domain(args[0].f));
    return store(acos(args[0].f), false, true, out);
}

FN(datan)
{
    return store(atan(args[0].f), false, true, out);
}

FN(datan2)
{
    return store(atan2(args[0].f, args[1].f), false, true, out);
}

PLAIN(dsinh, sinh(x))
PLAIN(dtanh, tanh(x))
PLAIN(dasinh, asinh(x))

FN(dcosh)
{
    return store(cosh(args[0].f), true, false, out);
}

FN(dacosh)
{
    if (args[0].f < 1)
        return domain_error("input is out of range");
    return store(acosh(args[0].f), true, true, out);
}

FN(datanh)
{
    TRY_RETURN(inverse_domain(args[0].f));
    out->f = atanh(args[0].f);
    return STATUS_OK;
}

static const double pi = 3.14159265358979323846;

FN(dpi)
{
    out->f = pi;
    return STATUS_OK;
}

FN(degrees)
{
    return store(args[0].f / (pi / 180), isinf(args[0].f), args[0].f == 0, out);
}

FN(radians)
{
    return store(args[0].f * (pi / 180), isinf(args[0].f), args[0].f == 0, out);
}

/* ---- degrees: exact where the angle is a multiple of 30 or 45
 * --------------------------------------------- */

/* sin of an angle in [0, 90] degrees, scaled so that 30 gives 0.5 and 90 gives 1. */
static double sin_quadrant(double x)
{
    if (x <= 30)
        return sin(x * (pi / 180)) / sin(30 * (pi / 180)) / 2;
    return 1 - (1 - cos((90 - x) * (pi / 180))) / (1 - cos(60 * (pi / 180))) / 2;
}

static double cos_quadrant(double x)
{
    if (x <= 60)
        return 1 - (1 - cos(x * (pi / 180))) / (1 - cos(60 * (pi / 180))) / 2;
    return sin((90 - x) * (pi / 180)) / sin(30 * (pi / 180)) / 2;
}

static double sin_degrees(double x)
{
    double sign = 1;

    x = fmod(x, 360);
    if (x < 0) {
        x = -x;
        sign = -sign;
    }
    if (x > 180) {
        x = 360 - x;
        sign = -sign;
    }
    return sign * sin_quadrant(x > 90 ? 180 - x : x);
}

static double cos_degrees(double x)
{
    double sign = 1;

    x = fabs(fmod(x, 360));
    if (x > 180)
        x = 360 - x;
    if (x > 90) {
        x = 180 - x;
        sign = -1;
    }
    return sign * cos_quadrant(x);
}

static double tan_degrees(double x)
{
    double tan45 = sin_quadrant(45) / cos_quadrant(45);
    double v = sin_degrees(x) / cos_degrees(x) / tan45;

    return v == 0 ? 0 : v; /* no negative zero */
}

#define IN_DEGREES(name, function)                                                                 \
    FN(name)                                                                                       \
    {                                                                                              \
        if (isinf(args[0].f))                                                                      \
            return domain_error("input is out of range");                                          \
        return store(function(args[0].f), true, true, out);                                        \
    }

/* Inverse functions, scaled so that the arguments 0.5 and 1 give whole angles. */
static double asin_quadrant(double x)
{
    if (x <= 0.5)
        return asin(x) / asin(0.5) * 30;
    return 90 - acos(x) / acos(0.5) * 60;
}

static double acos_quadrant(double x)
{
    if (x <= 0.5)
        return 90 - asin(x) / asin(0.5) * 30;
    return acos(x) / acos(0.5) * 60;
}

FN(dasind)
{
    TRY_RETURN(inverse_domain(args[0].f));
    out->f = args[0].f < 0 ? -asin_quadrant(-args[0].f) : asin_quadrant(args[0].f);
    return STATUS_OK;
}

FN(dacosd)
{
    TRY_RETURN(inverse_domain(args[0].f));
    out->f = args[0].f < 0 ? 90 + asin_quadrant(-args[0].f) : acos_quadrant(args[0].f);
    return STATUS_OK;
}

FN(datand)
{
    out->f = atan(args[0].f) / atan(1.0) * 45;
    return STATUS_OK;
}

FN(datan2d)
{
    out->f = atan2(args[0].f, args[1].f) / atan(1.0) * 45;
    return STATUS_OK;
}

static double cot_degrees(double x)
{
    double cot45 = cos_quadrant(45) / sin_quadrant(45);
    double v = cos_degrees(x) / sin_degrees(x) / cot45;

    return v == 0 ? 0 : v; /* no negative zero */
}

IN_DEGREES(dcotd, cot_degrees)
IN_DEGREES(dsind, sin_degrees)
IN_DEGREES(dcosd, cos_degrees)
IN_DEGREES(dtand, tan_degrees)

/* ---- width_bucket
 * -------------------------------------------------------------------------------------- */

static status width_bucket_error(const char *what)
{
    return status_new(ST_INVALID_WIDTH_BUCKET, "%s", what);
}

FN(width_bucket_float8)
{
    double  v = args[0].f, low = args[1].f, high = args[2].f;
    int64_t count = args[3].i;

    if (count <= 0)
        return width_bucket_error("count must be greater than zero");
    if (isnan(v) || isnan(low) || isnan(high))
        return width_bucket_error("operand, lower bound, and upper bound cannot be NaN");
    if (isinf(low) || isinf(high))
        return width_bucket_error("lower and upper bounds must be finite");
    if (low == high)
        return width_bucket_error("lower bound cannot equal upper bound");
    if (low < high)
        out->i = v < low     ? 0
                 : v >= high ? count + 1
                             : (int64_t)((double)count * ((v - low) / (high - low))) + 1;
    else
        out->i = v > low     ? 0
                 : v <= high ? count + 1
                             : (int64_t)((double)count * ((low - v) / (low - high))) + 1;
    if (out->i > INT32_MAX)
        return status_new(ST_NUMERIC_OUT_OF_RANGE, "integer out of range");
    return STATUS_OK;
}
