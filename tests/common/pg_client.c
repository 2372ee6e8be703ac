#include "tests/common/pg_client.h"

#include "base/buf.h"
#include "env/net.h"

enum { READ_SIZE = 4096, CODE_CANCEL = 80877102, PROTOCOL = 3 << 16 };

struct pg_row {
    size_t cells; /* index of the first */
    size_t count;
};

struct pg_client {
    struct env  *env;
    struct conn *conn;
    const char  *host;
    uint16_t     port;
    uint64_t     timeout_us;
    uint32_t     process_id, secret;
    struct buf   out, in;
    size_t       in_at; /* bytes of `in` that were taken */
    /* The result. */
    bool         failed;
    char         sqlstate[6], tag[64], message[256], state;
    struct buf   text;  /* values, each with a zero behind */
    struct buf   cells; /* size_t: where in `text`, SIZE_MAX for null */
    struct buf   rows;  /* struct pg_row */
};

/* ---- bytes
 * --------------------------------------------------------------------------------------- */

static size_t begin(struct pg_client *c, char type)
{
    if (type != 0)
        buf_put_u8(&c->out, (uint8_t)type);
    buf_put_u32be(&c->out, 0);
    return c->out.size - 4;
}

static void end(struct pg_client *c, size_t at)
{
    put_u32be(c->out.data + at, (uint32_t)(c->out.size - at));
}

static void put_text(struct pg_client *c, const char *text)
{
    buf_append(&c->out, text, strlen(text) + 1);
}

static status send_out(struct pg_client *c)
{
    slice  all = buf_slice(&c->out);
    status st = conn_write(c->conn, &all, 1, env_deadline(c->env, c->timeout_us));

    buf_reset(&c->out);
    return st;
}

static status need(struct pg_client *c, size_t size, uint64_t deadline_us)
{
    if (c->in_at == c->in.size) {
        buf_reset(&c->in);
        c->in_at = 0;
    }
    while (c->in.size - c->in_at < size) {
        size_t n;

        TRY_RETURN(conn_read(c->conn, buf_reserve(&c->in, READ_SIZE), READ_SIZE, deadline_us, &n));
        if (n == 0)
            return status_new(ST_CONNECTION_FAILURE, "the server closed the connection");
        buf_advance(&c->in, n);
    }
    return STATUS_OK;
}

static status next_message(struct pg_client *c, char *type, slice *body, uint64_t deadline_us)
{
    size_t size;

    TRY_RETURN(need(c, 5, deadline_us));
    *type = c->in.data[c->in_at];
    size = get_u32be(c->in.data + c->in_at + 1);
    TRY_RETURN(need(c, 1 + size, deadline_us));
    *body = slice_make(c->in.data + c->in_at + 5, size - 4);
    c->in_at += 1 + size;
    return STATUS_OK;
}

/* ---- results
 * --------------------------------------------------------------------------------------- */

static void reset_result(struct pg_client *c)
{
    c->failed = false;
    c->tag[0] = c->message[0] = '\0';
    buf_reset(&c->text);
    buf_reset(&c->cells);
    buf_reset(&c->rows);
}

static void take_row(struct pg_client *c, slice body)
{
    struct pg_row row = {.cells = c->cells.size / sizeof(size_t), .count = get_u16be(body.data)};
    const char   *at = body.data + 2;

    for (size_t i = 0; i < row.count; i++) {
        int32_t size = (int32_t)get_u32be(at);
        size_t  cell = size < 0 ? SIZE_MAX : c->text.size;

        at += 4;
        buf_append(&c->cells, &cell, sizeof cell);
        if (size < 0)
            continue;
        buf_append(&c->text, at, (size_t)size);
        buf_put_u8(&c->text, 0);
        at += size;
    }
    buf_append(&c->rows, &row, sizeof row);
}

static void copy_text(char *to, size_t size, const char *from)
{
    size_t n = MIN(strlen(from), size - 1);

    memcpy(to, from, n);
    to[n] = '\0';
}

static void take_error(struct pg_client *c, slice body)
{
    c->failed = true;
    for (const char *at = body.data; *at != '\0'; at += strlen(at) + 1) {
        if (*at == 'C')
            copy_text(c->sqlstate, sizeof c->sqlstate, at + 1);
        else if (*at == 'M')
            copy_text(c->message, sizeof c->message, at + 1);
    }
}

/* Everything up to ReadyForQuery. */
static status take_result(struct pg_client *c)
{
    uint64_t deadline_us = env_deadline(c->env, c->timeout_us);

    for (;;) {
        char  type;
        slice body;

        TRY_RETURN(next_message(c, &type, &body, deadline_us));
        if (type == 'D') {
            take_row(c, body);
        } else if (type == 'C') {
            copy_text(c->tag, sizeof c->tag, body.data);
        } else if (type == 'E') {
            take_error(c, body);
        } else if (type == 'K') {
            c->process_id = get_u32be(body.data);
            c->secret = get_u32be(body.data + 4);
        } else if (type == 'Z') {
            c->state = body.data[0];
            return STATUS_OK;
        }
    }
}

