/* tests/common/wire_client.h: a client that speaks the protocol message by message: messages
 * written as text, answers printed as text. Runs in a fiber, in the simulator or on a real socket.
 */
#ifndef LINERA_TESTS_COMMON_WIRE_CLIENT_H
#define LINERA_TESTS_COMMON_WIRE_CLIENT_H

#include "base/buf.h"
#include "env/net.h"

struct wire_client {
    struct env  *env;
    struct conn *conn;
    uint64_t     quiet_us;           /* silence for so long ends an answer */
    struct buf   in;                 /* not printed yet */
    uint32_t     process_id, secret; /* of the last BackendKeyData */
    bool         closed;             /* the server has ended the connection */
    bool         raw;                /* before the start-up: one byte answers an SSLRequest */
};

/* Connect, without a word. False: nobody answers. */
bool wire_client_open(struct wire_client *c, struct env *env, const char *host, uint16_t port,
                      uint64_t quiet_us);
void wire_client_close(struct wire_client *c);

/* Append the message that a line describes:
 *
 *     START key=value ...             the start-up packet, protocol 3.0 (or START/3.2 ...)
 *     Q text                          P name types text (types: 23,25 or -)
 *     B portal statement formats values formats     D S name, D P name
 *     E portal rows    C S name, C P name    S    H    X    F
 *     d text    c    f reason    RAW text    BARE text (the same, in place of a start-up)
 *
 * Names, and values where several stand, are words: "" is the empty one; text goes to the end of
 * the line. Values are split by '|', NULL is a null, - is none at all; formats are 0,1,1 or -. In
 * all texts \n, \t, \\, \s (a blank) and \xNN are what they are in C. False: no such message. */
bool wire_message(struct buf *out, const char *line);

/* Send bytes; gives up when the server does not take them. */
void wire_client_send(struct wire_client *c, slice bytes);
/* Append what the server answers until it falls silent, one line a message:
 *
 *     T name:type:format ...    t type ...    D value|NULL|...    C tag    Z state
 *     E severity code message   N ...         S name=value        K        R 0
 *     1 2 3 n s I c             G, H, W format columns            d text   v minor option ...
 *
 * "closed" stands for the end of the connection. */
void wire_client_read(struct wire_client *c, struct buf *out);
/* CancelRequest for the connection's key, on a connection of its own; `off` is added to the secret.
 */
void wire_client_cancel(struct wire_client *c, const char *host, uint16_t port, uint32_t off);

#endif
