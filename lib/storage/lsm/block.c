#include "storage/lsm/block.h"

enum {
    BLOCK_VERSION = 1,
    BLOCK_ALIGN = 64,
    /* What a page has in front of its slots, and a block has not. */
    PAGE_LEAD = offsetof(struct page, slots) - BLOCK_HEADER_SIZE,
    SUFFIX_SIZE_SIZE = 2,
    /* What an entry takes more in the image than in the content. */
    SLOT_EXTRA = sizeof(struct page_slot) - SUFFIX_SIZE_SIZE,
};

_Static_assert(offsetof(struct page, slots) == 24, "BLOCK_SIZE_MAX counts on it");
_Static_assert(BLOCK_SIZE_MAX + PAGE_LEAD <= UINT16_MAX, "offsets of a page have 16 bits");
_Static_assert(sizeof(struct page_slot) == 8, "sizes of images count on it");
_Static_assert(BLOCK_VALUE_SIZE_MAX <= PAGE_SIZE_MASK, "sizes of values fit `info`");
_Static_assert(BLOCK_HEADER_SIZE +
                       BLOCK_INDEX_FANOUT_MIN * (sizeof(struct page_slot) + PAGE_BODY_HEADER +
                                                 BLOCK_KEY_SIZE_MAX + 2 * BLOCK_HANDLE_SIZE) <=
                   BLOCK_SIZE_MAX,
               "an index block holds its least number of the longest separators");

struct block_builder_item {
    hlc_ts   ts;
    size_t   at; /* of the key in `bytes`; the payload follows */
    uint32_t key_size, payload_size;
    uint32_t info;
};

/* ---- handles ----------------------------------------------------------------------------------
 */

void block_handle_put(struct buf *b, const struct block_handle *h)
{
    buf_put_u64le(b, h->offset);
    buf_put_u32le(b, h->size);
    buf_put_u32le(b, h->raw_size);
}

struct block_handle block_handle_get(const char *p)
{
    return (struct block_handle){
        .offset = get_u64le(p), .size = get_u32le(p + 8), .raw_size = get_u32le(p + 12)};
}

size_t block_child_size(unsigned level)
{
    return level == 2 ? 2 * BLOCK_HANDLE_SIZE : BLOCK_HANDLE_SIZE;
}

void block_child_put(struct buf *b, unsigned level, const struct block_child *child)
{
    ASSERT(level > 0 && level <= BLOCK_LEVEL_MAX);
    block_handle_put(b, &child->block);
    if (level == 2)
        block_handle_put(b, &child->filter);
}

struct block_child block_child(const struct block *b, unsigned pos)
{
    const struct page *p = block_page(b);
    const char        *payload;
    struct block_child child = {.filter = {.offset = 0}};

    ASSERT(p->level > 0);
    ASSERT(pos < p->count);
    payload = page_payload(p, pos);
    child.block = block_handle_get(payload);
    if (p->level == 2)
        child.filter = block_handle_get(payload + BLOCK_HANDLE_SIZE);
    return child;
}

/* ---- a block in memory ------------------------------------------------------------------------
 */

struct block *block_new(struct heap *heap, uint32_t raw_size)
{
    size_t        size = sizeof(struct block) + PAGE_LEAD + BLOCK_ALIGN - 1 + (size_t)raw_size;
    struct block *b;
    uintptr_t     at;

    if (size > UINT32_MAX || (b = heap_alloc(heap, size)) == NULL)
        return NULL;
    at = (uintptr_t)(b + 1) + PAGE_LEAD;
    b->memory_size = (uint32_t)size;
    b->raw_size = raw_size;
    b->content_size = raw_size;
    b->raw = (char *)(b + 1) + PAGE_LEAD + (BLOCK_ALIGN - at % BLOCK_ALIGN) % BLOCK_ALIGN;
    return b;
}

unsigned block_raw_level(slice raw)
{
    return raw.size > 1 ? (uint8_t)raw.data[1] : 0;
}

uint32_t block_image_size(slice content)
{
    ASSERT(content.size >= BLOCK_HEADER_SIZE);
    return (uint32_t)(content.size + get_u16le(content.data + 2) * (size_t)SLOT_EXTRA);
}

/* Where block_load() is. Offsets count from the beginning of the image. */
struct loader {
    char             *raw;
    struct page_slot *slots;
    unsigned          level, count;
    size_t            prefix_size;
    size_t            at;  /* where the next body must begin */
    size_t            end; /* of all bodies */
};

