#include "sql/parse/guard.h"
#include "tests/sql_bind/fixture.h"

static char *repeat(struct fixture *f, const char *before, const char *part, size_t count,
                    const char *middle, const char *part_after)
{
    size_t size = strlen(before) + count * (strlen(part) + strlen(part_after)) + strlen(middle) + 1;
    char  *text = arena_alloc(f->arena, size), *p = text;

    p = stpcpy(p, before);
    for (size_t i = 0; i < count; i++)
        p = stpcpy(p, part);
    p = stpcpy(p, middle);
    for (size_t i = 0; i < count; i++)
        p = stpcpy(p, part_after);
    return text;
}

static const struct shape {
    const char *before, *part, *middle, *after;
} shapes[] = {
    {"SELECT ", "(", "1", ")"},
    {"SELECT 1", "+1", "", ""},
    {"SELECT ", "NOT ", "true", ""},
    {"SELECT ", "- ", "1", ""},
    {"SELECT 1", "::int", "", ""},
    {"SELECT 1", " UNION ALL SELECT 1", "", ""},
    {"SELECT 1 FROM t", " JOIN t ON true", "", ""},
    {"SELECT ", "CASE WHEN true THEN ", "1", " END"},
    {"SELECT ", "CASE 1 WHEN 1 THEN 1 ELSE ", "1", " END"},
    {"SELECT ", "CASE ", "1", " WHEN 1 THEN 1 END"},
    {"SELECT ", "(SELECT ", "1", ")"},
    {"SELECT ", "abs(", "1", ")"},
    {"SELECT ", "ARRAY[", "1", "]"},
    {"SELECT 1 WHERE 1 IN (", "SELECT 1 WHERE 1 IN (", "1", ")"},
    {"SELECT * FROM ", "(SELECT * FROM ", "t", ") x"},
    {"SELECT 'a'", "||'a'", "", ""},
    {"SELECT a FROM t WHERE a ", "BETWEEN 1 AND (a ", "= 1", ")"},
    {"SELECT i", "[1]", " FROM arr", ""},
};

/* Every depth gives a query or a status; 54001 from some depth on. A signal would end the test. */
static void nesting_is_refused(void **state)
{
    struct fixture *f = *state;

    for (size_t i = 0; i < ARRAY_LEN(shapes); i++) {
        const struct shape *s = &shapes[i];

        for (size_t count = 1; count <= 1 << 16; count *= 4) {
            struct arena *outer = f->arena;
            struct query *q;
            status        st;

            f->arena = arena_new(f->heap, NULL);
            st = fixture_bind(f, repeat(f, s->before, s->part, count, s->middle, s->after), NULL,
                              &q);
            if (count > 20000 && status_code(st) != ST_STATEMENT_TOO_COMPLEX)
                fail_msg("%s%s... %zu times: %s", s->before, s->part, count,
                         st_ok(st) ? "bound" : status_message(st));
            st_clear(st);
            arena_free(f->arena);
            f->arena = outer;
        }
    }
}

static void long_lists_pass(void **state)
{
    struct fixture *f = *state;
    struct query   *q;

    assert_st_ok(fixture_bind(f, repeat(f, "INSERT INTO u (a) VALUES (1)", ",(1)", 50000, "", ""),
                              NULL, &q));
    assert_int_equal(q->source->tables[0]->value_row_count, 50001);
    assert_st_ok(fixture_bind(f, repeat(f, "SELECT a FROM t WHERE a IN (1", ",1", 50000, ")", ""),
                              NULL, &q));
}

static void statements_are_split(void **state)
{
    struct fixture     *f = *state;
    struct parse_result r;

    assert_st_ok(parse_statements(NULL, f->arena, SLICE_LIT("SELECT 1;; \n SELECT 2 ;"), &r));
    assert_int_equal(r.count, 2);
    assert_true(slice_eq_cstr(r.statements[0].text, "SELECT 1"));
    assert_true(slice_eq_cstr(r.statements[1].text, "SELECT 2"));
    assert_st_ok(parse_statements(NULL, f->arena, SLICE_LIT(" -- nothing\n"), &r));
    assert_int_equal(r.count, 0);
    assert_st_code(parse_statements(NULL, f->arena, SLICE_LIT("SELECT \0"), &r),
                   ST_CHARACTER_NOT_IN_REPERTOIRE);
}

static void positions_count_characters(void **state)
{
    (void)state;
    assert_int_equal(parse_position(SLICE_LIT("\xc3\xa9x"), 0), 1);
    assert_int_equal(parse_position(SLICE_LIT("\xc3\xa9x"), 2), 2);
    assert_int_equal(parse_position(SLICE_LIT("x"), -1), 0);
}

static void bound_is_of_the_deepest(void **state)
{
    (void)state;
    assert_true(parse_depth_bound(SLICE_LIT("SELECT 1, (2), ((3)), f(4, 5, 6)"), 20) < 10);
    assert_true(parse_depth_bound(SLICE_LIT("SELECT a+a+a+a+a+a+a+a+a+a+a"), 20) > 20);
    assert_true(parse_depth_bound(SLICE_LIT("SELECT a=1 OR b=1 OR c=1 OR d=1 OR e=1"), 20) <= 12);
    assert_true(parse_depth_bound(SLICE_LIT("SELECT '((((((((((((((((((((((((((('"), 20) < 5);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        TF("nesting of any kind is refused before it can overflow a stack", nesting_is_refused,
           fixture_setup, fixture_teardown),
        TF("long lists are not deep", long_lists_pass, fixture_setup, fixture_teardown),
        TF("statements are split at semicolons, empty ones left out", statements_are_split,
           fixture_setup, fixture_teardown),
        T("positions are in characters", positions_count_characters),
        T("the bound is that of the deepest item", bound_is_of_the_deepest),
    };

    return cmocka_run_group_tests_name("sql_bind/parse", tests, NULL, NULL);
}
