/* lib/storage/page.h: the nodes of the memory engine's B+tree. For files of lib/storage only.
 *
 * A page holds sorted entries. Slots grow up from the header, bodies down from the end; the part of
 * the key that all entries share stands once, at the very end:
 *
 *     | header | slot 0 | slot 1 | ...  free  ... | body | body | body | prefix |
 *     slot: head u32 (first 4 bytes of the suffix, big-endian, filled with zeros), offset of the
 *           body u16, size of the suffix u16
 *     body: ts u64, info u32, suffix, payload
 *
 * Searching looks at slots alone until two heads are equal: two or three cache lines, then one for
 * the body. In a leaf (level 0) the payload is the value, or a pointer to a blob when it is larger
 * than PAGE_INLINE_MAX; above, it is a pointer to the child whose entries are at or above the key.
 *
 * Pages are counted: by their parents, of which there may be several, and by roots that snapshots
 * and iterators keep. A page with one reference, reached through pages with one reference, is
 * changed in place; any other is copied first, so that whoever holds an old root sees it unchanged.
 *
 * Order is by key, then from the newest timestamp to the oldest. */
#ifndef LINERA_STORAGE_PAGE_H
#define LINERA_STORAGE_PAGE_H

#include "base/assert.h"
#include "base/codec.h"
#include "base/heap.h"
#include "base/list.h"
#include "base/slice.h"
#include "hlc/hlc.h"

enum {
    PAGE_SIZE_USUAL = 4096,
    PAGE_INLINE_MAX = 1024, /* larger values are blobs */
    PAGE_BODY_HEADER = 12,
    /* Both bound how far a page can grow when an entry without the prefix comes in, so that offsets
     * always fit 16 bits. */
    PAGE_PREFIX_MAX = 128,
    PAGE_COUNT_MAX = 192,
};

/* Bits of `info` beside the value's size. The last two are the LSM engine's: a version that only
 * hides older ones, and, in blocks of tables only, a value that is in a block of its own. */
#define PAGE_TOMBSTONE (UINT32_C(1) << 31)
#define PAGE_BLOB      (UINT32_C(1) << 30)
#define PAGE_CLEARED   (UINT32_C(1) << 29)
#define PAGE_ELSEWHERE (UINT32_C(1) << 28)
#define PAGE_SIZE_MASK (PAGE_ELSEWHERE - 1)

struct page_chunk;

struct page_slot {
    uint32_t head;
    uint16_t offset;
    uint16_t key_size;
};

struct page {
    struct page_chunk *chunk; /* NULL: a block of its own, for large entries */
    uint32_t           refs;
    uint16_t           capacity; /* bytes of the whole page */
    uint16_t           bottom;   /* where the lowest body begins */
    uint16_t           garbage;  /* bytes of bodies that no slot points at */
    uint16_t           count;
    uint16_t           prefix_size;
    uint8_t            level;
    bool               has_blobs; /* some entry had one once */
    struct page_slot   slots[];
};

struct page_blob {
    uint32_t refs;
    uint32_t size;
    char     data[];
};

/* Where pages come from: chunks of usual pages, given back when all of a chunk are free. */
struct page_pool {
    struct heap *heap;
    struct list  chunks_with_room;
    uint64_t     size;  /* bytes held, blobs included */
    uint64_t     spare; /* of these, in pages that nothing is in */
};

void page_pool_init(struct page_pool *pool, struct heap *heap);

/* An entry taken apart, for building pages. Borrowed from the page or caller that it stands for. */
struct page_item {
    slice    key; /* whole */
    hlc_ts   ts;
    uint32_t info;
    slice    payload;
};

/* What is searched for; page_probe_for() fits it to a page's prefix. */
struct page_target {
    slice  key;
    hlc_ts ts;
};

/* A new page with the items, at least one; references of blobs and children are the items', not
 * counted again. Never NULL. */
struct page *page_build(struct page_pool *pool, unsigned level, const struct page_item *items,
                        size_t count);
