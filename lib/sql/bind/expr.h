/* lib/sql/bind/expr.h: bound expressions: every name resolved, every type known, every function
 * chosen. The binder makes them from the parse tree, the planner rewrites them, the executor
 * evaluates them. They live in the arena of the plan they belong to and are immutable once planned.
 */
#ifndef LINERA_SQL_BIND_EXPR_H
#define LINERA_SQL_BIND_EXPR_H

#include "sql/datum.h"
#include "sql/func/function.h"

struct query;
struct plan_node;

enum expr_kind {
    EXPR_CONST,
    EXPR_PARAM,    /* $n of a prepared statement */
    EXPR_COLUMN,   /* a column of a range-table entry of this query or an outer one */
    EXPR_SLOT,     /* planner: a column of the operator's input (executor's form of EXPR_COLUMN) */
    EXPR_OUTER,    /* planner: a value handed in from an outer row (correlation, nested loop) */
    EXPR_CALL,     /* function or operator */
    EXPR_SET_CALL, /* set-returning function in a target list */
    EXPR_CAST,     /* I/O conversion or relabelling; casts by function are EXPR_CALL with is_cast */
    EXPR_AND,
    EXPR_OR,
    EXPR_NOT,
    EXPR_CASE,
    EXPR_COALESCE,
    EXPR_MINMAX, /* GREATEST, LEAST */
    EXPR_NULLIF,
    EXPR_NULL_TEST,   /* IS [NOT] NULL, also of rows */
    EXPR_BOOL_TEST,   /* IS [NOT] TRUE | FALSE | UNKNOWN */
    EXPR_DISTINCT,    /* IS [NOT] DISTINCT FROM */
    EXPR_ARRAY_OP,    /* x op ANY | ALL (array); IN (constants) becomes this */
    EXPR_ARRAY,       /* ARRAY[...] */
    EXPR_SUBSCRIPT,   /* a[i], a[i:j] */
    EXPR_FIELD,       /* (f(x)).name */
    EXPR_WINDOW,      /* rank() OVER (...) */
    EXPR_ROW,         /* ROW(...), (a, b) */
    EXPR_ROW_COMPARE, /* (a, b) < (c, d) */
    EXPR_AGGREGATE,
    EXPR_SUBQUERY,
    EXPR_DEFAULT, /* DEFAULT in INSERT or UPDATE, replaced before planning */
};

enum subquery_kind {
    SUBQUERY_EXISTS,
    SUBQUERY_SCALAR,
    SUBQUERY_ANY, /* x op ANY (SELECT ...), x IN (SELECT ...) */
    SUBQUERY_ALL,
    SUBQUERY_ARRAY, /* ARRAY(SELECT ...) */
};

enum bool_test {
    TEST_TRUE,
    TEST_NOT_TRUE,
    TEST_FALSE,
    TEST_NOT_FALSE,
    TEST_UNKNOWN,
    TEST_NOT_UNKNOWN
};

struct sort_key; /* query.h */

