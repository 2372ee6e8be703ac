/* Offload threads and messages between workers.
 *
 * What crosses threads crosses under a mutex, and that orders the memory too (pitfall L18):
 * - the submitter's unlock of lane->mutex releases, and the thread's lock acquires, everything the
 *   fiber wrote before env_offload(), so the job sees its input whole;
 * - the thread's unlock of r->mutex releases, and the worker's lock acquires, everything the job
 *   wrote, so the fiber sees its output whole;
 * - env_post() likewise, from the poster's unlock of r->mutex to the worker's lock.
 * uv_async_send() is only the bell: it may coalesce, so the worker takes all there is each time. */
#include <signal.h>

#include "base/assert.h"
#include "env/real_internal.h"

/* ---- the threads' side --------------------------------------------------------------------------
 */

static struct offload_job *lane_next_job(struct offload_lane *lane)
{
    struct list *link;

    pthread_mutex_lock(&lane->mutex);
    while (list_empty(&lane->queue) && !lane->stopping) {
        lane->idle_count++;
        pthread_cond_wait(&lane->work, &lane->mutex);
        lane->idle_count--;
    }
    link = lane->stopping ? NULL : list_pop_front(&lane->queue);
    pthread_mutex_unlock(&lane->mutex);
    return link != NULL ? CONTAINER_OF(link, struct offload_job, link) : NULL;
}

static void hand_back(struct real_env *r, struct offload_job *job)
{
    bool first;

    pthread_mutex_lock(&r->mutex);
    first = list_empty(&r->done);
    list_push_back(&r->done, &job->link);
    pthread_mutex_unlock(&r->mutex);
    /* The job may be gone from here on. */
    if (first)
        uv_async_send(&r->wake);
}

static void *lane_main(void *arg)
{
    struct offload_lane *lane = arg;
    struct offload_job  *job;

    while ((job = lane_next_job(lane)) != NULL) {
        job->fn(job->arg);
        hand_back(lane->env, job);
    }
    return NULL;
}

/* ---- the worker's side --------------------------------------------------------------------------
 */

/* Threads start when there is work for them, and inherit a mask that leaves signals to the worker.
 * A lane that cannot start its first thread cannot do its work at all. */
static void lane_start_thread(struct offload_lane *lane)
{
    sigset_t all, before;
    int      rc;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    rc = pthread_create(&lane->threads[lane->thread_count], NULL, lane_main, lane);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    ASSERT(rc == 0 || lane->thread_count > 0);
    if (rc == 0)
        lane->thread_count++;
}

static void lane_submit(struct offload_lane *lane, struct offload_job *job)
{
    bool need_thread;

    pthread_mutex_lock(&lane->mutex);
    list_push_back(&lane->queue, &job->link);
    need_thread = lane->idle_count == 0 && lane->thread_count < lane->thread_max;
    pthread_mutex_unlock(&lane->mutex);
    pthread_cond_signal(&lane->work);
    if (need_thread)
        lane_start_thread(lane);
}

/* Waiting for room is not cancelled either: the caller counts on the job having run. */
static void lane_await_room(struct env *env, struct offload_lane *lane)
{
    if (env_sem_try_acquire(&lane->room, 1))
        return;
    env->running->wanted = 1;
    (void)fiber_wait(env, &lane->room.waiters, 0, false);
}

void real_offload(struct env *env, enum env_lane lane_id, env_job_fn *fn, void *arg)
{
    struct offload_lane *lane = &real_env(env)->lanes[lane_id];
    struct offload_job   job = {.fn = fn, .arg = arg, .fiber = env->running};

    ASSERT(env->running != NULL);
    ASSERT(env->no_yield == 0);
    lane_await_room(env, lane);
    lane_submit(lane, &job);
    (void)fiber_wait(env, NULL, 0, false);
    env_sem_release(env, &lane->room, 1);
}

static void take_done(struct real_env *r)
{
    struct list  done;
    struct list *link;

    list_init(&done);
    pthread_mutex_lock(&r->mutex);
    while ((link = list_pop_front(&r->done)) != NULL)
        list_push_back(&done, link);
    pthread_mutex_unlock(&r->mutex);
    while ((link = list_pop_front(&done)) != NULL)
        fiber_wake(CONTAINER_OF(link, struct offload_job, link)->fiber, WAKE_SIGNALLED);
}

/* ---- messages -----------------------------------------------------------------------------------
 */

