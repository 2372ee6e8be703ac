#include "storage/cipher.h"

#include <openssl/evp.h>
#include <sodium.h>

#include "base/assert.h"
#include "base/heap.h"

enum { LARGE_SIZE = 1024 }; /* from here on OpenSSL is the quicker one */

struct cipher {
    crypto_aead_aes256gcm_state state; /* of libsodium; at a multiple of 16 */
    struct heap_foreign         foreign;
    EVP_CIPHER                 *evp;
    bool                        is_portable;
    uint8_t                     key[CIPHER_KEY_SIZE]; /* of OpenSSL */
};

_Static_assert(CIPHER_KEY_SIZE == crypto_aead_aes256gcm_KEYBYTES, "a key of AES-256");
_Static_assert(CIPHER_NONCE_SIZE == crypto_aead_aes256gcm_NPUBBYTES, "a nonce of GCM");
_Static_assert(CIPHER_TAG_SIZE == crypto_aead_aes256gcm_ABYTES, "a tag of GCM");

static void close_evp(struct heap_foreign *f)
{
    EVP_CIPHER_free(CONTAINER_OF(f, struct cipher, foreign)->evp);
}

static struct cipher *new_cipher(struct heap *heap, const uint8_t *key, bool is_portable)
{
    struct cipher *c = heap_must_alloc(heap, 1, sizeof *c);

    ASSERT((uintptr_t)c % 16 == 0);
    c->evp = EVP_CIPHER_fetch(NULL, "AES-256-GCM", NULL);
    ASSERT(c->evp != NULL);
    c->foreign.close = close_evp;
    heap_attach(heap, &c->foreign);
    c->is_portable = is_portable;
    memcpy(c->key, key, sizeof c->key);
    if (!is_portable)
        (void)crypto_aead_aes256gcm_beforenm(&c->state, key);
    return c;
}

struct cipher *cipher_new(struct heap *heap, const uint8_t key[CIPHER_KEY_SIZE])
{
    int is_ready = sodium_init();

    ASSERT(is_ready >= 0);
    return new_cipher(heap, key, crypto_aead_aes256gcm_is_available() == 0);
}

struct cipher *cipher_new_portable(struct heap *heap, const uint8_t key[CIPHER_KEY_SIZE])
{
    return new_cipher(heap, key, true);
}

void cipher_free(struct cipher *c)
{
    if (c == NULL)
        return;
    heap_foreign_close(&c->foreign);
    sodium_memzero(c, sizeof *c);
    heap_free(c);
}

void cipher_nonce(char nonce[CIPHER_NONCE_SIZE], uint64_t number)
{
    memset(nonce, 0, CIPHER_NONCE_SIZE);
    put_u64le(nonce, number);
}

/* ---- OpenSSL ---- */

static const unsigned char *bytes_of(const char *p)
{
    return (const unsigned char *)p;
}

/* A context per call, as a context is not for several threads. All that can fail is memory. */
static EVP_CIPHER_CTX *begin(const struct cipher *c, const char *nonce, slice bound, int seals)
{
    EVP_CIPHER_CTX *x = EVP_CIPHER_CTX_new();
    int             n, is_begun;

    ASSERT(x != NULL);
    is_begun = EVP_CipherInit_ex(x, c->evp, NULL, c->key, bytes_of(nonce), seals);
    ASSERT(is_begun == 1);
    if (bound.size > 0) {
        is_begun = EVP_CipherUpdate(x, NULL, &n, bytes_of(bound.data), (int)bound.size);
        ASSERT(is_begun == 1);
    }
    return x;
}

static void seal_portably(const struct cipher *c, const char *nonce, slice bound, char *data,
                          size_t size, char *tag)
{
    EVP_CIPHER_CTX *x = begin(c, nonce, bound, 1);
    unsigned char  *out = (unsigned char *)data;
    int             n = 0, rest = 0;
    bool            is_sealed;

    is_sealed = (size == 0 || EVP_CipherUpdate(x, out, &n, out, (int)size) == 1) &&
                EVP_CipherFinal_ex(x, out + n, &rest) == 1 &&
                EVP_CIPHER_CTX_ctrl(x, EVP_CTRL_GCM_GET_TAG, CIPHER_TAG_SIZE, tag) == 1;
    ASSERT(is_sealed);
    EVP_CIPHER_CTX_free(x);
}

static bool open_portably(const struct cipher *c, const char *nonce, slice bound, slice sealed,
                          const char *tag, char *data)
{
    EVP_CIPHER_CTX *x = begin(c, nonce, bound, 0);
    unsigned char  *out = (unsigned char *)data;
    char            copy[CIPHER_TAG_SIZE];
    int             n = 0, rest = 0;
    bool            holds;

    memcpy(copy, tag, sizeof copy);
    holds = (sealed.size == 0 ||
             EVP_CipherUpdate(x, out, &n, bytes_of(sealed.data), (int)sealed.size) == 1) &&
            EVP_CIPHER_CTX_ctrl(x, EVP_CTRL_GCM_SET_TAG, sizeof copy, copy) == 1 &&
            EVP_CipherFinal_ex(x, out + n, &rest) == 1;
    EVP_CIPHER_CTX_free(x);
    return holds;
}

static bool goes_to_openssl(const struct cipher *c, size_t size)
{
    return c->is_portable || size >= LARGE_SIZE;
}

/* ---- both ---- */

void cipher_seal(const struct cipher *c, const char nonce[CIPHER_NONCE_SIZE], slice bound,
                 char *data, size_t size, char tag[CIPHER_TAG_SIZE])
{
    char nothing = 0; /* libsodium takes no NULL, not even for no bytes */

    ASSERT(size <= INT32_MAX);
    if (data == NULL)
        data = &nothing;
    if (goes_to_openssl(c, size))
        seal_portably(c, nonce, bound, data, size, tag);
    else
        (void)crypto_aead_aes256gcm_encrypt_detached_afternm(
            (unsigned char *)data, (unsigned char *)tag, NULL, bytes_of(data), size,
            bytes_of(bound.data), bound.size, NULL, bytes_of(nonce), &c->state);
}

bool cipher_open(const struct cipher *c, const char nonce[CIPHER_NONCE_SIZE], slice bound,
                 slice sealed, const char tag[CIPHER_TAG_SIZE], char *data)
{
    if (sealed.size > INT32_MAX)
        return false;
    if (sealed.data == NULL)
        sealed.data = "";
    if (goes_to_openssl(c, sealed.size))
        return open_portably(c, nonce, bound, sealed, tag, data);
    return crypto_aead_aes256gcm_decrypt_detached_afternm(
               (unsigned char *)data, NULL, bytes_of(sealed.data), sealed.size, bytes_of(tag),
               bytes_of(bound.data), bound.size, bytes_of(nonce), &c->state) == 0;
}
