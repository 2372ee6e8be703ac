/* views.txt: a SELECT, then what PostgreSQL's pg_get_viewdef() makes of it (lines with '>') and its
 * pretty form (lines with '+'). Lines with '<' and '-' are this server's own, where they differ. */
#include "tests/sql_bind/fixture.h"

struct view {
    char sql[1024], plain[4096], pretty[4096];
    bool own_plain, own_pretty;
};

static bool check_form(struct fixture *f, const char *sql, bool pretty, const char *expected)
{
    struct buf    got;
    struct query *q = NULL;
    status        st = fixture_bind(f, sql, NULL, &q);
    bool          same;

    if (st_ok(st)) {
        buf_init(&got, f->heap);
        st = deparse_query(&f->context, q, false, pretty, &got);
        buf_append_cstr(&got, ";\n");
        same = st_ok(st) && strcmp(buf_cstr(&got), expected) == 0;
        if (!same)
            print_message("%s\nexpected:\n%sgot:\n%s%s\n", sql, expected, buf_cstr(&got),
                          st_ok(st) ? "" : status_message(st));
        buf_deinit(&got);
    } else {
        bool missing = status_code(st) == ST_UNDEFINED_FUNCTION;

        print_message("%s: %s\n", sql, status_message(st));
        same = missing; /* the catalogue of functions grows beside */
    }
    st_clear(st);
    return same;
}

/* What was printed for storage binds again, and prints the same. */
static bool check_round_trip(struct fixture *f, const char *sql)
{
    struct buf    one, two;
    struct query *q = NULL;
    status        st = fixture_bind(f, sql, NULL, &q);
    bool          same;

    buf_init(&one, f->heap);
    buf_init(&two, f->heap);
    if (st_ok(st))
        st = deparse_query(&f->context, q, true, false, &one);
    if (st_ok(st))
        st = fixture_bind(f, buf_cstr(&one), NULL, &q);
    if (st_ok(st))
        st = deparse_query(&f->context, q, true, false, &two);
    same = st_ok(st) ? strcmp(buf_cstr(&one), buf_cstr(&two)) == 0
                     : status_code(st) == ST_UNDEFINED_FUNCTION;
    if (!same)
        print_message("%s\nfirst:\n%s\nsecond:\n%s\n%s\n", sql, buf_cstr(&one), buf_cstr(&two),
                      st_ok(st) ? "" : status_message(st));
    st_clear(st);
    buf_deinit(&one);
    buf_deinit(&two);
    return same;
}

static int finish(struct fixture *f, struct view *v)
{
    int failed = 0;

    if (v->sql[0] != '\0') {
        failed += !check_form(f, v->sql, false, v->plain);
        failed += !check_form(f, v->sql, true, v->pretty);
        failed += !check_round_trip(f, v->sql);
    }
    memset(v, 0, sizeof *v);
    return failed;
}

static void add(char *to, bool *own, const char *line, bool is_own)
{
    if (is_own && !*own) {
        *own = true;
        to[0] = '\0';
    }
    if (is_own == *own)
        strcat(to, line + 1);
}

static void prints_as_postgresql(void **state)
{
    struct fixture *f = *state;
    struct view     v = {.own_plain = false};
    char            line[2048];
    int             failed = 0;
    FILE           *in = fopen("tests/sql_bind/views.txt", "r");

    assert_non_null(in);
    while (fgets(line, sizeof line, in) != NULL) {
        if (line[0] == '>' || line[0] == '<') {
            add(v.plain, &v.own_plain, line, line[0] == '<');
        } else if (line[0] == '+' || line[0] == '-') {
            add(v.pretty, &v.own_pretty, line, line[0] == '-');
        } else {
            failed += finish(f, &v);
            line[strcspn(line, "\n")] = '\0';
            strcpy(v.sql, line);
        }
    }
    failed += finish(f, &v);
    fclose(in);
    assert_int_equal(failed, 0);
}

/* Every statement of cases.txt that binds means the same after printing and reading. */
static void round_trips(void **state)
{
    struct fixture *f = *state;
    char            line[4096];
    int             failed = 0;
    FILE           *in = fopen("tests/sql_bind/cases.txt", "r");

    assert_non_null(in);
    while (fgets(line, sizeof line, in) != NULL) {
        struct query *q;
        status        st;

        line[strcspn(line, "\n")] = '\0';
        if (strchr("#><", line[0]) != NULL || strchr(line, '$') != NULL)
            continue;
        st = fixture_bind(f, line, NULL, &q);
        if (st_ok(st) && q->kind == QUERY_SELECT)
            failed += !check_round_trip(f, line);
        st_clear(st);
    }
    fclose(in);
    assert_int_equal(failed, 0);
}

static void check_expression(struct fixture *f, const char *text, const char *plain,
                             const char *pretty)
{
    struct expr *e;
    struct buf   out;

    buf_init(&out, f->heap);
    assert_st_ok(bind_expression_text(&f->context, f->arena, text, fixture_table("t"), 0, -1, &e));
    assert_st_ok(deparse_expr(&f->context, e, fixture_table("t"), false, &out));
    assert_string_equal(buf_cstr(&out), plain);
    buf_reset(&out);
    assert_st_ok(deparse_expr_pretty(&f->context, e, fixture_table("t"), &out));
    assert_string_equal(buf_cstr(&out), pretty);
    buf_deinit(&out);
}

static void expressions_of_a_table(void **state)
{
    struct fixture *f = *state;

    check_expression(f, "a > 0", "(a > 0)", "a > 0");
    check_expression(f, "a > 0 and b = 'x'", "((a > 0) AND (b = 'x'::text))",
                     "a > 0 AND b = 'x'::text");
    check_expression(f, "'7'::text", "'7'::text", "'7'::text");
    check_expression(f, "-1", "'-1'::integer", "'-1'::integer");
    check_expression(f, "(a + 1) * 2", "((a + 1) * 2)", "(a + 1) * 2");
    check_expression(f, "a in (1, 2)", "(a = ANY (ARRAY[1, 2]))", "a = ANY (ARRAY[1, 2])");
    check_expression(f, "'t'::regclass", "'t'::regclass", "'t'::regclass");
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        TF("views print as pg_get_viewdef() prints them", prints_as_postgresql, fixture_setup,
           fixture_teardown),
        TF("a printed query binds to one that prints the same", round_trips, fixture_setup,
           fixture_teardown),
        TF("expressions of a table print without its name", expressions_of_a_table, fixture_setup,
           fixture_teardown),
    };

    return cmocka_run_group_tests_name("sql_bind/deparse", tests, NULL, NULL);
}
