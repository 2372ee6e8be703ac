/* linera-dump: what its files share.
 *
 * A run has one verb and one path. Everything is read through a worker's env and never written.
 * What is found wrong is said on standard error as it is found, and counted. */
#ifndef LINERA_DUMP_H
#define LINERA_DUMP_H

#include "base/arena.h"
#include "client/cli.h"
#include "env/env.h"
#include "hlc/hlc.h"
#include "rows.h"
#include "storage/log_format.h"
#include "storage/lsm/table.h"
#include "storage/lsm/version.h"

#define PROGRAM "linera-dump"

struct dump_options {
    const char       *path;
    const char       *show; /* NULL: the verb's first */
    const char       *key;  /* of an encrypted store, as store_key_read() takes it; NULL: none */
    bool              verify;
    bool              values;
    slice             start, end;   /* keys with the byte of their space; empty: no bound */
    hlc_ts            since, until; /* [since, until); until 0: no bound */
    enum table_format format;
    bool              header;
};

struct dump {
    struct dump_options options;
    struct env         *env;
    struct arena       *arena; /* of the run */
    struct block_codec *codec;
    struct cache       *cache;
    struct keyring     *keyring; /* NULL: no key was given */
    struct rows         rows;
    uint64_t            faults;
};

/* One thing to show of a verb's path, or its verification. */
typedef status dump_fn(struct dump *d);

/* ---- verbs ---- */

dump_fn dump_log_records, dump_log_operations, dump_log_segments, dump_log_verify;
dump_fn dump_sst_entries, dump_sst_blocks, dump_sst_clears, dump_sst_properties, dump_sst_verify;
dump_fn dump_manifest_tables, dump_manifest_edits, dump_manifest_state, dump_manifest_verify;
dump_fn dump_store_files, dump_store_verify;

/* ---- main.c ---- */

/* Something is wrong with what the keys [least, greatest] are in (with their space; empty: not
 * known). Says so and counts; the status stays the caller's. */
void   dump_fault(struct dump *d, slice least, slice greatest, status error);
/* The same for a status that was returned: CORRUPT is a fault and the call goes well; any other
 * error is returned. Takes `st`. */
status dump_judge(struct dump *d, status st) MUST_CHECK;

/* Whether keys or times were bounded. */
bool dump_has_bounds(const struct dump *d);
/* Whether the key (with its space) is asked for. */
bool dump_wants_key(const struct dump *d, slice key);
/* Whether anything in [start, end) may be; an empty end: none. */
bool dump_wants_span(const struct dump *d, slice start, slice end);
/* Whether what has this timestamp is asked for; `has_ts` false: it has none. */
bool dump_wants_time(const struct dump *d, bool has_ts, hlc_ts ts);

/* ---- files.c ---- */

bool        dump_is_dir(const struct dump *d);
/* 0: it cannot be told. */
uint64_t    dump_file_size(struct dump *d, const char *path);
/* Hold the store in d->options.path against a node that would open it, until the end of the run.
 * STORE_LOCKED: a node has it open. */
status      dump_lock_store(struct dump *d) MUST_CHECK;
status      dump_read_identity(struct dump *d, struct identity *out) MUST_CHECK;
/* With the key that was given, if any: the keys of the store that is, or has, the path. */
status      dump_open_keys(struct dump *d) MUST_CHECK;
/* "<store>/<name>" in the run's arena; the store is the path, or the directory it is in. */
const char *dump_join(struct dump *d, const char *name);
/* The part of a path behind its last slash. */
const char *dump_base_name(const char *path);
/* Open a table, whose number is in the file's name. */
status      dump_open_table(struct dump *d, const char *path, struct lsm_table **out) MUST_CHECK;
/* Read the manifest of the path, a file or a store, into an empty set; the manifest's path goes to
 * *path and how many records it has to *records. UNDEFINED_FILE: the store has none. */
status      dump_read_manifest(struct dump *d, struct version_set *set, const char **path,
                               uint64_t *records) MUST_CHECK;
/* The manifest a path stands for: itself, or the one that `current` of the store names. */
status      dump_find_manifest(struct dump *d, const char **path) MUST_CHECK;

/* ---- sst.c, log.c ---- */

/* Check a table from end to end; *entries gets how many it has. With `meta` not NULL, against what
 * the manifest says too. */
status dump_check_table(struct dump *d, const char *path, const struct table_meta *meta,
                        uint64_t *entries) MUST_CHECK;
/* What the log of a store goes on from. */
struct log_base {
    uint64_t start;      /* the first record that tables or a checkpoint do not have; 1: none do */
    uint64_t checkpoint; /* the newest one, when it counts; 0: none */
};

/* Of a store whose tables are those of `set`. */
status dump_find_base(struct dump *d, const struct version_set *set, struct log_base *out)
    MUST_CHECK;
/* Check the log of the store and print its row. */
status dump_verify_log(struct dump *d, const struct identity *id, const struct log_base *base)
    MUST_CHECK;

/* One row of --verify. */
void   dump_verified_columns(struct dump *d);
status dump_verified(struct dump *d, const char *path, const char *kind, uint64_t size,
                     uint64_t entries, uint64_t faults_before) MUST_CHECK;

/* ---- text.c: keys, times and values as text, in the run's arena ---- */

/* A key with the byte of its space: "/table/52/1/18", "meta:clock-bound". */
const char *dump_key(struct arena *a, slice key);
/* The columns of a table's key, "42, 'abc', null"; NULL: it is none that can be read. */
const char *dump_columns(struct arena *a, slice key);
const char *dump_time(struct arena *a, hlc_ts ts);
/* Microseconds since 1970. */
const char *dump_time_us(struct arena *a, uint64_t us);
const char *dump_hex(struct arena *a, slice bytes);
/* "A..B", "A..", "..B", or "A" for all keys that begin with it. */
status      dump_parse_keys(struct arena *a, const char *text, slice *start, slice *end) MUST_CHECK;
/* RFC 3339, or as linera prints timestamps: seconds.micros,logical, or the bare number. */
status      dump_parse_time(const char *text, hlc_ts *out) MUST_CHECK;

#endif
