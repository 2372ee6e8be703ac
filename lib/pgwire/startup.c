/* The start-up phase (PostgreSQL 15, sections 55.2.1, 55.2.7, 55.2.10): packets without a type
 * byte, told apart by their first word. */
#include "pgwire/connection.h"

#include "base/assert.h"
#include "env/net.h"
#include "sql/types/string.h"

enum {
    CODE_CANCEL = 80877102,
    CODE_SSL = 80877103,
    CODE_GSSENC = 80877104,
    PROTOCOL_MAJOR = 3,
    SETTINGS_MAX = 64,
};

struct startup {
    struct session_start   start;
    struct session_setting settings[SETTINGS_MAX];
    const char            *unknown_options[SETTINGS_MAX]; /* _pq_.* names */
    size_t                 unknown_count;
    int                    minor;
};

/* "Not here": one byte, no message. What the client sent behind the request without waiting for the
 * answer would be taken for the plain start-up packet of someone in the middle (pitfall P4). */
static status refuse_encryption(struct connection *c)
{
    if (wire_has_input(&c->wire))
        return status_new(ST_PROTOCOL_VIOLATION,
                          "received unencrypted data after an encryption request");
    buf_put_u8(&c->wire.out, 'N');
    return wire_flush(&c->wire);
}

static status cancel_request(struct connection *c, slice body)
{
    int32_t process_id, secret;

    TRY_RETURN(wire_take_i32(&body, &process_id));
    TRY_RETURN(wire_take_i32(&body, &secret));
    sql_server_cancel(c->sql, (uint32_t)process_id, (uint32_t)secret);
    return STATUS_NO_DATA; /* no answer, whatever came of it */
}

static status add_setting(struct startup *s, const char *name, const char *value)
{
    if (strcmp(name, "user") == 0) {
        s->start.user = value;
    } else if (strcmp(name, "database") == 0) {
        s->start.database = value;
    } else if (strncmp(name, "_pq_.", 5) == 0) {
        if (s->unknown_count == SETTINGS_MAX)
            return status_new(ST_PROTOCOL_VIOLATION, "too many protocol options");
        s->unknown_options[s->unknown_count++] = name;
    } else if (strcmp(name, "replication") == 0) {
        if (strcmp(value, "false") != 0 && strcmp(value, "off") != 0 && strcmp(value, "0") != 0)
            return status_new(ST_FEATURE_NOT_SUPPORTED,
                              "replication connections are not supported");
    } else {
        if (s->start.setting_count == SETTINGS_MAX)
            return status_new(ST_PROTOCOL_VIOLATION, "too many startup parameters");
        s->settings[s->start.setting_count++] = (struct session_setting){name, value};
    }
    return STATUS_OK;
}

/* A text of the packet: in UTF-8, for it comes back in messages and views. */
static status take_text(slice *body, const char **out)
{
    status st = wire_take_cstr(body, out);

    if (st_ok(st))
        return string_check(slice_cstr(*out));
    st_clear(st);
    return status_new(ST_PROTOCOL_VIOLATION,
                      "invalid startup packet layout: expected terminator as last byte");
}

static status parse_startup(slice body, int32_t version, struct startup *s)
{
    *s = (struct startup){.minor = version & 0xffff};
    s->start.settings = s->settings;
    for (;;) {
        const char *name, *value;

        TRY_RETURN(take_text(&body, &name));
        if (name[0] == '\0')
            break;
        TRY_RETURN(take_text(&body, &value));
        TRY_RETURN(add_setting(s, name, value));
    }
    if (body.size > 0)
        return status_new(ST_PROTOCOL_VIOLATION,
                          "invalid startup packet layout: expected terminator as last byte");
    if (s->start.user == NULL || s->start.user[0] == '\0')
        return status_new(ST_INVALID_AUTHORIZATION,
                          "no PostgreSQL user name specified in startup packet");
    if (s->start.database == NULL || s->start.database[0] == '\0')
        s->start.database = s->start.user;
    return STATUS_OK;
}

/* A newer minor version or an unknown option is negotiated down, not refused (pitfall P7). */
static void negotiate(struct connection *c, const struct startup *s)
{
    struct wire *w = &c->wire;

    if (s->minor == 0 && s->unknown_count == 0)
        return;
    wire_begin(w, 'v');
    wire_put_i32(w, PROTOCOL_MAJOR << 16);
    wire_put_i32(w, (int64_t)s->unknown_count);
    for (size_t i = 0; i < s->unknown_count; i++)
        wire_put_cstr(w, s->unknown_options[i]);
    wire_end(w);
}

static status open_session(struct connection *c, slice body, int32_t version)
{
    struct startup s;

    TRY_RETURN(parse_startup(body, version, &s));
    negotiate(c, &s);
    wire_begin(&c->wire,
               'R'); /* AuthenticationOk: without certificates only loopback clients get this far */
    wire_put_i32(&c->wire, 0);
    wire_end(&c->wire);
    s.start.client_address = conn_peer(c->conn);
    TRY_RETURN(session_open(c->sql, &s.start, &c->sink.base, &c->session));
    wire_begin(&c->wire, 'K');
    wire_put_i32(&c->wire, session_process_id(c->session));
    wire_put_i32(&c->wire, session_secret(c->session));
    wire_end(&c->wire);
    wire_begin(&c->wire, 'Z');
    buf_put_u8(&c->wire.out, (uint8_t)session_transaction_state(c->session));
    wire_end(&c->wire);
    return wire_flush(&c->wire);
}

status connection_start(struct connection *c, uint64_t deadline_us, bool refuse)
{
    for (;;) {
        slice   body;
        int32_t code;

        TRY_RETURN(wire_read_startup(&c->wire, deadline_us, &body));
        TRY_RETURN(wire_take_i32(&body, &code));
        if (code == CODE_CANCEL)
            return cancel_request(c, body);
        if (code == CODE_SSL || code == CODE_GSSENC) {
            TRY_RETURN(refuse_encryption(c));
            continue;
        }
        if (code >> 16 != PROTOCOL_MAJOR)
            return status_new(ST_FEATURE_NOT_SUPPORTED,
                              "unsupported frontend protocol %d.%d: server supports 3.0 to 3.0",
                              (int)((uint32_t)code >> 16), (int)(code & 0xffff));
        if (refuse)
            return status_new(ST_TOO_MANY_CONNECTIONS, "sorry, too many clients already");
        return open_session(c, body, code);
    }
}
