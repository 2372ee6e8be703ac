/* LineraDB's own engine: a fiber for each worker, all on one thread. */
#include <stdio.h>
#include <stdlib.h>

#include "storage/engine.h"
#include "tests/bench/compare_engines.h"

enum { FIBERS_MAX = 64 };

static void must(status st)
{
    if (st_ok(st))
        return;
    fprintf(stderr, "compare_engines: linera: %s\n", status_message(st));
    exit(1);
}

struct linera {
    struct env    *env;
    struct engine *e;
};

struct linera_session {
    struct linera      *db;
    struct engine_batch batch;
};

struct entrance {
    void (*body)(void *host, void *arg);
    void *arg;
};

static void enter_main(struct env *env, void *arg)
{
    struct entrance *e = arg;

    e->body(env, e->arg);
    env_stop(env);
}

static void linera_enter(void (*body)(void *host, void *arg), void *arg)
{
    struct entrance entrance = {body, arg};
    struct env     *env;

    must(env_new(NULL, &env));
    must(env_spawn(env, "bench", enter_main, &entrance, NULL));
    env_run(env);
    env_free(env);
}

static void *linera_open(void *host, const struct target_options *options)
{
    struct linera        *db = calloc(1, sizeof *db);
    struct engine_options o = {.type = ENGINE_LSM,
                               .path = options->dir,
                               .cache_size = options->cache_size,
                               .memtable_size = options->write_buffer_size};

    db->env = host;
    must(engine_open(db->env, &o, &db->e));
    return db;
}

static void linera_close(void *arg)
{
    struct linera *db = arg;

    engine_close(db->e);
    free(db);
}

static void linera_flush(void *arg)
{
    must(engine_checkpoint(((struct linera *)arg)->e));
}

static void linera_pause(void *arg, uint64_t us)
{
    must(env_sleep_us(((struct linera *)arg)->env, us));
}

struct job {
    void (*fn)(void *arg);
    void *arg;
};

static void fiber_main(struct env *env, void *arg)
{
    struct job *job = arg;

    (void)env;
    job->fn(job->arg);
}

static void linera_parallel(void *arg, unsigned count, void (*fn)(void *arg), void *args,
                            size_t size)
{
    struct linera *db = arg;
    struct job     jobs[FIBERS_MAX];
    struct fiber  *fibers[FIBERS_MAX];

    for (unsigned i = 0; i < count; i++) {
        jobs[i] = (struct job){fn, (char *)args + i * size};
        must(env_spawn(db->env, "worker", fiber_main, &jobs[i], &fibers[i]));
    }
    for (unsigned i = 0; i < count; i++)
        fiber_join(fibers[i]);
}

static void *linera_begin(void *db)
{
    struct linera_session *s = calloc(1, sizeof *s);

    s->db = db;
    engine_batch_init(&s->batch, NULL);
    return s;
}

static void linera_end(void *arg)
{
    struct linera_session *s = arg;

    engine_batch_deinit(&s->batch);
    free(s);
}

static void linera_breathe(void *arg)
{
    env_yield(((struct linera_session *)arg)->db->env);
}

/* Always at the same time, so that an overwrite replaces, as it does in the others. */
static void linera_put(void *arg, slice key, slice value)
{
    must(engine_batch_put(&((struct linera_session *)arg)->batch, key, 1, value));
}

static void linera_commit(void *arg, bool sync)
{
    struct linera_session *s = arg;

    must(engine_commit(s->db->e, &s->batch, sync));
    engine_batch_reset(&s->batch);
}

static bool linera_get(void *arg, slice key, uint64_t *sum)
{
    struct linera_session *s = arg;
    struct engine_value    v;

    must(engine_get(s->db->e, NULL, key, 2, &v));
    if (v.found)
        *sum += (uint8_t)v.value.data[v.value.size - 1];
    return v.found;
}

static size_t linera_scan(void *arg, slice key, size_t count, uint64_t *sum)
{
    struct linera_session     *s = arg;
    struct engine_iter_options o = {.ts = 2};
    struct engine_iter        *it;
    size_t                     n = 0;

    must(engine_iter_open(s->db->e, &o, &it));
    must(engine_iter_seek(it, key));
    while (it->valid && n < count) {
        *sum += (uint8_t)it->value.data[it->value.size - 1];
        n++;
        if (n < count)
            must(engine_iter_next(it));
    }
    engine_iter_close(it);
    return n;
}

const struct target target_linera = {
    .name = "LineraDB",
    .enter = linera_enter,
    .open = linera_open,
    .close = linera_close,
    .flush = linera_flush,
    .pause = linera_pause,
    .parallel = linera_parallel,
    .begin = linera_begin,
    .end = linera_end,
    .breathe = linera_breathe,
    .put = linera_put,
    .commit = linera_commit,
    .get = linera_get,
    .scan = linera_scan,
};
