/* Arithmetic and comparison of int2, int4, int8 and bool; counting and summing. */
#include "base/checked.h"
#include "sql/func/implement.h"

static status out_of_range(const char *type)
{
    return status_new(ST_NUMERIC_OUT_OF_RANGE, "%s out of range", type);
}

/* ---- comparison: all integer types share the datum, so one body serves every pairing
 * --------------------------- */

#define COMPARE(name, op)                                                                          \
    FN(name)                                                                                       \
    {                                                                                              \
        out->b = args[0].i op args[1].i;                                                           \
        return STATUS_OK;                                                                          \
    }                                                                                              \
    FN_BATCH(name)                                                                                 \
    {                                                                                              \
        for (size_t i = 0; i < count; i++) {                                                       \
            size_t row = selected != NULL ? selected[i] : i;                                       \
                                                                                                   \
            out->values[row].b = args[0]->values[row].i op args[1]->values[row].i;                 \
        }                                                                                          \
        return STATUS_OK;                                                                          \
    }

COMPARE(int2eq, ==)
COMPARE(int2ne, !=)
COMPARE(int2lt, <)
COMPARE(int2le, <=)
COMPARE(int2gt, >)
COMPARE(int2ge, >=)
COMPARE(int4eq, ==)
COMPARE(int4ne, !=)
COMPARE(int4lt, <)
COMPARE(int4le, <=)
COMPARE(int4gt, >)
COMPARE(int4ge, >=)
COMPARE(int8eq, ==)
COMPARE(int8ne, !=)
COMPARE(int8lt, <)
COMPARE(int8le, <=)
COMPARE(int8gt, >)
COMPARE(int8ge, >=)
COMPARE(int24eq, ==)
COMPARE(int24ne, !=)
COMPARE(int24lt, <)
COMPARE(int24le, <=)
COMPARE(int24gt, >)
COMPARE(int24ge, >=)
COMPARE(int42eq, ==)
COMPARE(int42ne, !=)
COMPARE(int42lt, <)
COMPARE(int42le, <=)
COMPARE(int42gt, >)
COMPARE(int42ge, >=)
COMPARE(int28eq, ==)
COMPARE(int28ne, !=)
COMPARE(int28lt, <)
COMPARE(int28le, <=)
COMPARE(int28gt, >)
COMPARE(int28ge, >=)
COMPARE(int82eq, ==)
COMPARE(int82ne, !=)
COMPARE(int82lt, <)
COMPARE(int82le, <=)
COMPARE(int82gt, >)
COMPARE(int82ge, >=)
COMPARE(int48eq, ==)
COMPARE(int48ne, !=)
COMPARE(int48lt, <)
COMPARE(int48le, <=)
COMPARE(int48gt, >)
COMPARE(int48ge, >=)
COMPARE(int84eq, ==)
COMPARE(int84ne, !=)
COMPARE(int84lt, <)
COMPARE(int84le, <=)
COMPARE(int84gt, >)
COMPARE(int84ge, >=)
COMPARE(oideq, ==)
COMPARE(oidne, !=)
COMPARE(oidlt, <)
COMPARE(oidle, <=)
COMPARE(oidgt, >)
COMPARE(oidge, >=)
COMPARE(chareq, ==)
COMPARE(charne, !=)
COMPARE(charlt, <)
COMPARE(charle, <=)
COMPARE(chargt, >)
COMPARE(charge, >=)

#define COMPARE_BOOL(name, op)                                                                     \
    FN(name)                                                                                       \
    {                                                                                              \
        out->b = args[0].b op args[1].b;                                                           \
        return STATUS_OK;                                                                          \
    }

COMPARE_BOOL(booleq, ==)
COMPARE_BOOL(boolne, !=)
COMPARE_BOOL(boollt, <)
COMPARE_BOOL(boolle, <=)
COMPARE_BOOL(boolgt, >)
COMPARE_BOOL(boolge, >=)

/* ---- arithmetic
 * ----------------------------------------------------------------------------------------------------
 */

