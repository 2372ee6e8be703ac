/* tests/common/storage_model.h: the engine as a sorted array, slow and evidently right, and the
 * random operations that compare both. Engines are compared through engine.h alone, so that every
 * kind of engine runs the same suite. */
#ifndef LINERA_TESTS_COMMON_STORAGE_MODEL_H
#define LINERA_TESTS_COMMON_STORAGE_MODEL_H

#include "base/prng.h"
#include "storage/ingest.h"

struct model_entry {
    char  *key;
    size_t key_size;
    hlc_ts ts;
    bool   tombstone;
    char  *value;
    size_t value_size;
};

struct model_space {
    struct model_entry *entries;
    size_t              count, capacity;
};

struct model {
    struct model_space data, meta;
    uint64_t           applied;
    /* For an engine that drops late: the highest threshold of garbage collection so far. Versions
     * at or below it may still be there, so they are compared by what reads at or above it see, and
     * the counts not at all. Writes and reads must keep above it (model_shape.ts_min). */
    bool               drops_late;
    hlc_ts             floor;
    bool               counts_are_near; /* engine_stats() may count hidden entries too */
};

void   model_init(struct model *m);
void   model_deinit(struct model *m);
void   model_copy(struct model *to, const struct model *from);
void   model_apply(struct model *m, const struct engine_batch *b);
/* What a batch with one clear of versioned keys does; an empty `end`: no upper end. */
void   model_clear_range(struct model *m, slice start, slice end);
/* Give the builder all that `content` holds, in order, until it refuses something. */
status model_build(const struct model *content, struct engine_builder *b) MUST_CHECK;
/* What ingesting a builder of these options does, filled with `content`; its applied index, when it
 * is not 0, goes along. */
void   model_ingest(struct model *m, const struct engine_builder_options *o,
                    const struct model *content);
/* The same as a batch. */
void   model_ingest_batch(const struct engine_builder_options *o, const struct model *content,
                          struct engine_batch *b);
/* What engine_gc() over the whole key space leaves. */
void   model_gc(struct model *m, hlc_ts threshold);
/* Entries held, of both spaces. */
size_t model_count(const struct model *m);

/* What kinds of keys and values the random operations make. */
struct model_shape {
    uint64_t keys;         /* how many different ones */
    unsigned key_size_max; /* filled up to a random size below */
    unsigned value_size_max;
    uint64_t ts_max;
    bool     clears; /* range clears too */
    hlc_ts   ts_min; /* timestamps are above this, and up to ts_min + ts_max */
    /* Time goes on by so much with each batch (the caller's to add to ts_min); now and then an
     * operation is of any time above ts_oldest. Reads are at any time from there on. */
    hlc_ts   drift, ts_oldest;
};

/* Add up to `ops` random operations. */
void model_random_batch(struct prng *p, const struct model_shape *shape, unsigned ops,
                        struct engine_batch *b);
void model_random_key(struct prng *p, const struct model_shape *shape, struct buf *key);
/* A random mode, span and time, all that the model can tell about; *start and *end are where the
 * bounds stand. The snapshot is left alone. */
void model_random_iter(struct prng *p, const struct model *m, const struct model_shape *shape,
                       struct buf *start, struct buf *end, struct engine_iter_options *out);

/* What a comparison answers when the engine's answer is not the model's; any other error is the
 * engine's own. */
#define MODEL_DIFFERS ST_INTERNAL

/* Whether the engine (or a snapshot of it) holds exactly this. */
status model_compare_all(const struct model *m, struct engine *e, struct engine_snapshot *s)
    MUST_CHECK;
/* The same for a few random gets, iterators and spans. */
status model_compare_some(const struct model *m, struct engine *e, struct engine_snapshot *s,
                          struct prng *p, const struct model_shape *shape) MUST_CHECK;
/* Both, failing the test unless the answer is OK. */
void   model_check_all(const struct model *m, struct engine *e, struct engine_snapshot *s);
void   model_check_some(const struct model *m, struct engine *e, struct engine_snapshot *s,
                        struct prng *p, const struct model_shape *shape);

/* The entries an iterator with these options shows, as positions in the space it is of; out has
 * room for all of them. Returns how many. */
size_t model_expect(const struct model *m, const struct engine_iter_options *o, size_t *out);
/* Whether an iterator of this mode stands on the entry at the position `at`; NULL: on none. */
status model_compare_at(const struct model *m, enum engine_iter_mode mode, const size_t *at,
                        const struct engine_iter *it) MUST_CHECK;

/* Hashes of everything held, but for what may be collected (model.floor): equal content, equal
 * hash. */
uint64_t model_hash(const struct model *m);
status   model_hash_engine(const struct model *m, struct engine *e, uint64_t *hash) MUST_CHECK;

#endif
