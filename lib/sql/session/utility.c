/* Statements that are not planned: transactions, settings, PREPARE and cursors, EXPLAIN,
 * maintenance; DDL is handed on to lib/sql/ddl. */
#include <stdio.h>
#include <stdlib.h>

#include "base/assert.h"
#include "env/env.h"
#include "sql/bind/bind.h"
#include "sql/catalog/change.h"
#include "sql/catalog/sequence.h"
#include "sql/ddl/ddl.h"
#include "sql/exec/eval.h"
#include "sql/session/session_internal.h"
#include "sql/types/type.h"

/* ---- rows made here
 * --------------------------------------------------------------------------------------------- */

const struct result_column *session_text_columns(struct arena *a, const char *const *names,
                                                 size_t count)
{
    struct result_column *columns = ARENA_ARRAY(a, struct result_column, count);

    for (size_t i = 0; i < count; i++)
        columns[i] = (struct result_column){.name = names[i], .type = OID_TEXT, .typmod = -1};
    return columns;
}

status send_text_rows(struct sql_session *s, const char *const *names, size_t columns,
                      const char *const *cells, size_t rows, bool describe)
{
    SCOPED(arena) struct arena *a = arena_new(s->heap, &s->account);
    struct batch                b = {.rows = rows, .column_count = columns};

    if (describe)
        TRY_RETURN(
            s->sink->describe(s->sink, session_text_columns(a, names, columns), columns, NULL));
    b.columns = ARENA_ARRAY(a, struct column, columns);
    for (size_t i = 0; i < columns; i++) {
        column_init(&b.columns[i], a, OID_TEXT, rows);
        for (size_t r = 0; r < rows; r++)
            b.columns[i].values[r].s = slice_cstr(cells[r * columns + i]);
    }
    return s->sink->rows(s->sink, &s->context, &b, NULL);
}

/* ---- settings
 * ------------------------------------------------------------------------------------------------------
 */

static const char *constant_text(struct arena *a, const PgQuery__Node *arg)
{
    const PgQuery__AConst *k;

    if (arg->node_case == PG_QUERY__NODE__NODE_TYPE_CAST) /* SET TIME ZONE INTERVAL '...' */
        return constant_text(a, arg->type_cast->arg);
    if (arg->node_case != PG_QUERY__NODE__NODE_A_CONST)
        return "";
    k = arg->a_const;
    switch (k->val_case) {
    case PG_QUERY__A__CONST__VAL_IVAL:
        return arena_printf(a, "%d", k->ival->ival);
    case PG_QUERY__A__CONST__VAL_FVAL:
        return k->fval->fval;
    case PG_QUERY__A__CONST__VAL_BOOLVAL:
        return k->boolval->boolval ? "true" : "false";
    case PG_QUERY__A__CONST__VAL_SVAL:
        return k->sval->sval;
    default:
        return "";
    }
}

/* The elements of a list setting are identifiers: quoted again, so that splitting the text gives
 * them back. */
static const char *list_text(struct arena *a, const PgQuery__VariableSetStmt *stmt)
{
    const char *text = "";

    for (size_t i = 0; i < stmt->n_args; i++) {
        const char *word = constant_text(a, stmt->args[i]);
        bool        plain = word[0] != '\0' &&
                     strspn(word, "abcdefghijklmnopqrstuvwxyz0123456789_") == strlen(word);

        text = arena_printf(a, plain ? "%s%s%s" : "%s%s\"%s\"", text, i > 0 ? ", " : "", word);
    }
    return text;
}

