/* Integers: arithmetic, bits, comparison, conversions among themselves. The result of each operator
 * has the wider of its operands' types, as in PostgreSQL. */
#include <math.h>

#include "sql/func/implement.h"

static status smallint_range(void)
{
    return status_new(ST_NUMERIC_OUT_OF_RANGE, "smallint out of range");
}

static status integer_range(void)
{
    return status_new(ST_NUMERIC_OUT_OF_RANGE, "integer out of range");
}

static status bigint_range(void)
{
    return status_new(ST_NUMERIC_OUT_OF_RANGE, "bigint out of range");
}

/* Store `v` in a datum of 2, 4 or 8 bytes. */
static status store2(int64_t v, datum *out)
{
    out->i = v;
    return v == (int16_t)v ? STATUS_OK : smallint_range();
}

static status store4(int64_t v, datum *out)
{
    out->i = v;
    return v == (int32_t)v ? STATUS_OK : integer_range();
}

static status store8(int64_t v, datum *out)
{
    out->i = v;
    return STATUS_OK;
}

static status divide(int64_t a, int64_t b, int64_t *out)
{
    if (b == 0)
        return status_new(ST_DIVISION_BY_ZERO, "division by zero");
    if (b == -1)
        return __builtin_sub_overflow(0, a, out) ? bigint_range() : STATUS_OK;
    *out = a / b;
    return STATUS_OK;
}

static status modulo(int64_t a, int64_t b, int64_t *out)
{
    if (b == 0)
        return status_new(ST_DIVISION_BY_ZERO, "division by zero");
    /* The quotient of the smallest number and -1 does not fit, and the machine traps on it. */
    *out = b == -1 ? 0 : a % b;
    return STATUS_OK;
}

/* + - * / for operands `p`, the result being of `bytes` bytes. Overflow of the 64-bit operation is
 * possible for 8 bytes only, but checking costs a flag. */
