/* Commands that describe objects: queries of pg_catalog, laid out as psql lays them out; and the
 * nodes and ranges, of which the control plane knows. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "client/cli.h"
#include "control.h"
#include "shell.h"

/* ---- patterns ----------------------------------------------------------------------------------
 */

/* "sch*.na?e": each part in the form of LIKE, letters in lower case outside of double quotes. */
struct pattern {
    struct buf schema, name;
    bool       has_schema, given;
};

static void put_pattern_char(struct buf *out, char c, bool quoted)
{
    if (!quoted && (c == '*' || c == '?')) {
        buf_put_u8(out, c == '*' ? '%' : '_');
        return;
    }
    if (c == '%' || c == '_' || c == '\\')
        buf_put_u8(out, '\\');
    buf_put_u8(out, (uint8_t)(quoted ? c : (char)tolower((unsigned char)c)));
}

static void pattern_init(struct pattern *p, const char *text)
{
    bool quoted = false;

    *p = (struct pattern){.given = text != NULL};
    buf_init(&p->schema, NULL);
    buf_init(&p->name, NULL);
    for (const char *at = text; at != NULL && *at != '\0'; at++) {
        if (*at == '"') {
            quoted = !quoted;
        } else if (*at == '.' && !quoted && !p->has_schema) {
            p->has_schema = true;
            p->schema = p->name;
            buf_init(&p->name, NULL);
        } else if (*at != ';' || quoted) { /* psql takes "\d name;" too */
            put_pattern_char(&p->name, *at, quoted);
        }
    }
}

static void pattern_deinit(struct pattern *p)
{
    buf_deinit(&p->schema);
    buf_deinit(&p->name);
}

static void put_like(struct shell *s, struct buf *sql, const char *column, struct buf *pattern)
{
    char *quoted = PQescapeLiteral(s->conn, buf_cstr(pattern), strlen(buf_cstr(pattern)));

    buf_printf(sql, " AND %s LIKE %s", column, quoted);
    PQfreemem(quoted);
}

/* What the pattern asks of a schema and a name; without a schema, of what the search path sees. */
static void put_pattern(struct shell *s, struct buf *sql, struct pattern *p, const char *schema,
                        const char *name, const char *visible)
{
    if (p->given)
        put_like(s, sql, name, &p->name);
    if (p->has_schema && schema != NULL)
        put_like(s, sql, schema, &p->schema);
    else if (visible != NULL)
        buf_printf(sql, " AND %s", visible);
}

/* Print a result with a title and lines below it. */
static void show_titled(struct shell *s, PGresult *r, const char *title, const char *footers)
{
    struct printing before = s->print;

    s->print.style.title = title;
    s->print.expanded = s->print.expanded == TOGGLE_AUTO ? TOGGLE_OFF : s->print.expanded;
    if (footers != NULL) {
        s->print.style.uncounted = true;
        s->print.style.footers = footers;
    }
    print_result(s, r);
    s->print = before;
}

/* ---- lists -------------------------------------------------------------------------------------
 */

