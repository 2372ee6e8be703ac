/* EXPLAIN (FORMAT JSON): PostgreSQL's field names, in its order. */
#include <string.h>

#include "base/assert.h"
#include "sql/plan/explain_internal.h"

struct json {
    struct explain *x;
    int             depth;
    bool            first; /* of its object or array */
};

/* ---- JSON ---------------------------------------------------------------------------------------
 */

static void put_escaped(struct buf *out, slice s)
{
    buf_put_u8(out, '"');
    for (size_t i = 0; i < s.size; i++) {
        unsigned char c = (unsigned char)s.data[i];

        if (c == '"' || c == '\\') {
            buf_put_u8(out, '\\');
            buf_put_u8(out, c);
        } else if (c == '\n') {
            buf_append_cstr(out, "\\n");
        } else if (c < 0x20) {
            buf_printf(out, "\\u%04x", c);
        } else {
            buf_put_u8(out, c);
        }
    }
    buf_put_u8(out, '"');
}

static void next_item(struct json *j)
{
    if (!j->first)
        buf_put_u8(j->x->out, ',');
    j->first = false;
    buf_put_u8(j->x->out, '\n');
    for (int i = 0; i < j->depth; i++)
        buf_append_cstr(j->x->out, "  ");
}

static void put_name(struct json *j, const char *name)
{
    next_item(j);
    if (name != NULL)
        buf_printf(j->x->out, "\"%s\": ", name);
}

static void open_group(struct json *j, const char *name, char bracket)
{
    put_name(j, name);
    buf_put_u8(j->x->out, (uint8_t)bracket);
    j->depth++;
    j->first = true;
}

static void close_group(struct json *j, char bracket)
{
    j->depth--;
    j->first = true;
    next_item(j);
    j->first = false;
    buf_put_u8(j->x->out, (uint8_t)bracket);
}

static void put_string(struct json *j, const char *name, const char *value)
{
    put_name(j, name);
    put_escaped(j->x->out, slice_cstr(value));
}

static void put_bool(struct json *j, const char *name, bool value)
{
    put_name(j, name);
    buf_append_cstr(j->x->out, value ? "true" : "false");
}

static void put_number(struct json *j, const char *name, double value, int digits)
{
    put_name(j, name);
    buf_printf(j->x->out, "%.*f", digits, value);
}

static void put_kilobytes(struct json *j, const char *name, uint64_t bytes)
{
    put_number(j, name, (double)((bytes + 1023) / 1024), 0);
}

/* One expression or key, as a string. */
static void put_printed(struct json *j, const struct plan_node *n, const struct expr *e,
                        const struct plan_key *k)
{
    struct buf *out = j->x->out, text;

    buf_init(&text, NULL);
    j->x->out = &text;
    if (k != NULL)
        explain_key(j->x, n, k);
    else
        explain_expr(j->x, n, e);
    j->x->out = out;
    put_escaped(out, buf_slice(&text));
    buf_deinit(&text);
}

static void put_expr(struct json *j, const struct plan_node *n, const char *name,
                     const struct expr *e)
{
    if (e == NULL)
        return;
    put_name(j, name);
    put_printed(j, n, e, NULL);
}

/* A list on one line. */
static void put_list(struct json *j, const struct plan_node *n, const char *name,
                     struct expr *const *list, const struct plan_key *keys, size_t count)
{
    if (count == 0)
        return;
    put_name(j, name);
    buf_put_u8(j->x->out, '[');
    for (size_t i = 0; i < count; i++) {
        if (i > 0)
            buf_append_cstr(j->x->out, ", ");
        put_printed(j, n, list != NULL ? list[i] : NULL, keys != NULL ? &keys[i] : NULL);
    }
    buf_put_u8(j->x->out, ']');
}

/* ---- fields of a node ---------------------------------------------------------------------------
 */

