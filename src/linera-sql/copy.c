/* \copy: COPY with files of this side. The statement is sent with STDIN or STDOUT in the place of
 * the file's name; psql's syntax:
 *
 *     \copy table [(columns)] | (query)  from|to  'file' | program 'command' | stdin | stdout |
 *           pstdin | pstdout  [options] */
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "client/cli.h"
#include "shell.h"

struct copy {
    char *before, *after; /* the statement around the file */
    char *file;           /* NULL: standard input or output */
    bool  from, program;
    bool  own_stream; /* pstdin, pstdout: the program's, not the script's */
};

static void copy_deinit(struct copy *c)
{
    free(c->before);
    free(c->after);
    free(c->file);
}

/* The next token of `p`: a word, "name", 'text', bracket. NULL at the end; *end is behind it. */
static const char *token(const char *p, const char **end)
{
    while (isspace((unsigned char)*p))
        p++;
    if (*p == '\0')
        return NULL;
    *end = p + 1;
    if (*p == '\'' || *p == '"') {
        while (**end != '\0' && (**end != *p || (*end)[1] == *p))
            *end += **end == *p ? 2 : 1;
        *end += **end != '\0';
    } else if (isalnum((unsigned char)*p) || *p == '_') {
        while (isalnum((unsigned char)**end) || **end == '_' || **end == '$')
            ++*end;
    }
    return p;
}

static bool is_word(const char *at, const char *end, const char *word)
{
    return at != NULL && (size_t)(end - at) == strlen(word) &&
           strncasecmp(at, word, strlen(word)) == 0;
}

/* A file's name: 'with ''quotes''', or up to the next blank. *at moves behind it. */
static char *file_name(const char **at)
{
    const char *p = *at;
    char       *name, *to;

    while (isspace((unsigned char)*p))
        p++;
    name = to = calloc(1, strlen(p) + 1);
    if (name == NULL)
        abort();
    if (*p == '\'') {
        for (p++; *p != '\0' && (*p != '\'' || p[1] == '\''); p++) {
            p += *p == '\'';
            *to++ = *p;
        }
        p += *p == '\'';
    } else {
        while (*p != '\0' && !isspace((unsigned char)*p))
            *to++ = *p++;
    }
    *at = p;
    return name;
}

/* Behind FROM or TO. */
static bool parse_file(struct copy *c, const char *p)
{
    const char *end = p, *t = token(p, &end);

    c->program = is_word(t, end, "program");
    if (c->program)
        p = end;
    if (is_word(t, end, "stdin") || is_word(t, end, "stdout") || is_word(t, end, "pstdin") ||
        is_word(t, end, "pstdout")) {
        c->own_stream = *t == 'p' || *t == 'P';
        p = end;
    } else if (t != NULL) {
        if (c->program && (token(p, &end) == NULL || *token(p, &end) != '\''))
            return false;
        c->file = file_name(&p);
    }
    c->after = strdup(p);
    return t != NULL && (c->file == NULL || c->file[0] != '\0');
}

static bool parse(struct copy *c, const char *args)
{
    const char *end = args, *t;
    int         brackets = 0;

    for (const char *p = args; (t = token(p, &end)) != NULL; p = end) {
        brackets += *t == '(';
        brackets -= *t == ')';
        c->from = is_word(t, end, "from");
        if (brackets == 0 && (c->from || is_word(t, end, "to"))) {
            c->before = strndup(args, (size_t)(t - args));
            return parse_file(c, end);
        }
    }
    return false;
}

static FILE *open_file(struct shell *s, const struct copy *c)
{
    FILE *f;

    if (c->file == NULL && c->from)
        return c->own_stream || s->input == NULL ? stdin : s->input->file;
    if (c->file == NULL)
        return c->own_stream ? stdout : s->out;
    fflush(s->out);
    f = c->program ? popen(c->file, c->from ? "r" : "w") : fopen(c->file, c->from ? "r" : "w");
    if (f == NULL)
        shell_error(s, "%s: %s", c->file, strerror(errno));
    return f;
}

/* Zero when the file took all that was written, or the program ended well. */
static int close_file(struct shell *s, const struct copy *c, FILE *f)
{
    int failed = c->from ? 0 : fflush(f);

    if (c->file == NULL)
        return failed;
    if (c->program) {
        int code = pclose(f);

        if (code != 0)
            shell_error(s, "%s: the program failed", c->file);
        return code;
    }
    if ((fclose(f) | failed) != 0) {
        shell_error(s, "%s: %s", c->file, strerror(errno));
        return 1;
    }
    return 0;
}

/* The conversation of one COPY; results are shown, its data go to or come from `f`. */
static bool converse(struct shell *s, const struct copy *c, FILE *f, const char *sql)
{
    bool      good = PQsendQuery(s->conn, sql) != 0;
    PGresult *r;

    while ((r = PQgetResult(s->conn)) != NULL) {
        switch (PQresultStatus(r)) {
        case PGRES_COPY_IN:
            good = copy_send(s, f, c->file == NULL) && good;
            break;
        case PGRES_COPY_OUT:
            copy_receive(s, f);
            break;
        case PGRES_COMMAND_OK:
            if (s->interactive && !(f == stdout && !c->from))
                fprintf(s->out, "%s\n", PQcmdStatus(r));
            variable_set(s, "ROW_COUNT", PQcmdTuples(r));
            break;
        default:
            shell_error(s, "%.*s", (int)strcspn(PQresultErrorMessage(r), "\n"),
                        PQresultErrorMessage(r));
            good = false;
            break;
        }
        PQclear(r);
        if (PQstatus(s->conn) == CONNECTION_BAD)
            return shell_reconnect(s, true) && false;
    }
    return good;
}

bool do_copy(struct shell *s, const char *name, const char **args)
{
    char       *text = word_rest(args);
    struct copy c = {0};
    struct buf  sql;
    FILE       *f;
    double      start = now_ms();
    bool        good = false;

    (void)name;
    if (!parse(&c, text)) {
        free(text);
        copy_deinit(&c);
        return shell_failed(s, "\\copy takes TABLE [(COLUMNS)] or (QUERY), from or to, a file, "
                               "program 'COMMAND', stdin or stdout, and COPY's options");
    }
    f = open_file(s, &c);
    if (f != NULL) {
        buf_init(&sql, NULL);
        buf_printf(&sql, "COPY %s %s%s", c.before, c.from ? "FROM STDIN" : "TO STDOUT", c.after);
        good = converse(s, &c, f, buf_cstr(&sql));
        buf_deinit(&sql);
        good = close_file(s, &c, f) == 0 && good;
        print_time(s, start);
    }
    variable_set(s, "ERROR", good ? "false" : "true");
    free(text);
    copy_deinit(&c);
    if (!good && s->stop_on_error)
        s->exit = CLI_FAILED;
    return good || !s->stop_on_error;
}
