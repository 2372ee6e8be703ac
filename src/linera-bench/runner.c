#include "runner.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "base/assert.h"
#include "client.h"
#include "client/connect.h"
#include "clock.h"
#include "live.h"

#define SECOND UINT64_C(1000000000)

enum {
    CONNECTING_MAX = 64, /* at once, so that no server's queue of connections overflows */
    EVENTS_MAX = 256,
    LOOK_AGAIN_MS = 100, /* at connections that are down */
    RECONNECT_AFTER_MS = 250,
    DRAIN_S = 10,
    DRAIN_INTERRUPTED_S = 1,
};

static uint64_t cpu_now_us(void)
{
    struct rusage u;

    getrusage(RUSAGE_SELF, &u);
    return (uint64_t)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) * 1000000 +
           (uint64_t)(u.ru_utime.tv_usec + u.ru_stime.tv_usec);
}

/* ---- phases ---- */

static bool is_running(const struct runner *r)
{
    return r->phase == PHASE_WARMUP || r->phase == PHASE_MEASURE;
}

/* When operation number `count` of the schedule is due. */
static uint64_t due_at(const struct runner *r, uint64_t count)
{
    return r->due_origin_ns + (uint64_t)((uint128_t)count * SECOND / r->bench->options->rate);
}

static void begin_measure(struct runner *r, uint64_t now)
{
    r->phase = PHASE_MEASURE;
    stats_reset(&r->stats);
    r->begun = 0;
    r->measured_from_ns = r->tick_last_ns = now;
    r->tick_ns = now + SECOND;
    r->tick_errors = r->tick_retries = 0;
    r->wall_began_us = clock_wall_us();
    r->cpu_us = cpu_now_us();
    r->ends_ns = now + r->bench->options->duration_us * 1000;
    if (r->hdr != NULL)
        histogram_log_begin(r->hdr, PROGRAM, r->wall_began_us);
}

static void begin_run(struct runner *r, uint64_t now)
{
    uint64_t warmup_ns = r->bench->options->warmup_us * 1000;

    r->due_origin_ns = r->due_ns = now;
    if (warmup_ns == 0) {
        begin_measure(r, now);
    } else {
        r->phase = PHASE_WARMUP;
        r->ends_ns = now + warmup_ns;
        r->tick_last_ns = now;
        r->tick_ns = now + SECOND;
    }
    for (size_t i = 0; i < r->client_count; i++)
        runner_client_idle(r, &r->clients[i]);
}

/* Whatever was due by now and found no idle client never began: it has no latency, which makes the
 * quantiles too good, so the summary says how many there are. */
static void note_not_begun(struct runner *r, uint64_t now)
{
    uint64_t due;

    if (r->bench->options->rate == 0 || r->bench->options->operations != NOT_GIVEN)
        return;
    due = (uint64_t)((uint128_t)(now - r->due_origin_ns) * r->bench->options->rate / SECOND);
    r->not_begun = due > r->due_count ? due - r->due_count : 0;
}

static void begin_drain(struct runner *r, uint64_t now)
{
    if (is_running(r))
        note_not_begun(r, now);
    r->phase = PHASE_DRAIN;
    r->ends_ns = now + (r->end == RUN_INTERRUPTED ? DRAIN_INTERRUPTED_S : DRAIN_S) * SECOND;
}

static void end_run(struct runner *r, uint64_t now)
{
    bool measured = r->measured_from_ns != 0;

    if (r->end == RUN_INTERRUPTED)
        r->unfinished = r->active;
    for (size_t i = 0; i < r->client_count && r->end != RUN_INTERRUPTED; i++) {
        struct client *c = &r->clients[i];

        if (!c->active)
            continue;
        session_drop(&c->session, "57014", "not through 10 s after the end of the run");
        client_on_event(r, c, SESSION_LOST);
    }
    r->phase = PHASE_END;
    if (!measured)
        return;
    live_tick(r, now);
    r->measured_to_ns = now;
    r->cpu_us = cpu_now_us() - r->cpu_us;
}

void runner_stop(struct runner *r, enum run_end why)
{
    if (r->end == RUN_COMPLETE)
        r->end = why;
    if (is_running(r))
        begin_drain(r, clock_now_ns());
    else if (r->phase == PHASE_CONNECT)
        r->phase = PHASE_END;
}

/* ---- clients ---- */

static bool may_begin(const struct runner *r)
{
    return is_running(r) && (r->phase == PHASE_WARMUP || r->begun < r->bench->options->operations);
}

