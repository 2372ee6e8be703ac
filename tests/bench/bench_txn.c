/* Transactions straight on txn.h, engine in memory: what the layers above have to work with.
 * bench_txn [SECONDS [CLIENTS]]; each line: case, operations per second, microseconds each. */
#include "tests/common/txn_fixture.h"

#include "base/prng.h"
#include "kv/keys.h"

enum { ACCOUNTS = 100000, TELLERS = 10, ROW_SIZE = 100, BULK_ROWS = 1000000 };

struct bench {
    struct txn_fixture *f;
    uint64_t            seconds_us;
    int                 clients;
    uint64_t            end_us, done;
    struct prng         prng;
};

static slice row_key(char *buf, uint64_t table, uint64_t row)
{
    size_t size = 0;

    buf[size++] = KEY_SPACE_TABLE;
    size += key_put_ordered_u64(buf + size, table);
    size += key_put_ordered_u64(buf + size, 1);
    size += key_put_ordered_u64(buf + size, row);
    return slice_make(buf, size);
}

static void fill(struct bench *b, uint64_t table, uint64_t rows)
{
    char        key[64], value[ROW_SIZE] = {0};
    struct txn *t;

    assert_st_ok(txn_begin(b->f->txns, NULL, &t));
    for (uint64_t i = 0; i < rows; i++) {
        struct txn_existing e;

        assert_st_ok(
            txn_insert(t, row_key(key, table, i), slice_make(value, sizeof value), NULL, &e));
    }
    assert_st_ok(txn_commit(t));
    txn_free(t);
}

typedef void bench_op(struct bench *b, struct arena *a, struct prng *p);

static void op_engine_get(struct bench *b, struct arena *a, struct prng *p)
{
    char                key[64];
    struct engine_value v;

    (void)a;
    assert_st_ok(
        engine_get(b->f->engine, NULL, row_key(key, 1, prng_below(p, ACCOUNTS)), HLC_TS_MAX, &v));
}

static void op_get(struct bench *b, struct arena *a, struct prng *p)
{
    char        key[64];
    struct txn *t;
    slice       value;
    bool        found;

    assert_st_ok(txn_begin(b->f->txns, NULL, &t));
    assert_st_ok(txn_get(t, row_key(key, 1, prng_below(p, ACCOUNTS)), a, &value, &found));
    assert_st_ok(txn_commit(t));
    txn_free(t);
}

static void op_put(struct bench *b, struct arena *a, struct prng *p)
{
    char        key[64], value[ROW_SIZE] = {0};
    struct txn *t;

    (void)a;
    assert_st_ok(txn_begin(b->f->txns, NULL, &t));
    assert_st_ok(
        txn_put(t, row_key(key, 1, prng_below(p, ACCOUNTS)), slice_make(value, sizeof value)));
    assert_st_ok(txn_commit(t));
    txn_free(t);
}

static void op_scan(struct bench *b, struct arena *a, struct prng *p)
{
    char               from[64], to[64];
    uint64_t           row = prng_below(p, ACCOUNTS - 100);
    struct txn        *t;
    struct txn_cursor *c;
    slice              key, value;
    status             st;
    struct txn_scan    scan = {
           .start = row_key(from, 1, row), .end = row_key(to, 1, row + 100), .limit_hint = 100};

    (void)a;
    assert_st_ok(txn_begin(b->f->txns, NULL, &t));
    assert_st_ok(txn_scan_open(t, &scan, &c));
    do {
        st = txn_cursor_next(c, &key, &value);
    } while (st_ok(st));
    assert_ptr_equal(st, STATUS_NO_DATA);
    txn_cursor_close(c);
    assert_st_ok(txn_commit(t));
    txn_free(t);
}

static void add(struct txn *t, slice key, struct arena *a)
{
    struct txn_row row;
    char           value[ROW_SIZE] = {0};

    assert_st_ok(txn_get_for(t, key, LOCK_NO_KEY_UPDATE, LOCK_WAIT, a, &row));
    assert_true(row.found);
    memcpy(value, row.value.data, sizeof value);
    put_u64le(value, get_u64le(value) + 1);
    assert_st_ok(txn_put(t, key, slice_make(value, sizeof value)));
    txn_step(t);
}

/* pgbench's "TPC-B (sort of)". */
static void op_tpcb(struct bench *b, struct arena *a, struct prng *p)
{
    char        key[64], value[50] = {0};
    uint64_t    account = prng_below(p, ACCOUNTS);
    struct txn *t;
    slice       v;
    bool        found;

    assert_st_ok(txn_begin(b->f->txns, NULL, &t));
    add(t, row_key(key, 1, account), a);
    env_yield(b->f->env); /* as between two statements of a client */
    assert_st_ok(txn_get(t, row_key(key, 1, account), a, &v, &found));
    txn_step(t);
    add(t, row_key(key, 2, prng_below(p, TELLERS)), a);
    env_yield(b->f->env);
    add(t, row_key(key, 3, 0), a);
    assert_st_ok(txn_put(t, row_key(key, 4, prng_next(p)), slice_make(value, sizeof value)));
    env_yield(b->f->env);
    assert_st_ok(txn_commit(t));
    txn_free(t);
}

