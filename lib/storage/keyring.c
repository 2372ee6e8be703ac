#include "storage/keyring.h"

#include <inttypes.h>
#include <sodium.h>

#include "base/arena.h"
#include "base/assert.h"
#include "base/crc32c.h"
#include "base/log.h"
#include "env/file.h"
#include "storage/store_files.h"

enum {
    KEYRING_VERSION = 1,
    HEADER_SIZE = 64,
    ENTRY_SIZE = 96,
    WRAP_NONCE_SIZE = crypto_aead_xchacha20poly1305_ietf_NPUBBYTES,
    WRAPPED_SIZE = CIPHER_KEY_SIZE + crypto_aead_xchacha20poly1305_ietf_ABYTES,
    FINGERPRINT_SIZE = 8,
    KEYS_MAX = (KEYRING_FILE_SIZE_MAX - HEADER_SIZE) / ENTRY_SIZE,
};

_Static_assert(STORE_KEY_SIZE == crypto_aead_xchacha20poly1305_ietf_KEYBYTES, "wraps data keys");

static const char keys_magic[8] = {'L', 'I', 'N', 'K', 'E', 'Y', '\r', '\n'};

struct data_key {
    uint64_t id; /* from 1, in order */
    uint64_t created_us;
    uint8_t  key[CIPHER_KEY_SIZE];
};

struct keyring {
    uint8_t          incarnation[16];
    struct data_key *keys; /* the last one is for new files */
    size_t           count;
};

/* ---- the bytes of the file --------------------------------------------------------------------
 */

/* Tells store keys apart without saying anything of them. */
static void fingerprint(const uint8_t store_key[STORE_KEY_SIZE], char out[FINGERPRINT_SIZE])
{
    static const char use[] = "LineraDB store key";
    uint8_t           hash[crypto_generichash_BYTES];

    (void)crypto_generichash(hash, sizeof hash, (const uint8_t *)use, sizeof use - 1, store_key,
                             STORE_KEY_SIZE);
    memcpy(out, hash, FINGERPRINT_SIZE);
}

static uint32_t file_crc(slice bytes)
{
    return crc32c(crc32c(0, bytes.data, 12), bytes.data + 16, bytes.size - 16);
}

/* What a wrapped key is bound to: its store, its number and its age. */
static void bind_entry(char bound[32], const uint8_t incarnation[16], const char *entry)
{
    memcpy(bound, incarnation, 16);
    memcpy(bound + 16, entry, 16);
}

static void put_entry(struct buf *b, struct env *env, const struct keyring *k,
                      const struct data_key *key, const uint8_t *store_key)
{
    char *e = buf_reserve(b, ENTRY_SIZE);
    char  bound[32];

    memset(e, 0, ENTRY_SIZE);
    put_u64le(e, key->id);
    put_u64le(e + 8, key->created_us);
    env_random(env, e + 16, WRAP_NONCE_SIZE);
    bind_entry(bound, k->incarnation, e);
    (void)crypto_aead_xchacha20poly1305_ietf_encrypt(
        (uint8_t *)e + 16 + WRAP_NONCE_SIZE, NULL, key->key, sizeof key->key, (uint8_t *)bound,
        sizeof bound, NULL, (uint8_t *)e + 16, store_key);
    buf_advance(b, ENTRY_SIZE);
}

static bool take_entry(const struct keyring *k, const char *e, const uint8_t *store_key,
                       struct data_key *out)
{
    char bound[32];

    out->id = get_u64le(e);
    out->created_us = get_u64le(e + 8);
    bind_entry(bound, k->incarnation, e);
    return crypto_aead_xchacha20poly1305_ietf_decrypt(
               out->key, NULL, NULL, (const uint8_t *)e + 16 + WRAP_NONCE_SIZE, WRAPPED_SIZE,
               (uint8_t *)bound, sizeof bound, (const uint8_t *)e + 16, store_key) == 0;
}

static void put_file(struct buf *b, struct env *env, const struct keyring *k,
                     const uint8_t *store_key)
{
    char *h = buf_reserve(b, HEADER_SIZE);

    memset(h, 0, HEADER_SIZE);
    memcpy(h, keys_magic, sizeof keys_magic);
    put_u32le(h + 8, KEYRING_VERSION);
    put_u32le(h + 16, (uint32_t)k->count);
    fingerprint(store_key, h + 24);
    memcpy(h + 32, k->incarnation, 16);
    buf_advance(b, HEADER_SIZE);
    for (size_t i = 0; i < k->count; i++)
        put_entry(b, env, k, &k->keys[i], store_key);
    put_u32le(b->data + 12, file_crc(buf_slice(b)));
}

bool keyring_bytes_are_whole(slice bytes)
{
    return bytes.size >= HEADER_SIZE + ENTRY_SIZE && bytes.size <= KEYRING_FILE_SIZE_MAX &&
           memcmp(bytes.data, keys_magic, sizeof keys_magic) == 0 &&
           get_u32le(bytes.data + 12) == file_crc(bytes) &&
           bytes.size - HEADER_SIZE == (uint64_t)get_u32le(bytes.data + 16) * ENTRY_SIZE;
}

