/* concat, format and quoting: text made of values. */
#include "sql/func/implement.h"
#include "sql/func/text.h"
#include "base/utf8.h"
#include "sql/types/array.h"
#include "sql/types/regtypes.h"

/* ---- quoting
 * ------------------------------------------------------------------------------------- */

void text_quote_literal(slice s, struct buf *out)
{
    if (s.size > 0 && memchr(s.data, '\\', s.size) != NULL)
        buf_append_cstr(out, "E");
    buf_put_u8(out, '\'');
    for (size_t i = 0; i < s.size; i++) {
        if (s.data[i] == '\'' || s.data[i] == '\\')
            buf_put_u8(out, (uint8_t)s.data[i]);
        buf_put_u8(out, (uint8_t)s.data[i]);
    }
    buf_put_u8(out, '\'');
}

FN(quote_ident)
{
    struct buf b SCOPED(buf);

    buf_init(&b, arena_heap(call->arena));
    reg_quote_identifier(args[0].s, &b);
    return fn_return_text(call, buf_slice(&b), out);
}

FN(quote_literal)
{
    struct buf b SCOPED(buf);

    buf_init(&b, arena_heap(call->arena));
    text_quote_literal(args[0].s, &b);
    return fn_return_text(call, buf_slice(&b), out);
}

FN(quote_literal_1285)
{
    datum text;

    TRY_RETURN(text_of_value(call, call->arg_types[0], args[0], &text.s));
    return fn_quote_literal(call, &text, nulls, out, null);
}

FN(quote_nullable)
{
    out->s = SLICE_LIT("NULL");
    return nulls[0] ? STATUS_OK : fn_quote_literal(call, args, nulls, out, null);
}

FN(quote_nullable_1290)
{
    out->s = SLICE_LIT("NULL");
    return nulls[0] ? STATUS_OK : fn_quote_literal_1285(call, args, nulls, out, null);
}

/* ---- arguments of any type: written out, or one array after VARIADIC
 * -------------------------------- */

struct values {
    size_t          count;
    const datum    *values;
    const bool     *nulls;
    const uint32_t *types; /* NULL: all are of `element` */
    uint32_t        element;
};

static status gather(struct fn_call *call, size_t first, const datum *args, const bool *nulls,
                     bool *null, struct values *out)
{
    struct array_view v;
    datum            *values;
    bool             *value_nulls;

    if (!call->variadic_array) {
        *out = (struct values){.count = call->arg_count - first,
                               .values = args + first,
                               .nulls = nulls + first,
                               .types = call->arg_types + first};
        return STATUS_OK;
    }
    *null = nulls[first];
    *out = (struct values){0};
    if (*null)
        return STATUS_OK;
    TRY_RETURN(array_unpack(call->arena, args[first].s, &v, &values, &value_nulls));
    *out = (struct values){
        .count = v.count, .values = values, .nulls = value_nulls, .element = v.element->oid};
    return STATUS_OK;
}

static uint32_t value_type(const struct values *v, size_t i)
{
    return v->types != NULL ? v->types[i] : v->element;
}

static status concat(struct fn_call *call, const struct values *v, slice separator, datum *out)
{
    struct buf b SCOPED(buf);
    bool         first = true;

    buf_init(&b, arena_heap(call->arena));
    for (size_t i = 0; i < v->count; i++) {
        slice text;

        if (v->nulls[i])
            continue;
        TRY_RETURN(text_of_value(call, value_type(v, i), v->values[i], &text));
        if (!first)
            buf_append_slice(&b, separator);
        buf_append_slice(&b, text);
        first = false;
        if (b.size > TEXT_SIZE_MAX)
            return text_too_long();
    }
    return fn_return_text(call, buf_slice(&b), out);
}

FN(text_concat)
{
    struct values v;

    TRY_RETURN(gather(call, 0, args, nulls, null, &v));
    return *null ? STATUS_OK : concat(call, &v, SLICE_EMPTY, out);
}

