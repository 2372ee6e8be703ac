/* Writing to the Raft logs, and reading back. */
#include "storage/raft_log.h"

#include "base/assert.h"
#include "base/sort.h"
#include "storage/durable_internal.h"

enum {
    READ_SIZE = 16 << 10, /* of a record at first, as its size is not known */
    REPLAY_BYTES = 1 << 20,
};

struct raft_log *engine_raft_log(struct engine *e)
{
    return e->raft_log;
}

uint64_t raft_log_flushed(const struct raft_log *l, uint64_t range_id)
{
    return engine_applied_flushed(l->d->e, range_id);
}

/* ---- writing ---------------------------------------------------------------------------------
 */

status raft_log_write(struct raft_log *l, const struct raft_batch *b, bool sync)
{
    if (l->d->e->state == ENGINE_STOPPED)
        return status_new(ST_IO_ERROR, "the store has stopped after a failed sync");
    TRY_RETURN(raft_log_check_batch(l, buf_slice(&b->ops)));
    return durable_write(
        l->d, &(struct log_batch){.bytes = buf_slice(&b->ops), .content = LOG_RAFT}, sync);
}

void raft_log_compact(struct raft_log *l, uint64_t range_id, uint64_t index)
{
    struct raft_range *r = raft_range_of(l, range_id);

    if (r != NULL)
        r->wish = MAX(r->wish, index);
}

/* ---- questions that memory answers -----------------------------------------------------------
 */

uint64_t raft_log_first(const struct raft_log *l, uint64_t range_id)
{
    const struct raft_range *r = raft_range_of(l, range_id);

    return r != NULL ? r->truncated + 1 : 1;
}

uint64_t raft_log_last(const struct raft_log *l, uint64_t range_id)
{
    const struct raft_range *r = raft_range_of(l, range_id);

    return r != NULL ? raft_range_last(r) : 0;
}

bool raft_log_term(const struct raft_log *l, uint64_t range_id, uint64_t index, uint64_t *term)
{
    const struct raft_range *r = raft_range_of(l, range_id);
    const struct raft_run   *run;

    if (index == (r != NULL ? r->truncated : 0)) {
        *term = r != NULL ? r->truncated_term : 0;
        return true;
    }
    run = r != NULL ? raft_range_run(r, index) : NULL;
    if (run == NULL)
        return false;
    *term = run->term;
    return true;
}

bool raft_log_hard_state(const struct raft_log *l, uint64_t range_id, struct raft_hard_state *out)
{
    const struct raft_range *r = raft_range_of(l, range_id);

    *out = r != NULL ? r->hard_state : (struct raft_hard_state){0};
    return r != NULL;
}

bool raft_log_next_range(const struct raft_log *l, size_t *position, uint64_t *range_id)
{
    void *r;

    return umap_next(&l->ranges, position, range_id, &r);
}

void raft_log_stats(const struct raft_log *l, struct raft_log_stats *out)
{
    size_t   pos = 0;
    uint64_t id;
    void    *r;

    *out = l->stats;
    out->ranges = umap_count(&l->ranges);
    out->cached_size = l->cache_size;
    out->entries = 0;
    while (umap_next(&l->ranges, &pos, &id, &r))
        out->entries += raft_range_last(r) - ((struct raft_range *)r)->truncated;
}

/* ---- the cache -------------------------------------------------------------------------------
 */

static void drop_oldest(struct raft_log *l)
{
    struct raft_cached *c = &l->cache[l->cache_first++];

    l->cache_size -= c->size;
    heap_free(c->data);
}

static void make_cache_room(struct raft_log *l)
{
    size_t              count = l->cache_end - l->cache_first;
    struct raft_cached *to = l->cache;

    if (count + count / 4 >= l->cache_capacity) {
        l->cache_capacity = count * 2 + 64;
        to = heap_must_alloc(l->heap, l->cache_capacity, sizeof *to);
    }
    if (count > 0)
        memmove(to, l->cache + l->cache_first, count * sizeof *to);
    if (to != l->cache)
        heap_free(l->cache);
    l->cache = to;
    l->cache_first = 0;
    l->cache_end = count;
}

void raft_cache_put(struct raft_log *l, uint64_t sequence, slice ops)
{
    ASSERT(l->cache_first == l->cache_end || l->cache[l->cache_end - 1].sequence < sequence);
    while (l->cache_first < l->cache_end && l->cache_size + ops.size > l->cache_size_max)
        drop_oldest(l);
    if (ops.size > l->cache_size_max)
        return;
    if (l->cache_end == l->cache_capacity)
        make_cache_room(l);
    l->cache[l->cache_end] = (struct raft_cached){
        .sequence = sequence, .size = ops.size, .data = heap_must_alloc(l->heap, ops.size, 1)};
    memcpy(l->cache[l->cache_end++].data, ops.data, ops.size);
    l->cache_size += ops.size;
}

