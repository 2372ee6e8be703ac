/* The simulated world: virtual time, its events, the nodes and their clocks, and the loop that runs
 * ready fibers in an order drawn from the seed.
 *
 * Time moves when nothing is ready (to the next event or timer), a little with every slice and with
 * every look at a clock. So it moves inside a slice too (pitfall E7), and a loop that yields
 * without end still lets it pass. */
#include "env/sim.h"

#include <errno.h>
#include <string.h>

#include "base/assert.h"
#include "env/sim_internal.h"

enum {
    STACK_SIZE = 2 << 20,
    SHUFFLE_WINDOW = 16,  /* of a queue's first ready fibers, any one may be next */
    SQL_FIRST_ONE_IN = 8, /* so often an SQL fiber overtakes the IO fibers */
    SLICE_US_MAX = 2,
    CLOCK_READ_US_MAX = 1,
    OFFLOAD_US_MAX = 200,
};

#if defined(LINERA_ASAN) || defined(LINERA_TSAN)
enum { STACK_FACTOR = 4 };
#else
enum { STACK_FACTOR = 1 };
#endif

#define WORLD_EPOCH_US 1767225600000000u /* 2026-01-01 00:00:00 UTC */
#define NEVER          UINT64_MAX

/* ---- trace --------------------------------------------------------------------------------------
 */

static void trace_word(struct sim *s, uint64_t v)
{
    uint64_t state = s->trace ^ v;

    s->trace = prng_splitmix(&state);
}

void sim_trace(struct sim *s, enum trace_kind kind, const struct sim_node *n, uint64_t a,
               uint64_t b)
{
    trace_word(s, (uint64_t)kind << 32 | (n != NULL ? n->number + 1 : 0));
    trace_word(s, s->now_us);
    trace_word(s, a);
    trace_word(s, b);
}

uint64_t sim_trace_hash(const struct sim *s)
{
    return s->trace;
}

/* ---- events: a binary heap ----------------------------------------------------------------------
 */

static bool event_before(const struct sim_event *a, const struct sim_event *b)
{
    return a->at_us != b->at_us ? a->at_us < b->at_us : a->serial < b->serial;
}

static void events_grow(struct sim *s)
{
    size_t            capacity = MAX(s->event_capacity * 2, (size_t)256);
    struct sim_event *grown = heap_realloc(s->heap, s->events, capacity * sizeof *grown);

    ASSERT(grown != NULL);
    s->events = grown;
    s->event_capacity = capacity;
}

void sim_at(struct sim *s, uint64_t at_us, void (*fn)(struct sim *s, void *arg), void *arg)
{
    struct sim_event e = {MAX(at_us, s->now_us), ++s->event_serial, fn, arg};
    size_t           i;

    if (s->event_count == s->event_capacity)
        events_grow(s);
    for (i = s->event_count++; i > 0 && event_before(&e, &s->events[(i - 1) / 2]); i = (i - 1) / 2)
        s->events[i] = s->events[(i - 1) / 2];
    s->events[i] = e;
}

static struct sim_event event_pop(struct sim *s)
{
    struct sim_event first = s->events[0], last = s->events[--s->event_count];
    size_t           i = 0;

    for (size_t child; (child = 2 * i + 1) < s->event_count; i = child) {
        if (child + 1 < s->event_count && event_before(&s->events[child + 1], &s->events[child]))
            child++;
        if (!event_before(&s->events[child], &last))
            break;
        s->events[i] = s->events[child];
    }
    if (s->event_count > 0)
        s->events[i] = last;
    return first;
}

void sim_after_us(struct sim *s, uint64_t us, void (*fn)(struct sim *s, void *arg), void *arg)
{
    sim_at(s, s->now_us + us, fn, arg);
}

/* ---- clocks -------------------------------------------------------------------------------------
 */

__extension__ typedef __int128 wide;

static uint64_t local_us(const struct sim_node *n)
{
    wide passed = (wide)(n->sim->now_us - n->clock_base_us) * (1000000 + n->drift_ppm) / 1000000;

    return n->local_base_us + (uint64_t)passed;
}

static uint64_t mono_now_us(const struct sim_node *n)
{
    return local_us(n) - n->boot_local_us;
}

/* The world's time at which the node's monotonic clock shows `mono_us`, or one microsecond more. */
static uint64_t world_us_at(const struct sim_node *n, uint64_t mono_us)
{
    wide ahead = (wide)mono_us + (wide)n->boot_local_us - (wide)n->local_base_us;
    wide rate = 1000000 + n->drift_ppm;

    if (ahead <= 0)
        return n->sim->now_us;
    if (rate <= 0)
        return NEVER; /* the clock stands still */
    return n->clock_base_us + (uint64_t)(ahead * 1000000 / rate) + 1;
}

