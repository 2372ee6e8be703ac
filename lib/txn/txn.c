/* Begin, statements, savepoints, hooks, end. */
#include "txn/txn.h"

#include "base/assert.h"
#include "txn/txn_internal.h"

enum {
    POOL_MAX = 256,
    POOL_ARENA_MAX = 256 << 10, /* an arena that grew beyond this is not kept */
    RELEASE_BATCH = 4096,       /* locks released between two yields */
};

/* ---- system -------------------------------------------------------------------------------------
 */

static hlc_ts oldest_read(void *ctx)
{
    const struct txn_system *s = ctx;
    hlc_ts                   oldest = HLC_TS_MAX;

    LIST_FOR_EACH (it, &s->active) {
        const struct txn *t = CONTAINER_OF(it, struct txn, link);

        if (t->read_ts != 0)
            oldest = MIN(oldest, t->read_ts);
        LIST_FOR_EACH (at, &t->cursors) {
            const struct txn_cursor *c = CONTAINER_OF(at, struct txn_cursor, link);

            if (c->ts != 0)
                oldest = MIN(oldest, c->ts);
        }
    }
    return oldest;
}

status txn_system_new(struct env *env, struct hlc *clock, struct range *range,
                      struct txn_system **out)
{
    struct txn_system *s = heap_zalloc(env_heap(env), sizeof *s);
    status             st;

    if (s == NULL)
        return STATUS_OOM;
    s->env = env;
    s->clock = clock;
    s->range = range;
    list_init(&s->active);
    list_init(&s->pool);
    list_init(&s->cursors);
    st = range_gc_start(range, oldest_read, s);
    if (!st_ok(st)) {
        heap_free(s);
        return st;
    }
    *out = s;
    return STATUS_OK;
}

static void txn_destroy(struct txn *t)
{
    engine_batch_deinit(&t->batch);
    readset_deinit(&t->reads);
    arena_free(t->arena);
    heap_free(t);
}

void txn_system_free(struct txn_system *s)
{
    struct list *link;

    if (s == NULL)
        return;
    ASSERT(list_empty(&s->active));
    range_gc_stop(s->range);
    while ((link = list_pop_front(&s->pool)) != NULL)
        txn_destroy(CONTAINER_OF(link, struct txn, link));
    while ((link = list_pop_front(&s->cursors)) != NULL)
        txn_cursor_free(CONTAINER_OF(link, struct txn_cursor, link));
    heap_free(s);
}

void txn_system_stats(const struct txn_system *s, struct txn_stats *out)
{
    *out = s->stats;
}

struct lock_info *txn_system_locks(const struct txn_system *s, struct arena *a, size_t *count)
{
    return lock_table_list(range_locks(s->range), a, count);
}

status txn_system_span_size(struct txn_system *s, slice start, slice end, uint64_t *size)
{
    return range_span_size(s->range, start, end, size);
}

void txn_system_set_uncertainty(struct txn_system *s, bool on)
{
    s->uncertainty = on;
}

status txn_system_increment(struct txn_system *s, slice key, int64_t delta, int64_t *out)
{
    return range_increment(s->range, key, delta, false, out);
}

status txn_system_counter_set(struct txn_system *s, slice key, int64_t value)
{
    int64_t stored;

    return range_increment(s->range, key, value, true, &stored);
}

status txn_system_counter_get(struct txn_system *s, slice key, int64_t *value, bool *found)
{
    return range_counter_get(s->range, key, value, found);
}

/* ---- begin --------------------------------------------------------------------------------------
 */

static struct txn *txn_new(struct txn_system *s)
{
    struct heap *heap = env_heap(s->env);
    struct list *link = list_pop_front(&s->pool);
    struct txn  *t;

    if (link != NULL) {
        s->pool_count--;
        return CONTAINER_OF(link, struct txn, link);
    }
    t = heap_zalloc(heap, sizeof *t);
    if (t == NULL)
        return NULL;
    t->arena = arena_new(heap, NULL);
    readset_init(&t->reads, heap);
    engine_batch_init(&t->batch, heap);
    return t;
}

/* Everything but the memory that is kept. */
static void txn_reset(struct txn *t)
{
    struct arena       *arena = t->arena;
    struct readset      reads = t->reads;
    struct engine_batch batch = t->batch;

    *t = (struct txn){.arena = arena, .reads = reads, .batch = batch};
    list_init(&t->link);
    list_init(&t->cursors);
    buffer_init(&t->buffer, arena);
}

