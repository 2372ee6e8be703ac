/* lib/sql/types/float.h: floating-point numbers as text, shared by the types and their casts. */
#ifndef LINERA_SQL_TYPES_FLOAT_H
#define LINERA_SQL_TYPES_FLOAT_H

#include "sql/types/type.h"

/* The fewest digits that read back as the same number (extra_float_digits > 0, the default), or
 * 15 + extra digits (6 + extra for float4) as printf's %g when it is 0 or below. `single`: float4.
 */
void   float_format(double v, bool single, int extra_digits, struct buf *out);
/* The number that a text is, or 22P02, 22003. */
status float_parse(const struct type *t, slice text, double *out) MUST_CHECK;
/* PostgreSQL's order: NaN is equal to itself and greater than all else. */
int    float_order(double a, double b);

#endif
