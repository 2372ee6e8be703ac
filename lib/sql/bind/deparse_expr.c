#include "env/env.h"
#include "sql/bind/deparse.h"
#include "sql/types/regtypes.h"

/* Expressions as PostgreSQL's ruleutils.c prints them: parentheses around every operator, casts as
 * (x)::type, implicit ones left out. The pretty form drops parentheses that precedence makes
 * needless; like PostgreSQL's, only where it is sure. */

static void put(struct deparse *d, const char *text)
{
    buf_append_cstr(d->out, text);
}

void deparse_put_name(struct deparse *d, const char *name)
{
    reg_quote_identifier(slice_cstr(name), d->out);
}

static void put_list(struct deparse *d, struct expr *const *args, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (i > 0)
            put(d, ", ");
        deparse_put_bare(d, args[i]);
    }
}

/* ---- parentheses --------------------------------------------------------------------------------
 */

static bool is_collate(const struct expr *e)
{
    return e->kind == EXPR_CAST && e->cast.method == CAST_RELABEL && e->cast.arg->type == e->type &&
           e->cast.arg->collation != e->collation;
}

/* Is `e` printed with something around it already, or one word? */
static bool is_atom(const struct expr *e)
{
    switch (e->kind) {
    case EXPR_CALL:
    case EXPR_SET_CALL:
        return e->call.op == NULL;
    case EXPR_CAST:
        return !is_collate(e);
    case EXPR_AND:
    case EXPR_OR:
    case EXPR_NOT:
    case EXPR_NULL_TEST:
    case EXPR_BOOL_TEST:
    case EXPR_DISTINCT:
    case EXPR_ARRAY_OP:
        return false;
    default:
        return true;
    }
}

static const struct expr *without_implicit(const struct expr *e)
{
    for (;;) {
        if (e->kind == EXPR_CAST && e->cast.is_implicit)
            e = e->cast.arg;
        else if (e->kind == EXPR_CALL && e->call.is_cast && e->call.is_implicit &&
                 e->call.keyword == NULL)
            e = e->call.args[0];
        else
            return e;
    }
}

static int precedence(const struct expr *e)
{
    const char *name = e->kind == EXPR_CALL && e->call.op != NULL ? e->call.op->name : "";

    if (strlen(name) != 1 || e->call.arg_count != 2)
        return 0;
    if (strchr("*/%", name[0]) != NULL)
        return 2;
    return strchr("+-", name[0]) != NULL ? 1 : 0;
}

static bool is_bool_list(const struct expr *e)
{
    return e->kind == EXPR_AND || e->kind == EXPR_OR;
}

/* In pretty form: may `child` stand below `parent` without parentheses of its own? */
static bool needs_none(const struct expr *parent, const struct expr *child, bool left)
{
    int p = precedence(parent), c = precedence(child);

    if (is_atom(child))
        return true;
    if (is_bool_list(parent) || parent->kind == EXPR_NOT) {
        if (child->kind == EXPR_OR)
            return parent->kind == EXPR_OR;
        if (child->kind == EXPR_AND || child->kind == EXPR_NOT)
            return is_bool_list(parent);
        return child->kind != EXPR_ARRAY_OP && child->kind != EXPR_CAST;
    }
    return p != 0 && c != 0 && (left ? c >= p : c > p);
}

/* An implicit cast is shown below an operator, where leaving it out might choose another one. */
static void put_operand(struct deparse *d, const struct expr *parent, const struct expr *e,
                        bool left)
{
    bool hide = is_bool_list(parent) || parent->kind == EXPR_NOT ||
                parent->kind == EXPR_BOOL_TEST || parent->kind == EXPR_CAST;
    bool parens;

    if (hide)
        e = without_implicit(e);
    parens = d->pretty && !needs_none(parent, e, left);
    put(d, parens ? "(" : "");
    deparse_put_bare(d, e);
    put(d, parens ? ")" : "");
}

/* ---- constants ----------------------------------------------------------------------------------
 */

