#include "storage/lsm/merge.h"

#include "base/assert.h"
#include "base/heap.h"

enum { OUTPUT_SIZE = 1 << 20 }; /* what is worth a write */

/* Bytes of a table with some of its data blocks. */
struct chunk {
    struct list          link;
    struct table_seal    seal;
    uint64_t             offset;
    struct buf           bytes;
    struct block_handle *blocks;
    size_t               count;
};

struct source {
    struct list         chunks; /* the first is being read */
    size_t              block_next;
    bool                has_ended;
    struct block       *block;
    struct block_cursor at;
    struct block       *value; /* of a value block, for the entry at the cursor */
    struct lsm_entry    entry;
    bool                is_shown; /* `entry` is what the source has next */

    struct lsm_clear *clears;
    size_t     clear_count, clear_at; /* those before clear_at end at or before any key to come */
    struct buf clear_keys;
};

struct merge {
    struct merge_options options;
    struct source       *sources;
    size_t              *order; /* sources that are shown, the least entry first */
    size_t               order_count;
    size_t               loading; /* sources before it are shown or have ended, at the start */
    struct block_codec  *codec;

    struct gc_threshold *gc;
    size_t               gc_at;
    struct buf           gc_keys;

    /* the key being merged */
    struct buf key;
    bool       any_key;
    hlc_ts     last_ts; /* of the newest source's entry that counted last */
    bool       any_version;
    hlc_ts     threshold;
    bool       has_kept;    /* its newest version at or below the threshold was met */
    int        older_holds; /* -1: not asked yet */
    bool       is_waiting;  /* the least entry is wanted, and waits for a table */

    struct pick_older_cursor older;
    struct pick_cutter       cutter;

    /* clears of all sources together, cut as outputs end */
    struct lsm_clear *clears;
    size_t            clear_count, clear_at;
    struct buf clear_from; /* where the rest of the clear at clear_at begins; empty: its start */

    struct table_writer    *writer;
    struct table_options    table;
    bool                    table_is_given;
    bool                    is_finished; /* the writer is: its last bytes are being taken */
    struct table_properties properties;
    struct buf              bound; /* the next output begins here */
    struct merge_counts     counts;
};

/* ---- making and freeing ----------------------------------------------------------------------
 */

static slice copy_key(struct buf *keys, slice key)
{
    size_t at = keys->size;

    ASSERT(keys->capacity - at >= key.size); /* reserved: what points in must not move */
    buf_append_slice(keys, key);
    return slice_make(keys->data + at, key.size);
}

static void copy_thresholds(struct merge *m, const struct gc_threshold *gc, size_t count)
{
    size_t size = 1;

    for (size_t i = 0; i < count; i++)
        size += gc[i].start.size + gc[i].end.size;
    buf_init(&m->gc_keys, NULL);
    (void)buf_reserve(&m->gc_keys, size);
    m->gc = heap_must_alloc(NULL, count + 1, sizeof *m->gc);
    for (size_t i = 0; i < count; i++)
        m->gc[i] = (struct gc_threshold){.start = copy_key(&m->gc_keys, gc[i].start),
                                         .end = copy_key(&m->gc_keys, gc[i].end),
                                         .ts = gc[i].ts};
}

struct merge *merge_new(const struct merge_options *options)
{
    struct merge *m = heap_must_alloc(NULL, 1, sizeof *m);

    m->options = *options;
    m->sources = heap_must_alloc(NULL, options->source_count, sizeof *m->sources);
    m->order = heap_must_alloc(NULL, options->source_count, sizeof *m->order);
    for (size_t i = 0; i < options->source_count; i++) {
        list_init(&m->sources[i].chunks);
        block_cursor_init(&m->sources[i].at, NULL);
        buf_init(&m->sources[i].clear_keys, NULL);
    }
    m->codec = block_codec_new(NULL);
    copy_thresholds(m, options->gc, options->gc_count);
    buf_init(&m->key, NULL);
    buf_init(&m->clear_from, NULL);
    buf_init(&m->bound, NULL);
    return m;
}