static status load_header(struct loader *l, const struct block *b, unsigned level)
{
    const char *raw = l->raw;

    if (b->content_size < BLOCK_HEADER_SIZE || b->raw_size > BLOCK_SIZE_MAX)
        return status_new(ST_CORRUPT, "a block of entries cannot have %u bytes", b->raw_size);
    if (raw[0] != BLOCK_VERSION || get_u16le(raw + 6) != 0)
        return status_new(ST_CORRUPT, "the header of the block is not one of version %d",
                          BLOCK_VERSION);
    if ((uint8_t)raw[1] != level)
        return status_new(ST_CORRUPT, "the block is of level %u, not %u", (uint8_t)raw[1], level);
    l->level = level;
    l->count = get_u16le(raw + 2);
    l->prefix_size = get_u16le(raw + 4);
    l->slots = (struct page_slot *)(void *)(l->raw + BLOCK_HEADER_SIZE);
    l->at = BLOCK_HEADER_SIZE + l->count * sizeof(struct page_slot);
    if (l->count == 0)
        return status_new(ST_CORRUPT, "the block has no entries");
    if (l->at + l->prefix_size > b->raw_size ||
        block_image_size(slice_make(raw, b->content_size)) != b->raw_size)
        return status_new(ST_CORRUPT, "%u entries and a prefix of %zu bytes do not fit the block",
                          l->count, l->prefix_size);
    l->end = b->raw_size - l->prefix_size;
    return STATUS_OK;
}

/* Bodies and prefix go to where they are in the image, then slots take the place of sizes, from the
 * last one on: no slot covers the size of an entry before its own. */
static void make_slots(const struct loader *l, const struct block *b)
{
    const char *sizes = l->raw + BLOCK_HEADER_SIZE;
    size_t      bodies = BLOCK_HEADER_SIZE + l->count * (size_t)SUFFIX_SIZE_SIZE;

    memmove(l->raw + l->at, l->raw + bodies, b->content_size - bodies);
    for (unsigned i = l->count; i-- > 0;)
        l->slots[i].key_size = get_u16le(sizes + i * (size_t)SUFFIX_SIZE_SIZE);
}

/* Size of the payload that `info` speaks of; false when it cannot be. */
static bool payload_size(unsigned level, uint32_t info, size_t *out)
{
    uint32_t kind = info & ~PAGE_SIZE_MASK, size = info & PAGE_SIZE_MASK;

    if (level > 0) {
        *out = block_child_size(level);
        return info == *out;
    }
    switch (kind) {
    case 0:
        *out = size;
        return size <= BLOCK_INLINE_MAX;
    case PAGE_TOMBSTONE:
    case PAGE_CLEARED:
        *out = 0;
        return size == 0;
    case PAGE_ELSEWHERE:
        *out = BLOCK_HANDLE_SIZE;
        return size > BLOCK_INLINE_MAX && size <= BLOCK_VALUE_SIZE_MAX;
    default:
        return false;
    }
}

/* Check that the body fits, and fill in its slot. */
static status load_body(struct loader *l, unsigned pos)
{
    struct page_slot *slot = &l->slots[pos];
    const char       *body = l->raw + l->at;
    size_t            size = PAGE_BODY_HEADER + slot->key_size, payload;
    uint32_t          info;

    if (l->at + size > l->end)
        return status_new(ST_CORRUPT, "entry %u of the block is longer than the block", pos);
    info = get_u32le(body + 8);
    if (!payload_size(l->level, info, &payload))
        return status_new(ST_CORRUPT, "entry %u of the block is of no known kind and size", pos);
    if (l->at + size + payload > l->end)
        return status_new(ST_CORRUPT, "entry %u of the block is longer than the block", pos);
    if ((info & PAGE_ELSEWHERE) != 0 &&
        block_handle_get(body + size).raw_size != (info & PAGE_SIZE_MASK))
        return status_new(ST_CORRUPT, "entry %u of the block has two sizes for its value", pos);
    if (slot->key_size + l->prefix_size > BLOCK_KEY_SIZE_MAX ||
        slot->key_size + l->prefix_size == 0)
        return status_new(ST_CORRUPT, "entry %u of the block has a key of %zu bytes", pos,
                          slot->key_size + l->prefix_size);
    slot->head = page_head(slice_make(body + PAGE_BODY_HEADER, slot->key_size));
    slot->offset = (uint16_t)(l->at + PAGE_LEAD);
    l->at += size + payload;
    return STATUS_OK;
}

