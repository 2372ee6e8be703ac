/* Blocks of entries with any content: what loads lies within itself, is in order, is found by
 * searching, and is written again as the same bytes. The first byte chooses the level. */
#include "base/assert.h"
#include "storage/lsm/block.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { LEVELS = 4 };

static void check_within(const struct block *b, slice part)
{
    if (part.size == 0)
        return;
    ASSERT(part.data >= b->raw);
    ASSERT(part.data + part.size <= b->raw + b->raw_size);
}

static void add_again(struct block_builder *builder, const struct block *b, unsigned pos, slice key)
{
    const struct page  *p = block_page(b);
    struct block_handle elsewhere;
    size_t              size = block_child_size(p->level);
    slice               value;

    if (p->level == 0)
        size = block_value(b, pos, &value, &elsewhere) ? BLOCK_HANDLE_SIZE : value.size;
    value = slice_make(page_payload(p, pos), size);
    check_within(b, value);
    block_builder_add(builder, key, page_ts(p, pos), page_info(p, pos), value);
}

/* Forward over all, with every entry searched for on the way. */
static void walk_forward(const struct block *b, struct block_builder *builder)
{
    struct block_cursor c, found;
    unsigned            count = 0;

    block_cursor_init(&c, NULL);
    block_cursor_init(&found, NULL);
    block_cursor_set(&c, b);
    block_cursor_set(&found, b);
    for (block_cursor_first(&c); c.valid; block_cursor_next(&c)) {
        ASSERT(c.pos == count);
        count++;
        ASSERT(c.entry.key.size > 0);
        ASSERT(c.entry.key.size <= BLOCK_KEY_SIZE_MAX);
        check_within(b, c.entry.value);
        block_cursor_seek(&found, c.entry.key, c.entry.ts);
        ASSERT(found.valid && found.pos == c.pos);
        ASSERT(page_key_is(block_page(b), c.pos, c.entry.key));
        block_cursor_seek_before(&found, c.entry.key, c.entry.ts);
        ASSERT(found.valid ? found.pos + 1 == c.pos : c.pos == 0);
        ASSERT(!found.valid ||
               lsm_entry_cmp(found.entry.key, found.entry.ts, c.entry.key, c.entry.ts) < 0);
        add_again(builder, b, c.pos, c.entry.key);
    }
    ASSERT(count == block_count(b));
    block_cursor_deinit(&found);
    block_cursor_deinit(&c);
}

static void walk_backward(const struct block *b)
{
    struct block_cursor c;
    unsigned            count = block_count(b);

    block_cursor_init(&c, NULL);
    block_cursor_set(&c, b);
    for (block_cursor_last(&c); c.valid; block_cursor_prev(&c)) {
        count--;
        ASSERT(c.pos == count);
    }
    ASSERT(count == 0);
    block_cursor_deinit(&c);
}

/* Any key is a fine target. */
static void search_any(const struct block *b, slice key)
{
    struct block_cursor c;

    block_cursor_init(&c, NULL);
    block_cursor_set(&c, b);
    block_cursor_seek(&c, key, 7);
    ASSERT(!c.valid || lsm_entry_cmp(c.entry.key, c.entry.ts, key, 7) >= 0);
    block_cursor_seek_before(&c, key, 7);
    ASSERT(!c.valid || lsm_entry_cmp(c.entry.key, c.entry.ts, key, 7) < 0);
    block_cursor_deinit(&c);
}

static void check_loaded(const struct block *b, unsigned level, slice raw)
{
    struct block_builder builder;
    struct buf           again;

    block_builder_init(&builder, NULL, level, BLOCK_SIZE_TARGET_MAX);
    buf_init(&again, NULL);
    walk_forward(b, &builder);
    walk_backward(b);
    search_any(b, slice_from(raw, raw.size / 2));
    search_any(b, SLICE_EMPTY);
    block_builder_finish(&builder, &again);
    ASSERT(slice_eq(buf_slice(&again), raw));
    buf_deinit(&again);
    block_builder_deinit(&builder);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct block *b;
    unsigned      level;
    slice         raw;
    status        st;

    if (size == 0 || size > BLOCK_SIZE_TARGET_MAX)
        return 0;
    level = data[0] % LEVELS;
    raw = slice_make(data + 1, size - 1);
    b = block_new(NULL, raw.size < BLOCK_HEADER_SIZE ? (uint32_t)raw.size : block_image_size(raw));
    ASSERT(b != NULL);
    b->content_size = (uint32_t)raw.size;
    if (raw.size > 0)
        memcpy(b->raw, raw.data, raw.size);
    (void)block_raw_level(raw);
    st = block_load(b, level);
    if (st_ok(st))
        check_loaded(b, level, raw);
    else
        ASSERT(status_code(st) == ST_CORRUPT);
    st_clear(st);
    heap_free(b);
    return 0;
}