/* Bytes that page_build() would need. */
size_t       page_size_for(const struct page_item *items, size_t count);
/* Drop one reference, and with the last one the page and its hold on what is below. */
void         page_release(struct page_pool *pool, struct page *p);
/* Free the page alone: what it pointed at has moved elsewhere. */
void         page_free(struct page_pool *pool, struct page *p);
/* The page in *ref, ready to be changed: itself, or a copy put in its place. */
struct page *page_make_writable(struct page_pool *pool, struct page **ref);

/* Position of the first entry at or above the target, or (upper) above it. */
unsigned page_lower_bound(const struct page *p, const struct page_target *t);
unsigned page_upper_bound(const struct page *p, const struct page_target *t);

/* Insert at `pos`; false, with the page unchanged, when the key does not share the prefix or the
 * page has no room. */
bool page_insert(struct page *p, unsigned pos, const struct page_item *item);
/* Take entries [from, to) out. What they pointed at is the caller's to release. */
void page_remove(struct page *p, unsigned from, unsigned to);

/* Bytes in use by entries. */
size_t page_used(const struct page *p);

struct page_blob *page_blob_new(struct page_pool *pool, slice value);
void              page_blob_release(struct page_pool *pool, struct page_blob *b);
/* Drop the blob of a leaf's entry, if it has one. */
void              page_release_blob_at(struct page_pool *pool, const struct page *p, unsigned pos);

/* What a slot has of its key. */
static inline uint32_t page_head(slice suffix)
{
    char first[4] = {0};

    if (LIKELY(suffix.size >= 4))
        return get_u32be(suffix.data);
    if (suffix.size > 0)
        memcpy(first, suffix.data, suffix.size);
    return get_u32be(first);
}

static inline const char *page_body(const struct page *p, unsigned pos)
{
    return (const char *)p + p->slots[pos].offset;
}

static inline slice page_prefix(const struct page *p)
{
    return slice_make((const char *)p + p->capacity - p->prefix_size, p->prefix_size);
}

static inline slice page_suffix(const struct page *p, unsigned pos)
{
    return slice_make(page_body(p, pos) + PAGE_BODY_HEADER, p->slots[pos].key_size);
}

static inline hlc_ts page_ts(const struct page *p, unsigned pos)
{
    return get_u64le(page_body(p, pos));
}

static inline uint32_t page_info(const struct page *p, unsigned pos)
{
    return get_u32le(page_body(p, pos) + 8);
}

static inline const char *page_payload(const struct page *p, unsigned pos)
{
    return page_body(p, pos) + PAGE_BODY_HEADER + p->slots[pos].key_size;
}

static inline size_t page_payload_size(unsigned level, uint32_t info)
{
    if (level > 0 || (info & PAGE_BLOB) != 0)
        return sizeof(void *);
    return info & PAGE_SIZE_MASK;
}

static inline struct page *page_child(const struct page *p, unsigned pos)
{
    struct page *child;

    memcpy(&child, page_payload(p, pos), sizeof child);
    return child;
}

static inline void page_set_child(struct page *p, unsigned pos, struct page *child)
{
    memcpy((char *)p + (page_payload(p, pos) - (const char *)p), &child, sizeof child);
}

static inline struct page_blob *page_blob_at(const struct page *p, unsigned pos)
{
    struct page_blob *b;

    memcpy(&b, page_payload(p, pos), sizeof b);
    return b;
}

static inline slice page_value(const struct page *p, unsigned pos)
{
    uint32_t info = page_info(p, pos);

    if (UNLIKELY((info & PAGE_BLOB) != 0)) {
        const struct page_blob *b = page_blob_at(p, pos);

        return slice_make(b->data, b->size);
    }
    return slice_make(page_payload(p, pos), info & PAGE_SIZE_MASK);
}

/* Whether two neighbours are versions of one key. */
static inline bool page_same_key(const struct page *p, unsigned a, unsigned b)
{
    return p->slots[a].head == p->slots[b].head && slice_eq(page_suffix(p, a), page_suffix(p, b));
}

/* Whether the entry is a version of `key`. */
static inline bool page_key_is(const struct page *p, unsigned pos, slice key)
{
    slice prefix = page_prefix(p);

    return key.size == prefix.size + p->slots[pos].key_size && slice_starts_with(key, prefix) &&
           slice_eq(slice_from(key, prefix.size), page_suffix(p, pos));
}

#endif
