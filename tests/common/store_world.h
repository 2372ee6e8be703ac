/* tests/common/store_world.h: a store on a simulated disk that lives, dies and lives again, and the
 * model that says what it must hold. What a life does is drawn from a table of actions; which
 * errors are right answers follows from the faults that the test has let loose. Nothing here fails
 * the test by itself: what is wrong is written down, so that a planted bug can be looked for. */
#ifndef LINERA_TESTS_COMMON_STORE_WORLD_H
#define LINERA_TESTS_COMMON_STORE_WORLD_H

#include "env/sim.h"
#include "storage/engine.h"
#include "tests/common/model_reader.h"

enum { STORE_PENDING_MAX = 96, STORE_READERS_MAX = 3 };

struct store_world;

/* One thing that a life may do next. */
struct store_action {
    const char *name;
    unsigned    weight; /* how often, beside the others */
    void (*act)(struct store_world *w);
};

/* What a harness does wrong on purpose, to see that somebody notices. */
enum store_bug {
    STORE_BUG_NONE,
    STORE_BUG_LOST_COMMIT, /* some commits are acknowledged and not made */
    STORE_BUG_HALF_COMMIT, /* of some, only the first operations are made */
    STORE_BUG_NO_SYNC,     /* commits are taken for durable that were not synced */
    STORE_BUG_LYING_DISK,  /* syncs do nothing */
    STORE_BUG_EARLY_GC,    /* garbage is collected above the threshold that was told */
    STORE_BUG_LOST_TABLES, /* ingestions are acknowledged and not made */
    STORE_BUG_LATE_COPY,   /* a copy is taken for one of a moment before */
    STORE_BUG_COUNT
};

/* Of the directory that a copy of the store is in, beside it. */
enum store_copy {
    STORE_COPY_NONE,
    STORE_COPY_BEGUN, /* a crash may have come in between: it is whole or refused */
    STORE_COPY_WHOLE, /* it must open, whatever becomes of the store, and hold what was copied */
    STORE_COPY_SPENT, /* to be deleted */
};

/* How far a Raft log goes. */
struct store_raft_mark {
    uint64_t last, commit;
};

/* What is known of it (store_raft.h), as of the batches: `sure` and `promised` are durable, `most`
 * was handed over. */
struct store_raft {
    struct store_raft_mark sure, promised, now, most, copied;
    bool is_known, copy_is_known; /* what the store, or the copy, held at its opening */
};

struct store_world {
    struct sim           *sim;
    struct sim_node      *node;
    struct prng           prng;
    struct engine_options options;
    struct model_shape    shape;
    enum store_bug        bug;

    /* What is known. `sure` is durable; after that the engine was handed the pending batches, in
     * order, the first `promised` of which it has acknowledged as durable: the last of its groups.
     */
    struct model        sure;
    struct engine_batch pending[STORE_PENDING_MAX];
    size_t              pending_count, promised;
    struct model        now;              /* what reads see */
    struct model        scratch, content; /* `content`: of an ingestion */
    enum store_copy     copy;
    struct model        copied;
    struct store_raft   raft;
    uint64_t            floor; /* below, garbage may be collected */

    /* What may be. */
    bool     has_faults;    /* the disk fails: I/O errors are right answers */
    bool     is_full;       /* there may be no room */
    bool     is_damaged;    /* a bit was flipped: CORRUPT is a right answer */
    bool     may_lose_last; /* damage to the last group of a log that was cut off cannot be seen */
    char     damaged[64];   /* the file with the flipped bit */
    uint64_t offset;
    int      bit;
    bool     flipped;
    bool     looks_first; /* all tables are looked at after the opening: the damage must be seen */

    /* The life that runs. */
    struct env         *env;
    struct engine      *e;
    struct model_reader readers[STORE_READERS_MAX];
    size_t              reader_count;
    unsigned            steps;                /* left */
    void (*interrupt)(struct store_world *w); /* called when so many are left; NULL: nothing */
    unsigned interrupt_at;
    bool     is_known;   /* what the store held at its opening */
    bool     is_over;    /* this life: a fault has ended it */
    bool     was_closed; /* with all that was committed durable */

    /* What has been. */
    unsigned lives, opened, commits, full, stops, corrupt, flushes, collected, reopened, ingested,
        copies, raft_writes;
    struct buf wrong; /* what was wrong, the first of it; empty: nothing */
};

/* A world whose node is down; `options` and `shape` are the caller's to set before the first life.
 */
void store_world_init(struct store_world *w, uint64_t seed);
void store_world_deinit(struct store_world *w);

/* Start the node and let it live: open, check what is there, `steps` random actions, close, unless
 * a crash at the count-th I/O comes before (0: none). The faults are the caller's, and stay. */
void store_world_live(struct store_world *w, unsigned steps, uint64_t crash_io, enum sim_crash how);
/* A life without steps or faults, which must find everything. */
void store_world_check(struct store_world *w);

static inline bool store_world_is_wrong(const struct store_world *w)
{
    return w->wrong.size > 0;
}

/* For those who act on the store: whether the call went well; if not, the error, which is freed,
 * must be one that the faults explain. And: all that was handed over is durable now, the newest
 * group of it last. */
bool store_world_answer(struct store_world *w, const char *what, status st);
void store_world_promise(struct store_world *w);

/* Whether this is a segment of a log. */
bool store_file_is_log(const char *path);

/* Note what is wrong, unless something was before. */
void store_world_wrong(struct store_world *w, const char *fmt, ...) PRINTF(2, 3);

#endif
