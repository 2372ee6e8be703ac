/* Arguments of backslash commands, as psql reads them: divided by blanks; 'text' with escapes of C,
 * "names" kept together, `programs` run, variables put in outside of single quotes. A backslash
 * ends them: another command begins. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "shell.h"

static void put_escape(const char **p, struct buf *out)
{
    static const char from[] = "ntrbf", to[] = "\n\t\r\b\f";
    const char       *found;

    ++*p;
    if (**p >= '0' && **p <= '7') {
        char        digits[4] = "";
        const char *end = *p;

        while (end < *p + 3 && *end >= '0' && *end <= '7')
            end++;
        memcpy(digits, *p, (size_t)(end - *p));
        buf_put_u8(out, (uint8_t)strtoul(digits, NULL, 8));
        *p = end;
        return;
    }
    found = **p != '\0' ? strchr(from, **p) : NULL;
    if (**p != '\0')
        buf_put_u8(out, (uint8_t)(found != NULL ? to[found - from] : **p));
    *p += **p != '\0';
}

static void put_single_quoted(const char **p, struct buf *out)
{
    for (++*p; **p != '\0';) {
        if (**p == '\\') {
            put_escape(p, out);
        } else if (**p == '\'' && (*p)[1] != '\'') {
            ++*p;
            return;
        } else {
            *p += **p == '\'';
            buf_put_u8(out, (uint8_t) * *p);
            ++*p;
        }
    }
}

/* `program`: its output, less the last line end. Where \if skips, nothing is run. */
static void put_output_of(struct shell *s, const char **p, struct buf *out)
{
    const char *end = strchr(*p + 1, '`');
    char       *command;
    FILE       *f;
    int         c;
    size_t      begin = out->size;

    if (end == NULL)
        end = *p + strlen(*p);
    command = strndup(*p + 1, (size_t)(end - *p - 1));
    fflush(stdout);
    f = command != NULL && shell_active(s) ? popen(command, "r") : NULL;
    while (f != NULL && (c = fgetc(f)) != EOF)
        buf_put_u8(out, (uint8_t)c);
    if (f != NULL)
        pclose(f);
    if (out->size > begin && out->data[out->size - 1] == '\n')
        out->size--;
    free(command);
    *p = end + (*end == '`');
}

static void put_double_quoted(const char **p, bool keep_quotes, struct buf *out)
{
    const char *end = strchr(*p + 1, '"');

    if (end == NULL)
        end = *p + strlen(*p);
    if (keep_quotes)
        buf_append(out, *p, (size_t)(end - *p) + (*end == '"'));
    else
        buf_append(out, *p + 1, (size_t)(end - *p - 1));
    *p = end + (*end == '"');
}

static char *next(struct shell *s, const char **at, bool keep_quotes)
{
    const char *p = *at;
    struct buf  word;
    char       *copy;
    size_t      n;

    while (isspace((unsigned char)*p))
        p++;
    *at = p;
    if (*p == '\0' || *p == '\\')
        return NULL;
    buf_init(&word, NULL);
    while (*p != '\0' && *p != '\\' && !isspace((unsigned char)*p)) {
        if (*p == '\'') {
            put_single_quoted(&p, &word);
        } else if (*p == '"') {
            put_double_quoted(&p, keep_quotes, &word);
        } else if (*p == '`') {
            put_output_of(s, &p, &word);
        } else if (*p == ':' && (n = scan_variable(s, p, 0, strlen(p), &word)) > 0) {
            p += n;
        } else {
            buf_put_u8(&word, (uint8_t)*p++);
        }
    }
    *at = p;
    copy = strdup(buf_cstr(&word));
    buf_deinit(&word);
    if (copy == NULL)
        abort();
    return copy;
}

char *word_next(struct shell *s, const char **at)
{
    return next(s, at, false);
}

char *word_next_sql(struct shell *s, const char **at)
{
    return next(s, at, true);
}

char *word_rest(const char **at)
{
    const char *p = *at, *end = p + strlen(p);
    char       *copy;

    while (isspace((unsigned char)*p))
        p++;
    *at = end;
    while (end > p && isspace((unsigned char)end[-1]))
        end--;
    copy = strndup(p, (size_t)(end - p));
    if (copy == NULL)
        abort();
    return copy;
}
