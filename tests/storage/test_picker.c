/* What to compact next, against a store of plain arrays: tables are lists of entries, a compaction
 * merges them, and every key is looked up as a reader would. Sizes are a ten-thousandth of real
 * ones, in the same proportions. */
#include "base/prng.h"
#include "base/sort.h"
#include "storage/lsm/picker.h"
#include "tests/common/test.h"

enum {
    ENTRY_SIZE = 16,
    TABLE_ENTRIES = 200,
    TABLE_SIZE = ENTRY_SIZE * TABLE_ENTRIES,
    BASE_SIZE = 2 * TABLE_SIZE,
    KEY_SIZE = 5,
    RUNNING_MAX = 3,
};

enum kind { PUT, CLEARED };

struct entry {
    uint32_t  key;
    uint32_t  sequence; /* of the write; the newest counts */
    enum kind kind;
};

/* Hides [start, end) of what is older. */
struct clear {
    uint32_t start, end, sequence;
};

enum { CLEARS_MAX = 400 };

struct content {
    struct entry *entries;
    size_t        count;
    struct clear *clears;
    size_t        clear_count;
};

struct store {
    struct version_set set;
    struct picker      picker;
    struct prng        prng;
    struct umap        contents; /* table number -> struct content */
    uint32_t          *model;    /* key -> sequence of the newest put; 0: none */
    uint32_t           keys, sequence;
    struct pick       *running[RUNNING_MAX];
    size_t             running_count, running_max;
    uint64_t           flushed, written, moved, cuts;
    unsigned           clears_percent; /* of flushes that have one */
    size_t             flush_max;      /* entries of a flush; 0: a whole table */
};

static void drop_content(struct store *s, uint64_t number)
{
    struct content *c = umap_remove(&s->contents, number);

    assert_non_null(c);
    free(c->entries);
    free(c->clears);
    free(c);
}

static void note_gone(void *ctx, struct version_file *f)
{
    drop_content(ctx, f->number);
}

static void store_init(struct store *s, uint64_t seed, uint32_t keys)
{
    struct picker_options o = {.table_size = TABLE_SIZE, .base_size_min = BASE_SIZE};

    *s = (struct store){.keys = keys, .running_max = 1};
    version_set_init(&s->set, NULL, note_gone, s);
    picker_init(&s->picker, NULL, &o);
    prng_init(&s->prng, seed);
    umap_init(&s->contents, NULL);
    s->model = calloc(keys, sizeof *s->model);
}

static void store_deinit(struct store *s)
{
    for (size_t i = 0; i < s->running_count; i++)
        pick_free(s->running[i]);
    picker_deinit(&s->picker);
    version_set_deinit(&s->set, note_gone);
    assert_int_equal(umap_count(&s->contents), 0);
    umap_deinit(&s->contents);
    free(s->model);
}

static void put_key(char out[KEY_SIZE], uint32_t key)
{
    out[0] = 1;
    put_u32be(out + 1, key);
}

static int compare_entries(const void *a, const void *b, void *ctx)
{
    const struct entry *x = a, *y = b;

    (void)ctx;
    if (x->key != y->key)
        return x->key < y->key ? -1 : 1;
    return (x->sequence < y->sequence) - (x->sequence > y->sequence); /* newest first */
}

static void put_bounds(const struct content *c, char least[KEY_SIZE], char greatest[KEY_SIZE],
                       struct table_meta *t)
{
    uint32_t first = UINT32_MAX, last = 0;

    if (c->count > 0) {
        first = c->entries[0].key;
        last = c->entries[c->count - 1].key;
    }
    for (size_t i = 0; i < c->clear_count; i++) {
        first = MIN(first, c->clears[i].start);
        if (c->clears[i].end > last) {
            last = c->clears[i].end;
            t->greatest_open = true;
        }
    }
    put_key(least, first);
    put_key(greatest, last);
    t->least = slice_make(least, KEY_SIZE);
    t->greatest = slice_make(greatest, KEY_SIZE);
}

