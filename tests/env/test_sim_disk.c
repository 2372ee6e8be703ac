#include "base/arena.h"
#include "base/heap.h"
#include "env/file.h"
#include "env/sim.h"
#include "tests/env/sim_fixture.h"

enum { SEEDS = 300 };

/* What a test's file holds, read from outside the simulation. */
static slice file_content(struct sim_node *n, const char *path, struct arena *arena)
{
    slice  content = SLICE_EMPTY;
    status st = env_file_read_all(sim_node_env(n), path, 1 << 24, arena, &content);

    if (status_code(st) == ST_UNDEFINED_FILE) {
        st_clear(st);
        return (slice){NULL, 0};
    }
    assert_st_ok(st);
    return content;
}

static void fill(char *data, size_t size, char c)
{
    memset(data, c, size);
}

/* ---- data ---------------------------------------------------------------------------------------
 */

/* 8 KiB of 'a' synced, then 8 KiB of 'b' over it and 8 KiB of 'c' behind it, not synced. */
static void write_synced_and_not(struct env *env, void *arg)
{
    char             data[8192];
    struct env_file *f;

    (void)arg;
    assert_st_ok(env_file_open(env, "f", ENV_WRITE | ENV_CREATE, &f));
    fill(data, sizeof data, 'a');
    assert_st_ok(env_file_write_at(f, data, sizeof data, 0, ENV_INLINE));
    assert_st_ok(env_file_sync(f, ENV_LANE_LOG_SYNC));
    assert_st_ok(env_sync_dir(env, ".", ENV_INLINE));
    fill(data, sizeof data, 'b');
    assert_st_ok(env_file_write_at(f, data, sizeof data, 0, ENV_INLINE));
    fill(data, sizeof data, 'c');
    assert_st_ok(env_file_write_at(f, data, sizeof data, 8192, ENV_INLINE));
    env_file_close(f);
}

struct outcomes {
    int none, all, torn, longer;
};

static void judge(slice content, struct outcomes *o)
{
    size_t old = 0, changed = 0;

    assert_true(content.size >= 8192); /* the synced size is sure */
    for (size_t i = 0; i < 8192; i++) {
        assert_true(content.data[i] == 'a' || content.data[i] == 'b');
        assert_int_equal(content.data[i], content.data[i / 512 * 512]); /* sectors are whole */
        old += content.data[i] == 'a';
        changed += content.data[i] == 'b';
    }
    for (size_t i = 8192; i < content.size; i++)
        assert_true(content.data[i] == 'c' || content.data[i] == '\0');
    o->none += changed == 0;
    o->all += old == 0;
    o->torn += old > 0 && changed > 0;
    o->longer += content.size > 8192;
}

static void unsynced_data_is_torn(void **state)
{
    struct outcomes o = {0};
    struct heap    *h = heap_new();
    uint64_t        seed = test_seed(100);

    (void)state;
    for (int i = 0; i < SEEDS; i++) {
        struct arena    *arena = arena_new(h, NULL);
        struct sim      *s = sim_new(seed + (uint64_t)i, NULL);
        struct sim_node *n = sim_add_node(s, "a", sim_idle_main, NULL);

        sim_do(s, n, write_synced_and_not, NULL);
        sim_crash(n, SIM_KILL);
        sim_restart(n);
        assert_int_equal(file_content(n, "f", arena).size,
                         16384); /* a killed process loses nothing */
        sim_crash(n, SIM_POWER_LOSS);
        sim_restart(n);
        judge(file_content(n, "f", arena), &o);
        sim_free(s);
        arena_free(arena);
    }
    assert_true(o.none > SEEDS / 10);
    assert_true(o.all > SEEDS / 10);
    assert_true(o.torn > SEEDS / 10);
    assert_true(o.longer > SEEDS / 10);
    heap_destroy(h);
}

struct late_write {
    struct env_file *file;
    bool             synced;
};

static void sync_slowly(struct env *env, void *arg)
{
    struct late_write *w = arg;

    (void)env;
    assert_st_ok(env_file_sync(w->file, ENV_LANE_LOG_SYNC));
    w->synced = true;
}

