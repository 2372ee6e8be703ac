/* The message loop (PostgreSQL 15, section 55.2). Simple queries run at once; extended messages run
 * one by one, and after an error everything up to Sync is dropped (pitfall P1). Output gathers in
 * the wire's buffer and leaves at ReadyForQuery, at Flush, or when it has grown large. */
#include "pgwire/connection.h"

#include "base/assert.h"
#include "env/env.h"
#include "env/net.h"
#include "sql/types/string.h"

void connection_fatal(struct connection *c, status st)
{
    status sent;

    wire_abandon(&c->wire);
    wire_put_error(&c->wire, 'E', "FATAL", st);
    sent = wire_flush(&c->wire);
    st_clear(sent); /* the client may be gone; there is nobody left to tell */
    st_clear(st);
}

static status ready(struct connection *c)
{
    session_report_settings(c->session);
    wire_begin(&c->wire, 'Z');
    buf_put_u8(&c->wire.out, (uint8_t)session_transaction_state(c->session));
    wire_end(&c->wire);
    c->at_rest = true;
    return wire_flush(&c->wire);
}

/* An error of a statement, or of what a message says: told to the client, the connection goes on;
 * unless it is of the connection itself. */
static status report(struct connection *c, status st)
{
    if (c->sink.broken && !st_ok(st))
        return st;
    switch (status_code(st)) {
    case ST_SUCCESS:
        return STATUS_OK;
    case ST_CONNECTION_FAILURE:
    case ST_ADMIN_SHUTDOWN:
        return st;
    default:
        wire_abandon(&c->wire);
        wire_put_error(&c->wire, 'E', "ERROR", st);
        st_clear(st);
        return STATUS_OK;
    }
}

/* ---- extended messages
 * ---------------------------------------------------------------------------------- */

static status take_text(slice *body, const char **out)
{
    TRY_RETURN(wire_take_cstr(body, out));
    return string_check(slice_cstr(*out));
}

static status on_parse(struct connection *c, slice body)
{
    const char *name, *text;
    int16_t     count;
    uint32_t   *types;

    TRY_RETURN(take_text(&body, &name));
    TRY_RETURN(take_text(&body, &text));
    TRY_RETURN(wire_take_i16(&body, &count));
    types = ARENA_ARRAY(c->scratch, uint32_t, (uint16_t)count);
    for (int i = 0; i < (uint16_t)count; i++) {
        int32_t oid;

        TRY_RETURN(wire_take_i32(&body, &oid));
        types[i] = (uint32_t)oid;
    }
    TRY_RETURN(wire_take_end(body));
    TRY_RETURN(session_parse(c->session, name, slice_cstr(text), types, (uint16_t)count));
    wire_begin(&c->wire, '1');
    wire_end(&c->wire);
    return STATUS_OK;
}

static status take_formats(struct connection *c, slice *body, const int16_t **formats,
                           size_t *count)
{
    int16_t  n;
    int16_t *out;

    TRY_RETURN(wire_take_i16(body, &n));
    out = ARENA_ARRAY(c->scratch, int16_t, (uint16_t)n);
    for (int i = 0; i < (uint16_t)n; i++) {
        TRY_RETURN(wire_take_i16(body, &out[i]));
        if (out[i] != 0 && out[i] != 1)
            return status_new(ST_INVALID_PARAMETER_VALUE, "unsupported format code: %d", out[i]);
    }
    *formats = out;
    *count = (uint16_t)n;
    return STATUS_OK;
}

static status take_values(struct connection *c, slice *body, struct bind_values *v)
{
    int16_t n;
    slice  *values;
    bool   *nulls;

    TRY_RETURN(wire_take_i16(body, &n));
    v->count = (uint16_t)n;
    values = ARENA_ARRAY(c->scratch, slice, v->count);
    nulls = ARENA_ARRAY(c->scratch, bool, v->count);
    for (size_t i = 0; i < v->count; i++) {
        int32_t size;

        TRY_RETURN(wire_take_i32(body, &size));
        if (size < -1)
            return status_new(ST_PROTOCOL_VIOLATION, "invalid parameter length %d in Bind message",
                              size);
        nulls[i] = size == -1;
        if (!nulls[i])
            TRY_RETURN(wire_take_bytes(body, (size_t)size, &values[i]));
    }
    v->values = values;
    v->nulls = nulls;
    return STATUS_OK;
}

