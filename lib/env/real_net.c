/* Sockets of the real world. Descriptors are non-blocking; libuv watches them while it is of use.
 *
 * A watch is level-triggered and stays on between waits: taking it off and on again would cost two
 * system calls a request. It is dropped when it fires while nobody waits (data came for a fiber
 * that is busy) and set again at the next wait. */
#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/assert.h"
#include "env/real_internal.h"

enum { BACKLOG = 4096, IOV_MAX_PARTS = 64 };

struct real_listener {
    struct listener base;
    uv_poll_t       poll;
    int             fd;
    bool            watching;
    char            unix_path[sizeof((struct sockaddr_un *)0)->sun_path];
};

struct real_conn {
    struct conn base;
    uv_poll_t   poll;
    int         fd;
    int         watched; /* UV_READABLE and so on, as libuv was told */
};

static struct real_conn *real_conn(struct conn *c)
{
    return CONTAINER_OF(c, struct real_conn, base);
}

/* ---- addresses ----------------------------------------------------------------------------------
 */

struct address {
    struct sockaddr_storage storage;
    socklen_t               size;
};

struct lookup {
    const char     *host;
    uint16_t        port;
    bool            passive, numeric;
    struct address *out;
    int             error; /* 0 or a negated errno */
};

static int gai_errno(int rc)
{
    switch (rc) {
    case 0:
        return 0;
    case EAI_MEMORY:
        return -ENOMEM;
    case EAI_SYSTEM:
        return -errno;
    default:
        return -EHOSTUNREACH; /* the name is not known, or its server does not answer */
    }
}

static void lookup_run(void *arg)
{
    struct lookup  *l = arg;
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *found = NULL;
    char            service[8];
    int             rc;

    hints.ai_flags = AI_NUMERICSERV | (l->passive ? AI_PASSIVE : 0) |
                     (l->numeric ? AI_NUMERICHOST : AI_ADDRCONFIG);
    snprintf(service, sizeof service, "%u", (unsigned)l->port);
    rc = getaddrinfo(l->host, service, &hints, &found);
    l->error = gai_errno(rc);
    if (rc != 0)
        return;
    memcpy(&l->out->storage, found->ai_addr, found->ai_addrlen);
    l->out->size = found->ai_addrlen;
    freeaddrinfo(found);
}

static void unix_address(const char *dir, uint16_t port, struct address *out, int *error)
{
    struct sockaddr_un *un = (struct sockaddr_un *)&out->storage;
    int n = snprintf(un->sun_path, sizeof un->sun_path, "%s/.s.PGSQL.%u", dir, (unsigned)port);

    un->sun_family = AF_UNIX;
    out->size = sizeof *un;
    *error = (size_t)n < sizeof un->sun_path ? 0 : -ENAMETOOLONG;
}

/* Numeric addresses are read here and now; a name is looked up on a thread of its own, behind other
 * lookups alone (pitfall E6). Before any fiber runs, at start, the lookup blocks. */
static int resolve(struct env *env, const char *host, uint16_t port, bool passive,
                   struct address *out)
{
    struct lookup l = {.host = host, .port = port, .passive = passive, .numeric = true, .out = out};

    memset(out, 0, sizeof *out);
    if (host[0] == '/') {
        unix_address(host, port, out, &l.error);
        return l.error;
    }
    if (passive && (host[0] == '\0' || strcmp(host, "*") == 0))
        l.host = NULL;
    lookup_run(&l);
    if (l.error == 0)
        return 0;
    l.numeric = false;
    if (env->running != NULL)
        real_offload(env, LANE_LOOKUP, lookup_run, &l);
    else
        lookup_run(&l);
    return l.error;
}

