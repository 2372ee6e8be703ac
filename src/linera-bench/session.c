#include "session.h"

#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "base/assert.h"
#include "client/connect.h"

void session_init(struct session *s, const struct bench *bench, int epoll)
{
    *s = (struct session){.bench = bench, .epoll = epoll, .socket = -1};
    buf_init(&s->text, NULL);
}

static void rows_clear(struct session *s)
{
    PQclear(s->rows);
    s->rows = NULL;
}

static void disconnect(struct session *s)
{
    rows_clear(s);
    PQfinish(s->conn); /* closing the socket takes it out of the epoll set */
    s->conn = NULL;
    s->socket = -1;
    s->watched = 0;
    s->state = SESSION_DOWN;
}

void session_deinit(struct session *s)
{
    disconnect(s);
    buf_deinit(&s->text);
}

/* ---- errors ---- */

static void error_set(struct session *s, const char *sqlstate, const char *message)
{
    snprintf(s->error.sqlstate, sizeof s->error.sqlstate, "%s", sqlstate);
    snprintf(s->error.message, sizeof s->error.message, "%.*s", (int)strcspn(message, "\n"),
             message);
}

void session_drop(struct session *s, const char *sqlstate, const char *message)
{
    error_set(s, sqlstate, message);
    disconnect(s);
}

/* libpq keeps no SQLSTATE of its own: 08001 could not connect, 08006 broke. */
static enum session_event lost(struct session *s)
{
    bool connected = s->state == SESSION_IDLE || s->state == SESSION_BUSY;

    /* An error that the server sent before it closed the connection says more. */
    if (s->error.sqlstate[0] == '\0')
        error_set(s, connected ? "08006" : "08001",
                  s->conn != NULL ? PQerrorMessage(s->conn) : "out of memory");
    disconnect(s);
    return SESSION_LOST;
}

static void note_error(struct session *s, const PGresult *r)
{
    const char *sqlstate = PQresultErrorField(r, PG_DIAG_SQLSTATE);
    const char *message = PQresultErrorField(r, PG_DIAG_MESSAGE_PRIMARY);

    if (s->error.sqlstate[0] != '\0') /* the first one is the cause */
        return;
    error_set(s, sqlstate != NULL ? sqlstate : "08006",
              message != NULL ? message : PQresultErrorMessage(r));
}

bool session_in_transaction(const struct session *s)
{
    PGTransactionStatusType t = PQtransactionStatus(s->conn);

    return t == PQTRANS_INTRANS || t == PQTRANS_INERROR;
}

/* ---- the socket ---- */

/* libpq may change its socket while it tries the hosts of a URL, and the number of a closed one may
 * come back: so a change that finds nothing to change becomes an addition. */
static void watch(struct session *s, uint32_t events)
{
    struct epoll_event e = {.events = events, .data.ptr = s};
    int                fd = PQsocket(s->conn);

    if (fd == s->socket && events == s->watched && s->state != SESSION_CONNECTING)
        return;
    if (epoll_ctl(s->epoll, EPOLL_CTL_MOD, fd, &e) != 0)
        (void)epoll_ctl(s->epoll, EPOLL_CTL_ADD, fd, &e);
    s->socket = fd;
    s->watched = events;
}

static enum session_event flush(struct session *s)
{
    int rest = PQflush(s->conn);

    if (rest < 0)
        return lost(s);
    watch(s, rest > 0 ? EPOLLIN | EPOLLOUT : EPOLLIN);
    return SESSION_NOTHING;
}

/* ---- sending ---- */

static bool send_call(struct session *s, const struct call *c)
{
    const char *values[PARAMS_MAX];
    int         sizes[PARAMS_MAX], formats[PARAMS_MAX];

    for (int i = 0; i < c->count; i++) {
        const struct parameter *p = &c->parameters[i];

        /* A text's binary form is its bytes, and needs no zero behind them. */
        values[i] = p->is_number ? p->digits : p->text.data;
        sizes[i] = (int)p->text.size;
        formats[i] = p->is_number ? 0 : 1;
    }
    if (c->statement->name == NULL || s->bench->options->protocol == PROTOCOL_EXTENDED)
        return PQsendQueryParams(s->conn, c->statement->sql, c->count, NULL, values, sizes, formats,
                                 0) == 1;
    return PQsendQueryPrepared(s->conn, c->statement->name, c->count, values, sizes, formats, 0) ==
           1;
}

static void put_quoted(struct buf *out, slice text)
{
    buf_put_u8(out, '\'');
    for (size_t i = 0; i < text.size; i++) {
        if (text.data[i] == '\'')
            buf_put_u8(out, '\'');
        buf_put_u8(out, (uint8_t)text.data[i]);
    }
    buf_put_u8(out, '\'');
}

static void put_call(struct buf *out, const struct call *c)
{
    for (const char *p = c->statement->sql; *p != '\0'; p++) {
        const struct parameter *parameter;

        if (*p != '$') {
            buf_put_u8(out, (uint8_t)*p);
            continue;
        }
        parameter = &c->parameters[*++p - '1'];
        if (parameter->is_number)
            buf_append_slice(out, parameter->text);
        else
            put_quoted(out, parameter->text);
    }
}

