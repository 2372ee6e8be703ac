/* The terminal: readline's editing and history, the prompt, interrupts. */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <readline/history.h>
#include <readline/readline.h>

#include "shell.h"

/* The callbacks of readline and of signals carry no context, so what they need stands here, set
 * once before the loop begins. */
static struct shell         *the_shell;
static volatile sig_atomic_t reading, interrupted;
static bool                  gave_up; /* the line that readline() returned */

enum { CONTROL_C = 'C' & 0x1f };

static char **complete(const char *text, int start, int end)
{
    (void)end;
    rl_attempted_completion_over = 1; /* no file names */
    rl_completion_suppress_append = 0;
    return complete_line(the_shell, rl_line_buffer, text, start);
}

/* At the prompt, the line is given up; within a statement, that is cancelled: PQcancel() may be
 * called here. */
static void on_interrupt(int signum)
{
    char message[256];

    (void)signum;
    if (reading)
        interrupted = 1;
    else if (the_shell->cancel != NULL)
        PQcancel(the_shell->cancel, message, sizeof message);
}

/* Wait for a key or an interrupt, neither of which can slip in between the question and the wait.
 */
static void await_key(int fd)
{
    struct pollfd p = {.fd = fd, .events = POLLIN};
    sigset_t      interrupt, before;

    sigemptyset(&interrupt);
    sigaddset(&interrupt, SIGINT);
    sigprocmask(SIG_BLOCK, &interrupt, &before);
    while (!interrupted && ppoll(&p, 1, NULL, &before) < 0 && errno == EINTR)
        rl_check_signals(); /* the window's size may have changed */
    sigprocmask(SIG_SETMASK, &before, NULL);
}

/* What readline reads with: an interrupt is the key Ctrl-C, so that nothing of readline's is left
 * half done. */
static int get_key(FILE *in)
{
    unsigned char c;
    ssize_t       n;

    await_key(fileno(in));
    if (interrupted) {
        interrupted = 0;
        return CONTROL_C;
    }
    do
        n = read(fileno(in), &c, 1);
    while (n < 0 && errno == EINTR);
    return n == 1 ? c : EOF;
}

/* The command that Ctrl-C is bound to. */
static int give_up(int count, int key)
{
    (void)count, (void)key;
    rl_crlf();
    gave_up = true;
    rl_done = 1;
    return 0;
}

/* As psql's: the database, then what is open (= nothing, - a statement, or its quote), then the
 * transaction. */
static const char *prompt(struct shell *s, char *text, size_t size)
{
    PGTransactionStatusType t = PQtransactionStatus(s->conn);
    char                    state = '=';

    if (!shell_active(s))
        state = '@';
    else if (s->scan.open != '\0')
        state = s->scan.open == 'e' ? '\'' : s->scan.open;
    else if (s->scan.brackets > 0)
        state = '(';
    else if (shell_pending(s))
        state = '-';
    snprintf(text, size, "%s%c%s ", PQstatus(s->conn) == CONNECTION_OK ? PQdb(s->conn) : "!", state,
             t == PQTRANS_INTRANS   ? "*>"
             : t == PQTRANS_INERROR ? "!>"
                                    : ">");
    return text;
}

/* ---- history ------------------------------------------------------------------------------------
 */

enum { HISTORY_MAX = 2000 };

/* A statement of several lines is one entry. In the file its line ends stand as another byte, since
 * each line there is an entry. */
enum { LINE_END_IN_FILE = 1 };

static void change_line_ends(char from, char to)
{
    HIST_ENTRY **entries = history_list();

    for (int i = 0; entries != NULL && entries[i] != NULL; i++) {
        for (char *p = entries[i]->line; *p != '\0'; p++)
            *p = *p == from ? to : *p;
    }
}

/* `entry` collects lines until the statement is complete. */
static void remember(struct shell *s, struct buf *entry, const char *line)
{
    const HIST_ENTRY *last;

    if (*line == '\0' && entry->size == 0)
        return;
    if (entry->size > 0)
        buf_put_u8(entry, '\n');
    buf_append_cstr(entry, line);
    if (shell_pending(s))
        return;
    last = history_length > 0 ? history_get(history_base + history_length - 1) : NULL;
    if (last == NULL || strcmp(last->line, buf_cstr(entry)) != 0)
        add_history(buf_cstr(entry));
    buf_reset(entry);
}

static bool history_path(char *path, size_t size)
{
    const char *own = getenv("LINERA_HISTORY"), *home = getenv("HOME");

    if (own != NULL)
        return (size_t)snprintf(path, size, "%s", own) < size;
    return home != NULL && (size_t)snprintf(path, size, "%s/.linera_history", home) < size;
}

/* ---- the loop ----------------------------------------------------------------------------------
 */

static void set_up(struct shell *s)
{
    struct sigaction action = {.sa_handler = on_interrupt};

    the_shell = s;
    sigaction(SIGINT, &action, NULL); /* no SA_RESTART: \watch's waiting ends with it */
    rl_readline_name = "linera-sql";
    rl_attempted_completion_function = complete;
    rl_basic_word_break_characters = " \t\n(),;=<>+-*/'";
    rl_catch_signals = 0; /* on_interrupt() has to see them first */
    rl_getc_function = get_key;
    rl_initialize(); /* reads ~/.inputrc, before the binding that must hold */
    rl_bind_key_in_map(CONTROL_C, give_up, emacs_standard_keymap);
    rl_bind_key_in_map(CONTROL_C, give_up, vi_insertion_keymap);
    rl_bind_key_in_map(CONTROL_C, give_up, vi_movement_keymap);
    using_history();
    stifle_history(HISTORY_MAX);
}

/* NULL at the end of input. */
static char *read_line(struct shell *s)
{
    char  text[256];
    char *line;

    gave_up = false;
    reading = 1;
    line = readline(prompt(s, text, sizeof text));
    reading = 0;
    return line;
}

/* Ctrl-C at the prompt: what is open is forgotten. */
static void forget(struct shell *s, struct buf *entry)
{
    buf_reset(entry);
    shell_forget(s);
    conditions_free(s);
}

void interactive_loop(struct shell *s)
{
    char       history[4096], *line;
    bool       has_history = history_path(history, sizeof history);
    struct buf entry;

    buf_init(&entry, NULL);
    set_up(s);
    if (has_history && read_history(history) == 0)
        change_line_ends(LINE_END_IN_FILE, '\n');
    printf("linera-sql: \\? lists commands, \\h the syntax of statements, \\q leaves.\n");
    while (!s->quit && (line = read_line(s)) != NULL) {
        if (gave_up) {
            forget(s, &entry);
        } else {
            shell_line(s, line);
            remember(s, &entry, line);
        }
        free(line);
    }
    if (!s->quit)
        putchar('\n');
    buf_deinit(&entry);
    signal(SIGINT, SIG_DFL);
    if (!has_history)
        return;
    change_line_ends('\n', LINE_END_IN_FILE);
    write_history(history);
}
