/* Aggregates that need no arithmetic of their own type: count, min and max by the type's order,
 * sums of small integers, truth values and bits. */
#include "sql/func/implement.h"
#include "sql/types/type.h"

/* ---- count --------------------------------------------------------------------------------------
 */

static status count_update(struct fn_call *call, void *state, const datum *args, const bool *nulls)
{
    (void)call, (void)args, (void)nulls;
    ++*(int64_t *)state;
    return STATUS_OK;
}

static status int_sum_combine(struct fn_call *call, void *state, const void *other)
{
    (void)call;
    *(int64_t *)state += *(const int64_t *)other;
    return STATUS_OK;
}

static status count_finish(struct fn_call *call, void *state, datum *out, bool *null)
{
    (void)call, (void)null;
    out->i = *(int64_t *)state;
    return STATUS_OK;
}

extern const struct aggregate agg_count;
const struct aggregate        agg_count = {
           .state_size = sizeof(int64_t),
           .update = count_update,
           .combine = int_sum_combine,
           .finish = count_finish,
};

/* ---- sum(int2), sum(int4)
 * ------------------------------------------------------------------------ */

struct int_sum {
    int64_t sum;
    bool    any;
};

static status sum_int_add(struct int_sum *s, int64_t v)
{
    s->any = true;
    if (__builtin_add_overflow(s->sum, v, &s->sum))
        return status_new(ST_NUMERIC_OUT_OF_RANGE, "bigint out of range");
    return STATUS_OK;
}

static status sum_int_update(struct fn_call *call, void *state, const datum *args,
                             const bool *nulls)
{
    (void)call, (void)nulls;
    return sum_int_add(state, args[0].i);
}

static status sum_int_combine(struct fn_call *call, void *state, const void *other)
{
    const struct int_sum *o = other;

    (void)call;
    return o->any ? sum_int_add(state, o->sum) : STATUS_OK;
}

static status sum_int_finish(struct fn_call *call, void *state, datum *out, bool *null)
{
    struct int_sum *s = state;

    (void)call;
    out->i = s->sum;
    *null = !s->any;
    return STATUS_OK;
}

extern const struct aggregate agg_sum_int;
const struct aggregate        agg_sum_int = {
           .state_size = sizeof(struct int_sum),
           .update = sum_int_update,
           .combine = sum_int_combine,
           .finish = sum_int_finish,
};

/* ---- min and max
 * ---------------------------------------------------------------------------------- */

/* The best value so far. Slices are copied into a buffer of the state's own, which is used again
 * for the next winner that fits it, so a long ascending column does not fill the arena. */
struct extreme {
    bool   any;
    datum  value;
    char  *room;
    size_t room_size;
};

static const struct type *extreme_type(struct fn_call *call)
{
    if (call->state == NULL)
        call->state = (void *)(uintptr_t)type_by_oid(call->arg_types[0]);
    return call->state;
}

static status extreme_keep(struct fn_call *call, const struct type *t, struct extreme *e, datum v)
{
    e->any = true;
    e->value = v;
    if (t->datum_kind != DATUM_SLICE)
        return STATUS_OK;
    if (v.s.size > e->room_size) {
        size_t size = MAX(v.s.size, 2 * e->room_size);

        TRY_RETURN(arena_try_alloc(call->arena, size, (void **)&e->room));
        e->room_size = size;
    }
    if (v.s.size > 0)
        memcpy(e->room, v.s.data, v.s.size);
    e->value.s = slice_make(e->room, v.s.size);
    return STATUS_OK;
}

static status extreme_offer(struct fn_call *call, void *state, datum v, int sign)
{
    const struct type *t = extreme_type(call);
    struct extreme    *e = state;

    if (e->any && sign * t->compare(v, e->value) <= 0)
        return STATUS_OK;
    return extreme_keep(call, t, e, v);
}

static status max_update(struct fn_call *call, void *state, const datum *args, const bool *nulls)
{
    (void)nulls;
    return extreme_offer(call, state, args[0], 1);
}

static status min_update(struct fn_call *call, void *state, const datum *args, const bool *nulls)
{
    (void)nulls;
    return extreme_offer(call, state, args[0], -1);
}

static status max_combine(struct fn_call *call, void *state, const void *other)
{
    const struct extreme *o = other;

    return o->any ? extreme_offer(call, state, o->value, 1) : STATUS_OK;
}

static status min_combine(struct fn_call *call, void *state, const void *other)
{
    const struct extreme *o = other;

    return o->any ? extreme_offer(call, state, o->value, -1) : STATUS_OK;
}

static status extreme_finish(struct fn_call *call, void *state, datum *out, bool *null)
{
    struct extreme *e = state;

    (void)call;
    *out = e->value;
    *null = !e->any;
    return STATUS_OK;
}

extern const struct aggregate agg_max, agg_min;
const struct aggregate        agg_max = {
           .state_size = sizeof(struct extreme),
           .update = max_update,
           .combine = max_combine,
           .finish = extreme_finish,
};
const struct aggregate agg_min = {
    .state_size = sizeof(struct extreme),
    .update = min_update,
    .combine = min_combine,
    .finish = extreme_finish,
};

/* ---- bool_and, bool_or, bit_and, bit_or, bit_xor
 * ---------------------------------------------------- */

struct folded {
    bool  any;
    datum value;
};

#define FOLD(name, expression)                                                                     \
    static status name##_fold(struct folded *f, datum v)                                           \
    {                                                                                              \
        if (!f->any)                                                                               \
            f->value = v;                                                                          \
        else                                                                                       \
            expression;                                                                            \
        f->any = true;                                                                             \
        return STATUS_OK;                                                                          \
    }                                                                                              \
    static status name##_update(struct fn_call *call, void *state, const datum *args,              \
                                const bool *nulls)                                                 \
    {                                                                                              \
        (void)call, (void)nulls;                                                                   \
        return name##_fold(state, args[0]);                                                        \
    }                                                                                              \
    static status name##_combine(struct fn_call *call, void *state, const void *other)             \
    {                                                                                              \
        const struct folded *o = other;                                                            \
        (void)call;                                                                                \
        return o->any ? name##_fold(state, o->value) : STATUS_OK;                                  \
    }                                                                                              \
    extern const struct aggregate agg_##name;                                                      \
    const struct aggregate        agg_##name = {                                                   \
               .state_size = sizeof(struct folded),                                                \
               .update = name##_update,                                                            \
               .combine = name##_combine,                                                          \
               .finish = folded_finish,                                                            \
    };

static status folded_finish(struct fn_call *call, void *state, datum *out, bool *null)
{
    struct folded *f = state;

    (void)call;
    *out = f->value;
    *null = !f->any;
    return STATUS_OK;
}

FOLD(bool_and, f->value.b = f->value.b && v.b)
FOLD(bool_or, f->value.b = f->value.b || v.b)
FOLD(bit_and, f->value.i &= v.i)
FOLD(bit_or, f->value.i |= v.i)
FOLD(bit_xor, f->value.i ^= v.i)
