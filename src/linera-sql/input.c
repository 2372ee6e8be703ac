/* What is read: lines become statements and backslash commands, files are read in files, \if
 * decides what counts. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "client/cli.h"
#include "shell.h"

enum { NESTING_MAX = 32 };

/* ---- conditions --------------------------------------------------------------------------------
 */

bool shell_active(const struct shell *s)
{
    return s->conditions == NULL || s->conditions->active;
}

/* The text of a branch that is not read goes as soon as nothing in it is open. */
static void cut_inactive(struct shell *s)
{
    if (shell_active(s))
        return;
    s->buffer.size = MIN(s->buffer.size, s->conditions->pending);
    s->scan.at = s->buffer.size;
}

static void enter(struct shell *s, bool active)
{
    s->conditions->active = active;
    s->conditions->pending = s->buffer.size;
}

static bool condition_value(struct shell *s, const char *name, const char **args)
{
    struct buf text;
    bool       value = false;
    char      *word;

    buf_init(&text, NULL);
    while ((word = word_next(s, args)) != NULL) {
        buf_printf(&text, "%s%s", text.size > 0 ? " " : "", word);
        free(word);
    }
    if (!bool_parse(buf_cstr(&text), &value))
        shell_error(s, "\\%s: \"%s\" is neither true nor false; it counts as false", name,
                    buf_cstr(&text));
    buf_deinit(&text);
    return value;
}

static void begin(struct shell *s, const char **args)
{
    struct condition *c = calloc(1, sizeof *c);
    bool              outer = shell_active(s), value = outer && condition_value(s, "if", args);

    if (c == NULL)
        abort();
    c->outer = s->conditions;
    c->taken = value || !outer;
    s->conditions = c;
    enter(s, value);
}

static void end(struct shell *s)
{
    struct condition *c = s->conditions;

    s->conditions = c->outer;
    free(c);
}

void conditions_free(struct shell *s)
{
    while (s->conditions != NULL)
        end(s);
}

bool condition_command(struct shell *s, const char *name, const char **args, bool *go_on)
{
    struct condition *c = s->conditions;
    bool              is_elif = strcmp(name, "elif") == 0, is_else = strcmp(name, "else") == 0;

    *go_on = true;
    if (strcmp(name, "if") == 0) {
        begin(s, args);
        return true;
    }
    if (!is_elif && !is_else && strcmp(name, "endif") != 0)
        return false;
    if (c == NULL) {
        *go_on = shell_failed(s, "\\%s: no matching \\if", name);
    } else if (!is_elif && !is_else) {
        end(s);
    } else if (c->else_seen) {
        *go_on = shell_failed(s, "\\%s: cannot occur after \\else", name);
    } else {
        /* An expression is read only where it decides: it may run a program. */
        bool value = !c->taken;

        if (is_elif && value)
            value = condition_value(s, name, args);
        c->else_seen = is_else;
        c->taken = c->taken || value;
        enter(s, value);
    }
    return true;
}

/* ---- lines -------------------------------------------------------------------------------------
 */

bool shell_pending(const struct shell *s)
{
    return s->scan.open != '\0' || !scan_is_empty(s->buffer.data, s->buffer.size);
}

void shell_forget(struct shell *s)
{
    buf_reset(&s->buffer);
    s->scan = (struct scan){0};
}

static void drop_front(struct shell *s, size_t size)
{
    if (size == 0)
        return;
    memmove(s->buffer.data, s->buffer.data + size, s->buffer.size - size);
    s->buffer.size -= size;
    s->scan.at -= size;
    s->scan.brackets = 0;
}

static bool run_statement(struct shell *s, const char *text, size_t size)
{
    bool go_on;

    if (scan_is_empty(text, size))
        return true;
    buf_reset(&s->previous);
    buf_append(&s->previous, text, size);
    go_on = shell_run(s, buf_cstr(&s->previous));
    go_reset(s);
    return go_on;
}

/* "\;" puts a semicolon into the statement without ending it: both are sent as one. */
static bool command_at(struct shell *s, const char *command, const char **rest)
{
    if (*command != ';')
        return meta_run(s, command, rest);
    buf_put_u8(&s->buffer, ';');
    s->scan.at = s->buffer.size;
    *rest = command + 1;
    return true;
}