/* A table of these entries and clears into the edit. */
static void add_table(struct store *s, struct manifest_edit *e, unsigned level,
                      const struct entry *entries, size_t count, const struct clear *clears,
                      size_t clear_count)
{
    struct content   *c = calloc(1, sizeof *c);
    char              least[KEY_SIZE], greatest[KEY_SIZE];
    struct table_meta t = {.number = version_set_new_number(&s->set),
                           .level = level,
                           .size = (count + clear_count) * ENTRY_SIZE,
                           .entries = count,
                           .keys = count,
                           .clears = clear_count};

    assert_true(count + clear_count > 0);
    c->entries = malloc(count * sizeof *entries + 1);
    c->count = count;
    if (count > 0)
        memcpy(c->entries, entries, count * sizeof *entries);
    c->clears = malloc(clear_count * sizeof *clears + 1);
    c->clear_count = clear_count;
    if (clear_count > 0)
        memcpy(c->clears, clears, clear_count * sizeof *clears);
    for (size_t i = 0; i < count; i++)
        t.cleared += entries[i].kind == CLEARED;
    put_bounds(c, least, greatest, &t);
    umap_put(&s->contents, t.number, c);
    manifest_edit_add(e, &t);
}

static void apply_edit(struct store *s, struct manifest_edit *e)
{
    assert_st_ok(version_set_check_edit(&s->set, e));
    version_set_apply(&s->set, e);
    version_check(s->set.current);
    manifest_edit_deinit(e);
}

/* Sort, and keep the newest entry of each key. */
static size_t settle(struct entry *entries, size_t count)
{
    size_t kept = 0;

    sort_stable(NULL, entries, count, sizeof *entries, compare_entries, NULL);
    for (size_t i = 0; i < count; i++)
        if (kept == 0 || entries[kept - 1].key != entries[i].key)
            entries[kept++] = entries[i];
    return kept;
}

/* ---- work --------------------------------------------------------------------------------------
 */

typedef uint32_t key_fn(struct store *s);

static uint32_t uniform_key(struct store *s)
{
    return (uint32_t)prng_below(&s->prng, s->keys);
}

static uint32_t next_key(struct store *s)
{
    return s->sequence % s->keys;
}

/* Most writes to a tenth of the keys. */
static uint32_t skewed_key(struct store *s)
{
    return (uint32_t)prng_below(&s->prng, prng_below(&s->prng, 4) == 0 ? s->keys : s->keys / 10);
}

/* One narrow span for a while, then another: tables of level 0 that lie apart. */
static uint32_t clustered_key(struct store *s)
{
    uint64_t first = hash_u64(s->sequence / 150);

    return (uint32_t)((first + prng_below(&s->prng, s->keys / 20)) % s->keys);
}

/* Before the writes of a flush. */
static struct clear random_clear(struct store *s)
{
    struct clear c = {.start = uniform_key(s), .sequence = ++s->sequence};

    c.end = c.start + 1 + (uint32_t)prng_below(&s->prng, s->keys / 20);
    c.end = MIN(s->keys, c.end);
    for (uint32_t key = c.start; key < c.end; key++)
        s->model[key] = 0;
    return c;
}

static void flush(struct store *s, key_fn *next, unsigned cleared_percent)
{
    struct entry         entries[TABLE_ENTRIES];
    struct manifest_edit e;
    struct clear         clear = {0};
    size_t               count = TABLE_ENTRIES, clears;

    if (s->flush_max > 0)
        count = 1 + prng_below(&s->prng, s->flush_max);
    clears = prng_below(&s->prng, 100) < s->clears_percent;
    if (clears > 0)
        clear = random_clear(s);
    for (size_t i = 0; i < count; i++) {
        struct entry *at = &entries[i];

        at->key = next(s);
        at->sequence = ++s->sequence;
        at->kind = prng_below(&s->prng, 100) < cleared_percent ? CLEARED : PUT;
        s->model[at->key] = at->kind == PUT ? at->sequence : 0;
    }
    manifest_edit_init(&e, NULL);
    count = settle(entries, count);
    add_table(s, &e, 0, entries, count, &clear, clears);
    s->flushed += count * ENTRY_SIZE;
    s->written += count * ENTRY_SIZE;
    apply_edit(s, &e);
}

static size_t gather(struct store *s, struct version_table *const *tables, size_t count,
                     struct entry *out)
{
    size_t n = 0;

    for (size_t i = 0; i < count; i++) {
        struct content *c = umap_get(&s->contents, tables[i]->meta.number);

        if (out != NULL)
            memcpy(out + n, c->entries, c->count * sizeof *out);
        n += c->count;
    }
    return n;
}