struct expr {
    enum expr_kind kind;
    uint32_t       type;
    int32_t        typmod;
    uint32_t       collation;
    int            location; /* byte position in the statement's text, -1: unknown */
    union {
        struct {
            datum value;
            bool  is_null;
        } constant;
        struct {
            int number; /* from 1 */
        } param;
        struct {
            int     table;     /* position in query->tables */
            int16_t column;    /* from 1 in the entry's columns; 0: the whole row */
            int     levels_up; /* 0: this query */
        } column;
        struct {
            int position; /* from 0 in the operator's input row */
            int side;     /* 0, or 1 for the inner input of a join */
        } slot;
        struct {
            int position; /* in the executor's array of outer values */
        } outer;
        struct {
            const struct function *fn;
            const struct operator_def
                *op; /* when written as an operator, else NULL; for printing and planning */
            struct expr **args;
            size_t        arg_count;
            bool          is_cast; /* for printing: x::type */
            bool          is_implicit;
            bool          variadic_array; /* VARIADIC arr was written. Without it, arguments that
                                             match a variadic parameter are one EXPR_ARRAY */
            bool          sql_syntax;     /* EXTRACT(x FROM y), AT TIME ZONE ...: for printing */
            const char *keyword; /* CURRENT_DATE and its kin, as PostgreSQL prints it, else NULL */
        } call;                  /* also EXPR_SET_CALL */
        struct {
            struct expr     *arg;
            enum cast_method method; /* CAST_BY_IO, CAST_RELABEL; CAST_BY_FUNCTION: an array cast
                                        element by element by `element_cast`, whose function gets
                                        the typmod of this expression as its second argument */
            bool             is_implicit;
            const struct cast_def *element_cast; /* array to array, NULL otherwise */
        } cast;
        struct {
            struct expr **args;
            size_t        count;
            bool          greatest;   /* EXPR_MINMAX */
            bool          written_in; /* EXPR_ARRAY from IN (...): for printing */
        } list;                       /* AND, OR, COALESCE, MINMAX, ARRAY, ROW */
        struct {
            struct expr   *arg;
            bool           negated; /* NULL_TEST: IS NOT NULL */
            enum bool_test test;    /* BOOL_TEST */
        } unary;                    /* NOT, NULL_TEST, BOOL_TEST */
        struct {
            struct expr
                *operand; /* CASE x WHEN ...; NULL for the searched form. The binder has already
                             made the conditions whole (x = value), keeping operand for printing */
            struct expr **conditions, **results;
            size_t        count;
            struct expr  *otherwise; /* never NULL: a null constant when ELSE is absent */
        } case_when;
        struct {
            struct expr               *left, *right;
            const struct operator_def *op; /* = of the type: NULLIF, DISTINCT; any for ARRAY_OP */
            bool                       negated; /* IS NOT DISTINCT FROM */
            bool                       all;     /* ARRAY_OP: ALL instead of ANY */
        } binary; /* NULLIF, DISTINCT, ARRAY_OP (right is the array) */
        struct {
            struct expr **left, **right;
            const struct operator_def   *
                *ops; /* one per column: the equality or the strict comparison */
            size_t count;
            char   order; /* '<' 'l' 'g' '>' (= and <> become AND / OR) */
        } row_compare;
        struct {
            struct expr *array;
            struct expr *index, *upper; /* upper: slices a[index:upper] */
            bool         is_slice;
        } subscript;
        struct {
            struct expr *record;
            int          position; /* from 0 */
            const char  *name;
        } field;
        struct {
            const struct function *fn;
            struct expr          **keys; /* PARTITION BY, then ORDER BY */
            size_t                 key_count, partition_count;
            bool                  *descending, *nulls_first;
        } window;
        struct {
            const struct function *fn;
            struct expr          **args;
            size_t                 arg_count;
            size_t sort_arg_count; /* args[arg_count ...]: for ORDER BY only, not handed to fn */
            bool   star, distinct;
            struct sort_key *order;
            size_t           order_count;
            struct expr     *filter;
            int              levels_up; /* the query that computes it */
        } aggregate;
        struct {
            enum subquery_kind          kind;
            struct query               *query;
            struct expr               **left; /* ANY, ALL: the row on the left */
            size_t                      left_count;
            const struct operator_def **ops; /* one per column of left */
            bool              negated; /* NOT IN: for printing; the NOT is an EXPR_NOT around */
            bool              correlated;
            /* The planner's: position in plan->subplans; the values it is handed, as expressions of
             * this level, and where in the executor's array of outer values they go. */
            struct plan_node *plan;
            int               plan_id;
            size_t            arg_count;
            struct expr     **args;
            int              *arg_slots;
        } subquery;
    };
};

struct expr *expr_new(struct arena *a, enum expr_kind kind, uint32_t type, int32_t typmod,
                      int location);
struct expr *expr_const(struct arena *a, uint32_t type, datum value, int location);
struct expr *expr_null(struct arena *a, uint32_t type, int location);
struct expr *expr_copy(struct arena *a, const struct expr *e);
/* Whether two EXPR_WINDOW look at their rows in the same order. */
bool         expr_same_window(const struct expr *a, const struct expr *b);
/* The type of a column (from 0) of a call that gives several, known from its arguments where the
 * function leaves it to them. */
uint32_t     set_call_column_type(const struct expr *call, size_t column);
bool         expr_equal(const struct expr *a, const struct expr *b); /* locations aside */

/* Call `visit` for each direct child (subqueries' queries are not entered). A visitor may replace
 * the child through the pointer. Stops and returns false when a visit returns false. */
bool expr_walk_children(struct expr *e, bool (*visit)(struct expr **child, void *ctx), void *ctx);

/* Highest volatility of any function in it. */
enum volatility expr_volatility(const struct expr *e);

#endif