static bool fits(int64_t v, int bits)
{
    int64_t limit = bits == 64 ? INT64_MAX : ((int64_t)1 << (bits - 1)) - 1;

    return v <= limit && v >= -limit - 1;
}

#define ARITHMETIC(name, checked, bits, type)                                                      \
    FN(name)                                                                                       \
    {                                                                                              \
        if (!checked(args[0].i, args[1].i, &out->i) || !fits(out->i, bits))                        \
            return out_of_range(type);                                                             \
        return STATUS_OK;                                                                          \
    }                                                                                              \
    FN_BATCH(name)                                                                                 \
    {                                                                                              \
        for (size_t i = 0; i < count; i++) {                                                       \
            size_t row = selected != NULL ? selected[i] : i;                                       \
                                                                                                   \
            if (out->nulls[row])                                                                   \
                continue;                                                                          \
            if (!checked(args[0]->values[row].i, args[1]->values[row].i, &out->values[row].i) ||   \
                !fits(out->values[row].i, bits))                                                   \
                return out_of_range(type);                                                         \
        }                                                                                          \
        return STATUS_OK;                                                                          \
    }

ARITHMETIC(int2pl, checked_add, 16, "smallint")
ARITHMETIC(int2mi, checked_sub, 16, "smallint")
ARITHMETIC(int2mul, checked_mul, 16, "smallint")
ARITHMETIC(int4pl, checked_add, 32, "integer")
ARITHMETIC(int4mi, checked_sub, 32, "integer")
ARITHMETIC(int4mul, checked_mul, 32, "integer")
ARITHMETIC(int24pl, checked_add, 32, "integer")
ARITHMETIC(int24mi, checked_sub, 32, "integer")
ARITHMETIC(int24mul, checked_mul, 32, "integer")
ARITHMETIC(int42pl, checked_add, 32, "integer")
ARITHMETIC(int42mi, checked_sub, 32, "integer")
ARITHMETIC(int42mul, checked_mul, 32, "integer")
ARITHMETIC(int8pl, checked_add, 64, "bigint")
ARITHMETIC(int8mi, checked_sub, 64, "bigint")
ARITHMETIC(int8mul, checked_mul, 64, "bigint")
ARITHMETIC(int28pl, checked_add, 64, "bigint")
ARITHMETIC(int28mi, checked_sub, 64, "bigint")
ARITHMETIC(int28mul, checked_mul, 64, "bigint")
ARITHMETIC(int82pl, checked_add, 64, "bigint")
ARITHMETIC(int82mi, checked_sub, 64, "bigint")
ARITHMETIC(int82mul, checked_mul, 64, "bigint")
ARITHMETIC(int48pl, checked_add, 64, "bigint")
ARITHMETIC(int48mi, checked_sub, 64, "bigint")
ARITHMETIC(int48mul, checked_mul, 64, "bigint")
ARITHMETIC(int84pl, checked_add, 64, "bigint")
ARITHMETIC(int84mi, checked_sub, 64, "bigint")
ARITHMETIC(int84mul, checked_mul, 64, "bigint")

#define DIVISION(name, bits, type)                                                                 \
    FN(name)                                                                                       \
    {                                                                                              \
        if (args[1].i == 0)                                                                        \
            return status_new(ST_DIVISION_BY_ZERO, "division by zero");                            \
        if (args[1].i == -1) { /* the one quotient that may not fit */                             \
            if (!checked_sub((int64_t)0, args[0].i, &out->i) || !fits(out->i, bits))               \
                return out_of_range(type);                                                         \
            return STATUS_OK;                                                                      \
        }                                                                                          \
        out->i = args[0].i / args[1].i;                                                            \
        return STATUS_OK;                                                                          \
    }

DIVISION(int2div, 16, "smallint")
DIVISION(int4div, 32, "integer")
DIVISION(int24div, 32, "integer")
DIVISION(int42div, 32, "integer")
DIVISION(int8div, 64, "bigint")
DIVISION(int28div, 64, "bigint")
DIVISION(int82div, 64, "bigint")
DIVISION(int48div, 64, "bigint")
DIVISION(int84div, 64, "bigint")