static status set_variable(struct sql_session *s, const PgQuery__VariableSetStmt *stmt,
                           const char **tag)
{
    struct arena      *a = s->scratch;
    enum setting_scope scope = stmt->is_local ? SETTING_FOR_TRANSACTION : SETTING_FOR_SESSION;
    int                id = setting_find(slice_cstr(stmt->name));
    bool               is_list = id >= 0 && (setting_def_at((size_t)id)->flags & SETTING_LIST) != 0;

    *tag = "SET";
    switch (stmt->kind) {
    case PG_QUERY__VARIABLE_SET_KIND__VAR_SET_VALUE:
        if (is_list && id == SETTING_DATE_STYLE && stmt->n_args == 1)
            return session_set(s, slice_cstr(stmt->name), constant_text(a, stmt->args[0]), scope);
        if (!is_list && stmt->n_args > 1)
            return status_new(ST_INVALID_PARAMETER_VALUE, "SET %s takes only one argument",
                              stmt->name);
        return session_set(s, slice_cstr(stmt->name),
                           is_list ? list_text(a, stmt) : constant_text(a, stmt->args[0]), scope);
    case PG_QUERY__VARIABLE_SET_KIND__VAR_SET_DEFAULT:
        return session_set(s, slice_cstr(stmt->name), NULL, scope);
    case PG_QUERY__VARIABLE_SET_KIND__VAR_SET_CURRENT:
        return STATUS_OK; /* FROM CURRENT: what it is already */
    case PG_QUERY__VARIABLE_SET_KIND__VAR_SET_MULTI:
        if (strcmp(stmt->name, "TRANSACTION") == 0 ||
            strcmp(stmt->name, "SESSION CHARACTERISTICS") == 0)
            return transaction_set_options(s, stmt->args, stmt->n_args,
                                           strcmp(stmt->name, "TRANSACTION") != 0);
        return status_new(ST_FEATURE_NOT_SUPPORTED, "SET %s is not supported", stmt->name);
    case PG_QUERY__VARIABLE_SET_KIND__VAR_RESET:
        *tag = "RESET";
        return session_set(s, slice_cstr(stmt->name), NULL, scope);
    case PG_QUERY__VARIABLE_SET_KIND__VAR_RESET_ALL:
        *tag = "RESET";
        settings_reset_all(s->settings);
        return STATUS_OK;
    default:
        return status_new(ST_FEATURE_NOT_SUPPORTED, "this form of SET is not supported");
    }
}

/* "SHOW session_authorization" and its kin come from the grammar in upper case at times. */
static status show_name(struct sql_session *s, const char *name, const char **column,
                        const char **value)
{
    int id = setting_find(slice_cstr(name));

    if (id >= 0) {
        *column = setting_def_at((size_t)id)->name;
        *value = setting_with_unit(s->scratch, (enum setting_id)id,
                                   settings_get(s->settings, (enum setting_id)id));
        return STATUS_OK;
    }
    *column = name;
    *value = settings_get_custom(s->settings, slice_cstr(name));
    if (*value == NULL)
        return status_new(ST_UNDEFINED_OBJECT, "unrecognized configuration parameter \"%s\"", name);
    return STATUS_OK;
}

static const char *const show_all_names[] = {"name", "setting", "description"};

static status show_all(struct sql_session *s, bool describe)
{
    const char **cells = ARENA_ARRAY(s->scratch, const char *, SETTING_COUNT * 3);
    size_t       count = 0;

    for (int id = 0; id < SETTING_COUNT; id++) {
        const struct setting_def *d = setting_def_at((size_t)id);

        if (d->flags & SETTING_UNLISTED)
            continue;
        cells[count * 3] = d->name;
        cells[count * 3 + 1] = setting_with_unit(s->scratch, (enum setting_id)id,
                                                 settings_get(s->settings, (enum setting_id)id));
        cells[count++ * 3 + 2] = d->text;
    }
    return send_text_rows(s, show_all_names, 3, cells, count, describe);
}

static status show_variable(struct sql_session *s, const PgQuery__VariableShowStmt *stmt,
                            bool describe)
{
    const char *column, *value;

    if (strcmp(stmt->name, "all") == 0)
        return show_all(s, describe);
    TRY_RETURN(show_name(s, stmt->name, &column, &value));
    return send_text_rows(s, &column, 1, &value, 1, describe);
}

/* ---- PREPARE, EXECUTE, DEALLOCATE
 * ------------------------------------------------------------------------------------ */

