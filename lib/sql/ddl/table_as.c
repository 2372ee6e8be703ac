/* CREATE TABLE ... AS and SELECT ... INTO: a table made and filled from a query. */
#include "sql/ddl/internal.h"

#include "sql/exec/exec.h"
#include "sql/exec/table.h"

static status define_columns(const struct ddl *d, const PgQuery__IntoClause *into,
                             const struct query *q, struct table_desc *t)
{
    const struct target *targets =
        q->kind == QUERY_SELECT || q->kind == QUERY_VALUES ? q->targets : q->returning;
    size_t count = targets == q->targets ? q->target_count : q->returning_count;
    size_t named = 0;

    for (size_t i = 0; i < count; i++) {
        const char         *name = targets[i].name;
        struct column_desc *c;

        if (targets[i].hidden)
            continue;
        if (named < into->n_col_names)
            name = ddl_node_string(into->col_names[named]);
        named++;
        if (table_column_by_name(t, name) != NULL)
            return status_new(ST_DUPLICATE_COLUMN, "column \"%s\" specified more than once", name);
        c = draft_add_column(d, t);
        c->name = name;
        c->type = targets[i].expr->type == OID_UNKNOWN ? OID_TEXT : targets[i].expr->type;
        c->typmod = targets[i].expr->typmod;
        c->collation = targets[i].expr->collation;
    }
    if (into->n_col_names > named)
        return status_new(ST_SYNTAX_ERROR, "too many column names were specified");
    return STATUS_OK;
}

static status insert_batch(const struct batch *b, struct table *table, struct table_row *row)
{
    for (size_t i = 0; i < batch_live_count(b); i++) {
        size_t at = batch_live_row(b, i);

        for (size_t k = 0; k < b->column_count; k++) {
            row->nulls[k] = b->columns[k].may_be_null && b->columns[k].nulls[at];
            row->values[k] = b->columns[k].values[at];
        }
        row->key = SLICE_EMPTY;
        TRY_RETURN(table_insert(table, row));
    }
    return STATUS_OK;
}

static status run_into(const struct ddl *d, struct execution *x, struct table *table)
{
    struct table_row row;

    table_row_init(table_layout_of(table), d->a, &row);
    for (;;) {
        const struct batch *b;
        status              st = execution_next(x, 0, &b);

        if (st == STATUS_NO_DATA)
            return STATUS_OK;
        TRY_RETURN(st);
        TRY_RETURN(insert_batch(b, table, &row));
        TRY_RETURN(sql_check_interrupts(d->c));
    }
}

static status fill(const struct ddl *d, struct query *q, const struct table_desc *t)
{
    const struct table_layout *layout;
    struct table              *table = NULL;
    struct execution          *x = NULL;
    struct plan               *plan;
    status                     st;

    TRY_RETURN(plan_query(d->c, d->a, q, &plan));
    TRY_RETURN(table_layout_new(d->c, d->a, t, &layout));
    TRY(st, execution_open(d->c, plan, NULL, NULL, 0, NULL, false, &x), out);
    TRY(st, table_open(d->c, d->a, layout, &table), out);
    TRY(st, run_into(d, x, table), out);
    d->result->rows = execution_row_count(x);
out:
    table_close(table);
    execution_close(x);
    return st;
}

static status create_as(const struct ddl *d, const PgQuery__Node *query,
                        const PgQuery__IntoClause *into, bool if_not_exists)
{
    struct table_desc *t;
    struct query      *q;

    d->result->tag = "CREATE TABLE AS";
    TRY_RETURN(index_check_params(d, into->options, into->n_options));
    TRY_RETURN(table_begin(d, into->rel, if_not_exists, &t));
    if (t == NULL)
        return STATUS_OK;
    TRY_RETURN(bind_statement(d->c, d->a, query, d->text, NULL, &q));
    TRY_RETURN(define_columns(d, into, q, t));
    index_add_row_id(d, t);
    TRY_RETURN(storage_is_new(d, t));
    TRY_RETURN(catalog_put_table(d->v, t));
    if (into->skip_data)
        return STATUS_OK;
    d->result->tag = "SELECT";
    d->result->has_rows = true;
    return fill(d, q, t);
}

status ddl_create_table_as(const struct ddl *d, const PgQuery__CreateTableAsStmt *s)
{
    if (s->objtype == PG_QUERY__OBJECT_TYPE__OBJECT_MATVIEW)
        return ddl_unsupported("materialized views are not supported");
    if (s->query->node_case == PG_QUERY__NODE__NODE_EXECUTE_STMT)
        return ddl_unsupported("CREATE TABLE AS EXECUTE is not supported");
    return create_as(d, s->query, s->into, s->if_not_exists);
}

status ddl_select_into(const struct ddl *d, const PgQuery__Node *node)
{
    PgQuery__SelectStmt select = *node->select_stmt;
    PgQuery__Node       copy = *node;

    select.into_clause = NULL;
    copy.select_stmt = &select;
    return create_as(d, &copy, node->select_stmt->into_clause, false);
}