static size_t gather_clears(struct store *s, struct version_table *const *tables, size_t count,
                            struct clear out[CLEARS_MAX], size_t n)
{
    for (size_t i = 0; i < count; i++) {
        struct content *c = umap_get(&s->contents, tables[i]->meta.number);

        for (size_t k = 0; k < c->clear_count; k++) {
            assert_true(n < CLEARS_MAX);
            out[n++] = c->clears[k];
        }
    }
    return n;
}

static bool is_hidden(const struct entry *e, const struct clear *clears, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (clears[i].start <= e->key && e->key < clears[i].end && e->sequence < clears[i].sequence)
            return true;
    return false;
}

/* What may be dropped is: what is hidden, and CLEARED where nothing older is. */
static size_t drop(const struct pick *pk, struct entry *entries, size_t count,
                   const struct clear *clears, size_t clear_count)
{
    struct pick_older_cursor older = {0};
    size_t                   kept = 0;

    for (size_t i = 0; i < count; i++) {
        char  key[KEY_SIZE];
        bool  holds;
        slice at;

        put_key(key, entries[i].key);
        at = slice_make(key, sizeof key);
        assert_true(slice_cmp(pk->start, at) <= 0 && slice_cmp(at, pk->end) < 0);
        holds = pick_older_holds(pk, &older, at);
        assert_true(pk->has_older || !holds);
        if (!is_hidden(&entries[i], clears, clear_count) && (entries[i].kind == PUT || holds))
            entries[kept++] = entries[i];
    }
    return kept;
}

static size_t drop_clears(const struct pick *pk, struct clear *clears, size_t count)
{
    size_t kept = 0;

    for (size_t i = 0; i < count; i++) {
        char  a[KEY_SIZE], b[KEY_SIZE];
        slice start = slice_make(a, sizeof a), end = slice_make(b, sizeof b);

        put_key(a, clears[i].start);
        put_key(b, clears[i].end);
        assert_true(slice_cmp(pk->start, start) <= 0 && slice_cmp(end, pk->end) <= 0);
        if (pick_older_overlaps(pk, start, end))
            clears[kept++] = clears[i];
    }
    return kept;
}

/* What a merge makes. */
struct outcome {
    struct entry *entries;
    size_t        count;
    struct clear  clears[CLEARS_MAX];
    size_t        clear_count;
};

/* Entries [first, last), and the clears as far as they are of keys in [from, to) (L15). */
static void add_output(struct store *s, const struct pick *pk, const struct outcome *o,
                       size_t first, size_t last, uint32_t from, uint32_t to,
                       struct manifest_edit *e)
{
    struct clear clipped[CLEARS_MAX];
    size_t       n = 0;

    for (size_t i = 0; i < o->clear_count; i++) {
        struct clear c = o->clears[i];

        c.start = MAX(c.start, from);
        c.end = MIN(c.end, to);
        if (c.start < c.end)
            clipped[n++] = c;
    }
    if (last - first + n > 0)
        add_table(s, e, pk->output_level, o->entries + first, last - first, clipped, n);
}

static void write_outputs(struct store *s, const struct pick *pk, const struct outcome *o,
                          struct manifest_edit *e)
{
    struct pick_cutter cutter = {0};
    size_t             first = 0;
    uint32_t           from = 0;

    for (size_t i = 0; i < o->count; i++) {
        char  key[KEY_SIZE];
        slice at = slice_make(key, sizeof key);

        put_key(key, o->entries[i].key);
        if (i - first == TABLE_ENTRIES) {
            pick_cutter_restart(pk, &cutter, at);
        } else if (!pick_cutter_before(pk, &cutter, at, (i - first) * ENTRY_SIZE) || i == first) {
            continue;
        } else {
            s->cuts++;
        }
        add_output(s, pk, o, first, i, from, o->entries[i].key, e);
        first = i;
        from = o->entries[i].key;
    }
    add_output(s, pk, o, first, o->count, from, UINT32_MAX, e);
    s->written += o->count * ENTRY_SIZE;
}

