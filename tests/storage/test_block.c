/* Blocks against the sorted array they were built from, and against bytes of any kind. */
#include "storage/lsm/block.h"

#include "tests/common/lsm_entries.h"
#include "tests/common/test.h"

static uint32_t info_of(const struct lsm_entry *e)
{
    return e->kind == LSM_TOMBSTONE ? PAGE_TOMBSTONE
           : e->kind == LSM_CLEARED ? PAGE_CLEARED
                                    : (uint32_t)e->value.size;
}

/* Entries [from, ...) that fit one block, as its content; how many. */
static size_t build(const struct lsm_entries *e, size_t from, size_t target, struct buf *out)
{
    struct block_builder b;
    size_t               at = from, size;

    block_builder_init(&b, NULL, 0, target);
    while (at < e->count && block_builder_fits(&b, e->items[at].key, e->items[at].value.size)) {
        block_builder_add(&b, e->items[at].key, e->items[at].ts, info_of(&e->items[at]),
                          e->items[at].value);
        at++;
    }
    buf_reset(out);
    size = block_builder_size(&b);
    assert_int_equal(block_builder_finish(&b, out), size);
    assert_int_equal(out->size, size);
    block_builder_deinit(&b);
    return at - from;
}

static struct block *block_of(slice raw)
{
    struct block *b = block_new(NULL, block_image_size(raw));

    assert_non_null(b);
    b->content_size = (uint32_t)raw.size;
    memcpy(b->raw, raw.data, raw.size);
    return b;
}

static void assert_shows(const struct block_cursor *c, const struct lsm_entry *e)
{
    assert_true(c->valid);
    assert_true(slice_eq(c->entry.key, e->key));
    assert_true(c->entry.ts == e->ts);
    assert_int_equal(c->entry.kind, e->kind);
    assert_true(slice_eq(c->entry.value, e->value));
    assert_false(c->is_elsewhere);
}

static void walk(struct block_cursor *c, const struct lsm_entries *e)
{
    block_cursor_first(c);
    for (size_t i = 0; i < e->count; i++, block_cursor_next(c))
        assert_shows(c, &e->items[i]);
    assert_false(c->valid);
    block_cursor_last(c);
    for (size_t i = e->count; i > 0; i--, block_cursor_prev(c))
        assert_shows(c, &e->items[i - 1]);
    assert_false(c->valid);
}

static void probe(struct block_cursor *c, const struct lsm_entries *e, slice key, hlc_ts ts)
{
    size_t at = lsm_entries_lower_bound(e, key, ts);

    block_cursor_seek(c, key, ts);
    if (at < e->count)
        assert_shows(c, &e->items[at]);
    else
        assert_false(c->valid);
    block_cursor_seek_before(c, key, ts);
    if (at > 0)
        assert_shows(c, &e->items[at - 1]);
    else
        assert_false(c->valid);
}

static void check_block(struct arena *arena, struct prng *p, struct block_cursor *c,
                        const struct lsm_entries *e)
{
    walk(c, e);
    for (size_t i = 0; i < e->count; i++)
        probe(c, e, e->items[i].key, e->items[i].ts);
    for (size_t i = 0; i < 3 * e->count; i++) {
        hlc_ts ts;
        slice  key = lsm_entries_probe(arena, p, e, &ts);

        probe(c, e, key, ts);
    }
}

static void random_blocks(void **state)
{
    struct prng   p;
    struct buf    raw;
    struct arena *arena = arena_new(NULL, NULL);

    (void)state;
    prng_init(&p, test_seed(1));
    buf_init(&raw, NULL);
    for (int round = 0; round < 60; round++) {
        struct lsm_entries_shape shape = lsm_entries_shape_random(&p, 1 + prng_below(&p, 400));
        struct lsm_entries       e;
        struct block_cursor      c;
        size_t                   target = 1024 << prng_below(&p, 6);

        shape.large_one_in = 0;
        lsm_entries_random(arena, &p, &shape, &e);
        block_cursor_init(&c, NULL);
        for (size_t from = 0, count; from < e.count; from += count) {
            struct block      *b;
            struct lsm_entries part;

            count = build(&e, from, target, &raw);
            part = (struct lsm_entries){.items = e.items + from, .count = count};
            assert_true(raw.size <= target || count == 1);
            b = block_of(buf_slice(&raw));
            assert_st_ok(block_load(b, 0));
            block_cursor_set(&c, b);
            check_block(arena, &p, &c, &part);
            heap_free(b);
        }
        block_cursor_deinit(&c);
        arena_reset(arena);
    }
    buf_deinit(&raw);
    arena_free(arena);
}

