/* What the Raft logs of a store are, as the changes read or written so far have made them.
 *
 * The same function applies a batch after it was written and in recovery. Recovery begins at the
 * oldest segment that is still there, so it may see the end of a range's history only: what it has
 * after each batch is a part of what there was, and all of what still counted at the end is there
 * in the end. That is so because whatever makes an entry void comes behind the entry in the log. */
#include "base/assert.h"

#include "storage/raft_log_internal.h"

enum { STATE_SIZE = 48 }; /* about what hard state and truncation of a range take in the log */

void raft_log_init(struct raft_log *l, struct durable *d, struct heap *heap)
{
    *l = (struct raft_log){.d = d, .heap = heap};
    umap_init(&l->ranges, heap);
}

static void free_range(struct raft_range *r)
{
    heap_free(r->runs);
    heap_free(r);
}

void raft_log_deinit(struct raft_log *l)
{
    size_t   pos = 0;
    uint64_t id;
    void    *r;

    while (umap_next(&l->ranges, &pos, &id, &r))
        free_range(r);
    umap_deinit(&l->ranges);
    for (size_t i = l->cache_first; i < l->cache_end; i++)
        heap_free(l->cache[i].data);
    heap_free(l->cache);
}

/* ---- runs ------------------------------------------------------------------------------------
 */

struct raft_range *raft_range_of(const struct raft_log *l, uint64_t range_id)
{
    return umap_get(&l->ranges, range_id);
}

static struct raft_range *range_to_change(struct raft_log *l, uint64_t range_id)
{
    struct raft_range *r = raft_range_of(l, range_id);

    if (r == NULL) {
        r = heap_must_alloc(l->heap, 1, sizeof *r);
        *r = (struct raft_range){.id = range_id, .cut = ++l->cuts};
        umap_put(&l->ranges, range_id, r);
        l->stats.live_size += STATE_SIZE;
    }
    return r;
}

static bool has_runs(const struct raft_range *r)
{
    return r->run_first < r->run_end;
}

static uint64_t run_end(const struct raft_run *run)
{
    return run->index + run->count;
}

uint64_t raft_range_last(const struct raft_range *r)
{
    return has_runs(r) ? run_end(&r->runs[r->run_end - 1]) - 1 : r->truncated;
}

