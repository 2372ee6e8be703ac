/* Walks over tables (storage/lsm/table_walk.h), on simulated disks: what is whole has no fault, and
 * what is damaged costs the entries of its own block alone. */
#include "storage/lsm/table_walk.h"

#include "base/prng.h"
#include "env/sim.h"
#include "storage/lsm/table_writer.h"
#include "tests/common/lsm_entries.h"
#include "tests/common/test.h"

enum { TABLE_NUMBER = 9, ROUNDS = 30, BLOCKS_MAX = 4096 };

#define PATH "/w.sst"

struct fixture {
    struct env         *env;
    struct prng         prng;
    struct arena       *arena;
    struct lsm_entries  entries;
    struct lsm_clear    clear;
    struct buf          file;
    struct cache       *cache;
    struct block_codec *codec;
    struct lsm_table   *table;
};

static void write_table(struct fixture *f, enum block_compression compression)
{
    struct table_options    o = {.number = TABLE_NUMBER,
                                 .block_size = 1024u << prng_below(&f->prng, 4),
                                 .compression = compression};
    struct table_writer    *w = table_writer_new(&o);
    struct table_properties p;

    for (size_t i = 0; i < f->entries.count; i++)
        table_writer_add(w, &f->entries.items[i]);
    if (f->clear.end.size > 0)
        table_writer_add_clear(w, &f->clear);
    table_writer_finish(w, &p);
    buf_set(&f->file, buf_slice(table_writer_output(w)));
    table_writer_free(w);
}

static void open_table(struct fixture *f)
{
    struct lsm_table_options o = {
        .path = PATH, .number = TABLE_NUMBER, .cache = f->cache, .codec = f->codec};
    struct env_file *file;

    assert_st_ok(
        env_file_open(f->env, PATH, ENV_READ | ENV_WRITE | ENV_CREATE | ENV_TRUNCATE, &file));
    assert_st_ok(env_file_write_at(file, f->file.data, f->file.size, 0, ENV_INLINE));
    env_file_close(file);
    assert_st_ok(lsm_table_open(f->env, &o, &f->table));
}

static void begin(struct fixture *f, struct env *env, uint64_t seed)
{
    *f = (struct fixture){.env = env};
    prng_init(&f->prng, test_seed(seed));
    buf_init(&f->file, env_heap(env));
    f->codec = block_codec_new(env_heap(env));
    f->cache = cache_new(env_heap(env), 1 << 20);
    f->arena = arena_new(env_heap(env), NULL);
}

static void end(struct fixture *f)
{
    lsm_table_close(f->table);
    buf_deinit(&f->file);
    block_codec_free(f->codec);
    cache_free(f->cache);
    arena_free(f->arena);
}

static void random_table(struct fixture *f, size_t count, enum block_compression compression)
{
    struct lsm_entries_shape shape = lsm_entries_shape_random(&f->prng, count);

    lsm_entries_random(f->arena, &f->prng, &shape, &f->entries);
    f->clear = (struct lsm_clear){0};
    if (prng_below(&f->prng, 2) == 0)
        f->clear = (struct lsm_clear){slice_cstr("\x01k"), slice_cstr("\x01kk")};
    write_table(f, compression);
}

/* What a walk is to meet, and what it met. */
struct seen {
    struct fixture    *f;
    size_t             place; /* of the next entry */
    uint64_t           faults, first_offset;
    slice              least, greatest; /* of the fault, copied */
    struct table_block blocks[BLOCKS_MAX];
    size_t             block_count;
};

static status note_fault(void *ctx, const struct table_fault *f)
{
    struct seen *s = ctx;

    assert_int_equal(status_code(f->error), ST_CORRUPT);
    if (s->faults++ == 0) {
        s->first_offset = f->offset;
        s->least = arena_copy(s->f->arena, f->least);
        s->greatest = arena_copy(s->f->arena, f->greatest);
    }
    return STATUS_OK;
}

static status note_block(void *ctx, const struct table_block *b)
{
    struct seen *s = ctx;

    assert_true(s->block_count < BLOCKS_MAX);
    s->blocks[s->block_count++] = *b;
    return STATUS_OK;
}

static bool is_lost(const struct seen *s, slice key)
{
    return s->faults > 0 && slice_cmp(key, s->least) >= 0 &&
           (s->greatest.size == 0 || slice_cmp(key, s->greatest) <= 0);
}

static void check_entry(const struct lsm_entry *e, const struct lsm_entry *want, bool lost_value)
{
    assert_true(slice_eq(e->key, want->key));
    assert_true(e->ts == want->ts);
    assert_int_equal(e->kind, want->kind);
    assert_true(slice_eq(e->value, want->value) || (lost_value && e->value.size == 0));
}

/* Entries come in order; only those of the damaged span may be left out. */
static status note_entry(void *ctx, const struct lsm_entry *e, uint64_t value_size)
{
    struct seen              *s = ctx;
    const struct lsm_entries *all = &s->f->entries;

    while (lsm_entry_cmp(all->items[s->place].key, all->items[s->place].ts, e->key, e->ts) < 0) {
        assert_true(is_lost(s, all->items[s->place].key));
        s->place++;
    }
    assert_int_equal(value_size, all->items[s->place].value.size);
    check_entry(e, &all->items[s->place], is_lost(s, e->key));
    s->place++;
    return STATUS_OK;
}

