/* Backslash commands: psql's, as far as they make sense here, in one table, and the small ones. */
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "client/cli.h"
#include "shell.h"

/* ---- where ------------------------------------------------------------------------------------
 */

/* "-" and what is left out stay as they are. */
static void put_option(struct buf *url, const char *name, const char *word, const char *now)
{
    const char *value = word != NULL && strcmp(word, "-") != 0 && *word != '\0' ? word : now;

    buf_printf(url, "%s='", name);
    for (; value != NULL && *value != '\0'; value++) {
        if (*value == '\'' || *value == '\\')
            buf_put_u8(url, '\\');
        buf_put_u8(url, (uint8_t)*value);
    }
    buf_append_cstr(url, "' ");
}

static bool do_connect(struct shell *s, const char *name, const char **args)
{
    char      *words[4] = {NULL};
    struct buf url;
    bool       good;
    size_t     n;

    (void)name;
    for (size_t i = 0; i < ARRAY_LEN(words) && (i == 0 || words[i - 1] != NULL); i++)
        words[i] = word_next(s, args);
    n = words[0] != NULL ? strlen(words[0]) : 0;
    if (n > 0 && words[0][n - 1] == ';') /* psql takes "\c name;" too */
        words[0][n - 1] = '\0';
    buf_init(&url, NULL);
    if (words[0] != NULL && (strstr(words[0], "://") != NULL || strchr(words[0], '=') != NULL)) {
        buf_append_cstr(&url, words[0]);
    } else {
        put_option(&url, "dbname", words[0], PQdb(s->conn));
        put_option(&url, "user", words[1], PQuser(s->conn));
        put_option(&url, "host", words[2], PQhost(s->conn));
        put_option(&url, "port", words[3], PQport(s->conn));
    }
    good = shell_connect(s, buf_cstr(&url));
    if (good && s->interactive)
        fprintf(s->out, "You are now connected to database \"%s\" as user \"%s\".\n", PQdb(s->conn),
                PQuser(s->conn));
    else if (!good && s->interactive)
        shell_error(s, "Previous connection kept");
    buf_deinit(&url);
    for (size_t i = 0; i < ARRAY_LEN(words); i++)
        free(words[i]);
    if (!good && !s->interactive) {
        s->exit = CLI_NO_CONNECTION;
        s->quit = true;
    }
    return good || s->interactive;
}

static bool do_conninfo(struct shell *s, const char *name, const char **args)
{
    (void)name, (void)args;
    fprintf(s->out,
            "You are connected to database \"%s\" as user \"%s\" on host \"%s\" at port \"%s\".\n",
            PQdb(s->conn), PQuser(s->conn), PQhost(s->conn), PQport(s->conn));
    return true;
}

static bool do_cd(struct shell *s, const char *name, const char **args)
{
    char       *path = word_next(s, args);
    const char *to = path != NULL ? path : getenv("HOME");
    bool        good = to != NULL && chdir(to) == 0;

    (void)name;
    if (!good)
        good = shell_failed(s, "\\cd: could not change to \"%s\": %s", to != NULL ? to : "",
                            strerror(errno));
    free(path);
    return good;
}

/* ---- files and programs ------------------------------------------------------------------------
 */

static bool do_include(struct shell *s, const char *name, const char **args)
{
    char       *path = word_next(s, args);
    const char *slash =
        s->input != NULL && s->input->name != NULL ? strrchr(s->input->name, '/') : NULL;
    struct buf full;
    bool       go_on;

    if (path == NULL)
        return shell_failed(s, "\\%s: which file?", name);
    buf_init(&full, NULL);
    if (strncmp(name, "ir", 2) == 0 && path[0] != '/' && slash != NULL) /* beside this file */
        buf_append(&full, s->input->name, (size_t)(slash - s->input->name) + 1);
    buf_append_cstr(&full, path);
    go_on = shell_file(s, buf_cstr(&full));
    buf_deinit(&full);
    free(path);
    return go_on;
}

