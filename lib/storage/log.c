/* The writing side of the log: segments, records, rotation. The format is in log_format.h, reading
 * in recover.c.
 *
 * A group is encoded into one buffer and, when it fits the segment, goes out as one O_DSYNC write:
 * one system call where write and fdatasync are two, 95 against 144 us (architecture.md section
 * 13). Larger groups are written in pieces and synced once per segment. */
#include "base/assert.h"
#include "base/log.h"

#include "storage/durable_internal.h"

enum {
    PIECE_SIZE = 4 << 20,        /* of a large group, per write */
    INLINE_SIZE_MAX = 256 << 10, /* a larger write never blocks the worker */
    RECORD_SIZE_LEAST = 128,     /* less room than this at the end of a segment stays unused */
    /* A larger write makes larger folios of the page cache, and each commit in one of them then
     * walks all its buffers: 2.9 us for an unsynced commit where 1.9 us do. */
    ZERO_SIZE = 32 << 10,
    TAIL_FRACTION = 16,  /* of a segment, kept for frugal batches */
    SMALL_FRACTION = 64, /* of a segment's size, when the disk has no room for a whole one */
    FRUGAL_BYTES_MAX = 16 << 10, /* of values in a batch that frees space: descriptors, mostly */
    FOLIO_SIZE = 32 << 10,       /* of the page cache, as ZERO_SIZE makes them */
    WRITE_BACK_SIZE = 1 << 20,   /* or the end of a segment waits for 16 MiB at once */
    RETRY_US = 1000 * 1000,      /* after a failure to prepare a segment in the background */
};

static void close_segment(struct open_segment *s)
{
    env_file_close(s->file);
    env_file_close(s->dsync);
    cipher_free(s->sealer.cipher);
    *s = (struct open_segment){0};
}

static status open_segment(struct durable *d, const char *path, enum env_lane lane,
                           struct open_segment *s)
{
    unsigned flags = ENV_READ | ENV_WRITE | ENV_CREATE;
    status   st;

    TRY(st, env_file_open_on(d->env, path, flags, lane, &s->file), fail);
    TRY(st, env_file_open(d->env, path, ENV_WRITE | ENV_DSYNC, &s->dsync), fail);
    return STATUS_OK;
fail:
    close_segment(s);
    return st;
}

/* Fill with zeros, so that later writes change no block allocation: a synced write then costs half
 * (130 against 269 us). In the background only. */
static status fill_with_zeros(struct durable *d, struct env_file *file)
{
    char  *zeros = heap_zalloc(env_heap(d->env), ZERO_SIZE);
    status st = zeros != NULL ? STATUS_OK : STATUS_OOM;

    for (uint64_t at = 0; st_ok(st) && at < d->segment_size; at += ZERO_SIZE)
        st = env_file_write_at(file, zeros, (size_t)MIN(ZERO_SIZE, d->segment_size - at), at,
                               ENV_LANE_WRITE);
    heap_free(zeros);
    return st;
}

/* How a segment is made ready. */
struct making {
    uint64_t      size;
    bool          fill; /* with zeros */
    enum env_lane lane; /* for its syncs */
};

/* A new file. On error none is left. */
static status make_segment(struct durable *d, const char *path, const struct making *how,
                           struct open_segment *s)
{
    status st = open_segment(d, path, how->lane, s);

    if (!st_ok(st))
        return st;
    TRY(st, env_file_allocate_on(s->file, 0, s->size, how->lane), fail);
    if (how->fill)
        TRY(st, fill_with_zeros(d, s->file), fail);
    TRY(st, env_file_sync(s->file, how->lane), fail);
    return STATUS_OK;

fail:
    close_segment(s);
    st_clear(env_unlink(d->env, path));
    return st;
}

static status reuse_segment(struct durable *d, const char *path, enum env_lane lane,
                            struct open_segment *s)
{
    char  *old = durable_path(d, ".log", d->recycled[--d->recycled_count]);
    status st = env_rename_on(d->env, old, path, lane);

