/* Keys, times and bytes as text, and back. */
#include <ctype.h>
#include <stdlib.h>
#include <time.h>

#include "base/keyenc.h"
#include "dump.h"
#include "kv/keys.h"
#include "storage/lsm/entry.h"

#define META_PREFIX "meta:"

const char *dump_hex(struct arena *a, slice bytes)
{
    static const char digits[] = "0123456789abcdef";
    char             *text = arena_alloc(a, 2 * bytes.size + 1);

    for (size_t i = 0; i < bytes.size; i++) {
        text[2 * i] = digits[(uint8_t)bytes.data[i] >> 4];
        text[2 * i + 1] = digits[bytes.data[i] & 15];
    }
    text[2 * bytes.size] = '\0';
    return text;
}

/* Meta keys that the layers above write are words; whatever else is there is a key in hex. */
static bool is_word(slice s)
{
    for (size_t i = 0; i < s.size; i++)
        if (!isgraph((unsigned char)s.data[i]) || s.data[i] == '.')
            return false;
    return s.size > 0 && s.data[0] != '/';
}

const char *dump_key(struct arena *a, slice key)
{
    slice rest = slice_from(key, 1);

    if (key.size == 0)
        return "";
    if ((uint8_t)key.data[0] == LSM_SPACE_DATA)
        return key_print(a, rest);
    if ((uint8_t)key.data[0] != LSM_SPACE_META)
        return "the end"; /* of all versioned keys */
    return is_word(rest) ? arena_printf(a, META_PREFIX "%.*s", SLICE_FMT(rest))
                         : arena_printf(a, META_PREFIX "%s", key_print(a, rest));
}

/* ---- columns of a table's key ----------------------------------------------------------------
 */

static void put_quoted(struct buf *out, slice s)
{
    bool text = true;

    for (size_t i = 0; i < s.size; i++)
        text = text && (unsigned char)s.data[i] >= ' ' && (unsigned char)s.data[i] != 0x7f;
    if (!text) {
        buf_append_cstr(out, "\\x");
        for (size_t i = 0; i < s.size; i++)
            buf_printf(out, "%02x", (unsigned)(uint8_t)s.data[i]);
        return;
    }
    buf_put_u8(out, '\'');
    for (size_t i = 0; i < s.size; i++)
        buf_printf(out, s.data[i] == '\'' ? "''" : "%c", s.data[i]);
    buf_put_u8(out, '\'');
}

static bool put_bytes(struct buf *out, slice *key)
{
    struct buf value;
    bool       good;

    buf_init(&value, NULL);
    good = keyenc_take_bytes(key, &value);
    if (good)
        put_quoted(out, buf_slice(&value));
    buf_deinit(&value);
    return good;
}

static bool put_integer(struct buf *out, slice *key)
{
    int64_t  v;
    uint64_t u;

    if (keyenc_take_int64(key, &v))
        buf_printf(out, "%" PRId64, v);
    else if (keyenc_take_uint64(key, &u))
        buf_printf(out, "%" PRIu64, u);
    else
        return false;
    return true;
}

static void put_decimal_digits(struct buf *out, const struct keyenc_decimal *v)
{
    buf_append_cstr(out, v->class == DECIMAL_NEGATIVE ? "-0." : "0.");
    for (size_t i = 0; i < v->digits.size; i++)
        buf_put_u8(out, (uint8_t)('0' + v->digits.data[i]));
    buf_printf(out, "e%" PRId64, v->exponent);
}

static bool put_decimal(struct buf *out, slice *key)
{
    static const char *const names[] = {[DECIMAL_NEG_INFINITY] = "-Infinity",
                                        [DECIMAL_ZERO] = "0",
                                        [DECIMAL_INFINITY] = "Infinity",
                                        [DECIMAL_NAN] = "NaN"};
    struct keyenc_decimal    v;
    struct buf               digits;
    bool                     good;

    buf_init(&digits, NULL);
    good = keyenc_take_decimal(key, &v, &digits);
    if (good && (v.class == DECIMAL_NEGATIVE || v.class == DECIMAL_POSITIVE))
        put_decimal_digits(out, &v);
    else if (good)
        buf_append_cstr(out, names[v.class]);
    buf_deinit(&digits);
    return good;
}

static bool put_value(struct buf *out, slice *key)
{
    uint8_t raw[16];
    double  real;
    bool    truth;

    switch (keyenc_peek(*key)) {
    case KEYENC_NULL:
        buf_append_cstr(out, "null");
        return keyenc_take_null(key);
    case KEYENC_BOOL:
        if (!keyenc_take_bool(key, &truth))
            return false;
        buf_append_cstr(out, truth ? "true" : "false");
        return true;
    case KEYENC_INT:
        return put_integer(out, key);
    case KEYENC_DOUBLE:
        if (!keyenc_take_double(key, &real))
            return false;
        buf_printf(out, "%.17g", real);
        return true;
    case KEYENC_BYTES:
        return put_bytes(out, key);
    case KEYENC_RAW16:
        if (!keyenc_take_raw16(key, raw))
            return false;
        for (int i = 0; i < 16; i++)
            buf_printf(out, i == 4 || i == 6 || i == 8 || i == 10 ? "-%02x" : "%02x", raw[i]);
        return true;
    case KEYENC_DECIMAL:
        return put_decimal(out, key);
    case KEYENC_END:
        buf_append_cstr(out, "end");
        return keyenc_take_end(key);
    case KEYENC_INVALID:
        return false;
    }
    return false;
}

