/* Manifests with any content: nothing is read past the end, and an edit that can be read is written
 * back as the same bytes. Edits in a row are applied if they fit; what comes of them holds its
 * invariants, and is the same again when it is dumped and read. */
#include "base/assert.h"
#include "storage/lsm/version.h"

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

static const uint8_t key[CIPHER_KEY_SIZE] = {1, 2, 3};

/* A payload that nobody sealed does not open; one that was gives back what went in. */
static void open_record(const struct cipher *c, struct manifest_record r)
{
    char                   nonce[CIPHER_NONCE_SIZE] = {0};
    struct manifest_record sealed;
    struct buf             b, plain;
    slice                  at;
    bool                   opens;

    buf_init(&b, NULL);
    buf_init(&plain, NULL);
    sealed = r;
    ASSERT(r.payload.size == 0 || !manifest_record_open(c, &sealed, &plain));
    manifest_record_put(&b, &r, c, nonce);
    at = buf_slice(&b);
    opens =
        manifest_record_take(&at, r.manifest, &sealed) && manifest_record_open(c, &sealed, &plain);
    ASSERT(opens && slice_eq(sealed.payload, r.payload) && at.size == 0);
    buf_deinit(&b);
    buf_deinit(&plain);
}

static void take_records(slice bytes)
{
    struct cipher         *c = cipher_new(NULL, key);
    struct manifest_record r;

    while (bytes.size >= MANIFEST_RECORD_HEADER_SIZE) {
        slice at = bytes;

        if (manifest_record_take(&at, get_u64le(bytes.data + 8), &r)) {
            ASSERT(r.payload.data + r.payload.size <= bytes.data + bytes.size);
            take_edit(r.payload);
            open_record(c, r);
        }
        bytes = slice_from(bytes, MANIFEST_RECORD_ALIGN);
    }
    cipher_free(c);
}

static status apply(void *ctx, const struct manifest_edit *e)
{
    struct version_set *set = ctx;

    TRY_RETURN(version_set_check_edit(set, e));
    version_set_apply(set, e);
    return STATUS_OK;
}

static void check_dump(const struct version_set *set)
{
    struct version_set again;
    status             st;

    version_set_init(&again, NULL, NULL, NULL);
    st = version_set_dump(set, 100, apply, &again);
    ASSERT(st_ok(st));
    ASSERT(version_table_count(again.current) == version_table_count(set->current));
    ASSERT(version_size(again.current) == version_size(set->current));
    ASSERT(again.gc.count == set->gc.count);
    ASSERT(again.log_sequence == set->log_sequence);
    ASSERT(again.next_file_number == set->next_file_number);
    version_set_deinit(&again, NULL);
}

/* Payloads, each behind its size. */
static void apply_edits(slice bytes)
{
    struct version_set   set;
    struct version      *pinned;
    struct manifest_edit e;
    slice                payload;

    version_set_init(&set, NULL, NULL, NULL);
    manifest_edit_init(&e, NULL);
    pinned = version_ref(set.current);
    while (take_sized(&bytes, &payload)) {
        status st = manifest_edit_take(payload, &e);

        if (st_ok(st))
            st = apply(&set, &e);
        st_clear(st);
        version_check(set.current);
        if (payload.size % 2 == 0) {
            version_unref(pinned);
            pinned = version_ref(set.current);
        }
        manifest_edit_reset(&e);
    }
    check_dump(&set);
    version_unref(pinned);
    manifest_edit_deinit(&e);
    version_set_deinit(&set, NULL);
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
    apply_edits(bytes);
    return 0;
}