/* Whether the entry is behind the one before it; both are loaded. */
static bool is_in_order(const struct page *p, unsigned pos)
{
    if (p->slots[pos - 1].head != p->slots[pos].head)
        return p->slots[pos - 1].head < p->slots[pos].head;
    return lsm_entry_cmp(page_suffix(p, pos - 1), page_ts(p, pos - 1), page_suffix(p, pos),
                         page_ts(p, pos)) < 0;
}

static struct page *block_image(const struct block *b)
{
    return (struct page *)(void *)(b->raw - PAGE_LEAD);
}

/* All entries are sorted, so that the last is of the highest space. */
static bool is_in_a_space(const struct page *p)
{
    slice prefix = page_prefix(p);
    char  space = prefix.size > 0 ? prefix.data[0] : page_suffix(p, p->count - 1u).data[0];

    return (uint8_t)space < LSM_SPACE_END;
}

/* What the first and the last key share, all share. */
static bool is_prefix_longest(const struct page *p)
{
    slice first = page_suffix(p, 0), last = page_suffix(p, p->count - 1u);

    return first.size == 0 || first.data[0] != last.data[0];
}

/* The header of the page takes the place of the block's. */
static void write_page_header(const struct block *b, const struct loader *l)
{
    struct page *p = block_image(b);

    memset(p, 0, offsetof(struct page, slots));
    p->refs = 1;
    p->capacity = (uint16_t)(b->raw_size + PAGE_LEAD);
    p->bottom = (uint16_t)(BLOCK_HEADER_SIZE + l->count * sizeof l->slots[0] + PAGE_LEAD);
    p->count = (uint16_t)l->count;
    p->prefix_size = (uint16_t)l->prefix_size;
    p->level = (uint8_t)l->level;
}

status block_load(struct block *b, unsigned level)
{
    struct loader      l = {.raw = b->raw};
    const struct page *p = block_page(b);

    ASSERT(level <= BLOCK_LEVEL_MAX);
    TRY_RETURN(load_header(&l, b, level));
    make_slots(&l, b);
    write_page_header(b, &l);
    for (unsigned i = 0; i < l.count; i++) {
        TRY_RETURN(load_body(&l, i));
        if (i > 0 && !is_in_order(p, i))
            return status_new(ST_CORRUPT, "entry %u of the block is out of order", i);
    }
    if (l.at != l.end)
        return status_new(ST_CORRUPT, "the block has %zu bytes behind its entries", l.end - l.at);
    if (!is_prefix_longest(p))
        return status_new(ST_CORRUPT, "the keys of the block share more than its prefix");
    if (level == 0 && !is_in_a_space(p))
        return status_new(ST_CORRUPT, "the block has keys of no known space");
    return STATUS_OK;
}

bool block_value(const struct block *b, unsigned pos, slice *value, struct block_handle *elsewhere)
{
    const struct page *p = block_page(b);
    uint32_t           info = page_info(p, pos);

    if (UNLIKELY((info & PAGE_ELSEWHERE) != 0)) {
        *elsewhere = block_handle_get(page_payload(p, pos));
        return true;
    }
    *value = slice_make(page_payload(p, pos), info & PAGE_SIZE_MASK);
    return false;
}

/* ---- cursor -----------------------------------------------------------------------------------
 */

void block_cursor_init(struct block_cursor *c, struct heap *heap)
{
    *c = (struct block_cursor){.block = NULL};
    buf_init(&c->key, heap);
}

void block_cursor_deinit(struct block_cursor *c)
{
    buf_deinit(&c->key);
    c->block = NULL;
    c->valid = false;
}

void block_cursor_set(struct block_cursor *c, const struct block *block)
{
    c->block = block;
    c->valid = false;
    buf_reset(&c->key);
    if (block != NULL)
        buf_append_slice(&c->key, page_prefix(block_page(block)));
}

static ALWAYS_INLINE void show_value(struct block_cursor *c, const struct page *p, uint32_t info,
                                     const char *payload)
{
    c->entry.kind = block_kind(info);
    c->is_elsewhere = (info & PAGE_ELSEWHERE) != 0;
    if (UNLIKELY(c->is_elsewhere)) {
        c->elsewhere = block_handle_get(payload);
        c->entry.value = SLICE_EMPTY;
    } else {
        c->entry.value = slice_make(payload, p->level > 0 ? 0 : info & PAGE_SIZE_MASK);
    }
}

