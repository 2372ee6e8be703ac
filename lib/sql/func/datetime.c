/* Arithmetic, comparison and parts of dates, times and intervals (PostgreSQL 15, section 9.9). */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#include "base/checked.h"
#include "env/env.h"
#include "sql/func/implement.h"
#include "sql/types/calendar.h"
#include "sql/types/ops.h"
#include "sql/types/timezone.h"

static const struct time_zone *zone_of(const struct fn_call *call)
{
    return call->context != NULL ? call->context->settings.time_zone : NULL;
}

static int64_t floor_div(int64_t a, int64_t b)
{
    return a / b - (a % b < 0);
}

static status overflow(const char *what)
{
    return status_new(ST_DATETIME_OVERFLOW, "%s out of range", what);
}

/* ---- conversions
 * -------------------------------------------------------------------------------------------------
 */

static int64_t date_to_us(int64_t days)
{
    if (days == DATE_INFINITY)
        return TIMESTAMP_INFINITY;
    return days == DATE_NEG_INFINITY ? TIMESTAMP_NEG_INFINITY : days * US_PER_DAY;
}

static int64_t local_to_utc(const struct time_zone *tz, int64_t local)
{
    return TIMESTAMP_IS_FINITE(local) ? local - time_zone_offset_local(tz, local) * US_PER_SECOND
                                      : local;
}

static int64_t utc_to_local(const struct time_zone *tz, int64_t utc)
{
    return TIMESTAMP_IS_FINITE(utc) ? utc + time_zone_offset_at(tz, utc, NULL) * US_PER_SECOND
                                    : utc;
}

static int64_t us_to_date(int64_t us)
{
    if (us == TIMESTAMP_INFINITY)
        return DATE_INFINITY;
    return us == TIMESTAMP_NEG_INFINITY ? DATE_NEG_INFINITY : floor_div(us, US_PER_DAY);
}

FN(date_timestamp)
{
    out->i = date_to_us(args[0].i);
    return TIMESTAMP_IS_FINITE(out->i) ? timestamp_check_range(out->i) : STATUS_OK;
}

FN(date_timestamptz)
{
    out->i = local_to_utc(zone_of(call), date_to_us(args[0].i));
    return STATUS_OK;
}

FN(timestamp_date)
{
    out->i = us_to_date(args[0].i);
    return STATUS_OK;
}

FN(timestamptz_date)
{
    out->i = us_to_date(utc_to_local(zone_of(call), args[0].i));
    return STATUS_OK;
}

FN(timestamp_timestamptz)
{
    out->i = local_to_utc(zone_of(call), args[0].i);
    return STATUS_OK;
}

FN(timestamptz_timestamp)
{
    out->i = utc_to_local(zone_of(call), args[0].i);
    return STATUS_OK;
}

FN(timestamp_time)
{
    *null = !TIMESTAMP_IS_FINITE(args[0].i);
    out->i = args[0].i - floor_div(args[0].i, US_PER_DAY) * US_PER_DAY;
    return STATUS_OK;
}

FN(timestamptz_time)
{
    int64_t local = utc_to_local(zone_of(call), args[0].i);

    *null = !TIMESTAMP_IS_FINITE(local);
    out->i = local - floor_div(local, US_PER_DAY) * US_PER_DAY;
    return STATUS_OK;
}

FN(time_interval)
{
    out->iv = (struct interval){.us = args[0].i};
    return STATUS_OK;
}

FN(interval_time)
{
    out->i = ((args[0].iv.us % US_PER_DAY) + US_PER_DAY) % US_PER_DAY;
    return STATUS_OK;
}

FN(timestamp_scale)
{
    out->i = TIMESTAMP_IS_FINITE(args[0].i) ? us_round(args[0].i, (int32_t)args[1].i) : args[0].i;
    return STATUS_OK;
}

FN(time_scale)
{
    out->i = us_round(args[0].i, (int32_t)args[1].i);
    return STATUS_OK;
}

