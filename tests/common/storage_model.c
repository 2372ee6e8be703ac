#include "tests/common/storage_model.h"

#include <stdio.h>

#include "base/hmap.h"
#include "storage/engine_internal.h"
#include "tests/common/test.h"

void model_init(struct model *m)
{
    *m = (struct model){0};
}

static void free_entry(struct model_entry *e)
{
    free(e->key);
    free(e->value);
}

static void space_deinit(struct model_space *s)
{
    for (size_t i = 0; i < s->count; i++)
        free_entry(&s->entries[i]);
    free(s->entries);
    *s = (struct model_space){0};
}

void model_deinit(struct model *m)
{
    space_deinit(&m->data);
    space_deinit(&m->meta);
}

static char *copy_bytes(const char *data, size_t size)
{
    char *p = malloc(size + 1);

    if (size > 0)
        memcpy(p, data, size);
    return p;
}

static void space_copy(struct model_space *to, const struct model_space *from)
{
    *to = *from;
    to->entries = malloc((from->capacity + 1) * sizeof *to->entries);
    for (size_t i = 0; i < from->count; i++) {
        to->entries[i] = from->entries[i];
        to->entries[i].key = copy_bytes(from->entries[i].key, from->entries[i].key_size);
        to->entries[i].value = copy_bytes(from->entries[i].value, from->entries[i].value_size);
    }
}

void model_copy(struct model *to, const struct model *from)
{
    space_copy(&to->data, &from->data);
    space_copy(&to->meta, &from->meta);
    to->applied = from->applied;
    to->drops_late = from->drops_late;
    to->floor = from->floor;
    to->counts_are_near = from->counts_are_near;
}

static slice key_of(const struct model_entry *e)
{
    return slice_make(e->key, e->key_size);
}

static slice value_of(const struct model_entry *e)
{
    return slice_make(e->value, e->value_size);
}

static size_t find(const struct model_space *s, slice key, hlc_ts ts, bool *exact)
{
    size_t low = 0, high = s->count;

    while (low < high) {
        size_t mid = (low + high) / 2;
        int    c = slice_cmp(key_of(&s->entries[mid]), key);

        if (c < 0 || (c == 0 && s->entries[mid].ts > ts))
            low = mid + 1;
        else
            high = mid;
    }
    *exact = low < s->count && slice_eq(key_of(&s->entries[low]), key) && s->entries[low].ts == ts;
    return low;
}

static void remove_at(struct model_space *s, size_t at, size_t count)
{
    for (size_t i = 0; i < count; i++)
        free_entry(&s->entries[at + i]);
    memmove(&s->entries[at], &s->entries[at + count],
            (s->count - at - count) * sizeof s->entries[0]);
    s->count -= count;
}

static void put(struct model_space *s, slice key, hlc_ts ts, slice value, bool tombstone)
{
    bool   exact;
    size_t at = find(s, key, ts, &exact);

    if (exact)
        remove_at(s, at, 1);
    if (s->count == s->capacity) {
        s->capacity = s->capacity * 2 + 64;
        s->entries = realloc(s->entries, s->capacity * sizeof s->entries[0]);
    }
    memmove(&s->entries[at + 1], &s->entries[at], (s->count - at) * sizeof s->entries[0]);
    s->entries[at] = (struct model_entry){.key = copy_bytes(key.data, key.size),
                                          .key_size = key.size,
                                          .ts = ts,
                                          .tombstone = tombstone,
                                          .value = copy_bytes(value.data, value.size),
                                          .value_size = value.size};
    s->count++;
}

static void remove_version(struct model_space *s, slice key, hlc_ts ts)
{
    bool   exact;
    size_t at = find(s, key, ts, &exact);

    if (exact)
        remove_at(s, at, 1);
}

static void clear(struct model_space *s, slice start, slice end)
{
    bool   exact;
    size_t from = find(s, start, HLC_TS_MAX, &exact);
    size_t to = end.size > 0 ? find(s, end, HLC_TS_MAX, &exact) : s->count;

    if (from < to)
        remove_at(s, from, to - from);
}

