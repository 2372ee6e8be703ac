#include "env/net.h"
#include "env/sim.h"
#include "tests/env/sim_fixture.h"

enum { PORT = 6000 };

/* Two nodes and a connection between them. */
struct world {
    struct sim      *s;
    struct sim_node *client, *server;
    struct listener *listener;
    struct conn     *a, *b; /* the client's end, the server's end */
};

static void server_main(struct env *env, void *arg)
{
    struct world *w = arg;

    assert_st_ok(env_listen(env, "server", PORT, &w->listener));
    for (;;)
        assert_st_ok(env_accept(w->listener, &w->b));
}

static void client_connect(struct env *env, void *arg)
{
    struct world *w = arg;

    assert_st_ok(env_connect(env, "server", PORT, 0, &w->a));
}

static bool both_ends(void *arg)
{
    const struct world *w = arg;

    return w->a != NULL && w->b != NULL;
}

static void world_open(struct world *w, uint64_t seed, const struct sim_options *options)
{
    *w = (struct world){.s = sim_new(seed, options)};
    w->server = sim_add_node(w->s, "server", server_main, w);
    w->client = sim_add_node(w->s, "client", sim_idle_main, w);
    sim_run_us(w->s, 1000);
    sim_do(w->s, w->client, client_connect, w);
    assert_int_equal(sim_run_until(w->s, both_ends, w, SECOND_US), SIM_DONE);
}

/* One side sends `size` bytes, the other reads until the end or `size` bytes. */
struct transfer {
    struct conn     *conn;
    size_t           size, moved;
    uint64_t         deadline_us, ended_us;
    enum status_code code;
    bool             done, wrong;
};

static char byte_at(size_t position)
{
    return (char)(position * 2654435761u >> 13);
}

static void transfer_end(struct env *env, struct transfer *t, status st)
{
    t->code = status_code(st);
    t->ended_us = env_mono_us(env);
    t->done = true;
    st_clear(st);
}

static void send_bytes(struct env *env, void *arg)
{
    struct transfer *t = arg;
    char             data[5000];
    status           st = STATUS_OK;

    while (st_ok(st) && t->moved < t->size) {
        size_t n = MIN(sizeof data, t->size - t->moved);
        slice  part = slice_make(data, n);

        for (size_t i = 0; i < n; i++)
            data[i] = byte_at(t->moved + i);
        st = conn_write(t->conn, &part, 1, t->deadline_us);
        t->moved += st_ok(st) ? n : 0;
    }
    transfer_end(env, t, st);
}

static void receive_bytes(struct env *env, void *arg)
{
    struct transfer *t = arg;
    char             data[3000];
    size_t           n = 1;
    status           st = STATUS_OK;

    while (st_ok(st) && n > 0 && t->moved < t->size) {
        st = conn_read(t->conn, data, sizeof data, t->deadline_us, &n);
        n = st_ok(st) ? n : 0;
        for (size_t i = 0; i < n; i++)
            t->wrong |= data[i] != byte_at(t->moved + i);
        t->moved += n;
    }
    transfer_end(env, t, st);
}

static void start(struct sim_node *n, env_fn *fn, struct transfer *t)
{
    assert_st_ok(env_spawn(sim_node_env(n), "transfer", fn, t, NULL));
}

static bool is_done(void *arg)
{
    return ((struct transfer *)arg)->done;
}

static void close_conn(struct env *env, void *arg)
{
    struct conn **c = arg;

    (void)env;
    conn_close(*c);
    *c = NULL;
}

/* ---- streams ------------------------------------------------------------------------------------
 */

static void streams_arrive_whole(void **state)
{
    uint64_t seed = test_seed(50);

    (void)state;
    for (uint64_t i = 0; i < 20; i++) {
        struct sim_options lossy = {.loss_ppm = 50000, .latency_max_us = 5000};
        struct world       w;
        struct transfer    out, in;

        world_open(&w, seed + i, &lossy);
        assert_string_equal(conn_peer(w.a), "server");
        assert_string_equal(conn_peer(w.b), "client");
        assert_int_equal(conn_peer_port(w.b), conn_local_port(w.a));
        out = (struct transfer){.conn = w.a, .size = 1000000};
        in = (struct transfer){.conn = w.b, .size = 2000000};
        start(w.client, send_bytes, &out);
        sim_run_us(w.s, 20 * (uint64_t)SECOND_US);
        assert_false(out.done); /* nobody reads: the window is full */
        assert_in_range(out.moved, 50000, 65536);
        start(w.server, receive_bytes, &in);
        assert_int_equal(sim_run_until(w.s, is_done, &out, 1000 * (uint64_t)SECOND_US), SIM_DONE);
        sim_do(w.s, w.client, close_conn, &w.a);
        assert_int_equal(sim_run_until(w.s, is_done, &in, 1000 * (uint64_t)SECOND_US), SIM_DONE);
        assert_int_equal(in.code, ST_SUCCESS);
        assert_int_equal(in.moved, 1000000);
        assert_false(in.wrong);
        sim_free(w.s);
    }
}

