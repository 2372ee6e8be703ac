/* lib/storage/cipher.h: AES-256-GCM, authenticated encryption of what a store writes. Pure
 * functions.
 *
 * Small pieces go through libsodium, which has next to no cost per call, where the CPU has the
 * instructions; larger ones, and all where it has not, through OpenSSL, which encrypts twice as
 * many bytes a second (docs/benchmarks.md). The bytes are the same.
 *
 * A pair of key and nonce must never be used for two contents (pitfall X4): each file has a key of
 * its own (keyring.h), and whoever writes the file counts its nonces. */
#ifndef LINERA_STORAGE_CIPHER_H
#define LINERA_STORAGE_CIPHER_H

#include "base/buf.h"

enum {
    CIPHER_KEY_SIZE = 32,
    CIPHER_NONCE_SIZE = 12,
    CIPHER_TAG_SIZE = 16,
};

/* A key made ready. Never changes, so any number of threads may use it. */
struct cipher;

/* From `heap` (NULL: malloc's). The key is copied. */
struct cipher *cipher_new(struct heap *heap, const uint8_t key[CIPHER_KEY_SIZE]);
/* The same, all by OpenSSL, as where the CPU has no instructions for it: for tests. */
struct cipher *cipher_new_portable(struct heap *heap, const uint8_t key[CIPHER_KEY_SIZE]);
/* Wipes the key. Accepts NULL. */
void           cipher_free(struct cipher *c);

/* The number as a nonce. */
void cipher_nonce(char nonce[CIPHER_NONCE_SIZE], uint64_t number);

/* Encrypt `data` where it is; `tag` answers for it and for `bound`, which is not encrypted. */
void cipher_seal(const struct cipher *c, const char nonce[CIPHER_NONCE_SIZE], slice bound,
                 char *data, size_t size, char tag[CIPHER_TAG_SIZE]);
/* Decrypt `sealed` into `data`, which has room for as much and may be the same place. False, and
 * nothing of it may be used: it is not what was sealed with this key, nonce and `bound`. */
bool cipher_open(const struct cipher *c, const char nonce[CIPHER_NONCE_SIZE], slice bound,
                 slice sealed, const char tag[CIPHER_TAG_SIZE], char *data) MUST_CHECK;

#endif