/* ---- arithmetic
 * ------------------------------------------------------------------------------------------------------
 */

static status date_shift(int64_t date, int64_t days, datum *out)
{
    if (!DATE_IS_FINITE(date)) {
        out->i = date;
        return STATUS_OK;
    }
    out->i = date + days;
    return out->i >= DATE_MIN && out->i < DATE_END ? STATUS_OK : overflow("date");
}

FN(date_pli)
{
    return date_shift(args[0].i, args[1].i, out);
}

FN(integer_pl_date)
{
    return date_shift(args[1].i, args[0].i, out);
}

FN(date_mii)
{
    return date_shift(args[0].i, -args[1].i, out);
}

FN(date_mi)
{
    if (!DATE_IS_FINITE(args[0].i) || !DATE_IS_FINITE(args[1].i))
        return status_new(ST_DATETIME_OVERFLOW, "cannot subtract infinite dates");
    out->i = args[0].i - args[1].i;
    return STATUS_OK;
}

static struct interval negated(struct interval i)
{
    return (struct interval){.us = -i.us, .days = -i.days, .months = -i.months};
}

FN(date_pl_interval)
{
    return timestamp_add_interval(date_to_us(args[0].i), args[1].iv, &out->i);
}

FN(date_mi_interval)
{
    return timestamp_add_interval(date_to_us(args[0].i), negated(args[1].iv), &out->i);
}

FN(timestamp_pl_interval)
{
    return timestamp_add_interval(args[0].i, args[1].iv, &out->i);
}

FN(timestamp_mi_interval)
{
    return timestamp_add_interval(args[0].i, negated(args[1].iv), &out->i);
}

FN(timestamptz_pl_interval)
{
    return timestamptz_add_interval(zone_of(call), args[0].i, args[1].iv, &out->i);
}

FN(timestamptz_mi_interval)
{
    return timestamptz_add_interval(zone_of(call), args[0].i, negated(args[1].iv), &out->i);
}

FN(interval_pl_timestamp)
{
    return timestamp_add_interval(args[1].i, args[0].iv, &out->i);
}

FN(interval_pl_timestamptz)
{
    return timestamptz_add_interval(zone_of(call), args[1].i, args[0].iv, &out->i);
}

FN(interval_pl_date)
{
    return timestamp_add_interval(date_to_us(args[1].i), args[0].iv, &out->i);
}

FN(datetime_pl)
{
    out->i = date_to_us(args[0].i);
    if (TIMESTAMP_IS_FINITE(out->i))
        out->i += args[1].i;
    return STATUS_OK;
}

FN(time_pl_interval)
{
    out->i = (((args[0].i + args[1].iv.us % US_PER_DAY) % US_PER_DAY) + US_PER_DAY) % US_PER_DAY;
    return STATUS_OK;
}

FN(time_mi_interval)
{
    out->i = (((args[0].i - args[1].iv.us % US_PER_DAY) % US_PER_DAY) + US_PER_DAY) % US_PER_DAY;
    return STATUS_OK;
}

FN(time_mi_time)
{
    out->iv = (struct interval){.us = args[0].i - args[1].i};
    return STATUS_OK;
}

/* The difference in days and time: days are 24 hours here, as in PostgreSQL. */
FN(timestamp_mi)
{
    int64_t us;

    if (!TIMESTAMP_IS_FINITE(args[0].i) || !TIMESTAMP_IS_FINITE(args[1].i))
        return status_new(ST_DATETIME_OVERFLOW, "cannot subtract infinite timestamps");
    if (!checked_sub(args[0].i, args[1].i, &us))
        return overflow("interval");
    out->iv = (struct interval){.us = us % US_PER_DAY, .days = (int32_t)(us / US_PER_DAY)};
    return STATUS_OK;
}

static status interval_add(struct interval a, struct interval b, datum *out)
{
    struct interval r;

    if (!checked_add(a.us, b.us, &r.us) || !checked_add(a.days, b.days, &r.days) ||
        !checked_add(a.months, b.months, &r.months))
        return overflow("interval");
    out->iv = r;
    return STATUS_OK;
}

