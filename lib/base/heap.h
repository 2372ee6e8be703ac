/* lib/base/heap.h: the memory of one node on one worker. Everything a node allocates comes from its
 * heaps, so that destroying them frees a crashed simulated node at once (architecture.md section
 * 2).
 *
 * A heap belongs to the thread that made it: only that thread allocates and resizes (a mimalloc
 * heap demands it, pitfall E8). Any thread may free. Sanitizer builds use malloc behind the same
 * calls, so that every block has its own red zones. */
#ifndef LINERA_BASE_HEAP_H
#define LINERA_BASE_HEAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"
#include "base/list.h"

struct heap;

/* Something that a library allocated by its own means (an ICU calendar), owned by an object of a
 * heap. heap_destroy() closes what is still attached, before any block goes. */
struct heap_foreign {
    struct list link;
    void (*close)(struct heap_foreign *f);
};

/* Create a heap for the calling thread; stops the process when there is no memory for it. */
struct heap *heap_new(void);

/* Free the heap and every block still allocated from it. Accepts NULL. Owner's thread only. */
void heap_destroy(struct heap *h);

/* At least `size` bytes, aligned to 16; NULL when memory is exhausted. heap_free() gives them back.
 */
void *heap_alloc(struct heap *h, size_t size) MUST_CHECK;
void *heap_zalloc(struct heap *h, size_t size) MUST_CHECK;

/* Resize a block of this heap, keeping its bytes; NULL leaves the block as it was. */
void *heap_realloc(struct heap *h, void *p, size_t size) MUST_CHECK;

/* Like heap_alloc, but stops the process when memory is exhausted: for small, bounded objects whose
 * absence nobody could handle better. `count` * `size` is checked for overflow; zeroed. */
void *heap_must_alloc(struct heap *h, size_t count, size_t size);

/* A copy of a terminated string; stops the process when memory is exhausted. */
char *heap_strdup(struct heap *h, const char *text);

/* Give a block back. Accepts NULL. */
void heap_free(void *p);

/* Ask for large pages behind [p, p + size), part of a block that is many MiB: random reads of it
 * then miss the TLB less. Advice only; without effect where the system has none. */
void heap_advise_huge(void *p, size_t size);

/* Let `h` close `f` if it goes first; `f` lies in a block of `h`. NULL: nothing does.
 * Owner's thread only. */
void heap_attach(struct heap *h, struct heap_foreign *f);

/* Take `f` off its heap and close it. Owner's thread only. */
void heap_foreign_close(struct heap_foreign *f);

/* Bytes allocated and not freed; an estimate that counts block sizes, not pages. */
size_t heap_used(const struct heap *h);

/* The heap of the node that runs on this thread now; what is allocated without a heap at hand
 * (status objects) comes from it. The scheduler sets it at every switch between nodes. NULL:
 * malloc's heap. */
void         heap_set_current(struct heap *h);
struct heap *heap_current(void);

#endif
