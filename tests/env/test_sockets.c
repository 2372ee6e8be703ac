#include <dirent.h>
#include <unistd.h>

#include "env/net.h"
#include "tests/env/fixture.h"

/* ---- a server that echoes
 * ------------------------------------------------------------------------ */

struct server {
    struct listener *listener;
    struct fiber    *acceptor;
    uint16_t         port;
    int              open;
};

struct served {
    struct server *server;
    struct conn   *conn;
};

static void echo(struct env *env, void *arg)
{
    struct served *s = arg;
    char           buf[4096];
    size_t         n;

    for (;;) {
        slice  part;
        status st = conn_read(s->conn, buf, sizeof buf, 0, &n);

        if (st_ok(st) && n > 0) {
            part = slice_make(buf, n);
            st = conn_write(s->conn, &part, 1, 0);
        }
        if (!st_ok(st) || n == 0) {
            st_clear(st);
            break;
        }
    }
    s->server->open--;
    conn_close(s->conn);
    heap_free(s);
    (void)env;
}

static void accept_all(struct env *env, void *arg)
{
    struct server *server = arg;
    struct conn   *c;
    status         st;

    while (st_ok(st = env_accept(server->listener, &c))) {
        struct served *s = heap_must_alloc(env_heap(env), 1, sizeof *s);

        *s = (struct served){server, c};
        server->open++;
        assert_st_ok(env_spawn(env, "echo", echo, s, NULL));
    }
    assert_st_code(st, ST_CANCELLED);
}

static void server_start(struct env *env, struct server *s)
{
    *s = (struct server){0};
    assert_st_ok(env_listen(env, "127.0.0.1", 0, &s->listener));
    s->port = listener_port(s->listener);
    assert_true(s->port != 0);
    assert_st_ok(env_spawn(env, "acceptor", accept_all, s, &s->acceptor));
}

static void server_stop(struct env *env, struct server *s)
{
    fiber_cancel(s->acceptor);
    fiber_join(s->acceptor);
    listener_close(s->listener);
    while (s->open > 0)
        assert_st_ok(env_sleep_us(env, 1000));
}

static void write_text(struct conn *c, const char *text)
{
    slice part = slice_cstr(text);

    assert_st_ok(conn_write(c, &part, 1, 0));
}

static void expect_text(struct conn *c, const char *text)
{
    char   got[256];
    size_t size = strlen(text), done = 0, n;

    while (done < size) {
        assert_st_ok(conn_read(c, got + done, size - done, 0, &n));
        assert_true(n > 0);
        done += n;
    }
    assert_memory_equal(got, text, size);
}

/* ---- a thousand connections ---------------------------------------------------------------------
 */

enum { CONNECTIONS = 1000, ROUNDS = 5 };

static void talk(struct env *env, void *arg)
{
    struct server *s = arg;
    struct conn   *c;
    char           text[64];

    assert_st_ok(env_connect(env, "127.0.0.1", s->port, 0, &c));
    assert_string_equal(conn_peer(c), "127.0.0.1");
    assert_int_equal(conn_peer_port(c), s->port);
    for (int i = 0; i < ROUNDS; i++) {
        snprintf(text, sizeof text, "%p says %d", (void *)c, i);
        write_text(c, text);
        expect_text(c, text);
    }
    assert_false(conn_peer_gone(c));
    conn_close(c);
}

static void thousand_body(struct env *env, void *arg)
{
    struct server  s;
    struct fiber **f = heap_must_alloc(env_heap(env), CONNECTIONS, sizeof *f);

    (void)arg;
    server_start(env, &s);
    for (int i = 0; i < CONNECTIONS; i++)
        assert_st_ok(env_spawn(env, "client", talk, &s, &f[i]));
    for (int i = 0; i < CONNECTIONS; i++)
        fiber_join(f[i]);
    server_stop(env, &s);
    assert_int_equal(env_fiber_count(env), 1);
    heap_free(f);
}

static void thousand_connections(void **state)
{
    (void)state;
    run_on_worker(NULL, thousand_body, NULL);
}

/* ---- large transfers ----------------------------------------------------------------------------
 */

enum { LARGE_PARTS = 300, LARGE_PART_SIZE = 40000 };

struct sending {
    struct conn *conn;
    char        *data;
    status       st;
    bool         done;
};

static void send_large(struct env *env, void *arg)
{
    struct sending *s = arg;
    slice           parts[LARGE_PARTS];

    (void)env;
    for (int i = 0; i < LARGE_PARTS; i++)
        parts[i] = slice_make(s->data + (size_t)i * LARGE_PART_SIZE, LARGE_PART_SIZE);
    s->st = conn_write(s->conn, parts, LARGE_PARTS, 0);
    s->done = true;
}

