/* lib/client/table.h: rows in each --format, the same in every program (design of the programs:
 * table for eyes, csv and tsv for tools, json as one document, ndjson one object a line). Widths
 * count columns of a terminal, not bytes: the program calls setlocale(LC_CTYPE, "") first. */
#ifndef LINERA_CLIENT_TABLE_H
#define LINERA_CLIENT_TABLE_H

#include <stdbool.h>
#include <stdio.h>

/* For the `choices` of the option --format; in the order of enum table_format. */
#define TABLE_FORMATS "table|csv|tsv|json|ndjson|markdown|vertical"

enum table_format {
    TABLE_FORMAT_TABLE,
    TABLE_FORMAT_CSV,
    TABLE_FORMAT_TSV,
    TABLE_FORMAT_JSON,
    TABLE_FORMAT_NDJSON,
    TABLE_FORMAT_MARKDOWN,
    TABLE_FORMAT_VERTICAL
};

/* False: there is no such format, and *out is untouched. */
bool table_format_parse(const char *name, enum table_format *out);

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

struct table_style {
    enum table_format format;
    bool              header; /* csv, tsv, markdown: a line of names first */
    bool              bare;   /* nothing but the rows: no names, no count */
    FILE             *out;
};

void table_print(const struct table *t, const struct table_style *style);

#endif
