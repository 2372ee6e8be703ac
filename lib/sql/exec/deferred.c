/* Foreign keys that are checked when the transaction ends. */
#include <string.h>

#include "base/assert.h"
#include "env/env.h"
#include "sql/exec/write_internal.h"

/* Descriptors live until the transaction ends, so they are kept by pointer; values are copied. */
struct deferred {
    struct fk_event          event;
    const struct table_desc *changed;
    struct arena            *a;
};

struct deferred_checks {
    struct heap     *heap;
    struct deferred *items;
    size_t           count, capacity;
};

struct deferred_checks *deferred_checks_new(struct heap *heap)
{
    struct deferred_checks *d = heap_must_alloc(heap, 1, sizeof *d);

    d->heap = heap;
    return d;
}

size_t deferred_checks_count(const struct deferred_checks *d)
{
    return d->count;
}

void deferred_checks_cut(struct deferred_checks *d, size_t count)
{
    while (d->count > count)
        arena_free(d->items[--d->count].a);
}

void deferred_checks_free(struct deferred_checks *d)
{
    if (d == NULL)
        return;
    deferred_checks_cut(d, 0);
    heap_free(d->items);
    heap_free(d);
}

static void copy_values(struct deferred *to, const struct table_desc *names, const int16_t *columns,
                        datum *values, const bool *nulls)
{
    for (size_t i = 0; i < to->event.constraint->column_count; i++) {
        const struct type *t = type_by_oid(names->columns[columns[i] - 1].type);

        if (nulls == NULL || !nulls[i])
            values[i] = datum_copy(to->a, t, values[i]);
    }
}

status deferred_add(struct deferred_checks *d, const struct fk_event *e)
{
    const struct constraint_desc *k = e->constraint;
    struct deferred              *to;

    if (d->count == d->capacity) {
        size_t capacity = d->capacity == 0 ? 8 : d->capacity * 2;
        void  *items = heap_realloc(d->heap, d->items, capacity * sizeof *d->items);

        if (items == NULL)
            return STATUS_OOM;
        d->items = items;
        d->capacity = capacity;
    }
    to = &d->items[d->count++];
    to->event = *e;
    to->event.next = NULL;
    to->changed = e->target->plan->layout->desc;
    to->a = arena_new(d->heap, NULL);
    to->event.row_key = arena_copy(to->a, e->row_key);
    if (e->kind == FK_CHILD)
        copy_values(to, e->child, k->columns, to->event.new_values, e->new_nulls);
    else
        copy_values(to, to->changed, k->ref_columns, to->event.old_values, NULL);
    return STATUS_OK;
}

status deferred_checks_run(struct sql_context *c, struct deferred_checks *d)
{
    struct arena         *a;
    struct write_session *s;
    status                st = STATUS_OK;

    if (d == NULL || d->count == 0)
        return STATUS_OK;
    a = arena_new(d->heap, NULL);
    s = write_session_new(c, a);
    txn_step(c->txn);
    for (size_t i = 0; st_ok(st) && i < d->count; i++) {
        struct fk_event e = d->items[i].event;

        st = write_target_for(s, d->items[i].changed, &e.target);
        if (st_ok(st))
            st = fk_run(s, &e);
    }
    write_session_close(s);
    arena_free(a);
    deferred_checks_cut(d, 0);
    return st;
}