FN(text_concat_ws)
{
    struct values v;

    if (nulls[0]) {
        *null = true;
        return STATUS_OK;
    }
    TRY_RETURN(gather(call, 1, args, nulls, null, &v));
    return *null ? STATUS_OK : concat(call, &v, args[0].s, out);
}

/* ---- format
 * --------------------------------------------------------------------------------------------- */

/* %[position$][-][width]type, the width being a number, * or *position$. */
struct directive {
    int64_t position; /* -1: the next argument */
    bool    left;
    bool    width_from_argument;
    int64_t width_position;
    int64_t width;
    char    type;
};

static status unterminated(void)
{
    return status_hint(
        status_new(ST_INVALID_PARAMETER_VALUE, "unterminated format() type specifier"), "%s",
        "For a single \"%\" use \"%%\".");
}

static status take_number(slice *s, int64_t *out, bool *any)
{
    *any = false;
    for (*out = 0; s->size > 0 && s->data[0] >= '0' && s->data[0] <= '9'; *s = slice_from(*s, 1)) {
        *any = true;
        *out = *out * 10 + (s->data[0] - '0');
        if (*out > INT32_MAX)
            return status_new(ST_NUMERIC_OUT_OF_RANGE, "number is out of range");
    }
    return *any && s->size == 0 ? unterminated() : STATUS_OK;
}

static status check_position(int64_t position)
{
    if (position == 0)
        return status_new(ST_INVALID_PARAMETER_VALUE,
                          "format specifies argument 0, but arguments are numbered from 1");
    return STATUS_OK;
}

static status parse_width(slice *s, struct directive *d)
{
    bool any;

    if (s->size > 0 && s->data[0] == '*') {
        *s = slice_from(*s, 1);
        d->width_from_argument = true;
        TRY_RETURN(take_number(s, &d->width_position, &any));
        if (!any) {
            d->width_position = -1;
            return STATUS_OK;
        }
        if (s->data[0] != '$')
            return status_new(ST_INVALID_PARAMETER_VALUE,
                              "width argument position must be ended by \"$\"");
        *s = slice_from(*s, 1);
        return check_position(d->width_position);
    }
    return take_number(s, &d->width, &any);
}

static status parse_directive(slice *s, struct directive *d)
{
    int64_t number;
    bool    any;

    *d = (struct directive){.position = -1, .width_position = -1};
    TRY_RETURN(take_number(s, &number, &any));
    if (any && s->data[0] == '$') {
        d->position = number;
        *s = slice_from(*s, 1);
        TRY_RETURN(check_position(number));
        any = false;
    } else if (any) {
        d->width = number;
    }
    while (!any && s->size > 0 && s->data[0] == '-') {
        d->left = true;
        *s = slice_from(*s, 1);
    }
    if (!any)
        TRY_RETURN(parse_width(s, d));
    if (s->size == 0)
        return unterminated();
    d->type = s->data[0];
    *s = slice_from(*s, 1);
    return STATUS_OK;
}

/* The position of the argument meant, from 0. */
static status pick(int64_t position, const struct values *v, size_t *next, size_t *out)
{
    *out = position > 0 ? (size_t)position - 1 : *next;
    *next = *out + 1;
    return *out < v->count
               ? STATUS_OK
               : status_new(ST_INVALID_PARAMETER_VALUE, "too few arguments for format()");
}

static status argument_width(struct fn_call *call, const struct values *v, size_t i,
                             struct directive *d)
{
    const struct type *t = type_by_oid(OID_INT4);
    datum              width = {0};
    slice              text;

    if (v->nulls[i]) {
        d->width = 0;
        return STATUS_OK;
    }
    TRY_RETURN(text_of_value(call, value_type(v, i), v->values[i], &text));
    TRY_RETURN(t->input(call->context, call->arena, t, text, -1, &width));
    d->left = d->left || width.i < 0;
    d->width = width.i < 0 ? -width.i : width.i;
    return STATUS_OK;
}

