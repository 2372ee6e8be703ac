#include "storage/page.h"

enum {
    CHUNK_PAGES_LEAST = 3,
    CHUNK_PAGES = 63,         /* a quarter of a MiB */
    CHUNK_GROWTH = 4,         /* a chunk is so small a part of the pool, until it is that large */
    LARGE_CHUNK_PAGES = 2047, /* 8 MiB */
    LARGE_CHUNK_FROM = 16 << 20,
    CACHE_LINE = 64,
    PAGE_SIZE_LARGEST = 0xfff0,
};

/* Usual pages come in chunks: small ones, so that a small store, or memtable, is small, then, in a
 * large one, such as can lie on huge pages: random reads of 1 M rows were about 15 % faster with
 * those. */
struct page_chunk {
    struct list  link; /* in chunks_with_room, or alone */
    struct page *free; /* given back; linked through their `chunk` field */
    unsigned     live;
    unsigned     fresh; /* pages from here on were never handed out */
    unsigned     count;
    size_t       size;
    char        *pages;
};

void page_pool_init(struct page_pool *pool, struct heap *heap)
{
    pool->heap = heap;
    pool->size = pool->spare = 0;
    list_init(&pool->chunks_with_room);
}

static void *must_alloc(struct heap *heap, size_t size)
{
    void *p = heap_alloc(heap, size);

    /* heap_must_alloc() zeroes; it is used here only for its way to stop when there is no memory.
     */
    return p != NULL ? p : heap_must_alloc(heap, 1, size);
}

static unsigned chunk_pages(const struct page_pool *pool)
{
    uint64_t share = pool->size / PAGE_SIZE_USUAL / CHUNK_GROWTH;

    if (pool->size >= LARGE_CHUNK_FROM)
        return LARGE_CHUNK_PAGES;
    return (unsigned)MIN(MAX(share, (uint64_t)CHUNK_PAGES_LEAST), (uint64_t)CHUNK_PAGES);
}

static struct page_chunk *chunk_new(struct page_pool *pool)
{
    unsigned           count = chunk_pages(pool);
    size_t             size = sizeof(struct page_chunk) + CACHE_LINE + count * PAGE_SIZE_USUAL;
    struct page_chunk *c = must_alloc(pool->heap, size);
    uintptr_t          at = (uintptr_t)(c + 1);

    if (count == LARGE_CHUNK_PAGES)
        heap_advise_huge(c, size);
    *c = (struct page_chunk){.count = count, .size = size};
    c->pages = (char *)(c + 1) + (CACHE_LINE - at % CACHE_LINE) % CACHE_LINE;
    list_push_front(&pool->chunks_with_room, &c->link);
    pool->size += size;
    pool->spare += (uint64_t)count * PAGE_SIZE_USUAL;
    return c;
}

static bool chunk_has_room(const struct page_chunk *c)
{
    return c->free != NULL || c->fresh < c->count;
}

static struct page *alloc_usual(struct page_pool *pool)
{
    struct page_chunk *c = list_empty(&pool->chunks_with_room)
                               ? chunk_new(pool)
                               : CONTAINER_OF(pool->chunks_with_room.next, struct page_chunk, link);
    struct page       *p = c->free;

    if (p != NULL)
        c->free = (struct page *)(void *)p->chunk;
    else
        p = (struct page *)(void *)(c->pages + (size_t)c->fresh++ * PAGE_SIZE_USUAL);
    c->live++;
    pool->spare -= PAGE_SIZE_USUAL;
    if (!chunk_has_room(c))
        list_remove(&c->link);
    p->chunk = c;
    return p;
}

/* A page of `capacity` bytes, its header still to be filled. */
static struct page *page_alloc(struct page_pool *pool, size_t capacity)
{
    struct page *p;

    if (capacity == PAGE_SIZE_USUAL) {
        p = alloc_usual(pool);
    } else {
        p = must_alloc(pool->heap, capacity);
        p->chunk = NULL;
        pool->size += capacity;
    }
    p->capacity = (uint16_t)capacity;
    p->refs = 1;
    return p;
}

