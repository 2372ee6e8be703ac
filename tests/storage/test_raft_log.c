/* The Raft logs of a store against a model: many ranges that append, overwrite, vote, compact, come
 * and go, on simulated disks that lose power at any I/O, fail, fill up and flip bits. After each
 * crash the logs are those of some moment not before the last synced write, replay brings the
 * engine to where commits say, and nothing that was promised is gone. */
#include "env/sim.h"
#include "storage/raft_log.h"
#include "tests/common/test.h"
#include "tests/env/sim_crashes.h"

#include "base/hmap.h"
#include "base/prng.h"
#include "env/file.h"

enum { RANGES = 6, ENTRIES_MAX = 120, PENDING_MAX = 64, LIVES_MAX = 40, DATA_MAX = 9000 };

#ifdef __SANITIZE_ADDRESS__
/* A crash frees the heap of its node, but not what offloaded jobs hold, which is malloc's. */
int __lsan_is_turned_off(void);
int __lsan_is_turned_off(void)
{
    return 1;
}
#endif

/* ---- the model -------------------------------------------------------------------------------
 */

struct model_range {
    uint64_t               id; /* 0: none in this place */
    struct raft_hard_state hs;
    uint64_t               base, base_term; /* what is before the terms below */
    uint64_t               count, terms[ENTRIES_MAX];
};

struct raft_model {
    struct model_range ranges[RANGES];
    uint64_t           local; /* how often an engine batch was committed */
};

static uint64_t last_of(const struct model_range *r)
{
    return r->base + r->count;
}

static uint64_t term_of(const struct model_range *r, uint64_t index)
{
    assert_true(index >= r->base && index <= last_of(r));
    return index == r->base ? r->base_term : r->terms[index - r->base - 1];
}

/* What an entry holds follows from who it is: two of one index and term are the same (Raft §5.3).
 */
static slice data_of(uint64_t range_id, uint64_t index, uint64_t term, char *room)
{
    uint64_t    h = hash_u64(hash_u64(range_id) ^ hash_u64(index * 1000003 + term));
    size_t      size = h % 40 == 0 ? h / 64 % DATA_MAX : h / 64 % 100; /* some need many records */
    struct prng p;

    prng_init(&p, h);
    prng_bytes(&p, room, size);
    return slice_make(room, size);
}

static bool same_state(const struct raft_hard_state *a, const struct raft_hard_state *b)
{
    return a->term == b->term && a->vote == b->vote && a->commit == b->commit;
}

/* Whether the log has what the model has of a range, as far as memory tells. */
static bool range_matches(const struct raft_log *l, const struct model_range *m)
{
    uint64_t               first = raft_log_first(l, m->id), term;
    struct raft_hard_state hs;

    if (!raft_log_hard_state(l, m->id, &hs) || !same_state(&hs, &m->hs) ||
        raft_log_last(l, m->id) != last_of(m))
        return false;
    for (uint64_t i = first - 1; i <= last_of(m); i++)
        if (i >= m->base && (!raft_log_term(l, m->id, i, &term) || term != term_of(m, i)))
            return false;
    return true;
}

static bool model_matches(const struct raft_log *l, const struct raft_model *m)
{
    struct raft_log_stats stats;
    uint64_t              count = 0;

    raft_log_stats(l, &stats);
    for (int i = 0; i < RANGES; i++) {
        if (m->ranges[i].id == 0)
            continue;
        count++;
        if (!range_matches(l, &m->ranges[i]))
            return false;
    }
    return stats.ranges == count;
}

/* ---- the scenario ----------------------------------------------------------------------------
 */

struct scenario {
    struct sim           *sim;
    struct sim_node      *node;
    struct prng           prng;
    struct engine_options options;
    struct raft_model     sure, now;            /* durable for certain; what was written last */
    struct raft_model     pending[PENDING_MAX]; /* after each write since `sure` */
    size_t                pending_count;
    uint64_t              next_id;
    unsigned              steps, steps_left, lives, stops, disk_full;
    bool                  done, has_faults, is_full, may_be_corrupt, was_corrupt;
    uint64_t              freed; /* segments, told by their numbers */
    char                  files[64][32];
    size_t                file_count;
    /* of a life */
    struct env           *env;
    struct engine        *e;
    struct raft_log      *l;
};

static unsigned pick(struct scenario *s, unsigned bound)
{
    return (unsigned)prng_below(&s->prng, bound);
}

static void scenario_init(struct scenario *s, uint64_t seed, unsigned steps)
{
    struct sim_options options = {.ordered = true};

    *s = (struct scenario){.steps = steps, .steps_left = steps, .next_id = 1};
    s->options = (struct engine_options){.type = seed % 3 == 0 ? ENGINE_MEMORY : ENGINE_LSM,
                                         .path = "store",
                                         .log_segment_size = 4096,
                                         .checkpoint_bytes = 30000,
                                         .raft_cache_size = seed % 2 == 0 ? 2000 : 0,
                                         .memtable_size = 8192,
                                         .table_size = 4096,
                                         .level_size = 16384};
    prng_init(&s->prng, seed);
    s->sim = sim_new(seed, &options);
}