/* As standard_conforming_strings reads it: a backslash is a character like others. */
static void put_literal(struct deparse *d, slice text)
{
    put(d, "'");
    for (size_t i = 0; i < text.size; i++) {
        if (text.data[i] == '\'')
            put(d, "'");
        buf_append(d->out, &text.data[i], 1);
    }
    put(d, "'");
}

static void put_type(struct deparse *d, uint32_t type, int32_t typmod)
{
    struct heap  *heap = d->c->env != NULL ? env_heap(d->c->env) : heap_new();
    struct arena *a = arena_new(heap, NULL);

    put(d, type_format(a, type, typmod));
    arena_free(a);
    if (d->c->env == NULL)
        heap_destroy(heap);
}

/* For storage, a relation keeps its schema, whatever the search path is when it is read. */
static bool put_qualified_relation(struct deparse *d, uint32_t oid)
{
    const struct table_desc  *t = NULL;
    const struct schema_desc *s = NULL;
    struct buf name           SCOPED(buf) = {0};

    if (!d->qualify || d->c->catalog == NULL)
        return false;
    d->st = catalog_table_by_oid(d->c->catalog, oid, &t);
    if (st_ok(d->st) && t != NULL)
        d->st = catalog_schema_by_oid(d->c->catalog, t->schema_oid, &s);
    if (s == NULL)
        return false;
    buf_init(&name, NULL);
    reg_quote_identifier(slice_cstr(s->name), &name);
    buf_append_cstr(&name, ".");
    reg_quote_identifier(slice_cstr(t->name), &name);
    put_literal(d, buf_slice(&name));
    return true;
}

static void const_text(struct deparse *d, const struct expr *e, struct buf *out)
{
    const struct type *t = type_by_oid(e->type);

    buf_init(out, NULL);
    if (e->type == OID_UNKNOWN)
        buf_append_slice(out, e->constant.value.s);
    else if (t == NULL || t->output == NULL)
        d->st = status_new(ST_INTERNAL, "cannot print a value of type %u", e->type);
    else
        d->st = t->output(d->c, t, e->constant.value, out);
}

static bool starts_with_digit(const struct buf *b)
{
    return b->size > 0 && b->data[0] >= '0' && b->data[0] <= '9';
}

static bool has_point(const struct buf *b)
{
    return memchr(b->data, '.', b->size) != NULL || memchr(b->data, 'e', b->size) != NULL;
}

static void put_const(struct deparse *d, const struct expr *e, bool with_type)
{
    struct buf text SCOPED(buf) = {0};
    bool            label = true;

    if (e->constant.is_null) {
        put(d, "NULL");
    } else {
        const_text(d, e, &text);
        if (!st_ok(d->st))
            return;
        if (e->type == OID_BOOL) {
            put(d, e->constant.value.b ? "true" : "false");
            label = false;
        } else if ((e->type == OID_INT4 && starts_with_digit(&text)) ||
                   (e->type == OID_NUMERIC && starts_with_digit(&text) && has_point(&text))) {
            buf_append_slice(d->out, buf_slice(&text));
            label = e->type == OID_NUMERIC && e->typmod >= 0;
        } else if (e->type != OID_REGCLASS ||
                   !put_qualified_relation(d, (uint32_t)e->constant.value.i)) {
            put_literal(d, buf_slice(&text));
        }
        label = label && e->type != OID_UNKNOWN;
    }
    if (!with_type || !label || (e->constant.is_null && e->type == OID_UNKNOWN))
        return;
    put(d, "::");
    put_type(d, e->type, e->typmod);
}

/* ---- casts --------------------------------------------------------------------------------------
 */

/* The inner of two steps of one written cast ('x'::varchar(3): relabel, then length) is implicit.
 */
static void put_cast(struct deparse *d, const struct expr *arg, uint32_t type, int32_t typmod)
{
    bool parens;

    arg = without_implicit(arg);
    if (arg->kind == EXPR_CONST && arg->type == type && arg->typmod == -1) {
        put_const(d, arg, false);
    } else {
        parens = !d->pretty || !is_atom(arg);
        put(d, parens ? "(" : "");
        deparse_put_bare(d, arg);
        put(d, parens ? ")" : "");
    }
    put(d, "::");
    put_type(d, type, typmod);
}

