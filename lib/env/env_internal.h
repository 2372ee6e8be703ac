/* lib/env/env_internal.h: what the files of lib/env share. A world (real or simulated) supplies a
 * table of operations; scheduling, waiting and error words are common to both. */
#ifndef LINERA_ENV_ENV_INTERNAL_H
#define LINERA_ENV_ENV_INTERNAL_H

#include <pthread.h>

#include "base/assert.h"
#include "base/prng.h"
#include "base/slice.h"
#include "env/env.h"
#include "env/file.h"
#include "env/net.h"
#include "env/stack.h"

/* ---- fibers -------------------------------------------------------------------------------------
 */

enum fiber_state { FIBER_READY, FIBER_RUNNING, FIBER_WAITING, FIBER_DONE };
enum wake { WAKE_SIGNALLED, WAKE_TIMED_OUT, WAKE_CANCELLED };

enum { TIMER_NONE = -1 };

/* Lives at the top of its own stack, so that an idle fiber costs no further memory. */
struct fiber {
    struct list       link;     /* in a ready queue or a list of waiters; else to itself */
    struct list       all_link; /* in env->fibers */
    struct env       *env;
    const char       *name;
    env_fn           *fn;
    void             *arg;
    void             *local;
    void             *context; /* where to jump to; valid unless running */
    struct stack      stack;
    uint64_t          id; /* counted per worker */
    enum fiber_state  state;
    enum env_priority priority;
    bool              cancelled, uncancellable, detached, wait_cancellable;
    enum wake         wake;
    uint64_t          deadline_us, wait_serial;
    ptrdiff_t         timer_position; /* in env->timers; TIMER_NONE */
    uint64_t          wanted;         /* permits asked of a semaphore */
    struct env_cond   joined;
#ifdef LINERA_ASAN
    void *fake_stack;
#endif
#ifdef LINERA_TSAN
    void *tsan_fiber;
#endif
};

/* Run the fiber until it waits, yields or ends. From the scheduler's context. */
void      fiber_resume(struct fiber *f);
/* Back to the scheduler; returns when the fiber is resumed. The caller has queued it somewhere. */
void      fiber_suspend(struct env *env);
/* Wait in `waiters` (NULL: for a direct fiber_wake). */
enum wake fiber_wait(struct env *env, struct list *waiters, uint64_t deadline_us, bool cancellable);
/* Make a waiting fiber ready. */
void      fiber_wake(struct fiber *f, enum wake why);
/* Give every fiber's stack back, whatever it was doing. From the scheduler's context. */
void      fibers_drop_all(struct env *env);
/* The status that goes with a wake. */
status    wake_status(enum wake why) MUST_CHECK;

/* ---- the scheduler ------------------------------------------------------------------------------
 */

struct env_ops;

struct env {
    const struct env_ops *ops;
    struct heap          *heap;
    struct log           *log;
    const char           *name;
    struct prng           rng;
    struct stack_pool    *stacks; /* the world's */
    struct stack          big_stack;
    pthread_t             thread; /* the only one that may run its fibers */

    struct list    fibers;
    struct list    ready[ENV_PRIORITY_COUNT];
    size_t         ready_count[ENV_PRIORITY_COUNT];
    unsigned       io_streak; /* IO fibers run in a row while an SQL fiber was ready */
    size_t         fiber_count;
    uint64_t       fiber_id_last, wait_serial;
    struct fiber **timers; /* binary heap by (deadline, serial) */
    size_t         timer_count, timer_capacity;

    struct fiber *running;
    void         *sched_context;
    const char   *stack_low; /* of the stack that runs now */
    unsigned      no_yield, big_calls;
    bool          stopping;
#ifdef LINERA_ASAN
    void       *sched_fake_stack;
    const void *sched_stack_low;
    size_t      sched_stack_size;
#endif
#ifdef LINERA_TSAN
    void *tsan_sched;
#endif
};

/* Set up the common part; `stacks` is borrowed. */
void env_init(struct env *env, const struct env_ops *ops, struct heap *heap, const char *name,
              uint64_t seed, struct stack_pool *stacks);
/* Drops all fibers. */
void env_deinit(struct env *env);

void          sched_ready(struct fiber *f);
/* The next fiber by priority and arrival, taken off its queue; NULL when none is ready. */
struct fiber *sched_take(struct env *env);
/* One of the first `window` ready fibers of a queue, by `pick`; for shuffled schedules. */
struct fiber *sched_take_at(struct env *env, enum env_priority priority, size_t position);
void          timer_add(struct fiber *f);
void          timer_remove(struct fiber *f);
/* The earliest deadline, or 0. */
uint64_t      timer_next_us(const struct env *env);
/* Wake what is due at `now_us`. */
void          timers_fire(struct env *env, uint64_t now_us);

/* A worker is one thread's; a job on an offload thread that calls it is caught here (E1). */
static inline void env_check_thread(const struct env *env)
{
    DASSERT(pthread_equal(pthread_self(), env->thread));
    (void)env;
}

