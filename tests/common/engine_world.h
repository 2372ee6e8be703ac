/* tests/common/engine_world.h: the kinds of engines there are, and a place to run each in. What has
 * to hold for every kind is a function of a world; the suites run it for the whole table. */
#ifndef LINERA_TESTS_COMMON_ENGINE_WORLD_H
#define LINERA_TESTS_COMMON_ENGINE_WORLD_H

#include "storage/engine.h"
#include "tests/common/test.h"

enum engine_place { PLACE_MEMORY, PLACE_SIMULATED_DISK, PLACE_FILES };

struct engine_kind {
    const char       *name;
    enum engine_place place;
    /* Counts of entries, and what engine_gc() drops, are exact and at once. Without, an engine may
     * count an overwritten version twice and drop later what it was told to drop. */
    bool              exact;
    /* Sizes small enough that a short test meets every part of the engine. May be NULL. */
    void (*set_options)(struct engine_options *options);
    /* Invariants of the kind's own, asserted now and then. May be NULL. */
    void (*check)(struct engine *e);
};

extern const struct engine_kind engine_kinds[];
extern const size_t             engine_kind_count;

struct engine_world {
    const struct engine_kind *kind;
    struct env               *env;
    struct engine            *e;
    struct engine_options     options;
    hlc_ts                    floor;   /* nobody reads or writes below: garbage was collected */
    char                      dir[64]; /* of PLACE_FILES; removed at the end */
    char                      path[80], copy_path[88];
    void (*body)(struct engine_world *w);
};

/* Sync, close the engine and open it again: all of it must be there. No reader may be open. Nothing
 * happens to an engine without files. */
void MAY_YIELD engine_world_reopen(struct engine_world *w);

/* Copy the engine beside its store and open the copy, which the caller closes with
 * engine_world_close_copy(). Of an engine with files. */
struct engine *MAY_YIELD engine_world_open_copy(struct engine_world *w);
/* Close the copy and delete it. */
void MAY_YIELD           engine_world_close_copy(struct engine_world *w, struct engine *copy);

static inline bool engine_world_has_files(const struct engine_world *w)
{
    return w->kind->place != PLACE_MEMORY;
}

/* One test of a suite: its sentence and its body. */
struct engine_case {
    const char *sentence;
    void (*body)(struct engine_world *w);
};

/* Run all cases for all kinds (LINERA_ENGINE: those with this in their name) as a group of tests;
 * what main() returns. */
int engine_suite_run(const char *name, const struct engine_case *cases, size_t count);

#endif