/* In what form the rows of EXECUTE and FETCH go out: as the message that runs them asked for. */
static const int16_t *utility_formats(const struct sql_session *s, size_t count)
{
    size_t own_count;

    if (s->utility == NULL)
        return NULL;
    prepared_columns(s->utility->statement, &own_count);
    return own_count == count ? s->utility->formats : NULL;
}

/* The statement to prepare is parsed anew from its own text, so that its tree lives as long as it
 * does. */
static status prepare(struct sql_session *s, const PgQuery__PrepareStmt *stmt, slice text)
{
    struct prepared    *p = prepared_new(s, stmt->name);
    struct parse_result parsed;
    status              st = STATUS_OK;

    p->from_sql = true;
    p->text = arena_copy(p->arena, text);
    p->param_count = stmt->n_argtypes;
    p->param_types = ARENA_ARRAY(p->arena, uint32_t, p->param_count + 1);
    for (size_t i = 0; i < stmt->n_argtypes && st_ok(st); i++) {
        int32_t typmod;

        st = bind_type_name(&s->context, stmt->argtypes[i], text.data, &p->param_types[i], &typmod);
    }
    if (st_ok(st))
        st = parse_statements(s->server->env, p->arena, p->text, &parsed);
    if (!st_ok(st))
        goto fail;
    ASSERT(parsed.count == 1 &&
           parsed.statements[0].node->node_case == PG_QUERY__NODE__NODE_PREPARE_STMT);
    p->node = parsed.statements[0].node->prepare_stmt->query;
    if (!statement_is_plannable(p->node)) {
        st = status_new(ST_FEATURE_NOT_SUPPORTED,
                        "PREPARE supports only SELECT, VALUES, INSERT, UPDATE and DELETE");
        goto fail;
    }
    TRY(st, prepared_analyse(s, p), fail);
    TRY(st, prepared_add(s, p), fail);
    return STATUS_OK;

fail:
    prepared_unref(p);
    return st;
}

static status execute_params(struct sql_session *s, const PgQuery__ExecuteStmt *stmt, slice text,
                             struct portal *x)
{
    const struct prepared *p = x->statement;

    if (stmt->n_params != p->param_count)
        return status_detail(
            status_new(ST_SYNTAX_ERROR, "wrong number of parameters for prepared statement \"%s\"",
                       p->name),
            "Expected %zu parameters but got %zu.", p->param_count, stmt->n_params);
    x->param_count = p->param_count;
    x->params = ARENA_ARRAY(x->arena, datum, p->param_count);
    x->param_nulls = ARENA_ARRAY(x->arena, bool, p->param_count);
    for (size_t i = 0; i < p->param_count; i++) {
        struct expr *e;

        TRY_RETURN(bind_expression_node(&s->context, x->arena, stmt->params[i], text.data, NULL,
                                        p->param_types[i], -1, "EXECUTE parameters", &e));
        TRY_RETURN(eval_constant(&s->context, x->arena, e, &x->params[i], &x->param_nulls[i]));
    }
    return STATUS_OK;
}

static status execute(struct sql_session *s, const PgQuery__ExecuteStmt *stmt, slice text,
                      bool describe, const char **tag)
{
    struct prepared            *p = prepared_find(s, stmt->name);
    struct portal              *x;
    const struct result_column *columns;
    size_t                      count;
    bool                        suspended;
    status                      st;

    if (p == NULL)
        return statement_missing(stmt->name);
    if (p->node == NULL || !statement_is_plannable(p->node)) /* a Parse message may prepare more */
        return status_new(ST_FEATURE_NOT_SUPPORTED,
                          "EXECUTE supports only SELECT, VALUES, INSERT, UPDATE and DELETE");
    x = portal_new(s, "", p);
    TRY(st, prepared_revalidate(s, p), out);
    TRY(st, execute_params(s, stmt, text, x), out);
    columns = prepared_columns(p, &count);
    x->formats = utility_formats(s, count);
    if (describe && p->has_rows)
        TRY(st, s->sink->describe(s->sink, columns, count, NULL), out);
    TRY(st, portal_open(s, x), out);
    TRY(st, portal_send_rows(s, x, 0, &suspended), out);
    *tag = command_tag(s->scratch, p->node, execution_row_count(x->execution));

out:
    portal_free(s, x);
    return st;
}