static void chunk_free(struct chunk *c)
{
    list_remove(&c->link);
    buf_deinit(&c->bytes);
    heap_free(c->blocks);
    heap_free(c);
}

static void source_free(struct source *s)
{
    while (!list_empty(&s->chunks))
        chunk_free(CONTAINER_OF(s->chunks.next, struct chunk, link));
    block_cursor_deinit(&s->at);
    heap_free(s->block);
    heap_free(s->value);
    heap_free(s->clears);
    buf_deinit(&s->clear_keys);
}

void merge_free(struct merge *m)
{
    if (m == NULL)
        return;
    for (size_t i = 0; i < m->options.source_count; i++)
        source_free(&m->sources[i]);
    table_writer_free(m->writer);
    block_codec_free(m->codec);
    heap_free(m->sources);
    heap_free(m->order);
    heap_free(m->gc);
    heap_free(m->clears);
    buf_deinit(&m->gc_keys);
    buf_deinit(&m->key);
    buf_deinit(&m->clear_from);
    buf_deinit(&m->bound);
    heap_free(m);
}

/* ---- inputs ----------------------------------------------------------------------------------
 */

/* Fit one more clear into the union of all, which stays sorted and apart. */
static void unite(struct merge *m, const struct lsm_clear *c)
{
    struct lsm_clear *all = heap_must_alloc(NULL, m->clear_count + 1, sizeof *all);
    struct lsm_clear  wide = *c;
    size_t            n = 0, i = 0;

    for (; i < m->clear_count && slice_cmp(m->clears[i].end, wide.start) < 0; i++)
        all[n++] = m->clears[i];
    for (; i < m->clear_count && slice_cmp(m->clears[i].start, wide.end) <= 0; i++) {
        if (slice_cmp(m->clears[i].start, wide.start) < 0)
            wide.start = m->clears[i].start;
        if (slice_cmp(m->clears[i].end, wide.end) > 0)
            wide.end = m->clears[i].end;
    }
    all[n++] = wide;
    for (; i < m->clear_count; i++)
        all[n++] = m->clears[i];
    heap_free(m->clears);
    m->clears = all;
    m->clear_count = n;
}

void merge_add_clears(struct merge *m, size_t source, const struct lsm_clear *clears, size_t count)
{
    struct source *s = &m->sources[source];
    size_t         size = 1;

    ASSERT(s->clears == NULL);
    for (size_t i = 0; i < count; i++)
        size += clears[i].start.size + clears[i].end.size;
    (void)buf_reserve(&s->clear_keys, size);
    s->clears = heap_must_alloc(NULL, count + 1, sizeof *s->clears);
    for (size_t i = 0; i < count; i++) {
        s->clears[i] = (struct lsm_clear){.start = copy_key(&s->clear_keys, clears[i].start),
                                          .end = copy_key(&s->clear_keys, clears[i].end)};
        unite(m, &s->clears[i]);
    }
    s->clear_count = count;
}

void merge_feed(struct merge *m, size_t source, const struct table_seal *seal, uint64_t offset,
                struct buf *bytes, const struct block_handle *blocks, size_t count)
{
    struct chunk *c = heap_must_alloc(NULL, 1, sizeof *c);

    ASSERT(count > 0);
    ASSERT(!m->sources[source].has_ended);
    c->seal = *seal;
    c->offset = offset;
    c->bytes = *bytes;
    buf_init(bytes, NULL);
    c->blocks = heap_must_alloc(NULL, count, sizeof *c->blocks);
    memcpy(c->blocks, blocks, count * sizeof *blocks);
    c->count = count;
    list_push_back(&m->sources[source].chunks, &c->link);
}

void merge_end_source(struct merge *m, size_t source)
{
    m->sources[source].has_ended = true;
}

/* Open a block of the chunk; *out is the caller's to free. */
static status open_block(struct merge *m, const struct chunk *c, const struct block_handle *h,
                         struct block **out)
{
    struct block *b;
    status        st;