void runner_client_idle(struct runner *r, struct client *c)
{
    if (c->session.state != SESSION_IDLE || c->active)
        return;
    if (c->since_ns != 0) { /* it was connecting */
        c->since_ns = 0;
        r->connecting--;
        r->connected++;
    }
    if (!is_running(r))
        return;
    if (r->bench->options->rate > 0)
        r->idle[r->idle_count++] = c;
    else if (may_begin(r))
        client_begin(r, c, clock_now_ns());
}

static void forget_idle(struct runner *r, const struct client *c)
{
    for (size_t i = 0; i < r->idle_count; i++) {
        if (r->idle[i] == c) {
            r->idle[i] = r->idle[--r->idle_count];
            return;
        }
    }
}

void runner_client_lost(struct runner *r, struct client *c)
{
    const struct session_error *e = &c->session.error;

    forget_idle(r, c);
    if (c->since_ns != 0)
        r->connecting--;
    else
        r->connected--;
    c->since_ns = 0;
    c->down_until_ns = clock_now_ns() + RECONNECT_AFTER_MS * 1000000;
    if (r->end != RUN_COMPLETE || r->phase == PHASE_DRAIN)
        return;
    if (r->phase == PHASE_CONNECT) {
        fprintf(stderr, "%s: could not connect client %td of %zu: %s\n", PROGRAM,
                c - r->clients + 1, r->client_count, e->message);
        runner_stop(r, RUN_NO_CONNECTION);
    } else if (r->bench->options->stop_on_error) {
        fprintf(stderr, "%s: lost a connection: %s; --on-error continue connects again\n", PROGRAM,
                e->message);
        runner_stop(r, RUN_ERROR);
    }
}

/* Open what is down, drop what has been connecting for too long. */
static void connect_clients(struct runner *r, uint64_t now)
{
    for (size_t i = 0; i < r->client_count && r->phase < PHASE_DRAIN; i++) {
        struct client *c = &r->clients[i];

        if (c->since_ns != 0 && now - c->since_ns > CONNECT_TIMEOUT_S * SECOND) {
            session_drop(&c->session, "08001", "the server did not answer within 10 s");
            client_on_event(r, c, SESSION_LOST);
        } else if (c->session.state == SESSION_DOWN && now >= c->down_until_ns &&
                   r->connecting < CONNECTING_MAX) {
            c->since_ns = now;
            r->connecting++;
            client_on_event(r, c, session_open(&c->session));
        }
    }
}

/* With a rate: idle clients take what is due. */
static void begin_due(struct runner *r, uint64_t now)
{
    while (r->due_ns <= now && r->idle_count > 0 && may_begin(r)) {
        uint64_t due = r->due_ns;

        r->due_ns = due_at(r, ++r->due_count);
        client_begin(r, r->idle[--r->idle_count], due);
    }
}

/* ---- the loop ---- */

static bool all_connected(const struct runner *r)
{
    return r->connected == r->client_count;
}

/* What time alone brings about. */
static void on_time(struct runner *r, uint64_t now)
{
    if (!all_connected(r) && now >= r->look_again_ns) {
        r->look_again_ns = now + LOOK_AGAIN_MS * 1000000;
        connect_clients(r, now);
    }
    if (r->phase == PHASE_CONNECT && all_connected(r))
        begin_run(r, now);
    if (is_running(r) && now >= r->tick_ns) {
        live_tick(r, now);
        r->tick_ns += SECOND * ((now - r->tick_ns) / SECOND + 1);
    }
    if (is_running(r) && r->bench->options->rate > 0)
        begin_due(r, now);
    if (r->phase == PHASE_WARMUP && now >= r->ends_ns)
        begin_measure(r, now);
    if (r->phase == PHASE_MEASURE && (now >= r->ends_ns || !may_begin(r)))
        begin_drain(r, now);
    if (r->phase == PHASE_DRAIN && (r->active == 0 || now >= r->ends_ns))
        end_run(r, now);
}

static uint64_t next_deadline(const struct runner *r)
{
    uint64_t deadline = UINT64_MAX;

    if (is_running(r))
        deadline = MIN(r->tick_ns, r->ends_ns);
    else if (r->phase == PHASE_DRAIN)
        deadline = r->ends_ns;
    if (is_running(r) && r->bench->options->rate > 0 && r->idle_count > 0)
        deadline = MIN(deadline, r->due_ns);
    if (!all_connected(r))
        deadline = MIN(deadline, r->look_again_ns);
    return deadline;
}

