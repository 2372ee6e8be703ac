/* Prepared statements and portals (PostgreSQL 15, chapter 55.2.3), and the plans behind them. */
#include "base/assert.h"
#include "env/env.h"
#include "sql/bind/bind.h"
#include "sql/catalog/catalog.h"
#include "sql/session/session_internal.h"
#include "sql/types/string.h"
#include "sql/types/type.h"

/* ---- statements
 * ------------------------------------------------------------------------------------------------
 */

struct prepared *prepared_new(struct sql_session *s, const char *name)
{
    struct prepared *p = heap_must_alloc(s->heap, 1, sizeof *p);

    p->references = 1;
    p->prepared_us = s->context.statement_start_us;
    p->name = heap_strdup(s->heap, name);
    p->arena = arena_new(s->heap, &s->account);
    return p;
}

void planned_unref(struct planned *p)
{
    if (p != NULL && --p->references == 0)
        arena_free(p->arena); /* which holds it, too */
}

void prepared_unref(struct prepared *p)
{
    if (p == NULL || --p->references > 0)
        return;
    planned_unref(p->planned);
    statement_entry_unref(p->entry);
    arena_free(p->arena);
    heap_free(p->name);
    heap_free(p);
}

bool statement_is_plannable(const PgQuery__Node *node)
{
    switch (node->node_case) {
    case PG_QUERY__NODE__NODE_SELECT_STMT:
        return node->select_stmt->into_clause == NULL;
    case PG_QUERY__NODE__NODE_INSERT_STMT:
    case PG_QUERY__NODE__NODE_UPDATE_STMT:
    case PG_QUERY__NODE__NODE_DELETE_STMT:
        return true;
    default:
        return false;
    }
}

/* ---- which relations a query touches
 * --------------------------------------------------------------------------- */

struct oid_set {
    struct arena *arena;
    uint32_t     *oids;
    size_t        count, capacity;
};

static void oid_add(struct oid_set *set, uint32_t oid)
{
    for (size_t i = 0; i < set->count; i++) {
        if (set->oids[i] == oid)
            return;
    }
    if (set->count == set->capacity) {
        size_t capacity = MAX(set->capacity * 2, (size_t)8);

        set->oids = arena_realloc(set->arena, set->oids, set->count * sizeof *set->oids,
                                  capacity * sizeof *set->oids);
        set->capacity = capacity;
    }
    set->oids[set->count++] = oid;
}

static void collect_query(struct oid_set *set, struct query *q);

static bool collect_expr(struct expr **e, void *ctx)
{
    if (*e == NULL)
        return true;
    if ((*e)->kind == EXPR_SUBQUERY)
        collect_query(ctx, (*e)->subquery.query);
    return expr_walk_children(*e, collect_expr, ctx);
}

static void collect_set_op(struct oid_set *set, struct set_op *op)
{
    if (op == NULL)
        return;
    collect_query(set, op->left_query);
    collect_query(set, op->right_query);
    collect_set_op(set, op->left_op);
    collect_set_op(set, op->right_op);
}

static void collect_from(struct oid_set *set, struct from_node *f)
{
    if (f == NULL || f->kind == FROM_TABLE)
        return;
    collect_expr(&f->on, set);
    collect_from(set, f->left);
    collect_from(set, f->right);
}

static void collect_table(struct oid_set *set, struct table_ref *t)
{
    if (t->table != NULL)
        oid_add(set, t->table->oid);
    collect_query(set, t->query);
    collect_expr(&t->function, set);
    for (size_t r = 0; r < t->value_row_count; r++) {
        for (size_t i = 0; i < t->column_count; i++)
            collect_expr(&t->values[r][i], set);
    }
}

static void collect_query(struct oid_set *set, struct query *q)
{
    if (q == NULL)
        return;
    for (size_t i = 0; i < q->table_count; i++)
        collect_table(set, q->tables[i]);
    for (size_t i = 0; i < q->cte_count; i++) {
        collect_query(set, q->ctes[i].query);
        collect_query(set, q->ctes[i].recursive);
    }
    for (size_t i = 0; i < q->target_count; i++)
        collect_expr(&q->targets[i].expr, set);
    for (size_t i = 0; i < q->returning_count; i++)
        collect_expr(&q->returning[i].expr, set);
    for (size_t i = 0; i < q->assignment_count; i++)
        collect_expr(&q->assignments[i].value, set);
    collect_from(set, q->from);
    collect_expr(&q->where, set);
    collect_expr(&q->having, set);
    collect_expr(&q->limit, set);
    collect_expr(&q->offset, set);
    collect_set_op(set, q->set_op);
    collect_query(set, q->source);
}