/* As a compaction does it, all at its end; the version may have moved on since the pick. */
static void finish(struct store *s, size_t at)
{
    struct pick         *pk = s->running[at];
    struct manifest_edit e;

    manifest_edit_init(&e, NULL);
    pick_edit(pk, &e);
    if (pk->is_move) {
        s->moved += pk->input_size;
    } else {
        size_t count = gather(s, pk->inputs, pk->input_count, NULL) +
                       gather(s, pk->below, pk->below_count, NULL);
        struct outcome o = {.entries = malloc(count * sizeof(struct entry) + 1)};

        count = gather(s, pk->inputs, pk->input_count, o.entries);
        count += gather(s, pk->below, pk->below_count, o.entries + count);
        o.clear_count = gather_clears(s, pk->inputs, pk->input_count, o.clears, 0);
        o.clear_count = gather_clears(s, pk->below, pk->below_count, o.clears, o.clear_count);
        o.count = drop(pk, o.entries, settle(o.entries, count), o.clears, o.clear_count);
        o.clear_count = drop_clears(pk, o.clears, o.clear_count);
        write_outputs(s, pk, &o, &e);
        free(o.entries);
    }
    apply_edit(s, &e);
    pick_free(pk);
    s->running[at] = s->running[--s->running_count];
}

static const struct entry *find_in(struct store *s, const struct version_table *t, uint32_t key)
{
    struct content *c = umap_get(&s->contents, t->meta.number);
    struct entry    wanted = {.key = key, .sequence = UINT32_MAX};
    size_t          at =
        sort_lower_bound(c->entries, c->count, sizeof *c->entries, &wanted, compare_entries, NULL);

    return at < c->count && c->entries[at].key == key ? &c->entries[at] : NULL;
}

/* Whether a clear of the table covers the key; *last falls to its sequence. */
static bool is_cleared_in(struct store *s, const struct version_table *t, uint32_t key,
                          uint32_t *last)
{
    struct content *c = umap_get(&s->contents, t->meta.number);
    bool            covers = false;

    for (size_t i = 0; i < c->clear_count; i++)
        if (c->clears[i].start <= key && key < c->clears[i].end) {
            covers = true;
            *last = MIN(*last, c->clears[i].sequence);
        }
    return covers;
}

/* The newest entry by the order of sources; older ones must be older. */
static void check_key(struct store *s, uint32_t key)
{
    const struct entry *newest = NULL;
    bool                is_hiding = false; /* a clear was met */
    char                bytes[KEY_SIZE];
    uint32_t            last = UINT32_MAX, found;

    put_key(bytes, key);
    for (unsigned level = 0; level < LSM_LEVELS; level++) {
        const struct version_level *l = &s->set.current->levels[level];

        for (size_t i = 0; i < (level == 0 ? l->count : 1); i++) {
            const struct version_table *t =
                level == 0 ? l->tables[i]
                           : version_find(s->set.current, level, slice_make(bytes, KEY_SIZE));
            const struct entry *e = t == NULL ? NULL : find_in(s, t, key);

            if (e != NULL && e->sequence >= last)
                fail_msg("key %u: %u is below %u", key, e->sequence, last);
            if (e != NULL) {
                last = e->sequence;
                newest = newest == NULL && !is_hiding ? e : newest;
            }
            is_hiding |= t != NULL && is_cleared_in(s, t, key, &last);
        }
    }
    found = newest == NULL || newest->kind == CLEARED ? 0 : newest->sequence;
    if (found != s->model[key])
        fail_msg("key %u: found %u, written %u", key, found, s->model[key]);
}

static void check_some(struct store *s, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        check_key(s, uniform_key(s));
}

static void check_all(struct store *s)
{
    for (uint32_t key = 0; key < s->keys; key++)
        check_key(s, key);
}

/* Picks that run at the same time share no table, and no span of one output level. */
static void check_running(const struct store *s)
{
    for (size_t i = 0; i < s->running_count; i++)
        for (size_t k = 0; k < i; k++) {
            const struct pick *a = s->running[i], *b = s->running[k];

            if (a->output_level == b->output_level)
                assert_true(slice_cmp(a->end, b->start) <= 0 || slice_cmp(b->end, a->start) <= 0);
            for (size_t n = 0; n < a->input_count; n++)
                for (size_t m = 0; m < b->input_count; m++)
                    assert_ptr_not_equal(a->inputs[n], b->inputs[m]);
        }
}

static void start_all(struct store *s)
{
    while (s->running_count < s->running_max) {
        struct pick *pk = picker_pick(&s->picker, s->set.current, s->running, s->running_count);

        if (pk == NULL)
            break;
        s->running[s->running_count++] = pk;
        check_running(s);
    }
}

