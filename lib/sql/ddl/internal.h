/* lib/sql/ddl/internal.h: what the files of lib/sql/ddl share. */
#ifndef LINERA_SQL_DDL_INTERNAL_H
#define LINERA_SQL_DDL_INTERNAL_H

#include "base/assert.h"
#include "base/buf.h"
#include "sql/bind/bind.h"
#include "sql/catalog/change.h"
#include "sql/ddl/ddl.h"
#include "sql/types/type.h"
#include "txn/txn.h"

/* One statement at work. */
struct ddl {
    struct sql_context     *c;
    struct arena           *a;
    struct catalog_view    *v;
    const char             *text;
    const struct ddl_hooks *hooks; /* may be NULL */
    struct ddl_result      *result;
};

/* PostgreSQL's NAMEDATALEN - 1. */
enum { NAME_SIZE_MAX = 63, COLUMNS_MAX = 1600 };

/* ---- util.c ------------------------------------------------------------------------------------
 */

/* The parse tree has "" where nothing was written. */
static inline bool given(const char *text)
{
    return text != NULL && text[0] != '\0';
}

status ddl_at(const struct ddl *d, status st, int location) MUST_CHECK;
void   ddl_notice(const struct ddl *d, status st);
status ddl_unsupported(const char *fmt, ...) PRINTF(1, 2) MUST_CHECK;
bool   ddl_equal(const char *a, const char *b);

/* A string node's text; NULL when the node is something else. */
const char *ddl_node_string(const PgQuery__Node *n);
/* The last of a list of string nodes, and the one before it (NULL when there is none). */
void        node_names(const PgQuery__Node *list, const char **schema, const char **name);
/* Value of an option: string, number as text, boolean. */
const char *defelem_text(const struct ddl *d, const PgQuery__DefElem *e);
status      defelem_bool(const struct ddl *d, const PgQuery__DefElem *e, bool *out) MUST_CHECK;
status      defelem_int64(const struct ddl *d, const PgQuery__DefElem *e, int64_t *out) MUST_CHECK;

/* The schema that a new relation goes to, held against being dropped. */
status ddl_target_schema(const struct ddl *d, const PgQuery__RangeVar *rv,
                         const struct schema_desc **out) MUST_CHECK;
/* Claim a relation's name: DUPLICATE_TABLE when it is taken, unless `taken` is not NULL. */
status ddl_claim_relation(const struct ddl *d, const struct schema_desc *schema, const char *name,
                          bool *taken) MUST_CHECK;

/* What a statement's relation must be: bits of 1 << kind. */
enum { WANT_TABLE = 1, WANT_VIEW = 2, WANT_SEQUENCE = 4, WANT_ANY = 7 };
/* Find the relation and hold it exclusively. UNDEFINED_TABLE, or *out NULL with `missing_ok`;
 * WRONG_OBJECT_TYPE; INSUFFICIENT_PRIVILEGE for system tables. */
status ddl_relation(const struct ddl *d, const PgQuery__RangeVar *rv, unsigned want,
                    bool missing_ok, const struct table_desc **out) MUST_CHECK;
/* The schema name to look a RangeVar up in, NULL for the path; checks its database. */
status ddl_schema_name(const struct ddl *d, const PgQuery__RangeVar *rv, const char **out)
    MUST_CHECK;
status ddl_role(const struct ddl *d, const PgQuery__RoleSpec *spec, uint32_t *oid) MUST_CHECK;
status ddl_relation_missing(const struct ddl *d, const char *schema, const char *name) MUST_CHECK;
const char *ddl_kind_name(enum relation_kind kind); /* "table", "view" ... */
/* The name as messages write it: with its schema unless it is visible without. */
const char *ddl_relation_name(const struct ddl *d, const struct table_desc *t);

/* ---- draft.c: descriptors under construction ----------------------------------------------------
 */

