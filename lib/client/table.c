#include "client/table.h"

#include <cjson/cJSON.h>
#include <string.h>

#include "base/compiler.h"
#include "client/table_internal.h"

/* In the order of enum table_format. */
static const char *const format_names[] = {"table",    "csv",      "tsv",       "json", "ndjson",
                                           "markdown", "vertical", "unaligned", "html"};

bool table_format_parse(const char *name, enum table_format *out)
{
    for (int i = 0; i < (int)ARRAY_LEN(format_names); i++) {
        if (strcmp(format_names[i], name) == 0) {
            *out = (enum table_format)i;
            return true;
        }
    }
    return false;
}

const char *table_format_name(enum table_format f)
{
    return format_names[f];
}

const char *table_cell(const struct table *t, const struct table_style *s, int row, int column)
{
    const char *text = t->cell(t->source, row, column);

    return text != NULL ? text : s->null != NULL ? s->null : "";
}

/* ---- formats for programs ----------------------------------------------------------------------
 */

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

static void put_plain(FILE *out, const char *text)
{
    fputs(text, out);
}

static void put_html(FILE *out, const char *text)
{
    for (; *text != '\0'; text++) {
        if (*text == '<')
            fputs("&lt;", out);
        else if (*text == '>')
            fputs("&gt;", out);
        else if (*text == '&')
            fputs("&amp;", out);
        else if (*text == '\n')
            fputs("<br />\n", out);
        else
            fputc(*text, out);
    }
}

static void put_cell(const struct table *t, const struct table_style *s, int row, int column)
{
    FILE *out = s->out;

    switch (s->format) {
    case TABLE_FORMAT_CSV:
        put_csv(out, table_cell(t, s, row, column));
        break;
    case TABLE_FORMAT_TSV:
        if (t->cell(t->source, row, column) == NULL)
            fputs(s->null != NULL ? s->null : "\\N", out);
        else
            put_tsv(out, t->cell(t->source, row, column));
        break;
    case TABLE_FORMAT_MARKDOWN:
        put_markdown(out, table_cell(t, s, row, column));
        break;
    case TABLE_FORMAT_HTML:
        put_html(out, table_cell(t, s, row, column));
        break;
    default:
        put_plain(out, table_cell(t, s, row, column));
        break;
    }
}

static void put_name(const struct table_style *s, const char *name)
{
    FILE *out = s->out;

    switch (s->format) {
    case TABLE_FORMAT_CSV:
        put_csv(out, name);
        break;
    case TABLE_FORMAT_TSV:
        put_tsv(out, name);
        break;
    case TABLE_FORMAT_MARKDOWN:
        put_markdown(out, name);
        break;
    case TABLE_FORMAT_HTML:
        put_html(out, name);
        break;
    default:
        put_plain(out, name);
        break;
    }
}

static const char *separator(const struct table_style *s)
{
    switch (s->format) {
    case TABLE_FORMAT_MARKDOWN:
        return " | ";
    case TABLE_FORMAT_CSV:
        return ",";
    case TABLE_FORMAT_TSV:
        return "\t";
    default:
        return s->separator != NULL ? s->separator : "|";
    }
}

static void print_lines(const struct table *t, const struct table_style *s)
{
    FILE *out = s->out;
    bool  markdown = s->format == TABLE_FORMAT_MARKDOWN, header = s->header && !s->bare;

    for (int i = header ? -1 : 0; i < t->rows; i++) {
        fputs(markdown ? "| " : "", out);
        for (int c = 0; c < t->columns; c++) {
            fputs(c > 0 ? separator(s) : "", out);
            if (i < 0)
                put_name(s, t->name(t->source, c));
            else
                put_cell(t, s, i, c);
        }
        fputs(markdown ? " |\n" : "\n", out);
        if (i < 0 && markdown) {
            for (int c = 0; c < t->columns; c++)
                fputs(c > 0 ? "---|" : "|---|", out);
            fputc('\n', out);
        }
    }
    if (s->format == TABLE_FORMAT_UNALIGNED && header && !s->uncounted)
        fprintf(out, "(%d row%s)\n", t->rows, t->rows == 1 ? "" : "s");
    if (s->footers != NULL &&
        (s->format == TABLE_FORMAT_UNALIGNED || s->format == TABLE_FORMAT_TSV))
        fputs(s->footers, out);
}

/* Of the formats for lines, with \x: a name and its value a line, an empty line between rows. */
static void print_pairs(const struct table *t, const struct table_style *s)
{
    FILE *out = s->out;

    for (int i = 0; i < t->rows; i++) {
        if (i > 0 && s->format == TABLE_FORMAT_UNALIGNED)
            fputc('\n', out);
        for (int c = 0; c < t->columns; c++) {
            put_name(s, t->name(t->source, c));
            fputs(separator(s), out);
            put_cell(t, s, i, c);
            fputc('\n', out);
        }
    }
}

static void print_html(const struct table *t, const struct table_style *s)
{
    FILE *out = s->out;

    fprintf(out, "<table border=\"%d\">\n",
            (s->frame == TABLE_FRAME_NONE   ? 0
             : s->frame == TABLE_FRAME_FULL ? 2
                                            : 1));
    if (s->title != NULL && !s->bare) {
        fputs("  <caption>", out);
        put_html(out, s->title);
        fputs("</caption>\n", out);
    }
    for (int i = s->bare ? 0 : -1; i < t->rows; i++) {
        fputs(i < 0 ? "  <tr>\n" : "  <tr valign=\"top\">\n", out);
        for (int c = 0; c < t->columns; c++) {
            fprintf(out, i < 0 ? "    <th align=\"center\">" : "    <td align=\"%s\">",
                    t->kind(t->source, c) == TABLE_NUMBER ? "right" : "left");
            if (i < 0)
                put_html(out, t->name(t->source, c));
            else
                put_cell(t, s, i, c);
            fputs(i < 0 ? "</th>\n" : "</td>\n", out);
        }
        fputs("  </tr>\n", out);
    }
    fputs("</table>\n", out);
    if (!s->uncounted && !s->bare)
        fprintf(out, "<p>(%d row%s)<br />\n</p>\n", t->rows, t->rows == 1 ? "" : "s");
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
        if (style->expanded)
            table_print_vertical(t, style);
        else
            table_print_aligned(t, style);
        break;
    case TABLE_FORMAT_VERTICAL:
        table_print_vertical(t, style);
        break;
    case TABLE_FORMAT_JSON:
    case TABLE_FORMAT_NDJSON:
        print_json(t, style);
        break;
    case TABLE_FORMAT_HTML:
        print_html(t, style);
        break;
    case TABLE_FORMAT_CSV:
    case TABLE_FORMAT_UNALIGNED:
        if (style->expanded)
            print_pairs(t, style);
        else
            print_lines(t, style);
        break;
    default:
        print_lines(t, style);
        break;
    }
}
