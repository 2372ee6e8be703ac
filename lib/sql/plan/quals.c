/* The join tree: outer joins reduced where a condition makes them inner, equalities completed,
 * each condition put as deep as it may go. */
#include <string.h>

#include "base/assert.h"
#include "sql/plan/planner_internal.h"

/* ---- shape --------------------------------------------------------------------------------------
 */

static status number_rels(struct level *lv, struct from_node *f)
{
    if (f == NULL)
        return STATUS_OK;
    if (f->kind == FROM_TABLE) {
        struct rel *r;

        if (lv->rel_count == RELS_MAX)
            return status_new(ST_STATEMENT_TOO_COMPLEX,
                              "a query level cannot join more than %d relations", RELS_MAX);
        r = &lv->rels[lv->rel_count];
        r->table = f->table;
        r->ref = lv->q->tables[f->table];
        lv->rel_of_table[f->table] = (int)lv->rel_count++;
        return STATUS_OK;
    }
    TRY_RETURN(number_rels(lv, f->left));
    return number_rels(lv, f->right);
}

static status prepare_from(struct level *lv, struct from_node *f)
{
    if (f == NULL || f->kind == FROM_TABLE)
        return STATUS_OK;
    TRY_RETURN(prepare_from(lv, f->left));
    TRY_RETURN(prepare_from(lv, f->right));
    return prepare_expr(lv, &f->on);
}

static uint64_t from_rels(const struct level *lv, const struct from_node *f)
{
    if (f == NULL)
        return 0;
    if (f->kind == FROM_TABLE)
        return UINT64_C(1) << lv->rel_of_table[f->table];
    return from_rels(lv, f->left) | from_rels(lv, f->right);
}

/* ---- outer-join reduction -----------------------------------------------------------------------
 */

struct strict_walk {
    const struct level *lv;
    uint64_t            rels;
};

/* Relations such that `e` is null when all their columns are. */
static bool strict_visit(struct expr **place, void *ctx)
{
    struct strict_walk *w = ctx;
    struct expr        *e = *place;

    if (e->kind == EXPR_COLUMN && e->column.levels_up == 0) {
        w->rels |= expr_rels(w->lv, e);
        return true;
    }
    if ((e->kind == EXPR_CALL && e->call.fn->strict) || e->kind == EXPR_CAST)
        return expr_walk_children(e, strict_visit, ctx);
    if (e->kind == EXPR_ARRAY_OP && e->binary.op->fn->strict && !e->binary.all)
        return strict_visit(&e->binary.left, ctx);
    return true;
}

/* Relations such that the condition cannot be true when all their columns are null. */
static uint64_t nonnullable(const struct level *lv, struct expr *e)
{
    struct strict_walk w = {.lv = lv};
    uint64_t           all = UINT64_MAX;

    switch (e->kind) {
    case EXPR_AND:
        for (size_t i = 0; i < e->list.count; i++)
            w.rels |= nonnullable(lv, e->list.args[i]);
        return w.rels;
    case EXPR_OR:
        for (size_t i = 0; i < e->list.count; i++)
            all &= nonnullable(lv, e->list.args[i]);
        return e->list.count > 0 ? all : 0;
    case EXPR_NULL_TEST:
        if (e->unary.negated && e->unary.arg->kind != EXPR_ROW)
            strict_visit(&e->unary.arg, &w);
        return w.rels;
    case EXPR_BOOL_TEST:
        if (e->unary.test == TEST_TRUE || e->unary.test == TEST_FALSE)
            strict_visit(&e->unary.arg, &w);
        return w.rels;
    case EXPR_NOT:
        strict_visit(&e->unary.arg, &w);
        return w.rels;
    default:
        strict_visit(&e, &w);
        return w.rels;
    }
}

