/* Rows on standard output, in any --format. What can be printed line by line is printed as it
 * comes; the formats that must know all rows first hold them in memory, up to a limit. */
#ifndef LINERA_DUMP_ROWS_H
#define LINERA_DUMP_ROWS_H

#include <inttypes.h>

#include "base/arena.h"
#include "client/table.h"

enum { ROWS_MAX = 1000000 };

struct column {
    const char     *name;
    enum table_kind kind;
};

struct rows {
    const struct column *columns;
    int                  column_count, cell_count; /* of the row being made */
    struct arena        *arena;                    /* of the cells */
    const char         **cells;
    size_t               count, capacity; /* of rows held */
    struct table_style   style;
};

/* `heap` may be NULL. */
void rows_init(struct rows *r, struct heap *heap, enum table_format format, bool header);
void rows_deinit(struct rows *r);
/* Before the first row. `columns` must live on. */
void rows_columns(struct rows *r, const struct column *columns, size_t count);

/* The cells of a row, in order. Texts are copied; NULL is null. */
void   rows_text(struct rows *r, const char *text);
void   rows_number(struct rows *r, uint64_t n);
void   rows_null(struct rows *r);
/* All cells are there. LIMIT_EXCEEDED: more rows than can be held for this format. */
status rows_next(struct rows *r) MUST_CHECK;
/* Print what is held. */
void   rows_end(struct rows *r);

#endif
