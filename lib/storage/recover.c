/* Recovery: the newest checkpoint, then every batch in the log behind it (log_scan.h).
 *
 * What was read but is not proved to be durable may come from a page cache that a failed sync has
 * left behind (L1): it is written again and synced before it is believed. */
#include <inttypes.h>

#include "base/assert.h"
#include "base/log.h"
#include "base/sort.h"
#include "storage/durable_internal.h"
#include "storage/log_scan.h"
#include "storage/store_files.h"

struct recovery {
    struct durable *d;
    struct log_scan scan;
    uint64_t       *checkpoints; /* ascending */
    size_t          checkpoint_count;
    uint64_t        batches;
};

/* The memory engine must not take a store of tables for one without a checkpoint. */
static status check_kind(struct durable *d, enum store_file_kind kind)
{
    if (kind != STORE_FILE_CURRENT || !d->owner->has_checkpoints)
        return STATUS_OK;
    return status_new(ST_CONFIG_ERROR, "store \"%s\" keeps its data in tables", d->path);
}

static status list_checkpoints(struct recovery *r)
{
    const char **names;
    size_t       count;

    TRY_RETURN(env_list_dir(r->d->env, r->d->path, r->scan.arena, &names, &count));
    r->checkpoints = ARENA_ARRAY(r->scan.arena, uint64_t, count + 1);
    for (size_t i = 0; i < count; i++) {
        uint64_t             number;
        enum store_file_kind kind = store_file_kind(names[i], &number);

        TRY_RETURN(check_kind(r->d, kind));
        if (kind == STORE_FILE_CHECKPOINT)
            r->checkpoints[r->checkpoint_count++] = number;
    }
    sort_stable(env_heap(r->d->env), r->checkpoints, r->checkpoint_count, sizeof r->checkpoints[0],
                sort_compare_u64, NULL);
    return STATUS_OK;
}

/* ---- what the log says
 * ------------------------------------------------------------------------------------- */

static status apply_raft(struct recovery *r, uint64_t segment, struct log_place place, slice ops)
{
    status st = raft_log_apply(&r->d->raft, ops, place);

    if (!st_ok(st)) {
        st_clear(st);
        return log_scan_corrupt(&r->scan, segment, "changes to Raft logs contradict each other");
    }
    raft_cache_put(&r->d->raft, place.sequence, ops);
    return STATUS_OK;
}

static status apply_batch(void *ctx, const struct log_record *last, struct log_place place,
                          slice encoded)
{
    struct recovery *r = ctx;

    if (last->content == LOG_RAFT)
        return apply_raft(r, last->segment, place, encoded);
    if (last->sequence < r->scan.start) /* the engine has it: it is read for what lies behind */
        return STATUS_OK;
    if (!batch_is_valid(encoded))
        return log_scan_corrupt(&r->scan, last->segment, "a batch is malformed");
    r->d->owner->apply(r->d->e, encoded, APPLY_SYNCED);
    r->batches++;
    return STATUS_OK;
}

/* All that Raft logs need is there, whether by the headers or by what the log itself says. */
static status check_begin(struct recovery *r)
{
    struct raft_log *l = &r->d->raft;
    uint64_t         first = r->scan.chain[0]->number;
    status           st;

    /* The log's first write for a range may have come no further than the header, which asks for
     * what is before it all the same: that goes only when the log has said so. */
    for (size_t i = 0; i < r->scan.chain_count; i++)
        l->is_used = l->is_used || r->scan.chain[i]->header.kept > 0;
    if (first > MAX(l->claim, r->scan.needed))
        return log_scan_corrupt(&r->scan, first, "the segment before it is missing or damaged");
    st = raft_log_check_whole(l);
    return st_ok(st) ? st : status_hint(st, "Restore the store from a backup.");
}

/* ---- the end of the log
 * -------------------------------------------------------------------------- */

