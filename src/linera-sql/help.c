/* \h: the syntax of the statements that are supported, from syntax.def, of which docs/sql.md has
 * its chapter too. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "client/cli.h"
#include "shell.h"

static const struct syntax {
    const char *name, *purpose, *text;
} syntaxes[] = {
#define STATEMENT(name, purpose, text) {name, purpose, text},
#include "syntax.def"
#undef STATEMENT
};

static void list_names(struct buf *out)
{
    buf_append_cstr(out, "\\h STATEMENT shows the syntax of:\n");
    for (size_t i = 0; i < ARRAY_LEN(syntaxes); i++)
        buf_printf(out, "  %-28s%s", syntaxes[i].name,
                   i % 2 == 1 || i + 1 == ARRAY_LEN(syntaxes) ? "\n" : "");
}

bool do_sql_help(struct shell *s, const char *name, const char **args)
{
    char      *topic = word_rest(args);
    size_t     n = strlen(topic);
    struct buf text;
    bool       found = false;

    (void)name;
    while (n > 0 && (topic[n - 1] == ';' || isspace((unsigned char)topic[n - 1])))
        topic[--n] = '\0';
    buf_init(&text, NULL);
    if (n == 0)
        list_names(&text);
    for (size_t i = 0; i < ARRAY_LEN(syntaxes) && n > 0; i++) {
        bool whole = strcasecmp(topic, syntaxes[i].name) == 0;

        if (!whole && strcmp(topic, "*") != 0 &&
            (strncasecmp(topic, syntaxes[i].name, n) != 0 ||
             (syntaxes[i].name[n] != ' ' && syntaxes[i].name[n] != '\0')))
            continue;
        buf_printf(&text, "Statement:   %s\nDescription: %s\nSyntax:\n%s\n", syntaxes[i].name,
                   syntaxes[i].purpose, syntaxes[i].text);
        found = true;
    }
    if (n > 0 && !found)
        buf_printf(&text, "There is no help on \"%s\"; \\h lists the statements.\n", topic);
    page_text(s, buf_cstr(&text), text.size);
    buf_deinit(&text);
    free(topic);
    return true;
}
