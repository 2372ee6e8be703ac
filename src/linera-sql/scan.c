/* Where a statement ends and where variables stand: PostgreSQL's quotes, dollar quotes and nested
 * comments. */
#include <ctype.h>
#include <string.h>

#include "shell.h"

/* The position behind the quoted text or comment that begins at `at`, or `at` itself when none
 * does; *open tells that it does not end. */
static size_t skip_quoted(const char *t, size_t at, size_t size, bool *open)
{
    char   q = t[at];
    size_t i = at + 1;

    *open = false;
    if (q == '\'' || q == '"') {
        bool escapes = q == '\'' && at > 0 && (t[at - 1] == 'e' || t[at - 1] == 'E') &&
                       (at < 2 || !isalnum((unsigned char)t[at - 2]));

        for (; i < size; i++) {
            if (escapes && t[i] == '\\')
                i++;
            else if (t[i] == q)
                return i + 1;
        }
        *open = true;
        return size;
    }
    if (q == '-' && i < size && t[i] == '-') {
        const char *nl = memchr(t + i, '\n', size - i);

        return nl != NULL ? (size_t)(nl - t) + 1 : size;
    }
    if (q == '/' && i < size && t[i] == '*') {
        int depth = 0;

        for (i = at; i + 1 < size; i++) {
            if (t[i] == '/' && t[i + 1] == '*') {
                depth++;
                i++;
            } else if (t[i] == '*' && t[i + 1] == '/') {
                i++;
                if (--depth == 0)
                    return i + 1;
            }
        }
        *open = true;
        return size;
    }
    if (q == '$' && (at == 0 || !isalnum((unsigned char)t[at - 1]))) {
        size_t tag;

        while (i < size && (isalnum((unsigned char)t[i]) || t[i] == '_'))
            i++;
        if (i == size || t[i] != '$' || isdigit((unsigned char)t[at + 1]))
            return at;
        tag = i + 1 - at;
        for (i++; i + tag <= size; i++) {
            if (memcmp(t + i, t + at, tag) == 0)
                return i + tag;
        }
        *open = true;
        return size;
    }
    return at;
}

size_t scan_statement(const char *text, size_t size)
{
    for (size_t at = 0; at < size;) {
        bool   open;
        size_t next = skip_quoted(text, at, size, &open);

        if (open)
            return 0;
        if (next > at) {
            at = next;
            continue;
        }
        if (text[at] == ';')
            return at + 1;
        at++;
    }
    return 0;
}

bool scan_is_empty(const char *text, size_t size)
{
    for (size_t at = 0; at < size;) {
        bool   open;
        size_t next;

        if (isspace((unsigned char)text[at]) || text[at] == ';') {
            at++;
            continue;
        }
        if (text[at] != '-' && text[at] != '/')
            return false;
        next = skip_quoted(text, at, size, &open);
        if (next == at)
            return false;
        at = next;
    }
    return true;
}

/* The variable at ":..."; its length in the text, 0 when there is none. */
static size_t variable_at(const char *t, size_t at, size_t size, char *name, size_t name_size,
                          char *quote)
{
    size_t i = at + 1, start, n;

    *quote = i < size && (t[i] == '\'' || t[i] == '"') ? t[i] : '\0';
    i += *quote != '\0';
    start = i;
    while (i < size && (isalnum((unsigned char)t[i]) || t[i] == '_'))
        i++;
    n = i - start;
    if (n == 0 || n >= name_size || (*quote != '\0' && (i == size || t[i] != *quote)))
        return 0;
    memcpy(name, t + start, n);
    name[n] = '\0';
    return i + (*quote != '\0') - at;
}

static void put_quoted(struct buf *out, const char *value, char quote)
{
    buf_put_u8(out, (uint8_t)quote);
    for (; *value != '\0'; value++) {
        if (*value == quote)
            buf_put_u8(out, (uint8_t)quote);
        buf_put_u8(out, (uint8_t)*value);
    }
    buf_put_u8(out, (uint8_t)quote);
}

void scan_substitute(const struct shell *s, const char *text, struct buf *out)
{
    size_t size = strlen(text);

    for (size_t at = 0; at < size;) {
        bool   open;
        size_t next = skip_quoted(text, at, size, &open), n;
        char   name[128], quote;

        if (next > at) {
            buf_append(out, text + at, next - at);
            at = next;
            continue;
        }
        if (text[at] == ':' && at + 1 < size && text[at + 1] == ':') { /* a cast */
            buf_append_cstr(out, "::");
            at += 2;
            continue;
        }
        n = text[at] == ':' ? variable_at(text, at, size, name, sizeof name, &quote) : 0;
        if (n > 0 && variable_get(s, name) != NULL) {
            if (quote != '\0')
                put_quoted(out, variable_get(s, name), quote);
            else
                buf_append_cstr(out, variable_get(s, name));
            at += n;
            continue;
        }
        buf_put_u8(out, (uint8_t)text[at++]);
    }
}