status txn_begin(struct txn_system *s, const struct txn_options *options, struct txn **out)
{
    static const struct txn_options defaults = {0};
    struct txn                     *t = txn_new(s);

    if (t == NULL)
        return STATUS_OOM;
    if (options == NULL)
        options = &defaults;
    txn_reset(t);
    t->system = s;
    t->id = ++s->id_last;
    t->isolation = options->isolation;
    t->read_only = options->read_only || options->as_of != 0;
    t->as_of = options->as_of != 0;
    t->read_ts = t->limit_ts = options->as_of;
    t->lock_timeout_us = options->lock_timeout_us;
    t->account = options->account;
    t->owner.id = t->id;
    t->owner.process_id = options->process_id;
    t->seq = 1;
    list_push_back(&s->active, &t->link);
    s->stats.begun++;
    s->stats.active++;
    *out = t;
    return STATUS_OK;
}

static status too_late(const char *what)
{
    return status_new(ST_ACTIVE_TRANSACTION, "%s must be called before any query", what);
}

status txn_set_isolation(struct txn *t, enum txn_isolation isolation)
{
    if (isolation != t->isolation && (t->has_read || txn_has_writes(t)))
        return too_late("SET TRANSACTION ISOLATION LEVEL");
    t->isolation = isolation;
    return STATUS_OK;
}

status txn_set_read_only(struct txn *t, bool read_only)
{
    if (t->as_of && !read_only)
        return status_new(ST_ACTIVE_TRANSACTION,
                          "cannot set transaction read-write mode in a historical transaction");
    if (t->read_only && !read_only && (t->has_read || txn_has_writes(t)))
        return status_new(ST_ACTIVE_TRANSACTION,
                          "transaction read-write mode must be set before any query");
    t->read_only = read_only;
    return STATUS_OK;
}

void txn_set_lock_timeout(struct txn *t, uint64_t timeout_us)
{
    t->lock_timeout_us = timeout_us;
}

enum txn_isolation txn_isolation(const struct txn *t)
{
    return t->isolation;
}

bool txn_is_read_only(const struct txn *t)
{
    return t->read_only;
}

uint64_t txn_id(const struct txn *t)
{
    return t->id;
}

hlc_ts txn_commit_ts(const struct txn *t)
{
    return t->commit_ts;
}

bool txn_has_writes(const struct txn *t)
{
    return !buffer_is_empty(&t->buffer);
}

status txn_ensure_read_ts(struct txn *t)
{
    if (t->read_ts != 0)
        return STATUS_OK;
    TRY_RETURN(hlc_now(t->system->clock, &t->read_ts));
    t->limit_ts =
        t->system->uncertainty ? hlc_uncertainty_limit(t->system->clock, t->read_ts) : t->read_ts;
    return STATUS_OK;
}

hlc_ts txn_read_ts(struct txn *t)
{
    status st = txn_ensure_read_ts(t);

    if (!st_ok(st)) {
        /* A stopped clock: what was given out last is as good for looking at. */
        st_clear(st);
        t->read_ts = t->limit_ts = hlc_last(t->system->clock);
    }
    return t->read_ts;
}

static void next_command(struct txn *t)
{
    /* Numbers are spent on writes only, so that 32 bits last. */
    if (t->wrote_in_step)
        t->seq++;
    t->wrote_in_step = false;
}

void txn_step(struct txn *t)
{
    next_command(t);
    if (t->isolation == TXN_READ_COMMITTED && !t->as_of) {
        t->read_ts = 0;
        t->snapshot_used = false;
    }
}

void txn_step_within_statement(struct txn *t)
{
    next_command(t);
}

/* ---- checks -------------------------------------------------------------------------------------
 */

status txn_check(const struct txn *t)
{
    if (LIKELY(t->state == TXN_ACTIVE))
        return STATUS_OK;
    ASSERT(t->state == TXN_DOOMED); /* using an ended transaction is the caller's mistake */
    return status_new(ST_IN_FAILED_TRANSACTION, "current transaction is aborted, commands ignored "
                                                "until end of transaction block");
}

