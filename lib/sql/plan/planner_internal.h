/* lib/sql/plan/planner_internal.h: the planner's state; for files of this folder only.
 *
 * One struct level per query level. Planning a level goes: rewrite (rewrite.c, sublink.c) ->
 * prepare expressions (simplify.c, subquery.c) -> place conditions (quals.c) -> scans (paths.c) ->
 * joins (joins.c) -> grouping, order, limit (upper.c). When the whole tree stands, resolve.c turns
 * names into slots. */
#ifndef LINERA_SQL_PLAN_PLANNER_INTERNAL_H
#define LINERA_SQL_PLAN_PLANNER_INTERNAL_H

#include "sql/catalog/statistics.h"
#include "sql/plan/node.h"

enum { RELS_MAX = 64 }; /* relations of one level: a bit each */

struct exprs { /* a growing list; in conditions all must hold */
    size_t        count, capacity;
    struct expr **items;
};

struct path_key {
    struct expr *expr;
    bool         descending, nulls_first;
};

struct path_keys {
    size_t           count;
    struct path_key *keys;
};

/* The join tree, conditions in their places. */
struct join_node {
    enum { JN_REL, JN_GROUP, JN_JOIN } kind;
    uint64_t           rels;
    int                rel;   /* JN_REL */
    size_t             count; /* JN_GROUP: inner-joined items */
    struct join_node **items;
    enum join_kind     join; /* JN_JOIN: LEFT, FULL, SEMI, ANTI */
    struct join_node  *left, *right;
    struct exprs       on;    /* JN_JOIN */
    struct exprs       quals; /* above the join, or of the group */
};

struct level;

/* A value that an inner level or a parameterised scan takes from an outer row. */
struct outer_value {
    struct level *owner;
    struct expr  *expr; /* in the owner's terms */
};

struct lateral_arg {
    int          slot;
    struct expr *expr;
};

struct rel {
    int                            table;
    struct table_ref              *ref;
    const struct table_layout     *layout; /* stored tables */
    struct exprs                   quals;
    double                         rows, raw_rows;
    const struct table_statistics *stats; /* NULL: never analyzed */
    size_t                         lateral_count;
    struct lateral_arg            *lateral;
    uint64_t                       lateral_rels;
    struct plan_node              *subquery; /* planned FROM subquery */
    int                            cte_subplan;
    bool                          *needed; /* by column - 1: someone reads it */
};

struct level {
    struct planner  *p;
    struct level    *parent;
    struct query    *q;
    int              depth;
    size_t           rel_count;
    struct rel       rels[RELS_MAX];
    int              pulled_depth; /* by how much pulled up subqueries may have deepened it */
    int             *rel_of_table; /* by position in q->tables; -1: none */
    size_t           used_count, used_capacity;
    int             *used;      /* outer values that this level or its inner ones read */
    struct subplan **cte_plans; /* by position in q->ctes; NULL: inlined */
    int          cte_recursing; /* position + 1 of the one whose recursive term is being planned */
    struct exprs extra;         /* expressions the level must give beside its targets */
    struct exprs bound;         /* expressions that equal a constant in every row */
    struct exprs merge_exprs;   /* sides of equalities that joins could merge by */
    struct eq_classes *equals;  /* what is equal in every row of the level; NULL: nothing */
    struct path_keys   wanted;  /* the order the top would like */
    double             wanted_rows; /* how many rows the top will take; 0: all */
};

struct planner {
    struct sql_context *c;
    struct arena       *a;
    struct plan        *plan;
    struct level       *level; /* the one being planned */
    size_t              outer_count, outer_capacity;
    struct outer_value *outer;
    size_t              subplan_capacity, table_capacity;
    size_t              initplan_count;
};

/* What a set of relations can be joined by. */
struct path_set {
    uint64_t           rels;
    double             rows;
    size_t             count, capacity;
    struct plan_node **paths; /* none dominates another */
};

