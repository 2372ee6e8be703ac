/* Whole tables in memory: written, taken apart again by a reader of a few lines, compared to the
 * sorted array they were made of. */
#include "storage/lsm/table_writer.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "tests/common/lsm_entries.h"
#include "tests/common/test.h"

/* A table file and what its footer says. */
struct file {
    struct table_seal   seal;
    struct block_codec *codec;
    struct buf          bytes;
    struct table_footer footer;
};

static void file_init(struct file *f, uint64_t number)
{
    *f = (struct file){.seal = {.number = number}, .codec = block_codec_new(NULL)};
    buf_init(&f->bytes, NULL);
}

static void file_deinit(struct file *f)
{
    block_codec_free(f->codec);
    buf_deinit(&f->bytes);
}

static status read_footer(struct file *f)
{
    return table_footer_take(
        slice_make(f->bytes.data + f->bytes.size - TABLE_FOOTER_SIZE, TABLE_FOOTER_SIZE),
        f->seal.number, f->bytes.size, &f->footer);
}

static status read_block(const struct file *f, const struct block_handle *h, uint32_t raw_size_max,
                         struct block **out)
{
    struct block *b;
    status        st;

    TRY_RETURN(block_handle_check(h, f->bytes.size, raw_size_max));
    b = block_new(NULL, h->raw_size);
    assert_non_null(b);
    st = block_open(f->codec, &f->seal, h, slice_make(f->bytes.data + h->offset, h->size), b);
    if (st_ok(st))
        *out = b;
    else
        heap_free(b);
    return st;
}

static status read_entries(const struct file *f, const struct block_handle *h, unsigned level,
                           struct block **out)
{
    struct block *b = NULL;
    status        st;

    TRY_RETURN(read_block(f, h, BLOCK_SIZE_MAX, &b));
    st = block_load(b, level);
    if (st_ok(st))
        *out = b;
    else
        heap_free(b);
    return st;
}

/* ---- walking a whole table ---- */

struct walk {
    const struct file *file;
    /* Entries as they come; keys and values are copied. */
    struct arena      *arena;
    struct lsm_entries entries;
    size_t             capacity;
    const char        *filter; /* of the partition */
    size_t             filter_size;
    size_t             partitions, data_blocks, value_blocks;
    struct buf         separator; /* of the data block before */
    hlc_ts             separator_ts;
    uint64_t           separators_size;
};

static status walk_value(struct walk *w, const struct block_cursor *c, slice *value)
{
    struct block *b = NULL;

    TRY_RETURN(read_block(w->file, &c->elsewhere, BLOCK_VALUE_SIZE_MAX, &b));
    *value = arena_copy(w->arena, block_raw(b));
    w->value_blocks++;
    heap_free(b);
    return STATUS_OK;
}

/* Separators and filters must fit every entry. */
static void check_place(const struct walk *w, const struct lsm_entry *e, slice separator, hlc_ts ts)
{
    if (w->separator.size > 0)
        assert_true(lsm_entry_cmp(buf_slice(&w->separator), w->separator_ts, e->key, e->ts) < 0);
    assert_true(lsm_entry_cmp(e->key, e->ts, separator, ts) <= 0);
    assert_true(bloom_may_contain(slice_make(w->filter, w->filter_size), bloom_hash(e->key)));
}

static status walk_entry(struct walk *w, const struct block_cursor *c)
{
    struct lsm_entry *e;

    if (w->entries.count == w->capacity) {
        size_t size = sizeof *w->entries.items;

        w->entries.items = arena_realloc(w->arena, w->entries.items, w->capacity * size,
                                         (w->capacity * 2 + 16) * size);
        w->capacity = w->capacity * 2 + 16;
    }
    e = &w->entries.items[w->entries.count];
    *e = c->entry;
    e->key = arena_copy(w->arena, e->key);
    e->value = arena_copy(w->arena, e->value);
    if (c->is_elsewhere)
        TRY_RETURN(walk_value(w, c, &e->value));
    w->entries.count++;
    return STATUS_OK;
}

