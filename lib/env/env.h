/* lib/env/env.h: the only door to the outside: fibers, clocks, randomness, offload and messages
 * between workers. Files are in env/file.h, sockets in env/net.h, the simulator in env/sim.h.
 *
 * A `struct env` is one worker: one OS thread with one libuv loop, or one worker of a simulated
 * node. Code on a worker is straight-line code in stackful fibers; what blocks is the fiber. Every
 * function here belongs to the worker's own thread unless it says otherwise, and whatever waits
 * must be called from a fiber. Two implementations stand behind these calls, real_*.c and sim_*.c;
 * nothing above can tell which. */
#ifndef LINERA_ENV_ENV_H
#define LINERA_ENV_ENV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"
#include "base/heap.h"
#include "base/list.h"
#include "base/status.h"

struct env;
struct fiber;
struct log;

/* The body of a fiber. */
typedef void env_fn(struct env *env, void *arg);
/* A job for an offload thread: it sees `arg` alone and calls nothing of a worker but the file
 * functions with ENV_INLINE. */
typedef void env_job_fn(void *arg);

/* ---- a real worker ----------------------------------------------------------------------------
 */

/* Zeroes mean the default. */
struct env_options {
    const char *name;        /* of the worker, for messages; copied; default "worker" */
    size_t      stack_size;  /* usable bytes of a fiber's stack; default 2 MiB */
    uint32_t    offload_max; /* jobs queued per lane before env_offload() waits; default 256 */
    uint32_t    post_max;    /* messages queued before env_post() refuses; default 4096 */
    uint32_t    io_threads;  /* threads of ENV_LANE_IO; default 2 */
    uint32_t    cpu_threads; /* threads of ENV_LANE_CPU; default 2 */
};

/* Make a worker on the calling thread, which then must call env_run(). `options` may be NULL. Also
 * raises the process's limit of open files to its hard limit. On success *out belongs to the
 * caller. */
status env_new(const struct env_options *options, struct env **out) MUST_CHECK;

/* Free the worker, its heap and the stacks of fibers that still exist, which never run again: no
 * unwinding. Offload jobs under way are waited for. Accepts NULL. */
void env_free(struct env *env);

/* Run fibers until env_stop(). Call it on the thread that called env_new(), outside any fiber;
 * fibers may have been spawned before. May be called again after it returned. */
void env_run(struct env *env);

/* Make env_run() return once the running fiber yields; other fibers stay where they are. */
void env_stop(struct env *env);

/* Run `fn` in a fresh fiber whenever the process gets `signum`. Real workers only; a simulated one
 * never gets signals. Registering again for the same signal replaces. */
status env_on_signal(struct env *env, int signum, env_fn *fn, void *arg) MUST_CHECK;

/* ---- what every worker has ----------------------------------------------------------------------
 */

/* The worker's heap; it dies with the worker. Only this worker's thread allocates from it. */
struct heap *env_heap(const struct env *env);
const char  *env_name(const struct env *env);

/* The node's logger, NULL until set. Borrowed. */
struct log *env_log(const struct env *env);
void        env_set_log(struct env *env, struct log *log);

/* Microseconds since 1970-01-01 UTC; may jump either way. */
uint64_t               env_wall_us(struct env *env);
/* Microseconds of a clock that never goes back and runs on during suspend (CLOCK_BOOTTIME, pitfall
 * C2). Reads the clock at every call, so it is right in the middle of a long slice too (E7).
 * Deadlines everywhere are times of this clock, and 0 means none. */
uint64_t               env_mono_us(struct env *env);
/* The deadline `timeout_us` from now. */
static inline uint64_t env_deadline(struct env *env, uint64_t timeout_us)
{
    return env_mono_us(env) + timeout_us;
}

