#include "tests/common/engine_world.h"

#include <dirent.h>
#include <unistd.h>

#include "env/file.h"
#include "storage/mem.h"
#include "tests/env/sim_fixture.h"

/* ---- the kinds ---- */

static void mem_options(struct engine_options *o)
{
    o->log_segment_size = 256 << 10;
    o->checkpoint_bytes = 1 << 20;
}

static void mem_check(struct engine *e)
{
    tree_check(&mem_of(e)->data);
    tree_check(&mem_of(e)->meta);
}

static void lsm_options(struct engine_options *o)
{
    o->type = ENGINE_LSM;
    o->log_segment_size = 256 << 10;
    o->memtable_size = 64 << 10;
    o->cache_size = 64 << 10;
    o->table_size = 32 << 10;
    o->level_size = 64 << 10;
    o->compactions_max = 3;
}

static void encrypted_options(struct engine_options *o)
{
    static const uint8_t key[32] = "the key of a store under test...";

    lsm_options(o);
    o->store_key = key;
}

const struct engine_kind engine_kinds[] = {
    {"memory", PLACE_MEMORY, true, NULL, mem_check},
    {"memory, simulated disk", PLACE_SIMULATED_DISK, true, mem_options, mem_check},
    {"memory, files", PLACE_FILES, true, mem_options, mem_check},
    {"lsm, simulated disk", PLACE_SIMULATED_DISK, false, lsm_options, NULL},
    {"lsm, files", PLACE_FILES, false, lsm_options, NULL},
    {"lsm, encrypted", PLACE_SIMULATED_DISK, false, encrypted_options, NULL},
};
const size_t engine_kind_count = ARRAY_LEN(engine_kinds);

/* ---- worlds ---- */

static void open_engine(struct engine_world *w)
{
    assert_st_ok(engine_open(w->env, &w->options, &w->e));
}

void engine_world_reopen(struct engine_world *w)
{
    if (!engine_world_has_files(w))
        return;
    assert_st_ok(engine_sync(w->e));
    engine_close(w->e);
    w->e = NULL;
    open_engine(w);
}

struct engine *engine_world_open_copy(struct engine_world *w)
{
    struct engine_options o = w->options;
    struct engine        *copy;

    snprintf(w->copy_path, sizeof w->copy_path, "%s.copy", w->path);
    assert_st_ok(engine_copy(w->e, w->copy_path));
    o.path = w->copy_path;
    o.must_exist = true;
    assert_st_ok(engine_open(w->env, &o, &copy));
    return copy;
}

void engine_world_close_copy(struct engine_world *w, struct engine *copy)
{
    struct arena *arena = arena_new(env_heap(w->env), NULL);
    const char  **names;
    size_t        count;
    char          path[400];

    engine_close(copy);
    assert_st_ok(env_list_dir(w->env, w->copy_path, arena, &names, &count));
    for (size_t i = 0; i < count; i++) {
        snprintf(path, sizeof path, "%s/%s", w->copy_path, names[i]);
        assert_st_ok(env_unlink(w->env, path));
    }
    assert_st_ok(env_rmdir(w->env, w->copy_path));
    arena_free(arena);
}

static void world_main(struct env *env, void *arg)
{
    struct engine_world *w = arg;

    w->env = env;
    open_engine(w);
    w->body(w);
    engine_close(w->e);
    env_stop(env);
}

static void run_real(struct engine_world *w)
{
    struct env *env;

    assert_st_ok(env_new(NULL, &env));
    assert_st_ok(env_spawn(env, "test", world_main, w, NULL));
    env_run(env);
    env_free(env);
}

static void remove_directory(const char *dir)
{
    DIR           *d = opendir(dir);
    struct dirent *entry;
    char           path[400];

    while (d != NULL && (entry = readdir(d)) != NULL) {
        snprintf(path, sizeof path, "%s/%s", dir, entry->d_name);
        unlink(path);
    }
    if (d != NULL)
        closedir(d);
    rmdir(dir);
}

static void run_files(struct engine_world *w)
{
    strcpy(w->dir, "/tmp/linera-engine-XXXXXX");
    assert_non_null(mkdtemp(w->dir));
    snprintf(w->path, sizeof w->path, "%s/store", w->dir);
    run_real(w);
}

static void remove_files(const struct engine_world *w)
{
    if (w->dir[0] == '\0')
        return;
    if (w->copy_path[0] != '\0')
        remove_directory(w->copy_path);
    remove_directory(w->path);
    remove_directory(w->dir);
}

static void run_simulated(struct engine_world *w)
{
    struct sim      *sim = sim_new(1, NULL);
    struct sim_node *node = sim_add_node(sim, "store", world_main, w);

    strcpy(w->path, "store");
    assert_true(sim_end_life(sim, node, UINT64_C(1) << 50));
    sim_free(sim);
}

/* Run the body in a fiber of a fresh world, with an open engine, which is closed afterwards. */
static void run_world(struct engine_world *w)
{
    if (w->kind->set_options != NULL)
        w->kind->set_options(&w->options);
    if (w->kind->place != PLACE_MEMORY)
        w->options.path = w->path;
    switch (w->kind->place) {
    case PLACE_MEMORY:
        run_real(w);
        break;
    case PLACE_SIMULATED_DISK:
        run_simulated(w);
        break;
    case PLACE_FILES:
        run_files(w);
        break;
    }
}

/* ---- suites ---- */

struct suite_entry {
    struct engine_world w;
    char                name[160];
};

static void run_entry(void **state)
{
    run_world(&((struct suite_entry *)*state)->w);
}

/* Runs after a failed test too, which never comes back from its world. */
static int clean_entry(void **state)
{
    remove_files(&((const struct suite_entry *)*state)->w);
    return 0;
}

int engine_suite_run(const char *name, const struct engine_case *cases, size_t count)
{
    size_t              all = engine_kind_count * count, total = 0;
    struct suite_entry *entries = calloc(all, sizeof *entries);
    struct CMUnitTest  *tests = calloc(all, sizeof *tests);
    const char         *only = getenv("LINERA_ENGINE");
    int                 failed;

    for (size_t i = 0; i < all; i++) {
        const struct engine_kind *kind = &engine_kinds[i / count];
        const struct engine_case *c = &cases[i % count];
        struct suite_entry       *entry = &entries[total];

        if (only != NULL && strstr(kind->name, only) == NULL)
            continue;
        entry->w = (struct engine_world){.kind = kind, .body = c->body};
        snprintf(entry->name, sizeof entry->name, "%s: %s", kind->name, c->sentence);
        tests[total++] = (struct CMUnitTest){.name = entry->name,
                                             .test_func = run_entry,
                                             .teardown_func = clean_entry,
                                             .initial_state = entry};
    }
    failed = _cmocka_run_group_tests(name, tests, total, NULL, NULL);
    free(tests);
    free(entries);
    return failed;
}
