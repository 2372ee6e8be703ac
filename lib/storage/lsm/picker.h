/* lib/storage/lsm/picker.h: what to compact next. Decides from a version alone; no I/O, no clock.
 *
 * Leveled, with targets from below (docs/design/14-lsm-engine.md): the largest level decides, each
 * above it gets a tenth, down to `base_size_min`; the first level that has a target, or a table, is
 * the base level, where level 0 goes. So nine tenths of the data are in one level, and a small
 * store has a single one.
 *
 * What a pick guarantees:
 * 1. Nothing older ends up above something newer: of level 0, what is left is newer than what is
 *    taken wherever both overlap; of the output level everything that overlaps is taken.
 * 2. It shares no input with a running pick, and no span of output on the same level. */
#ifndef LINERA_STORAGE_LSM_PICKER_H
#define LINERA_STORAGE_LSM_PICKER_H

#include "storage/lsm/version.h"

/* Zeroes mean the default. */
struct picker_options {
    uint64_t table_size;    /* of outputs; default 32 MiB */
    uint64_t base_size_min; /* least target of a level; default 64 MiB */
    /* Tables of level 0 that make its score 1: as many as are as large as the level they go to,
     * which is written anew with them, within these. Default 6 and 10. */
    unsigned level0_least, level0_most;
    unsigned multiplier; /* between the targets of two levels; default 10 */
    unsigned
        grandparents_max;    /* tables of the level after that an output may overlap; default 10 */
    uint64_t input_size_max; /* of the tables taken of level 0; default 1 GiB */
};

/* Where the last pick of each level ended, so that in a tie the next range has its turn. */
struct picker {
    struct picker_options options;
    struct heap          *heap;
    struct buf            cursors[LSM_LEVELS]; /* key where the last pick of the level ended */
};

void picker_init(struct picker *p, struct heap *heap, const struct picker_options *options);
void picker_deinit(struct picker *p);

enum pick_reason {
    PICK_LEVEL0,  /* level 0 has many tables */
    PICK_SIZE,    /* a level is above its target, or above the base level */
    PICK_GARBAGE, /* a table holds much that nobody reads */
    PICK_SMALL,   /* neighbours are far smaller than a table should be */
    PICK_SPAN,    /* asked for */
};

/* A sorted list of bounds of tables. Plain memory, pinned by the pick: any thread may read it. */
struct pick_bounds {
    const struct table_meta **tables; /* by least key; of one level they do not overlap */
    size_t                    count;
};

/* A compaction to do. Holds a reference on its version, so that all it points to lives. */
struct pick {
    struct heap           *heap;
    enum pick_reason       reason;
    unsigned               level, output_level; /* equal: written anew in place */
    struct version        *version;
    struct version_table **inputs; /* of `level`; of level 0 from the newest to the oldest */
    size_t                 input_count;
    struct version_table **below; /* of `output_level`, by key; none when in place */
    size_t                 below_count;
    uint64_t               input_size; /* bytes of all files */
    slice                  start;      /* span of all inputs: least key ... */
    slice                  end;        /* ... and the first key behind it, never empty */
    /* No merge is needed: an edit moves the tables to output_level as they are. */
    bool                   is_move;
    /* Tables below output_level that overlap the span, by level: what the output hides. */
    struct pick_bounds     older[LSM_LEVELS];
    bool                   has_older;
    /* Of the level after output_level: where outputs are cut (pick_cutter_before()). */
    struct pick_bounds     grandparents;
    uint64_t               grandparents_max_bytes;
    uint64_t               cut_size; /* from here on an output ends with a table of that level */
};

/* The most urgent compaction, or NULL when none is. `running`: the picks under way. Moves the
 * cursors. The caller owns the pick and frees it with pick_free() when its edit is applied, or the
 * compaction given up. */
struct pick *picker_pick(struct picker *p, struct version *v, struct pick *const *running,
                         size_t running_count);

/* For idle times, when picker_pick() has nothing: a table of which a quarter or more is garbage, by
 * the thresholds in v's set and by what the table counts; one that could free what lies below it;
 * neighbours that are small. NULL: none. Ends by itself, because the engine sets the gc_ts of
 * outputs to version_set_gc_least() of the pick's span as it was when the merge began. */
struct pick *picker_pick_garbage(struct picker *p, struct version *v, struct pick *const *running,
                                 size_t running_count);

/* For idle times: the oldest tables of level 0, however few there are. NULL: there are none, or
 * they are running. */
struct pick *picker_pick_level0(struct picker *p, struct version *v, struct pick *const *running,
                                size_t running_count);

/* The next step on the way of all of [start, end) (empty `end`: no upper end) to one level: the
 * highest tables of the span, one level down. NULL: the span is in one level, or what is in the way
 * is running (*busy). */
struct pick *picker_pick_span(struct picker *p, struct version *v, slice start, slice end,
                              struct pick *const *running, size_t running_count, bool *busy);

/* Whether both may run at the same time (guarantee 2). The picker gives no others. */
bool picks_are_apart(const struct pick *a, const struct pick *b);

/* Accepts NULL. */
void pick_free(struct pick *pk);

/* The edit of a move; or, before the outputs are added, of any pick: removes the inputs. */
void pick_edit(const struct pick *pk, struct manifest_edit *e);

/* How urgent picker_pick() finds the version: 1000 times the highest score of a level; from 1000
 * on there is work. Running picks are not counted out. */
unsigned picker_pressure(const struct picker *p, const struct version *v);
/* Bytes above the targets, level 0 whole once it is at its trigger: for back-pressure and metrics.
 */
uint64_t picker_debt(const struct picker *p, const struct version *v);
/* The level to which level 0 goes, and each level's target; UINT64_MAX for the last one, which has
 * none, 0 above the base level. */
unsigned picker_targets(const struct picker *p, const struct version *v,
                        uint64_t targets[LSM_LEVELS]);

/* The deepest level at which a new table of [start, end) may be put so that it is above all that it
 * overlaps, also when the running picks are done; 0: level 0 (when the memtables do not overlap).
 * Tables that `edit` (may be NULL) removes do not count. */
unsigned picker_ingest_level(const struct version *v, slice start, slice end,
                             const struct manifest_edit *edit, struct pick *const *running,
                             size_t running_count);

/* ---- asked during the merge, by any thread ------------------------------------------------------
 */

/* Asks for keys that never fall from one call to the next; starts zeroed. */
struct pick_older_cursor {
    size_t at[LSM_LEVELS];
};

/* Whether an older source outside the compaction may hold `key`: while not, CLEARED entries, and
 * tombstones below the threshold, may be dropped (L14). */
bool pick_older_holds(const struct pick *pk, struct pick_older_cursor *c, slice key);
/* The same for a span, in any order: while not, a clear of it may be dropped. */
bool pick_older_overlaps(const struct pick *pk, slice start, slice end);

/* Where outputs end, beside their size; starts zeroed. */
struct pick_cutter {
    size_t   at;
    uint64_t overlapped; /* bytes of the level after that the output overlaps so far */
};

/* Whether the output, of `size` bytes so far, should end before `key`, which never falls and is
 * another key than the one before: it would overlap too much of the level after, or it is large
 * enough and a table of that level ends here, so that one less is written anew when the output
 * moves on (a tenth less is written in all). After true the next output begins here. */
bool pick_cutter_before(const struct pick *pk, struct pick_cutter *c, slice key, uint64_t size);
/* The output was ended before `key` for another reason. */
void pick_cutter_restart(const struct pick *pk, struct pick_cutter *c, slice key);

#endif
