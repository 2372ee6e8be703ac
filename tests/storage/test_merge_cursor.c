/* The merging cursor over memtables against a sorted array: the rules of chapter 14, "Sources, not
 * sequence numbers". */
#include "storage/lsm/merge_cursor.h"

#include "base/prng.h"
#include "storage/lsm/memtable.h"
#include "tests/common/test.h"

enum { KEYS = 40, TIMES = 5, SOURCES_MAX = 6, OPS = 60, ROUNDS = 300, MOVES = 60 };

/* What readers see: a value, or nothing, for each (key, ts). */
struct model {
    bool found[KEYS][TIMES + 1];
    int  value[KEYS][TIMES + 1];
    bool tombstone[KEYS][TIMES + 1];
};

struct fixture {
    struct prng          prng;
    struct heap         *heap;
    struct model         model;
    struct memtable     *tables[SOURCES_MAX]; /* the newest first */
    struct memtable_view views[SOURCES_MAX];
    size_t               count;
    struct lsm_cursor   *cursor;
};

static slice key_of(char *room, int k)
{
    return slice_make(room, (size_t)snprintf(room, 16, "k%02d", k));
}

static void random_op(struct fixture *f, struct memtable *m, int number)
{
    char            start[16], end[16], value[16];
    int             k = (int)prng_below(&f->prng, KEYS), to = k;
    unsigned        ts = 1 + (unsigned)prng_below(&f->prng, TIMES), dice;
    struct batch_op op = {.key = key_of(start, k), .ts = ts};

    dice = (unsigned)prng_below(&f->prng, 100);
    if (dice < 60) {
        op.kind = BATCH_PUT;
        op.value = slice_make(value, (size_t)snprintf(value, sizeof value, "%d", number));
        f->model.found[k][ts] = true;
        f->model.tombstone[k][ts] = false;
        f->model.value[k][ts] = number;
    } else if (dice < 75) {
        op.kind = BATCH_DELETE;
        f->model.found[k][ts] = f->model.tombstone[k][ts] = true;
    } else if (dice < 95) {
        op.kind = BATCH_CLEAR_VERSION;
        f->model.found[k][ts] = false;
    } else {
        op.kind = BATCH_CLEAR_RANGE;
        to = k + 1 + (int)prng_below(&f->prng, 8);
        op.end = key_of(end, to);
        for (int i = k; i < to && i < KEYS; i++)
            memset(f->model.found[i], 0, sizeof f->model.found[i]);
    }
    memtable_apply(m, &op);
}

static void build(struct fixture *f)
{
    struct merge_source sources[SOURCES_MAX];

    memset(&f->model, 0, sizeof f->model);
    f->count = 1 + (size_t)prng_below(&f->prng, SOURCES_MAX);
    for (size_t i = f->count; i-- > 0;) {
        f->tables[i] = memtable_new(f->heap);
        for (int n = 0; n < OPS / (int)f->count; n++)
            random_op(f, f->tables[i], (int)i * 1000 + n);
        memtable_view_take(f->tables[i], &f->views[i]);
        sources[i] = (struct merge_source){.cursor = memtable_cursor_open(&f->views[i], f->heap)};
        if (f->views[i].clears != NULL) {
            sources[i].clears = f->views[i].clears->items;
            sources[i].clear_count = f->views[i].clears->count;
        }
        for (int n = 0; n < 5; n++) { /* what comes later is not in the view */
            struct model kept = f->model;

            random_op(f, f->tables[i], 9);
            f->model = kept;
        }
        if (i > 0) { /* nor may it be in the state that the next source hides */
            memtable_unref(f->tables[i]);
            f->tables[i] = NULL;
        }
    }
    f->cursor = merge_cursor_open(f->heap, sources, f->count);
}

static void tear_down(struct fixture *f)
{
    f->cursor->ops->close(f->cursor);
    for (size_t i = 0; i < f->count; i++) {
        memtable_view_release(&f->views[i]);
        memtable_unref(f->tables[i]);
    }
}

