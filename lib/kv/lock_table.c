/* The table is chained by hash; a lock exists while it has holders. Its first holder is kept
 * inline, since most locks have one. Owners chain their holds to release them at the end. */
#include "kv/lock_table.h"

#include "base/assert.h"
#include "base/sort.h"
#include "kv/lock_internal.h"

enum { BUCKETS_MIN = 256 };

struct lock_table *lock_table_new(struct env *env)
{
    struct lock_table *t = heap_must_alloc(env_heap(env), 1, sizeof *t);

    t->env = env;
    t->bucket_count = BUCKETS_MIN;
    t->buckets = heap_must_alloc(env_heap(env), t->bucket_count, sizeof *t->buckets);
    return t;
}

void lock_table_free(struct lock_table *t)
{
    if (t == NULL)
        return;
    ASSERT(t->count == 0);
    heap_free(t->buckets);
    heap_free(t);
}

size_t lock_table_count(const struct lock_table *t)
{
    return t->count;
}

size_t lock_table_waiter_count(const struct lock_table *t)
{
    return t->waiter_count;
}

static int compare_infos(const void *x, const void *y, void *ctx)
{
    const struct lock_info *a = x, *b = y;
    int                     c = slice_cmp(a->key, b->key);

    (void)ctx;
    return c != 0 ? c : (a->owner_id > b->owner_id) - (a->owner_id < b->owner_id);
}

static struct lock_info info_of(slice key, const struct lock_owner *o, enum lock_strength strength,
                                bool granted)
{
    return (struct lock_info){.key = key,
                              .owner_id = o->id,
                              .process_id = o->process_id,
                              .strength = strength,
                              .granted = granted};
}

static size_t holder_count(const struct lock *l)
{
    size_t n = 0;

    for (const struct lock_hold *h = l->holders; h != NULL; h = h->lock_next)
        n++;
    return n;
}

struct lock_info *lock_table_list(const struct lock_table *t, struct arena *a, size_t *count)
{
    size_t            n = t->waiter_count;
    struct lock_info *infos;

    for (size_t i = 0; i < t->bucket_count; i++)
        for (const struct lock *l = t->buckets[i]; l != NULL; l = l->bucket_next)
            n += holder_count(l);
    infos = ARENA_ARRAY(a, struct lock_info, n + 1);
    *count = 0;
    for (size_t i = 0; i < t->bucket_count; i++)
        for (const struct lock *l = t->buckets[i]; l != NULL; l = l->bucket_next) {
            slice key = arena_copy(a, lock_key(l));

            for (const struct lock_hold *h = l->holders; h != NULL; h = h->lock_next)
                infos[(*count)++] = info_of(key, h->owner, h->strength, true);
            for (const struct lock_waiter *w = l->waiters; w != NULL; w = w->next)
                infos[(*count)++] = info_of(key, w->owner, w->strength, false);
        }
    ASSERT(*count <= n);
    sort_stable(env_heap(t->env), infos, *count, sizeof *infos, compare_infos, NULL);
    return infos;
}

static struct lock **bucket_of(const struct lock_table *t, uint64_t hash)
{
    /* The low bits pick the timestamp cache's slot; here the high ones serve as well. */
    return &t->buckets[(hash >> 20) & (t->bucket_count - 1)];
}

static struct lock *lock_find(const struct lock_table *t, slice key, uint64_t hash)
{
    for (struct lock *l = *bucket_of(t, hash); l != NULL; l = l->bucket_next) {
        if (l->hash == hash && slice_eq(lock_key(l), key))
            return l;
    }
    return NULL;
}

/* Double the buckets once every other one holds a lock on average: most lookups are for keys that
 * have none, and each lock met on the way is a cache miss. Without memory it stays as it is. */
static void grow(struct lock_table *t)
{
    size_t        old_count = t->bucket_count;
    struct lock **old = t->buckets;
    struct lock **buckets;

    if (t->count < old_count / 2)
        return;
    buckets = heap_zalloc(env_heap(t->env), 2 * old_count * sizeof *buckets);
    if (buckets == NULL)
        return;
    t->buckets = buckets;
    t->bucket_count = 2 * old_count;
    for (size_t i = 0; i < old_count; i++) {
        for (struct lock *l = old[i], *next; l != NULL; l = next) {
            struct lock **bucket = bucket_of(t, l->hash);

            next = l->bucket_next;
            l->bucket_next = *bucket;
            *bucket = l;
        }
    }
    heap_free(old);
}

