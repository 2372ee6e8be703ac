/* lib/storage/lsm/manifest_internal.h: what manifest.c and manifest_scan.c share: reading a
 * manifest and telling a torn tail from damage. */
#ifndef LINERA_STORAGE_LSM_MANIFEST_INTERNAL_H
#define LINERA_STORAGE_LSM_MANIFEST_INTERNAL_H

#include "storage/lsm/manifest.h"

/* "<dir>/<number>.manifest", or "<dir>/current" for 0; heap_free() it. */
char *manifest_path(struct heap *heap, const char *dir, uint64_t number);

struct manifest_scan {
    const char            *path;    /* for messages; borrowed */
    const struct keyring  *keyring; /* borrowed; NULL: the store is not encrypted */
    struct buf             bytes;   /* the file */
    struct cipher         *cipher;  /* its key; NULL: it is not encrypted */
    struct buf             plain;   /* of the last record */
    struct manifest_header header;
    uint64_t               end;      /* behind the last record that counts */
    uint64_t               proved;   /* up to here all was durable for certain */
    uint64_t               torn;     /* bytes of a torn tail behind `end`; 0: zeros or nothing */
    uint64_t               edit;     /* number of the record to come */
    uint64_t               synced;   /* edits below were durable, by what the records say */
    uint32_t               crc;      /* of the last record */
    bool                   has_mark; /* the last record is a mark */
};

void             manifest_scan_init(struct manifest_scan *s, struct heap *heap);
void             manifest_scan_deinit(struct manifest_scan *s);
/* Fill s->bytes from the file. */
status MAY_YIELD manifest_scan_file(struct env_file *f, uint64_t size, struct manifest_scan *s)
    MUST_CHECK;
/* Go over s->bytes, the records to `visit`; an error of it is CORRUPT at its place. Sets the rest.
 */
status manifest_scan(struct manifest_scan *s, manifest_visit_fn *visit, void *ctx) MUST_CHECK;

#endif
