/* What schema changes do with rows: move them to new storage, check them against constraints.
 *
 * Expressions are computed row by row over `before`, in table order, once per row (pitfall D5), and
 * what they give is stored in the row and all its index entries by the one insert. */
#include "sql/ddl/internal.h"

#include "env/env.h"
#include "sql/exec/eval.h"
#include "sql/exec/table.h"

enum { ROWS_PER_BATCH = 256 };

/* Reading one table, from front to back. */
struct reader {
    const struct ddl          *d;
    struct arena              *a;     /* lives as long as the work */
    struct arena              *batch; /* emptied now and then */
    const struct table_layout *layout;
    struct table              *table;
    struct txn_cursor         *cursor;
    struct table_row           row;
    uint64_t                   rows;
};

static void reader_close(struct reader *r)
{
    txn_cursor_close(r->cursor);
    table_close(r->table);
    arena_free(r->batch);
    arena_free(r->a);
}

static status reader_open(struct reader *r, const struct ddl *d, const struct table_desc *t)
{
    status st;

    memset(r, 0, sizeof *r);
    r->d = d;
    r->a = arena_new(arena_heap(d->a), NULL);
    r->batch = arena_new(arena_heap(d->a), NULL);
    TRY(st, table_layout_new(d->c, r->a, t, &r->layout), fail);
    TRY(st, table_open(d->c, r->a, r->layout, &r->table), fail);
    TRY(st,
        table_scan_open(r->table, &(struct table_scan){.index = &r->layout->indexes[0]},
                        &r->cursor),
        fail);
    table_row_init(r->layout, r->a, &r->row);
    return STATUS_OK;

fail:
    reader_close(r);
    return st;
}

/* The next row, in r->row; STATUS_NO_DATA behind the last. */
static status reader_next(struct reader *r)
{
    slice key, value;

    TRY_RETURN(txn_cursor_next(r->cursor, &key, &value));
    if (++r->rows % ROWS_PER_BATCH == 0) {
        arena_reset(r->batch);
        TRY_RETURN(sql_check_interrupts(r->d->c));
    }
    return table_decode_entry(r->layout, &r->layout->indexes[0], r->batch, key, value, NULL,
                              &r->row);
}

/* Expressions over a table's columns, as the binder makes them, become expressions over a row. */
static bool to_slots(struct expr **e, void *arena)
{
    if (*e == NULL)
        return true;
    if ((*e)->kind == EXPR_COLUMN) {
        struct expr *slot = expr_new(arena, EXPR_SLOT, (*e)->type, (*e)->typmod, (*e)->location);

        slot->collation = (*e)->collation;
        slot->slot.position = (*e)->column.column - 1;
        *e = slot;
        return true;
    }
    return expr_walk_children(*e, to_slots, arena);
}

static status compile(struct eval_context *ec, struct expr *e, struct eval **out)
{
    (void)to_slots(&e, ec->arena);
    return eval_compile(ec, e, out);
}

/* ---- conditions ------------------------------------------------------------------------------ */

static status row_null(const struct ddl *d, const struct table_desc *t,
                       const struct column_desc *column)
{
    (void)d;
    return status_object_names(status_new(ST_NOT_NULL_VIOLATION,
                                          "column \"%s\" of relation \"%s\" contains null values",
                                          column->name, t->name),
                               NULL, t->name, column->name, NULL, NULL);
}

static status check_not_null(const struct ddl *d, const struct table_desc *t,
                             const struct table_row *row)
{
    for (size_t i = 0; i < t->column_count; i++)
        if (t->columns[i].not_null && !t->columns[i].dropped && row->nulls[i])
            return row_null(d, t, &t->columns[i]);
    return STATUS_OK;
}

/* The checks of a table, ready to run. */
struct checks {
    struct eval_context            ec;
    size_t                         count;
    struct eval                  **evals;
    const struct constraint_desc **constraints;
};

static status checks_add(const struct ddl *d, struct arena *a, const struct table_desc *t,
                         const struct constraint_desc *k, struct checks *c)
{
    struct expr *e;

    TRY_RETURN(bind_expression_text(d->c, a, k->check_text, t, OID_BOOL, -1, &e));
    c->constraints[c->count] = k;
    return compile(&c->ec, e, &c->evals[c->count++]);
}

