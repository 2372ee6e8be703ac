/* lib/storage/lsm/manifest_format.h: what a manifest says of the tables of a store, and its bytes;
 * docs/formats.md draws them. Pure functions, any thread.
 *
 * A manifest is a header and records, each an edit. Records are numbered without gaps, carry the
 * number of their manifest and the checksum of the record before, so that none passes in another
 * place or file (L17). Each says which ones were durable when it was written, which tells a torn
 * tail from damage (L3); a record without payload is a *mark* and says only that. */
#ifndef LINERA_STORAGE_LSM_MANIFEST_FORMAT_H
#define LINERA_STORAGE_LSM_MANIFEST_FORMAT_H

#include "base/buf.h"
#include "base/compiler.h"
#include "base/status.h"
#include "hlc/hlc.h"
#include "storage/keyring.h"

enum {
    LSM_LEVELS = 7,
    MANIFEST_VERSION = 1,
    MANIFEST_VERSION_SEALED = 2, /* the same, encrypted */
    MANIFEST_HEADER_SIZE = 64,   /* of the manifest before its seal, and the whole of `current` */
    MANIFEST_RECORD_HEADER_SIZE = 40,
    MANIFEST_RECORD_ALIGN = 8,
    MANIFEST_EDIT_SIZE_MAX = 64 << 20, /* of a payload */
    MANIFEST_KEY_SIZE_MAX = 16 << 10,  /* of a bound, the byte of its space included */
};

/* Numbers of files and sizes of tables stay far from where sums of them would wrap. */
#define MANIFEST_NUMBER_MAX     (UINT64_MAX >> 1)
#define MANIFEST_TABLE_SIZE_MAX (UINT64_C(1) << 48)

/* ---- tables and edits ---------------------------------------------------------------------------
 */

/* A table as planning sees it. Keys begin with the byte of their space. */
struct table_meta {
    uint64_t number; /* of the file; never 0 */
    uint64_t size;   /* of the file */
    uint32_t level;
    /* All entries and clears lie within [least, greatest]; with `greatest_open` within
     * [least, greatest): then `greatest` is the end of a clear (greatest_ts of the table's
     * properties is UINT64_MAX), and the next table of the level may begin with it. */
    slice    least, greatest;
    bool     greatest_open;
    hlc_ts   ts_min, ts_max; /* of all entries; both 0 without any */
    uint64_t entries;        /* of all kinds */
    uint64_t keys;           /* different keys among them; 0: not counted */
    uint64_t tombstones;     /* of the entries: versions that say "deleted" */
    uint64_t cleared;        /* of the entries: CLEARED */
    uint64_t clears;
    uint64_t raw_size;   /* keys and values before compression */
    uint64_t created_us; /* wall clock */
    hlc_ts   gc_ts;      /* the garbage below it was dropped when the table was written; 0: none */
    /* The key the file must have, or it is another one (L17); key_id 0: it is not encrypted. */
    struct file_seal seal;
};

struct table_ref {
    uint32_t level;
    uint64_t number;
};

struct applied_index {
    uint64_t range_id;
    uint64_t index; /* 0: the range is not here any more */
};

/* Nobody reads [start, end) below `ts` any more. Neither bound is empty. */
struct gc_threshold {
    slice  start, end;
    hlc_ts ts;
};

/* A change of the set of tables and of what goes with it; all of it counts, or nothing. What was
 * added later is newer: of level 0 the tables of a later edit, and of one edit the later ones,
 * hide what the earlier ones hold. Tables are removed before others are added, so that an edit may
 * move a table to another level. Owns its memory. */
struct manifest_edit {
    struct heap          *heap;
    struct table_meta    *added;
    size_t                added_count, added_capacity;
    struct table_ref     *removed;
    size_t                removed_count, removed_capacity;
    struct applied_index *applied;
    size_t                applied_count, applied_capacity;
    struct gc_threshold  *gc;
    size_t                gc_count, gc_capacity;
    uint64_t              log_sequence;     /* first record not in tables; 0: as it was */
    uint64_t              next_file_number; /* 0: as it was. manifest_append() sets it */
};

/* From `heap` (NULL: malloc's). Nothing is allocated before the first addition. */
void manifest_edit_init(struct manifest_edit *e, struct heap *heap);
void manifest_edit_deinit(struct manifest_edit *e);
/* Empty again. */
void manifest_edit_reset(struct manifest_edit *e);
bool manifest_edit_is_empty(const struct manifest_edit *e);
/* Keys are copied. */
void manifest_edit_add(struct manifest_edit *e, const struct table_meta *t);
void manifest_edit_remove(struct manifest_edit *e, uint32_t level, uint64_t number);
/* Whether it takes the table from its level. */
bool manifest_edit_removes(const struct manifest_edit *e, const struct table_meta *t);
void manifest_edit_set_applied(struct manifest_edit *e, uint64_t range_id, uint64_t index);
/* Raises the threshold of the span; where it is higher already it stays. Bounds are copied. */
void manifest_edit_set_gc(struct manifest_edit *e, slice start, slice end, hlc_ts ts);

