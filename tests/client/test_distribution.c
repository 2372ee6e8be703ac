/* Keys drawn by Zipf's law come as often as it says, and are strewn without collisions. */
#include "tests/common/test.h"

#include <math.h>

#include "client/distribution.h"

static void zipf_frequencies(void **state)
{
    enum { N = 1000, DRAWS = 400000 };
    struct zipf z;
    struct prng prng;
    double      sum = 0;
    int         counts[N + 1];

    (void)state;
    memset(counts, 0, sizeof counts);
    prng_init(&prng, test_seed(11));
    zipf_init(&z, N);
    for (int i = 0; i < DRAWS; i++) {
        uint64_t rank = zipf_next(&z, &prng);

        assert_in_range(rank, 1, N);
        counts[rank]++;
    }
    for (int k = 1; k <= N; k++)
        sum += pow(k, -ZIPF_EXPONENT);
    for (int k = 1; k <= N; k = k < 10 ? k + 1 : k * 2) {
        double expected = pow(k, -ZIPF_EXPONENT) / sum * DRAWS;

        /* Six standard deviations: one seed in hundreds of millions fails. */
        assert_true(fabs(counts[k] - expected) < 6 * sqrt(expected));
    }
}

static void zipf_small(void **state)
{
    struct zipf z;
    struct prng prng;

    (void)state;
    prng_init(&prng, test_seed(12));
    for (uint64_t n = 1; n <= 5; n++) {
        zipf_init(&z, n);
        for (int i = 0; i < 1000; i++)
            assert_in_range(zipf_next(&z, &prng), 1, n);
    }
}

static void scattered(void **state)
{
    enum { N_MAX = 1000 };
    bool seen[N_MAX];

    (void)state;
    for (uint64_t n = 1; n <= N_MAX; n += 37) {
        memset(seen, 0, sizeof seen);
        for (uint64_t rank = 0; rank < n; rank++) {
            uint64_t key = scatter(rank, n);

            assert_true(key < n);
            assert_false(seen[key]);
            seen[key] = true;
        }
    }
}

static void shuffled(void **state)
{
    enum { N_MAX = 1000 };
    bool seen[N_MAX];

    (void)state;
    for (uint64_t n = 1; n <= N_MAX; n += 37) {
        uint64_t neighbours = 0;

        memset(seen, 0, sizeof seen);
        for (uint64_t i = 0; i < n; i++) {
            uint64_t number = shuffle(i, n, n);

            assert_true(number < n);
            assert_false(seen[number]);
            seen[number] = true;
            neighbours += i > 0 && number == shuffle(i - 1, n, n) + 1;
        }
        assert_true(n < 100 || neighbours < n / 20);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T("each rank comes as often as Zipf's law says", zipf_frequencies),
        T("a handful of keys, or one, is enough", zipf_small),
        T("no two ranks are scattered to the same key", scattered),
        T("a shuffled order has each number once, and no order", shuffled),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