/* ---- planning
 * ------------------------------------------------------------------------------------------------------
 */

static status bind_and_plan(struct sql_session *s, struct prepared *p, struct planned *planned)
{
    struct arena      *a = planned->arena;
    struct bind_params params = {.count = p->param_count};
    struct oid_set     set = {.arena = a};
    struct query      *q;

    params.types = ARENA_ARRAY(a, uint32_t, p->param_count + 1);
    if (p->param_count > 0)
        memcpy(params.types, p->param_types, p->param_count * sizeof *params.types);
    TRY_RETURN(bind_statement(&s->context, a, p->node, p->text.data, &params, &q));
    if (p->param_types == NULL && q->param_count > 0) {
        p->param_types = ARENA_ARRAY(p->arena, uint32_t, q->param_count);
        memcpy(p->param_types, q->param_types, q->param_count * sizeof *p->param_types);
        p->param_count = q->param_count;
    } else if (q->param_count > p->param_count || (p->param_count > 0 && q->param_count > 0)) {
        uint32_t *types = ARENA_ARRAY(p->arena, uint32_t, q->param_count);

        memcpy(types, q->param_types, q->param_count * sizeof *types);
        p->param_types = types;
        p->param_count = q->param_count;
    }
    collect_query(&set, q);
    TRY_RETURN(plan_query(&s->context, a, q, &planned->plan));
    planned->table_oids = set.oids;
    planned->table_count = set.count;
    return STATUS_OK;
}

status prepared_plan(struct sql_session *s, struct prepared *p)
{
    struct arena   *a = arena_new(s->heap, &s->account);
    struct planned *planned = ARENA_NEW(a, struct planned);
    status          st;

    *planned = (struct planned){.references = 1, .arena = a};
    planned_unref(p->planned);
    p->planned = NULL;
    p->plan_used = false;
    st = bind_and_plan(s, p, planned);
    if (!st_ok(st)) {
        planned_unref(planned);
        return st;
    }
    planned->version = catalog_version(s->view);
    planned->settings = s->settings_generation;
    p->planned = planned;
    return STATUS_OK;
}

static bool plan_is_current(const struct sql_session *s, const struct prepared *p)
{
    return p->planned != NULL && p->planned->version == catalog_version(s->view) &&
           p->planned->settings == s->settings_generation;
}

status prepared_hold(struct sql_session *s, struct prepared *p, bool *current)
{
    if (plan_is_current(s, p))
        TRY_RETURN(catalog_hold_tables(s->view, p->planned->table_oids,
                                       p->planned->table_count)); /* may wait for a change to end */
    *current = plan_is_current(s, p);
    return STATUS_OK;
}

static status revalidate(struct sql_session *s, struct prepared *p)
{
    bool current;

    TRY_RETURN(prepared_hold(s, p, &current));
    return current ? STATUS_OK : prepared_plan(s, p);
}

static bool same_columns(const struct planned *a, const struct planned *b)
{
    size_t                      count, other_count;
    const struct result_column *x = plan_result_columns(a->plan, &count);
    const struct result_column *y = plan_result_columns(b->plan, &other_count);
    bool                        same = count == other_count;

    for (size_t i = 0; i < count && same; i++)
        same = x[i].type == y[i].type && x[i].typmod == y[i].typmod &&
               strcmp(x[i].name, y[i].name) == 0;
    return same;
}

status prepared_revalidate(struct sql_session *s, struct prepared *p)
{
    struct planned *before = p->planned;
    status          st;

    if (before == NULL)
        return revalidate(s, p);
    before->references++;
    st = revalidate(s, p);
    if (!st_ok(st) && p->planned == NULL) {
        p->planned = before; /* out of date: only the promise of its columns still counts */
        return st;
    }
    if (st_ok(st) && p->planned != before && !same_columns(before, p->planned)) {
        planned_unref(p->planned); /* the client was told the old ones: it must prepare anew */
        p->planned = before;
        /* pgjdbc prepares anew when it sees this routine. */
        return status_routine(
            status_new(ST_FEATURE_NOT_SUPPORTED, "cached plan must not change result type"),
            "RevalidateCachedQuery");
    }
    planned_unref(before);
    return st;
}

