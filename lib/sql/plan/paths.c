/* Ways to read one relation: the whole table, an index by bounds, an index for its order. */
#include <string.h>

#include "base/assert.h"
#include "sql/plan/planner_internal.h"

static double clamp_rows(double rows)
{
    return rows < 1 ? 1 : rows;
}

/* ---- matching conditions with index parts -------------------------------------------------------
 */

struct index_match {
    size_t            bound_count;
    struct part_bound bounds[INDEX_KEY_PARTS_MAX];
    struct exprs      used; /* conditions the bounds say exactly */
    double            selectivity, seeks;
    bool              all_equal; /* every part is EQUAL or IN */
    bool              has_in;
};

static struct expr *part_expr(struct level *lv, const struct rel *r, const struct layout_part *p)
{
    struct expr *e;

    if (p->column != 0)
        return expr_column(lv->p->a, r->ref, r->table, p->column);
    e = plan_copy_expr(lv->p->a, p->expression);
    return e;
}

struct retable {
    int table;
};

static struct expr *retable_column(struct expr *e, int depth, void *ctx)
{
    (void)depth;
    if (e->kind == EXPR_COLUMN)
        e->column.table = ((struct retable *)ctx)->table;
    return e;
}

/* An expression stored with the table, in this query's terms. */
static struct expr *table_expr(struct level *lv, const struct rel *r, const struct expr *e)
{
    struct retable rt = {.table = r->table};

    return expr_map_columns(plan_copy_expr(lv->p->a, e), 0, retable_column, &rt);
}

static bool matches_part(struct level *lv, const struct rel *r, const struct layout_part *p,
                         struct expr *e)
{
    e = expr_strip(e);
    if (p->column != 0)
        return e->kind == EXPR_COLUMN && e->column.levels_up == 0 && e->column.table == r->table &&
               e->column.column == p->column;
    return expr_equal(e, table_expr(lv, r, p->expression));
}

static bool encodes_alike(const struct layout_part *p, const struct expr *e)
{
    const struct type *t = type_by_oid(e->type);

    return t != NULL && t->key_encode != NULL && t->key_encode == p->type->key_encode;
}

static bool usable_value(struct level *lv, struct expr *e, uint64_t outer_rels)
{
    return (expr_rels(lv, e) & ~outer_rels) == 0 && expr_is_stable(e) &&
           !expr_has_kind(e, EXPR_AGGREGATE);
}

/* `part op value` in either writing: the operator's order as seen from the part. */
static bool comparison_with_part(struct level *lv, const struct rel *r, const struct layout_part *p,
                                 struct expr *e, uint64_t outer_rels, char *order,
                                 struct expr **value)
{
    struct expr *x, *y;

    if (e->kind != EXPR_CALL || e->call.op == NULL || e->call.op->order == 0 ||
        e->call.arg_count != 2)
        return false;
    x = e->call.args[0];
    y = e->call.args[1];
    *order = e->call.op->order;
    if (!matches_part(lv, r, p, x)) {
        struct expr *t = x;

        x = y;
        y = t;
        *order = *order == '<'   ? '>'
                 : *order == '>' ? '<'
                 : *order == 'l' ? 'g'
                 : *order == 'g' ? 'l'
                                 : *order;
        if (!matches_part(lv, r, p, x))
            return false;
    }
    *value = y;
    return usable_value(lv, y, outer_rels) && encodes_alike(p, y);
}

static bool match_equal(struct level *lv, const struct rel *r, const struct layout_part *p,
                        struct expr *e, uint64_t outer_rels, struct part_bound *b)
{
    struct expr *value;
    char         order;

    if (!comparison_with_part(lv, r, p, e, outer_rels, &order, &value) || order != '=')
        return false;
    b->kind = PART_EQUAL;
    b->values = ARENA_ARRAY(lv->p->a, struct expr *, 1);
    b->values[0] = value;
    b->value_count = 1;
    return true;
}

