/* Tables written by table_writer.h and read through table.h, on simulated disks, against a sorted
 * array. */
#include "storage/lsm/table.h"

#include "base/prng.h"
#include "env/sim.h"
#include "storage/lsm/bloom.h"
#include "storage/lsm/table_walk.h"
#include "storage/lsm/table_writer.h"
#include "tests/common/lsm_entries.h"
#include "tests/common/test.h"

enum { TABLE_NUMBER = 7, ROUNDS = 40, MOVES = 200, GETS = 200 };

#define PATH "/t.sst"

struct fixture {
    struct env         *env;
    struct prng         prng;
    struct arena       *arena;
    struct lsm_entries  entries;
    struct buf          file;
    struct cache       *cache;
    struct block_codec *codec;
    struct lsm_table   *table;
};

static void write_table(struct fixture *f, const struct lsm_clear *clears, size_t count)
{
    struct table_options    o = {.number = TABLE_NUMBER,
                                 .block_size = 1024u << prng_below(&f->prng, 4),
                                 .compression = (enum block_compression)prng_below(&f->prng, 3)};
    struct table_writer    *w = table_writer_new(&o);
    struct table_properties p;

    for (size_t i = 0; i < f->entries.count; i++)
        table_writer_add(w, &f->entries.items[i]);
    for (size_t i = 0; i < count; i++)
        table_writer_add_clear(w, &clears[i]);
    table_writer_finish(w, &p);
    buf_reset(&f->file);
    buf_append_slice(&f->file, buf_slice(table_writer_output(w)));
    table_writer_free(w);
}

static void store_file(struct fixture *f)
{
    struct env_file *file;

    assert_st_ok(
        env_file_open(f->env, PATH, ENV_READ | ENV_WRITE | ENV_CREATE | ENV_TRUNCATE, &file));
    assert_st_ok(env_file_write_at(file, f->file.data, f->file.size, 0, ENV_INLINE));
    env_file_close(file);
}

static status open_table(struct fixture *f)
{
    return lsm_table_open(
        f->env,
        &(struct lsm_table_options){
            .path = PATH, .number = TABLE_NUMBER, .cache = f->cache, .codec = f->codec},
        &f->table);
}

static void begin(struct fixture *f, struct env *env, uint64_t seed)
{
    *f = (struct fixture){.env = env};
    prng_init(&f->prng, test_seed(seed));
    buf_init(&f->file, env_heap(env));
    f->codec = block_codec_new(env_heap(env));
}

static void begin_round(struct fixture *f, size_t count)
{
    struct lsm_entries_shape shape = lsm_entries_shape_random(&f->prng, count);

    f->arena = arena_new(env_heap(f->env), NULL);
    lsm_entries_random(f->arena, &f->prng, &shape, &f->entries);
    f->cache = cache_new(env_heap(f->env), (size_t)4096 << prng_below(&f->prng, 10));
    write_table(f, NULL, 0);
    store_file(f);
    assert_st_ok(open_table(f));
}

static void end_round(struct fixture *f)
{
    lsm_table_close(f->table);
    cache_free(f->cache);
    arena_free(f->arena);
}

static void end(struct fixture *f)
{
    buf_deinit(&f->file);
    block_codec_free(f->codec);
}

static void check_entry(const struct lsm_entry *got, const struct lsm_entry *want)
{
    assert_true(slice_eq(got->key, want->key));
    assert_true(got->ts == want->ts);
    assert_int_equal(got->kind, want->kind);
    assert_true(slice_eq(got->value, want->value));
}

static void check_cursor(const struct fixture *f, const struct lsm_cursor *c, ptrdiff_t place)
{
    bool inside = place >= 0 && (size_t)place < f->entries.count;

    assert_int_equal(c->valid, inside);
    if (inside)
        check_entry(&c->entry, &f->entries.items[place]);
}

static void check_moves(struct fixture *f)
{
    struct lsm_cursor *c = lsm_table_cursor(f->table, prng_below(&f->prng, 2) == 0);
    ptrdiff_t          place = -1;

    for (int i = 0; i < MOVES; i++) {
        hlc_ts ts;
        slice  key = lsm_entries_probe(f->arena, &f->prng, &f->entries, &ts);

        switch (prng_below(&f->prng, c->valid ? 10 : 4)) {
        case 0:
            assert_st_ok(c->ops->first(c));
            place = 0;
            break;
        case 1:
            assert_st_ok(c->ops->last(c));
            place = (ptrdiff_t)f->entries.count - 1;
            break;
        case 2:
            assert_st_ok(c->ops->seek(c, key, ts));
            place = (ptrdiff_t)lsm_entries_lower_bound(&f->entries, key, ts);
            break;
        case 3:
            assert_st_ok(c->ops->seek_before(c, key, ts));
            place = (ptrdiff_t)lsm_entries_lower_bound(&f->entries, key, ts) - 1;
            break;
        case 4:
        case 5:
        case 6:
            assert_st_ok(c->ops->prev(c));
            place--;
            break;
        default:
            assert_st_ok(c->ops->next(c));
            place++;
        }
        check_cursor(f, c, place);
    }
    c->ops->close(c);
}

