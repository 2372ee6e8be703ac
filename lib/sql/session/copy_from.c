/* COPY FROM STDIN. Rows go through the plan of INSERT ... VALUES ($1, ...), so that defaults,
 * constraints and indexes cannot differ (pitfall P8); it is opened once and asks for row after row.
 */
#include "base/assert.h"
#include "sql/session/copy_binary.h"
#include "sql/session/copy_internal.h"
#include "sql/types/string.h"
#include "sql/types/type.h"

enum { CONTEXT_TEXT_MAX = 100 };

/* The client's rows. */
struct source {
    struct row_feed           feed;
    struct copy              *c;
    struct arena             *row; /* what its values took */
    datum                    *values;
    bool                     *nulls;
    struct copy_reader        text;
    struct copy_binary_reader binary;
    struct copy_field        *fields; /* of a binary row */
    bool                      at_end; /* the client has sent all */
    slice                     line;   /* the row at hand, as the client wrote it; text and CSV */
    bool                      given;  /* that row is being inserted */
};

static status receive_piece(struct source *f)
{
    struct sql_session *s = f->c->s;
    slice               piece;
    status              st = s->sink->copy_in_read(s->sink, &piece);

    if (status_code(st) == ST_NO_DATA) {
        f->at_end = true;
        return STATUS_OK;
    }
    if (!st_ok(st))
        return st;
    if (f->c->options.binary)
        copy_binary_reader_feed(&f->binary, piece);
    else
        copy_reader_feed(&f->text, piece);
    return sql_check_interrupts(&s->context);
}

/* ---- errors and their places
 * ------------------------------------------------------------------------------------------ */

/* The place of an error within its line, and the text there as far as PostgreSQL shows it. */
static status with_text(status st, const char *place, slice text)
{
    size_t size = MIN(text.size, (size_t)CONTEXT_TEXT_MAX);

    while (size < text.size && size > 0 && ((uint8_t)text.data[size] & 0xc0) == 0x80)
        size--; /* not through a character */
    return status_context(st, "%s: \"%.*s%s\"", place, (int)size, text.data,
                          size < text.size ? "..." : "");
}

static status in_line(const struct source *f, status st)
{
    const char *inner = status_fields(st)->context;
    uint64_t    line = f->c->options.binary ? f->binary.row : f->text.line;

    return status_context(st, "COPY %s, line %llu%s", f->c->table->name, (unsigned long long)line,
                          inner != NULL ? inner : "");
}

/* ---- text and CSV
 * ------------------------------------------------------------------------------------------------
 */

static status check_header(struct source *f, slice line)
{
    struct copy       *c = f->c;
    struct copy_field *fields;
    size_t             count;

    if (!c->options.header_match)
        return STATUS_OK;
    TRY_RETURN(copy_split(&c->options, f->row, line, &fields, &count));
    for (size_t i = 0; i < MAX(count, c->column_count); i++) {
        if (i >= count || i >= c->column_count ||
            !slice_eq_cstr(fields[i].text, c->columns[i]->name))
            return status_new(ST_BAD_COPY_FILE, "column name mismatch in header line field %zu",
                              i + 1);
    }
    return STATUS_OK;
}

static status decode_fields(struct source *f, const struct copy_field *fields, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const struct column_desc *column = f->c->columns[i];
        const struct type        *t = type_by_oid(column->type);
        status                    st;

        f->nulls[i] = fields[i].is_null;
        if (f->nulls[i])
            continue;
        st = t->input(&f->c->s->context, f->row, t, fields[i].text, column->typmod, &f->values[i]);
        if (!st_ok(st))
            return with_text(st, arena_printf(f->row, ", column %s", column->name), fields[i].text);
    }
    return STATUS_OK;
}

static status take_line(struct source *f, slice line)
{
    struct copy       *c = f->c;
    struct copy_field *fields;
    size_t             count;
    status             st;

    TRY_RETURN(string_check(line));
    st = copy_split(&c->options, f->row, line, &fields, &count);
    if (st_ok(st) && c->column_count == 0 && line.size == 0)
        count = 0;
    if (st_ok(st) && count > c->column_count)
        st = status_new(ST_BAD_COPY_FILE, "extra data after last expected column");
    if (!st_ok(st))
        return with_text(st, "", line);
    TRY_RETURN(decode_fields(f, fields, count));
    if (count < c->column_count)
        return with_text(
            status_new(ST_BAD_COPY_FILE, "missing data for column \"%s\"", c->columns[count]->name),
            "", line);
    return STATUS_OK;
}

