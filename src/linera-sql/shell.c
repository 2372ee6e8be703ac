/* Messages, variables, the connection. */
#include "shell.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "client/cli.h"

static void say(struct shell *s, const char *fmt, va_list args)
{
    fflush(s->out);
    if (s->input != NULL && s->input->name != NULL)
        fprintf(stderr, "%s:%d: ", s->input->name, s->input->line);
    vfprintf(stderr, fmt, args);
    fputc('\n', stderr);
}

void shell_error(struct shell *s, const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    say(s, fmt, args);
    va_end(args);
}

bool shell_failed(struct shell *s, const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    say(s, fmt, args);
    va_end(args);
    if (s->stop_on_error)
        s->exit = CLI_FAILED;
    return !s->stop_on_error;
}

/* ---- variables ---------------------------------------------------------------------------------
 */

const char *variable_get(const struct shell *s, const char *name)
{
    for (const struct variable *v = s->variables; v != NULL; v = v->next) {
        if (strcmp(v->name, name) == 0)
            return v->value;
    }
    return NULL;
}

/* Kept sorted, as \set lists them. */
void variable_set(struct shell *s, const char *name, const char *value)
{
    struct variable **at = &s->variables, *v;

    while (*at != NULL && strcmp((*at)->name, name) < 0)
        at = &(*at)->next;
    v = *at;
    if (v != NULL && strcmp(v->name, name) == 0) {
        if (value != NULL) {
            char *copy = strdup(value);

            free(v->value);
            v->value = copy;
            return;
        }
        *at = v->next;
        free(v->name);
        free(v->value);
        free(v);
        return;
    }
    if (value == NULL)
        return;
    v = calloc(1, sizeof *v);
    if (v == NULL)
        abort();
    v->name = strdup(name);
    v->value = strdup(value);
    v->next = *at;
    *at = v;
}

void variables_free(struct shell *s)
{
    while (s->variables != NULL)
        variable_set(s, s->variables->name, NULL);
}

bool bool_parse(const char *text, bool *out)
{
    static const struct {
        const char *word;
        bool        value;
        size_t      least; /* letters that tell it from others */
    } words[] = {{"true", true, 1}, {"false", false, 1}, {"yes", true, 1}, {"no", false, 1},
                 {"on", true, 2},   {"off", false, 2},   {"1", true, 1},   {"0", false, 1}};
    size_t n = strlen(text);

    for (size_t i = 0; i < ARRAY_LEN(words); i++) {
        if (n >= words[i].least && n <= strlen(words[i].word) &&
            strncasecmp(text, words[i].word, n) == 0) {
            *out = words[i].value;
            return true;
        }
    }
    return false;
}

void variable_assign(struct shell *s, const char *name, const char *value)
{
    bool on = true;

    variable_set(s, name, value);
    value = variable_get(s, name); /* what was given may have been the variable's own, freed now */
    if (strcmp(name, "ON_ERROR_STOP") == 0)
        s->stop_on_error = value != NULL && (!bool_parse(value, &on) || on);
    if (strcmp(name, "VERBOSITY") == 0 && s->conn != NULL)
        PQsetErrorVerbosity(s->conn, value == NULL                    ? PQERRORS_DEFAULT
                                     : strcmp(value, "verbose") == 0  ? PQERRORS_VERBOSE
                                     : strcmp(value, "terse") == 0    ? PQERRORS_TERSE
                                     : strcmp(value, "sqlstate") == 0 ? PQERRORS_SQLSTATE
                                                                      : PQERRORS_DEFAULT);
}

/* ---- the connection ----------------------------------------------------------------------------
 */

static void on_notice(void *arg, const PGresult *r)
{
    struct shell *s = arg;

    fflush(s->out);
    fputs(PQresultErrorMessage(r), stderr);
}

static void connected(struct shell *s)
{
    char number[16];

    PQsetNoticeReceiver(s->conn, on_notice, s);
    PQfreeCancel(s->cancel);
    s->cancel = PQgetCancel(s->conn);
    snprintf(number, sizeof number, "%d", PQserverVersion(s->conn));
    variable_set(s, "DBNAME", PQdb(s->conn));
    variable_set(s, "USER", PQuser(s->conn));
    variable_set(s, "HOST", PQhost(s->conn));
    variable_set(s, "PORT", PQport(s->conn));
    variable_set(s, "SERVER_VERSION_NUM", number);
    variable_set(s, "SERVER_VERSION_NAME", PQparameterStatus(s->conn, "server_version"));
    variable_assign(s, "VERBOSITY",
                    variable_get(s, "VERBOSITY") != NULL ? variable_get(s, "VERBOSITY")
                                                         : "default");
}

/* A new connection takes the old one's place only when it stands. */
bool shell_connect(struct shell *s, const char *url)
{
    const char *names[] = {"dbname", "fallback_application_name", "connect_timeout", NULL};
    const char *values[] = {url, "linera-sql", "10", NULL};
    /* several hosts: libpq takes the first that answers */
    PGconn     *conn = PQconnectdbParams(names, values, 1);
    const char *message;

    if (PQstatus(conn) == CONNECTION_OK) {
        PQfinish(s->conn);
        s->conn = conn;
        connected(s);
        return true;
    }
    message = PQerrorMessage(conn);
    shell_error(s, "linera-sql: %.*s; is a node running there? see --help for the URL",
                (int)strcspn(message, "\n"), message);
    PQfinish(conn);
    return false;
}

bool shell_reconnect(struct shell *s, bool sent)
{
    shell_error(s, sent ? "linera-sql: the connection broke; whether the statement took effect is "
                          "not known"
                        : "linera-sql: the connection broke");
    PQreset(s->conn);
    if (PQstatus(s->conn) == CONNECTION_OK) {
        connected(s);
        shell_error(s, "linera-sql: connected again to %s:%s", PQhost(s->conn), PQport(s->conn));
        return true;
    }
    shell_error(s, "linera-sql: could not connect again: %.*s",
                (int)strcspn(PQerrorMessage(s->conn), "\n"), PQerrorMessage(s->conn));
    if (!s->interactive) { /* on a terminal the next statement tries once more */
        s->exit = CLI_NO_CONNECTION;
        s->quit = true;
    }
    return false;
}
