/* lower, upper, initcap: character by character, by Unicode's simple mappings (ICU's data), as the
 * C.UTF-8 locale does. Nothing here enters keys (pitfall Q6). */
#include <unicode/uchar.h>

#include "base/utf8.h"
#include "sql/func/implement.h"
#include "sql/func/text.h"

enum text_case { CASE_LOWER, CASE_UPPER, CASE_INITCAP };

static uint32_t map_case(uint32_t c, enum text_case how, bool in_word)
{
    bool upper = how == CASE_UPPER || (how == CASE_INITCAP && !in_word);

    if (c < 0x80) {
        if (upper)
            return c >= 'a' && c <= 'z' ? c - 32 : c;
        return c >= 'A' && c <= 'Z' ? c + 32 : c;
    }
    return (uint32_t)(upper ? u_toupper((UChar32)c) : u_tolower((UChar32)c));
}

static status change_case(struct fn_call *call, slice s, enum text_case how, slice *out)
{
    uint32_t c;
    char    *p;
    size_t   n = 0;
    bool     in_word = false;

    if (s.size > TEXT_SIZE_MAX / 2)
        return text_too_long();
    /* Two bytes may become three (and back): no mapping grows by more. */
    TRY_RETURN(text_alloc(call, 2 * s.size + UTF8_SIZE_MAX, &p));
    while (utf8_take(&s, &c)) {
        n += utf8_put(p + n, map_case(c, how, in_word));
        in_word = u_isalnum((UChar32)c);
    }
    *out = slice_make(p, n);
    return STATUS_OK;
}

status text_lower(struct fn_call *call, slice s, slice *out)
{
    return change_case(call, s, CASE_LOWER, out);
}

FN(lower)
{
    return change_case(call, args[0].s, CASE_LOWER, &out->s);
}

FN(upper)
{
    return change_case(call, args[0].s, CASE_UPPER, &out->s);
}

FN(initcap)
{
    return change_case(call, args[0].s, CASE_INITCAP, &out->s);
}
