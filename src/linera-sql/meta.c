/* Backslash commands: psql's, as far as they make sense here, in one table. Those that describe
 * objects are queries of pg_catalog. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "client/cli.h"
#include "shell.h"

/* The next word of *at, single quotes taken off; NULL at the end. The caller frees it. */
static char *next_word(const char **at)
{
    const char *p = *at;
    char       *word, *to;

    while (*p == ' ' || *p == '\t')
        p++;
    if (*p == '\0') {
        *at = p;
        return NULL;
    }
    word = to = calloc(1, strlen(p) + 1);
    if (word == NULL)
        abort();
    if (*p == '\'') {
        for (p++; *p != '\0' && (*p != '\'' || p[1] == '\''); p++) {
            p += *p == '\'';
            *to++ = *p;
        }
        p += *p == '\'';
    } else {
        while (*p != '\0' && *p != ' ' && *p != '\t')
            *to++ = *p++;
    }
    *to = '\0';
    *at = p;
    return word;
}

static bool query(struct shell *s, const char *text, const char *pattern)
{
    struct buf sql;
    char      *quoted = PQescapeLiteral(s->conn, pattern != NULL ? pattern : "%",
                                        strlen(pattern != NULL ? pattern : "%"));
    bool       go_on;

    buf_init(&sql, NULL);
    for (const char *p = text; *p != '\0'; p++) {
        if (*p == '@') /* where the pattern goes */
            buf_append_cstr(&sql, quoted);
        else
            buf_put_u8(&sql, (uint8_t)*p);
    }
    go_on = shell_run(s, buf_cstr(&sql));
    buf_deinit(&sql);
    PQfreemem(quoted);
    return go_on;
}

#define RELATIONS(kinds)                                                                           \
    "SELECT n.nspname AS \"Schema\", c.relname AS \"Name\", CASE c.relkind WHEN 'r' THEN 'table' " \
    "WHEN 'v' THEN 'view' "                                                                        \
    "WHEN 'i' THEN 'index' WHEN 'S' THEN 'sequence' END AS \"Type\", "                             \
    "pg_catalog.pg_get_userbyid(c.relowner) AS \"Owner\" "                                         \
    "FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE "   \
    "c.relkind IN (" kinds ") "                                                                    \
    "AND n.nspname <> 'pg_catalog' AND n.nspname <> 'information_schema' AND c.relname LIKE @ "    \
    "ORDER BY 1, 2"

static const char describe_columns[] =
    "SELECT a.attname AS \"Column\", pg_catalog.format_type(a.atttypid, a.atttypmod) AS \"Type\", "
    "CASE WHEN a.attnotnull THEN "
    "'not null' ELSE '' END AS \"Nullable\", coalesce(pg_catalog.pg_get_expr(d.adbin, d.adrelid), "
    "'') AS \"Default\" "
    "FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_class c ON c.oid = a.attrelid "
    "LEFT JOIN pg_catalog.pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum "
    "WHERE c.relname = @ AND a.attnum > 0 AND NOT a.attisdropped AND "
    "pg_catalog.pg_table_is_visible(c.oid) ORDER BY a.attnum";

static const char describe_indexes[] =
    "SELECT i.relname AS \"Index\", pg_catalog.pg_get_indexdef(i.oid) AS \"Definition\" FROM "
    "pg_catalog.pg_index x "
    "JOIN pg_catalog.pg_class c ON c.oid = x.indrelid JOIN pg_catalog.pg_class i ON i.oid = "
    "x.indexrelid "
    "WHERE c.relname = @ AND pg_catalog.pg_table_is_visible(c.oid) ORDER BY 1";

static bool do_describe(struct shell *s, const char *args)
{
    char *name = next_word(&args);
    bool  go_on;

    if (name == NULL)
        return query(s, RELATIONS("'r','v','S'"), NULL);
    go_on = query(s, describe_columns, name) && query(s, describe_indexes, name);
    free(name);
    return go_on;
}

