/* lib/sql/func/regex.h: regular expressions with PostgreSQL's syntax and meaning (its "advanced"
 * form, PostgreSQL 15, section 9.7.3), matched by PCRE2. docs/limits.md lists the differences. */
#ifndef LINERA_SQL_FUNC_REGEX_H
#define LINERA_SQL_FUNC_REGEX_H

#include "base/buf.h"
#include "sql/func/function.h"

struct regex_flags {
    bool ignore_case;
    bool expanded;      /* x: white space and comments in the pattern do not count */
    bool newline_stops; /* n, p: . and [^...] do not match a newline */
    bool newline_ends;  /* n, w: ^ and $ match at line breaks */
    bool literal;       /* q: no character is special */
    bool global;        /* g: every match */
};

/* Flags from their letters. 22023 for a letter that is none; 0A000 for the basic form (b). */
status regex_flags_parse(slice letters, struct regex_flags *out) MUST_CHECK;

/* Which of the matches that begin leftmost is taken. PostgreSQL decides that for a whole
 * expression, not at each choice as PCRE2 does. */
enum regex_preference { REGEX_NONE, REGEX_LONGEST, REGEX_SHORTEST };

/* The same pattern in PCRE2's syntax, appended to `out`. 2201B with PostgreSQL's words when it
 * cannot be read. `*choices` tells whether the length of a match may depend on the preference. */
status regex_translate(slice pattern, struct regex_flags flags, struct buf *out,
                       enum regex_preference *preference, bool *choices) MUST_CHECK;

struct regex;

/* A compiled pattern in `a`. */
status regex_compile(struct arena *a, slice pattern, struct regex_flags flags, struct regex **out)
    MUST_CHECK;

/* Groups in parentheses. */
size_t regex_group_count(const struct regex *r);

/* Bytes [begin, end) of one match or group; REGEX_UNSET for a group that took no part. */
struct regex_span {
    size_t begin, end;
};
#define REGEX_UNSET SIZE_MAX

/* The leftmost match at or behind byte `from`; what is before it still counts for ^ and \m. `spans`
 * (1 + regex_group_count() of them) may be NULL when only *found is of interest. 2201B when the
 * search takes too many steps. Memory comes and goes on `heap`. */
status regex_search(const struct regex *r, struct heap *heap, slice text, size_t from, bool *found,
                    struct regex_span *spans) MUST_CHECK;

#endif