static bool do_output(struct shell *s, const char *name, const char **args)
{
    char *target;
    FILE *out = stdout;
    bool  pipe = false;

    (void)name;
    while (isspace((unsigned char)**args))
        ++*args;
    target = **args == '|' ? word_rest(args) : word_next(s, args);
    if (target != NULL)
        out = target_open(s, target, &pipe);
    free(target);
    if (out == NULL)
        return shell_failed(s, "\\o: output goes where it went before");
    if (s->out != stdout)
        target_close(s->out, s->out_pipe);
    s->out = out;
    s->out_pipe = pipe;
    return true;
}

static bool do_program(struct shell *s, const char *name, const char **args)
{
    char *command = word_rest(args);
    int   code;
    char  text[16];

    (void)name;
    fflush(s->out);
    code = system(command[0] != '\0'        ? command
                  : getenv("SHELL") != NULL ? getenv("SHELL")
                                            : "/bin/sh");
    snprintf(text, sizeof text, "%d", code > 255 ? code >> 8 : code);
    variable_set(s, "SHELL_EXIT_CODE", text);
    variable_set(s, "SHELL_ERROR", code == 0 ? "false" : "true");
    free(command);
    return true;
}

/* ---- variables ---------------------------------------------------------------------------------
 */

static bool do_set(struct shell *s, const char *name, const char **args)
{
    char      *variable = word_next(s, args), *word;
    struct buf value;

    (void)name;
    if (variable == NULL) {
        for (const struct variable *v = s->variables; v != NULL; v = v->next)
            fprintf(s->out, "%s = '%s'\n", v->name, v->value);
        return true;
    }
    buf_init(&value, NULL);
    while ((word = word_next(s, args)) != NULL) {
        buf_append_cstr(&value, word);
        free(word);
    }
    variable_assign(s, variable, buf_cstr(&value));
    buf_deinit(&value);
    free(variable);
    return true;
}

static bool do_unset(struct shell *s, const char *name, const char **args)
{
    char *variable = word_next(s, args);

    (void)name;
    if (variable != NULL)
        variable_assign(s, variable, NULL);
    free(variable);
    return true;
}

static bool do_getenv(struct shell *s, const char *name, const char **args)
{
    char *variable = word_next(s, args), *from = word_next(s, args);
    bool  given = variable != NULL && from != NULL;

    (void)name;
    if (given && getenv(from) != NULL)
        variable_assign(s, variable, getenv(from));
    free(variable);
    free(from);
    return given || shell_failed(s, "\\getenv takes a variable and a name of the environment");
}

static bool do_setenv(struct shell *s, const char *name, const char **args)
{
    char *variable = word_next(s, args), *value = word_next(s, args);
    bool  given = variable != NULL && strchr(variable, '=') == NULL;

    (void)name;
    if (given && value != NULL)
        setenv(variable, value, 1);
    else if (given)
        unsetenv(variable);
    free(variable);
    free(value);
    return given || shell_failed(s, "\\setenv takes a name and a value");
}

static bool do_prompt(struct shell *s, const char *name, const char **args)
{
    char   *text = word_next(s, args), *variable = word_next(s, args), *line = NULL;
    size_t  capacity = 0;
    ssize_t n;

    (void)name;
    if (variable == NULL) { /* the text may be left out */
        variable = text;
        text = NULL;
    }
    if (variable == NULL)
        return shell_failed(s, "\\prompt takes a text and a variable");
    fprintf(stdout, "%s", text != NULL ? text : "");
    fflush(stdout);
    n = getline(&line, &capacity, s->input != NULL ? s->input->file : stdin);
    if (n > 0 && line[n - 1] == '\n')
        line[n - 1] = '\0';
    if (n >= 0)
        variable_assign(s, variable, line);
    free(line);
    free(text);
    free(variable);
    return true;
}

/* ---- words -------------------------------------------------------------------------------------
 */

