#include "base/arena.h"
#include "env/file.h"
#include "env/net.h"
#include "env/sim.h"
#include "tests/env/sim_fixture.h"

/* ---- a little of everything
 * ----------------------------------------------------------------------- */

enum { PORT = 7000 };

static void append_to_log(struct env *env, const char *data, size_t size)
{
    struct env_file *f;
    uint64_t         end;

    if (!st_ok(env_file_open(env, "log", ENV_READ | ENV_WRITE | ENV_CREATE, &f)))
        return;
    assert_st_ok(env_file_size(f, &end));
    assert_st_ok(env_file_write_at(f, data, size, end, ENV_LANE_IO));
    if (env_rand_below(env, 2) == 0)
        assert_st_ok(env_file_sync(f, ENV_LANE_LOG_SYNC));
    env_file_close(f);
}

struct served {
    struct conn *conn;
};

static void serve(struct env *env, void *arg)
{
    struct conn *c = arg;
    char         buf[100];
    size_t       n;
    status       st;

    while (st_ok(st = conn_read(c, buf, sizeof buf, 0, &n)) && n > 0) {
        slice part = slice_make(buf, n);

        append_to_log(env, buf, n);
        st = conn_write(c, &part, 1, 0);
        if (!st_ok(st))
            break;
    }
    st_clear(st);
    conn_close(c);
}

static void server_main(struct env *env, void *arg)
{
    struct listener *l;
    struct conn     *c;

    (void)arg;
    assert_st_ok(env_listen(env, "*", PORT, &l));
    for (;;) {
        assert_st_ok(env_accept(l, &c));
        assert_st_ok(env_spawn(env, "serve", serve, c, NULL));
    }
}

static status exchange(struct env *env, struct conn *c)
{
    char   text[64], got[64];
    slice  part;
    size_t n;

    snprintf(text, sizeof text, "%llu", (unsigned long long)env_rand64(env));
    part = slice_cstr(text);
    TRY_RETURN(conn_write(c, &part, 1, 0));
    TRY_RETURN(conn_read(c, got, sizeof got, env_deadline(env, SECOND_US), &n));
    return env_sleep_us(env, env_rand_below(env, 2000));
}

static void client_main(struct env *env, void *arg)
{
    uint64_t    *exchanges = arg;
    struct conn *c;
    status       st;

    for (;;) {
        st = env_connect(env, "server", PORT, env_deadline(env, SECOND_US), &c);
        if (!st_ok(st)) {
            st_clear(st);
            assert_st_ok(env_sleep_us(env, 1000));
            continue;
        }
        while (st_ok(st = exchange(env, c)))
            ++*exchanges;
        st_clear(st);
        conn_close(c);
    }
}

static const struct sim_options busy_world = {
    .loss_ppm = 1000, .clock_skew_max_us = 5000, .clock_drift_max_ppm = 200, .stall_ppm = 1000};

/* Returns the trace hash of a second with two clients and a server that loses power now and then.
 */
static uint64_t run_world(uint64_t seed, uint64_t *exchanges)
{
    struct sim      *s = sim_new(seed, &busy_world);
    struct sim_node *server = sim_add_node(s, "server", server_main, NULL);
    uint64_t         hash;

    *exchanges = 0;
    sim_add_node(s, "client-1", client_main, exchanges);
    sim_add_node(s, "client-2", client_main, exchanges);
    for (int i = 0; i < 10; i++) {
        assert_int_equal(sim_run_us(s, 100000 + sim_rand_below(s, 1000)), SIM_TIME);
        sim_crash(server, i % 2 == 0 ? SIM_POWER_LOSS : SIM_KILL);
        assert_int_equal(sim_run_us(s, sim_rand_below(s, 10000)), SIM_TIME);
        sim_restart(server);
    }
    hash = sim_trace_hash(s);
    sim_free(s);
    return hash;
}

/* The second run has a decoy world beside it, so that its heaps and stacks lie elsewhere: an order
 * taken from addresses would show. */
static void same_seed_same_run(void **state)
{
    uint64_t seed = test_seed(1), exchanges, again;

    (void)state;
    for (uint64_t i = 0; i < 20; i++) {
        uint64_t    hash = run_world(seed + i, &exchanges);
        struct sim *decoy = sim_new(seed, NULL);

        assert_true(exchanges > 100);
        for (uint64_t j = 0; j < 10; j++)
            sim_add_node(decoy, "decoy", client_main, &again);
        sim_run_us(decoy, 1000);
        assert_true(run_world(seed + i, &again) == hash);
        assert_int_equal(again, exchanges);
        assert_true(run_world(seed + i + 1, &again) != hash);
        sim_free(decoy);
    }
}

