/* lib/sql/bind/bind_internal.h: what the files of the binder share. Only for lib/sql/bind. */
#ifndef LINERA_SQL_BIND_BIND_INTERNAL_H
#define LINERA_SQL_BIND_BIND_INTERNAL_H

#include "base/assert.h"
#include "sql/bind/bind.h"
#include "sql/types/type.h"

#define NODE(name) PG_QUERY__NODE__NODE_##name

enum {
    BIND_DEPTH_MAX = 3000, /* of nested expressions, queries and joins; the stack is asked too */
    /* CASE x WHEN and BETWEEN bind an operand once per use: nested, that grows without bound. */
    BIND_WORK_MAX = 4000000,
    VIEW_DEPTH_MAX = 64,
    TARGETS_MAX = 1664, /* PostgreSQL's MaxTupleAttributeNumber */
    NAME_SIZE_MAX = 64
};

/* Where an expression stands: decides what it may contain and how errors call the place. */
enum clause {
    CLAUSE_OTHER,
    CLAUSE_TARGET,
    CLAUSE_JOIN_ON,
    CLAUSE_FROM_SUBSELECT,
    CLAUSE_FROM_FUNCTION,
    CLAUSE_WHERE,
    CLAUSE_HAVING,
    CLAUSE_FILTER,
    CLAUSE_INSERT,
    CLAUSE_UPDATE,
    CLAUSE_GROUP_BY,
    CLAUSE_ORDER_BY,
    CLAUSE_DISTINCT_ON,
    CLAUSE_LIMIT,
    CLAUSE_OFFSET,
    CLAUSE_RETURNING,
    CLAUSE_VALUES,
    CLAUSE_VALUES_SINGLE, /* the one row of INSERT ... VALUES: sets are allowed */
    CLAUSE_CHECK,
    CLAUSE_DEFAULT,
    CLAUSE_INDEX_EXPRESSION,
    CLAUSE_INDEX_PREDICATE,
    CLAUSE_GENERATED,
    CLAUSE_COUNT
};

/* One statement's binding. */
struct binder {
    struct sql_context *c;
    struct arena       *a;
    slice               text;
    struct bind_params *params; /* NULL: none allowed */
    int                 depth, work;
    int                 view_depth;
};

/* One name in FROM that expressions may use (PostgreSQL's namespace item). */
struct scope_item {
    int  table; /* position in query->tables */
    bool name_visible, columns_visible;
    bool lateral_only; /* of a FROM list still being read: only LATERAL may look */
    bool lateral_ok;   /* false: it is the wrong side of an outer join for LATERAL */
    bool nullable;     /* an outer join may make its columns null */
};

/* One query level while it is being bound. */
struct scope {
    struct scope      *parent; /* the query around, NULL at the top */
    struct binder     *b;
    struct query      *q;
    struct scope_item *items;
    size_t             item_count, item_capacity, table_capacity;
    enum clause        clause;
    bool lateral_active; /* binding a LATERAL item: the lateral_only ones are visible */
    bool in_aggregate;
    bool keep_unknown; /* the parent decides the type of bare literals */
    int  visible_ctes; /* of q->ctes: those written so far */
    const PgQuery__WithClause *with;
    const struct table_desc   *target_desc; /* of INSERT, UPDATE, DELETE */
};

#define LEVEL_DOWN(b) TRY_RETURN(binder_enter(b))
#define LEVEL_UP(b)   ((b)->depth--)

/* ---- bind.c ---- */
status        binder_enter(struct binder *b) MUST_CHECK;
struct scope *scope_new(struct binder *b, struct scope *parent, enum query_kind kind);
/* `st` with the position of `location`. */
status        binder_at(struct binder *b, int location, status st) MUST_CHECK;
status        binder_unsupported(struct binder *b, int location, const char *feature) MUST_CHECK;
const char   *clause_name(enum clause c);           /* "WHERE" */
const char   *clause_aggregate_name(enum clause c); /* "check constraints" */
const char   *clause_subquery_name(enum clause c);  /* NULL where subqueries are allowed */
bool          clause_allows_aggregates(enum clause c);
bool          clause_allows_sets(enum clause c);
bool          clause_allows_columns(enum clause c);
const char   *node_string(const PgQuery__Node *n); /* of a String node; "" otherwise */
int           node_location(const PgQuery__Node *n);
const char   *names_join(struct arena *a, PgQuery__Node *const *names, size_t count);
status        bind_query_node(struct binder *b, struct scope *parent, const PgQuery__Node *node,
                              bool keep_unknown, enum clause clause, struct query **out) MUST_CHECK;

