/* lib/kv/lock_internal.h: what lock_table.c and deadlock.c share. */
#ifndef LINERA_KV_LOCK_INTERNAL_H
#define LINERA_KV_LOCK_INTERNAL_H

#include "kv/lock_table.h"

struct lock;

struct lock_hold {
    struct lock       *lock;
    struct lock_owner *owner; /* NULL: the inline place of its lock, unused */
    struct lock_hold  *lock_next, *owner_next;
    hlc_ts             seen_ts;
    enum lock_strength strength;
};

/* Lives on the stack of the waiting fiber. */
struct lock_waiter {
    struct lock_waiter *next;
    struct lock        *lock;
    struct lock_owner  *owner;
    struct lock_hold   *hold; /* set when granted; NULL then means no memory */
    struct env_cond     cond;
    enum lock_strength  strength;
    bool                upgrade; /* holds the key already, more weakly */
    bool                done;    /* taken off the queue by another */
    bool                dropped; /* ... because the table was dropped */
};

struct lock {
    struct lock        *bucket_next;
    uint64_t            hash;
    struct lock_hold   *holders;
    struct lock_waiter *waiters; /* first come first */
    struct lock_hold    first;
    uint32_t            key_size;
    char                key[];
};

struct lock_table {
    struct env   *env;
    struct lock **buckets;
    size_t        bucket_count; /* a power of two */
    size_t        count, waiter_count;
    uint64_t      mark; /* of the latest search for a cycle */
};

static inline slice lock_key(const struct lock *l)
{
    return slice_make(l->key, l->key_size);
}

bool lock_conflicts_with_holders(const struct lock *l, const struct lock_owner *o,
                                 enum lock_strength strength);

/* DEADLOCK when `start`, which has just begun to wait, waits for itself by way of others. */
status lock_find_deadlock(struct lock_table *t, struct lock_owner *start) MUST_CHECK;

#endif
