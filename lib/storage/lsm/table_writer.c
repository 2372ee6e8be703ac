#include "storage/lsm/table_writer.h"

enum {
    BLOCK_SIZE_LEAST = 1024,
    PROPERTIES_SIZE_USUAL = 256,
};

/* A finished index block of level 1, waiting for the end of the table: its content is in
 * `partitions`, its filter's in `filters`, its last separator in `separators`, in order. */
struct partition {
    hlc_ts   ts; /* of the separator */
    uint32_t separator_size;
    uint32_t index_size;
    uint32_t filter_size;
};

struct table_writer {
    struct table_options    options;
    struct table_seal       seal;
    struct block_codec     *codec;
    struct buf              out;
    uint64_t                offset; /* in the file, of what comes next */
    struct block_builder    data;
    struct block_builder    index[BLOCK_LEVEL_MAX + 1]; /* by level, from 1; begun when used */
    unsigned                level_max;                  /* highest begun */
    struct buf              raw;                        /* content of the block being sealed */
    struct buf              key, child;
    struct buf              first_key, last_key; /* of all entries */
    hlc_ts                  first_ts, last_ts;
    uint64_t               *hashes; /* of keys; those of finished data blocks first */
    size_t                  hashes_count, hashes_capacity;
    size_t                  hashes_finished; /* ... which are the partition's */
    struct buf              partitions, filters, separators;
    struct partition       *parts;
    size_t                  parts_count, parts_capacity;
    struct buf              clears;
    struct buf              first_start, last_end; /* of the clears */
    struct table_properties properties;
    bool                    finished;
};

static void begin_index_level(struct table_writer *w, unsigned level)
{
    ASSERT(level <= BLOCK_LEVEL_MAX);
    block_builder_init(&w->index[level], NULL, level, w->options.block_size);
    w->level_max = level;
}

/* All buffers of a writer, for those who begin and end them. */
#define WRITER_BUFS(X)                                                                             \
    X(out)                                                                                         \
    X(raw)                                                                                         \
    X(key)                                                                                         \
    X(child)                                                                                       \
    X(first_key)                                                                                   \
    X(last_key)                                                                                    \
    X(partitions)                                                                                  \
    X(filters)                                                                                     \
    X(separators)                                                                                  \
    X(clears)                                                                                      \
    X(first_start)                                                                                 \
    X(last_end)

struct table_writer *table_writer_new(const struct table_options *options)
{
    struct table_writer *w = heap_must_alloc(NULL, 1, sizeof *w);

    w->options = *options;
    if (w->options.block_size == 0)
        w->options.block_size = BLOCK_SIZE_USUAL;
    if (w->options.bits_per_key == 0)
        w->options.bits_per_key = BLOOM_BITS_USUAL;
    ASSERT(w->options.block_size >= BLOCK_SIZE_LEAST);
    ASSERT(w->options.block_size <= BLOCK_SIZE_TARGET_MAX);
    ASSERT(w->options.bits_per_key <= BLOOM_BITS_MAX);
    w->seal = (struct table_seal){.number = options->number, .cipher = options->cipher};
    w->codec = block_codec_new(NULL);
    w->properties =
        (struct table_properties){.ts_min = UINT64_MAX, .created_us = options->created_us};
#define INIT(name) buf_init(&w->name, NULL);
    WRITER_BUFS(INIT)
#undef INIT
    block_builder_init(&w->data, NULL, 0, w->options.block_size);
    begin_index_level(w, 1);
    return w;
}

void table_writer_free(struct table_writer *w)
{
    if (w == NULL)
        return;
    for (unsigned level = 1; level <= w->level_max; level++)
        block_builder_deinit(&w->index[level]);
    block_builder_deinit(&w->data);
#define DEINIT(name) buf_deinit(&w->name);
    WRITER_BUFS(DEINIT)
#undef DEINIT
    heap_free(w->hashes);
    heap_free(w->parts);
    block_codec_free(w->codec);
    heap_free(w);
}

/* An array with room for one more, in the place of the old one. */
static void *grow(void *old, size_t count, size_t *capacity, size_t size)
{
    void *new;

    if (LIKELY(count < *capacity))
        return old;
    *capacity = MAX(*capacity * 2, (size_t)64);
    new = heap_must_alloc(NULL, *capacity, size);
    if (count > 0)
        memcpy(new, old, count * size);
    heap_free(old);
    return new;
}

