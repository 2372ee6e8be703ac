/* lib/base/prng.h: seeded random numbers, the same on every machine; not for secrets.
 * xoshiro256** 1.0 and splitmix64, after Blackman and Vigna, "Scrambled Linear Pseudorandom Number
 * Generators" (2018). One thread per generator. */
#ifndef LINERA_BASE_PRNG_H
#define LINERA_BASE_PRNG_H

#include <stddef.h>
#include <stdint.h>

struct prng {
    uint64_t s[4];
};

/* Any seed is fine; near seeds give unrelated sequences. */
void     prng_init(struct prng *p, uint64_t seed);
uint64_t prng_next(struct prng *p);
/* Uniform in [0, bound); `bound` is not 0. No modulo bias. */
uint64_t prng_below(struct prng *p, uint64_t bound);
/* Uniform in [0, 1), 53 bits. */
double   prng_double(struct prng *p);
void     prng_bytes(struct prng *p, void *out, size_t size);
/* The next state of splitmix64, for deriving seeds. */
uint64_t prng_splitmix(uint64_t *state);

#endif
