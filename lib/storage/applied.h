/* lib/storage/applied.h: how far the state of each range is, as an engine knows it. For files of
 * lib/storage only. */
#ifndef LINERA_STORAGE_APPLIED_H
#define LINERA_STORAGE_APPLIED_H

#include "base/hmap.h"

struct applied {
    uint64_t index;         /* what reads see */
    uint64_t durable;       /* what the engine's own log would bring back */
    uint64_t written;       /* what is in a checkpoint */
    bool     is_replicated; /* `index` came by engine_apply(): the engine's log does not have it */
};

/* How a batch comes to be applied. */
enum apply_how {
    APPLY_UNSYNCED,   /* it is in the log, which is not yet durable */
    APPLY_SYNCED,     /* it is durable in the log, or comes from there or a checkpoint */
    APPLY_REPLICATED, /* the Raft log of its range has it */
};

/* Range id -> struct applied. */
void            applied_deinit(struct umap *m);
/* The range's place, made with `durable` when there is none. */
struct applied *applied_of(struct umap *m, uint64_t range_id, uint64_t durable);
void            applied_set(struct applied *a, uint64_t index, enum apply_how how);
/* All that is in the engine's log is on disk now. */
void            applied_note_durable(struct umap *m);

#endif
