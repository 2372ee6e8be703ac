#include "env/stack.h"

#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/assert.h"
#include "base/heap.h"

#ifdef LINERA_ASAN
#include <sanitizer/asan_interface.h>
#endif

enum {
    POOL_MAX = 1024,  /* stacks kept; more go back to the system */
    POOL_HOT = 32,    /* of these, left untouched for the next fibers */
    TRIM_KEEP = 8192, /* what a pooled stack that is not hot may hold */
};

static size_t page_size(void)
{
    return (size_t)sysconf(_SC_PAGESIZE);
}

status stack_map(size_t size, struct stack *out)
{
    size_t page = page_size();
    char  *base;

    size = (size + page - 1) / page * page;
    base = mmap(NULL, size + page, PROT_READ | PROT_WRITE,
                MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_STACK, -1, 0);
    if (base == MAP_FAILED)
        return STATUS_OOM;
    if (mprotect(base, page, PROT_NONE) != 0) {
        munmap(base, size + page);
        return STATUS_OOM;
    }
    /* One touched byte of a huge page would cost two megabytes. */
    (void)madvise(base + page, size, MADV_NOHUGEPAGE);
    *out = (struct stack){.low = base + page, .size = size};
    return STATUS_OK;
}

/* Frames that were never returned from (a simulated crash) leave their red zones behind. */
static void stack_unpoison(const struct stack *s)
{
#ifdef LINERA_ASAN
    __asan_unpoison_memory_region(s->low, s->size);
#else
    (void)s;
#endif
}

void stack_unmap(struct stack *s)
{
    size_t page = page_size();

    if (s->low == NULL)
        return;
    stack_unpoison(s);
    munmap(s->low - page, s->size + page);
    *s = (struct stack){0};
}

void stack_trim(const struct stack *s, size_t keep)
{
    if (keep < s->size)
        (void)madvise(s->low, s->size - keep, MADV_DONTNEED);
}

void stack_pool_init(struct stack_pool *p, size_t stack_size)
{
    *p = (struct stack_pool){.stack_size = stack_size};
    p->free = heap_must_alloc(NULL, POOL_MAX, sizeof *p->free);
}

void stack_pool_deinit(struct stack_pool *p)
{
    while (p->free_count > 0)
        stack_unmap(&p->free[--p->free_count]);
    heap_free(p->free);
    *p = (struct stack_pool){0};
}

status stack_pool_get(struct stack_pool *p, struct stack *out)
{
    if (p->free_count == 0)
        return stack_map(p->stack_size, out);
    *out = p->free[--p->free_count];
    p->trimmed_count = MIN(p->trimmed_count, p->free_count);
    return STATUS_OK;
}

void stack_pool_put(struct stack_pool *p, struct stack s)
{
    ASSERT(s.low != NULL);
    stack_unpoison(&s);
    if (p->free_count == POOL_MAX) {
        stack_unmap(&s);
        return;
    }
    p->free[p->free_count++] = s;
    /* free[0 .. trimmed_count) are trimmed; what lies POOL_HOT below the end joins them. */
    while (p->trimmed_count + POOL_HOT < p->free_count)
        stack_trim(&p->free[p->trimmed_count++], TRIM_KEEP);
}