struct client {
    struct bench *b;
    bench_op     *op;
    struct fiber *fiber;
    struct prng   prng;
};

static void client_main(struct env *env, void *arg)
{
    struct client *c = arg;
    struct arena  *a = arena_new(env_heap(env), NULL);

    while (env_mono_us(env) < c->b->end_us) {
        for (int i = 0; i < 20; i++) {
            c->op(c->b, a, &c->prng);
            arena_reset(a);
            c->b->done++;
        }
        env_yield(env);
    }
    arena_free(a);
}

static void run(struct bench *b, const char *name, bench_op *op, int clients)
{
    struct client *all = arena_zalloc(b->f->arena, (size_t)clients, sizeof *all);
    uint64_t       begin = env_mono_us(b->f->env), spent;

    b->done = 0;
    b->end_us = begin + b->seconds_us;
    for (int i = 0; i < clients; i++) {
        all[i] = (struct client){.b = b, .op = op};
        prng_init(&all[i].prng, (uint64_t)i);
        assert_st_ok(env_spawn(b->f->env, "client", client_main, &all[i], &all[i].fiber));
    }
    for (int i = 0; i < clients; i++)
        fiber_join(all[i].fiber);
    spent = env_mono_us(b->f->env) - begin;
    printf("%-24s %10.0f /s %8.3f us\n", name, (double)b->done * 1e6 / (double)spent,
           (double)spent / (double)b->done);
}

static void bulk(struct bench *b)
{
    size_t              before = heap_used(env_heap(b->f->env)), buffered;
    uint64_t            begin = env_mono_us(b->f->env), filled;
    char                key[64], value[ROW_SIZE] = {0};
    struct txn         *t;
    struct engine_stats stats0, stats;

    engine_stats(b->f->engine, &stats0);
    assert_st_ok(txn_begin(b->f->txns, NULL, &t));
    for (uint64_t i = 0; i < BULK_ROWS; i++) {
        struct txn_existing e;

        assert_st_ok(txn_insert(t, row_key(key, 9, i), slice_make(value, sizeof value), NULL, &e));
    }
    buffered = heap_used(env_heap(b->f->env)) - before;
    filled = env_mono_us(b->f->env);
    assert_st_ok(txn_commit(t));
    txn_free(t);
    engine_stats(b->f->engine, &stats);
    printf("bulk of %d rows: %.0f ns a row to insert, %.0f MB buffered and locked; "
           "%.0f ns a row to commit, %.0f MB in the engine\n",
           BULK_ROWS, (double)(filled - begin) * 1000 / BULK_ROWS, (double)buffered / 1e6,
           (double)(env_mono_us(b->f->env) - filled) * 1000 / BULK_ROWS,
           (double)(stats.memory_size - stats0.memory_size) / 1e6);
}

static void bench_main(struct env *env, void *arg)
{
    struct bench      *b = arg;
    struct txn_fixture f = {0};
    struct txn_stats   stats;
    struct range_stats kv;

    txn_fixture_open(&f, env, NULL);
    b->f = &f;
    fill(b, 1, ACCOUNTS);
    fill(b, 2, TELLERS);
    fill(b, 3, 1);
    run(b, "engine get", op_engine_get, 1);
    run(b, "get", op_get, 1);
    run(b, "put", op_put, 1);
    run(b, "scan of 100", op_scan, 1);
    run(b, "tpcb-like, 1 client", op_tpcb, 1);
    run(b, "tpcb-like, clients", op_tpcb, b->clients);
    bulk(b);
    txn_system_stats(f.txns, &stats);
    range_stats(f.range, &kv);
    printf("serialization failures %llu, deadlocks %llu, refreshes %llu, lock waits %llu, "
           "versions collected %llu\n",
           (unsigned long long)stats.serialization, (unsigned long long)stats.deadlocks,
           (unsigned long long)stats.refreshes, (unsigned long long)stats.lock_waits,
           (unsigned long long)kv.gc_dropped);
    txn_fixture_close(&f);
    env_stop(env);
}

int main(int argc, char **argv)
{
    struct bench b = {.seconds_us = 1000000, .clients = 32};
    struct env  *env = NULL;

    if (argc > 1)
        b.seconds_us = (uint64_t)(atof(argv[1]) * 1e6);
    if (argc > 2)
        b.clients = atoi(argv[2]);
    assert_st_ok(env_new(NULL, &env));
    heap_set_current(env_heap(env));
    assert_st_ok(env_spawn(env, "bench", bench_main, &b, NULL));
    env_run(env);
    heap_set_current(NULL);
    env_free(env);
    return 0;
}
