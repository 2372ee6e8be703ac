/* Cursors: batches of stored rows merged with the transaction's own writes.
 *
 * Nothing of the engine is held between two calls: the batch at hand is a copy, the next one starts
 * where it ended, at the same timestamp (pitfalls E4, P9). A plain cursor notes each batch as read
 * when it fetches it. A locking cursor locks a row before it relies on it, and notes reads row by
 * row: when a row turns out to be newer than the snapshot, everything before it is refreshed, which
 * the locks make succeed unless somebody has inserted there, and the scan goes on from the row at
 * the later timestamp. */
#include "base/assert.h"
#include "kv/hash.h"
#include "kv/keys.h"
#include "txn/txn_internal.h"

enum {
    BATCH_ROWS_FIRST = 32,
    BATCH_ROWS_MAX = 1024,
    BATCH_BYTES_MAX = 256 << 10,
    POOL_MAX = 256,
    POOL_ARENA_MAX = 512 << 10,
};

static struct txn_cursor *cursor_new(struct txn_system *s)
{
    struct heap       *heap = env_heap(s->env);
    struct list       *link = list_pop_front(&s->cursors);
    struct txn_cursor *c;

    if (link != NULL) {
        s->cursor_count--;
        return CONTAINER_OF(link, struct txn_cursor, link);
    }
    c = heap_zalloc(heap, sizeof *c);
    if (c == NULL)
        return NULL;
    c->bounds = arena_new(heap, NULL);
    c->rows = arena_new(heap, NULL);
    buf_init(&c->from, heap);
    buf_init(&c->read_upto, heap);
    return c;
}

void txn_cursor_free(struct txn_cursor *c)
{
    buf_deinit(&c->read_upto);
    buf_deinit(&c->from);
    arena_free(c->rows);
    arena_free(c->bounds);
    heap_free(c);
}

static void cursor_reset(struct txn_cursor *c)
{
    struct txn_cursor kept = *c;

    arena_reset(kept.bounds);
    arena_reset(kept.rows);
    buf_reset(&kept.from);
    buf_reset(&kept.read_upto);
    *c = (struct txn_cursor){
        .bounds = kept.bounds, .rows = kept.rows, .from = kept.from, .read_upto = kept.read_upto};
    list_init(&c->link);
}

/* The last own write of the span in reverse, the first otherwise. */
static struct keymap_node *own_begin(const struct txn_cursor *c)
{
    const struct keymap *m = &c->txn->buffer.map;

    if (m->count == 0)
        return NULL;
    if (!c->reverse)
        return keymap_seek(m, c->start);
    return c->end.size > 0 ? keymap_before(m, c->end) : keymap_last(m);
}

static void set_buf(struct buf *b, slice s)
{
    buf_reset(b);
    buf_append_slice(b, s);
}

static bool all_private(const struct txn *t, slice start, slice end)
{
    for (const struct private_span *p = t->privates; p != NULL; p = p->next) {
        if (slice_cmp(start, p->start) >= 0 &&
            (p->end.size == 0 || (end.size > 0 && slice_cmp(end, p->end) <= 0)))
            return true;
    }
    return false;
}

status txn_scan_open(struct txn *t, const struct txn_scan *scan, struct txn_cursor **out)
{
    struct txn_cursor *c;

    TRY_RETURN(txn_check(t));
    if (scan->lock != LOCK_NONE && t->as_of)
        return status_new(ST_FEATURE_NOT_SUPPORTED,
                          "row locks are not supported in a historical transaction");
    TRY_RETURN(txn_ensure_read_ts(t));
    c = cursor_new(t->system);
    if (c == NULL)
        return STATUS_OOM;
    cursor_reset(c);
    c->txn = t;
    c->start = arena_copy(c->bounds, scan->start);
    c->end = scan->end.size > 0 ? arena_copy(c->bounds, scan->end) : SLICE_EMPTY;
    c->reverse = scan->reverse;
    c->untracked = all_private(t, c->start, c->end);
    c->lock = c->untracked ? LOCK_NONE : scan->lock;
    c->wait = scan->wait;
    c->seq = t->seq;
    c->ts = t->isolation == TXN_READ_COMMITTED ? t->read_ts : 0;
    c->batch_rows =
        scan->limit_hint != 0 ? MIN(scan->limit_hint, (uint64_t)BATCH_ROWS_MAX) : BATCH_ROWS_FIRST;
    c->own = own_begin(c);
    /* An empty span has nothing to fetch; the engine is not asked. */
    c->done = c->end.size > 0 && slice_cmp(c->start, c->end) >= 0;
    set_buf(&c->from, c->reverse ? c->end : c->start);
    set_buf(&c->read_upto, buf_slice(&c->from));
    list_push_back(&t->cursors, &c->link);
    *out = c;
    return STATUS_OK;
}

