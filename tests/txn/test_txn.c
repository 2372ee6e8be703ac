/* Reads, writes, statements, savepoints of single transactions and simple pairs. */
#include "tests/common/txn_fixture.h"

TXN_TEST(committed_visible)
{
    DIALOGUE(f, "a begin", "a put x 1", "a put y 2", "a commit", "b begin", "b get x -> 1",
             "b get y -> 2", "b get z -> none", "b commit");
}

TXN_TEST(own_writes)
{
    DIALOGUE(f, "a begin", "a put b 1", "a put d 1", "a commit",             /* stored */
             "a begin", "a put a 2", "a put c 2", "a delete b", "a put d 3", /* own */
             "a scan a z -> b=1 d=1",                     /* not this statement's */
             "a step", "a get a -> 2", "a get b -> none", /* the next one sees */
             "a scan a z -> a=2 c=2 d=3", "a scan a z reverse -> d=3 c=2 a=2",
             "a scan a z limit 2 -> a=2 c=2", "a scan b d -> c=2", "a scan x z -> none", "a commit",
             "b begin", "b scan a z -> a=2 c=2 d=3", "b commit");
}

TXN_TEST(rolled_back)
{
    DIALOGUE(f, "a begin", "a put x 1", "a rollback", "b begin", "b get x -> none", "b commit");
}

TXN_TEST(savepoints)
{
    DIALOGUE(f, "a begin", "a put x 1", "a put w 1", "a savepoint 1", "a put x 2", "a delete w",
             "a savepoint 2", "a put x 3", "a put y 3", "a step", "a get x -> 3", "a rollbackto 2",
             "a get x -> 2", "a get y -> none", "a get w -> none", "a put x 4", "a step",
             "a get x -> 4", "a rollbackto 1", "a get x -> 1", "a get w -> 1",
             "a rollbackto 2 -> 3B001", "a put x 5", "a step", "a release 1",
             "a rollbackto 1 -> 3B001", "a commit", "b begin", "b get x -> 5", "b get y -> none",
             "b get w -> 1", "b commit");
}

TXN_TEST(many_revisions)
{
    DIALOGUE(f, "a begin", "a put x 1", "a step", "a put x 2", "a step", "a put x 3",
             "a savepoint 1", "a put x 4", "a step", "a put x 5", "a get x -> 4", "a step",
             "a put x 6", "a step", "a put x 7", "a get x -> 6", "a rollbackto 1", "a get x -> 3",
             "a commit", "b begin", "b get x -> 3", "b commit");
}

TXN_TEST(inserts)
{
    DIALOGUE(f, "a begin", "a insert x 1", "a insert x 2 -> exists 1 own", "a step",
             "a insert x 2 -> exists 1", "a delete x", "a insert x 3", "a commit", "b begin",
             "b insert x 4 -> exists 3", "b get x -> 3", "b commit");
}

TXN_TEST(delete_range)
{
    DIALOGUE(f, "a begin", "a put a 1", "a put b 1", "a put c 1", "a put d 1", "a commit",
             "a begin", "a put bb 2", "a delrange b d", "a scan a z -> a=1 b=1 c=1 d=1", "a step",
             "a scan a z -> a=1 d=1", "a put c 3", "a step", "a scan a z -> a=1 c=3 d=1",
             "a get b -> none", "a insert b 4", "a commit", "b begin",
             "b scan a z -> a=1 b=4 c=3 d=1", "b commit");
}

TXN_TEST(read_only)
{
    DIALOGUE(f, "a begin serializable ro", "a put x 1 -> 25006", "a insert x 1 -> 25006",
             "a delete x -> 25006", "a delrange a b -> 25006", "a get x -> none", "a commit");
}

TXN_TEST(cursor_under_writes)
{
    struct txn        *t;
    struct txn_cursor *c;
    slice              key, value;
    char               name[16];
    int                seen = 0;

    assert_st_ok(txn_begin(f->txns, NULL, &t));
    for (int i = 0; i < 500; i++) {
        snprintf(name, sizeof name, "k%04d", i);
        assert_st_ok(txn_put(t, slice_cstr(name), SLICE_LIT("old")));
    }
    assert_st_ok(txn_commit(t));
    txn_free(t);
    assert_st_ok(txn_begin(f->txns, NULL, &t));
    struct txn_scan scan = {.start = SLICE_LIT("k"), .end = SLICE_LIT("l")};

    assert_st_ok(txn_scan_open(t, &scan, &c));
    for (;;) {
        status st = txn_cursor_next(c, &key, &value);

        if (st == STATUS_NO_DATA)
            break;
        assert_st_ok(st);
        assert_true(slice_eq_cstr(value, "old"));
        seen++;
        /* Halloween: move each row ahead of the scan; delete another that is yet to come. */
        snprintf(name, sizeof name, "k%04dx", seen + 100);
        assert_st_ok(txn_put(t, slice_cstr(name), SLICE_LIT("new")));
        snprintf(name, sizeof name, "k%04d", (seen * 7) % 500);
        assert_st_ok(txn_delete(t, slice_cstr(name)));
        txn_step_within_statement(t);
    }
    assert_int_equal(seen, 500);
    txn_cursor_close(c);
    assert_st_ok(txn_commit(t));
    txn_free(t);
}

