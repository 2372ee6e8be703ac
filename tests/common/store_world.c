#include "tests/common/store_world.h"

#include "env/file.h"
#include "storage/lsm/lsm_internal.h"
#include "storage/lsm/table_walk.h"
#include "tests/common/store_raft.h"
#include "tests/env/sim_fixture.h"

enum {
    OPS = 8,           /* of a batch */
    UNSYNCED_MAX = 20, /* batches without a sync */
    TRIES_MAX = 3,     /* of a check on a disk with faults, each of which comes once */
    HANG_US = 600 * SECOND_US,
};

bool store_file_is_log(const char *path)
{
    size_t size = strlen(path);

    return size > 4 && strcmp(path + size - 4, ".log") == 0;
}

void store_world_wrong(struct store_world *w, const char *fmt, ...)
{
    va_list args;

    w->is_over = true;
    if (store_world_is_wrong(w))
        return;
    va_start(args, fmt);
    buf_vprintf(&w->wrong, fmt, args);
    va_end(args);
}

bool store_world_answer(struct store_world *w, const char *what, status st)
{
    enum status_code code = status_code(st);

    if (code == ST_DISK_FULL && w->is_full)
        w->full++;
    else if (code == ST_CORRUPT && w->is_damaged)
        w->corrupt++;
    else if (!st_ok(st) && !((code == ST_IO_ERROR || code == ST_OUTCOME_UNKNOWN) && w->has_faults))
        store_world_wrong(w, "life %u: %s: %s (%s)", w->lives, what, status_message(st),
                          status_code_name(code));
    st_clear(st);
    return code == ST_SUCCESS;
}

/* ---- what is known ------------------------------------------------------------------------------
 */

/* The first `count` pending batches are durable for certain. */
static void settle(struct store_world *w, size_t count)
{
    struct engine_batch first[STORE_PENDING_MAX];

    for (size_t i = 0; i < count; i++) {
        model_apply(&w->sure, &w->pending[i]);
        engine_batch_reset(&w->pending[i]);
    }
    /* Empty ones go to the back, so that each is freed once. */
    memcpy(first, w->pending, count * sizeof first[0]);
    memmove(w->pending, w->pending + count, (STORE_PENDING_MAX - count) * sizeof first[0]);
    memcpy(w->pending + STORE_PENDING_MAX - count, first, count * sizeof first[0]);
    w->pending_count -= count;
    w->promised -= MIN(w->promised, count);
}

void store_world_promise(struct store_world *w)
{
    settle(w, w->promised);
    w->promised = w->pending_count;
    if (!w->raft.is_known)
        return;
    w->raft.sure = w->raft.promised;
    w->raft.promised = w->raft.now;
}

static void forget_pending(struct store_world *w)
{
    for (size_t i = 0; i < w->pending_count; i++)
        engine_batch_reset(&w->pending[i]);
    w->pending_count = w->promised = 0;
}

/* What reads see from here on is what is sure. */
static void see_what_is_sure(struct store_world *w)
{
    model_deinit(&w->now);
    model_copy(&w->now, &w->sure);
    if (w->floor > 0)
        model_gc(&w->now, w->floor);
}

/* The number of pending batches that the content fits; false: it fits none that may be. */
static bool find_kept(struct store_world *w, uint64_t found, size_t *kept)
{
    struct model *m = &w->scratch;
    bool          is_lost = false, is_found = false;

    model_deinit(m);
    model_copy(m, &w->sure);
    for (size_t i = 0; i <= w->pending_count && !is_found; i++) {
        if (i > 0)
            model_apply(m, &w->pending[i - 1]);
        if (model_hash(m) != found)
            continue;
        *kept = i;
        is_found = i >= w->promised || w->may_lose_last;
        is_lost = !is_found;
    }
    if (is_lost)
        store_world_wrong(w, "life %u: of %zu acknowledged batches %zu are there", w->lives,
                          w->promised, *kept);
    else if (!is_found)
        store_world_wrong(w, "life %u: the content is neither before nor after a batch", w->lives);
    return is_found;
}

/* ---- actions ------------------------------------------------------------------------------------
 */

static void note_stop(void *ctx, status reason)
{
    struct store_world *w = ctx;

    w->stops++;
    if (!w->has_faults)
        store_world_wrong(w, "life %u: the store stopped: %s", w->lives, status_message(reason));
}