void model_apply(struct model *m, const struct engine_batch *b)
{
    slice           encoded = engine_batch_encoded(b);
    struct batch_op op;

    while (batch_take_op(&encoded, &op)) {
        switch (op.kind) {
        case BATCH_PUT:
            put(&m->data, op.key, op.ts, op.value, false);
            break;
        case BATCH_DELETE:
            put(&m->data, op.key, op.ts, SLICE_EMPTY, true);
            break;
        case BATCH_CLEAR_VERSION:
            remove_version(&m->data, op.key, op.ts);
            break;
        case BATCH_CLEAR_RANGE:
            clear(&m->data, op.key, op.end);
            break;
        case BATCH_PUT_META:
            put(&m->meta, op.key, 0, op.value, false);
            break;
        case BATCH_DELETE_META:
            remove_version(&m->meta, op.key, 0);
            break;
        case BATCH_CLEAR_META:
            clear(&m->meta, op.key, op.end);
            break;
        case BATCH_APPLIED:
            m->applied = op.index;
            break;
        }
    }
}

void model_clear_range(struct model *m, slice start, slice end)
{
    clear(&m->data, start, end);
}

status model_build(const struct model *content, struct engine_builder *b)
{
    for (size_t i = 0; i < content->meta.count; i++) {
        const struct model_entry *e = &content->meta.entries[i];

        TRY_RETURN(engine_builder_put_meta(b, key_of(e), value_of(e)));
    }
    for (size_t i = 0; i < content->data.count; i++) {
        const struct model_entry *e = &content->data.entries[i];

        TRY_RETURN(e->tombstone ? engine_builder_delete(b, key_of(e), e->ts)
                                : engine_builder_put(b, key_of(e), e->ts, value_of(e)));
    }
    return STATUS_OK;
}

void model_ingest_batch(const struct engine_builder_options *o, const struct model *content,
                        struct engine_batch *b)
{
    if (o->replaces)
        assert_st_ok(engine_batch_clear_range(b, o->start, o->end));
    if (o->replaces_meta)
        assert_st_ok(engine_batch_clear_meta(b, o->meta_start, o->meta_end));
    for (size_t i = 0; i < content->meta.count; i++) {
        const struct model_entry *e = &content->meta.entries[i];

        assert_st_ok(engine_batch_put_meta(b, key_of(e), value_of(e)));
    }
    for (size_t i = 0; i < content->data.count; i++) {
        const struct model_entry *e = &content->data.entries[i];

        assert_st_ok(e->tombstone ? engine_batch_delete(b, key_of(e), e->ts)
                                  : engine_batch_put(b, key_of(e), e->ts, value_of(e)));
    }
    if (content->applied != 0)
        assert_st_ok(engine_batch_set_applied(b, 7, content->applied));
}

void model_ingest(struct model *m, const struct engine_builder_options *o,
                  const struct model *content)
{
    struct engine_batch b;

    engine_batch_init(&b, NULL);
    model_ingest_batch(o, content, &b);
    model_apply(m, &b);
    engine_batch_deinit(&b);
}

void model_gc(struct model *m, hlc_ts threshold)
{
    struct model_space *s = &m->data;

    if (m->drops_late && threshold > m->floor)
        m->floor = threshold;
    for (size_t i = 0; i < s->count;) {
        size_t end = i, keep = i;

        while (end < s->count && slice_eq(key_of(&s->entries[end]), key_of(&s->entries[i])))
            end++;
        while (keep < end && s->entries[keep].ts > threshold)
            keep++;
        if (keep < end && !s->entries[keep].tombstone)
            keep++;
        remove_at(s, keep, end - keep);
        i = keep;
    }
}

size_t model_count(const struct model *m)
{
    return m->data.count + m->meta.count;
}

/* Keys that are prefixes of others, of the least and greatest bytes. */
static void nested_key(uint64_t n, struct buf *key)
{
    static const uint8_t bytes[] = {0x00, 0xff, 'k', 0x01};

    do {
        buf_put_u8(key, bytes[n % ARRAY_LEN(bytes)]);
        n /= ARRAY_LEN(bytes);
    } while (n > 0);
}

