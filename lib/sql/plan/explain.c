/* EXPLAIN in PostgreSQL's words and layout. */
#include <string.h>

#include "base/assert.h"
#include "sql/bind/deparse.h"
#include "sql/plan/explain_internal.h"

/* ---- expressions --------------------------------------------------------------------------------
 */

struct name_outer {
    struct explain     *e;
    const struct query *query;
};

static bool name_outer_visit(struct expr **place, void *ctx)
{
    struct name_outer *w = ctx;
    struct expr       *e = *place;

    if (e->kind != EXPR_OUTER)
        return expr_walk_children(e, name_outer_visit, ctx);
    size_t at = (size_t)e->outer.position;

    if (w->e->plan->outer_queries[at] == w->query) {
        *place = w->e->plan->outer_exprs[at];
    } else { /* of an outer query: $n, as PostgreSQL shows what it does not look up */
        *place = expr_new(w->e->a, EXPR_PARAM, e->type, e->typmod, -1);
        (*place)->param.number = e->outer.position;
    }
    return true;
}

void explain_expr(struct explain *x, const struct plan_node *n, const struct expr *e)
{
    struct deparse_level level = {.q = n->query};
    struct deparse       d = {.c = x->c, .out = x->out, .level = &level};
    struct name_outer    w = {.e = x, .query = n->query};
    struct expr         *copy = expr_copy(x->a, e);

    name_outer_visit(&copy, &w);
    /* Columns of the only table stand by themselves. */
    if (n->query->table_count == 1 && n->query->tables[0]->kind == TABLE_REF_RELATION) {
        d.level = NULL;
        d.table = n->query->tables[0]->table;
    }
    deparse_put(&d, copy);
    st_clear(d.st);
}

static void put_indent(struct explain *x, int indent)
{
    for (int i = 0; i < indent; i++)
        buf_put_u8(x->out, ' ');
}

static void put_property(struct explain *x, const struct plan_node *n, int indent, const char *name,
                         const struct expr *e)
{
    if (e == NULL)
        return;
    put_indent(x, indent);
    buf_printf(x->out, "%s: ", name);
    explain_expr(x, n, e);
    buf_put_u8(x->out, '\n');
}

void explain_key(struct explain *x, const struct plan_node *n, const struct plan_key *k)
{
    bool computed = k->expr->kind != EXPR_COLUMN; /* below: PostgreSQL puts parentheses around */

    if (computed)
        buf_put_u8(x->out, '(');
    explain_expr(x, n, k->expr);
    if (computed)
        buf_put_u8(x->out, ')');
    if (k->descending)
        buf_append_cstr(x->out, k->nulls_first ? " DESC" : " DESC NULLS LAST");
    else if (k->nulls_first)
        buf_append_cstr(x->out, " NULLS FIRST");
}

static void put_keys(struct explain *x, const struct plan_node *n, int indent, const char *name,
                     const struct plan_key *keys, size_t count)
{
    put_indent(x, indent);
    buf_printf(x->out, "%s: ", name);
    for (size_t i = 0; i < count; i++) {
        if (i > 0)
            buf_append_cstr(x->out, ", ");
        explain_key(x, n, &keys[i]);
    }
    buf_put_u8(x->out, '\n');
}

/* ---- names --------------------------------------------------------------------------------------
 */

static const char *join_word(const struct plan_node *n)
{
    switch (n->join.kind) {
    case JOIN_LEFT:
        return " Left";
    case JOIN_FULL:
        return " Full";
    case JOIN_SEMI:
        return " Semi";
    case JOIN_ANTI:
        return " Anti";
    default:
        return "";
    }
}

static void put_relation(struct explain *x, const char *name, const char *alias)
{
    buf_printf(x->out, " on %s", name);
    if (alias != NULL && strcmp(alias, name) != 0)
        buf_printf(x->out, " %s", alias);
}

