#include "storage/log_format.h"

#include "base/assert.h"
#include "base/crc32c.h"

enum { CONTENT_SHIFT = 4 };

static const char segment_magic[8] = {'L', 'I', 'N', 'L', 'O', 'G', '\r', '\n'};
static const char checkpoint_magic[8] = {'L', 'I', 'N', 'C', 'K', 'P', '\r', '\n'};
static const char identity_magic[8] = {'L', 'I', 'N', 'S', 'T', 'O', '\r', '\n'};

/* Magic, version, and at byte 12 the checksum of all the other bytes: how every header begins. */
static char *begin_header(struct buf *b, size_t size, const char *magic, uint32_t version)
{
    char *h = buf_reserve(b, size);

    memset(h, 0, size);
    memcpy(h, magic, 8);
    put_u32le(h + 8, version);
    return h;
}

static uint32_t header_crc(const char *h, size_t size)
{
    return crc32c(crc32c(0, h, 12), h + 16, size - 16);
}

static void end_header(struct buf *b, char *h, size_t size)
{
    put_u32le(h + 12, header_crc(h, size));
    buf_advance(b, size);
}

static bool header_is(slice bytes, size_t size, const char *magic)
{
    return bytes.size >= size && memcmp(bytes.data, magic, 8) == 0 &&
           get_u32le(bytes.data + 12) == header_crc(bytes.data, size);
}

void segment_header_put(struct buf *b, const struct segment_header *h)
{
    char *p = begin_header(b, SEGMENT_HEADER_SIZE, segment_magic,
                           h->is_sealed ? LOG_VERSION_SEALED : LOG_VERSION);

    put_u64le(p + 16, h->segment);
    put_u64le(p + 24, h->first_sequence);
    put_u64le(p + 32, h->previous_segment);
    put_u32le(p + 40, h->previous_crc);
    put_u32le(p + 44, h->kept);
    memcpy(p + 48, h->incarnation, 16);
    end_header(b, p, SEGMENT_HEADER_SIZE);
    if (h->is_sealed)
        file_seal_put(b, &h->seal);
}

bool segment_header_take(slice bytes, struct segment_header *out)
{
    const char *p = bytes.data;

    if (!header_is(bytes, SEGMENT_HEADER_SIZE, segment_magic) ||
        (get_u32le(p + 8) != LOG_VERSION && get_u32le(p + 8) != LOG_VERSION_SEALED))
        return false;
    out->is_sealed = get_u32le(p + 8) == LOG_VERSION_SEALED;
    if (out->is_sealed) {
        if (bytes.size < SEGMENT_HEADER_SIZE_MAX)
            return false;
        out->seal = file_seal_get(p + SEGMENT_HEADER_SIZE);
    }
    out->segment = get_u64le(p + 16);
    out->first_sequence = get_u64le(p + 24);
    out->previous_segment = get_u64le(p + 32);
    out->previous_crc = get_u32le(p + 40);
    out->kept = get_u32le(p + 44);
    memcpy(out->incarnation, p + 48, 16);
    return true;
}

size_t segment_header_size(bool is_sealed)
{
    return is_sealed ? SEGMENT_HEADER_SIZE_MAX : SEGMENT_HEADER_SIZE;
}

slice segment_header_bound(slice header)
{
    return slice_make(header.data, SEGMENT_HEADER_SIZE);
}

static size_t padding(size_t size)
{
    return (RECORD_ALIGN - size % RECORD_ALIGN) % RECORD_ALIGN;
}

size_t log_record_size(size_t payload_size)
{
    return RECORD_HEADER_SIZE + payload_size + padding(payload_size);
}

uint64_t log_record_size_of(const char *header)
{
    return log_record_size(get_u32le(header + 4));
}

/* What a tag answers for beside the content: all of the header but the checksum, which is made
 * last. */
static slice bound_of(const char *header)
{
    return slice_make(header + 4, RECORD_HEADER_SIZE - 4);
}

