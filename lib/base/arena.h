/* lib/base/arena.h: memory that is freed as a whole: a statement, a request, a compaction each have
 * one.
 *
 * arena_alloc() does not fail: past the budget it still hands out memory, marks the arena's account
 * as exceeded, and the owner's next arena_check() (each batch, each growth of a hash table) returns
 * the error. So callers need no check per allocation, and the overshoot is what one batch can
 * allocate. A size that comes from data goes through arena_try_alloc(), which refuses at once. One
 * thread. */
#ifndef LINERA_BASE_ARENA_H
#define LINERA_BASE_ARENA_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"
#include "base/heap.h"
#include "base/slice.h"
#include "base/status.h"

/* Who pays: statement, session, node. Charges go up the chain; the first limit passed is the error.
 */
struct mem_account {
    struct mem_account *parent; /* NULL at the top */
    const char         *name;   /* "query", "session", "node": named in the error */
    size_t              used;
    size_t              peak;
    size_t              limit; /* bytes; 0 for none */
};

void   mem_account_init(struct mem_account *a, struct mem_account *parent, const char *name,
                        size_t limit);
void   mem_account_charge(struct mem_account *a, size_t size);
void   mem_account_release(struct mem_account *a, size_t size);
/* OUT_OF_MEMORY (53200), naming the account, when it or one above it is past its limit. */
status mem_account_check(const struct mem_account *a) MUST_CHECK;

struct arena;

/* An empty arena on `heap`, charged to `account` (may be NULL; borrowed until arena_free). */
struct arena *arena_new(struct heap *heap, struct mem_account *account);
/* Free the arena and all it holds. Accepts NULL. */
void          arena_free(struct arena *a);
/* Forget everything allocated; keeps one chunk for the next use. */
void          arena_reset(struct arena *a);

/* `size` bytes, aligned to 16, not zeroed. Never NULL. */
void  *arena_alloc(struct arena *a, size_t size);
/* Zeroed array of `count` elements. `count` is the code's own, not outside input. */
void  *arena_zalloc(struct arena *a, size_t count, size_t size);
/* As arena_alloc, for sizes that come from data: *out stays untouched and OUT_OF_MEMORY is returned
 * when the budget or the machine has no room. */
status arena_try_alloc(struct arena *a, size_t size, void **out) MUST_CHECK;
/* Grow a block that was allocated from `a`; in place when it is the newest. */
void  *arena_realloc(struct arena *a, void *p, size_t size_old, size_t size_new);

#define ARENA_NEW(arena, type)      ((type *)arena_zalloc((arena), 1, sizeof(type)))
#define ARENA_ARRAY(arena, type, n) ((type *)arena_zalloc((arena), (n), sizeof(type)))

slice arena_copy(struct arena *a, slice s);         /* a copy with a zero byte behind it */
char *arena_strdup(struct arena *a, const char *s); /* NULL gives NULL */
char *arena_cstr(struct arena *a, slice s);         /* terminated copy */
char *arena_printf(struct arena *a, const char *fmt, ...) PRINTF(2, 3);
char *arena_vprintf(struct arena *a, const char *fmt, va_list args);

/* OUT_OF_MEMORY once the account, or one above it, is past its limit. */
status       arena_check(const struct arena *a) MUST_CHECK;
/* Bytes held by the arena, slack included. */
size_t       arena_size(const struct arena *a);
struct heap *arena_heap(const struct arena *a);

static inline void arena_scoped_end(struct arena **a)
{
    arena_free(*a);
}

#endif