/* Copy with keys of its own, in one block from `heap`; table_meta_free() gives it back. */
void table_meta_copy(struct heap *heap, const struct table_meta *t, struct table_meta *out);
void table_meta_free(struct table_meta *t);

void gc_threshold_copy(struct heap *heap, const struct gc_threshold *g, struct gc_threshold *out);
void gc_threshold_free(struct gc_threshold *g);
bool gc_threshold_is_valid(const struct gc_threshold *g);

/* Whether a table can be in any manifest: number, level, bounds in order and not too long. */
bool table_meta_is_valid(const struct table_meta *t);
/* Whether the table may hold something of `key`. */
bool table_meta_covers(const struct table_meta *t, slice key);
/* Whether it may hold something of [start, end); an empty `end`: no upper end. */
bool table_meta_overlaps(const struct table_meta *t, slice start, slice end);
/* Whether it holds nothing outside [start, end). */
bool table_meta_is_inside(const struct table_meta *t, slice start, slice end);
/* Whether all of `a` is before all of `b`. */
bool table_meta_is_before(const struct table_meta *a, const struct table_meta *b);

/* ---- bytes --------------------------------------------------------------------------------------
 */

/* The payload of a record. Equal edits give equal bytes. */
void   manifest_edit_put(struct buf *b, const struct manifest_edit *e);
/* Add the content of `payload` to the empty edit. CORRUPT: it is not what manifest_edit_put()
 * writes. CONFIG_ERROR: it has a field that only a newer version of the program knows. On error
 * the edit is empty. */
status manifest_edit_take(slice payload, struct manifest_edit *e) MUST_CHECK;

struct manifest_header {
    uint64_t number;     /* of the manifest's file */
    uint64_t first_edit; /* number of the first record */
    uint64_t whole_size; /* what was durable before `current` named the file: no tail of this is
                            ever torn */
    uint8_t  incarnation[16]; /* of the store */
    uint32_t crc;             /* set by put and take; the first record chains to it */
    bool     is_sealed;       /* records are encrypted; `seal` says with which key */
    struct file_seal seal;
};

void   manifest_header_put(struct buf *b, struct manifest_header *h);
/* CORRUPT; CONFIG_ERROR: a version that this program does not know. */
status manifest_header_take(slice bytes, struct manifest_header *out) MUST_CHECK;
/* Where the first record begins. */
size_t manifest_header_size(bool is_sealed);
/* What the manifest's key is bound to: the header before its seal. `header` begins the file. */
slice  manifest_header_bound(slice header);

/* The file `current`: which manifest counts. */
void   manifest_current_put(struct buf *b, uint64_t number, const uint8_t incarnation[16]);
status manifest_current_take(slice bytes, uint64_t *number, uint8_t incarnation[16]) MUST_CHECK;

struct manifest_record {
    uint64_t manifest; /* number of the file */
    uint64_t edit;     /* number of the edit, counted over all manifests of the store */
    uint64_t synced;   /* edits below this were durable when this one was written */
    uint32_t previous; /* checksum of the record before, or of the header */
    uint32_t crc;      /* of this one; set by put and take */
    size_t   size;     /* of all of it in the file; set by put and take */
    slice    payload;  /* empty: a mark */
};

/* Bytes of a record with that much content. */
size_t manifest_record_size(size_t content_size, bool is_sealed);
/* Append; sets r->crc and r->size. With `c` the payload is encrypted, with a nonce never used
 * before. */
void   manifest_record_put(struct buf *b, struct manifest_record *r, const struct cipher *c,
                           const char nonce[CIPHER_NONCE_SIZE]);
/* Take a record of this manifest off the front of *bytes. False, with *bytes as it was, when there
 * is none whose checksum holds. The payload points into *bytes, and may be sealed. */
bool   manifest_record_take(slice *bytes, uint64_t manifest, struct manifest_record *out);
/* Decrypt the payload of a record that was taken from a sealed manifest; it is then in *plain.
 * False: it was changed by somebody who made the checksum fit. */
bool   manifest_record_open(const struct cipher *c, struct manifest_record *r, struct buf *plain)
    MUST_CHECK;

#endif