/* The position of the first run that ends behind `index`; run_end when there is none. */
static size_t position_of(const struct raft_range *r, uint64_t index)
{
    size_t low = r->run_first, high = r->run_end;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (run_end(&r->runs[middle]) <= index)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

struct raft_run *raft_range_run(const struct raft_range *r, uint64_t index)
{
    size_t at = position_of(r, index);

    return at < r->run_end && r->runs[at].index <= index ? &r->runs[at] : NULL;
}

/* Let the runs begin at the front of their array, or a longer one. */
static void make_room(struct raft_log *l, struct raft_range *r)
{
    size_t           count = r->run_end - r->run_first;
    struct raft_run *to = r->runs;

    if (count + count / 4 >= r->run_capacity) {
        r->run_capacity = count * 2 + 4;
        to = heap_must_alloc(l->heap, r->run_capacity, sizeof *to);
    }
    if (count > 0)
        memmove(to, r->runs + r->run_first, count * sizeof *to);
    if (to != r->runs)
        heap_free(r->runs);
    r->runs = to;
    r->run_first = 0;
    r->run_end = count;
}

static void insert_run(struct raft_log *l, struct raft_range *r, size_t at, struct raft_run run)
{
    size_t behind = r->run_end - at;

    if (r->run_end == r->run_capacity) {
        make_room(l, r);
        at = r->run_end - behind;
    }
    memmove(r->runs + at + 1, r->runs + at, behind * sizeof run);
    r->runs[at] = run;
    r->run_end++;
    l->stats.live_size += run.size;
}

static void remove_run(struct raft_log *l, struct raft_range *r, size_t at)
{
    l->stats.live_size -= r->runs[at].size;
    if (at == r->run_first) {
        r->run_first++;
        return;
    }
    r->run_end--;
    memmove(r->runs + at, r->runs + at + 1, (r->run_end - at) * sizeof *r->runs);
}

/* Let a run have `count` of its entries, from `index` on. */
static void shrink_run(struct raft_log *l, struct raft_run *run, uint64_t index, uint64_t count)
{
    uint32_t size = (uint32_t)((uint64_t)run->size * count / run->count);

    l->stats.live_size -= run->size - size;
    run->index = index;
    run->count = (uint32_t)count;
    run->size = size;
}

static void drop_from(struct raft_log *l, struct raft_range *r, uint64_t index)
{
    while (has_runs(r) && run_end(&r->runs[r->run_end - 1]) > index) {
        struct raft_run *run = &r->runs[r->run_end - 1];

        r->cut = ++l->cuts;
        if (run->index < index)
            shrink_run(l, run, run->index, index - run->index);
        else
            remove_run(l, r, r->run_end - 1);
    }
}

static void drop_through(struct raft_log *l, struct raft_range *r, uint64_t index)
{
    while (has_runs(r) && r->runs[r->run_first].index <= index) {
        struct raft_run *run = &r->runs[r->run_first];

        if (run_end(run) > index + 1)
            shrink_run(l, run, index + 1, run_end(run) - index - 1);
        else
            remove_run(l, r, r->run_first);
    }
}

/* Take one entry out of the run at `at`, which may become two. */
static void take_out(struct raft_log *l, struct raft_range *r, size_t at, uint64_t index)
{
    struct raft_run whole = r->runs[at], behind = whole;

    if (whole.index < index)
        shrink_run(l, &r->runs[at], whole.index, index - whole.index);
    else
        remove_run(l, r, at);
    behind.index = index + 1;
    behind.count = (uint32_t)(run_end(&whole) - behind.index);
    behind.size = (uint32_t)((uint64_t)whole.size * behind.count / whole.count);
    if (behind.count > 0)
        insert_run(l, r, position_of(r, behind.index), behind);
}

/* One entry in its place, as part of the run before it if it may be. */
static void put_entry(struct raft_log *l, struct raft_range *r, const struct raft_run *one)
{
    size_t at = position_of(r, one->index);

    if (at > r->run_first) {
        struct raft_run *before = &r->runs[at - 1];

        if (run_end(before) == one->index && before->sequence == one->sequence &&
            before->term == one->term && before->origin == one->origin &&
            before->count < UINT32_MAX && before->size <= UINT32_MAX - one->size) {
            before->count++;
            before->size += one->size;
            l->stats.live_size += one->size;
            return;
        }
    }
    insert_run(l, r, at, *one);
}

/* ---- changes ---------------------------------------------------------------------------------
 */

static void truncate_range(struct raft_range *r, const struct raft_op *op, uint64_t sequence)
{
    r->truncated = op->entry.index;
    r->truncated_term = op->entry.term;
    r->truncated_sequence = sequence;
}

static void remove_range(struct raft_log *l, uint64_t range_id)
{
    struct raft_range *r = umap_remove(&l->ranges, range_id);

    if (r == NULL)
        return;
    drop_from(l, r, 0);
    l->stats.live_size -= STATE_SIZE;
    free_range(r);
}

static status move_entry(struct raft_log *l, struct raft_range *r, const struct raft_run *one)
{
    size_t at = position_of(r, one->index);

    if (at < r->run_end && r->runs[at].index <= one->index) {
        if (r->runs[at].term != one->term)
            return status_new(ST_CORRUPT, "the log has two entries %llu of range %llu",
                              (unsigned long long)one->index, (unsigned long long)r->id);
        take_out(l, r, at, one->index);
    }
    put_entry(l, r, one);
    return STATUS_OK;
}

static status apply_op(struct raft_log *l, const struct raft_op *op, const struct raft_run *one)
{
    struct raft_range *r;

    if (op->kind == RAFT_START) {
        l->claim = MAX(l->claim, op->segment);
        return STATUS_OK;
    }
    if (op->kind == RAFT_REMOVE) {
        remove_range(l, op->range_id);
        return STATUS_OK;
    }
    r = range_to_change(l, op->range_id);
    switch (op->kind) {
    case RAFT_HARD_STATE:
        r->hard_state = op->hard_state;
        r->hard_state_sequence = one->sequence;
        break;
    case RAFT_TRUNCATE:
        drop_through(l, r, op->entry.index);
        truncate_range(r, op, one->sequence);
        break;
    case RAFT_RESET:
        drop_from(l, r, 0);
        truncate_range(r, op, one->sequence);
        break;
    case RAFT_ENTRY: /* what it makes void goes even if it is itself not needed (L5) */
        drop_from(l, r, op->entry.index);
        if (op->entry.index > r->truncated)
            put_entry(l, r, one);
        break;
    case RAFT_MOVED:
        return move_entry(l, r, one);
    case RAFT_REMOVE:
    case RAFT_START:
        break;
    }
    return STATUS_OK;
}

status raft_log_apply(struct raft_log *l, slice ops, struct log_place place)
{
    const char    *begin = ops.data;
    struct raft_op op;

    ASSERT(place.offset <= UINT32_MAX && ops.size <= UINT32_MAX);
    l->is_used = true;
    for (const char *at = begin; raft_op_take(&ops, &op); at = ops.data) {
        struct raft_run one = {.index = op.entry.index,
                               .term = op.entry.term,
                               .origin = op.kind == RAFT_MOVED ? op.origin : place.sequence,
                               .sequence = place.sequence,
                               .offset = (uint32_t)place.offset,
                               .op = (uint32_t)(at - begin),
                               .count = 1,
                               .size = (uint32_t)(ops.data - at)};

        TRY_RETURN(apply_op(l, &op, &one));
    }
    return ops.size == 0 ? STATUS_OK : status_new(ST_CORRUPT, "a change to a log is malformed");
}

/* ---- checks ----------------------------------------------------------------------------------
 */

/* What a range's log will be when the changes of a batch so far are applied. */
struct outlook {
    uint64_t range_id, truncated, last, last_term;
    bool     has_own; /* the last entry comes from the batch */
};

static struct outlook look_at(const struct raft_log *l, uint64_t range_id)
{
    const struct raft_range *r = raft_range_of(l, range_id);
    struct outlook           o = {.range_id = range_id};

    if (r != NULL) {
        o.truncated = r->truncated;
        o.last = raft_range_last(r);
        o.last_term = has_runs(r) ? r->runs[r->run_end - 1].term : r->truncated_term;
    }
    return o;
}

static status wrong(const struct raft_op *op, const char *why)
{
    return status_new(ST_WRONG_STATE, "cannot write entry %llu of range %llu: %s",
                      (unsigned long long)op->entry.index, (unsigned long long)op->range_id, why);
}

static status foresee_entry(const struct raft_log *l, struct outlook *o, const struct raft_op *op)
{
    uint64_t before = o->last_term;

    if (op->entry.index <= o->truncated)
        return wrong(op, "it was compacted");
    if (op->entry.index > o->last + 1)
        return wrong(op, "the one before it is missing");
    if (op->entry.index <= o->last &&
        (o->has_own || !raft_log_term(l, op->range_id, op->entry.index - 1, &before)))
        before = 0;
    if (op->entry.term < before)
        return wrong(op, "its term is below that of the one before");
    o->last = op->entry.index;
    o->last_term = op->entry.term;
    o->has_own = true;
    return STATUS_OK;
}

status raft_log_check_batch(const struct raft_log *l, slice ops)
{
    struct outlook o = {0};
    struct raft_op op;
    bool           has_outlook = false;

    while (raft_op_take(&ops, &op)) {
        if (!has_outlook || o.range_id != op.range_id)
            o = look_at(l, op.range_id);
        has_outlook = true;
        if (op.kind == RAFT_ENTRY) {
            TRY_RETURN(foresee_entry(l, &o, &op));
        } else if (op.kind == RAFT_REMOVE) {
            o = (struct outlook){.range_id = op.range_id};
        } else if (op.kind == RAFT_RESET) {
            if (op.entry.index > raft_log_flushed(l, op.range_id))
                return wrong(&op, "the engine does not hold what came before it");
            o = (struct outlook){.range_id = op.range_id,
                                 .truncated = op.entry.index,
                                 .last = op.entry.index,
                                 .last_term = op.entry.term};
        }
    }
    ASSERT(ops.size == 0);
    return STATUS_OK;
}

/* NULL, or what is wrong. An engine that knows nothing of the range has given it up, and its log is
 * about to go. */
static const char *fault_of(const struct raft_log *l, const struct raft_range *r)
{
    uint64_t next = r->truncated + 1, term = r->truncated_term;
    uint64_t flushed = raft_log_flushed(l, r->id);

    if (flushed > 0 && flushed < r->truncated)
        return "entries that the engine has not got were freed";
    for (size_t i = r->run_first; i < r->run_end; i++) {
        const struct raft_run *run = &r->runs[i];

        if (run->index != next)
            return "entries are missing";
        if (run->term < term)
            return "terms fall";
        next = run_end(run);
        term = run->term;
    }
    return NULL;
}

status raft_log_check_whole(const struct raft_log *l)
{
    size_t   pos = 0;
    uint64_t id;
    void    *value;

    while (umap_next(&l->ranges, &pos, &id, &value)) {
        const struct raft_range *r = value;
        const char              *fault = fault_of(l, r);

        if (fault != NULL)
            return status_new(ST_CORRUPT, "the log of range %llu: %s (compacted up to %llu)",
                              (unsigned long long)id, fault, (unsigned long long)r->truncated);
    }
    return STATUS_OK;
}

void raft_log_check(const struct raft_log *l)
{
    size_t   pos = 0;
    uint64_t id, live = 0;
    void    *value;

    while (umap_next(&l->ranges, &pos, &id, &value)) {
        const struct raft_range *r = value;

        ASSERT(fault_of(l, r) == NULL);
        live += STATE_SIZE;
        for (size_t i = r->run_first; i < r->run_end; i++)
            live += r->runs[i].size;
    }
    ASSERT(live == l->stats.live_size);
}

static uint64_t oldest_of(const struct raft_range *r)
{
    uint64_t oldest = UINT64_MAX;

    if (r->hard_state_sequence > 0)
        oldest = r->hard_state_sequence;
    if (r->truncated_sequence > 0)
        oldest = MIN(oldest, r->truncated_sequence);
    for (size_t i = r->run_first; i < r->run_end; i++)
        oldest = MIN(oldest, r->runs[i].sequence);
    return oldest;
}

uint64_t raft_log_oldest(const struct raft_log *l)
{
    size_t   pos = 0;
    uint64_t id, oldest = UINT64_MAX;
    void    *r;

    while (umap_next(&l->ranges, &pos, &id, &r))
        oldest = MIN(oldest, oldest_of(r));
    return oldest;
}
