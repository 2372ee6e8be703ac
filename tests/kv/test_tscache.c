/* The timestamp cache against a list of everything that was read. */
#include "tests/common/test.h"

#include "base/prng.h"
#include "kv/hash.h"
#include "kv/tscache.h"

enum { SPACE = 200, READS = 3000 };

struct model_read {
    unsigned from, to; /* keys from .. to - 1; to == SPACE: no end */
    hlc_ts   ts;
    uint64_t owner;
};

static slice key_of(char *buf, unsigned v)
{
    snprintf(buf, 8, "%05u", v);
    return slice_make(buf, 5);
}

static hlc_ts model_writable(const struct model_read *reads, size_t count, unsigned key, hlc_ts ts,
                             uint64_t owner)
{
    for (size_t i = 0; i < count; i++) {
        if (reads[i].from <= key && key < reads[i].to)
            ts = MAX(ts, reads[i].ts + (reads[i].owner != owner));
    }
    return ts;
}

static void run_model(const struct tscache_options *options, bool precise)
{
    static struct model_read reads[READS];
    struct tscache          *c = tscache_new(NULL, 10, options);
    struct prng              p;
    char                     a[8], b[8];

    prng_init(&p, test_seed(3));
    for (size_t i = 0; i < READS; i++) {
        struct model_read *r = &reads[i];
        unsigned           key = (unsigned)prng_below(&p, SPACE);

        r->from = (unsigned)prng_below(&p, SPACE);
        r->to = r->from + 1 + (prng_below(&p, 2) ? (unsigned)prng_below(&p, 20) : 0);
        r->to = MIN(r->to, (unsigned)SPACE);
        r->ts = 11 + i / 10 + prng_below(&p, 5); /* many equal ones (T5) */
        r->owner = 1 + prng_below(&p, 4);
        if (r->to == r->from + 1)
            tscache_add_point(c, key_hash(key_of(a, r->from)), r->ts, r->owner);
        else
            tscache_add_span(c, key_of(a, r->from), r->to == SPACE ? SLICE_EMPTY : key_of(b, r->to),
                             r->ts, r->owner);
        for (uint64_t owner = 1; owner <= 4; owner++) {
            slice  k = key_of(a, key);
            hlc_ts from = 11 + i / 20;
            hlc_ts want = model_writable(reads, i + 1, key, from, owner);
            hlc_ts got = tscache_writable(tscache_point(c, k, key_hash(k)), from, owner);

            assert_true(got >= want);
            /* One entry has one owner: at most the step above an equal timestamp too high. */
            if (precise)
                assert_true(got <= want + 1);
            assert_true(tscache_span(c, k, SLICE_EMPTY).ts + 1 >= want);
        }
        assert_true(tscache_max(c) >= r->ts);
    }
    tscache_free(c);
}

static void against_model(void **state)
{
    (void)state;
    run_model(NULL, true);
}

static void small_pages(void **state)
{
    struct tscache_options options = {.point_slots = 4, .page_spans = 16};

    (void)state;
    run_model(&options, false);
}

static void equal_timestamps(void **state)
{
    struct tscache *c = tscache_new(NULL, 0, NULL);
    slice           k = SLICE_LIT("k");
    uint64_t        h = key_hash(k);

    (void)state;
    tscache_add_point(c, h, 5, 1);
    assert_int_equal(tscache_writable(tscache_point(c, k, h), 5, 1), 5);
    assert_int_equal(tscache_writable(tscache_point(c, k, h), 5, 2), 6);
    tscache_add_point(c, h, 5, 2);
    assert_int_equal(tscache_writable(tscache_point(c, k, h), 5, 1), 6);
    tscache_raise(c, 20);
    assert_int_equal(tscache_writable(tscache_point(c, k, h), 5, 1), 21);
    tscache_free(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T("no write goes below a read, and hardly above", against_model),
        T("nor with pages and slots that overflow", small_pages),
        T("an equal timestamp of two belongs to neither", equal_timestamps),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
