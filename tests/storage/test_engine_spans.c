/* Spans of keys, for every kind of engine: prefixes, times, sizes and middles, dropping, and the
 * list of tables. */
#include "base/prng.h"
#include "env/file.h"
#include "storage/engine.h"
#include "tests/common/engine_world.h"

enum { KEYS = 4000, VALUE_SIZE = 100 };

static bool has_tables(const struct engine_world *w)
{
    return w->options.type == ENGINE_LSM;
}

/* All that was committed is in tables, where there are some. */
static void flush(struct engine_world *w)
{
    if (engine_world_has_files(w))
        assert_st_ok(engine_checkpoint(w->e));
}

/* Keys k00000 on, [from, to), `value_size` bytes each that hardly compress. */
static void fill(struct engine_world *w, unsigned from, unsigned to, hlc_ts ts, size_t value_size)
{
    struct engine_batch b;
    struct prng         p;
    char                key[16], *value = malloc(value_size);

    prng_init(&p, from + ts);
    engine_batch_init(&b, NULL);
    for (unsigned i = from; i < to; i++) {
        snprintf(key, sizeof key, "k%05u", i);
        prng_bytes(&p, value, value_size);
        assert_st_ok(engine_batch_put(&b, slice_cstr(key), ts, slice_make(value, value_size)));
        if (engine_batch_size(&b) < 10000 && i + 1 < to)
            continue;
        assert_st_ok(engine_commit(w->e, &b, false));
        engine_batch_reset(&b);
    }
    engine_batch_deinit(&b);
    free(value);
}

static unsigned count(struct engine_world *w, const struct engine_iter_options *o)
{
    struct engine_iter *it;
    unsigned            n = 0;

    assert_st_ok(engine_iter_open(w->e, o, &it));
    for (assert_st_ok(engine_iter_first(it)); it->valid; n++)
        assert_st_ok(engine_iter_next(it));
    engine_iter_close(it);
    return n;
}

static unsigned count_visible(struct engine_world *w, struct engine_snapshot *s)
{
    return count(w, &(struct engine_iter_options){.snapshot = s, .ts = HLC_TS_MAX});
}

static uint64_t size_of(struct engine_world *w, const char *start, const char *end)
{
    uint64_t size;

    assert_st_ok(engine_span_size(w->e, slice_cstr(start), slice_cstr(end), &size));
    return size;
}

static void assert_near(uint64_t got, uint64_t want, unsigned percent)
{
    if (got < want - want * percent / 100 || got > want + want * percent / 100)
        fail_msg("%llu is not within %u %% of %llu", (unsigned long long)got, percent,
                 (unsigned long long)want);
}

/* ---- iterators ---- */

static void prefixes_bound(struct engine_world *w)
{
    static const struct {
        const char *prefix, *start, *end;
        unsigned    want;
    } cases[] = {
        {.prefix = "k001", .want = 100},
        {.prefix = "k00150", .want = 1},
        {.prefix = "k0015", .start = "k00155", .want = 5},
        {.prefix = "k0015", .end = "k00155", .want = 5},
        {.prefix = "k0015", .start = "k002", .want = 0},
        {.prefix = "k0015", .end = "k001", .want = 0},
        {.prefix = "\xff", .want = 2},
        {.prefix = "\xff\xff", .want = 1},
        {.prefix = "l", .want = 0},
    };
    struct engine_batch b;

    fill(w, 0, 300, 5, 20);
    engine_batch_init(&b, NULL);
    assert_st_ok(engine_batch_put(&b, SLICE_LIT("\xff"), 5, SLICE_EMPTY));
    assert_st_ok(engine_batch_put(&b, SLICE_LIT("\xff\xff\x01"), 5, SLICE_EMPTY));
    assert_st_ok(engine_commit(w->e, &b, false));
    engine_batch_deinit(&b);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct engine_iter_options o = {
            .ts = 9,
            .prefix = slice_cstr(cases[i].prefix),
            .start = slice_cstr(cases[i].start != NULL ? cases[i].start : ""),
            .end = slice_cstr(cases[i].end != NULL ? cases[i].end : "")};

        assert_int_equal(count(w, &o), cases[i].want);
    }
}