/* Read *line up to its first command; *line becomes what stands behind that, or NULL at the end. */
static bool feed(struct shell *s, const char **line)
{
    const char *text = *line;
    size_t      begin_line = s->buffer.size, from = 0, at;
    bool        go_on = true;

    *line = NULL;
    buf_append_cstr(&s->buffer, text);
    buf_put_u8(&s->buffer, '\n');
    while (go_on && !s->quit) {
        enum scan_stop stop = scan_step(&s->scan, s->buffer.data, s->buffer.size);

        if (stop == SCAN_SEMICOLON && shell_active(s)) {
            size_t size = s->scan.at - from;

            go_on = run_statement(s, s->buffer.data + from, size);
            from += size;
        } else if (stop == SCAN_BACKSLASH) {
            at = s->scan.at - begin_line;
            s->buffer.size = s->scan.at;
            drop_front(s, from);
            cut_inactive(s);
            return command_at(s, text + at + 1, line);
        } else if (stop == SCAN_END) {
            break;
        }
    }
    drop_front(s, from);
    if (s->scan.open == '\0')
        cut_inactive(s);
    if (s->scan.open == '\0' && s->buffer.size > 0 &&
        strspn(buf_cstr(&s->buffer), " \t\r\n") == s->buffer.size)
        shell_forget(s);
    return go_on;
}

bool shell_line(struct shell *s, const char *line)
{
    const char *rest = line;
    bool        go_on = true;

    while (go_on && !s->quit && rest != NULL)
        go_on = feed(s, &rest);
    return go_on;
}

bool shell_go(struct shell *s)
{
    bool go_on = true;

    if (shell_pending(s)) {
        buf_reset(&s->previous);
        buf_append(&s->previous, s->buffer.data, s->buffer.size);
    }
    shell_forget(s);
    if (scan_is_empty(s->previous.data, s->previous.size))
        go_on = shell_failed(s, "there is no statement to run");
    else
        go_on = shell_run(s, buf_cstr(&s->previous));
    go_reset(s);
    return go_on;
}

bool shell_text(struct shell *s, const char *text)
{
    if (text[strspn(text, " \t\n")] == '\\')
        return shell_line(s, text);
    return shell_run(s, text);
}

/* ---- files -------------------------------------------------------------------------------------
 */

static bool read_lines(struct shell *s)
{
    char   *line = NULL;
    size_t  capacity = 0;
    ssize_t n;
    bool    go_on = true;

    while (go_on && !s->quit && (n = getline(&line, &capacity, s->input->file)) >= 0) {
        const char *echo = variable_get(s, "ECHO");

        s->input->line++;
        if (n > 0 && line[n - 1] == '\n')
            line[n - 1] = '\0';
        if (echo != NULL && strcmp(echo, "all") == 0)
            fprintf(s->out, "%s\n", line);
        go_on = shell_line(s, line);
    }
    free(line);
    if (go_on && !s->quit && shell_active(s) && shell_pending(s)) {
        /* the last statement may do without its semicolon */
        go_on = run_statement(s, s->buffer.data, s->buffer.size);
    }
    if (s->conditions != NULL && go_on && !s->quit)
        go_on = shell_failed(s, "the file ends without \\endif");
    return go_on;
}

bool shell_file(struct shell *s, const char *path)
{
    bool              is_stdin = strcmp(path, "-") == 0, go_on;
    FILE             *f = is_stdin ? stdin : fopen(path, "r");
    struct input      input = {.file = f, .name = is_stdin ? NULL : path, .outer = s->input};
    struct buf        buffer = s->buffer;
    struct scan       scan = s->scan;
    struct condition *conditions = s->conditions;

    if (f == NULL || s->nesting == NESTING_MAX) {
        go_on = shell_failed(s, "linera-sql: could not read \"%s\": %s", path,
                             f == NULL ? strerror(errno) : "files include each other too deeply");
        if (f != NULL && !is_stdin)
            fclose(f);
        return go_on;
    }
    /* A file is read as a whole: statements and conditions do not reach beyond it. */
    buf_init(&s->buffer, NULL);
    s->scan = (struct scan){0};
    s->conditions = NULL;
    s->input = &input;
    s->nesting++;
    go_on = read_lines(s);
    s->nesting--;
    conditions_free(s);
    buf_deinit(&s->buffer);
    s->input = input.outer;
    s->buffer = buffer;
    s->scan = scan;
    s->conditions = conditions;
    if (!is_stdin)
        fclose(f);
    return go_on;
}