/* Start what can run, finish one. False: nothing to do. */
static bool work(struct store *s)
{
    start_all(s);
    if (s->running_count == 0)
        return false;
    finish(s, prng_below(&s->prng, s->running_count));
    return true;
}

static double amplification(const struct store *s)
{
    return (double)s->written / (double)s->flushed;
}

static void print_levels(const struct store *s, const char *name)
{
    printf("    %s: write amplification %.2f, moved %.2f, cuts %llu, levels", name,
           amplification(s), (double)s->moved / (double)s->flushed, (unsigned long long)s->cuts);
    for (unsigned level = 0; level < LSM_LEVELS; level++)
        printf(" %zu", s->set.current->levels[level].count);
    printf("\n");
}

static void check_targets(struct store *s)
{
    uint64_t targets[LSM_LEVELS];

    assert_true(picker_pressure(&s->picker, s->set.current) < 1000);
    (void)picker_targets(&s->picker, s->set.current, targets);
    for (unsigned level = 1; level < LSM_LEVELS - 1; level++)
        assert_true(s->set.current->levels[level].size <= targets[level] + targets[level] / 500);
}

/* ---- tests -------------------------------------------------------------------------------------
 */

static void fill(struct store *s, key_fn *next, unsigned flushes, unsigned cleared_percent)
{
    for (unsigned i = 0; i < flushes; i++) {
        flush(s, next, cleared_percent);
        if (s->running_max == 1) {
            while (work(s))
                check_some(s, 20);
        } else if (s->set.current->levels[0].count > 8 || prng_below(&s->prng, 2) == 0) {
            for (unsigned n = 0; n < 4 && work(s); n++)
                check_some(s, 20);
        }
    }
    while (work(s))
        check_some(s, 20);
    check_all(s);
    check_targets(s);
}

static void uniform_fill(void **state)
{
    struct store s;

    (void)state;
    store_init(&s, test_seed(1), 1000000);
    fill(&s, uniform_key, 40, 0); /* 20 times the base size */
    print_levels(&s, "uniform, 20 x base");
    assert_true(amplification(&s) < 12);
    fill(&s, uniform_key, 360, 0); /* 200 times */
    print_levels(&s, "uniform, 200 x base");
    assert_true(amplification(&s) < 12);
    store_deinit(&s);
}

static void ordered_fill(void **state)
{
    struct store s;

    (void)state;
    store_init(&s, test_seed(2), 1000000);
    fill(&s, next_key, 400, 0);
    print_levels(&s, "in order");
    assert_true(amplification(&s) < 1.01);
    store_deinit(&s);
}

/* Start what can run; then let `bytes` of input be read by each. */
static void work_for(struct store *s, uint64_t left[RUNNING_MAX], uint64_t bytes)
{
    for (;;) {
        uint64_t least = bytes;
        size_t   before = s->running_count;

        start_all(s);
        for (size_t i = before; i < s->running_count; i++)
            left[i] = s->running[i]->is_move ? 0 : s->running[i]->input_size;
        for (size_t i = 0; i < s->running_count; i++)
            least = MIN(least, left[i]);
        for (size_t i = 0; i < s->running_count; i++)
            left[i] -= least;
        bytes -= least;
        for (size_t i = s->running_count; i > 0; i--)
            if (left[i - 1] == 0) {
                finish(s, i - 1);
                left[i - 1] = left[s->running_count];
            }
        if (bytes == 0 || s->running_count == 0)
            return;
    }
}

/* Three compactions at once with hardly more than the bandwidth that they need: those of lower
 * levels must not keep level 0 from its own for long. */
static void level0_first(void **state)
{
    struct store s;
    uint64_t     left[RUNNING_MAX];
    size_t       most = 0, sum = 0;

    (void)state;
    store_init(&s, test_seed(60), 1000000);
    s.running_max = RUNNING_MAX;
    for (unsigned i = 0; i < 500; i++) {
        flush(&s, uniform_key, 0);
        work_for(&s, left, 7 * TABLE_SIZE);
        most = MAX(most, s.set.current->levels[0].count);
        sum += s.set.current->levels[0].count;
    }
    print_levels(&s, "under load");
    printf("    tables in level 0: at most %zu, %.1f in the middle\n", most, (double)sum / 500);
    assert_true(most < 20); /* where writers would wait */
    store_deinit(&s);
}

