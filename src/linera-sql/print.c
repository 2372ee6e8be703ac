/* Results in each --format. Widths count characters on the screen, not bytes. */
#include <cjson/cJSON.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>

#include "shell.h"

bool format_parse(const char *name, enum format *out)
{
    static const char *const names[] = {"table",  "csv",      "tsv",     "json",
                                        "ndjson", "markdown", "vertical"};

    for (int i = 0; i < (int)ARRAY_LEN(names); i++) {
        if (strcmp(names[i], name) == 0) {
            *out = (enum format)i;
            return true;
        }
    }
    return false;
}

/* Columns on a terminal of UTF-8 text. */
static int display_width(const char *text)
{
    int       width = 0;
    mbstate_t state = {0};

    while (*text != '\0') {
        wchar_t c;
        size_t  n = mbrtowc(&c, text, strlen(text), &state);
        int     w;

        if (n == (size_t)-1 || n == (size_t)-2) { /* not UTF-8: count the byte */
            memset(&state, 0, sizeof state);
            width++;
            text++;
            continue;
        }
        w = wcwidth(c);
        width += w > 0 ? w : 0;
        text += n;
    }
    return width;
}

static bool is_numeric(Oid type)
{
    return type == 20 || type == 21 || type == 23 || type == 26 || type == 700 || type == 701 ||
           type == 1700;
}

static const char *cell(const PGresult *r, int row, int column)
{
    return PQgetisnull(r, row, column) ? "" : PQgetvalue(r, row, column);
}

static void pad(FILE *out, int n)
{
    fprintf(out, "%*s", n > 0 ? n : 0, "");
}

static void print_table(struct shell *s, const PGresult *r)
{
    int  columns = PQnfields(r), rows = PQntuples(r);
    int *widths = calloc((size_t)columns + 1, sizeof *widths);

    if (widths == NULL)
        return;
    for (int c = 0; c < columns; c++) {
        widths[c] = s->tuples_only ? 0 : display_width(PQfname(r, c));
        for (int i = 0; i < rows; i++)
            widths[c] = MAX(widths[c], display_width(cell(r, i, c)));
    }
    for (int c = 0; c < columns && !s->tuples_only; c++) {
        int left = (widths[c] - display_width(PQfname(r, c))) / 2;

        fprintf(s->out, "%s ", c > 0 ? "|" : "");
        pad(s->out, left);
        fputs(PQfname(r, c), s->out);
        pad(s->out, widths[c] - left - display_width(PQfname(r, c)) + 1);
    }
    if (!s->tuples_only) {
        fputc('\n', s->out);
        for (int c = 0; c < columns; c++) {
            fputs(c > 0 ? "+" : "", s->out);
            for (int i = 0; i < widths[c] + 2; i++)
                fputc('-', s->out);
        }
        fputc('\n', s->out);
    }
    for (int i = 0; i < rows; i++) {
        for (int c = 0; c < columns; c++) {
            const char *text = cell(r, i, c);
            int         space = widths[c] - display_width(text);

            fprintf(s->out, "%s ", c > 0 ? "|" : "");
            if (is_numeric(PQftype(r, c)))
                pad(s->out, space);
            fputs(text, s->out);
            if (!is_numeric(PQftype(r, c)) && c + 1 < columns)
                pad(s->out, space);
            if (c + 1 < columns)
                fputc(' ', s->out);
        }
        fputc('\n', s->out);
    }
    if (!s->tuples_only)
        fprintf(s->out, "(%d row%s)\n\n", rows, rows == 1 ? "" : "s");
    free(widths);
}

static void print_vertical(struct shell *s, const PGresult *r)
{
    int width = 0;

    for (int c = 0; c < PQnfields(r); c++)
        width = MAX(width, display_width(PQfname(r, c)));
    for (int i = 0; i < PQntuples(r); i++) {
        fprintf(s->out, "-[ RECORD %d ]\n", i + 1);
        for (int c = 0; c < PQnfields(r); c++) {
            fputs(PQfname(r, c), s->out);
            pad(s->out, width - display_width(PQfname(r, c)));
            fprintf(s->out, " | %s\n", cell(r, i, c));
        }
    }
    fputc('\n', s->out);
}

