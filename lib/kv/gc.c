/* Garbage collection of old versions.
 *
 * Each write that covers an older version queues its key; once nobody can read below the write, the
 * versions under it are dropped. The queue is in memory: after a restart, after an overflow and
 * after large commits a sweep over all keys finds what it has missed, a slice per round.
 *
 * The threshold is made durable before anything is dropped, since the drops are not logged: a read
 * below it must be refused after a restart too. It never falls and never passes a running reader.
 */
#include "base/assert.h"
#include "kv/keys.h"
#include "kv/range_internal.h"

enum {
    QUEUE_BATCH = 256,    /* queued keys between two yields */
    SWEEP_BUDGET = 20000, /* versions looked at in one round of a sweep */
    KEY_BUDGET = 1 << 20, /* versions of one key dropped at once */
};

static void threshold_key(const struct range *r, struct buf *key)
{
    buf_put_u8(key, KEY_SPACE_LOCAL);
    buf_put_ordered_u64(key, r->id);
    buf_append_cstr(key, "gc");
}

status range_gc_init(struct range *r)
{
    struct engine_value v;
    struct buf          key;
    status              st;

    r->gc.last = &r->gc.first;
    r->gc.sweep = true;
    buf_init(&r->gc.sweep_at, env_heap(r->env));
    env_cond_init(&r->gc.wake);
    buf_init(&key, env_heap(r->env));
    threshold_key(r, &key);
    st = engine_get_meta(r->engine, NULL, buf_slice(&key), &v);
    buf_deinit(&key);
    TRY_RETURN(st);
    if (!v.found)
        return STATUS_OK;
    if (v.value.size != sizeof(hlc_ts))
        return status_new(ST_CORRUPT, "the garbage collection threshold of range %llu is damaged",
                          (unsigned long long)r->id);
    r->gc.threshold = get_u64le(v.value.data);
    return STATUS_OK;
}

static void queue_pop(struct range *r)
{
    struct garbage *g = r->gc.first;

    r->gc.first = g->next;
    if (r->gc.first == NULL)
        r->gc.last = &r->gc.first;
    r->gc.count--;
    heap_free(g);
}

void range_gc_deinit(struct range *r)
{
    if (r->gc.last == NULL)
        return; /* never initialised */
    while (r->gc.first != NULL)
        queue_pop(r);
    buf_deinit(&r->gc.sweep_at);
    env_cond_deinit(&r->gc.wake);
}

void range_gc_want_sweep(struct range *r)
{
    /* A sweep under way may have passed the key already. */
    if (r->gc.sweep)
        r->gc.sweep_again = true;
    r->gc.sweep = true;
}

void range_gc_note(struct range *r, slice key, hlc_ts ts)
{
    struct garbage *g =
        r->gc.count < GARBAGE_MAX ? heap_alloc(env_heap(r->env), sizeof *g + key.size) : NULL;

    if (g == NULL) {
        range_gc_want_sweep(r);
        return;
    }
    g->next = NULL;
    g->ts = ts;
    g->key_size = (uint32_t)key.size;
    memcpy(g->key, key.data, key.size);
    *r->gc.last = g;
    r->gc.last = &g->next;
    r->gc.count++;
}

hlc_ts range_gc_threshold(const struct range *r)
{
    return r->gc.threshold;
}

static status raise_threshold(struct range *r, hlc_ts threshold)
{
    struct engine_batch batch;
    struct buf          key;
    char                bytes[8];
    status              st;

    if (threshold <= r->gc.threshold)
        return STATUS_OK;
    /* In memory first: no reader may start below it while it is being made durable. */
    r->gc.threshold = threshold;
    engine_batch_init(&batch, env_heap(r->env));
    buf_init(&key, env_heap(r->env));
    threshold_key(r, &key);
    put_u64le(bytes, threshold);
    st = engine_batch_put_meta(&batch, buf_slice(&key), slice_make(bytes, sizeof bytes));
    if (st_ok(st))
        st = replicator_propose(r->replicator, &batch);
    buf_deinit(&key);
    engine_batch_deinit(&batch);
    /* cppcheck-suppress returnDanglingLifetime ; a status is no part of the batch */
    return st;
}

