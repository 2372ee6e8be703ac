/* The transaction of a session: PostgreSQL's blocks (15, chapter 55.2.3 and the notes of BEGIN) on
 * lib/txn. */
#include "sql/exec/write.h"
#include "sql/session/session_internal.h"

#include <strings.h>

#include "base/assert.h"
#include "env/env.h"
#include "sql/catalog/catalog.h"

/* PostgreSQL counts from 2000-01-01, Unix from 1970-01-01. */
enum { PG_EPOCH_DAYS = 10957 };

int64_t session_now_us(struct sql_session *s)
{
    return (int64_t)env_wall_us(s->server->env) - (int64_t)PG_EPOCH_DAYS * 86400 * 1000 * 1000;
}

static enum txn_isolation isolation_of(const char *name)
{
    if (strcmp(name, "serializable") == 0)
        return TXN_SERIALIZABLE;
    if (strcmp(name, "repeatable read") == 0 || strcmp(name, "snapshot") == 0)
        return TXN_SNAPSHOT;
    return TXN_READ_COMMITTED; /* read uncommitted is read committed, as in PostgreSQL */
}

static void set_own_settings(struct sql_session *s, const char *isolation, bool read_only,
                             bool deferrable)
{
    settings_force(s->settings, SETTING_TRANSACTION_ISOLATION, isolation);
    settings_force(s->settings, SETTING_TRANSACTION_READ_ONLY, read_only ? "on" : "off");
    settings_force(s->settings, SETTING_TRANSACTION_DEFERRABLE, deferrable ? "on" : "off");
}

static status begin(struct sql_session *s)
{
    struct txn_options o = {
        .isolation = isolation_of(settings_get(s->settings, SETTING_TRANSACTION_ISOLATION)),
        .read_only = settings_get_int(s->settings, SETTING_TRANSACTION_READ_ONLY) != 0,
        .deferrable = settings_get_int(s->settings, SETTING_TRANSACTION_DEFERRABLE) != 0,
        .lock_timeout_us = (uint64_t)settings_get_int(s->settings, SETTING_LOCK_TIMEOUT) * 1000,
        .process_id = s->process_id,
        .account = &s->account,
    };
    status st;

    ASSERT(s->txn == NULL && s->view == NULL);
    TRY_RETURN(txn_begin(s->server->txns, &o, &s->txn));
    st = catalog_view_open(s->server->catalog, s->txn, s->context.database_oid, &s->view);
    if (!st_ok(st)) {
        txn_rollback(s->txn);
        txn_free(s->txn);
        s->txn = NULL;
        return st;
    }
    s->context.txn = s->txn;
    s->context.catalog = s->view;
    session_apply_search_path(s);
    return STATUS_OK;
}

static void forget(struct sql_session *s)
{
    while (s->savepoints != NULL) {
        struct savepoint *p = s->savepoints;

        s->savepoints = p->outer;
        heap_free(p->name);
        heap_free(p);
    }
    deferred_checks_cut(s->context.deferred, 0);
    catalog_view_close(s->view);
    txn_free(s->txn);
    s->view = NULL;
    s->txn = NULL;
    s->context.txn = NULL;
    s->context.catalog = NULL;
    s->block = BLOCK_NONE;
}

status transaction_begin_statement(struct sql_session *s)
{
    bool replaying = replay_is_running(s); /* in the same time as before */

    if (!replaying)
        s->context.statement_start_us = session_now_us(s);
    if (s->block == BLOCK_FAILED)
        return status_new(
            ST_IN_FAILED_TRANSACTION,
            "current transaction is aborted, commands ignored until end of transaction block");
    if (s->txn == NULL) {
        if (s->server->draining)
            return status_new(ST_ADMIN_SHUTDOWN,
                              "terminating connection due to administrator command");
        if (s->block == BLOCK_NONE) {
            set_own_settings(
                s, settings_get(s->settings, SETTING_DEFAULT_TRANSACTION_ISOLATION),
                settings_get_int(s->settings, SETTING_DEFAULT_TRANSACTION_READ_ONLY) != 0,
                settings_get_int(s->settings, SETTING_DEFAULT_TRANSACTION_DEFERRABLE) != 0);
            s->block = BLOCK_IMPLICIT;
        }
        if (!replaying) {
            s->context.txn_start_us = s->context.statement_start_us;
            replay_new_transaction(s);
        }
        return begin(s);
    }
    txn_step(s->txn);
    if (s->search_path_changed)
        session_apply_search_path(s);
    return STATUS_OK;
}

void transaction_abandon(struct sql_session *s)
{
    if (s->txn != NULL)
        txn_rollback(s->txn);
    forget(s);
    settings_end_transaction(s->settings, false);
}

void transaction_rollback(struct sql_session *s)
{
    portals_close_all(s);
    transaction_abandon(s);
}

status transaction_commit(struct sql_session *s)
{
    status st;

    portals_close_all(s);
    st = s->txn != NULL ? deferred_checks_run(&s->context, s->context.deferred) : STATUS_OK;
    if (st_ok(st) && s->txn != NULL)
        st = txn_commit(s->txn);
    else if (s->txn != NULL)
        txn_rollback(s->txn);
    forget(s);
    settings_end_transaction(s->settings, st_ok(st));
    auto_analyze_wake(s->server);
    return st;
}