static struct lock *lock_add(struct lock_table *t, slice key, uint64_t hash)
{
    struct lock  *l = heap_alloc(env_heap(t->env), sizeof *l + key.size);
    struct lock **bucket;

    if (l == NULL)
        return NULL;
    grow(t);
    bucket = bucket_of(t, hash);
    *l = (struct lock){.hash = hash, .key_size = (uint32_t)key.size, .bucket_next = *bucket};
    if (key.size > 0)
        memcpy(l->key, key.data, key.size);
    *bucket = l;
    t->count++;
    return l;
}

static void lock_remove(struct lock_table *t, struct lock *l)
{
    struct lock **at = bucket_of(t, l->hash);

    ASSERT(l->holders == NULL && l->waiters == NULL);
    while (*at != l)
        at = &(*at)->bucket_next;
    *at = l->bucket_next;
    heap_free(l);
    t->count--;
}

static struct lock_hold *hold_of(const struct lock *l, const struct lock_owner *o)
{
    for (struct lock_hold *h = l->holders; h != NULL; h = h->lock_next) {
        if (h->owner == o)
            return h;
    }
    return NULL;
}

enum lock_strength lock_held(const struct lock_table *t, const struct lock_owner *o, slice key,
                             uint64_t hash)
{
    const struct lock      *l = o->hold_count > 0 ? lock_find(t, key, hash) : NULL;
    const struct lock_hold *h = l != NULL ? hold_of(l, o) : NULL;

    return h != NULL ? h->strength : LOCK_NONE;
}

bool lock_conflicts_with_holders(const struct lock *l, const struct lock_owner *o,
                                 enum lock_strength strength)
{
    for (const struct lock_hold *h = l->holders; h != NULL; h = h->lock_next) {
        if (h->owner != o && lock_conflicts(h->strength, strength))
            return true;
    }
    return false;
}

bool lock_is_held_against(const struct lock_table *t, const struct lock_owner *o, slice key,
                          uint64_t hash, enum lock_strength strength)
{
    const struct lock *l = lock_find(t, key, hash);

    return l != NULL && lock_conflicts_with_holders(l, o, strength);
}

static bool conflicts_with_waiters(const struct lock *l, enum lock_strength strength)
{
    for (const struct lock_waiter *w = l->waiters; w != NULL; w = w->next) {
        if (lock_conflicts(w->strength, strength))
            return true;
    }
    return false;
}

/* Give `strength` to `o`: raise its hold or make one. NULL: no memory. */
static struct lock_hold *grant(struct lock_table *t, struct lock *l, struct lock_owner *o,
                               enum lock_strength strength)
{
    struct lock_hold *h = hold_of(l, o);

    if (h == NULL) {
        h = l->first.owner == NULL ? &l->first : heap_alloc(env_heap(t->env), sizeof *h);
        if (h == NULL)
            return NULL;
        *h = (struct lock_hold){
            .lock = l, .owner = o, .lock_next = l->holders, .owner_next = o->holds};
        l->holders = h;
        o->holds = h;
        o->hold_count++;
    }
    h->strength = MAX(h->strength, strength);
    return h;
}

void lock_note_seen(struct lock_table *t, struct lock_owner *o, slice key, uint64_t hash,
                    hlc_ts seen_ts)
{
    struct lock      *l = lock_find(t, key, hash);
    struct lock_hold *h = l != NULL ? hold_of(l, o) : NULL;

    if (h != NULL)
        h->seen_ts = seen_ts;
}

/* ---- waiting ------------------------------------------------------------------------------------
 */

