/* Carrying out one DROP: descriptors, storage, links to other descriptors. */
#include "sql/ddl/internal.h"

#include "sql/catalog/statistics.h"
#include "sql/exec/table.h"

static status lookup(const struct ddl *d, uint32_t oid, struct table_desc **out)
{
    const struct table_desc *t;

    *out = NULL;
    TRY_RETURN(catalog_table_by_oid_for_change(d->v, oid, &t));
    if (t != NULL)
        *out = table_desc_copy(d->a, t, 1);
    return STATUS_OK;
}

/* ---- indexes and constraints ----------------------------------------------------------------- */

static size_t index_position(const struct table_desc *t, uint32_t oid)
{
    size_t i = 0;

    while (i < t->index_count && t->indexes[i].oid != oid)
        i++;
    return i;
}

/* The rows get hidden ids again, in new storage. */
static status drop_primary(const struct ddl *d, struct table_desc *t)
{
    struct table_desc *before = table_desc_copy(d->a, t, 0);
    uint32_t           storage;

    TRY_RETURN(catalog_new_oid(d->v, &storage));
    t->storage_id = storage;
    t->indexes[0] = (struct index_desc){.key_id = 1, .name = "", .unique = true};
    t->has_row_id = true;
    TRY_RETURN(catalog_put_table(d->v, t));
    return rewrite_table(d, before, t, NULL);
}

static status drop_index(const struct ddl *d, uint32_t table, uint32_t oid)
{
    struct table_desc *t;
    size_t             at;

    TRY_RETURN(lookup(d, table, &t));
    at = t == NULL ? 0 : index_position(t, oid);
    if (t == NULL || at == t->index_count)
        return STATUS_OK;
    if (at == 0)
        return drop_primary(d, t);
    TRY_RETURN(table_wipe(d->c, t, at));
    draft_remove_index(t, at);
    return catalog_put_table(d->v, t);
}

static status drop_constraint(const struct ddl *d, uint32_t table, uint32_t oid)
{
    struct table_desc     *t;
    struct constraint_desc c;
    size_t                 i = 0;

    TRY_RETURN(lookup(d, table, &t));
    while (t != NULL && i < t->constraint_count && t->constraints[i].oid != oid)
        i++;
    if (t == NULL || i == t->constraint_count)
        return STATUS_OK;
    c = t->constraints[i];
    draft_remove_constraint(t, i);
    if (c.kind == CONSTRAINT_FOREIGN)
        TRY_RETURN(foreign_key_unlink(d, t, c.ref_table_oid, c.oid));
    TRY_RETURN(catalog_put_table(d->v, t));
    if (c.kind == CONSTRAINT_PRIMARY || c.kind == CONSTRAINT_UNIQUE)
        return drop_index(d, table, c.index_oid);
    return STATUS_OK;
}

/* ---- columns --------------------------------------------------------------------------------- */

static status drop_default(const struct ddl *d, uint32_t table, uint32_t column)
{
    struct table_desc  *t;
    struct column_desc *c;

    TRY_RETURN(lookup(d, table, &t));
    if (t == NULL)
        return STATUS_OK;
    c = &t->columns[column - 1];
    c->default_text = NULL;
    c->default_sequence_oid = 0;
    return catalog_put_table(d->v, t);
}

/* The place stays taken and keeps its type, so that rows written before can still be read. */
static status drop_column(const struct ddl *d, uint32_t table, uint32_t column)
{
    struct table_desc  *t;
    struct column_desc *c;

    TRY_RETURN(lookup(d, table, &t));
    if (t == NULL)
        return STATUS_OK;
    c = &t->columns[column - 1];
    *c = (struct column_desc){.number = c->number,
                              .type = c->type,
                              .typmod = c->typmod,
                              .collation = c->collation,
                              .dropped = true,
                              .name = arena_printf(d->a, "........pg.dropped.%u........", column)};
    return catalog_put_table(d->v, t);
}

/* ---- relations ------------------------------------------------------------------------------- */

/* A sequence that goes is no longer its column's. */
static status forget_in_owner(const struct ddl *d, const struct table_desc *sequence)
{
    struct table_desc *owner;

    if (sequence->sequence.owner_table_oid == 0)
        return STATUS_OK;
    TRY_RETURN(lookup(d, sequence->sequence.owner_table_oid, &owner));
    if (owner == NULL)
        return STATUS_OK;
    for (size_t i = 0; i < owner->column_count; i++) {
        if (owner->columns[i].sequence_oid != sequence->oid)
            continue;
        owner->columns[i].sequence_oid = 0;
        return catalog_put_table(d->v, owner);
    }
    return STATUS_OK;
}

static status drop_relation(const struct ddl *d, uint32_t oid)
{
    struct table_desc *t;

    TRY_RETURN(lookup(d, oid, &t));
    if (t == NULL)
        return STATUS_OK;
    for (size_t i = 0; i < t->constraint_count; i++)
        if (t->constraints[i].kind == CONSTRAINT_FOREIGN)
            TRY_RETURN(
                foreign_key_unlink(d, t, t->constraints[i].ref_table_oid, t->constraints[i].oid));
    if (t->kind == RELATION_SEQUENCE)
        TRY_RETURN(forget_in_owner(d, t));
    if (t->kind == RELATION_TABLE)
        TRY_RETURN(table_wipe(d->c, t, SIZE_MAX));
    TRY_RETURN(catalog_remove_statistics(d->v, oid));
    return catalog_remove(d->v, OBJECT_TABLE, oid);
}

status drop_one(const struct ddl *d, const struct drop_item *item)
{
    switch (item->kind) {
    case DROP_RELATION:
        return drop_relation(d, item->oid);
    case DROP_SCHEMA:
        return catalog_remove(d->v, OBJECT_SCHEMA, item->oid);
    case DROP_CONSTRAINT:
        return drop_constraint(d, item->oid, item->sub);
    case DROP_INDEX:
        return drop_index(d, item->oid, item->sub);
    case DROP_COLUMN:
        return drop_column(d, item->oid, item->sub);
    case DROP_DEFAULT:
        return drop_default(d, item->oid, item->sub);
    }
    return STATUS_OK;
}
