/* Versions: random edits and pins against a plain list of tables; look-ups against a scan of all;
 * thresholds against an array with one per key. */
#include "base/prng.h"
#include "storage/lsm/version.h"
#include "tests/common/test.h"

enum { KEYS = 200, TABLES_MAX = 4000, PINS_MAX = 6 };

/* Key k of the tests, two bytes behind the space. */
static slice key_at(char out[4], unsigned k)
{
    out[0] = 1;
    put_u16be(out + 1, (uint16_t)k);
    return slice_make(out, 3);
}

struct table_model {
    bool     exists, open;
    unsigned level, least, greatest; /* covers [least, greatest], or without `greatest` */
    unsigned age;                    /* of level 0: the larger the newer */
};

struct fixture {
    struct version_set set;
    struct prng        prng;
    struct table_model tables[TABLES_MAX];
    unsigned           next, age;
    bool               gone[TABLES_MAX];
    struct version    *pins[PINS_MAX];
    bool               pinned[PINS_MAX][TABLES_MAX]; /* tables of each pinned version */
};

static void note_gone(void *ctx, struct version_file *f)
{
    struct fixture *x = ctx;

    assert_false(x->gone[f->number]);
    assert_ptr_equal(f->handle, &x->tables[f->number]);
    x->gone[f->number] = true;
}

static struct fixture *fixture_new(uint64_t seed)
{
    struct fixture *x = calloc(1, sizeof *x);

    prng_init(&x->prng, seed);
    version_set_init(&x->set, NULL, note_gone, x);
    x->next = 1;
    return x;
}

static void fixture_free(struct fixture *x)
{
    for (unsigned i = 0; i < PINS_MAX; i++)
        version_unref(x->pins[i]);
    version_set_deinit(&x->set, note_gone);
    free(x);
}

/* ---- the model ---------------------------------------------------------------------------------
 */

static bool model_covers(const struct table_model *t, unsigned k)
{
    return t->exists && t->least <= k && (t->open ? k < t->greatest : k <= t->greatest);
}

static bool model_overlaps(const struct table_model *t, unsigned start, unsigned end)
{
    if (!t->exists || start >= end)
        return false;
    return t->least < end && (t->open ? start < t->greatest : start <= t->greatest);
}

static bool model_has_room(const struct fixture *x, unsigned level, const struct table_model *t)
{
    unsigned end = t->open ? t->greatest : t->greatest + 1;

    for (unsigned n = 1; level > 0 && n < x->next; n++)
        if (x->tables[n].level == level && model_overlaps(&x->tables[n], t->least, end))
            return false;
    return true;
}

static void meta_of(const struct fixture *x, unsigned n, char least[4], char greatest[4],
                    struct table_meta *out)
{
    const struct table_model *t = &x->tables[n];

    *out = (struct table_meta){.number = n,
                               .level = t->level,
                               .size = 100 + n,
                               .least = key_at(least, t->least),
                               .greatest = key_at(greatest, t->greatest),
                               .greatest_open = t->open,
                               .entries = 1};
}

static void model_add(struct fixture *x, struct manifest_edit *e, unsigned n)
{
    char              least[4], greatest[4];
    struct table_meta t;

    x->tables[n].exists = true;
    x->tables[n].age = ++x->age;
    meta_of(x, n, least, greatest, &t);
    manifest_edit_add(e, &t);
}

static void random_new(struct fixture *x, struct manifest_edit *e)
{
    struct table_model t = {.level = (unsigned)prng_below(&x->prng, LSM_LEVELS),
                            .open = prng_below(&x->prng, 3) == 0};

    t.least = (unsigned)prng_below(&x->prng, KEYS - 20);
    t.greatest = t.least + t.open + (unsigned)prng_below(&x->prng, 15);
    if (x->next == TABLES_MAX || !model_has_room(x, t.level, &t))
        return;
    x->tables[x->next] = t;
    model_add(x, e, x->next++);
}

/* Remove a table, or move it to a level that has room. */
static void random_old(struct fixture *x, struct manifest_edit *e, unsigned n)
{
    struct table_model *t = &x->tables[n];
    unsigned            level = (unsigned)prng_below(&x->prng, LSM_LEVELS);

    manifest_edit_remove(e, t->level, n);
    t->exists = false;
    if (prng_below(&x->prng, 2) == 0 && level != t->level && model_has_room(x, level, t)) {
        t->level = level;
        model_add(x, e, n);
    }
}