static void links_are_as_slow_as_told(void **state)
{
    struct world    w;
    struct transfer out, in;
    uint64_t        before_us;

    (void)state;
    world_open(&w, 1, NULL);
    sim_link_bandwidth(w.client, w.server, 100000);
    sim_link_latency(w.client, w.server, 10000, 20000);
    out = (struct transfer){.conn = w.a, .size = 200000};
    in = (struct transfer){.conn = w.b, .size = 200000};
    before_us = sim_now_us(w.s);
    start(w.client, send_bytes, &out);
    start(w.server, receive_bytes, &in);
    assert_int_equal(sim_run_until(w.s, is_done, &in, 100 * (uint64_t)SECOND_US), SIM_DONE);
    assert_in_range(sim_now_us(w.s) - before_us, 2000000, 3000000);
    sim_free(w.s);
}

/* ---- partitions ---------------------------------------------------------------------------------
 */

static void partitions_hold_and_heal(void **state)
{
    struct world    w;
    struct transfer out, in;

    (void)state;
    world_open(&w, 1, NULL);
    sim_isolate(w.server, true);
    out = (struct transfer){.conn = w.a, .size = 1000};
    in = (struct transfer){.conn = w.b, .size = 1000};
    start(w.client, send_bytes, &out);
    start(w.server, receive_bytes, &in);
    sim_run_us(w.s, 10 * SECOND_US);
    assert_true(out.done); /* into the window */
    assert_int_equal(in.moved, 0);
    sim_heal(w.s);
    assert_int_equal(sim_run_until(w.s, is_done, &in, 10 * SECOND_US), SIM_DONE);
    assert_int_equal(in.moved, 1000);
    assert_false(in.wrong);
    sim_free(w.s);
}

static void partitions_one_way(void **state)
{
    struct world    w;
    struct transfer there, there_in, back, back_in;

    (void)state;
    world_open(&w, 2, NULL);
    sim_link_cut(w.client, w.server, true);
    there = (struct transfer){.conn = w.a, .size = 100};
    there_in = (struct transfer){.conn = w.b, .size = 100};
    back = (struct transfer){.conn = w.b, .size = 100};
    back_in = (struct transfer){.conn = w.a, .size = 100};
    start(w.client, send_bytes, &there);
    start(w.server, receive_bytes, &there_in);
    start(w.server, send_bytes, &back);
    start(w.client, receive_bytes, &back_in);
    sim_run_us(w.s, 10 * SECOND_US);
    assert_int_equal(there_in.moved, 0);
    assert_int_equal(back_in.moved, 100);
    sim_free(w.s);
}

static void acks_need_the_way_back(void **state)
{
    struct world    w;
    struct transfer out, in;

    (void)state;
    world_open(&w, 2, NULL);
    sim_link_cut(w.server, w.client, true);
    out = (struct transfer){.conn = w.a, .size = 200000};
    in = (struct transfer){.conn = w.b, .size = 200000};
    start(w.client, send_bytes, &out);
    start(w.server, receive_bytes, &in);
    sim_run_us(w.s, 10 * SECOND_US);
    assert_in_range(in.moved, 60000, 65536);
    sim_heal(w.s);
    assert_int_equal(sim_run_until(w.s, is_done, &in, 10 * SECOND_US), SIM_DONE);
    assert_false(in.wrong);
    sim_free(w.s);
}

static void long_partitions_break_streams(void **state)
{
    struct world    w;
    struct transfer out, in;

    (void)state;
    world_open(&w, 3, NULL);
    sim_isolate(w.server, true);
    out = (struct transfer){.conn = w.a, .size = 1000000};
    in = (struct transfer){.conn = w.b, .size = 1000, .deadline_us = 0};
    start(w.client, send_bytes, &out);
    start(w.server, receive_bytes, &in);
    assert_int_equal(sim_run_until(w.s, is_done, &out, 100 * (uint64_t)SECOND_US), SIM_DONE);
    assert_int_equal(out.code, ST_CONNECTION_FAILURE);
    assert_false(in.done); /* the other side has no way to know */
    sim_free(w.s);
}

struct connecting {
    const char      *host;
    uint16_t         port;
    uint64_t         timeout_us;
    enum status_code code;
};

static void try_connect(struct env *env, void *arg)
{
    struct connecting *c = arg;
    uint64_t           deadline_us = c->timeout_us != 0 ? env_deadline(env, c->timeout_us) : 0;
    struct conn       *conn;
    status             st = env_connect(env, c->host, c->port, deadline_us, &conn);

    c->code = status_code(st);
    if (st_ok(st))
        conn_close(conn);
    st_clear(st);
}