static void separators(void **state)
{
    static const struct {
        const char *a, *b, *s;
    } cases[] = {
        {"abc", "abe", "abd"},
        {"abc", "abd", "abc"},
        {"abcx", "abd", "abcy"},
        {"abc", "abdz", "abd"},
        {"abc", "b", "ac"},
        {"abc", "abcd", "abc"},
        {"abc", "x", "b"},
        {"a\xff\xff", "b", "a\xff\xff"},
        {"a\xff\x10zz", "b", "a\xff\x11"},
        {"a\xfe", "a\xff", "a\xfe"},
        {"abcdef", "abxdef", "abd"},
    };
    struct buf s;

    (void)state;
    buf_init(&s, NULL);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        block_separator(&s, slice_cstr(cases[i].a), slice_cstr(cases[i].b));
        assert_true(slice_eq_cstr(buf_slice(&s), cases[i].s));
    }
    buf_deinit(&s);
}

static void random_separators(void **state)
{
    struct arena      *arena = arena_new(NULL, NULL);
    struct lsm_entries e;
    struct prng        p;
    struct buf         s;

    (void)state;
    prng_init(&p, test_seed(2));
    buf_init(&s, NULL);
    for (int round = 0; round < 30; round++) {
        struct lsm_entries_shape shape = lsm_entries_shape_random(&p, 300);

        lsm_entries_random(arena, &p, &shape, &e);
        for (size_t i = 1; i < e.count; i++) {
            slice a = e.items[i - 1].key, b = e.items[i].key;

            if (slice_eq(a, b))
                continue;
            block_separator(&s, a, b);
            assert_true(slice_cmp(a, buf_slice(&s)) <= 0);
            assert_true(slice_cmp(buf_slice(&s), b) < 0);
            assert_true(s.size <= a.size);
        }
        arena_reset(arena);
    }
    buf_deinit(&s);
    arena_free(arena);
}

static status load_bytes(slice raw, unsigned level)
{
    struct block *b = block_of(raw);
    status        st = block_load(b, level);

    heap_free(b);
    return st;
}

/* A block of the given keys with values "v"; ts counts down. */
static void build_keys(const char *const *keys, size_t count, struct buf *raw)
{
    struct block_builder b;

    block_builder_init(&b, NULL, 0, BLOCK_SIZE_USUAL);
    for (size_t i = 0; i < count; i++)
        block_builder_add(&b, slice_cstr(keys[i]), 100 - i, 1, SLICE_LIT("v"));
    buf_reset(raw);
    block_builder_finish(&b, raw);
    block_builder_deinit(&b);
}

static void assert_refused(slice raw, const char *why)
{
    status st = load_bytes(raw, 0);

    assert_int_equal(status_code(st), ST_CORRUPT);
    if (strstr(status_message(st), why) == NULL)
        fail_msg("\"%s\" instead of \"%s\"", status_message(st), why);
    st_clear(st);
}

static void wrong_blocks(void **state)
{
    static const char *const sorted[] = {"\1ab", "\1ac"}, *const equal[] = {"\1ab", "\1ab"},
                             *const unsorted[] = {"\1ac", "\1ab"}, *const no_space[] = {"\2a"};
    struct buf raw;

    (void)state;
    buf_init(&raw, NULL);
    build_keys(equal, 2, &raw); /* versions 100 and 99 of one key */
    assert_st_ok(load_bytes(buf_slice(&raw), 0));
    build_keys(unsorted, 2, &raw);
    assert_refused(buf_slice(&raw), "out of order");
    build_keys(no_space, 1, &raw);
    assert_refused(buf_slice(&raw), "no known space");
    build_keys(sorted, 2, &raw);
    assert_st_code(load_bytes(buf_slice(&raw), 1), ST_CORRUPT);
    assert_refused(slice_make(raw.data, raw.size - 1), "longer than the block");
    buf_put_u8(&raw, 0);
    assert_refused(buf_slice(&raw), "behind its entries");
    raw.size--;
    raw.data[2] = 0;
    assert_refused(buf_slice(&raw), "no entries");
    raw.data[2] = 100;
    assert_refused(buf_slice(&raw), "do not fit");
    raw.data[2] = 2;
    put_u32le(raw.data + BLOCK_HEADER_SIZE + 4 + 8, PAGE_BLOB | 1);
    assert_refused(buf_slice(&raw), "no known kind");
    put_u32le(raw.data + BLOCK_HEADER_SIZE + 4 + 8, 1);
    assert_st_ok(load_bytes(buf_slice(&raw), 0));
    put_u32le(raw.data + BLOCK_HEADER_SIZE + 4 + 8, PAGE_TOMBSTONE | 1);
    assert_refused(buf_slice(&raw), "no known kind");
    buf_deinit(&raw);
}

