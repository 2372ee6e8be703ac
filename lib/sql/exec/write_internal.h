/* lib/sql/exec/write_internal.h: shared by write.c, foreign_key.c and deferred.c. */
#ifndef LINERA_SQL_EXEC_WRITE_INTERNAL_H
#define LINERA_SQL_EXEC_WRITE_INTERNAL_H

#include "sql/catalog/catalog.h"
#include "sql/exec/write.h"

enum { CASCADE_DEPTH_MAX = 256 };

/* What a foreign key wants to be looked at when the statement ends. */
enum fk_event_kind {
    FK_CHILD,  /* a row points somewhere: does its parent exist? */
    FK_PARENT, /* a row that others may point at is gone, or has another key */
};

struct fk_event {
    struct fk_event              *next;
    enum fk_event_kind            kind;
    const struct table_desc      *child;
    const struct constraint_desc *constraint;
    struct write_target          *target; /* the table that changed */
    datum                         old_values[INDEX_KEY_PARTS_MAX];
    bool                          deletes;
    datum                         new_values[INDEX_KEY_PARTS_MAX];
    bool                          new_nulls[INDEX_KEY_PARTS_MAX];
    slice                         row_key; /* CHILD: the row, to see whether it is still there */
    int                           depth;
};

struct write_target {
    struct write_session    *session;
    const struct write_plan *plan;
    struct table            *table;
    struct eval_context      eval;
    struct eval            **checks, **generated;
    bool                     has_fks;
    struct write_target     *next;
    struct arena            *scratch;
};

struct write_session {
    struct sql_context  *c;
    struct arena        *a;
    struct write_target *targets; /* all, also those that cascades opened */
    struct fk_event     *events, **events_tail;
    int                  depth; /* of the cascade being done */
};

/* The target for a table that a cascade reaches. */
status write_target_for(struct write_session *s, const struct table_desc *t,
                        struct write_target **out) MUST_CHECK;

/* Note what foreign keys want to know of a change; old or new is NULL for inserts and deletes. */
status fk_note(struct write_target *t, const struct table_row *old, const struct table_row *row)
    MUST_CHECK;
status fk_run(struct write_session *s, struct fk_event *e) MUST_CHECK;
bool   fk_is_deferred(const struct constraint_desc *k);
/* Take an event over to the end of the transaction. */
status deferred_add(struct deferred_checks *d, const struct fk_event *e) MUST_CHECK;

#endif
