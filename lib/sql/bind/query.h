/* lib/sql/bind/query.h: a bound statement: what it means, before anyone decides how to run it. */
#ifndef LINERA_SQL_BIND_QUERY_H
#define LINERA_SQL_BIND_QUERY_H

#include "sql/bind/expr.h"
#include "sql/catalog/catalog.h"

enum query_kind { QUERY_SELECT, QUERY_INSERT, QUERY_UPDATE, QUERY_DELETE, QUERY_VALUES };

/* A range-table entry: something with columns that FROM, INSERT INTO, UPDATE ... names. */
enum table_ref_kind {
    TABLE_REF_RELATION, /* table or virtual table */
    TABLE_REF_SUBQUERY, /* (SELECT ...) AS x, and views after expansion. `query` NULL: the result
                           of query->set_op, tables[0] of such a query, not in FROM */
    TABLE_REF_FUNCTION,
    TABLE_REF_VALUES,
    TABLE_REF_CTE,  /* reference to query->ctes (of the query `cte_levels_up` levels out) */
    TABLE_REF_JOIN, /* a join's own columns, for names and printing only: the binder puts what they
                       stand for into expressions, so that no EXPR_COLUMN names such an entry */
};

struct table_ref {
    enum table_ref_kind kind;
    const char         *alias; /* how it is called here; never NULL */
    bool                alias_written;
    size_t              column_count;
    const char        **column_names;
    uint32_t           *column_types;
    int32_t            *column_typmods;
    uint32_t           *column_collations;
    bool                lateral;
    const struct table_desc
        *table; /* RELATION; for an expanded view: its descriptor, beside `query`. Dropped columns
                   keep their place: column i is attnum i */
    struct query  *query;    /* SUBQUERY */
    struct expr   *function; /* FUNCTION: EXPR_CALL or EXPR_SET_CALL */
    bool           with_ordinality;
    struct expr ***values; /* VALUES: rows of column_count expressions */
    size_t         value_row_count;
    int            cte, cte_levels_up;
    struct expr  **join_columns;   /* JOIN: what each merged column stands for */
    bool           used_for_write; /* the target of INSERT, UPDATE, DELETE */
};

enum join_kind {
    JOIN_INNER,
    JOIN_LEFT,
    JOIN_RIGHT,
    JOIN_FULL,
    JOIN_CROSS,
    /* planner's: */ JOIN_SEMI,
    JOIN_ANTI
};

/* FROM as a tree; the list items of FROM are cross joins of its top. */
struct from_node {
    enum { FROM_TABLE, FROM_JOIN } kind;
    int               table; /* FROM_TABLE: position in query->tables */
    enum join_kind    join;  /* FROM_JOIN */
    struct from_node *left, *right;
    struct expr      *on;         /* NULL: none; USING and NATURAL are made into this */
    int               join_table; /* position of its TABLE_REF_JOIN entry */
};

struct target {
    struct expr *expr;
    const char  *name;   /* output column name */
    bool         hidden; /* for ORDER BY, GROUP BY, DISTINCT ON only; not returned */
    /* Where the value comes from unchanged, for RowDescription: relation OID and column number, or
     * 0. */
    uint32_t     origin_table;
    int16_t      origin_column;
};

struct sort_key {
    int target; /* position in query->targets (or in the arguments, for aggregates) */
    const struct operator_def *op; /* '<' or '>' of the type */
    bool                       descending, nulls_first;
};

enum set_op_kind { SET_OP_UNION, SET_OP_INTERSECT, SET_OP_EXCEPT };

struct set_op {
    enum set_op_kind kind;
    bool             all;
    /* Either an operand query or another set operation on each side. */
    struct set_op   *left_op, *right_op;
    struct query    *left_query, *right_query;
    size_t           column_count;
    uint32_t        *types;
    int32_t         *typmods;
    uint32_t        *collations;
};

