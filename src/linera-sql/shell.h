/* src/linera-sql/shell.h: the parts of the shell. One struct holds its state; no file keeps any of
 * its own, save what the callbacks of readline and of signals need (interactive.c). */
#ifndef LINERA_SQL_SHELL_H
#define LINERA_SQL_SHELL_H

#include <libpq-fe.h>
#include <stdbool.h>
#include <stdio.h>

#include "base/buf.h"
#include "client/table.h"

/* ON also for results of more columns than the terminal has, with AUTO only for those. */
enum toggle { TOGGLE_OFF, TOGGLE_ON, TOGGLE_AUTO };

/* How results look: \pset. The texts of `style` are owned. */
struct printing {
    struct table_style style; /* `out` and `expanded` are set for each result */
    enum toggle        expanded;
    enum toggle        pager; /* ON: when the result is longer than the terminal; AUTO: always */
};

struct variable {
    char            *name, *value;
    struct variable *next;
};

/* One \if. */
struct condition {
    bool              active;    /* this branch is read */
    bool              taken;     /* a branch was, or none may be: the rest is skipped */
    bool              else_seen; /* nothing but \endif may follow */
    size_t            pending; /* what the buffer held when it began: a branch is all or nothing */
    struct condition *outer;
};

/* Where in the text being read the scanner stands. */
struct scan {
    size_t at;
    char   open;  /* within ' " $ or a comment (*); 'e' is a string with escapes; 0: none */
    int    depth; /* of comments */
    int    brackets;
    char   tag[64]; /* of $tag$ */
};

/* What is read at the moment. */
struct input {
    FILE         *file; /* NULL: the terminal, or -c */
    const char   *name; /* for messages; NULL: none */
    int           line;
    struct input *outer;
};

/* What \g and its kin make of the next statement. */
enum go { GO_PRINT, GO_SET, GO_EXEC, GO_DESCRIBE };

struct go_options {
    enum go what;
    bool    expanded;
    char   *target; /* file, or |program; NULL: as always */
    char   *prefix; /* of \gset's variables */
    char  **values; /* \bind's */
    int     value_count;
    bool    bound;
};

struct shell {
    PGconn           *conn;
    PGcancel         *cancel;
    bool              interactive;
    bool              stop_on_error;
    bool              timing;
    struct printing   print;
    FILE             *out;      /* \o */
    bool              out_pipe; /* it is a program's input */
    struct variable  *variables;
    struct buf        buffer;   /* the statement being typed */
    struct buf        previous; /* the one before it: \g, \e */
    struct scan       scan;
    struct condition *conditions;
    struct input     *input;
    int               nesting; /* of \i */
    struct go_options go;
    char             *restricted; /* \restrict's key: nothing but \unrestrict is heard */
    PGresult         *last_error;
    bool              quit;
    int               exit; /* what the program ends with */
};

/* ---- shell.c: messages, variables, the connection ---- */

/* One line on stderr, behind the file and line that are read. */
void shell_error(struct shell *s, const char *fmt, ...) PRINTF(2, 3);
/* The same; whether to go on. */
bool shell_failed(struct shell *s, const char *fmt, ...) PRINTF(2, 3);

const char *variable_get(const struct shell *s, const char *name);
void        variable_set(struct shell *s, const char *name, const char *value); /* NULL: unset */
void        variables_free(struct shell *s);
/* \set: also takes effect where the shell itself looks at the variable. */
void        variable_assign(struct shell *s, const char *name, const char *value);
/* psql's booleans: on, off, true, no, 1 ... and what they begin with. False: it is none. */
bool        bool_parse(const char *text, bool *out);

bool shell_connect(struct shell *s, const char *url);
/* The connection has gone: connect again, to whichever host of the URL answers. `sent`: a statement
 * was under way, and what became of it is not known. */
bool shell_reconnect(struct shell *s, bool sent);

/* ---- input.c: lines, statements, files, conditions ---- */

