/* lib/storage/lsm/entry.h: what the sources of the LSM engine hold (docs/design/14-lsm-engine.md).
 */
#ifndef LINERA_STORAGE_LSM_ENTRY_H
#define LINERA_STORAGE_LSM_ENTRY_H

#include "base/compiler.h"
#include "base/slice.h"
#include "hlc/hlc.h"

/* Every key of the engine begins with a byte that says which of the two key spaces it is of. */
enum lsm_space {
    LSM_SPACE_META = 0, /* unversioned: ts is 0 */
    LSM_SPACE_DATA = 1,
    LSM_SPACE_END = 2, /* the byte that is above all keys */
};

enum lsm_kind {
    LSM_VALUE,
    LSM_TOMBSTONE, /* a version that says "deleted"; readers see it */
    LSM_CLEARED,   /* hides the same key and ts in older sources; readers do not see it */
};

/* The slices are borrowed from whoever gives the entry. */
struct lsm_entry {
    slice         key; /* space, then the key */
    hlc_ts        ts;
    enum lsm_kind kind;
    slice         value; /* empty unless LSM_VALUE */
};

/* Order of entries: by key, then from the newest timestamp to the oldest. */
static inline int lsm_entry_cmp(slice a_key, hlc_ts a_ts, slice b_key, hlc_ts b_ts)
{
    int c = slice_cmp(a_key, b_key);

    if (c != 0)
        return c;
    return (a_ts < b_ts) - (a_ts > b_ts);
}

/* All keys in [start, end) of older sources are hidden. Neither is empty: what has no upper end
 * goes to the end of its space. Of one source they are sorted and do not overlap or touch. */
struct lsm_clear {
    slice start, end;
};

/* Whether one of the sorted clears has the key. */
static inline bool lsm_clears_cover(const struct lsm_clear *clears, size_t count, slice key)
{
    size_t low = 0, high = count;

    while (low < high) { /* the first that ends behind the key */
        size_t middle = (low + high) / 2;

        if (slice_cmp(clears[middle].end, key) <= 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low < count && slice_cmp(clears[low].start, key) <= 0;
}

#endif
