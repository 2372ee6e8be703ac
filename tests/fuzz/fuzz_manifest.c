/* Manifests with any content: nothing is read past the end, and an edit that can be read is written
 * back as the same bytes. */
#include "base/assert.h"
#include "storage/lsm/manifest_format.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void take_edit(slice payload)
{
    struct manifest_edit e;
    struct buf           again;
    status               st;

    manifest_edit_init(&e, NULL);
    buf_init(&again, NULL);
    st = manifest_edit_take(payload, &e);
    if (st_ok(st)) {
        manifest_edit_put(&again, &e);
        ASSERT(slice_eq(buf_slice(&again), payload));
    } else {
        ASSERT(manifest_edit_is_empty(&e));
        ASSERT(status_code(st) == ST_CORRUPT || status_code(st) == ST_CONFIG_ERROR);
    }
    st_clear(st);
    buf_deinit(&again);
    manifest_edit_deinit(&e);
}

static void take_records(slice bytes)
{
    struct manifest_record r;

    while (bytes.size >= MANIFEST_RECORD_HEADER_SIZE) {
        slice at = bytes;

        if (manifest_record_take(&at, get_u64le(bytes.data + 8), &r)) {
            ASSERT(r.payload.data + r.payload.size <= bytes.data + bytes.size);
            take_edit(r.payload);
        }
        bytes = slice_from(bytes, MANIFEST_RECORD_ALIGN);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    slice                  bytes = slice_make(data, size);
    struct manifest_header h;
    uint64_t               number;
    uint8_t                incarnation[16];

    st_clear(manifest_header_take(bytes, &h));
    st_clear(manifest_current_take(bytes, &number, incarnation));
    take_records(bytes);
    take_edit(bytes);
    return 0;
}
