/* Row locks between transactions: conflicts, queues, time-outs, deadlocks. */
#include "tests/common/txn_fixture.h"

#include "kv/lock_table.h"

TXN_TEST(conflict_table)
{
    static const char *const names[] = {"keyshare", "share", "nokeyupdate", "update"};
    /* PostgreSQL 15, section 13.3.2, table 13.3: a row for what is asked, a column for what is
     * held. */
    static const bool        conflict[4][4] = {
               {false, false, false, true},
               {false, false, true, true},
               {false, true, true, true},
               {true, true, true, true},
    };

    txn_fixture_put(f, "x", "0");
    for (int held = 0; held < 4; held++) {
        for (int asked = 0; asked < 4; asked++) {
            const char *take = arena_printf(f->arena, "a getfor x %s -> 0", names[held]);
            const char *nowait = arena_printf(f->arena, "b lock x %s nowait -> %s", names[asked],
                                              conflict[asked][held] ? "55P03" : "ok");
            const char *skip = arena_printf(f->arena, "b getfor x %s skip -> %s", names[asked],
                                            conflict[asked][held] ? "skipped" : "0");

            DIALOGUE(f, "a begin", "b begin", take, nowait, skip, "a commit", "b commit");
        }
    }
}

TXN_TEST(first_come)
{
    txn_fixture_put(f, "x", "0");
    DIALOGUE(f, "a begin", "b begin", "c begin", "d begin", "a lock x share",
             "b lock x update -> blocked", "c lock x share -> blocked", /* behind b */
             "d lock x keyshare -> blocked", "a commit", "b wakes", "c wakes -> blocked",
             "d wakes -> blocked", "b commit", "c wakes", "d wakes", "c commit", "d commit");
}

TXN_TEST(upgrade_first)
{
    DIALOGUE(f, "a begin", "b begin", "c begin", "a lock x share", "b lock x share",
             "c lock x update -> blocked", "a lock x update -> blocked", "b commit", "a wakes",
             "c wakes -> blocked", "a commit", "c wakes", "c commit");
}

TXN_TEST(skip_locked)
{
    txn_fixture_put(f, "k1", "1");
    txn_fixture_put(f, "k2", "2");
    txn_fixture_put(f, "k3", "3");
    DIALOGUE(f, "a begin", "a scan k l limit 1 update skip -> k1=1", "b begin rc",
             "b scan k l limit 1 update skip -> k2=2", "c begin", "c scan k l update skip -> k3=3",
             "c scan k l update nowait -> 55P03", "a commit", "b commit", "c rollback");
}

TXN_TEST(deadlock_of_two)
{
    struct txn_stats stats;

    DIALOGUE(f, "a begin", "b begin", "a put x 1", "b put y 1", "a put y 2 -> blocked",
             "b put x 2 -> 40P01", "a wakes", "b get z -> 25P02", "a commit", "b rollback");
    txn_system_stats(f->txns, &stats);
    assert_int_equal(stats.deadlocks, 1);
}

TXN_TEST(deadlock_of_upgrades)
{
    DIALOGUE(f, "a begin", "b begin", "a lock x share", "b lock x share",
             "a lock x update -> blocked", "b lock x update -> 40P01", "a wakes", "a commit",
             "b commit -> 25P02");
}

TXN_TEST(deadlock_through_queue)
{
    /* c waits for b by its place in the queue alone. */
    DIALOGUE(f, "a begin", "b begin", "c begin", "c lock y update", "a lock x share",
             "b lock x update -> blocked", "c lock x share -> blocked", "a lock y share -> 40P01",
             "b wakes", "c wakes -> blocked", "b commit", "c wakes", "c commit", "a rollback");
}

enum { RING_MAX = 20 };

struct ring_member {
    struct txn_fixture *f;
    int                 self, size;
    struct fiber       *fiber;
    int                *ready, *victims;
    struct env_cond    *all_ready;
};

