/* string_agg and array_agg: aggregates whose state grows with the group. */
#include "sql/func/implement.h"
#include "sql/types/array.h"

/* Double the room of a block in the states' arena. */
static status grow(struct arena *a, void **p, size_t used, size_t *capacity, size_t need)
{
    size_t size = MAX(MAX(need, 2 * *capacity), 64);
    void  *bigger;

    if (need <= *capacity)
        return STATUS_OK;
    TRY_RETURN(arena_try_alloc(a, size, &bigger));
    if (used > 0)
        memcpy(bigger, *p, used);
    *p = bigger;
    *capacity = size;
    return STATUS_OK;
}

/* ---- string_agg
 * ----------------------------------------------------------------------------------- */

struct text_list {
    char  *text;
    size_t size, capacity;
    bool   any;
    size_t first_delimiter; /* bytes of the first value's delimiter, which combine() needs and the
                               result leaves out */
};

static status text_append(struct fn_call *call, struct text_list *l, slice s)
{
    TRY_RETURN(grow(call->arena, (void **)&l->text, l->size, &l->capacity, l->size + s.size));
    if (s.size > 0)
        memcpy(l->text + l->size, s.data, s.size);
    l->size += s.size;
    return STATUS_OK;
}

/* Nulls are left out; a null delimiter is an empty one. */
static status string_agg_update(struct fn_call *call, void *state, const datum *args,
                                const bool *nulls)
{
    struct text_list *l = state;

    if (nulls[0])
        return STATUS_OK;
    if (!l->any)
        l->first_delimiter = nulls[1] ? 0 : args[1].s.size;
    l->any = true;
    if (!nulls[1])
        TRY_RETURN(text_append(call, l, args[1].s));
    return text_append(call, l, args[0].s);
}

static status string_agg_combine(struct fn_call *call, void *state, const void *other)
{
    struct text_list       *l = state;
    const struct text_list *o = other;

    if (!o->any)
        return STATUS_OK;
    if (!l->any)
        l->first_delimiter = o->first_delimiter;
    l->any = true;
    return text_append(call, l, slice_make(o->text, o->size));
}

static status string_agg_finish(struct fn_call *call, void *state, datum *out, bool *null)
{
    struct text_list *l = state;

    (void)call;
    *null = !l->any;
    out->s = slice_from(slice_make(l->text, l->size), l->first_delimiter);
    return STATUS_OK;
}

AGGREGATE(string_agg) = {
    .state_size = sizeof(struct text_list),
    .update = string_agg_update,
    .combine = string_agg_combine,
    .finish = string_agg_finish,
};

/* ---- array_agg
 * ------------------------------------------------------------------------------------- */

struct value_list {
    datum *values;
    bool  *nulls;
    size_t count, values_capacity, nulls_capacity;
};

static status value_append(struct fn_call *call, struct value_list *l, datum v, bool null)
{
    const struct type *t = type_by_oid(call->arg_types[0]);

    TRY_RETURN(grow(call->arena, (void **)&l->values, l->count * sizeof v, &l->values_capacity,
                    (l->count + 1) * sizeof v));
    TRY_RETURN(grow(call->arena, (void **)&l->nulls, l->count, &l->nulls_capacity, l->count + 1));
    if (!null && t->datum_kind == DATUM_SLICE) {
        TRY_RETURN(arena_check(call->arena));
        v = datum_copy(call->arena, t, v);
    }
    l->values[l->count] = v;
    l->nulls[l->count++] = null;
    return STATUS_OK;
}

static status array_agg_update(struct fn_call *call, void *state, const datum *args,
                               const bool *nulls)
{
    return value_append(call, state, args[0], nulls[0]);
}

static status array_agg_combine(struct fn_call *call, void *state, const void *other)
{
    const struct value_list *o = other;

    for (size_t i = 0; i < o->count; i++)
        TRY_RETURN(value_append(call, state, o->values[i], o->nulls[i]));
    return STATUS_OK;
}

static status array_agg_finish(struct fn_call *call, void *state, datum *out, bool *null)
{
    struct value_list *l = state;

    *null = l->count == 0;
    return *null ? STATUS_OK
                 : array_build(call->arena, type_by_oid(call->arg_types[0]), l->values, l->nulls,
                               l->count, &out->s);
}

AGGREGATE(array_agg) = {
    .state_size = sizeof(struct value_list),
    .update = array_agg_update,
    .combine = array_agg_combine,
    .finish = array_agg_finish,
};

/* Arrays become the rows of one with a dimension more; all must have the same shape. */
static status check_shape(const struct value_list *l, const struct array_view *first)
{
    struct array_view v;

    for (size_t i = 0; i < l->count; i++) {
        if (l->nulls[i])
            return status_new(ST_NULL_NOT_ALLOWED, "cannot accumulate null arrays");
        TRY_RETURN(array_open(l->values[i].s, &v));
        if (v.dimensions == 0)
            return status_new(ST_ARRAY_SUBSCRIPT, "cannot accumulate empty arrays");
        if (v.dimensions != first->dimensions ||
            memcmp(v.lengths, first->lengths, v.dimensions * sizeof *v.lengths) != 0)
            return status_new(ST_ARRAY_SUBSCRIPT,
                              "cannot accumulate arrays of different dimensionality");
    }
    return STATUS_OK;
}

static status array_agg_array_finish(struct fn_call *call, void *state, datum *out, bool *null)
{
    struct value_list *l = state;
    struct array_view  first = {0}, v;
    size_t             lengths[ARRAY_DIMENSIONS_MAX];
    int32_t            lower[ARRAY_DIMENSIONS_MAX];
    datum             *values;
    bool              *nulls;
    size_t             n = 0;

    *null = l->count == 0;
    if (*null)
        return STATUS_OK;
    if (!l->nulls[0])
        TRY_RETURN(array_open(l->values[0].s, &first));
    TRY_RETURN(check_shape(l, &first));
    if (first.dimensions == ARRAY_DIMENSIONS_MAX)
        return status_new(ST_LIMIT_EXCEEDED,
                          "number of array dimensions (%d) exceeds the maximum allowed (%d)",
                          ARRAY_DIMENSIONS_MAX + 1, ARRAY_DIMENSIONS_MAX);
    lengths[0] = l->count;
    lower[0] = 1;
    memcpy(lengths + 1, first.lengths, first.dimensions * sizeof *lengths);
    memcpy(lower + 1, first.lower, first.dimensions * sizeof *lower);
    TRY_RETURN(
        arena_try_alloc(call->arena, l->count * first.count * sizeof *values, (void **)&values));
    TRY_RETURN(arena_try_alloc(call->arena, l->count * first.count, (void **)&nulls));
    for (size_t i = 0; i < l->count; i++) {
        TRY_RETURN(array_open(l->values[i].s, &v));
        while (array_next(&v, &values[n], &nulls[n]))
            n++;
    }
    if (n != l->count * first.count)
        return status_new(ST_CORRUPT, "a stored array is damaged");
    return array_build_shaped(call->arena, first.element, first.dimensions + 1, lengths, lower,
                              values, nulls, &out->s);
}

AGGREGATE(array_agg_array) = {
    .state_size = sizeof(struct value_list),
    .update = array_agg_update,
    .combine = array_agg_combine,
    .finish = array_agg_array_finish,
};
