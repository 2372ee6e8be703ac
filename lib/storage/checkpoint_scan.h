/* lib/storage/checkpoint_scan.h: a checkpoint, read block by block without changing anything: for
 * recovery and for tools. */
#ifndef LINERA_STORAGE_CHECKPOINT_SCAN_H
#define LINERA_STORAGE_CHECKPOINT_SCAN_H

#include "env/env.h"
#include "storage/log_format.h"

/* Read the checkpoint of record `sequence` of that store and hand each block's batch, which is
 * well-formed and borrowed, to `visit` with its place; an error of it ends the reading. *size: of
 * what was read. CORRUPT: the file is not whole, or of another store. */
status MAY_YIELD checkpoint_scan(struct env *env, const char *path, uint64_t sequence,
                                 const uint8_t incarnation[16],
                                 status (*visit)(void *ctx, uint64_t offset, slice batch),
                                 void *ctx, uint64_t *size) MUST_CHECK;

#endif
