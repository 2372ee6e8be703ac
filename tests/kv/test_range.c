/* Latches, garbage collection, scans and refresh at the range. */
#include "tests/common/txn_fixture.h"

#include "kv/hash.h"
#include "kv/keys.h"

static struct latch_point point(const char *key)
{
    return (struct latch_point){.key = slice_cstr(key), .hash = key_hash(slice_cstr(key))};
}

struct waiter {
    struct latches *latches;
    struct latch   *latch; /* NULL: read `key` at `ts` */
    const char     *key;
    hlc_ts          ts;
    bool            done;
};

static void wait_main(struct env *env, void *arg)
{
    struct waiter *w = arg;

    (void)env;
    if (w->latch != NULL)
        assert_st_ok(latches_acquire(w->latches, w->latch));
    else
        assert_st_ok(latches_wait_point(w->latches, slice_cstr(w->key),
                                        key_hash(slice_cstr(w->key)), w->ts));
    w->done = true;
}

static void settle(struct env *env)
{
    for (int i = 0; i < 10; i++)
        env_yield(env);
}

TXN_TEST(latches)
{
    struct latches     l;
    struct latch_point ab[] = {point("a"), point("b")}, bc[] = {point("b"), point("c")};
    struct latch       first = {.points = ab, .point_count = 2};
    struct latch       second = {.points = bc, .point_count = 2};
    struct waiter      writer = {.latches = &l, .latch = &second};
    struct waiter      above = {.latches = &l, .key = "a", .ts = 10};
    struct waiter      below = {.latches = &l, .key = "a", .ts = 9};
    struct waiter      other = {.latches = &l, .key = "x", .ts = 99};
    struct waiter     *all[] = {&writer, &above, &below, &other};

    latches_init(&l, f->env);
    assert_st_ok(latches_acquire(&l, &first));
    first.ts = 10;
    for (size_t i = 0; i < 4; i++)
        assert_st_ok(env_spawn(f->env, "waiter", wait_main, all[i], NULL));
    settle(f->env);
    assert_true(below.done && other.done);
    assert_false(above.done || writer.done);
    assert_true(latches_written_point(&l, NULL, SLICE_LIT("b"), key_hash(SLICE_LIT("b")), 9, 10));
    assert_false(latches_written_point(&l, NULL, SLICE_LIT("b"), key_hash(SLICE_LIT("b")), 10, 11));
    assert_false(
        latches_written_point(&l, &first, SLICE_LIT("b"), key_hash(SLICE_LIT("b")), 9, 10));
    assert_true(latches_written_span(&l, NULL, SLICE_LIT("aa"), SLICE_EMPTY, 9, 10));
    assert_false(latches_written_span(&l, NULL, SLICE_LIT("aa"), SLICE_LIT("b"), 9, 10));
    latches_release(&l, &first);
    settle(f->env);
    assert_true(above.done && writer.done);
    latches_release(&l, &second);
    latches_deinit(&l);
}

TXN_TEST(gc)
{
    struct engine_stats stats;

    for (int i = 0; i < 100; i++)
        txn_fixture_put(f, "hot", "value");
    txn_fixture_put(f, "cold", "value");
    DIALOGUE(f, "a begin", "a put gone 1", "a commit", "a begin", "a delete gone", "a commit");
    DIALOGUE(f, "- gc");
    engine_stats(f->engine, &stats);
    assert_int_equal(stats.entries, 2);
    assert_true(range_gc_threshold(f->range) > 0);
    assert_string_equal(txn_fixture_get(f, "hot"), "value");

    struct txn_options options = {.as_of = range_gc_threshold(f->range) - 1};
    struct txn        *t;
    slice              value;
    bool               found;

    assert_st_ok(txn_begin(f->txns, &options, &t));
    assert_st_code(txn_get(t, SLICE_LIT("hot"), f->arena, &value, &found), ST_WRONG_STATE);
    txn_free(t);
}

TXN_TEST(gc_in_background)
{
    struct txn_fixture   g = {0};
    struct range_options options = {.id = 2, .gc_retention_us = 1000, .gc_interval_us = 1000};
    struct engine_stats  stats;

    txn_fixture_open(&g, f->env, &options);
    for (int i = 0; i < 1000; i++)
        txn_fixture_put(&g, "hot", "value");
    for (int i = 0; i < 1000; i++) {
        engine_stats(g.engine, &stats);
        if (stats.entries == 1)
            break;
        assert_st_ok(env_sleep_us(f->env, 1000));
    }
    assert_int_equal(stats.entries, 1);
    txn_fixture_close(&g);
}

TXN_TEST(scan_ends)
{
    /* Q7: a limit reached exactly at the end is not the end. */
    struct range_read read = {.ts = HLC_TS_MAX - 1, .limit = HLC_TS_MAX - 1, .untracked = true};

    txn_fixture_put(f, "a", "1");
    txn_fixture_put(f, "b", "1");
    txn_fixture_put(f, "c", "1");
    for (size_t max = 1; max <= 4; max++) {
        for (int reverse = 0; reverse < 2; reverse++) {
            struct range_scan scan = {.start = SLICE_LIT("a"),
                                      .end = SLICE_LIT("d"),
                                      .reverse = reverse != 0,
                                      .rows_max = max,
                                      .bytes_max = 1000,
                                      .arena = f->arena};
            size_t            seen = 0;

            do {
                assert_st_ok(range_scan(f->range, &read, &scan));
                seen += scan.row_count;
                if (scan.reverse)
                    scan.end = scan.resume;
                else
                    scan.start = scan.resume;
            } while (scan.ended == RANGE_SCAN_LIMIT);
            assert_int_equal(seen, 3);
        }
    }
}

TXN_TEST(uncertain)
{
    /* Another node's write within the uncertainty interval may have been acknowledged before the
     * read began: the read moves up to it, or fails when it cannot. */
    txn_fixture_put(f, "x", "1");
    txn_system_set_uncertainty(f->txns, true);
    DIALOGUE(f, "a begin", "a get y -> none", "b begin", "b put x 2", "b commit", "a get x -> 2",
             "a scan w z -> x=2", "a commit", "a begin", "a get x -> 2", "b begin", "b put x 3",
             "b put y 3", "b commit", "a get y -> 40001", "a rollback", "a begin snapshot",
             "a scan w z -> x=3 y=3", "b begin", "b put z 1", "b commit", "a get z -> 40001",
             "a rollback", "a begin", "b begin", "a get q -> none", "b delete x", "b commit",
             "a scan w z -> y=3", "a commit");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T("latches keep writers apart, and readers at or above them out", latches),
        T("garbage goes, and nobody reads below the threshold", gc),
        T("the background fiber keeps a hot key small", gc_in_background),
        T("limits do not hide the end of a scan", scan_ends),
        T("uncertain versions are seen or are an error", uncertain),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
