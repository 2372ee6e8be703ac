#include "storage/applied.h"

void applied_deinit(struct umap *m)
{
    size_t   pos = 0;
    uint64_t range_id;
    void    *a;

    while (umap_next(m, &pos, &range_id, &a))
        heap_free(a);
    umap_deinit(m);
}

struct applied *applied_of(struct umap *m, uint64_t range_id, uint64_t durable)
{
    struct applied *a = umap_get(m, range_id);

    if (a == NULL) {
        a = heap_must_alloc(m->heap, 1, sizeof *a);
        *a = (struct applied){.durable = durable};
        umap_put(m, range_id, a);
    }
    return a;
}

void applied_set(struct applied *a, uint64_t index, enum apply_how how)
{
    a->index = index;
    a->is_replicated = how == APPLY_REPLICATED;
    if (how == APPLY_SYNCED)
        a->durable = index;
}

void applied_note_durable(struct umap *m)
{
    size_t   pos = 0;
    uint64_t range_id;
    void    *value;

    while (umap_next(m, &pos, &range_id, &value)) {
        struct applied *a = value;

        if (!a->is_replicated)
            a->durable = a->index;
    }
}
