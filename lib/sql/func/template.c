#include "sql/func/template.h"

#include <string.h>

#include "base/utf8.h"

static bool starts(slice t, const char *word)
{
    size_t n = strlen(word);

    return t.size >= n && memcmp(t.data, word, n) == 0;
}

bool template_is_separator(char c)
{
    return c > ' ' && c < 127 && !(c >= '0' && c <= '9') && !(c >= 'a' && c <= 'z') &&
           !(c >= 'A' && c <= 'Z');
}

static const struct template_pattern *find_pattern(slice t, const struct template_pattern *patterns)
{
    for (; patterns->text != NULL; patterns++) {
        if (starts(t, patterns->text))
            return patterns;
    }
    return NULL;
}

static void add(struct template *out, enum template_kind kind, slice text)
{
    out->nodes[out->count++] = (struct template_node){.kind = kind, .text = text};
}

/* "quoted": each character stands for itself; a backslash keeps what follows, a quote too. */
static slice read_quoted(slice t, struct template *out)
{
    for (t = slice_from(t, 1); t.size > 0;) {
        slice c;

        if (t.data[0] == '"')
            return slice_from(t, 1);
        if (t.data[0] == '\\' && t.size > 1)
            t = slice_from(t, 1);
        c = utf8_first_character(t);
        add(out, TEMPLATE_TEXT, c);
        t = slice_from(t, c.size);
    }
    return t;
}

static slice read_text(slice t, bool separators, struct template *out)
{
    slice c;
    bool  is_space;

    if (t.data[0] == '"')
        return read_quoted(t, out);
    if (starts(t, "\\\""))
        t = slice_from(t, 1);
    c = utf8_first_character(t);
    is_space = c.data[0] == ' ' || (c.data[0] >= '\t' && c.data[0] <= '\r');
    add(out,
        separators && template_is_separator(c.data[0]) ? TEMPLATE_SEPARATOR
        : is_space                                     ? TEMPLATE_SPACE
                                                       : TEMPLATE_TEXT,
        c);
    return slice_from(t, c.size);
}

static unsigned take_prefix(slice *t)
{
    unsigned found = starts(*t, "FM") || starts(*t, "fm")   ? TEMPLATE_FM
                     : starts(*t, "TM") || starts(*t, "tm") ? TEMPLATE_TM
                                                            : 0;

    if (found != 0)
        *t = slice_from(*t, 2);
    return found;
}

/* SP (spelled out) is read and ignored. */
static unsigned take_suffix(slice *t)
{
    unsigned found = starts(*t, "TH")   ? TEMPLATE_UPPER_TH
                     : starts(*t, "th") ? TEMPLATE_LOWER_TH
                                        : 0;

    if (found != 0 || starts(*t, "SP"))
        *t = slice_from(*t, 2);
    return found;
}

void template_read(struct arena *a, slice text, const struct template_pattern *patterns,
                   bool modifiers, struct template *out)
{
    out->count = 0;
    out->nodes = ARENA_ARRAY(a, struct template_node, text.size + 1);
    while (text.size > 0) {
        unsigned                       found = modifiers ? take_prefix(&text) : 0;
        const struct template_pattern *p = find_pattern(text, patterns);

        if (p != NULL) {
            add(out, TEMPLATE_PATTERN, slice_make(text.data, strlen(p->text)));
            text = slice_from(text, strlen(p->text));
            out->nodes[out->count - 1].pattern = p;
            out->nodes[out->count - 1].modifiers = found | (modifiers ? take_suffix(&text) : 0);
        } else if (text.size > 0) {
            text = read_text(text, modifiers, out);
        }
    }
}

struct kept {
    slice text;
    struct template template;
};

const struct template *template_of_call(struct fn_call *call, slice text,
                                        const struct template_pattern *patterns, bool modifiers)
{
    struct kept     *k = call->state;
    struct template *t;

    if (k == NULL) {
        k = ARENA_NEW(call->call_arena, struct kept);
        k->text = arena_copy(call->call_arena, text);
        template_read(call->call_arena, k->text, patterns, modifiers, &k->template);
        call->state = k;
    }
    if (slice_eq(k->text, text))
        return &k->template;
    t = ARENA_NEW(call->arena, struct template);
    template_read(call->arena, text, patterns, modifiers, t);
    return t;
}

const char *ordinal_suffix(slice digits, bool upper)
{
    static const char *const suffixes[][2] = {
        {"th", "TH"}, {"st", "ST"}, {"nd", "ND"}, {"rd", "RD"}};
    int last = digits.size > 0 ? digits.data[digits.size - 1] - '0' : 0;

    if (last < 1 || last > 3 || (digits.size > 1 && digits.data[digits.size - 2] == '1'))
        last = 0;
    return suffixes[last][upper];
}
