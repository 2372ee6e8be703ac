/* Patterns made to run for ever, or to nest without end, give an error in bounded time. What
 * patterns mean is tested against PostgreSQL's answers: data/regex.txt. */
#include "sql/func/regex.h"
#include "tests/common/test.h"

static status search(const char *pattern, slice text, bool *found)
{
    struct heap  *heap = heap_new();
    struct arena *a = arena_new(heap, NULL);
    struct regex *r;
    status        st = regex_compile(a, slice_cstr(pattern), (struct regex_flags){0}, &r);

    if (st_ok(st))
        st = regex_search(r, heap, text, 0, found, NULL);
    arena_free(a);
    heap_destroy(heap);
    return st;
}

static void assert_refused(const char *pattern, slice text)
{
    bool   found;
    status st = search(pattern, text, &found);

    assert_false(st_ok(st));
    assert_int_equal(status_code(st), ST_INVALID_REGEXP);
    st_clear(st);
}

static void hostile_patterns(void **state)
{
    static char text[200];

    (void)state;
    memset(text, 'a', sizeof text);
    assert_refused("^(a|aa)+[bc]$", slice_make(text, sizeof text));
    assert_refused("^(a+)+[bc]$", slice_make(text, sizeof text));
}

static void deep_patterns(void **state)
{
    char deep[5000];

    (void)state;
    memset(deep, '(', sizeof deep);
    deep[sizeof deep - 1] = '\0';
    assert_refused(deep, SLICE_EMPTY);
}

static void long_texts(void **state)
{
    size_t size = 4 << 20;
    char  *text = malloc(size);
    bool   found;

    (void)state;
    memset(text, 'a', size);
    assert_st_ok(search("[0-9]x", slice_make(text, size), &found));
    assert_false(found);
    assert_st_ok(search("a$", slice_make(text, size), &found));
    assert_true(found);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T("a search that would backtrack without end is given up", hostile_patterns),
        T("parentheses nested too deeply are refused", deep_patterns),
        T("a plain search goes through a text of megabytes", long_texts),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