/* The second write comes while the sync of the first is under way. */
static void write_during_sync(struct env *env, void *arg)
{
    struct late_write w = {0};
    struct fiber     *f;

    (void)arg;
    assert_st_ok(env_file_open(env, "f", ENV_WRITE | ENV_CREATE, &w.file));
    assert_st_ok(env_sync_dir(env, "/", ENV_INLINE));
    assert_st_ok(env_file_write_at(w.file, "first", 5, 0, ENV_INLINE));
    assert_st_ok(env_spawn(env, "sync", sync_slowly, &w, &f));
    assert_st_ok(env_sleep_us(env, 10));
    assert_false(w.synced);
    assert_st_ok(env_file_write_at(w.file, "late!", 5, 5, ENV_INLINE));
    fiber_join(f);
    env_file_close(w.file);
}

static void sync_covers_what_came_before(void **state)
{
    struct heap *h = heap_new();
    int          with = 0, without = 0;

    (void)state;
    for (uint64_t seed = 1; seed <= 100; seed++) {
        struct arena    *arena = arena_new(h, NULL);
        struct sim      *s = sim_new(seed, &(struct sim_options){.ordered = true});
        struct sim_node *n = sim_add_node(s, "a", sim_idle_main, NULL);
        slice            content;

        sim_do(s, n, write_during_sync, NULL);
        sim_crash(n, SIM_POWER_LOSS);
        sim_restart(n);
        content = file_content(n, "f", arena);
        assert_true(slice_starts_with(content, SLICE_LIT("first")));
        without += slice_eq_cstr(content, "first");
        with += slice_eq_cstr(content, "firstlate!");
        sim_free(s);
        arena_free(arena);
    }
    assert_int_equal(with + without, 100);
    assert_true(with > 10);
    assert_true(without > 10);
    heap_destroy(h);
}

static void write_dsync(struct env *env, void *arg)
{
    struct env_file *plain, *dsync;

    (void)arg;
    assert_st_ok(env_file_open(env, "f", ENV_WRITE | ENV_CREATE, &plain));
    assert_st_ok(env_file_open(env, "f", ENV_WRITE | ENV_DSYNC, &dsync));
    assert_st_ok(env_sync_dir(env, "", ENV_INLINE));
    assert_st_ok(env_file_write_at(plain, "aaaaaa", 6, 0, ENV_INLINE));
    assert_st_ok(env_file_write_at(dsync, "BB", 2, 2, ENV_LANE_LOG_SYNC));
    env_file_close(plain);
    env_file_close(dsync);
}

static void dsync_is_durable_alone(void **state)
{
    struct heap *h = heap_new();
    int          alone = 0, together = 0;

    (void)state;
    for (uint64_t seed = 1; seed <= 100; seed++) {
        struct arena    *arena = arena_new(h, NULL);
        struct sim      *s = sim_new(seed, NULL);
        struct sim_node *n = sim_add_node(s, "a", sim_idle_main, NULL);
        slice            content;

        sim_do(s, n, write_dsync, NULL);
        sim_crash(n, SIM_POWER_LOSS);
        sim_restart(n);
        content = file_content(n, "f", arena);
        alone += slice_eq(content, SLICE_LIT("\0\0BB"));
        together += slice_eq(content, SLICE_LIT("aaBBaa"));
        sim_free(s);
        arena_free(arena);
    }
    assert_int_equal(alone + together, 100);
    assert_true(alone > 10);
    assert_true(together > 10);
    heap_destroy(h);
}

/* ---- names --------------------------------------------------------------------------------------
 */

static void write_file(struct env *env, const char *path, const char *text)
{
    struct env_file *f;

    assert_st_ok(env_file_open(env, path, ENV_WRITE | ENV_CREATE | ENV_TRUNCATE, &f));
    assert_st_ok(env_file_write_at(f, text, strlen(text), 0, ENV_INLINE));
    assert_st_ok(env_file_sync(f, ENV_INLINE));
    env_file_close(f);
}

static void prepare_names(struct env *env, void *arg)
{
    (void)arg;
    assert_st_ok(env_mkdir(env, "d"));
    assert_st_ok(env_sync_dir(env, "/", ENV_INLINE));
    write_file(env, "d/x", "old");
    assert_st_ok(env_sync_dir(env, "d", ENV_INLINE));
}

/* Without the directory sync at the end. */
static void replace_carelessly(struct env *env, void *arg)
{
    (void)arg;
    write_file(env, "d/x.tmp", "new");
    assert_st_ok(env_rename(env, "d/x.tmp", "d/x"));
    write_file(env, "d/y", "created");
}