static const char *node_type(const struct plan_node *n)
{
    switch (n->kind) {
    case PLAN_RESULT:
        return "Result";
    case PLAN_SCAN:
        return explain_scan_name(n);
    case PLAN_VIRTUAL_SCAN:
        return "Seq Scan";
    case PLAN_FUNCTION_SCAN:
        return "Function Scan";
    case PLAN_VALUES_SCAN:
        return "Values Scan";
    case PLAN_CTE_SCAN:
        return n->cte.working ? "WorkTable Scan" : "CTE Scan";
    case PLAN_SUBQUERY_SCAN:
        return "Subquery Scan";
    case PLAN_NESTED_LOOP:
        return "Nested Loop";
    case PLAN_HASH_JOIN:
        return "Hash Join";
    case PLAN_MERGE_JOIN:
        return "Merge Join";
    case PLAN_AGGREGATE:
        return "Aggregate";
    case PLAN_SORT:
        return "Sort";
    case PLAN_UNIQUE:
        return "Unique";
    case PLAN_WINDOW:
        return "WindowAgg";
    case PLAN_PROJECT_SET:
        return "ProjectSet";
    case PLAN_RECURSIVE_UNION:
        return "Recursive Union";
    case PLAN_APPEND:
        return "Append";
    case PLAN_SET_OP:
        return "SetOp";
    case PLAN_LIMIT:
        return "Limit";
    case PLAN_LOCK_ROWS:
        return "LockRows";
    case PLAN_MATERIALIZE:
        return "Materialize";
    case PLAN_MODIFY:
        return "ModifyTable";
    }
    UNREACHABLE();
}

static void put_strategy(struct json *j, const struct plan_node *n)
{
    if (n->kind == PLAN_AGGREGATE) {
        put_string(j, "Strategy",
                   n->aggregate.strategy == AGG_HASHED   ? "Hashed"
                   : n->aggregate.strategy == AGG_SORTED ? "Sorted"
                                                         : "Plain");
        put_string(j, "Partial Mode", "Simple");
    } else if (n->kind == PLAN_SET_OP) {
        put_string(j, "Strategy", "Hashed");
    } else if (n->kind == PLAN_MODIFY) {
        put_string(j, "Operation",
                   n->modify->kind == QUERY_INSERT   ? "Insert"
                   : n->modify->kind == QUERY_UPDATE ? "Update"
                                                     : "Delete");
    }
}

static void put_head(struct json *j, const struct plan_node *n, const char *type,
                     const char *relationship, const char *subplan)
{
    put_string(j, "Node Type", type);
    if (n != NULL)
        put_strategy(j, n);
    if (relationship != NULL)
        put_string(j, "Parent Relationship", relationship);
    if (subplan != NULL)
        put_string(j, "Subplan Name", subplan);
    put_bool(j, "Parallel Aware", false);
    put_bool(j, "Async Capable", false);
}

static void put_alias(struct json *j, const char *field, const char *name, const char *alias)
{
    if (field != NULL)
        put_string(j, field, name);
    put_string(j, "Alias", alias != NULL ? alias : name);
}

static void put_scan(struct json *j, const struct plan_node *n)
{
    if (strcmp(explain_scan_name(n), "Seq Scan") != 0) {
        put_string(j, "Scan Direction", n->scan.reverse ? "Backward" : "Forward");
        if (n->scan.index->desc->name != NULL)
            put_string(j, "Index Name", n->scan.index->desc->name);
    }
    put_alias(j, "Relation Name", n->scan.layout->desc->name, n->scan.alias);
}

static const char *join_type(const struct plan_node *n)
{
    switch (n->join.kind) {
    case JOIN_LEFT:
        return "Left";
    case JOIN_FULL:
        return "Full";
    case JOIN_SEMI:
        return "Semi";
    case JOIN_ANTI:
        return "Anti";
    default:
        return "Inner";
    }
}

