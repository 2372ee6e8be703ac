/* A real worker: fibers run until none is ready, then the loop waits for sockets, timers, threads
 * and signals. */
#include <errno.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "base/assert.h"
#include "env/real_internal.h"

enum {
    STACK_SIZE_DEFAULT = 2 << 20,
    POLL_INTERVAL_US = 500, /* SQL fibers compute no longer than this before sockets are asked */
    POLL_SLICES = 64,       /* and no more slices than this run, or one for each fiber ready */
    CLOCK_SLICES = 4,       /* of fibers that are quick most often: one look at the clock */
};

/* Sanitizers widen every frame. */
#if defined(LINERA_ASAN) || defined(LINERA_TSAN)
enum { STACK_FACTOR = 4 };
#else
enum { STACK_FACTOR = 1 };
#endif

static uint64_t clock_us(clockid_t id)
{
    struct timespec t;
    int             rc = clock_gettime(id, &t);

    ASSERT(rc == 0);
    return (uint64_t)t.tv_sec * 1000000u + (uint64_t)t.tv_nsec / 1000u;
}

static uint64_t real_wall_us(struct env *env)
{
    (void)env;
    return clock_us(CLOCK_REALTIME);
}

static uint64_t real_mono_us(struct env *env)
{
    (void)env;
    return clock_us(CLOCK_BOOTTIME);
}

static void random_bytes(void *buf, size_t size)
{
    char *at = buf;

    while (size > 0) {
        ssize_t n = getrandom(at, size, 0);
        int     error = errno;

        ASSERT(n > 0 || error == EINTR); /* cannot fail otherwise on a kernel that has it */
        if (n > 0) {
            at += n;
            size -= (size_t)n;
        }
    }
}

static void real_random(struct env *env, void *buf, size_t size)
{
    (void)env;
    random_bytes(buf, size);
}

/* ---- signals ------------------------------------------------------------------------------------
 */

static void on_signal(uv_signal_t *handle, int signum)
{
    struct signal_watch *w = CONTAINER_OF(handle, struct signal_watch, handle);

    (void)signum;
    /* Without room for a stack the signal is lost; whoever sends it again will be heard. */
    st_clear(env_spawn(w->env, "signal", w->fn, w->arg, NULL));
}

static struct signal_watch *signal_find(struct real_env *r, int signum)
{
    LIST_FOR_EACH (it, &r->signals) {
        struct signal_watch *w = CONTAINER_OF(it, struct signal_watch, link);

        if (w->handle.signum == signum)
            return w;
    }
    return NULL;
}

static int real_on_signal(struct env *env, int signum, env_fn *fn, void *arg)
{
    struct real_env     *r = real_env(env);
    struct signal_watch *w = signal_find(r, signum);
    int                  rc;

    if (w == NULL) {
        w = heap_must_alloc(env->heap, 1, sizeof *w);
        w->env = env;
        rc = uv_signal_init(&r->loop, &w->handle);
        ASSERT(rc == 0);
        list_push_back(&r->signals, &w->link);
    }
    w->fn = fn;
    w->arg = arg;
    return uv_signal_start(&w->handle, on_signal, signum);
}

static const struct env_ops real_ops = {
    .wall_us = real_wall_us,
    .mono_us = real_mono_us,
    .random = real_random,
    .offload = real_offload,
    .post = real_post,
    .on_signal = real_on_signal,
    .io = real_io,
    .file_close = real_file_close,
    .listen = real_listen,
    .accept = real_accept,
    .listener_close = real_listener_close,
    .connect = real_connect,
    .connect_result = real_connect_result,
    .read = real_read,
    .write = real_write,
    .ready = real_ready,
    .arm_read = real_arm_read,
    .arm_write = real_arm_write,
    .shutdown = real_shutdown,
    .conn_close = real_conn_close,
};

/* ---- life ---------------------------------------------------------------------------------------
 */

/* A connection is a descriptor: ten thousand of them do not fit the usual soft limit of 1024. */
static void raise_file_limit(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < limit.rlim_max) {
        limit.rlim_cur = limit.rlim_max;
        (void)setrlimit(RLIMIT_NOFILE, &limit);
    }
}

static void on_wake(uv_async_t *handle)
{
    real_take_handed_over(handle->data);
}

static struct env_options options_filled(const struct env_options *given)
{
    struct env_options o = given != NULL ? *given : (struct env_options){0};

    o.name = o.name != NULL ? o.name : "worker";
    o.stack_size = (o.stack_size != 0 ? o.stack_size : STACK_SIZE_DEFAULT) * STACK_FACTOR;
    o.offload_max = o.offload_max != 0 ? o.offload_max : 256;
    o.post_max = o.post_max != 0 ? o.post_max : 4096;
    o.io_threads = o.io_threads != 0 ? o.io_threads : 2;
    o.cpu_threads = o.cpu_threads != 0 ? o.cpu_threads : 2;
    return o;
}

