/* Encrypted stores: nothing readable in any file, and nothing changed, swapped, cut or brought back
 * from before passes for what was written. */
#include "base/hmap.h"
#include "env/file.h"
#include "storage/engine.h"
#include "storage/keyring.h"
#include "storage/log_format.h"
#include "storage/store_files.h"
#include "tests/common/storage_model.h"
#include "tests/env/sim_crashes.h"
#include "tests/env/sim_fixture.h"

#define SECRET "PLANTED-SECRET-4711"

static const uint8_t key[32] = "the key of a store under test...";
static const uint8_t new_key[32] = "the key that comes after it.....";

static const struct engine_options store_options = {.type = ENGINE_LSM,
                                                    .path = "store",
                                                    .log_segment_size = 16 << 10,
                                                    .memtable_size = 16 << 10,
                                                    .cache_size = 64 << 10,
                                                    .table_size = 8 << 10,
                                                    .level_size = 16 << 10,
                                                    .store_key = key};

static struct engine *open_store(struct env *env)
{
    struct engine *e;

    assert_st_ok(engine_open(env, &store_options, &e));
    return e;
}

static void run_sim(env_fn *fn)
{
    struct sim      *sim = sim_new(1, NULL);
    struct sim_node *n = sim_add_node(sim, "a", sim_idle_main, NULL);

    sim_do(sim, n, fn, sim);
    sim_free(sim);
}

/* Keys, meta keys and values of all sizes that hold the secret, over tables of several levels. */
static void write_secrets(struct engine *e, unsigned from, unsigned to)
{
    struct engine_batch b;

    engine_batch_init(&b, NULL);
    for (unsigned i = from; i < to; i++) {
        char   k[64], v[3000];
        size_t size = i % 10 == 0 ? sizeof v : 40;

        snprintf(k, sizeof k, "%05u " SECRET, i * 7919 % 5000);
        memset(v, ' ' + (int)(i % 90), sizeof v);
        memcpy(v, SECRET, sizeof SECRET - 1);
        engine_batch_reset(&b);
        assert_st_ok(engine_batch_put(&b, slice_cstr(k), 100 + i, slice_make(v, size)));
        if (i % 20 == 0)
            assert_st_ok(engine_batch_put_meta(&b, slice_cstr(k), slice_make(v, 30)));
        assert_st_ok(engine_commit(e, &b, i % 50 == 0));
    }
    engine_batch_deinit(&b);
}

static bool contains(slice bytes, slice part)
{
    return memmem(bytes.data, bytes.size, part.data, part.size) != NULL;
}

typedef void file_fn(struct env *env, const char *path, const char *name, void *ctx);

static void for_each_file(struct env *env, const char *dir, file_fn *fn, void *ctx)
{
    struct arena *arena = arena_new(NULL, NULL);
    const char  **names;
    size_t        count;

    assert_st_ok(env_list_dir(env, dir, arena, &names, &count));
    for (size_t i = 0; i < count; i++)
        fn(env, arena_printf(arena, "%s/%s", dir, names[i]), names[i], ctx);
    arena_free(arena);
}

static slice read_file(struct env *env, const char *path, struct arena *arena)
{
    slice bytes;

    assert_st_ok(env_file_read_all(env, path, 64 << 20, arena, &bytes));
    return bytes;
}

/* ---- nothing readable ---- */

struct search {
    size_t files, tables, segments;
};

static void search_file(struct env *env, const char *path, const char *name, void *ctx)
{
    struct search *s = ctx;
    struct arena  *arena = arena_new(NULL, NULL);
    slice          bytes = read_file(env, path, arena);
    uint64_t       number;

    /* Eight bytes of it: what compression and prefixes leave whole. */
    assert_false(contains(bytes, SLICE_LIT("PLANTED-")));
    assert_false(contains(bytes, SLICE_LIT("SECRET-4")));
    assert_false(contains(bytes, slice_make(key, 8)));
    s->files++;
    s->tables += store_file_kind(name, &number) == STORE_FILE_TABLE;
    s->segments += store_file_kind(name, &number) == STORE_FILE_LOG;
    arena_free(arena);
}

