#include "pgwire/result.h"

#include <stdio.h>

#include "base/assert.h"
#include "env/net.h"
#include "sql/types/type.h"

static struct wire_sink *sink_of(struct result_sink *k)
{
    return CONTAINER_OF(k, struct wire_sink, base);
}

void wire_put_row_description(struct wire *w, const struct result_column *columns, size_t count,
                              const int16_t *formats)
{
    wire_begin(w, 'T');
    wire_put_i16(w, (int)count);
    for (size_t i = 0; i < count; i++) {
        const struct type *t = type_by_oid(columns[i].type);

        wire_put_cstr(w, columns[i].name);
        wire_put_i32(w, columns[i].origin_table);
        wire_put_i16(w, columns[i].origin_column);
        wire_put_i32(w, columns[i].type);
        wire_put_i16(w, t != NULL ? t->size : -1);
        wire_put_i32(w, columns[i].typmod);
        wire_put_i16(w, formats != NULL ? formats[i] : 0);
    }
    wire_end(w);
}

static status sink_describe(struct result_sink *k, const struct result_column *columns,
                            size_t count, const int16_t *formats)
{
    wire_put_row_description(sink_of(k)->wire, columns, count, formats);
    return STATUS_OK;
}

/* One value with its length in front; the length is known only afterwards. */
static status put_value(struct wire *w, struct sql_context *c, const struct type *t, datum v,
                        bool binary)
{
    size_t at = w->out.size;

    buf_put_u32be(&w->out, 0);
    TRY_RETURN((binary ? t->send : t->output)(c, t, v, &w->out));
    if (w->out.size - at - 4 > WIRE_MESSAGE_SIZE_MAX)
        return status_new(ST_LIMIT_EXCEEDED, "a value of %zu bytes is too large to send",
                          w->out.size - at - 4);
    put_u32be(w->out.data + at, (uint32_t)(w->out.size - at - 4));
    return STATUS_OK;
}

static status put_row(struct wire *w, struct sql_context *c, const struct batch *b,
                      const struct type *const *types, size_t row, const int16_t *formats)
{
    status st = STATUS_OK;

    wire_begin(w, 'D');
    wire_put_i16(w, (int)b->column_count);
    for (size_t i = 0; i < b->column_count && st_ok(st); i++) {
        const struct column *column = &b->columns[i];

        if (column->may_be_null && column->nulls[row])
            wire_put_i32(w, -1);
        else
            st = put_value(w, c, types[i], column->values[row], formats != NULL && formats[i] == 1);
    }
    if (!st_ok(st)) {
        wire_abandon(w);
        return st;
    }
    wire_end(w);
    return STATUS_OK;
}

static status sink_rows(struct result_sink *k, struct sql_context *c, const struct batch *b,
                        const int16_t *formats)
{
    struct wire_sink   *sink = sink_of(k);
    const struct type **types = ARENA_ARRAY(sink->scratch, const struct type *, b->column_count);
    size_t              live = batch_live_count(b);
    status              st = STATUS_OK;

    for (size_t i = 0; i < b->column_count; i++) {
        types[i] = type_by_oid(b->columns[i].type);
        ASSERT(types[i] != NULL); /* the binder gives no column a type that is not in the table */
    }
    for (size_t i = 0; i < live && st_ok(st); i++) {
        st = put_row(sink->wire, c, b, types, batch_live_row(b, i), formats);
        if (st_ok(st))
            st = wire_flush_if_full(sink->wire);
    }
    arena_reset(sink->scratch);
    return st;
}

static status sink_complete(struct result_sink *k, const char *tag)
{
    struct wire *w = sink_of(k)->wire;

    wire_begin(w, 'C');
    wire_put_cstr(w, tag);
    wire_end(w);
    return STATUS_OK;
}

static status sink_empty(struct result_sink *k)
{
    wire_begin(sink_of(k)->wire, 'I');
    wire_end(sink_of(k)->wire);
    return STATUS_OK;
}

static status sink_notice(struct result_sink *k, const char *severity, status st)
{
    wire_put_error(sink_of(k)->wire, 'N', severity, st);
    st_clear(st);
    return STATUS_OK;
}

static status sink_parameter_status(struct result_sink *k, const char *name, const char *value)
{
    struct wire *w = sink_of(k)->wire;

    wire_begin(w, 'S');
    wire_put_cstr(w, name);
    wire_put_cstr(w, value);
    wire_end(w);
    return STATUS_OK;
}

/* ---- COPY (PostgreSQL 15 section 55.2.6)
 * --------------------------------------------------------------- */

static void put_copy_response(struct wire *w, char type, enum copy_format format,
                              size_t column_count)
{
    int code = format == COPY_BINARY;

    wire_begin(w, type);
    buf_put_u8(&w->out, (uint8_t)code);
    wire_put_i16(w, (int)column_count);
    for (size_t i = 0; i < column_count; i++)
        wire_put_i16(w, code);
    wire_end(w);
}

