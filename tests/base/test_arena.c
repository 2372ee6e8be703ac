#include "base/arena.h"

#include "tests/common/test.h"

static void scopes_charge_and_release(void **state)
{
    struct mem_account node, query;
    struct arena      *a;
    struct heap       *h = heap_new();

    (void)state;
    mem_account_init(&node, NULL, "node", 0);
    mem_account_init(&query, &node, "query", 1 << 20);
    a = arena_new(h, &query);
    arena_alloc(a, 100000);
    assert_true(node.used >= 100000);
    assert_st_ok(arena_check(a));
    arena_alloc(a, 2 << 20);
    assert_st_code(arena_check(a), ST_OUT_OF_MEMORY);
    arena_free(a);
    assert_int_equal(node.used, 0);
    assert_int_equal(heap_used(h), 0);
    heap_destroy(h);
}

static void grows_in_place(void **state)
{
    struct heap  *h = heap_new();
    struct arena *a = arena_new(h, NULL);
    char         *p = arena_alloc(a, 16), *q;

    (void)state;
    memcpy(p, "0123456789abcde", 16);
    assert_ptr_equal(p, arena_realloc(a, p, 16, 64));
    arena_alloc(a, 16);
    q = arena_realloc(a, p, 64, 128);
    assert_ptr_not_equal(p, q);
    assert_string_equal(q, "0123456789abcde");
    arena_free(a);
    heap_destroy(h);
}

static void wrap_keeps_code_and_fields(void **state)
{
    status st = status_hint(status_new(ST_DISK_FULL, "no room for %d bytes", 7), "free some");

    (void)state;
    st = status_wrap(st, "could not write \"%s\"", "000001.log");
    assert_string_equal(status_message(st), "could not write \"000001.log\": no room for 7 bytes");
    assert_string_equal(status_sqlstate(st), "53100");
    assert_string_equal(status_fields(st)->hint, "free some");
    st = status_at(status_at(st, 5), 9);
    assert_int_equal(status_fields(st)->position, 5);
    st_clear(st);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        T("an arena charges its account, reports the limit and gives everything back",
          scopes_charge_and_release),
        T("the newest block grows in place, an older one moves with its bytes", grows_in_place),
        T("wrapping an error keeps its code, fields and innermost position",
          wrap_keeps_code_and_fields),
    };

    return cmocka_run_group_tests_name("base/arena", tests, NULL, NULL);
}
