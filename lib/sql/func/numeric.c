/* NUMERIC: operators, conversions, mathematical functions. The work is in types/numeric*.c. */
#include <math.h>

#include "sql/func/implement.h"
#include "sql/types/float.h"
#include "sql/types/numeric.h"
#include "sql/types/ops.h"

#define BINARY(name, function)                                                                     \
    FN(name)                                                                                       \
    {                                                                                              \
        return function(call->arena, args[0].s, args[1].s, &out->s);                               \
    }

BINARY(numeric_add, numeric_add)
BINARY(numeric_sub, numeric_sub)
BINARY(numeric_mul, numeric_mul)
BINARY(numeric_div, numeric_div)
BINARY(numeric_div_trunc, numeric_div_trunc)
BINARY(numeric_mod, numeric_mod)
BINARY(numeric_power, numeric_power)
BINARY(numeric_log, numeric_log)
BINARY(numeric_gcd, numeric_gcd)
BINARY(numeric_lcm, numeric_lcm)

#define UNARY(name, function)                                                                      \
    FN(name)                                                                                       \
    {                                                                                              \
        return function(call->arena, args[0].s, &out->s);                                          \
    }

UNARY(numeric_sqrt, numeric_sqrt)
UNARY(numeric_exp, numeric_exp)
UNARY(numeric_ln, numeric_ln)

#define COMPARE(name, op)                                                                          \
    FN(name)                                                                                       \
    {                                                                                              \
        out->b = numeric_compare(args[0], args[1]) op 0;                                           \
        return STATUS_OK;                                                                          \
    }

COMPARE(numeric_eq, ==)
COMPARE(numeric_ne, !=)
COMPARE(numeric_lt, <)
COMPARE(numeric_le, <=)
COMPARE(numeric_gt, >)
COMPARE(numeric_ge, >=)

FN(numeric_uplus)
{
    out->s = args[0].s;
    return STATUS_OK;
}

FN(numeric_uminus)
{
    out->s = numeric_negate(call->arena, args[0].s);
    return STATUS_OK;
}

static int sign(slice v)
{
    enum numeric_class class = numeric_class(v);

    if (class == NUMERIC_NEGATIVE || class == NUMERIC_NEG_INFINITY)
        return -1;
    return !numeric_is_zero(v);
}

FN(numeric_abs)
{
    out->s = sign(args[0].s) < 0 ? numeric_negate(call->arena, args[0].s) : args[0].s;
    return STATUS_OK;
}

FN(numeric_sign)
{
    if (numeric_class(args[0].s) == NUMERIC_NAN)
        out->s = args[0].s;
    else
        out->s = numeric_from_int64(call->arena, sign(args[0].s));
    return STATUS_OK;
}

FN(numeric_inc)
{
    return numeric_add(call->arena, args[0].s, numeric_from_int64(call->arena, 1), &out->s);
}

FN(numeric_larger)
{
    *out = args[numeric_compare(args[0], args[1]) > 0 ? 0 : 1];
    return STATUS_OK;
}

FN(numeric_smaller)
{
    *out = args[numeric_compare(args[0], args[1]) < 0 ? 0 : 1];
    return STATUS_OK;
}

/* ---- rounding
 * ------------------------------------------------------------------------------------- */

FN(numeric_round)
{
    return numeric_round_to(call->arena, args[0].s, (int)args[1].i, NUMERIC_ROUND, &out->s);
}

FN(numeric_trunc)
{
    return numeric_round_to(call->arena, args[0].s, (int)args[1].i, NUMERIC_TRUNC, &out->s);
}

FN(round_1708)
{
    return numeric_round_to(call->arena, args[0].s, 0, NUMERIC_ROUND, &out->s);
}

FN(trunc_1710)
{
    return numeric_round_to(call->arena, args[0].s, 0, NUMERIC_TRUNC, &out->s);
}

FN(numeric_ceil)
{
    return numeric_round_to(call->arena, args[0].s, 0, NUMERIC_CEIL, &out->s);
}

FN(numeric_floor)
{
    return numeric_round_to(call->arena, args[0].s, 0, NUMERIC_FLOOR, &out->s);
}

FN(log_1741)
{
    return numeric_log(call->arena, numeric_from_int64(call->arena, 10), args[0].s, &out->s);
}

FN(numeric_fac)
{
    return numeric_factorial(call->arena, args[0].i, &out->s);
}

static bool is_special(slice v)
{
    return numeric_class(v) > NUMERIC_NEGATIVE;
}

FN(numeric_scale)
{
    *null = is_special(args[0].s);
    out->i = numeric_scale(args[0].s);
    return STATUS_OK;
}

FN(numeric_min_scale)
{
    *null = is_special(args[0].s);
    out->i = numeric_min_scale(args[0].s);
    return STATUS_OK;
}

FN(numeric_trim_scale)
{
    out->s = numeric_trim_scale(call->arena, args[0].s);
    return STATUS_OK;
}

/* ---- conversions
 * -------------------------------------------------------------------------------------- */

/* numeric(value, typmod): the length coercion. */
FN(numeric)
{
    return numeric_apply_typmod(call->arena, args[0].s, (int32_t)args[1].i, &out->s);
}

#define FROM_INTEGER(name)                                                                         \
    FN(name)                                                                                       \
    {                                                                                              \
        out->s = numeric_from_int64(call->arena, args[0].i);                                       \
        return STATUS_OK;                                                                          \
    }

FROM_INTEGER(int2_numeric)
FROM_INTEGER(int4_numeric)
FROM_INTEGER(int8_numeric)