static void large_body(struct env *env, void *arg)
{
    size_t         size = (size_t)LARGE_PARTS * LARGE_PART_SIZE, done = 0, n;
    char          *data = heap_must_alloc(env_heap(env), 1, size);
    char          *got = heap_must_alloc(env_heap(env), 1, size);
    struct server  s;
    struct sending sending = {.data = data};
    struct fiber  *sender;

    (void)arg;
    for (size_t i = 0; i < size; i++)
        data[i] = (char)env_rand64(env);
    server_start(env, &s);
    assert_st_ok(env_connect(env, "127.0.0.1", s.port, 0, &sending.conn));
    assert_st_ok(env_spawn(env, "sender", send_large, &sending, &sender));
    assert_st_ok(env_sleep_us(env, 50000));
    assert_false(sending.done); /* nobody has read yet, and no buffer holds twelve megabytes */
    while (done < size) {
        assert_st_ok(conn_read(sending.conn, got + done, size - done, 0, &n));
        assert_true(n > 0);
        done += n;
    }
    fiber_join(sender);
    assert_st_ok(sending.st);
    assert_memory_equal(data, got, size);
    conn_close(sending.conn);
    server_stop(env, &s);
    heap_free(data);
    heap_free(got);
}

static void large_transfers_arrive_whole(void **state)
{
    (void)state;
    run_on_worker(NULL, large_body, NULL);
}

/* ---- ends and errors ----------------------------------------------------------------------------
 */

/* Two ends of one connection. */
struct pair {
    struct listener *listener;
    struct conn     *a, *b;
};

static void pair_open(struct env *env, struct pair *p)
{
    assert_st_ok(env_listen(env, "127.0.0.1", 0, &p->listener));
    assert_st_ok(env_connect(env, "127.0.0.1", listener_port(p->listener), 0, &p->a));
    assert_st_ok(env_accept(p->listener, &p->b));
}

static void pair_close(struct pair *p)
{
    conn_close(p->a);
    conn_close(p->b);
    listener_close(p->listener);
}

static void ends_body(struct env *env, void *arg)
{
    struct pair p;
    char        buf[8];
    size_t      n = 1;

    (void)arg;
    pair_open(env, &p);
    write_text(p.a, "last");
    conn_shutdown_send(p.a);
    expect_text(p.b, "last");
    assert_st_ok(conn_read(p.b, buf, sizeof buf, 0, &n));
    assert_int_equal(n, 0);
    assert_int_equal(conn_try_read(p.b, buf, sizeof buf), CONN_END);
    write_text(p.b, "answer"); /* the other direction still works */
    expect_text(p.a, "answer");
    pair_close(&p);
}

static void ends_are_told_apart(void **state)
{
    (void)state;
    run_on_worker(NULL, ends_body, NULL);
}

static void deadline_body(struct env *env, void *arg)
{
    struct pair p;
    char        buf[8];
    size_t      n;

    (void)arg;
    pair_open(env, &p);
    assert_st_code(conn_read(p.b, buf, sizeof buf, env_deadline(env, 5000), &n), ST_TIMED_OUT);
    assert_int_equal(conn_try_read(p.b, buf, sizeof buf), CONN_WOULD_BLOCK);
    write_text(p.a, "late");
    assert_st_ok(conn_readable_wait(p.b, 0));
    assert_int_equal(conn_try_read(p.b, buf, sizeof buf), 4);
    pair_close(&p);
}

static void reads_time_out(void **state)
{
    (void)state;
    run_on_worker(NULL, deadline_body, NULL);
}

struct reading {
    struct conn     *conn;
    enum status_code code;
    size_t           n;
};

static void read_once(struct env *env, void *arg)
{
    struct reading *r = arg;
    char            buf[8];
    status          st = conn_read(r->conn, buf, sizeof buf, 0, &r->n);

    (void)env;
    r->code = status_code(st);
    st_clear(st);
}

static void interrupt_body(struct env *env, void *arg)
{
    struct pair    p;
    struct reading r = {.n = 9};
    struct fiber  *f;

    (void)arg;
    pair_open(env, &p);
    r.conn = p.b;
    assert_st_ok(env_spawn(env, "reader", read_once, &r, &f));
    env_yield(env);
    fiber_cancel(f);
    fiber_join(f);
    assert_int_equal(r.code, ST_CANCELLED);
    assert_st_ok(env_spawn(env, "reader", read_once, &r, &f));
    env_yield(env);
    conn_shutdown(p.b);
    fiber_join(f);
    assert_int_equal(r.code, ST_SUCCESS);
    assert_int_equal(r.n, 0);
    pair_close(&p);
}

static void reads_are_interrupted(void **state)
{
    (void)state;
    run_on_worker(NULL, interrupt_body, NULL);
}

