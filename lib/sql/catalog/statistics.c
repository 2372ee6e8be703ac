#include "sql/catalog/statistics.h"

#include "sql/catalog/internal.h"

enum { CHANGES_MIN = 500, PAUSE_US = 60 * 1000 * 1000 };

/* ---- reading and writing ----------------------------------------------------------------------
 */

const struct table_statistics *catalog_statistics(struct catalog_view *v, uint32_t table_oid)
{
    struct object *o = view_peek(v, OBJECT_STATISTICS, table_oid);

    if (o == NULL)
        return NULL;
    view_pin_once(v, o);
    return o->statistics;
}

const struct column_statistics *column_statistics_of(const struct table_statistics *s,
                                                     int16_t column, uint32_t type)
{
    for (size_t i = 0; s != NULL && i < s->column_count; i++) {
        if (s->columns[i].column == column)
            return s->columns[i].type == type ? &s->columns[i] : NULL;
    }
    return NULL;
}

status catalog_remove_statistics(struct catalog_view *v, uint32_t table_oid)
{
    if (view_peek(v, OBJECT_STATISTICS, table_oid) == NULL)
        return STATUS_OK;
    return catalog_remove(v, OBJECT_STATISTICS, table_oid);
}

/* ---- changes ----------------------------------------------------------------------------------
 */

struct changes {
    uint64_t rows;     /* changed since the statistics were taken */
    uint64_t taken_us; /* when they were; 0: not in this run of the node */
    bool     is_due;
};

void changes_forget(struct catalog *c, const struct object *before, const struct object *after)
{
    uint32_t        oid = before != NULL ? before->oid : after->oid;
    struct changes *n;

    if (after == NULL) {
        heap_free(umap_remove(&c->changes, oid));
        return;
    }
    n = umap_get(&c->changes, oid);
    if (n != NULL)
        *n = (struct changes){.taken_us = env_mono_us(c->env)};
}

void changes_free(struct catalog *c)
{
    size_t   pos = 0;
    uint64_t key;
    void    *n;

    while (umap_next(&c->changes, &pos, &key, &n))
        heap_free(n);
    umap_deinit(&c->changes);
}

void catalog_note_changes(struct catalog_view *v, uint32_t table_oid, uint64_t rows)
{
    struct catalog      *c = v->catalog;
    struct changes      *n = umap_get(&c->changes, table_oid);
    const struct object *o = umap_get(&c->objects, object_key(OBJECT_STATISTICS, table_oid));
    double               known = o != NULL ? o->statistics->rows : 0;

    if (rows == 0)
        return;
    if (n == NULL) {
        n = heap_must_alloc(c->heap, 1, sizeof *n);
        umap_put(&c->changes, table_oid, n);
    }
    n->rows += rows;
    if (!n->is_due && (double)n->rows >= CHANGES_MIN + known / 10 &&
        (n->taken_us == 0 || env_mono_us(c->env) >= n->taken_us + PAUSE_US)) {
        n->is_due = true;
        c->due_count++;
    }
}

bool catalog_has_due(const struct catalog *c)
{
    return c->due_count > 0;
}

uint32_t catalog_take_due(struct catalog *c)
{
    size_t   pos = 0;
    uint64_t key;
    void    *value;

    if (c->due_count == 0)
        return 0;
    while (umap_next(&c->changes, &pos, &key, &value)) {
        struct changes *n = value;

        if (!n->is_due)
            continue;
        *n = (struct changes){.taken_us = env_mono_us(c->env)};
        c->due_count--;
        return (uint32_t)key;
    }
    c->due_count = 0;
    return 0;
}
