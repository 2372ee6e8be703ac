#include "kv/keys.h"

#include <errno.h>
#include <stdlib.h>

#include "base/compiler.h"

size_t key_put_ordered_u64(void *p, uint64_t v)
{
    uint8_t *at = p;
    size_t   size = 0;

    for (uint64_t rest = v; rest != 0; rest >>= 8)
        size++;
    at[0] = (uint8_t)size;
    for (size_t i = size; i > 0; i--, v >>= 8)
        at[i] = (uint8_t)v;
    return size + 1;
}

bool key_take_ordered_u64(slice *s, uint64_t *out)
{
    uint64_t v = 0;
    size_t   size;

    if (s->size == 0)
        return false;
    size = (uint8_t)s->data[0];
    /* A leading zero byte would give a number two spellings. */
    if (size > sizeof v || s->size < size + 1 || (size > 0 && s->data[1] == 0))
        return false;
    for (size_t i = 1; i <= size; i++)
        v = v << 8 | (uint8_t)s->data[i];
    *out = v;
    *s = slice_from(*s, size + 1);
    return true;
}

void buf_put_ordered_u64(struct buf *b, uint64_t v)
{
    b->size += key_put_ordered_u64(buf_reserve(b, KEY_ORDERED_U64_SIZE_MAX), v);
}

void key_append_system(struct buf *b)
{
    buf_put_u8(b, KEY_SPACE_SYSTEM);
}

void key_append_table(struct buf *b, uint64_t storage_id)
{
    buf_put_u8(b, KEY_SPACE_TABLE);
    buf_put_ordered_u64(b, storage_id);
}

void key_append_index(struct buf *b, uint64_t storage_id, uint64_t index_id)
{
    key_append_table(b, storage_id);
    buf_put_ordered_u64(b, index_id);
}

bool key_take_index(slice *key, uint64_t *storage_id, uint64_t *index_id)
{
    slice rest = slice_from(*key, 1);

    if (key->size == 0 || key->data[0] != KEY_SPACE_TABLE ||
        !key_take_ordered_u64(&rest, storage_id) || !key_take_ordered_u64(&rest, index_id))
        return false;
    *key = rest;
    return true;
}

slice key_group(slice key)
{
    slice    rest = key;
    uint64_t storage_id, index_id;

    if (key_take_index(&rest, &storage_id, &index_id))
        return slice_make(key.data, key.size - rest.size);
    return slice_make(key.data, MIN(key.size, (size_t)1));
}

static size_t prefix_end_size(slice prefix)
{
    size_t size = prefix.size;

    while (size > 0 && (uint8_t)prefix.data[size - 1] == 0xff)
        size--;
    return size;
}

void key_append_prefix_end(struct buf *b, slice prefix)
{
    size_t size = prefix_end_size(prefix);

    if (size == 0)
        return;
    buf_append(b, prefix.data, size);
    b->data[b->size - 1]++;
}

slice key_prefix_end(struct arena *a, slice prefix)
{
    size_t size = prefix_end_size(prefix);
    char  *end;

    if (size == 0)
        return SLICE_EMPTY;
    end = arena_alloc(a, size);
    memcpy(end, prefix.data, size);
    end[size - 1]++;
    return slice_make(end, size);
}

slice key_next(struct arena *a, slice key)
{
    /* arena_copy() puts a zero byte behind the copy. */
    slice next = arena_copy(a, key);

    next.size++;
    return next;
}

static const struct {
    uint8_t     space;
    const char *name;
} spaces[] = {
    {KEY_SPACE_LOCAL, "/local"},   {KEY_SPACE_META1, "/meta1"}, {KEY_SPACE_META2, "/meta2"},
    {KEY_SPACE_SYSTEM, "/system"}, {KEY_SPACE_TABLE, "/table"},
};

static const char *space_name(uint8_t space)
{
    for (size_t i = 0; i < ARRAY_LEN(spaces); i++)
        if (spaces[i].space == space)
            return spaces[i].name;
    return "";
}

const char *key_print(struct arena *a, slice key)
{
    static const char digits[] = "0123456789abcdef";
    const char       *head;
    slice             rest = key;
    uint64_t          storage_id, index_id;
    char             *hex;

    if (key.size == 0)
        return "/";
    if (key_take_index(&rest, &storage_id, &index_id)) {
        head = arena_printf(a, "/table/%llu/%llu", (unsigned long long)storage_id,
                            (unsigned long long)index_id);
    } else {
        /* A table's key without its ids would read as one that has them. */
        head = key.data[0] == KEY_SPACE_TABLE ? "" : space_name((uint8_t)key.data[0]);
        rest = slice_from(key, head[0] != '\0');
    }
    hex = arena_alloc(a, rest.size * 2 + 1);
    for (size_t i = 0; i < rest.size; i++) {
        hex[2 * i] = digits[(uint8_t)rest.data[i] >> 4];
        hex[2 * i + 1] = digits[rest.data[i] & 15];
    }
    hex[rest.size * 2] = '\0';
    return arena_printf(a, "%s/%s", head, hex);
}

/* "/<number>" off the front, as an ordered number into `b`. */
static bool take_id(const char **text, struct buf *b)
{
    char              *end;
    unsigned long long id;

    if (**text != '/' || (*text)[1] < '0' || (*text)[1] > '9')
        return false;
    errno = 0;
    id = strtoull(*text + 1, &end, 10);
    if (errno != 0 || (*end != '/' && *end != '\0'))
        return false;
    buf_put_ordered_u64(b, id);
    *text = end;
    return true;
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* "/<hex>", "/" or nothing, to the end. */
static bool take_hex(const char *text, struct buf *b)
{
    if (*text == '\0')
        return true;
    for (text++; text[0] != '\0'; text += 2) {
        int high = hex_digit(text[0]), low = high < 0 ? -1 : hex_digit(text[1]);

        if (low < 0)
            return false;
        buf_put_u8(b, (uint8_t)(high << 4 | low));
    }
    return true;
}

static bool parse_key(const char *text, struct buf *b)
{
    for (size_t i = 0; i < ARRAY_LEN(spaces); i++) {
        size_t size = strlen(spaces[i].name);

        if (strncmp(text, spaces[i].name, size) != 0 || (text[size] != '/' && text[size] != '\0'))
            continue;
        text += size;
        buf_put_u8(b, spaces[i].space);
        if (spaces[i].space == KEY_SPACE_TABLE && *text != '\0' &&
            (!take_id(&text, b) || (*text != '\0' && !take_id(&text, b))))
            return false;
        break;
    }
    return (*text == '/' || *text == '\0') && take_hex(text, b);
}

status key_parse(struct arena *a, const char *text, slice *out)
{
    struct buf b;
    bool       good;

    buf_init(&b, arena_heap(a));
    good = text[0] == '/' && parse_key(text, &b);
    if (good)
        *out = arena_copy(a, buf_slice(&b));
    buf_deinit(&b);
    return good ? STATUS_OK
                : status_hint(status_new(ST_INVALID_PARAMETER_VALUE, "\"%s\" is not a key", text),
                              "Keys read /table/<storage>/<index>/<hex>, /system/<hex> or /<hex>.");
}
