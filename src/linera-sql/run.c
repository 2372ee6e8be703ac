/* Statements and their results: sending them, printing what comes back or doing with it what \g and
 * its kin say, COPY, connections that break. */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "client/cli.h"
#include "shell.h"

double now_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

void print_time(struct shell *s, double since_ms)
{
    double ms = now_ms() - since_ms;

    if (!s->timing)
        return;
    if (ms < 1000)
        fprintf(s->out, "Time: %.3f ms\n", ms);
    else
        fprintf(s->out, "Time: %.3f ms (%02d:%06.3f)\n", ms, (int)(ms / 60000),
                ms / 1000 - 60.0 * (double)(int)(ms / 60000));
}

void go_reset(struct shell *s)
{
    free(s->go.target);
    free(s->go.prefix);
    for (int i = 0; i < s->go.value_count; i++)
        free(s->go.values[i]);
    free(s->go.values);
    s->go = (struct go_options){0};
}

FILE *target_open(struct shell *s, const char *target, bool *pipe)
{
    FILE *f;

    *pipe = target[0] == '|';
    fflush(s->out);
    f = *pipe ? popen(target + 1, "w") : fopen(target, "w");
    if (f == NULL)
        shell_error(s, "could not write to \"%s\": %s", target, strerror(errno));
    else if (*pipe)
        signal(SIGPIPE, SIG_IGN);
    return f;
}

void target_close(FILE *f, bool pipe)
{
    if (!pipe) {
        fclose(f);
        return;
    }
    pclose(f);
    signal(SIGPIPE, SIG_DFL);
}

/* ---- COPY --------------------------------------------------------------------------------------
 */

void copy_receive(struct shell *s, FILE *out)
{
    char *row;
    int   n;

    while ((n = PQgetCopyData(s->conn, &row, 0)) > 0) {
        fwrite(row, 1, (size_t)n, out);
        PQfreemem(row);
    }
}

static bool is_end_mark(const char *line)
{
    return line[0] == '\\' && line[1] == '.' && line[2 + strspn(line + 2, "\r\n")] == '\0';
}

/* Within a script the rows are the lines that follow, up to "\."; of a file of its own, all. */
bool copy_send(struct shell *s, FILE *in, bool until_mark)
{
    char   *line = NULL;
    size_t  capacity = 0;
    ssize_t n;
    bool    prompts = s->interactive && in == stdin;

    if (prompts)
        printf("Enter data to be copied followed by a newline.\n"
               "End with a backslash and a period on a line by itself, or an EOF signal.\n>> ");
    fflush(stdout);
    while ((n = getline(&line, &capacity, in)) > 0) {
        if (s->input != NULL && in == s->input->file)
            s->input->line++;
        if ((until_mark && is_end_mark(line)) || PQputCopyData(s->conn, line, (int)n) < 0)
            break;
        if (prompts) {
            printf(">> ");
            fflush(stdout);
        }
    }
    free(line);
    if (prompts && feof(in))
        clearerr(in);
    return PQputCopyEnd(s->conn, ferror(in) ? "the file could not be read" : NULL) >= 0;
}

/* ---- results -----------------------------------------------------------------------------------
 */

static void note_outcome(struct shell *s, const PGresult *r, bool good)
{
    const char *state = PQresultErrorField(r, PG_DIAG_SQLSTATE),
               *message = PQresultErrorField(r, PG_DIAG_MESSAGE_PRIMARY);
    const char *rows = PQcmdTuples((PGresult *)(uintptr_t)r);

    variable_set(s, "ERROR", good ? "false" : "true");
    variable_set(s, "SQLSTATE", good ? "00000" : state != NULL ? state : "");
    variable_set(s, "ROW_COUNT", good && rows[0] != '\0' ? rows : "0");
    if (good)
        return;
    variable_set(s, "LAST_ERROR_SQLSTATE", state != NULL ? state : "");
    variable_set(s, "LAST_ERROR_MESSAGE", message != NULL ? message : PQresultErrorMessage(r));
}