static void waiter_insert(struct lock_table *t, struct lock *l, struct lock_waiter *w)
{
    struct lock_waiter **at = &l->waiters;

    /* Who holds the key already blocks the others anyway: let it through first, behind others that
     * do, as PostgreSQL does. */
    while (*at != NULL && (!w->upgrade || (*at)->upgrade))
        at = &(*at)->next;
    w->next = *at;
    *at = w;
    w->lock = l;
    w->owner->waiting = w;
    t->waiter_count++;
}

static void waiter_remove(struct lock_table *t, struct lock_waiter *w)
{
    struct lock_waiter **at = &w->lock->waiters;

    while (*at != w)
        at = &(*at)->next;
    *at = w->next;
    w->owner->waiting = NULL;
    t->waiter_count--;
}

/* Serve the waiters that nothing blocks any more, in order; drop the lock when nobody is left. */
static void serve(struct lock_table *t, struct lock *l)
{
    unsigned blocked = 0; /* strengths of those that still wait in front */

    for (struct lock_waiter *w = l->waiters, *next; w != NULL; w = next) {
        bool wait = lock_conflicts_with_holders(l, w->owner, w->strength);

        next = w->next;
        for (int s = LOCK_KEY_SHARE; s < LOCK_STRENGTH_COUNT; s++)
            wait |= (blocked & BIT(s)) != 0 && lock_conflicts((enum lock_strength)s, w->strength);
        if (wait) {
            blocked |= BIT(w->strength);
            continue;
        }
        waiter_remove(t, w);
        w->hold = grant(t, l, w->owner, w->strength);
        w->done = true;
        env_signal(t->env, &w->cond);
    }
    if (l->holders == NULL && l->waiters == NULL)
        lock_remove(t, l);
}

static status not_available(void)
{
    return status_new(ST_LOCK_NOT_AVAILABLE, "could not obtain lock on row");
}

static status wait_result(struct lock_table *t, struct lock_waiter *w, status st)
{
    if (w->done) {
        st_clear(st);
        if (w->dropped)
            return STATUS_OK;
        return w->hold != NULL ? STATUS_OK : STATUS_OOM;
    }
    struct lock *l = w->lock;

    waiter_remove(t, w);
    serve(t, l); /* those behind may have waited for this request alone */
    if (status_code(st) != ST_TIMED_OUT)
        return st;
    st_clear(st);
    return status_new(ST_LOCK_NOT_AVAILABLE, "canceling statement due to lock timeout");
}

static status wait_for(struct lock_table *t, struct lock *l, struct lock_waiter *w,
                       uint64_t timeout_us)
{
    uint64_t deadline_us = timeout_us != 0 ? env_deadline(t->env, timeout_us) : 0;
    status   st;

    env_cond_init(&w->cond);
    waiter_insert(t, l, w);
    st = lock_find_deadlock(t, w->owner);
    if (st_ok(st)) {
        do {
            st = env_wait(t->env, &w->cond, deadline_us);
        } while (st_ok(st) && !w->done);
    }
    st = wait_result(t, w, st);
    env_cond_deinit(&w->cond);
    return st;
}

/* One attempt; *again when the table was dropped while it waited. */
static status acquire(struct lock_table *t, struct lock_owner *o, slice key, uint64_t hash,
                      enum lock_strength strength, enum lock_wait wait, uint64_t timeout_us,
                      struct lock_hold **hold, bool *waited, bool *again)
{
    struct lock      *l = lock_find(t, key, hash);
    struct lock_hold *mine = l != NULL ? hold_of(l, o) : NULL;
    bool              must_wait = false;

    *again = false;
    if (mine != NULL && mine->strength >= strength) {
        *hold = mine;
        return STATUS_OK;
    }
    if (l == NULL)
        l = lock_add(t, key, hash);
    else
        must_wait = lock_conflicts_with_holders(l, o, strength) ||
                    (mine == NULL && conflicts_with_waiters(l, strength));
    if (l == NULL)
        return STATUS_OOM;
    if (!must_wait) {
        *hold = grant(t, l, o, strength);
        return *hold != NULL ? STATUS_OK : STATUS_OOM;
    }
    if (wait == LOCK_SKIP)
        return STATUS_OK;
    if (wait == LOCK_NOWAIT)
        return not_available();
    struct lock_waiter w = {.owner = o, .strength = strength, .upgrade = mine != NULL};

