/* lib/kv/lock_table.h: the row locks of one range: who holds them, who waits, who would wait
 * forever.
 *
 * In memory and not replicated: a lock keeps others waiting, it does not make a commit correct.
 * What it guards is validated at commit when locks were lost (pitfall T10). Waiters of a key are
 * served first come first served; who holds the key already and wants more goes to the front. A
 * deadlock is found when the wait that completes it begins, in a wait-for graph read from the table
 * itself, so that no edge can be stale (T11).
 *
 * Invariants, checked by lock_table_check():
 * 1. Two holders of one key do not conflict.
 * 2. The first waiter of a key conflicts with a holder; a key without holders has no waiters.
 * 3. An owner waits for one key at a time. */
#ifndef LINERA_KV_LOCK_TABLE_H
#define LINERA_KV_LOCK_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/slice.h"
#include "base/status.h"
#include "env/env.h"
#include "hlc/hlc.h"
#include "kv/lock.h"

struct lock_table;
struct lock_hold;
struct lock_waiter;

/* A lock that vanished with a dropped table. */
struct lost_lock {
    struct lost_lock  *next;
    hlc_ts             seen_ts;
    enum lock_strength strength;
    size_t             key_size;
    char               key[];
};

/* One transaction, as the table sees it. Zeroed and given its ids by the transaction. */
struct lock_owner {
    uint64_t            id;
    uint32_t            process_id; /* shown in reports; 0: the id is */
    struct lock_hold   *holds;      /* newest first */
    size_t              hold_count;
    struct lock_waiter *waiting; /* NULL when it does not */
    struct lost_lock   *lost;
    /* Breadth-first search for cycles. */
    uint64_t            mark;
    struct lock_owner  *found_by, *queue_next;
};

struct lock_table *lock_table_new(struct env *env);
/* No lock may be held. Accepts NULL. */
void               lock_table_free(struct lock_table *t);

/* Take `strength` on `key` for `o`; holding as much already is success. LOCK_SKIP and LOCK_NOWAIT
 * do not wait: the first gives OK with *granted false, the second LOCK_NOT_AVAILABLE. A wait ends
 * after `timeout_us` (0: never) with LOCK_NOT_AVAILABLE, by fiber_cancel() with CANCELLED, as the
 * victim of a deadlock with DEADLOCK. *granted and *waited may be NULL. */
status MAY_YIELD lock_acquire(struct lock_table *t, struct lock_owner *o, slice key, uint64_t hash,
                              enum lock_strength strength, enum lock_wait wait, uint64_t timeout_us,
                              bool *granted, bool *waited) MUST_CHECK;

/* Newest version of the key seen under the lock (0: none), for validation should the lock be lost.
 */
void lock_note_seen(struct lock_table *t, struct lock_owner *o, slice key, uint64_t hash,
                    hlc_ts seen_ts);

/* What `o` holds on the key; LOCK_NONE. */
enum lock_strength lock_held(const struct lock_table *t, const struct lock_owner *o, slice key,
                             uint64_t hash);

/* Whether somebody other than `o` holds a lock that conflicts with `strength`. */
bool lock_is_held_against(const struct lock_table *t, const struct lock_owner *o, slice key,
                          uint64_t hash, enum lock_strength strength);

/* Release at most `max` locks of `o`, handing them to waiters; true when there are more. */
bool lock_release_some(struct lock_table *t, struct lock_owner *o, size_t max);
/* Forget what `o` lost. */
void lock_owner_forget_lost(struct lock_owner *o);

/* Drop every lock, as a lease transfer or a memory limit may: each owner gets a list of what it
 * lost; waiters start over. */
void lock_table_drop(struct lock_table *t);

/* Every lock held and waited for, in order of key, then of owner; in `a`. */
struct lock_info {
    slice              key;
    uint64_t           owner_id;
    uint32_t           process_id;
    enum lock_strength strength;
    bool               granted;
};
struct lock_info *lock_table_list(const struct lock_table *t, struct arena *a, size_t *count);

size_t lock_table_count(const struct lock_table *t);
size_t lock_table_waiter_count(const struct lock_table *t);
void   lock_table_check(const struct lock_table *t);

#endif
