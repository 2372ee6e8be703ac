/* EXPLAIN: its options, and what it sends. */
#include <string.h>

#include "base/assert.h"
#include "env/env.h"
#include "sql/exec/exec.h"
#include "sql/plan/plan.h"
#include "sql/session/session_internal.h"
#include "sql/types/type.h"

static bool option_on(const PgQuery__DefElem *o)
{
    const char *value;

    if (o->arg == NULL)
        return true;
    if (o->arg->node_case == PG_QUERY__NODE__NODE_STRING) {
        value = o->arg->string->sval;
        return strcmp(value, "off") != 0 && strcmp(value, "false") != 0 && strcmp(value, "0") != 0;
    }
    return !(o->arg->node_case == PG_QUERY__NODE__NODE_INTEGER && o->arg->integer->ival == 0);
}

static status format_option(const PgQuery__DefElem *o, struct explain_options *out)
{
    const char *name = o->arg != NULL && o->arg->node_case == PG_QUERY__NODE__NODE_STRING
                           ? o->arg->string->sval
                           : "";

    if (strcmp(name, "text") == 0)
        out->format = EXPLAIN_TEXT;
    else if (strcmp(name, "json") == 0)
        out->format = EXPLAIN_JSON;
    else if (strcmp(name, "yaml") == 0 || strcmp(name, "xml") == 0)
        return status_new(ST_FEATURE_NOT_SUPPORTED, "EXPLAIN (FORMAT %s) is not supported",
                          strcmp(name, "xml") == 0 ? "XML" : "YAML");
    else
        return status_new(ST_INVALID_PARAMETER_VALUE,
                          "unrecognized value for EXPLAIN option \"format\": \"%s\"", name);
    return STATUS_OK;
}

static bool named(const PgQuery__DefElem *o, const char *name)
{
    return strcmp(o->defname, name) == 0;
}

static status explain_options(const PgQuery__ExplainStmt *stmt, struct explain_options *out)
{
    bool has_timing = false, has_summary = false;

    *out = (struct explain_options){.costs = true};
    for (size_t i = 0; i < stmt->n_options; i++) {
        const PgQuery__DefElem *o = stmt->options[i]->def_elem;

        if (named(o, "analyze")) {
            out->analyze = option_on(o);
        } else if (named(o, "verbose")) {
            out->verbose = option_on(o);
        } else if (named(o, "costs")) {
            out->costs = option_on(o);
        } else if (named(o, "timing")) {
            out->timing = option_on(o);
            has_timing = true;
        } else if (named(o, "summary")) {
            out->summary = option_on(o);
            has_summary = true;
        } else if (named(o, "format")) {
            TRY_RETURN(format_option(o, out));
        } else if (named(o, "buffers") || named(o, "wal") || named(o, "settings")) {
            if (option_on(o))
                return status_new(ST_FEATURE_NOT_SUPPORTED,
                                  "EXPLAIN option \"%s\" is not supported", o->defname);
        } else {
            return status_new(ST_SYNTAX_ERROR, "unrecognized EXPLAIN option \"%s\"", o->defname);
        }
    }
    if (has_timing && out->timing && !out->analyze)
        return status_new(ST_INVALID_PARAMETER_VALUE, "EXPLAIN option TIMING requires ANALYZE");
    out->timing = has_timing ? out->timing : out->analyze;
    out->summary = has_summary ? out->summary : out->analyze;
    return STATUS_OK;
}

static const char *const explain_names[] = {"QUERY PLAN"};

const struct result_column *explain_columns(struct arena *a, const PgQuery__ExplainStmt *stmt)
{
    struct explain_options      options;
    const struct result_column *text = session_text_columns(a, explain_names, 1);
    struct result_column       *json;
    status                      st = explain_options(stmt, &options);

    if (!st_ok(st) || options.format != EXPLAIN_JSON) {
        st_clear(st); /* said when it runs */
        return text;
    }
    json = ARENA_NEW(a, struct result_column);
    *json = *text;
    json->type = OID_JSON;
    return json;
}

/* One row a line; JSON is one value. */
static status send_plan(struct sql_session *s, struct buf *text, bool json, bool describe,
                        const struct result_column *columns)
{
    const char **lines;
    size_t       count = 0;
    char        *at = arena_cstr(s->scratch, buf_slice(text));

    if (describe)
        TRY_RETURN(s->sink->describe(s->sink, columns, 1, NULL));
    if (json) {
        const char *whole = at;

        return send_text_rows(s, explain_names, 1, &whole, 1, false);
    }
    for (const char *p = at; *p != '\0'; p++)
        count += *p == '\n';
    lines = ARENA_ARRAY(s->scratch, const char *, count + 1);
    for (size_t i = 0; i < count; i++) {
        char *end = strchr(at, '\n');

        *end = '\0';
        lines[i] = at;
        at = end + 1;
    }
    return send_text_rows(s, explain_names, 1, lines, count, false);
}

static status drain(struct execution *x)
{
    for (;;) {
        const struct batch *b;
        status              st = execution_next(x, 0, &b);

        if (status_code(st) == ST_NO_DATA)
            return STATUS_OK;
        if (!st_ok(st))
            return st;
    }
}

static status run_instrumented(struct sql_session *s, const struct plan *p,
                               struct explain_options *o, struct execution **x)
{
    const struct portal *outer = s->utility; /* its parameters are the query's */
    uint64_t             start = env_mono_us(s->context.env);

    TRY_RETURN(execution_open(&s->context, p, outer != NULL ? outer->params : NULL,
                              outer != NULL ? outer->param_nulls : NULL,
                              outer != NULL ? outer->param_count : 0, &s->account, true, x));
    TRY_RETURN(drain(*x));
    o->execution_us = env_mono_us(s->context.env) - start;
    return STATUS_OK;
}

status session_explain(struct sql_session *s, const PgQuery__ExplainStmt *stmt, slice text,
                       bool describe)
{
    struct explain_options options;
    struct prepared       *p;
    struct execution      *x = NULL;
    struct buf             out;
    uint64_t               start = env_mono_us(s->context.env);
    status                 st;

    TRY_RETURN(explain_options(stmt, &options));
    if (!statement_is_plannable(stmt->query))
        return status_new(ST_FEATURE_NOT_SUPPORTED,
                          "EXPLAIN supports only SELECT, VALUES, INSERT, UPDATE and DELETE");
    buf_init(&out, s->heap);
    p = prepared_new(s, "");
    p->text = text;
    p->node = stmt->query;
    prepared_inherit_params(s, p);
    TRY(st, prepared_plan(s, p), out);
    options.planning_us = env_mono_us(s->context.env) - start;
    if (options.analyze)
        TRY(st, run_instrumented(s, p->planned->plan, &options, &x), out);
    TRY(st, plan_explain(&s->context, p->planned->plan, x, &options, &out), out);
    TRY(st,
        send_plan(s, &out, options.format == EXPLAIN_JSON, describe,
                  explain_columns(s->scratch, stmt)),
        out);

out:
    execution_close(x);
    prepared_unref(p);
    buf_deinit(&out);
    return st;
}
