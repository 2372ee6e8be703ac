#include "txn/readset.h"

#include "base/sort.h"
#include "kv/keys.h"

void readset_init(struct readset *s, struct heap *heap)
{
    *s = (struct readset){
        .heap = heap, .arena = arena_new(heap, NULL), .bytes_max = READSET_BYTES_MAX};
}

void readset_deinit(struct readset *s)
{
    arena_free(s->arena);
    heap_free(s->spans);
    *s = (struct readset){0};
}

void readset_reset(struct readset *s)
{
    s->count = 0;
    arena_reset(s->arena);
}

static slice higher_end(slice a, slice b)
{
    if (a.size == 0 || b.size == 0)
        return SLICE_EMPTY;
    return slice_cmp(a, b) >= 0 ? a : b;
}

static bool touches(const struct kv_span *a, const struct kv_span *b) /* a starts first */
{
    return a->end.size == 0 || slice_cmp(b->start, a->end) <= 0;
}

/* Sorted spans: merge those that touch, and with `pairs` every two neighbours of a group. */
static size_t merge(struct kv_span *spans, size_t count, bool pairs)
{
    size_t out = 0;
    bool   paired = false;

    for (size_t i = 1; i < count; i++) {
        struct kv_span *last = &spans[out];
        bool            join = touches(last, &spans[i]);

        if (!join && pairs && !paired &&
            slice_eq(key_group(last->start), key_group(spans[i].start)))
            join = paired = true;
        else if (!join)
            paired = false;
        if (join)
            last->end = higher_end(last->end, spans[i].end);
        else
            spans[++out] = spans[i];
    }
    return count == 0 ? 0 : out + 1;
}

static int compare_starts(const void *a, const void *b, void *ctx)
{
    const struct kv_span *x = a, *y = b;

    (void)ctx;
    return slice_cmp(x->start, y->start);
}

static void copy_spans(struct readset *s)
{
    struct arena *fresh = arena_new(s->heap, NULL);

    for (size_t i = 0; i < s->count; i++) {
        struct kv_span *span = &s->spans[i];
        bool            point = kv_span_is_point(span);

        span->start = arena_copy(fresh, span->start);
        if (point)
            span->end = slice_make(span->start.data, span->start.size + 1);
        else if (span->end.size > 0)
            span->end = arena_copy(fresh, span->end);
    }
    arena_free(s->arena);
    s->arena = fresh;
    s->bytes_max = MAX((size_t)READSET_BYTES_MAX, 2 * arena_size(fresh));
}

static void condense(struct readset *s)
{
    sort_stable(s->heap, s->spans, s->count, sizeof *s->spans, compare_starts, NULL);
    s->count = merge(s->spans, s->count, false);
    for (int rounds = 0; s->count > READSET_SPANS_MAX / 2 && rounds < 16; rounds++)
        s->count = merge(s->spans, s->count, true);
    /* As many groups as that: what is left to say is "something was read". */
    if (s->count > READSET_SPANS_MAX / 2) {
        s->spans[0].end = s->spans[s->count - 1].end;
        for (size_t i = 0; i + 1 < s->count; i++)
            s->spans[0].end = higher_end(s->spans[0].end, s->spans[i].end);
        s->count = 1;
    }
    copy_spans(s);
}

static void make_room(struct readset *s)
{
    if (s->count >= READSET_SPANS_MAX || arena_size(s->arena) > s->bytes_max)
        condense(s);
}

static struct kv_span *append(struct readset *s)
{
    if (s->count == s->capacity) {
        size_t          capacity = s->capacity == 0 ? 16 : 2 * s->capacity;
        struct kv_span *spans = heap_must_alloc(s->heap, capacity, sizeof *spans);

        if (s->count > 0)
            memcpy(spans, s->spans, s->count * sizeof *spans);
        heap_free(s->spans);
        s->spans = spans;
        s->capacity = capacity;
    }
    return &s->spans[s->count++];
}

void readset_add_point(struct readset *s, slice key)
{
    struct kv_span *span;

    make_room(s);
    span = append(s);
    span->start = arena_copy(s->arena, key);
    span->end = slice_make(span->start.data, key.size + 1); /* the copy's zero byte */
}

void readset_add_span(struct readset *s, slice start, slice end)
{
    struct kv_span *last;

    make_room(s);
    last = s->count > 0 ? &s->spans[s->count - 1] : NULL;
    if (last != NULL && !kv_span_is_point(last)) {
        if (last->end.size > 0 && slice_eq(last->end, start)) {
            last->end = end.size > 0 ? arena_copy(s->arena, end) : SLICE_EMPTY;
            return;
        }
        if (end.size > 0 && slice_eq(end, last->start)) {
            last->start = arena_copy(s->arena, start);
            return;
        }
    }
    last = append(s);
    last->start = arena_copy(s->arena, start);
    last->end = end.size > 0 ? arena_copy(s->arena, end) : SLICE_EMPTY;
}