const char *explain_scan_name(const struct plan_node *n)
{
    bool primary = n->scan.index == &n->scan.layout->indexes[0];

    if (primary && n->scan.bound_count == 0 && !n->scan.reverse)
        return "Seq Scan";
    return !primary && !n->scan.reads_row ? "Index Only Scan" : "Index Scan";
}

static void put_scan(struct explain *x, const struct plan_node *n)
{
    const struct plan_scan *s = &n->scan;
    const char             *name = explain_scan_name(n);

    buf_append_cstr(x->out, name);
    if (strcmp(name, "Seq Scan") != 0) {
        if (s->reverse)
            buf_append_cstr(x->out, " Backward");
        if (s->index->desc->name != NULL && s->index->desc->name[0] != '\0')
            buf_printf(x->out, " using %s", s->index->desc->name);
    }
    put_relation(x, s->layout->desc->name, s->alias);
}

static void put_set_op(struct explain *x, const struct plan_node *n)
{
    buf_printf(x->out, "HashSetOp %s%s",
               n->set_op.kind == SET_OP_INTERSECT ? "Intersect" : "Except",
               n->set_op.all ? " All" : "");
}

static const char *simple_name(const struct plan_node *n)
{
    switch (n->kind) {
    case PLAN_RESULT:
        return "Result";
    case PLAN_AGGREGATE:
        return n->aggregate.strategy == AGG_HASHED   ? "HashAggregate"
               : n->aggregate.strategy == AGG_SORTED ? "GroupAggregate"
                                                     : "Aggregate";
    case PLAN_SORT:
        return "Sort";
    case PLAN_UNIQUE:
        return "Unique";
    case PLAN_WINDOW:
        return "WindowAgg";
    case PLAN_PROJECT_SET:
        return "ProjectSet";
    case PLAN_APPEND:
        return "Append";
    case PLAN_RECURSIVE_UNION:
        return "Recursive Union";
    case PLAN_LIMIT:
        return "Limit";
    case PLAN_LOCK_ROWS:
        return "LockRows";
    case PLAN_MATERIALIZE:
        return "Materialize";
    default:
        UNREACHABLE();
    }
}

static void put_modify(struct explain *x, const struct plan_modify *m)
{
    buf_append_cstr(x->out, m->kind == QUERY_INSERT   ? "Insert"
                            : m->kind == QUERY_UPDATE ? "Update"
                                                      : "Delete");
    put_relation(x, m->layout->desc->name, m->alias);
}

static void put_name(struct explain *x, const struct plan_node *n)
{
    switch (n->kind) {
    case PLAN_SCAN:
        put_scan(x, n);
        break;
    case PLAN_VIRTUAL_SCAN:
        buf_append_cstr(x->out, "Seq Scan");
        put_relation(x, n->virtual_scan.desc->name, n->virtual_scan.alias);
        break;
    case PLAN_FUNCTION_SCAN:
        buf_append_cstr(x->out, "Function Scan");
        put_relation(x,
                     n->function.call->kind == EXPR_SET_CALL ? n->function.call->call.fn->name
                                                             : n->function.alias,
                     n->function.alias);
        break;
    case PLAN_VALUES_SCAN:
        buf_append_cstr(x->out, "Values Scan");
        put_relation(x, "\"*VALUES*\"", NULL);
        break;
    case PLAN_CTE_SCAN:
        buf_append_cstr(x->out, n->cte.working ? "WorkTable Scan" : "CTE Scan");
        put_relation(x, n->cte.name, n->cte.alias);
        break;
    case PLAN_SUBQUERY_SCAN:
        buf_append_cstr(x->out, "Subquery Scan");
        put_relation(x, n->subquery.alias, NULL);
        break;
    case PLAN_NESTED_LOOP:
        buf_printf(x->out, "Nested Loop%s%s", join_word(n), *join_word(n) ? " Join" : "");
        break;
    case PLAN_HASH_JOIN:
        buf_printf(x->out, "Hash%s Join", join_word(n));
        break;
    case PLAN_MERGE_JOIN:
        buf_printf(x->out, "Merge%s Join", join_word(n));
        break;
    case PLAN_SET_OP:
        put_set_op(x, n);
        break;
    case PLAN_MODIFY:
        put_modify(x, n->modify);
        break;
    default:
        buf_append_cstr(x->out, simple_name(n));
        break;
    }
}

