/* Maps, sort, random numbers, checksums, UTF-8, sizes and durations. */
#include "base/crc32c.h"
#include "base/format.h"
#include "base/hmap.h"
#include "base/prng.h"
#include "base/sort.h"
#include "base/utf8.h"
#include "tests/common/test.h"

static void map_against_array(void **state)
{
    enum { KEYS = 500 };
    struct prng p;
    struct hmap h;
    struct umap u;
    void       *model[KEYS] = {0};
    size_t      count = 0;

    (void)state;
    prng_init(&p, test_seed(1));
    hmap_init(&h, NULL);
    umap_init(&u, NULL);
    for (int i = 0; i < 50000; i++) {
        uint64_t n = prng_below(&p, KEYS);
        void    *value = (void *)(uintptr_t)(prng_next(&p) | 1), *old = model[n];
        slice    key = slice_make(&n, n % 3 == 0 ? 8 : 2);

        if (prng_below(&p, 2) == 0) {
            assert_ptr_equal(hmap_put(&h, key, value), old);
            assert_ptr_equal(umap_put(&u, n, value), old);
            count += old == NULL;
            model[n] = value;
        } else {
            assert_ptr_equal(hmap_remove(&h, key), old);
            assert_ptr_equal(umap_remove(&u, n), old);
            count -= old != NULL;
            model[n] = NULL;
        }
        assert_ptr_equal(hmap_get(&h, key), model[n]);
        assert_int_equal(hmap_count(&h), count);
        assert_int_equal(umap_count(&u), count);
    }
    hmap_deinit(&h);
    umap_deinit(&u);
}

static void order_of_insertion(void **state)
{
    struct hmap h;
    size_t      pos = 0;
    slice       key;
    void       *value;
    char        text[8];
    int         expected = 0;

    (void)state;
    hmap_init(&h, NULL);
    for (int i = 0; i < 1000; i++) {
        snprintf(text, sizeof text, "k%d", i);
        hmap_put(&h, slice_cstr(text), (void *)(uintptr_t)(i + 1));
    }
    for (int i = 0; i < 1000; i += 2) {
        snprintf(text, sizeof text, "k%d", i);
        hmap_remove(&h, slice_cstr(text));
    }
    while (hmap_next(&h, &pos, &key, &value)) {
        assert_int_equal((uintptr_t)value, 2 * expected + 2);
        expected++;
    }
    assert_int_equal(expected, 500);
    hmap_deinit(&h);
}

struct element {
    uint32_t key, position;
};

static int compare_key(const void *a, const void *b, void *ctx)
{
    const struct element *x = a, *y = b;

    ++*(uint64_t *)ctx;
    return (x->key > y->key) - (x->key < y->key);
}

static void stable_sort(void **state)
{
    struct prng     p;
    struct element *e = calloc(5000, sizeof *e);

    (void)state;
    prng_init(&p, test_seed(2));
    for (size_t count = 0; count < 5000; count = count * 2 + 1) {
        uint64_t compares = 0;

        for (uint32_t i = 0; i < count; i++)
            e[i] = (struct element){.key = (uint32_t)prng_below(&p, 50), .position = i};
        sort_stable(NULL, e, count, sizeof *e, compare_key, &compares);
        for (size_t i = 1; i < count; i++)
            assert_true(e[i - 1].key < e[i].key ||
                        (e[i - 1].key == e[i].key && e[i - 1].position < e[i].position));
        assert_true(compares < count * 16 + 64);
        for (uint32_t key = 0; key < 51; key++) {
            struct element wanted = {.key = key};
            size_t at = sort_lower_bound(e, count, sizeof *e, &wanted, compare_key, &compares);

            assert_true(at == 0 || e[at - 1].key < key);
            assert_true(at == count || e[at].key >= key);
        }
    }
    free(e);
}

static void known_numbers(void **state) /* the authors' reference implementation */
{
    uint64_t    s = 1234567;
    struct prng p = {{1, 2, 3, 4}};

    (void)state;
    assert_true(prng_splitmix(&s) == UINT64_C(6457827717110365317));
    assert_true(prng_splitmix(&s) == UINT64_C(3203168211198807973));
    assert_true(prng_next(&p) == 11520);
    assert_true(prng_next(&p) == 0);
    assert_true(prng_next(&p) == 1509978240);
}

static void bounds_are_even(void **state)
{
    struct prng p;
    unsigned    seen[7] = {0};

    (void)state;
    prng_init(&p, 3);
    for (int i = 0; i < 70000; i++)
        seen[prng_below(&p, 7)]++;
    for (int i = 0; i < 7; i++)
        assert_in_range(seen[i], 9500, 10500);
    for (int i = 0; i < 1000; i++)
        assert_true(prng_double(&p) >= 0 && prng_double(&p) < 1);
}

