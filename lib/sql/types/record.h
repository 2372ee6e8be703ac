/* lib/sql/types/record.h: ROW(...) values, packed: the number of fields as a varint, then for each
 * its type's OID (u32le), a byte that is 1 for null, and, unless null, type_value_encode()'s bytes.
 */
#ifndef LINERA_SQL_TYPES_RECORD_H
#define LINERA_SQL_TYPES_RECORD_H

#include "sql/types/type.h"

/* A record being read; borrows the packed bytes. */
struct record_view {
    size_t count; /* fields not taken yet */
    slice  rest;
};

status record_build(struct arena *a, const uint32_t *types, const datum *values, const bool *nulls,
                    size_t count, slice *out) MUST_CHECK;

/* CORRUPT when the header is damaged. */
status record_open(slice packed, struct record_view *out) MUST_CHECK;
/* The next field; false behind the last, or where the bytes are damaged (count is not 0 then). */
bool   record_next(struct record_view *v, const struct type **type, datum *out, bool *null);

#endif