/* A timer of its own, for epoll's timeout counts milliseconds and a rate wants better. */
static void set_timer(struct runner *r, uint64_t deadline)
{
    struct itimerspec spec = {
        .it_value = {.tv_sec = (time_t)(deadline / SECOND), .tv_nsec = (long)(deadline % SECOND)}};

    if (deadline == UINT64_MAX || deadline == r->timer_ns)
        return;
    timerfd_settime(r->timer, TFD_TIMER_ABSTIME, &spec, NULL);
    r->timer_ns = deadline;
}

static void on_timer(struct runner *r)
{
    uint64_t times;
    ssize_t  n = read(r->timer, &times, sizeof times);

    (void)n;
    r->timer_ns = 0;
}

/* The first signal lets what is under way come to its end for a second, the next one does not. */
static void on_signal(struct runner *r)
{
    struct signalfd_siginfo info;

    if (read(r->signals, &info, sizeof info) != sizeof info)
        return;
    if (r->end == RUN_INTERRUPTED) {
        r->ends_ns = 0;
        return;
    }
    r->end = RUN_INTERRUPTED;
    if (r->phase == PHASE_CONNECT)
        r->phase = PHASE_END;
    else
        begin_drain(r, clock_now_ns());
}

static void on_client(struct runner *r, struct client *c)
{
    bool connecting = c->since_ns != 0;

    if (c->session.state == SESSION_DOWN) /* dropped by an event before this one */
        return;
    client_on_event(r, c, session_on_socket(&c->session));
    if (connecting && c->since_ns == 0)
        r->look_again_ns = 0; /* there is room for the next one to connect */
}

static void loop(struct runner *r)
{
    struct epoll_event events[EVENTS_MAX];

    for (;;) {
        int n;

        on_time(r, clock_now_ns());
        if (r->phase == PHASE_END)
            return;
        set_timer(r, next_deadline(r));
        n = epoll_wait(r->epoll, events, EVENTS_MAX, -1);
        for (int i = 0; i < n && r->phase != PHASE_END; i++) {
            if (events[i].data.ptr == &r->timer)
                on_timer(r);
            else if (events[i].data.ptr == &r->signals)
                on_signal(r);
            else
                on_client(r, events[i].data.ptr);
        }
    }
}

/* ---- set-up ---- */

static status watch_fd(struct runner *r, int *fd)
{
    struct epoll_event e = {.events = EPOLLIN, .data.ptr = fd};

    if (*fd < 0 || epoll_ctl(r->epoll, EPOLL_CTL_ADD, *fd, &e) != 0)
        return status_new(ST_SYSTEM_ERROR, "could not set up the event loop: %s", strerror(errno));
    return STATUS_OK;
}

static status open_descriptors(struct runner *r)
{
    sigset_t      set;
    struct rlimit limit;

    /* A socket each, and what libpq opens while it connects. */
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        setrlimit(RLIMIT_NOFILE, &limit);
    }
    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    sigprocmask(SIG_BLOCK, &set, NULL);
    r->epoll = epoll_create1(EPOLL_CLOEXEC);
    r->timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    r->signals = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
    TRY_RETURN(watch_fd(r, &r->timer));
    return watch_fd(r, &r->signals);
}

/* From here on a signal ends the program as usual. */
static void unblock_signals(void)
{
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    sigprocmask(SIG_UNBLOCK, &set, NULL);
}

status runner_run(struct runner *r, struct bench *b, FILE *hdr)
{
    uint64_t seed = b->options->seed;

    *r = (struct runner){.bench = b, .hdr = hdr, .epoll = -1, .timer = -1, .signals = -1};
    r->client_count = b->options->clients;
    stats_init(&r->stats, b->workload);
    r->clients = heap_must_alloc(NULL, r->client_count, sizeof *r->clients);
    r->idle = heap_must_alloc(NULL, r->client_count, sizeof(struct client *));
    TRY_RETURN(open_descriptors(r));
    for (size_t i = 0; i < r->client_count; i++) {
        session_init(&r->clients[i].session, b, r->epoll);
        prng_init(&r->clients[i].prng, prng_splitmix(&seed));
    }
    loop(r);
    unblock_signals();
    return STATUS_OK;
}

void runner_deinit(struct runner *r)
{
    for (size_t i = 0; i < r->client_count && r->clients != NULL; i++)
        session_deinit(&r->clients[i].session);
    stats_deinit(&r->stats);
    heap_free(r->clients);
    heap_free(r->idle);
    if (r->epoll >= 0)
        close(r->epoll);
    if (r->timer >= 0)
        close(r->timer);
    if (r->signals >= 0)
        close(r->signals);
}