static void put_collate(struct deparse *d, const struct expr *e)
{
    put(d, d->pretty ? "" : "(");
    put_operand(d, e, e->cast.arg, true);
    put(d, e->collation == OID_COLLATION_POSIX ? " COLLATE \"POSIX\""
           : e->collation == OID_COLLATION_C   ? " COLLATE \"C\""
                                               : " COLLATE \"default\"");
    put(d, d->pretty ? "" : ")");
}

static void put_cast_expr(struct deparse *d, const struct expr *e)
{
    if (is_collate(e))
        put_collate(d, e);
    else
        put_cast(d, e->cast.arg, e->type, e->typmod);
}

/* ---- calls --------------------------------------------------------------------------------------
 */

static slice literal_of(const struct expr *e)
{
    return e->kind == EXPR_CONST && !e->constant.is_null ? e->constant.value.s : SLICE_EMPTY;
}

/* The functions behind EXTRACT(... FROM ...) and others, as the standard writes them. */
static bool put_sql_syntax(struct deparse *d, const struct expr *e)
{
    const char         *name = e->call.fn->name;
    struct expr *const *a = e->call.args;
    size_t              n = e->call.arg_count;

    if (strcmp(name, "timezone") == 0 && n == 2) {
        put(d, "(");
        deparse_put(d, a[1]);
        put(d, " AT TIME ZONE ");
        deparse_put(d, a[0]);
    } else if (strcmp(name, "extract") == 0 && n == 2) {
        put(d, "EXTRACT(");
        buf_append_slice(d->out, literal_of(a[0]));
        put(d, " FROM ");
        deparse_put(d, a[1]);
    } else if (strcmp(name, "position") == 0 && n == 2) {
        put(d, "POSITION((");
        deparse_put_bare(d, a[1]);
        put(d, ") IN (");
        deparse_put_bare(d, a[0]);
        put(d, ")");
    } else if (strcmp(name, "substring") == 0 && n >= 2) {
        put(d, "SUBSTRING(");
        deparse_put_bare(d, a[0]);
        put(d, " FROM ");
        deparse_put_bare(d, a[1]);
        if (n == 3) {
            put(d, " FOR ");
            deparse_put_bare(d, a[2]);
        }
    } else if (strcmp(name, "overlay") == 0 && n >= 3) {
        put(d, "OVERLAY(");
        deparse_put_bare(d, a[0]);
        put(d, " PLACING ");
        deparse_put_bare(d, a[1]);
        put(d, " FROM ");
        deparse_put_bare(d, a[2]);
        if (n == 4) {
            put(d, " FOR ");
            deparse_put_bare(d, a[3]);
        }
    } else if (strcmp(name, "btrim") == 0 || strcmp(name, "ltrim") == 0 ||
               strcmp(name, "rtrim") == 0) {
        put(d, name[0] == 'b' ? "TRIM(BOTH" : name[0] == 'l' ? "TRIM(LEADING" : "TRIM(TRAILING");
        if (n == 2) {
            put(d, " ");
            deparse_put_bare(d, a[1]);
        }
        put(d, " FROM ");
        deparse_put_bare(d, a[0]);
    } else {
        return false;
    }
    put(d, ")");
    return true;
}

static void put_operator(struct deparse *d, const struct expr *e)
{
    if (!d->pretty)
        put(d, "(");
    if (e->call.arg_count == 2) {
        put_operand(d, e, e->call.args[0], true);
        put(d, " ");
    }
    put(d, e->call.op->name);
    put(d, " ");
    put_operand(d, e, e->call.args[e->call.arg_count - 1], false);
    if (!d->pretty)
        put(d, ")");
}

