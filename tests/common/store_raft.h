/* tests/common/store_raft.h: a range of a simulated store (store_world.h) whose Raft log is in the
 * store's log, between the commits: entries that are written, committed, applied, compacted and
 * read again. Overwritten entries, votes and many ranges are tests/storage/test_raft_log.c's. */
#ifndef LINERA_TESTS_COMMON_STORE_RAFT_H
#define LINERA_TESTS_COMMON_STORE_RAFT_H

#include "tests/common/store_world.h"

/* Do the next thing to the range. */
void store_raft_act(struct store_world *w);
/* The store was opened: what was promised must be there, without a gap, and replay bring the
 * applied index to where the commit index is. */
void store_raft_recover(struct store_world *w);
/* A copy has the range as it was. */
void store_raft_check_copy(struct store_world *w, struct engine *copy);

#endif
