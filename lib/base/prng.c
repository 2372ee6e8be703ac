#include "base/prng.h"

#include <string.h>

#include "base/assert.h"
#include "base/codec.h"

static uint64_t rotate_left(uint64_t v, unsigned n)
{
    return (v << n) | (v >> (64 - n));
}

uint64_t prng_splitmix(uint64_t *state)
{
    uint64_t v = *state += UINT64_C(0x9e3779b97f4a7c15);

    v = (v ^ (v >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    v = (v ^ (v >> 27)) * UINT64_C(0x94d049bb133111eb);
    return v ^ (v >> 31);
}

void prng_init(struct prng *p, uint64_t seed)
{
    for (int i = 0; i < 4; i++)
        p->s[i] = prng_splitmix(&seed);
}

uint64_t prng_next(struct prng *p)
{
    uint64_t result = rotate_left(p->s[1] * 5, 7) * 9;
    uint64_t t = p->s[1] << 17;

    p->s[2] ^= p->s[0];
    p->s[3] ^= p->s[1];
    p->s[1] ^= p->s[2];
    p->s[0] ^= p->s[3];
    p->s[2] ^= t;
    p->s[3] = rotate_left(p->s[3], 45);
    return result;
}

uint64_t prng_below(struct prng *p, uint64_t bound)
{
    uint64_t reject, v;

    ASSERT(bound != 0);
    reject = (UINT64_MAX - bound + 1) % bound; /* 2^64 mod bound: the uneven rest */
    do
        v = prng_next(p);
    while (v < reject);
    return v % bound;
}

double prng_double(struct prng *p)
{
    return (double)(prng_next(p) >> 11) * 0x1p-53;
}

void prng_bytes(struct prng *p, void *out, size_t size)
{
    char *at = out, word[8];

    for (; size > 0; at += sizeof word) {
        size_t n = size < sizeof word ? size : sizeof word;

        put_u64le(word, prng_next(p));
        memcpy(at, word, n);
        size -= n;
    }
}
