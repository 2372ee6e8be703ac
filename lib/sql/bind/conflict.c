#include "sql/bind/bind_internal.h"

/* INSERT ... ON CONFLICT: which unique indexes arbitrate, and what DO UPDATE sets. */

enum { INFER_PARTS_MAX = INDEX_KEY_PARTS_MAX };

/* ON CONFLICT (a, lower(b)) WHERE ... */
struct inference {
    size_t       column_count, expr_count;
    int16_t      columns[INFER_PARTS_MAX];
    struct expr *exprs[INFER_PARTS_MAX];
    struct expr *where;
};

static status infer_part(struct scope *s, const PgQuery__IndexElem *p, struct inference *inf,
                         int location)
{
    struct expr *e;

    if (p->ordering != PG_QUERY__SORT_BY_DIR__SORTBY_DEFAULT)
        return binder_at(s->b, location,
                         status_new(ST_INVALID_COLUMN_REFERENCE,
                                    "ASC/DESC is not allowed in ON CONFLICT clause"));
    if (p->nulls_ordering != PG_QUERY__SORT_BY_NULLS__SORTBY_NULLS_DEFAULT)
        return binder_at(s->b, location,
                         status_new(ST_INVALID_COLUMN_REFERENCE,
                                    "NULLS FIRST/LAST is not allowed in ON CONFLICT clause"));
    if (p->expr != NULL) {
        TRY_RETURN(bind_expr_in(s, p->expr, CLAUSE_INDEX_EXPRESSION, &e));
    } else {
        PgQuery__Node      field = PG_QUERY__NODE__INIT, *fields[1] = {&field};
        PgQuery__String    name = PG_QUERY__STRING__INIT;
        PgQuery__ColumnRef ref = PG_QUERY__COLUMN_REF__INIT;

        name.sval = p->name;
        field.node_case = NODE(STRING);
        field.string = &name;
        ref.fields = fields;
        ref.n_fields = 1;
        ref.location = location;
        TRY_RETURN(scope_column_ref(s, &ref, &e));
    }
    if (e->kind == EXPR_COLUMN && e->column.column > 0)
        inf->columns[inf->column_count++] = e->column.column;
    else
        inf->exprs[inf->expr_count++] = e;
    return STATUS_OK;
}

static bool column_listed(const struct inference *inf, int16_t column)
{
    for (size_t i = 0; i < inf->column_count; i++)
        if (inf->columns[i] == column)
            return true;
    return false;
}

static bool column_in_index(const struct index_desc *d, int16_t column)
{
    for (size_t i = 0; i < d->part_count; i++)
        if (d->parts[i].column == column)
            return true;
    return false;
}

static bool expr_listed(const struct inference *inf, const struct expr *e)
{
    for (size_t i = 0; i < inf->expr_count; i++)
        if (expr_equal(inf->exprs[i], e))
            return true;
    return false;
}

static bool predicate_implied(const struct expr *where, const struct expr *predicate)
{
    if (where == NULL)
        return false;
    if (expr_equal(where, predicate))
        return true;
    for (size_t i = 0; where->kind == EXPR_AND && i < where->list.count; i++)
        if (expr_equal(where->list.args[i], predicate))
            return true;
    return false;
}

/* The index's columns and expressions are those listed, neither more nor less. */
static status index_fits(struct scope *s, const struct inference *inf, const struct index_desc *d,
                         bool *fits)
{
    struct binder *b = s->b;
    size_t         exprs = 0;
    struct expr   *e;

    *fits = false;
    if (!d->unique || d->state != INDEX_PUBLIC || d->part_count == 0)
        return STATUS_OK;
    for (size_t i = 0; i < inf->column_count; i++)
        if (!column_in_index(d, inf->columns[i]))
            return STATUS_OK;
    for (size_t i = 0; i < d->part_count; i++) {
        if (d->parts[i].column != 0) {
            if (!column_listed(inf, d->parts[i].column))
                return STATUS_OK;
            continue;
        }
        TRY_RETURN(bind_expression_text(b->c, b->a, d->parts[i].expression_text, s->target_desc, 0,
                                        -1, &e));
        if (!expr_listed(inf, e))
            return STATUS_OK;
        exprs++;
    }
    if (exprs < inf->expr_count)
        return STATUS_OK;
    if (d->predicate_text != NULL) {
        TRY_RETURN(
            bind_expression_text(b->c, b->a, d->predicate_text, s->target_desc, OID_BOOL, -1, &e));
        if (!predicate_implied(inf->where, e))
            return STATUS_OK;
    }
    *fits = true;
    return STATUS_OK;
}

