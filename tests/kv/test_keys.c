#include "tests/common/test.h"

#include "base/prng.h"
#include "kv/keymap.h"
#include "kv/keys.h"

static void ordered_numbers(void **state)
{
    struct prng p;
    uint64_t    last = 0;
    char        last_text[KEY_ORDERED_U64_SIZE_MAX];
    size_t      last_size = key_put_ordered_u64(last_text, 0);

    (void)state;
    prng_init(&p, test_seed(1));
    for (int i = 0; i < 10000; i++) {
        uint64_t v = prng_next(&p) >> prng_below(&p, 64), back;
        char     text[KEY_ORDERED_U64_SIZE_MAX];
        size_t   size = key_put_ordered_u64(text, v);
        slice    s = slice_make(text, size);
        int      order = slice_cmp(s, slice_make(last_text, last_size));

        assert_int_equal((order > 0) - (order < 0), (v > last) - (v < last));
        assert_true(key_take_ordered_u64(&s, &back));
        assert_true(back == v && s.size == 0);
        last = v;
        memcpy(last_text, text, size);
        last_size = size;
    }
}

static void malformed_numbers(void **state)
{
    slice    texts[] = {SLICE_EMPTY, SLICE_LIT("\x09"), SLICE_LIT("\x02\x01"),
                        slice_make("\x01\x00", 2)};
    uint64_t v;

    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        assert_false(key_take_ordered_u64(&texts[i], &v));
}

static void keys_as_text(void **state)
{
    static const char *const bad[] = {
        "",        "table",     "/table/x",      "/table/5/1/6", "/table/5/1/zz",
        "/tables", "/system/0", "/table/5/1/00/"};
    struct arena *a = arena_new(NULL, NULL);
    struct prng   p;
    slice         back;

    (void)state;
    prng_init(&p, test_seed(3));
    for (int i = 0; i < 10000; i++) {
        struct buf b;

        buf_init(&b, NULL);
        if (prng_below(&p, 2) == 0)
            key_append_index(&b, prng_next(&p) >> prng_below(&p, 64), prng_below(&p, 300));
        for (uint64_t n = prng_below(&p, 12) + (b.size == 0); n > 0; n--)
            buf_put_u8(&b, (uint8_t)prng_below(&p, prng_below(&p, 2) == 0 ? 8 : 256));
        assert_st_ok(key_parse(a, key_print(a, buf_slice(&b)), &back));
        assert_true(slice_eq(back, buf_slice(&b)));
        buf_deinit(&b);
    }
    assert_st_ok(key_parse(a, "/table/300", &back));
    assert_true(slice_eq_cstr(back, "\x05\x02\x01\x2c"));
    assert_st_ok(key_parse(a, "/system", &back));
    assert_true(slice_eq_cstr(back, "\x04"));
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_st_code(key_parse(a, bad[i], &back), ST_INVALID_PARAMETER_VALUE);
    arena_free(a);
}

static void prefixes(void **state)
{
    struct arena *a = arena_new(NULL, NULL);
    struct buf    b;
    slice         key;
    uint64_t      storage, index;

    (void)state;
    buf_init(&b, NULL);
    key_append_index(&b, 300, 2);
    buf_append_cstr(&b, "ab");
    key = buf_slice(&b);
    assert_string_equal(key_print(a, key), "/table/300/2/6162");
    assert_int_equal(key_group(key).size, key.size - 2);
    assert_true(slice_cmp(key, key_prefix_end(a, key_group(key))) < 0);
    assert_true(slice_cmp(key, key_next(a, key)) < 0);
    assert_true(key_take_index(&key, &storage, &index));
    assert_true(storage == 300 && index == 2 && slice_eq_cstr(key, "ab"));
    assert_string_equal(key_print(a, SLICE_LIT("\x04x")), "/system/78");
    assert_true(slice_eq_cstr(key_prefix_end(a, SLICE_LIT("a\xff")), "b"));
    assert_int_equal(key_prefix_end(a, SLICE_LIT("\xff\xff")).size, 0);
    buf_deinit(&b);
    arena_free(a);
}

/* Against a sorted array. */
static void map_model(void **state)
{
    enum { KEYS = 1000, SPACE = 3000 };
    struct arena *a = arena_new(NULL, NULL);
    struct keymap m;
    struct prng   p;
    bool          there[SPACE] = {false};
    char          text[16];

    (void)state;
    prng_init(&p, test_seed(2));
    keymap_init(&m, a);
    for (int i = 0; i < KEYS; i++) {
        /* Runs in order, and jumps. */
        uint64_t v = prng_below(&p, SPACE);

        for (uint64_t end = MIN(v + prng_below(&p, 4) + 1, (uint64_t)SPACE); v < end; v++) {
            snprintf(text, sizeof text, "%05u", (unsigned)v);
            struct keymap_node *n = keymap_add(&m, slice_cstr(text));

            assert_int_equal(n->value2, there[v] ? v + 1 : 0);
            n->value2 = v + 1;
            there[v] = true;
        }
    }
    int                 before = -1;
    struct keymap_node *n = keymap_first(&m);

    for (int v = 0; v < SPACE; v++) {
        snprintf(text, sizeof text, "%05d", v);
        assert_true((keymap_find(&m, slice_cstr(text)) != NULL) == there[v]);
        assert_ptr_equal(keymap_seek(&m, slice_cstr(text)), n);
        assert_int_equal(keymap_before(&m, slice_cstr(text)) == NULL, before < 0);
        if (before >= 0)
            assert_int_equal(keymap_before(&m, slice_cstr(text))->value2, before + 1);
        if (there[v]) {
            assert_int_equal(n->value2, v + 1);
            n = keymap_next(n);
            before = v;
        }
    }
    assert_null(n);
    assert_int_equal(keymap_last(&m)->value2, before + 1);
    arena_free(a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T("ordered numbers sort as numbers and come back", ordered_numbers),
        T("what is no ordered number is refused", malformed_numbers),
        T("table keys have a prefix, an end, a successor, a name", prefixes),
        T("a key as text reads back as the key", keys_as_text),
        T("the key map is a sorted map", map_model),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
