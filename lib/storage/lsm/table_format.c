#include "storage/lsm/table_format.h"

#include <lz4.h>
#include <zstd.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "base/assert.h"

enum {
    /* Level 3 was tried: on blocks of 8 KiB it took 1.7 times as long for the same size. */
    ZSTD_LEVEL = 1,
    LZ4_ACCELERATION = 1,
    COMPRESS_FROM = 64, /* less is not worth a try */
};

static const char footer_magic[8] = "LINTBL\r\n";

/* ---- sealing ---- */

struct block_codec {
    struct heap_foreign foreign; /* closes the contexts of ZSTD */
    struct heap        *heap;
    ZSTD_CCtx          *zstd_out;
    ZSTD_DCtx          *zstd_in;
    void               *lz4;
    struct buf          plain; /* of a block that was encrypted */
};

static void close_contexts(struct heap_foreign *f)
{
    struct block_codec *c = CONTAINER_OF(f, struct block_codec, foreign);

    ZSTD_freeCCtx(c->zstd_out);
    ZSTD_freeDCtx(c->zstd_in);
}

struct block_codec *block_codec_new(struct heap *heap)
{
    struct block_codec *c = heap_must_alloc(heap, 1, sizeof *c);

    c->heap = heap;
    buf_init(&c->plain, heap);
    c->foreign.close = close_contexts;
    heap_attach(heap, &c->foreign);
    return c;
}

void block_codec_free(struct block_codec *c)
{
    if (c == NULL)
        return;
    heap_foreign_close(&c->foreign);
    buf_deinit(&c->plain);
    heap_free(c->lz4);
    heap_free(c);
}

/* The compressed size, at most `size_max`; 0 when it would be more. */
static size_t compress_lz4(struct block_codec *c, slice raw, void *out, size_t size_max)
{
    int size;

    if (c->lz4 == NULL)
        c->lz4 = heap_must_alloc(c->heap, 1, (size_t)LZ4_sizeofState());
    size = LZ4_compress_fast_extState(c->lz4, raw.data, out, (int)raw.size, (int)size_max,
                                      LZ4_ACCELERATION);
    return size > 0 ? (size_t)size : 0;
}

static size_t compress_zstd(struct block_codec *c, slice raw, void *out, size_t size_max)
{
    size_t size;

    /* Without a context the block is stored as it is. */
    if (c->zstd_out == NULL && (c->zstd_out = ZSTD_createCCtx()) == NULL)
        return 0;
    size = ZSTD_compressCCtx(c->zstd_out, out, size_max, raw.data, raw.size, ZSTD_LEVEL);
    return ZSTD_isError(size) ? 0 : size;
}

/* Write the content, compressed if that is worth it; its size. *compression is what was done. */
static size_t write_content(struct block_codec *c, slice raw, char *out,
                            enum block_compression *compression)
{
    size_t size_max = raw.size - raw.size / 8, size = 0;

    if (raw.size < COMPRESS_FROM)
        *compression = COMPRESSION_NONE;
    switch (*compression) {
    case COMPRESSION_LZ4:
        size = compress_lz4(c, raw, out, size_max);
        break;
    case COMPRESSION_ZSTD:
        size = compress_zstd(c, raw, out, size_max);
        break;
    case COMPRESSION_NONE:
        break;
    }
    if (size > 0)
        return size;
    *compression = COMPRESSION_NONE;
    memcpy(out, raw.data, raw.size);
    return raw.size;
}

/* Over the content, the byte that says how it is compressed, which follows it, and its place. */
static uint64_t block_checksum(const struct table_seal *seal, uint64_t offset, const char *stored,
                               size_t content_size)
{
    char all[24];

    put_u64le(all, XXH3_64bits(stored, content_size + 1));
    put_u64le(all + 8, seal->number);
    put_u64le(all + 16, offset);
    return XXH3_64bits(all, sizeof all);
}

static size_t trailer_size(const struct table_seal *seal)
{
    return seal->cipher != NULL ? BLOCK_TRAILER_SIZE_SEALED : BLOCK_TRAILER_SIZE;
}

/* The content and how it is compressed, both. A table is written once and its key is its own, so
 * the place of a block is a nonce that comes once, and a block of another place does not open. */
