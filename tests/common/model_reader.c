#include "tests/common/model_reader.h"

#include <stdlib.h>

enum { STEPS_MAX = 30 };

static status stands(const struct model_reader *r)
{
    return model_compare_at(&r->frozen, r->options.mode, r->at < r->count ? &r->want[r->at] : NULL,
                            r->it);
}

status model_reader_open(struct model_reader *r, const struct model *m, struct engine *e,
                         struct prng *p, const struct model_shape *shape, bool is_iterator)
{
    *r = (struct model_reader){0};
    model_copy(&r->frozen, m);
    buf_init(&r->start, NULL);
    buf_init(&r->end, NULL);
    if (!is_iterator) {
        r->snapshot = engine_snapshot_take(e);
        return STATUS_OK;
    }
    model_random_iter(p, &r->frozen, shape, &r->start, &r->end, &r->options);
    r->want = malloc((model_count(&r->frozen) + 1) * sizeof *r->want);
    r->count = model_expect(&r->frozen, &r->options, r->want);
    TRY_RETURN(engine_iter_open(e, &r->options, &r->it));
    if (r->it->valid)
        return status_new(MODEL_DIFFERS, "an iterator opens on an entry");
    TRY_RETURN(engine_iter_first(r->it));
    return stands(r);
}

/* Off an end it begins anew, from either. */
static status step(struct model_reader *r, struct prng *p)
{
    if (r->at == r->count && prng_below(p, 2) == 0) {
        r->at = 0;
        return engine_iter_first(r->it);
    }
    if (r->at == r->count) {
        r->at = r->count > 0 ? r->count - 1 : 0;
        return engine_iter_last(r->it);
    }
    if (prng_below(p, 3) > 0) {
        r->at++;
        return engine_iter_next(r->it);
    }
    r->at = r->at > 0 ? r->at - 1 : r->count;
    return engine_iter_prev(r->it);
}

status model_reader_use(struct model_reader *r, struct engine *e, struct prng *p,
                        const struct model_shape *shape)
{
    if (r->snapshot != NULL)
        return model_compare_some(&r->frozen, e, r->snapshot, p, shape);
    TRY_RETURN(stands(r)); /* where it stood, whatever was written since */
    for (uint64_t steps = prng_below(p, STEPS_MAX); steps > 0; steps--) {
        TRY_RETURN(step(r, p));
        TRY_RETURN(stands(r));
    }
    return STATUS_OK;
}

status model_reader_close(struct model_reader *r, struct engine *e)
{
    status st = STATUS_OK;

    if (r->snapshot != NULL) {
        st = model_compare_all(&r->frozen, e, r->snapshot);
        engine_snapshot_release(e, r->snapshot);
    }
    engine_iter_close(r->it);
    model_reader_forget(r);
    return st;
}

void model_reader_forget(struct model_reader *r)
{
    free(r->want);
    buf_deinit(&r->start);
    buf_deinit(&r->end);
    model_deinit(&r->frozen);
    *r = (struct model_reader){0};
}