static status walk_data(struct walk *w, const struct block *b, slice separator, hlc_ts ts)
{
    struct block_cursor c;
    status              st = STATUS_OK;

    w->data_blocks++;
    block_cursor_init(&c, NULL);
    block_cursor_set(&c, b);
    for (block_cursor_first(&c); c.valid && st_ok(st); block_cursor_next(&c)) {
        check_place(w, &c.entry, separator, ts);
        st = walk_entry(w, &c);
    }
    block_cursor_deinit(&c);
    buf_reset(&w->separator);
    buf_append_slice(&w->separator, separator);
    w->separator_ts = ts;
    w->separators_size += separator.size;
    return st;
}

static status walk_block(struct walk *w, const struct block_handle *h, unsigned level,
                         slice separator, hlc_ts ts);

static status walk_child(struct walk *w, const struct block_cursor *c, unsigned level)
{
    struct block_child child = block_child(c->block, c->pos);
    struct block      *filter = NULL;
    status             st;

    if (level != 2)
        return walk_block(w, &child.block, level - 1, c->entry.key, c->entry.ts);
    TRY_RETURN(read_block(w->file, &child.filter, BLOOM_SIZE_MAX, &filter));
    TRY(st, bloom_check(block_raw(filter)), out);
    w->filter = filter->raw;
    w->filter_size = filter->raw_size;
    w->partitions++;
    st = walk_block(w, &child.block, 1, c->entry.key, c->entry.ts);
out:
    heap_free(filter);
    return st;
}

static status walk_index(struct walk *w, const struct block *b, unsigned level)
{
    struct block_cursor c;
    status              st = STATUS_OK;

    block_cursor_init(&c, NULL);
    block_cursor_set(&c, b);
    for (block_cursor_first(&c); c.valid && st_ok(st); block_cursor_next(&c))
        st = walk_child(w, &c, level);
    block_cursor_deinit(&c);
    return st;
}

static status walk_block(struct walk *w, const struct block_handle *h, unsigned level,
                         slice separator, hlc_ts ts)
{
    struct block *b = NULL;
    status        st;

    TRY_RETURN(read_entries(w->file, h, level, &b));
    st = level > 0 ? walk_index(w, b, level) : walk_data(w, b, separator, ts);
    heap_free(b);
    return st;
}

static status walk_all(struct walk *w, const struct file *f, struct arena *arena)
{
    status st = STATUS_OK;

    *w = (struct walk){.file = f, .arena = arena};
    buf_init(&w->separator, NULL);
    if (f->footer.index_level > 0)
        st = walk_block(w, &f->footer.index, f->footer.index_level, SLICE_EMPTY, 0);
    buf_deinit(&w->separator);
    return st;
}

/* ---- searching, as block.h says that one can ---- */

/* The first entry at or behind (key, ts) by way of the index; false when there is none. */
static bool search_below(const struct file *f, const struct block_handle *h, unsigned level,
                         slice key, hlc_ts ts, struct block_cursor *found, struct block **holder)
{
    const struct page_target target = {.key = key, .ts = ts};
    struct block            *b;
    bool                     ok = false;

    assert_st_ok(read_entries(f, h, level, &b));
    if (level == 0) {
        block_cursor_set(found, b);
        block_cursor_seek(found, key, ts);
        *holder = b;
        if (!found->valid)
            heap_free(b);
        return found->valid;
    }
    for (unsigned i = page_lower_bound(block_page(b), &target), tries = 0;
         i < block_count(b) && !ok && tries < 2; i++, tries++) {
        struct block_child child = block_child(b, i);

        ok = search_below(f, &child.block, level - 1, key, ts, found, holder);
    }
    heap_free(b);
    return ok;
}

/* Whether the filter beside the partition that (key, ts) leads to lets the key pass. */
static bool filter_passes(const struct file *f, slice key, hlc_ts ts)
{
    const struct page_target target = {.key = key, .ts = ts};
    struct block_handle      h = f->footer.index;
    bool                     passes;

    for (unsigned level = f->footer.index_level;; level--) {
        struct block      *b, *filter;
        struct block_child child;
        unsigned           pos;

        assert_st_ok(read_entries(f, &h, level, &b));
        pos = page_lower_bound(block_page(b), &target);
        if (pos == block_count(b)) {
            heap_free(b);
            return false;
        }
        child = block_child(b, pos);
        heap_free(b);
        h = child.block;
        if (level > 2)
            continue;
        assert_st_ok(read_block(f, &child.filter, BLOOM_SIZE_MAX, &filter));
        passes = bloom_may_contain(block_raw(filter), bloom_hash(key));
        heap_free(filter);
        return passes;
    }
}

