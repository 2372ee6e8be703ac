/* lib/sql/parse/fingerprint.h: what kind of statement a text is: the text without its literals,
 * comments and spare blanks, for statistics that must not hold one entry, nor anybody's data, for
 * every value.
 *
 * Unlike the normaliser this one never refuses and replaces every literal, also where its value
 * decides the plan: nothing is executed from a fingerprint. */
#ifndef LINERA_SQL_PARSE_FINGERPRINT_H
#define LINERA_SQL_PARSE_FINGERPRINT_H

#include "base/buf.h"
#include "base/slice.h"

/* Append the fingerprint of `text` to *out, at most about `size_max` bytes of it: a longer one ends
 * in "...". Literals are numbered behind the parameters that the text has itself. */
void fingerprint(slice text, size_t size_max, struct buf *out);

#endif
