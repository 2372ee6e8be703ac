#include "storage/store_files.h"

#include <inttypes.h>
#include <string.h>

#include "base/buf.h"

static const struct {
    const char *name, *suffix;
    int         digits; /* 0: the suffix is the whole name */
} files[] = {
#define STORE_FILE_ROW(kind, name, suffix, digits) {name, suffix, digits},
    STORE_FILES(STORE_FILE_ROW)
#undef STORE_FILE_ROW
};

const char *store_file_kind_name(enum store_file_kind kind)
{
    return files[kind].name;
}

/* "<digits><suffix>", however many digits. */
static bool has_number(const char *name, const char *suffix, uint64_t *number)
{
    const char *at = name;

    for (*number = 0; *at >= '0' && *at <= '9' && *number < UINT64_MAX / 20; at++)
        *number = *number * 10 + (uint64_t)(*at - '0');
    return at != name && strcmp(at, suffix) == 0;
}

static bool is_temporary(const char *name)
{
    const char *suffix = files[STORE_FILE_TEMPORARY].suffix;
    size_t      size = strlen(name), length = strlen(suffix);

    return size > length && strcmp(name + size - length, suffix) == 0;
}

enum store_file_kind store_file_kind(const char *name, uint64_t *number)
{
    for (unsigned kind = 0; kind < STORE_FILE_TEMPORARY; kind++) {
        if (files[kind].digits > 0 ? has_number(name, files[kind].suffix, number)
                                   : strcmp(name, files[kind].suffix) == 0) {
            *number = files[kind].digits > 0 ? *number : 0;
            return (enum store_file_kind)kind;
        }
    }
    *number = 0;
    return is_temporary(name) ? STORE_FILE_TEMPORARY : STORE_FILE_OTHER;
}

char *store_file_path(struct heap *heap, const char *dir, enum store_file_kind kind,
                      uint64_t number)
{
    struct buf b;

    buf_init(&b, heap);
    if (files[kind].digits > 0)
        buf_printf(&b, "%s/%0*" PRIu64 "%s", dir, files[kind].digits, number, files[kind].suffix);
    else
        buf_printf(&b, "%s/%s", dir, files[kind].suffix);
    buf_cstr(&b);
    return b.data;
}
