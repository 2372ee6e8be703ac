/* extract() and date_part() (PostgreSQL 15, section 9.9.1). Both take the part from the value once;
 * extract() prints its exact digits as a numeric, date_part() gives float8. */
#include <math.h>

#include "sql/func/datetime.h"
#include "sql/types/numeric.h"
#include "sql/types/timetz.h"
#include "sql/types/type.h"

struct part {
    int128_t scaled; /* times 10^-scale */
    int      scale;
    double   value; /* what date_part() gives, where that is not the same divided */
    bool     has_value, null;
    int      infinite; /* sign of an infinite one, 0: finite */
    bool     has_day_us;
    int64_t  day_us; /* julian: the time of day, whose share of the day is added */
};

static void set_part(struct part *p, int128_t scaled, int scale)
{
    p->scaled = scaled;
    p->scale = scale;
}

static void set_value(struct part *p, double value)
{
    p->value = value;
    p->has_value = true;
}

static bool time_part(enum datetime_unit unit, int64_t us, struct part *p)
{
    int64_t in_minute = us % US_PER_MINUTE, second = in_minute / US_PER_SECOND,
            rest = in_minute % US_PER_SECOND;

    switch (unit) {
    case UNIT_HOUR:
        set_part(p, us / US_PER_HOUR, 0);
        return true;
    case UNIT_MINUTE:
        set_part(p, us / US_PER_MINUTE % 60, 0);
        return true;
    case UNIT_SECOND:
        set_part(p, in_minute, 6);
        set_value(p, (double)second + (double)rest / 1e6);
        return true;
    case UNIT_MILLISECOND:
        set_part(p, in_minute, 3);
        set_value(p, (double)second * 1000.0 + (double)rest / 1000.0);
        return true;
    case UNIT_MICROSECOND:
        set_part(p, in_minute, 0);
        return true;
    default:
        return false;
    }
}

int64_t century_of(int64_t year, int64_t span)
{
    return year > 0 ? (year + span - 1) / span : -((span - 1 - (year - 1)) / span);
}

static int64_t iso_year_of(int64_t days)
{
    int64_t year;
    int     week;

    iso_week(days, &year, &week);
    return year > 0 ? year : year - 1;
}

static bool date_part_of(enum datetime_unit unit, int64_t days, struct part *p)
{
    struct civil c;
    int64_t      iso_year, v;
    int          week;

    days_to_civil(days, &c);
    switch (unit) {
    case UNIT_YEAR:
        v = c.year > 0 ? c.year : c.year - 1;
        break;
    case UNIT_MONTH:
        v = c.month;
        break;
    case UNIT_DAY:
        v = c.day;
        break;
    case UNIT_QUARTER:
        v = (c.month - 1) / 3 + 1;
        break;
    case UNIT_DOW:
        v = day_of_week(days);
        break;
    case UNIT_ISODOW:
        v = (day_of_week(days) + 6) % 7 + 1;
        break;
    case UNIT_DOY:
        v = day_of_year(days);
        break;
    case UNIT_WEEK:
        iso_week(days, &iso_year, &week);
        v = week;
        break;
    case UNIT_ISOYEAR:
        v = iso_year_of(days);
        break;
    case UNIT_DECADE:
        v = floor_div(c.year, 10);
        break;
    case UNIT_CENTURY:
        v = century_of(c.year, 100);
        break;
    case UNIT_MILLENNIUM:
        v = century_of(c.year, 1000);
        break;
    default:
        return false;
    }
    set_part(p, v, 0);
    return true;
}

/* Of an infinite time, what grows for ever is infinite and what comes round is null. */
static bool infinite_part(enum datetime_unit unit, int sign, bool has_time, struct part *p)
{
    switch (unit) {
    case UNIT_YEAR:
    case UNIT_DECADE:
    case UNIT_CENTURY:
    case UNIT_MILLENNIUM:
    case UNIT_JULIAN:
    case UNIT_ISOYEAR:
    case UNIT_EPOCH:
        p->infinite = sign;
        set_value(p, sign * HUGE_VAL);
        return true;
    case UNIT_OTHER:
    case UNIT_UNKNOWN:
        return false;
    case UNIT_MICROSECOND:
    case UNIT_MILLISECOND:
    case UNIT_SECOND:
    case UNIT_MINUTE:
    case UNIT_HOUR:
    case UNIT_TIMEZONE:
    case UNIT_TIMEZONE_HOUR:
    case UNIT_TIMEZONE_MINUTE:
        p->null = true;
        return has_time;
    default:
        p->null = true;
        return true;
    }
}

