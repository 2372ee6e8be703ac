/* Random work on every kind of engine, against a sorted array: batches, snapshots, open iterators,
 * clears, garbage collection, checkpoints, reopening. LINERA_SEED repeats one run;
 * LINERA_SEEDS=FROM..TO makes as many (`make conformance SEEDS=1..100`), LINERA_ENGINE=NAME narrows
 * down. */
#include "storage/engine.h"

#include "tests/common/engine_world.h"
#include "tests/common/model_reader.h"

enum { READERS_MAX = 4 };

struct play {
    struct engine_world *w;
    struct prng          prng;
    struct model_shape   shape;
    struct model         model;
    struct engine_batch  batch;
    struct model_reader  readers[READERS_MAX];
    size_t               reader_count;
    uint64_t             ops; /* written, so far */
};

/* ---- readers ---- */

static void reader_close(struct play *p, size_t at)
{
    assert_st_ok(model_reader_close(&p->readers[at], p->w->e));
    p->readers[at] = p->readers[--p->reader_count];
}

static void use_reader(struct play *p)
{
    size_t at;

    if (p->reader_count < READERS_MAX && prng_below(&p->prng, 3) == 0) {
        at = p->reader_count++;
        assert_st_ok(model_reader_open(&p->readers[at], &p->model, p->w->e, &p->prng, &p->shape,
                                       prng_below(&p->prng, 2) == 0));
    }
    if (p->reader_count == 0)
        return;
    at = prng_below(&p->prng, p->reader_count);
    if (prng_below(&p->prng, 8) == 0)
        reader_close(p, at);
    else
        assert_st_ok(model_reader_use(&p->readers[at], p->w->e, &p->prng, &p->shape));
}

static void close_readers(struct play *p)
{
    while (p->reader_count > 0)
        reader_close(p, p->reader_count - 1);
}

/* ---- other steps ---- */

static void write_batch(struct play *p, unsigned ops)
{
    p->shape.ts_min += p->shape.drift;
    model_random_batch(&p->prng, &p->shape, ops, &p->batch);
    model_apply(&p->model, &p->batch);
    p->ops += p->batch.count;
    assert_st_ok(engine_commit(p->w->e, &p->batch, prng_below(&p->prng, 8) == 0));
    engine_batch_reset(&p->batch);
}

static void collect(struct play *p)
{
    hlc_ts     threshold = p->shape.ts_min + prng_below(&p->prng, p->shape.ts_max);
    struct buf start, resume;
    uint64_t   dropped, sum = 0;
    size_t     before = p->model.data.count;

    buf_init(&start, NULL);
    buf_init(&resume, NULL);
    engine_gc_threshold(p->w->e, SLICE_EMPTY, SLICE_EMPTY, threshold);
    do {
        uint64_t budget = prng_below(&p->prng, 4) == 0 ? 1 + prng_below(&p->prng, 500) : UINT64_MAX;

        buf_reset(&start);
        buf_append_slice(&start, buf_slice(&resume));
        buf_reset(&resume);
        assert_st_ok(engine_gc(p->w->e, buf_slice(&start), SLICE_EMPTY, threshold, budget, &resume,
                               &dropped));
        sum += dropped;
    } while (resume.size > 0);
    model_gc(&p->model, threshold);
    if (!p->model.drops_late)
        assert_int_equal(sum, before - p->model.data.count);
    else
        p->w->floor = p->shape.ts_oldest = p->model.floor;
    p->shape.ts_min = MAX(p->shape.ts_min, p->shape.ts_oldest);
    buf_deinit(&start);
    buf_deinit(&resume);
}

static void order(struct buf *a, struct buf *b)
{
    struct buf other = *a;

    if (slice_cmp(buf_slice(a), buf_slice(b)) <= 0)
        return;
    *a = *b;
    *b = other;
}

static void drop_span(struct play *p)
{
    struct buf start, end;

    buf_init(&start, NULL);
    buf_init(&end, NULL);
    model_random_key(&p->prng, &p->shape, &start);
    if (prng_below(&p->prng, 10) > 0)
        model_random_key(&p->prng, &p->shape, &end);
    model_clear_range(&p->model, buf_slice(&start), buf_slice(&end));
    assert_st_ok(engine_drop_span(p->w->e, buf_slice(&start), buf_slice(&end)));
    buf_deinit(&start);
    buf_deinit(&end);
}

/* A random key, now and then the empty one. */
static slice random_bound(struct play *p, struct buf *key)
{
    model_random_key(&p->prng, &p->shape, key);
    return prng_below(&p->prng, 8) == 0 ? SLICE_EMPTY : buf_slice(key);
}