/* A list of one kind. `from`, `schema`, `name` and `visible` say where the pattern applies. */
static const struct listing {
    const char *command, *title, *select, *schema, *name, *visible, *hidden, *order;
} lists[] = {
    {"df", "List of functions",
     "SELECT n.nspname AS \"Schema\", p.proname AS \"Name\", "
     "pg_catalog.pg_get_function_result(p.oid) AS \"Result data type\", "
     "pg_catalog.pg_get_function_arguments(p.oid) AS \"Argument data types\", "
     "CASE p.prokind WHEN 'a' THEN 'agg' WHEN 'w' THEN 'window' WHEN 'p' THEN 'proc' ELSE 'func' "
     "END AS \"Type\" FROM pg_catalog.pg_proc p "
     "JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace WHERE true",
     "n.nspname", "p.proname", "pg_catalog.pg_function_is_visible(p.oid)",
     "n.nspname <> 'pg_catalog' AND n.nspname <> 'information_schema'", "1, 2, 4"},
    {"dT", "List of data types",
     "SELECT n.nspname AS \"Schema\", pg_catalog.format_type(t.oid, NULL) AS \"Name\" "
     "FROM pg_catalog.pg_type t JOIN pg_catalog.pg_namespace n ON n.oid = t.typnamespace "
     "WHERE t.typrelid = 0 AND t.typelem = 0",
     "n.nspname", "t.typname", NULL,
     "n.nspname <> 'pg_catalog' AND n.nspname <> 'information_schema'", "1, 2"},
    {"dn", "List of schemas",
     "SELECT n.nspname AS \"Name\", pg_catalog.pg_get_userbyid(n.nspowner) AS \"Owner\" "
     "FROM pg_catalog.pg_namespace n WHERE true",
     NULL, "n.nspname", NULL, "n.nspname NOT LIKE 'pg\\_%' AND n.nspname <> 'information_schema'",
     "1"},
    {"du", "List of roles",
     "SELECT r.rolname AS \"Role name\", CASE WHEN r.rolsuper THEN 'Superuser' ELSE '' END || "
     "CASE WHEN r.rolcanlogin THEN '' WHEN r.rolsuper THEN ', Cannot login' ELSE 'Cannot login' "
     "END AS \"Attributes\" FROM pg_catalog.pg_roles r WHERE true",
     NULL, "r.rolname", NULL, "r.rolname NOT LIKE 'pg\\_%'", "1"},
    {"l", "List of databases",
     "SELECT d.datname AS \"Name\", pg_catalog.pg_get_userbyid(d.datdba) AS \"Owner\", "
     "pg_catalog.pg_encoding_to_char(d.encoding) AS \"Encoding\", d.datcollate AS \"Collate\", "
     "d.datctype AS \"Ctype\" FROM pg_catalog.pg_database d WHERE true",
     NULL, "d.datname", NULL, NULL, "1"},
};

static bool run_list(struct shell *s, const struct listing *l, const char *text, bool system)
{
    struct pattern p;
    struct buf     sql;
    PGresult      *r;

    pattern_init(&p, text);
    buf_init(&sql, NULL);
    buf_append_cstr(&sql, l->select);
    put_pattern(s, &sql, &p, l->schema, l->name, l->visible);
    if (!p.given && !system && l->hidden != NULL)
        buf_printf(&sql, " AND %s", l->hidden);
    buf_printf(&sql, " ORDER BY %s", l->order);
    r = shell_query(s, buf_cstr(&sql));
    if (r != NULL)
        show_titled(s, r, l->title, NULL);
    pattern_deinit(&p);
    buf_deinit(&sql);
    PQclear(r);
    return r != NULL || !s->stop_on_error;
}

/* The letters behind \d: which kinds of relations. */
static void put_kinds(struct buf *sql, const char *letters)
{
    static const struct {
        char        letter;
        const char *kinds;
    } kinds[] = {{'t', "'r','p'"}, {'v', "'v'"}, {'i', "'i'"}, {'s', "'S'"}, {'m', "'m'"}};
    const char *between = "";

    for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
        if (letters[0] != '\0' ? strchr(letters, kinds[i].letter) != NULL
                               : kinds[i].letter != 'i') {
            buf_printf(sql, "%s%s", between, kinds[i].kinds);
            between = ",";
        }
    }
}

