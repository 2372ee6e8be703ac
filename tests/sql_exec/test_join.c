/* Joins by every algorithm: random tables, every kind of join, and the same rows each time
 * (pitfalls Q3, Q4). LINERA_SEED replays a failure. */
#include <stdlib.h>

#include "base/prng.h"
#include "base/sort.h"
#include "tests/sql_exec/fixture.h"

enum way { WAY_HASH, WAY_MERGE, WAY_LOOP, WAY_ANY, WAY_COUNT };

static void allow(struct sql_fixture *s, enum way way)
{
    s->context.settings.no_hashjoin = way != WAY_HASH && way != WAY_ANY;
    s->context.settings.no_mergejoin = way != WAY_MERGE && way != WAY_ANY;
    s->context.settings.no_nestloop = way != WAY_LOOP && way != WAY_ANY;
}

/* ---- plans --------------------------------------------------------------------------------------
 */

SQL_TEST(plans)
{
    sql_run(s, "CREATE TABLE a (id int PRIMARY KEY, x int, y int, t text);"
               "CREATE TABLE b (id int PRIMARY KEY, a int, z int);"
               "CREATE INDEX b_a ON b (a)");
    allow(s, WAY_MERGE);
    assert_rows(s, "EXPLAIN SELECT * FROM a JOIN b ON b.id = a.id ORDER BY b.id",
                "Merge Join\n"
                "  Merge Cond: (a.id = b.id)\n"
                "  ->  Seq Scan on a\n"
                "  ->  Seq Scan on b\n");
    assert_rows(s,
                "EXPLAIN SELECT a.t FROM a LEFT JOIN b ON a.x = b.a AND b.a > a.y "
                "ORDER BY a.x",
                "Merge Left Join\n"
                "  Merge Cond: (a.x = b.a)\n"
                "  Join Filter: (b.a > a.y)\n"
                "  ->  Sort\n"
                "        Sort Key: a.x\n"
                "        ->  Seq Scan on a\n"
                "  ->  Index Only Scan using b_a on b\n");
    allow(s, WAY_MERGE);
    assert_rows(s, "EXPLAIN SELECT a.t FROM a JOIN b ON a.x = b.z ORDER BY b.z DESC",
                "Merge Join\n"
                "  Merge Cond: (a.x = b.z)\n"
                "  ->  Sort\n"
                "        Sort Key: a.x DESC\n"
                "        ->  Seq Scan on a\n"
                "  ->  Sort\n"
                "        Sort Key: b.z DESC\n"
                "        ->  Seq Scan on b\n");
    allow(s, WAY_ANY);
    assert_rows(s, "EXPLAIN SELECT a.id, b.a FROM a FULL JOIN b ON a.id = b.a",
                "Merge Full Join\n"
                "  Merge Cond: (a.id = b.a)\n"
                "  ->  Seq Scan on a\n"
                "  ->  Index Only Scan using b_a on b\n");
}

/* The order of a subquery counts as far as its targets name it. */
SQL_TEST(subquery_order)
{
    sql_run(s, "CREATE TABLE t (a int PRIMARY KEY, b int); INSERT INTO t VALUES (1, 30), (2, 20),"
               "(3, 10)");
    assert_rows(s, "SELECT b, a FROM (SELECT b, a FROM t ORDER BY a OFFSET 0) s ORDER BY b",
                "10|3\n20|2\n30|1\n");
    assert_rows(s, "EXPLAIN SELECT a FROM (SELECT b, a FROM t ORDER BY a OFFSET 0) s ORDER BY a",
                "Subquery Scan on s\n  ->  Limit\n        ->  Seq Scan on t\n");
}

/* ---- the property -------------------------------------------------------------------------------
 */

static int compare_lines(const void *a, const void *b, void *ctx)
{
    (void)ctx;
    return slice_cmp(*(const slice *)a, *(const slice *)b);
}

/* The rows in an order of their own; malloc'ed. */
static char *sorted_rows(struct sql_fixture *s, const char *query)
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
    sort_stable(NULL, lines, count, sizeof *lines, compare_lines, NULL);
    for (size_t i = 0; i < count; i++) {
        memcpy(out + at, lines[i].data, lines[i].size);
        at += lines[i].size;
    }
    free(lines);
    return out;
}

enum value_kind { VALUE_INT, VALUE_TEXT, VALUE_NUMERIC };

static void put_value(struct prng *r, struct buf *out, uint64_t spread, enum value_kind kind)
{
    uint64_t v = prng_below(r, spread + 1);

    if (v == spread)
        buf_append_cstr(out, "null");
    else if (kind == VALUE_INT)
        buf_printf(out, "%d", (int)v);
    else if (kind == VALUE_TEXT)
        buf_printf(out, "'%d'", (int)v);
    else /* 1.0 and 1.00 are one key */
        buf_printf(out, "%d.%.*s", (int)v, (int)prng_below(r, 3) + 1, "000");
}

static void fill(struct sql_fixture *s, struct prng *r, const char *table, size_t rows)
{
    uint64_t   spread = 1 + prng_below(r, 30);
    struct buf sql;

    buf_init(&sql, NULL);
    for (size_t i = 0; i < rows; i++) {
        if (i == 0)
            buf_printf(&sql, "INSERT INTO %s VALUES (0, ", table);
        else
            buf_printf(&sql, ", (%d, ", (int)i);
        put_value(r, &sql, spread, VALUE_INT);
        buf_append_cstr(&sql, ", ");
        put_value(r, &sql, 3, VALUE_INT);
        buf_append_cstr(&sql, ", ");
        put_value(r, &sql, spread, VALUE_TEXT);
        buf_append_cstr(&sql, ", ");
        put_value(r, &sql, 4, VALUE_NUMERIC);
        buf_append_cstr(&sql, ")");
    }
    if (rows > 0)
        sql_run(s, buf_cstr(&sql));
    buf_deinit(&sql);
}

