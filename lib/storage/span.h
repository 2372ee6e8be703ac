/* lib/storage/span.h: the key in the middle of a span, whatever keeps the span. For files of
 * lib/storage only. */
#ifndef LINERA_STORAGE_SPAN_H
#define LINERA_STORAGE_SPAN_H

#include "base/buf.h"
#include "base/status.h"

/* What holds the bytes of a span: sources, each of which can name a key at about any fraction of
 * its keys. Keys are as the answering side has them. */
struct span_sources {
    void  *ctx;
    size_t count;
    /* About how many bytes of [start, end) there are, in all sources. */
    status MAY_YIELD (*size)(void *ctx, slice start, slice end, uint64_t *size);
    /* Put a key of the source (one that divides its keys will do) into the empty *key: the one at
     * `where` of 2^32. A greater `where` never gives a smaller key. *key left empty: it has none.
     */
    status MAY_YIELD (*sample)(void *ctx, size_t source, uint32_t where, struct buf *key);
};

/* Put the key k, start < k < end, into the empty *key with which [start, k) has about half the
 * bytes of [start, end); leave it empty when no source names any key in between. An empty `end`: no
 * upper end. Asks for some 30 samples a source, and for sizes of spans that halve each time. */
status MAY_YIELD span_middle(const struct span_sources *s, slice start, slice end, struct buf *key)
    MUST_CHECK;

#endif