static bool send_simple(struct session *s)
{
    buf_reset(&s->text);
    for (size_t i = 0; i < s->batch.count; i++) {
        if (i > 0)
            buf_put_u8(&s->text, ';');
        put_call(&s->text, &s->batch.calls[i]);
    }
    return PQsendQuery(s->conn, buf_cstr(&s->text)) == 1;
}

static bool send_pipeline(struct session *s)
{
    for (size_t i = 0; i < s->batch.count; i++) {
        if (!send_call(s, &s->batch.calls[i]))
            return false;
    }
    return PQpipelineSync(s->conn) == 1;
}

enum session_event session_send(struct session *s)
{
    ASSERT(s->state == SESSION_IDLE && s->batch.count > 0);
    rows_clear(s);
    s->error.sqlstate[0] = '\0';
    s->state = SESSION_BUSY;
    if (!(s->bench->options->protocol == PROTOCOL_SIMPLE ? send_simple(s) : send_pipeline(s)))
        return lost(s);
    return flush(s);
}

/* ---- receiving ---- */

/* Whether the answer to the last batch has ended: with it a simple query's NULL, or the pipeline's
 * synchronisation. */
static bool take_results(struct session *s)
{
    while (!PQisBusy(s->conn)) {
        PGresult      *r = PQgetResult(s->conn);
        ExecStatusType kind;

        if (r == NULL) {
            if (PQpipelineStatus(s->conn) == PQ_PIPELINE_OFF)
                return true;
            continue; /* between two statements of a pipeline */
        }
        kind = PQresultStatus(r);
        if (kind == PGRES_TUPLES_OK) {
            rows_clear(s);
            s->rows = r;
            continue;
        }
        if (kind == PGRES_FATAL_ERROR || kind == PGRES_BAD_RESPONSE)
            note_error(s, r);
        PQclear(r);
        if (kind == PGRES_PIPELINE_SYNC)
            return true;
        if (PQstatus(s->conn) == CONNECTION_BAD)
            return true;
    }
    return false;
}

/* ---- connecting ---- */

enum session_event session_open(struct session *s)
{
    const char *names[CONNECT_WORDS], *values[CONNECT_WORDS];

    ASSERT(s->state == SESSION_DOWN);
    s->error.sqlstate[0] = '\0';
    s->state = SESSION_CONNECTING;
    connect_words(s->bench->options->url, PROGRAM, names, values);
    s->conn = PQconnectStartParams(names, values, 1);
    if (s->conn == NULL || PQstatus(s->conn) == CONNECTION_BAD)
        return lost(s);
    watch(s, EPOLLOUT);
    return SESSION_NOTHING;
}

/* Isolation level and prepared statements, in one round trip. */
static bool send_preparations(struct session *s)
{
    const struct options  *o = s->bench->options;
    const struct workload *w = s->bench->workload;

    buf_reset(&s->text);
    if (o->isolation != NULL)
        buf_printf(&s->text, "set default_transaction_isolation = '%s'", o->isolation);
    if (o->protocol == PROTOCOL_SIMPLE)
        return PQsendQuery(s->conn, buf_cstr(&s->text)) == 1;
    if (PQenterPipelineMode(s->conn) != 1)
        return false;
    if (s->text.size > 0 &&
        PQsendQueryParams(s->conn, buf_cstr(&s->text), 0, NULL, NULL, NULL, NULL, 0) != 1)
        return false;
    for (size_t i = 0; i < w->statement_count && o->protocol == PROTOCOL_PREPARED; i++) {
        if (PQsendPrepare(s->conn, w->statements[i].name, w->statements[i].sql, 0, NULL) != 1)
            return false;
    }
    return PQpipelineSync(s->conn) == 1;
}

static enum session_event on_connecting(struct session *s)
{
    switch (PQconnectPoll(s->conn)) {
    case PGRES_POLLING_READING:
        watch(s, EPOLLIN);
        return SESSION_NOTHING;
    case PGRES_POLLING_WRITING:
        watch(s, EPOLLOUT);
        return SESSION_NOTHING;
    case PGRES_POLLING_OK:
        break;
    default:
        return lost(s);
    }
    if (PQsetnonblocking(s->conn, 1) != 0 || !send_preparations(s))
        return lost(s);
    s->state = SESSION_PREPARING;
    return flush(s);
}

enum session_event session_on_socket(struct session *s)
{
    enum session_event event;
    bool               preparing = s->state == SESSION_PREPARING;

    if (s->state == SESSION_CONNECTING)
        return on_connecting(s);
    if (s->state == SESSION_IDLE) /* the last batch's error has been dealt with */
        s->error.sqlstate[0] = '\0';
    if (s->watched & EPOLLOUT) {
        event = flush(s);
        if (event != SESSION_NOTHING)
            return event;
    }
    if (!PQconsumeInput(s->conn)) {
        (void)take_results(s); /* what the server said before it went */
        return lost(s);
    }
    if (s->state == SESSION_IDLE) /* a notice, or the server's last words */
        return PQstatus(s->conn) == CONNECTION_BAD ? lost(s) : SESSION_NOTHING;
    if (!take_results(s))
        return SESSION_NOTHING;
    if (PQstatus(s->conn) == CONNECTION_BAD || (preparing && s->error.sqlstate[0] != '\0'))
        return lost(s);
    s->state = SESSION_IDLE;
    return preparing ? SESSION_READY : SESSION_DONE;
}
