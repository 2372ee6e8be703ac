/* lib/base/hmap.h: hash maps whose iteration is in order of insertion, so that no hash order can
 * ever be seen (style.md section 8). `hmap` is keyed by bytes, which it copies, `umap` by uint64_t.
 * Values are pointers that the map only stores. Growing stops the process when memory is exhausted,
 * as struct buf does. One thread. */
#ifndef LINERA_BASE_HMAP_H
#define LINERA_BASE_HMAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/heap.h"
#include "base/slice.h"

struct hmap_entry;
struct umap_entry;

struct hmap {
    struct heap       *heap;
    struct hmap_entry *entries; /* in order of insertion, removed ones included */
    uint32_t          *slots;   /* 1 + position in entries; 0: empty */
    size_t             count, used, capacity, slot_count;
};

/* `heap` may be NULL: malloc's. Nothing is allocated before the first put. */
void  hmap_init(struct hmap *m, struct heap *heap);
void  hmap_deinit(struct hmap *m);
void  hmap_reset(struct hmap *m);
/* The value, or NULL when there is none. */
void *hmap_get(const struct hmap *m, slice key);
bool  hmap_has(const struct hmap *m, slice key);
/* Add, or replace in place; returns the value that was there, or NULL. */
void *hmap_put(struct hmap *m, slice key, void *value);
/* Remove; returns the value that was there, or NULL. */
void *hmap_remove(struct hmap *m, slice key);
/* Step through: start with *pos = 0; false at the end. Removing what was returned is allowed,
 * adding is not. *key points into the map. */
bool  hmap_next(const struct hmap *m, size_t *pos, slice *key, void **value);

static inline size_t hmap_count(const struct hmap *m)
{
    return m->count;
}

struct umap {
    struct heap       *heap;
    struct umap_entry *entries;
    uint32_t          *slots;
    size_t             count, used, capacity, slot_count;
};

void  umap_init(struct umap *m, struct heap *heap);
void  umap_deinit(struct umap *m);
void  umap_reset(struct umap *m);
void *umap_get(const struct umap *m, uint64_t key);
bool  umap_has(const struct umap *m, uint64_t key);
void *umap_put(struct umap *m, uint64_t key, void *value);
void *umap_remove(struct umap *m, uint64_t key);
bool  umap_next(const struct umap *m, size_t *pos, uint64_t *key, void **value);

static inline size_t umap_count(const struct umap *m)
{
    return m->count;
}

/* The hash of the maps: fast, of good quality, the same on every machine; not for secrets. */
uint64_t hash_bytes(const void *data, size_t size, uint64_t seed);
uint64_t hash_u64(uint64_t v);

#endif