static void put_source(struct json *j, const struct plan_node *n)
{
    switch (n->kind) {
    case PLAN_SCAN:
        put_scan(j, n);
        break;
    case PLAN_VIRTUAL_SCAN:
        put_alias(j, "Relation Name", n->virtual_scan.desc->name, n->virtual_scan.alias);
        break;
    case PLAN_FUNCTION_SCAN:
        if (n->function.call->kind == EXPR_SET_CALL)
            put_string(j, "Function Name", n->function.call->call.fn->name);
        put_string(j, "Alias", n->function.alias);
        break;
    case PLAN_VALUES_SCAN:
        put_string(j, "Alias", "*VALUES*");
        break;
    case PLAN_CTE_SCAN:
        put_alias(j, "CTE Name", n->cte.name, n->cte.alias);
        break;
    case PLAN_SUBQUERY_SCAN:
        put_string(j, "Alias", n->subquery.alias);
        break;
    case PLAN_MODIFY:
        put_alias(j, "Relation Name", n->modify->layout->desc->name, n->modify->alias);
        break;
    case PLAN_NESTED_LOOP:
    case PLAN_HASH_JOIN:
    case PLAN_MERGE_JOIN:
        put_string(j, "Join Type", join_type(n));
        break;
    case PLAN_SET_OP:
        put_string(j, "Command",
                   n->set_op.kind == SET_OP_INTERSECT
                       ? (n->set_op.all ? "Intersect All" : "Intersect")
                       : (n->set_op.all ? "Except All" : "Except"));
        break;
    default:
        break;
    }
}

static void put_numbers(struct json *j, const struct plan_node *n, double startup)
{
    const struct op_stats *s = explain_stats(j->x, n);
    double                 loops = s != NULL && s->loops > 0 ? (double)s->loops : 0;

    if (j->x->o->costs) {
        put_number(j, "Startup Cost", startup, 2);
        put_number(j, "Total Cost", n->total, 2);
        put_number(j, "Plan Rows", n->rows, 0);
        put_number(j, "Plan Width", n->width, 0);
    }
    if (!j->x->o->analyze)
        return;
    if (j->x->o->timing) {
        put_number(j, "Actual Startup Time", loops > 0 ? (double)s->first_us / 1000 / loops : 0, 3);
        put_number(j, "Actual Total Time", loops > 0 ? (double)s->total_us / 1000 / loops : 0, 3);
    }
    put_number(j, "Actual Rows", loops > 0 ? (double)s->rows / loops : 0, 0);
    put_number(j, "Actual Loops", loops, 0);
}

static void put_details(struct json *j, const struct plan_node *n)
{
    const struct op_stats *s = explain_stats(j->x, n);

    switch (n->kind) {
    case PLAN_SCAN:
        put_expr(j, n, "Index Cond", n->scan.condition);
        break;
    case PLAN_HASH_JOIN:
    case PLAN_MERGE_JOIN:
        put_expr(j, n, n->kind == PLAN_HASH_JOIN ? "Hash Cond" : "Merge Cond",
                 n->join.key_condition);
        put_expr(j, n, "Join Filter", n->shown_condition);
        break;
    case PLAN_NESTED_LOOP:
        put_expr(j, n, "Join Filter", n->shown_condition);
        break;
    case PLAN_AGGREGATE:
        put_list(j, n, "Group Key", n->aggregate.shown_groups, NULL, n->aggregate.group_count);
        if (j->x->o->analyze && s != NULL && s->loops > 0 && n->aggregate.strategy == AGG_HASHED) {
            put_number(j, "HashAgg Batches", (double)s->batches, 0);
            put_kilobytes(j, "Peak Memory Usage", s->memory_bytes);
            put_kilobytes(j, "Disk Usage", s->disk_bytes);
        }
        break;
    case PLAN_SORT:
        put_list(j, n, "Sort Key", NULL, n->sort.keys, n->sort.key_count);
        if (j->x->o->analyze && s != NULL && s->loops > 0) {
            put_string(j, "Sort Method", explain_sort_method(s));
            put_kilobytes(j, "Sort Space Used",
                          s->disk_bytes > 0 ? s->disk_bytes : s->memory_bytes);
            put_string(j, "Sort Space Type", s->disk_bytes > 0 ? "Disk" : "Memory");
        }
        break;
    case PLAN_RESULT:
        put_expr(j, n, "One-Time Filter", n->shown_condition);
        break;
    default:
        break;
    }
    put_expr(j, n, "Filter", n->shown_filter);
    if (j->x->o->analyze && n->filter != NULL && s != NULL)
        put_number(j, "Rows Removed by Filter",
                   s->loops > 0 ? (double)s->filtered / (double)s->loops : 0, 0);
}

