/* ANALYZE: what it stores, and what plans make of it. */
#include "sql/catalog/statistics.h"
#include "tests/sql_exec/fixture.h"

static status try_analyze(struct sql_fixture *s, const char *table)
{
    SCOPED(arena) struct arena *a = arena_new(env_heap(s->f->env), NULL);
    const struct table_desc    *t;

    TRY_RETURN(catalog_table_by_name(s->context.catalog, NULL, table, &t));
    return ddl_analyze(&s->context, a, t);
}

static void analyze(struct sql_fixture *s, const char *table)
{
    sql_begin(s, TXN_READ_COMMITTED);
    assert_st_ok(try_analyze(s, table));
    assert_st_ok(sql_commit(s));
}

static void fill(struct sql_fixture *s, int rows)
{
    char sql[500];

    sql_run(s, "CREATE TABLE t (id int PRIMARY KEY, k int, half int, s text, one int, f float8);"
               "CREATE INDEX t_k ON t (k)");
    snprintf(sql, sizeof sql,
             "INSERT INTO t SELECT g, CASE WHEN g %% 10 < 6 THEN 1 ELSE g END, "
             "CASE WHEN g %% 2 = 0 THEN g END, 'v' || g %% 4, 7, g / 2.0 "
             "FROM generate_series(1, %d) g",
             rows);
    sql_run(s, sql);
}

SQL_TEST(what_is_stored)
{
    fill(s, 1000);
    assert_rows(s, "SELECT reltuples FROM pg_class WHERE relname = 't'", "-1\n");
    assert_rows(s, "SELECT count(*) FROM pg_stats", "0\n");
    analyze(s, "t");
    assert_rows(s, "SELECT reltuples FROM pg_class WHERE relname = 't'", "1000\n");
    assert_rows(s,
                "SELECT schemaname, attname, null_frac, avg_width, n_distinct, most_common_vals, "
                "most_common_freqs FROM pg_stats WHERE tablename = 't' ORDER BY attname",
                "public|f|0|8|-1|null|null\n"
                "public|half|0.5|4|-0.5|null|null\n"
                "public|id|0|4|-1|null|null\n"
                "public|k|0|4|-0.401|{1}|{0.6}\n"
                "public|one|0|4|1|{7}|{1}\n"
                "public|s|0|2|4|{v0,v1,v2,v3}|{0.25,0.25,0.25,0.25}\n");
    assert_rows(s,
                "SELECT left(histogram_bounds::text, 20) FROM pg_stats WHERE attname IN ('id', "
                "'k', 'half', 's') ORDER BY attname",
                "{2,10,20,30,40,50,60\n{1,10,20,30,40,50,60\n{6,9,19,29,39,49,59,\nnull\n");
    assert_rows(s,
                "SELECT staattnum, stakind1, stakind2, stanullfrac FROM pg_statistic "
                "WHERE starelid = 't'::regclass AND staattnum < 4 ORDER BY 1",
                "1|2|0|0\n2|1|2|0\n3|2|0|0.5\n");
}

SQL_TEST(empty_and_odd)
{
    sql_run(s, "CREATE TABLE e (a int, b text, c int[]); CREATE VIEW v AS SELECT * FROM e;"
               "CREATE TABLE w (a text, b bool); INSERT INTO w VALUES (null, null), "
               "(repeat('x', 5000), true), (repeat('x', 5000), null)");
    analyze(s, "e");
    analyze(s, "v");
    analyze(s, "w");
    assert_rows(s,
                "SELECT relname, reltuples FROM pg_class WHERE relname IN ('e', 'v', 'w') "
                "ORDER BY 1",
                "e|0\nv|-1\nw|3\n");
    assert_rows(s, "SELECT attname, null_frac > 0.3, avg_width FROM pg_stats WHERE tablename = 'w'",
                "a|t|5000\nb|t|1\n");
    assert_rows(s, "SELECT count(*) FROM e WHERE a > 5 OR b = 'x' OR c = '{1}'", "0\n");
}

