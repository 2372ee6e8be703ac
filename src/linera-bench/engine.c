/* The loops of "linera-bench engine". Every workload is one function of a worker, which runs in a
 * fiber; all fibers share one thread, as they do on a node. */
#include "client/store_key.h"
#include "engine.h"

#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "bench.h"
#include "client/distribution.h"
#include "clock.h"

enum {
    OPS_PER_YIELD = 64,  /* for those who share the thread: timers, signals, the engine's fibers */
    POOL_SIZE = 1 << 20, /* of random bytes, which values are taken from */
    LOAD_BATCH = 1000,   /* puts a commit, when the store is filled without being measured */
    VIOLATIONS_SHOWN = 5,
};

/* Stores are told apart from nodes' by it, so that none of those is ever filled by mistake. */
static const uint8_t store_mark[16] = "linera-bench eng";

/* The versions of all rows: an overwrite replaces, so that the store does not grow for ever. */
enum { ROW_TS = 1 };

struct engine_bench {
    struct engine_bench_options options;
    struct env                 *env;
    struct engine              *engine;
    char                       *pool;
    struct zipf                 zipf;
    struct engine_run           runs[ENGINE_RUNS_MAX];
    size_t                      run_count;
    struct engine_run          *current;
    enum engine_work            work;
    uint64_t                    until_ns, ops_left; /* of the current run */
    uint64_t                    ops_done;
    bool                        interrupted, ticking;
    struct env_cond             tick_end;
    status                      failure; /* the first one */
};

struct engine_worker {
    struct engine_bench *b;
    uint64_t             from, to; /* what a fill writes */
    struct prng          prng;
    struct engine_batch  batch;
    struct engine_iter  *it; /* scan: where the next operation goes on */
    char                 key[ENGINE_RUN_KEY_SIZE];
    char                *value;
    uint64_t             before_ns;
};

/* ---- keys and values ---- */

static slice row_key(struct engine_worker *w, uint64_t n, bool exists)
{
    for (int i = 0; i < 8; i++)
        w->key[i] = (char)(n >> (56 - 8 * i));
    memset(w->key + 8, '0', sizeof w->key - 8);
    w->key[sizeof w->key - 1] = exists ? '0' : '1';
    return slice_make(w->key, sizeof w->key);
}

/* Half of it compresses away. */
static slice row_value(struct engine_worker *w)
{
    size_t size = w->b->options.value_size, half = (size + 1) / 2;

    for (size_t at = 0; at < half;) {
        size_t from = prng_below(&w->prng, POOL_SIZE);
        size_t n = POOL_SIZE - from < half - at ? POOL_SIZE - from : half - at;

        memcpy(w->value + at, w->b->pool + from, n);
        at += n;
    }
    memcpy(w->value + half, w->value, size - half);
    return slice_make(w->value, size);
}

static uint64_t random_row(struct engine_worker *w)
{
    const struct engine_bench_options *o = &w->b->options;

    if (o->zipf)
        return scatter(zipf_next(&w->b->zipf, &w->prng) - 1, o->rows);
    return prng_below(&w->prng, o->rows);
}

/* ---- operations ---- */

static void note_operation(struct engine_worker *w, size_t row, uint64_t entries, uint64_t bytes)
{
    struct engine_run *run = w->b->current;
    uint64_t           now = clock_now_ns();

    histogram_record(run->rows[row].latency, now - w->before_ns);
    w->before_ns = now;
    run->rows[row].entries += entries;
    if (strcmp(run->rows[row].operation, "put") == 0)
        run->user_bytes_written += bytes;
    else
        run->user_bytes_read += bytes;
    if (++w->b->ops_done % OPS_PER_YIELD == 0) {
        env_yield(w->b->env);
        w->before_ns = clock_now_ns(); /* this wait is the loop's, not the engine's */
    }
}

static void note_missed(struct engine_worker *w, const char *what, uint64_t n)
{
    if (w->b->current->missed++ < VIOLATIONS_SHOWN)
        fprintf(stderr, "%s: violated: row %" PRIu64 " %s\n", PROGRAM, n, what);
}