static void put_csv(FILE *out, const char *text)
{
    if (strpbrk(text, ",\"\r\n") == NULL) {
        fputs(text, out);
        return;
    }
    fputc('"', out);
    for (; *text != '\0'; text++) {
        if (*text == '"')
            fputc('"', out);
        fputc(*text, out);
    }
    fputc('"', out);
}

/* Tabs, line ends and backslashes as COPY writes them, nulls as \N. */
static void put_tsv(FILE *out, const char *text)
{
    for (; *text != '\0'; text++) {
        const char *found = strchr("\t\n\r\\", *text);

        if (found != NULL)
            fprintf(out, "\\%c", "tnr\\"[found - "\t\n\r\\"]);
        else
            fputc(*text, out);
    }
}

static void put_markdown(FILE *out, const char *text)
{
    for (; *text != '\0'; text++) {
        if (*text == '|')
            fputc('\\', out);
        fputc(*text == '\n' ? ' ' : *text, out);
    }
}

static void print_lines(struct shell *s, const PGresult *r)
{
    bool        markdown = s->format == FORMAT_MARKDOWN, csv = s->format == FORMAT_CSV;
    const char *begin = markdown ? "| " : "",
               *between = markdown ? " | "
                          : csv    ? ","
                                   : "\t",
               *end = markdown ? " |\n" : "\n";
    void (*put)(FILE *, const char *) = markdown ? put_markdown : csv ? put_csv : put_tsv;

    for (int i = s->header && !s->tuples_only ? -1 : 0; i < PQntuples(r); i++) {
        fputs(begin, s->out);
        for (int c = 0; c < PQnfields(r); c++) {
            fputs(c > 0 ? between : "", s->out);
            if (i >= 0 && PQgetisnull(r, i, c))
                fputs(s->format == FORMAT_TSV ? "\\N" : "", s->out);
            else
                put(s->out, i < 0 ? PQfname(r, c) : PQgetvalue(r, i, c));
        }
        fputs(end, s->out);
        if (i < 0 && markdown) {
            for (int c = 0; c < PQnfields(r); c++)
                fputs(c > 0 ? "---|" : "|---|", s->out);
            fputc('\n', s->out);
        }
    }
}

static cJSON *json_value(const PGresult *r, int row, int column)
{
    if (PQgetisnull(r, row, column))
        return cJSON_CreateNull();
    if (PQftype(r, column) == 16)
        return cJSON_CreateBool(PQgetvalue(r, row, column)[0] == 't');
    if (is_numeric(PQftype(r, column)) &&
        strpbrk(PQgetvalue(r, row, column), "NI") == NULL) /* exact digits; NaN is a text */
        return cJSON_CreateRaw(PQgetvalue(r, row, column));
    return cJSON_CreateString(PQgetvalue(r, row, column));
}

static void print_json(struct shell *s, const PGresult *r)
{
    cJSON *document = cJSON_CreateObject(), *rows;
    char  *text;

    cJSON_AddNumberToObject(document, "version", 1);
    rows = cJSON_AddArrayToObject(document, "rows");
    for (int i = 0; i < PQntuples(r); i++) {
        cJSON *row = cJSON_CreateObject();

        for (int c = 0; c < PQnfields(r); c++)
            cJSON_AddItemToObject(row, PQfname(r, c), json_value(r, i, c));
        if (s->format == FORMAT_NDJSON) {
            text = cJSON_PrintUnformatted(row);
            fprintf(s->out, "%s\n", text);
            cJSON_free(text);
            cJSON_Delete(row);
        } else {
            cJSON_AddItemToArray(rows, row);
        }
    }
    if (s->format == FORMAT_JSON) {
        text = cJSON_PrintUnformatted(document);
        fprintf(s->out, "%s\n", text);
        cJSON_free(text);
    }
    cJSON_Delete(document);
}

void print_result(struct shell *s, PGresult *r)
{
    if (s->expanded && s->format == FORMAT_TABLE) {
        print_vertical(s, r);
        return;
    }
    switch (s->format) {
    case FORMAT_TABLE:
        print_table(s, r);
        break;
    case FORMAT_VERTICAL:
        print_vertical(s, r);
        break;
    case FORMAT_JSON:
    case FORMAT_NDJSON:
        print_json(s, r);
        break;
    default:
        print_lines(s, r);
        break;
    }
}