/* `strong`: relations whose null-extended rows some condition above throws away. */
static void reduce_outer_joins(struct level *lv, struct from_node *f, uint64_t strong)
{
    uint64_t on, left, right;

    if (f == NULL || f->kind == FROM_TABLE)
        return;
    left = from_rels(lv, f->left);
    right = from_rels(lv, f->right);
    if (f->join == JOIN_FULL && (strong & left) != 0)
        f->join = (strong & right) != 0 ? JOIN_INNER : JOIN_LEFT;
    else if (f->join == JOIN_FULL && (strong & right) != 0)
        f->join = JOIN_RIGHT;
    if (f->join == JOIN_LEFT && (strong & right) != 0)
        f->join = JOIN_INNER;
    if (f->join == JOIN_RIGHT && (strong & left) != 0)
        f->join = JOIN_INNER;
    if (f->join == JOIN_RIGHT) {
        struct from_node *t = f->left;

        f->left = f->right;
        f->right = t;
        f->join = JOIN_LEFT;
    }
    on = f->on != NULL ? nonnullable(lv, f->on) : 0;
    switch (f->join) {
    case JOIN_INNER:
    case JOIN_CROSS:
    case JOIN_SEMI:
        reduce_outer_joins(lv, f->left, strong | on);
        reduce_outer_joins(lv, f->right, strong | on);
        break;
    case JOIN_LEFT:
    case JOIN_ANTI:
        reduce_outer_joins(lv, f->left, strong);
        reduce_outer_joins(lv, f->right, (f->join == JOIN_LEFT ? strong : 0) | on);
        break;
    default:
        reduce_outer_joins(lv, f->left, 0);
        reduce_outer_joins(lv, f->right, 0);
        break;
    }
}

/* ---- building -----------------------------------------------------------------------------------
 */

static struct join_node *jn_new(struct level *lv, int kind)
{
    struct join_node *n = ARENA_NEW(lv->p->a, struct join_node);

    n->kind = kind;
    return n;
}

static void group_add(struct level *lv, struct join_node *g, struct join_node *item)
{
    if (item->kind == JN_GROUP) {
        for (size_t i = 0; i < item->count; i++)
            group_add(lv, g, item->items[i]);
        exprs_add_all(lv->p->a, &g->quals, &item->quals);
        return;
    }
    /* Conditions above a join hold for the group; they find their place again from there. */
    exprs_add_all(lv->p->a, &g->quals, &item->quals);
    item->quals = (struct exprs){0};
    g->items = arena_realloc(lv->p->a, g->items, g->count * sizeof *g->items,
                             (g->count + 1) * sizeof *g->items);
    g->items[g->count++] = item;
    g->rels |= item->rels;
}

static struct join_node *build(struct level *lv, struct from_node *f)
{
    struct join_node *n;

    if (f->kind == FROM_TABLE) {
        n = jn_new(lv, JN_REL);
        n->rel = lv->rel_of_table[f->table];
        n->rels = UINT64_C(1) << n->rel;
        return n;
    }
    if (f->right == NULL || f->join == JOIN_INNER || f->join == JOIN_CROSS) {
        n = jn_new(lv, JN_GROUP);
        group_add(lv, n, build(lv, f->left));
        if (f->right != NULL)
            group_add(lv, n, build(lv, f->right));
        exprs_add_conjuncts(lv->p->a, &n->quals, f->on);
        return n;
    }
    n = jn_new(lv, JN_JOIN);
    n->join = f->join;
    n->left = build(lv, f->left);
    n->right = build(lv, f->right);
    n->rels = n->left->rels | n->right->rels;
    exprs_add_conjuncts(lv->p->a, &n->on, f->on);
    if (n->join != JOIN_FULL) { /* the conditions of the preserved side hold for the whole */
        n->quals = n->left->quals;
        n->left->quals = (struct exprs){0};
    }
    return n;
}

/* ---- equalities ---------------------------------------------------------------------------------
 */

bool is_equality(const struct expr *e, struct expr **left, struct expr **right)
{
    if (e->kind != EXPR_CALL || e->call.op == NULL || e->call.op->order != '=' ||
        e->call.arg_count != 2)
        return false;
    *left = e->call.args[0];
    *right = e->call.args[1];
    return true;
}

struct eq_class {
    struct exprs members;
    struct expr *fixed; /* a member that is the same in all rows */
};

struct eq_classes {
    size_t          count;
    struct eq_class classes[64];
};

static struct eq_class *class_of(struct eq_classes *s, const struct expr *e)
{
    for (size_t i = 0; i < s->count; i++) {
        if (exprs_have(&s->classes[i].members, e))
            return &s->classes[i];
    }
    return NULL;
}