static ALWAYS_INLINE void show(struct block_cursor *c, unsigned pos)
{
    const struct page *p = block_page(c->block);
    const char        *body = page_body(p, pos);
    size_t             prefix_size = p->prefix_size, suffix_size = p->slots[pos].key_size;

    c->key.size = prefix_size;
    if (UNLIKELY(c->key.capacity - prefix_size < suffix_size || c->key.data == NULL))
        buf_reserve(&c->key, MAX(suffix_size, (size_t)1));
    memcpy(c->key.data + prefix_size, body + PAGE_BODY_HEADER, suffix_size);
    c->key.size += suffix_size;
    c->entry.key = buf_slice(&c->key);
    c->entry.ts = get_u64le(body);
    show_value(c, p, get_u32le(body + 8), body + PAGE_BODY_HEADER + suffix_size);
    c->pos = pos;
    c->valid = true;
}

/* `pos` may be the count: not valid. */
static void show_or_end(struct block_cursor *c, unsigned pos)
{
    if (pos < block_count(c->block))
        show(c, pos);
    else
        c->valid = false;
}

void block_cursor_seek(struct block_cursor *c, slice key, hlc_ts ts)
{
    ASSERT(c->block != NULL);
    show_or_end(c, page_lower_bound(block_page(c->block), &(struct page_target){key, ts}));
}

void block_cursor_seek_before(struct block_cursor *c, slice key, hlc_ts ts)
{
    unsigned pos;

    ASSERT(c->block != NULL);
    pos = page_lower_bound(block_page(c->block), &(struct page_target){key, ts});
    if (pos > 0)
        show(c, pos - 1);
    else
        c->valid = false;
}

void block_cursor_first(struct block_cursor *c)
{
    ASSERT(c->block != NULL);
    show(c, 0);
}

void block_cursor_last(struct block_cursor *c)
{
    ASSERT(c->block != NULL);
    show(c, block_count(c->block) - 1);
}

void block_cursor_next(struct block_cursor *c)
{
    ASSERT(c->valid);
    show_or_end(c, c->pos + 1);
}

void block_cursor_prev(struct block_cursor *c)
{
    ASSERT(c->valid);
    if (c->pos > 0)
        show(c, c->pos - 1);
    else
        c->valid = false;
}

/* ---- builder ----------------------------------------------------------------------------------
 */

void block_builder_init(struct block_builder *b, struct heap *heap, unsigned level,
                        size_t size_target)
{
    ASSERT(level <= BLOCK_LEVEL_MAX);
    ASSERT(size_target <= BLOCK_SIZE_TARGET_MAX);
    *b = (struct block_builder){.heap = heap, .level = level, .size_target = size_target};
    buf_init(&b->bytes, heap);
}

void block_builder_deinit(struct block_builder *b)
{
    heap_free(b->items);
    buf_deinit(&b->bytes);
    b->items = NULL;
    b->count = b->capacity = 0;
}

/* How many bytes both begin with, at most `max`. */
static size_t common_size(slice a, slice b, size_t max)
{
    size_t n = MIN(MIN(a.size, b.size), max), same = 0;

    while (same + 8 <= n) {
        uint64_t differ = get_u64le(a.data + same) ^ get_u64le(b.data + same);

        if (differ != 0)
            return same + (size_t)__builtin_ctzll(differ) / 8;
        same += 8;
    }
    while (same < n && a.data[same] == b.data[same])
        same++;
    return same;
}

static slice item_key(const struct block_builder *b, size_t pos)
{
    return slice_make(b->bytes.data + b->items[pos].at, b->items[pos].key_size);
}

/* The prefix once `key` is added. */
static size_t prefix_with(const struct block_builder *b, slice key)
{
    return b->count == 0 ? key.size : common_size(item_key(b, 0), key, b->prefix_size);
}

static size_t image_size(size_t count, size_t body_size, size_t prefix_size)
{
    if (count == 0)
        return BLOCK_HEADER_SIZE;
    return BLOCK_HEADER_SIZE + count * sizeof(struct page_slot) + body_size -
           (count - 1) * prefix_size;
}

size_t block_builder_size(const struct block_builder *b)
{
    return image_size(b->count, b->body_size, b->prefix_size) - b->count * (size_t)SLOT_EXTRA;
}

