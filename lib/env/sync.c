/* Conditions, mutexes and semaphores for the fibers of one worker. */
#include "base/assert.h"
#include "env/env_internal.h"

void env_cond_init(struct env_cond *c)
{
    list_init(&c->waiters);
}

void env_cond_deinit(struct env_cond *c)
{
    ASSERT(list_empty(&c->waiters));
}

status env_wait(struct env *env, struct env_cond *c, uint64_t deadline_us)
{
    return wake_status(fiber_wait(env, &c->waiters, deadline_us, true));
}

void env_wait_uncancelled(struct env *env, struct env_cond *c)
{
    (void)fiber_wait(env, &c->waiters, 0, false);
}

static struct fiber *first_waiter(const struct list *waiters)
{
    return list_empty(waiters) ? NULL : CONTAINER_OF(waiters->next, struct fiber, link);
}

void env_signal(struct env *env, struct env_cond *c)
{
    struct fiber *f = first_waiter(&c->waiters);

    if (f == NULL)
        return;
    DASSERT(f->env == env); /* another worker is reached by env_post() alone */
    (void)env;
    fiber_wake(f, WAKE_SIGNALLED);
}

void env_broadcast(struct env *env, struct env_cond *c)
{
    while (!list_empty(&c->waiters))
        env_signal(env, c);
}

void env_mutex_init(struct env_mutex *m)
{
    env_cond_init(&m->cond);
    m->owner = NULL;
}

void env_mutex_deinit(struct env_mutex *m)
{
    ASSERT(m->owner == NULL);
    env_cond_deinit(&m->cond);
}

status env_mutex_lock(struct env *env, struct env_mutex *m, uint64_t deadline_us)
{
    ASSERT(env->running != NULL);
    ASSERT(m->owner != env->running);
    if (m->owner == NULL) {
        m->owner = env->running;
        return STATUS_OK;
    }
    /* The one who unlocks hands the mutex over, so that nobody can slip in between. */
    return env_wait(env, &m->cond, deadline_us);
}

void env_mutex_unlock(struct env *env, struct env_mutex *m)
{
    ASSERT(m->owner == env->running);
    m->owner = first_waiter(&m->cond.waiters);
    env_signal(env, &m->cond);
}

void env_sem_init(struct env_sem *s, uint64_t count)
{
    list_init(&s->waiters);
    s->count = count;
}

void env_sem_deinit(struct env_sem *s)
{
    ASSERT(list_empty(&s->waiters));
}

bool env_sem_try_acquire(struct env_sem *s, uint64_t n)
{
    if (!list_empty(&s->waiters) || s->count < n)
        return false;
    s->count -= n;
    return true;
}

/* Grant in order of arrival. Also after a waiter gave up: the one behind it may fit. */
static void sem_grant(struct env_sem *s)
{
    for (struct fiber *f; (f = first_waiter(&s->waiters)) != NULL && f->wanted <= s->count;) {
        s->count -= f->wanted;
        fiber_wake(f, WAKE_SIGNALLED);
    }
}

status env_sem_acquire(struct env *env, struct env_sem *s, uint64_t n, uint64_t deadline_us)
{
    enum wake why;

    ASSERT(env->running != NULL);
    if (env_sem_try_acquire(s, n))
        return STATUS_OK;
    env->running->wanted = n;
    why = fiber_wait(env, &s->waiters, deadline_us, true);
    if (why != WAKE_SIGNALLED)
        sem_grant(s);
    return wake_status(why);
}

void env_sem_release(struct env *env, struct env_sem *s, uint64_t n)
{
    (void)env;
    s->count += n;
    sem_grant(s);
}
