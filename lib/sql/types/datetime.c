/* date, time, timetz, timestamp, timestamptz, interval as data types. */
#include "base/hmap.h"
#include "base/keyenc.h"
#include "sql/types/calendar.h"
#include "sql/types/ops.h"
#include "sql/types/timetz.h"
#include "sql/types/timezone.h"

static const struct time_zone *session_zone(const struct sql_context *c)
{
    return c != NULL ? c->settings.time_zone : NULL;
}

static int64_t now_us(const struct sql_context *c)
{
    return c != NULL ? c->txn_start_us : 0;
}

static int64_t us_of_day(const struct civil *c)
{
    return c->hour * US_PER_HOUR + c->minute * US_PER_MINUTE + c->second * US_PER_SECOND + c->us;
}

static status out_of_range(const char *what, slice text)
{
    return status_new(ST_DATETIME_OVERFLOW, "%s out of range: \"%.*s\"", what, SLICE_FMT(text));
}

static int32_t zone_offset_of(const struct sql_context *c, const struct datetime_text *d,
                              int64_t local_us)
{
    if (d->has_zone)
        return d->zone != NULL ? time_zone_offset_local(d->zone, local_us) : d->zone_s;
    return time_zone_offset_local(session_zone(c), local_us);
}

/* ---- date
 * --------------------------------------------------------------------------------------------------------
 */

status date_input(struct sql_context *c, struct arena *a, const struct type *t, slice text,
                  int32_t typmod, datum *out)
{
    struct datetime_text d;
    int64_t              now;

    (void)a, (void)t, (void)typmod;
    TRY_RETURN(datetime_parse(c, "date", text, &d));
    switch (d.special) {
    case SPECIAL_INFINITY:
        out->i = DATE_INFINITY;
        return STATUS_OK;
    case SPECIAL_NEG_INFINITY:
        out->i = DATE_NEG_INFINITY;
        return STATUS_OK;
    case SPECIAL_EPOCH:
        out->i = civil_to_days(1970, 1, 1);
        return STATUS_OK;
    case SPECIAL_NOW:
        now = now_us(c) + time_zone_offset_at(session_zone(c), now_us(c), NULL) * US_PER_SECOND;
        out->i = now / US_PER_DAY - (now % US_PER_DAY < 0);
        return STATUS_OK;
    default:
        break;
    }
    if (!d.has_date)
        return status_new(ST_INVALID_DATETIME_FORMAT,
                          "invalid input syntax for type date: \"%.*s\"", SLICE_FMT(text));
    out->i = civil_to_days(d.civil.year, d.civil.month, d.civil.day);
    return out->i >= DATE_MIN && out->i < DATE_END ? STATUS_OK : out_of_range("date", text);
}

status date_output(struct sql_context *c, const struct type *t, datum v, struct buf *out)
{
    (void)t;
    datetime_format_date(c, v.i, out);
    return STATUS_OK;
}

status date_receive(struct sql_context *c, struct arena *a, const struct type *t, slice bytes,
                    int32_t typmod, datum *out)
{
    (void)c, (void)a, (void)t, (void)typmod;
    TRY_RETURN(type_receive_size(bytes, 4));
    out->i = (int32_t)get_u32be(bytes.data);
    if (DATE_IS_FINITE(out->i) && (out->i < DATE_MIN || out->i >= DATE_END))
        return status_new(ST_DATETIME_OVERFLOW, "date out of range");
    return STATUS_OK;
}

status date_send(struct sql_context *c, const struct type *t, datum v, struct buf *out)
{
    (void)c, (void)t;
    buf_put_u32be(out, (uint32_t)v.i);
    return STATUS_OK;
}

/* ---- time
 * ----------------------------------------------------------------------------------------------------------
 */

status time_input(struct sql_context *c, struct arena *a, const struct type *t, slice text,
                  int32_t typmod, datum *out)
{
    struct datetime_text d;

    (void)a, (void)t;
    TRY_RETURN(datetime_parse(c, "time", text, &d));
    if (d.special == SPECIAL_NOW) {
        int64_t now =
            now_us(c) + time_zone_offset_at(session_zone(c), now_us(c), NULL) * US_PER_SECOND;

        out->i = ((now % US_PER_DAY) + US_PER_DAY) % US_PER_DAY;
    } else if (d.special != SPECIAL_NONE || !d.has_time) {
        return status_new(ST_INVALID_DATETIME_FORMAT,
                          "invalid input syntax for type time: \"%.*s\"", SLICE_FMT(text));
    } else {
        out->i = us_of_day(&d.civil);
    }
    out->i = us_round(out->i, typmod);
    return STATUS_OK;
}

