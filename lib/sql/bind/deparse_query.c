#include "sql/bind/deparse.h"

/* Queries as pg_get_viewdef() lays them out: a clause per line, keywords flush right of column 8.
 */

static void put(struct deparse *d, const char *text)
{
    buf_append_cstr(d->out, text);
}

static void put_line(struct deparse *d, const char *text)
{
    put(d, "\n");
    for (int i = 0; i < d->indent; i++)
        put(d, " ");
    put(d, text);
}

static const struct query *this_query(const struct deparse *d)
{
    return d->level->q;
}

/* ---- target list --------------------------------------------------------------------------------
 */

static const char *own_name(const struct deparse *d, const struct expr *e)
{
    const struct deparse_level *l = d->level;

    if (e->kind != EXPR_COLUMN)
        return "?column?";
    for (int i = 0; i < e->column.levels_up && l != NULL; i++)
        l = l->parent;
    if (l == NULL || e->column.column == 0)
        return l == NULL ? "?column?" : l->q->tables[e->column.table]->alias;
    return l->q->tables[e->column.table]->column_names[e->column.column - 1];
}

/* The names of a set operation are those of its first query; the others repeat them. */
static const char *first_name(const struct set_op *op, size_t column)
{
    const struct query *q;
    size_t              visible = 0;

    while (op->left_op != NULL)
        op = op->left_op;
    for (q = op->left_query; q->is_conversion; q = q->tables[0]->query)
        ;
    if (q->set_op != NULL)
        return first_name(q->set_op, column);
    for (size_t i = 0; i < q->target_count; i++)
        if (!q->targets[i].hidden && visible++ == column)
            return q->targets[i].name;
    return "?column?";
}

static void put_target(struct deparse *d, const struct target *t, const char *name, bool first)
{
    bool own_line = t->expr->kind == EXPR_CASE; /* which begins with a line break itself */

    if (!first) {
        put(d, ",");
        if (!own_line)
            put_line(d, "    ");
    } else {
        put(d, own_line ? "" : " ");
    }
    deparse_put_bare(d, t->expr);
    /* For storage the name is always written: what is read back must be called the same. */
    if (strcmp(own_name(d, t->expr), name) != 0 || (d->qualify && t->expr->kind != EXPR_COLUMN)) {
        put(d, " AS ");
        deparse_put_name(d, name);
    }
}

static void put_targets(struct deparse *d, const struct target *targets, size_t count)
{
    const struct set_op *names = d->names;
    size_t               visible = 0;

    d->names = NULL;
    for (size_t i = 0; i < count; i++) {
        if (targets[i].hidden)
            continue;
        put_target(d, &targets[i], names != NULL ? first_name(names, visible) : targets[i].name,
                   visible == 0);
        visible++;
    }
}

static void put_distinct_on(struct deparse *d)
{
    const struct query *q = this_query(d);

    if (q->distinct)
        put(d, " DISTINCT");
    if (q->distinct_on_count == 0)
        return;
    put(d, " DISTINCT ON (");
    for (size_t i = 0; i < q->distinct_on_count; i++) {
        put(d, i > 0 ? ", " : "");
        deparse_put_bare(d, q->targets[q->distinct_on[i]].expr);
    }
    put(d, ")");
}

/* ---- FROM ---------------------------------------------------------------------------------------
 */

static void put_relation_name(struct deparse *d, const struct table_desc *t)
{
    const struct schema_desc *s = NULL;

    if (d->c->catalog != NULL && (d->qualify || !catalog_table_is_visible(d->c->catalog, t)))
        d->st = catalog_schema_by_oid(d->c->catalog, t->schema_oid, &s);
    if (s != NULL) {
        deparse_put_name(d, s->name);
        put(d, ".");
    }
    deparse_put_name(d, t->name);
}

static void put_value_rows(struct deparse *d, const struct table_ref *t)
{
    put(d, "VALUES ");
    for (size_t r = 0; r < t->value_row_count; r++) {
        put(d, r > 0 ? ", (" : "(");
        for (size_t c = 0; c < t->column_count; c++) {
            put(d, c > 0 ? "," : "");
            deparse_put_bare(d, t->values[r][c]);
        }
        put(d, ")");
    }
}

static const char *underlying_name(const struct deparse *d, const struct table_ref *t, size_t i)
{
    const struct deparse_level *l = d->level;
    const struct query         *q = t->query;
    size_t                      visible = 0;

    if (t->table != NULL)
        return i < t->table->column_count ? t->table->columns[i].name : "";
    for (int up = 0; t->kind == TABLE_REF_CTE && up < t->cte_levels_up && l != NULL; up++)
        l = l->parent;
    if (t->kind == TABLE_REF_CTE && l != NULL) {
        const struct cte *c = &l->q->ctes[t->cte];

        if (i < c->column_name_count)
            return c->column_names[i];
        q = c->query;
    }
    for (size_t k = 0; q != NULL && k < q->target_count; k++)
        if (!q->targets[k].hidden && visible++ == i)
            return q->targets[k].name;
    return "";
}

