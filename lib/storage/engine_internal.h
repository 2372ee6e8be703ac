/* lib/storage/engine_internal.h: what every kind of engine has, and the calls it implements. For
 * files of lib/storage only. */
#ifndef LINERA_STORAGE_ENGINE_INTERNAL_H
#define LINERA_STORAGE_ENGINE_INTERNAL_H

#include "storage/ingest.h"

enum engine_applied_as { ENGINE_APPLIED_NOW, ENGINE_APPLIED_DURABLE, ENGINE_APPLIED_FLUSHED };

/* The contracts are those of engine.h. */
struct engine_ops {
    void (*close)(struct engine *e);
    status (*commit)(struct engine *e, const struct engine_batch *b, bool sync);
    status (*sync)(struct engine *e);
    status (*apply)(struct engine *e, const struct engine_batch *b);
    uint64_t (*applied)(struct engine *e, uint64_t range_id, enum engine_applied_as as);
    void (*gc_threshold)(struct engine *e, slice start, slice end, hlc_ts threshold); /* or NULL */
    status (*gc)(struct engine *e, slice start, slice end, hlc_ts threshold, uint64_t budget,
                 struct buf *resume, uint64_t *dropped);
    status (*get)(struct engine *e, struct engine_snapshot *s, slice key, hlc_ts ts,
                  struct engine_value *out);
    status (*get_meta)(struct engine *e, struct engine_snapshot *s, slice key,
                       struct engine_value *out);
    struct engine_snapshot *(*snapshot_take)(struct engine *e);
    void (*snapshot_release)(struct engine *e, struct engine_snapshot *s);
    status (*iter_open)(struct engine *e, const struct engine_iter_options *options,
                        struct engine_iter **out);
    void (*iter_close)(struct engine_iter *it);
    status (*iter_first)(struct engine_iter *it);
    status (*iter_last)(struct engine_iter *it);
    status (*iter_seek)(struct engine_iter *it, slice key);
    status (*iter_seek_before)(struct engine_iter *it, slice key);
    status (*iter_next)(struct engine_iter *it);
    status (*iter_prev)(struct engine_iter *it);
    status (*span_size)(struct engine *e, slice start, slice end, uint64_t *size);
    status (*span_middle)(struct engine *e, slice start, slice end, struct buf *key);
    status (*drop_span)(struct engine *e, slice start, slice end);
    status (*tables)(struct engine *e, engine_table_fn *visit, void *ctx);
    status (*copy)(struct engine *e, const char *dir); /* which is there, and empty */
    status (*builder_open)(struct engine *e, const struct engine_builder_options *options,
                           struct engine_builder **out);
    void (*stats)(struct engine *e, struct engine_stats *out);
    void (*register_metrics)(struct engine *e, struct metrics *m,
                             const char *labels); /* of the kind's own; or NULL */
    status (*checkpoint)(struct engine *e);
};

struct engine {
    const struct engine_ops *ops;
    struct env              *env;
    enum engine_state        state;
    bool                     has_files;
    struct engine_identity   identity;
    struct engine_metrics    metrics;
    struct raft_log         *raft_log; /* of its log; NULL without a directory */
};

/* Commit a batch that clears [start, end), with sync. */
status MAY_YIELD engine_commit_clear(struct engine *e, slice start, slice end) MUST_CHECK;

/* The identity of a new store. */
void engine_new_identity(struct engine *e, const struct engine_options *o);

/* The engine of mem.c. */
status MAY_YIELD mem_engine_open(struct env *env, const struct engine_options *options,
                                 struct engine **out) MUST_CHECK;

#endif
