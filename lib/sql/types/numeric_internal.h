/* lib/sql/types/numeric_internal.h: an unpacked number on GMP, for the numeric files of this
 * folder. */
#ifndef LINERA_SQL_TYPES_NUMERIC_INTERNAL_H
#define LINERA_SQL_TYPES_NUMERIC_INTERNAL_H

#include <gmp.h>

#include "sql/types/numeric.h"

/* m * 10^-scale, or a special value. GMP's memory is malloc's: every num is a SCOPED(num). */
struct num {
    enum numeric_class class; /* NUMERIC_POSITIVE for every finite number: the sign is m's */
    int   scale;
    mpz_t m;
};

void num_init(struct num *n);
void num_load(struct num *n, slice packed); /* initialises */
void num_clear(struct num *n);

static inline void num_scoped_end(struct num *n)
{
    num_clear(n);
}

static inline bool num_is_finite(const struct num *n)
{
    return n->class == NUMERIC_POSITIVE;
}

/* 22003 when the number is outside the format. */
status num_pack(struct arena *a, const struct num *n, slice *out) MUST_CHECK;

/* m = 10^n, n >= 0. */
void   num_pow10(mpz_t m, unsigned long n);
/* Bring to a larger scale without changing the value. */
void   num_rescale_up(struct num *n, int scale);
/* q = round(n / d), halves away from zero; d > 0 and another number than q. */
void   num_divide_round(mpz_t q, const mpz_t n, const mpz_t d);
/* Round to `scale`, which may be negative; the scale becomes MAX(scale, 0). */
void   num_round(struct num *n, int scale, enum numeric_rounding how);
/* The position of the first decimal digit, counted as PostgreSQL does in groups of four: *weight is
 * the group's, 0 being the one before the point, *first the group's value. Zero gives 0, 0. */
void   num_first_group(const struct num *n, int *weight, int *first);
/* Decimal digits of |m|. */
size_t num_digits(const struct num *n);
status num_overflow(void) MUST_CHECK;

#endif