bool block_builder_fits(const struct block_builder *b, slice key, size_t payload)
{
    size_t size;

    if (b->count == 0)
        return true;
    size = image_size(b->count + 1, b->body_size + PAGE_BODY_HEADER + key.size + payload,
                      prefix_with(b, key));
    return size <= b->size_target || (b->level > 0 && b->count < BLOCK_INDEX_FANOUT_MIN);
}

static void grow_items(struct block_builder *b)
{
    size_t                     capacity = MAX(b->capacity * 2, (size_t)64);
    struct block_builder_item *items = heap_must_alloc(b->heap, capacity, sizeof *items);

    if (b->count > 0)
        memcpy(items, b->items, b->count * sizeof *items);
    heap_free(b->items);
    b->items = items;
    b->capacity = capacity;
}

void block_builder_add(struct block_builder *b, slice key, hlc_ts ts, uint32_t info, slice payload)
{
    size_t prefix_size = prefix_with(b, key);

    ASSERT(key.size > 0 && key.size <= BLOCK_KEY_SIZE_MAX);
    ASSERT(payload.size <= BLOCK_INLINE_MAX);
    DASSERT(block_builder_fits(b, key, payload.size));
    if (b->count == b->capacity)
        grow_items(b);
    b->items[b->count++] = (struct block_builder_item){.ts = ts,
                                                       .at = b->bytes.size,
                                                       .key_size = (uint32_t)key.size,
                                                       .payload_size = (uint32_t)payload.size,
                                                       .info = info};
    buf_append_slice(&b->bytes, key);
    buf_append_slice(&b->bytes, payload);
    b->prefix_size = prefix_size;
    b->body_size += PAGE_BODY_HEADER + key.size + payload.size;
}

slice block_builder_last_key(const struct block_builder *b, hlc_ts *ts)
{
    ASSERT(b->count > 0);
    *ts = b->items[b->count - 1].ts;
    return item_key(b, b->count - 1);
}

/* Write size and body; returns the end of the body. */
static size_t write_item(const struct block_builder *b, size_t pos, char *content, size_t at)
{
    const struct block_builder_item *item = &b->items[pos];
    size_t                           suffix_size = item->key_size - b->prefix_size;
    const char                      *suffix = b->bytes.data + item->at + b->prefix_size;

    put_u16le(content + BLOCK_HEADER_SIZE + pos * SUFFIX_SIZE_SIZE, (uint16_t)suffix_size);
    put_u64le(content + at, item->ts);
    put_u32le(content + at + 8, item->info);
    memcpy(content + at + PAGE_BODY_HEADER, suffix, suffix_size + item->payload_size);
    return at + PAGE_BODY_HEADER + suffix_size + item->payload_size;
}

size_t block_builder_finish(struct block_builder *b, struct buf *out)
{
    size_t size = block_builder_size(b), at;
    char  *content = buf_reserve(out, size);

    ASSERT(b->count > 0);
    ASSERT(image_size(b->count, b->body_size, b->prefix_size) <= BLOCK_SIZE_MAX);
    content[0] = BLOCK_VERSION;
    content[1] = (char)b->level;
    put_u16le(content + 2, (uint16_t)b->count);
    put_u16le(content + 4, (uint16_t)b->prefix_size);
    put_u16le(content + 6, 0);
    at = BLOCK_HEADER_SIZE + b->count * (size_t)SUFFIX_SIZE_SIZE;
    for (size_t i = 0; i < b->count; i++)
        at = write_item(b, i, content, at);
    memcpy(content + at, b->bytes.data, b->prefix_size);
    ASSERT(at + b->prefix_size == size);
    buf_advance(out, size);
    b->count = 0;
    b->body_size = 0;
    buf_reset(&b->bytes);
    return size;
}

void block_separator(struct buf *out, slice a, slice b)
{
    size_t same = common_size(a, b, SIZE_MAX), at = same;

    DASSERT(slice_cmp(a, b) < 0);
    buf_reset(out);
    if (same == a.size) { /* all between a and b begins with a */
        buf_append_slice(out, a);
        return;
    }
    if ((uint8_t)a.data[same] + 1 == (uint8_t)b.data[same]) {
        if (b.size > same + 1) {
            buf_append(out, b.data, same + 1);
            return;
        }
        /* Nothing shorter than b is between: raise a byte of a behind the difference. */
        do
            at++;
        while (at < a.size && (uint8_t)a.data[at] == 0xff);
    }
    buf_append(out, a.data, MIN(at + 1, a.size));
    if (at < a.size)
        out->data[at]++;
}