static bool list_relations(struct shell *s, const char *letters, const char *text, bool system)
{
    struct pattern p;
    struct buf     sql;
    PGresult      *r;
    bool           indexes = strchr(letters, 'i') != NULL;

    pattern_init(&p, text);
    buf_init(&sql, NULL);
    buf_printf(&sql,
               "SELECT n.nspname AS \"Schema\", c.relname AS \"Name\", CASE c.relkind "
               "WHEN 'r' THEN 'table' WHEN 'p' THEN 'partitioned table' WHEN 'v' THEN 'view' "
               "WHEN 'i' THEN 'index' WHEN 'S' THEN 'sequence' END AS \"Type\", "
               "pg_catalog.pg_get_userbyid(c.relowner) AS \"Owner\"%s "
               "FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n "
               "ON n.oid = c.relnamespace %s WHERE c.relkind IN (",
               indexes ? ", c2.relname AS \"Table\"" : "",
               indexes ? "LEFT JOIN pg_catalog.pg_index i ON i.indexrelid = c.oid "
                         "LEFT JOIN pg_catalog.pg_class c2 ON c2.oid = i.indrelid"
                       : "");
    put_kinds(&sql, letters);
    buf_append_cstr(&sql, ")");
    put_pattern(s, &sql, &p, "n.nspname", "c.relname", "pg_catalog.pg_table_is_visible(c.oid)");
    if (!p.given && !system)
        buf_append_cstr(&sql, " AND n.nspname <> 'pg_catalog' AND n.nspname !~ '^pg_toast' "
                              "AND n.nspname <> 'information_schema'");
    buf_append_cstr(&sql, " ORDER BY 1, 2");
    r = shell_query(s, buf_cstr(&sql));
    if (r != NULL && PQntuples(r) == 0 && p.given)
        shell_error(s, "Did not find any relation named \"%s\".", text);
    else if (r != NULL && PQntuples(r) == 0 && s->print.style.format == TABLE_FORMAT_TABLE)
        shell_error(s, "Did not find any relations.");
    else if (r != NULL)
        show_titled(s, r, "List of relations", NULL);
    pattern_deinit(&p);
    buf_deinit(&sql);
    PQclear(r);
    return r != NULL || !s->stop_on_error;
}

/* \dt, \dvs, \dn+, \dfS ...: a kind, or letters of several kinds of relations, then S and +. */
bool do_list(struct shell *s, const char *name, const char **args)
{
    char  *pattern = word_next_sql(s, args), command[16];
    size_t n = strlen(name);
    bool   system = false, go_on = true, found = false;

    while (n > 1 && (name[n - 1] == '+' || name[n - 1] == 'S')) {
        system = system || name[n - 1] == 'S';
        n--;
    }
    snprintf(command, sizeof command, "%.*s", (int)n, name);
    if (strcmp(command, "dg") == 0)
        strcpy(command, "du");
    for (size_t i = 0; i < ARRAY_LEN(lists) && !found; i++) {
        found = strcmp(lists[i].command, command) == 0;
        if (found)
            go_on = run_list(s, &lists[i], pattern, system);
    }
    if (!found && command[1 + strspn(command + 1, "tvism")] == '\0')
        go_on = list_relations(s, command + 1, pattern, system);
    else if (!found)
        go_on = shell_failed(s, "unknown command \\%s; \\? lists them", name);
    free(pattern);
    return go_on;
}

/* ---- one relation ------------------------------------------------------------------------------
 */

/* A heading and a line for each row of a query that asks about the relation `oid`. */
static void put_section(struct shell *s, struct buf *out, const char *heading, const char *oid,
                        const char *query)
{
    struct buf sql;
    PGresult  *r;

    buf_init(&sql, NULL);
    for (const char *p = query; *p != '\0'; p++) {
        if (*p == '@')
            buf_append_cstr(&sql, oid);
        else
            buf_put_u8(&sql, (uint8_t)*p);
    }
    r = shell_query(s, buf_cstr(&sql));
    if (r != NULL && PQntuples(r) > 0) {
        buf_printf(out, "%s:\n", heading);
        for (int i = 0; i < PQntuples(r); i++)
            buf_printf(out, "%s\n", PQgetvalue(r, i, 0));
    }
    PQclear(r);
    buf_deinit(&sql);
}