/* ---- the file ---------------------------------------------------------------------------------
 */

static char *path_of(struct env *env, const char *dir)
{
    return store_file_path(env_heap(env), dir, STORE_FILE_KEYS, 0);
}

bool keyring_exists(struct env *env, const char *dir)
{
    char *path = path_of(env, dir);
    bool  found = env_file_exists(env, path);

    heap_free(path);
    return found;
}

static struct keyring *keyring_new(struct env *env, const uint8_t incarnation[16], size_t count)
{
    struct keyring *k = heap_must_alloc(env_heap(env), 1, sizeof *k);
    int             is_ready = sodium_init();

    ASSERT(is_ready >= 0);
    memcpy(k->incarnation, incarnation, sizeof k->incarnation);
    k->keys = heap_must_alloc(env_heap(env), count + 1, sizeof *k->keys); /* and one to be added */
    return k;
}

void keyring_free(struct keyring *k)
{
    if (k == NULL)
        return;
    sodium_memzero(k->keys, k->count * sizeof *k->keys);
    heap_free(k->keys);
    heap_free(k);
}

static void add_data_key(struct keyring *k, struct env *env)
{
    struct data_key *key = &k->keys[k->count];

    key->id = k->count > 0 ? k->keys[k->count - 1].id + 1 : 1;
    key->created_us = env_wall_us(env);
    env_random(env, key->key, sizeof key->key);
    k->count++;
}

static status write_file(struct env *env, const char *dir, const struct keyring *k,
                         const uint8_t *store_key)
{
    char      *path = path_of(env, dir);
    struct buf b;
    status     st;

    buf_init(&b, env_heap(env));
    put_file(&b, env, k, store_key);
    st = env_file_replace(env, path, buf_slice(&b));
    buf_deinit(&b);
    heap_free(path);
    return st;
}

status keyring_create(struct env *env, const char *dir, const uint8_t incarnation[16],
                      const uint8_t store_key[STORE_KEY_SIZE], struct keyring **out)
{
    struct keyring *k = keyring_new(env, incarnation, 0);
    status          st;

    add_data_key(k, env);
    st = write_file(env, dir, k, store_key);
    if (st_ok(st))
        *out = k;
    else
        keyring_free(k);
    return st;
}

static bool is_of(slice bytes, const uint8_t *store_key)
{
    char print[FINGERPRINT_SIZE];

    if (store_key == NULL)
        return false;
    fingerprint(store_key, print);
    return memcmp(bytes.data + 24, print, sizeof print) == 0;
}

static status check_file(slice bytes, const char *path, const uint8_t incarnation[16])
{
    if (!keyring_bytes_are_whole(bytes))
        return status_hint(status_new(ST_CORRUPT, "file \"%s\" is damaged", path),
                           "Without it nothing in the store can be read: bring it back from a "
                           "backup.");
    if (get_u32le(bytes.data + 8) != KEYRING_VERSION)
        return status_new(ST_CONFIG_ERROR, "file \"%s\" has format version %u, not %d", path,
                          (unsigned)get_u32le(bytes.data + 8), KEYRING_VERSION);
    if (memcmp(bytes.data + 32, incarnation, 16) != 0)
        return status_new(ST_CORRUPT, "file \"%s\": it is of another store", path);
    return STATUS_OK;
}

/* Numbers go up, so that "the newest" is not a matter of belief. */
static bool take_keys(struct keyring *k, slice bytes, const uint8_t *store_key)
{
    uint32_t count = get_u32le(bytes.data + 16);
    uint64_t last = 0;

    for (uint32_t i = 0; i < count; i++) {
        struct data_key *key = &k->keys[k->count];

        if (!take_entry(k, bytes.data + HEADER_SIZE + (size_t)i * ENTRY_SIZE, store_key, key) ||
            key->id <= last)
            return false;
        last = key->id;
        k->count++;
    }
    return true;
}

/* What is written from now on has a key that the old store key never wrapped. */
static status rotate(struct env *env, const char *dir, struct keyring *k, const uint8_t *store_key)
{
    if (k->count >= KEYS_MAX)
        return status_new(ST_LIMIT_EXCEEDED, "store \"%s\" has had %zu keys, which is the limit",
                          dir, k->count);
    add_data_key(k, env);
    TRY_RETURN(write_file(env, dir, k, store_key));
    log_info(env_log(env), "the store key was replaced", kv_u64("data_keys", k->count));
    return STATUS_OK;
}

static status open_bytes(struct env *env, const char *dir, slice bytes, const uint8_t *store_key,
                         const uint8_t *old_key, struct keyring *k)
{
    bool is_ours = is_of(bytes, store_key);

    if (!is_ours && !is_of(bytes, old_key))
        return status_hint(
            status_new(ST_CONFIG_ERROR, "the store key given is not the one of store \"%s\"", dir),
            old_key != NULL ? "Neither key is." : "To replace the key, give the old one too.");
    if (!take_keys(k, bytes, is_ours ? store_key : old_key))
        return status_new(ST_CORRUPT, "store \"%s\": a data key in its file \"keys\" was changed",
                          dir);
    return is_ours ? STATUS_OK : rotate(env, dir, k, store_key);
}

