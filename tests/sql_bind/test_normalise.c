#include "sql/parse/normalise.h"

#include "tests/sql_bind/fixture.h"

struct expectation {
    const char *sql, *key, *types; /* key NULL: refused */
    const char *values;            /* separated by '|' */
};

/* clang-format off */
static const struct expectation expectations[] = {
    {"SELECT a FROM t WHERE a = 5", "SELECT a FROM t WHERE a = $1", "i", "5"},
    {"select  a from t\n where a=5 -- c\n;", "select a from t where a=$1", "i", "5"},
    {"SELECT 1, 2147483648, 9223372036854775808, 1.5, .5, 1e3, 'x'",
     "SELECT $1, $2, $3, $4, $5, $6, $7", "ilnnnnu", "1|2147483648|9223372036854775808|1.5|.5|1e3|x"},
    {"SELECT 'it''s'", "SELECT $1", "u", "it's"},
    {"INSERT INTO t VALUES (1, 'x', -3, DEFAULT, NULL)",
     "INSERT INTO t VALUES ($1, $2, $3, DEFAULT, NULL)", "iui", "1|x|-3"},
    {"SELECT -2147483648, a - 5, a -5, - 5 FROM t",
     "SELECT $1, a - $2, a -$3, - 5 FROM t", "iii", "-2147483648|5|5"},
    {"SELECT a FROM t ORDER BY 1 LIMIT 5 OFFSET 2", "SELECT a FROM t ORDER BY 1 LIMIT 5 OFFSET 2", "", ""},
    {"SELECT a FROM t WHERE b = 'x' ORDER BY a + 1 LIMIT 5",
     "SELECT a FROM t WHERE b = $1 ORDER BY a + 1 LIMIT 5", "u", "x"},
    {"SELECT '5'::int, 5::int8, CAST('7' AS numeric(10, 2)), a::varchar(3), 'a' FROM t",
     "SELECT '5'::int, 5::int8, CAST('7' AS numeric(10, 2)), a::varchar(3), $1 FROM t", "u", "a"},
    {"SELECT date '2020-01-01', interval '1' day, timestamp(3) 'x', numeric(3, 1) '2'",
     "SELECT date '2020-01-01', interval '1' day, timestamp(3) 'x', numeric(3, 1) '2'", "", ""},
    {"SELECT E'a\\'b', $$x$$, $a$y$a$, B'01', N'z', 'q'",
     "SELECT E'a\\'b', $$x$$, $a$y$a$, B'01', N'z', $1", "u", "q"},
    {"SELECT a FROM t WHERE b LIKE 'x%' AND a IN (1, 2) AND c BETWEEN 3 AND 4",
     "SELECT a FROM t WHERE b LIKE $1 AND a IN ($2, $3) AND c BETWEEN $4 AND $5", "uiiii", "x%|1|2|3|4"},
    {"UPDATE t SET b = 'x', c = c + 1 WHERE a = 2", "UPDATE t SET b = $1, c = c + $2 WHERE a = $3", "uii", "x|1|2"},
    {"DELETE FROM t WHERE a=1", "DELETE FROM t WHERE a=$1", "i", "1"},
    {"SELECT a FROM t WHERE a=-5", "SELECT a FROM t WHERE a=-5", "", ""},
    {"SELECT d AT TIME ZONE 'UTC' FROM t", "SELECT d AT TIME ZONE 'UTC' FROM t", "", ""},
    {"INSERT INTO s VALUES (1) ON CONFLICT (a) WHERE v > 0 DO UPDATE SET v = 3",
     "INSERT INTO s VALUES ($1) ON CONFLICT (a) WHERE v > 0 DO UPDATE SET v = $2", "ii", "1|3"},
    {"SELECT (SELECT a FROM t ORDER BY 1 LIMIT 1) + 5", "SELECT (SELECT a FROM t ORDER BY 1 LIMIT 1) + $1", "i", "5"},
    {"SELECT a FROM t /* x /* y */ */ WHERE a = /* z */ 5", "SELECT a FROM t WHERE a = $1", "i", "5"},
    {"SELECT 1; ;", "SELECT $1", "i", "1"},
    {"SELECT 1; SELECT 2", NULL, NULL, NULL},
    {"SELECT 'a'\n'b'", NULL, NULL, NULL},
    {"SELECT a, count(*) FROM t GROUP BY 1", NULL, NULL, NULL},
    {"SELECT DISTINCT a + 1 FROM t", NULL, NULL, NULL},
    {"WITH w AS (SELECT 1) SELECT * FROM w", NULL, NULL, NULL},
    {"SELECT $1", NULL, NULL, NULL},
    {"SELECT 1abc", NULL, NULL, NULL},
    {"SELECT-5", NULL, NULL, NULL},
    {"CREATE TABLE x (a int DEFAULT 5)", NULL, NULL, NULL},
    {"SELECT 'open", NULL, NULL, NULL},
    {"SELECT (1", NULL, NULL, NULL},
    {"", NULL, NULL, NULL},
};
/* clang-format on */

