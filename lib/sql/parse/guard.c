#include "sql/parse/guard.h"

#include <stdint.h>

#include "base/assert.h"
#include "sql/parse/scan.h"

/* One open bracket: tokens of the current item, deepest bracket inside it, deepest item so far. */
struct level {
    unsigned own, inner, deepest;
};

static unsigned level_depth(const struct level *l)
{
    return MAX(l->deepest, l->own + l->inner);
}

static void level_next_item(struct level *l)
{
    l->deepest = level_depth(l);
    l->own = 0;
    l->inner = 0;
}

/* Brackets that are open at the end of the text count as closed there. */
static unsigned close_all(struct level *levels, size_t depth)
{
    while (depth > 0) {
        unsigned d = level_depth(&levels[depth--]);

        levels[depth].inner = MAX(levels[depth].inner, d);
    }
    return level_depth(&levels[0]);
}

/* Without brackets AND and OR add two levels at most: OR over AND. The tokens around them that
 * open a place for such a condition (WHERE, CASE, NOT ...) are counted. */
static bool is_flat(const struct token *t)
{
    return t->kind == TOKEN_INTEGER || t->kind == TOKEN_NUMBER || t->kind == TOKEN_STRING ||
           token_is_word(t, "and") || token_is_word(t, "or");
}

static size_t bound_by_tokens(slice text, size_t limit)
{
    struct level       levels[PARSE_BRACKETS_MAX + 1];
    struct sql_scanner s;
    struct token       t;
    size_t             depth = 0;

    levels[0] = (struct level){0};
    sql_scanner_init(&s, text, true);
    for (sql_scanner_next(&s, &t); t.kind != TOKEN_END; sql_scanner_next(&s, &t)) {
        if (token_is_symbol(&t, '(') || token_is_symbol(&t, '[')) {
            if (depth == PARSE_BRACKETS_MAX)
                return limit + 1;
            levels[++depth] = (struct level){0};
        } else if ((token_is_symbol(&t, ')') || token_is_symbol(&t, ']')) && depth > 0) {
            unsigned d = level_depth(&levels[depth--]);

            levels[depth].inner = MAX(levels[depth].inner, d);
        } else if (token_is_symbol(&t, ',') || (token_is_symbol(&t, ';') && depth == 0)) {
            level_next_item(&levels[depth]);
        }
        if (is_flat(&t))
            continue;
        /* What this scanner cannot read, libpg_query may still read differently: count bytes. */
        levels[depth].own += t.kind == TOKEN_BAD ? (unsigned)MIN(t.size, UINT16_MAX) : 1;
        if (levels[depth].own > limit)
            return limit + 1;
    }
    return close_all(levels, depth);
}

size_t parse_depth_bound(slice text, size_t limit)
{
    ASSERT(limit <= PARSE_DEPTH_MAX);
    if (text.size <= limit)
        return text.size;
    return bound_by_tokens(text, limit);
}
