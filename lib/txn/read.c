#include "base/assert.h"
#include "kv/hash.h"
#include "txn/txn_internal.h"

bool txn_tracks_reads(const struct txn *t)
{
    /* Whoever cannot be moved to another timestamp has nothing to prove. */
    return t->isolation == TXN_SERIALIZABLE && (!t->read_only || t->limit_ts > t->read_ts);
}

void txn_note_point(struct txn *t, slice key)
{
    t->has_read = t->snapshot_used = true;
    if (txn_tracks_reads(t))
        readset_add_point(&t->reads, key);
}

status txn_concurrent_update(bool deleted)
{
    return status_new(ST_SERIALIZATION, "could not serialize access due to concurrent %s",
                      deleted ? "delete" : "update");
}

static status prove_reads_unchanged(struct txn *t, hlc_ts ts)
{
    struct txn_stats *stats = &t->system->stats;
    bool              changed = true;

    if (!t->snapshot_used)
        return STATUS_OK;
    if (txn_tracks_reads(t))
        TRY_RETURN(range_refresh(t->system->range, t->id, NULL, t->reads.spans, t->reads.count,
                                 t->read_ts, ts, &changed));
    if (changed) {
        stats->refresh_failures++;
        return txn_concurrent_update(false);
    }
    stats->refreshes++;
    return STATUS_OK;
}

status txn_advance(struct txn *t, hlc_ts ts)
{
    ASSERT(!t->as_of);
    if (ts == 0)
        TRY_RETURN(hlc_now(t->system->clock, &ts));
    ASSERT(ts > t->read_ts);
    TRY_RETURN(txn_fail(t, prove_reads_unchanged(t, ts)));
    t->read_ts = ts;
    t->limit_ts = MAX(t->limit_ts, ts);
    return STATUS_OK;
}

static void give_revision(const struct revision *r, struct arena *a, slice *value, bool *found)
{
    *found = !r->tombstone;
    if (*found)
        *value = arena_copy(a, revision_value(r));
}

/* Whether the own writes that precede the running statement decide what the key holds. */
static bool get_own(struct txn *t, slice key, struct arena *a, slice *value, bool *found)
{
    const struct keymap_node *n = keymap_find(&t->buffer.map, key);
    const struct revision    *r = n != NULL ? buffer_visible(n, t->seq) : NULL;

    if (r != NULL) {
        give_revision(r, a, value, found);
        return true;
    }
    if (buffer_range_deleted(&t->buffer, key, t->seq)) {
        *found = false;
        return true;
    }
    return false;
}

static status get_stored(struct txn *t, slice key, struct arena *a, slice *value, bool *found)
{
    struct range_read   read = {.txn_id = t->id, .untracked = txn_is_private(t, key)};
    struct engine_value v;
    uint64_t            hash = key_hash(key);

    for (;;) {
        read.ts = t->read_ts;
        read.limit = t->limit_ts;
        TRY_RETURN(range_get(t->system->range, &read, key, hash, &v));
        if (!v.found || v.ts <= t->read_ts)
            break;
        /* Uncertain: the version may precede this read in real time. */
        TRY_RETURN(txn_advance(t, v.ts));
    }
    *found = v.found && !v.tombstone;
    if (*found)
        *value = arena_copy(a, v.value);
    if (!read.untracked)
        txn_note_point(t, key);
    return STATUS_OK;
}

status txn_get(struct txn *t, slice key, struct arena *a, slice *value, bool *found)
{
    TRY_RETURN(txn_check(t));
    TRY_RETURN(txn_ensure_read_ts(t));
    if (!buffer_is_empty(&t->buffer) && get_own(t, key, a, value, found))
        return STATUS_OK;
    return get_stored(t, key, a, value, found);
}

status txn_read_locked(struct txn *t, slice key, uint64_t hash, struct arena *a,
                       struct locked_value *out)
{
    struct engine_value v;

    TRY_RETURN(range_get_newest(t->system->range, key, hash, &v));
    *out = (struct locked_value){.found = v.found && !v.tombstone, .any = v.found, .ts = v.ts};
    if (!v.found)
        out->ts = 0;
    else if (out->found && a != NULL)
        out->value = arena_copy(a, v.value);
    lock_note_seen(range_locks(t->system->range), &t->owner, key, hash, out->ts);
    if (out->any)
        t->floor_ts = MAX(t->floor_ts, out->ts + 1);
    return STATUS_OK;
}

/* SNAPSHOT met a version newer than its snapshot. PostgreSQL fails when the snapshot has a row
 * there, and does not see the key at all when it has none. */
static status get_for_in_snapshot(struct txn *t, slice key, uint64_t hash,
                                  const struct locked_value *newest, struct txn_row *out)
{
    struct range_read   read = {.ts = t->read_ts, .limit = t->read_ts, .txn_id = t->id};
    struct engine_value v;

    TRY_RETURN(range_get(t->system->range, &read, key, hash, &v));
    if (v.found && !v.tombstone)
        return txn_fail(t, txn_concurrent_update(!newest->found));
    out->found = false;
    return STATUS_OK;
}

/* The stored row under its lock, its version measured against the snapshot. */
static status get_locked(struct txn *t, slice key, uint64_t hash, enum lock_strength strength,
                         struct arena *a, struct txn_row *out)
{
    struct locked_value v;

    TRY_RETURN(txn_read_locked(t, key, hash, a, &v));
    TRY_RETURN(txn_ensure_read_ts(t)); /* now at the earliest, so at or above the version if new */
    out->found = v.found;
    out->value = v.value;
    if (v.ts > t->read_ts) {
        if (t->isolation == TXN_READ_COMMITTED)
            out->changed = true;
        else if (t->isolation == TXN_SERIALIZABLE || !t->snapshot_used)
            TRY_RETURN(txn_advance(t, 0));
        else
            TRY_RETURN(get_for_in_snapshot(t, key, hash, &v, out));
    }
    if (strength >= LOCK_NO_KEY_UPDATE && out->found)
        txn_node_note(keymap_add(&t->buffer.map, key), strength, v.any);
    range_note_read(t->system->range, hash, t->read_ts, t->id);
    txn_note_point(t, key);
    return STATUS_OK;
}

status txn_get_for(struct txn *t, slice key, enum lock_strength strength, enum lock_wait wait,
                   struct arena *a, struct txn_row *out)
{
    uint64_t               hash = key_hash(key);
    const struct revision *r;
    bool                   granted = true;

    *out = (struct txn_row){0};
    TRY_RETURN(txn_check(t));
    if (t->as_of)
        return status_new(ST_FEATURE_NOT_SUPPORTED,
                          "row locks are not supported in a historical transaction");
    if (!txn_is_private(t, key))
        TRY_RETURN(txn_take_lock(t, key, hash, strength, wait, &granted));
    if (!granted) {
        out->skipped = true;
        return STATUS_OK;
    }
    r = buffer_newest(keymap_find(&t->buffer.map, key));
    if (r != NULL) {
        out->own_command = r->seq == t->seq;
        give_revision(r, a, &out->value, &out->found);
        return STATUS_OK;
    }
    if (buffer_range_deleted(&t->buffer, key, UINT32_MAX))
        return STATUS_OK;
    return get_locked(t, key, hash, strength, a, out);
}
