#include "txn/buffer.h"

#include "base/assert.h"
#include "kv/hash.h"
#include "kv/keys.h"

void buffer_init(struct buffer *b, struct arena *arena)
{
    *b = (struct buffer){.arena = arena};
    keymap_init(&b->map, arena);
}

const struct revision *buffer_visible(const struct keymap_node *n, uint32_t seq)
{
    const struct revision *r = n->value.ptr;

    while (r != NULL && r->seq >= seq)
        r = r->older;
    return r;
}

static struct revision *revision_new(struct buffer *b, struct keymap_node *n, size_t size)
{
    struct revision *r = arena_alloc(b->arena, sizeof *r + size);

    r->capacity = (uint32_t)size;
    r->node = n;
    r->older = n->value.ptr;
    r->made_before = b->made;
    n->value.ptr = r;
    b->made = r;
    if (r->older == NULL)
        b->live++;
    return r;
}

/* A revision of the node whose place the new one may take: nobody can read it any more. */
static struct revision *reusable(struct keymap_node *n, uint32_t seq, uint32_t keep_seq,
                                 size_t size)
{
    struct revision *newest = n->value.ptr;
    struct revision *second;

    if (newest == NULL)
        return NULL;
    if (newest->seq == seq)
        return newest->capacity >= size ? newest : NULL;
    /* The newest stays for the statement that runs; the one below it is out of everyone's sight. */
    second = newest->older;
    if (second == NULL || second->seq < keep_seq || second->capacity < size)
        return NULL;
    newest->older = second->older;
    second->older = newest;
    n->value.ptr = second;
    return second;
}

void buffer_write(struct buffer *b, struct keymap_node *n, uint32_t seq, uint32_t keep_seq,
                  bool tombstone, slice value)
{
    struct revision *r = reusable(n, seq, keep_seq, value.size);

    if (r == NULL)
        r = revision_new(b, n, value.size);
    r->seq = seq;
    r->tombstone = tombstone;
    r->size = (uint32_t)value.size;
    if (value.size > 0)
        memcpy(r->value, value.data, value.size);
}

static bool before_end(slice key, slice end)
{
    return end.size == 0 || slice_cmp(key, end) < 0;
}

void buffer_delete_range(struct buffer *b, slice start, slice end, uint32_t seq, uint32_t keep_seq)
{
    struct range_delete *d;

    for (struct keymap_node *n = keymap_seek(&b->map, start);
         n != NULL && before_end(keymap_key(n), end); n = keymap_next(n)) {
        if (n->value.ptr != NULL)
            buffer_write(b, n, seq, keep_seq, true, SLICE_EMPTY);
    }
    d = ARENA_NEW(b->arena, struct range_delete);
    d->start = arena_copy(b->arena, start);
    d->end = end.size > 0 ? arena_copy(b->arena, end) : SLICE_EMPTY;
    d->seq = seq;
    d->older = b->range_deletes;
    b->range_deletes = d;
}

bool buffer_range_deleted(const struct buffer *b, slice key, uint32_t seq)
{
    for (const struct range_delete *d = b->range_deletes; d != NULL; d = d->older) {
        if (d->seq < seq && slice_cmp(key, d->start) >= 0 && before_end(key, d->end))
            return true;
    }
    return false;
}

struct buffer_mark buffer_mark(const struct buffer *b)
{
    return (struct buffer_mark){b->made, b->range_deletes};
}

static void revision_unlink(struct buffer *b, struct revision *r)
{
    struct keymap_node *n = r->node;

    if (n->value.ptr == r) {
        n->value.ptr = r->older;
        if (r->older == NULL)
            b->live--;
        return;
    }
    /* A reused revision stands above one that was made later: look for it. */
    for (struct revision *above = n->value.ptr; above != NULL; above = above->older) {
        if (above->older == r) {
            above->older = r->older;
            return;
        }
    }
    UNREACHABLE();
}

