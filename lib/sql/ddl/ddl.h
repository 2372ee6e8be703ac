/* lib/sql/ddl/ddl.h: statements that change the catalog.
 *
 * Everything happens in the session's transaction: descriptors are written and rows are moved
 * through it, so DDL commits, rolls back and rolls back to savepoints with everything else. What a
 * change needs of rows (index entries, checks of constraints, rewrites) it does before it
 * returns. */
#ifndef LINERA_SQL_DDL_DDL_H
#define LINERA_SQL_DDL_DDL_H

#include "sql/context.h"
#include "sql/parse/parse.h"

/* Whether ddl_execute() takes statements of this kind. Includes SELECT ... INTO and CREATE TABLE
 * ... AS. */
bool ddl_handles(const PgQuery__Node *node);

/* Whether the statement must not run inside a transaction block ("CREATE DATABASE cannot run inside
 * a transaction block", 25001): NULL when it may, else its name for that message. */
const char *ddl_block_name(const PgQuery__Node *node);

struct ddl_hooks {
    /* The SCRAM-SHA-256 verifier of a password, in `a`; NULL: PASSWORD is not supported. MAY_YIELD.
     */
    status (*password_verifier)(void *arg, struct sql_context *c, struct arena *a, slice password,
                                const char **out);
    void *arg;
};

struct ddl_result {
    const char *tag;      /* command tag, a constant: "CREATE TABLE" */
    bool        has_rows; /* the tag is followed by a row count: "SELECT 12" */
    uint64_t    rows;
};

/* Run one statement in c->txn. `text` is the statement's text, for positions; `hooks` may be NULL.
 * Notices go through c->notice. After an error the caller rolls the transaction back, or back to a
 * savepoint. Everything is refused with READ_ONLY_TRANSACTION in a read-only transaction.
 * MAY_YIELD. */
status ddl_execute(struct sql_context *c, struct arena *a, const PgQuery__Node *node,
                   const char *text, const struct ddl_hooks *hooks, struct ddl_result *out)
    MUST_CHECK;

struct table_desc;
/* Take statistics of a stored table's rows and store them (catalog/statistics.h) in c->txn; other
 * relations have none, which is no error. `a` holds the sample meanwhile: ten thousand rows, values
 * of up to a kilobyte. MAY_YIELD. */
status ddl_analyze(struct sql_context *c, struct arena *a, const struct table_desc *t) MUST_CHECK;

#endif