static void ring_main(struct env *env, void *arg)
{
    struct ring_member *m = arg;
    struct txn         *t;
    char                own[16], next[16];
    status              st;

    snprintf(own, sizeof own, "r%d", m->self);
    snprintf(next, sizeof next, "r%d", (m->self + 1) % m->size);
    assert_st_ok(txn_begin(m->f->txns, NULL, &t));
    assert_st_ok(txn_put(t, slice_cstr(own), SLICE_LIT("1")));
    if (++*m->ready == m->size)
        env_broadcast(env, m->all_ready);
    else
        assert_st_ok(env_wait(env, m->all_ready, 0));
    st = txn_put(t, slice_cstr(next), SLICE_LIT("1"));
    if (status_code(st) == ST_DEADLOCK) {
        ++*m->victims;
        assert_string_equal(status_message(st), "deadlock detected");
        /* One line for each wait of the cycle. */
        int lines = 1;

        for (const char *at = status_fields(st)->detail; (at = strchr(at, '\n')) != NULL; at++)
            lines++;
        assert_int_equal(lines, m->size);
        st_clear(st);
        txn_rollback(t);
    } else {
        assert_st_ok(st);
        assert_st_ok(txn_commit(t));
    }
    txn_free(t);
}

TXN_TEST(deadlock_of_n)
{
    for (int size = 2; size <= RING_MAX; size++) {
        struct ring_member members[RING_MAX];
        struct env_cond    all_ready;
        int                ready = 0, victims = 0;

        env_cond_init(&all_ready);
        for (int i = 0; i < size; i++) {
            members[i] = (struct ring_member){.f = f,
                                              .self = i,
                                              .size = size,
                                              .ready = &ready,
                                              .victims = &victims,
                                              .all_ready = &all_ready};
            assert_st_ok(env_spawn(f->env, "ring", ring_main, &members[i], &members[i].fiber));
        }
        for (int i = 0; i < size; i++)
            fiber_join(members[i].fiber);
        assert_int_equal(victims, 1);
        env_cond_deinit(&all_ready);
    }
}

static void wait_for_x(struct env *env, void *arg)
{
    struct txn_fixture *f = arg;
    struct txn         *t;

    (void)env;
    assert_st_ok(txn_begin(f->txns, NULL, &t));
    assert_st_code(txn_put(t, SLICE_LIT("x"), SLICE_LIT("2")), ST_CANCELLED);
    env_cancel_clear(env);
    txn_free(t);
}

TXN_TEST(cancelled_wait)
{
    struct txn   *t;
    struct fiber *fiber;

    assert_st_ok(txn_begin(f->txns, NULL, &t));
    assert_st_ok(txn_put(t, SLICE_LIT("x"), SLICE_LIT("1")));
    assert_st_ok(env_spawn(f->env, "waiter", wait_for_x, f, &fiber));
    for (int i = 0; i < 10; i++)
        env_yield(f->env);
    assert_int_equal(lock_table_waiter_count(range_locks(f->range)), 1);
    fiber_cancel(fiber);
    fiber_join(fiber);
    assert_int_equal(lock_table_waiter_count(range_locks(f->range)), 0);
    assert_st_ok(txn_commit(t));
    txn_free(t);
}

TXN_TEST(lock_timeout)
{
    struct txn_options options = {.lock_timeout_us = 2000};
    struct txn        *a, *b;

    assert_st_ok(txn_begin(f->txns, NULL, &a));
    assert_st_ok(txn_put(a, SLICE_LIT("x"), SLICE_LIT("1")));
    assert_st_ok(txn_begin(f->txns, &options, &b));
    assert_st_code(txn_put(b, SLICE_LIT("x"), SLICE_LIT("2")), ST_LOCK_NOT_AVAILABLE);
    assert_st_ok(txn_commit(a));
    /* A time-out is no defeat: it may try again. */
    assert_st_ok(txn_put(b, SLICE_LIT("x"), SLICE_LIT("2")));
    assert_st_ok(txn_commit(b));
    txn_free(a);
    txn_free(b);
    assert_string_equal(txn_fixture_get(f, "x"), "2");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T("strengths conflict as in PostgreSQL, NOWAIT and SKIP LOCKED do not wait",
          conflict_table),
        T("waiters are served first come first served", first_come),
        T("who holds the key already goes first", upgrade_first),
        T("SKIP LOCKED leaves out what others hold", skip_locked),
        T("a deadlock of two is found at once and its victim frees its locks", deadlock_of_two),
        T("two upgrades are a deadlock", deadlock_of_upgrades),
        T("a place in the queue can close a cycle", deadlock_through_queue),
        T("rings of up to twenty have one victim each, and the report names each wait",
          deadlock_of_n),
        T("a cancelled wait leaves the queue", cancelled_wait),
        T("a lock time-out ends the wait and not the transaction", lock_timeout),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