FN(interval_pl)
{
    return interval_add(args[0].iv, args[1].iv, out);
}

FN(interval_mi)
{
    return interval_add(args[0].iv, negated(args[1].iv), out);
}

FN(interval_um)
{
    out->iv = negated(args[0].iv);
    return STATUS_OK;
}

/* Fractions of months become days of 30 to the month, fractions of days become time. The arguments
 * are the parts, scaled already. */
static status interval_from_parts(double months, double days, double us, datum *out)
{
    double month_days, whole_days, rest_s;

    if (isnan(us) || isnan(months) || isnan(days) || fabs(months) > INT32_MAX ||
        fabs(days) > INT32_MAX || fabs(us) > 9.2e18)
        return overflow("interval");
    out->iv.months = (int32_t)months;
    month_days = rint((months - out->iv.months) * 30 * 1e6) / 1e6;
    whole_days = (double)(int64_t)days;
    rest_s = (days - whole_days + month_days - (double)(int64_t)month_days) * 86400;
    rest_s = rint(rest_s * 1e6) / 1e6;
    if (fabs(rest_s) >= 86400) {
        double more = (double)(int64_t)(rest_s / 86400);

        whole_days += more;
        rest_s -= more * 86400;
    }
    whole_days += (double)(int64_t)month_days;
    if (fabs(whole_days) > INT32_MAX)
        return overflow("interval");
    out->iv.days = (int32_t)whole_days;
    out->iv.us = (int64_t)rint(us + rest_s * 1e6);
    return STATUS_OK;
}

FN(interval_mul)
{
    struct interval i = args[0].iv;
    double          f = args[1].f;

    return interval_from_parts(i.months * f, i.days * f, (double)i.us * f, out);
}

FN(mul_d_interval)
{
    struct interval i = args[1].iv;
    double          f = args[0].f;

    return interval_from_parts(i.months * f, i.days * f, (double)i.us * f, out);
}

FN(interval_div)
{
    struct interval i = args[0].iv;
    double          f = args[1].f;

    if (f == 0)
        return status_new(ST_DIVISION_BY_ZERO, "division by zero");
    return interval_from_parts(i.months / f, i.days / f, (double)i.us / f, out);
}

/* Years, months, days and time by the calendar, as one would count them on it. */
static status age(int64_t later, int64_t earlier, datum *out)
{
    struct civil a, b;
    bool         negative = later < earlier;
    int64_t      months, days, us, a_time, b_time;

    if (!TIMESTAMP_IS_FINITE(later) || !TIMESTAMP_IS_FINITE(earlier))
        return overflow("timestamp");
    timestamp_to_civil(negative ? earlier : later, &a);
    timestamp_to_civil(negative ? later : earlier, &b);
    a_time = a.hour * US_PER_HOUR + a.minute * US_PER_MINUTE + a.second * US_PER_SECOND + a.us;
    b_time = b.hour * US_PER_HOUR + b.minute * US_PER_MINUTE + b.second * US_PER_SECOND + b.us;
    months = (a.year - b.year) * 12 + a.month - b.month;
    days = a.day - b.day;
    us = a_time - b_time;
    if (us < 0) {
        us += US_PER_DAY;
        days--;
    }
    while (days < 0) { /* borrow the days of the earlier date's month */
        days += days_in_month(b.year, b.month);
        months--;
    }
    out->iv = (struct interval){.us = us, .days = (int32_t)days, .months = (int32_t)months};
    if (negative)
        out->iv = negated(out->iv);
    return STATUS_OK;
}

FN(timestamp_age)
{
    return age(args[0].i, args[1].i, out);
}

FN(timestamptz_age)
{
    return age(utc_to_local(zone_of(call), args[0].i), utc_to_local(zone_of(call), args[1].i), out);
}

