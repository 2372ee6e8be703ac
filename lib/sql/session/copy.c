/* COPY FROM STDIN and TO STDOUT. Rows of FROM go through the same plan as INSERT ... VALUES ($1,
 * ...), so that defaults, constraints and indexes cannot differ (pitfall P8); TO runs the plan of a
 * SELECT. */
#include <stdio.h>
#include <strings.h>

#include "base/assert.h"
#include "sql/catalog/catalog.h"
#include "sql/session/copy_binary.h"
#include "sql/session/copy_format.h"
#include "sql/session/session_internal.h"
#include "sql/types/string.h"
#include "sql/types/type.h"

enum { CONTEXT_TEXT_MAX = 100 };

struct copy {
    struct sql_session        *s;
    struct arena              *arena; /* of the statement */
    const PgQuery__CopyStmt   *stmt;
    const struct table_desc   *table; /* NULL: COPY (query) TO */
    size_t                     column_count;
    const struct column_desc **columns; /* in the order of the COPY's list; NULL with a query */
    struct copy_options        options;
    struct prepared           *plan;
};

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
    bool *set = ARENA_ARRAY(c->arena, bool, c->column_count);

    *out = set;
    if (o->arg != NULL && o->arg->node_case == PG_QUERY__NODE__NODE_A_STAR) {
        memset(set, 1, c->column_count);
        return STATUS_OK;
    }
    for (size_t i = 0; o->arg != NULL && i < o->arg->list->n_items; i++) {
        const char *name = o->arg->list->items[i]->string->sval;
        size_t      k = 0;

        while (k < c->column_count && c->columns != NULL && strcmp(c->columns[k]->name, name) != 0)
            k++;
        if (k == c->column_count || c->columns == NULL)
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

static const char *quoted(struct arena *a, const char *name)
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
        c->column_count++;
    }
    for (size_t i = 0; c->stmt->n_attlist == 0 && i < t->column_count; i++) {
        if (!t->columns[i].dropped && !t->columns[i].generated_stored)
            c->columns[c->column_count++] = &t->columns[i];
    }
    return STATUS_OK;
}

static status resolve(struct copy *c)
{
    const PgQuery__RangeVar *r = c->stmt->relation;

    if (r == NULL)
        return STATUS_OK;
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

static const char *relation_text(struct copy *c)
{
    const PgQuery__RangeVar *r = c->stmt->relation;

    if (r->schemaname[0] == '\0')
        return quoted(c->arena, r->relname);
    return arena_printf(c->arena, "%s.%s", quoted(c->arena, r->schemaname),
                        quoted(c->arena, r->relname));
}

/* Plan a statement written here, or, with `text` NULL, the query of COPY (query) TO. */
static status plan(struct copy *c, const char *text, slice whole)
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
                       c->options.force_quote != NULL && i < c->column_count &&
                           c->options.force_quote[i]);
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

static enum copy_format format_of(const struct copy *c)
{
    return c->options.binary ? COPY_BINARY : c->options.csv ? COPY_CSV : COPY_TEXT;
}

