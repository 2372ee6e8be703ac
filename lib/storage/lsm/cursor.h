/* lib/storage/lsm/cursor.h: how one reads a source of the LSM engine in order, either way.
 *
 * A cursor belongs to one fiber at a time. What it stands on does not change under it: its source
 * is pinned. The entry is borrowed until the cursor moves or is closed. */
#ifndef LINERA_STORAGE_LSM_CURSOR_H
#define LINERA_STORAGE_LSM_CURSOR_H

#include "base/status.h"
#include "env/env.h"
#include "storage/lsm/entry.h"

struct lsm_cursor;

/* Each leaves the cursor on an entry, or not valid when there is none. An error (CORRUPT, IO_ERROR)
 * leaves it not valid. */
struct lsm_cursor_ops {
    /* The first entry at or behind (key, ts) in the order of entries. */
    status MAY_YIELD (*seek)(struct lsm_cursor *c, slice key, hlc_ts ts);
    /* The last entry before (key, ts). */
    status MAY_YIELD (*seek_before)(struct lsm_cursor *c, slice key, hlc_ts ts);
    status MAY_YIELD (*first)(struct lsm_cursor *c);
    status MAY_YIELD (*last)(struct lsm_cursor *c);
    /* From a valid cursor. */
    status MAY_YIELD (*next)(struct lsm_cursor *c);
    status MAY_YIELD (*prev)(struct lsm_cursor *c);
    /* Frees the cursor and its hold on the source. */
    void (*close)(struct lsm_cursor *c);
};

struct lsm_cursor {
    const struct lsm_cursor_ops *ops;
    bool                         valid;
    struct lsm_entry             entry;
};

#endif