const char *dump_columns(struct arena *a, slice key)
{
    slice       rest = slice_from(key, 1);
    uint64_t    storage, index;
    struct buf  out;
    const char *text = NULL;
    bool        good;

    if (key.size == 0 || (uint8_t)key.data[0] != LSM_SPACE_DATA ||
        !key_take_index(&rest, &storage, &index))
        return NULL;
    buf_init(&out, NULL);
    for (good = true; good && rest.size > 0;) {
        buf_append_cstr(&out, out.size > 0 ? ", " : "");
        good = put_value(&out, &rest);
    }
    if (good)
        text = arena_cstr(a, buf_slice(&out));
    buf_deinit(&out);
    return text;
}

/* ---- times -----------------------------------------------------------------------------------
 */

const char *dump_time_us(struct arena *a, uint64_t us)
{
    time_t    seconds = (time_t)(us / 1000000);
    struct tm tm;

    if (gmtime_r(&seconds, &tm) == NULL)
        return NULL;
    return arena_printf(a, "%04d-%02d-%02dT%02d:%02d:%02d.%06dZ", tm.tm_year + 1900, tm.tm_mon + 1,
                        tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec, (int)(us % 1000000));
}

const char *dump_time(struct arena *a, hlc_ts ts)
{
    return dump_time_us(a, hlc_wall_us(ts));
}

/* Up to six digits behind the point, as microseconds; where they end. */
static const char *take_fraction(const char *at, uint64_t *us)
{
    uint64_t unit = 100000;

    *us = 0;
    if (*at != '.')
        return at;
    for (at++; isdigit((unsigned char)*at); at++, unit /= 10)
        *us += unit * (uint64_t)(*at - '0');
    return at;
}

/* "Z", "+02:00", "-0130": seconds east of UTC. */
static bool take_offset(const char *at, long *seconds)
{
    int  hours, minutes, used = 0;
    char sign;

    *seconds = 0;
    if (strcmp(at, "Z") == 0 || strcmp(at, "z") == 0)
        return true;
    if (sscanf(at, "%c%2d:%2d%n", &sign, &hours, &minutes, &used) != 3 || at[used] != '\0' ||
        (sign != '+' && sign != '-'))
        return false;
    *seconds = (sign == '-' ? -1L : 1L) * (hours * 3600L + minutes * 60L);
    return true;
}

static bool parse_rfc3339(const char *text, hlc_ts *out)
{
    struct tm   tm = {0};
    int         used = 0;
    uint64_t    us;
    const char *at;
    long        offset;
    time_t      seconds;
    char        between;

    if (sscanf(text, "%4d-%2d-%2d%c%2d:%2d:%2d%n", &tm.tm_year, &tm.tm_mon, &tm.tm_mday, &between,
               &tm.tm_hour, &tm.tm_min, &tm.tm_sec, &used) != 7 ||
        strchr("Tt ", between) == NULL)
        return false;
    at = take_fraction(text + used, &us);
    if (!take_offset(at, &offset))
        return false;
    tm.tm_year -= 1900;
    tm.tm_mon -= 1;
    seconds = timegm(&tm) - offset;
    if (seconds < 0)
        return false;
    *out = hlc_make((uint64_t)seconds * 1000000 + us, 0);
    return true;
}

static bool is_number(const char *text)
{
    return text[0] != '\0' && text[strspn(text, "0123456789")] == '\0';
}

status dump_parse_time(const char *text, hlc_ts *out)
{
    if (is_number(text) && strlen(text) > 15) { /* the number itself, as the column ts has it */
        *out = strtoull(text, NULL, 10);
        return STATUS_OK;
    }
    if (parse_rfc3339(text, out) || hlc_parse(slice_cstr(text), out))
        return STATUS_OK;
    return status_hint(status_new(ST_INVALID_PARAMETER_VALUE, "\"%s\" is not a time", text),
                       "times read 2026-01-31T12:00:00Z");
}

/* ---- bounds ----------------------------------------------------------------------------------
 */

/* A key with the byte of its space; an empty text gives an empty one. */
static status parse_key(struct arena *a, const char *text, slice *out)
{
    size_t prefix = sizeof META_PREFIX - 1;
    bool   meta = strncmp(text, META_PREFIX, prefix) == 0;
    char   space = meta ? LSM_SPACE_META : LSM_SPACE_DATA;
    slice  key;
    char  *bytes;

    *out = SLICE_EMPTY;
    if (*text == '\0')
        return STATUS_OK;
    text += meta ? prefix : 0;
    if (meta && *text != '/')
        key = slice_cstr(text);
    else
        TRY_RETURN(key_parse(a, text, &key));
    bytes = arena_alloc(a, key.size + 1);
    bytes[0] = space;
    if (key.size > 0)
        memcpy(bytes + 1, key.data, key.size);
    *out = slice_make(bytes, key.size + 1);
    return STATUS_OK;
}

status dump_parse_keys(struct arena *a, const char *text, slice *start, slice *end)
{
    const char *dots = strstr(text, "..");

    if (dots == NULL) {
        TRY_RETURN(parse_key(a, text, start));
        *end = key_prefix_end(a, *start);
        return STATUS_OK;
    }
    TRY_RETURN(parse_key(a, arena_cstr(a, slice_make(text, (size_t)(dots - text))), start));
    TRY_RETURN(parse_key(a, dots + 2, end));
    if (end->size > 0 && slice_cmp(*start, *end) >= 0)
        return status_new(ST_INVALID_PARAMETER_VALUE, "no key is in \"%s\"", text);
    return STATUS_OK;
}