/* Every block of the table passes here. */
static void seal_as(struct table_writer *w, slice content, uint32_t raw_size,
                    struct block_handle *out)
{
    block_seal(w->codec, &w->seal, w->options.compression, w->offset, content, raw_size, &w->out,
               out);
    w->offset += out->size;
}

static void seal(struct table_writer *w, slice content, struct block_handle *out)
{
    seal_as(w, content, (uint32_t)content.size, out);
}

/* A data or index block. */
static void seal_entries(struct table_writer *w, slice content, struct block_handle *out)
{
    seal_as(w, content, block_image_size(content), out);
}

/* ---- data blocks and partitions ---- */

/* End the partition before the data block that was finished last. */
static void finish_partition(struct table_writer *w)
{
    struct partition *p;
    size_t            left = w->hashes_count - w->hashes_finished;
    slice             separator;

    w->parts = grow(w->parts, w->parts_count, &w->parts_capacity, sizeof *w->parts);
    p = &w->parts[w->parts_count++];
    separator = block_builder_last_key(&w->index[1], &p->ts);
    p->separator_size = (uint32_t)separator.size;
    buf_append_slice(&w->separators, separator);
    p->index_size = (uint32_t)block_builder_finish(&w->index[1], &w->partitions);
    p->filter_size =
        (uint32_t)bloom_build(&w->filters, w->hashes, w->hashes_finished, w->options.bits_per_key);
    memmove(w->hashes, w->hashes + w->hashes_finished, left * sizeof *w->hashes);
    w->hashes_count = left;
    w->hashes_finished = 0;
}

/* Put the separator between the data block and `next` into w->key; its timestamp. Without `next`,
 * and between versions of one key, it is the last entry itself. */
static hlc_ts separate(struct table_writer *w, const slice *next)
{
    if (next == NULL || slice_eq(buf_slice(&w->last_key), *next)) {
        buf_set(&w->key, buf_slice(&w->last_key));
        return w->last_ts;
    }
    block_separator(&w->key, buf_slice(&w->last_key), *next);
    return 0;
}

/* Write the data block, which ends with the entry added last, and put it into the index. `next`:
 * the key of the entry behind it, NULL at the end. */
static void finish_data_block(struct table_writer *w, const slice *next)
{
    struct block_child child = {.filter = {.offset = 0}};
    hlc_ts             ts = separate(w, next);

    buf_reset(&w->raw);
    block_builder_finish(&w->data, &w->raw);
    seal_entries(w, buf_slice(&w->raw), &child.block);
    w->properties.data_blocks++;
    buf_reset(&w->child);
    block_child_put(&w->child, 1, &child);
    if (!block_builder_fits(&w->index[1], buf_slice(&w->key), w->child.size) ||
        w->hashes_finished >= bloom_keys_max(w->options.bits_per_key))
        finish_partition(w);
    block_builder_add(&w->index[1], buf_slice(&w->key), ts, (uint32_t)w->child.size,
                      buf_slice(&w->child));
    w->hashes_finished = w->hashes_count;
}

static uint32_t info_of(const struct lsm_entry *e)
{
    switch (e->kind) {
    case LSM_TOMBSTONE:
        return PAGE_TOMBSTONE;
    case LSM_CLEARED:
        return PAGE_CLEARED;
    case LSM_VALUE:
        break;
    }
    return (uint32_t)e->value.size | (e->value.size > BLOCK_INLINE_MAX ? PAGE_ELSEWHERE : 0);
}

/* Write a large value; its handle, which is what the entry holds, is left in w->child. */
static slice write_value(struct table_writer *w, slice value)
{
    struct block_handle h;

    seal(w, value, &h);
    w->properties.value_blocks++;
    buf_reset(&w->child);
    block_handle_put(&w->child, &h);
    return buf_slice(&w->child);
}

static void count_entry(struct table_properties *p, const struct lsm_entry *e)
{
    p->entries++;
    p->tombstones += e->kind == LSM_TOMBSTONE;
    p->cleared += e->kind == LSM_CLEARED;
    p->raw_key_size += e->key.size;
    p->raw_value_size += e->value.size;
    if (e->key.data[0] == LSM_SPACE_META)
        return; /* which have no time */
    p->ts_min = MIN(p->ts_min, e->ts);
    p->ts_max = MAX(p->ts_max, e->ts);
}

