#include "sql/parse/normalise.h"

#include <string.h>

#include "sql/parse/scan.h"
#include "sql/types/type.h"

/* What a word means to this scanner. Everything not listed is W_OTHER: a name, a type, a function.
 */
enum word {
    W_OTHER,
    W_STATEMENT, /* begins a statement that is normalised */
    W_OPERAND,   /* an operand may follow: a string behind it is a value, not a typed literal */
    W_BY,        /* of ORDER BY: positions and output names follow */
    W_KEEP,      /* LIMIT and others: what follows, to the end of the clause, stays as it is */
    W_CLAUSE,    /* ends ORDER BY and LIMIT */
    W_AS,
    W_CAST,
    W_TYPE,     /* a type whose parentheses hold modifiers */
    W_CONFLICT, /* the arbiter's predicate must match an index's, literals included */
    W_DO,
    W_REFUSE, /* expressions that must equal each other: GROUP BY, DISTINCT; WITH, OVER ... */
};

struct word_entry {
    const char *name;
    enum word   word;
};

/* Sorted. */
/* clang-format off */
static const struct word_entry words[] = {
    {"all", W_OPERAND}, {"and", W_OPERAND}, {"any", W_OPERAND}, {"as", W_AS},
    {"between", W_OPERAND}, {"bit", W_TYPE}, {"by", W_BY},
    {"case", W_OPERAND}, {"cast", W_CAST}, {"char", W_TYPE}, {"character", W_TYPE},
    {"conflict", W_CONFLICT}, {"cube", W_REFUSE}, {"current_time", W_TYPE},
    {"current_timestamp", W_TYPE},
    {"dec", W_TYPE}, {"decimal", W_TYPE}, {"delete", W_STATEMENT}, {"distinct", W_REFUSE},
    {"do", W_DO},
    {"else", W_OPERAND}, {"except", W_CLAUSE},
    {"fetch", W_KEEP}, {"float", W_TYPE}, {"for", W_CLAUSE}, {"from", W_CLAUSE},
    {"group", W_REFUSE}, {"grouping", W_REFUSE},
    {"having", W_REFUSE},
    {"ilike", W_OPERAND}, {"in", W_OPERAND}, {"insert", W_STATEMENT}, {"intersect", W_CLAUSE},
    {"interval", W_TYPE}, {"into", W_CLAUSE},
    {"like", W_OPERAND}, {"limit", W_KEEP}, {"localtime", W_TYPE}, {"localtimestamp", W_TYPE},
    {"nchar", W_TYPE}, {"not", W_OPERAND}, {"numeric", W_TYPE},
    {"offset", W_KEEP}, {"on", W_OPERAND}, {"or", W_OPERAND}, {"over", W_REFUSE},
    {"returning", W_CLAUSE}, {"rollup", W_REFUSE},
    {"select", W_STATEMENT}, {"set", W_CLAUSE}, {"similar", W_KEEP}, {"some", W_OPERAND},
    {"tablesample", W_REFUSE}, {"then", W_OPERAND}, {"time", W_TYPE}, {"timestamp", W_TYPE},
    {"union", W_CLAUSE}, {"update", W_STATEMENT}, {"using", W_CLAUSE},
    {"values", W_CLAUSE}, {"varchar", W_TYPE}, {"varying", W_TYPE},
    {"when", W_OPERAND}, {"where", W_OPERAND}, {"window", W_REFUSE}, {"with", W_REFUSE},
    {"within", W_REFUSE},
};
/* clang-format on */

static enum word classify(const struct token *t)
{
    char   lower[20];
    size_t low = 0, high = ARRAY_LEN(words);

