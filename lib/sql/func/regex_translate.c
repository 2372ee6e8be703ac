/* From PostgreSQL's advanced regular expressions to PCRE2's: one pass by recursive descent. Every
 * character that is not a letter or digit leaves as \x{...}, so nothing that is special to PCRE2
 * only can slip through. */
#include <string.h>

#include "base/utf8.h"
#include "sql/func/regex.h"

enum { DEPTH_MAX = 100, REPEAT_MAX = 255, GROUPS_MAX = 1000 };

struct translation {
    slice              rest;
    struct regex_flags flags;
    struct buf        *out;
    unsigned           depth;
    unsigned           groups, groups_closed;
    unsigned           lookarounds; /* open ones: parentheses within them do not capture */
    bool               choices;
};

static status bad(const char *why)
{
    return status_new(ST_INVALID_REGEXP, "invalid regular expression: %s", why);
}

status regex_flags_parse(slice letters, struct regex_flags *out)
{
    for (slice s = letters; s.size > 0; s = slice_from(s, 1)) {
        switch (s.data[0]) {
        case 'g':
            out->global = true;
            break;
        case 'i':
        case 'c':
            out->ignore_case = s.data[0] == 'i';
            break;
        case 'n':
        case 'm':
        case 's':
            out->newline_stops = out->newline_ends = s.data[0] != 's';
            break;
        case 'p':
        case 'w':
            out->newline_stops = s.data[0] == 'p';
            out->newline_ends = s.data[0] == 'w';
            break;
        case 'x':
        case 't':
            out->expanded = s.data[0] == 'x';
            break;
        case 'q':
            out->literal = true;
            break;
        case 'e':
            break;
        case 'b':
            return status_new(ST_FEATURE_NOT_SUPPORTED,
                              "basic regular expressions are not supported");
        default:
            return status_new(ST_INVALID_PARAMETER_VALUE,
                              "invalid regular expression option: \"%.*s\"",
                              (int)MIN(utf8_size_of_first((uint8_t)s.data[0]), s.size), s.data);
        }
    }
    return STATUS_OK;
}

static bool at(const struct translation *t, const char *text)
{
    return slice_starts_with(t->rest, slice_cstr(text));
}

static void skip(struct translation *t, size_t n)
{
    t->rest = slice_from(t->rest, n);
}

static bool take(struct translation *t, const char *text)
{
    if (!at(t, text))
        return false;
    skip(t, strlen(text));
    return true;
}