struct log_generation log_generation(const uint8_t incarnation[16], uint64_t segment)
{
    char number[8];

    put_u64le(number, segment);
    return (struct log_generation){.segment = segment,
                                   .seed = crc32c(crc32c(0, incarnation, 16), number, 8)};
}

/* A byte of the generation, so that few of what only looks like records are summed up. */
static uint8_t tag_of(const struct log_generation *g)
{
    return (uint8_t)(g->seed >> 24);
}

static void put_header(char *h, const struct log_record *r, const struct log_generation *g,
                       size_t stored_size)
{
    ASSERT(r->synced <= r->sequence);
    put_u32le(h + 4, (uint32_t)stored_size);
    put_u32le(h + 8, (uint32_t)r->sequence);
    put_u32le(h + 12, r->previous);
    put_u16le(h + 16, (uint16_t)MIN(r->sequence - r->synced, (uint64_t)UINT16_MAX));
    h[18] = (char)(r->type | r->content << CONTENT_SHIFT);
    h[19] = (char)tag_of(g);
}

static void put_payload(struct buf *b, const char *header, slice payload, struct log_sealer *sealer)
{
    char nonce[CIPHER_NONCE_SIZE];

    if (sealer->cipher == NULL) {
        buf_append_slice(b, payload);
        return;
    }
    cipher_nonce(nonce, sealer->nonce++);
    seal_append(b, sealer->cipher, nonce, bound_of(header), payload);
}

void log_record_put(struct buf *b, struct log_record *r, const struct log_generation *g,
                    struct log_sealer *sealer)
{
    size_t stored = sealer->cipher != NULL ? sealed_size(r->payload.size) : r->payload.size;
    char  *h;

    r->size = log_record_size(stored);
    h = buf_reserve(b, r->size); /* all of it, so that it stays where it is */
    put_header(h, r, g, stored);
    buf_advance(b, RECORD_HEADER_SIZE);
    put_payload(b, h, r->payload, sealer);
    memset(h + RECORD_HEADER_SIZE + stored, 0, padding(stored));
    buf_advance(b, padding(stored));
    r->crc = crc32c(g->seed, h + 4, RECORD_HEADER_SIZE - 4 + stored);
    put_u32le(h, r->crc);
}

bool log_record_open(const struct cipher *c, struct log_record *r, struct buf *plain)
{
    if (!seal_open(c, bound_of(r->payload.data - RECORD_HEADER_SIZE), r->payload, plain))
        return false;
    r->payload = buf_slice(plain);
    return true;
}

/* The number next to `near` with these low 32 bits. */
static uint64_t widen(uint32_t low, uint64_t near)
{
    return near + (uint64_t)(int64_t)(int32_t)(low - (uint32_t)near);
}

bool log_record_take(slice *bytes, const struct log_generation *g, uint64_t near,
                     struct log_record *out)
{
    const char *h = bytes->data;
    size_t      size;
    unsigned    unsynced;

    if (bytes->size < RECORD_HEADER_SIZE || (uint8_t)h[19] != tag_of(g))
        return false;
    size = get_u32le(h + 4);
    if (size > bytes->size - RECORD_HEADER_SIZE)
        return false;
    out->type = (enum record_type)((uint8_t)h[18] & ((1 << CONTENT_SHIFT) - 1));
    out->content = (enum log_content)((uint8_t)h[18] >> CONTENT_SHIFT);
    if (out->type < RECORD_WHOLE || out->type > RECORD_MARK || out->content >= LOG_CONTENTS)
        return false;
    out->crc = get_u32le(h);
    if (out->crc != crc32c(g->seed, h + 4, RECORD_HEADER_SIZE - 4 + size))
        return false;
    unsynced = get_u16le(h + 16);
    out->segment = g->segment;
    out->sequence = widen(get_u32le(h + 8), near);
    out->synced = unsynced < UINT16_MAX && unsynced <= out->sequence ? out->sequence - unsynced : 0;
    out->previous = get_u32le(h + 12);
    out->size = log_record_size(size);
    out->payload = slice_make(h + RECORD_HEADER_SIZE, size);
    *bytes = slice_from(*bytes, out->size);
    return true;
}

