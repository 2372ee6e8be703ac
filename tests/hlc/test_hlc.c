#include "hlc/hlc.h"

#include <pthread.h>

#include "base/prng.h"
#include "tests/common/test.h"

struct world {
    uint64_t    wall_us, mono_us;
    hlc_ts      persisted;
    unsigned    persists;
    bool        fail;
    struct hlc *during; /* its last timestamp must be below what is already persisted */
    struct hlc *h;
};

static uint64_t wall(void *ctx)
{
    return ((struct world *)ctx)->wall_us;
}

static uint64_t mono(void *ctx)
{
    return ((struct world *)ctx)->mono_us;
}

static status persist(void *ctx, hlc_ts bound)
{
    struct world *w = ctx;

    if (w->fail)
        return status_new(ST_IO_ERROR, "no disk");
    if (w->during != NULL)
        assert_true(hlc_last(w->during) < w->persisted || w->persisted == 0);
    w->persisted = MAX(w->persisted, bound);
    w->persists++;
    return STATUS_OK;
}

static void tick(struct world *w, uint64_t us)
{
    w->wall_us += us;
    w->mono_us += us;
}

static struct hlc *start(struct world *w, bool persisting, hlc_ts bound)
{
    struct hlc_options o = {.wall_us = wall,
                            .mono_us = mono,
                            .source_ctx = w,
                            .bound = bound,
                            .persist = persisting ? persist : NULL,
                            .persist_ctx = w};
    struct hlc        *h;

    assert_st_ok(hlc_new(NULL, &o, &h));
    w->during = persisting ? h : NULL;
    return h;
}

static struct world world_make(void)
{
    return (struct world){.wall_us = 1700000000000000, .mono_us = 5000000};
}

static hlc_ts now(struct hlc *h)
{
    hlc_ts ts = 0;

    assert_st_ok(hlc_now(h, &ts));
    return ts;
}

static void strictly_increases(void **state)
{
    struct world w = world_make();
    struct hlc  *h = start(&w, false, 0);
    hlc_ts       last = 0, ts;

    (void)state;
    for (int i = 0; i < 20000; i++) {
        if (i % 3 == 0)
            tick(&w, 1);
        ts = now(h);
        assert_true(ts > last);
        last = ts;
    }
    hlc_free(h);
}

/* HLC theorem 1 and 3: e before f implies ts(e) < ts(f), and physical part >= physical time. */
static void causality(void **state)
{
    struct world w[3];
    struct hlc  *h[3];
    hlc_ts       sent = 0;
    struct prng  p;

    (void)state;
    prng_init(&p, test_seed(1));
    for (int i = 0; i < 3; i++) {
        w[i] = world_make();
        w[i].wall_us += prng_below(&p, 200000);
        h[i] = start(&w[i], false, 0);
    }
    for (int step = 0; step < 30000; step++) {
        int    to = (int)prng_below(&p, 3);
        hlc_ts received;

        for (int i = 0; i < 3; i++)
            tick(&w[i], prng_below(&p, 2) * 10);
        assert_st_ok(hlc_update(h[to], sent));
        received = now(h[to]);
        assert_true(received > sent);
        assert_true(hlc_wall_us(received) >= w[to].wall_us);
        /* Corollary: never further ahead of any clock than the clocks are apart, bar the carry. */
        assert_true(hlc_wall_us(received) <= w[to].wall_us + 200000 + 1000);
        sent = received;
    }
    for (int i = 0; i < 3; i++)
        hlc_free(h[i]);
}

static void returns_to_physical_time(void **state) /* HLC: self-stabilisation of the logical part */
{
    struct world w = world_make();
    struct hlc  *h = start(&w, false, 0);

    (void)state;
    assert_st_ok(hlc_update(h, hlc_make(w.wall_us + 1000, 17)));
    assert_true(now(h) == hlc_make(w.wall_us + 1000, 18));
    tick(&w, 1001);
    assert_true(now(h) == hlc_make(w.wall_us, 0));
    hlc_free(h);
}

static void far_future_refused(void **state) /* C1 */
{
    struct world w = world_make();
    struct hlc  *h = start(&w, false, 0);
    hlc_ts       before = now(h);

    (void)state;
    assert_st_code(hlc_update(h, hlc_make(w.wall_us + HLC_MAX_OFFSET_US + 1, 0)),
                   ST_INVALID_PARAMETER_VALUE);
    assert_st_code(hlc_update(h, HLC_TS_MAX), ST_INVALID_PARAMETER_VALUE);
    assert_true(hlc_last(h) == before);
    assert_st_ok(hlc_update(h, hlc_make(w.wall_us + HLC_MAX_OFFSET_US, HLC_LOGICAL_MAX - 1)));
    assert_int_equal(metric_get(&hlc_metrics(h)->refused_remote), 2);
    hlc_free(h);
}