static void search_all(struct env *env, void *arg)
{
    struct search  here = {0}, there = {0};
    struct engine *e = open_store(env);

    (void)arg;
    for (unsigned i = 0; i < 10; i++) {
        write_secrets(e, i * 200, i * 200 + 200);
        for_each_file(env, "store", search_file, &(struct search){0});
        if (i % 3 == 2) {
            engine_close(e);
            e = open_store(env);
        }
    }
    assert_st_ok(engine_copy(e, "copy"));
    engine_close(e);
    for_each_file(env, "store", search_file, &here);
    for_each_file(env, "copy", search_file, &there);
    assert_true(here.tables > 5 && there.tables > 5);
    assert_true(here.segments > 0 && there.segments > 0);
}

static void test_nothing_readable(void **state)
{
    (void)state;
    run_sim(search_all);
}

/* The search can fail: of a plain store it finds what it looks for. */
static void search_plain(struct env *env, void *arg)
{
    struct engine_options o = store_options;
    struct engine        *e;
    struct arena         *arena = arena_new(NULL, NULL);
    const char          **names;
    size_t                count, found = 0;

    (void)arg;
    o.store_key = NULL;
    assert_st_ok(engine_open(env, &o, &e));
    write_secrets(e, 0, 1000);
    engine_close(e);
    assert_st_ok(env_list_dir(env, "store", arena, &names, &count));
    for (size_t i = 0; i < count; i++) {
        slice bytes = read_file(env, arena_printf(arena, "store/%s", names[i]), arena);

        found += contains(bytes, SLICE_LIT("SECRET-4"));
    }
    assert_true(found >= 3); /* a table, the manifest, the log */
    arena_free(arena);
}

static void test_search_finds(void **state)
{
    (void)state;
    run_sim(search_plain);
}

/* ---- nothing changed ---- */

static uint64_t add_to_hash(uint64_t hash, slice bytes)
{
    for (size_t i = 0; i < bytes.size; i++)
        hash = hash * 31 + (uint8_t)bytes.data[i];
    return hash;
}

static status hash_space(struct engine *e, enum engine_iter_mode mode, uint64_t *hash)
{
    struct engine_iter_options o = {.mode = mode, .ts = HLC_TS_MAX};
    struct engine_iter        *it;
    status                     st;

    TRY_RETURN(engine_iter_open(e, &o, &it));
    st = engine_iter_first(it);
    while (st_ok(st) && it->valid) {
        *hash = add_to_hash(add_to_hash(*hash * 31 + it->ts, it->key), it->value);
        st = engine_iter_next(it);
    }
    engine_iter_close(it);
    return st;
}

/* A hash of all there is; an error when opening or reading fails. */
static status read_store(struct env *env, uint64_t *hash)
{
    struct engine *e;
    status         st;

    *hash = 0;
    TRY_RETURN(engine_open(env, &store_options, &e));
    st = hash_space(e, ENGINE_ITER_VERSIONS, hash);
    if (st_ok(st))
        st = hash_space(e, ENGINE_ITER_META, hash);
    engine_close(e);
    return st;
}

/* The files of a store at one time. */
struct image {
    struct arena *arena;
    const char   *names[200];
    slice         bytes[200];
    size_t        count;
};

static void add_file(struct env *env, const char *path, const char *name, void *ctx)
{
    struct image *x = ctx;

    assert_true(x->count < ARRAY_LEN(x->names));
    x->names[x->count] = arena_strdup(x->arena, name);
    x->bytes[x->count++] = read_file(env, path, x->arena);
}

static void take_image(struct env *env, struct image *x)
{
    *x = (struct image){.arena = arena_new(NULL, NULL)};
    for_each_file(env, "store", add_file, x);
}

static void remove_file(struct env *env, const char *path, const char *name, void *ctx)
{
    (void)name;
    (void)ctx;
    assert_st_ok(env_unlink(env, path));
}

