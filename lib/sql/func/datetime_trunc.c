/* date_trunc() (PostgreSQL 15, section 9.9.2). */
#include "sql/func/datetime.h"

/* Of the units of extract() only the zones are known here at all. */
static status unit_refused(const struct fn_call *call, slice name, const char *type)
{
    enum datetime_unit unit = datetime_unit_find(name);

    return datetime_unit_refused(
        call, name,
        unit <= UNIT_MILLENNIUM || (unit >= UNIT_TIMEZONE && unit <= UNIT_TIMEZONE_MINUTE), type);
}

static int64_t first_year(int64_t year, int64_t span)
{
    return century_of(year, span) * span - (span - 1);
}

static void truncate_fields(struct civil *c, enum datetime_unit field)
{
    if (field >= UNIT_MILLENNIUM)
        c->year = first_year(c->year, 1000);
    else if (field >= UNIT_CENTURY)
        c->year = first_year(c->year, 100);
    else if (field >= UNIT_DECADE)
        c->year = floor_div(c->year, 10) * 10;
    if (field >= UNIT_YEAR)
        c->month = 1;
    else if (field == UNIT_QUARTER)
        c->month = (c->month - 1) / 3 * 3 + 1;
    if (field >= UNIT_MONTH)
        c->day = 1;
    if (field >= UNIT_DAY)
        c->hour = 0;
    if (field >= UNIT_HOUR)
        c->minute = 0;
    if (field >= UNIT_MINUTE)
        c->second = 0;
    if (field >= UNIT_SECOND)
        c->us = 0;
    else if (field == UNIT_MILLISECOND)
        c->us = c->us / 1000 * 1000;
}

static status truncate(const struct fn_call *call, slice f, int64_t us, const char *type,
                       int64_t *out)
{
    enum datetime_unit field = datetime_unit_find(f);
    struct civil       c;

    *out = us;
    if (!TIMESTAMP_IS_FINITE(us))
        return STATUS_OK;
    if (field > UNIT_MILLENNIUM)
        return unit_refused(call, f, type);
    if (field == UNIT_WEEK) {
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
    return truncate(call, args[0].s, args[1].i, "timestamp without time zone", &out->i);
}

static status truncate_in_zone(const struct fn_call *call, const struct time_zone *tz, slice f,
                               int64_t us, datum *out)
{
    TRY_RETURN(truncate(call, f, utc_to_local(tz, us), "timestamp with time zone", &out->i));
    out->i = datetime_unit_find(f) >= UNIT_DAY
                 ? local_to_utc(tz, out->i)
                 : out->i - time_zone_offset_at(tz, us, NULL) * US_PER_SECOND;
    return STATUS_OK;
}

FN(timestamptz_trunc)
{
    return truncate_in_zone(call, zone_of(call), args[0].s, args[1].i, out);
}

FN(timestamptz_trunc_zone)
{
    const struct time_zone *tz;

    TRY_RETURN(zone_by_name(call, args[2].s, &tz));
    return truncate_in_zone(call, tz, args[0].s, args[1].i, out);
}

/* Months in the units from MONTH on. */
static int32_t months_in(enum datetime_unit field)
{
    switch (field) {
    case UNIT_QUARTER:
        return 3;
    case UNIT_YEAR:
        return 12;
    case UNIT_DECADE:
        return 120;
    case UNIT_CENTURY:
        return 1200;
    case UNIT_MILLENNIUM:
        return 12000;
    default:
        return 1;
    }
}

FN(interval_trunc)
{
    static const int64_t us_units[] = {1, 1000, US_PER_SECOND, US_PER_MINUTE, US_PER_HOUR};
    struct interval      i = args[1].iv;
    enum datetime_unit   field = datetime_unit_find(args[0].s);

    if (field == UNIT_WEEK)
        return status_detail(unit_refused(call, args[0].s, "interval"),
                             "Months usually have fractional weeks.");
    if (field > UNIT_MILLENNIUM)
        return unit_refused(call, args[0].s, "interval");
    if (field < UNIT_DAY)
        i.us = i.us / us_units[field] * us_units[field];
    else
        i.us = 0;
    if (field >= UNIT_MONTH)
        i.days = 0;
    i.months = i.months / months_in(field) * months_in(field);
    out->iv = i;
    return STATUS_OK;
}
