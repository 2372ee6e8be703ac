/* INSERT, UPDATE, DELETE: the input that finds the rows, and expressions over the wide row (node.h:
 * the target's columns, then the input's outputs). */
#include <string.h>

#include "base/assert.h"
#include "sql/exec/write.h"
#include "sql/plan/planner_internal.h"

static status prepare_assignments(struct level *lv, struct assignment *s, size_t count)
{
    for (size_t i = 0; i < count; i++)
        TRY_RETURN(prepare_expr(lv, &s[i].value));
    return STATUS_OK;
}

static status prepare_modification(struct level *lv)
{
    struct query *q = lv->q;

    TRY_RETURN(prepare_assignments(lv, q->assignments, q->assignment_count));
    if (q->on_conflict != NULL) {
        TRY_RETURN(prepare_assignments(lv, q->on_conflict->sets, q->on_conflict->set_count));
        TRY_RETURN(prepare_expr(lv, &q->on_conflict->where));
    }
    for (size_t i = 0; i < q->returning_count; i++)
        TRY_RETURN(prepare_expr(lv, &q->returning[i].expr));
    return STATUS_OK;
}

struct foreign_leaves {
    struct level *lv;
    struct exprs  list;
};

/* Columns of other tables than the target. */
static bool foreign_visit(struct expr **place, void *ctx)
{
    struct foreign_leaves *w = ctx;

    if ((*place)->kind != EXPR_COLUMN)
        return plan_walk_children(*place, foreign_visit, ctx);
    if ((*place)->column.table != w->lv->q->target_table)
        exprs_add_new(w->lv->p->a, &w->list, *place);
    return true;
}

static void add_foreign(struct foreign_leaves *w, struct expr *e)
{
    if (e != NULL)
        foreign_visit(&e, w);
}

/* What the input must hand out: the row's key, then what assignments, conditions and RETURNING read
 * of other tables. */
static struct exprs input_of_change(struct level *lv)
{
    struct query         *q = lv->q;
    struct foreign_leaves w = {.lv = lv};

    exprs_add(lv->p->a, &w.list,
              expr_column(lv->p->a, q->tables[q->target_table], q->target_table, ROW_KEY_COLUMN));
    for (size_t i = 0; i < q->assignment_count; i++)
        add_foreign(&w, q->assignments[i].value);
    for (size_t i = 0; i < q->returning_count; i++)
        add_foreign(&w, q->returning[i].expr);
    add_foreign(&w, q->where);
    return w.list;
}

static struct exprs input_of_insert(struct level *lv)
{
    struct exprs l = {0};

    for (size_t i = 0; i < lv->q->assignment_count; i++)
        exprs_add(lv->p->a, &l, lv->q->assignments[i].value);
    return l;
}

/* ---- the wide row -------------------------------------------------------------------------------
 */

static void take_from(struct level *lv, struct expr **row, const struct table_layout *l,
                      struct expr *e)
{
    if (e != NULL)
        take_attributes(row, l->column_count, &e, 1, NULL, lv->p);
}

/* Typmods and collations of the target's columns as the statement's expressions have them. */
static void take_all(struct level *lv, struct expr **row, const struct table_layout *l)
{
    struct query *q = lv->q;

    for (size_t i = 0; i < q->assignment_count; i++)
        take_from(lv, row, l, q->assignments[i].value);
    for (size_t i = 0; i < q->returning_count; i++)
        take_from(lv, row, l, q->returning[i].expr);
    take_from(lv, row, l, q->where);
    if (q->on_conflict == NULL)
        return;
    for (size_t i = 0; i < q->on_conflict->set_count; i++)
        take_from(lv, row, l, q->on_conflict->sets[i].value);
    take_from(lv, row, l, q->on_conflict->where);
}

static status wide_expr(struct level *lv, const struct exprs *wide, struct expr *e,
                        struct expr **out)
{
    *out = e;
    return resolve_expr(lv->p, out, wide->items, wide->count);
}

static status resolve_assignments(struct level *lv, struct plan_modify *m, const struct exprs *wide)
{
    struct query *q = lv->q;

    m->assignment_count = q->assignment_count;
    m->assignments = arena_zalloc(lv->p->a, q->assignment_count, sizeof *m->assignments);
    for (size_t i = 0; i < q->assignment_count; i++) {
        m->assignments[i].column = q->assignments[i].column;
        TRY_RETURN(wide_expr(lv, wide, q->assignments[i].value, &m->assignments[i].value));
    }
    return STATUS_OK;
}

static status resolve_returning(struct level *lv, struct plan_modify *m, const struct exprs *wide)
{
    struct query *q = lv->q;

    m->returning_count = q->returning_count;
    m->returning = ARENA_ARRAY(lv->p->a, struct expr *, q->returning_count);
    for (size_t i = 0; i < q->returning_count; i++)
        TRY_RETURN(wide_expr(lv, wide, q->returning[i].expr, &m->returning[i]));
    return STATUS_OK;
}

