/* lib/base/crc32c.h: CRC-32C (Castagnoli, as in iSCSI), by the CPU's instruction where it has one.
 * Both ways give the same sums. */
#ifndef LINERA_BASE_CRC32C_H
#define LINERA_BASE_CRC32C_H

#include <stddef.h>
#include <stdint.h>

/* The sum of `data` going on from `crc`, which is 0 at the start: crc32c(crc32c(0, a), b) is the
 * sum of a followed by b. */
uint32_t crc32c(uint32_t crc, const void *data, size_t size);

/* The portable way, for machines without the instruction and for the test that compares both. */
uint32_t crc32c_portable(uint32_t crc, const void *data, size_t size);

#endif
