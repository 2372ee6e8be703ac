#include "sql/session/statement_stats.h"

#include <string.h>

#include "base/arena.h"
#include "base/assert.h"
#include "base/hmap.h"
#include "base/list.h"
#include "base/metrics.h"
#include "base/sort.h"
#include "sql/parse/fingerprint.h"

enum { FINGERPRINT_SIZE_MAX = 4096 };

struct statement_entry {
    struct list             link; /* the longest unused first; on its own once it has made room */
    int                     references;
    bool                    listed;
    uint64_t                id;
    char                   *key; /* database, user and fingerprint, each with its zero byte */
    size_t                  key_size;
    const char             *user, *text; /* within the key */
    uint64_t                errors, rows, plans_reused, min_us, max_us;
    int64_t                 last_seen_us;
    struct metric_histogram times_us; /* its count is the calls, its sum the total */
};

struct statement_stats {
    struct heap *heap;
    struct hmap  by_key;
    struct list  by_use;
    size_t       count_max;
    uint64_t     evicted;
    struct buf   key; /* reused from look-up to look-up */
};

struct statement_stats *statement_stats_new(struct heap *heap, size_t count_max)
{
    struct statement_stats *s = heap_must_alloc(heap, 1, sizeof *s);

    ASSERT(count_max > 0);
    s->heap = heap;
    s->count_max = count_max;
    hmap_init(&s->by_key, heap);
    list_init(&s->by_use);
    buf_init(&s->key, heap);
    return s;
}

void statement_entry_unref(struct statement_entry *e)
{
    if (e == NULL || --e->references > 0)
        return;
    heap_free(e->key);
    heap_free(e);
}

static void unlist(struct statement_stats *s, struct statement_entry *e)
{
    hmap_remove(&s->by_key, slice_make(e->key, e->key_size));
    list_remove(&e->link);
    e->listed = false;
    statement_entry_unref(e);
}

void statement_stats_free(struct statement_stats *s)
{
    if (s == NULL)
        return;
    while (!list_empty(&s->by_use))
        unlist(s, CONTAINER_OF(s->by_use.next, struct statement_entry, link));
    hmap_deinit(&s->by_key);
    buf_deinit(&s->key);
    heap_free(s);
}

static struct statement_entry *add(struct statement_stats *s, slice key)
{
    struct statement_entry *e = heap_must_alloc(s->heap, 1, sizeof *e);

    while (hmap_count(&s->by_key) >= s->count_max) {
        unlist(s, CONTAINER_OF(s->by_use.next, struct statement_entry, link));
        s->evicted++;
    }
    e->references = 1;
    e->listed = true;
    e->id = hash_bytes(key.data, key.size, 0);
    e->key = heap_must_alloc(s->heap, 1, key.size);
    memcpy(e->key, key.data, key.size);
    e->key_size = key.size;
    e->user = e->key + strlen(e->key) + 1;
    e->text = e->user + strlen(e->user) + 1;
    e->min_us = UINT64_MAX;
    list_push_back(&s->by_use, &e->link);
    hmap_put(&s->by_key, slice_make(e->key, e->key_size), e);
    return e;
}

static struct statement_entry *find_or_add(struct statement_stats *s, slice key)
{
    struct statement_entry *e = hmap_get(&s->by_key, key);

    if (e == NULL)
        e = add(s, key);
    e->references++;
    return e;
}

struct statement_entry *statement_stats_get(struct statement_stats *s, const char *database,
                                            const char *user, slice text)
{
    buf_reset(&s->key);
    buf_append(&s->key, database, strlen(database) + 1);
    buf_append(&s->key, user, strlen(user) + 1);
    fingerprint(text, FINGERPRINT_SIZE_MAX, &s->key);
    buf_put_u8(&s->key, 0);
    return find_or_add(s, buf_slice(&s->key));
}

