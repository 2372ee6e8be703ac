/* Ingestions, dropped spans and copies on simulated disks: a crash at every I/O in turn. Afterwards
 * the store is as it was before or as it is after, and after when the call had returned; and it
 * goes on working. */
#include "env/file.h"
#include "env/sim.h"
#include "storage/ingest.h"
#include "tests/common/storage_model.h"
#include "tests/env/sim_crashes.h"
#include "tests/env/sim_fixture.h"

enum { BATCHES = 12 };

static const struct engine_options lsm_options = {.type = ENGINE_LSM,
                                                  .path = "store",
                                                  .log_segment_size = 16 << 10,
                                                  .memtable_size = 16 << 10,
                                                  .cache_size = 64 << 10,
                                                  .table_size = 8 << 10,
                                                  .level_size = 16 << 10,
                                                  .compactions_max = 3};
static const struct engine_options mem_options = {
    .path = "store", .log_segment_size = 16 << 10, .checkpoint_bytes = 60000};

static const struct model_shape shape = {
    .keys = 300, .key_size_max = 20, .value_size_max = 400, .ts_max = 4, .clears = true};

/* A store, what is done to it, and what the test knows. */
struct scene {
    struct engine_options options;
    status MAY_YIELD (*act)(struct scene *s, struct engine *e);
    void (*apply)(struct scene *s, struct model *m);
    struct model        sure;    /* durable before the act */
    struct engine_batch pending; /* committed before it, not synced */
    struct model        content; /* of an ingestion */
    slice               start, end;
    struct engine      *e;
    bool                is_done; /* the act has returned */
    enum status_code    code;    /* with this */
    uint64_t            space_max;
};

/* The status itself lies in the node's memory, which goes when it crashes. */
static void note_end(struct scene *s, status st)
{
    s->code = status_code(st);
    s->is_done = true;
    st_clear(st);
}

/* ---- acts ---- */

static struct engine_builder_options ingest_options(const struct scene *s)
{
    return (struct engine_builder_options){.replaces = true,
                                           .start = s->start,
                                           .end = s->end,
                                           .replaces_meta = true,
                                           .meta_start = s->start,
                                           .meta_end = s->end};
}

static status act_ingest(struct scene *s, struct engine *e)
{
    struct engine_builder_options o = ingest_options(s);
    struct engine_builder        *b;
    status                        st;

    TRY_RETURN(engine_builder_open(e, &o, &b));
    st = model_build(&s->content, b);
    if (st_ok(st))
        st = engine_ingest(e, b, 7, s->content.applied);
    engine_builder_close(b);
    return st;
}

static void apply_ingest(struct scene *s, struct model *m)
{
    struct engine_builder_options o = ingest_options(s);

    model_ingest(m, &o, &s->content);
}

static status act_drop(struct scene *s, struct engine *e)
{
    return engine_drop_span(e, s->start, s->end);
}

static void apply_drop(struct scene *s, struct model *m)
{
    model_clear_range(m, s->start, s->end);
}

static status act_copy(struct scene *s, struct engine *e)
{
    (void)s;
    return engine_copy(e, "copy");
}

/* Nothing is cleared, but it is a commit that syncs. */
static status act_drop_nothing(struct scene *s, struct engine *e)
{
    return engine_drop_span(e, s->end, s->start);
}

static void apply_nothing(struct scene *s, struct model *m)
{
    (void)s;
    (void)m;
}

/* ---- lives ---- */

static void scene_init(struct scene *s, const struct engine_options *o, uint64_t seed)
{
    struct prng         p;
    struct engine_batch b;

    s->options = *o;
    model_init(&s->sure);
    s->sure.counts_are_near = o->type == ENGINE_LSM;
    model_init(&s->content);
    engine_batch_init(&s->pending, NULL);
    engine_batch_init(&b, NULL);
    prng_init(&p, seed);
    for (int i = 0; i < 4; i++)
        model_random_batch(&p, &shape, 60, &b);
    model_apply(&s->content, &b);
    for (size_t i = 0; i < s->content.data.count; i++)
        s->content.data.entries[i].tombstone = false;
    s->content.applied = 2000000; /* above all that batches set */
    engine_batch_deinit(&b);
    s->start = SLICE_LIT("\x40");
    s->end = SLICE_LIT("t");
}

static void scene_deinit(struct scene *s)
{
    model_deinit(&s->sure);
    model_deinit(&s->content);
    engine_batch_deinit(&s->pending);
}