struct column_desc     *draft_add_column(const struct ddl *d, struct table_desc *t);
struct index_desc      *draft_add_index(const struct ddl *d, struct table_desc *t);
struct constraint_desc *draft_add_constraint(const struct ddl *d, struct table_desc *t);
void draft_add_inbound(const struct ddl *d, struct table_desc *t, uint32_t table, uint32_t fk);
void draft_remove_index(struct table_desc *t, size_t position);
void draft_remove_constraint(struct table_desc *t, size_t position);
void draft_remove_inbound(struct table_desc *t, uint32_t fk);
struct column_desc *draft_column(struct table_desc *t, const char *name);           /* NULL: none */
int                 draft_constraint(const struct table_desc *t, const char *name); /* -1: none */
struct index_desc  *draft_index_by_oid(struct table_desc *t, uint32_t oid);

/* PostgreSQL's makeObjectName(): "<name1>_<name2>_<label>" cut to fit; name2 and label may be NULL.
 */
const char *object_name_make(struct arena *a, const char *name1, const char *name2,
                             const char *label);
/* A name for a constraint of `t`, or for an index or sequence in its schema, that is free. */
const char *choose_constraint_name(const struct ddl *d, const struct table_desc *t,
                                   const char *column, const char *label);
const char *choose_relation_name(const struct ddl *d, const struct table_desc *t, const char *name2,
                                 const char *label);

/* ---- expression.c -------------------------------------------------------------------------------
 */

/* Bind an expression of the statement and give its text for storage; *bound may be NULL. */
status ddl_expression(const struct ddl *d, const PgQuery__Node *node, const struct table_desc *t,
                      uint32_t type, int32_t typmod, const char *what, struct expr **bound,
                      const char **text) MUST_CHECK;
/* The columns of the table that an expression reads: bits by number - 1 in `used` (COLUMNS_MAX). */
void   expression_columns(const struct expr *e, bool *used);
/* As above for a stored text. */
status text_columns(const struct ddl *d, const struct table_desc *t, const char *text, bool *used)
    MUST_CHECK;
/* The sequence of the first nextval('...') in it, 0 when there is none. */
uint32_t expression_sequence(const struct expr *e);
/* The stored text with the names of `after`: columns were renamed. */
status   text_rename(const struct ddl *d, const struct table_desc *before,
                     const struct table_desc *after, const char *text, const char **out) MUST_CHECK;

/* ---- column.c -----------------------------------------------------------------------------------
 */

/* What a column definition asks for beside the column itself. */
struct column_extras {
    bool                       is_serial;
    uint32_t                   serial_type;
    const PgQuery__Constraint *identity;  /* GENERATED ... AS IDENTITY */
    const PgQuery__Node       *default_;  /* DEFAULT or generation expression */
    bool                       generated; /* the expression is GENERATED ALWAYS AS (...) STORED */
};

/* Add a column to the draft: name, type, NOT NULL. Key, check and foreign key constraints are
 * added to `pending` (struct pending below). */
struct pending_constraint {
    const PgQuery__Constraint *node;
    const char                *column; /* written at this column; NULL: at the table */
};
struct pending {
    struct pending_constraint *items;
    size_t                     count, capacity;
};
void   pending_add(const struct ddl *d, struct pending *p, const PgQuery__Constraint *node,
                   const char *column);
status column_define(const struct ddl *d, struct table_desc *t, const PgQuery__ColumnDef *def,
                     struct pending *pending, struct column_extras *extras) MUST_CHECK;
/* Default, generation expression, serial and identity, once all columns are known. */
status column_finish(const struct ddl *d, struct table_desc *t, int16_t number,
                     const struct column_extras *extras) MUST_CHECK;
status column_set_default(const struct ddl *d, struct table_desc *t, int16_t number,
                          const PgQuery__Node *expression) MUST_CHECK;
status column_type(const struct ddl *d, const PgQuery__TypeName *name, uint32_t *type,
                   int32_t *typmod) MUST_CHECK;
status column_collation(const struct ddl *d, const PgQuery__CollateClause *clause, uint32_t type,
                        uint32_t *out) MUST_CHECK;

/* ---- constraint.c -------------------------------------------------------------------------------
 */

