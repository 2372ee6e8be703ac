#include "sql/session/copy_format.h"

#include "base/prng.h"
#include "tests/common/test.h"

static const struct copy_options text_options = {.delimiter = '\t', .null_text = "\\N"};
static const struct copy_options csv_options = {
    .csv = true, .delimiter = ',', .null_text = "", .quote = '"', .escape = '"'};

/* The fields of one line, as "a|b|NULL". */
static void check_line(const struct copy_options *o, const char *line, const char *expected)
{
    struct arena      *a = arena_new(NULL, NULL);
    struct copy_field *fields;
    size_t             count;
    struct buf         got;

    buf_init(&got, NULL);
    assert_st_ok(copy_split(o, a, slice_cstr(line), &fields, &count));
    for (size_t i = 0; i < count; i++) {
        if (i > 0)
            buf_put_u8(&got, '|');
        if (fields[i].is_null)
            buf_append_cstr(&got, "NULL");
        else
            buf_append_slice(&got, fields[i].text);
    }
    assert_string_equal(buf_cstr(&got), expected);
    buf_deinit(&got);
    arena_free(a);
}

static void text_escapes(void **state)
{
    (void)state;
    check_line(&text_options, "a\tb", "a|b");
    check_line(&text_options, "\\N\t\\\\N", "NULL|\\N");
    check_line(&text_options, "a\\tb\\x41\\101\\q", "a\tbAAq");
    check_line(&text_options, "", "");
    check_line(&text_options, "\t", "|");
    check_line(&text_options, "a\\\tb", "a\tb");
}

static void csv_quotes(void **state)
{
    (void)state;
    check_line(&csv_options, "a,\"b,\"\"c\"\"\",", "a|b,\"c\"|NULL");
    check_line(&csv_options, "\"\",x", "|x"); /* a quoted empty field is not null */
    check_line(&csv_options, ",", "NULL|NULL");
}

static void csv_unterminated(void **state)
{
    struct arena      *a = arena_new(NULL, NULL);
    struct copy_field *fields;
    size_t             count;

    (void)state;
    assert_st_code(copy_split(&csv_options, a, SLICE_LIT("a,\"b"), &fields, &count),
                   ST_BAD_COPY_FILE);
    arena_free(a);
}

/* Feed `input` in pieces of `size` bytes and count the lines. */
static size_t count_lines(const struct copy_options *o, const char *input, size_t size)
{
    struct copy_reader r;
    size_t             lines = 0, n = strlen(input);
    slice              line;

    copy_reader_init(&r, o, NULL);
    for (size_t at = 0; at < n; at += size) {
        copy_reader_feed(&r, slice_make(input + at, MIN(size, n - at)));
        while (copy_reader_line(&r, false, &line))
            lines++;
    }
    while (copy_reader_line(&r, true, &line))
        lines++;
    copy_reader_deinit(&r);
    return lines;
}

static void pieces_do_not_matter(void **state)
{
    (void)state;
    for (size_t size = 1; size < 12; size++) {
        assert_int_equal(count_lines(&text_options, "a\nb\r\n\nlast", size), 4);
        assert_int_equal(count_lines(&text_options, "a\n\\.\nignored\n", size), 1);
        assert_int_equal(count_lines(&csv_options, "\"a\nb\",c\nd,e\n", size), 2);
    }
}

/* Whatever is written comes back. */
static void round_trip(void **state)
{
    struct prng       rng;
    static const char alphabet[] = "ab\t\n\r\\,\"'N. \b";

    (void)state;
    prng_init(&rng, test_seed(7));
    for (int run = 0; run < 2000; run++) {
        const struct copy_options *o = run % 2 == 0 ? &text_options : &csv_options;
        struct arena              *a = arena_new(NULL, NULL);
        struct copy_reader         r;
        struct copy_field         *fields;
        struct buf                 line;
        char                       texts[3][8];
        slice                      got;
        size_t                     count;

        buf_init(&line, NULL);
        for (int i = 0; i < 3; i++) {
            size_t n = prng_below(&rng, sizeof texts[i]);

            for (size_t k = 0; k < n; k++)
                texts[i][k] = alphabet[prng_below(&rng, sizeof alphabet - 1)];
            texts[i][n] = '\0';
            if (i > 0)
                buf_put_u8(&line, (uint8_t)o->delimiter);
            copy_put_field(o, &line, slice_cstr(texts[i]), false, false);
        }
        buf_put_u8(&line, '\n');
        copy_reader_init(&r, o, NULL);
        copy_reader_feed(&r, buf_slice(&line));
        assert_true(copy_reader_line(&r, true, &got));
        assert_st_ok(copy_split(o, a, got, &fields, &count));
        assert_int_equal(count, 3);
        for (int i = 0; i < 3; i++) {
            assert_false(fields[i].is_null);
            assert_true(slice_eq_cstr(fields[i].text, texts[i]));
        }
        copy_reader_deinit(&r);
        buf_deinit(&line);
        arena_free(a);
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        T("text lines are taken apart with PostgreSQL's escapes", text_escapes),
        T("CSV lines are taken apart with quotes, and a quoted empty field is no null", csv_quotes),
        T("a CSV quote that does not end is an error", csv_unterminated),
        T("lines do not depend on how the client cuts its messages", pieces_do_not_matter),
        T("what is written reads back the same", round_trip),
    };

    return cmocka_run_group_tests_name("session/copy_format", tests, NULL, NULL);
}
