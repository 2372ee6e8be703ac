#include "sql/catalog/keys.h"

#include "base/assert.h"

enum { SMALL_MAX = 240 };

void key_put_uint(struct buf *b, uint64_t v)
{
    uint8_t bytes[8];
    int     n = 8;

    if (v < SMALL_MAX) {
        buf_put_u8(b, (uint8_t)v);
        return;
    }
    put_u64be(bytes, v);
    while (n > 1 && bytes[8 - n] == 0)
        n--;
    buf_put_u8(b, (uint8_t)(SMALL_MAX + n));
    buf_append(b, bytes + 8 - n, (size_t)n);
}

bool key_take_uint(slice *s, uint64_t *out)
{
    uint8_t  first;
    size_t   n;
    uint64_t v = 0;

    if (s->size == 0)
        return false;
    first = (uint8_t)s->data[0];
    n = first < SMALL_MAX ? 0 : (size_t)(first - SMALL_MAX);
    if (first == SMALL_MAX || n > 8 || s->size < 1 + n)
        return false;
    for (size_t i = 1; i <= n; i++)
        v = v << 8 | (uint8_t)s->data[i];
    *out = n == 0 ? first : v;
    *s = slice_from(*s, 1 + n);
    return true;
}

void key_put_prefix_end(struct buf *b, slice prefix)
{
    size_t n = prefix.size;

    while (n > 0 && (uint8_t)prefix.data[n - 1] == 0xff)
        n--;
    ASSERT(n > 0);
    buf_append(b, prefix.data, n);
    b->data[b->size - 1]++;
}
