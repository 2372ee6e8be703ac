/* Arrays to and from text and PostgreSQL's binary form, and the two vector types of the system
 * tables. */
#include "sql/types/array.h"
#include "sql/types/ops.h"

/* ---- text in
 * ---------------------------------------------------------------------------------------- */

struct array_parser {
    struct sql_context *context;
    struct arena       *arena;
    const struct type  *element;
    int32_t             typmod;
    slice               text, rest;
    unsigned            dimensions; /* 0 until the first element shows the depth */
    bool                declared;   /* "[1:3]=" stood in front: lengths are given */
    size_t              lengths[ARRAY_DIMENSIONS_MAX];
    int32_t             lower[ARRAY_DIMENSIONS_MAX];
    datum              *values;
    bool               *nulls;
    size_t              count, capacity;
};

static status malformed(const struct array_parser *p, const char *detail)
{
    return status_detail(
        status_new(ST_INVALID_TEXT, "malformed array literal: \"%.*s\"", SLICE_FMT(p->text)), "%s",
        detail);
}

static void skip_space(slice *s)
{
    while (s->size > 0 && (s->data[0] == ' ' || (s->data[0] >= '\t' && s->data[0] <= '\r')))
        *s = slice_from(*s, 1);
}

static bool take_char(slice *s, char c)
{
    skip_space(s);
    if (s->size == 0 || s->data[0] != c)
        return false;
    *s = slice_from(*s, 1);
    return true;
}

static bool take_number(slice *s, int64_t *out)
{
    size_t n = 0;
    bool   overflow;

    while (n < s->size && ((s->data[n] >= '0' && s->data[n] <= '9') ||
                           (n == 0 && (s->data[n] == '-' || s->data[n] == '+'))))
        n++;
    if (!type_parse_int64(slice_make(s->data, n), out, &overflow) || *out != (int32_t)*out)
        return false;
    *s = slice_from(*s, n);
    return true;
}

/* "[2:4][1:2]=" before the braces. */
static status parse_bounds(struct array_parser *p)
{
    int64_t first, last;

    while (take_char(&p->rest, '[')) {
        if (p->dimensions == ARRAY_DIMENSIONS_MAX)
            return status_new(ST_LIMIT_EXCEEDED,
                              "number of array dimensions (%d) exceeds the maximum allowed (%d)",
                              ARRAY_DIMENSIONS_MAX + 1, ARRAY_DIMENSIONS_MAX);
        first = 1;
        if (!take_number(&p->rest, &last))
            return malformed(p, "\"[\" must introduce explicitly-specified array dimensions.");
        if (take_char(&p->rest, ':')) {
            first = last;
            if (!take_number(&p->rest, &last))
                return malformed(p, "Missing array dimension value.");
        }
        if (!take_char(&p->rest, ']'))
            return malformed(p, "Missing \"]\" after array dimensions.");
        if (last < first)
            return status_new(ST_ARRAY_SUBSCRIPT, "upper bound cannot be less than lower bound");
        p->lower[p->dimensions] = (int32_t)first;
        p->lengths[p->dimensions++] = (size_t)(last - first + 1);
    }
    p->declared = p->dimensions > 0;
    if (p->declared && !take_char(&p->rest, '='))
        return malformed(p, "Missing \"=\" after array dimensions.");
    return STATUS_OK;
}

static status add_element(struct array_parser *p, slice text, bool null)
{
    if (p->count == p->capacity) {
        size_t capacity = p->capacity == 0 ? 16 : 2 * p->capacity;

        if (p->count >= ARRAY_ELEMENTS_MAX)
            return status_new(ST_LIMIT_EXCEEDED, "array size exceeds the maximum allowed (%d)",
                              ARRAY_ELEMENTS_MAX);
        p->values = arena_realloc(p->arena, p->values, p->capacity * sizeof *p->values,
                                  capacity * sizeof *p->values);
        p->nulls = arena_realloc(p->arena, p->nulls, p->capacity, capacity);
        p->capacity = capacity;
        TRY_RETURN(arena_check(p->arena));
    }
    p->nulls[p->count] = null;
    if (!null)
        TRY_RETURN(p->element->input(p->context, p->arena, p->element, text, p->typmod,
                                     &p->values[p->count]));
    p->count++;
    return STATUS_OK;
}

