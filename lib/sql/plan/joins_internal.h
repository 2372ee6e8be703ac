/* lib/sql/plan/joins_internal.h: what joins.c and join_order.c share. */
#ifndef LINERA_SQL_PLAN_JOINS_INTERNAL_H
#define LINERA_SQL_PLAN_JOINS_INTERNAL_H

#include "sql/plan/planner_internal.h"

struct join_args {
    enum join_kind         kind;
    const struct path_set *left, *right;
    struct exprs           clauses; /* conditions of the join */
    double                 rows;
    bool                   right_filtered; /* the right side is more than its relation's own scan */
};

struct plan_node *path_cheapest(const struct path_set *s);
double            join_rows(struct level *lv, const struct join_args *j);
double            clause_selectivity(struct level *lv, struct expr *e);
/* The part of the left rows that has a partner. */
double            match_fraction(struct level *lv, const struct join_args *j);
/* What a way to join costs more when a setting tells the planner to avoid it. */
double            avoided(bool off);
/* Is the clause an equality between the two sides that both compare alike? *left, *right: its
 * operands by side. */
bool join_key_sides(struct level *lv, const struct join_args *j, struct expr *e, struct expr **left,
                    struct expr **right);
/* An equality as EXPLAIN prints it: the left side's operand first. */
struct expr *shown_key(struct arena *a, const struct expr *clause, const struct expr *left);
/* Would path_add() keep a way of this cost and order? Asked before it is made. */
bool path_is_wanted(const struct level *lv, const struct path_set *s, const struct plan_node *n);
/* Relations outside of `rels` that it takes values from. */
uint64_t lateral_needs(const struct level *lv, uint64_t rels);
/* Add every way to join left and right, in this order, to `out`. */
void     add_joins(struct level *lv, struct join_args *j, struct path_set *out);
void     add_merge_joins(struct level *lv, const struct join_args *j, struct path_set *out);
void     add_unique_semi(struct level *lv, const struct join_args *j, struct path_set *out);

#endif