static bool match_in(struct level *lv, const struct rel *r, const struct layout_part *p,
                     struct expr *e, uint64_t outer_rels, struct part_bound *b)
{
    struct expr *list;

    if (e->kind != EXPR_ARRAY_OP || e->binary.all || e->binary.op->order != '=' ||
        !matches_part(lv, r, p, e->binary.left) || !usable_value(lv, e->binary.right, outer_rels))
        return false;
    list = e->binary.right;
    b->kind = PART_IN;
    if (list->kind != EXPR_ARRAY) { /* = ANY ($1): the elements are known when it runs */
        const struct type *array = type_by_oid(list->type), *element;

        element = array != NULL ? type_by_oid(array->element_oid) : NULL;
        if (element == NULL || element->key_encode != p->type->key_encode)
            return false;
        b->in_array = true;
        b->values = ARENA_ARRAY(lv->p->a, struct expr *, 1);
        b->values[0] = list;
        b->value_count = 1;
        return true;
    }
    for (size_t i = 0; i < list->list.count; i++) {
        if (!encodes_alike(p, list->list.args[i]))
            return false;
    }
    b->values = list->list.args;
    b->value_count = list->list.count;
    return true;
}

static bool match_null(struct level *lv, const struct rel *r, const struct layout_part *p,
                       struct expr *e, bool primary, struct part_bound *b)
{
    if (primary || e->kind != EXPR_NULL_TEST || e->unary.negated ||
        !matches_part(lv, r, p, e->unary.arg))
        return false;
    b->kind = PART_IS_NULL;
    b->value_count = 0;
    return true;
}

/* Of the sides of one range. */
static double range_selectivity(struct level *lv, struct expr *const *sides, size_t count)
{
    double fallback = 1;

    for (size_t i = 0; i < count; i++)
        fallback *= 0.3;
    return count > 0 && condition_selectivity(lv, sides[0], -1) >= 0
               ? list_selectivity(lv, sides, count)
               : fallback;
}

/* All range conditions on one part; of two on the same side the first counts, the other filters. */
static bool match_range(struct level *lv, const struct rel *r, const struct layout_part *p,
                        const struct exprs *conds, uint64_t outer_rels, struct index_match *m,
                        struct part_bound *b)
{
    struct expr *sides[2];
    struct exprs range = {.items = sides};

    b->kind = PART_RANGE;
    b->values = ARENA_ARRAY(lv->p->a, struct expr *, 2);
    b->value_count = 2;
    for (size_t i = 0; i < conds->count; i++) {
        struct expr *value;
        char         order;
        size_t       side;

        if (!comparison_with_part(lv, r, p, conds->items[i], outer_rels, &order, &value) ||
            order == '=')
            continue;
        side = order == '>' || order == 'g' ? 0 : 1;
        if (b->values[side] != NULL)
            continue;
        b->values[side] = value;
        if (side == 0)
            b->low_inclusive = order == 'g';
        else
            b->high_inclusive = order == 'l';
        exprs_add(lv->p->a, &m->used, conds->items[i]);
        range.items[range.count++] = conds->items[i];
    }
    m->selectivity *= range_selectivity(lv, range.items, range.count);
    return b->values[0] != NULL || b->values[1] != NULL;
}

static bool match_point(struct level *lv, const struct rel *r, const struct index_layout *ix,
                        const struct layout_part *p, const struct exprs *conds, uint64_t outer_rels,
                        struct index_match *m)
{
    struct part_bound *b = &m->bounds[m->bound_count];

    for (size_t i = 0; i < conds->count; i++) {
        struct expr *e = conds->items[i];

        if (match_equal(lv, r, p, e, outer_rels, b)) {
            m->selectivity *= condition_selectivity(lv, e, 0.005);
        } else if (match_in(lv, r, p, e, outer_rels, b)) {
            m->selectivity *=
                condition_selectivity(lv, e, MIN(0.5, 0.005 * (double)b->value_count));
            m->seeks *= b->in_array ? 10 : (double)MAX(b->value_count, 1);
            m->has_in = true;
        } else if (match_null(lv, r, p, e, ix->desc->primary, b)) {
            m->selectivity *= condition_selectivity(lv, e, 0.005);
            m->all_equal = false;
        } else {
            continue;
        }
        exprs_add(lv->p->a, &m->used, e);
        m->bound_count++;
        return true;
    }
    return false;
}

