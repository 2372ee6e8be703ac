/* Rows beyond work_mem go to temporary files: the answers are those of memory, nothing is left
 * behind, and what fails for want of space fails alone. */
#include <stdlib.h>

#include "base/sort.h"
#include "env/file.h"
#include "env/sim.h"
#include "tests/sql_exec/fixture.h"

static const char schema[] =
    "CREATE TABLE t (id int PRIMARY KEY, k int, s text, n numeric, f float8, b bool, i interval, "
    "u uuid);"
    "CREATE TABLE r (id int PRIMARY KEY, k int, s text)";

static void fill(struct sql_fixture *s, int rows)
{
    char sql[900];

    sql_run(s, schema);
    snprintf(sql, sizeof sql,
             "INSERT INTO t SELECT g, CASE WHEN g %% 11 <> 0 THEN g %% 97 END, "
             "CASE WHEN g %% 7 <> 0 THEN repeat(chr(97 + g %% 26), g %% 40) END, g %% 13 + 0.50, "
             "g / 3.0, g %% 2 = 0, (g %% 50) * interval '1 hour', "
             "('00000000-0000-0000-0000-' || lpad((g %% 300)::text, 12, '0'))::uuid "
             "FROM generate_series(1, %d) g",
             rows);
    sql_run(s, sql);
    snprintf(sql, sizeof sql,
             "INSERT INTO r SELECT g, CASE WHEN g %% 5 <> 0 THEN g %% 60 END, 'r' || g "
             "FROM generate_series(1, %d) g",
             rows / 3);
    sql_run(s, sql);
}

static int compare_lines(const void *a, const void *b, void *ctx)
{
    (void)ctx;
    return slice_cmp(*(const slice *)a, *(const slice *)b);
}

/* The answer as malloc'ed text, in an order of its own unless the query has one. */
static char *answer(struct sql_fixture *s, const char *query)
{
    const char *text = sql_rows(s, query);
    size_t      size = strlen(text), count = 0, at = 0;
    slice      *lines = calloc(size + 1, sizeof *lines);
    char       *out = calloc(1, size + 1);

    while (*text != '\0') {
        const char *end = strchr(text, '\n');

        lines[count++] = slice_make(text, (size_t)(end - text) + 1);
        text = end + 1;
    }
    if (strstr(query, "ORDER BY") == NULL || strstr(query, "GROUP BY") != NULL)
        sort_stable(NULL, lines, count, sizeof *lines, compare_lines, NULL);
    for (size_t i = 0; i < count; i++) {
        memcpy(out + at, lines[i].data, lines[i].size);
        at += lines[i].size;
    }
    free(lines);
    return out;
}

static const char *const queries[] = {
    "SELECT * FROM t ORDER BY s NULLS FIRST, k DESC",
    "SELECT k, s FROM t ORDER BY k",               /* stable: equal rows as they came */
    "SELECT id FROM t ORDER BY f DESC LIMIT 3000", /* top rows that are too many */
    "SELECT DISTINCT ON (k) k, s FROM t ORDER BY k, s, id",
    "SELECT * FROM t JOIN r ON t.k = r.k",
    "SELECT t.id, r.s FROM t LEFT JOIN r ON t.k = r.k AND r.id > t.id",
    "SELECT t.id, r.s FROM t FULL JOIN r ON t.id = r.k AND t.s <> r.s",
    "SELECT t.id, r.id FROM t RIGHT JOIN r ON t.s = r.s",
    "SELECT id, s FROM t WHERE EXISTS (SELECT 1 FROM r WHERE r.k = t.k AND r.id < t.id)",
    "SELECT id, s FROM t WHERE NOT EXISTS (SELECT 1 FROM r WHERE r.k = t.id)",
    "SELECT count(*) FROM t a JOIN t b ON a.b = b.b WHERE a.id < 80", /* two hashes in all */
    "SELECT s, k, count(*), sum(n), min(f), max(i) FROM t GROUP BY s, k",
    "SELECT id, count(*) FILTER (WHERE b), array_agg(s) FROM t GROUP BY id",
    "SELECT k, count(DISTINCT s), string_agg(s, ',' ORDER BY id) FROM t GROUP BY k",
    "SELECT DISTINCT s, n, u FROM t",
    "SELECT u FROM t UNION SELECT u FROM t WHERE b",
    "SELECT id, s FROM t INTERSECT SELECT id, s FROM t WHERE k > 20",
    "SELECT s, k FROM t EXCEPT ALL SELECT s, k FROM t WHERE b",
    "SELECT s, k FROM t INTERSECT ALL SELECT s, k FROM t WHERE b",
    "SELECT id, s FROM t EXCEPT SELECT id, s FROM r",
    "SELECT count(*), min(t.s || r.s) FROM t, r WHERE t.id + r.id < 400",
    "WITH c AS MATERIALIZED (SELECT * FROM t) SELECT a.id, b.s FROM c a JOIN c b ON a.id = b.k",
    "WITH c AS MATERIALIZED (SELECT id, s FROM t) SELECT (SELECT count(*) FROM c), count(s) FROM c",
    /* Endless: both read no further than they must, one behind the other. */
    "WITH RECURSIVE c AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM c) SELECT n FROM c LIMIT 3000",
    "WITH RECURSIVE c AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM c) "
    "SELECT a.n, b.n FROM (SELECT n FROM c LIMIT 700) a, (SELECT n FROM c LIMIT 900) b "
    "WHERE a.n = b.n + 300",
    "SELECT r.id, (SELECT count(*) FROM (SELECT DISTINCT s FROM t WHERE t.id > r.id OFFSET 0) x) "
    "FROM r WHERE r.id < 12",
    "SELECT r.id, x.s FROM r, LATERAL (SELECT s FROM t WHERE t.id > r.id ORDER BY f LIMIT 900) x "
    "WHERE r.id < 5",
};

