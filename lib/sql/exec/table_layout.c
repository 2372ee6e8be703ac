/* What is known of a table before any row is seen: types, keys, which index covers what. */
#include <string.h>

#include "base/assert.h"
#include "kv/keys.h"
#include "sql/bind/bind.h"
#include "sql/catalog/catalog.h"
#include "sql/exec/table_internal.h"

static status layout_columns(struct sql_context *c, struct arena *a, struct table_layout *l)
{
    size_t n = l->column_count;

    l->types = ARENA_ARRAY(a, const struct type *, n);
    l->missing = ARENA_ARRAY(a, datum, n);
    l->missing_null = ARENA_ARRAY(a, bool, n);
    for (size_t i = 0; i < n; i++) {
        const struct column_desc *column = &l->desc->columns[i];

        l->types[i] = type_by_oid(column->type);
        l->missing_null[i] = column->dropped || column->missing_text == NULL;
        if (l->types[i] == NULL && !column->dropped)
            return status_new(ST_INTERNAL, "column \"%s\" of relation \"%s\" has no type",
                              column->name, l->desc->name);
        if (!l->missing_null[i])
            TRY_RETURN(l->types[i]->input(c, a, l->types[i], slice_cstr(column->missing_text),
                                          column->typmod, &l->missing[i]));
    }
    return STATUS_OK;
}

static status layout_part(struct sql_context *c, struct arena *a, const struct table_layout *l,
                          const struct index_part *in, struct layout_part *out)
{
    out->column = in->column;
    out->descending = in->descending;
    out->nulls_first = in->nulls_first;
    out->type = in->column != 0 ? l->types[in->column - 1] : type_by_oid(in->type);
    if (in->column == 0)
        TRY_RETURN(bind_expression_text(c, a, in->expression_text, l->desc, in->type, -1,
                                        &out->expression));
    if (out->type == NULL)
        return status_new(ST_INTERNAL, "an index of relation \"%s\" has a part without a type",
                          l->desc->name);
    return STATUS_OK;
}

/* Key columns, INCLUDE columns and the primary key's: each comes back from an entry, by its key or,
 * when the key is not exact, by its value. */
static void layout_covers(struct arena *a, const struct table_layout *l, struct index_layout *ix)
{
    const struct index_desc *primary = &l->desc->indexes[0];

    ix->covers = ARENA_ARRAY(a, bool, l->column_count);
    if (ix->desc == primary) {
        memset(ix->covers, true, l->column_count);
        return;
    }
    for (size_t i = 0; i < ix->part_count; i++) {
        if (ix->parts[i].column != 0)
            ix->covers[ix->parts[i].column - 1] = true;
    }
    for (size_t i = 0; i < ix->desc->include_count; i++)
        ix->covers[ix->desc->include[i] - 1] = true;
    for (size_t i = 0; i < primary->part_count; i++)
        ix->covers[primary->parts[i].column - 1] = true;
}

static slice index_prefix(struct arena *a, uint64_t storage_id, uint64_t key_id)
{
    struct buf b;
    slice      out;

    buf_init(&b, NULL);
    key_append_index(&b, storage_id, key_id);
    out = arena_copy(a, buf_slice(&b));
    buf_deinit(&b);
    return out;
}

static status layout_index(struct sql_context *c, struct arena *a, struct table_layout *l,
                           size_t position)
{
    struct index_layout     *ix = &l->indexes[position];
    const struct index_desc *d = &l->desc->indexes[position];

    ix->desc = d;
    ix->part_count = d->part_count;
    ix->parts = ARENA_ARRAY(a, struct layout_part, d->part_count);
    for (size_t i = 0; i < d->part_count; i++) {
        TRY_RETURN(layout_part(c, a, l, &d->parts[i], &ix->parts[i]));
        l->has_expressions |= ix->parts[i].expression != NULL;
    }
    if (d->predicate_text != NULL) {
        TRY_RETURN(
            bind_expression_text(c, a, d->predicate_text, l->desc, OID_BOOL, -1, &ix->predicate));
        l->has_expressions = true;
    }
    ix->prefix = index_prefix(a, l->desc->storage_id, d->key_id);
    return STATUS_OK;
}

