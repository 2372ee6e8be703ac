/* lib/client/table_internal.h: between the files that print tables. */
#ifndef LINERA_CLIENT_TABLE_INTERNAL_H
#define LINERA_CLIENT_TABLE_INTERNAL_H

#include "client/table.h"

/* A cell's text, nulls as the style says. */
const char *table_cell(const struct table *t, const struct table_style *s, int row, int column);

void table_print_aligned(const struct table *t, const struct table_style *s);
void table_print_vertical(const struct table *t, const struct table_style *s);

#endif
