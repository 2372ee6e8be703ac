#include "node/node.h"

#include <stdio.h>
#include <string.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/assert.h"
#include "base/log.h"
#include "base/metrics.h"
#include "env/env.h"
#include "env/file.h"
#include "hlc/hlc.h"
#include "http/http.h"
#include "kv/range.h"
#include "kv/replicator.h"
#include "pgwire/server.h"
#include "sql/catalog/catalog.h"
#include "sql/session/session.h"
#include "storage/engine.h"
#include "txn/txn.h"

enum {
    STARTUP_TIMEOUT_US = 60 * 1000 * 1000,
    CLOCK_UPKEEP_US = 100 * 1000,
    SCRUB_RATE = 8 << 20, /* bytes a second: 1.5 % of a core, and next to nothing of a disk */
    CLOCK_BOUND_AHEAD_US = 500 * 1000,
    CLOCK_BOUND_FULL_AHEAD_US = 3 * 1000 * 1000, /* on a full disk, where log is scarce */
};

/* The layers in the order in which they start; they stop in reverse. */
struct node {
    struct env           *env;
    struct node_options   options;
    struct metrics       *metrics;
    struct engine        *engine;
    struct hlc           *clock;
    struct fiber         *clock_upkeep;
    hlc_ts                clock_bound;         /* the largest that was asked for */
    hlc_ts                clock_bound_durable; /* the largest that was written */
    struct replicator    *replicator;
    struct range         *range;
    struct txn_system    *txns;
    struct catalog       *catalog;
    struct sql_server    *sql;
    struct pgwire_server *pgwire;
    struct http_server   *http;
};

/* ---- the clock's persisted bound lives in the engine, as an unversioned key
 * ------------------------------------- */

#define CLOCK_BOUND_KEY SLICE_LIT("clock-bound")

static uint64_t wall_us(void *ctx)
{
    return env_wall_us(ctx);
}

static uint64_t mono_us(void *ctx)
{
    return env_mono_us(ctx);
}

/* Several fibers may be in here at once: the bound that is written only grows. On a full disk it is
 * written further ahead and less often, so that what is left of the log lasts for hours (pitfall
 * L13); a crash then costs as long a wait at the next start. */
static status persist_bound(void *ctx, hlc_ts bound)
{
    struct node        *n = ctx;
    struct engine_batch b;
    char                value[8];
    status              st;

    if (bound <= n->clock_bound_durable)
        return STATUS_OK;
    if (engine_state(n->engine) == ENGINE_READ_ONLY)
        bound = hlc_make(hlc_wall_us(bound) + CLOCK_BOUND_FULL_AHEAD_US, 0);
    n->clock_bound = MAX(n->clock_bound, bound);
    bound = n->clock_bound;
    put_u64le(value, bound);
    engine_batch_init(&b, env_heap(n->env));
    st = engine_batch_put_meta(&b, CLOCK_BOUND_KEY, slice_make(value, sizeof value));
    if (st_ok(st))
        st = engine_commit(n->engine, &b, true);
    engine_batch_deinit(&b);
    if (st_ok(st))
        n->clock_bound_durable = MAX(n->clock_bound_durable, bound);
    return st;
}