/* The batch without its last operations. */
static void halve(const struct engine_batch *b, struct engine_batch *half)
{
    slice           encoded = engine_batch_encoded(b), rest = encoded;
    struct batch_op op;

    for (size_t left = b->count / 2; left > 0; left--)
        (void)batch_take_op(&rest, &op);
    assert_st_ok(
        engine_batch_append_encoded(half, slice_make(encoded.data, encoded.size - rest.size)));
}

static status commit(struct store_world *w, struct engine_batch *b, bool sync)
{
    struct engine_batch half;
    status              st;

    if (w->bug == STORE_BUG_LOST_COMMIT && prng_below(&w->prng, 30) == 0)
        return STATUS_OK;
    if (w->bug == STORE_BUG_NO_SYNC)
        return engine_commit(w->e, b, false);
    if (w->bug != STORE_BUG_HALF_COMMIT || prng_below(&w->prng, 30) != 0)
        return engine_commit(w->e, b, sync);
    engine_batch_init(&half, env_heap(w->env));
    halve(b, &half);
    st = engine_commit(w->e, &half, sync);
    engine_batch_deinit(&half);
    return st;
}

/* The call that was handed the last of the pending batches has returned. */
static void note_commit(struct store_world *w, const char *what, status st, bool is_durable)
{
    struct engine_batch *b = &w->pending[w->pending_count - 1];
    enum status_code     code = status_code(st);

    if (store_world_answer(w, what, st)) {
        w->commits++;
        model_apply(&w->now, b);
        if (is_durable)
            store_world_promise(w);
    } else if (code == ST_OUTCOME_UNKNOWN) {
        if (engine_state(w->e) != ENGINE_STOPPED)
            store_world_wrong(w, "life %u: an outcome is unknown and the store goes on", w->lives);
    } else { /* as if it had never been, for good */
        engine_batch_reset(b);
        w->pending_count--;
    }
}

/* Hand over the batch that stands behind the pending ones. */
static void commit_next(struct store_world *w, bool sync)
{
    struct engine_batch *b = &w->pending[w->pending_count++];

    note_commit(w, "a commit", commit(w, b, sync), sync);
}

static void act_write(struct store_world *w)
{
    w->shape.ts_min += w->shape.drift;
    model_random_batch(&w->prng, &w->shape, OPS, &w->pending[w->pending_count]);
    commit_next(w, prng_below(&w->prng, 3) == 0 || w->pending_count - w->promised > UNSYNCED_MAX);
}

/* A run of keys, so that memtables fill and tables come to overlap. */
static void act_fill(struct store_world *w)
{
    for (uint64_t n = 1 + prng_below(&w->prng, 12); n > 0 && !w->is_over; n--)
        act_write(w);
}

static void act_sync(struct store_world *w)
{
    if (w->bug == STORE_BUG_NO_SYNC || store_world_answer(w, "a sync", engine_sync(w->e)))
        store_world_promise(w);
}

static void act_flush(struct store_world *w)
{
    if (!store_world_answer(w, "a checkpoint", engine_checkpoint(w->e)))
        return;
    store_world_promise(w);
    w->flushes++;
}

/* A key, now and then the empty one. */
static slice random_bound(struct store_world *w, struct buf *key)
{
    buf_init(key, env_heap(w->env));
    if (prng_below(&w->prng, 8) > 0)
        model_random_key(&w->prng, &w->shape, key);
    return buf_slice(key);
}

static void act_clear(struct store_world *w)
{
    struct buf start, end;

    random_bound(w, &start);
    random_bound(w, &end);
    assert_st_ok(engine_batch_clear_range(&w->pending[w->pending_count], buf_slice(&start),
                                          buf_slice(&end)));
    buf_deinit(&start);
    buf_deinit(&end);
    commit_next(w, prng_below(&w->prng, 2) == 0);
}

static void act_drop(struct store_world *w)
{
    struct buf start, end;

    random_bound(w, &start);
    random_bound(w, &end);
    assert_st_ok(engine_batch_clear_range(&w->pending[w->pending_count++], buf_slice(&start),
                                          buf_slice(&end)));
    note_commit(w, "dropping a span", engine_drop_span(w->e, buf_slice(&start), buf_slice(&end)),
                true);
    buf_deinit(&start);
    buf_deinit(&end);
}

static status ingest(struct store_world *w, const struct engine_builder_options *o)
{
    struct engine_builder *b;
    status                 st;

    if (w->bug == STORE_BUG_LOST_TABLES)
        return STATUS_OK;
    TRY_RETURN(engine_builder_open(w->e, o, &b));
    st = model_build(&w->content, b);
    if (st_ok(st))
        st = engine_ingest(w->e, b, 7, w->content.applied);
    engine_builder_close(b);
    return st;
}

