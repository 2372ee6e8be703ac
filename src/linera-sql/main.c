/* linera-sql: the SQL shell. Flags, output and exit codes: programs.md; man/linera-sql.1. */
#include <locale.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "client/cli.h"
#include "shell.h"

#define PROGRAM "linera-sql"

static void set_variables(struct shell *s, const struct cli_list *list)
{
    for (size_t i = 0; i < list->count; i++) {
        char *name = strdup(list->items[i]), *eq = strchr(name, '=');

        if (eq != NULL)
            *eq = '\0';
        variable_assign(s, name, eq != NULL ? eq + 1 : "");
        free(name);
    }
}

static void run(struct shell *s, const struct cli_list *commands, const struct cli_list *files)
{
    bool go_on = true;

    for (size_t i = 0; i < commands->count && go_on; i++)
        go_on = shell_text(s, commands->items[i]);
    for (size_t i = 0; i < files->count && go_on && !s->quit; i++)
        go_on = shell_file(s, files->items[i]);
    if (commands->count > 0 || files->count > 0)
        return;
    if (s->interactive)
        interactive_loop(s);
    else
        shell_file(s, "-");
}

static void read_rc(struct shell *s)
{
    const char *home = getenv("HOME");
    char        path[4096];

    if (home != NULL && (size_t)snprintf(path, sizeof path, "%s/.linerarc", home) < sizeof path &&
        access(path, R_OK) == 0)
        shell_file(s, path);
}

int main(int argc, char **argv)
{
    struct shell            s = {.out = stdout, .print = {.pager = TOGGLE_ON}};
    struct cli_list         commands = {0}, files = {0}, variables = {0};
    const char             *format = NULL, *on_error = NULL, *url = NULL;
    bool                    no_header = false, no_rc = false;
    const struct cli_option options[] = {
        {"command", 'c', CLI_LIST, "SQL", "run this and leave; may be given several times", NULL,
         &commands},
        {"file", 'f', CLI_LIST, "FILE", "run this file and leave; - is standard input", NULL,
         &files},
        {"variable", 'v', CLI_LIST, "NAME=VALUE", "set a variable: :NAME stands for it", NULL,
         &variables},
        {"format", 'F', CLI_CHOICE, "FORMAT", "how to print; default table, in a pipe tsv",
         TABLE_FORMATS, &format},
        {"no-header", 0, CLI_FLAG, NULL, "leave the names of columns out", NULL, &no_header},
        {"url", 0, CLI_TEXT, "URL",
         "where to connect: postgresql://user@host:port/db; default LINERA_URL, then PG*", NULL,
         &url},
        {"on-error", 0, CLI_CHOICE, "WHAT", "default stop, on a terminal go on", "stop|continue",
         &on_error},
        {"no-rc", 'X', CLI_FLAG, NULL, "do not read ~/.linerarc", NULL, &no_rc},
        {0},
    };
    const struct cli cli = {PROGRAM, "[URL] [options]", "The SQL shell of LineraDB.", options, 1};
    const char     **positional;
    size_t           count;

    cli_start();
    setlocale(LC_CTYPE, "");
    if (!cli_parse(&cli, argc, argv, &positional, &count, &s.exit))
        return s.exit;
    s.interactive =
        isatty(STDIN_FILENO) && isatty(STDOUT_FILENO) && commands.count == 0 && files.count == 0;
    s.stop_on_error = on_error != NULL ? strcmp(on_error, "stop") == 0 : !s.interactive;
    s.print.style.format = isatty(STDOUT_FILENO) ? TABLE_FORMAT_TABLE : TABLE_FORMAT_TSV;
    if (format != NULL)
        table_format_parse(format, &s.print.style.format);
    s.print.style.header = !no_header && (format != NULL || isatty(STDOUT_FILENO));
    buf_init(&s.buffer, NULL);
    buf_init(&s.previous, NULL);
    if (url == NULL)
        url = count > 0 ? positional[0] : getenv("LINERA_URL");
    set_variables(&s, &variables);
    if (shell_connect(&s, url)) {
        if (s.interactive && !no_rc)
            read_rc(&s);
        run(&s, &commands, &files);
    } else {
        s.exit = CLI_NO_CONNECTION;
    }
    PQfreeCancel(s.cancel);
    PQclear(s.last_error);
    PQfinish(s.conn);
    buf_deinit(&s.buffer);
    buf_deinit(&s.previous);
    variables_free(&s);
    printing_free(&s.print);
    free(s.restricted);
    if (s.out != stdout)
        target_close(s.out, s.out_pipe);
    return cli_finish(PROGRAM, s.exit);
}
