/* A store on the real file system: reopening, group commit, large batches, damage. Crashes and
 * faults are in test_crash.c, on simulated disks. */
#include "storage/engine.h"

#include <dirent.h>
#include <unistd.h>

#include "base/arena.h"
#include "env/file.h"
#include "tests/common/storage_model.h"
#include "tests/common/test.h"

struct fixture {
    struct env           *env;
    char                  dir[64];
    char                  path[80];
    struct engine_options options;
    void (*body)(struct fixture *f);
};

static void run_body(struct env *env, void *arg)
{
    struct fixture *f = arg;

    f->body(f);
    env_stop(env);
}

static void remove_files(const char *dir)
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

/* Run the body in a fiber of a real worker, with a fresh directory. */
static void run(void (*body)(struct fixture *f))
{
    struct fixture f = {.body = body};

    strcpy(f.dir, "/tmp/linera-storage-XXXXXX");
    assert_non_null(mkdtemp(f.dir));
    snprintf(f.path, sizeof f.path, "%s/store", f.dir);
    f.options = (struct engine_options){
        .path = f.path, .log_segment_size = 64 << 10, .checkpoint_bytes = 1 << 20};
    assert_st_ok(env_new(NULL, &f.env));
    assert_st_ok(env_spawn(f.env, "test", run_body, &f, NULL));
    env_run(f.env);
    env_free(f.env);
    remove_files(f.path);
    remove_files(f.dir);
}

static struct engine *open_store(struct fixture *f)
{
    struct engine *e = NULL;

    assert_st_ok(engine_open(f->env, &f->options, &e));
    return e;
}

static void reopen_property(struct fixture *f)
{
    struct model_shape shape = {
        .keys = 2000, .key_size_max = 40, .value_size_max = 20000, .ts_max = 6, .clears = true};
    struct prng         p;
    struct model        m;
    struct engine_batch b;
    struct engine      *e = open_store(f);
    struct engine_stats stats;

    prng_init(&p, test_seed(1));
    model_init(&m);
    engine_batch_init(&b, NULL);
    for (int i = 0; i < 1500; i++) {
        model_random_batch(&p, &shape, 100, &b);
        model_apply(&m, &b);
        assert_st_ok(engine_commit(e, &b, prng_below(&p, 3) == 0));
        engine_batch_reset(&b);
        if (prng_below(&p, 60) == 0) {
            engine_close(e);
            e = open_store(f);
            model_check_all(&m, e, NULL);
        }
        if (prng_below(&p, 200) == 0)
            assert_st_ok(engine_checkpoint(e));
    }
    engine_stats(e, &stats);
    /* Checkpoints keep the log short. */
    assert_in_range(stats.log_size, 0, 8 << 20);
    assert_true(metric_get(&engine_metrics(e)->log_writes) > 0);
    engine_close(e);
    e = open_store(f);
    model_check_all(&m, e, NULL);
    engine_close(e);
    engine_batch_deinit(&b);
    model_deinit(&m);
}

static void reopened_store_is_equal(void **state)
{
    (void)state;
    run(reopen_property);
}

static void huge_batch(struct fixture *f)
{
    struct engine_batch b;
    struct engine_stats stats;
    struct engine      *e;
    char                key[24], value[100];

    f->options.log_segment_size = 2 << 20;
    f->options.checkpoint_bytes = UINT64_C(1) << 40;
    e = open_store(f);
    engine_batch_init(&b, NULL);
    for (int i = 0; i < 300000; i++) {
        snprintf(key, sizeof key, "key%09d", i);
        memset(value, i, sizeof value);
        assert_st_ok(engine_batch_put(&b, slice_cstr(key), 5, slice_make(value, sizeof value)));
    }
    assert_true(engine_batch_size(&b) > UINT64_C(30) << 20);
    assert_st_ok(engine_commit(e, &b, true));
    engine_close(e);
    e = open_store(f);
    engine_stats(e, &stats);
    assert_int_equal(stats.entries, 300000);
    engine_close(e);
    engine_batch_deinit(&b);
}

static void huge_batch_is_one(void **state)
{
    (void)state;
    run(huge_batch);
}

struct client {
    struct fixture *f;
    struct engine  *e;
    int             id;
    unsigned        committed;
};

enum { CLIENTS = 32, COMMITS = 100 };

static void commit_many(struct env *env, void *arg)
{
    struct client      *c = arg;
    struct engine_batch b;
    char                key[32];

    (void)env;
    engine_batch_init(&b, NULL);
    for (int i = 0; i < COMMITS; i++) {
        snprintf(key, sizeof key, "c%02d-%04d", c->id, i);
        assert_st_ok(engine_batch_put(&b, slice_cstr(key), 1, SLICE_LIT("value")));
        assert_st_ok(engine_commit(c->e, &b, true));
        engine_batch_reset(&b);
        c->committed++;
    }
    engine_batch_deinit(&b);
}

static void group_commit(struct fixture *f)
{
    struct engine      *e = open_store(f);
    struct client       clients[CLIENTS];
    struct fiber       *fibers[CLIENTS];
    struct engine_stats stats;
    uint64_t            writes;

    for (int i = 0; i < CLIENTS; i++) {
        clients[i] = (struct client){.f = f, .e = e, .id = i};
        assert_st_ok(env_spawn(f->env, "client", commit_many, &clients[i], &fibers[i]));
    }
    for (int i = 0; i < CLIENTS; i++)
        fiber_join(fibers[i]);
    writes = metric_get(&engine_metrics(e)->log_writes);
    assert_in_range(writes, COMMITS, COMMITS * CLIENTS / 8);
    engine_close(e);
    e = open_store(f);
    engine_stats(e, &stats);
    assert_int_equal(stats.entries, CLIENTS * COMMITS);
    engine_close(e);
}