static status next_line(struct row_feed *feed)
{
    struct source *f = CONTAINER_OF(feed, struct source, feed);

    f->given = false;
    arena_reset(f->row);
    for (;;) {
        slice  line;
        status st;

        if (!copy_reader_line(&f->text, f->at_end, &line)) {
            if (f->at_end)
                return STATUS_NO_DATA;
            TRY_RETURN(receive_piece(f));
            continue;
        }
        if (f->text.line == 1 && f->c->options.header) {
            TRY_RETURN(check_header(f, line));
            continue;
        }
        f->line = line;
        st = take_line(f, line);
        f->given = st_ok(st);
        return st_ok(st) ? st : in_line(f, st);
    }
}

/* ---- binary
 * ----------------------------------------------------------------------------------------------------
 */

static status receive_fields(struct source *f)
{
    for (size_t i = 0; i < f->c->column_count; i++) {
        const struct column_desc *column = f->c->columns[i];
        const struct type        *t = type_by_oid(column->type);
        status                    st;

        f->nulls[i] = f->fields[i].is_null;
        if (f->nulls[i])
            continue;
        st = t->receive(&f->c->s->context, f->row, t, f->fields[i].text, column->typmod,
                        &f->values[i]);
        if (!st_ok(st))
            return status_context(st, ", column %s", column->name);
    }
    return STATUS_OK;
}

static status next_binary(struct row_feed *feed)
{
    struct source *f = CONTAINER_OF(feed, struct source, feed);

    f->given = false;
    arena_reset(f->row);
    for (;;) {
        bool   found;
        status st = copy_binary_row(&f->binary, f->at_end, f->fields, f->c->column_count, &found);

        if (st_ok(st) && !found) {
            if (f->at_end)
                return STATUS_NO_DATA;
            TRY_RETURN(receive_piece(f));
            continue;
        }
        if (st_ok(st))
            st = receive_fields(f);
        f->given = st_ok(st);
        return st_ok(st) ? st : in_line(f, st);
    }
}

/* ---- the whole
 * -------------------------------------------------------------------------------------------------
 */

static status plan_insert(struct copy *c)
{
    const char *list = "", *values = "", *insert;

    for (size_t i = 0; i < c->column_count; i++) {
        list = arena_printf(c->arena, "%s%s%s", list, i > 0 ? ", " : "",
                            copy_quoted(c->arena, c->columns[i]->name));
        values = arena_printf(c->arena, "%s%s$%zu", values, i > 0 ? ", " : "", i + 1);
    }
    insert = c->column_count == 0
                 ? arena_printf(c->arena, "INSERT INTO %s DEFAULT VALUES", copy_relation_text(c))
                 : arena_printf(c->arena, "INSERT INTO %s (%s) OVERRIDING SYSTEM VALUE VALUES (%s)",
                                copy_relation_text(c), list, values);
    return copy_plan(c, insert, SLICE_EMPTY);
}

static status insert_all(struct source *f, uint64_t *rows)
{
    struct copy        *c = f->c;
    struct mem_account  account;
    struct execution   *x;
    const struct batch *b;
    status              st;

    mem_account_init(&account, &c->s->account, "query", 0);
    TRY_RETURN(execution_open_fed(&c->s->context, c->plan->planned->plan, f->values, f->nulls,
                                  c->column_count, &account, &f->feed, &x));
    do {
        st = execution_next(x, 0, &b);
    } while (st_ok(st));
    *rows = execution_row_count(x);
    execution_close(x);
    if (status_code(st) == ST_NO_DATA)
        return STATUS_OK;
    if (!f->given)
        return st;
    /* PostgreSQL enters rows into indexes in bulk, when it has forgotten their text. */
    if (!c->options.binary && status_code(st) != ST_UNIQUE_VIOLATION)
        st = with_text(st, "", f->line);
    return in_line(f, st);
}

status copy_from(struct copy *c, uint64_t *rows)
{
    SCOPED(arena) struct arena *row = arena_new(c->s->heap, &c->s->account);
    struct source               f = {.c = c, .row = row};
    status                      st;

    if (c->stmt->where_clause != NULL)
        return status_new(ST_FEATURE_NOT_SUPPORTED, "COPY FROM ... WHERE is not supported");
    TRY_RETURN(plan_insert(c));
    TRY_RETURN(c->s->sink->copy_in_begin(c->s->sink, copy_format_of(c), c->column_count));
    f.feed.next = c->options.binary ? next_binary : next_line;
    f.values = ARENA_ARRAY(c->arena, datum, c->column_count);
    f.nulls = ARENA_ARRAY(c->arena, bool, c->column_count);
    f.fields = ARENA_ARRAY(c->arena, struct copy_field, c->column_count);
    copy_reader_init(&f.text, &c->options, c->s->heap);
    copy_binary_reader_init(&f.binary, c->s->heap);
    st = insert_all(&f, rows);
    copy_reader_deinit(&f.text);
    copy_binary_reader_deinit(&f.binary);
    return st;
}
