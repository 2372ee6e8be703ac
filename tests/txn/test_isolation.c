/* What each isolation level forbids and what it allows, as dialogues. Names of anomalies: Adya,
 * "Weak Consistency" (1999), and Berenson et al., "A Critique of ANSI SQL Isolation Levels" (1995).
 */
#include "tests/common/txn_fixture.h"

static void scene(struct txn_fixture *f)
{
    txn_fixture_put(f, "x", "0");
    txn_fixture_put(f, "y", "0");
}

TXN_TEST(dirty_read)
{
    const char *levels[] = {"serializable", "snapshot", "rc"};

    scene(f);
    for (size_t i = 0; i < 3; i++) {
        const char *begin = arena_printf(f->arena, "b begin %s", levels[i]);

        DIALOGUE(f, "a begin", "a put x 1", begin, "b get x -> 0", "b step", "b get x -> 0",
                 "a rollback", "b step", "b get x -> 0", "b commit");
    }
}

TXN_TEST(dirty_write)
{
    scene(f);
    DIALOGUE(f, "a begin rc", "b begin rc", "a put x 1", "b put x 2 -> blocked", "a put y 1",
             "a commit", "b wakes", "b put y 2", "b commit", "c begin", "c get x -> 2",
             "c get y -> 2", "c commit");
}

TXN_TEST(lost_update_serializable)
{
    scene(f);
    DIALOGUE(f, "a begin", "b begin", "a get x -> 0", "b get x -> 0", "a put x 1", "a commit",
             "b put x 2", "b commit -> 40001");
}

TXN_TEST(lost_update_snapshot)
{
    scene(f);
    DIALOGUE(f, "a begin snapshot", "b begin snapshot", "a get x -> 0", "b get x -> 0", "a put x 1",
             "b put x 2 -> blocked", "a commit", "b wakes -> 40001", "b commit -> 25P02",
             /* Having read anything at the snapshot fixes it. */
             "a begin snapshot", "b begin snapshot", "b get y -> 0", "a put x 3", "a commit",
             "b getfor x update -> 40001", "b rollback",
             /* Without a read the snapshot is taken behind the lock. */
             "a begin snapshot", "b begin snapshot", "a put x 4", "b getfor x update -> blocked",
             "a commit", "b wakes -> 4", "b put x 5", "b commit");
    assert_string_equal(txn_fixture_get(f, "x"), "5");
}

TXN_TEST(locked_counter)
{
    /* Lock, then read: nobody fails at any level but by a read of its own that has changed. */
    scene(f);
    DIALOGUE(f, "a begin", "b begin", "b get y -> 0", "a getfor x nokeyupdate -> 0",
             "b getfor x nokeyupdate -> blocked", "a put x 1", "a commit", "b wakes -> 1",
             "b put x 2", "b commit");
    DIALOGUE(f, "a begin rc", "b begin rc", "b get y -> 0", "a getfor x nokeyupdate -> 2",
             "b getfor x nokeyupdate -> blocked", "a put x 3", "a commit", "b wakes -> 3 changed",
             "b put x 4", "b commit");
    assert_string_equal(txn_fixture_get(f, "x"), "4");
}

TXN_TEST(read_skew)
{
    scene(f);
    DIALOGUE(f, "a begin", "a get x -> 0", "b begin", "b put x 1", "b put y 1", "b commit",
             "a get y -> 0", "a commit", "a begin snapshot", "a get x -> 1", "b begin", "b put x 2",
             "b put y 2", "b commit", "a step", "a get y -> 1", "a commit",
             /* READ COMMITTED: a snapshot per statement, and only that. */
             "a begin rc", "a get x -> 2", "b begin", "b put x 3", "b put y 3", "b commit",
             "a get y -> 2", "a step", "a get y -> 3", "a get x -> 3", "a commit");
}