/* Unpredictable bytes, good for keys, salts and tokens (in a simulation: from the seed). */
void     env_random(struct env *env, void *buf, size_t size);
/* A fast random number, not for secrets. */
uint64_t env_rand64(struct env *env);
/* A fast random number below `bound`, which is not 0. */
uint64_t env_rand_below(struct env *env, uint64_t bound);

/* ---- fibers -------------------------------------------------------------------------------------
 */

/* Fibers of ENV_PRIORITY_IO (raft, RPC, log, timers) run before those of ENV_PRIORITY_SQL. */
enum env_priority { ENV_PRIORITY_IO, ENV_PRIORITY_SQL, ENV_PRIORITY_COUNT };

/* Start `fn(env, arg)` in a fiber of its own; it runs when the caller yields. `name` is borrowed
 * for the fiber's life. The new fiber inherits the spawner's priority (IO outside fibers). With
 * `out` not NULL the caller must fiber_join() it once; with NULL the fiber cleans up after itself.
 * OUT_OF_MEMORY: there is no room for a stack. */
status env_spawn(struct env *env, const char *name, env_fn *fn, void *arg, struct fiber **out)
    MUST_CHECK;

/* Wait until the fiber has ended, and free it. Not interrupted by fiber_cancel(). */
void MAY_YIELD fiber_join(struct fiber *f);

/* Ask a fiber of the same worker to stop waiting: its cancellable wait (env_wait, env_sleep_us,
 * conn_read, conn_accept, env_connect ...) returns CANCELLED, and so does each later one until the
 * fiber calls env_cancel_clear(). Running or uninterruptible code is not disturbed: file I/O,
 * offloads and conn_write go on to their end (pitfall E5). */
void fiber_cancel(struct fiber *f);

/* Whether the running fiber was cancelled: what long loops ask between batches. */
bool env_cancelled(const struct env *env);
/* Forget the cancellation of the running fiber, e.g. at the end of the statement it was meant for.
 */
void env_cancel_clear(struct env *env);
/* With false, the running fiber's waits ignore cancellation until set to true again, for cleaning
 * up; returns what it was. */
bool env_set_cancellable(struct env *env, bool cancellable);

/* The running fiber; NULL outside fibers. */
struct fiber *fiber_self(const struct env *env);
const char   *fiber_name(const struct fiber *f);
/* A slot that belongs to the fiber's code; NULL at first. */
void         *fiber_local(const struct fiber *f);
void          fiber_set_local(struct fiber *f, void *local);
void          fiber_set_priority(struct fiber *f, enum env_priority priority);

/* Let others run; long loops call it once per batch. */
void MAY_YIELD   env_yield(struct env *env);
/* OK after at least `us` microseconds; CANCELLED earlier. */
status MAY_YIELD env_sleep_us(struct env *env, uint64_t us) MUST_CHECK;

/* Whether nothing but the running fiber is ready now: the moment for a sync inline instead of a
 * hand-over to a thread (architecture.md section 13). Looks at fibers, not at the network. */
bool   env_idle(const struct env *env);
/* Fibers that exist, the running one included. */
size_t env_fiber_count(const struct env *env);

/* From here to the matching end the running fiber must not yield; an attempt is an assertion
 * failure (pitfall E4). Nests. */
void env_no_yield_begin(struct env *env);
void env_no_yield_end(struct env *env);

/* Bytes left on the stack the caller runs on. Code that recurses over SQL answers 54001 when less
 * than ENV_STACK_RESERVE is left. */
size_t env_stack_left(const struct env *env);
enum { ENV_STACK_RESERVE = 64 << 10 };

/* Run fn(arg) on the worker's large stack (256 MiB of address space, guard page below) and return
 * when it has: for libraries that recurse without a limit of their own (pitfall E3). `fn` must not
 * yield; that is asserted. */
void env_call_on_big_stack(struct env *env, void (*fn)(void *arg), void *arg);

/* ---- conditions ---------------------------------------------------------------------------------
 * A list of waiting fibers, first come first served. All users are fibers of one worker, so there
 * is no lock: check the predicate, wait, check it again (pitfall E4). */

