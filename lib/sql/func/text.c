/* Text: lengths, parts, padding, trimming, searching, replacing. Positions and lengths count
 * characters of UTF-8. */
#include "sql/func/text.h"

#include "base/utf8.h"
#include "sql/func/implement.h"
#include "sql/types/numeric.h"
#include "sql/types/ops.h"
#include "sql/types/string.h"

status text_too_long(void)
{
    return status_new(ST_LIMIT_EXCEEDED, "requested length too large");
}

status text_alloc(struct fn_call *call, size_t size, char **out)
{
    void *p;

    if (size > TEXT_SIZE_MAX)
        return text_too_long();
    TRY_RETURN(arena_try_alloc(call->arena, size + 1, &p));
    *out = p;
    return STATUS_OK;
}

status text_join(struct fn_call *call, slice a, slice b, slice *out)
{
    char *p;

    TRY_RETURN(text_alloc(call, a.size + b.size, &p));
    if (a.size > 0)
        memcpy(p, a.data, a.size);
    if (b.size > 0)
        memcpy(p + a.size, b.data, b.size);
    *out = slice_make(p, a.size + b.size);
    return STATUS_OK;
}

status text_of_value(struct fn_call *call, uint32_t type, datum v, slice *out)
{
    struct buf b       SCOPED(buf);
    const struct type *t = type_by_oid(type);

    buf_init(&b, arena_heap(call->arena));
    if (t->datum_kind == DATUM_SLICE && t->output == text_output) {
        *out = v.s;
        return STATUS_OK;
    }
    TRY_RETURN(t->output(call->context, t, v, &b));
    TRY_RETURN(arena_check(call->arena));
    *out = arena_copy(call->arena, buf_slice(&b));
    return STATUS_OK;
}

/* ---- joining, coercions
 * ----------------------------------------------------------------------------- */

FN(textcat)
{
    return text_join(call, args[0].s, args[1].s, &out->s);
}

FN(byteacat)
{
    return text_join(call, args[0].s, args[1].s, &out->s);
}

/* text || anything, anything || text. */
/* What value::text gives: the cast's function where there is one (true, not t), else the output. */
static status text_by_cast(struct fn_call *call, uint32_t type, datum v, slice *out)
{
    const struct cast_def *cast = cast_find(type, OID_TEXT);
    datum                  text;
    bool                   null = false, no_nulls[] = {false};

    if (cast == NULL || cast->method != CAST_BY_FUNCTION)
        return text_of_value(call, type, v, out);
    TRY_RETURN(cast->fn->scalar(call, &v, no_nulls, &text, &null));
    *out = text.s;
    return STATUS_OK;
}

FN(textanycat_2003)
{
    slice s;

    TRY_RETURN(text_by_cast(call, call->arg_types[1], args[1], &s));
    return text_join(call, args[0].s, s, &out->s);
}

FN(anytextcat_2004)
{
    slice s;

    TRY_RETURN(text_by_cast(call, call->arg_types[0], args[0], &s));
    return text_join(call, s, args[1].s, &out->s);
}

/* Length coercions: varchar(n), char(n); the third argument tells an explicit cast. */
FN(varchar)
{
    return varchar_apply_typmod(args[0].s, (int32_t)args[1].i, args[2].b, &out->s);
}

FN(bpchar)
{
    return bpchar_apply_typmod(call->arena, args[0].s, (int32_t)args[1].i, args[2].b, &out->s);
}

FN(name_text)
{
    *out = args[0];
    return STATUS_OK;
}

FN(text_name)
{
    out->s = name_cut(args[0].s);
    return STATUS_OK;
}

FN(name_bpchar)
{
    *out = args[0];
    return STATUS_OK;
}

FN(bpchar_name)
{
    out->s = bpchar_trim(name_cut(args[0].s));
    return STATUS_OK;
}

FN(char_text)
{
    char *p;

    TRY_RETURN(text_alloc(call, 4, &p));
    out->s = slice_make(p, 0);
    if (args[0].i >= 0x80)
        out->s = slice_cstr(arena_printf(call->arena, "\\%03o", (unsigned)args[0].i & 0xff));
    else if (args[0].i != 0) {
        p[0] = (char)args[0].i;
        out->s.size = 1;
    }
    return STATUS_OK;
}

FN(char_bpchar)
{
    return fn_char_text(call, args, nulls, out, null);
}

FN(text_char)
{
    const struct type *t = type_by_oid(OID_CHAR);

    return t->input(call->context, call->arena, t, args[0].s, -1, out);
}

