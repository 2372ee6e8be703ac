/* lib/client/distribution.h: which keys are touched how often. */
#ifndef LINERA_CLIENT_DISTRIBUTION_H
#define LINERA_CLIENT_DISTRIBUTION_H

#include <stdint.h>

#include "base/prng.h"

/* Ranks 1 to n, rank k with a weight of k to the power of minus ZIPF_EXPONENT, which is YCSB's. */
#define ZIPF_EXPONENT 0.99

struct zipf {
    uint64_t n;
    double   low, high; /* areas under the curve left of the first and right of the last rank */
    double   shortcut;
};

/* `n` is at least 1. Costs a few logarithms, so it may be called again whenever n has grown. */
void     zipf_init(struct zipf *z, uint64_t n);
uint64_t zipf_next(const struct zipf *z, struct prng *prng);

/* A number below n that stands for `rank` (below n) and no other: the ranks are strewn over the
 * keys, so that popular keys are not neighbours. */
uint64_t scatter(uint64_t rank, uint64_t n);

/* What stands at position i (below n) of a random order of the numbers below n, of as many orders
 * as there are seeds. Unlike scatter()'s, its steps have no regularity that a store could profit
 * of. */
uint64_t shuffle(uint64_t i, uint64_t n, uint64_t seed);

#endif