static status on_bind(struct connection *c, slice body)
{
    const char        *portal, *statement;
    struct bind_values v = {0};

    TRY_RETURN(take_text(&body, &portal));
    TRY_RETURN(take_text(&body, &statement));
    TRY_RETURN(take_formats(c, &body, &v.formats, &v.format_count));
    TRY_RETURN(take_values(c, &body, &v));
    TRY_RETURN(take_formats(c, &body, &v.result_formats, &v.result_format_count));
    TRY_RETURN(wire_take_end(body));
    TRY_RETURN(session_bind(c->session, portal, statement, &v));
    wire_begin(&c->wire, '2');
    wire_end(&c->wire);
    return STATUS_OK;
}

static void put_description(struct wire *w, const struct statement_description *d,
                            bool with_parameters)
{
    if (with_parameters) {
        wire_begin(w, 't');
        wire_put_i16(w, (int)d->param_count);
        for (size_t i = 0; i < d->param_count; i++)
            wire_put_i32(w, d->param_types[i]);
        wire_end(w);
    }
    if (d->has_rows) {
        wire_put_row_description(w, d->columns, d->column_count, d->formats);
    } else {
        wire_begin(w, 'n');
        wire_end(w);
    }
}

static status take_target(slice *body, char *kind, const char **name)
{
    uint8_t k;

    TRY_RETURN(wire_take_u8(body, &k));
    TRY_RETURN(take_text(body, name));
    TRY_RETURN(wire_take_end(*body));
    *kind = (char)k;
    return STATUS_OK;
}

static status on_describe(struct connection *c, slice body)
{
    char                         kind;
    const char                  *name;
    struct statement_description d = {0};

    TRY_RETURN(take_target(&body, &kind, &name));
    if (kind == 'S')
        TRY_RETURN(session_describe_statement(c->session, name, &d));
    else if (kind == 'P')
        TRY_RETURN(session_describe_portal(c->session, name, &d));
    else
        return status_new(ST_PROTOCOL_VIOLATION, "invalid DESCRIBE message subtype %d",
                          (unsigned char)kind);
    put_description(&c->wire, &d, kind == 'S');
    return STATUS_OK;
}

static status on_execute(struct connection *c, slice body)
{
    const char *portal;
    int32_t     rows_max;
    bool        suspended = false;

    TRY_RETURN(take_text(&body, &portal));
    TRY_RETURN(wire_take_i32(&body, &rows_max));
    TRY_RETURN(wire_take_end(body));
    TRY_RETURN(
        session_execute(c->session, portal, rows_max > 0 ? (uint32_t)rows_max : 0, &suspended));
    if (suspended) { /* otherwise the session has completed through the sink: one terminator each
                        (pitfall P3) */
        wire_begin(&c->wire, 's');
        wire_end(&c->wire);
    }
    return STATUS_OK;
}

static status on_close(struct connection *c, slice body)
{
    char        kind;
    const char *name;

    TRY_RETURN(take_target(&body, &kind, &name));
    if (kind == 'S')
        session_close_statement(c->session, name);
    else if (kind == 'P')
        session_close_portal(c->session, name);
    else
        return status_new(ST_PROTOCOL_VIOLATION, "invalid CLOSE message subtype %d",
                          (unsigned char)kind);
    wire_begin(&c->wire, '3');
    wire_end(&c->wire);
    return STATUS_OK;
}

static status run_extended(struct connection *c, char type, slice body)
{
    switch (type) {
    case 'P':
        return on_parse(c, body);
    case 'B':
        return on_bind(c, body);
    case 'D':
        return on_describe(c, body);
    case 'E':
        return on_execute(c, body);
    default:
        ASSERT(type == 'C');
        return on_close(c, body);
    }
}

