/* lib/sql/parse/scan.h: the tokens of SQL text, as PostgreSQL's scanner cuts them, without their
 * meaning. Used where a whole parse would be too dear (normaliser) or is not yet safe (guard). */
#ifndef LINERA_SQL_PARSE_SCAN_H
#define LINERA_SQL_PARSE_SCAN_H

#include <stdbool.h>

#include "base/slice.h"

enum token_kind {
    TOKEN_END,
    TOKEN_WORD,           /* keyword or bare identifier */
    TOKEN_QUOTED,         /* "identifier" */
    TOKEN_STRING,         /* '...' without backslashes that mean something */
    TOKEN_STRING_SPECIAL, /* E'', U&'', B'', X'', N'', $tag$...$tag$ */
    TOKEN_INTEGER,        /* digits only */
    TOKEN_NUMBER,         /* with point or exponent */
    TOKEN_PARAM,          /* $1 */
    TOKEN_OPERATOR,       /* a run of operator characters */
    TOKEN_SYMBOL,         /* one of ( ) [ ] , ; . : or the two-byte :: := */
    TOKEN_BAD,            /* unterminated, or a byte that begins nothing; only the last one */
};

struct token {
    enum token_kind kind;
    const char     *start;
    size_t          size;
    bool            has_doubled_quote; /* STRING: contains '' */
};

struct sql_scanner {
    const char *at, *end;
    bool        standard_strings;
};

void sql_scanner_init(struct sql_scanner *s, slice text, bool standard_strings);
/* The next token behind spaces and comments (nested ones too). */
void sql_scanner_next(struct sql_scanner *s, struct token *out);

/* Does a letter, digit or $ stand right behind the token read last? */
bool sql_scanner_at_word(const struct sql_scanner *s);

/* Is it this word, in any case? `lower` is in lower case. */
bool               token_is_word(const struct token *t, const char *lower);
static inline bool token_is_symbol(const struct token *t, char c)
{
    return t->kind == TOKEN_SYMBOL && t->size == 1 && t->start[0] == c;
}

#endif