/* ---- numbers ------------------------------------------------------------------------------------
 */

const struct op_stats *explain_stats(const struct explain *x, const struct plan_node *n)
{
    return x->x != NULL && x->x->stats != NULL ? x->x->stats[n->id] : NULL;
}

static void put_actual(struct explain *x, const struct plan_node *n)
{
    const struct op_stats *s = explain_stats(x, n);

    if (!x->o->analyze)
        return;
    if (s == NULL || s->loops == 0) {
        buf_append_cstr(x->out, " (never executed)");
        return;
    }
    double loops = (double)s->loops;

    buf_append_cstr(x->out, " (actual ");
    if (x->o->timing)
        buf_printf(x->out, "time=%.3f..%.3f ", (double)s->first_us / 1000 / loops,
                   (double)s->total_us / 1000 / loops);
    buf_printf(x->out, "rows=%.0f loops=%.0f)", (double)s->rows / loops, loops);
}

static void put_numbers(struct explain *x, const struct plan_node *n)
{
    if (x->o->costs)
        buf_printf(x->out, "  (cost=%.2f..%.2f rows=%.0f width=%d)", n->startup, n->total, n->rows,
                   n->width);
    put_actual(x, n);
    buf_put_u8(x->out, '\n');
}

static void put_removed(struct explain *x, const struct plan_node *n, int indent)
{
    const struct op_stats *s = explain_stats(x, n);

    if (!x->o->analyze || s == NULL || s->filtered == 0 || n->filter == NULL)
        return;
    put_indent(x, indent);
    buf_printf(x->out, "Rows Removed by Filter: %llu\n", (unsigned long long)s->filtered);
}

/* ---- nodes --------------------------------------------------------------------------------------
 */

static void put_group_key(struct explain *x, const struct plan_node *n, int indent)
{
    if (n->aggregate.group_count == 0)
        return;
    put_indent(x, indent);
    buf_append_cstr(x->out, "Group Key: ");
    for (size_t i = 0; i < n->aggregate.group_count; i++) {
        if (i > 0)
            buf_append_cstr(x->out, ", ");
        explain_expr(x, n, n->aggregate.shown_groups[i]);
    }
    buf_put_u8(x->out, '\n');
}

static unsigned long long kilobytes(uint64_t bytes)
{
    return (unsigned long long)(bytes + 1023) / 1024;
}

const char *explain_sort_method(const struct op_stats *s)
{
    return s->disk_bytes > 0 ? "external merge" : s->top ? "top-N heapsort" : "quicksort";
}

static void put_sort_method(struct explain *x, const struct plan_node *n, int indent)
{
    const struct op_stats *s = explain_stats(x, n);

    if (!x->o->analyze || s == NULL || s->loops == 0)
        return;
    put_indent(x, indent);
    buf_printf(x->out, "Sort Method: %s  %s: %llukB\n", explain_sort_method(s),
               s->disk_bytes > 0 ? "Disk" : "Memory",
               kilobytes(s->disk_bytes > 0 ? s->disk_bytes : s->memory_bytes));
}

static void put_grouping_memory(struct explain *x, const struct plan_node *n, int indent)
{
    const struct op_stats *s = explain_stats(x, n);

    if (!x->o->analyze || s == NULL || s->loops == 0 || n->aggregate.strategy != AGG_HASHED)
        return;
    put_indent(x, indent);
    buf_printf(x->out, "Batches: %llu  Memory Usage: %llukB", (unsigned long long)s->batches,
               kilobytes(s->memory_bytes));
    if (s->disk_bytes > 0)
        buf_printf(x->out, "  Disk Usage: %llukB", kilobytes(s->disk_bytes));
    buf_put_u8(x->out, '\n');
}