/* Add the constraint to the draft; foreign keys also to the table they reference, which is put.
 * For a table that has rows, *validate says what must be checked. */
struct constraint_added {
    bool     new_primary;    /* the rows must move */
    uint32_t index_oid;      /* must be filled, 0: none */
    uint32_t constraint_oid; /* must be checked against the rows, 0: none */
    bool     not_null;       /* columns became NOT NULL: check */
};
status constraint_add(const struct ddl *d, struct table_desc *t, const PgQuery__Constraint *node,
                      const char *column, struct constraint_added *out) MUST_CHECK;
status constraint_add_all(const struct ddl *d, struct table_desc *t, const struct pending *pending)
    MUST_CHECK;
/* The table's own entry of a foreign key that points at it, also while both are one. */
status foreign_key_link(const struct ddl *d, struct table_desc *t, uint32_t ref_table_oid,
                        uint32_t constraint_oid) MUST_CHECK;
status foreign_key_unlink(const struct ddl *d, struct table_desc *t, uint32_t ref_table_oid,
                          uint32_t constraint_oid) MUST_CHECK;

/* ---- index.c ------------------------------------------------------------------------------------
 */

/* Give a table without a primary key its hidden one. */
void   index_add_row_id(const struct ddl *d, struct table_desc *t);
/* Declare an index's span private to the transaction, before it is filled. */
status index_is_new(const struct ddl *d, const struct table_desc *t, size_t position) MUST_CHECK;
/* Fill a part from its column: *part. */
status index_column_part(const struct ddl *d, const struct table_desc *t, const char *column,
                         const char *what, struct index_part *part) MUST_CHECK;
status index_check_params(const struct ddl *d, PgQuery__Node *const *options, size_t count)
    MUST_CHECK;

/* ---- sequence.c ---------------------------------------------------------------------------------
 */

/* Create a sequence for a column and put it. */
status sequence_create_owned(const struct ddl *d, const struct table_desc *t,
                             const struct column_desc *column, uint32_t type,
                             PgQuery__Node *const *options, size_t option_count, uint32_t *oid)
    MUST_CHECK;
/* ALTER SEQUENCE's options on a copy; new_storage when RESTART was among them. */
status sequence_apply_options(const struct ddl *d, struct table_desc *sequence,
                              PgQuery__Node *const *options, size_t count, bool create) MUST_CHECK;
status sequence_restart(const struct ddl *d, uint32_t oid) MUST_CHECK;

/* ---- rewrite.c: rows ----------------------------------------------------------------------------
 */

/* Move all rows from the storage of `before` to that of `after` (a new storage_id or other types),
 * computing columns anew: computed[number - 1] is an expression over `before`, or NULL to copy.
 * Checks NOT NULL and CHECK of `after`, fills its indexes. */
status rewrite_table(const struct ddl *d, const struct table_desc *before,
                     const struct table_desc *after, struct expr **computed) MUST_CHECK;
/* Check the rows there are: NOT NULL of all columns, or one constraint. */
status verify_not_null(const struct ddl *d, const struct table_desc *t) MUST_CHECK;
status verify_constraint(const struct ddl *d, const struct table_desc *t,
                         const struct constraint_desc *k) MUST_CHECK;
/* Declare storage private to the transaction: nobody else can see it before the commit. */
status storage_is_new(const struct ddl *d, const struct table_desc *t) MUST_CHECK;

/* ---- drop.c -------------------------------------------------------------------------------------
 */

/* Something that DROP removes: a relation, or a part of one. */
enum drop_kind {
    DROP_RELATION,
    DROP_SCHEMA,
    DROP_CONSTRAINT,
    DROP_COLUMN,
    DROP_INDEX,
    DROP_DEFAULT
};
struct drop_item {
    enum drop_kind kind;
    uint32_t       oid; /* of the relation or schema */
    uint32_t       sub; /* OID of the constraint or index, number of the column */
};
/* Drop the items with all that depends on them, or refuse. */
status drop_items(const struct ddl *d, const struct drop_item *items, size_t count, bool cascade)
    MUST_CHECK;