static bool find_cached(const struct raft_log *l, uint64_t sequence, slice *ops)
{
    size_t low = l->cache_first, high = l->cache_end;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (l->cache[middle].sequence < sequence)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == l->cache_end || l->cache[low].sequence != sequence)
        return false;
    *ops = slice_make(l->cache[low].data, l->cache[low].size);
    return true;
}

/* ---- the disk --------------------------------------------------------------------------------
 */

/* Read `size` bytes more, or what there is. */
static status read_more(struct env_file *file, uint64_t offset, size_t size, struct buf *record)
{
    size_t n;

    TRY_RETURN(env_file_fetch_at(file, buf_reserve(record, size), size, offset + record->size, &n));
    buf_advance(record, n);
    return STATUS_OK;
}

static status record_is_damaged(uint64_t segment, uint64_t offset)
{
    return status_new(ST_CORRUPT, "log segment %012llu: the record at byte %llu is damaged",
                      (unsigned long long)segment, (unsigned long long)offset);
}

/* A segment opened for reading. */
struct reading {
    struct env_file      *file;
    uint64_t              number;
    struct log_generation generation;
    struct cipher        *cipher; /* NULL: it is not encrypted */
    struct buf record, plain;     /* the last one read, and its content if that was encrypted */
};

/* The key that the segment's header names. */
static status open_cipher(struct raft_log *l, struct reading *r)
{
    struct segment_header h;

    buf_reset(&r->record);
    TRY_RETURN(read_more(r->file, 0, SEGMENT_HEADER_SIZE_MAX, &r->record));
    if (!segment_header_take(buf_slice(&r->record), &h) || !h.is_sealed)
        return record_is_damaged(r->number, 0);
    return keyring_cipher(l->d->keyring, l->heap, &h.seal,
                          segment_header_bound(buf_slice(&r->record)), &r->cipher);
}

static status open_reading(struct raft_log *l, uint64_t number, struct reading *r)
{
    char  *path = durable_path(l->d, ".log", number);
    status st = env_file_open(l->d->env, path, ENV_READ, &r->file);

    heap_free(path);
    r->number = number;
    r->generation = log_generation(l->d->e->identity.incarnation, number);
    return st_ok(st) && l->d->keyring != NULL ? open_cipher(l, r) : st;
}

static void close_reading(struct reading *r)
{
    env_file_close(r->file);
    cipher_free(r->cipher);
    r->file = NULL;
    r->cipher = NULL;
}

/* The record at `offset` of the segment, and no other than that of the sequence; *out points into
 * what was read. */
static status read_record(struct reading *r, uint64_t offset, uint64_t sequence,
                          struct log_record *out)
{
    uint64_t file_size, whole;
    slice    bytes;

    buf_reset(&r->record);
    TRY_RETURN(env_file_size(r->file, &file_size));
    TRY_RETURN(read_more(r->file, offset, READ_SIZE, &r->record));
    if (r->record.size < RECORD_HEADER_SIZE)
        return record_is_damaged(r->number, offset);
    whole = log_record_size_of(r->record.data);
    if (whole > file_size - offset)
        return record_is_damaged(r->number, offset);
    if (whole > r->record.size)
        TRY_RETURN(read_more(r->file, offset, (size_t)whole - r->record.size, &r->record));
    bytes = buf_slice(&r->record);
    if (!log_record_take(&bytes, &r->generation, sequence, out) || out->sequence != sequence ||
        (r->cipher != NULL && !log_record_open(r->cipher, out, &r->plain)))
        return record_is_damaged(r->number, offset);
    return STATUS_OK;
}

/* A batch being put together from its records. */
struct assembly {
    struct raft_log *l;
    struct log_place place; /* of the next record */
    struct reading   from;
    struct buf      *ops;
    bool             is_whole;
};

/* The segment that has the next record; 0: none has. */
static uint64_t number_of(const struct assembly *a)
{
    const struct old_segment *s = log_segment_of(a->l->d, a->place.sequence);

    return s != NULL ? s->number : 0;
}

