/* Tables for eyes, with psql's lines and marks: one row a line, or one column a line.
 * Widths count characters on the screen, not bytes. A cell of several lines takes as many, each but
 * its last with a + behind it. */
#include "client/table_internal.h"

#include <stdlib.h>
#include <string.h>
#include <wchar.h>

#include "base/compiler.h"

/* One line of a cell: to its line end or its end, which is returned. Adds its width to *width and
 * writes it to `out`, when there is one. */
static const char *put_line(const char *text, FILE *out, int *width)
{
    mbstate_t state = {0};

    while (*text != '\0' && *text != '\n') {
        wchar_t c = 0;
        size_t  n = mbrtowc(&c, text, strlen(text), &state);
        int     w = n == (size_t)-1 || n == (size_t)-2 ? -1 : wcwidth(c);

        if (*text == '\t') { /* to the next eighth column */
            w = 8 - *width % 8;
            if (out != NULL)
                fprintf(out, "%*s", w, "");
            n = 1;
        } else if (*text == '\r') {
            w = 2;
            if (out != NULL)
                fputs("\\r", out);
            n = 1;
        } else if (w < 0) { /* not to be shown, or not UTF-8 */
            memset(&state, 0, sizeof state);
            n = 1;
            w = 4;
            if (out != NULL)
                fprintf(out, "\\x%02X", (unsigned char)*text);
        } else if (out != NULL) {
            fwrite(text, 1, n, out);
        }
        *width += w;
        text += n;
    }
    return text;
}

static int widest_line(const char *text)
{
    int widest = 0;

    for (;;) {
        int width = 0;

        text = put_line(text, NULL, &width);
        widest = MAX(widest, width);
        if (*text == '\0')
            return widest;
        text++;
    }
}

static void repeat(FILE *out, const char *what, int count)
{
    for (int i = 0; i < count; i++)
        fputs(what, out);
}

static int *column_widths(const struct table *t, const struct table_style *s)
{
    int  columns = t->columns, rows = t->rows;
    int *widths = calloc((size_t)columns + 1, sizeof *widths);

    if (widths == NULL)
        abort();
    for (int c = 0; c < columns; c++) {
        widths[c] = widest_line(t->name(t->source, c));
        for (int i = 0; i < rows; i++)
            widths[c] = MAX(widths[c], widest_line(table_cell(t, s, i, c)));
    }
    return widths;
}

static int border_of(const struct table_style *s)
{
    switch (s->frame) {
    case TABLE_FRAME_NONE:
        return 0;
    case TABLE_FRAME_FULL:
        return 2;
    default:
        return 1;
    }
}

static int total_width(const struct table_style *s, const int *widths, int columns)
{
    int total = border_of(s) == 0   ? columns - 1
                : border_of(s) == 1 ? columns * 3 - 1
                                    : columns * 3 + 1;

    for (int c = 0; c < columns; c++)
        total += widths[c];
    return MAX(total, 0);
}

int table_width(const struct table *t, const struct table_style *s)
{
    int *widths = column_widths(t, s);
    int  total = total_width(s, widths, t->columns);

    free(widths);
    return total;
}

static void rule(const struct table_style *s, const int *widths, int columns, FILE *out)
{
    fputs(border_of(s) == 2 ? "+-" : border_of(s) == 1 ? "-" : "", out);
    for (int c = 0; c < columns; c++) {
        repeat(out, "-", widths[c]);
        if (c + 1 < columns)
            fputs(border_of(s) == 0 ? " " : "-+-", out);
    }
    fputs(border_of(s) == 2 ? "-+\n" : border_of(s) == 1 ? "-\n" : "\n", out);
}

