/* lib/storage/lsm/table_format.h: the bytes of a table beside its blocks of entries (block.h) and
 * filters (bloom.h); docs/formats.md draws them. Pure functions, any thread.
 *
 *     | data and value blocks ... | filters | index | clears | properties | footer |
 *
 * Every block of any kind is sealed (block_seal) when written and opened (block_open) when read,
 * and by nothing else; only the footer is not a block.
 *
 * The index is a tree with at least two levels: blocks of level 1 ("partitions") lead to data
 * blocks; level 2 and up to blocks of the level below. The footer names the root. Usually it is of
 * level 2; only keys of thousands of bytes need more. Each partition has one filter, named beside
 * it on level 2. A table without entries, for its clears alone, has no index. */
#ifndef LINERA_STORAGE_LSM_TABLE_FORMAT_H
#define LINERA_STORAGE_LSM_TABLE_FORMAT_H

#include "storage/lsm/block.h"
#include "storage/lsm/bloom.h"
#include "storage/keyring.h"

enum {
    TABLE_VERSION = 1,
    TABLE_VERSION_SEALED = 2, /* the same, encrypted */
    TABLE_FOOTER_SIZE = 96,
    TABLE_SEAL_SIZE = FILE_SEAL_SIZE + CIPHER_TAG_SIZE, /* before the footer of a sealed table */
    TABLE_FOOTER_SIZE_MAX = TABLE_FOOTER_SIZE + TABLE_SEAL_SIZE,
    BLOCK_TRAILER_SIZE = 9, /* compression u8, checksum u64 */
    BLOCK_TRAILER_SIZE_SEALED = 1 + CIPHER_TAG_SIZE,
    TABLE_BLOCK_SIZE_MAX = 256 << 20, /* of any block, raw: a value or the clears of a table */
    TABLE_PROPERTIES_SIZE_MAX = 1 << 16,
    /* Of a clear: a key of the largest size and one byte more. */
    TABLE_BOUND_SIZE_MAX = BLOCK_KEY_SIZE_MAX + 1,
};

enum block_compression {
    COMPRESSION_NONE = 0,
    COMPRESSION_LZ4 = 1,
    COMPRESSION_ZSTD = 2,
};

/* ---- sealing ---- */

/* What the blocks of a table are bound to: a block of another table, or of another place in this
 * one, does not open (L17). */
struct table_seal {
    uint64_t             number; /* of the table; its file's name */
    const struct cipher *cipher; /* of the table alone, borrowed; NULL: it is not encrypted */
};

/* Contexts of the compression libraries, made at first use; about 150 KiB with ZSTD; and the last
 * decrypted block. One thread at a time, any number of tables. */
struct block_codec;

/* From `heap` (NULL: malloc's). Stops the process when there is no memory for it. */
struct block_codec *block_codec_new(struct heap *heap);
/* Accepts NULL. */
void                block_codec_free(struct block_codec *c);

/* Append `content` as a block that begins at `offset` of the file; its handle, with `raw_size`,
 * goes to *out. Compressed when that saves an eighth or more. */
void block_seal(struct block_codec *c, const struct table_seal *seal,
                enum block_compression compression, uint64_t offset, slice content,
                uint32_t raw_size, struct buf *file, struct block_handle *out);

/* Open the bytes [h->offset, h->offset + h->size) of the file into `b`, which is of h->raw_size
 * bytes, and set its content_size. CORRUPT: checksum or tag fail, or the content is longer; `b`
 * then holds anything. OUT_OF_MEMORY: as it says. */
status block_open(struct block_codec *c, const struct table_seal *seal,
                  const struct block_handle *h, slice stored, struct block *b) MUST_CHECK;
/* CORRUPT unless the content is as long as the handle said: of blocks that are not loaded. */
status block_check_whole(const struct block *b) MUST_CHECK;

/* Whether a block of this handle can be in a file of that size, before its footer, and has a raw
 * size that a block of the kind may have: to be asked before memory is taken for it. CORRUPT if
 * not. */