/* The records of the batch that lie in one segment. */
static status read_parts(struct assembly *a)
{
    uint64_t segment = a->from.number;

    do {
        bool              begins = a->ops->size == 0;
        struct log_record r;

        TRY_RETURN(read_record(&a->from, a->place.offset, a->place.sequence, &r));
        if (r.content != LOG_RAFT || begins != (r.type == RECORD_WHOLE || r.type == RECORD_FIRST))
            return record_is_damaged(segment, a->place.offset);
        buf_append_slice(a->ops, r.payload);
        a->is_whole = r.type == RECORD_WHOLE || r.type == RECORD_LAST;
        a->place.sequence++;
        a->place.offset += r.size;
    } while (!a->is_whole && number_of(a) == segment);
    a->place.offset = segment_header_size(a->l->d->keyring != NULL);
    return STATUS_OK;
}

static status read_batch(struct assembly *a)
{
    while (!a->is_whole) {
        uint64_t number = number_of(a);
        status   st;

        if (number == 0)
            return status_new(ST_NO_DATA, "the segment was freed");
        st = open_reading(a->l, number, &a->from);
        if (st_ok(st))
            st = read_parts(a);
        close_reading(&a->from);
        TRY_RETURN(st);
    }
    a->l->stats.disk_reads++;
    return STATUS_OK;
}

status raft_batch_fetch(struct raft_log *l, struct log_place place, struct buf *bytes, slice *ops)
{
    struct assembly a = {.l = l, .place = place, .ops = bytes};
    status          st;

    if (find_cached(l, place.sequence, ops))
        return STATUS_OK;
    buf_reset(bytes);
    buf_init(&a.from.record, l->heap);
    buf_init(&a.from.plain, l->heap);
    st = read_batch(&a);
    buf_deinit(&a.from.record);
    buf_deinit(&a.from.plain);
    *ops = buf_slice(bytes);
    return st;
}

bool raft_entry_find(slice *ops, uint64_t range_id, uint64_t index, struct raft_op *op)
{
    while (raft_op_take(ops, op)) {
        if ((op->kind == RAFT_ENTRY || op->kind == RAFT_MOVED) && op->range_id == range_id &&
            op->entry.index == index)
            return true;
    }
    return false;
}

/* ---- reading entries -------------------------------------------------------------------------
 */

struct entry_reader {
    struct raft_log   *l;
    uint64_t           range_id, next, end;
    size_t             bytes, bytes_max, capacity;
    struct arena      *arena;
    struct buf         batch;
    struct raft_entry *entries;
    size_t             count;
};

static bool wants_more(const struct entry_reader *r)
{
    return r->next < r->end && (r->count == 0 || r->bytes < r->bytes_max);
}

static void add_entry(struct entry_reader *r, const struct raft_entry *e)
{
    if (r->count == r->capacity) {
        size_t size = r->capacity * sizeof *e;

        r->capacity = r->capacity * 2 + 16;
        r->entries = arena_realloc(r->arena, r->entries, size, r->capacity * sizeof *e);
    }
    r->entries[r->count] = *e;
    r->entries[r->count++].data = arena_copy(r->arena, e->data);
    r->bytes += e->data.size;
    r->next++;
}

/* Entries of one run from its batch. */
static status take_entries(struct entry_reader *r, const struct raft_run *run, slice ops)
{
    uint64_t       end = run->index + run->count;
    struct raft_op op;

    ops = slice_from(ops, MIN(run->op, ops.size));
    while (r->next < end && wants_more(r)) {
        if (!raft_entry_find(&ops, r->range_id, r->next, &op) || op.entry.term != run->term)
            return status_new(ST_CORRUPT, "the log has lost entry %llu of range %llu",
                              (unsigned long long)r->next, (unsigned long long)r->range_id);
        add_entry(r, &op.entry);
    }
    return STATUS_OK;
}

/* Whether the next entry still is where it was looked for. */
static bool is_in_place(const struct entry_reader *r, const struct raft_run *was)
{
    const struct raft_range *range = raft_range_of(r->l, r->range_id);
    const struct raft_run   *run = range != NULL ? raft_range_run(range, r->next) : NULL;

    return run != NULL && run->sequence == was->sequence && run->term == was->term;
}

/* *changed: while a batch was read, entries became void, and what was read so far may not go
 * together with what comes; or the entry is elsewhere now, or gone. */
static status read_run(struct entry_reader *r, const struct raft_range *range, bool *changed)
{
    uint64_t               cut = range->cut;
    const struct raft_run *found = raft_range_run(range, r->next);
    struct raft_run        run;
    struct log_place       place;
    slice                  ops;
    status                 st;

    if (found == NULL)
        return STATUS_NO_DATA;
    run = *found;
    place = (struct log_place){.sequence = run.sequence, .offset = run.offset};
    st = raft_batch_fetch(r->l, place, &r->batch, &ops);
    range = raft_range_of(r->l, r->range_id);
    *changed = range == NULL || range->cut != cut || (!st_ok(st) && !is_in_place(r, &run));
    if (*changed) {
        st_clear(st);
        return STATUS_OK;
    }
    TRY_RETURN(st);
    return take_entries(r, &run, ops);
}