status time_output(struct sql_context *c, const struct type *t, datum v, struct buf *out)
{
    (void)c, (void)t;
    datetime_format_time(v.i, out);
    return STATUS_OK;
}

status time_receive(struct sql_context *c, struct arena *a, const struct type *t, slice bytes,
                    int32_t typmod, datum *out)
{
    (void)c, (void)a, (void)t;
    TRY_RETURN(type_receive_size(bytes, 8));
    out->i = (int64_t)get_u64be(bytes.data);
    if (out->i < 0 || out->i > US_PER_DAY)
        return status_new(ST_DATETIME_OVERFLOW, "time out of range");
    out->i = us_round(out->i, typmod);
    return STATUS_OK;
}

status time_send(struct sql_context *c, const struct type *t, datum v, struct buf *out)
{
    (void)c, (void)t;
    buf_put_u64be(out, (uint64_t)v.i);
    return STATUS_OK;
}

/* ---- timetz
 * ----------------------------------------------------------------------------------------------------------
 */

/* PostgreSQL's limits: a day, and sixteen hours east or west. */
static bool timetz_in_range(int64_t us, int64_t west_s)
{
    return us >= 0 && us <= US_PER_DAY && west_s > -16 * 3600 && west_s < 16 * 3600;
}

bool timetz_is_sound(slice v)
{
    datum d = {.s = v};

    return v.size == TIMETZ_SIZE && timetz_in_range(timetz_us(d), timetz_west_s(d));
}

status timetz_input(struct sql_context *c, struct arena *a, const struct type *t, slice text,
                    int32_t typmod, datum *out)
{
    struct datetime_text d;
    int64_t              now = now_us(c), local;

    (void)t;
    TRY_RETURN(datetime_parse(c, "time with time zone", text, &d));
    if (d.special != SPECIAL_NONE || !d.has_time)
        return status_new(ST_INVALID_DATETIME_FORMAT,
                          "invalid input syntax for type time with time zone: \"%.*s\"",
                          SLICE_FMT(text));
    local = d.has_date ? civil_to_timestamp(&d.civil) : now;
    *out = timetz_pack(a, us_round(us_of_day(&d.civil), typmod), -zone_offset_of(c, &d, local));
    return STATUS_OK;
}

status timetz_output(struct sql_context *c, const struct type *t, datum v, struct buf *out)
{
    (void)c, (void)t;
    datetime_format_time(timetz_us(v), out);
    datetime_format_zone(-timetz_west_s(v), out);
    return STATUS_OK;
}

status timetz_receive(struct sql_context *c, struct arena *a, const struct type *t, slice bytes,
                      int32_t typmod, datum *out)
{
    int64_t us;
    int32_t west;

    (void)c, (void)t;
    TRY_RETURN(type_receive_size(bytes, TIMETZ_SIZE));
    us = (int64_t)get_u64be(bytes.data);
    west = (int32_t)get_u32be(bytes.data + 8);
    if (us < 0 || us > US_PER_DAY)
        return status_new(ST_DATETIME_OVERFLOW, "time out of range");
    if (west <= -16 * 3600 || west >= 16 * 3600)
        return status_new(ST_INVALID_TIME_ZONE, "time zone displacement out of range");
    *out = timetz_pack(a, us_round(us, typmod), west);
    return STATUS_OK;
}

status timetz_send(struct sql_context *c, const struct type *t, datum v, struct buf *out)
{
    (void)c, (void)t;
    buf_put_u64be(out, (uint64_t)timetz_us(v));
    buf_put_u32be(out, (uint32_t)timetz_west_s(v));
    return STATUS_OK;
}

/* By the instant in UTC; of two at the same instant the one further west is the greater. */
int timetz_compare(datum a, datum b)
{
    int64_t x = timetz_us(a) + timetz_west_s(a) * US_PER_SECOND,
            y = timetz_us(b) + timetz_west_s(b) * US_PER_SECOND;

    if (x != y)
        return x < y ? -1 : 1;
    return (timetz_west_s(a) > timetz_west_s(b)) - (timetz_west_s(a) < timetz_west_s(b));
}

uint64_t timetz_hash(datum v)
{
    return hash_bytes(v.s.data, v.s.size, 0);
}

void timetz_key_encode(datum v, struct buf *out, bool *exact)
{
    (void)exact;
    keyenc_put_int64(out, timetz_us(v) + timetz_west_s(v) * US_PER_SECOND, KEY_ASC);
    keyenc_put_int64(out, timetz_west_s(v), KEY_ASC);
}