static void match_index(struct level *lv, const struct rel *r, const struct index_layout *ix,
                        const struct exprs *conds, uint64_t outer_rels, struct index_match *m)
{
    memset(m, 0, sizeof *m);
    m->selectivity = 1;
    m->seeks = 1;
    m->all_equal = true;
    for (size_t i = 0; i < ix->part_count; i++) {
        if (match_point(lv, r, ix, &ix->parts[i], conds, outer_rels, m))
            continue;
        m->all_equal = false;
        if (match_range(lv, r, &ix->parts[i], conds, outer_rels, m, &m->bounds[m->bound_count]))
            m->bound_count++;
        break;
    }
    m->all_equal &= m->bound_count == ix->part_count;
}

/* A partial index serves when the conditions contain its predicate. */
static bool predicate_holds(struct level *lv, const struct rel *r, const struct index_layout *ix,
                            const struct exprs *conds)
{
    struct exprs parts = {0};
    struct expr *predicate;

    if (ix->predicate == NULL)
        return true;
    predicate = table_expr(lv, r, ix->predicate);
    if (!st_ok(simplify(lv, &predicate)))
        return false;
    exprs_add_conjuncts(lv->p->a, &parts, predicate);
    for (size_t i = 0; i < parts.count; i++) {
        if (!exprs_have(conds, parts.items[i]))
            return false;
    }
    return true;
}

/* ---- scan nodes ---------------------------------------------------------------------------------
 */

static bool covers_needed(const struct rel *r, const struct index_layout *ix,
                          const struct exprs *used)
{
    (void)used;
    for (size_t i = 0; i < r->layout->column_count; i++) {
        if (r->needed[i] && !ix->covers[i])
            return false;
    }
    return true;
}

static struct expr *rest_filter(struct level *lv, const struct exprs *conds,
                                const struct exprs *used)
{
    struct exprs rest = {0};

    for (size_t i = 0; i < conds->count; i++) {
        bool is_used = false;

        for (size_t k = 0; k < used->count; k++)
            is_used |= used->items[k] == conds->items[i];
        if (!is_used)
            exprs_add(lv->p->a, &rest, plan_copy_expr(lv->p->a, conds->items[i]));
    }
    return exprs_and(lv->p->a, &rest);
}

static bool column_not_null(const struct rel *r, int16_t column)
{
    return column > 0 && r->layout->desc->columns[column - 1].not_null;
}

/* The order an index gives: its parts behind those that are fixed. */
static void scan_order(struct level *lv, struct rel *r, const struct index_layout *ix,
                       const struct index_match *m, bool reverse, struct plan_node *n)
{
    size_t fixed = 0;

    if (m->has_in)
        return;
    while (fixed < m->bound_count && m->bounds[fixed].kind != PART_RANGE)
        fixed++;
    n->order = ARENA_ARRAY(lv->p->a, struct path_key, ix->part_count);
    for (size_t i = fixed; i < ix->part_count; i++) {
        const struct layout_part *p = &ix->parts[i];
        struct path_key          *k = &n->order[n->order_count++];

        k->expr = p->column != 0 ? part_expr(lv, r, p) : table_expr(lv, r, p->expression);
        k->descending = p->descending != reverse;
        k->nulls_first = p->nulls_first != reverse;
        for (size_t w = 0; w < lv->wanted.count && column_not_null(r, p->column); w++) {
            if (expr_equal(lv->wanted.keys[w].expr, k->expr))
                k->nulls_first = lv->wanted.keys[w].nulls_first;
        }
    }
}

