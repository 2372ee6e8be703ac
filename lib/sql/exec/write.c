#include "sql/exec/write.h"

#include <string.h>

#include "base/assert.h"
#include "sql/bind/bind.h"
#include "sql/exec/write_internal.h"

/* ---- plans --------------------------------------------------------------------------------------
 */

static bool to_slots(struct expr **e, void *ctx)
{
    if ((*e)->kind == EXPR_COLUMN) {
        struct expr *slot = expr_new(ctx, EXPR_SLOT, (*e)->type, (*e)->typmod, (*e)->location);

        slot->collation = (*e)->collation;
        slot->slot.position = (*e)->column.column - 1;
        *e = slot;
        return true;
    }
    return expr_walk_children(*e, to_slots, ctx);
}

static status bind_over_row(struct sql_context *c, struct arena *a, const char *text,
                            const struct table_desc *t, uint32_t type, int32_t typmod,
                            struct expr **out)
{
    TRY_RETURN(bind_expression_text(c, a, text, t, type, typmod, out));
    to_slots(out, a);
    return STATUS_OK;
}

static status plan_checks(struct sql_context *c, struct arena *a, struct write_plan *p)
{
    const struct table_desc *t = p->layout->desc;

    p->checks = ARENA_ARRAY(a, struct write_check, t->constraint_count);
    for (size_t i = 0; i < t->constraint_count; i++) {
        const struct constraint_desc *k = &t->constraints[i];
        struct write_check           *check;

        if (k->kind != CONSTRAINT_CHECK)
            continue;
        check = &p->checks[p->check_count++];
        check->constraint = k;
        TRY_RETURN(bind_over_row(c, a, k->check_text, t, OID_BOOL, -1, &check->condition));
    }
    return STATUS_OK;
}

static status plan_generated(struct sql_context *c, struct arena *a, struct write_plan *p)
{
    const struct table_desc *t = p->layout->desc;

    p->generated = ARENA_ARRAY(a, struct write_generated, t->column_count);
    for (size_t i = 0; i < t->column_count; i++) {
        const struct column_desc *column = &t->columns[i];
        struct write_generated   *g;

        if (!column->generated_stored || column->dropped)
            continue;
        g = &p->generated[p->generated_count++];
        g->column = column->number;
        TRY_RETURN(
            bind_over_row(c, a, column->default_text, t, column->type, column->typmod, &g->value));
    }
    return STATUS_OK;
}

status write_plan_new(struct sql_context *c, struct arena *a, const struct table_layout *l,
                      const struct write_plan **out)
{
    struct write_plan *p = ARENA_NEW(a, struct write_plan);

    p->layout = l;
    TRY_RETURN(plan_checks(c, a, p));
    TRY_RETURN(plan_generated(c, a, p));
    *out = p;
    return STATUS_OK;
}

/* ---- sessions -----------------------------------------------------------------------------------
 */

struct write_session *write_session_new(struct sql_context *c, struct arena *a)
{
    struct write_session *s = ARENA_NEW(a, struct write_session);

    s->c = c;
    s->a = a;
    s->events_tail = &s->events;
    return s;
}

void write_session_close(struct write_session *s)
{
    if (s == NULL)
        return;
    for (struct write_target *t = s->targets; t != NULL; t = t->next) {
        table_close(t->table);
        arena_free(t->scratch);
    }
    s->targets = NULL;
}

static bool has_fks(const struct table_desc *t)
{
    for (size_t i = 0; i < t->constraint_count; i++) {
        if (t->constraints[i].kind == CONSTRAINT_FOREIGN)
            return true;
    }
    return t->inbound_count > 0;
}

status write_target_open(struct write_session *s, const struct write_plan *p,
                         struct write_target **out)
{
    struct write_target *t = ARENA_NEW(s->a, struct write_target);

    t->session = s;
    t->plan = p;
    t->has_fks = has_fks(p->layout->desc);
    t->eval = (struct eval_context){.c = s->c, .arena = s->a, .batch_rows = 1};
    t->next = s->targets;
    t->scratch = arena_new(arena_heap(s->a), NULL);
    TRY_RETURN(table_open(s->c, s->a, p->layout, &t->table));
    s->targets = t;
    t->checks = ARENA_ARRAY(s->a, struct eval *, p->check_count);
    for (size_t i = 0; i < p->check_count; i++)
        TRY_RETURN(eval_compile(&t->eval, p->checks[i].condition, &t->checks[i]));
    t->generated = ARENA_ARRAY(s->a, struct eval *, p->generated_count);
    for (size_t i = 0; i < p->generated_count; i++)
        TRY_RETURN(eval_compile(&t->eval, p->generated[i].value, &t->generated[i]));
    *out = t;
    return STATUS_OK;
}

