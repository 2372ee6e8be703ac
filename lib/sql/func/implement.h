/* lib/sql/func/implement.h: how the files of this folder write a function. What they
 * are in SQL (OID, types, flags) is said in the .def files; see README.md. */
#ifndef LINERA_SQL_FUNC_IMPLEMENT_H
#define LINERA_SQL_FUNC_IMPLEMENT_H

#include "sql/func/function.h"

#define FN_ARGS struct fn_call *call, const datum *args, const bool *nulls, datum *out, bool *null

/* FN(int4pl) { ... }: the scalar form. Arguments: call, args, nulls, out, null. */
#define FN(name)                                                                                   \
    status fn_##name(FN_ARGS);                                                                     \
    status fn_##name(UNUSED struct fn_call *call, UNUSED const datum *args,                        \
                     UNUSED const bool *nulls, UNUSED datum *out, UNUSED bool *null)

/* The set-returning form; also has `cursor`, and out_nulls for null. */
#define FN_SET(name)                                                                               \
    status fn_set_##name(struct fn_call *call, void **cursor, const datum *args,                   \
                         const bool *nulls, datum *out, bool *out_nulls);                          \
    status fn_set_##name(UNUSED struct fn_call *call, void **cursor, UNUSED const datum *args,     \
                         UNUSED const bool *nulls, datum *out, UNUSED bool *out_nulls)

/* The batch form of a function that also has FN(). Arguments: call, args, selected, count, out. */
#define FN_BATCH(name)                                                                             \
    status fn_batch_##name(struct fn_call *call, const struct column *const *args,                 \
                           const uint16_t *selected, size_t count, struct column *out);            \
    status fn_batch_##name(UNUSED struct fn_call *call, const struct column *const *args,          \
                           const uint16_t *selected, size_t count, struct column *out)

/* AGGREGATE(sum_int4) = {...}; */
#define AGGREGATE(name)                                                                            \
    extern const struct aggregate agg_##name;                                                      \
    const struct aggregate        agg_##name

/* A text result: copies `s` into the call's arena, unless that is over its limit. */
static inline status fn_return_text(struct fn_call *call, slice s, datum *out)
{
    TRY_RETURN(arena_check(call->arena));
    out->s = arena_copy(call->arena, s);
    return STATUS_OK;
}

#endif
