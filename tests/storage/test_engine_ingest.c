/* Ingestion, for every kind of engine. */
#include "storage/ingest.h"

#include "env/file.h"
#include "tests/common/engine_world.h"

enum { KEYS = 3000 };

static bool has_tables(const struct engine_world *w)
{
    return w->options.type == ENGINE_LSM;
}

static void flush(struct engine_world *w)
{
    if (engine_world_has_files(w))
        assert_st_ok(engine_checkpoint(w->e));
}

static slice key_of(char room[16], unsigned n)
{
    snprintf(room, 16, "k%05u", n);
    return slice_cstr(room);
}

/* Keys [from, to) at `ts`, each with the same value of some bytes. */
static void commit_keys(struct engine_world *w, unsigned from, unsigned to, hlc_ts ts,
                        const char *value)
{
    struct engine_batch b;
    char                room[16];

    engine_batch_init(&b, NULL);
    for (unsigned i = from; i < to; i++)
        assert_st_ok(engine_batch_put(&b, key_of(room, i), ts, slice_cstr(value)));
    assert_st_ok(engine_commit(w->e, &b, false));
    engine_batch_deinit(&b);
}

static void build_keys(struct engine_builder *b, unsigned from, unsigned to, hlc_ts ts,
                       const char *value)
{
    char room[16];

    for (unsigned i = from; i < to; i++)
        assert_st_ok(engine_builder_put(b, key_of(room, i), ts, slice_cstr(value)));
}

static struct engine_builder *builder(struct engine_world *w, const char *start, const char *end)
{
    struct engine_builder_options o = {.replaces = start != NULL,
                                       .start = slice_cstr(start != NULL ? start : ""),
                                       .end = slice_cstr(end != NULL ? end : "")};
    struct engine_builder        *b;

    assert_st_ok(engine_builder_open(w->e, &o, &b));
    return b;
}

static unsigned count(struct engine_world *w, struct engine_snapshot *s, const char *value)
{
    struct engine_iter_options o = {.snapshot = s, .ts = HLC_TS_MAX};
    struct engine_iter        *it;
    unsigned                   n = 0;

    assert_st_ok(engine_iter_open(w->e, &o, &it));
    for (assert_st_ok(engine_iter_first(it)); it->valid;) {
        n += value == NULL || slice_eq_cstr(it->value, value);
        assert_st_ok(engine_iter_next(it));
    }
    engine_iter_close(it);
    return n;
}

/* ---- what is newer ---- */

static void newest_at_its_moment(struct engine_world *w)
{
    struct engine_builder  *b = builder(w, NULL, NULL);
    struct engine_snapshot *before;

    commit_keys(w, 0, 100, 5, "flushed");
    flush(w);
    commit_keys(w, 50, 200, 5, "in memory");
    build_keys(b, 20, 120, 5, "ingested"); /* the same keys and times */
    before = engine_snapshot_take(w->e);
    assert_int_equal(count(w, NULL, "ingested"), 0);
    assert_st_ok(engine_ingest(w->e, b, 0, 0));
    engine_builder_close(b);
    assert_int_equal(count(w, NULL, NULL), 200);
    assert_int_equal(count(w, NULL, "flushed"), 20);
    assert_int_equal(count(w, NULL, "in memory"), 80);
    assert_int_equal(count(w, NULL, "ingested"), 100);
    commit_keys(w, 100, 110, 5, "later");
    assert_int_equal(count(w, NULL, "ingested"), 90);
    assert_int_equal(count(w, before, "ingested"), 0);
    assert_int_equal(count(w, before, "in memory"), 150);
    engine_snapshot_release(w->e, before);
    engine_world_reopen(w);
    flush(w);
    assert_int_equal(count(w, NULL, "ingested"), 90);
    assert_int_equal(count(w, NULL, "later"), 10);
}

