/* lib/kv/keys.h: the key space: who owns which prefix, and how the numbers in it are written.
 *
 *     01 ...                                 range-local state (never split away from its range)
 *     02 ..., 03 ...                         /meta1, /meta2: key -> range descriptor
 *     04 ...                                 /system: settings, descriptors, users, jobs
 *     05 <storage id> <index id> <columns>   /table
 *
 * Ids are ordered numbers: one byte that counts the bytes that follow, then the number, big-endian,
 * without leading zero bytes. So they sort as numbers do and small ones take two bytes. */
#ifndef LINERA_KV_KEYS_H
#define LINERA_KV_KEYS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/slice.h"
#include "base/status.h"

enum key_space {
    KEY_SPACE_LOCAL = 0x01,
    KEY_SPACE_META1 = 0x02,
    KEY_SPACE_META2 = 0x03,
    KEY_SPACE_SYSTEM = 0x04,
    KEY_SPACE_TABLE = 0x05,
    KEY_SPACE_END = 0x06, /* every key is below this byte */
};

enum { KEY_ORDERED_U64_SIZE_MAX = 9 };

/* Write `v` as an ordered number at `p` (KEY_ORDERED_U64_SIZE_MAX bytes of room); the size written.
 */
size_t key_put_ordered_u64(void *p, uint64_t v);
/* Take an ordered number off the front; false, with *s as it was, when there is none. */
bool   key_take_ordered_u64(slice *s, uint64_t *out);
void   buf_put_ordered_u64(struct buf *b, uint64_t v);

/* Append the prefix of /system keys, of a table's storage, of one of its indexes. */
void key_append_system(struct buf *b);
void key_append_table(struct buf *b, uint64_t storage_id);
void key_append_index(struct buf *b, uint64_t storage_id, uint64_t index_id);

/* Take the index prefix off the front of *key, leaving the columns; false when it is no table key.
 */
bool  key_take_index(slice *key, uint64_t *storage_id, uint64_t *index_id);
/* The part of `key` that all keys of the same group share: a table key's index prefix, otherwise
 * the key-space byte. */
slice key_group(slice key);

/* The first key behind all that begin with `prefix`: the end of the prefix's span. Appended to `b`;
 * an empty prefix or one of 0xff bytes only has no such key and appends nothing (no upper end). */
void  key_append_prefix_end(struct buf *b, slice prefix);
slice key_prefix_end(struct arena *a, slice prefix);
/* The first key behind `key`: `key` with a zero byte. */
slice key_next(struct arena *a, slice key);

/* For people: /table/52/1/<hex>, /system/<hex>. In `a`. */
const char *key_print(struct arena *a, slice key);
/* Read what key_print() writes, and what is shorter: /table/52/1, /table/52, /table, /system. In
 * `a`. INVALID_PARAMETER_VALUE says what would be right. */
status      key_parse(struct arena *a, const char *text, slice *out) MUST_CHECK;

#endif