static void checks_init(const struct ddl *d, struct arena *a, size_t count, struct checks *c)
{
    memset(c, 0, sizeof *c);
    c->ec.c = d->c;
    c->ec.arena = a;
    c->ec.batch_rows = 1;
    c->evals = ARENA_ARRAY(a, struct eval *, count + 1);
    c->constraints = ARENA_ARRAY(a, const struct constraint_desc *, count + 1);
}

/* Only false fails: null passes. */
static status checks_run(const struct checks *c, const struct table_desc *t, struct arena *a,
                         const struct table_row *row)
{
    struct eval_row in = {.values = row->values, .nulls = row->nulls};

    for (size_t i = 0; i < c->count; i++) {
        datum v;
        bool  null = false;

        TRY_RETURN(eval_one(c->evals[i], &in, a, &v, &null));
        if (!null && !v.b)
            return status_object_names(
                status_new(ST_CHECK_VIOLATION,
                           "check constraint \"%s\" of relation \"%s\" is violated by some row",
                           c->constraints[i]->name, t->name),
                NULL, t->name, NULL, NULL, c->constraints[i]->name);
    }
    return STATUS_OK;
}

status verify_not_null(const struct ddl *d, const struct table_desc *t)
{
    struct reader r;
    status        st;

    TRY_RETURN(reader_open(&r, d, t));
    do {
        st = reader_next(&r);
        if (st_ok(st))
            st = check_not_null(d, t, &r.row);
    } while (st_ok(st));
    reader_close(&r);
    return st == STATUS_NO_DATA ? STATUS_OK : st;
}

static status verify_check(const struct ddl *d, const struct table_desc *t,
                           const struct constraint_desc *k)
{
    struct reader r;
    struct checks checks;
    status        st;

    TRY_RETURN(reader_open(&r, d, t));
    checks_init(d, r.a, 1, &checks);
    TRY(st, checks_add(d, r.a, t, k, &checks), out);
    do {
        st = reader_next(&r);
        if (st_ok(st))
            st = checks_run(&checks, t, r.batch, &r.row);
    } while (st_ok(st));
out:
    reader_close(&r);
    return st == STATUS_NO_DATA ? STATUS_OK : st;
}

/* ---- foreign keys ---------------------------------------------------------------------------- */

/* The referenced index, opened, with the referencing column of each of its parts. */
struct fk_target {
    struct table              *table;
    const struct index_layout *index;
    struct eval               *casts[INDEX_KEY_PARTS_MAX]; /* NULL: the types are the same */
    size_t                     columns[INDEX_KEY_PARTS_MAX];
};

static status target_open(const struct ddl *d, struct reader *r, const struct table_desc *t,
                          const struct constraint_desc *k, struct checks *scratch,
                          struct fk_target *out)
{
    const struct table_desc   *ref;
    const struct table_layout *layout;

    memset(out, 0, sizeof *out);
    TRY_RETURN(catalog_table_by_oid(d->v, k->ref_table_oid, &ref));
    if (ref == NULL)
        return status_new(ST_UNDEFINED_TABLE, "the referenced table was dropped meanwhile");
    TRY_RETURN(table_layout_new(d->c, r->a, ref, &layout));
    TRY_RETURN(table_open(d->c, r->a, layout, &out->table));
    for (size_t i = 0; i < layout->index_count; i++)
        if (layout->indexes[i].desc->oid == k->index_oid)
            out->index = &layout->indexes[i];
    ASSERT(out->index != NULL);
    for (size_t i = 0; i < out->index->part_count; i++) {
        const struct layout_part *part = &out->index->parts[i];
        size_t                    j = 0;

        while (j < k->column_count && k->ref_columns[j] != part->column)
            j++;
        ASSERT(j < k->column_count);
        out->columns[i] = (size_t)k->columns[j] - 1;
        if (t->columns[out->columns[i]].type != part->type->oid) {
            struct expr *column = expr_new(r->a, EXPR_COLUMN, t->columns[out->columns[i]].type,
                                           t->columns[out->columns[i]].typmod, -1);
            struct expr *cast;

            column->column.column = k->columns[j];
            TRY_RETURN(bind_coerce_assignment(d->c, r->a, column, part->type->oid, -1,
                                              t->columns[out->columns[i]].name, &cast));
            TRY_RETURN(compile(&scratch->ec, cast, &out->casts[i]));
        }
    }
    return STATUS_OK;
}