    if (h->offset < c->offset || h->offset + h->size > c->offset + c->bytes.size)
        return status_new(ST_CORRUPT, "table %llu names a block outside of its place",
                          (unsigned long long)c->seal.number);
    b = block_new(NULL, h->raw_size);
    if (b == NULL)
        return STATUS_OOM;
    st = block_open(m->codec, &c->seal, h,
                    slice_make(c->bytes.data + (h->offset - c->offset), h->size), b);
    if (!st_ok(st)) {
        heap_free(b);
        return status_wrap(st, "table %llu, block at %llu", (unsigned long long)c->seal.number,
                           (unsigned long long)h->offset);
    }
    *out = b;
    return STATUS_OK;
}

/* What the cursor stands on becomes the source's next entry. */
static status show(struct merge *m, struct source *s)
{
    const struct chunk *c = CONTAINER_OF(s->chunks.next, struct chunk, link);

    s->entry = s->at.entry;
    s->is_shown = true;
    m->counts.entries_in++;
    if (!s->at.is_elsewhere)
        return STATUS_OK;
    heap_free(s->value);
    s->value = NULL;
    TRY_RETURN(open_block(m, c, &s->at.elsewhere, &s->value));
    TRY_RETURN(block_check_whole(s->value));
    s->entry.value = block_raw(s->value);
    return STATUS_OK;
}

/* Step the source to its next entry; not shown afterwards: it has ended, or *hungry. */
static status advance(struct merge *m, struct source *s, bool *hungry)
{
    *hungry = s->is_shown = false;
    if (s->at.valid)
        block_cursor_next(&s->at);
    while (!s->at.valid) {
        struct chunk *c;

        if (list_empty(&s->chunks)) {
            *hungry = !s->has_ended;
            return STATUS_OK;
        }
        c = CONTAINER_OF(s->chunks.next, struct chunk, link);
        if (s->block_next == c->count) {
            block_cursor_set(&s->at, NULL);
            chunk_free(c);
            s->block_next = 0;
            continue;
        }
        block_cursor_set(&s->at, NULL);
        heap_free(s->block);
        s->block = NULL;
        TRY_RETURN(open_block(m, c, &c->blocks[s->block_next++], &s->block));
        TRY_RETURN(block_load(s->block, 0));
        block_cursor_set(&s->at, s->block);
        block_cursor_first(&s->at);
    }
    return show(m, s);
}

/* Equal entries: the newer source first, so that it is the one that counts. */
static bool is_before(const struct merge *m, size_t a, size_t b)
{
    const struct lsm_entry *x = &m->sources[a].entry, *y = &m->sources[b].entry;
    int                     c = lsm_entry_cmp(x->key, x->ts, y->key, y->ts);

    return c != 0 ? c < 0 : a < b;
}

/* Find the place of `source` among order[from ...], which is sorted but for it. */
static void place(struct merge *m, size_t from, size_t source)
{
    while (from + 1 < m->order_count && is_before(m, m->order[from + 1], source)) {
        m->order[from] = m->order[from + 1];
        from++;
    }
    m->order[from] = source;
}

/* Bring in the sources that were not begun. */
static status load_sources(struct merge *m, bool *hungry, size_t *source)
{
    for (; m->loading < m->options.source_count; m->loading++) {
        struct source *s = &m->sources[m->loading];

        TRY_RETURN(advance(m, s, hungry));
        *source = m->loading;
        if (*hungry)
            return STATUS_OK;
        if (!s->is_shown)
            continue;
        memmove(m->order + 1, m->order, m->order_count * sizeof *m->order);
        m->order_count++;
        place(m, 0, m->loading);
    }
    return STATUS_OK;
}

/* ---- what is left out ------------------------------------------------------------------------
 */

static bool is_cleared_by(struct source *s, slice key)
{
    while (s->clear_at < s->clear_count && slice_cmp(s->clears[s->clear_at].end, key) <= 0)
        s->clear_at++;
    return s->clear_at < s->clear_count && slice_cmp(s->clears[s->clear_at].start, key) <= 0;
}

static bool is_cleared(struct merge *m, size_t source, slice key)
{
    if (m->clear_count == 0)
        return false;
    for (size_t i = 0; i < source; i++) {
        if (is_cleared_by(&m->sources[i], key))
            return true;
    }
    return false;
}