static bool columns_renamed(const struct deparse *d, const struct table_ref *t)
{
    if (t->kind == TABLE_REF_FUNCTION || t->kind == TABLE_REF_VALUES)
        return true;
    for (size_t i = 0; i < t->column_count; i++)
        if (t->column_names[i] != NULL && strcmp(t->column_names[i], underlying_name(d, t, i)) != 0)
            return true;
    return false;
}

static void put_column_names(struct deparse *d, const struct table_ref *t)
{
    bool first = true;

    put(d, "(");
    for (size_t i = 0; i < t->column_count; i++) {
        if (t->column_names[i] == NULL)
            continue;
        put(d, first ? "" : ", ");
        first = false;
        deparse_put_name(d, t->column_names[i]);
    }
    put(d, ")");
}

static bool alias_is_taken(const struct deparse *d, int table)
{
    const struct query *q = this_query(d);

    for (int i = 0; i < table; i++)
        if (q->tables[i]->kind != TABLE_REF_JOIN &&
            strcmp(q->tables[i]->alias, q->tables[table]->alias) == 0)
            return true;
    for (const struct deparse_level *l = d->level->parent; l != NULL; l = l->parent)
        for (size_t i = 0; i < l->q->table_count; i++)
            if (strcmp(l->q->tables[i]->alias, q->tables[table]->alias) == 0)
                return true;
    return false;
}

static void put_source(struct deparse *d, const struct table_ref *t)
{
    if (t->lateral && t->kind != TABLE_REF_FUNCTION)
        put(d, "LATERAL ");
    switch (t->kind) {
    case TABLE_REF_RELATION:
        put_relation_name(d, t->table);
        return;
    case TABLE_REF_SUBQUERY:
        if (t->table != NULL) { /* a view keeps its name */
            put_relation_name(d, t->table);
            return;
        }
        put(d, "( ");
        deparse_put_query(d, t->query);
        put(d, ")");
        return;
    case TABLE_REF_FUNCTION:
        deparse_put_bare(d, t->function);
        put(d, t->with_ordinality ? " WITH ORDINALITY" : "");
        return;
    case TABLE_REF_VALUES:
        put(d, "( ");
        put_value_rows(d, t);
        put(d, ")");
        return;
    case TABLE_REF_CTE: {
        const struct deparse_level *l = d->level;

        for (int i = 0; i < t->cte_levels_up && l->parent != NULL; i++)
            l = l->parent;
        deparse_put_name(d, l->q->ctes[t->cte].name);
        return;
    }
    case TABLE_REF_JOIN:
        return;
    }
}

static void put_table(struct deparse *d, int table)
{
    const struct table_ref *t = this_query(d)->tables[table];
    bool                    renamed = columns_renamed(d, t);
    bool                    named =
        t->alias_written || renamed || alias_is_taken(d, table) || t->kind == TABLE_REF_SUBQUERY;

    put_source(d, t);
    if (t->kind == TABLE_REF_SUBQUERY && t->table != NULL && !t->alias_written && !renamed &&
        !alias_is_taken(d, table))
        named = false;
    if (named) {
        put(d, " ");
        deparse_put_alias(d, d->level, table);
    }
    if (renamed)
        put_column_names(d, t);
}

static const char *join_words(enum join_kind k)
{
    switch (k) {
    case JOIN_LEFT:
        return "LEFT JOIN ";
    case JOIN_RIGHT:
        return "RIGHT JOIN ";
    case JOIN_FULL:
        return "FULL JOIN ";
    case JOIN_CROSS:
        return "CROSS JOIN ";
    default:
        return "JOIN ";
    }
}

static void put_from_node(struct deparse *d, const struct from_node *f)
{
    bool nested;

    if (f->kind == FROM_TABLE) {
        put_table(d, f->table);
        return;
    }
    if (++d->depth > 2 * BIND_DEPTH_MAX) {
        d->st = status_new(ST_STATEMENT_TOO_COMPLEX, "stack depth limit exceeded");
        return;
    }
    nested = f->right->kind == FROM_JOIN && d->pretty;
    put(d, d->pretty ? "" : "(");
    put_from_node(d, f->left);
    put_line(d, "     ");
    put(d, f->on == NULL ? "CROSS JOIN " : join_words(f->join));
    put(d, nested ? "(" : "");
    put_from_node(d, f->right);
    put(d, nested ? ")" : "");
    if (f->on != NULL) {
        put(d, d->pretty ? " ON " : " ON (");
        deparse_put_condition(d, f->on);
        put(d, d->pretty ? "" : ")");
    }
    put(d, d->pretty ? "" : ")");
    d->depth--;
}