void page_free(struct page_pool *pool, struct page *p)
{
    struct page_chunk *c = p->chunk;

    if (c == NULL) {
        pool->size -= p->capacity;
        heap_free(p);
        return;
    }
    if (!chunk_has_room(c))
        list_push_front(&pool->chunks_with_room, &c->link);
    p->chunk = (struct page_chunk *)(void *)c->free;
    c->free = p;
    pool->spare += PAGE_SIZE_USUAL;
    if (--c->live == 0) {
        list_remove(&c->link);
        pool->size -= c->size;
        pool->spare -= (uint64_t)c->count * PAGE_SIZE_USUAL;
        heap_free(c);
    }
}

struct page_blob *page_blob_new(struct page_pool *pool, slice value)
{
    struct page_blob *b = must_alloc(pool->heap, sizeof *b + value.size);

    b->refs = 1;
    b->size = (uint32_t)value.size;
    memcpy(b->data, value.data, value.size);
    pool->size += sizeof *b + value.size;
    return b;
}

void page_blob_release(struct page_pool *pool, struct page_blob *b)
{
    ASSERT(b->refs > 0);
    if (--b->refs > 0)
        return;
    pool->size -= sizeof *b + b->size;
    heap_free(b);
}

void page_release_blob_at(struct page_pool *pool, const struct page *p, unsigned pos)
{
    if ((page_info(p, pos) & PAGE_BLOB) != 0)
        page_blob_release(pool, page_blob_at(p, pos));
}

void page_release(struct page_pool *pool, struct page *p)
{
    ASSERT(p->refs > 0);
    if (--p->refs > 0)
        return;
    for (unsigned i = 0; i < p->count; i++) {
        if (p->level > 0)
            page_release(pool, page_child(p, i));
        else if (p->has_blobs)
            page_release_blob_at(pool, p, i);
    }
    page_free(pool, p);
}

static void add_references(const struct page *p)
{
    for (unsigned i = 0; i < p->count; i++) {
        if (p->level > 0)
            page_child(p, i)->refs++;
        else if (p->has_blobs && (page_info(p, i) & PAGE_BLOB) != 0)
            page_blob_at(p, i)->refs++;
    }
}

struct page *page_make_writable(struct page_pool *pool, struct page **ref)
{
    struct page       *old = *ref, *p;
    struct page_chunk *chunk;

    if (LIKELY(old->refs == 1))
        return old;
    p = page_alloc(pool, old->capacity);
    chunk = p->chunk;
    memcpy(p, old, sizeof *p + old->count * sizeof old->slots[0]);
    memcpy((char *)p + old->bottom, (const char *)old + old->bottom, old->capacity - old->bottom);
    p->chunk = chunk;
    p->refs = 1;
    add_references(p);
    old->refs--;
    *ref = p;
    return p;
}

/* Whether the entry comes before the target, or, if `or_equal`, is the target. Heads are equal. */
static bool is_before(const struct page *p, unsigned pos, slice suffix, hlc_ts ts, bool or_equal)
{
    slice  own = page_suffix(p, pos);
    hlc_ts found;
    int    c;

    /* Near the root, entries of one table have equal heads, but seldom the same next four bytes:
     * every step would call memcmp(). */
    if (own.size >= 8 && suffix.size >= 8) {
        uint32_t next_own = get_u32be(own.data + 4), next = get_u32be(suffix.data + 4);

        if (next_own != next)
            return next_own < next;
    }
    c = slice_cmp(own, suffix);
    if (c != 0)
        return c < 0;
    found = page_ts(p, pos);
    return found > ts || (or_equal && found == ts);
}

