#include "sql/bind/bind_internal.h"

/* JOIN: the inputs' names stay, their columns are hidden behind those of the join, USING and
 * NATURAL merge columns. Expressions never see the join itself: what a merged column stands for is
 * put in its place (struct table_ref, join_columns). */

struct side {
    size_t first, end; /* of scope->items */
};

struct join {
    const PgQuery__JoinExpr *n;
    enum join_kind           kind;
    struct side              left, right;
    size_t                   using_count;
    const char             **using_names;
    struct expr            **merged;
};

static enum join_kind kind_of_join(const PgQuery__JoinExpr *n)
{
    switch (n->jointype) {
    case PG_QUERY__JOIN_TYPE__JOIN_LEFT:
        return JOIN_LEFT;
    case PG_QUERY__JOIN_TYPE__JOIN_RIGHT:
        return JOIN_RIGHT;
    case PG_QUERY__JOIN_TYPE__JOIN_FULL:
        return JOIN_FULL;
    default:
        if (!n->is_natural && n->n_using_clause == 0 && n->quals == NULL)
            return JOIN_CROSS;
        return JOIN_INNER;
    }
}

/* The one item of a side whose columns expressions see: a table, or the join made last. */
static const struct scope_item *columns_of(const struct scope *s, const struct side *side)
{
    for (size_t i = side->end; i > side->first; i--)
        if (s->items[i - 1].columns_visible)
            return &s->items[i - 1];
    return NULL;
}

static const struct table_ref *table_of(const struct scope *s, const struct side *side)
{
    return s->q->tables[columns_of(s, side)->table];
}

static bool name_in(const char *const *names, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(names[i], name) == 0)
            return true;
    return false;
}

/* ---- USING, NATURAL -----------------------------------------------------------------------------
 */

static void natural_names(struct scope *s, struct join *j)
{
    const struct table_ref *l = table_of(s, &j->left), *r = table_of(s, &j->right);

    j->using_names = ARENA_ARRAY(s->b->a, const char *, l->column_count + 1);
    for (size_t i = 0; i < l->column_count; i++)
        if (l->column_names[i] != NULL)
            for (size_t k = 0; k < r->column_count; k++)
                if (r->column_names[k] != NULL &&
                    strcmp(l->column_names[i], r->column_names[k]) == 0) {
                    j->using_names[j->using_count++] = l->column_names[i];
                    break;
                }
}

static status using_names(struct scope *s, struct join *j)
{
    const PgQuery__JoinExpr *n = j->n;

    if (n->is_natural) {
        natural_names(s, j);
        return STATUS_OK;
    }
    j->using_names = ARENA_ARRAY(s->b->a, const char *, n->n_using_clause + 1);
    for (size_t i = 0; i < n->n_using_clause; i++) {
        const char *name = node_string(n->using_clause[i]);

        if (name_in(j->using_names, i, name))
            return status_new(ST_DUPLICATE_COLUMN,
                              "column name \"%s\" appears more than once in USING clause", name);
        j->using_names[j->using_count++] = name;
    }
    return STATUS_OK;
}

static status side_column(struct scope *s, const struct side *side, const char *name,
                          const char *which, struct expr **out)
{
    const struct scope_item *item = columns_of(s, side);
    const struct table_ref  *t = s->q->tables[item->table];
    int                      column = 0;

    for (size_t i = 0; i < t->column_count; i++) {
        if (t->column_names[i] == NULL || strcmp(t->column_names[i], name) != 0)
            continue;
        if (column != 0)
            return status_new(ST_AMBIGUOUS_COLUMN,
                              "common column name \"%s\" appears more than once in %s table", name,
                              which);
        column = (int)i + 1;
    }
    if (column == 0)
        return status_new(ST_UNDEFINED_COLUMN,
                          "column \"%s\" specified in USING clause does not exist in %s table",
                          name, which);
    *out = scope_item_column(s, item, column, 0, -1);
    return STATUS_OK;
}

/* What the merged column is: the side that is never null, both for FULL. */
static status merged_column(struct scope *s, const struct join *j, struct expr *l, struct expr *r,
                            struct expr **out)
{
    struct expr *both[2] = {l, r}, *c;
    uint32_t     type;
    int32_t      typmod = select_common_typmod(both, 2, l->type);