/* Some of it in tables of several levels, some in the log alone; the last commit not synced. */
static void prepare(struct env *env, void *arg)
{
    struct scene       *s = arg;
    struct engine_batch b;
    struct prng         p;

    prng_init(&p, 77);
    engine_batch_init(&b, NULL);
    assert_st_ok(engine_open(env, &s->options, &s->e));
    for (int i = 0; i < BATCHES; i++) {
        model_random_batch(&p, &shape, 100, &b);
        model_apply(&s->sure, &b);
        assert_st_ok(engine_commit(s->e, &b, true));
        engine_batch_reset(&b);
        if (i == BATCHES / 2)
            assert_st_ok(engine_checkpoint(s->e));
    }
    engine_batch_deinit(&b);
    assert_st_ok(env_sleep_us(env, SECOND_US)); /* what runs in the background ends */
    model_random_batch(&p, &shape, 20, &s->pending);
    assert_st_ok(engine_commit(s->e, &s->pending, false));
}

static void act(struct env *env, void *arg)
{
    struct scene *s = arg;

    (void)env;
    note_end(s, s->act(s, s->e));
}

/* What is found is one of the states that may be; returns which: 0, without the pending batch, 1,
 * with it, 2, after the act. */
static int state_of(struct scene *s, struct engine *e)
{
    uint64_t     found;
    struct model m;
    int          state = 0;

    assert_st_ok(model_hash_engine(&s->sure, e, &found));
    model_copy(&m, &s->sure);
    if (model_hash(&m) != found) {
        state = 1;
        model_apply(&m, &s->pending);
    }
    if (model_hash(&m) != found) {
        state = 2;
        s->apply(s, &m);
    }
    assert_true(model_hash(&m) == found);
    model_check_all(&m, e, NULL);
    model_deinit(&m);
    return state;
}

static void recover(struct env *env, void *arg)
{
    struct scene       *s = arg;
    struct engine_batch b;
    struct engine      *e;
    struct engine_value v;
    int                 state, again;

    assert_st_ok(engine_open(env, &s->options, &e));
    state = state_of(s, e);
    if (s->is_done && (s->code == ST_SUCCESS) && s->apply != apply_nothing)
        assert_int_equal(state, 2);
    if (s->is_done && s->code != ST_SUCCESS && s->code != ST_OUTCOME_UNKNOWN)
        assert_int_not_equal(state, 2);
    engine_close(e);
    assert_st_ok(engine_open(env, &s->options, &e));
    again = state_of(s, e);
    assert_int_equal(again, state);
    engine_batch_init(&b, NULL);
    assert_st_ok(engine_batch_put(&b, SLICE_LIT("new"), 9, SLICE_LIT("value")));
    assert_st_ok(engine_commit(e, &b, true));
    engine_batch_deinit(&b);
    assert_st_ok(engine_checkpoint(e));
    assert_st_ok(engine_get(e, NULL, SLICE_LIT("new"), 9, &v));
    assert_true(v.found);
    engine_close(e);
}

/* The copy of a call that has returned is whole; another one is refused, or whole as well. */
static void check_copy(struct env *env, void *arg)
{
    struct scene         *s = arg;
    struct engine_options o = s->options;
    struct engine        *e;
    status                st;

    o.path = "copy";
    o.must_exist = true;
    st = engine_open(env, &o, &e);
    if (s->is_done && (s->code == ST_SUCCESS))
        assert_st_ok(st);
    if (st_ok(st)) {
        (void)state_of(s, e);
        engine_close(e);
    } else {
        assert_int_equal(status_code(st), ST_UNDEFINED_FILE);
        st_clear(st);
        if (env_file_exists(env, "copy")) {
            o.must_exist = false; /* nothing is made over files that the store shares */
            st = engine_open(env, &o, &e);
            if (st_ok(st))
                engine_close(e);
            else
                assert_int_equal(status_code(st), ST_CORRUPT);
            st_clear(st);
        }
    }
}

/* One run with a crash in the `at`-th I/O of the act; false: it was over before. */
static bool run(const struct engine_options *o, const struct scene *kind, uint64_t at,
                enum sim_crash how)
{
    struct sim      *sim = sim_new(at, NULL);
    struct sim_node *n = sim_add_node(sim, "store", sim_idle_main, NULL);
    struct scene     s = *kind;
    bool             crashed;

    scene_init(&s, o, 5);
    sim_do(sim, n, prepare, &s);
    sim_crash_at_io(n, at, how);
    crashed = !sim_try(sim, n, act, &s);
    if (!crashed)
        assert_int_equal(s.code, ST_SUCCESS);
    sim_crash(n, how);
    sim_restart(n);
    if (s.act == act_copy)
        sim_do(sim, n, check_copy, &s);
    sim_do(sim, n, recover, &s);
    scene_deinit(&s);
    sim_free(sim);
    return crashed;
}

static void crash_everywhere(const struct engine_options *o, const struct scene *kind)
{
    for (int how = 0; how < 2; how++) {
        uint64_t at = 1;

        while (run(o, kind, at, how == 0 ? SIM_POWER_LOSS : SIM_KILL))
            at++;
        assert_true(at > 2);
    }
}

static const struct scene ingest_scene = {.act = act_ingest, .apply = apply_ingest};
static const struct scene drop_scene = {.act = act_drop, .apply = apply_drop};
static const struct scene copy_scene = {.act = act_copy, .apply = apply_nothing};