static void scenario_deinit(struct scenario *s)
{
    sim_free(s->sim);
}

/* ---- checks ----------------------------------------------------------------------------------
 */

/* Read some entries back and compare; false: found damaged, where that may be. */
static bool check_entries(struct scenario *s, const struct model_range *m, uint64_t first,
                          uint64_t end, size_t bytes_max)
{
    struct arena      *arena = arena_new(env_heap(s->env), NULL);
    struct raft_entry *e;
    size_t             count, bytes = 0;
    char               room[DATA_MAX];
    status             st = raft_log_read(s->l, m->id, first, end, bytes_max, arena, &e, &count);
    bool               fine = st_ok(st);

    if (!fine && s->may_be_corrupt) {
        assert_int_equal(status_code(st), ST_CORRUPT);
        st_clear(st);
        s->was_corrupt = true;
        arena_free(arena);
        return false;
    }
    if (status_code(st) == ST_NO_DATA && first < raft_log_first(s->l, m->id)) {
        arena_free(arena); /* compacted while it was read */
        return true;
    }
    assert_st_ok(st);
    assert_true(count > 0 && count <= end - first);
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(e[i].index, first + i);
        assert_int_equal(e[i].term, term_of(m, first + i));
        assert_int_equal(e[i].type, (uint8_t)(m->id + first + i));
        assert_true(slice_eq(e[i].data, data_of(m->id, first + i, e[i].term, room)));
        assert_true(i == 0 || bytes < bytes_max);
        bytes += e[i].data.size;
    }
    assert_true(bytes >= bytes_max || first + count == MIN(end, last_of(m) + 1));
    arena_free(arena);
    return true;
}

static uint64_t readable_from(struct scenario *s, const struct model_range *m)
{
    return MAX(raft_log_first(s->l, m->id), m->base + 1);
}

static void check_all_entries(struct scenario *s, const struct raft_model *m)
{
    for (int i = 0; i < RANGES; i++) {
        const struct model_range *r = &m->ranges[i];
        uint64_t                  first = r->id != 0 ? readable_from(s, r) : 0;

        if (r->id != 0 && first <= last_of(r))
            check_entries(s, r, first, last_of(r) + 1, SIZE_MAX);
    }
}

static void settle(struct scenario *s)
{
    if (s->pending_count > 0)
        s->sure = s->pending[s->pending_count - 1];
    s->pending_count = 0;
}

static slice range_key(uint64_t id, char room[16])
{
    return slice_make(room, (size_t)snprintf(room, 16, "r%llu", (unsigned long long)id));
}

/* Apply one entry, as a state machine would. */
static status apply_entry(void *ctx, uint64_t range_id, const struct raft_entry *e)
{
    struct scenario    *s = ctx;
    struct engine_batch b;
    char                key[16];
    status              st;

    assert_int_equal(e->index, engine_applied(s->e, range_id) + 1);
    engine_batch_init(&b, env_heap(s->env));
    assert_st_ok(engine_batch_put(&b, range_key(range_id, key), e->index, e->data));
    assert_st_ok(engine_batch_set_applied(&b, range_id, e->index));
    st = engine_apply(s->e, &b);
    engine_batch_deinit(&b);
    return st;
}

/* The engine holds exactly the entries up to the applied index. */
static void check_applied(struct scenario *s, const struct model_range *m)
{
    uint64_t            applied = engine_applied(s->e, m->id);
    struct engine_value v;
    char                key[16], room[DATA_MAX];

    assert_st_ok(engine_get(s->e, NULL, range_key(m->id, key), HLC_TS_MAX, &v));
    assert_int_equal(v.found ? v.ts : 0, applied);
    if (applied > last_of(m))
        return; /* a snapshot, of which the log was not told yet */
    for (uint64_t i = m->base + 1; i <= applied; i++) {
        assert_st_ok(engine_get(s->e, NULL, range_key(m->id, key), i, &v));
        assert_true(v.found && v.ts == i);
        assert_true(slice_eq(v.value, data_of(m->id, i, term_of(m, i), room)));
    }
}

static status write_batch(struct scenario *s, const struct raft_batch *b, bool sync);

/* A snapshot went into the engine, and the crash came before the log was told. */
static void finish_snapshot(struct scenario *s, struct model_range *m)
{
    uint64_t          applied = engine_applied(s->e, m->id);
    struct raft_batch b;
    status            st;

    if (applied <= last_of(m))
        return;
    assert_st_ok(engine_checkpoint(s->e));
    raft_batch_init(&b, env_heap(s->env));
    m->base_term = term_of(m, last_of(m)) + 1;
    m->base = applied;
    raft_batch_reset_log(&b, m->id, applied, m->base_term);
    m->count = 0;
    st = write_batch(s, &b, true);
    assert_true(st_ok(st) || s->has_faults || s->is_full);
    st_clear(st);
    raft_batch_deinit(&b);
}

