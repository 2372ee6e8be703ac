/* lib/txn/buffer.h: the writes of one transaction, sorted by key, each with the statement that made
 * it.
 *
 * A key has a list of revisions, newest first. Revisions are also chained in the order they were
 * made, so that rolling back to a savepoint undoes exactly those behind it (pitfall T8). Nodes and
 * revisions live in the transaction's arena and stay where they are. */
#ifndef LINERA_TXN_BUFFER_H
#define LINERA_TXN_BUFFER_H

#include <stdbool.h>
#include <stdint.h>

#include "kv/keymap.h"
#include "kv/latch.h"
#include "storage/batch.h"

struct revision {
    struct revision    *older;
    struct revision    *made_before; /* the revision made before this one, whatever its key */
    struct keymap_node *node;
    uint32_t            seq;
    uint32_t            size;
    uint32_t            capacity;
    bool                tombstone;
    char                value[];
};

struct range_delete {
    struct range_delete *older;
    slice                start, end;
    uint32_t             seq;
};

struct buffer {
    struct arena        *arena;
    struct keymap        map;  /* node->value.ptr: newest revision, NULL when all were undone;
                                  node->value2: NODE_... */
    struct revision     *made; /* newest first */
    struct range_delete *range_deletes;
    size_t               live; /* keys with a revision */
};

/* Facts about a key that the transaction has learnt, kept in its node. */
enum {
    NODE_LOCK_MASK = 0x7,     /* enum lock_strength held */
    NODE_NEVER_WRITTEN = 0x8, /* the engine had no version of it when it was locked */
};

void buffer_init(struct buffer *b, struct arena *arena);

static inline bool buffer_is_empty(const struct buffer *b)
{
    return b->live == 0 && b->range_deletes == NULL;
}

static inline slice revision_value(const struct revision *r)
{
    return slice_make(r->value, r->size);
}

/* The newest revision of the node made before statement `seq`; NULL when there is none. */
const struct revision               *buffer_visible(const struct keymap_node *n, uint32_t seq);
static inline const struct revision *buffer_newest(const struct keymap_node *n)
{
    return n != NULL ? n->value.ptr : NULL;
}

/* Add a revision. One of the same statement is replaced; of older ones made after `keep_seq` (the
 * newest savepoint; UINT32_MAX: keep all) only the latest is kept, since no one can ask for the
 * others. */
void buffer_write(struct buffer *b, struct keymap_node *n, uint32_t seq, uint32_t keep_seq,
                  bool tombstone, slice value);

/* All keys of [start, end) go, own writes among them. */
void buffer_delete_range(struct buffer *b, slice start, slice end, uint32_t seq, uint32_t keep_seq);
/* Whether a range deletion made before `seq` covers the key. */
bool buffer_range_deleted(const struct buffer *b, slice key, uint32_t seq);

/* A place to come back to. */
struct buffer_mark {
    struct revision     *made;
    struct range_delete *range_deletes;
};

struct buffer_mark buffer_mark(const struct buffer *b);
void               buffer_undo(struct buffer *b, struct buffer_mark mark);

/* Append everything to `out` with timestamp `ts`; lets others run in between when there is much. */
status MAY_YIELD buffer_encode(const struct buffer *b, struct env *env, hlc_ts ts,
                               struct engine_batch *out) MUST_CHECK;

/* What a commit latches: each key up to `points_max` keys, the spans of the key groups beyond, and
 * range deletions. Arrays in `a`. */
void buffer_latch(const struct buffer *b, struct arena *a, size_t points_max, struct latch *out);

#endif
