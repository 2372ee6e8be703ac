#include "base/assert.h"
#include "kv/hash.h"
#include "txn/txn_internal.h"

status txn_take_lock(struct txn *t, slice key, uint64_t hash, enum lock_strength strength,
                     enum lock_wait wait, bool *granted)
{
    bool   waited = false;
    status st = lock_acquire(range_locks(t->system->range), &t->owner, key, hash, strength, wait,
                             t->lock_timeout_us, granted, &waited);

    t->system->stats.lock_waits += waited;
    return txn_fail(t, st);
}

status txn_lock(struct txn *t, slice key, enum lock_strength strength, enum lock_wait wait,
                bool *skipped)
{
    bool granted;

    ASSERT(skipped != NULL || wait != LOCK_SKIP);
    TRY_RETURN(txn_check(t));
    TRY_RETURN(txn_take_lock(t, key, key_hash(key), strength, wait, &granted));
    if (skipped != NULL)
        *skipped = !granted;
    return STATUS_OK;
}

/* SNAPSHOT: the first committer has won when a version newer than the snapshot is there. As long as
 * nothing was read at the snapshot, a later one does as well. */
static status check_first_committer(struct txn *t, const struct locked_value *v)
{
    if (t->isolation != TXN_SNAPSHOT || t->read_ts == 0 || v->ts <= t->read_ts)
        return STATUS_OK;
    return t->snapshot_used ? txn_fail(t, txn_concurrent_update(!v->found)) : txn_advance(t, 0);
}

static enum lock_strength node_lock(const struct txn *t, const struct keymap_node *n)
{
    /* After a loss of locks what the nodes say is void. */
    return t->owner.lost == NULL ? (enum lock_strength)(n->value2 & NODE_LOCK_MASK) : LOCK_NONE;
}

void txn_node_note(struct keymap_node *n, enum lock_strength strength, bool any_version)
{
    n->value2 = (n->value2 & ~(uint64_t)NODE_LOCK_MASK) | strength;
    if (!any_version)
        n->value2 |= NODE_NEVER_WRITTEN;
}

/* Lock `key` for writing and give its place in the buffer. *fresh tells that *v was read just now;
 * it is not when the transaction holds the lock since an earlier write. The value is copied to `a`
 * if given. */
static status lock_node(struct txn *t, slice key, enum lock_strength strength, struct arena *a,
                        struct keymap_node **node, struct locked_value *v, bool *fresh)
{
    struct keymap_node *n = keymap_add(&t->buffer.map, key);
    uint64_t            hash;

    *node = n;
    *fresh = false;
    *v = (struct locked_value){0};
    if (node_lock(t, n) >= strength)
        return STATUS_OK;
    if (txn_is_private(t, key)) {
        txn_node_note(n, LOCK_UPDATE, false);
        return STATUS_OK;
    }
    hash = key_hash(key);
    TRY_RETURN(txn_take_lock(t, key, hash, strength, LOCK_WAIT, NULL));
    TRY_RETURN(txn_read_locked(t, key, hash, a, v));
    txn_node_note(n, strength, v->any);
    *fresh = true;
    return STATUS_OK;
}

static status write(struct txn *t, struct keymap_node *n, bool tombstone, slice value)
{
    uint32_t keep_seq = t->savepoint != NULL ? t->savepoint->seq : 0;

    if (!list_empty(&t->cursors))
        keep_seq = UINT32_MAX;
    buffer_write(&t->buffer, n, t->seq, keep_seq, tombstone, value);
    t->wrote_in_step = true;
    return txn_charge(t);
}

static status write_blindly(struct txn *t, slice key, enum lock_strength strength, bool tombstone,
                            slice value)
{
    struct keymap_node *n;
    struct locked_value v;
    bool                fresh;

    TRY_RETURN(txn_check_write(t, key, value));
    TRY_RETURN(lock_node(t, key, strength, NULL, &n, &v, &fresh));
    if (fresh && n->value.ptr == NULL)
        TRY_RETURN(check_first_committer(t, &v));
    return write(t, n, tombstone, value);
}

status txn_put(struct txn *t, slice key, slice value)
{
    return write_blindly(t, key, LOCK_NO_KEY_UPDATE, false, value);
}

status txn_delete(struct txn *t, slice key)
{
    return write_blindly(t, key, LOCK_UPDATE, true, SLICE_EMPTY);
}

/* That the key has a value, or none, is known to the caller now: a read (T5, T14). While the lock
 * is held nobody can change it, so an absence that turns into an insert needs no more than the
 * write itself; the others must stay true up to the commit timestamp and for those who come after.
 */
static status note_insert_read(struct txn *t, slice key, const struct locked_value *v)
{
    TRY_RETURN(txn_ensure_read_ts(t));
    if (v->found && v->ts > t->read_ts && t->isolation == TXN_SERIALIZABLE)
        TRY_RETURN(txn_advance(t, 0));
    if (v->found || t->savepoint != NULL) {
        range_note_read(t->system->range, key_hash(key), t->read_ts, t->id);
        if (v->ts <= t->read_ts)
            txn_note_point(t, key);
    }
    return STATUS_OK;
}

static void give_existing(const struct revision *r, uint32_t seq, struct arena *a,
                          struct txn_existing *out)
{
    out->exists = !r->tombstone;
    out->own_command = out->exists && r->seq == seq;
    if (out->exists && a != NULL)
        out->value = arena_copy(a, revision_value(r));
}

status txn_insert(struct txn *t, slice key, slice value, struct arena *a, struct txn_existing *out)
{
    struct keymap_node *n;
    struct locked_value v;
    bool                fresh;

    *out = (struct txn_existing){0};
    TRY_RETURN(txn_check_write(t, key, value));
    TRY_RETURN(lock_node(t, key, LOCK_UPDATE, a, &n, &v, &fresh));
    if (n->value.ptr != NULL) {
        give_existing(n->value.ptr, t->seq, a, out);
    } else if (!txn_is_private(t, key) && !buffer_range_deleted(&t->buffer, key, UINT32_MAX)) {
        if (!fresh)
            TRY_RETURN(txn_read_locked(t, key, key_hash(key), a, &v));
        out->exists = v.found;
        out->value = v.value;
        out->newer =
            v.found && t->isolation == TXN_SNAPSHOT && t->read_ts != 0 && v.ts > t->read_ts;
        TRY_RETURN(note_insert_read(t, key, &v));
    }
    return out->exists ? STATUS_OK : write(t, n, false, value);
}

status txn_delete_range(struct txn *t, slice start, slice end)
{
    TRY_RETURN(txn_check(t));
    if (t->read_only)
        return status_new(ST_READ_ONLY_TRANSACTION, "cannot write in a read-only transaction");
    buffer_delete_range(&t->buffer, start, end, t->seq,
                        list_empty(&t->cursors) && t->savepoint == NULL ? 0 : UINT32_MAX);
    t->wrote_in_step = true;
    return txn_charge(t);
}