static void walk(struct seen *s, struct fixture *f)
{
    *s = (struct seen){.f = f};
    assert_st_ok(lsm_table_walk(
        f->table, &(struct table_walk){
                      .ctx = s, .fault = note_fault, .block = note_block, .entry = note_entry}));
    for (; s->place < f->entries.count; s->place++)
        assert_true(is_lost(s, f->entries.items[s->place].key));
}

struct job {
    env_fn *fn;
    bool    done;
};

static void job_main(struct env *env, void *arg)
{
    struct job *j = arg;

    if (j->done)
        return;
    j->fn(env, NULL);
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

    sim_add_node(s, "n1", job_main, &j);
    assert_int_equal(sim_run_until(s, is_done, &j, UINT64_C(600000000)), SIM_DONE);
    sim_free(s);
}

static void walk_whole(struct env *env, void *arg)
{
    struct seen *s = heap_must_alloc(NULL, 1, sizeof *s);

    (void)arg;
    for (uint64_t round = 0; round < ROUNDS; round++) {
        struct fixture f;

        begin(&f, env, round);
        random_table(&f, 10 + 20 * round, (enum block_compression)(round % 3));
        open_table(&f);
        walk(s, &f);
        assert_int_equal(s->faults, 0);
        assert_int_equal(s->place, f.entries.count);
        assert_st_ok(lsm_table_verify(f.table));
        end(&f);
    }
    heap_free(s);
}

static void whole_tables_have_no_fault(void **state)
{
    (void)state;
    run(walk_whole);
}

/* One byte of the block at a time: the walk names the block, and loses no other. */
static void damage_block(struct fixture *f, struct seen *s, const struct table_block *b)
{
    size_t at = (size_t)(b->handle.offset + prng_below(&f->prng, b->handle.size));

    lsm_table_close(f->table);
    f->file.data[at] ^= 4;
    open_table(f);
    walk(s, f);
    assert_true(s->faults > 0);
    assert_int_equal(s->first_offset, b->handle.offset);
    f->file.data[at] ^= 4;
}

static void walk_damaged(struct env *env, void *arg)
{
    struct seen   *s = heap_must_alloc(NULL, 2, sizeof *s), *whole = s + 1;
    struct fixture f;

    (void)arg;
    for (uint64_t round = 0; round < ROUNDS; round++) {
        begin(&f, env, 100 + round);
        random_table(&f, 300, (enum block_compression)(round % 3));
        open_table(&f);
        walk(whole, &f);
        for (size_t i = 0; i < whole->block_count; i++) {
            enum table_block_kind kind = whole->blocks[i].kind;
            bool                  is_root = i == 0;

            /* What is read to open the table does not let it be opened. */
            if (!is_root && kind != TABLE_BLOCK_CLEARS && kind != TABLE_BLOCK_PROPERTIES)
                damage_block(&f, s, &whole->blocks[i]);
        }
        end(&f);
    }
    heap_free(s);
}

static void damage_costs_its_own_block_alone(void **state)
{
    (void)state;
    run(walk_damaged);
}

struct bounded {
    struct fixture *f;
    slice           start, end;
    size_t          place;
};

static status note_bounded(void *ctx, const struct lsm_entry *e, uint64_t value_size)
{
    struct bounded           *b = ctx;
    const struct lsm_entries *all = &b->f->entries;

    while (b->place < all->count && slice_cmp(all->items[b->place].key, b->start) < 0)
        b->place++;
    assert_int_equal(value_size, e->value.size);
    check_entry(e, &all->items[b->place++], false);
    return STATUS_OK;
}

static status no_fault(void *ctx, const struct table_fault *f)
{
    (void)ctx;
    return status_copy(f->error);
}

static void walk_bounded(struct env *env, void *arg)
{
    struct fixture f;
    hlc_ts         ts;

    (void)arg;
    begin(&f, env, 200);
    random_table(&f, 2000, COMPRESSION_LZ4);
    open_table(&f);
    for (int i = 0; i < 100; i++) {
        struct bounded b = {.f = &f};
        slice          end_key = lsm_entries_probe(f.arena, &f.prng, &f.entries, &ts);

        b.start = lsm_entries_probe(f.arena, &f.prng, &f.entries, &ts);
        b.end = slice_cmp(b.start, end_key) < 0 ? end_key : SLICE_EMPTY;
        assert_st_ok(lsm_table_walk(f.table, &(struct table_walk){.start = b.start,
                                                                  .end = b.end,
                                                                  .ctx = &b,
                                                                  .fault = no_fault,
                                                                  .entry = note_bounded}));
        while (b.place < f.entries.count && slice_cmp(f.entries.items[b.place].key, b.start) < 0)
            b.place++;
        assert_true(b.place == f.entries.count ||
                    (b.end.size > 0 && slice_cmp(f.entries.items[b.place].key, b.end) >= 0));
    }
    end(&f);
}

static void a_walk_between_bounds_gives_those_entries(void **state)
{
    (void)state;
    run(walk_bounded);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        T("a whole table has no fault, and a walk gives all of its entries",
          whole_tables_have_no_fault),
        T("damage is found where it is, and costs the entries of its own block alone",
          damage_costs_its_own_block_alone),
        T("a walk between bounds gives the entries between them",
          a_walk_between_bounds_gives_those_entries),
    };

    return cmocka_run_group_tests_name("storage/table_walk", tests, NULL, NULL);
}