/* ---- scope.c: names to columns ---- */
status scope_add_item(struct scope *s, int table) MUST_CHECK;
int    scope_add_table(struct scope *s, struct table_ref *t);
status scope_column_ref(struct scope *s, const PgQuery__ColumnRef *r, struct expr **out) MUST_CHECK;
/* An unqualified name among the columns of this level only; *out NULL when there is none. */
status scope_local_column(struct scope *s, const char *name, int location, struct expr **out)
    MUST_CHECK;
/* Column `column` (from 1) of an item, `levels` queries out. */
struct expr *scope_item_column(struct scope *s, const struct scope_item *item, int column,
                               int levels, int location);
/* The item called that (schema may be NULL) and how many levels out it is; *out NULL: none. */
status       scope_find_item(struct scope *s, const char *schema, const char *name, int location,
                             struct scope_item **out, struct scope **at, int *levels) MUST_CHECK;
status scope_missing_table(struct scope *s, const char *schema, const char *name, int location)
    MUST_CHECK;
void   scope_end_lateral(struct scope *s);
size_t levenshtein_limited(const char *a, const char *b, size_t limit);

/* ---- from.c ---- */
status bind_from(struct scope *s, PgQuery__Node *const *items, size_t count) MUST_CHECK;
status bind_target_relation(struct scope *s, const PgQuery__RangeVar *r, const char *verb)
    MUST_CHECK;
struct table_ref *table_ref_of_relation(struct binder *b, const struct table_desc *t,
                                        const char *alias, bool alias_written);
struct table_ref *table_ref_of_query(struct binder *b, struct query *q, const char *alias);
status            bind_with(struct scope *s, const PgQuery__WithClause *w) MUST_CHECK;

/* ---- join.c ---- */
status bind_join(struct scope *s, const PgQuery__JoinExpr *j, struct from_node **out) MUST_CHECK;
status bind_from_item(struct scope *s, const PgQuery__Node *n, struct from_node **out) MUST_CHECK;
status apply_alias(struct binder *b, struct table_ref *t, const PgQuery__Alias *alias) MUST_CHECK;

/* ---- select.c, setop.c, clause.c ---- */
status bind_select(struct scope *s, const PgQuery__SelectStmt *n) MUST_CHECK;
/* The recursive term of a CTE, its columns brought to the types of the CTE's query. */
status bind_recursive_term(struct scope *s, const PgQuery__SelectStmt *n, struct cte *cte)
    MUST_CHECK;
status bind_set_operation(struct scope *s, const PgQuery__SelectStmt *n) MUST_CHECK;
status bind_values(struct scope *s, const PgQuery__SelectStmt *n) MUST_CHECK;
status bind_target_list(struct scope *s, PgQuery__Node *const *nodes, size_t count,
                        enum clause clause, struct target **out, size_t *out_count) MUST_CHECK;
void   resolve_unknown_targets(struct scope *s, struct target *targets, size_t count);
int    query_add_target(struct scope *s, struct expr *e, const char *name, bool hidden);
status bind_sort_clause(struct scope *s, PgQuery__Node *const *nodes, size_t count) MUST_CHECK;
status bind_group_clause(struct scope *s, PgQuery__Node *const *nodes, size_t count) MUST_CHECK;
status bind_distinct(struct scope *s, const PgQuery__SelectStmt *n) MUST_CHECK;
status bind_limit(struct scope *s, const PgQuery__SelectStmt *n) MUST_CHECK;
status bind_locking(struct scope *s, PgQuery__Node *const *nodes, size_t count) MUST_CHECK;
status sort_key_for(struct scope *s, const PgQuery__SortBy *by, int target, struct expr *e,
                    struct sort_key *out) MUST_CHECK;
status bind_where(struct scope *s, const PgQuery__Node *n, enum clause clause, struct expr **out)
    MUST_CHECK;
/* ---- group.c ---- */
status check_grouping(struct scope *s) MUST_CHECK;

/* ---- modify.c, insert.c, conflict.c ---- */
status bind_insert(struct scope *s, const PgQuery__InsertStmt *n) MUST_CHECK;
status bind_update(struct scope *s, const PgQuery__UpdateStmt *n) MUST_CHECK;
status bind_delete(struct scope *s, const PgQuery__DeleteStmt *n) MUST_CHECK;
status bind_on_conflict(struct scope *s, const PgQuery__OnConflictClause *n) MUST_CHECK;
status bind_returning(struct scope *s, PgQuery__Node *const *nodes, size_t count) MUST_CHECK;
status bind_set_list(struct scope *s, PgQuery__Node *const *nodes, size_t count,
                     struct assignment **out, size_t *out_count) MUST_CHECK;
