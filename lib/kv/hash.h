/* lib/kv/hash.h: the hash of a key, computed once per request for latches, locks and the timestamp
 * cache. Never stored, never an order. */
#ifndef LINERA_KV_HASH_H
#define LINERA_KV_HASH_H

#include <stdint.h>

#include "base/slice.h"

uint64_t key_hash(slice key);

#endif
