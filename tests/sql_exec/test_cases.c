/* Statements of cases.sql, one a line, against PostgreSQL's answers in cases.out (take-expected
 * beside them makes it), with batches of several sizes (pitfall Q3). */
#include "tests/sql_exec/fixture.h"

#include "base/sort.h"

static char *read_whole(const char *path)
{
    FILE  *in = fopen(path, "rb");
    char  *text = calloc(1, 1 << 20);
    size_t n;

    assert_non_null(in);
    n = fread(text, 1, (1 << 20) - 1, in);
    assert_true(n > 0);
    fclose(in);
    return text;
}

static void append_error(struct sql_fixture *s, status st)
{
    buf_reset(&s->out);
    buf_printf(&s->out, "ERROR:  %s\n", status_message(st));
    if (status_fields(st)->detail != NULL)
        buf_printf(&s->out, "DETAIL:  %s\n", status_fields(st)->detail);
    st_clear(st);
}

static int compare_lines(const void *a, const void *b, void *ctx)
{
    (void)ctx;
    return slice_cmp(*(const slice *)a, *(const slice *)b);
}

static size_t sorted_lines(slice text, slice *lines, size_t max)
{
    size_t n = 0;

    while (text.size > 0 && n < max) {
        const char *end = memchr(text.data, '\n', text.size);
        size_t      size = end != NULL ? (size_t)(end - text.data) + 1 : text.size;

        lines[n++] = slice_make(text.data, size);
        text = slice_from(text, size);
    }
    sort_stable(NULL, lines, n, sizeof *lines, compare_lines, NULL);
    return n;
}

/* The same lines; in the same order where the statement asks for one. */
static bool same_answer(const char *statement, slice got, slice wanted)
{
    slice  x[64], y[64];
    size_t n = sorted_lines(got, x, 64);

    if (slice_eq(got, wanted))
        return true;
    if (strstr(statement, "ORDER BY") != NULL || n != sorted_lines(wanted, y, 64))
        return false;
    for (size_t i = 0; i < n; i++)
        if (!slice_eq(x[i], y[i]))
            return false;
    return true;
}

/* Each statement's answer follows its line in cases.out. */
static void run_cases(struct sql_fixture *s, size_t batch_rows)
{
    char  *cases = read_whole("tests/sql_exec/cases.out");
    char  *at = cases;
    size_t failures = 0;

    s->batch_rows = batch_rows;
    while (*at != '\0') {
        char  *end = strchr(at, '\n'), *answer, *next;
        char   statement[4096];
        status st;

        assert_true(strncmp(at, "-- ", 3) == 0);
        snprintf(statement, sizeof statement, "%.*s", (int)(end - at - 3), at + 3);
        answer = end + 1;
        next = strstr(end, "\n-- ");
        next = next != NULL ? next + 1 : answer + strlen(answer);
        st = sql_try(s, statement);
        if (!st_ok(st))
            append_error(s, st);
        if (!same_answer(statement, buf_slice(&s->out),
                         slice_make(answer, (size_t)(next - answer)))) {
            print_error("%s\nwanted:\n%.*sgot:\n%s\n", statement, (int)(next - answer), answer,
                        buf_cstr(&s->out));
            failures++;
        }
        at = next;
    }
    free(cases);
    assert_int_equal(failures, 0);
}

SQL_TEST(as_planned)
{
    run_cases(s, 0);
}

SQL_TEST(one_row)
{
    run_cases(s, 1);
}

SQL_TEST(three_rows)
{
    run_cases(s, 3);
}

/* Whatever could go to temporary files does. */
SQL_TEST(spilling)
{
    s->context.temp.dir = "/tmp";
    s->context.settings.work_mem = 1;
    run_cases(s, 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T("statements answer as PostgreSQL does", as_planned),
        T("statements answer alike with batches of one row", one_row),
        T("statements answer alike with batches of three rows", three_rows),
        T("statements answer alike when all rows are spilled", spilling),
    };

    return cmocka_run_group_tests_name("sql_exec cases", tests, NULL, NULL);
}