/* One element: quoted, or up to the next comma or brace with blanks at both ends cut off. */
static status parse_element(struct array_parser *p)
{
    bool   quoted = take_char(&p->rest, '"'), escaped = false;
    char  *text;
    size_t n = 0, n_trimmed = 0;

    TRY_RETURN(arena_try_alloc(p->arena, p->rest.size + 1, (void **)&text));
    for (;; p->rest = slice_from(p->rest, 1)) {
        char c = p->rest.size > 0 ? p->rest.data[0] : '\0';

        if (p->rest.size == 0)
            return malformed(p, "Unexpected end of input.");
        if (quoted && c == '"')
            break;
        if (!quoted && (c == ',' || c == '}'))
            break;
        if (!quoted && (c == '{' || c == '"'))
            return malformed(p, c == '"' ? "Unexpected array element."
                                         : "Unexpected \"{\" character.");
        if (c == '\\') {
            escaped = true;
            p->rest = slice_from(p->rest, 1);
            if (p->rest.size == 0)
                return malformed(p, "Unexpected end of input.");
            c = p->rest.data[0];
        } else if (!quoted && (c == ' ' || (c >= '\t' && c <= '\r'))) {
            text[n++] = c;
            continue;
        }
        text[n++] = c;
        n_trimmed = n;
    }
    if (quoted) {
        p->rest = slice_from(p->rest, 1);
        return add_element(p, slice_make(text, n), false);
    }
    if (n_trimmed == 0)
        return malformed(p, p->rest.data[0] == ',' ? "Unexpected \",\" character."
                                                   : "Unexpected \"}\" character.");
    return add_element(p, slice_make(text, n_trimmed),
                       !escaped && n_trimmed == 4 && strncasecmp(text, "NULL", 4) == 0);
}

static const char *const ragged =
    "Multidimensional arrays must have sub-arrays with matching dimensions.";

/* Behind an opening brace; recursion ends at ARRAY_DIMENSIONS_MAX. */
static status parse_level(struct array_parser *p, unsigned depth)
{
    size_t n = 0;
    bool   nested;

    if (depth >= ARRAY_DIMENSIONS_MAX)
        return status_new(ST_LIMIT_EXCEEDED,
                          "number of array dimensions (%u) exceeds the maximum allowed (%d)",
                          depth + 1, ARRAY_DIMENSIONS_MAX);
    if (take_char(&p->rest, '}')) /* {} is no dimension at all, and only alone */
        return depth == 0 && !p->declared ? STATUS_OK : malformed(p, ragged);
    do {
        nested = take_char(&p->rest, '{');
        if (nested) {
            if (p->dimensions != 0 && depth + 1 >= p->dimensions)
                return malformed(p, ragged);
            TRY_RETURN(parse_level(p, depth + 1));
        } else {
            if (p->dimensions == 0)
                p->dimensions = depth + 1;
            if (p->dimensions != depth + 1)
                return malformed(p, ragged);
            TRY_RETURN(parse_element(p));
        }
        n++;
    } while (take_char(&p->rest, ','));
    if (!take_char(&p->rest, '}'))
        return malformed(p, p->rest.size == 0 ? "Unexpected end of input."
                                              : "Unexpected array element.");
    if (p->lengths[depth] != 0 && p->lengths[depth] != n)
        return malformed(p, p->declared ? "Specified array dimensions do not match array contents."
                                        : ragged);
    p->lengths[depth] = n;
    return STATUS_OK;
}

status array_input(struct sql_context *c, struct arena *a, const struct type *t, slice text,
                   int32_t typmod, datum *out)
{
    struct array_parser p = {.context = c,
                             .arena = a,
                             .element = type_by_oid(t->element_oid),
                             .typmod = typmod,
                             .text = text,
                             .rest = text,
                             .lower = {1, 1, 1, 1, 1, 1}};

    TRY_RETURN(parse_bounds(&p));
    if (!take_char(&p.rest, '{'))
        return malformed(&p, p.declared
                                 ? "Array contents must start with \"{\"."
                                 : "Array value must start with \"{\" or dimension information.");
    TRY_RETURN(parse_level(&p, 0));
    skip_space(&p.rest);
    if (p.rest.size > 0)
        return malformed(&p, "Junk after closing right brace.");
    return array_build_shaped(a, p.element, p.dimensions, p.lengths, p.lower, p.values, p.nulls,
                              &out->s);
}