static void names_need_their_directory_synced(void **state)
{
    struct heap *h = heap_new();
    int          kept = 0, lost = 0, created = 0, missing = 0;

    (void)state;
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        struct arena    *arena = arena_new(h, NULL);
        struct sim      *s = sim_new(seed, NULL);
        struct sim_node *n = sim_add_node(s, "a", sim_idle_main, NULL);
        slice            x;

        sim_do(s, n, prepare_names, NULL);
        sim_do(s, n, replace_carelessly, NULL);
        sim_crash(n, SIM_POWER_LOSS);
        sim_restart(n);
        x = file_content(n, "d/x", arena);
        lost += slice_eq_cstr(x, "old");
        kept += slice_eq_cstr(x, "new");
        created += env_file_exists(sim_node_env(n), "d/y");
        missing += !env_file_exists(sim_node_env(n), "d/y");
        sim_free(s);
        arena_free(arena);
    }
    assert_int_equal(kept + lost, SEEDS); /* a rename is old or new, never neither */
    assert_true(MIN(kept, lost) > SEEDS / 10);
    assert_true(MIN(created, missing) > SEEDS / 10);
    heap_destroy(h);
}

static void prepare_link(struct env *env, void *arg)
{
    (void)arg;
    assert_st_ok(env_mkdir(env, "d"));
    assert_st_ok(env_mkdir(env, "copy"));
    assert_st_ok(env_sync_dir(env, "/", ENV_INLINE));
    write_file(env, "d/x", "old");
    assert_st_ok(env_sync_dir(env, "d", ENV_INLINE));
}

static void link_file(struct env *env, void *arg)
{
    const bool *is_synced = arg;

    assert_st_ok(env_link(env, "d/x", "copy/x"));
    assert_st_code(env_link(env, "d/x", "copy/x"), ST_DUPLICATE_FILE);
    assert_st_code(env_link(env, "d", "copy/d"), ST_FEATURE_NOT_SUPPORTED);
    if (*is_synced)
        assert_st_ok(env_sync_dir(env, "copy", ENV_INLINE));
    assert_st_ok(env_unlink(env, "d/x"));
    assert_st_ok(env_sync_dir(env, "d", ENV_INLINE));
}

/* The content lives as long as one of its names. */
static void links_need_their_directory_synced(void **state)
{
    struct heap *h = heap_new();
    int          kept[2] = {0};

    (void)state;
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        bool             is_synced = seed % 2 == 0;
        struct arena    *arena = arena_new(h, NULL);
        struct sim      *s = sim_new(seed, NULL);
        struct sim_node *n = sim_add_node(s, "a", sim_idle_main, NULL);

        sim_do(s, n, prepare_link, NULL);
        sim_do(s, n, link_file, &is_synced);
        sim_crash(n, SIM_POWER_LOSS);
        sim_restart(n);
        assert_false(env_file_exists(sim_node_env(n), "d/x"));
        if (env_file_exists(sim_node_env(n), "copy/x")) {
            assert_true(slice_eq_cstr(file_content(n, "copy/x", arena), "old"));
            kept[is_synced]++;
        }
        sim_free(s);
        arena_free(arena);
    }
    assert_int_equal(kept[true], SEEDS / 2);
    assert_in_range(kept[false], SEEDS / 20, SEEDS / 2 - SEEDS / 20);
    heap_destroy(h);
}

static void replace_carefully(struct env *env, void *arg)
{
    status st = env_file_replace(env, "d/x", SLICE_LIT("newer"));

    (void)arg;
    assert_st_ok(st);
}

/* Crash in the first, second, third ... operation, until a run passes untouched. */
static void replace_survives_every_crash(void **state)
{
    struct heap *h = heap_new();
    int          runs = 0, crashes = 0;

    (void)state;
    for (uint64_t seed = 1; seed <= 50; seed++) {
        bool done = false;

        for (uint64_t at = 1; !done; at++) {
            struct arena    *arena = arena_new(h, NULL);
            struct sim      *s = sim_new(seed, NULL);
            struct sim_node *n = sim_add_node(s, "a", sim_idle_main, NULL);
            slice            x;

            sim_do(s, n, prepare_names, NULL);
            sim_crash_at_io(n, at, SIM_POWER_LOSS);
            done = sim_try(s, n, replace_carefully, NULL);
            crashes += !done;
            runs += done;
            sim_crash(n, SIM_POWER_LOSS);
            sim_restart(n);
            x = file_content(n, "d/x", arena);
            assert_true(slice_eq_cstr(x, "newer") || (!done && slice_eq_cstr(x, "old")));
            sim_free(s);
            arena_free(arena);
        }
    }
    assert_int_equal(runs, 50);
    assert_int_equal(crashes, 50 * 5); /* open, write, sync, rename, sync of the directory */
    heap_destroy(h);
}

