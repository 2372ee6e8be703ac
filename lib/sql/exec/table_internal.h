/* lib/sql/exec/table_internal.h: shared by table*.c only. */
#ifndef LINERA_SQL_EXEC_TABLE_INTERNAL_H
#define LINERA_SQL_EXEC_TABLE_INTERNAL_H

#include "sql/exec/eval.h"
#include "sql/exec/table.h"

/* Evaluators of one index's expressions, over a whole row as slots. */
struct index_evals {
    struct eval **parts; /* NULL where the part is a column */
    struct eval  *predicate;
};

struct table {
    const struct table_layout *layout;
    struct sql_context        *c;
    struct txn                *txn;
    struct arena              *arena;
    struct eval_context        eval;
    struct index_evals        *evals;   /* NULL: no expressions */
    struct arena              *scratch; /* what one row's change needs; reset by the next */
    int64_t                    row_id_next;
    struct buf                 key, value, key_old, value_old; /* being built */
};

/* An entry of a secondary index for a row, or the row itself. */
struct entry {
    bool  exists;   /* false: the row does not fulfil the predicate */
    bool  has_null; /* a part is null */
    datum values[INDEX_KEY_PARTS_MAX];
    bool  nulls[INDEX_KEY_PARTS_MAX];
};

/* Values of the index's parts for a row, expressions computed. */
status entry_compute(struct table *t, size_t index, const struct table_row *row, struct entry *out)
    MUST_CHECK;
/* Whole key and value of an entry; row->key must be set. */
void entry_encode(const struct table_layout *l, const struct index_layout *ix,
                  const struct entry *e, const struct table_row *row, struct buf *key,
                  struct buf *value);
/* A unique entry's key is complete without the row's key. */
bool entry_key_is_unique(const struct index_layout *ix, bool has_null);

/* Append the columns `stored` says (attnum order) as a row value. */
void row_value_begin(const struct table_layout *l, struct buf *out);

/* Rows of the primary index: key bytes without prefix, value. */
void row_encode_key(const struct table_layout *l, const struct table_row *row, struct buf *out,
                    bool *inexact);
void row_encode_value(const struct table_layout *l, const struct table_row *row, struct buf *out);

status unique_violation(struct table *t, const struct index_layout *ix, const struct entry *e)
    MUST_CHECK;

#endif