status transaction_end_statement(struct sql_session *s, bool failed)
{
    switch (s->block) {
    case BLOCK_NONE:
    case BLOCK_FAILED:
        return STATUS_OK;
    case BLOCK_IMPLICIT:
        if (!failed)
            return transaction_commit(s);
        transaction_rollback(s);
        return STATUS_OK;
    case BLOCK_EXPLICIT:
        if (failed) {
            s->block = BLOCK_FAILED;
            replay_off(s);
            portals_close_all(s);
            /* Nothing of a failed block can be committed any more, so others need not wait for its
             * locks; a savepoint may still bring it back, though, and then its locks must be there.
             */
            if (s->savepoints == NULL && s->txn != NULL)
                txn_rollback(s->txn);
        }
        return STATUS_OK;
    }
    UNREACHABLE();
}

/* ---- commands
 * ------------------------------------------------------------------------------------------------
 */

static void notice(struct sql_session *s, enum status_code code, const char *text)
{
    s->context.notice(&s->context, "WARNING", status_new(code, "%s", text));
}

static const char *option_text(const PgQuery__Node *arg)
{
    if (arg == NULL || arg->node_case != PG_QUERY__NODE__NODE_A_CONST)
        return "";
    if (arg->a_const->val_case == PG_QUERY__A__CONST__VAL_SVAL)
        return arg->a_const->sval->sval;
    if (arg->a_const->val_case == PG_QUERY__A__CONST__VAL_IVAL)
        return arg->a_const->ival->ival != 0 ? "on" : "off";
    return arg->a_const->val_case == PG_QUERY__A__CONST__VAL_BOOLVAL &&
                   arg->a_const->boolval->boolval
               ? "on"
               : "off";
}

static status set_option(struct sql_session *s, const char *name, const char *value)
{
    if (strcmp(name, "transaction_isolation") == 0) {
        if (s->txn != NULL)
            TRY_RETURN(txn_set_isolation(s->txn, isolation_of(value)));
        settings_force(s->settings, SETTING_TRANSACTION_ISOLATION, value);
    } else if (strcmp(name, "transaction_read_only") == 0) {
        if (s->txn != NULL)
            TRY_RETURN(txn_set_read_only(s->txn, strcmp(value, "on") == 0));
        settings_force(s->settings, SETTING_TRANSACTION_READ_ONLY, value);
    } else {
        settings_force(s->settings, SETTING_TRANSACTION_DEFERRABLE, value);
    }
    return STATUS_OK;
}

static status set_default(struct sql_session *s, const char *name, const char *value)
{
    enum setting_id id =
        strcmp(name, "transaction_isolation") == 0   ? SETTING_DEFAULT_TRANSACTION_ISOLATION
        : strcmp(name, "transaction_read_only") == 0 ? SETTING_DEFAULT_TRANSACTION_READ_ONLY
                                                     : SETTING_DEFAULT_TRANSACTION_DEFERRABLE;

    return settings_set(s->settings, id, value, SETTING_FOR_SESSION);
}

status transaction_set_options(struct sql_session *s, PgQuery__Node *const *options, size_t count,
                               bool characteristics)
{
    for (size_t i = 0; i < count; i++) {
        const PgQuery__DefElem *o = options[i]->def_elem;
        const char             *value = option_text(o->arg);

        TRY_RETURN(characteristics ? set_default(s, o->defname, value)
                                   : set_option(s, o->defname, value));
    }
    return STATUS_OK;
}

static status begin_block(struct sql_session *s, const PgQuery__TransactionStmt *stmt)
{
    if (s->block == BLOCK_EXPLICIT) {
        notice(s, ST_ACTIVE_TRANSACTION, "there is already a transaction in progress");
        return STATUS_OK;
    }
    TRY_RETURN(transaction_begin_statement(s)); /* an implicit one goes on as this block */
    s->block = BLOCK_EXPLICIT;
    return transaction_set_options(s, stmt->options, stmt->n_options, false);
}

static status chain(struct sql_session *s, bool wanted)
{
    if (!wanted)
        return STATUS_OK;
    s->block = BLOCK_EXPLICIT; /* the own settings still say what the last one was */
    s->context.txn_start_us = s->context.statement_start_us;
    return begin(s);
}

static status commit_block(struct sql_session *s, const PgQuery__TransactionStmt *stmt,
                           const char **tag)
{
    if (s->block == BLOCK_FAILED) {
        transaction_rollback(s);
        *tag = "ROLLBACK"; /* as PostgreSQL answers the COMMIT of a failed block */
        return chain(s, stmt->chain);
    }
    if (s->block != BLOCK_EXPLICIT) {
        if (stmt->chain)
            return status_new(ST_NO_ACTIVE_TRANSACTION,
                              "COMMIT AND CHAIN can only be used in transaction blocks");
        notice(s, ST_NO_ACTIVE_TRANSACTION, "there is no transaction in progress");
    }
    TRY_RETURN(transaction_commit(s));
    return chain(s, stmt->chain);
}

