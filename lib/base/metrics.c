#include "base/metrics.h"

#include <inttypes.h>
#include <pthread.h>

#include "base/assert.h"

struct group {
    const struct metric_desc *descs;
    size_t                    count;
    const char               *base;
    char                     *labels;
};

struct metrics {
    struct heap_foreign foreign; /* the groups, and their labels */
    struct group       *groups;
    size_t              count, capacity;
    pthread_mutex_t     lock; /* guards the list of groups, not the numbers */
};

/* Values below 2^SUB_BITS have a bucket each; above, the highest bit and the SUB_BITS behind it say
 * which. */
static size_t bucket_of(uint64_t v)
{
    unsigned top;

    if (v < BIT(METRIC_SUB_BITS))
        return (size_t)v;
    top = 63u - (unsigned)__builtin_clzll(v);
    return (size_t)((top - METRIC_SUB_BITS + 1) << METRIC_SUB_BITS) +
           (size_t)((v >> (top - METRIC_SUB_BITS)) & (BIT(METRIC_SUB_BITS) - 1));
}

/* The largest value of a bucket. */
static uint64_t bucket_max(size_t bucket)
{
    size_t   octave = bucket >> METRIC_SUB_BITS;
    uint64_t sub = bucket & (BIT(METRIC_SUB_BITS) - 1);

    if (octave == 0)
        return bucket;
    return ((BIT(METRIC_SUB_BITS) + sub + 1) << (octave - 1)) - 1;
}

void metric_observe(struct metric_histogram *h, uint64_t v)
{
    atomic_fetch_add_explicit(&h->buckets[bucket_of(v)], 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&h->sum, v, memory_order_relaxed);
    atomic_fetch_add_explicit(&h->count, 1, memory_order_relaxed);
}

static uint64_t bucket_get(const struct metric_histogram *h, size_t bucket)
{
    return atomic_load_explicit(&h->buckets[bucket], memory_order_relaxed);
}

uint64_t metric_quantile(const struct metric_histogram *h, double q)
{
    uint64_t total = 0, seen = 0;

    for (size_t i = 0; i < METRIC_BUCKETS; i++)
        total += bucket_get(h, i);
    for (size_t i = 0; i < METRIC_BUCKETS; i++) {
        seen += bucket_get(h, i);
        if (seen > 0 && (double)seen >= q * (double)total)
            return bucket_max(i);
    }
    return 0;
}

static void close_groups(struct heap_foreign *f)
{
    struct metrics *m = CONTAINER_OF(f, struct metrics, foreign);

    for (size_t i = 0; i < m->count; i++)
        heap_free(m->groups[i].labels);
    heap_free(m->groups);
    pthread_mutex_destroy(&m->lock);
}

struct metrics *metrics_new(struct heap *heap)
{
    struct metrics *m = heap_must_alloc(heap, 1, sizeof *m);

    pthread_mutex_init(&m->lock, NULL);
    m->foreign.close = close_groups;
    heap_attach(heap, &m->foreign);
    return m;
}

void metrics_free(struct metrics *m)
{
    if (m == NULL)
        return;
    heap_foreign_close(&m->foreign);
    heap_free(m);
}

void metrics_add(struct metrics *m, const struct metric_desc *descs, size_t count, const void *base,
                 const char *labels)
{
    pthread_mutex_lock(&m->lock);
    if (m->count == m->capacity) {
        /* Workers register, and a heap is its owner's alone (E8): so this is malloc's. */
        struct group *groups = heap_must_alloc(NULL, m->capacity * 2 + 8, sizeof *groups);

        if (m->count > 0)
            memcpy(groups, m->groups, m->count * sizeof *groups);
        heap_free(m->groups);
        m->groups = groups;
        m->capacity = m->capacity * 2 + 8;
    }
    m->groups[m->count++] =
        (struct group){.descs = descs,
                       .count = count,
                       .base = base,
                       .labels = heap_strdup(NULL, labels != NULL ? labels : "")};
    pthread_mutex_unlock(&m->lock);
}