static status note_old(void *ctx, const struct engine_table *t)
{
    uint64_t *number = ctx;

    if (t->ts_max <= 5 && t->entries > 0)
        *number = t->number;
    return STATUS_OK;
}

/* The table of other times is not even opened: it is not there. */
static void times_select_tables(struct engine_world *w)
{
    struct engine_iter_options recent = {
        .mode = ENGINE_ITER_VERSIONS, .newer_than = 5, .ts = HLC_TS_MAX};
    struct engine_iter_options old = {.mode = ENGINE_ITER_VERSIONS, .ts = 5};
    uint64_t                   number = 0;
    char                       path[200], away[208];

    fill(w, 0, 100, 5, 20);
    flush(w);
    fill(w, 0, 50, 10, 20);
    flush(w);
    engine_world_reopen(w);
    assert_st_ok(engine_tables(w->e, note_old, &number));
    if (!has_tables(w)) {
        assert_int_equal(count(w, &recent), 50);
        assert_int_equal(count(w, &old), 100);
        return;
    }
    assert_true(number > 0);
    snprintf(path, sizeof path, "%s/%012llu.sst", w->path, (unsigned long long)number);
    snprintf(away, sizeof away, "%s.away", path);
    assert_st_ok(env_rename(w->env, path, away));
    assert_int_equal(count(w, &recent), 50);
    assert_st_ok(env_rename(w->env, away, path));
    assert_int_equal(count(w, &old), 100);
}

/* What hides an old entry may be in a table of nothing else of that time. */
static void hiding_tables_count(struct engine_world *w)
{
    struct engine_iter_options o = {.mode = ENGINE_ITER_VERSIONS, .newer_than = 4, .ts = 5};
    struct engine_batch        b;

    engine_batch_init(&b, NULL);
    fill(w, 0, 100, 5, 20);
    flush(w);
    assert_st_ok(engine_batch_clear_range(&b, SLICE_LIT("k00010"), SLICE_LIT("k00020")));
    assert_st_ok(engine_batch_clear_version(&b, SLICE_LIT("k00050"), 5));
    assert_st_ok(engine_batch_put(&b, SLICE_LIT("k00070"), 9, SLICE_EMPTY));
    assert_st_ok(engine_commit(w->e, &b, false));
    flush(w);
    assert_int_equal(count(w, &o), 89);
    engine_batch_deinit(&b);
}

/* ---- sizes ---- */

static void sizes_are_near(struct engine_world *w)
{
    uint64_t all;

    fill(w, 0, KEYS, 5, VALUE_SIZE);
    flush(w);
    fill(w, 0, KEYS, 6, VALUE_SIZE); /* part of it stays in memory */
    all = size_of(w, "", "");
    assert_near(all, 2 * KEYS * (VALUE_SIZE + 18), 20);
    assert_near(size_of(w, "k01000", "k02000"), all / 4, 12);
    assert_near(size_of(w, "k01000", "k01200"), all / 20, 40);
    assert_true(size_of(w, "k01000", "k01000") == 0);
    assert_true(size_of(w, "k02000", "k01000") == 0);
}

static uint64_t middle_of(struct engine_world *w, const char *start, const char *end)
{
    struct buf middle;
    unsigned   n = 0;

    buf_init(&middle, NULL);
    assert_st_ok(engine_span_middle(w->e, slice_cstr(start), slice_cstr(end), &middle));
    if (middle.size == 0)
        return 0;
    while (middle.size < 6) /* separators are short */
        buf_put_u8(&middle, '0');
    assert_int_equal(sscanf(buf_cstr(&middle), "k%05u", &n), 1);
    buf_deinit(&middle);
    return n;
}