void txn_cursor_close(struct txn_cursor *c)
{
    struct txn_system *s;

    if (c == NULL)
        return;
    s = c->txn->system;
    list_remove(&c->link);
    if (s->cursor_count >= POOL_MAX || arena_size(c->rows) > POOL_ARENA_MAX) {
        txn_cursor_free(c);
        return;
    }
    list_push_front(&s->cursors, &c->link);
    s->cursor_count++;
}

bool txn_cursor_row_changed(const struct txn_cursor *c)
{
    return c->row_changed;
}

/* ---- stored rows --------------------------------------------------------------------------------
 */

static hlc_ts cursor_ts(const struct txn_cursor *c)
{
    return c->ts != 0 ? c->ts : c->txn->read_ts;
}

/* The part of the span that the batch at hand has covered. */
static void note_batch(struct txn_cursor *c)
{
    struct txn              *t = c->txn;
    const struct range_scan *s = &c->scan;
    bool                     limited = s->ended == RANGE_SCAN_LIMIT;

    t->has_read = t->snapshot_used = true;
    if (c->lock != LOCK_NONE || !txn_tracks_reads(t))
        return;
    if (c->reverse)
        readset_add_span(&t->reads, limited ? s->resume : s->start, s->end);
    else
        readset_add_span(&t->reads, s->start, limited ? s->resume : s->end);
}

static status scan_at_read_ts(struct txn_cursor *c)
{
    struct txn       *t = c->txn;
    struct range_read read = {.txn_id = t->id, .untracked = c->untracked};

    for (;;) {
        read.ts = cursor_ts(c);
        read.limit = c->ts != 0 ? c->ts : t->limit_ts;
        TRY_RETURN(range_scan(t->system->range, &read, &c->scan));
        if (c->scan.ended != RANGE_SCAN_UNCERTAIN)
            return STATUS_OK;
        TRY_RETURN(txn_advance(t, c->scan.uncertain_ts));
    }
}

static status fetch(struct txn_cursor *c)
{
    slice from;

    arena_reset(c->rows);
    from = arena_copy(c->rows, buf_slice(&c->from));
    c->scan = (struct range_scan){
        .start = c->reverse ? c->start : from,
        .end = c->reverse ? from : c->end,
        .reverse = c->reverse,
        .rows_max = c->batch_rows,
        .bytes_max = BATCH_BYTES_MAX,
        .arena = c->rows,
    };
    c->at = 0;
    TRY_RETURN(scan_at_read_ts(c));
    if (!c->untracked)
        note_batch(c);
    c->done = c->scan.ended == RANGE_SCAN_DONE;
    if (!c->done)
        set_buf(&c->from, c->scan.resume);
    c->batch_rows = MIN(2 * c->batch_rows, (size_t)BATCH_ROWS_MAX);
    return STATUS_OK;
}

/* The stored row the cursor stands at; *row is NULL behind the last. */
static status peek_stored(struct txn_cursor *c, const struct range_row **row)
{
    const struct buffer *b = &c->txn->buffer;

    *row = NULL;
    for (;;) {
        for (; c->at < c->scan.row_count; c->at++) {
            *row = &c->scan.rows[c->at];
            if (b->range_deletes == NULL || !buffer_range_deleted(b, (*row)->key, c->seq))
                return STATUS_OK;
        }
        *row = NULL;
        if (c->done)
            return STATUS_OK;
        TRY_RETURN(fetch(c));
    }
}

/* ---- own rows -----------------------------------------------------------------------------------
 */

static bool in_bounds(const struct txn_cursor *c, slice key)
{
    return c->reverse ? slice_cmp(key, c->start) >= 0
                      : c->end.size == 0 || slice_cmp(key, c->end) < 0;
}

static void own_advance(struct txn_cursor *c)
{
    c->own =
        c->reverse ? keymap_before(&c->txn->buffer.map, keymap_key(c->own)) : keymap_next(c->own);
}

/* The own write the cursor stands at, NULL behind the last. New nodes may have come up to here
 * since the last call, but the cursor does not see what they hold. */
static const struct revision *peek_own(struct txn_cursor *c)
{
    for (; c->own != NULL; own_advance(c)) {
        const struct revision *r;

        if (!in_bounds(c, keymap_key(c->own))) {
            c->own = NULL;
            return NULL;
        }
        r = buffer_visible(c->own, c->seq);
        if (r != NULL)
            return r;
    }
    return NULL;
}

/* ---- the merge ----------------------------------------------------------------------------------
 */

struct merged_row {
    slice key, value;
    bool  own;
};

