/* Copies of stores, for every kind of engine that has files. */
#include "env/file.h"
#include "storage/engine.h"
#include "tests/common/engine_world.h"

enum { KEYS = 3000 };

/* Keys [from, to), all with one value. */
static void commit_keys(struct engine *e, unsigned from, unsigned to, const char *value, bool sync)
{
    struct engine_batch b;
    char                key[16];

    engine_batch_init(&b, NULL);
    for (unsigned i = from; i < to; i++) {
        snprintf(key, sizeof key, "k%05u", i);
        assert_st_ok(engine_batch_put(&b, slice_cstr(key), 5, slice_cstr(value)));
    }
    assert_st_ok(engine_commit(e, &b, sync));
    engine_batch_deinit(&b);
}

static unsigned count(struct engine *e, const char *value)
{
    struct engine_iter_options o = {.ts = HLC_TS_MAX};
    struct engine_iter        *it;
    unsigned                   n = 0;

    assert_st_ok(engine_iter_open(e, &o, &it));
    for (assert_st_ok(engine_iter_first(it)); it->valid;) {
        n += value == NULL || slice_eq_cstr(it->value, value);
        assert_st_ok(engine_iter_next(it));
    }
    engine_iter_close(it);
    return n;
}

static void both_go_their_ways(struct engine_world *w)
{
    struct engine *copy;

    if (!engine_world_has_files(w)) {
        assert_st_code(engine_copy(w->e, "copy"), ST_WRONG_STATE);
        return;
    }
    commit_keys(w->e, 0, KEYS, "flushed", false);
    assert_st_ok(engine_checkpoint(w->e));
    commit_keys(w->e, 1000, 2000, "in memory", false); /* which a copy has, too */
    copy = engine_world_open_copy(w);
    assert_memory_equal(engine_identity(copy)->incarnation, engine_identity(w->e)->incarnation, 16);
    assert_int_equal(count(copy, "in memory"), 1000);
    assert_int_equal(count(copy, NULL), KEYS);
    /* All the files of one go, and then those of the other. */
    assert_st_ok(engine_drop_span(w->e, SLICE_EMPTY, SLICE_EMPTY));
    assert_st_ok(engine_checkpoint(w->e));
    assert_int_equal(count(copy, "flushed"), 2000);
    commit_keys(copy, 0, KEYS, "copy", false);
    commit_keys(w->e, 0, 10, "original", false);
    assert_st_ok(engine_checkpoint(copy));
    assert_int_equal(count(copy, "copy"), KEYS);
    assert_int_equal(count(w->e, NULL), 10);
    engine_world_close_copy(w, copy);
    engine_world_reopen(w);
    assert_int_equal(count(w->e, "original"), 10);
}

static void takes_no_room(struct engine_world *w)
{
    uint64_t       before, after;
    struct engine *copy;

    if (w->kind->place != PLACE_SIMULATED_DISK)
        return;
    for (unsigned i = 0; i < 40; i++)
        commit_keys(w->e, i * 1000, (i + 1) * 1000, "a value of forty bytes, more or less ....",
                    false);
    assert_st_ok(engine_checkpoint(w->e));
    assert_st_ok(env_disk_free(w->env, w->path, &before));
    assert_st_ok(engine_copy(w->e, "other"));
    assert_st_ok(env_disk_free(w->env, w->path, &after));
    assert_true(before - after < 600 << 10); /* the last segment of the log, a manifest */
    copy = engine_world_open_copy(w);
    assert_int_equal(count(copy, NULL), 40000);
    engine_world_close_copy(w, copy);
}

static void refuses_what_is_there(struct engine_world *w)
{
    char path[100];

    if (!engine_world_has_files(w))
        return;
    snprintf(path, sizeof path, "%s.copy", w->path);
    assert_st_ok(env_mkdir(w->env, path));
    assert_st_code(engine_copy(w->e, path), ST_DUPLICATE_FILE);
    assert_st_ok(env_rmdir(w->env, path));
    snprintf(path, sizeof path, "%s/none/copy", w->path);
    assert_st_code(engine_copy(w->e, path), ST_UNDEFINED_FILE);
}

/* ---- meanwhile ---- */

struct writer {
    struct engine_world *w;
    unsigned             begun, ended;
    bool                 must_stop;
};

static void write_keys(struct env *env, void *arg)
{
    struct writer *o = arg;

    while (!o->must_stop) {
        unsigned n = o->begun++;

        if (n >= 500) /* before, the copy has to be made against one who never rests */
            assert_st_ok(env_sleep_us(env, 500));
        commit_keys(o->w->e, n, n + 1, "writer", n % 4 == 0);
        o->ended++;
    }
}

/* A copy has the commits up to one moment within the call. */
static void copies_one_moment(struct engine_world *w)
{
    struct writer o = {.w = w};
    struct fiber *fiber;

    if (!engine_world_has_files(w))
        return;
    assert_st_ok(env_spawn(w->env, "writer", write_keys, &o, &fiber));
    for (int round = 0; round < 5; round++) {
        unsigned       before, found;
        struct engine *copy;

        assert_st_ok(env_sleep_us(w->env, 2000));
        before = o.ended;
        copy = engine_world_open_copy(w);
        found = count(copy, "writer");
        assert_in_range(found, before, o.begun);
        engine_world_close_copy(w, copy);
    }
    o.must_stop = true;
    fiber_join(fiber);
    engine_world_reopen(w);
    assert_int_equal(count(w->e, NULL), o.ended);
}

int main(void)
{
    static const struct engine_case cases[] = {
        {"a copy and its store share files, and nothing else", both_go_their_ways},
        {"a copy takes no room to speak of", takes_no_room},
        {"a copy is made in a new directory", refuses_what_is_there},
        {"a copy is of one moment", copies_one_moment},
    };

    return engine_suite_run("engine_copy", cases, ARRAY_LEN(cases));
}
