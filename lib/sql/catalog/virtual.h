/* lib/sql/catalog/virtual.h: tables whose rows are made up when they are scanned: pg_catalog,
 * information_schema and the lin_* views of the server's own state. */
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
    /* Emit all rows. `key_column`/`key` (may be NULL): the scan only wants rows with that value in
     * that column (position from 0), an equality the planner found; emitting more is allowed, the
     * filter runs anyway. */
    status (*scan)(struct sql_context *c, struct arena *a, int key_column, const datum *key,
                   struct row_sink *sink);
};

/* NULL when there is none; the descriptor for the binder comes from catalog_table_by_name() as for
 * any table. */
const struct virtual_table *virtual_table_at(size_t position);

#endif