/* Feed one line; statements end at a semicolon outside of quotes. False: stop. */
bool shell_line(struct shell *s, const char *line);
/* Feed a file, "-" for standard input. */
bool shell_file(struct shell *s, const char *path);
/* Feed what -c gives: statements, or one backslash command. */
bool shell_text(struct shell *s, const char *text);
/* Whether a statement has begun that is not finished; the prompt says so. */
bool shell_pending(const struct shell *s);
/* Is what is read now to be run, as far as \if says? */
bool shell_active(const struct shell *s);
/* Forget the statement being typed. */
void shell_forget(struct shell *s);
/* Run the statement being typed, or without one the previous, as s->go says. */
bool shell_go(struct shell *s);
/* \if, \elif, \else, \endif; false: not one of them. `args` is read only where it matters. */
bool condition_command(struct shell *s, const char *name, const char **args, bool *go_on);
void conditions_free(struct shell *s);

/* ---- run.c: statements and their results ---- */

/* Run SQL text (variables are put in) and print what it returns, as s->go says; false when it
 * failed and the shell shall stop. */
bool      shell_run(struct shell *s, const char *sql);
/* Run a query of the shell's own and give its rows; NULL when it failed, which was said. */
PGresult *shell_query(struct shell *s, const char *sql);
void      go_reset(struct shell *s);
/* A file, or with | a program, to write to; NULL: said why. *pipe tells which. */
FILE     *target_open(struct shell *s, const char *target, bool *pipe);
void      target_close(FILE *f, bool pipe);
/* \timing's line. */
double    now_ms(void);
void      print_time(struct shell *s, double since_ms);
/* The part of COPY ... FROM STDIN that sends, of TO STDOUT that receives. False: it failed. */
bool      copy_send(struct shell *s, FILE *in, bool until_mark);
void      copy_receive(struct shell *s, FILE *out);

/* ---- scan.c: where statements end ---- */

enum scan_stop { SCAN_END, SCAN_SEMICOLON, SCAN_BACKSLASH };

/* Go on through text from where *x stands: to behind a semicolon, to a backslash outside of quotes,
 * or to the end. */
enum scan_stop scan_step(struct scan *x, const char *text, size_t size);
/* Replace :name, :'name', :"name" and :{?name} outside of quotes and comments. */
void           scan_substitute(const struct shell *s, const char *text, struct buf *out);
/* The variable at text[at], a colon: its value, quoted as asked, goes to *out. The length it takes;
 * 0 when there is none. */
size_t         scan_variable(const struct shell *s, const char *text, size_t at, size_t size,
                             struct buf *out);
/* Nothing but blanks and comments. */
bool           scan_is_empty(const char *text, size_t size);

/* ---- words.c: arguments of backslash commands ---- */

/* The next argument, with quotes taken off and variables put in; NULL when there is none. *at moves
 * behind it. The caller frees it. */
char *word_next(struct shell *s, const char **at);
/* As it stands, but with double quotes kept: a name that goes into a statement. */
char *word_next_sql(struct shell *s, const char **at);
/* The rest of the line, blanks at its ends taken off. */
char *word_rest(const char **at);

/* ---- print.c: results ---- */

void print_result(struct shell *s, const PGresult *r);
/* Show text that may be longer than the terminal: through a pager then. */
void page_text(struct shell *s, const char *text, size_t size);

/* ---- backslash commands ---- */

/* Run one, without its backslash; *rest is what stands behind it and its arguments. False: stop. */
bool        meta_run(struct shell *s, const char *command, const char **rest);
/* The name of the command at `position`, in order; NULL behind the last. */
const char *meta_name(size_t position);

typedef bool meta_fn(struct shell *s, const char *name, const char **args);

meta_fn do_describe, do_list, do_list_databases, do_nodes, do_ranges; /* describe.c */
meta_fn do_go, do_explain, do_watch, do_bind;                         /* go.c */
meta_fn do_copy;                                                      /* copy.c */
meta_fn do_edit, do_print_buffer, do_write_buffer, do_reset;          /* edit.c */
meta_fn do_pset, do_aligned, do_tuples_only, do_separator, do_html, do_expanded, do_format,
    do_title; /* pset.c */
/* Give back what the settings hold. */
void    printing_free(struct printing *p);
meta_fn do_sql_help; /* help.c */

/* ---- interactive.c, complete.c: the terminal ---- */

void   interactive_loop(struct shell *s);
/* What may stand for text[start..end) of the line being edited, as readline wants it. */
char **complete_line(struct shell *s, const char *line, const char *text, int start);

#endif
