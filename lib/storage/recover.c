/* Recovery: the newest checkpoint, then every batch in the log behind it.
 *
 * Where the log ends is decided by what its records prove. Each record carries how far the log was
 * durable when it was written; a begun segment proves that all before it was. If what can be read
 * in order ends below what is proved, acknowledged batches are damaged, and the store does not open
 * (L3). Otherwise the end is a torn write that nobody was told of, and is cut: the next segment
 * says where the log goes on, so what is left behind the cut is never looked at again.
 *
 * What was read but is not proved to be durable may come from a page cache that a failed sync has
 * left behind (L1): it is written again and synced before it is believed. */
#include <inttypes.h>

#include "base/assert.h"
#include "base/log.h"
#include "base/sort.h"
#include "storage/durable_internal.h"

struct segment_file {
    uint64_t              number;
    struct segment_header header;
    bool                  is_begun;
    bool                  counts; /* it is on the chain, and part of it lies before the end */
};

struct recovery {
    struct durable       *d;
    struct arena         *arena;
    struct segment_file  *segments; /* by number */
    size_t                count;
    struct segment_file **chain; /* those to be read, in order */
    size_t                chain_count;
    uint64_t             *checkpoints; /* ascending */
    size_t                checkpoint_count;
    struct buf            bytes; /* of the segment being read */
    struct buf            batch; /* being put together from its records */
    struct log_place      place; /* of that */
    bool                  in_batch;
    bool                  has_begun; /* the first record that begins a batch was seen */
    uint64_t              start;     /* the first record to apply */
    uint64_t              sequence;  /* behind the last record read */
    uint32_t              crc;
    uint64_t              end; /* behind the last whole batch: where the log goes on */
    uint32_t              end_crc;
    uint64_t              needed; /* segments from this one on hold what Raft logs need */
    uint64_t              proved; /* records below are proved to have been durable */
    uint64_t              batches;
};

/* ---- what files there are
 * -------------------------------------------------------------------------- */

/* "<digits><suffix>" */
static bool parse_name(const char *name, const char *suffix, uint64_t *number)
{
    const char *at = name;

    for (*number = 0; *at >= '0' && *at <= '9' && *number < UINT64_MAX / 20; at++)
        *number = *number * 10 + (uint64_t)(*at - '0');
    return at != name && strcmp(at, suffix) == 0;
}

static status list_files(struct recovery *r)
{
    const char **names;
    size_t       count;

    TRY_RETURN(env_list_dir(r->d->env, r->d->path, r->arena, &names, &count));
    r->segments = ARENA_ARRAY(r->arena, struct segment_file, count + 1);
    r->chain = ARENA_ARRAY(r->arena, struct segment_file *, count + 1);
    r->checkpoints = ARENA_ARRAY(r->arena, uint64_t, count + 1);
    for (size_t i = 0; i < count; i++) {
        uint64_t number;

        if (parse_name(names[i], ".log", &number))
            r->segments[r->count++].number = number;
        else if (parse_name(names[i], ".ckpt", &number))
            r->checkpoints[r->checkpoint_count++] = number;
    }
    sort_stable(env_heap(r->d->env), r->segments, r->count, sizeof r->segments[0], sort_compare_u64,
                NULL);
    sort_stable(env_heap(r->d->env), r->checkpoints, r->checkpoint_count, sizeof r->checkpoints[0],
                sort_compare_u64, NULL);
    return STATUS_OK;
}

/* Up to `size_max` bytes of a segment into r->bytes. */
static status read_segment(struct recovery *r, uint64_t number, uint64_t size_max)
{
    struct env_file *file = NULL;
    char            *path = durable_path(r->d, ".log", number);
    uint64_t         size;
    size_t           n;
    status           st;

    buf_reset(&r->bytes);
    TRY(st, env_file_open(r->d->env, path, ENV_READ, &file), out);
    TRY(st, env_file_size(file, &size), out);
    size = MIN(size, size_max);
    TRY(st,
        env_file_read_at(file, buf_reserve(&r->bytes, size + 1), size, 0,
                         size > SEGMENT_HEADER_SIZE ? ENV_LANE_IO : ENV_INLINE, &n),
        out);
    buf_advance(&r->bytes, n);
out:
    env_file_close(file);
    heap_free(path);
    return st;
}

