/* Ready queues, timers and waiting: what both worlds' schedulers are made of. */
#include <string.h>

#include "base/assert.h"
#include "env/env_internal.h"

enum { IO_STREAK_MAX = 64 }; /* then one SQL fiber runs, so that a storm of messages starves none */

void env_init(struct env *env, const struct env_ops *ops, struct heap *heap, const char *name,
              uint64_t seed, struct stack_pool *stacks)
{
    *env = (struct env){.ops = ops, .heap = heap, .stacks = stacks};
    env->name = heap_strdup(heap, name);
    env->thread = pthread_self();
    prng_init(&env->rng, seed);
    list_init(&env->fibers);
    for (int p = 0; p < ENV_PRIORITY_COUNT; p++)
        list_init(&env->ready[p]);
}

void env_deinit(struct env *env)
{
    fibers_drop_all(env);
    stack_unmap(&env->big_stack);
}

struct heap *env_heap(const struct env *env)
{
    return env->heap;
}

const char *env_name(const struct env *env)
{
    return env->name;
}

struct log *env_log(const struct env *env)
{
    return env->log;
}

void env_set_log(struct env *env, struct log *log)
{
    env->log = log;
}

uint64_t env_wall_us(struct env *env)
{
    return env->ops->wall_us(env);
}

uint64_t env_mono_us(struct env *env)
{
    return env->ops->mono_us(env);
}

void env_random(struct env *env, void *buf, size_t size)
{
    env->ops->random(env, buf, size);
}

uint64_t env_rand64(struct env *env)
{
    return prng_next(&env->rng);
}

uint64_t env_rand_below(struct env *env, uint64_t bound)
{
    ASSERT(bound > 0);
    return prng_below(&env->rng, bound);
}

void env_stop(struct env *env)
{
    env->stopping = true;
}

status env_on_signal(struct env *env, int signum, env_fn *fn, void *arg)
{
    int error = env->ops->on_signal(env, signum, fn, arg);

    return error == 0 ? STATUS_OK : errno_status(error, "could not listen for signal %d", signum);
}

void env_offload(struct env *env, enum env_lane lane, env_job_fn *fn, void *arg)
{
    if (lane == ENV_INLINE)
        fn(arg);
    else
        env->ops->offload(env, lane, fn, arg);
}

status env_post(struct env *target, env_fn *fn, void *arg)
{
    return target->ops->post(target, POST_NORMAL, fn, arg);
}

status env_post_reserved(struct env *target, env_fn *fn, void *arg)
{
    return target->ops->post(target, POST_RESERVED, fn, arg);
}

/* ---- ready queues -------------------------------------------------------------------------------
 */

void sched_ready(struct fiber *f)
{
    env_check_thread(f->env);
    f->state = FIBER_READY;
    list_push_back(&f->env->ready[f->priority], &f->link);
    f->env->ready_count[f->priority]++;
}

static struct fiber *take(struct env *env, enum env_priority priority, struct list *link)
{
    list_remove(link);
    env->ready_count[priority]--;
    return CONTAINER_OF(link, struct fiber, link);
}

struct fiber *sched_take(struct env *env)
{
    bool io = env->ready_count[ENV_PRIORITY_IO] > 0, sql = env->ready_count[ENV_PRIORITY_SQL] > 0;

    if (io && (!sql || env->io_streak < IO_STREAK_MAX)) {
        env->io_streak++;
        return take(env, ENV_PRIORITY_IO, env->ready[ENV_PRIORITY_IO].next);
    }
    env->io_streak = 0;
    return sql ? take(env, ENV_PRIORITY_SQL, env->ready[ENV_PRIORITY_SQL].next) : NULL;
}

struct fiber *sched_take_at(struct env *env, enum env_priority priority, size_t position)
{
    struct list *link = env->ready[priority].next;

    ASSERT(position < env->ready_count[priority]);
    while (position-- > 0)
        link = link->next;
    return take(env, priority, link);
}

void fiber_set_priority(struct fiber *f, enum env_priority priority)
{
    if (f->state == FIBER_READY) {
        take(f->env, f->priority, &f->link);
        f->priority = priority;
        sched_ready(f);
    }
    f->priority = priority;
}

bool env_idle(const struct env *env)
{
    return sched_ready_count(env) == 0;
}

void env_yield(struct env *env)
{
    ASSERT(env->running != NULL);
    sched_ready(env->running);
    fiber_suspend(env);
}

