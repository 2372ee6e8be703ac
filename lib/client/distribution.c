/* Zipf's law by rejection-inversion: Hörmann and Derflinger, "Rejection-inversion to generate
 * variates from monotone discrete distributions" (ACM TOMACS 6:3, 1996). Unlike the method of Gray
 * et al. that YCSB uses it needs no sum over all ranks, so that n may grow while the run inserts.
 */
#include "client/distribution.h"

#include <math.h>

#include "base/compiler.h"

/* The weight of x, continued to real numbers. */
static double weight(double x)
{
    return exp(-ZIPF_EXPONENT * log(x));
}

/* The area below weight() from 1 to x. */
static double area(double x)
{
    return expm1((1 - ZIPF_EXPONENT) * log(x)) / (1 - ZIPF_EXPONENT);
}

static double area_inverse(double a)
{
    return exp(log1p((1 - ZIPF_EXPONENT) * a) / (1 - ZIPF_EXPONENT));
}

void zipf_init(struct zipf *z, uint64_t n)
{
    z->n = n;
    z->low = area(1.5) - 1;
    z->high = area((double)n + 0.5);
    z->shortcut = 2 - area_inverse(area(2.5) - weight(2));
}

/* A point below the curve, taken evenly by area, lies over the bar of a rank or in the corner that
 * the curve has above the bar; corners are rejected. Ranks whose bar covers the curve up to
 * `shortcut` below them need no evaluation of it. */
uint64_t zipf_next(const struct zipf *z, struct prng *prng)
{
    for (;;) {
        double u = z->high + prng_double(prng) * (z->low - z->high);
        double x = area_inverse(u);
        double k = floor(x + 0.5);

        k = k < 1 ? 1 : k > (double)z->n ? (double)z->n : k;
        if (k - x <= z->shortcut || u >= area(k + 0.5) - weight(k))
            return (uint64_t)k;
    }
}

/* Multiplication by a prime larger than n permutes the numbers below n. */
uint64_t scatter(uint64_t rank, uint64_t n)
{
    const uint64_t prime = UINT64_C(0xffffffffffffffc5); /* 2^64 - 59 */

    return (uint64_t)((uint128_t)rank * prime % n);
}

/* A Feistel network of four rounds over the next power of four, walked until it falls inside: Black
 * and Rogaway, "Ciphers with arbitrary finite domains" (CT-RSA 2002). */
uint64_t shuffle(uint64_t i, uint64_t n, uint64_t seed)
{
    unsigned half = 1;
    uint64_t mask;

    while (half < 32 && UINT64_C(1) << (2 * half) < n)
        half++;
    mask = (UINT64_C(1) << half) - 1;
    do {
        uint64_t left = i >> half, right = i & mask;

        for (uint64_t round = 0; round < 4; round++) {
            uint64_t state = right ^ (seed * 4 + round) << 32;
            uint64_t mixed = left ^ (prng_splitmix(&state) & mask);

            left = right;
            right = mixed;
        }
        i = left << half | right;
    } while (i >= n);
    return i;
}