struct env_cond {
    struct list waiters;
};

void env_cond_init(struct env_cond *c);
/* No fiber may be waiting. */
void env_cond_deinit(struct env_cond *c);

/* Wait for a signal. OK: signalled. TIMED_OUT: the deadline (env_mono_us() time, 0 for none) has
 * passed. CANCELLED: see fiber_cancel(). A fiber that was signalled gets OK even when it is
 * cancelled or its deadline passes before it runs, so no signal is lost. */
status MAY_YIELD env_wait(struct env *env, struct env_cond *c, uint64_t deadline_us) MUST_CHECK;
/* As env_wait without deadline, and not interrupted by fiber_cancel(). */
void MAY_YIELD   env_wait_uncancelled(struct env *env, struct env_cond *c);
/* Wake the one that has waited longest, or all. They become ready; the caller runs on. */
void             env_signal(struct env *env, struct env_cond *c);
void             env_broadcast(struct env *env, struct env_cond *c);

/* Mutual exclusion across yields, granted in order of arrival. */
struct env_mutex {
    struct env_cond cond;
    struct fiber   *owner;
};

void             env_mutex_init(struct env_mutex *m);
void             env_mutex_deinit(struct env_mutex *m);
/* OK: held. TIMED_OUT, CANCELLED: not held. */
status MAY_YIELD env_mutex_lock(struct env *env, struct env_mutex *m, uint64_t deadline_us)
    MUST_CHECK;
void env_mutex_unlock(struct env *env, struct env_mutex *m);

/* Counted permits, granted in order of arrival, so that a large request is not starved. */
struct env_sem {
    struct list waiters;
    uint64_t    count;
};

void             env_sem_init(struct env_sem *s, uint64_t count);
void             env_sem_deinit(struct env_sem *s);
/* Take `n` permits. OK: taken. TIMED_OUT, CANCELLED: none taken. */
status MAY_YIELD env_sem_acquire(struct env *env, struct env_sem *s, uint64_t n,
                                 uint64_t deadline_us) MUST_CHECK;
/* Take `n` permits if they are there and nobody waits before; false: none taken. */
bool             env_sem_try_acquire(struct env_sem *s, uint64_t n);
void             env_sem_release(struct env *env, struct env_sem *s, uint64_t n);

/* ---- offload and messages between workers
 * -------------------------------------------------------- */

/* Where a blocking call runs. The lanes have separate queues and threads, so that slow work of one
 * kind never delays another (pitfall E6). */
enum env_lane {
    ENV_INLINE, /* here and now, blocking the worker: short calls, and syncs when env_idle() */
    ENV_LANE_LOG_SYNC, /* one thread of its own */
    ENV_LANE_IO,       /* reads of data files, and what somebody waits for */
    ENV_LANE_WRITE,    /* bulk in the background: tables, write-back, removal of files */
    ENV_LANE_CPU,      /* compaction, compression, big sorts, password hashing */
    ENV_LANE_COUNT
};

/* Run fn(arg) on a thread of the lane; the fiber waits until it has ended, cancelled or not (E5).
 * What fn writes is visible to the fiber afterwards (L18). Statuses made in fn are fine. With
 * ENV_INLINE fn runs here. In a simulation it runs inline and then takes virtual time. */
void MAY_YIELD env_offload(struct env *env, enum env_lane lane, env_job_fn *fn, void *arg);

/* Run fn(target, arg) in a fresh fiber of another worker of the process. Any thread may call it.
 * LIMIT_EXCEEDED: its queue is full, nothing was queued; the sender backs off. */
status env_post(struct env *target, env_fn *fn, void *arg) MUST_CHECK;
/* As env_post, from a second queue that is kept for replies and consensus, so that two workers with
 * full queues never wait for each other (pitfall E9). */
status env_post_reserved(struct env *target, env_fn *fn, void *arg) MUST_CHECK;

#endif
