/* lib/env/net.h: listeners and stream connections.
 *
 * A connection may have one fiber that reads and one that writes at the same time. Deadlines are
 * env_mono_us() times, 0 for none. */
#ifndef LINERA_ENV_NET_H
#define LINERA_ENV_NET_H

#include "base/slice.h"
#include "env/env.h"

struct listener;
struct conn;

/* Listen on `host` (a name, a numeric address, "" or "*" for all) and `port` (0: any free one, see
 * listener_port). A host that begins with "/" is a directory: the Unix socket ".s.PGSQL.<port>" in
 * it. OBJECT_IN_USE: somebody listens there already. */
status env_listen(struct env *env, const char *host, uint16_t port, struct listener **out)
    MUST_CHECK;
uint16_t         listener_port(const struct listener *l);
/* "host:port" as bound, for messages. */
const char      *listener_address(const struct listener *l);
/* The next connection; it belongs to the caller. CANCELLED. INSUFFICIENT_RESOURCES: the process is
 * out of descriptors or memory; the listener still works, try again a little later. */
status MAY_YIELD env_accept(struct listener *l, struct conn **out) MUST_CHECK;
/* Stop listening. No fiber may be in env_accept(); cancel and join it first. Accepts NULL. */
void             listener_close(struct listener *l);

/* Connect to a listener. CONNECTION_REFUSED: nobody answers there, or the name is not known.
 * TIMED_OUT, CANCELLED. */
status MAY_YIELD env_connect(struct env *env, const char *host, uint16_t port, uint64_t deadline_us,
                             struct conn **out) MUST_CHECK;

/* Up to `size` (not 0) bytes, at least one; *n is 0 when the peer has finished sending. Returns as
 * soon as something is there. TIMED_OUT, CANCELLED: nothing was taken off the stream.
 * CONNECTION_FAILURE: the connection broke. */
status MAY_YIELD conn_read(struct conn *c, void *buf, size_t size, uint64_t deadline_us, size_t *n)
    MUST_CHECK;
/* Wait until conn_read() would not block. */
status MAY_YIELD conn_readable_wait(struct conn *c, uint64_t deadline_us) MUST_CHECK;
/* Send all the parts or fail. Waits while the peer does not read; fiber_cancel() does not interrupt
 * it, because half a message would put the protocol out of step: to give up, conn_shutdown() from
 * another fiber. TIMED_OUT, CONNECTION_FAILURE: part may have been sent, only closing makes sense.
 */
status MAY_YIELD conn_write(struct conn *c, const slice *parts, size_t count, uint64_t deadline_us)
    MUST_CHECK;

/* What is there now, without waiting, for protocol libraries that bring their own state (TLS).
 * Returns the size moved, CONN_WOULD_BLOCK, CONN_END (reading: the peer has finished), or
 * CONN_BROKEN. Follow up a CONN_WOULD_BLOCK with the matching wait. */
enum { CONN_WOULD_BLOCK = -1, CONN_END = -2, CONN_BROKEN = -3 };
ptrdiff_t        conn_try_read(struct conn *c, void *buf, size_t size);
ptrdiff_t        conn_try_write(struct conn *c, const void *data, size_t size);
status MAY_YIELD conn_writable_wait(struct conn *c, uint64_t deadline_us) MUST_CHECK;

/* End both directions now: fibers that wait in the connection return (read: the end, write:
 * CONNECTION_FAILURE). The connection must still be closed. */
void conn_shutdown(struct conn *c);
/* End the sending direction, so that the peer reads the end; reading goes on. */
void conn_shutdown_send(struct conn *c);
/* Close. What was written before is still delivered. No fiber may be waiting in it. Accepts NULL.
 */
void conn_close(struct conn *c);

/* Whether the peer is known to have closed or the connection to have broken: lets a running query
 * notice that its client is gone. Without a system call. */
bool        conn_peer_gone(const struct conn *c);
/* The peer's numeric address without port ("127.0.0.1"; "[local]" for a Unix socket). */
const char *conn_peer(const struct conn *c);
uint16_t    conn_peer_port(const struct conn *c);
/* The address and port on this side. */
const char *conn_local(const struct conn *c);
uint16_t    conn_local_port(const struct conn *c);
struct env *conn_env(const struct conn *c);

#endif