/* Of thirty thousand rows a third is looked at. */
SQL_TEST(samples)
{
    fill(s, 30000);
    analyze(s, "t");
    assert_rows(s, "SELECT reltuples FROM pg_class WHERE relname = 't'", "30000\n");
    assert_rows(s,
                "SELECT attname, n_distinct FROM pg_stats WHERE attname IN ('id', 's') ORDER BY 1",
                "id|-1\ns|4\n");
    assert_rows(s,
                "SELECT n_distinct BETWEEN -0.5 AND -0.1, most_common_vals, "
                "most_common_freqs[1] BETWEEN 0.57 AND 0.63 FROM pg_stats WHERE attname = 'k'",
                "t|{1}|t\n");
    assert_rows(s, "SELECT null_frac BETWEEN 0.47 AND 0.53 FROM pg_stats WHERE attname = 'half'",
                "t\n");
}

/* ---- plans --------------------------------------------------------------------------------------
 */

static double estimate(struct sql_fixture *s, const char *text)
{
    struct arena       *a = arena_new(env_heap(s->f->env), NULL);
    struct parse_result parsed;
    struct query       *q;
    struct plan        *plan;
    double              rows;

    sql_begin(s, TXN_SERIALIZABLE);
    assert_st_ok(parse_statements(s->f->env, a, slice_cstr(text), &parsed));
    assert_st_ok(bind_statement(&s->context, a, parsed.statements[0].node, text, NULL, &q));
    assert_st_ok(plan_query(&s->context, a, q, &plan));
    rows = plan->root->rows;
    sql_rollback(s);
    arena_free(a);
    return rows;
}

/* The estimate is within a part of what is there. */
static void assert_near(struct sql_fixture *s, const char *query, double rows, double error)
{
    double guess = estimate(s, query);

    if (guess < rows * (1 - error) - 1 || guess > rows * (1 + error) + 1)
        print_error("%s: %f rows, expected %f\n", query, guess, rows);
    assert_true(guess >= rows * (1 - error) - 1 && guess <= rows * (1 + error) + 1);
}

SQL_TEST(estimates)
{
    fill(s, 8000);
    sql_run(s, "CREATE TABLE few (id int PRIMARY KEY, k int);"
               "INSERT INTO few SELECT g, g FROM generate_series(1, 20) g");
    analyze(s, "t");
    analyze(s, "few");
    assert_near(s, "SELECT * FROM t", 8000, 0);
    assert_near(s, "SELECT * FROM t WHERE k = 1", 4800, 0.01);
    assert_near(s, "SELECT * FROM t WHERE k = 6", 1, 0.01);
    assert_near(s, "SELECT * FROM t WHERE k = (SELECT 5)", 2.5, 0.5);
    assert_near(s, "SELECT * FROM t WHERE s = 'v1'", 2000, 0.01);
    assert_near(s, "SELECT * FROM t WHERE s = 'nobody'", 1, 0);
    assert_near(s, "SELECT * FROM t WHERE s IN ('v1', 'v2', null)", 4000, 0.01);
    assert_near(s, "SELECT * FROM t WHERE s <> 'v1' AND half IS NULL", 1333, 0.1);
    assert_near(s, "SELECT * FROM t WHERE half IS NOT NULL", 4000, 0.01);
    assert_near(s, "SELECT * FROM t WHERE f < 1000", 2000, 0.05);
    assert_near(s, "SELECT * FROM t WHERE f > 1000 AND f <= 1400", 800, 0.1);
    assert_near(s, "SELECT * FROM t WHERE id BETWEEN 1000 AND 1999", 1000, 0.05);
    assert_near(s, "SELECT * FROM t WHERE id > 100000", 1, 0);
    assert_near(s, "SELECT * FROM t WHERE k < 4000", 4800 + 1600, 0.05);
    assert_near(s, "SELECT DISTINCT s FROM t", 4, 0);
    assert_near(s, "SELECT s, one, count(*) FROM t GROUP BY s, one", 4, 0);
    assert_near(s, "SELECT * FROM t JOIN few ON few.id = t.id", 20, 0.1);
    assert_near(s, "SELECT * FROM t a JOIN t b ON a.s = b.s", 16000000, 0.01);
    assert_near(s, "SELECT * FROM few WHERE EXISTS (SELECT 1 FROM t WHERE t.id = few.id)", 20,
                0.01);
}

