/* The suite every kind of engine has to pass: each test gets its engine from a constructor. */
#include "storage/engine.h"

#include "storage/mem.h"
#include "tests/common/test.h"
#include "tests/common/storage_model.h"

struct fixture {
    struct env    *env;
    struct engine *e;
};

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);

    assert_st_ok(env_new(NULL, &f->env));
    assert_st_ok(engine_open(f->env, &(struct engine_options){0}, &f->e));
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;

    engine_close(f->e);
    env_free(f->env);
    free(f);
    return 0;
}

static void commit(struct engine *e, struct engine_batch *b)
{
    assert_st_ok(engine_commit(e, b, true));
    engine_batch_reset(b);
}

static void put(struct engine *e, const char *key, hlc_ts ts, const char *value)
{
    struct engine_batch b;

    engine_batch_init(&b, NULL);
    if (value != NULL)
        assert_st_ok(engine_batch_put(&b, slice_cstr(key), ts, slice_cstr(value)));
    else
        assert_st_ok(engine_batch_delete(&b, slice_cstr(key), ts));
    commit(e, &b);
    engine_batch_deinit(&b);
}

/* The visible entries at `ts` as "key=value ". */
static void scan(struct engine *e, struct engine_snapshot *s, hlc_ts ts, struct buf *out)
{
    struct engine_iter_options o = {.snapshot = s, .ts = ts};
    struct engine_iter        *it;

    assert_st_ok(engine_iter_open(e, &o, &it));
    assert_st_ok(engine_iter_first(it));
    while (it->valid) {
        buf_printf(out, "%.*s=%.*s ", SLICE_FMT(it->key), SLICE_FMT(it->value));
        assert_st_ok(engine_iter_next(it));
    }
    engine_iter_close(it);
}

static void assert_scan(struct engine *e, struct engine_snapshot *s, hlc_ts ts, const char *want)
{
    struct buf out;

    buf_init(&out, NULL);
    scan(e, s, ts, &out);
    assert_string_equal(buf_cstr(&out), want);
    buf_deinit(&out);
}

static void reads_at_timestamps(void **state)
{
    struct fixture     *f = *state;
    struct engine_value v;

    put(f->e, "a", 10, "a10");
    put(f->e, "a", 20, "a20");
    put(f->e, "b", 15, "b15");
    put(f->e, "b", 25, NULL);
    assert_st_ok(engine_get(f->e, NULL, SLICE_LIT("a"), 9, &v));
    assert_false(v.found);
    assert_st_ok(engine_get(f->e, NULL, SLICE_LIT("a"), 19, &v));
    assert_true(v.found && v.ts == 10 && slice_eq_cstr(v.value, "a10"));
    assert_st_ok(engine_get(f->e, NULL, SLICE_LIT("b"), 30, &v));
    assert_true(v.found && v.tombstone && v.ts == 25);
    assert_scan(f->e, NULL, 9, "");
    assert_scan(f->e, NULL, 15, "a=a10 b=b15 ");
    assert_scan(f->e, NULL, 24, "a=a20 b=b15 ");
    assert_scan(f->e, NULL, 25, "a=a20 ");
}

static void snapshot_and_iterator_stay(void **state)
{
    struct fixture            *f = *state;
    struct engine_iter_options o = {.ts = 100};
    struct engine_snapshot    *s;
    struct engine_iter        *it;
    char                       key[16];

    put(f->e, "k000", 1, "old");
    put(f->e, "k999", 1, "old");
    s = engine_snapshot_take(f->e);
    assert_st_ok(engine_iter_open(f->e, &o, &it));
    assert_st_ok(engine_iter_first(it));
    for (int i = 0; i < 1000; i++) {
        snprintf(key, sizeof key, "k%03d", i);
        put(f->e, key, 2, "new");
    }
    assert_true(slice_eq_cstr(it->key, "k000") && slice_eq_cstr(it->value, "old"));
    assert_st_ok(engine_iter_next(it));
    assert_true(slice_eq_cstr(it->key, "k999") && slice_eq_cstr(it->value, "old"));
    assert_st_ok(engine_iter_next(it));
    assert_false(it->valid);
    engine_iter_close(it);
    assert_scan(f->e, s, 100, "k000=old k999=old ");
    engine_snapshot_release(f->e, s);
}

