/* The operators and functions of regular expressions (PostgreSQL 15, sections 9.7.2 and 9.7.3). */
#include "base/utf8.h"
#include "sql/func/implement.h"
#include "sql/func/regex.h"
#include "sql/func/text.h"
#include "sql/types/array.h"

/* The pattern that a call site saw first, compiled. It is nearly always the only one; others are
 * compiled for their row, so that a column of patterns does not fill the call site's memory. */
struct cached_pattern {
    slice              pattern;
    struct regex_flags flags;
    struct regex      *regex;
};

static bool flags_equal(struct regex_flags a, struct regex_flags b)
{
    return a.ignore_case == b.ignore_case && a.expanded == b.expanded &&
           a.newline_stops == b.newline_stops && a.newline_ends == b.newline_ends &&
           a.literal == b.literal;
}

static status compiled(struct fn_call *call, slice pattern, struct regex_flags flags,
                       struct regex **out)
{
    struct cached_pattern *c = call->state;

    if (c == NULL) {
        c = ARENA_NEW(call->call_arena, struct cached_pattern);
        TRY_RETURN(regex_compile(call->call_arena, pattern, flags, &c->regex));
        c->pattern = arena_copy(call->call_arena, pattern);
        c->flags = flags;
        call->state = c;
    }
    if (slice_eq(c->pattern, pattern) && flags_equal(c->flags, flags)) {
        *out = c->regex;
        return STATUS_OK;
    }
    TRY_RETURN(arena_check(call->arena));
    return regex_compile(call->arena, pattern, flags, out);
}

static status check_cancelled(struct fn_call *call)
{
    return call->context != NULL && call->context->session != NULL
               ? sql_check_interrupts(call->context)
               : STATUS_OK;
}

/* ---- ~ and its kin ----------------------------------------------------------------------------
 */

static status matches(struct fn_call *call, slice text, slice pattern, struct regex_flags flags,
                      bool *out)
{
    struct regex *r;

    TRY_RETURN(compiled(call, pattern, flags, &r));
    return regex_search(r, arena_heap(call->arena), text, 0, out, NULL);
}

