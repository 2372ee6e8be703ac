/* lib/storage/ingest_internal.h: what every kind of builder has, and the calls it implements. For
 * files of lib/storage only. */
#ifndef LINERA_STORAGE_INGEST_INTERNAL_H
#define LINERA_STORAGE_INGEST_INTERNAL_H

#include "storage/ingest.h"

/* In the order in which they are added. */
enum builder_space { BUILDER_META, BUILDER_DATA };

/* What is added; its order and sizes were checked. */
struct builder_entry {
    enum builder_space space;
    slice              key;
    hlc_ts             ts; /* 0 of meta keys */
    bool               is_tombstone;
    slice              value;
};

/* The contracts are those of ingest.h. */
struct builder_ops {
    status (*add)(struct engine_builder *b, const struct builder_entry *entry);
    status (*ingest)(struct engine_builder *b, uint64_t range_id, uint64_t index);
    void (*close)(struct engine_builder *b); /* frees it */
};

struct engine_builder {
    const struct builder_ops *ops;
    struct engine            *e;
    bool                      has_last, is_ingested;
    enum builder_space        last_space;
    struct buf                last_key;
    hlc_ts                    last_ts;
    uint64_t                  size; /* what engine_builder_size() tells: the kind's to count */
};

/* mem_ingest.c */
status mem_builder_open(struct engine *e, const struct engine_builder_options *options,
                        struct engine_builder **out) MUST_CHECK;

#endif