/* What random batches leave of an empty model, in the place of whole spans or on top. */
static void act_ingest(struct store_world *w)
{
    struct engine_batch          *b = &w->pending[w->pending_count];
    struct engine_builder_options o = {.replaces = prng_below(&w->prng, 2) == 0,
                                       .replaces_meta = prng_below(&w->prng, 4) == 0};
    struct buf                    keys[4];

    o.start = random_bound(w, &keys[0]);
    o.end = random_bound(w, &keys[1]);
    o.meta_start = random_bound(w, &keys[2]);
    o.meta_end = random_bound(w, &keys[3]);
    model_deinit(&w->content);
    model_init(&w->content);
    for (uint64_t n = 1 + prng_below(&w->prng, 10); n > 0; n--)
        model_random_batch(&w->prng, &w->shape, OPS, b);
    model_apply(&w->content, b);
    engine_batch_reset(b);
    model_ingest_batch(&o, &w->content, b);
    w->pending_count++;
    note_commit(w, "an ingestion", ingest(w, &o), true);
    w->ingested++;
    for (size_t i = 0; i < ARRAY_LEN(keys); i++)
        buf_deinit(&keys[i]);
}

/* The threshold counts before anything is collected, and after every crash. */
static void act_collect(struct store_world *w)
{
    hlc_ts     threshold = w->shape.ts_min + prng_below(&w->prng, w->shape.ts_max);
    struct buf start, resume;
    uint64_t   dropped;
    bool       is_ok = true;

    w->floor = MAX(w->floor, threshold);
    w->sure.floor = w->now.floor = w->shape.ts_oldest = w->floor;
    w->shape.ts_min = MAX(w->shape.ts_min, w->floor);
    if (w->bug == STORE_BUG_EARLY_GC)
        threshold += w->shape.ts_max;
    engine_gc_threshold(w->e, SLICE_EMPTY, SLICE_EMPTY, threshold); /* for merges */
    buf_init(&start, env_heap(w->env));
    buf_init(&resume, env_heap(w->env));
    do {
        buf_reset(&start);
        buf_append_slice(&start, buf_slice(&resume));
        buf_reset(&resume);
        is_ok = store_world_answer(w, "garbage collection",
                                   engine_gc(w->e, buf_slice(&start), SLICE_EMPTY, threshold,
                                             1 + prng_below(&w->prng, 200), &resume, &dropped));
        w->collected += (unsigned)dropped;
    } while (is_ok && resume.size > 0);
    buf_deinit(&start);
    buf_deinit(&resume);
    model_gc(&w->now, w->floor);
}

static void act_read(struct store_world *w)
{
    store_world_answer(w, "reading", model_compare_some(&w->now, w->e, NULL, &w->prng, &w->shape));
}

static void act_read_all(struct store_world *w)
{
    store_world_answer(w, "reading all", model_compare_all(&w->now, w->e, NULL));
}

/* ---- readers --- */

static void close_reader(struct store_world *w, size_t at)
{
    store_world_answer(w, "reading a snapshot", model_reader_close(&w->readers[at], w->e));
    w->readers[at] = w->readers[--w->reader_count];
}

static void close_readers(struct store_world *w)
{
    while (w->reader_count > 0)
        close_reader(w, w->reader_count - 1);
}

/* Those of a life that a crash has ended. */
static void forget_readers(struct store_world *w)
{
    while (w->reader_count > 0)
        model_reader_forget(&w->readers[--w->reader_count]);
}

static void open_reader(struct store_world *w)
{
    size_t at = w->reader_count++;

    if (!store_world_answer(w, "opening an iterator",
                            model_reader_open(&w->readers[at], &w->now, w->e, &w->prng, &w->shape,
                                              prng_below(&w->prng, 2) == 0)))
        close_reader(w, at);
}

/* Open a snapshot or an iterator, read on in one that is open, or close it. */
static void act_reader(struct store_world *w)
{
    size_t at;

    if (w->reader_count < STORE_READERS_MAX && prng_below(&w->prng, 3) == 0)
        open_reader(w);
    if (w->reader_count == 0)
        return;
    at = prng_below(&w->prng, w->reader_count);
    if (prng_below(&w->prng, 6) == 0 ||
        !store_world_answer(w, "reading on",
                            model_reader_use(&w->readers[at], w->e, &w->prng, &w->shape)))
        close_reader(w, at);
}

