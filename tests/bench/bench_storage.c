/* The memory engine against its targets: point reads, scans, puts, memory per row, and commits per
 * second of a durable store with 1, 8 and 32 fibers. Usage: bench_storage [rows] [directory] */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/prng.h"
#include "storage/raft_log.h"

enum { VALUE_SIZE = 100, COMMIT_SECONDS = 2 };

struct bench {
    uint64_t    rows;
    const char *dir;
};

static void must(status st)
{
    if (st_ok(st))
        return;
    fprintf(stderr, "bench_storage: %s\n", status_message(st));
    exit(1);
}

/* A key as SQL makes them: table, index, one integer column. */
static slice make_key(char *key, uint64_t n)
{
    memcpy(key, "\x19\x34\x19\x01\x1b", 5);
    key[5] = (char)(n >> 16);
    key[6] = (char)(n >> 8);
    key[7] = (char)n;
    return slice_make(key, 8);
}

static void report(const char *what, uint64_t count, uint64_t us)
{
    printf("%-28s %10.0f /s %8.0f ns\n", what, (double)count * 1e6 / (double)us,
           (double)us * 1e3 / (double)count);
}

static void load(struct env *env, struct engine *e, uint64_t rows, bool in_order)
{
    struct engine_batch b;
    struct prng         p;
    char                key[16], value[VALUE_SIZE];
    uint64_t            start_us = env_mono_us(env);

    prng_init(&p, 1);
    prng_bytes(&p, value, sizeof value);
    engine_batch_init(&b, NULL);
    for (uint64_t i = 0; i < rows; i++) {
        uint64_t n = in_order ? i : (i * UINT64_C(2654435761)) % rows;

        must(engine_batch_put(&b, make_key(key, n), 1000, slice_make(value, sizeof value)));
        if (engine_batch_size(&b) > 100000 || i + 1 == rows) {
            must(engine_commit(e, &b, false));
            engine_batch_reset(&b);
        }
    }
    report(in_order ? "load in order" : "load in random order", rows, env_mono_us(env) - start_us);
    engine_batch_deinit(&b);
}

static void memory(struct engine *e)
{
    struct engine_stats stats;

    engine_stats(e, &stats);
    printf("%-28s %10.1f bytes an entry, %.1f MiB in all\n", "memory",
           (double)stats.memory_size / (double)stats.entries, (double)stats.memory_size / 1048576);
}

static void gets(struct env *env, struct engine *e, uint64_t rows)
{
    enum { COUNT = 2000000 };
    struct prng         p;
    struct engine_value v;
    char                key[16];
    uint64_t            start_us = env_mono_us(env), sum = 0;

    prng_init(&p, 2);
    for (int i = 0; i < COUNT; i++) {
        must(engine_get(e, NULL, make_key(key, prng_next(&p) % rows), 2000, &v));
        sum += (uint8_t)v.value.data[0];
    }
    report(sum > 0 ? "get, random" : "", COUNT, env_mono_us(env) - start_us);
}

static void scans(struct env *env, struct engine *e, enum engine_iter_mode mode, const char *name)
{
    struct engine_iter_options o = {.mode = mode, .ts = 2000};
    struct engine_iter        *it;
    uint64_t                   start_us = env_mono_us(env), count = 0, sum = 0;

    for (int round = 0; round < 3; round++) {
        must(engine_iter_open(e, &o, &it));
        must(engine_iter_first(it));
        while (it->valid) {
            sum += it->value.size + (uint8_t)it->key.data[it->key.size - 1];
            count++;
            must(engine_iter_next(it));
        }
        engine_iter_close(it);
    }
    report(sum > 0 ? name : "", count, env_mono_us(env) - start_us);
}

static void seeks(struct env *env, struct engine *e, uint64_t rows)
{
    enum { COUNT = 200000 };
    struct engine_iter_options o = {.ts = 2000};
    struct prng                p;
    struct engine_iter        *it;
    char                       key[16];
    uint64_t                   start_us = env_mono_us(env);

    prng_init(&p, 3);
    for (int i = 0; i < COUNT; i++) {
        must(engine_iter_open(e, &o, &it));
        must(engine_iter_seek(it, make_key(key, prng_next(&p) % rows)));
        for (int n = 0; n < 100 && it->valid; n++)
            must(engine_iter_next(it));
        engine_iter_close(it);
    }
    report("open, seek + 100, close", COUNT, env_mono_us(env) - start_us);
}

static void updates(struct env *env, struct engine *e, uint64_t rows)
{
    enum { COUNT = 500000 };
    struct engine_batch b;
    struct prng         p;
    char                key[16], value[VALUE_SIZE] = {0};
    uint64_t            start_us = env_mono_us(env);

    prng_init(&p, 4);
    engine_batch_init(&b, NULL);
    for (uint64_t i = 0; i < COUNT; i++) {
        engine_batch_reset(&b);
        must(engine_batch_put(&b, make_key(key, prng_next(&p) % rows), 1001 + i,
                              slice_make(value, sizeof value)));
        must(engine_commit(e, &b, false));
    }
    report("update, random, one a batch", COUNT, env_mono_us(env) - start_us);
    engine_batch_deinit(&b);
}