/* What a random batch leaves of an empty model, as tables. */
static void ingest(struct play *p, unsigned ops)
{
    struct engine_builder_options o = {.replaces = prng_below(&p->prng, 2) == 0,
                                       .replaces_meta = prng_below(&p->prng, 4) == 0};
    struct engine_builder        *b;
    struct model                  content;
    struct buf                    keys[4];

    for (int i = 0; i < 4; i++)
        buf_init(&keys[i], NULL);
    o.start = random_bound(p, &keys[0]);
    o.end = random_bound(p, &keys[1]);
    o.meta_start = random_bound(p, &keys[2]);
    o.meta_end = random_bound(p, &keys[3]);
    model_init(&content);
    model_random_batch(&p->prng, &p->shape, ops, &p->batch);
    model_apply(&content, &p->batch);
    p->ops += p->batch.count;
    engine_batch_reset(&p->batch);
    assert_st_ok(engine_builder_open(p->w->e, &o, &b));
    assert_st_ok(model_build(&content, b));
    if (prng_below(&p->prng, 8) > 0) { /* else it is forgotten */
        assert_st_ok(engine_ingest(p->w->e, b, 7, content.applied));
        model_ingest(&p->model, &o, &content);
    }
    engine_builder_close(b);
    model_deinit(&content);
    for (int i = 0; i < 4; i++)
        buf_deinit(&keys[i]);
}

static void check_middle(struct play *p, slice start, slice end)
{
    struct buf middle;

    buf_init(&middle, NULL);
    assert_st_ok(engine_span_middle(p->w->e, start, end, &middle));
    if (middle.size > 0) {
        assert_true(slice_cmp(start, buf_slice(&middle)) < 0);
        assert_true(end.size == 0 || slice_cmp(buf_slice(&middle), end) < 0);
    }
    buf_deinit(&middle);
}

/* A span is at least as large as what it contains, unless a compaction ends in between. */
static void measure_spans(struct play *p)
{
    struct engine_level before[ENGINE_LEVELS], after[ENGINE_LEVELS];

    struct buf keys[3];
    uint64_t   size[3];

    for (int i = 0; i < 3; i++) {
        buf_init(&keys[i], NULL);
        model_random_key(&p->prng, &p->shape, &keys[i]);
    }
    order(&keys[0], &keys[1]);
    order(&keys[1], &keys[2]);
    order(&keys[0], &keys[1]);
    engine_levels(p->w->e, before);
    assert_st_ok(engine_span_size(p->w->e, buf_slice(&keys[0]), buf_slice(&keys[1]), &size[0]));
    assert_st_ok(engine_span_size(p->w->e, buf_slice(&keys[0]), buf_slice(&keys[2]), &size[1]));
    assert_st_ok(engine_span_size(p->w->e, buf_slice(&keys[0]), SLICE_EMPTY, &size[2]));
    engine_levels(p->w->e, after);
    if (memcmp(before, after, sizeof before) == 0)
        assert_true(size[0] <= size[1] && size[1] <= size[2]);
    check_middle(p, buf_slice(&keys[0]), buf_slice(&keys[2]));
    for (int i = 0; i < 3; i++)
        buf_deinit(&keys[i]);
}

static void reopen(struct play *p)
{
    close_readers(p);
    engine_world_reopen(p->w);
    model_check_all(&p->model, p->w->e, NULL);
}

/* A copy holds the same, goes its own way, and leaves the store as it is. */
static void copy(struct play *p)
{
    struct engine *e = engine_world_open_copy(p->w);
    struct model   m;

    model_copy(&m, &p->model);
    model_check_all(&m, e, NULL);
    model_random_batch(&p->prng, &p->shape, 50, &p->batch);
    model_apply(&m, &p->batch);
    assert_st_ok(engine_commit(e, &p->batch, false));
    engine_batch_reset(&p->batch);
    assert_st_ok(engine_checkpoint(e));
    model_check_all(&m, e, NULL);
    engine_world_close_copy(p->w, e);
    model_deinit(&m);
}

static void check_everything(struct play *p)
{
    if (p->w->kind->check != NULL)
        p->w->kind->check(p->w->e);
    model_check_all(&p->model, p->w->e, NULL);
}

/* `late`: in the last third; before, what an engine drops late is not there to hide anything. */
static void play_round(struct play *p, unsigned ops, bool late)
{
    bool files = engine_world_has_files(p->w);

    write_batch(p, ops);
    use_reader(p);
    if ((late || !p->model.drops_late) && prng_below(&p->prng, 25) == 0)
        collect(p);
    if (p->shape.clears && prng_below(&p->prng, 20) == 0)
        drop_span(p);
    if (prng_below(&p->prng, 12) == 0)
        ingest(p, ops);
    if (files && prng_below(&p->prng, 40) == 0)
        assert_st_ok(engine_checkpoint(p->w->e));
    if (files && prng_below(&p->prng, 60) == 0)
        reopen(p);
    if (files && prng_below(&p->prng, 60) == 0)
        copy(p);
    model_check_some(&p->model, p->w->e, NULL, &p->prng, &p->shape);
    measure_spans(p);
    if (prng_below(&p->prng, 30) == 0)
        check_everything(p);
}

