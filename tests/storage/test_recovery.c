/* What recovery makes of a store that lacks a file, or that another kind of engine has written. */
#include "env/file.h"
#include "storage/raft_log.h"
#include "tests/env/sim_crashes.h"
#include "tests/env/sim_fixture.h"

struct scene {
    struct sim      *sim;
    struct sim_node *node;
    enum engine_type type;
    const char      *path;
    char             message[400]; /* of the last error */
    bool             has_checkpoint;
    char             manifest[100];
};

static void scene_init(struct scene *s)
{
    *s = (struct scene){.sim = sim_new(test_seed(1), NULL), .type = ENGINE_LSM, .path = "store"};
    s->node = sim_add_node(s->sim, "n", sim_idle_main, s);
}

static struct engine_options options_of(const struct scene *s)
{
    return (struct engine_options){
        .type = s->type, .path = s->path, .log_segment_size = 4096, .memtable_size = 1 << 20};
}

static void put(struct engine *e, unsigned n)
{
    struct engine_batch b;
    char                key[16], value[600];

    memset(value, (int)n, sizeof value);
    snprintf(key, sizeof key, "key/%04u", n);
    engine_batch_init(&b, NULL);
    assert_st_ok(engine_batch_put(&b, slice_cstr(key), 1, slice_make(value, sizeof value)));
    assert_st_ok(engine_commit(e, &b, true));
    engine_batch_deinit(&b);
}

/* Keys [0, 20) in a checkpoint or tables, keys [20, 30) in the log alone. */
static void write_store(struct env *env, void *arg)
{
    struct engine_options o = options_of(arg);
    struct engine        *e;

    assert_st_ok(engine_open(env, &o, &e));
    for (unsigned n = 0; n < 20; n++)
        put(e, n);
    assert_st_ok(engine_checkpoint(e));
    for (unsigned n = 20; n < 30; n++)
        put(e, n);
    engine_close(e);
}

static void write_little(struct env *env, void *arg)
{
    struct engine_options o = options_of(arg);
    struct engine        *e;

    assert_st_ok(engine_open(env, &o, &e));
    put(e, 0);
    engine_close(e);
}

static void check_store(struct env *env, void *arg)
{
    struct engine_options o = options_of(arg);
    struct engine        *e;
    struct engine_value   v;
    char                  key[16];

    assert_st_ok(engine_open(env, &o, &e));
    for (unsigned n = 0; n < 30; n++) {
        snprintf(key, sizeof key, "key/%04u", n);
        assert_st_ok(engine_get(e, NULL, slice_cstr(key), 1, &v));
        assert_true(v.found && v.value.size == 600 && v.value.data[599] == (char)n);
    }
    engine_close(e);
}

/* What it opens is no store of the memory engine any more. */
static void copy_store(struct env *env, void *arg)
{
    struct engine_options o = options_of(arg);
    struct engine        *e;

    assert_st_ok(engine_open(env, &o, &e));
    assert_st_ok(engine_copy(e, "copy"));
    engine_close(e);
}

static void flush_store(struct env *env, void *arg)
{
    struct engine_options o = options_of(arg);
    struct engine        *e;

    assert_st_ok(engine_open(env, &o, &e));
    assert_st_ok(engine_checkpoint(e));
    engine_close(e);
}

static void fail_to_open(struct env *env, struct scene *s, enum status_code code)
{
    struct engine_options o = options_of(s);
    struct engine        *e;
    status                st = engine_open(env, &o, &e);

    assert_int_equal(status_code(st), code);
    snprintf(s->message, sizeof s->message, "%s", status_message(st));
    st_clear(st);
}

static void open_corrupt(struct env *env, void *arg)
{
    fail_to_open(env, arg, ST_CORRUPT);
}

static void open_of_other_kind(struct env *env, void *arg)
{
    fail_to_open(env, arg, ST_CONFIG_ERROR);
}

/* The first file in the directory that ends so. */
static bool find_file(struct env *env, const char *suffix, char *path, size_t size)
{
    struct arena *arena = arena_new(env_heap(env), NULL);
    const char  **names;
    size_t        count;
    bool          found = false;

    assert_st_ok(env_list_dir(env, "store", arena, &names, &count));
    for (size_t i = 0; i < count && !found; i++) {
        found = strlen(names[i]) >= strlen(suffix) &&
                strcmp(names[i] + strlen(names[i]) - strlen(suffix), suffix) == 0;
        if (found)
            snprintf(path, size, "store/%s", names[i]);
    }
    arena_free(arena);
    return found;
}

static void lose(struct env *env, const char *suffix)
{
    char path[100];

    assert_true(find_file(env, suffix, path, sizeof path));
    assert_st_ok(env_unlink(env, path));
}

