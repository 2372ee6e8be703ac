/* Keys may come from damaged files: taking them apart never reads past the end, and makes progress.
 */
#include "base/assert.h"
#include "base/keyenc.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    slice                 key = slice_make(data, size), rest;
    struct keyenc_decimal decimal;
    struct buf            out;
    uint8_t               raw[16];
    int64_t               i;
    uint64_t              u;
    double                d;
    bool                  b;

    buf_init(&out, NULL);
    while (key.size > 0) {
        slice next = key;

        buf_reset(&out);
        rest = key;
        (void)keyenc_take_bytes(&rest, &out);
        (void)keyenc_take_int64(&rest, &i);
        (void)keyenc_take_uint64(&rest, &u);
        (void)keyenc_take_double(&rest, &d);
        (void)keyenc_take_bool(&rest, &b);
        (void)keyenc_take_raw16(&rest, raw);
        (void)keyenc_take_decimal(&rest, &decimal, &out);
        (void)keyenc_take_null(&rest);
        (void)keyenc_take_end(&rest);
        if (!keyenc_skip(&next))
            break;
        ASSERT(next.size < key.size);
        key = next;
    }
    buf_deinit(&out);
    return 0;
}
