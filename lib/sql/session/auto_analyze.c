/* Statistics are taken anew by themselves once a table has changed enough: one fiber of the server,
 * woken by commits. It reads at READ COMMITTED, so it is in nobody's way but the processor's, and
 * yields while it reads. What goes wrong is logged and tried again after further changes. */
#include "base/assert.h"
#include "base/log.h"
#include "env/env.h"
#include "sql/catalog/statistics.h"
#include "sql/ddl/ddl.h"
#include "sql/session/session_internal.h"
#include "txn/txn.h"

static void drop_notice(struct sql_context *c, const char *severity, status st)
{
    (void)c;
    (void)severity;
    st_clear(st);
}

static status analyze_in(struct sql_server *server, struct txn *txn, struct catalog_view *v,
                         uint32_t oid)
{
    SCOPED(arena) struct arena *a = arena_new(server->heap, &server->account);
    struct sql_context          c = {.env = server->env,
                                     .catalog = v,
                                     .txn = txn,
                                     .time_zones = server->zones,
                                     .user = "",
                                     .session_user = "",
                                     .database = "",
                                     .user_oid = OID_ROLE_BOOTSTRAP,
                                     .notice = drop_notice};
    const struct table_desc    *t;

    c.settings.extra_float_digits = 1;
    c.settings.standard_conforming_strings = true;
    TRY_RETURN(catalog_table_by_oid(v, oid, &t));
    if (t == NULL)
        return STATUS_OK;
    TRY_RETURN(ddl_analyze(&c, a, t));
    return txn_commit(txn);
}

static status analyze(struct sql_server *server, uint32_t oid)
{
    struct txn_options   o = {.isolation = TXN_READ_COMMITTED};
    struct txn          *txn = NULL;
    struct catalog_view *v = NULL;
    status               st;

    TRY_RETURN(txn_begin(server->txns, &o, &txn));
    TRY(st, catalog_view_open(server->catalog, txn, 0, &v), out);
    st = analyze_in(server, txn, v, oid);
    if (!st_ok(st))
        txn_rollback(txn);
out:
    catalog_view_close(v);
    txn_free(txn);
    return st;
}

static void analyze_main(struct env *env, void *arg)
{
    struct sql_server *server = arg;

    while (!server->analyze_stopping) {
        uint32_t oid = catalog_take_due(server->catalog);
        status   st;

        if (oid == 0) {
            st_clear(env_wait(env, &server->analyze_due, 0));
            continue;
        }
        st = analyze(server, oid);
        if (!st_ok(st) && !server->analyze_stopping)
            log_warn(env_log(env), "statistics could not be taken", kv_u64("table", oid),
                     kv_status(st));
        st_clear(st);
    }
}

status auto_analyze_start(struct sql_server *server)
{
    if (!server->options.auto_analyze)
        return STATUS_OK;
    env_cond_init(&server->analyze_due);
    return env_spawn(server->env, "auto-analyze", analyze_main, server, &server->analyzer);
}

void auto_analyze_stop(struct sql_server *server)
{
    if (server->analyzer == NULL)
        return;
    server->analyze_stopping = true;
    env_broadcast(server->env, &server->analyze_due);
    fiber_cancel(server->analyzer); /* it may be in the middle of a large table */
    fiber_join(server->analyzer);
    server->analyzer = NULL;
    env_cond_deinit(&server->analyze_due);
}

void auto_analyze_wake(struct sql_server *server)
{
    if (server->analyzer != NULL && catalog_has_due(server->catalog))
        env_signal(server->env, &server->analyze_due);
}