static bool do_echo(struct shell *s, const char *name, const char **args)
{
    FILE *out = strcmp(name, "echo") == 0 ? stdout : strcmp(name, "warn") == 0 ? stderr : s->out;
    bool  line_end = true, first = true;
    char *word;

    fflush(s->out);
    while ((word = word_next(s, args)) != NULL) {
        if (first && line_end && strcmp(word, "-n") == 0) {
            line_end = false;
        } else {
            fprintf(out, "%s%s", first ? "" : " ", word);
            first = false;
        }
        free(word);
    }
    fputs(line_end ? "\n" : "", out);
    fflush(out);
    return true;
}

static bool do_timing(struct shell *s, const char *name, const char **args)
{
    char *word = word_next(s, args);
    bool  good = true;

    (void)name;
    if (word == NULL)
        s->timing = !s->timing;
    else
        good = bool_parse(word, &s->timing);
    free(word);
    if (!good)
        return shell_failed(s, "\\timing is on or off");
    if (s->interactive)
        fprintf(s->out, "Timing is %s.\n", s->timing ? "on" : "off");
    return true;
}

static bool do_error_verbose(struct shell *s, const char *name, const char **args)
{
    char *text =
        s->last_error != NULL
            ? PQresultVerboseErrorMessage(s->last_error, PQERRORS_VERBOSE, PQSHOW_CONTEXT_ALWAYS)
            : NULL;

    (void)name, (void)args;
    fprintf(s->out, "%s", text != NULL ? text : "There is no previous error.\n");
    PQfreemem(text);
    return true;
}

static bool do_encoding(struct shell *s, const char *name, const char **args)
{
    char *encoding = word_next(s, args);
    bool  good = true;

    (void)name;
    if (encoding == NULL)
        fprintf(s->out, "%s\n", PQparameterStatus(s->conn, "client_encoding"));
    else if (PQsetClientEncoding(s->conn, encoding) != 0)
        good = shell_failed(s, "%s: invalid encoding name or conversion procedure not found",
                            encoding);
    free(encoding);
    return good;
}

/* pg_dump guards its scripts with these: what is within data or names can run no command. */
static bool do_restrict(struct shell *s, const char *name, const char **args)
{
    char *key = word_next(s, args);
    bool  leave = strcmp(name, "unrestrict") == 0, good = true;

    if (key == NULL || *key == '\0')
        good = shell_failed(s, "\\%s: which key?", name);
    else if (!leave)
        s->restricted = strdup(key);
    else if (s->restricted == NULL)
        good = shell_failed(s, "\\unrestrict: not in restricted mode");
    else if (strcmp(s->restricted, key) != 0)
        good = shell_failed(s, "\\unrestrict: wrong key");
    else {
        free(s->restricted);
        s->restricted = NULL;
    }
    free(key);
    return good;
}

static bool do_quit(struct shell *s, const char *name, const char **args)
{
    (void)name, (void)args;
    s->quit = true;
    return true;
}

/* ---- the table ---------------------------------------------------------------------------------
 */

static meta_fn do_help;

/* Served by condition_command(), here for \? and completion. */
static bool do_condition(struct shell *s, const char *name, const char **args)
{
    bool go_on;

    condition_command(s, name, args, &go_on);
    return go_on;
}

