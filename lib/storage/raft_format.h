/* lib/storage/raft_format.h: the bytes of changes to Raft logs; docs/formats.md draws them. Pure
 * functions, so that a fuzzer can feed them anything. For files of lib/storage only.
 *
 * One change after the other, as in an engine's batch:
 *
 *     op u8, then by op (numbers are varints):
 *     1 ENTRY       range, index, term, type u8, data size, data
 *     2 HARD_STATE  range, term, vote, commit
 *     3 TRUNCATE    range, index, term     entries up to index are gone
 *     4 RESET       range, index, term     all entries are gone, the next is index + 1
 *     5 REMOVE      range
 *     6 MOVED       range, index, term, type u8, origin, data size, data
 *                                          an entry, written again so that its segment can go
 *     7 START       segment                segments before this one hold nothing that is needed
 *
 * ENTRY makes the entries at and above its index void; MOVED changes nothing but the place. */
#ifndef LINERA_STORAGE_RAFT_FORMAT_H
#define LINERA_STORAGE_RAFT_FORMAT_H

#include "storage/raft_log.h"

enum raft_op_kind {
    RAFT_ENTRY = 1,
    RAFT_HARD_STATE,
    RAFT_TRUNCATE,
    RAFT_RESET,
    RAFT_REMOVE,
    RAFT_MOVED,
    RAFT_START,
};

struct raft_op {
    enum raft_op_kind      kind;
    uint64_t               range_id;
    struct raft_entry      entry;  /* index and term also of TRUNCATE and RESET */
    uint64_t               origin; /* MOVED: the record in which the entry was appended */
    struct raft_hard_state hard_state;
    uint64_t               segment;
};

void raft_op_put(struct buf *b, const struct raft_op *op);
/* Take the next change off the front of *bytes; false, with *bytes as it was, when it is malformed
 * or there is none. The data points into *bytes. */
bool raft_op_take(slice *bytes, struct raft_op *out);
/* Whether all of it is well-formed. */
bool raft_ops_are_valid(slice bytes);

#endif