static void check_replayed(struct scenario *s)
{
    for (int i = 0; i < RANGES; i++) {
        struct model_range *m = &s->now.ranges[i];
        uint64_t            applied = m->id != 0 ? engine_applied(s->e, m->id) : 0;

        if (m->id == 0)
            continue;
        assert_true(applied >= MIN(m->hs.commit, last_of(m)));
        assert_true(raft_log_first(s->l, m->id) <=
                    MAX(engine_applied_flushed(s->e, m->id), m->base) + 1);
        check_applied(s, m);
    }
}

/* The number of local batches, which are in the same log. */
static uint64_t local_count(struct scenario *s)
{
    struct engine_value v;

    assert_st_ok(engine_get_meta(s->e, NULL, SLICE_LIT("local"), &v));
    return v.found ? get_u64le(v.value.data) : 0;
}

/* What a reopened store says: the state after some write at or behind the last sure one. */
static void check_recovered(struct scenario *s)
{
    uint64_t          local = local_count(s);
    struct raft_model m = s->sure;
    size_t            at = 0;
    status            st;

    raft_log_check(s->l);
    while (!model_matches(s->l, &m) || m.local != local) {
        if (at == s->pending_count)
            fail_msg("seed %llu: the logs are of no moment that there was",
                     (unsigned long long)sim_seed(s->sim));
        m = s->pending[at++];
    }
    s->sure = s->now = m;
    s->pending_count = 0;
    check_all_entries(s, &m);
    if (s->was_corrupt)
        return;
    st = raft_log_replay(s->l, apply_entry, s);
    if (s->may_be_corrupt && status_code(st) == ST_CORRUPT) {
        st_clear(st);
        s->was_corrupt = true;
        return;
    }
    assert_st_ok(st);
    check_replayed(s);
}

/* ---- steps -----------------------------------------------------------------------------------
 */

/* s->now is what will be when the batch is written. */
static status write_batch(struct scenario *s, const struct raft_batch *b, bool sync)
{
    struct raft_model before = s->pending_count > 0 ? s->pending[s->pending_count - 1] : s->sure;
    status            st;

    if (s->pending_count == PENDING_MAX - 1)
        sync = true;
    s->pending[s->pending_count++] = s->now;
    st = raft_log_write(s->l, b, sync);
    if (st_ok(st) && sync)
        settle(s);
    if (status_code(st) == ST_DISK_FULL) {
        s->disk_full++;
        s->pending_count--;
        s->now = before;
    }
    return st;
}

static void append_entry(struct raft_batch *b, struct model_range *m, uint64_t index, uint64_t term)
{
    char              room[DATA_MAX];
    struct raft_entry e = {.index = index,
                           .term = term,
                           .type = (uint8_t)(m->id + index),
                           .data = data_of(m->id, index, term, room)};

    assert_st_ok(raft_batch_append(b, m->id, &e));
    m->count = index - m->base;
    m->terms[m->count - 1] = term;
}

/* Append behind the last, or over what is not committed, in a newer term. */
static void random_append(struct scenario *s, struct raft_batch *b, struct model_range *m)
{
    uint64_t floor = MAX(m->hs.commit, MAX(m->base, engine_applied(s->e, m->id)));
    uint64_t index = last_of(m) + 1, term = term_of(m, last_of(m)) + (pick(s, 8) == 0);
    unsigned count = 1 + pick(s, 3);

    term = MAX(term, 1);
    if (last_of(m) > floor && pick(s, 4) == 0) {
        index = floor + 1 + pick(s, (unsigned)(last_of(m) - floor));
        term = MAX(m->hs.term, term_of(m, last_of(m))) + 1;
    }
    for (; count > 0 && index - m->base <= ENTRIES_MAX; count--)
        append_entry(b, m, index++, term);
}

static void random_hard_state(struct scenario *s, struct raft_batch *b, struct model_range *m)
{
    m->hs.term = MAX(m->hs.term, term_of(m, last_of(m))) + (pick(s, 10) == 0);
    m->hs.vote = pick(s, 5);
    m->hs.commit = MAX(m->hs.commit, m->base);
    if (last_of(m) > m->hs.commit)
        m->hs.commit += pick(s, (unsigned)(last_of(m) - m->hs.commit) + 1);
    raft_batch_set_hard_state(b, m->id, &m->hs);
}

static status step_write(struct scenario *s)
{
    struct raft_batch b;
    status            st = STATUS_OK;

    raft_batch_init(&b, env_heap(s->env));
    for (int i = 0; i < RANGES; i++) {
        struct model_range *m = &s->now.ranges[i];

        if (m->id == 0 || pick(s, 3) != 0)
            continue;
        if (pick(s, 4) != 0)
            random_append(s, &b, m);
        if (pick(s, 2) == 0)
            random_hard_state(s, &b, m);
    }
    if (!raft_batch_is_empty(&b))
        st = write_batch(s, &b, pick(s, 3) != 0);
    raft_batch_deinit(&b);
    return st;
}

