#include "sql/parse/fingerprint.h"

#include <string.h>

#include "base/compiler.h"
#include "sql/parse/scan.h"

/* The largest n of $n in the first `size_max` bytes, where what is shown will come from. */
static unsigned last_parameter(slice text, size_t size_max)
{
    struct sql_scanner s;
    struct token       t;
    unsigned           last = 0;

    sql_scanner_init(&s, slice_make(text.data, MIN(text.size, size_max)), true);
    do {
        unsigned n = 0;

        sql_scanner_next(&s, &t);
        for (size_t i = 1; t.kind == TOKEN_PARAM && i < t.size && n < 100000; i++)
            n = n * 10 + (unsigned)(t.start[i] - '0');
        last = MAX(last, n);
    } while (t.kind != TOKEN_END && t.kind != TOKEN_BAD);
    return last;
}

static bool is_literal(enum token_kind kind)
{
    return kind == TOKEN_STRING || kind == TOKEN_STRING_SPECIAL || kind == TOKEN_INTEGER ||
           kind == TOKEN_NUMBER;
}

void fingerprint(slice text, size_t size_max, struct buf *out)
{
    struct sql_scanner s;
    struct token       t;
    unsigned    parameters = memchr(text.data != NULL ? text.data : "", '$', text.size) != NULL
                                 ? last_parameter(text, size_max)
                                 : 0;
    size_t      begin = out->size;
    const char *behind = NULL; /* the token before */

    sql_scanner_init(&s, text, true);
    for (;;) {
        sql_scanner_next(&s, &t);
        if (t.kind == TOKEN_END || t.kind == TOKEN_BAD || token_is_symbol(&t, ';'))
            return;
        if (out->size - begin + (is_literal(t.kind) ? sizeof "$10" : t.size) > size_max) {
            buf_append_cstr(out, "...");
            return;
        }
        if (behind != NULL && t.start != behind)
            buf_put_u8(out, ' ');
        if (is_literal(t.kind))
            buf_printf(out, "$%u", ++parameters);
        else
            buf_append(out, t.start, t.size);
        behind = t.start + t.size;
    }
}
