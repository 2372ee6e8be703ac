/* One-phase commit and counters. */
#include "base/assert.h"
#include "kv/hash.h"
#include "kv/range.h"
#include "kv/range_internal.h"

static status read_write_conflict(void)
{
    status st = status_new(ST_SERIALIZATION, "could not serialize access due to read/write "
                                             "dependencies among transactions");

    st = status_detail(st,
                       "Reason code: Canceled on commit: a row or range that the transaction has "
                       "read was changed.");
    return status_hint(st, "The transaction might succeed if retried.");
}

static bool guard_covers_key(const struct scan_guard *g, slice key)
{
    return slice_cmp(key, g->start) >= 0 && (g->end.size == 0 || slice_cmp(key, g->end) < 0);
}

/* The lowest timestamp from `ts` on that is above what others have read at the key. */
static hlc_ts above_reads_of(const struct range *r, const struct latch_point *p, hlc_ts ts,
                             uint64_t txn_id)
{
    ts = tscache_writable(tscache_point(r->tscache, p->key, p->hash), ts, txn_id);
    LIST_FOR_EACH (it, &r->guards) {
        const struct scan_guard *g = CONTAINER_OF(it, struct scan_guard, link);

        if (guard_covers_key(g, p->key))
            ts = tscache_writable((struct tscache_entry){g->ts, g->owner}, ts, txn_id);
    }
    return ts;
}

/* Above every read there was: for large write sets, where asking for each key would take long. */
static status above_all_reads(struct range *r, hlc_ts *ts)
{
    hlc_ts now;

    TRY_RETURN(hlc_now(r->clock, &now));
    *ts = MAX(MAX(*ts, now), tscache_max(r->tscache) + 1);
    LIST_FOR_EACH (it, &r->guards)
        *ts = MAX(*ts, CONTAINER_OF(it, struct scan_guard, link)->ts + 1);
    return STATUS_OK;
}

static status above_versions(struct range *r, const struct range_commit *c, hlc_ts *ts)
{
    for (size_t i = 0; i < c->latch.point_count; i++) {
        struct engine_value v;

        TRY_RETURN(engine_get(r->engine, NULL, c->latch.points[i].key, HLC_TS_MAX, &v));
        if (v.found)
            *ts = MAX(*ts, v.ts + 1);
    }
    return STATUS_OK;
}

/* Choose the commit timestamp. From the moment the latch has it, no read at or above it passes;
 * until then none passes at all, so reads cannot slip in between if this yields. */
static status fix_timestamp(struct range *r, struct range_commit *c)
{
    hlc_ts ts = c->ts;

    if (ts == 0)
        TRY_RETURN(hlc_now(r->clock, &ts));
    if (c->check_versions)
        TRY_RETURN(above_versions(r, c, &ts));
    if (c->latch.span_count > 0) {
        TRY_RETURN(above_all_reads(r, &ts));
    } else {
        for (size_t i = 0; i < c->latch.point_count; i++)
            ts = above_reads_of(r, &c->latch.points[i], ts, c->txn_id);
    }
    c->pushed = c->ts != 0 && ts > c->ts;
    c->ts = ts;
    c->latch.ts = ts;
    /* Rule 3: the clock before the proposal. */
    return ts > hlc_last(r->clock) ? hlc_raise(r->clock, ts) : STATUS_OK;
}

static status validate_reads(struct range *r, struct range_commit *c)
{
    bool changed;

    if (c->read_count == 0 || c->ts <= c->read_ts)
        return STATUS_OK;
    TRY_RETURN(range_refresh(r, c->txn_id, &c->latch, c->reads, c->read_count, c->read_ts, c->ts,
                             &changed));
    c->refreshed = true;
    return changed ? read_write_conflict() : STATUS_OK;
}

static status lost_lock_changed(struct range *r, const struct range_commit *c,
                                const struct lost_lock *l, slice key, bool *changed)
{
    struct kv_span span = {key, slice_make(key.data, key.size + 1)};

    *changed = c->owner != NULL &&
               lock_is_held_against(r->locks, c->owner, key, key_hash(key), l->strength);
    if (*changed)
        return STATUS_OK;
    return range_refresh(r, c->txn_id, &c->latch, &span, 1, l->seen_ts, c->ts, changed);
}