/* ---- faults -------------------------------------------------------------------------------------
 */

static void fail_a_sync(struct env *env, void *arg)
{
    struct env_file *f;
    char             got[8] = {0};
    size_t           n;

    (void)arg;
    assert_st_ok(env_file_open(env, "f", ENV_READ | ENV_WRITE | ENV_CREATE, &f));
    assert_st_ok(env_sync_dir(env, "/", ENV_INLINE));
    sim_disk_set_faults(arg, &(struct sim_disk_faults){.sync_eio_at = 2});
    assert_st_ok(env_file_write_at(f, "one", 3, 0, ENV_INLINE));
    assert_st_ok(env_file_sync(f, ENV_INLINE));
    assert_st_ok(env_file_write_at(f, "two", 3, 0, ENV_INLINE));
    assert_st_code(env_file_sync(f, ENV_LANE_LOG_SYNC), ST_IO_ERROR);
    assert_st_ok(env_file_read_at(f, got, 3, 0, ENV_INLINE, &n));
    assert_string_equal(got, "two");
    assert_st_ok(env_file_sync(f, ENV_INLINE)); /* says OK and makes nothing durable: fsyncgate */
    env_file_close(f);
}

static void failed_sync_loses_data(void **state)
{
    struct heap     *h = heap_new();
    struct arena    *arena = arena_new(h, NULL);
    struct sim      *s = sim_new(1, NULL);
    struct sim_node *n = sim_add_node(s, "a", sim_idle_main, NULL);

    (void)state;
    sim_do(s, n, fail_a_sync, n);
    sim_crash(n, SIM_KILL);
    sim_restart(n);
    assert_true(slice_eq_cstr(file_content(n, "f", arena), "two")); /* the cache is still there */
    sim_crash(n, SIM_POWER_LOSS);
    sim_restart(n);
    assert_true(slice_eq_cstr(file_content(n, "f", arena), "one"));
    sim_free(s);
    arena_free(arena);
    heap_destroy(h);
}

static void fill_the_disk(struct env *env, void *arg)
{
    struct sim_node *node = arg;
    struct env_file *f;
    char             data[10000];
    uint64_t         size, left;

    fill(data, sizeof data, 'x');
    sim_disk_set_faults(node, &(struct sim_disk_faults){.space_max = 16384});
    assert_st_ok(env_file_open(env, "f", ENV_WRITE | ENV_CREATE, &f));
    assert_st_ok(env_file_write_at(f, data, sizeof data, 0, ENV_INLINE));
    assert_st_ok(env_disk_free(env, "/", &left));
    assert_int_equal(left, 4096);
    assert_st_code(env_file_write_at(f, data, sizeof data, 10000, ENV_INLINE), ST_DISK_FULL);
    assert_st_ok(env_file_size(f, &size));
    assert_int_equal(size, 16384); /* what fitted was written */
    assert_st_code(env_file_allocate(f, 16384, 1), ST_DISK_FULL);
    assert_st_ok(env_file_write_at(f, data, sizeof data, 0, ENV_INLINE)); /* in place still works */
    assert_st_ok(env_file_truncate(f, 4096));
    assert_st_ok(env_file_allocate(f, 4096, 12288));
    assert_int_equal(sim_disk_used(node), 16384);
    env_file_close(f);
    assert_st_ok(env_unlink(env, "f"));
    assert_st_ok(env_sync_dir(env, "/", ENV_INLINE));
    assert_int_equal(sim_disk_used(node), 0);
}

static void disks_fill_up(void **state)
{
    struct sim      *s = sim_new(1, NULL);
    struct sim_node *n = sim_add_node(s, "a", sim_idle_main, NULL);

    (void)state;
    sim_do(s, n, fill_the_disk, n);
    sim_free(s);
}