/* Let the background get on. */
static void act_wait(struct store_world *w)
{
    st_clear(env_sleep_us(w->env, prng_below(&w->prng, 3000)));
}

/* Every table as a scrubber reads it. */
static void act_verify(struct store_world *w)
{
    struct lsm_state s;

    if (w->options.type != ENGINE_LSM)
        return;
    lsm_state_take(lsm_of(w->e), &s);
    for (unsigned level = 0; level < LSM_LEVELS; level++)
        for (size_t i = 0; i < s.version->levels[level].count; i++) {
            struct lsm_table *t;
            status st = lsm_table_of(lsm_of(w->e), s.version->levels[level].tables[i], &t);

            if (st_ok(st))
                st = lsm_table_verify(t);
            store_world_answer(w, "a look at a table", st);
        }
    lsm_state_release(&s);
    lsm_of(w->e)->readers--;
}

static bool has_table(struct store_world *w, const char *path)
{
    const char *slash = strrchr(path, '/');
    char       *end;
    uint64_t    number = strtoull(slash != NULL ? slash + 1 : path, &end, 10);

    return strncmp(path, "store/", 6) == 0 && strcmp(end, ".sst") == 0 &&
           umap_has(&lsm_of(w->e)->set.files, number);
}

/* A look at all tables must notice a bit flipped in one of them. */
static void look_first(struct store_world *w)
{
    unsigned before = w->corrupt;
    bool     is_in_use = w->options.type == ENGINE_LSM && has_table(w, w->damaged);

    act_verify(w);
    if (is_in_use && w->corrupt == before)
        store_world_wrong(w, "life %u: a bit flipped in \"%s\" is not noticed", w->lives,
                          w->damaged);
}

/* ---- copies --- */

static const char copy_path[] = "copy";

static void remove_copy(struct store_world *w)
{
    struct arena *arena = arena_new(env_heap(w->env), NULL);
    const char  **names;
    size_t        count = 0;
    char          path[400];
    bool          is_gone = true;

    w->copy = STORE_COPY_SPENT;
    if (env_file_exists(w->env, copy_path)) {
        is_gone = store_world_answer(w, "listing a copy",
                                     env_list_dir(w->env, copy_path, arena, &names, &count));
        for (size_t i = 0; i < count && is_gone; i++) {
            snprintf(path, sizeof path, "%s/%s", copy_path, names[i]);
            is_gone = store_world_answer(w, "deleting a copy", env_unlink(w->env, path));
        }
        is_gone = is_gone &&
                  store_world_answer(w, "deleting a copy", env_rmdir(w->env, copy_path)) &&
                  store_world_answer(w, "a sync", env_sync_dir(w->env, ".", ENV_LANE_IO));
    }
    if (is_gone)
        w->copy = STORE_COPY_NONE;
    arena_free(arena);
}

/* A copy goes its own way. */
static void use_copy(struct store_world *w, struct engine *e)
{
    struct engine_batch b;

    w->copy = STORE_COPY_SPENT;
    engine_batch_init(&b, env_heap(w->env));
    model_random_batch(&w->prng, &w->shape, 10 * OPS, &b);
    if (store_world_answer(w, "a commit to a copy", engine_commit(e, &b, false)))
        store_world_answer(w, "a checkpoint of a copy", engine_checkpoint(e));
    engine_batch_deinit(&b);
}

/* Of a log that is damaged and says so nowhere, the end may be missing. */
static bool may_be_cut(const struct store_world *w)
{
    return w->is_damaged && store_file_is_log(w->damaged);
}

static void check_copy(struct store_world *w, bool is_used)
{
    struct engine_options o = w->options;
    struct engine        *e;
    status                st;

    o.path = copy_path;
    o.must_exist = true;
    st = engine_open(w->env, &o, &e);
    if (status_code(st) == ST_UNDEFINED_FILE && w->copy == STORE_COPY_BEGUN) {
        st_clear(st);
        return;
    }
    if (!store_world_answer(w, "opening a copy", st))
        return;
    st = model_compare_all(&w->copied, e, NULL);
    if (status_code(st) == MODEL_DIFFERS && may_be_cut(w))
        st_clear(st);
    else if (store_world_answer(w, "reading a copy", st) && w->raft.copy_is_known && !may_be_cut(w))
        store_raft_check_copy(w, e);
    if (is_used)
        use_copy(w, e);
    engine_close(e);
}