/* Reading a clock takes a moment, and now and then the fiber is held up at just that point. */
static void clock_read(struct sim_node *n)
{
    struct sim *s = n->sim;

    if (s->running != n)
        return; /* the test looks, from outside */
    s->now_us += prng_below(&s->rng, CLOCK_READ_US_MAX + 1);
    if (s->options.stall_ppm > 0 && prng_below(&s->rng, 1000000) < s->options.stall_ppm)
        s->now_us += prng_below(&s->rng, s->options.stall_max_us + 1);
}

static uint64_t sim_mono_us(struct env *env)
{
    clock_read(sim_node_of(env));
    return mono_now_us(sim_node_of(env));
}

static uint64_t sim_wall_us(struct env *env)
{
    struct sim_node *n = sim_node_of(env);

    clock_read(n);
    return WORLD_EPOCH_US + local_us(n) + (uint64_t)n->wall_offset_us;
}

void sim_clock_jump(struct sim_node *n, int64_t us)
{
    n->wall_offset_us += us;
    sim_trace(n->sim, TRACE_CLOCK, n, (uint64_t)us, 0);
}

void sim_clock_drift(struct sim_node *n, int32_t ppm)
{
    ASSERT(ppm >= -1000000);
    n->local_base_us = local_us(n);
    n->clock_base_us = n->sim->now_us;
    n->drift_ppm = ppm;
    sim_trace(n->sim, TRACE_CLOCK, n, 0, (uint64_t)ppm);
}

static void clock_init(struct sim_node *n)
{
    struct sim *s = n->sim;
    uint64_t    skew = s->options.clock_skew_max_us, drift = s->options.clock_drift_max_ppm;

    n->clock_base_us = s->now_us;
    n->local_base_us =
        s->now_us + 3600000000u; /* so that a boot time below it is no negative one */
    n->wall_offset_us = (int64_t)prng_below(&s->rng, 2 * skew + 1) - (int64_t)skew - 3600000000;
    n->drift_ppm = (int32_t)((int64_t)prng_below(&s->rng, 2 * drift + 1) - (int64_t)drift);
    n->boot_local_us = n->local_base_us - sim_between(&s->rng, 1000000, 60000000);
}

/* ---- the node's operations ----------------------------------------------------------------------
 */

static void sim_random(struct env *env, void *buf, size_t size)
{
    prng_bytes(&env->rng, buf, size);
}

struct hold {
    struct sim_node *node;
    uint64_t         incarnation;
    struct fiber    *fiber;
};

static void hold_end(struct sim *s, void *arg)
{
    struct hold *h = arg;

    /* The fiber waits for nothing else, so it is still there unless its node is not. */
    if (h->node->env != NULL && h->node->incarnation == h->incarnation)
        fiber_wake(h->fiber, WAKE_SIGNALLED);
    heap_free(h);
    (void)s;
}

void sim_hold(struct env *env, uint64_t us)
{
    struct sim_node *n = sim_node_of(env);
    struct hold     *h = heap_must_alloc(n->sim->heap, 1, sizeof *h);

    *h = (struct hold){n, n->incarnation, env->running};
    sim_after_us(n->sim, us, hold_end, h);
    (void)fiber_wait(env, NULL, 0, false);
}

static void sim_offload(struct env *env, enum env_lane lane, env_job_fn *fn, void *arg)
{
    struct sim_node *n = sim_node_of(env);

    (void)lane;
    ASSERT(env->running != NULL);
    ASSERT(env->no_yield == 0);
    env_no_yield_begin(env); /* a thread could not yield either */
    fn(arg);
    env_no_yield_end(env);
    sim_hold(env, sim_between(&n->sim->rng, 1, OFFLOAD_US_MAX));
}

struct message {
    enum post_queue queue;
    env_fn         *fn;
    void           *arg;
};

static void run_message(struct env *env, void *arg)
{
    struct message m = *(struct message *)arg;

    heap_free(arg);
    CONTAINER_OF(env, struct sim_env, base)->posted[m.queue]--;
    m.fn(env, m.arg);
}