static int64_t txn_start(const struct fn_call *call)
{
    return call->context != NULL ? call->context->txn_start_us : 0;
}

/* age(x): from today's midnight. */
FN(age_timestamp)
{
    int64_t now = utc_to_local(zone_of(call), txn_start(call));

    return age(floor_div(now, US_PER_DAY) * US_PER_DAY, args[0].i, out);
}

FN(age_timestamptz)
{
    int64_t now = utc_to_local(zone_of(call), txn_start(call));

    return age(floor_div(now, US_PER_DAY) * US_PER_DAY, utc_to_local(zone_of(call), args[0].i),
               out);
}

FN(interval_justify_hours)
{
    struct interval i = args[0].iv;

    i.days += (int32_t)(i.us / US_PER_DAY);
    i.us %= US_PER_DAY;
    if (i.days > 0 && i.us < 0) {
        i.us += US_PER_DAY;
        i.days--;
    } else if (i.days < 0 && i.us > 0) {
        i.us -= US_PER_DAY;
        i.days++;
    }
    out->iv = i;
    return STATUS_OK;
}

FN(interval_justify_days)
{
    struct interval i = args[0].iv;

    i.months += i.days / 30;
    i.days %= 30;
    if (i.months > 0 && i.days < 0) {
        i.days += 30;
        i.months--;
    } else if (i.months < 0 && i.days > 0) {
        i.days -= 30;
        i.months++;
    }
    out->iv = i;
    return STATUS_OK;
}

/* ---- comparison
 * ----------------------------------------------------------------------------------------------------
 */

#define COMPARE_AS(name, left, right, op)                                                          \
    FN(name)                                                                                       \
    {                                                                                              \
        out->b = (left)op(right);                                                                  \
        return STATUS_OK;                                                                          \
    }