static status step_local(struct scenario *s)
{
    struct raft_model   before = s->now;
    struct engine_batch b;
    char                value[8];
    bool                sync = pick(s, 2) == 0 || s->pending_count == PENDING_MAX - 1;
    status              st;

    put_u64le(value, ++s->now.local);
    engine_batch_init(&b, env_heap(s->env));
    assert_st_ok(engine_batch_put_meta(&b, SLICE_LIT("local"), slice_make(value, sizeof value)));
    s->pending[s->pending_count++] = s->now;
    st = engine_commit(s->e, &b, sync);
    if (st_ok(st) && sync)
        settle(s);
    if (status_code(st) == ST_DISK_FULL) {
        s->disk_full++;
        s->pending_count--;
        s->now = before;
    }
    engine_batch_deinit(&b);
    return st;
}

static status step_apply(struct scenario *s, struct model_range *m)
{
    struct arena      *arena = arena_new(env_heap(s->env), NULL);
    uint64_t           applied = engine_applied(s->e, m->id);
    uint64_t           commit = MIN(m->hs.commit, last_of(m));
    struct raft_entry *e;
    size_t             count = 0;
    status             st = STATUS_OK;

    if (applied < commit) {
        st = raft_log_read(s->l, m->id, applied + 1, commit + 1, 500, arena, &e, &count);
        for (size_t i = 0; st_ok(st) && i < count; i++)
            st = apply_entry(s, m->id, &e[i]);
    }
    arena_free(arena);
    return st;
}

static status step_come_or_go(struct scenario *s, struct model_range *m)
{
    struct raft_batch b;
    status            st;

    raft_batch_init(&b, env_heap(s->env));
    if (m->id != 0) {
        raft_batch_remove(&b, m->id);
        *m = (struct model_range){0};
    } else {
        m->id = s->next_id++;
        random_hard_state(s, &b, m);
    }
    st = write_batch(s, &b, pick(s, 2) == 0);
    raft_batch_deinit(&b);
    return st;
}

/* A snapshot takes the place of the log: into the engine first, durably, then the log. */
static status step_snapshot(struct scenario *s, struct model_range *m)
{
    struct engine_batch b;
    struct raft_batch   reset;
    uint64_t            index = last_of(m) + 1 + pick(s, 5), term = term_of(m, last_of(m)) + 1;
    char                key[16], room[DATA_MAX];
    status              st;

    engine_batch_init(&b, env_heap(s->env));
    assert_st_ok(
        engine_batch_put(&b, range_key(m->id, key), index, data_of(m->id, index, term, room)));
    assert_st_ok(engine_batch_set_applied(&b, m->id, index));
    st = engine_commit(s->e, &b, true);
    if (st_ok(st)) {
        settle(s);
        st = engine_checkpoint(s->e);
    }
    engine_batch_deinit(&b);
    TRY_RETURN(st);
    raft_batch_init(&reset, env_heap(s->env));
    m->base = index;
    m->base_term = term;
    m->count = 0;
    raft_batch_reset_log(&reset, m->id, index, term);
    random_hard_state(s, &reset, m);
    st = write_batch(s, &reset, pick(s, 2) == 0);
    raft_batch_deinit(&reset);
    return st;
}

/* Forget what the log has surely forgotten too. */
static void shorten_model(struct scenario *s, struct model_range *m)
{
    uint64_t first = raft_log_first(s->l, m->id);

    if (s->pending_count > 0 || first <= m->base + 1)
        return;
    m->base_term = term_of(m, first - 1);
    memmove(m->terms, m->terms + (first - 1 - m->base), (last_of(m) - first + 1) * 8);
    m->count = last_of(m) - first + 1;
    m->base = first - 1;
    s->sure = s->now;
}

static status step_range(struct scenario *s, struct model_range *m)
{
    uint64_t first = readable_from(s, m);

    switch (pick(s, 8)) {
    case 0:
        raft_log_compact(s->l, m->id, pick(s, (unsigned)engine_applied(s->e, m->id) + 1));
        return STATUS_OK;
    case 1:
        shorten_model(s, m);
        return STATUS_OK;
    case 2:
    case 3:
        if (first <= last_of(m)) {
            first += pick(s, (unsigned)(last_of(m) - first + 1));
            check_entries(s, m, first, first + 1 + pick(s, 20), pick(s, 2000));
        }
        return STATUS_OK;
    case 4:
        if ((pick(s, 4) == 0 || m->count > ENTRIES_MAX - 10) && !s->is_full)
            return step_snapshot(s, m);
        return STATUS_OK;
    default:
        return step_apply(s, m);
    }
}

static status random_step(struct scenario *s)
{
    struct model_range *m = &s->now.ranges[pick(s, RANGES)];
    unsigned            what = pick(s, 20);

    if (what < 8)
        return step_write(s);
    if (what < 10)
        return step_local(s);
    if (what == 10 && !s->is_full) {
        TRY_RETURN(engine_checkpoint(s->e));
        settle(s);
        return STATUS_OK;
    }
    if (m->id == 0 || (what == 11 && pick(s, 4) == 0))
        return step_come_or_go(s, m);
    return step_range(s, m);
}

/* ---- lives -----------------------------------------------------------------------------------
 */

static void note_stop(void *ctx, status reason)
{
    assert_false(st_ok(reason));
    ((struct scenario *)ctx)->stops++;
}

