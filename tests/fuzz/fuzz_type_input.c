/* Any bytes as the text and as the binary form of each type: a value or an error, and what was
 * accepted prints and orders. The first byte chooses the type. */
#include "sql/types/type.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void use(struct arena *a, const struct type *t, datum v)
{
    struct buf out SCOPED(buf);
    bool           exact = true;

    buf_init(&out, arena_heap(a));
    st_clear(t->output(NULL, t, v, &out));
    st_clear(t->send(NULL, t, v, &out));
    if (t->compare == NULL)
        return;
    t->compare(v, v);
    t->hash(v);
    t->key_encode(v, &out, &exact);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct heap       *heap;
    struct arena      *a;
    const struct type *t;
    size_t             count = 0;
    slice              input;
    datum              v = {0};
    status             st;

    if (size == 0)
        return 0;
    while (type_at(count) != NULL)
        count++;
    t = type_at(data[0] % count);
    input = slice_make(data + 1, size - 1);
    heap = heap_new();
    a = arena_new(heap, NULL);
    st = t->input(NULL, a, t, input, -1, &v);
    if (st_ok(st))
        use(a, t, v);
    st_clear(st);
    st = t->receive(NULL, a, t, input, -1, &v);
    if (st_ok(st))
        use(a, t, v);
    st_clear(st);
    arena_free(a);
    heap_destroy(heap);
    return 0;
}
