/* Freeing segments: entries that nobody needs go, what little still counts of the oldest segment is
 * written again at the end, the log says where it begins now, and then segments are freed.
 *
 * One fiber does this, when the engine has written something to its tables and when a segment was
 * begun. What it writes follows from the state of the log, so it is composed when no other batch is
 * on its way (durable_write_raft()). */
#include "base/assert.h"
#include "base/log.h"

#include "storage/durable_internal.h"

enum {
    SEGMENTS_KEPT = 8,  /* a log that is no longer is left alone */
    SEGMENTS_LONG = 16, /* a longer one is too much for the engine to keep */
    MOVE_BYTES = 1 << 20,
};

/* ---- what nobody needs -----------------------------------------------------------------------
 */

static void compose_truncations(void *ctx, struct buf *ops)
{
    struct raft_log *l = ctx;
    size_t           pos = 0;
    uint64_t         id;
    void            *value;

    while (umap_next(&l->ranges, &pos, &id, &value)) {
        const struct raft_range *r = value;
        struct raft_op           op = {.kind = RAFT_TRUNCATE, .range_id = id};

        op.entry.index = MIN(MIN(r->wish, raft_range_last(r)), raft_log_flushed(l, id));
        if (op.entry.index <= r->truncated)
            continue;
        op.entry.term = raft_range_run(r, op.entry.index)->term;
        raft_op_put(ops, &op);
    }
}

/* ---- moving forward --------------------------------------------------------------------------
 */

/* Something that counts, in the segment that is to go. */
struct move_item {
    enum raft_op_kind kind; /* ENTRY: the run; HARD_STATE and TRUNCATE: that of the range */
    uint64_t          range_id;
    struct raft_run   run;
};

/* An entry that was read, in mover.bytes. */
struct move_entry {
    uint64_t range_id, index, sequence;
    size_t   begin, end;
};

struct mover {
    struct raft_log   *l;
    uint64_t           limit; /* what lies in records below is moved */
    struct arena      *arena;
    struct move_item  *items;
    size_t             count, capacity;
    size_t             from, to; /* items that are moved together */
    struct buf         bytes;    /* changes that move entries */
    struct move_entry *entries;
    size_t             entry_count, entry_capacity;
    struct buf         batch;
};

static void *grow(struct mover *m, void *array, size_t count, size_t *capacity, size_t size)
{
    size_t was = *capacity;

    if (count < was)
        return array;
    *capacity = was * 2 + 64;
    return arena_realloc(m->arena, array, was * size, *capacity * size);
}

static void add_item(struct mover *m, struct move_item item)
{
    m->items = grow(m, m->items, m->count, &m->capacity, sizeof item);
    m->items[m->count++] = item;
}

static void list_range(struct mover *m, const struct raft_range *r)
{
    if (r->hard_state_sequence > 0 && r->hard_state_sequence < m->limit)
        add_item(m, (struct move_item){.kind = RAFT_HARD_STATE, .range_id = r->id});
    if (r->truncated_sequence > 0 && r->truncated_sequence < m->limit)
        add_item(m, (struct move_item){.kind = RAFT_TRUNCATE, .range_id = r->id});
    for (size_t i = r->run_first; i < r->run_end; i++)
        if (r->runs[i].sequence < m->limit)
            add_item(m,
                     (struct move_item){.kind = RAFT_ENTRY, .range_id = r->id, .run = r->runs[i]});
}

static void list_items(struct mover *m)
{
    size_t   pos = 0;
    uint64_t id;
    void    *r;

    while (umap_next(&m->l->ranges, &pos, &id, &r))
        list_range(m, r);
}

static bool is_there(const struct raft_log *l, uint64_t range_id, uint64_t index, uint64_t sequence)
{
    const struct raft_range *r = raft_range_of(l, range_id);
    const struct raft_run   *run = r != NULL ? raft_range_run(r, index) : NULL;

    return run != NULL && run->sequence == sequence;
}

