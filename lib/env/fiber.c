/* Stackful fibers on Boost.Context's C ABI. The scheduler runs on the thread's own stack; a fiber
 * jumps back to it and never to another fiber, which keeps the hand-over in one place at a cost of
 * a few nanoseconds. Each jump is announced to AddressSanitizer and ThreadSanitizer. */
#include <limits.h>
#include <pthread.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/assert.h"
#include "env/env_internal.h"

#ifdef LINERA_ASAN
#include <sanitizer/common_interface_defs.h>
#endif
#ifdef LINERA_TSAN
#include <sanitizer/tsan_interface.h>
#endif

/* Boost.Context 1.74, boost/context/detail/fcontext.hpp, as C. */
struct transfer {
    void *from; /* context of the one who jumped here */
    void *data;
};
struct transfer jump_fcontext(void *to, void *data);
void           *make_fcontext(void *stack_top, size_t size, void (*fn)(struct transfer));

enum {
    BIG_STACK_SIZE = 256 << 20,
    BIG_STACK_KEEP = 1 << 20,  /* memory a big stack may hold for good */
    BIG_STACK_TRIM_EVERY = 16, /* calls */
};

/* ---- jumps --------------------------------------------------------------------------------------
 * Always inlined: ThreadSanitizer notes each function's entry and exit on the current fiber's
 * shadow stack, so a function that switches in its middle would unbalance both. */

static ALWAYS_INLINE void leave_sched(struct fiber *f)
{
#ifdef LINERA_ASAN
    __sanitizer_start_switch_fiber(&f->env->sched_fake_stack, f->stack.low, f->stack.size);
#endif
#ifdef LINERA_TSAN
    if (f->env->tsan_sched == NULL)
        f->env->tsan_sched = __tsan_get_current_fiber();
    __tsan_switch_to_fiber(f->tsan_fiber, 0);
#endif
    (void)f;
}

static ALWAYS_INLINE void enter_sched(struct env *env)
{
#ifdef LINERA_ASAN
    __sanitizer_finish_switch_fiber(env->sched_fake_stack, NULL, NULL);
#endif
    (void)env;
}

static ALWAYS_INLINE void leave_fiber(struct fiber *f)
{
    struct env *env = f->env;

#ifdef LINERA_ASAN
    /* NULL tells that the fiber will not come back. */
    __sanitizer_start_switch_fiber(f->state == FIBER_DONE ? NULL : &f->fake_stack,
                                   env->sched_stack_low, env->sched_stack_size);
#endif
#ifdef LINERA_TSAN
    __tsan_switch_to_fiber(env->tsan_sched, 0);
#endif
    (void)env;
}

static ALWAYS_INLINE void enter_fiber(struct fiber *f)
{
#ifdef LINERA_ASAN
    __sanitizer_finish_switch_fiber(f->fake_stack, &f->env->sched_stack_low,
                                    &f->env->sched_stack_size);
#endif
    (void)f;
}

NORETURN static void fiber_main(struct transfer t)
{
    struct fiber *f = t.data;
    struct env   *env = f->env;

    enter_fiber(f);
    env->sched_context = t.from;
    f->fn(env, f->arg);
    ASSERT(env->no_yield == 0);
    f->state = FIBER_DONE;
    env_broadcast(env, &f->joined);
    leave_fiber(f);
    jump_fcontext(env->sched_context, NULL);
    UNREACHABLE();
}

static void fiber_release(struct fiber *f)
{
    struct env  *env = f->env;
    struct stack stack = f->stack;

    list_remove(&f->all_link);
    env->fiber_count--;
#ifdef LINERA_TSAN
    __tsan_destroy_fiber(f->tsan_fiber);
#endif
    stack_pool_put(env->stacks, stack);
}

void fiber_resume(struct fiber *f)
{
    struct env     *env = f->env;
    const char     *stack_low = env->stack_low;
    struct transfer t;

    DASSERT(env->running == NULL);
    DASSERT(f->state == FIBER_READY);
    f->state = FIBER_RUNNING;
    env->running = f;
    env->stack_low = f->stack.low;
    leave_sched(f);
    t = jump_fcontext(f->context, f);
    enter_sched(env);
    env->stack_low = stack_low;
    env->running = NULL;
    f->context = t.from;
    if (f->state == FIBER_DONE && f->detached)
        fiber_release(f);
}

void fiber_suspend(struct env *env)
{
    struct fiber   *f = env->running;
    struct transfer t;

    ASSERT(f != NULL);
    ASSERT(env->no_yield == 0); /* pitfall E4 */
    leave_fiber(f);
    t = jump_fcontext(env->sched_context, NULL);
    enter_fiber(f);
    env->sched_context = t.from;
}

/* ---- life ---------------------------------------------------------------------------------------
 */

static struct fiber *fiber_place(struct stack stack)
{
    uintptr_t top = (uintptr_t)stack.low + stack.size - sizeof(struct fiber);
    void     *at = stack.low + (top - (uintptr_t)stack.low) / 64 * 64;
    return memset(at, 0, sizeof(struct fiber));
}

status env_spawn(struct env *env, const char *name, env_fn *fn, void *arg, struct fiber **out)
{
    struct stack  stack;
    struct fiber *f;

    env_check_thread(env);
    TRY_RETURN(stack_pool_get(env->stacks, &stack));
    f = fiber_place(stack);
    f->env = env;
    f->name = name;
    f->fn = fn;
    f->arg = arg;
    f->stack = stack;
    f->id = ++env->fiber_id_last;
    f->priority = env->running != NULL ? env->running->priority : ENV_PRIORITY_IO;
    f->detached = out == NULL;
    f->timer_position = TIMER_NONE;
    env_cond_init(&f->joined);
    list_init(&f->link);
    f->context = make_fcontext(f, (size_t)((char *)f - stack.low), fiber_main);
#ifdef LINERA_TSAN
    f->tsan_fiber = __tsan_create_fiber(0);
#endif
    list_push_back(&env->fibers, &f->all_link);
    env->fiber_count++;
    sched_ready(f);
    if (out != NULL)
        *out = f;
    return STATUS_OK;
}