status txn_check_write(struct txn *t, slice key, slice value)
{
    TRY_RETURN(txn_check(t));
    if (t->read_only)
        return status_new(ST_READ_ONLY_TRANSACTION, "cannot write in a read-only transaction");
    if (key.size == 0 || key.size > TXN_KEY_SIZE_MAX)
        return status_new(ST_LIMIT_EXCEEDED, "key size %zu exceeds maximum %d", key.size,
                          TXN_KEY_SIZE_MAX);
    if (value.size > TXN_VALUE_SIZE_MAX)
        return status_new(ST_LIMIT_EXCEEDED, "row size %zu exceeds maximum %d", value.size,
                          TXN_VALUE_SIZE_MAX);
    return STATUS_OK;
}

status txn_fail(struct txn *t, status st)
{
    enum status_code code = status_code(st);

    if (code != ST_SERIALIZATION && code != ST_DEADLOCK)
        return st;
    if (code == ST_DEADLOCK)
        t->system->stats.deadlocks++;
    else
        t->system->stats.serialization++;
    if (t->state == TXN_ACTIVE) {
        t->state = TXN_DOOMED;
        while (lock_release_some(range_locks(t->system->range), &t->owner, SIZE_MAX))
            ;
    }
    return st;
}

status txn_charge(struct txn *t)
{
    size_t size;

    if (t->account == NULL)
        return STATUS_OK;
    size = arena_size(t->arena);
    if (size > t->charged) {
        mem_account_charge(t->account, size - t->charged);
        t->charged = size;
    }
    return mem_account_check(t->account);
}

/* ---- savepoints ---------------------------------------------------------------------------------
 */

status txn_savepoint(struct txn *t, txn_savepoint_id *out)
{
    struct savepoint *s;

    TRY_RETURN(txn_check(t));
    next_command(t);
    s = ARENA_NEW(t->arena, struct savepoint);
    *s = (struct savepoint){
        .outer = t->savepoint,
        .id = ++t->savepoint_id_last,
        .seq = t->seq,
        .mark = buffer_mark(&t->buffer),
    };
    t->savepoint = s;
    *out = s->id;
    return txn_charge(t);
}

static struct savepoint *find_savepoint(const struct txn *t, txn_savepoint_id id)
{
    struct savepoint *s = t->savepoint;

    while (s != NULL && s->id != id)
        s = s->outer;
    return s;
}

static void run_hooks(struct txn *t, enum txn_event event, txn_savepoint_id savepoint)
{
    if (event == TXN_EVENT_COMMITTED) {
        for (struct hook *h = t->hook_first; h != NULL; h = h->later)
            h->fn(h->arg, event, savepoint);
        return;
    }
    for (struct hook *h = t->hook_last; h != NULL; h = h->earlier)
        h->fn(h->arg, event, savepoint);
}

status txn_rollback_to(struct txn *t, txn_savepoint_id savepoint)
{
    struct savepoint *s = find_savepoint(t, savepoint);

    TRY_RETURN(txn_check(t));
    if (s == NULL)
        return status_new(ST_INVALID_SAVEPOINT, "savepoint does not exist");
    buffer_undo(&t->buffer, s->mark);
    t->savepoint = s;
    run_hooks(t, TXN_EVENT_ROLLED_BACK_TO, savepoint);
    txn_step(t);
    return STATUS_OK;
}

status txn_release(struct txn *t, txn_savepoint_id savepoint)
{
    struct savepoint *s = find_savepoint(t, savepoint);

    TRY_RETURN(txn_check(t));
    if (s == NULL)
        return status_new(ST_INVALID_SAVEPOINT, "savepoint does not exist");
    t->savepoint = s->outer;
    return STATUS_OK;
}

/* ---- private spans and hooks --------------------------------------------------------------------
 */

status txn_mark_private(struct txn *t, slice start, slice end)
{
    struct private_span *p;

    TRY_RETURN(txn_check(t));
    p = ARENA_NEW(t->arena, struct private_span);
    p->start = arena_copy(t->arena, start);
    p->end = end.size > 0 ? arena_copy(t->arena, end) : SLICE_EMPTY;
    p->next = t->privates;
    t->privates = p;
    return txn_charge(t);
}

bool txn_is_private(const struct txn *t, slice key)
{
    for (const struct private_span *p = t->privates; p != NULL; p = p->next) {
        if (slice_cmp(key, p->start) >= 0 && (p->end.size == 0 || slice_cmp(key, p->end) < 0))
            return true;
    }
    return false;
}