/* ---- lengths
 * ---------------------------------------------------------------------------------------- */

FN(textlen)
{
    out->i = (int64_t)utf8_length(args[0].s);
    return STATUS_OK;
}

FN(bpcharlen)
{
    out->i = (int64_t)utf8_length(bpchar_trim(args[0].s));
    return STATUS_OK;
}

FN(textoctetlen)
{
    out->i = (int64_t)args[0].s.size;
    return STATUS_OK;
}

FN(bpcharoctetlen)
{
    return fn_textoctetlen(call, args, nulls, out, null);
}

FN(byteaoctetlen)
{
    return fn_textoctetlen(call, args, nulls, out, null);
}

FN(bit_length_1810)
{
    out->i = 8 * (int64_t)args[0].s.size;
    return STATUS_OK;
}

FN(bit_length_1811)
{
    return fn_bit_length_1810(call, args, nulls, out, null);
}

/* ---- parts
 * ------------------------------------------------------------------------------------------ */

typedef size_t (*offset_fn)(slice s, size_t n);

static size_t byte_offset(slice s, size_t n)
{
    return MIN(n, s.size);
}

/* `length` units from `start` on, counted from 1; start may lie before the text and eats up length
 * then. length < 0 stands for "to the end" when `to_end`, else it is an error. */
static status part(slice s, int64_t start, int64_t length, bool to_end, offset_fn offset,
                   slice *out)
{
    int64_t end = start + length;
    size_t  from, to;

    if (!to_end && length < 0)
        return status_new(ST_SUBSTRING_ERROR, "negative substring length not allowed");
    from = offset(s, (size_t)MAX(start - 1, 0));
    *out = slice_from(s, from);
    if (to_end)
        return STATUS_OK;
    if (end <= 1 || end <= start) {
        out->size = 0;
        return STATUS_OK;
    }
    to = offset(s, (size_t)(end - 1));
    out->size = to > from ? to - from : 0;
    return STATUS_OK;
}

FN(text_substr)
{
    return part(args[0].s, args[1].i, args[2].i, false, utf8_offset, &out->s);
}

FN(text_substr_no_len)
{
    return part(args[0].s, args[1].i, -1, true, utf8_offset, &out->s);
}

FN(bytea_substr)
{
    return part(args[0].s, args[1].i, args[2].i, false, byte_offset, &out->s);
}

FN(bytea_substr_no_len)
{
    return part(args[0].s, args[1].i, -1, true, byte_offset, &out->s);
}

/* Characters from the front; a negative number counts from the end. */
static size_t front(slice s, int64_t n)
{
    int64_t length = n < 0 ? (int64_t)utf8_length(s) : 0;

    return utf8_offset(s, (size_t)MAX(n < 0 ? length + n : n, 0));
}

FN(text_left)
{
    out->s = slice_make(args[0].s.data, front(args[0].s, args[1].i));
    return STATUS_OK;
}

FN(text_right)
{
    /* The last n: all but the first length - n; the last -n: all but the first n. */
    int64_t n = args[1].i, length = (int64_t)utf8_length(args[0].s);

    out->s = slice_from(args[0].s, utf8_offset(args[0].s, (size_t)MAX(n < 0 ? -n : length - n, 0)));
    return STATUS_OK;
}

static status overlay(struct fn_call *call, slice s, slice with, int64_t start, int64_t length,
                      slice *out)
{
    slice head, tail;

    if (start <= 0)
        return status_new(ST_SUBSTRING_ERROR, "negative substring length not allowed");
    if (start + length > INT32_MAX)
        return status_new(ST_NUMERIC_OUT_OF_RANGE, "integer out of range");
    TRY_RETURN(part(s, 1, start - 1, false, utf8_offset, &head));
    TRY_RETURN(part(s, start + length, -1, true, utf8_offset, &tail));
    TRY_RETURN(text_join(call, head, with, &head));
    return text_join(call, head, tail, out);
}

FN(textoverlay)
{
    return overlay(call, args[0].s, args[1].s, args[2].i, args[3].i, &out->s);
}

FN(textoverlay_no_len)
{
    return overlay(call, args[0].s, args[1].s, args[2].i, (int64_t)utf8_length(args[1].s), &out->s);
}

FN(text_reverse)
{
    slice  s = args[0].s;
    char  *p;
    size_t at = s.size;

    TRY_RETURN(text_alloc(call, s.size, &p));
    out->s = slice_make(p, s.size);
    while (s.size > 0) {
        size_t n = MIN(MAX(utf8_size_of_first((uint8_t)s.data[0]), 1), s.size);

        at -= n;
        memcpy(p + at, s.data, n);
        s = slice_from(s, n);
    }
    return STATUS_OK;
}

