#include "tests/common/lsm_entries.h"

#include "base/sort.h"

enum { KEY_SIZE_MAX = 8192 };

static slice random_bytes(struct arena *arena, struct prng *p, size_t size, unsigned letters)
{
    char *data = arena_alloc(arena, size + 1);

    for (size_t i = 0; i < size; i++)
        data[i] = (char)prng_below(p, letters);
    return slice_make(data, size);
}

/* Space, perhaps a piece of `prefix`, then bytes of few kinds, so that keys share much. */
static slice random_key(struct arena *arena, struct prng *p, const struct lsm_entries_shape *shape,
                        slice prefix)
{
    size_t shared = prng_below(p, 4) == 0 ? prng_below(p, prefix.size + 1) : prefix.size;
    size_t own = 1 + prng_below(p, shape->key_size_max);
    char  *key;

    if (shared + own > KEY_SIZE_MAX || prng_below(p, 500) == 0)
        own = KEY_SIZE_MAX - shared;
    key = arena_alloc(arena, 2 + shared + own);
    key[0] = prng_below(p, 8) == 0 ? LSM_SPACE_META : LSM_SPACE_DATA;
    memcpy(key + 1, prefix.data, shared);
    memcpy(key + 1 + shared, random_bytes(arena, p, own, prng_below(p, 2) == 0 ? 3 : 256).data,
           own);
    return slice_make(key, 1 + shared + own);
}

static slice random_value(struct arena *arena, struct prng *p,
                          const struct lsm_entries_shape *shape)
{
    size_t size = prng_below(p, shape->value_size_max + 1);

    if (shape->large_one_in > 0 && prng_below(p, shape->large_one_in) == 0)
        size = prng_below(p, shape->large_size_max + 1);
    return random_bytes(arena, p, size, prng_below(p, 2) == 0 ? 4 : 256);
}

static struct lsm_entry random_entry(struct arena *arena, struct prng *p,
                                     const struct lsm_entries_shape *shape, slice key)
{
    struct lsm_entry e = {.key = key};

    if (key.data[0] == LSM_SPACE_DATA)
        e.ts = prng_below(p, 2) == 0 ? prng_below(p, 100) : prng_next(p);
    e.kind = prng_below(p, 5) > 0 ? LSM_VALUE : prng_below(p, 2) > 0 ? LSM_TOMBSTONE : LSM_CLEARED;
    if (e.kind == LSM_VALUE)
        e.value = random_value(arena, p, shape);
    return e;
}

static int compare(const void *a, const void *b, void *ctx)
{
    const struct lsm_entry *x = a, *y = b;

    (void)ctx;
    return lsm_entry_cmp(x->key, x->ts, y->key, y->ts);
}

void lsm_entries_random(struct arena *arena, struct prng *p, const struct lsm_entries_shape *shape,
                        struct lsm_entries *out)
{
    slice  prefix = SLICE_EMPTY;
    size_t kept = 0;

    out->items = arena_alloc(arena, shape->count * sizeof *out->items);
    for (out->count = 0; out->count < shape->count;) {
        slice  key;
        size_t versions = 1 + prng_below(p, shape->versions_max);

        if (out->count == 0 || prng_below(p, 50) == 0)
            prefix = random_bytes(arena, p, prng_below(p, shape->prefix_size_max + 1), 256);
        key = random_key(arena, p, shape, prefix);
        for (size_t i = 0; i < versions && out->count < shape->count; i++)
            out->items[out->count++] = random_entry(arena, p, shape, key);
    }
    sort_stable(NULL, out->items, out->count, sizeof *out->items, compare, NULL);
    for (size_t i = 0; i < out->count; i++)
        if (kept == 0 || compare(&out->items[kept - 1], &out->items[i], NULL) != 0)
            out->items[kept++] = out->items[i];
    out->count = kept;
}

struct lsm_entries_shape lsm_entries_shape_random(struct prng *p, size_t count)
{
    static const unsigned    key_sizes[] = {2, 8, 30, 400}, prefix_sizes[] = {0, 20, 300, 8192};
    static const unsigned    versions[] = {1, 1, 5, 1000}, value_sizes[] = {0, 10, 100, 2048};
    struct lsm_entries_shape s = {.count = count, .large_size_max = 20000};

    s.key_size_max = key_sizes[prng_below(p, ARRAY_LEN(key_sizes))];
    s.prefix_size_max = prefix_sizes[prng_below(p, ARRAY_LEN(prefix_sizes))];
    s.versions_max = versions[prng_below(p, ARRAY_LEN(versions))];
    s.value_size_max = value_sizes[prng_below(p, ARRAY_LEN(value_sizes))];
    s.large_one_in = prng_below(p, 2) == 0 ? 0 : 30;
    return s;
}

size_t lsm_entries_lower_bound(const struct lsm_entries *e, slice key, hlc_ts ts)
{
    struct lsm_entry target = {.key = key, .ts = ts};

    return sort_lower_bound(e->items, e->count, sizeof *e->items, &target, compare, NULL);
}

slice lsm_entries_probe(struct arena *arena, struct prng *p, const struct lsm_entries *e,
                        hlc_ts *ts)
{
    const struct lsm_entry *near = &e->items[prng_below(p, e->count)];
    char                   *key = arena_alloc(arena, near->key.size + 1);
    size_t                  size = near->key.size;

    memcpy(key, near->key.data, size);
    *ts = near->ts;
    switch (prng_below(p, 6)) {
    case 0:
        key[size - 1]++;
        break;
    case 1:
        key[size++] = (char)prng_below(p, 256);
        break;
    case 2:
        size = 1 + prng_below(p, size);
        break;
    case 3:
        *ts += prng_below(p, 2) == 0 ? 1 : UINT64_MAX;
        break;
    case 4:
        *ts = prng_below(p, 2) == 0 ? 0 : UINT64_MAX;
        break;
    default:
        break;
    }
    return slice_make(key, size);
}
