/* Where a statement ends and where variables stand: PostgreSQL's quotes, dollar quotes and nested
 * comments. The scanner is fed line by line and remembers what is open, so that a statement of many
 * lines is read once. */
#include <ctype.h>
#include <string.h>

#include "shell.h"

static bool is_name_char(char c)
{
    return isalnum((unsigned char)c) || c == '_' || (unsigned char)c >= 0x80;
}

/* The tag of a dollar quote at `at`, with its dollars: its length, 0 when none begins there. */
static size_t dollar_tag(const char *t, size_t at, size_t size)
{
    size_t i = at + 1;

    if (at > 0 && (is_name_char(t[at - 1]) || t[at - 1] == '$'))
        return 0;
    while (i < size && is_name_char(t[i]))
        i++;
    if (i == size || t[i] != '$' || (i > at + 1 && isdigit((unsigned char)t[at + 1])) ||
        i + 1 - at >= sizeof((struct scan *)0)->tag)
        return 0;
    return i + 1 - at;
}

/* E'...': the letter before the quote is a word of its own. */
static bool has_escapes(const char *t, size_t at)
{
    return at > 0 && (t[at - 1] == 'e' || t[at - 1] == 'E') && (at < 2 || !is_name_char(t[at - 2]));
}

/* What is open goes on, up to its end or the text's. */
static void skip_open(struct scan *x, const char *t, size_t size)
{
    size_t tag = x->open == '$' ? strlen(x->tag) : 0;

    while (x->at < size && x->open != '\0') {
        const char *p = t + x->at;
        size_t      left = size - x->at;

        x->at++;
        switch (x->open) {
        case 'e':
            x->at += *p == '\\' && left > 1;
            x->open = *p == '\'' ? '\0' : 'e';
            break;
        case '*':
            if (left > 1 && ((p[0] == '/' && p[1] == '*') || (p[0] == '*' && p[1] == '/'))) {
                x->depth += p[0] == '/' ? 1 : -1;
                x->at++;
                x->open = x->depth > 0 ? '*' : '\0';
            }
            break;
        case '$':
            if (left >= tag && memcmp(p, x->tag, tag) == 0) {
                x->at += tag - 1;
                x->open = '\0';
            }
            break;
        default: /* a doubled quote closes and opens again */
            x->open = *p == x->open ? '\0' : x->open;
            break;
        }
    }
}

/* Does something open at x->at? */
static bool open_quote(struct scan *x, const char *t, size_t size)
{
    char   c = t[x->at], next = x->at + 1 < size ? t[x->at + 1] : '\0';
    size_t tag;

    if (c == '\'' || c == '"') {
        x->open = c == '\'' && has_escapes(t, x->at) ? 'e' : c;
        x->at++;
        return true;
    }
    if (c == '/' && next == '*') {
        x->open = '*';
        x->depth = 1;
        x->at += 2;
        return true;
    }
    tag = c == '$' ? dollar_tag(t, x->at, size) : 0;
    if (tag == 0)
        return false;
    memcpy(x->tag, t + x->at, tag);
    x->tag[tag] = '\0';
    x->open = '$';
    x->at += tag;
    return true;
}

static size_t behind_line(const char *t, size_t at, size_t size)
{
    const char *nl = memchr(t + at, '\n', size - at);

    return nl != NULL ? (size_t)(nl - t) + 1 : size;
}

enum scan_stop scan_step(struct scan *x, const char *text, size_t size)
{
    while (x->at < size) {
        char c = text[x->at];

        if (x->open != '\0') {
            skip_open(x, text, size);
        } else if (c == '-' && x->at + 1 < size && text[x->at + 1] == '-') {
            x->at = behind_line(text, x->at, size);
        } else if (c == '\\') {
            return SCAN_BACKSLASH;
        } else if (c == ';' && x->brackets == 0) {
            x->at++;
            return SCAN_SEMICOLON;
        } else if (!open_quote(x, text, size)) {
            x->brackets += c == '(';
            x->brackets -= c == ')' && x->brackets > 0;
            x->at++;
        }
    }
    return SCAN_END;
}

bool scan_is_empty(const char *text, size_t size)
{
    for (size_t at = 0; at < size;) {
        struct scan x = {.at = at};

        if (isspace((unsigned char)text[at]) || text[at] == ';') {
            at++;
            continue;
        }
        if (at + 1 < size && text[at] == '-' && text[at + 1] == '-') {
            at = behind_line(text, at, size);
            continue;
        }
        if (text[at] != '/' || !open_quote(&x, text, size))
            return false;
        skip_open(&x, text, size);
        if (x.open != '\0')
            return false;
        at = x.at;
    }
    return true;
}

/* ---- variables ---------------------------------------------------------------------------------
 */

static void put_quoted(struct buf *out, const char *value, char quote)
{
    if (quote == '\'' && strchr(value, '\\') != NULL)
        buf_append_cstr(out, " E");
    buf_put_u8(out, (uint8_t)quote);
    for (; *value != '\0'; value++) {
        if (*value == quote || (*value == '\\' && quote == '\''))
            buf_put_u8(out, (uint8_t)*value);
        buf_put_u8(out, (uint8_t)*value);
    }
    buf_put_u8(out, (uint8_t)quote);
}

size_t scan_variable(const struct shell *s, const char *t, size_t at, size_t size, struct buf *out)
{
    bool        asks = at + 2 < size && t[at + 1] == '{' && t[at + 2] == '?';
    char        quote = at + 1 < size && (t[at + 1] == '\'' || t[at + 1] == '"') ? t[at + 1] : '\0';
    size_t      start = at + 1 + (quote != '\0') + (asks ? 2 : 0), i = start;
    char        name[128];
    const char *value;

    while (i < size && is_name_char(t[i]))
        i++;
    if (i == start || i - start >= sizeof name || (quote != '\0' && (i == size || t[i] != quote)) ||
        (asks && (i == size || t[i] != '}')))
        return 0;
    memcpy(name, t + start, i - start);
    name[i - start] = '\0';
    value = variable_get(s, name);
    if (asks) {
        buf_append_cstr(out, value != NULL ? "TRUE" : "FALSE");
        return i + 1 - at;
    }
    if (value == NULL)
        return 0;
    if (quote != '\0')
        put_quoted(out, value, quote);
    else
        buf_append_cstr(out, value);
    return i + (quote != '\0') - at;
}

void scan_substitute(const struct shell *s, const char *text, struct buf *out)
{
    size_t      size = strlen(text);
    struct scan x = {0};

    while (x.at < size) {
        size_t from = x.at, n;

        if (text[from] == '-' && text[from + 1] == '-') {
            x.at = behind_line(text, from, size);
            buf_append(out, text + from, x.at - from);
        } else if (open_quote(&x, text, size)) {
            skip_open(&x, text, size);
            buf_append(out, text + from, x.at - from);
        } else if (text[from] == ':' && text[from + 1] == ':') { /* a cast */
            buf_append_cstr(out, "::");
            x.at += 2;
        } else if (text[from] == ':' && (n = scan_variable(s, text, from, size, out)) > 0) {
            x.at += n;
        } else {
            buf_put_u8(out, (uint8_t)text[from]);
            x.at++;
        }
    }
}