static bool list(struct shell *s, const char *args, const char *text)
{
    char *pattern = next_word(&args);
    bool  go_on;

    for (char *p = pattern; p != NULL && *p != '\0'; p++) /* psql's patterns: * and ? */
        *p = *p == '*' ? '%' : *p == '?' ? '_' : *p;
    go_on = query(s, text, pattern);
    free(pattern);
    return go_on;
}

static bool do_list_databases(struct shell *s, const char *args)
{
    return list(s, args,
                "SELECT datname AS \"Name\", pg_catalog.pg_get_userbyid(datdba) AS \"Owner\" FROM "
                "pg_catalog.pg_database "
                "WHERE datname LIKE @ ORDER BY 1");
}

static bool do_list_tables(struct shell *s, const char *args)
{
    return list(s, args, RELATIONS("'r'"));
}

static bool do_list_indexes(struct shell *s, const char *args)
{
    return list(s, args, RELATIONS("'i'"));
}

static bool do_list_views(struct shell *s, const char *args)
{
    return list(s, args, RELATIONS("'v'"));
}

static bool do_list_sequences(struct shell *s, const char *args)
{
    return list(s, args, RELATIONS("'S'"));
}

static bool do_list_schemas(struct shell *s, const char *args)
{
    return list(s, args,
                "SELECT nspname AS \"Name\", pg_catalog.pg_get_userbyid(nspowner) AS \"Owner\" "
                "FROM pg_catalog.pg_namespace "
                "WHERE nspname LIKE @ ORDER BY 1");
}

static bool do_list_roles(struct shell *s, const char *args)
{
    return list(s, args,
                "SELECT rolname AS \"Role name\", rolsuper AS \"Superuser\" FROM "
                "pg_catalog.pg_roles WHERE rolname LIKE @ ORDER BY 1");
}

static bool do_list_functions(struct shell *s, const char *args)
{
    return list(s, args,
                "SELECT proname AS \"Name\", pg_catalog.format_type(prorettype, NULL) AS "
                "\"Result\" FROM pg_catalog.pg_proc "
                "WHERE proname LIKE @ ORDER BY 1");
}

static bool do_connect(struct shell *s, const char *args)
{
    char      *word = next_word(&args);
    struct buf url;
    size_t     n = word != NULL ? strlen(word) : 0;
    bool       good;

    if (n > 0 && word[n - 1] == ';') /* psql takes "\c name;" too */
        word[n - 1] = '\0';
    if (word != NULL && strchr(word, ':') != NULL) {
        good = shell_connect(s, word);
    } else {
        buf_init(&url, NULL);
        buf_printf(&url, "host='%s' port='%s' user='%s' dbname='%s'", PQhost(s->conn),
                   PQport(s->conn), PQuser(s->conn),
                   word != NULL && *word != '\0' ? word : PQdb(s->conn));
        good = shell_connect(s, buf_cstr(&url));
        buf_deinit(&url);
    }
    if (good && s->interactive)
        fprintf(s->out, "You are now connected to database \"%s\" as user \"%s\".\n", PQdb(s->conn),
                PQuser(s->conn));
    free(word);
    if (!good) {
        s->exit = CLI_NO_CONNECTION;
        s->quit = true;
    }
    return good;
}

static bool do_include(struct shell *s, const char *args)
{
    char *path = next_word(&args);
    bool  go_on = true;

    if (path == NULL)
        shell_error(s, "\\i: which file?");
    else
        go_on = shell_file(s, path);
    free(path);
    return go_on;
}

static bool do_output(struct shell *s, const char *args)
{
    char *path = next_word(&args);
    FILE *out = path != NULL ? fopen(path, "w") : stdout;

    if (out == NULL) {
        shell_error(s, "\\o: could not write \"%s\": %s", path, strerror(errno));
    } else {
        if (s->out != stdout)
            fclose(s->out);
        s->out = out;
    }
    free(path);
    return true;
}

static bool toggle(struct shell *s, bool *what, const char *args, const char *name)
{
    char *word = next_word(&args);

    *what = word == NULL ? !*what : strcmp(word, "on") == 0;
    free(word);
    if (s->interactive)
        fprintf(s->out, "%s is %s.\n", name, *what ? "on" : "off");
    return true;
}