static hlc_ts threshold_at(struct merge *m, slice key)
{
    while (m->gc_at < m->options.gc_count && slice_cmp(m->gc[m->gc_at].end, key) <= 0)
        m->gc_at++;
    if (m->gc_at == m->options.gc_count || slice_cmp(m->gc[m->gc_at].start, key) > 0 ||
        key.data[0] != LSM_SPACE_DATA)
        return 0;
    return MIN(m->gc[m->gc_at].ts, m->options.gc_max);
}

static void begin_key(struct merge *m, slice key)
{
    buf_reset(&m->key);
    buf_append_slice(&m->key, key);
    m->any_key = true;
    m->any_version = m->has_kept = false;
    m->threshold = threshold_at(m, key);
    m->older_holds = -1;
}

static bool older_holds(struct merge *m)
{
    if (m->older_holds < 0)
        m->older_holds = pick_older_holds(m->options.pick, &m->older, buf_slice(&m->key));
    return m->older_holds;
}

/* Whether a version at or below the threshold is one that no reader can get to see. */
static bool is_garbage(struct merge *m, const struct lsm_entry *e)
{
    if (e->ts > m->threshold)
        return false;
    if (m->has_kept)
        return true;
    m->has_kept = true;
    return e->kind == LSM_TOMBSTONE && !older_holds(m);
}

/* Whether the entry goes into the output; begin_key() was called for its key. */
static bool is_wanted(struct merge *m, size_t source)
{
    const struct lsm_entry *e = &m->sources[source].entry;

    if ((m->any_version && m->last_ts == e->ts) || is_cleared(m, source, e->key)) {
        m->counts.dropped_hidden++;
        return false;
    }
    m->any_version = true;
    m->last_ts = e->ts;
    if (e->kind == LSM_CLEARED) {
        if (older_holds(m))
            return true;
        m->counts.dropped_cleared++;
        return false;
    }
    if (m->threshold != 0 && is_garbage(m, e)) {
        m->counts.dropped_garbage++;
        return false;
    }
    return true;
}

/* ---- outputs ---------------------------------------------------------------------------------
 */

/* Whether the rest of the clears has a part before `end` (empty: no end) that something older may
 * need; it goes to *out. What nobody needs is passed over. */
static bool next_clear(struct merge *m, slice end, struct lsm_clear *out)
{
    for (; m->clear_at < m->clear_count; m->clear_at++, buf_reset(&m->clear_from)) {
        const struct lsm_clear *c = &m->clears[m->clear_at];

        out->start = m->clear_from.size > 0 ? buf_slice(&m->clear_from) : c->start;
        out->end = c->end;
        if (end.size > 0 && slice_cmp(out->start, end) >= 0)
            return false;
        if (end.size > 0 && slice_cmp(out->end, end) > 0)
            out->end = end;
        if (pick_older_overlaps(m->options.pick, out->start, out->end))
            return true;
        if (out->end.size != c->end.size || slice_cmp(out->end, c->end) != 0) {
            buf_reset(&m->clear_from);
            buf_append_slice(&m->clear_from, out->end);
            return false;
        }
    }
    return false;
}

static void clear_taken(struct merge *m, const struct lsm_clear *part)
{
    const struct lsm_clear *c = &m->clears[m->clear_at];

    if (slice_cmp(part->end, c->end) < 0) {
        struct buf from;

        buf_init(&from, NULL);
        buf_append_slice(&from, part->end);
        buf_deinit(&m->clear_from);
        m->clear_from = from;
    } else {
        m->clear_at++;
        buf_reset(&m->clear_from);
    }
}

/* Put the clears before `end` (empty: all) into the output; true: there is one, but no table. */
static bool write_clears(struct merge *m, slice end)
{
    struct lsm_clear part;

    while (next_clear(m, end, &part)) {
        if (m->writer == NULL)
            return true;
        table_writer_add_clear(m->writer, &part);
        clear_taken(m, &part);
    }
    return false;
}

static bool open_table(struct merge *m)
{
    if (m->writer != NULL)
        return true;
    if (!m->table_is_given)
        return false;
    m->table_is_given = false;
    m->writer = table_writer_new(&m->table);
    return true;
}