/* clang-format off */
static const struct meta {
    const char *name;
    meta_fn    *run;
    const char *arguments, *text; /* text NULL: another name of the one above */
    bool        whole_line;       /* a backslash in its arguments is no command */
} metas[] = {
    {"?", do_help, "", "list these commands", false},
    {"h", do_sql_help, "[STATEMENT]", "the syntax of a statement", true},
    {"help", do_sql_help, "", NULL, true},
    {"q", do_quit, "", "leave", false},
    {"quit", do_quit, "", NULL, false},

    {"g", do_go, "[FILE]", "run the statement typed so far, or the last one again; results to a file or |program", false},
    {"gx", do_go, "[FILE]", "the same, one column a line", false},
    {"gset", do_go, "[PREFIX]", "run it and keep its one row in variables", false},
    {"gexec", do_go, "", "run it, then every cell of its result as a statement", false},
    {"gdesc", do_go, "", "names and types of its columns, without running it", false},
    {"bind", do_bind, "[VALUE]...", "the values of $1 ... for the next run", false},
    {"explain", do_explain, "", "EXPLAIN ANALYZE it", false},
    {"watch", do_watch, "[SECONDS] [c=RUNS]", "run it every few seconds", false},
    {"e", do_edit, "[FILE]", "edit it with EDITOR", false},
    {"edit", do_edit, "", NULL, false},
    {"p", do_print_buffer, "", "show it", false},
    {"print", do_print_buffer, "", NULL, false},
    {"r", do_reset, "", "forget it", false},
    {"reset", do_reset, "", NULL, false},
    {"w", do_write_buffer, "FILE", "write it to a file or |program", false},

    {"copy", do_copy, "...", "COPY with a file of this side", true},
    {"echo", do_echo, "[-n] [TEXT]", "print to standard output; \\qecho to \\o's, \\warn to standard error", false},
    {"qecho", do_echo, "", NULL, false},
    {"warn", do_echo, "", NULL, false},
    {"i", do_include, "FILE", "read statements from a file; \\ir: beside the file that is read", false},
    {"include", do_include, "", NULL, false},
    {"ir", do_include, "", NULL, false},
    {"o", do_output, "[FILE]", "send results to a file or |program, or back here", false},
    {"out", do_output, "", NULL, false},

    {"if", do_condition, "VALUE", "read on only when it is true; \\elif, \\else, \\endif", false},
    {"elif", do_condition, "", NULL, false},
    {"else", do_condition, "", NULL, false},
    {"endif", do_condition, "", NULL, false},

    {"d", do_describe, "[NAME]", "describe a table, view, index or sequence, or list them", false},
    {"df", do_list, "[PATTERN]", "list functions; S with the system's", false},
    {"dg", do_list, "", NULL, false},
    {"di", do_list, "[PATTERN]", "list indexes", false},
    {"dn", do_list, "[PATTERN]", "list schemas", false},
    {"ds", do_list, "[PATTERN]", "list sequences", false},
    {"dt", do_list, "[PATTERN]", "list tables", false},
    {"dT", do_list, "[PATTERN]", "list data types", false},
    {"du", do_list, "[PATTERN]", "list roles", false},
    {"dv", do_list, "[PATTERN]", "list views", false},
    {"l", do_list, "[PATTERN]", "list databases", false},
    {"nodes", do_nodes, "", "list the nodes, as the control plane at LINERA_HTTP knows them", false},
    {"ranges", do_ranges, "[TABLE]", "list the ranges, or those of a table", false},

    {"a", do_aligned, "", "aligned or unaligned", false},
    {"C", do_title, "[TEXT]", "a title for tables", false},
    {"f", do_separator, "[TEXT]", "what divides the columns of unaligned output", false},
    {"format", do_format, "[FORMAT]", "table unaligned csv tsv json ndjson markdown html vertical", false},
    {"H", do_html, "", "HTML, on or off", false},
    {"pset", do_pset, "[NAME [VALUE]]", "border expanded fieldsep footer format null pager title tuples_only", false},
    {"t", do_tuples_only, "[on|off]", "rows only", false},
    {"timing", do_timing, "[on|off]", "print how long each statement took", false},
    {"x", do_expanded, "[on|off|auto]", "one column a line", false},

    {"c", do_connect, "[DATABASE|URL [USER [HOST [PORT]]]]", "connect to another database", false},
    {"connect", do_connect, "", NULL, false},
    {"conninfo", do_conninfo, "", "say where we are connected", false},

    {"cd", do_cd, "[DIRECTORY]", "change the directory", false},
    {"getenv", do_getenv, "NAME ENVNAME", "a variable from the environment", false},
    {"encoding", do_encoding, "[NAME]", "show or set the client's encoding", false},
    {"errverbose", do_error_verbose, "", "the last error with all its fields", false},
    {"prompt", do_prompt, "[TEXT] NAME", "ask for a variable", false},
    {"restrict", do_restrict, "KEY", "take no commands up to \\unrestrict KEY, as scripts of pg_dump ask", false},
    {"unrestrict", do_restrict, "", NULL, false},
    {"set", do_set, "[NAME [VALUE]]", "set a variable, or list them; :NAME, :'NAME', :\"NAME\" stand for it", false},
    {"setenv", do_setenv, "NAME [VALUE]", "set or unset a name of the environment", false},
    {"unset", do_unset, "NAME", "forget a variable", false},
    {"!", do_program, "[COMMAND]", "run a program, or a shell", true},
};
/* clang-format on */