static status deallocate(struct sql_session *s, const PgQuery__DeallocateStmt *stmt,
                         const char **tag)
{
    bool all = stmt->name == NULL || stmt->name[0] == '\0';

    *tag = all ? "DEALLOCATE ALL" : "DEALLOCATE";
    if (all) {
        session_close_all_statements(s);
        return STATUS_OK;
    }
    if (prepared_find(s, stmt->name) == NULL)
        return statement_missing(stmt->name);
    session_close_statement(s, stmt->name);
    return STATUS_OK;
}

/* ---- cursors
 * ---------------------------------------------------------------------------------------------------------
 */

enum { CURSOR_BINARY = 1 << 0, CURSOR_SCROLL = 1 << 1, CURSOR_HOLD = 1 << 5 };

static void make_binary(struct portal *x)
{
    size_t   count;
    int16_t *formats;

    prepared_columns(x->statement, &count);
    formats = ARENA_ARRAY(x->arena, int16_t, count);
    for (size_t i = 0; i < count; i++)
        formats[i] = 1;
    x->formats = formats;
    x->binary = true;
}

static status declare_cursor(struct sql_session *s, const PgQuery__DeclareCursorStmt *stmt,
                             slice text)
{
    struct prepared    *p;
    struct portal      *x;
    struct parse_result parsed;
    status              st;

    if (stmt->options & CURSOR_HOLD)
        return status_new(ST_FEATURE_NOT_SUPPORTED,
                          "DECLARE CURSOR ... WITH HOLD is not supported");
    if (stmt->options & CURSOR_SCROLL)
        return status_new(ST_FEATURE_NOT_SUPPORTED, "DECLARE SCROLL CURSOR is not supported");
    if (s->block != BLOCK_EXPLICIT)
        return status_new(ST_NO_ACTIVE_TRANSACTION,
                          "DECLARE CURSOR can only be used in transaction blocks");
    if (portal_find(s, stmt->portalname) != NULL)
        return status_new(ST_DUPLICATE_CURSOR, "cursor \"%s\" already exists", stmt->portalname);
    p = prepared_new(s, "");
    p->text = arena_copy(p->arena, text);
    TRY(st, parse_statements(s->server->env, p->arena, p->text, &parsed), out);
    p->node = parsed.statements[0].node->declare_cursor_stmt->query;
    prepared_inherit_params(s, p);
    TRY(st, prepared_plan(s, p), out);
    p->has_rows = true;
    x = portal_new(s, stmt->portalname, p);
    portal_inherit_params(s, x);
    if (stmt->options & CURSOR_BINARY)
        make_binary(x);
    st = portal_open(s, x);
    if (!st_ok(st))
        portal_free(s, x);
    else
        hmap_put(&s->portals, slice_cstr(x->name), x);

out:
    prepared_unref(p);
    return st;
}

static status cursor_missing(const char *name)
{
    return status_new(ST_INVALID_CURSOR_NAME, "cursor \"%s\" does not exist", name);
}

static status fetch_rows(struct sql_session *s, struct portal *x, uint64_t wanted, bool silent,
                         const int16_t *formats, bool *suspended)
{
    const int16_t *own = x->formats;
    status         st;

    x->silent = silent;
    x->formats = formats;
    st = portal_send_rows(s, x, wanted, suspended);
    x->silent = false;
    x->formats = own;
    return st;
}

