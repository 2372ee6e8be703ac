/* lib/sql/func/function.h: the functions, operators, aggregates and casts of SQL, as data.
 *
 * The catalogue is functions.def and its neighbours, one line an entry with PostgreSQL's OID, read
 * by the generator that makes the tables below, and by pg_proc, pg_operator, pg_cast, pg_aggregate.
 */
#ifndef LINERA_SQL_FUNC_FUNCTION_H
#define LINERA_SQL_FUNC_FUNCTION_H

#include "sql/context.h"
#include "sql/datum.h"

enum { FUNCTION_ARGS_MAX = 100 };

enum function_kind { FUNCTION_SCALAR = 'f', FUNCTION_AGGREGATE = 'a', FUNCTION_WINDOW = 'w' };
enum volatility { VOLATILITY_IMMUTABLE = 'i', VOLATILITY_STABLE = 's', VOLATILITY_VOLATILE = 'v' };

/* One place in a statement that calls a function. The executor makes one per call site and keeps it
 * for the statement, so `state` can cache what depends on constant arguments (a compiled pattern).
 */
struct fn_call {
    struct sql_context    *context;
    const struct function *fn;
    struct arena          *arena;      /* results that need memory; lives as long as the batch */
    struct arena          *call_arena; /* lives as long as the call site */
    size_t                 arg_count;
    const uint32_t        *arg_types; /* the actual ones, where fn has pseudo-types */
    uint32_t               result_type;
    uint32_t               collation;
    bool                   variadic_array; /* VARIADIC arr was written: of a function that takes
                                              VARIADIC "any", the last argument is the array */
    void                  *state;          /* NULL at first */
};

/* One row. A strict function is never called with a null; others read nulls[]. *null is false at
 * the call. */
typedef status (*fn_scalar)(struct fn_call *call, const datum *args, const bool *nulls, datum *out,
                            bool *null);

/* A batch: rows `selected[0..count)`, or 0..count when selected is NULL, of each argument column (a
 * constant argument is a column too). out->nulls is set for the rows where a strict function has a
 * null argument before the call. Optional: the generic loop over the scalar form serves when it is
 * missing. */
typedef status (*fn_batch)(struct fn_call *call, const struct column *const *args,
                           const uint16_t *selected, size_t count, struct column *out);

/* Set-returning: each call gives the next row's columns; STATUS_NO_DATA behind the last. `*cursor`
 * is NULL at first and the function's own afterwards (in call->call_arena). */
typedef status (*fn_set)(struct fn_call *call, void **cursor, const datum *args, const bool *nulls,
                         datum *out, bool *out_nulls);

/* Aggregates. The state is `state_size` zeroed bytes, aligned to 16, in an arena that outlives the
 * group; update() sees each row (strict aggregates: rows with no null argument only). In update()
 * and combine(), call->arena is an arena that lives as long as the states: what a state points to
 * is allocated there. In finish() it is the arena of results, which may point into the state. */
struct aggregate {
    size_t state_size;
    status (*update)(struct fn_call *call, void *state, const datum *args, const bool *nulls);
    /* Merge `other` into `state`, for partial aggregation; NULL when the aggregate cannot. */
    status (*combine)(struct fn_call *call, void *state, const void *other);
    status (*finish)(struct fn_call *call, void *state, datum *out, bool *null);
};

struct function {
    uint32_t                oid;
    const char             *name;
    enum function_kind      kind;
    enum volatility         volatility;
    bool                    strict;
    bool                    returns_set;
    bool                    ordered_set; /* an aggregate: WITHIN GROUP gives the last argument */
    bool                    variadic; /* the last parameter takes any number of its element type */
    uint32_t                result_type;
    uint8_t                 arg_count;
    uint8_t                 default_count; /* how many trailing arguments may be left out */
    const uint32_t         *arg_types;
    const char *const      *arg_names; /* NULL: none */
    const datum            *defaults;  /* values of the trailing defaults; NULL: none */
    /* OUT columns of a set-returning function with several; NULL when the result is one column. */
    size_t                  column_count;
    const uint32_t         *column_types;
    const char *const      *column_names;
    fn_scalar               scalar;
    fn_batch                batch; /* may be NULL */
    fn_set                  set;
    const struct aggregate *aggregate;
    const char             *source; /* pg_proc.prosrc */
};

struct operator_def {
    uint32_t               oid;
    const char            *name;      /* "+" */
    uint32_t               left_type; /* 0 for a prefix operator */
    uint32_t               right_type;
    uint32_t               result_type;
    const struct function *fn;
    uint32_t               commutator, negator; /* OIDs, 0 for none */
    bool                   can_merge, can_hash;
    /* What the planner may do with it: '<', 'l' (<=), '=', 'g' (>=), '>' of the default btree
     * order, 0 otherwise. Between two integer types it is of the order of both, since their values
     * compare, hash and encode alike. */
    char                   order;
};

enum cast_context { CAST_EXPLICIT = 'e', CAST_ASSIGNMENT = 'a', CAST_IMPLICIT = 'i' };
enum cast_method { CAST_BY_FUNCTION = 'f', CAST_BY_IO = 'i', CAST_RELABEL = 'b' };

struct cast_def {
    uint32_t               oid;
    uint32_t               source_type, target_type;
    enum cast_context      context;
    enum cast_method       method;
    const struct function *fn; /* CAST_BY_FUNCTION: fn(value [, typmod [, is_explicit]]) */
};

/* All functions of that name, in order of OID: an array of *count pointers; NULL and 0 when there
 * is none. */
const struct function *const *functions_by_name(slice name, size_t *count);
const struct function        *function_by_oid(uint32_t oid);
const struct function        *function_at(size_t position); /* NULL behind the last */

const struct operator_def *const *operators_by_name(slice name, size_t *count);
const struct operator_def        *operator_by_oid(uint32_t oid);
const struct operator_def        *operator_at(size_t position);
/* The operator of the type's default btree order: order is '<' 'l' '=' 'g' '>'. NULL when the type
 * has none. varchar uses text's, arrays use anyarray's. */
const struct operator_def        *operator_for_order(uint32_t type, char order);

/* The cast entry for exactly these two types; NULL when there is none (I/O casts between string
 * types and others are the binder's rule, not entries). A cast of a type to itself is its length
 * coercion. */
const struct cast_def *cast_find(uint32_t source, uint32_t target);
const struct cast_def *cast_at(size_t position);

#endif
