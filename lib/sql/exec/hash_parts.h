/* lib/sql/exec/hash_parts.h: rows of a hash table that became too large, parted by their hash into
 * temporary files; parts are then worked on one after the other, and parted again if need be (a
 * "grace" join, Kitsuregawa et al. 1983). For the files of this folder only. */
#ifndef LINERA_SQL_EXEC_HASH_PARTS_H
#define LINERA_SQL_EXEC_HASH_PARTS_H

#include "sql/exec/spill.h"

enum { PART_COUNT = 16, PART_LEVELS_MAX = 6 };

struct hash_part {
    struct spill_tape *sides[2];
    int                level; /* how often its rows have been parted */
};

struct hash_parts;

/* Rows of side 0 and 1 have these shapes (borrowed; the second may be NULL: one side only). */
status hash_parts_new(struct op *op, const struct row_shape *side_0, const struct row_shape *side_1,
                      struct hash_parts **out) MUST_CHECK;
void   hash_parts_free(struct hash_parts *p); /* Accepts NULL. */

/* Begin to part rows that were parted `level` times before. */
void     hash_parts_begin(struct hash_parts *p, int level);
status   hash_parts_put(struct hash_parts *p, size_t side, uint64_t hash, const datum *values,
                        const bool *nulls) MUST_CHECK;
/* How many rows of a side are in the part that this hash belongs to, since the last begin. */
uint64_t hash_parts_rows(const struct hash_parts *p, size_t side, uint64_t hash);
/* All rows are there: the parts wait to be taken. */
status   hash_parts_end(struct hash_parts *p) MUST_CHECK;
/* The next part with rows; false: there is none. Its tapes are the caller's to drop. */
bool     hash_parts_next(struct hash_parts *p, struct hash_part *out);

#endif