static void replaces_its_span(struct engine_world *w)
{
    struct engine_builder *b;
    struct engine_iter    *open;

    commit_keys(w, 0, KEYS, 5, "old and of some length");
    flush(w);
    commit_keys(w, 900, 1100, 6, "in memory");
    assert_st_ok(engine_iter_open(w->e, &(struct engine_iter_options){.ts = HLC_TS_MAX}, &open));
    b = builder(w, "k01000", "k02000");
    build_keys(b, 1500, 1700, 3, "ingested");
    assert_st_ok(engine_ingest(w->e, b, 0, 0));
    engine_builder_close(b);
    assert_int_equal(count(w, NULL, NULL), KEYS - 1000 + 200);
    assert_int_equal(count(w, NULL, "in memory"), 100);
    assert_int_equal(count(w, NULL, "ingested"), 200);
    assert_st_ok(engine_iter_seek(open, SLICE_LIT("k01500")));
    assert_true(open->valid && slice_eq_cstr(open->value, "old and of some length"));
    engine_iter_close(open);
    engine_world_reopen(w);
    assert_int_equal(count(w, NULL, NULL), KEYS - 1000 + 200);
}

/* With nothing to put in its place. */
static void replaces_by_nothing(struct engine_world *w)
{
    struct engine_builder *b;

    commit_keys(w, 0, KEYS, 5, "old");
    flush(w);
    b = builder(w, "k00010", "k02990");
    assert_st_ok(engine_ingest(w->e, b, 0, 0));
    engine_builder_close(b);
    assert_int_equal(count(w, NULL, NULL), 20);
    b = builder(w, "", "");
    assert_st_ok(engine_ingest(w->e, b, 0, 0));
    engine_builder_close(b);
    assert_int_equal(count(w, NULL, NULL), 0);
    b = builder(w, NULL, NULL);
    assert_st_ok(engine_ingest(w->e, b, 0, 0));
    engine_builder_close(b);
    engine_world_reopen(w);
    assert_int_equal(count(w, NULL, NULL), 0);
}

/* ---- what goes along ---- */

static void both_spaces_and_the_index(struct engine_world *w)
{
    struct engine_builder_options o = {.replaces = true,
                                       .replaces_meta = true,
                                       .meta_start = SLICE_LIT("m1"),
                                       .meta_end = SLICE_LIT("m3")};
    struct engine_builder        *b;
    struct engine_batch           batch;
    struct engine_value           v;

    engine_batch_init(&batch, NULL);
    assert_st_ok(engine_batch_put_meta(&batch, SLICE_LIT("m0"), SLICE_LIT("old")));
    assert_st_ok(engine_batch_put_meta(&batch, SLICE_LIT("m1"), SLICE_LIT("old")));
    assert_st_ok(engine_batch_put_meta(&batch, SLICE_LIT("m2"), SLICE_LIT("old")));
    assert_st_ok(engine_batch_put(&batch, SLICE_LIT("d"), 5, SLICE_LIT("old")));
    assert_st_ok(engine_batch_set_applied(&batch, 9, 10));
    assert_st_ok(engine_commit(w->e, &batch, false));
    engine_batch_deinit(&batch);
    assert_st_ok(engine_builder_open(w->e, &o, &b));
    assert_st_ok(engine_builder_put_meta(b, SLICE_LIT("m2"), SLICE_LIT("new")));
    assert_st_ok(engine_builder_put(b, SLICE_LIT("e"), 7, SLICE_LIT("new")));
    assert_st_ok(engine_builder_delete(b, SLICE_LIT("e"), 6));
    assert_st_ok(engine_ingest(w->e, b, 9, 500));
    engine_builder_close(b);
    for (int i = 0; i < 2; i++) {
        assert_true(engine_applied(w->e, 9) == 500);
        assert_true(engine_applied_durable(w->e, 9) == 500);
        assert_st_ok(engine_get_meta(w->e, NULL, SLICE_LIT("m0"), &v));
        assert_true(v.found && slice_eq_cstr(v.value, "old"));
        assert_st_ok(engine_get_meta(w->e, NULL, SLICE_LIT("m1"), &v));
        assert_false(v.found);
        assert_st_ok(engine_get_meta(w->e, NULL, SLICE_LIT("m2"), &v));
        assert_true(v.found && slice_eq_cstr(v.value, "new"));
        assert_st_ok(engine_get(w->e, NULL, SLICE_LIT("d"), 9, &v));
        assert_false(v.found);
        assert_st_ok(engine_get(w->e, NULL, SLICE_LIT("e"), 6, &v));
        assert_true(v.found && v.tombstone);
        assert_st_ok(engine_get(w->e, NULL, SLICE_LIT("e"), 9, &v));
        assert_true(v.found && slice_eq_cstr(v.value, "new"));
        engine_world_reopen(w);
    }
}

