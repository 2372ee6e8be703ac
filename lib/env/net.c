/* The blocking socket calls of both worlds: try, and wait for the world's event when there is
 * nothing. Trying first saves the wait on a busy connection; a read that came back short is taken
 * to have emptied the socket, so that a request and its answer cost one recv and one send. */
#include "env/net.h"

#include <errno.h>
#include <stdio.h>

#include "base/assert.h"
#include "env/env_internal.h"

enum {
    STREAK_MAX = 32,     /* calls without a wait before others have a turn */
    CONN_PARTS_MAX = 64, /* slices handed to the world at a time */
};

void listener_init(struct listener *l, struct env *env)
{
    l->env = env;
    l->maybe_acceptable = true;
    env_cond_init(&l->acceptable);
}

void conn_init(struct conn *c, struct env *env)
{
    c->env = env;
    c->maybe_readable = c->maybe_writable = true;
    env_cond_init(&c->readable);
    env_cond_init(&c->writable);
}

void conn_note_readable(struct conn *c)
{
    c->maybe_readable = true;
    env_broadcast(c->env, &c->readable);
}

void conn_note_writable(struct conn *c)
{
    c->maybe_writable = true;
    env_broadcast(c->env, &c->writable);
}

void listener_note_acceptable(struct listener *l)
{
    l->maybe_acceptable = true;
    env_signal(l->env, &l->acceptable);
}

/* ---- listening and connecting -------------------------------------------------------------------
 */

status env_listen(struct env *env, const char *host, uint16_t port, struct listener **out)
{
    int error = env->ops->listen(env, host, port, out);

    if (error == 0)
        return STATUS_OK;
    return errno_status(error, "could not listen on \"%s\", port %u", host, (unsigned)port);
}

uint16_t listener_port(const struct listener *l)
{
    return l->port;
}

const char *listener_address(const struct listener *l)
{
    return l->address;
}

status env_accept(struct listener *l, struct conn **out)
{
    struct env *env = l->env;

    if (env_cancelled(env))
        return wake_status(WAKE_CANCELLED);
    for (;;) {
        int error = l->maybe_acceptable ? env->ops->accept(l, out) : -EAGAIN;

        if (error == 0)
            return STATUS_OK;
        if (error != -EAGAIN)
            return errno_status(error, "could not accept a connection on %s", l->address);
        l->maybe_acceptable = false;
        TRY_RETURN(env_wait(env, &l->acceptable, 0));
    }
}

void listener_close(struct listener *l)
{
    if (l == NULL)
        return;
    env_cond_deinit(&l->acceptable);
    l->env->ops->listener_close(l);
}

static status connect_finish(struct conn *c, const char *host, uint16_t port, uint64_t deadline_us)
{
    int    error;
    status st;

    while ((error = c->env->ops->connect_result(c)) == -EINPROGRESS) {
        c->env->ops->arm_write(c);
        st = env_wait(c->env, &c->writable, deadline_us);
        if (!st_ok(st))
            return status_wrap(st, "could not connect to \"%s\", port %u", host, (unsigned)port);
    }
    if (error == 0)
        return STATUS_OK;
    st = errno_status(error, "could not connect to \"%s\", port %u", host, (unsigned)port);
    /* However the attempt broke off, the connection was never there. */
    if (status_code(st) == ST_CONNECTION_FAILURE) {
        st_clear(st);
        st = status_new(ST_CONNECTION_REFUSED, "could not connect to \"%s\", port %u: %s", host,
                        (unsigned)port, strerrordesc_np(-error));
    }
    return st;
}

status env_connect(struct env *env, const char *host, uint16_t port, uint64_t deadline_us,
                   struct conn **out)
{
    struct conn *c;
    int          error;
    status       st;

    if (env_cancelled(env))
        return wake_status(WAKE_CANCELLED);
    error = env->ops->connect(env, host, port, &c);
    if (error != 0)
        return errno_status(error, "could not connect to \"%s\", port %u", host, (unsigned)port);
    st = connect_finish(c, host, port, deadline_us);
    if (!st_ok(st)) {
        conn_close(c);
        return st;
    }
    c->maybe_readable = c->maybe_writable = true;
    *out = c;
    return STATUS_OK;
}

/* ---- streams ------------------------------------------------------------------------------------
 */

/* A peer that always has something ready must not keep the worker to itself. */
static void note_success(struct conn *c)
{
    if (++c->streak < STREAK_MAX)
        return;
    c->streak = 0;
    env_yield(c->env);
}

static status await_readable(struct conn *c, uint64_t deadline_us)
{
    c->streak = 0;
    c->env->ops->arm_read(c);
    return env_wait(c->env, &c->readable, deadline_us);
}

static ptrdiff_t try_read(struct conn *c, void *buf, size_t size)
{
    ptrdiff_t n;

    if (c->is_shut)
        return 0;
    if (!c->maybe_readable)
        return -EAGAIN;
    n = c->env->ops->read(c, buf, size);
    if (n == -EAGAIN || (n > 0 && (size_t)n < size && !c->peer_gone))
        c->maybe_readable = false;
    return n;
}