static status start_clock(struct node *n)
{
    bool                durable = strcmp(n->options.store, "mem:") != 0;
    struct engine_value v;
    struct hlc_options  o = {.wall_us = wall_us,
                             .mono_us = mono_us,
                             .source_ctx = n->env,
                             .max_offset_us = n->options.max_clock_offset_us,
                             .persist = durable ? persist_bound : NULL,
                             .persist_ctx = n,
                             .bound_ahead_us = CLOCK_BOUND_AHEAD_US,
                             .log = env_log(n->env)};

    TRY_RETURN(engine_get_meta(n->engine, NULL, CLOCK_BOUND_KEY, &v));
    if (v.found && v.value.size == 8)
        o.bound = n->clock_bound = n->clock_bound_durable = get_u64le(v.value.data);
    else if (v.found)
        return status_new(ST_CORRUPT, "the store's clock bound has %zu bytes instead of 8",
                          v.value.size);
    TRY_RETURN(hlc_new(env_heap(n->env), &o, &n->clock));
    hlc_register_metrics(n->clock, n->metrics, NULL);
    /* After a crash the clock starts above what it may have issued before (pitfall C3), which is
     * ahead of the wall clock by what is left of the bound: a quarter of a second of waiting at the
     * most. */
    for (uint64_t us; (us = hlc_ready_in_us(n->clock)) > 0;) {
        if (us > CLOCK_BOUND_AHEAD_US)
            log_warn(env_log(n->env),
                     "the wall clock stands before the store's newest data; waiting",
                     kv_u64("wait_us", us));
        TRY_RETURN(env_sleep_us(n->env, us));
    }
    return STATUS_OK;
}

static void clock_upkeep(struct env *env, void *arg)
{
    struct node *n = arg;

    for (;;) {
        status st = env_sleep_us(env, CLOCK_UPKEEP_US);

        if (!st_ok(st)) { /* cancelled: the node stops */
            st_clear(st);
            return;
        }
        st = hlc_maintain(n->clock);
        if (!st_ok(st))
            log_warn(env_log(env), "could not move the clock's bound ahead", kv_status(st));
        st_clear(st);
        hlc_is_stopped(n->clock); /* looks for a jump of the wall clock (pitfall C5) */
    }
}

/* ---- start
 * ----------------------------------------------------------------------------------------------------------
 */

/* The store has stopped for good (pitfall L1): nothing can be promised any more, so the process
 * ends, in the one place where that is meant. Restarting reads back what the disk really has. */
static void on_store_stopped(void *ctx, status reason)
{
    struct node *n = ctx;

    log_error(env_log(n->env), "the store stopped; restart the node when the disk is sound",
              kv_status(reason));
    if (n->options.on_store_stopped == NULL)
        _exit(1);
    n->options.on_store_stopped(n->options.on_store_stopped_ctx, reason);
}

static uint64_t machine_memory(void)
{
    long pages = sysconf(_SC_PHYS_PAGES), size = sysconf(_SC_PAGESIZE);

    return pages > 0 && size > 0 ? (uint64_t)pages * (uint64_t)size : (uint64_t)4 << 30;
}

static status start_storage(struct node *n)
{
    struct engine_options o = n->options.engine;
    struct range_options  r = {.id = 1};

    o.type = ENGINE_LSM;
    if (o.cache_size == 0)
        o.cache_size = machine_memory() / 8;
    if (o.scrub_rate == 0)
        o.scrub_rate = SCRUB_RATE;
    o.path = n->options.store;
    o.on_stop = on_store_stopped;
    o.on_stop_ctx = n;
    TRY_RETURN(engine_open(n->env, &o, &n->engine));
    engine_register_metrics(n->engine, n->metrics, NULL);
    TRY_RETURN(start_clock(n));
    TRY_RETURN(env_spawn(n->env, "clock upkeep", clock_upkeep, n, &n->clock_upkeep));
    TRY_RETURN(replicator_local_new(n->env, n->engine, &n->replicator));
    TRY_RETURN(range_open(n->env, n->clock, n->engine, n->replicator, &r, &n->range));
    return txn_system_new(n->env, n->clock, n->range, &n->txns);
}

/* Temporary files: in the store, or where the system has them. A crash between the making of a file
 * and the end of its name may have left one. */