/* Returns how many operations it wrote. */
static uint64_t play_seed(struct engine_world *w, const struct model_shape *shape, unsigned rounds,
                          unsigned ops, uint64_t seed)
{
    struct play p = {.w = w, .shape = *shape};
    slice       all = SLICE_EMPTY;

    prng_init(&p.prng, seed);
    model_init(&p.model);
    /* A recovery may bring back what was collected. */
    p.model.drops_late = !w->kind->exact || engine_world_has_files(w);
    p.model.floor = p.shape.ts_oldest = w->floor;
    p.shape.ts_min = MAX(p.shape.ts_min, w->floor);
    p.model.counts_are_near = !w->kind->exact;
    engine_batch_init(&p.batch, NULL);
    /* Seeds follow one another in one engine. */
    assert_st_ok(engine_batch_clear_range(&p.batch, all, all));
    assert_st_ok(engine_batch_clear_meta(&p.batch, all, all));
    assert_st_ok(engine_batch_set_applied(&p.batch, 7, 0));
    assert_st_ok(engine_commit(w->e, &p.batch, false));
    engine_batch_reset(&p.batch);
    if (w->kind->place == PLACE_FILES)
        rounds /= 4; /* whose syncs take their time */
    for (unsigned i = 0; i < rounds; i++)
        play_round(&p, ops, i > rounds * 2 / 3);
    close_readers(&p);
    check_everything(&p);
    reopen(&p);
    engine_batch_deinit(&p.batch);
    model_deinit(&p.model);
    return p.ops;
}

static void play(struct engine_world *w, const struct model_shape *shape, unsigned rounds,
                 unsigned ops, uint64_t fallback)
{
    const char        *range = getenv("LINERA_SEEDS");
    unsigned long long from, to;

    if (range == NULL || sscanf(range, "%llu..%llu", &from, &to) < 1)
        from = to = test_seed(fallback);
    else if (strstr(range, "..") == NULL)
        to = from;
    for (; from <= to; from++) {
        uint64_t written;

        if (range != NULL)
            print_message("LINERA_SEED=%llu\n", from);
        written = play_seed(w, shape, rounds, ops, from);
        if (range != NULL)
            print_message("%llu operations\n", (unsigned long long)written);
    }
}

/* ---- shapes ---- */

static void small_keys(struct engine_world *w)
{
    struct model_shape shape = {
        .keys = 3000, .key_size_max = 24, .value_size_max = 3000, .ts_max = 6, .clears = true};

    play(w, &shape, 400, 200, 1);
}

static void many_versions(struct engine_world *w)
{
    struct model_shape shape = {
        .keys = 20, .key_size_max = 30, .value_size_max = 200, .ts_max = 400, .clears = true};

    play(w, &shape, 300, 200, 2);
}

static void huge_keys(struct engine_world *w)
{
    struct model_shape shape = {.keys = 300,
                                .key_size_max = ENGINE_KEY_SIZE_MAX,
                                .value_size_max = 9000,
                                .ts_max = 4,
                                .clears = true};

    play(w, &shape, 250, 40, 3);
}

static void many_keys(struct engine_world *w)
{
    struct model_shape shape = {
        .keys = 20000, .key_size_max = 40, .value_size_max = 300, .ts_max = 3, .clears = false};

    play(w, &shape, 50, 2000, 4);
}

static void huge_values(struct engine_world *w)
{
    struct model_shape shape = {
        .keys = 30, .key_size_max = 30, .value_size_max = 3 << 20, .ts_max = 2, .clears = true};

    play(w, &shape, 60, 10, 5);
}

static void awkward_keys(struct engine_world *w)
{
    /* A few short keys, so that clears, versions and iterators often meet. */
    struct model_shape shape = {
        .keys = 60, .key_size_max = 5, .value_size_max = 50, .ts_max = 5, .clears = true};

    play(w, &shape, 600, 20, 6);
}

static void time_goes_on(struct engine_world *w)
{
    /* Tables are of different times, so that those of other times are left out. */
    struct model_shape shape = {.keys = 500,
                                .key_size_max = 20,
                                .value_size_max = 500,
                                .ts_max = 20,
                                .clears = true,
                                .drift = 10};

    play(w, &shape, 300, 100, 7);
}

int main(void)
{
    static const struct engine_case cases[] = {
        {"random work agrees with the model: small keys", small_keys},
        {"random work agrees with the model: many versions", many_versions},
        {"random work agrees with the model: keys up to the limit", huge_keys},
        {"random work agrees with the model: many keys", many_keys},
        {"random work agrees with the model: values of megabytes", huge_values},
        {"random work agrees with the model: few and awkward keys", awkward_keys},
        {"random work agrees with the model: time goes on", time_goes_on},
    };

    return engine_suite_run("engine_random", cases, ARRAY_LEN(cases));
}