static void ingestion_survives(void **state)
{
    (void)state;
    crash_everywhere(&lsm_options, &ingest_scene);
    crash_everywhere(&mem_options, &ingest_scene);
}

static void drop_survives(void **state)
{
    (void)state;
    crash_everywhere(&lsm_options, &drop_scene);
    crash_everywhere(&mem_options, &drop_scene);
}

static void empty_drop_syncs(void **state)
{
    const struct engine_options *options[] = {&lsm_options, &mem_options};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(options); i++) {
        struct sim      *sim = sim_new(1, NULL);
        struct sim_node *n = sim_add_node(sim, "store", sim_idle_main, NULL);
        struct scene     s = {.act = act_drop_nothing, .apply = apply_nothing};

        scene_init(&s, options[i], 5);
        sim_do(sim, n, prepare, &s);
        sim_do(sim, n, act, &s);
        assert_int_equal(s.code, ST_SUCCESS);
        model_apply(&s.sure, &s.pending);
        engine_batch_reset(&s.pending);
        sim_crash(n, SIM_POWER_LOSS);
        sim_restart(n);
        sim_do(sim, n, recover, &s);
        scene_deinit(&s);
        sim_free(sim);
    }
}

static void copy_survives(void **state)
{
    (void)state;
    crash_everywhere(&lsm_options, &copy_scene);
    crash_everywhere(&mem_options, &copy_scene);
}

/* ---- faults ---- */

struct faulty {
    struct sim_node       *node;
    struct scene          *s;
    struct sim_disk_faults faults;
};

static void act_with_faults(struct env *env, void *arg)
{
    struct faulty *f = arg;

    sim_disk_set_faults(f->node, &f->faults);
    note_end(f->s, f->s->act(f->s, f->s->e));
    sim_disk_set_faults(f->node, &(struct sim_disk_faults){0});
    /* A fault may as well have met the background, whose failed syncs stop the store (L1). */
    if (f->faults.space_max == 0)
        assert_int_not_equal(f->s->code, ST_DISK_FULL);
    else
        assert_int_not_equal(engine_state(f->s->e), ENGINE_STOPPED);
    (void)env;
}

/* True: the fault was met. */
static bool run_faulty(const struct engine_options *o, const struct scene *kind,
                       const struct sim_disk_faults *faults)
{
    struct sim      *sim = sim_new(1, NULL);
    struct sim_node *n = sim_add_node(sim, "store", sim_idle_main, NULL);
    struct scene     s = *kind;
    struct faulty    f = {.node = n, .s = &s, .faults = *faults};
    bool             failed;

    scene_init(&s, o, 5);
    sim_do(sim, n, prepare, &s);
    if (f.faults.space_max != 0)
        f.faults.space_max += sim_disk_used(n);
    sim_do(sim, n, act_with_faults, &f);
    failed = s.code != ST_SUCCESS;
    sim_crash(n, SIM_POWER_LOSS);
    sim_restart(n);
    if (s.act == act_copy)
        sim_do(sim, n, check_copy, &s);
    sim_do(sim, n, recover, &s);
    scene_deinit(&s);
    sim_free(sim);
    return failed;
}

/* Fail each write and each sync in turn, and give the disk ever more room. */
static void fail_everywhere(const struct engine_options *o, const struct scene *kind)
{
    unsigned failed = 0;

    for (uint64_t at = 1; at < 20; at++) {
        failed += run_faulty(o, kind, &(struct sim_disk_faults){.write_eio_at = at});
        failed += run_faulty(o, kind, &(struct sim_disk_faults){.sync_eio_at = at});
    }
    for (uint64_t room = 1; room < 400 << 10; room += 9000)
        failed += run_faulty(o, kind, &(struct sim_disk_faults){.space_max = room});
    assert_true(failed >= 2); /* in memory, an ingestion is one write and one sync */
}

static void ingestion_meets_faults(void **state)
{
    (void)state;
    fail_everywhere(&lsm_options, &ingest_scene);
    fail_everywhere(&mem_options, &ingest_scene);
}

static void drop_meets_faults(void **state)
{
    (void)state;
    fail_everywhere(&lsm_options, &drop_scene);
    fail_everywhere(&mem_options, &drop_scene);
}

static void copy_meets_faults(void **state)
{
    (void)state;
    fail_everywhere(&lsm_options, &copy_scene);
    fail_everywhere(&mem_options, &copy_scene);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T("an ingestion that a crash interrupts is whole or not at all", ingestion_survives),
        T("a span that was being dropped is whole or gone", drop_survives),
        T("a drop of no keys makes durable what was committed before", empty_drop_syncs),
        T("a copy that a crash interrupts is no store, and harms none", copy_survives),
        T("an ingestion that fails has changed nothing", ingestion_meets_faults),
        T("a drop that fails has changed nothing", drop_meets_faults),
        T("a copy that fails leaves nothing, and harms none", copy_meets_faults),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
