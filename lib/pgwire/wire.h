/* lib/pgwire/wire.h: messages of protocol 3.0 to and from a connection. Lengths are checked before
 * they are believed or allocated (pitfall P5).
 *
 *     message:  type (1 byte; none in the start-up phase) | length (4 bytes BE, counts itself) |
 * body
 */
#ifndef LINERA_PGWIRE_WIRE_H
#define LINERA_PGWIRE_WIRE_H

#include "base/buf.h"
#include "base/status.h"

struct conn;
struct heap;

enum {
    WIRE_STARTUP_SIZE_MAX = 10000,       /* as PostgreSQL's MAX_STARTUP_PACKET_LENGTH */
    WIRE_MESSAGE_SIZE_MAX = 1 << 30,     /* as PostgreSQL's PQ_LARGE_MESSAGE_LIMIT */
    WIRE_SMALL_MESSAGE_SIZE_MAX = 10000, /* Sync, Flush, Close ... carry a name at the most */
    WIRE_PARAMETERS_MAX = 65535,
};

struct wire {
    struct conn        *conn;
    struct buf          in; /* in.data[in_at..in.size) has arrived and is not yet consumed */
    size_t              in_at;
    struct buf          out;        /* written and not yet sent */
    size_t              message_at; /* where the message being built begins */
    uint64_t            sent;       /* bytes that have left, for marks */
    struct wire_digest *digest;     /* digest.c; NULL before the first */
};

/* With `conn` NULL what is written is dropped: only its digest can be asked for. */
void wire_init(struct wire *w, struct conn *conn, struct heap *heap);
void wire_deinit(struct wire *w);

/* ---- in
 * ---------------------------------------------------------------------------------------------- */

/* The start-up packet: its body without the length. NO_DATA when the client left. MAY_YIELD. */
status wire_read_startup(struct wire *w, uint64_t deadline_us, slice *body) MUST_CHECK;
/* The next message; `body` is borrowed until the next read. NO_DATA when the client closed between
 * messages; PROTOCOL_VIOLATION when the frame cannot be right: the connection must end. TIMED_OUT:
 * it did not come in time (0: no limit). CANCELLED: nothing was taken. MAY_YIELD. */
status wire_read_message(struct wire *w, uint64_t deadline_us, char *type, slice *body) MUST_CHECK;
/* Bytes have arrived that no read has consumed (pitfall P4: none may be there before a TLS
 * handshake). */
bool   wire_has_input(const struct wire *w);

/* Take fields off the front of a body; PROTOCOL_VIOLATION (08P01) with PostgreSQL's words when it
 * is too short. */
status wire_take_u8(slice *body, uint8_t *out) MUST_CHECK;
status wire_take_i16(slice *body, int16_t *out) MUST_CHECK;
status wire_take_i32(slice *body, int32_t *out) MUST_CHECK;
status wire_take_bytes(slice *body, size_t size, slice *out) MUST_CHECK;
status wire_take_cstr(slice *body, const char **out) MUST_CHECK;
status wire_take_end(slice body) MUST_CHECK; /* nothing may be left */

/* ---- out
 * --------------------------------------------------------------------------------------------- */

void wire_begin(struct wire *w, char type);
void wire_end(struct wire *w);
/* Drop the message being built, if any. */
void wire_abandon(struct wire *w);

static inline void wire_put_i16(struct wire *w, int v)
{
    buf_put_u16be(&w->out, (uint16_t)v);
}

static inline void wire_put_i32(struct wire *w, int64_t v)
{
    buf_put_u32be(&w->out, (uint32_t)v);
}

static inline void wire_put_cstr(struct wire *w, const char *text)
{
    buf_append(&w->out, text, strlen(text) + 1);
}

/* Drop all that was written and not yet sent. */
void   wire_forget(struct wire *w);
/* Send what was written. Blocks the fiber while the client does not read. MAY_YIELD. */
status wire_flush(struct wire *w) MUST_CHECK;
/* Flush when much has gathered. MAY_YIELD. */
status wire_flush_if_full(struct wire *w) MUST_CHECK;

/* A digest of the bytes written between begin and end, wherever flushes fall. wire_digest_flush()
 * is told before bytes leave. */
void     wire_digest_begin(struct wire *w);
uint64_t wire_digest_end(struct wire *w);
void     wire_digest_flush(struct wire *w);

/* 'E' or 'N' with every field of the status. */
void wire_put_error(struct wire *w, char type, const char *severity, status st);

#endif
