/* lib/pgwire/connection.h: one client connection, from accept to close. For server.c only. */
#ifndef LINERA_PGWIRE_CONNECTION_H
#define LINERA_PGWIRE_CONNECTION_H

#include "base/list.h"
#include "pgwire/result.h"
#include "pgwire/wire.h"

struct env;
struct fiber;

enum stopping { STOP_NOT, STOP_WHEN_IDLE, STOP_NOW };

struct connection {
    struct list         link; /* in the server's list */
    struct env         *env;
    struct conn        *conn;
    struct sql_server  *sql;
    struct sql_session *session; /* NULL until the start-up is through */
    struct wire         wire;
    struct wire_sink    sink;
    struct arena       *scratch;
    struct fiber       *fiber;
    bool                at_rest; /* nothing has come since ReadyForQuery */
    bool                idle;    /* at rest outside of a transaction */
    enum stopping       stopping;
    bool                skip_to_sync; /* an extended message failed (pitfall P1) */
};

/* The start-up phase: SSLRequest, GSSENCRequest, CancelRequest, StartupMessage. On success a
 * session is open and ReadyForQuery was sent. NO_DATA: the connection has served its purpose
 * (cancel, or the client left). */
status connection_start(struct connection *c, uint64_t deadline_us, bool refuse) MUST_CHECK;

/* Serve messages until the client ends or the connection cannot go on. */
status connection_serve(struct connection *c) MUST_CHECK;

/* Send a FATAL error, as far as the client still takes it; frees the status. */
void connection_fatal(struct connection *c, status st);

#endif
