/* How fast commits come in and compactions go on, and what happens when nothing is written, on the
 * virtual clock. */
#include "base/prng.h"
#include "storage/engine.h"
#include "tests/common/engine_world.h"

enum { KEYS = 2000, SECOND_US = 1000 * 1000 };

static bool is_for(const struct engine_world *w)
{
    return w->options.type == ENGINE_LSM && w->kind->place == PLACE_SIMULATED_DISK;
}

/* The same with other sizes, so that a memtable takes some hundred commits. */
static void resize(struct engine_world *w, uint64_t compaction_rate)
{
    w->options.memtable_size = 1 << 20;
    w->options.table_size = 512 << 10;
    w->options.level_size = 2 << 20;
    w->options.compaction_rate = compaction_rate;
    engine_world_reopen(w);
}

static void commit(struct engine_world *w, struct prng *p, size_t size)
{
    struct engine_batch b;
    char                key[16], *value = malloc(size);

    snprintf(key, sizeof key, "k%05u", (unsigned)prng_below(p, KEYS));
    prng_bytes(p, value, size);
    engine_batch_init(&b, NULL);
    assert_st_ok(engine_batch_put(&b, slice_cstr(key), 1 + prng_below(p, 1u << 30),
                                  slice_make(value, size)));
    assert_st_ok(engine_commit(w->e, &b, false));
    engine_batch_deinit(&b);
    free(value);
}

/* One more table of level 0. */
static void add_table(struct engine_world *w, struct prng *p)
{
    for (unsigned i = 0; i < 50; i++)
        commit(w, p, 1000);
    assert_st_ok(engine_checkpoint(w->e));
}

static uint64_t level0(struct engine_world *w)
{
    struct engine_level levels[ENGINE_LEVELS];

    engine_levels(w->e, levels);
    return levels[0].tables;
}

/* ---- commits ---- */

static void commits_slow_down(struct engine_world *w)
{
    const struct engine_metrics *m;
    struct prng                  p;
    uint64_t                     most_us = 0;

    if (!is_for(w))
        return;
    resize(w, 0);
    m = engine_metrics(w->e);
    prng_init(&p, 1);
    for (unsigned i = 0; i < 2000; i++) {
        uint64_t from_us = env_mono_us(w->env);

        commit(w, &p, 100 << 10);
        most_us = MAX(most_us, env_mono_us(w->env) - from_us);
    }
    assert_true(metric_get(&m->write_delay_us) > 0);
    assert_int_equal(metric_get(&m->write_stops), 0);
    assert_in_range(most_us, 1, 50 * 1000);
}

/* ---- compactions ---- */

static uint64_t compact_us(struct engine_world *w)
{
    const struct engine_metrics *m = engine_metrics(w->e);
    uint64_t from_us = env_mono_us(w->env), before = metric_get(&m->compactions);

    while (metric_get(&m->compactions) == before) {
        assert_in_range(env_mono_us(w->env) - from_us, 0, 100 * SECOND_US);
        assert_st_ok(env_sleep_us(w->env, 1000));
    }
    return env_mono_us(w->env) - from_us;
}

static void rate_holds(struct engine_world *w)
{
    struct prng p;
    uint64_t    from_us;

    if (!is_for(w))
        return;
    resize(w, 64 << 10);
    prng_init(&p, 2);
    for (unsigned i = 0; i < 6; i++)
        add_table(w, &p);
    /* 300 KB at 64 KiB/s; a flush beside it takes what it takes. */
    from_us = env_mono_us(w->env);
    add_table(w, &p);
    assert_in_range(env_mono_us(w->env) - from_us, 0, SECOND_US / 10);
    assert_in_range(compact_us(w), 2 * SECOND_US, 10 * SECOND_US);
}

static void rate_rises(struct engine_world *w)
{
    struct prng p;

    if (!is_for(w))
        return;
    resize(w, 1 << 10);
    prng_init(&p, 3);
    for (unsigned i = 0; i < 8; i++)
        add_table(w, &p);
    assert_st_ok(env_sleep_us(w->env, 20 * SECOND_US)); /* it takes minutes */
    assert_int_equal(metric_get(&engine_metrics(w->e)->compactions), 0);
    for (unsigned i = 8; i < 12; i++)
        add_table(w, &p);
    assert_in_range(compact_us(w), 0, SECOND_US);
}

/* ---- at rest ---- */

static void level0_rests(struct engine_world *w)
{
    struct prng p;

    if (!is_for(w))
        return;
    resize(w, 0);
    prng_init(&p, 4);
    for (unsigned i = 0; i < 3; i++)
        add_table(w, &p);
    assert_int_equal(level0(w), 3);
    for (unsigned i = 0; i < 20; i++) { /* somebody writes: no rest */
        for (unsigned k = 0; k < 10; k++)
            commit(w, &p, 500);
        assert_st_ok(env_sleep_us(w->env, SECOND_US));
    }
    assert_int_equal(level0(w), 3);
    assert_st_ok(env_sleep_us(w->env, 20 * SECOND_US));
    assert_int_equal(level0(w), 0);
}

static const struct engine_case cases[] = {
    {"commits slow down in small steps rather than stop", commits_slow_down},
    {"compactions keep to their rate, and hold up no flush", rate_holds},
    {"compactions that get behind have no limit", rate_rises},
    {"level 0 is merged when nothing has been written for some seconds", level0_rests},
};

int main(void)
{
    return engine_suite_run("pace", cases, ARRAY_LEN(cases));
}
