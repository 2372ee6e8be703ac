/* lib/base/buf.h: a growable run of bytes on a heap, for building messages, keys and records.
 * Appending stops the process when memory is exhausted, so sizes that come from outside are checked
 * first. */
#ifndef LINERA_BASE_BUF_H
#define LINERA_BASE_BUF_H

#include <stdarg.h>
#include <stdint.h>

#include "base/codec.h"
#include "base/compiler.h"
#include "base/heap.h"
#include "base/slice.h"

struct buf {
    struct heap *heap;
    char        *data;
    size_t       size, capacity;
};

/* `heap` may be NULL: malloc's. Nothing is allocated before the first byte. */
void  buf_init(struct buf *b, struct heap *heap);
void  buf_deinit(struct buf *b);
/* Room for `size` more bytes; the place to write them. buf_advance() makes them part of the buffer.
 */
void *buf_reserve(struct buf *b, size_t size);

static inline void buf_advance(struct buf *b, size_t size)
{
    b->size += size;
}

static inline void buf_reset(struct buf *b)
{
    b->size = 0;
}

static inline slice buf_slice(const struct buf *b)
{
    return slice_make(b->data, b->size);
}

static inline void buf_append(struct buf *b, const void *data, size_t size)
{
    if (size > 0)
        memcpy(buf_reserve(b, size), data, size);
    b->size += size;
}

static inline void buf_append_slice(struct buf *b, slice s)
{
    buf_append(b, s.data, s.size);
}

/* Its content is a copy of `s` then, which must not lie in it. */
static inline void buf_set(struct buf *b, slice s)
{
    buf_reset(b);
    buf_append_slice(b, s);
}

static inline void buf_append_cstr(struct buf *b, const char *text)
{
    buf_append(b, text, strlen(text));
}

#define BUF_DEFINE(type, name)                                                                     \
    static inline void buf_put_##name(struct buf *b, type v)                                       \
    {                                                                                              \
        put_##name(buf_reserve(b, sizeof v), v);                                                   \
        b->size += sizeof v;                                                                       \
    }

BUF_DEFINE(uint16_t, u16le)
BUF_DEFINE(uint32_t, u32le)
BUF_DEFINE(uint64_t, u64le)
BUF_DEFINE(uint16_t, u16be)
BUF_DEFINE(uint32_t, u32be)
BUF_DEFINE(uint64_t, u64be)

static inline void buf_put_u8(struct buf *b, uint8_t v)
{
    *(uint8_t *)buf_reserve(b, 1) = v;
    b->size++;
}

static inline void buf_put_varint(struct buf *b, uint64_t v)
{
    b->size += put_varint(buf_reserve(b, VARINT_SIZE_MAX), v);
}

/* A varint length, then the bytes; take_sized() reads it back. */
static inline void buf_put_sized(struct buf *b, slice s)
{
    buf_put_varint(b, s.size);
    buf_append_slice(b, s);
}

void        buf_printf(struct buf *b, const char *fmt, ...) PRINTF(2, 3);
void        buf_vprintf(struct buf *b, const char *fmt, va_list args);
/* A zero byte behind the data, not counted in size; the text lives until the next change. */
const char *buf_cstr(struct buf *b);

static inline void buf_scoped_end(struct buf *b)
{
    buf_deinit(b);
}

#endif
