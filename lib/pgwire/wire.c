#include "pgwire/wire.h"

#include <stdio.h>

#include "base/assert.h"
#include "env/net.h"

enum {
    READ_SIZE = 8192,
    FLUSH_SIZE =
        64 *
        1024, /* results that fit are one write, and can still be taken back (result_sink.rewind) */
    KEEP_SIZE = 64 * 1024, /* an idle connection keeps no larger buffer */
    HEADER_SIZE = 5,
};

void wire_init(struct wire *w, struct conn *conn, struct heap *heap)
{
    *w = (struct wire){.conn = conn};
    buf_init(&w->in, heap);
    buf_init(&w->out, heap);
}

void wire_deinit(struct wire *w)
{
    buf_deinit(&w->in);
    buf_deinit(&w->out);
    heap_free(w->digest);
}

/* ---- in
 * ---------------------------------------------------------------------------------------------- */

static size_t available(const struct wire *w)
{
    return w->in.size - w->in_at;
}

bool wire_has_input(const struct wire *w)
{
    return available(w) > 0;
}

/* Move what is left to the front, so that the buffer grows only as far as the largest message; give
 * a large one back once its message is consumed. */
static void compact(struct wire *w)
{
    size_t left = available(w);

    if (w->in_at == 0)
        return;
    if (left == 0 && w->in.capacity > KEEP_SIZE) {
        struct heap *heap = w->in.heap;

        buf_deinit(&w->in);
        buf_init(&w->in, heap);
    } else if (left > 0) {
        memmove(w->in.data, w->in.data + w->in_at, left);
    }
    w->in.size = left;
    w->in_at = 0;
}

/* Read until `size` bytes are available. A large message grows the buffer as it arrives, not as it
 * is announced: a header alone costs nothing. */
static status fill(struct wire *w, size_t size, uint64_t deadline_us)
{
    if (available(w) >= size)
        return STATUS_OK;
    compact(w);
    while (available(w) < size) {
        size_t missing = size - available(w);
        size_t room = MIN(MAX(missing, (size_t)READ_SIZE), w->in.size + READ_SIZE);
        size_t n;

        TRY_RETURN(conn_read(w->conn, buf_reserve(&w->in, room), room, deadline_us, &n));
        if (n == 0)
            return available(w) == 0
                       ? STATUS_NO_DATA
                       : status_new(ST_CONNECTION_FAILURE,
                                    "the client closed the connection within a message");
        buf_advance(&w->in, n);
    }
    return STATUS_OK;
}

static slice consume(struct wire *w, size_t size)
{
    slice s = slice_make(w->in.data + w->in_at, size);

    w->in_at += size;
    return s;
}

status wire_read_startup(struct wire *w, uint64_t deadline_us, slice *body)
{
    uint32_t size;

    TRY_RETURN(fill(w, 4, deadline_us));
    size = get_u32be(w->in.data + w->in_at);
    if (size < 8 || size > WIRE_STARTUP_SIZE_MAX)
        return status_new(ST_PROTOCOL_VIOLATION, "invalid length of startup packet");
    TRY_RETURN(fill(w, size, deadline_us));
    *body = slice_from(consume(w, size), 4);
    return STATUS_OK;
}

static uint32_t size_max_of(char type)
{
    switch (type) {
    case 'Q': /* Query */
    case 'P': /* Parse */
    case 'B': /* Bind */
    case 'F': /* FunctionCall */
    case 'd': /* CopyData */
        return WIRE_MESSAGE_SIZE_MAX;
    case 'E': /* Execute */
    case 'D': /* Describe */
    case 'C': /* Close */
    case 'S': /* Sync */
    case 'H': /* Flush */
    case 'X': /* Terminate */
    case 'c': /* CopyDone */
    case 'f': /* CopyFail */
    case 'p': /* authentication */
        return WIRE_SMALL_MESSAGE_SIZE_MAX;
    default:
        return 0;
    }
}

status wire_read_message(struct wire *w, uint64_t deadline_us, char *type, slice *body)
{
    uint32_t size, size_max;
    status   st = fill(w, HEADER_SIZE, deadline_us);

    if (!st_ok(st))
        return st;
    *type = w->in.data[w->in_at];
    size = get_u32be(w->in.data + w->in_at + 1);
    size_max = size_max_of(*type);
    if (size_max == 0)
        return status_new(ST_PROTOCOL_VIOLATION, "invalid frontend message type %d",
                          (unsigned char)*type);
    if (size < 4 || size > size_max)
        return status_new(ST_PROTOCOL_VIOLATION, "invalid message length");
    TRY_RETURN(fill(w, (size_t)size + 1, deadline_us));
    *body = slice_from(consume(w, (size_t)size + 1), HEADER_SIZE);
    return STATUS_OK;
}