static status copy_to(struct copy *c, slice whole, uint64_t *rows)
{
    const struct result_column *columns;
    struct portal              *x;
    struct buf                  line, cell;
    size_t                      count;
    const char                 *text = NULL;
    status                      st;

    if (c->table != NULL) {
        const char *list = "";

        for (size_t i = 0; i < c->column_count; i++)
            list = arena_printf(c->arena, "%s%s%s", list, i > 0 ? ", " : "",
                                quoted(c->arena, c->columns[i]->name));
        text = arena_printf(c->arena, "SELECT %s FROM %s", list, relation_text(c));
    }
    TRY_RETURN(plan(c, text, whole));
    columns = plan_result_columns(c->plan->planned->plan, &count);
    x = portal_new(c->s, "", c->plan);
    buf_init(&line, c->s->heap);
    buf_init(&cell, c->s->heap);
    TRY(st, portal_open(c->s, x), out);
    TRY(st, c->s->sink->copy_out_begin(c->s->sink, format_of(c), count), out);
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

/* ---- FROM
 * -------------------------------------------------------------------------------------------------------------------
 */

/* The place of an error within its line, and the text there as far as PostgreSQL shows it. */
static status with_text(status st, const char *place, slice text)
{
    size_t size = MIN(text.size, (size_t)CONTEXT_TEXT_MAX);

    while (size < text.size && size > 0 && ((uint8_t)text.data[size] & 0xc0) == 0x80)
        size--; /* not through a character */
    return status_context(st, "%s: \"%.*s%s\"", place, (int)size, text.data,
                          size < text.size ? "..." : "");
}

static status decode_fields(struct copy *c, struct arena *a, const struct copy_field *fields,
                            size_t count, datum *values, bool *nulls)
{
    for (size_t i = 0; i < count; i++) {
        const struct column_desc *column = c->columns[i];
        const struct type        *t = type_by_oid(column->type);
        status                    st;

        nulls[i] = fields[i].is_null;
        if (nulls[i])
            continue;
        st = t->input(&c->s->context, a, t, fields[i].text, column->typmod, &values[i]);
        if (!st_ok(st))
            return with_text(st, arena_printf(a, ", column %s", column->name), fields[i].text);
    }
    return STATUS_OK;
}

static status insert_row(struct copy *c, const datum *values, const bool *nulls)
{
    struct mem_account  account;
    struct execution   *x;
    const struct batch *b;
    status              st;

    mem_account_init(&account, &c->s->account, "query", 0);
    TRY_RETURN(execution_open(&c->s->context, c->plan->planned->plan, values, nulls,
                              c->column_count, &account, false, &x));
    do {
        st = execution_next(x, 0, &b);
    } while (st_ok(st));
    execution_close(x);
    return status_code(st) == ST_NO_DATA ? STATUS_OK : st;
}

static status copy_line(struct copy *c, struct arena *a, slice line, datum *values, bool *nulls)
{
    struct copy_field *fields;
    size_t             count;
    status             st = copy_split(&c->options, a, line, &fields, &count);

    if (st_ok(st) && c->column_count == 0 && line.size == 0)
        count = 0;
    if (st_ok(st) && count > c->column_count)
        st = status_new(ST_BAD_COPY_FILE, "extra data after last expected column");
    if (!st_ok(st))
        return with_text(st, "", line);
    TRY_RETURN(decode_fields(c, a, fields, count, values, nulls));
    if (count < c->column_count)
        return with_text(
            status_new(ST_BAD_COPY_FILE, "missing data for column \"%s\"", c->columns[count]->name),
            "", line);
    return insert_row(c, values, nulls);
}

static status check_header(struct copy *c, struct arena *a, slice line)
{
    struct copy_field *fields;
    size_t             count;

    if (!c->options.header_match)
        return STATUS_OK;
    TRY_RETURN(copy_split(&c->options, a, line, &fields, &count));
    for (size_t i = 0; i < MAX(count, c->column_count); i++) {
        if (i >= count || i >= c->column_count ||
            !slice_eq_cstr(fields[i].text, c->columns[i]->name))
            return status_new(ST_BAD_COPY_FILE, "column name mismatch in header line field %zu",
                              i + 1);
    }
    return STATUS_OK;
}

static status in_line(const struct copy *c, status st, uint64_t line)
{
    const char *inner = status_fields(st)->context;

    return status_context(st, "COPY %s, line %llu%s", c->table->name, (unsigned long long)line,
                          inner != NULL ? inner : "");
}

static status copy_lines(struct copy *c, struct copy_reader *r, bool at_end, struct arena *a,
                         datum *values, bool *nulls, uint64_t *rows)
{
    slice line;

    while (copy_reader_line(r, at_end, &line)) {
        status st;

        if (r->line == 1 && c->options.header) {
            TRY_RETURN(check_header(c, a, line));
            continue;
        }
        st = string_check(line);
        if (st_ok(st))
            st = copy_line(c, a, line, values, nulls);
        if (!st_ok(st))
            return in_line(c, st, r->line);
        ++*rows;
        arena_reset(a);
    }
    return STATUS_OK;
}

static status read_all(struct copy *c, struct copy_reader *r, struct arena *a, uint64_t *rows)
{
    datum *values = ARENA_ARRAY(c->arena, datum, c->column_count);
    bool  *nulls = ARENA_ARRAY(c->arena, bool, c->column_count);

    for (;;) {
        slice  piece;
        status st = c->s->sink->copy_in_read(c->s->sink, &piece);

        if (status_code(st) == ST_NO_DATA)
            return copy_lines(c, r, true, a, values, nulls, rows);
        if (!st_ok(st))
            return st;
        copy_reader_feed(r, piece);
        TRY_RETURN(copy_lines(c, r, false, a, values, nulls, rows));
        TRY_RETURN(sql_check_interrupts(&c->s->context));
    }
}

static status receive_fields(struct copy *c, struct arena *a, const struct copy_field *fields,
                             datum *values, bool *nulls)
{
    for (size_t i = 0; i < c->column_count; i++) {
        const struct column_desc *column = c->columns[i];
        const struct type        *t = type_by_oid(column->type);
        status                    st;

        nulls[i] = fields[i].is_null;
        if (nulls[i])
            continue;
        st = t->receive(&c->s->context, a, t, fields[i].text, column->typmod, &values[i]);
        if (!st_ok(st))
            return status_context(st, ", column %s", column->name);
    }
    return STATUS_OK;
}

static status copy_binary_rows(struct copy *c, struct copy_binary_reader *r, bool at_end,
                               struct arena *a, struct copy_field *fields, datum *values,
                               bool *nulls, uint64_t *rows)
{
    for (;;) {
        bool   found;
        status st = copy_binary_row(r, at_end, fields, c->column_count, &found);

        if (st_ok(st) && !found)
            return STATUS_OK;
        if (st_ok(st))
            st = receive_fields(c, a, fields, values, nulls);
        if (st_ok(st))
            st = insert_row(c, values, nulls);
        if (!st_ok(st))
            return in_line(c, st, r->row);
        ++*rows;
        arena_reset(a);
    }
}

static status read_binary(struct copy *c, struct arena *a, uint64_t *rows)
{
    struct copy_field        *fields = ARENA_ARRAY(c->arena, struct copy_field, c->column_count);
    datum                    *values = ARENA_ARRAY(c->arena, datum, c->column_count);
    bool                     *nulls = ARENA_ARRAY(c->arena, bool, c->column_count);
    struct copy_binary_reader r;
    bool                      at_end = false;
    status                    st = STATUS_OK;

    copy_binary_reader_init(&r, c->s->heap);
    while (st_ok(st) && !at_end) {
        slice piece;

        st = c->s->sink->copy_in_read(c->s->sink, &piece);
        at_end = status_code(st) == ST_NO_DATA;
        if (at_end)
            st = STATUS_OK;
        else if (st_ok(st))
            copy_binary_reader_feed(&r, piece);
        if (st_ok(st))
            st = copy_binary_rows(c, &r, at_end, a, fields, values, nulls, rows);
        if (st_ok(st))
            st = sql_check_interrupts(&c->s->context);
    }
    copy_binary_reader_deinit(&r);
    return st;
}

static status copy_from(struct copy *c, uint64_t *rows)
{
    SCOPED(arena) struct arena *a = arena_new(c->s->heap, &c->s->account);
    struct copy_reader          r;
    const char                 *list = "", *values = "", *insert;
    status                      st;

    if (c->stmt->where_clause != NULL)
        return status_new(ST_FEATURE_NOT_SUPPORTED, "COPY FROM ... WHERE is not supported");
    for (size_t i = 0; i < c->column_count; i++) {
        list = arena_printf(c->arena, "%s%s%s", list, i > 0 ? ", " : "",
                            quoted(c->arena, c->columns[i]->name));
        values = arena_printf(c->arena, "%s%s$%zu", values, i > 0 ? ", " : "", i + 1);
    }
    insert = c->column_count == 0
                 ? arena_printf(c->arena, "INSERT INTO %s DEFAULT VALUES", relation_text(c))
                 : arena_printf(c->arena, "INSERT INTO %s (%s) OVERRIDING SYSTEM VALUE VALUES (%s)",
                                relation_text(c), list, values);
    TRY_RETURN(plan(c, insert, SLICE_EMPTY));
    TRY_RETURN(c->s->sink->copy_in_begin(c->s->sink, format_of(c), c->column_count));
    if (c->options.binary)
        return read_binary(c, a, rows);
    copy_reader_init(&r, &c->options, c->s->heap);
    st = read_all(c, &r, a, rows);
    copy_reader_deinit(&r);
    return st;
}

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
    TRY_RETURN(resolve(&c));
    TRY_RETURN(set_options(&c));
    st = stmt->is_from ? copy_from(&c, rows) : copy_to(&c, text, rows);
    prepared_unref(c.plan);
    return st;
}