static status read_headers(struct recovery *r)
{
    for (size_t i = 0; i < r->count; i++) {
        struct segment_file *s = &r->segments[i];

        TRY_RETURN(read_segment(r, s->number, SEGMENT_HEADER_SIZE));
        s->is_begun = segment_header_take(buf_slice(&r->bytes), &s->header) &&
                      s->header.segment == s->number &&
                      memcmp(s->header.incarnation, r->d->e->identity.incarnation,
                             sizeof s->header.incarnation) == 0;
    }
    return STATUS_OK;
}

/* ---- reading
 * ------------------------------------------------------------------------------------- */

static status corrupt(struct recovery *r, uint64_t segment, const char *what)
{
    return status_hint(status_new(ST_CORRUPT, "log segment %012" PRIu64 ": %s", segment, what),
                       "Acknowledged changes from record %" PRIu64
                       " on are damaged. Restore the store from a backup.",
                       r->end);
}

static status apply_raft(struct recovery *r, uint64_t segment, slice ops)
{
    status st = raft_log_apply(&r->d->raft, ops, r->place);

    if (!st_ok(st)) {
        st_clear(st);
        return corrupt(r, segment, "changes to Raft logs contradict each other");
    }
    raft_cache_put(&r->d->raft, r->place.sequence, ops);
    return STATUS_OK;
}

static status apply_batch(struct recovery *r, const struct log_record *last, slice encoded)
{
    uint64_t segment = last->generation;

    if (last->content == LOG_RAFT)
        return apply_raft(r, segment, encoded);
    if (last->sequence < r->start) /* the engine has it: it is read for what lies behind */
        return STATUS_OK;
    if (!batch_is_valid(encoded))
        return corrupt(r, segment, "a batch is malformed");
    r->d->owner->apply(r->d->e, encoded, APPLY_SYNCED);
    r->batches++;
    return STATUS_OK;
}

/* Take one record that follows the last one. A batch counts with its last record. What the first
 * segment has of a batch that began before it is not needed, or that segment would be there. */
static status take_record(struct recovery *r, const struct log_record *rec, uint64_t offset)
{
    bool begins =
        rec->type == RECORD_WHOLE || rec->type == RECORD_FIRST || rec->type == RECORD_MARK;
    bool ends = rec->type == RECORD_WHOLE || rec->type == RECORD_LAST || rec->type == RECORD_MARK;

    r->sequence = rec->sequence + 1;
    r->crc = rec->crc;
    r->proved = MAX(r->proved, rec->synced);
    r->has_begun = r->has_begun || begins;
    if (r->has_begun) {
        if (begins == r->in_batch)
            return corrupt(r, rec->generation, "the parts of a batch are out of order");
        if (begins) {
            buf_reset(&r->batch);
            r->place = (struct log_place){rec->sequence, offset};
        }
        buf_append_slice(&r->batch, rec->payload);
        r->in_batch = !ends;
        if (ends && r->batch.size > 0)
            TRY_RETURN(apply_batch(r, rec, buf_slice(&r->batch)));
    } else if (rec->sequence >= r->start) {
        return corrupt(r, rec->generation, "the first part of a batch is missing");
    }
    if (!r->in_batch) {
        r->end = r->sequence;
        r->end_crc = r->crc;
    }
    return STATUS_OK;
}

/* Records in order, up to `stop` (of the next segment; UINT64_MAX for none), or to the first that
 * does not follow. *rest is what is left of the segment. */
