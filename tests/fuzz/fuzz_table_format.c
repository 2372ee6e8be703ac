/* What a table has beside its blocks of entries, with any content: footers, properties, clears,
 * filters, and compressed blocks whose checksum holds. What is taken is put back as the same
 * bytes. The first byte chooses. */
#include <xxhash.h>

#include "base/assert.h"
#include "storage/lsm/table_format.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { NUMBER = 7, FILE_SIZE = 1 << 20, OFFSET = 4096 };

static const uint8_t key[CIPHER_KEY_SIZE] = {1, 2, 3};

static void take_footer(slice bytes)
{
    struct table_footer f;
    struct cipher      *c = cipher_new(NULL, key);
    struct buf          again;
    char                end[TABLE_FOOTER_SIZE_MAX], *footer = end + TABLE_SEAL_SIZE;
    status              st;

    if (bytes.size < sizeof end - 8) {
        cipher_free(c);
        return;
    }
    memcpy(end, bytes.data, sizeof end - 8);
    put_u64le(end + sizeof end - 8, XXH3_64bits(footer, TABLE_FOOTER_SIZE - 8));
    st = table_footer_take(slice_make(end, sizeof end), NUMBER, FILE_SIZE, &f);
    if (st_ok(st)) {
        bool is_sealed = f.seal.key_id != 0;

        buf_init(&again, NULL);
        table_footer_put(&again, &f, is_sealed ? c : NULL);
        ASSERT(again.size == table_footer_size(&f));
        ASSERT(memcmp(again.data + again.size - TABLE_FOOTER_SIZE, footer, TABLE_FOOTER_SIZE) == 0);
        ASSERT(!is_sealed || table_footer_open(buf_slice(&again), c));
        ASSERT(f.properties.offset + f.properties.size <= FILE_SIZE - TABLE_FOOTER_SIZE);
        buf_deinit(&again);
    }
    st_clear(st);
    cipher_free(c);
}

/* Varints have several forms, so bytes are compared from the second writing on. */
static void take_properties(slice bytes)
{
    struct table_properties p, copy;
    struct buf              once, twice;
    slice                   rest = bytes;
    status                  st = table_properties_take(&rest, &p);

    if (st_ok(st)) {
        buf_init(&once, NULL);
        buf_init(&twice, NULL);
        table_properties_put(&once, &p);
        ASSERT(once.size <= bytes.size - rest.size);
        rest = buf_slice(&once);
        st = table_properties_take(&rest, &p);
        ASSERT(st_ok(st));
        ASSERT(rest.size == 0);
        table_properties_copy(NULL, &p, &copy);
        table_properties_put(&twice, &copy);
        ASSERT(slice_eq(buf_slice(&once), buf_slice(&twice)));
        table_properties_free(&copy);
        buf_deinit(&once);
        buf_deinit(&twice);
    }
    st_clear(st);
}

static void take_clears(slice bytes)
{
    struct lsm_clear *clears;
    size_t            count;
    status            st = table_clears_take(NULL, bytes, &clears, &count);

    if (st_ok(st)) {
        ASSERT(count > 0);
        for (size_t i = 0; i < count; i++) {
            ASSERT(slice_cmp(clears[i].start, clears[i].end) < 0);
            ASSERT(i == 0 || slice_cmp(clears[i - 1].end, clears[i].start) < 0);
            ASSERT(clears[i].end.data + clears[i].end.size <= bytes.data + bytes.size);
        }
        heap_free(clears);
    }
    st_clear(st);
}

static void ask_filter(slice bytes)
{
    status st = bloom_check(bytes);

    if (st_ok(st))
        for (uint64_t i = 0; i < 64; i++)
            (void)bloom_may_contain(bytes, i * UINT64_C(0x9e3779b97f4a7c15));
    st_clear(st);
}

/* The checksum, as docs/formats.md says it. */
static void put_checksum(struct buf *stored)
{
    char all[24];

    put_u64le(all, XXH3_64bits(stored->data, stored->size));
    put_u64le(all + 8, NUMBER);
    put_u64le(all + 16, OFFSET);
    buf_put_u64le(stored, XXH3_64bits(all, sizeof all));
}

static void open_content(slice content, uint8_t compression, uint16_t raw_size)
{
    struct block_codec *c = block_codec_new(NULL);
    struct table_seal   seal = {.number = NUMBER};
    struct block_handle h = {.offset = OFFSET, .raw_size = raw_size};
    struct block       *b = block_new(NULL, raw_size);
    struct buf          stored;

    ASSERT(b != NULL);
    buf_init(&stored, NULL);
    buf_append_slice(&stored, content);
    buf_put_u8(&stored, compression);
    put_checksum(&stored);
    h.size = (uint32_t)stored.size;
    st_clear(block_open(c, &seal, &h, buf_slice(&stored), b));
    buf_deinit(&stored);
    heap_free(b);
    block_codec_free(c);
}

static void seal_and_open(slice raw, enum block_compression compression, bool is_sealed)
{
    struct block_codec *c = block_codec_new(NULL);
    struct cipher      *cipher = is_sealed ? cipher_new(NULL, key) : NULL;
    struct table_seal   seal = {.number = NUMBER, .cipher = cipher};
    struct block_handle h;
    struct block       *b = block_new(NULL, (uint32_t)raw.size);
    struct buf          stored;
    status              st;

    ASSERT(b != NULL);
    buf_init(&stored, NULL);
    block_seal(c, &seal, compression, OFFSET, raw, (uint32_t)raw.size, &stored, &h);
    st = block_open(c, &seal, &h, buf_slice(&stored), b);
    ASSERT(st_ok(st));
    ASSERT(slice_eq(block_raw(b), raw));
    stored.data[raw.size % stored.size] ^= 8;
    st = block_open(c, &seal, &h, buf_slice(&stored), b);
    ASSERT(status_code(st) == ST_CORRUPT);
    st_clear(st);
    buf_deinit(&stored);
    heap_free(b);
    block_codec_free(c);
    cipher_free(cipher);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    slice bytes;

    if (size < 4 || size > 1 << 17)
        return 0;
    bytes = slice_make(data + 1, size - 1);
    switch (data[0] % 6) {
    case 0:
        take_footer(bytes);
        break;
    case 1:
        take_properties(bytes);
        break;
    case 2:
        take_clears(bytes);
        break;
    case 3:
        ask_filter(bytes);
        break;
    case 4:
        open_content(slice_from(bytes, 3), data[1], get_u16le(bytes.data + 1));
        break;
    default:
        seal_and_open(bytes, data[0] / 6 % 3, data[0] >= 128);
        break;
    }
    return 0;
}