/* The message is the target's, whoever sends it: in a crash it goes with its receiver. */
static status sim_post(struct env *env, enum post_queue queue, env_fn *fn, void *arg)
{
    struct sim_env *e = CONTAINER_OF(env, struct sim_env, base);
    struct message *m;

    if (e->posted[queue] >= e->node->sim->options.post_max)
        return status_new(ST_LIMIT_EXCEEDED, "the message queue of worker \"%s\" is full",
                          env->name);
    m = heap_must_alloc(env->heap, 1, sizeof *m);
    *m = (struct message){queue, fn, arg};
    e->posted[queue]++;
    return env_spawn(env, "message", run_message, m, NULL);
}

static int sim_on_signal(struct env *env, int signum, env_fn *fn, void *arg)
{
    (void)env;
    (void)signum;
    (void)fn;
    (void)arg;
    return 0;
}

static const struct env_ops sim_ops = {
    .wall_us = sim_wall_us,
    .mono_us = sim_mono_us,
    .random = sim_random,
    .offload = sim_offload,
    .post = sim_post,
    .on_signal = sim_on_signal,
    .io = sim_io,
    .file_close = sim_file_close,
    .listen = sim_listen,
    .accept = sim_accept,
    .listener_close = sim_listener_close,
    .connect = sim_connect,
    .connect_result = sim_connect_result,
    .read = sim_read,
    .write = sim_write,
    .ready = sim_ready,
    .arm_read = sim_arm,
    .arm_write = sim_arm,
    .shutdown = sim_shutdown,
    .conn_close = sim_conn_close,
};

/* ---- nodes --------------------------------------------------------------------------------------
 */

static void node_up(struct sim_node *n)
{
    struct heap    *heap = heap_new();
    struct sim_env *e = heap_must_alloc(heap, 1, sizeof *e);
    status          st;

    e->node = n;
    env_init(&e->base, &sim_ops, heap, n->name, prng_next(&n->sim->rng), &n->sim->stacks);
    n->env = e;
    n->incarnation++;
    n->silent = false;
    n->crash_pending = false;
    n->paused_until_us = 0;
    sim_trace(n->sim, TRACE_UP, n, n->incarnation, 0);
    st = env_spawn(&e->base, "main", n->main_fn, n->arg, NULL);
    ASSERT(st_ok(st));
}

/* Nothing is unwound: stacks go back to the world, and the heap goes with all that is in it. */
static void node_down(struct sim_node *n, enum sim_crash how)
{
    struct sim_env *e = n->env;
    struct heap    *heap;

    if (e == NULL)
        return;
    heap = e->base.heap;
    sim_trace(n->sim, TRACE_DOWN, n, how, 0);
    n->env = NULL;
    n->crash_pending = false;
    n->crash_at_io = 0;
    n->silent = how == SIM_POWER_LOSS;
    sim_net_node_down(n, how);
    sim_disk_node_down(n, how);
    env_deinit(&e->base);
    heap_destroy(heap);
    if (how == SIM_POWER_LOSS)
        n->boot_local_us = local_us(n) - sim_between(&n->sim->rng, 1000000, 60000000);
}

struct sim_node *sim_add_node(struct sim *s, const char *name, env_fn *main_fn, void *arg)
{
    struct sim_node *n = heap_must_alloc(s->heap, 1, sizeof *n);
    struct buf       context;

    ASSERT(s->node_count < SIM_NODES_MAX);
    n->sim = s;
    n->number = s->node_count;
    n->name = heap_strdup(s->heap, name);
    n->main_fn = main_fn;
    n->arg = arg;
    n->disk = sim_disk_new(s);
    list_init(&n->listeners);
    buf_init(&context, s->heap);
    buf_printf(&context, "node %s, seed %llu", name, (unsigned long long)s->seed);
    n->context = heap_strdup(s->heap, buf_cstr(&context));
    buf_deinit(&context);
    s->nodes[s->node_count++] = n;
    clock_init(n);
    node_up(n);
    return n;
}

struct env *sim_node_env(const struct sim_node *n)
{
    return n->env != NULL ? &n->env->base : NULL;
}

const char *sim_node_name(const struct sim_node *n)
{
    return n->name;
}

bool sim_node_is_up(const struct sim_node *n)
{
    return n->env != NULL;
}

/* The fiber stays where it is until the loop, back on its own stack, takes the node down. */
void sim_crash_self(struct sim_node *n, enum sim_crash how)
{
    struct env *env = &n->env->base;

    n->crash_pending = true;
    n->crash_how = how;
    env->no_yield = 0;
    env->running->state = FIBER_WAITING;
    fiber_suspend(env);
    UNREACHABLE();
}

