/* What stops a statement before its end: the client's request, its time limit, a client that has
 * gone, the server's end. All four come as fiber_cancel(), so that a wait of any kind ends, and are
 * told apart by the session's flags; loops ask sql_check_interrupts() once per batch.
 *
 * Limits are kept by one fiber of the server, which sleeps until the first of them: a statement
 * that waits for a lock, or for COPY's next line, cannot look at the clock itself. */
#include "base/assert.h"
#include "env/env.h"
#include "sql/session/session_internal.h"

enum { LOOK_US = 1000 * 1000 }; /* how long a client may be gone before its statement ends */

/* ---- the watch
 * ---------------------------------------------------------------------------------------------- */

static void interrupt(struct sql_session *s, enum interrupt why)
{
    if (!s->running || s->interrupt != INTERRUPT_NONE)
        return;
    s->interrupt = why;
    fiber_cancel(s->fiber);
}

/* Interrupts what is over its time; returns when to look again, 0: there is nothing to look at. */
static uint64_t look_at_sessions(struct sql_server *server)
{
    uint64_t now_us = env_mono_us(server->env), next_us = 0;

    LIST_FOR_EACH (it, &server->sessions) {
        struct sql_session *s = CONTAINER_OF(it, struct sql_session, link);
        uint64_t            at_us = now_us + LOOK_US;

        if (s->running && s->deadline_us != 0 && s->deadline_us <= now_us)
            interrupt(s, INTERRUPT_TIMEOUT);
        else if (s->running && s->sink->is_gone != NULL && s->sink->is_gone(s->sink))
            interrupt(s, INTERRUPT_GONE);
        else if (s->running && s->deadline_us != 0)
            at_us = MIN(at_us, s->deadline_us);
        next_us = next_us == 0 ? at_us : MIN(next_us, at_us);
    }
    return next_us;
}

static void watch_main(struct env *env, void *arg)
{
    struct sql_server *server = arg;

    while (!server->watch_stopping) {
        server->watch_until_us = look_at_sessions(server);
        st_clear(env_wait(env, &server->watch_changed, server->watch_until_us));
    }
}

status session_watch_start(struct sql_server *server)
{
    env_cond_init(&server->watch_changed);
    return env_spawn(server->env, "session watch", watch_main, server, &server->watch);
}

void session_watch_stop(struct sql_server *server)
{
    if (server->watch == NULL)
        return;
    server->watch_stopping = true;
    env_broadcast(server->env, &server->watch_changed);
    fiber_join(server->watch);
    env_cond_deinit(&server->watch_changed);
}

/* ---- around each call that may take long
 * ----------------------------------------------------------------------------------------- */

void interruptible_begin(struct sql_session *s)
{
    struct sql_server *server = s->server;
    int64_t            timeout_ms = settings_get_int(s->settings, SETTING_STATEMENT_TIMEOUT);

    s->running = true;
    s->interrupt = INTERRUPT_NONE;
    s->fiber = fiber_self(server->env);
    s->deadline_us = 0;
    if (timeout_ms > 0)
        s->deadline_us = env_deadline(server->env, (uint64_t)timeout_ms * 1000);
    if (server->watch_until_us == 0 ||
        (s->deadline_us != 0 && s->deadline_us < server->watch_until_us)) {
        server->watch_until_us = s->deadline_us;
        env_signal(server->env, &server->watch_changed);
    }
}

static status interrupted(enum interrupt why)
{
    switch (why) {
    case INTERRUPT_REQUEST:
        return status_new(ST_CANCELLED, "canceling statement due to user request");
    case INTERRUPT_TIMEOUT:
        return status_new(ST_CANCELLED, "canceling statement due to statement timeout");
    case INTERRUPT_GONE:
        return status_new(ST_CONNECTION_FAILURE, "connection to client lost");
    case INTERRUPT_NONE:
        break;
    }
    return status_new(ST_ADMIN_SHUTDOWN, "terminating connection due to administrator command");
}

/* What was meant for this statement must not hit the next one (pitfall P6). A cancellation without
 * a flag is the server's end: it stays. */
status interruptible_end(struct sql_session *s, status st)
{
    enum interrupt why = s->interrupt;

    s->running = false;
    s->interrupt = INTERRUPT_NONE;
    s->deadline_us = 0;
    if (status_code(st) == ST_CANCELLED &&
        (why != INTERRUPT_NONE || env_cancelled(s->server->env))) {
        st_clear(st);
        st = interrupted(why);
    }
    if (why != INTERRUPT_NONE)
        env_cancel_clear(s->server->env);
    return st;
}

status sql_check_interrupts(struct sql_context *c)
{
    struct sql_session *s = c->session;

    if (s == NULL)
        return STATUS_OK;
    env_yield(s->server->env);
    if (s->running && s->interrupt == INTERRUPT_NONE && s->deadline_us != 0 &&
        env_mono_us(s->server->env) > s->deadline_us)
        interrupt(s, INTERRUPT_TIMEOUT);
    if (!env_cancelled(s->server->env))
        return STATUS_OK;
    return status_new(ST_CANCELLED,
                      "the statement was cancelled"); /* by whom: interruptible_end() */
}

void sql_server_cancel(struct sql_server *s, uint32_t process_id, uint32_t secret)
{
    LIST_FOR_EACH (it, &s->sessions) {
        struct sql_session *session = CONTAINER_OF(it, struct sql_session, link);

        if (session->process_id != process_id || session->secret != secret)
            continue;
        interrupt(session, INTERRUPT_REQUEST); /* a request that comes late hits nothing */
        return;
    }
}

bool session_cancel(struct sql_server *server, uint32_t process_id)
{
    LIST_FOR_EACH (it, &server->sessions) {
        struct sql_session *session = CONTAINER_OF(it, struct sql_session, link);

        if (session->process_id != process_id)
            continue;
        interrupt(session, INTERRUPT_REQUEST);
        return true;
    }
    return false;
}

/* ---- idle sessions
 * ------------------------------------------------------------------------------------------ */

/* The limit of waiting for the client's next message, and the setting it comes from. */
static uint64_t idle_limit_us(const struct sql_session *s)
{
    enum setting_id id = s->block == BLOCK_NONE ? SETTING_IDLE_SESSION_TIMEOUT
                                                : SETTING_IDLE_IN_TRANSACTION_SESSION_TIMEOUT;

    return (uint64_t)settings_get_int(s->settings, id) * 1000;
}

uint64_t session_idle_deadline_us(const struct sql_session *s)
{
    uint64_t limit_us = idle_limit_us(s);

    return limit_us > 0 ? env_deadline(s->server->env, limit_us) : 0;
}

status session_idle_error(const struct sql_session *s)
{
    if (s->block == BLOCK_NONE)
        return status_new(ST_IDLE_SESSION_TIMEOUT,
                          "terminating connection due to idle-session timeout");
    return status_new(ST_IDLE_IN_TRANSACTION_TIMEOUT,
                      "terminating connection due to idle-in-transaction timeout");
}
