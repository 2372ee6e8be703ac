/* AES-256-GCM and the keys of a store: known answers, the two libraries against each other, and
 * everything that must not open. */
#include "storage/cipher.h"

#include "base/prng.h"
#include "env/file.h"
#include "storage/keyring.h"
#include "tests/common/test.h"
#include "tests/env/sim_fixture.h"

enum { DATA_SIZE_MAX = 5000 };

/* Test case 16 of McGrew and Viega, "The Galois/Counter Mode of Operation". */
static void known_answer(void **state)
{
    static const uint8_t key[32] = {0xfe, 0xff, 0xe9, 0x92, 0x86, 0x65, 0x73, 0x1c,
                                    0x6d, 0x6a, 0x8f, 0x94, 0x67, 0x30, 0x83, 0x08,
                                    0xfe, 0xff, 0xe9, 0x92, 0x86, 0x65, 0x73, 0x1c,
                                    0x6d, 0x6a, 0x8f, 0x94, 0x67, 0x30, 0x83, 0x08};
    static const uint8_t nonce[12] = {0xca, 0xfe, 0xba, 0xbe, 0xfa, 0xce,
                                      0xdb, 0xad, 0xde, 0xca, 0xf8, 0x88};
    static const uint8_t bound[20] = {0xfe, 0xed, 0xfa, 0xce, 0xde, 0xad, 0xbe, 0xef, 0xfe, 0xed,
                                      0xfa, 0xce, 0xde, 0xad, 0xbe, 0xef, 0xab, 0xad, 0xda, 0xd2};
    static const uint8_t plain[16] = {0xd9, 0x31, 0x32, 0x25, 0xf8, 0x84, 0x06, 0xe5,
                                      0xa5, 0x59, 0x09, 0xc5, 0xaf, 0xf5, 0x26, 0x9a};
    static const uint8_t sealed[16] = {0x52, 0x2d, 0xc1, 0xf0, 0x99, 0x56, 0x7d, 0x07,
                                       0xf4, 0x7f, 0x37, 0xa3, 0x2a, 0x84, 0x42, 0x7d};
    char                 tag[2][CIPHER_TAG_SIZE];

    (void)state;
    for (int i = 0; i < 2; i++) {
        struct cipher *c = i == 0 ? cipher_new(NULL, key) : cipher_new_portable(NULL, key);
        char           data[16];

        memcpy(data, plain, sizeof data);
        cipher_seal(c, (const char *)nonce, slice_make(bound, sizeof bound), data, sizeof data,
                    tag[i]);
        assert_memory_equal(data, sealed, sizeof sealed);
        cipher_free(c);
    }
    assert_memory_equal(tag[0], tag[1], CIPHER_TAG_SIZE);
}

static void random_bytes(struct prng *p, void *out, size_t size)
{
    for (size_t i = 0; i < size; i++)
        ((char *)out)[i] = (char)prng_next(p);
}

struct piece {
    uint8_t key[CIPHER_KEY_SIZE];
    char    nonce[CIPHER_NONCE_SIZE], bound[40], plain[DATA_SIZE_MAX], tag[CIPHER_TAG_SIZE];
    size_t  bound_size, size;
};

static void random_piece(struct prng *p, struct piece *x)
{
    random_bytes(p, x, sizeof *x);
    x->bound_size = prng_below(p, sizeof x->bound + 1);
    x->size = prng_below(p, prng_below(p, 2) == 0 ? 200 : DATA_SIZE_MAX);
}

static void both_agree(void **state)
{
    struct prng  p;
    struct piece x;

    (void)state;
    prng_init(&p, test_seed(7));
    for (int i = 0; i < 500; i++) {
        struct cipher *one, *other;
        char           a[DATA_SIZE_MAX], b[DATA_SIZE_MAX], tag[CIPHER_TAG_SIZE];

        random_piece(&p, &x);
        one = cipher_new(NULL, x.key);
        other = cipher_new_portable(NULL, x.key);
        memcpy(a, x.plain, x.size);
        memcpy(b, x.plain, x.size);
        cipher_seal(one, x.nonce, slice_make(x.bound, x.bound_size), a, x.size, x.tag);
        cipher_seal(other, x.nonce, slice_make(x.bound, x.bound_size), b, x.size, tag);
        assert_memory_equal(a, b, x.size);
        assert_memory_equal(x.tag, tag, sizeof tag);
        assert_true(cipher_open(other, x.nonce, slice_make(x.bound, x.bound_size),
                                slice_make(a, x.size), x.tag, b));
        assert_memory_equal(b, x.plain, x.size);
        assert_true(cipher_open(one, x.nonce, slice_make(x.bound, x.bound_size),
                                slice_make(a, x.size), x.tag, a)); /* in place */
        assert_memory_equal(a, x.plain, x.size);
        cipher_free(one);
        cipher_free(other);
    }
}

