#include "tests/common/store_raft.h"

#include "base/hmap.h"
#include "storage/lsm/lsm_internal.h"
#include "storage/raft_log.h"
#include "tests/common/test.h"

enum { RANGE = 9, TERM = 1, ENTRIES = 4 /* of a batch */, DATA_MAX = 3000 };

static struct raft_log *log_of(struct engine *e)
{
    return engine_raft_log(e);
}

/* What an entry holds follows from its index. */
static slice data_of(uint64_t index, char room[DATA_MAX])
{
    uint64_t    h = hash_u64(index);
    size_t      size = h % 16 == 0 ? h / 16 % DATA_MAX : h / 16 % 100;
    struct prng p;

    prng_init(&p, h);
    prng_bytes(&p, room, size);
    return slice_make(room, size);
}

/* ---- reading ------------------------------------------------------------------------------------
 */

static status compare(const struct raft_entry *entries, size_t count, uint64_t first)
{
    char room[DATA_MAX];

    for (size_t i = 0; i < count; i++)
        if (entries[i].index != first + i || entries[i].term != TERM ||
            !slice_eq(entries[i].data, data_of(first + i, room)))
            return status_new(MODEL_DIFFERS, "entry %llu is another one",
                              (unsigned long long)(first + i));
    return STATUS_OK;
}

/* [first, end) reads as it was written. Compacted meanwhile: fine. */
static status read_entries(struct store_world *w, struct engine *e, uint64_t first, uint64_t end)
{
    struct arena      *arena = arena_new(env_heap(w->env), NULL);
    struct raft_entry *entries;
    size_t             count = 0;
    status             st = STATUS_OK;

    for (; first < end && st_ok(st); first += count) {
        st = raft_log_read(log_of(e), RANGE, first, end, 5000, arena, &entries, &count);
        if (st_ok(st))
            st = compare(entries, count, first);
    }
    if (status_code(st) == ST_NO_DATA && first < raft_log_first(log_of(e), RANGE)) {
        st_clear(st);
        st = STATUS_OK;
    }
    arena_free(arena);
    return st;
}

/* Entries go only when the engine has in tables what they did, or the memory engine had it in its
 * checkpoint. */
static status check_first(const struct store_world *w, struct engine *e)
{
    uint64_t first = raft_log_first(log_of(e), RANGE);

    if (w->options.type == ENGINE_LSM && durable_has_foreign_checkpoint(lsm_of(e)->log))
        return STATUS_OK;

    if (first > engine_applied_flushed(e, RANGE) + 1)
        return status_new(MODEL_DIFFERS, "the Raft log begins at %llu, tables end at %llu",
                          (unsigned long long)first,
                          (unsigned long long)engine_applied_flushed(e, RANGE));
    return STATUS_OK;
}

static struct store_raft_mark mark_of(struct engine *e)
{
    struct raft_hard_state hs;

    (void)raft_log_hard_state(log_of(e), RANGE, &hs);
    return (struct store_raft_mark){.last = raft_log_last(log_of(e), RANGE), .commit = hs.commit};
}

static status check_all(struct store_world *w, struct engine *e)
{
    TRY_RETURN(check_first(w, e));
    return read_entries(w, e, raft_log_first(log_of(e), RANGE),
                        raft_log_last(log_of(e), RANGE) + 1);
}

/* ---- writing ------------------------------------------------------------------------------------
 */

static status apply(void *ctx, uint64_t range_id, const struct raft_entry *entry)
{
    struct store_world *w = ctx;
    struct engine_batch b;
    status              st;

    if (entry->index != engine_applied(w->e, range_id) + 1)
        return status_new(MODEL_DIFFERS, "entry %llu is replayed behind %llu",
                          (unsigned long long)entry->index,
                          (unsigned long long)engine_applied(w->e, range_id));
    engine_batch_init(&b, env_heap(w->env));
    assert_st_ok(engine_batch_set_applied(&b, range_id, entry->index));
    st = engine_apply(w->e, &b);
    engine_batch_deinit(&b);
    return st;
}

static void apply_committed(struct store_world *w)
{
    bool is_ok = true;

    for (uint64_t i = engine_applied(w->e, RANGE) + 1; i <= w->raft.now.commit && is_ok; i++)
        is_ok = store_world_answer(w, "applying an entry",
                                   apply(w, RANGE, &(struct raft_entry){.index = i}));
}

