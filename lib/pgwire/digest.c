/* The digest of what a statement has written: the session compares it with what the same statement
 * writes when its transaction is run again (pitfall T7). */
#define XXH_STATIC_LINKING_ONLY /* the state's size: it lives on the node's heap */
#include <xxhash.h>

#include "base/assert.h"
#include "pgwire/wire.h"

/* What fits into the buffer, nearly always all, is hashed in one go at the end: a state costs more
 * than the hash of a short answer. */
struct wire_digest {
    XXH64_state_t state; /* of what was flushed */
    size_t        at;    /* where in `out` the rest begins */
    bool          on, flushed;
};

void wire_digest_begin(struct wire *w)
{
    if (w->digest == NULL)
        w->digest = heap_must_alloc(w->out.heap, 1, sizeof *w->digest);
    w->digest->on = true;
    w->digest->flushed = false;
    w->digest->at = w->out.size;
}

/* What is not in the state yet; bytes that were taken back lie before it. */
static slice rest(const struct wire *w)
{
    return slice_from(buf_slice(&w->out), MIN(w->digest->at, w->out.size));
}

void wire_digest_flush(struct wire *w)
{
    struct wire_digest *d = w->digest;
    slice               text;

    if (d == NULL || !d->on)
        return;
    if (!d->flushed)
        XXH64_reset(&d->state, 0);
    d->flushed = true;
    text = rest(w);
    XXH64_update(&d->state, text.data, text.size);
    d->at = 0;
}

uint64_t wire_digest_end(struct wire *w)
{
    struct wire_digest *d = w->digest;
    slice               text = rest(w);

    ASSERT(d->on);
    d->on = false;
    if (!d->flushed)
        return XXH64(text.data, text.size, 0);
    XXH64_update(&d->state, text.data, text.size);
    return XXH64_digest(&d->state);
}
