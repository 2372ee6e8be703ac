/* extract() and date_part() (PostgreSQL 15, section 9.9.1). */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "sql/func/datetime.h"
#include "sql/types/type.h"

struct part {
    double  value;  /* date_part() */
    int64_t scaled; /* extract(): times 10^-scale */
    int     scale;
    bool    null;
};

static void set_part(struct part *p, int64_t scaled, int scale)
{
    p->scaled = scaled;
    p->scale = scale;
    p->value = (double)scaled / pow(10, scale);
}

static bool time_part(slice f, int64_t us, struct part *p)
{
    int64_t in_minute = us % US_PER_MINUTE;

    if (field_is(f, "hour", "hours"))
        set_part(p, us / US_PER_HOUR, 0);
    else if (field_is(f, "minute", "minutes"))
        set_part(p, us / US_PER_MINUTE % 60, 0);
    else if (field_is(f, "second", "seconds"))
        set_part(p, in_minute, 6);
    else if (field_is(f, "milliseconds", "millisecond"))
        set_part(p, in_minute, 3);
    else if (field_is(f, "microseconds", "microsecond"))
        set_part(p, in_minute, 0);
    else
        return false;
    return true;
}

int64_t century_of(int64_t year, int64_t span)
{
    return year > 0 ? (year + span - 1) / span : -((span - 1 - (year - 1)) / span);
}

static bool date_part_of(slice f, int64_t days, struct part *p)
{
    struct civil c;
    int64_t      iso_year;
    int          week;

    days_to_civil(days, &c);
    iso_week(days, &iso_year, &week);
    if (field_is(f, "year", "years"))
        set_part(p, c.year > 0 ? c.year : c.year - 1, 0);
    else if (field_is(f, "month", "months"))
        set_part(p, c.month, 0);
    else if (field_is(f, "day", "days"))
        set_part(p, c.day, 0);
    else if (field_is(f, "quarter", NULL))
        set_part(p, (c.month - 1) / 3 + 1, 0);
    else if (field_is(f, "dow", NULL))
        set_part(p, day_of_week(days), 0);
    else if (field_is(f, "isodow", NULL))
        set_part(p, (day_of_week(days) + 6) % 7 + 1, 0);
    else if (field_is(f, "doy", NULL))
        set_part(p, day_of_year(days), 0);
    else if (field_is(f, "week", NULL))
        set_part(p, week, 0);
    else if (field_is(f, "isoyear", NULL))
        set_part(p, iso_year > 0 ? iso_year : iso_year - 1, 0);
    else if (field_is(f, "decade", NULL))
        set_part(p, floor_div(c.year, 10), 0);
    else if (field_is(f, "century", NULL))
        set_part(p, century_of(c.year, 100), 0);
    else if (field_is(f, "millennium", NULL))
        set_part(p, century_of(c.year, 1000), 0);
    else
        return false;
    return true;
}

status unit_refused(slice unit, bool is_known, const char *type)
{
    if (is_known)
        return status_new(ST_FEATURE_NOT_SUPPORTED, "unit \"%.*s\" not supported for type %s",
                          SLICE_FMT(unit), type);
    return status_new(ST_INVALID_PARAMETER_VALUE, "unit \"%.*s\" not recognized for type %s",
                      SLICE_FMT(unit), type);
}

/* A unit that the type does not have, or that no type has. */
static status unknown_field(slice f, const char *type)
{
    static const char *const names[] = {"century",       "day",
                                        "decade",        "dow",
                                        "doy",           "epoch",
                                        "hour",          "isodow",
                                        "isoyear",       "julian",
                                        "microseconds",  "millennium",
                                        "minute",        "month",
                                        "milliseconds",  "quarter",
                                        "second",        "week",
                                        "year",          "timezone",
                                        "timezone_hour", "timezone_minute"};
    bool                     is_known = false;

    for (size_t i = 0; i < ARRAY_LEN(names) && !is_known; i++)
        is_known = field_is(f, names[i], NULL);
    return unit_refused(f, is_known, type);
}

/* date_trunc() has fewer units: the others of extract() are unknown to it. */
static status part_of_timestamp(slice f, int64_t us, const struct time_zone *tz, bool zone,
                                struct part *p)
{
    int64_t local = zone ? utc_to_local(tz, us) : us;
    int64_t days = floor_div(local, US_PER_DAY);

