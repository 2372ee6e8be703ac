/* LIKE and ILIKE: % is any run of characters, _ one character, a backslash takes what follows as it
 * is. One pass with a single point to go back to: a later % makes all earlier ones settled. */
#include "base/utf8.h"
#include "sql/func/implement.h"
#include "sql/func/text.h"
#include "sql/types/string.h"

static status bad_escape(void)
{
    return status_new(ST_INVALID_ESCAPE_SEQUENCE,
                      "LIKE pattern must not end with escape character");
}

static size_t step(slice s, bool bytes)
{
    size_t n = bytes ? 1 : utf8_size_of_first((uint8_t)s.data[0]);

    return MIN(MAX(n, 1), s.size);
}

/* PostgreSQL looks for what follows a % at once, so that a lone escape character there is an error
 * even where the text is too short to come to it; unless the places for _ are already missing. */
static status check_after_percent(slice s, slice pattern, bool bytes)
{
    for (; pattern.size > 0 && (pattern.data[0] == '%' || pattern.data[0] == '_');
         pattern = slice_from(pattern, 1)) {
        if (pattern.data[0] == '%')
            continue;
        if (s.size == 0)
            return STATUS_OK;
        s = slice_from(s, step(s, bytes));
    }
    return pattern.size == 1 && pattern.data[0] == '\\' ? bad_escape() : STATUS_OK;
}

static status like(slice s, slice pattern, bool bytes, bool *out)
{
    slice s_back = SLICE_EMPTY, pattern_back = SLICE_EMPTY;
    bool  can_go_back = false;

    for (;;) {
        if (pattern.size > 0 && pattern.data[0] == '%') {
            pattern = slice_from(pattern, 1);
            TRY_RETURN(check_after_percent(s, pattern, bytes));
            pattern_back = pattern;
            s_back = s;
            can_go_back = true;
            continue;
        }
        if (s.size == 0)
            break;
        if (pattern.size > 0 && pattern.data[0] == '_') {
            s = slice_from(s, step(s, bytes));
            pattern = slice_from(pattern, 1);
            continue;
        }
        if (pattern.size > 0) {
            size_t escape = pattern.data[0] == '\\';

            if (escape == pattern.size)
                return bad_escape();
            if (pattern.data[escape] == s.data[0]) {
                s = slice_from(s, 1);
                pattern = slice_from(pattern, escape + 1);
                continue;
            }
        }
        *out = false;
        if (!can_go_back || s_back.size == 0)
            return STATUS_OK;
        s_back = slice_from(s_back, step(s_back, bytes));
        s = s_back;
        pattern = pattern_back;
    }
    *out = pattern.size == 0;
    return STATUS_OK;
}

static status ilike(struct fn_call *call, slice s, slice pattern, bool *out)
{
    TRY_RETURN(text_lower(call, s, &s));
    TRY_RETURN(text_lower(call, pattern, &pattern));
    return like(s, pattern, false, out);
}

#define LIKE(yes, no, bytes)                                                                       \
    FN(yes)                                                                                        \
    {                                                                                              \
        return like(args[0].s, args[1].s, bytes, &out->b);                                         \
    }                                                                                              \
    FN(no)                                                                                         \
    {                                                                                              \
        TRY_RETURN(like(args[0].s, args[1].s, bytes, &out->b));                                    \
        out->b = !out->b;                                                                          \
        return STATUS_OK;                                                                          \
    }
#define ILIKE(yes, no)                                                                             \
    FN(yes)                                                                                        \
    {                                                                                              \
        return ilike(call, args[0].s, args[1].s, &out->b);                                         \
    }                                                                                              \
    FN(no)                                                                                         \
    {                                                                                              \
        TRY_RETURN(ilike(call, args[0].s, args[1].s, &out->b));                                    \
        out->b = !out->b;                                                                          \
        return STATUS_OK;                                                                          \
    }

LIKE(textlike, textnlike, false)
LIKE(namelike, namenlike, false)
LIKE(bytealike, byteanlike, true)
ILIKE(texticlike, texticnlike)
ILIKE(nameiclike, nameicnlike)
ILIKE(bpchariclike, bpcharicnlike)

/* A pattern with another escape character, or none, rewritten for the backslash. */
FN(like_escape)
{
    slice  pattern = args[0].s, escape = args[1].s;
    char  *p;
    size_t n = 0;

    if (utf8_length(escape) > 1)
        return status_hint(status_new(ST_INVALID_ESCAPE_SEQUENCE, "invalid escape string"), "%s",
                           "Escape string must be empty or one character.");
    TRY_RETURN(text_alloc(call, 2 * pattern.size, &p));
    while (pattern.size > 0) {
        size_t size = step(pattern, false);
        bool   is_escape = escape.size > 0 && slice_starts_with(pattern, escape);

        if (is_escape) {
            pattern = slice_from(pattern, size);
            p[n++] = '\\';
            if (pattern.size == 0)
                break;
            size = step(pattern, false);
        } else if (pattern.data[0] == '\\') {
            p[n++] = '\\';
        }
        memcpy(p + n, pattern.data, size);
        n += size;
        pattern = slice_from(pattern, size);
    }
    out->s = slice_make(p, n);
    return STATUS_OK;
}