static bool zone_part(enum datetime_unit unit, int32_t east_s, struct part *p)
{
    if (unit == UNIT_TIMEZONE)
        set_part(p, east_s, 0);
    else if (unit == UNIT_TIMEZONE_HOUR)
        set_part(p, east_s / 3600, 0);
    else if (unit == UNIT_TIMEZONE_MINUTE)
        set_part(p, east_s / 60 % 60, 0);
    else
        return false;
    return true;
}

static bool part_of_local(enum datetime_unit unit, int64_t local, struct part *p)
{
    int64_t days = floor_div(local, US_PER_DAY), of_day = local - days * US_PER_DAY;

    if (unit == UNIT_JULIAN) {
        set_part(p, days - DATE_MIN, 0);
        p->has_day_us = true;
        p->day_us = of_day;
        set_value(p, (double)(days - DATE_MIN) + ((double)(of_day / US_PER_SECOND) +
                                                  (double)(of_day % US_PER_SECOND) / 1e6) /
                                                     86400.0);
        return true;
    }
    return time_part(unit, of_day, p) || date_part_of(unit, days, p);
}

static status part_of_timestamp(struct fn_call *call, slice name, int64_t us, bool has_zone,
                                struct part *p)
{
    const struct time_zone *tz = has_zone ? zone_of(call) : NULL;
    enum datetime_unit      unit = datetime_unit_find(name);
    const char *type = has_zone ? "timestamp with time zone" : "timestamp without time zone";

    if (unit == UNIT_UNKNOWN)
        return datetime_unit_refused(call, name, false, type);
    if (!TIMESTAMP_IS_FINITE(us)) {
        if (infinite_part(unit, us > 0 ? 1 : -1, true, p))
            return STATUS_OK;
    } else if (unit == UNIT_EPOCH) {
        set_part(p, (int128_t)us + UNIX_EPOCH_US, 6);
        return STATUS_OK;
    } else if (part_of_local(unit, utc_to_local(tz, us), p) ||
               (has_zone && zone_part(unit, time_zone_offset_at(tz, us, NULL), p))) {
        return STATUS_OK;
    }
    return datetime_unit_refused(call, name, true, type);
}

/* extract(field FROM date). */
static status part_of_date(struct fn_call *call, slice name, int64_t days, struct part *p)
{
    enum datetime_unit unit = datetime_unit_find(name);

    if (unit == UNIT_UNKNOWN)
        return datetime_unit_refused(call, name, false, "date");
    if (!DATE_IS_FINITE(days)) {
        if (infinite_part(unit, days > 0 ? 1 : -1, false, p))
            return STATUS_OK;
    } else if (unit == UNIT_EPOCH) {
        set_part(p, days * 86400 + UNIX_EPOCH_US / US_PER_SECOND, 0);
        return STATUS_OK;
    } else if (unit == UNIT_JULIAN) {
        set_part(p, days - DATE_MIN, 0);
        return STATUS_OK;
    } else if (date_part_of(unit, days, p)) {
        return STATUS_OK;
    }
    return datetime_unit_refused(call, name, true, "date");
}

/* date_part(field, date) takes the date for a timestamp. */
static status part_of_date_as_timestamp(struct fn_call *call, slice name, int64_t days,
                                        struct part *p)
{
    int64_t us;

    TRY_RETURN(date_to_timestamp(days, &us));
    return part_of_timestamp(call, name, us, false, p);
}

static status part_of_time(struct fn_call *call, slice name, int64_t us, struct part *p)
{
    enum datetime_unit unit = datetime_unit_find(name);

    if (unit == UNIT_EPOCH)
        set_part(p, us, 6);
    else if (!time_part(unit, us, p))
        return datetime_unit_refused(call, name, unit != UNIT_UNKNOWN, "time without time zone");
    return STATUS_OK;
}

static status part_of_timetz(struct fn_call *call, slice name, datum v, struct part *p)
{
    enum datetime_unit unit = datetime_unit_find(name);

    if (unit == UNIT_EPOCH) {
        set_part(p, (int128_t)timetz_us(v) + timetz_west_s(v) * US_PER_SECOND, 6);
        set_value(p, (double)timetz_us(v) / 1e6 + timetz_west_s(v));
    } else if (!time_part(unit, timetz_us(v), p) && !zone_part(unit, -timetz_west_s(v), p)) {
        return datetime_unit_refused(call, name, unit != UNIT_UNKNOWN, "time with time zone");
    }
    return STATUS_OK;
}