static void check_gets(struct fixture *f)
{
    for (int i = 0; i < GETS; i++) {
        hlc_ts                 ts;
        slice                  key = lsm_entries_probe(f->arena, &f->prng, &f->entries, &ts);
        size_t                 place = lsm_entries_lower_bound(&f->entries, key, ts);
        struct lsm_table_value v;
        bool found = place < f->entries.count && slice_eq(f->entries.items[place].key, key);

        assert_st_ok(lsm_table_get(f->table, key, bloom_hash(key), ts, &v));
        assert_int_equal(v.found, found);
        if (found)
            check_entry(&v.entry, &f->entries.items[place]);
        lsm_table_value_release(&v);
    }
}

/* Every entry lies in one piece, with its value. */
static void check_pieces(struct fixture *f)
{
    struct lsm_table_scan *s = lsm_table_scan_open(f->table);
    struct lsm_table_piece p;
    uint64_t               blocks = 0, end = 0;

    do {
        assert_st_ok(lsm_table_scan_next(s, 1 + (uint32_t)prng_below(&f->prng, 20000), &p));
        if (p.count > 0) {
            assert_true(p.offset == end);
            end += p.bytes.size;
            assert_true(p.blocks[p.count - 1].offset + p.blocks[p.count - 1].size == end);
            assert_memory_equal(p.bytes.data, f->file.data + p.offset, p.bytes.size);
        }
        blocks += p.count;
        lsm_table_piece_free(&p);
    } while (p.count > 0);
    assert_true(blocks == lsm_table_properties(f->table)->data_blocks);
    lsm_table_scan_close(s);
}

static void read_tables(struct env *env, void *arg)
{
    struct fixture f;

    (void)arg;
    begin(&f, env, 1);
    for (int i = 0; i < ROUNDS; i++) {
        begin_round(&f, 1 + (size_t)prng_below(&f.prng, 3000));
        assert_st_ok(lsm_table_verify(f.table));
        check_moves(&f);
        check_gets(&f);
        check_pieces(&f);
        end_round(&f);
    }
    end(&f);
}

struct job {
    env_fn          *fn; /* its argument is the node */
    struct sim_node *node;
    bool             done;
};

static void job_main(struct env *env, void *arg)
{
    struct job *j = arg;

    if (j->done)
        return;
    j->fn(env, j->node);
    j->done = true;
}

static bool is_done(void *arg)
{
    return ((struct job *)arg)->done;
}

static void run(env_fn *fn)
{
    struct sim_options o = {0};
    struct sim        *s = sim_new(1, &o);
    struct job         j = {.fn = fn};

    j.node = sim_add_node(s, "n1", job_main, &j);
    assert_int_equal(sim_run_until(s, is_done, &j, UINT64_C(600000000)), SIM_DONE);
    sim_free(s);
}

static void tables_read_as_they_were_written(void **state)
{
    (void)state;
    run(read_tables);
}

/* Read all there is, in every way; the first error. */
static status read_all(struct fixture *f)
{
    struct lsm_cursor *c;
    status             st;

    TRY_RETURN(open_table(f));
    st = lsm_table_verify(f->table);
    if (st_ok(st)) {
        c = lsm_table_cursor(f->table, true);
        size_t place = 0;

        for (st = c->ops->first(c); st_ok(st) && c->valid; st = c->ops->next(c))
            check_entry(&c->entry, &f->entries.items[place++]);
        if (st_ok(st))
            assert_int_equal(place, f->entries.count);
        c->ops->close(c);
    }
    lsm_table_close(f->table);
    return st;
}