status timetz_key_decode(struct arena *a, slice *key, datum *out)
{
    int64_t us, west;

    if (!keyenc_take_int64(key, &us) || !keyenc_take_int64(key, &west) || west <= -16 * 3600 ||
        west >= 16 * 3600 || us < INT64_MIN / 2 || us > INT64_MAX / 2 ||
        !timetz_in_range(us - west * US_PER_SECOND, west))
        return status_new(ST_CORRUPT, "a key does not hold a time with time zone where one is due");
    *out = timetz_pack(a, us - west * US_PER_SECOND, (int32_t)west);
    return STATUS_OK;
}

/* ---- timestamp, timestamptz
 * ---------------------------------------------------------------------------------------------- */

static status timestamp_from_text(struct sql_context *c, slice text, bool zone, int32_t typmod,
                                  int64_t *out)
{
    struct datetime_text d;

    TRY_RETURN(datetime_parse(c, zone ? "timestamp with time zone" : "timestamp", text, &d));
    switch (d.special) {
    case SPECIAL_INFINITY:
        *out = TIMESTAMP_INFINITY;
        return STATUS_OK;
    case SPECIAL_NEG_INFINITY:
        *out = TIMESTAMP_NEG_INFINITY;
        return STATUS_OK;
    case SPECIAL_EPOCH:
        *out = civil_to_days(1970, 1, 1) * US_PER_DAY;
        return STATUS_OK;
    case SPECIAL_NOW:
        *out = now_us(c) +
               (zone ? 0 : time_zone_offset_at(session_zone(c), now_us(c), NULL) * US_PER_SECOND);
        return STATUS_OK;
    default:
        break;
    }
    if (!d.has_date)
        return status_new(ST_INVALID_DATETIME_FORMAT, "invalid input syntax for type %s: \"%.*s\"",
                          zone ? "timestamp with time zone" : "timestamp", SLICE_FMT(text));
    if (d.civil.year < -4713 || d.civil.year > 294277)
        return out_of_range("timestamp", text);
    *out = civil_to_timestamp(&d.civil);
    if (zone)
        *out -= zone_offset_of(c, &d, *out) * US_PER_SECOND;
    *out = us_round(*out, typmod);
    return *out >= TIMESTAMP_MIN && *out < TIMESTAMP_END ? STATUS_OK
                                                         : out_of_range("timestamp", text);
}

status timestamp_input(struct sql_context *c, struct arena *a, const struct type *t, slice text,
                       int32_t typmod, datum *out)
{
    (void)a;
    return timestamp_from_text(c, text, t->oid == OID_TIMESTAMPTZ, typmod, &out->i);
}

status timestamp_output(struct sql_context *c, const struct type *t, datum v, struct buf *out)
{
    datetime_format_timestamp(c, v.i, t->oid == OID_TIMESTAMPTZ, out);
    return STATUS_OK;
}

status timestamp_receive(struct sql_context *c, struct arena *a, const struct type *t, slice bytes,
                         int32_t typmod, datum *out)
{
    (void)c, (void)a, (void)t;
    TRY_RETURN(type_receive_size(bytes, 8));
    out->i = (int64_t)get_u64be(bytes.data);
    if (!TIMESTAMP_IS_FINITE(out->i))
        return STATUS_OK;
    out->i = us_round(out->i, typmod);
    return timestamp_check_range(out->i);
}

status timestamp_send(struct sql_context *c, const struct type *t, datum v, struct buf *out)
{
    (void)c, (void)t;
    buf_put_u64be(out, (uint64_t)v.i);
    return STATUS_OK;
}

/* ---- interval
 * ---------------------------------------------------------------------------------------------------------------
 */

/* The typmod holds a mask of fields in its upper half and the precision in its lower; 0xffff is
 * none. */
int32_t interval_fields(int32_t typmod)
{
    return typmod < 0 ? INTERVAL_ALL_FIELDS : typmod >> 16 & INTERVAL_ALL_FIELDS;
}

/* What is smaller than the smallest field goes; larger parts stay, named or not: '100 days' is a
 * fine INTERVAL MINUTE. */
static struct interval interval_cut(struct interval i, int32_t fields)
{
    if (fields < INTERVAL_HOUR)
        i.us = 0;
    else if (fields < INTERVAL_MINUTE)
        i.us -= i.us % US_PER_HOUR;
    else if (fields < INTERVAL_SECOND)
        i.us -= i.us % US_PER_MINUTE;
    if (fields < INTERVAL_DAY)
        i.days = 0;
    if (fields == INTERVAL_YEAR)
        i.months -= i.months % 12;
    return i;
}

struct interval interval_apply_typmod(struct interval i, int32_t typmod)
{
    int precision = typmod & 0xffff;

    i = interval_cut(i, interval_fields(typmod));
    if (typmod >= 0 && precision <= 6)
        i.us = us_round(i.us, precision);
    return i;
}

