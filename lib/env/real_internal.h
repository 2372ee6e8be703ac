/* lib/env/real_internal.h: a worker of the real world: one OS thread, one libuv loop. */
#ifndef LINERA_ENV_REAL_INTERNAL_H
#define LINERA_ENV_REAL_INTERNAL_H

#include <pthread.h>
#include <uv.h>

#include "env/env_internal.h"

struct real_env;

/* A call that waits for a thread; lives on the waiting fiber's stack. */
struct offload_job {
    struct list   link;
    env_job_fn   *fn;
    void         *arg;
    struct fiber *fiber;
};

struct offload_lane {
    struct real_env *env;
    pthread_mutex_t  mutex; /* guards queue, idle_count and stopping */
    pthread_cond_t   work;
    struct list      queue;
    unsigned         idle_count;
    bool             stopping;
    /* The worker's own: */
    struct env_sem   room;
    pthread_t       *threads;
    unsigned         thread_count, thread_max;
};

struct post_message {
    env_fn *fn;
    void   *arg;
};

/* A ring of messages from other threads. */
struct post_ring {
    struct post_message *messages;
    unsigned             first, count, capacity;
    unsigned             spawned; /* fibers on their way to a message; the worker's own */
};

struct signal_watch {
    struct list link;
    uv_signal_t handle;
    struct env *env;
    env_fn     *fn;
    void       *arg;
};

struct real_env {
    struct env        base;
    struct stack_pool stacks;
    uv_loop_t         loop;
    uv_async_t        wake;
    uv_timer_t        timer;
    uint64_t          timer_armed_us; /* deadline the libuv timer is set for; 0 none */
    struct list       signals;

    struct offload_lane lanes[LANE_ALL_COUNT];
    pthread_mutex_t     mutex; /* guards done and posts */
    struct list         done;
    struct post_ring    posts[POST_QUEUE_COUNT];
};

static inline struct real_env *real_env(struct env *env)
{
    return CONTAINER_OF(env, struct real_env, base);
}

/* real_offload.c */
void   real_offload_init(struct real_env *r, const struct env_options *o);
/* Waits for jobs under way; jobs still queued are dropped with their fibers. */
void   real_offload_deinit(struct real_env *r);
void   real_offload(struct env *env, enum env_lane lane, env_job_fn *fn, void *arg);
status real_post(struct env *env, enum post_queue queue, env_fn *fn, void *arg);
/* What other threads have handed over: finished jobs and messages. */
void   real_take_handed_over(struct real_env *r);

/* real_file.c */
void real_io(struct env *env, struct env_io *io, enum env_lane lane);
void real_file_close(struct env_file *f);

/* real_net.c */
int       real_listen(struct env *env, const char *host, uint16_t port, struct listener **out);
int       real_accept(struct listener *l, struct conn **out);
void      real_listener_close(struct listener *l);
int       real_connect(struct env *env, const char *host, uint16_t port, struct conn **out);
int       real_connect_result(struct conn *c);
ptrdiff_t real_read(struct conn *c, void *buf, size_t size);
ptrdiff_t real_write(struct conn *c, const slice *parts, size_t count);
bool      real_ready(struct conn *c, bool writing);
void      real_arm_read(struct conn *c);
void      real_arm_write(struct conn *c);
void      real_shutdown(struct conn *c, bool both);
void      real_conn_close(struct conn *c);

#endif