status statement_missing(const char *name)
{
    if (name[0] == '\0')
        return status_new(ST_INVALID_STATEMENT_NAME, "unnamed prepared statement does not exist");
    return status_new(ST_INVALID_STATEMENT_NAME, "prepared statement \"%s\" does not exist", name);
}

struct prepared *prepared_find(struct sql_session *s, const char *name)
{
    return hmap_get(&s->statements, slice_cstr(name));
}

status prepared_add(struct sql_session *s, struct prepared *p)
{
    struct prepared *old = prepared_find(s, p->name);

    if (old != NULL && p->name[0] != '\0')
        return status_new(ST_DUPLICATE_PSTATEMENT, "prepared statement \"%s\" already exists",
                          p->name);
    if (old != NULL)
        session_close_statement(s, p->name);
    hmap_put(&s->statements, slice_cstr(p->name), p);
    return STATUS_OK;
}

/* INSERT, UPDATE and DELETE return rows when they have RETURNING; a SELECT does, even of no
 * columns. */
bool statement_returns_rows(const struct prepared *p)
{
    size_t count;

    plan_result_columns(p->planned->plan, &count);
    return count > 0 || p->node->node_case == PG_QUERY__NODE__NODE_SELECT_STMT;
}

/* The query that a utility statement is about; its parameters are the statement's. */
static const PgQuery__Node *inner_query(const PgQuery__Node *node)
{
    switch (node->node_case) {
    case PG_QUERY__NODE__NODE_DECLARE_CURSOR_STMT:
        return node->declare_cursor_stmt->query;
    case PG_QUERY__NODE__NODE_EXPLAIN_STMT:
        return node->explain_stmt->query;
    default:
        return NULL;
    }
}

static void set_param_types(struct prepared *p, const uint32_t *types, size_t count)
{
    p->param_count = count;
    p->param_types = ARENA_ARRAY(p->arena, uint32_t, count + 1);
    if (count > 0)
        memcpy(p->param_types, types, count * sizeof *types);
}

static status find_param_types(struct sql_session *s, struct prepared *p)
{
    const PgQuery__Node *query = inner_query(p->node);
    struct prepared     *inner;
    status               st;

    if (query == NULL || !statement_is_plannable(query))
        return STATUS_OK;
    TRY_RETURN(transaction_begin_statement(s));
    inner = prepared_new(s, "");
    inner->text = p->text;
    inner->node = query;
    set_param_types(inner, p->param_types, p->param_count);
    st = prepared_plan(s, inner);
    if (st_ok(st))
        set_param_types(p, inner->param_types, inner->param_count);
    prepared_unref(inner);
    return st;
}

void prepared_inherit_params(struct sql_session *s, struct prepared *p)
{
    const struct portal *outer = s->utility;

    if (outer != NULL)
        set_param_types(p, outer->statement->param_types, outer->statement->param_count);
}

void portal_inherit_params(struct sql_session *s, struct portal *x)
{
    const struct portal *outer = s->utility;
    size_t               count = outer != NULL ? outer->param_count : 0;

    x->params = ARENA_ARRAY(x->arena, datum, count);
    x->param_nulls = ARENA_ARRAY(x->arena, bool, count);
    x->param_count = count;
    for (size_t i = 0; i < count; i++) {
        x->param_nulls[i] = outer->param_nulls[i];
        if (!x->param_nulls[i])
            x->params[i] = datum_copy(x->arena, type_by_oid(outer->statement->param_types[i]),
                                      outer->params[i]);
    }
}

/* Statements that return rows without being planned know their columns beforehand (SHOW, EXPLAIN
 * ...). */
status prepared_analyse(struct sql_session *s, struct prepared *p)
{
    if (p->node == NULL)
        return STATUS_OK;
    if (!statement_is_plannable(p->node)) {
        TRY_RETURN(find_param_types(s, p));
        return utility_columns(s, p->arena, p->node, &p->columns, &p->column_count, &p->has_rows);
    }
    TRY_RETURN(transaction_begin_statement(s));
    TRY_RETURN(prepared_plan(s, p));
    p->has_rows = statement_returns_rows(p);
    return STATUS_OK;
}

