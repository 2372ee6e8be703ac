/* lib/storage/log_format.h: the bytes of log segments and checkpoints; docs/formats.md draws them.
 * Pure functions, so that a fuzzer can feed them anything. For files of lib/storage only.
 *
 * All integers are little-endian. Every checksum is CRC-32C. */
#ifndef LINERA_STORAGE_LOG_FORMAT_H
#define LINERA_STORAGE_LOG_FORMAT_H

#include "base/buf.h"
#include "storage/keyring.h"

enum {
    LOG_VERSION = 4,
    LOG_VERSION_SEALED = 5, /* as 4, encrypted */
    SEGMENT_HEADER_SIZE = 64,
    SEGMENT_HEADER_SIZE_MAX = SEGMENT_HEADER_SIZE + FILE_SEAL_SIZE, /* of a sealed one */
    RECORD_HEADER_SIZE = 20,
    RECORD_ALIGN = 4,
    CHECKPOINT_VERSION = 1,
    CHECKPOINT_HEADER_SIZE = 64,
    CHECKPOINT_BLOCK_HEADER_SIZE = 24,
    CHECKPOINT_BLOCK_SIZE_MAX = 1 << 30,
    IDENTITY_VERSION = 2, /* also of everything else that the store consists of */
    IDENTITY_SIZE = 64,
};

/* A segment begins with this, written together with its first records. */
struct segment_header {
    uint64_t segment;          /* its number; a file whose name says another one is not begun yet */
    uint64_t first_sequence;   /* of its first record; ends what counts of the segment before */
    uint64_t previous_segment; /* the begun one before it; 0 for the first */
    uint32_t previous_crc;     /* of the last record that counts before it (chain, L4) */
    uint32_t kept; /* the oldest segment with something of a Raft log is so many numbers before */
    uint8_t  incarnation[16]; /* of the store */
    bool     is_sealed;       /* records are encrypted; `seal` says with which key */
    struct file_seal seal;
};

/* What a record holds, or a part of. */
enum log_content {
    LOG_BATCH, /* an engine batch (batch.h), not replicated */
    LOG_RAFT,  /* a batch of changes to Raft logs (raft_format.h) */
    LOG_CONTENTS,
};

enum record_type {
    RECORD_WHOLE = 1, /* a batch in one record */
    RECORD_FIRST,     /* or in several: it counts once the last one is there */
    RECORD_MIDDLE,
    RECORD_LAST,
    RECORD_MARK, /* no batch: carries `synced` only */
};

/* What the records of one segment of one store have in common: their checksums begin with it, so
 * that a record of a former life of the file, or of another store, is none (L4). */
struct log_generation {
    uint64_t segment;
    uint32_t seed;
};

struct log_record {
    enum record_type type;
    enum log_content content;
    uint64_t         segment;  /* in which it lies; set by take */
    uint64_t         sequence; /* counts records, from 1, without gaps */
    /* Records below this were durable when this one was written (L3). Taken, it may be 0, for
     * nothing known, when that was 65535 records ago. */
    uint64_t         synced;
    uint32_t         previous; /* checksum of the record before (L4) */
    uint32_t         crc;      /* of this one; set by put and take */
    size_t           size;     /* of all of it in the file; set by put and take */
    slice            payload;
};

void   segment_header_put(struct buf *b, const struct segment_header *h);
/* False: not a begun segment, or damaged. */
bool   segment_header_take(slice bytes, struct segment_header *out);
/* Where the first record begins. */
size_t segment_header_size(bool is_sealed);
/* What a segment's key is bound to: the header before its seal. `header` begins the segment. */
slice  segment_header_bound(slice header);

/* What records of a segment are encrypted with while they are written; all zeros: with nothing. */
struct log_sealer {
    struct cipher *cipher;
    uint64_t       nonce; /* of the next record; never goes back */
};

struct log_generation log_generation(const uint8_t incarnation[16], uint64_t segment);

/* Bytes of a record with that much payload, filling included. */
size_t   log_record_size(size_t payload_size);
/* The same of the record that begins here, as far as its header, RECORD_HEADER_SIZE bytes that
 * nothing has checked yet, can tell. */
uint64_t log_record_size_of(const char *header);
/* Append; sets r->crc and r->size. */
void     log_record_put(struct buf *b, struct log_record *r, const struct log_generation *g,
                        struct log_sealer *sealer);
/* Take a record of this generation off the front of *bytes. False, with *bytes as it was, when
 * there is none whose checksum holds. The payload points into *bytes, and may be sealed. Of its
 * sequence it has the low half: the rest is that of `near`, a sequence within 2^31 of it. */
bool     log_record_take(slice *bytes, const struct log_generation *g, uint64_t near,
                         struct log_record *out);
/* Decrypt the payload of a record that was taken from a sealed segment; it is then in *plain.
 * False: it was changed by somebody who made the checksum fit. */
bool log_record_open(const struct cipher *c, struct log_record *r, struct buf *plain) MUST_CHECK;

/* A checkpoint: this header, then blocks, each a batch of operations; the last block is empty and
 * its number says that none is missing. */
struct checkpoint_header {
    uint64_t sequence; /* the first record that it does not contain */
    uint64_t segment;  /* where that record is, or will be */
    uint8_t  incarnation[16];
};

void checkpoint_header_put(struct buf *b, const struct checkpoint_header *h);
bool checkpoint_header_take(slice bytes, struct checkpoint_header *out);
/* The checksum covers sequence and number of the block, so that a block in another place or from
 * another checkpoint does not pass (L17). */
void checkpoint_block_put(struct buf *b, uint64_t sequence, uint64_t number, slice payload);
/* Size of the payload of the block that begins here; false when the header cannot be. */
bool checkpoint_block_size(slice header, uint64_t *size);
bool checkpoint_block_take(slice *bytes, uint64_t sequence, uint64_t number, slice *payload);

struct identity {
    uint8_t  cluster_id[16];
    uint64_t node_id, store_id;
    uint8_t  incarnation[16];
};

void identity_put(struct buf *b, const struct identity *id);
/* Sets *version when the file is one of ours with whole checksum; false otherwise. */
bool identity_take(slice bytes, struct identity *out, uint32_t *version);

#endif