/* ---- text out
 * --------------------------------------------------------------------------------------- */

static bool needs_quotes(slice s)
{
    if (s.size == 0 || (s.size == 4 && strncasecmp(s.data, "NULL", 4) == 0))
        return true;
    for (size_t i = 0; i < s.size; i++) {
        char c = s.data[i];

        if (strchr("\"\\{}, \t\n\r\v\f", c) != NULL && c != '\0')
            return true;
    }
    return false;
}

static void append_element(slice s, struct buf *out)
{
    if (!needs_quotes(s)) {
        buf_append_slice(out, s);
        return;
    }
    buf_put_u8(out, '"');
    for (size_t i = 0; i < s.size; i++) {
        if (s.data[i] == '"' || s.data[i] == '\\')
            buf_put_u8(out, '\\');
        buf_put_u8(out, (uint8_t)s.data[i]);
    }
    buf_put_u8(out, '"');
}

static status output_element(struct sql_context *c, struct array_view *v, struct buf *text,
                             struct buf *out)
{
    datum value;
    bool  null;

    if (!array_next(v, &value, &null))
        return status_new(ST_CORRUPT, "a stored array is damaged");
    if (null) {
        buf_append_cstr(out, "NULL");
        return STATUS_OK;
    }
    buf_reset(text);
    TRY_RETURN(v->element->output(c, v->element, value, text));
    append_element(buf_slice(text), out);
    return STATUS_OK;
}

static status output_level(struct sql_context *c, struct array_view *v, unsigned depth,
                           struct buf *text, struct buf *out)
{
    buf_put_u8(out, '{');
    for (size_t i = 0; i < v->lengths[depth]; i++) {
        if (i > 0)
            buf_put_u8(out, ',');
        if (depth + 1 < v->dimensions)
            TRY_RETURN(output_level(c, v, depth + 1, text, out));
        else
            TRY_RETURN(output_element(c, v, text, out));
    }
    buf_put_u8(out, '}');
    return STATUS_OK;
}

status array_output(struct sql_context *c, const struct type *t, datum v, struct buf *out)
{
    struct buf text   SCOPED(buf);
    struct array_view view;
    bool              plain = true;

    (void)t;
    buf_init(&text, NULL);
    TRY_RETURN(array_open(v.s, &view));
    if (view.dimensions == 0) {
        buf_append_cstr(out, "{}");
        return STATUS_OK;
    }
    for (unsigned i = 0; i < view.dimensions; i++)
        plain = plain && view.lower[i] == 1;
    for (unsigned i = 0; i < view.dimensions && !plain; i++)
        buf_printf(out, "[%d:%lld]", view.lower[i],
                   (long long)view.lower[i] + (long long)view.lengths[i] - 1);
    if (!plain)
        buf_put_u8(out, '=');
    return output_level(c, &view, 0, &text, out);
}

/* ---- binary
 * ----------------------------------------------------------------------------------------- */

static status short_message(void)
{
    return status_new(ST_PROTOCOL_VIOLATION, "insufficient data left in message");
}

static bool take_i32be(slice *s, int32_t *out)
{
    slice bytes;

    if (!take_bytes(s, 4, &bytes))
        return false;
    *out = (int32_t)get_u32be(bytes.data);
    return true;
}

static status receive_element(struct array_parser *p)
{
    int32_t size;
    slice   bytes;

    if (!take_i32be(&p->rest, &size))
        return short_message();
    if (size == -1) {
        p->nulls[p->count++] = true;
        return STATUS_OK;
    }
    if (size < 0 || !take_bytes(&p->rest, (size_t)size, &bytes))
        return short_message();
    p->nulls[p->count] = false;
    return p->element->receive(p->context, p->arena, p->element, bytes, p->typmod,
                               &p->values[p->count++]);
}

