/* lib/sql/func/template.h: the templates of to_char(), to_date(), to_timestamp() and to_number(),
 * cut into patterns and what stands between them (PostgreSQL 15, section 9.8). */
#ifndef LINERA_SQL_FUNC_TEMPLATE_H
#define LINERA_SQL_FUNC_TEMPLATE_H

#include "sql/func/function.h"

/* A pattern. Letter case counts: "Day", "DAY" and "day" are three, "dAy" is none. */
struct template_pattern {
    const char *text; /* NULL ends a list. Of two with the same beginning the longer is first */
    uint8_t     id;
    bool        is_digits;  /* reads and writes digits */
    uint8_t     convention; /* of dates: enum date_convention */
};

enum template_kind { TEMPLATE_PATTERN, TEMPLATE_TEXT, TEMPLATE_SEPARATOR, TEMPLATE_SPACE };

enum {
    TEMPLATE_FM = 1, /* no padding */
    TEMPLATE_TM = 2, /* names in the locale's language: that of C here */
    TEMPLATE_UPPER_TH = 4,
    TEMPLATE_LOWER_TH = 8,
    TEMPLATE_TH = TEMPLATE_UPPER_TH | TEMPLATE_LOWER_TH,
};

struct template_node {
    enum template_kind             kind;
    const struct template_pattern *pattern;
    unsigned                       modifiers;
    slice                          text; /* one character, where it is not a pattern */
};

struct template
{
    size_t                count;
    struct template_node *nodes;
};

/* Cut `text`. `modifiers`: FM, TM, TH and SP around patterns are modifiers, and marks are
 * separators: so it is with dates. The result lives in `a` and points into `text`. */
void template_read(struct arena *a, slice text, const struct template_pattern *patterns,
                   bool modifiers, struct template *out);

/* The same for a call, which keeps the template of its first row: it is nearly always a constant.
 */
const struct template *template_of_call(struct fn_call *call, slice text,
                                        const struct template_pattern *patterns, bool modifiers);

bool template_is_separator(char c);

/* "st", "nd", "rd" or "th" for the number that `digits` ends with. */
const char *ordinal_suffix(slice digits, bool upper);

#endif