    *waited = true;
    TRY_RETURN(wait_for(t, l, &w, timeout_us));
    *hold = w.hold;
    *again = w.dropped;
    return STATUS_OK;
}

status lock_acquire(struct lock_table *t, struct lock_owner *o, slice key, uint64_t hash,
                    enum lock_strength strength, enum lock_wait wait, uint64_t timeout_us,
                    bool *granted, bool *waited)
{
    struct lock_hold *h = NULL;
    bool              did_wait = false, again;

    ASSERT(strength != LOCK_NONE);
    ASSERT(o->waiting == NULL);
    do {
        h = NULL;
        TRY_RETURN(acquire(t, o, key, hash, strength, wait, timeout_us, &h, &did_wait, &again));
    } while (again);
    if (granted != NULL)
        *granted = h != NULL;
    if (waited != NULL)
        *waited = did_wait;
    return STATUS_OK;
}

/* ---- release ------------------------------------------------------------------------------------
 */

static void hold_unlink(struct lock_hold *h)
{
    struct lock       *l = h->lock;
    struct lock_hold **at = &l->holders;

    while (*at != h)
        at = &(*at)->lock_next;
    *at = h->lock_next;
    if (h == &l->first)
        h->owner = NULL; /* the inline place is free again */
    else
        heap_free(h);
}

bool lock_release_some(struct lock_table *t, struct lock_owner *o, size_t max)
{
    for (; o->holds != NULL && max > 0; max--) {
        struct lock_hold *h = o->holds;
        struct lock      *l = h->lock;

        o->holds = h->owner_next;
        o->hold_count--;
        hold_unlink(h);
        serve(t, l);
    }
    return o->holds != NULL;
}

static void remember_lost(struct lock_table *t, struct lock_hold *h)
{
    struct lock      *l = h->lock;
    struct lost_lock *lost = heap_must_alloc(env_heap(t->env), 1, sizeof *lost + l->key_size);

    lost->seen_ts = h->seen_ts;
    lost->strength = h->strength;
    lost->key_size = l->key_size;
    memcpy(lost->key, l->key, l->key_size);
    lost->next = h->owner->lost;
    h->owner->lost = lost;
    h->owner->holds = NULL;
    h->owner->hold_count = 0;
}

void lock_owner_forget_lost(struct lock_owner *o)
{
    for (struct lost_lock *l = o->lost, *next; l != NULL; l = next) {
        next = l->next;
        heap_free(l);
    }
    o->lost = NULL;
}

static void drop_lock(struct lock_table *t, struct lock *l)
{
    while (l->waiters != NULL) {
        struct lock_waiter *w = l->waiters;

        waiter_remove(t, w);
        w->done = w->dropped = true;
        env_signal(t->env, &w->cond);
    }
    while (l->holders != NULL) {
        struct lock_hold *h = l->holders;

        remember_lost(t, h);
        hold_unlink(h);
    }
    lock_remove(t, l);
}

void lock_table_drop(struct lock_table *t)
{
    for (size_t i = 0; i < t->bucket_count; i++) {
        while (t->buckets[i] != NULL)
            drop_lock(t, t->buckets[i]);
    }
}

static void lock_check(const struct lock *l)
{
    ASSERT(l->holders != NULL);
    for (const struct lock_hold *h = l->holders; h != NULL; h = h->lock_next) {
        ASSERT(h->lock == l && h->strength != LOCK_NONE);
        ASSERT(!lock_conflicts_with_holders(l, h->owner, h->strength));
    }
    for (const struct lock_waiter *w = l->waiters; w != NULL; w = w->next)
        ASSERT(w->owner->waiting == w && w->lock == l);
    if (l->waiters != NULL)
        ASSERT(lock_conflicts_with_holders(l, l->waiters->owner, l->waiters->strength));
}

void lock_table_check(const struct lock_table *t)
{
    size_t count = 0;

    for (size_t i = 0; i < t->bucket_count; i++) {
        for (const struct lock *l = t->buckets[i]; l != NULL; l = l->bucket_next, count++)
            lock_check(l);
    }
    ASSERT(count == t->count);
}