static const struct {
    const char *heading, *query;
} sections[] = {
    {"Indexes",
     "SELECT '    \"' || c.relname || '\"' || CASE WHEN i.indisprimary THEN ' PRIMARY KEY,' "
     "WHEN i.indisunique AND k.oid IS NOT NULL THEN ' UNIQUE CONSTRAINT,' "
     "WHEN i.indisunique THEN ' UNIQUE,' ELSE '' END || "
     "substr(pg_catalog.pg_get_indexdef(i.indexrelid), "
     "strpos(pg_catalog.pg_get_indexdef(i.indexrelid), ' USING ') + 6) "
     "FROM pg_catalog.pg_index i JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid "
     "LEFT JOIN pg_catalog.pg_constraint k ON k.conindid = i.indexrelid "
     "AND k.contype IN ('p', 'u') WHERE i.indrelid = @ "
     "ORDER BY i.indisprimary DESC, c.relname"},
    {"Check constraints",
     "SELECT '    \"' || conname || '\" ' || pg_catalog.pg_get_constraintdef(oid, true) "
     "FROM pg_catalog.pg_constraint WHERE conrelid = @ AND contype = 'c' ORDER BY conname"},
    {"Foreign-key constraints",
     "SELECT '    \"' || conname || '\" ' || pg_catalog.pg_get_constraintdef(oid, true) "
     "FROM pg_catalog.pg_constraint WHERE conrelid = @ AND contype = 'f' ORDER BY conname"},
    {"Referenced by",
     "SELECT '    TABLE \"' || c.relname || '\" CONSTRAINT \"' || k.conname || '\" ' || "
     "pg_catalog.pg_get_constraintdef(k.oid, true) FROM pg_catalog.pg_constraint k "
     "JOIN pg_catalog.pg_class c ON c.oid = k.conrelid "
     "WHERE k.confrelid = @ AND k.contype = 'f' ORDER BY c.relname, k.conname"},
};

static const char columns_query[] =
    "SELECT a.attname AS \"Column\", pg_catalog.format_type(a.atttypid, a.atttypmod) AS \"Type\", "
    "'' AS \"Collation\", CASE WHEN a.attnotnull THEN 'not null' ELSE '' END AS \"Nullable\", "
    "CASE WHEN a.attidentity = 'a' THEN 'generated always as identity' "
    "WHEN a.attidentity = 'd' THEN 'generated by default as identity' "
    "WHEN a.attgenerated = 's' THEN 'generated always as (' || "
    "pg_catalog.pg_get_expr(d.adbin, d.adrelid) || ') stored' "
    "ELSE coalesce(pg_catalog.pg_get_expr(d.adbin, d.adrelid, true), '') END AS \"Default\" "
    "FROM pg_catalog.pg_attribute a LEFT JOIN pg_catalog.pg_attrdef d "
    "ON d.adrelid = a.attrelid AND d.adnum = a.attnum "
    "WHERE a.attrelid = %s AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum";

static const char *kind_name(char kind)
{
    switch (kind) {
    case 'v':
        return "View";
    case 'i':
        return "Index";
    case 'S':
        return "Sequence";
    default:
        return "Table";
    }
}

static bool describe_relation(struct shell *s, const char *oid, const char *schema,
                              const char *name, char kind, bool verbose)
{
    struct buf sql, title, footers;
    PGresult  *r;

    buf_init(&sql, NULL);
    buf_init(&title, NULL);
    buf_init(&footers, NULL);
    buf_printf(&title, "%s \"%s.%s\"", kind_name(kind), schema, name);
    buf_printf(&sql, columns_query, oid);
    r = shell_query(s, buf_cstr(&sql));
    for (size_t i = 0; i < ARRAY_LEN(sections) && r != NULL && kind == 'r'; i++)
        put_section(s, &footers, sections[i].heading, oid, sections[i].query);
    if (kind == 'v' && verbose)
        put_section(s, &footers, "View definition", oid,
                    "SELECT pg_catalog.pg_get_viewdef(@, true)");
    if (kind == 'i')
        put_section(s, &footers, "Definition", oid,
                    "SELECT '    ' || pg_catalog.pg_get_indexdef(@)");
    if (r != NULL)
        show_titled(s, r, buf_cstr(&title), buf_cstr(&footers));
    buf_deinit(&sql);
    buf_deinit(&title);
    buf_deinit(&footers);
    PQclear(r);
    return r != NULL;
}

