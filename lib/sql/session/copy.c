/* COPY: its options, its columns, and TO STDOUT, which runs the plan of a SELECT. */
#include <stdio.h>
#include <strings.h>

#include "base/assert.h"
#include "sql/catalog/catalog.h"
#include "sql/session/copy_binary.h"
#include "sql/session/copy_internal.h"
#include "sql/types/string.h"
#include "sql/types/type.h"

/* ---- options
 * ------------------------------------------------------------------------------------------------------------
 */

static status one_character(const char *what, const PgQuery__DefElem *o, char *out)
{
    if (o->arg == NULL || o->arg->node_case != PG_QUERY__NODE__NODE_STRING ||
        strlen(o->arg->string->sval) != 1)
        return status_new(ST_FEATURE_NOT_SUPPORTED, "COPY %s must be a single one-byte character",
                          what);
    *out = o->arg->string->sval[0];
    return STATUS_OK;
}

static bool truth(const PgQuery__DefElem *o)
{
    const char *v;

    if (o->arg == NULL)
        return true;
    if (o->arg->node_case == PG_QUERY__NODE__NODE_INTEGER)
        return o->arg->integer->ival != 0;
    if (o->arg->node_case == PG_QUERY__NODE__NODE_BOOLEAN)
        return o->arg->boolean->boolval;
    v = o->arg->node_case == PG_QUERY__NODE__NODE_STRING ? o->arg->string->sval : "on";
    return strcasecmp(v, "off") != 0 && strcasecmp(v, "false") != 0 && strcmp(v, "0") != 0;
}

static status column_set(struct copy *c, const PgQuery__DefElem *o, const bool **out)
{
    bool *set = ARENA_ARRAY(c->arena, bool, c->name_count);

    *out = set;
    if (o->arg != NULL && o->arg->node_case == PG_QUERY__NODE__NODE_A_STAR) {
        memset(set, 1, c->name_count);
        return STATUS_OK;
    }
    for (size_t i = 0; o->arg != NULL && i < o->arg->list->n_items; i++) {
        const char *name = o->arg->list->items[i]->string->sval;
        size_t      k = 0;

        while (k < c->name_count && strcmp(c->names[k], name) != 0)
            k++;
        if (k == c->name_count)
            return status_new(ST_INVALID_COLUMN_REFERENCE, "column \"%s\" not referenced by COPY",
                              name);
        set[k] = true;
    }
    return STATUS_OK;
}

static status set_option(struct copy *c, const PgQuery__DefElem *o)
{
    struct copy_options *p = &c->options;

    if (strcmp(o->defname, "format") == 0) {
        const char *name = o->arg->string->sval;

        p->csv = strcmp(name, "csv") == 0;
        p->binary = strcmp(name, "binary") == 0;
        if (!p->csv && !p->binary && strcmp(name, "text") != 0)
            return status_new(ST_INVALID_PARAMETER_VALUE, "COPY format \"%s\" not recognized",
                              name);
    } else if (strcmp(o->defname, "delimiter") == 0) {
        return one_character("delimiter", o, &p->delimiter);
    } else if (strcmp(o->defname, "null") == 0) {
        p->null_text = o->arg->string->sval;
    } else if (strcmp(o->defname, "header") == 0) {
        p->header_match = o->arg != NULL && o->arg->node_case == PG_QUERY__NODE__NODE_STRING &&
                          strcasecmp(o->arg->string->sval, "match") == 0;
        p->header = p->header_match || truth(o);
    } else if (strcmp(o->defname, "quote") == 0) {
        return one_character("quote", o, &p->quote);
    } else if (strcmp(o->defname, "escape") == 0) {
        return one_character("escape", o, &p->escape);
    } else if (strcmp(o->defname, "force_quote") == 0) {
        return column_set(c, o, &p->force_quote);
    } else if (strcmp(o->defname, "force_null") == 0) {
        return column_set(c, o, &p->force_null);
    } else if (strcmp(o->defname, "force_not_null") == 0) {
        return column_set(c, o, &p->force_not_null);
    } else if (strcmp(o->defname, "freeze") == 0) {
        return STATUS_OK; /* a hint on how PostgreSQL stores the rows; rows are stored frozen here
                             anyway */
    } else if (strcmp(o->defname, "encoding") == 0) {
        if (strcasecmp(o->arg->string->sval, "utf8") != 0 &&
            strcasecmp(o->arg->string->sval, "utf-8") != 0)
            return status_new(ST_FEATURE_NOT_SUPPORTED,
                              "COPY in an encoding other than UTF8 is not supported");
    } else {
        return status_new(ST_SYNTAX_ERROR, "option \"%s\" not recognized", o->defname);
    }
    return STATUS_OK;
}

