#define PCRE2_CODE_UNIT_WIDTH 8
#include "sql/func/regex.h"

#include <pcre2.h>

#include "base/assert.h"

/* Steps of one search. Backtracking past them ends with an error instead of holding the worker;
 * longer texts may take more, as each character is one. */
enum {
    STEPS_MAX = 2000000,
    STEPS_PER_BYTE = 8,
    BACKTRACK_KIB_MAX = 32 << 10,
    LONGEST_WORKSPACE = 1000,
};

struct regex {
    pcre2_code           *code;
    enum regex_preference preference;
    bool                  choices;
    size_t                groups;
    int                  *workspace;
};

static void *arena_malloc(size_t size, void *arena)
{
    void  *p = NULL;
    status st = arena_try_alloc(arena, size, &p);

    st_clear(st); /* PCRE2 reports NULL as its own out-of-memory */
    return p;
}

static void arena_no_free(void *p, void *arena)
{
    (void)p, (void)arena;
}

static void *heap_malloc(size_t size, void *heap)
{
    return heap_alloc(heap, size);
}

static void heap_release(void *p, void *heap)
{
    (void)heap;
    heap_free(p);
}

static status compile_error(int code)
{
    PCRE2_UCHAR text[120];

    if (code == PCRE2_ERROR_NOMEMORY || code == 121 /* no memory, while compiling */)
        return STATUS_OOM;
    if (code == 125) /* a lookbehind whose length is not known beforehand */
        return status_new(ST_FEATURE_NOT_SUPPORTED,
                          "lookbehind constraints of variable length are not supported");
    pcre2_get_error_message(code, text, sizeof text);
    return status_new(ST_INVALID_REGEXP, "invalid regular expression: %s", (const char *)text);
}

/* Behind the whole pattern stands a callout: it refuses matches that do not end where the preferred
 * one does (see settle()). */
static status compile_translated(struct arena *a, slice pattern, struct regex *r)
{
    pcre2_general_context *memory = pcre2_general_context_create(arena_malloc, arena_no_free, a);
    pcre2_compile_context *context = memory != NULL ? pcre2_compile_context_create(memory) : NULL;
    PCRE2_SIZE             offset;
    int                    code;
    uint32_t               groups;
    /* Possessive repeats would keep settle() from going back to another end. */
    uint32_t               backtrack = r->choices ? PCRE2_NO_AUTO_POSSESS : 0;

    if (context == NULL)
        return STATUS_OOM;
    pcre2_set_newline(context, PCRE2_NEWLINE_LF);
    r->code = pcre2_compile((PCRE2_SPTR)pattern.data, pattern.size,
                            PCRE2_UTF | PCRE2_NO_UTF_CHECK | PCRE2_UCP | backtrack, &code, &offset,
                            context);
    if (r->code == NULL)
        return compile_error(code);
    pcre2_pattern_info(r->code, PCRE2_INFO_CAPTURECOUNT, &groups);
    r->groups = groups;
    return STATUS_OK;
}

status regex_compile(struct arena *a, slice pattern, struct regex_flags flags, struct regex **out)
{
    struct regex *r = ARENA_NEW(a, struct regex);
    struct buf    whole, body;
    slice         s;
    status        st;
    uint32_t      back_reference = 0;

    buf_init(&whole, arena_heap(a));
    buf_init(&body, arena_heap(a));
    TRY(st, regex_translate(pattern, flags, &body, &r->preference, &r->choices), out);
    s = buf_slice(&body);
    buf_printf(&whole, "(?:%.*s)(?C1)", SLICE_FMT(s));
    TRY(st, compile_translated(a, buf_slice(&whole), r), out);
    /* The search for the longest match knows no groups, so it cannot go back to one. */
    pcre2_pattern_info(r->code, PCRE2_INFO_BACKREFMAX, &back_reference);
    if (back_reference > 0)
        r->choices = false;
    r->workspace = ARENA_ARRAY(a, int, LONGEST_WORKSPACE);
    *out = r;

out:
    buf_deinit(&body);
    buf_deinit(&whole);
    return st;
}

size_t regex_group_count(const struct regex *r)
{
    return r->groups;
}

static status match_error(int code)
{
    if (code == PCRE2_ERROR_NOMEMORY)
        return STATUS_OOM;
    return status_new(ST_INVALID_REGEXP, "regular expression failed: %s",
                      code == PCRE2_ERROR_MATCHLIMIT || code == PCRE2_ERROR_HEAPLIMIT ||
                              code == PCRE2_ERROR_DEPTHLIMIT
                          ? "the search takes too many steps"
                          : "the text or the expression cannot be matched");
}