status table_layout_new(struct sql_context *c, struct arena *a, const struct table_desc *desc,
                        const struct table_layout **out)
{
    struct table_layout *l = ARENA_NEW(a, struct table_layout);

    ASSERT(desc->index_count > 0); /* indexes[0] holds the rows */
    l->desc = desc;
    l->column_count = desc->column_count;
    TRY_RETURN(layout_columns(c, a, l));
    l->index_count = desc->index_count;
    l->indexes = ARENA_ARRAY(a, struct index_layout, desc->index_count);
    for (size_t i = 0; i < desc->index_count; i++)
        TRY_RETURN(layout_index(c, a, l, i));
    for (size_t i = 0; i < desc->index_count; i++)
        layout_covers(a, l, &l->indexes[i]);
    *out = l;
    return STATUS_OK;
}

void table_row_init(const struct table_layout *l, struct arena *a, struct table_row *row)
{
    row->values = ARENA_ARRAY(a, datum, l->column_count);
    row->nulls = arena_alloc(a, l->column_count);
    memset(row->nulls, true, l->column_count);
    row->key = SLICE_EMPTY;
}

/* ---- opening ------------------------------------------------------------------------------------
 */

/* Columns of a row stand at slot number - 1. */
static bool columns_to_slots(struct expr **e, void *ctx)
{
    if ((*e)->kind == EXPR_COLUMN) {
        struct expr *slot = expr_new(ctx, EXPR_SLOT, (*e)->type, (*e)->typmod, (*e)->location);

        slot->collation = (*e)->collation;
        slot->slot.position = (*e)->column.column - 1;
        *e = slot;
        return true;
    }
    return expr_walk_children(*e, columns_to_slots, ctx);
}

static status compile_over_row(struct table *t, const struct expr *e, struct eval **out)
{
    struct expr *copy = expr_copy(t->arena, e);

    columns_to_slots(&copy, t->arena);
    return eval_compile(&t->eval, copy, out);
}

static status open_evals(struct table *t)
{
    const struct table_layout *l = t->layout;

    t->eval = (struct eval_context){.c = t->c, .arena = t->arena, .batch_rows = 1};
    t->evals = ARENA_ARRAY(t->arena, struct index_evals, l->index_count);
    for (size_t i = 0; i < l->index_count; i++) {
        const struct index_layout *ix = &l->indexes[i];

        t->evals[i].parts = ARENA_ARRAY(t->arena, struct eval *, ix->part_count);
        for (size_t k = 0; k < ix->part_count; k++) {
            if (ix->parts[k].expression != NULL)
                TRY_RETURN(compile_over_row(t, ix->parts[k].expression, &t->evals[i].parts[k]));
        }
        if (ix->predicate != NULL)
            TRY_RETURN(compile_over_row(t, ix->predicate, &t->evals[i].predicate));
    }
    return STATUS_OK;
}

status table_open(struct sql_context *c, struct arena *a, const struct table_layout *l,
                  struct table **out)
{
    struct table *t = ARENA_NEW(a, struct table);

    t->layout = l;
    t->c = c;
    t->txn = c->txn;
    t->arena = a;
    t->scratch = arena_new(arena_heap(a), NULL);
    buf_init(&t->key, arena_heap(a));
    buf_init(&t->value, arena_heap(a));
    buf_init(&t->key_old, arena_heap(a));
    buf_init(&t->value_old, arena_heap(a));
    *out = t;
    return l->has_expressions ? open_evals(t) : STATUS_OK;
}

void table_close(struct table *t)
{
    if (t == NULL)
        return;
    arena_free(t->scratch);
    buf_deinit(&t->key);
    buf_deinit(&t->value);
    buf_deinit(&t->key_old);
    buf_deinit(&t->value_old);
}

const struct table_layout *table_layout_of(const struct table *t)
{
    return t->layout;
}