/* ---- the tree -----------------------------------------------------------------------------------
 */

static void put_node(struct json *j, const struct plan_node *n, const char *relationship,
                     const char *subplan);

/* The build side of a hash join stands below a node of its own. */
static void put_hash(struct json *j, const struct plan_node *join)
{
    const struct plan_node *n = join->right;
    const struct op_stats  *s = explain_stats(j->x, join);

    open_group(j, NULL, '{');
    put_head(j, NULL, "Hash", "Inner", NULL);
    put_numbers(j, n, n->total);
    if (j->x->o->analyze && s != NULL && s->loops > 0) {
        put_number(j, "Hash Buckets", (double)s->buckets, 0);
        put_number(j, "Hash Batches", (double)s->batches, 0);
        put_kilobytes(j, "Peak Memory Usage", s->memory_bytes);
    }
    open_group(j, "Plans", '[');
    put_node(j, n, "Outer", NULL);
    close_group(j, ']');
    close_group(j, '}');
}

static void put_children(struct json *j, const struct plan_node *n)
{
    const struct plan *p = j->x->plan;
    bool               is_root = n == p->root && p->subplan_count > 0;

    if (n->left == NULL && n->right == NULL && n->child_count == 0 && !is_root)
        return;
    open_group(j, "Plans", '[');
    for (size_t i = 0; is_root && i < p->subplan_count; i++)
        put_node(j, p->subplans[i]->node,
                 strncmp(p->subplans[i]->name, "SubPlan", 7) == 0 ? "SubPlan" : "InitPlan",
                 p->subplans[i]->name);
    if (n->left != NULL)
        put_node(j, n->left, n->kind == PLAN_SUBQUERY_SCAN ? "Subquery" : "Outer", NULL);
    if (n->right != NULL && n->kind == PLAN_HASH_JOIN)
        put_hash(j, n);
    else if (n->right != NULL)
        put_node(j, n->right, "Inner", NULL);
    for (size_t i = 0; i < n->child_count; i++)
        put_node(j, n->children[i],
                 n->kind == PLAN_APPEND ? "Member"
                 : i == 0               ? "Outer"
                                        : "Inner",
                 NULL);
    close_group(j, ']');
}

static void put_node(struct json *j, const struct plan_node *n, const char *relationship,
                     const char *subplan)
{
    open_group(j, relationship == NULL ? "Plan" : NULL, '{');
    put_head(j, n, node_type(n), relationship, subplan);
    put_source(j, n);
    put_numbers(j, n, n->startup);
    put_details(j, n);
    put_children(j, n);
    close_group(j, '}');
}

void explain_json(struct explain *x)
{
    struct json j = {.x = x, .depth = 1, .first = true};

    buf_append_cstr(x->out, "[\n  {");
    j.depth = 2;
    put_node(&j, x->plan->root, NULL, NULL);
    if (x->o->summary)
        put_number(&j, "Planning Time", (double)x->o->planning_us / 1000, 3);
    if (x->o->analyze) {
        open_group(&j, "Triggers", '[');
        close_group(&j, ']');
    }
    if (x->o->summary && x->o->analyze)
        put_number(&j, "Execution Time", (double)x->o->execution_us / 1000, 3);
    buf_append_cstr(x->out, "\n  }\n]");
}