/* Names in the middle of their columns; a name may have several lines too. */
static void table_header(const struct table *t, const struct table_style *s, const int *widths)
{
    FILE        *out = s->out;
    int          columns = t->columns;
    const char **rest = calloc((size_t)columns + 1, sizeof *rest);
    bool         more = columns > 0;

    if (rest == NULL)
        abort();
    for (int c = 0; c < columns; c++)
        rest[c] = t->name(t->source, c);
    while (more) {
        more = false;
        fputs(border_of(s) == 2 ? "|" : "", out);
        for (int c = 0; c < columns; c++) {
            int width = 0, space;

            put_line(rest[c], NULL, &width);
            space = widths[c] - width;
            fprintf(out, "%s%*s", border_of(s) > 0 ? " " : "", space / 2, "");
            width = 0;
            rest[c] = put_line(rest[c], out, &width);
            fprintf(out, "%*s%s", (space + 1) / 2, "", *rest[c] == '\n' ? "+" : " ");
            fputs(border_of(s) > 0 && c + 1 < columns ? "|" : "", out);
            more = more || *rest[c] == '\n';
            rest[c] += *rest[c] == '\n';
        }
        fputs(border_of(s) == 2 ? "|\n" : "\n", out);
    }
    free(rest);
    rule(s, widths, columns, out);
}

/* One line of one cell. A cell that has no more lines is left empty: *rest is NULL. */
static void table_cell_line(const struct table_style *s, const char **rest, int width_column,
                            bool right, bool last)
{
    FILE *out = s->out;
    int   width = 0;
    bool  more, ended = *rest == NULL;

    if (ended) {
        *rest = "";
        right = false;
    }
    put_line(*rest, NULL, &width);
    fputs(border_of(s) > 0 ? " " : "", out);
    if (right)
        fprintf(out, "%*s", width_column - width, "");
    width = 0;
    *rest = put_line(*rest, out, &width);
    more = **rest == '\n';
    if (!right && (!last || more || border_of(s) == 2))
        fprintf(out, "%*s", width_column - width, "");
    if (more)
        fputs("+", out);
    else if (!last || border_of(s) == 2)
        fputs(" ", out);
    fputs(border_of(s) > 0 && !last ? "|" : "", out);
    *rest = more ? *rest + 1 : NULL;
}

static void table_row(const struct table *t, const struct table_style *s, int row,
                      const int *widths, const char **rest)
{
    FILE *out = s->out;
    int   columns = t->columns;
    bool  more = true;

    for (int c = 0; c < columns; c++)
        rest[c] = table_cell(t, s, row, c);
    while (more) {
        more = false;
        fputs(border_of(s) == 2 ? "|" : "", out);
        for (int c = 0; c < columns; c++) {
            table_cell_line(s, &rest[c], widths[c], t->kind(t->source, c) == TABLE_NUMBER,
                            c + 1 == columns);
            more = more || rest[c] != NULL;
        }
        fputs(border_of(s) == 2 ? "|\n" : "\n", out);
    }
}

static void print_title(const struct table_style *s, int width, FILE *out)
{
    int title_width = 0;

    if (s->title == NULL || s->bare)
        return;
    put_line(s->title, NULL, &title_width);
    fprintf(out, "%*s%s\n", MAX((width - title_width) / 2, 0), "", s->title);
}

static void print_row_count(const struct table_style *s, int rows, FILE *out)
{
    if (!s->uncounted && !s->bare)
        fprintf(out, "(%d row%s)\n", rows, rows == 1 ? "" : "s");
    if (s->footers != NULL && !s->bare)
        fputs(s->footers, out);
}

void table_print_aligned(const struct table *t, const struct table_style *s)
{
    FILE        *out = s->out;
    int          columns = t->columns;
    int         *widths = column_widths(t, s);
    const char **rest = calloc((size_t)columns + 1, sizeof *rest);

    if (rest == NULL)
        abort();
    print_title(s, total_width(s, widths, columns), out);
    if (border_of(s) == 2)
        rule(s, widths, columns, out);
    if (!s->bare)
        table_header(t, s, widths);
    for (int i = 0; i < t->rows && columns > 0; i++)
        table_row(t, s, i, widths, rest);
    if (border_of(s) == 2)
        rule(s, widths, columns, out);
    print_row_count(s, t->rows, out);
    fputc('\n', out);
    free(widths);
    free(rest);
}

/* ---- one column a line -------------------------------------------------------------------------
 */

