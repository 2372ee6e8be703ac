/* tests/bench/bench_env.c: what the environment costs: fiber switches, hand-overs to threads, echo
 * over loopback, memory of idle connections. Prints a line per figure; run it on a quiet machine.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/assert.h"
#include "env/file.h"
#include "env/net.h"

static double now_s(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static void must(status st)
{
    if (st_ok(st))
        return;
    fprintf(stderr, "bench_env: %s\n", status_message(st));
    exit(1);
}

/* ---- switches -----------------------------------------------------------------------------------
 */

enum { SWITCHES = 5000000, OFFLOADS = 50000 };

static void yield_many(struct env *env, void *arg)
{
    for (int i = 0; i < *(int *)arg; i++)
        env_yield(env);
}

static void bench_switch(struct env *env)
{
    struct fiber *f[2];
    int           rounds = SWITCHES;
    double        start = now_s();

    for (int i = 0; i < 2; i++)
        must(env_spawn(env, "yield", yield_many, &rounds, &f[i]));
    for (int i = 0; i < 2; i++)
        fiber_join(f[i]);
    printf("fiber yield, scheduler and loop included: %.0f ns\n",
           (now_s() - start) / (2.0 * SWITCHES) * 1e9);
}

struct ping {
    struct env_cond to, from;
    int             left;
};

static void pong(struct env *env, void *arg)
{
    struct ping *p = arg;

    while (p->left > 0) {
        must(env_wait(env, &p->to, 0));
        env_signal(env, &p->from);
    }
}

static void bench_signal(struct env *env)
{
    struct ping   p = {.left = SWITCHES / 5};
    struct fiber *f;
    double        start;

    env_cond_init(&p.to);
    env_cond_init(&p.from);
    must(env_spawn(env, "pong", pong, &p, &f));
    env_yield(env);
    start = now_s();
    while (p.left-- > 0) {
        env_signal(env, &p.to);
        must(env_wait(env, &p.from, 0));
    }
    printf("condition round trip, idle worker: %.0f ns\n",
           (now_s() - start) / (SWITCHES / 5.0) * 1e9);
    fiber_join(f);
}

static void nothing(void *arg)
{
    (void)arg;
}

static void bench_offload(struct env *env)
{
    double start = now_s();

    for (int i = 0; i < OFFLOADS; i++)
        env_offload(env, ENV_LANE_LOG_SYNC, nothing, NULL);
    printf("offload round trip: %.1f us\n", (now_s() - start) / OFFLOADS * 1e6);
}

static void end_at_once(struct env *env, void *arg)
{
    (void)env;
    (void)arg;
}

static void bench_spawn(struct env *env)
{
    double start = now_s();

    for (int i = 0; i < SWITCHES / 10; i++) {
        struct fiber *f;

        must(env_spawn(env, "short", end_at_once, NULL, &f));
        fiber_join(f);
    }
    printf("spawn and join: %.0f ns\n", (now_s() - start) / (SWITCHES / 10.0) * 1e9);
}

static void bench_big_stack(struct env *env)
{
    double start = now_s();

    for (int i = 0; i < SWITCHES / 10; i++)
        env_call_on_big_stack(env, nothing, NULL);
    printf("call on the big stack: %.0f ns\n", (now_s() - start) / (SWITCHES / 10.0) * 1e9);
}

/* ---- echo ---------------------------------------------------------------------------------------
 */

struct server {
    struct listener *listener;
    uint16_t         port;
    size_t           open;
};

struct served {
    struct server *server;
    struct conn   *conn;
};

static void echo(struct env *env, void *arg)
{
    struct served s = *(struct served *)arg;
    char          buf[1024];
    size_t        n;
    status        st;

    (void)env;
    heap_free(arg);
    while (st_ok(st = conn_read(s.conn, buf, sizeof buf, 0, &n)) && n > 0) {
        slice part = slice_make(buf, n);

        must(conn_write(s.conn, &part, 1, 0));
    }
    st_clear(st);
    s.server->open--;
    conn_close(s.conn);
}