static void search(const struct file *f, const struct lsm_entries *e, slice key, hlc_ts ts)
{
    size_t              at = lsm_entries_lower_bound(e, key, ts);
    struct block       *holder;
    struct block_cursor c;

    block_cursor_init(&c, NULL);
    if (search_below(f, &f->footer.index, f->footer.index_level, key, ts, &c, &holder)) {
        assert_true(at < e->count);
        assert_true(slice_eq(c.entry.key, e->items[at].key) && c.entry.ts == e->items[at].ts);
        heap_free(holder);
    } else {
        assert_int_equal(at, e->count);
    }
    if (at < e->count && slice_eq(e->items[at].key, key))
        assert_true(filter_passes(f, key, ts));
    block_cursor_deinit(&c);
}

/* ---- making tables ---- */

/* Entries and clears into a table; output is drained now and then. */
static void write_table(struct file *f, const struct table_options *options,
                        const struct lsm_entries *e, const struct lsm_clear *clears,
                        size_t clears_count, struct table_properties *p)
{
    struct table_writer *w = table_writer_new(options);
    struct buf          *out = table_writer_output(w);

    assert_true(table_writer_is_empty(w));
    for (size_t i = 0; i < e->count; i++) {
        table_writer_add(w, &e->items[i]);
        if (out->size > 5000) {
            buf_append_slice(&f->bytes, buf_slice(out));
            buf_reset(out);
        }
    }
    for (size_t i = 0; i < clears_count; i++)
        table_writer_add_clear(w, &clears[i]);
    assert_false(table_writer_is_empty(w));
    assert_true(table_writer_size(w) >= f->bytes.size);
    table_writer_finish(w, p);
    buf_append_slice(&f->bytes, buf_slice(out));
    assert_int_equal(p->file_size, f->bytes.size);
    assert_int_equal(table_writer_size(w), f->bytes.size);
    /* Keys are the writer's; those of the file are compared elsewhere. */
    p->least_key = p->greatest_key = SLICE_EMPTY;
    table_writer_free(w);
    assert_st_ok(read_footer(f));
}

static void assert_same_entries(const struct lsm_entries *a, const struct lsm_entries *b)
{
    assert_int_equal(a->count, b->count);
    for (size_t i = 0; i < a->count; i++) {
        assert_true(slice_eq(a->items[i].key, b->items[i].key));
        assert_true(a->items[i].ts == b->items[i].ts);
        assert_int_equal(a->items[i].kind, b->items[i].kind);
        assert_true(slice_eq(a->items[i].value, b->items[i].value));
    }
}

static void check_properties(const struct file *f, const struct lsm_entries *e,
                             const struct table_properties *told, const struct walk *w)
{
    struct table_properties p, sums = {.ts_min = UINT64_MAX};
    struct block           *b;
    slice                   raw;

    for (size_t i = 0; i < e->count; i++) {
        sums.keys += i == 0 || !slice_eq(e->items[i - 1].key, e->items[i].key);
        sums.raw_key_size += e->items[i].key.size;
        sums.raw_value_size += e->items[i].value.size;
        sums.tombstones += e->items[i].kind == LSM_TOMBSTONE;
        sums.cleared += e->items[i].kind == LSM_CLEARED;
        if (e->items[i].key.data[0] == LSM_SPACE_META)
            continue;
        sums.ts_min = MIN(sums.ts_min, e->items[i].ts);
        sums.ts_max = MAX(sums.ts_max, e->items[i].ts);
    }
    assert_st_ok(read_block(f, &f->footer.properties, TABLE_PROPERTIES_SIZE_MAX, &b));
    raw = block_raw(b);
    assert_st_ok(table_properties_take(&raw, &p));
    assert_int_equal(raw.size, 0);
    assert_true(slice_eq(p.least_key, e->items[0].key) && p.least_ts == e->items[0].ts);
    assert_true(slice_eq(p.greatest_key, e->items[e->count - 1].key) &&
                p.greatest_ts == e->items[e->count - 1].ts);
    assert_int_equal(p.entries, e->count);
    assert_int_equal(p.keys, sums.keys);
    assert_int_equal(p.tombstones, sums.tombstones);
    assert_int_equal(p.cleared, sums.cleared);
    assert_int_equal(p.raw_key_size, sums.raw_key_size);
    assert_int_equal(p.raw_value_size, sums.raw_value_size);
    sums.ts_min = MIN(sums.ts_min, sums.ts_max);
    assert_true(p.ts_min == sums.ts_min && p.ts_max == sums.ts_max);
    assert_int_equal(p.data_blocks, w->data_blocks);
    assert_int_equal(p.value_blocks, w->value_blocks);
    assert_int_equal(p.created_us, told->created_us);
    assert_int_equal(p.data_size, told->data_size);
    heap_free(b);
}