static ALWAYS_INLINE unsigned search(const struct page *p, const struct page_target *t,
                                     bool or_equal)
{
    slice    prefix = page_prefix(p), suffix;
    unsigned low = 0, high = p->count;
    uint32_t head;

    if (prefix.size > 0) {
        size_t n = MIN(prefix.size, t->key.size);
        int    c = n == 0 ? 0 : memcmp(t->key.data, prefix.data, n);

        if (c != 0)
            return c < 0 ? 0 : high;
        if (t->key.size < prefix.size)
            return 0;
    }
    suffix = slice_from(t->key, prefix.size);
    head = page_head(suffix);
    while (low < high) {
        unsigned mid = (low + high) / 2;
        uint32_t found = p->slots[mid].head;

        if (found < head || (found == head && is_before(p, mid, suffix, t->ts, or_equal)))
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

unsigned page_lower_bound(const struct page *p, const struct page_target *t)
{
    return search(p, t, false);
}

unsigned page_upper_bound(const struct page *p, const struct page_target *t)
{
    return search(p, t, true);
}

static size_t body_size(size_t suffix_size, const struct page_item *item)
{
    return PAGE_BODY_HEADER + suffix_size + item->payload.size;
}

/* Write a body below the lowest one and fill its slot. There is room. */
static void write_entry(struct page *p, unsigned pos, const struct page_item *item)
{
    slice suffix = slice_from(item->key, p->prefix_size);
    char *body;

    p->bottom = (uint16_t)(p->bottom - body_size(suffix.size, item));
    body = (char *)p + p->bottom;
    put_u64le(body, item->ts);
    put_u32le(body + 8, item->info);
    if (suffix.size > 0)
        memcpy(body + PAGE_BODY_HEADER, suffix.data, suffix.size);
    if (item->payload.size > 0)
        memcpy(body + PAGE_BODY_HEADER + suffix.size, item->payload.data, item->payload.size);
    p->slots[pos] = (struct page_slot){
        .head = page_head(suffix), .offset = p->bottom, .key_size = (uint16_t)suffix.size};
    if (p->level == 0 && (item->info & PAGE_BLOB) != 0)
        p->has_blobs = true;
}

bool page_insert(struct page *p, unsigned pos, const struct page_item *item)
{
    size_t slots_end = sizeof *p + (p->count + 1u) * sizeof p->slots[0];

    ASSERT(pos <= p->count);
    if (p->count >= PAGE_COUNT_MAX || !slice_starts_with(item->key, page_prefix(p)) ||
        slots_end + body_size(item->key.size - p->prefix_size, item) > p->bottom)
        return false;
    memmove(&p->slots[pos + 1], &p->slots[pos], (p->count - pos) * sizeof p->slots[0]);
    p->count++;
    write_entry(p, pos, item);
    return true;
}

void page_remove(struct page *p, unsigned from, unsigned to)
{
    ASSERT(from <= to && to <= p->count);
    for (unsigned i = from; i < to; i++)
        p->garbage = (uint16_t)(p->garbage + PAGE_BODY_HEADER + p->slots[i].key_size +
                                page_payload_size(p->level, page_info(p, i)));
    memmove(&p->slots[from], &p->slots[to], (p->count - to) * sizeof p->slots[0]);
    p->count = (uint16_t)(p->count - (to - from));
}

size_t page_used(const struct page *p)
{
    return sizeof *p + p->count * sizeof p->slots[0] + (size_t)(p->capacity - p->bottom) -
           p->garbage;
}

/* Sorted keys share what the first and the last share. */
static size_t common_prefix(const struct page_item *items, size_t count)
{
    slice  a = items[0].key, b = items[count - 1].key;
    size_t n = MIN(MIN(a.size, b.size), PAGE_PREFIX_MAX), same = 0;

    while (same < n && a.data[same] == b.data[same])
        same++;
    return same;
}

size_t page_size_for(const struct page_item *items, size_t count)
{
    size_t prefix = common_prefix(items, count);
    size_t size = sizeof(struct page) + prefix + count * sizeof(struct page_slot);

    for (size_t i = 0; i < count; i++)
        size += body_size(items[i].key.size - prefix, &items[i]);
    return size;
}

struct page *page_build(struct page_pool *pool, unsigned level, const struct page_item *items,
                        size_t count)
{
    size_t       needed = page_size_for(items, count);
    size_t       capacity = PAGE_SIZE_USUAL;
    struct page *p;

    /* Large entries get a page of their own size, with room for one more of the kind. */
    if (needed > PAGE_SIZE_USUAL)
        capacity = (needed + PAGE_SIZE_USUAL - 1) / PAGE_SIZE_USUAL * PAGE_SIZE_USUAL;
    ASSERT(capacity <= PAGE_SIZE_LARGEST);
    p = page_alloc(pool, capacity);
    p->level = (uint8_t)level;
    p->has_blobs = false;
    p->garbage = 0;
    p->count = (uint16_t)count;
    p->prefix_size = (uint16_t)common_prefix(items, count);
    p->bottom = (uint16_t)(capacity - p->prefix_size);
    if (p->prefix_size > 0)
        memcpy((char *)p + p->bottom, items[0].key.data, p->prefix_size);
    for (size_t i = 0; i < count; i++)
        write_entry(p, (unsigned)i, &items[i]);
    return p;
}
