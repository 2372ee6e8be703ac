/* lib/sql/catalog/statistics.h: what ANALYZE has found out about the rows of a table. Stored as a
 * descriptor beside the table's, under the table's OID, so that it commits, rolls back and is
 * cached like one; a new version makes cached plans stale. Statistics are estimates: nothing but
 * plans and pg_stats may depend on them. */
#ifndef LINERA_SQL_CATALOG_STATISTICS_H
#define LINERA_SQL_CATALOG_STATISTICS_H

#include "sql/catalog/catalog.h"
#include "sql/types/type.h"

enum { STATISTICS_TARGET = 100 }; /* most common values; buckets of a histogram */

struct column_statistics {
    int16_t  column; /* attnum */
    uint32_t type;   /* of the values; when the column has another by now, these say nothing */
    double   null_fraction, width; /* width: bytes of values that are not null, on average */
    double   distinct;             /* values; negative: that part of the rows (-1: all differ) */
    size_t   common_count;         /* most common values, the most common first ... */
    datum   *common;
    double  *common_fractions; /* ... and their parts of all rows */
    size_t   bound_count;      /* histogram of the others: equally many rows between neighbours */
    datum   *bounds;
};

struct table_statistics {
    double                    rows;
    size_t                    column_count;
    struct column_statistics *columns;
};

/* Statistics of a table as the view sees them, NULL: none. They live until the view closes. */
const struct table_statistics  *catalog_statistics(struct catalog_view *v, uint32_t table_oid);
/* Those of a column, NULL: none, or of another type than `type`. */
const struct column_statistics *column_statistics_of(const struct table_statistics *s,
                                                     int16_t column, uint32_t type);

/* Store new ones; what they point at is copied. MAY_YIELD. */
status catalog_put_statistics(struct catalog_view *v, uint32_t table_oid,
                              const struct table_statistics *s) MUST_CHECK;
/* Forget them, if there are any. MAY_YIELD. */
status catalog_remove_statistics(struct catalog_view *v, uint32_t table_oid) MUST_CHECK;

/* ---- when to take them anew ---------------------------------------------------------------------
 * Counted in memory: after a restart counting begins anew. */

/* Rows of the table were inserted, updated or deleted; that they may still be rolled back does not
 * matter. */
void     catalog_note_changes(struct catalog_view *v, uint32_t table_oid, uint64_t rows);
/* A table that has changed by 500 rows and a tenth since its statistics were taken, and not within
 * the last minute; 0: none. The caller takes it: it is due again only after further changes. */
uint32_t catalog_take_due(struct catalog *c);
bool     catalog_has_due(const struct catalog *c); /* perhaps; cheap */

#endif