static void long_separators(void **state)
{
    struct block_builder b;
    struct block_child   child = {.block = {1, 2, 3}, .filter = {4, 5, 6}}, got;
    struct buf           raw, payload;
    struct block        *block;
    char                *key = malloc(BLOCK_KEY_SIZE_MAX);

    (void)state;
    buf_init(&raw, NULL);
    buf_init(&payload, NULL);
    block_builder_init(&b, NULL, 2, 1024);
    block_child_put(&payload, 2, &child);
    memset(key, 'x', BLOCK_KEY_SIZE_MAX);
    for (int i = 0; i < BLOCK_INDEX_FANOUT_MIN; i++) {
        key[0] = (char)i;
        assert_true(block_builder_fits(&b, slice_make(key, BLOCK_KEY_SIZE_MAX), payload.size));
        block_builder_add(&b, slice_make(key, BLOCK_KEY_SIZE_MAX), 0, (uint32_t)payload.size,
                          buf_slice(&payload));
    }
    key[0]++;
    assert_false(block_builder_fits(&b, slice_make(key, BLOCK_KEY_SIZE_MAX), payload.size));
    block_builder_finish(&b, &raw);
    block = block_of(buf_slice(&raw));
    assert_st_ok(block_load(block, 2));
    got = block_child(block, BLOCK_INDEX_FANOUT_MIN - 1);
    assert_true(got.block.offset == 1 && got.block.size == 2 && got.block.raw_size == 3);
    assert_true(got.filter.offset == 4 && got.filter.size == 5 && got.filter.raw_size == 6);
    heap_free(block);
    free(key);
    block_builder_deinit(&b);
    buf_deinit(&raw);
    buf_deinit(&payload);
}

/* Whatever was done to its bytes, a block that loads is one that can be walked and searched. */
static void mutated_blocks(void **state)
{
    struct arena            *arena = arena_new(NULL, NULL);
    struct lsm_entries_shape shape = {.count = 40,
                                      .key_size_max = 6,
                                      .prefix_size_max = 4,
                                      .versions_max = 3,
                                      .value_size_max = 8};
    struct lsm_entries       e;
    struct prng              p;
    struct buf               raw;

    (void)state;
    prng_init(&p, test_seed(3));
    buf_init(&raw, NULL);
    lsm_entries_random(arena, &p, &shape, &e);
    build(&e, 0, 1024, &raw);
    for (int round = 0; round < 20000; round++) {
        struct block       *b = block_of(buf_slice(&raw));
        struct block_cursor c;
        status              st;
        size_t              seen = 0;

        for (uint64_t n = 1 + prng_below(&p, 3); n > 0; n--)
            b->raw[prng_below(&p, b->content_size)] ^= (char)(1 << prng_below(&p, 8));
        st = block_load(b, 0);
        block_cursor_init(&c, NULL);
        if (st_ok(st)) {
            block_cursor_set(&c, b);
            for (block_cursor_first(&c); c.valid; block_cursor_next(&c))
                seen++;
            assert_int_equal(seen, block_count(b));
            block_cursor_seek(&c, e.items[0].key, e.items[0].ts);
        } else {
            assert_int_equal(status_code(st), ST_CORRUPT);
        }
        st_clear(st);
        block_cursor_deinit(&c);
        heap_free(b);
    }
    buf_deinit(&raw);
    arena_free(arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T("a block gives back what was built, both ways, and finds every entry and gap",
          random_blocks),
        T("a separator is short, at or above the left key and below the right one", separators),
        T("separators of random keys are between them", random_separators),
        T("a block with a fault is refused, and the message says why", wrong_blocks),
        T("an index block holds its least number of the longest separators", long_separators),
        T("a block with changed bytes is refused or can be walked", mutated_blocks),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