static void encrypt(const struct table_seal *seal, uint64_t offset, char *stored, size_t size)
{
    char nonce[CIPHER_NONCE_SIZE];

    cipher_nonce(nonce, offset);
    cipher_seal(seal->cipher, nonce, SLICE_EMPTY, stored, size + 1, stored + size + 1);
}

void block_seal(struct block_codec *c, const struct table_seal *seal,
                enum block_compression compression, uint64_t offset, slice content,
                uint32_t raw_size, struct buf *file, struct block_handle *out)
{
    char  *stored = buf_reserve(file, content.size + BLOCK_TRAILER_SIZE_SEALED);
    size_t size;

    ASSERT(content.size > 0 && content.size <= raw_size);
    ASSERT(raw_size <= TABLE_BLOCK_SIZE_MAX);
    size = write_content(c, content, stored, &compression);
    stored[size] = (char)compression;
    if (seal->cipher != NULL)
        encrypt(seal, offset, stored, size);
    else
        put_u64le(stored + size + 1, block_checksum(seal, offset, stored, size));
    buf_advance(file, size + trailer_size(seal));
    *out = (struct block_handle){
        .offset = offset, .size = (uint32_t)(size + trailer_size(seal)), .raw_size = raw_size};
}

/* The size that came out; SIZE_MAX when the content is not of that compression or longer. */
static size_t decompress_zstd(struct block_codec *c, slice content, void *raw, uint32_t raw_size)
{
    size_t size = ZSTD_decompressDCtx(c->zstd_in, raw, raw_size, content.data, content.size);

    return ZSTD_isError(size) ? SIZE_MAX : size;
}

static size_t decompress_lz4(slice content, void *raw, uint32_t raw_size)
{
    int size = LZ4_decompress_safe(content.data, raw, (int)content.size, (int)raw_size);

    return size < 0 ? SIZE_MAX : (size_t)size;
}

static status open_content(struct block_codec *c, uint8_t compression, slice content,
                           struct block *b)
{
    size_t size;

    switch (compression) {
    case COMPRESSION_NONE:
        size = content.size;
        if (size <= b->raw_size)
            memcpy(b->raw, content.data, size);
        break;
    case COMPRESSION_LZ4:
        size = decompress_lz4(content, b->raw, b->raw_size);
        break;
    case COMPRESSION_ZSTD:
        if (c->zstd_in == NULL && (c->zstd_in = ZSTD_createDCtx()) == NULL)
            return STATUS_OOM;
        size = decompress_zstd(c, content, b->raw, b->raw_size);
        break;
    default:
        return status_new(ST_CORRUPT, "the block is compressed in an unknown way (%u)",
                          compression);
    }
    if (size > b->raw_size)
        return status_new(ST_CORRUPT, "the block is longer than the %u bytes it must have",
                          b->raw_size);
    b->content_size = (uint32_t)size;
    return STATUS_OK;
}

status block_check_whole(const struct block *b)
{
    return b->content_size == b->raw_size
               ? STATUS_OK
               : status_new(ST_CORRUPT, "the block has not the %u bytes it must have", b->raw_size);
}

/* The content with the byte behind it that says how it is compressed. */
static status decrypt(struct block_codec *c, const struct table_seal *seal, uint64_t offset,
                      slice stored, slice *out)
{
    size_t size = stored.size - CIPHER_TAG_SIZE;
    char   nonce[CIPHER_NONCE_SIZE];

    buf_reset(&c->plain);
    cipher_nonce(nonce, offset);
    if (!cipher_open(seal->cipher, nonce, SLICE_EMPTY, slice_make(stored.data, size),
                     stored.data + size, buf_reserve(&c->plain, size)))
        return status_new(ST_CORRUPT, "the block is damaged or was changed");
    buf_advance(&c->plain, size);
    *out = buf_slice(&c->plain);
    return STATUS_OK;
}

static status check(const struct table_seal *seal, uint64_t offset, slice stored, slice *out)
{
    size_t size = stored.size - BLOCK_TRAILER_SIZE;

    *out = slice_make(stored.data, size + 1);
    return get_u64le(stored.data + size + 1) == block_checksum(seal, offset, stored.data, size)
               ? STATUS_OK
               : status_new(ST_CORRUPT, "checksum mismatch");
}

