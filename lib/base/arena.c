#include "base/arena.h"

#include <stdio.h>
#include <string.h>

#include "base/assert.h"
#include "base/checked.h"

enum {
    ALIGNMENT = 16,
    CHUNK_SIZE_FIRST = 2048, /* a point statement fits in one */
    CHUNK_SIZE_MAX = 1 << 18,
};

struct chunk {
    struct chunk *next;
    size_t        size; /* of the bytes behind the header */
};

_Static_assert(sizeof(struct chunk) % ALIGNMENT == 0, "chunk data is aligned");

struct arena {
    struct heap        *heap;
    struct mem_account *account;
    struct chunk       *chunks; /* the newest first; allocation goes on in the first */
    char               *at, *end;
    size_t              chunk_size_next;
    size_t              size;
};

void mem_account_init(struct mem_account *a, struct mem_account *parent, const char *name,
                      size_t limit)
{
    *a = (struct mem_account){.parent = parent, .name = name, .limit = limit};
}

void mem_account_charge(struct mem_account *a, size_t size)
{
    for (; a != NULL; a = a->parent) {
        a->used += size;
        a->peak = MAX(a->peak, a->used);
    }
}

void mem_account_release(struct mem_account *a, size_t size)
{
    for (; a != NULL; a = a->parent) {
        ASSERT(a->used >= size);
        a->used -= size;
    }
}

static status account_check_room(const struct mem_account *a, size_t more)
{
    for (; a != NULL; a = a->parent) {
        if (a->limit == 0 || (a->used <= a->limit && more <= a->limit - a->used))
            continue;
        return status_hint(status_new(ST_OUT_OF_MEMORY,
                                      "the memory limit of the %s is reached: %zu bytes", a->name,
                                      a->limit),
                           "Reduce the amount of data the statement keeps, or raise --sql-memory.");
    }
    return STATUS_OK;
}

status mem_account_check(const struct mem_account *a)
{
    return account_check_room(a, 0);
}

struct arena *arena_new(struct heap *heap, struct mem_account *account)
{
    struct arena *a = heap_must_alloc(heap, 1, sizeof *a);

    a->heap = heap;
    a->account = account;
    a->chunk_size_next = CHUNK_SIZE_FIRST;
    return a;
}

static void chunk_free(struct arena *a, struct chunk *c)
{
    a->size -= c->size;
    mem_account_release(a->account, c->size);
    heap_free(c);
}

void arena_free(struct arena *a)
{
    if (a == NULL)
        return;
    while (a->chunks != NULL) {
        struct chunk *c = a->chunks;

        a->chunks = c->next;
        chunk_free(a, c);
    }
    heap_free(a);
}

void arena_reset(struct arena *a)
{
    struct chunk *kept = NULL;

    while (a->chunks != NULL) {
        struct chunk *c = a->chunks;

        a->chunks = c->next;
        if (kept == NULL && c->size <= CHUNK_SIZE_MAX)
            kept = c;
        else
            chunk_free(a, c);
    }
    a->chunks = kept;
    a->at = a->end = NULL;
    if (kept != NULL) {
        kept->next = NULL;
        a->at = (char *)(kept + 1);
        a->end = a->at + kept->size;
    }
}

static void chunk_add(struct arena *a, size_t size_min)
{
    size_t        size = MAX(size_min, a->chunk_size_next);
    struct chunk *c = heap_alloc(a->heap, sizeof *c + size);

    if (c == NULL) /* an infallible caller: heap_must_alloc explains and stops */
        c = heap_must_alloc(a->heap, 1, sizeof *c + size);
    if (a->chunk_size_next < CHUNK_SIZE_MAX)
        a->chunk_size_next *= 2;
    c->size = size;
    c->next = a->chunks;
    a->chunks = c;
    a->at = (char *)(c + 1);
    a->end = a->at + size;
    a->size += size;
    mem_account_charge(a->account, size);
}

void *arena_alloc(struct arena *a, size_t size)
{
    char *p;

    ASSERT(size <= SIZE_MAX / 2);
    size = (size + ALIGNMENT - 1) & ~(size_t)(ALIGNMENT - 1);
    if (UNLIKELY((size_t)(a->end - a->at) < size || a->at == NULL))
        chunk_add(a, size);
    p = a->at;
    a->at += size;
    return p;
}

void *arena_zalloc(struct arena *a, size_t count, size_t size)
{
    size_t total;

    if (!checked_mul(count, size, &total))
        UNREACHABLE();
    return memset(arena_alloc(a, total), 0, total);
}

status arena_try_alloc(struct arena *a, size_t size, void **out)
{
    status st = account_check_room(a->account, size);

    if (!st_ok(st))
        return st;
    if (size > CHUNK_SIZE_MAX) { /* ask first: arena_alloc would stop the process */
        void *probe = heap_alloc(a->heap, size + 2 * sizeof(struct chunk));

        if (probe == NULL)
            return STATUS_OOM;
        heap_free(probe);
    }
    *out = arena_alloc(a, size);
    return STATUS_OK;
}

void *arena_realloc(struct arena *a, void *p, size_t size_old, size_t size_new)
{
    size_t old = (size_old + ALIGNMENT - 1) & ~(size_t)(ALIGNMENT - 1);
    void  *moved;

    if (p != NULL && size_new <= old)
        return p;
    if (p != NULL && (char *)p + old == a->at) {
        size_t more = ((size_new + ALIGNMENT - 1) & ~(size_t)(ALIGNMENT - 1)) - old;

        if ((size_t)(a->end - a->at) >= more) {
            a->at += more;
            return p;
        }
    }
    moved = arena_alloc(a, size_new);
    if (p != NULL)
        memcpy(moved, p, size_old);
    return moved;
}

slice arena_copy(struct arena *a, slice s)
{
    return slice_make(arena_cstr(a, s), s.size);
}

char *arena_cstr(struct arena *a, slice s)
{
    char *p = arena_alloc(a, s.size + 1);

    if (s.size > 0)
        memcpy(p, s.data, s.size);
    p[s.size] = '\0';
    return p;
}

char *arena_strdup(struct arena *a, const char *s)
{
    return s == NULL ? NULL : arena_cstr(a, slice_cstr(s));
}

char *arena_vprintf(struct arena *a, const char *fmt, va_list args)
{
    va_list again;
    int     size;
    char   *p;

    va_copy(again, args);
    size = vsnprintf(NULL, 0, fmt, again);
    va_end(again);
    ASSERT(size >= 0);
    p = arena_alloc(a, (size_t)size + 1);
    vsnprintf(p, (size_t)size + 1, fmt, args);
    return p;
}

char *arena_printf(struct arena *a, const char *fmt, ...)
{
    va_list args;
    char   *p;

    va_start(args, fmt);
    p = arena_vprintf(a, fmt, args);
    va_end(args);
    return p;
}

status arena_check(const struct arena *a)
{
    return mem_account_check(a->account);
}

size_t arena_size(const struct arena *a)
{
    return a->size;
}

struct heap *arena_heap(const struct arena *a)
{
    return a->heap;
}
