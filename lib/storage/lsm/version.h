/* lib/storage/lsm/version.h: which tables a store consists of, and what goes with them.
 *
 * A *version* is a set of tables that never changes and is counted; a reader pins one. The *set of
 * versions* has the current one and the state beside tables: applied indexes, thresholds of garbage
 * collection, where the log begins to count. An edit makes the next version. All of it belongs to
 * one worker; nothing here yields.
 *
 * Invariants, checked by version_check() after every edit in tests:
 * 1. Level 0 is ordered from the newest table to the oldest.
 * 2. The other levels are ordered by key, and no two tables of one overlap.
 * 3. A table is in one level of a version, and in a version at most once. */
#ifndef LINERA_STORAGE_LSM_VERSION_H
#define LINERA_STORAGE_LSM_VERSION_H

#include "base/hmap.h"
#include "storage/lsm/manifest_format.h"

/* A table of one or more versions. A table that moves to another level becomes another
 * version_table with the same number and the same `file`. */
struct version_table {
    struct table_meta    meta; /* with keys of its own */
    uint32_t             refs; /* versions that have it */
    struct version_file *file;
};

/* The file behind it, shared by the version_tables of all levels it was in. */
struct version_file {
    uint64_t         number;
    struct file_seal seal;   /* as in the table's meta */
    uint32_t         refs;   /* version_tables */
    void            *handle; /* the engine's, e.g. the open table; NULL at first */
};

struct version_level {
    struct version_table **tables;
    size_t                 count;
    uint64_t               size; /* sum of the files */
};

struct version_set;

struct version {
    struct version_set  *set;
    uint32_t             refs;
    struct version_level levels[LSM_LEVELS];
};

/* The last version that had the file is gone: close the handle, delete the file. The file's struct
 * is freed when the call returns. Called from version_unref() and from what makes a version; it
 * must neither yield nor use the set, so it queues the deletion. Not called by version_set_deinit()
 * for tables of the current version; see version_set_deinit(). */
typedef void version_gone_fn(void *ctx, struct version_file *f);

/* Who may read what: thresholds of garbage collection by span. The spans are sorted and apart, and
 * two that touch have different timestamps. */
struct gc_map {
    struct heap         *heap;
    struct gc_threshold *spans;
    size_t               count, capacity;
};

struct version_set {
    struct heap     *heap;
    struct version  *current;      /* never NULL */
    uint64_t         log_sequence; /* the first log record that is not in tables; 0: all of it */
    uint64_t         next_file_number;
    struct umap      applied; /* range id -> index, as a number in the pointer; see the function */
    struct umap      files;   /* number -> struct version_file, of all versions */
    struct gc_map    gc;
    version_gone_fn *gone;
    void            *gone_ctx;
};

/* An empty set: no tables, file numbers from 1. `gone` may be NULL. */
void version_set_init(struct version_set *s, struct heap *heap, version_gone_fn *gone, void *ctx);
/* Free it. All versions but the current one must have been given back. `drop` (may be NULL) is
 * called for each file of the current version, to close its handle; the files stay on disk. */
void version_set_deinit(struct version_set *s, version_gone_fn *drop);

/* Whether `e` can be applied: CORRUPT, saying why, if it removes a table that is not there, adds
 * one that is, overlaps tables of a level, or has a table that table_meta_is_valid() denies. */
status version_set_check_edit(const struct version_set *s, const struct manifest_edit *e)
    MUST_CHECK;
/* Apply an edit that passes version_set_check_edit(): s->current is the next version afterwards,
 * the old one has lost the set's reference. */
void   version_set_apply(struct version_set *s, const struct manifest_edit *e);
/* The whole state as edits, each of up to about `edit_size` bytes, for a manifest written anew;
 * calls emit(ctx, e) for each, which borrows it. The first error ends it. */
status version_set_dump(const struct version_set *s, size_t                             edit_size,
                        status (*emit)(void *ctx, const struct manifest_edit *e), void *ctx)
    MUST_CHECK;

/* A number for a new file. Counts at once; the next edit makes it durable. */
uint64_t version_set_new_number(struct version_set *s);
/* `number` is in use (a file with it was found), so that no new file gets it. */
void     version_set_note_number(struct version_set *s, uint64_t number);
/* The durable applied index of the range; 0: none. */
uint64_t version_set_applied(const struct version_set *s, uint64_t range_id);
/* Raise the threshold of the span, which has an end, in memory: with the manifest's next edits it
 * need not be. Copied. */
void     version_set_raise_gc(struct version_set *s, const struct gc_threshold *g);
/* The threshold at `key` (with its space), 0: none. */
hlc_ts   version_set_gc(const struct version_set *s, slice key);
/* The lowest threshold in [start, end) (empty `end`: no upper end); 0 if any part has none. */
hlc_ts   version_set_gc_least(const struct version_set *s, slice start, slice end);

/* The spans with a threshold that overlap [start, end) (empty `end`: no upper end): returns how
 * many, from *first on; borrowed until the next edit. */
size_t version_set_gc_spans(const struct version_set *s, slice start, slice end,
                            const struct gc_threshold **first);

/* One more reference, returned. */
struct version *version_ref(struct version *v);
/* Give a reference back. Accepts NULL. The last one frees the version and hands files that are in
 * no other to the set's `gone`. */
void            version_unref(struct version *v);
/* The invariants above; asserts. */
void            version_check(const struct version *v);

/* The table of level 1 or below that may hold something of `key`; NULL: none. */
struct version_table *version_find(const struct version *v, unsigned level, slice key);
/* Position of the first table of level 1 or below that reaches to `key` or behind; count of the
 * level when there is none. With the position cursors step over a level. */
size_t                version_seek(const struct version *v, unsigned level, slice key);
/* The tables of level 1 or below that may hold something of [start, end) (empty `end`: no upper
 * end): returns how many, from *first on. */
size_t   version_overlaps(const struct version *v, unsigned level, slice start, slice end,
                          size_t *first);
/* Whether any table of the levels from `level` on may hold something of the span. */
bool     version_any_overlap(const struct version *v, unsigned level, slice start, slice end);
/* Whether the level has the table. */
bool     version_has(const struct version *v, unsigned level, uint64_t number);
size_t   version_table_count(const struct version *v);
/* Bytes of all tables. */
uint64_t version_size(const struct version *v);

#endif
