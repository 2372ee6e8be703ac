/* Ordered-set aggregates (PostgreSQL 15, section 9.21): percentile_cont, percentile_disc and mode.
 * Rows come in the order of WITHIN GROUP; nulls are left out. The last argument is what was
 * ordered, the one before it the fraction or fractions, the same in every row. */
#include <math.h>

#include "sql/func/implement.h"
#include "sql/func/text.h"
#include "sql/types/array.h"

struct ordered {
    datum *values;
    size_t count, capacity;
    datum  fraction;
    bool   has_fraction, fraction_null;
};

static status ordered_update(struct fn_call *call, void *state, const datum *args,
                             const bool *nulls)
{
    struct ordered    *s = state;
    size_t             last = call->arg_count - 1;
    const struct type *t = type_by_oid(call->arg_types[last]);

    TRY_RETURN(arena_check(call->arena));
    if (last > 0 && !s->has_fraction) {
        s->has_fraction = true;
        s->fraction_null = nulls[0];
        if (!nulls[0])
            s->fraction = datum_copy(call->arena, type_by_oid(call->arg_types[0]), args[0]);
    }
    if (nulls[last])
        return STATUS_OK;
    if (s->count == s->capacity) {
        size_t capacity = MAX(s->capacity * 2, (size_t)16);
        void  *bigger;

        TRY_RETURN(arena_try_alloc(call->arena, capacity * sizeof *s->values, &bigger));
        if (s->count > 0)
            memcpy(bigger, s->values, s->count * sizeof *s->values);
        s->values = bigger;
        s->capacity = capacity;
    }
    s->values[s->count++] = datum_copy(call->arena, t, args[last]);
    return STATUS_OK;
}

static status check_fraction(struct fn_call *call, double fraction)
{
    slice text;

    if (fraction >= 0 && fraction <= 1)
        return STATUS_OK;
    TRY_RETURN(text_of_value(call, OID_FLOAT8, (datum){.f = fraction}, &text));
    return status_new(ST_NUMERIC_OUT_OF_RANGE, "percentile value %.*s is not between 0 and 1",
                      SLICE_FMT(text));
}

status fn_interval_mi(FN_ARGS);
status fn_interval_mul(FN_ARGS);
status fn_interval_pl(FN_ARGS);

/* low + share * (high - low). */
static status between(struct fn_call *call, datum low, datum high, double share, datum *out)
{
    bool  no_nulls[2] = {false, false}, null = false;
    datum args[2] = {high, low};

    if (call->arg_types[call->arg_count - 1] == OID_FLOAT8) {
        out->f = low.f + share * (high.f - low.f);
        return STATUS_OK;
    }
    TRY_RETURN(fn_interval_mi(call, args, no_nulls, &args[0], &null));
    args[1].f = share;
    TRY_RETURN(fn_interval_mul(call, args, no_nulls, &args[0], &null));
    args[1] = low;
    return fn_interval_pl(call, args, no_nulls, out, &null);
}

static status continuous(struct fn_call *call, const struct ordered *s, double fraction, datum *out)
{
    double at = fraction * (double)(s->count - 1);
    size_t first = (size_t)floor(at), second = (size_t)ceil(at);

    if (first == second) {
        *out = s->values[first];
        return STATUS_OK;
    }
    return between(call, s->values[first], s->values[second], at - (double)first, out);
}

static status discrete(struct fn_call *call, const struct ordered *s, double fraction, datum *out)
{
    double row = ceil(fraction * (double)s->count);

    (void)call;
    *out = s->values[row < 1 ? 0 : (size_t)row - 1];
    return STATUS_OK;
}

typedef status (*pick_fn)(struct fn_call *call, const struct ordered *s, double fraction,
                          datum *out);

static status finish_one(struct fn_call *call, const struct ordered *s, pick_fn pick, datum *out,
                         bool *null)
{
    *null = !s->has_fraction || s->fraction_null;
    if (*null)
        return STATUS_OK;
    TRY_RETURN(check_fraction(call, s->fraction.f));
    *null = s->count == 0;
    return *null ? STATUS_OK : pick(call, s, s->fraction.f, out);
}

/* An array of fractions gives an array of the same shape. */
static status finish_array(struct fn_call *call, const struct ordered *s, pick_fn pick, datum *out,
                           bool *null)
{
    const struct type *t = type_by_oid(call->arg_types[call->arg_count - 1]);
    struct array_view  v;
    datum             *fractions, *results;
    bool              *nulls;

    *null = !s->has_fraction || s->fraction_null || s->count == 0;
    if (*null)
        return STATUS_OK;
    TRY_RETURN(array_unpack(call->arena, s->fraction.s, &v, &fractions, &nulls));
    results = ARENA_ARRAY(call->arena, datum, v.count + 1);
    for (size_t i = 0; i < v.count; i++) {
        if (nulls[i])
            continue;
        TRY_RETURN(check_fraction(call, fractions[i].f));
        TRY_RETURN(pick(call, s, fractions[i].f, &results[i]));
    }
    return array_build_shaped(call->arena, t, v.dimensions, v.lengths, v.lower, results, nulls,
                              &out->s);
}

#define PERCENTILE(name, finish_how, how)                                                          \
    static status name##_finish(struct fn_call *call, void *state, datum *out, bool *null)         \
    {                                                                                              \
        return finish_how(call, state, how, out, null);                                            \
    }                                                                                              \
    AGGREGATE(name) = {                                                                            \
        .state_size = sizeof(struct ordered), .update = ordered_update, .finish = name##_finish}

PERCENTILE(percentile_cont, finish_one, continuous);
PERCENTILE(percentile_cont_multi, finish_array, continuous);
PERCENTILE(percentile_disc, finish_one, discrete);
PERCENTILE(percentile_disc_multi, finish_array, discrete);

/* The value with the longest run; of equally long ones the first. */
static status mode_finish(struct fn_call *call, void *state, datum *out, bool *null)
{
    const struct ordered *s = state;
    const struct type    *t = type_by_oid(call->arg_types[0]);
    size_t                longest = 0;

    *null = s->count == 0;
    for (size_t i = 0, run = 0; i < s->count; i++) {
        run = i > 0 && t->compare(s->values[i - 1], s->values[i]) == 0 ? run + 1 : 1;
        if (run > longest) {
            longest = run;
            *out = s->values[i];
        }
    }
    return STATUS_OK;
}

AGGREGATE(mode) = {
    .state_size = sizeof(struct ordered), .update = ordered_update, .finish = mode_finish};