static enum status_code connect_code(struct world *w, const char *host, uint16_t port,
                                     uint64_t timeout_us)
{
    struct connecting c = {host, port, timeout_us, ST_SUCCESS};

    sim_do(w->s, w->client, try_connect, &c);
    return c.code;
}

static void connects_fail_as_they_should(void **state)
{
    struct world w;

    (void)state;
    world_open(&w, 4, NULL);
    assert_int_equal(connect_code(&w, "server", PORT, 0), ST_SUCCESS);
    assert_int_equal(connect_code(&w, "server", 1, 0), ST_CONNECTION_REFUSED);
    assert_int_equal(connect_code(&w, "nobody", PORT, 0), ST_CONNECTION_REFUSED);
    sim_link_cut(w.server, w.client, true);
    assert_int_equal(connect_code(&w, "server", PORT, SECOND_US), ST_TIMED_OUT);
    sim_heal(w.s);
    sim_crash(w.server, SIM_KILL);
    assert_int_equal(connect_code(&w, "server", PORT, SECOND_US), ST_CONNECTION_REFUSED);
    sim_restart(w.server);
    sim_run_us(w.s, SECOND_US);
    sim_crash(w.server, SIM_POWER_LOSS);
    assert_int_equal(connect_code(&w, "server", PORT, SECOND_US), ST_TIMED_OUT);
    assert_int_equal(connect_code(&w, "server", PORT, 0), ST_CONNECTION_REFUSED); /* gave up */
    sim_free(w.s);
}

/* ---- crashes ------------------------------------------------------------------------------------
 */

static void killed_peers_are_noticed(void **state)
{
    struct world    w;
    struct transfer in;

    (void)state;
    world_open(&w, 5, NULL);
    in = (struct transfer){.conn = w.a, .size = 1000};
    start(w.client, receive_bytes, &in);
    sim_crash(w.server, SIM_KILL);
    assert_int_equal(sim_run_until(w.s, is_done, &in, SECOND_US), SIM_DONE);
    assert_true(conn_peer_gone(w.a));
    sim_free(w.s);
}

static void powerless_peers_are_silent(void **state)
{
    struct world    w;
    struct transfer in, out;

    (void)state;
    world_open(&w, 6, NULL);
    in = (struct transfer){.conn = w.a, .size = 1000};
    out = (struct transfer){.conn = w.a, .size = 1000};
    start(w.client, receive_bytes, &in);
    sim_crash(w.server, SIM_POWER_LOSS);
    sim_run_us(w.s, 10 * SECOND_US);
    assert_false(in.done);
    start(w.client, send_bytes, &out);
    sim_run_us(w.s, SECOND_US);
    assert_false(in.done);
    /* Back again, the machine knows nothing of the stream and says so. */
    sim_restart(w.server);
    assert_int_equal(sim_run_until(w.s, is_done, &in, 10 * SECOND_US), SIM_DONE);
    assert_int_equal(in.code, ST_CONNECTION_FAILURE);
    sim_free(w.s);
}

static void resets_break_streams(void **state)
{
    struct world    w;
    struct transfer in_a, in_b;

    (void)state;
    world_open(&w, 7, NULL);
    in_a = (struct transfer){.conn = w.a, .size = 1000};
    in_b = (struct transfer){.conn = w.b, .size = 1000};
    start(w.client, receive_bytes, &in_a);
    start(w.server, receive_bytes, &in_b);
    sim_run_us(w.s, 1000);
    sim_reset_conns(w.server, w.client);
    sim_run_us(w.s, SECOND_US);
    assert_int_equal(in_a.code, ST_CONNECTION_FAILURE);
    assert_int_equal(in_b.code, ST_CONNECTION_FAILURE);
    sim_free(w.s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T("a stream over a lossy link arrives whole, at the reader's pace", streams_arrive_whole),
        T("a link is as slow as it is told to be", links_are_as_slow_as_told),
        T("a partition holds bytes back until it heals", partitions_hold_and_heal),
        T("a one-way partition stops one direction", partitions_one_way),
        T("a sender that hears no acknowledgement stops at the window", acks_need_the_way_back),
        T("a long partition breaks the stream for who sends", long_partitions_break_streams),
        T("a connect fails as the reason has it", connects_fail_as_they_should),
        T("a killed peer is noticed", killed_peers_are_noticed),
        T("a peer without power is silent until it is back", powerless_peers_are_silent),
        T("a reset breaks the stream for both", resets_break_streams),
    };

    return cmocka_run_group_tests_name("env sim net", tests, NULL, NULL);
}
