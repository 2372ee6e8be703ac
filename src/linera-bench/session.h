/* src/linera-bench/session.h: one connection, never waited for. The runner's loop tells it when its
 * socket is ready; it says what became of what it was asked for.
 *
 *     DOWN --open--> CONNECTING --> PREPARING --> IDLE --send--> BUSY --> IDLE
 *     any --broken or refused--> DOWN */
#ifndef LINERA_BENCH_SESSION_H
#define LINERA_BENCH_SESSION_H

#include "workload.h"

enum session_state {
    SESSION_DOWN,
    SESSION_CONNECTING,
    SESSION_PREPARING,
    SESSION_IDLE,
    SESSION_BUSY
};

enum session_event {
    SESSION_NOTHING, /* wait for the socket again */
    SESSION_READY,   /* connected and prepared: IDLE */
    SESSION_DONE,    /* the batch is through, perhaps with an error: IDLE */
    SESSION_LOST     /* no connection any more: DOWN; `error` says why */
};

struct session_error {
    char sqlstate[6]; /* empty: there was none */
    char message[256];
};

struct session {
    const struct bench  *bench;
    int                  epoll;
    PGconn              *conn;
    enum session_state   state;
    int                  socket;  /* in the epoll set; -1: none */
    uint32_t             watched; /* for what */
    struct batch         batch;   /* to fill before session_send() */
    PGresult            *rows;    /* what the batch returned last; NULL: nothing */
    struct session_error error;   /* of the batch */
    struct buf           text;    /* of the simple protocol */
};

void session_init(struct session *s, const struct bench *bench, int epoll);
void session_deinit(struct session *s);

/* Begin to connect. SESSION_NOTHING or SESSION_LOST. */
enum session_event session_open(struct session *s);
/* Send s->batch and await all its answers. SESSION_NOTHING or SESSION_LOST. */
enum session_event session_send(struct session *s);
/* The socket is ready. */
enum session_event session_on_socket(struct session *s);
/* Give up the connection, whatever it is doing. */
void               session_drop(struct session *s, const char *sqlstate, const char *message);
/* Whether a transaction is open, as it is after an error inside of one. */
bool               session_in_transaction(const struct session *s);

#endif
