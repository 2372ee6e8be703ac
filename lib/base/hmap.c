#include "base/hmap.h"

#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "base/assert.h"

/* Two arrays: entries in order of insertion, and slots that lead to them by open addressing with
 * linear probing. A removed entry stays as a hole, in both, until the next rebuild. */

struct hmap_entry {
    uint64_t hash;
    slice    key; /* data on the heap; NULL data with size 0 is a valid key */
    void    *value;
    bool     live;
};

struct umap_entry {
    uint64_t key;
    void    *value;
    bool     live;
};

uint64_t hash_bytes(const void *data, size_t size, uint64_t seed)
{
    return XXH3_64bits_withSeed(data, size, seed);
}

/* The finaliser of splitmix64: every input bit reaches every output bit. */
uint64_t hash_u64(uint64_t v)
{
    v = (v ^ (v >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    v = (v ^ (v >> 27)) * UINT64_C(0x94d049bb133111eb);
    return v ^ (v >> 31);
}

static uint64_t hmap_entry_hash(const struct hmap_entry *e)
{
    return e->hash;
}

static uint64_t umap_entry_hash(const struct umap_entry *e)
{
    return hash_u64(e->key);
}

static bool hmap_entry_is(const struct hmap_entry *e, uint64_t hash, slice key)
{
    return e->live && e->hash == hash && slice_eq(e->key, key);
}

static bool umap_entry_is(const struct umap_entry *e, uint64_t hash, uint64_t key)
{
    (void)hash;
    return e->live && e->key == key;
}

/* What both maps share; `map` is hmap or umap. */
#define MAP_DEFINE(map, key_type)                                                                  \
    void map##_init(struct map *m, struct heap *heap)                                              \
    {                                                                                              \
        *m = (struct map){.heap = heap};                                                           \
    }                                                                                              \
                                                                                                   \
    static void map##_insert_slot(struct map *m, uint64_t hash, size_t position)                   \
    {                                                                                              \
        size_t at = hash & (m->slot_count - 1);                                                    \
                                                                                                   \
        while (m->slots[at] != 0)                                                                  \
            at = (at + 1) & (m->slot_count - 1);                                                   \
        m->slots[at] = (uint32_t)(position + 1);                                                   \
    }                                                                                              \
                                                                                                   \
    /* Close the holes and make room for one more entry at least. */                               \
    static void map##_rebuild(struct map *m)                                                       \
    {                                                                                              \
        size_t              capacity = 8, kept = 0;                                                \
        struct map##_entry *entries;                                                               \
                                                                                                   \
        while (capacity < m->count + m->count / 2 + 1)                                             \
            capacity *= 2;                                                                         \
        ASSERT(capacity < UINT32_MAX / 2);                                                         \
        entries = heap_must_alloc(m->heap, capacity, sizeof *entries);                             \
        heap_free(m->slots);                                                                       \
        m->slot_count = capacity * 2;                                                              \
        m->slots = heap_must_alloc(m->heap, m->slot_count, sizeof *m->slots);                      \
        for (size_t i = 0; i < m->used; i++) {                                                     \
            if (!m->entries[i].live)                                                               \
                continue;                                                                          \
            entries[kept] = m->entries[i];                                                         \
            map##_insert_slot(m, map##_entry_hash(&entries[kept]), kept);                          \
            kept++;                                                                                \
        }                                                                                          \
        heap_free(m->entries);                                                                     \
        m->entries = entries;                                                                      \
        m->used = kept;                                                                            \
        m->capacity = capacity;                                                                    \
    }                                                                                              \
                                                                                                   \
    static struct map##_entry *map##_find(const struct map *m, uint64_t hash, key_type key)        \
    {                                                                                              \
        if (m->slot_count == 0)                                                                    \
            return NULL;                                                                           \
        for (size_t at = hash & (m->slot_count - 1); m->slots[at] != 0;                            \
             at = (at + 1) & (m->slot_count - 1)) {                                                \
            struct map##_entry *e = &m->entries[m->slots[at] - 1];                                 \
                                                                                                   \
            if (map##_entry_is(e, hash, key))                                                      \
                return e;                                                                          \
        }                                                                                          \
        return NULL;                                                                               \
    }                                                                                              \
                                                                                                   \
    static struct map##_entry *map##_add(struct map *m, uint64_t hash)                             \
    {                                                                                              \
        if (m->used == m->capacity)                                                                \
            map##_rebuild(m);                                                                      \
        map##_insert_slot(m, hash, m->used);                                                       \
        m->count++;                                                                                \
        return &m->entries[m->used++];                                                             \
    }                                                                                              \
                                                                                                   \
    bool map##_next(const struct map *m, size_t *pos, key_type *key, void **value)                 \
    {                                                                                              \
        for (; *pos < m->used; ++*pos) {                                                           \
            if (m->entries[*pos].live) {                                                           \
                *key = m->entries[*pos].key;                                                       \
                *value = m->entries[*pos].value;                                                   \
                ++*pos;                                                                            \
                return true;                                                                       \
            }                                                                                      \
        }                                                                                          \
        return false;                                                                              \
    }

MAP_DEFINE(hmap, slice)
MAP_DEFINE(umap, uint64_t)

void hmap_reset(struct hmap *m)
{
    for (size_t i = 0; i < m->used; i++)
        if (m->entries[i].live)
            heap_free((void *)(uintptr_t)m->entries[i].key.data);
    m->count = m->used = 0;
    if (m->slots != NULL)
        memset(m->slots, 0, m->slot_count * sizeof *m->slots);
}

void hmap_deinit(struct hmap *m)
{
    hmap_reset(m);
    heap_free(m->entries);
    heap_free(m->slots);
    hmap_init(m, m->heap);
}

void *hmap_get(const struct hmap *m, slice key)
{
    const struct hmap_entry *e = hmap_find(m, hash_bytes(key.data, key.size, 0), key);

    return e != NULL ? e->value : NULL;
}

bool hmap_has(const struct hmap *m, slice key)
{
    return hmap_find(m, hash_bytes(key.data, key.size, 0), key) != NULL;
}

void *hmap_put(struct hmap *m, slice key, void *value)
{
    uint64_t           hash = hash_bytes(key.data, key.size, 0);
    struct hmap_entry *e = hmap_find(m, hash, key);
    void              *old = NULL;
    char              *copy;

    if (e != NULL) {
        old = e->value;
        e->value = value;
        return old;
    }
    copy = heap_must_alloc(m->heap, 1, key.size + 1);
    if (key.size > 0)
        memcpy(copy, key.data, key.size);
    e = hmap_add(m, hash);
    *e = (struct hmap_entry){
        .hash = hash, .key = slice_make(copy, key.size), .value = value, .live = true};
    return NULL;
}

void *hmap_remove(struct hmap *m, slice key)
{
    struct hmap_entry *e = hmap_find(m, hash_bytes(key.data, key.size, 0), key);

    if (e == NULL)
        return NULL;
    heap_free((void *)(uintptr_t)e->key.data);
    e->live = false;
    m->count--;
    return e->value;
}

void umap_reset(struct umap *m)
{
    m->count = m->used = 0;
    if (m->slots != NULL)
        memset(m->slots, 0, m->slot_count * sizeof *m->slots);
}

void umap_deinit(struct umap *m)
{
    heap_free(m->entries);
    heap_free(m->slots);
    umap_init(m, m->heap);
}

void *umap_get(const struct umap *m, uint64_t key)
{
    const struct umap_entry *e = umap_find(m, hash_u64(key), key);

    return e != NULL ? e->value : NULL;
}

bool umap_has(const struct umap *m, uint64_t key)
{
    return umap_find(m, hash_u64(key), key) != NULL;
}

void *umap_put(struct umap *m, uint64_t key, void *value)
{
    struct umap_entry *e = umap_find(m, hash_u64(key), key);
    void              *old = NULL;

    if (e != NULL) {
        old = e->value;
        e->value = value;
        return old;
    }
    e = umap_add(m, hash_u64(key));
    *e = (struct umap_entry){.key = key, .value = value, .live = true};
    return NULL;
}

void *umap_remove(struct umap *m, uint64_t key)
{
    struct umap_entry *e = umap_find(m, hash_u64(key), key);

    if (e == NULL)
        return NULL;
    e->live = false;
    m->count--;
    return e->value;
}
