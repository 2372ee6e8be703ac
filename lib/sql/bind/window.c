/* f() OVER (PARTITION BY ... ORDER BY ...), for the functions that number rows: row_number(),
 * rank() and dense_rank(). They need no frame, and no row but the one before (PostgreSQL 15
 * section 4.2.8). */
#include "sql/bind/bind_internal.h"

enum { FN_ROW_NUMBER = 3100, FN_DENSE_RANK = 3102 };

static status check_place(struct scope *s, const PgQuery__FuncCall *n)
{
    if (s->in_aggregate)
        return binder_at(s->b, n->location,
                         status_new(ST_GROUPING_ERROR, "aggregate function calls cannot contain "
                                                       "window function calls"));
    if (s->q == NULL || (s->clause != CLAUSE_TARGET && s->clause != CLAUSE_ORDER_BY))
        return binder_at(s->b, n->location,
                         status_new(ST_WINDOWING_ERROR, "window functions are not allowed in %s",
                                    clause_aggregate_name(s->clause)));
    return STATUS_OK;
}

static status bind_key(struct scope *s, const PgQuery__Node *node, const PgQuery__SortBy *by,
                       struct expr *w)
{
    size_t          at = w->window.key_count;
    struct sort_key key;
    struct expr    *e;

    TRY_RETURN(bind_expr(s, node, &e));
    if (expr_contains(e, EXPR_WINDOW))
        return binder_at(s->b, e->location,
                         status_new(ST_WINDOWING_ERROR,
                                    "window functions are not allowed in window definitions"));
    if (e->type == OID_UNKNOWN)
        TRY_RETURN(coerce_type(s->b, e, OID_TEXT, -1, CAST_IMPLICIT, true, e->location, &e));
    TRY_RETURN(sort_key_for(s, by, 0, e, &key));
    w->window.keys[at] = e;
    w->window.descending[at] = key.descending;
    w->window.nulls_first[at] = key.nulls_first;
    w->window.key_count++;
    return STATUS_OK;
}

status bind_window_call(struct scope *s, const PgQuery__FuncCall *n, const struct function *f,
                        struct expr **out)
{
    const PgQuery__WindowDef *def = n->over;
    size_t                    keys = def->n_partition_clause + def->n_order_clause;
    struct expr              *w;

    if (f->oid < FN_ROW_NUMBER || f->oid > FN_DENSE_RANK)
        return binder_unsupported(s->b, n->location,
                                  "window functions other than row_number(), rank() and "
                                  "dense_rank() are not supported");
    if ((def->name != NULL && def->name[0] != '\0') ||
        (def->refname != NULL && def->refname[0] != '\0'))
        return binder_unsupported(s->b, n->location, "named windows are not supported");
    if (n->agg_filter != NULL)
        return binder_at(s->b, n->location,
                         status_new(ST_FEATURE_NOT_SUPPORTED, "FILTER is not implemented for "
                                                              "non-aggregate window functions"));
    TRY_RETURN(check_place(s, n));
    w = expr_new(s->b->a, EXPR_WINDOW, f->result_type, -1, n->location);
    w->window.fn = f;
    w->window.keys = ARENA_ARRAY(s->b->a, struct expr *, keys);
    w->window.descending = ARENA_ARRAY(s->b->a, bool, keys);
    w->window.nulls_first = ARENA_ARRAY(s->b->a, bool, keys);
    for (size_t i = 0; i < def->n_partition_clause; i++)
        TRY_RETURN(bind_key(s, def->partition_clause[i], NULL, w));
    w->window.partition_count = w->window.key_count;
    for (size_t i = 0; i < def->n_order_clause; i++) {
        const PgQuery__SortBy *by = def->order_clause[i]->sort_by;

        TRY_RETURN(bind_key(s, by->node, by, w));
    }
    s->q->has_windows = true;
    *out = w;
    return STATUS_OK;
}