static void large_values(void **state)
{
    static const size_t sizes[] = {0, 1, 1023, 1024, 1025, 4096, 100000, ENGINE_VALUE_SIZE_MAX};
    struct fixture     *f = *state;
    struct engine_batch b;
    struct engine_value v;
    char               *value = calloc(1, ENGINE_VALUE_SIZE_MAX + 1), key[8192];

    engine_batch_init(&b, NULL);
    memset(key, 'k', sizeof key);
    for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
        memset(value, (int)i, sizes[i]);
        assert_st_ok(
            engine_batch_put(&b, slice_make(key, sizeof key - i), 1, slice_make(value, sizes[i])));
        commit(f->e, &b);
    }
    for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
        assert_st_ok(engine_get(f->e, NULL, slice_make(key, sizeof key - i), 1, &v));
        assert_true(v.found);
        assert_int_equal(v.value.size, sizes[i]);
        assert_true(sizes[i] == 0 || v.value.data[sizes[i] - 1] == (char)i);
    }
    assert_st_code(
        engine_batch_put(&b, SLICE_LIT("k"), 1, slice_make(value, ENGINE_VALUE_SIZE_MAX + 1)),
        ST_LIMIT_EXCEEDED);
    assert_true(engine_batch_is_empty(&b));
    engine_batch_deinit(&b);
    free(value);
}

static void gc_with_budget(void **state)
{
    struct fixture *f = *state;
    struct buf      resume, start;
    uint64_t        dropped, total = 0;
    char            key[16];

    for (int i = 0; i < 50; i++) {
        snprintf(key, sizeof key, "k%02d", i);
        for (hlc_ts ts = 1; ts <= 10; ts++)
            put(f->e, key, ts, ts == 5 && i % 2 == 0 ? NULL : "v");
    }
    buf_init(&resume, NULL);
    buf_init(&start, NULL);
    do {
        buf_reset(&start);
        buf_append_slice(&start, buf_slice(&resume));
        buf_reset(&resume);
        assert_st_ok(engine_gc(f->e, buf_slice(&start), SLICE_EMPTY, 5, 37, &resume, &dropped));
        total += dropped;
    } while (resume.size > 0);
    /* Versions 1 to 4 of all keys, and the tombstone of every other. */
    assert_int_equal(total, 50 * 4 + 25);
    buf_deinit(&resume);
    buf_deinit(&start);
}

static void span_size_is_near(void **state)
{
    struct fixture     *f = *state;
    struct engine_batch b;
    uint64_t            size;
    char                key[16], value[100] = {0};

    engine_batch_init(&b, NULL);
    for (int i = 0; i < 10000; i++) {
        snprintf(key, sizeof key, "k%05d", i);
        assert_st_ok(engine_batch_put(&b, slice_cstr(key), 1, slice_make(value, sizeof value)));
    }
    commit(f->e, &b);
    assert_st_ok(engine_span_size(f->e, SLICE_LIT("k02000"), SLICE_LIT("k04000"), &size));
    assert_in_range(size, 2000 * 100, 2000 * 140);
    assert_st_ok(engine_span_size(f->e, SLICE_LIT("k04000"), SLICE_LIT("k02000"), &size));
    assert_int_equal(size, 0);
    assert_st_ok(engine_span_size(f->e, SLICE_EMPTY, SLICE_EMPTY, &size));
    assert_in_range(size, 10000 * 100, 10000 * 140);
    engine_batch_deinit(&b);
}