#define COMPARE_FAMILY(prefix, left, right)                                                        \
    COMPARE_AS(prefix##_eq, left, right, ==)                                                       \
    COMPARE_AS(prefix##_ne, left, right, !=)                                                       \
    COMPARE_AS(prefix##_lt, left, right, <)                                                        \
    COMPARE_AS(prefix##_le, left, right, <=)                                                       \
    COMPARE_AS(prefix##_gt, left, right, >)                                                        \
    COMPARE_AS(prefix##_ge, left, right, >=)

COMPARE_FAMILY(date, args[0].i, args[1].i)
COMPARE_FAMILY(time, args[0].i, args[1].i)
COMPARE_FAMILY(timestamp, args[0].i, args[1].i)
COMPARE_FAMILY(interval, interval_span(args[0].iv), interval_span(args[1].iv))
COMPARE_FAMILY(timetz, timetz_compare(args[0], args[1]), 0)

#define COMPARE_CROSS(suffix, left, right)                                                         \
    COMPARE_AS(suffix##_eq, left, right, ==)                                                       \
    COMPARE_AS(suffix##_ne, left, right, !=)                                                       \
    COMPARE_AS(suffix##_lt, left, right, <)                                                        \
    COMPARE_AS(suffix##_le, left, right, <=)                                                       \
    COMPARE_AS(suffix##_gt, left, right, >)                                                        \
    COMPARE_AS(suffix##_ge, left, right, >=)

COMPARE_CROSS(date_vs_timestamp, date_to_us(args[0].i), args[1].i)
COMPARE_CROSS(timestamp_vs_date, args[0].i, date_to_us(args[1].i))
COMPARE_CROSS(date_vs_timestamptz, local_to_utc(zone_of(call), date_to_us(args[0].i)), args[1].i)
COMPARE_CROSS(timestamptz_vs_date, args[0].i, local_to_utc(zone_of(call), date_to_us(args[1].i)))
COMPARE_CROSS(timestamp_vs_timestamptz, local_to_utc(zone_of(call), args[0].i), args[1].i)
COMPARE_CROSS(timestamptz_vs_timestamp, args[0].i, local_to_utc(zone_of(call), args[1].i))

/* ---- parts
 * ---------------------------------------------------------------------------------------------------------
 */

struct part {
    double  value;  /* date_part() */
    int64_t scaled; /* extract(): times 10^-scale */
    int     scale;
    bool    null;
};

static bool field_is(slice s, const char *a, const char *b)
{
    return (strlen(a) == s.size && strncasecmp(a, s.data, s.size) == 0) ||
           (b != NULL && strlen(b) == s.size && strncasecmp(b, s.data, s.size) == 0);
}

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

static int64_t century_of(int64_t year, int64_t span)
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

static status refuse_unit(slice unit, bool is_known, const char *type)
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
    return refuse_unit(f, is_known, type);
}

/* date_trunc() has fewer units: the others of extract() are unknown to it. */
static status unknown_trunc_field(slice f, const char *type)
{
    bool is_known =
        field_is(f, "week", "timezone") || field_is(f, "timezone_hour", "timezone_minute");

    return refuse_unit(f, is_known, type);
}

#define UNIX_EPOCH_US (INT64_C(946684800) * US_PER_SECOND)

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

/* ---- date_trunc
 * -------------------------------------------------------------------------------------------------------
 */

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

static status find_zone(struct fn_call *call, slice name, const struct time_zone **out)
{
    if (call->context == NULL || call->context->time_zones == NULL ||
        !st_ok(time_zone_find(call->context->time_zones, name, out)))
        return status_new(ST_INVALID_PARAMETER_VALUE, "time zone \"%.*s\" not recognized",
                          SLICE_FMT(name));
    return STATUS_OK;
}

FN(timestamptz_trunc_zone)
{
    const struct time_zone *tz;

    TRY_RETURN(find_zone(call, args[2].s, &tz));
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

/* ---- AT TIME ZONE
 * ------------------------------------------------------------------------------------------------------
 */

FN(timestamp_zone)
{
    const struct time_zone *tz;

    TRY_RETURN(find_zone(call, args[0].s, &tz));
    out->i = local_to_utc(tz, args[1].i);
    return STATUS_OK;
}

FN(timestamptz_zone)
{
    const struct time_zone *tz;

    TRY_RETURN(find_zone(call, args[0].s, &tz));
    out->i = utc_to_local(tz, args[1].i);
    return STATUS_OK;
}

FN(timestamp_izone)
{
    out->i = TIMESTAMP_IS_FINITE(args[1].i) ? args[1].i - args[0].iv.us : args[1].i;
    return STATUS_OK;
}

FN(timestamptz_izone)
{
    out->i = TIMESTAMP_IS_FINITE(args[1].i) ? args[1].i + args[0].iv.us : args[1].i;
    return STATUS_OK;
}

/* ---- now, and made from parts
 * --------------------------------------------------------------------------------------------- */

FN(now)
{
    out->i = txn_start(call);
    return STATUS_OK;
}

FN(statement_timestamp)
{
    out->i = call->context != NULL ? call->context->statement_start_us : 0;
    return STATUS_OK;
}

FN(clock_timestamp)
{
    out->i = call->context != NULL && call->context->env != NULL
                 ? (int64_t)env_wall_us(call->context->env) - UNIX_EPOCH_US
                 : 0;
    return STATUS_OK;
}

FN(make_date)
{
    int64_t year = args[0].i < 0 ? args[0].i + 1 : args[0].i; /* -1 is 1 BC */

    if (args[0].i == 0 || args[1].i < 1 || args[1].i > 12 || args[2].i < 1 ||
        args[2].i > days_in_month(year, (int)args[1].i))
        return status_new(ST_DATETIME_OVERFLOW, "date field value out of range: %lld-%02lld-%02lld",
                          (long long)args[0].i, (long long)args[1].i, (long long)args[2].i);
    out->i = civil_to_days(year, (int)args[1].i, (int)args[2].i);
    return out->i >= DATE_MIN && out->i < DATE_END ? STATUS_OK : overflow("date");
}

FN(make_interval)
{
    out->iv = (struct interval){.months = (int32_t)(args[0].i * 12 + args[1].i),
                                .days = (int32_t)(args[2].i * 7 + args[3].i),
                                .us = args[4].i * US_PER_HOUR + args[5].i * US_PER_MINUTE +
                                      (int64_t)rint(args[6].f * 1e6)};
    return STATUS_OK;
}

FN(float8_timestamptz)
{
    if (isnan(args[0].f) || fabs(args[0].f) > 9.2e12)
        return overflow("timestamp");
    out->i = (int64_t)rint(args[0].f * 1e6) - UNIX_EPOCH_US;
    return STATUS_OK;
}

FN(date_finite)
{
    out->b = DATE_IS_FINITE(args[0].i);
    return STATUS_OK;
}

FN(timestamp_finite)
{
    out->b = TIMESTAMP_IS_FINITE(args[0].i);
    return STATUS_OK;
}

FN(interval_finite)
{
    out->b = true;
    return STATUS_OK;
}

/* ---- generate_series
 * -----------------------------------------------------------------------------------------------------------
 */

struct series {
    int64_t at;
    bool    started;
};

static status series_next(struct fn_call *call, void **cursor, const datum *args, bool zone,
                          datum *out)
{
    struct series *s = *cursor;
    int128_t       step = interval_span(args[2].iv);

    if (s == NULL) {
        if (step == 0)
            return status_new(ST_INVALID_PARAMETER_VALUE, "step size cannot equal zero");
        s = *cursor = ARENA_NEW(call->call_arena, struct series);
        s->at = args[0].i;
    } else {
        TRY_RETURN(zone ? timestamptz_add_interval(zone_of(call), s->at, args[2].iv, &s->at)
                        : timestamp_add_interval(s->at, args[2].iv, &s->at));
    }
    if (step > 0 ? s->at > args[1].i : s->at < args[1].i)
        return STATUS_NO_DATA;
    out->i = s->at;
    return STATUS_OK;
}

FN_SET(generate_series_timestamp)
{
    return series_next(call, cursor, args, false, out);
}

FN_SET(generate_series_timestamptz)
{
    return series_next(call, cursor, args, true, out);
}

/* ---- aggregates
 * ------------------------------------------------------------------------------------------------------------------
 */

struct interval_sum {
    datum   sum;
    int64_t count;
};

static status interval_sum_update(UNUSED struct fn_call *call, void *state, const datum *args,
                                  const bool *nulls)
{
    struct interval_sum *s = state;

    if (nulls[0])
        return STATUS_OK;
    s->count++;
    return interval_add(s->sum.iv, args[0].iv, &s->sum);
}

static status interval_sum_combine(UNUSED struct fn_call *call, void *state, const void *other)
{
    struct interval_sum       *s = state;
    const struct interval_sum *o = other;

    s->count += o->count;
    return interval_add(s->sum.iv, o->sum.iv, &s->sum);
}

static status interval_sum_finish(UNUSED struct fn_call *call, void *state, datum *out, bool *null)
{
    const struct interval_sum *s = state;

    *null = s->count == 0;
    *out = s->sum;
    return STATUS_OK;
}

static status interval_avg_finish(UNUSED struct fn_call *call, void *state, datum *out, bool *null)
{
    const struct interval_sum *s = state;

    *null = s->count == 0;
    if (s->count == 0)
        return STATUS_OK;
    return interval_from_parts((double)s->sum.iv.months / (double)s->count,
                               (double)s->sum.iv.days / (double)s->count,
                               (double)s->sum.iv.us / (double)s->count, out);
}

AGGREGATE(sum_interval) = {sizeof(struct interval_sum), interval_sum_update, interval_sum_combine,
                           interval_sum_finish};
AGGREGATE(avg_interval) = {sizeof(struct interval_sum), interval_sum_update, interval_sum_combine,
                           interval_avg_finish};
