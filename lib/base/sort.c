#include "base/sort.h"

#include <stdint.h>
#include <string.h>

enum { RUN = 12 }; /* shorter runs are sorted by insertion */

struct sorter {
    size_t           size;
    sort_compare_fn *compare;
    void            *ctx;
};

static void insertion_sort(const struct sorter *s, char *base, size_t count, char *spare)
{
    for (size_t i = 1; i < count; i++) {
        size_t at = i;

        while (at > 0 && s->compare(base + (at - 1) * s->size, base + i * s->size, s->ctx) > 0)
            at--;
        if (at == i)
            continue;
        memcpy(spare, base + i * s->size, s->size);
        memmove(base + (at + 1) * s->size, base + at * s->size, (i - at) * s->size);
        memcpy(base + at * s->size, spare, s->size);
    }
}

/* from[0, mid) and from[mid, count), each sorted, into `to`. */
static void merge(const struct sorter *s, const char *from, size_t mid, size_t count, char *to)
{
    const char *a = from, *a_end = from + mid * s->size;
    const char *b = a_end, *b_end = from + count * s->size;

    /* Already in order, as sorted input is: one comparison instead of a merge. */
    if (mid == count || s->compare(b - s->size, b, s->ctx) <= 0) {
        memcpy(to, from, count * s->size);
        return;
    }
    while (a < a_end && b < b_end) {
        const char **less = s->compare(a, b, s->ctx) <= 0 ? &a : &b;

        memcpy(to, *less, s->size);
        *less += s->size;
        to += s->size;
    }
    memcpy(to, a, (size_t)(a_end - a));
    memcpy(to + (a_end - a), b, (size_t)(b_end - b));
}

void sort_stable(struct heap *heap, void *base, size_t count, size_t size, sort_compare_fn *compare,
                 void *ctx)
{
    struct sorter s = {.size = size, .compare = compare, .ctx = ctx};
    char         *from = base, *spare, *to;

    if (count < 2)
        return;
    spare = to = heap_must_alloc(heap, count, size);
    for (size_t i = 0; i < count; i += RUN)
        insertion_sort(&s, from + i * size, count - i < RUN ? count - i : RUN, to);
    for (size_t run = RUN; run < count; run *= 2) {
        char *swap = from;

        for (size_t i = 0; i < count; i += 2 * run) {
            size_t n = count - i < 2 * run ? count - i : 2 * run;

            merge(&s, from + i * size, n < run ? n : run, n, to + i * size);
        }
        from = to;
        to = swap;
    }
    if (from != (char *)base)
        memcpy(base, from, count * size);
    heap_free(spare);
}

size_t sort_lower_bound(const void *base, size_t count, size_t size, const void *key,
                        sort_compare_fn *compare, void *ctx)
{
    size_t low = 0;

    while (count > 0) {
        size_t half = count / 2;

        if (compare((const char *)base + (low + half) * size, key, ctx) < 0) {
            low += half + 1;
            count -= half + 1;
        } else {
            count = half;
        }
    }
    return low;
}

int sort_compare_cstr(const void *a, const void *b, void *ctx)
{
    (void)ctx;
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

int sort_compare_u64(const void *a, const void *b, void *ctx)
{
    uint64_t x, y;

    (void)ctx;
    memcpy(&x, a, sizeof x);
    memcpy(&y, b, sizeof y);
    return (x > y) - (x < y);
}