status interval_input(struct sql_context *c, struct arena *a, const struct type *t, slice text,
                      int32_t typmod, datum *out)
{
    (void)c, (void)a, (void)t;
    TRY_RETURN(interval_parse(text, interval_fields(typmod), &out->iv));
    out->iv = interval_apply_typmod(out->iv, typmod);
    return STATUS_OK;
}

status interval_output(struct sql_context *c, const struct type *t, datum v, struct buf *out)
{
    (void)t;
    interval_format(c, v.iv, out);
    return STATUS_OK;
}

status interval_receive(struct sql_context *c, struct arena *a, const struct type *t, slice bytes,
                        int32_t typmod, datum *out)
{
    (void)c, (void)a, (void)t;
    TRY_RETURN(type_receive_size(bytes, 16));
    out->iv =
        interval_apply_typmod((struct interval){.us = (int64_t)get_u64be(bytes.data),
                                                .days = (int32_t)get_u32be(bytes.data + 8),
                                                .months = (int32_t)get_u32be(bytes.data + 12)},
                              typmod);
    return STATUS_OK;
}

status interval_send(struct sql_context *c, const struct type *t, datum v, struct buf *out)
{
    (void)c, (void)t;
    buf_put_u64be(out, (uint64_t)v.iv.us);
    buf_put_u32be(out, (uint32_t)v.iv.days);
    buf_put_u32be(out, (uint32_t)v.iv.months);
    return STATUS_OK;
}

int interval_compare(datum a, datum b)
{
    int128_t x = interval_span(a.iv), y = interval_span(b.iv);

    return (x > y) - (x < y);
}

uint64_t interval_hash(datum v)
{
    int128_t span = interval_span(v.iv);

    return hash_bytes(&span, sizeof span, 0);
}

/* Equal intervals differ in their parts (1 month, 30 days), so the key is the span and does not
 * give the value back. */
void interval_key_encode(datum v, struct buf *out, bool *exact)
{
    int128_t span = interval_span(v.iv);
    uint8_t  raw[16];

    put_u64be(raw, (uint64_t)((uint128_t)span >> 64) ^ (UINT64_C(1) << 63));
    put_u64be(raw + 8, (uint64_t)span);
    keyenc_put_raw16(out, raw, KEY_ASC);
    *exact = false;
}

status interval_key_decode(struct arena *a, slice *key, datum *out)
{
    uint8_t raw[16];

    (void)a;
    *out = (datum){.i = 0};
    return keyenc_take_raw16(key, raw)
               ? STATUS_OK
               : status_new(ST_CORRUPT, "a key does not hold an interval where one is due");
}

/* ---- typmods: the number of digits of a second
 * -------------------------------------------------------------------------------- */

status precision_typmod_input(const int32_t *args, size_t count, int32_t *out)
{
    if (count != 1 || args[0] < 0)
        return status_new(ST_INVALID_PARAMETER_VALUE, "invalid type modifier");
    *out = MIN(args[0], 6);
    return STATUS_OK;
}

void precision_typmod_output(int32_t typmod, struct buf *out)
{
    if (typmod >= 0)
        buf_printf(out, "(%d)", typmod);
}

/* INTERVAL_FULL_RANGE in the upper half; fields ("YEAR TO MONTH") come from the grammar in its
 * place. */
status interval_typmod_input(const int32_t *args, size_t count, int32_t *out)
{
    int32_t fields = count > 0 ? args[0] & 0x7fff : 0x7fff,
            precision = count > 1 ? MIN(args[1], 6) : 0xffff;

    if (count == 0 || count > 2 || precision < 0)
        return status_new(ST_INVALID_PARAMETER_VALUE, "invalid type modifier");
    *out = fields << 16 | precision;
    return STATUS_OK;
}

static void put_fields(int32_t fields, struct buf *out)
{
    static const struct {
        int32_t     field;
        const char *name;
    } names[] = {{INTERVAL_YEAR, "year"}, {INTERVAL_MONTH, "month"},   {INTERVAL_DAY, "day"},
                 {INTERVAL_HOUR, "hour"}, {INTERVAL_MINUTE, "minute"}, {INTERVAL_SECOND, "second"}};
    const char *first = NULL, *last = NULL;

    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        if (fields & names[i].field) {
            first = first == NULL ? names[i].name : first;
            last = names[i].name;
        }
    buf_printf(out, first == last ? " %s" : " %s to %s", first, last);
}

void interval_typmod_output(int32_t typmod, struct buf *out)
{
    if (interval_fields(typmod) != INTERVAL_ALL_FIELDS)
        put_fields(interval_fields(typmod), out);
    if (typmod >= 0 && (typmod & 0xffff) != 0xffff)
        buf_printf(out, "(%d)", typmod & 0xffff);
}