/* FETCH [FORWARD] n | ALL; MOVE likewise, without sending. */
static status fetch(struct sql_session *s, const PgQuery__FetchStmt *stmt, bool describe,
                    const char **tag)
{
    struct portal              *x = portal_find(s, stmt->portalname);
    const struct result_column *columns;
    size_t                      count;
    bool                        suspended = false;
    const int16_t              *formats;

    if (x == NULL)
        return cursor_missing(stmt->portalname);
    if (stmt->direction != PG_QUERY__FETCH_DIRECTION__FETCH_FORWARD || stmt->how_many < 0)
        return status_hint(status_new(ST_WRONG_STATE, "cursor can only scan forward"),
                           "Declare it with SCROLL option to enable backward scan.");
    if (x->statement->node == NULL || !statement_is_plannable(x->statement->node))
        return status_new(ST_WRONG_STATE, "portal \"%s\" cannot be run", x->name);
    TRY_RETURN(portal_open(s, x)); /* one of the protocol may not have run yet */
    columns = prepared_columns(x->statement, &count);
    formats = x->binary && describe ? x->formats : utility_formats(s, count);
    if (describe && !stmt->ismove)
        TRY_RETURN(s->sink->describe(s->sink, columns, count, formats));
    x->sent = 0;
    if (!x->done && stmt->how_many > 0) {
        uint64_t wanted = stmt->how_many >= INT32_MAX
                              ? 0
                              : (uint64_t)stmt->how_many; /* FETCH ALL is the largest number */

        TRY_RETURN(fetch_rows(s, x, wanted, stmt->ismove, formats, &suspended));
        x->row_count = execution_row_count(x->execution);
        x->done = !suspended;
    }
    *tag = arena_printf(s->scratch, "%s %llu", stmt->ismove ? "MOVE" : "FETCH",
                        (unsigned long long)x->sent);
    return STATUS_OK;
}

static status close_cursor(struct sql_session *s, const PgQuery__ClosePortalStmt *stmt,
                           const char **tag)
{
    bool all = stmt->portalname == NULL || stmt->portalname[0] == '\0';

    *tag = all ? "CLOSE CURSOR ALL" : "CLOSE CURSOR";
    if (all) {
        portals_close_all(s);
        return STATUS_OK;
    }
    if (portal_find(s, stmt->portalname) == NULL)
        return cursor_missing(stmt->portalname);
    session_close_portal(s, stmt->portalname);
    return STATUS_OK;
}

/* ---- the rest
 * -------------------------------------------------------------------------------------------------------------
 */

static status need_no_block(struct sql_session *s, const char *command)
{
    if (s->block == BLOCK_IMPLICIT && !s->several)
        return STATUS_OK;
    return status_new(ST_ACTIVE_TRANSACTION, "%s cannot run inside a transaction block", command);
}

static status discard(struct sql_session *s, const PgQuery__DiscardStmt *stmt, const char **tag)
{
    switch (stmt->target) {
    case PG_QUERY__DISCARD_MODE__DISCARD_ALL:
        *tag = "DISCARD ALL";
        TRY_RETURN(need_no_block(s, "DISCARD ALL"));
        session_close_all_statements(s);
        portals_close_all(s);
        settings_reset_all(s->settings);
        sequence_session_reset(s->context.sequences);
        return STATUS_OK;
    case PG_QUERY__DISCARD_MODE__DISCARD_PLANS:
        *tag = "DISCARD PLANS";
        s->settings_generation++;
        return STATUS_OK;
    case PG_QUERY__DISCARD_MODE__DISCARD_SEQUENCES:
        *tag = "DISCARD SEQUENCES";
        sequence_session_reset(s->context.sequences);
        return STATUS_OK;
    default:
        *tag = "DISCARD TEMP"; /* there are no temporary tables to drop */
        return STATUS_OK;
    }
}

static bool wants_analyze(const PgQuery__VacuumStmt *stmt)
{
    for (size_t i = 0; i < stmt->n_options; i++) {
        if (strcmp(stmt->options[i]->def_elem->defname, "analyze") == 0)
            return true;
    }
    return false;
}

static status analyze_table(struct sql_session *s, const struct table_desc *t)
{
    SCOPED(arena) struct arena *a = arena_new(s->heap, &s->account);

    return ddl_analyze(&s->context, a, t);
}