void model_random_key(struct prng *p, const struct model_shape *shape, struct buf *key)
{
    uint64_t    n = prng_below(p, shape->keys);
    struct prng filler; /* the same number is always the same key */
    size_t      size;

    buf_reset(key);
    /* Two groups with different prefixes, one of them binary, and one of awkward keys. */
    if (n % 3 == 0)
        buf_printf(key, "table/%05llu/", (unsigned long long)n);
    else if (n % 6 == 1) {
        nested_key(n / 6, key);
        if (n % 12 == 1)
            return;
    } else
        buf_put_u32be(key, (uint32_t)(n * 2654435761u));
    prng_init(&filler, n);
    size = prng_below(&filler, shape->key_size_max + 1);
    if (size > key->size)
        for (size_t i = key->size; i < size; i++)
            buf_put_u8(key, (uint8_t)(prng_below(&filler, 4) == 0 ? prng_next(&filler) : 'k'));
}

static void random_value(struct prng *p, const struct model_shape *shape, struct buf *value)
{
    size_t size = prng_below(p, 20);

    if (prng_below(p, 16) == 0)
        size = prng_below(p, shape->value_size_max + 1);
    buf_reset(value);
    prng_bytes(p, buf_reserve(value, size + 1), size);
    buf_advance(value, size);
}

static status random_op(struct prng *p, const struct model_shape *shape, struct buf *key,
                        struct buf *other, struct engine_batch *b)
{
    uint64_t dice = prng_below(p, 1000);
    hlc_ts   ts = shape->ts_min + 1 + prng_below(p, shape->ts_max);

    if (shape->drift > 0 && prng_below(p, 8) == 0)
        ts = shape->ts_oldest + 1 + prng_below(p, ts - shape->ts_oldest);
    model_random_key(p, shape, key);
    if (dice < 550) {
        random_value(p, shape, other);
        return engine_batch_put(b, buf_slice(key), ts, buf_slice(other));
    }
    if (dice < 700)
        return engine_batch_delete(b, buf_slice(key), ts);
    if (dice < 850)
        return engine_batch_clear_version(b, buf_slice(key), ts);
    if (dice < 900) {
        random_value(p, shape, other);
        return engine_batch_put_meta(b, buf_slice(key), buf_slice(other));
    }
    if (dice < 940)
        return engine_batch_delete_meta(b, buf_slice(key));
    if (dice < 990 || !shape->clears)
        return engine_batch_set_applied(b, 7, prng_below(p, 1000000));
    model_random_key(p, shape, other);
    if (dice < 995)
        return engine_batch_clear_meta(b, buf_slice(key), buf_slice(other));
    if (prng_below(p, 20) == 0)
        return engine_batch_clear_range(b, buf_slice(key), SLICE_EMPTY);
    return engine_batch_clear_range(b, buf_slice(key), buf_slice(other));
}

void model_random_batch(struct prng *p, const struct model_shape *shape, unsigned ops,
                        struct engine_batch *b)
{
    struct buf key, other;

    buf_init(&key, NULL);
    buf_init(&other, NULL);
    for (uint64_t n = 1 + prng_below(p, ops); n > 0; n--)
        assert_st_ok(random_op(p, shape, &key, &other, b));
    buf_deinit(&key);
    buf_deinit(&other);
}

/* ---- comparing
 * ----------------------------------------------------------------------------------- */

static const struct model_space *space_of(const struct model *m, enum engine_iter_mode mode)
{
    return mode == ENGINE_ITER_META ? &m->meta : &m->data;
}

size_t model_expect(const struct model *m, const struct engine_iter_options *o, size_t *out)
{
    const struct model_space *s = space_of(m, o->mode);
    size_t                    n = 0;
    bool                      exact;

    for (size_t i = find(s, o->start, HLC_TS_MAX, &exact); i < s->count; i++) {
        const struct model_entry *e = &s->entries[i];
        bool                      is_first = true;

        if (o->end.size > 0 && slice_cmp(key_of(e), o->end) >= 0)
            break;
        if (!slice_starts_with(key_of(e), o->prefix))
            continue;
        if (o->mode != ENGINE_ITER_META && e->ts > o->ts)
            continue;
        if (o->mode == ENGINE_ITER_VERSIONS && e->ts <= o->newer_than)
            continue;
        if (o->mode == ENGINE_ITER_VISIBLE || o->mode == ENGINE_ITER_TOMBSTONES) {
            if (i > 0 && slice_eq(key_of(&s->entries[i - 1]), key_of(e)) &&
                s->entries[i - 1].ts <= o->ts)
                is_first = false;
            if (!is_first || (o->mode == ENGINE_ITER_VISIBLE && e->tombstone))
                continue;
        }
        out[n++] = i;
    }
    return n;
}

