/* lib/storage/lsm/table.h: a table opened for reading. docs/formats.md draws its bytes.
 *
 * A table belongs to one worker; any number of its fibers may read it at once. Blocks come from the
 * cache or from the file; every block is checked before anything in it is believed, and a
 * damaged one is CORRUPT, with file, offset and the keys that may be concerned, and never an
 * answer. A block that several fibers want is read once, and a failed reading is not kept. Reads of
 * what the system has in memory are made here and now, others yield. */
#ifndef LINERA_STORAGE_LSM_TABLE_H
#define LINERA_STORAGE_LSM_TABLE_H

#include "env/file.h"
#include "storage/lsm/cache.h"
#include "storage/lsm/cursor.h"
#include "storage/lsm/lsm_metrics.h"
#include "storage/lsm/table_format.h"

struct lsm_table;

struct lsm_table_options {
    const char             *path;   /* of the file */
    uint64_t                number; /* of the table */
    struct cache           *cache;  /* lives longer than the table */
    struct block_codec     *codec;  /* the worker's; lives longer too */
    /* Of an encrypted store, borrowed for the opening; NULL: it is not encrypted. */
    const struct keyring   *keyring;
    const struct file_seal *seal; /* what the table must have; NULL: whatever it says */
    slice least, greatest;        /* keys, for errors of the opening, borrowed for it; or empty */
    struct lsm_metrics
        *metrics; /* of the engine, lives longer than the table; NULL: nobody counts */
};

/* Open: reads footer, index root, clears and properties. CORRUPT; UNDEFINED_FILE. On success *out
 * belongs to the caller. */
status MAY_YIELD lsm_table_open(struct env *env, const struct lsm_table_options *o,
                                struct lsm_table **out) MUST_CHECK;
/* No cursor may be open and nothing read from it held. Accepts NULL. */
void             lsm_table_close(struct lsm_table *t);

const struct table_properties *lsm_table_properties(const struct lsm_table *t);
/* What opens its blocks; as long as the table. */
const struct table_seal       *lsm_table_seal(const struct lsm_table *t);
/* Its clears, sorted and apart; as long as the table. */
const struct lsm_clear        *lsm_table_clears(const struct lsm_table *t, size_t *count);

/* What a get found. Whoever got it releases it. */
struct lsm_table_value {
    bool             found;
    struct lsm_entry entry; /* the key is the one asked for; the rest lies in `held` */
    struct cached   *held;
};

/* The newest entry of `key` (with its space) at or below `ts`, of any kind. `hash` is
 * bloom_hash(key). */
status MAY_YIELD lsm_table_get(struct lsm_table *t, slice key, uint64_t hash, hlc_ts ts,
                               struct lsm_table_value *out) MUST_CHECK;
void             lsm_table_value_release(struct lsm_table_value *v);

/* About how many bytes of the file's data and values are of keys below `key`: those of all blocks
 * before the one that can have it. Reads blocks of the index alone. */
status MAY_YIELD lsm_table_offset(struct lsm_table *t, slice key, uint64_t *offset) MUST_CHECK;
/* Put a key that divides the table's data blocks at about `where` of 2^32 into the empty *key, from
 * the index alone; leave it empty when there are none. A greater `where` never gives a smaller key.
 */
status MAY_YIELD lsm_table_sample(struct lsm_table *t, uint32_t where, struct buf *key) MUST_CHECK;

/* A cursor over all entries. What it stands on stays in memory until it moves. With `fill` false
 * data blocks are read past the cache. One that goes on forward and finds nothing in the cache
 * reads ahead, 32 KiB and then up to 512 KiB at once. */
struct lsm_cursor *lsm_table_cursor(struct lsm_table *t, bool fill);

/* ---- reading in pieces, for compaction --------------------------------------------------------
 */

/* Steps over the data blocks in order. */
struct lsm_table_scan;

struct lsm_table_scan *lsm_table_scan_open(struct lsm_table *t);
void                   lsm_table_scan_close(struct lsm_table_scan *s);

/* Sealed bytes of the file. */
struct lsm_table_piece {
    uint64_t             offset;
    struct buf           bytes;  /* malloc's */
    struct block_handle *blocks; /* the data blocks in it; all their value blocks are in it too */
    size_t               count;
};

/* The next data blocks, about `size` bytes of them; count 0: there are no more. Past the cache. The
 * piece is the caller's to free. */
status MAY_YIELD lsm_table_scan_next(struct lsm_table_scan *s, uint32_t size,
                                     struct lsm_table_piece *out) MUST_CHECK;
void             lsm_table_piece_free(struct lsm_table_piece *p);

/* ---- for table_walk.c -------------------------------------------------------------------------
 */

/* Kinds of blocks beside the levels of the index, which are from 0 (data) up. */
enum { LSM_TABLE_FILTER = -1, LSM_TABLE_VALUE = -2 };

/* Read a block past the cache, checked as a block of its kind; on success *out is the caller's to
 * heap_free(). CORRUPT says where. */
status MAY_YIELD lsm_table_block(struct lsm_table *t, const struct block_handle *h, int kind,
                                 struct block **out) MUST_CHECK;
/* As long as the table. */
const struct table_footer *lsm_table_footer(const struct lsm_table *t);
const char                *lsm_table_file_path(const struct lsm_table *t);
struct heap               *lsm_table_heap(const struct lsm_table *t);

#endif