static void put(struct translation *t, const char *text)
{
    buf_append_cstr(t->out, text);
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_alnum(uint32_t c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static void put_character(struct translation *t, uint32_t c)
{
    if (is_alnum(c))
        buf_put_u8(t->out, (uint8_t)c);
    else
        buf_printf(t->out, "\\x{%x}", c);
}

static status take_character(struct translation *t, uint32_t *out)
{
    return utf8_take(&t->rest, out) ? STATUS_OK : bad("invalid multibyte character");
}

/* ---- escapes ----------------------------------------------------------------------------------
 */

static int hex_value(char c)
{
    if (is_digit(c))
        return c - '0';
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Exactly `count` digits; 0: as many as there are. */
static status take_hex(struct translation *t, size_t count, uint32_t *out)
{
    size_t n = 0;

    for (*out = 0; t->rest.size > 0 && (count == 0 || n < count); n++) {
        int v = hex_value(t->rest.data[0]);

        if (v < 0)
            break;
        if (*out > 0x10ffff)
            return bad("invalid escape \\ sequence");
        *out = *out * 16 + (uint32_t)v;
        skip(t, 1);
    }
    if (n == 0 || n < count || *out > 0x10ffff || *out == 0 || (*out >= 0xd800 && *out < 0xe000))
        return bad("invalid escape \\ sequence");
    return STATUS_OK;
}

/* The escapes that name one character, behind their backslash; *is_one false: some other kind,
 * nothing was taken. */
static status take_character_escape(struct translation *t, uint32_t *out, bool *is_one)
{
    static const char letters[] = "aefnrtvbB", values[] = "\a\033\f\n\r\t\v\b\\";
    char              c = t->rest.data[0];
    const char       *known = c != '\0' ? strchr(letters, c) : NULL;

    *is_one = true;
    if (known != NULL) {
        skip(t, 1);
        *out = (uint8_t)values[known - letters];
        return STATUS_OK;
    }
    if (c == 'c' && t->rest.size > 1) {
        skip(t, 1);
        TRY_RETURN(take_character(t, out));
        *out &= 0x1f;
        return STATUS_OK;
    }
    if (c == 'u' || c == 'U' || c == 'x') {
        skip(t, 1);
        return take_hex(t, c == 'u' ? 4 : c == 'U' ? 8 : 0, out);
    }
    if (c == '0') {
        *out = 0;
        for (int i = 0;
             i < 3 && t->rest.size > 0 && t->rest.data[0] >= '0' && t->rest.data[0] < '8'; i++) {
            *out = *out * 8 + (uint32_t)(t->rest.data[0] - '0');
            skip(t, 1);
        }
        return STATUS_OK;
    }
    *is_one = !is_alnum((uint8_t)c);
    return *is_one ? take_character(t, out) : STATUS_OK;
}

/* \1 ... : a group that is complete by here. A larger number is an octal one. */
static status take_back_reference(struct translation *t)
{
    unsigned n = 0;
    slice    begin = t->rest;

    while (t->rest.size > 0 && is_digit(t->rest.data[0]) && n < GROUPS_MAX) {
        n = n * 10 + (unsigned)(t->rest.data[0] - '0');
        skip(t, 1);
    }
    if (n >= 10 && n > t->groups_closed && begin.data[0] < '8' && begin.data[1] < '8') {
        uint32_t c = 0;

        t->rest = begin;
        for (int i = 0;
             i < 3 && t->rest.size > 0 && t->rest.data[0] >= '0' && t->rest.data[0] < '8'; i++) {
            c = c * 8 + (uint32_t)(t->rest.data[0] - '0');
            skip(t, 1);
        }
        put_character(t, c);
        return STATUS_OK;
    }
    if (n == 0 || n > t->groups_closed || t->lookarounds > 0)
        return bad("invalid backreference number");
    buf_printf(t->out, "\\g{%u}", n);
    return STATUS_OK;
}

static const char *word_constraint(char c)
{
    switch (c) {
    case 'A':
        return "\\A";
    case 'Z':
        return "\\z";
    case 'm':
        return "\\b(?=\\w)";
    case 'M':
        return "\\b(?<=\\w)";
    case 'y':
        return "\\b";
    case 'Y':
        return "\\B";
    default:
        return NULL;
    }
}

/* Behind a backslash, outside of brackets. */
static status escape(struct translation *t, bool *is_constraint)
{
    char     c;
    uint32_t value;
    bool     is_one;

    if (t->rest.size == 0)
        return bad("invalid escape \\ sequence");
    c = t->rest.data[0];
    if (c != '\0' && strchr("dswDSW", c) != NULL) {
        buf_printf(t->out, "\\%c", c);
        skip(t, 1);
        return STATUS_OK;
    }
    *is_constraint = word_constraint(c) != NULL;
    if (*is_constraint) {
        put(t, word_constraint(c));
        skip(t, 1);
        return STATUS_OK;
    }
    if (c >= '1' && c <= '9')
        return take_back_reference(t);
    TRY_RETURN(take_character_escape(t, &value, &is_one));
    if (!is_one)
        return bad("invalid escape \\ sequence");
    put_character(t, value);
    return STATUS_OK;
}

/* ---- brackets ---------------------------------------------------------------------------------
 */

/* Behind "[:": the name up to ":]". */
static status character_class(struct translation *t)
{
    static const char *const names[] = {"alnum", "alpha",  "blank", "cntrl", "digit",
                                        "graph", "lower",  "print", "punct", "space",
                                        "upper", "xdigit", "word"};
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        size_t n = strlen(names[i]);

        if (!at(t, names[i]) || !slice_starts_with(slice_from(t->rest, n), slice_cstr(":]")))
            continue;
        skip(t, n + 2);
        if (t->flags.ignore_case &&
            (strcmp(names[i], "lower") == 0 || strcmp(names[i], "upper") == 0))
            put(t, "[:alpha:]");
        else
            buf_printf(t->out, "[:%s:]", names[i]);
        return STATUS_OK;
    }
    return bad("invalid character class");
}

/* One character within brackets; *is_class when it was a class, which is written already. */
static status bracket_item(struct translation *t, uint32_t *out, bool *is_class)
{
    char kind = t->rest.size > 1 ? t->rest.data[1] : '\0';
    bool is_one;

    *is_class = false;
    if (t->rest.data[0] == '[' && kind == ':') {
        *is_class = true;
        skip(t, 2);
        return character_class(t);
    }
    if (t->rest.data[0] == '[' && (kind == '.' || kind == '=')) {
        skip(t, 2);
        TRY_RETURN(take_character(t, out));
        return take(t, kind == '.' ? ".]" : "=]") ? STATUS_OK : bad("invalid collating element");
    }
    if (t->rest.data[0] != '\\')
        return take_character(t, out);
    if (kind == '\0')
        return bad("invalid escape \\ sequence");
    skip(t, 1);
    if (strchr("dswDSW", kind) != NULL) {
        *is_class = true;
        buf_printf(t->out, "\\%c", kind);
        skip(t, 1);
        return STATUS_OK;
    }
    TRY_RETURN(take_character_escape(t, out, &is_one));
    return is_one ? STATUS_OK : bad("invalid escape \\ sequence");
}

static status bracket_range(struct translation *t, uint32_t from)
{
    uint32_t to;
    bool     is_class;

    TRY_RETURN(bracket_item(t, &to, &is_class));
    if (is_class || to < from)
        return bad("invalid character range");
    buf_put_u8(t->out, '-');
    put_character(t, to);
    return STATUS_OK;
}

/* Behind "[". */
static status bracket(struct translation *t)
{
    bool first = true;

    if (take(t, "^")) {
        put(t, "[^");
        if (t->flags.newline_stops)
            put(t, "\\x{a}");
    } else {
        put(t, "[");
    }
    for (; t->rest.size > 0 && (first || t->rest.data[0] != ']'); first = false) {
        uint32_t c;
        bool     is_class;
        bool     may_be_range;

        TRY_RETURN(bracket_item(t, &c, &is_class));
        if (!is_class)
            put_character(t, c);
        may_be_range = t->rest.size > 1 && t->rest.data[0] == '-' && t->rest.data[1] != ']';
        if (!may_be_range)
            continue;
        if (is_class)
            return bad("invalid character range");
        skip(t, 1);
        TRY_RETURN(bracket_range(t, c));
    }
    if (!take(t, "]"))
        return bad("brackets [] not balanced");
    buf_put_u8(t->out, ']');
    return STATUS_OK;
}

/* ---- atoms, quantifiers, branches -------------------------------------------------------------
 */

static status alternatives(struct translation *t, enum regex_preference *preference);

/* Behind "(". */
static status group(struct translation *t, enum regex_preference *preference, bool *is_constraint)
{
    static const char *const lookarounds[] = {"?=", "?!", "?<=", "?<!"};
    bool                     captures = false;

    for (size_t i = 0; i < ARRAY_LEN(lookarounds) && !*is_constraint; i++) {
        if (take(t, lookarounds[i])) {
            buf_printf(t->out, "(%s", lookarounds[i]);
            *is_constraint = true;
        }
    }
    t->lookarounds += *is_constraint;
    if (!*is_constraint) {
        captures = !take(t, "?:") && t->lookarounds == 0;
        if (at(t, "?"))
            return bad("quantifier operand invalid");
        put(t, captures ? "(" : "(?:");
    }
    if (captures && ++t->groups > GROUPS_MAX)
        return bad("regular expression is too complex");
    TRY_RETURN(alternatives(t, preference));
    if (!take(t, ")"))
        return bad("parentheses () not balanced");
    t->groups_closed += captures;
    t->lookarounds -= *is_constraint;
    if (*is_constraint)
        *preference = REGEX_NONE;
    buf_put_u8(t->out, ')');
    return STATUS_OK;
}

static status take_bound(struct translation *t, unsigned *out)
{
    if (t->rest.size == 0 || !is_digit(t->rest.data[0]))
        return bad("invalid repetition count(s)");
    for (*out = 0; t->rest.size > 0 && is_digit(t->rest.data[0]); skip(t, 1)) {
        *out = *out * 10 + (unsigned)(t->rest.data[0] - '0');
        if (*out > REPEAT_MAX)
            return bad("invalid repetition count(s)");
    }
    return STATUS_OK;
}

/* Behind "{", which a digit follows. */
static status bounds(struct translation *t, bool *fixed)
{
    unsigned low, high;

    TRY_RETURN(take_bound(t, &low));
    high = low;
    *fixed = !take(t, ",");
    if (*fixed) {
        buf_printf(t->out, "{%u}", low);
    } else if (t->rest.size > 0 && t->rest.data[0] == '}') {
        buf_printf(t->out, "{%u,}", low);
    } else {
        TRY_RETURN(take_bound(t, &high));
        buf_printf(t->out, "{%u,%u}", low, high);
    }
    if (high < low)
        return bad("invalid repetition count(s)");
    return take(t, "}") ? STATUS_OK : bad("braces {} not balanced");
}

static bool at_quantifier(const struct translation *t)
{
    if (t->rest.size == 0)
        return false;
    return strchr("*+?", t->rest.data[0]) != NULL
               ? t->rest.data[0] != '\0'
               : t->rest.data[0] == '{' && t->rest.size > 1 && is_digit(t->rest.data[1]);
}

/* {1,1}? says nothing but "shortest" of what it stands behind: SIMILAR TO is rewritten to that. */
static void prefer_shortest(struct translation *t, size_t atom_at)
{
    static const char lazy[] = "(?U:";
    size_t            size = buf_slice(t->out).size - atom_at, n = sizeof lazy - 1;
    char             *p;

    buf_reserve(t->out, n);
    p = t->out->data + atom_at;
    memmove(p + n, p, size);
    memcpy(p, lazy, n);
    buf_advance(t->out, n);
    buf_put_u8(t->out, ')');
}

static status quantifier(struct translation *t, bool is_constraint, size_t atom_at,
                         enum regex_preference *preference)
{
    bool fixed = false, lazy;

    if (!at_quantifier(t))
        return STATUS_OK;
    if (take(t, "{1,1}?")) {
        prefer_shortest(t, atom_at);
        t->choices = true;
        *preference = REGEX_SHORTEST;
        return at_quantifier(t) ? bad("quantifier operand invalid") : STATUS_OK;
    }
    if (is_constraint)
        return bad("quantifier operand invalid");
    if (t->rest.data[0] == '{') {
        skip(t, 1);
        TRY_RETURN(bounds(t, &fixed));
    } else {
        buf_put_u8(t->out, (uint8_t)t->rest.data[0]);
        skip(t, 1);
    }
    lazy = take(t, "?");
    if (!fixed) {
        t->choices = true;
        *preference = lazy ? REGEX_SHORTEST : REGEX_LONGEST;
        if (lazy)
            put(t, "?");
    }
    return at_quantifier(t) ? bad("quantifier operand invalid") : STATUS_OK;
}

static status atom(struct translation *t, enum regex_preference *preference, bool *is_constraint)
{
    uint32_t c;

    if (at_quantifier(t))
        return bad("quantifier operand invalid");
    if (take(t, "[[:<:]]") || take(t, "[[:>:]]")) {
        bool begin = t->rest.data[-4] == '<';

        *is_constraint = true;
        put(t, word_constraint(begin ? 'm' : 'M'));
        return STATUS_OK;
    }
    if (take(t, "["))
        return bracket(t);
    if (take(t, "("))
        return group(t, preference, is_constraint);
    if (take(t, "\\"))
        return escape(t, is_constraint);
    if (take(t, ".")) {
        put(t, t->flags.newline_stops ? "[^\\x{a}]" : "(?s:.)");
        return STATUS_OK;
    }
    *is_constraint = at(t, "^") || at(t, "$");
    if (take(t, "^")) {
        put(t, t->flags.newline_ends ? "(?:\\A|(?<=\\x{a}))" : "\\A");
        return STATUS_OK;
    }
    if (take(t, "$")) {
        put(t, t->flags.newline_ends ? "(?=\\x{a}|\\z)" : "\\z");
        return STATUS_OK;
    }
    TRY_RETURN(take_character(t, &c));
    put_character(t, c);
    return STATUS_OK;
}

/* What says nothing: (?#comments), and with the flag x white space and # up to the line's end. */
static status skip_blank(struct translation *t)
{
    for (;;) {
        if (take(t, "(?#")) {
            while (t->rest.size > 0 && t->rest.data[0] != ')')
                skip(t, 1);
            if (!take(t, ")"))
                return bad("parentheses () not balanced");
        } else if (t->flags.expanded && at(t, "#")) {
            while (t->rest.size > 0 && t->rest.data[0] != '\n')
                skip(t, 1);
        } else if (t->flags.expanded && t->rest.size > 0 && t->rest.data[0] != '\0' &&
                   strchr(" \t\n\v\f\r", t->rest.data[0]) != NULL) {
            skip(t, 1);
        } else {
            return STATUS_OK;
        }
    }
}

/* A branch prefers what its first piece with a preference does (section 9.7.3.5). */
static status branch(struct translation *t, enum regex_preference *preference)
{
    *preference = REGEX_NONE;
    for (;;) {
        enum regex_preference of_atom = REGEX_NONE;
        bool                  is_constraint = false;
        size_t                atom_at;

        TRY_RETURN(skip_blank(t));
        if (t->rest.size == 0 || at(t, "|") || (t->depth > 1 && at(t, ")")))
            return STATUS_OK;
        if (at(t, ")"))
            return bad("parentheses () not balanced");
        atom_at = buf_slice(t->out).size;
        TRY_RETURN(atom(t, &of_atom, &is_constraint));
        TRY_RETURN(skip_blank(t));
        TRY_RETURN(quantifier(t, is_constraint, atom_at, &of_atom));
        if (*preference == REGEX_NONE)
            *preference = of_atom;
    }
}

static status alternatives(struct translation *t, enum regex_preference *preference)
{
    if (++t->depth > DEPTH_MAX)
        return bad("regular expression is too complex");
    TRY_RETURN(branch(t, preference));
    while (take(t, "|")) {
        enum regex_preference of_branch;

        buf_put_u8(t->out, '|');
        TRY_RETURN(branch(t, &of_branch));
        *preference = REGEX_LONGEST;
        t->choices = true;
    }
    t->depth--;
    return STATUS_OK;
}

/* ***: and ***= at the very front, and behind the former (?letters). */
static status directors(struct translation *t)
{
    size_t n = 2;
    status st;

    if (take(t, "***=")) {
        t->flags.literal = true;
        return STATUS_OK;
    }
    if (!take(t, "***:") && at(t, "***"))
        return bad("invalid regexp (reg version 0.8)");
    if (!at(t, "(?") || t->rest.size < 3 || !is_alnum((uint8_t)t->rest.data[2]))
        return STATUS_OK;
    while (n < t->rest.size && t->rest.data[n] != ')')
        n++;
    if (n == t->rest.size || memchr(t->rest.data + 2, 'g', n - 2) != NULL)
        return bad("invalid embedded option");
    st = regex_flags_parse(slice_make(t->rest.data + 2, n - 2), &t->flags);
    if (!st_ok(st)) {
        if (status_code(st) != ST_INVALID_PARAMETER_VALUE)
            return st;
        st_clear(st);
        return bad("invalid embedded option");
    }
    skip(t, n + 1);
    return STATUS_OK;
}

status regex_translate(slice pattern, struct regex_flags flags, struct buf *out,
                       enum regex_preference *preference, bool *choices)
{
    struct translation t = {.rest = pattern, .flags = flags, .out = out};

    *preference = REGEX_NONE;
    *choices = false;
    if (!flags.literal)
        TRY_RETURN(directors(&t));
    if (t.flags.ignore_case)
        put(&t, "(?i)");
    if (t.flags.literal) {
        while (t.rest.size > 0) {
            uint32_t c;

            TRY_RETURN(take_character(&t, &c));
            put_character(&t, c);
        }
        return STATUS_OK;
    }
    TRY_RETURN(alternatives(&t, preference));
    *choices = t.choices;
    return STATUS_OK;
}