/* Whether it opens with one bit of one part changed. */
static bool opens_changed(struct prng *p, const struct piece *x, const char *sealed, bool portable)
{
    struct piece   y = *x;
    char           data[DATA_SIZE_MAX];
    struct cipher *c;
    bool           opens;
    char           bit = (char)(1 << prng_below(p, 8));

    memcpy(y.plain, sealed, y.size);
    switch (prng_below(p, 5)) {
    case 0:
        y.key[prng_below(p, sizeof y.key)] ^= (uint8_t)bit;
        break;
    case 1:
        y.nonce[prng_below(p, sizeof y.nonce)] ^= bit;
        break;
    case 2:
        y.tag[prng_below(p, sizeof y.tag)] ^= bit;
        break;
    case 3:
        y.bound[prng_below(p, y.bound_size)] ^= bit;
        break;
    default:
        y.plain[prng_below(p, y.size)] ^= bit;
        break;
    }
    c = portable ? cipher_new_portable(NULL, y.key) : cipher_new(NULL, y.key);
    opens = cipher_open(c, y.nonce, slice_make(y.bound, y.bound_size), slice_make(y.plain, y.size),
                        y.tag, data);
    cipher_free(c);
    return opens;
}

static void changed(void **state)
{
    struct prng  p;
    struct piece x;

    (void)state;
    prng_init(&p, test_seed(7));
    for (int i = 0; i < 1000; i++) {
        struct cipher *c;
        char           sealed[DATA_SIZE_MAX];

        random_piece(&p, &x);
        x.bound_size = MAX(x.bound_size, (size_t)1);
        x.size = MAX(x.size, (size_t)1);
        c = cipher_new(NULL, x.key);
        memcpy(sealed, x.plain, x.size);
        cipher_seal(c, x.nonce, slice_make(x.bound, x.bound_size), sealed, x.size, x.tag);
        cipher_free(c);
        assert_false(opens_changed(&p, &x, sealed, i % 2 == 0));
    }
}

/* ---- the keyring ---- */

static const uint8_t incarnation[16] = "incarnation 0123",
                     other_incarnation[16] = "another one 4567";
static const uint8_t first[32] = "the first key of the store......",
                     second[32] = "the key that comes after it.....",
                     wrong[32] = "a key that the store never had..";

static struct file_seal seal_one(struct env *env, const struct keyring *k, char sealed[17])
{
    struct file_seal seal = keyring_new_seal(k, env);
    struct cipher   *c;
    char             nonce[CIPHER_NONCE_SIZE] = {0};

    memcpy(sealed, "x", 1);
    assert_st_ok(keyring_cipher(k, NULL, &seal, SLICE_LIT("header"), &c));
    cipher_seal(c, nonce, SLICE_EMPTY, sealed, 1, sealed + 1);
    cipher_free(c);
    return seal;
}

static bool opens_one(const struct keyring *k, const struct file_seal *seal, slice header,
                      const char sealed[17])
{
    struct cipher *c;
    char           nonce[CIPHER_NONCE_SIZE] = {0}, plain;
    bool           opens;

    assert_st_ok(keyring_cipher(k, NULL, seal, header, &c));
    opens = cipher_open(c, nonce, SLICE_EMPTY, slice_make(sealed, 1), sealed + 1, &plain);
    cipher_free(c);
    return opens;
}

static void make_dir(struct env *env)
{
    assert_st_ok(env_mkdir_all(env, "store"));
}

static void rotation(struct env *env, void *arg)
{
    struct keyring  *k;
    struct file_seal seal, later, unknown = {.key_id = 3};
    struct cipher   *c;
    char             sealed[17], sealed_later[17];

    (void)arg;
    make_dir(env);
    assert_false(keyring_exists(env, "store"));
    assert_st_ok(keyring_create(env, "store", incarnation, first, &k));
    assert_true(keyring_exists(env, "store"));
    seal = seal_one(env, k, sealed);
    keyring_free(k);

    assert_st_code(keyring_open(env, "store", incarnation, wrong, NULL, &k), ST_CONFIG_ERROR);
    assert_st_code(keyring_open(env, "store", incarnation, second, wrong, &k), ST_CONFIG_ERROR);
    assert_st_code(keyring_open(env, "store", other_incarnation, first, NULL, &k), ST_CORRUPT);
    assert_st_ok(keyring_open(env, "store", incarnation, first, NULL, &k));
    assert_true(opens_one(k, &seal, SLICE_LIT("header"), sealed));
    assert_false(opens_one(k, &seal, SLICE_LIT("heador"), sealed));
    keyring_free(k);

    assert_st_ok(keyring_open(env, "store", incarnation, second, first, &k));
    later = seal_one(env, k, sealed_later);
    assert_int_not_equal(later.key_id, seal.key_id);
    assert_true(opens_one(k, &seal, SLICE_LIT("header"), sealed));
    keyring_free(k);
    assert_st_code(keyring_open(env, "store", incarnation, first, NULL, &k), ST_CONFIG_ERROR);
    assert_st_ok(keyring_open(env, "store", incarnation, second, first, &k)); /* nothing to do */
    assert_true(opens_one(k, &seal, SLICE_LIT("header"), sealed));
    assert_true(opens_one(k, &later, SLICE_LIT("header"), sealed_later));
    assert_st_code(keyring_cipher(k, NULL, &unknown, SLICE_EMPTY, &c), ST_CORRUPT);
    keyring_free(k);
    assert_st_code(keyring_cipher(NULL, NULL, &seal, SLICE_EMPTY, &c), ST_CONFIG_ERROR);
}

