#include "client/cli.h"

#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/format.h"
#include "base/version.h"

void cli_start(void)
{
    signal(SIGPIPE, SIG_DFL);
}

int cli_finish(const char *program, int code)
{
    if (fflush(stdout) == 0 && !ferror(stdout))
        return code;
    fprintf(stderr, "%s: could not write to standard output: %s\n", program, strerror(errno));
    return code == CLI_DONE ? CLI_FAILED : code;
}

static int exit_code_of(status st)
{
    switch (status_code(st)) {
    case ST_CONNECTION_FAILURE:
    case ST_CONNECTION_REFUSED:
        return CLI_NO_CONNECTION;
    case ST_INVALID_AUTHORIZATION:
    case ST_INVALID_PASSWORD:
    case ST_INSUFFICIENT_PRIVILEGE:
        return CLI_NOT_AUTHORISED;
    case ST_TIMED_OUT:
        return CLI_TIMED_OUT;
    default:
        return CLI_FAILED;
    }
}

int cli_fail(const char *program, status st)
{
    const char *hint = status_fields(st)->hint;
    int         code = exit_code_of(st);

    fprintf(stderr, "%s: %s%s%s\n", program, status_message(st), hint != NULL ? "; " : "",
            hint != NULL ? hint : "");
    st_clear(st);
    return code;
}

int cli_usage_error(const char *program, const char *fmt, ...)
{
    va_list args;

    fprintf(stderr, "%s: ", program);
    va_start(args, fmt);
    vfprintf(stderr, fmt, args);
    va_end(args);
    fprintf(stderr, "; try \"%s --help\"\n", program);
    return CLI_USAGE;
}

static void print_help(const struct cli *c)
{
    printf("Usage: %s %s\n%s\n\nOptions:\n", c->program, c->usage, c->purpose);
    for (const struct cli_option *o = c->options; o->name != NULL; o++) {
        char left[80], letter[8] = "    ";

        if (o->letter != 0)
            snprintf(letter, sizeof letter, "-%c, ", o->letter);
        snprintf(left, sizeof left, "  %s--%s%s%s", letter, o->name, o->argument != NULL ? " " : "",
                 o->argument != NULL ? o->argument : "");
        printf("%-34s %s%s%s%s\n", left, o->text, o->choices != NULL ? " (" : "",
               o->choices != NULL ? o->choices : "", o->choices != NULL ? ")" : "");
    }
    printf("%-34s %s\n%-34s %s\n", "  -h, --help", "print this help", "      --version",
           "print the version");
}

static bool is_choice(const char *choices, const char *value)
{
    size_t n = strlen(value);

    while (*choices != '\0') {
        const char *end = strchrnul(choices, '|');

        if ((size_t)(end - choices) == n && memcmp(choices, value, n) == 0)
            return true;
        choices = *end == '|' ? end + 1 : end;
    }
    return false;
}

static bool store_number(const char *text, uint64_t *out)
{
    char *end;

    errno = 0;
    *out = strtoull(text, &end, 10);
    return errno == 0 && *end == '\0' && end != text && *text != '-';
}

/* False: the value is not one; a line has been printed. */
static bool store(const struct cli *c, const struct cli_option *o, const char *value)
{
    struct cli_list *list;
    status           st = STATUS_OK;

    switch (o->kind) {
    case CLI_FLAG:
        *(bool *)o->value = true;
        return true;
    case CLI_TEXT:
        *(const char **)o->value = value;
        return true;
    case CLI_LIST:
        list = o->value;
        if (list->count == CLI_LIST_MAX) {
            cli_usage_error(c->program, "--%s can be given %d times at most", o->name,
                            CLI_LIST_MAX);
            return false;
        }
        list->items[list->count++] = value;
        return true;
    case CLI_CHOICE:
        if (!is_choice(o->choices, value)) {
            cli_usage_error(c->program, "--%s takes one of %s, not \"%s\"", o->name, o->choices,
                            value);
            return false;
        }
        *(const char **)o->value = value;
        return true;
    case CLI_NUMBER:
        if (!store_number(value, o->value)) {
            cli_usage_error(c->program, "--%s takes a whole number, not \"%s\"", o->name, value);
            return false;
        }
        return true;
    case CLI_SIZE:
        st = format_parse_size(slice_cstr(value), o->value);
        break;
    case CLI_DURATION:
        st = format_parse_duration_us(slice_cstr(value), o->value);
        break;
    }
    if (st_ok(st))
        return true;
    cli_usage_error(c->program, "--%s: %s", o->name, status_message(st));
    st_clear(st);
    return false;
}

