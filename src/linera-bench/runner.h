/* src/linera-bench/runner.h: one run: all clients on one thread, an operation each at a time.
 *
 * Without a rate the loop is closed: a client begins its next operation when the last one is
 * through. With a rate it is open: operation i is due at start + i / rate, whichever client is idle
 * then takes it, and its latency counts from when it was due, so that a server that stalls is
 * charged for all the operations that it kept waiting (what Gil Tene calls coordinated omission).
 */
#ifndef LINERA_BENCH_RUNNER_H
#define LINERA_BENCH_RUNNER_H

#include "stats.h"

struct client {
    struct session       session; /* first: the loop's events point to it */
    struct prng          prng;
    struct operation     op;
    uint64_t             began_ns; /* of the operation: due, or sent first */
    uint64_t             tries;
    bool                 active;        /* has an operation */
    bool                 rolling_back;  /* `failure` is why */
    uint64_t             since_ns;      /* connecting since then; 0: it is not */
    uint64_t             down_until_ns; /* DOWN: time to connect again */
    struct session_error failure;
};

enum phase { PHASE_CONNECT, PHASE_WARMUP, PHASE_MEASURE, PHASE_DRAIN, PHASE_END };

/* Why a run ended before its time. */
enum run_end { RUN_COMPLETE, RUN_NO_CONNECTION, RUN_ERROR, RUN_INTERRUPTED };

struct runner {
    struct bench  *bench;
    struct stats   stats;
    struct client *clients;
    size_t         client_count;
    int            epoll, timer, signals;
    uint64_t       timer_ns; /* what the timer is set to; 0: nothing */

    enum phase   phase;
    enum run_end end;
    size_t       connecting, connected, active;
    uint64_t     measured_from_ns, measured_to_ns; /* 0: never came so far */
    uint64_t     ends_ns;                          /* of the phase */
    uint64_t     wall_began_us;                    /* of measured_from_ns */

    uint64_t begun;  /* operations of this phase */
    uint64_t due_ns; /* of the next one, with a rate */
    uint64_t due_origin_ns, due_count;
    uint64_t not_begun;  /* due before the end, but no client was idle */
    uint64_t unfinished; /* still under way when an interruption ended the wait for them */

    struct client **idle; /* with a rate: a stack of those waiting for something due */
    size_t          idle_count;

    uint64_t look_again_ns;         /* at connections that are down */
    uint64_t tick_ns, tick_last_ns; /* live line and intervals */
    uint64_t tick_errors, tick_retries;
    FILE    *hdr;
    uint64_t cpu_us; /* of this program, while it measured */
};

/* Connect, run, come back when all is over or SIGINT came. `hdr` (may be NULL) gets the intervals.
 */
status runner_run(struct runner *r, struct bench *b, FILE *hdr) MUST_CHECK;
void   runner_deinit(struct runner *r);

#endif