/* ---- lists and walks (walk.c) -------------------------------------------------------------------
 */
void exprs_add(struct arena *a, struct exprs *l, struct expr *e);
void exprs_add_all(struct arena *a, struct exprs *l, const struct exprs *more);
void exprs_add_new(struct arena *a, struct exprs *l, struct expr *e); /* unless equal to one */
bool exprs_have(const struct exprs *l, const struct expr *e);
/* Split AND into its parts. */
void exprs_add_conjuncts(struct arena *a, struct exprs *l, struct expr *e);
/* NULL, the one, or an AND of all. */
struct expr *exprs_and(struct arena *a, const struct exprs *l);
struct expr *expr_and(struct arena *a, struct expr *x, struct expr *y); /* NULL: nothing */
struct expr *expr_column(struct arena *a, const struct table_ref *ref, int table, int16_t column);

/* expr_walk_children(), and the values a subquery is handed. */
bool plan_walk_children(struct expr *e, bool (*visit)(struct expr **child, void *ctx), void *ctx);
/* A copy that can be changed. */
struct expr *plan_copy_expr(struct arena *a, const struct expr *e);

/* Replace columns (and aggregates of an outer level) everywhere in a query, its inner queries
 * included: `fn` gets each with the depth below `q` at which it stands. */
typedef struct expr *map_fn(struct expr *e, int depth, void *ctx);
void                 query_map_columns(struct query *q, int depth, map_fn *fn, void *ctx);
struct expr         *expr_map_columns(struct expr *e, int depth, map_fn *fn, void *ctx);

uint64_t     expr_rels(const struct level *lv, struct expr *e);
bool         expr_has_kind(struct expr *e, enum expr_kind kind);
bool         expr_is_stable(struct expr *e); /* nothing volatile in it */
/* The value does not depend on rows of this level: constants, parameters, outer values. */
bool         expr_is_fixed(const struct level *lv, struct expr *e);
/* Strip relabelling. */
struct expr *expr_strip(struct expr *e);

/* ---- steps --------------------------------------------------------------------------------------
 */
struct level *level_new(struct planner *p, struct level *parent, struct query *q);
/* Plan one query; the node's outputs are its targets, hidden ones included. */
status        plan_level(struct level *lv, struct plan_node **out) MUST_CHECK;

/* The ways to have FROM and WHERE of a level, targets prepared: the input of UPDATE, DELETE. */
status plan_level_from(struct level *lv, struct path_set *out) MUST_CHECK;

/* rewrite.c */
status rewrite_query(struct level *lv) MUST_CHECK;
/* sublink.c: EXISTS, IN and their negations in WHERE to joins. */
status rewrite_sublinks(struct level *lv) MUST_CHECK;
/* Can the query's FROM and WHERE stand in place of the query? */
bool   query_is_simple(const struct query *q);
/* Append the tables of `sub` to q; its columns are renumbered. The offset. */
int    query_adopt_tables(struct level *lv, struct query *sub);

/* simplify.c */
status        simplify(struct level *lv, struct expr **e) MUST_CHECK;
/* subquery.c: outer columns to EXPR_OUTER, inner queries to plans; then simplify. */
status        prepare_expr(struct level *lv, struct expr **e) MUST_CHECK;
status        prepare_lateral_expr(struct level *lv, struct rel *r, struct expr **e) MUST_CHECK;
status        plan_subquery_in_from(struct level *lv, struct rel *r) MUST_CHECK;
status        plan_ctes(struct level *lv) MUST_CHECK;
int           outer_slot_new(struct planner *p, struct level *owner, struct expr *e);
int           outer_slot(struct planner *p, struct level *owner, struct expr *e);
void          level_use_outer(struct level *lv, int slot);
struct level *level_up(struct level *lv, int levels);

