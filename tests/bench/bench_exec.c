/* How long a cached plan takes, per execution, in a transaction that is already there. */
#include "tests/sql_exec/fixture.h"

struct bench {
    const char *name, *sql;
};

static uint64_t time_plan(struct sql_fixture *s, const char *sql, size_t count)
{
    struct arena       *a = arena_new(env_heap(s->f->env), NULL);
    uint32_t            type = OID_INT4;
    struct bind_params  params = {.types = &type, .count = 1, .fixed = true};
    struct parse_result parsed;
    struct query       *q;
    struct plan        *plan;
    struct mem_account  account;
    uint64_t            start;

    mem_account_init(&account, NULL, "query", 0);
    assert_st_ok(parse_statements(s->f->env, a, slice_cstr(sql), &parsed));
    sql_begin(s, TXN_READ_COMMITTED);
    assert_st_ok(bind_statement(&s->context, a, parsed.statements[0].node, sql, &params, &q));
    assert_st_ok(plan_query(&s->context, a, q, &plan));
    start = env_mono_us(s->f->env);
    for (size_t i = 0; i < count; i++) {
        datum               v = {.i = (int64_t)(i % 1000) + 1};
        bool                null = false;
        const struct batch *b;
        struct execution   *x;
        status              st;

        txn_step(s->txn);
        assert_st_ok(execution_open(&s->context, plan, &v, &null, 1, &account, false, &x));
        while (st_ok(st = execution_next(x, 0, &b)))
            ;
        assert_true(st == STATUS_NO_DATA);
        execution_close(x);
    }
    start = env_mono_us(s->f->env) - start;
    sql_rollback(s);
    arena_free(a);
    return start * 1000 / count;
}

static void bench(struct txn_fixture *f)
{
    static const struct bench list[] = {
        {"point select", "SELECT balance FROM acc WHERE id = $1"},
        {"point update", "UPDATE acc SET balance = balance + 1 WHERE id = $1"},
        {"range of 100", "SELECT sum(balance) FROM acc WHERE id BETWEEN $1 AND $1 + 99"},
        {"insert", "INSERT INTO hist VALUES ($1, 2, 3)"},
    };
    struct sql_fixture s;
    char               sql[128];

    sql_fixture_open(&s, f);
    sql_run(&s, "CREATE TABLE acc (id int PRIMARY KEY, branch int, balance int, filler char(84));"
                "CREATE TABLE hist (a int, b int, c int)");
    for (int i = 1; i <= 2000; i++) {
        snprintf(sql, sizeof sql, "INSERT INTO acc VALUES (%d, 1, 0, '')", i);
        sql_run(&s, sql);
    }
    for (size_t i = 0; i < sizeof list / sizeof *list; i++)
        printf("%-14s %6llu ns\n", list[i].name,
               (unsigned long long)time_plan(&s, list[i].sql, i == 2 ? 2000 : 20000));
    sql_fixture_close(&s);
}

int main(void)
{
    txn_test_run(bench);
    return 0;
}