static void check(struct normalised *n, const struct expectation *e)
{
    char values[512] = "", types[64] = "";
    bool ok = normalise(n, slice_cstr(e->sql), true);

    if (ok != (e->key != NULL))
        fail_msg("%s: %s", e->sql, ok ? "not refused" : "refused");
    if (!ok)
        return;
    if (!slice_eq_cstr(slice_make(n->key.data, n->sql_size), e->key))
        fail_msg("%s\ngives\n%.*s", e->sql, (int)n->sql_size, n->key.data);
    memcpy(types, n->key.data + n->sql_size + 1, n->key.size - n->sql_size - 1);
    assert_string_equal(types, e->types);
    for (size_t i = 0; i < n->literal_count; i++) {
        strcat(values, i > 0 ? "|" : "");
        strncat(values, n->literals[i].text.data, n->literals[i].text.size);
    }
    assert_string_equal(values, e->values);
}

static void keeps_what_matters(void **state)
{
    struct normalised n;

    (void)state;
    normalised_init(&n, NULL);
    for (size_t i = 0; i < ARRAY_LEN(expectations); i++)
        check(&n, &expectations[i]);
    normalised_deinit(&n);
}

/* ---- the property -------------------------------------------------------------------------------
 */

static status bind_normalised(struct fixture *f, struct normalised *n, struct query **out)
{
    struct bind_params p = {.fixed = true, .count = n->literal_count};

    p.types = ARENA_ARRAY(f->arena, uint32_t, n->literal_count + 1);
    for (size_t i = 0; i < n->literal_count; i++)
        p.types[i] = n->literals[i].type == OID_UNKNOWN ? 0 : n->literals[i].type;
    return fixture_bind(f, arena_cstr(f->arena, slice_make(n->key.data, n->sql_size)), &p, out);
}

/* The contract lets the normalised form fail: then the text is planned. When it binds, it must mean
 * the same columns. */
static int compare(struct fixture *f, const char *sql, struct normalised *n)
{
    struct query *plain, *normal;
    status        st = fixture_bind(f, sql, NULL, &plain);

    if (!st_ok(st) || !normalise(n, slice_cstr(sql), true)) {
        st_clear(st);
        return 0;
    }
    st = bind_normalised(f, n, &normal);
    if (!st_ok(st)) {
        st_clear(st);
        return 0;
    }
    assert_int_equal(plain->target_count, normal->target_count);
    for (size_t i = 0; i < plain->target_count; i++) {
        if (plain->targets[i].expr->type != normal->targets[i].expr->type ||
            strcmp(plain->targets[i].name, normal->targets[i].name) != 0)
            fail_msg("%s: column %zu differs", sql, i + 1);
    }
    return 1;
}

static void same_columns(void **state)
{
    struct fixture   *f = *state;
    struct normalised n;
    char              line[4096];
    int               compared = 0;
    FILE             *in = fopen("tests/sql_bind/cases.txt", "r");

    assert_non_null(in);
    normalised_init(&n, NULL);
    while (fgets(line, sizeof line, in) != NULL) {
        line[strcspn(line, "\n")] = '\0';
        if (strchr("#><", line[0]) == NULL)
            compared += compare(f, line, &n);
    }
    normalised_deinit(&n);
    fclose(in);
    assert_true(compared > 50);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        T("literals become parameters, save where they are more than values", keeps_what_matters),
        TF("a statement's columns have the same names and types with and without its literals",
           same_columns, fixture_setup, fixture_teardown),
    };

    return cmocka_run_group_tests_name("sql_bind/normalise", tests, NULL, NULL);
}
