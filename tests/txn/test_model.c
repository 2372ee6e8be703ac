/* Random transactions of one client against a model: a map with undo. Statements, savepoints, own
 * writes merged into gets and scans in both directions, range deletions, commits and rollbacks (T8,
 * T9). */
#include "tests/common/txn_fixture.h"

#include "base/prng.h"

enum { SPACE = 40, TXNS = 300, STEPS = 40, SAVEPOINTS_MAX = 6 };

struct state {
    uint64_t values[SPACE]; /* 0: none */
};

struct model {
    struct txn_fixture *f;
    struct prng         prng;
    struct state        committed, now, before; /* `before`: as the running statement sees it */
    struct state        at_savepoint[SAVEPOINTS_MAX];
    txn_savepoint_id    savepoints[SAVEPOINTS_MAX];
    size_t              savepoint_count;
    uint64_t            last_value;
    struct txn         *txn;
};

static slice key_of(char *buf, unsigned v)
{
    snprintf(buf, 8, "k%03u", v);
    return slice_make(buf, 4);
}

static unsigned below(struct model *m, unsigned bound)
{
    return (unsigned)prng_below(&m->prng, bound);
}

static void check_get(struct model *m, unsigned k)
{
    char  buf[8];
    slice value;
    bool  found;

    assert_st_ok(txn_get(m->txn, key_of(buf, k), m->f->arena, &value, &found));
    assert_int_equal(found, m->before.values[k] != 0);
    if (found)
        assert_true(get_u64le(value.data) == m->before.values[k]);
}

/* Some random write, of this statement. */
static void write_one(struct model *m)
{
    unsigned            k = below(m, SPACE), length = below(m, 8);
    unsigned            to = MIN(k + length, (unsigned)SPACE);
    char                buf[8], end[8], bytes[16] = {0};
    struct txn_existing e;
    size_t              size = 8 + below(m, 9);

    put_u64le(bytes, ++m->last_value);
    switch (below(m, 12)) {
    case 0:
        assert_st_ok(txn_delete_range(m->txn, key_of(buf, k), key_of(end, to)));
        for (; k < to; k++)
            m->now.values[k] = 0;
        break;
    case 1:
    case 2:
        assert_st_ok(txn_delete(m->txn, key_of(buf, k)));
        m->now.values[k] = 0;
        break;
    case 3:
    case 4:
    case 5:
        assert_st_ok(txn_insert(m->txn, key_of(buf, k), slice_make(bytes, size), m->f->arena, &e));
        assert_int_equal(e.exists, m->now.values[k] != 0);
        if (e.exists)
            assert_true(get_u64le(e.value.data) == m->now.values[k]);
        else
            m->now.values[k] = m->last_value;
        break;
    default:
        assert_st_ok(txn_put(m->txn, key_of(buf, k), slice_make(bytes, size)));
        m->now.values[k] = m->last_value;
    }
}

static void check_scan(struct model *m, bool write)
{
    unsigned           from = below(m, SPACE), length = 1 + below(m, SPACE);
    unsigned           to = MIN(from + length, (unsigned)SPACE);
    char               start[8], end[8], want[8];
    struct state       seen = m->before;
    struct txn_scan    scan = {.start = key_of(start, from),
                               .end = to == SPACE ? SLICE_EMPTY : key_of(end, to),
                               .reverse = below(m, 2) == 0,
                               .limit_hint = below(m, 4),
                               .lock = below(m, 4) == 0 ? LOCK_UPDATE : LOCK_NONE};
    struct txn_cursor *c;
    slice              key, value;
    status             st;
    unsigned           at = scan.reverse ? to : from;

    assert_st_ok(txn_scan_open(m->txn, &scan, &c));
    for (;;) {
        st = txn_cursor_next(c, &key, &value);
        if (scan.reverse)
            while (at > from && seen.values[at - 1] == 0)
                at--;
        else
            while (at < to && seen.values[at] == 0)
                at++;
        if (st == STATUS_NO_DATA)
            break;
        assert_st_ok(st);
        assert_true(scan.reverse ? at > from : at < to);
        if (scan.reverse)
            at--;
        if (!slice_eq(key, key_of(want, at)))
            fail_msg("got %.*s, not %.*s", SLICE_FMT(key), SLICE_FMT(key_of(want, at)));
        assert_true(get_u64le(value.data) == seen.values[at]);
        if (!scan.reverse)
            at++;
        if (write && below(m, 2) == 0)
            write_one(m);
    }
    assert_int_equal(at, scan.reverse ? from : to);
    txn_cursor_close(c);
}

static void next_statement(struct model *m)
{
    txn_step(m->txn);
    m->before = m->now;
}

static void savepoint(struct model *m)
{
    unsigned n;

    if (below(m, 2) == 0 && m->savepoint_count < SAVEPOINTS_MAX) {
        assert_st_ok(txn_savepoint(m->txn, &m->savepoints[m->savepoint_count]));
        m->at_savepoint[m->savepoint_count++] = m->now;
    } else if (m->savepoint_count > 0) {
        n = below(m, (unsigned)m->savepoint_count);
        if (below(m, 3) == 0) {
            assert_st_ok(txn_release(m->txn, m->savepoints[n]));
            m->savepoint_count = n;
        } else {
            assert_st_ok(txn_rollback_to(m->txn, m->savepoints[n]));
            m->now = m->at_savepoint[n];
            m->savepoint_count = n + 1;
        }
    }
    next_statement(m);
}

static void run_txn(struct model *m)
{
    struct txn_options options = {.isolation = (enum txn_isolation)below(m, 3)};

    assert_st_ok(txn_begin(m->f->txns, &options, &m->txn));
    m->now = m->before = m->committed;
    m->savepoint_count = 0;
    for (unsigned steps = below(m, STEPS); steps > 0; steps--) {
        switch (below(m, 8)) {
        case 0:
            savepoint(m);
            break;
        case 1:
            check_scan(m, false);
            break;
        case 2:
            check_scan(m, true);
            next_statement(m);
            break;
        case 3:
            check_get(m, below(m, SPACE));
            break;
        case 4:
            next_statement(m);
            break;
        default:
            write_one(m);
        }
    }
    if (below(m, 4) != 0) {
        assert_st_ok(txn_commit(m->txn));
        m->committed = m->now;
    } else {
        txn_rollback(m->txn);
    }
    txn_free(m->txn);
    arena_reset(m->f->arena);
}

TXN_TEST(random_transactions)
{
    struct model m = {.f = f};

    prng_init(&m.prng, test_seed(7));
    for (int i = 0; i < TXNS; i++) {
        run_txn(&m);
        if (i % 10 == 0)
            assert_st_ok(range_gc_run(f->range, hlc_last(f->clock)));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T("transactions of one client do what a map with undo does", random_transactions),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