/* ---- time ---------------------------------------------------------------------------------------
 */

static void sleep_a_year(struct env *env, void *arg)
{
    uint64_t before_us = env_mono_us(env);

    assert_st_ok(env_sleep_us(env, 365 * 86400 * (uint64_t)SECOND_US));
    *(uint64_t *)arg = env_mono_us(env) - before_us;
}

static void time_is_virtual(void **state)
{
    struct sim *s = sim_new(1, NULL);
    uint64_t    slept_us = 0;

    (void)state;
    sim_add_node(s, "a", sleep_a_year, &slept_us);
    sim_run_us(s, 400 * 86400 * (uint64_t)SECOND_US);
    assert_true(slept_us >= 365 * 86400 * (uint64_t)SECOND_US);
    assert_true(slept_us < 365 * 86400 * (uint64_t)SECOND_US + 100);
    sim_free(s);
}

enum { WAITERS = 300 };

struct waiter {
    struct env_cond cond;
    uint64_t        deadline_us, woken_us;
    bool            timed_out;
};

static void wait_until_deadline(struct env *env, void *arg)
{
    struct waiter *w = arg;
    status         st = env_wait(env, &w->cond, w->deadline_us);

    w->woken_us = env_mono_us(env);
    w->timed_out = status_code(st) == ST_TIMED_OUT;
    st_clear(st);
}

/* Deadlines at random, a third of the waits signalled early, in random order. */
static void wait_in_random_order(struct env *env, void *arg)
{
    struct waiter *w = arg;
    struct fiber  *f[WAITERS];

    for (int i = 0; i < WAITERS; i++) {
        env_cond_init(&w[i].cond);
        w[i].deadline_us = env_deadline(env, 10000 + env_rand_below(env, 1000000));
        assert_st_ok(env_spawn(env, "waiter", wait_until_deadline, &w[i], &f[i]));
    }
    for (int i = 0; i < WAITERS / 3; i++) {
        env_signal(env, &w[env_rand_below(env, WAITERS)].cond);
        assert_st_ok(env_sleep_us(env, env_rand_below(env, 3000)));
    }
    for (int i = 0; i < WAITERS; i++)
        fiber_join(f[i]);
}

static void deadlines_are_met(void **state)
{
    uint64_t seed = test_seed(20);

    (void)state;
    for (uint64_t i = 0; i < 20; i++) {
        struct sim      *s = sim_new(seed + i, NULL);
        struct sim_node *n = sim_add_node(s, "a", sim_idle_main, NULL);
        struct waiter    w[WAITERS] = {0};
        int              timed_out = 0;

        sim_do(s, n, wait_in_random_order, w);
        for (int j = 0; j < WAITERS; j++) {
            timed_out += w[j].timed_out;
            if (w[j].timed_out)
                assert_in_range(w[j].woken_us, w[j].deadline_us, w[j].deadline_us + 500);
            else
                assert_true(w[j].woken_us < w[j].deadline_us + 500);
        }
        assert_in_range(timed_out, WAITERS / 2, WAITERS - 10);
        sim_free(s);
    }
}

static void spin_until(struct env *env, void *arg)
{
    uint64_t end_us = env_deadline(env, *(uint64_t *)arg);

    while (env_mono_us(env) < end_us)
        ;
    *(uint64_t *)arg = 0;
}

/* A loop that looks at the clock and never yields ends, because looking takes time (E7). */
static void time_passes_in_a_slice(void **state)
{
    struct sim *s = sim_new(1, NULL);
    uint64_t    us = 10000;

    (void)state;
    sim_add_node(s, "a", spin_until, &us);
    sim_run_us(s, 1);
    assert_int_equal(us, 0);
    assert_true(sim_now_us(s) >= 10000);
    sim_free(s);
}

struct clocks {
    uint64_t wall_us, mono_us;
};

static void read_clocks(struct env *env, void *arg)
{
    struct clocks *c = arg;

    c->wall_us = env_wall_us(env);
    c->mono_us = env_mono_us(env);
}