static void put_image(struct env *env, const struct image *x)
{
    for_each_file(env, "store", remove_file, NULL);
    for (size_t i = 0; i < x->count; i++) {
        char path[200];

        snprintf(path, sizeof path, "store/%s", x->names[i]);
        assert_st_ok(env_file_replace(env, path, x->bytes[i]));
    }
}

static enum store_file_kind kind_of(const struct image *x, size_t i)
{
    uint64_t number;

    return store_file_kind(x->names[i], &number);
}

/* A store at two times, and how often a change was noticed. */
struct attack {
    struct env  *env;
    struct prng  prng;
    struct image before, now;
    uint64_t     hash;
    unsigned     noticed, harmless;
};

/* Open the image with file `at` replaced: an error of the right kind, or the very same content. */
static void try_changed(struct attack *a, size_t at, slice bytes, const char *how)
{
    struct image x = a->now;
    uint64_t     hash;
    status       st;

    x.bytes[at] = bytes;
    put_image(a->env, &x);
    st = read_store(a->env, &hash);
    if (st_ok(st)) {
        if (hash != a->hash)
            fail_msg("%s: %s passed unnoticed", x.names[at], how);
        a->harmless++;
        return;
    }
    if (status_code(st) != ST_CORRUPT && status_code(st) != ST_CONFIG_ERROR &&
        status_code(st) != ST_UNDEFINED_FILE)
        fail_msg("%s, %s: %s", x.names[at], how, status_message(st));
    a->noticed++;
    st_clear(st);
}

static char *copy_of(struct attack *a, size_t at, struct arena **arena)
{
    slice bytes = a->now.bytes[at];
    char *copy;

    *arena = arena_new(NULL, NULL);
    copy = arena_alloc(*arena, bytes.size + 1);
    memcpy(copy, bytes.data, bytes.size);
    return copy;
}

static void flip_bits(struct attack *a, size_t at, unsigned count)
{
    slice bytes = a->now.bytes[at];

    for (unsigned i = 0; i < count && bytes.size > 0; i++) {
        struct arena *arena;
        char         *copy = copy_of(a, at, &arena);

        copy[prng_below(&a->prng, bytes.size)] ^= (char)(1 << prng_below(&a->prng, 8));
        try_changed(a, at, slice_make(copy, bytes.size), "a flipped bit");
        arena_free(arena);
    }
}

/* Two stretches of a file change places. */
static void swap_parts(struct attack *a, size_t at, unsigned count)
{
    slice  bytes = a->now.bytes[at];
    size_t half = bytes.size / 2, size;

    for (unsigned i = 0; i < count && half > 64; i++) {
        struct arena *arena;
        char         *copy = copy_of(a, at, &arena);
        size_t        from, to;

        size = 16 + prng_below(&a->prng, MIN(half - 32, (size_t)4096));
        from = prng_below(&a->prng, half - size + 1);
        to = half + prng_below(&a->prng, bytes.size - half - size + 1);
        memcpy(copy + from, bytes.data + to, size);
        memcpy(copy + to, bytes.data + from, size);
        try_changed(a, at, slice_make(copy, bytes.size), "two stretches swapped");
        arena_free(arena);
    }
}

/* The log's tail cannot be told from one that was never written, without help from outside. */
static bool is_last_segment(const struct image *x, size_t at)
{
    return kind_of(x, at) == STORE_FILE_LOG &&
           (at + 1 == x->count || kind_of(x, at + 1) != STORE_FILE_LOG);
}

static void cut(struct attack *a, size_t at, unsigned count)
{
    slice bytes = a->now.bytes[at];

    for (unsigned i = 0; i < count && bytes.size > 0 && !is_last_segment(&a->now, at); i++)
        try_changed(a, at, slice_make(bytes.data, prng_below(&a->prng, bytes.size)), "a cut");
}