/* drop_parts.c: carry out one item, nothing of what depends on it. */
status drop_one(const struct ddl *d, const struct drop_item *item) MUST_CHECK;

/* ---- statements ---------------------------------------------------------------------------------
 */

/* Begin a table: *out is NULL, with a notice, when it exists and may. */
status table_begin(const struct ddl *d, const PgQuery__RangeVar *rv, bool if_not_exists,
                   struct table_desc **out) MUST_CHECK;
status ddl_create_table(const struct ddl *d, const PgQuery__CreateStmt *s) MUST_CHECK;
status ddl_create_table_as(const struct ddl *d, const PgQuery__CreateTableAsStmt *s) MUST_CHECK;
status ddl_select_into(const struct ddl *d, const PgQuery__Node *node) MUST_CHECK;
status ddl_create_index(const struct ddl *d, const PgQuery__IndexStmt *s) MUST_CHECK;
status ddl_reindex(const struct ddl *d, const PgQuery__ReindexStmt *s) MUST_CHECK;
status ddl_create_sequence(const struct ddl *d, const PgQuery__CreateSeqStmt *s) MUST_CHECK;
status ddl_alter_sequence(const struct ddl *d, const PgQuery__AlterSeqStmt *s) MUST_CHECK;
status ddl_create_view(const struct ddl *d, const PgQuery__ViewStmt *s) MUST_CHECK;
status ddl_drop(const struct ddl *d, const PgQuery__DropStmt *s) MUST_CHECK;
status ddl_truncate(const struct ddl *d, const PgQuery__TruncateStmt *s) MUST_CHECK;
status ddl_alter_table(const struct ddl *d, const PgQuery__AlterTableStmt *s) MUST_CHECK;
status ddl_rename(const struct ddl *d, const PgQuery__RenameStmt *s) MUST_CHECK;
status ddl_set_schema(const struct ddl *d, const PgQuery__AlterObjectSchemaStmt *s) MUST_CHECK;
status ddl_set_owner(const struct ddl *d, const PgQuery__AlterOwnerStmt *s) MUST_CHECK;
status ddl_comment(const struct ddl *d, const PgQuery__CommentStmt *s) MUST_CHECK;
status ddl_create_schema(const struct ddl *d, const PgQuery__CreateSchemaStmt *s) MUST_CHECK;
status ddl_create_database(const struct ddl *d, const PgQuery__CreatedbStmt *s) MUST_CHECK;
status ddl_drop_database(const struct ddl *d, const PgQuery__DropdbStmt *s) MUST_CHECK;
status ddl_alter_database(const struct ddl *d, const PgQuery__AlterDatabaseStmt *s) MUST_CHECK;
status ddl_create_role(const struct ddl *d, const PgQuery__CreateRoleStmt *s) MUST_CHECK;
status ddl_alter_role(const struct ddl *d, const PgQuery__AlterRoleStmt *s) MUST_CHECK;
status ddl_drop_role(const struct ddl *d, const PgQuery__DropRoleStmt *s) MUST_CHECK;
status ddl_grant(const struct ddl *d, const PgQuery__GrantStmt *s) MUST_CHECK;

/* A statement inside another, whose tag and count do not matter. */
status ddl_run_nested(const struct ddl *d, const PgQuery__Node *node) MUST_CHECK;
status database_rename(const struct ddl *d, const char *name, const char *new_name) MUST_CHECK;
status database_set_owner(const struct ddl *d, const char *name, uint32_t owner) MUST_CHECK;
status schema_rename(const struct ddl *d, const char *name, const char *new_name) MUST_CHECK;
status schema_set_owner(const struct ddl *d, const char *name, uint32_t owner) MUST_CHECK;
status role_rename(const struct ddl *d, const char *name, const char *new_name) MUST_CHECK;

/* Names in the relation's own statements: rename.c also serves ALTER TABLE ... ADD ... USING INDEX.
 */
status rename_index(const struct ddl *d, struct table_desc *t, struct index_desc *x,
                    const char *name) MUST_CHECK;

#endif