status block_open(struct block_codec *c, const struct table_seal *seal,
                  const struct block_handle *h, slice stored, struct block *b)
{
    size_t size_min = trailer_size(seal);
    slice  all = SLICE_EMPTY;

    if (stored.size != h->size || stored.size <= size_min ||
        stored.size > TABLE_BLOCK_SIZE_MAX + size_min || b->raw_size != h->raw_size)
        return status_new(ST_CORRUPT, "the block cannot have %zu bytes in the file", stored.size);
    if (seal->cipher != NULL)
        TRY_RETURN(decrypt(c, seal, h->offset, stored, &all));
    else
        TRY_RETURN(check(seal, h->offset, stored, &all));
    return open_content(c, (uint8_t)all.data[all.size - 1], slice_make(all.data, all.size - 1), b);
}

status block_handle_check(const struct block_handle *h, uint64_t file_size, uint32_t raw_size_max)
{
    if (h->size <= BLOCK_TRAILER_SIZE || file_size < TABLE_FOOTER_SIZE ||
        h->offset > file_size - TABLE_FOOTER_SIZE ||
        h->size > file_size - TABLE_FOOTER_SIZE - h->offset)
        return status_new(ST_CORRUPT, "a block of %u bytes at %llu is not within the table",
                          h->size, (unsigned long long)h->offset);
    if (h->raw_size == 0 || h->raw_size > raw_size_max)
        return status_new(ST_CORRUPT, "the block at %llu cannot have %u bytes",
                          (unsigned long long)h->offset, h->raw_size);
    return STATUS_OK;
}

/* ---- footer ---- */

enum { FOOTER_CHECKSUM_AT = TABLE_FOOTER_SIZE - 8, FOOTER_ZEROS_AT = 72 };

size_t table_footer_size(const struct table_footer *f)
{
    return f->seal.key_id != 0 ? TABLE_FOOTER_SIZE_MAX : TABLE_FOOTER_SIZE;
}

status table_cipher(const struct keyring *k, struct heap *heap, uint64_t number,
                    const struct file_seal *seal, struct cipher **out)
{
    char bound[16];

    memcpy(bound, footer_magic, sizeof footer_magic);
    put_u64le(bound + 8, number);
    return keyring_cipher(k, heap, seal, slice_make(bound, sizeof bound), out);
}

static void put_footer(struct buf *b, const struct table_footer *f)
{
    size_t at = b->size;

    buf_append(b, footer_magic, sizeof footer_magic);
    buf_put_u32le(b, f->seal.key_id != 0 ? TABLE_VERSION_SEALED : TABLE_VERSION);
    buf_put_u32le(b, f->index_level);
    buf_put_u64le(b, f->number);
    block_handle_put(b, &f->index);
    block_handle_put(b, &f->clears);
    block_handle_put(b, &f->properties);
    buf_put_u64le(b, 0);
    buf_put_u64le(b, 0);
    buf_put_u64le(b, XXH3_64bits(b->data + at, FOOTER_CHECKSUM_AT));
    ASSERT(b->size - at == TABLE_FOOTER_SIZE);
}

/* No block begins there. */
static void footer_nonce(char nonce[CIPHER_NONCE_SIZE])
{
    cipher_nonce(nonce, UINT64_MAX);
}

/* | seal | tag of the footer | footer | */
void table_footer_put(struct buf *b, const struct table_footer *f, const struct cipher *cipher)
{
    char       nonce[CIPHER_NONCE_SIZE], tag[CIPHER_TAG_SIZE], none;
    struct buf footer;

    ASSERT((cipher != NULL) == (f->seal.key_id != 0));
    buf_init(&footer, b->heap);
    put_footer(&footer, f);
    if (cipher != NULL) {
        file_seal_put(b, &f->seal);
        footer_nonce(nonce);
        cipher_seal(cipher, nonce, buf_slice(&footer), &none, 0, tag);
        buf_append(b, tag, sizeof tag);
    }
    buf_append_slice(b, buf_slice(&footer));
    buf_deinit(&footer);
}

bool table_footer_open(slice bytes, const struct cipher *cipher)
{
    char        nonce[CIPHER_NONCE_SIZE], none;
    const char *footer = bytes.data + bytes.size - TABLE_FOOTER_SIZE;

    ASSERT(bytes.size == TABLE_FOOTER_SIZE_MAX);
    footer_nonce(nonce);
    return cipher_open(cipher, nonce, slice_make(footer, TABLE_FOOTER_SIZE), SLICE_EMPTY,
                       footer - CIPHER_TAG_SIZE, &none);
}

