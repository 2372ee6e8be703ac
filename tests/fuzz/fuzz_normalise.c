/* The normaliser takes any bytes: it refuses, or gives a text that scans to the end and normalises
 * to itself but for the parameters, and literals inside its input or its own buffer. */
#include "base/assert.h"
#include "sql/parse/normalise.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char first[] = "SELECT ";
    struct normalised n;
    struct buf        text;
    size_t            copied = 0;

    buf_init(&text, NULL);
    buf_append_cstr(&text, first); /* most inputs would be refused for their first word */
    buf_append(&text, data, size);
    normalised_init(&n, NULL);
    if (normalise(&n, buf_slice(&text), true)) {
        ASSERT(n.literal_count <= NORMALISED_LITERALS_MAX);
        ASSERT(n.key.size == n.sql_size + 1 + n.literal_count);
        for (size_t i = 0; i < n.literal_count; i++)
            copied += n.literals[i].text.size;
        ASSERT(copied <= text.size);
    }
    (void)normalise(&n, slice_make(data, size), true);
    normalised_deinit(&n);
    buf_deinit(&text);
    return 0;
}
