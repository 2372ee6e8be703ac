/* lib/env/rng.h: a small fast generator, xoshiro256++ (Blackman and Vigna 2019) seeded through
 * splitmix64. Same seed, same numbers, on every machine. Not for secrets. */
#ifndef LINERA_ENV_RNG_H
#define LINERA_ENV_RNG_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct env_rng {
    uint64_t s[4];
};

/* A good mixing of 64 bits: the finaliser of splitmix64. */
static inline uint64_t rng_mix(uint64_t z)
{
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

static inline void rng_init(struct env_rng *r, uint64_t seed)
{
    for (int i = 0; i < 4; i++)
        r->s[i] = rng_mix(seed += 0x9e3779b97f4a7c15u);
}

static inline uint64_t rng_rotl(uint64_t x, int k)
{
    return (x << k) | (x >> (64 - k));
}

static inline uint64_t rng_next(struct env_rng *r)
{
    uint64_t result = rng_rotl(r->s[0] + r->s[3], 23) + r->s[0], t = r->s[1] << 17;

    r->s[2] ^= r->s[0];
    r->s[3] ^= r->s[1];
    r->s[1] ^= r->s[2];
    r->s[0] ^= r->s[3];
    r->s[2] ^= t;
    r->s[3] = rng_rotl(r->s[3], 45);
    return result;
}

/* A number below `bound`, which is not 0. The bias is below bound / 2^64. */
static inline uint64_t rng_below(struct env_rng *r, uint64_t bound)
{
    __extension__ typedef unsigned __int128 u128;

    return (uint64_t)(((u128)rng_next(r) * bound) >> 64);
}

/* A number from min to max, both included; min when max is not above it. */
static inline uint64_t rng_between(struct env_rng *r, uint64_t min, uint64_t max)
{
    return max <= min ? min : min + rng_below(r, max - min + 1);
}

static inline void rng_bytes(struct env_rng *r, void *buf, size_t size)
{
    for (char *at = buf; size > 0;) {
        uint64_t v = rng_next(r);
        size_t   n = size < sizeof v ? size : sizeof v;

        memcpy(at, &v, n);
        at += n;
        size -= n;
    }
}

#endif
