/* lib/storage/batch.h: the unit of change of an engine: applied whole or not at all.
 *
 * A batch is a run of bytes, so the same bytes go into a log record, a Raft entry and the engine:
 *
 *     op u8, then by op (sizes and counts are varints, ts is u64 big-endian):
 *     1 PUT            key size, key, ts, value size, value
 *     2 DELETE         key size, key, ts                   a tombstone
 *     3 CLEAR_VERSION  key size, key, ts                   as if it had never been written
 *     4 CLEAR_RANGE    start size, start, end size, end    all versions of keys in [start, end)
 *     5 PUT_META       key size, key, value size, value    an unversioned key
 *     6 DELETE_META    key size, key
 *     7 CLEAR_META     start size, start, end size, end
 *     8 APPLIED        range id, index                     at most one per batch (pitfall L8)
 *
 * Later operations win over earlier ones of the same batch. An empty `end` means no upper end. */
#ifndef LINERA_STORAGE_BATCH_H
#define LINERA_STORAGE_BATCH_H

#include "base/buf.h"
#include "base/status.h"
#include "hlc/hlc.h"

enum {
    ENGINE_KEY_SIZE_MAX = 8192,
    ENGINE_VALUE_SIZE_MAX = 64 << 20,
    ENGINE_BATCH_SIZE_MAX = 1 << 30,
};

enum batch_op_kind {
    BATCH_PUT = 1,
    BATCH_DELETE,
    BATCH_CLEAR_VERSION,
    BATCH_CLEAR_RANGE,
    BATCH_PUT_META,
    BATCH_DELETE_META,
    BATCH_CLEAR_META,
    BATCH_APPLIED,
};

struct engine_batch {
    struct buf ops;
    size_t     count;
};

/* `heap` may be NULL: malloc's. Nothing is allocated before the first operation. */
void   engine_batch_init(struct engine_batch *b, struct heap *heap);
void   engine_batch_deinit(struct engine_batch *b);
void   engine_batch_reset(struct engine_batch *b);
bool   engine_batch_is_empty(const struct engine_batch *b);
/* Bytes that the batch takes in a log or a message. */
size_t engine_batch_size(const struct engine_batch *b);

/* Each copies what it is given. Keys are not empty. LIMIT_EXCEEDED (54000): the key, the value or
 * the whole batch is too large; the batch is as it was. */
status engine_batch_put(struct engine_batch *b, slice key, hlc_ts ts, slice value) MUST_CHECK;
status engine_batch_delete(struct engine_batch *b, slice key, hlc_ts ts) MUST_CHECK;
status engine_batch_clear_version(struct engine_batch *b, slice key, hlc_ts ts) MUST_CHECK;
status engine_batch_clear_range(struct engine_batch *b, slice start, slice end) MUST_CHECK;
status engine_batch_put_meta(struct engine_batch *b, slice key, slice value) MUST_CHECK;
status engine_batch_delete_meta(struct engine_batch *b, slice key) MUST_CHECK;
status engine_batch_clear_meta(struct engine_batch *b, slice start, slice end) MUST_CHECK;
/* With this batch the state of the range stands at `index` of its log (pitfalls L7, L8). */
status engine_batch_set_applied(struct engine_batch *b, uint64_t range_id, uint64_t index)
    MUST_CHECK;

/* Append the operations of a batch that came as bytes, e.g. in a Raft entry. CORRUPT when it is not
 * a batch; *b is as it was then. */
status engine_batch_append_encoded(struct engine_batch *b, slice encoded) MUST_CHECK;

static inline slice engine_batch_encoded(const struct engine_batch *b)
{
    return buf_slice(&b->ops);
}

/* One operation of an encoded batch; the slices point into it. */
struct batch_op {
    enum batch_op_kind kind;
    slice              key; /* start of a range */
    slice              end;
    hlc_ts             ts;
    slice              value;
    uint64_t           range_id, index;
};

/* Take the next operation off the front of *encoded; false when it is malformed or empty. */
bool batch_take_op(slice *encoded, struct batch_op *out);

/* Whether all of it is well-formed. */
bool batch_is_valid(slice encoded);

#endif