bool statement_ends_transaction(const PgQuery__Node *node)
{
    const PgQuery__TransactionStmt *t;

    if (node == NULL || node->node_case != PG_QUERY__NODE__NODE_TRANSACTION_STMT)
        return false;
    t = node->transaction_stmt;
    return t->kind == PG_QUERY__TRANSACTION_STMT_KIND__TRANS_STMT_COMMIT ||
           t->kind == PG_QUERY__TRANSACTION_STMT_KIND__TRANS_STMT_ROLLBACK ||
           t->kind == PG_QUERY__TRANSACTION_STMT_KIND__TRANS_STMT_ROLLBACK_TO;
}

status in_failed_transaction(void)
{
    return status_new(
        ST_IN_FAILED_TRANSACTION,
        "current transaction is aborted, commands ignored until end of transaction block");
}

/* ---- Parse: statements without a name, again and again the same ones, are kept by their text
 * ----------------------------------------------------------------------------------------- */

/* Told apart from the shapes of simple statements by its first byte, which no statement begins
 * with. */
static slice text_key(struct sql_session *s, slice text, const uint32_t *param_types,
                      size_t param_count)
{
    size_t size = 1 + text.size + param_count * sizeof *param_types;
    char  *key = arena_alloc(s->scratch, size);

    key[0] = '\1';
    memcpy(key + 1, text.data, text.size);
    if (param_count > 0)
        memcpy(key + 1 + text.size, param_types, param_count * sizeof *param_types);
    return slice_make(key, size);
}

static bool is_worth_keeping(const struct prepared *p)
{
    return p->name[0] == '\0' && p->node != NULL &&
           (statement_is_plannable(p->node) ||
            p->node->node_case == PG_QUERY__NODE__NODE_TRANSACTION_STMT);
}

static status parse_anew(struct sql_session *s, struct prepared *p, slice text,
                         const uint32_t *param_types, size_t param_count)
{
    struct parse_result parsed;

    for (size_t i = 0; i < param_count; i++) {
        if (param_types[i] != 0 && type_by_oid(param_types[i]) == NULL)
            return status_new(ST_UNDEFINED_OBJECT, "type with OID %u does not exist",
                              param_types[i]);
    }
    p->text = arena_copy(p->arena, text);
    if (param_count > 0) {
        p->param_types = ARENA_ARRAY(p->arena, uint32_t, param_count);
        memcpy(p->param_types, param_types, param_count * sizeof *param_types);
        p->param_count = param_count;
    }
    TRY_RETURN(parse_statements(s->server->env, p->arena, p->text, &parsed));
    if (parsed.count > 1)
        return status_new(ST_SYNTAX_ERROR,
                          "cannot insert multiple commands into a prepared statement");
    p->node = parsed.count == 1 ? parsed.statements[0].node : NULL;
    return STATUS_OK;
}

static status check_block(struct sql_session *s, const struct prepared *p)
{
    if (s->block == BLOCK_FAILED && p->node != NULL && !statement_ends_transaction(p->node))
        return in_failed_transaction();
    return STATUS_OK;
}

/* The statement kept for this text, unless its plan is out of date: then the types of parameters
 * and columns may be others too. */
static status reuse(struct sql_session *s, struct prepared *p, bool *current)
{
    *current = true;
    TRY_RETURN(check_block(s, p));
    if (statement_is_plannable(p->node)) {
        TRY_RETURN(transaction_begin_statement(s));
        TRY_RETURN(prepared_hold(s, p, current));
    }
    return *current ? prepared_add(s, p) : STATUS_OK;
}

static status parse_and_keep(struct sql_session *s, struct prepared *p, slice text,
                             const uint32_t *param_types, size_t param_count)
{
    slice key = text_key(s, text, param_types, param_count);

    TRY_RETURN(parse_anew(s, p, text, param_types, param_count));
    TRY_RETURN(check_block(s, p));
    TRY_RETURN(prepared_analyse(s, p));
    TRY_RETURN(prepared_add(s, p));
    if (is_worth_keeping(p)) {
        p->references++;
        plan_cache_add(s->plans, key, p);
    }
    return STATUS_OK;
}