static status fk_violated(const struct ddl *d, struct reader *r, const struct table_desc *t,
                          const struct constraint_desc *k, const struct fk_target *target)
{
    SCOPED(buf) struct buf   columns = {0}, values = {0};
    const struct table_desc *ref = table_layout_of(target->table)->desc;

    buf_init(&columns, NULL);
    buf_init(&values, NULL);
    for (size_t i = 0; i < k->column_count; i++) {
        size_t             at = (size_t)k->columns[i] - 1;
        const struct type *type = r->layout->types[at];

        buf_printf(&columns, "%s%s", i > 0 ? ", " : "", t->columns[at].name);
        buf_append_cstr(&values, i > 0 ? ", " : "");
        if (r->row.nulls[at])
            buf_append_cstr(&values, "null");
        else
            TRY_RETURN(type->output(d->c, type, r->row.values[at], &values));
    }
    return status_object_names(
        status_detail(status_new(ST_FOREIGN_KEY_VIOLATION,
                                 "insert or update on table \"%s\" violates foreign key constraint "
                                 "\"%s\"",
                                 t->name, k->name),
                      "Key (%s)=(%s) is not present in table \"%s\".", buf_cstr(&columns),
                      buf_cstr(&values), ref->name),
        table_schema_name(d->c, t), t->name, NULL, NULL, k->name);
}

static status check_reference(const struct ddl *d, struct reader *r, const struct table_desc *t,
                              const struct constraint_desc *k, struct fk_target *target)
{
    datum           values[INDEX_KEY_PARTS_MAX];
    bool            nulls[INDEX_KEY_PARTS_MAX] = {false}, found = false;
    size_t          null_count = 0;
    slice           row_key;
    struct eval_row in = {.values = r->row.values, .nulls = r->row.nulls};

    for (size_t i = 0; i < target->index->part_count; i++) {
        size_t at = target->columns[i];

        values[i] = r->row.values[at];
        nulls[i] = r->row.nulls[at];
        null_count += nulls[i];
        if (!nulls[i] && target->casts[i] != NULL)
            TRY_RETURN(eval_one(target->casts[i], &in, r->batch, &values[i], &nulls[i]));
    }
    if (null_count > 0) {
        if (!k->match_full || null_count == target->index->part_count)
            return STATUS_OK;
        return status_detail(status_new(ST_FOREIGN_KEY_VIOLATION,
                                        "insert or update on table \"%s\" violates foreign key "
                                        "constraint \"%s\"",
                                        t->name, k->name),
                             "MATCH FULL does not allow mixing of null and nonnull key values.");
    }
    TRY_RETURN(
        table_find_unique(target->table, target->index, values, nulls, r->batch, &row_key, &found));
    return found ? STATUS_OK : fk_violated(d, r, t, k, target);
}

static status verify_foreign_key(const struct ddl *d, const struct table_desc *t,
                                 const struct constraint_desc *k)
{
    struct reader    r;
    struct checks    scratch;
    struct fk_target target = {0};
    status           st;

    TRY_RETURN(reader_open(&r, d, t));
    checks_init(d, r.a, 0, &scratch);
    TRY(st, target_open(d, &r, t, k, &scratch, &target), out);
    do {
        st = reader_next(&r);
        if (st_ok(st))
            st = check_reference(d, &r, t, k, &target);
    } while (st_ok(st));
out:
    table_close(target.table);
    reader_close(&r);
    return st == STATUS_NO_DATA ? STATUS_OK : st;
}

status verify_constraint(const struct ddl *d, const struct table_desc *t,
                         const struct constraint_desc *k)
{
    switch (k->kind) {
    case CONSTRAINT_CHECK:
        return verify_check(d, t, k);
    case CONSTRAINT_FOREIGN:
        return verify_foreign_key(d, t, k);
    default:
        return STATUS_OK; /* the index proves it */
    }
}