/* Options of the text forms are not for the binary one. */
static status check_binary(const PgQuery__DefElem *o)
{
    static const struct {
        const char      *option, *word;
        enum status_code code;
    } refused[] = {
        {"delimiter", "DELIMITER", ST_SYNTAX_ERROR},
        {"null", "NULL", ST_SYNTAX_ERROR},
        {"header", "HEADER", ST_FEATURE_NOT_SUPPORTED},
    };

    for (size_t i = 0; i < ARRAY_LEN(refused); i++) {
        if (strcmp(o->defname, refused[i].option) == 0)
            return status_new(refused[i].code, "cannot specify %s in BINARY mode", refused[i].word);
    }
    return STATUS_OK;
}

static status set_options(struct copy *c)
{
    /* The format first: the other defaults hang on it. */
    for (int pass = 0; pass < 2; pass++) {
        for (size_t i = 0; i < c->stmt->n_options; i++) {
            const PgQuery__DefElem *o = c->stmt->options[i]->def_elem;

            if ((strcmp(o->defname, "format") == 0) != (pass == 0))
                continue;
            TRY_RETURN(set_option(c, o));
            if (c->options.binary)
                TRY_RETURN(check_binary(o));
        }
        if (pass == 0) {
            c->options.delimiter = c->options.csv ? ',' : '\t';
            c->options.null_text = c->options.csv ? "" : "\\N";
            c->options.quote = '"';
        }
    }
    if (c->options.escape == '\0')
        c->options.escape = c->options.quote;
    return STATUS_OK;
}

/* ---- what is copied
 * ------------------------------------------------------------------------------------------------------
 */

const char *copy_quoted(struct arena *a, const char *name)
{
    char *out = arena_alloc(a, strlen(name) * 2 + 3), *at = out;

    *at++ = '"';
    for (; *name != '\0'; name++) {
        if (*name == '"')
            *at++ = '"';
        *at++ = *name;
    }
    *at++ = '"';
    *at = '\0';
    return out;
}

static status resolve_columns(struct copy *c)
{
    const struct table_desc *t = c->table;

    c->columns =
        ARENA_ARRAY(c->arena, const struct column_desc *, t->column_count + c->stmt->n_attlist);
    for (size_t i = 0; i < c->stmt->n_attlist; i++) {
        const char *name = c->stmt->attlist[i]->string->sval;

        c->columns[i] = table_column_by_name(t, name);
        if (c->columns[i] == NULL)
            return status_new(ST_UNDEFINED_COLUMN,
                              "column \"%s\" of relation \"%s\" does not exist", name, t->name);
        if (c->columns[i]->generated_stored)
            return status_detail(status_new(ST_INVALID_COLUMN_REFERENCE,
                                            "column \"%s\" is a generated column", name),
                                 "Generated columns cannot be used in COPY.");
        for (size_t k = 0; k < i; k++) {
            if (c->columns[k] == c->columns[i])
                return status_new(ST_DUPLICATE_COLUMN, "column \"%s\" specified more than once",
                                  name);
        }
        c->column_count++;
    }
    for (size_t i = 0; c->stmt->n_attlist == 0 && i < t->column_count; i++) {
        if (!t->columns[i].dropped && !t->columns[i].generated_stored)
            c->columns[c->column_count++] = &t->columns[i];
    }
    c->names = ARENA_ARRAY(c->arena, const char *, c->column_count);
    for (c->name_count = 0; c->name_count < c->column_count; c->name_count++)
        c->names[c->name_count] = c->columns[c->name_count]->name;
    return STATUS_OK;
}