status session_parse(struct sql_session *s, const char *name, slice text,
                     const uint32_t *param_types, size_t param_count)
{
    struct prepared *p = NULL;
    bool             current = false;
    status           st = STATUS_OK;

    interruptible_begin(s);
    if (name[0] == '\0')
        p = plan_cache_get(s->plans, text_key(s, text, param_types, param_count));
    if (p != NULL) {
        p->references++;
        st = reuse(s, p, &current);
    }
    if (st_ok(st) && !current) {
        prepared_unref(p);
        p = prepared_new(s, name);
        st = parse_and_keep(s, p, text, param_types, param_count);
    }
    arena_reset(s->scratch);
    if (!st_ok(st))
        prepared_unref(p);
    return interruptible_end(s, st);
}

void session_close_statement(struct sql_session *s, const char *name)
{
    struct prepared *p = hmap_remove(&s->statements, slice_cstr(name));

    prepared_unref(p);
}

void session_close_all_statements(struct sql_session *s)
{
    size_t at = 0;
    slice  name;
    void  *p;

    while (hmap_next(&s->statements, &at, &name, &p))
        prepared_unref(p);
    hmap_reset(&s->statements);
}

/* ---- portals
 * -----------------------------------------------------------------------------------------------------------
 */

struct portal *portal_find(struct sql_session *s, const char *name)
{
    return hmap_get(&s->portals, slice_cstr(name));
}

void portal_free(struct sql_session *s, struct portal *p)
{
    (void)s;
    if (p == NULL)
        return;
    execution_close(p->execution);
    p->execution = NULL;
    if (--p->references > 0)
        return;
    planned_unref(p->planned);
    prepared_unref(p->statement);
    arena_free(p->arena);
    heap_free(p->name);
    heap_free(p);
}

void portals_close_all(struct sql_session *s)
{
    size_t at = 0;
    slice  name;
    void  *p;

    while (hmap_next(&s->portals, &at, &name, &p))
        portal_free(s, p);
    hmap_reset(&s->portals);
}

void session_close_portal(struct sql_session *s, const char *name)
{
    portal_free(s, hmap_remove(&s->portals, slice_cstr(name)));
}

struct portal *portal_new(struct sql_session *s, const char *name, struct prepared *p)
{
    struct portal *x = heap_must_alloc(s->heap, 1, sizeof *x);

    x->references = 1;
    x->name = heap_strdup(s->heap, name);
    x->arena = arena_new(s->heap, &s->account);
    x->created_us = s->context.statement_start_us;
    x->statement = p;
    p->references++;
    mem_account_init(&x->account, &s->account, "query", 0);
    return x;
}

/* PostgreSQL shows the value only as far as log_parameter_max_length_on_error lets it: not at all,
 * by default. */
static status parameter_context(status st, const char *portal, size_t i, int16_t format)
{
    const char *value = format == 1 ? "" : " = '...'";

    if (portal[0] == '\0')
        return status_context(st, "unnamed portal parameter $%zu%s", i + 1, value);
    return status_context(st, "portal \"%s\" parameter $%zu%s", portal, i + 1, value);
}

static status decode_param(struct sql_session *s, struct portal *x, const struct bind_values *v,
                           size_t i)
{
    const struct type *t = type_by_oid(x->statement->param_types[i]);
    int16_t            format = v->format_count == 0   ? 0
                                : v->format_count == 1 ? v->formats[0]
                                                       : v->formats[i];
    status             st;

    if (t == NULL)
        return status_new(ST_UNDEFINED_OBJECT, "type with OID %u does not exist",
                          x->statement->param_types[i]);
    x->param_nulls[i] = v->nulls[i];
    if (v->nulls[i])
        return STATUS_OK;
    /* Values may point into the message, which is gone before the portal is: copy first. */
    if (format == 1)
        st = t->receive(&s->context, x->arena, t, arena_copy(x->arena, v->values[i]), -1,
                        &x->params[i]);
    else if (st_ok(st = string_check(v->values[i])))
        st = t->input(&s->context, x->arena, t, arena_copy(x->arena, v->values[i]), -1,
                      &x->params[i]);
    if (format == 1 && status_code(st) == ST_INVALID_BINARY &&
        strcmp(status_message(st), "incorrect binary data format") == 0) {
        st_clear(st); /* PostgreSQL names the parameter where bytes are left over */
        st = status_new(ST_INVALID_BINARY, "incorrect binary data format in bind parameter %zu",
                        i + 1);
    }
    return st_ok(st) ? st : parameter_context(st, x->name, i, format);
}