static void put_call(struct deparse *d, const struct expr *e)
{
    size_t last = e->call.arg_count;

    if (e->call.keyword != NULL) {
        put(d, e->call.keyword);
        return;
    }
    if (e->call.op != NULL) {
        put_operator(d, e);
        return;
    }
    if (e->call.is_cast) {
        put_cast(d, e->call.args[0], e->type, e->typmod);
        return;
    }
    if (e->call.sql_syntax && put_sql_syntax(d, e))
        return;
    deparse_put_name(d, e->call.fn->name);
    put(d, "(");
    if (last > 0 && e->call.variadic_array) {
        put_list(d, e->call.args, last - 1);
        put(d, last > 1 ? ", VARIADIC " : "VARIADIC ");
        deparse_put_bare(d, e->call.args[last - 1]);
    } else if (last > 0 && e->call.fn->variadic && last == e->call.fn->arg_count &&
               e->call.args[last - 1]->kind == EXPR_ARRAY) {
        put_list(d, e->call.args, last - 1);
        put(d, last > 1 ? ", " : "");
        put_list(d, e->call.args[last - 1]->list.args, e->call.args[last - 1]->list.count);
    } else {
        put_list(d, e->call.args, last);
    }
    put(d, ")");
}

void deparse_put_order(struct deparse *d, const struct sort_key *k)
{
    if (k->descending)
        put(d, k->nulls_first ? " DESC" : " DESC NULLS LAST");
    else if (k->nulls_first)
        put(d, " NULLS FIRST");
}

/* As PostgreSQL does, functions stand in parentheses here. */
static void put_order_expression(struct deparse *d, const struct expr *e)
{
    bool parens = e->kind == EXPR_CALL && e->call.op == NULL;

    put(d, parens ? "(" : "");
    deparse_put_bare(d, e);
    put(d, parens ? ")" : "");
}

static void put_aggregate(struct deparse *d, const struct expr *e)
{
    bool is_ordered_set = e->aggregate.fn->ordered_set;

    deparse_put_name(d, e->aggregate.fn->name);
    put(d, e->aggregate.distinct ? "(DISTINCT " : "(");
    if (e->aggregate.star)
        put(d, "*");
    put_list(d, e->aggregate.args,
             e->aggregate.star ? 0
             : is_ordered_set  ? e->aggregate.arg_count - e->aggregate.order_count
                               : e->aggregate.arg_count);
    if (is_ordered_set)
        put(d, ") WITHIN GROUP (");
    for (size_t i = 0; i < e->aggregate.order_count; i++) {
        put(d, i > 0 ? ", " : is_ordered_set ? "ORDER BY " : " ORDER BY ");
        put_order_expression(d, e->aggregate.args[e->aggregate.order[i].target]);
        deparse_put_order(d, &e->aggregate.order[i]);
    }
    put(d, ")");
    if (e->aggregate.filter != NULL) {
        put(d, " FILTER (WHERE ");
        deparse_put_bare(d, e->aggregate.filter);
        put(d, ")");
    }
}

/* ---- columns ------------------------------------------------------------------------------------
 */

static const struct deparse_level *level_up(const struct deparse *d, int levels)
{
    const struct deparse_level *l = d->level;

    while (levels-- > 0 && l != NULL)
        l = l->parent;
    return l;
}

static bool has_alias(const struct query *q, size_t table, const char *alias)
{
    const struct table_ref *t = q->tables[table];

    return t->kind != TABLE_REF_JOIN && strcmp(t->alias, alias) == 0;
}

/* The binder has looked through joins, whose aliases hid those of their inputs: two tables of one
 * name may meet here. The later one is numbered, as ruleutils does. */
void deparse_put_alias(struct deparse *d, const struct deparse_level *l, int table)
{
    const char *alias = l->q->tables[table]->alias;
    size_t      same = 0;

    for (int i = 0; i < table; i++)
        same += has_alias(l->q, (size_t)i, alias);
    for (const struct deparse_level *outer = l->parent; outer != NULL; outer = outer->parent)
        for (size_t i = 0; i < outer->q->table_count; i++)
            same += has_alias(outer->q, i, alias);
    if (same == 0) {
        deparse_put_name(d, alias);
    } else {
        struct buf name SCOPED(buf) = {0};

        buf_init(&name, NULL);
        buf_printf(&name, "%s_%zu", alias, same);
        deparse_put_name(d, buf_cstr(&name));
    }
}