static struct plan_node *scan_node(struct level *lv, struct rel *r, const struct index_layout *ix,
                                   const struct index_match *m, const struct exprs *conds,
                                   bool reverse)
{
    struct plan_node *n = node_new(lv->p, PLAN_SCAN);
    struct plan_scan *s = &n->scan;
    double            matched;

    n->rels = UINT64_C(1) << lv->rel_of_table[r->table];
    s->table = r->table;
    s->layout = r->layout;
    s->index = ix;
    s->alias = r->ref->alias;
    s->bound_count = m->bound_count;
    s->bounds = ARENA_ARRAY(lv->p->a, struct part_bound, m->bound_count);
    for (size_t i = 0; i < m->bound_count; i++) {
        s->bounds[i] = m->bounds[i];
        s->bounds[i].values = ARENA_ARRAY(lv->p->a, struct expr *, m->bounds[i].value_count);
        for (size_t k = 0; k < m->bounds[i].value_count; k++) {
            if (m->bounds[i].values[k] != NULL)
                s->bounds[i].values[k] = plan_copy_expr(lv->p->a, m->bounds[i].values[k]);
        }
    }
    s->condition = exprs_and(lv->p->a, &m->used);
    if (s->condition != NULL)
        s->condition = plan_copy_expr(lv->p->a, s->condition);
    s->reverse = reverse;
    s->covering = ix == &r->layout->indexes[0] || covers_needed(r, ix, &m->used);
    s->unique_point = m->all_equal && ix->desc->unique && m->bound_count > 0;
    matched = s->unique_point ? m->seeks : clamp_rows(r->raw_rows * m->selectivity);
    n->filter = rest_filter(lv, conds, &m->used);
    n->rows = n->filter != NULL ? clamp_rows(matched * selectivity(lv, n->filter)) : matched;
    n->startup = COST_SEEK;
    n->total = m->seeks * COST_SEEK + matched * COST_ROW +
               (s->covering ? 0 : matched * COST_LOOKUP) +
               (n->filter != NULL ? matched * COST_OPERATOR : 0);
    scan_order(lv, r, ix, m, reverse, n);
    return n;
}

/* ---- stored tables ------------------------------------------------------------------------------
 */

static bool order_helps(const struct level *lv, const struct plan_node *n)
{
    return lv->wanted.count > 0 && order_satisfied(lv, &lv->wanted, n);
}

static void index_paths(struct level *lv, struct rel *r, const struct index_layout *ix,
                        struct path_set *out)
{
    struct index_match m;
    struct plan_node  *n;

    if (ix->desc->state != INDEX_PUBLIC || !predicate_holds(lv, r, ix, &r->quals))
        return;
    match_index(lv, r, ix, &r->quals, 0, &m);
    n = scan_node(lv, r, ix, &m, &r->quals, false);
    if (m.bound_count > 0 || ix == &r->layout->indexes[0] || n->scan.covering || order_helps(lv, n))
        path_add(lv, out, n);
    n = scan_node(lv, r, ix, &m, &r->quals, true);
    if (order_helps(lv, n))
        path_add(lv, out, n);
}

struct plan_node *rel_param_path(struct level *lv, struct rel *r, const struct exprs *more,
                                 uint64_t outer_rels)
{
    struct exprs      conds = {0};
    struct plan_node *best = NULL;

    if (r->layout == NULL)
        return NULL;
    exprs_add_all(lv->p->a, &conds, &r->quals);
    exprs_add_all(lv->p->a, &conds, more);
    for (size_t i = 0; i < r->layout->index_count; i++) {
        const struct index_layout *ix = &r->layout->indexes[i];
        struct index_match         m;
        struct plan_node          *n;
        bool                       uses_outer = false;

        if (ix->desc->state != INDEX_PUBLIC || !predicate_holds(lv, r, ix, &r->quals))
            continue;
        match_index(lv, r, ix, &conds, outer_rels, &m);
        for (size_t k = 0; k < m.used.count; k++)
            uses_outer |= (expr_rels(lv, m.used.items[k]) & outer_rels) != 0;
        if (!uses_outer)
            continue;
        n = scan_node(lv, r, ix, &m, &conds, false);
        if (best == NULL || n->total < best->total)
            best = n;
    }
    return best;
}