static status too_short(void)
{
    return status_new(ST_PROTOCOL_VIOLATION, "insufficient data left in message");
}

status wire_take_bytes(slice *body, size_t size, slice *out)
{
    return take_bytes(body, size, out) ? STATUS_OK : too_short();
}

status wire_take_u8(slice *body, uint8_t *out)
{
    slice s;

    TRY_RETURN(wire_take_bytes(body, 1, &s));
    *out = (uint8_t)s.data[0];
    return STATUS_OK;
}

status wire_take_i16(slice *body, int16_t *out)
{
    slice s;

    TRY_RETURN(wire_take_bytes(body, 2, &s));
    *out = (int16_t)get_u16be(s.data);
    return STATUS_OK;
}

status wire_take_i32(slice *body, int32_t *out)
{
    slice s;

    TRY_RETURN(wire_take_bytes(body, 4, &s));
    *out = (int32_t)get_u32be(s.data);
    return STATUS_OK;
}

status wire_take_cstr(slice *body, const char **out)
{
    const char *end = body->size > 0 ? memchr(body->data, 0, body->size) : NULL;

    if (end == NULL)
        return status_new(ST_PROTOCOL_VIOLATION, "invalid string in message");
    *out = body->data;
    *body = slice_from(*body, (size_t)(end - body->data) + 1);
    return STATUS_OK;
}

status wire_take_end(slice body)
{
    if (body.size == 0)
        return STATUS_OK;
    return status_new(ST_PROTOCOL_VIOLATION, "invalid message format");
}

/* ---- out
 * --------------------------------------------------------------------------------------------- */

void wire_begin(struct wire *w, char type)
{
    w->message_at = w->out.size;
    buf_put_u8(&w->out, (uint8_t)type);
    buf_put_u32be(&w->out, 0);
}

void wire_end(struct wire *w)
{
    size_t size = w->out.size - w->message_at - 1;

    ASSERT(size <= INT32_MAX);
    put_u32be(w->out.data + w->message_at + 1, (uint32_t)size);
    w->message_at = w->out.size;
}

void wire_abandon(struct wire *w)
{
    if (w->message_at < w->out.size)
        w->out.size = w->message_at;
}

void wire_forget(struct wire *w)
{
    buf_reset(&w->out);
    w->message_at = 0;
}

status wire_flush(struct wire *w)
{
    slice out = buf_slice(&w->out);

    if (out.size == 0)
        return STATUS_OK;
    wire_digest_flush(w);
    if (w->conn != NULL)
        TRY_RETURN(conn_write(w->conn, &out, 1, 0));
    w->sent += out.size;
    buf_reset(&w->out);
    w->message_at = 0;
    if (w->out.capacity > 2 * KEEP_SIZE) {
        struct heap *heap = w->out.heap;

        buf_deinit(&w->out);
        buf_init(&w->out, heap);
    }
    return STATUS_OK;
}

status wire_flush_if_full(struct wire *w)
{
    return w->out.size >= FLUSH_SIZE ? wire_flush(w) : STATUS_OK;
}

static void put_field(struct wire *w, char field, const char *text)
{
    if (text == NULL)
        return;
    buf_put_u8(&w->out, (uint8_t)field);
    wire_put_cstr(w, text);
}

void wire_put_error(struct wire *w, char type, const char *severity, status st)
{
    const struct status_fields *f = status_fields(st);
    char                        position[16];

    wire_begin(w, type);
    put_field(w, 'S', severity);
    put_field(w, 'V', severity);
    put_field(w, 'C', status_sqlstate(st));
    put_field(w, 'M', status_message(st));
    put_field(w, 'D', f->detail);
    put_field(w, 'H', f->hint);
    if (f->position > 0) {
        snprintf(position, sizeof position, "%d", f->position);
        put_field(w, 'P', position);
    }
    put_field(w, 'W', f->context);
    put_field(w, 's', f->schema);
    put_field(w, 't', f->table);
    put_field(w, 'c', f->column);
    put_field(w, 'd', f->type);
    put_field(w, 'n', f->constraint);
    put_field(w, 'R', f->routine);
    buf_put_u8(&w->out, 0);
    wire_end(w);
}
