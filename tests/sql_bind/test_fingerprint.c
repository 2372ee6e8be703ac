#include "sql/parse/fingerprint.h"

#include "tests/common/test.h"

static void check(const char *sql, size_t size_max, const char *want)
{
    struct buf out;

    buf_init(&out, NULL);
    fingerprint(slice_cstr(sql), size_max, &out);
    assert_string_equal(buf_cstr(&out), want);
    buf_deinit(&out);
}

static void no_literal_stays(void **state)
{
    (void)state;
    check("select  a from t\n where a=5 -- c\n;", 100, "select a from t where a=$1");
    check("SELECT 'it''s', E'\\'', $$x$$, B'01', 1.5, 1e3 LIMIT 7", 100,
          "SELECT $1, $2, $3, $4, $5, $6 LIMIT $7");
    check("ALTER ROLE r PASSWORD 'x'; select 2", 100, "ALTER ROLE r PASSWORD $1");
    check("/* x */ select -5", 100, "select -$1");
    check("", 100, "");
}

static void own_parameters_keep_their_numbers(void **state)
{
    (void)state;
    check("select $2, 5, $1, 'x'", 100, "select $2, $3, $1, $4");
}

static void long_texts_are_cut(void **state)
{
    (void)state;
    check("select abcdefgh, b", 12, "select...");
    check("select 1, 2, 3, 4, 5, 6, 7, 8, 9", 20, "select $1, $2, $3,...");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T("a fingerprint has no literals, comments or spare blanks", no_literal_stays),
        T("literals are numbered behind the text's own parameters",
          own_parameters_keep_their_numbers),
        T("a long fingerprint is cut at a token", long_texts_are_cut),
    };

    return cmocka_run_group_tests_name("sql/fingerprint", tests, NULL, NULL);
}
