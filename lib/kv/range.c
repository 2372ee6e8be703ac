#include "kv/range.h"

#include "base/assert.h"
#include "kv/hash.h"
#include "kv/keys.h"
#include "kv/range_internal.h"

enum { GC_RETENTION_US = 4000000, GC_INTERVAL_US = 500000 };

static char *copy_bytes(struct env *env, slice s)
{
    char *copy = heap_must_alloc(env_heap(env), 1, s.size + 1);

    if (s.size > 0)
        memcpy(copy, s.data, s.size);
    return copy;
}

static void range_free(struct range *r)
{
    range_gc_deinit(r);
    tscache_free(r->tscache);
    lock_table_free(r->locks);
    latches_deinit(&r->latches);
    heap_free((void *)(uintptr_t)r->start.data);
    heap_free((void *)(uintptr_t)r->end.data);
    heap_free(r);
}

status range_open(struct env *env, struct hlc *clock, struct engine *engine,
                  struct replicator *replicator, const struct range_options *options,
                  struct range **out)
{
    struct range *r = heap_must_alloc(env_heap(env), 1, sizeof *r);
    hlc_ts        now;
    status        st;

    *r = (struct range){
        .env = env,
        .clock = clock,
        .engine = engine,
        .replicator = replicator,
        .id = options->id,
        .start = slice_make(copy_bytes(env, options->start), options->start.size),
        .end = slice_make(copy_bytes(env, options->end), options->end.size),
        .gc_retention_us =
            options->gc_retention_us != 0 ? options->gc_retention_us : GC_RETENTION_US,
        .gc_interval_us = options->gc_interval_us != 0 ? options->gc_interval_us : GC_INTERVAL_US,
    };
    latches_init(&r->latches, env);
    list_init(&r->guards);
    r->locks = lock_table_new(env);
    /* What a former run has read lies below the clock's persisted bound, so below now (S1). */
    TRY(st, hlc_now(clock, &now), fail);
    r->tscache = tscache_new(env_heap(env), now, &options->tscache);
    TRY(st, range_gc_init(r), fail);
    *out = r;
    return STATUS_OK;

fail:
    range_free(r);
    return st;
}

void range_close(struct range *r)
{
    if (r == NULL)
        return;
    range_gc_stop(r);
    range_free(r);
}

struct env *range_env(const struct range *r)
{
    return r->env;
}

status range_span_size(struct range *r, slice start, slice end, uint64_t *size)
{
    return engine_span_size(r->engine, start, end, size);
}

struct lock_table *range_locks(const struct range *r)
{
    return r->locks;
}

void range_stats(const struct range *r, struct range_stats *out)
{
    *out = r->stats;
    out->garbage_queued = r->gc.count;
}

static status check_threshold(const struct range *r, hlc_ts ts)
{
    if (LIKELY(ts >= r->gc.threshold))
        return STATUS_OK;
    return status_new(ST_WRONG_STATE, "data of that time is no longer kept");
}

status range_get(struct range *r, const struct range_read *read, slice key, uint64_t hash,
                 struct engine_value *out)
{
    DASSERT(read->limit >= read->ts);
    TRY_RETURN(check_threshold(r, read->ts));
    if (!read->untracked) {
        tscache_add_point(r->tscache, hash, read->ts, read->txn_id);
        TRY_RETURN(latches_wait_point(&r->latches, key, hash, read->limit));
    }
    return engine_get(r->engine, NULL, key, read->limit, out);
}

status range_get_newest(struct range *r, slice key, uint64_t hash, struct engine_value *out)
{
    TRY_RETURN(latches_wait_point(&r->latches, key, hash, HLC_TS_MAX));
    return engine_get(r->engine, NULL, key, HLC_TS_MAX, out);
}

void range_note_read(struct range *r, uint64_t hash, hlc_ts ts, uint64_t txn_id)
{
    tscache_add_point(r->tscache, hash, ts, txn_id);
}

/* ---- scan ---------------------------------------------------------------------------------------
 */

struct scan_state {
    struct range_scan *scan;
    size_t             capacity, bytes;
};

static void scan_add(struct scan_state *s, slice key, slice value)
{
    struct range_scan *scan = s->scan;
    struct arena      *a = scan->arena;

    if (scan->row_count == s->capacity) {
        size_t capacity = s->capacity == 0 ? MIN(scan->rows_max, (size_t)16) : 2 * s->capacity;

        scan->rows = arena_realloc(a, scan->rows, s->capacity * sizeof *scan->rows,
                                   capacity * sizeof *scan->rows);
        s->capacity = capacity;
    }
    scan->rows[scan->row_count++] = (struct range_row){arena_copy(a, key), arena_copy(a, value)};
    s->bytes += key.size + value.size;
}

static bool scan_is_full(const struct scan_state *s)
{
    return s->scan->row_count >= s->scan->rows_max || s->bytes >= s->scan->bytes_max;
}

/* Where a scan that stops behind `key` goes on. */
static slice resume_behind(const struct range_scan *scan, slice key)
{
    return scan->reverse ? arena_copy(scan->arena, key) : key_next(scan->arena, key);
}