static void class_join(struct level *lv, struct eq_classes *s, struct expr *x, struct expr *y)
{
    struct eq_class *cx = class_of(s, x), *cy = class_of(s, y);

    if (cx == NULL && cy == NULL) {
        if (s->count == ARRAY_LEN(s->classes))
            return; /* more than enough; the rest stays as written */
        cx = &s->classes[s->count++];
    } else if (cx == NULL) {
        cx = cy;
    } else if (cy != NULL && cx != cy) {
        exprs_add_all(lv->p->a, &cx->members, &cy->members);
        *cy = s->classes[--s->count];
        if (cx == &s->classes[s->count])
            cx = cy;
    }
    exprs_add_new(lv->p->a, &cx->members, x);
    exprs_add_new(lv->p->a, &cx->members, y);
}

/* Only the plain equality of one type: what "equal" means is then the same for all members. */
static bool joins_class(struct expr *e, struct expr **x, struct expr **y)
{
    if (!is_equality(e, x, y) || e->call.op->left_type != e->call.op->right_type ||
        !expr_is_stable(e) || expr_has_kind(e, EXPR_SUBQUERY))
        return false;
    return (*x)->type == (*y)->type && (*x)->collation == (*y)->collation;
}

static struct expr *make_equality(struct level *lv, struct expr *x, struct expr *y)
{
    const struct operator_def *op = operator_for_order(x->type, '=');
    struct expr               *e;

    if (op == NULL || op->fn == NULL)
        return NULL;
    e = expr_new(lv->p->a, EXPR_CALL, OID_BOOL, -1, -1);
    e->call.fn = op->fn;
    e->call.op = op;
    e->call.arg_count = 2;
    e->call.args = ARENA_ARRAY(lv->p->a, struct expr *, 2);
    e->call.args[0] = plan_copy_expr(lv->p->a, x);
    e->call.args[1] = plan_copy_expr(lv->p->a, y);
    return e;
}

static void add_equality(struct level *lv, struct exprs *quals, struct expr *x, struct expr *y)
{
    struct expr *e = make_equality(lv, x, y), *mirrored = make_equality(lv, y, x);

    if (e != NULL && !exprs_have(quals, e) && !exprs_have(quals, mirrored))
        exprs_add(lv->p->a, quals, e);
}

/* From a = b and b = c follows a = c; from a = b and b = 5 follows a = 5. */
static void complete_class(struct level *lv, struct eq_class *c, struct exprs *quals)
{
    struct expr *fixed = NULL;

    for (size_t i = 0; i < c->members.count && fixed == NULL; i++) {
        if (expr_rels(lv, c->members.items[i]) == 0)
            fixed = c->members.items[i];
    }
    c->fixed = fixed;
    for (size_t i = 0; i < c->members.count; i++) {
        struct expr *x = c->members.items[i];

        if (fixed != NULL) {
            if (x != fixed && expr_rels(lv, x) != 0) {
                add_equality(lv, quals, x, fixed);
                exprs_add_new(lv->p->a, &lv->bound, x);
            }
            continue;
        }
        for (size_t k = i + 1; k < c->members.count; k++) {
            if ((expr_rels(lv, x) & expr_rels(lv, c->members.items[k])) == 0)
                add_equality(lv, quals, x, c->members.items[k]);
        }
    }
}

/* What is fixed for the preserved side of an outer join is fixed for rows of the other side that
 * match. */
static void spread_fixed(struct level *lv, struct eq_classes *s, struct join_node *n)
{
    if (n->kind == JN_GROUP) {
        for (size_t i = 0; i < n->count; i++)
            spread_fixed(lv, s, n->items[i]);
        return;
    }
    if (n->kind != JN_JOIN || n->join == JOIN_FULL)
        return;
    spread_fixed(lv, s, n->left);
    for (size_t i = 0, count = n->on.count; i < count; i++) {
        struct expr     *x, *y;
        struct eq_class *c;

        if (!joins_class(n->on.items[i], &x, &y))
            continue;
        if ((expr_rels(lv, x) & n->right->rels) != 0) {
            struct expr *t = x;

            x = y;
            y = t;
        }
        c = class_of(s, x);
        if (c != NULL && c->fixed != NULL && expr_rels(lv, y) != 0 &&
            (expr_rels(lv, y) & ~n->right->rels) == 0)
            add_equality(lv, &n->on, y, c->fixed);
    }
}

static void complete_equalities(struct level *lv, struct join_node *top)
{
    struct eq_classes *s = ARENA_NEW(lv->p->a, struct eq_classes);
    struct expr       *x, *y;

    for (size_t i = 0; i < top->quals.count; i++) {
        if (joins_class(top->quals.items[i], &x, &y))
            class_join(lv, s, x, y);
    }
    for (size_t i = 0; i < s->count; i++)
        complete_class(lv, &s->classes[i], &top->quals);
    spread_fixed(lv, s, top);
    lv->equals = s;
}