    if (!TIMESTAMP_IS_FINITE(us)) {
        p->null = !field_is(f, "epoch", NULL) && !field_is(f, "year", "years");
        p->value = us > 0 ? INFINITY : -INFINITY;
        p->scale = -1;
        return STATUS_OK;
    }
    if (time_part(f, local - days * US_PER_DAY, p) || date_part_of(f, days, p))
        return STATUS_OK;
    if (field_is(f, "epoch", NULL))
        set_part(p, us + UNIX_EPOCH_US, 6);
    else if (field_is(f, "julian", NULL))
        set_part(p, (days - DATE_MIN) * US_PER_SECOND + (local - days * US_PER_DAY) / 86400, 6);
    else if (zone && field_is(f, "timezone", NULL))
        set_part(p, time_zone_offset_at(tz, us, NULL), 0);
    else if (zone && field_is(f, "timezone_hour", NULL))
        set_part(p, time_zone_offset_at(tz, us, NULL) / 3600, 0);
    else if (zone && field_is(f, "timezone_minute", NULL))
        set_part(p, time_zone_offset_at(tz, us, NULL) / 60 % 60, 0);
    else
        return unknown_field(f, zone ? "timestamp with time zone" : "timestamp without time zone");
    return STATUS_OK;
}

static status part_of_interval(slice f, struct interval i, struct part *p)
{
    if (time_part(f, i.us, p))
        return STATUS_OK;
    if (field_is(f, "year", "years"))
        set_part(p, i.months / 12, 0);
    else if (field_is(f, "month", "months"))
        set_part(p, i.months % 12, 0);
    else if (field_is(f, "day", "days"))
        set_part(p, i.days, 0);
    else if (field_is(f, "quarter", NULL))
        set_part(p, i.months % 12 / 3 + 1, 0);
    else if (field_is(f, "decade", NULL))
        set_part(p, i.months / 120, 0);
    else if (field_is(f, "century", NULL))
        set_part(p, i.months / 1200, 0);
    else if (field_is(f, "millennium", NULL))
        set_part(p, i.months / 12000, 0);
    else if (field_is(f, "epoch", NULL)) /* a year is 365.25 days, a month of its rest 30 */
        set_part(p,
                 i.us + (i.days + (int64_t)(i.months % 12) * 30) * US_PER_DAY +
                     (int64_t)(i.months / 12) * 31557600 * US_PER_SECOND,
                 6);
    else
        return unknown_field(f, "interval");
    return STATUS_OK;
}

static status part_of_date(slice f, int64_t days, struct part *p)
{
    if (!DATE_IS_FINITE(days))
        return part_of_timestamp(f, date_to_us(days), NULL, false, p);
    if (date_part_of(f, days, p))
        return STATUS_OK;
    if (field_is(f, "epoch", NULL))
        set_part(p, days * 86400 + UNIX_EPOCH_US / US_PER_SECOND, 0);
    else if (field_is(f, "julian", NULL))
        set_part(p, days - DATE_MIN, 0);
    else
        return unknown_field(f, "date");
    return STATUS_OK;
}

static status part_of_time(slice f, int64_t us, struct part *p)
{
    if (time_part(f, us, p))
        return STATUS_OK;
    if (field_is(f, "epoch", NULL))
        set_part(p, us, 6);
    else
        return unknown_field(f, "time without time zone");
    return STATUS_OK;
}

/* date_part() gives float8. */
static status give_float(status st, const struct part *p, datum *out, bool *null)
{
    out->f = p->value;
    *null = p->null;
    return st;
}

/* extract() gives numeric, with the digits that the field has. */
static status give_numeric(struct fn_call *call, status st, const struct part *p, datum *out,
                           bool *null)
{
    const struct type *t = type_by_oid(OID_NUMERIC);
    char               text[64];
    int64_t            unit = 1;

    if (!st_ok(st))
        return st;
    *null = p->null;
    if (p->null)
        return STATUS_OK;
    for (int i = 0; i < p->scale; i++)
        unit *= 10;
    if (p->scale < 0)
        snprintf(text, sizeof text, "%s", p->value > 0 ? "Infinity" : "-Infinity");
    else if (p->scale == 0)
        snprintf(text, sizeof text, "%lld", (long long)p->scaled);
    else
        snprintf(text, sizeof text, "%s%lld.%0*lld", p->scaled < 0 ? "-" : "",
                 llabs(p->scaled / unit), p->scale, llabs(p->scaled % unit));
    return t->input(call->context, call->arena, t, slice_cstr(text), -1, out);
}

#define PARTS(suffix, call_part)                                                                   \
    FN(suffix##_part)                                                                              \
    {                                                                                              \
        struct part p = {0};                                                                       \
        status      st = call_part;                                                                \
                                                                                                   \
        return give_float(st, &p, out, null);                                                      \
    }                                                                                              \
    FN(extract_##suffix)                                                                           \
    {                                                                                              \
        struct part p = {0};                                                                       \
        status      st = call_part;                                                                \
                                                                                                   \
        return give_numeric(call, st, &p, out, null);                                              \
    }

PARTS(timestamp, part_of_timestamp(args[0].s, args[1].i, NULL, false, &p))
PARTS(timestamptz, part_of_timestamp(args[0].s, args[1].i, zone_of(call), true, &p))
PARTS(date, part_of_date(args[0].s, args[1].i, &p))
PARTS(time, part_of_time(args[0].s, args[1].i, &p))
PARTS(interval, part_of_interval(args[0].s, args[1].iv, &p))