#define ARITHMETIC(p, bytes)                                                                       \
    FN(p##pl)                                                                                      \
    {                                                                                              \
        int64_t v;                                                                                 \
        if (__builtin_add_overflow(args[0].i, args[1].i, &v))                                      \
            return bigint_range();                                                                 \
        return store##bytes(v, out);                                                               \
    }                                                                                              \
    FN(p##mi)                                                                                      \
    {                                                                                              \
        int64_t v;                                                                                 \
        if (__builtin_sub_overflow(args[0].i, args[1].i, &v))                                      \
            return bigint_range();                                                                 \
        return store##bytes(v, out);                                                               \
    }                                                                                              \
    FN(p##mul)                                                                                     \
    {                                                                                              \
        int64_t v;                                                                                 \
        if (__builtin_mul_overflow(args[0].i, args[1].i, &v))                                      \
            return bigint_range();                                                                 \
        return store##bytes(v, out);                                                               \
    }                                                                                              \
    FN(p##div)                                                                                     \
    {                                                                                              \
        int64_t v;                                                                                 \
        TRY_RETURN(divide(args[0].i, args[1].i, &v));                                              \
        return store##bytes(v, out);                                                               \
    }

ARITHMETIC(int2, 2)
ARITHMETIC(int4, 4)
ARITHMETIC(int8, 8)
ARITHMETIC(int24, 4)
ARITHMETIC(int42, 4)
ARITHMETIC(int28, 8)
ARITHMETIC(int82, 8)
ARITHMETIC(int48, 8)
ARITHMETIC(int84, 8)

/* Operators of one width. Shifts take the count modulo the width, as the machines do. */
#define ONE_WIDTH(p, bytes, type)                                                                  \
    FN(p##mod)                                                                                     \
    {                                                                                              \
        return modulo(args[0].i, args[1].i, &out->i);                                              \
    }                                                                                              \
    FN(p##um)                                                                                      \
    {                                                                                              \
        int64_t v;                                                                                 \
        if (__builtin_sub_overflow(0, args[0].i, &v))                                              \
            return bigint_range();                                                                 \
        return store##bytes(v, out);                                                               \
    }                                                                                              \
    FN(p##up)                                                                                      \
    {                                                                                              \
        out->i = args[0].i;                                                                        \
        return STATUS_OK;                                                                          \
    }                                                                                              \
    FN(p##abs)                                                                                     \
    {                                                                                              \
        return args[0].i < 0 ? fn_##p##um(call, args, nulls, out, null)                            \
                             : store##bytes(args[0].i, out);                                       \
    }                                                                                              \
    FN(p##and)                                                                                     \
    {                                                                                              \
        out->i = args[0].i & args[1].i;                                                            \
        return STATUS_OK;                                                                          \
    }                                                                                              \
    FN(p## or)                                                                                     \
    {                                                                                              \
        out->i = args[0].i | args[1].i;                                                            \
        return STATUS_OK;                                                                          \
    }                                                                                              \
    FN(p## xor)                                                                                    \
    {                                                                                              \
        out->i = args[0].i ^ args[1].i;                                                            \
        return STATUS_OK;                                                                          \
    }                                                                                              \
    FN(p##not )                                                                                    \
    {                                                                                              \
        out->i = ~args[0].i;                                                                       \
        return STATUS_OK;                                                                          \
    }                                                                                              \
    FN(p##shl)                                                                                     \
    {                                                                                              \
        unsigned n = (unsigned)args[1].i & (sizeof(type) < 8 ? 31 : 63);                           \
        out->i = (type)((uint64_t)args[0].i << n);                                                 \
        return STATUS_OK;                                                                          \
    }                                                                                              \
    FN(p##shr)                                                                                     \
    {                                                                                              \
        unsigned n = (unsigned)args[1].i & (sizeof(type) < 8 ? 31 : 63);                           \
        out->i = args[0].i >> n;                                                                   \
        return STATUS_OK;                                                                          \
    }                                                                                              \
    FN(p##larger)                                                                                  \
    {                                                                                              \
        out->i = MAX(args[0].i, args[1].i);                                                        \
        return STATUS_OK;                                                                          \
    }                                                                                              \
    FN(p##smaller)                                                                                 \
    {                                                                                              \
        out->i = MIN(args[0].i, args[1].i);                                                        \
        return STATUS_OK;                                                                          \
    }

ONE_WIDTH(int2, 2, int16_t)
ONE_WIDTH(int4, 4, int32_t)
ONE_WIDTH(int8, 8, int64_t)

/* Every integer type has the same datum, so one comparison serves all combinations of widths, oid,
 * xid and "char" too; the names differ because pg_proc's do. */
#define COMPARE_ONE(name, op)                                                                      \
    FN(name)                                                                                       \
    {                                                                                              \
        out->b = args[0].i op args[1].i;                                                           \
        return STATUS_OK;                                                                          \
    }
#define COMPARE(p)                                                                                 \
    COMPARE_ONE(p##eq, ==)                                                                         \
    COMPARE_ONE(p##ne, !=)                                                                         \
    COMPARE_ONE(p##lt, <)                                                                          \
    COMPARE_ONE(p##le, <=)                                                                         \
    COMPARE_ONE(p##gt, >)                                                                          \
    COMPARE_ONE(p##ge, >=)

COMPARE(int2)
COMPARE(int4)
COMPARE(int8)
COMPARE(int24)
COMPARE(int42)
COMPARE(int28)
COMPARE(int82)
COMPARE(int48)
COMPARE(int84)
COMPARE(oid)
COMPARE(char)
COMPARE(tid)
COMPARE_ONE(xideq, ==)
COMPARE_ONE(xidneq, !=)
COMPARE_ONE(xideqint4, ==)
COMPARE_ONE(xidneqint4, !=)
COMPARE_ONE(cideq, ==)

/* ---- batches of the hot ones
 * ---------------------------------------------------------------------- */

#define BATCH_ROW(k) (selected != NULL ? selected[k] : (uint16_t)(k))

#define BATCH_COMPARE(name, op)                                                                    \
    FN_BATCH(int_##name)                                                                           \
    {                                                                                              \
        const datum *a = args[0]->values, *b = args[1]->values;                                    \
        for (size_t k = 0; k < count; k++) {                                                       \
            size_t                           row = BATCH_ROW(k);                                   \
            out->values[row].b = a[row].i op b[row].i;                                             \
        }                                                                                          \
        return STATUS_OK;                                                                          \
    }

/* Rows that are null hold anything at all; comparing it costs less than asking. */
BATCH_COMPARE(eq, ==)
BATCH_COMPARE(ne, !=)
BATCH_COMPARE(lt, <)
BATCH_COMPARE(le, <=)
BATCH_COMPARE(gt, >)
BATCH_COMPARE(ge, >=)

#define BATCH_ARITHMETIC(name, bytes, builtin)                                                     \
    FN_BATCH(int##bytes##_##name)                                                                  \
    {                                                                                              \
        const datum *a = args[0]->values, *b = args[1]->values;                                    \
        for (size_t k = 0; k < count; k++) {                                                       \
            size_t  row = BATCH_ROW(k);                                                            \
            int64_t v;                                                                             \
            if (out->nulls[row])                                                                   \
                continue;                                                                          \
            if (builtin(a[row].i, b[row].i, &v))                                                   \
                return bigint_range();                                                             \
            TRY_RETURN(store##bytes(v, &out->values[row]));                                        \
        }                                                                                          \
        return STATUS_OK;                                                                          \
    }

BATCH_ARITHMETIC(add, 4, __builtin_add_overflow)
BATCH_ARITHMETIC(sub, 4, __builtin_sub_overflow)
BATCH_ARITHMETIC(mul, 4, __builtin_mul_overflow)
BATCH_ARITHMETIC(add, 8, __builtin_add_overflow)
BATCH_ARITHMETIC(sub, 8, __builtin_sub_overflow)
BATCH_ARITHMETIC(mul, 8, __builtin_mul_overflow)

/* ---- casts among integers
 * -------------------------------------------------------------------------- */

#define WIDEN(name)                                                                                \
    FN(name)                                                                                       \
    {                                                                                              \
        out->i = args[0].i;                                                                        \
        return STATUS_OK;                                                                          \
    }

WIDEN(i2toi4)
WIDEN(int28)
WIDEN(int48)
WIDEN(oidtoi8)

FN(i4toi2)
{
    return store2(args[0].i, out);
}

FN(int82)
{
    return store2(args[0].i, out);
}

FN(int84)
{
    return store4(args[0].i, out);
}

FN(i8tooid)
{
    out->i = args[0].i;
    if (args[0].i < 0 || args[0].i > UINT32_MAX)
        return status_new(ST_NUMERIC_OUT_OF_RANGE, "OID out of range");
    return STATUS_OK;
}

/* "char" is a signed byte where it meets integers. */
FN(chartoi4)
{
    out->i = (int8_t)args[0].i;
    return STATUS_OK;
}

FN(i4tochar)
{
    out->i = (uint8_t)args[0].i;
    if (args[0].i < INT8_MIN || args[0].i > INT8_MAX)
        return status_new(ST_NUMERIC_OUT_OF_RANGE, "\"char\" out of range");
    return STATUS_OK;
}

FN(int4_bool)
{
    out->b = args[0].i != 0;
    return STATUS_OK;
}

FN(bool_int4)
{
    out->i = args[0].b;
    return STATUS_OK;
}

/* ---- greatest common divisor and the like
 * ---------------------------------------------------------- */

static uint64_t magnitude(int64_t v)
{
    return v < 0 ? -(uint64_t)v : (uint64_t)v;
}

static uint64_t gcd(uint64_t a, uint64_t b)
{
    while (b != 0) {
        uint64_t rest = a % b;

        a = b;
        b = rest;
    }
    return a;
}

FN(int4gcd)
{
    return store4((int64_t)gcd(magnitude(args[0].i), magnitude(args[1].i)), out);
}

FN(int8gcd)
{
    uint64_t v = gcd(magnitude(args[0].i), magnitude(args[1].i));

    return v > INT64_MAX ? bigint_range() : store8((int64_t)v, out);
}

static status lcm(int64_t a, int64_t b, datum *out)
{
    uint64_t x = magnitude(a), y = magnitude(b), v;

    out->i = 0;
    if (x == 0 || y == 0)
        return STATUS_OK;
    if (__builtin_mul_overflow(x / gcd(x, y), y, &v) || v > INT64_MAX)
        return bigint_range();
    out->i = (int64_t)v;
    return STATUS_OK;
}

FN(int4lcm)
{
    TRY_RETURN(lcm(args[0].i, args[1].i, out));
    return store4(out->i, out);
}

FN(int8lcm)
{
    return lcm(args[0].i, args[1].i, out);
}