/* Of what a life before has left. */
static void look_at_copy(struct store_world *w)
{
    if (w->copy == STORE_COPY_NONE && env_file_exists(w->env, copy_path))
        w->copy = STORE_COPY_SPENT; /* its deletion was lost */
    if (w->copy == STORE_COPY_BEGUN ||
        (w->copy == STORE_COPY_WHOLE && prng_below(&w->prng, 2) == 0))
        check_copy(w, false);
    if (!w->is_damaged && (w->copy == STORE_COPY_BEGUN || w->copy == STORE_COPY_SPENT))
        remove_copy(w);
}

static void make_copy(struct store_world *w)
{
    model_deinit(&w->copied);
    model_copy(&w->copied, &w->now);
    if (w->bug == STORE_BUG_LATE_COPY)
        act_write(w);
    w->raft.copied = w->raft.now;
    w->raft.copy_is_known = w->raft.is_known;
    w->copy = STORE_COPY_BEGUN;
    w->copies++;
    if (store_world_answer(w, "copying", engine_copy(w->e, copy_path)))
        w->copy = STORE_COPY_WHOLE;
    else
        remove_copy(w);
}

/* Make one, or look at the one that there is and delete it. */
static void act_copy(struct store_world *w)
{
    if (w->is_damaged)
        return; /* the damaged bit may be one of a file that both have */
    if (w->copy == STORE_COPY_NONE) {
        make_copy(w);
        return;
    }
    if (w->copy == STORE_COPY_WHOLE)
        check_copy(w, prng_below(&w->prng, 2) == 0);
    remove_copy(w);
}

/* ---- one after the other --- */

static void open_store(struct store_world *w);
static void close_store(struct store_world *w);

static void act_reopen(struct store_world *w)
{
    close_store(w);
    if (!w->is_over)
        open_store(w);
    w->reopened++;
}

/* A new feature of the engine gets one line here. */
static const struct store_action actions[] = {
    {"write", 40, act_write},     {"fill", 10, act_fill},        {"sync", 3, act_sync},
    {"flush", 4, act_flush},      {"clear", 2, act_clear},       {"collect", 3, act_collect},
    {"read", 15, act_read},       {"read all", 2, act_read_all}, {"reader", 12, act_reader},
    {"wait", 10, act_wait},       {"verify", 1, act_verify},     {"reopen", 2, act_reopen},
    {"ingest", 4, act_ingest},    {"drop", 2, act_drop},         {"copy", 3, act_copy},
    {"raft", 12, store_raft_act},
};

static void act(struct store_world *w)
{
    unsigned total = 0;
    uint64_t dice;

    for (size_t i = 0; i < ARRAY_LEN(actions); i++)
        total += actions[i].weight;
    dice = prng_below(&w->prng, total);
    for (size_t i = 0; i < ARRAY_LEN(actions); i++) {
        if (dice < actions[i].weight) {
            actions[i].act(w);
            return;
        }
        dice -= actions[i].weight;
    }
}

/* ---- a life -------------------------------------------------------------------------------------
 */

/* What the reopened store holds: all that was promised, and some more without a gap. With damage
 * that keeps it from being read, what is to be told is told when the damage is gone. */
static void check_opened(struct store_world *w)
{
    uint64_t found = 0;
    size_t   kept;
    bool     is_read = false;

    for (int tries = 0; !is_read && !w->is_over && tries < TRIES_MAX; tries++)
        is_read = store_world_answer(w, "reading all", model_hash_engine(&w->sure, w->e, &found));
    if (w->is_over)
        return;
    if (!is_read) {
        w->is_known = w->pending_count == 0;
        w->is_over = !w->is_known;
        see_what_is_sure(w);
        return;
    }
    if (!find_kept(w, found, &kept))
        return;
    w->is_known = true;
    settle(w, kept);
    forget_pending(w);
    see_what_is_sure(w);
    if (!w->has_faults)
        act_read_all(w);
}

static void open_store(struct store_world *w)
{
    struct engine_options o = w->options;

    o.path = "store";
    o.on_stop = note_stop;
    o.on_stop_ctx = w;
    w->was_closed = w->is_known = false;
    w->stops = 0;
    if (!store_world_answer(w, "opening", engine_open(w->env, &o, &w->e))) {
        w->is_over = true;
        return;
    }
    w->opened++;
    check_opened(w);
    w->raft.is_known = false;
    if (!w->is_over && w->is_known)
        store_raft_recover(w);
    if (!w->is_over)
        look_at_copy(w);
}

