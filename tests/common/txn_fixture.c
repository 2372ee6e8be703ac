#include "tests/common/txn_fixture.h"

static uint64_t wall(void *ctx)
{
    return env_wall_us(ctx);
}

static uint64_t mono(void *ctx)
{
    return env_mono_us(ctx);
}

void txn_fixture_open(struct txn_fixture *f, struct env *env, const struct range_options *options)
{
    static const struct range_options defaults = {.id = 1};
    struct hlc_options                clock = {.wall_us = wall, .mono_us = mono, .source_ctx = env};
    struct engine_options             engine = {0};

    f->env = env;
    assert_st_ok(hlc_new(env_heap(env), &clock, &f->clock));
    assert_st_ok(engine_open(env, &engine, &f->engine));
    assert_st_ok(replicator_local_new(env, f->engine, &f->replicator));
    assert_st_ok(range_open(env, f->clock, f->engine, f->replicator,
                            options != NULL ? options : &defaults, &f->range));
    assert_st_ok(txn_system_new(env, f->clock, f->range, &f->txns));
    f->arena = arena_new(env_heap(env), NULL);
}

void txn_fixture_close(struct txn_fixture *f)
{
    struct txn_stats stats;

    txn_system_stats(f->txns, &stats);
    assert_int_equal(stats.active, 0);
    assert_int_equal(lock_table_count(range_locks(f->range)), 0);
    assert_int_equal(lock_table_waiter_count(range_locks(f->range)), 0);
    arena_free(f->arena);
    txn_system_free(f->txns);
    range_close(f->range);
    replicator_free(f->replicator);
    engine_close(f->engine);
    hlc_free(f->clock);
}

struct test_run {
    txn_test_fn *fn;
};

static void test_main(struct env *env, void *arg)
{
    struct test_run   *run = arg;
    struct txn_fixture f = {0};

    txn_fixture_open(&f, env, NULL);
    run->fn(&f);
    txn_fixture_close(&f);
    env_stop(env);
}

void txn_test_run(txn_test_fn *fn)
{
    struct test_run run = {.fn = fn};
    struct env     *env = NULL;

    assert_st_ok(env_new(NULL, &env));
    heap_set_current(env_heap(env));
    assert_st_ok(env_spawn(env, "test", test_main, &run, NULL));
    env_run(env);
    heap_set_current(NULL);
    env_free(env);
}

void txn_fixture_put(struct txn_fixture *f, const char *key, const char *value)
{
    struct txn *t;

    assert_st_ok(txn_begin(f->txns, NULL, &t));
    assert_st_ok(txn_put(t, slice_cstr(key), slice_cstr(value)));
    assert_st_ok(txn_commit(t));
    txn_free(t);
}

const char *txn_fixture_get(struct txn_fixture *f, const char *key)
{
    struct txn *t;
    slice       value;
    bool        found;

    assert_st_ok(txn_begin(f->txns, NULL, &t));
    assert_st_ok(txn_get(t, slice_cstr(key), f->arena, &value, &found));
    assert_st_ok(txn_commit(t));
    txn_free(t);
    return found ? arena_cstr(f->arena, value) : "none";
}

/* ---- dialogues ----------------------------------------------------------------------------------
 */

enum { ACTORS = 128, WORDS = 10, SAVEPOINTS = 10, YIELDS = 20 };

struct actor {
    struct txn_fixture *f;
    struct txn         *txn;
    txn_savepoint_id    savepoints[SAVEPOINTS];
    struct fiber       *fiber;
    struct env_cond     work;
    const char         *words[WORDS];
    size_t              word_count;
    bool                busy, stop;
    const char         *result;
};

static const char *give(struct actor *a, status st, const char *ok)
{
    if (st_ok(st))
        return ok;
    ok = arena_strdup(a->f->arena, status_sqlstate(st));
    st_clear(st);
    return ok;
}

static bool has_word(const struct actor *a, const char *word)
{
    for (size_t i = 1; i < a->word_count; i++) {
        if (strcmp(a->words[i], word) == 0)
            return true;
    }
    return false;
}

static enum lock_strength word_strength(const struct actor *a)
{
    if (has_word(a, "update"))
        return LOCK_UPDATE;
    if (has_word(a, "nokeyupdate"))
        return LOCK_NO_KEY_UPDATE;
    if (has_word(a, "share"))
        return LOCK_SHARE;
    return has_word(a, "keyshare") ? LOCK_KEY_SHARE : LOCK_NONE;
}