static void overwrites(void **state)
{
    struct store s;
    uint64_t     size;

    (void)state;
    store_init(&s, test_seed(3), 40000);
    fill(&s, skewed_key, 1000, 5);
    print_levels(&s, "overwrites");
    size = version_size(s.set.current);
    assert_true(size < 40000 * ENTRY_SIZE * 5 / 4); /* space amplification */
    store_deinit(&s);
}

static void several_at_once(void **state)
{
    uint64_t seed = test_seed(10);

    (void)state;
    for (uint64_t i = 0; i < 12; i++) {
        struct store s;

        store_init(&s, seed + i, 30000);
        s.running_max = RUNNING_MAX;
        s.flush_max = i % 3 == 2 ? TABLE_ENTRIES / 4 : 0;
        s.clears_percent = i % 2 == 1 ? 10 : 0;
        fill(&s, i % 4 == 3 ? clustered_key : i % 2 == 0 ? uniform_key : skewed_key, 500, 20);
        if (i < 4)
            print_levels(&s, "three at once");
        store_deinit(&s);
    }
}

/* A large store that shrinks: upper levels drain, and level 0 never goes past them. */
static void shrinking(void **state)
{
    struct store s;

    (void)state;
    store_init(&s, test_seed(30), 60000);
    fill(&s, uniform_key, 400, 0);
    for (unsigned round = 0; round < 300; round++) {
        flush(&s, uniform_key, 97);
        while (work(&s))
            check_some(&s, 20);
    }
    check_all(&s);
    print_levels(&s, "shrunk");
    store_deinit(&s);
}

static void whole_span(void **state)
{
    struct store s;
    bool         busy;
    size_t       levels = 0;

    (void)state;
    store_init(&s, test_seed(40), 60000);
    fill(&s, uniform_key, 200, 30);
    flush(&s, uniform_key, 30);
    for (;;) {
        struct pick *pk = picker_pick_span(&s.picker, s.set.current, SLICE_LIT("\001"), SLICE_EMPTY,
                                           NULL, 0, &busy);

        assert_false(busy);
        if (pk == NULL)
            break;
        s.running[s.running_count++] = pk;
        finish(&s, 0);
        check_some(&s, 20);
    }
    check_all(&s);
    for (unsigned level = 0; level < LSM_LEVELS; level++)
        levels += s.set.current->levels[level].count > 0;
    assert_int_equal(levels, 1);
    print_levels(&s, "one level");
    store_deinit(&s);
}

/* Idle work ends, and leaves no run of small tables. */
static void idle_work(void **state)
{
    struct store s;
    struct pick *pk;
    unsigned     picks = 0;

    (void)state;
    store_init(&s, test_seed(50), 1000000);
    s.flush_max = 10;
    fill(&s, next_key, 1000, 10);
    while ((pk = picker_pick_garbage(&s.picker, s.set.current, NULL, 0)) != NULL ||
           (pk = picker_pick_level0(&s.picker, s.set.current, NULL, 0)) != NULL) {
        s.running[s.running_count++] = pk;
        finish(&s, 0);
        check_some(&s, 20);
        assert_true(++picks < 500);
    }
    check_all(&s);
    print_levels(&s, "after idle work");
    assert_true(picks > 5);
    assert_true(version_table_count(s.set.current) <
                2 * version_size(s.set.current) / TABLE_SIZE + 4);
    store_deinit(&s);
}

/* ---- garbage, by metadata alone
 * ---------------------------------------------------------------------- */

static struct table_meta plain_table(struct store *s, unsigned level, const char *least,
                                     const char *greatest)
{
    return (struct table_meta){.number = version_set_new_number(&s->set),
                               .level = level,
                               .size = TABLE_SIZE,
                               .least = slice_cstr(least),
                               .greatest = slice_cstr(greatest),
                               .ts_min = 1000,
                               .ts_max = 2000,
                               .entries = 200,
                               .keys = 100};
}

static void add_plain(struct store *s, const struct table_meta *t)
{
    struct manifest_edit e;

    umap_put(&s->contents, t->number, calloc(1, sizeof(struct content)));
    manifest_edit_init(&e, NULL);
    manifest_edit_add(&e, t);
    apply_edit(s, &e);
}

