/* Log segments, plain and sealed, checkpoints, files of identity and keys, batches and changes to
 * Raft logs with any content: nothing is read past the end, what is taken moves forward, and a
 * taken batch can be taken apart.
 */
#include "base/assert.h"
#include "storage/batch.h"
#include "storage/log_format.h"
#include "storage/raft_format.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const uint8_t               key[CIPHER_KEY_SIZE] = {1, 2, 3};
static const struct log_generation generation = {.segment = 1, .seed = 0x5a000000};

#define NEAR (UINT64_C(1) << 40)

/* A payload that nobody sealed does not open; one that was gives back what went in. */
static void open_record(const struct cipher *c, struct log_record *r)
{
    struct log_sealer sealer = {.cipher = cipher_new(NULL, key), .nonce = r->sequence};
    struct log_record again = *r, sealed;
    struct buf        b, plain;
    slice             at;
    bool              opens;

    buf_init(&b, NULL);
    buf_init(&plain, NULL);
    ASSERT(r->payload.size == 0 || !log_record_open(c, r, &plain));
    again.payload = slice_make(r->payload.data, MIN(r->payload.size, (size_t)300));
    log_record_put(&b, &again, &generation, &sealer);
    at = buf_slice(&b);
    opens = log_record_take(&at, &generation, again.sequence, &sealed) &&
            log_record_open(c, &sealed, &plain);
    ASSERT(opens && slice_eq(sealed.payload, again.payload) && at.size == 0);
    buf_deinit(&b);
    buf_deinit(&plain);
    cipher_free(sealer.cipher);
}

static void take_records(slice bytes)
{
    struct cipher    *c = cipher_new(NULL, key);
    struct log_record r;

    while (bytes.size >= RECORD_HEADER_SIZE) {
        slice at = bytes;

        if (log_record_take(&at, &generation, NEAR, &r)) {
            ASSERT(r.synced <= r.sequence);
            ASSERT(r.payload.data + r.payload.size <= bytes.data + bytes.size);
            ASSERT(r.size <= bytes.size + RECORD_ALIGN);
            (void)batch_is_valid(r.payload);
            open_record(c, &r);
        }
        bytes = slice_from(bytes, RECORD_ALIGN);
    }
    cipher_free(c);
}

/* What is taken says the same when it is put and taken again. */
static void take_raft_ops(slice bytes)
{
    struct raft_op op, again;
    struct buf     b;

    buf_init(&b, NULL);
    while (raft_op_take(&bytes, &op)) {
        slice put;

        buf_reset(&b);
        raft_op_put(&b, &op);
        put = buf_slice(&b);
        ASSERT(raft_op_take(&put, &again) && put.size == 0);
        ASSERT(again.kind == op.kind && again.range_id == op.range_id);
        ASSERT(again.entry.index == op.entry.index && slice_eq(again.entry.data, op.entry.data));
    }
    buf_deinit(&b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    slice                    bytes = slice_make(data, size), payload;
    struct segment_header    segment;
    struct checkpoint_header checkpoint;
    struct identity          id;
    struct engine_batch      batch;
    uint32_t                 version;
    status                   st;

    (void)segment_header_take(bytes, &segment);
    (void)checkpoint_header_take(bytes, &checkpoint);
    (void)identity_take(bytes, &id, &version);
    (void)keyring_bytes_are_whole(bytes);
    take_records(bytes);
    take_raft_ops(bytes);
    if (bytes.size >= CHECKPOINT_BLOCK_HEADER_SIZE)
        (void)checkpoint_block_take(&bytes, get_u64le(bytes.data + 16), get_u64le(bytes.data + 8),
                                    &payload);
    engine_batch_init(&batch, NULL);
    st = engine_batch_append_encoded(&batch, slice_make(data, size));
    ASSERT(st_ok(st) == batch_is_valid(slice_make(data, size)));
    st_clear(st);
    engine_batch_deinit(&batch);
    return 0;
}