static void finish_table(struct merge *m)
{
    table_writer_finish(m->writer, &m->properties);
    m->is_finished = true;
}

void merge_begin_table(struct merge *m, const struct table_options *table)
{
    m->table = *table;
    m->table_is_given = true;
}

struct buf *merge_output(struct merge *m)
{
    return m->writer != NULL ? table_writer_output(m->writer) : NULL;
}

const struct table_properties *merge_table(const struct merge *m)
{
    ASSERT(m->is_finished);
    return &m->properties;
}

const struct merge_counts *merge_counts(const struct merge *m)
{
    return &m->counts;
}

/* Whether the output must end before the entry, which begins another key (L16). */
static bool is_cut_due(struct merge *m, slice key)
{
    uint64_t size = m->writer == NULL ? 0 : table_writer_size(m->writer);
    bool     overlaps = pick_cutter_before(m->options.pick, &m->cutter, key, size);

    if (m->writer == NULL)
        return false;
    if (!overlaps && size < m->options.table_size)
        return false;
    if (!overlaps)
        pick_cutter_restart(m->options.pick, &m->cutter, key);
    return true;
}

/* ---- the step --------------------------------------------------------------------------------
 */

/* Make way for the least entry. False: a table has ended before it. */
static bool reach_least(struct merge *m, enum merge_state *state)
{
    const struct lsm_entry *e = &m->sources[m->order[0]].entry;

    if (!m->any_key || !slice_eq(buf_slice(&m->key), e->key)) {
        if (is_cut_due(m, e->key)) {
            (void)write_clears(m, e->key);
            finish_table(m);
            *state = MERGE_TABLE_DONE;
            return false;
        }
        begin_key(m, e->key);
    }
    return true;
}

static status step_on(struct merge *m, bool *hungry)
{
    size_t source = m->order[0];

    TRY_RETURN(advance(m, &m->sources[source], hungry));
    if (m->sources[source].is_shown) {
        place(m, 0, source);
    } else if (!*hungry) {
        m->order_count--;
        memmove(m->order, m->order + 1, m->order_count * sizeof *m->order);
    }
    return STATUS_OK;
}

/* All entries are dealt with: the clears behind the last one, then the last table. */
static enum merge_state end(struct merge *m)
{
    if (write_clears(m, SLICE_EMPTY)) {
        if (!open_table(m))
            return MERGE_NEED_TABLE;
        (void)write_clears(m, SLICE_EMPTY);
    }
    if (m->writer == NULL)
        return MERGE_DONE;
    finish_table(m);
    return MERGE_TABLE_DONE;
}

/* The table of the step before has been taken. */
static void drop_finished(struct merge *m)
{
    if (!m->is_finished)
        return;
    ASSERT(table_writer_output(m->writer)->size == 0);
    table_writer_free(m->writer);
    m->writer = NULL;
    m->is_finished = false;
}

status merge_step(struct merge *m, enum merge_state *state, size_t *source)
{
    bool hungry = false;

    drop_finished(m);
    TRY_RETURN(load_sources(m, &hungry, source));
    while (!hungry && m->order_count > 0) {
        if (!m->sources[m->order[0]].is_shown) { /* it was hungry, and was fed since */
            *source = m->order[0];
            TRY_RETURN(step_on(m, &hungry));
            continue;
        }
        if (!reach_least(m, state))
            return STATUS_OK;
        *source = m->order[0];
        if (m->is_waiting || is_wanted(m, *source)) {
            m->is_waiting = !open_table(m);
            if (m->is_waiting) {
                *state = MERGE_NEED_TABLE;
                return STATUS_OK;
            }
            table_writer_add(m->writer, &m->sources[*source].entry);
            m->counts.entries_out++;
        }
        TRY_RETURN(step_on(m, &hungry));
        if (m->writer != NULL && table_writer_output(m->writer)->size >= OUTPUT_SIZE) {
            *state = MERGE_OUTPUT;
            return STATUS_OK;
        }
    }
    *state = hungry ? MERGE_NEED_INPUT : end(m);
    return STATUS_OK;
}