void buffer_undo(struct buffer *b, struct buffer_mark mark)
{
    for (; b->made != mark.made; b->made = b->made->made_before)
        revision_unlink(b, b->made);
    b->range_deletes = mark.range_deletes;
}

/* Room for the whole batch at once, so that a large one is not copied while it grows. */
static void reserve(const struct buffer *b, struct engine_batch *out)
{
    enum { OVERHEAD = 1 + 8 + 2 * 5 }; /* kind, timestamp, sizes */
    size_t size = 0;

    for (const struct keymap_node *n = keymap_first(&b->map); n != NULL; n = keymap_next(n)) {
        const struct revision *r = n->value.ptr;

        if (r != NULL)
            size += n->key_size + r->size + OVERHEAD;
    }
    buf_reserve(&out->ops, size);
}

status buffer_encode(const struct buffer *b, struct env *env, hlc_ts ts, struct engine_batch *out)
{
    enum { YIELD_EVERY = 4096 };
    size_t count = 0;

    reserve(b, out);
    for (const struct range_delete *d = b->range_deletes; d != NULL; d = d->older)
        TRY_RETURN(engine_batch_clear_range(out, d->start, d->end));
    for (const struct keymap_node *n = keymap_first(&b->map); n != NULL; n = keymap_next(n)) {
        const struct revision *r = n->value.ptr;

        if (r == NULL)
            continue;
        if (r->tombstone)
            TRY_RETURN(engine_batch_delete(out, keymap_key(n), ts));
        else
            TRY_RETURN(engine_batch_put(out, keymap_key(n), ts, revision_value(r)));
        if (++count % YIELD_EVERY == 0)
            env_yield(env);
    }
    return STATUS_OK;
}

static void latch_points(const struct buffer *b, struct arena *a, struct latch *out)
{
    out->points = ARENA_ARRAY(a, struct latch_point, b->live);
    for (const struct keymap_node *n = keymap_first(&b->map); n != NULL; n = keymap_next(n)) {
        const struct revision *r = n->value.ptr;

        if (r == NULL)
            continue;
        ASSERT(out->point_count < b->live);
        out->points[out->point_count++] = (struct latch_point){
            .key = keymap_key(n),
            .hash = key_hash(keymap_key(n)),
            .leaves_no_garbage = (n->value2 & NODE_NEVER_WRITTEN) != 0 && !r->tombstone,
        };
    }
}

/* One span for each group of keys (the rows of one index), from its first key to its last. */
static size_t group_spans(const struct buffer *b, struct arena *a, struct kv_span *spans)
{
    const struct keymap_node *first = NULL, *last = NULL;
    size_t                    count = 0;

    for (const struct keymap_node *n = keymap_first(&b->map);; n = keymap_next(n)) {
        if (n != NULL && n->value.ptr == NULL)
            continue;
        if (first != NULL &&
            (n == NULL || !slice_starts_with(keymap_key(n), key_group(keymap_key(first))))) {
            if (spans != NULL)
                spans[count] = (struct kv_span){arena_copy(a, keymap_key(first)),
                                                key_next(a, keymap_key(last))};
            count++;
            first = NULL;
        }
        if (n == NULL)
            return count;
        if (first == NULL)
            first = n;
        last = n;
    }
}

void buffer_latch(const struct buffer *b, struct arena *a, size_t points_max, struct latch *out)
{
    bool            by_point = b->live <= points_max;
    size_t          count = by_point ? 0 : group_spans(b, a, NULL);
    struct kv_span *spans;

    *out = (struct latch){0};
    if (by_point)
        latch_points(b, a, out);
    for (const struct range_delete *d = b->range_deletes; d != NULL; d = d->older)
        count++;
    if (count == 0)
        return;
    spans = ARENA_ARRAY(a, struct kv_span, count);
    out->span_count = by_point ? 0 : group_spans(b, a, spans);
    for (const struct range_delete *d = b->range_deletes; d != NULL; d = d->older)
        spans[out->span_count++] = (struct kv_span){d->start, d->end};
    out->spans = spans;
}