static status read_entries(struct entry_reader *r, uint64_t first, uint64_t end)
{
    const struct raft_range *range;

    r->next = first;
    r->end = end;
    do {
        bool changed = false;

        range = raft_range_of(r->l, r->range_id);
        if (range == NULL || first <= range->truncated)
            return STATUS_NO_DATA;
        r->end = MIN(end, raft_range_last(range) + 1);
        if (r->next >= r->end)
            break;
        TRY_RETURN(read_run(r, range, &changed));
        if (changed) {
            r->next = first;
            r->count = r->bytes = 0;
        }
    } while (wants_more(r));
    return r->count > 0 ? STATUS_OK : STATUS_NO_DATA;
}

status raft_log_read(struct raft_log *l, uint64_t range_id, uint64_t first, uint64_t end,
                     size_t bytes_max, struct arena *arena, struct raft_entry **entries,
                     size_t *count)
{
    struct entry_reader r = {.l = l, .range_id = range_id, .bytes_max = bytes_max, .arena = arena};
    status              st;

    *count = 0;
    if (first >= end)
        return STATUS_NO_DATA;
    buf_init(&r.batch, l->heap);
    st = read_entries(&r, first, end);
    buf_deinit(&r.batch);
    TRY_RETURN(st);
    *entries = r.entries;
    *count = r.count;
    return STATUS_OK;
}

/* ---- replay ----------------------------------------------------------------------------------
 */

/* Committed entries of one range that were appended together. */
struct replay_item {
    uint64_t origin; /* first: what is sorted by */
    uint64_t range_id, first, end;
};

struct replay {
    struct raft_log    *l;
    struct arena       *arena; /* of the items */
    struct replay_item *items;
    size_t              count, capacity;
    status (*apply)(void *ctx, uint64_t range_id, const struct raft_entry *e);
    void *ctx;
};

static void add_item(struct replay *p, const struct replay_item *item)
{
    if (p->count == p->capacity) {
        size_t size = p->capacity * sizeof *item;

        p->capacity = p->capacity * 2 + 64;
        p->items = arena_realloc(p->arena, p->items, size, p->capacity * sizeof *item);
    }
    p->items[p->count++] = *item;
}

static void add_range(struct replay *p, const struct raft_range *r)
{
    uint64_t next = MAX(engine_applied(p->l->d->e, r->id), r->truncated) + 1;
    uint64_t end = MIN(r->hard_state.commit, raft_range_last(r)) + 1;

    while (next < end) {
        const struct raft_run *run = raft_range_run(r, next);
        struct replay_item     item = {.origin = run->origin,
                                       .range_id = r->id,
                                       .first = next,
                                       .end = MIN(end, run->index + run->count)};

        add_item(p, &item);
        next = item.end;
    }
}

static status replay_item(struct replay *p, const struct replay_item *item)
{
    struct arena      *arena = arena_new(p->l->heap, NULL);
    struct raft_entry *entries;
    size_t             count;
    status             st = STATUS_OK;

    for (uint64_t next = item->first; st_ok(st) && next < item->end; next += count) {
        /* What was applied before may have ended the range, or put a snapshot in its place. */
        if (raft_range_of(p->l, item->range_id) == NULL)
            break;
        count = 1;
        if (next <= engine_applied(p->l->d->e, item->range_id))
            continue;
        arena_reset(arena);
        TRY(st,
            raft_log_read(p->l, item->range_id, next, item->end, REPLAY_BYTES, arena, &entries,
                          &count),
            out);
        for (size_t i = 0; st_ok(st) && i < count; i++)
            st = p->apply(p->ctx, item->range_id, &entries[i]);
    }
out:
    arena_free(arena);
    return st;
}

status raft_log_replay(struct raft_log *l,
                       status (*apply)(void *ctx, uint64_t range_id, const struct raft_entry *e),
                       void *ctx)
{
    struct replay p = {.l = l, .arena = arena_new(l->heap, NULL), .apply = apply, .ctx = ctx};
    size_t        pos = 0;
    uint64_t      id;
    void         *r;
    status        st = STATUS_OK;

    while (umap_next(&l->ranges, &pos, &id, &r))
        add_range(&p, r);
    sort_stable(l->heap, p.items, p.count, sizeof *p.items, sort_compare_u64, NULL);
    for (size_t i = 0; st_ok(st) && i < p.count; i++)
        st = replay_item(&p, &p.items[i]);
    arena_free(p.arena);
    return st;
}
