#include "storage/lsm/bloom.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "base/assert.h"

enum {
    BLOOM_VERSION = 1,
    LINE_BITS = BLOOM_LINE_SIZE * 8,
    PROBE_BITS = 9, /* choose one of LINE_BITS */
    /* Six times nine bits are the low 54 of a hash. The line is chosen by the high ones, of which
     * these are all but independent: with at most 1023 lines, bits below 54 still run through
     * nearly all values within one line. */
    PROBES_MAX = 6,
};

_Static_assert(1 << PROBE_BITS == LINE_BITS, "a probe chooses any bit of a line");

uint64_t bloom_hash(slice key)
{
    return XXH3_64bits(key.data, key.size);
}

size_t bloom_keys_max(unsigned bits_per_key)
{
    return (size_t)BLOOM_LINES_MAX * LINE_BITS / bits_per_key;
}

/* ln 2 of the bits a key is the best number for a filter in one piece; one in lines is best with
 * somewhat fewer, as its fuller lines count for more. */
static unsigned probes_for(unsigned bits_per_key)
{
    return MIN(MAX(bits_per_key * 5 / 8, 1u), (unsigned)PROBES_MAX);
}

static size_t line_of(uint64_t hash, size_t lines)
{
    return (size_t)(((hash >> 32) * lines) >> 32);
}

static void add_hash(char *line, uint64_t hash, unsigned probes)
{
    for (unsigned i = 0; i < probes; i++, hash >>= PROBE_BITS) {
        unsigned bit = hash & (LINE_BITS - 1);

        line[bit / 8] = (char)(line[bit / 8] | 1 << bit % 8);
    }
}

size_t bloom_build(struct buf *out, const uint64_t *hashes, size_t count, unsigned bits_per_key)
{
    size_t   lines = (count * bits_per_key + LINE_BITS - 1) / LINE_BITS, size;
    unsigned probes = probes_for(bits_per_key);
    char    *filter;

    ASSERT(bits_per_key > 0 && bits_per_key <= BLOOM_BITS_MAX);
    lines = MIN(MAX(lines, (size_t)1), (size_t)BLOOM_LINES_MAX);
    size = BLOOM_HEADER_SIZE + lines * BLOOM_LINE_SIZE;
    filter = buf_reserve(out, size);
    memset(filter, 0, size);
    filter[0] = BLOOM_VERSION;
    filter[1] = (char)probes;
    for (size_t i = 0; i < count; i++)
        add_hash(filter + BLOOM_HEADER_SIZE + line_of(hashes[i], lines) * BLOOM_LINE_SIZE,
                 hashes[i], probes);
    buf_advance(out, size);
    return size;
}

status bloom_check(slice filter)
{
    if (filter.size < BLOOM_HEADER_SIZE + BLOOM_LINE_SIZE || filter.size > BLOOM_SIZE_MAX ||
        filter.size % BLOOM_LINE_SIZE != 0)
        return status_new(ST_CORRUPT, "a filter cannot have %zu bytes", filter.size);
    if (filter.data[0] != BLOOM_VERSION)
        return status_new(ST_CORRUPT, "the filter is not one of version %d", BLOOM_VERSION);
    if (filter.data[1] < 1 || filter.data[1] > PROBES_MAX)
        return status_new(ST_CORRUPT, "a filter cannot have %d bits for a key", filter.data[1]);
    for (size_t i = 2; i < BLOOM_HEADER_SIZE; i++)
        if (filter.data[i] != 0)
            return status_new(ST_CORRUPT, "the header of the filter has bytes of no meaning");
    return STATUS_OK;
}

bool bloom_may_contain(slice filter, uint64_t hash)
{
    size_t      lines = filter.size / BLOOM_LINE_SIZE - 1;
    const char *line = filter.data + BLOOM_HEADER_SIZE + line_of(hash, lines) * BLOOM_LINE_SIZE;
    unsigned    probes = (unsigned)filter.data[1];

    for (unsigned i = 0; i < probes; i++, hash >>= PROBE_BITS) {
        unsigned bit = hash & (LINE_BITS - 1);

        if ((line[bit / 8] >> bit % 8 & 1) == 0)
            return false;
    }
    return true;
}
