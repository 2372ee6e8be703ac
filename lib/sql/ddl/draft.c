/* Descriptors under construction, and the names PostgreSQL makes up. */
#include "sql/ddl/internal.h"

#include <stdio.h>

/* Room for one more element; the new one is zeroed. */
static void *grow(struct arena *a, void *array, size_t count, size_t size)
{
    char *grown = arena_alloc(a, (count + 1) * size);

    if (count > 0)
        memcpy(grown, array, count * size);
    memset(grown + count * size, 0, size);
    return grown;
}

struct column_desc *draft_add_column(const struct ddl *d, struct table_desc *t)
{
    struct column_desc *column;

    t->columns = grow(d->a, t->columns, t->column_count, sizeof *t->columns);
    column = &t->columns[t->column_count++];
    column->number = (int16_t)t->column_count;
    column->typmod = -1;
    return column;
}

struct index_desc *draft_add_index(const struct ddl *d, struct table_desc *t)
{
    t->indexes = grow(d->a, t->indexes, t->index_count, sizeof *t->indexes);
    return &t->indexes[t->index_count++];
}

struct constraint_desc *draft_add_constraint(const struct ddl *d, struct table_desc *t)
{
    t->constraints = grow(d->a, t->constraints, t->constraint_count, sizeof *t->constraints);
    return &t->constraints[t->constraint_count++];
}

void draft_add_inbound(const struct ddl *d, struct table_desc *t, uint32_t table, uint32_t fk)
{
    t->inbound = grow(d->a, t->inbound, t->inbound_count, sizeof *t->inbound);
    t->inbound[t->inbound_count].table_oid = table;
    t->inbound[t->inbound_count++].constraint_oid = fk;
}

#define REMOVE_AT(array, count, position)                                                          \
    do {                                                                                           \
        memmove(&(array)[position], &(array)[(position) + 1],                                      \
                ((count) - (position)-1) * sizeof *(array));                                       \
        (count)--;                                                                                 \
    } while (0)

void draft_remove_index(struct table_desc *t, size_t position)
{
    REMOVE_AT(t->indexes, t->index_count, position);
}

void draft_remove_constraint(struct table_desc *t, size_t position)
{
    REMOVE_AT(t->constraints, t->constraint_count, position);
}

void draft_remove_inbound(struct table_desc *t, uint32_t fk)
{
    for (size_t i = 0; i < t->inbound_count; i++) {
        if (t->inbound[i].constraint_oid == fk) {
            REMOVE_AT(t->inbound, t->inbound_count, i);
            return;
        }
    }
}

struct column_desc *draft_column(struct table_desc *t, const char *name)
{
    for (size_t i = 0; i < t->column_count; i++)
        if (!t->columns[i].dropped && ddl_equal(t->columns[i].name, name))
            return &t->columns[i];
    return NULL;
}

int draft_constraint(const struct table_desc *t, const char *name)
{
    for (size_t i = 0; i < t->constraint_count; i++)
        if (ddl_equal(t->constraints[i].name, name))
            return (int)i;
    return -1;
}

struct index_desc *draft_index_by_oid(struct table_desc *t, uint32_t oid)
{
    for (size_t i = 0; i < t->index_count; i++)
        if (oid != 0 && t->indexes[i].oid == oid)
            return &t->indexes[i];
    return NULL;
}

/* ---- names ----------------------------------------------------------------------------------- */

/* Cut to at most `size` bytes, not through a character. */
static size_t clip(const char *text, size_t length, size_t size)
{
    if (length <= size)
        return length;
    while (size > 0 && ((unsigned char)text[size] & 0xc0) == 0x80)
        size--;
    return size;
}

const char *object_name_make(struct arena *a, const char *name1, const char *name2,
                             const char *label)
{
    size_t overhead = (name2 != NULL ? 1 : 0) + (label != NULL ? strlen(label) + 1 : 0);
    size_t room = NAME_SIZE_MAX - overhead;
    size_t size1 = strlen(name1), size2 = name2 != NULL ? strlen(name2) : 0;

    /* The longer of the two gives way, a byte at a time. */
    while (size1 + size2 > room) {
        if (size1 > size2)
            size1--;
        else
            size2--;
    }
    size1 = clip(name1, strlen(name1), size1);
    if (name2 != NULL)
        size2 = clip(name2, strlen(name2), size2);
    return arena_printf(a, "%.*s%s%.*s%s%s", (int)size1, name1, name2 != NULL ? "_" : "",
                        (int)size2, name2 != NULL ? name2 : "", label != NULL ? "_" : "",
                        label != NULL ? label : "");
}

static const char *label_with(struct arena *a, const char *label, unsigned n)
{
    return n == 0 ? label : arena_printf(a, "%s%u", label, n);
}

/* As PostgreSQL, which keeps constraint names of different tables of a schema apart only where it
 * makes them up: it is enough that the table has none of that name. */
const char *choose_constraint_name(const struct ddl *d, const struct table_desc *t,
                                   const char *column, const char *label)
{
    for (unsigned n = 0;; n++) {
        const char *name = object_name_make(d->a, t->name, column, label_with(d->a, label, n));

        if (draft_constraint(t, name) < 0)
            return name;
    }
}

static bool draft_has_index(const struct table_desc *t, const char *name)
{
    for (size_t i = 0; i < t->index_count; i++)
        if (t->indexes[i].oid != 0 && ddl_equal(t->indexes[i].name, name))
            return true;
    return false;
}

const char *choose_relation_name(const struct ddl *d, const struct table_desc *t, const char *name2,
                                 const char *label)
{
    for (unsigned n = 0;; n++) {
        const char *name = object_name_make(d->a, t->name, name2, label_with(d->a, label, n));

        if (!catalog_relation_exists(d->v, t->schema_oid, name) && !draft_has_index(t, name) &&
            draft_constraint(t, name) < 0)
            return name;
    }
}
