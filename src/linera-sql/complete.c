/* What the Tab key offers: commands behind a backslash, names of the catalogue by what stands
 * before them, keywords otherwise. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <readline/readline.h>

#include "shell.h"

static const char *const keywords[] = {
    "ABORT",      "ADD",        "ALL",       "ALTER",     "ANALYZE", "AND",      "ANY",
    "AS",         "ASC",        "BEGIN",     "BETWEEN",   "BY",      "CASCADE",  "CASE",
    "CAST",       "CHECK",      "CLOSE",     "COLUMN",    "COMMENT", "COMMIT",   "CONFLICT",
    "CONSTRAINT", "COPY",       "CREATE",    "CROSS",     "CURSOR",  "DATABASE", "DEALLOCATE",
    "DECLARE",    "DEFAULT",    "DELETE",    "DESC",      "DISCARD", "DISTINCT", "DO",
    "DROP",       "ELSE",       "END",       "EXCEPT",    "EXECUTE", "EXISTS",   "EXPLAIN",
    "FALSE",      "FETCH",      "FOR",       "FOREIGN",   "FROM",    "FULL",     "GROUP",
    "HAVING",     "ILIKE",      "IN",        "INDEX",     "INNER",   "INSERT",   "INTERSECT",
    "INTO",       "IS",         "ISOLATION", "JOIN",      "KEY",     "LEFT",     "LEVEL",
    "LIKE",       "LIMIT",      "LOCK",      "NATURAL",   "NOT",     "NOTHING",  "NULL",
    "NULLS",      "OFFSET",     "ON",        "OR",        "ORDER",   "OUTER",    "PREPARE",
    "PRIMARY",    "REFERENCES", "REINDEX",   "RELEASE",   "RENAME",  "RESET",    "RETURNING",
    "RIGHT",      "ROLE",       "ROLLBACK",  "SAVEPOINT", "SCHEMA",  "SELECT",   "SEQUENCE",
    "SET",        "SHOW",       "START",     "TABLE",     "THEN",    "TO",       "TRANSACTION",
    "TRUE",       "TRUNCATE",   "UNION",     "UNIQUE",    "UPDATE",  "USING",    "VACUUM",
    "VALUES",     "VIEW",       "WHEN",      "WHERE",     "WITH",
};

/* The list that readline wants: first what all begin with, then each, then NULL. */
struct matches {
    char **items;
    int    count;
};

static void add(struct matches *m, const char *text)
{
    char **items = realloc(m->items, ((size_t)m->count + 3) * sizeof *items);

    if (items == NULL)
        abort();
    m->items = items;
    m->items[1 + m->count++] = strdup(text);
}

static char **finish(struct matches *m)
{
    size_t common;

    if (m->count == 0) {
        free(m->items);
        return NULL;
    }
    m->items[m->count + 1] = NULL;
    common = strlen(m->items[1]);
    for (int i = 2; i <= m->count; i++) {
        size_t n = 0;

        while (n < common && m->items[i][n] == m->items[1][n])
            n++;
        common = n;
    }
    m->items[0] = strndup(m->items[1], common);
    if (m->count == 1) { /* readline takes a list of one as its first */
        free(m->items[1]);
        m->items[1] = NULL;
    }
    return m->items;
}

/* In the case that is being typed. */
static void add_keywords(struct matches *m, const char *text)
{
    bool lower = text[0] != '\0' && islower((unsigned char)text[0]);

    for (size_t i = 0; i < ARRAY_LEN(keywords); i++) {
        char word[32];

        if (strncasecmp(keywords[i], text, strlen(text)) != 0)
            continue;
        snprintf(word, sizeof word, "%s", keywords[i]);
        for (char *p = word; lower && *p != '\0'; p++)
            *p = (char)tolower((unsigned char)*p);
        add(m, word);
    }
}

static void add_commands(struct matches *m, const char *text)
{
    const char *name;

    for (size_t i = 0; (name = meta_name(i)) != NULL; i++) {
        char command[40];

        snprintf(command, sizeof command, "\\%s", name);
        if (strncmp(command, text, strlen(text)) == 0)
            add(m, command);
    }
}