/* Places are numbered in the order of entries: key by key, the newest first. */
static int place_of(int k, unsigned ts)
{
    return k * TIMES + (TIMES - (int)ts);
}

static bool found_at(const struct fixture *f, int place)
{
    return f->model.found[place / TIMES][TIMES - place % TIMES];
}

static int next_from(const struct fixture *f, int place)
{
    while (place < KEYS * TIMES && !found_at(f, place))
        place++;
    return place;
}

static int last_before(const struct fixture *f, int place)
{
    do
        place--;
    while (place >= 0 && !found_at(f, place));
    return place;
}

static void check_at(const struct fixture *f, int place)
{
    const struct lsm_entry *e = &f->cursor->entry;
    char                    room[16], value[16];
    slice                   key = key_of(room, place / TIMES);
    int                     k = place / TIMES, ts = TIMES - place % TIMES;

    assert_int_equal(f->cursor->valid, place >= 0 && place < KEYS * TIMES);
    if (!f->cursor->valid)
        return;
    assert_int_equal(e->key.data[0], LSM_SPACE_DATA);
    assert_true(slice_eq(slice_from(e->key, 1), key));
    assert_int_equal(e->ts, ts);
    assert_int_equal(e->kind == LSM_TOMBSTONE, f->model.tombstone[k][ts]);
    if (e->kind != LSM_TOMBSTONE) {
        snprintf(value, sizeof value, "%d", f->model.value[k][ts]);
        assert_true(slice_eq_cstr(e->value, value));
    }
}

static slice spaced_key(char *room, int k)
{
    room[0] = LSM_SPACE_DATA;
    return slice_make(room, 1 + key_of(room + 1, k).size);
}

static int random_seek(struct fixture *f)
{
    int      k = (int)prng_below(&f->prng, KEYS);
    unsigned ts = 1 + (unsigned)prng_below(&f->prng, TIMES);
    char     room[20];
    slice    key = spaced_key(room, k);

    if (prng_below(&f->prng, 2) == 0) {
        assert_st_ok(f->cursor->ops->seek(f->cursor, key, ts));
        return next_from(f, place_of(k, ts));
    }
    assert_st_ok(f->cursor->ops->seek_before(f->cursor, key, ts));
    return last_before(f, place_of(k, ts));
}

static int random_move(struct fixture *f, int place)
{
    struct lsm_cursor *c = f->cursor;

    switch (prng_below(&f->prng, c->valid ? 8 : 3)) {
    case 0:
        assert_st_ok(c->ops->first(c));
        return next_from(f, 0);
    case 1:
        assert_st_ok(c->ops->last(c));
        return last_before(f, KEYS * TIMES);
    case 2:
        return random_seek(f);
    case 3:
    case 4:
        assert_st_ok(c->ops->prev(c));
        return last_before(f, place);
    default:
        assert_st_ok(c->ops->next(c));
        return next_from(f, place + 1);
    }
}

static void moves_agree_with_the_model(void **state)
{
    struct fixture f = {.heap = heap_new()};

    (void)state;
    prng_init(&f.prng, test_seed(1));
    for (int round = 0; round < ROUNDS; round++) {
        int place = -1;

        build(&f);
        for (int i = 0; i < MOVES; i++) {
            place = random_move(&f, place);
            check_at(&f, place);
        }
        tear_down(&f);
    }
    heap_destroy(f.heap);
}

static void no_sources_are_empty(void **state)
{
    struct heap       *heap = heap_new();
    struct lsm_cursor *c = merge_cursor_open(heap, NULL, 0);

    (void)state;
    assert_st_ok(c->ops->first(c));
    assert_false(c->valid);
    assert_st_ok(c->ops->last(c));
    assert_false(c->valid);
    c->ops->close(c);
    heap_destroy(heap);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        T("random moves over random sources see what the model holds", moves_agree_with_the_model),
        T("no sources hold nothing", no_sources_are_empty),
    };

    return cmocka_run_group_tests_name("storage/merge_cursor", tests, NULL, NULL);
}