static enum lock_wait word_wait(const struct actor *a)
{
    if (has_word(a, "nowait"))
        return LOCK_NOWAIT;
    return has_word(a, "skip") ? LOCK_SKIP : LOCK_WAIT;
}

static const char *do_begin(struct actor *a)
{
    struct txn_options options = {.read_only = has_word(a, "ro")};

    if (has_word(a, "snapshot"))
        options.isolation = TXN_SNAPSHOT;
    if (has_word(a, "rc"))
        options.isolation = TXN_READ_COMMITTED;
    return give(a, txn_begin(a->f->txns, &options, &a->txn), "ok");
}

static const char *do_get(struct actor *a)
{
    slice  value;
    bool   found = false;
    status st = txn_get(a->txn, slice_cstr(a->words[1]), a->f->arena, &value, &found);

    return give(a, st, found ? arena_cstr(a->f->arena, value) : "none");
}

static const char *do_get_for(struct actor *a)
{
    struct txn_row row;
    status         st = txn_get_for(a->txn, slice_cstr(a->words[1]), word_strength(a), word_wait(a),
                                    a->f->arena, &row);
    const char    *text;

    if (!st_ok(st))
        return give(a, st, NULL);
    if (row.skipped)
        return "skipped";
    text = row.found ? arena_cstr(a->f->arena, row.value) : "none";
    return arena_printf(a->f->arena, "%s%s%s", text, row.changed ? " changed" : "",
                        row.own_command ? " own" : "");
}

static const char *do_insert(struct actor *a)
{
    struct txn_existing e;
    status              st =
        txn_insert(a->txn, slice_cstr(a->words[1]), slice_cstr(a->words[2]), a->f->arena, &e);

    if (!st_ok(st))
        return give(a, st, NULL);
    if (!e.exists)
        return "ok";
    return arena_printf(a->f->arena, "exists %.*s%s", SLICE_FMT(e.value),
                        e.own_command ? " own" : "");
}

static const char *do_scan(struct actor *a)
{
    struct txn_scan    scan = {.start = slice_cstr(a->words[1]),
                               .end = slice_cstr(a->words[2]),
                               .reverse = has_word(a, "reverse"),
                               .lock = word_strength(a),
                               .wait = word_wait(a)};
    struct txn_cursor *c = NULL;
    const char        *out = "";
    slice              key, value;
    status             st;
    int                limit = -1;

    for (size_t i = 3; i + 1 < a->word_count; i++) {
        if (strcmp(a->words[i], "limit") == 0)
            limit = atoi(a->words[i + 1]);
    }
    scan.limit_hint = limit < 0 ? 0 : (uint64_t)limit;
    st = txn_scan_open(a->txn, &scan, &c);
    for (; st_ok(st) && limit != 0; limit--) {
        st = txn_cursor_next(c, &key, &value);
        if (st_ok(st))
            out = arena_printf(a->f->arena, "%s%s%.*s=%.*s%s", out, out[0] != '\0' ? " " : "",
                               SLICE_FMT(key), SLICE_FMT(value),
                               txn_cursor_row_changed(c) ? "!" : "");
    }
    txn_cursor_close(c);
    if (st == STATUS_NO_DATA)
        st = STATUS_OK;
    return give(a, st, out[0] != '\0' ? out : "none");
}

static const char *do_lock(struct actor *a)
{
    bool   skipped = false;
    status st = txn_lock(a->txn, slice_cstr(a->words[1]), word_strength(a), word_wait(a), &skipped);

    return give(a, st, skipped ? "skipped" : "ok");
}

static const char *do_end(struct actor *a, bool commit)
{
    status st = STATUS_OK;

    if (commit)
        st = txn_commit(a->txn);
    else
        txn_rollback(a->txn);
    txn_free(a->txn);
    a->txn = NULL;
    return give(a, st, "ok");
}

static const char *do_savepoint(struct actor *a)
{
    int n = atoi(a->words[1]);

    if (strcmp(a->words[0], "savepoint") == 0)
        return give(a, txn_savepoint(a->txn, &a->savepoints[n]), "ok");
    if (strcmp(a->words[0], "rollbackto") == 0)
        return give(a, txn_rollback_to(a->txn, a->savepoints[n]), "ok");
    return give(a, txn_release(a->txn, a->savepoints[n]), "ok");
}

