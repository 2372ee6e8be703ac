#include "tests/common/wire_world.h"

#include "base/assert.h"
#include "hlc/hlc.h"
#include "kv/lock_table.h"
#include "kv/range.h"
#include "kv/replicator.h"
#include "pgwire/server.h"
#include "sql/catalog/catalog.h"
#include "storage/engine.h"
#include "txn/txn.h"

enum { SECOND_US = 1000000 };

struct wire_world {
    struct sim           *sim;
    struct wire_options   options;
    struct sim_node      *server, *client;
    struct hlc           *clock;
    struct engine        *engine;
    struct replicator    *replicator;
    struct range         *range;
    struct txn_system    *txns;
    struct catalog       *catalog;
    struct sql_server    *sql;
    struct pgwire_server *pgwire;
    struct env_cond       stop;
    bool                  serving, stopping, stopped;
};

static uint64_t wall(void *ctx)
{
    return env_wall_us(ctx);
}

static uint64_t mono(void *ctx)
{
    return env_mono_us(ctx);
}

/* What cannot fail in a world without faults. */
static void must(status st)
{
    ASSERT(st_ok(st));
}

static void serve(struct wire_world *w, struct env *env)
{
    struct hlc_options        clock = {.wall_us = wall, .mono_us = mono, .source_ctx = env};
    struct engine_options     engine = {0};
    struct range_options      range = {.id = 1};
    struct sql_server_options sql = {.sql_memory = w->options.sql_memory,
                                     .connections_max = w->options.connections_max};
    struct pgwire_options     pgwire = {.host = "",
                                        .port = WIRE_PORT,
                                        .connections_max = w->options.connections_max,
                                        .startup_timeout_us = 60 * (uint64_t)SECOND_US};

    must(hlc_new(env_heap(env), &clock, &w->clock));
    must(engine_open(env, &engine, &w->engine));
    must(replicator_local_new(env, w->engine, &w->replicator));
    must(range_open(env, w->clock, w->engine, w->replicator, &range, &w->range));
    must(txn_system_new(env, w->clock, w->range, &w->txns));
    must(catalog_open(env, w->txns, "postgres", &w->catalog));
    must(sql_server_new(env, w->catalog, w->txns, &sql, &w->sql));
    must(pgwire_server_start(env, w->sql, &pgwire, &w->pgwire));
}

static void shut_down(struct wire_world *w)
{
    sql_server_drain(w->sql);
    pgwire_server_stop(w->pgwire, SECOND_US);
    wire_world_check(w);
    sql_server_free(w->sql);
    catalog_close(w->catalog);
    txn_system_free(w->txns);
    range_close(w->range);
    replicator_free(w->replicator);
    engine_close(w->engine);
    hlc_free(w->clock);
}

static void server_main(struct env *env, void *arg)
{
    struct wire_world *w = arg;

    env_cond_init(&w->stop);
    serve(w, env);
    w->serving = true;
    while (!w->stopping)
        must(env_wait(env, &w->stop, 0));
    shut_down(w);
    w->stopped = true;
    env_stop(env);
}

static void client_main(struct env *env, void *arg)
{
    (void)env, (void)arg; /* what runs here is spawned by wire_world_run() */
}

static bool is_serving(void *arg)
{
    return ((struct wire_world *)arg)->serving;
}

static bool is_stopped(void *arg)
{
    return ((struct wire_world *)arg)->stopped;
}

struct wire_world *wire_world_new(const struct wire_options *options)
{
    struct wire_world *w = heap_must_alloc(NULL, 1, sizeof *w);
    struct sim_options o = {.ordered = true};

    if (options->slow) {
        o.stall_ppm = 1000000;
        o.stall_max_us = 10000;
    }
    w->options = *options;
    if (w->options.sql_memory == 0)
        w->options.sql_memory = (size_t)64 << 20;
    if (w->options.connections_max == 0)
        w->options.connections_max = 100;
    w->sim = sim_new(options->seed, &o);
    w->server = sim_add_node(w->sim, WIRE_HOST, server_main, w);
    w->client = sim_add_node(w->sim, "client", client_main, NULL);
    ASSERT(sim_run_until(w->sim, is_serving, w, 10 * (uint64_t)SECOND_US) == SIM_DONE);
    return w;
}

void wire_world_free(struct wire_world *w)
{
    if (w == NULL)
        return;
    w->stopping = true;
    env_broadcast(sim_node_env(w->server), &w->stop);
    ASSERT(sim_run_until(w->sim, is_stopped, w, 60 * (uint64_t)SECOND_US) == SIM_DONE);
    sim_free(w->sim);
    heap_free(w);
}

struct client_run {
    wire_fn *fn;
    void    *arg;
    bool     done;
};

static void run_client(struct env *env, void *arg)
{
    struct client_run *r = arg;

    r->fn(env, r->arg);
    r->done = true;
}

static bool is_done(void *arg)
{
    return ((struct client_run *)arg)->done;
}

bool wire_world_run(struct wire_world *w, wire_fn *fn, void *arg, uint64_t us)
{
    struct client_run r = {fn, arg, false};

    must(env_spawn(sim_node_env(w->client), "test", run_client, &r, NULL));
    return sim_run_until(w->sim, is_done, &r, us) == SIM_DONE;
}

static bool has_settled(void *arg)
{
    return pgwire_server_connections(((struct wire_world *)arg)->pgwire) == 0;
}

bool wire_world_settle(struct wire_world *w, uint64_t us)
{
    return sim_run_until(w->sim, has_settled, w, us) == SIM_DONE;
}

void wire_world_check(struct wire_world *w)
{
    struct txn_stats    stats;
    struct sql_counters counters;

    txn_system_stats(w->txns, &stats);
    sql_server_counters(w->sql, &counters);
    ASSERT(counters.sessions == 0);
    ASSERT(counters.memory_bytes == 0);
    ASSERT(stats.active == 0);
    ASSERT(lock_table_count(range_locks(w->range)) == 0);
    ASSERT(lock_table_waiter_count(range_locks(w->range)) == 0);
}

struct sim *wire_world_sim(struct wire_world *w)
{
    return w->sim;
}

struct env *wire_world_server_env(struct wire_world *w)
{
    return sim_node_env(w->server);
}

struct env *wire_world_client_env(struct wire_world *w)
{
    return sim_node_env(w->client);
}

struct sql_server *wire_world_sql(struct wire_world *w)
{
    return w->sql;
}

uint64_t wire_world_writes(struct wire_world *w)
{
    return metric_get(&engine_metrics(w->engine)->commits);
}