static void order_is_checked(struct engine_world *w)
{
    struct engine_builder *b = builder(w, NULL, NULL);
    char                  *large = calloc(1, ENGINE_KEY_SIZE_MAX + 1);

    assert_st_ok(engine_builder_put_meta(b, SLICE_LIT("m"), SLICE_EMPTY));
    assert_st_code(engine_builder_put_meta(b, SLICE_LIT("m"), SLICE_EMPTY),
                   ST_INVALID_PARAMETER_VALUE);
    assert_st_ok(engine_builder_put(b, SLICE_LIT("b"), 5, SLICE_LIT("5")));
    assert_st_code(engine_builder_put(b, SLICE_LIT("b"), 6, SLICE_EMPTY),
                   ST_INVALID_PARAMETER_VALUE);
    assert_st_code(engine_builder_put(b, SLICE_LIT("b"), 5, SLICE_EMPTY),
                   ST_INVALID_PARAMETER_VALUE);
    assert_st_code(engine_builder_put(b, SLICE_LIT("a"), 4, SLICE_EMPTY),
                   ST_INVALID_PARAMETER_VALUE);
    assert_st_code(engine_builder_put(b, SLICE_EMPTY, 4, SLICE_EMPTY), ST_INVALID_PARAMETER_VALUE);
    assert_st_code(engine_builder_put_meta(b, SLICE_LIT("n"), SLICE_EMPTY),
                   ST_INVALID_PARAMETER_VALUE);
    assert_st_code(
        engine_builder_put(b, slice_make(large, ENGINE_KEY_SIZE_MAX + 1), 4, SLICE_EMPTY),
        ST_LIMIT_EXCEEDED);
    assert_st_ok(engine_builder_put(b, SLICE_LIT("b"), 4, SLICE_LIT("4")));
    assert_st_ok(engine_ingest(w->e, b, 0, 0));
    engine_builder_close(b);
    assert_int_equal(count(w, NULL, "5"), 1);
    free(large);
}

/* ---- where the tables go ---- */

static void sum_levels(struct engine_world *w, unsigned from, unsigned to, struct engine_level *sum)
{
    struct engine_level levels[ENGINE_LEVELS];

    engine_levels(w->e, levels);
    *sum = (struct engine_level){0};
    for (unsigned i = from; i < to; i++) {
        sum->tables += levels[i].tables;
        sum->entries += levels[i].entries;
    }
}

static unsigned count_files(struct engine_world *w)
{
    struct arena *arena = arena_new(env_heap(w->env), NULL);
    const char  **names;
    size_t        n;
    unsigned      found = 0;

    assert_st_ok(env_list_dir(w->env, w->path, arena, &names, &n));
    for (size_t i = 0; i < n; i++)
        found += strstr(names[i], ".sst") != NULL;
    arena_free(arena);
    return found;
}