SQL_TEST(plans)
{
    fill(s, 8000);
    sql_run(s, "CREATE TABLE few (id int PRIMARY KEY, k int);"
               "INSERT INTO few SELECT g, g FROM generate_series(1, 20) g");
    assert_rows(s, "EXPLAIN SELECT s FROM t WHERE k = 1",
                "Index Scan using t_k on t\n  Index Cond: (k = 1)\n");
    analyze(s, "t");
    analyze(s, "few");
    /* Most rows have this value; few have any other. */
    assert_rows(s, "EXPLAIN SELECT s FROM t WHERE k = 1", "Seq Scan on t\n  Filter: (k = 1)\n");
    assert_rows(s, "EXPLAIN SELECT s FROM t WHERE k = 17",
                "Index Scan using t_k on t\n  Index Cond: (k = 17)\n");
    /* The small table first, the large one by its key. */
    assert_rows(s, "EXPLAIN SELECT t.s FROM t JOIN few ON t.id = few.k",
                "Nested Loop\n"
                "  ->  Seq Scan on few\n"
                "  ->  Index Scan using t_pkey on t\n"
                "        Index Cond: (t.id = few.k)\n");
}

/* ---- with the table -----------------------------------------------------------------------------
 */

SQL_TEST(life)
{
    static const char rows[] = "SELECT reltuples FROM pg_class WHERE relname = 't'";

    fill(s, 600);
    sql_begin(s, TXN_READ_COMMITTED);
    assert_st_ok(try_analyze(s, "t"));
    assert_rows(s, rows, "600\n"); /* seen by the transaction itself */
    sql_rollback(s);
    assert_rows(s, rows, "-1\n");
    analyze(s, "t");
    /* Of another type now: the old values say nothing. */
    sql_run(s, "ALTER TABLE t ALTER COLUMN one TYPE text");
    sql_run(s, "ALTER TABLE t DROP COLUMN half");
    assert_rows(s, "SELECT attname FROM pg_stats WHERE tablename = 't' ORDER BY 1",
                "f\nid\nk\ns\n");
    assert_rows(s, "SELECT count(*) FROM t WHERE one = '7'", "600\n");
    /* Kept in the store. */
    catalog_close(s->catalog);
    assert_st_ok(catalog_open(s->f->env, s->f->txns, "admin", &s->catalog));
    assert_rows(s, rows, "600\n");
    assert_rows(s, "SELECT most_common_vals FROM pg_stats WHERE attname = 's'", "{v0,v1,v2,v3}\n");
    sql_run(s, "DROP TABLE t");
    assert_rows(s, "SELECT count(*) FROM pg_stats", "0\n");
    assert_rows(s, "SELECT count(*) FROM pg_statistic", "0\n");
}

SQL_TEST(when_due)
{
    fill(s, 499);
    assert_int_equal(catalog_take_due(s->catalog), 0);
    sql_run(s, "UPDATE t SET one = 8 WHERE id = 1");
    assert_true(catalog_take_due(s->catalog) > 0);
    assert_int_equal(catalog_take_due(s->catalog), 0);
    /* Not again within a minute, whatever happens. */
    sql_run(s, "UPDATE t SET one = one + 1; DELETE FROM t");
    assert_int_equal(catalog_take_due(s->catalog), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T("a small table is described exactly", what_is_stored),
        T("empty tables, views, long values and nulls are no trouble", empty_and_odd),
        T("a large table is described by a sample", samples),
        T("row counts are estimated from them", estimates),
        T("plans change with the data", plans),
        T("they roll back, go and come back with the table", life),
        T("they are due when enough has changed", when_due),
    };

    return cmocka_run_group_tests_name("sql_exec statistics", tests, NULL, NULL);
}
