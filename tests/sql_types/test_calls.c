/* Calls of the catalogue's functions against the answers of a PostgreSQL 15: tests/sql_types/data/
 * has them, one a line, made by scripts/reference-calls:
 *
 *     name(type,type) <tab> argument <tab> ... <tab> => <tab> result, NULL, or ! SQLSTATE message
 *
 * "int4|name(anyarray)" calls a polymorphic function for that element type.
 * "@name(type)" calls an aggregate; each argument is a text array with a column of its rows.
 * Arguments and results are in text form, so the types' input and output are tested on the way. */
#include "sql/func/function.h"
#include "sql/types/array.h"
#include "sql/types/string.h"
#include "sql/types/timezone.h"
#include "sql/types/type.h"
#include "tests/common/test.h"

enum { ROWS_MAX = 64, FAILURES_SHOWN = 60 };

struct line {
    char  *signature;
    char  *element; /* NULL: not polymorphic */
    char  *args[8];
    size_t count;
    char  *expected;
};

static struct sql_context *make_context(struct arena *a, struct time_zones *zones)
{
    struct sql_context *c = ARENA_NEW(a, struct sql_context);

    c->time_zones = zones;
    c->settings.extra_float_digits = 1;
    c->settings.standard_conforming_strings = true;
    return c;
}

static bool split(char *text, struct line *out)
{
    char *save = NULL;

    text[strcspn(text, "\n")] = '\0';
    out->count = 0;
    out->expected = NULL;
    out->signature = text;
    out->element = NULL;
    if (strchr(text, '|') != NULL && strchr(text, '|') < strchr(text, '(')) {
        out->element = text;
        out->signature = strchr(text, '|');
        *out->signature++ = '\0';
        text = out->signature;
    }
    text = strchr(text, '\t');
    if (text == NULL || out->signature[0] == '#')
        return false;
    *text++ = '\0';
    for (save = text; save != NULL && out->count < 8;) {
        char *tab = strchr(save, '\t');

        if (tab != NULL)
            *tab++ = '\0';
        if (strcmp(save, "=>") == 0) {
            out->expected = tab;
            return tab != NULL;
        }
        out->args[out->count++] = save;
        save = tab;
    }
    return false;
}

/* Escapes in the file: \t, \n, \\. */
static slice unescape(struct arena *a, const char *text)
{
    char  *out = arena_alloc(a, strlen(text) + 1);
    size_t n = 0;

    for (; *text != '\0'; text++) {
        if (*text == '\\' && text[1] != '\0') {
            text++;
            out[n++] = *text == 't' ? '\t' : *text == 'n' ? '\n' : *text;
        } else {
            out[n++] = *text;
        }
    }
    return slice_make(out, n);
}

static const struct function *find(const char *signature)
{
    size_t                        count, n = strcspn(signature, "(");
    const struct function *const *found = functions_by_name(slice_make(signature, n), &count);

    for (size_t i = 0; i < count; i++) {
        char text[512] = "(";

        for (size_t k = 0; k < found[i]->arg_count; k++) {
            uint32_t type = found[i]->arg_types[k];

            strcat(text, k > 0 ? "," : "");
            strcat(text, type == OID_ANY && found[i]->variadic ? "_text" : type_by_oid(type)->name);
        }
        strcat(text, ")");
        if (strcmp(text, signature + n) == 0)
            return found[i];
    }
    return NULL;
}

static uint32_t actual_type(uint32_t declared, const char *element)
{
    const struct type *t = element != NULL ? type_by_name(slice_cstr(element)) : NULL;

    if (t == NULL)
        return declared;
    if (declared == OID_ANYARRAY || declared == OID_ANYCOMPATIBLEARRAY)
        return t->array_oid;
    if (declared == OID_ANYELEMENT || declared == OID_ANYCOMPATIBLE)
        return t->oid;
    return declared;
}

static status call_function(struct sql_context *c, struct arena *a, const struct line *l,
                            struct buf *out)
{
    const struct function *f = find(l->signature);
    struct fn_call         call = {.context = c, .fn = f, .arena = a, .call_arena = a};
    uint32_t               actual[8] = {0};
    datum                  args[8], result = {0};
    bool                   nulls[8] = {0}, null = false, any = false;

