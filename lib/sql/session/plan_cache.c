#include "sql/session/plan_cache.h"

#include "base/assert.h"
#include "base/hmap.h"
#include "base/list.h"
#include "sql/session/session_internal.h"

struct cached {
    struct list      link; /* the longest unused first */
    char            *key;
    size_t           key_size;
    struct prepared *statement;
};

struct plan_cache {
    struct heap *heap;
    struct hmap  by_key;
    struct list  by_use;
    size_t       count_max;
};

struct plan_cache *plan_cache_new(struct heap *heap, size_t count_max)
{
    struct plan_cache *c = heap_must_alloc(heap, 1, sizeof *c);

    ASSERT(count_max > 0);
    c->heap = heap;
    c->count_max = count_max;
    hmap_init(&c->by_key, heap);
    list_init(&c->by_use);
    return c;
}

static void drop(struct plan_cache *c, struct cached *entry)
{
    hmap_remove(&c->by_key, slice_make(entry->key, entry->key_size));
    list_remove(&entry->link);
    prepared_unref(entry->statement);
    heap_free(entry->key);
    heap_free(entry);
}

void plan_cache_free(struct plan_cache *c)
{
    if (c == NULL)
        return;
    while (!list_empty(&c->by_use))
        drop(c, CONTAINER_OF(c->by_use.next, struct cached, link));
    hmap_deinit(&c->by_key);
    heap_free(c);
}

struct prepared *plan_cache_get(struct plan_cache *c, slice key)
{
    struct cached *entry = hmap_get(&c->by_key, key);

    if (entry == NULL)
        return NULL;
    list_remove(&entry->link);
    list_push_back(&c->by_use, &entry->link);
    return entry->statement;
}

void plan_cache_add(struct plan_cache *c, slice key, struct prepared *p)
{
    struct cached *entry = hmap_get(&c->by_key, key);

    if (entry != NULL)
        drop(c, entry);
    while (hmap_count(&c->by_key) >= c->count_max)
        drop(c, CONTAINER_OF(c->by_use.next, struct cached, link));
    entry = heap_must_alloc(c->heap, 1, sizeof *entry);
    entry->key = heap_must_alloc(c->heap, 1, key.size + 1);
    memcpy(entry->key, key.data, key.size);
    entry->key_size = key.size;
    entry->statement = p;
    hmap_put(&c->by_key, key, entry);
    list_push_back(&c->by_use, &entry->link);
}
