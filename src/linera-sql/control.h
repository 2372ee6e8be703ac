/* src/linera-sql/control.h: lists of the control plane as results that print as any other. */
#ifndef LINERA_SQL_CONTROL_H
#define LINERA_SQL_CONTROL_H

#include "shell.h"

struct control_column {
    const char *title, *field;
};

/* GET `path` of the first address of LINERA_HTTP that answers, and make rows of its list `name`.
 * NULL: said why. The caller clears the result. */
PGresult *control_list(struct shell *s, const char *path, const char *name,
                       const struct control_column *columns, size_t count);

#endif