#define MATCH(name, ...)                                                                           \
    FN(name##eq)                                                                                   \
    {                                                                                              \
        return matches(call, args[0].s, args[1].s, (struct regex_flags){__VA_ARGS__}, &out->b);    \
    }                                                                                              \
    FN(name##ne)                                                                                   \
    {                                                                                              \
        TRY_RETURN(                                                                                \
            matches(call, args[0].s, args[1].s, (struct regex_flags){__VA_ARGS__}, &out->b));      \
        out->b = !out->b;                                                                          \
        return STATUS_OK;                                                                          \
    }

MATCH(textregex, .ignore_case = false)
MATCH(texticregex, .ignore_case = true)
MATCH(nameregex, .ignore_case = false)
MATCH(nameicregex, .ignore_case = true)

/* ---- all matches ------------------------------------------------------------------------------
 */

/* Matches of one text, one after the other. */
struct scan {
    struct fn_call    *call;
    struct regex      *regex;
    slice              text;
    bool               global;
    bool               skip_empty; /* as the splitting functions want it */
    bool               done;
    size_t             from, end_before;
    struct regex_span *spans;
};

static status scan_open(struct scan *s, struct fn_call *call, struct arena *a, slice text,
                        slice pattern, struct regex_flags flags)
{
    *s = (struct scan){.call = call, .text = text, .global = flags.global};
    TRY_RETURN(compiled(call, pattern, flags, &s->regex));
    s->spans = ARENA_ARRAY(a, struct regex_span, regex_group_count(s->regex) + 1);
    return STATUS_OK;
}

/* Behind an empty match the search goes on one character later, or it would find it again. */
static size_t behind(slice text, struct regex_span m)
{
    if (m.end > m.begin)
        return m.end;
    return m.end < text.size ? m.end + utf8_size_of_first((uint8_t)text.data[m.end])
                             : text.size + 1;
}

static status scan_next(struct scan *s, bool *found)
{
    *found = false;
    while (!s->done && s->from <= s->text.size && !*found) {
        struct regex_span m;

        TRY_RETURN(check_cancelled(s->call));
        TRY_RETURN(
            regex_search(s->regex, arena_heap(s->call->arena), s->text, s->from, found, s->spans));
        s->done = !*found || !s->global;
        if (!*found)
            break;
        m = s->spans[0];
        *found = !s->skip_empty || (m.begin < s->text.size && m.end > s->end_before);
        if (*found)
            s->end_before = m.end;
        s->from = behind(s->text, m);
    }
    return STATUS_OK;
}

static slice span_text(slice text, struct regex_span m)
{
    return slice_make(text.data + m.begin, m.end - m.begin);
}

/* ---- substring, regexp_match, regexp_matches --------------------------------------------------
 */

static status substring(struct fn_call *call, slice text, slice pattern, datum *out, bool *null)
{
    struct scan s;
    bool        found;
    size_t      take;

    TRY_RETURN(scan_open(&s, call, call->arena, text, pattern, (struct regex_flags){0}));
    TRY_RETURN(scan_next(&s, &found));
    take = regex_group_count(s.regex) > 0 ? 1 : 0;
    *null = !found || s.spans[take].begin == REGEX_UNSET;
    if (!*null)
        out->s = span_text(s.text, s.spans[take]);
    return STATUS_OK;
}

FN(textregexsubstr)
{
    return substring(call, args[0].s, args[1].s, out, null);
}

static status refuse_global(struct regex_flags flags, const char *function, const char *instead)
{
    status st;

    if (!flags.global)
        return STATUS_OK;
    st = status_new(ST_INVALID_PARAMETER_VALUE, "%s() does not support the \"global\" option",
                    function);
    return instead != NULL ? status_hint(st, "Use the %s function instead.", instead) : st;
}

/* The groups of a match, or the whole of it when there are none. */
static status groups_array(struct scan *s, struct arena *a, slice *out)
{
    size_t n = regex_group_count(s->regex), first = n > 0;
    datum *values = ARENA_ARRAY(a, datum, n + 1);
    bool  *nulls = ARENA_ARRAY(a, bool, n + 1);

    n = MAX(n, 1);
    for (size_t i = 0; i < n; i++) {
        nulls[i] = s->spans[first + i].begin == REGEX_UNSET;
        if (!nulls[i])
            values[i].s = span_text(s->text, s->spans[first + i]);
    }
    return array_build(a, type_by_oid(OID_TEXT), values, nulls, n, out);
}

FN(regexp_match)
{
    struct scan        s;
    struct regex_flags flags = {0};
    bool               found;

    if (call->fn->arg_count > 2)
        TRY_RETURN(regex_flags_parse(args[2].s, &flags));
    TRY_RETURN(refuse_global(flags, "regexp_match", "regexp_matches"));
    TRY_RETURN(scan_open(&s, call, call->arena, args[0].s, args[1].s, flags));
    TRY_RETURN(scan_next(&s, &found));
    *null = !found;
    return found ? groups_array(&s, call->arena, &out->s) : STATUS_OK;
}

/* What a set-returning function keeps from row to row. */
static status set_scan(struct fn_call *call, void **cursor, const datum *args,
                       struct regex_flags flags, struct scan **out)
{
    if (*cursor == NULL) {
        struct scan *s = ARENA_NEW(call->call_arena, struct scan);

        TRY_RETURN(scan_open(s, call, call->call_arena, arena_copy(call->call_arena, args[0].s),
                             args[1].s, flags));
        *cursor = s;
    }
    *out = *cursor;
    (*out)->call = call;
    return STATUS_OK;
}

FN_SET(regexp_matches)
{
    struct scan       *s;
    struct regex_flags flags = {0};
    bool               found;

    if (call->fn->arg_count > 2)
        TRY_RETURN(regex_flags_parse(args[2].s, &flags));
    TRY_RETURN(set_scan(call, cursor, args, flags, &s));
    TRY_RETURN(scan_next(s, &found));
    return found ? groups_array(s, call->arena, &out->s) : STATUS_NO_DATA;
}

/* ---- splitting --------------------------------------------------------------------------------
 */

static status split_flags(struct fn_call *call, const datum *args, const char *name,
                          struct regex_flags *out)
{
    *out = (struct regex_flags){0};
    if (call->fn->arg_count > 2)
        TRY_RETURN(regex_flags_parse(args[2].s, out));
    TRY_RETURN(refuse_global(*out, name, NULL));
    out->global = true;
    return STATUS_OK;
}

/* The text up to the next match; false behind the last piece. */
static status next_piece(struct scan *s, slice *out, bool *more)
{
    size_t begin = s->end_before;
    bool   found;

    *more = begin != REGEX_UNSET;
    if (!*more)
        return STATUS_OK;
    s->skip_empty = true;
    TRY_RETURN(scan_next(s, &found));
    *out = slice_make(s->text.data + begin, (found ? s->spans[0].begin : s->text.size) - begin);
    if (!found)
        s->end_before = REGEX_UNSET;
    return STATUS_OK;
}

FN_SET(regexp_split_to_table)
{
    struct scan       *s;
    struct regex_flags flags;
    bool               more;

    TRY_RETURN(split_flags(call, args, "regexp_split_to_table", &flags));
    TRY_RETURN(set_scan(call, cursor, args, flags, &s));
    TRY_RETURN(next_piece(s, &out->s, &more));
    return more ? STATUS_OK : STATUS_NO_DATA;
}

FN(regexp_split_to_array)
{
    struct scan        s;
    struct regex_flags flags;
    datum             *pieces = NULL;
    size_t             count = 0, capacity = 0;

    TRY_RETURN(split_flags(call, args, "regexp_split_to_array", &flags));
    TRY_RETURN(scan_open(&s, call, call->arena, args[0].s, args[1].s, flags));
    for (;;) {
        bool more;

        if (count == capacity) {
            TRY_RETURN(arena_check(call->arena));
            pieces = arena_realloc(call->arena, pieces, capacity * sizeof *pieces,
                                   MAX(2 * capacity, 16) * sizeof *pieces);
            capacity = MAX(2 * capacity, 16);
        }
        TRY_RETURN(next_piece(&s, &pieces[count].s, &more));
        if (!more)
            break;
        count++;
    }
    return array_build(call->arena, type_by_oid(OID_TEXT), pieces, NULL, count, &out->s);
}

/* ---- regexp_replace ---------------------------------------------------------------------------
 */

/* \1 to \9 and \& stand for what matched, \\ for a backslash. */
static void put_replacement(struct buf *b, const struct scan *s, slice replacement)
{
    size_t groups = regex_group_count(s->regex);

    while (replacement.size > 0) {
        char   c = replacement.data[0], next = replacement.size > 1 ? replacement.data[1] : '\0';
        size_t group = next == '&' ? 0 : (size_t)(next - '0');

        if (c != '\\' || (next != '&' && next != '\\' && (next < '1' || next > '9'))) {
            buf_put_u8(b, (uint8_t)c);
            replacement = slice_from(replacement, 1);
            continue;
        }
        if (next == '\\')
            buf_put_u8(b, '\\');
        else if (group <= groups && s->spans[group].begin != REGEX_UNSET)
            buf_append_slice(b, span_text(s->text, s->spans[group]));
        replacement = slice_from(replacement, 2);
    }
}

/* The nth match is replaced; every one when nth is 0. */
static status replace(struct fn_call *call, struct scan *s, slice replacement, int64_t nth,
                      slice *out)
{
    struct buf b;
    size_t     copied = 0;
    status     st;
    bool       found;

    s->global = true;
    buf_init(&b, arena_heap(call->arena));
    for (int64_t i = 1; nth == 0 || i <= nth; i++) {
        TRY(st, scan_next(s, &found), out);
        if (!found)
            break;
        if (nth != 0 && i < nth)
            continue;
        buf_append(&b, s->text.data + copied, s->spans[0].begin - copied);
        put_replacement(&b, s, replacement);
        copied = s->spans[0].end;
        if (b.size > TEXT_SIZE_MAX) {
            st = text_too_long();
            goto out;
        }
    }
    buf_append(&b, s->text.data + copied, s->text.size - copied);
    st = arena_check(call->arena);
    *out = arena_copy(call->arena, buf_slice(&b));

out:
    buf_deinit(&b);
    return st;
}

static status check_parameter(const char *name, int64_t v, int64_t low, int64_t high)
{
    if (v >= low && v <= high)
        return STATUS_OK;
    return status_new(ST_INVALID_PARAMETER_VALUE, "invalid value for parameter \"%s\": %lld", name,
                      (long long)v);
}

/* The byte at character `start`, from 1 on; behind the text when there are fewer. */
static size_t start_byte(slice text, int64_t start)
{
    size_t n = utf8_length(text);

    return (uint64_t)start - 1 > n ? text.size + 1 : utf8_offset(text, (size_t)start - 1);
}

static status replace_from(struct fn_call *call, const datum *args, struct regex_flags flags,
                           int64_t start, int64_t nth, datum *out)
{
    struct scan s;

    TRY_RETURN(scan_open(&s, call, call->arena, args[0].s, args[1].s, flags));
    s.from = start_byte(s.text, start);
    return replace(call, &s, args[2].s, nth, &out->s);
}

FN(textregexreplace_noopt)
{
    return replace_from(call, args, (struct regex_flags){0}, 1, 1, out);
}

FN(textregexreplace)
{
    struct regex_flags flags = {0};
    slice              letters = args[3].s;

    if (letters.size > 0 && letters.data[0] >= '0' && letters.data[0] <= '9')
        return status_hint(status_new(ST_INVALID_PARAMETER_VALUE,
                                      "invalid regular expression option: \"%c\"", letters.data[0]),
                           "If you meant to use regexp_replace() with a start parameter, cast the "
                           "fourth argument to integer explicitly.");
    TRY_RETURN(regex_flags_parse(letters, &flags));
    return replace_from(call, args, flags, 1, flags.global ? 0 : 1, out);
}

/* regexp_replace(text, pattern, replacement, start [, n [, flags]]) */
FN(textregexreplace_extended)
{
    struct regex_flags flags = {0};
    int64_t            nth = call->fn->arg_count > 4 ? args[4].i : 1;

    TRY_RETURN(check_parameter("start", args[3].i, 1, INT32_MAX));
    TRY_RETURN(check_parameter("n", nth, 0, INT32_MAX));
    if (call->fn->arg_count > 5)
        TRY_RETURN(regex_flags_parse(args[5].s, &flags));
    return replace_from(call, args, flags, args[3].i, nth, out);
}

/* ---- regexp_count, regexp_like, regexp_instr, regexp_substr -------------------------------------
 */

FN(regexp_like)
{
    struct regex_flags flags = {0};

    if (call->fn->arg_count > 2)
        TRY_RETURN(regex_flags_parse(args[2].s, &flags));
    TRY_RETURN(refuse_global(flags, "regexp_like", NULL));
    return matches(call, args[0].s, args[1].s, flags, &out->b);
}

/* Open a scan from character `start` on, with every match. */
static status scan_from(struct scan *s, struct fn_call *call, const datum *args, int64_t start,
                        slice letters, const char *name)
{
    struct regex_flags flags = {0};

    TRY_RETURN(check_parameter("start", start, 1, INT32_MAX));
    TRY_RETURN(regex_flags_parse(letters, &flags));
    TRY_RETURN(refuse_global(flags, name, NULL));
    flags.global = true;
    TRY_RETURN(scan_open(s, call, call->arena, args[0].s, args[1].s, flags));
    s->from = start_byte(s->text, start);
    return STATUS_OK;
}

FN(regexp_count)
{
    size_t      n = call->fn->arg_count;
    struct scan s;
    bool        found = true;

    TRY_RETURN(scan_from(&s, call, args, n > 2 ? args[2].i : 1, n > 3 ? args[3].s : SLICE_EMPTY,
                         "regexp_count"));
    for (out->i = 0; found; out->i += found)
        TRY_RETURN(scan_next(&s, &found));
    return STATUS_OK;
}

/* The span of group `group` of the nth match; *found false when there is none. Without groups, the
 * first is the whole match. */
static status nth_span(struct scan *s, int64_t nth, int64_t group, struct regex_span *out,
                       bool *found)
{
    if (group == 1 && regex_group_count(s->regex) == 0)
        group = 0;
    *found = group <= (int64_t)regex_group_count(s->regex);
    for (int64_t i = 0; i < nth && *found; i++)
        TRY_RETURN(scan_next(s, found));
    if (*found)
        *out = s->spans[group];
    *found = *found && out->begin != REGEX_UNSET;
    return STATUS_OK;
}

/* (text, pattern [, start [, n [, end option [, flags [, group]]]]]) */
FN(regexp_instr)
{
    size_t  n = call->fn->arg_count;
    int64_t nth = n > 3 ? args[3].i : 1, end = n > 4 ? args[4].i : 0, group = n > 6 ? args[6].i : 0;
    struct scan       s;
    struct regex_span m;
    bool              found;

    TRY_RETURN(check_parameter("start", n > 2 ? args[2].i : 1, 1, INT32_MAX));
    TRY_RETURN(check_parameter("n", nth, 1, INT32_MAX));
    TRY_RETURN(check_parameter("endoption", end, 0, 1));
    TRY_RETURN(check_parameter("subexpr", group, 0, INT32_MAX));
    TRY_RETURN(scan_from(&s, call, args, n > 2 ? args[2].i : 1, n > 5 ? args[5].s : SLICE_EMPTY,
                         "regexp_instr"));
    TRY_RETURN(nth_span(&s, nth, group, &m, &found));
    out->i = !found ? 0 : (int64_t)utf8_length(slice_make(s.text.data, end ? m.end : m.begin)) + 1;
    return STATUS_OK;
}

/* (text, pattern [, start [, n [, flags [, group]]]]) */
FN(regexp_substr)
{
    size_t            n = call->fn->arg_count;
    int64_t           nth = n > 3 ? args[3].i : 1, group = n > 5 ? args[5].i : 0;
    struct scan       s;
    struct regex_span m;
    bool              found;

    TRY_RETURN(check_parameter("start", n > 2 ? args[2].i : 1, 1, INT32_MAX));
    TRY_RETURN(check_parameter("n", nth, 1, INT32_MAX));
    TRY_RETURN(check_parameter("subexpr", group, 0, INT32_MAX));
    TRY_RETURN(scan_from(&s, call, args, n > 2 ? args[2].i : 1, n > 4 ? args[4].s : SLICE_EMPTY,
                         "regexp_substr"));
    TRY_RETURN(nth_span(&s, nth, group, &m, &found));
    *null = !found;
    if (found)
        out->s = span_text(s.text, m);
    return STATUS_OK;
}

/* ---- SIMILAR TO -------------------------------------------------------------------------------
 */

static void put_similar_bracket(struct buf *b, slice *pattern, slice escape)
{
    bool first = true;

    buf_put_u8(b, '[');
    *pattern = slice_from(*pattern, 1);
    for (; pattern->size > 0; *pattern = slice_from(*pattern, 1)) {
        char c = pattern->data[0];

        if (escape.size > 0 && slice_starts_with(*pattern, escape) && pattern->size > escape.size) {
            *pattern = slice_from(*pattern, escape.size);
            buf_put_u8(b, '\\');
            c = pattern->data[0];
        } else if (c == '\\') {
            buf_put_u8(b, '\\');
        } else if (c == ']' && !first) {
            return;
        }
        first = first && c == '^';
        buf_put_u8(b, (uint8_t)c);
    }
}

/* escape" marks the part that substring() returns: twice or not at all. */
static status put_separator(struct buf *b, int *separators)
{
    if (++*separators > 2)
        return status_new(ST_INVALID_USE_OF_ESCAPE,
                          "SQL regular expression may not contain more than two "
                          "escape-double-quote separators");
    buf_append_cstr(b, *separators == 1 ? "){1,1}?(" : "){1,1}(?:");
    return STATUS_OK;
}

static void put_similar_character(struct buf *b, char c)
{
    if (c == '%')
        buf_append_cstr(b, ".*");
    else if (c == '(')
        buf_append_cstr(b, "(?:");
    else if (c == '\\' || c == '.' || c == '^' || c == '$')
        buf_printf(b, "\\%c", c);
    else
        buf_put_u8(b, (uint8_t)(c == '_' ? '.' : c));
}

static status put_similar(struct buf *b, slice pattern, slice escape)
{
    int separators = 0;

    buf_append_cstr(b, "^(?:");
    while (pattern.size > 0) {
        if (escape.size > 0 && slice_starts_with(pattern, escape)) {
            pattern = slice_from(pattern, escape.size);
            if (pattern.size == 0)
                break;
            if (pattern.data[0] == '"') {
                TRY_RETURN(put_separator(b, &separators));
            } else {
                /* Any character may be escaped: \d and its kin are within reach that way. */
                size_t n = MIN(utf8_size_of_first((uint8_t)pattern.data[0]), pattern.size);

                buf_put_u8(b, '\\');
                buf_append(b, pattern.data, n);
                pattern = slice_from(pattern, n - 1);
            }
        } else if (pattern.data[0] == '[') {
            put_similar_bracket(b, &pattern, escape);
            if (pattern.size == 0)
                break;
            buf_put_u8(b, ']');
        } else {
            put_similar_character(b, pattern.data[0]);
        }
        pattern = slice_from(pattern, 1);
    }
    buf_append_cstr(b, ")$");
    return STATUS_OK;
}

static status similar(struct fn_call *call, slice pattern, slice escape, datum *out)
{
    struct buf b;
    status     st;

    if (utf8_length(escape) > 1)
        return status_hint(status_new(ST_INVALID_ESCAPE_SEQUENCE, "invalid escape string"), "%s",
                           "Escape string must be empty or one character.");
    buf_init(&b, arena_heap(call->arena));
    st = put_similar(&b, pattern, escape);
    if (st_ok(st))
        st = fn_return_text(call, buf_slice(&b), out);
    buf_deinit(&b);
    return st;
}

FN(similar_to_escape_2)
{
    return similar(call, args[0].s, args[1].s, out);
}

FN(similar_to_escape_1)
{
    return similar(call, args[0].s, slice_cstr("\\"), out);
}

FN(similar_escape)
{
    *null = nulls[0];
    if (*null)
        return STATUS_OK;
    return similar(call, args[0].s, nulls[1] ? slice_cstr("\\") : args[1].s, out);
}

/* substring(text SIMILAR pattern ESCAPE escape) */
FN(substring_2074)
{
    datum pattern;

    TRY_RETURN(similar(call, args[1].s, args[2].s, &pattern));
    return substring(call, args[0].s, pattern.s, out, null);
}