/* Once nobody may read below the threshold, after a restart either. */
static void tell_engine(const struct range *r)
{
    engine_gc_threshold(r->engine, r->start, r->end, r->gc.threshold);
}

static status collect_key(struct range *r, const struct garbage *g)
{
    struct buf resume, end;
    uint64_t   dropped = 0;
    status     st;

    buf_init(&resume, env_heap(r->env));
    buf_init(&end, env_heap(r->env));
    buf_append(&end, g->key, g->key_size);
    buf_put_u8(&end, 0);
    st = engine_gc(r->engine, slice_make(g->key, g->key_size), buf_slice(&end), r->gc.threshold,
                   KEY_BUDGET, &resume, &dropped);
    r->stats.gc_dropped += dropped;
    buf_deinit(&end);
    buf_deinit(&resume);
    return st;
}

/* The queue is nearly in order of timestamp: commits enter as they are applied. One that is early
 * by a little waits for the next round. */
static status collect_queue(struct range *r)
{
    size_t since_yield = 0;

    while (r->gc.first != NULL && r->gc.first->ts <= r->gc.threshold) {
        TRY_RETURN(collect_key(r, r->gc.first));
        queue_pop(r);
        if (++since_yield == QUEUE_BATCH) {
            since_yield = 0;
            env_yield(r->env);
        }
    }
    return STATUS_OK;
}

static status sweep_slice(struct range *r)
{
    struct buf resume;
    slice      start = r->gc.sweep_at.size > 0 ? buf_slice(&r->gc.sweep_at) : r->start;
    uint64_t   dropped = 0;
    status     st;

    if (!r->gc.sweep)
        return STATUS_OK;
    buf_init(&resume, env_heap(r->env));
    st = engine_gc(r->engine, start, r->end, r->gc.threshold, SWEEP_BUDGET, &resume, &dropped);
    r->stats.gc_dropped += dropped;
    buf_deinit(&r->gc.sweep_at);
    r->gc.sweep_at = resume;
    if (st_ok(st) && resume.size == 0) {
        r->gc.sweep = r->gc.sweep_again;
        r->gc.sweep_again = false;
    }
    return st;
}

status range_gc_run(struct range *r, hlc_ts threshold)
{
    bool queued = r->gc.first != NULL && r->gc.first->ts <= threshold;

    if (!queued && !r->gc.sweep)
        return STATUS_OK;
    TRY_RETURN(raise_threshold(r, threshold));
    tell_engine(r);
    TRY_RETURN(collect_queue(r));
    TRY_RETURN(sweep_slice(r));
    r->stats.gc_rounds++;
    return STATUS_OK;
}

static hlc_ts allowed_threshold(struct range *r)
{
    uint64_t now_us = hlc_wall_us(hlc_last(r->clock));
    hlc_ts   oldest = r->gc.oldest(r->gc.oldest_ctx);
    hlc_ts   kept;

    now_us = MAX(now_us, env_wall_us(r->env));
    kept = now_us > r->gc_retention_us ? hlc_make(now_us - r->gc_retention_us, 0) : 0;
    return MIN(kept, oldest);
}

static void gc_main(struct env *env, void *arg)
{
    struct range *r = arg;

    while (!r->gc.stopping) {
        st_clear(env_wait(env, &r->gc.wake, env_deadline(env, r->gc_interval_us)));
        /* A store that fails or is full says so to its users; here the next round tries again. */
        if (!r->gc.stopping)
            st_clear(range_gc_run(r, allowed_threshold(r)));
    }
}

status range_gc_start(struct range *r, range_oldest_read_fn *oldest, void *ctx)
{
    ASSERT(r->gc.fiber == NULL);
    r->gc.oldest = oldest;
    r->gc.oldest_ctx = ctx;
    r->gc.stopping = false;
    return env_spawn(r->env, "mvcc gc", gc_main, r, &r->gc.fiber);
}

void range_gc_stop(struct range *r)
{
    if (r->gc.fiber == NULL)
        return;
    r->gc.stopping = true;
    env_broadcast(r->env, &r->gc.wake);
    fiber_join(r->gc.fiber);
    r->gc.fiber = NULL;
}