static void lose_current(struct env *env, void *arg)
{
    (void)arg;
    lose(env, "current");
}

static void lose_identity(struct env *env, void *arg)
{
    (void)arg;
    lose(env, "identity");
}

static void lose_tables(struct env *env, void *arg)
{
    char path[100];

    (void)arg;
    while (find_file(env, ".sst", path, sizeof path))
        assert_st_ok(env_unlink(env, path));
}

/* All but the newest, which by now is one that was written to. */
static void lose_segments(struct env *env, void *arg)
{
    char path[100], next[100];

    (void)arg;
    lose(env, ".log");
    while (find_file(env, ".log", path, sizeof path)) {
        assert_st_ok(env_rename(env, path, "store/kept"));
        if (!find_file(env, ".log", next, sizeof next)) {
            assert_st_ok(env_rename(env, "store/kept", path));
            return;
        }
        assert_st_ok(env_unlink(env, "store/kept"));
    }
}

/* All of it is in tables, but for an entry of a Raft log. */
static void write_raft_log(struct env *env, void *arg)
{
    struct engine_options o = options_of(arg);
    struct engine        *e;
    struct raft_batch     b;

    assert_st_ok(engine_open(env, &o, &e));
    put(e, 0);
    raft_batch_init(&b, env_heap(env));
    assert_st_ok(raft_batch_append(
        &b, 1, &(struct raft_entry){.index = 1, .term = 1, .data = SLICE_LIT("entry")}));
    assert_st_ok(raft_log_write(engine_raft_log(e), &b, true));
    raft_batch_deinit(&b);
    assert_st_ok(engine_checkpoint(e));
    engine_close(e);
}

/* The log ends behind its first record now, as if a torn write had been the last thing. */
static void lose_end_of_log(struct env *env, void *arg)
{
    static const char zeros[3000];
    struct env_file  *f;
    char              path[100];

    (void)arg;
    assert_true(find_file(env, ".log", path, sizeof path));
    assert_st_ok(env_file_open(env, path, ENV_WRITE, &f));
    assert_st_ok(env_file_write_at(f, zeros, sizeof zeros, 256, ENV_INLINE));
    env_file_close(f);
}

/* The only segment seems never to have been begun. */
static void damage_header(struct env *env, void *arg)
{
    struct env_file *f;
    char             path[100];

    (void)arg;
    assert_true(find_file(env, ".log", path, sizeof path));
    assert_st_ok(env_file_open(env, path, ENV_WRITE, &f));
    assert_st_ok(env_file_write_at(f, "x", 1, 20, ENV_INLINE));
    env_file_close(f);
}

/* Something that an opening ends by writing the manifest anew. */
static void tear_manifest(struct env *env, void *arg)
{
    struct scene    *s = arg;
    struct env_file *f;
    uint64_t         size;

    assert_true(find_file(env, ".manifest", s->manifest, sizeof s->manifest));
    assert_st_ok(env_file_open(env, s->manifest, ENV_WRITE, &f));
    assert_st_ok(env_file_size(f, &size));
    assert_st_ok(env_file_write_at(f, "torn", 4, size - 4, ENV_INLINE));
    env_file_close(f);
}

static void check_manifest(struct env *env, void *arg)
{
    struct scene *s = arg;
    char          path[100];

    assert_true(find_file(env, ".manifest", path, sizeof path));
    assert_string_equal(path, s->manifest);
}

static void look_for_checkpoint(struct env *env, void *arg)
{
    struct scene *s = arg;
    char          path[100];

    s->has_checkpoint = find_file(env, ".ckpt", path, sizeof path);
}

static void assert_says(const struct scene *s, const char *words)
{
    if (strstr(s->message, words) == NULL)
        fail_msg("\"%s\" does not say \"%s\"", s->message, words);
}

static void no_current(void **state)
{
    struct scene s;

    (void)state;
    scene_init(&s);
    sim_do(s.sim, s.node, write_store, &s);
    sim_do(s.sim, s.node, lose_current, &s);
    sim_do(s.sim, s.node, open_corrupt, &s);
    assert_says(&s, "has tables, but its file \"current\" is gone");
    sim_do(s.sim, s.node, lose_tables, &s);
    sim_do(s.sim, s.node, open_corrupt, &s);
    assert_says(&s, "the log begins with record ");
    sim_free(s.sim);
}

static void no_segment(void **state)
{
    struct scene s;

    (void)state;
    scene_init(&s);
    sim_do(s.sim, s.node, write_store, &s);
    sim_do(s.sim, s.node, lose_segments, &s);
    sim_do(s.sim, s.node, open_corrupt, &s);
    assert_says(&s, "the segment before it is missing or damaged");
    sim_free(s.sim);
}