/* The list of FROM is a chain of cross joins made by the binder, told by its missing entry. */
static void put_from_list(struct deparse *d, const struct from_node *f)
{
    if (f->kind == FROM_JOIN && f->join == JOIN_CROSS && f->join_table < 0) {
        put_from_list(d, f->left);
        put(d, ",");
        put_line(d, "    ");
        put_from_node(d, f->right);
    } else {
        put_from_node(d, f);
    }
}

/* ---- clauses by target --------------------------------------------------------------------------
 */

static void put_by_target(struct deparse *d, int target)
{
    const struct query *q = this_query(d);
    const struct expr  *e = q->targets[target].expr;
    bool                parens;

    if (q->set_op != NULL) {
        buf_printf(d->out, "%d", target + 1);
        return;
    }
    parens = e->kind != EXPR_COLUMN && e->kind != EXPR_CONST &&
             (d->pretty || e->kind == EXPR_AGGREGATE ||
              ((e->kind == EXPR_CALL || e->kind == EXPR_SET_CALL) && e->call.op == NULL));
    put(d, parens ? "(" : "");
    deparse_put_bare(d, e);
    put(d, parens ? ")" : "");
}

static void put_group(struct deparse *d)
{
    const struct query *q = this_query(d);

    if (!q->has_group)
        return;
    put_line(d, q->group_written_count == 0 ? "  GROUP BY ()" : "  GROUP BY ");
    for (size_t i = 0; i < q->group_written_count; i++) {
        put(d, i > 0 ? ", " : "");
        put_by_target(d, q->group[i]);
    }
}

static void put_sort(struct deparse *d)
{
    const struct query *q = this_query(d);

    if (q->sort_count == 0)
        return;
    put_line(d, "  ORDER BY ");
    for (size_t i = 0; i < q->sort_count; i++) {
        put(d, i > 0 ? ", " : "");
        put_by_target(d, q->sort[i].target);
        deparse_put_order(d, &q->sort[i]);
    }
}

static void put_limit(struct deparse *d)
{
    const struct query *q = this_query(d);

    if (q->offset != NULL) {
        put_line(d, " OFFSET ");
        deparse_put_condition(d, q->offset);
    }
    if (q->limit == NULL)
        return;
    put_line(d, q->limit_with_ties ? " FETCH FIRST " : " LIMIT ");
    deparse_put_condition(d, q->limit);
    put(d, q->limit_with_ties ? " ROWS WITH TIES" : "");
}

static void put_locks(struct deparse *d)
{
    static const char *const names[] = {[ROW_LOCK_KEY_SHARE] = " FOR KEY SHARE OF ",
                                        [ROW_LOCK_SHARE] = " FOR SHARE OF ",
                                        [ROW_LOCK_NO_KEY_UPDATE] = " FOR NO KEY UPDATE OF ",
                                        [ROW_LOCK_UPDATE] = " FOR UPDATE OF "};
    const struct query      *q = this_query(d);

    for (size_t i = 0; i < q->lock_count; i++) {
        put_line(d, names[q->locks[i].strength]);
        deparse_put_alias(d, d->level, q->locks[i].table);
        put(d, q->locks[i].wait == LOCK_WAIT_SKIP    ? " SKIP LOCKED"
               : q->locks[i].wait == LOCK_WAIT_ERROR ? " NOWAIT"
                                                     : "");
    }
}

/* ---- whole queries ------------------------------------------------------------------------------
 */

static void put_ctes(struct deparse *d)
{
    const struct query *q = this_query(d);
    bool                recursive = false;

    for (size_t i = 0; i < q->cte_count; i++)
        recursive |= q->ctes[i].recursive != NULL;
    for (size_t i = 0; i < q->cte_count; i++) {
        const struct cte *c = &q->ctes[i];

        put(d, i > 0 ? ", " : recursive ? "WITH RECURSIVE " : "WITH ");
        deparse_put_name(d, c->name);
        for (size_t k = 0; k < c->column_name_count; k++) {
            put(d, k == 0 ? "(" : ", ");
            deparse_put_name(d, c->column_names[k]);
        }
        put(d, c->column_name_count > 0 ? ")" : "");
        put(d, c->materialize == CTE_MATERIALIZED       ? " AS MATERIALIZED ("
               : c->materialize == CTE_NOT_MATERIALIZED ? " AS NOT MATERIALIZED ("
                                                        : " AS (");
        put_line(d, "         ");
        deparse_put_query(d, c->query);
        if (c->recursive != NULL) {
            put_line(d, c->recursive_all ? "        UNION ALL" : "        UNION");
            put_line(d, "         ");
            deparse_put_query(d, c->recursive);
        }
        put_line(d, "        )");
    }
    if (q->cte_count > 0)
        put_line(d, " ");
}

