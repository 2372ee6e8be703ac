/* Compactions beside each other, and what stops one. */
#include "base/prng.h"
#include "env/file.h"
#include "storage/engine.h"
#include "tests/common/engine_world.h"
#include "tests/common/storage_model.h"

/* In virtual time what runs beside what is the same each time. */
static bool is_for(const struct engine_world *w)
{
    return w->options.type == ENGINE_LSM && w->kind->place == PLACE_SIMULATED_DISK;
}

static uint64_t running(const struct engine_world *w)
{
    return (uint64_t)metric_gauge_get(&engine_metrics(w->e)->compactions_running);
}

static uint64_t done(const struct engine_world *w)
{
    return metric_get(&engine_metrics(w->e)->compactions);
}

static uint64_t failed(const struct engine_world *w)
{
    return metric_get(&engine_metrics(w->e)->compaction_failures);
}

/* Random keys with two bytes in front, so that spans are easy to name. */
static void add_some(struct engine_world *w, struct prng *p, struct model *m, uint64_t ts)
{
    struct engine_batch b;
    char                key[16], value[400];

    engine_batch_init(&b, NULL);
    for (unsigned i = 0; i < 20; i++) {
        snprintf(key, sizeof key, "%c%05u", (int)('a' + prng_below(p, 8)),
                 (unsigned)prng_below(p, 3000));
        prng_bytes(p, value, sizeof value);
        assert_st_ok(
            engine_batch_put(&b, slice_cstr(key), ts, slice_make(value, prng_below(p, 400))));
    }
    assert_st_ok(engine_commit(w->e, &b, false));
    model_apply(m, &b);
    engine_batch_deinit(&b);
}

static void wait_ms(struct engine_world *w, uint64_t ms)
{
    assert_st_ok(env_sleep_us(w->env, ms * 1000));
}

/* ---- several at once ---- */

static void several_run(struct engine_world *w)
{
    struct model m;
    struct prng  p;
    uint64_t     most = 0;

    if (!is_for(w))
        return;
    model_init(&m);
    m.counts_are_near = true;
    prng_init(&p, 1);
    for (unsigned i = 0; i < 600; i++) {
        add_some(w, &p, &m, i + 1);
        wait_ms(w, 1);
        most = MAX(most, running(w));
    }
    model_check_all(&m, w->e, NULL);
    assert_in_range(most, 2, w->options.compactions_max);
    model_deinit(&m);
}

/* ---- drops ---- */

/* What is dropped must not come back with the outputs of any of them, and nothing else go. */
static void drops_hit(struct engine_world *w)
{
    struct model m;
    struct prng  p;
    unsigned     hits = 0;

    if (!is_for(w))
        return;
    model_init(&m);
    m.counts_are_near = true;
    prng_init(&p, 2);
    for (unsigned i = 0; i < 400; i++) {
        char start[2] = {(char)('a' + prng_below(&p, 8)), 0}, end[2] = {(char)(start[0] + 1), 0};

        add_some(w, &p, &m, i + 1);
        wait_ms(w, prng_below(&p, 2));
        if (running(w) < 2 || prng_below(&p, 3) != 0)
            continue;
        hits++;
        assert_st_ok(engine_drop_span(w->e, slice_cstr(start), slice_cstr(end)));
        model_clear_range(&m, slice_cstr(start), slice_cstr(end));
    }
    wait_ms(w, 2000);
    model_check_all(&m, w->e, NULL);
    assert_true(hits > 0);
    assert_int_equal(failed(w), 0);
    engine_world_reopen(w);
    model_check_all(&m, w->e, NULL);
    model_deinit(&m);
}

/* ---- damage ---- */

static status take_number(void *ctx, const struct engine_table *t)
{
    uint64_t *number = ctx;

    if (t->level > 0 && t->least.data[1] == 'a')
        *number = t->number;
    return STATUS_OK;
}

/* A byte of the first block of a table with keys of "a". */
static void damage(struct engine_world *w)
{
    struct env_file *f;
    uint64_t         number = 0;
    size_t           n;
    char             path[120], byte;

    assert_st_ok(engine_tables(w->e, take_number, &number));
    assert_true(number > 0);
    snprintf(path, sizeof path, "%s/%012llu.sst", w->path, (unsigned long long)number);
    assert_st_ok(env_file_open(w->env, path, ENV_READ | ENV_WRITE, &f));
    assert_st_ok(env_file_read_at(f, &byte, 1, 100, ENV_INLINE, &n));
    byte = (char)(byte ^ 1);
    assert_st_ok(env_file_write_at(f, &byte, 1, 100, ENV_INLINE));
    env_file_close(f);
}

static void damage_stops_one(struct engine_world *w)
{
    struct model m;
    struct prng  p;
    uint64_t     before, closing_us;

    if (!is_for(w))
        return;
    model_init(&m);
    prng_init(&p, 3);
    for (unsigned i = 0; i < 200; i++)
        add_some(w, &p, &m, i + 1);
    assert_st_ok(engine_checkpoint(w->e));
    wait_ms(w, 1000);
    assert_int_equal(running(w), 0);
    damage(w);
    for (unsigned i = 200; failed(w) == 0; i++) {
        assert_in_range(i, 200, 2000);
        add_some(w, &p, &m, i + 1);
        wait_ms(w, 1);
    }
    before = done(w);
    for (unsigned i = 0; i < 100; i++) {
        struct engine_batch b;
        char                key[16], value[1000];

        engine_batch_init(&b, NULL);
        for (unsigned k = 0; k < 5; k++) {
            snprintf(key, sizeof key, "x%05u", (unsigned)prng_below(&p, 3000));
            prng_bytes(&p, value, sizeof value);
            assert_st_ok(
                engine_batch_put(&b, slice_cstr(key), 3000 + i, slice_make(value, sizeof value)));
        }
        assert_st_ok(engine_commit(w->e, &b, false));
        engine_batch_deinit(&b);
    }
    wait_ms(w, 300); /* less than until the next try */
    assert_true(done(w) > before);
    for (unsigned i = 2000; failed(w) == 1; i++) { /* it is tried again, not given up */
        assert_in_range(i, 2000, 4000);
        add_some(w, &p, &m, i + 1);
        wait_ms(w, 10);
    }
    closing_us = env_mono_us(w->env);
    engine_close(w->e);
    assert_in_range(env_mono_us(w->env) - closing_us, 0, 100 * 1000);
    assert_st_ok(engine_open(w->env, &w->options, &w->e));
    model_deinit(&m);
}

static const struct engine_case cases[] = {
    {"compactions of different spans run at once, and lose nothing", several_run},
    {"a dropped span goes from all compactions under way, alone", drops_hit},
    {"a damaged table stops its own compaction, not others, and no closing", damage_stops_one},
};

int main(void)
{
    return engine_suite_run("compactions", cases, ARRAY_LEN(cases));
}
