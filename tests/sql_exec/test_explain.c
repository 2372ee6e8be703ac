#include "tests/sql_exec/fixture.h"

static const char schema[] = "CREATE TABLE a (id int PRIMARY KEY, x int, y int, t text);"
                             "CREATE TABLE b (id int PRIMARY KEY, a int, z int);"
                             "CREATE INDEX a_x_y ON a (x, y); CREATE INDEX b_a ON b (a);";

SQL_TEST(scans)
{
    sql_run(s, schema);
    assert_rows(s, "EXPLAIN SELECT * FROM a WHERE id = 1",
                "Index Scan using a_pkey on a\n  Index Cond: (id = 1)\n");
    assert_rows(s, "EXPLAIN SELECT y FROM a WHERE x = 1",
                "Index Only Scan using a_x_y on a\n  Index Cond: (x = 1)\n");
    assert_rows(s, "EXPLAIN SELECT t FROM a WHERE x = 1 AND y > 2",
                "Index Scan using a_x_y on a\n  Index Cond: ((x = 1) AND (y > 2))\n");
    assert_rows(s, "EXPLAIN SELECT t FROM a WHERE t = 'k'",
                "Seq Scan on a\n  Filter: (t = 'k'::text)\n");
}

/* A literal is an integer, a driver's parameter often a bigint; the column may be either. */
SQL_TEST(integers_of_other_sizes)
{
    sql_run(s, "CREATE TABLE w (id bigint PRIMARY KEY, n int, s smallint);"
               "CREATE INDEX w_n ON w (n); CREATE INDEX w_s ON w (s);"
               "INSERT INTO w VALUES (7, 70, 700), (8, 80, 800), (-9, -90, -900);"
               "CREATE TABLE v (w int); INSERT INTO v VALUES (8), (9)");
    assert_rows(s, "EXPLAIN SELECT * FROM w WHERE id = 7",
                "Index Scan using w_pkey on w\n  Index Cond: (id = 7)\n");
    assert_rows(s, "EXPLAIN UPDATE w SET n = 1 WHERE id = 7",
                "Update on w\n  ->  Index Scan using w_pkey on w\n        Index Cond: (id = 7)\n");
    assert_rows(s, "EXPLAIN SELECT * FROM w WHERE n < '3000000000'::bigint AND n > 75::smallint",
                "Index Scan using w_n on w\n"
                "  Index Cond: ((n < '3000000000'::bigint) AND (n > '75'::smallint))\n");
    assert_rows(s, "SELECT id FROM w WHERE id = 7", "7\n");
    assert_rows(s, "SELECT id FROM w WHERE s = 800", "8\n");
    assert_rows(s, "SELECT id FROM w WHERE n = 70::bigint", "7\n");
    assert_rows(s, "SELECT id FROM w WHERE n = 4294967366", ""); /* 2^32 + 70 */
    assert_rows(s, "SELECT id FROM w WHERE id < 8 ORDER BY id", "-9\n7\n");
    assert_rows(s, "SELECT id FROM w WHERE s >= 700::bigint ORDER BY id", "7\n8\n");
    assert_rows(s, "SELECT id FROM w WHERE n < 3000000000 ORDER BY id", "-9\n7\n8\n");
    assert_rows(s, "SELECT id FROM w JOIN v ON v.w = w.id", "8\n");
    assert_rows(s, "SELECT id FROM w WHERE id = ANY (ARRAY[8, 9])", "8\n");
    assert_rows(s, "SELECT id FROM w WHERE (id, n) > (7, 0) ORDER BY id", "7\n8\n");
}

SQL_TEST(orders)
{
    sql_run(s, schema);
    assert_rows(s, "EXPLAIN SELECT * FROM a ORDER BY id DESC LIMIT 3",
                "Limit\n  ->  Index Scan Backward using a_pkey on a\n");
    assert_rows(s, "EXPLAIN SELECT * FROM a WHERE x = 1 ORDER BY y LIMIT 3",
                "Limit\n  ->  Index Scan using a_x_y on a\n        Index Cond: (x = 1)\n");
    assert_rows(s, "EXPLAIN SELECT x, count(*) FROM a GROUP BY x",
                "GroupAggregate\n  Group Key: x\n  ->  Index Only Scan using a_x_y on a\n");
}

SQL_TEST(joins)
{
    sql_run(s, schema);
    assert_rows(s, "EXPLAIN SELECT * FROM a JOIN b ON b.a = a.id WHERE b.id = 5",
                "Nested Loop\n"
                "  ->  Index Scan using b_pkey on b\n"
                "        Index Cond: (b.id = 5)\n"
                "  ->  Index Scan using a_pkey on a\n"
                "        Index Cond: (b.a = a.id)\n");
    assert_rows(s, "EXPLAIN SELECT * FROM a WHERE EXISTS (SELECT 1 FROM b WHERE b.a = a.id)",
                "Merge Semi Join\n"
                "  Merge Cond: (a.id = b.a)\n"
                "  ->  Seq Scan on a\n"
                "  ->  Index Only Scan using b_a on b\n");
    assert_rows(s, "EXPLAIN SELECT * FROM a WHERE EXISTS (SELECT 1 FROM b WHERE b.z = a.y)",
                "Hash Semi Join\n"
                "  Hash Cond: (a.y = b.z)\n"
                "  ->  Seq Scan on a\n"
                "  ->  Hash\n"
                "        ->  Seq Scan on b\n");
}

SQL_TEST(conditions_move)
{
    sql_run(s, schema);
    assert_rows(s, "EXPLAIN SELECT * FROM (SELECT x, count(*) FROM a GROUP BY x) s WHERE x = 3",
                "Subquery Scan on s\n"
                "  ->  HashAggregate\n"
                "        Group Key: x\n"
                "        ->  Index Only Scan using a_x_y on a\n"
                "              Index Cond: (x = 3)\n");
    assert_rows(s, "EXPLAIN SELECT * FROM a LEFT JOIN b ON b.a = a.id WHERE b.id = 7",
                "Nested Loop\n"
                "  ->  Index Scan using b_pkey on b\n"
                "        Index Cond: (b.id = 7)\n"
                "  ->  Index Scan using a_pkey on a\n"
                "        Index Cond: (b.a = a.id)\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T("the right index serves", scans),
        T("an index serves integers of other sizes than its column's", integers_of_other_sizes),
        T("an index gives the order", orders),
        T("joins look keys up, merge or hash", joins),
        T("conditions go where the rows are", conditions_move),
    };

    return cmocka_run_group_tests_name("sql_exec explain", tests, NULL, NULL);
}