void sim_crash(struct sim_node *n, enum sim_crash how)
{
    if (n->env != NULL && n->sim->running == n)
        sim_crash_self(n, how);
    node_down(n, how);
}

void sim_restart(struct sim_node *n)
{
    ASSERT(n->env == NULL);
    node_up(n);
}

void sim_pause(struct sim_node *n, uint64_t us)
{
    n->paused_until_us = n->sim->now_us + us;
    sim_trace(n->sim, TRACE_CLOCK, n, us, 1);
}

/* ---- the loop -----------------------------------------------------------------------------------
 */

static bool node_runs(const struct sim_node *n)
{
    return n->env != NULL && n->paused_until_us <= n->sim->now_us;
}

static bool node_is_ready(const struct sim_node *n)
{
    return node_runs(n) && sched_ready_count(&n->env->base) > 0;
}

/* In shuffled mode any node with a ready fiber, else the next one in turn. */
static struct sim_node *pick_node(struct sim *s)
{
    size_t ready = 0, skip;

    for (size_t i = 0; i < s->node_count; i++)
        ready += node_is_ready(s->nodes[i]);
    if (ready == 0)
        return NULL;
    skip = s->options.ordered ? 0 : prng_below(&s->rng, ready);
    for (size_t i = s->last_run + 1;; i++) {
        if (node_is_ready(s->nodes[i % s->node_count]) && skip-- == 0) {
            s->last_run = i % s->node_count;
            return s->nodes[s->last_run];
        }
    }
}

static struct fiber *pick_fiber(struct sim *s, struct env *env)
{
    const size_t     *count = env->ready_count;
    enum env_priority priority = ENV_PRIORITY_IO;

    if (s->options.ordered)
        return sched_take(env);
    if (count[ENV_PRIORITY_IO] == 0 ||
        (count[ENV_PRIORITY_SQL] > 0 && prng_below(&s->rng, SQL_FIRST_ONE_IN) == 0))
        priority = ENV_PRIORITY_SQL;
    return sched_take_at(env, priority,
                         prng_below(&s->rng, MIN(count[priority], (size_t)SHUFFLE_WINDOW)));
}

static void run_slice(struct sim *s, struct sim_node *n)
{
    struct env   *env = &n->env->base;
    struct fiber *f = pick_fiber(s, env);
    struct heap  *heap = heap_current();

    sim_trace(s, TRACE_RUN, n, f->id, 0);
    heap_set_current(env->heap);
    assert_set_context(n->context);
    s->running = n;
    fiber_resume(f);
    s->running = NULL;
    assert_set_context(NULL);
    heap_set_current(heap);
    s->now_us += prng_below(&s->rng, SLICE_US_MAX + 1);
    if (n->crash_pending)
        node_down(n, n->crash_how);
    else if (env->stopping)
        node_down(n, SIM_KILL);
}

static void fire_due(struct sim *s)
{
    while (s->event_count > 0 && s->events[0].at_us <= s->now_us) {
        struct sim_event e = event_pop(s);

        e.fn(s, e.arg);
    }
    for (size_t i = 0; i < s->node_count; i++) {
        if (node_runs(s->nodes[i]))
            timers_fire(&s->nodes[i]->env->base, mono_now_us(s->nodes[i]));
    }
}

/* When the node has something to do next, if nobody wakes it. */
static uint64_t node_next_us(const struct sim_node *n)
{
    uint64_t next_us = NEVER, timer_us;

    if (n->env == NULL)
        return NEVER;
    timer_us = timer_next_us(&n->env->base);
    if (sched_ready_count(&n->env->base) > 0)
        next_us = n->sim->now_us;
    else if (timer_us != 0)
        next_us = world_us_at(n, timer_us);
    return next_us == NEVER ? NEVER : MAX(next_us, n->paused_until_us);
}

static uint64_t next_us(const struct sim *s)
{
    uint64_t next = s->event_count > 0 ? s->events[0].at_us : NEVER;

    for (size_t i = 0; i < s->node_count; i++) {
        uint64_t node_us = node_next_us(s->nodes[i]);

        next = MIN(next, node_us);
    }
    return next;
}

static size_t fibers_total(const struct sim *s)
{
    size_t count = 0;

    for (size_t i = 0; i < s->node_count; i++)
        count += s->nodes[i]->env != NULL ? s->nodes[i]->env->base.fiber_count : 0;
    return count;
}

static bool never(void *arg)
{
    (void)arg;
    return false;
}

