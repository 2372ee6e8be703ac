/* lib/storage/lsm/table_writer.h: entries in order in, the bytes of a table out.
 *
 * Pure: no files, no clock, no heap of a node, so it runs in an offload job; one thread at a time.
 * It keeps one data block, and the index and filters of the table (about 2 % of its size), in
 * memory until they are written. Running out of memory stops the process. */
#ifndef LINERA_STORAGE_LSM_TABLE_WRITER_H
#define LINERA_STORAGE_LSM_TABLE_WRITER_H

#include "storage/lsm/table_format.h"

struct table_writer;

struct table_options {
    uint64_t               number;      /* of the table */
    uint64_t               created_us;  /* wall clock now */
    enum block_compression compression; /* of all blocks */
    /* table_cipher() of `key`, lives until the table is finished; NULL: it is not encrypted. */
    const struct cipher   *cipher;
    struct file_seal       key;
    uint32_t
        block_size; /* of data and index blocks before compression, 1 KiB to 32 KiB; 0: 8 KiB */
    uint32_t bits_per_key; /* of filters, up to BLOOM_BITS_MAX; 0: BLOOM_BITS_USUAL */
};

/* A writer of an empty table. Never NULL. */
struct table_writer *table_writer_new(const struct table_options *options);
/* Accepts NULL; a table that is not finished is forgotten. */
void                 table_writer_free(struct table_writer *w);

/* Add an entry behind all before (asserted). Copies what it keeps. */
void table_writer_add(struct table_writer *w, const struct lsm_entry *e);
/* Add a clear; clears are in order among themselves and do not touch (asserted), and may come at
 * any time before the end, whatever entries there are. Copies. */
void table_writer_add_clear(struct table_writer *w, const struct lsm_clear *clear);

/* Neither an entry nor a clear was added: such a table must not be finished. */
bool table_writer_is_empty(const struct table_writer *w);

/* About how large the file would be if it were finished now. */
uint64_t table_writer_size(const struct table_writer *w);

/* Bytes to be appended to the file, on malloc's heap. The caller resets it when they are written,
 * or takes it and leaves another (malloc's too, empty) in its place, any time between calls. */
struct buf *table_writer_output(struct table_writer *w);

/* Write all that is left. What the properties say of keys is borrowed from the writer. Then only
 * table_writer_output() and table_writer_free(). */
void table_writer_finish(struct table_writer *w, struct table_properties *out);

#endif