static void address_text(const struct address *a, char *host, size_t size, uint16_t *port)
{
    const struct sockaddr     *sa = (const struct sockaddr *)&a->storage;
    const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)&a->storage;
    const struct sockaddr_in  *in = (const struct sockaddr_in *)&a->storage;

    *port = 0;
    snprintf(host, size, "[local]");
    if (sa->sa_family == AF_INET) {
        inet_ntop(AF_INET, &in->sin_addr, host, (socklen_t)size);
        *port = ntohs(in->sin_port);
    } else if (sa->sa_family == AF_INET6) {
        bool mapped = IN6_IS_ADDR_V4MAPPED(&in6->sin6_addr);

        /* An IPv4 client of a listener for both families is still an IPv4 client. */
        if (mapped)
            inet_ntop(AF_INET, &in6->sin6_addr.s6_addr[12], host, (socklen_t)size);
        else
            inet_ntop(AF_INET6, &in6->sin6_addr, host, (socklen_t)size);
        *port = ntohs(in6->sin6_port);
    }
}

static void local_address(int fd, struct address *out)
{
    out->size = sizeof out->storage;
    if (getsockname(fd, (struct sockaddr *)&out->storage, &out->size) != 0)
        memset(out, 0, sizeof *out);
}

static int stream_socket(const struct address *a)
{
    int fd = socket(a->storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    return fd < 0 ? -errno : fd;
}

/* ---- watching -----------------------------------------------------------------------------------
 */

static void on_conn_event(uv_poll_t *poll, int rc, int events);

static void watch(struct real_conn *c, int events)
{
    if (events == c->watched)
        return;
    c->watched = events;
    if (events != 0)
        uv_poll_start(&c->poll, events, on_conn_event);
    else
        uv_poll_stop(&c->poll);
}

/* The kernel reports a broken connection as ready; the next call then returns the error. */
static void on_conn_event(uv_poll_t *poll, int rc, int events)
{
    struct real_conn *c = CONTAINER_OF(poll, struct real_conn, poll);
    int               drop = 0;

    if (rc != 0)
        events = UV_READABLE | UV_WRITABLE | UV_DISCONNECT;
    if (events & UV_DISCONNECT) {
        c->base.peer_gone = true;
        drop |= UV_DISCONNECT;
    }
    if (events & (UV_READABLE | UV_DISCONNECT)) {
        if (list_empty(&c->base.readable.waiters))
            drop |= UV_READABLE;
        conn_note_readable(&c->base);
    }
    if (events & UV_WRITABLE) {
        drop |= UV_WRITABLE;
        conn_note_writable(&c->base);
    }
    watch(c, c->watched & ~drop);
}

void real_arm_read(struct conn *base)
{
    struct real_conn *c = real_conn(base);

    watch(c, c->watched | UV_READABLE | (base->peer_gone ? 0 : UV_DISCONNECT));
}

void real_arm_write(struct conn *base)
{
    struct real_conn *c = real_conn(base);

    watch(c, c->watched | UV_WRITABLE);
}

/* ---- connections --------------------------------------------------------------------------------
 */

static void on_conn_closed(uv_handle_t *handle)
{
    struct real_conn *c = CONTAINER_OF((uv_poll_t *)handle, struct real_conn, poll);

    heap_free(c);
}

/* Takes the descriptor over, also on error. */
static int conn_make(struct env *env, int fd, const struct address *peer, struct real_conn **out)
{
    struct real_conn *c = heap_zalloc(env->heap, sizeof *c);
    struct address    local;
    int               one = 1, rc;

    if (c == NULL) {
        close(fd);
        return -ENOMEM;
    }
    conn_init(&c->base, env);
    c->fd = fd;
    rc = uv_poll_init(&real_env(env)->loop, &c->poll, fd);
    if (rc != 0) {
        close(fd);
        heap_free(c);
        return rc;
    }
    /* Answers are sent whole; waiting for more to put into the packet costs latency alone. */
    if (peer->storage.ss_family != AF_UNIX)
        (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    address_text(peer, c->base.peer, sizeof c->base.peer, &c->base.peer_port);
    local_address(fd, &local);
    address_text(&local, c->base.local, sizeof c->base.local, &c->base.local_port);
    *out = c;
    return 0;
}

int real_connect(struct env *env, const char *host, uint16_t port, struct conn **out)
{
    struct address    a;
    struct real_conn *c;
    int               rc = resolve(env, host, port, false, &a), fd;

    if (rc != 0)
        return rc;
    fd = stream_socket(&a);
    if (fd < 0)
        return fd;
    if (connect(fd, (struct sockaddr *)&a.storage, a.size) != 0 && errno != EINPROGRESS) {
        rc = -errno;
        close(fd);
        return rc == -ENOENT ? -ECONNREFUSED : rc; /* no such Unix socket: nobody listens */
    }
    rc = conn_make(env, fd, &a, &c);
    if (rc != 0)
        return rc;
    *out = &c->base;
    return 0;
}

int real_connect_result(struct conn *base)
{
    struct real_conn *c = real_conn(base);
    struct address    a;
    int               error = 0;
    socklen_t         size = sizeof error;

    if (getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &error, &size) != 0)
        return -errno;
    if (error != 0)
        return -error;
    a.size = sizeof a.storage;
    if (getpeername(c->fd, (struct sockaddr *)&a.storage, &a.size) != 0)
        return errno == ENOTCONN ? -EINPROGRESS : -errno;
    local_address(c->fd, &a);
    address_text(&a, base->local, sizeof base->local, &base->local_port);
    return 0;
}

ptrdiff_t real_read(struct conn *base, void *buf, size_t size)
{
    ssize_t n;
    int     error;

    do {
        n = recv(real_conn(base)->fd, buf, size, 0);
        error = errno;
    } while (n < 0 && error == EINTR);
    return n >= 0 ? n : -error;
}

/* One part, as nearly all answers are, needs no message header to be copied and checked. */
static ptrdiff_t send_one(struct conn *base, slice part)
{
    ssize_t n;
    int     error;

    do {
        n = send(real_conn(base)->fd, part.data, part.size, MSG_NOSIGNAL);
        error = errno;
    } while (n < 0 && error == EINTR);
    return n >= 0 ? n : -error;
}

ptrdiff_t real_write(struct conn *base, const slice *parts, size_t count)
{
    struct iovec  iov[IOV_MAX_PARTS];
    struct msghdr message = {.msg_iov = iov, .msg_iovlen = MIN(count, (size_t)IOV_MAX_PARTS)};
    ssize_t       n;
    int           error;

    if (count == 1)
        return send_one(base, parts[0]);
    for (size_t i = 0; i < message.msg_iovlen; i++) {
        iov[i].iov_base = (void *)(uintptr_t)parts[i].data;
        iov[i].iov_len = parts[i].size;
    }
    do {
        n = sendmsg(real_conn(base)->fd, &message, MSG_NOSIGNAL);
        error = errno;
    } while (n < 0 && error == EINTR);
    return n >= 0 ? n : -error;
}

bool real_ready(struct conn *base, bool writing)
{
    struct pollfd p = {.fd = real_conn(base)->fd, .events = writing ? POLLOUT : POLLIN};

    return poll(&p, 1, 0) > 0;
}

void real_shutdown(struct conn *base, bool both)
{
    (void)shutdown(real_conn(base)->fd, both ? SHUT_RDWR : SHUT_WR);
}

void real_conn_close(struct conn *base)
{
    struct real_conn *c = real_conn(base);

    uv_close((uv_handle_t *)&c->poll, on_conn_closed); /* stops watching before it returns */
    close(c->fd);
}

/* ---- listeners ----------------------------------------------------------------------------------
 */

static void on_acceptable(uv_poll_t *poll, int rc, int events)
{
    struct real_listener *l = CONTAINER_OF(poll, struct real_listener, poll);

    (void)rc;
    (void)events;
    if (list_empty(&l->base.acceptable.waiters)) {
        uv_poll_stop(&l->poll);
        l->watching = false;
    }
    listener_note_acceptable(&l->base);
}

static void listener_watch(struct real_listener *l)
{
    if (!l->watching)
        uv_poll_start(&l->poll, UV_READABLE, on_acceptable);
    l->watching = true;
}

/* A socket file that nobody listens at any more was left by a process that died. */
static void unix_remove_stale(const struct address *a)
{
    const struct sockaddr_un *un = (const struct sockaddr_un *)&a->storage;
    int                       fd = stream_socket(a);

    if (fd < 0)
        return;
    if (connect(fd, (const struct sockaddr *)&a->storage, a->size) != 0 && errno == ECONNREFUSED)
        (void)unlink(un->sun_path);
    close(fd);
}

static int bind_to(int fd, const struct address *a)
{
    const struct sockaddr *sa = (const struct sockaddr *)&a->storage;

    if (bind(fd, sa, a->size) == 0)
        return 0;
    if (errno != EADDRINUSE || a->storage.ss_family != AF_UNIX)
        return -errno;
    unix_remove_stale(a);
    return bind(fd, sa, a->size) == 0 ? 0 : -errno;
}

static int bind_and_listen(const struct address *a)
{
    int fd = stream_socket(a), one = 1, zero = 0, error;

    if (fd < 0)
        return fd;
    if (a->storage.ss_family != AF_UNIX)
        (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (a->storage.ss_family == AF_INET6)
        (void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &zero, sizeof zero);
    error = bind_to(fd, a);
    if (error == 0 && listen(fd, BACKLOG) != 0)
        error = -errno;
    if (error == 0)
        return fd;
    close(fd);
    return error;
}

static void listener_name(struct real_listener *l, const struct address *asked)
{
    struct address bound;
    char           host[ADDRESS_SIZE];

    if (asked->storage.ss_family == AF_UNIX) {
        const struct sockaddr_un *un = (const struct sockaddr_un *)&asked->storage;

        snprintf(l->unix_path, sizeof l->unix_path, "%s", un->sun_path);
        snprintf(l->base.address, sizeof l->base.address, "%s", un->sun_path);
        return;
    }
    local_address(l->fd, &bound);
    address_text(&bound, host, sizeof host, &l->base.port);
    snprintf(l->base.address, sizeof l->base.address,
             strchr(host, ':') != NULL ? "[%s]:%u" : "%s:%u", host, (unsigned)l->base.port);
}

int real_listen(struct env *env, const char *host, uint16_t port, struct listener **out)
{
    struct real_listener *l;
    struct address        a;
    int                   rc = resolve(env, host, port, true, &a), fd;

    if (rc != 0)
        return rc;
    fd = bind_and_listen(&a);
    if (fd < 0)
        return fd;
    l = heap_must_alloc(env->heap, 1, sizeof *l);
    listener_init(&l->base, env);
    l->fd = fd;
    l->base.port = port;
    rc = uv_poll_init(&real_env(env)->loop, &l->poll, fd);
    if (rc != 0) {
        close(fd);
        heap_free(l);
        return rc;
    }
    listener_name(l, &a);
    *out = &l->base;
    return 0;
}

int real_accept(struct listener *base, struct conn **out)
{
    struct real_listener *l = CONTAINER_OF(base, struct real_listener, base);
    struct address        a;
    struct real_conn     *c;
    int                   fd, rc;

    for (;;) {
        memset(&a, 0, sizeof a);
        a.size = sizeof a.storage;
        fd = accept4(l->fd, (struct sockaddr *)&a.storage, &a.size, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd >= 0)
            break;
        if (errno == EAGAIN) {
            listener_watch(l);
            return -EAGAIN;
        }
        /* A client that gave up in the queue is no trouble of the listener's. */
        if (errno != EINTR && errno != ECONNABORTED && errno != EPROTO)
            return -errno;
    }
    rc = conn_make(base->env, fd, &a, &c);
    if (rc == 0)
        *out = &c->base;
    return rc;
}

static void on_listener_closed(uv_handle_t *handle)
{
    struct real_listener *l = CONTAINER_OF((uv_poll_t *)handle, struct real_listener, poll);

    heap_free(l);
}

void real_listener_close(struct listener *base)
{
    struct real_listener *l = CONTAINER_OF(base, struct real_listener, base);

    uv_close((uv_handle_t *)&l->poll, on_listener_closed);
    close(l->fd);
    if (l->unix_path[0] != '\0')
        (void)unlink(l->unix_path);
}