static status differs(const char *what)
{
    return status_new(MODEL_DIFFERS, "the engine's answer is wrong: %s", what);
}

static status compare_entry(const struct model_entry *e, const struct engine_iter *it)
{
    if (!it->valid)
        return differs("an iterator ends too early");
    if (!slice_eq(it->key, key_of(e)))
        return differs("an iterator shows another key");
    if (it->ts != e->ts || it->tombstone != e->tombstone)
        return differs("an iterator shows another version");
    if (!slice_eq(it->value, value_of(e)))
        return differs("an iterator shows another value");
    return STATUS_OK;
}

status model_compare_at(const struct model *m, enum engine_iter_mode mode, const size_t *at,
                        const struct engine_iter *it)
{
    if (at != NULL)
        return compare_entry(&space_of(m, mode)->entries[*at], it);
    return it->valid ? differs("an iterator shows too much") : STATUS_OK;
}

/* An iterator on its way over what the model expects of it. */
struct walk {
    const struct model_space *space;
    const size_t             *want;
    size_t                    count;
    struct engine_iter       *it;
};

/* It must stand on the at-th; behind the last one: nowhere. */
static status stands_at(const struct walk *w, size_t at)
{
    if (at < w->count)
        return compare_entry(&w->space->entries[w->want[at]], w->it);
    return w->it->valid ? differs("an iterator shows too much") : STATUS_OK;
}

static status walk_forward(const struct walk *w)
{
    TRY_RETURN(engine_iter_first(w->it));
    for (size_t i = 0; i < w->count; i++) {
        TRY_RETURN(stands_at(w, i));
        TRY_RETURN(engine_iter_next(w->it));
    }
    return stands_at(w, w->count);
}

static status walk_backward(const struct walk *w)
{
    TRY_RETURN(engine_iter_last(w->it));
    for (size_t i = w->count; i-- > 0;) {
        TRY_RETURN(stands_at(w, i));
        TRY_RETURN(engine_iter_prev(w->it));
    }
    return stands_at(w, w->count);
}

/* To the key from both sides, and back and forth from there. */
static status walk_around(const struct walk *w, slice key)
{
    size_t at = 0;

    while (at < w->count && slice_cmp(key_of(&w->space->entries[w->want[at]]), key) < 0)
        at++;
    TRY_RETURN(engine_iter_seek(w->it, key));
    TRY_RETURN(stands_at(w, at));
    if (at < w->count) {
        TRY_RETURN(engine_iter_prev(w->it));
        TRY_RETURN(stands_at(w, at > 0 ? at - 1 : w->count));
        if (at > 0) {
            TRY_RETURN(engine_iter_next(w->it));
            TRY_RETURN(stands_at(w, at));
        }
    }
    TRY_RETURN(engine_iter_seek_before(w->it, key));
    return stands_at(w, at > 0 ? at - 1 : w->count);
}

static status walk(const struct walk *w, struct heap *heap, struct prng *p,
                   const struct model_shape *shape)
{
    struct buf key;
    status     st = STATUS_OK;

    TRY_RETURN(walk_forward(w));
    TRY_RETURN(walk_backward(w));
    buf_init(&key, heap);
    for (int round = 0; p != NULL && round < 4 && st_ok(st); round++) {
        model_random_key(p, shape, &key);
        st = walk_around(w, buf_slice(&key));
    }
    buf_deinit(&key);
    return st;
}

