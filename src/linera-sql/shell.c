/* Statements: splitting input, sending it, printing what comes back, connections that break. */
#include "shell.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "client/cli.h"

void shell_error(struct shell *s, const char *fmt, ...)
{
    va_list args;

    (void)s;
    fflush(stdout);
    va_start(args, fmt);
    vfprintf(stderr, fmt, args);
    va_end(args);
    fputc('\n', stderr);
}

/* ---- variables
 * ------------------------------------------------------------------------------------------------
 */

const char *variable_get(const struct shell *s, const char *name)
{
    for (const struct variable *v = s->variables; v != NULL; v = v->next) {
        if (strcmp(v->name, name) == 0)
            return v->value;
    }
    return NULL;
}

void variable_set(struct shell *s, const char *name, const char *value)
{
    struct variable **at = &s->variables;

    while (*at != NULL && strcmp((*at)->name, name) != 0)
        at = &(*at)->next;
    if (*at != NULL) {
        struct variable *v = *at;

        *at = v->next;
        free(v->name);
        free(v->value);
        free(v);
    }
    if (value != NULL) {
        struct variable *v = calloc(1, sizeof *v);

        if (v == NULL)
            abort();
        v->name = strdup(name);
        v->value = strdup(value);
        v->next = s->variables;
        s->variables = v;
    }
}

/* ---- connections
 * ------------------------------------------------------------------------------------------------
 */

static void on_notice(void *arg, const PGresult *r)
{
    (void)arg;
    fflush(stdout);
    fputs(PQresultErrorMessage(r), stderr);
}

bool shell_connect(struct shell *s, const char *url)
{
    const char *names[] = {"dbname", "fallback_application_name", "connect_timeout", NULL};
    const char *values[] = {url, "linera-sql", "10", NULL};

    if (s->conn != NULL)
        PQfinish(s->conn);
    s->conn =
        PQconnectdbParams(names, values, 1); /* several hosts: libpq takes the first that answers */
    if (PQstatus(s->conn) == CONNECTION_OK) {
        PQsetNoticeReceiver(s->conn, on_notice, s);
        return true;
    }
    {
        const char *message = PQerrorMessage(s->conn);
        size_t      n = strcspn(message, "\n");

        shell_error(s, "linera-sql: %.*s; is a node running there? see --help for the URL", (int)n,
                    message);
    }
    return false;
}

/* The connection broke under a statement: what it did is not known, so it is not sent again; the
 * next one may be. */
static bool reconnect(struct shell *s)
{
    shell_error(s,
                "linera-sql: the connection broke; whether the statement took effect is not known");
    PQreset(s->conn);
    if (PQstatus(s->conn) == CONNECTION_OK) {
        shell_error(s, "linera-sql: connected again to %s:%s", PQhost(s->conn), PQport(s->conn));
        return true;
    }
    shell_error(s, "linera-sql: could not connect again: %.*s",
                (int)strcspn(PQerrorMessage(s->conn), "\n"), PQerrorMessage(s->conn));
    s->exit = CLI_NO_CONNECTION;
    s->quit = true;
    return false;
}

/* ---- COPY
 * ---------------------------------------------------------------------------------------------------------
 */

static void copy_out(struct shell *s)
{
    char *row;
    int   n;

    while ((n = PQgetCopyData(s->conn, &row, 0)) > 0) {
        fwrite(row, 1, (size_t)n, s->out);
        PQfreemem(row);
    }
}

/* COPY FROM STDIN outside of \copy: rows are the lines that follow, up to "\.". */
static void copy_in(struct shell *s)
{
    char   *line = NULL;
    size_t  capacity = 0;
    ssize_t n;

    while ((n = getline(&line, &capacity, stdin)) > 0 && strcmp(line, "\\.\n") != 0 &&
           strcmp(line, "\\.") != 0) {
        if (PQputCopyData(s->conn, line, (int)n) < 0)
            break;
    }
    PQputCopyEnd(s->conn, NULL);
    free(line);
}

/* ---- statements
 * ---------------------------------------------------------------------------------------------------
 */