static void gone_body(struct env *env, void *arg)
{
    struct pair p;
    slice       part = SLICE_LIT("anybody there?");
    status      st;

    (void)arg;
    pair_open(env, &p);
    assert_st_code(conn_readable_wait(p.b, env_deadline(env, 1000)), ST_TIMED_OUT);
    assert_false(conn_peer_gone(p.b));
    conn_close(p.a);
    p.a = NULL;
    for (int i = 0; i < 1000 && !conn_peer_gone(p.b); i++)
        assert_st_ok(env_sleep_us(env, 1000));
    assert_true(conn_peer_gone(p.b));
    for (int i = 0; st_ok(st = conn_write(p.b, &part, 1, 0)); i++) {
        assert_true(i < 100);
        assert_st_ok(env_sleep_us(env, 1000));
    }
    assert_st_code(st, ST_CONNECTION_FAILURE);
    pair_close(&p);
}

static void notices_a_peer_that_left(void **state)
{
    (void)state;
    run_on_worker(NULL, gone_body, NULL);
}

static void refused_body(struct env *env, void *arg)
{
    struct listener *l, *second;
    struct conn     *c;
    uint16_t         port;
    char             expected[128];
    status           st;

    (void)arg;
    assert_st_ok(env_listen(env, "127.0.0.1", 0, &l));
    port = listener_port(l);
    st = env_listen(env, "127.0.0.1", port, &second);
    snprintf(expected, sizeof expected,
             "could not listen on \"127.0.0.1\", port %u: Address already in use", port);
    assert_string_equal(status_message(st), expected);
    assert_st_code(st, ST_OBJECT_IN_USE);
    listener_close(l);
    assert_st_code(env_connect(env, "127.0.0.1", port, 0, &c), ST_CONNECTION_REFUSED);
    assert_st_code(env_connect(env, "no-such-host.invalid", port, 0, &c), ST_CONNECTION_REFUSED);
}

static void refusals_are_clear(void **state)
{
    (void)state;
    run_on_worker(NULL, refused_body, NULL);
}

static void names_body(struct env *env, void *arg)
{
    struct listener *l;
    struct conn     *a, *b;

    (void)arg;
    assert_st_ok(env_listen(env, "localhost", 0, &l));
    assert_st_ok(env_connect(env, "localhost", listener_port(l), 0, &a));
    assert_st_ok(env_accept(l, &b));
    assert_int_equal(conn_local_port(a), conn_peer_port(b));
    conn_close(a);
    conn_close(b);
    listener_close(l);
}

static void names_are_looked_up(void **state)
{
    (void)state;
    run_on_worker(NULL, names_body, NULL);
}

static void unix_body(struct env *env, void *arg)
{
    char             dir[] = "/tmp/linera-sock-XXXXXX";
    struct listener *l, *second;
    struct conn     *a, *b, *none;

    (void)arg;
    assert_non_null(mkdtemp(dir));
    assert_st_code(env_connect(env, dir, 5432, 0, &none), ST_CONNECTION_REFUSED);
    assert_st_ok(env_listen(env, dir, 5432, &l));
    assert_st_ok(env_connect(env, dir, 5432, 0, &a));
    assert_st_ok(env_accept(l, &b));
    assert_string_equal(conn_peer(b), "[local]");
    write_text(a, "hello");
    expect_text(b, "hello");
    assert_st_code(env_listen(env, dir, 5432, &second), ST_OBJECT_IN_USE);
    conn_close(a);
    conn_close(b);
    listener_close(l);
    assert_int_equal(rmdir(dir), 0);
}

static void unix_sockets_work(void **state)
{
    (void)state;
    run_on_worker(NULL, unix_body, NULL);
}

static int open_descriptors(void)
{
    DIR *dir = opendir("/proc/self/fd");
    int  count = 0;

    assert_non_null(dir);
    while (readdir(dir) != NULL)
        count++;
    closedir(dir);
    return count;
}

static void leave_open_body(struct env *env, void *arg)
{
    struct pair p;

    (void)arg;
    pair_open(env, &p);
}

static void workers_leave_no_sockets(void **state)
{
    int before = open_descriptors();

    (void)state;
    run_on_worker(NULL, leave_open_body, NULL);
    assert_int_equal(open_descriptors(), before);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T("a thousand connections are echoed at once", thousand_connections),
        T("a large write waits for its reader and arrives whole", large_transfers_arrive_whole),
        T("the end of one direction leaves the other open", ends_are_told_apart),
        T("a read past its deadline says so and takes nothing", reads_time_out),
        T("a waiting read is ended by cancel and by shutdown", reads_are_interrupted),
        T("a peer that left is noticed", notices_a_peer_that_left),
        T("a taken port and a closed one are refused in clear words", refusals_are_clear),
        T("names are looked up", names_are_looked_up),
        T("a worker that ends closes the sockets its fibers left", workers_leave_no_sockets),
        T("Unix sockets work like the others", unix_sockets_work),
    };

    return cmocka_run_group_tests_name("env sockets", tests, NULL, NULL);
}