/* The column's default, or a null; identity columns take the next value of their sequence. */
status bind_column_default(struct scope *s, const struct table_desc *t,
                           const struct column_desc *column, struct expr **out) MUST_CHECK;
/* A value made fit for the column it is assigned to: DATATYPE_MISMATCH (42804) when it cannot. */
status bind_assigned_value(struct scope *s, const struct column_desc *column, struct expr *e,
                           struct expr **out) MUST_CHECK;
status check_assignable(struct scope *s, const struct column_desc *column, const struct expr *value,
                        bool is_default, const char *verb, bool override_system, int location)
    MUST_CHECK;

/* ---- bind_expr.c and neighbours: expressions ---- */
status bind_expr(struct scope *s, const PgQuery__Node *n, struct expr **out) MUST_CHECK;
/* In another clause than the scope's current one, which is restored. */
status bind_expr_in(struct scope *s, const PgQuery__Node *n, enum clause clause, struct expr **out)
    MUST_CHECK;
status bind_exprs(struct scope *s, PgQuery__Node *const *nodes, size_t count, struct expr ***out)
    MUST_CHECK;
status bind_a_expr(struct scope *s, const PgQuery__AExpr *n, struct expr **out) MUST_CHECK;
status bind_row_comparison(struct scope *s, const char *op, struct expr **left, size_t left_count,
                           struct expr **right, size_t right_count, int location, struct expr **out)
    MUST_CHECK;
status bind_sub_link(struct scope *s, const PgQuery__SubLink *n, struct expr **out) MUST_CHECK;
/* Column `column` (from 0) of a subquery that must give one row, as a scalar subquery of its own;
 * for (a, b) = (SELECT ...). *count is how many columns it has. */
status bind_subquery_column(struct scope *s, const PgQuery__Node *select, size_t column,
                            size_t *count, struct expr **out) MUST_CHECK;
status bind_func_call(struct scope *s, const PgQuery__FuncCall *n, struct expr **out) MUST_CHECK;
status bind_sql_value_function(struct scope *s, const PgQuery__SQLValueFunction *n,
                               struct expr **out) MUST_CHECK;
status bind_case(struct scope *s, const PgQuery__CaseExpr *n, struct expr **out) MUST_CHECK;
status bind_array(struct scope *s, const PgQuery__AArrayExpr *n, uint32_t array_type,
                  int32_t typmod, struct expr **out) MUST_CHECK;
status bind_type_cast(struct scope *s, const PgQuery__TypeCast *n, struct expr **out) MUST_CHECK;
/* f() OVER (...): window.c */
status bind_window_call(struct scope *s, const PgQuery__FuncCall *n, const struct function *f,
                        struct expr **out);
status bind_indirection(struct scope *s, const PgQuery__AIndirection *n, struct expr **out)
    MUST_CHECK;

/* ---- oper.c, func.c: choosing ---- */
status bind_operator(struct scope *s, const char *schema, const char *name, struct expr *left,
                     struct expr *right, int location, struct expr **out) MUST_CHECK;
/* Choose only. Types may be OID_UNKNOWN; `left` 0 for a prefix operator. *out NULL: there is none
 * (with `missing_ok`). */
status operator_choose(struct binder *b, const char *name, uint32_t left, uint32_t right,
                       bool missing_ok, int location, const struct operator_def **out) MUST_CHECK;
/* = of a type; an error that names the type when it has none. */
status operator_equality(struct binder *b, uint32_t type, int location,
                         const struct operator_def **out) MUST_CHECK;
status operator_apply(struct scope *s, const struct operator_def *op, struct expr *left,
                      struct expr *right, int location, struct expr **out) MUST_CHECK;
/* A call of a known function with arguments that are coerced to it. */
status bind_call(struct scope *s, const char *name, struct expr **args, size_t count, int location,
                 struct expr **out) MUST_CHECK;

/* One function or operator in the running: its argument types as they meet the call's. */
struct candidate {
    const void     *what;
    const uint32_t *types; /* arg_count of them */
};
/* PostgreSQL 15 section 10.3, steps 4: the best candidate or NULL. Reorders `candidates`. */
const struct candidate *candidate_select(struct candidate *candidates, size_t count,
                                         const uint32_t *types, size_t arg_count);