static status sink_copy_in_begin(struct result_sink *k, enum copy_format format,
                                 size_t column_count)
{
    struct wire_sink *sink = sink_of(k);

    put_copy_response(sink->wire, 'G', format, column_count);
    sink->copying = true;
    return wire_flush(sink->wire);
}

static status copy_failed(slice body)
{
    const char *reason;

    TRY_RETURN(wire_take_cstr(&body, &reason));
    return status_new(ST_CANCELLED, "COPY from stdin failed: %s", reason);
}

static status sink_copy_in_read(struct result_sink *k, slice *out)
{
    struct wire_sink *sink = sink_of(k);

    for (;;) {
        char   type;
        slice  body;
        status st = wire_read_message(sink->wire, 0, &type, &body);

        if (status_code(st) == ST_NO_DATA)
            return status_new(ST_CONNECTION_FAILURE,
                              "the client closed the connection during COPY");
        sink->broken = !st_ok(st) && status_code(st) != ST_CANCELLED;
        if (!st_ok(st))
            return st;
        switch (type) {
        case 'd':
            *out = body;
            return STATUS_OK;
        case 'c':
            sink->copying = false;
            return STATUS_NO_DATA;
        case 'f':
            sink->copying = false;
            return copy_failed(body);
        case 'S': /* Flush and Sync may come in the middle and mean nothing (pitfall P8) */
        case 'H':
            break;
        default:
            sink->copying = false;
            sink->broken = true; /* what was meant for after the COPY must not run */
            return status_new(ST_PROTOCOL_VIOLATION,
                              "unexpected message type 0x%02X during COPY from stdin",
                              (unsigned char)type);
        }
    }
}

static status sink_copy_out_begin(struct result_sink *k, enum copy_format format,
                                  size_t column_count)
{
    put_copy_response(sink_of(k)->wire, 'H', format, column_count);
    return STATUS_OK;
}

static status sink_copy_out_row(struct result_sink *k, slice row)
{
    struct wire *w = sink_of(k)->wire;

    wire_begin(w, 'd');
    buf_append_slice(&w->out, row);
    wire_end(w);
    return wire_flush_if_full(w);
}

static status sink_copy_out_end(struct result_sink *k)
{
    wire_begin(sink_of(k)->wire, 'c');
    wire_end(sink_of(k)->wire);
    return STATUS_OK;
}

/* ---- taking back
 * --------------------------------------------------------------------------------------- */

static size_t sink_mark(struct result_sink *k)
{
    struct wire *w = sink_of(k)->wire;

    return (size_t)w->sent + w->out.size;
}

static bool sink_rewind(struct result_sink *k, size_t mark)
{
    struct wire *w = sink_of(k)->wire;

    if (w->sent > mark)
        return false;
    w->out.size = mark - (size_t)w->sent;
    w->message_at = w->out.size;
    return true;
}

static bool sink_is_gone(struct result_sink *k)
{
    const struct conn *conn = sink_of(k)->wire->conn;

    return conn != NULL && conn_peer_gone(conn);
}

static void sink_digest_begin(struct result_sink *k)
{
    wire_digest_begin(sink_of(k)->wire);
}

static uint64_t sink_digest_end(struct result_sink *k)
{
    return wire_digest_end(sink_of(k)->wire);
}

/* A sink like another one, whose bytes go nowhere. */
struct silent_sink {
    struct wire_sink sink;
    struct wire      wire;
};

static struct result_sink *sink_silent(struct result_sink *k)
{
    struct wire_sink *sink = sink_of(k);
    struct heap      *heap = sink->wire->out.heap;

    if (sink->silent == NULL) {
        sink->silent = heap_must_alloc(heap, 1, sizeof *sink->silent);
        wire_init(&sink->silent->wire, NULL, heap);
        wire_sink_init(&sink->silent->sink, &sink->silent->wire, sink->scratch);
    }
    wire_forget(&sink->silent->wire);
    return &sink->silent->sink.base;
}

void wire_sink_deinit(struct wire_sink *k)
{
    if (k->silent != NULL)
        wire_deinit(&k->silent->wire);
    heap_free(k->silent);
}

void wire_sink_init(struct wire_sink *k, struct wire *w, struct arena *scratch)
{
    *k = (struct wire_sink){
        .base = {.describe = sink_describe,
                 .rows = sink_rows,
                 .complete = sink_complete,
                 .empty = sink_empty,
                 .notice = sink_notice,
                 .parameter_status = sink_parameter_status,
                 .copy_in_begin = sink_copy_in_begin,
                 .copy_in_read = sink_copy_in_read,
                 .copy_out_begin = sink_copy_out_begin,
                 .copy_out_row = sink_copy_out_row,
                 .copy_out_end = sink_copy_out_end,
                 .mark = sink_mark,
                 .rewind = sink_rewind,
                 .is_gone = sink_is_gone,
                 .digest_begin = sink_digest_begin,
                 .digest_end = sink_digest_end,
                 .silent = sink_silent},
        .wire = w,
        .scratch = scratch,
    };
}