static void restart_above_bound(void **state) /* C3 */
{
    struct world w = world_make();
    struct hlc  *h = start(&w, true, 0);
    hlc_ts       last = 0, ts;

    (void)state;
    for (int i = 0; i < 5000; i++) {
        tick(&w, 997);
        last = now(h);
        assert_true(last < w.persisted);
    }
    hlc_free(h);
    w.wall_us -= 5000000;
    w.during = NULL;
    h = start(&w, true, w.persisted);
    assert_st_code(hlc_now(h, &ts), ST_WRONG_STATE);
    assert_in_range(hlc_ready_in_us(h), 4500000, 5500000);
    tick(&w, hlc_ready_in_us(h));
    assert_int_equal(hlc_ready_in_us(h), 0);
    assert_true(now(h) > last);
    hlc_free(h);
}

static void quick_restart_need_not_wait(void **state)
{
    struct world w = world_make();
    struct hlc  *h = start(&w, true, 0);
    hlc_ts       last = now(h);

    (void)state;
    hlc_free(h);
    w.during = NULL;
    h = start(&w, true, w.persisted);
    assert_true(now(h) > last);
    hlc_free(h);
}

static void nothing_without_durable_bound(void **state) /* C3 */
{
    struct world w = world_make();
    struct hlc  *h = start(&w, true, 0);
    hlc_ts       ts = 0;

    (void)state;
    now(h);
    w.fail = true;
    tick(&w, 10 * HLC_MAX_OFFSET_US);
    assert_st_code(hlc_now(h, &ts), ST_IO_ERROR);
    assert_true(ts == 0);
    assert_true(hlc_last(h) < w.persisted);
    assert_st_code(hlc_update(h, hlc_make(w.wall_us, 0)), ST_IO_ERROR);
    assert_true(hlc_last(h) < w.persisted);
    w.fail = false;
    assert_true(now(h) < w.persisted);
    hlc_free(h);
}

static void maintained_bound_is_never_met(void **state)
{
    struct world w = world_make();
    struct hlc  *h = start(&w, true, 0);
    unsigned     by_now = 0;

    (void)state;
    for (int i = 0; i < 1000; i++) {
        unsigned before;

        tick(&w, HLC_MAX_OFFSET_US / 4);
        before = w.persists;
        now(h);
        by_now += w.persists - before;
        assert_st_ok(hlc_maintain(h));
    }
    assert_int_equal(by_now, 0);
    assert_in_range(w.persists, 100, 1000);
    hlc_free(h);
}

static void forward_jump_stops(void **state) /* C5 */
{
    struct world w = world_make();
    struct hlc  *h = start(&w, false, 0);
    hlc_ts       ts, before = now(h);

    (void)state;
    w.wall_us += HLC_MAX_OFFSET_US * 6 / 10; /* noticed, and lived with */
    now(h);
    assert_int_equal(metric_get(&hlc_metrics(h)->forward_jumps), 1);
    assert_false(hlc_is_stopped(h));
    w.wall_us += UINT64_C(365) * 86400 * 1000000;
    before = hlc_last(h);
    assert_st_code(hlc_now(h, &ts), ST_WRONG_STATE);
    assert_true(hlc_last(h) == before);
    assert_true(hlc_is_stopped(h));
    w.wall_us -= UINT64_C(365) * 86400 * 1000000;
    hlc_is_stopped(h);
    hlc_resume(h);
    assert_true(now(h) > before);
    hlc_free(h);
}

static void slow_adjustment_is_no_jump(void **state)
{
    struct world w = world_make();
    struct hlc  *h = start(&w, false, 0);

    (void)state;
    for (int i = 0; i < 100000; i++) {
        tick(&w, 100000);
        w.wall_us += 40; /* 400 ppm: 4 s in all */
        now(h);
    }
    assert_int_equal(metric_get(&hlc_metrics(h)->forward_jumps), 0);
    assert_false(hlc_is_stopped(h));
    hlc_free(h);
}

static void frozen_clock_capped(void **state) /* C6 */
{
    struct world w = world_make();
    struct hlc  *h = start(&w, false, 0);
    hlc_ts       last = now(h), ts;
    uint64_t     n = 0;
    status       st;

    (void)state;
    /* Close to the cap, so that the carries up to it can be counted. */
    assert_st_ok(hlc_update(h, hlc_make(w.wall_us + HLC_MAX_OFFSET_US - 10, 0)));
    while (st_ok(st = hlc_now(h, &ts))) {
        assert_true(ts > last);
        last = ts;
        n++;
    }
    assert_st_code(st, ST_WRONG_STATE);
    assert_int_equal(n, 11 * (HLC_LOGICAL_MAX + 1) - 1);
    assert_int_equal(metric_get(&hlc_metrics(h)->overflows), 10);
    assert_true(metric_get(&hlc_metrics(h)->refused_drift) > 0);
    tick(&w, 1);
    assert_true(now(h) > last);
    hlc_free(h);
}

