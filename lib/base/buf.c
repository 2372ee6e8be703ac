#include "base/buf.h"

#include <stdio.h>

#include "base/assert.h"

void buf_init(struct buf *b, struct heap *heap)
{
    *b = (struct buf){.heap = heap};
}

void buf_deinit(struct buf *b)
{
    heap_free(b->data);
    *b = (struct buf){.heap = b->heap};
}

void *buf_reserve(struct buf *b, size_t size)
{
    if (b->capacity - b->size < size) {
        size_t capacity = MAX(b->capacity * 2, (size_t)64);
        char  *data;

        ASSERT(size <= SIZE_MAX / 4);
        capacity = MAX(capacity, b->size + size);
        data = heap_realloc(b->heap, b->data, capacity);
        if (data == NULL) { /* heap_must_alloc explains and stops */
            data = heap_must_alloc(b->heap, 1, capacity);
            memcpy(data, b->data, b->size);
        }
        b->data = data;
        b->capacity = capacity;
    }
    return b->data + b->size;
}

void buf_vprintf(struct buf *b, const char *fmt, va_list args)
{
    va_list again;
    int     size;

    va_copy(again, args);
    size = vsnprintf(NULL, 0, fmt, again);
    va_end(again);
    ASSERT(size >= 0);
    vsnprintf(buf_reserve(b, (size_t)size + 1), (size_t)size + 1, fmt, args);
    b->size += (size_t)size;
}

void buf_printf(struct buf *b, const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    buf_vprintf(b, fmt, args);
    va_end(args);
}

const char *buf_cstr(struct buf *b)
{
    *(char *)buf_reserve(b, 1) = '\0';
    return b->data;
}