static void give_handles(struct fixture *x)
{
    for (unsigned level = 0; level < LSM_LEVELS; level++)
        for (size_t i = 0; i < x->set.current->levels[level].count; i++) {
            struct version_table *t = x->set.current->levels[level].tables[i];

            assert_true(t->file->handle == NULL || t->file->handle == &x->tables[t->meta.number]);
            t->file->handle = &x->tables[t->meta.number];
        }
}

static void random_edit(struct fixture *x)
{
    struct manifest_edit e;
    unsigned             first = x->next;

    manifest_edit_init(&e, NULL);
    for (unsigned n = 1; n < first; n++)
        if (x->tables[n].exists && prng_below(&x->prng, 30) == 0)
            random_old(x, &e, n);
    for (uint64_t i = prng_below(&x->prng, 6); i > 0; i--)
        random_new(x, &e);
    assert_st_ok(version_set_check_edit(&x->set, &e));
    version_set_apply(&x->set, &e);
    version_check(x->set.current);
    manifest_edit_deinit(&e);
    give_handles(x);
}

static void random_pin(struct fixture *x)
{
    unsigned i = (unsigned)prng_below(&x->prng, PINS_MAX);

    version_unref(x->pins[i]);
    x->pins[i] = version_ref(x->set.current);
    for (unsigned n = 1; n < x->next; n++)
        x->pinned[i][n] = x->tables[n].exists;
}

/* ---- checks ------------------------------------------------------------------------------------
 */

/* A file is gone when the current version and all pinned ones are without it, and not before. */
static void check_gone(const struct fixture *x)
{
    for (unsigned n = 1; n < x->next; n++) {
        bool used = x->tables[n].exists;

        for (unsigned i = 0; i < PINS_MAX; i++)
            used |= x->pins[i] != NULL && x->pinned[i][n];
        assert_int_equal(x->gone[n], !used);
    }
}

static void check_find(const struct fixture *x, unsigned level, unsigned k)
{
    char                        bytes[4];
    const struct version_table *t = version_find(x->set.current, level, key_at(bytes, k));
    unsigned                    found = 0;

    for (unsigned n = 1; n < x->next; n++)
        if (x->tables[n].level == level && model_covers(&x->tables[n], k))
            found = n;
    assert_int_equal(t == NULL ? 0 : t->meta.number, found);
}

static void check_overlaps(const struct fixture *x, unsigned level, unsigned start, unsigned end)
{
    char     a[4], b[4];
    slice    from = key_at(a, start), to = end < KEYS ? key_at(b, end) : SLICE_EMPTY;
    size_t   first, count = version_overlaps(x->set.current, level, from, to, &first);
    unsigned wanted = 0;

    for (unsigned n = 1; n < x->next; n++)
        wanted += x->tables[n].level == level && model_overlaps(&x->tables[n], start, end);
    assert_int_equal(count, wanted);
    for (size_t i = first; i < first + count; i++)
        assert_true(table_meta_overlaps(&x->set.current->levels[level].tables[i]->meta, from, to));
}

static void check_sizes(const struct fixture *x, unsigned start, unsigned end)
{
    char     a[4], b[4];
    uint64_t all = 0;
    bool     any = false;

    for (unsigned n = 1; n < x->next; n++) {
        const struct table_model *t = &x->tables[n];

        if (!t->exists)
            continue;
        all += 100 + n;
        any = any || model_overlaps(t, start, end);
    }
    assert_int_equal(version_size(x->set.current), all);
    assert_int_equal(version_any_overlap(x->set.current, 0, key_at(a, start), key_at(b, end)), any);
}

static void check_level0(const struct fixture *x)
{
    const struct version_level *l = &x->set.current->levels[0];

    for (size_t i = 1; i < l->count; i++)
        assert_true(x->tables[l->tables[i - 1]->meta.number].age >
                    x->tables[l->tables[i]->meta.number].age);
}