    if (t->size >= sizeof lower || t->size < 2)
        return W_OTHER;
    for (size_t i = 0; i < t->size; i++) {
        char c = t->start[i];

        lower[i] = c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;
    }
    lower[t->size] = '\0';
    while (low < high) {
        size_t middle = (low + high) / 2;
        int    c = strcmp(words[middle].name, lower);

        if (c == 0)
            return words[middle].word;
        if (c < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return W_OTHER;
}

enum { BRACKETS_MAX = 64 };

/* What holds inside one bracket. */
struct frame {
    bool keep;      /* literals stay: modifiers of a type, ORDER BY, LIMIT */
    bool cast;      /* CAST( ... AS type) */
    bool keep_base; /* `keep` as the bracket was opened with: clauses do not end it */
};

struct run {
    struct normalised *n;
    struct sql_scanner s;
    struct frame       frames[BRACKETS_MAX];
    size_t             depth;
    struct token       last; /* the token before; END at the start */
    enum word          last_word;
    enum token_kind    last_but_one;
    const char        *copied;  /* where the token before ended: was there space between? */
    bool               in_type; /* behind :: or AS: words and brackets belong to a type */
    bool               minus;   /* the token before is a - that can only be a sign */
};

void normalised_init(struct normalised *n, struct heap *heap)
{
    buf_init(&n->key, heap);
    buf_init(&n->unquoted, heap);
    n->sql_size = n->literal_count = 0;
}

void normalised_deinit(struct normalised *n)
{
    buf_deinit(&n->key);
    buf_deinit(&n->unquoted);
}

/* A space where the text had some, or a comment. A parameter needs none of its own: what stood
 * beside its literal ended or began there too, save the sign that is part of a value. */
static void put_space(struct run *r, const struct token *t)
{
    if (r->n->key.size > 0 && t->start != r->copied)
        buf_append(&r->n->key, " ", 1);
}

static void copy_token(struct run *r, const struct token *t)
{
    put_space(r, t);
    buf_append(&r->n->key, t->start, t->size);
    r->copied = t->start + t->size;
}

/* ---- literals -----------------------------------------------------------------------------------
 */

/* At most `digits` digits, compared as text when there are as many: nothing to overflow. */
static bool fits(slice text, const char *max)
{
    size_t size = strlen(max);

    while (text.size > 1 && text.data[0] == '0')
        text = slice_from(text, 1);
    return text.size < size || (text.size == size && memcmp(text.data, max, size) <= 0);
}

static uint32_t type_of_number(const struct token *t, bool negative)
{
    slice digits = slice_make(t->start, t->size);

    if (t->kind == TOKEN_NUMBER)
        return OID_NUMERIC;
    if (fits(digits, negative ? "2147483648" : "2147483647"))
        return OID_INT4;
    return fits(digits, negative ? "9223372036854775808" : "9223372036854775807") ? OID_INT8
                                                                                  : OID_NUMERIC;
}

static slice unquote(struct normalised *n, const struct token *t)
{
    slice  inner = slice_make(t->start + 1, t->size - 2);
    size_t from = n->unquoted.size;

    if (!t->has_doubled_quote)
        return inner;
    for (size_t i = 0; i < inner.size; i++) {
        buf_append(&n->unquoted, &inner.data[i], 1);
        i += inner.data[i] == '\'';
    }
    return slice_make(n->unquoted.data + from, n->unquoted.size - from);
}

static bool put_parameter(struct run *r, const struct token *t, uint32_t type, slice text)
{
    struct normalised *n = r->n;
    char               number[16], *p = number + sizeof number;
    size_t             v = n->literal_count + 1;

    if (n->literal_count == NORMALISED_LITERALS_MAX)
        return false;
    n->literals[n->literal_count++] = (struct normalised_literal){type, text};
    do
        *--p = (char)('0' + v % 10);
    while ((v /= 10) > 0);
    *--p = '$';
    put_space(r, t);
    buf_append(&n->key, p, (size_t)(number + sizeof number - p));
    r->copied = t->start + t->size;
    return true;
}

/* May the token before stand before an operand? */
static bool expects_operand(const struct run *r)
{
    switch (r->last.kind) {
    case TOKEN_OPERATOR:
        return true;
    case TOKEN_SYMBOL:
        return r->last.size == 1 && strchr("(,[", r->last.start[0]) != NULL;
    case TOKEN_WORD:
        return r->last_word == W_OPERAND || r->last_word == W_STATEMENT || r->last_word == W_CLAUSE;
    default:
        return false;
    }
}

static const char *peek(const struct run *r)
{
    struct sql_scanner ahead = r->s;
    struct token       t;

    sql_scanner_next(&ahead, &t);
    return t.kind == TOKEN_END ? "" : t.start;
}

/* A cast right behind decides the type: the literal is read by it, modifiers and all. */
static bool cast_follows(const struct run *r)
{
    const char *next = peek(r);

    return next[0] == ':';
}

static bool literal_stays(const struct run *r)
{
    return r->frames[r->depth].keep || r->frames[r->depth].cast || r->in_type || cast_follows(r);
}

/* False: the statement is refused. */
static bool number(struct run *r, const struct token *t)
{
    bool sign = r->minus && r->last.start + 1 == t->start;

    if (sql_scanner_at_word(&r->s)) /* 1abc: a number and a name without space between */
        return false;
    if (literal_stays(r) || (r->last.kind == TOKEN_OPERATOR && r->last.size > 1 &&
                             strchr("+-", r->last.start[r->last.size - 1]) != NULL)) {
        copy_token(r, t);
        return true;
    }
    if (!expects_operand(r)) {
        copy_token(r, t);
        return true;
    }
    if (!r->minus)
        return put_parameter(r, t, type_of_number(t, false), slice_make(t->start, t->size));
    if (!sign) {
        copy_token(r, t);
        return true;
    }
    if (r->n->key.size > 1 && r->n->key.data[r->n->key.size - 2] != ' ' &&
        r->last_but_one == TOKEN_WORD)
        return false; /* SELECT-5: taking the sign away would join the word and the parameter */
    r->n->key.size--; /* the sign goes into the value, as the grammar does it */
    return put_parameter(r, t, type_of_number(t, true), slice_make(t->start - 1, t->size + 1));
}

static bool string(struct run *r, const struct token *t)
{
    if (peek(r)[0] == '\'') /* 'a' 'b' over two lines is one string */
        return false;
    if (literal_stays(r) || !expects_operand(r)) {
        copy_token(r, t);
        return true;
    }
    return put_parameter(r, t, OID_UNKNOWN, unquote(r->n, t));
}

/* ---- the other tokens ---------------------------------------------------------------------------
 */

static bool word(struct run *r, const struct token *t, enum word w)
{
    struct frame *f = &r->frames[r->depth];

    if (w == W_REFUSE)
        return false;
    switch (w) {
    case W_BY:
    case W_KEEP:
    case W_CONFLICT:
        f->keep = true;
        break;
    case W_CLAUSE:
    case W_DO:
    case W_STATEMENT:
        f->keep = f->keep_base;
        r->in_type = false;
        break;
    case W_AS:
        r->in_type = f->cast;
        break;
    case W_OPERAND:
        r->in_type = false;
        break;
    default:
        break;
    }
    copy_token(r, t);
    return true;
}

static bool open_bracket(struct run *r, const struct token *t)
{
    struct frame *outer = &r->frames[r->depth], *f;
    bool          type = r->in_type || (r->last.kind == TOKEN_WORD && r->last_word == W_TYPE);

    if (r->depth + 1 == BRACKETS_MAX)
        return false;
    f = &r->frames[++r->depth];
    f->keep = f->keep_base = outer->keep || type;
    f->cast = r->last.kind == TOKEN_WORD && r->last_word == W_CAST;
    r->in_type = false;
    copy_token(r, t);
    return true;
}

static bool symbol(struct run *r, const struct token *t)
{
    switch (t->start[0]) {
    case '(':
    case '[':
        return open_bracket(r, t);
    case ')':
    case ']':
        if (r->depth == 0)
            return false;
        r->depth--;
        r->in_type = false;
        break;
    case ':':
        r->in_type = t->size == 2 && t->start[1] == ':';
        break;
    case ',':
        r->in_type = false;
        break;
    default:
        break;
    }
    copy_token(r, t);
    return true;
}

static bool handle(struct run *r, const struct token *t, enum word w)
{
    switch (t->kind) {
    case TOKEN_WORD:
        return word(r, t, w);
    case TOKEN_INTEGER:
    case TOKEN_NUMBER:
        return number(r, t);
    case TOKEN_STRING:
        return string(r, t);
    case TOKEN_SYMBOL:
        return symbol(r, t);
    case TOKEN_OPERATOR:
        r->in_type = false;
        copy_token(r, t);
        return true;
    case TOKEN_QUOTED:
    case TOKEN_STRING_SPECIAL:
        copy_token(r, t);
        return true;
    default:
        return false;
    }
}

/* Behind a semicolon nothing may follow but more of them. */
static bool only_semicolons(struct run *r)
{
    struct token t;

    do
        sql_scanner_next(&r->s, &t);
    while (token_is_symbol(&t, ';'));
    return t.kind == TOKEN_END;
}

static bool scan_statement(struct run *r)
{
    struct token t;
    enum word    w;

    for (;;) {
        bool sign;

        sql_scanner_next(&r->s, &t);
        if (t.kind == TOKEN_END)
            return r->depth == 0 && r->last.kind != TOKEN_END;
        if (token_is_symbol(&t, ';'))
            return r->depth == 0 && r->last.kind != TOKEN_END && only_semicolons(r);
        w = t.kind == TOKEN_WORD ? classify(&t) : W_OTHER;
        if (r->last.kind == TOKEN_END && w != W_STATEMENT)
            return false;
        sign = t.kind == TOKEN_OPERATOR && t.size == 1 && t.start[0] == '-' && expects_operand(r);
        if (!handle(r, &t, w))
            return false;
        r->minus = sign;
        r->last_but_one = r->last.kind;
        r->last = t;
        r->last_word = w;
    }
}

static void put_types(struct normalised *n)
{
    n->sql_size = n->key.size;
    buf_put_u8(&n->key, 0);
    for (size_t i = 0; i < n->literal_count; i++) {
        uint32_t t = n->literals[i].type;

        buf_put_u8(&n->key, t == OID_INT4      ? 'i'
                            : t == OID_INT8    ? 'l'
                            : t == OID_NUMERIC ? 'n'
                                               : 'u');
    }
}

bool normalise(struct normalised *n, slice text, bool standard_strings)
{
    struct run r;

    if (!standard_strings)
        return false;
    r.n = n;
    r.depth = 0;
    r.frames[0] = (struct frame){0};
    r.last = (struct token){.kind = TOKEN_END};
    r.last_word = W_OTHER;
    r.last_but_one = TOKEN_END;
    r.copied = NULL;
    r.in_type = r.minus = false;
    buf_reset(&n->key);
    buf_reset(&n->unquoted);
    n->literal_count = 0;
    /* Room for all of it at once: literals point into `unquoted`, which may not move. */
    buf_reserve(&n->unquoted, text.size + 1);
    sql_scanner_init(&r.s, text, true);
    if (!scan_statement(&r))
        return false;
    put_types(n);
    return true;
}