const char *meta_name(size_t position)
{
    return position < ARRAY_LEN(metas) ? metas[position].name : NULL;
}

static bool do_help(struct shell *s, const char *name, const char **args)
{
    struct buf text;

    (void)name, (void)args;
    buf_init(&text, NULL);
    for (size_t i = 0; i < ARRAY_LEN(metas); i++) {
        char synopsis[64];

        if (metas[i].text == NULL)
            continue;
        snprintf(synopsis, sizeof synopsis, "%s %s", metas[i].name, metas[i].arguments);
        buf_printf(&text, "  \\%-26s %s\n", synopsis, metas[i].text);
    }
    page_text(s, buf_cstr(&text), text.size);
    buf_deinit(&text);
    return true;
}

/* \d with any of its letters, S and +, \l+: not all of them stand in the table. */
static bool is_list(const char *name)
{
    return name[0] == 'd' || (name[0] == 'l' && name[strspn(name, "lS+")] == '\0');
}

static bool is_describe(const char *name)
{
    return name[0] == 'd' && name[1 + strspn(name + 1, "S+")] == '\0';
}

static const struct meta *find(const char *name)
{
    static const struct meta list = {.run = do_list}, describe = {.run = do_describe};

    for (size_t i = 0; i < ARRAY_LEN(metas); i++) {
        if (strcmp(metas[i].name, name) == 0)
            return &metas[i];
    }
    return is_describe(name) ? &describe : is_list(name) ? &list : NULL;
}

/* "\\" behind the arguments leads back to SQL; another backslash begins another command. */
static const char *behind(struct shell *s, const char *name, const char *at)
{
    char *word;

    while ((word = word_next(s, &at)) != NULL) {
        if (shell_active(s))
            shell_error(s, "\\%s: extra argument \"%s\" ignored", name, word);
        free(word);
    }
    if (*at == '\\' && at[1] == '\\')
        return at + 2;
    return *at != '\0' ? at : NULL;
}

bool meta_run(struct shell *s, const char *command, const char **rest)
{
    char               name[32];
    size_t             n = strcspn(command, " \t\\");
    const char        *at = command + n;
    const struct meta *m;
    bool               go_on = true, active = shell_active(s);

    snprintf(name, sizeof name, "%.*s", (int)n, command);
    m = find(name);
    if (s->restricted != NULL && strcmp(name, "unrestrict") != 0) {
        *rest = NULL;
        return shell_failed(s, "backslash commands are restricted; only \\unrestrict is allowed");
    }
    if (condition_command(s, name, &at, &go_on)) {
        /* Arguments of a branch that is not read are skipped without a word. */
        bool was = active && shell_active(s);

        *rest = was ? behind(s, name, at) : NULL;
        while (!was && *at != '\0' && *at != '\\')
            at++;
        if (!was && *at == '\\')
            *rest = at[1] == '\\' ? at + 2 : at;
        return go_on;
    }
    if (!active) {
        bool whole = m != NULL && m->whole_line;

        *rest = whole ? NULL : behind(s, name, at);
        return true;
    }
    if (m == NULL) {
        *rest = NULL;
        return shell_failed(s, "unknown command \\%s; \\? lists them", name);
    }
    go_on = m->run(s, name, &at);
    *rest = m->whole_line || !go_on || s->quit ? NULL : behind(s, name, at);
    return go_on;
}