static void checksums(void **state) /* RFC 3720 B.4 */
{
    uint8_t     bytes[1000] = {0};
    struct prng p;

    (void)state;
    assert_int_equal(crc32c(0, bytes, 32), 0x8a9136aa);
    memset(bytes, 0xff, 32);
    assert_int_equal(crc32c(0, bytes, 32), 0x62a8ab43);
    assert_int_equal(crc32c(0, "123456789", 9), 0xe3069283);
    prng_init(&p, test_seed(4));
    for (int i = 0; i < 2000; i++) {
        size_t from = prng_below(&p, 16), size = prng_below(&p, sizeof bytes - 16);
        size_t cut = prng_below(&p, size + 1);

        prng_bytes(&p, bytes, sizeof bytes);
        assert_int_equal(crc32c(7, bytes + from, size), crc32c_portable(7, bytes + from, size));
        assert_int_equal(crc32c(crc32c(7, bytes + from, cut), bytes + from + cut, size - cut),
                         crc32c(7, bytes + from, size));
    }
}

static void utf8(void **state)
{
    static const char *const bad[] = {"\x80",
                                      "\xc0\x80",
                                      "\xc1\xbf",
                                      "\xe0\x80\x80",
                                      "\xed\xa0\x80",
                                      "\xf0\x80\x80\x80",
                                      "\xf4\x90\x80\x80",
                                      "\xf5\x80\x80\x80",
                                      "\xe2\x82",
                                      "\xff"};
    slice                    text = SLICE_LIT("a\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80z");
    uint32_t                 c;
    size_t                   at;
    char                     bytes[UTF8_SIZE_MAX];

    (void)state;
    assert_true(utf8_is_valid(text, NULL));
    assert_int_equal(utf8_length(text), 5);
    assert_int_equal(utf8_offset(text, 3), 6);
    assert_int_equal(utf8_offset(text, 9), text.size);
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        char padded[32] = "12345678abc";

        strcat(padded, bad[i]);
        assert_false(utf8_is_valid(slice_cstr(padded), &at));
        assert_int_equal(at, 11);
    }
    for (uint32_t i = 0; i < 0x110000; i++) {
        size_t size = utf8_put(bytes, i);
        slice  s = slice_make(bytes, size);

        assert_int_equal(size == 0, i >= 0xd800 && i <= 0xdfff);
        if (size > 0)
            assert_true(utf8_take(&s, &c) && c == i && s.size == 0);
    }
}

static void sizes_and_durations(void **state)
{
    struct buf b;
    uint64_t   v;

    (void)state;
    assert_st_ok(format_parse_size(SLICE_LIT("64MiB"), &v));
    assert_true(v == 64 << 20);
    assert_st_ok(format_parse_size(SLICE_LIT("1.5 gib"), &v));
    assert_true(v == UINT64_C(3) << 29);
    assert_st_ok(format_parse_size(SLICE_LIT("4096"), &v));
    assert_true(v == 4096);
    assert_st_ok(format_parse_duration_us(SLICE_LIT("250ms"), &v));
    assert_true(v == 250000);
    assert_st_ok(format_parse_duration_us(SLICE_LIT("0"), &v));
    assert_st_code(format_parse_duration_us(SLICE_LIT("250"), &v), ST_INVALID_PARAMETER_VALUE);
    assert_st_code(format_parse_size(SLICE_LIT("-1"), &v), ST_INVALID_PARAMETER_VALUE);
    assert_st_code(format_parse_size(SLICE_LIT(""), &v), ST_INVALID_PARAMETER_VALUE);
    assert_st_code(format_parse_size(SLICE_LIT("99999999TiB"), &v), ST_INVALID_PARAMETER_VALUE);
    buf_init(&b, NULL);
    format_size(&b, 3 << 19);
    buf_put_u8(&b, '|');
    format_duration_us(&b, 250000);
    assert_string_equal(buf_cstr(&b), "1.5 MiB|250 ms");
    buf_deinit(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T("maps agree with an array", map_against_array),
        T("maps are walked in order of insertion", order_of_insertion),
        T("equal elements keep their order", stable_sort),
        T("the generators give the published numbers", known_numbers),
        T("numbers below a bound are even", bounds_are_even),
        T("CRC-32C is the published one, by instruction and without", checksums),
        T("UTF-8 is what PostgreSQL takes", utf8),
        T("sizes and durations are read and printed", sizes_and_durations),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