static void clocks_go_wrong(void **state)
{
    struct sim      *s = sim_new(3, NULL);
    struct sim_node *n = sim_add_node(s, "a", sim_idle_main, NULL);
    struct clocks    a, b, c;

    (void)state;
    sim_do(s, n, read_clocks, &a);
    sim_clock_jump(n, -(int64_t)SECOND_US);
    sim_clock_drift(n, 100000); /* a tenth too fast */
    sim_run_us(s, 10 * SECOND_US);
    sim_do(s, n, read_clocks, &b);
    assert_in_range(b.mono_us - a.mono_us, 10999000, 11001000);
    assert_in_range(b.wall_us - a.wall_us, 9999000, 10001000);
    sim_clock_drift(n, -1000000); /* frozen */
    sim_run_us(s, 10 * SECOND_US);
    sim_do(s, n, read_clocks, &c);
    assert_in_range(c.mono_us - b.mono_us, 0, 100);
    sim_free(s);
}

static void count_up(struct env *env, void *arg)
{
    for (;;) {
        assert_st_ok(env_sleep_us(env, 1000));
        ++*(uint64_t *)arg;
    }
}

static void pauses_stop_one_node(void **state)
{
    struct sim      *s = sim_new(4, NULL);
    uint64_t         a = 0, b = 0, before;
    struct sim_node *n = sim_add_node(s, "a", count_up, &a);

    (void)state;
    sim_add_node(s, "b", count_up, &b);
    sim_run_us(s, SECOND_US);
    before = a;
    sim_pause(n, 10 * SECOND_US);
    sim_run_us(s, 9 * SECOND_US);
    assert_int_equal(a, before);
    assert_true(b > 9000);
    sim_run_us(s, 2 * SECOND_US);
    assert_true(a > before + 500);
    sim_free(s);
}

/* ---- order and dead ends
 * -------------------------------------------------------------------------- */

struct marks {
    char   text[64];
    size_t size;
};

static void mark_self(struct env *env, void *arg)
{
    struct marks *m = arg;

    m->text[m->size++] = fiber_name(fiber_self(env))[0];
}

static void spawn_marks(struct env *env, void *arg)
{
    static const char *const names[] = {"a", "b", "c", "d", "e", "f", "g", "h"};

    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        assert_st_ok(env_spawn(env, names[i], mark_self, arg, NULL));
}

static void marks_of(uint64_t seed, bool ordered, struct marks *m)
{
    struct sim *s = sim_new(seed, &(struct sim_options){.ordered = ordered});

    *m = (struct marks){0};
    sim_add_node(s, "a", spawn_marks, m);
    sim_run_us(s, SECOND_US);
    sim_free(s);
}

static void seeds_shuffle(void **state)
{
    struct marks first, m;
    int          different = 0;

    (void)state;
    marks_of(1, true, &m);
    assert_string_equal(m.text, "abcdefgh");
    marks_of(1, false, &first);
    for (uint64_t seed = 2; seed < 12; seed++) {
        marks_of(seed, false, &m);
        assert_int_equal(m.size, 8);
        different += strcmp(first.text, m.text) != 0;
    }
    assert_true(different >= 8);
}

static void wait_for_ever(struct env *env, void *arg)
{
    struct env_cond cond;

    (void)arg;
    env_cond_init(&cond);
    assert_st_ok(env_wait(env, &cond, 0));
}

static void deadlocks_are_reported(void **state)
{
    struct sim  *s = sim_new(1, NULL);
    struct heap *h = heap_new();
    struct buf   report;

    (void)state;
    sim_add_node(s, "a", wait_for_ever, NULL);
    assert_int_equal(sim_run_us(s, SECOND_US), SIM_DEADLOCK);
    buf_init(&report, h);
    sim_report(s, &report);
    assert_non_null(strstr(buf_cstr(&report), "a: fiber 1 \"main\" waits"));
    buf_deinit(&report);
    heap_destroy(h);
    sim_free(s);
}

static bool is_set(void *arg)
{
    return *(bool *)arg;
}

static void set_and_stop(struct env *env, void *arg)
{
    assert_st_ok(env_sleep_us(env, 500));
    *(bool *)arg = true;
    env_stop(env);
}

static void nodes_stop_themselves(void **state)
{
    struct sim      *s = sim_new(1, NULL);
    bool             flag = false;
    struct sim_node *n = sim_add_node(s, "a", set_and_stop, &flag);

    (void)state;
    assert_int_equal(sim_run_until(s, is_set, &flag, SECOND_US), SIM_DONE);
    assert_false(sim_node_is_up(n));
    assert_null(sim_node_env(n));
    assert_int_equal(sim_run_us(s, SECOND_US), SIM_TIME);
    sim_free(s);
}

static void count_call(struct env *env, void *arg)
{
    (void)env;
    ++*(int *)arg;
}

static void post_to_itself(struct env *env, void *arg)
{
    assert_st_ok(env_post(env, count_call, arg));
    assert_st_code(env_post(env, count_call, arg), ST_LIMIT_EXCEEDED);
    assert_st_ok(env_post_reserved(env, count_call, arg));
    while (*(int *)arg < 2)
        env_yield(env);
    assert_st_ok(env_post(env, count_call, arg));
}