    heap_free(old);
    return st_ok(st) ? open_segment(d, path, lane, s) : st;
}

/* Prepare one more segment, its name durable (L12), and add it to those that are ready. */
static status add_segment(struct durable *d, const struct making *how)
{
    struct open_segment s = {.number = d->number_next++, .size = how->size};
    char               *path = durable_path(d, ".log", s.number);
    status              st;

    ASSERT(d->ready_count < READY_MAX);
    st = d->recycled_count > 0 && how->size == d->segment_size
             ? reuse_segment(d, path, how->lane, &s)
             : make_segment(d, path, how, &s);
    if (st_ok(st))
        st = env_sync_dir(d->env, d->path, how->lane);
    heap_free(path);
    if (!st_ok(st)) {
        close_segment(&s);
        return st;
    }
    d->ready[d->ready_count++] = s;
    return STATUS_OK;
}

/* Now, because somebody waits for it. */
static status add_ready(struct durable *d)
{
    return add_segment(d, &(struct making){.size = d->segment_size, .lane = ENV_LANE_LOG_SYNC});
}

status log_make_ready(struct durable *d)
{
    bool is_ready = d->ready_count > 0 && d->ready[d->ready_count - 1].size == d->segment_size;

    return is_ready ? STATUS_OK : add_ready(d);
}

status log_make_small_ready(struct durable *d)
{
    uint64_t size = MAX(d->segment_size / SMALL_FRACTION, (uint64_t)SEGMENT_SIZE_LEAST);

    struct making how = {.size = MIN(size, d->segment_size), .lane = ENV_LANE_LOG_SYNC};

    return d->ready_count > 0 ? STATUS_OK : add_segment(d, &how);
}

static void prepare_fiber(struct env *env, void *arg)
{
    struct durable *d = arg;
    struct making   how = {.size = d->segment_size, .fill = d->has_synced, .lane = ENV_LANE_WRITE};
    status          st = add_segment(d, &how);

    d->has_synced = false;
    if (!st_ok(st)) {
        d->prepare_at_us = env_mono_us(env) + RETRY_US;
        if (status_code(st) != ST_DISK_FULL)
            log_warn(env_log(env), "could not prepare a log segment", kv_status(st));
    }
    st_clear(st); /* the commit that needs it will try again, and report */
    d->is_preparing = false;
    env_broadcast(env, &d->idle);
}

void log_prepare_next(struct durable *d)
{
    if (d->ready_count > 0 || d->is_preparing || d->is_closing || !d->has_current ||
        d->offset < d->current.size / 2 || env_mono_us(d->env) < d->prepare_at_us)
        return;
    d->is_preparing = true;
    status st = env_spawn(d->env, "log prepare", prepare_fiber, d, NULL);
    if (!st_ok(st)) {
        d->is_preparing = false;
        st_clear(st);
    }
}

static void write_back_fiber(struct env *env, void *arg)
{
    struct durable *d = arg;
    uint64_t        from = d->written_back, end = d->offset / FOLIO_SIZE * FOLIO_SIZE;

    /* Beside the writes of commits, not before them: it waits while the disk has much to do. And
     * not the page that the next commit writes to. */
    d->written_back = end;
    env_file_write_back(d->current.file, from, (size_t)(end - from), ENV_LANE_WRITE);
    d->is_writing_back = false;
    env_broadcast(env, &d->idle);
}

void log_write_back(struct durable *d)
{
    status st;

    if (d->is_writing_back || d->is_closing || !d->has_current ||
        d->offset < d->written_back + WRITE_BACK_SIZE)
        return;
    d->is_writing_back = true;
    st = env_spawn(d->env, "log write-back", write_back_fiber, d, NULL);
    if (!st_ok(st)) {
        d->is_writing_back = false;
        st_clear(st);
    }
}