void statement_stats_note(struct statement_stats *s, struct statement_entry **held,
                          const struct statement_run *run)
{
    struct statement_entry *e = *held;

    if (!e->listed) {
        *held = find_or_add(s, slice_make(e->key, e->key_size));
        statement_entry_unref(e);
        e = *held;
    }
    list_remove(&e->link);
    list_push_back(&s->by_use, &e->link);
    e->errors += run->failed;
    e->rows += run->rows;
    e->plans_reused += run->plan_reused;
    e->min_us = MIN(e->min_us, run->elapsed_us);
    e->max_us = MAX(e->max_us, run->elapsed_us);
    e->last_seen_us = run->started_us;
    metric_observe(&e->times_us, run->elapsed_us);
}

/* ---- lists -------------------------------------------------------------------------------------
 */

struct ranked {
    const struct statement_entry *entry;
    uint64_t                      rank;
};

static uint64_t rank_of(const struct statement_entry *e, enum statement_order order)
{
    uint64_t calls = atomic_load_explicit(&e->times_us.count, memory_order_relaxed),
             total_us = atomic_load_explicit(&e->times_us.sum, memory_order_relaxed);

    switch (order) {
    case STATEMENTS_BY_TOTAL_TIME:
        return total_us;
    case STATEMENTS_BY_MEAN_TIME:
        return calls > 0 ? total_us / calls : 0;
    case STATEMENTS_BY_CALLS:
        return calls;
    case STATEMENTS_BY_LAST_SEEN:
        return (uint64_t)MAX(e->last_seen_us, 0);
    }
    UNREACHABLE();
}

static bool is_before(uint64_t rank, uint64_t id, uint64_t other_rank, uint64_t other_id)
{
    return rank != other_rank ? rank > other_rank : id < other_id;
}

static int compare_ranked(const void *a, const void *b, void *ctx)
{
    const struct ranked *x = a, *y = b;

    (void)ctx;
    if (is_before(x->rank, x->entry->id, y->rank, y->entry->id))
        return -1;
    return is_before(y->rank, y->entry->id, x->rank, x->entry->id) ? 1 : 0;
}

/* A bucket's bounds may lie outside of what was seen. */
static uint64_t quantile(const struct statement_entry *e, double q)
{
    return MAX(e->min_us, MIN(e->max_us, metric_quantile(&e->times_us, q)));
}

static void describe(const struct ranked *r, struct arena *a, struct statement_info *out)
{
    const struct statement_entry *e = r->entry;

    *out = (struct statement_info){
        .id = e->id,
        .database = arena_strdup(a, e->key),
        .user = arena_strdup(a, e->user),
        .text = arena_strdup(a, e->text),
        .calls = atomic_load_explicit(&e->times_us.count, memory_order_relaxed),
        .errors = e->errors,
        .rows = e->rows,
        .plans_reused = e->plans_reused,
        .total_us = atomic_load_explicit(&e->times_us.sum, memory_order_relaxed),
        .min_us = e->min_us,
        .max_us = e->max_us,
        .p50_us = quantile(e, 0.5),
        .p99_us = quantile(e, 0.99),
        .last_seen_us = e->last_seen_us,
        .rank = r->rank,
    };
}

struct statement_info *statement_stats_list(const struct statement_stats *s, struct arena *a,
                                            const struct statement_page *page, size_t *count,
                                            bool *more)
{
    struct ranked         *ranked = ARENA_ARRAY(a, struct ranked, hmap_count(&s->by_key) + 1);
    struct statement_info *infos;
    size_t                 n = 0;

    LIST_FOR_EACH (it, &s->by_use) {
        const struct statement_entry *e = CONTAINER_OF(it, struct statement_entry, link);
        struct ranked                 r = {e, rank_of(e, page->order)};

        /* An entry without calls is of a statement that runs for the first time just now. */
        if (e->min_us <= e->max_us &&
            (!page->has_after || is_before(page->after_rank, page->after_id, r.rank, e->id)))
            ranked[n++] = r;
    }
    sort_stable(s->heap, ranked, n, sizeof *ranked, compare_ranked, NULL);
    *count = MIN(n, page->limit);
    *more = n > page->limit;
    infos = ARENA_ARRAY(a, struct statement_info, *count + 1);
    for (size_t i = 0; i < *count; i++)
        describe(&ranked[i], a, &infos[i]);
    return infos;
}

uint64_t statement_stats_evicted(const struct statement_stats *s)
{
    return s->evicted;
}