/* False: a disk with faults failed the opening, or damage was reported, and the node is down. */
static bool open_store(struct scenario *s)
{
    struct engine_options o = s->options;
    status                st;

    o.on_stop = note_stop;
    o.on_stop_ctx = s;
    st = engine_open(s->env, &o, &s->e);
    if (!st_ok(st) && s->may_be_corrupt && status_code(st) == ST_CORRUPT) {
        s->was_corrupt = true;
    } else if (!st_ok(st)) {
        if (!s->has_faults)
            assert_st_ok(st);
        assert_true(status_code(st) == ST_IO_ERROR || status_code(st) == ST_OUTCOME_UNKNOWN);
    }
    s->l = st_ok(st) ? engine_raft_log(s->e) : NULL;
    st_clear(st);
    if (s->l == NULL)
        env_stop(s->env);
    return s->l != NULL;
}

static void note_files(struct scenario *s)
{
    struct arena *arena = arena_new(env_heap(s->env), NULL);
    const char  **names;
    size_t        count;

    assert_st_ok(env_list_dir(s->env, "store", arena, &names, &count));
    s->file_count = 0;
    for (size_t i = 0; i < count && s->file_count < 64; i++)
        if (strstr(names[i], ".log") != NULL)
            snprintf(s->files[s->file_count++], 32, "store/%.24s", names[i]);
    arena_free(arena);
}

/* Only a new process may go on after this error. */
static bool is_final(struct scenario *s, status st)
{
    enum status_code code = status_code(st);

    st_clear(st);
    if (code == ST_SUCCESS || code == ST_DISK_FULL)
        return false;
    assert_true(s->has_faults);
    assert_true(code == ST_OUTCOME_UNKNOWN || code == ST_IO_ERROR);
    return true;
}

static void work(struct scenario *s)
{
    while (s->steps_left > 0) {
        s->steps_left--;
        if (is_final(s, random_step(s)))
            return;
        if (s->steps_left % 16 == 0 && s->stops == 0) {
            raft_log_check(s->l);
            assert_true(model_matches(s->l, &s->now));
        }
    }
}

static void node_main(struct env *env, void *arg)
{
    struct scenario *s = arg;

    s->env = env;
    s->lives++;
    s->stops = 0;
    if (!open_store(s))
        return;
    check_recovered(s);
    for (int i = 0; i < RANGES && !s->was_corrupt; i++)
        if (s->now.ranges[i].id != 0)
            finish_snapshot(s, &s->now.ranges[i]);
    if (!s->was_corrupt)
        work(s);
    engine_close(s->e);
    if (s->stops == 0 && !s->was_corrupt) {
        settle(s);
        s->done = s->steps_left == 0;
    }
    note_files(s);
    env_stop(env);
}

static bool is_down(void *arg)
{
    return !sim_node_is_up(((struct scenario *)arg)->node);
}

static void run_life(struct scenario *s)
{
    struct buf report;

    if (sim_run_until(s->sim, is_down, s, UINT64_C(600000000)) == SIM_DONE)
        return;
    buf_init(&report, NULL);
    sim_report(s->sim, &report);
    fail_msg("seed %llu: the store hangs:\n%s", (unsigned long long)sim_seed(s->sim),
             buf_cstr(&report));
}

static void finish(struct scenario *s)
{
    while (!s->done) {
        assert_true(s->lives < LIVES_MAX);
        sim_restart(s->node);
        run_life(s);
    }
    s->done = false;
    s->steps_left = 0;
    sim_restart(s->node);
    run_life(s);
    assert_true(s->done);
}

/* ---- tests -----------------------------------------------------------------------------------
 */

/* Crash at the count-th I/O, then at the `again`-th of the recovery. False: no crash came. */
static bool crash_at(uint64_t seed, unsigned steps, uint64_t count, uint64_t again,
                     enum sim_crash how)
{
    struct scenario s;
    bool            crashed;

    scenario_init(&s, seed, steps);
    s.node = sim_add_node(s.sim, "n", node_main, &s);
    sim_crash_at_io(s.node, count, how);
    run_life(&s);
    crashed = !s.done;
    if (crashed && again > 0) {
        sim_restart(s.node);
        sim_crash_at_io(s.node, again, how);
        run_life(&s);
    }
    sim_crash_at_io(s.node, 0, how);
    finish(&s);
    scenario_deinit(&s);
    return crashed;
}

static uint64_t runs(uint64_t usual)
{
    const char *times = getenv("RAFT_LOG_TIMES");

    return usual * (times != NULL ? strtoull(times, NULL, 10) : 1);
}

static void lives_in_peace(void **state)
{
    uint64_t seed = test_seed(1);

    (void)state;
    for (uint64_t i = 0; i < runs(60); i++)
        assert_false(crash_at(seed + i, 600, 0, 0, SIM_POWER_LOSS));
}

static void power_loss_everywhere(void **state)
{
    uint64_t seed = test_seed(100);

    (void)state;
    for (uint64_t i = 0; i < runs(3); i++) {
        uint64_t count = 1;

        while (crash_at(seed + i, 100, count, 0, SIM_POWER_LOSS))
            count++;
        assert_true(count > 50);
    }
}