    TRY_RETURN(coerce_list_to_common(s->b, both, 2, "JOIN/USING", &type));
    switch (j->kind) {
    case JOIN_RIGHT:
        *out = both[1];
        return STATUS_OK;
    case JOIN_FULL:
        c = expr_new(s->b->a, EXPR_COALESCE, type, typmod, -1);
        c->list.args = ARENA_ARRAY(s->b->a, struct expr *, 2);
        memcpy(c->list.args, both, sizeof both);
        c->list.count = 2;
        *out = c;
        return STATUS_OK;
    case JOIN_INNER:
        if (l->type != type && r->type == type) {
            *out = both[1];
            return STATUS_OK;
        }
        FALLTHROUGH;
    default:
        *out = both[0];
        return STATUS_OK;
    }
}

static status and_condition(struct scope *s, struct expr **conditions, size_t count,
                            struct expr **out)
{
    struct expr *e;

    if (count <= 1) {
        *out = count == 0 ? NULL : conditions[0];
        return STATUS_OK;
    }
    e = expr_new(s->b->a, EXPR_AND, OID_BOOL, -1, -1);
    e->list.args = conditions;
    e->list.count = count;
    *out = e;
    return STATUS_OK;
}

static status bind_using(struct scope *s, struct join *j, struct expr **on)
{
    struct expr **equal;

    TRY_RETURN(using_names(s, j));
    equal = ARENA_ARRAY(s->b->a, struct expr *, j->using_count + 1);
    j->merged = ARENA_ARRAY(s->b->a, struct expr *, j->using_count + 1);
    for (size_t i = 0; i < j->using_count; i++) {
        struct expr *l, *r, *e;

        TRY_RETURN(side_column(s, &j->left, j->using_names[i], "left", &l));
        TRY_RETURN(side_column(s, &j->right, j->using_names[i], "right", &r));
        TRY_RETURN(merged_column(s, j, l, r, &j->merged[i]));
        TRY_RETURN(bind_operator(s, NULL, "=", l, r, -1, &e));
        TRY_RETURN(coerce_to_boolean(s->b, e, "JOIN/USING", &equal[i]));
    }
    return and_condition(s, equal, j->using_count, on);
}

/* ---- ON -----------------------------------------------------------------------------------------
 */

/* Only the join's own inputs are in sight. */
static status bind_on(struct scope *s, const struct join *j, struct expr **on)
{
    struct scope_item *items = s->items;
    size_t             count = s->item_count;
    status             st;

    s->items = items + j->left.first;
    s->item_count = j->right.end - j->left.first;
    for (size_t i = 0; i < s->item_count; i++)
        s->items[i].lateral_only = false;
    st = bind_where(s, j->n->quals, CLAUSE_JOIN_ON, on);
    s->items = items;
    s->item_count = count;
    return st;
}

/* ---- the join's own entry -----------------------------------------------------------------------
 */

static void join_column(struct table_ref *t, const char *name, struct expr *e)
{
    size_t i = t->column_count++;

    t->column_names[i] = name;
    t->column_types[i] = e->type;
    t->column_typmods[i] = e->typmod;
    t->column_collations[i] = e->collation;
    t->join_columns[i] = e;
}

static void rest_of_side(struct scope *s, const struct join *j, const struct side *side,
                         struct table_ref *t)
{
    const struct scope_item *item = columns_of(s, side);
    const struct table_ref  *in = s->q->tables[item->table];

    for (size_t i = 0; i < in->column_count; i++)
        if (in->column_names[i] != NULL &&
            !name_in(j->using_names, j->using_count, in->column_names[i]))
            join_column(t, in->column_names[i], scope_item_column(s, item, (int)i + 1, 0, -1));
}

static struct table_ref *join_ref(struct scope *s, const char *alias, size_t columns)
{
    struct arena     *a = s->b->a;
    struct table_ref *t = ARENA_NEW(a, struct table_ref);

