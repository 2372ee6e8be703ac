#include "tests/common/wire_client.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"

/* ---- texts with escapes
 * -----------------------------------------------------------------------------------------------
 */

static int hex(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : (c | 32) - 'a' + 10;
}

static const char *put_escaped(struct buf *out, const char *at)
{
    switch (at[1]) {
    case 'n':
        buf_put_u8(out, '\n');
        return at + 2;
    case 't':
        buf_put_u8(out, '\t');
        return at + 2;
    case 's':
        buf_put_u8(out, ' ');
        return at + 2;
    case 'x':
        buf_put_u8(out, (uint8_t)(hex(at[2]) << 4 | hex(at[3])));
        return at + 4;
    default:
        buf_put_u8(out, (uint8_t)at[1]);
        return at + 2;
    }
}

/* The text up to `end` (a character) or the line's end; returns behind it. */
static const char *put_text(struct buf *out, const char *at, const char *ends)
{
    while (*at != '\0' && strchr(ends, *at) == NULL) {
        if (*at == '\\' && at[1] != '\0')
            at = put_escaped(out, at);
        else
            buf_put_u8(out, (uint8_t)*at++);
    }
    return at;
}

static const char *skip_blanks(const char *at)
{
    while (*at == ' ')
        at++;
    return at;
}

/* A word, terminated in the message. */
static const char *put_word(struct buf *out, const char *at)
{
    at = skip_blanks(at);
    if (at[0] == '"' && at[1] == '"')
        at += 2;
    else
        at = put_text(out, at, " ");
    buf_put_u8(out, 0);
    return skip_blanks(at);
}

/* "1,0,1" or "-": a count and numbers of `size` bytes. */
static const char *put_numbers(struct buf *out, const char *at, size_t size)
{
    size_t   count_at = out->size;
    unsigned count = 0;

    buf_put_u16be(out, 0);
    at = skip_blanks(at);
    if (*at == '-')
        return skip_blanks(at + 1);
    while (isdigit((unsigned char)*at)) {
        char    *end;
        uint32_t v = (uint32_t)strtoul(at, &end, 10);

        if (size == 4)
            buf_put_u32be(out, v);
        else
            buf_put_u16be(out, (uint16_t)v);
        count++;
        at = end + (*end == ',');
    }
    put_u16be(out->data + count_at, (uint16_t)count);
    return skip_blanks(at);
}

static const char *put_values(struct buf *out, const char *at)
{
    size_t   count_at = out->size;
    unsigned count = 0;

    buf_put_u16be(out, 0);
    at = skip_blanks(at);
    if (at[0] == '-' && (at[1] == ' ' || at[1] == '\0'))
        return skip_blanks(at + 1);
    for (;;) {
        size_t size_at = out->size;

        buf_put_u32be(out, UINT32_MAX);
        count++;
        if (strncmp(at, "NULL", 4) == 0 && (at[4] == '|' || at[4] == ' ')) {
            at += 4;
        } else {
            at = put_text(out, at, "| ");
            put_u32be(out->data + size_at, (uint32_t)(out->size - size_at - 4));
        }
        if (*at != '|')
            break;
        at++;
    }
    put_u16be(out->data + count_at, (uint16_t)count);
    return skip_blanks(at);
}

/* ---- messages
 * -----------------------------------------------------------------------------------------------------
 */

static void put_startup(struct buf *out, const char *at)
{
    size_t   size_at = out->size;
    uint32_t minor = 0;

    buf_put_u32be(out, 0);
    if (*at == '/') {
        minor = (uint32_t)strtoul(at + 3, NULL, 10);
        at += strcspn(at, " ");
    }
    buf_put_u32be(out, 3u << 16 | minor);
    for (at = skip_blanks(at); *at != '\0'; at = skip_blanks(at)) {
        at = put_text(out, at, "=");
        buf_put_u8(out, 0);
        at = put_text(out, at + (*at == '='), " ");
        buf_put_u8(out, 0);
    }
    buf_put_u8(out, 0);
    put_u32be(out->data + size_at, (uint32_t)(out->size - size_at));
}

