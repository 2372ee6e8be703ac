#include <limits.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/assert.h"
#include "env/net.h"
#include "tests/env/fixture.h"

/* ---- many fibers --------------------------------------------------------------------------------
 */

#ifdef LINERA_TSAN /* which maps two megabytes of its own for each fiber */
enum { MANY = 500, ROUNDS = 5 };
#else
enum { MANY = 10000, ROUNDS = 5 };
#endif

struct counting {
    uint64_t sum, order_broken;
    int      next_turn;
};

static void count_rounds(struct env *env, void *arg)
{
    struct counting *c = arg;
    int              number = c->next_turn++;

    for (int round = 1; round <= ROUNDS; round++) {
        env_yield(env);
        /* Everybody runs once per round, in order of arrival. */
        if (c->next_turn != round * MANY + number)
            c->order_broken++;
        c->next_turn++;
        c->sum++;
    }
}

static void many_body(struct env *env, void *arg)
{
    struct counting c = {0};
    struct fiber  **fibers = heap_must_alloc(env_heap(env), MANY, sizeof *fibers);

    (void)arg;
    for (int i = 0; i < MANY; i++)
        assert_st_ok(env_spawn(env, "counter", count_rounds, &c, &fibers[i]));
    assert_int_equal(env_fiber_count(env), MANY + 1);
    for (int i = 0; i < MANY; i++)
        fiber_join(fibers[i]);
    assert_int_equal(c.sum, MANY * ROUNDS);
    assert_int_equal(c.order_broken, 0);
    assert_int_equal(env_fiber_count(env), 1);
    heap_free(fibers);
}

static void ten_thousand_fibers(void **state)
{
    (void)state;
    run_on_worker(NULL, many_body, NULL);
}

/* ---- priorities ---------------------------------------------------------------------------------
 */

struct trail {
    char   text[64];
    size_t size;
};

static void leave_mark(struct env *env, void *arg)
{
    struct trail *t = arg;

    t->text[t->size++] = fiber_name(fiber_self(env))[0];
}

static void priority_body(struct env *env, void *arg)
{
    struct trail  t = {0};
    struct fiber *sql, *io;

    (void)arg;
    assert_st_ok(env_spawn(env, "sql", leave_mark, &t, &sql));
    fiber_set_priority(sql, ENV_PRIORITY_SQL);
    assert_st_ok(env_spawn(env, "io", leave_mark, &t, &io));
    fiber_join(sql);
    fiber_join(io);
    assert_string_equal(t.text, "is");
}

static void io_before_sql(void **state)
{
    (void)state;
    run_on_worker(NULL, priority_body, NULL);
}

static bool stop_spinning;

static void spin(struct env *env, void *arg)
{
    bool *stop = arg;

    while (!*stop)
        env_yield(env);
}

static void set_flag(struct env *env, void *arg)
{
    (void)env;
    *(bool *)arg = true;
}

static void no_starving_body(struct env *env, void *arg)
{
    struct fiber *io[2], *sql;

    (void)arg;
    stop_spinning = false;
    for (int i = 0; i < 2; i++)
        assert_st_ok(env_spawn(env, "busy", spin, &stop_spinning, &io[i]));
    assert_st_ok(env_spawn(env, "sql", set_flag, &stop_spinning, &sql));
    fiber_set_priority(sql, ENV_PRIORITY_SQL);
    fiber_join(sql);
    for (int i = 0; i < 2; i++)
        fiber_join(io[i]);
}

static void busy_io_starves_nobody(void **state)
{
    (void)state;
    run_on_worker(NULL, no_starving_body, NULL);
}

/* ---- time ---------------------------------------------------------------------------------------
 */

static void sleep_body(struct env *env, void *arg)
{
    uint64_t before_us = env_mono_us(env);

    (void)arg;
    assert_st_ok(env_sleep_us(env, 5000));
    assert_true(env_mono_us(env) - before_us >= 5000);
    assert_true(env_mono_us(env) - before_us < 2000000);
}

static void sleeps_long_enough(void **state)
{
    (void)state;
    run_on_worker(NULL, sleep_body, NULL);
}

struct sleeper {
    uint64_t us;
    int     *order, number;
    int     *next;
};

static void sleep_and_note(struct env *env, void *arg)
{
    struct sleeper *s = arg;

    assert_st_ok(env_sleep_us(env, s->us));
    s->order[(*s->next)++] = s->number;
}