static void lie_about_writes(struct env *env, void *arg)
{
    struct sim_node *node = arg;
    struct env_file *f;
    char             data[4096], got[4096];
    size_t           n;

    assert_st_ok(env_file_open(env, "f", ENV_READ | ENV_WRITE | ENV_CREATE, &f));
    assert_st_ok(env_sync_dir(env, "/", ENV_INLINE));
    sim_disk_set_faults(
        node, &(struct sim_disk_faults){.read_eio_at = 1, .write_eio_at = 3, .write_lost_at = 2});
    assert_st_code(env_file_read_at(f, got, sizeof got, 0, ENV_INLINE, &n), ST_IO_ERROR);
    fill(data, sizeof data, '1');
    assert_st_ok(env_file_write_at(f, data, sizeof data, 0, ENV_INLINE));
    fill(data, sizeof data, '2');
    assert_st_ok(env_file_write_at(f, data, sizeof data, 0, ENV_INLINE));
    assert_st_code(env_file_write_at(f, data, sizeof data, 0, ENV_INLINE), ST_IO_ERROR);
    assert_st_ok(env_file_sync(f, ENV_INLINE));
    assert_st_ok(env_file_read_at(f, got, sizeof got, 0, ENV_INLINE, &n));
    assert_int_equal(got[0], '2');
    env_file_close(f);
}

static void lost_writes_come_out_later(void **state)
{
    struct heap     *h = heap_new();
    struct arena    *arena = arena_new(h, NULL);
    struct sim      *s = sim_new(1, NULL);
    struct sim_node *n = sim_add_node(s, "a", sim_idle_main, NULL);
    slice            content;

    (void)state;
    sim_do(s, n, lie_about_writes, n);
    sim_crash(n, SIM_POWER_LOSS);
    sim_restart(n);
    content = file_content(n, "f", arena);
    assert_int_equal(content.size, 4096);
    assert_int_equal(content.data[0], '1');
    assert_st_ok(sim_disk_flip(n, "/f", 10, 0));
    content = file_content(n, "f", arena);
    assert_int_equal(content.data[10], '1' ^ 1);
    assert_int_equal(content.data[11], '1');
    assert_st_code(sim_disk_flip(n, "f", 4096, 0), ST_INVALID_PARAMETER_VALUE);
    assert_st_code(sim_disk_flip(n, "g", 0, 0), ST_UNDEFINED_FILE);
    sim_crash(n, SIM_KILL);
    sim_disk_wipe(n);
    sim_restart(n);
    assert_false(env_file_exists(sim_node_env(n), "f"));
    assert_int_equal(sim_disk_used(n), 0);
    sim_free(s);
    arena_free(arena);
    heap_destroy(h);
}

static void lock_twice(struct env *env, void *arg)
{
    struct env_file *lock, *second;

    assert_st_ok(env_lock_file(env, "LOCK", &lock));
    assert_st_code(env_lock_file(env, "LOCK", &second), ST_STORE_LOCKED);
    if (*(bool *)arg)
        env_file_close(lock);
}

static void locks_go_with_the_process(void **state)
{
    struct sim      *s = sim_new(1, NULL);
    struct sim_node *n = sim_add_node(s, "a", sim_idle_main, NULL);
    bool             close = true;

    (void)state;
    sim_do(s, n, lock_twice, &close);
    close = false;
    sim_do(s, n, lock_twice, &close);
    sim_crash(n, SIM_KILL);
    sim_restart(n);
    sim_do(s, n, lock_twice, &close);
    sim_free(s);
}

/* ---- against a model ----------------------------------------------------------------------------
 */

enum { MODEL_SIZE = 30000, MODEL_STEPS = 300 };

struct model {
    char   data[MODEL_SIZE];
    size_t size;
};

static void model_step(struct env *env, struct env_file *f, struct model *m)
{
    size_t   at = env_rand_below(env, MODEL_SIZE - 6000), size = 1 + env_rand_below(env, 6000), n;
    char     data[6000], got[6000];
    uint64_t found;

    switch (env_rand_below(env, 4)) {
    case 0:
        assert_st_ok(env_file_truncate(f, at));
        if (at < m->size)
            memset(m->data + at, 0, m->size - at);
        m->size = at;
        break;
    case 1:
        assert_st_ok(env_file_allocate(f, at, size));
        m->size = MAX(m->size, at + size);
        break;
    default:
        env_random(env, data, size);
        assert_st_ok(env_file_write_at(f, data, size, at, ENV_INLINE));
        memcpy(m->data + at, data, size);
        m->size = MAX(m->size, at + size);
        break;
    }
    at = env_rand_below(env, MODEL_SIZE);
    assert_st_ok(env_file_read_at(f, got, sizeof got, at, ENV_INLINE, &n));
    assert_int_equal(n, at < m->size ? MIN(m->size - at, sizeof got) : 0);
    assert_memory_equal(got, m->data + MIN(at, m->size), n);
    assert_st_ok(env_file_size(f, &found));
    assert_int_equal(found, m->size);
}

