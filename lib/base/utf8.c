#include "base/utf8.h"

#include "base/codec.h"

size_t utf8_size_of_first(uint8_t first)
{
    if (first < 0x80)
        return 1;
    if (first < 0xc2 || first > 0xf4)
        return 0;
    return first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
}

bool utf8_take(slice *s, uint32_t *out)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    const uint8_t        *p = (const uint8_t *)s->data;
    size_t                size = s->size > 0 ? utf8_size_of_first(p[0]) : 0;
    uint32_t              c;

    if (size == 0 || size > s->size)
        return false;
    c = size == 1 ? p[0] : p[0] & (0x7fu >> size);
    for (size_t i = 1; i < size; i++) {
        if ((p[i] & 0xc0) != 0x80)
            return false;
        c = c << 6 | (p[i] & 0x3fu);
    }
    if (c < least[size] || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
        return false;
    *out = c;
    *s = slice_from(*s, size);
    return true;
}

bool utf8_is_valid(slice s, size_t *bad)
{
    size_t   total = s.size;
    uint32_t c;

    while (s.size > 0) {
        if (s.size >= 8 && (get_u64le(s.data) & UINT64_C(0x8080808080808080)) == 0) {
            s = slice_from(s, 8);
        } else if (!utf8_take(&s, &c)) {
            if (bad != NULL)
                *bad = total - s.size;
            return false;
        }
    }
    return true;
}

static bool is_continuation(char c)
{
    return ((uint8_t)c & 0xc0) == 0x80;
}

size_t utf8_length(slice s)
{
    size_t n = 0;

    for (size_t i = 0; i < s.size; i++)
        n += !is_continuation(s.data[i]);
    return n;
}

size_t utf8_offset(slice s, size_t n)
{
    size_t at = 0;

    for (; at < s.size; at++)
        if (!is_continuation(s.data[at]) && n-- == 0)
            break;
    return at;
}

size_t utf8_put(void *p, uint32_t c)
{
    uint8_t *at = p;

    if (c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
        return 0;
    if (c < 0x80) {
        at[0] = (uint8_t)c;
        return 1;
    }
    if (c < 0x800) {
        at[0] = (uint8_t)(0xc0 | c >> 6);
        at[1] = (uint8_t)(0x80 | (c & 0x3f));
        return 2;
    }
    if (c < 0x10000) {
        at[0] = (uint8_t)(0xe0 | c >> 12);
        at[1] = (uint8_t)(0x80 | (c >> 6 & 0x3f));
        at[2] = (uint8_t)(0x80 | (c & 0x3f));
        return 3;
    }
    at[0] = (uint8_t)(0xf0 | c >> 18);
    at[1] = (uint8_t)(0x80 | (c >> 12 & 0x3f));
    at[2] = (uint8_t)(0x80 | (c >> 6 & 0x3f));
    at[3] = (uint8_t)(0x80 | (c & 0x3f));
    return 4;
}