static bool show(struct shell *s, PGresult *r)
{
    switch (PQresultStatus(r)) {
    case PGRES_TUPLES_OK:
        print_result(s, r);
        return true;
    case PGRES_COMMAND_OK:
        if (s->interactive && !s->tuples_only)
            fprintf(s->out, "%s\n", PQcmdStatus(r));
        return true;
    case PGRES_EMPTY_QUERY:
        return true;
    case PGRES_COPY_OUT:
        copy_out(s);
        return true;
    case PGRES_COPY_IN:
        copy_in(s);
        return true;
    default:
        fflush(s->out);
        fputs(PQresultErrorMessage(r), stderr);
        return false;
    }
}

static double now_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

bool shell_run(struct shell *s, const char *sql)
{
    struct buf text;
    PGresult  *r;
    double     start = now_ms();
    bool       good = true;

    buf_init(&text, NULL);
    scan_substitute(s, sql, &text);
    if (!PQsendQuery(s->conn, buf_cstr(&text)))
        good = false;
    while ((r = PQgetResult(s->conn)) != NULL) {
        good = show(s, r) && good;
        PQclear(r);
    }
    buf_deinit(&text);
    if (s->timing)
        fprintf(s->out, "Time: %.3f ms\n", now_ms() - start);
    fflush(s->out);
    if (PQstatus(s->conn) == CONNECTION_BAD)
        return reconnect(s) && !s->stop_on_error;
    if (!good && s->stop_on_error)
        s->exit = CLI_FAILED;
    return good || !s->stop_on_error;
}

static bool run_buffer(struct shell *s)
{
    bool   go_on = true;
    size_t n;

    while (go_on && (n = scan_statement(s->buffer.data, s->buffer.size)) > 0) {
        char *statement = strndup(s->buffer.data, n);

        memmove(s->buffer.data, s->buffer.data + n, s->buffer.size - n);
        s->buffer.size -= n;
        if (statement != NULL && !scan_is_empty(statement, n)) {
            buf_reset(&s->previous);
            buf_append_cstr(&s->previous, statement);
            go_on = shell_run(s, statement);
        }
        free(statement);
    }
    if (scan_is_empty(s->buffer.data, s->buffer.size) &&
        memchr(s->buffer.data != NULL ? s->buffer.data : "", '-', s->buffer.size) == NULL)
        buf_reset(&s->buffer);
    return go_on;
}

bool shell_pending(const struct shell *s)
{
    return s->buffer.size > 0 && !scan_is_empty(s->buffer.data, s->buffer.size);
}

/* A backslash begins a command of the shell where no quote is open. */
static const char *find_command(const char *line)
{
    bool single = false, twice = false;

    for (const char *p = line; *p != '\0'; p++) {
        if (*p == '\'' && !twice)
            single = !single;
        else if (*p == '"' && !single)
            twice = !twice;
        else if (*p == '-' && p[1] == '-' && !single && !twice)
            return NULL;
        else if (*p == '\\' && !single && !twice)
            return p;
    }
    return NULL;
}

bool shell_line(struct shell *s, const char *line)
{
    const char *command = find_command(line);

    if (command == NULL) {
        buf_append_cstr(&s->buffer, line);
        buf_put_u8(&s->buffer, '\n');
        return run_buffer(s);
    }
    buf_append(&s->buffer, line, (size_t)(command - line));
    if (!run_buffer(s))
        return false;
    return meta_run(s, command + 1);
}

enum { NESTING_MAX = 32 };

bool shell_file(struct shell *s, const char *path)
{
    FILE   *in = strcmp(path, "-") == 0 ? stdin : fopen(path, "r");
    char   *line = NULL;
    size_t  capacity = 0;
    ssize_t n;
    bool    go_on = true;

    if (in == NULL || s->nesting == NESTING_MAX) {
        shell_error(s, "linera-sql: could not read \"%s\": %s", path,
                    in == NULL ? strerror(errno) : "files include each other too deeply");
        if (in != NULL)
            fclose(in);
        s->exit = CLI_FAILED;
        return !s->stop_on_error;
    }
    s->nesting++;
    while (go_on && !s->quit && (n = getline(&line, &capacity, in)) >= 0) {
        if (n > 0 && line[n - 1] == '\n')
            line[n - 1] = '\0';
        go_on = shell_line(s, line);
    }
    if (go_on && !s->quit &&
        shell_pending(s)) { /* the last statement may do without its semicolon */
        go_on = shell_run(s, buf_cstr(&s->buffer));
        buf_reset(&s->buffer);
    }
    s->nesting--;
    free(line);
    if (in != stdin)
        fclose(in);
    return go_on;
}