static bool put_body(struct buf *out, char type, const char *at)
{
    switch (type) {
    case 'Q':
    case 'f':
        put_text(out, at, "");
        buf_put_u8(out, 0);
        return true;
    case 'd':
        put_text(out, at, "");
        return true;
    case 'P': {
        struct buf types SCOPED(buf);
        const char      *text;

        buf_init(&types, NULL);
        at = put_word(out, at);
        text = put_numbers(&types, at, 4);
        put_text(out, text, "");
        buf_put_u8(out, 0);
        buf_append_slice(out, buf_slice(&types));
        return true;
    }
    case 'B':
        at = put_word(out, at);
        at = put_word(out, at);
        at = put_numbers(out, at, 2);
        at = put_values(out, at);
        put_numbers(out, at, 2);
        return true;
    case 'D':
    case 'C':
        buf_put_u8(out, (uint8_t)*at);
        put_word(out, at + 1);
        return true;
    case 'E':
        at = put_word(out, at);
        buf_put_u32be(out, (uint32_t)strtol(at, NULL, 10));
        return true;
    case 'F':
        buf_append(out, "\0\0\0\1\0\0\0\0\0\0", 10);
        return true;
    case 'S':
    case 'H':
    case 'X':
    case 'c':
        return *at == '\0';
    default:
        return false;
    }
}

bool wire_message(struct buf *out, const char *line)
{
    size_t at;
    bool   known;

    if (strncmp(line, "START", 5) == 0) {
        put_startup(out, line + 5);
        return true;
    }
    if (strncmp(line, "RAW ", 4) == 0 || strncmp(line, "BARE ", 5) == 0) {
        put_text(out, strchr(line, ' ') + 1, "");
        return true;
    }
    if (line[0] == '\0' || (line[1] != ' ' && line[1] != '\0'))
        return false;
    buf_put_u8(out, (uint8_t)line[0]);
    at = out->size;
    buf_put_u32be(out, 0);
    known = put_body(out, line[0], line + (line[1] != '\0' ? 2 : 1));
    put_u32be(out->data + at, (uint32_t)(out->size - at));
    return known;
}

/* ---- answers
 * ------------------------------------------------------------------------------------------------------
 */

static void print_bytes(struct buf *out, slice s)
{
    for (size_t i = 0; i < s.size; i++) {
        unsigned char c = (unsigned char)s.data[i];

        if (c == '\n')
            buf_append_cstr(out, "\\n");
        else if (c == '\t')
            buf_append_cstr(out, "\\t");
        else if (c == '\\')
            buf_append_cstr(out, "\\\\");
        else if (c < ' ' || c >= 127)
            buf_printf(out, "\\x%02x", c);
        else
            buf_put_u8(out, c);
    }
}

static uint32_t take_number(slice *s, size_t size)
{
    slice b;

    if (!take_bytes(s, size, &b))
        return 0;
    return size == 4 ? get_u32be(b.data) : size == 2 ? get_u16be(b.data) : (uint8_t)b.data[0];
}

static slice take_cstr(slice *s)
{
    const char *end = s->size > 0 ? memchr(s->data, 0, s->size) : NULL;
    slice       text = slice_make(s->data, end != NULL ? (size_t)(end - s->data) : s->size);

    *s = slice_from(*s, MIN(text.size + 1, s->size));
    return text;
}

static void print_description(struct buf *out, slice body)
{
    uint32_t count = take_number(&body, 2);

    for (uint32_t i = 0; i < count; i++) {
        uint32_t type;

        buf_put_u8(out, ' ');
        print_bytes(out, take_cstr(&body));
        take_number(&body, 4);
        take_number(&body, 2);
        type = take_number(&body, 4);
        take_number(&body, 2);
        take_number(&body, 4);
        buf_printf(out, ":%u:%u", type, take_number(&body, 2));
    }
}

static void print_row(struct buf *out, slice body)
{
    uint32_t count = take_number(&body, 2);

    for (uint32_t i = 0; i < count; i++) {
        uint32_t size = take_number(&body, 4);
        slice    value;

        buf_append_cstr(out, i > 0 ? "|" : " ");
        if (size == UINT32_MAX)
            buf_append_cstr(out, "NULL");
        else if (take_bytes(&body, size, &value))
            print_bytes(out, value);
    }
}

static void print_error(struct buf *out, slice body)
{
    slice fields[128] = {0};

    while (body.size > 1) {
        uint32_t field = take_number(&body, 1);

        fields[field & 127] = take_cstr(&body);
    }
    buf_printf(out, " %.*s %.*s ", SLICE_FMT(fields['S']), SLICE_FMT(fields['C']));
    print_bytes(out, fields['M']);
}

static void print_numbers(struct buf *out, slice *body, size_t size, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        buf_printf(out, " %u", take_number(body, size));
}

