#include "base/heap.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "base/assert.h"
#include "base/checked.h"

/* Every block carries its size, so that a heap knows what is in use without walking itself, and its
 * heap, so that heap_free() needs no argument. In sanitizer builds blocks are malloc's and linked,
 * so that heap_destroy() finds them. The list is touched by the owner's thread and by threads that
 * free; sanitizer builds therefore guard it with a spin lock. */
struct block {
    struct heap *heap;
    size_t       size;
#ifdef HEAP_ON_MALLOC
    struct list link;
#endif
};

enum { HUGE_PAGE = 2 << 20 };

_Static_assert(sizeof(struct block) % 16 == 0, "blocks keep malloc's alignment");

#ifdef HEAP_ON_MALLOC
struct heap {
    struct list   foreign; /* struct heap_foreign */
    struct list   blocks;
    atomic_flag   lock;
    atomic_size_t used;
};
#else
#include <mimalloc.h>

struct heap {
    struct list   foreign; /* struct heap_foreign */
    mi_heap_t    *mi;
    atomic_size_t used; /* relaxed: a gauge, orders nothing */
};
#endif

static _Thread_local struct heap *current_heap;

NOINLINE void heap_set_current(struct heap *h)
{
    current_heap = h;
}

NOINLINE struct heap *heap_current(void)
{
    return current_heap;
}

static void close_foreign(struct list *foreign)
{
    struct list *link;

    while ((link = list_pop_front(foreign)) != NULL) {
        struct heap_foreign *f = CONTAINER_OF(link, struct heap_foreign, link);

        f->close(f);
    }
}

void heap_foreign_close(struct heap_foreign *f)
{
    list_remove(&f->link);
    f->close(f);
}

NORETURN static void out_of_memory(size_t size)
{
    fprintf(stderr,
            "linera: out of memory: could not allocate %zu bytes; lower --cache or --sql-memory\n",
            size);
    abort();
}

#ifdef HEAP_ON_MALLOC

static void heap_lock(struct heap *h)
{
    while (atomic_flag_test_and_set_explicit(&h->lock, memory_order_acquire))
        ;
}

static void heap_unlock(struct heap *h)
{
    atomic_flag_clear_explicit(&h->lock, memory_order_release);
}

struct heap *heap_new(void)
{
    struct heap *h = calloc(1, sizeof *h);

    if (h == NULL)
        out_of_memory(sizeof *h);
    list_init(&h->foreign);
    list_init(&h->blocks);
    return h;
}

void heap_destroy(struct heap *h)
{
    if (h == NULL)
        return;
    close_foreign(&h->foreign);
    while (!list_empty(&h->blocks)) {
        struct block *b = CONTAINER_OF(h->blocks.next, struct block, link);

        list_remove(&b->link);
        free(b);
    }
    free(h);
}

static struct block *block_alloc(struct heap *h, size_t size)
{
    struct block *b = malloc(size);

    if (b != NULL && h != NULL) {
        heap_lock(h);
        list_push_back(&h->blocks, &b->link);
        heap_unlock(h);
    }
    return b;
}

static struct block *block_realloc(struct heap *h, struct block *b, size_t size)
{
    struct block *moved;

    if (h == NULL)
        return realloc(b, size);
    heap_lock(h);
    list_remove(&b->link);
    moved = realloc(b, size);
    list_push_back(&h->blocks, moved != NULL ? &moved->link : &b->link);
    heap_unlock(h);
    return moved;
}

static void block_free(struct block *b)
{
    if (b->heap != NULL) {
        heap_lock(b->heap);
        list_remove(&b->link);
        heap_unlock(b->heap);
    }
    free(b);
}

#else

struct heap *heap_new(void)
{
    struct heap *h = mi_zalloc(sizeof *h);

    if (h == NULL || (h->mi = mi_heap_new()) == NULL)
        out_of_memory(sizeof *h);
    list_init(&h->foreign);
    return h;
}

void heap_destroy(struct heap *h)
{
    if (h == NULL)
        return;
    close_foreign(&h->foreign);
    mi_heap_destroy(h->mi);
    mi_free(h);
}

static struct block *block_alloc(struct heap *h, size_t size)
{
    return h != NULL ? mi_heap_malloc(h->mi, size) : mi_malloc(size);
}

static struct block *block_realloc(struct heap *h, struct block *b, size_t size)
{
    return h != NULL ? mi_heap_realloc(h->mi, b, size) : mi_realloc(b, size);
}

static void block_free(struct block *b)
{
    mi_free(b);
}

#endif

static void used_add(struct heap *h, size_t size)
{
    if (h != NULL)
        atomic_fetch_add_explicit(&h->used, size, memory_order_relaxed);
}

static void used_sub(struct heap *h, size_t size)
{
    if (h != NULL)
        atomic_fetch_sub_explicit(&h->used, size, memory_order_relaxed);
}

void *heap_alloc(struct heap *h, size_t size)
{
    size_t        total;
    struct block *b;

    if (!checked_add(size, sizeof *b, &total) || (b = block_alloc(h, total)) == NULL)
        return NULL;
    b->heap = h;
    b->size = size;
    used_add(h, size);
    return b + 1;
}

void *heap_zalloc(struct heap *h, size_t size)
{
    void *p = heap_alloc(h, size);

    if (p != NULL)
        memset(p, 0, size);
    return p;
}

void *heap_realloc(struct heap *h, void *p, size_t size)
{
    size_t        total, before;
    struct block *b;

    if (p == NULL)
        return heap_alloc(h, size);
    b = (struct block *)p - 1;
    ASSERT(b->heap == h);
    before = b->size;
    if (!checked_add(size, sizeof *b, &total) || (b = block_realloc(h, b, total)) == NULL)
        return NULL;
    b->size = size;
    used_add(h, size);
    used_sub(h, before);
    return b + 1;
}

void *heap_must_alloc(struct heap *h, size_t count, size_t size)
{
    size_t total;
    void  *p;

    if (!checked_mul(count, size, &total) || (p = heap_zalloc(h, total)) == NULL)
        out_of_memory(size);
    return p;
}

char *heap_strdup(struct heap *h, const char *text)
{
    size_t size = strlen(text) + 1;

    return memcpy(heap_must_alloc(h, 1, size), text, size);
}

void heap_free(void *p)
{
    struct block *b;

    if (p == NULL)
        return;
    b = (struct block *)p - 1;
    used_sub(b->heap, b->size);
    block_free(b);
}

void heap_attach(struct heap *h, struct heap_foreign *f)
{
    list_init(&f->link);
    if (h != NULL)
        list_push_back(&h->foreign, &f->link);
}

void heap_advise_huge(void *p, size_t size)
{
    uintptr_t from = ((uintptr_t)p + HUGE_PAGE - 1) / HUGE_PAGE * HUGE_PAGE;
    uintptr_t to = ((uintptr_t)p + size) / HUGE_PAGE * HUGE_PAGE;

    if (from < to)
        (void)madvise((void *)from, to - from, MADV_HUGEPAGE);
}

size_t heap_used(const struct heap *h)
{
    return atomic_load_explicit(&h->used, memory_order_relaxed);
}