static void crashes_in_recovery(void **state)
{
    uint64_t seed = test_seed(1000);

    (void)state;
    for (uint64_t i = 0; i < runs(600); i++) {
        uint64_t n = hash_u64(seed + i);

        crash_at(seed + i, 150, 10 + n % 500, 1 + n / 512 % 40,
                 n % 7 == 0 ? SIM_KILL : SIM_POWER_LOSS);
    }
}

/* Fail the n-th sync or write: the store stops, and only what a new process makes durable counts.
 */
static bool fail_at(uint64_t seed, struct sim_disk_faults faults, bool kill_first)
{
    struct scenario s;
    bool            failed;

    scenario_init(&s, seed, 80);
    s.node = sim_add_node(s.sim, "n", node_main, &s);
    sim_disk_set_faults(s.node, &faults);
    s.has_faults = true;
    run_life(&s);
    failed = !s.done;
    s.has_faults = false;
    sim_disk_set_faults(s.node, &(struct sim_disk_faults){0});
    if (failed && kill_first) {
        sim_restart(s.node);
        sim_crash_at_io(s.node, 60 + seed % 40, SIM_POWER_LOSS);
        run_life(&s);
        sim_crash_at_io(s.node, 0, SIM_POWER_LOSS);
    }
    finish(&s);
    scenario_deinit(&s);
    return failed;
}

static void failed_syncs(void **state)
{
    uint64_t seed = test_seed(40000);
    unsigned failures = 0;

    (void)state;
    for (uint64_t i = 0; i < runs(200); i++) {
        uint64_t n = 8 + hash_u64(seed + i) % 100;

        failures += fail_at(seed + i, (struct sim_disk_faults){.sync_eio_at = n / 2}, i % 2 == 0);
        failures += fail_at(seed + i, (struct sim_disk_faults){.write_eio_at = n}, i % 2 == 1);
    }
    assert_true(failures > 100);
}

/* The disk fills up and is given room again. On the memory engine, so that it is the log that finds
 * no room, and not a table. */
static void full_disk_run(uint64_t seed, uint64_t space, unsigned *refused)
{
    struct scenario        s;
    struct sim_disk_faults faults = {0};

    scenario_init(&s, seed, 60);
    s.options.type = ENGINE_MEMORY;
    s.node = sim_add_node(s.sim, "n", node_main, &s);
    run_life(&s);
    faults.space_max = sim_disk_used(s.node) + space;
    sim_disk_set_faults(s.node, &faults);
    s.is_full = true;
    s.done = false;
    s.steps_left = 150;
    sim_restart(s.node);
    run_life(&s);
    *refused += s.disk_full;
    sim_disk_set_faults(s.node, &(struct sim_disk_faults){0});
    s.is_full = false;
    s.disk_full = 0;
    finish(&s);
    s.done = false;
    s.steps_left = 40;
    sim_restart(s.node);
    run_life(&s);
    assert_true(s.done);
    assert_int_equal(s.disk_full, 0);
    scenario_deinit(&s);
}

static void full_disks(void **state)
{
    uint64_t seed = test_seed(50000);
    unsigned refused = 0;

    (void)state;
    for (uint64_t i = 0; i < runs(60); i++)
        full_disk_run(seed + i, i % 30 * 2048, &refused);
    assert_true(refused > 30);
}

static uint64_t size_of(const struct scenario *s, const char *file)
{
    const char *path;
    uint64_t    size = 0;

    for (size_t i = 0; (path = sim_disk_file(s->node, i, &size)) != NULL; i++) {
        if (strcmp(path, file) == 0)
            return size;
    }
    fail_msg("there is no file %s", file);
    return 0;
}

/* A flipped bit in a segment of a closed store is told, or what is read is right all the same. */
static bool flip_run(uint64_t seed)
{
    struct scenario s;
    const char     *file;
    bool            reported;

    scenario_init(&s, seed, 80);
    s.node = sim_add_node(s.sim, "n", node_main, &s);
    run_life(&s);
    assert_true(s.done && s.file_count > 0);
    file = s.files[pick(&s, (unsigned)s.file_count)];
    assert_st_ok(sim_disk_flip(s.node, file, pick(&s, (unsigned)MIN(size_of(&s, file), 4096u)),
                               (int)pick(&s, 8)));
    s.may_be_corrupt = true;
    s.done = false;
    sim_restart(s.node);
    run_life(&s);
    reported = s.was_corrupt;
    assert_true(s.done || reported);
    scenario_deinit(&s);
    return reported;
}

static void flipped_bits(void **state)
{
    uint64_t seed = test_seed(60000);
    unsigned reported = 0;

    (void)state;
    for (uint64_t i = 0; i < runs(300); i++)
        reported += flip_run(seed + i);
    assert_true(reported > 50);
}

/* ---- quiet ranges, restarts, many writers -----------------------------------------------------
 */

enum { QUIET = 300, HOT_WRITES = 1500, QUIET_ENTRIES = 3 };

struct quiet {
    struct engine_options options;
    struct sim_node      *node;
    bool                  written, checked;
};

