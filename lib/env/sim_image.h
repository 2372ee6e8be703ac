/* lib/env/sim_image.h: the bytes of a simulated file: blocks that are there, holes, and space that
 * is reserved but was never written. */
#ifndef LINERA_ENV_SIM_IMAGE_H
#define LINERA_ENV_SIM_IMAGE_H

#include <stddef.h>
#include <stdint.h>

#include "base/heap.h"

enum { BLOCK_SIZE = 4096 };

struct image {
    struct heap *heap;
    uint64_t     size;
    char       **blocks; /* NULL: a hole */
    size_t       block_count;
};

/* An empty file; its blocks come from `heap`. */
void     image_init(struct image *im, struct heap *heap);
/* Give all blocks back; empty again. */
void     image_clear(struct image *im);
/* Like pwrite and pread: writing grows the file, reading stops at its end. */
void     image_write(struct image *im, uint64_t offset, const char *data, size_t size);
size_t   image_read(const struct image *im, uint64_t offset, char *out, size_t size);
void     image_truncate(struct image *im, uint64_t size);
/* Reserve space, growing the file. */
void     image_allocate(struct image *im, uint64_t offset, uint64_t size);
/* Make `to` equal to `from`. */
void     image_copy(struct image *to, const struct image *from);
/* Flip a bit; nothing happens behind the end. */
void     image_flip(struct image *im, uint64_t offset, int bit);
/* Bytes of blocks there and reserved. */
uint64_t image_used(const struct image *im);
/* Space that writing [offset, offset + size) would newly take. */
uint64_t image_missing(const struct image *im, uint64_t offset, uint64_t size);

#endif