static void timers_body(struct env *env, void *arg)
{
    struct sleeper s[5];
    struct fiber  *f[5];
    int            order[5], next = 0;

    (void)arg;
    for (int i = 0; i < 5; i++) {
        s[i] = (struct sleeper){(uint64_t)(5 - i) * 10000, order, i, &next};
        assert_st_ok(env_spawn(env, "sleeper", sleep_and_note, &s[i], &f[i]));
    }
    for (int i = 0; i < 5; i++)
        fiber_join(f[i]);
    for (int i = 0; i < 5; i++)
        assert_int_equal(order[i], 4 - i);
}

static void timers_in_order(void **state)
{
    (void)state;
    run_on_worker(NULL, timers_body, NULL);
}

/* ---- conditions ---------------------------------------------------------------------------------
 */

struct waiting {
    struct env_cond  cond;
    uint64_t         timeout_us;
    enum status_code code;
    int              woken;
};

static void wait_once(struct env *env, void *arg)
{
    struct waiting *w = arg;
    uint64_t        deadline_us = w->timeout_us != 0 ? env_deadline(env, w->timeout_us) : 0;
    status          st = env_wait(env, &w->cond, deadline_us);

    w->code = status_code(st);
    w->woken++;
    st_clear(st);
}

static void cond_body(struct env *env, void *arg)
{
    struct waiting w = {0};
    struct fiber  *f[3];

    (void)arg;
    env_cond_init(&w.cond);
    for (int i = 0; i < 3; i++)
        assert_st_ok(env_spawn(env, "waiter", wait_once, &w, &f[i]));
    env_yield(env);
    env_signal(env, &w.cond);
    fiber_join(f[0]); /* the first one to wait is the first to be woken */
    assert_int_equal(w.woken, 1);
    env_broadcast(env, &w.cond);
    fiber_join(f[1]);
    fiber_join(f[2]);
    assert_int_equal(w.woken, 3);
    assert_int_equal(w.code, ST_SUCCESS);
    env_cond_deinit(&w.cond);
}

static void signals_wake_in_order(void **state)
{
    (void)state;
    run_on_worker(NULL, cond_body, NULL);
}

static void timeout_body(struct env *env, void *arg)
{
    struct waiting w = {.timeout_us = 3000};
    struct fiber  *f;

    (void)arg;
    env_cond_init(&w.cond);
    assert_st_ok(env_spawn(env, "waiter", wait_once, &w, &f));
    fiber_join(f);
    assert_int_equal(w.code, ST_TIMED_OUT);
    env_cond_deinit(&w.cond);
}

static void waits_time_out(void **state)
{
    (void)state;
    run_on_worker(NULL, timeout_body, NULL);
}

static void cancel_body(struct env *env, void *arg)
{
    struct waiting w = {0};
    struct fiber  *f;

    (void)arg;
    env_cond_init(&w.cond);
    assert_st_ok(env_spawn(env, "waiter", wait_once, &w, &f));
    env_yield(env);
    fiber_cancel(f);
    fiber_join(f);
    assert_int_equal(w.code, ST_CANCELLED);

    /* A signal that came first is not lost to the cancel. */
    assert_st_ok(env_spawn(env, "waiter", wait_once, &w, &f));
    env_yield(env);
    env_signal(env, &w.cond);
    fiber_cancel(f);
    fiber_join(f);
    assert_int_equal(w.code, ST_SUCCESS);
    env_cond_deinit(&w.cond);
}

static void nap(struct env *env, void *arg)
{
    (void)arg;
    for (int i = 0; i < 300; i++)
        assert_st_ok(env_sleep_us(env, 1));
}

static void short_sleeps(void **state)
{
    (void)state;
    run_on_worker(NULL, nap, NULL);
}

static void waits_are_cancelled(void **state)
{
    (void)state;
    run_on_worker(NULL, cancel_body, NULL);
}

static void masked(struct env *env, void *arg)
{
    (void)arg;
    assert_true(env_set_cancellable(env, false));
    assert_st_ok(env_sleep_us(env, 2000));
    assert_false(env_cancelled(env));
    assert_false(env_set_cancellable(env, true));
    assert_true(env_cancelled(env));
    assert_st_code(env_sleep_us(env, 1000000), ST_CANCELLED);
    env_cancel_clear(env);
    assert_st_ok(env_sleep_us(env, 10));
}