static void check_entry(const struct table_writer *w, const struct lsm_entry *e)
{
    ASSERT(!w->finished);
    ASSERT(e->key.size > 0 && e->key.size <= BLOCK_KEY_SIZE_MAX);
    ASSERT((uint8_t)e->key.data[0] < LSM_SPACE_END);
    ASSERT(e->value.size <= BLOCK_VALUE_SIZE_MAX);
    ASSERT(e->kind == LSM_VALUE || e->value.size == 0);
}

/* The filter gets each key once for every data block that has it, as the block's partition is not
 * known before its end. */
static void note_key(struct table_writer *w, const struct lsm_entry *e, bool is_new)
{
    if (!is_new && w->data.count > 0)
        return;
    w->hashes = grow(w->hashes, w->hashes_count, &w->hashes_capacity, sizeof *w->hashes);
    w->hashes[w->hashes_count++] = bloom_hash(e->key);
}

void table_writer_add(struct table_writer *w, const struct lsm_entry *e)
{
    uint32_t info = info_of(e);
    bool     is_large = (info & PAGE_ELSEWHERE) != 0, is_new = true;
    size_t   payload_size = is_large ? BLOCK_HANDLE_SIZE : e->value.size;

    check_entry(w, e);
    if (w->properties.entries > 0) {
        int c = slice_cmp(buf_slice(&w->last_key), e->key);

        ASSERT(c < 0 || (c == 0 && w->last_ts > e->ts));
        is_new = c != 0;
    } else {
        buf_set(&w->first_key, e->key);
        w->first_ts = e->ts;
    }
    if (!block_builder_fits(&w->data, e->key, payload_size))
        finish_data_block(w, &e->key);
    note_key(w, e, is_new);
    block_builder_add(&w->data, e->key, e->ts, info,
                      is_large ? write_value(w, e->value) : e->value);
    if (is_new)
        buf_set(&w->last_key, e->key);
    w->last_ts = e->ts;
    w->properties.keys += is_new;
    count_entry(&w->properties, e);
}

void table_writer_add_clear(struct table_writer *w, const struct lsm_clear *clear)
{
    ASSERT(!w->finished);
    ASSERT(clear->start.size > 0 && clear->start.size <= TABLE_BOUND_SIZE_MAX);
    ASSERT(clear->end.size <= TABLE_BOUND_SIZE_MAX);
    ASSERT(slice_cmp(clear->start, clear->end) < 0);
    if (w->clears.size == 0)
        buf_set(&w->first_start, clear->start);
    else
        ASSERT(slice_cmp(buf_slice(&w->last_end), clear->start) < 0);
    buf_set(&w->last_end, clear->end);
    table_clear_put(&w->clears, clear);
    w->properties.clears++;
}

bool table_writer_is_empty(const struct table_writer *w)
{
    return w->properties.entries == 0 && w->clears.size == 0;
}

uint64_t table_writer_size(const struct table_writer *w)
{
    if (w->finished)
        return w->offset;
    return w->offset + block_builder_size(&w->data) + w->partitions.size + w->filters.size +
           block_builder_size(&w->index[1]) + w->hashes_count * w->options.bits_per_key / 8 +
           w->clears.size + PROPERTIES_SIZE_USUAL + TABLE_FOOTER_SIZE_MAX;
}

struct buf *table_writer_output(struct table_writer *w)
{
    return &w->out;
}

/* ---- the end of the table ---- */

static void index_add(struct table_writer *w, unsigned level, slice key, hlc_ts ts,
                      const struct block_child *child);

/* Write the index block being built on `level`. */
static void seal_index(struct table_writer *w, unsigned level, struct block_handle *out)
{
    buf_reset(&w->raw);
    block_builder_finish(&w->index[level], &w->raw);
    seal_entries(w, buf_slice(&w->raw), out);
}

/* Write the full index block of `level` and put it into the level above. */
static void finish_index(struct table_writer *w, unsigned level)
{
    struct block_child child = {.filter = {.offset = 0}};
    struct buf         key;
    hlc_ts             ts;

    buf_init(&key, NULL);
    buf_append_slice(&key, block_builder_last_key(&w->index[level], &ts));
    seal_index(w, level, &child.block);
    index_add(w, level + 1, buf_slice(&key), ts, &child);
    buf_deinit(&key);
}

