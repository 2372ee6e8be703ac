/* lib/env/file.h: files and directories.
 *
 * Each call that moves data says where it runs: ENV_INLINE blocks the worker (right for small
 * reads and writes, which the page cache answers in microseconds), a lane blocks the fiber alone.
 * Calls without a lane run inline. None is interrupted by fiber_cancel() (pitfall E5). Buffers stay
 * the caller's and must live until the call returns.
 *
 * Errors read as PostgreSQL's: could not open file "x": No such file or directory. Codes: DISK_FULL
 * (no space, quota), UNDEFINED_FILE, DUPLICATE_FILE, INSUFFICIENT_PRIVILEGE, otherwise IO_ERROR. */
#ifndef LINERA_ENV_FILE_H
#define LINERA_ENV_FILE_H

#include "base/arena.h"
#include "base/slice.h"
#include "env/env.h"

struct env_file;

enum env_file_flags {
    ENV_READ = BIT(0),
    ENV_WRITE = BIT(1),
    ENV_CREATE = BIT(2),    /* make it when it is not there (mode 0600) */
    ENV_EXCLUSIVE = BIT(3), /* with ENV_CREATE: DUPLICATE_FILE when it is there */
    ENV_TRUNCATE = BIT(4),
    ENV_DSYNC = BIT(5), /* every write is durable when it returns: O_DSYNC */
};

/* Open a file. On success *out belongs to the caller; on error it is untouched. */
status env_file_open(struct env *env, const char *path, unsigned flags, struct env_file **out)
    MUST_CHECK;
/* The same, and so below, on a lane: to make, rename or enlarge a file may wait for the journal of
 * the file system, tens of milliseconds while the disk has much to do. */
status MAY_YIELD env_file_open_on(struct env *env, const char *path, unsigned flags,
                                  enum env_lane lane, struct env_file **out) MUST_CHECK;
/* Close without syncing. Accepts NULL. */
void             env_file_close(struct env_file *f);
const char      *env_file_path(const struct env_file *f);

/* Read up to `size` bytes from `offset`. *n is smaller than `size` only at the end of the file. */
status MAY_YIELD env_file_read_at(struct env_file *f, void *buf, size_t size, uint64_t offset,
                                  enum env_lane lane, size_t *n) MUST_CHECK;
/* The same: here and now when the system has all of it in memory (about 1 us), and else on
 * ENV_LANE_IO (about 10 us, and the disk's time), so that a cold disk does not stop the worker.
 * Where the fiber must not yield, it reads here in any case. */
status MAY_YIELD env_file_fetch_at(struct env_file *f, void *buf, size_t size, uint64_t offset,
                                   size_t *n) MUST_CHECK;
/* Write all of it, growing the file as needed. On error any part may have been written. */
status MAY_YIELD env_file_write_at(struct env_file *f, const void *data, size_t size,
                                   uint64_t offset, enum env_lane lane) MUST_CHECK;
/* The same for several pieces that follow each other in the file. */
status MAY_YIELD env_file_writev_at(struct env_file *f, const slice *parts, size_t count,
                                    uint64_t offset, enum env_lane lane) MUST_CHECK;
/* Make the file's data and size durable (fdatasync), the writes issued before the call. Its name is
 * made durable by env_sync_dir(). After an error what was written since the last sync is lost: the
 * store must stop (pitfall L1). */
status MAY_YIELD env_file_sync(struct env_file *f, enum env_lane lane) MUST_CHECK;
/* Let the disk begin with what was written to [offset, offset + size), so that a sync later has
 * less to wait for. Promises nothing, and no error of the disk shows here. */
void MAY_YIELD   env_file_write_back(struct env_file *f, uint64_t offset, size_t size,
                                     enum env_lane lane);
/* Set the size; a longer file gets zeros. */
status           env_file_truncate(struct env_file *f, uint64_t size) MUST_CHECK;
/* Reserve disk space for [offset, offset + size), growing the file with zeros. */
status           env_file_allocate(struct env_file *f, uint64_t offset, uint64_t size) MUST_CHECK;
status MAY_YIELD env_file_allocate_on(struct env_file *f, uint64_t offset, uint64_t size,
                                      enum env_lane lane) MUST_CHECK;
status           env_file_size(struct env_file *f, uint64_t *size) MUST_CHECK;

/* A whole small file into `arena`, with a zero byte behind it. LIMIT_EXCEEDED past `size_max`. */
status env_file_read_all(struct env *env, const char *path, size_t size_max, struct arena *arena,
                         slice *out) MUST_CHECK;
/* Replace or create a small file so that a crash leaves the old or the new one: writes
 * "<path>.tmp", syncs it, renames it, syncs the directory (pitfall L12). */
status env_file_replace(struct env *env, const char *path, slice content) MUST_CHECK;

/* Whether there is a file or directory of this name; an error is "no". */
bool   env_file_exists(struct env *env, const char *path);
/* DUPLICATE_FILE when it is there already. Mode 0700. */
status env_mkdir(struct env *env, const char *path) MUST_CHECK;
/* The directory and those above it; fine when they are there. */
status env_mkdir_all(struct env *env, const char *path) MUST_CHECK;
/* The names in a directory, "." and ".." left out, sorted by bytes, in `arena`. */
status env_list_dir(struct env *env, const char *path, struct arena *arena, const char ***names,
                    size_t *count) MUST_CHECK;
/* Replaces `to` if it is there. Durable after env_sync_dir() of the directory. */
status env_rename(struct env *env, const char *from, const char *to) MUST_CHECK;
status MAY_YIELD env_rename_on(struct env *env, const char *from, const char *to,
                               enum env_lane lane) MUST_CHECK;
/* Give the file `from` a second name; its content and size are then both names'. DUPLICATE_FILE
 * when `to` is there, FEATURE_NOT_SUPPORTED across file systems, or where the file system has no
 * such links. Durable after env_sync_dir() of the directory of `to`, which says nothing of the
 * content.
 */
status           env_link(struct env *env, const char *from, const char *to) MUST_CHECK;
status           env_unlink(struct env *env, const char *path) MUST_CHECK;
/* The same; a lane for large files, as giving their blocks back takes milliseconds. */
status MAY_YIELD env_unlink_on(struct env *env, const char *path, enum env_lane lane) MUST_CHECK;
/* An empty directory. */
status           env_rmdir(struct env *env, const char *path) MUST_CHECK;
/* Make the names in a directory durable. */
status MAY_YIELD env_sync_dir(struct env *env, const char *path, enum env_lane lane) MUST_CHECK;
/* Bytes free for this user in the file system of `path`. */
status           env_disk_free(struct env *env, const char *path, uint64_t *size) MUST_CHECK;

/* Take the exclusive lock that says "this store is in use", creating the file if need be.
 * STORE_LOCKED when another process, or another open of this one, has it. The lock goes with
 * env_file_close() or the process. */
status env_lock_file(struct env *env, const char *path, struct env_file **out) MUST_CHECK;
/* Keep those out who would take that lock, without changing anything: for reading what a store has
 * while nobody uses it. STORE_LOCKED: somebody does. UNDEFINED_FILE: there is no such file. */
status env_lock_file_shared(struct env *env, const char *path, struct env_file **out) MUST_CHECK;

#endif