static void work_mem(struct sql_fixture *s, size_t bytes)
{
    s->context.temp.dir = "/tmp";
    s->context.settings.work_mem = bytes;
}

static void compare_all(struct sql_fixture *s, size_t bytes)
{
    for (size_t i = 0; i < ARRAY_LEN(queries); i++) {
        char *expected, *got;

        work_mem(s, 0);
        expected = answer(s, queries[i]);
        work_mem(s, bytes);
        got = answer(s, queries[i]);
        if (strcmp(expected, got) != 0)
            print_error("%s\n", queries[i]);
        assert_true(strcmp(expected, got) == 0);
        assert_int_equal(s->context.temp.used, 0);
        free(expected);
        free(got);
    }
}

SQL_TEST(same_answers)
{
    fill(s, 4000);
    for (int way = 0; way < 2; way++) {
        s->context.settings.no_mergejoin = way == 0;
        s->context.settings.no_hashjoin = way == 1;
        compare_all(s, 4096);
    }
    s->context.settings.no_hashjoin = s->context.settings.no_mergejoin = false;
    s->batch_rows = 3;
    compare_all(s, 20000);
}

/* So many runs that they are merged in several passes, and parts that are parted again. */
SQL_TEST(every_batch)
{
    fill(s, 1500);
    s->batch_rows = 3;
    compare_all(s, 1);
}

/* ---- limits -------------------------------------------------------------------------------------
 */

SQL_TEST(file_limit)
{
    fill(s, 3000);
    work_mem(s, 4096);
    s->context.temp.size_max = 64 << 10;
    assert_error(s, "SELECT * FROM t ORDER BY s",
                 "53400: temporary file size exceeds temp_file_limit (64kB)");
    assert_error(s, "SELECT * FROM t a JOIN t b ON a.k = b.id ORDER BY a.f",
                 "53400: temporary file size exceeds temp_file_limit (64kB)");
    assert_int_equal(s->context.temp.used, 0);
    assert_rows(s, "SELECT count(*) FROM (SELECT id FROM r ORDER BY s OFFSET 0) x", "1000\n");
    s->context.temp.dir = "/proc/linera-nowhere";
    s->context.temp.size_max = 0;
    assert_error(s, "SELECT * FROM t ORDER BY s",
                 "58P01: could not create directory \"/proc/linera-nowhere\": No such file or "
                 "directory");
}

SQL_TEST(errors_leave_nothing)
{
    fill(s, 3000);
    work_mem(s, 4096);
    assert_error(s, "SELECT 1 / (id - 2990) FROM (SELECT * FROM t ORDER BY s, id OFFSET 0) x",
                 "22012: division by zero");
    assert_error(s, "SELECT s, sum(1 / (id - 2990)) FROM t GROUP BY s", "22012: division by zero");
    assert_error(s, "SELECT * FROM t JOIN r ON t.k = r.k AND 1 / (t.id - 2990) < 5",
                 "22012: division by zero");
    assert_int_equal(s->context.temp.used, 0);
}