static bool do_timing(struct shell *s, const char *args)
{
    return toggle(s, &s->timing, args, "Timing");
}

static bool do_expanded(struct shell *s, const char *args)
{
    return toggle(s, &s->expanded, args, "Expanded display");
}

static bool do_tuples_only(struct shell *s, const char *args)
{
    return toggle(s, &s->tuples_only, args, "Tuples only");
}

static bool do_set(struct shell *s, const char *args)
{
    char      *name = next_word(&args), *word;
    struct buf value;

    if (name == NULL) {
        for (const struct variable *v = s->variables; v != NULL; v = v->next)
            fprintf(s->out, "%s = '%s'\n", v->name, v->value);
        return true;
    }
    buf_init(&value, NULL);
    while ((word = next_word(&args)) != NULL) {
        buf_append_cstr(&value, word);
        free(word);
    }
    variable_set(s, name, buf_cstr(&value));
    if (strcmp(name, "ON_ERROR_STOP") == 0)
        s->stop_on_error =
            strcmp(buf_cstr(&value), "0") != 0 && strcmp(buf_cstr(&value), "off") != 0;
    buf_deinit(&value);
    free(name);
    return true;
}

static bool do_unset(struct shell *s, const char *args)
{
    char *name = next_word(&args);

    if (name != NULL)
        variable_set(s, name, NULL);
    free(name);
    return true;
}

static bool do_echo(struct shell *s, const char *args)
{
    struct buf text;

    buf_init(&text, NULL);
    while (*args == ' ')
        args++;
    scan_substitute(s, args, &text);
    fprintf(s->out, "%s\n", buf_cstr(&text));
    buf_deinit(&text);
    return true;
}

static const char *pending_or_previous(struct shell *s)
{
    return buf_cstr(shell_pending(s) ? &s->buffer : &s->previous);
}

static bool do_go(struct shell *s, const char *args)
{
    char *sql = strdup(pending_or_previous(s));
    bool  go_on = true;

    (void)args;
    if (shell_pending(s)) {
        buf_reset(&s->previous);
        buf_append_cstr(&s->previous, sql);
    }
    buf_reset(&s->buffer);
    if (sql != NULL && !scan_is_empty(sql, strlen(sql)))
        go_on = shell_run(s, sql);
    free(sql);
    return go_on;
}

static bool do_go_expanded(struct shell *s, const char *args)
{
    bool before = s->expanded, go_on;

    s->expanded = true;
    go_on = do_go(s, args);
    s->expanded = before;
    return go_on;
}

/* One row; each column becomes a variable. */
static bool do_go_set(struct shell *s, const char *args)
{
    char     *prefix = next_word(&args);
    PGresult *r = PQexec(s->conn, pending_or_previous(s));

    buf_reset(&s->buffer);
    if (PQresultStatus(r) != PGRES_TUPLES_OK) {
        fputs(PQresultErrorMessage(r), stderr);
    } else if (PQntuples(r) != 1) {
        shell_error(s, "\\gset: the query gave %d rows, not one", PQntuples(r));
    } else {
        for (int c = 0; c < PQnfields(r); c++) {
            struct buf name;

            buf_init(&name, NULL);
            buf_printf(&name, "%s%s", prefix != NULL ? prefix : "", PQfname(r, c));
            variable_set(s, buf_cstr(&name), PQgetisnull(r, 0, c) ? NULL : PQgetvalue(r, 0, c));
            buf_deinit(&name);
        }
    }
    PQclear(r);
    free(prefix);
    return true;
}

static bool do_watch(struct shell *s, const char *args)
{
    char  *word = next_word(&args);
    double seconds = word != NULL ? atof(word) : 2;
    bool   go_on = true;

    free(word);
    if (!(seconds > 0 && seconds < 86400)) {
        shell_error(s, "\\watch takes a number of seconds");
        return true;
    }
    while (go_on && !s->quit) {
        struct timespec t = {.tv_sec = (time_t)seconds,
                             .tv_nsec = (long)((seconds - (double)(time_t)seconds) * 1e9)};

        go_on = do_go(s, "");
        if (nanosleep(&t, NULL) != 0)
            break; /* interrupted */
    }
    return go_on;
}