static bool is_values_query(const struct query *q)
{
    if (q->table_count != 1 || q->tables[0]->kind != TABLE_REF_VALUES || q->where != NULL ||
        q->target_count != q->tables[0]->column_count)
        return false;
    for (size_t i = 0; i < q->target_count; i++)
        if (q->targets[i].hidden || q->targets[i].expr->kind != EXPR_COLUMN ||
            q->targets[i].expr->column.column != (int16_t)(i + 1))
            return false;
    return true;
}

static void put_select(struct deparse *d)
{
    const struct query *q = this_query(d);

    if (is_values_query(q)) {
        put_value_rows(d, q->tables[0]);
        return;
    }
    put(d, "SELECT");
    put_distinct_on(d);
    put_targets(d, q->targets, q->target_count);
    if (q->from != NULL) {
        put_line(d, "   FROM ");
        put_from_list(d, q->from);
    }
    if (q->where != NULL) {
        put_line(d, "  WHERE ");
        deparse_put_condition(d, q->where);
    }
    put_group(d);
    if (q->having != NULL) {
        put_line(d, " HAVING ");
        deparse_put_condition(d, q->having);
    }
}

static void put_set_op(struct deparse *d, const struct set_op *op);

static bool has_clauses(const struct query *q)
{
    return q->sort_count > 0 || q->limit != NULL || q->offset != NULL || q->lock_count > 0 ||
           q->cte_count > 0 || q->set_op != NULL;
}

/* An operand stands one query level below: columns of outer queries count it. */
static void put_operand(struct deparse *d, const struct set_op *all, const struct set_op *op,
                        const struct query *q)
{
    const struct query *shown = q;
    int                 indent = d->indent;
    bool                parens;

    while (op == NULL && shown->is_conversion)
        shown = shown->tables[0]->query;
    parens = op != NULL || has_clauses(shown);

    put(d, parens ? "(" : "");
    if (op != NULL) {
        put_set_op(d, op);
    } else {
        d->indent -= 8; /* an operand is not nested to the eye */
        d->names = shown->set_op == NULL ? all : NULL;
        deparse_put_query(d, q);
        d->names = NULL;
    }
    d->indent = indent;
    put(d, parens ? ")" : "");
}

static void put_set_op(struct deparse *d, const struct set_op *op)
{
    static const char *const names[] = {
        [SET_OP_UNION] = "UNION", [SET_OP_INTERSECT] = "INTERSECT", [SET_OP_EXCEPT] = "EXCEPT"};
    bool chain = op->left_op != NULL && op->left_op->kind == op->kind &&
                 op->left_op->all == op->all && op->kind == SET_OP_UNION;

    if (++d->depth > 2 * BIND_DEPTH_MAX) {
        d->st = status_new(ST_STATEMENT_TOO_COMPLEX, "stack depth limit exceeded");
        return;
    }
    if (chain)
        put_set_op(d, op->left_op);
    else
        put_operand(d, op, op->left_op, op->left_query);
    put_line(d, names[op->kind]);
    put(d, op->all ? " ALL" : "");
    put_line(d, " ");
    put_operand(d, op, op->right_op, op->right_query);
    d->depth--;
}

static void put_whole(struct deparse *d)
{
    const struct query *q = this_query(d);

    put_ctes(d);
    if (q->set_op != NULL)
        put_set_op(d, q->set_op);
    else
        put_select(d);
    put_sort(d);
    put_limit(d);
    put_locks(d);
}

void deparse_put_query(struct deparse *d, const struct query *q)
{
    struct deparse_level level = {.q = q, .parent = d->level};

    if (!st_ok(d->st))
        return;
    if (q->kind != QUERY_SELECT) {
        d->st = status_new(ST_FEATURE_NOT_SUPPORTED, "only SELECT can be printed");
        return;
    }
    d->level = &level;
    if (q->is_conversion) { /* not written by anyone: the query inside stands for it */
        deparse_put_query(d, q->tables[0]->query);
    } else {
        d->indent += 8;
        put_whole(d);
        d->indent -= 8;
    }
    d->level = level.parent;
}

status deparse_query(struct sql_context *c, const struct query *q, bool qualify, bool pretty,
                     struct buf *out)
{
    struct deparse d = {.c = c, .out = out, .qualify = qualify, .pretty = pretty, .indent = -8};

    buf_append_cstr(out, " ");
    deparse_put_query(&d, q);
    return d.st;
}
