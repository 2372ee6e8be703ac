/* lib/storage/lsm/block.h: blocks of a table: building, checking, searching. Pure functions on any
 * thread; memory from the heap that is named, which may be NULL for malloc's.
 *
 * Data blocks and index blocks are laid out alike, as a page of the memory engine's tree
 * (storage/page.h) without header and slots; docs/formats.md draws them:
 *
 *     | header | size of suffix 0 | size of suffix 1 | ... | body 0 | body 1 | ... | prefix |
 *
 * Bodies are the page's. They follow each other without a gap, and the prefix is as long as it can
 * be, so that the same entries are always the same bytes. block_load() makes a page of it, the
 * *image*: the code that searches the tree searches blocks. Slots are left out of the file because
 * compression makes little of them: a tenth of a table.
 *
 * In a data block (level 0) the payload is the value, or, when it is larger than BLOCK_INLINE_MAX,
 * the handle of a value block. In an index block (level 1 and up) it is a struct block_child, and
 * the key is a separator: at or above all entries of the child, below all entries of the next. A
 * separator that ends between two versions of a key carries the timestamp of the last version
 * before it; any other has timestamp 0, and is as short as it can be (L16). So the child that
 * can hold the first entry at or behind (key, ts) is the one at page_lower_bound(), for any ts;
 * when that child has none, the answer is the first entry of the next child. The last entry before
 * (key, ts) is in the same child, or, when all its entries are at or behind, the last entry of
 * the child before. The filter of that child (level 2) knows the key if any version at or below
 * ts exists in the table: a separator falls between versions only when both sides have some. */
#ifndef LINERA_STORAGE_LSM_BLOCK_H
#define LINERA_STORAGE_LSM_BLOCK_H

#include "base/buf.h"
#include "base/status.h"
#include "storage/lsm/entry.h"
#include "storage/page.h"

enum {
    BLOCK_SIZE_USUAL = 8192 - 128, /* of an image: with what it is kept in it fills 8 KiB */
    BLOCK_SIZE_TARGET_MAX = 32768, /* what may be asked for */
    BLOCK_SIZE_MAX = 65535 - 16,   /* of an image: offsets have 16 bits */
    BLOCK_HEADER_SIZE = 8,
    BLOCK_INLINE_MAX = 2048,
    BLOCK_VALUE_SIZE_MAX = 64 << 20,
    BLOCK_KEY_SIZE_MAX = 8193,  /* the byte of the space, and a key */
    BLOCK_INDEX_FANOUT_MIN = 4, /* so that even with the longest keys the index is a tree */
    BLOCK_LEVEL_MAX = 16,
    BLOCK_HANDLE_SIZE = 16,
};

/* Where a sealed block of any kind is in its file. */
struct block_handle {
    uint64_t offset;
    uint32_t size;     /* in the file, trailer included */
    uint32_t raw_size; /* once opened; of data and index blocks once loaded */
};

/* offset u64, size u32, raw size u32 */
void                block_handle_put(struct buf *b, const struct block_handle *h);
/* From BLOCK_HANDLE_SIZE bytes. */
struct block_handle block_handle_get(const char *p);

/* What an entry of an index block leads to. */
struct block_child {
    struct block_handle block;
    struct block_handle filter; /* of all keys below; on level 2 only, else zeros */
};

/* A block of any kind in memory. Blocks of filters and values are used by block_raw() as they are,
 * data and index blocks after block_load(). */
struct block {
    uint32_t memory_size; /* all that was allocated for it */
    uint32_t raw_size;
    uint32_t content_size; /* at most raw_size; what is in `raw` before block_load() */
    char    *raw;          /* at a multiple of 64 */
};

/* Room for a block of `raw_size` bytes (the handle's), its content still to be filled. NULL: no
 * memory. heap_free() gives it back, on any thread. */
struct block *block_new(struct heap *heap, uint32_t raw_size) MUST_CHECK;

/* The content of a block of another kind, a filter or value. */
static inline slice block_raw(const struct block *b)
{
    return slice_make(b->raw, b->raw_size);
}
/* Bytes of the image of a data or index block with that content. */
uint32_t block_image_size(slice content);

/* Check the content, of whatever bytes, as a data (level 0) or index block (of `level`), and make
 * it ready for search. After success no function here or in page.h that searches reads outside it:
 * entries are in strict order, their parts inside the block, kinds and sizes fit each other.
 * CORRUPT says what is wrong; the block is then only to be freed. Once per block. */
