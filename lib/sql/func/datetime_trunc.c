/* date_trunc() (PostgreSQL 15, section 9.9.2). */
#include "sql/func/datetime.h"

/* date_trunc() has fewer units: the others of extract() are unknown to it. */
static status unknown_trunc_field(slice f, const char *type)
{
    bool is_known =
        field_is(f, "week", "timezone") || field_is(f, "timezone_hour", "timezone_minute");

    return unit_refused(f, is_known, type);
}

enum {
    TRUNC_US,
    TRUNC_MS,
    TRUNC_SECOND,
    TRUNC_MINUTE,
    TRUNC_HOUR,
    TRUNC_DAY,
    TRUNC_WEEK,
    TRUNC_MONTH,
    TRUNC_QUARTER,
    TRUNC_YEAR,
    TRUNC_DECADE,
    TRUNC_CENTURY,
    TRUNC_MILLENNIUM
};

static int trunc_field(slice f)
{
    static const char *const names[] = {
        "microseconds", "milliseconds", "second", "minute", "hour",    "day",       "week",
        "month",        "quarter",      "year",   "decade", "century", "millennium"};

    for (int i = 0; i < (int)ARRAY_LEN(names); i++) {
        size_t n = strlen(names[i]);

        if (field_is(f, names[i], NULL) ||
            (f.size == n + 1 && strncasecmp(names[i], f.data, n) == 0 && (f.data[n] | 0x20) == 's'))
            return i;
    }
    return -1;
}

static int64_t first_year(int64_t year, int64_t span)
{
    return century_of(year, span) * span - (span - 1);
}

static void truncate_fields(struct civil *c, int field)
{
    if (field >= TRUNC_MILLENNIUM)
        c->year = first_year(c->year, 1000);
    else if (field >= TRUNC_CENTURY)
        c->year = first_year(c->year, 100);
    else if (field >= TRUNC_DECADE)
        c->year = floor_div(c->year, 10) * 10;
    if (field >= TRUNC_YEAR)
        c->month = 1;
    else if (field == TRUNC_QUARTER)
        c->month = (c->month - 1) / 3 * 3 + 1;
    if (field >= TRUNC_MONTH)
        c->day = 1;
    if (field >= TRUNC_DAY)
        c->hour = 0;
    if (field >= TRUNC_HOUR)
        c->minute = 0;
    if (field >= TRUNC_MINUTE)
        c->second = 0;
    if (field >= TRUNC_SECOND)
        c->us = 0;
    else if (field == TRUNC_MS)
        c->us = c->us / 1000 * 1000;
}

static status truncate(slice f, int64_t us, const char *type, int64_t *out)
{
    int          field = trunc_field(f);
    struct civil c;

    *out = us;
    if (field < 0)
        return unknown_trunc_field(f, type);
    if (!TIMESTAMP_IS_FINITE(us))
        return STATUS_OK;
    if (field == TRUNC_WEEK) {
        int64_t days = floor_div(us, US_PER_DAY);

        *out = (days - (day_of_week(days) + 6) % 7) * US_PER_DAY;
        return STATUS_OK;
    }
    timestamp_to_civil(us, &c);
    truncate_fields(&c, field);
    *out = civil_to_timestamp(&c);
    return STATUS_OK;
}

FN(timestamp_trunc)
{
    return truncate(args[0].s, args[1].i, "timestamp without time zone", &out->i);
}

static status truncate_in_zone(const struct time_zone *tz, slice f, int64_t us, datum *out)
{
    TRY_RETURN(truncate(f, utc_to_local(tz, us), "timestamp with time zone", &out->i));
    out->i = trunc_field(f) >= TRUNC_DAY
                 ? local_to_utc(tz, out->i)
                 : out->i - time_zone_offset_at(tz, us, NULL) * US_PER_SECOND;
    return STATUS_OK;
}

FN(timestamptz_trunc)
{
    return truncate_in_zone(zone_of(call), args[0].s, args[1].i, out);
}

FN(timestamptz_trunc_zone)
{
    const struct time_zone *tz;

    TRY_RETURN(zone_by_name(call, args[2].s, &tz));
    return truncate_in_zone(tz, args[0].s, args[1].i, out);
}

FN(interval_trunc)
{
    struct interval i = args[1].iv;
    int             field = trunc_field(args[0].s);

    if (field < 0 || field == TRUNC_WEEK)
        return unknown_trunc_field(args[0].s, "interval");
    if (field >= TRUNC_DAY)
        i.us = 0;
    if (field >= TRUNC_MONTH)
        i.days = 0;
    if (field >= TRUNC_YEAR)
        i.months = i.months / 12 * 12;
    else if (field == TRUNC_QUARTER)
        i.months = i.months / 3 * 3;
    if (field >= TRUNC_DECADE)
        i.months = i.months /
                   (field == TRUNC_DECADE    ? 120
                    : field == TRUNC_CENTURY ? 1200
                                             : 12000) *
                   (field == TRUNC_DECADE    ? 120
                    : field == TRUNC_CENTURY ? 1200
                                             : 12000);
    if (field < TRUNC_DAY) {
        static const int64_t us_units[] = {1, 1000, US_PER_SECOND, US_PER_MINUTE, US_PER_HOUR};

        i.us = i.us / us_units[field] * us_units[field];
    }
    out->iv = i;
    return STATUS_OK;
}