/* Another file of the kind takes its place, of this time or of the one before. */
static void replace(struct attack *a, size_t at)
{
    for (size_t i = 0; i < a->now.count; i++)
        if (i != at && kind_of(&a->now, i) == kind_of(&a->now, at) && !is_last_segment(&a->now, at))
            try_changed(a, at, a->now.bytes[i], "another file of the kind");
    for (size_t i = 0; i < a->before.count; i++)
        if (strcmp(a->before.names[i], a->now.names[at]) == 0 && !is_last_segment(&a->now, at))
            try_changed(a, at, a->before.bytes[i], "an older state of the file");
}

static void attack(struct env *env, void *arg)
{
    struct attack  a = {.env = env};
    struct engine *e = open_store(env);

    (void)arg;
    prng_init(&a.prng, test_seed(11));
    write_secrets(e, 0, 300);
    engine_close(e);
    take_image(env, &a.before);
    e = open_store(env);
    write_secrets(e, 300, 700);
    engine_close(e);
    take_image(env, &a.now);
    assert_st_ok(read_store(env, &a.hash));
    for (size_t at = 0; at < a.now.count; at++) {
        bool small = a.now.bytes[at].size < 1000;

        flip_bits(&a, at, small ? 40 : 25);
        swap_parts(&a, at, 10);
        cut(&a, at, 5);
        replace(&a, at);
    }
    assert_true(a.noticed > 5 * a.harmless);
    printf("%u changes noticed, %u harmless\n", a.noticed, a.harmless);
    arena_free(a.before.arena);
    arena_free(a.now.arena);
}

static void test_attack(void **state)
{
    (void)state;
    run_sim(attack);
}

/* ---- keys ---- */

static void wrong_keys(struct env *env, void *arg)
{
    struct engine_options o = store_options;
    struct engine        *e = open_store(env);
    uint64_t              hash, again;

    (void)arg;
    write_secrets(e, 0, 300);
    engine_close(e);
    assert_st_ok(read_store(env, &hash));
    o.store_key = NULL;
    assert_st_code(engine_open(env, &o, &e), ST_CONFIG_ERROR);
    o.store_key = new_key;
    assert_st_code(engine_open(env, &o, &e), ST_CONFIG_ERROR);
    assert_st_ok(read_store(env, &again)); /* refusing has changed nothing */
    assert_int_equal(again, hash);
    o.old_store_key = key;
    assert_st_ok(engine_open(env, &o, &e));
    write_secrets(e, 300, 600); /* under the new data key, beside the old one's files */
    engine_close(e);
    assert_st_code(engine_open(env, &store_options, &e), ST_CONFIG_ERROR);
    o.old_store_key = NULL;
    assert_st_ok(engine_open(env, &o, &e));
    engine_close(e);
    o.type = ENGINE_MEMORY;
    o.path = "other";
    assert_st_code(engine_open(env, &o, &e), ST_FEATURE_NOT_SUPPORTED);
    o.type = ENGINE_LSM;
    o.store_key = NULL;
    assert_st_ok(engine_open(env, &o, &e));
    engine_close(e);
    o.store_key = key;
    assert_st_code(engine_open(env, &o, &e), ST_CONFIG_ERROR);
}

static void test_wrong_keys(void **state)
{
    (void)state;
    run_sim(wrong_keys);
}

/* A plain file of the same content, as a thief of nothing but the disk could forge it. */
static void forge(struct env *env, void *arg)
{
    struct engine_options o = store_options;
    struct image          real, plain;
    struct engine        *e = open_store(env);
    uint64_t              hash;

    (void)arg;
    engine_close(e);
    take_image(env, &real);
    for_each_file(env, "store", remove_file, NULL);
    o.store_key = NULL;
    memcpy(o.cluster_id, "cluster of forge", sizeof o.cluster_id);
    assert_st_ok(engine_open(env, &o, &e));
    write_secrets(e, 0, 10);
    engine_close(e);
    take_image(env, &plain);
    /* All that is plain, with the keys of the real store. */
    for (size_t i = 0; i < real.count; i++) {
        if (kind_of(&real, i) == STORE_FILE_KEYS) {
            plain.names[plain.count] = real.names[i];
            plain.bytes[plain.count++] = real.bytes[i];
        }
    }
    put_image(env, &plain);
    assert_st_code(read_store(env, &hash), ST_CORRUPT); /* keys of another store */
    arena_free(real.arena);
    arena_free(plain.arena);
}