static void lost_raft_entry(void **state)
{
    struct scene s;

    (void)state;
    scene_init(&s);
    sim_do(s.sim, s.node, write_raft_log, &s);
    sim_do(s.sim, s.node, lose_end_of_log, &s);
    sim_do(s.sim, s.node, open_corrupt, &s);
    assert_says(&s, "a record is damaged");
    sim_free(s.sim);
}

/* Its records were all in tables, but for one of a Raft log. */
static void damaged_header(void **state)
{
    struct scene s;

    (void)state;
    scene_init(&s);
    sim_do(s.sim, s.node, write_raft_log, &s);
    sim_do(s.sim, s.node, damage_header, &s);
    sim_do(s.sim, s.node, open_corrupt, &s);
    assert_says(&s, "its header is damaged");
    sim_free(s.sim);
}

/* What an opening finds damaged it leaves as it is, for whoever can mend it. */
static void refused_as_it_is(void **state)
{
    struct scene s;

    (void)state;
    scene_init(&s);
    sim_do(s.sim, s.node, write_store, &s);
    sim_do(s.sim, s.node, tear_manifest, &s);
    sim_do(s.sim, s.node, lose_segments, &s);
    sim_do(s.sim, s.node, open_corrupt, &s);
    sim_do(s.sim, s.node, check_manifest, &s);
    sim_free(s.sim);
}

static void no_identity(void **state)
{
    struct scene s;

    (void)state;
    for (int little = 0; little < 2; little++) {
        scene_init(&s);
        sim_do(s.sim, s.node, little ? write_little : write_store, &s);
        sim_do(s.sim, s.node, lose_identity, &s);
        sim_do(s.sim, s.node, open_corrupt, &s);
        assert_says(&s, "has lost its identity file");
        /* Nothing was deleted on the way. */
        sim_do(s.sim, s.node, lose_segments, &s);
        sim_free(s.sim);
    }
}

static void from_memory(void **state)
{
    struct scene s;

    (void)state;
    scene_init(&s);
    s.type = ENGINE_MEMORY;
    sim_do(s.sim, s.node, write_store, &s);
    s.type = ENGINE_LSM;
    for (int i = 0; i < 3; i++) {
        sim_do(s.sim, s.node, check_store, &s);
        sim_do(s.sim, s.node, look_for_checkpoint, &s);
        assert_true(s.has_checkpoint); /* no table has it yet */
    }
    sim_do(s.sim, s.node, flush_store, &s);
    sim_do(s.sim, s.node, look_for_checkpoint, &s);
    assert_false(s.has_checkpoint);
    sim_do(s.sim, s.node, check_store, &s);
    s.type = ENGINE_MEMORY;
    sim_do(s.sim, s.node, open_of_other_kind, &s);
    assert_says(&s, "keeps its data in tables");
    sim_free(s.sim);
}

/* Whoever made the directories may have been killed before their names were durable. */
static void killed_making(void **state)
{
    bool was_killed = true;

    (void)state;
    for (uint64_t io = 1; was_killed; io++) {
        struct scene s;

        scene_init(&s);
        s.path = "several/directories/store";
        sim_crash_at_io(s.node, io, SIM_KILL);
        was_killed = !sim_try(s.sim, s.node, write_little, &s);
        sim_crash_at_io(s.node, 0, SIM_KILL);
        if (was_killed)
            sim_restart(s.node);
        sim_do(s.sim, s.node, write_store, &s);
        sim_crash(s.node, SIM_POWER_LOSS);
        sim_restart(s.node);
        sim_do(s.sim, s.node, check_store, &s);
        sim_free(s.sim);
    }
}

static void copy_from_memory(void **state)
{
    struct scene s;

    (void)state;
    scene_init(&s);
    s.type = ENGINE_MEMORY;
    sim_do(s.sim, s.node, write_store, &s);
    s.type = ENGINE_LSM;
    sim_do(s.sim, s.node, copy_store, &s);
    sim_do(s.sim, s.node, check_store, &s);
    s.path = "copy";
    sim_do(s.sim, s.node, check_store, &s);
    sim_free(s.sim);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T("a segment that was begun is missed, though all that tables hold of it is there",
          damaged_header),
        T("an opening that finds damage changes nothing", refused_as_it_is),
        T("a store that has lost \"current\" is damaged, not empty", no_current),
        T("a log that begins behind the tables is damage", no_segment),
        T("a log that ends before the tables do may have lost Raft entries", lost_raft_entry),
        T("a store that has lost its identity is damaged, and keeps its files", no_identity),
        T("a killed making of a store costs its successor nothing", killed_making),
        T("tables take over from the memory engine, whose checkpoint goes then", from_memory),
        T("a copy of a store that the memory engine has written is whole", copy_from_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
