/* lib/storage/lsm/bloom.h: whether a key may be in a part of a table.
 *
 * A Bloom filter (Bloom, "Space/time trade-offs in hash coding with allowable errors", CACM 1970)
 * whose bits for one key all lie in one cache line (Putze, Sanders, Singler, "Cache-, Hash- and
 * Space-Efficient Bloom Filters", 2007): a question costs one miss. With ten bits a key about 1 %
 * of the keys that are not there pass.
 *
 * What is hashed is the key with its space and without the timestamp (L16). Pure. */
#ifndef LINERA_STORAGE_LSM_BLOOM_H
#define LINERA_STORAGE_LSM_BLOOM_H

#include "base/buf.h"
#include "base/status.h"

enum {
    BLOOM_LINE_SIZE = 64,
    BLOOM_HEADER_SIZE = 64, /* a line of its own, so that lines are where cache lines are */
    BLOOM_SIZE_MAX = 1 << 16,
    BLOOM_LINES_MAX = BLOOM_SIZE_MAX / BLOOM_LINE_SIZE - 1,
    BLOOM_BITS_USUAL = 10, /* a key */
    BLOOM_BITS_MAX = 32,
};

/* XXH3-64 of the key. */
uint64_t bloom_hash(slice key);

/* So many keys fit a filter of the largest size; with more it lets more through. */
size_t bloom_keys_max(unsigned bits_per_key);

/* Append the filter of the hashes, at most BLOOM_SIZE_MAX bytes; returns its size. */
size_t bloom_build(struct buf *out, const uint64_t *hashes, size_t count, unsigned bits_per_key);

/* Check a filter of whatever bytes. CORRUPT: bloom_may_contain() must not be asked. */
status bloom_check(slice filter) MUST_CHECK;

/* False: no key with this hash was added. Of a filter that bloom_check() has passed. */
bool bloom_may_contain(slice filter, uint64_t hash);

#endif
