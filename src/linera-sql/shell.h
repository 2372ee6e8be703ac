/* src/linera-sql/shell.h: the parts of the shell. One struct holds its state; no file keeps any of
 * its own. */
#ifndef LINERA_SQL_SHELL_H
#define LINERA_SQL_SHELL_H

#include <libpq-fe.h>
#include <stdbool.h>
#include <stdio.h>

#include "base/buf.h"
#include "client/table.h"

struct variable {
    char            *name, *value;
    struct variable *next;
};

struct shell {
    PGconn           *conn;
    char             *url;
    bool              interactive;
    bool              stop_on_error;
    bool              timing;
    bool              header;
    bool              tuples_only;
    bool              expanded;
    enum table_format format;
    FILE             *out; /* \o */
    struct variable  *variables;
    struct buf        buffer;   /* the statement being typed */
    struct buf        previous; /* the one before it: \g, \e */
    int               nesting;  /* of \i */
    bool              quit;
    int               exit; /* what the program ends with */
};

/* ---- shell.c: statements ---- */

/* Run SQL text and print what it returns; false when it failed and the shell shall stop. */
bool shell_run(struct shell *s, const char *sql);
/* Feed one line; statements end at a semicolon outside of quotes. False: stop. */
bool shell_line(struct shell *s, const char *line);
/* Feed a file, "-" for standard input. */
bool shell_file(struct shell *s, const char *path);
/* Whether a statement has begun that is not finished; the prompt says so. */
bool shell_pending(const struct shell *s);
/* Connect, or connect anew after the connection broke. */
bool shell_connect(struct shell *s, const char *url);
void shell_error(struct shell *s, const char *fmt, ...) PRINTF(2, 3);

const char *variable_get(const struct shell *s, const char *name);
void        variable_set(struct shell *s, const char *name, const char *value); /* NULL: unset */

/* ---- scan.c: where statements end ---- */

/* The length of the first complete statement of `text`, its semicolon included; 0 when it is not
 * complete. */
size_t scan_statement(const char *text, size_t size);
/* Replace :name, :'name' and :"name" outside of quotes and comments. */
void   scan_substitute(const struct shell *s, const char *text, struct buf *out);
/* Nothing but blanks and comments. */
bool   scan_is_empty(const char *text, size_t size);

/* ---- print.c: results ---- */

void print_result(struct shell *s, PGresult *result);

/* ---- meta.c: backslash commands ---- */

/* Run one, without its backslash. False: stop. */
bool meta_run(struct shell *s, const char *command);

/* ---- interactive.c: the terminal ---- */

void interactive_loop(struct shell *s);

#endif