enum row_lock {
    ROW_LOCK_NONE,
    ROW_LOCK_KEY_SHARE,
    ROW_LOCK_SHARE,
    ROW_LOCK_NO_KEY_UPDATE,
    ROW_LOCK_UPDATE
};
enum row_lock_wait { LOCK_WAIT_BLOCK, LOCK_WAIT_SKIP, LOCK_WAIT_ERROR };

struct locking_clause {
    int                table; /* position in query->tables */
    enum row_lock      strength;
    enum row_lock_wait wait;
};

struct cte {
    const char   *name;
    struct query *query;
    int           ref_count;
    /* WITH x (a, b): names for the first columns; table_refs have them already. */
    const char  **column_names;
    size_t        column_name_count;
    enum { CTE_DEFAULT, CTE_MATERIALIZED, CTE_NOT_MATERIALIZED } materialize;
    /* WITH RECURSIVE x AS (query UNION [ALL] recursive): the second names x once. Both are bound
     * one level below the WITH; NULL: not recursive. */
    struct query *recursive;
    bool          recursive_all;
    int           ref_location; /* of the reference read last */
};

/* INSERT and UPDATE: one assigned column. */
struct assignment {
    int16_t      column; /* attnum of the target table */
    struct expr *value;  /* for INSERT ... SELECT / VALUES: an EXPR_COLUMN of the source; DEFAULT
                            already replaced */
};

enum conflict_action { CONFLICT_ERROR, CONFLICT_NOTHING, CONFLICT_UPDATE };

struct on_conflict {
    enum conflict_action action;
    uint32_t             arbiter_count; /* 0: any unique index (DO NOTHING without a target) */
    uint32_t             arbiters[16];  /* OIDs of the unique indexes the target fits */
    struct assignment *sets; /* DO UPDATE: expressions see the target table and `excluded_table` */
    size_t             set_count;
    struct expr       *where;
    int                excluded_table; /* its entry in query->tables: same columns as the target */
};

struct query {
    enum query_kind    kind;
    struct arena      *arena;
    size_t             table_count;
    struct table_ref **tables;
    struct from_node  *from; /* NULL: no FROM */
    struct expr       *where;
    size_t             target_count;
    struct target     *targets; /* hidden ones last */
    bool               has_aggregates, has_subqueries, has_set_calls, has_windows;
    bool             is_conversion; /* made by the binder to cast the columns of its one subquery */
    size_t           group_count;
    int             *group; /* positions in targets; has_group with none is GROUP BY () */
    /* The first ones were written; the rest are columns that those determine (a grouped primary
     * key), which the query uses. */
    size_t           group_written_count;
    bool             has_group;
    struct expr     *having;
    bool             distinct;
    size_t           distinct_on_count;
    int             *distinct_on; /* positions in targets */
    size_t           sort_count;
    struct sort_key *sort;
    struct expr     *limit, *offset; /* int8 expressions or NULL */
    bool             limit_with_ties;
    struct set_op
               *set_op; /* then targets describe its result columns as EXPR_COLUMN of tables[0] */
    size_t      cte_count;
    struct cte *ctes;
    size_t      lock_count;
    struct locking_clause *locks;

    /* VALUES (...), (...) is a SELECT of all columns FROM its one TABLE_REF_VALUES. */

    /* INSERT, UPDATE, DELETE */
    int           target_table; /* position in tables */
    struct query *source; /* INSERT: the rows (SELECT, VALUES of several rows); NULL: one row, its
                             values are the assignments' (VALUES of one row, DEFAULT VALUES) */
    size_t        assignment_count;
    struct assignment
        *assignments;  /* INSERT: one per live column that is not generated, in order; values over
                          the source's columns (EXPR_COLUMN of tables[source_table]) or constants
                          and defaults. Generated columns: whoever writes the row computes them from
                          default_text, after the assignments, for INSERT and UPDATE */
    int  source_table; /* INSERT: the TABLE_REF_SUBQUERY of `source`, or -1 */
    struct on_conflict *on_conflict;
    size_t              returning_count;
    struct target      *returning;

    /* Parameters: types by number, from position 0 = $1; decided by the time binding ends. */
    size_t    param_count;
    uint32_t *param_types;
};

#endif