bool exprs_equal_in(const struct level *lv, const struct expr *x, const struct expr *y)
{
    struct eq_class *c;

    if (expr_equal(x, y))
        return true;
    if (lv->equals == NULL || lv->equals->count == 0)
        return false;
    c = class_of(lv->equals, x);
    return c != NULL && c == class_of(lv->equals, y);
}

/* Orders by these are worth keeping: a join may merge by them. */
static void note_merge_exprs(struct level *lv, const struct exprs *quals)
{
    for (size_t i = 0; i < quals->count; i++) {
        struct expr *x, *y;

        if (!is_equality(quals->items[i], &x, &y) || expr_rels(lv, x) == 0 ||
            expr_rels(lv, y) == 0 || (expr_rels(lv, x) & expr_rels(lv, y)) != 0)
            continue;
        exprs_add_new(lv->p->a, &lv->merge_exprs, x);
        exprs_add_new(lv->p->a, &lv->merge_exprs, y);
    }
}

static void find_merge_exprs(struct level *lv, const struct join_node *n)
{
    note_merge_exprs(lv, &n->quals);
    note_merge_exprs(lv, &n->on);
    if (n->kind == JN_JOIN) {
        find_merge_exprs(lv, n->left);
        find_merge_exprs(lv, n->right);
    }
    for (size_t i = 0; i < n->count; i++)
        find_merge_exprs(lv, n->items[i]);
}

/* ---- placing ------------------------------------------------------------------------------------
 */

static void place(struct level *lv, struct join_node *n, struct expr *qual, uint64_t rels)
{
    if (n->kind == JN_REL && rels == n->rels) {
        exprs_add(lv->p->a, &lv->rels[n->rel].quals, qual);
        return;
    }
    if (n->kind == JN_GROUP && rels != 0) {
        for (size_t i = 0; i < n->count; i++) {
            if ((rels & ~n->items[i]->rels) == 0) {
                place(lv, n->items[i], qual, rels);
                return;
            }
        }
    }
    if (n->kind == JN_JOIN && rels != 0 && n->join != JOIN_FULL && (rels & ~n->left->rels) == 0) {
        place(lv, n->left, qual, rels);
        return;
    }
    exprs_add(lv->p->a, &n->quals, qual);
}

static void place_on(struct level *lv, struct join_node *n)
{
    struct exprs on = n->on;

    n->on = (struct exprs){0};
    for (size_t i = 0; i < on.count; i++) {
        uint64_t rels = expr_rels(lv, on.items[i]);

        if (rels != 0 && n->join != JOIN_FULL && (rels & ~n->right->rels) == 0)
            place(lv, n->right, on.items[i], rels);
        else if (rels != 0 && n->join == JOIN_SEMI && (rels & ~n->left->rels) == 0)
            place(lv, n->left, on.items[i], rels);
        else
            exprs_add(lv->p->a, &n->on, on.items[i]);
    }
}

static void place_all(struct level *lv, struct join_node *n)
{
    struct exprs quals = n->quals;

    if (n->kind == JN_JOIN)
        place_on(lv, n);
    n->quals = (struct exprs){0};
    for (size_t i = 0; i < quals.count; i++)
        place(lv, n, quals.items[i], expr_rels(lv, quals.items[i]));
    if (n->kind == JN_JOIN) {
        place_all(lv, n->left);
        place_all(lv, n->right);
    }
    for (size_t i = 0; i < n->count; i++)
        place_all(lv, n->items[i]);
}

status build_join_tree(struct level *lv, struct join_node **out)
{
    struct query     *q = lv->q;
    struct join_node *top, *tree;

    TRY_RETURN(number_rels(lv, q->from));
    TRY_RETURN(prepare_from(lv, q->from));
    TRY_RETURN(prepare_expr(lv, &q->where));
    reduce_outer_joins(lv, q->from, q->where != NULL ? nonnullable(lv, q->where) : 0);
    tree = build(lv, q->from);
    top = jn_new(lv, JN_GROUP);
    group_add(lv, top, tree);
    exprs_add_conjuncts(lv->p->a, &top->quals, q->where);
    complete_equalities(lv, top);
    place_all(lv, top);
    if (lv->rel_count > 1)
        find_merge_exprs(lv, top);
    *out = top;
    return STATUS_OK;
}
