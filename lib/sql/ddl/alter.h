/* lib/sql/ddl/alter.h: what alter_table.c and alter_column.c share. */
#ifndef LINERA_SQL_DDL_ALTER_H
#define LINERA_SQL_DDL_ALTER_H

#include "sql/ddl/internal.h"

/* One command of ALTER TABLE that concerns a column. FEATURE_NOT_SUPPORTED for what is neither
 * here nor in alter_table.c. */
status alter_column(const struct ddl *d, const struct table_desc *t,
                    const PgQuery__AlterTableCmd *cmd) MUST_CHECK;

/* Put the table with its new constraint and do what `added` asks for. */
status alter_apply_constraint(const struct ddl *d, const struct table_desc *before,
                              struct table_desc *t, const struct constraint_added *added)
    MUST_CHECK;

#endif
