/* The scrubber finds damage that nobody reads, keeps to its rate, and is no harm to what goes on.
 */
#include "env/file.h"
#include "storage/engine.h"
#include "storage/lsm/lsm_internal.h"
#include "tests/env/sim_fixture.h"

enum { RATE = 10000, INTERVAL_US = 60 * SECOND_US };

static const struct engine_options options = {.type = ENGINE_LSM,
                                              .path = "store",
                                              .log_segment_size = 64 << 10,
                                              .memtable_size = 64 << 10,
                                              .table_size = 32 << 10,
                                              .level_size = 64 << 10,
                                              .scrub_rate = RATE,
                                              .scrub_interval_us = INTERVAL_US};

static void fill(struct engine *e, unsigned count)
{
    struct engine_batch b;

    engine_batch_init(&b, NULL);
    for (unsigned i = 0; i < count; i++) {
        char key[16], value[300];

        snprintf(key, sizeof key, "%08u", i * 7919 % count);
        memset(value, (int)i, sizeof value);
        engine_batch_reset(&b);
        assert_st_ok(engine_batch_put(&b, slice_cstr(key), 1 + i, slice_make(value, sizeof value)));
        assert_st_ok(engine_commit(e, &b, i % 20 == 0));
    }
    assert_st_ok(engine_checkpoint(e));
    engine_batch_deinit(&b);
}

static const struct lsm_metrics *metrics_of(struct engine *e)
{
    return &CONTAINER_OF(e, struct lsm, base)->metrics;
}

static void wait_for_round(struct env *env, struct engine *e, uint64_t rounds)
{
    uint64_t start_us = env_mono_us(env);

    while (metric_get(&metrics_of(e)->scrub_rounds) < rounds) {
        assert_st_ok(env_sleep_us(env, SECOND_US / 10));
        assert_true(env_mono_us(env) < start_us + 1000 * (uint64_t)SECOND_US);
    }
}

static void whole_store(struct env *env, void *arg)
{
    struct engine *e;

    uint64_t start_us = env_mono_us(env), took_us, size;

    (void)arg;
    assert_st_ok(engine_open(env, &options, &e));
    fill(e, 2000);

    wait_for_round(env, e, 1);
    took_us = env_mono_us(env) - start_us;
    size = metric_get(&metrics_of(e)->scrubbed_bytes);
    assert_true(size > 10000); /* all tables there were */
    assert_true(took_us + SECOND_US / 5 >
                INTERVAL_US + size * SECOND_US / RATE); /* not faster than it may */
    assert_int_equal(metric_get(&metrics_of(e)->scrub_faults), 0);
    wait_for_round(env, e, 2); /* and again */
    engine_close(e);           /* in the pause */
    assert_st_ok(engine_open(env, &options, &e));
    assert_st_ok(env_sleep_us(env, INTERVAL_US + SECOND_US / 2));
    assert_true(metric_get(&metrics_of(e)->scrubbed_bytes) > 0);
    engine_close(e); /* in the middle of a round */
}

static void run_sim(env_fn *fn)
{
    struct sim      *sim = sim_new(test_seed(1), NULL);
    struct sim_node *n = sim_add_node(sim, "a", sim_idle_main, NULL);

    sim_do(sim, n, fn, n);
    sim_free(sim);
}

static void test_whole_store(void **state)
{
    (void)state;
    run_sim(whole_store);
}

/* A bit of a table that is the store's; others may be deleted at any time. */
static void flip_a_table(struct engine *e, struct sim_node *n)
{
    struct lsm           *l = CONTAINER_OF(e, struct lsm, base);
    const struct version *v = l->set.current;
    char                 *path;

    for (unsigned level = LSM_LEVELS; level-- > 0;) {
        if (v->levels[level].count == 0)
            continue;
        path = lsm_table_path(l, v->levels[level].tables[0]->meta.number);
        assert_st_ok(sim_disk_flip(n, path, v->levels[level].tables[0]->meta.size / 2, 3));
        heap_free(path);
        return;
    }
    fail_msg("the store has no table");
}

static void rotten_bit(struct env *env, void *arg)
{
    struct engine      *e;
    struct engine_value v;

    assert_st_ok(engine_open(env, &options, &e));
    fill(e, 2000);
    assert_st_ok(env_sleep_us(env, 5 * SECOND_US)); /* compactions have come to rest */
    flip_a_table(e, arg);
    wait_for_round(env, e, 1);
    assert_true(metric_get(&metrics_of(e)->scrub_faults) > 0);
    assert_int_equal(engine_state(e), ENGINE_RUNNING); /* others are served */
    assert_st_ok(engine_get(e, NULL, SLICE_LIT("no such key"), 1, &v));
    engine_close(e);
}

static void test_rotten_bit(void **state)
{
    (void)state;
    run_sim(rotten_bit);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T("all tables are read, again and again, and no faster than they may", test_whole_store),
        T("a bit that rots where nobody reads is found", test_rotten_bit),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
