#include "pgwire/server.h"

#include "base/assert.h"
#include "env/env.h"
#include "env/net.h"
#include "pgwire/connection.h"

enum { LAST_WORDS_US = 1000 * 1000 }; /* for clients to take the error that ends them */

struct pgwire_server {
    struct env           *env;
    struct sql_server    *sql;
    struct pgwire_options options;
    struct listener      *listener;
    struct fiber         *acceptor;
    struct list           connections;
    size_t                connection_count;
    struct env_cond       changed; /* a connection ended */
    bool                  stopping;
};

static struct connection *connection_new(struct pgwire_server *s, struct conn *conn)
{
    struct connection *c = heap_must_alloc(env_heap(s->env), 1, sizeof *c);

    c->env = s->env;
    c->conn = conn;
    c->sql = s->sql;
    c->scratch = arena_new(env_heap(s->env), NULL);
    wire_init(&c->wire, conn, env_heap(s->env));
    wire_sink_init(&c->sink, &c->wire, c->scratch);
    list_push_back(&s->connections, &c->link);
    s->connection_count++;
    return c;
}

static void connection_free(struct pgwire_server *s, struct connection *c)
{
    session_close(c->session);
    wire_sink_deinit(&c->sink);
    wire_deinit(&c->wire);
    arena_free(c->scratch);
    conn_close(c->conn);
    list_remove(&c->link);
    heap_free(c);
    s->connection_count--;
    env_broadcast(s->env, &s->changed);
}

struct connection_start_args {
    struct pgwire_server *server;
    struct connection    *connection;
};

static void connection_main(struct env *env, void *arg)
{
    struct connection_start_args args = *(struct connection_start_args *)arg;
    struct connection           *c = args.connection;
    struct pgwire_server        *s = args.server;
    bool                         refuse = s->connection_count > s->options.connections_max;
    status                       st;

    heap_free(arg);
    c->fiber = fiber_self(env);
    fiber_set_priority(c->fiber, ENV_PRIORITY_SQL);
    if (c->stopping == STOP_NOW)
        fiber_cancel(c->fiber);
    st = connection_start(c, env_mono_us(env) + s->options.startup_timeout_us, refuse);
    if (st_ok(st))
        st = connection_serve(c);
    if (!st_ok(st) && status_code(st) != ST_NO_DATA && status_code(st) != ST_CONNECTION_FAILURE)
        connection_fatal(c, st);
    else
        st_clear(st);
    connection_free(s, c);
}

static void acceptor_main(struct env *env, void *arg)
{
    struct pgwire_server *s = arg;

    for (;;) {
        struct conn                  *conn;
        struct connection_start_args *args;
        status                        st = env_accept(s->listener, &conn);

        if (status_code(st) == ST_CANCELLED || s->stopping) {
            st_clear(st);
            return;
        }
        if (!st_ok(st)) { /* no descriptor left, most likely: let some connections end first */
            st_clear(st);
            st_clear(env_sleep_us(env, 100 * 1000));
            continue;
        }
        args = heap_must_alloc(env_heap(env), 1, sizeof *args);
        args->server = s;
        args->connection = connection_new(s, conn);
        st = env_spawn(env, "session", connection_main, args, NULL);
        if (!st_ok(st)) {
            struct connection *c = args->connection;

            heap_free(args);
            connection_fatal(c, st);
            connection_free(s, c);
        }
    }
}

status pgwire_server_start(struct env *env, struct sql_server *sql,
                           const struct pgwire_options *options, struct pgwire_server **out)
{
    struct pgwire_server *s = heap_must_alloc(env_heap(env), 1, sizeof *s);
    status                st;

    s->env = env;
    s->sql = sql;
    s->options = *options;
    list_init(&s->connections);
    env_cond_init(&s->changed);
    TRY(st, env_listen(env, options->host, options->port, &s->listener), fail);
    TRY(st, env_spawn(env, "sql acceptor", acceptor_main, s, &s->acceptor), fail);
    *out = s;
    return STATUS_OK;

fail:
    listener_close(s->listener);
    heap_free(s);
    return st;
}

uint16_t pgwire_server_port(const struct pgwire_server *s)
{
    return listener_port(s->listener);
}

size_t pgwire_server_connections(const struct pgwire_server *s)
{
    return s->connection_count;
}

/* Tell every connection; end the reads of those that are at rest, or every wait that can be
 * ended. */
static void tell_all(struct pgwire_server *s, enum stopping how)
{
    LIST_FOR_EACH (it, &s->connections) {
        struct connection *c = CONTAINER_OF(it, struct connection, link);

        c->stopping = how;
        if (c->fiber != NULL && (c->idle || how == STOP_NOW)) /* NULL: it has not run yet */
            fiber_cancel(c->fiber);
    }
}

/* Those that are still there wait for a client that does not read: no cancellation ends that. */
static void cut_all(struct pgwire_server *s)
{
    LIST_FOR_EACH (it, &s->connections)
        conn_shutdown(CONTAINER_OF(it, struct connection, link)->conn);
}

/* True when all connections have ended by the deadline. */
static bool await_end(struct pgwire_server *s, uint64_t deadline_us)
{
    while (s->connection_count > 0) {
        status st = env_wait(s->env, &s->changed, deadline_us);
        bool   late = !st_ok(st);

        st_clear(st);
        if (late)
            return false;
    }
    return true;
}

void pgwire_server_stop(struct pgwire_server *s, uint64_t grace_us)
{
    s->stopping = true;
    fiber_cancel(s->acceptor);
    fiber_join(s->acceptor);
    listener_close(s->listener);
    tell_all(s, STOP_WHEN_IDLE);
    if (!await_end(s, env_deadline(s->env, grace_us))) {
        tell_all(s, STOP_NOW);
        if (!await_end(s, env_deadline(s->env, LAST_WORDS_US))) {
            cut_all(s);
            (void)await_end(s, 0);
        }
    }
    env_cond_deinit(&s->changed);
    heap_free(s);
}
