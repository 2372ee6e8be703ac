/* lib/sql/bind/deparse.h: what the two halves of the deparser share. Only for lib/sql/bind. */
#ifndef LINERA_SQL_BIND_DEPARSE_H
#define LINERA_SQL_BIND_DEPARSE_H

#include "sql/bind/bind_internal.h"

/* A query being printed and the one around it: columns of outer levels find their names here. */
struct deparse_level {
    const struct query         *q;
    const struct deparse_level *parent;
};

struct deparse {
    struct sql_context         *c;
    struct buf                 *out;
    const struct deparse_level *level; /* NULL: an expression of its own */
    const struct table_desc    *table; /* then: whose columns it uses */
    const struct set_op        *names; /* of an operand of this operation: its columns' names */
    bool                        qualify, pretty;
    int                         indent; /* of a nested query's lines */
    int                         case_depth;
    int                         depth;
    status                      st; /* the first error; printing goes on into nothing */
};

/* An expression; _condition: an implicit cast at its top is not shown, as in WHERE; _bare: without
 * the parentheses its kind has around it when PostgreSQL leaves them out in pretty form. */
void deparse_put(struct deparse *d, const struct expr *e);
void deparse_put_bare(struct deparse *d, const struct expr *e);
void deparse_put_condition(struct deparse *d, const struct expr *e);
void deparse_put_query(struct deparse *d, const struct query *q);
void deparse_put_name(struct deparse *d, const char *name);
/* What table `table` of the level's query is called in print: its alias, numbered when taken. */
void deparse_put_alias(struct deparse *d, const struct deparse_level *l, int table);
/* ORDER BY's directions behind an expression. */
void deparse_put_order(struct deparse *d, const struct sort_key *k);

#endif
