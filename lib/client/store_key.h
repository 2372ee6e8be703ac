/* lib/client/store_key.h: the key of an encrypted store, as programs are given it: --store-key
 * FILE, or --store-key '|COMMAND' for one that a key manager holds. */
#ifndef LINERA_CLIENT_STORE_KEY_H
#define LINERA_CLIENT_STORE_KEY_H

#include <stdint.h>

#include "base/status.h"

enum { STORE_KEY_BYTES = 32 };

/* Read the file, or what the command behind '|' prints, which /bin/sh runs: 32 bytes, or 64
 * hexadecimal digits and a line's end. CONFIG_ERROR, with nothing of the key in it. Blocks. */
status store_key_read(const char *source, uint8_t key[STORE_KEY_BYTES]) MUST_CHECK;

#endif
