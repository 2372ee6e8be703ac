#include "kv/hash.h"

#include <xxhash.h>

uint64_t key_hash(slice key)
{
    return XXH3_64bits(key.data, key.size);
}
