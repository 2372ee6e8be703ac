/* lib/storage/store_files.h: the names of the files in a store's directory (docs/formats.md). */
#ifndef LINERA_STORAGE_STORE_FILES_H
#define LINERA_STORAGE_STORE_FILES_H

#include <stdbool.h>
#include <stdint.h>

#include "base/heap.h"

/*  kind        name of the kind   file: suffix behind a number, or the whole name   digits */
#define STORE_FILES(X)                                                                             \
    X(LOG, "log", ".log", 12)                                                                      \
    X(CHECKPOINT, "checkpoint", ".ckpt", 20)                                                       \
    X(TABLE, "table", ".sst", 12)                                                                  \
    X(MANIFEST, "manifest", ".manifest", 20)                                                       \
    X(CURRENT, "current", "current", 0)                                                            \
    X(IDENTITY, "identity", "identity", 0)                                                         \
    X(KEYS, "keys", "keys", 0)                                                                     \
    X(LOCK, "lock", "lock", 0)                                                                     \
    X(TEMPORARY, "temporary", ".tmp", 0)                                                           \
    X(OTHER, "other", "", 0)

#define STORE_FILE_ENUM(kind, ...) STORE_FILE_##kind,
enum store_file_kind { STORE_FILES(STORE_FILE_ENUM) };
#undef STORE_FILE_ENUM

const char *store_file_kind_name(enum store_file_kind kind);

/* What the file of this name is, by the name alone; *number is its number, 0 without one. */
enum store_file_kind store_file_kind(const char *name, uint64_t *number);

/* The path of the file of a kind; heap_free() it. `number` counts where the kind has numbers. */
char *store_file_path(struct heap *heap, const char *dir, enum store_file_kind kind,
                      uint64_t number);

#endif