static status on_extended(struct connection *c, char type, slice body)
{
    status st;

    if (c->skip_to_sync)
        return STATUS_OK;
    st = run_extended(c, type, body);
    arena_reset(c->scratch);
    if (!st_ok(st)) {
        c->skip_to_sync = true;
        session_note_error(c->session);
        return report(c, st);
    }
    return wire_flush_if_full(&c->wire);
}

static status on_sync(struct connection *c, slice body)
{
    status st = wire_take_end(body);

    if (st_ok(st))
        st = session_sync(c->session, c->skip_to_sync);
    else
        session_note_error(c->session);
    c->skip_to_sync =
        false; /* also when the commit failed: nothing is skipped behind a Sync (pitfall P2) */
    TRY_RETURN(report(c, st));
    return ready(c);
}

/* ---- the loop
 * ------------------------------------------------------------------------------------------- */

static status on_query(struct connection *c, slice body)
{
    const char *text;
    status      st;

    if (c->skip_to_sync)
        return STATUS_OK;
    st = wire_take_cstr(&body, &text);
    if (st_ok(st))
        st = wire_take_end(body);
    if (st_ok(st))
        st = session_simple_query(c->session, slice_cstr(text));
    else
        session_note_error(c->session);
    TRY_RETURN(report(c, st));
    return ready(c);
}

static status on_message(struct connection *c, char type, slice body)
{
    switch (type) {
    case 'Q':
        return on_query(c, body);
    case 'P':
    case 'B':
    case 'D':
    case 'E':
    case 'C':
        return on_extended(c, type, body);
    case 'S':
        return on_sync(c, body);
    case 'H':
        return wire_flush(&c->wire);
    case 'X':
        return STATUS_NO_DATA;
    case 'd': /* the rest of a COPY that failed: dropped until the client notices (pitfall P8) */
    case 'c':
    case 'f':
        return STATUS_OK;
    case 'F':
        if (c->skip_to_sync)
            return STATUS_OK;
        session_note_error(c->session);
        TRY_RETURN(report(c, status_new(ST_FEATURE_NOT_SUPPORTED,
                                        "the function call protocol is not supported")));
        return ready(c);
    default:
        return status_new(ST_PROTOCOL_VIOLATION, "invalid frontend message type %d",
                          (unsigned char)type);
    }
}

static status stopped(void)
{
    return status_new(ST_ADMIN_SHUTDOWN, "terminating connection due to administrator command");
}

/* The next message. A client may keep silent for as long as its session lets it; in the middle of a
 * pipeline or a COPY there is no such limit, as in PostgreSQL. */
static status next_message(struct connection *c, char *type, slice *body)
{
    uint64_t deadline_us = c->at_rest ? session_idle_deadline_us(c->session) : 0;
    status   st;

    c->idle =
        c->at_rest && session_transaction_state(c->session) == 'I' && !wire_has_input(&c->wire);
    if (c->stopping == STOP_NOW || (c->stopping == STOP_WHEN_IDLE && c->idle))
        return stopped();
    st = wire_read_message(&c->wire, deadline_us, type, body);
    c->idle = false;
    if (status_code(st) == ST_CANCELLED && c->stopping != STOP_NOT) {
        st_clear(st);
        return stopped();
    }
    if (status_code(st) == ST_TIMED_OUT) {
        st_clear(st);
        return session_idle_error(c->session);
    }
    c->at_rest = false;
    return st;
}

status connection_serve(struct connection *c)
{
    c->at_rest = true; /* the start-up has ended with ReadyForQuery */
    for (;;) {
        char   type;
        slice  body;
        status st = next_message(c, &type, &body);

        if (st_ok(st))
            st = on_message(c, type, body);
        if (status_code(st) == ST_NO_DATA)
            return STATUS_OK;
        if (!st_ok(st))
            return st;
    }
}
