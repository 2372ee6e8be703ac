/* tests/common/lsm_entries.h: sorted arrays of random entries, for tests of the LSM engine's parts.
 */
#ifndef LINERA_TESTS_COMMON_LSM_ENTRIES_H
#define LINERA_TESTS_COMMON_LSM_ENTRIES_H

#include "base/arena.h"
#include "base/prng.h"
#include "storage/lsm/entry.h"

/* What the entries are like. */
struct lsm_entries_shape {
    size_t   count;           /* before equal ones are dropped */
    unsigned key_size_max;    /* behind a prefix */
    unsigned prefix_size_max; /* some keys share a prefix of up to that many bytes */
    unsigned versions_max;    /* of one key, at once */
    unsigned value_size_max;
    unsigned large_one_in; /* values of up to large_size_max; 0: none */
    unsigned large_size_max;
};

struct lsm_entries {
    struct lsm_entry *items;
    size_t            count;
};

/* Strictly sorted entries of both spaces and all kinds. Everything lives in `arena`. */
void lsm_entries_random(struct arena *arena, struct prng *p, const struct lsm_entries_shape *shape,
                        struct lsm_entries *out);

/* A shape chosen by the generator, from tiny to keys at the size limit. */
struct lsm_entries_shape lsm_entries_shape_random(struct prng *p, size_t count);

/* The position of the first entry at or behind (key, ts); the count when there is none. */
size_t lsm_entries_lower_bound(const struct lsm_entries *e, slice key, hlc_ts ts);

/* A (key, ts) to search for: an entry's own, or one beside or between entries. */
slice lsm_entries_probe(struct arena *arena, struct prng *p, const struct lsm_entries *e,
                        hlc_ts *ts);

#endif