static void set_threshold(struct store *s, hlc_ts ts)
{
    struct manifest_edit e;

    manifest_edit_init(&e, NULL);
    manifest_edit_set_gc(&e, SLICE_LIT("\001"), SLICE_LIT("\002"), ts);
    apply_edit(s, &e);
}

static struct pick *idle_pick(struct store *s)
{
    return picker_pick_garbage(&s->picker, s->set.current, NULL, 0);
}

static void old_versions(void **state)
{
    struct store      s;
    struct table_meta t;
    struct pick      *pk;

    (void)state;
    store_init(&s, 1, 10);
    t = plain_table(&s, 6, "\001a", "\001m");
    add_plain(&s, &t);
    assert_null(idle_pick(&s)); /* no threshold: every version may be read */
    set_threshold(&s, 1200);
    assert_null(idle_pick(&s)); /* a tenth of the entries */
    set_threshold(&s, 1600);
    pk = idle_pick(&s);
    assert_non_null(pk);
    assert_int_equal(pk->reason, PICK_GARBAGE);
    assert_int_equal(pk->level, 6);
    assert_int_equal(pk->output_level, 6);
    assert_false(pk->is_move);
    pick_free(pk);
    /* Written anew with that threshold it is left alone until much has come since. */
    s.set.current->levels[6].tables[0]->meta.gc_ts = 1600;
    assert_null(idle_pick(&s));
    set_threshold(&s, 1700);
    pk = idle_pick(&s);
    assert_null(pk);
    store_deinit(&s);
}

static void clears_go_down(void **state)
{
    struct store      s;
    struct table_meta t;
    struct pick      *pk;

    (void)state;
    store_init(&s, 1, 10);
    t = plain_table(&s, 6, "\001a", "\001m");
    add_plain(&s, &t);
    t = plain_table(&s, 0, "\001c", "\001d");
    t.clears = 1;
    t.greatest_open = true;
    add_plain(&s, &t);
    pk = idle_pick(&s);
    assert_non_null(pk);
    assert_int_equal(pk->level, 0);
    assert_int_equal(pk->below_count, 1);
    assert_false(pk->has_older);
    assert_false(pick_older_overlaps(pk, SLICE_LIT("\001c"), SLICE_LIT("\001d")));
    pick_free(pk);
    store_deinit(&s);
}

static void ingest_levels(void **state)
{
    struct manifest_edit edit;
    struct store         s;
    struct table_meta    t;

    (void)state;
    manifest_edit_init(&edit, NULL);
    store_init(&s, 1, 10);
    t = plain_table(&s, 6, "\001f", "\001m");
    add_plain(&s, &t);
    t = plain_table(&s, 0, "\001p", "\001q");
    add_plain(&s, &t);
#define LEVEL(a, b)                                                                                \
    picker_ingest_level(s.set.current, SLICE_LIT(a), SLICE_LIT(b), &edit, s.running,               \
                        s.running_count)
    assert_int_equal(LEVEL("\001a", "\001c"), 6);
    assert_int_equal(LEVEL("\001a", "\001g"), 5);
    assert_int_equal(LEVEL("\001p", "\001z"), 0);
    manifest_edit_remove(&edit, 0, t.number); /* which goes in the same edit */
    assert_int_equal(LEVEL("\001p", "\001z"), 6);
    manifest_edit_reset(&edit);
    s.running[0] = picker_pick_span(&s.picker, s.set.current, SLICE_LIT("\001"), SLICE_EMPTY, NULL,
                                    0, &(bool){false});
    s.running_count = 1;
    assert_int_equal(LEVEL("\001a", "\001c"), 6);
#undef LEVEL
    manifest_edit_deinit(&edit);
    store_deinit(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T("levels meet their targets, and a uniform fill is written less than 12 times",
          uniform_fill),
        T("a load in order is written once", ordered_fill),
        T("overwrites leave little that is hidden", overwrites),
        T("compactions at the same time keep the order of sources", several_at_once),
        T("a store that shrinks keeps the order of sources", shrinking),
        T("level 0 is not kept waiting by the levels below", level0_first),
        T("a span can be brought to one level", whole_span),
        T("idle work joins small tables and comes to an end", idle_work),
        T("a table of old versions is written anew once the threshold allows", old_versions),
        T("a clear is brought down to what it hides", clears_go_down),
        T("an ingested table is put above all that it overlaps", ingest_levels),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