static void check_all(struct fixture *x)
{
    unsigned start = (unsigned)prng_below(&x->prng, KEYS - 1);
    unsigned end = start + 1 + (unsigned)prng_below(&x->prng, KEYS - start);

    check_gone(x);
    check_level0(x);
    for (unsigned level = 1; level < LSM_LEVELS; level++) {
        for (unsigned k = 0; k < KEYS; k += 3)
            check_find(x, level, k);
        check_overlaps(x, level, start, end);
    }
    check_sizes(x, start, end);
}

/* ---- tests -------------------------------------------------------------------------------------
 */

static void random_edits(void **state)
{
    struct fixture *x = fixture_new(test_seed(1));

    (void)state;
    for (unsigned i = 0; i < 600; i++) {
        random_edit(x);
        if (prng_below(&x->prng, 3) == 0)
            random_pin(x);
        check_all(x);
    }
    assert_true(x->next > 300);
    fixture_free(x);
}

static status apply_dumped(void *ctx, const struct manifest_edit *e)
{
    struct version_set *copy = ctx;

    TRY_RETURN(version_set_check_edit(copy, e));
    version_set_apply(copy, e);
    return STATUS_OK;
}

static void assert_same(const struct version_set *a, const struct version_set *b)
{
    for (unsigned level = 0; level < LSM_LEVELS; level++) {
        const struct version_level *x = &a->current->levels[level];
        const struct version_level *y = &b->current->levels[level];

        assert_int_equal(x->count, y->count);
        assert_int_equal(x->size, y->size);
        for (size_t i = 0; i < x->count; i++) {
            assert_int_equal(x->tables[i]->meta.number, y->tables[i]->meta.number);
            assert_true(slice_eq(x->tables[i]->meta.greatest, y->tables[i]->meta.greatest));
        }
    }
    assert_int_equal(a->log_sequence, b->log_sequence);
    assert_int_equal(a->next_file_number, b->next_file_number);
    assert_int_equal(a->gc.count, b->gc.count);
    assert_int_equal(umap_count(&a->applied), umap_count(&b->applied));
}

static void dumped(void **state)
{
    struct fixture      *x = fixture_new(test_seed(2));
    struct version_set   copy;
    struct manifest_edit e;

    (void)state;
    for (unsigned i = 0; i < 100; i++)
        random_edit(x);
    manifest_edit_init(&e, NULL);
    for (unsigned i = 1; i < 100; i++)
        manifest_edit_set_applied(&e, i * 7, i);
    manifest_edit_set_gc(&e, SLICE_LIT("\001a"), SLICE_LIT("\001c"), 5);
    manifest_edit_set_gc(&e, SLICE_LIT("\001b"), SLICE_LIT("\001d"), 6);
    e.log_sequence = 99;
    version_set_apply(&x->set, &e);
    manifest_edit_deinit(&e);
    for (size_t edit_size = 1; edit_size < 100000; edit_size *= 7) {
        version_set_init(&copy, NULL, NULL, NULL);
        assert_st_ok(version_set_dump(&x->set, edit_size, apply_dumped, &copy));
        assert_same(&x->set, &copy);
        for (unsigned i = 1; i < 100; i++)
            assert_int_equal(version_set_applied(&copy, i * 7), i);
        version_set_deinit(&copy, NULL);
    }
    fixture_free(x);
}

static void refused_edits(void **state)
{
    struct fixture      *x = fixture_new(3);
    struct manifest_edit e;
    struct table_meta    t;
    char                 least[4], greatest[4];

    (void)state;
    manifest_edit_init(&e, NULL);
    x->tables[1] = (struct table_model){.level = 3, .least = 10, .greatest = 20, .open = true};
    x->next = 2;
    model_add(x, &e, 1);
    version_set_apply(&x->set, &e);
    give_handles(x);
    meta_of(x, 1, least, greatest, &t);
#define REFUSED(build)                                                                             \
    do {                                                                                           \
        manifest_edit_reset(&e);                                                                   \
        build;                                                                                     \
        assert_st_code(version_set_check_edit(&x->set, &e), ST_CORRUPT);                           \
    } while (0)
    REFUSED(manifest_edit_remove(&e, 3, 2));
    REFUSED(manifest_edit_remove(&e, 4, 1));
    REFUSED(manifest_edit_remove(&e, 3, 1); manifest_edit_remove(&e, 3, 1));
    REFUSED(manifest_edit_add(&e, &t));
    t.number = 2;
    REFUSED(manifest_edit_add(&e, &t));
    t.least = t.greatest;
    REFUSED(manifest_edit_add(&e, &t)); /* open, and empty */
    t.greatest_open = false;
    manifest_edit_reset(&e);
    manifest_edit_add(&e, &t); /* the other one ends before this key */
    assert_st_ok(version_set_check_edit(&x->set, &e));
    REFUSED(manifest_edit_add(&e, &t); manifest_edit_add(&e, &t));
    t.level = LSM_LEVELS;
    REFUSED(manifest_edit_add(&e, &t));
#undef REFUSED
    manifest_edit_deinit(&e);
    fixture_free(x);
}