struct committer {
    struct engine *e;
    uint64_t       until_us, commits;
    unsigned       id;
};

static void commit_loop(struct env *env, void *arg)
{
    struct committer   *c = arg;
    struct engine_batch b;
    char                key[16], value[VALUE_SIZE] = {0};

    engine_batch_init(&b, NULL);
    while (env_mono_us(env) < c->until_us) {
        engine_batch_reset(&b);
        must(engine_batch_put(&b, make_key(key, c->id * 1000 + c->commits % 1000), c->commits,
                              slice_make(value, sizeof value)));
        must(engine_commit(c->e, &b, true));
        c->commits++;
    }
    engine_batch_deinit(&b);
}

/* What a replica does for a proposal: write an entry and a commit index, synced, and apply it. */
static void append_loop(struct env *env, void *arg)
{
    struct committer   *c = arg;
    struct raft_log    *l = engine_raft_log(c->e);
    struct engine_batch b;
    struct raft_batch   log;
    char                key[16], value[VALUE_SIZE] = {0};

    engine_batch_init(&b, NULL);
    raft_batch_init(&log, NULL);
    while (env_mono_us(env) < c->until_us) {
        struct raft_entry      e = {.index = raft_log_last(l, c->id) + 1, .term = 1};
        struct raft_hard_state hs = {.term = 1, .vote = 1, .commit = e.index - 1};

        must(engine_batch_put(&b, make_key(key, c->id * 1000 + e.index % 1000), e.index,
                              slice_make(value, sizeof value)));
        must(engine_batch_set_applied(&b, c->id, e.index));
        e.data = engine_batch_encoded(&b);
        must(raft_batch_append(&log, c->id, &e));
        raft_batch_set_hard_state(&log, c->id, &hs);
        must(raft_log_write(l, &log, true));
        must(engine_apply(c->e, &b));
        raft_log_compact(l, c->id, e.index);
        engine_batch_reset(&b);
        raft_batch_reset(&log);
        c->commits++;
    }
    raft_batch_deinit(&log);
    engine_batch_deinit(&b);
}

static void fibers_at_once(struct env *env, struct engine *e, int fibers, env_fn *loop,
                           const char *what)
{
    struct committer c[32];
    struct fiber    *f[32];
    uint64_t         start_us = env_mono_us(env), total = 0;
    char             name[48];

    for (int i = 0; i < fibers; i++) {
        c[i] = (struct committer){
            .e = e, .until_us = start_us + COMMIT_SECONDS * 1000000, .id = (unsigned)i};
        must(env_spawn(env, "committer", loop, &c[i], &f[i]));
    }
    for (int i = 0; i < fibers; i++) {
        fiber_join(f[i]);
        total += c[i].commits;
    }
    snprintf(name, sizeof name, "%s, %d fibers", what, fibers);
    report(name, total, env_mono_us(env) - start_us);
}

static void commits(struct env *env, struct engine *e, int fibers)
{
    fibers_at_once(env, e, fibers, commit_loop, "synced commits");
    must(engine_checkpoint(e));
    fibers_at_once(env, e, fibers, append_loop, "Raft appends");
}

static void durable(struct env *env, const struct bench *b)
{
    struct engine_options o = {.path = b->dir};
    struct engine        *e;
    uint64_t              start_us;

    must(engine_open(env, &o, &e));
    for (int i = 0; i < 2; i++) /* the first round fills new segments, the second recycles */
        for (int fibers = 1; fibers <= 32; fibers *= fibers == 1 ? 8 : 4) {
            commits(env, e, fibers);
            must(engine_checkpoint(e));
        }
    load(env, e, b->rows, true);
    start_us = env_mono_us(env);
    must(engine_checkpoint(e));
    report("checkpoint, entries", b->rows, env_mono_us(env) - start_us);
    engine_close(e);
    start_us = env_mono_us(env);
    must(engine_open(env, &o, &e));
    report("recovery, entries", b->rows, env_mono_us(env) - start_us);
    engine_close(e);
}

static void bench_main(struct env *env, void *arg)
{
    const struct bench *b = arg;
    struct engine      *e;

    for (int in_order = 0; in_order < 2; in_order++) {
        must(engine_open(env, &(struct engine_options){0}, &e));
        load(env, e, b->rows, in_order != 0);
        memory(e);
        gets(env, e, b->rows);
        seeks(env, e, b->rows);
        scans(env, e, ENGINE_ITER_VISIBLE, "scan, visible");
        scans(env, e, ENGINE_ITER_VERSIONS, "scan, all versions");
        updates(env, e, b->rows);
        memory(e);
        scans(env, e, ENGINE_ITER_VISIBLE, "scan, visible, after");
        engine_close(e);
    }
    if (b->dir != NULL)
        durable(env, b);
    env_stop(env);
}

int main(int argc, char **argv)
{
    struct bench b = {.rows = argc > 1 ? strtoull(argv[1], NULL, 10) : 1000000,
                      .dir = argc > 2 ? argv[2] : NULL};
    struct env  *env;

    must(env_new(NULL, &env));
    must(env_spawn(env, "bench", bench_main, &b, NULL));
    env_run(env);
    env_free(env);
    return 0;
}