/* A year is 365.25 days, a month of its rest 30. */
static void epoch_of_interval(struct interval i, struct part *p)
{
    const int64_t year_s = 31557600;
    int64_t       rest_days = (int64_t)(i.months % 12) * 30;

    set_part(p,
             i.us + ((int128_t)i.days + rest_days) * US_PER_DAY +
                 (int128_t)(i.months / 12) * year_s * US_PER_SECOND,
             6);
    set_value(p, (double)i.us / 1e6 + (double)year_s * (i.months / 12) +
                     (double)rest_days * 86400.0 + 86400.0 * i.days);
}

static status part_of_interval(struct fn_call *call, slice name, struct interval i, struct part *p)
{
    enum datetime_unit unit = datetime_unit_find(name);

    if (time_part(unit, i.us, p))
        return STATUS_OK;
    switch (unit) {
    case UNIT_DAY:
        set_part(p, i.days, 0);
        return STATUS_OK;
    case UNIT_MONTH:
        set_part(p, i.months % 12, 0);
        return STATUS_OK;
    case UNIT_QUARTER:
        set_part(p, i.months % 12 / 3 + 1, 0);
        return STATUS_OK;
    case UNIT_YEAR:
        set_part(p, i.months / 12, 0);
        return STATUS_OK;
    case UNIT_DECADE:
        set_part(p, i.months / 120, 0);
        return STATUS_OK;
    case UNIT_CENTURY:
        set_part(p, i.months / 1200, 0);
        return STATUS_OK;
    case UNIT_MILLENNIUM:
        set_part(p, i.months / 12000, 0);
        return STATUS_OK;
    case UNIT_EPOCH:
        epoch_of_interval(i, p);
        return STATUS_OK;
    default:
        return datetime_unit_refused(call, name, unit != UNIT_UNKNOWN, "interval");
    }
}

/* ---- results ----------------------------------------------------------------------------------
 */

static status give_float(status st, const struct part *p, datum *out, bool *null)
{
    static const double powers[] = {1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6};

    out->f = p->has_value ? p->value : (double)p->scaled / powers[p->scale];
    *null = p->null;
    return st;
}

/* days + day_us / (us of a day), with the digits that numeric division gives. */
static status add_share_of_day(struct arena *a, int64_t day_us, datum *out)
{
    slice share;

    TRY_RETURN(
        numeric_div(a, numeric_from_int64(a, day_us), numeric_from_int64(a, US_PER_DAY), &share));
    return numeric_add(a, out->s, share, &out->s);
}

static status give_numeric(struct fn_call *call, status st, const struct part *p, datum *out,
                           bool *null)
{
    *null = p->null;
    if (!st_ok(st) || p->null)
        return st;
    if (p->infinite != 0)
        out->s =
            numeric_special(call->arena, p->infinite > 0 ? NUMERIC_INFINITY : NUMERIC_NEG_INFINITY);
    else
        out->s = numeric_from_scaled(call->arena, p->scaled, (unsigned)p->scale);
    return p->has_day_us ? add_share_of_day(call->arena, p->day_us, out) : STATUS_OK;
}

#define PARTS(suffix, date_part_call, extract_call)                                                \
    FN(suffix##_part)                                                                              \
    {                                                                                              \
        struct part p = {0};                                                                       \
        status      st = date_part_call;                                                           \
                                                                                                   \
        return give_float(st, &p, out, null);                                                      \
    }                                                                                              \
    FN(extract_##suffix)                                                                           \
    {                                                                                              \
        struct part p = {0};                                                                       \
        status      st = extract_call;                                                             \
                                                                                                   \
        return give_numeric(call, st, &p, out, null);                                              \
    }
#define PARTS_ALIKE(suffix, part_call) PARTS(suffix, part_call, part_call)

PARTS_ALIKE(timestamp, part_of_timestamp(call, args[0].s, args[1].i, false, &p))
PARTS_ALIKE(timestamptz, part_of_timestamp(call, args[0].s, args[1].i, true, &p))
PARTS_ALIKE(time, part_of_time(call, args[0].s, args[1].i, &p))
PARTS_ALIKE(timetz, part_of_timetz(call, args[0].s, args[1], &p))
PARTS_ALIKE(interval, part_of_interval(call, args[0].s, args[1].iv, &p))
PARTS(date, part_of_date_as_timestamp(call, args[0].s, args[1].i, &p),
      part_of_date(call, args[0].s, args[1].i, &p))
