/* tests/common/model_reader.h: snapshots and iterators that are held open over other work, each
 * with the model of what it must show. Nothing here fails the test: a wrong answer is a status
 * (MODEL_DIFFERS), so that engines on faulty disks can be asked too. */
#ifndef LINERA_TESTS_COMMON_MODEL_READER_H
#define LINERA_TESTS_COMMON_MODEL_READER_H

#include "tests/common/storage_model.h"

/* One of `snapshot` and `it` is set. What the model part takes comes from malloc's heap. */
struct model_reader {
    struct engine_snapshot    *snapshot;
    struct engine_iter        *it;
    struct engine_iter_options options;
    struct buf                 start, end;
    struct model               frozen;
    size_t                    *want; /* what the iterator shows, as positions in a space of it */
    size_t                     count, at; /* at == count: past the end */
};

/* Take a snapshot of an engine that holds `m`, or open an iterator over some of it, on the first
 * entry. After an error the reader is only to be closed. */
status MAY_YIELD model_reader_open(struct model_reader *r, const struct model *m, struct engine *e,
                                   struct prng *p, const struct model_shape *shape,
                                   bool is_iterator) MUST_CHECK;

/* Read something of the snapshot; or move the iterator, which must stand where it stood, some steps
 * either way. After an error the reader is only to be closed. */
status MAY_YIELD model_reader_use(struct model_reader *r, struct engine *e, struct prng *p,
                                  const struct model_shape *shape) MUST_CHECK;

/* Close, whatever is returned, which is what a last look at all of a snapshot found. */
status MAY_YIELD model_reader_close(struct model_reader *r, struct engine *e) MUST_CHECK;

/* The engine has gone, and what was open in it too: free the rest. */
void model_reader_forget(struct model_reader *r);

#endif
