#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <time.h>
#include <unistd.h>

#include "env/env.h"
#include "tests/env/fixture.h"

static void pause_ms(unsigned ms)
{
    struct timespec t = {.tv_sec = ms / 1000, .tv_nsec = (long)(ms % 1000) * 1000000};

    nanosleep(&t, NULL);
}

/* ---- offload ------------------------------------------------------------------------------------
 */

struct square {
    uint64_t in, out;
    unsigned pause_ms;
};

static void square_job(void *arg)
{
    struct square *s = arg;

    if (s->pause_ms > 0)
        pause_ms(s->pause_ms);
    s->out = s->in * s->in;
}

struct offloading {
    enum env_lane lane;
    struct square squares[50];
    int           wrong;
};

static void offload_many(struct env *env, void *arg)
{
    struct offloading *o = arg;

    for (uint64_t i = 0; i < 50; i++) {
        o->squares[i].in = i;
        env_offload(env, o->lane, square_job, &o->squares[i]);
        o->wrong += o->squares[i].out != i * i;
    }
}

static void offload_body(struct env *env, void *arg)
{
    enum { FIBERS = 40 };
    struct offloading *o = heap_must_alloc(env_heap(env), FIBERS, sizeof *o);
    struct fiber      *f[FIBERS];

    (void)arg;
    for (int i = 0; i < FIBERS; i++) {
        o[i].lane = (enum env_lane)(i % ENV_LANE_COUNT);
        assert_st_ok(env_spawn(env, "offloader", offload_many, &o[i], &f[i]));
    }
    for (int i = 0; i < FIBERS; i++) {
        fiber_join(f[i]);
        assert_int_equal(o[i].wrong, 0);
    }
    heap_free(o);
}

/* With room for two jobs a lane, so that most submitters wait for room first. */
static void offload_runs_jobs(void **state)
{
    (void)state;
    run_on_worker(&(struct env_options){.offload_max = 2}, offload_body, NULL);
}

static void slow_offload(struct env *env, void *arg)
{
    env_offload(env, ENV_LANE_IO, square_job, arg);
}

static void separate_lanes_body(struct env *env, void *arg)
{
    struct square slow[8], quick = {.in = 3};
    struct fiber *f[8];
    uint64_t      before_us;

    (void)arg;
    for (int i = 0; i < 8; i++) {
        slow[i] = (struct square){.in = 2, .pause_ms = 100};
        assert_st_ok(env_spawn(env, "slow", slow_offload, &slow[i], &f[i]));
    }
    env_yield(env);
    before_us = env_mono_us(env);
    env_offload(env, ENV_LANE_LOG_SYNC, square_job, &quick);
    assert_true(env_mono_us(env) - before_us < 90000);
    for (int i = 0; i < 8; i++)
        fiber_join(f[i]);
    assert_true(env_mono_us(env) - before_us > 200000);
}

static void lanes_do_not_wait_for_each_other(void **state)
{
    (void)state;
    run_on_worker(NULL, separate_lanes_body, NULL);
}

static void cancel_offload_body(struct env *env, void *arg)
{
    struct square s = {.in = 5, .pause_ms = 20};
    struct fiber *f;

    (void)arg;
    assert_st_ok(env_spawn(env, "slow", slow_offload, &s, &f));
    env_yield(env);
    fiber_cancel(f);
    fiber_join(f);
    assert_int_equal(s.out, 25);
}

static void offload_outlives_cancel(void **state)
{
    (void)state;
    run_on_worker(NULL, cancel_offload_body, NULL);
}

/* ---- messages -----------------------------------------------------------------------------------
 */

enum { POSTERS = 4, POSTS = 2000 };

struct posting {
    struct env          *target;
    struct env_cond      arrived;
    uint64_t             sum, count;
    atomic_uint_fast64_t refused;
};

struct number {
    struct posting *p;
    uint64_t        value;
};

static void receive_number(struct env *env, void *arg)
{
    struct number *n = arg;

    n->p->sum += n->value;
    n->p->count++;
    env_signal(env, &n->p->arrived);
    free(n);
}

static void *post_numbers(void *arg)
{
    struct posting *p = arg;

    for (uint64_t i = 1; i <= POSTS; i++) {
        struct number *n = malloc(sizeof *n);
        status         st;

        *n = (struct number){p, i};
        while (!st_ok(st = env_post(p->target, receive_number, n))) {
            atomic_fetch_add_explicit(&p->refused, 1, memory_order_relaxed); /* a count only */
            assert_int_equal(status_code(st), ST_LIMIT_EXCEEDED);
            st_clear(st);
            pause_ms(1);
        }
    }
    return NULL;
}

static void post_body(struct env *env, void *arg)
{
    struct posting p = {.target = env};
    pthread_t      threads[POSTERS];

    (void)arg;
    env_cond_init(&p.arrived);
    for (int i = 0; i < POSTERS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, post_numbers, &p), 0);
    pause_ms(20); /* let the queue fill up */
    while (p.count < POSTERS * POSTS)
        assert_st_ok(env_wait(env, &p.arrived, 0));
    for (int i = 0; i < POSTERS; i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(p.sum, (uint64_t)POSTERS * POSTS * (POSTS + 1) / 2);
    assert_true(p.refused > 0);
}

static void posts_arrive_once(void **state)
{
    (void)state;
    run_on_worker(&(struct env_options){.post_max = 16}, post_body, NULL);
}

static void note_run(struct env *env, void *arg)
{
    (void)env;
    ++*(int *)arg;
}

static void reserved_body(struct env *env, void *arg)
{
    int runs = 0;

    (void)arg;
    assert_st_ok(env_post(env, note_run, &runs));
    assert_st_ok(env_post(env, note_run, &runs));
    assert_st_code(env_post(env, note_run, &runs), ST_LIMIT_EXCEEDED);
    assert_st_ok(env_post_reserved(env, note_run, &runs));
    while (runs < 3)
        env_yield(env);
    assert_st_ok(env_post(env, note_run, &runs));
    while (runs < 4)
        env_yield(env);
}

static void reserved_queue_has_its_own_room(void **state)
{
    (void)state;
    run_on_worker(&(struct env_options){.post_max = 2}, reserved_body, NULL);
}

/* ---- signals ------------------------------------------------------------------------------------
 */

static void signal_body(struct env *env, void *arg)
{
    int runs = 0;

    (void)arg;
    assert_st_ok(env_on_signal(env, SIGUSR1, note_run, &runs));
    assert_st_ok(env_on_signal(env, SIGUSR1, note_run, &runs));
    kill(getpid(), SIGUSR1);
    for (int i = 0; i < 1000 && runs == 0; i++)
        assert_st_ok(env_sleep_us(env, 1000));
    assert_int_equal(runs, 1);
}

static void signals_run_fibers(void **state)
{
    (void)state;
    run_on_worker(NULL, signal_body, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T("every job runs once and its result is seen, also when the lanes are full",
          offload_runs_jobs),
        T("a full lane does not delay another", lanes_do_not_wait_for_each_other),
        T("a cancelled fiber still waits for its job", offload_outlives_cancel),
        T("messages of several threads arrive once each, a full queue refuses", posts_arrive_once),
        T("the reserved queue has room when the other is full", reserved_queue_has_its_own_room),
        T("a signal runs its handler in a fiber", signals_run_fibers),
    };

    return cmocka_run_group_tests_name("env offload", tests, NULL, NULL);
}
