/* Normal forms of Unicode, by ICU, and escapes; parse_ident() (PostgreSQL 15, section 9.4). */
#include <strings.h>
#include <unicode/unorm2.h>
#include <unicode/ustring.h>

#include "base/utf8.h"
#include "sql/func/implement.h"
#include "sql/func/text.h"
#include "sql/types/array.h"
#include "sql/types/string.h"

static status icu_failed(UErrorCode error)
{
    return error == U_MEMORY_ALLOCATION_ERROR
               ? STATUS_OOM
               : status_new(ST_INTERNAL, "normalization failed: %s", u_errorName(error));
}

static status find_form(slice name, const UNormalizer2 **out)
{
    static const struct {
        const char *name;
        const UNormalizer2 *(*get)(UErrorCode *);
    } forms[] = {{"NFC", unorm2_getNFCInstance},
                 {"NFD", unorm2_getNFDInstance},
                 {"NFKC", unorm2_getNFKCInstance},
                 {"NFKD", unorm2_getNFKDInstance}};
    UErrorCode error = U_ZERO_ERROR;

    for (size_t i = 0; i < ARRAY_LEN(forms); i++) {
        if (strlen(forms[i].name) == name.size &&
            strncasecmp(forms[i].name, name.data, name.size) == 0) {
            *out = forms[i].get(&error);
            return U_SUCCESS(error) ? STATUS_OK : icu_failed(error);
        }
    }
    return status_new(ST_INVALID_PARAMETER_VALUE, "invalid normalization form: %.*s",
                      SLICE_FMT(name));
}

static status to_utf16(struct fn_call *call, slice s, UChar **out, int32_t *size)
{
    UErrorCode error = U_ZERO_ERROR;

    TRY_RETURN(arena_check(call->arena));
    *out = ARENA_ARRAY(call->arena, UChar, s.size + 1);
    u_strFromUTF8(*out, (int32_t)s.size + 1, size, s.data, (int32_t)s.size, &error);
    return U_SUCCESS(error) ? STATUS_OK : icu_failed(error);
}

/* One character becomes eighteen at most (U+FDFA in NFKC), and each needs three bytes. */
static status normalize(struct fn_call *call, const UNormalizer2 *form, slice s, slice *out)
{
    UErrorCode error = U_ZERO_ERROR;
    UChar     *from, *to;
    char      *text;
    int32_t    from_size, to_size, size;

    TRY_RETURN(to_utf16(call, s, &from, &from_size));
    to_size = unorm2_normalize(form, from, from_size, NULL, 0, &error);
    if (error != U_BUFFER_OVERFLOW_ERROR && U_FAILURE(error))
        return icu_failed(error);
    error = U_ZERO_ERROR;
    to = ARENA_ARRAY(call->arena, UChar, (size_t)to_size + 1);
    unorm2_normalize(form, from, from_size, to, to_size + 1, &error);
    if (U_FAILURE(error))
        return icu_failed(error);
    TRY_RETURN(text_alloc(call, (size_t)to_size * 3 + 1, &text));
    u_strToUTF8(text, to_size * 3 + 1, &size, to, to_size, &error);
    *out = slice_make(text, (size_t)size);
    return U_SUCCESS(error) ? STATUS_OK : icu_failed(error);
}

FN(unicode_normalize_func)
{
    const UNormalizer2 *form;

    TRY_RETURN(find_form(args[1].s, &form));
    return normalize(call, form, args[0].s, &out->s);
}

FN(unicode_is_normalized)
{
    const UNormalizer2 *form;
    slice               normal;

    TRY_RETURN(find_form(args[1].s, &form));
    TRY_RETURN(normalize(call, form, args[0].s, &normal));
    out->b = slice_eq(normal, args[0].s);
    return STATUS_OK;
}

/* ---- unistr() ---------------------------------------------------------------------------------
 */

static bool take_hex(slice *s, size_t skip, size_t digits, uint32_t *out)
{
    *out = 0;
    if (s->size < skip + digits)
        return false;
    for (size_t i = 0; i < digits; i++) {
        char c = s->data[skip + i];
        int  v = c >= '0' && c <= '9'                     ? c - '0'
                 : (c | 0x20) >= 'a' && (c | 0x20) <= 'f' ? (c | 0x20) - 'a' + 10
                                                          : -1;

        if (v < 0)
            return false;
        *out = *out << 4 | (uint32_t)v;
    }
    *s = slice_from(*s, skip + digits);
    return true;
}

static bool take_escape(slice *s, uint32_t *out)
{
    char kind = s->size > 1 ? s->data[1] : '\0';

    if (kind == '+')
        return take_hex(s, 2, 6, out);
    if (kind == 'u')
        return take_hex(s, 2, 4, out);
    if (kind == 'U')
        return take_hex(s, 2, 8, out);
    return take_hex(s, 1, 4, out);
}

static status bad_pair(void)
{
    return status_new(ST_SYNTAX_ERROR, "invalid Unicode surrogate pair");
}