/* \gset: one row; each column becomes a variable, a null none. */
static bool keep_row(struct shell *s, const PGresult *r)
{
    if (PQntuples(r) != 1)
        return shell_failed(s, PQntuples(r) == 0 ? "no rows returned for \\gset"
                                                 : "more than one row returned for \\gset");
    for (int c = 0; c < PQnfields(r); c++) {
        struct buf name;

        buf_init(&name, NULL);
        buf_printf(&name, "%s%s", s->go.prefix != NULL ? s->go.prefix : "", PQfname(r, c));
        variable_assign(s, buf_cstr(&name), PQgetisnull(r, 0, c) ? NULL : PQgetvalue(r, 0, c));
        buf_deinit(&name);
    }
    return true;
}

static bool show(struct shell *s, PGresult *r)
{
    switch (PQresultStatus(r)) {
    case PGRES_TUPLES_OK:
        if (s->go.what == GO_SET)
            return keep_row(s, r);
        print_result(s, r);
        if (s->interactive && strncmp(PQcmdStatus(r), "SELECT", 6) != 0 &&
            strncmp(PQcmdStatus(r), "SHOW", 4) != 0 && !s->print.style.bare)
            fprintf(s->out, "%s\n", PQcmdStatus(r)); /* INSERT ... RETURNING */
        return true;
    case PGRES_COMMAND_OK:
        if (s->interactive && !s->print.style.bare && variable_get(s, "QUIET") == NULL)
            fprintf(s->out, "%s\n", PQcmdStatus(r));
        return true;
    case PGRES_EMPTY_QUERY:
        return true;
    case PGRES_COPY_OUT:
        copy_receive(s, s->out);
        return true;
    case PGRES_COPY_IN:
        return copy_send(s, s->input != NULL ? s->input->file : stdin, true);
    default:
        fflush(s->out);
        if (s->input != NULL && s->input->name != NULL)
            fprintf(stderr, "%s:%d: ", s->input->name, s->input->line);
        fputs(PQresultErrorMessage(r), stderr);
        return false;
    }
}

/* \gexec: every cell is a statement, row by row. */
static bool run_cells(struct shell *s, const PGresult *r)
{
    bool go_on = true;

    go_reset(s);
    for (int i = 0; i < PQntuples(r) && go_on; i++) {
        for (int c = 0; c < PQnfields(r) && go_on; c++) {
            if (!PQgetisnull(r, i, c))
                go_on = shell_run(s, PQgetvalue(r, i, c));
        }
    }
    return go_on;
}

/* \gdesc: the names and types of the columns, without running the statement. */
static bool describe(struct shell *s, const char *sql)
{
    PGresult  *r = PQprepare(s->conn, "", sql, 0, NULL);
    struct buf query;
    bool       good = PQresultStatus(r) == PGRES_COMMAND_OK;

    if (good) {
        PQclear(r);
        r = PQdescribePrepared(s->conn, "");
        good = PQresultStatus(r) == PGRES_COMMAND_OK;
    }
    note_outcome(s, r, good);
    s->go.what = GO_PRINT;
    if (!good) {
        show(s, r);
        PQclear(r);
        return !s->stop_on_error;
    }
    buf_init(&query, NULL);
    for (int c = 0; c < PQnfields(r); c++) {
        char *name = PQescapeLiteral(s->conn, PQfname(r, c), strlen(PQfname(r, c)));

        buf_printf(&query, "%s SELECT %s AS \"Column\", pg_catalog.format_type(%u, %d) AS \"Type\"",
                   c > 0 ? " UNION ALL" : "", name, PQftype(r, c), PQfmod(r, c));
        PQfreemem(name);
    }
    PQclear(r);
    if (query.size == 0)
        fprintf(s->out, "The command has no result, or the result has no columns.\n");
    else
        good = shell_run(s, buf_cstr(&query));
    buf_deinit(&query);
    return good;
}

/* ---- running -----------------------------------------------------------------------------------
 */

