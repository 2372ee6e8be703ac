/* lib/sql/parse/normalise.h: literals of a simple-protocol statement become parameters, so that
 * statements that differ in constants alone share one plan.
 *
 * One pass over the bytes, no allocation but the outputs. Conservative (pitfall Q2): a literal
 * stays in the text wherever its value or its being a literal may matter to the meaning, the
 * result's column names or the plan, and a statement this scanner is not sure of is refused and
 * planned as it stands. */
#ifndef LINERA_SQL_PARSE_NORMALISE_H
#define LINERA_SQL_PARSE_NORMALISE_H

#include <stdint.h>

#include "base/buf.h"
#include "base/slice.h"

enum { NORMALISED_LITERALS_MAX = 256 };

struct normalised_literal {
    uint32_t type; /* OID_INT4, OID_INT8, OID_NUMERIC, or OID_UNKNOWN for a string */
    slice    text; /* the value: a number's digits, a string's contents. Points into the statement,
                      or into struct normalised's `unquoted` where '' had to become ' */
};

/* Reusable: the buffers keep their memory from one statement to the next. */
struct normalised {
    struct buf key;      /* statement with $1, $2 ...; comments and spaces collapsed. Then a
                            zero byte and one letter per literal for its type, so that
                            the whole is the plan cache's key for this text */
    size_t     sql_size; /* key.data[0 .. sql_size) is the statement to parse */
    struct buf unquoted;
    size_t     literal_count;
    struct normalised_literal literals[NORMALISED_LITERALS_MAX];
};

void normalised_init(struct normalised *n, struct heap *heap);
void normalised_deinit(struct normalised *n);

/* False: plan the statement as text (not one SELECT, INSERT, UPDATE or DELETE; written parameters;
 * constructs the scanner leaves alone; too many literals). `text` must be valid UTF-8;
 * `standard_strings` is standard_conforming_strings. On true the literals hold until the next call
 * or the end of `text`, whichever is first. Parameters of type OID_UNKNOWN are bound with type 0
 * (to be inferred); when that fails, the caller plans the text as it stands instead. */
bool normalise(struct normalised *n, slice text, bool standard_strings);

#endif
