#include "base/keyenc.h"

#include <math.h>

#include "base/prng.h"
#include "tests/common/test.h"

/* Encode element i of the corpus. */
typedef void encode_fn(struct buf *b, size_t i, unsigned order);

/* For all pairs of a sorted corpus without equal elements: byte order is the order of the corpus,
 * turned round when descending, and skipping takes exactly the value (Q5). */
static void check_order(encode_fn *encode, size_t count)
{
    struct buf a, b;

    buf_init(&a, NULL);
    buf_init(&b, NULL);
    for (unsigned order = KEY_ASC; order <= KEY_DESC; order++) {
        for (size_t i = 0; i < count; i++) {
            slice rest;

            buf_reset(&a);
            encode(&a, i, order);
            assert_int_equal(keyenc_is_desc(buf_slice(&a)), order == KEY_DESC);
            buf_append_cstr(&a, "tail");
            rest = buf_slice(&a);
            assert_true(keyenc_skip(&rest));
            assert_true(slice_eq_cstr(rest, "tail"));
            for (size_t j = 0; j < count; j++) {
                int want = (i > j) - (i < j);
                int got;

                buf_reset(&b);
                encode(&b, j, order);
                buf_append_cstr(&b, "tail");
                got = slice_cmp(buf_slice(&a), buf_slice(&b));
                assert_int_equal((got > 0) - (got < 0), order == KEY_DESC ? -want : want);
            }
        }
    }
    buf_deinit(&a);
    buf_deinit(&b);
}

static const int64_t ints[] = {INT64_MIN, INT64_MIN + 1, -4294967297, -4294967296, -65537, -65536,
                               -257,      -256,          -255,        -2,          -1,     0,
                               1,         127,           255,         256,         65535,  65536,
                               16777216,  INT64_MAX - 1, INT64_MAX};

static void encode_int(struct buf *b, size_t i, unsigned order)
{
    keyenc_put_int64(b, ints[i], order);
}

static void integers(void **state)
{
    struct buf b;

    (void)state;
    check_order(encode_int, ARRAY_LEN(ints));
    buf_init(&b, NULL);
    for (unsigned order = KEY_ASC; order <= KEY_DESC; order++) {
        for (size_t i = 0; i < ARRAY_LEN(ints); i++) {
            slice    key;
            int64_t  v;
            uint64_t u;

            buf_reset(&b);
            keyenc_put_int64(&b, ints[i], order);
            key = buf_slice(&b);
            assert_int_equal(keyenc_take_uint64(&(slice){key.data, key.size}, &u), ints[i] >= 0);
            assert_true(keyenc_take_int64(&key, &v));
            assert_true(v == ints[i] && key.size == 0);
        }
    }
    buf_reset(&b);
    keyenc_put_uint64(&b, UINT64_MAX, KEY_ASC);
    {
        slice    key = buf_slice(&b);
        int64_t  v;
        uint64_t u;

        assert_false(keyenc_take_int64(&key, &v));
        assert_true(keyenc_take_uint64(&key, &u) && u == UINT64_MAX);
    }
    buf_deinit(&b);
}

static double doubles[] = {-INFINITY, -1e300, -1.5, -1e-310, 0, 1e-310, 1, 1.5, 1e300, INFINITY, 0};

static void encode_double(struct buf *b, size_t i, unsigned order)
{
    keyenc_put_double(b, doubles[i], order);
}

static void doubles_as_postgres(void **state) /* Q5: -0.0 = 0.0, NaN greatest and equal to itself */
{
    struct buf a, b;
    double     v;
    slice      key;

    (void)state;
    doubles[ARRAY_LEN(doubles) - 1] = NAN;
    check_order(encode_double, ARRAY_LEN(doubles));
    buf_init(&a, NULL);
    buf_init(&b, NULL);
    keyenc_put_double(&a, -0.0, KEY_ASC);
    keyenc_put_double(&b, 0.0, KEY_ASC);
    assert_true(slice_eq(buf_slice(&a), buf_slice(&b)));
    buf_reset(&a);
    buf_reset(&b);
    keyenc_put_double(&a, -NAN, KEY_DESC);
    keyenc_put_double(&b, NAN, KEY_DESC);
    assert_true(slice_eq(buf_slice(&a), buf_slice(&b)));
    key = buf_slice(&a);
    assert_true(keyenc_take_double(&key, &v) && isnan(v));
    buf_deinit(&a);
    buf_deinit(&b);
}