static void run_sim(env_fn *fn)
{
    struct sim      *sim = sim_new(1, NULL);
    struct sim_node *n = sim_add_node(sim, "a", sim_idle_main, NULL);

    sim_do(sim, n, fn, NULL);
    sim_free(sim);
}

static void test_rotation(void **state)
{
    (void)state;
    run_sim(rotation);
}

static void flips(struct env *env, void *arg)
{
    struct arena   *arena = arena_new(NULL, NULL);
    struct keyring *k;
    slice           bytes;

    (void)arg;
    make_dir(env);
    assert_st_ok(keyring_create(env, "store", incarnation, first, &k));
    keyring_free(k);
    assert_st_ok(keyring_open(env, "store", incarnation, second, first, &k)); /* two data keys */
    keyring_free(k);
    assert_st_ok(env_file_read_all(env, "store/keys", KEYRING_FILE_SIZE_MAX, arena, &bytes));
    for (size_t i = 0; i < bytes.size; i++) {
        char *copy = arena_alloc(arena, bytes.size);

        memcpy(copy, bytes.data, bytes.size);
        copy[i] ^= 4;
        assert_st_ok(env_file_replace(env, "store/keys", slice_make(copy, bytes.size)));
        assert_st_code(keyring_open(env, "store", incarnation, second, NULL, &k), ST_CORRUPT);
        assert_st_ok(env_file_replace(env, "store/keys", slice_make(copy, i)));
        assert_st_code(keyring_open(env, "store", incarnation, second, NULL, &k), ST_CORRUPT);
    }
    arena_free(arena);
}

static void test_flips(void **state)
{
    (void)state;
    run_sim(flips);
}

/* ---- a crash at each step of a rotation (pitfall X5) ---- */

static void create(struct env *env, void *arg)
{
    struct keyring *k;

    (void)arg;
    make_dir(env);
    assert_st_ok(env_sync_dir(env, ".", ENV_LANE_IO));
    assert_st_ok(keyring_create(env, "store", incarnation, first, &k));
    keyring_free(k);
}

static void rotate_once(struct env *env, void *arg)
{
    struct keyring *k;

    (void)arg;
    assert_st_ok(keyring_open(env, "store", incarnation, second, first, &k));
    keyring_free(k);
}

/* Whatever the crash left: with both keys at hand it opens, and the data keys are there. */
static void after_crash(struct env *env, void *arg)
{
    struct keyring  *k;
    struct file_seal seal = {.key_id = 1};
    struct cipher   *c;

    (void)arg;
    assert_st_ok(keyring_open(env, "store", incarnation, second, first, &k));
    assert_st_ok(keyring_cipher(k, NULL, &seal, SLICE_EMPTY, &c));
    cipher_free(c);
    keyring_free(k);
    assert_st_ok(keyring_open(env, "store", incarnation, second, NULL, &k));
    keyring_free(k);
}

static void rotation_crash(void **state)
{
    bool finished = false;

    (void)state;
    for (uint64_t io = 1; !finished; io++) {
        struct sim      *sim = sim_new(io, NULL);
        struct sim_node *n = sim_add_node(sim, "a", sim_idle_main, NULL);

        sim_do(sim, n, create, NULL);
        sim_crash_at_io(n, io, SIM_POWER_LOSS);
        finished = sim_try(sim, n, rotate_once, NULL);
        sim_crash_at_io(n, 0, SIM_POWER_LOSS);
        if (!finished)
            sim_restart(n);
        sim_do(sim, n, after_crash, NULL);
        sim_free(sim);
        assert_true(io < 100);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T("the answer is the one of the standard", known_answer),
        T("libsodium and OpenSSL write and read the same", both_agree),
        T("nothing opens with one bit changed", changed),
        T("a store key is replaced without a file written anew", test_rotation),
        T("a changed or shortened file of keys is refused", test_flips),
        T("a crash at each step of a rotation leaves a store that opens", rotation_crash),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
