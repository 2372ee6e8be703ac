#include "storage/span.h"

/* The middle lies in [low, high): below it less than half of the bytes, or all that can be told. */
struct bracket {
    const struct span_sources *s;
    struct buf                 low, high, key;
    bool                       has_high; /* false: no key is known to be behind the middle */
    uint64_t                   half, below_low, below_high; /* bytes from the start on */
};

/* A key within the bracket takes the place of one of its ends. */
static status narrow(struct bracket *b, bool *is_behind)
{
    uint64_t size;

    TRY_RETURN(b->s->size(b->s->ctx, buf_slice(&b->low), buf_slice(&b->key), &size));
    *is_behind = b->below_low + size > b->half;
    if (*is_behind) {
        buf_set(&b->high, buf_slice(&b->key));
        b->has_high = true;
        b->below_high = b->below_low + size;
    } else {
        buf_set(&b->low, buf_slice(&b->key));
        b->below_low += size;
    }
    return STATUS_OK;
}

/* Bisect the source's keys; those outside the bracket cost a sample only. */
static status narrow_by(struct bracket *b, size_t source)
{
    uint64_t from = 0, to = UINT64_C(1) << 32;

    while (from < to) {
        uint64_t where = from + (to - from) / 2;
        bool     is_behind;

        buf_reset(&b->key);
        TRY_RETURN(b->s->sample(b->s->ctx, source, (uint32_t)where, &b->key));
        if (b->key.size == 0)
            return STATUS_OK;
        if (slice_cmp(buf_slice(&b->key), buf_slice(&b->low)) <= 0)
            is_behind = false;
        else if (b->high.size > 0 && slice_cmp(buf_slice(&b->key), buf_slice(&b->high)) >= 0)
            is_behind = true;
        else
            TRY_RETURN(narrow(b, &is_behind));
        if (is_behind)
            to = where;
        else
            from = where + 1;
    }
    return STATUS_OK;
}

static void answer(const struct bracket *b, slice start, struct buf *key)
{
    bool has_low = !slice_eq(buf_slice(&b->low), start);

    if (b->has_high && (!has_low || b->below_high - b->half < b->half - b->below_low))
        buf_set(key, buf_slice(&b->high));
    else if (has_low)
        buf_set(key, buf_slice(&b->low));
}

status span_middle(const struct span_sources *s, slice start, slice end, struct buf *key)
{
    struct bracket b = {.s = s};
    uint64_t       size;
    status         st;

    buf_init(&b.low, key->heap);
    buf_init(&b.high, key->heap);
    buf_init(&b.key, key->heap);
    buf_set(&b.low, start);
    buf_set(&b.high, end);
    TRY(st, s->size(s->ctx, start, end, &size), out);
    b.half = size / 2;
    for (size_t i = 0; i < s->count; i++)
        TRY(st, narrow_by(&b, i), out);
    answer(&b, start, key);
out:
    buf_deinit(&b.low);
    buf_deinit(&b.high);
    buf_deinit(&b.key);
    return st;
}
