/* lib/kv/keymap.h: a sorted map from keys to one pointer-sized word each: a skip list in an arena.
 *
 * Nodes are never removed and never move: a node stays valid as long as the arena, and iteration
 * goes on across insertions. Under the transactions' write buffers and the timestamp cache. */
#ifndef LINERA_KV_KEYMAP_H
#define LINERA_KV_KEYMAP_H

#include <stdint.h>

#include "base/arena.h"
#include "base/slice.h"

enum { KEYMAP_HEIGHT_MAX = 20 };

struct keymap_node {
    union {
        void    *ptr;
        uint64_t number;
    } value;
    uint64_t            value2;
    uint32_t            key_size;
    uint32_t            height;
    struct keymap_node *next[]; /* `height` of them; the key's bytes follow */
};

struct keymap {
    struct arena       *arena; /* borrowed */
    size_t              count;
    uint32_t            height;
    uint64_t            random; /* node heights; a fixed seed keeps runs alike */
    struct keymap_node *head[KEYMAP_HEIGHT_MAX];
    /* Where the last insertion went, so that keys that come in order are appended in constant time.
     */
    struct keymap_node *last;
    struct keymap_node
        *finger[KEYMAP_HEIGHT_MAX]; /* last node at each level up to `last`; NULL: head */
};

void keymap_init(struct keymap *m, struct arena *arena);

static inline slice keymap_key(const struct keymap_node *n)
{
    return slice_make(&n->next[n->height], n->key_size);
}

static inline struct keymap_node *keymap_first(const struct keymap *m)
{
    return m->head[0];
}

static inline struct keymap_node *keymap_next(const struct keymap_node *n)
{
    return n->next[0];
}

/* The node of `key`; NULL when there is none. */
struct keymap_node *keymap_find(const struct keymap *m, slice key);
/* The first node at or behind `key`; the last node before it; NULL when there is none. */
struct keymap_node *keymap_seek(const struct keymap *m, slice key);
struct keymap_node *keymap_before(const struct keymap *m, slice key);
struct keymap_node *keymap_last(const struct keymap *m);
/* The node of `key`, made with zero values when it was not there. */
struct keymap_node *keymap_add(struct keymap *m, slice key);

#endif
