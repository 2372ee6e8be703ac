/* lib/client/cli.h: command lines of all programs: one table of options feeds the parser, --help
 * and the check that man pages and completions name them all (style.md section 13). */
#ifndef LINERA_CLIENT_CLI_H
#define LINERA_CLIENT_CLI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

enum cli_exit {
    CLI_DONE = 0,
    CLI_FAILED = 1,
    CLI_USAGE = 2,
    CLI_NO_CONNECTION = 3,
    CLI_NOT_AUTHORISED = 4,
    CLI_VIOLATION = 5,
    CLI_TIMED_OUT = 6,
    CLI_INTERRUPTED = 130,
};

enum cli_kind {
    CLI_FLAG,     /* no argument: bool */
    CLI_TEXT,     /* const char * */
    CLI_NUMBER,   /* uint64_t */
    CLI_SIZE,     /* uint64_t bytes: "64MiB" */
    CLI_DURATION, /* uint64_t us: "250ms" */
    CLI_CHOICE,   /* const char *, one of `choices` */
    CLI_LIST,     /* struct cli_list: may be given several times */
};

enum { CLI_LIST_MAX = 256 };

struct cli_list {
    const char *items[CLI_LIST_MAX];
    size_t      count;
};

struct cli_option {
    const char   *name;   /* without dashes */
    char          letter; /* 0: none */
    enum cli_kind kind;
    const char   *argument; /* how --help calls it: "HOST:PORT" */
    const char   *text;     /* one line for --help */
    const char   *choices;  /* CLI_CHOICE: "table|tsv|csv" */
    void         *value; /* where the value goes, by kind; untouched when the option is not given */
};

struct cli {
    const char              *program;
    const char              *usage;   /* behind the program's name */
    const char              *purpose; /* one line */
    const struct cli_option *options; /* ended by one without a name */
    size_t                   positional_max;
};

/* Parse argv. Serves -h/--help and --version itself. Returns true when the program shall go on;
 * otherwise *exit is what it ends with. *positional is argv's own memory, *positional_count of
 * them; "--" ends options. */
bool cli_parse(const struct cli *c, int argc, char **argv, const char ***positional,
               size_t *positional_count, int *exit);

/* "linera-node: <message>; <hint>" on stderr. Frees the status; returns the exit code that fits it.
 */
int cli_fail(const char *program, status st);

/* One line for a usage error, and "try --help"; returns CLI_USAGE. */
int cli_usage_error(const char *program, const char *fmt, ...) PRINTF(2, 3);

/* SIGPIPE ends the program silently; call first. */
void cli_start(void);
/* Flush stdout: a full disk must not look like success. Returns `code`, or CLI_FAILED with a
 * message. */
int  cli_finish(const char *program, int code);

#endif