/* ---- names of the catalogue --------------------------------------------------------------------
 */

/* Names that begin with `text`, by a query with @ for it; a failed transaction can ask nothing. */
static void add_names(struct shell *s, struct matches *m, const char *query, const char *text)
{
    char      *quoted = PQescapeLiteral(s->conn, text, strlen(text));
    struct buf sql;
    PGresult  *r;

    if (quoted == NULL || PQtransactionStatus(s->conn) == PQTRANS_INERROR ||
        PQstatus(s->conn) != CONNECTION_OK) {
        PQfreemem(quoted);
        return;
    }
    buf_init(&sql, NULL);
    for (const char *p = query; *p != '\0'; p++) {
        if (*p == '@')
            buf_append_cstr(&sql, quoted);
        else
            buf_put_u8(&sql, (uint8_t)*p);
    }
    buf_append_cstr(&sql, " ORDER BY 1 LIMIT 500");
    r = PQexec(s->conn, buf_cstr(&sql));
    for (int i = 0; PQresultStatus(r) == PGRES_TUPLES_OK && i < PQntuples(r); i++)
        add(m, PQgetvalue(r, i, 0));
    PQclear(r);
    buf_deinit(&sql);
    PQfreemem(quoted);
}

#define RELATIONS                                                                                  \
    "SELECT pg_catalog.quote_ident(relname) FROM pg_catalog.pg_class WHERE relkind IN ('r', 'v') " \
    "AND starts_with(pg_catalog.quote_ident(relname), @) AND pg_catalog.pg_table_is_visible(oid) " \
    "AND (relnamespace <> 11 OR starts_with(@, 'pg_'))"
#define SCHEMAS                                                                                    \
    " UNION SELECT nspname || '.' FROM pg_catalog.pg_namespace WHERE starts_with(nspname || '.', " \
    "@)"
#define RELATIONS_OF_SCHEMAS                                                                       \
    " UNION SELECT nspname || '.' || pg_catalog.quote_ident(relname) FROM pg_catalog.pg_class c "  \
    "JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE relkind IN ('r', 'v') AND "    \
    "starts_with(nspname || '.' || pg_catalog.quote_ident(relname), @)"
#define COLUMNS                                                                                    \
    "SELECT pg_catalog.quote_ident(attname) FROM pg_catalog.pg_attribute a JOIN "                  \
    "pg_catalog.pg_class c ON c.oid = a.attrelid WHERE attnum > 0 AND NOT attisdropped AND "       \
    "starts_with(pg_catalog.quote_ident(attname), @) AND pg_catalog.pg_table_is_visible(c.oid) "   \
    "AND c.relkind IN ('r', 'v')"

static bool is_name_byte(char c)
{
    return isalnum((unsigned char)c) || c == '_' || c == '"' || c == '.' || (unsigned char)c >= 128;
}

/* The word before `at`, in capitals; where it begins. */
static size_t word_before(const char *text, size_t at, char *word, size_t size)
{
    size_t end, n = 0;

    while (at > 0 && !is_name_byte(text[at - 1]) && text[at - 1] != '\\')
        at--;
    end = at;
    while (at > 0 && (is_name_byte(text[at - 1]) || text[at - 1] == '\\'))
        at--;
    for (size_t i = at; i < end && n + 1 < size; i++)
        word[n++] = (char)toupper((unsigned char)text[i]);
    word[n] = '\0';
    return at;
}

static bool is_one_of(const char *word, const char *const *list, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(list[i], word) == 0)
            return true;
    }
    return false;
}

