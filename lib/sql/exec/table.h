/* lib/sql/exec/table.h: stored tables as rows: the only code that knows how rows and index entries
 * look as key-values. Everything that touches stored rows goes through here: scans, DML, foreign
 * keys, COPY, index backfill, TRUNCATE.
 *
 *     /table/<storage_id>/<key_id>/<key parts>            -> row or entry
 *
 * Primary index (indexes[0]): the parts are the primary key's columns without null markers, or the
 * hidden row id, eight bytes big-endian. The value is the row:
 *
 *     varint column count known when written | { varint column number delta | value } ...
 *
 * with nulls and columns held by the key left out; values are type_value_encode()'s. A column that
 * lies behind the count was added later and has its missing_text's value (descriptor.h). Where the
 * key does not give a value back exactly (numeric 1.0 and 1.00), the row holds it too.
 *
 * Secondary indexes: each part is a marker byte (1 null in front, 2 value, 3 null behind), then the
 * value's key bytes, inverted when descending. The parts are followed by the primary key's bytes,
 * unless the index is unique and no part is null (Q5): then these begin the value, as a sized
 * slice. Behind them the value is built as a row's: inexact parts, inexact primary key columns and
 * INCLUDE.
 *
 * Invariants: (1) every row has exactly one entry in each PUBLIC or WRITE_ONLY index whose
 * predicate it fulfils; (2) no index, whatever its state, has an entry for a row that is gone
 * (pitfalls D2, D4). */
#ifndef LINERA_SQL_EXEC_TABLE_H
#define LINERA_SQL_EXEC_TABLE_H

#include "base/buf.h"
#include "sql/bind/expr.h"
#include "sql/catalog/descriptor.h"
#include "sql/types/type.h"
#include "txn/txn.h"

/* ---- layout: what is known of a table once and for all, immutable -------------------------------
 */

struct layout_part {
    int16_t            column; /* attnum; 0: expression */
    bool               descending, nulls_first;
    const struct type *type;
    struct expr       *expression; /* bound over the table's columns, as EXPR_COLUMN of entry 0 */
};

struct index_layout {
    const struct index_desc *desc;
    size_t                   part_count;
    struct layout_part      *parts;
    struct expr             *predicate; /* NULL: not partial */
    bool                    *covers;    /* [column number - 1]: an entry gives the column back */
    slice                    prefix;    /* /table/<storage_id>/<key_id>/ */
};

struct table_layout {
    const struct table_desc *desc;
    size_t                   column_count; /* dropped ones included */
    const struct type      **types;        /* by column number - 1; NULL for dropped of no type */
    datum                   *missing;      /* values of columns that a row was written without */
    bool                    *missing_null;
    size_t                   index_count;
    struct index_layout     *indexes;
    bool                     has_expressions; /* any expression part or predicate */
};

/* Describe a stored table in `a`; the descriptor is borrowed. Binds index expressions and
 * predicates. MAY_YIELD. */
status table_layout_new(struct sql_context *c, struct arena *a, const struct table_desc *desc,
                        const struct table_layout **out) MUST_CHECK;

/* ---- rows ---------------------------------------------------------------------------------------
 */

/* A whole row, by column number - 1. Dropped columns are null. */
struct table_row {
    datum *values;
    bool  *nulls;
    slice  key; /* the primary key's bytes behind the index prefix: the row's identity */
};

/* Room for a row of the table in `a`, all null. */
void table_row_init(const struct table_layout *l, struct arena *a, struct table_row *row);

/* A table in use by one statement. Lives in the arena it was opened in. */
struct table;

/* Open for reading and writing through c->txn. `a` must outlive the table. */
status table_open(struct sql_context *c, struct arena *a, const struct table_layout *l,
                  struct table **out) MUST_CHECK;
/* Release what does not live in the arena (key buffers). Accepts NULL. */
void   table_close(struct table *t);

const struct table_layout *table_layout_of(const struct table *t);

/* ---- keys ---------------------------------------------------------------------------------------
 */

/* Append the key bytes of leading parts of an index. Nulls get their marker. *inexact (may be NULL)
 * turns true when a value is not given back by its key. */
void table_encode_parts(const struct index_layout *ix, const datum *values, const bool *nulls,
                        size_t count, struct buf *out, bool *inexact);
/* One part without looking at the others; `primary` leaves the marker out. */
void table_encode_part(const struct layout_part *p, bool primary, datum value, bool null,
                       struct buf *out, bool *inexact);