TXN_TEST(counters)
{
    int64_t v;
    bool    found;

    assert_st_ok(txn_system_counter_get(f->txns, SLICE_LIT("seq"), &v, &found));
    assert_false(found);
    assert_st_ok(txn_system_increment(f->txns, SLICE_LIT("seq"), 5, &v));
    assert_int_equal(v, 5);
    assert_st_ok(txn_system_counter_set(f->txns, SLICE_LIT("seq"), INT64_MAX - 1));
    assert_st_ok(txn_system_increment(f->txns, SLICE_LIT("seq"), 1, &v));
    assert_true(v == INT64_MAX);
    assert_st_code(txn_system_increment(f->txns, SLICE_LIT("seq"), 1, &v), ST_NUMERIC_OUT_OF_RANGE);
    assert_st_ok(txn_system_counter_get(f->txns, SLICE_LIT("seq"), &v, &found));
    assert_true(found && v == INT64_MAX);
}

static void log_event(void *arg, enum txn_event event, txn_savepoint_id savepoint)
{
    char *log = arg;

    (void)savepoint;
    strcat(log, event == TXN_EVENT_COMMITTED ? "c" : event == TXN_EVENT_ROLLED_BACK ? "r" : "s");
}

TXN_TEST(hooks)
{
    char             log[16] = "";
    struct txn      *t;
    txn_savepoint_id s;

    assert_st_ok(txn_begin(f->txns, NULL, &t));
    assert_st_ok(txn_add_hook(t, log_event, log));
    assert_st_ok(txn_savepoint(t, &s));
    assert_st_ok(txn_rollback_to(t, s));
    assert_st_ok(txn_commit(t));
    txn_free(t);
    assert_st_ok(txn_begin(f->txns, NULL, &t));
    assert_st_ok(txn_add_hook(t, log_event, log));
    txn_free(t);
    assert_string_equal(log, "scr");
}

TXN_TEST(large)
{
    struct txn        *t;
    struct txn_cursor *c;
    slice              key, value;
    char               name[32];
    int                seen = 0;

    assert_st_ok(txn_begin(f->txns, NULL, &t));
    for (int i = 0; i < 20000; i++) {
        struct txn_existing e;

        snprintf(name, sizeof name, "row%08d", (i * 7919) % 20000);
        assert_st_ok(txn_insert(t, slice_cstr(name), slice_cstr(name), NULL, &e));
        assert_false(e.exists);
    }
    assert_st_ok(txn_commit(t));
    txn_free(t);
    assert_st_ok(txn_begin(f->txns, NULL, &t));
    struct txn_scan scan = {.start = SLICE_LIT("row"), .end = SLICE_LIT("rox"), .reverse = true};

    assert_st_ok(txn_scan_open(t, &scan, &c));
    for (status st; (st = txn_cursor_next(c, &key, &value)) != STATUS_NO_DATA; seen++) {
        assert_st_ok(st);
        snprintf(name, sizeof name, "row%08d", 19999 - seen);
        assert_true(slice_eq_cstr(key, name) && slice_eq(key, value));
    }
    txn_cursor_close(c);
    assert_int_equal(seen, 20000);
    assert_st_ok(txn_commit(t));
    txn_free(t);
}

TXN_TEST(account)
{
    struct mem_account account;
    struct txn_options options = {.account = &account};
    struct txn        *t;
    status             st = STATUS_OK;

    mem_account_init(&account, NULL, "test", 1 << 20);
    assert_st_ok(txn_begin(f->txns, &options, &t));
    for (int i = 0; i < 100000 && st_ok(st); i++) {
        char name[16];

        snprintf(name, sizeof name, "%d", i);
        st = txn_put(t, slice_cstr(name), SLICE_LIT("0123456789012345678901234567890123456789"));
    }
    assert_st_code(st, ST_OUT_OF_MEMORY);
    txn_free(t);
    assert_int_equal(account.used, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T("what is committed is visible", committed_visible),
        T("own writes are merged into reads from the next statement on", own_writes),
        T("a rollback leaves nothing", rolled_back),
        T("savepoints nest, undo and release", savepoints),
        T("revisions that nobody can ask for are reused, the others kept", many_revisions),
        T("an insert meets what is there", inserts),
        T("a deleted range is gone for its transaction and after commit", delete_range),
        T("a read-only transaction does not write", read_only),
        T("a cursor sees its opening whatever the statement writes", cursor_under_writes),
        T("counters count, and refuse to overflow", counters),
        T("hooks run at commit, rollback and rollback to a savepoint", hooks),
        T("a large transaction commits and reads back", large),
        T("the write buffer is charged to the account", account),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
