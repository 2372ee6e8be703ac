/* The terminal: readline's editing and history, the prompt, completion of keywords and of names in
 * the catalog. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <readline/history.h>
#include <readline/readline.h>

#include "shell.h"

/* readline's callbacks carry no context, so what they need stands here, set once before the loop
 * begins. */
static struct shell *completing;

static char *next_name(const char *prefix, int again)
{
    static PGresult *names;
    static int       at;

    if (!again) {
        char      *quoted = PQescapeLiteral(completing->conn, prefix, strlen(prefix));
        struct buf sql;

        PQclear(names);
        buf_init(&sql, NULL);
        buf_printf(&sql,
                   "SELECT relname FROM pg_catalog.pg_class WHERE relkind IN ('r', 'v') AND "
                   "starts_with(relname, %s) UNION "
                   "SELECT attname FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_class c ON "
                   "c.oid = a.attrelid "
                   "WHERE c.relkind = 'r' AND a.attnum > 0 AND starts_with(attname, %s) ORDER BY 1 "
                   "LIMIT 200",
                   quoted, quoted);
        /* Within a failed transaction there is nothing to ask. */
        names = PQtransactionStatus(completing->conn) == PQTRANS_INERROR
                    ? NULL
                    : PQexec(completing->conn, buf_cstr(&sql));
        buf_deinit(&sql);
        PQfreemem(quoted);
        at = 0;
    }
    if (names == NULL || PQresultStatus(names) != PGRES_TUPLES_OK || at >= PQntuples(names))
        return NULL;
    return strdup(PQgetvalue(names, at++, 0));
}

static char **complete(const char *text, int start, int end)
{
    (void)start, (void)end;
    rl_attempted_completion_over = 1; /* no file names */
    return rl_completion_matches(text, next_name);
}

static void cancel_statement(int signum)
{
    char      message[256];
    PGcancel *cancel = completing != NULL ? PQgetCancel(completing->conn) : NULL;

    (void)signum;
    if (cancel != NULL && PQtransactionStatus(completing->conn) == PQTRANS_ACTIVE)
        PQcancel(cancel, message, sizeof message);
    PQfreeCancel(cancel);
}

static const char *prompt(struct shell *s, char *text, size_t size)
{
    PGTransactionStatusType t = PQtransactionStatus(s->conn);

    snprintf(text, size, "%s%s%s ", PQdb(s->conn), shell_pending(s) ? "-" : "=",
             t == PQTRANS_INTRANS   ? "*>"
             : t == PQTRANS_INERROR ? "!>"
                                    : ">");
    return text;
}

void interactive_loop(struct shell *s)
{
    const char *home = getenv("HOME");
    char        history[4096] = "", text[256];
    char       *line;

    completing = s;
    signal(SIGINT, cancel_statement);
    rl_readline_name = "linera-sql";
    rl_attempted_completion_function = complete;
    if (home != NULL &&
        (size_t)snprintf(history, sizeof history, "%s/.linera_history", home) < sizeof history)
        read_history(history);
    printf("linera-sql: \\? lists commands, \\q leaves.\n");
    while (!s->quit && (line = readline(prompt(s, text, sizeof text))) != NULL) {
        if (*line != '\0')
            add_history(line);
        shell_line(s, line);
        free(line);
    }
    if (!s->quit)
        putchar('\n');
    if (history[0] != '\0')
        write_history(history);
}