/* With an account that holds a fraction of the rows. */
static status run_limited(struct sql_fixture *s, const char *text, size_t limit)
{
    struct arena       *a = arena_new(env_heap(s->f->env), NULL);
    struct mem_account  account;
    struct parse_result parsed;
    struct query       *q;
    struct plan        *plan;
    struct execution   *x = NULL;
    const struct batch *b;
    status              st;

    mem_account_init(&account, NULL, "query", limit);
    assert_st_ok(parse_statements(s->f->env, a, slice_cstr(text), &parsed));
    sql_begin(s, TXN_SERIALIZABLE);
    assert_st_ok(bind_statement(&s->context, a, parsed.statements[0].node, text, NULL, &q));
    assert_st_ok(plan_query(&s->context, a, q, &plan));
    st = execution_open(&s->context, plan, NULL, NULL, 0, &account, false, &x);
    while (st_ok(st))
        st = execution_next(x, 0, &b);
    execution_close(x);
    assert_int_equal(account.used, 0);
    sql_rollback(s);
    arena_free(a);
    return st;
}

SQL_TEST(near_the_limit)
{
    static const char *const list[] = {
        "SELECT * FROM t ORDER BY s, f", "SELECT f, count(*), max(s) FROM t GROUP BY f",
        "SELECT * FROM t a LEFT JOIN t b ON a.f = b.f", "SELECT DISTINCT * FROM t"};

    fill(s, 20000);
    s->context.settings.no_mergejoin = true;
    for (size_t i = 0; i < ARRAY_LEN(list); i++) {
        status st;

        s->context.temp.dir = NULL;
        st = run_limited(s, list[i], 3 << 20);
        assert_string_equal(status_sqlstate(st), "53200");
        st_clear(st);
        work_mem(s, 1 << 30);
        st = run_limited(s, list[i], 3 << 20);
        if (st != STATUS_NO_DATA)
            print_error("%s: %s\n", list[i], status_message(st));
        assert_true(st == STATUS_NO_DATA);
    }
}

/* ---- a full disk --------------------------------------------------------------------------------
 */

static void full_disk_main(struct env *env, void *arg)
{
    struct txn_fixture f;
    struct sql_fixture s;

    txn_fixture_open(&f, env, NULL);
    sql_fixture_open(&s, &f);
    fill(&s, 3000);
    s.context.temp.dir = "db/tmp";
    s.context.settings.work_mem = 4096;
    for (int i = 0; i < 3; i++) {
        status st = sql_try(&s, "SELECT * FROM t ORDER BY s");

        assert_string_equal(status_sqlstate(st), "53100");
        st_clear(st);
        assert_int_equal(s.context.temp.used, 0);
        /* A smaller one has room: the other's file is gone. (The simulated disk keeps the space of
         * what a crash could bring back until the directory is synced.) */
        assert_st_ok(env_sync_dir(env, "db/tmp", ENV_INLINE));
        assert_rows(&s, "SELECT count(*) FROM (SELECT id FROM r ORDER BY s OFFSET 0) x", "1000\n");
    }
    sql_run(&s, "INSERT INTO r VALUES (100000, 1, 'still there')");
    sql_fixture_close(&s);
    txn_fixture_close(&f);
    *(bool *)arg = true;
    env_stop(env);
}

static bool is_done(void *arg)
{
    return *(bool *)arg;
}

static void full_disk(void **state)
{
    struct sim            *sim = sim_new(7, NULL);
    bool                   done = false;
    struct sim_node       *node = sim_add_node(sim, "server", full_disk_main, &done);
    struct sim_disk_faults faults = {.space_max = 128 << 10};

    (void)state;
    sim_disk_set_faults(node, &faults);
    assert_int_equal(sim_run_until(sim, is_done, &done, 60 * 1000000ull), SIM_DONE);
    sim_free(sim);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T("what spills answers as what fits", same_answers),
        T("with no memory at all, too", every_batch),
        T("temp_file_limit and a missing place fail the statement", file_limit),
        T("errors in the middle leave no file and no memory", errors_leave_nothing),
        T("a memory limit that comes near makes operators spill", near_the_limit),
        T("a full disk fails the statement that fills it alone", full_disk),
    };

    return cmocka_run_group_tests_name("sql_exec spill", tests, NULL, NULL);
}