struct table *write_target_table(struct write_target *t)
{
    return t->table;
}

status write_target_for(struct write_session *s, const struct table_desc *desc,
                        struct write_target **out)
{
    const struct table_layout *l;
    const struct write_plan   *p;

    for (struct write_target *t = s->targets; t != NULL; t = t->next) {
        if (t->plan->layout->desc->oid == desc->oid) {
            *out = t;
            return STATUS_OK;
        }
    }
    TRY_RETURN(table_layout_new(s->c, s->a, desc, &l));
    TRY_RETURN(write_plan_new(s->c, s->a, l, &p));
    return write_target_open(s, p, out);
}

/* ---- what holds for each row --------------------------------------------------------------------
 */

static status with_row(struct write_target *t, status st, const struct table_row *row)
{
    struct buf b;

    buf_init(&b, NULL);
    table_describe_row(t->session->c, t->plan->layout, row, &b);
    st = status_detail(st, "Failing row contains %s.", buf_cstr(&b));
    buf_deinit(&b);
    return st;
}

static status check_not_null(struct write_target *t, const struct table_row *row)
{
    const struct table_desc *d = t->plan->layout->desc;

    for (size_t i = 0; i < d->column_count; i++) {
        status st;

        if (!row->nulls[i] || !d->columns[i].not_null || d->columns[i].dropped)
            continue;
        st = status_new(ST_NOT_NULL_VIOLATION,
                        "null value in column \"%s\" of relation \"%s\" violates not-null "
                        "constraint",
                        d->columns[i].name, d->name);
        st = with_row(t, st, row);
        return status_object_names(st, table_schema_name(t->session->c, d), d->name,
                                   d->columns[i].name, NULL, NULL);
    }
    return STATUS_OK;
}

static status check_checks(struct write_target *t, struct arena *scratch,
                           const struct table_row *row)
{
    const struct table_desc *d = t->plan->layout->desc;
    struct eval_row          r = {.values = row->values, .nulls = row->nulls};

    for (size_t i = 0; i < t->plan->check_count; i++) {
        datum  v;
        bool   null;
        status st;

        TRY_RETURN(eval_one(t->checks[i], &r, scratch, &v, &null));
        if (null || v.b)
            continue;
        st = status_new(ST_CHECK_VIOLATION,
                        "new row for relation \"%s\" violates check constraint \"%s\"", d->name,
                        t->plan->checks[i].constraint->name);
        st = with_row(t, st, row);
        return status_object_names(st, table_schema_name(t->session->c, d), d->name, NULL, NULL,
                                   t->plan->checks[i].constraint->name);
    }
    return STATUS_OK;
}

status write_check_row(struct write_target *t, struct arena *scratch, struct table_row *row)
{
    struct eval_row r = {.values = row->values, .nulls = row->nulls};

    for (size_t i = 0; i < t->plan->generated_count; i++) {
        size_t at = (size_t)t->plan->generated[i].column - 1;

        TRY_RETURN(eval_one(t->generated[i], &r, scratch, &row->values[at], &row->nulls[at]));
    }
    TRY_RETURN(check_not_null(t, row));
    return check_checks(t, scratch, row);
}

/* ---- writing ------------------------------------------------------------------------------------
 */

status write_insert(struct write_target *t, struct table_row *row)
{
    TRY_RETURN(table_insert(t->table, row));
    return t->has_fks ? fk_note(t, NULL, row) : STATUS_OK;
}

status write_insert_or_find(struct write_target *t, struct table_row *row, const uint32_t *arbiters,
                            size_t arbiter_count, struct arena *a, struct table_conflict *out)
{
    TRY_RETURN(table_insert_or_find(t->table, row, arbiters, arbiter_count, a, out));
    return t->has_fks && !out->found ? fk_note(t, NULL, row) : STATUS_OK;
}

status write_update(struct write_target *t, const struct table_row *old, struct table_row *row)
{
    TRY_RETURN(table_update(t->table, old, row));
    return t->has_fks ? fk_note(t, old, row) : STATUS_OK;
}

status write_delete(struct write_target *t, const struct table_row *old)
{
    TRY_RETURN(table_delete(t->table, old));
    return t->has_fks ? fk_note(t, old, NULL) : STATUS_OK;
}
