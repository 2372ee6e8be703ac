#include "sql/types/type.h"

#include "base/keyenc.h"
#include "sql/func/tables.h"
#include "sql/types/calendar.h"
#include "sql/types/numeric.h"
#include "sql/types/ops.h"
#include "sql/types/string.h"

const struct type *type_by_oid(uint32_t oid)
{
    size_t low = 0, high = type_table_count;

    while (low < high) {
        size_t middle = (low + high) / 2;

        if (type_table[middle].oid < oid)
            low = middle + 1;
        else
            high = middle;
    }
    return low < type_table_count && type_table[low].oid == oid ? &type_table[low] : NULL;
}

const struct type *type_by_name(slice name)
{
    size_t low = 0, high = type_table_by_name_count;

    while (low < high) {
        size_t             middle = (low + high) / 2;
        const struct type *t = &type_table[type_table_by_name[middle]];
        int                c = slice_cmp(slice_cstr(t->name), name);

        if (c == 0)
            return t;
        if (c < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

const struct type *type_at(size_t position)
{
    return position < type_table_count ? &type_table[position] : NULL;
}

const char *type_format(struct arena *a, uint32_t oid, int32_t typmod)
{
    const struct type *t = type_by_oid(oid);
    const struct type *element;
    struct buf b       SCOPED(buf) = {0};
    const char        *modified;

    if (oid == 0)
        return "-";
    if (t == NULL)
        return "???";
    element = t->element_oid != 0 && t->name[0] == '_' ? type_by_oid(t->element_oid) : t;
    if (typmod < 0 && element->oid != OID_BPCHAR)
        return t->sql_name;
    /* Without a length, char would mean char(1): bpchar says that there is none. PostgreSQL prints
     * it so only where a modifier was asked for; format_type(oid, NULL) is the sql_name. */
    if (typmod < 0)
        return element == t ? "bpchar" : "bpchar[]";
    if (element->typmod_output == NULL)
        return t->sql_name;
    buf_init(&b, arena_heap(a));
    /* "timestamp(3) with time zone": the modifier follows the first word of the time types. */
    modified = strstr(element->sql_name, " with");
    if (modified != NULL)
        buf_append(&b, element->sql_name, (size_t)(modified - element->sql_name));
    else
        buf_append_cstr(&b, element->sql_name);
    element->typmod_output(typmod, &b);
    if (modified != NULL)
        buf_append_cstr(&b, modified);
    if (element != t)
        buf_append_cstr(&b, "[]");
    return arena_cstr(a, buf_slice(&b));
}

/* ---- rows -------------------------------------------------------------------------------------
 */

void type_value_encode(const struct type *t, datum v, struct buf *out)
{
    switch (t->datum_kind) {
    case DATUM_BOOL:
        buf_put_u8(out, v.b);
        return;
    case DATUM_INT:
        buf_put_varint(out, zigzag(v.i));
        return;
    case DATUM_FLOAT: {
        uint64_t bits;

        memcpy(&bits, &v.f, sizeof bits);
        buf_put_u64le(out, bits);
        return;
    }
    case DATUM_SLICE:
        buf_put_sized(out, v.s);
        return;
    case DATUM_INTERVAL:
        buf_put_varint(out, zigzag(v.iv.us));
        buf_put_varint(out, zigzag(v.iv.days));
        buf_put_varint(out, zigzag(v.iv.months));
        return;
    case DATUM_UUID:
        buf_append(out, v.uuid, sizeof v.uuid);
        return;
    }
}

static bool take_int(slice *in, int64_t min, int64_t max, int64_t *out)
{
    uint64_t v;

    if (!take_varint(in, &v))
        return false;
    *out = unzigzag(v);
    return *out >= min && *out <= max;
}

static bool decode_value(const struct type *t, slice *in, datum *out)
{
    slice   bytes;
    int64_t days, months;

    switch (t->datum_kind) {
    case DATUM_BOOL:
        if (!take_bytes(in, 1, &bytes) || (uint8_t)bytes.data[0] > 1)
            return false;
        out->b = bytes.data[0] != 0;
        return true;
    case DATUM_INT:
        return take_int(in, INT64_MIN, INT64_MAX, &out->i);
    case DATUM_FLOAT: {
        uint64_t bits;

        if (!take_bytes(in, 8, &bytes))
            return false;
        bits = get_u64le(bytes.data);
        memcpy(&out->f, &bits, sizeof bits);
        return true;
    }
    case DATUM_SLICE:
        return take_sized(in, &out->s);
    case DATUM_INTERVAL:
        if (!take_int(in, INT64_MIN, INT64_MAX, &out->iv.us) ||
            !take_int(in, INT32_MIN, INT32_MAX, &days) ||
            !take_int(in, INT32_MIN, INT32_MAX, &months))
            return false;
        out->iv.days = (int32_t)days;
        out->iv.months = (int32_t)months;
        return true;
    case DATUM_UUID:
        if (!take_bytes(in, 16, &bytes))
            return false;
        memcpy(out->uuid, bytes.data, 16);
        return true;
    }
    return false;
}

static bool integer_is_sound(const struct type *t, int64_t v)
{
    if (t->oid == OID_TIME)
        return v >= 0 && v <= US_PER_DAY;
    switch (t->size) {
    case 1:
        return v >= INT8_MIN && v <= UINT8_MAX;
    case 2:
        return v >= INT16_MIN && v <= INT16_MAX;
    case 4: /* signed numbers and days; OIDs have no sign */
        return v >= INT32_MIN && v <= UINT32_MAX;
    default:
        return true;
    }
}

bool type_value_is_sound(const struct type *t, datum v)
{
    if (t->datum_kind == DATUM_INT)
        return integer_is_sound(t, v.i);
    if (t->datum_kind != DATUM_SLICE)
        return true;
    if (t->oid == OID_NUMERIC)
        return numeric_is_sound(v.s);
    return t->oid != OID_TIMETZ || timetz_is_sound(v.s);
}

status type_value_decode(const struct type *t, slice *in, datum *out)
{
    memset(out, 0, sizeof *out);
    if (!decode_value(t, in, out) || !type_value_is_sound(t, *out))
        return status_new(ST_CORRUPT, "a stored value of type %s is damaged", t->sql_name);
    return STATUS_OK;
}

datum datum_copy(struct arena *a, const struct type *t, datum v)
{
    if (t->datum_kind == DATUM_SLICE)
        v.s = arena_copy(a, v.s);
    return v;
}

/* ---- shared pieces ------------------------------------------------------------------------------
 */

status type_syntax_error(const struct type *t, slice text)
{
    return status_new(ST_INVALID_TEXT, "invalid input syntax for type %s: \"%.*s\"", t->sql_name,
                      SLICE_FMT(text));
}

status type_range_error(const struct type *t, slice text)
{
    return status_new(ST_NUMERIC_OUT_OF_RANGE, "value \"%.*s\" is out of range for type %s",
                      SLICE_FMT(text), t->sql_name);
}

status type_receive_size(slice bytes, size_t size)
{
    if (bytes.size < size)
        return status_new(ST_PROTOCOL_VIOLATION, "insufficient data left in message");
    if (bytes.size > size)
        return status_new(ST_INVALID_BINARY, "incorrect binary data format");
    return STATUS_OK;
}

static bool is_space(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

slice type_trim(slice text)
{
    while (text.size > 0 && is_space(text.data[0]))
        text = slice_from(text, 1);
    while (text.size > 0 && is_space(text.data[text.size - 1]))
        text.size--;
    return text;
}

bool type_parse_int64(slice text, int64_t *out, bool *overflow)
{
    int64_t v = 0;
    bool    negative = false;

    *overflow = false;
    text = type_trim(text);
    if (text.size > 0 && (text.data[0] == '-' || text.data[0] == '+')) {
        negative = text.data[0] == '-';
        text = slice_from(text, 1);
    }
    if (text.size == 0)
        return false;
    for (size_t i = 0; i < text.size; i++) {
        int digit = text.data[i] - '0';

        if (digit < 0 || digit > 9)
            return false;
        /* Collected below zero, where the range is larger by one. */
        if (!*overflow &&
            (__builtin_mul_overflow(v, 10, &v) || __builtin_sub_overflow(v, digit, &v)))
            *overflow = true;
    }
    if (*overflow || (!negative && v == INT64_MIN)) {
        *overflow = true;
        return false;
    }
    *out = negative ? v : -v;
    return true;
}

/* ---- types without values
 * ------------------------------------------------------------------------ */

status void_input(struct sql_context *c, struct arena *a, const struct type *t, slice text,
                  int32_t typmod, datum *out)
{
    (void)c, (void)a, (void)t, (void)text, (void)typmod;
    out->s = SLICE_EMPTY;
    return STATUS_OK;
}

status void_output(struct sql_context *c, const struct type *t, datum v, struct buf *out)
{
    (void)c, (void)t, (void)v, (void)out;
    return STATUS_OK;
}

status void_receive(struct sql_context *c, struct arena *a, const struct type *t, slice bytes,
                    int32_t typmod, datum *out)
{
    return void_input(c, a, t, bytes, typmod, out);
}

status void_send(struct sql_context *c, const struct type *t, datum v, struct buf *out)
{
    return void_output(c, t, v, out);
}

status pseudo_input(struct sql_context *c, struct arena *a, const struct type *t, slice text,
                    int32_t typmod, datum *out)
{
    (void)c, (void)a, (void)text, (void)typmod, (void)out;
    return status_new(ST_FEATURE_NOT_SUPPORTED, "cannot accept a value of type %s", t->name);
}

status pseudo_output(struct sql_context *c, const struct type *t, datum v, struct buf *out)
{
    if (t->oid == OID_ANYARRAY) /* pg_stats: an array knows its element type */
        return array_output(c, t, v, out);
    return status_new(ST_FEATURE_NOT_SUPPORTED, "cannot display a value of type %s", t->name);
}

status pseudo_receive(struct sql_context *c, struct arena *a, const struct type *t, slice bytes,
                      int32_t typmod, datum *out)
{
    return pseudo_input(c, a, t, bytes, typmod, out);
}

status pseudo_send(struct sql_context *c, const struct type *t, datum v, struct buf *out)
{
    return pseudo_output(c, t, v, out);
}

status none_input(struct sql_context *c, struct arena *a, const struct type *t, slice text,
                  int32_t typmod, datum *out)
{
    (void)c, (void)a, (void)text, (void)typmod, (void)out;
    return status_new(ST_FEATURE_NOT_SUPPORTED, "type %s is not supported", t->sql_name);
}

status none_output(struct sql_context *c, const struct type *t, datum v, struct buf *out)
{
    (void)c, (void)v, (void)out;
    return status_new(ST_FEATURE_NOT_SUPPORTED, "type %s is not supported", t->sql_name);
}

status none_receive(struct sql_context *c, struct arena *a, const struct type *t, slice bytes,
                    int32_t typmod, datum *out)
{
    return none_input(c, a, t, bytes, typmod, out);
}

status none_send(struct sql_context *c, const struct type *t, datum v, struct buf *out)
{
    return none_output(c, t, v, out);
}

status key_corrupt(const char *type)
{
    return status_new(ST_CORRUPT, "a key does not hold a value of type %s where one is due", type);
}

void nested_key_encode(const struct type *t, datum v, struct buf *out, bool *exact)
{
    struct buf key SCOPED(buf);

    buf_init(&key, out->heap);
    if (t->element_oid == 0 && t->oid != OID_RECORD) {
        t->key_encode(v, out, exact);
        return;
    }
    t->key_encode(v, &key, exact);
    keyenc_put_bytes(out, buf_slice(&key), KEY_ASC);
}