/* Recursion ends at BLOCK_LEVEL_MAX: each block below has at least BLOCK_INDEX_FANOUT_MIN entries.
 */
static void index_add(struct table_writer *w, unsigned level, slice key, hlc_ts ts,
                      const struct block_child *child)
{
    if (level > w->level_max)
        begin_index_level(w, level);
    if (!block_builder_fits(&w->index[level], key, block_child_size(level)))
        finish_index(w, level);
    buf_reset(&w->child);
    block_child_put(&w->child, level, child);
    block_builder_add(&w->index[level], key, ts, (uint32_t)w->child.size, buf_slice(&w->child));
}

/* Take the next `size` bytes that wait in `b`, of which *at were taken. */
static slice take_part(const struct buf *b, size_t *at, uint32_t size)
{
    slice part = slice_make(b->data + *at, size);

    *at += size;
    ASSERT(*at <= b->size);
    return part;
}

/* Filters first, together; then partitions, with the levels above as they fill. */
static void write_partitions(struct table_writer *w)
{
    struct block_handle *filters = heap_must_alloc(NULL, w->parts_count, sizeof *filters);
    size_t               filter_at = 0, index_at = 0, separator_at = 0;

    for (size_t i = 0; i < w->parts_count; i++)
        seal(w, take_part(&w->filters, &filter_at, w->parts[i].filter_size), &filters[i]);
    for (size_t i = 0; i < w->parts_count; i++) {
        const struct partition *p = &w->parts[i];
        struct block_child      child = {.filter = filters[i]};

        seal_entries(w, take_part(&w->partitions, &index_at, p->index_size), &child.block);
        index_add(w, 2, take_part(&w->separators, &separator_at, p->separator_size), p->ts, &child);
    }
    heap_free(filters);
}

/* Write all that is indexed; the root goes into the footer. */
static void write_index(struct table_writer *w, struct table_footer *footer)
{
    unsigned level = 2;

    finish_data_block(w, NULL);
    w->properties.data_size = w->offset;
    finish_partition(w);
    write_partitions(w);
    while (level < w->level_max) /* which grows when a level has more than one block */
        finish_index(w, level++);
    seal_index(w, level, &footer->index);
    footer->index_level = level;
}

static void set_bounds(struct table_writer *w)
{
    struct table_properties *p = &w->properties;
    slice                    start = buf_slice(&w->first_start), end = buf_slice(&w->last_end);

    p->least_key = buf_slice(&w->first_key);
    p->least_ts = w->first_ts;
    p->greatest_key = buf_slice(&w->last_key);
    p->greatest_ts = w->last_ts;
    if (p->clears == 0)
        return;
    if (p->entries == 0 || lsm_entry_cmp(start, UINT64_MAX, p->least_key, p->least_ts) < 0) {
        p->least_key = start;
        p->least_ts = UINT64_MAX;
    }
    if (p->entries == 0 || lsm_entry_cmp(end, UINT64_MAX, p->greatest_key, p->greatest_ts) > 0) {
        p->greatest_key = end;
        p->greatest_ts = UINT64_MAX;
    }
}

static void write_properties(struct table_writer *w, struct block_handle *out)
{
    w->properties.ts_min = MIN(w->properties.ts_min, w->properties.ts_max); /* without any: 0 */
    set_bounds(w);
    buf_reset(&w->raw);
    table_properties_put(&w->raw, &w->properties);
    seal(w, buf_slice(&w->raw), out);
}

void table_writer_finish(struct table_writer *w, struct table_properties *out)
{
    struct table_footer footer = {.number = w->options.number, .seal = w->options.key};

    ASSERT(!w->finished);
    ASSERT(!table_writer_is_empty(w));
    if (w->properties.entries > 0)
        write_index(w, &footer);
    if (w->properties.clears > 0)
        seal(w, buf_slice(&w->clears), &footer.clears);
    write_properties(w, &footer.properties);
    table_footer_put(&w->out, &footer, w->options.cipher);
    w->offset += table_footer_size(&footer);
    w->properties.file_size = w->offset;
    w->finished = true;
    *out = w->properties;
}
