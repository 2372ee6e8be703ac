/* lib/base/slice.h: a borrowed run of bytes. Whoever made it says how long it lives. */
#ifndef LINERA_BASE_SLICE_H
#define LINERA_BASE_SLICE_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

typedef struct slice {
    const char *data; /* not terminated; may hold any byte; NULL only when size is 0 */
    size_t      size;
} slice;

#define SLICE_EMPTY        ((slice){.data = NULL, .size = 0})
#define SLICE_LIT(literal) ((slice){.data = (literal), .size = sizeof(literal) - 1})
/* For printf("%.*s", SLICE_FMT(s)). */
#define SLICE_FMT(s) (int)(s).size, ((s).data != NULL ? (s).data : "")

static inline slice slice_make(const void *data, size_t size)
{
    return (slice){.data = data, .size = size};
}

static inline slice slice_cstr(const char *text)
{
    return (slice){.data = text, .size = strlen(text)};
}

static inline bool slice_eq(slice a, slice b)
{
    return a.size == b.size && (a.size == 0 || memcmp(a.data, b.data, a.size) == 0);
}

static inline bool slice_eq_cstr(slice a, const char *text)
{
    return slice_eq(a, slice_cstr(text));
}

/* Order by unsigned bytes, a prefix before what it begins. */
static inline int slice_cmp(slice a, slice b)
{
    size_t n = a.size < b.size ? a.size : b.size;
    int    c = n == 0 ? 0 : memcmp(a.data, b.data, n);

    if (c != 0)
        return c;
    return (a.size > b.size) - (a.size < b.size);
}

static inline bool slice_starts_with(slice s, slice prefix)
{
    return s.size >= prefix.size &&
           (prefix.size == 0 || memcmp(s.data, prefix.data, prefix.size) == 0);
}

/* The part from byte position `from` on; empty when `from` is at or behind the end. */
static inline slice slice_from(slice s, size_t from)
{
    return from >= s.size ? slice_make(s.data, 0) : slice_make(s.data + from, s.size - from);
}

#endif
