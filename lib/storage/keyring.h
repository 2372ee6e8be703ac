/* lib/storage/keyring.h: the keys of an encrypted store.
 *
 * The store key comes from outside and never touches the disk. It wraps the data keys, in the file
 * "keys" of the store (XChaCha20-Poly1305, docs/formats.md). Each file of the store has a key of
 * its own: BLAKE2b of a data key, a random salt and the file's header. So no pair of key and nonce
 * comes twice, whatever crashes and recycling do (pitfall X4), and a header that was changed opens
 * nothing. A new store key wraps the same data keys anew, and adds one for what is written from
 * then on: no data is written again (X5: the file is replaced as a whole, and data keys are never
 * dropped).
 *
 * A store is encrypted from its making on, in all its files, or not at all: were some allowed to be
 * plain, a forged plain file would pass. */
#ifndef LINERA_STORAGE_KEYRING_H
#define LINERA_STORAGE_KEYRING_H

#include "base/status.h"
#include "env/env.h"
#include "storage/cipher.h"

enum {
    STORE_KEY_SIZE = 32,
    KEYRING_FILE_SIZE_MAX = 64 << 10,
    FILE_SEAL_SIZE = 24,   /* in a file's header */
    RECORD_SEAL_SIZE = 28, /* what a sealed record is longer than its content */
};

struct keyring;

/* Whether the directory has a file of keys. */
bool             keyring_exists(struct env *env, const char *dir);
/* Make the first data key, and the file, durable with its name. `incarnation` is the store's. */
status MAY_YIELD keyring_create(struct env *env, const char *dir, const uint8_t incarnation[16],
                                const uint8_t store_key[STORE_KEY_SIZE], struct keyring **out)
    MUST_CHECK;
/* Read the file. When it is wrapped by `old_key` (NULL: there is none) it is wrapped anew by
 * `store_key`, with a new data key, durably. CONFIG_ERROR: neither key is the store's. CORRUPT. */
status MAY_YIELD keyring_open(struct env *env, const char *dir, const uint8_t incarnation[16],
                              const uint8_t *store_key, const uint8_t *old_key,
                              struct keyring **out) MUST_CHECK;
/* Wipes the keys. Accepts NULL. */
void             keyring_free(struct keyring *k);

/* Which key a file has; not secret. */
struct file_seal {
    uint64_t key_id; /* of the data key; never 0 */
    uint8_t  salt[16];
};

void             file_seal_put(struct buf *b, const struct file_seal *s);
/* From FILE_SEAL_SIZE bytes. */
struct file_seal file_seal_get(const char *p);

/* The seal of a new file: the newest data key, a random salt. */
struct file_seal keyring_new_seal(const struct keyring *k, struct env *env);
/* The key of the file of that seal and `header`, made ready; cipher_free() it. CORRUPT: there is no
 * such data key. CONFIG_ERROR: `k` is NULL, as the store was opened without a key. */
status keyring_cipher(const struct keyring *k, struct heap *heap, const struct file_seal *seal,
                      slice header, struct cipher **out) MUST_CHECK;

/* ---- records ----------------------------------------------------------------------------------
 * A sealed record's payload is a nonce, the encrypted content and its tag. An empty payload stays
 * empty. */

/* Bytes of the payload. */
size_t sealed_size(size_t content_size);
/* Append the sealed payload. `bound` is what of the record's header the tag answers for. */
void   seal_append(struct buf *b, const struct cipher *c, const char nonce[CIPHER_NONCE_SIZE],
                   slice bound, slice content);
/* Take it apart: the content goes to *plain, which is reset first. False: it does not hold. */
bool   seal_open(const struct cipher *c, slice bound, slice payload, struct buf *plain) MUST_CHECK;

/* ---- the file's bytes, for a fuzzer ------------------------------------------------------------
 */

/* Whether the bytes are a whole file of keys, whoever's. */
bool keyring_bytes_are_whole(slice bytes);

#endif