static bool goes_on(struct engine_worker *w)
{
    struct engine_bench *b = w->b;

    if (b->interrupted || !st_ok(b->failure) || w->before_ns >= b->until_ns || b->ops_left == 0)
        return false;
    b->ops_left--;
    return true;
}

static status add_row(struct engine_worker *w, uint64_t n)
{
    return engine_batch_put(&w->batch, row_key(w, n, true), ROW_TS, row_value(w));
}

static status commit_rows(struct engine_worker *w, uint64_t count, size_t row)
{
    const struct engine_bench_options *o = &w->b->options;

    TRY_RETURN(engine_commit(w->b->engine, &w->batch, o->sync));
    engine_batch_reset(&w->batch);
    note_operation(w, row, count, count * (ENGINE_RUN_KEY_SIZE + o->value_size));
    return STATUS_OK;
}

static status fill(struct engine_worker *w)
{
    const struct engine_bench_options *o = &w->b->options;
    bool                               in_order = w->b->work == WORK_FILL_SEQ;

    for (uint64_t i = w->from; i < w->to && goes_on(w);) {
        uint64_t count = 0;

        for (; count < o->batch && i < w->to; count++, i++)
            TRY_RETURN(add_row(w, in_order ? i : shuffle(i, o->rows, o->seed)));
        TRY_RETURN(commit_rows(w, count, 0));
    }
    return STATUS_OK;
}

static status overwrite(struct engine_worker *w, size_t row)
{
    uint64_t count = w->b->options.batch;

    for (uint64_t i = 0; i < count; i++)
        TRY_RETURN(add_row(w, random_row(w)));
    return commit_rows(w, count, row);
}

static status read_one(struct engine_worker *w, bool exists, size_t row)
{
    uint64_t            n = random_row(w);
    struct engine_value v;

    TRY_RETURN(engine_get(w->b->engine, NULL, row_key(w, n, exists), ROW_TS, &v));
    if (v.found != exists)
        note_missed(w, exists ? "is not there" : "is there, but was never written", n);
    note_operation(w, row, v.found ? 1 : 0, v.found ? ENGINE_RUN_KEY_SIZE + v.value.size : 0);
    return STATUS_OK;
}

/* From a random row on. */
static status seek_one(struct engine_worker *w)
{
    const struct engine_bench_options *o = &w->b->options;
    struct engine_iter_options         options = {.ts = ROW_TS};
    struct engine_iter                *it;
    uint64_t                           n = random_row(w), seen = 0, bytes = 0;
    status                             st;

    TRY_RETURN(engine_iter_open(w->b->engine, &options, &it));
    TRY(st, engine_iter_seek(it, row_key(w, n, true)), out);
    if (!it->valid)
        note_missed(w, "is not there", n);
    while (it->valid && seen < o->scan_length) {
        bytes += it->key.size + it->value.size;
        if (++seen < o->scan_length)
            TRY(st, engine_iter_next(it), out);
    }
    note_operation(w, 0, seen, bytes);

out:
    engine_iter_close(it);
    return st;
}

/* The next stretch of the whole store, in order, again and again. */
static status scan_on(struct engine_worker *w)
{
    struct engine_iter_options options = {.ts = ROW_TS};
    uint64_t                   seen = 0, bytes = 0;

    if (w->it == NULL || !w->it->valid) {
        engine_iter_close(w->it);
        w->it = NULL;
        TRY_RETURN(engine_iter_open(w->b->engine, &options, &w->it));
        TRY_RETURN(engine_iter_first(w->it));
        if (!w->it->valid)
            return status_new(ST_CORRUPT, "the store is empty");
    }
    while (w->it->valid && seen < w->b->options.scan_length) {
        bytes += w->it->key.size + w->it->value.size;
        seen++;
        TRY_RETURN(engine_iter_next(w->it));
    }
    note_operation(w, 0, seen, bytes);
    return STATUS_OK;
}