status block_handle_check(const struct block_handle *h, uint64_t file_size, uint32_t raw_size_max)
    MUST_CHECK;

/* ---- footer ---- */

/* The last bytes of a table. */
struct table_footer {
    uint64_t            number;      /* of the table */
    uint32_t            index_level; /* of the root of the index; 0: no entries, no index */
    struct block_handle index;       /* the root; zeros when there is none */
    struct block_handle clears;      /* zeros when there are none */
    struct block_handle properties;
    struct file_seal    seal; /* which key the table has; key_id 0: it is not encrypted */
};

/* `cipher` is the table's; NULL when f->seal.key_id is 0. */
void   table_footer_put(struct buf *b, const struct table_footer *f, const struct cipher *cipher);
/* From the end of the file `number` of `file_size` bytes; `bytes` are its last
 * TABLE_FOOTER_SIZE_MAX, or all when it is shorter. Checks all but the tag: afterwards every handle
 * lies in the file. CORRUPT; FEATURE_NOT_SUPPORTED: a version that this program does not know. */
status table_footer_take(slice bytes, uint64_t number, uint64_t file_size, struct table_footer *out)
    MUST_CHECK;
/* Whether the tag of a sealed table's footer holds; `bytes` as above. */
bool   table_footer_open(slice bytes, const struct cipher *cipher) MUST_CHECK;
/* Bytes of a file behind its blocks. */
size_t table_footer_size(const struct table_footer *f);
/* The cipher of the table of that number and seal; cipher_free() it. As keyring_cipher(). */
status table_cipher(const struct keyring *k, struct heap *heap, uint64_t number,
                    const struct file_seal *seal, struct cipher **out) MUST_CHECK;

/* ---- properties ---- */

/* What planning needs to know of a table without reading it. Keys are borrowed: from the writer, or
 * from the bytes they were taken from. */
struct table_properties {
    /* Every entry is within (least_key, least_ts) and (greatest_key, greatest_ts), both included,
     * in the order of entries; and every clear is within [least_key, greatest_key). A clear that
     * begins the table gives least_ts UINT64_MAX; one that ends it, its end as greatest_key with
     * greatest_ts UINT64_MAX. */
    slice    least_key, greatest_key;
    hlc_ts   least_ts, greatest_ts;
    hlc_ts   ts_min, ts_max; /* of entries with versions, of whatever kind; both 0 without any */
    uint64_t entries;        /* of all kinds */
    uint64_t keys;           /* different ones; what is more of entries are older versions */
    uint64_t tombstones;
    uint64_t cleared;
    uint64_t clears;
    uint64_t raw_key_size, raw_value_size; /* sums over entries, before any compression */
    uint64_t data_size;                    /* of data and value blocks, in the file */
    uint64_t data_blocks, value_blocks;
    uint64_t created_us; /* wall clock, from the options */
    uint64_t file_size;  /* not among the encoded: from the file */
};

/* All but file_size, in a form of its own length. */
void   table_properties_put(struct buf *b, const struct table_properties *p);
/* Take them off the front of *bytes. CORRUPT; *bytes is then anywhere. Sets file_size to 0. */
status table_properties_take(slice *bytes, struct table_properties *out) MUST_CHECK;
/* Copy with keys of its own, from `heap`: one block at least_key.data, freed by
 * table_properties_free(). */
void   table_properties_copy(struct heap *heap, const struct table_properties *p,
                             struct table_properties *out);
void   table_properties_free(struct table_properties *p);

/* ---- clears ---- */

/* Append one; a clears block is one behind the other. */
void   table_clear_put(struct buf *b, const struct lsm_clear *clear);
/* Take apart the content of a clears block. On success *out has *count clears, at least one, from
 * `heap`, to be given back with heap_free(); their slices borrow from `raw`. CORRUPT: they are not
 * what table_clear_put() writes, or not sorted and apart. */
status table_clears_take(struct heap *heap, slice raw, struct lsm_clear **out, size_t *count)
    MUST_CHECK;

#endif