static void accept_all(struct env *env, void *arg)
{
    struct server *s = arg;
    struct conn   *c;
    status         st;

    while (st_ok(st = env_accept(s->listener, &c))) {
        struct served *served = heap_must_alloc(env_heap(env), 1, sizeof *served);

        *served = (struct served){s, c};
        s->open++;
        must(env_spawn(env, "echo", echo, served, NULL));
    }
    st_clear(st);
}

struct client {
    uint16_t port;
    double   end;
    uint64_t rounds;
};

static void ask(struct env *env, void *arg)
{
    struct client *cl = arg;
    struct conn   *c;
    char           buf[64];
    size_t         n;
    slice          part = SLICE_LIT("0123456789012345678901234567890123456789");

    must(env_connect(env, "127.0.0.1", cl->port, 0, &c));
    while (now_s() < cl->end) {
        must(conn_write(c, &part, 1, 0));
        must(conn_read(c, buf, sizeof buf, 0, &n));
        cl->rounds++;
    }
    conn_close(c);
}

/* Server and clients share the worker, so a round trip costs both sides here. */
static void bench_echo(struct env *env, struct server *s, int connections)
{
    struct client *cl = heap_must_alloc(env_heap(env), (size_t)connections, sizeof *cl);
    struct fiber **f = heap_must_alloc(env_heap(env), (size_t)connections, sizeof *f);
    double         start = now_s();
    uint64_t       rounds = 0;

    for (int i = 0; i < connections; i++) {
        cl[i] = (struct client){s->port, start + 2, 0};
        must(env_spawn(env, "client", ask, &cl[i], &f[i]));
    }
    for (int i = 0; i < connections; i++) {
        fiber_join(f[i]);
        rounds += cl[i].rounds;
    }
    printf("echo, %d connections, both ends on one worker: %.0f round trips/s\n", connections,
           (double)rounds / (now_s() - start));
    heap_free(cl);
    heap_free(f);
}

/* ---- idle connections ---------------------------------------------------------------------------
 */

static size_t resident_size(void)
{
    FILE         *f = fopen("/proc/self/statm", "r");
    unsigned long size = 0, resident = 0;

    if (f == NULL || fscanf(f, "%lu %lu", &size, &resident) != 2)
        resident = 0;
    if (f != NULL)
        fclose(f);
    return resident * (size_t)sysconf(_SC_PAGESIZE);
}

static void bench_idle(struct env *env, struct server *s, int connections)
{
    struct conn **c = heap_must_alloc(env_heap(env), (size_t)connections, sizeof *c);
    size_t        before = resident_size();
    char          buf[8];
    size_t        n;
    slice         part = SLICE_LIT("hello");
    double        start = now_s();

    for (int i = 0; i < connections; i++) {
        must(env_connect(env, "127.0.0.1", s->port, 0, &c[i]));
        must(conn_write(c[i], &part, 1, 0));
        must(conn_read(c[i], buf, sizeof buf, 0, &n));
    }
    printf("%d connections opened and used in %.2f s, each idle one holds %.1f KiB, both ends, "
           "stack included\n",
           connections, now_s() - start, (double)(resident_size() - before) / 1024 / connections);
    for (int i = 0; i < connections; i++)
        conn_close(c[i]);
    heap_free(c);
}

static void bench_main(struct env *env, void *arg)
{
    struct server s = {0};
    struct fiber *acceptor;

    (void)arg;
    bench_switch(env);
    bench_signal(env);
    bench_spawn(env);
    bench_big_stack(env);
    bench_offload(env);
    must(env_listen(env, "127.0.0.1", 0, &s.listener));
    s.port = listener_port(s.listener);
    must(env_spawn(env, "acceptor", accept_all, &s, &acceptor));
    bench_idle(env, &s, 9000);
    bench_echo(env, &s, 1);
    bench_echo(env, &s, 32);
    bench_echo(env, &s, 1000);
    fiber_cancel(acceptor);
    fiber_join(acceptor);
    listener_close(s.listener);
    while (s.open > 0)
        env_yield(env);
    env_stop(env);
}

int main(void)
{
    struct env *env;

    must(env_new(NULL, &env));
    must(env_spawn(env, "bench", bench_main, NULL, NULL));
    env_run(env);
    env_free(env);
    return 0;
}
