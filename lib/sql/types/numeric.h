/* lib/sql/types/numeric.h: NUMERIC: decimal numbers of up to 131,072 digits before the point and
 * 16,383 behind it, NaN and the infinities, with PostgreSQL 15's rules for the scale of each
 * result.
 *
 * A datum of the type is a slice:
 *
 *     class u8 (enum numeric_class) | scale u16le | coefficient, little-endian, no zero byte at the
 * end
 *
 * The value is coefficient * 10^-scale; zero has no coefficient bytes. Most numbers have a
 * coefficient of eight bytes or less, for which the arithmetic below stays in machine words; GMP
 * does the rest. */
#ifndef LINERA_SQL_TYPES_NUMERIC_H
#define LINERA_SQL_TYPES_NUMERIC_H

#include "sql/types/type.h"

enum numeric_class {
    NUMERIC_POSITIVE, /* zero too */
    NUMERIC_NEGATIVE,
    NUMERIC_NAN,
    NUMERIC_INFINITY,
    NUMERIC_NEG_INFINITY,
};

enum {
    NUMERIC_SCALE_MAX = 16383,        /* of a stored value */
    NUMERIC_DISPLAY_SCALE_MAX = 1000, /* that a computation chooses */
    NUMERIC_INTEGER_DIGITS_MAX = 131072,
    NUMERIC_SIGNIFICANT_DIGITS = 16, /* that a quotient or a root has at least */
};

/* Results live in `a`. Errors are PostgreSQL's: 22003 when a value leaves the format, 22012 for a
 * division by zero, 2201E and 2201F for logarithms and powers that are not defined. */

slice  numeric_from_int64(struct arena *a, int64_t v);
slice  numeric_from_int128(struct arena *a, int128_t v);
/* v * 10^-scale. */
slice  numeric_from_scaled(struct arena *a, int128_t v, unsigned scale);
slice  numeric_special(struct arena *a, enum numeric_class class);
/* `digits` significant digits of v: 15 for float8, 6 for float4. */
status numeric_from_double(struct arena *a, double v, int digits, slice *out) MUST_CHECK;
/* Rounded to the nearest integer, halves away from zero; `type_name` is for the error. */
status numeric_to_int64(slice v, const char *type_name, int64_t *out) MUST_CHECK;
/* The nearest double; 22003 when it is out of range. */
status numeric_to_double(slice v, double *out) MUST_CHECK;
status numeric_parse(struct arena *a, slice text, slice *out) MUST_CHECK;
void   numeric_format(slice v, struct buf *out);
/* Round to precision and scale of a type modifier (-1: none), or 22003. */
status numeric_apply_typmod(struct arena *a, slice v, int32_t typmod, slice *out) MUST_CHECK;

enum numeric_class numeric_class(slice v);
unsigned           numeric_scale(slice v);
bool               numeric_is_zero(slice v);
/* Whether the bytes are of the form above and within the limits. */
bool               numeric_is_sound(slice v);
/* Whether the value is coefficient * 10^-scale with a coefficient of 64 bits. */
bool               numeric_is_small(slice v, int128_t *coefficient, unsigned *scale);

status numeric_add(struct arena *a, slice x, slice y, slice *out) MUST_CHECK;
status numeric_sub(struct arena *a, slice x, slice y, slice *out) MUST_CHECK;
status numeric_mul(struct arena *a, slice x, slice y, slice *out) MUST_CHECK;
status numeric_div(struct arena *a, slice x, slice y, slice *out) MUST_CHECK;
/* The quotient cut to an integer, and what remains of x then. */
status numeric_div_trunc(struct arena *a, slice x, slice y, slice *out) MUST_CHECK;
status numeric_mod(struct arena *a, slice x, slice y, slice *out) MUST_CHECK;
slice  numeric_negate(struct arena *a, slice x);

enum numeric_rounding { NUMERIC_ROUND, NUMERIC_TRUNC, NUMERIC_CEIL, NUMERIC_FLOOR };
/* To `scale` digits behind the point, which may be negative; the result has that scale, or 0. */
status numeric_round_to(struct arena *a, slice x, int scale, enum numeric_rounding how, slice *out)
    MUST_CHECK;
/* The least scale that holds the value, and the value with that scale. */
unsigned numeric_min_scale(slice x);
slice    numeric_trim_scale(struct arena *a, slice x);

/* numeric_math.c */
status numeric_sqrt(struct arena *a, slice x, slice *out) MUST_CHECK;
/* To a scale of the caller's choice. */
status numeric_sqrt_to_scale(struct arena *a, slice x, int scale, slice *out) MUST_CHECK;
status numeric_exp(struct arena *a, slice x, slice *out) MUST_CHECK;
status numeric_ln(struct arena *a, slice x, slice *out) MUST_CHECK;
status numeric_log(struct arena *a, slice base, slice x, slice *out) MUST_CHECK;
status numeric_power(struct arena *a, slice x, slice y, slice *out) MUST_CHECK;
status numeric_gcd(struct arena *a, slice x, slice y, slice *out) MUST_CHECK;
status numeric_lcm(struct arena *a, slice x, slice y, slice *out) MUST_CHECK;
status numeric_factorial(struct arena *a, int64_t n, slice *out) MUST_CHECK;

#endif
