#include "env/sim_image.h"

#include <string.h>

#include "base/assert.h"

/* What a reserved block points at: an address like no other, never read or written. */
static char *reserved(void)
{
    static const char mark = 0;

    return (char *)(uintptr_t)&mark;
}

void image_init(struct image *im, struct heap *heap)
{
    *im = (struct image){.heap = heap};
}

static void image_grow(struct image *im, size_t blocks)
{
    size_t capacity = MAX(im->block_count, (size_t)8);
    char **grown;

    if (blocks <= im->block_count)
        return;
    while (capacity < blocks)
        capacity *= 2;
    grown = heap_realloc(im->heap, im->blocks, capacity * sizeof *grown);
    ASSERT(grown != NULL);
    memset(grown + im->block_count, 0, (capacity - im->block_count) * sizeof *grown);
    im->blocks = grown;
    im->block_count = capacity;
}

static void block_drop(char *block)
{
    if (block != reserved())
        heap_free(block);
}

static char *block_for_write(struct image *im, size_t position)
{
    char **at;

    image_grow(im, position + 1);
    at = &im->blocks[position];
    if (*at == NULL || *at == reserved())
        *at = heap_must_alloc(im->heap, 1, BLOCK_SIZE);
    return *at;
}

void image_write(struct image *im, uint64_t offset, const char *data, size_t size)
{
    im->size = MAX(im->size, offset + size);
    while (size > 0) {
        size_t at = offset % BLOCK_SIZE, n = MIN(size, BLOCK_SIZE - at);

        memcpy(block_for_write(im, offset / BLOCK_SIZE) + at, data, n);
        offset += n;
        data += n;
        size -= n;
    }
}

size_t image_read(const struct image *im, uint64_t offset, char *out, size_t size)
{
    size_t done = 0;

    if (offset >= im->size)
        return 0;
    size = (size_t)MIN((uint64_t)size, im->size - offset);
    while (done < size) {
        size_t position = (offset + done) / BLOCK_SIZE, at = (offset + done) % BLOCK_SIZE;
        size_t n = MIN(size - done, BLOCK_SIZE - at);
        char  *block = position < im->block_count ? im->blocks[position] : NULL;

        if (block != NULL && block != reserved())
            memcpy(out + done, block + at, n);
        else
            memset(out + done, 0, n);
        done += n;
    }
    return done;
}

void image_truncate(struct image *im, uint64_t size)
{
    size_t keep = (size + BLOCK_SIZE - 1) / BLOCK_SIZE, at = size % BLOCK_SIZE;

    for (size_t i = keep; i < im->block_count; i++) {
        block_drop(im->blocks[i]);
        im->blocks[i] = NULL;
    }
    /* What lies behind the end must read as zeros when the file grows again. */
    if (at != 0 && keep <= im->block_count && im->blocks[keep - 1] != NULL &&
        im->blocks[keep - 1] != reserved())
        memset(im->blocks[keep - 1] + at, 0, BLOCK_SIZE - at);
    im->size = size;
}

void image_allocate(struct image *im, uint64_t offset, uint64_t size)
{
    size_t end = (offset + size + BLOCK_SIZE - 1) / BLOCK_SIZE;

    image_grow(im, end);
    for (size_t i = offset / BLOCK_SIZE; i < end; i++)
        im->blocks[i] = im->blocks[i] != NULL ? im->blocks[i] : reserved();
    im->size = MAX(im->size, offset + size);
}

void image_clear(struct image *im)
{
    image_truncate(im, 0);
    heap_free(im->blocks);
    *im = (struct image){.heap = im->heap};
}

void image_copy(struct image *to, const struct image *from)
{
    image_clear(to);
    image_grow(to, from->block_count);
    for (size_t i = 0; i < from->block_count; i++) {
        if (from->blocks[i] == reserved())
            to->blocks[i] = reserved();
        else if (from->blocks[i] != NULL)
            memcpy(block_for_write(to, i), from->blocks[i], BLOCK_SIZE);
    }
    to->size = from->size;
}

uint64_t image_used(const struct image *im)
{
    uint64_t used = 0;

    for (size_t i = 0; i < im->block_count; i++)
        used += im->blocks[i] != NULL ? BLOCK_SIZE : 0;
    return used;
}

uint64_t image_missing(const struct image *im, uint64_t offset, uint64_t size)
{
    uint64_t missing = 0;

    for (size_t i = offset / BLOCK_SIZE; i * BLOCK_SIZE < offset + size; i++)
        missing += i >= im->block_count || im->blocks[i] == NULL ? BLOCK_SIZE : 0;
    return missing;
}

void image_flip(struct image *im, uint64_t offset, int bit)
{
    if (offset < im->size)
        block_for_write(im, offset / BLOCK_SIZE)[offset % BLOCK_SIZE] ^= (char)(1 << bit);
}