static void put_column(struct deparse *d, const struct expr *e)
{
    const struct deparse_level *l = level_up(d, e->column.levels_up);
    const struct table_ref     *t;

    if (l == NULL) {
        if (d->table != NULL && e->column.column > 0)
            deparse_put_name(d, d->table->columns[e->column.column - 1].name);
        else if (d->table != NULL)
            put(d, d->table->name);
        return;
    }
    t = l->q->tables[e->column.table];
    if (t->kind == TABLE_REF_SUBQUERY && t->query == NULL) { /* a set operation's own column */
        deparse_put_name(d, t->column_names[e->column.column - 1]);
        return;
    }
    deparse_put_alias(d, l, e->column.table);
    if (e->column.column == 0) {
        put(d, ".*");
        return;
    }
    put(d, ".");
    deparse_put_name(d, t->column_names[e->column.column - 1]);
}

/* ---- the other kinds ----------------------------------------------------------------------------
 */

static void put_open(struct deparse *d)
{
    if (!d->pretty)
        put(d, "(");
}

static void put_close(struct deparse *d)
{
    if (!d->pretty)
        put(d, ")");
}

static void put_logic(struct deparse *d, const struct expr *e)
{
    put_open(d);
    for (size_t i = 0; i < e->list.count; i++) {
        if (i > 0)
            put(d, e->kind == EXPR_AND ? " AND " : " OR ");
        put_operand(d, e, e->list.args[i], i == 0);
    }
    put_close(d);
}

static void put_unary(struct deparse *d, const struct expr *e)
{
    static const char *const tests[] = {
        [TEST_TRUE] = " IS TRUE",       [TEST_NOT_TRUE] = " IS NOT TRUE",
        [TEST_FALSE] = " IS FALSE",     [TEST_NOT_FALSE] = " IS NOT FALSE",
        [TEST_UNKNOWN] = " IS UNKNOWN", [TEST_NOT_UNKNOWN] = " IS NOT UNKNOWN"};

    put_open(d);
    if (e->kind == EXPR_NOT)
        put(d, "NOT ");
    put_operand(d, e, e->unary.arg, true);
    if (e->kind == EXPR_NULL_TEST)
        put(d, e->unary.negated ? " IS NOT NULL" : " IS NULL");
    else if (e->kind == EXPR_BOOL_TEST)
        put(d, tests[e->unary.test]);
    put_close(d);
}

static void put_distinct(struct deparse *d, const struct expr *e)
{
    if (e->binary.negated) {
        put_open(d);
        put(d, "NOT ");
    }
    put(d, e->binary.negated || !d->pretty ? "(" : "");
    put_operand(d, e, e->binary.left, true);
    put(d, " IS DISTINCT FROM ");
    put_operand(d, e, e->binary.right, false);
    put(d, e->binary.negated || !d->pretty ? ")" : "");
    if (e->binary.negated)
        put_close(d);
}

static void put_array_op(struct deparse *d, const struct expr *e)
{
    put_open(d);
    put_operand(d, e, e->binary.left, true);
    buf_printf(d->out, " %s %s (", e->binary.op->name, e->binary.all ? "ALL" : "ANY");
    deparse_put_bare(d, e->binary.right);
    put(d, ")");
    put_close(d);
}

/* Each part on a line of its own, to be shown; all on one, to be stored. */
static bool case_on_one_line(const struct deparse *d)
{
    return d->level == NULL && d->qualify;
}

static void put_case_word(struct deparse *d, const char *word)
{
    int indent = (d->level == NULL ? 0 : d->indent + 8) + 4 * d->case_depth;

    if (case_on_one_line(d)) {
        put(d, " ");
    } else {
        while (d->out->size > 0 && d->out->data[d->out->size - 1] == ' ')
            d->out->size--;
        put(d, "\n");
        for (int i = 0; i < indent; i++)
            put(d, " ");
    }
    put(d, word);
}