/* Plan a statement written here, or, with `text` NULL, the query of COPY (query) TO. */
status copy_plan(struct copy *c, const char *text, slice whole)
{
    struct prepared    *p = prepared_new(c->s, "");
    struct parse_result parsed;

    c->plan = p;
    if (text == NULL) {
        p->text = whole;
        p->node = c->stmt->query;
    } else {
        p->text = arena_copy(p->arena, slice_cstr(text));
        TRY_RETURN(parse_statements(c->s->server->env, p->arena, p->text, &parsed));
        p->node = parsed.statements[0].node;
    }
    if (!statement_is_plannable(p->node))
        return status_new(ST_FEATURE_NOT_SUPPORTED, "COPY of this statement is not supported");
    p->has_rows = true;
    return prepared_plan(c->s, p);
}

static status resolve_query(struct copy *c, slice whole)
{
    const struct result_column *columns;

    TRY_RETURN(copy_plan(c, NULL, whole));
    columns = plan_result_columns(c->plan->planned->plan, &c->name_count);
    c->names = ARENA_ARRAY(c->arena, const char *, c->name_count);
    for (size_t i = 0; i < c->name_count; i++)
        c->names[i] = columns[i].name;
    return STATUS_OK;
}

static status resolve(struct copy *c, slice whole)
{
    const PgQuery__RangeVar *r = c->stmt->relation;

    if (r == NULL)
        return resolve_query(c, whole);
    TRY_RETURN(catalog_table_by_name(c->s->view, r->schemaname[0] != '\0' ? r->schemaname : NULL,
                                     r->relname, &c->table));
    if (c->table == NULL)
        return status_new(ST_UNDEFINED_TABLE, "relation \"%s\" does not exist", r->relname);
    if (c->table->kind != RELATION_TABLE)
        return status_hint(
            status_new(ST_WRONG_OBJECT_TYPE, "cannot copy %s \"%s\"",
                       c->table->kind == RELATION_VIEW ? "view" : "non-table relation", r->relname),
            "Try the COPY (SELECT ...) TO variant.");
    return resolve_columns(c);
}

const char *copy_relation_text(struct copy *c)
{
    const PgQuery__RangeVar *r = c->stmt->relation;

    if (r->schemaname[0] == '\0')
        return copy_quoted(c->arena, r->relname);
    return arena_printf(c->arena, "%s.%s", copy_quoted(c->arena, r->schemaname),
                        copy_quoted(c->arena, r->relname));
}

/* ---- TO
 * --------------------------------------------------------------------------------------------------------------------
 */

static status put_row(struct copy *c, const struct batch *b, size_t row, struct buf *line,
                      struct buf *cell)
{
    buf_reset(line);
    for (size_t i = 0; i < b->column_count; i++) {
        const struct column *column = &b->columns[i];
        bool                 is_null = column->may_be_null && column->nulls[row];
        const struct type   *t = type_by_oid(column->type);

        buf_reset(cell);
        if (!is_null)
            TRY_RETURN(t->output(&c->s->context, t, column->values[row], cell));
        if (i > 0)
            buf_put_u8(line, (uint8_t)c->options.delimiter);
        copy_put_field(&c->options, line, buf_slice(cell), is_null,
                       c->options.force_quote != NULL && c->options.force_quote[i]);
    }
    buf_put_u8(line, '\n');
    return c->s->sink->copy_out_row(c->s->sink, buf_slice(line));
}

static status put_binary_row(struct copy *c, const struct batch *b, size_t row, struct buf *line)
{
    buf_put_u16be(line, (uint16_t)b->column_count);
    for (size_t i = 0; i < b->column_count; i++) {
        const struct column *column = &b->columns[i];
        const struct type   *t = type_by_oid(column->type);
        size_t               at = line->size;

        buf_put_u32be(line, UINT32_MAX); /* null, unless a value follows */
        if (column->may_be_null && column->nulls[row])
            continue;
        TRY_RETURN(t->send(&c->s->context, t, column->values[row], line));
        put_u32be(line->data + at, (uint32_t)(line->size - at - 4));
    }
    TRY_RETURN(c->s->sink->copy_out_row(c->s->sink, buf_slice(line)));
    buf_reset(line); /* not before: the first row goes with the header, as from PostgreSQL */
    return STATUS_OK;
}