/* ---- other relations ----------------------------------------------------------------------------
 */

static void filter_rel(struct level *lv, struct rel *r, struct plan_node *n)
{
    struct exprs none = {0};

    n->rels = UINT64_C(1) << lv->rel_of_table[r->table];
    n->filter = rest_filter(lv, &r->quals, &none);
    if (n->filter != NULL)
        n->rows = clamp_rows(n->rows * selectivity(lv, n->filter));
}

static struct plan_node *virtual_node(struct level *lv, struct rel *r)
{
    struct plan_node *n = node_new(lv->p, PLAN_VIRTUAL_SCAN);

    n->virtual_scan.table = r->table;
    n->virtual_scan.desc = r->ref->table;
    n->virtual_scan.alias = r->ref->alias;
    n->virtual_scan.key_column = -1;
    for (size_t i = 0; i < r->quals.count; i++) {
        struct expr *x, *y;

        if (!is_equality(r->quals.items[i], &x, &y))
            continue;
        if (expr_is_fixed(lv, x)) {
            struct expr *t = x;

            x = y;
            y = t;
        }
        x = expr_strip(x);
        if (x->kind != EXPR_COLUMN || x->column.table != r->table || x->column.levels_up != 0 ||
            !expr_is_fixed(lv, y) || x->column.column <= 0 ||
            type_by_oid(x->type)->compare != type_by_oid(y->type)->compare)
            continue;
        n->virtual_scan.key_column = x->column.column - 1;
        n->virtual_scan.key = plan_copy_expr(lv->p->a, y);
        break;
    }
    n->rows = n->virtual_scan.key != NULL ? 5 : ROWS_DEFAULT;
    n->total = n->virtual_scan.key != NULL ? 100 : ROWS_DEFAULT * COST_ROW;
    return n;
}

static struct plan_node *function_node(struct level *lv, struct rel *r)
{
    struct plan_node *n = node_new(lv->p, PLAN_FUNCTION_SCAN);

    n->function.table = r->table;
    n->function.alias = r->ref->alias;
    n->function.call = r->ref->function;
    n->function.ordinality = r->ref->with_ordinality;
    n->function.column_count = r->ref->column_count;
    n->function.column_types = r->ref->column_types;
    n->rows = r->ref->function->kind == EXPR_SET_CALL ? ROWS_DEFAULT : 1;
    n->total = n->rows * COST_ROW;
    return n;
}

static struct plan_node *values_node(struct level *lv, struct rel *r)
{
    struct plan_node *n = node_new(lv->p, PLAN_VALUES_SCAN);

    n->values.table = r->table;
    n->values.alias = r->ref->alias;
    n->values.rows = r->ref->values;
    n->values.row_count = r->ref->value_row_count;
    n->values.column_count = r->ref->column_count;
    n->rows = (double)r->ref->value_row_count;
    n->total = n->rows * COST_OPERATOR;
    return n;
}

static status cte_node(struct level *lv, struct rel *r, struct plan_node **out)
{
    struct level     *owner = level_up(lv, r->ref->cte_levels_up);
    struct subplan   *s = owner->cte_plans[r->ref->cte];
    struct plan_node *n = node_new(lv->p, PLAN_CTE_SCAN);

    ASSERT(s != NULL);
    n->cte.table = r->table;
    n->cte.alias = r->ref->alias;
    n->cte.name = owner->q->ctes[r->ref->cte].name;
    n->cte.subplan = s->id;
    n->cte.working = owner->cte_recursing == r->ref->cte + 1;
    n->rows = s->node->rows;
    n->total = s->node->rows * COST_ROW;
    *out = n;
    return STATUS_OK;
}

