/* lib/sql/bind/bind.h: parse tree to query tree. Errors are PostgreSQL's, with position (in
 * characters, from 1) and hint. */
#ifndef LINERA_SQL_BIND_BIND_H
#define LINERA_SQL_BIND_BIND_H

#include "base/buf.h"
#include "sql/bind/query.h"
#include "sql/parse/parse.h"

struct bind_params {
    uint32_t
        *types; /* grows in the binder's arena: known types in, decided types out; 0: to be found */
    size_t count;
    bool   fixed; /* more parameters than count are an error */
};

/* Bind one SELECT, VALUES, INSERT, UPDATE or DELETE. The result lives in `a`. `text` is the whole
 * text that was parsed (locations count from its start), for positions. `params` NULL: the
 * statement may have none. MAY_YIELD (catalog). */
status bind_statement(struct sql_context *c, struct arena *a, const PgQuery__Node *node,
                      const char *text, struct bind_params *params, struct query **out) MUST_CHECK;

/* Bind an expression that stands alone: a default, check, index expression or predicate. Columns
 * are those of `table` (NULL: none), as EXPR_COLUMN of entry 0. `target_type` 0: as it comes, else
 * coerced by assignment. `what` says what it is, and so what it may hold: "check constraint",
 * "DEFAULT expression", "index expression", "index predicate", "column generation expression"; else
 * (NULL) the limits of any expression. Checks and index predicates come out as bool. */
status bind_expression_text(struct sql_context *c, struct arena *a, const char *expression_text,
                            const struct table_desc *table, uint32_t target_type,
                            int32_t target_typmod, struct expr **out) MUST_CHECK;
status bind_expression_node(struct sql_context *c, struct arena *a, const PgQuery__Node *node,
                            const char *text, const struct table_desc *table, uint32_t target_type,
                            int32_t target_typmod, const char *what, struct expr **out) MUST_CHECK;

/* A type name of the grammar to OID and typmod. serial is not a type. */
status bind_type_name(struct sql_context *c, const PgQuery__Node *type_name, const char *text,
                      uint32_t *type, int32_t *typmod) MUST_CHECK;

/* Coerce as an assignment to a column of that type would: DATATYPE_MISMATCH (42804) when it cannot.
 */
status bind_coerce_assignment(struct sql_context *c, struct arena *a, struct expr *e, uint32_t type,
                              int32_t typmod, const char *column_name, struct expr **out)
    MUST_CHECK;

/* The name an expression's column gets when none is written: the function's, the column's ... or
 * "?column?". */
const char *target_name(const PgQuery__Node *n);

/* SQL text of a bound expression or query, as PostgreSQL's pg_get_expr() and pg_get_viewdef() print
 * it: `qualify` puts schema names on everything, for storage. */
status deparse_expr(struct sql_context *c, const struct expr *e, const struct table_desc *table,
                    bool qualify, struct buf *out) MUST_CHECK;
/* As pg_get_expr(..., true): without the parentheses that precedence makes needless. */
status deparse_expr_pretty(struct sql_context *c, const struct expr *e,
                           const struct table_desc *table, struct buf *out) MUST_CHECK;
status deparse_query(struct sql_context *c, const struct query *q, bool qualify, bool pretty,
                     struct buf *out) MUST_CHECK;

#endif