static const slice texts[] = {
    {"", 0},  {"\0", 1},   {"\0\0", 2}, {"\0\1", 2},   {"\0\xff", 2},   {"\1", 1},
    {"a", 1}, {"a\0", 2},  {"a\0b", 3}, {"a\1", 2},    {"aa", 2},       {"ab", 2},
    {"b", 1}, {"\xfe", 1}, {"\xff", 1}, {"\xff\0", 2}, {"\xff\xff", 2},
};

static void encode_text(struct buf *b, size_t i, unsigned order)
{
    keyenc_put_bytes(b, texts[i], order);
}

static void byte_strings(void **state)
{
    struct buf b, out;

    (void)state;
    check_order(encode_text, ARRAY_LEN(texts));
    buf_init(&b, NULL);
    buf_init(&out, NULL);
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        slice key;

        buf_reset(&b);
        buf_reset(&out);
        keyenc_put_bytes(&b, texts[i], i % 2 == 0 ? KEY_ASC : KEY_DESC);
        key = buf_slice(&b);
        assert_true(keyenc_take_bytes(&key, &out));
        assert_true(slice_eq(buf_slice(&out), texts[i]));
    }
    buf_deinit(&b);
    buf_deinit(&out);
}

static const struct keyenc_decimal decimals[] = {
    {DECIMAL_NEG_INFINITY, 0, {NULL, 0}},     {DECIMAL_NEGATIVE, 1000, {"\1", 1}},
    {DECIMAL_NEGATIVE, 1, {"\1\2\1", 3}}, /* -1.21 */
    {DECIMAL_NEGATIVE, 1, {"\1\2", 2}},   /* -1.2 */
    {DECIMAL_NEGATIVE, 1, {"\1", 1}},     /* -1 */
    {DECIMAL_NEGATIVE, -5, {"\x9", 1}},       {DECIMAL_ZERO, 0, {NULL, 0}},
    {DECIMAL_POSITIVE, -1000, {"\x9\x9", 2}}, {DECIMAL_POSITIVE, 0, {"\x9\x9\x9", 3}},
    {DECIMAL_POSITIVE, 1, {"\1", 1}},         {DECIMAL_POSITIVE, 1, {"\1\0\0\1", 4}},
    {DECIMAL_POSITIVE, 1, {"\1\0\1", 3}},     {DECIMAL_POSITIVE, 1, {"\1\2", 2}},
    {DECIMAL_POSITIVE, 2, {"\1", 1}},         {DECIMAL_POSITIVE, 131072, {"\x9", 1}},
    {DECIMAL_INFINITY, 0, {NULL, 0}},         {DECIMAL_NAN, 0, {NULL, 0}},
};

static void encode_decimal(struct buf *b, size_t i, unsigned order)
{
    keyenc_put_decimal(b, &decimals[i], order);
}

static void decimal_numbers(void **state)
{
    struct buf            b, digits;
    struct keyenc_decimal v;

    (void)state;
    check_order(encode_decimal, ARRAY_LEN(decimals));
    buf_init(&b, NULL);
    buf_init(&digits, NULL);
    for (size_t i = 0; i < ARRAY_LEN(decimals); i++) {
        slice key;

        buf_reset(&b);
        buf_reset(&digits);
        encode_decimal(&b, i, i % 2 == 0 ? KEY_ASC : KEY_DESC);
        key = buf_slice(&b);
        assert_true(keyenc_take_decimal(&key, &v, &digits));
        assert_true(v.class == decimals[i].class && v.exponent == decimals[i].exponent);
        assert_true(slice_eq(v.digits, decimals[i].digits));
    }
    buf_deinit(&b);
    buf_deinit(&digits);
}

