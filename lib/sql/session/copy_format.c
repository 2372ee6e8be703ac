#include "sql/session/copy_format.h"

#include "base/assert.h"

void copy_reader_init(struct copy_reader *r, const struct copy_options *o, struct heap *heap)
{
    *r = (struct copy_reader){.options = o};
    buf_init(&r->pending, heap);
}

void copy_reader_deinit(struct copy_reader *r)
{
    buf_deinit(&r->pending);
}

void copy_reader_feed(struct copy_reader *r, slice piece)
{
    if (r->ended)
        return; /* behind "\." nothing counts */
    if (r->at > 0) {
        size_t left = r->pending.size - r->at;

        if (left > 0)
            memmove(r->pending.data, r->pending.data + r->at, left);
        r->pending.size = left;
        r->scanned -= r->at;
        r->at = 0;
    }
    buf_append_slice(&r->pending, piece);
}

/* Position of the line feed that ends the line at r->at, or the end of what is there. In CSV a
 * quoted field may hold line feeds; an escaped quote toggles twice and so does no harm unless
 * escape and quote differ. */
static bool find_end(struct copy_reader *r)
{
    const struct copy_options *o = r->options;
    const char                *data = r->pending.data;

    if (!o->csv) {
        const char *nl = r->scanned < r->pending.size
                             ? memchr(data + r->scanned, '\n', r->pending.size - r->scanned)
                             : NULL;

        r->scanned = nl != NULL ? (size_t)(nl - data) : r->pending.size;
        return nl != NULL;
    }
    for (; r->scanned < r->pending.size; r->scanned++) {
        char c = data[r->scanned];

        if (r->in_quotes && c == o->escape && o->escape != o->quote &&
            r->scanned + 1 < r->pending.size)
            r->scanned++;
        else if (c == o->quote)
            r->in_quotes = !r->in_quotes;
        else if (c == '\n' && !r->in_quotes)
            return true;
    }
    return false;
}

bool copy_reader_line(struct copy_reader *r, bool at_end, slice *line)
{
    bool found;

    if (r->ended)
        return false;
    found = find_end(r);
    if (!found && (!at_end || r->at == r->pending.size))
        return false;
    *line = slice_make(r->pending.data + r->at, r->scanned - r->at);
    if (line->size > 0 && line->data[line->size - 1] == '\r')
        line->size--;
    r->at = r->scanned + found;
    r->scanned = r->at;
    r->in_quotes = false;
    if (slice_eq_cstr(*line, "\\.")) {
        r->ended = true;
        return false;
    }
    r->line++;
    return true;
}

/* ---- splitting
 * ------------------------------------------------------------------------------------------------------
 */

struct field_list {
    struct arena      *arena;
    struct copy_field *fields;
    size_t             count, capacity;
};

static void field_add(struct field_list *l, slice text, bool is_null)
{
    if (l->count == l->capacity) {
        size_t capacity = MAX(l->capacity * 2, (size_t)16);

        l->fields = arena_realloc(l->arena, l->fields, l->count * sizeof *l->fields,
                                  capacity * sizeof *l->fields);
        l->capacity = capacity;
    }
    l->fields[l->count++] = (struct copy_field){text, is_null};
}

static int octal(char c)
{
    return c >= '0' && c <= '7' ? c - '0' : -1;
}

