/* lib/sql/plan/node.h: the physical plan: what the planner makes, the executor runs and EXPLAIN
 * shows. Immutable once planned; lives in the plan's arena.
 *
 * Every node first makes its raw columns (a scan: the table's columns it needs; a join: the left
 * input's outputs, then the right one's), drops rows by `filter`, then computes `outputs`. Once the
 * plan is finished, all expressions are over raw columns as EXPR_SLOT, values from elsewhere are
 * EXPR_OUTER. */
#ifndef LINERA_SQL_PLAN_NODE_H
#define LINERA_SQL_PLAN_NODE_H

#include "sql/bind/query.h"
#include "sql/exec/exec.h"
#include "sql/exec/table.h"
#include "sql/plan/plan.h"

enum plan_kind {
    PLAN_RESULT, /* one row of nothing, or its input if `gate` holds */
    PLAN_SCAN,   /* a stored table through one of its indexes */
    PLAN_VIRTUAL_SCAN,
    PLAN_FUNCTION_SCAN,
    PLAN_VALUES_SCAN,
    PLAN_CTE_SCAN,
    PLAN_SUBQUERY_SCAN,
    PLAN_NESTED_LOOP,
    PLAN_HASH_JOIN,
    PLAN_MERGE_JOIN, /* both inputs in the order of their keys */
    PLAN_AGGREGATE,
    PLAN_SORT,
    PLAN_UNIQUE,      /* drops neighbours that are equal in the first key_count keys */
    PLAN_WINDOW,      /* row_number() and its kin over sorted rows */
    PLAN_PROJECT_SET, /* set-returning functions of a target list */
    PLAN_APPEND,
    PLAN_SET_OP, /* INTERSECT, EXCEPT by hashing */
    PLAN_RECURSIVE_UNION,
    PLAN_LIMIT,
    PLAN_LOCK_ROWS,
    PLAN_MATERIALIZE, /* keeps its input's rows for rescans */
    PLAN_MODIFY,
};

/* A column of a table reference that is none: the row's identity (struct table_row's key). */
enum { ROW_KEY_COLUMN = -1 };

struct plan_key {                /* one key of a sort, a grouping, a merge */
    int                position; /* in the node's raw columns */
    const struct type *type;
    bool               descending, nulls_first;
    struct expr       *expr; /* in the planner's terms; EXPLAIN prints it */
};

/* What is known of one part of an index's key. Values are of the part's type, or of one that
 * encodes alike. */
struct part_bound {
    enum { PART_EQUAL, PART_IN, PART_IS_NULL, PART_RANGE } kind;
    struct expr **values; /* EQUAL: one; IN: elements or one array; RANGE: low, high, NULL: open */
    size_t        value_count;
    bool          in_array;
    bool          low_inclusive, high_inclusive;
};

struct plan_scan {
    int                        table; /* of the query level, for matching columns */
    const struct table_layout *layout;
    const struct index_layout *index;
    const char                *alias;
    size_t             bound_count; /* leading parts with a bound; only the last may be RANGE */
    struct part_bound *bounds;
    struct expr       *condition; /* what the bounds say, for EXPLAIN */
    bool               reverse;
    bool               covering;     /* the index alone gives all columns */
    bool               unique_point; /* each key gives at most one row */
    bool               keys_only;    /* only the rows' keys are wanted: nothing is read */
    size_t             column_count; /* raw columns: attnums; ROW_KEY_COLUMN for the key */
    int16_t           *columns;
    bool              *wanted;       /* by attnum - 1 */
    bool               locked_above; /* the rows are locked and read by the node above */
    bool               reads_row;    /* !covering: wanted columns beyond the index's */
};

/* A subquery in an expression: run for `arg_count` outer values, or once. */
struct subplan {
    struct plan_node *node;
    int               id;
    const char       *name; /* "SubPlan 1", "InitPlan 2", "CTE x" */
    bool uses_outer;        /* depends on values from outside, so it runs again for each row */
    bool hashed;            /* ANY over '=': rows are kept in a table */
};

struct plan_aggregate {
    struct expr        *expr;  /* EXPR_AGGREGATE with slots in args, filter */
    struct plan_key    *order; /* positions count in args */
    const struct type **distinct_types;
};

enum aggregate_strategy { AGG_PLAIN, AGG_SORTED, AGG_HASHED };

struct plan_modify;

struct plan_node {
    enum plan_kind      kind;
    int                 id;    /* for instrumentation, unique in the plan */
    const struct query *query; /* the level's, for names */
    double              startup, total, rows;
    int                 width;

    struct plan_node  *left, *right;
    size_t             child_count; /* APPEND, SET_OP */
    struct plan_node **children;

    struct expr  *filter;
    size_t        raw_count;
    uint32_t     *raw_types;
    size_t        output_count;
    struct expr **outputs;
    struct expr **provides;                       /* outputs in the planner's terms */
    struct expr  *shown_filter, *shown_condition; /* as EXPLAIN prints them */
    bool          identity;                       /* outputs are the raw columns */

    /* planner */
    size_t           want_count; /* top of a query level: its targets, in the level's terms */
    struct expr    **want;
    uint64_t         rels;
    size_t           order_count; /* rows come in this order */
    struct path_key *order;

