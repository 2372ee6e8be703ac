/* lib/base/metrics.h: counters, gauges and histograms, and their text for Prometheus.
 *
 * A layer lists its metrics once, with unit in the name and a sentence of help:
 *
 *     #define LOG_METRICS(X)                                                                   \
 *         X(COUNTER, appends, "storage_log_appends_total", "Batches appended to the log.")      \
 *         X(HISTOGRAM, sync_us, "storage_log_sync_us", "Time of a log sync, microseconds.")
 *     struct log_metrics { LOG_METRICS(METRIC_FIELD) };
 *
 *     #define X(...) METRIC_DESC(struct log_metrics, __VA_ARGS__)
 *     static const struct metric_desc descs[] = {LOG_METRICS(X)};
 *
 * Changing a metric is one relaxed atomic operation, from any thread; it orders nothing. */
#ifndef LINERA_BASE_METRICS_H
#define LINERA_BASE_METRICS_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/compiler.h"
#include "base/heap.h"

struct metric_counter {
    _Atomic uint64_t value;
};

struct metric_gauge {
    _Atomic int64_t value;
};

/* Buckets grow by a quarter of a power of two, so a quantile is off by at most 1/8 of itself. */
enum { METRIC_SUB_BITS = 2, METRIC_BUCKETS = (64 - METRIC_SUB_BITS + 1) << METRIC_SUB_BITS };

struct metric_histogram {
    _Atomic uint64_t sum;
    _Atomic uint64_t count;
    _Atomic uint64_t buckets[METRIC_BUCKETS];
};

static inline void metric_add(struct metric_counter *c, uint64_t n)
{
    atomic_fetch_add_explicit(&c->value, n, memory_order_relaxed);
}

static inline uint64_t metric_get(const struct metric_counter *c)
{
    return atomic_load_explicit(&c->value, memory_order_relaxed);
}

static inline void metric_set(struct metric_gauge *g, int64_t v)
{
    atomic_store_explicit(&g->value, v, memory_order_relaxed);
}

static inline void metric_gauge_add(struct metric_gauge *g, int64_t n)
{
    atomic_fetch_add_explicit(&g->value, n, memory_order_relaxed);
}

static inline int64_t metric_gauge_get(const struct metric_gauge *g)
{
    return atomic_load_explicit(&g->value, memory_order_relaxed);
}

void     metric_observe(struct metric_histogram *h, uint64_t v);
/* The value below which the part `q` (0 to 1) of what was observed lies; 0 when nothing was. */
uint64_t metric_quantile(const struct metric_histogram *h, double q);

enum metric_kind { METRIC_COUNTER, METRIC_GAUGE, METRIC_HISTOGRAM };

struct metric_desc {
    enum metric_kind kind;
    const char      *name;
    const char      *help;
    size_t           offset;
};

#define METRIC_TYPE_COUNTER                   struct metric_counter
#define METRIC_TYPE_GAUGE                     struct metric_gauge
#define METRIC_TYPE_HISTOGRAM                 struct metric_histogram
#define METRIC_FIELD(kind, field, name, help) METRIC_TYPE_##kind field;

#define METRIC_DESC(type, kind, field, name, help)                                                 \
    {METRIC_##kind, name, help, offsetof(type, field)},

struct metrics;

/* The metrics of one node. Any thread may call the functions below; a lock inside orders them. */
struct metrics *metrics_new(struct heap *heap);
/* Accepts NULL. What was registered is not touched. */
void            metrics_free(struct metrics *m);
/* Show the metrics at `base`, as described by `descs`, with `labels` such as store="1" (may be NULL
 * or empty; copied). `base` is borrowed until metrics_remove(base). */
void metrics_add(struct metrics *m, const struct metric_desc *descs, size_t count, const void *base,
                 const char *labels);
void metrics_remove(struct metrics *m, const void *base);
/* All of them in Prometheus' text format 0.0.4, in order of registration. */
void metrics_print(struct metrics *m, struct buf *out);

#endif