static void write_entries(struct store_world *w)
{
    struct store_raft_mark next = w->raft.now;
    bool                   sync = prng_below(&w->prng, 2) == 0;
    struct raft_batch      b;
    char                   room[DATA_MAX];
    enum status_code       code;
    status                 st;

    raft_batch_init(&b, env_heap(w->env));
    for (uint64_t n = prng_below(&w->prng, ENTRIES + 1); n > 0; n--) {
        next.last++;
        assert_st_ok(raft_batch_append(&b, RANGE,
                                       &(struct raft_entry){.index = next.last,
                                                            .term = TERM,
                                                            .data = data_of(next.last, room)}));
    }
    next.commit += prng_below(&w->prng, next.last - next.commit + 1);
    raft_batch_set_hard_state(
        &b, RANGE, &(struct raft_hard_state){.term = TERM, .vote = 1, .commit = next.commit});
    w->raft.most = next;
    st = raft_log_write(log_of(w->e), &b, sync);
    code = status_code(st);
    if (store_world_answer(w, "writing to a Raft log", st)) {
        w->raft.now = next;
        w->raft_writes++;
        if (sync)
            store_world_promise(w);
    } else if (code != ST_OUTCOME_UNKNOWN) {
        w->raft.most = w->raft.now;
    }
    raft_batch_deinit(&b);
}

void store_raft_act(struct store_world *w)
{
    uint64_t first;

    if (!w->raft.is_known)
        return;
    first = raft_log_first(log_of(w->e), RANGE);
    switch (prng_below(&w->prng, 6)) {
    case 0:
        raft_log_compact(log_of(w->e), RANGE,
                         prng_below(&w->prng, engine_applied(w->e, RANGE) + 1));
        break;
    case 1:
        if (first <= w->raft.now.last)
            store_world_answer(
                w, "reading a Raft log",
                read_entries(w, w->e, first + prng_below(&w->prng, w->raft.now.last + 1 - first),
                             w->raft.now.last + 1));
        break;
    case 2:
        apply_committed(w);
        break;
    default:
        write_entries(w);
        break;
    }
    if (!w->is_over)
        store_world_answer(w, "a Raft log", check_first(w, w->e));
}

/* ---- looking back -------------------------------------------------------------------------------
 */

static bool is_between(const struct store_raft_mark *m, const struct store_raft_mark *least,
                       const struct store_raft_mark *most)
{
    return m->last >= least->last && m->commit >= least->commit && m->last <= most->last &&
           m->commit <= most->commit && m->commit <= m->last;
}

void store_raft_recover(struct store_world *w)
{
    struct store_raft_mark        found = mark_of(w->e);
    const struct store_raft_mark *least = w->may_lose_last ? &w->raft.sure : &w->raft.promised;

    w->raft.is_known = false;
    if (!is_between(&found, least, &w->raft.most)) {
        store_world_wrong(w, "life %u: entries up to %llu, %llu committed, of at least %llu, %llu",
                          w->lives, (unsigned long long)found.last,
                          (unsigned long long)found.commit, (unsigned long long)least->last,
                          (unsigned long long)least->commit);
        return;
    }
    if (!store_world_answer(w, "reading a Raft log", check_all(w, w->e)) ||
        !store_world_answer(w, "replaying a Raft log", raft_log_replay(log_of(w->e), apply, w)))
        return;
    if (engine_applied(w->e, RANGE) < found.commit)
        store_world_wrong(w, "life %u: replay ends at %llu, before %llu", w->lives,
                          (unsigned long long)engine_applied(w->e, RANGE),
                          (unsigned long long)found.commit);
    w->raft.sure = w->raft.promised = w->raft.now = w->raft.most = found;
    w->raft.is_known = true;
}

void store_raft_check_copy(struct store_world *w, struct engine *copy)
{
    struct store_raft_mark found = mark_of(copy);

    if (!is_between(&found, &w->raft.copied, &w->raft.copied))
        store_world_wrong(
            w, "life %u: a copy has entries up to %llu, %llu committed, not %llu, %llu", w->lives,
            (unsigned long long)found.last, (unsigned long long)found.commit,
            (unsigned long long)w->raft.copied.last, (unsigned long long)w->raft.copied.commit);
    else
        store_world_answer(w, "reading the Raft log of a copy", check_all(w, copy));
}