status real_post(struct env *env, enum post_queue queue, env_fn *fn, void *arg)
{
    struct real_env  *r = real_env(env);
    struct post_ring *ring = &r->posts[queue];
    bool              full;

    pthread_mutex_lock(&r->mutex);
    full = ring->count == ring->capacity;
    if (!full)
        ring->messages[(ring->first + ring->count++) % ring->capacity] =
            (struct post_message){.fn = fn, .arg = arg};
    pthread_mutex_unlock(&r->mutex);
    if (full)
        return status_new(ST_LIMIT_EXCEEDED, "the message queue of worker \"%s\" is full",
                          env->name);
    uv_async_send(&r->wake);
    return STATUS_OK;
}

static bool ring_take(struct real_env *r, struct post_ring *ring, struct post_message *out)
{
    bool any;

    pthread_mutex_lock(&r->mutex);
    any = ring->count > 0;
    if (any) {
        *out = ring->messages[ring->first];
        ring->first = (ring->first + 1) % ring->capacity;
        ring->count--;
    }
    pthread_mutex_unlock(&r->mutex);
    return any;
}

static void run_message(struct env *env, void *arg)
{
    struct post_ring   *ring = arg;
    struct post_message m;
    bool                any = ring_take(real_env(env), ring, &m);

    ASSERT(any);
    ring->spawned--;
    m.fn(env, m.arg);
}

/* A fiber per message, which takes it off the ring itself: until then the message counts against
 * the ring's capacity. A message whose fiber finds no stack waits for the next turn. */
static void take_messages(struct real_env *r, struct post_ring *ring)
{
    unsigned count;

    pthread_mutex_lock(&r->mutex);
    count = ring->count;
    pthread_mutex_unlock(&r->mutex);
    while (ring->spawned < count) {
        status st = env_spawn(&r->base, "message", run_message, ring, NULL);

        if (!st_ok(st)) {
            st_clear(st);
            uv_async_send(&r->wake);
            return;
        }
        ring->spawned++;
    }
}

void real_take_handed_over(struct real_env *r)
{
    take_done(r);
    for (int q = 0; q < POST_QUEUE_COUNT; q++)
        take_messages(r, &r->posts[q]);
}

/* ---- life ---------------------------------------------------------------------------------------
 */

static void lane_init(struct real_env *r, struct offload_lane *lane, unsigned threads,
                      unsigned jobs_max)
{
    lane->env = r;
    pthread_mutex_init(&lane->mutex, NULL);
    pthread_cond_init(&lane->work, NULL);
    list_init(&lane->queue);
    env_sem_init(&lane->room, jobs_max);
    lane->thread_max = threads;
    lane->threads = heap_must_alloc(r->base.heap, threads, sizeof *lane->threads);
}

enum { WRITE_THREADS = 3 }; /* a flush goes on beside compactions that wait for the disk */

void real_offload_init(struct real_env *r, const struct env_options *o)
{
    const unsigned threads[LANE_ALL_COUNT] = {[ENV_LANE_LOG_SYNC] = 1,
                                              [ENV_LANE_IO] = o->io_threads,
                                              [ENV_LANE_WRITE] = WRITE_THREADS,
                                              [ENV_LANE_CPU] = o->cpu_threads,
                                              [LANE_LOOKUP] = 1};

    pthread_mutex_init(&r->mutex, NULL);
    list_init(&r->done);
    for (int q = 0; q < POST_QUEUE_COUNT; q++) {
        r->posts[q].capacity = o->post_max;
        r->posts[q].messages =
            heap_must_alloc(r->base.heap, o->post_max, sizeof(struct post_message));
    }
    for (int i = ENV_LANE_LOG_SYNC; i < LANE_ALL_COUNT; i++)
        lane_init(r, &r->lanes[i], threads[i], o->offload_max);
}

static void lane_deinit(struct offload_lane *lane)
{
    pthread_mutex_lock(&lane->mutex);
    lane->stopping = true;
    pthread_mutex_unlock(&lane->mutex);
    pthread_cond_broadcast(&lane->work);
    for (unsigned i = 0; i < lane->thread_count; i++)
        pthread_join(lane->threads[i], NULL);
    pthread_cond_destroy(&lane->work);
    pthread_mutex_destroy(&lane->mutex);
    heap_free(lane->threads);
}

void real_offload_deinit(struct real_env *r)
{
    for (int i = ENV_LANE_LOG_SYNC; i < LANE_ALL_COUNT; i++)
        lane_deinit(&r->lanes[i]);
    pthread_mutex_destroy(&r->mutex);
}