/* The subquery's order in this level's terms: as far as its keys are among its targets. */
static void order_of_outputs(struct level *lv, struct rel *r, struct plan_node *n)
{
    const struct plan_node *top = r->subquery;

    n->order_count = 0;
    n->order = ARENA_ARRAY(lv->p->a, struct path_key, top->order_count);
    for (size_t i = 0; i < top->order_count; i++) {
        size_t at = 0;

        while (at < top->want_count && !expr_equal(top->want[at], top->order[i].expr))
            at++;
        if (at == top->want_count || at >= r->ref->column_count)
            return;
        n->order[n->order_count] = top->order[i];
        n->order[n->order_count++].expr =
            expr_column(lv->p->a, r->ref, r->table, (int16_t)(at + 1));
    }
}

static struct plan_node *subquery_node(struct level *lv, struct rel *r)
{
    struct plan_node *n = node_over(lv->p, PLAN_SUBQUERY_SCAN, r->subquery);

    order_of_outputs(lv, r, n);
    n->subquery.table = r->table;
    n->subquery.alias = r->ref->alias;
    n->total += n->rows * COST_OPERATOR;
    return n;
}

status rel_setup(struct level *lv, struct rel *r)
{
    struct table_ref *ref = r->ref;

    switch (ref->kind) {
    case TABLE_REF_RELATION:
        plan_note_table(lv->p, ref->table->oid);
        if (ref->table->virtual_table == NULL)
            TRY_RETURN(table_layout_new(lv->p->c, lv->p->a, ref->table, &r->layout));
        if (r->layout != NULL)
            r->stats = catalog_statistics(lv->p->c->catalog, ref->table->oid);
        r->raw_rows = r->stats != NULL ? MAX(1, r->stats->rows) : ROWS_DEFAULT;
        return STATUS_OK;
    case TABLE_REF_SUBQUERY:
        push_into_subquery(lv, r);
        return plan_subquery_in_from(lv, r);
    case TABLE_REF_FUNCTION:
        return prepare_lateral_expr(lv, r, &ref->function);
    case TABLE_REF_VALUES:
        for (size_t i = 0; i < ref->value_row_count; i++) {
            for (size_t k = 0; k < ref->column_count; k++)
                TRY_RETURN(prepare_lateral_expr(lv, r, &ref->values[i][k]));
        }
        return STATUS_OK;
    case TABLE_REF_CTE:
        return STATUS_OK;
    case TABLE_REF_JOIN:
        break;
    }
    UNREACHABLE();
}

static status other_path(struct level *lv, struct rel *r, struct plan_node **out)
{
    switch (r->ref->kind) {
    case TABLE_REF_RELATION:
        *out = virtual_node(lv, r);
        return STATUS_OK;
    case TABLE_REF_SUBQUERY:
        *out = subquery_node(lv, r);
        return STATUS_OK;
    case TABLE_REF_FUNCTION:
        *out = function_node(lv, r);
        return STATUS_OK;
    case TABLE_REF_VALUES:
        *out = values_node(lv, r);
        return STATUS_OK;
    case TABLE_REF_CTE:
        return cte_node(lv, r, out);
    case TABLE_REF_JOIN:
        break;
    }
    UNREACHABLE();
}

status rel_paths(struct level *lv, struct rel *r, struct path_set *out)
{
    out->rels = UINT64_C(1) << lv->rel_of_table[r->table];
    if (r->layout != NULL) {
        for (size_t i = 0; i < r->layout->index_count; i++)
            index_paths(lv, r, &r->layout->indexes[i], out);
    } else {
        struct plan_node *n = NULL;

        TRY_RETURN(other_path(lv, r, &n));
        filter_rel(lv, r, n);
        path_add(lv, out, n);
    }
    ASSERT(out->count > 0);
    out->rows = out->paths[0]->rows;
    for (size_t i = 1; i < out->count; i++)
        out->rows = MIN(out->rows, out->paths[i]->rows);
    return STATUS_OK;
}