static status compare_iter(const struct model *m, struct engine *e,
                           const struct engine_iter_options *o, struct prng *p,
                           const struct model_shape *shape)
{
    struct walk w = {.space = space_of(m, o->mode)};
    /* Of the node's heap, which goes with it when it crashes in the middle of reading. */
    size_t     *want = heap_must_alloc(env_heap(e->env), w.space->count + 1, sizeof *want);
    status      st;

    w.want = want;
    w.count = model_expect(m, o, want);
    st = engine_iter_open(e, o, &w.it);
    if (st_ok(st)) {
        st = walk(&w, env_heap(e->env), p, shape);
        engine_iter_close(w.it);
    }
    heap_free(want);
    return st;
}

static status compare_value(const struct model_entry *want, const struct engine_value *v)
{
    if (v->found != (want != NULL))
        return differs(v->found ? "a get finds too much" : "a get does not find a key");
    if (want == NULL)
        return STATUS_OK;
    if (v->ts != want->ts || v->tombstone != want->tombstone)
        return differs("a get finds another version");
    if (!slice_eq(v->value, slice_make(want->value, want->value_size)))
        return differs("a get finds another value");
    return STATUS_OK;
}

static status compare_get(const struct model *m, struct engine *e, struct engine_snapshot *snapshot,
                          slice key, hlc_ts ts)
{
    struct engine_value v;
    bool                exact;
    size_t              at = find(&m->data, key, ts, &exact);
    bool                found = at < m->data.count && slice_eq(key_of(&m->data.entries[at]), key);

    TRY_RETURN(engine_get(e, snapshot, key, ts, &v));
    if (!found && v.found && v.tombstone && v.ts <= m->floor)
        v.found = false; /* to be dropped; whoever reads sees nothing either way */
    TRY_RETURN(compare_value(found ? &m->data.entries[at] : NULL, &v));
    at = find(&m->meta, key, 0, &exact);
    TRY_RETURN(engine_get_meta(e, snapshot, key, &v));
    return compare_value(exact ? &m->meta.entries[at] : NULL, &v);
}

static status compare_stats(const struct model *m, struct engine *e)
{
    struct engine_stats stats;

    if (engine_applied(e, 7) != m->applied)
        return differs("another applied index");
    if (m->counts_are_near || m->floor > 0)
        return STATUS_OK;
    engine_stats(e, &stats);
    if (stats.entries != m->data.count || stats.meta_entries != m->meta.count)
        return differs("another count of entries");
    return STATUS_OK;
}

status model_compare_all(const struct model *m, struct engine *e, struct engine_snapshot *s)
{
    struct engine_iter_options o = {
        .snapshot = s, .mode = ENGINE_ITER_VERSIONS, .ts = HLC_TS_MAX, .newer_than = m->floor};

    TRY_RETURN(compare_iter(m, e, &o, NULL, NULL));
    if (m->floor > 0) {
        o.mode = ENGINE_ITER_VISIBLE;
        o.ts = m->floor;
        TRY_RETURN(compare_iter(m, e, &o, NULL, NULL));
    }
    o.mode = ENGINE_ITER_META;
    TRY_RETURN(compare_iter(m, e, &o, NULL, NULL));
    return s != NULL ? STATUS_OK : compare_stats(m, e);
}

void model_check_all(const struct model *m, struct engine *e, struct engine_snapshot *s)
{
    assert_st_ok(model_compare_all(m, e, s));
}

/* A moment that may be read at. */
static hlc_ts random_ts(struct prng *p, const struct model_shape *shape)
{
    return shape->ts_oldest + prng_below(p, shape->ts_min - shape->ts_oldest + shape->ts_max + 2);
}

void model_random_iter(struct prng *p, const struct model *m, const struct model_shape *shape,
                       struct buf *start, struct buf *end, struct engine_iter_options *out)
{
    /* Which old tombstones are left is not known once there were some to drop late. */
    static const enum engine_iter_mode modes[] = {ENGINE_ITER_VISIBLE, ENGINE_ITER_VERSIONS,
                                                  ENGINE_ITER_META, ENGINE_ITER_TOMBSTONES};

