#include "client/histogram.h"

#include <math.h>
#include <openssl/evp.h>
#include <string.h>
#include <time.h>
#include <zlib.h>

#include "base/assert.h"
#include "base/heap.h"

/* A value v below 2^11 is its own position. Above, with 2^(10+b) <= v < 2^(11+b), the position is
 * b * 1024 + (v >> b): the upper half of 2,048 sub-buckets of width 2^b, as the lower half belongs
 * to smaller b. The layout is HdrHistogram's, so that counters can be encoded as they stand. */
enum {
    SUB_BITS = 11,
    SUB_COUNT = 1 << SUB_BITS,
    HALF = SUB_COUNT / 2,
    DOUBLINGS = 32, /* 2^42 ns is the first power of two beyond an hour */
    POSITIONS = (DOUBLINGS + 1) * HALF,
};

_Static_assert((UINT64_C(1) << (SUB_BITS + DOUBLINGS - 1)) > HISTOGRAM_VALUE_MAX,
               "the largest value has a counter");

struct histogram {
    uint64_t count, max;
    double   sum;
    uint64_t counts[POSITIONS];
};

struct histogram *histogram_new(void)
{
    return heap_must_alloc(NULL, 1, sizeof(struct histogram));
}

void histogram_free(struct histogram *h)
{
    heap_free(h);
}

void histogram_reset(struct histogram *h)
{
    memset(h, 0, sizeof *h);
}

static size_t position_of(uint64_t value)
{
    unsigned shift = (unsigned)(63 - __builtin_clzll(value | (SUB_COUNT - 1))) - (SUB_BITS - 1);

    return (size_t)shift * HALF + (size_t)(value >> shift);
}

/* The largest value counted at the position. */
static uint64_t value_at(size_t position)
{
    unsigned shift = position < SUB_COUNT ? 0 : (unsigned)(position / HALF) - 1;
    uint64_t sub = position - (size_t)shift * HALF;

    return ((sub + 1) << shift) - 1;
}

void histogram_record(struct histogram *h, uint64_t value)
{
    h->count++;
    h->sum += (double)value;
    h->max = MAX(h->max, value);
    h->counts[position_of(MIN(value, HISTOGRAM_VALUE_MAX))]++;
}

void histogram_add(struct histogram *into, const struct histogram *from)
{
    into->count += from->count;
    into->sum += from->sum;
    into->max = MAX(into->max, from->max);
    for (size_t i = 0; i < POSITIONS; i++)
        into->counts[i] += from->counts[i];
}

uint64_t histogram_count(const struct histogram *h)
{
    return h->count;
}

uint64_t histogram_max(const struct histogram *h)
{
    return h->max;
}

double histogram_mean(const struct histogram *h)
{
    return h->count == 0 ? 0 : h->sum / (double)h->count;
}

uint64_t histogram_quantile(const struct histogram *h, double q)
{
    uint64_t wanted, seen = 0;

    ASSERT(q >= 0 && q <= 1);
    if (h->count == 0)
        return 0;
    wanted = MAX(1, MIN(h->count, (uint64_t)ceil(q * (double)h->count)));
    for (size_t i = 0; i < POSITIONS; i++) {
        seen += h->counts[i];
        if (seen >= wanted)
            return wanted == h->count ? h->max : MIN(value_at(i), h->max);
    }
    return h->max;
}

/* Where the counter of the largest value stands, plus one; 0 when empty. */
static size_t positions_used(const struct histogram *h)
{
    return h->count == 0 ? 0 : position_of(MIN(h->max, HISTOGRAM_VALUE_MAX)) + 1;
}

/* ---- HdrHistogram's formats ---- */

/* Format V2, numbers big-endian: cookie u32, payload size u32, normalizing offset u32, significant
 * digits u32, lowest and highest value u64, conversion ratio as the bits of a double, then the
 * payload: counters as zigzag varints, where -n stands for n counters of zero. Around it the
 * compressed form: cookie u32, size u32, a zlib stream. The 0x10 in both cookies says "varints". */
enum { COOKIE = 0x1c849303 | 0x10, COOKIE_COMPRESSED = 0x1c849304 | 0x10, DIGITS = 3 };

static void encode_counts(const struct histogram *h, struct buf *out)
{
    size_t used = positions_used(h);

    for (size_t i = 0; i < used;) {
        size_t zeros = 0;

        while (i + zeros < used && h->counts[i + zeros] == 0)
            zeros++;
        if (zeros > 0)
            buf_put_varint(out, zigzag(-(int64_t)zeros));
        else
            buf_put_varint(out, zigzag((int64_t)h->counts[i]));
        i += MAX(zeros, 1);
    }
}

static void encode_plain(const struct histogram *h, struct buf *out)
{
    double   ratio = 1.0;
    uint64_t ratio_bits;
    size_t   size_at;

    memcpy(&ratio_bits, &ratio, sizeof ratio_bits);
    buf_put_u32be(out, COOKIE);
    size_at = out->size;
    buf_put_u32be(out, 0);
    buf_put_u32be(out, 0);
    buf_put_u32be(out, DIGITS);
    buf_put_u64be(out, 1);
    buf_put_u64be(out, HISTOGRAM_VALUE_MAX);
    buf_put_u64be(out, ratio_bits);
    {
        size_t payload_at = out->size;

        encode_counts(h, out);
        put_u32be(out->data + size_at, (uint32_t)(out->size - payload_at));
    }
}

void histogram_encode(const struct histogram *h, struct buf *out)
{
    SCOPED(buf) struct buf plain = {0};
    SCOPED(buf) struct buf packed = {0};
    uLongf                 size;
    int                    result;

    encode_plain(h, &plain);
    size = compressBound(plain.size);
    buf_put_u32be(&packed, COOKIE_COMPRESSED);
    buf_put_u32be(&packed, 0);
    result = compress(buf_reserve(&packed, size), &size, (const Bytef *)plain.data, plain.size);
    ASSERT(result == Z_OK); /* it fails for want of room or memory only */
    buf_advance(&packed, size);
    put_u32be(packed.data + 4, (uint32_t)size);
    buf_advance(out, (size_t)EVP_EncodeBlock(buf_reserve(out, packed.size / 3 * 4 + 5),
                                             (const unsigned char *)packed.data, (int)packed.size));
}

void histogram_log_begin(FILE *out, const char *program, uint64_t start_us)
{
    time_t    seconds = (time_t)(start_us / 1000000);
    struct tm tm;
    char      text[64];

    gmtime_r(&seconds, &tm);
    strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &tm);
    fprintf(out,
            "#[%s]\n#[Histogram log format version 1.3]\n"
            "#[StartTime: %.3f (seconds since epoch), %s]\n"
            "\"StartTimestamp\",\"Interval_Length\",\"Interval_Max\",\"Interval_Compressed_"
            "Histogram\"\n",
            program, (double)start_us / 1e6, text);
}

void histogram_log_interval(FILE *out, const char *tag, uint64_t from_ns, uint64_t to_ns,
                            const struct histogram *h)
{
    SCOPED(buf) struct buf text = {0};

    histogram_encode(h, &text);
    fprintf(out, "Tag=%s,%.3f,%.3f,%.3f,%s\n", tag, (double)from_ns / 1e9,
            (double)(to_ns - from_ns) / 1e9, (double)histogram_max(h) / 1e6, buf_cstr(&text));
}
