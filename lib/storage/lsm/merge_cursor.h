/* lib/storage/lsm/merge_cursor.h: several sources read as one, as readers see them: of equal
 * entries the newest source's, nothing that a newer clear hides, no CLEARED entries
 * (docs/design/14-lsm-engine.md, "Sources, not sequence numbers"). */
#ifndef LINERA_STORAGE_LSM_MERGE_CURSOR_H
#define LINERA_STORAGE_LSM_MERGE_CURSOR_H

#include "base/heap.h"
#include "storage/lsm/cursor.h"

struct merge_source {
    struct lsm_cursor      *cursor;
    const struct lsm_clear *clears; /* of the source; borrowed, as what it reads is pinned */
    size_t                  clear_count;
};

/* A cursor over the sources, the newest first. Takes the cursors, and closes them with itself; the
 * array is copied. Memory from `heap`. Never NULL. */
struct lsm_cursor *merge_cursor_open(struct heap *heap, const struct merge_source *sources,
                                     size_t count);

#endif
