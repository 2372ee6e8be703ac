#include "client/connect.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"

void connect_words(const char *flag, const char *program, const char *names[CONNECT_WORDS],
                   const char *values[CONNECT_WORDS])
{
    names[0] = "dbname";
    values[0] = flag != NULL ? flag : getenv("LINERA_URL");
    names[1] = "fallback_application_name";
    values[1] = program;
    names[2] = "connect_timeout";
    values[2] = "10";
    names[3] = NULL;
    values[3] = NULL;
    _Static_assert(CONNECT_TIMEOUT_S == 10, "the text above says the same");
}

/* libpq's messages end their lines; errors here are one line. */
static int first_line(const char *text)
{
    return (int)strcspn(text, "\n");
}

/* A line for each host that was tried; lines that begin with a tab are libpq's advice. */
static void join_lines(const char *message, struct buf *out)
{
    while (*message != '\0') {
        size_t n = strcspn(message, "\n");

        if (*message != '\t' && n > 0)
            buf_printf(out, "%s%.*s", out->size > 0 ? "; " : "", (int)n, message);
        message += n + (message[n] != '\0');
    }
}

status connect_failure(const PGconn *conn)
{
    SCOPED(buf) struct buf text = {0};
    enum status_code       code = ST_CONNECTION_REFUSED;
    status                 st;

    join_lines(PQerrorMessage(conn), &text);
    /* libpq keeps the SQLSTATE of a refused log-in to itself. */
    if (PQconnectionNeedsPassword(conn) ||
        strstr(PQerrorMessage(conn), "authentication failed") != NULL)
        code = ST_INVALID_AUTHORIZATION;
    st = status_new(code, "%s", buf_cstr(&text));
    if (strstr(buf_cstr(&text), "FATAL") != NULL) /* somebody is there and says why */
        return st;
    return status_hint(st, "is a node running there? --url says where to connect");
}

status connect_open(const char *flag, const char *program, PGconn **out)
{
    const char *names[CONNECT_WORDS], *values[CONNECT_WORDS];
    PGconn     *conn;

    *out = NULL;
    connect_words(flag, program, names, values);
    conn = PQconnectdbParams(names, values, 1);
    if (conn == NULL)
        return STATUS_OOM;
    if (PQstatus(conn) != CONNECTION_OK) {
        status st = connect_failure(conn);

        PQfinish(conn);
        return st;
    }
    *out = conn;
    return STATUS_OK;
}

status connect_result(const PGconn *conn, const PGresult *result)
{
    const char *sqlstate, *message, *hint;
    status      st;

    if (result == NULL)
        return connect_failure(conn);
    if (PQresultStatus(result) != PGRES_FATAL_ERROR && PQresultStatus(result) != PGRES_BAD_RESPONSE)
        return STATUS_OK;
    sqlstate = PQresultErrorField(result, PG_DIAG_SQLSTATE);
    message = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
    hint = PQresultErrorField(result, PG_DIAG_MESSAGE_HINT);
    if (message == NULL) /* made by libpq: the connection broke */
        return status_new(ST_CONNECTION_FAILURE, "%.*s", first_line(PQresultErrorMessage(result)),
                          PQresultErrorMessage(result));
    st =
        status_new(status_code_from_sqlstate(sqlstate != NULL ? sqlstate : "XX000"), "%s", message);
    return hint != NULL ? status_hint(st, "%s", hint) : st;
}

status connect_query(PGconn *conn, const char *sql, PGresult **out)
{
    PGresult *result = PQexec(conn, sql);
    status    st = connect_result(conn, result);

    if (st_ok(st) && out != NULL)
        *out = result;
    else
        PQclear(result);
    return st;
}
