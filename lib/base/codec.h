/* lib/base/codec.h: integers to bytes and back, without casts. "be" is the wire and key order,
 * "le" the order of our own files. Varints are LEB128: seven bits a byte, low bits first. */
#ifndef LINERA_BASE_CODEC_H
#define LINERA_BASE_CODEC_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "base/slice.h"

#define CODEC_DEFINE(bits, order, swap)                                                            \
    static inline uint##bits##_t get_u##bits##order(const void *p)                                 \
    {                                                                                              \
        uint##bits##_t v;                                                                          \
        memcpy(&v, p, sizeof v);                                                                   \
        return swap(v);                                                                            \
    }                                                                                              \
    static inline void put_u##bits##order(void *p, uint##bits##_t v)                               \
    {                                                                                              \
        v = swap(v);                                                                               \
        memcpy(p, &v, sizeof v);                                                                   \
    }

#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define CODEC_LE(v)   (v)
#define CODEC_BE16(v) __builtin_bswap16(v)
#define CODEC_BE32(v) __builtin_bswap32(v)
#define CODEC_BE64(v) __builtin_bswap64(v)
#else
#error "LineraDB is built for little-endian machines; see docs/limits.md"
#endif

CODEC_DEFINE(16, le, CODEC_LE)
CODEC_DEFINE(32, le, CODEC_LE)
CODEC_DEFINE(64, le, CODEC_LE)
CODEC_DEFINE(16, be, CODEC_BE16)
CODEC_DEFINE(32, be, CODEC_BE32)
CODEC_DEFINE(64, be, CODEC_BE64)

enum { VARINT_SIZE_MAX = 10 };

/* Write `v` at `p` (VARINT_SIZE_MAX bytes of room); returns the size written. */
static inline size_t put_varint(void *p, uint64_t v)
{
    uint8_t *at = p;

    while (v >= 0x80) {
        *at++ = (uint8_t)(v | 0x80);
        v >>= 7;
    }
    *at++ = (uint8_t)v;
    return (size_t)(at - (uint8_t *)p);
}

/* Take a varint off the front of *s; false, with *s as it was, when there is none that fits 64
 * bits. */
static inline bool take_varint(slice *s, uint64_t *out)
{
    uint64_t v = 0;

    for (size_t i = 0; i < s->size && i < VARINT_SIZE_MAX; i++) {
        uint8_t b = (uint8_t)s->data[i];

        if (i == VARINT_SIZE_MAX - 1 && b > 1)
            return false;
        v |= (uint64_t)(b & 0x7f) << (7 * i);
        if (b < 0x80) {
            *out = v;
            *s = slice_from(*s, i + 1);
            return true;
        }
    }
    return false;
}

/* Signed numbers near zero stay small. */
static inline uint64_t zigzag(int64_t v)
{
    return ((uint64_t)v << 1) ^ (v < 0 ? UINT64_MAX : 0);
}

static inline int64_t unzigzag(uint64_t v)
{
    return (int64_t)(v >> 1) ^ -(int64_t)(v & 1);
}

/* Take `size` bytes off the front of *s into *out; false when fewer are left. */
static inline bool take_bytes(slice *s, size_t size, slice *out)
{
    if (s->size < size)
        return false;
    *out = slice_make(s->data, size);
    *s = slice_from(*s, size);
    return true;
}

/* A varint length, then as many bytes. */
static inline bool take_sized(slice *s, slice *out)
{
    slice    rest = *s;
    uint64_t size;

    if (!take_varint(&rest, &size) || size > rest.size)
        return false;
    take_bytes(&rest, (size_t)size, out);
    *s = rest;
    return true;
}

#endif