static void nulls(void **state)
{
    static const unsigned orders[] = {KEY_ASC, KEY_DESC, KEY_ASC | KEY_NULLS_FIRST,
                                      KEY_DESC | KEY_NULLS_FIRST};
    struct buf            null, value;

    (void)state;
    buf_init(&null, NULL);
    buf_init(&value, NULL);
    for (size_t i = 0; i < ARRAY_LEN(orders); i++) {
        slice key;

        for (size_t n = 0; n < ARRAY_LEN(ints); n++) {
            int c;

            buf_reset(&null);
            buf_reset(&value);
            keyenc_put_null(&null, orders[i]);
            keyenc_put_int64(&value, ints[n], orders[i]);
            c = slice_cmp(buf_slice(&null), buf_slice(&value));
            assert_true((orders[i] & KEY_NULLS_FIRST) != 0 ? c < 0 : c > 0);
        }
        key = buf_slice(&null);
        assert_true(keyenc_peek(key) == KEYENC_NULL);
        assert_true(keyenc_take_null(&key) && key.size == 0);
    }
    buf_deinit(&null);
    buf_deinit(&value);
}

static void nested_lists(void **state)
{
    struct buf shorter, longer;

    (void)state;
    buf_init(&shorter, NULL);
    buf_init(&longer, NULL);
    keyenc_put_int64(&shorter, 1, KEY_ASC);
    keyenc_put_end(&shorter, KEY_ASC);
    keyenc_put_int64(&shorter, INT64_MAX, KEY_ASC);
    keyenc_put_int64(&longer, 1, KEY_ASC);
    keyenc_put_int64(&longer, INT64_MIN, KEY_ASC);
    keyenc_put_end(&longer, KEY_ASC);
    assert_true(slice_cmp(buf_slice(&shorter), buf_slice(&longer)) < 0);
    buf_deinit(&shorter);
    buf_deinit(&longer);
}

static void prefix_ends(void **state)
{
    struct buf b;

    (void)state;
    buf_init(&b, NULL);
    buf_append(&b, "a\xff\xff", 3);
    assert_true(keyenc_prefix_end(&b));
    assert_true(slice_eq_cstr(buf_slice(&b), "b"));
    buf_reset(&b);
    buf_append(&b, "\xff\xff", 2);
    assert_false(keyenc_prefix_end(&b));
    assert_int_equal(b.size, 0);
    buf_deinit(&b);
}

static void garbage_is_refused(void **state)
{
    struct prng p;
    struct buf  out;
    uint8_t     bytes[24];

    (void)state;
    prng_init(&p, test_seed(1));
    buf_init(&out, NULL);
    for (int i = 0; i < 200000; i++) {
        size_t     size = prng_below(&p, sizeof bytes + 1);
        slice      key = slice_make(bytes, size), rest = key;
        int64_t    v;
        struct buf again;

        prng_bytes(&p, bytes, size);
        if (keyenc_skip(&rest))
            assert_true(rest.size < key.size);
        rest = key;
        /* What is taken is the one encoding of its value. */
        if (keyenc_take_int64(&rest, &v)) {
            buf_init(&again, NULL);
            keyenc_put_int64(&again, v, keyenc_is_desc(key) ? KEY_DESC : KEY_ASC);
            assert_true(slice_starts_with(key, buf_slice(&again)));
            assert_int_equal(again.size, key.size - rest.size);
            buf_deinit(&again);
        }
    }
    buf_deinit(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T("integers sort as numbers and come back", integers),
        T("doubles sort as in PostgreSQL", doubles_as_postgres),
        T("byte strings sort by bytes and come back, zeros included", byte_strings),
        T("decimals sort as numbers and come back", decimal_numbers),
        T("nulls stand where the order says", nulls),
        T("a shorter list comes before its continuation", nested_lists),
        T("the end of a prefix is above all that begin with it", prefix_ends),
        T("no garbage is taken for a value", garbage_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
