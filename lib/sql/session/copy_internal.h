/* lib/sql/session/copy_internal.h: shared by copy.c and copy_from.c. */
#ifndef LINERA_SQL_SESSION_COPY_INTERNAL_H
#define LINERA_SQL_SESSION_COPY_INTERNAL_H

#include "sql/session/copy_format.h"
#include "sql/session/session_internal.h"

struct copy {
    struct sql_session        *s;
    struct arena              *arena; /* of the statement */
    const PgQuery__CopyStmt   *stmt;
    const struct table_desc   *table; /* NULL: COPY (query) TO */
    size_t                     column_count;
    const struct column_desc **columns;    /* in the order of the COPY's list; NULL with a query */
    size_t                     name_count; /* the names of columns, also of a query's */
    const char               **names;
    struct copy_options        options;
    struct prepared           *plan;
};

/* A name in double quotes, in `a`. */
const char      *copy_quoted(struct arena *a, const char *name);
const char      *copy_relation_text(struct copy *c);
enum copy_format copy_format_of(const struct copy *c);
/* Plan a statement written here, or, with `text` NULL, the query of COPY (query) TO. */
status           copy_plan(struct copy *c, const char *text, slice whole) MUST_CHECK;

/* COPY ... FROM STDIN. MAY_YIELD. */
status copy_from(struct copy *c, uint64_t *rows) MUST_CHECK;

#endif