static void put_details(struct explain *x, const struct plan_node *n, int indent)
{
    switch (n->kind) {
    case PLAN_SCAN:
        put_property(x, n, indent, "Index Cond", n->scan.condition);
        break;
    case PLAN_HASH_JOIN:
    case PLAN_MERGE_JOIN:
        put_property(x, n, indent, n->kind == PLAN_HASH_JOIN ? "Hash Cond" : "Merge Cond",
                     n->join.key_condition);
        put_property(x, n, indent, "Join Filter", n->shown_condition);
        break;
    case PLAN_NESTED_LOOP:
        put_property(x, n, indent, "Join Filter", n->shown_condition);
        break;
    case PLAN_AGGREGATE:
        put_group_key(x, n, indent);
        put_grouping_memory(x, n, indent);
        break;
    case PLAN_SORT:
        put_keys(x, n, indent, "Sort Key", n->sort.keys, n->sort.key_count);
        put_sort_method(x, n, indent);
        break;
    case PLAN_RESULT:
        put_property(x, n, indent, "One-Time Filter", n->shown_condition);
        break;
    default:
        break;
    }
    put_property(x, n, indent, "Filter", n->shown_filter);
    put_removed(x, n, indent);
}

static void put_node(struct explain *x, const struct plan_node *n, int indent);

static void put_child(struct explain *x, const struct plan_node *n, int indent)
{
    put_indent(x, indent);
    buf_append_cstr(x->out, "->  ");
    put_node(x, n, indent + 4);
}

/* The build side of a hash join stands below a node of its own. */
static void put_hash(struct explain *x, const struct plan_node *join, int indent)
{
    const struct plan_node *n = join->right;
    const struct op_stats  *s = explain_stats(x, join);

    put_indent(x, indent);
    buf_append_cstr(x->out, "->  Hash");
    if (x->o->costs)
        buf_printf(x->out, "  (cost=%.2f..%.2f rows=%.0f width=%d)", n->total, n->total, n->rows,
                   n->width);
    put_actual(x, n);
    buf_put_u8(x->out, '\n');
    if (x->o->analyze && s != NULL && s->loops > 0) {
        put_indent(x, indent + 6);
        buf_printf(x->out, "Buckets: %llu  Batches: %llu  Memory Usage: %llukB\n",
                   (unsigned long long)s->buckets, (unsigned long long)s->batches,
                   kilobytes(s->memory_bytes));
    }
    put_child(x, n, indent + 6);
}

static void put_node(struct explain *x, const struct plan_node *n, int indent)
{
    put_name(x, n);
    put_numbers(x, n);
    put_details(x, n, indent + 2);
    if (n == x->plan->root) {
        for (size_t i = 0; i < x->plan->subplan_count; i++) {
            put_indent(x, indent + 2);
            buf_printf(x->out, "%s\n", x->plan->subplans[i]->name);
            put_child(x, x->plan->subplans[i]->node, indent + 4);
        }
    }
    if (n->left != NULL)
        put_child(x, n->left, indent + 2);
    if (n->right != NULL && n->kind == PLAN_HASH_JOIN)
        put_hash(x, n, indent + 2);
    else if (n->right != NULL)
        put_child(x, n->right, indent + 2);
    for (size_t i = 0; i < n->child_count; i++)
        put_child(x, n->children[i], indent + 2);
}

status plan_explain(struct sql_context *c, const struct plan *p, const struct execution *execution,
                    const struct explain_options *options, struct buf *out)
{
    struct explain x = {.c = c, .plan = p, .x = execution, .o = options, .out = out};

    x.a = arena_new(heap_current(), NULL);
    if (options->format == EXPLAIN_JSON) {
        explain_json(&x);
    } else {
        put_node(&x, p->root, 0);
        if (options->summary)
            buf_printf(out, "Planning Time: %.3f ms\n", (double)options->planning_us / 1000);
        if (options->summary && options->analyze)
            buf_printf(out, "Execution Time: %.3f ms\n", (double)options->execution_us / 1000);
    }
    arena_free(x.a);
    return STATUS_OK;
}
