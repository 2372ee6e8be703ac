/* tests/bench/compare_engines.h: what compare_engines.c asks of an engine, so that the same loops
 * drive all of them. An engine that fails ends the process: a benchmark has nothing to go on with.
 */
#ifndef LINERA_TESTS_BENCH_COMPARE_ENGINES_H
#define LINERA_TESTS_BENCH_COMPARE_ENGINES_H

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"

struct target_options {
    const char *dir; /* exists, and is empty */
    uint64_t    cache_size;
    uint64_t    write_buffer_size; /* of one of two */
    bool        sync;              /* commits will sync */
};

/* `db` is the open engine, `s` a worker's session on it. */
struct target {
    const char *name;
    /* Call body(host, arg) where the engine's functions may be called; open() wants the host. */
    void (*enter)(void (*body)(void *host, void *arg), void *arg);
    void *(*open)(void *host, const struct target_options *options);
    void (*close)(void *db);
    /* Write what is only in memory to files. */
    void (*flush)(void *db);
    void (*pause)(void *db, uint64_t us);
    /* Run fn on `count` structs of `size` bytes at `args` at once, by threads or fibers. */
    void (*parallel)(void *db, unsigned count, void (*fn)(void *arg), void *args, size_t size);

    void *(*begin)(void *db);
    void (*end)(void *s);
    /* Let the engine's own work go on where it shares the caller's thread. */
    void (*breathe)(void *s);
    /* Add to the session's batch; write the batch. */
    void (*put)(void *s, slice key, slice value);
    void (*commit)(void *s, bool sync);
    /* Whether the key is there; *sum depends on the value's bytes. */
    bool (*get)(void *s, slice key, uint64_t *sum);
    /* Look at up to `count` entries from `key` on; how many there were. */
    size_t (*scan)(void *s, slice key, size_t count, uint64_t *sum);
};

extern const struct target target_linera, target_rocksdb, target_lmdb;

/* target_threads.c: for engines that are called from threads. */
void threads_enter(void (*body)(void *host, void *arg), void *arg);
void threads_pause(void *db, uint64_t us);
void threads_breathe(void *s);
void threads_parallel(void *db, unsigned count, void (*fn)(void *arg), void *args, size_t size);

#endif
