/* lib/sql/parse/parse.h: statement text to PostgreSQL's own parse tree (libpg_query's protobuf, the
 * only AST).
 *
 * Parsing runs on the worker's large stack, since the grammar's C code and protobuf-c recurse as
 * deep as the text nests; nesting beyond limits is refused with STATEMENT_TOO_COMPLEX (54001)
 * before (pitfall E3). */
#ifndef LINERA_SQL_PARSE_PARSE_H
#define LINERA_SQL_PARSE_PARSE_H

#include <pg_query/pg_query.pb-c.h>

#include "base/arena.h"
#include "base/slice.h"
#include "base/status.h"

struct env;

struct parse_statement {
    const PgQuery__Node *node;
    slice                text;     /* this statement's part of the whole text */
    int                  location; /* where it begins in the whole text, in bytes */
};

struct parse_result {
    size_t                  count;
    struct parse_statement *statements; /* the empty ones between semicolons are left out */
};

/* Parse any number of statements. The tree lives in `a`. Syntax errors: 42601 with PostgreSQL's
 * text and the position in characters. `text` must be valid UTF-8. `env` NULL (unit tests): on the
 * caller's stack. */
status parse_statements(struct env *env, struct arena *a, slice text, struct parse_result *out)
    MUST_CHECK;

/* Position in characters from 1, as errors carry it, of a byte location; 0 for -1. */
int parse_position(slice text, int location);

#endif