static void put_case(struct deparse *d, const struct expr *e)
{
    if (case_on_one_line(d))
        put(d, "CASE");
    else
        put_case_word(d, "CASE");
    if (e->case_when.operand != NULL) {
        put(d, " ");
        deparse_put(d, e->case_when.operand);
    }
    d->case_depth++;
    for (size_t i = 0; i < e->case_when.count; i++) {
        const struct expr *c = e->case_when.conditions[i];

        put_case_word(d, "WHEN ");
        if (e->case_when.operand != NULL && c->kind == EXPR_CALL && c->call.arg_count == 2)
            c = c->call.args[1];
        deparse_put_bare(d, without_implicit(c));
        put(d, " THEN ");
        deparse_put_bare(d, e->case_when.results[i]);
    }
    put_case_word(d, "ELSE ");
    deparse_put_bare(d, e->case_when.otherwise);
    d->case_depth--;
    put_case_word(d, "END");
}

static void put_array(struct deparse *d, const struct expr *e)
{
    put(d, "ARRAY[");
    put_list(d, e->list.args, e->list.count);
    put(d, "]");
    if (e->list.count == 0) {
        put(d, "::");
        put_type(d, e->type, -1);
    }
}

static void put_window(struct deparse *d, const struct expr *e)
{
    put(d, e->window.fn->name);
    put(d, "() OVER (");
    for (size_t i = 0; i < e->window.key_count; i++) {
        bool ordered = i >= e->window.partition_count;

        put(d, i > 0 && i != e->window.partition_count ? ", "
               : !ordered                              ? "PARTITION BY "
               : i > 0                                 ? " ORDER BY "
                                                       : "ORDER BY ");
        deparse_put_bare(d, e->window.keys[i]);
        if (ordered && e->window.descending[i])
            put(d, " DESC");
        if (ordered && e->window.nulls_first[i] != e->window.descending[i])
            put(d, e->window.nulls_first[i] ? " NULLS FIRST" : " NULLS LAST");
    }
    put(d, ")");
}

static void put_subscript(struct deparse *d, const struct expr *e)
{
    bool bare = e->subscript.array->kind == EXPR_COLUMN || e->subscript.array->kind == EXPR_PARAM;

    put(d, bare ? "" : "(");
    deparse_put_bare(d, e->subscript.array);
    put(d, bare ? "[" : ")[");
    if (e->subscript.index != NULL)
        deparse_put_bare(d, e->subscript.index);
    if (e->subscript.is_slice)
        put(d, ":");
    if (e->subscript.upper != NULL)
        deparse_put_bare(d, e->subscript.upper);
    put(d, "]");
}

static void put_row(struct deparse *d, struct expr *const *args, size_t count)
{
    put(d, "ROW(");
    put_list(d, args, count);
    put(d, ")");
}

static void put_row_compare(struct deparse *d, const struct expr *e)
{
    put(d, "(");
    put_row(d, e->row_compare.left, e->row_compare.count);
    buf_printf(d->out, " %s ", e->row_compare.ops[0]->name);
    put_row(d, e->row_compare.right, e->row_compare.count);
    put(d, ")");
}

static void put_left(struct deparse *d, const struct expr *e)
{
    if (e->subquery.left_count == 1) {
        deparse_put(d, e->subquery.left[0]);
        return;
    }
    put(d, "(");
    put_list(d, e->subquery.left, e->subquery.left_count);
    put(d, ")");
}

static void put_subquery(struct deparse *d, const struct expr *e)
{
    const char *op = e->subquery.left_count > 0 ? e->subquery.ops[0]->name : "";

    switch (e->subquery.kind) {
    case SUBQUERY_EXISTS:
        put(d, "(EXISTS ( ");
        break;
    case SUBQUERY_SCALAR:
        put(d, "( ");
        break;
    case SUBQUERY_ARRAY:
        put(d, "ARRAY( ");
        break;
    case SUBQUERY_ANY:
    case SUBQUERY_ALL:
        put(d, "(");
        put_left(d, e);
        if (e->subquery.kind == SUBQUERY_ALL)
            buf_printf(d->out, " %s ALL ( ", op);
        else if (strcmp(op, "=") == 0)
            put(d, " IN ( ");
        else
            buf_printf(d->out, " %s ANY ( ", op);
        break;
    }
    deparse_put_query(d, e->subquery.query);
    put(d, e->subquery.kind == SUBQUERY_SCALAR || e->subquery.kind == SUBQUERY_ARRAY ? ")" : "))");
}

