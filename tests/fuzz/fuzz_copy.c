/* COPY data in any cut and either form: lines and fields, never a crash. */
#include "sql/session/copy_format.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct copy_options o = {.delimiter = '\t', .null_text = "\\N", .quote = '"', .escape = '"'};
    struct copy_reader  r;
    struct arena       *a;
    size_t              cut;
    slice               line;

    if (size < 2)
        return 0;
    o.csv = data[0] & 1;
    o.escape = data[0] & 2 ? '\\' : '"';
    cut = 1 + data[1] % 64;
    a = arena_new(NULL, NULL);
    copy_reader_init(&r, &o, NULL);
    for (size_t at = 2; at <= size; at += cut) {
        bool last = at + cut > size;

        copy_reader_feed(&r, slice_make(data + at, last ? size - at : cut));
        while (copy_reader_line(&r, last, &line)) {
            struct copy_field *fields;
            size_t             count;

            st_clear(copy_split(&o, a, line, &fields, &count));
        }
    }
    copy_reader_deinit(&r);
    arena_free(a);
    return 0;
}
