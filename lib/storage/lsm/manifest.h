/* lib/storage/lsm/manifest.h: the log of edits on disk that says which tables a store consists of.
 *
 * Files: `current` names the manifest that counts, "<20 digits>.manifest". An edit counts when its
 * record is durable. The manifest is written anew when it has grown, and after a torn tail before
 * anything is appended.
 *
 * Invariants:
 * 1. At most the last edit of the file is not durable, and nothing follows a cut (L3).
 * 2. What was read is durable once it is settled: an edit that may come from the page cache of a
 *    process whose sync failed is written and synced again first (L1).
 * 3. A manifest is durable, name included, before `current` names it (L12), and the old one is
 *    deleted only after that is durable too. */
#ifndef LINERA_STORAGE_LSM_MANIFEST_H
#define LINERA_STORAGE_LSM_MANIFEST_H

#include "env/file.h"
#include "storage/lsm/version.h"

struct manifest;

struct manifest_options {
    const char           *dir;             /* of the store; copied */
    uint8_t               incarnation[16]; /* of the store; another one in the files is CORRUPT */
    /* Of an encrypted store, lives longer than the manifest; NULL: it is not encrypted. */
    const struct keyring *keyring;
    uint64_t rewrite_size; /* written anew past this, and past twice the state; 0: 4 MiB */
};

/* Whether the directory has a manifest. */
bool manifest_exists(struct env *env, const char *dir);

/* Make the first manifest of a new store, and durable. `set` (empty, or a copy's) lives longer than
 * the manifest, and is changed by it alone. On success *out belongs to the caller. On error there
 * is no manifest, or an empty one. */
status MAY_YIELD manifest_create(struct env *env, const struct manifest_options *o,
                                 struct version_set *set, struct manifest **out) MUST_CHECK;

/* Read the manifest into the empty `set`; nothing on the disk is changed. CORRUPT, naming file and
 * offset: something is damaged that was durable. CONFIG_ERROR: a newer program wrote it.
 * UNDEFINED_FILE: there is none. On error `set` is good for version_set_deinit() alone.
 *
 * Damage to the very last edit cannot be told from a torn write when the machine went down within
 * moments of it. So the engine checks that the log begins at or below set->log_sequence, and that
 * each table named is there; only then it calls manifest_settle(). */
status MAY_YIELD manifest_open(struct env *env, const struct manifest_options *o,
                               struct version_set *set, struct manifest **out) MUST_CHECK;

/* Once after manifest_open(), before anything rests on what was read: make that durable, end a torn
 * tail, and delete manifests that do not count. Works with no room on the disk. On error the
 * manifest is good for manifest_close() alone. */
status MAY_YIELD manifest_settle(struct manifest *m) MUST_CHECK;

/* Write the edit durably, then apply it to the set. Fibers may call it at the same time; they take
 * their turns, and what version_set_check_edit() asks is asked in turn: a rejected edit (CORRUPT)
 * changes nothing, and is the engine's fault. DISK_FULL: nothing changed, a later call may succeed.
 * Any other error is final (L1): whether the edit counts only the next opening will tell, so all
 * files that it adds or removes must stay; the store must stop, every later call answers IO_ERROR.
 * manifest_has_failed() tells the two apart. The edit stays the caller's and is left as it is.
 * An edit that is empty still writes next_file_number. */
status MAY_YIELD manifest_append(struct manifest *m, const struct manifest_edit *e) MUST_CHECK;

/* Close; nothing is written that had to be. No append may be under way. Accepts NULL. */
void MAY_YIELD manifest_close(struct manifest *m);

/* Bytes of the file that count. */
uint64_t manifest_size(const struct manifest *m);
/* Number of its file. */
uint64_t manifest_number(const struct manifest *m);
/* Whether an append failed for good. */
bool     manifest_has_failed(const struct manifest *m);

/* ---- for tools ----------------------------------------------------------------------------------
 */

/* Called for each record in order; `e` and what it points to are borrowed. */
typedef status manifest_visit_fn(void *ctx, uint64_t offset, const struct manifest_record *r,
                                 const struct manifest_edit *e);

/* Which manifest of the directory counts, by its file `current`, and of which store it is. */
status manifest_current(struct env *env, const char *dir, uint64_t *number, uint8_t incarnation[16])
    MUST_CHECK;

/* Read the file `path` without changing anything and call `visit` for each record. *torn: bytes of
 * a torn tail that do not count. Errors as manifest_open(); the incarnation is given out, not
 * checked. `keyring` as in the options. */
status MAY_YIELD manifest_read(struct env *env, const char *path, const struct keyring *keyring,
                               struct manifest_header *header, manifest_visit_fn *visit, void *ctx,
                               uint64_t *torn) MUST_CHECK;

#endif