/* The widths of names and values, and whether any has several lines: its mark takes room too. */
struct record_widths {
    int  name, value;
    bool names_break, values_break;
};

static void record_text(const struct table_style *s, int record, char *text, size_t size)
{
    snprintf(text, size, border_of(s) == 0 ? "* Record %d" : "[ RECORD %d ]", record);
}

/* Between a name and its value. */
static int record_gap(const struct table_style *s, const struct record_widths *w)
{
    return border_of(s) > 0 ? 3 : 1 + w->names_break;
}

static struct record_widths record_widths(const struct table *t, const struct table_style *s)
{
    struct record_widths w = {0};
    char                 text[64];
    int                  least;

    for (int c = 0; c < t->columns; c++) {
        w.name = MAX(w.name, widest_line(t->name(t->source, c)));
        w.names_break = w.names_break || strchr(t->name(t->source, c), '\n') != NULL;
        for (int i = 0; i < t->rows; i++) {
            w.value = MAX(w.value, widest_line(table_cell(t, s, i, c)));
            w.values_break = w.values_break || strchr(table_cell(t, s, i, c), '\n') != NULL;
        }
    }
    if (s->bare)
        return w;
    /* The rules' text fits over every record. */
    record_text(s, t->rows, text, sizeof text);
    least = (int)strlen(text) + (border_of(s) == 1) - w.name - record_gap(s, &w);
    w.value = MAX(w.value, least - (border_of(s) < 2 && w.values_break));
    return w;
}

/* "-[ RECORD 1 ]+------": the rule above a record, its text over the rule as far as it reaches. */
static void record_rule(const struct table_style *s, int record, const struct record_widths *w)
{
    FILE *out = s->out;
    char  text[64] = "";
    int   frame = border_of(s) == 2, width = w->name + record_gap(s, w) + w->value + 2 * frame;

    if (record > 0)
        record_text(s, record, text, sizeof text);
    if (border_of(s) == 0) {
        fprintf(out, "%-*s\n", width - 1, text);
        return;
    }
    fputs(frame ? "+-" : "-", out);
    fputs(text, out);
    for (int i = 1 + (int)strlen(text); i < width; i++)
        fputc(i == w->name + 1 + frame ? '+' : '-', out);
    fputs(frame ? "+\n" : "\n", out);
}

static void record_column(const struct table_style *s, const char *name, const char *value,
                          const struct record_widths *w)
{
    FILE *out = s->out;
    int   border = border_of(s);
    bool  more = true;

    while (more) {
        int  width = 0;
        bool last_name, last_value;

        fputs(border == 2 ? "| " : "", out);
        name = put_line(name, out, &width);
        last_name = *name == '\0';
        fprintf(out, "%*s%s", w->name - width, "", last_name ? " " : "+");
        fputs(border > 0 ? "| " : w->names_break ? " " : "", out);
        width = 0;
        value = put_line(value, out, &width);
        last_value = *value == '\0';
        if (!last_value || border == 2)
            fprintf(out, "%*s", w->value - width, "");
        fputs(!last_value ? "+" : border == 2 ? " " : "", out);
        fputs(border == 2 ? "|\n" : "\n", out);
        name += !last_name;
        value += !last_value;
        more = !last_name || !last_value;
    }
}

void table_print_vertical(const struct table *t, const struct table_style *s)
{
    struct record_widths w;

    print_title(s, 0, s->out);
    if (t->rows == 0) {
        print_row_count(s, 0, s->out);
        fputc('\n', s->out);
        return;
    }
    w = record_widths(t, s);
    for (int i = 0; i < t->rows; i++) {
        if (!s->bare)
            record_rule(s, i + 1, &w);
        else if (border_of(s) == 2 || (i > 0 && border_of(s) > 0))
            record_rule(s, 0, &w);
        for (int c = 0; c < t->columns; c++)
            record_column(s, t->name(t->source, c), table_cell(t, s, i, c), &w);
    }
    if (border_of(s) == 2)
        record_rule(s, 0, &w);
    if (s->footers != NULL && !s->bare)
        fputs(s->footers, s->out);
    fputc('\n', s->out);
}