static void random_table(struct arena *arena, struct prng *p, size_t count)
{
    struct lsm_entries_shape shape = lsm_entries_shape_random(p, count);
    struct table_options     o = {.number = 1 + prng_below(p, 1000),
                                  .created_us = 77,
                                  .compression = prng_below(p, 3),
                                  .block_size = (uint32_t)(1024 + prng_below(p, 31 * 1024))};
    struct lsm_entries       e;
    struct table_properties  told;
    struct walk              w;
    struct file              f;

    lsm_entries_random(arena, p, &shape, &e);
    file_init(&f, o.number);
    write_table(&f, &o, &e, NULL, 0, &told);
    assert_st_ok(walk_all(&w, &f, arena));
    assert_same_entries(&e, &w.entries);
    check_properties(&f, &e, &told, &w);
    for (size_t i = 0; i < MIN(e.count, (size_t)300); i++) {
        const struct lsm_entry *at = &e.items[prng_below(p, e.count)];
        hlc_ts                  ts;
        slice                   key = lsm_entries_probe(arena, p, &e, &ts);

        search(&f, &e, at->key, at->ts);
        search(&f, &e, key, ts);
    }
    file_deinit(&f);
}

static void random_tables(void **state)
{
    struct arena *arena = arena_new(NULL, NULL);
    struct prng   p;

    (void)state;
    prng_init(&p, test_seed(4));
    for (int round = 0; round < 60; round++) {
        random_table(arena, &p, 1 + prng_below(&p, round % 10 == 0 ? 5000 : 500));
        arena_reset(arena);
    }
    arena_free(arena);
}

/* Pairs of long keys that differ in their last byte: half of the separators cannot be short, and
 * share nothing. */
static void deep_index(void **state)
{
    enum { PAIRS = 400 };
    struct arena           *arena = arena_new(NULL, NULL);
    struct lsm_entries      e = {.count = 0};
    struct table_options    o = {.number = 9, .block_size = 1024};
    struct table_properties told;
    struct walk             w;
    struct file             f;
    struct prng             p;

    (void)state;
    prng_init(&p, 5);
    e.items = arena_alloc(arena, 2 * PAIRS * sizeof *e.items);
    for (uint64_t i = 0; i < 2 * PAIRS; i++) {
        char *key = arena_alloc(arena, BLOCK_KEY_SIZE_MAX);

        prng_init(&p, i / 2);
        prng_bytes(&p, key, BLOCK_KEY_SIZE_MAX);
        key[0] = LSM_SPACE_DATA;
        put_u16be(key + 1, (uint16_t)(i / 2));
        key[BLOCK_KEY_SIZE_MAX - 1] = (char)(i % 2);
        e.items[e.count++] = (struct lsm_entry){
            .key = slice_make(key, BLOCK_KEY_SIZE_MAX), .ts = 5, .value = slice_make(key, 2000)};
    }
    file_init(&f, o.number);
    write_table(&f, &o, &e, NULL, 0, &told);
    assert_true(f.footer.index_level > 3);
    assert_st_ok(walk_all(&w, &f, arena));
    assert_same_entries(&e, &w.entries);
    check_properties(&f, &e, &told, &w);
    for (size_t i = 0; i < e.count; i++)
        search(&f, &e, e.items[i].key, e.items[i].ts);
    file_deinit(&f);
    arena_free(arena);
}

