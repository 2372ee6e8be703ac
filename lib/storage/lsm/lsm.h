/* lib/storage/lsm/lsm.h: the LSM engine (docs/design/14-lsm-engine.md). For files of lib/storage
 * only; everyone else goes through engine.h. */
#ifndef LINERA_STORAGE_LSM_LSM_H
#define LINERA_STORAGE_LSM_LSM_H

#include "storage/engine_internal.h"

/* engine_open() of a directory with ENGINE_LSM. */
status MAY_YIELD lsm_engine_open(struct env *env, const struct engine_options *options,
                                 struct engine **out) MUST_CHECK;

#endif