static status arbiters_by_inference(struct scope *s, const PgQuery__InferClause *n,
                                    struct on_conflict *oc)
{
    const struct table_desc *t = s->target_desc;
    struct inference         inf = {0};

    if (n->n_index_elems > INFER_PARTS_MAX)
        return binder_at(s->b, n->location,
                         status_new(ST_INVALID_COLUMN_REFERENCE,
                                    "there is no unique or exclusion constraint matching the ON "
                                    "CONFLICT specification"));
    for (size_t i = 0; i < n->n_index_elems; i++)
        TRY_RETURN(infer_part(s, n->index_elems[i]->index_elem, &inf, n->location));
    TRY_RETURN(bind_where(s, n->where_clause, CLAUSE_INDEX_PREDICATE, &inf.where));
    for (size_t i = 0; i < t->index_count && oc->arbiter_count < ARRAY_LEN(oc->arbiters); i++) {
        bool fits;

        TRY_RETURN(index_fits(s, &inf, &t->indexes[i], &fits));
        if (fits)
            oc->arbiters[oc->arbiter_count++] = t->indexes[i].oid;
    }
    if (oc->arbiter_count > 0)
        return STATUS_OK;
    return status_new(ST_INVALID_COLUMN_REFERENCE,
                      "there is no unique or exclusion constraint matching the ON CONFLICT "
                      "specification");
}

static status arbiter_by_name(struct scope *s, const PgQuery__InferClause *n,
                              struct on_conflict *oc)
{
    const struct table_desc *t = s->target_desc;

    for (size_t i = 0; i < t->constraint_count; i++) {
        const struct constraint_desc *c = &t->constraints[i];

        if (strcmp(c->name, n->conname) != 0)
            continue;
        if (c->kind != CONSTRAINT_PRIMARY && c->kind != CONSTRAINT_UNIQUE)
            return status_new(ST_WRONG_OBJECT_TYPE,
                              "constraint in ON CONFLICT clause has no associated index");
        if (c->deferrable)
            return status_new(ST_WRONG_STATE, "ON CONFLICT does not support deferrable unique "
                                              "constraints/exclusion constraints as arbiters");
        oc->arbiters[oc->arbiter_count++] = c->index_oid;
        return STATUS_OK;
    }
    return status_new(ST_UNDEFINED_OBJECT, "constraint \"%s\" for table \"%s\" does not exist",
                      n->conname, t->name);
}

static status bind_do_update(struct scope *s, const PgQuery__OnConflictClause *n,
                             struct on_conflict *oc)
{
    struct table_ref *excluded = table_ref_of_relation(s->b, s->target_desc, "excluded", true);
    size_t            visible = s->item_count;
    status            st;

    oc->excluded_table = scope_add_table(s, excluded);
    TRY_RETURN(scope_add_item(s, oc->excluded_table));
    st = bind_set_list(s, n->target_list, n->n_target_list, &oc->sets, &oc->set_count);
    if (st_ok(st))
        st = bind_where(s, n->where_clause, CLAUSE_WHERE, &oc->where);
    s->item_count = visible; /* RETURNING does not know "excluded" */
    return st;
}

status bind_on_conflict(struct scope *s, const PgQuery__OnConflictClause *n)
{
    struct on_conflict *oc = ARENA_NEW(s->b->a, struct on_conflict);
    bool                update = n->action == PG_QUERY__ON_CONFLICT_ACTION__ONCONFLICT_UPDATE;

    oc->action = update ? CONFLICT_UPDATE : CONFLICT_NOTHING;
    oc->excluded_table = -1;
    if (n->infer == NULL && update)
        return binder_at(
            s->b, n->location,
            status_hint(status_new(ST_SYNTAX_ERROR,
                                   "ON CONFLICT DO UPDATE requires inference specification or "
                                   "constraint name"),
                        "For example, ON CONFLICT (column_name)."));
    if (n->infer != NULL && n->infer->conname[0] != '\0')
        TRY_RETURN(arbiter_by_name(s, n->infer, oc));
    else if (n->infer != NULL)
        TRY_RETURN(arbiters_by_inference(s, n->infer, oc));
    if (update)
        TRY_RETURN(bind_do_update(s, n, oc));
    s->q->on_conflict = oc;
    return STATUS_OK;
}
