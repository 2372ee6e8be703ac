/* lib/sql/catalog/keys.h: where things lie in the key space (architecture.md section 8).
 *
 *     's' 'd' <kind> <oid>                    a descriptor (kind: enum object_kind)
 *     's' 'n' <kind> <parent oid> <name>      locks on names; never a value
 *     's' 'o'                                 the counter of OIDs and storage ids
 *     's' 'q' <storage id>                    the counter of a sequence
 *     't' <storage id> <key id> ...           rows and index entries; what follows is
 * exec/table.c's
 *
 * Numbers are ordered unsigned: one byte below 240, else 240 + n and n bytes, big end first, n as
 * small as it goes. */
#ifndef LINERA_SQL_CATALOG_KEYS_H
#define LINERA_SQL_CATALOG_KEYS_H

#include "base/buf.h"

enum { KEY_SPACE_SYSTEM = 's', KEY_SPACE_TABLE = 't' };

/* Append an ordered unsigned number. */
void key_put_uint(struct buf *b, uint64_t v);
/* Take one off the front; false, with *s as it was, when there is none. */
bool key_take_uint(slice *s, uint64_t *out);

/* Append the prefix of all entries of one index of a table. */
static inline void key_put_index_prefix(struct buf *b, uint64_t storage_id, uint32_t key_id)
{
    buf_put_u8(b, KEY_SPACE_TABLE);
    key_put_uint(b, storage_id);
    key_put_uint(b, key_id);
}

/* Append the prefix of everything a table stores. */
static inline void key_put_table_prefix(struct buf *b, uint64_t storage_id)
{
    buf_put_u8(b, KEY_SPACE_TABLE);
    key_put_uint(b, storage_id);
}

/* Append the first key behind all keys that begin with `prefix`, which is not all 0xff. */
void key_put_prefix_end(struct buf *b, slice prefix);

#endif