    if (f == NULL)
        return status_new(ST_INTERNAL, "no function %s", l->signature);
    call.arg_count = f->arg_count;
    call.arg_types = actual;
    call.result_type = actual_type(f->result_type, l->element);
    for (size_t i = 0; i < l->count; i++) {
        const struct type *t = type_by_oid(actual_type(f->arg_types[i], l->element));

        if (t->oid == OID_ANY) { /* VARIADIC '{...}'::text[] */
            t = type_by_oid(OID_TEXT_ARRAY);
            call.variadic_array = true;
        }
        actual[i] = t->oid;
        nulls[i] = strcmp(l->args[i], "NULL") == 0;
        any = any || nulls[i];
        if (!nulls[i])
            TRY_RETURN(t->input(c, a, t, unescape(a, l->args[i]), -1, &args[i]));
    }
    if (any && f->strict)
        null = true;
    else
        TRY_RETURN(f->scalar(&call, args, nulls, &result, &null));
    if (null) {
        buf_append_cstr(out, "NULL");
        return STATUS_OK;
    }
    if (f->result_type == OID_BOOL) { /* the answers are casts to text */
        buf_append_cstr(out, result.b ? "true" : "false");
        return STATUS_OK;
    }
    if (f->result_type == OID_BPCHAR)
        result.s = bpchar_trim(result.s);
    return type_by_oid(call.result_type)->output(c, type_by_oid(call.result_type), result, out);
}

/* Rows of an aggregate: column i of them is args[i], a text array. */
static status load_rows(struct sql_context *c, struct arena *a, const struct line *l,
                        const uint32_t *types, datum rows[][2], bool nulls[][2], size_t *count)
{
    for (size_t i = 0; i < l->count; i++) {
        const struct type *t = type_by_oid(types[i]), *list = type_by_oid(OID_TEXT_ARRAY);
        struct array_view  v;
        datum              packed, *texts;
        bool              *text_nulls;

        TRY_RETURN(list->input(c, a, list, unescape(a, l->args[i]), -1, &packed));
        TRY_RETURN(array_unpack(a, packed.s, &v, &texts, &text_nulls));
        *count = v.count;
        assert_true(v.count <= ROWS_MAX);
        for (size_t row = 0; row < v.count; row++) {
            nulls[row][i] = text_nulls[row];
            if (!text_nulls[row])
                TRY_RETURN(t->input(c, a, t, texts[row].s, -1, &rows[row][i]));
        }
    }
    return STATUS_OK;
}

static status aggregate_rows(struct fn_call *call, void *state, datum rows[][2], bool nulls[][2],
                             size_t from, size_t to)
{
    for (size_t row = from; row < to; row++) {
        if (call->fn->strict && (nulls[row][0] || (call->arg_count > 1 && nulls[row][1])))
            continue;
        TRY_RETURN(call->fn->aggregate->update(call, state, rows[row], nulls[row]));
    }
    return STATUS_OK;
}

/* Split at `split`: the first rows in one state, the others in another that is merged into it. */
static status call_aggregate(struct sql_context *c, struct arena *a, const struct line *l,
                             size_t split, struct buf *out)
{
    static const char *const element = "text"; /* of array_agg */
    const struct function   *f = find(l->signature + 1);
    datum                    rows[ROWS_MAX][2], result = {0};
    bool                     nulls[ROWS_MAX][2], null = false;
    uint32_t                 types[2] = {0};
    struct fn_call           call = {.context = c, .fn = f, .arena = a, .call_arena = a};
    size_t                   count = 0;
    void                    *state, *other;

    if (f == NULL)
        return status_new(ST_INTERNAL, "no aggregate %s", l->signature);
    for (size_t i = 0; i < f->arg_count; i++)
        types[i] = actual_type(f->arg_types[i], element);
    call.arg_count = f->arg_count;
    call.arg_types = types;
    TRY_RETURN(load_rows(c, a, l, types, rows, nulls, &count));
    split = MIN(split, count);
    state = arena_zalloc(a, 1, f->aggregate->state_size);
    other = arena_zalloc(a, 1, f->aggregate->state_size);
    TRY_RETURN(aggregate_rows(&call, state, rows, nulls, 0, split));
    TRY_RETURN(aggregate_rows(&call, other, rows, nulls, split, count));
    TRY_RETURN(f->aggregate->combine(&call, state, other));
    TRY_RETURN(f->aggregate->finish(&call, state, &result, &null));
    if (null) {
        buf_append_cstr(out, "NULL");
        return STATUS_OK;
    }
    if (f->result_type == OID_BOOL) {
        buf_append_cstr(out, result.b ? "true" : "false");
        return STATUS_OK;
    }
    return type_by_oid(f->result_type)->output(c, type_by_oid(f->result_type), result, out);
}