static void mask_body(struct env *env, void *arg)
{
    struct fiber *f;

    (void)arg;
    assert_st_ok(env_spawn(env, "masked", masked, NULL, &f));
    env_yield(env);
    fiber_cancel(f);
    fiber_join(f);
}

static void cancel_can_be_masked(void **state)
{
    (void)state;
    run_on_worker(NULL, mask_body, NULL);
}

struct locking {
    struct env_mutex mutex;
    int              inside, violations, turns;
};

static void lock_and_work(struct env *env, void *arg)
{
    struct locking *l = arg;

    for (int i = 0; i < 20; i++) {
        assert_st_ok(env_mutex_lock(env, &l->mutex, 0));
        l->violations += l->inside++;
        env_yield(env);
        l->inside--;
        l->turns++;
        env_mutex_unlock(env, &l->mutex);
    }
}

static void mutex_body(struct env *env, void *arg)
{
    struct locking l = {0};
    struct fiber  *f[8];

    (void)arg;
    env_mutex_init(&l.mutex);
    for (int i = 0; i < 8; i++)
        assert_st_ok(env_spawn(env, "locker", lock_and_work, &l, &f[i]));
    for (int i = 0; i < 8; i++)
        fiber_join(f[i]);
    assert_int_equal(l.violations, 0);
    assert_int_equal(l.turns, 160);
    env_mutex_deinit(&l.mutex);
}

static void mutex_excludes(void **state)
{
    (void)state;
    run_on_worker(NULL, mutex_body, NULL);
}

struct taking {
    struct env_sem *sem;
    uint64_t        n, timeout_us;
    struct trail   *trail;
    char            mark;
};

static void take_permits(struct env *env, void *arg)
{
    struct taking *t = arg;
    uint64_t       deadline_us = t->timeout_us != 0 ? env_deadline(env, t->timeout_us) : 0;
    status         st = env_sem_acquire(env, t->sem, t->n, deadline_us);

    t->trail->text[t->trail->size++] = st_ok(st) ? t->mark : '-';
    st_clear(st);
}

/* The large request at the head holds back the small one, until it gives up. */
static void sem_body(struct env *env, void *arg)
{
    struct env_sem sem;
    struct trail   trail = {0};
    struct taking  large = {&sem, 5, 5000, &trail, 'L'}, small = {&sem, 1, 0, &trail, 's'};
    struct fiber  *f[2];

    (void)arg;
    env_sem_init(&sem, 2);
    assert_st_ok(env_spawn(env, "large", take_permits, &large, &f[0]));
    assert_st_ok(env_spawn(env, "small", take_permits, &small, &f[1]));
    env_yield(env);
    assert_int_equal(trail.size, 0);
    assert_false(env_sem_try_acquire(&sem, 1));
    fiber_join(f[0]);
    fiber_join(f[1]);
    assert_string_equal(trail.text, "-s");
    env_sem_release(env, &sem, 1);
    assert_true(env_sem_try_acquire(&sem, 2));
    env_sem_deinit(&sem);
}

static void semaphore_is_fair(void **state)
{
    (void)state;
    run_on_worker(NULL, sem_body, NULL);
}

/* ---- stacks -------------------------------------------------------------------------------------
 */

NOINLINE static size_t recurse(struct env *env, size_t depth)
{
    volatile char frame[512];

    frame[0] = (char)depth;
    if (env_stack_left(env) < ENV_STACK_RESERVE)
        return depth;
    return recurse(env, depth + 1) + (size_t)(frame[0] - (char)depth);
}

static void recursion_body(struct env *env, void *arg)
{
    size_t left = env_stack_left(env);

    (void)arg;
    assert_true(left > 200u << 10);
    assert_true(recurse(env, 0) > 50);
    assert_true(env_stack_left(env) == left);
}

static void recursion_sees_its_limit(void **state)
{
    (void)state;
    run_on_worker(NULL, recursion_body, NULL);
}

NOINLINE static unsigned recurse_forever(unsigned depth)
{
    volatile char frame[2048];

    frame[depth % sizeof frame] = 1;
    return depth == UINT_MAX ? 0 : recurse_forever(depth + 1) + (unsigned char)frame[0];
}