#define MODULO(name)                                                                               \
    FN(name)                                                                                       \
    {                                                                                              \
        if (args[1].i == 0)                                                                        \
            return status_new(ST_DIVISION_BY_ZERO, "division by zero");                            \
        out->i = args[1].i == -1 ? 0 : args[0].i % args[1].i;                                      \
        return STATUS_OK;                                                                          \
    }

MODULO(int2mod)
MODULO(int4mod)
MODULO(int8mod)

#define NEGATION(name, bits, type)                                                                 \
    FN(name)                                                                                       \
    {                                                                                              \
        if (!checked_sub((int64_t)0, args[0].i, &out->i) || !fits(out->i, bits))                   \
            return out_of_range(type);                                                             \
        return STATUS_OK;                                                                          \
    }

NEGATION(int2um, 16, "smallint")
NEGATION(int4um, 32, "integer")
NEGATION(int8um, 64, "bigint")

#define SAME(name)                                                                                 \
    FN(name)                                                                                       \
    {                                                                                              \
        *out = args[0];                                                                            \
        return STATUS_OK;                                                                          \
    }

SAME(int2up)
SAME(int4up)
SAME(int8up)

/* ---- casts
 * -----------------------------------------------------------------------------------------------------------
 */

SAME(i2toi4)
SAME(int28)
SAME(int48)

#define NARROW(name, bits, type)                                                                   \
    FN(name)                                                                                       \
    {                                                                                              \
        if (!fits(args[0].i, bits))                                                                \
            return out_of_range(type);                                                             \
        *out = args[0];                                                                            \
        return STATUS_OK;                                                                          \
    }

NARROW(i4toi2, 16, "smallint")
NARROW(int82, 16, "smallint")
NARROW(int84, 32, "integer")

FN(i8tooid)
{
    if (args[0].i < 0 || args[0].i > UINT32_MAX)
        return status_new(ST_NUMERIC_OUT_OF_RANGE, "OID out of range");
    *out = args[0];
    return STATUS_OK;
}

SAME(oidtoi8)

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

/* ---- aggregates
 * --------------------------------------------------------------------------------------------------------
 */

struct counter {
    int64_t count;
};

static status count_update(UNUSED struct fn_call *call, void *state, UNUSED const datum *args,
                           const bool *nulls)
{
    struct counter *c = state;

    c->count += call->arg_count == 0 || !nulls[0];
    return STATUS_OK;
}

static status count_combine(UNUSED struct fn_call *call, void *state, const void *other)
{
    ((struct counter *)state)->count += ((const struct counter *)other)->count;
    return STATUS_OK;
}

static status count_finish(UNUSED struct fn_call *call, void *state, datum *out, bool *null)
{
    out->i = ((struct counter *)state)->count;
    *null = false;
    return STATUS_OK;
}

AGGREGATE(count) = {sizeof(struct counter), count_update, count_combine, count_finish};

struct int_sum {
    int64_t sum;
    bool    any;
};

static status int_sum_update(UNUSED struct fn_call *call, void *state, const datum *args,
                             const bool *nulls)
{
    struct int_sum *s = state;

    if (nulls[0])
        return STATUS_OK;
    s->any = true;
    return checked_add(s->sum, args[0].i, &s->sum) ? STATUS_OK : out_of_range("bigint");
}

static status int_sum_combine(UNUSED struct fn_call *call, void *state, const void *other)
{
    struct int_sum       *s = state;
    const struct int_sum *o = other;

    s->any = s->any || o->any;
    return checked_add(s->sum, o->sum, &s->sum) ? STATUS_OK : out_of_range("bigint");
}

static status int_sum_finish(UNUSED struct fn_call *call, void *state, datum *out, bool *null)
{
    const struct int_sum *s = state;

    out->i = s->sum;
    *null = !s->any;
    return STATUS_OK;
}

AGGREGATE(sum_int2) = {sizeof(struct int_sum), int_sum_update, int_sum_combine, int_sum_finish};
AGGREGATE(sum_int4) = {sizeof(struct int_sum), int_sum_update, int_sum_combine, int_sum_finish};