/* ---- timers: a binary heap ----------------------------------------------------------------------
 */

static bool timer_before(const struct fiber *a, const struct fiber *b)
{
    if (a->deadline_us != b->deadline_us)
        return a->deadline_us < b->deadline_us;
    return a->wait_serial < b->wait_serial;
}

static void timer_place(struct env *env, struct fiber *f, size_t position)
{
    env->timers[position] = f;
    f->timer_position = (ptrdiff_t)position;
}

static void timer_sift_up(struct env *env, struct fiber *f, size_t position)
{
    while (position > 0 && timer_before(f, env->timers[(position - 1) / 2])) {
        timer_place(env, env->timers[(position - 1) / 2], position);
        position = (position - 1) / 2;
    }
    timer_place(env, f, position);
}

static void timer_sift_down(struct env *env, struct fiber *f, size_t position)
{
    for (size_t child; (child = 2 * position + 1) < env->timer_count; position = child) {
        if (child + 1 < env->timer_count &&
            timer_before(env->timers[child + 1], env->timers[child]))
            child++;
        if (!timer_before(env->timers[child], f))
            break;
        timer_place(env, env->timers[child], position);
    }
    timer_place(env, f, position);
}

void timer_add(struct fiber *f)
{
    struct env *env = f->env;

    if (env->timer_count == env->timer_capacity) {
        size_t         capacity = MAX(env->timer_capacity * 2, (size_t)64);
        struct fiber **grown = heap_must_alloc(env->heap, capacity, sizeof(struct fiber *));

        if (env->timer_count > 0)
            memcpy(grown, env->timers, env->timer_count * sizeof(struct fiber *));
        heap_free(env->timers);
        env->timers = grown;
        env->timer_capacity = capacity;
    }
    timer_sift_up(env, f, env->timer_count++);
}

void timer_remove(struct fiber *f)
{
    struct env   *env = f->env;
    size_t        position = (size_t)f->timer_position;
    struct fiber *last;

    if (f->timer_position == TIMER_NONE)
        return;
    ASSERT(env->timers[position] == f);
    last = env->timers[--env->timer_count];
    f->timer_position = TIMER_NONE;
    if (last == f)
        return;
    timer_sift_down(env, last, position);
    timer_sift_up(env, last, (size_t)last->timer_position);
}

uint64_t timer_next_us(const struct env *env)
{
    return env->timer_count > 0 ? env->timers[0]->deadline_us : 0;
}

void timers_fire(struct env *env, uint64_t now_us)
{
    while (env->timer_count > 0 && env->timers[0]->deadline_us <= now_us)
        fiber_wake(env->timers[0], WAKE_TIMED_OUT);
}

/* ---- waiting ------------------------------------------------------------------------------------
 */

enum wake fiber_wait(struct env *env, struct list *waiters, uint64_t deadline_us, bool cancellable)
{
    struct fiber *f = env->running;

    env_check_thread(env);
    ASSERT(f != NULL);
    ASSERT(env->no_yield == 0); /* asserted even when the wait would end at once (pitfall E4) */
    if (cancellable && f->cancelled && !f->uncancellable)
        return WAKE_CANCELLED;
    if (deadline_us != 0 && deadline_us <= env_mono_us(env))
        return WAKE_TIMED_OUT;
    f->state = FIBER_WAITING;
    f->wait_cancellable = cancellable;
    f->wait_serial = ++env->wait_serial;
    f->deadline_us = deadline_us;
    if (waiters != NULL)
        list_push_back(waiters, &f->link);
    if (deadline_us != 0)
        timer_add(f);
    fiber_suspend(env);
    return f->wake;
}

void fiber_wake(struct fiber *f, enum wake why)
{
    ASSERT(f->state == FIBER_WAITING);
    list_remove(&f->link);
    timer_remove(f);
    f->wake = why;
    sched_ready(f);
}

status wake_status(enum wake why)
{
    switch (why) {
    case WAKE_TIMED_OUT:
        return status_new(ST_TIMED_OUT, "the time ran out");
    case WAKE_CANCELLED:
        return status_new(ST_CANCELLED, "the wait was cancelled");
    case WAKE_SIGNALLED:
        break;
    }
    return STATUS_OK;
}

status env_sleep_us(struct env *env, uint64_t us)
{
    enum wake why = fiber_wait(env, NULL, env_mono_us(env) + MAX(us, (uint64_t)1), true);

    return why == WAKE_CANCELLED ? wake_status(why) : STATUS_OK;
}