static void test_forge(void **state)
{
    (void)state;
    run_sim(forge);
}

/* ---- nonces (pitfall X4) ---- */

/* What was sealed under a salt and a nonce. */
struct nonces {
    struct umap crcs; /* hash of salt and nonce -> checksum of the record, never 0 */
    size_t      count, again;
};

static uint64_t pair_of(const struct segment_header *h, const char *nonce)
{
    struct prng p;
    uint64_t    words[4];

    memcpy(words, h->seal.salt, 16);
    memcpy(words + 2, nonce, 8);
    words[3] = get_u32le(nonce + 8);
    prng_init(&p, words[0]);
    for (int i = 1; i < 4; i++)
        prng_init(&p, prng_next(&p) ^ words[i]);
    return prng_next(&p) | 1;
}

static void note_record(struct nonces *n, uint64_t pair, uint32_t crc)
{
    void *known = umap_get(&n->crcs, pair);

    if (known == NULL) {
        umap_put(&n->crcs, pair, (void *)(uintptr_t)(crc | UINT64_C(1) << 32));
        n->count++;
    } else {
        assert_int_equal((uint32_t)(uintptr_t)known, crc);
        n->again++;
    }
}

/* Every whole record anywhere in the file, those that do not count any more too. */
static void note_segment(struct env *env, const char *path, const char *name, void *ctx)
{
    struct arena         *arena = arena_new(NULL, NULL);
    struct segment_header h;
    struct log_record     r;
    uint64_t              number;
    slice                 rest;

    if (store_file_kind(name, &number) == STORE_FILE_LOG) {
        rest = read_file(env, path, arena);
        if (segment_header_take(rest, &h)) {
            struct log_generation g = log_generation(h.incarnation, h.segment);

            assert_true(h.is_sealed);
            for (; rest.size >= RECORD_ALIGN; rest = slice_from(rest, RECORD_ALIGN)) {
                slice at = rest;

                if (log_record_take(&at, &g, h.first_sequence, &r) && r.payload.size > 0)
                    note_record(ctx, pair_of(&h, r.payload.data), r.crc);
            }
        }
    }
    arena_free(arena);
}

struct life {
    unsigned      from;
    struct nonces nonces;
};

static void live(struct env *env, void *arg)
{
    struct life   *l = arg;
    struct engine *e = open_store(env);

    for_each_file(env, "store", note_segment, &l->nonces);
    write_secrets(e, l->from, l->from + 60);
    for_each_file(env, "store", note_segment, &l->nonces);
    engine_close(e);
}

/* Crashes, torn tails, recoveries and recycled segments: no pair of key and nonce comes twice. */
static void test_nonces(void **state)
{
    struct sim      *sim = sim_new(test_seed(5), NULL);
    struct sim_node *n = sim_add_node(sim, "a", sim_idle_main, NULL);
    struct life      l = {0};

    (void)state;
    umap_init(&l.nonces.crcs, NULL);
    for (unsigned i = 0; i < 60; i++) {
        l.from = i * 60;
        sim_crash_at_io(n, i % 4 == 3 ? 0 : 1 + sim_rand_below(sim, 150),
                        i % 2 == 0 ? SIM_POWER_LOSS : SIM_KILL);
        (void)sim_try(sim, n, live, &l);
        if (!sim_node_is_up(n))
            sim_restart(n);
    }
    assert_true(l.nonces.count > 500 && l.nonces.again > 500);
    umap_deinit(&l.nonces.crcs);
    sim_free(sim);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T("nothing of an encrypted store can be read in any file", test_nothing_readable),
        T("the search for secrets finds those of a plain store", test_search_finds),
        T("what is flipped, swapped, cut or brought back is noticed or harmless", test_attack),
        T("a wrong key, none, or one too many is refused and changes nothing", test_wrong_keys),
        T("plain files under an encrypted store's keys are refused", test_forge),
        T("X4: no key and nonce come twice, whatever crashes", test_nonces),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