/* The next row, own writes covering stored ones. */
static status next_merged(struct txn_cursor *c, struct merged_row *out)
{
    for (;;) {
        const struct range_row *stored;
        const struct revision  *own;
        int                     order;

        TRY_RETURN(peek_stored(c, &stored));
        own = peek_own(c);
        if (stored == NULL && own == NULL)
            return STATUS_NO_DATA;
        if (own == NULL || stored == NULL)
            order = own == NULL ? -1 : 1;
        else
            order = slice_cmp(stored->key, keymap_key(c->own)) * (c->reverse ? -1 : 1);
        if (order <= 0)
            c->at++;
        if (order < 0) {
            *out = (struct merged_row){stored->key, stored->value, false};
            return STATUS_OK;
        }
        *out = (struct merged_row){keymap_key(c->own), revision_value(own), true};
        own_advance(c);
        if (!own->tombstone)
            return STATUS_OK;
    }
}

/* ---- locking ------------------------------------------------------------------------------------
 */

/* Everything from where reads were noted last up to `key` has been read; `key` too if `with_key`.
 */
static void note_upto(struct txn_cursor *c, slice key, bool with_key)
{
    struct txn *t = c->txn;
    slice       from = buf_slice(&c->read_upto);
    slice       to = with_key != c->reverse ? key_next(c->rows, key) : key;

    if (txn_tracks_reads(t)) {
        if (c->reverse)
            readset_add_span(&t->reads, to, from);
        else if (slice_cmp(from, to) < 0)
            readset_add_span(&t->reads, from, to);
    }
    set_buf(&c->read_upto, to);
}

static void note_rest(struct txn_cursor *c)
{
    struct txn *t = c->txn;
    slice       from = buf_slice(&c->read_upto);

    if (!txn_tracks_reads(t))
        return;
    if (c->reverse)
        readset_add_span(&t->reads, c->start, from);
    else
        readset_add_span(&t->reads, from, c->end);
}

/* Begin again at `key`, which is locked now, at the transaction's new timestamp. */
static void restart_at(struct txn_cursor *c, slice key)
{
    const struct keymap *m = &c->txn->buffer.map;

    set_buf(&c->from, c->reverse ? key_next(c->rows, key) : key);
    c->own = c->reverse ? keymap_before(m, buf_slice(&c->from)) : keymap_seek(m, key);
    c->scan.row_count = 0;
    c->at = 0;
    c->done = false;
    c->batch_rows = BATCH_ROWS_FIRST;
}

/* What to do with a row whose newest version is not the one the scan has shown. */
enum outcome { ROW_GIVE, ROW_LEAVE_OUT, ROW_AGAIN };

static status newer_version(struct txn_cursor *c, const struct locked_value *v,
                            struct merged_row *row, enum outcome *outcome)
{
    struct txn *t = c->txn;

    if (t->isolation == TXN_READ_COMMITTED) {
        *outcome = v->found ? ROW_GIVE : ROW_LEAVE_OUT;
        c->row_changed = v->found;
        row->value = v->value;
        return STATUS_OK;
    }
    if (t->isolation == TXN_SNAPSHOT)
        return txn_fail(t, txn_concurrent_update(!v->found));
    note_upto(c, row->key, false);
    *outcome = ROW_AGAIN;
    return txn_advance(t, 0);
}

static status lock_row(struct txn_cursor *c, struct merged_row *row, enum outcome *outcome)
{
    struct txn         *t = c->txn;
    uint64_t            hash = key_hash(row->key);
    struct locked_value v;
    bool                granted;

    *outcome = ROW_GIVE;
    TRY_RETURN(txn_take_lock(t, row->key, hash, c->lock, c->wait, &granted));
    if (!granted) {
        *outcome = ROW_LEAVE_OUT;
        return STATUS_OK;
    }
    if (row->own)
        return STATUS_OK;
    TRY_RETURN(txn_read_locked(t, row->key, hash, c->rows, &v));
    if (v.ts <= cursor_ts(c)) {
        if (c->lock >= LOCK_NO_KEY_UPDATE)
            txn_node_note(keymap_add(&t->buffer.map, row->key), c->lock, v.any);
        return STATUS_OK;
    }
    return newer_version(c, &v, row, outcome);
}

static status next_locked(struct txn_cursor *c, struct merged_row *row)
{
    for (;;) {
        enum outcome outcome;
        status       st = next_merged(c, row);

        if (st == STATUS_NO_DATA)
            note_rest(c);
        TRY_RETURN(st);
        TRY_RETURN(lock_row(c, row, &outcome));
        if (outcome == ROW_AGAIN) {
            restart_at(c, row->key);
            continue;
        }
        note_upto(c, row->key, true);
        if (outcome == ROW_GIVE)
            return STATUS_OK;
    }
}

status txn_cursor_next(struct txn_cursor *c, slice *key, slice *value)
{
    struct merged_row row;

    TRY_RETURN(txn_check(c->txn));
    c->row_changed = false;
    if (c->lock == LOCK_NONE)
        TRY_RETURN(next_merged(c, &row));
    else
        TRY_RETURN(next_locked(c, &row));
    *key = row.key;
    *value = row.value;
    return STATUS_OK;
}