/* One key with versions over many blocks and partitions, between two others. */
static void many_versions(void **state)
{
    enum { VERSIONS = 20000 };
    struct arena           *arena = arena_new(NULL, NULL);
    struct lsm_entries      e = {.count = 0};
    struct table_options    o = {.number = 9, .block_size = 1024};
    struct table_properties told;
    struct walk             w;
    struct file             f;

    (void)state;
    e.items = arena_alloc(arena, (VERSIONS + 2) * sizeof *e.items);
    e.items[e.count++] = (struct lsm_entry){.key = SLICE_LIT("\1a"), .ts = 7};
    for (hlc_ts ts = VERSIONS; ts > 0; ts--)
        e.items[e.count++] =
            (struct lsm_entry){.key = SLICE_LIT("\1key"), .ts = 10 * ts, .value = SLICE_LIT("v")};
    e.items[e.count++] = (struct lsm_entry){.key = SLICE_LIT("\1z"), .ts = 7};
    file_init(&f, o.number);
    write_table(&f, &o, &e, NULL, 0, &told);
    assert_st_ok(walk_all(&w, &f, arena));
    assert_same_entries(&e, &w.entries);
    assert_true(w.partitions > 10);
    for (hlc_ts ts = 1; ts < 10 * VERSIONS + 20; ts += 97) {
        search(&f, &e, SLICE_LIT("\1key"), ts);
        search(&f, &e, SLICE_LIT("\1key"), ts / 10 * 10);
    }
    search(&f, &e, SLICE_LIT("\1key"), 0);
    search(&f, &e, SLICE_LIT("\1key"), UINT64_MAX);
    file_deinit(&f);
    arena_free(arena);
}

/* The keys of the bounds, by the table's own properties. */
static void assert_bounds(const struct file *f, const char *least, hlc_ts least_ts,
                          const char *greatest, hlc_ts greatest_ts)
{
    struct table_properties p;
    struct block           *b;
    slice                   raw;

    assert_st_ok(read_block(f, &f->footer.properties, TABLE_PROPERTIES_SIZE_MAX, &b));
    raw = block_raw(b);
    assert_st_ok(table_properties_take(&raw, &p));
    assert_true(slice_eq_cstr(p.least_key, least) && p.least_ts == least_ts);
    assert_true(slice_eq_cstr(p.greatest_key, greatest) && p.greatest_ts == greatest_ts);
    heap_free(b);
}

static void clears(void **state)
{
    static const struct lsm_clear given[] = {
        {{"\1b", sizeof "\1b" - 1}, {"\1c", sizeof "\1c" - 1}},
        {{"\1d", sizeof "\1d" - 1}, {"\1e", sizeof "\1e" - 1}},
        {{"\1x", sizeof "\1x" - 1}, {"\2", sizeof "\2" - 1}},
    };
    struct lsm_entry        entry = {.key = SLICE_LIT("\1c"), .ts = 7, .value = SLICE_LIT("v")};
    struct lsm_entries      one = {.items = &entry, .count = 1}, none = {.count = 0};
    struct table_options    o = {.number = 3, .compression = COMPRESSION_LZ4};
    struct table_properties told;
    struct lsm_clear       *got;
    struct block           *b;
    struct file             f;
    size_t                  count;

    (void)state;
    for (int i = 0; i < 2; i++) { /* with an entry between, and for the clears alone */
        file_init(&f, 3);
        write_table(&f, &o, i == 0 ? &one : &none, given, 3, &told);
        assert_int_equal(told.clears, 3);
        assert_bounds(&f, "\1b", UINT64_MAX, "\2", UINT64_MAX);
        assert_int_equal(f.footer.index_level, i == 0 ? 2 : 0);
        assert_st_ok(read_block(&f, &f.footer.clears, TABLE_BLOCK_SIZE_MAX, &b));
        assert_st_ok(table_clears_take(NULL, block_raw(b), &got, &count));
        assert_int_equal(count, 3);
        for (size_t k = 0; k < count; k++)
            assert_true(slice_eq(got[k].start, given[k].start) &&
                        slice_eq(got[k].end, given[k].end));
        heap_free(got);
        heap_free(b);
        file_deinit(&f);
    }
    file_init(&f, 3);
    write_table(&f, &o, &one, given, 1, &told);
    assert_bounds(&f, "\1b", UINT64_MAX, "\1c", 7); /* the clear ends before version 7 of its end */
    file_deinit(&f);
    file_init(&f, 3);
    write_table(&f, &o, &one, given + 1, 1, &told);
    assert_bounds(&f, "\1c", 7, "\1e", UINT64_MAX);
    file_deinit(&f);
}