static void put_function_like(struct deparse *d, const char *name, const struct expr *e)
{
    buf_printf(d->out, "%s(", name);
    put_list(d, e->list.args, e->list.count);
    put(d, ")");
}

static void put_by_kind(struct deparse *d, const struct expr *e)
{
    switch (e->kind) {
    case EXPR_CONST:
        put_const(d, e, true);
        return;
    case EXPR_PARAM:
        buf_printf(d->out, "$%d", e->param.number);
        return;
    case EXPR_COLUMN:
        put_column(d, e);
        return;
    case EXPR_CALL:
    case EXPR_SET_CALL:
        put_call(d, e);
        return;
    case EXPR_CAST:
        put_cast_expr(d, e);
        return;
    case EXPR_AND:
    case EXPR_OR:
        put_logic(d, e);
        return;
    case EXPR_NOT:
    case EXPR_NULL_TEST:
    case EXPR_BOOL_TEST:
        put_unary(d, e);
        return;
    case EXPR_CASE:
        put_case(d, e);
        return;
    case EXPR_COALESCE:
        put_function_like(d, "COALESCE", e);
        return;
    case EXPR_MINMAX:
        put_function_like(d, e->list.greatest ? "GREATEST" : "LEAST", e);
        return;
    case EXPR_NULLIF:
        put(d, "NULLIF(");
        deparse_put_bare(d, e->binary.left);
        put(d, ", ");
        deparse_put_bare(d, e->binary.right);
        put(d, ")");
        return;
    case EXPR_DISTINCT:
        put_distinct(d, e);
        return;
    case EXPR_ARRAY_OP:
        put_array_op(d, e);
        return;
    case EXPR_ARRAY:
        put_array(d, e);
        return;
    case EXPR_SUBSCRIPT:
        put_subscript(d, e);
        return;
    case EXPR_WINDOW:
        put_window(d, e);
        return;
    case EXPR_FIELD:
        put(d, "(");
        deparse_put_bare(d, e->field.record);
        put(d, ").");
        deparse_put_name(d, e->field.name);
        return;
    case EXPR_ROW:
        put_row(d, e->list.args, e->list.count);
        return;
    case EXPR_ROW_COMPARE:
        put_row_compare(d, e);
        return;
    case EXPR_AGGREGATE:
        put_aggregate(d, e);
        return;
    case EXPR_SUBQUERY:
        put_subquery(d, e);
        return;
    case EXPR_DEFAULT:
        put(d, "DEFAULT");
        return;
    case EXPR_SLOT:
    case EXPR_OUTER: /* of plans; EXPLAIN prints those itself */
        d->st = status_new(ST_INTERNAL, "a planned expression cannot be printed");
        return;
    }
}

void deparse_put_bare(struct deparse *d, const struct expr *e)
{
    bool deep = ++d->depth > 2 * BIND_DEPTH_MAX;

    if (d->c->env != NULL && env_stack_left(d->c->env) < ENV_STACK_RESERVE)
        deep = true;
    if (deep && st_ok(d->st))
        d->st = status_new(ST_STATEMENT_TOO_COMPLEX, "stack depth limit exceeded");
    if (st_ok(d->st))
        put_by_kind(d, e);
    d->depth--;
}

void deparse_put(struct deparse *d, const struct expr *e)
{
    bool parens = d->pretty && !is_atom(e);

    if (parens)
        put(d, "(");
    deparse_put_bare(d, e);
    if (parens)
        put(d, ")");
}

void deparse_put_condition(struct deparse *d, const struct expr *e)
{
    deparse_put_bare(d, without_implicit(e));
}

status deparse_expr(struct sql_context *c, const struct expr *e, const struct table_desc *table,
                    bool qualify, struct buf *out)
{
    struct deparse d = {.c = c, .out = out, .table = table, .qualify = qualify};

    deparse_put_condition(&d, e);
    return d.st;
}

status deparse_expr_pretty(struct sql_context *c, const struct expr *e,
                           const struct table_desc *table, struct buf *out)
{
    struct deparse d = {.c = c, .out = out, .table = table, .pretty = true};

    deparse_put_condition(&d, e);
    return d.st;
}