const char *pg_sqlstate(const struct pg_client *c)
{
    return c->failed ? c->sqlstate : NULL;
}

const char *pg_message(const struct pg_client *c)
{
    return c->message;
}

const char *pg_tag(const struct pg_client *c)
{
    return c->tag;
}

char pg_state(const struct pg_client *c)
{
    return c->state;
}

size_t pg_row_count(const struct pg_client *c)
{
    return c->rows.size / sizeof(struct pg_row);
}

const char *pg_value(const struct pg_client *c, size_t row, size_t column)
{
    struct pg_row r;
    size_t        cell;

    if (row >= pg_row_count(c))
        return NULL;
    memcpy(&r, c->rows.data + row * sizeof r, sizeof r);
    if (column >= r.count)
        return NULL;
    memcpy(&cell, c->cells.data + (r.cells + column) * sizeof cell, sizeof cell);
    return cell == SIZE_MAX ? NULL : c->text.data + cell;
}

/* ---- connections
 * --------------------------------------------------------------------------------------- */

static status start_up(struct pg_client *c)
{
    size_t at = begin(c, 0);

    buf_put_u32be(&c->out, PROTOCOL);
    put_text(c, "user");
    put_text(c, "postgres");
    buf_put_u8(&c->out, 0);
    end(c, at);
    TRY_RETURN(send_out(c));
    TRY_RETURN(take_result(c));
    return c->failed ? status_new(ST_CONNECTION_REFUSED, "%s", c->message) : STATUS_OK;
}

status pg_connect(struct env *env, const char *host, uint16_t port, uint64_t timeout_us,
                  struct pg_client **out)
{
    struct heap      *heap = env_heap(env);
    struct pg_client *c;
    struct conn      *conn;
    status            st;

    TRY_RETURN(env_connect(env, host, port, env_deadline(env, timeout_us), &conn));
    c = heap_must_alloc(heap, 1, sizeof *c);
    *c = (struct pg_client){
        .env = env, .conn = conn, .host = host, .port = port, .timeout_us = timeout_us};
    buf_init(&c->out, heap);
    buf_init(&c->in, heap);
    buf_init(&c->text, heap);
    buf_init(&c->cells, heap);
    buf_init(&c->rows, heap);
    st = start_up(c);
    if (!st_ok(st)) {
        pg_close(c);
        return st;
    }
    *out = c;
    return STATUS_OK;
}

void pg_close(struct pg_client *c)
{
    if (c == NULL)
        return;
    conn_close(c->conn);
    buf_deinit(&c->out);
    buf_deinit(&c->in);
    buf_deinit(&c->text);
    buf_deinit(&c->cells);
    buf_deinit(&c->rows);
    heap_free(c);
}

void pg_cancel(const struct pg_client *c)
{
    struct conn *conn;
    char         packet[16];
    slice        all = slice_make(packet, sizeof packet);
    struct env  *env = c->env; /* the client may be gone when this has waited */
    uint64_t     deadline_us = env_deadline(env, c->timeout_us);
    status       st;

    put_u32be(packet, sizeof packet);
    put_u32be(packet + 4, CODE_CANCEL);
    put_u32be(packet + 8, c->process_id);
    put_u32be(packet + 12, c->secret);
    st = env_connect(env, c->host, c->port, deadline_us, &conn);
    if (st_ok(st)) {
        st = conn_write(conn, &all, 1, deadline_us);
        conn_close(conn);
    }
    st_clear(st);
}

/* ---- queries
 * --------------------------------------------------------------------------------------- */

status pg_query(struct pg_client *c, const char *sql)
{
    size_t at;

    reset_result(c);
    at = begin(c, 'Q');
    put_text(c, sql);
    end(c, at);
    TRY_RETURN(send_out(c));
    return take_result(c);
}

static void put_parse(struct pg_client *c, const char *sql)
{
    size_t at = begin(c, 'P');

    put_text(c, "");
    put_text(c, sql);
    buf_put_u16be(&c->out, 0);
    end(c, at);
}

static void put_bind(struct pg_client *c, const char *const *values, size_t count)
{
    size_t at = begin(c, 'B');

    put_text(c, "");
    put_text(c, "");
    buf_put_u16be(&c->out, 0);
    buf_put_u16be(&c->out, (uint16_t)count);
    for (size_t i = 0; i < count; i++) {
        size_t size = values[i] != NULL ? strlen(values[i]) : 0;

        buf_put_u32be(&c->out, values[i] != NULL ? (uint32_t)size : UINT32_MAX);
        buf_append(&c->out, values[i], size);
    }
    buf_put_u16be(&c->out, 0);
    end(c, at);
}

status pg_execute(struct pg_client *c, const char *sql, const char *const *values, size_t count)
{
    size_t at;

    reset_result(c);
    put_parse(c, sql);
    put_bind(c, values, count);
    at = begin(c, 'E');
    put_text(c, "");
    buf_put_u32be(&c->out, 0);
    end(c, at);
    at = begin(c, 'S');
    end(c, at);
    TRY_RETURN(send_out(c));
    return take_result(c);
}