static size_t count_segments(struct env *env)
{
    struct arena *arena = arena_new(env_heap(env), NULL);
    const char  **names;
    size_t        count, segments = 0;

    assert_st_ok(env_list_dir(env, "store", arena, &names, &count));
    for (size_t i = 0; i < count; i++)
        segments += strstr(names[i], ".log") != NULL;
    arena_free(arena);
    return segments;
}

static void append_some(struct raft_batch *b, uint64_t range_id, uint64_t index, unsigned count)
{
    char room[DATA_MAX];

    for (; count > 0; count--, index++) {
        struct raft_entry e = {
            .index = index, .term = 1, .data = data_of(range_id, index, 1, room)};

        assert_st_ok(raft_batch_append(b, range_id, &e));
    }
}

static void write_quiet(struct raft_log *l)
{
    struct raft_batch b;

    raft_batch_init(&b, NULL);
    for (uint64_t id = 1; id <= QUIET; id++) {
        append_some(&b, id, 1, QUIET_ENTRIES);
        raft_batch_set_hard_state(&b, id, &(struct raft_hard_state){.term = 1, .vote = id % 5});
        if (id % 10 == 0) {
            assert_st_ok(raft_log_write(l, &b, true));
            raft_batch_reset(&b);
        }
    }
    raft_batch_deinit(&b);
}

/* One range writes, applies and compacts; the engine's memtable never gets full by it. */
static void write_hot(struct env *env, struct engine *e)
{
    struct raft_log    *l = engine_raft_log(e);
    struct raft_batch   b;
    struct engine_batch applied;

    raft_batch_init(&b, env_heap(env));
    engine_batch_init(&applied, env_heap(env));
    for (uint64_t i = 1; i <= HOT_WRITES; i++) {
        struct raft_hard_state hs = {.term = 1, .vote = 1, .commit = i};

        append_some(&b, 1000, i, 1);
        raft_batch_set_hard_state(&b, 1000, &hs);
        assert_st_ok(raft_log_write(l, &b, true));
        raft_batch_reset(&b);
        assert_st_ok(engine_batch_put_meta(&applied, SLICE_LIT("hot"), SLICE_LIT("v")));
        assert_st_ok(engine_batch_set_applied(&applied, 1000, i));
        assert_st_ok(engine_apply(e, &applied));
        engine_batch_reset(&applied);
        raft_log_compact(l, 1000, i);
    }
    engine_batch_deinit(&applied);
    raft_batch_deinit(&b);
}

static void check_quiet(struct env *env, struct raft_log *l)
{
    struct arena          *arena = arena_new(env_heap(env), NULL);
    struct raft_hard_state hs;
    struct raft_entry     *e;
    size_t                 count;
    char                   room[DATA_MAX];

    raft_log_check(l);
    for (uint64_t id = 1; id <= QUIET; id++) {
        assert_true(raft_log_hard_state(l, id, &hs));
        assert_int_equal(hs.vote, id % 5);
        assert_st_ok(raft_log_read(l, id, 1, QUIET_ENTRIES + 1, SIZE_MAX, arena, &e, &count));
        assert_int_equal(count, QUIET_ENTRIES);
        for (size_t i = 0; i < count; i++)
            assert_true(slice_eq(e[i].data, data_of(id, e[i].index, e[i].term, room)));
        arena_reset(arena);
    }
    assert_int_equal(raft_log_last(l, 1000), HOT_WRITES);
    assert_true(raft_log_first(l, 1000) > HOT_WRITES / 2);
    arena_free(arena);
}

static void quiet_main(struct env *env, void *arg)
{
    struct quiet         *q = arg;
    struct engine        *e;
    struct raft_log_stats stats;

    assert_st_ok(engine_open(env, &q->options, &e));
    if (!q->written) {
        write_quiet(engine_raft_log(e));
        write_hot(env, e);
        q->written = true;
    }
    check_quiet(env, engine_raft_log(e));
    raft_log_stats(engine_raft_log(e), &stats);
    /* What counts twice, what the log may have in any case, and what is ready or to be recycled. */
    assert_true(stats.moved_size > 0 || q->checked);
    engine_close(e);
    q->checked = true;
    env_stop(env);
}

static bool quiet_is_down(void *arg)
{
    return !sim_node_is_up(((struct quiet *)arg)->node);
}

/* L6: what quiet ranges have does not keep segments, and is not lost with them. */
static void quiet_ranges(void **state)
{
    uint64_t seed = test_seed(70000);

    (void)state;
    for (uint64_t i = 0; i < runs(4); i++) {
        struct sim  *sim = sim_new(seed + i, NULL);
        struct quiet q = {.options = {.type = i % 2 == 0 ? ENGINE_LSM : ENGINE_MEMORY,
                                      .path = "store",
                                      .log_segment_size = 4096,
                                      .checkpoint_bytes = 30000,
                                      .raft_cache_size = 10000}};

        q.node = sim_add_node(sim, "n", quiet_main, &q);
        assert_int_equal(sim_run_until(sim, quiet_is_down, &q, 600000000), SIM_DONE);
        sim_restart(q.node);
        assert_int_equal(sim_run_until(sim, quiet_is_down, &q, 600000000), SIM_DONE);
        assert_true(q.written && q.checked);
        sim_free(sim);
    }
}