/* Without faults all that was committed is durable then. */
static void close_store(struct store_world *w)
{
    bool has_stopped;

    if (w->e == NULL)
        return;
    close_readers(w);
    has_stopped = engine_state(w->e) == ENGINE_STOPPED;
    engine_close(w->e);
    w->e = NULL;
    if (has_stopped || w->stops > 0) {
        w->is_over = true;
        return;
    }
    if (w->has_faults || w->is_full)
        return;
    if (w->is_known)
        store_world_promise(w);
    w->was_closed = true;
}

/* With room again the store must take writes again, and write what waits, without a restart. */
static void come_back(struct store_world *w)
{
    struct sim_disk_faults none = {0};

    sim_disk_set_faults(w->node, &none);
    for (int tries = 0; tries < 10 && engine_state(w->e) == ENGINE_READ_ONLY; tries++) {
        st_clear(env_sleep_us(w->env, SECOND_US));
        act_write(w); /* each looks for room, at most once a second */
    }
    if (engine_state(w->e) == ENGINE_READ_ONLY)
        store_world_wrong(w, "life %u: there is room and the store stays read-only", w->lives);
    w->is_full = false;
    if (!w->is_over && engine_state(w->e) == ENGINE_RUNNING) {
        act_write(w);
        act_flush(w);
    }
}

static void node_main(struct env *env, void *arg)
{
    struct store_world *w = arg;

    w->env = env;
    w->e = NULL;
    forget_readers(w);
    w->is_over = false;
    open_store(w);
    if (w->looks_first && !w->is_over)
        look_first(w);
    while (w->steps > 0 && !w->is_over) {
        if (w->interrupt != NULL && w->steps == w->interrupt_at)
            w->interrupt(w);
        w->steps--;
        act(w);
        if (w->e != NULL && engine_state(w->e) == ENGINE_STOPPED)
            w->is_over = true; /* only a new process may go on */
    }
    if (w->is_full && !w->is_over)
        come_back(w);
    if (w->is_damaged && !w->is_over)
        act_verify(w);
    close_store(w);
    env_stop(env);
}

void store_world_live(struct store_world *w, unsigned steps, uint64_t crash_io, enum sim_crash how)
{
    w->lives++;
    w->steps = steps;
    if (w->node == NULL)
        w->node = sim_add_node(w->sim, "n", node_main, w);
    else
        sim_restart(w->node);
    w->was_closed = false;
    if (w->bug == STORE_BUG_LYING_DISK)
        sim_disk_set_faults(w->node, &(struct sim_disk_faults){.syncs_lie = true});
    sim_crash_at_io(w->node, crash_io, how);
    if (!sim_end_life(w->sim, w->node, HANG_US)) {
        store_world_wrong(w, "life %u: the store hangs\n", w->lives);
        sim_report(w->sim, &w->wrong);
        sim_crash(w->node, SIM_KILL);
    }
    sim_crash_at_io(w->node, 0, how);
}

void store_world_check(struct store_world *w)
{
    struct sim_disk_faults none = {0};

    w->has_faults = w->is_full = w->is_damaged = false;
    if (w->node != NULL)
        sim_disk_set_faults(w->node, &none);
    store_world_live(w, 0, 0, SIM_KILL);
}

void store_world_init(struct store_world *w, uint64_t seed)
{
    struct sim_options options = {.ordered = true};

    *w = (struct store_world){.sim = sim_new(seed, &options)};
    prng_init(&w->prng, seed);
    model_init(&w->sure);
    model_init(&w->now);
    model_init(&w->scratch);
    model_init(&w->content);
    model_init(&w->copied);
    w->sure.drops_late = w->sure.counts_are_near = true;
    buf_init(&w->wrong, NULL);
    for (size_t i = 0; i < STORE_PENDING_MAX; i++)
        engine_batch_init(&w->pending[i], NULL);
}

void store_world_deinit(struct store_world *w)
{
    model_deinit(&w->sure);
    model_deinit(&w->now);
    model_deinit(&w->scratch);
    model_deinit(&w->content);
    model_deinit(&w->copied);
    forget_readers(w);
    buf_deinit(&w->wrong);
    for (size_t i = 0; i < STORE_PENDING_MAX; i++)
        engine_batch_deinit(&w->pending[i]);
    sim_free(w->sim);
}