void metrics_remove(struct metrics *m, const void *base)
{
    size_t kept = 0;

    pthread_mutex_lock(&m->lock);
    for (size_t i = 0; i < m->count; i++) {
        if (m->groups[i].base == base)
            heap_free(m->groups[i].labels);
        else
            m->groups[kept++] = m->groups[i];
    }
    m->count = kept;
    pthread_mutex_unlock(&m->lock);
}

/* One line per power of four that something was observed below, then the total. */
static void print_histogram(struct buf *out, const char *name, const char *labels,
                            const struct metric_histogram *h)
{
    const char *comma = labels[0] != '\0' ? "," : "";
    uint64_t    seen = 0, total = 0;

    for (size_t i = 0; i < METRIC_BUCKETS; i++)
        total += bucket_get(h, i);
    for (size_t i = 0; i < METRIC_BUCKETS && seen < total; i++) {
        bool is_edge = (i & (BIT(METRIC_SUB_BITS) - 1)) == BIT(METRIC_SUB_BITS) - 1 &&
                       ((i >> METRIC_SUB_BITS) & 1) == 1;

        seen += bucket_get(h, i);
        if (is_edge && seen > 0)
            buf_printf(out, "%s_bucket{%s%sle=\"%" PRIu64 "\"} %" PRIu64 "\n", name, labels, comma,
                       bucket_max(i), seen);
    }
    buf_printf(out, "%s_bucket{%s%sle=\"+Inf\"} %" PRIu64 "\n", name, labels, comma, total);
    buf_printf(out, "%s_sum%s%s%s %" PRIu64 "\n", name, *labels ? "{" : "", labels,
               *labels ? "}" : "", atomic_load_explicit(&h->sum, memory_order_relaxed));
    buf_printf(out, "%s_count%s%s%s %" PRIu64 "\n", name, *labels ? "{" : "", labels,
               *labels ? "}" : "", total);
}

static void print_sample(struct buf *out, const struct metric_desc *d, const struct group *g)
{
    const void *at = g->base + d->offset;
    const char *open = *g->labels ? "{" : "", *close = *g->labels ? "}" : "";

    switch (d->kind) {
    case METRIC_COUNTER:
        buf_printf(out, "%s%s%s%s %" PRIu64 "\n", d->name, open, g->labels, close, metric_get(at));
        break;
    case METRIC_GAUGE:
        buf_printf(out, "%s%s%s%s %" PRId64 "\n", d->name, open, g->labels, close,
                   metric_gauge_get(at));
        break;
    case METRIC_HISTOGRAM:
        print_histogram(out, d->name, g->labels, at);
        break;
    }
}

static bool is_first_of_its_kind(const struct metrics *m, size_t group)
{
    for (size_t i = 0; i < group; i++)
        if (m->groups[i].descs == m->groups[group].descs)
            return false;
    return true;
}

/* The format wants all samples of a name together, so groups of one description print as one. */
static void print_groups_like(const struct metrics *m, size_t first, struct buf *out)
{
    static const char *const kinds[] = {"counter", "gauge", "histogram"};

    for (size_t d = 0; d < m->groups[first].count; d++) {
        const struct metric_desc *desc = &m->groups[first].descs[d];

        buf_printf(out, "# HELP %s %s\n# TYPE %s %s\n", desc->name, desc->help, desc->name,
                   kinds[desc->kind]);
        for (size_t i = first; i < m->count; i++)
            if (m->groups[i].descs == m->groups[first].descs)
                print_sample(out, desc, &m->groups[i]);
    }
}

void metrics_print(struct metrics *m, struct buf *out)
{
    pthread_mutex_lock(&m->lock);
    for (size_t i = 0; i < m->count; i++)
        if (is_first_of_its_kind(m, i))
            print_groups_like(m, i, out);
    pthread_mutex_unlock(&m->lock);
}
