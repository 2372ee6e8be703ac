#include "sql/parse/parse.h"

#include <limits.h>
#include <pg_query.h>

#include "env/env.h"
#include "sql/parse/guard.h"

/* Some tokens make several levels of messages (a subquery in an expression makes seven with two),
 * and one level costs protobuf-c about 1.5 KiB of stack: 16,384 tokens of depth need less than
 * 128 MiB, half of the worker's large stack. Measured by tests/sql_bind/test_parse.c. */

static void *arena_protobuf_alloc(void *arena, size_t size)
{
    return arena_alloc(arena, size);
}

static void arena_protobuf_free(void *arena, void *p)
{
    (void)arena;
    (void)p;
}

struct parse_job {
    const char                *text;
    struct arena              *arena;
    PgQueryProtobufParseResult raw;
    PgQuery__ParseResult      *tree; /* NULL when raw.error is set or memory was refused */
};

/* On the large stack: neither libpg_query (longjmp, thread-local memory contexts) nor protobuf-c
 * may see a yield (pitfall E4), and nothing in here can. */
static void parse_on_stack(void *arg)
{
    struct parse_job  *job = arg;
    ProtobufCAllocator allocator = {
        .alloc = arena_protobuf_alloc, .free = arena_protobuf_free, .allocator_data = job->arena};

    job->raw = pg_query_parse_protobuf(job->text);
    if (job->raw.error == NULL)
        job->tree = pg_query__parse_result__unpack(&allocator, job->raw.parse_tree.len,
                                                   (const uint8_t *)job->raw.parse_tree.data);
}

static status too_complex(void)
{
    return status_hint(status_new(ST_STATEMENT_TOO_COMPLEX, "stack depth limit exceeded"),
                       "Simplify the statement: it is nested too deeply.");
}

/* The library hands over messages alone; PostgreSQL's grammar gives these two a hint. */
static status with_hint(status st)
{
    if (strcmp(status_message(st), "subquery in FROM must have an alias") == 0)
        return status_hint(st, "For example, FROM (SELECT ...) [AS] foo.");
    if (strcmp(status_message(st), "VALUES in FROM must have an alias") == 0)
        return status_hint(st, "For example, FROM (VALUES ...) [AS] foo.");
    return st;
}

static status error_from_library(const PgQueryError *e)
{
    /* The grammar's own stack has a limit too; the parser calls it memory. */
    if (strncmp(e->message, "memory exhausted", strlen("memory exhausted")) == 0)
        return too_complex();
    if (strncmp(e->message, "invalid Unicode", strlen("invalid Unicode")) == 0)
        return status_at(status_new(ST_SYNTAX_ERROR, "%s", e->message), e->cursorpos);
    if (strstr(e->message, "not yet supported") != NULL ||
        strstr(e->message, "not supported") != NULL ||
        strstr(e->message, "not implemented") != NULL)
        return status_at(status_new(ST_FEATURE_NOT_SUPPORTED, "%s", e->message), e->cursorpos);
    return status_at(with_hint(status_new(ST_SYNTAX_ERROR, "%s", e->message)), e->cursorpos);
}

/* The statement without the spaces and comments around it that the grammar leaves to it. */
static struct parse_statement statement_of(slice text, const PgQuery__RawStmt *raw)
{
    size_t from = (size_t)raw->stmt_location;
    size_t size = raw->stmt_len > 0 ? (size_t)raw->stmt_len : text.size - from;

    while (size > 0 && strchr(" \t\n\r\f\v", text.data[from]) != NULL) {
        from++;
        size--;
    }
    while (size > 0 && strchr(" \t\n\r\f\v", text.data[from + size - 1]) != NULL)
        size--;
    return (struct parse_statement){
        .node = raw->stmt, .text = slice_make(text.data + from, size), .location = (int)from};
}

status parse_statements(struct env *env, struct arena *a, slice text, struct parse_result *out)
{
    struct parse_job job = {.arena = a};
    size_t           limit = env != NULL ? PARSE_DEPTH_MAX : PARSE_DEPTH_SMALL_STACK;
    status           st = STATUS_OK;

    if (memchr(text.data == NULL ? "" : text.data, '\0', text.size) != NULL)
        return status_new(ST_CHARACTER_NOT_IN_REPERTOIRE,
                          "invalid byte sequence for encoding \"UTF8\": 0x00");
    if (text.size > INT_MAX / 2)
        return status_new(ST_LIMIT_EXCEEDED, "the statement is longer than %d bytes", INT_MAX / 2);
    if (parse_depth_bound(text, limit) > limit)
        return too_complex();
    text = arena_copy(a, text);
    job.text = text.data;
    if (env != NULL)
        env_call_on_big_stack(env, parse_on_stack, &job);
    else
        parse_on_stack(&job);
    if (job.raw.error != NULL)
        st = error_from_library(job.raw.error);
    else if (job.tree == NULL)
        st = status_new(ST_INTERNAL, "the parser's result could not be read");
    pg_query_free_protobuf_parse_result(job.raw);
    if (!st_ok(st))
        return st;
    *out = (struct parse_result){.count = job.tree->n_stmts};
    out->statements = ARENA_ARRAY(a, struct parse_statement, job.tree->n_stmts);
    for (size_t i = 0; i < out->count; i++)
        out->statements[i] = statement_of(text, job.tree->stmts[i]);
    return arena_check(a);
}

int parse_position(slice text, int location)
{
    int position = 1;

    if (location < 0)
        return 0;
    for (size_t i = 0; i < text.size && i < (size_t)location; i++)
        if (((unsigned char)text.data[i] & 0xC0) != 0x80)
            position++;
    return position;
}