void log_note_old(struct durable *d, uint64_t number, uint64_t first_sequence, bool ours)
{
    if (d->old_count == d->old_capacity) {
        struct old_segment *grown =
            heap_must_alloc(env_heap(d->env), d->old_capacity * 2 + 16, sizeof *grown);

        if (d->old_count > 0)
            memcpy(grown, d->old, d->old_count * sizeof *grown);
        heap_free(d->old);
        d->old = grown;
        d->old_capacity = d->old_capacity * 2 + 16;
    }
    d->old[d->old_count++] = (struct old_segment){number, first_sequence, ours};
}

const struct old_segment *log_segment_of(const struct durable *d, uint64_t sequence)
{
    size_t low = 0, high = d->old_count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (d->old[middle].first_sequence <= sequence)
            low = middle + 1;
        else
            high = middle;
    }
    return low > 0 ? &d->old[low - 1] : NULL;
}

static void unlink_segment(struct durable *d, uint64_t number)
{
    char *path = durable_path(d, ".log", number);

    st_clear(env_unlink(d->env, path)); /* the next start tries again */
    heap_free(path);
}

/* A segment is worth keeping for what syncs: then a new one is filled with zeros first. */
void log_free_before(struct durable *d, uint64_t sequence)
{
    size_t freed = 0;

    /* A segment ends where the next one begins. The newest is being written, or the last that was
     * recovered, whose end the next one must be chained to. */
    for (; freed + 1 < d->old_count; freed++) {
        struct old_segment *s = &d->old[freed];

        if (d->old[freed + 1].first_sequence > sequence)
            break;
        if (s->is_ours && d->recycles && d->recycled_count < RECYCLED_MAX) {
            d->recycled[d->recycled_count++] = s->number;
        } else {
            unlink_segment(d, s->number);
        }
    }
    d->recycles = d->recycles && freed == 0;
    d->old_count -= freed;
    if (d->old_count > 0)
        memmove(d->old, d->old + freed, d->old_count * sizeof d->old[0]);
}

/* ---- writing
 * ------------------------------------------------------------------------------------- */

static uint64_t room(const struct durable *d)
{
    return d->has_current ? d->current.size - d->offset : 0;
}

/* What a batch may fill of a segment that nothing was written to yet. */
static uint64_t usable(const struct open_segment *s)
{
    return s->size - SEGMENT_HEADER_SIZE_MAX - 2 * RECORD_SIZE_LEAST;
}

/* What can be written without a further segment. */
static uint64_t room_in_all(const struct durable *d)
{
    uint64_t bytes = room(d) > RECORD_SIZE_LEAST ? room(d) - RECORD_SIZE_LEAST : 0;

    for (size_t i = 0; i < d->ready_count; i++)
        bytes += usable(&d->ready[i]);
    return bytes;
}

/* Whether a batch frees more than it takes, or is bookkeeping without which nothing goes on: these
 * may use what is kept for when the disk is full (L13), so that there is a way out. */
static bool batch_is_frugal(slice batch)
{
    struct batch_op op;
    size_t          bytes = 0;
    bool            puts = false, frees = false;

    while (batch_take_op(&batch, &op)) {
        puts = puts || op.kind == BATCH_PUT;
        frees = frees || op.kind == BATCH_DELETE || op.kind == BATCH_CLEAR_RANGE ||
                op.kind == BATCH_CLEAR_VERSION;
        bytes += op.value.size;
    }
    return (frees || !puts) && bytes <= FRUGAL_BYTES_MAX;
}

/* Votes, truncations and the like go on, without which the log could not shrink. */
static bool raft_ops_are_frugal(slice ops)
{
    struct raft_op op;

    while (raft_op_take(&ops, &op)) {
        if (op.kind == RAFT_ENTRY || op.kind == RAFT_MOVED)
            return false;
    }
    return true;
}

static bool are_frugal(const struct log_batch *batches, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const struct log_batch *b = &batches[i];

        if (b->content == LOG_BATCH ? !batch_is_frugal(b->bytes) : !raft_ops_are_frugal(b->bytes))
            return false;
    }
    return true;
}