/* Leave those whose types the arguments can become implicitly; how many are left. */
size_t candidate_filter(struct candidate *candidates, size_t count, const uint32_t *types,
                        size_t arg_count);

/* ---- coerce.c ---- */
enum coercion { COERCION_NONE, COERCION_RELABEL, COERCION_FUNCTION, COERCION_ARRAY, COERCION_IO };
enum coercion coercion_find(uint32_t target, uint32_t source, enum cast_context context,
                            const struct cast_def **def);
bool can_coerce(size_t count, const uint32_t *from, const uint32_t *to, enum cast_context context);
/* `e` as `type`; can_coerce() must have said yes. Unknown literals are read here. */
status coerce_type(struct binder *b, struct expr *e, uint32_t type, int32_t typmod,
                   enum cast_context context, bool implicit, int location, struct expr **out)
    MUST_CHECK;
/* As coerce_type plus the typmod; *out NULL when there is no way. */
status coerce_to_target(struct binder *b, struct expr *e, uint32_t type, int32_t typmod,
                        enum cast_context context, bool implicit, int location, struct expr **out)
    MUST_CHECK;
status coerce_to_boolean(struct binder *b, struct expr *e, const char *construct, struct expr **out)
    MUST_CHECK;
status  coerce_to_specific(struct binder *b, struct expr *e, uint32_t type, const char *construct,
                           struct expr **out) MUST_CHECK;
/* The common type of section 10.5; `context` names the construct in errors, NULL: 0 in *out when
 * there is none. `which` (may be NULL): an expression of the type. */
status  select_common_type(struct binder *b, struct expr *const *exprs, size_t count,
                           const char *context, const struct expr **which, uint32_t *out) MUST_CHECK;
/* Can all of them become `type` implicitly? */
bool    verify_common_type(uint32_t type, struct expr *const *exprs, size_t count);
int32_t select_common_typmod(struct expr *const *exprs, size_t count, uint32_t type);
status  coerce_to_common(struct binder *b, struct expr *e, uint32_t type, const char *context,
                         struct expr **out) MUST_CHECK;
status  coerce_list_to_common(struct binder *b, struct expr **exprs, size_t count,
                              const char *context, uint32_t *type) MUST_CHECK;
char    type_category(uint32_t type);
bool    type_is_preferred(char category, uint32_t type);
bool    type_is_polymorphic(uint32_t type);
const char *type_text(struct binder *b, uint32_t type); /* format_type_be() */

/* ---- polymorphic.c ---- */
bool   polymorphic_consistent(const uint32_t *actual, const uint32_t *declared, size_t count);
/* Replace the polymorphic ones in `declared` by what the actual types make of them; *result too. */
status polymorphic_resolve(struct binder *b, const uint32_t *actual, uint32_t *declared,
                           size_t count, uint32_t *result) MUST_CHECK;

/* ---- params.c ---- */
status bind_param_ref(struct scope *s, const PgQuery__ParamRef *r, struct expr **out) MUST_CHECK;
status param_decide(struct binder *b, struct expr *param, uint32_t type, int location) MUST_CHECK;
status params_check(struct binder *b) MUST_CHECK;

/* ---- typename.c ---- */
status bind_type(struct binder *b, const PgQuery__TypeName *n, uint32_t *type, int32_t *typmod)
    MUST_CHECK;
status bind_collation(struct binder *b, PgQuery__Node *const *names, size_t count, int location,
                      uint32_t *out) MUST_CHECK;

/* ---- walk.c: over whole queries ---- */
/* Call `visit` for each expression that stands at the top of a clause of `q` (targets, where, on,
 * sub-selects in FROM and their own clauses with `levels` + 1). False stops. */
typedef bool (*query_visit)(struct expr **e, int levels, void *ctx);
bool         query_walk(struct query *q, int levels, query_visit visit, void *ctx);
/* Add `by` to the level of each column that is not the expression's own. */
struct expr *expr_shift_levels(struct arena *a, const struct expr *e, int by);
/* Does it hold a column of the query `levels` out (0: this one)? Any subquery inside counts. */
bool         expr_has_columns(struct expr *e, int levels);
bool         expr_contains(struct expr *e, enum expr_kind kind);

static inline bool clause_in_query(enum clause c)
{
    return c < CLAUSE_CHECK;
}

#endif