static status read_records(struct recovery *r, uint64_t segment, uint64_t stop, slice *rest)
{
    struct log_record rec;

    *rest = slice_from(buf_slice(&r->bytes), SEGMENT_HEADER_SIZE);
    while (r->sequence < stop) {
        slice before = *rest;

        if (!log_record_take(rest, segment, &rec) || rec.sequence != r->sequence ||
            rec.previous != r->crc) {
            *rest = before;
            break;
        }
        TRY_RETURN(take_record(r, &rec, r->bytes.size - before.size));
    }
    return STATUS_OK;
}

/* Whatever whole record of this generation lies anywhere in the bytes: what does it prove? */
static void search_proofs(struct recovery *r, uint64_t segment, slice bytes)
{
    struct log_record rec;

    while (bytes.size >= RECORD_HEADER_SIZE) {
        slice at = bytes;

        if (log_record_take(&at, segment, &rec))
            r->proved = MAX(r->proved, rec.synced);
        bytes = slice_from(bytes, RECORD_ALIGN);
    }
}

static struct segment_file *find_segment(struct recovery *r, uint64_t number)
{
    for (size_t i = 0; i < r->count; i++)
        if (r->segments[i].number == number)
            return &r->segments[i];
    return NULL;
}

static struct segment_file *last_begun(struct recovery *r)
{
    for (size_t i = r->count; i-- > 0;)
        if (r->segments[i].is_begun)
            return &r->segments[i];
    return NULL;
}

/* The segments to read: from the newest back along the links, to one that has the first record to
 * apply and before which, as the headers so far say, nothing of Raft logs is needed. The log may
 * say itself that it begins later: so where the engine needs no more, a link may lead nowhere, and
 * check_begin() looks at it again. What is begun but not linked was cut off whole by an earlier
 * recovery. */
static status find_chain(struct recovery *r)
{
    struct segment_file *s = last_begun(r), *previous;
    size_t               n = 0;

    for (; s != NULL; s = previous) {
        bool is_enough = s->header.first_sequence <= r->start;

        r->chain[n++] = s;
        r->needed = MAX(r->needed, s->number - MIN(s->number, s->header.kept));
        if (is_enough && s->number <= r->needed)
            break;
        previous = find_segment(r, s->header.previous_segment);
        if (previous != NULL && previous->is_begun && previous->number < s->number)
            continue;
        if (!is_enough)
            return corrupt(r, s->number, "the segment before it is missing or damaged");
        previous = NULL;
    }
    for (size_t i = 0; i < n / 2; i++) {
        s = r->chain[i];
        r->chain[i] = r->chain[n - 1 - i];
        r->chain[n - 1 - i] = s;
    }
    r->chain_count = n;
    return STATUS_OK;
}

/* Whether the next segment goes on where this one ended: behind its last record, or, when the last
 * batch was incomplete and an earlier recovery cut it off, behind the last whole batch. */
static bool follows(struct recovery *r, const struct segment_file *s,
                    const struct segment_header *next)
{
    ASSERT(next->previous_segment == s->number);
    if (next->first_sequence == r->sequence && next->previous_crc == r->crc)
        return true;
    r->in_batch = false;
    r->sequence = r->end;
    r->crc = r->end_crc;
    return next->first_sequence == r->end && next->previous_crc == r->end_crc;
}

/* Read the chain, which is not empty. The bytes of its last segment stay in r->bytes, and *rest is
 * what of them does not count. */
static status read_log(struct recovery *r, slice *rest)
{
    r->sequence = r->end = r->chain[0]->header.first_sequence;
    r->crc = r->end_crc = r->chain[0]->header.previous_crc;
    for (size_t i = 0; i < r->chain_count; i++) {
        struct segment_file *s = r->chain[i];
        struct segment_file *next = i + 1 < r->chain_count ? r->chain[i + 1] : NULL;
        uint64_t             stop = next != NULL ? next->header.first_sequence : UINT64_MAX;

        TRY_RETURN(read_segment(r, s->number, UINT64_MAX));
        TRY_RETURN(read_records(r, s->number, stop, rest));
        r->d->log_bytes += r->bytes.size - rest->size;
        if (next != NULL && !follows(r, s, &next->header))
            return corrupt(r, s->number, "a record is damaged");
    }
    return STATUS_OK;
}

