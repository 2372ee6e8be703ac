#include "base/crc32c.h"

#include "base/codec.h"
#include "base/compiler.h"

#if defined(__x86_64__)
#include <nmmintrin.h>
#elif defined(__ARM_FEATURE_CRC32)
#include <arm_acle.h>
#endif

/* Sums of the sixteen values of a half byte, polynomial 0x82f63b78 (bits reversed). */
static const uint32_t nibble_sums[16] = {
    0x00000000, 0x105ec76f, 0x20bd8ede, 0x30e349b1, 0x417b1dbc, 0x5125dad3, 0x61c69362, 0x7198540d,
    0x82f63b78, 0x92a8fc17, 0xa24bb5a6, 0xb21572c9, 0xc38d26c4, 0xd3d3e1ab, 0xe330a81a, 0xf36e6f75};

uint32_t crc32c_portable(uint32_t crc, const void *data, size_t size)
{
    const uint8_t *at = data;

    crc = ~crc;
    for (; size > 0; size--) {
        crc ^= *at++;
        crc = (crc >> 4) ^ nibble_sums[crc & 15];
        crc = (crc >> 4) ^ nibble_sums[crc & 15];
    }
    return ~crc;
}

#if defined(__x86_64__)

TARGET("sse4.2") static uint32_t crc32c_sse42(uint32_t crc, const char *at, size_t size)
{
    uint64_t sum = ~crc;

    for (; size >= 8; size -= 8, at += 8)
        sum = _mm_crc32_u64(sum, get_u64le(at));
    for (; size > 0; size--)
        sum = _mm_crc32_u8((uint32_t)sum, (uint8_t)*at++);
    return ~(uint32_t)sum;
}

uint32_t crc32c(uint32_t crc, const void *data, size_t size)
{
    if (LIKELY(__builtin_cpu_supports("sse4.2")))
        return crc32c_sse42(crc, data, size);
    return crc32c_portable(crc, data, size);
}

#elif defined(__ARM_FEATURE_CRC32)

uint32_t crc32c(uint32_t crc, const void *data, size_t size)
{
    const char *at = data;

    crc = ~crc;
    for (; size >= 8; size -= 8, at += 8)
        crc = __crc32cd(crc, get_u64le(at));
    for (; size > 0; size--)
        crc = __crc32cb(crc, (uint8_t)*at++);
    return ~crc;
}

#else

uint32_t crc32c(uint32_t crc, const void *data, size_t size)
{
    return crc32c_portable(crc, data, size);
}

#endif