TXN_TEST(write_skew)
{
    scene(f);
    DIALOGUE(f, "a begin", "b begin", "a get x -> 0", "a get y -> 0", "b get x -> 0",
             "b get y -> 0", "a put x 1", "b put y 1", "a commit", "b commit -> 40001");
    DIALOGUE(f, "a begin", "b begin", "a get x -> 1", "a get y -> 0", "b get x -> 1",
             "b get y -> 0", "b put y 2", "a put x 2", "b commit", "a commit -> 40001");
    /* Allowed below. */
    DIALOGUE(f, "a begin snapshot", "b begin snapshot", "a get y -> 2", "b get x -> 1", "a put x 3",
             "b put y 3", "a commit", "b commit");
}

TXN_TEST(mixed_levels)
{
    /* T13: the serializable one stays serializable among others. */
    scene(f);
    DIALOGUE(f, "a begin", "b begin rc", "a get x -> 0", "b put x 1", "b commit", "a put y 1",
             "a commit"); /* b read nothing of a: a before b */
    DIALOGUE(f, "a begin", "b begin rc", "a get x -> 1", "b get y -> 1", "b put x 2", "b commit",
             "c begin", "c get x -> 2", "c get y -> 1", "c commit", "a put y 2",
             "a commit -> 40001"); /* c saw b and not a, so b before a; a saw the old x */
}

TXN_TEST(phantom)
{
    DIALOGUE(f, "a begin", "b begin", "a scan p q -> none", "b scan p q -> none", "a put p1 1",
             "b put p2 1", "a commit", "b commit -> 40001",
             /* The same snapshot twice. */
             "a begin snapshot", "a scan p q -> p1=1", "b begin", "b put p3 1", "b commit",
             "a step", "a scan p q -> p1=1", "a commit",
             /* A deletion changes a predicate as well. */
             "a begin", "a scan p q -> p1=1 p3=1", "b begin", "b delete p1", "b commit", "c begin",
             "c get p1 -> none", "c get out -> none", "c commit", "a put out 1",
             "a commit -> 40001");
}

TXN_TEST(precise_spans)
{
    /* What a limited scan has not reached may change. */
    txn_fixture_put(f, "k1", "1");
    txn_fixture_put(f, "k2", "1");
    txn_fixture_put(f, "k3", "1");
    DIALOGUE(f, "a begin", "a scan k l limit 1 -> k1=1", "b begin", "b put k3 2", "b put z 1",
             "b commit", "c begin", "c get z -> 1", "c get w -> none", "c commit", "a put w 1",
             "a commit", "a begin", "a scan k l reverse limit 1 -> k3=2", "b begin", "b put k1 2",
             "b commit", "c begin", "c get w -> 1", "c commit", "a put w 2", "a commit");
}

TXN_TEST(absent_insert)
{
    /* T14, T5: that a key is there, or is not, is a read. */
    DIALOGUE(f, "a begin", "b begin", "a get x -> none", "b get y -> none", "a insert y 1",
             "b insert x 1", "a commit", "b commit -> 40001");
    DIALOGUE(f, "a begin", "b begin", "a insert y 2 -> exists 1", "b get q -> none", "a put q 1",
             "b put y 3 -> blocked", "a commit", "b wakes", "b commit -> 40001");
}

TXN_TEST(long_fork)
{
    scene(f);
    DIALOGUE(f, "a begin", "b begin", "a put x 1", "b put y 1", "c begin", "d begin", "a commit",
             "c get x -> 1", "c get y -> 0", "b commit", "d get y -> 1", "d get x -> 1", "c commit",
             "d commit");
}

TXN_TEST(read_only_anomaly)
{
    /* Fekete, O'Neil, O'Neil (2004): a reader between two writers that would be fine without it. */
    scene(f);
    DIALOGUE(f, "a begin", "a get x -> 0", "a get y -> 0", "b begin", "b get y -> 0", "b put y 20",
             "b commit", "c begin serializable ro", "c get x -> 0", "c get y -> 20", "c commit",
             "a put x -11", "a commit -> 40001");
}