static void check_line(struct sql_context *c, struct heap *heap, const struct line *l,
                       const char *file, int number, size_t split, int *failures)
{
    struct arena *a = arena_new(heap, NULL);
    struct buf    got;
    slice         expected = unescape(a, l->expected);
    status        st;

    buf_init(&got, NULL);
    if (l->signature[0] == '@')
        st = call_aggregate(c, a, l, split, &got);
    else
        st = call_function(c, a, l, &got);
    if (!st_ok(st)) {
        buf_reset(&got);
        buf_printf(&got, "! %s %s", status_sqlstate(st), status_message(st));
        st_clear(st);
    }
    if (!slice_eq(buf_slice(&got), expected)) {
        ++*failures;
        if (*failures < FAILURES_SHOWN)
            print_error("%s:%d: %s(%s, %s): got %.*s, expected %.*s\n", file, number, l->signature,
                        l->count > 0 ? l->args[0] : "", l->count > 1 ? l->args[1] : "",
                        SLICE_FMT(buf_slice(&got)), SLICE_FMT(expected));
    }
    buf_deinit(&got);
    arena_free(a);
}

static void check_file(const char *name)
{
    char               path[256], text[65536];
    struct heap       *heap = heap_new();
    struct arena      *a = arena_new(heap, NULL);
    struct time_zones *zones = time_zones_new(heap);
    FILE              *in;
    int                number = 0, failures = 0, checked = 0;

    snprintf(path, sizeof path, "tests/sql_types/data/%s", name);
    in = fopen(path, "r");
    assert_non_null(in);
    while (fgets(text, sizeof text, in) != NULL) {
        struct line l;

        number++;
        if (!split(text, &l))
            continue;
        check_line(make_context(a, zones), heap, &l, path, number, ROWS_MAX, &failures);
        if (l.signature[0] == '@' && strstr(l.signature, "float") == NULL) {
            /* Partial aggregation; of floats the last digits may differ. */
            check_line(make_context(a, zones), heap, &l, path, number, 0, &failures);
            check_line(make_context(a, zones), heap, &l, path, number, 2, &failures);
        }
        checked++;
    }
    fclose(in);
    time_zones_free(zones);
    arena_free(a);
    heap_destroy(heap);
    print_message("%s: %d calls\n", path, checked);
    assert_true(checked > 0);
    assert_int_equal(failures, 0);
}

static void numbers(void **state)
{
    (void)state;
    check_file("numbers.txt");
}

static void dates(void **state)
{
    (void)state;
    check_file("datetime.txt");
}

static void formats(void **state)
{
    (void)state;
    check_file("formats.txt");
}

static void sweep(void **state)
{
    (void)state;
    check_file("sweep.txt");
}

static void regular_expressions(void **state)
{
    (void)state;
    check_file("regex.txt");
}

static void texts(void **state)
{
    (void)state;
    check_file("text.txt");
}

static void arrays(void **state)
{
    (void)state;
    check_file("arrays.txt");
}

static void aggregates(void **state)
{
    (void)state;
    check_file("aggregates.txt");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T("functions on numbers answer as PostgreSQL 15 does", numbers),
        T("functions on text and bytea answer as PostgreSQL 15 does", texts),
        T("functions on arrays, uuids and sizes answer as PostgreSQL 15 does", arrays),
        T("aggregates answer as PostgreSQL 15 does", aggregates),
        T("functions on dates and times answer as PostgreSQL 15 does", dates),
        T("templates read and print as PostgreSQL 15 does", formats),
        T("every scalar function answers as PostgreSQL 15 does over edge values", sweep),
        T("regular expressions give PostgreSQL's answers", regular_expressions),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