static void middles_halve(struct engine_world *w)
{
    assert_int_equal(middle_of(w, "", ""), 0);
    fill(w, 0, KEYS, 5, VALUE_SIZE);
    assert_near(middle_of(w, "", ""), KEYS / 2, 10);
    flush(w);
    assert_near(middle_of(w, "", ""), KEYS / 2, 10);
    assert_near(middle_of(w, "k01000", "k02000"), 1500, 7);
    assert_int_equal(middle_of(w, "k01000", "k01000"), 0);
    /* By bytes, not by keys: the first quarter of the keys has half of them. */
    fill(w, 0, KEYS / 4, 6, 2 * VALUE_SIZE);
    assert_near(middle_of(w, "", ""), 1000, 25);
}

/* ---- dropping ---- */

static void sum_levels(struct engine_world *w, struct engine_level *sum)
{
    struct engine_level levels[ENGINE_LEVELS];

    engine_levels(w->e, levels);
    *sum = (struct engine_level){0};
    for (unsigned i = 0; i < ENGINE_LEVELS; i++) {
        sum->tables += levels[i].tables;
        sum->size += levels[i].size;
        sum->entries += levels[i].entries;
    }
}

static uint64_t disk_size_of_tables(struct engine_world *w)
{
    struct arena *arena = arena_new(env_heap(w->env), NULL);
    const char  **names;
    size_t        n;
    uint64_t      total = 0;

    assert_st_ok(env_list_dir(w->env, w->path, arena, &names, &n));
    for (size_t i = 0; i < n; i++) {
        struct env_file *f;
        uint64_t         size;
        char             path[200];
        status           st;

        if (strstr(names[i], ".sst") == NULL)
            continue;
        snprintf(path, sizeof path, "%s/%s", w->path, names[i]);
        st = env_file_open(w->env, path, ENV_READ, &f);
        if (status_code(st) ==
            ST_UNDEFINED_FILE) { /* deleted in the background since it was listed */
            st_clear(st);
            continue;
        }
        assert_st_ok(st);
        assert_st_ok(env_file_size(f, &size));
        env_file_close(f);
        total += size;
    }
    arena_free(arena);
    return total;
}

static void drops_take_whole_tables(struct engine_world *w)
{
    struct engine_level     before, after;
    struct engine_snapshot *s;

    fill(w, 0, KEYS, 5, VALUE_SIZE);
    flush(w);
    sum_levels(w, &before);
    s = engine_snapshot_take(w->e);
    assert_st_ok(engine_drop_span(w->e, SLICE_LIT("k00100"), SLICE_LIT("k03900")));
    assert_int_equal(count_visible(w, NULL), 200);
    assert_int_equal(count_visible(w, s), KEYS);
    if (has_tables(w)) {
        sum_levels(w, &after);
        assert_true(after.size < before.size / 3);
        assert_true(disk_size_of_tables(w) >= before.size); /* the snapshot's */
        engine_snapshot_release(w->e, s);
        for (unsigned i = 0; i < 1000 && disk_size_of_tables(w) >= before.size / 3; i++)
            assert_st_ok(env_sleep_us(w->env, 10 * 1000)); /* in the background */
        assert_true(disk_size_of_tables(w) < before.size / 3);
    } else {
        engine_snapshot_release(w->e, s);
    }
    engine_world_reopen(w);
    assert_int_equal(count_visible(w, NULL), 200);
    fill(w, 1000, 1100, 6, VALUE_SIZE);
    assert_int_equal(count_visible(w, NULL), 300);
    assert_st_ok(engine_drop_span(w->e, SLICE_EMPTY, SLICE_EMPTY));
    assert_int_equal(count_visible(w, NULL), 0);
    engine_world_reopen(w);
    assert_int_equal(count_visible(w, NULL), 0);
}

struct writer {
    struct engine_world *w;
    bool                 is_done;
};

