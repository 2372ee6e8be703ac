/* lib/sql/catalog/virtual.h: tables whose rows are made up when they are scanned: pg_catalog,
 * information_schema, the one row of a sequence. */
#ifndef LINERA_SQL_CATALOG_VIRTUAL_H
#define LINERA_SQL_CATALOG_VIRTUAL_H

#include "sql/catalog/catalog.h"
#include "sql/datum.h"

/* Receives rows. The values are copied where needed by the receiver before the call returns. */
struct row_sink {
    status (*row)(struct row_sink *sink, const datum *values, const bool *nulls);
};

struct virtual_table {
    const char *schema, *name;
    uint32_t    oid; /* PostgreSQL's for pg_catalog */
    /* Columns: name, type, not null; in order of attnum. */
    struct virtual_column {
        const char *name;
        uint32_t    type;
        bool        not_null;
    } const *columns;
    size_t   column_count;
    /* Emit all rows of `table`, the descriptor that was looked up (a sequence's scan must know
     * which one it is). `key_column`/`key` (-1 and NULL: none): the scan only wants rows with that
     * value in that column (position from 0), an equality the planner found; emitting more is
     * allowed, the filter runs anyway. Values live in `a`, which the caller may reset between rows.
     * An error of the sink ends the scan and is returned. MAY_YIELD. */
    status (*scan)(struct sql_context *c, struct arena *a, const struct table_desc *table,
                   int key_column, const datum *key, struct row_sink *sink);
};

/* The system tables in order of position; NULL when there is none. The descriptor for the binder
 * comes from catalog_table_by_name() as for any table. */
const struct virtual_table *virtual_table_at(size_t position);

/* The columns last_value, log_cnt and is_called of every sequence. */
extern const struct virtual_table virtual_table_sequence;

#endif