static void overflow_body(struct env *env, void *arg)
{
    (void)env;
    (void)arg;
    alarm(20);
    _exit((int)recurse_forever(0));
}

/* Without the guard page the child would trample its neighbour's stack and go on. */
static void overflow_hits_the_guard(void **state)
{
    int   status_word;
    pid_t child;

    (void)state;
    fflush(NULL);
    child = fork();
    if (child == 0) {
        signal(SIGSEGV, SIG_DFL);
        fclose(stderr);
        run_on_worker(NULL, overflow_body, NULL);
        _exit(0);
    }
    assert_int_equal(waitpid(child, &status_word, 0), child);
#if !defined(LINERA_ASAN) && !defined(LINERA_TSAN)
    assert_true(WIFSIGNALED(status_word));
    assert_int_equal(WTERMSIG(status_word), SIGSEGV);
#else
    assert_false(WIFEXITED(status_word) && WEXITSTATUS(status_word) == 0);
#endif
}

struct deep {
    struct env *env;
    size_t      left, depth;
};

/* In large frames: ThreadSanitizer follows 65,536 calls and no more. */
NOINLINE static size_t recurse_widely(struct env *env, size_t depth)
{
    volatile char frame[8192];

    frame[depth % sizeof frame] = (char)depth;
    if (env_stack_left(env) < ENV_STACK_RESERVE)
        return depth;
    return recurse_widely(env, depth + 1) + (size_t)(frame[depth % sizeof frame] - (char)depth);
}

static void go_deep(void *arg)
{
    struct deep *d = arg;

    d->left = env_stack_left(d->env);
    d->depth = recurse_widely(d->env, 0);
}

static void big_stack_body(struct env *env, void *arg)
{
    struct deep d = {.env = env};
    size_t      left = env_stack_left(env);

    (void)arg;
    for (int i = 0; i < 3; i++) {
        env_call_on_big_stack(env, go_deep, &d);
        assert_true(d.left > 255u << 20);
        assert_true(d.depth > 10000);
    }
    assert_true(env_stack_left(env) == left);
    env_yield(env); /* is allowed again */
}

static void big_stack_is_big(void **state)
{
    (void)state;
    run_on_worker(NULL, big_stack_body, NULL);
}

/* ---- locals -------------------------------------------------------------------------------------
 */

static void keep_local(struct env *env, void *arg)
{
    assert_null(fiber_local(fiber_self(env)));
    fiber_set_local(fiber_self(env), arg);
    env_yield(env);
    assert_ptr_equal(fiber_local(fiber_self(env)), arg);
}

static void local_body(struct env *env, void *arg)
{
    struct fiber *f[2];
    int           a, b;

    (void)arg;
    assert_st_ok(env_spawn(env, "a", keep_local, &a, &f[0]));
    assert_st_ok(env_spawn(env, "b", keep_local, &b, &f[1]));
    fiber_join(f[0]);
    fiber_join(f[1]);
}

static void locals_are_per_fiber(void **state)
{
    (void)state;
    run_on_worker(NULL, local_body, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T("ten thousand fibers take turns", ten_thousand_fibers),
        T("an IO fiber runs before an SQL fiber that was ready first", io_before_sql),
        T("IO fibers that are always ready do not starve an SQL fiber", busy_io_starves_nobody),
        T("a sleep lasts at least as long as asked", sleeps_long_enough),
        T("sleepers wake in the order of their deadlines", timers_in_order),
        T("a signal wakes the one that waited longest, a broadcast all", signals_wake_in_order),
        T("a wait past its deadline says so", waits_time_out),
        T("a deadline that has passed before the poll ends it", short_sleeps),
        T("a cancelled wait says so, unless it was signalled before", waits_are_cancelled),
        T("a cancel is held back while masked and forgotten when cleared", cancel_can_be_masked),
        T("a mutex lets one fiber in at a time", mutex_excludes),
        T("a semaphore serves in order of arrival", semaphore_is_fair),
        T("recursion sees the end of its stack coming", recursion_sees_its_limit),
        T("a stack overflow ends in the guard page", overflow_hits_the_guard),
        T("the big stack is big, and usable again after each call", big_stack_is_big),
        T("each fiber has a local of its own", locals_are_per_fiber),
    };

    return cmocka_run_group_tests_name("env fibers", tests, NULL, NULL);
}
