/* lib/base/sort.h: a stable sort. qsort's order of equal elements differs between C libraries, and
 * with it the rows a query returns, so nothing in the tree uses qsort (style.md section 8). */
#ifndef LINERA_BASE_SORT_H
#define LINERA_BASE_SORT_H

#include <stddef.h>

#include "base/heap.h"

/* Below, equal to or above 0 as `a` comes before, with or after `b`. */
typedef int sort_compare_fn(const void *a, const void *b, void *ctx);

/* Sort `count` elements of `size` bytes; equal ones keep their order. Takes as much memory again
 * from `heap` while it runs (NULL: malloc's), and stops the process when there is none; what may
 * be larger than memory is the spilling sort's work. */
void sort_stable(struct heap *heap, void *base, size_t count, size_t size, sort_compare_fn *compare,
                 void *ctx);

/* The position of the first element that is not before `key`; `count` when all are. `compare` gets
 * an element and the key. */
size_t sort_lower_bound(const void *base, size_t count, size_t size, const void *key,
                        sort_compare_fn *compare, void *ctx);

/* Ready-made orders: of C strings by bytes (elements are const char *), of uint64_t. */
sort_compare_fn sort_compare_cstr, sort_compare_u64;

#endif