/* \d NAME: every relation of that name; \d alone lists them. */
bool do_describe(struct shell *s, const char *name, const char **args)
{
    char          *text = word_next_sql(s, args);
    struct pattern p;
    struct buf     sql;
    PGresult      *r;
    bool           good = true;

    if (text == NULL)
        return list_relations(s, "", NULL, strchr(name, 'S') != NULL);
    pattern_init(&p, text);
    buf_init(&sql, NULL);
    buf_append_cstr(&sql, "SELECT c.oid, n.nspname, c.relname, c.relkind "
                          "FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n "
                          "ON n.oid = c.relnamespace WHERE true");
    put_pattern(s, &sql, &p, "n.nspname", "c.relname", "pg_catalog.pg_table_is_visible(c.oid)");
    buf_append_cstr(&sql, " ORDER BY 2, 3");
    r = shell_query(s, buf_cstr(&sql));
    good = r != NULL && PQntuples(r) > 0;
    if (r != NULL && !good)
        shell_error(s, "Did not find any relation named \"%s\".", text);
    for (int i = 0; good && i < PQntuples(r); i++)
        good = describe_relation(s, PQgetvalue(r, i, 0), PQgetvalue(r, i, 1), PQgetvalue(r, i, 2),
                                 PQgetvalue(r, i, 3)[0], strchr(name, '+') != NULL);
    PQclear(r);
    buf_deinit(&sql);
    pattern_deinit(&p);
    free(text);
    if (!good && s->stop_on_error)
        s->exit = CLI_FAILED;
    return good || !s->stop_on_error;
}

/* ---- nodes and ranges --------------------------------------------------------------------------
 */

bool do_nodes(struct shell *s, const char *name, const char **args)
{
    static const struct control_column columns[] = {
        {"Node", "id"},   {"State", "state"}, {"SQL", "sql"},
        {"HTTP", "http"}, {"Store", "store"}, {"Uptime (us)", "uptime_us"}};
    PGresult *r = control_list(s, "/api/v1/cluster", "nodes", columns, ARRAY_LEN(columns));

    (void)name, (void)args;
    if (r != NULL)
        show_titled(s, r, "Nodes", NULL);
    PQclear(r);
    if (r == NULL && s->stop_on_error)
        s->exit = CLI_FAILED;
    return r != NULL || !s->stop_on_error;
}

/* The ranges' list of one table. NULL: said why. */
static char *table_argument(struct shell *s, const char *table)
{
    char      *quoted = PQescapeLiteral(s->conn, table, strlen(table)), *text = NULL;
    struct buf sql;
    PGresult  *r;

    buf_init(&sql, NULL);
    buf_printf(&sql, "SELECT %s::regclass::oid", quoted);
    r = shell_query(s, buf_cstr(&sql));
    if (r != NULL && PQntuples(r) == 1) {
        buf_reset(&sql);
        buf_printf(&sql, "/api/v1/ranges?table=%s", PQgetvalue(r, 0, 0));
        text = strdup(buf_cstr(&sql));
    }
    PQclear(r);
    buf_deinit(&sql);
    PQfreemem(quoted);
    return text;
}

bool do_ranges(struct shell *s, const char *name, const char **args)
{
    static const struct control_column columns[] = {{"Range", "id"},
                                                    {"From", "start_key"},
                                                    {"To", "end_key"},
                                                    {"Leaseholder", "leaseholder"},
                                                    {"Replicas", "replicas"}};
    char                              *table = word_next_sql(s, args);
    char     *path = table != NULL ? table_argument(s, table) : strdup("/api/v1/ranges");
    PGresult *r =
        path != NULL ? control_list(s, path, "ranges", columns, ARRAY_LEN(columns)) : NULL;

    (void)name;
    if (r != NULL)
        show_titled(s, r, "Ranges", NULL);
    PQclear(r);
    free(path);
    free(table);
    if (r == NULL && s->stop_on_error)
        s->exit = CLI_FAILED;
    return r != NULL || !s->stop_on_error;
}