static void many_share_one_sync(void **state)
{
    (void)state;
    run(group_commit);
}

static void identity(struct fixture *f)
{
    struct engine *e, *other = NULL;
    uint8_t        incarnation[16];

    f->options.must_exist = true;
    assert_st_code(engine_open(f->env, &f->options, &other), ST_UNDEFINED_FILE);
    f->options.must_exist = false;
    f->options.cluster_id[3] = 7;
    f->options.node_id = 2;
    f->options.store_id = 3;
    e = open_store(f);
    assert_true(engine_identity(e)->is_new);
    memcpy(incarnation, engine_identity(e)->incarnation, sizeof incarnation);
    assert_st_code(engine_open(f->env, &f->options, &other), ST_STORE_LOCKED);
    engine_close(e);
    f->options.node_id = 4;
    assert_st_code(engine_open(f->env, &f->options, &other), ST_CONFIG_ERROR);
    f->options.node_id = 2;
    f->options.cluster_id[3] = 8;
    assert_st_code(engine_open(f->env, &f->options, &other), ST_CONFIG_ERROR);
    memset(f->options.cluster_id, 0, sizeof f->options.cluster_id);
    f->options.must_exist = true;
    e = open_store(f);
    assert_false(engine_identity(e)->is_new);
    assert_int_equal(engine_identity(e)->cluster_id[3], 7);
    assert_memory_equal(incarnation, engine_identity(e)->incarnation, sizeof incarnation);
    engine_close(e);
}

static void store_knows_its_owner(void **state)
{
    (void)state;
    run(identity);
}

static void small_log(struct fixture *f)
{
    struct engine_batch b;
    struct engine      *e;
    char                key[16];

    f->options.log_segment_size = 4096;
    e = open_store(f);
    engine_batch_init(&b, NULL);
    for (int i = 0; i < 100; i++) {
        snprintf(key, sizeof key, "k%03d", i);
        assert_st_ok(engine_batch_put(&b, slice_cstr(key), 1, SLICE_LIT("some value")));
        assert_st_ok(engine_commit(e, &b, true));
        engine_batch_reset(&b);
        if (i == 40)
            assert_st_ok(engine_checkpoint(e));
    }
    engine_batch_deinit(&b);
    engine_close(e);
}

static size_t entries_of(struct engine *e)
{
    struct engine_stats stats;

    engine_stats(e, &stats);
    return stats.entries;
}

static void flip(const char *path, long offset, int bit)
{
    FILE *file = fopen(path, "r+b");
    int   c;

    assert_non_null(file);
    fseek(file, offset, SEEK_SET);
    c = fgetc(file);
    fseek(file, offset, SEEK_SET);
    fputc(c ^ (1 << bit), file);
    fclose(file);
}

static long size_of(const char *path)
{
    FILE *file = fopen(path, "rb");
    long  size;

    fseek(file, 0, SEEK_END);
    size = ftell(file);
    fclose(file);
    return size;
}

/* L3, L17: after a clean close, no flipped bit anywhere may lose anything in silence. */
static void flip_every_file(struct fixture *f)
{
    struct arena *arena = arena_new(NULL, NULL);
    const char  **names;
    size_t        count, found = 0, opened = 0;
    struct prng   p;
    char          command[300];

    prng_init(&p, test_seed(9));
    small_log(f);
    snprintf(command, sizeof command, "%s.copy", f->path);
    assert_st_ok(env_rename(f->env, f->path, command));
    f->options.must_exist = true;
    for (int round = 0; round < 600; round++) {
        struct engine *e = NULL;
        char           path[400];
        status         st;

        snprintf(path, sizeof path, "cp -r %s.copy %s", f->path, f->path);
        assert_int_equal(system(path), 0);
        assert_st_ok(env_list_dir(f->env, f->path, arena, &names, &count));
        snprintf(path, sizeof path, "%s/%s", f->path, names[prng_below(&p, count)]);
        if (size_of(path) > 0)
            flip(path, (long)prng_below(&p, (uint64_t)size_of(path)), (int)prng_below(&p, 8));
        st = engine_open(f->env, &f->options, &e);
        if (st_ok(st)) {
            assert_int_equal(entries_of(e), 100);
            engine_close(e);
            opened++;
        } else {
            assert_int_equal(status_code(st), ST_CORRUPT);
            st_clear(st);
            found++;
        }
        remove_files(f->path);
    }
    assert_true(found > 50 && opened > 50);
    remove_files(command);
    arena_free(arena);
}

static void flipped_bits_are_found(void **state)
{
    (void)state;
    run(flip_every_file);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T("a reopened store holds what was committed", reopened_store_is_equal),
        T("a batch larger than many segments is one", huge_batch_is_one),
        T("fibers that commit at the same time share one write", many_share_one_sync),
        T("a store is locked, and refuses a foreign owner", store_knows_its_owner),
        T("L3: no flipped bit loses an acknowledged batch in silence", flipped_bits_are_found),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
