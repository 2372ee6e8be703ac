/* lib/sql/exec/write.h: writing rows as SQL wants it: generated columns, NOT NULL, CHECK, unique
 * keys, foreign keys and what they set off. INSERT, UPDATE, DELETE, COPY and foreign-key actions
 * all write through here (pitfalls P8, Q8). */
#ifndef LINERA_SQL_EXEC_WRITE_H
#define LINERA_SQL_EXEC_WRITE_H

#include "sql/exec/eval.h"
#include "sql/exec/table.h"

/* What holds for each row of a table, bound once: part of a plan. Expressions are over the row's
 * columns as slots, attnum - 1. */
struct write_plan {
    const struct table_layout *layout;
    size_t                     check_count;
    struct write_check {
        const struct constraint_desc *constraint;
        struct expr                  *condition;
    } * checks;
    size_t generated_count;
    struct write_generated {
        int16_t      column;
        struct expr *value;
    } * generated;
};

/* MAY_YIELD. */
status write_plan_new(struct sql_context *c, struct arena *a, const struct table_layout *l,
                      const struct write_plan **out) MUST_CHECK;

/* A statement's writes: the tables it touches and the foreign keys to check when it ends. */
struct write_session;

/* `a` must outlive it. */
struct write_session *write_session_new(struct sql_context *c, struct arena *a);
/* Accepts NULL. */
void                  write_session_close(struct write_session *s);

/* A table being written. */
struct write_target;
status        write_target_open(struct write_session *s, const struct write_plan *p,
                                struct write_target **out) MUST_CHECK;
struct table *write_target_table(struct write_target *t);

/* Compute generated columns and check NOT NULL and CHECK, in PostgreSQL's words. `scratch` holds
 * what they compute, so it must live as long as the row is used. */
status write_check_row(struct write_target *t, struct arena *scratch, struct table_row *row)
    MUST_CHECK;

/* Write a row that was checked. Foreign keys are remembered for write_session_finish(). */
status write_insert(struct write_target *t, struct table_row *row) MUST_CHECK;
status write_insert_or_find(struct write_target *t, struct table_row *row, const uint32_t *arbiters,
                            size_t arbiter_count, struct arena *a, struct table_conflict *out)
    MUST_CHECK;
status write_update(struct write_target *t, const struct table_row *old, struct table_row *row)
    MUST_CHECK;
status write_delete(struct write_target *t, const struct table_row *old) MUST_CHECK;

/* The end of the statement: foreign keys are checked, their actions done. Deferred ones are put off
 * to the end of the transaction. */
status write_session_finish(struct write_session *s) MUST_CHECK;

/* Before a commit: check what was deferred (c->deferred). Also SET CONSTRAINTS ... IMMEDIATE. */
struct deferred_checks;
struct deferred_checks *deferred_checks_new(struct heap *heap);
void                    deferred_checks_free(struct deferred_checks *d); /* accepts NULL */
/* Check all and forget them; on an error the transaction must be rolled back. */
status deferred_checks_run(struct sql_context *c, struct deferred_checks *d) MUST_CHECK;
/* A rollback, also to a savepoint: forget the checks noted since there were `count`. */
size_t deferred_checks_count(const struct deferred_checks *d);
void   deferred_checks_cut(struct deferred_checks *d, size_t count);

#endif
