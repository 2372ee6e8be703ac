/* The digest of what a statement has written: the session compares it with what the same statement
 * writes when its transaction is run again (pitfall T7). */
#define XXH_STATIC_LINKING_ONLY /* the state's size: it lives on the node's heap */
#include <xxhash.h>

#include "base/assert.h"
#include "pgwire/wire.h"

struct wire_digest {
    XXH64_state_t state;
    size_t        at; /* bytes of `out` that are in it */
    bool          on;
};

void wire_digest_begin(struct wire *w)
{
    if (w->digest == NULL)
        w->digest = heap_must_alloc(w->out.heap, 1, sizeof *w->digest);
    w->digest->on = XXH64_reset(&w->digest->state, 0) == XXH_OK;
    w->digest->at = w->out.size;
    ASSERT(w->digest->on);
}

static void take(struct wire *w)
{
    struct wire_digest *d = w->digest;

    if (w->out.size > d->at)
        XXH64_update(&d->state, w->out.data + d->at, w->out.size - d->at);
    d->at = w->out.size;
}

void wire_digest_flush(struct wire *w)
{
    if (w->digest == NULL || !w->digest->on)
        return;
    take(w);
    w->digest->at = 0;
}

uint64_t wire_digest_end(struct wire *w)
{
    ASSERT(w->digest->on);
    take(w);
    w->digest->on = false;
    return XXH64_digest(&w->digest->state);
}
