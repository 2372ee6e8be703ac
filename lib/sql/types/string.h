/* lib/sql/types/string.h: what functions on strings share with the string types. */
#ifndef LINERA_SQL_TYPES_STRING_H
#define LINERA_SQL_TYPES_STRING_H

#include "base/buf.h"
#include "base/arena.h"
#include "base/status.h"

/* Valid UTF-8 without zero bytes, or 22021. */
status string_check(slice s) MUST_CHECK;
/* Apply varchar(n) or char(n); with `cut` what is too long is cut off, as explicit casts do, else
 * 22001. */
status varchar_apply_typmod(slice s, int32_t typmod, bool cut, slice *out) MUST_CHECK;
status bpchar_apply_typmod(struct arena *a, slice s, int32_t typmod, bool cut, slice *out)
    MUST_CHECK;
status string_fit(slice s, size_t characters, bool cut, const char *type, slice *out) MUST_CHECK;
slice  bpchar_trim(slice s); /* without trailing blanks */
enum { NAME_BYTES_MAX = 63 };
slice  name_cut(slice s); /* at most NAME_BYTES_MAX bytes, whole characters */
status hex_decode(struct arena *a, slice text, slice *out) MUST_CHECK;
void   hex_encode(slice bytes, struct buf *out);
status bytea_escape_decode(struct arena *a, slice text, slice *out) MUST_CHECK;
void   bytea_escape_encode(slice bytes, struct buf *out);
/* A key that does not decode: CORRUPT. */
status key_corrupt(const char *type) MUST_CHECK;

#endif
