#include "sql/parse/scan.h"

#include <string.h>

enum {
    C_SPACE = 1,
    C_WORD_START = 2, /* letters, underscore, every byte above 127 */
    C_DIGIT = 4,
    C_OPERATOR = 8,
    C_SYMBOL = 16,
    C_DOLLAR = 32,
};

/* clang-format off */
#define S C_SPACE
#define W C_WORD_START
#define D C_DIGIT
#define O C_OPERATOR
#define Y C_SYMBOL
#define M C_DOLLAR
static const unsigned char char_class[256] = {
    0, 0, 0, 0, 0, 0, 0, 0, 0, S, S, S, S, S, 0, 0, /* 0x */
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, /* 1x */
    S, O, 0, O, M, O, O, 0, Y, Y, O, O, Y, O, Y, O, /* 2x */
    D, D, D, D, D, D, D, D, D, D, Y, Y, O, O, O, O, /* 3x */
    O, W, W, W, W, W, W, W, W, W, W, W, W, W, W, W, /* 4x */
    W, W, W, W, W, W, W, W, W, W, W, Y, 0, Y, O, W, /* 5x */
    O, W, W, W, W, W, W, W, W, W, W, W, W, W, W, W, /* 6x */
    W, W, W, W, W, W, W, W, W, W, W, 0, O, 0, O, 0, /* 7x */
    W, W, W, W, W, W, W, W, W, W, W, W, W, W, W, W, /* 8x */
    W, W, W, W, W, W, W, W, W, W, W, W, W, W, W, W, /* 9x */
    W, W, W, W, W, W, W, W, W, W, W, W, W, W, W, W, /* Ax */
    W, W, W, W, W, W, W, W, W, W, W, W, W, W, W, W, /* Bx */
    W, W, W, W, W, W, W, W, W, W, W, W, W, W, W, W, /* Cx */
    W, W, W, W, W, W, W, W, W, W, W, W, W, W, W, W, /* Dx */
    W, W, W, W, W, W, W, W, W, W, W, W, W, W, W, W, /* Ex */
    W, W, W, W, W, W, W, W, W, W, W, W, W, W, W, W, /* Fx */
};
#undef S
#undef W
#undef D
#undef O
#undef Y
#undef M
/* clang-format on */

static inline unsigned class_at(const struct sql_scanner *s, const char *p)
{
    return p < s->end ? char_class[(unsigned char)*p] : 0;
}

void sql_scanner_init(struct sql_scanner *s, slice text, bool standard_strings)
{
    s->at = text.data;
    s->end = text.data == NULL ? NULL : text.data + text.size;
    s->standard_strings = standard_strings;
}

/* Behind a comment that nests, or NULL when it does not end. `p` stands at its first byte. */
static const char *skip_block_comment(const struct sql_scanner *s, const char *p)
{
    size_t depth = 0;

    while (p + 1 < s->end) {
        if (p[0] == '/' && p[1] == '*') {
            depth++;
            p += 2;
        } else if (p[0] == '*' && p[1] == '/') {
            p += 2;
            if (--depth == 0)
                return p;
        } else {
            p++;
        }
    }
    return NULL;
}

static const char *skip_line_comment(const struct sql_scanner *s, const char *p)
{
    while (p < s->end && *p != '\n' && *p != '\r')
        p++;
    return p;
}

/* False when a comment does not end. */
static bool skip_space(struct sql_scanner *s)
{
    for (;;) {
        const char *p = s->at;

        while (class_at(s, p) == C_SPACE)
            p++;
        if (p + 1 < s->end && p[0] == '-' && p[1] == '-') {
            p = skip_line_comment(s, p);
        } else if (p + 1 < s->end && p[0] == '/' && p[1] == '*') {
            p = skip_block_comment(s, p);
            if (p == NULL)
                return false;
        } else {
            s->at = p;
            return true;
        }
        s->at = p;
    }
}

/* `p` stands behind the opening quote. Behind the closing one, or NULL. */
static const char *skip_quoted(const struct sql_scanner *s, const char *p, char quote,
                               bool backslash, bool *doubled)
{
    for (; p < s->end; p++) {
        if (backslash && *p == '\\') {
            p++;
        } else if (*p == quote) {
            if (p + 1 < s->end && p[1] == quote) {
                *doubled = true;
                p++;
            } else {
                return p + 1;
            }
        }
    }
    return NULL;
}

static const char *skip_word(const struct sql_scanner *s, const char *p)
{
    while (class_at(s, p) & (C_WORD_START | C_DIGIT | C_DOLLAR))
        p++;
    return p;
}

/* $1, $$...$$, $tag$...$tag$; NULL when it is none of them or does not end. */
static const char *scan_dollar(const struct sql_scanner *s, const char *p, enum token_kind *kind)
{
    const char *tag = p, *q = p + 1;
    size_t      tag_size;

    if (class_at(s, q) == C_DIGIT) {
        *kind = TOKEN_PARAM;
        while (class_at(s, q) == C_DIGIT)
            q++;
        return q;
    }
    if (class_at(s, q) == C_WORD_START)
        while (class_at(s, q) & (C_WORD_START | C_DIGIT))
            q++;
    if (q >= s->end || *q != '$')
        return NULL;
    *kind = TOKEN_STRING_SPECIAL;
    tag_size = (size_t)(q + 1 - tag);
    q = memmem(q + 1, (size_t)(s->end - q - 1), tag, tag_size);
    return q == NULL ? NULL : q + tag_size;
}