TXN_TEST(locks_first_to_scan)
{
    /* A locking scan relies on nothing it has not locked: it moves up instead of failing. */
    txn_fixture_put(f, "k1", "1");
    txn_fixture_put(f, "k2", "1");
    txn_fixture_put(f, "k3", "1");
    DIALOGUE(f, "a begin", "a put k2 2", "b begin", "b scan k l update -> blocked", "a commit",
             "b wakes -> k1=1 k2=2 k3=1", "b put k1 3", "b commit", "a begin", "a delete k2",
             "b begin", "b scan k l reverse nokeyupdate -> blocked", "a commit",
             "b wakes -> k3=1 k1=3", "b commit",
             /* ... unless somebody has come in between. */
             "a begin", "a put k3 4", "b begin", "b scan k l update -> blocked", "c begin",
             "c put k2 9", "c commit", "a commit", "b wakes -> 40001", "b rollback",
             /* READ COMMITTED takes the newest of the rows it has found. */
             "a begin", "a put k2 5", "b begin rc", "b scan k l update -> blocked", "a commit",
             "b wakes -> k1=3 k2=5! k3=4", "b commit", "a begin", "a delete k2", "b begin rc",
             "b scan k l update -> blocked", "a commit", "b wakes -> k1=3 k3=4", "b commit",
             /* SNAPSHOT fails as PostgreSQL's does. */
             "a begin", "a put k3 6", "b begin snapshot", "b scan k l update -> blocked",
             "a commit", "b wakes -> 40001", "b rollback");
}

TXN_TEST(lost_locks)
{
    /* T10: dropped locks cost a validation, never an update. */
    const char *levels[] = {"serializable", "snapshot", "rc"};

    for (size_t i = 0; i < 3; i++) {
        const char *a = arena_printf(f->arena, "a begin %s", levels[i]);
        const char *b = arena_printf(f->arena, "b begin %s", levels[i]);

        txn_fixture_put(f, "x", "0");
        DIALOGUE(f, a, b, "a getfor x update -> 0", "- droplocks", "b getfor x update -> 0",
                 "a put x 1 -> blocked", "b put x 2", "b commit",
                 i == 1 ? "a wakes -> 40001" : "a wakes",
                 i == 1 ? "a rollback" : "a commit -> 40001");
        assert_string_equal(txn_fixture_get(f, "x"), "2");
        /* Nobody came: fine. */
        DIALOGUE(f, a, "a getfor x update -> 2", "a put x 3", "- droplocks", "a commit");
        assert_string_equal(txn_fixture_get(f, "x"), "3");
    }
    txn_fixture_put(f, "x", "0");
    DIALOGUE(f, "a begin rc", "a getfor x update -> 0", "b begin", "b put x 1 -> blocked",
             "- droplocks", "b wakes", "b commit", "a put y 1", "a commit -> 40001",
             /* The lock is somebody else's now, who may rely on it. */
             "a begin rc", "a getfor x share -> 1", "- droplocks", "b begin rc",
             "b getfor x update -> 1", "a put y 1", "a commit -> 40001", "b commit");
}

TXN_TEST(gc_keeps_snapshots)
{
    scene(f);
    DIALOGUE(f, "a begin", "a get x -> 0", "b begin", "b put y 5", "b commit");
    txn_fixture_put(f, "x", "7");
    DIALOGUE(f, "- gc", "a begin", "a get x -> 7", "a get y -> 5", "a commit");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T("uncommitted writes are seen by nobody", dirty_read),
        T("writes of two transactions do not interleave", dirty_write),
        T("SERIALIZABLE loses no update", lost_update_serializable),
        T("SNAPSHOT loses no update: the first committer wins", lost_update_snapshot),
        T("counters under locks never fail", locked_counter),
        T("a snapshot is one state", read_skew),
        T("SERIALIZABLE has no write skew, SNAPSHOT has", write_skew),
        T("writers of every level honour the reads of serializable ones", mixed_levels),
        T("what a predicate did not find may not appear", phantom),
        T("only what was read may not change", precise_spans),
        T("the absence and the presence of a key are reads", absent_insert),
        T("all readers see writes in one order", long_fork),
        T("a read-only transaction makes no anomaly visible", read_only_anomaly),
        T("a locking scan moves its snapshot up when it can", locks_first_to_scan),
        T("a lost lock loses no update at any level", lost_locks),
        T("garbage collection keeps what is needed", gc_keeps_snapshots),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