static bool handle_is_zero(const struct block_handle *h)
{
    return h->offset == 0 && h->size == 0 && h->raw_size == 0;
}

static status check_footer(const struct table_footer *f, uint64_t file_size)
{
    if (f->index_level == 1 || f->index_level > BLOCK_LEVEL_MAX)
        return status_new(ST_CORRUPT, "the index cannot have %u levels", f->index_level);
    if (f->index_level == 0 && (!handle_is_zero(&f->index) || handle_is_zero(&f->clears)))
        return status_new(ST_CORRUPT, "the table has neither entries nor clears");
    if (f->index_level > 0)
        TRY_RETURN(block_handle_check(&f->index, file_size, BLOCK_SIZE_MAX));
    if (!handle_is_zero(&f->clears))
        TRY_RETURN(block_handle_check(&f->clears, file_size, TABLE_BLOCK_SIZE_MAX));
    return block_handle_check(&f->properties, file_size, TABLE_PROPERTIES_SIZE_MAX);
}

/* The bytes before the footer. */
static status take_seal(slice bytes, struct file_seal *seal)
{
    if (bytes.size < TABLE_FOOTER_SIZE_MAX)
        return status_new(ST_CORRUPT, "the file is too short for an encrypted table");
    *seal = file_seal_get(bytes.data + bytes.size - TABLE_FOOTER_SIZE_MAX);
    return seal->key_id != 0 ? STATUS_OK
                             : status_new(ST_CORRUPT, "an encrypted table names no key");
}

status table_footer_take(slice bytes, uint64_t number, uint64_t file_size, struct table_footer *out)
{
    const char *p;

    if (bytes.size < TABLE_FOOTER_SIZE || file_size < bytes.size)
        return status_new(ST_CORRUPT, "the file does not end like a table");
    p = bytes.data + bytes.size - TABLE_FOOTER_SIZE;
    if (memcmp(p, footer_magic, sizeof footer_magic) != 0)
        return status_new(ST_CORRUPT, "the file does not end like a table");
    if (get_u64le(p + FOOTER_CHECKSUM_AT) != XXH3_64bits(p, FOOTER_CHECKSUM_AT))
        return status_new(ST_CORRUPT, "checksum mismatch in the footer");
    if (get_u32le(p + 8) == 0 || get_u32le(p + 8) > TABLE_VERSION_SEALED)
        return status_new(ST_FEATURE_NOT_SUPPORTED,
                          "the table is of version %u, this program knows version %d",
                          get_u32le(p + 8), TABLE_VERSION_SEALED);
    *out = (struct table_footer){.index_level = get_u32le(p + 12),
                                 .number = get_u64le(p + 16),
                                 .index = block_handle_get(p + 24),
                                 .clears = block_handle_get(p + 40),
                                 .properties = block_handle_get(p + 56)};
    if (out->number != number)
        return status_new(ST_CORRUPT, "the file is table %llu, not %llu",
                          (unsigned long long)out->number, (unsigned long long)number);
    if (get_u32le(p + 8) == TABLE_VERSION_SEALED)
        TRY_RETURN(take_seal(bytes, &out->seal));
    if (get_u64le(p + FOOTER_ZEROS_AT) != 0 || get_u64le(p + FOOTER_ZEROS_AT + 8) != 0)
        return status_new(ST_CORRUPT, "the footer has bytes of no meaning");
    return check_footer(out, file_size);
}

/* ---- properties ---- */

/* The counts, in the order in which they stand in the file. */
#define PROPERTY_COUNTS(X)                                                                         \
    X(entries)                                                                                     \
    X(keys)                                                                                        \
    X(tombstones)                                                                                  \
    X(cleared)                                                                                     \
    X(clears)                                                                                      \
    X(raw_key_size)                                                                                \
    X(raw_value_size)                                                                              \
    X(data_size)                                                                                   \
    X(data_blocks)                                                                                 \
    X(value_blocks)                                                                                \
    X(created_us)

void table_properties_put(struct buf *b, const struct table_properties *p)
{
    buf_put_sized(b, p->least_key);
    buf_put_u64le(b, p->least_ts);
    buf_put_sized(b, p->greatest_key);
    buf_put_u64le(b, p->greatest_ts);
    buf_put_u64le(b, p->ts_min);
    buf_put_u64le(b, p->ts_max);
#define PUT(name) buf_put_varint(b, p->name);
    PROPERTY_COUNTS(PUT)
#undef PUT
}

