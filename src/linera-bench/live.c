#include "live.h"

#include <inttypes.h>
#include <unistd.h>

/* The intervals of all kinds as one. */
static void show(struct runner *r, double seconds, double at)
{
    struct histogram *all = histogram_new();
    uint64_t          errors = stats_errors(&r->stats), retries = stats_retries(&r->stats);

    for (size_t i = 0; i < r->stats.kind_count; i++)
        histogram_add(all, r->stats.kinds[i].interval);
    fprintf(stderr,
            "%5.0f s %s%10.0f/s  p50 %8.3f ms  p99 %8.3f ms  max %8.3f ms  errors %" PRIu64
            "  retries %" PRIu64 "\n",
            at, r->phase == PHASE_WARMUP ? "(warm-up) " : "",
            (double)histogram_count(all) / seconds, (double)histogram_quantile(all, 0.5) / 1e6,
            (double)histogram_quantile(all, 0.99) / 1e6, (double)histogram_max(all) / 1e6,
            errors - r->tick_errors, retries - r->tick_retries);
    r->tick_errors = errors;
    r->tick_retries = retries;
    histogram_free(all);
}

void live_tick(struct runner *r, uint64_t now_ns)
{
    uint64_t from_ns = r->phase == PHASE_WARMUP ? r->due_origin_ns : r->measured_from_ns;
    double   seconds = (double)(now_ns - r->tick_last_ns) / 1e9;

    for (size_t i = 0; i < r->stats.kind_count; i++) {
        struct histogram *h = r->stats.kinds[i].interval;

        if (r->hdr != NULL && r->phase != PHASE_WARMUP && histogram_count(h) > 0)
            histogram_log_interval(r->hdr, r->bench->workload->kinds[i], r->tick_last_ns - from_ns,
                                   now_ns - from_ns, h);
    }
    /* The rest behind the last whole second is too short to say much. */
    if (seconds > 0.5 && (r->bench->options->progress || isatty(STDERR_FILENO)))
        show(r, seconds, (double)(now_ns - from_ns) / 1e9);
    for (size_t i = 0; i < r->stats.kind_count; i++)
        histogram_reset(r->stats.kinds[i].interval);
    r->tick_last_ns = now_ns;
}