static void flip_bytes(struct env *env, void *arg)
{
    struct lsm_entries_shape shape = {.count = 60,
                                      .key_size_max = 20,
                                      .versions_max = 3,
                                      .value_size_max = 40,
                                      .large_one_in = 20,
                                      .large_size_max = 3000};
    struct fixture           f;

    (void)arg;
    begin(&f, env, 2);
    f.arena = arena_new(env_heap(env), NULL);
    lsm_entries_random(f.arena, &f.prng, &shape, &f.entries);
    write_table(&f, NULL, 0);
    for (size_t at = 0; at < f.file.size; at++) {
        char   bit = (char)(1 << prng_below(&f.prng, 8));
        status st;

        f.cache = cache_new(env_heap(env), 1 << 20);
        f.file.data[at] ^= bit;
        store_file(&f);
        st = read_all(&f);
        f.file.data[at] ^= bit;
        if (status_code(st) != ST_FEATURE_NOT_SUPPORTED) /* a version of the future */
            assert_int_equal(status_code(st), ST_CORRUPT);
        if (at < f.file.size / 2) { /* in the data: it says which keys may be lost */
            assert_non_null(strstr(status_message(st), ", block at "));
            assert_non_null(strstr(status_fields(st)->detail, "The table holds keys "));
            assert_non_null(strstr(status_fields(st)->hint, "linera-dump sst --verify"));
        }
        st_clear(st);
        cache_free(f.cache);
    }
    arena_free(f.arena);
    end(&f);
}

static void every_flipped_byte_is_noticed(void **state)
{
    (void)state;
    run(flip_bytes);
}

/* ---- fibers side by side, and a disk that fails ------------------------------------------------
 */

struct reader {
    struct fixture *f;
    size_t          place; /* of what it asks for */
    int             failures;
};

static void get_one(struct env *env, void *arg)
{
    struct reader          *r = arg;
    const struct lsm_entry *want = &r->f->entries.items[r->place];
    struct lsm_table_value  v;
    status st = lsm_table_get(r->f->table, want->key, bloom_hash(want->key), want->ts, &v);

    (void)env;
    if (!st_ok(st)) {
        assert_int_equal(status_code(st), ST_IO_ERROR);
        assert_false(v.found);
        st_clear(st);
        r->failures++;
        return;
    }
    assert_true(v.found);
    check_entry(&v.entry, want);
    lsm_table_value_release(&v);
}

enum { FIBERS = 16 };

static void get_together(struct fixture *f, size_t place)
{
    struct fiber *fibers[FIBERS];
    struct reader r = {.f = f, .place = place};

    for (int i = 0; i < FIBERS; i++)
        assert_st_ok(env_spawn(f->env, "reader", get_one, &r, &fibers[i]));
    for (int i = 0; i < FIBERS; i++)
        fiber_join(fibers[i]);
    assert_int_equal(r.failures, 0);
}

/* The table again, with an empty cache. */
static void reopen(struct fixture *f)
{
    lsm_table_close(f->table);
    cache_free(f->cache);
    f->cache = cache_new(env_heap(f->env), 64 << 20);
    assert_st_ok(open_table(f));
}

static void read_side_by_side(struct env *env, void *arg)
{
    struct fixture f;

    (void)arg;
    begin(&f, env, 3);
    for (int round = 0; round < 10; round++) {
        begin_round(&f, 2000);
        for (int i = 0; i < 20; i++) {
            size_t   place = (size_t)prng_below(&f.prng, f.entries.count);
            uint64_t misses;

            reopen(&f);
            get_one(env, &(struct reader){.f = &f, .place = place});
            misses = metric_get(&cache_metrics(f.cache)->misses);
            reopen(&f);
            get_together(&f, place);
            assert_int_equal(metric_get(&cache_metrics(f.cache)->misses), misses);
        }
        end_round(&f);
    }
    end(&f);
}

static void fibers_that_want_a_block_read_it_once(void **state)
{
    (void)state;
    run(read_side_by_side);
}

/* Go over all of it; the error. */
static status scan(struct fixture *f, bool fill)
{
    struct lsm_cursor *c = lsm_table_cursor(f->table, fill);
    size_t             place = 0;
    status             st;

    for (st = c->ops->first(c); st_ok(st) && c->valid; st = c->ops->next(c))
        check_entry(&c->entry, &f->entries.items[place++]);
    if (st_ok(st))
        assert_int_equal(place, f->entries.count);
    else
        assert_false(c->valid);
    c->ops->close(c);
    return st;
}

static void fail_reads(struct env *env, void *arg)
{
    struct fixture f;

    begin(&f, env, 4);
    begin_round(&f, 3000);
    for (uint64_t at = 1; at <= 30; at++) {
        struct sim_disk_faults faults = {.read_eio_at = at};
        struct reader          r = {.f = &f, .place = (size_t)prng_below(&f.prng, f.entries.count)};
        status                 st;

        reopen(&f);
        sim_disk_set_faults(arg, &faults);
        if (at <= 2) { /* every get of an empty cache reads more blocks than that */
            get_one(env, &r);
            assert_int_equal(r.failures, 1);
        } else {
            st = at % 3 == 0 ? lsm_table_verify(f.table) : scan(&f, at % 3 == 1);
            if (!st_ok(st))
                assert_int_equal(status_code(st), ST_IO_ERROR);
            r.failures = !st_ok(st);
            st_clear(st);
        }
        sim_disk_set_faults(arg, &(struct sim_disk_faults){0});
        get_one(env, &r);
        assert_st_ok(scan(&f, true));
        assert_st_ok(lsm_table_verify(f.table));
        assert_true(at > 3 || r.failures == 1);
    }
    end_round(&f);
    end(&f);
}