enum sim_result sim_run_until(struct sim *s, bool (*predicate)(void *arg), void *arg, uint64_t us)
{
    uint64_t end_us = s->now_us + us;

    ASSERT(s->running == NULL);
    for (;;) {
        struct sim_node *n;
        uint64_t         next;

        if (predicate(arg))
            return SIM_DONE;
        if (s->now_us >= end_us)
            return SIM_TIME;
        fire_due(s);
        n = pick_node(s);
        if (n != NULL) {
            run_slice(s, n);
            continue;
        }
        next = next_us(s);
        if (next == NEVER && fibers_total(s) > 0)
            return SIM_DEADLOCK;
        s->now_us = MIN(MAX(next, s->now_us), end_us);
    }
}

enum sim_result sim_run_us(struct sim *s, uint64_t us)
{
    return sim_run_until(s, never, NULL, us);
}

static const char *state_name(enum fiber_state state)
{
    switch (state) {
    case FIBER_READY:
        return "is ready";
    case FIBER_RUNNING:
        return "runs";
    case FIBER_WAITING:
        return "waits";
    case FIBER_DONE:
        return "has ended and was not joined";
    }
    UNREACHABLE();
}

static void report_node(const struct sim_node *n, struct buf *out)
{
    if (n->env == NULL) {
        buf_printf(out, "%s: down\n", n->name);
        return;
    }
    LIST_FOR_EACH (it, &n->env->base.fibers) {
        const struct fiber *f = CONTAINER_OF(it, struct fiber, all_link);

        buf_printf(out, "%s: fiber %llu \"%s\" %s%s\n", n->name, (unsigned long long)f->id, f->name,
                   state_name(f->state),
                   f->timer_position != TIMER_NONE ? ", with a deadline" : "");
    }
}

void sim_report(const struct sim *s, struct buf *out)
{
    buf_printf(out, "seed %llu, time %llu us\n", (unsigned long long)s->seed,
               (unsigned long long)s->now_us);
    for (size_t i = 0; i < s->node_count; i++)
        report_node(s->nodes[i], out);
}

/* ---- the world ----------------------------------------------------------------------------------
 */

static uint64_t value_or(uint64_t v, uint64_t fallback)
{
    return v != 0 ? v : fallback;
}

static struct sim_options options_filled(const struct sim_options *given)
{
    struct sim_options o = given != NULL ? *given : (struct sim_options){0};

    o.latency_min_us = value_or(o.latency_min_us, 50);
    o.latency_max_us = value_or(o.latency_max_us, MAX(o.latency_min_us, (uint64_t)500));
    o.link_bytes_per_s = value_or(o.link_bytes_per_s, 1000000000);
    o.disk_latency_min_us = value_or(o.disk_latency_min_us, 2);
    o.disk_latency_max_us =
        value_or(o.disk_latency_max_us, MAX(o.disk_latency_min_us, (uint64_t)50));
    o.sync_latency_min_us = value_or(o.sync_latency_min_us, 50);
    o.sync_latency_max_us =
        value_or(o.sync_latency_max_us, MAX(o.sync_latency_min_us, (uint64_t)500));
    o.post_max = o.post_max != 0 ? o.post_max : 4096;
    o.stall_max_us = value_or(o.stall_max_us, 1000);
    return o;
}

struct sim *sim_new(uint64_t seed, const struct sim_options *options)
{
    struct heap *heap = heap_new();
    struct sim  *s = heap_must_alloc(heap, 1, sizeof *s);

    s->seed = seed;
    s->options = options_filled(options);
    s->heap = heap;
    s->port_last = 40000;
    prng_init(&s->rng, seed);
    stack_pool_init(&s->stacks, (size_t)STACK_SIZE * STACK_FACTOR);
    list_init(&s->streams);
    trace_word(s, seed);
    return s;
}

void sim_free(struct sim *s)
{
    if (s == NULL)
        return;
    ASSERT(s->running == NULL);
    for (size_t i = 0; i < s->node_count; i++)
        node_down(s->nodes[i], SIM_KILL);
    stack_pool_deinit(&s->stacks);
    heap_destroy(s->heap);
}

uint64_t sim_now_us(const struct sim *s)
{
    return s->now_us;
}

uint64_t sim_seed(const struct sim *s)
{
    return s->seed;
}

uint64_t sim_rand64(struct sim *s)
{
    return prng_next(&s->rng);
}

uint64_t sim_rand_below(struct sim *s, uint64_t bound)
{
    ASSERT(bound > 0);
    return prng_below(&s->rng, bound);
}
