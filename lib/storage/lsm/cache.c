#include "storage/lsm/cache.h"

#include "base/assert.h"
#include "base/hmap.h"
#include "base/list.h"

enum queue { QUEUE_NONE, QUEUE_SMALL, QUEUE_MAIN };

enum {
    USES_MAX = 3,
    SMALL_PART = 10, /* the small queue has a tenth */
    BUCKETS_LEAST = 64,
    GHOST_BLOCK = 4096, /* one ghost for so many bytes of capacity */
};

struct cache {
    struct heap         *heap;
    size_t               capacity, size, small_size;
    size_t               held_size, small_held_size; /* of that, what somebody holds */
    struct cached      **buckets;
    size_t               bucket_count, count; /* a power of two */
    struct list          small, main;         /* the oldest first */
    struct umap          tables;              /* number -> struct list of its blocks, `mates` */
    uint64_t            *ghosts; /* hashes of what has left the small queue, by hash: the newest */
    size_t               ghost_count;
    struct cache_metrics metrics;
};

static uint64_t hash_of(uint64_t table, uint64_t offset)
{
    return hash_u64(hash_u64(table) ^ offset);
}

static struct cached **buckets_new(struct heap *heap, size_t count)
{
    return heap_must_alloc(heap, count, sizeof(struct cached *));
}

struct cache *cache_new(struct heap *heap, size_t capacity)
{
    struct cache *c = heap_must_alloc(heap, 1, sizeof *c);

    c->heap = heap;
    c->capacity = capacity;
    c->bucket_count = BUCKETS_LEAST;
    c->buckets = buckets_new(heap, c->bucket_count);
    c->ghost_count = BUCKETS_LEAST;
    while (c->ghost_count < capacity / GHOST_BLOCK)
        c->ghost_count *= 2;
    c->ghosts = heap_must_alloc(heap, c->ghost_count, sizeof *c->ghosts);
    list_init(&c->small);
    list_init(&c->main);
    umap_init(&c->tables, heap);
    return c;
}

static struct cached **place_of(struct cache *c, uint64_t table, uint64_t offset)
{
    struct cached **at = &c->buckets[hash_of(table, offset) & (c->bucket_count - 1)];

    while (*at != NULL && ((*at)->table != table || (*at)->offset != offset))
        at = &(*at)->chain;
    return at;
}

static void grow(struct cache *c)
{
    struct cached **old = c->buckets;
    size_t          old_count = c->bucket_count;

    if (c->count < c->bucket_count)
        return;
    c->bucket_count *= 2;
    c->buckets = buckets_new(c->heap, c->bucket_count);
    for (size_t i = 0; i < old_count; i++) {
        for (struct cached *b = old[i], *next; b != NULL; b = next) {
            struct cached **at = place_of(c, b->table, b->offset);

            next = b->chain;
            b->chain = NULL;
            *at = b;
        }
    }
    heap_free(old);
}

static void note_size(struct cache *c)
{
    metric_set(&c->metrics.bytes, (int64_t)c->size);
    metric_set(&c->metrics.held, (int64_t)c->held_size);
}

/* A block of a queue is held from now on, or no longer. */
static void note_held(struct cached *b, bool held)
{
    struct cache *c = b->cache;
    size_t        change = held ? b->size : 0 - (size_t)b->size;

    c->held_size += change;
    if (b->queue == QUEUE_SMALL)
        c->small_held_size += change;
}

/* Out of queue and table; whoever holds it still has it. */
static void detach(struct cached *b)
{
    struct cache   *c = b->cache;
    struct cached **at = place_of(c, b->table, b->offset);

    ASSERT(*at == b);
    *at = b->chain;
    list_remove(&b->link);
    list_remove(&b->mates);
    c->count--;
    c->size -= b->size;
    if (b->refs > 0)
        note_held(b, false);
    if (b->queue == QUEUE_SMALL)
        c->small_size -= b->size;
    b->queue = QUEUE_NONE;
}

static void cached_free(struct cached *b)
{
    heap_free(b->block);
    heap_free(b);
}

static void drop(struct cached *b)
{
    detach(b);
    if (b->refs == 0)
        cached_free(b);
}

void cache_free(struct cache *c)
{
    size_t   pos = 0;
    uint64_t table;
    void    *blocks;

    if (c == NULL)
        return;
    while (!list_empty(&c->small) || !list_empty(&c->main)) {
        struct list   *queue = !list_empty(&c->small) ? &c->small : &c->main;
        struct cached *b = CONTAINER_OF(queue->next, struct cached, link);

        ASSERT(b->refs == 0);
        drop(b);
    }
    while (umap_next(&c->tables, &pos, &table, &blocks))
        heap_free(blocks);
    umap_deinit(&c->tables);
    heap_free(c->buckets);
    heap_free(c->ghosts);
    heap_free(c);
}

struct cached *cache_hold(struct cached *b)
{
    if (b->refs++ == 0)
        note_held(b, true);
    return b;
}

struct cached *cache_get(struct cache *c, uint64_t table, uint64_t offset)
{
    struct cached *b = *place_of(c, table, offset);

