/* lib/client/table.h: rows in each --format, the same in every program (design of the programs:
 * table for eyes, csv and tsv for tools, json as one document, ndjson one object a line). Widths
 * count columns of a terminal, not bytes: the program calls setlocale(LC_CTYPE, "") first. */
#ifndef LINERA_CLIENT_TABLE_H
#define LINERA_CLIENT_TABLE_H

#include <stdbool.h>
#include <stdio.h>

/* For the `choices` of the option --format; in the order of enum table_format. */
#define TABLE_FORMATS "table|csv|tsv|json|ndjson|markdown|vertical|unaligned|html"

enum table_format {
    TABLE_FORMAT_TABLE,
    TABLE_FORMAT_CSV,
    TABLE_FORMAT_TSV,
    TABLE_FORMAT_JSON,
    TABLE_FORMAT_NDJSON,
    TABLE_FORMAT_MARKDOWN,
    TABLE_FORMAT_VERTICAL,
    TABLE_FORMAT_UNALIGNED, /* psql's: cells with a separator between them, as they are */
    TABLE_FORMAT_HTML
};

/* False: there is no such format, and *out is untouched. */
bool        table_format_parse(const char *name, enum table_format *out);
const char *table_format_name(enum table_format f);

/* What a column holds: numbers stand at the right and bare in JSON, as do booleans ("t", "f"). */
enum table_kind { TABLE_TEXT, TABLE_NUMBER, TABLE_BOOLEAN };

/* Where rows come from. The texts that the functions return must live until table_print() ends;
 * rows and columns count from 0. */
struct table {
    const void *source; /* the functions' first argument */
    int         columns, rows;
    const char *(*name)(const void *source, int column);
    const char *(*cell)(const void *source, int row, int column); /* NULL: null */
    enum table_kind (*kind)(const void *source, int column);
};

/* Lines of table and vertical, psql's borders 1, 0 and 2. */
enum table_frame { TABLE_FRAME_INNER, TABLE_FRAME_NONE, TABLE_FRAME_FULL };

/* All zero but `format` and `out` is what most programs want. */
struct table_style {
    enum table_format format;
    bool              header;    /* csv, tsv, markdown, unaligned: a line of names first */
    bool              bare;      /* nothing but the rows: no names, no count */
    bool              uncounted; /* no count of rows */
    bool              expanded;  /* one column a line, where the format knows a way */
    enum table_frame  frame;
    const char       *null;      /* in the place of nulls; NULL: the format's own way */
    const char       *title;     /* above the rows; NULL: none */
    const char       *footers;   /* whole lines below the rows; NULL: none */
    const char       *separator; /* unaligned; NULL: "|" */
    FILE             *out;
};

/* Columns of a terminal that the format table takes. */
int table_width(const struct table *t, const struct table_style *style);

void table_print(const struct table *t, const struct table_style *style);

#endif