FN(float8_numeric)
{
    return numeric_from_double(call->arena, args[0].f, 15, &out->s);
}

FN(float4_numeric)
{
    return numeric_from_double(call->arena, args[0].f, 6, &out->s);
}

static status to_integer(slice v, const char *type, int64_t min, int64_t max, int64_t *out)
{
    TRY_RETURN(numeric_to_int64(v, type, out));
    if (*out < min || *out > max)
        return status_new(ST_NUMERIC_OUT_OF_RANGE, "%s out of range", type);
    return STATUS_OK;
}

FN(numeric_int2)
{
    return to_integer(args[0].s, "smallint", INT16_MIN, INT16_MAX, &out->i);
}

FN(numeric_int4)
{
    return to_integer(args[0].s, "integer", INT32_MIN, INT32_MAX, &out->i);
}

FN(numeric_int8)
{
    return to_integer(args[0].s, "bigint", INT64_MIN, INT64_MAX, &out->i);
}

FN(numeric_float8)
{
    return numeric_to_double(args[0].s, &out->f);
}

/* Through the digits, not through a double, which would round twice. */
FN(numeric_float4)
{
    struct buf text SCOPED(buf);

    buf_init(&text, NULL);
    numeric_format(args[0].s, &text);
    return float_parse(type_by_oid(OID_FLOAT4), buf_slice(&text), &out->f);
}

/* ---- width_bucket
 * --------------------------------------------------------------------------------------- */

static status width_bucket_error(const char *what)
{
    return status_new(ST_INVALID_WIDTH_BUCKET, "%s", what);
}

/* floor(count * (v - low) / (high - low)) + 1, exactly. */
static status bucket(struct arena *a, slice v, slice low, slice high, int64_t count, int64_t *out)
{
    slice span, distance;

    TRY_RETURN(numeric_sub(a, high, low, &span));
    TRY_RETURN(numeric_sub(a, v, low, &distance));
    TRY_RETURN(numeric_mul(a, distance, numeric_from_int64(a, count), &distance));
    TRY_RETURN(numeric_div_trunc(a, distance, span, &distance));
    TRY_RETURN(numeric_to_int64(distance, "integer", out));
    ++*out;
    return STATUS_OK;
}

FN(width_bucket_numeric)
{
    int64_t count = args[3].i;
    int     direction = numeric_compare(args[1], args[2]);
    bool    below, above;

    if (count <= 0)
        return width_bucket_error("count must be greater than zero");
    for (int i = 0; i < 3; i++) {
        if (numeric_class(args[i].s) == NUMERIC_NAN)
            return width_bucket_error("operand, lower bound, and upper bound cannot be NaN");
    }
    if (is_special(args[1].s) || is_special(args[2].s))
        return width_bucket_error("lower and upper bounds must be finite");
    if (direction == 0)
        return width_bucket_error("lower bound cannot equal upper bound");
    below = numeric_compare(args[0], args[1]) * direction > 0;
    above = numeric_compare(args[0], args[2]) * direction <= 0;
    if (below)
        out->i = 0;
    else if (above)
        out->i = count + 1;
    else
        TRY_RETURN(bucket(call->arena, args[0].s, args[1].s, args[2].s, count, &out->i));
    if (out->i > INT32_MAX)
        return status_new(ST_NUMERIC_OUT_OF_RANGE, "integer out of range");
    return STATUS_OK;
}

/* ---- generate_series
 * -------------------------------------------------------------------------------------- */

struct numeric_series {
    slice next, last, step;
    bool  down;
};

static status series_bound(const char *what, slice v)
{
    if (numeric_class(v) == NUMERIC_NAN)
        return status_new(ST_INVALID_PARAMETER_VALUE, "%s cannot be NaN", what);
    if (is_special(v))
        return status_new(ST_INVALID_PARAMETER_VALUE, "%s cannot be infinity", what);
    return STATUS_OK;
}

static status series_start(struct fn_call *call, const datum *args, struct numeric_series *s)
{
    TRY_RETURN(series_bound("start value", args[0].s));
    TRY_RETURN(series_bound("stop value", args[1].s));
    s->step = numeric_from_int64(call->call_arena, 1);
    if (call->arg_count > 2) {
        TRY_RETURN(series_bound("step size", args[2].s));
        if (numeric_is_zero(args[2].s))
            return status_new(ST_INVALID_PARAMETER_VALUE, "step size cannot equal zero");
        s->step = arena_copy(call->call_arena, args[2].s);
    }
    s->next = arena_copy(call->call_arena, args[0].s);
    s->last = arena_copy(call->call_arena, args[1].s);
    s->down = sign(s->step) < 0;
    return STATUS_OK;
}

FN_SET(generate_series_step_numeric)
{
    struct numeric_series *s = *cursor;
    int                    order;

    if (s == NULL) {
        *cursor = s = ARENA_NEW(call->call_arena, struct numeric_series);
        TRY_RETURN(series_start(call, args, s));
    }
    order = numeric_compare((datum){.s = s->next}, (datum){.s = s->last});
    if (s->down ? order < 0 : order > 0)
        return STATUS_NO_DATA;
    out->s = s->next;
    TRY_RETURN(arena_check(call->call_arena));
    return numeric_add(call->call_arena, s->next, s->step, &s->next);
}

FN_SET(generate_series_numeric)
{
    return fn_set_generate_series_step_numeric(call, cursor, args, nulls, out, out_nulls);
}