/* ---- rewriting ------------------------------------------------------------------------------- */

struct writer {
    const struct table_desc *desc;
    struct table            *table;
    struct table_row         row;
    struct eval            **computed; /* by column number - 1; NULL: copied */
    struct checks            checks;
};

static status writer_open(const struct ddl *d, struct reader *r, const struct table_desc *before,
                          const struct table_desc *after, struct expr **computed, struct writer *w)
{
    const struct table_layout *layout;

    memset(w, 0, sizeof *w);
    w->desc = after;
    checks_init(d, r->a, after->constraint_count, &w->checks);
    TRY_RETURN(table_layout_new(d->c, r->a, after, &layout));
    w->computed = ARENA_ARRAY(r->a, struct eval *, after->column_count + 1);
    for (size_t i = 0; i < after->column_count; i++)
        if (computed != NULL && computed[i] != NULL)
            TRY_RETURN(compile(&w->checks.ec, computed[i], &w->computed[i]));
    for (size_t i = 0; i < after->constraint_count; i++)
        if (after->constraints[i].kind == CONSTRAINT_CHECK && after->constraints[i].validated)
            TRY_RETURN(checks_add(d, r->a, after, &after->constraints[i], &w->checks));
    table_row_init(layout, r->a, &w->row);
    (void)before;
    return table_open(d->c, r->a, layout, &w->table);
}

/* Two rows clash in an index that is being built, not with a row that someone inserts. */
static status as_index_build(status st)
{
    static const char           exists[] = " already exists.";
    const struct status_fields *f = status_fields(st);
    size_t                      size;
    status                      built;

    if (status_code(st) != ST_UNIQUE_VIOLATION || f == NULL || f->detail == NULL)
        return st;
    size = strlen(f->detail);
    if (size < sizeof exists || !ddl_equal(f->detail + size - (sizeof exists - 1), exists))
        return st;
    built = status_new(ST_UNIQUE_VIOLATION, "could not create unique index \"%s\"", f->constraint);
    built =
        status_detail(built, "%.*s is duplicated.", (int)(size - (sizeof exists - 1)), f->detail);
    built = status_object_names(built, f->schema, f->table, NULL, NULL, f->constraint);
    st_clear(st);
    return built;
}

static status write_row(const struct ddl *d, struct reader *r, struct writer *w)
{
    struct eval_row in = {.values = r->row.values, .nulls = r->row.nulls};

    for (size_t i = 0; i < w->desc->column_count; i++) {
        w->row.nulls[i] = true;
        if (w->desc->columns[i].dropped)
            continue;
        if (w->computed[i] != NULL) {
            w->row.nulls[i] = false;
            TRY_RETURN(
                eval_one(w->computed[i], &in, r->batch, &w->row.values[i], &w->row.nulls[i]));
        } else if (i < r->layout->column_count) {
            w->row.values[i] = r->row.values[i];
            w->row.nulls[i] = r->row.nulls[i];
        }
    }
    w->row.key = SLICE_EMPTY;
    TRY_RETURN(check_not_null(d, w->desc, &w->row));
    TRY_RETURN(checks_run(&w->checks, w->desc, r->batch, &w->row));
    return as_index_build(table_insert(w->table, &w->row));
}

status rewrite_table(const struct ddl *d, const struct table_desc *before,
                     const struct table_desc *after, struct expr **computed)
{
    struct reader r;
    struct writer w = {0};
    status        st;

    ASSERT(before->storage_id != after->storage_id);
    TRY_RETURN(storage_is_new(d, after));
    TRY_RETURN(reader_open(&r, d, before));
    TRY(st, writer_open(d, &r, before, after, computed, &w), out);
    do {
        st = reader_next(&r);
        if (st_ok(st))
            st = write_row(d, &r, &w);
    } while (st_ok(st));
    if (st == STATUS_NO_DATA)
        st = STATUS_OK;
out:
    table_close(w.table);
    reader_close(&r);
    TRY_RETURN(st);
    TRY_RETURN(table_wipe(d->c, before, SIZE_MAX));
    txn_step_within_statement(d->c->txn); /* what comes next sees the rows in their new place */
    return STATUS_OK;
}