static void wrong_clears(void **state)
{
    struct lsm_clear *got;
    struct buf        b;
    size_t            count;

    (void)state;
    buf_init(&b, NULL);
    assert_st_code(table_clears_take(NULL, buf_slice(&b), &got, &count), ST_CORRUPT);
    table_clear_put(&b, &(struct lsm_clear){SLICE_LIT("\1b"), SLICE_LIT("\1c")});
    assert_st_code(table_clears_take(NULL, slice_make(b.data, b.size - 1), &got, &count),
                   ST_CORRUPT);
    table_clear_put(&b, &(struct lsm_clear){SLICE_LIT("\1c"), SLICE_LIT("\1d")}); /* touches */
    assert_st_code(table_clears_take(NULL, buf_slice(&b), &got, &count), ST_CORRUPT);
    buf_reset(&b);
    table_clear_put(&b, &(struct lsm_clear){SLICE_LIT("\1c"), SLICE_LIT("\1c")});
    assert_st_code(table_clears_take(NULL, buf_slice(&b), &got, &count), ST_CORRUPT);
    buf_deinit(&b);
}

static void assert_wrong_size(struct block_codec *codec, const struct table_seal *seal,
                              struct block_handle h, uint32_t raw_size, const struct buf *file)
{
    struct block *b = block_new(NULL, raw_size);
    status        st;

    h.raw_size = raw_size;
    st = block_open(codec, seal, &h, buf_slice(file), b);
    if (st_ok(st))
        st = block_check_whole(b);
    assert_int_equal(status_code(st), ST_CORRUPT);
    st_clear(st);
    heap_free(b);
}

/* A block belongs to one place of one table (L17). */
static void misplaced_blocks(void **state)
{
    static const enum block_compression kinds[] = {COMPRESSION_NONE, COMPRESSION_LZ4,
                                                   COMPRESSION_ZSTD};
    struct block_codec                 *codec = block_codec_new(NULL);
    struct table_seal                   mine = {.number = 1}, other = {.number = 2};
    char                                raw[3000] = "many zeros follow";
    struct block                       *got = block_new(NULL, sizeof raw);
    struct buf                          file;

    (void)state;
    buf_init(&file, NULL);
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
        struct block_handle h, moved;

        buf_reset(&file);
        block_seal(codec, &mine, kinds[i], 1234, slice_make(raw, sizeof raw), sizeof raw, &file,
                   &h);
        assert_true((h.size < 100) == (kinds[i] != COMPRESSION_NONE));
        assert_st_ok(block_open(codec, &mine, &h, buf_slice(&file), got));
        assert_st_ok(block_check_whole(got));
        assert_memory_equal(got->raw, raw, sizeof raw);
        assert_st_code(block_open(codec, &other, &h, buf_slice(&file), got), ST_CORRUPT);
        moved = h;
        moved.offset++;
        assert_st_code(block_open(codec, &mine, &moved, buf_slice(&file), got), ST_CORRUPT);
        assert_wrong_size(codec, &mine, h, sizeof raw + 1, &file);
        assert_wrong_size(codec, &mine, h, 10, &file);
    }
    heap_free(got);
    buf_deinit(&file);
    block_codec_free(codec);
}

static void incompressible_blocks(void **state)
{
    struct block_codec *codec = block_codec_new(NULL);
    struct table_seal   mine = {.number = 1};
    struct block_handle h;
    char                raw[3000];
    struct prng         p;
    struct buf          file;

    (void)state;
    prng_init(&p, 6);
    prng_bytes(&p, raw, sizeof raw);
    buf_init(&file, NULL);
    for (int kind = COMPRESSION_LZ4; kind <= COMPRESSION_ZSTD; kind++) {
        block_seal(codec, &mine, (enum block_compression)kind, 0, slice_make(raw, sizeof raw),
                   sizeof raw, &file, &h);
        assert_int_equal(h.size, sizeof raw + BLOCK_TRAILER_SIZE);
    }
    buf_deinit(&file);
    block_codec_free(codec);
}

