#include "client/table.h"

#include <cjson/cJSON.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>

#include "base/compiler.h"

bool table_format_parse(const char *name, enum table_format *out)
{
    static const char *const names[] = {"table",  "csv",      "tsv",     "json",
                                        "ndjson", "markdown", "vertical"};

    for (int i = 0; i < (int)ARRAY_LEN(names); i++) {
        if (strcmp(names[i], name) == 0) {
            *out = (enum table_format)i;
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

static const char *cell(const struct table *t, int row, int column)
{
    const char *text = t->cell(t->source, row, column);

    return text != NULL ? text : "";
}

static bool is_number(const struct table *t, int column)
{
    return t->kind(t->source, column) == TABLE_NUMBER;
}

static void pad(FILE *out, int n)
{
    fprintf(out, "%*s", n > 0 ? n : 0, "");
}

/* The line of names, each in the middle of its column, and the rule below. */
static void print_names(const struct table *t, const int *widths, FILE *out)
{
    for (int c = 0; c < t->columns; c++) {
        const char *name = t->name(t->source, c);
        int         space = widths[c] - display_width(name);

        fprintf(out, "%s ", c > 0 ? "|" : "");
        pad(out, space / 2);
        fputs(name, out);
        pad(out, space - space / 2 + 1);
    }
    fputc('\n', out);
    for (int c = 0; c < t->columns; c++) {
        fputs(c > 0 ? "+" : "", out);
        for (int i = 0; i < widths[c] + 2; i++)
            fputc('-', out);
    }
    fputc('\n', out);
}

static void print_row(const struct table *t, int row, const int *widths, FILE *out)
{
    for (int c = 0; c < t->columns; c++) {
        const char *text = cell(t, row, c);
        int         space = widths[c] - display_width(text);
        bool        right = is_number(t, c);

        fprintf(out, "%s ", c > 0 ? "|" : "");
        pad(out, right ? space : 0);
        fputs(text, out);
        if (c + 1 < t->columns)
            pad(out, (right ? 0 : space) + 1);
    }
    fputc('\n', out);
}

static void print_table(const struct table *t, const struct table_style *s)
{
    int *widths = calloc((size_t)t->columns + 1, sizeof *widths);

    if (widths == NULL)
        return;
    for (int c = 0; c < t->columns; c++) {
        widths[c] = s->bare ? 0 : display_width(t->name(t->source, c));
        for (int i = 0; i < t->rows; i++)
            widths[c] = MAX(widths[c], display_width(cell(t, i, c)));
    }
    if (!s->bare)
        print_names(t, widths, s->out);
    for (int i = 0; i < t->rows; i++)
        print_row(t, i, widths, s->out);
    if (!s->bare)
        fprintf(s->out, "(%d row%s)\n\n", t->rows, t->rows == 1 ? "" : "s");
    free(widths);
}

static void print_vertical(const struct table *t, const struct table_style *s)
{
    int width = 0;

    for (int c = 0; c < t->columns; c++)
        width = MAX(width, display_width(t->name(t->source, c)));
    for (int i = 0; i < t->rows; i++) {
        fprintf(s->out, "-[ RECORD %d ]\n", i + 1);
        for (int c = 0; c < t->columns; c++) {
            fputs(t->name(t->source, c), s->out);
            pad(s->out, width - display_width(t->name(t->source, c)));
            fprintf(s->out, " | %s\n", cell(t, i, c));
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

static void print_lines(const struct table *t, const struct table_style *s)
{
    bool        markdown = s->format == TABLE_FORMAT_MARKDOWN, csv = s->format == TABLE_FORMAT_CSV;
    const char *begin = markdown ? "| " : "",
               *between = markdown ? " | "
                          : csv    ? ","
                                   : "\t",
               *end = markdown ? " |\n" : "\n";
    void (*put)(FILE *, const char *) = markdown ? put_markdown : csv ? put_csv : put_tsv;

    for (int i = s->header && !s->bare ? -1 : 0; i < t->rows; i++) {
        fputs(begin, s->out);
        for (int c = 0; c < t->columns; c++) {
            fputs(c > 0 ? between : "", s->out);
            if (i >= 0 && t->cell(t->source, i, c) == NULL)
                fputs(s->format == TABLE_FORMAT_TSV ? "\\N" : "", s->out);
            else
                put(s->out, i < 0 ? t->name(t->source, c) : cell(t, i, c));
        }
        fputs(end, s->out);
        if (i < 0 && markdown) {
            for (int c = 0; c < t->columns; c++)
                fputs(c > 0 ? "---|" : "|---|", s->out);
            fputc('\n', s->out);
        }
    }
}

static cJSON *json_value(const struct table *t, int row, int column)
{
    const char *text = t->cell(t->source, row, column);

    if (text == NULL)
        return cJSON_CreateNull();
    switch (t->kind(t->source, column)) {
    case TABLE_BOOLEAN:
        return cJSON_CreateBool(text[0] == 't');
    case TABLE_NUMBER:
        if (strpbrk(text, "NI") == NULL)
            return cJSON_CreateRaw(text); /* exact digits; NaN and Infinity are texts */
        break;
    case TABLE_TEXT:
        break;
    }
    return cJSON_CreateString(text);
}

static void print_json(const struct table *t, const struct table_style *s)
{
    cJSON *document = cJSON_CreateObject(), *rows;
    char  *text;

    cJSON_AddNumberToObject(document, "version", 1);
    rows = cJSON_AddArrayToObject(document, "rows");
    for (int i = 0; i < t->rows; i++) {
        cJSON *row = cJSON_CreateObject();

        for (int c = 0; c < t->columns; c++)
            cJSON_AddItemToObject(row, t->name(t->source, c), json_value(t, i, c));
        if (s->format == TABLE_FORMAT_NDJSON) {
            text = cJSON_PrintUnformatted(row);
            fprintf(s->out, "%s\n", text);
            cJSON_free(text);
            cJSON_Delete(row);
        } else {
            cJSON_AddItemToArray(rows, row);
        }
    }
    if (s->format == TABLE_FORMAT_JSON) {
        text = cJSON_PrintUnformatted(document);
        fprintf(s->out, "%s\n", text);
        cJSON_free(text);
    }
    cJSON_Delete(document);
}

void table_print(const struct table *t, const struct table_style *style)
{
    switch (style->format) {
    case TABLE_FORMAT_TABLE:
        print_table(t, style);
        break;
    case TABLE_FORMAT_VERTICAL:
        print_vertical(t, style);
        break;
    case TABLE_FORMAT_JSON:
    case TABLE_FORMAT_NDJSON:
        print_json(t, style);
        break;
    default:
        print_lines(t, style);
        break;
    }
}
