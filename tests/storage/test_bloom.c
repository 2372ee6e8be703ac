/* Filters of tables. */
#include "storage/lsm/bloom.h"

#include "base/prng.h"
#include "tests/common/test.h"

/* The hash of a key that is made of a number. */
static uint64_t hash_of(uint64_t n)
{
    char key[17] = {1};

    put_u64be(key + 1, n / 7);
    put_u64be(key + 9, n);
    return bloom_hash(slice_make(key, sizeof key));
}

static void build(struct buf *filter, size_t count, unsigned bits_per_key)
{
    uint64_t *hashes = calloc(count + 1, sizeof *hashes);
    size_t    size;

    for (size_t i = 0; i < count; i++)
        hashes[i] = hash_of(i);
    buf_reset(filter);
    size = bloom_build(filter, hashes, count, bits_per_key);
    assert_int_equal(filter->size, size);
    assert_st_ok(bloom_check(buf_slice(filter)));
    free(hashes);
}

static void no_false_negatives(void **state)
{
    static const size_t counts[] = {0, 1, 2, 50, 51, 52, 1000, 12345, 52377, 60000};
    struct buf          filter;

    (void)state;
    buf_init(&filter, NULL);
    for (size_t i = 0; i < ARRAY_LEN(counts); i++)
        for (unsigned bits = 1; bits <= BLOOM_BITS_MAX; bits += 3) {
            build(&filter, counts[i], bits);
            assert_true(filter.size <= BLOOM_SIZE_MAX);
            for (uint64_t k = 0; k < counts[i]; k++)
                assert_true(bloom_may_contain(buf_slice(&filter), hash_of(k)));
        }
    buf_deinit(&filter);
}

static void few_false_positives(void **state)
{
    static const size_t counts[] = {1000, 10000, 30000, 52000};
    struct buf          filter;

    (void)state;
    buf_init(&filter, NULL);
    for (size_t i = 0; i < ARRAY_LEN(counts); i++) {
        unsigned passed = 0;

        build(&filter, counts[i], BLOOM_BITS_USUAL);
        for (uint64_t k = 0; k < 100000; k++)
            passed += bloom_may_contain(buf_slice(&filter), hash_of(1000000 + k));
        print_message("%zu keys: %.2f %% pass that are not there\n", counts[i], passed / 1000.0);
        assert_true(passed < 2000);
    }
    buf_deinit(&filter);
}

static void full_filter(void **state)
{
    struct buf filter;

    (void)state;
    buf_init(&filter, NULL);
    build(&filter, bloom_keys_max(BLOOM_BITS_USUAL), BLOOM_BITS_USUAL);
    assert_int_equal(filter.size, BLOOM_SIZE_MAX);
    buf_deinit(&filter);
}

static void wrong_filters(void **state)
{
    struct buf filter;

    (void)state;
    buf_init(&filter, NULL);
    build(&filter, 100, BLOOM_BITS_USUAL);
    assert_st_code(bloom_check(SLICE_EMPTY), ST_CORRUPT);
    assert_st_code(bloom_check(slice_make(filter.data, BLOOM_HEADER_SIZE)), ST_CORRUPT);
    assert_st_code(bloom_check(slice_make(filter.data, filter.size - 1)), ST_CORRUPT);
    for (size_t i = 0; i < BLOOM_HEADER_SIZE; i++) {
        filter.data[i] ^= 0x40;
        assert_st_code(bloom_check(buf_slice(&filter)), ST_CORRUPT);
        filter.data[i] ^= 0x40;
    }
    assert_st_ok(bloom_check(buf_slice(&filter)));
    buf_deinit(&filter);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T("a filter passes every key that was added", no_false_negatives),
        T("with ten bits a key fewer than 2 % of other keys pass", few_false_positives),
        T("as many keys as fit fill a filter of the largest size", full_filter),
        T("a filter with a wrong header is refused", wrong_filters),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