static status put_header(struct copy *c, const struct result_column *columns, size_t count,
                         struct buf *line)
{
    for (size_t i = 0; i < count; i++) {
        if (i > 0)
            buf_put_u8(line, (uint8_t)c->options.delimiter);
        copy_put_field(&c->options, line, slice_cstr(columns[i].name), false, false);
    }
    buf_put_u8(line, '\n');
    return c->s->sink->copy_out_row(c->s->sink, buf_slice(line));
}

static status send_all(struct copy *c, struct portal *x, struct buf *line, struct buf *cell,
                       uint64_t *rows)
{
    for (;;) {
        const struct batch *b;
        status              st = execution_next(x->execution, 0, &b);

        if (status_code(st) == ST_NO_DATA)
            return STATUS_OK;
        if (!st_ok(st))
            return st;
        for (size_t i = 0; i < batch_live_count(b); i++)
            TRY_RETURN(c->options.binary ? put_binary_row(c, b, batch_live_row(b, i), line)
                                         : put_row(c, b, batch_live_row(b, i), line, cell));
        *rows += batch_live_count(b);
        TRY_RETURN(sql_check_interrupts(&c->s->context));
    }
}

enum copy_format copy_format_of(const struct copy *c)
{
    return c->options.binary ? COPY_BINARY : c->options.csv ? COPY_CSV : COPY_TEXT;
}

static status plan_select(struct copy *c)
{
    const char *list = "";

    for (size_t i = 0; i < c->column_count; i++)
        list = arena_printf(c->arena, "%s%s%s", list, i > 0 ? ", " : "",
                            copy_quoted(c->arena, c->columns[i]->name));
    return copy_plan(c, arena_printf(c->arena, "SELECT %s FROM %s", list, copy_relation_text(c)),
                     SLICE_EMPTY);
}

static status copy_to(struct copy *c, uint64_t *rows)
{
    const struct result_column *columns;
    struct portal              *x;
    struct buf                  line, cell;
    size_t                      count;
    status                      st;

    if (c->table != NULL)
        TRY_RETURN(plan_select(c));
    columns = plan_result_columns(c->plan->planned->plan, &count);
    x = portal_new(c->s, "", c->plan);
    buf_init(&line, c->s->heap);
    buf_init(&cell, c->s->heap);
    TRY(st, portal_open(c->s, x), out);
    TRY(st, c->s->sink->copy_out_begin(c->s->sink, copy_format_of(c), count), out);
    if (c->options.binary)
        copy_binary_put_header(&line);
    if (c->options.header)
        TRY(st, put_header(c, columns, count, &line), out);
    TRY(st, send_all(c, x, &line, &cell, rows), out);
    if (c->options.binary) {
        copy_binary_put_trailer(&line);
        TRY(st, c->s->sink->copy_out_row(c->s->sink, buf_slice(&line)), out);
    }
    st = c->s->sink->copy_out_end(c->s->sink);

out:
    buf_deinit(&line);
    buf_deinit(&cell);
    portal_free(c->s, x);
    return st;
}

/* ---- the whole
 * ------------------------------------------------------------------------------------------------------
 */

status copy_run(struct sql_session *s, const PgQuery__CopyStmt *stmt, slice text, uint64_t *rows)
{
    SCOPED(arena) struct arena *a = arena_new(s->heap, &s->account);
    struct copy                 c = {.s = s, .arena = a, .stmt = stmt};
    status                      st;

    if (stmt->filename[0] != '\0' || stmt->is_program)
        return status_hint(
            status_new(ST_FEATURE_NOT_SUPPORTED,
                       "COPY to or from a file or program of the server is not supported"),
            "Use COPY ... FROM STDIN or TO STDOUT; psql's \\copy does.");
    TRY(st, resolve(&c, text), out);
    TRY(st, set_options(&c), out);
    st = stmt->is_from ? copy_from(&c, rows) : copy_to(&c, rows);

out:
    prepared_unref(c.plan);
    return st;
}