/* ---- the end of the log
 * -------------------------------------------------------------------------- */

/* All that Raft logs need is there, whether by the headers or by what the log itself says. */
static status check_begin(struct recovery *r)
{
    struct raft_log *l = &r->d->raft;
    status           st;

    l->claim = MAX(l->claim, r->needed);
    if (r->chain[0]->number > l->claim)
        return corrupt(r, r->chain[0]->number, "the segment before it is missing or damaged");
    st = raft_log_check_whole(l);
    return st_ok(st) ? st : status_hint(st, "Restore the store from a backup.");
}

/* Write again what counts of the last segment but is not proved, and sync it. */
static status make_durable(struct recovery *r, const struct segment_file *last)
{
    slice             bytes = buf_slice(&r->bytes), at = slice_from(bytes, SEGMENT_HEADER_SIZE);
    uint64_t          from = 0, sequence = last->header.first_sequence;
    struct log_record rec;
    struct env_file  *file = NULL;
    char             *path;
    status            st;

    for (; sequence < r->end; sequence++) {
        /* With the first record the header was written too. */
        if (sequence < r->proved)
            from = bytes.size - at.size;
        if (!log_record_take(&at, last->number, &rec))
            break;
    }
    /* A segment is begun after all before it is durable, so only what it has itself is open. */
    if (r->end <= r->proved || r->end <= last->header.first_sequence)
        return STATUS_OK;
    path = durable_path(r->d, ".log", last->number);
    TRY(st, env_file_open(r->d->env, path, ENV_WRITE, &file), out);
    TRY(st,
        env_file_write_at(file, bytes.data + from, bytes.size - at.size - from, from, ENV_LANE_IO),
        out);
    st = env_file_sync(file, ENV_LANE_LOG_SYNC);
out:
    env_file_close(file);
    heap_free(path);
    return st;
}

/* Nothing damaged or forgotten may prove that the log went on. */
static status check_end(struct recovery *r, const struct segment_file *last, slice rest)
{
    search_proofs(r, last->number, rest);
    if (r->proved > r->end)
        return corrupt(r, last->number, "a record is damaged");
    return STATUS_OK;
}

static status check_unbegun(struct recovery *r, uint64_t after)
{
    for (size_t i = 0; i < r->count; i++) {
        const struct segment_file *s = &r->segments[i];

        if (s->is_begun || s->number <= after)
            continue;
        TRY_RETURN(read_segment(r, s->number, UINT64_MAX));
        search_proofs(r, s->number, buf_slice(&r->bytes));
        if (r->proved > r->end)
            return corrupt(r, s->number, "its header is damaged");
    }
    return STATUS_OK;
}

static status erase_header(struct recovery *r, uint64_t number)
{
    static const char zeros[SEGMENT_HEADER_SIZE];
    struct env_file  *file;
    char             *path = durable_path(r->d, ".log", number);
    status            st = env_file_open(r->d->env, path, ENV_WRITE | ENV_DSYNC, &file);

    heap_free(path);
    if (!st_ok(st))
        return st;
    st = env_file_write_at(file, zeros, sizeof zeros, 0, ENV_LANE_LOG_SYNC);
    env_file_close(file);
    return st;
}

/* Segments that were cut off whole are not begun any more, from the newest back: deleting them is
 * not enough, since a crash may bring back one of them without the one it is linked to. */
static status erase_cut_off(struct recovery *r)
{
    for (size_t i = r->chain_count; i-- > 0 && !r->chain[i]->counts;)
        TRY_RETURN(erase_header(r, r->chain[i]->number));
    return STATUS_OK;
}

/* Segments that no recovery needs: freed ones, those never begun, and those cut off whole. Only
 * once a new one is there, or a crash now would leave a store that seems to have lost its log. */
