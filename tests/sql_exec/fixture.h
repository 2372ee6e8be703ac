/* tests/sql_exec/fixture.h: statements run from text to rows over an engine in memory, and their
 * results as text. */
#ifndef LINERA_TESTS_SQL_EXEC_FIXTURE_H
#define LINERA_TESTS_SQL_EXEC_FIXTURE_H

#include "env/env.h"
#include "sql/bind/bind.h"
#include "sql/ddl/ddl.h"
#include "sql/exec/exec.h"
#include "sql/exec/write.h"
#include "sql/parse/parse.h"
#include "sql/plan/node.h"
#include "sql/types/type.h"
#include "tests/common/txn_fixture.h"

struct sql_fixture {
    struct txn_fixture *f;
    struct catalog     *catalog;
    struct sql_context  context;
    struct txn         *txn;        /* NULL: each statement has its own */
    struct buf          out;        /* rows, one a line, columns split by '|' */
    size_t              batch_rows; /* 0: as planned */
    uint64_t            rows;       /* of the last statement */
};

static inline void drop_notice(struct sql_context *c, const char *severity, status st)
{
    (void)c, (void)severity;
    st_clear(st);
}

static inline void sql_fixture_open(struct sql_fixture *s, struct txn_fixture *f)
{
    memset(s, 0, sizeof *s);
    s->f = f;
    assert_st_ok(catalog_open(f->env, f->txns, "admin", &s->catalog));
    s->context.env = f->env;
    s->context.database = "postgres";
    s->context.user = s->context.session_user = "admin";
    s->context.user_oid = OID_ROLE_BOOTSTRAP;
    s->context.database_oid = 5;
    s->context.settings.standard_conforming_strings = true;
    s->context.settings.extra_float_digits = 1;
    s->context.notice = drop_notice;
    s->context.deferred = deferred_checks_new(env_heap(f->env));
    buf_init(&s->out, NULL);
}

/* Transactions over several statements. */
static inline void sql_begin(struct sql_fixture *s, enum txn_isolation isolation)
{
    static const char *const path[] = {"public"};
    struct txn_options       o = {.isolation = isolation};

    assert_st_ok(txn_begin(s->f->txns, &o, &s->txn));
    assert_st_ok(
        catalog_view_open(s->catalog, s->txn, s->context.database_oid, &s->context.catalog));
    catalog_view_set_search_path(s->context.catalog, path, 1);
    s->context.txn = s->txn;
}

static inline void end(struct sql_fixture *s)
{
    catalog_view_close(s->context.catalog);
    txn_free(s->txn);
    s->txn = s->context.txn = NULL;
    s->context.catalog = NULL;
}

static inline status sql_commit(struct sql_fixture *s)
{
    status st = deferred_checks_run(&s->context, s->context.deferred);

    if (st_ok(st))
        st = txn_commit(s->txn);
    else
        txn_rollback(s->txn);
    end(s);
    return st;
}

static inline void sql_rollback(struct sql_fixture *s)
{
    deferred_checks_cut(s->context.deferred, 0);
    txn_rollback(s->txn);
    end(s);
}

static inline void sql_fixture_close(struct sql_fixture *s)
{
    if (s->txn != NULL)
        sql_rollback(s);
    buf_deinit(&s->out);
    deferred_checks_free(s->context.deferred);
    catalog_close(s->catalog);
}

static inline status print_batch(struct sql_fixture *s, const struct batch *b)
{
    for (size_t i = 0; i < batch_live_count(b); i++) {
        size_t row = batch_live_row(b, i);

        for (size_t k = 0; k < b->column_count; k++) {
            const struct type *t = type_by_oid(b->columns[k].type);

            if (k > 0)
                buf_put_u8(&s->out, '|');
            if (b->columns[k].nulls[row])
                buf_append_cstr(&s->out, "null");
            else
                TRY_RETURN(t->output(&s->context, t, b->columns[k].values[row], &s->out));
        }
        buf_put_u8(&s->out, '\n');
    }
    return STATUS_OK;
}

static inline status run_plan(struct sql_fixture *s, struct arena *a, const struct plan *p)
{
    struct mem_account  account;
    struct execution   *x;
    const struct batch *b;
    status              st;

    (void)a;
    mem_account_init(&account, NULL, "query", 0);
    TRY_RETURN(execution_open(&s->context, p, NULL, NULL, 0, &account, false, &x));
    while (st_ok(st = execution_next(x, 0, &b))) {
        st = print_batch(s, b);
        if (!st_ok(st))
            break;
    }
    s->rows = execution_row_count(x);
    execution_close(x);
    assert_int_equal(account.used, 0);
    return st == STATUS_NO_DATA ? STATUS_OK : st;
}

static inline status run_statement(struct sql_fixture *s, struct arena *a,
                                   const struct parse_statement *p, const char *text)
{
    struct query *q;
    struct plan  *plan;

    buf_reset(&s->out);
    if (ddl_handles(p->node)) {
        struct ddl_result r;

        return ddl_execute(&s->context, a, p->node, text, NULL, &r);
    }
    if (p->node->node_case == PG_QUERY__NODE__NODE_EXPLAIN_STMT) {
        struct explain_options o = {0};

        TRY_RETURN(bind_statement(&s->context, a, p->node->explain_stmt->query, text, NULL, &q));
        TRY_RETURN(plan_query(&s->context, a, q, &plan));
        return plan_explain(&s->context, plan, NULL, &o, &s->out);
    }
    TRY_RETURN(bind_statement(&s->context, a, p->node, text, NULL, &q));
    TRY_RETURN(plan_query(&s->context, a, q, &plan));
    if (s->batch_rows > 0)
        plan->batch_rows = s->batch_rows;
    return run_plan(s, a, plan);
}

static inline status run_one(struct sql_fixture *s, struct arena *a,
                             const struct parse_statement *p, const char *text)
{
    bool   own = s->txn == NULL;
    status st;

    if (own)
        sql_begin(s, TXN_SERIALIZABLE);
    else
        txn_step(s->txn);
    st = run_statement(s, a, p, text);
    if (!own)
        return st;
    if (st_ok(st))
        return sql_commit(s);
    sql_rollback(s);
    return st;
}

/* Run statements; s->out has the rows of the last one. */
static inline status sql_try(struct sql_fixture *s, const char *text)
{
    struct arena       *a = arena_new(env_heap(s->f->env), NULL);
    struct parse_result parsed;
    status              st = parse_statements(s->f->env, a, slice_cstr(text), &parsed);

    for (size_t i = 0; st_ok(st) && i < parsed.count; i++)
        st = run_one(s, a, &parsed.statements[i], text);
    arena_free(a);
    return st;
}

static inline void sql_run(struct sql_fixture *s, const char *text)
{
    status st = sql_try(s, text);

    if (!st_ok(st))
        print_error("%s\n", text);
    assert_st_ok(st);
}

/* The rows of a query: "1|a\n2|null\n". */
static inline const char *sql_rows(struct sql_fixture *s, const char *text)
{
    sql_run(s, text);
    return buf_cstr(&s->out);
}

/* SQLSTATE, message and detail of a statement that must fail. */
static inline const char *sql_error(struct sql_fixture *s, const char *text)
{
    status st = sql_try(s, text);

    buf_reset(&s->out);
    buf_printf(&s->out, "%s: %s", status_sqlstate(st), status_message(st));
    if (!st_ok(st) && status_fields(st)->detail != NULL)
        buf_printf(&s->out, "; %s", status_fields(st)->detail);
    st_clear(st);
    return buf_cstr(&s->out);
}

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
