#include "base/heap.h"

#include "base/compiler.h"
#include "tests/common/test.h"

struct resource {
    struct heap_foreign foreign;
    int                *closed;
};

static void close_resource(struct heap_foreign *f)
{
    ++*CONTAINER_OF(f, struct resource, foreign)->closed;
}

static struct resource *resource_new(struct heap *heap, int *closed)
{
    struct resource *r = heap_must_alloc(heap, 1, sizeof *r);

    r->foreign.close = close_resource;
    r->closed = closed;
    heap_attach(heap, &r->foreign);
    return r;
}

static void dying_heap_closes_what_is_attached(void **state)
{
    struct heap *heap = heap_new();
    int          early = 0, late = 0;

    (void)state;
    struct resource *r = resource_new(heap, &early);
    (void)resource_new(heap, &late);
    (void)resource_new(heap, &late);
    heap_foreign_close(&r->foreign);
    heap_free(r);
    assert_int_equal(early, 1);
    assert_int_equal(late, 0);
    heap_destroy(heap);
    assert_int_equal(early, 1);
    assert_int_equal(late, 2);
}

static void use_is_counted_until_it_is_freed(void **state)
{
    struct heap *heap = heap_new();
    char        *p = heap_alloc(heap, 100);

    (void)state;
    assert_non_null(p);
    assert_int_equal(heap_used(heap), 100);
    p = heap_realloc(heap, p, 300);
    assert_non_null(p);
    assert_int_equal(heap_used(heap), 300);
    assert_null(heap_alloc(heap, SIZE_MAX - 8));
    heap_free(p);
    assert_int_equal(heap_used(heap), 0);
    heap_destroy(heap);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        T("a dying heap closes what is attached to it, once", dying_heap_closes_what_is_attached),
        T("what is in use is counted until it is freed", use_is_counted_until_it_is_freed),
    };

    return cmocka_run_group_tests_name("base/heap", tests, NULL, NULL);
}