static const char *scan_number(const struct sql_scanner *s, const char *p, enum token_kind *kind)
{
    *kind = TOKEN_INTEGER;
    while (class_at(s, p) == C_DIGIT)
        p++;
    /* "1..2" is two tokens to PostgreSQL; the second point is left alone. */
    if (p < s->end && *p == '.' && !(p + 1 < s->end && p[1] == '.')) {
        *kind = TOKEN_NUMBER;
        p++;
        while (class_at(s, p) == C_DIGIT)
            p++;
    }
    if (p < s->end && (*p == 'e' || *p == 'E')) {
        const char *q = p + 1;

        if (q < s->end && (*q == '+' || *q == '-'))
            q++;
        if (class_at(s, q) == C_DIGIT) {
            *kind = TOKEN_NUMBER;
            while (class_at(s, q) == C_DIGIT)
                q++;
            p = q;
        }
    }
    return p;
}

/* Operator characters up to the start of a comment. PostgreSQL also takes trailing + and - off
 * some; a caller that cares looks at the last byte. */
static const char *scan_operator(const struct sql_scanner *s, const char *p)
{
    const char *start = p;

    while (class_at(s, p) == C_OPERATOR) {
        if (p > start && p + 1 < s->end &&
            ((p[0] == '-' && p[1] == '-') || (p[0] == '/' && p[1] == '*')))
            break;
        p++;
    }
    return p;
}

/* A word, or one of the strings that begin with a letter. */
static const char *scan_word(const struct sql_scanner *s, const char *p, struct token *out)
{
    bool doubled = false;
    char c = *p, next = p + 1 < s->end ? p[1] : '\0';

    if (next == '\'' && strchr("eEbBxXnN", c) != NULL) {
        out->kind = TOKEN_STRING_SPECIAL;
        return skip_quoted(s, p + 2, '\'', c == 'e' || c == 'E', &doubled);
    }
    if ((c == 'u' || c == 'U') && next == '&' && p + 2 < s->end) {
        out->kind = TOKEN_STRING_SPECIAL;
        if (p[2] == '\'' || p[2] == '"')
            return skip_quoted(s, p + 3, p[2], false, &doubled);
    }
    out->kind = TOKEN_WORD;
    return skip_word(s, p);
}

static const char *scan_symbol(const struct sql_scanner *s, const char *p, struct token *out)
{
    if (*p == '.' && class_at(s, p + 1) == C_DIGIT) {
        const char *end = scan_number(s, p, &out->kind);

        out->kind = TOKEN_NUMBER;
        return end;
    }
    out->kind = TOKEN_SYMBOL;
    if (*p == ':' && p + 1 < s->end && (p[1] == ':' || p[1] == '='))
        return p + 2;
    return p + 1;
}

void sql_scanner_next(struct sql_scanner *s, struct token *out)
{
    const char *end = NULL;

    *out = (struct token){.kind = TOKEN_BAD};
    if (!skip_space(s)) {
        out->start = s->at;
        out->size = (size_t)(s->end - s->at);
        s->at = s->end;
        return;
    }
    out->start = s->at;
    if (s->at >= s->end) {
        out->kind = TOKEN_END;
        return;
    }
    switch (class_at(s, s->at)) {
    case C_WORD_START:
        end = scan_word(s, s->at, out);
        break;
    case C_DIGIT:
        end = scan_number(s, s->at, &out->kind);
        break;
    case C_OPERATOR:
        out->kind = TOKEN_OPERATOR;
        end = scan_operator(s, s->at);
        break;
    case C_SYMBOL:
        end = scan_symbol(s, s->at, out);
        break;
    case C_DOLLAR:
        end = scan_dollar(s, s->at, &out->kind);
        break;
    default:
        if (*s->at == '\'') {
            out->kind = s->standard_strings ? TOKEN_STRING : TOKEN_STRING_SPECIAL;
            end = skip_quoted(s, s->at + 1, '\'', !s->standard_strings, &out->has_doubled_quote);
        } else if (*s->at == '"') {
            bool doubled = false;

            out->kind = TOKEN_QUOTED;
            end = skip_quoted(s, s->at + 1, '"', false, &doubled);
        }
    }
    if (end == NULL) {
        out->kind = TOKEN_BAD;
        end = s->end;
    }
    out->size = (size_t)(end - out->start);
    s->at = end;
}

bool sql_scanner_at_word(const struct sql_scanner *s)
{
    return (class_at(s, s->at) & (C_WORD_START | C_DIGIT | C_DOLLAR)) != 0;
}

bool token_is_word(const struct token *t, const char *lower)
{
    if (t->kind != TOKEN_WORD)
        return false;
    for (size_t i = 0; i < t->size; i++) {
        char c = t->start[i];

        if (c >= 'A' && c <= 'Z')
            c = (char)(c + ('a' - 'A'));
        if (c != lower[i]) /* also at the end of `lower`: no word holds a zero byte */
            return false;
    }
    return lower[t->size] == '\0';
}