static status read_entry(struct mover *m, const struct move_item *item, uint64_t index, slice *ops)
{
    struct raft_op op;
    size_t         begin = m->bytes.size;

    if (!raft_entry_find(ops, item->range_id, index, &op))
        return status_new(ST_CORRUPT, "the log has lost entry %llu of range %llu",
                          (unsigned long long)index, (unsigned long long)item->range_id);
    op.kind = RAFT_MOVED;
    op.origin = item->run.origin;
    raft_op_put(&m->bytes, &op);
    m->entries = grow(m, m->entries, m->entry_count, &m->entry_capacity, sizeof *m->entries);
    m->entries[m->entry_count++] = (struct move_entry){.range_id = item->range_id,
                                                       .index = index,
                                                       .sequence = item->run.sequence,
                                                       .begin = begin,
                                                       .end = m->bytes.size};
    return STATUS_OK;
}

/* The entries of a run; those that went while they were read do not matter. */
static status read_run(struct mover *m, const struct move_item *item)
{
    const struct raft_run *run = &item->run;
    struct log_place       place = {.sequence = run->sequence, .offset = run->offset};
    slice                  ops;
    status                 st = raft_batch_fetch(m->l, place, &m->batch, &ops);

    if (!st_ok(st)) {
        for (uint64_t i = run->index; i < run->index + run->count; i++)
            if (is_there(m->l, item->range_id, i, run->sequence))
                return st;
        st_clear(st);
        return STATUS_OK;
    }
    ops = slice_from(ops, MIN(run->op, ops.size));
    for (uint64_t i = run->index; i < run->index + run->count; i++)
        if (is_there(m->l, item->range_id, i, run->sequence))
            TRY_RETURN(read_entry(m, item, i, &ops));
    return STATUS_OK;
}

static void put_state(const struct mover *m, const struct move_item *item, struct buf *ops)
{
    const struct raft_range *r = raft_range_of(m->l, item->range_id);
    struct raft_op           op = {.kind = item->kind, .range_id = item->range_id};
    uint64_t                 sequence;

    if (r == NULL)
        return;
    sequence = item->kind == RAFT_HARD_STATE ? r->hard_state_sequence : r->truncated_sequence;
    if (sequence == 0 || sequence >= m->limit)
        return;
    op.hard_state = r->hard_state;
    op.entry = (struct raft_entry){.index = r->truncated, .term = r->truncated_term};
    raft_op_put(ops, &op);
}

static void compose_moves(void *ctx, struct buf *ops)
{
    struct mover *m = ctx;

    for (size_t i = m->from; i < m->to; i++)
        if (m->items[i].kind != RAFT_ENTRY)
            put_state(m, &m->items[i], ops);
    for (size_t i = 0; i < m->entry_count; i++) {
        const struct move_entry *e = &m->entries[i];

        if (is_there(m->l, e->range_id, e->index, e->sequence))
            buf_append(ops, m->bytes.data + e->begin, e->end - e->begin);
    }
    m->l->stats.moved_size += ops->size;
}

static status move_items(struct mover *m)
{
    while (m->to < m->count) {
        m->from = m->to;
        m->entry_count = 0;
        buf_reset(&m->bytes);
        while (m->to < m->count && m->bytes.size < MOVE_BYTES &&
               m->to - m->from < MOVE_BYTES / 64) {
            const struct move_item *item = &m->items[m->to++];

            if (item->kind == RAFT_ENTRY)
                TRY_RETURN(read_run(m, item));
        }
        TRY_RETURN(durable_write_raft(m->l->d, compose_moves, m, false));
        env_yield(m->l->d->env);
    }
    return STATUS_OK;
}

/* Write again at the end what counts of the oldest segment. */
static status move_segment(struct raft_log *l)
{
    struct mover m = {
        .l = l, .limit = l->d->old[1].first_sequence, .arena = arena_new(l->heap, NULL)};
    status st;

    buf_init(&m.bytes, l->heap);
    buf_init(&m.batch, l->heap);
    list_items(&m);
    st = move_items(&m);
    buf_deinit(&m.bytes);
    buf_deinit(&m.batch);
    arena_free(m.arena);
    return st;
}