/* Make sure that the segments the bytes will need at most are there, so that a full disk is found
 * out before anything is written; and that the tail is left, unless the batches may have it. */
static status reserve(struct durable *d, const struct log_batch *batches, size_t count,
                      uint64_t bytes)
{
    uint64_t whole = d->segment_size - SEGMENT_HEADER_SIZE_MAX - 2 * RECORD_SIZE_LEAST;
    uint64_t wanted = bytes + d->segment_size / TAIL_FRACTION;
    status   st = STATUS_OK;

    if (wanted / whole + 2 > READY_MAX)
        return status_hint(status_new(ST_LIMIT_EXCEEDED,
                                      "write of %llu bytes exceeds the log's limit",
                                      (unsigned long long)bytes),
                           "Split the change into smaller transactions.");
    while (d->is_preparing && room_in_all(d) < wanted)
        env_wait_uncancelled(d->env, &d->idle);
    while (st_ok(st) && room_in_all(d) < wanted)
        st = add_ready(d);
    if (status_code(st) != ST_DISK_FULL || !are_frugal(batches, count))
        return st;
    if (room_in_all(d) < bytes) {
        st_clear(st);
        st = log_make_small_ready(d);
    }
    if (room_in_all(d) < bytes)
        return st_ok(st) ? status_new(ST_DISK_FULL, "the disk is full") : st;
    st_clear(st);
    return STATUS_OK;
}

static enum env_lane lane_for(struct durable *d, size_t size)
{
    /* Handing over to a thread and back costs as much as half a sync; nobody else waits now. */
    return env_idle(d->env) && size <= INLINE_SIZE_MAX ? ENV_INLINE : ENV_LANE_LOG_SYNC;
}

/* Write what is encoded at the place it belongs to. */
static status flush(struct durable *d, bool dsync)
{
    size_t           size = d->encoded.size;
    struct env_file *file = dsync ? d->current.dsync : d->current.file;
    status st = env_file_write_at(file, d->encoded.data, size, d->offset, lane_for(d, size));

    if (!st_ok(st))
        return st;
    metric_add(&d->e->metrics.log_bytes, size);
    d->offset += size;
    d->log_bytes += size;
    buf_reset(&d->encoded);
    return STATUS_OK;
}

static uint64_t room_after_encoded(const struct durable *d)
{
    return d->has_current ? d->current.size - d->offset - d->encoded.size : 0;
}

/* Finish the current segment, if there is one, durably: the next one's header says how far it
 * counts. */
static status finish_current(struct durable *d)
{
    if (!d->has_current)
        return STATUS_OK;
    if (d->encoded.size > 0)
        TRY_RETURN(flush(d, false));
    while (d->is_writing_back) /* its file */
        env_wait_uncancelled(d->env, &d->idle);
    TRY_RETURN(env_file_sync(d->current.file, ENV_LANE_LOG_SYNC));
    d->previous_segment = d->current.number;
    close_segment(&d->current);
    d->has_current = false;
    return STATUS_OK;
}

/* How many numbers before `segment` the oldest one is that holds something of a Raft log. What is
 * being written and not applied yet may be from the group's first record on. */
static uint32_t kept_before(struct durable *d, uint64_t segment)
{
    const struct old_segment *s;

    if (!d->raft.is_used)
        return 0;
    s = log_segment_of(d, MIN(raft_log_oldest(&d->raft), d->applied));
    return s != NULL ? (uint32_t)MIN(segment - s->number, UINT32_MAX) : 0;
}

/* The header of the current segment, which is at its beginning, and the key that goes with it. */
static status put_segment_header(struct durable *d, struct segment_header *h)
{
    ASSERT(d->encoded.size == 0);
    h->is_sealed = d->keyring != NULL;
    if (h->is_sealed)
        h->seal = keyring_new_seal(d->keyring, d->env);
    segment_header_put(&d->encoded, h);
    return h->is_sealed ? keyring_cipher(d->keyring, env_heap(d->env), &h->seal,
                                         segment_header_bound(buf_slice(&d->encoded)),
                                         &d->current.sealer.cipher)
                        : STATUS_OK;
}

