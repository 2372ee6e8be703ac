/* lib/base/utf8.h: UTF-8 as PostgreSQL takes it: shortest form, no surrogates, up to U+10FFFF. The
 * zero character is valid here; text values refuse it on their own. */
#ifndef LINERA_BASE_UTF8_H
#define LINERA_BASE_UTF8_H

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"

enum { UTF8_SIZE_MAX = 4 };

/* Whether all of `s` is valid. If not and `bad` is not NULL, *bad is the position of the first byte
 * of the first invalid sequence. */
bool   utf8_is_valid(slice s, size_t *bad);
/* Characters in a valid text. */
size_t utf8_length(slice s);
/* The byte position of character `n` of a valid text, counted from 0; s.size when it is shorter. */
size_t utf8_offset(slice s, size_t n);
/* Take one character off the front of *s; false, with *s as it was, when it is empty or invalid. */
bool   utf8_take(slice *s, uint32_t *out);
/* Write the character at `p` (UTF8_SIZE_MAX bytes of room); its size, 0 when it is none. */
size_t utf8_put(void *p, uint32_t c);
/* Bytes of the sequence that a first byte announces; 0 when none begins so. */
size_t utf8_size_of_first(uint8_t first);

/* The first character of a text that is not empty; a damaged one counts as a byte. */
static inline slice utf8_first_character(slice s)
{
    size_t n = utf8_size_of_first((uint8_t)s.data[0]);

    return slice_make(s.data, n == 0 ? 1 : n > s.size ? s.size : n);
}

#endif
