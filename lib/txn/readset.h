/* lib/txn/readset.h: what a serializable transaction has read, for proving it unchanged later.
 *
 * Spans are kept precisely up to a limit; beyond it neighbours are merged, which may give a false
 * conflict and never hides one (pitfall T6). */
#ifndef LINERA_TXN_READSET_H
#define LINERA_TXN_READSET_H

#include "base/arena.h"
#include "kv/latch.h"

enum {
    READSET_SPANS_MAX = 4096,
    READSET_BYTES_MAX = 1 << 20,
};

struct readset {
    struct heap    *heap;
    struct arena   *arena; /* the spans' bytes */
    struct kv_span *spans;
    size_t          count, capacity;
    size_t          bytes_max; /* condense when the arena holds more */
};

void readset_init(struct readset *s, struct heap *heap);
void readset_deinit(struct readset *s);
/* Forget everything, keep some memory for the next transaction. */
void readset_reset(struct readset *s);

void readset_add_point(struct readset *s, slice key);
/* `end` empty: no upper end. Continues the span added last when it is next to it. */
void readset_add_span(struct readset *s, slice start, slice end);

#endif
