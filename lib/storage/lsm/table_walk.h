/* lib/storage/lsm/table_walk.h: a table from its first byte to its last, with all that is wrong
 * with it: what verification and tools see. A cursor stops at the first damage; a walk says what it
 * found, where, and which keys it concerns, and goes on behind it.
 *
 * Checked are: each block's checksum, place, form and order; that every entry lies between the
 * separators above it, and its key is in the filter; that blocks fill the file without gap or
 * overlap; and that the properties are those of the content. Blocks are read past the cache. */
#ifndef LINERA_STORAGE_LSM_TABLE_WALK_H
#define LINERA_STORAGE_LSM_TABLE_WALK_H

#include "storage/lsm/table.h"

struct table_fault {
    uint64_t offset; /* in the file: of the block, or of the first byte of what is wrong */
    /* Which keys (with their space) it concerns, both included; empty: no bound is known. */
    slice    least, greatest;
    status   error; /* CORRUPT; the walk's: status_copy() keeps it */
};

enum table_block_kind {
    TABLE_BLOCK_DATA,
    TABLE_BLOCK_VALUE,
    TABLE_BLOCK_FILTER,
    TABLE_BLOCK_INDEX,
    TABLE_BLOCK_CLEARS,
    TABLE_BLOCK_PROPERTIES,
};

const char *table_block_kind_name(enum table_block_kind kind);

struct table_block {
    enum table_block_kind kind;
    unsigned              level; /* of an index block, from 1 */
    struct block_handle   handle;
    uint64_t              count;           /* of entries, in data and index blocks */
    slice                 least, greatest; /* as in struct table_fault */
};

/* What is wanted. Everything handed to the functions is borrowed for the call; an error of theirs
 * ends the walk, which returns it. */
struct table_walk {
    slice start, end;  /* keys with their space: only blocks that may have some of [start, end) are
                          read, and totals are not compared then. Empty: no bound */
    bool  skip_values; /* do not read blocks of values */
    void *ctx;
    status MAY_YIELD (*fault)(void *ctx, const struct table_fault *f);
    /* Either may be NULL. Blocks come with those above them first, entries in order. A value that
     * was not read, or is damaged, is empty whatever its size. */
    status MAY_YIELD (*block)(void *ctx, const struct table_block *b);
    status MAY_YIELD (*entry)(void *ctx, const struct lsm_entry *e, uint64_t value_size);
};

/* Walk an open table. What is found wrong goes to `fault`; the walk itself fails with IO_ERROR,
 * OUT_OF_MEMORY or what the functions return. */
status MAY_YIELD lsm_table_walk(struct lsm_table *t, const struct table_walk *o) MUST_CHECK;

/* Walk all of it. CORRUPT: the first fault. */
status MAY_YIELD lsm_table_verify(struct lsm_table *t) MUST_CHECK;

#endif