static status begin_next(struct durable *d)
{
    struct segment_header h = {.first_sequence = d->sequence, .previous_crc = d->crc};

    TRY_RETURN(finish_current(d));
    ASSERT(d->ready_count > 0);
    d->current = d->ready[0];
    d->ready_count--;
    memmove(d->ready, d->ready + 1, d->ready_count * sizeof d->ready[0]);
    d->has_current = true;
    d->current.generation = log_generation(d->e->identity.incarnation, d->current.number);
    d->offset = d->written_back = 0;
    h.segment = d->current.number;
    h.previous_segment = d->previous_segment;
    h.kept = kept_before(d, h.segment);
    memcpy(h.incarnation, d->e->identity.incarnation, sizeof h.incarnation);
    TRY_RETURN(put_segment_header(d, &h));
    log_note_old(d, h.segment, h.first_sequence, d->current.size == d->segment_size);
    return STATUS_OK;
}

static void put_record(struct durable *d, enum record_type type, enum log_content content,
                       slice payload)
{
    struct log_record r = {.type = type,
                           .content = content,
                           .sequence = d->sequence++,
                           .synced = d->synced,
                           .previous = d->crc,
                           .payload = payload};

    log_record_put(&d->encoded, &r, &d->current.generation, &d->current.sealer);
    d->crc = r.crc;
}

static enum record_type type_of(bool is_first, bool is_last)
{
    if (is_first)
        return is_last ? RECORD_WHOLE : RECORD_FIRST;
    return is_last ? RECORD_LAST : RECORD_MIDDLE;
}

/* One batch as one record, or cut to what fits a piece and the segment. */
static status write_batch(struct durable *d, struct log_batch *batch)
{
    slice rest = batch->bytes;

    do {
        uint64_t fits;
        slice    part;

        if (room_after_encoded(d) < RECORD_SIZE_LEAST)
            TRY_RETURN(begin_next(d));
        fits = room_after_encoded(d) - RECORD_HEADER_SIZE - RECORD_SEAL_SIZE - RECORD_ALIGN;
        part = slice_make(rest.data, MIN(rest.size, MIN(fits, PIECE_SIZE)));
        if (rest.data == batch->bytes.data)
            batch->place = (struct log_place){d->sequence, d->offset + d->encoded.size};
        put_record(d, type_of(rest.size == batch->bytes.size, part.size == rest.size),
                   batch->content, part);
        rest = slice_from(rest, part.size);
        if (d->encoded.size >= PIECE_SIZE)
            TRY_RETURN(flush(d, false));
    } while (rest.size > 0);
    return STATUS_OK;
}

/* What to go back to when a group cannot be written for want of room. */
struct write_place {
    uint64_t segment, offset, sequence;
    uint32_t crc;
};

static struct write_place place_now(const struct durable *d)
{
    return (struct write_place){.segment = d->has_current ? d->current.number : 0,
                                .offset = d->offset,
                                .sequence = d->sequence,
                                .crc = d->crc};
}

/* Take back a group that met a full disk in the middle of a segment: its first record must not be
 * found by a recovery. False: that failed too, or the group went over several segments. */
static bool take_back(struct durable *d, const struct write_place *before)
{
    static const char zeros[RECORD_HEADER_SIZE];
    status            st;

    if (!d->has_current || d->current.number != before->segment)
        return false;
    st =
        env_file_write_at(d->current.dsync, zeros, sizeof zeros, before->offset, ENV_LANE_LOG_SYNC);
    if (!st_ok(st)) {
        st_clear(st);
        return false;
    }
    d->offset = before->offset;
    d->sequence = before->sequence;
    d->crc = before->crc;
    return true;
}