void checkpoint_header_put(struct buf *b, const struct checkpoint_header *h)
{
    char *p = begin_header(b, CHECKPOINT_HEADER_SIZE, checkpoint_magic, CHECKPOINT_VERSION);

    put_u64le(p + 16, h->sequence);
    put_u64le(p + 24, h->segment);
    memcpy(p + 32, h->incarnation, 16);
    end_header(b, p, CHECKPOINT_HEADER_SIZE);
}

bool checkpoint_header_take(slice bytes, struct checkpoint_header *out)
{
    const char *p = bytes.data;

    if (!header_is(bytes, CHECKPOINT_HEADER_SIZE, checkpoint_magic) ||
        get_u32le(p + 8) != CHECKPOINT_VERSION)
        return false;
    out->sequence = get_u64le(p + 16);
    out->segment = get_u64le(p + 24);
    memcpy(out->incarnation, p + 32, 16);
    return true;
}

/* Block: checksum u32, size u32, number u64, sequence of the checkpoint u64, payload. */
void checkpoint_block_put(struct buf *b, uint64_t sequence, uint64_t number, slice payload)
{
    char *h = buf_reserve(b, CHECKPOINT_BLOCK_HEADER_SIZE + payload.size);

    put_u32le(h + 4, (uint32_t)payload.size);
    put_u64le(h + 8, number);
    put_u64le(h + 16, sequence);
    if (payload.size > 0)
        memcpy(h + CHECKPOINT_BLOCK_HEADER_SIZE, payload.data, payload.size);
    put_u32le(h, crc32c(0, h + 4, CHECKPOINT_BLOCK_HEADER_SIZE - 4 + payload.size));
    buf_advance(b, CHECKPOINT_BLOCK_HEADER_SIZE + payload.size);
}

bool checkpoint_block_size(slice header, uint64_t *size)
{
    if (header.size < CHECKPOINT_BLOCK_HEADER_SIZE)
        return false;
    *size = get_u32le(header.data + 4);
    return *size <= CHECKPOINT_BLOCK_SIZE_MAX;
}

bool checkpoint_block_take(slice *bytes, uint64_t sequence, uint64_t number, slice *payload)
{
    const char *h = bytes->data;
    uint64_t    size;

    if (!checkpoint_block_size(*bytes, &size) ||
        bytes->size - CHECKPOINT_BLOCK_HEADER_SIZE < size || get_u64le(h + 8) != number ||
        get_u64le(h + 16) != sequence ||
        get_u32le(h) != crc32c(0, h + 4, CHECKPOINT_BLOCK_HEADER_SIZE - 4 + size))
        return false;
    *payload = slice_make(h + CHECKPOINT_BLOCK_HEADER_SIZE, size);
    *bytes = slice_from(*bytes, CHECKPOINT_BLOCK_HEADER_SIZE + size);
    return true;
}

void identity_put(struct buf *b, const struct identity *id)
{
    char *p = begin_header(b, IDENTITY_SIZE, identity_magic, IDENTITY_VERSION);

    memcpy(p + 16, id->cluster_id, 16);
    put_u64le(p + 32, id->node_id);
    put_u64le(p + 40, id->store_id);
    memcpy(p + 48, id->incarnation, 16);
    end_header(b, p, IDENTITY_SIZE);
}

bool identity_take(slice bytes, struct identity *out, uint32_t *version)
{
    const char *p = bytes.data;

    if (!header_is(bytes, IDENTITY_SIZE, identity_magic))
        return false;
    *version = get_u32le(p + 8);
    memcpy(out->cluster_id, p + 16, 16);
    out->node_id = get_u64le(p + 32);
    out->store_id = get_u64le(p + 40);
    memcpy(out->incarnation, p + 48, 16);
    return true;
}
