/* lib/sql/exec/join_internal.h: what the nested loop and the hash join share. */
#ifndef LINERA_SQL_EXEC_JOIN_INTERNAL_H
#define LINERA_SQL_EXEC_JOIN_INTERNAL_H

#include "sql/exec/hash_parts.h"

struct join_op {
    struct op             op;
    struct batch          raw;    /* candidates: left columns, then right columns */
    struct batch          judged; /* those of them that the join hands on */
    size_t                left_count, right_count;
    struct row_shape      right_shape;
    struct eval          *condition;
    uint16_t             *selection;
    uint16_t             *origin;  /* left row of each candidate */
    struct row_entry    **entries; /* hash: right row of each candidate */
    const struct batch   *left;    /* being joined; NULL: the next is to be fetched */
    size_t                left_at; /* position among its live rows */
    bool                 *matched; /* by row of the left batch */
    bool                  left_done, unmatched_phase;
    size_t                unmatched_at;
    /* hash */
    struct eval         **left_keys, **right_keys;
    const struct column **key_columns;
    datum                *key_values;
    bool                 *key_nulls;
    struct row_table     *table;
    struct arena         *keys; /* of the batch at hand */
    struct row_shape      entry_shape, left_shape;
    struct hash_parts    *parts;       /* what did not fit in memory; NULL: all did */
    struct hash_part      part;        /* being joined */
    struct spill_reader  *left_reader; /* its left rows; NULL: they come from the left input */
    struct batch          left_batch;
    struct arena         *left_rows;
    datum                *row_values; /* a right row on its way to its part */
    bool                 *row_nulls;
    struct row_entry     *entry; /* the next candidate of the current left row */
    bool                  built;
    size_t                rest_at; /* FULL: right rows looked through */
    /* nested loop */
    struct eval         **params;
    const struct batch   *right;
    size_t                right_at;
    bool                  in_row, right_is_kept, row_matched;
};

static inline bool joins_kind(const struct join_op *o, enum join_kind kind)
{
    return o->op.node->join.kind == kind;
}

static inline bool wants_unmatched(const struct join_op *o)
{
    return joins_kind(o, JOIN_LEFT) || joins_kind(o, JOIN_FULL) || joins_kind(o, JOIN_ANTI);
}

status join_open(struct op *op);
void   join_reset(struct join_op *o);
status join_compile_list(struct execution *x, struct expr *const *list, size_t count,
                         struct eval ***out);
/* Parts of candidate `at`: a row of the left batch, nulls. */
void   join_put_left(struct join_op *o, size_t left_row, size_t at);
void   join_put_nulls(struct join_op *o, size_t from, size_t count, size_t at);
/* Of the candidates [0, count), those that the join hands on. */
status join_judge(struct join_op *o, size_t count, struct batch *out);
/* Candidates for the left rows of this batch that found nothing; how many. */
size_t join_collect_unmatched(struct join_op *o);
/* The next left batch from the input, or left_done. */
status join_fetch_left(struct join_op *o);
/* o->left is a new batch. */
void   join_start_left(struct join_op *o);

#endif