/* Write again what counts of the last segment but is not proved, and sync it. */
static status make_durable(struct recovery *r, const struct log_segment *last)
{
    slice                 bytes = buf_slice(&r->scan.bytes);
    slice                 at = slice_from(bytes, segment_header_size(last->header.is_sealed));
    uint64_t              from = 0, sequence = last->header.first_sequence;
    struct log_generation g = log_generation(last->header.incarnation, last->number);
    struct log_record     rec;
    struct env_file      *file = NULL;
    char                 *path;
    status                st;

    for (; sequence < r->scan.end; sequence++) {
        /* With the first record the header was written too. */
        if (sequence < r->scan.proved)
            from = bytes.size - at.size;
        if (!log_record_take(&at, &g, sequence, &rec))
            break;
    }
    /* A segment is begun after all before it is durable, so only what it has itself is open. */
    if (r->scan.end <= r->scan.proved || r->scan.end <= last->header.first_sequence)
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

/* Without a file of a log the store would seem to have lost it. */
static bool may_delete(const struct recovery *r)
{
    return r->d->ready_count > 0 || r->d->old_count > 0 || r->d->has_checkpoint;
}

static status delete_segment(struct recovery *r, uint64_t number)
{
    char  *path = durable_path(r->d, ".log", number);
    status st = env_unlink(r->d->env, path);

    heap_free(path);
    return st;
}

/* Segments that were cut off whole, from the newest back: a crash must not bring back one of them
 * without the one it is linked to. They are not written to: a copy of the store may share them. */
static status delete_cut_off(struct recovery *r)
{
    for (size_t i = r->scan.chain_count; i-- > 0 && !r->scan.chain[i]->counts;) {
        TRY_RETURN(delete_segment(r, r->scan.chain[i]->number));
        TRY_RETURN(env_sync_dir(r->d->env, r->d->path, ENV_LANE_LOG_SYNC));
    }
    return STATUS_OK;
}

/* The other segments that no recovery needs: freed ones, and those never begun. */
static void delete_rest(struct recovery *r)
{
    uint64_t begin = r->scan.chain_count > 0 ? r->scan.chain[0]->number : 0;
    uint64_t needed = r->d->raft.claim;

    for (size_t i = 0; i < r->scan.count; i++) {
        const struct log_segment *s = &r->scan.segments[i];

        if (!s->counts && !(s->is_begun && s->number >= needed && s->number < begin))
            st_clear(delete_segment(r, s->number)); /* the next start tries again */
    }
}

/* All but the newest, or all when what they hold is elsewhere. */
static void delete_checkpoints(struct recovery *r)
{
    size_t kept = r->d->checkpoint_sequence > 0 ? 1 : 0;

    for (size_t i = 0; i + kept < r->checkpoint_count; i++)
        checkpoint_delete(r->d, r->checkpoints[i]);
}

/* What the log goes on from: what the engine has elsewhere, or a checkpoint. One of the memory
 * engine is what an engine with tables begins with, until its first table is there. */
static status read_base(struct recovery *r, uint64_t *start)
{
    struct durable *d = r->d;

    *start = 1;
    if (d->owner->recover_base != NULL)
        TRY_RETURN(d->owner->recover_base(d->e, d, start));
    if (*start > 1) {
        d->has_checkpoint = true;
        return STATUS_OK;
    }
    if (r->checkpoint_count == 0)
        return STATUS_OK;
    *start = r->checkpoints[r->checkpoint_count - 1];
    TRY_RETURN(checkpoint_read(d, *start));
    d->has_checkpoint = true;
    d->has_foreign_checkpoint = !d->owner->has_checkpoints;
    d->checkpoint_sequence = *start;
    return STATUS_OK;
}

/* The first segment that the next recovery may ask for. This one may have found in the header of a
 * segment that was cut off that it needs less; the next one does not find that again. */
static uint64_t first_needed(const struct recovery *r)
{
    uint64_t first = r->d->raft.claim;

    for (size_t i = 0; i < r->scan.chain_count; i++) {
        const struct log_segment *s = r->scan.chain[i];

        if (s->counts)
            first = MAX(first, s->number - MIN(s->number, s->header.kept));
    }
    return first;
}

/* Go on where the log ends. The next segment is linked to the last one that has something before
 * the end: a segment that was cut off whole may be there after a crash, or not. */
static void take_over(struct recovery *r)
{
    struct durable *d = r->d;

    for (size_t i = 0; i < r->scan.chain_count; i++) {
        struct log_segment *s = r->scan.chain[i];

        s->counts = s->header.first_sequence < r->scan.end;
        if (!s->counts)
            continue;
        log_note_old(d, s->number, s->header.first_sequence, false);
        d->previous_segment = s->number;
    }
    /* A checkpoint may hold what the log lost, never the other way round. */
    d->sequence = MAX(r->scan.end, r->scan.start);
    d->applied = d->synced = d->sequence;
    d->raft.floor = r->scan.start;
    d->crc = d->sequence == r->scan.end ? r->scan.end_crc : 0;
    d->raft.claim = first_needed(r);
    d->number_next = r->scan.count > 0 ? r->scan.segments[r->scan.count - 1].number + 1 : 1;
}

static status recover(struct recovery *r)
{
    const struct log_visitor visitor = {.ctx = r, .batch = apply_batch};
    uint64_t                 start;

    TRY_RETURN(log_scan_list(&r->scan));
    TRY_RETURN(list_checkpoints(r));
    TRY_RETURN(read_base(r, &start));
    if (r->scan.count == 0 && !r->d->has_checkpoint)
        return status_new(ST_CORRUPT, "the store has lost its log");
    TRY_RETURN(log_scan_chain(&r->scan, start));
    TRY_RETURN(log_scan_read(&r->scan, &visitor));
    r->d->log_bytes += r->scan.size;
    if (r->scan.chain_count > 0)
        TRY_RETURN(check_begin(r));
    /* Nothing was changed so far: what is damaged is as it was, for whoever can mend it. */
    if (r->d->owner->recover_end != NULL)
        TRY_RETURN(r->d->owner->recover_end(r->d->e));
    delete_checkpoints(r);
    if (r->scan.chain_count > 0)
        TRY_RETURN(make_durable(r, r->scan.chain[r->scan.chain_count - 1]));
    take_over(r);
    TRY_RETURN(durable_make_ready(r->d));
    if (!may_delete(r))
        return STATUS_OK;
    TRY_RETURN(delete_cut_off(r));
    delete_rest(r);
    return STATUS_OK;
}

status durable_recover(struct durable *d)
{
    struct recovery r = {.d = d};
    uint64_t        start_us = env_mono_us(d->env);
    status          st;

    log_scan_init(&r.scan, d->env, d->path, d->e->identity.incarnation, d->keyring);
    st = recover(&r);
    if (st_ok(st) && !d->e->identity.is_new)
        log_info(env_log(d->env), "store recovered", kv_u64("batches", r.batches),
                 kv_bytes("log_bytes", d->log_bytes),
                 kv_u64("took_us", env_mono_us(d->env) - start_us));
    log_scan_deinit(&r.scan);
    return st;
}