/* Has the connection gone while nobody looked? Then nothing was sent, and a new one will do. */
static bool connection_stands(struct shell *s)
{
    PGTransactionStatusType t = PQtransactionStatus(s->conn);

    if (PQstatus(s->conn) == CONNECTION_OK && PQconsumeInput(s->conn) != 0 &&
        PQstatus(s->conn) == CONNECTION_OK)
        return true;
    if (t != PQTRANS_INTRANS && t != PQTRANS_INERROR)
        return shell_reconnect(s, false);
    shell_reconnect(s, false);
    shell_failed(s, "linera-sql: the transaction was rolled back");
    return false;
}

static bool send_statement(struct shell *s, const char *sql)
{
    if (!s->go.bound)
        return PQsendQuery(s->conn, sql) != 0;
    return PQsendQueryParams(s->conn, sql, s->go.value_count, NULL,
                             (const char *const *)s->go.values, NULL, NULL, 0) != 0;
}

/* The last error is kept for \errverbose. */
static void keep_or_clear(struct shell *s, PGresult *r)
{
    if (PQresultStatus(r) == PGRES_FATAL_ERROR) {
        PQclear(s->last_error);
        s->last_error = r;
    } else {
        PQclear(r);
    }
}

/* All results; for \gexec the first is kept for later, when the connection is free again. */
static bool take_results(struct shell *s, PGresult **cells)
{
    PGresult *r;
    bool      good = true;

    while ((r = PQgetResult(s->conn)) != NULL) {
        ExecStatusType code = PQresultStatus(r);
        bool           shown;

        if (s->go.what == GO_EXEC && code == PGRES_TUPLES_OK && *cells == NULL) {
            *cells = r;
            continue;
        }
        shown = show(s, r);
        note_outcome(s, r, code != PGRES_FATAL_ERROR && code != PGRES_BAD_RESPONSE);
        good = good && shown;
        keep_or_clear(s, r);
        if (PQstatus(s->conn) == CONNECTION_BAD)
            return false;
    }
    return good;
}

static bool run_text(struct shell *s, const char *sql)
{
    const char *echo = variable_get(s, "ECHO");
    PGresult   *cells = NULL;
    double      start;
    bool        good;

    if (echo != NULL && strcmp(echo, "queries") == 0)
        fprintf(s->out, "%s\n", sql);
    if (!connection_stands(s))
        return !s->stop_on_error && !s->quit;
    if (s->go.what == GO_DESCRIBE)
        return describe(s, sql);
    start = now_ms();
    good = send_statement(s, sql) && take_results(s, &cells);
    print_time(s, start);
    fflush(s->out);
    if (PQstatus(s->conn) == CONNECTION_BAD) {
        PQclear(cells);
        return shell_reconnect(s, true) && !s->stop_on_error;
    }
    if (good && cells != NULL)
        good = run_cells(s, cells);
    PQclear(cells);
    if (!good && s->stop_on_error && s->exit == CLI_DONE)
        s->exit = CLI_FAILED;
    return good || !s->stop_on_error;
}

bool shell_run(struct shell *s, const char *sql)
{
    struct buf text;
    FILE      *before = s->out;
    bool       pipe = false, go_on;

    if (s->go.target != NULL) {
        s->out = target_open(s, s->go.target, &pipe);
        if (s->out == NULL) {
            s->out = before;
            return shell_failed(s, "the statement was not run");
        }
    }
    buf_init(&text, NULL);
    scan_substitute(s, sql, &text);
    go_on = run_text(s, buf_cstr(&text));
    buf_deinit(&text);
    if (s->out != before)
        target_close(s->out, pipe);
    s->out = before;
    return go_on;
}

PGresult *shell_query(struct shell *s, const char *sql)
{
    const char *echo = variable_get(s, "ECHO_HIDDEN");
    PGresult   *r;

    if (echo != NULL)
        fprintf(s->out, "%s\n", sql);
    if (!connection_stands(s))
        return NULL;
    r = PQexec(s->conn, sql);
    if (PQresultStatus(r) == PGRES_TUPLES_OK)
        return r;
    show(s, r);
    PQclear(r);
    if (PQstatus(s->conn) == CONNECTION_BAD)
        shell_reconnect(s, true);
    return NULL;
}