static void check_spans(const struct version_set *s, slice start, slice end)
{
    const struct gc_threshold *first;
    size_t                     count = version_set_gc_spans(s, start, end, &first), wanted = 0;

    for (size_t i = 0; i < s->gc.count; i++) {
        const struct gc_threshold *g = &s->gc.spans[i];

        wanted += slice_cmp(g->start, end) < 0 && slice_cmp(start, g->end) < 0;
    }
    assert_int_equal(count, wanted);
    for (size_t i = 0; i < count; i++)
        assert_true(slice_cmp(first[i].start, end) < 0 && slice_cmp(start, first[i].end) < 0);
}

static void check_thresholds(const struct version_set *s, const hlc_ts *wanted, struct prng *prng)
{
    char a[4], b[4];

    for (unsigned k = 0; k < KEYS; k++)
        assert_int_equal(version_set_gc(s, key_at(a, k)), wanted[k]);
    for (size_t i = 1; i < s->gc.count; i++) {
        const struct gc_threshold *g = &s->gc.spans[i - 1];

        assert_true(slice_cmp(g->end, g[1].start) <= 0);
        assert_true(!slice_eq(g->end, g[1].start) || g->ts != g[1].ts);
    }
    for (unsigned n = 0; n < 20; n++) {
        unsigned start = (unsigned)prng_below(prng, KEYS - 1);
        unsigned end = start + 1 + (unsigned)prng_below(prng, KEYS - start - 1);
        hlc_ts   least = HLC_TS_MAX;

        for (unsigned k = start; k < end; k++)
            least = MIN(least, wanted[k]);
        assert_int_equal(version_set_gc_least(s, key_at(a, start), key_at(b, end)), least);
        assert_int_equal(version_set_gc_least(s, key_at(a, start), SLICE_EMPTY), 0);
        check_spans(s, key_at(a, start), key_at(b, end));
    }
}

static void thresholds(void **state)
{
    struct version_set s;
    struct prng        prng;
    uint64_t           seed = test_seed(4);

    (void)state;
    for (unsigned round = 0; round < 30; round++) {
        hlc_ts wanted[KEYS] = {0};

        prng_init(&prng, seed + round);
        version_set_init(&s, NULL, NULL, NULL);
        for (unsigned i = 0; i < 60; i++) {
            struct manifest_edit e;
            unsigned             start = (unsigned)prng_below(&prng, KEYS - 1);
            unsigned             end =
                start + 1 + (unsigned)prng_below(&prng, (KEYS - start + 3) / (1 + i % 4));
            hlc_ts ts = prng_below(&prng, 8);
            char   a[4], b[4];

            end = MIN(end, KEYS);
            manifest_edit_init(&e, NULL);
            manifest_edit_set_gc(&e, key_at(a, start), key_at(b, end), ts);
            version_set_apply(&s, &e);
            manifest_edit_deinit(&e);
            for (unsigned k = start; k < end && k < KEYS; k++)
                wanted[k] = MAX(wanted[k], ts);
            check_thresholds(&s, wanted, &prng);
        }
        version_set_deinit(&s, NULL);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T("look-ups agree with a scan, and files go with their last version", random_edits),
        T("a dumped state makes the same set again", dumped),
        T("an edit that does not fit is refused", refused_edits),
        T("thresholds rise and never fall, key by key", thresholds),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