/* ---- searching
 * -------------------------------------------------------------------------------------- */

bool text_find(slice s, slice what, size_t from, size_t *at)
{
    const char *found;

    if (from > s.size)
        return false;
    if (what.size == 0) {
        *at = from;
        return true;
    }
    found = memmem(s.data + from, s.size - from, what.data, what.size);
    if (found != NULL)
        *at = (size_t)(found - s.data);
    return found != NULL;
}

FN(textpos)
{
    size_t at;

    out->i = 0;
    if (text_find(args[0].s, args[1].s, 0, &at))
        out->i = (int64_t)utf8_length(slice_make(args[0].s.data, at)) + 1;
    return STATUS_OK;
}

FN(byteapos)
{
    size_t at;

    out->i = text_find(args[0].s, args[1].s, 0, &at) ? (int64_t)at + 1 : 0;
    return STATUS_OK;
}

FN(text_starts_with)
{
    out->b = slice_starts_with(args[0].s, args[1].s);
    return STATUS_OK;
}

FN(replace_text)
{
    slice        s = args[0].s, from = args[1].s;
    struct buf b SCOPED(buf);
    size_t       done = 0, at;

    buf_init(&b, arena_heap(call->arena));
    out->s = s;
    if (from.size == 0 || !text_find(s, from, 0, &at))
        return STATUS_OK;
    do {
        buf_append(&b, s.data + done, at - done);
        buf_append_slice(&b, args[2].s);
        if (b.size > TEXT_SIZE_MAX)
            return text_too_long();
        done = at + from.size;
    } while (text_find(s, from, done, &at));
    buf_append_slice(&b, slice_from(s, done));
    return fn_return_text(call, buf_slice(&b), out);
}

/* The n-th part from the front, or from the back. */
FN(split_part)
{
    slice   s = args[0].s, by = args[1].s;
    int64_t n = args[2].i, count = 1;
    size_t  at = 0, from = 0;

    out->s = slice_make(s.data, 0);
    if (n == 0)
        return status_new(ST_INVALID_PARAMETER_VALUE, "field position must not be zero");
    if (by.size == 0 || s.size == 0) {
        if (n == 1 || n == -1)
            out->s = s;
        return STATUS_OK;
    }
    if (n < 0) {
        for (from = 0; text_find(s, by, from, &at); from = at + by.size)
            count++;
        n = count + n + 1;
        if (n <= 0)
            return STATUS_OK;
    }
    for (from = 0; n > 1; n--) {
        if (!text_find(s, by, from, &at))
            return STATUS_OK;
        from = at + by.size;
    }
    if (!text_find(s, by, from, &at))
        at = s.size;
    out->s = slice_make(s.data + from, at - from);
    return STATUS_OK;
}

/* Each character of `from` becomes the one at its place in `to`, or goes. */
FN(translate)
{
    slice    s = args[0].s, next;
    uint32_t c, candidate, replacement;
    char    *p;
    size_t   n = 0;

    if (s.size > TEXT_SIZE_MAX / UTF8_SIZE_MAX)
        return text_too_long();
    TRY_RETURN(text_alloc(call, s.size * UTF8_SIZE_MAX, &p));
    while (next = s, utf8_take(&s, &c)) {
        slice from = args[1].s, to = args[2].s;
        bool  found = false, has = true;

        while (!found && utf8_take(&from, &candidate)) {
            has = utf8_take(&to, &replacement);
            found = candidate == c;
        }
        if (!found) {
            memcpy(p + n, next.data, next.size - s.size);
            n += next.size - s.size;
        } else if (has) {
            n += utf8_put(p + n, replacement);
        }
    }
    out->s = slice_make(p, n);
    return STATUS_OK;
}

/* ---- trimming
 * ---------------------------------------------------------------------------------------- */

static bool is_among(uint32_t c, slice set)
{
    uint32_t candidate;

    while (utf8_take(&set, &candidate)) {
        if (candidate == c)
            return true;
    }
    return false;
}

static slice trim_left(slice s, slice set)
{
    slice    rest = s;
    uint32_t c;

    while (utf8_take(&rest, &c) && is_among(c, set))
        s = rest;
    return s;
}

