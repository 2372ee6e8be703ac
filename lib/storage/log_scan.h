/* lib/storage/log_scan.h: the log of a store, read from its segments without changing anything:
 * which of them count, in which order, and where the log ends. For recovery and for tools.
 *
 * Where it ends is decided by what its records prove. Each record carries how far the log was
 * durable when it was written; a begun segment proves that all before it was. If what can be read
 * in order ends below what is proved, acknowledged batches are damaged: CORRUPT (L3). Otherwise the
 * end is a torn write that nobody was told of: the next segment says where the log goes on, so what
 * is left behind the cut is never looked at again. */
#ifndef LINERA_STORAGE_LOG_SCAN_H
#define LINERA_STORAGE_LOG_SCAN_H

#include "base/arena.h"
#include "env/env.h"
#include "storage/log_format.h"
#include "storage/raft_log_internal.h"

struct log_segment {
    uint64_t              number;
    uint64_t              size; /* of the file */
    struct segment_header header;
    bool                  is_begun; /* otherwise the header says nothing */
    bool                  counts;   /* the caller's */
};

/* Errors end the scan, which returns them. */
struct log_visitor {
    void *ctx;
    /* Each record that follows the last one, in order; `offset` in its segment.
     * NULL: not asked for. */
    status (*record)(void *ctx, const struct log_record *r, uint64_t offset);
    /* Each batch that is whole and not empty; `last` is its last record, `place` the first. NULL:
     * not asked for. */
    status (*batch)(void *ctx, const struct log_record *last, struct log_place place, slice bytes);
};

struct log_scan {
    struct env               *env;
    const char               *dir; /* borrowed */
    uint8_t                   incarnation[16];
    const struct keyring     *keyring; /* borrowed; NULL: the store is not encrypted */
    const struct log_visitor *visitor; /* while reading */
    struct arena             *arena;
    struct log_segment       *segments; /* all there are, by number */
    size_t                    count;
    struct log_segment      **chain; /* those that are read, in order */
    size_t                    chain_count;
    struct buf                bytes;  /* of the segment that is, or was last, read */
    struct cipher            *cipher; /* of that segment; NULL: it is not encrypted */
    struct buf                plain;  /* of the last record */
    slice                     rest;   /* what of it does not count, with zeros and former lives */
    uint64_t                  size;   /* bytes of the log that count */
    struct buf                batch;  /* being put together from its records */
    struct log_place          place;  /* of that */
    bool                      in_batch;
    bool                      has_begun; /* the first record that begins a batch was seen */
    uint64_t                  start;     /* the first record that the engine needs */
    uint64_t                  sequence;  /* behind the last record read */
    uint32_t                  crc;
    uint64_t                  end; /* behind the last whole batch: where the log goes on */
    uint32_t                  end_crc;
    uint64_t                  needed; /* segments from this one on hold what Raft logs need, as
                                         headers say */
    uint64_t                  proved; /* records below are proved to have been durable */
};

/* Of the store of that incarnation in `dir`. Names and keys are borrowed. */
void log_scan_init(struct log_scan *s, struct env *env, const char *dir,
                   const uint8_t incarnation[16], const struct keyring *keyring);
void log_scan_deinit(struct log_scan *s);

/* Which segments there are, and what their headers say. */
status MAY_YIELD log_scan_list(struct log_scan *s) MUST_CHECK;
/* Choose the segments to be read for a state that has all below `start`. CORRUPT: one is missing.
 */
status           log_scan_chain(struct log_scan *s, uint64_t start) MUST_CHECK;
/* Read them. CORRUPT: something is damaged or missing that was durable. Nothing is read when there
 * is no segment; all of the log is then s->start. */
status MAY_YIELD log_scan_read(struct log_scan *s, const struct log_visitor *v) MUST_CHECK;

/* Read one segment alone, whatever came before it: for tools. CORRUPT: it is not a begun segment,
 * or a record is damaged behind which others prove that it was durable. */
status MAY_YIELD log_scan_file(struct log_scan *s, const char *path, const struct log_visitor *v)
    MUST_CHECK;

/* CORRUPT, in the scan's words: what is wrong with a segment. */
status log_scan_corrupt(const struct log_scan *s, uint64_t segment, const char *what) MUST_CHECK;

#endif