status portal_decode_params(struct sql_session *s, struct portal *x, const struct bind_values *v)
{
    const struct prepared *p = x->statement;

    if (v->format_count > 1 && v->format_count != v->count)
        return status_new(ST_PROTOCOL_VIOLATION,
                          "bind message has %zu parameter formats but %zu parameters",
                          v->format_count, v->count);
    if (v->count != p->param_count)
        return status_new(
            ST_PROTOCOL_VIOLATION,
            "bind message supplies %zu parameters, but prepared statement \"%s\" requires %zu",
            v->count, p->name, p->param_count);
    x->param_count = v->count;
    x->params = ARENA_ARRAY(x->arena, datum, v->count);
    x->param_nulls = ARENA_ARRAY(x->arena, bool, v->count);
    for (size_t i = 0; i < v->count; i++)
        TRY_RETURN(decode_param(s, x, v, i));
    return STATUS_OK;
}

const struct result_column *prepared_columns(const struct prepared *p, size_t *count)
{
    if (p->planned != NULL)
        return plan_result_columns(p->planned->plan, count);
    *count = p->column_count;
    return p->columns;
}

static status decode_formats(struct portal *x, const struct bind_values *v)
{
    size_t   count;
    int16_t *formats;

    prepared_columns(x->statement, &count);
    if (v->result_format_count > 1 && v->result_format_count != count)
        return status_new(ST_PROTOCOL_VIOLATION,
                          "bind message has %zu result formats but query has %zu columns",
                          v->result_format_count, count);
    formats = ARENA_ARRAY(x->arena, int16_t, count);
    for (size_t i = 0; i < count && v->result_format_count > 0; i++)
        formats[i] = v->result_formats[v->result_format_count == 1 ? 0 : i];
    x->formats = formats;
    return STATUS_OK;
}

/* The portal keeps the plan that its formats were made for. */
static status fill_portal(struct sql_session *s, struct portal *x, const struct bind_values *v)
{
    struct prepared *p = x->statement;

    if (p->node != NULL && !statement_ends_transaction(p->node)) {
        TRY_RETURN(transaction_begin_statement(s));
        if (statement_is_plannable(p->node)) {
            TRY_RETURN(prepared_revalidate(s, p));
            x->planned = p->planned;
            x->planned->references++;
        }
    }
    TRY_RETURN(portal_decode_params(s, x, v));
    return decode_formats(x, v);
}

static status bind(struct sql_session *s, const char *portal, struct prepared *p,
                   const struct bind_values *v)
{
    struct portal *x = portal_new(s, portal, p);
    status         st = fill_portal(s, x, v);

    if (!st_ok(st))
        portal_free(s, x);
    else
        hmap_put(&s->portals, slice_cstr(x->name), x);
    return st;
}

status session_bind(struct sql_session *s, const char *portal, const char *statement,
                    const struct bind_values *v)
{
    struct prepared *p = prepared_find(s, statement);

    if (p == NULL)
        return statement_missing(statement);
    TRY_RETURN(check_block(s, p));
    if (portal[0] != '\0' && portal_find(s, portal) != NULL)
        return status_new(ST_DUPLICATE_CURSOR, "cursor \"%s\" already exists", portal);
    session_close_portal(s, portal);
    interruptible_begin(s);
    return interruptible_end(s, bind(s, portal, p, v));
}

status session_describe_statement(struct sql_session *s, const char *name,
                                  struct statement_description *out)
{
    struct prepared *p = prepared_find(s, name);

    if (p == NULL)
        return statement_missing(name);
    *out = (struct statement_description){
        .param_types = p->param_types, .param_count = p->param_count, .has_rows = p->has_rows};
    out->columns = prepared_columns(p, &out->column_count);
    return STATUS_OK;
}

status portal_missing(const char *name)
{
    return status_new(ST_INVALID_CURSOR_NAME, "portal \"%s\" does not exist", name);
}

status session_describe_portal(struct sql_session *s, const char *name,
                               struct statement_description *out)
{
    struct portal *x = portal_find(s, name);

    if (x == NULL)
        return portal_missing(name);
    *out =
        (struct statement_description){.has_rows = x->statement->has_rows, .formats = x->formats};
    out->columns = prepared_columns(x->statement, &out->column_count);
    return STATUS_OK;
}