    model_random_key(p, shape, start);
    model_random_key(p, shape, end);
    out->mode = modes[prng_below(p, m->floor > 0 ? 3 : 4)];
    out->start = prng_below(p, 4) == 0 ? SLICE_EMPTY : buf_slice(start);
    out->end = prng_below(p, 4) == 0 ? SLICE_EMPTY : buf_slice(end);
    out->ts = random_ts(p, shape);
    out->newer_than = random_ts(p, shape);
    out->prefix = SLICE_EMPTY;
    if (start->size > 0 && prng_below(p, 4) == 0)
        out->prefix = slice_make(start->data, 1 + prng_below(p, MIN(start->size, (size_t)8)));
}

status model_compare_some(const struct model *m, struct engine *e, struct engine_snapshot *s,
                          struct prng *p, const struct model_shape *shape)
{
    struct engine_iter_options o = {.snapshot = s};
    struct buf                 start, end;
    status                     st = STATUS_OK;

    buf_init(&start, env_heap(e->env));
    buf_init(&end, env_heap(e->env));
    for (int i = 0; i < 20 && st_ok(st); i++) {
        model_random_key(p, shape, &start);
        st = compare_get(m, e, s, buf_slice(&start), random_ts(p, shape));
    }
    model_random_iter(p, m, shape, &start, &end, &o);
    if (st_ok(st))
        st = compare_iter(m, e, &o, p, shape);
    buf_deinit(&start);
    buf_deinit(&end);
    return st;
}

void model_check_some(const struct model *m, struct engine *e, struct engine_snapshot *s,
                      struct prng *p, const struct model_shape *shape)
{
    assert_st_ok(model_compare_some(m, e, s, p, shape));
}

static uint64_t hash_entry(uint64_t seed, slice key, hlc_ts ts, bool tombstone, slice value)
{
    seed = hash_bytes(key.data, key.size, seed ^ hash_u64(ts * 2 + tombstone));
    return hash_bytes(value.data, value.size, seed);
}

/* What is collected late is left out: what reads at the floor see, and what is newer. */
static const enum engine_iter_mode hash_modes[] = {ENGINE_ITER_VERSIONS, ENGINE_ITER_VISIBLE,
                                                   ENGINE_ITER_META};

static struct engine_iter_options hash_options(const struct model *m, enum engine_iter_mode mode)
{
    return (struct engine_iter_options){.mode = mode,
                                        .ts = mode == ENGINE_ITER_VISIBLE ? m->floor : HLC_TS_MAX,
                                        .newer_than = mode == ENGINE_ITER_VERSIONS ? m->floor : 0};
}

static uint64_t hash_mode(const struct model *m, enum engine_iter_mode mode, uint64_t hash)
{
    const struct model_space  *s = space_of(m, mode);
    struct engine_iter_options o = hash_options(m, mode);
    size_t                    *shown = malloc((s->count + 1) * sizeof *shown);
    size_t                     count = model_expect(m, &o, shown);

    for (size_t i = 0; i < count; i++) {
        const struct model_entry *e = &s->entries[shown[i]];

        hash = hash_entry(hash, key_of(e), e->ts, e->tombstone, value_of(e));
    }
    free(shown);
    return hash;
}

uint64_t model_hash(const struct model *m)
{
    uint64_t hash = hash_u64(m->applied);

    for (size_t i = 0; i < ARRAY_LEN(hash_modes); i++)
        hash = hash_mode(m, hash_modes[i], hash);
    return hash;
}

static status hash_iter(struct engine *e, const struct engine_iter_options *o, uint64_t *hash)
{
    struct engine_iter *it;
    status              st;

    TRY_RETURN(engine_iter_open(e, o, &it));
    st = engine_iter_first(it);
    while (st_ok(st) && it->valid) {
        *hash = hash_entry(*hash, it->key, it->ts, it->tombstone, it->value);
        st = engine_iter_next(it);
    }
    engine_iter_close(it);
    return st;
}

status model_hash_engine(const struct model *m, struct engine *e, uint64_t *hash)
{
    *hash = hash_u64(engine_applied(e, 7));
    for (size_t i = 0; i < ARRAY_LEN(hash_modes); i++) {
        struct engine_iter_options o = hash_options(m, hash_modes[i]);

        TRY_RETURN(hash_iter(e, &o, hash));
    }
    return STATUS_OK;
}