static int hex(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The character behind a backslash at *at; *at moves to its last byte. */
static char unescape(slice s, size_t *at)
{
    char c = s.data[*at];
    int  v = 0;

    switch (c) {
    case 'b':
        return '\b';
    case 'f':
        return '\f';
    case 'n':
        return '\n';
    case 'r':
        return '\r';
    case 't':
        return '\t';
    case 'v':
        return '\v';
    case 'x':
        if (*at + 1 == s.size || hex(s.data[*at + 1]) < 0)
            return c;
        for (int n = 0; n < 2 && *at + 1 < s.size && hex(s.data[*at + 1]) >= 0; n++)
            v = v * 16 + hex(s.data[++*at]);
        return (char)v;
    default:
        if (octal(c) < 0)
            return c;
        v = octal(c);
        for (int n = 0; n < 2 && *at + 1 < s.size && octal(s.data[*at + 1]) >= 0; n++)
            v = v * 8 + octal(s.data[++*at]);
        return (char)v;
    }
}

static void add_text_field(const struct copy_options *o, struct field_list *l, slice raw)
{
    char  *out;
    size_t n = 0;

    if (slice_eq_cstr(raw, o->null_text)) { /* before unescaping: \N is the two characters */
        field_add(l, SLICE_EMPTY, true);
        return;
    }
    if (raw.size == 0 || memchr(raw.data, '\\', raw.size) == NULL) {
        field_add(l, raw, false);
        return;
    }
    out = arena_alloc(l->arena, raw.size);
    for (size_t i = 0; i < raw.size; i++) {
        if (raw.data[i] == '\\' && i + 1 < raw.size) {
            i++;
            out[n++] = unescape(raw, &i);
        } else {
            out[n++] = raw.data[i];
        }
    }
    field_add(l, slice_make(out, n), false);
}

static void split_text(const struct copy_options *o, struct field_list *l, slice line)
{
    size_t start = 0;

    for (size_t i = 0; i <= line.size; i++) {
        if (i < line.size && line.data[i] == '\\') {
            i++;
            continue;
        }
        if (i >= line.size || line.data[i] == o->delimiter) {
            size_t end = MIN(i, line.size);

            add_text_field(o, l, slice_make(line.data + start, end - start));
            start = end + 1;
        }
    }
}

/* One CSV field from *at on; *at ends on the delimiter or the line's end. */
static status take_csv_field(const struct copy_options *o, struct field_list *l, slice line,
                             size_t *at)
{
    char  *out = arena_alloc(l->arena, line.size - *at + 1);
    size_t n = 0, i = *at;
    bool   quoted = false, inside = false;
    bool   is_null;

    for (; i < line.size; i++) {
        char c = line.data[i];

        if (inside && c == o->escape && i + 1 < line.size &&
            (line.data[i + 1] == o->quote || line.data[i + 1] == o->escape)) {
            out[n++] = line.data[++i];
        } else if (c == o->quote) {
            inside = !inside;
            quoted = true;
        } else if (c == o->delimiter && !inside) {
            break;
        } else {
            out[n++] = c;
        }
    }
    if (inside)
        return status_new(ST_BAD_COPY_FILE, "unterminated CSV quoted field");
    *at = i;
    is_null = slice_eq_cstr(slice_make(out, n), o->null_text);
    if (is_null) {
        bool forced_not = o->force_not_null != NULL && o->force_not_null[l->count];
        bool forced = o->force_null != NULL && o->force_null[l->count];

        is_null = quoted ? forced : !forced_not;
    }
    field_add(l, slice_make(out, n), is_null);
    return STATUS_OK;
}

status copy_split(const struct copy_options *o, struct arena *a, slice line,
                  struct copy_field **fields, size_t *count)
{
    struct field_list l = {.arena = a};

    if (!o->csv) {
        split_text(o, &l, line);
    } else {
        for (size_t at = 0; at <= line.size; at++)
            TRY_RETURN(take_csv_field(o, &l, line, &at));
    }
    *fields = l.fields;
    *count = l.count;
    return STATUS_OK;
}

/* ---- writing
 * --------------------------------------------------------------------------------------------------------
 */

static void put_text(const struct copy_options *o, struct buf *out, slice text)
{
    static const char special[] = "\b\f\n\r\t\v\\", letters[] = "bfnrtv\\";

    for (size_t i = 0; i < text.size; i++) {
        char        c = text.data[i];
        const char *found = c != '\0' ? strchr(special, c) : NULL;

        if (found != NULL) {
            buf_put_u8(out, '\\');
            buf_put_u8(out, (uint8_t)letters[found - special]);
        } else {
            if (c == o->delimiter)
                buf_put_u8(out, '\\');
            buf_put_u8(out, (uint8_t)c);
        }
    }
}

static bool needs_quotes(const struct copy_options *o, slice text)
{
    if (slice_eq_cstr(text, o->null_text) || slice_eq_cstr(text, "\\."))
        return true;
    for (size_t i = 0; i < text.size; i++) {
        char c = text.data[i];

        if (c == o->delimiter || c == o->quote || c == '\n' || c == '\r')
            return true;
    }
    return false;
}

void copy_put_field(const struct copy_options *o, struct buf *out, slice text, bool is_null,
                    bool force_quote)
{
    if (is_null) {
        buf_append_cstr(out, o->null_text);
        return;
    }
    if (!o->csv) {
        put_text(o, out, text);
        return;
    }
    if (!force_quote && !needs_quotes(o, text)) {
        buf_append_slice(out, text);
        return;
    }
    buf_put_u8(out, (uint8_t)o->quote);
    for (size_t i = 0; i < text.size; i++) {
        if (text.data[i] == o->quote || text.data[i] == o->escape)
            buf_put_u8(out, (uint8_t)o->escape);
        buf_put_u8(out, (uint8_t)text.data[i]);
    }
    buf_put_u8(out, (uint8_t)o->quote);
}