status block_load(struct block *b, unsigned level) MUST_CHECK;

/* The level that the content says it is of, without any check: for tools. */
unsigned block_raw_level(slice raw);

/* The image of a loaded block, for page_lower_bound(), page_key_is() and kin. Not page_value():
 * block_value() knows of values elsewhere. */
static inline const struct page *block_page(const struct block *b)
{
    return (const struct page *)(const void *)(b->raw + BLOCK_HEADER_SIZE -
                                               offsetof(struct page, slots));
}

static inline unsigned block_count(const struct block *b)
{
    return block_page(b)->count;
}

static inline enum lsm_kind block_kind(uint32_t info)
{
    return (info & PAGE_TOMBSTONE) != 0 ? LSM_TOMBSTONE
           : (info & PAGE_CLEARED) != 0 ? LSM_CLEARED
                                        : LSM_VALUE;
}

/* Whether the value of the entry is in a block of its own: then *elsewhere says where (its
 * raw size is the value's) and the answer is true. Otherwise *value is the value, empty unless the
 * kind is LSM_VALUE; it lives as long as the block. */
bool block_value(const struct block *b, unsigned pos, slice *value, struct block_handle *elsewhere);
/* Of an index block's entry. */
struct block_child block_child(const struct block *b, unsigned pos);

/* A place in a loaded block, with its key put together. Nothing here can fail. */
struct block_cursor {
    const struct block *block; /* borrowed */
    unsigned            pos;   /* when valid */
    bool                valid;
    /* When valid, of a data block: the value is empty when it is elsewhere. Borrowed until the
     * cursor moves. Of an index block: key and ts of the separator. */
    struct lsm_entry    entry;
    bool                is_elsewhere;
    struct block_handle elsewhere;
    struct buf          key; /* what entry.key points at: the prefix once, then a suffix */
};

/* On no block. */
void block_cursor_init(struct block_cursor *c, struct heap *heap);
void block_cursor_deinit(struct block_cursor *c);
/* Stand on `block`, not valid yet. The block must outlive the cursor's use of it. NULL: on none. */
void block_cursor_set(struct block_cursor *c, const struct block *block);

/* The first entry at or behind (key, ts); not valid when there is none. */
void block_cursor_seek(struct block_cursor *c, slice key, hlc_ts ts);
/* The last entry before (key, ts). */
void block_cursor_seek_before(struct block_cursor *c, slice key, hlc_ts ts);
void block_cursor_first(struct block_cursor *c);
void block_cursor_last(struct block_cursor *c);
/* From a valid cursor. */
void block_cursor_next(struct block_cursor *c);
void block_cursor_prev(struct block_cursor *c);

/* Collects entries of one block. */
struct block_builder {
    struct heap               *heap;
    unsigned                   level;
    size_t                     size_target;
    size_t                     count, capacity;
    struct block_builder_item *items;
    struct buf                 bytes;       /* key and payload of each item */
    size_t                     prefix_size; /* that all keys so far share */
    size_t                     body_size;   /* of all bodies, as if there were no prefix */
};

void block_builder_init(struct block_builder *b, struct heap *heap, unsigned level,
                        size_t size_target);
void block_builder_deinit(struct block_builder *b);
/* Whether the entry should still go into this block; true for an empty one. When false, take what
 * there is with block_builder_finish() first. */
bool block_builder_fits(const struct block_builder *b, slice key, size_t payload_size);
/* Add the entry behind all before; everything is copied. It fits. `info` as in a page; the payload
 * is the value, a handle or a child. */
void block_builder_add(struct block_builder *b, slice key, hlc_ts ts, uint32_t info, slice payload);
/* Bytes that block_builder_finish() would write now. */
size_t block_builder_size(const struct block_builder *b);
/* The key added last, and its timestamp; there is one. Borrowed until the next call. */
slice  block_builder_last_key(const struct block_builder *b, hlc_ts *ts);
/* Append the block's content to `out` and begin the next one. Returns the size. There is at least
 * one entry. */
size_t block_builder_finish(struct block_builder *b, struct buf *out);

/* The payload of an index entry; `filter` is written when level is 2. */
void   block_child_put(struct buf *b, unsigned level, const struct block_child *child);
/* The size of that. */
size_t block_child_size(unsigned level);

/* Put a short key s with a <= s < b into *out, which is reset first; a < b. */
void block_separator(struct buf *out, slice a, slice b);

#endif
