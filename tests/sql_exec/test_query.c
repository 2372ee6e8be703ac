#include "tests/sql_exec/fixture.h"

static const char people[] =
    "CREATE TABLE p (id int PRIMARY KEY, name text, age int, boss int);"
    "CREATE INDEX p_age ON p (age);"
    "INSERT INTO p VALUES (1, 'ann', 50, null), (2, 'bob', 40, 1), (3, 'cid', 40, 1),"
    " (4, 'dot', 30, 2), (5, 'eve', null, 2);";

SQL_TEST(basics)
{
    sql_run(s, people);
    assert_rows(s, "SELECT 1 + 1", "2\n");
    assert_rows(s, "SELECT * FROM p WHERE id = 3", "3|cid|40|1\n");
    assert_rows(s, "SELECT name FROM p WHERE id IN (5, 1, 1, 9) ORDER BY id DESC", "eve\nann\n");
    assert_rows(s, "SELECT name FROM p WHERE age >= 40 ORDER BY age, id", "bob\ncid\nann\n");
    assert_rows(s, "SELECT name FROM p ORDER BY id DESC LIMIT 2 OFFSET 1", "dot\ncid\n");
    assert_rows(s, "SELECT age, count(*) FROM p GROUP BY age ORDER BY age NULLS FIRST",
                "null|1\n30|1\n40|2\n50|1\n");
    assert_rows(s, "SELECT count(*), count(age), sum(age), min(name), max(age) FROM p",
                "5|4|160|ann|50\n");
}

SQL_TEST(joins)
{
    sql_run(s, people);
    assert_rows(s, "SELECT a.name, b.name FROM p a JOIN p b ON a.boss = b.id ORDER BY a.id",
                "bob|ann\ncid|ann\ndot|bob\neve|bob\n");
    assert_rows(s, "SELECT a.name, b.name FROM p a LEFT JOIN p b ON a.boss = b.id ORDER BY a.id",
                "ann|null\nbob|ann\ncid|ann\ndot|bob\neve|bob\n");
    assert_rows(s, "SELECT a.id, b.id FROM p a FULL JOIN p b ON a.boss = b.id ORDER BY a.id, b.id",
                "1|null\n2|1\n3|1\n4|2\n5|2\nnull|3\nnull|4\nnull|5\n");
    assert_rows(s,
                "SELECT name FROM p WHERE EXISTS (SELECT 1 FROM p b WHERE b.boss = p.id) "
                "ORDER BY 1",
                "ann\nbob\n");
    assert_rows(s,
                "SELECT name FROM p WHERE NOT EXISTS (SELECT 1 FROM p b WHERE b.boss = p.id) "
                "ORDER BY 1",
                "cid\ndot\neve\n");
    assert_rows(s, "SELECT name FROM p WHERE id IN (SELECT boss FROM p) ORDER BY 1", "ann\nbob\n");
    assert_rows(s, "SELECT name FROM p WHERE id NOT IN (SELECT boss FROM p) ORDER BY 1", "");
    assert_rows(s, "SELECT name, (SELECT count(*) FROM p b WHERE b.boss = p.id) FROM p ORDER BY 1",
                "ann|2\nbob|2\ncid|0\ndot|0\neve|0\n");
    assert_rows(s, "SELECT a.id, b.id FROM p a, p b WHERE a.id < b.id AND b.id < 4 ORDER BY 1, 2",
                "1|2\n1|3\n2|3\n");
}

SQL_TEST(writes)
{
    sql_run(s, people);
    sql_run(s, "UPDATE p SET age = age + 1 WHERE id = 1");
    assert_int_equal(s->rows, 1);
    assert_rows(s, "UPDATE p SET age = age + 1 WHERE age = 40 RETURNING id, age", "2|41\n3|41\n");
    assert_rows(s, "SELECT id FROM p WHERE age = 41 ORDER BY 1", "2\n3\n");
    assert_rows(s, "DELETE FROM p WHERE id = 5 RETURNING *", "5|eve|null|2\n");
    assert_error(s, "INSERT INTO p VALUES (1, 'x', 1, 1)",
                 "23505: duplicate key value violates unique constraint \"p_pkey\"; Key (id)=(1) "
                 "already exists.");
    assert_error(s, "INSERT INTO p VALUES (null, 'x', 1, 1)",
                 "23502: null value in column \"id\" of relation \"p\" violates not-null "
                 "constraint; Failing row contains (null, x, 1, 1).");
    sql_run(s, "INSERT INTO p VALUES (1, 'x', 1, 1) ON CONFLICT DO NOTHING");
    assert_int_equal(s->rows, 0);
    assert_rows(s,
                "INSERT INTO p VALUES (1, 'x', 1, 1) ON CONFLICT (id) DO UPDATE "
                "SET name = excluded.name || p.name RETURNING name",
                "xann\n");
    sql_run(s, "INSERT INTO p SELECT id + 10, name, age, boss FROM p");
    assert_int_equal(s->rows, 4);
    assert_rows(s, "SELECT count(*) FROM p", "8\n");
}

SQL_TEST(deferred_keys)
{
    sql_run(s, "CREATE TABLE m (id int PRIMARY KEY);"
               "CREATE TABLE n (id int, FOREIGN KEY (id) REFERENCES m "
               "DEFERRABLE INITIALLY DEFERRED);");
    sql_begin(s, TXN_SERIALIZABLE);
    sql_run(s, "INSERT INTO n VALUES (1); INSERT INTO m VALUES (1);");
    assert_st_ok(sql_commit(s));
    sql_begin(s, TXN_SERIALIZABLE);
    sql_run(s, "DELETE FROM m WHERE id = 1");
    assert_st_code(sql_commit(s), ST_FOREIGN_KEY_VIOLATION);
    assert_rows(s, "SELECT * FROM m", "1\n");
}

SQL_TEST(own_rows)
{
    sql_run(s, people);
    sql_begin(s, TXN_READ_COMMITTED);
    sql_run(s, "INSERT INTO p SELECT id + 5, name, age, boss FROM p");
    assert_int_equal(s->rows, 5);
    sql_run(s, "UPDATE p SET age = age + 1 WHERE age > 0");
    assert_int_equal(s->rows, 8);
    assert_rows(s, "SELECT count(*) FROM p WHERE age > 40", "6\n");
    sql_run(s, "DELETE FROM p WHERE age = 41 AND id > 5");
    assert_rows(s, "SELECT id FROM p WHERE age > 0 ORDER BY age DESC, id LIMIT 4", "1\n6\n2\n3\n");
    sql_rollback(s);
    assert_rows(s, "SELECT count(*) FROM p", "5\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T("simple queries give their rows", basics),
        T("joins and subqueries give their rows", joins),
        T("a deferred foreign key is checked at commit", deferred_keys),
        T("a statement sees the writes before it, never its own", own_rows),
        T("writes change rows and keep constraints", writes),
    };

    return cmocka_run_group_tests_name("sql_exec query", tests, NULL, NULL);
}
