#include "kv/latch.h"

#include "base/assert.h"

enum { BUCKETS = 4096 }; /* more points than this in flight are rare: large batches latch spans */

void latches_init(struct latches *l, struct env *env)
{
    *l = (struct latches){.env = env, .bucket_count = BUCKETS};
    list_init(&l->held);
    l->buckets = heap_must_alloc(env_heap(env), BUCKETS, sizeof(struct latch_point *));
}

void latches_deinit(struct latches *l)
{
    ASSERT(list_empty(&l->held));
    heap_free(l->buckets);
    l->buckets = NULL;
}

static bool span_contains(const struct kv_span *s, slice key)
{
    return slice_cmp(key, s->start) >= 0 && (s->end.size == 0 || slice_cmp(key, s->end) < 0);
}

static bool spans_overlap(slice start1, slice end1, slice start2, slice end2)
{
    return (end1.size == 0 || slice_cmp(start2, end1) < 0) &&
           (end2.size == 0 || slice_cmp(start1, end2) < 0);
}

/* The first point of the latch at or behind `key`; point_count when there is none. */
static size_t point_seek(const struct latch *latch, slice key)
{
    size_t low = 0, high = latch->point_count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (slice_cmp(latch->points[middle].key, key) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static bool covers_span(const struct latch *latch, slice start, slice end)
{
    size_t at = point_seek(latch, start);

    if (at < latch->point_count && (end.size == 0 || slice_cmp(latch->points[at].key, end) < 0))
        return true;
    for (size_t i = 0; i < latch->span_count; i++) {
        if (spans_overlap(latch->spans[i].start, latch->spans[i].end, start, end))
            return true;
    }
    return false;
}

/* Calls on each latch over the key; a macro because the test differs and the path is hot. */
#define FOR_EACH_LATCH_AT(l, latch_, key_, hash_, body)                                            \
    do {                                                                                           \
        for (const struct latch_point *p_ = (l)->buckets[(hash_) & ((l)->bucket_count - 1)];       \
             p_ != NULL; p_ = p_->bucket_next) {                                                   \
            if (p_->hash == (hash_) && slice_eq(p_->key, (key_))) {                                \
                struct latch *latch_ = p_->latch;                                                  \
                body                                                                               \
            }                                                                                      \
        }                                                                                          \
        LIST_FOR_EACH (it_, &(l)->held) {                                                          \
            struct latch *latch_ = CONTAINER_OF(it_, struct latch, link);                          \
            for (size_t i_ = 0; i_ < latch_->span_count; i_++) {                                   \
                if (span_contains(&latch_->spans[i_], (key_))) {                                   \
                    body                                                                           \
                }                                                                                  \
            }                                                                                      \
        }                                                                                          \
    } while (0)

static struct latch *find_at(const struct latches *l, slice key, uint64_t hash, hlc_ts ts)
{
    if (list_empty(&l->held))
        return NULL;
    FOR_EACH_LATCH_AT(l, latch, key, hash, {
        if (latch->ts <= ts)
            return latch;
    });
    return NULL;
}

static struct latch *find_over(const struct latches *l, slice start, slice end, hlc_ts ts)
{
    LIST_FOR_EACH (it, &l->held) {
        struct latch *latch = CONTAINER_OF(it, struct latch, link);

        if (latch->ts <= ts && covers_span(latch, start, end))
            return latch;
    }
    return NULL;
}

static struct latch *find_in_the_way(const struct latches *l, const struct latch *wanted)
{
    struct latch *found = NULL;

    for (size_t i = 0; i < wanted->point_count && found == NULL; i++)
        found = find_at(l, wanted->points[i].key, wanted->points[i].hash, UINT64_MAX);
    for (size_t i = 0; i < wanted->span_count && found == NULL; i++)
        found = find_over(l, wanted->spans[i].start, wanted->spans[i].end, UINT64_MAX);
    return found;
}

status latches_acquire(struct latches *l, struct latch *latch)
{
    struct latch *other;

    latch->ts = 0;
    while ((other = find_in_the_way(l, latch)) != NULL)
        TRY_RETURN(env_wait(l->env, &other->released, 0));
    env_cond_init(&latch->released);
    list_push_back(&l->held, &latch->link);
    for (size_t i = 0; i < latch->point_count; i++) {
        struct latch_point  *p = &latch->points[i];
        struct latch_point **bucket = &l->buckets[p->hash & (l->bucket_count - 1)];

        DASSERT(i == 0 || slice_cmp(latch->points[i - 1].key, p->key) < 0);
        p->latch = latch;
        p->bucket_next = *bucket;
        *bucket = p;
    }
    l->point_count += latch->point_count;
    return STATUS_OK;
}

void latches_release(struct latches *l, struct latch *latch)
{
    list_remove(&latch->link);
    for (size_t i = 0; i < latch->point_count; i++) {
        struct latch_point **at = &l->buckets[latch->points[i].hash & (l->bucket_count - 1)];

        while (*at != &latch->points[i])
            at = &(*at)->bucket_next;
        *at = latch->points[i].bucket_next;
    }
    l->point_count -= latch->point_count;
    env_broadcast(l->env, &latch->released);
    env_cond_deinit(&latch->released);
}

status latches_wait_point(struct latches *l, slice key, uint64_t hash, hlc_ts ts)
{
    struct latch *latch;

    while ((latch = find_at(l, key, hash, ts)) != NULL)
        TRY_RETURN(env_wait(l->env, &latch->released, 0));
    return STATUS_OK;
}

status latches_wait_span(struct latches *l, slice start, slice end, hlc_ts ts)
{
    struct latch *latch;

    while ((latch = find_over(l, start, end, ts)) != NULL)
        TRY_RETURN(env_wait(l->env, &latch->released, 0));
    return STATUS_OK;
}

bool latches_written_point(const struct latches *l, const struct latch *own, slice key,
                           uint64_t hash, hlc_ts from, hlc_ts to)
{
    if (list_empty(&l->held))
        return false;
    FOR_EACH_LATCH_AT(l, latch, key, hash, {
        if (latch != own && latch->ts > from && latch->ts <= to)
            return true;
    });
    return false;
}

bool latches_written_span(const struct latches *l, const struct latch *own, slice start, slice end,
                          hlc_ts from, hlc_ts to)
{
    LIST_FOR_EACH (it, &l->held) {
        const struct latch *latch = CONTAINER_OF(it, struct latch, link);

        if (latch != own && latch->ts > from && latch->ts <= to && covers_span(latch, start, end))
            return true;
    }
    return false;
}