    t->kind = TABLE_REF_JOIN;
    t->alias = alias;
    t->column_names = ARENA_ARRAY(a, const char *, columns + 1);
    t->column_types = ARENA_ARRAY(a, uint32_t, columns + 1);
    t->column_typmods = ARENA_ARRAY(a, int32_t, columns + 1);
    t->column_collations = ARENA_ARRAY(a, uint32_t, columns + 1);
    t->join_columns = ARENA_ARRAY(a, struct expr *, columns + 1);
    return t;
}

static struct table_ref *join_table(struct scope *s, const struct join *j)
{
    size_t columns =
        j->using_count + table_of(s, &j->left)->column_count + table_of(s, &j->right)->column_count;
    struct table_ref *t = join_ref(s, "unnamed_join", columns);

    for (size_t i = 0; i < j->using_count; i++)
        join_column(t, j->using_names[i], j->merged[i]);
    rest_of_side(s, j, &j->left, t);
    rest_of_side(s, j, &j->right, t);
    return t;
}

static void hide_side(struct scope *s, const struct side *side, bool names_too, bool nullable)
{
    for (size_t i = side->first; i < side->end; i++) {
        s->items[i].columns_visible = false;
        if (names_too)
            s->items[i].name_visible = false;
        s->items[i].nullable |= nullable;
    }
}

/* JOIN ... USING (a) AS x: x has the merged columns alone. */
static status add_using_alias(struct scope *s, const struct join *j)
{
    const PgQuery__Alias *alias = j->n->join_using_alias;
    struct table_ref     *t;

    if (alias == NULL)
        return STATUS_OK;
    t = join_ref(s, alias->aliasname, j->using_count);
    t->alias_written = true;
    for (size_t i = 0; i < j->using_count; i++)
        join_column(t, j->using_names[i], j->merged[i]);
    TRY_RETURN(scope_add_item(s, scope_add_table(s, t)));
    s->items[s->item_count - 1].columns_visible = false;
    return STATUS_OK;
}

static status add_join_item(struct scope *s, const struct join *j, int *out)
{
    struct table_ref *t = join_table(s, j);
    bool              hides_names = j->n->alias != NULL;

    TRY_RETURN(apply_alias(s->b, t, j->n->alias));
    hide_side(s, &j->left, hides_names, j->kind == JOIN_RIGHT || j->kind == JOIN_FULL);
    hide_side(s, &j->right, hides_names, j->kind == JOIN_LEFT || j->kind == JOIN_FULL);
    TRY_RETURN(add_using_alias(s, j));
    *out = scope_add_table(s, t);
    return scope_add_item(s, *out);
}

/* ---- the whole ----------------------------------------------------------------------------------
 */

static status bind_inputs(struct scope *s, struct join *j, struct from_node *f)
{
    bool left_is_kept = j->kind != JOIN_RIGHT && j->kind != JOIN_FULL;

    j->left.first = s->item_count;
    TRY_RETURN(bind_from_item(s, j->n->larg, &f->left));
    j->left.end = j->right.first = s->item_count;
    for (size_t i = j->left.first; i < j->left.end; i++) {
        s->items[i].lateral_only = true;
        s->items[i].lateral_ok = left_is_kept;
    }
    TRY_RETURN(bind_from_item(s, j->n->rarg, &f->right));
    j->right.end = s->item_count;
    for (size_t i = j->left.first; i < j->right.end; i++) {
        s->items[i].lateral_only = false;
        s->items[i].lateral_ok = true;
    }
    return STATUS_OK;
}

status bind_join(struct scope *s, const PgQuery__JoinExpr *n, struct from_node **out)
{
    struct join       j = {.n = n, .kind = kind_of_join(n)};
    struct from_node *f = ARENA_NEW(s->b->a, struct from_node);

    f->kind = FROM_JOIN;
    f->join = j.kind;
    TRY_RETURN(bind_inputs(s, &j, f));
    if (n->is_natural || n->n_using_clause > 0)
        TRY_RETURN(bind_using(s, &j, &f->on));
    else if (n->quals != NULL)
        TRY_RETURN(bind_on(s, &j, &f->on));
    TRY_RETURN(add_join_item(s, &j, &f->join_table));
    *out = f;
    return STATUS_OK;
}