static const char *do_command(struct actor *a)
{
    const char *verb = a->words[0];

    if (strcmp(verb, "begin") == 0)
        return do_begin(a);
    assert_non_null(a->txn);
    if (strcmp(verb, "get") == 0)
        return do_get(a);
    if (strcmp(verb, "getfor") == 0)
        return do_get_for(a);
    if (strcmp(verb, "put") == 0)
        return give(a, txn_put(a->txn, slice_cstr(a->words[1]), slice_cstr(a->words[2])), "ok");
    if (strcmp(verb, "insert") == 0)
        return do_insert(a);
    if (strcmp(verb, "delete") == 0)
        return give(a, txn_delete(a->txn, slice_cstr(a->words[1])), "ok");
    if (strcmp(verb, "delrange") == 0)
        return give(a, txn_delete_range(a->txn, slice_cstr(a->words[1]), slice_cstr(a->words[2])),
                    "ok");
    if (strcmp(verb, "scan") == 0)
        return do_scan(a);
    if (strcmp(verb, "lock") == 0)
        return do_lock(a);
    if (strcmp(verb, "commit") == 0 || strcmp(verb, "rollback") == 0)
        return do_end(a, verb[0] == 'c');
    if (strcmp(verb, "step") == 0) {
        txn_step(a->txn);
        return "ok";
    }
    return do_savepoint(a);
}

static void actor_main(struct env *env, void *arg)
{
    struct actor *a = arg;

    while (!a->stop) {
        if (a->busy) {
            a->result = do_command(a);
            a->busy = false;
        } else {
            st_clear(env_wait(env, &a->work, 0));
        }
    }
}

static struct actor *actor_new(struct txn_fixture *f)
{
    struct actor *a = arena_zalloc(f->arena, 1, sizeof *a);

    a->f = f;
    env_cond_init(&a->work);
    assert_st_ok(env_spawn(f->env, "actor", actor_main, a, &a->fiber));
    return a;
}

static void actor_stop(struct actor *a, struct env *env)
{
    a->stop = true;
    env_broadcast(env, &a->work);
    if (a->busy)
        fiber_cancel(a->fiber);
    fiber_join(a->fiber);
    txn_free(a->txn);
}

/* Give it time to finish or to get stuck. */
static const char *actor_settle(struct actor *a)
{
    for (int i = 0; i < YIELDS && a->busy; i++)
        env_yield(a->f->env);
    return a->busy ? "blocked" : a->result;
}

static void common_command(struct txn_fixture *f, const char *verb)
{
    if (strcmp(verb, "droplocks") == 0)
        lock_table_drop(range_locks(f->range));
    else if (strcmp(verb, "gc") == 0)
        assert_st_ok(range_gc_run(f->range, hlc_last(f->clock)));
    else
        fail_msg("no such command: %s", verb);
}

static void split_words(struct arena *arena, const char *text, const char *end, const char **words,
                        size_t *count)
{
    *count = 0;
    while (text < end) {
        const char *word = text;

        while (text < end && *text != ' ')
            text++;
        if (text > word) {
            assert_true(*count < WORDS);
            words[(*count)++] = arena_cstr(arena, slice_make(word, (size_t)(text - word)));
        }
        while (text < end && *text == ' ')
            text++;
    }
}

static const char *run_line(struct txn_fixture *f, struct actor **actors, const char *line,
                            const char *arrow)
{
    struct actor **slot = &actors[(unsigned char)line[0] % ACTORS];
    const char    *words[WORDS] = {0};
    size_t         count;

    split_words(f->arena, line + 1, arrow != NULL ? arrow : line + strlen(line), words, &count);
    if (line[0] == '-') {
        common_command(f, words[0]);
        return "ok";
    }
    if (*slot == NULL)
        *slot = actor_new(f);
    if (strcmp(words[0], "wakes") != 0) {
        assert_false((*slot)->busy);
        memcpy((*slot)->words, words, sizeof words);
        (*slot)->word_count = count;
        (*slot)->busy = true;
        env_broadcast(f->env, &(*slot)->work);
    }
    return actor_settle(*slot);
}

void txn_dialogue(struct txn_fixture *f, const char *const *lines, size_t count)
{
    struct actor **actors = arena_zalloc(f->arena, ACTORS, sizeof *actors);

    for (size_t i = 0; i < count; i++) {
        const char *arrow = strstr(lines[i], "->");
        const char *expected = "ok", *result;

        if (arrow != NULL)
            expected = arrow + 2 + strspn(arrow + 2, " ");
        result = run_line(f, actors, lines[i], arrow);
        if (strcmp(result, expected) != 0)
            fail_msg("line %zu of a dialogue (%s): \"%s\" gave \"%s\"", i + 1, lines[0], lines[i],
                     result);
        lock_table_check(range_locks(f->range));
    }
    for (size_t i = 0; i < ACTORS; i++) {
        if (actors[i] != NULL)
            actor_stop(actors[i], f->env);
    }
}