static status rollback_block(struct sql_session *s, const PgQuery__TransactionStmt *stmt)
{
    if (s->block != BLOCK_EXPLICIT && s->block != BLOCK_FAILED) {
        if (stmt->chain)
            return status_new(ST_NO_ACTIVE_TRANSACTION,
                              "ROLLBACK AND CHAIN can only be used in transaction blocks");
        notice(s, ST_NO_ACTIVE_TRANSACTION, "there is no transaction in progress");
    }
    transaction_rollback(s);
    return chain(s, stmt->chain);
}

static struct savepoint *savepoint_find(struct sql_session *s, const char *name)
{
    struct savepoint *p = s->savepoints;

    while (p != NULL && strcmp(p->name, name) != 0)
        p = p->outer;
    return p;
}

static void savepoint_pop(struct sql_session *s)
{
    struct savepoint *p = s->savepoints;

    s->savepoints = p->outer;
    heap_free(p->name);
    heap_free(p);
}

static status need_block(struct sql_session *s, const char *command)
{
    if (s->block == BLOCK_EXPLICIT || s->block == BLOCK_FAILED)
        return STATUS_OK;
    return status_new(ST_NO_ACTIVE_TRANSACTION, "%s can only be used in transaction blocks",
                      command);
}

static status savepoint_set(struct sql_session *s, const char *name)
{
    struct savepoint *p;
    txn_savepoint_id  id;

    TRY_RETURN(need_block(s, "SAVEPOINT"));
    TRY_RETURN(transaction_begin_statement(s));
    TRY_RETURN(txn_savepoint(s->txn, &id));
    p = heap_must_alloc(s->heap, 1, sizeof *p);
    p->name = heap_strdup(s->heap, name);
    p->settings_mark = settings_mark(s->settings);
    p->txn_savepoint = id;
    p->deferred_count = deferred_checks_count(s->context.deferred);
    p->outer = s->savepoints;
    s->savepoints = p;
    return STATUS_OK;
}

static status savepoint_missing(const char *name)
{
    return status_new(ST_INVALID_SAVEPOINT, "savepoint \"%s\" does not exist", name);
}

static status savepoint_release(struct sql_session *s, const char *name)
{
    struct savepoint *p;

    TRY_RETURN(need_block(s, "RELEASE SAVEPOINT"));
    TRY_RETURN(transaction_begin_statement(s));
    p = savepoint_find(s, name);
    if (p == NULL)
        return savepoint_missing(name);
    TRY_RETURN(txn_release(s->txn, p->txn_savepoint));
    while (s->savepoints != p)
        savepoint_pop(s);
    savepoint_pop(s);
    return STATUS_OK;
}

static status savepoint_rollback(struct sql_session *s, const char *name)
{
    struct savepoint *p;

    TRY_RETURN(need_block(s, "ROLLBACK TO SAVEPOINT"));
    p = savepoint_find(s, name);
    if (p == NULL)
        return savepoint_missing(name);
    portals_close_all(s);
    TRY_RETURN(txn_rollback_to(s->txn, p->txn_savepoint));
    deferred_checks_cut(s->context.deferred, p->deferred_count);
    while (s->savepoints != p)
        savepoint_pop(s);
    settings_rollback_to(s->settings, p->settings_mark);
    s->block = BLOCK_EXPLICIT;
    return STATUS_OK;
}

status transaction_command(struct sql_session *s, const PgQuery__TransactionStmt *stmt,
                           const char **tag)
{
    switch (stmt->kind) {
    case PG_QUERY__TRANSACTION_STMT_KIND__TRANS_STMT_BEGIN:
        *tag = "BEGIN";
        return begin_block(s, stmt);
    case PG_QUERY__TRANSACTION_STMT_KIND__TRANS_STMT_START:
        *tag = "START TRANSACTION";
        return begin_block(s, stmt);
    case PG_QUERY__TRANSACTION_STMT_KIND__TRANS_STMT_COMMIT:
        *tag = "COMMIT";
        return commit_block(s, stmt, tag);
    case PG_QUERY__TRANSACTION_STMT_KIND__TRANS_STMT_ROLLBACK:
        *tag = "ROLLBACK";
        return rollback_block(s, stmt);
    case PG_QUERY__TRANSACTION_STMT_KIND__TRANS_STMT_SAVEPOINT:
        *tag = "SAVEPOINT";
        return savepoint_set(s, stmt->savepoint_name);
    case PG_QUERY__TRANSACTION_STMT_KIND__TRANS_STMT_RELEASE:
        *tag = "RELEASE";
        return savepoint_release(s, stmt->savepoint_name);
    case PG_QUERY__TRANSACTION_STMT_KIND__TRANS_STMT_ROLLBACK_TO:
        *tag = "ROLLBACK";
        return savepoint_rollback(s, stmt->savepoint_name);
    default:
        return status_new(ST_FEATURE_NOT_SUPPORTED,
                          "prepared transactions (PREPARE TRANSACTION) are not supported");
    }
}