/* `high` is the first half of a surrogate pair that waits for its second; 0: none. */
static status put_code_point(struct buf *b, uint32_t c, uint32_t *high)
{
    char utf8[4];

    if (c == 0 || c > 0x10ffff)
        return status_new(ST_INVALID_PARAMETER_VALUE, "invalid Unicode code point: %04X", c);
    if (*high != 0) {
        if (c < 0xdc00 || c > 0xdfff)
            return bad_pair();
        c = 0x10000 + ((*high - 0xd800) << 10) + (c - 0xdc00);
        *high = 0;
    } else if (c >= 0xdc00 && c <= 0xdfff) {
        return bad_pair();
    } else if (c >= 0xd800 && c <= 0xdbff) {
        *high = c;
        return STATUS_OK;
    }
    buf_append(b, utf8, utf8_put(utf8, c));
    return STATUS_OK;
}

static status unescape(slice s, struct buf *b)
{
    uint32_t high = 0, c;

    while (s.size > 0) {
        if (s.data[0] != '\\' || (s.size > 1 && s.data[1] == '\\')) {
            if (high != 0)
                return bad_pair();
            buf_put_u8(b, (uint8_t)s.data[0]);
            s = slice_from(s, s.data[0] == '\\' ? 2 : 1);
        } else if (take_escape(&s, &c)) {
            TRY_RETURN(put_code_point(b, c, &high));
        } else {
            return status_hint(status_new(ST_SYNTAX_ERROR, "invalid Unicode escape"),
                               "Unicode escapes must be \\XXXX, \\+XXXXXX, \\uXXXX, or "
                               "\\UXXXXXXXX.");
        }
    }
    return high != 0 ? bad_pair() : STATUS_OK;
}

FN(unistr)
{
    struct buf b;
    status     st;

    buf_init(&b, arena_heap(call->arena));
    st = unescape(args[0].s, &b);
    if (st_ok(st))
        st = fn_return_text(call, buf_slice(&b), out);
    buf_deinit(&b);
    return st;
}

/* ---- parse_ident() ----------------------------------------------------------------------------
 */

static bool begins_identifier(char c)
{
    return c == '_' || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (uint8_t)c >= 0x80;
}

static slice skip_spaces(slice s)
{
    while (s.size > 0 && (s.data[0] == ' ' || (s.data[0] >= '\t' && s.data[0] <= '\r')))
        s = slice_from(s, 1);
    return s;
}

static status not_an_identifier(slice whole, const char *detail)
{
    status st = status_new(ST_INVALID_PARAMETER_VALUE, "string is not a valid identifier: \"%.*s\"",
                           SLICE_FMT(whole));

    return detail != NULL ? status_detail(st, "%s", detail) : st;
}

static status take_quoted(struct fn_call *call, slice whole, slice *rest, slice *out)
{
    char  *p = arena_alloc(call->arena, rest->size + 1);
    size_t n = 0, i = 1;

    for (;; i++) {
        if (i >= rest->size)
            return not_an_identifier(whole, "String has unclosed double quotes.");
        if (rest->data[i] == '"' && (i + 1 >= rest->size || rest->data[i + 1] != '"'))
            break;
        i += rest->data[i] == '"';
        p[n++] = rest->data[i];
    }
    if (n == 0)
        return not_an_identifier(whole, "Quoted identifier must not be empty.");
    *rest = slice_from(*rest, i + 1);
    *out = slice_make(p, n);
    return STATUS_OK;
}

static slice take_bare(struct fn_call *call, slice *rest)
{
    char  *p = arena_alloc(call->arena, rest->size + 1);
    size_t n = 0;

    for (; n < rest->size; n++) {
        char c = rest->data[n];

        if (!begins_identifier(c) && !(c >= '0' && c <= '9') && c != '$')
            break;
        p[n] = (char)(c >= 'A' && c <= 'Z' ? c | 0x20 : c);
    }
    *rest = slice_from(*rest, n);
    return slice_make(p, n);
}

static status take_name(struct fn_call *call, slice whole, slice *rest, bool after_dot, slice *out)
{
    if (rest->size > 0 && rest->data[0] == '"')
        return take_quoted(call, whole, rest, out);
    if (rest->size > 0 && begins_identifier(rest->data[0])) {
        *out = take_bare(call, rest);
        return STATUS_OK;
    }
    if (rest->size > 0 && rest->data[0] == '.')
        return not_an_identifier(whole, "No valid identifier before \".\".");
    return not_an_identifier(whole, after_dot ? "No valid identifier after \".\"." : NULL);
}

/* parse_ident(text, strict): what follows the last name is an error, or is left alone. */
FN(parse_ident)
{
    slice  whole = args[0].s, rest = skip_spaces(whole);
    datum *names = ARENA_ARRAY(call->arena, datum, whole.size + 1);
    size_t count = 0;
    bool   after_dot = false;

    for (;;) {
        TRY_RETURN(take_name(call, whole, &rest, after_dot, &names[count++].s));
        rest = skip_spaces(rest);
        if (rest.size == 0)
            break;
        if (rest.data[0] != '.') {
            if (args[1].b)
                return not_an_identifier(whole, NULL);
            break;
        }
        after_dot = true;
        rest = skip_spaces(slice_from(rest, 1));
    }
    return array_build(call->arena, type_by_oid(OID_TEXT), names, NULL, count, &out->s);
}