static status one_operation(struct engine_worker *w)
{
    switch (w->b->work) {
    case WORK_OVERWRITE:
        return overwrite(w, 0);
    case WORK_READ:
        return read_one(w, true, 0);
    case WORK_MISS:
        return read_one(w, false, 0);
    case WORK_SEEK:
        return seek_one(w);
    case WORK_SCAN:
        return scan_on(w);
    case WORK_MIXED:
        if (prng_below(&w->prng, 100) < w->b->options.reads)
            return read_one(w, true, 0);
        return overwrite(w, 1);
    case WORK_FILL_SEQ:
    case WORK_FILL_RANDOM:
        break;
    }
    UNREACHABLE();
}

static status operations(struct engine_worker *w)
{
    while (goes_on(w))
        TRY_RETURN(one_operation(w));
    return STATUS_OK;
}

/* ---- one workload ---- */

static bool is_fill(enum engine_work work)
{
    return work == WORK_FILL_SEQ || work == WORK_FILL_RANDOM;
}

static void worker_main(struct env *env, void *arg)
{
    struct engine_worker *w = arg;
    status                st;

    (void)env;
    w->before_ns = clock_now_ns();
    st = is_fill(w->b->work) ? fill(w) : operations(w);
    if (st_ok(w->b->failure))
        w->b->failure = st;
    else
        st_clear(st);
}

static void worker_init(struct engine_worker *w, struct engine_bench *b, uint64_t at)
{
    const struct engine_bench_options *o = &b->options;
    uint64_t                           n = o->fibers;

    *w = (struct engine_worker){.b = b,
                                .from = (uint64_t)((uint128_t)o->rows * at / n),
                                .to = (uint64_t)((uint128_t)o->rows * (at + 1) / n),
                                .value = heap_must_alloc(NULL, o->value_size, 1)};
    prng_init(&w->prng, o->seed + b->run_count * ENGINE_FIBERS_MAX + at);
    engine_batch_init(&w->batch, NULL);
}

static void worker_deinit(struct engine_worker *w)
{
    engine_iter_close(w->it);
    engine_batch_deinit(&w->batch);
    heap_free(w->value);
}

/* What every worker does; the first failure is in b->failure. */
static void run_workers(struct engine_bench *b)
{
    uint64_t              n = b->options.fibers;
    struct engine_worker *workers = heap_must_alloc(NULL, n, sizeof *workers);
    struct fiber        **fibers = heap_must_alloc(NULL, n, sizeof *fibers);
    uint64_t              started = 0;

    for (; started < n && st_ok(b->failure); started++) {
        worker_init(&workers[started], b, started);
        b->failure =
            env_spawn(b->env, "bench worker", worker_main, &workers[started], &fibers[started]);
        if (!st_ok(b->failure)) {
            worker_deinit(&workers[started]);
            break;
        }
    }
    for (uint64_t i = 0; i < started; i++) {
        fiber_join(fibers[i]);
        worker_deinit(&workers[i]);
    }
    heap_free(workers);
    heap_free(fibers);
}

/* What this process has moved to or from files, by /proc/self/io. */
static uint64_t file_bytes(const char *name)
{
    FILE    *f = fopen("/proc/self/io", "r");
    char     line[80];
    uint64_t out = 0;

    while (f != NULL && fgets(line, sizeof line, f) != NULL) {
        if (strncmp(line, name, strlen(name)) == 0)
            out = strtoull(line + strlen(name), NULL, 10);
    }
    if (f != NULL)
        fclose(f);
    return out;
}

static void add_row_kind(struct engine_run *run, enum engine_work work, const char *operation)
{
    run->rows[run->row_count++] = (struct engine_row){
        .workload = engine_work_name(work), .operation = operation, .latency = histogram_new()};
}