static inline size_t sched_ready_count(const struct env *env)
{
    return env->ready_count[ENV_PRIORITY_IO] + env->ready_count[ENV_PRIORITY_SQL];
}

/* ---- operations of a world ----------------------------------------------------------------------
 * Numbers below zero are negated errno values in both worlds. */

enum env_io_kind {
    IO_OPEN,
    IO_READ,
    IO_WRITE,
    IO_SYNC,
    IO_TRUNCATE,
    IO_ALLOCATE,
    IO_SIZE,
    IO_EXISTS,
    IO_MKDIR,
    IO_LIST,
    IO_RENAME,
    IO_LINK,
    IO_UNLINK,
    IO_RMDIR,
    IO_SYNC_DIR,
    IO_WRITE_BACK, /* from `offset` on, `count` bytes */
    IO_DISK_FREE,
    IO_LOCK,
};

struct env_file {
    struct env *env;
    bool        is_lock;
    bool        cannot_nowait; /* IO_NOWAIT was answered by -EOPNOTSUPP */
    unsigned    flags;         /* ENV_READ and so on */
    union {
        int   fd;     /* real */
        void *handle; /* simulated */
    };
    char path[];
};

/* Flag of a read: -EAGAIN rather than wait for the disk, and -EOPNOTSUPP where the file system
 * cannot tell. Part of the data may then have been read. */
#define IO_NOWAIT 1u

/* One operation on a file or directory, complete in itself, so that it can run anywhere. */
struct env_io {
    enum env_io_kind kind;
    struct env_file *file;
    const char      *path, *path_to;
    unsigned         flags; /* open: its; read: IO_NOWAIT or 0 */
    void            *data;  /* read: where to */
    const slice     *parts;
    size_t           count;  /* write: parts; read: size */
    uint64_t         offset; /* also the new size, the size found */
    struct buf      *names;  /* list: each name with its zero byte */
    ptrdiff_t        result; /* bytes read, or 0, or a negated errno */
};

enum post_queue { POST_NORMAL, POST_RESERVED, POST_QUEUE_COUNT };

struct env_ops {
    uint64_t (*wall_us)(struct env *env);
    uint64_t (*mono_us)(struct env *env);
    void (*random)(struct env *env, void *buf, size_t size);
    void (*offload)(struct env *env, enum env_lane lane, env_job_fn *fn, void *arg);
    status (*post)(struct env *env, enum post_queue queue, env_fn *fn, void *arg);
    int (*on_signal)(struct env *env, int signum, env_fn *fn, void *arg);
    void (*io)(struct env *env, struct env_io *io, enum env_lane lane);
    void (*file_close)(struct env_file *f);
    int (*listen)(struct env *env, const char *host, uint16_t port, struct listener **out);
    int (*accept)(struct listener *l, struct conn **out);
    void (*listener_close)(struct listener *l);
    /* Begin; the connection is writable once it is made or has failed. */
    int (*connect)(struct env *env, const char *host, uint16_t port, struct conn **out);
    int (*connect_result)(struct conn *c);
    ptrdiff_t (*read)(struct conn *c, void *buf, size_t size);
    ptrdiff_t (*write)(struct conn *c, const slice *parts, size_t count);
    /* Whether a read or write would not block now. */
    bool (*ready)(struct conn *c, bool writing);
    /* A fiber is about to wait for the connection to become readable or writable. */
    void (*arm_read)(struct conn *c);
    void (*arm_write)(struct conn *c);
    void (*shutdown)(struct conn *c, bool both);
    void (*conn_close)(struct conn *c);
};

/* ---- sockets ------------------------------------------------------------------------------------
 */

enum { ADDRESS_SIZE = 48 };

struct listener {
    struct env     *env;
    struct env_cond acceptable;
    bool            maybe_acceptable;
    uint16_t        port;
    char            address[128];
};

/* The common part of a connection. The flags say that trying may succeed: they are raised by the
 * world's events and lowered by a try that finds nothing (or, reading, less than asked for). */
struct conn {
    struct env     *env;
    struct env_cond readable, writable;
    bool            maybe_readable, maybe_writable, peer_gone, is_shut;
    unsigned        streak; /* calls that succeeded without waiting */
    uint16_t        peer_port, local_port;
    char            peer[ADDRESS_SIZE], local[ADDRESS_SIZE];
};

void listener_init(struct listener *l, struct env *env);
void conn_init(struct conn *c, struct env *env);
/* The world's events. */
void conn_note_readable(struct conn *c);
void conn_note_writable(struct conn *c);
void listener_note_acceptable(struct listener *l);

/* The status for a negated errno: "<what>: <the system's words>". */
status errno_status(int error, const char *fmt, ...) PRINTF(2, 3) MUST_CHECK;
/* Run a job that cannot yield on a thread, through a lane that only name lookups use. */
#define LANE_LOOKUP ENV_LANE_COUNT
enum { LANE_ALL_COUNT = ENV_LANE_COUNT + 1 };

#endif