static void a_failed_read_is_said_and_not_kept(void **state)
{
    (void)state;
    run(fail_reads);
}

/* ---- the cache ------------------------------------------------------------------------------- */

static struct block *block_of(struct heap *heap, uint32_t size)
{
    struct block *b = block_new(heap, size);

    assert_non_null(b);
    memset(b->raw, 1, size);
    return b;
}

/* Ask for a block as a table does. */
static bool touch(struct heap *heap, struct cache *c, uint64_t table, uint64_t offset)
{
    struct cached *b = cache_get(c, table, offset);
    bool           hit = b != NULL;

    if (!hit)
        b = cache_put(c, table, offset, block_of(heap, 1000));
    cache_release(b);
    return hit;
}

static void a_scan_leaves_what_is_used_again(void **state)
{
    enum { HOT = 200, SCAN = 10000 };
    struct heap  *heap = heap_new();
    struct cache *c = cache_new(heap, 400 * 1200);
    int           hits = 0;

    (void)state;
    for (int round = 0; round < 3; round++) {
        for (uint64_t i = 0; i < HOT; i++)
            touch(heap, c, 1, i);
    }
    for (uint64_t i = 0; i < SCAN; i++) {
        touch(heap, c, 2, i);
        assert_true(cache_size(c) <= 400 * 1200);
        if (i % 50 == 0)
            hits += touch(heap, c, 1, i / 50 % HOT);
    }
    assert_true(hits * 100 >= SCAN / 50 * 95);
    cache_drop_table(c, 2);
    assert_true(cache_size(c) <= HOT * 1400);
    cache_free(c);
    heap_destroy(heap);
}

static void held_blocks_stay(void **state)
{
    struct heap   *heap = heap_new();
    struct cache  *c = cache_new(heap, 10000);
    struct cached *held = cache_put(c, 1, 0, block_of(heap, 1000)), *again, *passing;

    (void)state;
    for (uint64_t i = 0; i < 1000; i++)
        touch(heap, c, 2, i);
    again = cache_put(c, 1, 0, block_of(heap, 1000));
    assert_ptr_equal(again, held);
    cache_release(again);
    cache_drop_table(c, 1);
    assert_null(cache_get(c, 1, 0));
    assert_int_equal(block_raw(held->block).data[999], 1);
    cache_release(held);
    passing = cache_pass(c, block_of(heap, 1000));
    cache_release(cache_hold(passing));
    cache_release(passing);
    cache_free(c);
    heap_destroy(heap);
}

static void a_cache_full_of_held_blocks_shrinks_as_they_are_released(void **state)
{
    enum { HELD = 100, CAPACITY = 20000 };
    struct heap   *heap = heap_new();
    struct cache  *c = cache_new(heap, CAPACITY);
    struct cached *held[HELD];

    (void)state;
    for (uint64_t i = 0; i < HELD; i++)
        held[i] = cache_put(c, 1, i, block_of(heap, 1000));
    assert_true(cache_size(c) >= HELD * 1000);
    for (uint64_t i = 0; i < HELD; i++)
        assert_ptr_equal(cache_get(c, 1, i), held[i]);
    for (uint64_t i = 0; i < HELD; i++)
        cache_release(held[i]);
    assert_true(cache_size(c) >= HELD * 1000);
    for (uint64_t i = 0; i < HELD; i++) {
        cache_release(held[i]);
        assert_true(cache_size(c) <= MAX((size_t)CAPACITY, (HELD - 1 - i) * 1200));
    }
    assert_true(cache_size(c) > CAPACITY / 2);
    cache_free(c);
    heap_destroy(heap);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        T("tables read as they were written: get, cursor, pieces",
          tables_read_as_they_were_written),
        T("every flipped byte of a table is noticed", every_flipped_byte_is_noticed),
        T("fibers that want a block at once read it once", fibers_that_want_a_block_read_it_once),
        T("a failed read is said, and nothing of it kept", a_failed_read_is_said_and_not_kept),
        T("a scan through the cache leaves what is used again", a_scan_leaves_what_is_used_again),
        T("blocks that are held stay, also when their table goes", held_blocks_stay),
        T("a cache full of held blocks shrinks as they are released",
          a_cache_full_of_held_blocks_shrinks_as_they_are_released),
    };

    return cmocka_run_group_tests_name("storage/table", tests, NULL, NULL);
}