static const char *const conditions[] = {
    "a.k = b.k",
    "a.k = b.k AND a.j = b.j",
    "a.s = b.s",
    "a.n = b.n AND a.k < b.j + 5",
    "a.k = b.j AND a.j = b.k AND a.s <> b.s",
    "a.id = b.id",
    "a.k = b.k AND a.n = b.n AND a.s = b.s",
    "a.k + 1 = b.k",
    "a.k = b.id AND a.j > 0",
};

static const char *const shapes[] = {
    "SELECT a.*, b.* FROM a JOIN b ON @",
    "SELECT a.*, b.* FROM a LEFT JOIN b ON @",
    "SELECT a.*, b.* FROM a RIGHT JOIN b ON @",
    "SELECT a.*, b.* FROM a FULL JOIN b ON @",
    "SELECT a.* FROM a WHERE EXISTS (SELECT 1 FROM b WHERE @)",
    "SELECT a.* FROM a WHERE NOT EXISTS (SELECT 1 FROM b WHERE @)",
    "SELECT a.id, b.s, c.k FROM a JOIN b ON @ JOIN a c ON c.k = b.k AND c.j = b.j",
    "SELECT a.id, b.s, c.k FROM a LEFT JOIN b ON @ FULL JOIN a c ON c.k = b.k",
    "SELECT a.k, count(*), min(b.s) FROM a JOIN b ON @ GROUP BY a.k",
};

static void check_order(struct sql_fixture *s, const char *query, const char *key)
{
    char        text[600];
    const char *rows;
    long        last = -1;

    snprintf(text, sizeof text, "SELECT coalesce(k, 1000) FROM (%s ORDER BY %s) x", query, key);
    for (rows = sql_rows(s, text); *rows != '\0'; rows = strchr(rows, '\n') + 1) {
        assert_true(strtol(rows, NULL, 10) >= last);
        last = strtol(rows, NULL, 10);
    }
}

static void check_query(struct sql_fixture *s, const char *query)
{
    char *expected = NULL;

    for (enum way way = WAY_HASH; way < WAY_COUNT; way++) {
        char *rows;

        allow(s, way);
        rows = sorted_rows(s, query);
        if (expected == NULL) {
            expected = rows;
            continue;
        }
        if (strcmp(rows, expected) != 0)
            print_error("%s, way %d:\n%s\nexpected:\n%s\n", query, way, rows, expected);
        assert_string_equal(rows, expected);
        free(rows);
    }
    free(expected);
}

static void random_tables(struct sql_fixture *s, struct prng *r)
{
    static const char *const indexes[] = {
        "CREATE INDEX a1 ON a (k, j); CREATE INDEX b1 ON b (k, j, s, n, id)",
        "CREATE INDEX a1 ON a (k DESC, j); CREATE INDEX b1 ON b (k DESC, j, s, n, id)",
        "CREATE INDEX a1 ON a (s, k NULLS FIRST, j, n); CREATE INDEX b1 ON b (n DESC, s, k, j)",
        "CREATE INDEX b1 ON b (j, k DESC, s, n, id)",
        "",
    };
    static const size_t sizes[] = {0, 1, 3, 17, 60};

    sql_run(s, "DROP TABLE IF EXISTS a; DROP TABLE IF EXISTS b;"
               "CREATE TABLE a (id int PRIMARY KEY, k int, j int, s text, n numeric);"
               "CREATE TABLE b (id int PRIMARY KEY, k int, j int, s text, n numeric)");
    fill(s, r, "a", sizes[prng_below(r, 5)]);
    fill(s, r, "b", sizes[prng_below(r, 5)]);
    sql_run(s, indexes[prng_below(r, 5)]);
}

SQL_TEST(same_rows)
{
    const char *given = getenv("LINERA_SEED");
    uint64_t    seed = given != NULL ? strtoull(given, NULL, 10) : env_rand64(s->f->env) % 1000000;
    struct prng r;

    print_message("seed %llu\n", (unsigned long long)seed);
    prng_init(&r, seed);
    for (int round = 0; round < 12; round++) {
        static const size_t batches[] = {1, 3, 0, 64};

        s->batch_rows = 0;
        random_tables(s, &r);
        s->batch_rows = batches[round % 4];
        for (size_t i = 0; i < ARRAY_LEN(shapes); i++) {
            char query[400];

            for (int k = 0; k < 3; k++) {
                const char *at = strchr(shapes[i], '@');

                snprintf(query, sizeof query, "%.*s%s%s", (int)(at - shapes[i]), shapes[i],
                         conditions[prng_below(&r, ARRAY_LEN(conditions))], at + 1);
                check_query(s, query);
            }
        }
        allow(s, WAY_MERGE);
        check_order(s, "SELECT a.k, b.s FROM a LEFT JOIN b ON a.k = b.k AND a.j > b.j", "a.k");
        check_order(s, "SELECT b.k, b.s FROM a JOIN b ON a.k = b.k", "b.k");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T("inputs in order are merged, others sorted for it", plans),
        T("a subquery's order is known by its targets", subquery_order),
        T("every way to join gives the same rows", same_rows),
    };

    return cmocka_run_group_tests_name("sql_exec join", tests, NULL, NULL);
}