/* Only what a range has keeps the oldest segment, and less than half of the log counts: then
 * moving frees more than it writes. */
static bool is_worth_moving(const struct raft_log *l)
{
    const struct durable *d = l->d;

    return d->old_count > SEGMENTS_KEPT && l->floor >= d->old[1].first_sequence &&
           raft_log_oldest(l) < d->old[1].first_sequence &&
           l->stats.live_size < (d->old_count - 1) * d->segment_size / 2;
}

/* ---- freeing ---------------------------------------------------------------------------------
 */

/* What the log's records before which hold nothing of ranges. A record that was not applied yet may
 * be theirs. */
static const struct old_segment *first_needed(const struct raft_log *l)
{
    return log_segment_of(l->d, MIN(raft_log_oldest(l), l->d->applied));
}

static void compose_start(void *ctx, struct buf *ops)
{
    const struct raft_log    *l = ctx;
    const struct old_segment *s = first_needed(l);
    struct raft_op            op = {.kind = RAFT_START};

    if (s == NULL || s->number <= l->claim || s->number == l->d->old[0].number ||
        l->floor < l->d->old[1].first_sequence)
        return;
    op.segment = s->number;
    raft_op_put(ops, &op);
}

static status free_segments(struct raft_log *l)
{
    struct durable *d = l->d;
    uint64_t        keep = l->floor;

    TRY_RETURN(durable_write_raft(d, compose_start, l, true));
    for (size_t i = 0; i < d->old_count; i++) {
        if (d->old[i].number >= l->claim) {
            keep = MIN(keep, d->old[i].first_sequence);
            break;
        }
    }
    log_free_before(d, keep);
    return STATUS_OK;
}

static status tidy(struct raft_log *l)
{
    TRY_RETURN(durable_write_raft(l->d, compose_truncations, l, false));
    TRY_RETURN(free_segments(l));
    while (is_worth_moving(l) && !l->d->is_closing) {
        TRY_RETURN(move_segment(l));
        TRY_RETURN(free_segments(l));
    }
    return STATUS_OK;
}

static void tidy_fiber(struct env *env, void *arg)
{
    struct raft_log *l = arg;
    status           st = STATUS_OK;

    while (st_ok(st) && l->tidy_again && !l->d->is_closing) {
        l->tidy_again = false;
        st = tidy(l);
    }
    if (!st_ok(st) && status_code(st) != ST_DISK_FULL)
        log_error(env_log(env), "could not free segments of the log", kv_status(st));
    st_clear(st); /* tried again with the next segment */
    l->is_tidying = false;
    env_broadcast(env, &l->d->idle);
}

static void start_tidying(struct raft_log *l)
{
    status st;

    l->tidy_again = true;
    if (l->is_tidying || l->d->is_closing || l->d->e->state == ENGINE_STOPPED)
        return;
    l->is_tidying = true;
    st = env_spawn(l->d->env, "log tidy", tidy_fiber, l, NULL);
    if (!st_ok(st)) {
        l->is_tidying = false;
        st_clear(st);
    }
}

void raft_log_free_before(struct raft_log *l, uint64_t sequence)
{
    l->floor = MAX(l->floor, sequence);
    if (l->is_used)
        start_tidying(l);
    else
        log_free_before(l->d, l->floor);
}

/* Segments since the engine has last written to its tables. */
static size_t segments_above_floor(const struct raft_log *l)
{
    const struct durable     *d = l->d;
    const struct old_segment *s = log_segment_of(d, l->floor);

    return d->old_count - (s != NULL ? (size_t)(s - d->old) : 0);
}

void raft_log_note_segment(struct raft_log *l)
{
    struct durable *d = l->d;

    if (l->is_used)
        start_tidying(l);
    /* Overwriting a few keys fills no memtable, and what is not in tables can be compacted nowhere.
     */
    if (segments_above_floor(l) > SEGMENTS_LONG && d->owner->shorten_log != NULL)
        d->owner->shorten_log(d->e);
}