static uint64_t bytes_for(const struct log_batch *batches, size_t count)
{
    uint64_t bytes = 0;

    for (size_t i = 0; i < count; i++)
        bytes += log_record_size(batches[i].bytes.size + RECORD_SEAL_SIZE) +
                 batches[i].bytes.size / PIECE_SIZE *
                     (RECORD_HEADER_SIZE + RECORD_SEAL_SIZE + RECORD_ALIGN);
    return bytes;
}

static status write_records(struct durable *d, struct log_batch *batches, size_t count,
                            uint64_t bytes, bool sync)
{
    bool one_write;

    if (count > 0 && room(d) < RECORD_SIZE_LEAST)
        TRY_RETURN(begin_next(d));
    /* Bytes that were written without a sync are not covered by the range that O_DSYNC syncs. */
    one_write = sync && d->synced == d->sequence && bytes < PIECE_SIZE &&
                bytes + RECORD_SIZE_LEAST <= room_after_encoded(d);
    for (size_t i = 0; i < count; i++)
        TRY_RETURN(write_batch(d, &batches[i]));
    if (d->encoded.size > 0)
        TRY_RETURN(flush(d, one_write));
    if (sync && d->synced != d->sequence && !one_write)
        TRY_RETURN(env_file_sync(d->current.file, lane_for(d, 0)));
    if (sync) {
        d->written_back = d->offset;
        d->synced = d->sequence;
    }
    return STATUS_OK;
}

status log_write_group(struct durable *d, struct log_batch *batches, size_t count, bool sync)
{
    uint64_t           bytes = bytes_for(batches, count), start_us = env_mono_us(d->env);
    struct write_place before;
    status             st;

    TRY_RETURN(reserve(d, batches, count, bytes));
    before = place_now(d);
    st = write_records(d, batches, count, bytes, sync);
    if (!st_ok(st)) {
        buf_reset(&d->encoded);
        if (status_code(st) != ST_DISK_FULL || take_back(d, &before))
            return st;
        st_clear(st);
        return status_new(ST_IO_ERROR, "could not take back a log write on a full disk");
    }
    if (d->encoded.capacity > 2 * PIECE_SIZE)
        buf_deinit(&d->encoded);
    metric_add(&d->e->metrics.log_writes, 1);
    metric_observe(&d->e->metrics.group_size, count);
    if (sync)
        metric_observe(&d->e->metrics.sync_us, env_mono_us(d->env) - start_us);
    return STATUS_OK;
}

status log_write_mark(struct durable *d)
{
    if (!d->has_current)
        return STATUS_OK;
    if (d->synced != d->sequence)
        TRY_RETURN(env_file_sync(d->current.file, ENV_LANE_LOG_SYNC));
    d->synced = d->sequence;
    if (room(d) < RECORD_SIZE_LEAST) {
        if (d->ready_count == 0)
            return STATUS_OK; /* durable, but without a record to prove it */
        TRY_RETURN(begin_next(d));
    }
    put_record(d, RECORD_MARK, LOG_BATCH, SLICE_EMPTY);
    return flush(d, true);
}

/* A recovery makes a new segment and deletes what was never begun: at rest it is room for others.
 * Where nothing was begun one segment stays, as a store without any has lost its log. */
void log_trim(struct durable *d)
{
    size_t keep = d->old_count > 0 ? 0 : 1;

    while (d->ready_count > keep) {
        struct open_segment *s = &d->ready[--d->ready_count];

        unlink_segment(d, s->number);
        close_segment(s);
    }
    while (d->recycled_count > 0)
        unlink_segment(d, d->recycled[--d->recycled_count]);
    if (d->has_current)
        st_clear(env_file_truncate(d->current.file, d->offset));
}

void log_close(struct durable *d)
{
    if (d->has_current)
        close_segment(&d->current);
    for (size_t i = 0; i < d->ready_count; i++)
        close_segment(&d->ready[i]);
    d->has_current = false;
    d->ready_count = 0;
    heap_free(d->ready);
    heap_free(d->old);
    buf_deinit(&d->encoded);
}
