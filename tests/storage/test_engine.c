/* What every kind of engine has to do, scene by scene; test_engine_random.c does it at random. Each
 * case runs for every kind in tests/common/engine_world.c. */
#include "storage/engine.h"

#include "base/hmap.h"
#include "tests/common/engine_world.h"
#include "tests/common/storage_model.h"

/* Without a sync, which takes milliseconds on some disks. */
static void commit(struct engine *e, struct engine_batch *b)
{
    assert_st_ok(engine_commit(e, b, false));
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

static void reads_at_timestamps(struct engine_world *w)
{
    struct engine_value v;

    put(w->e, "a", 10, "a10");
    put(w->e, "a", 20, "a20");
    put(w->e, "b", 15, "b15");
    put(w->e, "b", 25, NULL);
    assert_st_ok(engine_get(w->e, NULL, SLICE_LIT("a"), 9, &v));
    assert_false(v.found);
    assert_st_ok(engine_get(w->e, NULL, SLICE_LIT("a"), 19, &v));
    assert_true(v.found && v.ts == 10 && slice_eq_cstr(v.value, "a10"));
    assert_st_ok(engine_get(w->e, NULL, SLICE_LIT("b"), 30, &v));
    assert_true(v.found && v.tombstone && v.ts == 25);
    assert_scan(w->e, NULL, 9, "");
    assert_scan(w->e, NULL, 15, "a=a10 b=b15 ");
    assert_scan(w->e, NULL, 24, "a=a20 b=b15 ");
    assert_scan(w->e, NULL, 25, "a=a20 ");
}

static void snapshot_and_iterator_stay(struct engine_world *w)
{
    struct engine_iter_options o = {.ts = 100};
    struct engine_snapshot    *s;
    struct engine_iter        *it;
    char                       key[16];

    put(w->e, "k000", 1, "old");
    put(w->e, "k999", 1, "old");
    s = engine_snapshot_take(w->e);
    assert_st_ok(engine_iter_open(w->e, &o, &it));
    assert_st_ok(engine_iter_first(it));
    for (int i = 0; i < 1000; i++) {
        snprintf(key, sizeof key, "k%03d", i);
        put(w->e, key, 2, "new");
    }
    assert_true(slice_eq_cstr(it->key, "k000") && slice_eq_cstr(it->value, "old"));
    assert_st_ok(engine_iter_next(it));
    assert_true(slice_eq_cstr(it->key, "k999") && slice_eq_cstr(it->value, "old"));
    assert_st_ok(engine_iter_next(it));
    assert_false(it->valid);
    engine_iter_close(it);
    assert_scan(w->e, s, 100, "k000=old k999=old ");
    engine_snapshot_release(w->e, s);
}

static void large_values(struct engine_world *w)
{
    static const size_t sizes[] = {0,    1,      1023,    1024,    1025,
                                   4096, 100000, 1 << 20, 5 << 20, ENGINE_VALUE_SIZE_MAX};
    struct engine_batch b;
    struct engine_value v;
    /* The largest would only keep a disk busy. */
    size_t              count = ARRAY_LEN(sizes) - (engine_world_has_files(w) ? 1 : 0);
    char               *value = calloc(1, ENGINE_VALUE_SIZE_MAX + 1), key[ENGINE_KEY_SIZE_MAX + 1];

    engine_batch_init(&b, NULL);
    memset(key, 'k', sizeof key);
    for (size_t i = 0; i < count; i++) {
        memset(value, (int)i, sizes[i]);
        assert_st_ok(engine_batch_put(&b, slice_make(key, ENGINE_KEY_SIZE_MAX - i), 1,
                                      slice_make(value, sizes[i])));
        commit(w->e, &b);
    }
    engine_world_reopen(w);
    for (size_t i = 0; i < count; i++) {
        assert_st_ok(engine_get(w->e, NULL, slice_make(key, ENGINE_KEY_SIZE_MAX - i), 1, &v));
        assert_true(v.found);
        assert_int_equal(v.value.size, sizes[i]);
        assert_true(sizes[i] == 0 || v.value.data[sizes[i] - 1] == (char)i);
    }
    assert_st_code(
        engine_batch_put(&b, SLICE_LIT("k"), 1, slice_make(value, ENGINE_VALUE_SIZE_MAX + 1)),
        ST_LIMIT_EXCEEDED);
    assert_st_code(engine_batch_put(&b, slice_make(key, sizeof key), 1, SLICE_EMPTY),
                   ST_LIMIT_EXCEEDED);
    assert_true(engine_batch_is_empty(&b));
    engine_batch_deinit(&b);
    free(value);
}

static void gc_with_budget(struct engine_world *w)
{
    struct buf resume, start;
    uint64_t   dropped, total = 0;
    char       key[16];

    for (int i = 0; i < 50; i++) {
        snprintf(key, sizeof key, "k%02d", i);
        for (hlc_ts ts = 1; ts <= 10; ts++)
            put(w->e, key, ts, ts == 5 && i % 2 == 0 ? NULL : "v");
    }
    buf_init(&resume, NULL);
    buf_init(&start, NULL);
    do {
        buf_reset(&start);
        buf_append_slice(&start, buf_slice(&resume));
        buf_reset(&resume);
        assert_st_ok(engine_gc(w->e, buf_slice(&start), SLICE_EMPTY, 5, 37, &resume, &dropped));
        total += dropped;
    } while (resume.size > 0);
    /* Versions 1 to 4 of all keys, and the tombstone of every other. */
    if (w->kind->exact)
        assert_int_equal(total, 50 * 4 + 25);
    for (int i = 0; i < 50; i++) {
        struct engine_value v;

        snprintf(key, sizeof key, "k%02d", i);
        assert_st_ok(engine_get(w->e, NULL, slice_cstr(key), 5, &v));
        assert_int_equal(v.found && !v.tombstone, i % 2 != 0);
        assert_st_ok(engine_get(w->e, NULL, slice_cstr(key), 6, &v));
        assert_true(v.found && v.ts == 6);
    }
    buf_deinit(&resume);
    buf_deinit(&start);
}

static void span_size_is_near(struct engine_world *w)
{
    struct engine_batch b;
    uint64_t            size;
    char                key[16], value[100] = {0};

    engine_batch_init(&b, NULL);
    for (int i = 0; i < 10000; i++) {
        snprintf(key, sizeof key, "k%05d", i);
        assert_st_ok(engine_batch_put(&b, slice_cstr(key), 1, slice_make(value, sizeof value)));
    }
    commit(w->e, &b);
    assert_st_ok(engine_span_size(w->e, SLICE_LIT("k02000"), SLICE_LIT("k04000"), &size));
    assert_in_range(size, 2000 * 100, 2000 * 140);
    assert_st_ok(engine_span_size(w->e, SLICE_LIT("k04000"), SLICE_LIT("k02000"), &size));
    assert_int_equal(size, 0);
    assert_st_ok(engine_span_size(w->e, SLICE_LIT("k02000"), SLICE_LIT("k02000"), &size));
    assert_int_equal(size, 0);
    assert_st_ok(engine_span_size(w->e, SLICE_EMPTY, SLICE_EMPTY, &size));
    assert_in_range(size, 10000 * 100, 10000 * 140);
    engine_batch_deinit(&b);
}

static void memory_comes_back(struct engine_world *w)
{
    struct engine_batch b;
    struct engine_stats stats;
    struct model_shape  shape = {
         .keys = 5000, .key_size_max = 30, .value_size_max = 5000, .ts_max = 5, .clears = false};
    struct prng p;

    prng_init(&p, test_seed(5));
    engine_batch_init(&b, NULL);
    model_random_batch(&p, &shape, 50000, &b);
    commit(w->e, &b);
    assert_st_ok(engine_batch_clear_range(&b, SLICE_EMPTY, SLICE_EMPTY));
    assert_st_ok(engine_batch_clear_meta(&b, SLICE_EMPTY, SLICE_EMPTY));
    commit(w->e, &b);
    engine_stats(w->e, &stats);
    if (w->kind->exact) {
        assert_int_equal(stats.memory_size, 0);
        assert_int_equal(stats.entries, 0);
    }
    assert_scan(w->e, NULL, HLC_TS_MAX, "");
    engine_batch_deinit(&b);
}

/* ---- order ---- */

/* Least and greatest bytes, and prefixes of each other, in their order. */
static const slice awkward[] = {
    {"\x00", 1},         {"\x00\x00", 2},  {"\x00\x00\xff", 3},
    {"\x00\x01", 2},     {"\x00\xff", 2},  {"\x00\xff\x00", 3},
    {"\x01", 1},         {"a", 1},         {"a\x00", 2},
    {"a\x00\x00", 3},    {"a\x00\xff", 3}, {"aa", 2},
    {"a\xff", 2},        {"b", 1},         {"\xfe\xff", 2},
    {"\xff", 1},         {"\xff\x00", 2},  {"\xff\xff", 2},
    {"\xff\xff\xff", 3},
};

static void put_awkward(struct engine *e)
{
    struct engine_batch b;

    engine_batch_init(&b, NULL);
    for (size_t i = ARRAY_LEN(awkward); i-- > 0;) {
        assert_st_ok(engine_batch_put(&b, awkward[i], 5, awkward[i]));
        assert_st_ok(engine_batch_put(&b, awkward[i], 9, SLICE_LIT("later")));
        assert_st_ok(engine_batch_put_meta(&b, awkward[i], awkward[i]));
    }
    commit(e, &b);
    engine_batch_deinit(&b);
}

static void check_awkward(struct engine *e, enum engine_iter_mode mode)
{
    struct engine_iter_options o = {.mode = mode, .ts = 5};
    struct engine_iter        *it;

    assert_st_ok(engine_iter_open(e, &o, &it));
    assert_st_ok(engine_iter_first(it));
    for (size_t i = 0; i < ARRAY_LEN(awkward); i++) {
        assert_true(it->valid && slice_eq(it->key, awkward[i]) && slice_eq(it->value, awkward[i]));
        assert_st_ok(engine_iter_next(it));
    }
    assert_false(it->valid);
    for (size_t i = 0; i < ARRAY_LEN(awkward); i++) {
        assert_st_ok(engine_iter_seek(it, awkward[i]));
        assert_true(it->valid && slice_eq(it->key, awkward[i]));
        assert_st_ok(engine_iter_seek_before(it, awkward[i]));
        assert_int_equal(it->valid, i > 0);
        assert_true(i == 0 || slice_eq(it->key, awkward[i - 1]));
    }
    assert_st_ok(engine_iter_last(it));
    for (size_t i = ARRAY_LEN(awkward); i-- > 0;) {
        assert_true(it->valid && slice_eq(it->key, awkward[i]) && slice_eq(it->value, awkward[i]));
        assert_st_ok(engine_iter_prev(it));
    }
    assert_false(it->valid);
    engine_iter_close(it);
}

static void bytes_decide_the_order(struct engine_world *w)
{
    put_awkward(w->e);
    for (int i = 0; i < 2; i++) {
        check_awkward(w->e, ENGINE_ITER_VISIBLE);
        check_awkward(w->e, ENGINE_ITER_META);
        engine_world_reopen(w);
    }
}

static void clears_cover_their_span(struct engine_world *w)
{
    for (size_t from = 0; from < ARRAY_LEN(awkward); from++) {
        struct engine_batch        b;
        struct engine_iter_options o = {.ts = 9};
        struct engine_iter        *it;
        size_t                     to = from + (ARRAY_LEN(awkward) - from) / 2, left = 0;

        put_awkward(w->e);
        engine_batch_init(&b, NULL);
        assert_st_ok(engine_batch_clear_range(&b, awkward[from], awkward[to]));
        commit(w->e, &b);
        engine_batch_deinit(&b);
        assert_st_ok(engine_iter_open(w->e, &o, &it));
        assert_st_ok(engine_iter_first(it));
        for (; it->valid; left++) {
            assert_true(slice_cmp(it->key, awkward[from]) < 0 ||
                        slice_cmp(it->key, awkward[to]) >= 0);
            assert_st_ok(engine_iter_next(it));
        }
        assert_int_equal(left, ARRAY_LEN(awkward) - (to - from));
        engine_iter_close(it);
    }
    check_awkward(w->e, ENGINE_ITER_META); /* the other space is untouched */
}

/* ---- batches ---- */

static void later_operations_win(struct engine_world *w)
{
    struct engine_batch b;

    put(w->e, "a", 1, "old");
    put(w->e, "b", 1, "old");
    put(w->e, "c", 1, "old");
    engine_batch_init(&b, NULL);
    assert_st_ok(engine_batch_put(&b, SLICE_LIT("a"), 2, SLICE_LIT("lost")));
    assert_st_ok(engine_batch_clear_range(&b, SLICE_LIT("a"), SLICE_LIT("c")));
    assert_st_ok(engine_batch_put(&b, SLICE_LIT("b"), 3, SLICE_LIT("first")));
    assert_st_ok(engine_batch_put(&b, SLICE_LIT("b"), 3, SLICE_LIT("second")));
    assert_st_ok(engine_batch_put(&b, SLICE_LIT("c"), 4, SLICE_LIT("gone")));
    assert_st_ok(engine_batch_clear_version(&b, SLICE_LIT("c"), 4));
    assert_st_ok(engine_batch_clear_version(&b, SLICE_LIT("d"), 4)); /* there never was one */
    commit(w->e, &b);
    engine_batch_deinit(&b);
    for (int i = 0; i < 2; i++) {
        assert_scan(w->e, NULL, 100, "b=second c=old ");
        assert_scan(w->e, NULL, 2, "c=old ");
        engine_world_reopen(w);
    }
}

static void cleared_version_shows_the_one_below(struct engine_world *w)
{
    struct engine_batch b;

    put(w->e, "a", 1, "one");
    put(w->e, "a", 2, "two");
    put(w->e, "a", 3, NULL);
    engine_world_reopen(w);
    assert_scan(w->e, NULL, 3, "");
    engine_batch_init(&b, NULL);
    assert_st_ok(engine_batch_clear_version(&b, SLICE_LIT("a"), 3));
    commit(w->e, &b);
    assert_scan(w->e, NULL, 3, "a=two ");
    engine_world_reopen(w);
    assert_st_ok(engine_batch_clear_version(&b, SLICE_LIT("a"), 2));
    commit(w->e, &b);
    engine_world_reopen(w);
    assert_scan(w->e, NULL, 3, "a=one ");
    put(w->e, "a", 2, "two again");
    assert_scan(w->e, NULL, 3, "a=two again ");
    engine_batch_deinit(&b);
}

static void empty_is_not_deleted(struct engine_world *w)
{
    struct engine_value v;

    put(w->e, "empty", 1, "");
    put(w->e, "deleted", 1, NULL);
    engine_world_reopen(w);
    assert_st_ok(engine_get(w->e, NULL, SLICE_LIT("empty"), 1, &v));
    assert_true(v.found && !v.tombstone && v.value.size == 0);
    assert_st_ok(engine_get(w->e, NULL, SLICE_LIT("deleted"), 1, &v));
    assert_true(v.found && v.tombstone);
}

static void spaces_are_apart(struct engine_world *w)
{
    struct engine_batch b;
    struct engine_value v;

    engine_batch_init(&b, NULL);
    assert_st_ok(engine_batch_put(&b, SLICE_LIT("k"), 1, SLICE_LIT("data")));
    assert_st_ok(engine_batch_put_meta(&b, SLICE_LIT("k"), SLICE_LIT("meta")));
    commit(w->e, &b);
    assert_st_ok(engine_batch_clear_range(&b, SLICE_EMPTY, SLICE_EMPTY));
    commit(w->e, &b);
    assert_st_ok(engine_get(w->e, NULL, SLICE_LIT("k"), 9, &v));
    assert_false(v.found);
    assert_st_ok(engine_get_meta(w->e, NULL, SLICE_LIT("k"), &v));
    assert_true(v.found && v.ts == 0 && slice_eq_cstr(v.value, "meta"));
    put(w->e, "k", 1, "data");
    assert_st_ok(engine_batch_clear_meta(&b, SLICE_EMPTY, SLICE_EMPTY));
    commit(w->e, &b);
    engine_world_reopen(w);
    assert_st_ok(engine_get_meta(w->e, NULL, SLICE_LIT("k"), &v));
    assert_false(v.found);
    assert_scan(w->e, NULL, 1, "k=data ");
    engine_batch_deinit(&b);
}

/* What came by engine_apply() is for the Raft log to bring back, until it is in a table. */
static void replicated_is_not_logged(struct engine_world *w)
{
    struct engine_batch b;
    struct engine_value v;

    engine_batch_init(&b, NULL);
    assert_st_ok(engine_batch_put(&b, SLICE_LIT("k"), 1, SLICE_LIT("v")));
    assert_st_ok(engine_batch_set_applied(&b, 3, 9));
    assert_st_ok(engine_apply(w->e, &b));
    assert_st_ok(engine_sync(w->e));
    assert_int_equal(engine_applied(w->e, 3), 9);
    assert_int_equal(engine_applied_durable(w->e, 3), engine_applied_flushed(w->e, 3));
    assert_scan(w->e, NULL, 1, "k=v ");
    if (engine_world_has_files(w)) {
        engine_world_reopen(w); /* small memtables may have become tables */
        assert_int_equal(engine_applied(w->e, 3), engine_applied_flushed(w->e, 3));
        assert_scan(w->e, NULL, 1, engine_applied(w->e, 3) == 9 ? "k=v " : "");
        assert_st_ok(engine_apply(w->e, &b));
        assert_st_ok(engine_checkpoint(w->e));
        for (int i = 0; i < 2; i++) {
            assert_int_equal(engine_applied_flushed(w->e, 3), 9);
            assert_int_equal(engine_applied_durable(w->e, 3), 9);
            assert_int_equal(engine_applied(w->e, 3), 9);
            assert_st_ok(engine_get(w->e, NULL, SLICE_LIT("k"), 1, &v));
            assert_true(v.found);
            engine_world_reopen(w);
        }
    }
    engine_batch_deinit(&b);
}

static void applied_index_stays(struct engine_world *w)
{
    struct engine_batch b;

    engine_batch_init(&b, NULL);
    for (uint64_t range = 1; range <= 100; range++) {
        assert_st_ok(engine_batch_put(&b, SLICE_LIT("k"), range, SLICE_LIT("v")));
        assert_st_ok(engine_batch_set_applied(&b, range, range * 1000));
        assert_st_ok(engine_commit(w->e, &b, range % 20 == 0));
        assert_int_equal(engine_applied(w->e, range), range * 1000);
        assert_true(!engine_world_has_files(w) || range % 20 != 0 ||
                    engine_applied_durable(w->e, range) == range * 1000);
        engine_batch_reset(&b);
    }
    assert_st_ok(engine_batch_set_applied(&b, 50, 7));
    assert_st_ok(engine_commit(w->e, &b, true));
    for (int i = 0; i < 2; i++) {
        assert_int_equal(engine_applied(w->e, 100), 100000);
        assert_int_equal(engine_applied(w->e, 50), 7);
        assert_int_equal(engine_applied(w->e, 101), 0);
        assert_true(!engine_world_has_files(w) || engine_applied_durable(w->e, 50) == 7);
        engine_world_reopen(w);
    }
    engine_batch_deinit(&b);
}

/* ---- iterators ---- */

static void scan_back(struct engine *e, hlc_ts ts, struct buf *out)
{
    struct engine_iter_options o = {.ts = ts, .start = SLICE_LIT("b"), .end = SLICE_LIT("e")};
    struct engine_iter        *it;

    assert_st_ok(engine_iter_open(e, &o, &it));
    assert_st_ok(engine_iter_last(it));
    while (it->valid) {
        buf_printf(out, "%.*s=%.*s ", SLICE_FMT(it->key), SLICE_FMT(it->value));
        assert_st_ok(engine_iter_prev(it));
    }
    engine_iter_close(it);
}

static void backward_at_timestamps(struct engine_world *w)
{
    static const char *const want[] = {"", "d=1 c=1 b=1 ", "d=1 b=2 ", "d=3 c=3 b=2 "};

    for (const char *key = "a\0b\0c\0d\0e\0"; *key != '\0'; key += 2)
        put(w->e, key, 1, "1");
    put(w->e, "b", 2, "2");
    put(w->e, "c", 2, NULL);
    put(w->e, "c", 3, "3");
    put(w->e, "d", 3, "3");
    for (hlc_ts ts = 0; ts < ARRAY_LEN(want); ts++) {
        struct buf out;

        buf_init(&out, NULL);
        scan_back(w->e, ts, &out);
        assert_string_equal(buf_cstr(&out), want[ts]);
        buf_deinit(&out);
        engine_world_reopen(w);
    }
}

/* What is cleared, collected and written to files meanwhile, an open iterator still shows. */
static void iterator_outlives_all(struct engine_world *w)
{
    struct engine_iter_options o = {.ts = 100, .mode = ENGINE_ITER_VERSIONS};
    struct engine_batch        b;
    struct engine_iter        *it;
    struct buf                 resume;
    uint64_t                   dropped, seen = 0;
    char                       key[16], value[500] = {0};

    engine_batch_init(&b, NULL);
    for (int i = 0; i < 2000; i++) {
        snprintf(key, sizeof key, "k%04d", i / 2);
        assert_st_ok(
            engine_batch_put(&b, slice_cstr(key), 1 + i % 2, slice_make(value, sizeof value)));
    }
    commit(w->e, &b);
    assert_st_ok(engine_iter_open(w->e, &o, &it));
    assert_st_ok(engine_iter_first(it));
    assert_st_ok(engine_batch_clear_range(&b, SLICE_LIT("k0100"), SLICE_LIT("k0900")));
    commit(w->e, &b);
    buf_init(&resume, NULL);
    assert_st_ok(engine_gc(w->e, SLICE_EMPTY, SLICE_EMPTY, 50, UINT64_MAX, &resume, &dropped));
    if (engine_world_has_files(w))
        assert_st_ok(engine_checkpoint(w->e));
    for (int i = 0; i < 1000; i++) {
        snprintf(key, sizeof key, "k%04d", i);
        put(w->e, key, 60, "x");
    }
    for (; it->valid; seen++) {
        snprintf(key, sizeof key, "k%04d", (int)seen / 2);
        assert_true(slice_eq_cstr(it->key, key) && it->ts == 2 - seen % 2);
        assert_true(slice_eq(it->value, slice_make(value, sizeof value)));
        assert_st_ok(engine_iter_next(it));
    }
    assert_int_equal(seen, 2000);
    engine_iter_close(it);
    engine_batch_deinit(&b);
    buf_deinit(&resume);
}

/* ---- fibers ---- */

enum { WRITERS = 8, ROUNDS = 100, PAIRS = 20, READERS = 3 };

/* Every batch writes both halves of a pair alike, so a reader that sees them differ has seen half a
 * batch. */
struct pairs {
    struct engine_world *w;
    unsigned             writers_left;
    uint64_t             clock; /* of versions; commits need not be in its order */
    uint64_t             seen;
};

struct pair_writer {
    struct pairs *p;
    unsigned      id;
};

static slice pair_key(char *key, char half, unsigned writer, unsigned n)
{
    snprintf(key, 16, "%c/%02u/%02u", half, writer, n);
    return slice_cstr(key);
}

static void write_pairs(struct env *env, void *arg)
{
    struct pair_writer *writer = arg;
    struct pairs       *p = writer->p;
    struct engine_batch b;
    char                key[16], end[16], value[3000];

    (void)env;
    engine_batch_init(&b, NULL);
    for (unsigned i = 0; i < ROUNDS; i++) {
        hlc_ts ts = ++p->clock;
        size_t size = 1 + (i * 997 + writer->id * 131) % sizeof value;

        memset(value, (int)ts, size);
        for (const char *half = "rl"; *half != '\0'; half++) {
            slice k = pair_key(key, *half, writer->id, i % PAIRS);

            if (i % 10 == 9)
                assert_st_ok(engine_batch_delete(&b, k, ts));
            else
                assert_st_ok(engine_batch_put(&b, k, ts, slice_make(value, size)));
            if (i % 25 == 12) /* and all of the writer's are gone, this one too */
                assert_st_ok(engine_batch_clear_range(&b, pair_key(key, *half, writer->id, 0),
                                                      pair_key(end, *half, writer->id + 1, 0)));
        }
        assert_st_ok(engine_commit(p->w->e, &b, i % 4 == 0));
        engine_batch_reset(&b);
    }
    engine_batch_deinit(&b);
    p->writers_left--;
}

static void check_pair(struct pairs *p, struct engine_snapshot *s, const struct engine_iter *it)
{
    struct engine_value other;
    char                key[16];
    uint64_t            hash;

    snprintf(key, sizeof key, "r%.*s", (int)it->key.size - 1, it->key.data + 1);
    hash = hash_bytes(it->value.data, it->value.size, it->ts);
    assert_st_ok(engine_get(p->w->e, s, slice_cstr(key), HLC_TS_MAX, &other));
    assert_true(other.found && !other.tombstone && other.ts == it->ts);
    assert_true(hash == hash_bytes(other.value.data, other.value.size, other.ts));
}

static void read_pairs(struct env *env, void *arg)
{
    struct pairs *p = arg;

    do {
        struct engine_snapshot    *s = engine_snapshot_take(p->w->e);
        struct engine_iter_options o = {
            .snapshot = s, .ts = HLC_TS_MAX, .start = SLICE_LIT("l"), .end = SLICE_LIT("m")};
        struct engine_iter *it;

        assert_st_ok(engine_iter_open(p->w->e, &o, &it));
        assert_st_ok(engine_iter_first(it));
        for (; it->valid; p->seen++) {
            check_pair(p, s, it);
            env_yield(env);
            assert_st_ok(engine_iter_next(it));
        }
        engine_iter_close(it);
        engine_snapshot_release(p->w->e, s);
        assert_st_ok(env_sleep_us(env, 100));
    } while (p->writers_left > 0);
}

static void batches_are_whole(struct engine_world *w)
{
    struct pairs       p = {.w = w, .writers_left = WRITERS};
    struct pair_writer writers[WRITERS];
    struct fiber      *fibers[WRITERS + READERS];

    for (unsigned i = 0; i < WRITERS; i++) {
        writers[i] = (struct pair_writer){&p, i};
        assert_st_ok(env_spawn(w->env, "writer", write_pairs, &writers[i], &fibers[i]));
    }
    for (unsigned i = 0; i < READERS; i++)
        assert_st_ok(env_spawn(w->env, "reader", read_pairs, &p, &fibers[WRITERS + i]));
    for (unsigned i = 0; i < WRITERS + READERS; i++)
        fiber_join(fibers[i]);
    engine_world_reopen(w);
    p.seen = 0;
    read_pairs(w->env, &p);
    assert_true(p.seen > 0);
}

int main(void)
{
    static const struct engine_case cases[] = {
        {"a read sees the newest version at or below its timestamp", reads_at_timestamps},
        {"snapshots and iterators see the state of their opening", snapshot_and_iterator_stay},
        {"an iterator shows what was cleared and collected meanwhile", iterator_outlives_all},
        {"iterating backward sees the same as forward, at every time", backward_at_timestamps},
        {"keys are ordered by their bytes, 0x00 and 0xff and prefixes too", bytes_decide_the_order},
        {"a clear takes its span, no more and no less", clears_cover_their_span},
        {"of the operations of a batch the later win", later_operations_win},
        {"a cleared version shows the one below it", cleared_version_shows_the_one_below},
        {"an empty value is not a deletion", empty_is_not_deleted},
        {"the same key in both spaces is two", spaces_are_apart},
        {"the applied index of each range is that of its last batch", applied_index_stays},
        {"a replicated batch is seen at once and stays once it is flushed",
         replicated_is_not_logged},
        {"readers see whole batches, whoever writes meanwhile", batches_are_whole},
        {"values up to the limit and keys up to 8 KiB come back", large_values},
        {"garbage collection in steps drops what no read can see", gc_with_budget},
        {"the size of a span is near the truth", span_size_is_near},
        {"an emptied engine gives its memory back", memory_comes_back},
    };

    return engine_suite_run("engine", cases, ARRAY_LEN(cases));
}
