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
/* Relations outside of `rels` that it takes values from. */
uint64_t          lateral_needs(const struct level *lv, uint64_t rels);
/* Add every way to join left and right, in this order, to `out`. */
void              add_joins(struct level *lv, struct join_args *j, struct path_set *out);
void add_unique_semi(struct level *lv, const struct join_args *j, struct path_set *out);

#endif