static ptrdiff_t try_write(struct conn *c, const slice *parts, size_t count)
{
    ptrdiff_t n;

    if (c->is_shut)
        return -EPIPE;
    if (!c->maybe_writable)
        return -EAGAIN;
    n = c->env->ops->write(c, parts, count);
    if (n == -EAGAIN)
        c->maybe_writable = false;
    return n;
}

status conn_read(struct conn *c, void *buf, size_t size, uint64_t deadline_us, size_t *n)
{
    ASSERT(size > 0);
    ASSERT(c->env->no_yield == 0);
    if (env_cancelled(c->env))
        return wake_status(WAKE_CANCELLED);
    for (;;) {
        ptrdiff_t got = try_read(c, buf, size);

        if (got >= 0) {
            *n = (size_t)got;
            note_success(c);
            return STATUS_OK;
        }
        if (got != -EAGAIN)
            return errno_status((int)got, "could not receive data from %s", c->peer);
        TRY_RETURN(await_readable(c, deadline_us));
    }
}

status conn_readable_wait(struct conn *c, uint64_t deadline_us)
{
    while (!c->is_shut && !(c->maybe_readable && c->env->ops->ready(c, false)))
        TRY_RETURN(await_readable(c, deadline_us));
    return STATUS_OK;
}

/* Not cancellable: see conn_write(). */
static status await_writable(struct conn *c, uint64_t deadline_us)
{
    c->streak = 0;
    c->env->ops->arm_write(c);
    return wake_status(fiber_wait(c->env, &c->writable.waiters, deadline_us, false));
}

status conn_writable_wait(struct conn *c, uint64_t deadline_us)
{
    while (!c->is_shut && !(c->maybe_writable && c->env->ops->ready(c, true)))
        TRY_RETURN(await_writable(c, deadline_us));
    return STATUS_OK;
}

/* What is left of the parts, `skip` bytes of the first being sent already. */
static size_t window_fill(slice *window, const slice *parts, size_t count, size_t skip)
{
    size_t n = MIN(count, (size_t)CONN_PARTS_MAX);

    for (size_t i = 0; i < n; i++)
        window[i] = i == 0 ? slice_from(parts[i], skip) : parts[i];
    return n;
}

/* Send one window's worth, waiting if need be; *n bytes of it are gone afterwards. */
static status write_some(struct conn *c, const slice *window, size_t count, uint64_t deadline_us,
                         size_t *n)
{
    for (;;) {
        ptrdiff_t sent = try_write(c, window, count);

        if (sent >= 0) {
            *n = (size_t)sent;
            return STATUS_OK;
        }
        if (sent != -EAGAIN)
            return errno_status((int)sent, "could not send data to %s", c->peer);
        TRY_RETURN(await_writable(c, deadline_us));
    }
}

status conn_write(struct conn *c, const slice *parts, size_t count, uint64_t deadline_us)
{
    slice  window[CONN_PARTS_MAX];
    size_t skip = 0, n = 0;

    ASSERT(c->env->no_yield == 0);
    for (;;) {
        while (count > 0 && skip >= parts->size) {
            skip -= parts->size;
            parts++;
            count--;
        }
        if (count == 0)
            break;
        TRY_RETURN(write_some(c, window, window_fill(window, parts, count, skip), deadline_us, &n));
        skip += n;
    }
    note_success(c);
    return STATUS_OK;
}

static ptrdiff_t try_result(ptrdiff_t n)
{
    if (n == -EAGAIN)
        return CONN_WOULD_BLOCK;
    return n < 0 ? CONN_BROKEN : n;
}

ptrdiff_t conn_try_read(struct conn *c, void *buf, size_t size)
{
    ptrdiff_t n;

    ASSERT(size > 0);
    n = try_read(c, buf, size);
    return n == 0 ? CONN_END : try_result(n);
}

ptrdiff_t conn_try_write(struct conn *c, const void *data, size_t size)
{
    slice part = slice_make(data, size);

    return try_result(try_write(c, &part, 1));
}

void conn_shutdown(struct conn *c)
{
    c->is_shut = true;
    c->env->ops->shutdown(c, true);
    conn_note_readable(c);
    conn_note_writable(c);
}

void conn_shutdown_send(struct conn *c)
{
    c->env->ops->shutdown(c, false);
}

void conn_close(struct conn *c)
{
    if (c == NULL)
        return;
    env_cond_deinit(&c->readable);
    env_cond_deinit(&c->writable);
    c->env->ops->conn_close(c);
}

bool conn_peer_gone(const struct conn *c)
{
    return c->peer_gone || c->is_shut;
}

const char *conn_peer(const struct conn *c)
{
    return c->peer;
}

uint16_t conn_peer_port(const struct conn *c)
{
    return c->peer_port;
}

const char *conn_local(const struct conn *c)
{
    return c->local;
}

uint16_t conn_local_port(const struct conn *c)
{
    return c->local_port;
}

struct env *conn_env(const struct conn *c)
{
    return c->env;
}