static const struct cli_option *find_long(const struct cli *c, const char *name, size_t size)
{
    for (const struct cli_option *o = c->options; o->name != NULL; o++) {
        if (strlen(o->name) == size && memcmp(o->name, name, size) == 0)
            return o;
    }
    return NULL;
}

static const struct cli_option *find_letter(const struct cli *c, char letter)
{
    for (const struct cli_option *o = c->options; o->name != NULL; o++) {
        if (o->letter == letter)
            return o;
    }
    return NULL;
}

struct parse {
    const struct cli *c;
    int               argc, at;
    char            **argv;
};

/* The option's value: behind "=" or directly attached, else the next word. */
static bool take_value(struct parse *p, const struct cli_option *o, const char *attached)
{
    if (o->kind == CLI_FLAG) {
        if (attached == NULL)
            return store(p->c, o, NULL);
        cli_usage_error(p->c->program, "--%s takes no value", o->name);
        return false;
    }
    if (attached == NULL) {
        if (p->at + 1 >= p->argc) {
            cli_usage_error(p->c->program, "--%s needs a value: %s", o->name, o->argument);
            return false;
        }
        attached = p->argv[++p->at];
    }
    return store(p->c, o, attached);
}

static bool take_long(struct parse *p, const char *word)
{
    const char              *eq = strchr(word, '=');
    size_t                   size = eq != NULL ? (size_t)(eq - word) : strlen(word);
    const struct cli_option *o = find_long(p->c, word, size);

    if (o == NULL) {
        cli_usage_error(p->c->program, "unknown option --%.*s", (int)size, word);
        return false;
    }
    return take_value(p, o, eq != NULL ? eq + 1 : NULL);
}

static bool take_letters(struct parse *p, const char *letters)
{
    for (; *letters != '\0'; letters++) {
        const struct cli_option *o = find_letter(p->c, *letters);

        if (o == NULL) {
            cli_usage_error(p->c->program, "unknown option -%c", *letters);
            return false;
        }
        if (o->kind != CLI_FLAG)
            return take_value(p, o, letters[1] != '\0' ? letters + 1 : NULL);
        if (!store(p->c, o, NULL))
            return false;
    }
    return true;
}

bool cli_parse(const struct cli *c, int argc, char **argv, const char ***positional,
               size_t *positional_count, int *exit)
{
    struct parse p = {.c = c, .argc = argc, .argv = argv};
    size_t       count = 0;
    bool         options = true;

    for (p.at = 1; p.at < argc; p.at++) {
        const char *word = argv[p.at];

        if (options && strcmp(word, "--") == 0) {
            options = false;
        } else if (options && (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0)) {
            print_help(c);
            *exit = cli_finish(c->program, CLI_DONE);
            return false;
        } else if (options && strcmp(word, "--version") == 0) {
            printf("%s %s (PostgreSQL %s)\n", c->program, LINERA_VERSION, LINERA_PG_VERSION);
            *exit = cli_finish(c->program, CLI_DONE);
            return false;
        } else if (options && word[0] == '-' && word[1] != '\0') {
            if (!(word[1] == '-' ? take_long(&p, word + 2) : take_letters(&p, word + 1))) {
                *exit = CLI_USAGE;
                return false;
            }
        } else if (count == c->positional_max) {
            *exit = cli_usage_error(c->program, "unexpected argument \"%s\"", word);
            return false;
        } else {
            argv[count++] = argv[p.at]; /* argv[0] was read before */
        }
    }
    *positional = (const char **)(void *)argv;
    *positional_count = count;
    return true;
}
