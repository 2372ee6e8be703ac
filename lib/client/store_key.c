#include "client/store_key.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#include <sodium.h>

/* All there is, and whether there is more than could be a key. */
static size_t read_all(FILE *f, char *bytes, size_t size_max)
{
    size_t size = fread(bytes, 1, size_max, f);

    return size == size_max && fgetc(f) != EOF ? size_max + 1 : size;
}

static status read_file(const char *path, char *bytes, size_t size_max, size_t *size)
{
    FILE *f = fopen(path, "re");

    if (f == NULL)
        return status_new(ST_CONFIG_ERROR, "cannot read the store key \"%s\": %s", path,
                          strerror(errno));
    *size = read_all(f, bytes, size_max);
    fclose(f);
    return STATUS_OK;
}

static status read_command(const char *command, char *bytes, size_t size_max, size_t *size)
{
    FILE *f = popen(command, "re");
    int   end;

    if (f == NULL)
        return status_new(ST_CONFIG_ERROR, "cannot run \"%s\" for the store key: %s", command,
                          strerror(errno));
    *size = read_all(f, bytes, size_max);
    end = pclose(f);
    if (end == 0)
        return STATUS_OK;
    return status_new(ST_CONFIG_ERROR, "\"%s\", which should print the store key, ended with %d",
                      command, WIFEXITED(end) ? WEXITSTATUS(end) : 128 + WTERMSIG(end));
}

static size_t without_line_end(const char *bytes, size_t size)
{
    while (size > 0 && (bytes[size - 1] == '\n' || bytes[size - 1] == '\r'))
        size--;
    return size;
}

static bool parse(const char *bytes, size_t size, uint8_t key[STORE_KEY_BYTES])
{
    size_t digits = without_line_end(bytes, size), n;

    if (digits == 2 * STORE_KEY_BYTES)
        return sodium_hex2bin(key, STORE_KEY_BYTES, bytes, digits, NULL, &n, NULL) == 0 &&
               n == STORE_KEY_BYTES;
    if (size != STORE_KEY_BYTES)
        return false;
    memcpy(key, bytes, STORE_KEY_BYTES);
    return true;
}

status store_key_read(const char *source, uint8_t key[STORE_KEY_BYTES])
{
    char   bytes[2 * STORE_KEY_BYTES + 2];
    size_t size = 0;
    status st = source[0] == '|' ? read_command(source + 1, bytes, sizeof bytes, &size)
                                 : read_file(source, bytes, sizeof bytes, &size);

    if (st_ok(st) && (size > sizeof bytes || !parse(bytes, size, key)))
        st = status_hint(status_new(ST_CONFIG_ERROR,
                                    "\"%s\" is no store key: 32 bytes, or 64 hexadecimal digits",
                                    source),
                         "Make one with: openssl rand -hex 32");
    sodium_memzero(bytes, sizeof bytes);
    return st;
}