static status analyze_all(struct sql_session *s)
{
    const struct table_desc **list;
    size_t                    count;

    TRY_RETURN(catalog_list_tables(s->view, s->scratch, &list, &count));
    for (size_t i = 0; i < count; i++) {
        const struct table_desc *t;

        TRY_RETURN(catalog_table_by_oid(s->view, list[i]->oid, &t)); /* with a hold */
        if (t != NULL)
            TRY_RETURN(analyze_table(s, t));
    }
    return STATUS_OK;
}

static status vacuum(struct sql_session *s, const PgQuery__VacuumStmt *stmt, const char **tag)
{
    *tag = stmt->is_vacuumcmd ? "VACUUM" : "ANALYZE";
    if (stmt->is_vacuumcmd)
        TRY_RETURN(need_no_block(s, "VACUUM"));
    if (stmt->n_rels == 0)
        return !stmt->is_vacuumcmd || wants_analyze(stmt) ? analyze_all(s) : STATUS_OK;
    for (size_t i = 0; i < stmt->n_rels; i++) {
        const PgQuery__RangeVar *r = stmt->rels[i]->vacuum_relation->relation;
        const char              *schema = r->schemaname[0] != '\0' ? r->schemaname : NULL;
        const struct table_desc *t;

        TRY_RETURN(catalog_table_by_name(s->view, schema, r->relname, &t));
        if (t == NULL)
            return status_new(ST_UNDEFINED_TABLE, "relation \"%s\" does not exist", r->relname);
        if (!stmt->is_vacuumcmd || wants_analyze(stmt))
            TRY_RETURN(analyze_table(s, t));
    }
    return STATUS_OK; /* old versions are collected in the background, always: docs/limits.md */
}

/* Holds on descriptors come in two strengths. Modes that let others write share; the rest keep
 * everybody out, which is more than they ask for and never less. */
static status lock_tables(struct sql_session *s, const PgQuery__LockStmt *stmt)
{
    enum { ROW_EXCLUSIVE_LOCK = 3 };

    if (s->block != BLOCK_EXPLICIT)
        return status_new(ST_NO_ACTIVE_TRANSACTION,
                          "LOCK TABLE can only be used in transaction blocks");
    if (stmt->nowait)
        return status_new(ST_FEATURE_NOT_SUPPORTED, "LOCK TABLE ... NOWAIT is not supported");
    for (size_t i = 0; i < stmt->n_relations; i++) {
        const PgQuery__RangeVar *r = stmt->relations[i]->range_var;
        const char              *schema = r->schemaname[0] != '\0' ? r->schemaname : NULL;
        const struct table_desc *t;

        TRY_RETURN(stmt->mode <= ROW_EXCLUSIVE_LOCK
                       ? catalog_table_by_name(s->view, schema, r->relname, &t)
                       : catalog_table_by_name_for_change(s->view, schema, r->relname, &t));
        if (t == NULL)
            return status_new(ST_UNDEFINED_TABLE, "relation \"%s\" does not exist", r->relname);
    }
    return STATUS_OK;
}

static status run_ddl(struct sql_session *s, const PgQuery__Node *node, slice text,
                      const char **tag)
{
    const char       *alone = ddl_block_name(node);
    struct ddl_result r = {0};

    if (alone != NULL)
        TRY_RETURN(need_no_block(s, alone));
    TRY_RETURN(ddl_execute(&s->context, s->scratch, node, text.data, NULL, &r));
    *tag =
        r.has_rows ? arena_printf(s->scratch, "%s %llu", r.tag, (unsigned long long)r.rows) : r.tag;
    return STATUS_OK;
}