static void print_message(struct wire_client *c, struct buf *out, char type, slice body)
{
    buf_put_u8(out, (uint8_t)type);
    switch (type) {
    case 'T':
        print_description(out, body);
        break;
    case 't':
        print_numbers(out, &body, 4, take_number(&body, 2));
        break;
    case 'D':
        print_row(out, body);
        break;
    case 'E':
    case 'N':
        print_error(out, body);
        break;
    case 'S':
        buf_put_u8(out, ' ');
        print_bytes(out, take_cstr(&body));
        buf_put_u8(out, '=');
        print_bytes(out, take_cstr(&body));
        break;
    case 'K':
        c->process_id = take_number(&body, 4);
        c->secret = take_number(&body, 4);
        break;
    case 'R':
        print_numbers(out, &body, 4, 1);
        break;
    case 'v':
        print_numbers(out, &body, 4, 1);
        for (uint32_t left = take_number(&body, 4); left > 0; left--) {
            buf_put_u8(out, ' ');
            print_bytes(out, take_cstr(&body));
        }
        break;
    case 'G':
    case 'H':
    case 'W':
        print_numbers(out, &body, 1, 1);
        print_numbers(out, &body, 2, 1);
        break;
    default: /* one string or none */
        if (body.size > 0)
            buf_put_u8(out, ' ');
        if (type == 'C' && body.size > 0)
            body.size--;
        print_bytes(out, body);
        break;
    }
    buf_put_u8(out, '\n');
}

static void print_all(struct wire_client *c, struct buf *out)
{
    slice at = buf_slice(&c->in);

    if (c->raw && at.size > 0 && (at.data[0] == 'N' || at.data[0] == 'S') &&
        (at.size == 1 || at.data[1] != '\0')) {
        buf_printf(out, "%c\n", at.data[0]); /* the answer to an SSLRequest is a byte */
        at = slice_from(at, 1);
    }
    while (at.size >= 5) {
        uint32_t size = get_u32be(at.data + 1);

        if (at.size < size + (size_t)1)
            break;
        print_message(c, out, at.data[0], slice_make(at.data + 5, size - 4));
        at = slice_from(at, size + 1);
    }
    memmove(c->in.data, at.data, at.size);
    c->in.size = at.size;
}

/* ---- the connection
 * -----------------------------------------------------------------------------------------------
 */

bool wire_client_open(struct wire_client *c, struct env *env, const char *host, uint16_t port,
                      uint64_t quiet_us)
{
    status st;

    *c = (struct wire_client){.env = env, .quiet_us = quiet_us, .raw = true};
    buf_init(&c->in, env_heap(env));
    st = env_connect(env, host, port, 0, &c->conn);
    c->closed = !st_ok(st);
    st_clear(st);
    return !c->closed;
}

void wire_client_close(struct wire_client *c)
{
    buf_deinit(&c->in);
    conn_close(c->conn);
    c->conn = NULL;
}

void wire_client_send(struct wire_client *c, slice bytes)
{
    if (!c->closed)
        st_clear(conn_write(c->conn, &bytes, 1, env_deadline(c->env, c->quiet_us)));
}

void wire_client_read(struct wire_client *c, struct buf *out)
{
    enum { PIECE = 16384 };
    bool was_closed = c->closed;

    while (!c->closed) {
        size_t n = 0;
        status st = conn_read(c->conn, buf_reserve(&c->in, PIECE), PIECE,
                              env_deadline(c->env, c->quiet_us), &n);
        bool   quiet = status_code(st) == ST_TIMED_OUT;

        c->closed = !quiet && (!st_ok(st) || n == 0);
        st_clear(st);
        buf_advance(&c->in, n);
        if (quiet)
            break;
    }
    print_all(c, out);
    if (c->closed && !was_closed)
        buf_append_cstr(out, "closed\n");
}

void wire_client_cancel(struct wire_client *c, const char *host, uint16_t port, uint32_t off)
{
    struct wire_client other;
    struct buf b       SCOPED(buf);

    buf_init(&b, NULL);
    buf_put_u32be(&b, 16);
    buf_put_u32be(&b, 80877102);
    buf_put_u32be(&b, c->process_id);
    buf_put_u32be(&b, c->secret + off);
    if (wire_client_open(&other, c->env, host, port, c->quiet_us)) {
        wire_client_send(&other, buf_slice(&b));
        buf_reset(&b);
        wire_client_read(&other, &b); /* an end without a word */
    }
    wire_client_close(&other);
}