static void delete_rest(struct recovery *r)
{
    if (r->d->ready_count == 0 && r->d->old_count == 0 && !r->d->has_checkpoint)
        return;
    for (size_t i = 0; i < r->count; i++) {
        char *path;

        if (r->segments[i].counts)
            continue;
        path = durable_path(r->d, ".log", r->segments[i].number);
        st_clear(env_unlink(r->d->env, path)); /* the next start tries again */
        heap_free(path);
    }
}

static status read_checkpoint(struct recovery *r)
{
    struct durable *d = r->d;

    r->start = 1;
    if (d->owner->recover_base != NULL)
        TRY_RETURN(d->owner->recover_base(d->e, d, &r->start));
    if (r->start > 1) { /* the rest is elsewhere; a checkpoint is of the engine before */
        d->has_checkpoint = true;
        return STATUS_OK;
    }
    if (r->checkpoint_count == 0)
        return STATUS_OK;
    r->start = r->checkpoints[r->checkpoint_count - 1];
    TRY_RETURN(checkpoint_read(d, r->start));
    d->has_checkpoint = true;
    d->checkpoint_sequence = r->start;
    for (size_t i = 0; i + 1 < r->checkpoint_count; i++) {
        char *path = durable_path(d, ".ckpt", r->checkpoints[i]);

        st_clear(env_unlink(d->env, path));
        heap_free(path);
    }
    return STATUS_OK;
}

/* Go on where the log ends. The next segment is linked to the last one that has something before
 * the end: a segment that was cut off whole may be there after a crash, or not. */
static void take_over(struct recovery *r)
{
    struct durable *d = r->d;

    for (size_t i = 0; i < r->chain_count; i++) {
        struct segment_file *s = r->chain[i];

        s->counts = s->header.first_sequence < r->end;
        if (!s->counts)
            continue;
        log_note_old(d, s->number, s->header.first_sequence, false);
        d->previous_segment = s->number;
    }
    /* A checkpoint may hold what the log lost, never the other way round. */
    d->sequence = MAX(r->end, r->start);
    d->applied = d->synced = d->sequence;
    d->raft.floor = r->start;
    d->crc = d->sequence == r->end ? r->end_crc : 0;
    d->number_next = r->count > 0 ? r->segments[r->count - 1].number + 1 : 1;
}

static status recover(struct recovery *r)
{
    uint64_t last = 0;
    slice    rest;

    TRY_RETURN(list_files(r));
    TRY_RETURN(read_headers(r));
    TRY_RETURN(read_checkpoint(r));
    r->end = r->start;
    if (r->count == 0 && r->checkpoint_count == 0)
        return status_new(ST_CORRUPT, "the store has lost its log");
    TRY_RETURN(find_chain(r));
    if (r->chain_count > 0) {
        const struct segment_file *s = r->chain[r->chain_count - 1];

        last = s->number;
        TRY_RETURN(read_log(r, &rest));
        TRY_RETURN(check_end(r, s, rest));
        TRY_RETURN(check_begin(r));
        TRY_RETURN(make_durable(r, s));
    }
    TRY_RETURN(check_unbegun(r, last));
    take_over(r);
    TRY_RETURN(erase_cut_off(r));
    TRY_RETURN(durable_make_ready(r->d));
    delete_rest(r);
    return STATUS_OK;
}

status durable_recover(struct durable *d)
{
    struct recovery r = {.d = d, .arena = arena_new(env_heap(d->env), NULL)};
    uint64_t        start_us = env_mono_us(d->env);
    status          st;

    buf_init(&r.bytes, env_heap(d->env));
    buf_init(&r.batch, env_heap(d->env));
    st = recover(&r);
    if (st_ok(st) && !d->e->identity.is_new)
        log_info(env_log(d->env), "store recovered", kv_u64("batches", r.batches),
                 kv_bytes("log_bytes", d->log_bytes),
                 kv_u64("took_us", env_mono_us(d->env) - start_us));
    buf_deinit(&r.bytes);
    buf_deinit(&r.batch);
    arena_free(r.arena);
    return st;
}
