/* Any text gives statements or a status: the guard lets nothing through that overflows a stack. */
#include "sql/parse/parse.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct heap        *heap = heap_new();
    struct arena       *a = arena_new(heap, NULL);
    struct parse_result r;

    st_clear(parse_statements(NULL, a, slice_make(data, size), &r));
    arena_free(a);
    heap_destroy(heap);
    return 0;
}