static void name_rows(struct engine_run *run, enum engine_work work)
{
    switch (work) {
    case WORK_FILL_SEQ:
    case WORK_FILL_RANDOM:
    case WORK_OVERWRITE:
        add_row_kind(run, work, "put");
        break;
    case WORK_READ:
    case WORK_MISS:
        add_row_kind(run, work, "get");
        break;
    case WORK_SEEK:
        add_row_kind(run, work, "seek");
        break;
    case WORK_SCAN:
        add_row_kind(run, work, "scan");
        break;
    case WORK_MIXED:
        add_row_kind(run, work, "get");
        add_row_kind(run, work, "put");
        break;
    }
}

static status run_workload(struct engine_bench *b, enum engine_work work)
{
    const struct engine_bench_options *o = &b->options;
    struct engine_run                 *run = &b->runs[b->run_count];
    struct engine_stats                stats;
    uint64_t                           began, written, read;

    name_rows(run, work);
    b->current = run;
    b->work = work;
    b->ops_done = 0;
    b->ops_left = is_fill(work) || o->operations == 0 ? UINT64_MAX : o->operations;
    written = file_bytes("wchar:");
    read = file_bytes("rchar:");
    began = clock_now_ns();
    b->until_ns = is_fill(work) ? UINT64_MAX : began + o->duration_us * 1000;
    run_workers(b);
    if (st_ok(b->failure) && run->user_bytes_written > 0)
        b->failure = engine_sync(b->engine); /* what is owed belongs to the work */
    run->seconds = (double)(clock_now_ns() - began) / 1e9;
    run->file_bytes_written = file_bytes("wchar:") - written;
    run->file_bytes_read = file_bytes("rchar:") - read;
    engine_stats(b->engine, &stats);
    run->disk_size = stats.disk_size;
    run->memory_size = stats.memory_size;
    run->entries = stats.entries;
    b->run_count++;
    return b->failure;
}

/* ---- the store ---- */

static status clear_store(struct engine_bench *b)
{
    struct engine_batch batch;
    status              st;

    engine_batch_init(&batch, NULL);
    st = engine_batch_clear_range(&batch, SLICE_EMPTY, SLICE_EMPTY);
    if (st_ok(st))
        st = engine_commit(b->engine, &batch, false);
    engine_batch_deinit(&batch);
    return st;
}

static status load_rows(struct engine_bench *b, struct engine_worker *w)
{
    for (uint64_t i = 0; i < b->options.rows && !b->interrupted; i++) {
        TRY_RETURN(add_row(w, i));
        if ((i + 1) % LOAD_BATCH != 0 && i + 1 < b->options.rows)
            continue;
        TRY_RETURN(engine_commit(b->engine, &w->batch, false));
        engine_batch_reset(&w->batch);
        env_yield(b->env);
    }
    return engine_sync(b->engine);
}

/* A workload that reads wants rows 0 to rows - 1: fill an empty store, refuse a smaller one. */
static status find_rows(struct engine_bench *b)
{
    struct engine_worker w;
    struct engine_value  first = {0}, last = {0};
    status               st;

    worker_init(&w, b, 0);
    TRY(st, engine_get(b->engine, NULL, row_key(&w, 0, true), ROW_TS, &first), out);
    TRY(st, engine_get(b->engine, NULL, row_key(&w, b->options.rows - 1, true), ROW_TS, &last),
        out);
    if (!first.found && !last.found) {
        fprintf(stderr, "%s: the store is empty: filling it with %" PRIu64 " rows first\n", PROGRAM,
                b->options.rows);
        st = load_rows(b, &w);
    } else if (!first.found || !last.found) {
        st = status_hint(status_new(ST_WRONG_STATE, "the store has fewer than %" PRIu64 " rows",
                                    b->options.rows),
                         "say --rows, or fill it with --workload fillseq");
    }

out:
    worker_deinit(&w);
    return st;
}

static status run_all(struct engine_bench *b)
{
    const struct engine_bench_options *o = &b->options;

    for (size_t i = 0; i < o->work_count && !b->interrupted; i++) {
        if (is_fill(o->works[i]))
            TRY_RETURN(clear_store(b));
        else if (i == 0 || o->works[i - 1] > WORK_FILL_RANDOM)
            TRY_RETURN(find_rows(b));
        if (!b->interrupted)
            TRY_RETURN(run_workload(b, o->works[i]));
    }
    return STATUS_OK;
}