static slice trim_right(slice s, slice set)
{
    while (s.size > 0) {
        size_t   start = s.size - 1;
        slice    last;
        uint32_t c;

        while (start > 0 && ((uint8_t)s.data[start] & 0xc0) == 0x80)
            start--;
        last = slice_from(s, start);
        if (!utf8_take(&last, &c) || !is_among(c, set))
            break;
        s.size = start;
    }
    return s;
}

static const slice blank = {" ", 1};

#define TRIM(name, expression_set, expression_blank)                                               \
    FN(name)                                                                                       \
    {                                                                                              \
        slice s = args[0].s, set = args[1].s;                                                      \
        out->s = expression_set;                                                                   \
        return STATUS_OK;                                                                          \
    }                                                                                              \
    FN(name##1)                                                                                    \
    {                                                                                              \
        slice s = args[0].s;                                                                       \
        out->s = expression_blank;                                                                 \
        return STATUS_OK;                                                                          \
    }

TRIM(btrim, trim_right(trim_left(s, set), set), trim_right(trim_left(s, blank), blank))
TRIM(ltrim, trim_left(s, set), trim_left(s, blank))
TRIM(rtrim, trim_right(s, set), trim_right(s, blank))

/* ---- padding, repeating
 * ------------------------------------------------------------------------------- */

/* `n` characters of `fill`, over and over. */
static void append_fill(struct buf *b, slice fill, size_t n)
{
    size_t whole = utf8_length(fill);

    for (; whole > 0 && n >= whole; n -= whole)
        buf_append_slice(b, fill);
    buf_append(b, fill.data, utf8_offset(fill, n));
}

static status pad(struct fn_call *call, slice s, int64_t length, slice fill, bool left, datum *out)
{
    struct buf b SCOPED(buf);
    size_t       want = (size_t)MAX(length, 0), have = utf8_length(s);

    buf_init(&b, arena_heap(call->arena));
    if (want > TEXT_SIZE_MAX / UTF8_SIZE_MAX)
        return text_too_long();
    if (have >= want || fill.size == 0) {
        out->s = slice_make(s.data, utf8_offset(s, want));
        return STATUS_OK;
    }
    if (left)
        append_fill(&b, fill, want - have);
    buf_append_slice(&b, s);
    if (!left)
        append_fill(&b, fill, want - have);
    return fn_return_text(call, buf_slice(&b), out);
}

FN(lpad)
{
    return pad(call, args[0].s, args[1].i, args[2].s, true, out);
}

FN(rpad)
{
    return pad(call, args[0].s, args[1].i, args[2].s, false, out);
}

FN(lpad_879)
{
    return pad(call, args[0].s, args[1].i, blank, true, out);
}

FN(rpad_880)
{
    return pad(call, args[0].s, args[1].i, blank, false, out);
}

FN(repeat)
{
    slice  s = args[0].s;
    size_t count = (size_t)MAX(args[1].i, 0), size;
    char  *p;

    if (__builtin_mul_overflow(s.size, count, &size) || size > TEXT_SIZE_MAX)
        return text_too_long();
    TRY_RETURN(text_alloc(call, size, &p));
    for (size_t i = 0; i < count && s.size > 0; i++)
        memcpy(p + i * s.size, s.data, s.size);
    out->s = slice_make(p, size);
    return STATUS_OK;
}

/* ---- characters, digits
 * -------------------------------------------------------------------------------- */

FN(ascii)
{
    slice    s = args[0].s;
    uint32_t c = 0;

    utf8_take(&s, &c);
    out->i = c;
    return STATUS_OK;
}

FN(chr)
{
    int64_t c = args[0].i;
    char   *p;

    if (c == 0)
        return status_new(ST_LIMIT_EXCEEDED, "null character not permitted");
    if (c < 0)
        return status_new(ST_INVALID_PARAMETER_VALUE, "character number must be positive");
    if (c > 0x10ffff)
        return status_new(ST_LIMIT_EXCEEDED, "requested character too large for encoding: %u",
                          (unsigned)c);
    TRY_RETURN(text_alloc(call, UTF8_SIZE_MAX, &p));
    out->s = slice_make(p, utf8_put(p, (uint32_t)c));
    if (out->s.size == 0)
        return status_new(ST_LIMIT_EXCEEDED, "requested character not valid for encoding: %u",
                          (unsigned)c);
    return STATUS_OK;
}

FN(to_hex32)
{
    out->s = slice_cstr(arena_printf(call->arena, "%x", (unsigned)args[0].i));
    return STATUS_OK;
}

FN(to_hex64)
{
    out->s = slice_cstr(arena_printf(call->arena, "%llx", (unsigned long long)args[0].i));
    return STATUS_OK;
}
