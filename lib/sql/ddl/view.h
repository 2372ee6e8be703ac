/* lib/sql/ddl/view.h: keeping the texts of views right while what they read gets other names. */
#ifndef LINERA_SQL_DDL_VIEW_H
#define LINERA_SQL_DDL_VIEW_H

#include "sql/ddl/internal.h"

struct view_at_work {
    const struct table_desc *view;
    struct query            *query; /* bound while the old names hold */
};
struct view_list {
    struct view_at_work *items;
    size_t               count;
};

/* Before a relation, a column of it or its schema is renamed: bind the views that read it. */
status views_collect(const struct ddl *d, uint32_t table, struct view_list *out) MUST_CHECK;
/* After it: print them with the new names and put them. */
status views_renamed(const struct ddl *d, const struct view_list *views, uint32_t table) MUST_CHECK;

#endif