/* The names that stand behind FROM, JOIN, UPDATE and INTO: their columns come first. */
static void put_tables(struct shell *s, const char *statement, struct buf *out)
{
    static const char *const before[] = {"FROM", "JOIN", "UPDATE", "INTO", "TABLE", ","};
    char                     word[128] = "", last[128] = "";

    for (const char *p = statement; *p != '\0';) {
        size_t n = 0;

        while (*p != '\0' && !is_name_byte(*p) && *p != ',')
            p++;
        if (*p == ',')
            word[n++] = *p++;
        else
            while (is_name_byte(*p) && n + 1 < sizeof word)
                word[n++] = *p++;
        while (n + 1 == sizeof word && is_name_byte(*p))
            p++;
        word[n] = '\0';
        if (n > 0 && is_one_of(last, before, ARRAY_LEN(before))) {
            const char *dot = strrchr(word, '.'), *name = dot != NULL ? dot + 1 : word;
            char       *quoted = PQescapeLiteral(s->conn, name, strlen(name));

            buf_printf(out, "%s%s", out->size > 0 ? "," : "", quoted);
            PQfreemem(quoted);
        }
        for (size_t i = 0; i <= n; i++)
            last[i] = (char)toupper((unsigned char)word[i]);
    }
}

static void add_columns(struct shell *s, struct matches *m, const char *statement, const char *text)
{
    const char *dot = strrchr(text, '.');
    struct buf  sql, tables;
    int         before = m->count;

    buf_init(&sql, NULL);
    buf_init(&tables, NULL);
    put_tables(s, statement, &tables);
    if (tables.size > 0) {
        buf_printf(&sql, "%s AND c.relname IN (%s)", COLUMNS, buf_cstr(&tables));
        add_names(s, m, buf_cstr(&sql), dot != NULL ? dot + 1 : text);
    } else if (text[0] != '\0') {
        add_names(s, m, COLUMNS, text);
    }
    for (int i = before + 1; dot != NULL && i <= m->count; i++) { /* alias.column stays so */
        buf_reset(&sql);
        buf_append(&sql, text, (size_t)(dot - text) + 1);
        buf_append_cstr(&sql, m->items[i]);
        free(m->items[i]);
        m->items[i] = strdup(buf_cstr(&sql));
    }
    buf_deinit(&sql);
    buf_deinit(&tables);
}

/* ---- where the cursor is -----------------------------------------------------------------------
 */

static void add_by_place(struct shell *s, struct matches *m, const char *statement,
                         const char *text)
{
    static const char *const tables[] = {"FROM",    "JOIN",  "INTO", "UPDATE",   "TABLE",
                                         "VIEW",    "\\D",   "\\DT", "TRUNCATE", "REFERENCES",
                                         "COPY",    "\\D+",  "\\DV", "\\COPY",   "\\RANGES",
                                         "ANALYZE", "VACUUM"};
    static const char *const settings[] = {"SHOW", "RESET"};
    char                     word[64], before[64];
    size_t                   at = word_before(statement, strlen(statement), word, sizeof word);

    word_before(statement, at, before, sizeof before);
    if (word[0] == '\0') {
        add_keywords(m, text);
        return;
    }
    if (is_one_of(word, tables, ARRAY_LEN(tables))) {
        add_names(s, m,
                  strchr(text, '.') != NULL ? RELATIONS RELATIONS_OF_SCHEMAS : RELATIONS SCHEMAS,
                  text);
    } else if (is_one_of(word, settings, ARRAY_LEN(settings)) ||
               (strcmp(word, "SET") == 0 && before[0] == '\0')) {
        add_names(s, m, "SELECT name FROM pg_catalog.pg_settings WHERE starts_with(name, @)", text);
        add_keywords(m, text);
    } else if (strcmp(word, "\\C") == 0 || strcmp(word, "DATABASE") == 0) {
        add_names(s, m,
                  "SELECT pg_catalog.quote_ident(datname) FROM pg_catalog.pg_database WHERE "
                  "starts_with(datname, @)",
                  text);
    } else {
        add_columns(s, m, statement, text);
        if (text[0] != '\0')
            add_names(s, m, RELATIONS, text);
        add_keywords(m, text);
    }
}

char **complete_line(struct shell *s, const char *line, const char *text, int start)
{
    struct matches m = {0};
    struct buf     statement;

    if (text[0] == '\\') {
        add_commands(&m, text);
        return finish(&m);
    }
    buf_init(&statement, NULL);
    buf_append(&statement, s->buffer.data, s->buffer.size);
    buf_append(&statement, line, (size_t)start);
    add_by_place(s, &m, buf_cstr(&statement), text);
    buf_deinit(&statement);
    return finish(&m);
}