static void restart_main(struct env *env, void *arg)
{
    struct quiet       *q = arg;
    struct engine      *e;
    struct engine_batch b;

    assert_st_ok(engine_open(env, &q->options, &e));
    engine_batch_init(&b, env_heap(env));
    assert_st_ok(engine_batch_put_meta(&b, SLICE_LIT("k"), SLICE_LIT("v")));
    assert_st_ok(engine_commit(e, &b, true));
    assert_st_ok(env_sleep_us(env, 1000000));
    engine_batch_deinit(&b);
    engine_close(e);
    assert_true(count_segments(env) <= 6);
    env_stop(env);
}

static void restarts(void **state)
{
    struct sim  *sim = sim_new(test_seed(1), NULL);
    struct quiet q = {.options = {.type = ENGINE_LSM, .path = "store"}};

    (void)state;
    q.node = sim_add_node(sim, "n", restart_main, &q);
    for (int i = 0; i < 30; i++) {
        assert_int_equal(sim_run_until(sim, quiet_is_down, &q, 600000000), SIM_DONE);
        sim_restart(q.node);
    }
    sim_free(sim);
}

enum { WRITERS = 12, WRITES = 30 };

/* Fibers that write to ranges of their own at the same time. */
struct crowd {
    struct sim      *sim;
    struct sim_node *node;
    struct engine   *e;
    uint64_t         acked[WRITERS];
    unsigned         next_writer;
    bool             checking, checked;
};

static void crowd_writer(struct env *env, void *arg)
{
    struct crowd     *c = arg;
    unsigned          id = c->next_writer++;
    struct raft_batch b;

    raft_batch_init(&b, env_heap(env));
    for (uint64_t i = 1; i <= WRITES; i++) {
        append_some(&b, id + 1, i, 1);
        raft_batch_set_hard_state(&b, id + 1, &(struct raft_hard_state){1, id, i - 1});
        assert_st_ok(raft_log_write(engine_raft_log(c->e), &b, true));
        raft_batch_reset(&b);
        c->acked[id] = i;
    }
    raft_batch_deinit(&b);
}

static void crowd_main(struct env *env, void *arg)
{
    struct crowd          *c = arg;
    struct engine_options  o = {.type = ENGINE_LSM, .path = "store", .log_segment_size = 4096};
    struct fiber          *fibers[WRITERS];
    struct raft_hard_state hs;

    assert_st_ok(engine_open(env, &o, &c->e));
    if (!c->checking) {
        for (int i = 0; i < WRITERS; i++)
            assert_st_ok(env_spawn(env, "writer", crowd_writer, c, &fibers[i]));
        for (int i = 0; i < WRITERS; i++)
            fiber_join(fibers[i]);
    }
    for (uint64_t i = 0; i < WRITERS; i++) {
        uint64_t last = raft_log_last(engine_raft_log(c->e), i + 1);

        raft_log_hard_state(engine_raft_log(c->e), i + 1, &hs);
        assert_true(last == c->acked[i] || last == c->acked[i] + 1);
        assert_int_equal(hs.commit, last > 0 ? last - 1 : 0); /* a batch is whole */
    }
    c->checked = true;
    engine_close(c->e);
    env_stop(env);
}

static bool crowd_is_down(void *arg)
{
    return !sim_node_is_up(((struct crowd *)arg)->node);
}

static void crowd_of_writers(void **state)
{
    uint64_t seed = test_seed(80000);

    (void)state;
    for (uint64_t i = 0; i < runs(150); i++) {
        struct crowd c = {.sim = sim_new(seed + i, NULL)};

        c.node = sim_add_node(c.sim, "n", crowd_main, &c);
        sim_crash_at_io(c.node, 8 + i, SIM_POWER_LOSS);
        assert_int_equal(sim_run_until(c.sim, crowd_is_down, &c, 60000000), SIM_DONE);
        sim_crash_at_io(c.node, 0, SIM_POWER_LOSS);
        c.checking = true;
        c.checked = false;
        sim_restart(c.node);
        assert_int_equal(sim_run_until(c.sim, crowd_is_down, &c, 60000000), SIM_DONE);
        assert_true(c.checked);
        sim_free(c.sim);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T("the logs of many ranges are those of the model", lives_in_peace),
        T("power loss at any I/O loses nothing that was synced", power_loss_everywhere),
        T("crashes of recoveries too lose nothing", crashes_in_recovery),
        T("L1: a failed sync or write stops the store and loses nothing", failed_syncs),
        T("L13: a full disk refuses writes and the logs stay as they were", full_disks),
        T("L3: a flipped bit is told, or harmless", flipped_bits),
        T("L6: quiet ranges keep no segments and lose nothing with them", quiet_ranges),
        T("restarts leave no pile of segments", restarts),
        T("L2: what many fibers write at once is whole, and there once acknowledged",
          crowd_of_writers),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