/* quals.c */
status build_join_tree(struct level *lv, struct join_node **out) MUST_CHECK;
bool   is_equality(const struct expr *e, struct expr **left, struct expr **right);
/* Are the two the same, or made equal by a condition that holds in every row of the level? */
bool   exprs_equal_in(const struct level *lv, const struct expr *x, const struct expr *y);

/* pushdown.c: conditions of a FROM subquery's relation that may stand inside of it move there. */
void push_into_subquery(struct level *lv, struct rel *r);

/* paths.c */
status            rel_paths(struct level *lv, struct rel *r, struct path_set *out) MUST_CHECK;
/* An index scan of `r` for the given conditions (its own and `more`), or NULL when no index helps.
 */
struct plan_node *rel_param_path(struct level *lv, struct rel *r, const struct exprs *more,
                                 uint64_t outer_rels);
status            rel_setup(struct level *lv, struct rel *r) MUST_CHECK;

/* selectivity.c: parts of all rows, 0 to 1. */
double selectivity(struct level *lv, struct expr *e);
/* All of the conditions hold. */
double list_selectivity(struct level *lv, struct expr *const *list, size_t count);
/* As selectivity(), where statistics say something about the condition; else `fallback`. */
double condition_selectivity(struct level *lv, struct expr *e, double fallback);
/* Different values of an expression in its table; 0: not known. */
double distinct_values(struct level *lv, struct expr *e);
/* Groups among `rows` rows; where values are not counted, this part of the rows. */
double group_estimate(struct level *lv, struct expr *const *groups, size_t count, double rows,
                      double fallback);

/* joins.c */
status plan_join_tree(struct level *lv, struct join_node *n, struct path_set *out) MUST_CHECK;
void   path_add(struct level *lv, struct path_set *s, struct plan_node *n);
/* Do the node's rows come in this order? */
bool   order_satisfied(const struct level *lv, const struct path_keys *wanted,
                       const struct plan_node *n);
struct plan_node *node_new(struct planner *p, enum plan_kind kind);
struct plan_node *node_over(struct planner *p, enum plan_kind kind, struct plan_node *input);
struct plan_node *sort_node(struct level *lv, struct plan_node *input,
                            const struct path_keys *keys);
double            cost_sort(double rows);

/* upper.c */
status plan_upper(struct level *lv, struct path_set *paths, struct plan_node **out) MUST_CHECK;
status plan_set_operation(struct level *lv, struct plan_node **out) MUST_CHECK;
status plan_tail(struct level *lv, struct plan_node *n, struct plan_node **out) MUST_CHECK;
struct path_keys sort_keys_of(struct level *lv, const struct sort_key *sort, size_t count);

/* modify.c */
status plan_modification(struct level *lv, struct plan_node **out) MUST_CHECK;

/* resolve.c */
status resolve_plan(struct planner *p, struct plan_node *root, struct expr **want, size_t count)
    MUST_CHECK;
status resolve_expr(struct planner *p, struct expr **e, struct expr **provides, size_t count)
    MUST_CHECK;

struct expr **column_exprs(struct planner *p, int table, const uint32_t *types, struct expr **like,
                           size_t count);
struct expr **row_exprs(struct planner *p, int table, const struct table_layout *l);
/* Copy typmods and collations onto what is provided from what is asked for. */
void take_attributes(struct expr **provides, size_t count, struct expr **want, size_t want_count,
                     struct expr *filter, struct planner *p);

/* Note that the plan depends on a relation. */
void plan_note_table(struct planner *p, uint32_t oid);

#define COST_ROW      1.0  /* hand a row on in a scan */
#define COST_SEEK     4.0  /* position in an index */
#define COST_LOOKUP   3.0  /* fetch a row by its key */
#define COST_OPERATOR 0.25 /* compute one operator on one row */
#define COST_HASH     0.6  /* put a row into a hash table or look one up */
#define COST_AVOIDED  1e10 /* what enable_... = off puts on a way to join */
#define ROWS_DEFAULT  1000.0

#endif