static status scan_move(struct engine_iter *it, bool reverse, bool begin)
{
    if (begin)
        return reverse ? engine_iter_last(it) : engine_iter_first(it);
    return reverse ? engine_iter_prev(it) : engine_iter_next(it);
}

static status scan_rows(struct engine_iter *it, const struct range_read *read,
                        struct range_scan *scan)
{
    struct scan_state s = {.scan = scan};

    scan->ended = RANGE_SCAN_DONE;
    for (bool begin = true;; begin = false) {
        TRY_RETURN(scan_move(it, scan->reverse, begin));
        if (!it->valid)
            return STATUS_OK;
        if (it->ts > read->ts) {
            scan->ended = RANGE_SCAN_UNCERTAIN;
            scan->uncertain_ts = it->ts;
            return STATUS_OK;
        }
        if (it->tombstone)
            continue;
        scan_add(&s, it->key, it->value);
        if (scan_is_full(&s)) {
            scan->ended = RANGE_SCAN_LIMIT;
            scan->resume = resume_behind(scan, it->key);
            return STATUS_OK;
        }
    }
}

/* The part that was read goes into the timestamp cache. */
static void note_scanned(struct range *r, const struct range_read *read,
                         const struct range_scan *scan)
{
    slice start = scan->start, end = scan->end;

    if (scan->ended == RANGE_SCAN_LIMIT && scan->reverse)
        start = scan->resume;
    else if (scan->ended == RANGE_SCAN_LIMIT)
        end = scan->resume;
    tscache_add_span(r->tscache, start, end, read->ts, read->txn_id);
}

static status scan_guarded(struct range *r, const struct range_read *read, struct range_scan *scan)
{
    /* With an uncertainty interval the newest version up to its top matters, tombstones too. */
    struct engine_iter_options options = {
        .mode = read->limit > read->ts ? ENGINE_ITER_TOMBSTONES : ENGINE_ITER_VISIBLE,
        .start = scan->start,
        .end = scan->end,
        .ts = read->limit,
    };
    struct engine_iter *it = NULL;
    status              st;

    if (!read->untracked)
        TRY_RETURN(latches_wait_span(&r->latches, scan->start, scan->end, read->limit));
    TRY_RETURN(engine_iter_open(r->engine, &options, &it));
    st = scan_rows(it, read, scan);
    engine_iter_close(it);
    return st;
}

status range_scan(struct range *r, const struct range_read *read, struct range_scan *scan)
{
    struct scan_guard guard = {
        .start = scan->start, .end = scan->end, .ts = read->ts, .owner = read->txn_id};
    status st;

    ASSERT(scan->rows_max > 0);
    TRY_RETURN(check_threshold(r, read->ts));
    scan->rows = NULL;
    scan->row_count = 0;
    if (read->untracked)
        return scan_guarded(r, read, scan);
    list_push_back(&r->guards, &guard.link);
    st = scan_guarded(r, read, scan);
    /* A failed scan may have shown something to somebody all the same (T5, T6). */
    note_scanned(r, read, scan);
    list_remove(&guard.link);
    return st;
}

/* ---- refresh ------------------------------------------------------------------------------------
 */

static status point_changed(struct range *r, const struct latch *own, slice key, uint64_t hash,
                            hlc_ts from, hlc_ts to, bool *changed)
{
    struct engine_value v;

    *changed = latches_written_point(&r->latches, own, key, hash, from, to);
    if (*changed)
        return STATUS_OK;
    TRY_RETURN(engine_get(r->engine, NULL, key, to, &v));
    *changed = v.found && v.ts > from;
    return STATUS_OK;
}

static status span_changed(struct range *r, const struct latch *own, const struct kv_span *span,
                           hlc_ts from, hlc_ts to, bool *changed)
{
    struct engine_iter_options options = {
        .mode = ENGINE_ITER_VERSIONS,
        .start = span->start,
        .end = span->end,
        .ts = to,
        .newer_than = from,
    };
    struct engine_iter *it = NULL;
    status              st;

    *changed = latches_written_span(&r->latches, own, span->start, span->end, from, to);
    if (*changed)
        return STATUS_OK;
    TRY_RETURN(engine_iter_open(r->engine, &options, &it));
    st = engine_iter_first(it);
    *changed = st_ok(st) && it->valid;
    engine_iter_close(it);
    return st;
}

status range_refresh(struct range *r, uint64_t txn_id, const struct latch *own,
                     const struct kv_span *spans, size_t count, hlc_ts from, hlc_ts to,
                     bool *changed)
{
    *changed = false;
    for (size_t i = 0; i < count && !*changed; i++) {
        const struct kv_span *s = &spans[i];

        /* Recorded first: whoever fixes a timestamp from here on goes above `to`; who has fixed one
         * before holds a latch or has been applied. */
        if (kv_span_is_point(s)) {
            uint64_t hash = key_hash(s->start);

            tscache_add_point(r->tscache, hash, to, txn_id);
            TRY_RETURN(point_changed(r, own, s->start, hash, from, to, changed));
        } else {
            tscache_add_span(r->tscache, s->start, s->end, to, txn_id);
            TRY_RETURN(span_changed(r, own, s, from, to, changed));
        }
    }
    return STATUS_OK;
}
