/* lib/env/stack.h: the stacks fibers run on. A stack is address space with a guard page at its low
 * end; pages get memory when they are touched. A pool keeps returned stacks: the most recent few as
 * they are, the others without the pages below their top, so that one deep recursion does not pin
 * memory for good. */
#ifndef LINERA_ENV_STACK_H
#define LINERA_ENV_STACK_H

#include "base/list.h"
#include "base/status.h"

struct stack {
    char  *low;  /* lowest usable byte; the guard page lies below */
    size_t size; /* usable bytes */
};

/* `size` usable bytes (rounded up to pages). OUT_OF_MEMORY when the system refuses. */
status stack_map(size_t size, struct stack *out) MUST_CHECK;
/* Give it back to the system. Accepts an all-zero stack. */
void   stack_unmap(struct stack *s);
/* Give the memory back, but not the address space, of all but the `keep` bytes at the top. */
void   stack_trim(const struct stack *s, size_t keep);

struct stack_pool {
    size_t        stack_size;
    struct stack *free; /* the last ones are the hottest */
    size_t        free_count, trimmed_count;
};

/* A pool of stacks with `stack_size` usable bytes each. */
void   stack_pool_init(struct stack_pool *p, size_t stack_size);
/* Stacks handed out are not the pool's business: they must have been put back. */
void   stack_pool_deinit(struct stack_pool *p);
status stack_pool_get(struct stack_pool *p, struct stack *out) MUST_CHECK;
void   stack_pool_put(struct stack_pool *p, struct stack s);

#endif