status keyring_open(struct env *env, const char *dir, const uint8_t incarnation[16],
                    const uint8_t *store_key, const uint8_t *old_key, struct keyring **out)
{
    char           *path = path_of(env, dir);
    struct arena   *arena = arena_new(env_heap(env), NULL);
    struct keyring *k = NULL;
    slice           bytes;
    status          st;

    TRY(st, env_file_read_all(env, path, KEYRING_FILE_SIZE_MAX, arena, &bytes), out);
    TRY(st, check_file(bytes, path, incarnation), out);
    k = keyring_new(env, incarnation, get_u32le(bytes.data + 16));
    TRY(st, open_bytes(env, dir, bytes, store_key, old_key, k), out);
    *out = k;
    k = NULL;
out:
    keyring_free(k);
    arena_free(arena);
    heap_free(path);
    return st;
}

/* ---- files' keys ------------------------------------------------------------------------------
 */

void file_seal_put(struct buf *b, const struct file_seal *s)
{
    char *p = buf_reserve(b, FILE_SEAL_SIZE);

    put_u64le(p, s->key_id);
    memcpy(p + 8, s->salt, sizeof s->salt);
    buf_advance(b, FILE_SEAL_SIZE);
}

struct file_seal file_seal_get(const char *p)
{
    struct file_seal s = {.key_id = get_u64le(p)};

    memcpy(s.salt, p + 8, sizeof s.salt);
    return s;
}

struct file_seal keyring_new_seal(const struct keyring *k, struct env *env)
{
    struct file_seal s = {.key_id = k->keys[k->count - 1].id};

    env_random(env, s.salt, sizeof s.salt);
    return s;
}

static const struct data_key *find_key(const struct keyring *k, uint64_t id)
{
    for (size_t i = k->count; i-- > 0;) {
        if (k->keys[i].id == id)
            return &k->keys[i];
    }
    return NULL;
}

status keyring_cipher(const struct keyring *k, struct heap *heap, const struct file_seal *seal,
                      slice header, struct cipher **out)
{
    static const char        use[] = "LineraDB file";
    crypto_generichash_state hash;
    uint8_t                  key[CIPHER_KEY_SIZE];
    const struct data_key   *data_key;

    if (k == NULL)
        return status_hint(status_new(ST_CONFIG_ERROR, "the file is encrypted"),
                           "Give the key of its store.");
    data_key = find_key(k, seal->key_id);
    if (data_key == NULL)
        return status_new(ST_CORRUPT, "the file has data key %" PRIu64 ", which the store has not",
                          seal->key_id);
    (void)crypto_generichash_init(&hash, data_key->key, sizeof data_key->key, sizeof key);
    (void)crypto_generichash_update(&hash, (const uint8_t *)use, sizeof use - 1);
    (void)crypto_generichash_update(&hash, seal->salt, sizeof seal->salt);
    (void)crypto_generichash_update(&hash, (const uint8_t *)header.data, header.size);
    (void)crypto_generichash_final(&hash, key, sizeof key);
    *out = cipher_new(heap, key);
    sodium_memzero(key, sizeof key);
    return STATUS_OK;
}

/* ---- records ----------------------------------------------------------------------------------
 */

_Static_assert(RECORD_SEAL_SIZE == CIPHER_NONCE_SIZE + CIPHER_TAG_SIZE, "nonce and tag");

size_t sealed_size(size_t content_size)
{
    return content_size > 0 ? content_size + RECORD_SEAL_SIZE : 0;
}

void seal_append(struct buf *b, const struct cipher *c, const char nonce[CIPHER_NONCE_SIZE],
                 slice bound, slice content)
{
    char *p;

    if (content.size == 0)
        return;
    p = buf_reserve(b, sealed_size(content.size));
    memcpy(p, nonce, CIPHER_NONCE_SIZE);
    memcpy(p + CIPHER_NONCE_SIZE, content.data, content.size);
    cipher_seal(c, nonce, bound, p + CIPHER_NONCE_SIZE, content.size,
                p + CIPHER_NONCE_SIZE + content.size);
    buf_advance(b, sealed_size(content.size));
}

bool seal_open(const struct cipher *c, slice bound, slice payload, struct buf *plain)
{
    slice sealed;

    buf_reset(plain);
    if (payload.size == 0)
        return true;
    if (payload.size <= RECORD_SEAL_SIZE)
        return false;
    sealed = slice_make(payload.data + CIPHER_NONCE_SIZE, payload.size - RECORD_SEAL_SIZE);
    if (!cipher_open(c, payload.data, bound, sealed, sealed.data + sealed.size,
                     buf_reserve(plain, sealed.size)))
        return false;
    buf_advance(plain, sealed.size);
    return true;
}