static void overwrite_all(struct env *env, void *arg)
{
    struct writer *o = arg;

    (void)env;
    for (hlc_ts ts = 6; ts < 16; ts++)
        fill(o->w, 0, KEYS, ts, VALUE_SIZE);
    o->is_done = true;
}

/* Compactions lose their inputs under way, and bring nothing back. */
static void drops_while_compacting(struct engine_world *w)
{
    struct engine_iter_options o = {.mode = ENGINE_ITER_VERSIONS, .newer_than = 4, .ts = 5};
    struct writer              writer = {.w = w};
    struct fiber              *fiber;

    fill(w, 0, KEYS, 5, VALUE_SIZE);
    assert_int_equal(count(w, &o), KEYS);
    assert_st_ok(env_spawn(w->env, "writer", overwrite_all, &writer, &fiber));
    while (!writer.is_done) {
        assert_st_ok(engine_drop_span(w->e, SLICE_LIT("k00500"), SLICE_LIT("k03500")));
        assert_int_equal(count(w, &o), 1000);
        assert_st_ok(env_sleep_us(w->env, 200));
    }
    fiber_join(fiber);
    assert_st_ok(engine_drop_span(w->e, SLICE_LIT("k00500"), SLICE_LIT("k03500")));
    assert_int_equal(count_visible(w, NULL), 1000);
    engine_world_reopen(w);
    assert_int_equal(count_visible(w, NULL), 1000);
    assert_int_equal(count(w, &o), 1000);
}

/* ---- tables ---- */

struct walk {
    unsigned level;
    uint64_t tables, size, entries;
    char     greatest[64];
};

static status step(void *ctx, const struct engine_table *t)
{
    struct walk *k = ctx;

    assert_true(t->level >= k->level && t->level < ENGINE_LEVELS);
    if (t->level > 0 && t->level == k->level)
        assert_true(slice_cmp(slice_cstr(k->greatest), t->least) <= 0);
    assert_true(slice_cmp(t->least, t->greatest) <= 0);
    assert_true(t->ts_min == 5 && t->ts_max == 5);
    assert_true(t->size > 0 && t->raw_size > 0 && t->number > 0);
    snprintf(k->greatest, sizeof k->greatest, "%.*s", SLICE_FMT(t->greatest));
    k->level = t->level;
    k->tables++;
    k->size += t->size;
    k->entries += t->entries;
    return STATUS_OK;
}

static status refuse(void *ctx, const struct engine_table *t)
{
    (void)ctx;
    (void)t;
    return STATUS_OOM;
}

static void tables_are_listed(struct engine_world *w)
{
    struct walk         k = {0};
    struct engine_level sum;

    fill(w, 0, KEYS, 5, VALUE_SIZE);
    flush(w);
    assert_st_ok(engine_tables(w->e, step, &k));
    sum_levels(w, &sum);
    assert_int_equal(k.tables, sum.tables);
    assert_int_equal(k.size, sum.size);
    assert_int_equal(k.entries, sum.entries);
    assert_int_equal(k.entries, has_tables(w) ? KEYS : 0);
    if (has_tables(w))
        assert_st_code(engine_tables(w->e, refuse, NULL), ST_OUT_OF_MEMORY);
}

int main(void)
{
    static const struct engine_case cases[] = {
        {"an iterator with a prefix shows the keys that begin so", prefixes_bound},
        {"tables of other times are not read", times_select_tables},
        {"tables that hide entries of the time asked for count", hiding_tables_count},
        {"the size of a span is near the truth, at its bounds too", sizes_are_near},
        {"the middle of a span halves its bytes", middles_halve},
        {"a dropped span is gone, with its tables when no snapshot has them",
         drops_take_whole_tables},
        {"a span dropped during compactions stays dropped", drops_while_compacting},
        {"tables are listed by level and key, and summed up", tables_are_listed},
    };

    return engine_suite_run("engine_spans", cases, ARRAY_LEN(cases));
}