static bool do_conninfo(struct shell *s, const char *args)
{
    (void)args;
    fprintf(s->out,
            "You are connected to database \"%s\" as user \"%s\" on host \"%s\" at port \"%s\".\n",
            PQdb(s->conn), PQuser(s->conn), PQhost(s->conn), PQport(s->conn));
    return true;
}

static bool do_format(struct shell *s, const char *args)
{
    char *word = next_word(&args);

    if (word == NULL || !table_format_parse(word, &s->format))
        shell_error(s, "\\format takes one of table, csv, tsv, json, ndjson, markdown, vertical");
    free(word);
    return true;
}

static bool do_explain(struct shell *s, const char *args)
{
    struct buf sql;
    bool       go_on;

    (void)args;
    buf_init(&sql, NULL);
    buf_printf(&sql, "EXPLAIN ANALYZE %s", pending_or_previous(s));
    buf_reset(&s->buffer);
    go_on = shell_run(s, buf_cstr(&sql));
    buf_deinit(&sql);
    return go_on;
}

static bool do_quit(struct shell *s, const char *args)
{
    (void)args;
    s->quit = true;
    return true;
}

static bool do_reset(struct shell *s, const char *args)
{
    (void)args;
    buf_reset(&s->buffer);
    return true;
}

static bool do_help(struct shell *s, const char *args);

static const struct meta {
    const char *name;
    bool (*run)(struct shell *s, const char *args);
    const char *text;
} metas[] = {
    {"?", do_help, "list these commands"},
    {"c", do_connect, "connect to another database, or to a URL"},
    {"connect", do_connect, "the same"},
    {"conninfo", do_conninfo, "say where we are connected"},
    {"d", do_describe, "describe a table, or list tables, views and sequences"},
    {"df", do_list_functions, "list functions"},
    {"di", do_list_indexes, "list indexes"},
    {"dn", do_list_schemas, "list schemas"},
    {"ds", do_list_sequences, "list sequences"},
    {"dt", do_list_tables, "list tables"},
    {"du", do_list_roles, "list roles"},
    {"dv", do_list_views, "list views"},
    {"echo", do_echo, "print the rest of the line"},
    {"explain", do_explain, "EXPLAIN ANALYZE the statement typed so far, or the last one"},
    {"format", do_format, "how to print results: table csv tsv json ndjson markdown vertical"},
    {"g", do_go, "run the statement typed so far, or the last one again"},
    {"gset", do_go_set, "run it and keep its one row in variables"},
    {"gx", do_go_expanded, "run it and print one column a line"},
    {"i", do_include, "read statements from a file"},
    {"l", do_list_databases, "list databases"},
    {"o", do_output, "send results to a file, or back to the terminal"},
    {"q", do_quit, "leave"},
    {"r", do_reset, "forget what was typed"},
    {"set", do_set, "set a variable, or list them; :name stands for its value"},
    {"t", do_tuples_only, "rows only, on or off"},
    {"timing", do_timing, "print how long each statement took, on or off"},
    {"unset", do_unset, "forget a variable"},
    {"watch", do_watch, "run the last statement every few seconds"},
    {"x", do_expanded, "print one column a line, on or off"},
};

static bool do_help(struct shell *s, const char *args)
{
    (void)args;
    for (size_t i = 0; i < ARRAY_LEN(metas); i++)
        fprintf(s->out, "  \\%-10s %s\n", metas[i].name, metas[i].text);
    return true;
}

bool meta_run(struct shell *s, const char *command)
{
    size_t n = strcspn(command, " \t");

    for (size_t i = 0; i < ARRAY_LEN(metas); i++) {
        if (strlen(metas[i].name) == n && memcmp(metas[i].name, command, n) == 0)
            return metas[i].run(s, command + n);
    }
    shell_error(s, "unknown command \\%.*s; \\? lists them", (int)n, command);
    if (s->stop_on_error)
        s->exit = CLI_FAILED;
    return !s->stop_on_error;
}