    if (b == NULL)
        return NULL;
    metric_add(&c->metrics.hits, 1);
    if (b->uses < USES_MAX)
        b->uses++;
    return cache_hold(b);
}

/* ---- who goes --------------------------------------------------------------------------------
 */

static void enqueue(struct cached *b, enum queue queue)
{
    struct cache *c = b->cache;

    b->queue = (uint8_t)queue;
    list_push_back(queue == QUEUE_SMALL ? &c->small : &c->main, &b->link);
    if (queue == QUEUE_SMALL)
        c->small_size += b->size;
}

static void move_to_main(struct cached *b)
{
    list_remove(&b->link);
    b->cache->small_size -= b->size;
    b->uses = 0;
    enqueue(b, QUEUE_MAIN);
}

static uint64_t *ghost_at(struct cache *c, uint64_t hash)
{
    return &c->ghosts[hash >> 1 & (c->ghost_count - 1)];
}

static void evict(struct cached *b)
{
    uint64_t hash = hash_of(b->table, b->offset);

    if (b->queue == QUEUE_SMALL)
        *ghost_at(b->cache, hash) = hash;
    metric_add(&b->cache->metrics.evictions, 1);
    drop(b);
}

static void to_the_back(struct list *queue, struct cached *b)
{
    list_remove(&b->link);
    list_push_back(queue, &b->link);
}

/* Look at the oldest block of a queue that has some which nobody holds: it goes, or goes on. */
static void look_at_oldest(struct cache *c)
{
    bool           small_can = c->small_size > c->small_held_size;
    bool           main_can = c->size - c->small_size > c->held_size - c->small_held_size;
    bool           small = small_can && (c->small_size > c->capacity / SMALL_PART || !main_can);
    struct list   *queue = small ? &c->small : &c->main;
    struct cached *b = CONTAINER_OF(queue->next, struct cached, link);

    if (b->refs > 0) {
        to_the_back(queue, b);
    } else if (small && b->uses > 0) {
        move_to_main(b);
    } else if (!small && b->uses > 0) {
        b->uses--;
        to_the_back(queue, b);
    } else {
        evict(b);
    }
}

/* What is held stays. Anything else has gone after a few looks at it. */
static void make_room(struct cache *c)
{
    while (c->size > c->capacity && c->size > c->held_size)
        look_at_oldest(c);
}

void cache_release(struct cached *b)
{
    struct cache *c;

    if (b == NULL || --b->refs > 0)
        return;
    if (b->queue == QUEUE_NONE) {
        cached_free(b);
        return;
    }
    c = b->cache;
    note_held(b, false);
    if (UNLIKELY(c->size > c->capacity)) {
        make_room(c);
        note_size(c);
    }
}

struct cached *cache_pass(struct cache *c, struct block *block)
{
    struct cached *b = heap_must_alloc(c->heap, 1, sizeof *b);

    metric_add(&c->metrics.misses, 1);
    *b = (struct cached){.block = block, .cache = c, .refs = 1, .size = block->memory_size};
    list_init(&b->link);
    list_init(&b->mates);
    return b;
}

static struct list *blocks_of(struct cache *c, uint64_t table)
{
    struct list *blocks = umap_get(&c->tables, table);

    if (blocks == NULL) {
        blocks = heap_must_alloc(c->heap, 1, sizeof *blocks);
        list_init(blocks);
        umap_put(&c->tables, table, blocks);
    }
    return blocks;
}

struct cached *cache_put(struct cache *c, uint64_t table, uint64_t offset, struct block *block)
{
    struct cached **at = place_of(c, table, offset), *b;
    uint64_t        hash = hash_of(table, offset);

    if (*at != NULL) {
        heap_free(block);
        return cache_hold(*at);
    }
    b = cache_pass(c, block);
    b->table = table;
    b->offset = offset;
    b->size += (uint32_t)sizeof *b;
    *at = b;
    list_push_back(blocks_of(c, table), &b->mates);
    c->count++;
    c->size += b->size;
    enqueue(b, *ghost_at(c, hash) == hash ? QUEUE_MAIN : QUEUE_SMALL);
    note_held(b, true);
    make_room(c);
    grow(c);
    note_size(c);
    return b;
}

void cache_drop_table(struct cache *c, uint64_t table)
{
    struct list *blocks = umap_remove(&c->tables, table);

    if (blocks == NULL)
        return;
    while (!list_empty(blocks))
        drop(CONTAINER_OF(blocks->next, struct cached, mates));
    heap_free(blocks);
    note_size(c);
}

size_t cache_size(const struct cache *c)
{
    return c->size;
}

const struct cache_metrics *cache_metrics(const struct cache *c)
{
    return &c->metrics;
}

#define X(...) METRIC_DESC(struct cache_metrics, __VA_ARGS__)
static const struct metric_desc metric_descs[] = {CACHE_METRICS(X)};
#undef X

void cache_register_metrics(const struct cache *c, struct metrics *m, const char *labels)
{
    metrics_add(m, metric_descs, ARRAY_LEN(metric_descs), &c->metrics, labels);
}