static status append_value(struct fn_call *call, const struct values *v, size_t i,
                           const struct directive *d, struct buf *b)
{
    struct buf text SCOPED(buf);
    slice           s = SLICE_EMPTY;
    size_t          length;

    buf_init(&text, arena_heap(call->arena));
    if (!v->nulls[i])
        TRY_RETURN(text_of_value(call, value_type(v, i), v->values[i], &s));
    if (v->nulls[i] && d->type == 'I')
        return status_new(ST_NULL_NOT_ALLOWED,
                          "null values cannot be formatted as an SQL identifier");
    if (v->nulls[i] && d->type == 'L')
        buf_append_cstr(&text, "NULL");
    else if (d->type == 'I')
        reg_quote_identifier(s, &text);
    else if (d->type == 'L')
        text_quote_literal(s, &text);
    else
        buf_append_slice(&text, s);
    length = utf8_length(buf_slice(&text));
    if ((size_t)d->width > TEXT_SIZE_MAX)
        return text_too_long();
    for (size_t n = length; !d->left && n < (size_t)d->width; n++)
        buf_put_u8(b, ' ');
    buf_append_slice(b, buf_slice(&text));
    for (size_t n = length; d->left && n < (size_t)d->width; n++)
        buf_put_u8(b, ' ');
    return STATUS_OK;
}

static status format_directive(struct fn_call *call, slice *s, const struct values *v, size_t *next,
                               struct buf *b)
{
    struct directive d;
    size_t           i;

    TRY_RETURN(parse_directive(s, &d));
    if (d.type != 's' && d.type != 'I' && d.type != 'L')
        return status_hint(status_new(ST_INVALID_PARAMETER_VALUE,
                                      "unrecognized format() type specifier \"%c\"", d.type),
                           "%s", "For a single \"%\" use \"%%\".");
    if (d.width_from_argument) {
        TRY_RETURN(pick(d.width_position, v, next, &i));
        TRY_RETURN(argument_width(call, v, i, &d));
    }
    TRY_RETURN(pick(d.position, v, next, &i));
    return append_value(call, v, i, &d, b);
}

static status format(struct fn_call *call, slice s, const struct values *v, datum *out)
{
    struct buf b SCOPED(buf);
    size_t       next = 0;

    buf_init(&b, arena_heap(call->arena));
    while (s.size > 0) {
        const char *percent = memchr(s.data, '%', s.size);
        size_t      n = percent != NULL ? (size_t)(percent - s.data) : s.size;

        buf_append(&b, s.data, n);
        s = slice_from(s, n);
        if (percent == NULL)
            break;
        s = slice_from(s, 1);
        if (s.size == 0)
            return unterminated();
        if (s.data[0] == '%') {
            buf_put_u8(&b, '%');
            s = slice_from(s, 1);
            continue;
        }
        TRY_RETURN(format_directive(call, &s, v, &next, &b));
    }
    return fn_return_text(call, buf_slice(&b), out);
}

FN(text_format)
{
    struct values v;
    bool          no_values = false;

    *null = nulls[0];
    if (*null)
        return STATUS_OK;
    TRY_RETURN(gather(call, 1, args, nulls, &no_values, &v)); /* a null array has no values */
    return format(call, args[0].s, &v, out);
}

FN(text_format_nv)
{
    struct values none = {0};

    *null = nulls[0];
    return *null ? STATUS_OK : format(call, args[0].s, &none, out);
}

/* ---- num_nulls, num_nonnulls
 * ------------------------------------------------------------------------------ */

static status count_nulls(struct fn_call *call, const datum *args, const bool *nulls, bool of_nulls,
                          datum *out, bool *null)
{
    struct values v;

    TRY_RETURN(gather(call, 0, args, nulls, null, &v));
    out->i = 0;
    for (size_t i = 0; i < v.count; i++)
        out->i += v.nulls[i] == of_nulls;
    return STATUS_OK;
}

FN(pg_num_nulls)
{
    return count_nulls(call, args, nulls, true, out, null);
}

FN(pg_num_nonnulls)
{
    return count_nulls(call, args, nulls, false, out, null);
}