static int refuse_other_ends(pcre2_callout_block *at, void *wanted_end)
{
    return at->current_position == *(const size_t *)wanted_end ? 0 : 1;
}

struct search {
    const struct regex  *r;
    slice                text;
    pcre2_match_context *context;
    pcre2_match_data    *data;
    pcre2_match_data    *longest; /* has no groups */
};

static void read_spans(const struct search *s, int count, struct regex_span *spans)
{
    const PCRE2_SIZE *ends = pcre2_get_ovector_pointer(s->data);

    for (size_t i = 0; i <= s->r->groups; i++) {
        bool set = i < (size_t)count && ends[2 * i] != PCRE2_UNSET;

        spans[i].begin = set ? ends[2 * i] : REGEX_UNSET;
        spans[i].end = set ? ends[2 * i + 1] : REGEX_UNSET;
    }
}

/* PCRE2 took the first match its choices led to; PostgreSQL takes the longest, or the shortest, of
 * those that begin there. Where the two differ, match again with that end demanded, so that the
 * groups are right too. */
static status settle(struct search *s, struct regex_span *spans)
{
    size_t   begin = spans[0].begin, end;
    uint32_t shortest = s->r->preference == REGEX_SHORTEST ? PCRE2_DFA_SHORTEST : 0;
    int      n;

    n = pcre2_dfa_match(s->r->code, (PCRE2_SPTR)s->text.data, s->text.size, begin,
                        PCRE2_ANCHORED | PCRE2_NO_UTF_CHECK | shortest, s->longest, s->context,
                        s->r->workspace, LONGEST_WORKSPACE);
    end = n >= 0 ? pcre2_get_ovector_pointer(s->longest)[1] : 0;
    if (n == PCRE2_ERROR_DFA_WSSIZE || n == PCRE2_ERROR_NOMATCH)
        return STATUS_OK;
    if (n < 0)
        return match_error(n);
    if (end == spans[0].end)
        return STATUS_OK;
    pcre2_set_callout(s->context, refuse_other_ends, &end);
    n = pcre2_match(s->r->code, (PCRE2_SPTR)s->text.data, s->text.size, begin,
                    PCRE2_ANCHORED | PCRE2_NO_UTF_CHECK, s->data, s->context);
    if (n > 0)
        read_spans(s, n, spans);
    return n > 0 || n == PCRE2_ERROR_NOMATCH ? STATUS_OK : match_error(n);
}

static status search(struct search *s, size_t from, bool *found, struct regex_span *spans)
{
    size_t steps = STEPS_MAX + STEPS_PER_BYTE * s->text.size;
    int    n;

    pcre2_set_match_limit(s->context, (uint32_t)MIN(steps, (size_t)UINT32_MAX));
    pcre2_set_heap_limit(s->context, BACKTRACK_KIB_MAX);
    n = pcre2_match(s->r->code, (PCRE2_SPTR)(s->text.data != NULL ? s->text.data : ""),
                    s->text.size, from, PCRE2_NO_UTF_CHECK, s->data, s->context);
    *found = n > 0;
    if (n == PCRE2_ERROR_NOMATCH)
        return STATUS_OK;
    if (n < 0)
        return match_error(n);
    if (spans == NULL)
        return STATUS_OK;
    read_spans(s, n, spans);
    return s->r->choices ? settle(s, spans) : STATUS_OK;
}

status regex_search(const struct regex *r, struct heap *heap, slice text, size_t from, bool *found,
                    struct regex_span *spans)
{
    pcre2_general_context *memory = pcre2_general_context_create(heap_malloc, heap_release, heap);
    struct search          s = {.r = r, .text = text};
    status                 st = STATUS_OOM;

    if (memory == NULL)
        return STATUS_OOM;
    s.context = pcre2_match_context_create(memory);
    s.data = pcre2_match_data_create((uint32_t)r->groups + 1, memory);
    s.longest = pcre2_match_data_create(1, memory);
    if (s.context != NULL && s.data != NULL && s.longest != NULL)
        st = search(&s, from, found, spans);
    pcre2_match_data_free(s.longest);
    pcre2_match_data_free(s.data);
    pcre2_match_context_free(s.context);
    pcre2_general_context_free(memory);
    return st;
}
