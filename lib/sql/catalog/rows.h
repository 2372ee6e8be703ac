/* lib/sql/catalog/rows.h: how the scans of virtual tables make their rows. For lib/sql/catalog
 * only.
 *
 * Columns are named by position, which columns.def gives: COLUMN_AT(pg_class, relname). A row
 * starts with every column null. */
#ifndef LINERA_SQL_CATALOG_ROWS_H
#define LINERA_SQL_CATALOG_ROWS_H

#include "sql/catalog/internal.h"
#include "sql/types/type.h"

/* Positions of all columns in one line, AT_<relation> being the first of a relation: the enumerator
 * behind it takes the same number. */
enum virtual_column_position {
#define TABLE(schema, relation, oid, is_table)   AT_##relation, BEFORE_##relation = AT_##relation - 1,
#define COLUMN(relation, column, type, not_null) AT_##relation##__##column,
#include "sql/catalog/columns.def"
#undef TABLE
#undef COLUMN
    AT_COLUMNS_END
};

#define COLUMN_AT(relation, column) ((size_t)(AT_##relation##__##column - AT_##relation))

struct rows {
    struct sql_context      *c;
    struct arena            *a;
    struct catalog_view     *v;
    const struct table_desc *table; /* what is scanned */
    int                      key_column;
    const datum             *key;
    struct row_sink         *sink;
    datum                   *values;
    bool                    *nulls;
};

typedef status scan_fn(struct rows *r);

void   row_begin(struct rows *r);
status row_end(struct rows *r) MUST_CHECK;

void   row_int(struct rows *r, size_t at, int64_t v); /* int2, int4, int8, oid, reg* */
void   row_bool(struct rows *r, size_t at, bool v);
void   row_char(struct rows *r, size_t at, char v); /* "char"; 0 is the empty one */
void   row_float(struct rows *r, size_t at, double v);
void   row_text(struct rows *r, size_t at, const char *text); /* name, text, varchar; NULL: null */
/* A value in its type's text form, for what is rare: arrays and vectors. */
status row_input(struct rows *r, size_t at, const char *text) MUST_CHECK;
status row_numbers(struct rows *r, size_t at, const int64_t *numbers, size_t count, bool vector)
    MUST_CHECK;

/* Whether rows with `v` in the column are wanted; true when the scan has another key or none. */
bool rows_want_int(const struct rows *r, size_t at, int64_t v);

/* Which scan makes the rows of which relation. */
#define SCANS(X)                                                                                   \
    X(pg_class)                                                                                    \
    X(pg_attribute)                                                                                \
    X(pg_attrdef)                                                                                  \
    X(pg_index)                                                                                    \
    X(pg_constraint)                                                                               \
    X(pg_sequence)                                                                                 \
    X(pg_rewrite)                                                                                  \
    X(pg_depend)                                                                                   \
    X(pg_description)                                                                              \
    X(pg_statistic)                                                                                \
    X(pg_stats)                                                                                    \
    X(pg_namespace)                                                                                \
    X(pg_database)                                                                                 \
    X(pg_shdescription)                                                                            \
    X(pg_roles)                                                                                    \
    X(pg_authid)                                                                                   \
    X(pg_user)                                                                                     \
    X(pg_tablespace)                                                                               \
    X(pg_language)                                                                                 \
    X(pg_tables)                                                                                   \
    X(pg_stat_user_tables)                                                                         \
    X(pg_stat_all_tables)                                                                          \
    X(pg_statio_user_tables)                                                                       \
    X(pg_statio_all_tables)                                                                        \
    X(pg_settings)                                                                                 \
    X(pg_stat_activity)                                                                            \
    X(pg_stat_database)                                                                            \
    X(pg_locks)                                                                                    \
    X(pg_prepared_statements)                                                                      \
    X(pg_cursors)                                                                                  \
    X(pg_type)                                                                                     \
    X(pg_proc)                                                                                     \
    X(pg_aggregate)                                                                                \
    X(pg_operator)                                                                                 \
    X(pg_cast)                                                                                     \
    X(pg_am)                                                                                       \
    X(pg_opfamily)                                                                                 \
    X(pg_opclass)                                                                                  \
    X(pg_amop)                                                                                     \
    X(pg_collation)                                                                                \
    X(information_schema_catalog_name)                                                             \
    X(schemata)                                                                                    \
    X(tables)                                                                                      \
    X(views)                                                                                       \
    X(pg_views)                                                                                    \
    X(columns)                                                                                     \
    X(table_constraints)                                                                           \
    X(check_constraints)                                                                           \
    X(key_column_usage)                                                                            \
    X(constraint_column_usage)                                                                     \
    X(constraint_table_usage)                                                                      \
    X(referential_constraints)                                                                     \
    X(sequences)                                                                                   \
    X(pg_sequences)                                                                                \
    X(character_sets)                                                                              \
    X(pg_indexes)

#define DECLARE_SCAN(relation) scan_fn scan_##relation;
SCANS(DECLARE_SCAN)
#undef DECLARE_SCAN

#endif
