#include "base/status.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "base/heap.h"

struct status_object {
    enum status_code     code;
    bool                 is_static;
    const char          *message;
    struct status_fields fields;
};

struct status_object status_oom_object = {
    .code = ST_OUT_OF_MEMORY, .is_static = true, .message = "out of memory"};
struct status_object status_no_data_object = {
    .code = ST_NO_DATA, .is_static = true, .message = "there is no more data"};

static const struct {
    const char *name, *sqlstate;
    bool        retry;
} codes[] = {
#define X(name, sqlstate, retry, meaning) {#name, sqlstate, retry},
    STATUS_CODES(X)
#undef X
};

/* Errors outlive the arena of the statement that failed, so each field is a block of its own on the
 * running node's heap. */
static char *text_vprintf(const char *fmt, va_list args)
{
    va_list again;
    int     size;
    char   *text;

    va_copy(again, args);
    size = vsnprintf(NULL, 0, fmt, again);
    va_end(again);
    ASSERT(size >= 0);
    text = heap_must_alloc(heap_current(), 1, (size_t)size + 1);
    vsnprintf(text, (size_t)size + 1, fmt, args);
    return text;
}

PRINTF(1, 2) static char *text_printf(const char *fmt, ...)
{
    va_list args;
    char   *text;

    va_start(args, fmt);
    text = text_vprintf(fmt, args);
    va_end(args);
    return text;
}

static void field_set(const char **field, const char *text)
{
    heap_free((void *)(uintptr_t)*field);
    *field = text;
}

static void field_copy(const char **field, const char *text)
{
    if (text != NULL)
        field_set(field, heap_strdup(heap_current(), text));
}

status status_vnew(enum status_code code, const char *fmt, va_list args)
{
    struct status_object *st = heap_must_alloc(heap_current(), 1, sizeof *st);

    ASSERT(code < STATUS_CODE_COUNT); /* SUCCESS: notices that report no trouble are statuses too */
    st->code = code;
    st->message = text_vprintf(fmt, args);
    return st;
}

status status_new(enum status_code code, const char *fmt, ...)
{
    va_list args;
    status  st;

    va_start(args, fmt);
    st = status_vnew(code, fmt, args);
    va_end(args);
    return st;
}

status status_wrap(status st, const char *fmt, ...)
{
    va_list args;
    char   *prefix;

    if (st_ok(st))
        return st;
    va_start(args, fmt);
    prefix = text_vprintf(fmt, args);
    va_end(args);
    if (st->is_static)
        st = status_new(st->code, "%s: %s", prefix, st->message);
    else
        field_set(&st->message, text_printf("%s: %s", prefix, st->message));
    heap_free(prefix);
    return st;
}

static bool has_fields(status st)
{
    return !st_ok(st) && !st->is_static;
}

#define SET_FIELD(st, field, fmt)                                                                  \
    do {                                                                                           \
        va_list args_;                                                                             \
        if (!has_fields(st))                                                                       \
            return st;                                                                             \
        va_start(args_, fmt);                                                                      \
        field_set(&(st)->fields.field, text_vprintf(fmt, args_));                                  \
        va_end(args_);                                                                             \
        return st;                                                                                 \
    } while (0)

status status_detail(status st, const char *fmt, ...)
{
    SET_FIELD(st, detail, fmt);
}

status status_hint(status st, const char *fmt, ...)
{
    SET_FIELD(st, hint, fmt);
}

status status_context(status st, const char *fmt, ...)
{
    SET_FIELD(st, context, fmt);
}

status status_at(status st, int position)
{
    if (has_fields(st) && st->fields.position == 0)
        st->fields.position = position;
    return st;
}

status status_object_names(status st, const char *schema, const char *table, const char *column,
                           const char *type, const char *constraint)
{
    if (!has_fields(st))
        return st;
    field_copy(&st->fields.schema, schema);
    field_copy(&st->fields.table, table);
    field_copy(&st->fields.column, column);
    field_copy(&st->fields.type, type);
    field_copy(&st->fields.constraint, constraint);
    return st;
}

status status_routine(status st, const char *routine)
{
    if (has_fields(st))
        field_copy(&st->fields.routine, routine);
    return st;
}

status status_copy(status st)
{
    status copy;

    if (!has_fields(st))
        return st;
    copy = status_new(st->code, "%s", st->message);
    copy = status_object_names(copy, st->fields.schema, st->fields.table, st->fields.column,
                               st->fields.type, st->fields.constraint);
    field_copy(&copy->fields.detail, st->fields.detail);
    field_copy(&copy->fields.hint, st->fields.hint);
    field_copy(&copy->fields.context, st->fields.context);
    field_copy(&copy->fields.routine, st->fields.routine);
    copy->fields.position = st->fields.position;
    return copy;
}

enum status_code status_code(status st)
{
    return st_ok(st) ? ST_SUCCESS : st->code;
}

const char *status_sqlstate(status st)
{
    return codes[status_code(st)].sqlstate;
}

const char *status_message(status st)
{
    return st_ok(st) ? "success" : st->message;
}

const struct status_fields *status_fields(status st)
{
    static const struct status_fields none = {0};

    return st_ok(st) ? &none : &st->fields;
}

bool status_is_retryable(status st)
{
    return codes[status_code(st)].retry;
}

enum status_code status_code_from_sqlstate(const char *sqlstate)
{
    for (int code = 0; code < STATUS_CODE_COUNT; code++) {
        if (strcmp(codes[code].sqlstate, sqlstate) == 0)
            return (enum status_code)code;
    }
    return ST_INTERNAL;
}

const char *status_code_name(enum status_code code)
{
    return codes[code].name;
}

void st_clear(status st)
{
    if (!has_fields(st))
        return;
    field_set(&st->message, NULL);
    field_set(&st->fields.detail, NULL);
    field_set(&st->fields.hint, NULL);
    field_set(&st->fields.context, NULL);
    field_set(&st->fields.schema, NULL);
    field_set(&st->fields.table, NULL);
    field_set(&st->fields.column, NULL);
    field_set(&st->fields.type, NULL);
    field_set(&st->fields.constraint, NULL);
    field_set(&st->fields.routine, NULL);
    heap_free(st);
}