    union {
        struct plan_scan scan;
        struct {
            struct expr *gate;
        } result;
        struct {
            int                      table;
            const struct table_desc *desc;
            const char              *alias;
            int                      key_column; /* position, -1: none */
            struct expr             *key;
            size_t                   column_count;
            int16_t                 *columns;
        } virtual_scan;
        struct {
            int          table;
            const char  *alias;
            struct expr *call;
            bool         ordinality;
            size_t       column_count; /* of the function's row, ordinality included */
            uint32_t    *column_types;
        } function;
        struct {
            int            table;
            const char    *alias;
            struct expr ***rows; /* row_count x column_count */
            size_t         row_count, column_count;
        } values;
        struct {
            int         table;
            const char *alias;
            const char *name;
            int         subplan; /* position in plan->subplans */
            bool        working; /* only the rows of the round before: the recursive reference */
        } cte;
        struct {
            bool                distinct;
            const struct type **types; /* of the columns, for `distinct` */
        } recursive_union;             /* children: the first term, the recursive one */
        struct {
            int         table;
            const char *alias;
        } subquery;
        struct {
            enum join_kind      kind;
            struct expr        *condition;               /* beyond the keys; over left and right */
            size_t              key_count;               /* hash, merge */
            struct expr       **left_keys, **right_keys; /* over that side's outputs */
            const struct type **key_types;
            bool               *descending;  /* merge: the order of each key */
            size_t              param_count; /* nested loop: handed to the inner side */
            int                *param_slots;
            struct expr       **param_values;  /* over the left outputs */
            struct expr        *key_condition; /* what the keys say, for EXPLAIN */
        } join;
        struct {
            enum aggregate_strategy strategy;
            size_t                  group_count;
            struct expr           **groups; /* over the input */
            struct expr           **shown_groups;
            const struct type     **group_types;
            size_t                  aggregate_count;
            struct plan_aggregate  *aggregates;
            bool                    whole;     /* DISTINCT: the input computes the groups */
            bool                    may_spill; /* no volatile expression: rows may be read twice */
        } aggregate;
        struct {
            size_t        count;
            struct expr **calls; /* EXPR_SET_CALL, arguments over the input */
        } project_set;
        struct {
            size_t           count;
            struct expr    **calls; /* EXPR_WINDOW, all of one window */
            size_t           key_count, partition_count;
            struct plan_key *keys; /* partition, then order: how the input is sorted */
        } window;
        struct {
            int table; /* the query level's entry that names its columns */
        } append;      /* and SET_OP's first member */
        struct {
            size_t           key_count;
            struct plan_key *keys;
        } sort; /* and UNIQUE */
        struct {
            struct expr     *limit, *offset;
            bool             with_ties;
            size_t           key_count; /* WITH TIES: the sort's keys */
            struct plan_key *keys;
        } limit;
        struct {
            int                 table;
            enum set_op_kind    kind;
            bool                all;
            size_t              column_count;
            const struct type **types;
        } set_op;
        struct {
            size_t count;
            struct plan_lock {
                const struct table_layout *layout;
                int                        table;
                struct expr               *key; /* the row's identity, over the input */
                enum row_lock              strength;
                enum row_lock_wait         wait;
            } * locks;
            /* One table only: the condition over a whole row of it (slots are attnum - 1), asked
             * again when the row changed while it was waited for; then its columns among the
             * outputs are taken anew. */
            bool         single;
            struct expr *recheck;
            size_t       column_count;
            int16_t     *columns; /* which column each output is; 0: none */
        } lock;
        struct plan_modify *modify;
    };
};

/* INSERT, UPDATE, DELETE. Expressions are over a wide row: the target's columns by attnum - 1, then
 * the input's outputs; for ON CONFLICT the target's columns, then the proposed row's. */
struct plan_modify {
    enum query_kind            kind;
    const struct table_layout *layout;
    const char                *alias;
    int                        key_position; /* UPDATE, DELETE: the row's key in the input */
    size_t                     assignment_count;
    struct {
        int16_t      column;
        struct expr *value;
    } * assignments;
    struct expr        *recheck;   /* the condition, for rows that changed meanwhile; NULL: none */
    bool                locks_key; /* UPDATE changes columns of a unique key */
    struct on_conflict *on_conflict; /* expressions already over the wide row; NULL: none */
    size_t              returning_count;
    struct expr       **returning;
    const struct write_plan *write; /* exec/write.h: what holds for every row written */
};

struct plan {
    struct plan_node     *root;
    struct query         *query;
    size_t                column_count; /* visible ones */
    struct result_column *columns;
    size_t                outer_count; /* EXPR_OUTER positions in use */
    struct expr         **outer_exprs; /* what each stands for, and in which query: for EXPLAIN */
    const struct query  **outer_queries;
    size_t                subplan_count;
    struct subplan      **subplans;
    size_t                node_count;
    size_t                batch_rows; /* what batches should hold: small for small results */
    bool                  returns_rows;
    size_t                table_count; /* relations it relies on, in order of first use */
    uint32_t             *table_oids;
};

#endif
