/* Latencies counted by doublings: quantiles within a thousandth, and logs that others can read. */
#include "tests/common/test.h"

#include <openssl/evp.h>
#include <zlib.h>

#include "base/codec.h"
#include "base/prng.h"
#include "base/sort.h"
#include "client/histogram.h"

static const double quantiles[] = {0, 0.25, 0.5, 0.9, 0.95, 0.99, 0.999, 0.9999, 1};

/* The value that the definition gives: the smallest that at least q of all do not exceed. */
static uint64_t exact_quantile(const uint64_t *sorted, size_t count, double q)
{
    for (size_t i = 0; i < count; i++) {
        if ((double)(i + 1) >= q * (double)count)
            return sorted[i];
    }
    return sorted[count - 1];
}

static void random_values(void **state)
{
    enum { COUNT = 20000 };
    uint64_t         *values = calloc(COUNT, sizeof *values);
    struct histogram *h = histogram_new();
    struct prng       prng;
    double            sum = 0;

    (void)state;
    prng_init(&prng, test_seed(7));
    for (size_t i = 0; i < COUNT; i++) {
        /* Every magnitude up to an hour equally often. */
        values[i] = prng_next(&prng) % (UINT64_C(1) << prng_below(&prng, 42));
        values[i] = MIN(values[i], HISTOGRAM_VALUE_MAX);
        sum += (double)values[i];
        histogram_record(h, values[i]);
    }
    sort_stable(NULL, values, COUNT, sizeof *values, sort_compare_u64, NULL);
    for (size_t i = 0; i < ARRAY_LEN(quantiles); i++) {
        double exact = (double)exact_quantile(values, COUNT, quantiles[i]);
        double shown = (double)histogram_quantile(h, quantiles[i]);

        assert_true(shown >= exact);
        assert_true(shown <= exact * (1 + 1.0 / 1024));
    }
    assert_int_equal(histogram_count(h), COUNT);
    assert_int_equal(histogram_max(h), values[COUNT - 1]);
    assert_true(histogram_mean(h) > sum / COUNT * 0.999999 &&
                histogram_mean(h) < sum / COUNT * 1.000001);
    histogram_free(h);
    free(values);
}

static void borders(void **state)
{
    (void)state;
    for (unsigned shift = 0; shift < 42; shift++) {
        for (int64_t off = -1; off <= 1; off++) {
            uint64_t          value = MIN((UINT64_C(1) << shift) + off, HISTOGRAM_VALUE_MAX);
            struct histogram *h = histogram_new();
            uint64_t          low;

            histogram_record(h, value);
            histogram_record(h, HISTOGRAM_VALUE_MAX); /* lets the other one be seen uncapped */
            low = histogram_quantile(h, 0.5);
            assert_in_range(low, value, value + value / 1024);
            histogram_free(h);
        }
    }
}

static void empty(void **state)
{
    struct histogram *h = histogram_new();

    (void)state;
    assert_int_equal(histogram_quantile(h, 0.99), 0);
    assert_int_equal(histogram_max(h), 0);
    assert_true(histogram_mean(h) == 0);
    histogram_free(h);
}

static void beyond(void **state)
{
    struct histogram *h = histogram_new();

    (void)state;
    histogram_record(h, UINT64_MAX);
    assert_int_equal(histogram_count(h), 1);
    assert_true(histogram_max(h) == UINT64_MAX);
    histogram_free(h);
}

static void added(void **state)
{
    struct histogram *a = histogram_new(), *b = histogram_new();

    (void)state;
    for (uint64_t i = 1; i <= 1000; i++)
        histogram_record(i % 2 == 0 ? a : b, i);
    histogram_add(a, b);
    assert_int_equal(histogram_count(a), 1000);
    assert_int_equal(histogram_quantile(a, 0.5), 500);
    assert_int_equal(histogram_quantile(a, 0.99), 990);
    assert_int_equal(histogram_max(a), 1000);
    histogram_reset(a);
    assert_int_equal(histogram_count(a), 0);
    assert_int_equal(histogram_quantile(a, 0.5), 0);
    histogram_free(a);
    histogram_free(b);
}

/* Undo base64 and zlib; returns the size of the plain form. */
static size_t unpack(const char *text, size_t size, uint8_t *out, size_t out_size)
{
    static const char letters[] = "HISTFAAAA"; /* every reader looks for the cookie's base64 */
    uint8_t          *packed = malloc(size);
    uLongf            plain_size = out_size;
    int               n;

    assert_memory_equal(text, letters, sizeof letters - 1);
    n = EVP_DecodeBlock(packed, (const unsigned char *)text, (int)size);
    assert_true(n > 8);
    assert_int_equal(get_u32be(packed), 0x1c849314);
    assert_int_equal(uncompress(out, &plain_size, packed + 8, get_u32be(packed + 4)), Z_OK);
    free(packed);
    return plain_size;
}

static void encoded(void **state)
{
    struct histogram      *h = histogram_new();
    uint8_t                plain[4096];
    SCOPED(buf) struct buf text = {0};
    slice                  counts;
    uint64_t               v;
    size_t                 size;
    /* 5 zeros, a two at 5, 2042 zeros, a one at 2048 (for 2048 and 2049). */
    static const uint64_t  expected[] = {9, 4, 4083, 2};

    (void)state;
    histogram_record(h, 5);
    histogram_record(h, 5);
    histogram_record(h, 2049);
    histogram_encode(h, &text);
    size = unpack(text.data, text.size, plain, sizeof plain);
    assert_int_equal(get_u32be(plain), 0x1c849313);
    assert_int_equal(get_u32be(plain + 4), size - 40);
    assert_int_equal(get_u32be(plain + 12), 3);
    assert_int_equal(get_u64be(plain + 16), 1);
    assert_int_equal(get_u64be(plain + 24), HISTOGRAM_VALUE_MAX);
    assert_int_equal(get_u64be(plain + 32), 0x3ff0000000000000);
    counts = slice_make(plain + 40, size - 40);
    for (size_t i = 0; i < ARRAY_LEN(expected); i++) {
        assert_true(take_varint(&counts, &v));
        assert_int_equal(v, expected[i]);
    }
    assert_int_equal(counts.size, 0);
    histogram_free(h);
}

static void logged(void **state)
{
    struct histogram *h = histogram_new();
    char             *text = NULL;
    size_t            size;
    FILE             *out = open_memstream(&text, &size);

    (void)state;
    histogram_record(h, 1500000);
    histogram_log_begin(out, "linera-bench", UINT64_C(1700000000123000));
    histogram_log_interval(out, "read", UINT64_C(1000000000), UINT64_C(2500000000), h);
    fclose(out);
    assert_non_null(strstr(text, "#[Histogram log format version 1.3]\n"));
    assert_non_null(strstr(text, "#[StartTime: 1700000000.123 (seconds since epoch), 2023-11-14T"));
    assert_non_null(strstr(text, "\nTag=read,1.000,1.500,1.500,HISTFAAAA"));
    free(text);
    histogram_free(h);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T("quantiles of random values are within 1/1024 of the exact ones, never below",
          random_values),
        T("values around every power of two are counted where they belong", borders),
        T("an empty histogram has quantiles, mean and maximum of zero", empty),
        T("a value beyond the range is counted and remembered as the maximum", beyond),
        T("histograms add up, and are empty after a reset", added),
        T("the encoded form unpacks to HdrHistogram's V2 layout", encoded),
        T("an interval log has its header and a line of tag, times, maximum and counters", logged),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