static status receive_shape(struct array_parser *p, size_t *count)
{
    int32_t dimensions, flags, element, length;

    if (!take_i32be(&p->rest, &dimensions) || !take_i32be(&p->rest, &flags) ||
        !take_i32be(&p->rest, &element))
        return short_message();
    if (dimensions < 0 || dimensions > ARRAY_DIMENSIONS_MAX)
        return status_new(ST_INVALID_BINARY, "invalid number of dimensions: %d", dimensions);
    if (flags != 0 && flags != 1)
        return status_new(ST_INVALID_BINARY, "invalid array flags");
    if ((uint32_t)element != p->element->oid)
        return status_new(ST_DATATYPE_MISMATCH,
                          "binary data has array element type %u (%s) instead of expected %u (%s)",
                          (uint32_t)element, "other", p->element->oid, p->element->sql_name);
    p->dimensions = (unsigned)dimensions;
    *count = dimensions > 0;
    for (int32_t i = 0; i < dimensions; i++) {
        if (!take_i32be(&p->rest, &length) || !take_i32be(&p->rest, &p->lower[i]))
            return short_message();
        if (length < 0)
            return status_new(ST_INVALID_BINARY, "invalid array flags");
        p->lengths[i] = (size_t)length;
        *count *= p->lengths[i];
        /* Each element has at least its length word: more cannot be in the message. */
        if (*count > p->rest.size / 4 + 1)
            return short_message();
    }
    return STATUS_OK;
}

status array_receive(struct sql_context *c, struct arena *a, const struct type *t, slice bytes,
                     int32_t typmod, datum *out)
{
    size_t              count = 0;
    struct array_parser p = {.context = c,
                             .arena = a,
                             .element = type_by_oid(t->element_oid),
                             .typmod = typmod,
                             .rest = bytes};

    TRY_RETURN(receive_shape(&p, &count));
    p.values = ARENA_ARRAY(a, datum, count + 1);
    p.nulls = ARENA_ARRAY(a, bool, count + 1);
    while (p.count < count)
        TRY_RETURN(receive_element(&p));
    if (p.rest.size > 0)
        return status_new(ST_INVALID_BINARY, "incorrect binary data format");
    return array_build_shaped(a, p.element, p.dimensions, p.lengths, p.lower, p.values, p.nulls,
                              &out->s);
}

status array_send(struct sql_context *c, const struct type *t, datum v, struct buf *out)
{
    struct array_view view;
    datum             x;
    bool              null;

    (void)t;
    TRY_RETURN(array_open(v.s, &view));
    buf_put_u32be(out, view.dimensions);
    buf_put_u32be(out, view.has_nulls);
    buf_put_u32be(out, view.element->oid);
    for (unsigned i = 0; i < view.dimensions; i++) {
        buf_put_u32be(out, (uint32_t)view.lengths[i]);
        buf_put_u32be(out, (uint32_t)view.lower[i]);
    }
    while (array_next(&view, &x, &null)) {
        size_t at = out->size;

        buf_put_u32be(out, UINT32_MAX); /* the length of a null; others overwrite it */
        if (null)
            continue;
        TRY_RETURN(view.element->send(c, view.element, x, out));
        put_u32be(out->data + at, (uint32_t)(out->size - at - 4));
    }
    return STATUS_OK;
}

/* ---- int2vector, oidvector: numbers with blanks between, the first subscript being 0
 * ------------------ */

status vector_input(struct sql_context *c, struct arena *a, const struct type *t, slice text,
                    int32_t typmod, datum *out)
{
    struct array_parser p = {
        .context = c, .arena = a, .element = type_by_oid(t->element_oid), .typmod = -1};

    (void)typmod;
    p.text = p.rest = text;
    for (skip_space(&p.rest); p.rest.size > 0; skip_space(&p.rest)) {
        size_t n = 0;

        while (n < p.rest.size && p.rest.data[n] != ' ')
            n++;
        TRY_RETURN(add_element(&p, slice_make(p.rest.data, n), false));
        p.rest = slice_from(p.rest, n);
    }
    return array_build_shaped(a, p.element, 1, &p.count, p.lower, p.values, NULL, &out->s);
}

status vector_output(struct sql_context *c, const struct type *t, datum v, struct buf *out)
{
    struct array_view view;
    datum             x;
    bool              null;

    (void)t;
    TRY_RETURN(array_open(v.s, &view));
    for (size_t i = 0; array_next(&view, &x, &null); i++) {
        if (i > 0)
            buf_put_u8(out, ' ');
        TRY_RETURN(view.element->output(c, view.element, x, out));
    }
    return STATUS_OK;
}

status vector_receive(struct sql_context *c, struct arena *a, const struct type *t, slice bytes,
                      int32_t typmod, datum *out)
{
    return array_receive(c, a, t, bytes, typmod, out);
}

status vector_send(struct sql_context *c, const struct type *t, datum v, struct buf *out)
{
    return array_send(c, t, v, out);
}
