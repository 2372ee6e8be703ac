/* tests/common/sql_fixture.h: statements run from text to rows over an engine in memory, and their
 * results as text. */
#ifndef LINERA_TESTS_COMMON_SQL_FIXTURE_H
#define LINERA_TESTS_COMMON_SQL_FIXTURE_H

#include "env/env.h"
#include "sql/bind/bind.h"
#include "sql/ddl/ddl.h"
#include "sql/exec/exec.h"
#include "sql/exec/write.h"
#include "sql/plan/plan.h"
#include "tests/common/txn_fixture.h"

struct sql_fixture {
    struct txn_fixture *f;
    struct catalog     *catalog;
    struct sql_context  context;
    struct txn         *txn;  /* NULL: each statement has its own */
    struct buf          out;  /* rows, one a line, columns split by '|' */
    uint64_t            rows; /* of the last statement */
};

void sql_fixture_open(struct sql_fixture *s, struct txn_fixture *f);
void sql_fixture_close(struct sql_fixture *s);

/* Transactions over several statements. */
void   sql_begin(struct sql_fixture *s, enum txn_isolation isolation);
status sql_commit(struct sql_fixture *s);
void   sql_rollback(struct sql_fixture *s);

/* Run statements; s->out has the rows of the last one. */
status      sql_try(struct sql_fixture *s, const char *text);
void        sql_run(struct sql_fixture *s, const char *text);
/* The rows of a query: "1|a\n2|null\n". */
const char *sql_rows(struct sql_fixture *s, const char *text);
/* SQLSTATE, message and detail of a statement that must fail: "23505: ...; Key ...". */
const char *sql_error(struct sql_fixture *s, const char *text);

#define assert_rows(s, query, expected) assert_string_equal(sql_rows((s), (query)), (expected))
#define assert_error(s, text, expected) assert_string_equal(sql_error((s), (text)), (expected))

#define SQL_TEST(name)                                                                             \
    static void name##_sql(struct sql_fixture *s);                                                 \
    TXN_TEST(name)                                                                                 \
    {                                                                                              \
        struct sql_fixture s;                                                                      \
        sql_fixture_open(&s, f);                                                                   \
        name##_sql(&s);                                                                            \
        sql_fixture_close(&s);                                                                     \
    }                                                                                              \
    static void name##_sql(struct sql_fixture *s)

#endif
