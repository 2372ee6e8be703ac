#include "kv/hash.h"

#include <xxhash.h>

/* The last byte moves the hash by one in its low bits and in those from the twentieth on, so that
 * keys that follow each other are neighbours in the tables made of either: a load of rows in order
 * then meets a cache miss for each eighth row, not for each. */
#define HASH_STRIDE ((UINT64_C(1) << 20) + 1)

uint64_t key_hash(slice key)
{
    uint64_t last;

    if (key.size == 0)
        return 0;
    last = (uint8_t)key.data[key.size - 1];
    return XXH3_64bits(key.data, key.size - 1) + last * HASH_STRIDE;
}