/* The smallest key behind all that begin with `key`: in place; false when there is none. */
bool table_key_successor(struct buf *key);

/* ---- reading ------------------------------------------------------------------------------------
 */

/* Decode columns of a primary or secondary entry into `row`: those with wanted[i], or all when
 * `wanted` is NULL (a secondary index gives only what it covers). row->key is set. Slices point
 * into key and value, or into `a` where a value must be rebuilt. CORRUPT when the bytes are none of
 * ours. */
status table_decode_entry(const struct table_layout *l, const struct index_layout *ix,
                          struct arena *a, slice key, slice value, const bool *wanted,
                          struct table_row *row) MUST_CHECK;

/* Fetch by primary key bytes (row identity), as the statement's snapshot and own writes have it. */
status table_get(struct table *t, slice row_key, struct arena *a, const bool *wanted,
                 struct table_row *row, bool *found) MUST_CHECK;

/* Lock a row, then read what it holds now. txn_row flags in *lock. */
status table_get_for(struct table *t, slice row_key, enum lock_strength strength,
                     enum lock_wait wait, struct arena *a, struct table_row *row,
                     struct txn_row *lock) MUST_CHECK;

/* The row that a unique index holds under these part values; found = false when there is none or a
 * part is null. */
status table_find_unique(struct table *t, const struct index_layout *ix, const datum *parts,
                         const bool *nulls, struct arena *a, slice *row_key, bool *found)
    MUST_CHECK;

/* A scan of key-values of one index between two encoded bounds (without prefix; empty: open). */
struct table_scan {
    const struct index_layout *index;
    slice                      start, end; /* [start, end) */
    bool                       reverse;
    uint64_t                   limit_hint;
};
status table_scan_open(struct table *t, const struct table_scan *s, struct txn_cursor **out)
    MUST_CHECK;

/* ---- writing ------------------------------------------------------------------------------------
 * NOT NULL, CHECK and foreign keys are the caller's; unique keys and indexes are kept here. A
 * row->key that is set here lives until the next change through the same table. */

/* Insert a row with all its entries. A table without a primary key gives it a row id; row->key is
 * set. UNIQUE_VIOLATION with PostgreSQL's text when a key exists. */
status table_insert(struct table *t, struct table_row *row) MUST_CHECK;

/* As table_insert, but a clash with one of `arbiters` (index OIDs; count 0: any unique index)
 * writes nothing and hands back the clashing row's identity in `a`; *conflict tells. own_command:
 * it was the running statement that wrote it. Other clashes are errors. */
struct table_conflict {
    bool  found;
    bool  own_command;
    slice row_key;
};
status table_insert_or_find(struct table *t, struct table_row *row, const uint32_t *arbiters,
                            size_t arbiter_count, struct arena *a, struct table_conflict *out)
    MUST_CHECK;

/* Replace a row that the caller has locked. old->key names it; when the primary key changes, the
 * row moves, and row->key is set anew. */
status table_update(struct table *t, const struct table_row *old, struct table_row *row) MUST_CHECK;
status table_delete(struct table *t, const struct table_row *old) MUST_CHECK;

/* ---- schema changes -----------------------------------------------------------------------------
 */

/* Write the entries of one index for all rows the transaction sees; *rows counts them.
 * UNIQUE_VIOLATION ("could not create unique index ...") on duplicates. The index may be in any
 * state. MAY_YIELD. */
status table_backfill_index(struct sql_context *c, const struct table_desc *desc,
                            size_t index_position, uint64_t *rows) MUST_CHECK;
/* Remove all entries of one index, or all data of a table with `index_position` SIZE_MAX. Nobody
 * else may be using the span (txn_delete_range). */
status table_wipe(struct sql_context *c, const struct table_desc *desc, size_t index_position)
    MUST_CHECK;

/* "(id, name)=(1, x)" as PostgreSQL's details show a key; and "(1, x, null)" for a failing row. */
void        table_describe_key(struct sql_context *c, const struct table_layout *l,
                               const struct index_layout *ix, const datum *parts, const bool *nulls,
                               struct buf *out);
void        table_describe_row(struct sql_context *c, const struct table_layout *l,
                               const struct table_row *row, struct buf *out);
/* For the fields of errors: the schema a table stands in, NULL where no catalog is at hand. */
const char *table_schema_name(struct sql_context *c, const struct table_desc *t);

#endif
