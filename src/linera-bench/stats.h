/* src/linera-bench/stats.h: what a run has seen, by kind of operation and by SQLSTATE. */
#ifndef LINERA_BENCH_STATS_H
#define LINERA_BENCH_STATS_H

#include "client/histogram.h"
#include "session.h"

struct kind_stats {
    struct histogram *total, *interval; /* latencies in ns; the interval's since the last tick */
    uint64_t          errors;           /* operations given up */
    uint64_t          retries;
};

/* One SQLSTATE: how often it ended an operation, and how often it was answered with a retry. */
struct error_stats {
    char     sqlstate[6];
    uint64_t failed, retried;
    char     message[256]; /* the first one's */
};

enum { ERROR_STATS_MAX = 64 }; /* SQLSTATEs beyond that many are counted as the last one */

struct stats {
    size_t             kind_count;
    struct kind_stats  kinds[KINDS_MAX];
    struct error_stats errors[ERROR_STATS_MAX]; /* by SQLSTATE */
    size_t             error_count;
};

void stats_init(struct stats *s, const struct workload *w);
void stats_deinit(struct stats *s);
/* Forget all: the warm-up is over. */
void stats_reset(struct stats *s);

void stats_operation(struct stats *s, unsigned kind, uint64_t latency_ns);
void stats_error(struct stats *s, unsigned kind, const struct session_error *e, bool retried);

uint64_t stats_operations(const struct stats *s);
uint64_t stats_errors(const struct stats *s);
uint64_t stats_retries(const struct stats *s);

#endif