/* Everything there is in the file, as a tool that verifies tables reads it. */
static status read_all(struct file *f, struct arena *arena)
{
    struct table_properties p;
    struct lsm_clear       *got;
    struct block           *b = NULL;
    struct walk             w;
    size_t                  count;
    slice                   raw;
    status                  st;

    TRY_RETURN(read_footer(f));
    TRY_RETURN(read_block(f, &f->footer.properties, TABLE_PROPERTIES_SIZE_MAX, &b));
    raw = block_raw(b);
    st = table_properties_take(&raw, &p);
    heap_free(b);
    TRY_RETURN(st);
    TRY_RETURN(read_block(f, &f->footer.clears, TABLE_BLOCK_SIZE_MAX, &b));
    st = table_clears_take(NULL, block_raw(b), &got, &count);
    heap_free(b);
    TRY_RETURN(st);
    heap_free(got);
    return walk_all(&w, f, arena);
}

static void every_flip(void **state)
{
    static const struct lsm_clear one = {{"\1b", sizeof "\1b" - 1}, {"\1c", sizeof "\1c" - 1}};
    struct arena                 *arena = arena_new(NULL, NULL), *reading = arena_new(NULL, NULL);
    struct lsm_entries_shape      shape = {.count = 150,
                                           .key_size_max = 12,
                                           .prefix_size_max = 10,
                                           .versions_max = 3,
                                           .value_size_max = 60,
                                           .large_one_in = 60,
                                           .large_size_max = 3000};
    struct table_options          o = {.number = 11, .block_size = 1024};
    struct table_properties       told;
    struct lsm_entries            e;
    struct file                   f;
    struct prng                   p;

    (void)state;
    prng_init(&p, test_seed(7));
    lsm_entries_random(arena, &p, &shape, &e);
    for (int kind = COMPRESSION_NONE; kind <= COMPRESSION_ZSTD; kind++) {
        o.compression = (enum block_compression)kind;
        file_init(&f, o.number);
        write_table(&f, &o, &e, &one, 1, &told);
        assert_st_ok(read_all(&f, reading));
        for (size_t i = 0; i < f.bytes.size; i++) {
            status st;

            f.bytes.data[i] ^= (char)(1 << i % 8);
            st = read_all(&f, reading);
            if (st_ok(st))
                fail_msg("the flip of byte %zu of %zu was not seen", i, f.bytes.size);
            st_clear(st);
            f.bytes.data[i] ^= (char)(1 << i % 8);
            arena_reset(reading);
        }
        file_deinit(&f);
    }
    arena_free(arena);
    arena_free(reading);
}

static void other_table(void **state)
{
    struct lsm_entry        entry = {.key = SLICE_LIT("\1c"), .ts = 7, .value = SLICE_LIT("v")};
    struct lsm_entries      one = {.items = &entry, .count = 1};
    struct table_options    o = {.number = 3};
    struct table_properties told;
    struct file             f;
    char                   *footer;

    (void)state;
    file_init(&f, 3);
    write_table(&f, &o, &one, NULL, 0, &told);
    f.seal.number = 4;
    assert_st_code(read_footer(&f), ST_CORRUPT);
    f.seal.number = 3;
    f.bytes.size--;
    assert_st_code(read_footer(&f), ST_CORRUPT);
    f.bytes.size++;
    footer = f.bytes.data + f.bytes.size - TABLE_FOOTER_SIZE;
    footer[8] = 9; /* a damaged version is not a later one */
    assert_st_code(read_footer(&f), ST_CORRUPT);
    put_u64le(footer + TABLE_FOOTER_SIZE - 8, XXH3_64bits(footer, TABLE_FOOTER_SIZE - 8));
    assert_st_code(read_footer(&f), ST_FEATURE_NOT_SUPPORTED);
    file_deinit(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T("a table gives back what was written and leads to every entry and gap", random_tables),
        T("an index of the longest separators grows levels", deep_index),
        T("versions of one key go over blocks and partitions and are found", many_versions),
        T("clears come back, and count for the bounds", clears),
        T("clears that are cut, empty, or touch each other are refused", wrong_clears),
        T("a block of another table or place does not open", misplaced_blocks),
        T("what compression does not make smaller by an eighth is stored as it is",
          incompressible_blocks),
        T("every changed byte of a table is noticed", every_flip),
        T("another table's file, a short one or one of a later version is refused", other_table),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