/* ---- the program ---- */

static void on_interrupt(struct env *env, void *arg)
{
    (void)env;
    ((struct engine_bench *)arg)->interrupted = true;
}

static void tick_main(struct env *env, void *arg)
{
    struct engine_bench *b = arg;
    uint64_t             last = 0;
    size_t               run = 0;

    for (int s = 1; b->ticking; s++) {
        st_clear(env_wait(env, &b->tick_end, env_deadline(env, 1000000)));
        if (!b->ticking || b->current == NULL)
            continue;
        if (run != b->run_count)
            last = 0;
        run = b->run_count;
        fprintf(stderr, "%d s %s: %" PRIu64 " operations, %" PRIu64 "/s\n", s,
                engine_work_name(b->work), b->ops_done,
                b->ops_done > last ? b->ops_done - last : 0);
        last = b->ops_done;
    }
}

static status open_store(struct engine_bench *b)
{
    struct engine_options o = {.type = ENGINE_LSM,
                               .path = b->options.path,
                               .cache_size = b->options.cache_size,
                               .memtable_size = b->options.memtable_size,
                               .node_id = 1,
                               .store_id = 1};
    uint8_t               key[STORE_KEY_BYTES];

    if (b->options.key != NULL) {
        TRY_RETURN(store_key_read(b->options.key, key));
        o.store_key = key;
    }
    memcpy(o.cluster_id, store_mark, sizeof o.cluster_id);
    return engine_open(b->env, &o, &b->engine);
}

static void bench_fiber(struct env *env, void *arg)
{
    struct engine_bench *b = arg;
    struct fiber        *tick = NULL;
    status               st;

    TRY(st, open_store(b), out);
    TRY(st, env_on_signal(env, SIGINT, on_interrupt, b), out);
    env_cond_init(&b->tick_end);
    b->ticking = b->options.progress;
    if (b->ticking)
        TRY(st, env_spawn(env, "progress", tick_main, b, &tick), out);
    st = run_all(b);
    if (tick != NULL) {
        b->ticking = false;
        env_broadcast(env, &b->tick_end);
        fiber_join(tick);
    }
    env_cond_deinit(&b->tick_end);

out:
    engine_close(b->engine);
    b->failure = st;
    env_stop(env);
}

static int conclude(struct engine_bench *b)
{
    uint64_t missed = 0;
    int      code = CLI_DONE;

    if (b->run_count > 0)
        engine_report(&b->options, b->runs, b->run_count);
    for (size_t i = 0; i < b->run_count; i++) {
        missed += b->runs[i].missed;
        for (size_t k = 0; k < b->runs[i].row_count; k++)
            histogram_free(b->runs[i].rows[k].latency);
    }
    if (!st_ok(b->failure))
        code = cli_fail(PROGRAM, b->failure);
    else if (b->interrupted)
        code = CLI_INTERRUPTED;
    else if (missed > 0)
        code = CLI_VIOLATION;
    return cli_finish(PROGRAM, code);
}

int engine_main(int argc, char **argv)
{
    struct engine_bench b = {0};
    struct prng         p;
    int                 code;

    if (!engine_parameters_parse(argc, argv, &b.options, &code))
        return code;
    b.pool = heap_must_alloc(NULL, POOL_SIZE, 1);
    prng_init(&p, b.options.seed);
    prng_bytes(&p, b.pool, POOL_SIZE);
    zipf_init(&b.zipf, b.options.rows);
    b.failure = env_new(&(struct env_options){.name = "bench"}, &b.env);
    if (st_ok(b.failure))
        b.failure = env_spawn(b.env, "bench", bench_fiber, &b, NULL);
    if (st_ok(b.failure))
        env_run(b.env);
    code = conclude(&b); /* what has failed lies in the worker's heap */
    env_free(b.env);
    heap_free(b.pool);
    return code;
}