static void model_run(struct env *env, void *arg)
{
    struct model    *m = arg;
    struct env_file *f;

    assert_st_ok(env_file_open(env, "f", ENV_READ | ENV_WRITE | ENV_CREATE, &f));
    for (int i = 0; i < MODEL_STEPS; i++) {
        model_step(env, f, m);
        if (env_rand_below(env, 20) == 0)
            assert_st_ok(env_file_sync(f, ENV_LANE_IO));
    }
    assert_st_ok(env_file_sync(f, ENV_INLINE));
    assert_st_ok(env_sync_dir(env, "/", ENV_INLINE));
    env_file_close(f);
}

static void files_match_a_model(void **state)
{
    struct heap *h = heap_new();
    uint64_t     seed = test_seed(900);

    (void)state;
    for (uint64_t i = 0; i < 20; i++) {
        struct model    *m = calloc(1, sizeof *m);
        struct arena    *arena = arena_new(h, NULL);
        struct sim      *s = sim_new(seed + i, NULL);
        struct sim_node *n = sim_add_node(s, "a", sim_idle_main, NULL);

        sim_do(s, n, model_run, m);
        sim_crash(n, SIM_POWER_LOSS);
        sim_restart(n);
        assert_true(slice_eq(file_content(n, "f", arena), slice_make(m->data, m->size)));
        sim_free(s);
        arena_free(arena);
        free(m);
    }
    heap_destroy(h);
}

/* Some of it synced, in the order in which a careless program would. */
static void make_directory_anew(struct env *env, void *arg)
{
    struct env_file *f;

    (void)arg;
    assert_st_ok(env_mkdir(env, "dir"));
    for (int i = 0; i < 2; i++) {
        assert_st_ok(env_file_open(env, i == 0 ? "dir/a" : "dir/b", ENV_WRITE | ENV_CREATE, &f));
        env_file_close(f);
        if (i == 0)
            assert_st_ok(env_sync_dir(env, "dir", ENV_INLINE));
    }
    assert_st_ok(env_unlink(env, "dir/a"));
    assert_st_ok(env_unlink(env, "dir/b"));
    assert_st_ok(env_rmdir(env, "dir"));
    assert_st_ok(env_mkdir(env, "dir"));
    assert_st_ok(env_sync_dir(env, ".", ENV_INLINE));
    assert_st_ok(env_file_open(env, "dir/c", ENV_WRITE | ENV_CREATE, &f));
    env_file_close(f);
}

static void new_directory_is_empty(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 100; seed++) {
        struct sim      *s = sim_new(seed, NULL);
        struct sim_node *n = sim_add_node(s, "a", sim_idle_main, NULL);
        const char      *path;
        uint64_t         size;

        sim_do(s, n, make_directory_anew, NULL);
        sim_crash(n, SIM_POWER_LOSS);
        path = sim_disk_file(n, 0, &size);
        if (path != NULL)
            assert_string_equal(path, "dir/c");
        assert_null(sim_disk_file(n, 1, &size));
        sim_free(s);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T("after a power loss un-synced data is there, gone or torn, synced data is there",
          unsynced_data_is_torn),
        T("a sync covers the writes issued before it and no later one",
          sync_covers_what_came_before),
        T("a write with O_DSYNC is durable alone, and stays on top", dsync_is_durable_alone),
        T("a name may be lost until its directory is synced", names_need_their_directory_synced),
        T("a link is a name, and keeps the content when the other name goes",
          links_need_their_directory_synced),
        T("a directory that was removed shows in no later one of its name", new_directory_is_empty),
        T("a careful replace survives a crash in every operation", replace_survives_every_crash),
        T("what a failed sync lost shows after the next reboot only", failed_sync_loses_data),
        T("a full disk refuses what does not fit", disks_fill_up),
        T("lost writes, bit flips and failed calls come out", lost_writes_come_out_later),
        T("a lock goes with its process", locks_go_with_the_process),
        T("a file matches its model, also after a synced crash", files_match_a_model),
    };

    return cmocka_run_group_tests_name("env sim disk", tests, NULL, NULL);
}