void fiber_join(struct fiber *f)
{
    struct env *env = f->env;

    ASSERT(!f->detached);
    ASSERT(f != env->running);
    while (f->state != FIBER_DONE)
        env_wait_uncancelled(env, &f->joined);
    fiber_release(f);
}

void fibers_drop_all(struct env *env)
{
    ASSERT(env->running == NULL);
    LIST_FOR_EACH (it, &env->fibers) {
        fiber_release(CONTAINER_OF(it, struct fiber, all_link));
    }
    for (int p = 0; p < ENV_PRIORITY_COUNT; p++) {
        list_init(&env->ready[p]);
        env->ready_count[p] = 0;
    }
    env->timer_count = 0;
    env->no_yield = 0;
}

void fiber_cancel(struct fiber *f)
{
    f->cancelled = true;
    if (f->state == FIBER_WAITING && f->wait_cancellable && !f->uncancellable)
        fiber_wake(f, WAKE_CANCELLED);
}

bool env_cancelled(const struct env *env)
{
    const struct fiber *f = env->running;

    return f != NULL && f->cancelled && !f->uncancellable;
}

void env_cancel_clear(struct env *env)
{
    if (env->running != NULL)
        env->running->cancelled = false;
}

bool env_set_cancellable(struct env *env, bool cancellable)
{
    bool before;

    ASSERT(env->running != NULL);
    before = !env->running->uncancellable;
    env->running->uncancellable = !cancellable;
    return before;
}

struct fiber *fiber_self(const struct env *env)
{
    return env->running;
}

const char *fiber_name(const struct fiber *f)
{
    return f->name;
}

void *fiber_local(const struct fiber *f)
{
    return f->local;
}

void fiber_set_local(struct fiber *f, void *local)
{
    f->local = local;
}

size_t env_fiber_count(const struct env *env)
{
    return env->fiber_count;
}

void env_no_yield_begin(struct env *env)
{
    env->no_yield++;
}

void env_no_yield_end(struct env *env)
{
    ASSERT(env->no_yield > 0);
    env->no_yield--;
}

/* ---- stack depth --------------------------------------------------------------------------------
 */

/* The low end of the calling thread's own stack. */
static const char *thread_stack_low(void)
{
    pthread_attr_t attr;
    void          *low;
    size_t         size;

    if (pthread_getattr_np(pthread_self(), &attr) != 0)
        return NULL;
    if (pthread_attr_getstack(&attr, &low, &size) != 0)
        low = NULL;
    pthread_attr_destroy(&attr);
    return low;
}

NOINLINE size_t env_stack_left(const struct env *env)
{
    const char *here = __builtin_frame_address(0);
    const char *low = env->stack_low != NULL ? env->stack_low : thread_stack_low();

    return here > low ? (size_t)(here - low) : 0;
}

struct big_call {
    void (*fn)(void *arg);
    void *arg;
#ifdef LINERA_ASAN
    const void *from_low;
    size_t      from_size;
#endif
};

NORETURN static void big_main(struct transfer t)
{
    struct big_call *call = t.data;

#ifdef LINERA_ASAN
    __sanitizer_finish_switch_fiber(NULL, &call->from_low, &call->from_size);
#endif
    call->fn(call->arg);
#ifdef LINERA_ASAN
    __sanitizer_start_switch_fiber(NULL, call->from_low, call->from_size);
#endif
    jump_fcontext(t.from, NULL);
    UNREACHABLE();
}

static void big_jump(struct env *env, struct big_call *call)
{
    const struct stack *s = &env->big_stack;
    void               *context = make_fcontext(s->low + s->size, s->size, big_main);
#ifdef LINERA_ASAN
    void *fake_stack;

    __sanitizer_start_switch_fiber(&fake_stack, s->low, s->size);
#endif
    /* ThreadSanitizer needs no word: the call is nested like any other. */
    jump_fcontext(context, call);
#ifdef LINERA_ASAN
    __sanitizer_finish_switch_fiber(fake_stack, NULL, NULL);
#endif
}

/* A recursion that went deep has touched the page just below what is kept: frames are smaller than
 * a page there, or probed page by page. Asking is a system call, so not every call pays it. */
static void big_stack_trim(struct env *env)
{
    const struct stack *s = &env->big_stack;
    size_t              page = (size_t)sysconf(_SC_PAGESIZE);
    unsigned char       resident = 0;

    if (++env->big_calls % BIG_STACK_TRIM_EVERY != 0)
        return;
    if (mincore(s->low + s->size - BIG_STACK_KEEP - page, page, &resident) == 0 && (resident & 1))
        stack_trim(s, BIG_STACK_KEEP);
}

void env_call_on_big_stack(struct env *env, void (*fn)(void *arg), void *arg)
{
    struct big_call call = {.fn = fn, .arg = arg};
    const char     *stack_low = env->stack_low;
    status          st;

    if (env->big_stack.low != NULL && stack_low == env->big_stack.low) {
        fn(arg); /* already on it */
        return;
    }
    if (env->big_stack.low == NULL) {
        st = stack_map(BIG_STACK_SIZE, &env->big_stack);
        ASSERT(st_ok(st));
    }
    env_no_yield_begin(env);
    env->stack_low = env->big_stack.low;
    big_jump(env, &call);
    env->stack_low = stack_low;
    env_no_yield_end(env);
    big_stack_trim(env);
}