static int loop_init(struct real_env *r)
{
    int rc = uv_loop_init(&r->loop);

    if (rc != 0)
        return rc;
    rc = uv_async_init(&r->loop, &r->wake, on_wake);
    if (rc != 0) {
        uv_loop_close(&r->loop);
        return rc;
    }
    r->wake.data = r;
    return uv_timer_init(&r->loop, &r->timer);
}

status env_new(const struct env_options *options, struct env **out)
{
    struct env_options o = options_filled(options);
    struct heap       *heap = heap_new();
    struct real_env   *r = heap_must_alloc(heap, 1, sizeof *r);
    uint64_t           seed;
    int                rc;

    raise_file_limit();
    rc = loop_init(r);
    if (rc != 0) {
        heap_destroy(heap);
        return errno_status(rc, "could not start the event loop");
    }
    random_bytes(&seed, sizeof seed);
    stack_pool_init(&r->stacks, o.stack_size);
    env_init(&r->base, &real_ops, heap, o.name, seed, &r->stacks);
    list_init(&r->signals);
    real_offload_init(r, &o);
    *out = &r->base;
    return STATUS_OK;
}

/* Whatever the fibers that were dropped had open: a watched descriptor is closed with its watch. */
static void close_handle(uv_handle_t *handle, void *arg)
{
    uv_os_fd_t fd = -1;

    (void)arg;
    if (uv_is_closing(handle))
        return;
    if (uv_handle_get_type(handle) == UV_POLL)
        (void)uv_fileno(handle, &fd);
    uv_close(handle, NULL);
    if (fd >= 0)
        (void)close(fd);
}

void env_free(struct env *env)
{
    struct real_env *r;
    struct heap     *heap;

    if (env == NULL)
        return;
    ASSERT(env->ops == &real_ops);
    ASSERT(env->running == NULL);
    r = real_env(env);
    heap = env->heap;
    real_offload_deinit(r);
    env_deinit(env);
    stack_pool_deinit(&r->stacks);
    uv_walk(&r->loop, close_handle, NULL);
    uv_run(&r->loop, UV_RUN_DEFAULT);
    uv_loop_close(&r->loop);
    if (heap_current() == heap)
        heap_set_current(NULL);
    heap_destroy(heap);
}

/* ---- running ------------------------------------------------------------------------------------
 */

static void on_timer(uv_timer_t *timer)
{
    struct real_env *r = CONTAINER_OF(timer, struct real_env, timer);

    r->timer_armed_us = 0;
    /* A deadline that has passed by the time uv_run() begins fires before the poll; without this
     * the poll would then wait for sockets alone, and the fiber that is due for ever. */
    uv_stop(&r->loop);
}

/* libuv's timer only ends the wait; which fibers are due is decided on our own clock. It is set
 * again only when a deadline moved forward: one that moved back costs a wake for nothing instead.
 */
static void arm_timer(struct real_env *r)
{
    uint64_t next_us = timer_next_us(&r->base), now_us;

    if (next_us == 0 || (r->timer_armed_us != 0 && r->timer_armed_us <= next_us))
        return;
    now_us = real_mono_us(&r->base);
    r->timer_armed_us = next_us;
    uv_update_time(&r->loop);
    uv_timer_start(&r->timer, on_timer, next_us <= now_us ? 0 : (next_us - now_us + 999) / 1000, 0);
}

static void poll_events(struct real_env *r)
{
    struct env *env = &r->base;

    if (env_idle(env) && !env->stopping) {
        arm_timer(r);
        uv_run(&r->loop, UV_RUN_ONCE);
    } else {
        uv_run(&r->loop, UV_RUN_NOWAIT);
    }
    if (env->timer_count > 0)
        timers_fire(env, real_mono_us(env));
}

/* Run what is ready. Asking the sockets is a system call that costs as much as several slices, so
 * fibers that wake each other run on for a while first: for so many slices, but not for long, or
 * what threads have done for others would wait behind a few that compute. */
static void run_ready(struct real_env *r)
{
    struct env   *env = &r->base;
    size_t        budget = MAX(sched_ready_count(env), (size_t)POLL_SLICES);
    uint64_t      start_us = real_mono_us(env);
    struct fiber *f;

    while (budget-- > 0 && !env->stopping && (f = sched_take(env)) != NULL) {
        bool looks = f->priority == ENV_PRIORITY_SQL || budget % CLOCK_SLICES == 0;

        fiber_resume(f);
        if (looks && real_mono_us(env) - start_us > POLL_INTERVAL_US)
            return;
    }
}

void env_run(struct env *env)
{
    struct real_env *r = real_env(env);
    struct heap     *heap = heap_current();

    ASSERT(env->ops == &real_ops);
    ASSERT(env->running == NULL);
    heap_set_current(env->heap);
    env->stopping = false;
    for (;;) {
        run_ready(r);
        if (env->stopping)
            break;
        poll_events(r);
    }
    heap_set_current(heap);
}