/* DO UPDATE: the existing row's columns, then those of the row that was proposed. */
static status resolve_conflict(struct level *lv, struct plan_modify *m, struct expr **row)
{
    struct on_conflict *from = lv->q->on_conflict, *to;
    struct exprs        wide = {0};
    struct expr       **excluded;
    size_t              n = m->layout->column_count;

    if (from == NULL || from->action == CONFLICT_ERROR)
        return STATUS_OK;
    to = ARENA_NEW(lv->p->a, struct on_conflict);
    *to = *from;
    m->on_conflict = to;
    if (from->action == CONFLICT_NOTHING)
        return STATUS_OK;
    excluded = row_exprs(lv->p, from->excluded_table, m->layout);
    for (size_t i = 0; i < from->set_count; i++)
        take_from(lv, excluded, m->layout, from->sets[i].value);
    take_from(lv, excluded, m->layout, from->where);
    for (size_t i = 0; i < n; i++)
        exprs_add(lv->p->a, &wide, row[i]);
    for (size_t i = 0; i < n; i++)
        exprs_add(lv->p->a, &wide, excluded[i]);
    to->sets = ARENA_ARRAY(lv->p->a, struct assignment, from->set_count);
    for (size_t i = 0; i < from->set_count; i++) {
        to->sets[i].column = from->sets[i].column;
        TRY_RETURN(wide_expr(lv, &wide, from->sets[i].value, &to->sets[i].value));
    }
    return wide_expr(lv, &wide, from->where, &to->where);
}

/* Does the change touch a column that a unique index, and so maybe a foreign key, looks at? */
static bool touches_key(const struct plan_modify *m)
{
    for (size_t i = 0; i < m->layout->index_count; i++) {
        const struct index_desc *ix = m->layout->indexes[i].desc;

        for (size_t k = 0; ix->unique && k < ix->part_count; k++) {
            for (size_t s = 0; s < m->assignment_count; s++) {
                if (m->assignments[s].column == ix->parts[k].column)
                    return true;
            }
        }
    }
    return false;
}

static void mark_locked(struct plan_node *n, int table)
{
    if (n->kind == PLAN_SCAN && n->scan.table == table)
        n->scan.locked_above = true;
    else if (n->kind == PLAN_RESULT && n->left != NULL)
        mark_locked(n->left, table);
}

static status target_of(struct level *lv, struct plan_modify *m)
{
    struct table_ref *ref = lv->q->tables[lv->q->target_table];

    if (ref->table->virtual_table != NULL)
        return status_new(ST_INSUFFICIENT_PRIVILEGE,
                          "permission denied: \"%s\" is a system catalog", ref->table->name);
    plan_note_table(lv->p, ref->table->oid);
    m->kind = lv->q->kind;
    m->alias = ref->alias;
    TRY_RETURN(table_layout_new(lv->p->c, lv->p->a, ref->table, &m->layout));
    return write_plan_new(lv->p->c, lv->p->a, m->layout, &m->write);
}

static struct plan_node *cheapest(const struct path_set *paths)
{
    struct plan_node *best = paths->paths[0];

    for (size_t i = 1; i < paths->count; i++) {
        if (paths->paths[i]->total < best->total)
            best = paths->paths[i];
    }
    return best;
}

status plan_modification(struct level *lv, struct plan_node **out)
{
    struct plan_modify *m = ARENA_NEW(lv->p->a, struct plan_modify);
    struct path_set     paths = {0};
    struct plan_node   *input, *n;
    struct exprs        want, wide = {0};
    struct expr       **row;

    TRY_RETURN(target_of(lv, m));
    TRY_RETURN(prepare_modification(lv));
    for (size_t i = 0; i < lv->q->assignment_count; i++)
        exprs_add(lv->p->a, &lv->extra, lv->q->assignments[i].value);
    TRY_RETURN(plan_level_from(lv, &paths));
    input = cheapest(&paths);
    mark_locked(input, lv->q->target_table);
    want = m->kind == QUERY_INSERT ? input_of_insert(lv) : input_of_change(lv);
    row = row_exprs(lv->p, lv->q->target_table, m->layout);
    take_all(lv, row, m->layout);
    for (size_t i = 0; i < m->layout->column_count; i++)
        exprs_add(lv->p->a, &wide, row[i]);
    exprs_add_all(lv->p->a, &wide, &want);
    /* The condition as it is now, before the scan below takes its parts. */
    if (m->kind != QUERY_INSERT)
        TRY_RETURN(wide_expr(lv, &wide, lv->q->where, &m->recheck));
    TRY_RETURN(resolve_plan(lv->p, input, want.items, want.count));
    TRY_RETURN(resolve_assignments(lv, m, &wide));
    TRY_RETURN(resolve_returning(lv, m, &wide));
    TRY_RETURN(resolve_conflict(lv, m, row));
    m->locks_key = touches_key(m);
    n = node_new(lv->p, PLAN_MODIFY);
    n->left = input;
    n->rows = lv->q->returning_count > 0 ? input->rows : 0;
    n->startup = n->total = input->total + input->rows * COST_LOOKUP;
    n->modify = m;
    n->output_count = m->returning_count;
    n->outputs = m->returning;
    n->raw_types = ARENA_ARRAY(lv->p->a, uint32_t, m->returning_count);
    for (size_t i = 0; i < m->returning_count; i++)
        n->raw_types[i] = m->returning[i]->type;
    *out = n;
    return STATUS_OK;
}