status utility_run(struct sql_session *s, const PgQuery__Node *node, slice text, bool describe,
                   const char **tag)
{
    uint64_t rows = 0;

    switch (node->node_case) {
    case PG_QUERY__NODE__NODE_TRANSACTION_STMT:
        return transaction_command(s, node->transaction_stmt, tag);
    case PG_QUERY__NODE__NODE_VARIABLE_SET_STMT:
        return set_variable(s, node->variable_set_stmt, tag);
    case PG_QUERY__NODE__NODE_VARIABLE_SHOW_STMT:
        *tag = "SHOW";
        return show_variable(s, node->variable_show_stmt, describe);
    case PG_QUERY__NODE__NODE_PREPARE_STMT:
        *tag = "PREPARE";
        return prepare(s, node->prepare_stmt, text);
    case PG_QUERY__NODE__NODE_EXECUTE_STMT:
        return execute(s, node->execute_stmt, text, describe, tag);
    case PG_QUERY__NODE__NODE_DEALLOCATE_STMT:
        return deallocate(s, node->deallocate_stmt, tag);
    case PG_QUERY__NODE__NODE_DECLARE_CURSOR_STMT:
        *tag = "DECLARE CURSOR";
        return declare_cursor(s, node->declare_cursor_stmt, text);
    case PG_QUERY__NODE__NODE_FETCH_STMT:
        return fetch(s, node->fetch_stmt, describe, tag);
    case PG_QUERY__NODE__NODE_CLOSE_PORTAL_STMT:
        return close_cursor(s, node->close_portal_stmt, tag);
    case PG_QUERY__NODE__NODE_EXPLAIN_STMT:
        *tag = "EXPLAIN";
        return session_explain(s, node->explain_stmt, text, describe);
    case PG_QUERY__NODE__NODE_COPY_STMT:
        TRY_RETURN(copy_run(s, node->copy_stmt, text, &rows));
        s->statement_rows = rows;
        *tag = arena_printf(s->scratch, "COPY %llu", (unsigned long long)rows);
        return STATUS_OK;
    case PG_QUERY__NODE__NODE_DISCARD_STMT:
        return discard(s, node->discard_stmt, tag);
    case PG_QUERY__NODE__NODE_VACUUM_STMT:
        return vacuum(s, node->vacuum_stmt, tag);
    case PG_QUERY__NODE__NODE_LOCK_STMT:
        *tag = "LOCK TABLE";
        return lock_tables(s, node->lock_stmt);
    case PG_QUERY__NODE__NODE_UNLISTEN_STMT:
        *tag = "UNLISTEN"; /* nothing is listened to, so there is nothing to end: connection pools
                              send this */
        return STATUS_OK;
    default:
        if (ddl_handles(node))
            return run_ddl(s, node, text, tag);
        return status_new(ST_FEATURE_NOT_SUPPORTED, "this statement is not supported");
    }
}

status utility_columns(struct sql_session *s, struct arena *a, const PgQuery__Node *node,
                       const struct result_column **columns, size_t *count, bool *has_rows)
{
    const char            *name, *value;
    const struct prepared *p;
    const struct portal   *x;

    *has_rows = false;
    *count = 0;
    switch (node->node_case) {
    case PG_QUERY__NODE__NODE_VARIABLE_SHOW_STMT:
        *has_rows = true;
        if (strcmp(node->variable_show_stmt->name, "all") == 0) {
            *count = 3;
            *columns = session_text_columns(a, show_all_names, 3);
            return STATUS_OK;
        }
        TRY_RETURN(show_name(s, node->variable_show_stmt->name, &name, &value));
        *count = 1;
        name = arena_strdup(a, name);
        *columns = session_text_columns(a, &name, 1);
        return STATUS_OK;
    case PG_QUERY__NODE__NODE_EXPLAIN_STMT:
        *has_rows = true;
        *count = 1;
        *columns = explain_columns(a, node->explain_stmt);
        return STATUS_OK;
    case PG_QUERY__NODE__NODE_EXECUTE_STMT:
        p = prepared_find(s, node->execute_stmt->name);
        if (p == NULL)
            return statement_missing(node->execute_stmt->name);
        *has_rows = p->has_rows;
        *columns = prepared_columns(p, count);
        return STATUS_OK;
    case PG_QUERY__NODE__NODE_FETCH_STMT:
        x = portal_find(s, node->fetch_stmt->portalname);
        if (x == NULL)
            return cursor_missing(node->fetch_stmt->portalname);
        *has_rows = !node->fetch_stmt->ismove;
        *columns = prepared_columns(x->statement, count);
        return STATUS_OK;
    default:
        return STATUS_OK;
    }
}