static void queues_may_be_tiny(void **state)
{
    struct sim      *s = sim_new(1, &(struct sim_options){.post_max = 1});
    struct sim_node *n = sim_add_node(s, "a", sim_idle_main, NULL);
    int              calls = 0;

    (void)state;
    sim_do(s, n, post_to_itself, &calls);
    sim_run_us(s, 1000);
    assert_int_equal(calls, 3);
    sim_free(s);
}

/* ---- crashes ------------------------------------------------------------------------------------
 */

static size_t resident_pages(void)
{
    FILE         *f = fopen("/proc/self/statm", "r");
    unsigned long size, resident;

    assert_non_null(f);
    assert_int_equal(fscanf(f, "%lu %lu", &size, &resident), 2);
    fclose(f);
    return resident;
}

static void fiber_of_a_busy_node(struct env *env, void *arg)
{
    (void)arg;
    for (;;) {
        char            *p = heap_alloc(env_heap(env), 2000);
        struct env_file *f;

        assert_non_null(p);
        assert_st_ok(env_file_open(env, "f", ENV_READ | ENV_WRITE | ENV_CREATE, &f));
        assert_st_ok(env_file_write_at(f, p, 1000, 0, ENV_LANE_IO));
        env_file_close(f);
        assert_st_ok(env_sleep_us(env, 100));
    }
}

static void busy_node(struct env *env, void *arg)
{
    for (int i = 0; i < 5; i++)
        assert_st_ok(env_spawn(env, "busy", fiber_of_a_busy_node, arg, NULL));
    server_main(env, arg);
}

enum { CRASHES = 10000, WARM_UP = 1000 };

static void crashes_leave_no_memory_behind(void **state)
{
    struct sim      *s = sim_new(test_seed(5), NULL);
    uint64_t         exchanges = 0;
    struct sim_node *n = sim_add_node(s, "server", busy_node, NULL);
    size_t           before = 0;

    (void)state;
    sim_add_node(s, "client", client_main, &exchanges);
    for (int i = 0; i < CRASHES; i++) {
        sim_run_us(s, 500 + sim_rand_below(s, 3000));
        sim_crash(n, i % 2 == 0 ? SIM_POWER_LOSS : SIM_KILL);
        sim_restart(n);
        if (i == WARM_UP)
            before = resident_pages();
    }
    assert_true(exchanges > 100);
#if !defined(LINERA_ASAN) && !defined(LINERA_TSAN) /* which keep freed memory for a while */
    assert_true(resident_pages() < before + 2048);
#endif
    sim_free(s);
}

static void crash_peer(struct env *env, void *arg)
{
    (void)env;
    sim_crash(arg, SIM_POWER_LOSS);
}

static void crash_own_node(struct env *env, void *arg)
{
    env_no_yield_begin(env);
    sim_crash(arg, SIM_KILL);
}

static void fibers_may_crash_nodes(void **state)
{
    struct sim      *s = sim_new(6, NULL);
    struct sim_node *a = sim_add_node(s, "a", wait_for_ever, NULL);
    struct sim_node *b = sim_add_node(s, "b", sim_idle_main, NULL);

    (void)state;
    sim_do(s, b, crash_peer, a);
    assert_false(sim_node_is_up(a));
    assert_false(sim_try(s, b, crash_own_node, b));
    assert_false(sim_node_is_up(b));
    sim_restart(b);
    assert_true(sim_node_is_up(b));
    sim_free(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T("a seed gives the same run twice, and another one another", same_seed_same_run),
        T("a year passes at once", time_is_virtual),
        T("waits end at their deadlines, whatever was signalled before", deadlines_are_met),
        T("time passes inside a slice", time_passes_in_a_slice),
        T("clocks jump, drift and stand still", clocks_go_wrong),
        T("a paused node does nothing while others go on", pauses_stop_one_node),
        T("seeds shuffle ready fibers, an ordered world does not", seeds_shuffle),
        T("a deadlock is reported with the names of those who wait", deadlocks_are_reported),
        T("a node that stops itself is down", nodes_stop_themselves),
        T("queues of one message refuse the second", queues_may_be_tiny),
        T("ten thousand crashes leave no memory behind", crashes_leave_no_memory_behind),
        T("a fiber may crash its own node or another", fibers_may_crash_nodes),
    };

    return cmocka_run_group_tests_name("env sim", tests, NULL, NULL);
}