static void tables_go_deep(struct engine_world *w)
{
    struct engine_builder *b;
    struct engine_level    all, last;
    char                   value[400];

    if (!has_tables(w))
        return;
    memset(value, 'x', sizeof value);
    for (size_t i = 0; i + 1 < sizeof value; i++)
        value[i] = (char)('a' + (i * i + i / 7) % 26);
    value[sizeof value - 1] = '\0';
    b = builder(w, NULL, NULL);
    build_keys(b, 0, KEYS, 5, value);
    assert_st_ok(engine_ingest(w->e, b, 0, 0));
    engine_builder_close(b);
    sum_levels(w, 0, ENGINE_LEVELS, &all);
    sum_levels(w, ENGINE_LEVELS - 1, ENGINE_LEVELS, &last);
    assert_int_equal(last.entries, KEYS);
    assert_int_equal(last.tables, all.tables);
    assert_true(all.tables > 1);
    /* In the place of all that, nothing is left to be compacted. */
    b = builder(w, "k00000", "k04000");
    build_keys(b, 10, 20, 4, "new");
    assert_st_ok(engine_ingest(w->e, b, 0, 0));
    engine_builder_close(b);
    sum_levels(w, 0, ENGINE_LEVELS, &all);
    assert_int_equal(all.tables, 1);
    assert_int_equal(all.entries, 10);
    for (unsigned i = 0; i < 1000 && count_files(w) > 1; i++)
        assert_st_ok(env_sleep_us(w->env, 10 * 1000)); /* in the background */
    assert_int_equal(count_files(w), 1);
    /* One that is given up leaves nothing. */
    b = builder(w, NULL, NULL);
    build_keys(b, 0, 1000, 5, value);
    engine_builder_close(b);
    assert_int_equal(count_files(w), 1);
    assert_int_equal(count(w, NULL, NULL), 10);
}

/* ---- meanwhile ---- */

struct writer {
    struct engine_world *w;
    unsigned             begun, ended; /* commits: key after key */
    bool                 must_stop;
};

static void write_keys(struct env *env, void *arg)
{
    struct writer *o = arg;

    while (!o->must_stop) {
        unsigned n = o->begun++;

        commit_keys(o->w, n, n + 1, 5, "commit");
        o->ended++;
        assert_st_ok(env_sleep_us(env, 20));
    }
}

static bool is_found(struct engine_world *w, unsigned n)
{
    struct engine_value v;
    char                room[16];

    assert_st_ok(engine_get(w->e, NULL, key_of(room, n), 9, &v));
    return v.found;
}

/* The first key that is there; all behind it are. */
static unsigned first_left(struct engine_world *w, unsigned end)
{
    unsigned first = 0;

    while (first < end && !is_found(w, first))
        first++;
    for (unsigned n = first; n < end; n++)
        assert_true(is_found(w, n));
    return first;
}

static unsigned ingest_meanwhile(struct engine_world *w, struct writer *o)
{
    struct engine_builder *b = builder(w, "k", "l");
    unsigned               before, after, first;

    build_keys(b, 30000, 30001, 5, "ingested");
    assert_st_ok(env_sleep_us(w->env, 300));
    before = o->ended;
    assert_st_ok(engine_ingest(w->e, b, 0, 0));
    after = o->begun;
    engine_builder_close(b);
    assert_st_ok(env_sleep_us(w->env, 300));
    first = first_left(w, o->ended);
    assert_in_range(first, before, after);
    return first;
}

/* Of commits all before some moment within the ingestion are replaced, and all after are not. */
static void commits_before_and_after(struct engine_world *w)
{
    struct writer o = {.w = w};
    struct fiber *fiber;
    unsigned      first = 0;

    commit_keys(w, 0, 20000, 4, "old");
    assert_st_ok(env_spawn(w->env, "writer", write_keys, &o, &fiber));
    for (int round = 0; round < 5; round++)
        first = ingest_meanwhile(w, &o);
    o.must_stop = true;
    fiber_join(fiber);
    engine_world_reopen(w);
    assert_int_equal(count(w, NULL, "commit"), o.ended - first);
    assert_int_equal(count(w, NULL, "old"), 0);
}

int main(void)
{
    static const struct engine_case cases[] = {
        {"what is ingested is newer than what was there, and older than what comes",
         newest_at_its_moment},
        {"an ingestion takes the place of its span", replaces_its_span},
        {"a span may be replaced by nothing", replaces_by_nothing},
        {"meta keys and the applied index go along", both_spaces_and_the_index},
        {"a builder takes entries in order only", order_is_checked},
        {"tables go as deep as they can, and what they replace goes", tables_go_deep},
        {"an ingestion is one moment among commits", commits_before_and_after},
    };

    return engine_suite_run("engine_ingest", cases, ARRAY_LEN(cases));
}