static void own_timestamps(void **state)
{
    struct world w = world_make();
    struct hlc  *h = start(&w, false, 0);
    hlc_ts       ts = now(h);

    (void)state;
    assert_st_ok(hlc_raise(h, ts + 5));
    assert_true(now(h) == ts + 6);
    w.wall_us -= HLC_MAX_OFFSET_US + 1000; /* set back: the clock may not run further ahead */
    assert_st_ok(hlc_raise(h, ts));
    assert_st_code(hlc_raise(h, ts + 100), ST_WRONG_STATE);
    assert_true(hlc_last(h) == ts + 6);
    hlc_free(h);
}

static void print_and_parse(void **state)
{
    static const char *const bad[] = {"",
                                      "1",
                                      "1.5",
                                      "1.0000000",
                                      "1.000000,4096",
                                      "x.000000",
                                      "1.000000,",
                                      "9999999999999.000000"};
    struct buf               b;
    hlc_ts                   ts = hlc_make(UINT64_C(1700000000123456), 7), back;

    (void)state;
    buf_init(&b, NULL);
    hlc_print(&b, ts);
    assert_string_equal(buf_cstr(&b), "1700000000.123456,7");
    assert_true(hlc_parse(buf_slice(&b), &back) && back == ts);
    assert_true(hlc_parse(SLICE_LIT("5.000001"), &back) && back == hlc_make(5000001, 0));
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        assert_false(hlc_parse(slice_cstr(bad[i]), &back));
    buf_deinit(&b);
}

enum { THREADS = 4, PER_THREAD = 50000 };

static uint64_t real_us(void *ctx)
{
    (void)ctx;
    return 1700000000000000; /* stands still: every timestamp is a contest for the counter */
}

struct taker {
    struct hlc *h;
    hlc_ts     *taken;
};

static void *take_many(void *arg)
{
    struct taker *t = arg;

    for (int i = 0; i < PER_THREAD; i++) {
        status st = hlc_now(t->h, &t->taken[i]);

        if (!st_ok(st))
            abort();
    }
    return NULL;
}

static void threads_never_share(void **state)
{
    struct hlc_options o = {.wall_us = real_us, .mono_us = real_us};
    struct taker       takers[THREADS];
    pthread_t          threads[THREADS];
    size_t             at[THREADS] = {0};
    hlc_ts             previous = 0;

    (void)state;
    assert_st_ok(hlc_new(NULL, &o, &takers[0].h));
    for (int i = 0; i < THREADS; i++) {
        takers[i] = (struct taker){.h = takers[0].h, .taken = calloc(PER_THREAD, sizeof(hlc_ts))};
        pthread_create(&threads[i], NULL, take_many, &takers[i]);
    }
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    for (int n = 0; n < THREADS * PER_THREAD; n++) {
        int least = -1;

        for (int i = 0; i < THREADS; i++)
            if (at[i] < PER_THREAD &&
                (least < 0 || takers[i].taken[at[i]] < takers[least].taken[at[least]]))
                least = i;
        assert_true(takers[least].taken[at[least]] > previous);
        previous = takers[least].taken[at[least]++];
    }
    hlc_free(takers[0].h);
    for (int i = 0; i < THREADS; i++)
        free(takers[i].taken);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T("timestamps of one clock strictly increase", strictly_increases),
        T("what follows a message is above it, and no clock runs off", causality),
        T("the logical part returns to zero when physical time has caught up",
          returns_to_physical_time),
        T("C1: a timestamp beyond the offset is refused and changes nothing", far_future_refused),
        T("C3: after a crash with the clock set back nothing is issued twice", restart_above_bound),
        T("a clock restarted at once goes on at once", quick_restart_need_not_wait),
        T("C3: without a durable bound nothing is issued", nothing_without_durable_bound),
        T("a maintained clock never waits for its bound", maintained_bound_is_never_met),
        T("C5: a forward jump stops the clock before its timestamp is out", forward_jump_stops),
        T("slow adjustment of the wall clock is not a jump", slow_adjustment_is_no_jump),
        T("C6: with a frozen wall clock drift is capped and the carry keeps order",
          frozen_clock_capped),
        T("C6: an own timestamp raises the clock, but not beyond the cap", own_timestamps),
        T("timestamps print and parse", print_and_parse),
        T("threads never get the same timestamp", threads_never_share),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