static status temp_dir_ready(struct node *n, struct arena *a, const char **out)
{
    const char *dir, **names;
    size_t      count;

    if (strcmp(n->options.store, "mem:") == 0) {
        *out = n->options.temp_dir != NULL ? n->options.temp_dir : "/tmp";
        return STATUS_OK;
    }
    *out = dir = arena_printf(a, "%s/tmp", n->options.store);
    if (!env_file_exists(n->env, dir))
        return STATUS_OK;
    TRY_RETURN(env_list_dir(n->env, dir, a, &names, &count));
    for (size_t i = 0; i < count; i++)
        TRY_RETURN(env_unlink(n->env, arena_printf(a, "%s/%s", dir, names[i])));
    return STATUS_OK;
}

static status start_sql(struct node *n)
{
    SCOPED(arena) struct arena *a = arena_new(env_heap(n->env), NULL);
    struct sql_server_options   o = {.sql_memory = n->options.sql_memory,
                                     .connections_max = n->options.connections_max,
                                     .temp_is_encrypted = n->options.engine.store_key != NULL,
                                     .auto_analyze = true};
    struct pgwire_options       p = {.host = n->options.sql.host,
                                     .port = n->options.sql.port,
                                     .connections_max = n->options.connections_max,
                                     .startup_timeout_us = STARTUP_TIMEOUT_US};
    struct http_options         h = {.host = n->options.http.host,
                                     .port = n->options.http.port,
                                     .store = n->options.store,
                                     .started_wall_us = env_wall_us(n->env)};

    if (o.sql_memory == 0)
        o.sql_memory = machine_memory() / 4;
    TRY_RETURN(catalog_open(n->env, n->txns, n->options.user, &n->catalog));
    TRY_RETURN(temp_dir_ready(n, a, &o.temp_dir));
    TRY_RETURN(sql_server_new(n->env, n->catalog, n->txns, &o, &n->sql));
    TRY_RETURN(pgwire_server_start(n->env, n->sql, &p, &n->pgwire));
    h.sql_host = n->options.sql.host;
    h.sql_port = pgwire_server_port(n->pgwire);
    return h.host != NULL ? http_server_start(n->env, n->sql, n->metrics, &h, &n->http) : STATUS_OK;
}

status node_start(struct env *env, const struct node_options *options, struct node **out)
{
    struct node *n = heap_must_alloc(env_heap(env), 1, sizeof *n);
    status       st;

    n->env = env;
    n->options = *options;
    n->metrics = metrics_new(env_heap(env));
    TRY(st, start_storage(n), fail);
    TRY(st, start_sql(n), fail);
    log_info(env_log(env), "node started", kv_str("store", options->store),
             kv_u64("sql_port", node_sql_port(n)), kv_u64("http_port", node_http_port(n)));
    *out = n;
    return STATUS_OK;

fail:
    node_stop(n, 0);
    return st;
}

void node_stop(struct node *n, uint64_t grace_us)
{
    if (n == NULL)
        return;
    if (n->http != NULL)
        http_server_drain(n->http);
    if (n->sql != NULL)
        sql_server_drain(n->sql);
    if (n->pgwire != NULL)
        pgwire_server_stop(n->pgwire, grace_us);
    http_server_stop(n->http);
    sql_server_free(n->sql);
    catalog_close(n->catalog);
    txn_system_free(n->txns);
    range_close(n->range);
    replicator_free(n->replicator);
    if (n->clock_upkeep != NULL) {
        fiber_cancel(n->clock_upkeep);
        fiber_join(n->clock_upkeep);
    }
    if (n->engine != NULL)
        metrics_remove(n->metrics, engine_metrics(n->engine));
    engine_close(n->engine);
    if (n->clock != NULL)
        metrics_remove(n->metrics, hlc_metrics(n->clock));
    hlc_free(n->clock);
    metrics_free(n->metrics);
    log_info(env_log(n->env), "node stopped");
    heap_free(n);
}

struct sql_server *node_sql(const struct node *n)
{
    return n->sql;
}

uint16_t node_sql_port(const struct node *n)
{
    return pgwire_server_port(n->pgwire);
}

uint16_t node_http_port(const struct node *n)
{
    return n->http != NULL ? http_server_port(n->http) : 0;
}