status txn_add_hook(struct txn *t, txn_hook_fn *fn, void *arg)
{
    struct hook *h;

    TRY_RETURN(txn_check(t));
    h = ARENA_NEW(t->arena, struct hook);
    *h = (struct hook){.earlier = t->hook_last, .fn = fn, .arg = arg};
    if (t->hook_last != NULL)
        t->hook_last->later = h;
    else
        t->hook_first = h;
    t->hook_last = h;
    return STATUS_OK;
}

/* ---- end ----------------------------------------------------------------------------------------
 */

void txn_release_locks(struct txn *t)
{
    struct lock_table *locks = range_locks(t->system->range);

    while (lock_release_some(locks, &t->owner, RELEASE_BATCH))
        env_yield(t->system->env);
    lock_owner_forget_lost(&t->owner);
}

static void txn_end(struct txn *t, enum txn_event event)
{
    ASSERT(list_empty(&t->cursors));
    ASSERT(t->state != TXN_ENDED);
    t->state = TXN_ENDED;
    run_hooks(t, event, 0);
    txn_release_locks(t);
    list_remove(&t->link);
    t->system->stats.active--;
    if (event == TXN_EVENT_COMMITTED)
        t->system->stats.committed++;
    else
        t->system->stats.rolled_back++;
}

void txn_rollback(struct txn *t)
{
    if (t->state == TXN_ACTIVE || t->state == TXN_DOOMED)
        txn_end(t, TXN_EVENT_ROLLED_BACK);
}

enum { LATCH_POINTS_MAX = 1024 }; /* larger write sets latch spans */

static status encode(void *arg, hlc_ts ts, struct engine_batch *out)
{
    struct txn *t = arg;

    return buffer_encode(&t->buffer, t->system->env, ts, out);
}

static status commit_writes(struct txn *t)
{
    struct txn_stats   *stats = &t->system->stats;
    struct range_commit c = {
        .txn_id = t->id,
        .ts = t->read_ts == 0 ? 0 : MAX(t->read_ts, t->floor_ts),
        .read_ts = t->read_ts,
        .lost = t->owner.lost,
        .check_versions = t->owner.lost != NULL,
        .encode = encode,
        .encode_arg = t,
        .batch = &t->batch,
    };
    status st;

    if (t->isolation == TXN_SERIALIZABLE) {
        c.reads = t->reads.spans;
        c.read_count = t->reads.count;
    }
    if (t->owner.lost != NULL) {
        /* Prove that the locks kept out whom they should have, up to now (T10). At every level: who
         * has taken them since relies on having kept this transaction out. */
        c.owner = &t->owner;
        c.ts = 0;
    }
    buffer_latch(&t->buffer, t->arena, LATCH_POINTS_MAX, &c.latch);
    engine_batch_reset(&t->batch);
    st = range_commit(t->system->range, &c);
    stats->commit_pushes += c.pushed;
    stats->refreshes += c.refreshed && st_ok(st);
    stats->refresh_failures += c.refreshed && !st_ok(st);
    if (st_ok(st))
        t->commit_ts = c.ts;
    return st;
}

status txn_commit(struct txn *t)
{
    status st = txn_check(t);

    ASSERT(t->state != TXN_ENDED && t->state != TXN_COMMITTING);
    if (st_ok(st) && txn_has_writes(t)) {
        t->state = TXN_COMMITTING;
        st = txn_fail(t, commit_writes(t));
    }
    txn_end(t, st_ok(st) ? TXN_EVENT_COMMITTED : TXN_EVENT_ROLLED_BACK);
    return st;
}

void txn_free(struct txn *t)
{
    struct txn_system *s;

    if (t == NULL)
        return;
    s = t->system;
    txn_rollback(t);
    ASSERT(t->state == TXN_ENDED);
    if (t->charged > 0)
        mem_account_release(t->account, t->charged);
    if (s->pool_count >= POOL_MAX || arena_size(t->arena) > POOL_ARENA_MAX ||
        t->batch.ops.capacity > POOL_ARENA_MAX) {
        txn_destroy(t);
        return;
    }
    arena_reset(t->arena);
    readset_reset(&t->reads);
    engine_batch_reset(&t->batch);
    list_push_front(&s->pool, &t->link);
    s->pool_count++;
}