static bool take_u64le(slice *bytes, uint64_t *out)
{
    slice part;

    if (!take_bytes(bytes, 8, &part))
        return false;
    *out = get_u64le(part.data);
    return true;
}

static bool take_all(slice *bytes, struct table_properties *p)
{
    bool ok = take_sized(bytes, &p->least_key) && take_u64le(bytes, &p->least_ts) &&
              take_sized(bytes, &p->greatest_key) && take_u64le(bytes, &p->greatest_ts) &&
              take_u64le(bytes, &p->ts_min) && take_u64le(bytes, &p->ts_max);

#define TAKE(name) ok = ok && take_varint(bytes, &p->name);
    PROPERTY_COUNTS(TAKE)
#undef TAKE
    return ok;
}

status table_properties_take(slice *bytes, struct table_properties *out)
{
    *out = (struct table_properties){.entries = 0};
    if (!take_all(bytes, out))
        return status_new(ST_CORRUPT, "the properties of the table are cut off");
    if (out->least_key.size == 0 || out->least_key.size > TABLE_BOUND_SIZE_MAX ||
        out->greatest_key.size == 0 || out->greatest_key.size > TABLE_BOUND_SIZE_MAX ||
        lsm_entry_cmp(out->least_key, out->least_ts, out->greatest_key, out->greatest_ts) > 0)
        return status_new(ST_CORRUPT, "the bounds of the table are not in order");
    if (out->ts_min > out->ts_max || out->keys > out->entries || out->tombstones > out->entries ||
        out->cleared > out->entries - out->tombstones || (out->entries == 0 && out->clears == 0))
        return status_new(ST_CORRUPT, "the properties of the table contradict each other");
    return STATUS_OK;
}

void table_properties_copy(struct heap *heap, const struct table_properties *p,
                           struct table_properties *out)
{
    char *keys = heap_must_alloc(heap, 1, p->least_key.size + p->greatest_key.size);
    char *greatest = keys + p->least_key.size;

    memcpy(keys, p->least_key.data, p->least_key.size);
    memcpy(greatest, p->greatest_key.data, p->greatest_key.size);
    *out = *p;
    out->least_key = slice_make(keys, p->least_key.size);
    out->greatest_key = slice_make(greatest, p->greatest_key.size);
}

void table_properties_free(struct table_properties *p)
{
    /* table_properties_copy() made the block, and gave it away as a slice only. */
    heap_free((void *)(uintptr_t)p->least_key.data);
    p->least_key = p->greatest_key = SLICE_EMPTY;
}

/* ---- clears ---- */

void table_clear_put(struct buf *b, const struct lsm_clear *clear)
{
    buf_put_sized(b, clear->start);
    buf_put_sized(b, clear->end);
}

static bool take_clear(slice *bytes, struct lsm_clear *out)
{
    return take_sized(bytes, &out->start) && take_sized(bytes, &out->end);
}

/* Check all, and count them. */
static status check_clears(slice raw, size_t *count)
{
    struct lsm_clear clear, before = {.end = SLICE_EMPTY};

    for (*count = 0; raw.size > 0; ++*count, before = clear) {
        if (!take_clear(&raw, &clear))
            return status_new(ST_CORRUPT, "clear %zu of the table is cut off", *count);
        if (clear.start.size == 0 || clear.start.size > TABLE_BOUND_SIZE_MAX ||
            clear.end.size > TABLE_BOUND_SIZE_MAX || slice_cmp(clear.start, clear.end) >= 0)
            return status_new(ST_CORRUPT, "clear %zu of the table has no valid bounds", *count);
        if (slice_cmp(before.end, clear.start) >= 0)
            return status_new(ST_CORRUPT, "clear %zu of the table is out of order", *count);
    }
    return *count > 0 ? STATUS_OK : status_new(ST_CORRUPT, "the block of clears is empty");
}

status table_clears_take(struct heap *heap, slice raw, struct lsm_clear **out, size_t *count)
{
    struct lsm_clear *clears;

    TRY_RETURN(check_clears(raw, count));
    clears = heap_alloc(heap, *count * sizeof *clears);
    if (clears == NULL)
        return STATUS_OOM;
    for (size_t i = 0; i < *count; i++)
        (void)take_clear(&raw, &clears[i]);
    *out = clears;
    return STATUS_OK;
}