/* T10: nobody kept writers away from these keys since the lock was lost. */
static status validate_lost_locks(struct range *r, struct range_commit *c)
{
    for (const struct lost_lock *l = c->lost; l != NULL; l = l->next) {
        struct arena *a = arena_new(env_heap(r->env), NULL);
        bool          changed = false;
        status        st =
            lost_lock_changed(r, c, l, arena_copy(a, slice_make(l->key, l->key_size)), &changed);

        arena_free(a);
        TRY_RETURN(st);
        if (changed)
            return status_new(ST_SERIALIZATION,
                              "could not serialize access due to concurrent update");
    }
    return STATUS_OK;
}

static void note_garbage(struct range *r, const struct range_commit *c)
{
    for (size_t i = 0; i < c->latch.point_count; i++) {
        if (!c->latch.points[i].leaves_no_garbage)
            range_gc_note(r, c->latch.points[i].key, c->ts);
    }
    /* Too many to queue one by one. */
    if (c->latch.span_count > 0)
        range_gc_want_sweep(r);
}

static status commit_latched(struct range *r, struct range_commit *c)
{
    TRY_RETURN(fix_timestamp(r, c));
    TRY_RETURN(validate_reads(r, c));
    TRY_RETURN(validate_lost_locks(r, c));
    TRY_RETURN(c->encode(c->encode_arg, c->ts, c->batch));
    TRY_RETURN(replicator_propose(r->replicator, c->batch));
    note_garbage(r, c);
    r->stats.commits++;
    return STATUS_OK;
}

status range_commit(struct range *r, struct range_commit *c)
{
    status st;

    c->pushed = c->refreshed = false;
    TRY_RETURN(latches_acquire(&r->latches, &c->latch));
    st = commit_latched(r, c);
    latches_release(&r->latches, &c->latch);
    return st;
}

/* ---- counters -----------------------------------------------------------------------------------
 */

struct increment {
    struct range *range;
    slice         key;
    uint64_t      hash;
    int64_t       delta;
    bool          set;
    int64_t       result;
};

static status increment_encode(void *arg, hlc_ts ts, struct engine_batch *out)
{
    struct increment   *inc = arg;
    struct engine_value v;
    char                bytes[8];

    inc->result = inc->delta;
    TRY_RETURN(engine_get(inc->range->engine, NULL, inc->key, HLC_TS_MAX, &v));
    if (!inc->set && v.found && !v.tombstone) {
        if (v.value.size != sizeof bytes)
            return status_new(ST_CORRUPT, "a counter does not hold a number");
        if (__builtin_add_overflow((int64_t)get_u64le(v.value.data), inc->delta, &inc->result))
            return status_new(ST_NUMERIC_OUT_OF_RANGE, "bigint out of range");
    }
    put_u64le(bytes, (uint64_t)inc->result);
    return engine_batch_put(out, inc->key, ts, slice_make(bytes, sizeof bytes));
}

status range_increment(struct range *r, slice key, int64_t delta, bool set, int64_t *out)
{
    struct increment inc = {
        .range = r, .key = key, .hash = key_hash(key), .delta = delta, .set = set};
    struct latch_point  point = {.key = key, .hash = inc.hash};
    struct engine_batch batch;
    status              st;

    engine_batch_init(&batch, env_heap(r->env));
    struct range_commit c = {
        .latch = {.points = &point, .point_count = 1},
        .check_versions = true,
        .encode = increment_encode,
        .encode_arg = &inc,
        .batch = &batch,
    };
    st = range_commit(r, &c);
    engine_batch_deinit(&batch);
    if (st_ok(st))
        *out = inc.result;
    return st;
}

status range_counter_get(struct range *r, slice key, int64_t *value, bool *found)
{
    struct engine_value v;

    TRY_RETURN(range_get_newest(r, key, key_hash(key), &v));
    *found = v.found && !v.tombstone;
    if (!*found)
        return STATUS_OK;
    if (v.value.size != sizeof *value)
        return status_new(ST_CORRUPT, "a counter does not hold a number");
    *value = (int64_t)get_u64le(v.value.data);
    return STATUS_OK;
}