/* Random batches, snapshots, garbage collection, against the model. */
static void run_property(struct fixture *f, const struct model_shape *shape, unsigned rounds,
                         unsigned ops, uint64_t seed)
{
    struct prng             p;
    struct model            m, frozen;
    struct engine_batch     b;
    struct engine_snapshot *s = NULL;
    struct buf              resume;

    prng_init(&p, test_seed(seed));
    model_init(&m);
    engine_batch_init(&b, NULL);
    buf_init(&resume, NULL);
    for (unsigned i = 0; i < rounds; i++) {
        model_random_batch(&p, shape, ops, &b);
        model_apply(&m, &b);
        commit(f->e, &b);
        if (s == NULL && prng_below(&p, 10) == 0) {
            s = engine_snapshot_take(f->e);
            model_copy(&frozen, &m);
        } else if (s != NULL && prng_below(&p, 10) == 0) {
            model_check_all(&frozen, f->e, s);
            engine_snapshot_release(f->e, s);
            model_deinit(&frozen);
            s = NULL;
        }
        if (prng_below(&p, 25) == 0) {
            hlc_ts   threshold = prng_below(&p, shape->ts_max);
            uint64_t dropped;

            assert_st_ok(engine_gc(f->e, SLICE_EMPTY, SLICE_EMPTY, threshold, UINT64_MAX, &resume,
                                   &dropped));
            assert_int_equal(resume.size, 0);
            model_gc(&m, threshold);
        }
        model_check_some(&m, f->e, NULL, &p, shape);
        if (s != NULL)
            model_check_some(&frozen, f->e, s, &p, shape);
        if (prng_below(&p, 20) == 0) {
            tree_check(&mem_of(f->e)->data);
            tree_check(&mem_of(f->e)->meta);
            model_check_all(&m, f->e, NULL);
        }
    }
    if (s != NULL) {
        engine_snapshot_release(f->e, s);
        model_deinit(&frozen);
    }
    model_check_all(&m, f->e, NULL);
    buf_deinit(&resume);
    engine_batch_deinit(&b);
    model_deinit(&m);
}

static void property_small_keys(void **state)
{
    struct model_shape shape = {
        .keys = 3000, .key_size_max = 24, .value_size_max = 3000, .ts_max = 6, .clears = true};

    run_property(*state, &shape, 1500, 300, 1);
}

static void property_many_versions(void **state)
{
    struct model_shape shape = {
        .keys = 20, .key_size_max = 30, .value_size_max = 200, .ts_max = 400, .clears = true};

    run_property(*state, &shape, 1000, 300, 2);
}

static void property_huge_keys(void **state)
{
    struct model_shape shape = {
        .keys = 400, .key_size_max = 8000, .value_size_max = 9000, .ts_max = 4, .clears = true};

    run_property(*state, &shape, 1000, 60, 3);
}

static void property_no_clears(void **state)
{
    struct model_shape shape = {
        .keys = 20000, .key_size_max = 40, .value_size_max = 300, .ts_max = 3, .clears = false};

    run_property(*state, &shape, 150, 4000, 4);
}

static void memory_comes_back(void **state)
{
    struct fixture     *f = *state;
    struct engine_batch b;
    struct engine_stats stats;
    struct model_shape  shape = {
         .keys = 5000, .key_size_max = 30, .value_size_max = 5000, .ts_max = 5, .clears = false};
    struct prng p;

    prng_init(&p, test_seed(5));
    engine_batch_init(&b, NULL);
    model_random_batch(&p, &shape, 50000, &b);
    commit(f->e, &b);
    assert_st_ok(engine_batch_clear_range(&b, SLICE_EMPTY, SLICE_EMPTY));
    assert_st_ok(engine_batch_clear_meta(&b, SLICE_EMPTY, SLICE_EMPTY));
    commit(f->e, &b);
    engine_stats(f->e, &stats);
    assert_int_equal(stats.memory_size, 0);
    assert_int_equal(stats.entries, 0);
    engine_batch_deinit(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TF("a read sees the newest version at or below its timestamp", reads_at_timestamps, set_up,
           tear_down),
        TF("snapshots and iterators see the state of their opening", snapshot_and_iterator_stay,
           set_up, tear_down),
        TF("values from nothing to 64 MiB and keys up to 8 KiB come back", large_values, set_up,
           tear_down),
        TF("garbage collection in steps drops what no read can see", gc_with_budget, set_up,
           tear_down),
        TF("the size of a span is near the truth", span_size_is_near, set_up, tear_down),
        TF("random operations agree with the model: small keys", property_small_keys, set_up,
           tear_down),
        TF("random operations agree with the model: many versions", property_many_versions, set_up,
           tear_down),
        TF("random operations agree with the model: huge keys", property_huge_keys, set_up,
           tear_down),
        TF("random operations agree with the model: many keys", property_no_clears, set_up,
           tear_down),
        TF("an emptied engine gives its memory back", memory_comes_back, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
